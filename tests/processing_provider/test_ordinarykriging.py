"""Ordinary kriging through Processing. Truth: the core on the same numbers, exactness, adapter contracts."""

import json
from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal


def kriged(world, variogram, grid, max_neighbors=None):
    """Return estimate and variance of the core on a grid."""
    coordinates, values = world.field_values()
    file = VariogramFile.read(variogram)
    kriging = fit_kriging(
        coordinates, file.transform.forward(values), file.model, Neighborhood(max_neighbors=max_neighbors)
    )
    result = kriging.predict_grid(grid)
    parts = BackTransform.of(kriging, file.transform).moments(
        result.estimate, result.kriging_variance, result.smoothing_variance
    )
    return [part.reshape(grid.shape) for part in parts]


def test_takes_the_template_grid_exactly(run, world, samples, variogram, template, tmp_path):
    results, _log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif"), "KRIGING_VARIANCE": str(tmp_path / "v.tif")},
    )  # fmt: skip
    assert results["N"] == 40
    expected = gdal.Open(template)
    grid = RasterGrid((5, 3), expected.GetGeoTransform())
    for path, truth in zip((results["ESTIMATE"], results["KRIGING_VARIANCE"]), kriged(world, variogram, grid)):
        values, dataset = world.read_raster(path)
        assert dataset.GetGeoTransform() == expected.GetGeoTransform()
        assert dataset.GetSpatialRef().IsSame(expected.GetSpatialRef())
        np.testing.assert_allclose(values[0], truth, rtol=1e-6)  # float32
    band = dataset.GetRasterBand(1)
    assert band.DataType == gdal.GDT_Float32 and band.GetNoDataValue() == -9999
    assert band.GetDescription() == "zinc kriging variance"
    assert dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "DEFLATE"
    assert band.GetBlockSize() == [256, 256]


def test_covers_the_extent_with_cells_of_exactly_the_size(run, world, samples, variogram, tmp_path):
    west, south, east, north = world.LEFT + 3, world.TOP - 100, world.LEFT + 100, world.TOP
    results, _ = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 30,
         "EXTENT": f"{west},{east},{south},{north} [{world.CRS}]", "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    values, dataset = world.read_raster(results["ESTIMATE"])
    grid = RasterGrid.from_extent(west, south, east, north, 30)
    assert dataset.GetGeoTransform() == grid.transform == (west, 30, 0, north, 0, -30)
    assert values.shape == (1, 4, 4)  # edge cells reach beyond the extent instead of being cut
    np.testing.assert_allclose(values[0], kriged(world, variogram, grid)[0], rtol=1e-6)
    assert "KRIGING_VARIANCE" not in results


def test_an_extent_in_another_crs_is_transformed(run, world, samples, variogram, tmp_path):
    results, _ = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 500,
         "EXTENT": "13.58,13.60,50.545,50.555 [EPSG:4326]", "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    _, dataset = world.read_raster(results["ESTIMATE"])
    left, _, _, top, _, _ = dataset.GetGeoTransform()
    assert 399_000 < left < 400_000 and 5_600_000 < top < 5_602_000


def test_every_default_is_enough(run, world, samples, variogram, tmp_path):
    results, _ = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "ESTIMATE": "TEMPORARY_OUTPUT"},
    )
    values, dataset = world.read_raster(results["ESTIMATE"])
    assert dataset.GetGeoTransform()[1] == 2.0 and 80 <= max(values.shape) <= 125
    coordinates, _ = world.field_values()
    left, width, _, top, _, height = dataset.GetGeoTransform()
    assert left <= coordinates[:, 0].min() and top >= coordinates[:, 1].max()
    assert left + values.shape[2] * width >= coordinates[:, 0].max()
    assert top + values.shape[1] * height <= coordinates[:, 1].min()


def test_edge_blocks_are_written(run, world, samples, variogram, tmp_path):
    """257 x 300 cells make four blocks of 256, three of them narrow; each is compared with one call for the whole."""
    results, _ = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "MAX_NEIGHBORS": 8, "CELL_SIZE": 1,
         "EXTENT": f"{world.LEFT},{world.LEFT + 257},{world.TOP - 300},{world.TOP}",
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    values, _ = world.read_raster(results["ESTIMATE"])
    assert values.shape == (1, 300, 257)
    grid = RasterGrid.from_extent(world.LEFT, world.TOP - 300, world.LEFT + 257, world.TOP, 1)
    np.testing.assert_allclose(values[0], kriged(world, variogram, grid, 8)[0], rtol=1e-6)
    assert grid.centers(Block(299, 256, 1, 1)).tolist() == [[world.LEFT + 256.5, world.TOP - 299.5]]


