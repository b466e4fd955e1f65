"""Truth: theorems of kriging, limits, and two roads to the same numbers."""

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging import system
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled
from numpy.testing import assert_allclose, assert_array_equal

SPHERICAL = VariogramModel(0.1, (Structure("spherical", 0.9, 310.0),))
ENDING = {
    "spherical": SPHERICAL,
    "no nugget": VariogramModel(0.0, SPHERICAL.structures),
    "cubic": VariogramModel(0.2, (Structure("cubic", 1.3, 400.0),)),
    "short gaussian": VariogramModel(0.2, (Structure("gaussian", 1.3, 150.0),)),
    "anisotropic": VariogramModel(0.1, (Structure("spherical", 0.9, 500.0, azimuth=35.0, ratio_minor=0.4),)),
    "two frames": VariogramModel(
        0.05, (Structure("spherical", 0.5, 200.0), Structure("cubic", 0.5, 700.0, azimuth=120.0, ratio_minor=0.5))
    ),
}
# Condition numbers here stay below 1e6, so ten digits survive the solution of a system.
SAME = {"rtol": 1e-9, "atol": 1e-10}


def textbook(coordinates, values, model, targets, drift=None, target_drift=None):
    """Solve the full kriging matrix with its Lagrange multipliers, one target at a time."""
    columns = np.ones((len(values), 1)) if drift is None else np.column_stack([np.ones(len(values)), drift])
    size = columns.shape[1]
    matrix = np.block([[model.covariance(coordinates, coordinates), columns], [columns.T, np.zeros((size, size))]])
    result = []
    for i, target in enumerate(targets):
        at_target = [1.0] if target_drift is None else np.concatenate([[1.0], target_drift[i]])
        right = np.concatenate([model.covariance(coordinates, target[None])[:, 0], at_target])
        solution = np.linalg.solve(matrix, right)
        weights = solution[: len(values)]
        spread = weights @ matrix[: len(values), : len(values)] @ weights
        result.append((weights @ values, model.sill - solution @ right, model.sill - spread))
    return np.array(result).T


def centered_and_scaled(drift, reference):
    return (drift - reference.mean(axis=0)) / reference.std(axis=0)


def test_equals_the_textbook_system(samples, model):
    coordinates, values, _, targets, _ = samples
    result = fit_kriging(coordinates, values, model).predict(targets)
    estimate, variance, smoothing = textbook(coordinates, values, model, targets)
    assert_allclose(result.estimate, estimate, **SAME)
    assert_allclose(result.kriging_variance, variance, **SAME)
    assert_allclose(result.smoothing_variance, smoothing, **SAME)


def test_equals_the_textbook_system_with_drift(samples, model):
    coordinates, values, drift, targets, target_drift = samples
    result = fit_kriging(coordinates, values, model, drift=drift).predict(targets, target_drift)
    estimate, variance, smoothing = textbook(
        coordinates, values, model, targets, centered_and_scaled(drift, drift), centered_and_scaled(target_drift, drift)
    )
    assert_allclose(result.estimate, estimate, **SAME)
    assert_allclose(result.kriging_variance, variance, **SAME)
    assert_allclose(result.smoothing_variance, smoothing, **SAME)


def test_moving_neighborhood_equals_the_textbook_system_of_the_neighbors(samples, model, neighborhood):
    coordinates, values, _, targets, _ = samples
    kriging = fit_kriging(coordinates, values, model, neighborhood)
    result = kriging.predict(targets)
    first = model.structures[0]
    frame = first.effective_range * first.scaling(coordinates.shape[1])
    for i, target in enumerate(targets):
        distance = np.linalg.norm((coordinates - target) @ frame.T, axis=1)
        nearest = np.argsort(distance)[: neighborhood.max_neighbors]
        nearest = nearest[distance[nearest] <= (neighborhood.search_radius or np.inf)]
        assert result.n_neighbors[i] == len(nearest)
        if len(nearest):
            expected = textbook(coordinates[nearest], values[nearest], model, target[None])
            found = [result.estimate[i], result.kriging_variance[i], result.smoothing_variance[i]]
            assert_allclose(found, expected[:, 0], **SAME)
        else:
            assert np.isnan(result.estimate[i]) and np.isnan(result.kriging_variance[i])


