"""Truth: two roads. The compiled kernel gives what numpy gives."""

from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError, KrigingSystemError
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging import (
    compiled,
    compiling,
    far_gradient,
    far_samples,
    moving,
    reduction,
    system,
)
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.lattice import Lattice, product_points
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

numba = pytest.importorskip("numba")


def both_roads(monkeypatch, work):
    """Return what `work` gives with numpy and with the compiled kernel."""
    for module in (moving, reduction):
        monkeypatch.setattr(module, "WORTH_COMPILING", 10**9)
    with_numpy = work()
    for module in (moving, reduction):
        monkeypatch.setattr(module, "WORTH_COMPILING", 0)
    return with_numpy, work()


def assert_same(a, b):
    assert_allclose(a.estimate, b.estimate, rtol=1e-10, atol=1e-11)
    assert_allclose(a.kriging_variance, b.kriging_variance, rtol=1e-9, atol=1e-12)
    assert_allclose(a.smoothing_variance, b.smoothing_variance, rtol=1e-9, atol=1e-10)
    assert_array_equal(a.n_neighbors, b.n_neighbors)


@pytest.mark.parametrize("with_drift", [False, True])
def test_equals_numpy(monkeypatch, samples, model, neighborhood, with_drift):
    coordinates, values, drift, targets, _ = samples
    low, high = targets.min(axis=0), targets.max(axis=0)
    raster = product_points(np.linspace(low[0], high[0], 23), np.linspace(high[1], low[1], 19), targets[0, 2:])
    target_drift = np.column_stack([np.sin(raster[:, 0] / 90.0) + 50.0, raster[:, 0]])
    drift, target_drift = (drift, target_drift) if with_drift else (None, None)
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    monkeypatch.setattr(system, "_LARGE", 0)
    assert_same(*both_roads(monkeypatch, lambda: kriging.predict(raster, target_drift)))


def test_equals_numpy_where_samples_tie(monkeypatch):
    # Samples and cells on a lattice: many neighbours at the same distance.
    places = np.array([(x, y) for x in range(12) for y in range(9)], dtype=float)
    values = np.random.default_rng(2).normal(size=len(places))
    model = VariogramModel(0.1, (Structure("spherical", 0.9, 5.0),))
    raster = product_points(np.arange(24) / 2, np.arange(18) / 2, np.empty(0))
    for neighborhood in (Neighborhood(3), Neighborhood(8), Neighborhood(13), Neighborhood(9, search_radius=1.5)):
        kriging = fit_kriging(places, values, model, neighborhood)
        assert_same(*both_roads(monkeypatch, lambda kriging=kriging: kriging.predict(raster)))