def test_estimates_come_back_from_the_logarithm(run, world, samples, template, tmp_path):
    structure = {"model": "exponential", "psill": 0.3, "effective_range": 200.0}
    variogram = world.write_variogram(
        tmp_path / "log.json", nugget=0.02, structures=[structure], transform={"kind": "log"}, field="zinc"
    )
    results, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif"), "KRIGING_VARIANCE": str(tmp_path / "v.tif")},
    )  # fmt: skip
    truth = kriged(world, variogram, RasterGrid((5, 3), gdal.Open(template).GetGeoTransform()))
    np.testing.assert_allclose(world.read_raster(results["ESTIMATE"])[0][0], truth[0], rtol=1e-6)
    np.testing.assert_allclose(world.read_raster(results["KRIGING_VARIANCE"])[0][0], truth[1], rtol=1e-6)
    assert "fitted" not in log.text


def test_a_cell_on_a_sample_has_its_value_and_no_variance(run, world, variogram, tmp_path):
    """The theorem of exactness, through the adapter."""
    coordinates, values = world.field_values()
    coordinates[0] = world.LEFT + 45.0, world.TOP - 30.0  # the centre of row 1, column 1
    path = world.write_points(tmp_path / "exact.gpkg", coordinates, {"zinc": values.tolist()})
    template = world.write_raster(tmp_path / "grid.tif", np.zeros(world.SHAPE, np.float32))
    results, _ = run(
        "ordinarykriging",
        {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif"), "KRIGING_VARIANCE": str(tmp_path / "v.tif")},
    )  # fmt: skip
    assert world.read_raster(results["ESTIMATE"])[0][0, 1, 1] == np.float32(values[0])
    assert world.read_raster(results["KRIGING_VARIANCE"])[0][0, 1, 1] == 0


def test_cells_without_neighbours_are_nodata_and_counted(run, world, samples, variogram, tmp_path):
    results, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "SEARCH_RADIUS": 15, "MIN_NEIGHBORS": 2,
         "CELL_SIZE": 20, "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    values, _ = world.read_raster(results["ESTIMATE"])
    n_missing = int(np.isnan(values).sum())
    assert 0 < n_missing < values.size
    assert f"{n_missing} of {values.size} cells have no estimate" in log.text


def test_a_second_run_writes_the_same_bytes(run, samples, variogram, tmp_path):
    """Reproducible: threads, blocks and clocks leave no trace in the file."""
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "MAX_NEIGHBORS": 8, "CELL_SIZE": 2}
    for name in ("a", "b"):
        run("ordinarykriging", {**given, "ESTIMATE": str(tmp_path / f"{name}.tif"),
                                "KRIGING_VARIANCE": str(tmp_path / f"{name}_v.tif")})  # fmt: skip
    for kind in ("", "_v"):
        assert (tmp_path / f"a{kind}.tif").read_bytes() == (tmp_path / f"b{kind}.tif").read_bytes()


def test_empty_cells_hold_nan_where_asked(run, world, samples, variogram, tmp_path):
    """Two roads: the same cells are empty and all others equal, whatever number stands for nodata."""
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "SEARCH_RADIUS": 15, "CELL_SIZE": 20}
    first, _ = run("ordinarykriging", {**given, "ESTIMATE": str(tmp_path / "e.tif")})
    second, _ = run("ordinarykriging", {**given, "NODATA_AS_NAN": True, "ESTIMATE": str(tmp_path / "n.tif")})
    values, dataset = world.read_raster(first["ESTIMATE"])
    assert dataset.GetRasterBand(1).GetNoDataValue() == -9999.0
    written = gdal.Open(second["ESTIMATE"])
    assert np.isnan(written.GetRasterBand(1).GetNoDataValue())
    assert 0 < np.isnan(values).sum() < values.size
    np.testing.assert_array_equal(written.ReadAsArray(), values[0])


