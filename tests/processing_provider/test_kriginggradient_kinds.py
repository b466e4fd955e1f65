"""Gradients of every kind of kriging through Processing. Truth: the core, with differences of the raster by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging.drift import DriftSlopes
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal


@pytest.fixture
def differentiated(run, samples, variogram, tmp_path):
    """Return a function that maps the gradient of zinc and gives its results, as well as its log."""

    def differentiated(**more):
        given = {"INPUT": samples, "FIELDS": ["zinc"], "VARIOGRAM": variogram, "GRADIENT": str(tmp_path / "g.tif")}
        return run("kriginggradient", {**given, **more})

    return differentiated


@pytest.fixture
def waves(world, tmp_path):
    """Return the path of a raster of a wavy quantity with a hole, and its values, NaN in the hole."""
    rows, columns = np.indices(world.SHAPE)
    values = (5.0 + np.sin(columns / 1.3) + 0.4 * rows - 0.05 * rows * columns).astype(np.float32)
    values[world.HOLE] = -1e6
    path = world.write_raster(tmp_path / "waves.tif", values, nodata=-1e6)
    return path, np.where(values < -1e5, np.nan, values.astype(float))


def by_hand(values, width, height):
    """Return the slopes to the east and the north: over two cells, over one beside an edge or a hole."""
    slopes = np.full((*values.shape, 2), np.nan)
    for row, column in np.ndindex(values.shape):
        for axis, (down, right, side) in enumerate([(0, 1, width), (-1, 0, height)]):
            ends = []
            for sign in (-1, 1):
                i, j = row + sign * down, column + sign * right
                inside = 0 <= i < values.shape[0] and 0 <= j < values.shape[1] and np.isfinite(values[i, j])
                ends.append((sign * side, values[i, j]) if inside else (0.0, values[row, column]))
            (start, low), (stop, high) = ends
            slopes[row, column, axis] = (high - low) / (stop - start) if stop > start else np.nan
    return slopes


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"KRIGING_TYPE": "simple", "MEAN": 71.5, "MAX_NEIGHBORS": 9}, {"mean": 71.5, "neighborhood": Neighborhood(9)}),
        ({"KRIGING_TYPE": "simple", "MEAN": 71.5}, {"mean": 71.5}),
        ({"KRIGING_TYPE": "universal", "TREND_ORDER": 2}, {"trend_order": 2}),
        ({"KRIGING_TYPE": "universal", "MAX_NEIGHBORS": 12}, {"trend_order": 1, "neighborhood": Neighborhood(12)}),
        (
            {"KRIGING_TYPE": "universal", "MAX_NEIGHBORS": 12, "DRIFT_COEFFICIENTS": "neighbours"},
            {"trend_order": 1, "neighborhood": Neighborhood(12), "local_drift": True},
        ),
    ],
    ids=["simple, nearest", "simple", "quadratic", "plane", "local plane"],
)
def test_kinds(world, differentiated, variogram, template, tmp_path, parameters, options):
    results, _ = differentiated(
        **parameters, TEMPLATE=template, FLUX=str(tmp_path / "j.tif"), DIFFUSIVITY=2.5,
        GRADIENT_VARIANCE=str(tmp_path / "v.tif"), ESTIMATE=str(tmp_path / "e.tif"),
    )  # fmt: skip
    coordinates, values = world.field_values()
    fitted = fit_gradient(coordinates, values, VariogramFile.read(variogram).model, **options)
    grid = world.grid_of(template)
    truth = fitted.predict_grid(grid, baseline=grid.cell_sides)
    found, variance, flux, estimate = (
        world.read_raster(results[name])[0] for name in ("GRADIENT", "GRADIENT_VARIANCE", "FLUX", "ESTIMATE")
    )
    np.testing.assert_allclose(found[:2].reshape(2, -1).T, truth.gradient[:, 0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(variance.reshape(2, -1).T, truth.variance, rtol=1e-5)
    np.testing.assert_allclose(flux, -2.5 * found[:2], rtol=1e-6)
    np.testing.assert_allclose(estimate.ravel(), fitted.estimator.predict_grid(grid).estimate, rtol=1e-6)


@pytest.mark.parametrize("neighbors", [0, 14])
def test_external_drift(world, differentiated, variogram, waves, tmp_path, neighbors):
    from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
    from hybrid_geostatistics.processing_provider.rasters import RasterSource
    from qgis.core import QgsRasterLayer, QgsVectorLayer

    path, values = waves
    given = {"KRIGING_TYPE": "external_drift", "DRIFT": [path], "MAX_NEIGHBORS": neighbors}
    results, log = differentiated(
        **given, TEMPLATE=path, GRADIENT_VARIANCE=str(tmp_path / "v.tif"), SAMPLES=str(tmp_path / "s.gpkg")
    )
    coordinates, zinc = world.field_values()
    raster = CovariateStack.of_sources([RasterSource.of_layer(QgsRasterLayer(path, "waves"))])
    at = raster.at(coordinates).values
    known = np.isfinite(at).all(axis=1)
    grid = world.grid_of(path)
    slopes = by_hand(values, *world.CELL).reshape(-1, 1, 2)
    fitted = fit_gradient(
        coordinates[known], zinc[known], VariogramFile.read(variogram).model, Neighborhood(neighbors or None), at[known]
    )
    truth = fitted.predict_grid(grid, baseline=grid.cell_sides, drift=DriftSlopes(values.reshape(-1, 1), slopes))
    found, _ = world.read_raster(results["GRADIENT"])
    variance, _ = world.read_raster(results["GRADIENT_VARIANCE"])
    np.testing.assert_allclose(found[:2].reshape(2, -1).T, truth.gradient[:, 0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(variance.reshape(2, -1).T, truth.variance, rtol=1e-5)
    # Two cells in the hole, and two between the hole and the edge.
    assert np.isnan(found[0]).sum() == 4 and "4 cells are empty because a drift raster has no value" in log.text
    # At the samples the raster is read one cell to each side.
    layer = QgsVectorLayer(results["SAMPLES"], "s", "ogr")
    rows = [[feature[name] for name in ("zinc_dE", "zinc_dN")] for feature in layer.getFeatures()]
    rows = np.array([[value or np.nan for value in row] for row in rows], dtype=float)
    steps = np.diag(world.CELL)
    beside = [(raster.at(coordinates[known] - step).values, raster.at(coordinates[known] + step).values)
              for step in steps]  # fmt: skip
    left_out = fitted.leave_one_out(with_variance=False, drift=DriftSlopes.between(at[known], beside, world.CELL))
    np.testing.assert_allclose(rows, left_out.gradient[:, 0], rtol=1e-9)
    n_without = int(np.isnan(rows[:, 0]).sum())
    assert 0 < n_without < 5 and f"{n_without} samples get no gradient" in log.text
    # A smaller map has the same numbers, and its edges see beyond it.
    west, south, east, north = grid.extent
    inner = f"{west + 60},{east - 90},{south + 40},{north - 20} [{world.CRS}]"
    results, _ = differentiated(**given, TEMPLATE=None, EXTENT=inner, CELL_SIZE=10)
    coarse, _ = differentiated(**given, TEMPLATE=part_of(world, path, tmp_path), GRADIENT=str(tmp_path / "c.tif"))
    np.testing.assert_allclose(world.read_raster(coarse["GRADIENT"])[0], found[:, 1:-2, 2:-3], rtol=1e-6)
    assert world.read_raster(results["GRADIENT"])[0].shape == (4, 12, 6)


def part_of(world, path, tmp_path):
    """Return the path of a raster with some inner cells of another's grid."""
    rows, columns = world.SHAPE
    return world.write_raster(
        tmp_path / "part.tif", np.zeros((rows - 3, columns - 5), "float32"),
        left=world.LEFT + 2 * world.CELL[0], top=world.TOP - world.CELL[1],
    )  # fmt: skip


