"""Truth: adapter contracts of kriging: what is refused, and in which words; what costs no estimate."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, KrigingSystemError
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging import drift_coefficients
from hybrid_geostatistics.core.kriging.covariance import SmoothCovariance
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood, NeighborSearch
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.tiles import neighbors_of_each, tile_batches
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

NO_NUGGET = VariogramModel(0.0, (Structure("spherical", 1.0, 100.0),))
WITH_NUGGET = VariogramModel(0.1, (Structure("spherical", 1.0, 100.0),))


@pytest.fixture
def scattered():
    random = np.random.default_rng(11)
    return np.array([500_000.0, 4_100_000.0]) + random.random((60, 2)) * [300.0, 200.0], random.normal(size=60)


def test_the_smooth_covariance_is_the_models_covariance(samples, model):
    coordinates, _, _, targets, _ = samples
    smooth = SmoothCovariance.of(model, coordinates.shape[1])
    center = coordinates.mean(axis=0)
    assert_allclose(
        smooth.between(targets - center, coordinates - center),
        model.covariance(targets, coordinates),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=5)], ids=["all", "moving"])
def test_coincident_samples_without_nugget_are_named(scattered, neighborhood):
    coordinates, values = scattered
    coordinates[40] = coordinates[12]
    with pytest.raises(KrigingSystemError) as caught:
        fit_kriging(coordinates, values, NO_NUGGET, neighborhood)
    message = str(caught.value)
    assert "samples 13 and 41" in message
    assert f"({coordinates[12, 0]:.12g}, {coordinates[12, 1]:.12g})" in message
    assert "Average or remove duplicates" in message
    assert caught.value.n_samples == 60


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=20)], ids=["all", "moving"])
def test_a_model_too_smooth_for_the_spacing_is_explained(scattered, neighborhood):
    coordinates, values = scattered
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 5000.0),))
    with pytest.raises(KrigingSystemError, match="numerically singular; its closest samples .* larger nugget"):
        fit_kriging(coordinates, values, smooth, neighborhood).predict(coordinates[:3] + 1.0)
    nugget = VariogramModel(1e-6, smooth.structures)
    assert np.isfinite(fit_kriging(coordinates, values, nugget, neighborhood).predict(coordinates + 1.0).estimate).all()


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=5)], ids=["all", "moving"])
def test_redundant_drift_changes_nothing(scattered, neighborhood):
    coordinates, values = scattered
    targets = coordinates + 3.0
    one = fit_kriging(coordinates, values, WITH_NUGGET, neighborhood, coordinates[:, :1])
    redundant = np.column_stack([coordinates[:, 0], 5.0 - 2.0 * coordinates[:, 0], np.full(60, 3.3)])
    more = fit_kriging(coordinates, values, WITH_NUGGET, neighborhood, redundant)
    target_drift = np.column_stack([targets[:, 0], 5.0 - 2.0 * targets[:, 0], np.full(60, 3.3)])
    a, b = one.predict(targets, targets[:, 0]), more.predict(targets, target_drift)
    assert_allclose(a.estimate, b.estimate, rtol=1e-8, atol=1e-9)
    assert_allclose(a.kriging_variance, b.kriging_variance, rtol=1e-8)
    # Beyond what the samples determine there is no unbiased estimate.
    target_drift[5, 2] = 4.0
    target_drift[9, 0] = np.nan
    assert_array_equal(np.flatnonzero(np.isnan(more.predict(targets, target_drift).estimate)), [5, 9])


def test_a_class_missing_among_the_neighbors_is_no_obstacle(scattered):
    coordinates, values = scattered
    west = (coordinates[:, 0] < coordinates[:, 0].mean()).astype(float)
    kriging = fit_kriging(coordinates, values + 4.0 * west, WITH_NUGGET, Neighborhood(max_neighbors=4), west)
    corner = coordinates.max(axis=0)[None] + 1.0
    as_east, as_west = kriging.predict(corner, [0.0]), kriging.predict(corner, [1.0])
    whole = fit_kriging(coordinates, values + 4.0 * west, WITH_NUGGET, drift=west)
    difference = whole.predict(corner, [1.0]).estimate - whole.predict(corner, [0.0]).estimate
    assert_allclose(as_west.estimate - as_east.estimate, difference, rtol=0.2)
    assert as_west.kriging_variance > as_east.kriging_variance


def test_drift_coefficients_of_many_samples_come_from_blocks(monkeypatch, scattered):
    coordinates, values = scattered
    drift = np.column_stack([coordinates[:, 0], values**2])
    whole = fit_kriging(coordinates, values, WITH_NUGGET, Neighborhood(max_neighbors=8), drift)
    monkeypatch.setattr(drift_coefficients, "_ONE_BLOCK_UP_TO", 30)
    monkeypatch.setattr(drift_coefficients, "_LARGEST_BLOCK", 20)
    blocks = drift_coefficients._spatial_blocks(coordinates)
    assert sorted(np.concatenate(blocks)) == list(range(60)) and max(map(len, blocks)) <= 20
    parts = fit_kriging(coordinates, values, WITH_NUGGET, Neighborhood(max_neighbors=8), drift)
    # Unbiased and nearly as good: the same within a fraction of their standard error.
    a, b = whole._system.drift, parts._system.drift
    assert_allclose(b.coefficients, a.coefficients, atol=np.sqrt(np.diag(a.covariance)).max())
    left_out = parts.leave_one_out()
    keep = np.arange(60) != 17
    # The same blocks, but for the sample that is left out.
    without = [np.searchsorted(np.flatnonzero(keep), block[block != 17]) for block in blocks]
    monkeypatch.setattr(drift_coefficients, "_spatial_blocks", lambda points: without)
    refit = fit_kriging(coordinates[keep], values[keep], WITH_NUGGET, Neighborhood(max_neighbors=8), drift[keep])
    expected = refit.predict(coordinates[17:18], drift[17:18])
    assert_allclose(left_out.estimate[17], expected.estimate[0], rtol=1e-8)
    assert_allclose(left_out.kriging_variance[17], expected.kriging_variance[0], rtol=1e-8)


def test_too_few_neighbors_in_reach_give_no_estimate(scattered):
    coordinates, values = scattered
    far = coordinates.max(axis=0)[None] + 500.0
    kriging = fit_kriging(coordinates, values, WITH_NUGGET, Neighborhood(search_radius=100.0))
    result = kriging.predict(np.vstack([far, coordinates[:1] + 2.0]))
    assert np.isnan(result.estimate[0]) and np.isnan(result.kriging_variance[0]) and result.n_neighbors[0] == 0
    assert np.isfinite(result.estimate[1])
    strict = Neighborhood(max_neighbors=8, min_neighbors=8, search_radius=20.0)
    assert np.isnan(fit_kriging(coordinates, values, WITH_NUGGET, strict).predict(coordinates + 1.0).estimate).any()
    assert np.isnan(fit_kriging(coordinates, values, WITH_NUGGET, Neighborhood(min_neighbors=61)).predict(far).estimate)


def neighbors_of(points, neighborhood, targets, left_out=None):
    """Return the neighbours of each target as lists of row numbers."""
    points, targets = np.asarray(points, dtype=float), np.asarray(targets, dtype=float)
    search = NeighborSearch(points, neighborhood, np.eye(points.shape[1]))
    found = [None] * len(targets)
    for batch in tile_batches(targets, search, spare=0 if left_out is None else 1):
        is_neighbor = neighbors_of_each(batch, targets, search, left_out)
        for tile, rows in enumerate(batch.targets):
            for column, row in enumerate(rows):
                found[row] = batch.candidates[tile][is_neighbor[tile, column]].tolist()
    return found


def test_a_sample_at_exactly_the_radius_is_in_reach():
    points = [(0.0, 0.0), (3.0, 4.0)]
    assert neighbors_of(points, Neighborhood(search_radius=5.0), [(0.0, 0.0)]) == [[0, 1]]
    assert neighbors_of(points, Neighborhood(search_radius=4.999), [(0.0, 0.0)]) == [[0]]


def test_of_samples_at_one_distance_the_first_is_the_neighbor():
    # A square around each target: all four corners are equally near.
    corners = np.array([(x, y) for x in range(6) for y in range(4)], dtype=float)
    centers = np.array([(x + 0.5, y + 0.5) for x in range(5) for y in range(3)])
    for k in (1, 2, 3):
        found = neighbors_of(corners, Neighborhood(max_neighbors=k), centers)
        for center, rows in zip(centers, found):
            around = np.flatnonzero(np.abs(corners - center).max(axis=1) == 0.5)
            assert rows == around[:k].tolist()


@pytest.mark.parametrize("n_duplicates", [1, 2, 5])
def test_a_sample_never_neighbors_itself_when_left_out(n_duplicates):
    points = np.vstack([np.zeros((n_duplicates, 2)), [[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]])
    found = neighbors_of(points, Neighborhood(max_neighbors=3), points, np.arange(len(points)))
    assert all(i not in rows for i, rows in enumerate(found))
    assert {len(rows) for rows in found} == {3}


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_neighbors_of_many_targets_are_the_nearest(n_dimensions):
    random = np.random.default_rng(4)
    points, targets = random.random((300, n_dimensions)), random.random((500, n_dimensions)) * 1.5
    for neighborhood in (
        Neighborhood(max_neighbors=7),
        Neighborhood(search_radius=0.2),
        Neighborhood(max_neighbors=300),
        Neighborhood(max_neighbors=5, search_radius=0.15),
    ):
        found = neighbors_of(points, neighborhood, targets)
        for target, rows in zip(targets, found):
            distance = np.linalg.norm(points - target, axis=1)
            nearest = np.argsort(distance)[: neighborhood.max_neighbors]
            nearest = nearest[distance[nearest] <= (neighborhood.search_radius or np.inf)]
            assert rows == sorted(nearest.tolist())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_neighbors": 0}, "max_neighbors of 1"),
        ({"min_neighbors": 0}, "min_neighbors of 1"),
        ({"max_neighbors": 3, "min_neighbors": 4}, "at most max_neighbors, got 4 and 3"),
        ({"search_radius": 0.0}, "radius above 0"),
        ({"search_radius": float("nan")}, "radius above 0"),
    ],
)
def test_impossible_neighborhoods_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        Neighborhood(**arguments)


def test_inputs_that_do_not_fit_are_refused(scattered):
    coordinates, values = scattered
    with pytest.raises(InputError, match="one value for each of 60"):
        fit_kriging(coordinates, values[:5], WITH_NUGGET)
    with pytest.raises(InputError, match=r"shape \(n_samples, 2 or 3\)"):
        fit_kriging(coordinates[:, :1], values, WITH_NUGGET)
    with pytest.raises(InputError, match=r"at 1 of 60 \(first: row 8\)"):
        fit_kriging(coordinates, np.where(np.arange(60) == 7, np.nan, values), WITH_NUGGET)
    with pytest.raises(InputError, match="60 rows"):
        fit_kriging(coordinates, values, WITH_NUGGET, drift=values[:3])
    kriging = fit_kriging(coordinates, values, WITH_NUGGET, drift=coordinates)
    with pytest.raises(InputError, match="got none"):
        kriging.predict(coordinates)
    with pytest.raises(InputError, match=r"got shape \(60, 1\)"):
        kriging.predict(coordinates, values)
    with pytest.raises(InputError, match=r"shape \(n, 2\)"):
        kriging.predict(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(InputError, match="finite target"):
        kriging.predict(np.full((4, 2), np.nan), np.zeros((4, 2)))
    with pytest.raises(InputError, match="one group for each of 60"):
        kriging.leave_group_out(np.zeros(3, dtype=int))
    with pytest.raises(InputError, match="global neighbourhood only"):
        fit_kriging(coordinates, values, WITH_NUGGET, Neighborhood(max_neighbors=4)).weights(coordinates)
    solid = fit_kriging(np.column_stack([coordinates, values]), values, WITH_NUGGET)
    with pytest.raises(InputError, match="3-D"):
        solid.predict_grid(RasterGrid((2, 3), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)))


def test_too_many_samples_for_one_system_are_refused():
    coordinates = np.random.default_rng(0).random((10_001, 2))
    with pytest.raises(InputError, match="up to 10000 samples, got 10001. Set a maximum number of neighbours"):
        fit_kriging(coordinates, coordinates[:, 0], WITH_NUGGET)


def test_the_callers_arrays_stay_their_own(scattered):
    coordinates, values = scattered
    drift = coordinates.copy()
    kriging = fit_kriging(coordinates, values, WITH_NUGGET, drift=drift)
    before = kriging.predict(coordinates + 1.0, drift).estimate.copy()
    coordinates_before = coordinates.copy()
    values += 100.0
    coordinates *= 2.0
    assert_array_equal(kriging.predict(coordinates_before + 1.0, drift).estimate, before)