@pytest.mark.parametrize("with_drift", [False, True])
def test_all_samples_as_nearest_neighbors_is_the_global_system(samples, model, with_drift):
    coordinates, values, drift, targets, target_drift = samples
    drift, target_drift = (drift, target_drift) if with_drift else (None, None)
    whole = fit_kriging(coordinates, values, model, drift=drift)
    moving = fit_kriging(coordinates, values, model, Neighborhood(max_neighbors=len(values)), drift)
    for a, b in (
        (whole.predict(targets, target_drift), moving.predict(targets, target_drift)),
        (whole.leave_one_out(), moving.leave_one_out()),
    ):
        assert_allclose(a.estimate, b.estimate, **SAME)
        assert_allclose(a.kriging_variance, b.kriging_variance, **SAME)
        assert_allclose(a.smoothing_variance, b.smoothing_variance, **SAME)
        assert_array_equal(a.n_neighbors, b.n_neighbors)


@pytest.mark.parametrize("name", list(ENDING))
def test_leaving_out_samples_beyond_the_range_changes_nothing(monkeypatch, meuse, name):
    coordinates, values, drift = meuse
    random = np.random.default_rng(6)
    targets = coordinates.min(axis=0) - 300.0 + random.random((900, 2)) * (np.ptp(coordinates, axis=0) + 600.0)
    target_drift = random.random(900)
    results = []
    for few in (0.0, 1.0):
        monkeypatch.setattr(system, "_FEW_NEAR", few)
        results.append(fit_kriging(coordinates, values, ENDING[name], drift=drift).predict(targets, target_drift))
    assert_allclose(results[0].estimate, results[1].estimate, **SAME)
    assert_allclose(results[0].kriging_variance, results[1].kriging_variance, **SAME)
    assert_allclose(results[0].smoothing_variance, results[1].smoothing_variance, **SAME)


def test_exact_at_samples(samples, model, neighborhood):
    coordinates, values, drift, _, _ = samples
    result = fit_kriging(coordinates, values, model, neighborhood, drift).predict(coordinates, drift)
    assert_array_equal(result.estimate, values)
    assert_array_equal(result.kriging_variance, 0.0)
    assert_array_equal(result.smoothing_variance, 0.0)


def test_the_estimate_approaches_the_sample_without_nugget(samples, neighborhood):
    coordinates, values, _, _, _ = samples
    model = VariogramModel(0.0, (Structure("spherical", 1.0, 300.0),))
    result = fit_kriging(coordinates, values, model, neighborhood).predict(coordinates + 1e-6)
    # Linear in the distance: 1e-6 of 300 map units.
    assert_allclose(result.estimate, values, atol=1e-6)
    assert_allclose(result.kriging_variance, 0.0, atol=1e-7)


def test_weights_are_unbiased(samples, model):
    coordinates, values, drift, targets, target_drift = samples
    kriging = fit_kriging(coordinates, values, model, drift=drift)
    weights, _ = kriging.weights(targets, target_drift)
    assert_allclose(weights.sum(axis=1), 1.0, **SAME)
    assert_allclose(weights @ drift, target_drift, rtol=1e-9)
    assert_allclose(weights @ values, kriging.predict(targets, target_drift).estimate, **SAME)
    assert_array_equal(kriging.weights(coordinates[:2], drift[:2])[0], np.eye(len(values))[:2])


@pytest.mark.parametrize("with_drift", [False, True])
def test_the_smoothing_variance_is_what_the_estimate_lacks(samples, model, neighborhood, with_drift):
    # The estimate is linear in the values: its weights are the estimates of unit vectors.
    coordinates, values, drift, targets, target_drift = samples
    drift, target_drift = (drift, target_drift[:4]) if with_drift else (None, None)
    weights = np.array(
        [fit_kriging(coordinates, unit, model, neighborhood, drift).predict(targets[:4], target_drift).estimate
         for unit in np.eye(len(values))]
    )  # fmt: skip
    spread = np.einsum("it,ij,jt->t", weights, model.covariance(coordinates, coordinates), weights)
    result = fit_kriging(coordinates, values, model, neighborhood, drift).predict(targets[:4], target_drift)
    assert_allclose(result.smoothing_variance, model.sill - spread, rtol=1e-7, atol=1e-8)


def test_a_drift_without_noise_is_reproduced(samples, model, neighborhood):
    coordinates, _, drift, targets, target_drift = samples
    coefficients = np.array([3.0, -0.02])
    kriging = fit_kriging(coordinates, 5.0 + drift @ coefficients, model, neighborhood, drift)
    result = kriging.predict(targets, target_drift)
    found = np.isfinite(result.estimate)
    # The second column is an easting of 431,000 with coefficients of the same size: rtol covers both.
    assert_allclose(result.estimate[found], (5.0 + target_drift @ coefficients)[found], rtol=1e-9)
    assert found.sum() >= 9


