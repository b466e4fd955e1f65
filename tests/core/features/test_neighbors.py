"""Sequences and context. Truth: brute-force loops, invariances, and leak guards that must never fall."""

import inspect
import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features import neighbors
from hybrid_geostatistics.core.features.covariance import average_covariance
from hybrid_geostatistics.core.features.neighbors import NeighborFeatures, neighbor_sequence
from hybrid_geostatistics.core.samples import Covariates
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

MODEL = VariogramModel(0.2, (Structure("spherical", 0.8, 400.0),))


def places(n=50, seed=0, n_dimensions=2):
    return np.random.default_rng(seed).uniform(0, 1, (n, n_dimensions)) * [1000, 600, 50][:n_dimensions] + 5e5


def given(n=50, seed=1):
    rng = np.random.default_rng(seed)
    return Covariates(("dist", "soil"), np.column_stack([rng.uniform(size=n), rng.integers(1, 4, n)]), (False, True))


def test_sequence_equals_a_loop_far_to_near_without_the_sample_itself():
    coordinates = places()
    nearest, lags = neighbor_sequence(coordinates, coordinates, 6)
    for i, point in enumerate(coordinates):
        distance = np.linalg.norm(coordinates - point, axis=1)
        distance[i] = np.inf
        expected = np.argsort(distance)[:6][::-1]
        assert_array_equal(nearest[i], expected)
        assert_allclose(lags[i], distance[expected])
    assert not (nearest == np.arange(50)[:, None]).any()


def test_average_covariance_equals_a_loop():
    coordinates, others = places(5, 1), places(20, 2).reshape(5, 4, 2)
    expected = [
        np.mean([MODEL.covariance_at_lag(np.linalg.norm(x - y)) for y in near]) / MODEL.sill
        for x, near in zip(coordinates, others)
    ]
    assert_allclose(average_covariance(coordinates, others, MODEL), expected)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_columns_and_names_agree(n_dimensions):
    coordinates, covariates = places(n_dimensions=n_dimensions), given()
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL, MODEL), 8, use_coordinates=True)
    encoded = features.encode(covariates, 50)
    sequences, context = features.at(coordinates, encoded, coordinates, encoded)
    assert sequences.shape == (50, 8, len(features.token_names))
    assert context.shape == (50, len(features.context_names))
    lag = sequences[:, :, features.token_names.index("lag")]
    assert_allclose(lag, np.linalg.norm(sequences[:, :, :n_dimensions], axis=2))
    assert (np.diff(lag, axis=1) <= 0).all()
    # Scaled by the typical distance to the farthest neighbour of a sequence.
    assert_allclose(np.median(lag[:, 0]), 1.0)


def test_no_function_of_the_features_takes_a_target_value():
    for function in (NeighborFeatures.fit, NeighborFeatures.at, NeighborFeatures.encode, neighbor_sequence):
        assert not {"values", "targets", "target"} & set(inspect.signature(function).parameters)


def test_other_prediction_points_do_not_change_the_features_of_a_place():
    coordinates, covariates = places(), given()
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL,), 8)
    encoded = features.encode(covariates, 50)
    grid, on_grid = places(300, 7), np.random.default_rng(3).normal(size=(300, encoded.shape[1]))
    whole = features.at(grid, on_grid, coordinates, encoded)
    alone = features.at(grid[17:18], on_grid[17:18], coordinates, encoded)
    assert_allclose(whole[0][17], alone[0][0], atol=1e-12)
    assert_allclose(whole[1][17], alone[1][0], atol=1e-12)


def test_a_cell_on_a_sample_has_the_features_of_that_sample():
    coordinates, covariates = places(), given()
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL,), 8)
    encoded = features.encode(covariates, 50)
    at_samples = features.at(coordinates, encoded, coordinates, encoded)
    alone = features.at(coordinates[9:10], encoded[9:10], coordinates, encoded)
    assert_allclose(alone[0][0], at_samples[0][9], atol=1e-12)
    assert_allclose(alone[1][0], at_samples[1][9], atol=1e-12)


