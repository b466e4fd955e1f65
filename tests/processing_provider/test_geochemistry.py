"""Rare earths and compositions through Processing. Truth: values known by hand, and there and back again."""

import numpy as np
import pytest
from osgeo import ogr


def fields_of(path):
    """Return every field of a layer as an array, NaN for NULL."""
    dataset = ogr.Open(str(path))
    layer = dataset.GetLayer(0)
    names = [field.GetName() for field in layer.schema]
    rows = [[np.nan if feature[name] is None else feature[name] for name in names] for feature in layer]
    return {name: np.array([row[index] for row in rows]) for index, name in enumerate(names)}


def test_rare_earths_in_their_units(run, world, tmp_path):
    """Chondrite times 10 has no anomaly; Eu in ppb, Sm as text with one value below detection."""
    places, _ = world.field_values(4)
    path = world.write_points(
        tmp_path / "ree.gpkg", places,
        {"Sm_ppm": ["1.48", "<0.2", "1.48", "1.48"], "Eu_ppb": [563.0, 563.0, -999.0, 1126.0], "gd": [1.99] * 4,
         "zinc": [1.0, 2.0, 3.0, 4.0]},
    )  # fmt: skip
    results, log = run("rareearths", {"INPUT": path, "OUTPUT": str(tmp_path / "out.gpkg")})
    assert (results["N_ELEMENTS"], results["N_CENSORED"], results["DERIVED"]) == (3, 1, "Eu_anomaly")
    found = fields_of(tmp_path / "out.gpkg")
    expected = [1.0, np.sqrt(1.48 / 0.1), np.nan, 2.0]
    np.testing.assert_allclose(found["Eu_anomaly"], expected, rtol=1e-9)
    assert found["zinc"].tolist() == [1, 2, 3, 4] and "REE is left out; it also needs La" in log.text


def test_rare_earths_are_needed(refused, samples):
    assert "none" in refused("rareearths", {"INPUT": samples})
    assert "zinc" in refused("rareearths", {"INPUT": samples, "FIELDS": ["zinc"]})


@pytest.mark.parametrize("kind", ["clr", "ilr"])
def test_composition_there_and_back(run, world, tmp_path, kind):
    """Samples to log-ratios, written on a raster cell by cell, and back to the samples' parts."""
    places, values = world.field_values(12)
    iron, silica = 20 + values / 10, 10 + values[::-1] / 20
    path = world.write_points(
        tmp_path / "c.gpkg", places, {"Fe_pct": iron.tolist(), "Si_ppm": (1e4 * silica).tolist()}
    )
    results, _ = run(
        "logratios",
        {"INPUT": path, "FIELDS": ["Fe_pct", "Si_ppm"], "KIND": kind, "REST": "as_part",
         "OUTPUT": str(tmp_path / "r.gpkg")},
    )  # fmt: skip
    assert results["PARTS"] == "Fe_pct, Si_ppm, rest"
    ratios = fields_of(tmp_path / "r.gpkg")
    rasters = [
        world.write_raster(tmp_path / f"{name}.tif", ratios[name].reshape(3, 4).astype(np.float32))
        for name in results["RATIOS"].split(", ")
    ]
    run(
        "compositionraster",
        {"RATIOS": rasters if kind == "clr" else rasters[::-1], "PARTS": results["PARTS"], "KIND": kind,
         "OUTPUT": str(tmp_path / "parts.tif")},
    )  # fmt: skip
    found, dataset = world.read_raster(tmp_path / "parts.tif")
    assert [dataset.GetRasterBand(band).GetDescription() for band in (1, 2, 3)] == ["Fe_pct", "Si_ppm", "rest"]
    expected = np.stack([iron, silica, 100 - iron - silica]).reshape(3, 3, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # rasters are float32
    np.testing.assert_allclose(found.sum(axis=0), 100, rtol=1e-6)


def test_variances_raise_the_rare_part(run, world, tmp_path):
    """Theorem (Jensen): the mean of a rare part lies above its centre."""
    ratio = world.write_raster(tmp_path / "ilr_1.tif", np.full((2, 3), 2.0, np.float32))
    variance = world.write_raster(tmp_path / "v.tif", np.full((2, 3), 0.3, np.float32))
    maps = []
    for given in ({}, {"VARIANCES": [variance]}):
        run("compositionraster", {"RATIOS": [ratio], "PARTS": "a,b", **given, "OUTPUT": str(tmp_path / "p.tif")})
        maps.append(world.read_raster(tmp_path / "p.tif")[0])
    assert (maps[1][1] > 1.05 * maps[0][1]).all()


@pytest.mark.parametrize(
    "change, words",
    [({"PARTS": "a"}, "at least 2 parts"), ({"PARTS": "a,b,c"}, "Expected 2 log-ratios"),
     ({"KIND": "clr"}, "Expected 2 log-ratios")],
)  # fmt: skip
def test_numbers_must_agree(refused, world, tmp_path, change, words):
    ratio = world.write_raster(tmp_path / "ilr_1.tif", np.zeros((2, 3), np.float32))
    base = {"RATIOS": [ratio], "PARTS": "a,b", "OUTPUT": str(tmp_path / "p.tif")}
    assert words in refused("compositionraster", {**base, **change})
    assert not (tmp_path / "p.tif").exists()


def test_more_than_the_whole_is_refused(refused, world, tmp_path):
    places, _ = world.field_values(3)
    path = world.write_points(tmp_path / "c.gpkg", places, {"Fe_pct": [60.0, 60, 60], "Si_pct": [10.0, 50, 10]})
    said = refused("logratios", {"INPUT": path, "FIELDS": ["Fe_pct", "Si_pct"], "REST": "as_part"})
    assert "110 %" in said and "row 2" in said
