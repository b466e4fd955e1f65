"""Truth: the density of error contrasts written out, central differences, Vecchia's limit, two roads, brute force."""

from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.variogram import whitening
from hybrid_geostatistics.core.variogram.restricted_likelihood import restricted_log_likelihood
from hybrid_geostatistics.core.variogram.trial import Trial
from hybrid_geostatistics.core.variogram.whitening import ExactLikelihood, VecchiaLikelihood, previous_neighbors

N = 90


def samples(n_dimensions):
    random = np.random.default_rng(n_dimensions)
    coordinates = random.random((N, n_dimensions)) * [1000.0, 700.0, 50.0][:n_dimensions]
    drift = np.column_stack([np.ones(N), coordinates[:, 1] / 500.0, np.sin(coordinates[:, 0] / 100.0)])
    return coordinates, random.normal(size=N) + coordinates[:, 0] / 300.0, drift


def trial(kind, shape=None, n_dimensions=2, inner_share=0.0):
    if n_dimensions == 2:
        return Trial(kind, 0.2, 400.0, 30.0, 0.5, 1.0, shape, inner_share, 0.3)
    return Trial(kind, 0.2, 400.0, 30.0, 0.5, 0.08, shape, inner_share, 0.3, dip=25.0, plunge=-40.0)


def names_of(one):
    names = ["share", "effective_range", "azimuth", "ratio_minor"]
    names += ["dip", "plunge", "ratio_vertical"] if one.ratio_vertical != 1.0 else []
    names += ["shape"] if one.shape is not None else []
    return names + (["inner_share", "inner_ratio"] if one.inner_share else [])


PLAIN = ("spherical", "exponential", "gaussian", "cubic")
KINDS = [*((kind, None) for kind in PLAIN), ("stable", 1.3), ("matern", 0.8)]


@pytest.mark.parametrize(("kind", "shape"), KINDS)
@pytest.mark.parametrize("inner_share", [0.0, 0.4])
def test_exact_is_the_density_of_error_contrasts(kind, shape, inner_share):
    coordinates, values, drift = samples(2)
    found = ExactLikelihood(coordinates, values, drift).evaluate(trial(kind, shape, inner_share=inner_share))
    expected = restricted_log_likelihood(coordinates, values, found.trial.model(found.sill), drift[:, 1:])
    assert found.value == pytest.approx(expected, rel=1e-10)


def test_the_sill_is_at_its_optimum():
    coordinates, values, drift = samples(2)
    found = ExactLikelihood(coordinates, values, drift).evaluate(trial("exponential"))
    for factor in (0.97, 1.03):
        model = found.trial.model(factor * found.sill)
        assert restricted_log_likelihood(coordinates, values, model, drift[:, 1:]) < found.value


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_vecchia_with_all_predecessors_is_exact(n_dimensions):
    coordinates, values, drift = samples(n_dimensions)
    one = trial("exponential", n_dimensions=n_dimensions, inner_share=0.3)
    exact = ExactLikelihood(coordinates, values, drift).evaluate(one, names_of(one))
    vecchia = VecchiaLikelihood(coordinates, values, drift, N - 1, N).evaluate(one, names_of(one))
    assert vecchia.value == pytest.approx(exact.value, rel=1e-10)
    assert vecchia.sill == pytest.approx(exact.sill, rel=1e-10)
    np.testing.assert_allclose(vecchia.gradient, exact.gradient, rtol=1e-7, atol=1e-8)


