"""Gradients of fields as covariates. Truth: slopes of a known plane and cone; what may not change with a value."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import exchange
from hybrid_geostatistics.core.coincident import average_coincident
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.gradients import FieldGradients, completed, gradient_names
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.prediction.contract import samples_from_dict, samples_to_dict
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import make_folds
from hybrid_geostatistics.core.validation.gradients import with_gradients, with_own_covariates
from hybrid_geostatistics.core.validation.methods import external_drift_kriging, ordinary_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

skgstat = pytest.mark.skipif(find_spec("skgstat") is None, reason="needs scikit-gstat")


def parts(*names):
    return {"kind": "gradient", "parts": names}


def samples_on(n=150, n_dimensions=2, holes=None, wanted=("magnitude", "dE", "dN"), seed=0, target=None):
    """Return samples with a plane (slope 0.03 east, -0.04 north) and a cone (slope 0.1) as fields."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, [1000, 800, 200][:n_dimensions], (n, n_dimensions))
    if holes is not None:
        places[:, :2] = rng.uniform(0, [1000, 800], (n, 2))[holes]
        places[:, 2] = -10.0 * np.arange(n)
    plane = 0.03 * places[:, 0] - 0.04 * places[:, 1]
    cone = 0.1 * np.hypot(places[:, 0] - 500, places[:, 1] - 400)
    values = rng.normal(size=n) if target is None else target(places, rng)
    fields = Covariates(("plane", "cone"), np.column_stack([plane, cone]), (False, False), (parts(*wanted),) * 2)
    names = None if holes is None else np.array([f"h{hole}" for hole in holes])
    return Samples(places, values[:, None], ("REE",), "EPSG:25833", holes=names, fields=fields)


@skgstat
def test_the_gradient_of_a_plane_and_a_cone():
    samples = with_gradients(samples_on())
    covariates = samples.covariates
    assert covariates.names[:3] == ("plane gradient", "plane gradient dE", "plane gradient dN")
    assert gradient_names(covariates) == covariates.names and len(covariates.names) == 6
    inner = ((samples.coordinates > [150, 150]) & (samples.coordinates < [850, 650])).all(axis=1)
    found = covariates.values[inner]
    # Kriging bends a plane a little between samples: median, not each.
    np.testing.assert_allclose(np.median(found[:, :3], axis=0), [0.05, 0.03, -0.04], rtol=0.05)
    np.testing.assert_allclose(np.median(found[:, 3]), 0.1, rtol=0.1)
    np.testing.assert_allclose(found[:, 0], np.hypot(found[:, 1], found[:, 2]), rtol=1e-12)
    assert with_own_covariates(samples) is samples  # settled


@skgstat
@pytest.mark.parametrize("holes", [None, np.repeat(np.arange(15), 8)], ids=["places", "holes"])
def test_a_value_takes_no_part_in_its_own_sample(holes):
    n = 100 if holes is None else len(holes)
    samples = with_gradients(samples_on(n, 2 if holes is None else 3, holes, ("magnitude",)))
    gradients = FieldGradients.of(samples)
    groups = np.arange(n) if holes is None else holes
    np.testing.assert_allclose(gradients.left_out(groups), samples.covariates.values, rtol=1e-9)
    values = samples.fields.values.copy()
    values[40] += 1000.0
    changed = FieldGradients.fit(
        samples.coordinates, Covariates(samples.fields.names, values, (False, False)), gradients.variograms,
        gradients.parts, gradients.neighborhood,
    ).left_out(groups)  # fmt: skip
    own = groups == groups[40]
    np.testing.assert_allclose(changed[own], samples.covariates.values[own], rtol=1e-6)
    assert (np.abs(changed[~own] / samples.covariates.values[~own] - 1) > 0.01).any()


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=20)], ids=["all", "nearest"])
def test_leaving_out_groups_is_fitting_to_the_others(neighborhood):
    rng = np.random.default_rng(3)
    places, values, groups = rng.uniform(0, 900, (90, 3)), rng.normal(size=(90, 2)), rng.integers(0, 12, 90)
    variogram = VariogramModel(0.1, (Structure("spherical", 1.0, 400.0),))
    found = fit_gradient(places, values, variogram, neighborhood).leave_group_out(groups)
    for group in (0, 7):
        out = groups == group
        rest = fit_gradient(places[~out], values[~out], variogram, neighborhood).predict(places[out])
        np.testing.assert_allclose(found.gradient[out], rest.gradient, rtol=1e-9, atol=1e-12)
    with pytest.raises(InputError, match="one group for each of 90"):
        fit_gradient(places, values, variogram).leave_group_out(groups[:5])


