"""Truth: simulated lognormal fields, of which the expectation is known; limits; round trips."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.back_transform import LARGEST_SHARE, BackTransform
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

MODEL = VariogramModel(0.1, (Structure("exponential", 1.1, 300.0),))
LOG = Transform("log")


def simulated(n_fields=600, n=60, seed=4):
    """Lognormal fields at the same samples and targets, many of them far from any sample."""
    random = np.random.default_rng(seed)
    samples = random.random((n, 2)) * [500.0, 300.0] + [4e5, 5e6]
    targets = random.random((25, 2)) * [900.0, 700.0] + [4e5 - 100.0, 5e6 - 200.0]
    places = np.vstack([samples, targets])
    fields = 1.5 + np.linalg.cholesky(MODEL.covariance(places, places)) @ random.normal(size=(len(places), n_fields))
    return samples, targets, fields[:n].T, np.exp(fields[n:]).T


@pytest.mark.parametrize(
    ("neighborhood", "n_fields"), [(Neighborhood(), 600), (Neighborhood(max_neighbors=8), 250)], ids=["all", "nearest"]
)
def test_means_of_lognormal_fields_are_unbiased(neighborhood, n_fields):
    samples, targets, fields, truth = simulated(n_fields)
    sums = {"unbiased": [], "calibrated": [], "half the kriging variance": []}
    for values, true in zip(fields, truth):
        kriging = fit_kriging(samples, values, MODEL, neighborhood)
        result = kriging.predict(targets)
        of_result = result.estimate, result.kriging_variance, result.smoothing_variance
        means = {
            "unbiased": BackTransform(LOG).moments(*of_result)[0],
            "calibrated": BackTransform.of(kriging, LOG).moments(*of_result)[0],
            "half the kriging variance": LOG.back_transform(*of_result[:2])[0],
        }
        for name, mean in means.items():
            sums[name].append((mean - true).mean())
    expected = np.exp(1.5 + 0.6)
    bias = {name: np.mean(errors) / expected for name, errors in sums.items()}
    # Standard error of a mean over 600 fields: 2 %, over 250: 3 %.
    assert np.std(sums["unbiased"]) / expected / np.sqrt(len(fields)) < 0.03
    assert abs(bias["unbiased"]) < 0.06
    assert abs(bias["calibrated"]) < 0.10  # the variance of the samples stands for the sill
    assert bias["half the kriging variance"] > abs(bias["unbiased"]) + 0.02


def test_left_out_estimates_get_the_mean_of_the_samples():
    samples, _, fields, _ = simulated(n_fields=3)
    for values in fields:
        kriging = fit_kriging(samples, values, MODEL)
        left_out = kriging.leave_one_out()
        way_back = BackTransform.of(kriging, LOG)
        assert 0 < way_back.share < LARGEST_SHARE
        mean, _ = way_back.moments(left_out.estimate, left_out.kriging_variance, left_out.smoothing_variance)
        assert mean.mean() == pytest.approx(np.exp(values).mean(), rel=1e-5)


def test_values_that_are_not_lognormal_are_raised_less():
    samples, _, fields, _ = simulated(n_fields=1)
    # A normal variable cut off at 0: its logarithms are skewed to the left.
    logs = Transform("log1p").forward(np.maximum(200.0 * (fields[0] - fields[0].mean()) + 150.0, 0.0))
    model = VariogramModel(0.5, (Structure("exponential", 4.0, 300.0),))
    assert (logs == 0).any()
    assert BackTransform.of(fit_kriging(samples, logs, model), Transform("log1p")).share < 0.5


def test_the_share_stays_in_bounds_and_needs_samples():
    values = np.linspace(-1.0, 1.0, 30)
    flat, some = np.zeros(30), np.full(30, 0.2)
    assert BackTransform.fit(LOG, values, flat + 1.0, some).share == 0.0
    assert BackTransform.fit(LOG, values, flat - 1.0, some).share == LARGEST_SHARE
    assert BackTransform.fit(LOG, values, flat, flat).share == 1.0
    few = np.where(np.arange(30) < 12, -1.0, np.nan)
    assert BackTransform.fit(LOG, values, few, some).share == 1.0


def test_no_transform_changes_nothing_and_samples_keep_their_values():
    samples, targets, fields, _ = simulated(n_fields=1)
    kriging = fit_kriging(samples, fields[0], MODEL)
    result = kriging.predict(np.vstack([samples[:3], targets]))
    of_result = result.estimate, result.kriging_variance, result.smoothing_variance
    mean, variance = BackTransform.of(kriging, Transform()).moments(*of_result)
    assert_allclose(mean, result.estimate)
    assert_allclose(variance, result.kriging_variance)
    mean, variance = BackTransform.of(kriging, LOG).moments(*of_result)
    assert_allclose(mean[:3], np.exp(fields[0][:3]))
    assert_allclose(variance[:3], 0.0)


def test_goes_through_a_file():
    way_back = BackTransform(LOG, 0.7, 1.25)
    assert BackTransform.from_dict(LOG, json.loads(json.dumps(way_back.to_dict()))) == way_back
    assert BackTransform.from_dict(LOG, {}) == BackTransform(LOG)