@pytest.mark.parametrize(("n_samples", "limit"), [(4000, 32), (4000, 9), (4000, 100), (60, 32), (20, 64)])
def test_nearest_samples_on_a_raster(monkeypatch, n_samples, limit):
    # Clustered samples, a raster that reaches beyond them, edges that are no whole tiles.
    random = np.random.default_rng(n_samples)
    places = 5e6 + 100.0 * np.concatenate(
        [random.random((n_samples // 2, 2)), 0.3 * random.random((n_samples // 2, 2))]
    )
    kriging = fit_kriging(
        places,
        random.normal(size=n_samples),
        VariogramModel(0.1, (Structure("exponential", 0.9, 30.0),)),
        Neighborhood(limit),
    )
    grid = RasterGrid((67, 59), (5e6 - 40.0, 2.9, 0.0, 5e6 + 130.0, 0.0, -2.3))
    assert_same(*both_roads(monkeypatch, lambda: kriging.predict_grid(grid)))


@pytest.mark.parametrize("mean", [None, 0.3])
def test_a_raster_of_nearest_samples_is_its_list_of_places(monkeypatch, mean):
    # Cells on samples, also where too few are in reach, and cells that reach none.
    random = np.random.default_rng(5)
    places = np.round(random.random((90, 2)) * [40.0, 25.0])
    places, values = np.unique(places, axis=0), random.normal(size=len(np.unique(places, axis=0)))
    neighborhood = Neighborhood(6, min_neighbors=3, search_radius=3.5)
    kriging = fit_kriging(
        places, values, VariogramModel(0.1, (Structure("spherical", 0.9, 9.0),)), neighborhood, mean=mean
    )
    grid = RasterGrid((61, 83), (-10.25, 0.5, 0.0, 29.75, 0.0, -0.5))
    order = np.random.default_rng(0).permutation(grid.shape[0] * grid.shape[1])
    listed = kriging.predict(grid.centers(Block(0, 0, *grid.shape))[order])
    assert len(np.unique(listed.reason)) == 3
    assert np.count_nonzero(listed.kriging_variance == 0.0) > 20
    for road in both_roads(monkeypatch, lambda: kriging.predict_grid(grid)):
        assert_same(listed, road.rows(order))
        assert_array_equal(listed.reason, road.rows(order).reason if road.reason is None else road.reason[order])


@pytest.mark.parametrize("origin", [0.0, 7e6])
@pytest.mark.parametrize("kind", ["classes", 1, 2])
def test_a_local_drift_on_a_raster(monkeypatch, kind, origin):
    # Of two classes most neighbourhoods have one: the other has no coefficient there, and cells of it no estimate.
    random = np.random.default_rng(6)
    places, values = random.random((400, 2)) * 1000.0, random.normal(size=400)
    raster = product_points(np.linspace(-40.0, 1030.0, 53), np.linspace(1000.0, 0.0, 47), np.empty(0))

    def drift(at, edge):
        columns = np.column_stack([np.sin(at[:, 0] / 90.0) + 50.0, (at[:, 1] > edge) * 1.0])
        return columns if kind == "classes" else None

    options = {} if kind == "classes" else {"trend_order": kind}
    model = VariogramModel(0.1, (Structure("spherical", 0.9, 300.0), Structure("exponential", 0.2, 900.0)))
    hood = Neighborhood(16, search_radius=180.0)
    kriging = fit_kriging(places + origin, values, model, hood, drift(places, 480.0), local_drift=True, **options)
    with_numpy, with_kernel = both_roads(monkeypatch, lambda: kriging.predict(raster + origin, drift(raster, 800.0)))
    assert_array_equal(with_numpy.reason, with_kernel.reason)
    assert len(np.unique(with_numpy.reason)) == (1 if kind == 1 else 2)
    assert_same(with_numpy, with_kernel)


def test_a_pure_nugget_and_a_singular_system(monkeypatch):
    random = np.random.default_rng(8)
    places, values = random.random((40, 2)), random.normal(size=40)
    raster = product_points(np.linspace(0, 1, 9), np.linspace(0, 1, 7), np.empty(0))
    nugget = fit_kriging(places, values, VariogramModel(1.0, ()), Neighborhood(5))
    assert_same(*both_roads(monkeypatch, lambda: nugget.predict(raster)))
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 100.0),))
    monkeypatch.setattr(moving, "WORTH_COMPILING", 0)
    with pytest.raises(KrigingSystemError, match="numerically singular"):
        fit_kriging(places, values, smooth, Neighborhood(20)).predict(raster)


def test_kriging_without_numba(monkeypatch, meuse):
    monkeypatch.setattr(moving, "compiled_kernels", lambda: None)
    monkeypatch.setattr(moving, "WORTH_COMPILING", 0)
    coordinates, zinc, _ = meuse
    model = VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),))
    result = fit_kriging(coordinates, zinc, model, Neighborhood(20)).predict([(181180.0, 333740.0)])
    assert_allclose(result.estimate, 6.54710967621, rtol=1e-9)


