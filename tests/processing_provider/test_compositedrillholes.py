"""Composite drill holes through Processing. Truth: a hole of 60 degrees whose places are known by hand."""

import numpy as np
import pytest
from osgeo import ogr


def write_table(path, columns):
    """Write a CSV file."""
    rows = zip(*columns.values())
    path.write_text("\n".join([",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]) + "\n")
    return str(path)


@pytest.fixture
def tables(world, tmp_path):
    collars = world.write_points(
        tmp_path / "collars.gpkg",
        [[world.LEFT, world.TOP], [world.LEFT + 50, world.TOP + 10]],
        {"Hole_ID": ["A", "B"], "RL": [100.0, 90.0]},
    )
    surveys = write_table(tmp_path / "surveys.csv", {"BHID": ["A"], "AT": [0], "BRG": [90], "DIP": [-60]})
    assays = write_table(
        tmp_path / "assays.csv",
        {"BHID": ["A", "A", "A", "B", "X"], "FROM": [0, 1, 3, 0, 0], "TO": [1, 3, 4, 4, 1],
         "Fe": [2, 5, 8, "<1", 7], "rock": ["a", "a", "a", "b", "c"]},
    )  # fmt: skip
    return {"COLLARS": collars, "SURVEYS": surveys, "ASSAYS": assays, "FIELDS": ["Fe"], "LENGTH": 2.0}


def test_composites_are_points_with_elevation(run, tables, world, tmp_path):
    output = str(tmp_path / "composites.gpkg")
    results, log = run(
        "compositedrillholes", {**tables, "OUTPUT": output, "OUTPUT_HTML": str(tmp_path / "report.html")}
    )
    assert (results["N_HOLES"], results["N_COMPOSITES"], results["N_PROBLEMS"], results["N_CENSORED"]) == (2, 4, 2, 1)
    assert "row 5, X: No usable collar" in log.text and "whole hole, B: No usable survey" in log.text
    dataset = ogr.Open(output)
    layer = dataset.GetLayer(0)
    assert layer.GetGeomType() == ogr.wkbPoint25D and layer.GetSpatialRef().GetAuthorityCode(None) == "25833"
    found = [(f["hole"], f["Fe"], f["depth"], f.geometry().GetPoint(0)) for f in layer]
    down = np.sqrt(3) / 2
    expected = [
        ("A", 3.5, 1.0, (world.LEFT + 0.5, world.TOP, 100 - down)),
        ("A", 6.5, 3.0, (world.LEFT + 1.5, world.TOP, 100 - 3 * down)),
        ("B", 0.5, 1.0, (world.LEFT + 50, world.TOP + 10, 89.0)),
        ("B", 0.5, 3.0, (world.LEFT + 50, world.TOP + 10, 87.0)),
    ]
    for (hole, value, depth, place), wanted in zip(found, expected):
        assert (hole, value, depth) == wanted[:3]
        np.testing.assert_allclose(place, wanted[3], atol=1e-6)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No usable collar" in page and "Length-weighted mean" in page


def test_collars_may_be_a_table(run, tables, tmp_path):
    collars = write_table(tmp_path / "collars.csv", {"hole": ["A"], "x": [10.0], "y": [20.0], "z": [5.0]})
    output = str(tmp_path / "composites.gpkg")
    run("compositedrillholes", {**tables, "COLLARS": collars, "CRS": "EPSG:28992", "OUTPUT": output})
    dataset = ogr.Open(output)
    layer = dataset.GetLayer(0)
    assert layer.GetSpatialRef().GetAuthorityCode(None) == "28992"
    first = layer.GetNextFeature()  # its geometry lives no longer than the feature
    np.testing.assert_allclose(first.geometry().GetPoint(0), (10.5, 20.0, 5 - np.sqrt(3) / 2))


def test_a_collar_whose_easting_is_no_number_is_left_out(run, tables, tmp_path):
    collars = write_table(
        tmp_path / "collars.csv", {"hole": ["A", "B"], "x": [10.0, "east"], "y": [20.0, 20.0], "z": [5.0, 5.0]}
    )
    parameters = {**tables, "COLLARS": collars, "CRS": "EPSG:28992", "OUTPUT": str(tmp_path / "composites.gpkg")}
    results, log = run("compositedrillholes", parameters)
    assert results["N_HOLES"] == 1 and "collars, row 2, B: Easting, northing or elevation is missing or no" in log.text


def test_collars_without_elevation_are_refused(refused, tables, tmp_path):
    collars = write_table(tmp_path / "collars.csv", {"hole": ["A"], "x": [1.0], "y": [2.0]})
    assert "field with elevation" in refused("compositedrillholes", {**tables, "COLLARS": collars})


def test_degrees_are_refused(refused, tables, world, tmp_path):
    collars = world.write_points(tmp_path / "d.gpkg", [[13.1, 50.2]], {"hole": ["A"], "z": [1.0]}, crs="EPSG:4326")
    assert "projected CRS" in refused("compositedrillholes", {**tables, "COLLARS": collars})


def test_a_missing_column_is_named(refused, tables, tmp_path):
    assays = write_table(tmp_path / "a.csv", {"BHID": ["A"], "start": [0], "end": [1], "Fe": [2]})
    said = refused("compositedrillholes", {**tables, "ASSAYS": assays})
    assert "field with from" in said and "start" in said
