"""The gradient through Processing. Truth: the core on the same numbers, adapter contracts."""

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal


@pytest.fixture
def two_fields(world, tmp_path):
    coordinates, zinc = world.field_values()
    lead = 3.0 * zinc[::-1] + 5.0
    path = world.write_points(tmp_path / "two.gpkg", coordinates, {"zinc": zinc.tolist(), "lead": lead.tolist()})
    return path, coordinates, np.column_stack([zinc, lead])


def test_maps_of_two_fields(run, world, two_fields, variogram, template, tmp_path):
    path, coordinates, values = two_fields
    results, log = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc", "lead"], "VARIOGRAM": variogram, "TEMPLATE": template,
         "MAX_NEIGHBORS": 9, "DIFFUSIVITY": 2.5, "GRADIENT": str(tmp_path / "g.tif"),
         "GRADIENT_VARIANCE": str(tmp_path / "v.tif"), "FLUX": str(tmp_path / "j.tif")},
    )  # fmt: skip
    assert results["N"] == 40
    grid = RasterGrid((5, 3), gdal.Open(template).GetGeoTransform())
    model = VariogramFile.read(variogram).model
    fitted = fit_gradient(coordinates, values, model, Neighborhood(max_neighbors=9))
    truth = fitted.predict(grid.centers(next(grid.blocks())), (grid.transform[1], -grid.transform[5]))
    gradient, dataset = world.read_raster(results["GRADIENT"])
    names = [dataset.GetRasterBand(i + 1).GetDescription() for i in range(8)]
    assert names == ["d zinc/dE", "d zinc/dN", "zinc magnitude", "zinc azimuth",
                     "d lead/dE", "d lead/dN", "lead magnitude", "lead azimuth"]  # fmt: skip
    variance, _ = world.read_raster(results["GRADIENT_VARIANCE"])
    flux, _ = world.read_raster(results["FLUX"])
    assert dataset.GetGeoTransform() == grid.transform and variance.shape == flux.shape == (4, 5, 3)
    for field in range(2):
        east, north, magnitude, azimuth = gradient[4 * field : 4 * field + 4].reshape(4, -1)
        np.testing.assert_allclose(east, truth.gradient[:, field, 0], rtol=1e-6)  # float32
        np.testing.assert_allclose(north, truth.gradient[:, field, 1], rtol=1e-6)
        np.testing.assert_allclose(magnitude, np.hypot(east, north), rtol=1e-6)
        np.testing.assert_allclose(azimuth, truth.azimuth[:, field], rtol=1e-6)
        np.testing.assert_allclose(variance[2 * field].ravel(), truth.variance[:, 0], rtol=1e-6)
        np.testing.assert_allclose(variance[2 * field + 1].ravel(), truth.variance[:, 1], rtol=1e-6)
        np.testing.assert_allclose(flux[2 * field].ravel(), -2.5 * east, rtol=1e-6)
    assert "transform" not in log.text


@pytest.mark.parametrize("neighbors", [0, 9])
def test_kriged_fields_beside_their_gradients(run, world, two_fields, variogram, template, tmp_path, neighbors):
    """Truth: the core, field by field; the gradients are those of a run without the fields."""
    path, coordinates, values = two_fields
    given = {"INPUT": path, "FIELDS": ["zinc", "lead"], "VARIOGRAM": variogram, "TEMPLATE": template,
             "MAX_NEIGHBORS": neighbors, "GRADIENT": str(tmp_path / "g.tif")}  # fmt: skip
    alone, _ = world.read_raster(run("kriginggradient", given)[0]["GRADIENT"])
    more = {"GRADIENT": str(tmp_path / "h.tif"), "ESTIMATE": str(tmp_path / "e.tif"),
            "KRIGING_VARIANCE": str(tmp_path / "k.tif")}  # fmt: skip
    results, _ = run("kriginggradient", {**given, **more})
    beside, _ = world.read_raster(results["GRADIENT"])
    np.testing.assert_allclose(beside, alone, rtol=1e-6)
    estimates, dataset = world.read_raster(results["ESTIMATE"])
    variances, _ = world.read_raster(results["KRIGING_VARIANCE"])
    assert [dataset.GetRasterBand(i + 1).GetDescription() for i in range(2)] == ["zinc", "lead"]
    grid, model = RasterGrid((5, 3), gdal.Open(template).GetGeoTransform()), VariogramFile.read(variogram).model
    for field in range(2):
        truth = fit_kriging(coordinates, values[:, field], model, Neighborhood(neighbors or None)).predict_grid(grid)
        np.testing.assert_allclose(estimates[field].ravel(), truth.estimate, rtol=1e-6)
        np.testing.assert_allclose(variances[field].ravel(), truth.kriging_variance, rtol=1e-5, atol=1e-5)