@pytest.mark.parametrize(
    "structure",
    [("spherical", 90.0), ("cubic", 160.0), ("spherical", 900.0), ("exponential", 60.0), ("matern", 90.0, 1.5)],
)
@pytest.mark.parametrize(("n_samples", "n_columns"), [(1, 7), (155, 61), (700, 83)])
def test_all_samples_on_a_raster(monkeypatch, n_samples, n_columns, structure):
    random = np.random.default_rng(n_samples)
    places, values = random.random((n_samples, 2)) * 300.0 + 5e6, random.normal(50.0, 9.0, n_samples)
    model = Structure(*structure[:1], 0.9, structure[1], shape=structure[2] if structure[2:] else None)
    kriging = fit_kriging(places, values, VariogramModel(0.1, (model,)))
    grid = RasterGrid((41, n_columns), (5e6 - 100.0, 6.1, 0.0, 5e6 + 390.0, 0.0, -9.7))
    targets = kriging.predict(np.random.default_rng(0).permutation(grid.centers(Block(0, 0, *grid.shape))))
    monkeypatch.setattr(system, "_LARGE", 0)
    with_numpy, compiled = both_roads(monkeypatch, lambda: kriging.predict_grid(grid))
    assert_same(with_numpy, compiled)
    # In no order there is no lattice: every target is solved by itself, from all samples.
    order = np.argsort(np.random.default_rng(0).permutation(grid.shape[0] * grid.shape[1]))
    assert_allclose(compiled.estimate, targets.estimate[order], rtol=1e-9)
    assert_allclose(compiled.kriging_variance, targets.kriging_variance[order], rtol=1e-9)
    assert_allclose(compiled.smoothing_variance, targets.smoothing_variance[order], rtol=1e-9, atol=1e-9)


SMOOTH = {
    "exponential": (Structure("exponential", 0.9, 120.0),),
    "gaussian": (Structure("gaussian", 0.9, 90.0),),
    "anisotropic matern": (Structure("matern", 0.9, 150.0, azimuth=30.0, ratio_minor=0.4, shape=1.5),),
    "far-reaching spherical": (Structure("spherical", 0.9, 700.0),),
    "nested": (Structure("exponential", 0.5, 60.0), Structure("spherical", 0.4, 250.0, azimuth=70.0, ratio_minor=0.5)),
}


@pytest.mark.parametrize("structures", SMOOTH.values(), ids=SMOOTH.keys())
@pytest.mark.parametrize("side", [24, 40, 100])
def test_far_samples_are_interpolated_to_rounding(monkeypatch, structures, side):
    random = np.random.default_rng(7)
    places, values = random.random((300, 2)) * 300.0 + 5e6, random.normal(50.0, 9.0, 300)
    kriging = fit_kriging(places, values, VariogramModel(0.1, structures))
    grid = RasterGrid((100, 83), (5e6 - 10.0, 3.7, 0.0, 5e6 + 310.0, 0.0, -3.3))
    monkeypatch.setattr(system, "reduce_lattice", lambda *arguments: None)
    in_full = kriging.predict_grid(grid)
    monkeypatch.undo()
    monkeypatch.setattr(reduction, "_tiling", lambda *arguments: far_samples.Tiling(side, is_split=True))
    for road in both_roads(monkeypatch, lambda: kriging.predict_grid(grid)):
        assert_allclose(road.estimate, in_full.estimate, rtol=1e-10)
        assert_allclose(road.kriging_variance, in_full.kriging_variance, rtol=1e-9)
        assert_allclose(road.smoothing_variance, in_full.smoothing_variance, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-7])
def test_the_stated_tolerance_holds(tolerance):
    random = np.random.default_rng(7)
    places, values = random.random((300, 2)) * 300.0, random.normal(50.0, 9.0, 300)
    model = VariogramModel(0.1, SMOOTH["exponential"])
    exact = fit_kriging(places, values, model)
    points = exact._system.samples.points
    cells = Lattice(np.linspace(-160.0, 160.0, 90), np.linspace(150.0, -150.0, 95), np.empty(0))
    far = far_samples.FarSamples(exact._system, tolerance)
    quadratic, products, n_failed = far.reduce(cells, far_samples.Tiling(48, is_split=True), None, 1)
    assert n_failed == 0
    covariances = exact._system.covariance.between(cells.points(), points)
    form = np.einsum("ij,ij->i", covariances @ exact._system.precision, covariances)
    error = np.abs(quadratic.ravel() - form).max()
    assert 1e-3 * tolerance < error < tolerance
    estimate = covariances @ exact._system.dual
    assert np.abs(products[0].ravel() - estimate).max() < tolerance * values.std()