def test_vecchia_with_few_neighbors_is_the_product_of_conditional_densities():
    coordinates, values, _ = samples(2)
    one = trial("spherical")
    found = VecchiaLikelihood(coordinates, values, np.ones((N, 1)), 7, N, one.frame, seed=5).evaluate(one)
    order = np.random.default_rng(5).permutation(N)
    model = one.model(1.0)
    stretched = coordinates[order] @ model.structures[0].scaling(2).T
    whitener, log_determinant = np.zeros((N, N)), 0.0
    for i in range(N):
        near = np.argsort(np.linalg.norm(stretched[:i] - stretched[i], axis=1))[:7]
        rows = order[near]
        among = model.covariance(coordinates[rows], coordinates[rows])
        to = model.covariance(coordinates[rows], coordinates[order[i : i + 1]])[:, 0]
        weights = np.linalg.solve(among, to) if i else np.zeros(0)
        variance = 1.0 - to @ weights
        whitener[i, order[i]] = 1.0 / np.sqrt(variance)
        whitener[i, rows] = -weights / np.sqrt(variance)
        log_determinant += np.log(variance)
    constant, known = whitener @ np.full(N, N**-0.5), whitener @ values
    residuals = known - constant * (constant @ known) / (constant @ constant)
    sill = residuals @ residuals / (N - 1)
    log_determinant += np.log(constant @ constant)
    expected = -0.5 * ((N - 1) * (np.log(2 * np.pi * sill) + 1) + log_determinant)
    assert found.value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("kind", "shape"), KINDS)
@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_gradients_are_those_of_central_differences(kind, shape, n_dimensions):
    coordinates, values, drift = samples(n_dimensions)
    one = trial(kind, shape, n_dimensions, inner_share=0.4)
    names, step = names_of(one), 1e-4
    for likelihood in (
        ExactLikelihood(coordinates, values, drift),
        VecchiaLikelihood(coordinates, values, drift, 8, 60, one.frame, seed=3),
    ):
        position = one.position(names)
        expected = []
        for move in step * np.eye(len(names)):
            ahead, behind = (likelihood.evaluate(one.moved_to(position + s * move, names)) for s in (1, -1))
            expected.append((ahead.value - behind.value) / (2 * step))
        np.testing.assert_allclose(likelihood.evaluate(one, names).gradient, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("inner_share", [0.0, 0.4])
def test_the_compiled_likelihood_equals_that_of_numpy(monkeypatch, kind, n_dimensions, inner_share):
    pytest.importorskip("numba")
    one = trial(kind, None, n_dimensions, inner_share)
    for frame in (one, replace(one, ratio_minor=1.0, ratio_vertical=1.0, dip=0.0, plunge=0.0)):
        names = names_of(one) if frame is one else ["share", "effective_range"]
        likelihood = VecchiaLikelihood(*samples(n_dimensions), 9, 83)  # not a whole number of groups
        compiled = likelihood.evaluate(frame, names)
        with monkeypatch.context() as without:
            without.setattr(whitening, "compiled_kernels", lambda: None)
            plain = likelihood.evaluate(frame, names)
        assert compiled.value == pytest.approx(plain.value, rel=1e-12)
        assert compiled.sill == pytest.approx(plain.sill, rel=1e-11)
        np.testing.assert_allclose(compiled.gradient, plain.gradient, rtol=1e-9, atol=1e-9)


def test_kernels_are_cached_apart_for_each_name_of_the_package():
    # The plugin and its backend import the same files under two names; numba finds a cached kernel by this name only.
    kernels = pytest.importorskip("hybrid_geostatistics.core.kriging.vecchia_numba")
    assert kernels.whiten_terms.py_func.__qualname__.startswith("hybrid_geostatistics_core_kriging_vecchia_numba")


def test_previous_neighbors_are_those_of_brute_force():
    points = np.random.default_rng(1).random((300, 2))
    rows = np.array([0, 1, 2, 5, 9, 64, 65, 127, 200, 299])
    found = previous_neighbors(points, rows, 6)
    for row, near in zip(rows, found):
        expected = np.argsort(np.linalg.norm(points[:row] - points[row], axis=1))[:6]
        assert near[near >= 0].tolist() == expected[::-1].tolist()


def test_coincident_samples_with_a_nugget_have_a_likelihood():
    coordinates, values, drift = samples(2)
    twice, again = np.vstack([coordinates, coordinates]), np.concatenate([values, values + 0.1])
    found = VecchiaLikelihood(twice, again, np.vstack([drift, drift]), 12, 500).evaluate(trial("gaussian"))
    assert np.isfinite(found.value)
    without = Trial("exponential", 0.0, 400.0)
    assert VecchiaLikelihood(twice, again, np.vstack([drift, drift]), 12, 500).evaluate(without).value == -np.inf