def test_what_is_left_out_and_merged_is_counted(run, world, variogram, template, tmp_path):
    coordinates, values = world.field_values()
    places = [*coordinates.tolist(), coordinates[4].tolist(), None]
    zinc = [*values.tolist(), float(values[4]) + 10, 5.0]
    zinc[0] = None
    path = world.write_points(tmp_path / "messy.gpkg", places, {"zinc": zinc})
    results, log = run(
        "ordinarykriging",
        {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert results["N"] == 39
    assert "1 features have no geometry" in log.text
    assert "1 of 41 samples have no number in zinc" in log.text
    assert "1 samples lie where another one does" in log.text and "averaged" in log.text


def test_a_field_that_counts_the_samples_is_told(run, samples, variogram, template, tmp_path):
    _, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "fid", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert "fid counts the samples from 1 to 40. Is it the field to map?" in log.text


def test_numbers_that_may_mean_below_detection_are_told(run, world, variogram, template, tmp_path):
    coordinates, values = world.field_values()
    negative = values - values.max() - 1.0  # depths are below 0, too, and nobody is told
    for number, column in enumerate((np.where(np.arange(40) % 8 == 0, -0.5, values), values, negative)):
        path = world.write_points(tmp_path / f"s{number}.gpkg", coordinates, {"zinc": column.tolist()})
        given = {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template}
        _, log = run("ordinarykriging", {**given, "ESTIMATE": str(tmp_path / f"e{number}.tif")})
        told = "zinc: 5 of 40 values are below 0, and they are the same few numbers again and again (-0.5)."
        assert (told in log.text) == (number == 0)


def test_only_selected_features_count(run, world, samples, variogram, template, tmp_path):
    from qgis.core import QgsProcessingFeatureSourceDefinition, QgsProject, QgsVectorLayer

    layer = QgsVectorLayer(samples, "chosen", "ogr")
    QgsProject.instance().addMapLayer(layer)
    layer.selectByExpression('"fid" <= 25')
    results, _ = run(
        "ordinarykriging",
        {"INPUT": QgsProcessingFeatureSourceDefinition(layer.id(), True), "FIELD": "zinc", "VARIOGRAM": variogram,
         "TEMPLATE": template, "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert results["N"] == 25


def test_a_variogram_of_other_data_is_told(run, world, samples, template, tmp_path):
    variogram = world.write_variogram(tmp_path / "other.json", field="lead", crs="EPSG:28992")
    _, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert "fitted to the field lead, and is used for zinc" in log.text
    assert "EPSG:28992" in log.text and "EPSG:25833" in log.text


def test_without_a_variogram_one_is_fitted(run, samples, template, tmp_path):
    pytest.importorskip("skgstat")
    _, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "TEMPLATE": template, "ESTIMATE": str(tmp_path / "e.tif")},
    )
    assert "Variogram: " in log.text and "effective range" in log.text


def test_where_no_variogram_can_be_fitted_a_file_is_asked_for(refused, samples, template, tmp_path, monkeypatch):
    from hybrid_geostatistics.core.backend import tasks

    monkeypatch.setattr(tasks, "missing_modules", lambda *_: ("skgstat",))
    monkeypatch.setenv("HYBRIDGEO_BACKEND_DIR", str(tmp_path / "nowhere"))
    monkeypatch.delenv("HYBRIDGEO_BACKEND_PYTHON", raising=False)
    said = refused(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "TEMPLATE": template, "ESTIMATE": str(tmp_path / "e.tif")},
    )
    assert "This step needs scikit-gstat, which QGIS's own Python lacks." in said
    assert "hybridgeo:setupbackend" in said and "Or give a variogram file" in said


def test_kriging_imports_nothing_outside_qgis(world, root, samples, variogram, tmp_path):
    """In a fresh interpreter where scikit-gstat, onnxruntime and sklearn cannot be imported."""
    code = f"""
sys.path.append(app.pkgDataPath() + "/python/plugins")
from processing.core.Processing import Processing
Processing.initialize()
plugin = package.classFactory(None)
plugin.initProcessing()
import processing
print(processing.run("hybridgeo:ordinarykriging", {{"INPUT": {samples!r}, "FIELD": "zinc", "VARIOGRAM": {variogram!r},
      "CELL_SIZE": 20, "ESTIMATE": {str(tmp_path / "e.tif")!r}}})["N"])
plugin.unload()
assert QgsApplication.processingRegistry().providerById("hybridgeo") is None
"""
    missing = ("skgstat", "onnxruntime", "sklearn", "pandas", "tensorflow", "numba")
    done = world.run_in_a_fresh_qgis(root, code, missing)
    assert done.stdout.split()[-1:] == ["40"], done.stderr


def test_cancel_leaves_nothing(run, world, samples, variogram, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    results, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 1,
         "ESTIMATE": str(folder / "e.tif")},
        world.Log(cancel_at="Grid: "),
    )  # fmt: skip
    assert "ESTIMATE" not in results and list(folder.iterdir()) == []
    assert "Cancelled" in log.text


