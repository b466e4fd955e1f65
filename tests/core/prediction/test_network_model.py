"""Networks by name as predictors, without any network library. Truth: two roads (file = memory), limits, refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.features.sequences import SequenceFeatures
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.prediction.network_model import NetworkModel, NetworkTarget
from hybrid_geostatistics.core.prediction.trained_model import model_from_contract
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.validation.intervals import IntervalTable
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

N = 45
MODEL = VariogramModel(0.1, (Structure("spherical", 0.4, 400.0),))


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(2)
    coordinates = rng.uniform(0, 1, (N, 2)) * [1000, 700]
    covariates = Covariates(
        ("slope", "rock"), np.column_stack([rng.normal(size=N), rng.choice([1.0, 2.0], N)]), (False, True)
    )
    values = np.column_stack([np.exp(rng.normal(4, 0.5, N)), rng.normal(10, 2, N)])
    samples = Samples(coordinates, values, ("zinc", "depth"), "EPSG:28992", covariates)
    transforms = Transform("log"), Transform()
    scaled = np.column_stack([transform.forward(column, "x") for transform, column in zip(transforms, values.T)])
    features = SequenceFeatures.fit(coordinates, covariates, scaled, (MODEL, MODEL), Neighborhood(), 5)
    table = IntervalTable(np.array([0.5, 0.9]), np.array([0.7, 1.7]))
    targets = tuple(
        NetworkTarget(name, unit, transform, table, 1.2, BackTransform(transform))
        for name, unit, transform in zip(samples.targets, ("mg/kg", ""), transforms)
    )
    return NetworkModel("gcnn_rnn", samples, features, targets)


def as_kriging(model):
    """Return a network that gives back the kriging it reads."""
    kernel, bias = model.features.kriging_of_context()
    return lambda sequences, context: context @ kernel + bias


def places(model, n=30):
    rng = np.random.default_rng(9)
    return rng.uniform(0, 1, (n, 2)) * [1000, 700], model.samples.covariates.rows(rng.integers(0, N, n))


def test_with_kriging_for_a_network_the_model_is_kriging(model):
    """Limit: the road through inputs, network and back-transform ends where kriging does."""
    where, covariates = places(model)
    found = model.predict(where, covariates, as_kriging(model))
    kriged = fit_kriging(model.samples.coordinates, model.samples.values[:, 1], MODEL).predict(where)
    assert_allclose(found.estimate[:, 1], kriged.estimate, rtol=1e-9)
    assert_allclose(found.upper[:, 1] - found.estimate[:, 1], 1.7 * kriged.kriging_std, rtol=1e-9)
    assert_allclose(found.kriging_variance[:, 1], (1.2 * kriged.kriging_std) ** 2, rtol=1e-9)
    logs = fit_kriging(model.samples.coordinates, np.log(model.samples.values[:, 0]), MODEL).predict(where)
    assert_allclose(found.lower[:, 0], np.exp(logs.estimate - 1.7 * logs.kriging_std), rtol=1e-9)


def test_at_a_sample_it_predicts_as_if_the_sample_were_not_known(model):
    samples = model.samples
    found = model.predict(samples.coordinates[[3]], samples.covariates.rows(np.array([3])), as_kriging(model))
    rest = np.delete(np.arange(N), 3)
    others = fit_kriging(samples.coordinates[rest], samples.values[rest, 1], MODEL)
    assert_allclose(found.estimate[0, 1], others.predict(samples.coordinates[[3]]).estimate[0], rtol=1e-9)


def test_quantiles_hold_the_intervals(model):
    where, covariates = places(model)
    distribution = model.distribution(where, covariates, as_kriging(model))
    interval = model.predict(where, covariates, as_kriging(model), 0.9)
    assert_allclose(distribution.lower, interval.lower, rtol=1e-9)
    assert_allclose(distribution.upper, interval.upper, rtol=1e-9)
    assert_allclose(distribution.estimate, interval.estimate)


def test_it_survives_the_file(model):
    content = {"kind": "network", **json.loads(json.dumps(model.to_dict(), allow_nan=False))}
    again = model_from_contract(content)
    where, covariates = places(model)
    one, other = (this.predict(where, covariates, as_kriging(model)) for this in (model, again))
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-12)
    assert again.graph_inputs == model.graph_inputs and again.graph_output == "estimate"


def test_unknown_covariates_give_no_estimate_and_missing_ones_are_named(model):
    where, covariates = places(model, 4)
    values = covariates.values.copy()
    values[0, 0], values[1, 1] = np.nan, 7.0
    unknown = replace(covariates, values=values)
    found = model.predict(where, unknown, as_kriging(model))
    assert np.isnan(found.estimate[:2]).all() and np.isfinite(found.estimate[2:]).all()
    filled = model.distribution(where, unknown, as_kriging(model))
    assert np.isfinite(filled.estimate).all() and filled.notes[0].startswith("2 of 4")
    with pytest.raises(InputError, match="missing: rock"):
        model.predict(where, Covariates(("slope",), values[:, :1], (False,)), as_kriging(model))
    with pytest.raises(InputError, match=r"shape \(n, 2\)"):
        model.predict(np.zeros((3, 3)), covariates.rows(np.arange(3)), as_kriging(model))


@pytest.mark.parametrize("part", ["features", "samples", "targets", "architecture"])
def test_a_contract_without_a_part_is_refused(model, part):
    content = {name: entry for name, entry in model.to_dict().items() if name != part}
    with pytest.raises(ModelFileError, match=f"m.onnx is damaged.*lacks '{part}'"):
        NetworkModel.from_dict(content, "m.onnx")
