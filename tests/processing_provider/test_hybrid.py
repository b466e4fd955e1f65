"""Training, comparing and predicting through Processing, end to end with a tiny network where a backend is ready.

Truth: adapter contracts; residuals against the table; messages of bad input.
"""

import csv
import json

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import environment

needs_backend = pytest.mark.skipif(
    not environment.check(run_it=False).is_ready, reason="needs the backend environment (setupbackend)"
)


@pytest.fixture(scope="module")
def place(world, tmp_path_factory):
    """Return a folder with samples of two targets, a slope with a hole, and classes of soil."""
    folder = tmp_path_factory.mktemp("hybrid")
    coordinates, values = world.field_values(60)
    lead = (0.3 * values + np.random.default_rng(1).normal(0, 2, 60) + 20).tolist()
    world.write_points(folder / "samples.gpkg", coordinates, {"zinc": values.tolist(), "lead": lead})
    world.write_raster(folder / "slope.tif", slope_values(world), nodata=-1.5e6)
    soil = np.repeat(np.array([1, 2, 2, 1, 3, 3, 1], np.uint8)[None], 9, axis=0)
    world.write_raster(folder / "soil.tif", soil)
    return folder


def slope_values(world):
    """Return a raster that is no class: not all of its numbers are whole."""
    return world.slope_values() * np.float32(1.5)


def covariates(place, *names):
    return [str(place / f"{name}.tif") for name in names or ("slope", "soil")]


@pytest.fixture(scope="module")
def trained(place, provider, world):
    """Train once: one kind of folds, two of them, eight steps."""
    import processing

    log = world.Log()
    results = processing.run(
        "hybridgeo:trainhybridmodel",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc", "lead"], "COVARIATES": covariates(place),
         "TRANSFORM": "log", "FOLDS": "random", "N_FOLDS": 2, "N_STEPS": 8, "N_NEIGHBORS": 4,
         "ABLATION": True, "FEATURE_GROUPS": "ground: slope, soil", "MODEL": str(place / "model.onnx"),
         "OUTPUT_HTML": str(place / "training.html")},
        feedback=log,
    )  # fmt: skip
    return results, log


