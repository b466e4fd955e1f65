"""Block models through Processing. Truth: the rasters they come from, cell by cell."""

import csv
import importlib.util

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import environment
from osgeo import gdal


@pytest.fixture
def model(world, tmp_path):
    """Return two rasters of two levels, not in order, with a hole and an empty block."""
    values = np.arange(2 * 9 * 7, dtype=np.float32).reshape(2, 9, 7)
    values[:, 2, 5] = -1e6
    values[0, 3, 5] = -1e6
    one = world.write_raster(tmp_path / "estimate.tif", values, nodata=-1e6, names=("zinc 80 m", "zinc 90.5 m"))
    other = world.write_raster(tmp_path / "variance.tif", values + 1000, nodata=-1e6 + 1000, names=("a 80", "b 80"))
    dataset = gdal.Open(other, gdal.GA_Update)
    for number, elevation in ((1, "80.0"), (2, "90.5")):
        dataset.GetRasterBand(number).SetMetadata({"QUANTITY": "zinc", "ELEVATION": elevation})
    del dataset
    return [one, other], np.where(values < -1e5, np.nan, values)


def test_names_have_no_commas(run, world, tmp_path):
    names = ("zinc, lower end of 90 % 80 m", "zinc, lower end of 90 % 70 m")
    raster = world.write_raster(tmp_path / "lower.tif", np.ones((2, 9, 7), np.float32), names=names)
    run("exportblockmodel", {"RASTERS": [raster], "OUTPUT": str(tmp_path / "m.csv")})
    assert (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()[0] == "x,y,z,zinc lower end of 90 %"


def test_every_block_is_a_row(run, world, model, tmp_path):
    from qgis.core import QgsVectorLayer, QgsWkbTypes

    paths, values = model
    results, _ = run(
        "exportblockmodel",
        {"RASTERS": paths, "OUTPUT": str(tmp_path / "m.csv"), "POINTS": str(tmp_path / "m.gpkg")},
    )
    rows = list(csv.reader((tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["x", "y", "z", "estimate: zinc", "variance: zinc"]
    table = np.array(rows[1:], dtype=float)
    assert results["N"] == len(table) == 2 * 63 - 3 and results["N_LEVELS"] == 2
    assert (results["WIDTH"], results["DEPTH"], results["HEIGHT"]) == (30.0, 20.0, 10.5)
    columns = ((table[:, 0] - world.LEFT) / 30 - 0.5).astype(int)
    down = ((world.TOP - table[:, 1]) / 20 - 0.5).astype(int)
    expected = values[(table[:, 2] == 90.5).astype(int), down, columns]
    np.testing.assert_array_equal(table[:, 3], expected)
    np.testing.assert_array_equal(table[:, 4], expected + 1000)
    assert (np.diff(table[:, 2]) <= 0).all()  # from the top down
    layer = QgsVectorLayer(results["POINTS"], "m", "ogr")
    assert QgsWkbTypes.hasZ(layer.wkbType()) and layer.featureCount() == len(table)
    places = [tuple(feature.geometry().vertexAt(0).z() for _ in (0,)) for feature in layer.getFeatures()]
    np.testing.assert_array_equal(np.ravel(places), table[:, 2])


def test_image(run, model, tmp_path):
    if importlib.util.find_spec("pyevtk") is None and not environment.check(run_it=False).is_ready:
        pytest.skip("needs pyevtk, here or in the backend")
    results, _ = run(
        "exportblockmodel", {"RASTERS": model[0], "OUTPUT": str(tmp_path / "m.csv"), "VTK": str(tmp_path / "m.vti")}
    )
    head = (tmp_path / "m.vti").read_bytes().split(b"<AppendedData")[0].decode()
    assert 'WholeExtent="0 7 0 9 0 2"' in head and 'Name="variance: zinc"' in head
    assert results["VTK"] == str(tmp_path / "m.vti")


def test_what_is_refused(refused, world, model, slope, tmp_path):
    out = {"OUTPUT": str(tmp_path / "m.csv")}
    assert "called after their elevation" in refused("exportblockmodel", {"RASTERS": [slope], **out})
    small = world.write_raster(tmp_path / "small.tif", np.zeros((2, 3), np.float32), names=("x 5",))
    assert "one grid" in refused("exportblockmodel", {"RASTERS": [model[0][0], small], **out})
    one = world.write_raster(tmp_path / "one.tif", np.zeros((9, 7), np.float32), names=("x 5",))
    assert "same elevations" in refused("exportblockmodel", {"RASTERS": [model[0][0], one], **out})
    assert not (tmp_path / "m.csv").exists()
