"""Correlations of kriging errors. Truth: pure nugget, by hand; simulated fields, whose errors are known; limits."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging import joint_errors
from hybrid_geostatistics.core.kriging.joint_errors import effective_numbers, error_correlations
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose
from scipy.stats import binomtest

MODEL = VariogramModel(0.15, (Structure("exponential", 0.85, 40.0),))


def test_errors_of_the_mean_are_alike_everywhere():
    """With a pure nugget the errors of n samples' mean correlate by 1 / (n + 1)."""
    random = np.random.default_rng(0)
    samples, places = random.random((9, 2)), random.random((6, 2))
    found = error_correlations(samples, VariogramModel(2.0, ()), places)
    assert_allclose(found, np.where(np.eye(6), 1.0, 0.1), atol=1e-12)
    assert_allclose(effective_numbers(samples, VariogramModel(2.0, ()), places), [6 / 1.5, 6 / 1.05], rtol=1e-12)


def test_correlations_are_those_of_simulated_errors():
    random = np.random.default_rng(1)
    samples, places = random.uniform(0, 100, (40, 2)), random.uniform(20, 60, (8, 2))
    every = np.vstack([samples, places])
    fields = np.linalg.cholesky(MODEL.covariance(every, every)) @ random.normal(size=(48, 6000))
    weights, _ = fit_kriging(samples, np.zeros(40), MODEL).weights(places)
    errors = fields[40:] - weights @ fields[:40]
    # Standard error of a correlation of 6,000 draws: 0.013.
    assert_allclose(error_correlations(samples, MODEL, places), np.corrcoef(errors), atol=0.05)


def test_one_place_many_places_and_a_singular_system(monkeypatch):
    random = np.random.default_rng(2)
    samples = random.uniform(0, 100, (30, 2))
    assert effective_numbers(samples, MODEL, samples[:1] + 0.5) == (1.0, 1.0)
    places = random.uniform(0, 100, (200, 2))
    whole = effective_numbers(samples, MODEL, places)
    assert 1 < whole[0] < whole[1] < 200
    monkeypatch.setattr(joint_errors, "MOST_PLACES", 80)
    assert_allclose(effective_numbers(samples, MODEL, places), whole, rtol=0.25)
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 300.0),))
    assert_allclose(error_correlations(samples, smooth, places[:9]), smooth.covariance(places[:9], places[:9]))


@pytest.mark.parametrize("design", ["spread", "one hole"])
def test_tests_of_bias_and_coverage_reject_as_seldom_as_they_say(design):
    """200 fields without any drift: as independent errors those along a hole pass for drift in more than half."""
    rejected, naively = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        samples, places = random.uniform(0, 100, (60, 2)), random.uniform(0, 100, (30, 2))
        if design == "one hole":
            places = random.uniform(10, 90, 2) + np.column_stack([0.3 * np.arange(30), np.zeros(30)])
        every = np.vstack([samples, places])
        field = np.linalg.cholesky(MODEL.covariance(every, every)) @ random.normal(size=90)
        result = fit_kriging(samples, field[:60], MODEL).predict(places)
        errors = field[60:] - result.estimate
        inside = np.abs(errors) < 1.645 * result.kriging_std
        of_mean, of_size = effective_numbers(samples, MODEL, places)
        numbers = (of_mean, int(of_size)), (30.0, 30)
        for found, (n_mean, n_size) in zip((rejected, naively), numbers):
            low = binomtest(round(inside.mean() * n_size), n_size, 0.9, alternative="less").pvalue < 0.05
            found.append(low or abs(errors.mean()) > 3.0 * errors.std() / np.sqrt(n_mean - 1.0))
    assert np.mean(rejected) < 0.09  # 5 % and the bias, by chance up to 9 of 200
    assert np.mean(naively) > 0.4 or design == "spread"