def test_classes_add_nothing_inside(world, differentiated, variogram, waves, tmp_path):
    rows, columns = np.indices(world.SHAPE)
    codes = 1.0 + (rows // 3 + columns // 4) % 3
    rocks = world.write_raster(tmp_path / "rocks.tif", codes.astype(np.float32))
    path, values = waves
    results, _ = differentiated(
        KRIGING_TYPE="external_drift", DRIFT=[rocks, path], DRIFT_CLASSES="rocks", TEMPLATE=path
    )
    found, dataset = world.read_raster(results["GRADIENT"])
    coordinates, zinc = world.field_values()
    grid = RasterGrid(world.SHAPE, dataset.GetGeoTransform())
    west, _, _, north = grid.extent
    place = (
        ((north - coordinates[:, 1]) / world.CELL[1]).astype(int),
        ((coordinates[:, 0] - west) / world.CELL[0]).astype(int),
    )

    from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
    from hybrid_geostatistics.processing_provider.rasters import RasterSource
    from qgis.core import QgsRasterLayer

    at = CovariateStack.of_sources([RasterSource.of_layer(QgsRasterLayer(path, "waves"))]).at(coordinates).values
    known = np.isfinite(at).all(axis=1)
    drift = np.column_stack([codes[place][:, None] == [2, 3], at])[known]
    at_cells = np.column_stack([codes.reshape(-1, 1) == [2, 3], values.reshape(-1, 1)])
    slopes = np.zeros((len(at_cells), 3, 2))
    slopes[:, 2] = by_hand(values, *world.CELL).reshape(-1, 2)
    fitted = fit_gradient(coordinates[known], zinc[known], VariogramFile.read(variogram).model, drift=drift)
    truth = fitted.predict_grid(grid, with_variance=False, drift=DriftSlopes(at_cells, slopes))
    np.testing.assert_allclose(found[:2].reshape(2, -1).T, truth.gradient[:, 0], rtol=1e-5, atol=1e-6)


def test_a_block_model_as_drift_rises_upwards_too(run, world, tmp_path):
    """Truth: differences over the levels above and below."""
    random = np.random.default_rng(8)
    coordinates, zinc = world.field_values(60)
    places = np.column_stack([coordinates, random.uniform(40.0, 60.0, 60)])
    path = world.write_points(tmp_path / "p.gpkg", places, {"zinc": zinc + 0.8 * places[:, 2]})
    cube = random.normal(size=(4, *world.SHAPE)).cumsum(axis=0).astype(np.float32)
    model = world.write_raster(tmp_path / "model.tif", cube)
    dataset = gdal.Open(model, gdal.GA_Update)
    elevations = (62.0, 54.0, 46.0, 38.0)
    for number, elevation in enumerate(elevations, start=1):
        dataset.GetRasterBand(number).SetMetadata({"ELEVATION": str(elevation), "QUANTITY": "density"})
    dataset = None
    variogram = world.write_variogram(tmp_path / "m.json")
    results, _ = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc"], "VARIOGRAM": variogram, "TEMPLATE": model, "ELEVATIONS": "62 38 8",
         "KRIGING_TYPE": "external_drift", "DRIFT": [model], "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    found, _ = world.read_raster(results["GRADIENT"])
    found = found.reshape(5, 4, *world.SHAPE)
    from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
    from hybrid_geostatistics.processing_provider.rasters import RasterSource
    from qgis.core import QgsRasterLayer

    at = CovariateStack.of_sources([RasterSource.of_layer(QgsRasterLayer(model, "model"))]).at(places).values
    fitted = fit_gradient(places, zinc + 0.8 * places[:, 2], VariogramFile.read(variogram).model, drift=at)
    grid = world.grid_of(model)
    upwards = [(cube[0] - cube[1]) / 8, (cube[0] - cube[2]) / 16, (cube[1] - cube[3]) / 16, (cube[2] - cube[3]) / 8]
    for level, elevation in enumerate(elevations):
        flat = by_hand(cube[level].astype(float), *world.CELL)
        slopes = np.concatenate([flat, upwards[level][..., None]], axis=2).reshape(-1, 1, 3)
        drift = DriftSlopes(cube[level].reshape(-1, 1).astype(float), slopes)
        truth = fitted.predict_grid(grid, Block(0, 0, *world.SHAPE, elevation), with_variance=False, drift=drift)
        np.testing.assert_allclose(found[:3, level].reshape(3, -1).T, truth.gradient[:, 0], rtol=1e-5, atol=1e-6)


def test_models_made_before_there_were_kinds_stay_complete(provider):
    """Truth: the designer takes what is not given from no mandatory parameter."""
    from qgis.core import QgsProcessingParameterDefinition

    kinds = ["KRIGING_TYPE", "MEAN", "TREND_ORDER", "DRIFT", "DRIFT_CLASSES", "DRIFT_COEFFICIENTS"]
    added = {"kriginggradient": [*kinds, "TRANSFORM", "TOLERANCE", "DUPLICATES"], "ordinarykriging": ["TOLERANCE"]}
    for algorithm, names in added.items():
        for name in names:
            flags = provider.algorithm(algorithm).parameterDefinition(name).flags()
            assert flags & QgsProcessingParameterDefinition.Flag.FlagOptional, name


def test_repeated_measurements(world, differentiated, variogram, template, tmp_path):
    """Truth: the core with the error that repeats show; without an error they are averaged."""
    coordinates, zinc = world.field_values()
    places, values = np.vstack([coordinates, coordinates[:5]]), np.append(zinc, zinc[:5] + [1.0, -2.0, 1.5, 0.5, -1.0])
    path = world.write_points(tmp_path / "twice.gpkg", places, {"zinc": values.tolist()})
    grid, model = world.grid_of(template), VariogramFile.read(variogram).model
    error = float(np.mean((values[:5] - values[40:]) ** 2) / 2)
    repeated = fit_gradient(places, values, replace(model, measurement_error=error)).predict_grid(grid)
    means = np.append(0.5 * (zinc[:5] + values[40:]), zinc[5:])
    averaged = fit_gradient(coordinates, means, model).predict_grid(grid)
    first = fit_gradient(coordinates, zinc, model).predict_grid(grid)
    assert np.abs(repeated.gradient - averaged.gradient).max() > 1e-4
    given = {"INPUT": path, "TEMPLATE": template}
    for truth, n, more in (
        (repeated, 45, {"DUPLICATES": "measurement_error"}),
        (averaged, 40, {"DUPLICATES": "measurement_error", "MEASUREMENT_ERROR": 0.0}),
        (averaged, 40, {}),
        (first, 40, {"DUPLICATES": "first"}),
    ):
        results, _ = differentiated(**given, **more)
        found, _ = world.read_raster(results["GRADIENT"])
        np.testing.assert_allclose(found[:2].reshape(2, -1).T, truth.gradient[:, 0], rtol=1e-5, atol=1e-7)
        assert results["N"] == n


def test_what_is_told_and_refused(world, run, refused, differentiated, samples, variogram, template, tmp_path):
    coordinates, zinc = world.field_values()
    two = world.write_points(tmp_path / "two.gpkg", coordinates, {"zinc": zinc.tolist(), "lead": zinc[::-1].tolist()})
    given = {"INPUT": two, "FIELDS": ["zinc", "lead"], "VARIOGRAM": variogram, "TEMPLATE": template,
             "GRADIENT": str(tmp_path / "g.tif")}  # fmt: skip
    own = {"mean": {"KRIGING_TYPE": "simple", "MEAN": 60.0}, "error": {"DUPLICATES": "measurement_error"}}
    for more in own.values():
        assert "the error of its measurements is known, got 2" in refused("kriginggradient", {**given, **more})
    assert "at least one drift raster" in refused("kriginggradient", {**given, "KRIGING_TYPE": "external_drift"})
    results, log = run("kriginggradient", {**given, "KRIGING_TYPE": "universal", "TOLERANCE": 1e-6})
    model, grid = VariogramFile.read(variogram).model, world.grid_of(template)
    found, _ = world.read_raster(results["GRADIENT"])
    for field, values in enumerate((zinc, zinc[::-1])):
        truth = fit_gradient(coordinates, values, model, trend_order=1).predict_grid(grid, with_variance=False)
        np.testing.assert_allclose(found[4 * field : 4 * field + 2].reshape(2, -1).T, truth.gradient[:, 0], rtol=1e-5)
    assert "tolerance changes nothing" not in log.text
    empty = dict.fromkeys(("KRIGING_TYPE", "TREND_ORDER", "DRIFT_COEFFICIENTS"))
    _, log = differentiated(TEMPLATE=template, MAX_NEIGHBORS=9, TOLERANCE=1e-6, TRANSFORM="log", **empty)
    assert "tolerance changes nothing" in log.text
    assert "has the transform none, which is used instead of log" in log.text


def test_the_transform_of_a_variogram_that_is_fitted(world, differentiated, template):
    pytest.importorskip("skgstat")
    results, log = differentiated(VARIOGRAM=None, TEMPLATE=template, TRANSFORM="log")
    assert "the transform log" in log.text
    assert gdal.Open(results["GRADIENT"]).GetRasterBand(1).GetDescription() == "d log zinc/dE"


def test_a_tolerance_is_kept(world, kriged, tmp_path):
    """Truth: the exact map; the error is within what is said, and there is one."""
    path = world.write_variogram(
        tmp_path / "x.json", structures=[{"model": "exponential", "psill": 900.0, "effective_range": 300.0}]
    )
    coordinates, _ = world.field_values(400)
    random = np.random.default_rng(2)
    values = 50.0 + 20.0 * random.normal(size=400)
    many = world.write_points(tmp_path / "many.gpkg", coordinates, {"zinc": values.tolist()})
    wide = f"{world.LEFT},{world.LEFT + 200},{world.TOP - 200},{world.TOP} [{world.CRS}]"
    given = {"INPUT": many, "VARIOGRAM": path, "TEMPLATE": None, "EXTENT": wide, "CELL_SIZE": 1.0}
    exact, _ = kriged(**given)
    before = [world.read_raster(exact[name])[0] for name in ("ESTIMATE", "KRIGING_VARIANCE")]
    rough, log = kriged(**given, TOLERANCE=1e-3)
    after = [world.read_raster(rough[name])[0] for name in ("ESTIMATE", "KRIGING_VARIANCE")]
    bounds = 1e-3 * values.std(), 1e-3 * 904.0
    for old, new, bound in zip(before, after, bounds):
        assert 0.0 < np.abs(new - old).max() < bound
    assert "tolerance changes" not in log.text
    _, log = kriged(TOLERANCE=1e-3, MAX_NEIGHBORS=9)
    assert "tolerance changes nothing: it is for maps from all samples" in log.text
    _, log = kriged(TOLERANCE=1e-3, BLOCK=0)
    assert "tolerance changes nothing: means of blocks" in log.text


def test_small_numbers_can_be_entered(provider):
    """Truth: what the widget of QGIS's dialog makes of it."""
    from qgis.core import QgsProcessingContext
    from qgis.gui import QgsGui, QgsProcessingGui

    context, registry = QgsProcessingContext(), QgsGui.processingGuiRegistry()
    # Metals diffuse in clay with about 1e-10 square metres a second.
    for name, small in (("TOLERANCE", 1e-7), ("DIFFUSIVITY", 1.25e-10), ("MEASUREMENT_ERROR", 4e-9), ("MEAN", 2e-7)):
        definition = provider.algorithm("kriginggradient").parameterDefinition(name)
        wrapper = registry.createParameterWidgetWrapper(definition, QgsProcessingGui.WidgetType.Standard)
        widget = wrapper.createWrappedWidget(context)
        for entered in (0.0, small):
            wrapper.setParameterValue(entered, context)
            assert wrapper.parameterValue() == entered
        widget.deleteLater()


def test_the_mean_absolute_error_is_told(world, kriged, tmp_path):
    results, log = kriged(CROSS_VALIDATION=str(tmp_path / "cv.gpkg"))
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(results["CROSS_VALIDATION"], "cv", "ogr")
    residuals = np.array([feature["residual"] for feature in layer.getFeatures()], dtype=float)
    assert results["CV_MAE"] == pytest.approx(np.abs(residuals).mean(), rel=1e-9)
    assert f"mean absolute error {results['CV_MAE']:.4g}" in log.text
    assert json.dumps(results["CV_MAE"])