def test_shift_and_change_of_length_unit_change_nothing():
    coordinates, covariates = places(), given()
    in_km = VariogramModel(0.2, (Structure("spherical", 0.8, 0.4),))
    results = []
    for points, model in ((coordinates, MODEL), ((coordinates - 3e5) / 1000, in_km)):
        features = NeighborFeatures.fit(points, covariates, (model,), 8, use_coordinates=True)
        encoded = features.encode(covariates, 50)
        results.append(features.at(points, encoded, points, encoded))
    assert_allclose(results[0][0], results[1][0], atol=1e-7)
    assert_allclose(results[0][1], results[1][1], atol=1e-7)


def test_anisotropy_decides_who_is_near():
    # Range ten times longer to the east: the sample 30 m east is nearer than the one 10 m north.
    model = VariogramModel(0.0, (Structure("spherical", 1.0, 100.0, azimuth=90.0, ratio_minor=0.1),))
    coordinates = np.array([[0, 0], [30, 0], [0, 10.0], [500, 70], [600, 50], [700, 90]])
    features = NeighborFeatures.fit(coordinates, None, (model,), 2)
    sequences, _ = features.at(coordinates[:1], np.empty((1, 0)), coordinates, np.empty((6, 0)))
    assert_allclose(sequences[0, 1, 2] / sequences[0, 0, 2], 0.3, rtol=1e-9)


def test_coordinates_are_context_only_without_covariates_or_on_request():
    coordinates, covariates = places(), given()
    assert "easting" not in NeighborFeatures.fit(coordinates, covariates, (MODEL,), 4).context_names
    assert "easting" in NeighborFeatures.fit(coordinates, None, (MODEL,), 4).context_names


def test_round_trip_through_json():
    coordinates, covariates = places(), given()
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL,), 8)
    again = NeighborFeatures.from_dict(json.loads(json.dumps(features.to_dict())))
    encoded = features.encode(covariates, 50)
    for one, other in zip(
        features.at(coordinates, encoded, coordinates, encoded),
        again.at(coordinates, again.encode(covariates, 50), coordinates, encoded),
    ):
        assert_allclose(one, other, rtol=0)


@pytest.mark.parametrize(("n_dimensions", "n_directions"), [(2, 4), (3, 8)])
def test_the_table_tells_the_place_along_directions_evenly_around(n_dimensions, n_directions):
    coordinates = places(n_dimensions=n_dimensions)
    features = NeighborFeatures.fit(coordinates, None, (MODEL,), 8)
    table = dict(zip(features.table_names, features.table(coordinates, np.empty((50, 0))).T))
    assert len(table) == n_directions + n_dimensions - 2
    plan = table["easting"] + 1j * table["northing"]
    for step in range(n_directions):
        azimuth = 180.0 / n_directions * step
        along = (plan * np.exp(1j * np.radians(azimuth - 90.0))).real
        assert_allclose(table[{0.0: "northing", 90.0: "easting"}.get(azimuth, f"azimuth_{azimuth:g}")], along)
    # Models of earlier versions knew four directions.
    older = {key: value for key, value in features.to_dict().items() if key != "n_directions"}
    assert NeighborFeatures.from_dict(older).n_directions == 4


def test_a_sequence_longer_than_the_samples_is_refused():
    with pytest.raises(InputError, match="2 to 49"):
        NeighborFeatures.fit(places(), None, (MODEL,), 50)


def test_nearest_of_other_groups_are_those_of_all_distances(monkeypatch):
    """Two roads, also in parts of a few rows, as for many samples in long holes."""
    rng = np.random.default_rng(6)
    points, groups = rng.normal(size=(50, 3)), rng.integers(0, 9, 50)
    far = np.linalg.norm(points[:, None] - points[None], axis=2)
    far[groups[:, None] == groups[None]] = np.inf
    for at_once in (10**6, 100):
        monkeypatch.setattr(neighbors, "_FOUND_AT_ONCE", at_once)
        distances, nearest = neighbors.nearest_of_others(points, groups, 4)
        assert_array_equal(nearest, np.argsort(far, axis=1)[:, :4])
        assert_allclose(distances, np.sort(far, axis=1)[:, :4], rtol=1e-12)
