"""Gradients with a drift, a trend or a known mean.

Truth: central differences of the kriged field itself, the textbook's matrix, refits without a sample, theorems, and
numpy beside the compiled kernels.
"""

from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging import compiled, far_gradient, far_samples, reduction
from hybrid_geostatistics.core.kriging.drift import DriftClasses, DriftSlopes
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.trend import trend_columns, trend_slopes
from hybrid_geostatistics.core.samples import Covariates
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

NESTED = VariogramModel(
    0.1, (Structure("spherical", 0.5, 400.0), Structure("gaussian", 0.4, 500.0, azimuth=30.0, ratio_minor=0.6))
)
SMOOTH = VariogramModel(0.05, (Structure("cubic", 1.0, 600.0),))
HOODS = {
    "all": Neighborhood(),
    "nearest": Neighborhood(max_neighbors=16),
    "sectors": Neighborhood(max_neighbors=20, sectors=4, max_per_sector=5),
}
KINDS = {
    "plane": {"trend_order": 1},
    "quadratic": {"trend_order": 2},
    "drift": {},
    "plane and drift": {"trend_order": 1},
    "mean": {"mean": 6.5},
}
STEP = 1e-3


def hills(places):
    """Return a smooth drift of two columns and its gradients."""
    x, y = places[:, 0] / 150.0, places[:, 1] / 170.0
    values = np.column_stack([np.sin(x) + 0.5 * np.cos(y), x * y])
    slopes = np.zeros((len(places), 2, places.shape[1]))
    slopes[:, 0, 0], slopes[:, 0, 1] = np.cos(x) / 150.0, -0.5 * np.sin(y) / 170.0
    slopes[:, 1, 0], slopes[:, 1, 1] = y / 150.0, x / 170.0
    return DriftSlopes(values, slopes)


def problem(n_dimensions=2, n=60, n_targets=11):
    random = np.random.default_rng(12)
    places = np.array([1000.0, 700.0, 90.0])[:n_dimensions] * random.random((n + n_targets, n_dimensions))
    values = 7.0 + 2.0 * hills(places).values[:, 0] + random.normal(size=n + n_targets)
    return places[:n], values[:n], places[n:]


