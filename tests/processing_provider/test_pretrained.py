"""Kriging with the pre-trained correction through Processing, in QGIS's own Python.

Truth: adapter contracts; no backend is asked; the raster holds what the file predicts.
"""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import tasks
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("architecture", ["pretrained", "hybrid"])
def test_it_is_fitted_and_mapped_without_a_backend(provider, world, tmp_path, monkeypatch, architecture):
    import processing

    monkeypatch.setattr(tasks, "_backend_python", lambda *_: pytest.fail("the backend was asked"))
    coordinates, values = world.field_values(60)
    world.write_points(tmp_path / "samples.gpkg", coordinates, {"zinc": values.tolist()})
    log = world.Log()
    results = processing.run(
        "hybridgeo:trainhybridmodel",
        {"INPUT": str(tmp_path / "samples.gpkg"), "TARGETS": ["zinc"], "ARCHITECTURE": architecture,
         "TRANSFORM": "log", "FOLDS": "random", "N_FOLDS": 2, "MODEL": str(tmp_path / "model.onnx"),
         "OUTPUT_HTML": str(tmp_path / "training.html")},
        feedback=log,
    )  # fmt: skip
    weights = json.loads(results["WEIGHTS"])["zinc"]
    assert sum(weights.values()) == pytest.approx(1) and "ordinary_kriging" in weights
    assert results["RMSE_RATIO"] == pytest.approx(results["RMSE"] / results["KRIGING_RMSE"]) and results["R2"] < 1
    assert (tmp_path / "training.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    model = TrainedModel.read(tmp_path / "model.onnx")
    assert model.contract["gates"][0]["share"] == weights["corrected_kriging"]
    processing.run(
        "hybridgeo:predictraster",
        {"MODEL": str(tmp_path / "model.onnx"), "CELL_SIZE": 50, "PREDICTION": str(tmp_path / "map.tif")},
    )
    from osgeo import gdal

    raster = gdal.Open(str(tmp_path / "map.tif"))
    left, width, _, top, _, height = raster.GetGeoTransform()
    center = np.array([[left + 2.5 * width, top + 1.5 * height]])
    expected = model.predict(center, None).estimate[0, 0]
    assert raster.ReadAsArray()[1, 2] == pytest.approx(expected, rel=1e-5)


def test_a_comparison_without_covariates_takes_it_for_the_hybrid(provider, world, tmp_path, monkeypatch):
    import processing

    monkeypatch.setattr(tasks, "_backend_python", lambda *_: pytest.fail("the backend was asked"))
    coordinates, values = world.field_values(40)
    world.write_points(tmp_path / "samples.gpkg", coordinates, {"zinc": values.tolist()})
    log = world.Log()
    processing.run(
        "hybridgeo:comparemethods",
        {"INPUT": str(tmp_path / "samples.gpkg"), "TARGETS": ["zinc"], "FOLDS": "random", "N_FOLDS": 2,
         "METHODS": ["ordinary_kriging", "hybrid", "pretrained"], "OUTPUT": str(tmp_path / "table.csv")},
        feedback=log,
    )  # fmt: skip
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and "ordinary_kriging" in lines[1] and "pretrained" in lines[2]
