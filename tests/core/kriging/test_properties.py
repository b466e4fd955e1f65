"""Truth: theorems of kriging over random samples, models, kinds and neighbourhoods (hypothesis)."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import KrigingSystemError
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.slopes import SLOPES
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled
from numpy.testing import assert_allclose, assert_array_equal

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

# The same examples in every run: a failure here is found again.
quickly = settings(max_examples=40, deadline=None, derandomize=True)
# With a nugget of at least a hundredth of the sill matrices have condition numbers below 1e5.
CLOSE = {"rtol": 1e-7, "atol": 1e-7}


SHAPES = {**dict.fromkeys(sorted(SLOPES)), "matern": 1.7, "stable": 1.3}
"""Every model, with a shape where it has one."""


@st.composite
def structures(draw):
    name = draw(st.sampled_from(list(SHAPES)))
    return Structure(
        name,
        draw(st.floats(0.1, 2.0)),
        draw(st.floats(20.0, 2000.0)),
        azimuth=draw(st.floats(0.0, 180.0)),
        dip=draw(st.floats(-60.0, 60.0)),
        plunge=draw(st.floats(-60.0, 60.0)),
        ratio_minor=draw(st.floats(0.2, 1.0)),
        ratio_vertical=draw(st.floats(0.1, 1.0)),
        shape=SHAPES[name],
    )


@st.composite
def worlds(draw, n_least=3):
    """Draw samples anywhere on Earth in any unit, a variogram, a neighbourhood and a kind."""
    n_dimensions = draw(st.sampled_from([2, 3]))
    n = draw(st.integers(n_least, 45))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = np.array([900.0, 500.0, 60.0])[:n_dimensions]
    origin = draw(st.sampled_from([0.0, 431_000.0, 7_000_000.0]))
    coordinates = origin + size * random.random((n, n_dimensions))
    targets = origin + size * (1.4 * random.random((12, n_dimensions)) - 0.2)
    values = draw(st.sampled_from([1.0, 1e-6, 1e5])) * (3.0 + random.normal(size=n))
    several = tuple(draw(st.lists(structures(), min_size=1, max_size=2)))
    psill = sum(structure.psill for structure in several)
    model = VariogramModel(psill * draw(st.floats(0.01, 1.0)), several)
    hood = draw(
        st.sampled_from(
            [
                Neighborhood(),
                Neighborhood(max_neighbors=1),
                Neighborhood(max_neighbors=8),
                Neighborhood(search_radius=300.0),
                Neighborhood(max_neighbors=6, search_radius=200.0, min_neighbors=2),
                Neighborhood(sectors=4, max_per_sector=2),
                Neighborhood(sectors=8, max_per_sector=2, search_radius=400.0, max_neighbors=9),
            ]
        )
    )
    local = {"trend_order": 1, "local_drift": True}
    kind = draw(st.sampled_from([{}, {"mean": float(values.mean())}, {"trend_order": 1}, local]))
    if "trend_order" in kind and n < 2 * n_dimensions + 2:
        kind = {}
    return coordinates, values, model, hood, kind, targets


@given(worlds())
@quickly
def test_variances_are_never_negative_and_nan_never_silent(world):
    coordinates, values, model, hood, kind, targets = world
    kriging = fit_kriging(coordinates, values, model, hood, **kind)
    for result in (
        kriging.predict(targets),
        kriging.predict(targets, block=BlockSize(tuple([30.0] * coordinates.shape[1]), 2)),
        kriging.leave_one_out(),
    ):
        found = result.reason == Reason.ESTIMATED
        assert_array_equal(np.isfinite(result.estimate), found)
        assert_array_equal(np.isfinite(result.kriging_variance), found)
        assert (result.kriging_variance[found] >= 0).all()
        assert (result.n_neighbors[found] >= hood.min_neighbors).all()


@given(worlds())
@quickly
def test_exact_at_samples(world):
    coordinates, values, model, hood, kind, _ = world
    result = fit_kriging(coordinates, values, model, hood, **kind).predict(coordinates)
    found = result.reason == Reason.ESTIMATED
    assert_array_equal(result.estimate[found], values[found])
    assert_array_equal(result.kriging_variance[found], 0.0)


@given(worlds())
@quickly
def test_a_constant_is_reproduced_because_weights_sum_to_one(world):
    coordinates, values, model, hood, kind, targets = world
    if "mean" in kind:
        kind = {"mean": 42.0}
    kriging = fit_kriging(coordinates, np.full(len(values), 42.0), model, hood, **kind)
    result = kriging.predict(targets)
    assert_allclose(result.estimate[result.reason == Reason.ESTIMATED], 42.0, rtol=1e-8)
    if hood.is_global and "mean" not in kind:
        assert_allclose(kriging.weights(targets)[0].sum(axis=1), 1.0, rtol=1e-8)


@given(worlds())
@quickly
def test_invariant_to_a_shift_and_to_units(world):
    coordinates, values, model, hood, kind, targets = world
    base = fit_kriging(coordinates, values, model, hood, **kind).predict(targets)
    shift = 2.0**16
    moved_kind = {"mean": 1e3 * kind["mean"]} if "mean" in kind else kind
    moved = fit_kriging(coordinates + shift, 1e3 * values, scaled(model, 1e6), hood, **moved_kind)
    result = moved.predict(targets + shift)
    scale = np.abs(values).max()
    assert_allclose(result.estimate / 1e3 / scale, base.estimate / scale, **CLOSE)
    assert_allclose(result.kriging_variance / 1e6, base.kriging_variance, **CLOSE)


@given(worlds(), st.randoms(use_true_random=False))
@quickly
def test_invariant_to_the_order_of_samples(world, random):
    coordinates, values, model, hood, kind, targets = world
    order = list(range(len(values)))
    random.shuffle(order)
    base = fit_kriging(coordinates, values, model, hood, **kind).predict(targets)
    result = fit_kriging(coordinates[order], values[order], model, hood, **kind).predict(targets)
    scale = np.abs(values).max()
    assert_allclose(result.estimate / scale, base.estimate / scale, **CLOSE)
    assert_allclose(result.kriging_variance, base.kriging_variance, **CLOSE)


@given(worlds())
@quickly
def test_more_neighbors_never_raise_the_variance(world):
    coordinates, values, model, _, _, targets = world
    # Simple kriging: every sample added is information.
    few = fit_kriging(coordinates, values, model, Neighborhood(max_neighbors=2), mean=0.0).predict(targets)
    all_of_them = fit_kriging(coordinates, values, model, mean=0.0).predict(targets)
    assert (all_of_them.kriging_variance <= few.kriging_variance * (1 + 1e-9) + 1e-12).all()
    unknown_mean = fit_kriging(coordinates, values, model).predict(targets)
    assert (all_of_them.kriging_variance <= unknown_mean.kriging_variance * (1 + 1e-9) + 1e-12).all()


@given(worlds())
@quickly
def test_the_parts_of_a_block_average_to_the_block(world):
    coordinates, values, model, _, kind, targets = world
    n_dimensions = coordinates.shape[1]
    sides = np.array([40.0, 24.0, 10.0])[:n_dimensions]
    kriging = fit_kriging(coordinates, values, model, **kind)
    whole = kriging.predict(targets, block=BlockSize(tuple(sides), 4, "regular"))
    # Two points along each half are the four along the whole.
    part = BlockSize(tuple(sides / 2), 2, "regular")
    corners = np.array(np.meshgrid(*[[-0.25, 0.25]] * n_dimensions)).reshape(n_dimensions, -1).T * sides
    parts = [kriging.predict(targets + corner, block=part) for corner in corners]
    scale = np.abs(values).max()
    assert_allclose(np.mean([p.estimate for p in parts], axis=0) / scale, whole.estimate / scale, **CLOSE)
    # The errors of the parts are not independent: their mean has no more variance than they have.
    mean_variance = np.mean([p.kriging_variance for p in parts], axis=0)
    assert (whole.kriging_variance <= mean_variance * (1 + 1e-9) + 1e-9).all()


@given(worlds(), st.integers(2, 9))
@quickly
def test_parts_of_a_grid_are_the_whole(world, size):
    coordinates, values, model, hood, kind, _ = world
    if coordinates.shape[1] == 3:
        coordinates = coordinates[:, :2]
    left, top = coordinates[:, 0].min(), coordinates[:, 1].max()
    grid = RasterGrid((7, 11), (left, 83.0, 0.0, top, 0.0, -71.0))
    kriging = fit_kriging(coordinates, values, model, hood, **kind)
    whole = kriging.predict_grid(grid)
    index = np.arange(grid.n_cells).reshape(grid.shape)
    scale = np.abs(values).max()
    for block in grid.blocks(size):
        cells = index[block.row : block.row + block.n_rows, block.column : block.column + block.n_columns].ravel()
        part = kriging.predict_grid(grid, block)
        assert_allclose(part.estimate / scale, whole.estimate[cells] / scale, **CLOSE)
        assert_allclose(part.kriging_variance, whole.kriging_variance[cells], **CLOSE)
        assert_array_equal(part.reason, whole.reason[cells])


@given(worlds())
@quickly
def test_the_gradient_is_that_of_the_estimate(world):
    coordinates, values, model, hood, _, targets = world
    fitted = fit_gradient(coordinates, values, model, hood)
    result = fitted.predict(targets, tuple([20.0] * coordinates.shape[1]))
    assert (result.variance[result.reason == Reason.ESTIMATED] >= 0).all()
    kriging = fit_kriging(coordinates, values, model, hood)
    scale = np.ptp(values) + 1e-300
    reach = min(s.effective_range * min(s.ratio_minor, s.ratio_vertical) for s in model.structures)
    # A fifth of the shortest range in a thousand steps: far from kinks of the models the error is of second order.
    step = 2e-4 * reach
    centre = kriging.predict(targets)
    for axis in range(coordinates.shape[1]):
        offset = step * np.eye(coordinates.shape[1])[axis]
        ahead, behind = kriging.predict(targets + offset), kriging.predict(targets - offset)
        difference = (ahead.estimate - behind.estimate) / (2 * step)
        # Where a neighbour comes or goes within the step, the estimate jumps: there is no such limit.
        smooth = (centre.reason == 0) & (np.abs(ahead.estimate + behind.estimate - 2 * centre.estimate) < 1e-5 * scale)
        assert_allclose(
            result.gradient[smooth, 0, axis] * reach / scale, difference[smooth] * reach / scale, atol=0.05
        )


@given(worlds(n_least=6), st.floats(0.1, 1.0))
@quickly
def test_repeated_measurements_weigh_as_their_mean(world, share):
    coordinates, values, model, hood, kind, targets = world
    if not hood.is_global:
        return  # repeats take places of other neighbours
    error = VariogramModel(model.nugget, model.structures, share * model.nugget)
    # All measured twice: the same as their means with half the error.
    twice = np.tile(coordinates, (2, 1))
    scale = np.abs(values).max()
    measured = np.append(values, values + 0.1 * scale)
    half = VariogramModel(model.nugget * (1 - 0.5 * share), model.structures, 0.5 * share * model.nugget)
    result = fit_kriging(twice, measured, error, hood, **kind).predict(np.vstack([targets, coordinates]))
    means = fit_kriging(coordinates, values + 0.05 * scale, half, hood, **kind)
    expected = means.predict(np.vstack([targets, coordinates]))
    assert_allclose(result.estimate / scale, expected.estimate / scale, **CLOSE)
    assert_allclose(result.kriging_variance, expected.kriging_variance, **CLOSE)
    assert_allclose(result.smoothing_variance, expected.smoothing_variance, **CLOSE)


@given(worlds(n_least=6), st.integers(1, 4))
@quickly
def test_at_most_so_many_of_a_hole(world, most):
    coordinates, values, model, _, kind, targets = world
    holes = np.arange(len(values)) % 3
    hood = Neighborhood(max_neighbors=10, max_per_hole=most)
    result = fit_kriging(coordinates, values, model, hood, holes=holes, **kind).predict(targets)
    assert (result.n_neighbors == min(10, 3 * most, sum(min(most, n) for n in np.bincount(holes)))).all()
    assert (result.kriging_variance[result.reason == Reason.ESTIMATED] >= 0).all()
    # Without a name nobody shares a hole.
    unnamed = fit_kriging(coordinates, values, model, hood, holes=np.full(len(values), ""), **kind).predict(targets)
    nearest = fit_kriging(coordinates, values, model, Neighborhood(max_neighbors=10), **kind).predict(targets)
    scale = np.abs(values).max()
    assert_allclose(unnamed.estimate / scale, nearest.estimate / scale, **CLOSE)


@given(worlds(n_least=6), st.integers(1, 4))
@quickly
def test_duplicates_count_as_measurements_or_are_refused(world, n_duplicates):
    coordinates, values, model, hood, kind, targets = world
    again = np.vstack([coordinates, coordinates[:n_duplicates]])
    twice = np.append(values, values[:n_duplicates] * 1.1)
    kriging = fit_kriging(again, twice, model, hood, **kind)
    result = kriging.predict(np.vstack([targets, coordinates[:n_duplicates]]))
    assert_array_equal(np.isfinite(result.estimate), result.reason == Reason.ESTIMATED)
    at_duplicates = result.estimate[len(targets) :]
    found = np.isfinite(at_duplicates)
    assert_allclose(at_duplicates[found], (1.05 * values[:n_duplicates])[found], rtol=1e-9)
    without_nugget = VariogramModel(0.0, model.structures)
    with pytest.raises(KrigingSystemError, match="Average or remove duplicates"):
        fit_kriging(again, twice, without_nugget, hood, **kind)


@given(st.floats(1e-9, 1e-3), st.integers(0, 1000))
@quickly
def test_an_ill_conditioned_system_is_reported_or_right(spacing, seed):
    random = np.random.default_rng(seed)
    coordinates = np.vstack([random.random((12, 2)) * 100.0, [[50.0, 50.0], [50.0 + spacing, 50.0]]])
    values = random.normal(size=14)
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 120.0),))
    try:
        kriging = fit_kriging(coordinates, values, smooth)
    except KrigingSystemError as error:
        assert "closest samples" in str(error) and error.n_samples == 14
    else:
        weights, _ = kriging.weights(coordinates + 1.0)
        assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-3)