@pytest.mark.parametrize("structures", SMOOTH.values(), ids=SMOOTH.keys())
def test_gradient_on_a_raster(monkeypatch, structures):
    random = np.random.default_rng(7)
    places = random.random((300, 2)) * 300.0 + 5e6
    fields = np.column_stack([random.normal(50.0, 9.0, 300), places[:, 0] - places[:, 1]])
    gradient = fit_gradient(places, fields, VariogramModel(0.1, structures))
    grid = RasterGrid((100, 83), (5e6 - 10.0, 3.7, 0.0, 5e6 + 310.0, 0.0, -3.3))
    cells = grid.centers(Block(0, 0, *grid.shape))
    points = cells - gradient.kriging._system.samples.center
    dual = gradient.kriging._system.dual_of(gradient.values)
    in_full = gradient.kriging._system.covariance.gradient_of_sum(points, gradient.kriging._system.samples.points, dual)
    for side in (0, 50):
        monkeypatch.setattr(far_gradient, "_tile_side", lambda *arguments, side=side: side)
        for enough in (10**9, 0):
            monkeypatch.setattr(far_gradient, "WORTH_COMPILING", enough)
            found = gradient.predict(cells, with_variance=False).gradient
            assert_allclose(found, in_full, rtol=1e-9, atol=1e-10 * np.abs(in_full).max())


@pytest.mark.parametrize("n_samples", [1, 40, 300])
@pytest.mark.parametrize("structures", SMOOTH.values(), ids=SMOOTH.keys())
def test_estimate_and_gradient_in_one_pass(monkeypatch, structures, n_samples):
    random = np.random.default_rng(7)
    places, values = random.random((n_samples, 2)) * 300.0 + 5e6, random.normal(50.0, 9.0, n_samples)
    fitted = fit_gradient(places, values, VariogramModel(0.1, structures))
    grid = RasterGrid((100, 83), (5e6 - 10.0, 3.7, 0.0, 5e6 + 310.0, 0.0, -3.3))
    cells = grid.centers(Block(0, 0, *grid.shape))
    alone, slopes = fitted.estimator.predict(cells), fitted.predict(cells, with_variance=False).gradient
    for side, is_split in ((24, True), (50, True), (32, False)):
        tiling = far_samples.Tiling(side, is_split)
        monkeypatch.setattr(reduction, "_tiling", lambda *arguments, tiling=tiling: tiling)
        roads = both_roads(monkeypatch, lambda: fitted.predict_grid_with_estimate(grid, with_variance=False))
        for estimate, gradient in roads:
            assert_allclose(estimate.estimate, alone.estimate, rtol=1e-10)
            assert_allclose(estimate.kriging_variance, alone.kriging_variance, rtol=1e-9, atol=5e-10)
            assert_allclose(gradient.gradient, slopes, rtol=1e-9, atol=1e-10 * np.abs(slopes).max())
            assert_array_equal(gradient.n_neighbors, n_samples)


def test_estimate_and_gradient_in_one_pass_in_space(monkeypatch):
    random = np.random.default_rng(12)
    places, values = random.random((90, 3)) * [300.0, 300.0, 30.0], random.normal(50.0, 9.0, 90)
    structures = (
        Structure("exponential", 0.5, 60.0, ratio_vertical=0.2),
        Structure("spherical", 0.4, 90.0, azimuth=30.0, ratio_minor=0.5, ratio_vertical=0.1),
    )
    fitted = fit_gradient(places, values, VariogramModel(0.1, structures))
    grid, block = RasterGrid((90, 70), (0.0, 4.0, 0.0, 300.0, 0.0, -4.0)), Block(0, 0, 90, 70, 11.0)
    gradient = fitted.predict(grid.centers(block), with_variance=False).gradient
    roads = both_roads(monkeypatch, lambda: fitted.predict_grid_with_estimate(grid, block, with_variance=False))
    for _, found in roads:
        assert_allclose(found.gradient, gradient, rtol=1e-9, atol=1e-10 * np.abs(gradient).max())
    with pytest.raises(InputError, match="has no elevation"):
        fitted.predict_grid_with_estimate(grid)
    several = fit_gradient(places, np.column_stack([values, values]), VariogramModel(0.1, structures))
    with pytest.raises(InputError, match="one field"):
        several.predict_grid_with_estimate(grid, block)