def test_a_loaded_layer_gets_name_and_colours(run, world, samples, variogram, tmp_path):
    from hybrid_geostatistics.processing_provider.styles import RampStyle
    from qgis.core import QgsProcessingContext, QgsProject, QgsRasterLayer

    results, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 20,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    layer, beside = (QgsRasterLayer(results["ESTIMATE"], name) for name in ("e", "v"))
    project, context = QgsProject.instance(), QgsProcessingContext()
    project.addMapLayers([layer, beside])
    context.setProject(project)
    values, _ = world.read_raster(results["ESTIMATE"])
    RampStyle("zinc", values.ravel()).postProcessLayer(layer, context, log)
    RampStyle("variance", values.ravel(), is_shown=False).postProcessLayer(beside, context, log)
    shown = [project.layerTreeRoot().findLayer(one.id()).itemVisibilityChecked() for one in (layer, beside)]
    assert shown == [True, False]  # which layer is on top differs by version of QGIS
    assert layer.name() == "zinc" and layer.renderer().type() == "singlebandpseudocolor"
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    limits = np.quantile(values, [0.02, 0.98])
    np.testing.assert_allclose([items[0].value, items[-1].value], limits, atol=0.005 * np.ptp(limits))
    assert not Path(results["ESTIMATE"] + ".aux.xml").exists()  # nothing had to be read again
    assert len({item.color.name() for item in items}) == len(items) == 5
    project.clear()


# ---------------------------------------------------------------- bad input


@pytest.fixture
def bad(refused, samples, variogram, tmp_path):
    """Return a function that runs kriging with something bad and checks that nothing was written."""

    def bad(**parameters):
        folder = tmp_path / "out"
        folder.mkdir()
        given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 20,
                 "ESTIMATE": str(folder / "e.tif"), **parameters}  # fmt: skip
        said = refused("ordinarykriging", given)
        assert list(folder.iterdir()) == []
        assert "Traceback" not in said
        return said

    return bad


def test_geographic_crs(bad, world, tmp_path):
    path = world.write_points(tmp_path / "g.gpkg", [[13.1, 50.2], [13.3, 50.4], [13.2, 50.9]], {"zinc": [1, 2, 3]},
                              crs="EPSG:4326")  # fmt: skip
    said = bad(INPUT=path)
    assert "projected CRS" in said and "EPSG:4326" in said and "native:reprojectlayer" in said


def test_no_features(bad, world, tmp_path):
    assert "got no feature" in bad(INPUT=world.write_points(tmp_path / "none.gpkg", [], {"zinc": []}))


def test_field_that_is_not_there(bad):
    said = bad(FIELD="zink")
    assert "no field zink" in said and "zinc" in said


def test_field_of_text(bad, world, tmp_path):
    coordinates, _ = world.field_values(5)
    path = world.write_points(tmp_path / "t.gpkg", coordinates, {"zinc": ["<5", "7", "9", "8", "6"]})
    said = bad(INPUT=path)
    assert "Expected numbers in field zinc" in said and "'<5'" in said and "hybridgeo:checksamples" in said


def test_field_of_words(bad, world, tmp_path):
    coordinates, _ = world.field_values(5)
    path = world.write_points(tmp_path / "w.gpkg", coordinates, {"zinc": ["Forest", "Till", *["Meadow"] * 3]})
    said = bad(INPUT=path)
    assert "'Forest'" in said and "a whole number for each" in said and "checksamples" not in said


def test_values_that_are_all_equal(bad, world, tmp_path):
    coordinates, _ = world.field_values(6)
    assert "equal 7" in bad(INPUT=world.write_points(tmp_path / "c.gpkg", coordinates, {"zinc": [7.0] * 6}))


