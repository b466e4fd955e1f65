"""Inputs and outputs that cannot be meant so. Truth: they are refused with what to do, and nothing is lost."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

from osgeo import ogr, osr
from qgis.core import (
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)


def write_polygon(path, crs):
    srs = osr.SpatialReference()
    srs.SetFromUserInput(crs)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("areas", srs, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("zinc", ogr.OFTReal))
    feature = ogr.Feature(layer.GetLayerDefn())
    feature["zinc"] = 1.0
    feature.SetGeometry(ogr.CreateGeometryFromWkt("POLYGON ((0 0, 9 0, 9 9, 0 0))"))
    layer.CreateFeature(feature)
    del layer, dataset
    return str(path)


@pytest.mark.parametrize("algorithm, field", [("fitvariogram", "FIELD"), ("checksamples", "FIELDS")])
def test_polygons_are_no_samples(refused, world, tmp_path, algorithm, field):
    """Their first corners were taken for samples."""
    areas = write_polygon(tmp_path / "areas.gpkg", world.CRS)
    message = refused(algorithm, {"INPUT": areas, field: "zinc", "VARIOGRAM": str(tmp_path / "v.json")})
    assert "Expected points, got a Polygon" in message and "native:centroids" in message


def test_a_table_without_places_is_told_from_an_empty_layer(refused, world, tmp_path):
    with (tmp_path / "table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("x", "y", "zinc"), (1, 2, 3), (4, 5, 6)])
    parameters = {"INPUT": str(tmp_path / "table.csv"), "FIELD": "zinc", "VARIOGRAM": str(tmp_path / "v.json")}
    assert "native:createpointslayerfromtable" in refused("fitvariogram", parameters)


def test_fields_separated_by_commas_are_told_how_to_be(refused, world, variogram, tmp_path):
    coordinates, values = world.field_values()
    points = world.write_points(tmp_path / "two.gpkg", coordinates, {"zinc": values, "lead": values[::-1]})
    parameters = {"INPUT": points, "VARIOGRAM": variogram, "GRADIENT": str(tmp_path / "g.tif")}
    assert "by semicolons" in refused("kriginggradient", {**parameters, "FIELDS": "zinc,lead"})
    assert "by semicolons" not in refused("kriginggradient", {**parameters, "FIELDS": "zinc,tin"})


def test_two_outputs_cannot_be_one_file(refused, samples, variogram, template, tmp_path):
    """The second one replaced the first, and half a file was left beside it."""
    (tmp_path / "maps").mkdir()
    parameters = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template}
    outputs = {"ESTIMATE": f"{tmp_path}/maps/e.tif", "KRIGING_VARIANCE": f"{tmp_path}/./maps/e.tif"}
    assert "a file of its own for each output" in refused("ordinarykriging", {**parameters, **outputs})
    assert list((tmp_path / "maps").iterdir()) == []


@pytest.mark.parametrize("role", ["TEMPLATE", "DRIFT"])
def test_a_raster_that_is_read_is_not_overwritten(refused, samples, variogram, slope, role):
    before = Path(slope).read_bytes()
    rasters = {"TEMPLATE": slope} if role == "TEMPLATE" else {"DRIFT": [slope], "KRIGING_TYPE": "external_drift"}
    parameters = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "ESTIMATE": slope}
    message = refused("ordinarykriging", {**parameters, **rasters})
    assert f"is an input ({role}) and would be lost" in message
    assert Path(slope).read_bytes() == before


@pytest.mark.parametrize("given_as", ["path", "layer", "definitions"])
def test_a_layer_that_is_read_is_not_overwritten(refused, samples, given_as):
    """QGIS would write a new file over it, and over every other layer in it."""
    source, sink = samples, samples
    if given_as == "layer":
        source = QgsVectorLayer(samples, "samples", "ogr")
        QgsProject.instance().addMapLayer(source)
    elif given_as == "definitions":
        source = QgsProcessingFeatureSourceDefinition(samples, False)
        sink = QgsProcessingOutputLayerDefinition(samples, QgsProject.instance())
    assert "would be lost" in refused("checksamples", {"INPUT": source, "FIELDS": "zinc", "OUTPUT": sink})
    assert QgsVectorLayer(samples, "again", "ogr").featureCount() == 40


def test_a_further_table_in_the_file_that_is_read_is_no_loss(run, samples):
    sink = f"ogr:dbname='{samples}' table=\"cleaned\" (geom)"
    run("checksamples", {"INPUT": f"{samples}|layername=samples", "FIELDS": "zinc", "OUTPUT": sink})
    assert {
        QgsVectorLayer(f"{samples}|layername={name}", "n", "ogr").featureCount() for name in ("samples", "cleaned")
    } == {40}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"EXTENT": "a,b,c"}, "least and most easting"),
        ({"ESTIMATE": None}, "Expected ESTIMATE (Estimate), got nothing"),
        ({"FIELD": None}, "Expected FIELD (Field), got nothing"),
        ({"INPUT": None}, "Expected INPUT (Samples), got nothing"),
    ],
)
def test_what_is_missing_or_unreadable_is_named(refused, samples, variogram, tmp_path, change, words):
    parameters = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "ESTIMATE": str(tmp_path / "e.tif")}
    assert words in refused("ordinarykriging", {**parameters, **change})


def test_a_folder_that_is_not_there_and_a_variogram_that_is_not_there_are_named(refused, samples, variogram, tmp_path):
    parameters = {"INPUT": samples, "FIELD": "zinc", "ESTIMATE": str(tmp_path / "e.tif")}
    nowhere = tmp_path / "not" / "there"
    message = refused("ordinarykriging", {**parameters, "VARIOGRAM": variogram, "ESTIMATE": str(nowhere / "e.tif")})
    assert f"there is no folder {nowhere}. Create it" in message
    message = refused("ordinarykriging", {**parameters, "VARIOGRAM": str(nowhere / "v.json")})
    assert "No such file" in message and "Errno" not in message


def test_a_map_of_one_cell_is_told(run, samples, variogram, tmp_path):
    parameters = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "ESTIMATE": str(tmp_path / "e.tif")}
    _, log = run("ordinarykriging", {**parameters, "CELL_SIZE": 1e6})
    assert "a single cell" in log.text
    _, log = run("ordinarykriging", {**parameters, "CELL_SIZE": 100})
    assert "a single cell" not in log.text


def test_logarithms_are_offered_where_values_are_right_skewed(run, world, variogram, tmp_path):
    """Not where a variogram file brings its own transform, a transform is chosen, or values are not skewed."""
    coordinates, values = world.field_values()
    fields = {"even": values, "skewed": world.np.exp(values / 15)}
    points = world.write_points(tmp_path / "skewed.gpkg", coordinates, fields)
    table = {"INPUT": points, "OUTPUT": str(tmp_path / "lags.csv")}
    offered = "TRANSFORM = log is worth a try"
    assert offered in run("experimentalvariogram", {**table, "FIELD": "skewed"})[1].text
    assert offered not in run("experimentalvariogram", {**table, "FIELD": "even"})[1].text
    assert offered not in run("experimentalvariogram", {**table, "FIELD": "skewed", "TRANSFORM": "log"})[1].text
    kriging = {"INPUT": points, "FIELD": "skewed", "VARIOGRAM": variogram, "ESTIMATE": str(tmp_path / "e.tif")}
    assert offered not in run("ordinarykriging", kriging)[1].text
