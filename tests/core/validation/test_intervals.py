"""Conformal intervals. Truth: the coverage theorem for exchangeable scores, by simulation and by counting."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.validation.intervals import (
    conformal_quantile,
    coverage,
    highest_coverage,
    normalized_scores,
)


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [39, 155])
def test_coverage_of_a_new_sample_is_the_nominal_one(wanted, n):
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(1500):
        sigma = rng.uniform(0.2, 3.0, n + 1)
        errors = sigma * rng.laplace(size=n + 1)  # heavy tails: a normal interval would not hold
        quantile = conformal_quantile(normalized_scores(errors[:n], sigma[:n]), wanted)
        inside.append(abs(errors[n]) <= quantile * sigma[n])
    # theorem: between wanted and wanted + 1 / (n + 1); three standard errors of 1500 trials are about 3 points
    assert wanted - 0.03 <= np.mean(inside) <= wanted + 1 / (n + 1) + 0.03


def test_rank_carries_the_finite_sample_correction():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 10.0))
    assert conformal_quantile(scores, 0.9) == 9.0  # ceil(10 x 0.9) = 9th of 9, not the 8.1th
    assert conformal_quantile(scores, 0.5) == 5.0
    assert highest_coverage(9) == 0.9


def test_too_few_scores_are_refused_with_the_number_needed():
    with pytest.raises(InputError, match="needs at least 9 errors to learn from, got 8"):
        conformal_quantile(np.ones(8), 0.9)
    with pytest.raises(InputError, match="between 0 and 1"):
        conformal_quantile(np.ones(8), 90)
    with pytest.raises(InputError, match="1 NaN of 2"):
        conformal_quantile(np.array([1.0, np.nan]), 0.5)


def test_scores_at_zero_sigma_are_zero_or_infinite_never_nan():
    scores = normalized_scores(np.array([-2.0, 0.0, 1.0]), np.array([4.0, 0.0, 0.0]))
    np.testing.assert_array_equal(scores, [0.5, 0.0, np.inf])
    with pytest.raises(InputError, match="1 unusable standard deviations"):
        normalized_scores(np.ones(2), np.array([1.0, np.nan]))


def test_coverage_counts_closed_intervals():
    assert coverage(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0, 4, 0]), np.array([2.0, 2, 5, 3])) == 0.5