def test_invariant_to_translation_units_and_order(samples, model, neighborhood):
    coordinates, values, drift, targets, target_drift = samples
    base = fit_kriging(coordinates, values, model, neighborhood, drift).predict(targets, target_drift)
    order = np.random.default_rng(3).permutation(len(values))
    shift = np.array([-4096.0, 8192.0, 64.0])[: coordinates.shape[1]]
    other_drift = 7.0 - 3.0 * drift[order]
    moved = fit_kriging(coordinates[order] + shift, values[order] - 100.0, model, neighborhood, other_drift)
    result = moved.predict(targets + shift, 7.0 - 3.0 * target_drift)
    assert_allclose(result.estimate + 100.0, base.estimate, **SAME)
    assert_allclose(result.kriging_variance, base.kriging_variance, **SAME)
    units = fit_kriging(coordinates, values * 1e6, scaled(model, 1e12), neighborhood, drift)
    result = units.predict(targets, target_drift)
    assert_allclose(result.estimate / 1e6, base.estimate, **SAME)
    assert_allclose(result.kriging_variance / 1e12, base.kriging_variance, **SAME)


def test_invariant_to_rotation_with_the_azimuth():
    random = np.random.default_rng(5)
    coordinates, targets = random.random((30, 2)) * [900.0, 400.0], random.random((8, 2)) * [900.0, 400.0]
    values = random.normal(size=30)

    def kriged(turn):
        # A turn clockwise adds to the azimuth.
        a = np.radians(turn)
        rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        model = VariogramModel(0.1, (Structure("spherical", 0.9, 400.0, azimuth=20.0 + turn, ratio_minor=0.3),))
        return fit_kriging(coordinates @ rotation, values, model, Neighborhood(max_neighbors=8)).predict(
            targets @ rotation
        )

    assert_allclose(kriged(73.0).estimate, kriged(0.0).estimate, **SAME)
    assert_allclose(kriged(73.0).kriging_variance, kriged(0.0).kriging_variance, **SAME)


def test_the_variance_does_not_depend_on_the_values(samples, model, neighborhood):
    coordinates, values, drift, targets, target_drift = samples
    first = fit_kriging(coordinates, values, model, neighborhood, drift).predict(targets, target_drift)
    second = fit_kriging(coordinates, values[::-1] ** 3, model, neighborhood, drift).predict(targets, target_drift)
    assert_array_equal(first.kriging_variance, second.kriging_variance)
    assert (first.kriging_variance[np.isfinite(first.estimate)] > 0).all()


@pytest.mark.parametrize("k", [None, 6])
def test_pure_nugget_gives_the_mean(samples, k):
    coordinates, values, _, targets, _ = samples
    result = fit_kriging(coordinates, values, VariogramModel(2.5, ()), Neighborhood(k)).predict(targets)
    n = k or len(values)
    if k is None:
        assert_allclose(result.estimate, values.mean(), **SAME)
    assert_allclose(result.kriging_variance, 2.5 * (1 + 1 / n), **SAME)


def test_one_sample_spreads_its_value():
    model = VariogramModel(0.5, (Structure("spherical", 1.0, 10.0),))
    for neighborhood in (Neighborhood(), Neighborhood(max_neighbors=1)):
        result = fit_kriging([(3.0, 4.0)], [8.0], model, neighborhood).predict([(3.0, 9.0), (50.0, 4.0)])
        assert_allclose(result.estimate, 8.0)
        assert_allclose(result.kriging_variance, 2.0 * (1.5 - np.array([1.0 - 0.6875, 0.0])))


def test_blocks_are_the_whole(meuse, model, neighborhood):
    coordinates, values, drift = meuse
    grid = RasterGrid((23, 31), (178_460.0, 101.0, 0.0, 333_720.0, 0.0, -170.0))
    every = Block(0, 0, *grid.shape)
    grid_drift = np.random.default_rng(1).random(grid.n_cells)
    grid_drift[100] = np.nan
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    whole = kriging.predict(grid.centers(every), grid_drift)
    assert np.isnan(whole.estimate[100]) and whole.n_neighbors[100] == 0
    index = np.arange(grid.n_cells).reshape(grid.shape)
    for block in grid.blocks(9):
        cells = index[block.row : block.row + block.n_rows, block.column : block.column + block.n_columns].ravel()
        part = kriging.predict_grid(grid, block, grid_drift[cells])
        assert_allclose(part.estimate, whole.estimate[cells], **SAME)
        assert_allclose(part.kriging_variance, whole.kriging_variance[cells], **SAME)
        assert_array_equal(part.n_neighbors, whole.n_neighbors[cells])