def test_variances_of_fields_that_differ_in_scale_go_by_its_square(run, world, variogram, template, tmp_path):
    """Truth: the variance of c Z + d is c^2 that of Z; the field the file names has the file's sill."""
    coordinates, zinc = world.field_values()
    path = world.write_points(
        tmp_path / "s.gpkg", coordinates, {"zinc": zinc.tolist(), "grams": (zinc / 1000.0 + 2.0).tolist()}
    )
    named = world.write_variogram(tmp_path / "named.json", field="zinc")
    given = {"INPUT": path, "FIELDS": ["grams", "zinc"], "TEMPLATE": template, "GRADIENT": str(tmp_path / "g.tif"),
             "GRADIENT_VARIANCE": str(tmp_path / "v.tif")}  # fmt: skip
    results, log = run("kriginggradient", {**given, "VARIOGRAM": named})
    variance, _ = world.read_raster(results["GRADIENT_VARIANCE"])
    np.testing.assert_allclose(variance[:2], 1e-6 * variance[2:], rtol=1e-6)
    assert "the sill of zinc is multiplied: grams 1e-06." in log.text and "will be off" not in log.text
    results, log = run("kriginggradient", {**given, "VARIOGRAM": variogram, "FIELDS": ["zinc", "grams"]})
    unnamed, _ = world.read_raster(results["GRADIENT_VARIANCE"])
    np.testing.assert_array_equal(unnamed[:2], variance[2:])
    np.testing.assert_array_equal(unnamed[2:], variance[2:])
    assert "does not say of which field it is" in log.text


def test_a_level_field_has_gradients_but_no_azimuth(run, world, tmp_path):
    """Beyond the range of every sample the estimate is the mean: such cells are estimated."""
    coordinates, zinc = world.field_values()
    path = world.write_points(tmp_path / "s.gpkg", coordinates, {"zinc": zinc.tolist()})
    structure = {"model": "spherical", "psill": 900.0, "effective_range": 20.0}
    near = world.write_variogram(tmp_path / "near.json", structures=[structure])
    extent = f"{world.LEFT - 100},{world.LEFT},{world.TOP},{world.TOP + 100} [{world.CRS}]"
    results, log = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc"], "VARIOGRAM": near, "EXTENT": extent, "CELL_SIZE": 20,
         "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    bands, _ = world.read_raster(results["GRADIENT"])
    assert (bands[:3, 0] == 0).all() and np.isnan(bands[3, 0]).all() and "no estimate" not in log.text


def test_the_magnitude_is_shown_first(run, world, two_fields, variogram, tmp_path):
    from hybrid_geostatistics.processing_provider.styles import VIRIDIS, RampStyle
    from qgis.core import QgsProcessingContext, QgsProject, QgsRasterLayer

    path, _, _ = two_fields
    context, target = QgsProcessingContext(), str(tmp_path / "g.tif")
    context.addLayerToLoadOnCompletion(
        target, QgsProcessingContext.LayerDetails("Gradient", QgsProject.instance(), "GRADIENT")
    )
    algorithm = registered("kriginggradient")
    given = {"INPUT": path, "FIELDS": ["zinc", "lead"], "VARIOGRAM": variogram, "CELL_SIZE": 50, "GRADIENT": target}
    _, found = algorithm.run(given, context, world.Log())
    assert found
    layer = QgsRasterLayer(target, "g")
    style = context.layerToLoadOnCompletionDetails(target).postProcessor()
    assert isinstance(style, RampStyle)
    style.postProcessLayer(layer, context, world.Log())
    assert layer.renderer().usesBands() == [3] and layer.bandName(3) == "Band 3: zinc magnitude"
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    limits = np.quantile(world.read_raster(target)[0][2], [0.02, 0.98])
    np.testing.assert_allclose([items[0].value, items[-1].value], limits, atol=0.005 * np.ptp(limits))
    assert VIRIDIS[0] == items[0].color.name()


