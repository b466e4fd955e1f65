"""Truth: exponential and gaussian as limits, scikit-gstat's formulas, central differences, kriging with the twins."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.kriging.covariance import SmoothCovariance
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.slopes import slope_ratio
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.likelihood import LikelihoodSearch
from hybrid_geostatistics.core.variogram.models import (
    Structure,
    VariogramModel,
    correlation,
    effective_range_from_skgstat,
    support,
)
from numpy.testing import assert_allclose, assert_array_equal

R = np.concatenate([[0.0, 1e-9, 1e-4], np.linspace(0.01, 4.0, 60)])
SHAPED = [
    ("matern", 0.1), ("matern", 0.5), ("matern", 0.8), ("matern", 1.0), ("matern", 1.5), ("matern", 2.5),
    ("matern", 4.3), ("matern", 20.0), ("stable", 0.1), ("stable", 1.0), ("stable", 1.4), ("stable", 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("model", "shape"), SHAPED)
def test_falls_from_one_to_five_percent_at_the_effective_range_and_is_lost_at_its_support(model, shape):
    found = correlation(model, shape, R)
    assert found[0] == 1.0 and (np.diff(found) <= 0).all() and found[-1] < 0.3
    assert correlation(model, shape, np.array([1.0]))[0] == pytest.approx(np.exp(-3), rel=1e-11)
    assert correlation(model, shape, np.array([1.001 * support(model, shape)]))[0] < 1e-18


@pytest.mark.parametrize(
    ("model", "shape", "twin", "tolerance"),
    [
        ("matern", 0.5, "exponential", 1e-15),
        ("stable", 1.0, "exponential", 1e-15),
        ("stable", 2.0, "gaussian", 1e-15),
        ("matern", 20.0, "gaussian", 0.02),  # the limit is reached as 1 / shape
    ],
)
def test_limits(model, shape, twin, tolerance):
    assert_allclose(correlation(model, shape, R), correlation(twin, None, R), atol=tolerance)


@pytest.mark.parametrize("shape", [0.5, 1.5, 2.5])
def test_closed_forms_join_the_general_one(shape):
    """Two roads: elementary functions, and Bessel functions of nearly the same order."""
    assert_allclose(correlation("matern", shape, R), correlation("matern", shape + 1e-8, R), atol=1e-8)


@pytest.mark.parametrize(("model", "shape"), SHAPED)
def test_gamma_equals_scikit_gstat(model, shape):
    models = pytest.importorskip("skgstat.models")
    lags = np.linspace(1.0, 900.0, 40)
    ours = VariogramModel(0.2, (Structure(model, 1.7, 400.0, shape=shape),))
    theirs = 400.0 / effective_range_from_skgstat(model, 1.0, shape)
    expected = getattr(models, model)(lags, theirs, 1.7, shape, 0.2)
    assert_allclose(ours.gamma(lags), expected, rtol=1e-9)


@pytest.mark.parametrize(("model", "shape"), SHAPED)
def test_slopes_are_central_differences(model, shape):
    r = np.linspace(0.05, 2.0, 40)
    step = 1e-6
    difference = (correlation(model, shape, r + step) - correlation(model, shape, r - step)) / (2 * step)
    assert_allclose(slope_ratio(model, r, shape) * r, difference, rtol=1e-6, atol=1e-8)
    at_zero = slope_ratio(model, np.zeros(1), shape)[0]
    if (model == "matern" and shape > 1.0) or shape == 2.0:
        assert at_zero < 0
    else:
        assert at_zero == 0
    if model == "matern" and shape > 2.0:  # smooth enough for a difference of second order
        curvature = 2 * (correlation(model, shape, np.array([1e-3]))[0] - 1) / 1e-6
        assert at_zero == pytest.approx(curvature, rel=1e-3)


@pytest.fixture(scope="module")
def samples():
    random = np.random.default_rng(8)
    coordinates = random.random((120, 2)) * [900.0, 500.0]
    values = np.sin(coordinates[:, 0] / 90.0) + 0.3 * random.normal(size=120)
    return coordinates, values, random.random((31_000, 2)) * 500.0  # enough to be worth compiling


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=12)], ids=["all", "nearest"])
@pytest.mark.parametrize(("model", "shape", "twin"), [("matern", 0.5, "exponential"), ("stable", 2.0, "gaussian")])
def test_kriging_is_that_of_the_twin(samples, neighborhood, model, shape, twin):
    """Also where compiled kernels are taken, which do not know these models."""
    coordinates, values, targets = samples
    angles = {"azimuth": 30.0, "ratio_minor": 0.5}

    def kriged(name, shape):
        variogram = VariogramModel(0.1, (Structure(name, 0.9, 300.0, shape=shape, **angles),))
        return fit_kriging(coordinates, values, variogram, neighborhood).predict(targets)

    expected = kriged(twin, None)
    found = kriged(model, shape)
    assert_allclose(found.estimate, expected.estimate, rtol=0, atol=1e-10)
    assert_allclose(found.kriging_variance, expected.kriging_variance, rtol=0, atol=1e-10)
    assert_array_equal(found.n_neighbors, expected.n_neighbors)


def test_kriging_with_another_smoothness_is_exact_and_has_a_gradient(samples):
    coordinates, values, targets = samples
    variogram = VariogramModel(0.0, (Structure("matern", 1.0, 200.0, shape=1.2),))
    kriging = fit_kriging(coordinates, values, variogram)
    assert_allclose(kriging.predict(coordinates).estimate, values, atol=1e-6)
    covariance = SmoothCovariance.of(variogram, 2)
    place, step = targets[:1], np.array([[1e-3, 0.0]])
    ahead = covariance.between(place + step, coordinates) - covariance.between(place - step, coordinates)
    assert_allclose(covariance.derivative(place, coordinates, 0), ahead / 2e-3, atol=1e-8)


def test_shape_travels_in_files(tmp_path):
    model = VariogramModel(0.1, (Structure("matern", 1.0, 50.0, shape=1.5), Structure("spherical", 2.0, 90.0)))
    VariogramFile(model).write(tmp_path / "v.json")
    assert VariogramFile.read(tmp_path / "v.json").model == model
    written = json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))["structures"]
    assert [structure["shape"] for structure in written] == [1.5, None]


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        ("matern", None, "shape of 0.1 to 20 for the matern model, got None"),
        ("stable", 2.5, "shape of 0.1 to 2 for the stable model, got 2.5"),
        ("spherical", 1.0, "spherical model has no shape"),
        ("linear", None, "cubic, matern, stable, got 'linear'"),
    ],
)
def test_bad_shapes_are_named(model, shape, message):
    with pytest.raises(InputError, match=message):
        Structure(model, 1.0, 10.0, shape=shape)
    content = {
        "format": "hybridgeo-variogram", "version": 1, "nugget": 0.0,
        "structures": [{"model": model, "psill": 1.0, "effective_range": 10.0, "shape": shape}],
    }  # fmt: skip
    with pytest.raises(ModelFileError, match=message):
        VariogramFile.from_dict(content)


@pytest.mark.parametrize(("kind", "shape"), [("matern", 0.5), ("stable", 1.0)])
def test_likelihood_refines_the_shape_and_is_never_below_the_exponential_within(samples, kind, shape):
    def fitted(structure):
        search = LikelihoodSearch(samples[0], samples[1])
        return search.fine(search.climbed(VariogramModel(0.1, (structure,))))

    model, log_likelihood = fitted(Structure(kind, 1.0, 50.0, shape=shape))
    assert model.structures[0].shape != shape
    assert log_likelihood > fitted(Structure("exponential", 1.0, 50.0))[1] - 0.01
