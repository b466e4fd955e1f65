"""The inputs of networks that read values. Truth: leak guards, kriging by another road, limits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.sequences import SequenceFeatures, along_holes
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

MODEL = VariogramModel(0.1, (Structure("spherical", 0.9, 300.0),))
OTHER = VariogramModel(0.2, (Structure("exponential", 1.3, 200.0),))
N = 40


@pytest.fixture(scope="module", params=["plane", "holes"])
def world(request):
    rng = np.random.default_rng(3)
    n_dimensions = 2 if request.param == "plane" else 3
    coordinates = rng.uniform(0, 1, (N, n_dimensions)) * [900, 500, 80][:n_dimensions]
    covariates = Covariates(
        ("slope", "rock"), np.column_stack([rng.normal(size=N), np.repeat([1.0, 2.0], N // 2)]), (False, True)
    )
    values = rng.normal(size=(N, 2)) + [1.0, 5.0]
    features = SequenceFeatures.fit(
        coordinates, covariates, values, (MODEL, OTHER), Neighborhood(), 6,
        order="far_to_near" if n_dimensions == 2 else "top_to_bottom",
    )  # fmt: skip
    features = replace(features, drift_variograms=(MODEL, OTHER))
    return coordinates, covariates, values, features


def at_samples(world, values):
    coordinates, covariates, _, features = world
    encoded = features.neighbors.encode(covariates, N)
    donors = features.donors(coordinates, encoded, values)
    return features.at(coordinates, encoded, donors, np.arange(N))


def test_changing_a_value_leaves_the_inputs_of_its_own_sample(world):
    """The leak guard: whatever sample 11 is, its own inputs stay, and its neighbours' change."""
    _, _, values, _ = world
    before = at_samples(world, values)
    changed = values.copy()
    changed[11] += [1000.0, -500.0]
    after = at_samples(world, changed)
    assert_allclose(after.sequences[11], before.sequences[11], rtol=1e-7, atol=1e-9)
    assert_allclose(after.context[11], before.context[11], rtol=1e-7, atol=1e-9)
    assert_allclose(after.sigma[11], before.sigma[11], rtol=1e-12)
    others = np.delete(np.arange(N), 11)
    assert np.abs(after.context[others] - before.context[others]).max() > 1.0


def test_kriging_at_a_sample_is_kriging_without_it(world):
    coordinates, covariates, values, features = world
    inputs = at_samples(world, values)
    encoded = features.neighbors.encode(covariates, N)
    rest = np.delete(np.arange(N), 7)
    names = features.context_names
    for column, variogram in enumerate((MODEL, OTHER)):
        plain = fit_kriging(coordinates[rest], values[rest, column], variogram).predict(coordinates[[7]])
        told = inputs.context[7, names.index(f"kriged_{column + 1}")] * features.scales[column]
        assert_allclose(told + features.centers[column], plain.estimate[0], rtol=1e-9)
        drifted = fit_kriging(coordinates[rest], values[rest, column], variogram, drift=encoded[rest])
        expected = drifted.predict(coordinates[[7]], encoded[[7]])
        assert_allclose(inputs.kriged[7, column], expected.estimate[0], rtol=1e-9)
        assert_allclose(inputs.sigma[7, column], expected.kriging_std[0], rtol=1e-9)


def test_the_kriging_of_the_context_is_a_linear_function_of_it(world):
    _, _, values, features = world
    inputs = at_samples(world, values)
    kernel, bias = features.kriging_of_context()
    assert_allclose(inputs.context @ kernel + bias, inputs.kriged, rtol=1e-10)


def test_a_place_on_a_sample_is_described_without_that_sample(world):
    coordinates, covariates, values, features = world
    encoded = features.neighbors.encode(covariates, N)
    donors = features.donors(coordinates, encoded, values)
    found = features.at(coordinates[[4, 9]], encoded[[4, 9]], donors)
    assert_allclose(found.context, at_samples(world, values).context[[4, 9]])


def test_inputs_of_a_place_do_not_depend_on_the_other_places(world):
    coordinates, covariates, values, features = world
    encoded = features.neighbors.encode(covariates, N)
    donors = features.donors(coordinates, encoded, values)
    places = coordinates + 3.0
    whole = features.at(places, encoded, donors)
    part = features.at(places[5:8], encoded[5:8], donors)
    assert_allclose(part.sequences, whole.sequences[5:8], rtol=1e-9, atol=1e-12)
    assert_allclose(part.context, whole.context[5:8], rtol=1e-9, atol=1e-12)