def test_the_map_that_is_shown_is_added_last(provider, two_fields, variogram, world, tmp_path):
    """Truth: QGIS sorts layers by this key and makes the last one the active layer."""
    from qgis.core import QgsProcessingContext, QgsProject

    context, names = QgsProcessingContext(), ("GRADIENT", "GRADIENT_VARIANCE")
    given = {"INPUT": two_fields[0], "FIELDS": ["zinc"], "VARIOGRAM": variogram, "CELL_SIZE": 50}
    for name in names:
        given[name] = str(tmp_path / f"{name}.tif")
        details = QgsProcessingContext.LayerDetails(name, QgsProject.instance(), name)
        context.addLayerToLoadOnCompletion(given[name], details)
    if not hasattr(details, "layerSortKey"):
        pytest.skip("this QGIS adds layers in its own order")
    _, found = registered("kriginggradient").run(given, context, world.Log())
    assert found
    keys = [context.layerToLoadOnCompletionDetails(given[name]).layerSortKey for name in names]
    assert keys[0] > keys[1]


def registered(name):
    """Return an algorithm of the provider."""
    from qgis.core import QgsApplication

    return QgsApplication.processingRegistry().algorithmById(f"hybridgeo:{name}").create()


def test_points_with_the_gradient_of_the_others(run, two_fields, variogram, tmp_path):
    from qgis.core import QgsVectorLayer

    path, coordinates, values = two_fields
    results, _ = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["lead"], "VARIOGRAM": variogram, "CELL_SIZE": 50,
         "GRADIENT": str(tmp_path / "g.tif"), "SAMPLES": str(tmp_path / "s.gpkg")},
    )  # fmt: skip
    layer = QgsVectorLayer(results["SAMPLES"], "s", "ogr")
    truth = fit_gradient(coordinates, values[:, 1], VariogramFile.read(variogram).model).leave_one_out()
    names = ["lead", "lead_dE", "lead_dN", "lead_magnitude", "lead_azimuth"]
    rows = [[feature[name] for name in names] for feature in layer.getFeatures()]
    expected = np.column_stack([values[:, 1], truth.gradient[:, 0], truth.magnitude, truth.azimuth])
    np.testing.assert_allclose(rows, expected, rtol=1e-9)
    assert layer.crs().authid() == "EPSG:25833"


def test_the_gradient_of_logarithms_is_called_so(run, world, samples, template, tmp_path):
    structure = {"model": "cubic", "psill": 0.3, "effective_range": 200.0}
    variogram = world.write_variogram(
        tmp_path / "log.json", nugget=0.02, structures=[structure], transform={"kind": "log"}, field="zinc"
    )
    results, log = run(
        "kriginggradient",
        {"INPUT": samples, "FIELDS": ["zinc"], "VARIOGRAM": variogram, "TEMPLATE": template,
         "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    values, dataset = world.read_raster(results["GRADIENT"])
    coordinates, zinc = world.field_values()
    grid = RasterGrid((5, 3), gdal.Open(template).GetGeoTransform())
    fitted = fit_gradient(coordinates, np.log(zinc), VariogramFile.read(variogram).model)
    truth = fitted.predict(grid.centers(next(grid.blocks())), with_variance=False)
    np.testing.assert_allclose(values[0].ravel(), truth.gradient[:, 0, 0], rtol=1e-6)
    assert dataset.GetRasterBand(1).GetDescription() == "d log zinc/dE"
    assert "transform log" in log.text


def test_without_a_variogram_each_field_gets_its_own(run, two_fields, tmp_path):
    pytest.importorskip("skgstat")
    path, _, _ = two_fields
    _, log = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc", "lead"], "CELL_SIZE": 50, "GRADIENT": str(tmp_path / "g.tif")},
    )
    assert log.text.count("Variogram: ") == 2
