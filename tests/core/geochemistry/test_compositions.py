"""Log-ratios. Truth: published examples, theorems of compositional geometry, two roads."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.geochemistry.compositions import (
    KINDS,
    log_ratios,
    mean_parts_from_ilr,
    parts_from_log_ratios,
    ratio_names,
)

PARTS = np.random.default_rng(4).lognormal(size=(50, 5))
SHARES = PARTS / PARTS.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    np.testing.assert_allclose(parts_from_log_ratios(log_ratios(PARTS, kind), kind), SHARES, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_only_ratios_count(kind):
    """Theorem: scale invariance; closure or a change of unit change nothing."""
    scale = np.random.default_rng(5).uniform(0.1, 100, (50, 1))
    np.testing.assert_allclose(log_ratios(scale * PARTS, kind), log_ratios(PARTS, kind), atol=1e-12)


def test_ilr_is_isometric():
    """Theorem (Egozcue et al. 2003): Euclidean distances of ilr are Aitchison distances, written here by pairs."""
    x, y = np.log(PARTS[0]), np.log(PARTS[1])
    pairs = sum(((x[i] - x[j]) - (y[i] - y[j])) ** 2 for i in range(5) for j in range(5)) / (2 * 5)
    ratios = log_ratios(PARTS[:2], "ilr")
    np.testing.assert_allclose(np.sum((ratios[0] - ratios[1]) ** 2), pairs, rtol=1e-12)


def test_first_balance_is_the_published_one():
    """Egozcue et al. (2003): the first coordinate of two parts is sqrt(1/2) ln(x1 / x2)."""
    np.testing.assert_allclose(log_ratios(PARTS, "ilr")[:, 0], np.sqrt(0.5) * np.log(PARTS[:, 0] / PARTS[:, 1]))


def test_clr_adds_up_to_nothing():
    np.testing.assert_allclose(log_ratios(PARTS, "clr").sum(axis=1), 0, atol=1e-12)


def test_mean_parts_against_many_draws():
    """Two roads: the sparse rule and 400,000 draws."""
    ratios, variances = log_ratios(PARTS[:1], "ilr"), np.array([[0.05, 0.02, 0.1, 0.04]])
    rng = np.random.default_rng(6)
    draws = ratios + np.sqrt(variances) * rng.normal(size=(400_000, 4))
    expected = parts_from_log_ratios(draws, "ilr", 100.0).mean(axis=0)
    centre = parts_from_log_ratios(ratios, "ilr", 100.0)[0]
    found = mean_parts_from_ilr(ratios, variances, 100.0)[0]
    assert np.abs(found - expected).max() < 0.1 * np.abs(centre - expected).max()
    np.testing.assert_allclose(found.sum(), 100.0)


def test_without_variance_the_mean_is_the_centre():
    ratios = log_ratios(PARTS, "ilr")
    np.testing.assert_allclose(mean_parts_from_ilr(ratios, 0 * ratios), SHARES, rtol=1e-12)


def test_huge_ratios_do_not_overflow():
    np.testing.assert_allclose(parts_from_log_ratios(np.array([[2000.0, -2000.0]]), "clr"), [[1.0, 0.0]])


def test_names():
    assert ratio_names(("Fe", "Si", "Al"), "clr") == ("clr_Fe", "clr_Si", "clr_Al")
    assert ratio_names(("Fe", "Si", "Al"), "ilr") == ("ilr_1", "ilr_2")


def test_refuses():
    with pytest.raises(InputError, match="row 2"):
        log_ratios(np.array([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.raises(InputError, match="at least 2 parts"):
        log_ratios(np.array([[1.0]]))
    with pytest.raises(InputError, match="clr, ilr"):
        log_ratios(PARTS, "alr")