@skgstat
def test_a_comparison_describes_held_out_samples_by_training_ones():
    """The target is a function of the gradient of a field that no method is shown, but for training samples."""

    def steep(places, rng):
        return np.where(places[:, 0] > 500, 1.0, 0.1) + 0.05 * rng.normal(size=len(places))

    samples = samples_on(200, wanted=("magnitude",), target=steep)
    hill = np.where(samples.coordinates[:, 0] > 500, 0.1 * samples.coordinates[:, 0], 50.0)
    samples = Samples(
        samples.coordinates, samples.values, ("REE",), "",
        fields=Covariates(("hill",), hill[:, None], (False,), (parts("magnitude"),)),
    )  # fmt: skip
    folds = {"blocks": make_folds(samples, ("blocks",), 4, 0)["blocks"]}
    methods = {
        "ordinary_kriging": ordinary_kriging(variogram_method="least_squares"),
        "external_drift_kriging": external_drift_kriging(variogram_method="least_squares"),
    }
    found = compare_methods(samples, methods, folds)
    with_drift = found.row("REE", "blocks", "external_drift_kriging")
    assert with_drift["rmse"] < 0.8 * found.row("REE", "blocks", "ordinary_kriging")["rmse"]
    # What is held out changes no prediction of its own fold, neither as target nor as field.
    test = folds["blocks"] == 1
    changed = Samples(
        samples.coordinates, samples.values, ("REE",), "",
        fields=Covariates(("hill",), np.where(test, 1e4, hill)[:, None], (False,), (parts("magnitude"),)),
    )  # fmt: skip
    again = compare_methods(changed, methods, folds).predictions["blocks", "external_drift_kriging"]
    before = found.predictions["blocks", "external_drift_kriging"]
    np.testing.assert_array_equal(again.estimate[test], before.estimate[test])
    assert (again.estimate[~test] != before.estimate[~test]).any()


@skgstat
def test_a_noise_target_among_the_fields_is_not_predicted():
    noise = samples_on(120, wanted=("magnitude",), seed=5)
    own = Covariates(("REE",), noise.values, (False,), (parts("magnitude"),))
    noise = Samples(noise.coordinates, noise.values, ("REE",), "", fields=own)
    method = {"external_drift_kriging": external_drift_kriging(variogram_method="least_squares")}
    comparison = compare_methods(noise, method, make_folds(noise, ("random", "blocks"), 5, 1))
    assert all(row["r2"] <= 0.02 for row in comparison.rows)


@skgstat
def test_a_model_file_and_another_process_know_the_same_gradients():
    samples = with_gradients(samples_on(80, 3, np.repeat(np.arange(10), 8)))
    samples = Samples(
        samples.coordinates, samples.values, samples.targets, samples.crs, samples.covariates, samples.holes,
        np.arange(80.0), samples.fields,
    )  # fmt: skip
    content = json.loads(json.dumps({**samples_to_dict(samples), "targets": [{"name": "REE"}]}))
    packed, arrays = exchange.pack_samples(samples)
    places = np.array([[500.0, 300.0, -300.0], [200.0, 600.0, -100.0]])
    expected = completed(samples, places, None)
    assert len(expected.names) == 6 and np.isfinite(expected.values).all()
    for again in (samples_from_dict(content), exchange.unpack_samples(json.loads(json.dumps(packed)), arrays)):
        np.testing.assert_array_equal(again.depths, samples.depths)
        np.testing.assert_allclose(completed(again, places, None).values, expected.values, rtol=1e-12)
    # Gradients replace columns of their names, and stand behind the others.
    others = Covariates(("plane gradient", "dem"), np.zeros((2, 2)), (False, False))
    both = completed(samples, places, others)
    assert both.names == ("dem", *expected.names) and (both.values[:, 1:] == expected.values).all()


def test_samples_at_one_place_are_one_donor():
    samples = samples_on(30)
    twice = Samples(
        np.vstack([samples.coordinates, samples.coordinates[:3]]), np.vstack([samples.values, samples.values[:3]]),
        ("REE",), "", fields=samples.fields.rows(np.r_[np.arange(30), np.arange(3)]),
    )  # fmt: skip
    variograms = [VariogramModel(0.0, (Structure("spherical", 50.0, 600.0),))] * 2
    one, two = (
        FieldGradients.fit(own.coordinates, own.fields, variograms, ("magnitude",), Neighborhood())
        for own in (samples, twice)
    )
    places = np.array([[400.0, 300.0]])
    np.testing.assert_allclose(two.at(places), one.at(places), rtol=1e-9)
    averaged, n_merged = average_coincident(twice)
    assert n_merged == 3
    np.testing.assert_allclose(averaged.fields.values, samples.fields.values, rtol=1e-12)


@skgstat
def test_what_cannot_be_differentiated_is_named():
    flat = samples_on(30)
    level = Covariates(("Fe",), np.ones((30, 1)), (False,), (parts("magnitude"),))
    with pytest.raises(InputError, match="All 30 values of Fe equal 1"):
        with_gradients(Samples(flat.coordinates, flat.values, ("REE",), "", fields=level))
    with pytest.raises(InputError, match="finite fields, one a sample, for 30 samples"):
        Samples(flat.coordinates, flat.values, ("REE",), "", fields=level.rows(slice(4)))