def test_estimate_and_gradient_from_the_nearest_samples_in_one_pass(monkeypatch):
    # Cells that reach too few samples have neither.
    random = np.random.default_rng(13)
    places, values = random.random((300, 2)) * 300.0 + 5e6, random.normal(50.0, 9.0, 300)
    hood = Neighborhood(12, min_neighbors=4, search_radius=30.0)
    fitted = fit_gradient(places, values, VariogramModel(0.1, SMOOTH["nested"]), hood)
    grid = RasterGrid((45, 38), (5e6 - 60.0, 9.7, 0.0, 5e6 + 340.0, 0.0, -9.3))
    cells = grid.centers(Block(0, 0, *grid.shape))
    alone, slopes = fitted.estimator.predict(cells), fitted.predict(cells, with_variance=False)
    assert len(np.unique(slopes.reason)) == 3
    for estimate, gradient in both_roads(
        monkeypatch, lambda: fitted.predict_grid_with_estimate(grid, with_variance=False)
    ):
        assert_same(alone, estimate)
        assert_array_equal(gradient.reason, slopes.reason)
        assert_array_equal(gradient.n_neighbors, slopes.n_neighbors)
        assert_allclose(gradient.gradient, slopes.gradient, rtol=1e-9, atol=1e-11 * np.nanmax(np.abs(slopes.gradient)))


@pytest.mark.parametrize("limit", [3, 32, 100])
@pytest.mark.parametrize("structures", SMOOTH.values(), ids=SMOOTH.keys())
def test_gradient_from_the_nearest_samples_on_a_raster(monkeypatch, structures, limit):
    random = np.random.default_rng(11)
    places = np.concatenate([random.random((250, 2)), 0.3 * random.random((250, 2))]) * 300.0 + 5e6
    fields = np.column_stack([random.normal(50.0, 9.0, 500), places[:, 0] - places[:, 1]])
    gradient = fit_gradient(places, fields, VariogramModel(0.1, structures), Neighborhood(limit, search_radius=60.0))
    grid = RasterGrid((41, 37), (5e6 - 30.0, 9.7, 0.0, 5e6 + 340.0, 0.0, -9.3))
    cells = grid.centers(Block(0, 0, *grid.shape))
    with_numpy, compiled_one = both_roads(monkeypatch, lambda: gradient.predict(cells, with_variance=False))
    assert_array_equal(with_numpy.n_neighbors, compiled_one.n_neighbors)
    assert_array_equal(with_numpy.reason, compiled_one.reason)
    assert 0 < np.count_nonzero(with_numpy.reason) < len(cells)
    scale = np.nanmax(np.abs(with_numpy.gradient), axis=(0, 2), keepdims=True)
    assert_allclose(compiled_one.gradient / scale, with_numpy.gradient / scale, rtol=1e-9, atol=1e-11)


def test_gradient_of_nearest_samples_in_space(monkeypatch):
    random = np.random.default_rng(12)
    places, values = random.random((300, 3)) * [300.0, 300.0, 30.0], random.normal(50.0, 9.0, 300)
    model = VariogramModel(0.0, (Structure("spherical", 0.9, 90.0, ratio_vertical=0.1),))
    gradient = fit_gradient(places, values, model, Neighborhood(20))
    cells = product_points(np.linspace(0.0, 300.0, 31), np.linspace(0.0, 300.0, 23), np.array([11.0]))
    with_numpy, compiled_one = both_roads(monkeypatch, lambda: gradient.predict(cells))
    assert_allclose(
        compiled_one.gradient, with_numpy.gradient, rtol=1e-9, atol=1e-11 * np.abs(with_numpy.gradient).max()
    )