@needs_backend
def test_training_tells_its_scores(trained, place):
    results, log = trained
    assert results["MODEL"] == str(place / "model.onnx")
    assert 50 <= results["N"] <= 60 and "lie outside a covariate raster" in log.text
    assert results["RMSE"] > 0 and results["RMSE_RATIO"] == pytest.approx(results["RMSE"] / results["KRIGING_RMSE"])
    assert 0 <= results["COVERAGE"] <= 1 and results["R2"] < 1
    weights = json.loads(results["WEIGHTS"])
    assert set(weights) == {"zinc", "lead"}
    for of_target in weights.values():
        assert sum(of_target.values()) == pytest.approx(1) and min(of_target.values()) >= 0
    assert set(json.loads(results["SCORES"])) == {"random"}
    assert "Categorical (found by their values): soil" in log.text
    assert "Epoch" in log.text and results["VERDICT"] in log.text
    found = json.loads(results["ABLATIONS"])["random"]
    (ground,) = found["zinc"]
    assert ground["group"] == "ground" and ground["rmse"] == pytest.approx(ground["ratio"] * results["RMSE"])
    assert set(found) == {"zinc", "lead"} and "Ablation, lead, random folds: " in log.text
    page = (place / "training.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "the hybrid without a group of covariates" in page


@needs_backend
def test_the_trained_model_maps_the_area(run, world, trained, place, template, tmp_path):
    """Two roads: onnxruntime here, and in the worker."""
    import sys

    pytest.importorskip("onnxruntime")
    parameters = {"MODEL": trained[0]["MODEL"], "COVARIATES": covariates(place), "TEMPLATE": template}
    here, _ = run("predictraster", {**parameters, "PREDICTION": str(tmp_path / "here.tif")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime", None)
        there, _ = run("predictraster", {**parameters, "PREDICTION": str(tmp_path / "there.tif")})
    one, dataset = world.read_raster(here["PREDICTION"])
    other, _ = world.read_raster(there["PREDICTION"])
    assert dataset.GetGeoTransform() == (world.LEFT + 7.25, 41.0, 0.0, world.TOP - 11.5, 0.0, -23.5)
    np.testing.assert_allclose(one, other, rtol=1e-4)  # two versions of onnxruntime and numpy
    assert here["TARGETS"] == "zinc, lead" and np.isfinite(one).mean() > 0.8 and np.nanmin(one) > 0


def test_comparison_without_the_hybrid_needs_no_tensorflow(run, world, place, tmp_path):
    pytest.importorskip("skgstat")
    results, log = run(
        "comparemethods",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": "zinc", "COVARIATES": ";".join(covariates(place)),
         "METHODS": ["ordinary_kriging", "external_drift_kriging", "mean"], "FOLDS": "all", "N_FOLDS": 3,
         "OUTPUT": str(tmp_path / "table.csv"), "RESIDUALS": str(tmp_path / "residuals.gpkg"),
         "OUTPUT_HTML": str(tmp_path / "report.html")},
    )  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "table.csv").open(encoding="utf-8")))
    assert {(row["folds"], row["method"]) for row in rows} == {
        (folds, method)
        for folds in ("random", "blocks", "distance_matched")
        for method in ("ordinary_kriging", "external_drift_kriging", "mean")
    }
    assert results["BEST_METHOD"] in {"ordinary_kriging", "external_drift_kriging"}
    assert results["VERDICT"] in log.text and results["BEST_METHOD"].split("_")[0] in results["VERDICT"]
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(results["RESIDUALS"], "residuals", "ogr")
    assert layer.featureCount() == results["N"] * 3 * 3 and layer.crs().authid() == world.CRS
    for feature in layer.getFeatures():
        assert feature["residual"] == pytest.approx(feature["observed"] - feature["predicted"])
    mean = [f for f in layer.getFeatures() if f["method"] == "mean" and f["folds"] == "random"]
    rmse = np.sqrt(np.mean([f["residual"] ** 2 for f in mean]))
    expected = next(row for row in rows if row["method"] == "mean" and row["folds"] == "random")
    assert rmse == pytest.approx(float(expected["rmse"]), rel=1e-6)


def test_external_drift_is_left_out_without_covariates(run, place, tmp_path):
    pytest.importorskip("skgstat")
    _, log = run(
        "comparemethods",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": "zinc", "METHODS": "ordinary_kriging,external_drift_kriging",
         "FOLDS": "random", "N_FOLDS": 2, "OUTPUT": str(tmp_path / "t.csv")},
    )  # fmt: skip
    assert "external-drift kriging is left out" in log.text
    assert {row["method"] for row in csv.DictReader((tmp_path / "t.csv").open())} == {"ordinary_kriging"}


@pytest.fixture
def bad(refused, place, tmp_path):
    """Return a function that trains with something bad and checks that nothing was written."""

    def bad(**parameters):
        folder = tmp_path / "out"
        folder.mkdir()
        given = {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "COVARIATES": covariates(place),
                 "MODEL": str(folder / "m.onnx"), **parameters}  # fmt: skip
        said = refused("trainhybridmodel", given)
        assert list(folder.iterdir()) == [] and "Traceback" not in said
        return said

    return bad


