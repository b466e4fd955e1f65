"""Kriging with the pre-trained correction, fitted to samples.

Truth: limits (a gate of 0 is kriging to the last bit, at a sample the estimate is its value), theorems (units of the
values do not matter; noise brings no gain), two roads (the file = the fitted model) and a simulated field.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.learning.pretrained import (
    Gate,
    PretrainedSettings,
    fit_gate,
    fit_pretrained,
    pretrained_method,
    shipped_network,
    train_pretrained,
)
from hybrid_geostatistics.core.prediction.contract import with_contract
from hybrid_geostatistics.core.prediction.local_scale import COLUMNS, LocalScale
from hybrid_geostatistics.core.prediction.pretrained import PretrainedModel
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled

pytest.importorskip("onnxruntime")
MODEL = VariogramModel(0.1, (Structure("exponential", 1.0, 60.0),))
GIVEN = PretrainedSettings(variograms={"V": MODEL})


def skewed(n=80, seed=3):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0.0, 100.0, (n, 2))
    values = np.maximum(np.sin(coordinates[:, 0] / 12.0) * np.cos(coordinates[:, 1] / 17.0), 0.0) ** 2
    return Samples(coordinates, (values + 0.05 * rng.random(n))[:, None], ("V",), "EPSG:28992")


PLACES = np.random.default_rng(9).uniform(0.0, 100.0, (50, 2))


def test_gate_is_half_of_least_squares_within_bounds():
    rng = np.random.default_rng(0)
    corrections = rng.normal(size=(2, 40))
    errors = 0.8 * corrections + rng.normal(size=(2, 40))
    gate = fit_gate(errors, corrections)
    slope = np.sum(errors * corrections) / np.sum(corrections**2)
    assert np.isclose(gate.least_squares, slope) and np.isclose(gate.share, slope / 2)
    assert gate.rmse < gate.kriging_rmse
    assert fit_gate(-errors, corrections).share == 0.0
    assert fit_gate(9 * errors, corrections).share == 1.0
    nothing = fit_gate(errors, np.zeros_like(errors))
    assert nothing.share == nothing.gain == 0.0 and nothing.within_noise


def without(fitted, gate=0.0):
    (target,) = fitted.model.targets
    return PretrainedModel(fitted.model.samples, fitted.model.neighborhood, (replace(target, gate=gate),))


@pytest.mark.parametrize("neighborhood", [None, Neighborhood(max_neighbors=20, search_radius=40.0)])
def test_a_gate_of_0_is_kriging_to_the_last_bit(neighborhood):
    samples = skewed()
    fitted = fit_pretrained(samples, PretrainedSettings(variograms={"V": MODEL}, neighborhood=neighborhood))
    kriging = fit_kriging(samples.coordinates, samples.values[:, 0], MODEL, neighborhood)
    found = without(fitted).predict(PLACES, None, shipped_network())
    np.testing.assert_array_equal(found.estimate[:, 0], kriging.predict(PLACES).estimate)
    np.testing.assert_array_equal(found.kriging_variance[:, 0], kriging.predict(PLACES).kriging_std ** 2)


def test_the_correction_is_bounded_and_vanishes_at_samples():
    samples = skewed()
    fitted = fit_pretrained(samples, GIVEN)
    whole, kriging = without(fitted, 1.0), without(fitted)
    at_samples = whole.predict(samples.coordinates, None, shipped_network())
    np.testing.assert_array_equal(at_samples.estimate, samples.values)
    centre, sigma = whole.transformed(PLACES, shipped_network())[:2]
    plain = kriging.transformed(PLACES, shipped_network())[0]
    assert np.abs(centre - plain).max() > 0 and (np.abs(centre - plain) <= 1.5 * sigma).all()
    far = np.array([[1e5, 1e5]])
    assert np.isfinite(whole.predict(far, None, shipped_network()).estimate).all()


def test_places_out_of_reach_stay_empty():
    settings = PretrainedSettings(variograms={"V": MODEL}, neighborhood=Neighborhood(8, 1, 20.0))
    fitted = fit_pretrained(skewed(), settings)
    found = without(fitted, 1.0).predict(np.array([[50.0, 50.0], [900.0, 900.0]]), None, shipped_network())
    assert np.isfinite(found.estimate[0, 0]) and np.isnan(found.estimate[1, 0])


def test_intervals_hold_between_samples_and_in_gaps_whatever_the_variogram():
    """Simulated exponential fields (sill 1, nugget 0.3), kriged by a variogram that knows next to no nugget.

    Its standard deviations are too small by half between samples and by less in gaps of twice its range.
    """
    inside = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        places = rng.uniform(0.0, 100.0, (900, 2))
        in_gap = np.any([np.sum((places - centre) ** 2, axis=1) < 400 for centre in ([25, 25], [75, 70])], axis=0)
        around, gap = np.flatnonzero(~in_gap)[:450], np.flatnonzero(in_gap)[:180]
        where = places[np.append(around, gap)]
        apart = np.linalg.norm(where[:, None] - where[None], axis=-1)
        root = np.linalg.cholesky(np.exp(-apart / 10.0) + 0.3 * np.eye(len(where)))
        values = root @ rng.normal(size=len(where))
        wrong = VariogramModel(0.02, (Structure("exponential", 1.0, 30.0),))
        fitted = fit_pretrained(
            Samples(where[:250], values[:250, None], ("V",), ""), PretrainedSettings(variograms={"V": wrong})
        )
        (target,) = fitted.model.targets
        near, far = target.intervals.multiplier(0.9, np.array([0.0, 1.0]))
        assert near > 1.1 * far and target.near_sigma < 0.8 * target.far_sigma
        found = PretrainedModel.from_dict(json.loads(json.dumps(fitted.model.to_dict()))).predict(
            where[250:], None, shipped_network()
        )
        own = (found.lower[:, 0] <= values[250:]) & (values[250:] <= found.upper[:, 0])
        inside.append([own[:200].mean(), own[200:].mean()])
    np.testing.assert_allclose(np.mean(inside, axis=0), 0.9, atol=0.03)


def test_units_of_the_values_do_not_matter():
    samples = skewed()
    other = Samples(samples.coordinates, 7.0 + 1e4 * samples.values, ("V",), samples.crs)
    here = fit_pretrained(samples, GIVEN)
    there = fit_pretrained(other, PretrainedSettings(variograms={"V": scaled(MODEL, 1e8)}))
    assert np.isclose(there.gates[0].least_squares, here.gates[0].least_squares, rtol=1e-3)
    estimate = here.predict(PLACES, None).estimate
    np.testing.assert_allclose(there.predict(PLACES, None).estimate, 7.0 + 1e4 * estimate, rtol=1e-3)


def test_the_file_predicts_as_the_fitted_model(tmp_path):
    samples = skewed()
    settings = PretrainedSettings(Transform("log"), units={"V": "ppm"})
    trained = train_pretrained(samples, settings, tmp_path / "model.onnx", schemes=())
    model = TrainedModel.read(tmp_path / "model.onnx")
    assert model.contract["kind"] == "pretrained" and model.units == ("ppm",) and model.targets == ("V",)
    assert model.covariate_names == () and model.crs == "EPSG:28992" and model.n_dimensions == 2
    assert model.contract["gates"][0]["share"] == trained.fitted.gates[0].share
    expected, found = trained.fitted.predict(PLACES, None), model.predict(PLACES, None)
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    assert (found.lower < found.estimate).all() and (found.estimate < found.upper).all()
    wider = model.predict(PLACES, None, 0.99)
    assert (wider.upper >= found.upper).all()


def test_a_damaged_contract_is_refused(tmp_path):
    trained = train_pretrained(skewed(), GIVEN, tmp_path / "model.onnx", schemes=())
    contract = trained.fitted.contract()
    contract["targets"][0]["gate"] = 3.0
    with pytest.raises(ModelFileError, match="gate between 0 and 1"):
        PretrainedModel.from_dict(contract)
    contract["targets"][0]["gate"] = 0.5
    no_scale = {"columns": list(COLUMNS), "centre": 0.0, "coefficients": 1.0}
    for part, damage in (("far_sigma", "x"), ("local_scale", no_scale)):
        kept, contract["targets"][0][part] = contract["targets"][0][part], damage
        with pytest.raises(ModelFileError, match="damaged"):
            PretrainedModel.from_dict(contract)
        contract["targets"][0][part] = kept
    del contract["targets"][0]["members"][0]["variogram"]
    with pytest.raises(ModelFileError, match="variogram"):
        PretrainedModel.from_dict(contract)


def test_a_contract_is_appended_as_protocol_buffers_do():
    text = json.dumps({"long": "x" * 300})
    content = with_contract(b"", text)
    # Field 14, two varint bytes of length, key and value.
    assert content[0] == 14 << 3 | 2 and content[3:5] == b"\x0a\x09" and content[5:14] == b"hybridgeo"
    assert content.endswith(text.encode()) and (content[1] & 0x7F) + (content[2] << 7) == len(content) - 3


def test_samples_it_was_not_trained_for_are_refused():
    flat = skewed()
    deep = Samples(np.column_stack([flat.coordinates, np.arange(80.0)]), flat.values, ("V",))
    with pytest.raises(InputError, match="3-D"):
        fit_pretrained(deep, GIVEN)
    with pytest.raises(InputError, match="20"):
        fit_pretrained(Samples(flat.coordinates[:9], flat.values[:9], ("V",)), GIVEN)


def test_covariates_are_left_aside_and_told():
    samples = skewed()
    covariates = Covariates(("slope",), samples.coordinates[:, :1], (False,))
    fitted = fit_pretrained(Samples(samples.coordinates, samples.values, ("V",), covariates=covariates), GIVEN)
    assert "no covariates" in fitted.notes[0] and fitted.model.covariate_names == ()


def test_noise_is_left_to_kriging():
    rng = np.random.default_rng(8)
    ratios = []
    for _ in range(4):
        coordinates, values = rng.uniform(0.0, 100.0, (300, 2)), rng.normal(size=(300, 1))
        training = Samples(coordinates[:150], values[:150], ("V",))
        model = VariogramModel(0.9, (Structure("exponential", 0.1, 30.0),))
        fitted = fit_pretrained(training, PretrainedSettings(variograms={"V": model}))
        errors = [
            values[150:] - one.predict(coordinates[150:], None, shipped_network()).estimate
            for one in (fitted.model, without(fitted))
        ]
        ratios.append(np.sqrt(np.mean(errors[0] ** 2) / np.mean(errors[1] ** 2)))
    assert max(ratios) < 1.01 and np.mean(ratios) < 1.003


def test_many_samples_take_the_nearest_ones():
    samples = skewed(1100)
    fitted = fit_pretrained(samples, GIVEN)
    assert fitted.model.neighborhood.max_neighbors == 64
    assert isinstance(fitted.gates[0], Gate) and np.isfinite(fitted.gates[0].least_squares)
    assert np.isfinite(fitted.predict(PLACES, None).estimate).all()


def test_method_of_comparisons_gives_distributions():
    samples = skewed(90)
    training = Samples(samples.coordinates[:70], samples.values[:70], ("V",))
    predicted = pretrained_method()(training, 0)(samples.coordinates[70:], None)
    assert predicted.estimate.shape == (20, 1) and (np.diff(predicted.quantiles, axis=-1) >= 0).all()
    inside = (samples.values[70:] >= predicted.lower) & (samples.values[70:] <= predicted.upper)
    assert inside.mean() > 0.7


def test_intervals_follow_a_proportional_effect():
    rng = np.random.default_rng(12)
    coordinates = rng.uniform(0.0, 100.0, (700, 2))
    level = 1.0 + np.sin(coordinates[:, 0] / 20.0)
    values = 0.1 + level + 0.5 * level * rng.normal(size=700)  # known: the spread is half the level
    fitted = fit_pretrained(Samples(coordinates[:250], values[:250, None], ("V",)), GIVEN)
    found = fitted.predict(coordinates[250:], None)
    inside = (values[250:, None] >= found.lower) & (values[250:, None] <= found.upper)
    widths, high = (found.upper - found.lower)[:, 0], level[250:] > 1.5
    low = level[250:] < 0.5
    assert widths[high].mean() > 1.8 * widths[low].mean()
    assert 0.8 < inside[high].mean() < 0.98 and inside[low].mean() > 0.8
    (target,) = fitted.model.targets
    model = PretrainedModel(
        fitted.model.samples, fitted.model.neighborhood, (replace(target, local_scale=LocalScale.none()),)
    )
    plain = model.predict(coordinates[250:], None, shipped_network())
    np.testing.assert_array_equal(plain.estimate, found.estimate)
    even = (plain.upper - plain.lower)[:, 0]
    assert even[high].mean() < 1.2 * even[low].mean()