def test_a_tolerance_is_passed_on_and_checked(monkeypatch):
    random = np.random.default_rng(7)
    places, values = random.random((300, 2)) * 300.0, random.normal(50.0, 9.0, 300)
    model, grid = VariogramModel(0.1, SMOOTH["exponential"]), RasterGrid((80, 80), (0.0, 3.7, 0.0, 300.0, 0.0, -3.7))
    monkeypatch.setattr(reduction, "_tiling", lambda *arguments: far_samples.Tiling(40, is_split=True))
    exact = fit_kriging(places, values, model).predict_grid(grid)
    rough = fit_kriging(places, values, model, tolerance=1e-5).predict_grid(grid)
    assert 1e-9 < np.abs(rough.kriging_variance - exact.kriging_variance).max() < 1e-5
    assert 1e-9 < np.abs(rough.estimate - exact.estimate).max() < 1e-5 * values.std()
    with pytest.raises(InputError, match="tolerance from 2e-10"):
        fit_kriging(places, values, model, tolerance=0.0)


def test_tiles_too_rough_to_interpolate_are_solved_in_full(monkeypatch):
    random = np.random.default_rng(3)
    places, values = random.random((80, 2)) * 300.0, random.normal(50.0, 9.0, 80)
    kriging = fit_kriging(places, values, VariogramModel(0.1, SMOOTH["exponential"]))
    grid = RasterGrid((90, 90), (0.0, 3.7, 0.0, 310.0, 0.0, -3.7))
    monkeypatch.setattr(system, "reduce_lattice", lambda *arguments: None)
    in_full = kriging.predict_grid(grid)
    monkeypatch.undo()
    # No clearance: the samples at the edge of a tile spoil its interpolation.
    monkeypatch.setattr(far_samples, "_CLEARANCE", 0.02)
    monkeypatch.setattr(reduction, "_tiling", lambda *arguments: far_samples.Tiling(45, is_split=True))
    for road in both_roads(monkeypatch, lambda: kriging.predict_grid(grid)):
        assert_same(road, in_full)


def test_what_does_not_compile_runs_with_numpy(monkeypatch, meuse, caplog):
    from hybrid_geostatistics.core.kriging import kernels_numba

    def broken(*arguments):
        raise kernels_numba.CompilationError("no compiler")

    coordinates, zinc, _ = meuse
    kriging = fit_kriging(coordinates, zinc, VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),)))
    monkeypatch.setattr(kernels_numba, "reduce_tiles", broken)
    monkeypatch.setattr(system, "_LARGE", 0)
    monkeypatch.setattr(compiled, "_broken", [])
    grid = RasterGrid((9, 7), (181000.0, 50.0, 0.0, 333900.0, 0.0, -50.0))
    assert_same(*both_roads(monkeypatch, lambda: kriging.predict_grid(grid)))
    assert compiled._broken and "no compiler" in caplog.text
    assert compiled.compiled_kernels() is None


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize(
    "neighborhood",
    [
        Neighborhood(sectors=4, max_per_sector=3, search_radius=260.0),
        Neighborhood(sectors=4, max_per_sector=2, search_radius=400.0, min_neighbors=4, min_per_sector=1),
        Neighborhood(12, sectors=4, max_per_sector=5, search_radius=400.0),
        Neighborhood(sectors=8, max_per_sector=2),
    ],
)
def test_sectors_equal_numpy(monkeypatch, n_dimensions, neighborhood):
    random = np.random.default_rng(4)
    coordinates = random.random((240, n_dimensions)) * [1000.0, 700.0, 90.0][:n_dimensions]
    values = np.sin(coordinates[:, 0] / 150.0) + random.normal(size=240)
    structure = Structure("spherical", 0.9, 500.0, 30.0, ratio_minor=0.6, ratio_vertical=0.5)
    nested = (structure, Structure("exponential", 0.4, 200.0))
    model = VariogramModel(0.1, nested if n_dimensions == 2 else nested[:1])
    targets = random.random((333, n_dimensions)) * [1300.0, 900.0, 90.0][:n_dimensions] - 100.0  # also far outside
    kriging = fit_kriging(coordinates, values, model, neighborhood)
    plain, compiled = both_roads(monkeypatch, lambda: kriging.predict(targets))
    assert np.isfinite(plain.estimate).sum() > 0
    assert_same(plain, compiled)
    assert_array_equal(plain.reason, compiled.reason)
    simple = fit_kriging(coordinates, values, model, neighborhood, mean=0.2)
    assert_same(*both_roads(monkeypatch, lambda: simple.predict(targets)))