def test_too_few_samples(bad, world, tmp_path):
    coordinates, _ = world.field_values(4)
    said = bad(INPUT=world.write_points(tmp_path / "f.gpkg", coordinates, {"zinc": [1.0, 2.0, None, None]}))
    assert "needs at least 3 samples, got 2" in said


def test_values_outside_the_transform(bad, world, tmp_path):
    coordinates, values = world.field_values(8)
    values[3] = 0.0
    path = world.write_points(tmp_path / "z.gpkg", coordinates, {"zinc": values.tolist()})
    said = bad(INPUT=path, VARIOGRAM=world.write_variogram(tmp_path / "l.json", transform={"kind": "log"}))
    assert "values of zinc above 0, got 0" in said


def by_hand(**structure):
    """Return the text of a variogram file as somebody may write it."""
    return json.dumps({"format": "hybridgeo-variogram", "version": 1, "nugget": 0.1, "structures": [structure]})


@pytest.mark.parametrize(
    "content, words",
    [
        ("{", "cannot be read as a variogram file"),
        (json.dumps({"nugget": 1}), "is not a variogram file"),
        (json.dumps({"format": "hybridgeo-variogram", "version": 2}), "version 2"),
        (
            by_hand(model="spherical", psill=1, range=800),
            "Expected model, psill, effective_range in each structure, got model, psill, range in structure 1.",
        ),
        (by_hand(model="spherical", psill=1, effective_range="far"), "could not convert string to float: 'far'"),
        (
            by_hand(model="spherical", psill=1, effective_range=9, azimut=30),
            "Expected azimuth in structure 1, got azimut",
        ),
    ],
)
def test_variogram_file_that_is_not_ours(bad, tmp_path, content, words):
    path = tmp_path / "v.json"
    path.write_text(content)
    assert words in bad(VARIOGRAM=str(path))


def test_template_in_another_crs(bad, world, tmp_path):
    path = world.write_raster(tmp_path / "t.tif", np.zeros((3, 2), np.float32), crs="EPSG:32633")
    said = bad(TEMPLATE=path)
    assert "EPSG:25833" in said and "EPSG:32633" in said and "gdal:warpreproject" in said


def test_template_that_does_not_exist(bad):
    said = bad(TEMPLATE="/nowhere/t.tif")
    assert "Expected an existing raster in TEMPLATE, got /nowhere/t.tif" in said


def test_more_cells_than_the_disk_holds(bad, world):
    said = bad(CELL_SIZE=1e-4, EXTENT=f"{world.LEFT},{world.LEFT + 1e4},{world.TOP - 1e4},{world.TOP}")
    assert "TiB" in said and "free" in said and "larger cell size" in said


def test_folder_that_does_not_exist(bad, tmp_path):
    said = bad(ESTIMATE=str(tmp_path / "nowhere" / "e.tif"))
    assert "Cannot write" in said and "nowhere" in said


def test_folder_that_is_a_file(bad, samples):
    assert "Cannot write" in bad(ESTIMATE=f"{samples}/e.tif")


def test_format_that_is_not_geotiff(bad, tmp_path):
    assert "Expected the name of a GeoTIFF" in bad(ESTIMATE=str(tmp_path / "e.asc"))


def test_neighbourhood_that_is_none(bad):
    assert "min_neighbors" in bad(MIN_NEIGHBORS=9, MAX_NEIGHBORS=4)


def test_what_was_there_survives_a_failure(refused, world, samples, tmp_path):
    target = tmp_path / "e.tif"
    target.write_text("precious")
    refused("ordinarykriging", {"INPUT": samples, "FIELD": "zinc", "ESTIMATE": str(target),
                                "VARIOGRAM": world.write_variogram(tmp_path / "v.json", version=9)})  # fmt: skip
    assert target.read_text() == "precious"
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_names_that_are_no_parameters_are_told(kriged):
    said = kriged(MAX_NEIGHBOUR=3, OUTPUTS="")[1].text
    assert "MAX_NEIGHBOUR is no parameter of Ordinary kriging and changes nothing. Is MAX_NEIGHBORS meant?" in said
    assert "OUTPUTS is no parameter" in said
    assert "is no parameter" not in kriged()[1].text