def test_missing_backend(bad, tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRIDGEO_BACKEND_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("HYBRIDGEO_BACKEND_PYTHON", raising=False)
    assert "hybridgeo:setupbackend" in bad()


def test_covariate_that_does_not_exist(bad, place):
    said = bad(COVARIATES=[*covariates(place), "/nowhere/dem.tif"])
    assert "Expected an existing raster in COVARIATES, got /nowhere/dem.tif" in said


def test_covariate_in_another_crs(bad, world, tmp_path):
    path = world.write_raster(tmp_path / "dem.tif", np.zeros(world.SHAPE, np.float32), crs="EPSG:4326")
    said = bad(COVARIATES=[path])  # read where the samples lie in its own system: far from them
    assert "outside a raster" in said and "dem (60)" in said


def test_covariates_that_miss_most_samples(bad, world, tmp_path):
    path = world.write_raster(tmp_path / "dem.tif", np.zeros((9, 2), np.float32))
    said = bad(COVARIATES=[path])
    assert "outside a raster" in said and "dem (" in said and "cover the samples" in said


def test_target_among_the_covariates(bad, world, tmp_path):
    path = world.write_raster(tmp_path / "zinc.tif", np.arange(63, dtype=np.float32).reshape(world.SHAPE))
    assert "cannot be its own covariate: zinc" in bad(COVARIATES=[path])


def test_variogram_of_no_target(bad, world, tmp_path):
    path = world.write_variogram(tmp_path / "v.json", field="copper")
    assert "Expected a variogram of one of the targets zinc, got one of copper" in bad(VARIOGRAM=path)


def test_unwritable_model(refused, place):
    said = refused(
        "trainhybridmodel",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "MODEL": "/nowhere/at/all/m.onnx"},
    )
    assert "Cannot write" in said and "/nowhere/at/all" in said


def test_too_few_samples(bad, world, tmp_path):
    coordinates, values = world.field_values(19)
    path = world.write_points(tmp_path / "few.gpkg", coordinates, {"zinc": values.tolist()})
    assert "needs at least 20 samples, got 19" in bad(INPUT=path, COVARIATES=[])


@needs_backend
def test_cancel_ends_the_training(run, world, place, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    results, log = run(
        "trainhybridmodel",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "COVARIATES": covariates(place),
         "MODEL": str(folder / "m.onnx"), "OUTPUT_HTML": str(folder / "m.html")},
        world.Log(cancel_at="fold 1 of 5"),
    )  # fmt: skip
    assert "MODEL" not in results and list(folder.iterdir()) == [] and "Cancelled" in log.text


def test_backend_that_dies(bad, place, tmp_path, monkeypatch):
    """A backend whose Python ends at once: a readable error and no file."""
    import os
    import stat
    import sys

    if os.name == "nt":
        pytest.skip("a shell script stands in for a Python")
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nif [ \"$1\" = -c ]; then exec {sys.executable} \"$@\"; fi\necho boom >&2\nexit 3\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("HYBRIDGEO_BACKEND_PYTHON", str(fake))
    said = bad()
    assert "exit code 3" in said and "boom" in said


def test_samples_left_out_are_counted_by_field(run, world, tmp_path):
    """Rows 0 to 5 lack zinc, 4 to 9 lead: 54 have each, 4 and 5 neither; the name of a field may be any text."""
    coordinates, values = world.field_values(60)
    zinc, lead = values.copy(), values.copy()
    zinc[:6], lead[4:10] = np.nan, np.nan
    fields = {"zinc": zinc.tolist(), "Plomb é": lead.tolist()}
    samples = world.write_points(tmp_path / "samples.gpkg", coordinates, fields)
    results, log = run(
        "comparemethods",
        {"INPUT": samples, "TARGETS": ["zinc", "Plomb é"], "METHODS": ["mean", "inverse_distance"], "FOLDS": "random",
         "N_FOLDS": 2, "OUTPUT": str(tmp_path / "c.csv")},
    )  # fmt: skip
    assert results["N"] == 58
    assert "Each target keeps its own samples: zinc 54, Plomb é 54 of 58." in log.text
    assert "2 of 60 samples have no number in zinc (2), Plomb é (2) and are left out." in log.text
    with open(tmp_path / "c.csv", encoding="utf-8", newline="") as file:
        assert {row["n"] for row in csv.DictReader(file)} == {"54"}
