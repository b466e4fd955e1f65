"""Means and variances in data units far outside of what samples show.

Truth: the moments of a lognormal variable in logarithms, where nothing overflows; limits; monotony.
"""

import warnings

import numpy as np
import pytest
from hybrid_geostatistics.core.transforms import Transform
from numpy.testing import assert_allclose, assert_array_equal

LARGEST = np.log(np.finfo(float).max)
TRANSFORMS = [
    Transform("log"), Transform("log1p"), Transform("boxcox", {"lambda": 0.0}), Transform("boxcox", {"lambda": 1e-3}),
    Transform("boxcox", {"lambda": 0.5}), Transform("normal_score", {"values": [1.0, 2.0, 30.0], "scores": [-1, 0, 1]}),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["log", "log1p"])
def test_lognormal_moments_are_right_up_to_the_largest_number_and_infinite_beyond(kind):
    estimate, variance = np.meshgrid(np.linspace(-50.0, 900.0, 96), [0.0, 1e-9, 0.5, 3.0])
    mean, spread = Transform(kind).back_transform(estimate, variance)
    log_mean = estimate + 0.5 * variance
    with np.errstate(divide="ignore"):
        log_spread = 2.0 * log_mean + np.log(np.expm1(variance))
    for found, logarithm in ((mean + (kind == "log1p"), log_mean), (spread, log_spread)):
        is_number = logarithm < LARGEST
        assert_allclose(found[is_number], np.exp(logarithm[is_number]), rtol=1e-11, atol=1e-16)
        assert np.isposinf(found[~is_number]).all()


def test_small_values_keep_their_digits_under_log1p():
    log1p, values = Transform("log1p"), np.array([1e-12, 3e-7])
    mean, _ = log1p.back_transform(log1p.forward(values), np.zeros(2))
    assert_allclose(mean, values, rtol=1e-14)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda one: f"{one.kind} {one.parameters.get('lambda', '')}")
def test_moments_rise_to_infinity_without_a_word_and_nan_stays(transform):
    estimate = np.array([-1e6, -700.0, 0.0, 300.0, 400.0, 720.0, 1e4, 1e6, 1e160, 1e300])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for variance in (0.0, 1.5):
            mean, spread = transform.back_transform(estimate, np.full(len(estimate), variance))
            assert not np.isnan(mean).any() and not np.isnan(spread).any()
            assert (mean[1:] >= mean[:-1]).all() and (spread >= 0).all()
            if variance == 0:
                assert not spread.any()  # at a sample, however large its value is
        of_nothing = transform.back_transform(np.array([np.nan, 1.0]), np.array([1.0, np.nan]))
    assert_array_equal(np.isnan(of_nothing), [[True, True], [True, True]])
