"""Predict raster through Processing. Truth: the core reading the same file, which the repository holds (two roads)."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs onnxruntime here")

from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel
from hybrid_geostatistics.core.samples import Covariates
from hybrid_geostatistics.core.validation.applicability import fit_applicability

CRS = "EPSG:28992"
GRID = RasterGrid((8, 11), (181_000.0, 80.0, 0.0, 333_500.0, 0.0, -60.0), CRS)
"""Over the samples of the file."""


@pytest.fixture
def model(root):
    return str(root / "tests" / "data" / "tiny_hybrid.onnx")


@pytest.fixture
def covariates():
    """Return what the rasters hold, the hole as NaN, and a class that no sample has."""
    dist = np.linspace(0, 1, 88).reshape(GRID.shape)
    dist[2:4, 5] = np.nan
    soil = np.where(np.arange(88).reshape(GRID.shape) % 3 == 0, 1.0, 2.0)
    soil[6, 1] = 7.0
    return Covariates(("dist", "soil"), np.column_stack([dist.ravel(), soil.ravel()]), (False, True))


@pytest.fixture
def rasters(world, covariates, tmp_path):
    """Return the paths of the rasters, not in the order of the model."""
    paths = []
    for name, column in (("soil", 1), ("dist", 0)):
        values = np.nan_to_num(covariates.values[:, column], nan=-1.0).reshape(GRID.shape).astype(np.float32)
        paths.append(
            world.write_raster(
                tmp_path / f"{name}.tif", values, crs=CRS, nodata=-1.0, left=181_000.0, top=333_500.0, cell=(80.0, 60.0)
            )
        )
    return paths


def test_equals_the_core(run, world, model, covariates, rasters, tmp_path):
    results, log = run(
        "predictraster",
        {"MODEL": model, "COVARIATES": rasters, "COVERAGE": 0.8, "PREDICTION": str(tmp_path / "p.tif"),
         "LOWER": str(tmp_path / "l.tif"), "UPPER": str(tmp_path / "u.tif")},
    )  # fmt: skip
    truth = TrainedModel.read(model).predict(GRID.centers(Block(0, 0, *GRID.shape)), covariates, 0.8)
    assert int(np.isnan(truth.estimate[:, 0]).sum()) == 3  # the hole and the unknown class
    for name, expected in (("PREDICTION", truth.estimate), ("LOWER", truth.lower), ("UPPER", truth.upper)):
        values, dataset = world.read_raster(results[name])
        assert dataset.RasterCount == 2 and dataset.GetGeoTransform() == GRID.transform
        assert dataset.GetSpatialRef().GetAuthorityCode(None) == "28992"
        np.testing.assert_allclose(values.reshape(2, -1).T, expected, rtol=1e-5)  # float32 covariates and maps
    assert [dataset.GetRasterBand(number).GetDescription() for number in (1, 2)] == [
        "zinc, upper end of 80 %",
        "lead, upper end of 80 %",
    ]
    assert "3 of 88 cells have no estimate" in log.text and results["TARGETS"] == "zinc, lead"


def test_applicability_lowers_where_a_raster_leaves_its_range(run, world, model, covariates, tmp_path):
    dist = np.linspace(0, 1, 88).reshape(GRID.shape).astype(np.float32)
    dist[:, 8:] = 30.0  # samples know 0 to 1
    soil = np.ones(GRID.shape, dtype=np.float32)
    paths = [
        world.write_raster(tmp_path / f"{name}.tif", values, crs=CRS, nodata=-1.0, left=181_000.0, top=333_500.0,
                           cell=(80.0, 60.0))
        for name, values in (("dist", dist), ("soil", soil))
    ]  # fmt: skip
    results, log = run(
        "predictraster",
        {"MODEL": model, "COVARIATES": paths, "PREDICTION": str(tmp_path / "p.tif"),
         "APPLICABILITY": str(tmp_path / "a.tif")},
    )  # fmt: skip
    values, dataset = world.read_raster(results["APPLICABILITY"])
    assert [dataset.GetRasterBand(number).GetDescription() for number in (1, 2)] == [
        "dissimilarity index",
        "inside the area of applicability",
    ]
    area = fit_applicability(TrainedModel.read(model).model.samples)
    known = Covariates(("dist", "soil"), np.column_stack([dist.ravel(), soil.ravel()]), (False, True))
    index = area.dissimilarity(GRID.centers(Block(0, 0, *GRID.shape)), known)
    np.testing.assert_allclose(values[0].ravel(), index, rtol=1e-4)
    np.testing.assert_array_equal(values[1].ravel(), area.is_inside(index))
    assert (values[1][:, 8:] == 0).all() and (values[1][:, :8] == 1).mean() > 0.5
    assert "of the map lies outside the area of applicability" in log.text


def test_wider_coverage_makes_wider_intervals(run, world, model, rasters, tmp_path):
    width = {}
    for coverage in (0.5, 0.9):
        results, _ = run(
            "predictraster",
            {"MODEL": model, "COVARIATES": rasters, "COVERAGE": coverage, "PREDICTION": "TEMPORARY_OUTPUT",
             "LOWER": "TEMPORARY_OUTPUT", "UPPER": "TEMPORARY_OUTPUT"},
        )  # fmt: skip
        bounds = [world.read_raster(results[name])[0] for name in ("LOWER", "UPPER")]
        width[coverage] = np.nanmean(bounds[1] - bounds[0])
    assert 0 < width[0.5] < width[0.9]


def test_ranges_are_told(run, world, model, rasters, tmp_path):
    """A raster in percent instead of shares lies far outside; nobody changes it."""
    import json

    parameters = {"MODEL": model, "PREDICTION": str(tmp_path / "p.tif")}
    _, quiet = run("predictraster", {**parameters, "COVARIATES": rasters})
    assert "far outside" not in quiet.text
    (tmp_path / "percent").mkdir()
    values = 100 * np.linspace(0, 1, 88, dtype=np.float32).reshape(GRID.shape)
    percent = world.write_raster(
        tmp_path / "percent" / "dist.tif", values, crs=CRS, left=181_000.0, top=333_500.0, cell=(80.0, 60.0)
    )
    results, log = run("predictraster", {**parameters, "COVARIATES": [rasters[0], percent]})
    shares = json.loads(results["OUTSIDE_RANGE"])
    assert shares["dist"] > 0.98 and 0 < shares["soil"] < 0.03
    assert "dist: about 100 % of the map is outside" in log.text and "Check the unit" in log.text
    assert "soil: about 1 % of the map is in classes that no sample has" in log.text


def test_takes_extent_and_cell_size(run, world, model, rasters, tmp_path):
    results, _ = run(
        "predictraster",
        {"MODEL": model, "COVARIATES": rasters, "EXTENT": "181100,181400,333100,333300 [EPSG:28992]", "CELL_SIZE": 70,
         "PREDICTION": str(tmp_path / "p.tif")},
    )  # fmt: skip
    values, dataset = world.read_raster(results["PREDICTION"])
    assert dataset.GetGeoTransform() == (181_100.0, 70.0, 0.0, 333_300.0, 0.0, -70.0)
    assert values.shape == (2, 3, 5)
    known = np.isfinite(values[0])
    assert 10 <= known.sum() < 15 and (np.isfinite(values[1]) == known).all()  # the hole lies inside


def test_missing_covariate(refused, model, rasters, tmp_path):
    said = refused(
        "predictraster", {"MODEL": model, "COVARIATES": rasters[1:], "PREDICTION": str(tmp_path / "p.tif")}
    )
    assert "not among the rasters: soil" in said and "rename their layers" in said
    assert not (tmp_path / "p.tif").exists()


def test_covariate_in_another_crs(run, world, model, rasters, tmp_path):
    """Nothing is refused: what is far away has no value here."""
    (tmp_path / "away").mkdir()
    away = world.write_raster(tmp_path / "away" / "soil.tif", np.ones((2, 2), np.uint8), crs="EPSG:32633")
    results, _ = run(
        "predictraster",
        {"MODEL": model, "COVARIATES": [away, rasters[1]], "TEMPLATE": rasters[1],
         "PREDICTION": str(tmp_path / "p.tif")},
    )  # fmt: skip
    assert np.isnan(world.read_raster(results["PREDICTION"])[0]).all()


@pytest.mark.parametrize("content", [b"", b"not a model", b'{"format": "hybridgeo-model"}'])
def test_a_model_that_is_none(refused, rasters, tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    said = refused(
        "predictraster",
        {"MODEL": str(tmp_path / "x.onnx"), "COVARIATES": rasters, "PREDICTION": str(tmp_path / "p.tif")},
    )
    assert "x.onnx is not an ONNX model" in said and "hybridgeo:trainhybridmodel" in said
    assert not (tmp_path / "p.tif").exists()


def test_a_model_of_a_newer_version(refused, model, rasters, tmp_path):
    from pathlib import Path

    content = Path(model).read_bytes()
    newer = content.replace(b'"version": 1', b'"version": 9', 1)
    assert newer != content
    (tmp_path / "newer.onnx").write_bytes(newer)
    said = refused(
        "predictraster",
        {"MODEL": str(tmp_path / "newer.onnx"), "COVARIATES": rasters, "PREDICTION": str(tmp_path / "p.tif")},
    )
    assert "version 9" in said and "up to version 1" in said


def test_a_model_that_does_not_exist(refused, tmp_path):
    said = refused("predictraster", {"MODEL": "/nowhere.onnx", "PREDICTION": str(tmp_path / "p.tif")})
    assert "/nowhere.onnx cannot be read" in said


def test_without_onnxruntime_and_backend(refused, model, rasters, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setenv("HYBRIDGEO_BACKEND_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("HYBRIDGEO_BACKEND_PYTHON", raising=False)
    said = refused("predictraster", {"MODEL": model, "COVARIATES": rasters, "PREDICTION": str(tmp_path / "p.tif")})
    assert "onnxruntime" in said and "hybridgeo:setupbackend" in said