def test_bits_are_deposited_one_by_one_where_the_processor_cannot():
    from hybrid_geostatistics.core.kriging import distances_numba

    random = np.random.default_rng(8)
    for bits, mask in random.integers(-(2**63), 2**63, (40, 2)).tolist():
        places = [place for place in range(64) if mask >> place & 1]
        expected = sum(1 << place for number, place in enumerate(places) if bits >> number & 1)
        assert distances_numba.deposit_one_by_one(bits, mask) % 2**64 == expected


def test_kernels_compiled_from_other_sources_are_not_taken_from_the_cache(tmp_path):
    # Numba looks at the file of a kernel only, not at those of the kernels it calls.
    from hybrid_geostatistics.core.kriging import kernels_numba, lanes_numba

    (tmp_path / "a_numba.py").write_text("x = 1")
    (tmp_path / "b_numba.py").write_text("y = 1")
    before = lanes_numba.digest_of_kernels(tmp_path)
    (tmp_path / "b_numba.py").write_text("y = 2")
    assert lanes_numba.digest_of_kernels(tmp_path) != before
    now = lanes_numba.digest_of_kernels(Path(lanes_numba.__file__).parent)
    kernels = [kernel for kernel in vars(kernels_numba).values() if hasattr(kernel, "py_func")]
    assert kernels
    assert all(kernel.py_func.__qualname__.endswith(now) for kernel in kernels)


def two_kernels(factor, module):
    """Return a kernel that calls another, neither compiled yet, as if they were of some module."""
    # From its first import on it is told what is compiled.
    assert compiled.compiled_kernels() is not None

    def inner(x):
        return factor * x

    inner.__module__ = module
    compiled_inner = numba.njit(inner)

    def outer(x):
        return compiled_inner(x) + 1.0

    outer.__module__ = module
    return numba.njit(outer)


def test_compiling_is_told_once_and_cancelled_between_kernels():
    """Truth: what numba compiles; a kernel whose compilation was cancelled compiles later."""
    told, asked = [], []

    def after_one():
        asked.append(len(told))
        return len(asked) > 1

    kernel = two_kernels(2.0, compiling.__name__)
    with compiling.compiling(after_one, lambda: told.append("compiling")):
        with pytest.raises(Cancelled):
            kernel(1.5)
    assert told == ["compiling"] and asked == [0, 1] and not kernel.signatures
    with compiling.compiling(lambda: False, lambda: told.append("compiling")):
        assert kernel(1.5) == 4.0 and kernel(2.5) == 6.0
        assert two_kernels(3.0, compiling.__name__)(1.0) == 4.0
    assert told == ["compiling"] * 2
    with compiling.compiling(lambda: True, lambda: told.append("another's")):
        assert two_kernels(5.0, "another.plugin")(1.0) == 6.0
    assert two_kernels(7.0, compiling.__name__)(1.0) == 8.0
    assert told == ["compiling"] * 2


def test_a_cancelled_compilation_is_no_broken_one(monkeypatch):
    """Older versions of numba raise an error of their own where a listener of its events does."""
    monkeypatch.setattr(compiled, "_broken", [])
    with compiling.compiling(lambda: True, lambda: None), pytest.raises(Cancelled):
        compiled.note_failure(ValueError("Cancelled by the user"))
    assert compiled._broken == []
