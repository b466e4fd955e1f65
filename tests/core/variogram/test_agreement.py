"""Whether a variogram can be one of some samples. Truth: fields simulated with it, and mistakes made on purpose."""

import numpy as np
import pytest
from hybrid_geostatistics.core.variogram.agreement import disagreements, expected_variance
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled
from numpy.testing import assert_allclose

MODEL = VariogramModel(0.2, (Structure("exponential", 0.8, 300.0, azimuth=30.0, ratio_minor=0.5),))


@pytest.fixture(scope="module")
def simulated():
    """Places in a box of 1,000 by 600 map units, and 200 fields that vary as the model says."""
    random = np.random.default_rng(11)
    places = random.uniform(0, [1000, 600], (150, 2))
    root = np.linalg.cholesky(MODEL.covariance(places, places))
    return places, 50.0 + root @ random.normal(size=(150, 200))


def test_the_expected_variance_is_that_of_simulated_fields(simulated):
    places, fields = simulated
    assert_allclose(expected_variance(MODEL, places), np.var(fields, axis=0, ddof=1).mean(), rtol=0.05)


def test_fields_that_vary_as_the_model_says_agree_with_it(simulated):
    places, fields = simulated
    assert not any(disagreements(MODEL, places, field, False) for field in fields.T)


@pytest.mark.parametrize(
    ("model", "stretch", "power", "words"),
    [
        (MODEL, 1.0, 1000.0, "have a variance of about"),  # ppm for per mille
        (MODEL, 1.0, 1e-3, "have a variance of about"),
        (VariogramModel(0.02, MODEL.structures), 1e-3, 1.0, "have a variance of about"),  # kilometres for metres
        (MODEL, 1000.0, 1.0, "no other one within the range of the variogram (300 map units)"),
        (VariogramModel(1.0, ()), 1.0, 1.0, "nugget only"),
    ],
)
def test_mistakes_are_told(simulated, model, stretch, power, words):
    places, fields = simulated
    said = disagreements(model, stretch * places, power * fields[:, 0], False)
    assert len(said) == 1 and words in said[0]


def test_what_a_drift_leaves_may_vary_far_less(simulated):
    places, fields = simulated
    steep = fields[:, 0] + 0.05 * places[:, 0]
    residual = scaled(MODEL, 0.01)
    assert disagreements(residual, places, steep, False) and not disagreements(residual, places, steep, True)
    assert disagreements(scaled(MODEL, 1e4), places, steep, True)


def test_a_trend_that_the_range_beyond_the_extent_stands_for_is_no_mistake():
    """Near pairs agree; only pairs far apart, which kriging hardly looks at, vary less than the model says."""
    random = np.random.default_rng(2)
    places = random.uniform(0, 1e5, (3000, 2))
    values = np.sin(places[:, 0] / 9000) + np.cos(places[:, 1] / 7000) + 0.3 * random.normal(size=3000)
    model = VariogramModel(0.09, (Structure("cubic", 65.0, 280_000.0),))
    assert expected_variance(model, places) > 10 * np.var(values)
    assert not disagreements(model, places, values, False)
