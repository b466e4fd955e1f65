"""Truth: the logarithm and the straight line at the ends, scipy's likelihood, a power whose moments are known."""

import numpy as np
import pytest
from hybrid_geostatistics.core import box_cox
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose
from scipy import stats


@pytest.fixture(scope="module")
def values():
    """Return the squares of normal values far from 0, for which the power 1/2 is right."""
    return np.random.default_rng(0).normal(6.0, 1.0, 500) ** 2


def test_lambda_is_that_of_the_greatest_likelihood(values):
    """Two roads: scipy searches in another way, without bounds."""
    found = Transform("boxcox").fitted(values).parameters["lambda"]
    assert found == pytest.approx(stats.boxcox(values)[1], abs=2e-3)
    assert found == pytest.approx(0.5, abs=0.15)
    assert_allclose(Transform("boxcox", {"lambda": found}).forward(values), stats.boxcox(values, found), rtol=1e-12)
    # Other units, same lambda.
    assert Transform("boxcox").fitted(1e-6 * values).parameters["lambda"] == pytest.approx(found, abs=1e-3)


def test_more_skewed_than_lognormal_is_a_logarithm(values):
    skewed = np.exp(np.exp(np.random.default_rng(1).normal(0.0, 0.7, 300)))
    assert stats.boxcox(skewed)[1] < 0
    transform = Transform("boxcox").fitted(skewed)
    assert transform.parameters == {"lambda": 0.0}
    logs = Transform("log")
    assert_allclose(transform.forward(values), logs.forward(values), rtol=1e-12)
    estimate, variance = np.array([0.3, 2.0]), np.array([0.2, 0.8])
    assert_allclose(transform.inverse(estimate), logs.inverse(estimate), rtol=1e-12)
    for ours, exact in zip(transform.back_transform(estimate, variance), logs.back_transform(estimate, variance)):
        assert_allclose(ours, exact, rtol=1e-12)


def test_there_and_back_and_not_below_nothing(values):
    transform = Transform("boxcox", {"lambda": 0.5})
    assert_allclose(transform.inverse(transform.forward(values)), values, rtol=1e-12)
    assert transform.inverse(np.array([-2.0, -9.0])).tolist() == [0.0, 0.0]
    assert np.isnan(transform.inverse(np.array([np.nan]))).all()


def test_moments_of_a_square():
    """For the power 1/2, z = (1 + y / 2)^2: mean (1 + m/2)^2 + v/4, variance (1 + m/2)^2 v + v^2 / 8."""
    transform = Transform("boxcox", {"lambda": 0.5})
    m, v = np.array([6.0, 10.0, 30.0]), np.array([0.5, 2.0, 4.0])
    mean, variance = transform.back_transform(m, v)
    assert_allclose(mean, (1 + m / 2) ** 2 + v / 4, rtol=1e-5)
    assert_allclose(variance, (1 + m / 2) ** 2 * v + v**2 / 8, rtol=1e-4)
    raised, same = transform.back_transform(m, v, 0.5 * v)
    assert_allclose(raised, (1 + m / 2) ** 2 + v / 8, rtol=1e-5)
    assert_allclose(same, variance)


def test_the_power_one_is_kriging_of_the_values(values):
    coordinates = np.random.default_rng(2).uniform(0, 100, (60, 2))
    variogram = VariogramModel(4.0, (Structure("spherical", 140.0, 40.0),))
    places = np.random.default_rng(3).uniform(0, 100, (20, 2))
    plain = fit_kriging(coordinates, values[:60], variogram).predict(places)
    transform = Transform("boxcox", {"lambda": 1.0})
    kriging = fit_kriging(coordinates, transform.forward(values[:60]), variogram)
    found = kriging.predict(places)
    mean, variance = BackTransform.of(kriging, transform).moments(
        found.estimate, found.kriging_variance, found.smoothing_variance
    )
    assert_allclose(mean, plain.estimate, rtol=1e-3)  # what would be below 0 comes back as 0
    assert_allclose(variance, plain.kriging_variance, rtol=3e-2)


def test_it_stands_in_files(values, tmp_path):
    transform = Transform("boxcox").fitted(values)
    model = VariogramModel(0.1, (Structure("spherical", 1.0, 50.0),))
    VariogramFile(model, "zinc", transform).write(tmp_path / "v.json")
    assert VariogramFile.read(tmp_path / "v.json").transform == transform


@pytest.mark.parametrize(
    ("parameters", "values", "message"),
    [({}, [1.0], "has to be fitted"), ({"lambda": 3.0}, [1.0], "lambda of 0 to 2"), ({"lambda": -1.0}, [1.0], "0 to 2"),
     ({"lambda": 0.5}, [4.0, 0.0], "above 0, got 0 in row 2")],
)  # fmt: skip
def test_what_cannot_be_transformed_is_refused(parameters, values, message):
    with pytest.raises(InputError, match=message):
        Transform("boxcox", parameters).forward(np.array(values))


def test_what_cannot_be_fitted_is_refused():
    for values, message in ((np.ones(5), "different values"), (np.array([1.0, -2.0]), "in row 2")):
        with pytest.raises(InputError, match=message):
            box_cox.fitted(values, "zinc")
