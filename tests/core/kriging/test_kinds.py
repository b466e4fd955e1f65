"""Truth: textbook systems of each kind of kriging, limits, and refits without a sample."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.restricted import sector_of
from hybrid_geostatistics.core.kriging.trend import trend_columns
from hybrid_geostatistics.core.variogram.models import (
    Structure,
    VariogramModel,
    model_from_dict,
    model_to_dict,
    scaled,
)
from numpy.testing import assert_allclose, assert_array_equal

SAME = {"rtol": 1e-8, "atol": 1e-10}
KINDS = {"simple": {"mean": 6.5}, "plane": {"trend_order": 1}, "quadratic": {"trend_order": 2}}
MODEL = VariogramModel(0.2, (Structure("spherical", 0.8, 400.0),))


def textbook(samples_at, values, model, columns, between, at_target, prior):
    """Solve one full kriging matrix; `columns` may have no column."""
    n, size = columns.shape
    matrix = np.block([[model.covariance(samples_at, samples_at), columns], [columns.T, np.zeros((size, size))]])
    right = np.concatenate([between, at_target])
    solution = np.linalg.solve(matrix, right)
    weights = solution[:n]
    spread = weights @ matrix[:n, :n] @ weights
    return weights @ values, prior - solution @ right, prior - spread, weights


@pytest.mark.parametrize("k", [None, 12])
def test_simple_kriging_is_the_textbooks(samples, model, k):
    coordinates, values, _, targets, _ = samples
    kriging = fit_kriging(coordinates, values, model, Neighborhood(k), mean=6.5)
    result, positive = kriging.predict(targets), kriging.positive_weights(targets)
    frame = model.structures[0].scaling(coordinates.shape[1])
    for i, target in enumerate(targets):
        near = np.argsort(np.linalg.norm((coordinates - target) @ frame.T, axis=1))[:k]
        between = model.covariance(coordinates[near], target[None])[:, 0]
        estimate, variance, smoothing, weights = textbook(
            coordinates[near], values[near] - 6.5, model, np.empty((len(near), 0)), between, [], model.sill
        )
        assert_allclose(result.estimate[i], 6.5 + estimate, **SAME)
        assert_allclose(result.kriging_variance[i], variance, **SAME)
        assert_allclose(result.smoothing_variance[i], smoothing, **SAME)
        assert_allclose(positive[i], weights[weights > 0].sum(), **SAME)
    assert_allclose(result.lagrange_multiplier, 0.0, atol=1e-12)
    assert_allclose(result.regression_slope[result.estimate_variance > 1e-9], 1.0, rtol=1e-6)


@pytest.mark.parametrize("points", ["gauss", "regular"])
@pytest.mark.parametrize("k", [None, 12])
def test_blocks_are_the_textbooks(samples, model, k, points):
    coordinates, values, _, targets, _ = samples
    block = BlockSize((60.0, 35.0, 8.0)[: coordinates.shape[1]], 3, points)
    mean = block.mean()
    assert_allclose(mean.point_weights.sum(), 1.0)
    kriging = fit_kriging(coordinates, values, model, Neighborhood(k))
    result, positive = kriging.predict(targets, block=block), kriging.positive_weights(targets, block=block)
    smooth = VariogramModel(0.0, model.structures)
    prior = mean.point_weights @ smooth.covariance(mean.offsets, mean.offsets) @ mean.point_weights
    assert_allclose(result.prior_variance, prior)
    frame = model.structures[0].scaling(coordinates.shape[1])
    for i, target in enumerate(targets):
        near = np.argsort(np.linalg.norm((coordinates - target) @ frame.T, axis=1))[:k]
        between = smooth.covariance(coordinates[near], target + mean.offsets) @ mean.point_weights
        estimate, variance, smoothing, weights = textbook(
            coordinates[near], values[near], model, np.ones((len(near), 1)), between, [1.0], prior
        )
        assert_allclose(result.estimate[i], estimate, **SAME)
        assert_allclose(result.kriging_variance[i], variance, **SAME)
        assert_allclose(result.smoothing_variance[i], smoothing, **SAME)
        assert_allclose(positive[i], weights[weights > 0].sum(), **SAME)


def test_a_block_estimate_is_the_mean_of_its_points(samples, model):
    coordinates, values, _, targets, _ = samples
    block = BlockSize((60.0, 35.0, 8.0)[: coordinates.shape[1]], 3)
    mean = block.mean()
    for options in ({}, *KINDS.values()):
        kriging = fit_kriging(coordinates, values, model, **options)
        points = (targets[:, None] + mean.offsets).reshape(-1, coordinates.shape[1])
        each = kriging.predict(points).estimate.reshape(len(targets), -1)
        assert_allclose(kriging.predict(targets, block=block).estimate, each @ mean.point_weights, **SAME)


def test_a_tiny_block_is_the_field_without_its_nugget(samples):
    coordinates, values, _, targets, _ = samples
    tiny = BlockSize(tuple([1e-6] * coordinates.shape[1]), 2)
    error = VariogramModel(MODEL.nugget, MODEL.structures, MODEL.nugget)
    for model in (MODEL, error):
        kriging = fit_kriging(coordinates, values, model)
        block, point = kriging.predict(targets, block=tiny), kriging.predict(targets)
        assert_allclose(block.estimate, point.estimate, atol=1e-6)
        nugget = 0.0 if model is error else model.nugget
        assert_allclose(block.kriging_variance, point.kriging_variance - nugget, atol=1e-6)


@pytest.mark.parametrize("kind", list(KINDS))
def test_leaving_samples_out(samples, model, kind):
    coordinates, values, _, _, _ = samples
    options = KINDS[kind]
    groups = np.arange(len(values)) % 7
    for neighborhood in (Neighborhood(), Neighborhood(max_neighbors=9)):
        kriging = fit_kriging(coordinates, values, model, neighborhood, **options)
        one, grouped = kriging.leave_one_out(), kriging.leave_group_out(groups)
        for i in range(0, len(values), 8):
            keep = np.arange(len(values)) != i
            other = fit_kriging(coordinates[keep], values[keep], model, neighborhood, **options)
            expected = other.predict(coordinates[i : i + 1])
            assert_allclose(one.estimate[i], expected.estimate[0], **SAME)
            assert_allclose(one.kriging_variance[i], expected.kriging_variance[0], **SAME)
            assert_allclose(one.smoothing_variance[i], expected.smoothing_variance[0], rtol=1e-7, atol=1e-9)
        rows = groups == 3
        other = fit_kriging(coordinates[~rows], values[~rows], model, neighborhood, **options)
        assert_allclose(grouped.estimate[rows], other.predict(coordinates[rows]).estimate, **SAME)
        assert (grouped.reason == Reason.ESTIMATED).all()


def test_a_trend_is_a_drift_of_the_coordinates(samples, model, neighborhood):
    coordinates, values, _, targets, _ = samples
    center = coordinates.mean(axis=0)
    for order in (1, 2):
        trend = fit_kriging(coordinates, values, model, neighborhood, trend_order=order)
        drift = fit_kriging(coordinates, values, model, neighborhood, trend_columns(coordinates - center, order))
        a, b = trend.predict(targets), drift.predict(targets, trend_columns(targets - center, order))
        assert_allclose(a.estimate, b.estimate, rtol=1e-6)
        assert_allclose(a.kriging_variance, b.kriging_variance, rtol=1e-6)
    surface = 3.0 + trend_columns((coordinates - center) / 100.0, 2) @ np.arange(
        1.0, 1 + trend_columns(coordinates, 2).shape[1]
    )
    kriging = fit_kriging(coordinates, surface, model, trend_order=2)
    expected = 3.0 + trend_columns((targets - center) / 100.0, 2) @ np.arange(
        1.0, 1 + trend_columns(coordinates, 2).shape[1]
    )
    assert_allclose(kriging.predict(targets).estimate, expected, rtol=1e-7)


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize("k", [None, 12])
def test_a_measurement_error_is_filtered(samples, k, share):
    coordinates, values, _, targets, _ = samples
    error = share * MODEL.nugget
    model = VariogramModel(MODEL.nugget, MODEL.structures, error)
    places = np.vstack([targets, coordinates[:5]])
    kriging = fit_kriging(coordinates, values, model, Neighborhood(k))
    result, positive = kriging.predict(places), kriging.positive_weights(places)
    own = VariogramModel(MODEL.nugget - error, MODEL.structures)
    for i, place in enumerate(places):
        near = np.sort(np.argsort(np.linalg.norm(coordinates - place, axis=1))[:k])
        estimate, variance, smoothing, weights = textbook(
            coordinates[near], values[near], MODEL, np.ones((len(near), 1)),
            own.covariance(coordinates[near], place[None])[:, 0], [1.0], own.sill,
        )  # fmt: skip
        assert_allclose(result.estimate[i], estimate, **SAME)
        assert_allclose(result.kriging_variance[i], variance, **SAME)
        assert_allclose(result.smoothing_variance[i], smoothing, **SAME)
        assert_allclose(positive[i], weights[weights > 0].sum(), **SAME)
        if k is None:
            assert_allclose(kriging.weights(place[None])[0][0], weights, **SAME)
    # Samples are compared with what was measured, error included: leave-one-out is as without the filter.
    assert_array_equal(kriging.leave_one_out().estimate, fit_kriging(coordinates, values, MODEL, Neighborhood(k))
                       .leave_one_out().estimate)  # fmt: skip


@pytest.mark.parametrize("k", [None, 14])
def test_repeated_measurements_weigh_as_their_mean(samples, k):
    coordinates, values, _, targets, _ = samples
    error = 0.4 * MODEL.nugget
    model, own = VariogramModel(MODEL.nugget, MODEL.structures, error), 0.6 * MODEL.nugget
    # Three measurements at one place and two at another, and all other places measured once.
    repeated = np.vstack([coordinates, coordinates[[3, 3, 8]]])
    measured = np.append(values, [values[3] + 1.0, values[3] - 0.4, values[8] + 0.7])
    hood = Neighborhood(None if k is None else k)
    kriging = fit_kriging(repeated, measured, model, hood)
    places = np.vstack([targets, coordinates[[3, 8, 10]]])
    result, positive = kriging.predict(places), kriging.positive_weights(places)
    smooth = VariogramModel(0.0, MODEL.structures)

    def solved(rows, place, left_out=None):
        """Solve the textbook's system of the locations' means, whose errors are as many times smaller."""
        rows = rows[rows != left_out]
        where, location, counts = np.unique(repeated[rows], axis=0, return_inverse=True, return_counts=True)
        means = np.bincount(location.ravel(), measured[rows]) / counts
        matrix = smooth.covariance(where, where) + np.diag(own + error / counts)
        right = smooth.covariance(where, place[None])[:, 0] + own * (where == place).all(axis=1)
        prior = own + smooth.sill + (0.0 if left_out is None else error)
        n = len(where)
        system = np.block([[matrix, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
        weights = np.linalg.solve(system, np.append(right, 1.0))
        shares = weights[location.ravel()] / counts[location.ravel()]
        return weights[:n] @ means, prior - weights @ np.append(right, 1.0), shares

    every = np.arange(len(repeated))
    for i, place in enumerate(places):
        near = np.sort(np.argsort(np.linalg.norm(repeated - place, axis=1), kind="stable")[:k])
        estimate, variance, shares = solved(near, place)
        assert_allclose(result.estimate[i], estimate, **SAME)
        assert_allclose(result.kriging_variance[i], variance, **SAME)
        assert_allclose(positive[i], shares[shares > 0].sum(), **SAME)
    left_out, groups = kriging.leave_one_out(), kriging.leave_group_out(every)
    for i in (3, 8, 20, len(coordinates)):
        near = np.argsort(np.linalg.norm(repeated - repeated[i], axis=1), kind="stable")
        near = np.sort(near[near != i][:k])
        estimate, variance, _ = solved(near, repeated[i], i)
        for found in (left_out, groups):
            assert_allclose(found.estimate[i], estimate, **SAME)
            assert_allclose(found.kriging_variance[i], variance, **SAME)
    # One of two measurements left out: the other tells of its place, all but the error of both.
    assert left_out.kriging_variance[8] < fit_kriging(coordinates, values, model, hood).leave_one_out(
    ).kriging_variance[8]  # fmt: skip


def test_a_measurement_error_travels_in_files():
    model = VariogramModel(0.3, MODEL.structures, 0.1)
    assert model_from_dict(model_to_dict(model)) == model
    assert scaled(model, 4.0).measurement_error == pytest.approx(0.4)
    for wrong in (-0.1, 0.4, float("nan")):
        with pytest.raises(InputError, match="between 0 and the nugget"):
            VariogramModel(0.3, MODEL.structures, wrong)


def chosen_by_hand(coordinates, target, frame, hood, holes):
    """Walk the samples from the nearest and take those with room."""
    offsets = (coordinates - target) @ frame.T
    sectors = sector_of(offsets, hood.sectors)
    taken = []
    for row in np.argsort(np.linalg.norm(offsets, axis=1), kind="stable"):
        if np.linalg.norm(offsets[row]) > (hood.search_radius or np.inf):
            break
        if len(taken) == (hood.max_neighbors or len(coordinates)):
            break
        if hood.max_per_sector and sum(sectors[t] == sectors[row] for t in taken) == hood.max_per_sector:
            continue
        if hood.max_per_hole and sum(holes[t] == holes[row] for t in taken) == hood.max_per_hole:
            continue
        taken.append(row)
    return np.sort(taken).astype(int), np.bincount(sectors[taken], minlength=hood.sectors or 1) if taken else None


@pytest.mark.parametrize(
    "hood",
    [
        Neighborhood(sectors=4, max_per_sector=2),
        Neighborhood(sectors=8, max_per_sector=1, max_neighbors=6),
        Neighborhood(sectors=8, max_per_sector=3, search_radius=420.0),
        Neighborhood(max_per_hole=2, max_neighbors=11),
        Neighborhood(max_per_hole=1),
        Neighborhood(sectors=4, max_per_sector=2, max_per_hole=2, search_radius=500.0, min_neighbors=3),
        Neighborhood(sectors=4, min_per_sector=1, max_neighbors=14),
    ],
    ids=str,
)
def test_sectors_and_holes(samples, model, hood):
    coordinates, values, _, targets, _ = samples
    holes = np.array([f"H{i // 4}" for i in range(len(values))])
    kriging = fit_kriging(coordinates, values, model, hood, holes=holes)
    result, positive = kriging.predict(targets), kriging.positive_weights(targets)
    frame = kriging._system.search.frame
    for i, target in enumerate(targets):
        rows, per_sector = chosen_by_hand(coordinates, target, frame, hood, holes)
        assert result.n_neighbors[i] == len(rows)
        if len(rows) < hood.min_neighbors:
            assert result.reason[i] == (Reason.FEW_NEIGHBORS if len(rows) else Reason.NO_NEIGHBORS)
        elif per_sector.min() < hood.min_per_sector:
            assert result.reason[i] == Reason.THIN_SECTOR
        else:
            assert result.reason[i] == Reason.ESTIMATED
            expected = fit_kriging(coordinates[rows], values[rows], model).predict(target[None])
            assert_allclose(result.estimate[i], expected.estimate[0], **SAME)
            assert_allclose(result.kriging_variance[i], expected.kriging_variance[0], **SAME)
            weights, _ = fit_kriging(coordinates[rows], values[rows], model).weights(target[None])
            assert_allclose(positive[i], weights[weights > 0].sum(), **SAME)
            continue
        assert np.isnan(result.estimate[i]) and np.isnan(positive[i])
    left_out = kriging.leave_one_out()
    for i in (0, 17, 39):
        keep = np.arange(len(values)) != i
        other = fit_kriging(coordinates[keep], values[keep], model, hood, holes=holes[keep])
        expected = other.predict(coordinates[i : i + 1])
        assert_allclose(left_out.estimate[i], expected.estimate[0], **SAME)


def test_sectors():
    plane = np.array([(2, 1), (1, 2), (-1, 2), (-2, 1), (-2, -1), (-1, -2), (1, -2), (2, -1)], dtype=float)
    assert len(set(sector_of(plane, 8))) == 8
    assert_array_equal(sector_of(plane, 4), [0, 0, 1, 1, 3, 3, 2, 2])
    cube = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    assert len(set(sector_of(cube, 8))) == 8 and len(set(sector_of(cube, 4))) == 4


def test_figures_of_merit_are_those_of_the_textbooks(samples, model):
    coordinates, values, _, targets, _ = samples
    kriging = fit_kriging(coordinates, values, model)
    result = kriging.predict(targets)
    weights, multiplier = kriging.weights(targets)
    assert_allclose(result.lagrange_multiplier, multiplier, rtol=1e-6, atol=1e-9)
    between = np.einsum("ts,ts->t", weights, model.covariance(targets, coordinates))
    spread = np.einsum("ti,ij,tj->t", weights, model.covariance(coordinates, coordinates), weights)
    assert_allclose(result.regression_slope, between / spread, rtol=1e-6)
    assert_allclose(result.efficiency, 1 - result.kriging_variance / model.sill)
    assert_allclose(result.kriging_std**2, result.kriging_variance)
    assert_allclose(kriging.positive_weights(coordinates[:3]), 1.0)


def test_a_pure_nugget_has_blocks_that_do_not_vary(samples):
    coordinates, values, _, targets, _ = samples
    block = BlockSize(tuple([30.0] * coordinates.shape[1]), 2)
    result = fit_kriging(coordinates, values, VariogramModel(2.0, ())).predict(targets, block=block)
    assert_allclose(result.estimate, values.mean())
    assert_allclose(result.kriging_variance, 2.0 / len(values))
    assert result.prior_variance == 0.0 and np.isnan(result.efficiency).all()


def test_every_empty_place_says_why(samples):
    coordinates, values, _drift, targets, _target_drift = samples
    flags = np.zeros((len(values), 1))
    flags[:20] = 1.0
    columns = np.column_stack([flags, np.full(len(values), 2.0)])
    places = np.vstack([targets[:4], targets[:1] + 1e5])
    at_places = np.column_stack([np.ones(5), np.full(5, 2.0)])
    at_places[1, 0] = np.nan
    at_places[2, 1] = 3.0
    hood = Neighborhood(search_radius=900.0)
    result = fit_kriging(coordinates, values, MODEL, hood, columns).predict(places, at_places)
    assert result.reason.tolist() == [
        Reason.ESTIMATED, Reason.DRIFT_UNKNOWN, Reason.DRIFT_NOT_SAMPLED, Reason.ESTIMATED, Reason.NO_NEIGHBORS
    ]  # fmt: skip
    assert_array_equal(np.isnan(result.estimate), result.reason != Reason.ESTIMATED)
    flags[:] = 0.0
    flags[7] = 1.0
    left_out = fit_kriging(coordinates, values, MODEL, drift=flags).leave_one_out()
    assert left_out.reason[7] == Reason.DRIFT_UNDETERMINED and (np.delete(left_out.reason, 7) == 0).all()


def test_what_does_not_fit_is_refused(samples):
    coordinates, values, drift, targets, _ = samples
    with pytest.raises(InputError, match="no drift or trend"):
        fit_kriging(coordinates, values, MODEL, drift=drift, mean=1.0)
    with pytest.raises(InputError, match="finite mean"):
        fit_kriging(coordinates, values, MODEL, mean=np.nan)
    with pytest.raises(InputError, match="order 0, 1 or 2"):
        fit_kriging(coordinates, values, MODEL, trend_order=3)
    with pytest.raises(InputError, match="drill hole of each of 40"):
        fit_kriging(coordinates, values, MODEL, Neighborhood(max_per_hole=2))
    with pytest.raises(InputError, match="sides"):
        fit_kriging(coordinates, values, MODEL).predict(targets, block=BlockSize((5.0, 5.0, 5.0, 5.0)))
    other = BlockSize((5.0,) * (5 - coordinates.shape[1]))
    with pytest.raises(InputError, match="sides, as the coordinates"):
        fit_kriging(coordinates, values, MODEL).predict(targets, block=other)
    for arguments, words in (
        ({"sectors": 5}, "4 or 8"),
        ({"max_per_sector": 2}, "Set the sectors"),
        ({"sectors": 4, "max_per_sector": 0}, "max_per_sector of 1"),
        ({"max_per_hole": 0}, "max_per_hole of 1"),
        ({"sectors": 4, "min_per_sector": 3, "max_per_sector": 2}, "at most max_per_sector"),
        ({"sectors": 4, "min_per_sector": -1}, "0 or more"),
    ):
        with pytest.raises(InputError, match=words):
            Neighborhood(**arguments)
    square = {"sides": (5.0, 5.0)}
    for arguments in ({"sides": (0.0, 0.0)}, {**square, "n_points": 0}, {**square, "points": "x"}):
        with pytest.raises(InputError, match="Expected"):
            BlockSize(**arguments)