def options(kind, places):
    drift = hills(places).values if "drift" in kind else None
    return {"drift": drift, **KINDS[kind]}


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("hood", list(HOODS))
@pytest.mark.parametrize("is_local", [False, True], ids=["all samples", "neighbours"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_equals_central_differences_of_the_kriged_field(kind, is_local, hood, n_dimensions):
    places, values, targets = problem(n_dimensions)
    given = {**options(kind, places), "local_drift": is_local}
    kriging = fit_kriging(places, values, NESTED, HOODS[hood], **given)

    def estimate(at):
        return kriging.predict(at, hills(at).values if "drift" in kind else None).estimate

    steps = STEP * np.eye(n_dimensions)
    expected = np.column_stack([(estimate(targets + step) - estimate(targets - step)) / (2 * STEP) for step in steps])
    fitted = fit_gradient(places, values, NESTED, HOODS[hood], **given)
    found = fitted.predict(targets, with_variance=False, drift=hills(targets) if "drift" in kind else None)
    known = np.isfinite(estimate(targets))
    assert known.sum() > 8
    assert_array_equal(found.reason == Reason.ESTIMATED, known)
    # Rounding of estimates of 10 with 1e-12 (local systems of a quadratic surface) over 2e-3.
    assert_allclose(found.gradient[known, 0], expected[known], rtol=1e-6, atol=2e-8 if is_local else 1e-8)


@pytest.mark.parametrize("hood", ["all", "nearest"])
@pytest.mark.parametrize("kind", ["plane", "drift", "mean"])
def test_with_repeated_measurements(kind, hood):
    places, values, targets = problem()
    places, values = np.vstack([places, places[:9]]), np.append(values, values[:9] + 0.3)
    model = replace(NESTED, measurement_error=0.06)
    kriging = fit_kriging(places, values, model, HOODS[hood], **options(kind, places))
    drift = hills(targets) if kind == "drift" else None
    found = fit_gradient(places, values, model, HOODS[hood], **options(kind, places)).predict(targets, drift=drift)

    def estimate(at):
        return kriging.predict(at, hills(at).values if kind == "drift" else None).estimate

    steps = STEP * np.eye(2)
    expected = np.column_stack([(estimate(targets + step) - estimate(targets - step)) / (2 * STEP) for step in steps])
    assert_allclose(found.gradient[:, 0], expected, rtol=1e-6, atol=1e-8)


def textbook(places, columns, model, target, at_target, axis, step):
    """Return the error variance of universal kriging of a slope over a step, from the whole matrix."""
    n, smooth = len(places), VariogramModel(0.0, model.structures)
    ends = target + 0.5 * step * np.eye(len(target))[axis] * np.array([[1.0], [-1.0]])
    matrix = np.zeros((n + columns.shape[1],) * 2)
    matrix[:n, :n] = model.covariance(places, places)
    matrix[:n, n:], matrix[n:, :n] = columns, columns.T
    between = smooth.covariance(places, ends)
    right = np.append((between[:, 0] - between[:, 1]) / step, at_target)
    prior = 2 * float(smooth.sill - smooth.covariance(ends[:1], ends[1:])[0, 0]) / step**2
    return prior - right @ np.linalg.solve(matrix, right)


@pytest.mark.parametrize("hood", ["all", "nearest"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_variance_of_the_slope_is_the_textbooks(kind, hood):
    """With all samples, and where the neighbours determine the drift: universal kriging of a contrast."""
    places, values, targets = problem()
    fitted = fit_gradient(places, values, NESTED, HOODS[hood], **options(kind, places), local_drift=True)
    drift = hills(targets) if "drift" in kind else None
    baseline = (30.0, 45.0)
    found = fitted.predict(targets, baseline, drift=drift)
    scaled, order = places / 1000.0, fitted.kriging.trend_order
    parts = [np.ones((len(places), 1)), trend_columns(scaled, order)]
    slopes = [np.zeros((len(targets), 1, 2)), trend_slopes(targets / 1000.0, order) / 1000.0]
    if drift is not None:
        parts, slopes = [*parts, hills(places).values], [*slopes, drift.slopes]
    columns, at_targets = np.column_stack(parts), np.concatenate(slopes, axis=1)
    if kind == "mean":
        columns, at_targets = columns[:, :0], at_targets[:, :0]
    for i, target in enumerate(targets):
        near = np.argsort(np.linalg.norm(places - target, axis=1))[: HOODS[hood].max_neighbors]
        expected = [
            textbook(places[near], columns[near], NESTED, target, at_targets[i, :, axis], axis, baseline[axis])
            for axis in range(2)
        ]
        assert_allclose(found.variance[i], expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["plane", "drift"])
def test_level_of_the_neighbours_drift_of_all(kind):
    """With all samples as neighbours one by one it is universal kriging, variances included."""
    places, values, targets = problem()
    drift = hills(targets) if kind == "drift" else None
    one = fit_gradient(places, values, SMOOTH, **options(kind, places)).predict(targets, drift=drift)
    everyone = Neighborhood(max_neighbors=len(places))
    moving = fit_gradient(places, values, SMOOTH, everyone, **options(kind, places)).predict(targets, drift=drift)
    assert_allclose(moving.gradient, one.gradient, rtol=1e-7, atol=1e-10)
    assert_allclose(moving.variance, one.variance, rtol=1e-7)


def test_coordinates_as_a_drift_are_a_trend():
    places, values, targets = problem()
    trend = fit_gradient(places, values, SMOOTH, trend_order=2).predict(targets)
    drift = DriftSlopes(trend_columns(targets, 2), trend_slopes(targets, 2))
    found = fit_gradient(places, values, SMOOTH, drift=trend_columns(places, 2)).predict(targets, drift=drift)
    assert_allclose(found.gradient, trend.gradient, rtol=1e-6)
    assert_allclose(found.variance, trend.variance, rtol=1e-6)


@pytest.mark.parametrize("hood", ["all", "nearest"])
def test_a_field_that_is_its_drift_rises_as_the_drift_does(hood):
    places, _, targets = problem()
    values = 3.0 - 4.0 * hills(places).values[:, 0]
    fitted = fit_gradient(places, values, NESTED, HOODS[hood], drift=hills(places).values)
    found = fitted.predict(targets, drift=hills(targets))
    assert_allclose(found.gradient[:, 0], -4.0 * hills(targets).slopes[:, 0], atol=1e-12)
    assert_allclose(found.flux(2.0)[:, 0], 8.0 * hills(targets).slopes[:, 0], atol=1e-12)


@pytest.mark.parametrize("is_local", [False, True], ids=["all samples", "neighbours"])
@pytest.mark.parametrize("hood", ["all", "nearest"])
@pytest.mark.parametrize("kind", ["plane", "drift", "mean"])
def test_at_samples_it_is_that_of_the_others(kind, hood, is_local):
    places, values, _ = problem()
    given = {**options(kind, places), "local_drift": is_local}
    at_samples = hills(places) if "drift" in kind else None
    baseline = (25.0, 40.0)
    found = fit_gradient(places, values, NESTED, HOODS[hood], **given).leave_one_out(baseline, drift=at_samples)
    for i in range(0, len(values), 9):
        keep = np.arange(len(values)) != i
        drift = None if at_samples is None else given["drift"][keep]
        others = fit_gradient(places[keep], values[keep], NESTED, HOODS[hood], **{**given, "drift": drift})
        here = None if at_samples is None else DriftSlopes(at_samples.values[[i]], at_samples.slopes[[i]])
        expected = others.predict(places[[i]], baseline, drift=here)
        assert_allclose(found.gradient[i], expected.gradient[0], rtol=1e-7, atol=1e-10)
        assert_allclose(found.variance[i], expected.variance[0], rtol=1e-7)


@pytest.mark.parametrize("hood", ["all", "nearest"])
@pytest.mark.parametrize("kind", ["plane", "drift", "mean"])
def test_kernels_equal_numpy(monkeypatch, kind, hood):
    if compiled.compiled_kernels() is None:
        pytest.skip("numba is not installed")
    places, values, _ = problem()
    fitted = fit_gradient(places, values, NESTED, HOODS[hood], **options(kind, places))
    grid = RasterGrid((190, 180), (0.0, 5.5, 0.0, 700.0, 0.0, -3.5))
    drift = hills(grid.centers(Block(0, 0, *grid.shape))) if kind == "drift" else None
    estimate, fast = fitted.predict_grid_with_estimate(grid, with_variance=False, drift=drift)
    rows = np.arange(0, grid.n_cells, 97)
    some = None if drift is None else DriftSlopes(drift.values[rows], drift.slopes[rows])
    monkeypatch.setattr(compiled, "_broken", ["numpy"])
    cells = grid.centers(Block(0, 0, *grid.shape))[rows]
    slow = fitted.predict(cells, with_variance=False, drift=some)
    assert_allclose(fast.gradient[rows], slow.gradient, rtol=1e-8, atol=1e-10 * np.abs(slow.gradient).max())
    expected = fitted.estimator.predict(cells, None if some is None else some.values)
    assert_allclose(estimate.estimate[rows], expected.estimate, rtol=1e-9)


@pytest.mark.parametrize("is_compiled", [True, False], ids=["kernels", "numpy"])
def test_a_tolerance_is_kept_by_gradients(monkeypatch, is_compiled):
    """Truth: the sum in full; the error stays within the share of the largest gradient, and there is one."""
    if is_compiled and compiled.compiled_kernels() is None:
        pytest.skip("numba is not installed")
    random = np.random.default_rng(4)
    places, values = random.random((300, 2)) * 300.0, random.normal(50.0, 9.0, 300)
    model = VariogramModel(0.1, (Structure("exponential", 0.9, 200.0),))
    grid = RasterGrid((80, 80), (0.0, 3.7, 0.0, 300.0, 0.0, -3.7))
    exact = fit_gradient(places, values, model, trend_order=1).predict(grid.centers(Block(0, 0, 80, 80))).gradient
    monkeypatch.setattr(far_gradient, "_tile_side", lambda *arguments: 40)
    monkeypatch.setattr(far_gradient, "WORTH_COMPILING", 0 if is_compiled else 10**9)
    monkeypatch.setattr(reduction, "WORTH_COMPILING", 0 if is_compiled else 10**9)
    for tolerance in (1e-3, 1e-6):
        rough = fit_gradient(places, values, model, trend_order=1, tolerance=tolerance)
        error = np.abs(rough.predict_grid(grid, with_variance=False).gradient - exact).max() / np.abs(exact).max()
        assert 1e-5 * tolerance < error < tolerance
        plain = fit_gradient(places, values, model)
        bound = tolerance * np.abs(plain.predict(grid.centers(Block(0, 0, 80, 80))).gradient).max()
        level = fit_gradient(places, values, model, tolerance=tolerance)
        _, beside = level.predict_grid_with_estimate(grid, with_variance=False)
        alone = plain.predict_grid(grid, with_variance=False)
        assert np.abs(beside.gradient - alone.gradient).max() < bound


def cells_beside(values):
    """Return cells with the ones beside them, of an array (n_rows + 2, n_columns + 2)."""
    flat = [part.reshape(-1, 1) for part in (values[1:-1, 1:-1], values[1:-1, :-2], values[1:-1, 2:], values[2:, 1:-1],
                                             values[:-2, 1:-1])]  # fmt: skip
    return flat[0], [(flat[1], flat[2]), (flat[3], flat[4])]


def test_the_gradient_of_a_raster_is_that_of_the_surface_between_its_cells():
    """Truth: central differences of the map of external drift kriging, the raster interpolated bilinearly."""
    places, values, _ = problem()
    grid = RasterGrid((14, 20), (-30.0, 60.0, 0.0, 740.0, 0.0, -60.0))
    around = hills(grid.centers(Block(0, 0, 14, 20))).values[:, 0].reshape(14, 20)

    def bilinear(at):
        column, row = (at[:, 0] + 30.0) / 60.0 - 0.5, (740.0 - at[:, 1]) / 60.0 - 0.5
        left, top = np.floor(column).astype(int), np.floor(row).astype(int)
        u, v = column - left, row - top
        upper = (1 - u) * around[top, left] + u * around[top, left + 1]
        return ((1 - v) * upper + v * ((1 - u) * around[top + 1, left] + u * around[top + 1, left + 1]))[:, None]

    drift = DriftSlopes.between(*cells_beside(around), (60.0, 60.0))
    cells = grid.centers(Block(1, 1, 12, 18))
    kriging = fit_kriging(places, values, SMOOTH, drift=bilinear(places))
    steps = STEP * np.eye(2)
    expected = np.column_stack(
        [
            (kriging.predict(cells + step, bilinear(cells + step)).estimate
             - kriging.predict(cells - step, bilinear(cells - step)).estimate) / (2 * STEP)
            for step in steps
        ]
    )  # fmt: skip
    found = fit_gradient(places, values, SMOOTH, drift=bilinear(places)).predict(cells, (60.0, 60.0), drift=drift)
    assert_allclose(found.gradient[:, 0], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("local", [False, True], ids=["all samples", "neighbours"])
@pytest.mark.parametrize("hood", ["all", "nearest"])
def test_where_a_drift_has_no_gradient(hood, local):
    nothing = np.nan
    values = np.array([[5.0, nothing, nothing, 1.0], [4.0, 3.0, nothing, 2.0], [nothing, 7.0, nothing, 9.0]])
    at, beside = cells_beside(np.pad(values, 1, constant_values=nothing))
    found = DriftSlopes.between(at, beside, (2.0, 1.0))
    east = [[nothing] * 4, [-0.5, -0.5, nothing, nothing], [nothing] * 4]
    north = [[1.0, nothing, nothing, -1.0], [1.0, -4.0, nothing, -4.0], [nothing, -4.0, nothing, -7.0]]
    assert_array_equal(found.slopes[:, 0, 0].reshape(3, 4), east)
    assert_array_equal(found.slopes[:, 0, 1].reshape(3, 4), north)
    random = np.random.default_rng(3)
    places, known = random.random((20, 2)) * 10.0, random.random((20, 1))
    fitted = fit_gradient(places, random.random(20), SMOOTH, HOODS[hood], drift=known, local_drift=local)
    result = fitted.predict(random.random((12, 2)) * 10.0, (1.0, 1.0), drift=found)
    has_both = np.isfinite(found.slopes[:, 0]).all(axis=1)
    assert has_both.sum() == 2
    assert_array_equal(result.reason, np.where(has_both, Reason.ESTIMATED, Reason.DRIFT_UNKNOWN))
    assert_array_equal(np.isfinite(result.gradient).all(axis=(1, 2)), has_both)
    assert_array_equal(np.isfinite(result.variance).all(axis=1), has_both)


def test_within_a_class_the_drift_adds_nothing():
    """Truth: with classes known, the gradient is that of kriging what the classes' levels leave."""
    places, values, targets = problem()
    random = np.random.default_rng(5)
    soil = Covariates(("soil",), random.integers(1, 4, (71, 1)).astype(float), (True,))
    classes = DriftClasses.of(soil)
    assert classes.is_class.tolist() == [True] * 3
    columns = classes.columns(soil)
    beside = [(columns[60:][::-1], columns[60:])] * 2
    drift = DriftSlopes.between(columns[60:], beside, (1.0, 1.0), classes.is_class)
    assert (drift.slopes == 0).all()
    fitted = fit_gradient(places, values, SMOOTH, drift=columns[:60])
    system = fitted.estimator._system
    rest = values - system.samples.columns[:, 1:] @ system.coefficients[1:]
    found = fitted.predict(targets, drift=drift)
    assert_allclose(found.gradient, fit_gradient(places, rest, SMOOTH).predict(targets).gradient, atol=1e-10)
    assert (found.variance >= fit_gradient(places, rest, SMOOTH).predict(targets).variance - 1e-15).all()


def test_what_the_samples_do_not_determine():
    """Along a line of samples a plane has a slope, across it none; a class without samples has no level."""
    along = np.column_stack([np.linspace(0.0, 100.0, 12), np.full(12, 7.0)])
    values = np.linspace(1.0, 4.0, 12)
    result = fit_gradient(along, values, SMOOTH, trend_order=1).predict([[50.0, 7.0], [50.0, 9.0]])
    assert_array_equal(result.reason, [Reason.DRIFT_NOT_SAMPLED] * 2)
    places, values, targets = problem()
    one = np.zeros((60, 1))
    one[7] = 1.0
    only = fit_gradient(places, values, SMOOTH, drift=one)
    left_out = only.leave_one_out(drift=DriftSlopes(one, np.zeros((60, 1, 2))))
    assert_array_equal(np.flatnonzero(left_out.reason), [7])
    assert left_out.reason[7] == Reason.DRIFT_UNDETERMINED and np.isnan(left_out.gradient[7]).all()
    near = Neighborhood(max_neighbors=8)
    local = fit_gradient(places, values, SMOOTH, near, drift=one, local_drift=True)
    far = targets[np.linalg.norm(targets - places[7], axis=1) > 300.0]
    in_class = DriftSlopes(np.ones((len(far), 1)), np.zeros((len(far), 1, 2)))
    assert_array_equal(local.predict(far, drift=in_class).reason, [Reason.DRIFT_UNDETERMINED] * len(far))


def test_what_is_refused():
    places, values, targets = problem()
    two = np.column_stack([values, values])
    with pytest.raises(InputError, match="one field with a drift, a trend or a known mean, got 2"):
        fit_gradient(places, two, SMOOTH, trend_order=1)
    with pytest.raises(InputError, match="one field with a drift"):
        fit_gradient(places, two, SMOOTH, mean=1.0)
    fitted = fit_gradient(places, values, SMOOTH, drift=hills(places).values)
    with pytest.raises(InputError, match="2 columns of drift at the targets, got none"):
        fitted.predict(targets)
    with pytest.raises(InputError, match="gradients of the drift of shape"):
        fitted.predict(targets, drift=DriftSlopes(hills(targets).values, np.zeros((11, 1, 2))))
    with pytest.raises(InputError, match="0 columns of drift"):
        fit_gradient(places, values, SMOOTH).predict(targets, drift=hills(targets))
    with pytest.raises(InputError, match="ordinary kriging to leave groups out"):
        fitted.leave_group_out(np.arange(60) % 5)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_tolerance_is_kept_by_estimates_with_a_drift(monkeypatch, kind):
    """Truth: the exact map."""
    random = np.random.default_rng(6)
    places = random.random((300, 2)) * 300.0
    values = 50.0 + 9.0 * random.normal(size=300) + 4.0 * hills(places).values[:, 0]
    model = VariogramModel(0.1, (Structure("exponential", 0.9, 200.0),))
    grid = RasterGrid((80, 80), (0.0, 3.7, 0.0, 300.0, 0.0, -3.7))
    drift = hills(grid.centers(Block(0, 0, 80, 80))).values if "drift" in kind else None
    monkeypatch.setattr(reduction, "_tiling", lambda *arguments: far_samples.Tiling(40, is_split=True))
    exact, rough = (
        fit_kriging(places, values, model, tolerance=tolerance, **options(kind, places)).predict_grid(grid, drift=drift)
        for tolerance in (far_samples.EXACT_TO, 1e-5)
    )
    assert 1e-10 < np.abs(rough.estimate - exact.estimate).max() < 1e-5 * values.std()
    assert 1e-10 < np.abs(rough.kriging_variance - exact.kriging_variance).max() < 1e-5 * model.sill