def test_sequences_run_from_far_to_near_or_from_top_to_bottom(world):
    _, _, values, features = world
    inputs = at_samples(world, values)
    names = features.token_names
    if features.order == "far_to_near":
        assert (np.diff(inputs.sequences[:, :, names.index("lag")], axis=1) <= 0).all()
    else:
        assert (np.diff(inputs.sequences[:, :, names.index("d_elevation")], axis=1) <= 0).all()


def test_names_and_groups_are_those_of_the_columns(world):
    _, _, values, features = world
    inputs = at_samples(world, values)
    assert len(features.token_names) == inputs.sequences.shape[2]
    assert len(features.context_names) == inputs.context.shape[1]
    tokens, context = features.groups({"terrain": ("slope",)})
    assert len(tokens) == inputs.sequences.shape[2] and len(context) == inputs.context.shape[1]
    by_name = dict(zip(features.token_names, tokens))
    slope, rock = (next(name for name in by_name if part in name) for part in ("slope", "rock"))
    assert by_name[slope] == "terrain" and by_name[rock] == "covariates" and by_name["value_2"] == "values"
    assert dict(zip(features.context_names, context))["gradient_1"] == "gradient"


@pytest.mark.parametrize(
    ("named", "message"),
    [({"values": ("slope",)}, "cannot be called 'values'"), ({"a": ("height",)}, "got 'height'"),
     ({"a": ("slope",), "b": ("slope",)}, "in one group only")],
)  # fmt: skip
def test_wrong_groups_are_refused(world, named, message):
    with pytest.raises(InputError, match=message):
        world[3].groups(named)


def test_features_survive_the_file(world):
    _, _, values, features = world
    again = SequenceFeatures.from_dict(json.loads(json.dumps(features.to_dict(), allow_nan=False)))
    one, other = at_samples(world, values), at_samples((*world[:3], again), values)
    assert_array_equal(one.sequences, other.sequences)
    assert_array_equal(one.context, other.context)


def test_what_cannot_be_is_refused():
    rng = np.random.default_rng(0)
    coordinates, values = rng.uniform(size=(20, 2)), rng.normal(size=(20, 1))
    with pytest.raises(InputError, match="2 to 19 neighbours"):
        SequenceFeatures.fit(coordinates, None, values, (MODEL,), Neighborhood(), 1)
    with pytest.raises(InputError, match="need samples with elevations"):
        SequenceFeatures.fit(coordinates, None, values, (MODEL,), Neighborhood(), 4, order="top_to_bottom")
    with pytest.raises(InputError, match="far_to_near, top_to_bottom"):
        SequenceFeatures.fit(coordinates, None, values, (MODEL,), Neighborhood(), 4, order="sideways")


def test_down_the_holes_the_nearest_hole_comes_last():
    """Three vertical holes by hand: far to near, each from its collar down; a sample without a hole stands alone."""
    holes = np.array(["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["", ""])
    depths = np.array([5.0, 15, 25, 25, 5, 15, 15, 25, 5, 0, 0])  # not in the order of the table
    east = np.repeat([100.0, 200.0, 400.0], 3)
    coordinates = np.column_stack([np.r_[east, 900.0, 950.0], np.zeros(11), -depths])
    samples = Samples(coordinates, np.zeros((11, 1)), ("Fe",), holes=holes, depths=depths)
    along = along_holes(samples)
    assert len(np.unique(along[:, 0])) == 5 and along[:3, 0].tolist() == [along[0, 0]] * 3
    values = np.arange(11.0)[:, None]
    features = SequenceFeatures.fit(
        coordinates, None, values, (MODEL,), Neighborhood(), 9, use_coordinates=False, order="down_holes"
    )
    donors = features.donors(coordinates, np.empty((11, 0)), values, along)
    inputs = features.at(np.array([[230.0, 0.0, -12.0]]), np.empty((1, 0)), donors)
    told = inputs.sequences[0, :, features.token_names.index("value_1")] * features.scales + inputs.kriged[0]
    # Hole c is 170 away, a 130, b 30.
    assert_allclose(told, [8, 6, 7, 0, 1, 2, 4, 5, 3], atol=1e-9)
    again = SequenceFeatures.from_dict(json.loads(json.dumps(features.to_dict())))
    assert again.order == "down_holes"
    with pytest.raises(InputError, match="hole and the depth of each sample"):
        features.donors(coordinates, np.empty((11, 0)), values)
    assert along_holes(Samples(coordinates, np.zeros((11, 1)), ("Fe",), holes=holes)) is None
    with pytest.raises(InputError, match="need samples with elevations"):
        replace(
            SequenceFeatures.fit(coordinates[:, :2] + depths[:, None], None, values, (MODEL,), Neighborhood(), 4),
            order="down_holes",
        )
