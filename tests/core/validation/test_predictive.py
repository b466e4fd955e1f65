"""What a method says about unsampled places. Truth: quantiles of the normal distribution, and limits."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution
from hybrid_geostatistics.tests.core.validation.distributions import normal


def test_median_and_interval_of_a_normal_distribution():
    predicted = normal([3.0], [2.0])
    assert predicted.median[0, 0] == pytest.approx(3.0)
    assert predicted.lower[0, 0] == pytest.approx(3.0 - 2.0 * 1.6448536)
    assert predicted.upper[0, 0] == pytest.approx(3.0 + 2.0 * 1.6448536)


def test_the_median_lies_midway_between_the_middle_quantiles():
    quantiles = np.arange(float(len(LEVELS)))[None, None] ** 2
    assert PredictiveDistribution(np.zeros((1, 1)), quantiles).median[0, 0] == (14**2 + 15**2) / 2


def test_shapes_are_checked():
    with pytest.raises(InputError, match="30 quantiles each"):
        PredictiveDistribution(np.zeros((4, 1)), np.zeros((4, 1, 3)))
    with pytest.raises(InputError, match="two ends each"):
        PredictiveDistribution(np.zeros((4, 1)), np.zeros((4, 1, 30)), own_interval=np.zeros((4, 2)))
