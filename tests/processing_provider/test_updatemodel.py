"""A network by name trained and updated through Processing. Truth: adapter contracts, messages of bad input."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import environment, tasks

needs_backend = pytest.mark.skipif(
    not environment.check(run_it=False).is_ready, reason="needs the backend environment (setupbackend)"
)


@pytest.fixture(scope="module")
def place(world, tmp_path_factory):
    """Return a folder with samples, later samples, and a raster they follow."""
    folder = tmp_path_factory.mktemp("networks")
    coordinates, values = world.field_values(70)
    for name, rows in (("samples", slice(0, 50)), ("later", slice(50, 70))):
        world.write_points(folder / f"{name}.gpkg", coordinates[rows], {"zinc": values[rows].tolist()})
    world.write_raster(folder / "slope.tif", world.slope_values() * np.float32(1.5), nodata=-1.5e6)
    return folder


@needs_backend
def test_train_map_and_update_a_network(run, place, template, tmp_path, world):
    given = {
        "INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "COVARIATES": [str(place / "slope.tif")],
        "FOLDS": "random", "N_FOLDS": 2, "N_STEPS": 6, "N_NEIGHBORS": 4, "ARCHITECTURE": "feedforward",
        "OPTIMIZER": "sgd", "FEATURE_GROUPS": "terrain: slope", "EVALUATION_ROUNDS": 1,
        "MODEL": str(tmp_path / "m.onnx"), "OUTPUT_HTML": str(tmp_path / "m.html"),
    }  # fmt: skip
    trained, _ = run("trainhybridmodel", given)
    assert trained["RMSE_RATIO"] > 0 and json.loads(trained["WEIGHTS"]) == {}
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("SGD with momentum 0.9", "terrain", "Self-evaluation"))
    rasters = {"MODEL": trained["MODEL"], "COVARIATES": [str(place / "slope.tif")], "TEMPLATE": template}
    maps = {"PREDICTION": str(tmp_path / "p.tif"), "UPPER": str(tmp_path / "u.tif")}
    mapped, _ = run("predictraster", {**rasters, **maps})
    estimate, upper = (world.read_raster(mapped[name])[0] for name in ("PREDICTION", "UPPER"))
    known = np.isfinite(estimate) & (estimate > -9999)
    assert known.any() and (upper[known] > estimate[known]).all()
    updated, _ = run(
        "updatemodel",
        {"MODEL": trained["MODEL"], "INPUT": str(place / "later.gpkg"), "COVARIATES": [str(place / "slope.tif")],
         "MODE": "warm_start", "UPDATED_MODEL": str(tmp_path / "n.onnx"), "OUTPUT_HTML": str(tmp_path / "n.html")},
    )  # fmt: skip
    assert updated["N"] == trained["N"] + updated["N_NEW"] and updated["N_REPLACED"] == 0
    (drift,) = json.loads(updated["DRIFTS"])
    assert drift["target"] == "zinc" and drift["n"] == updated["N_NEW"] > 15
    assert updated["COVERAGE"] == drift["coverage"]
    assert "surprise the old model" in (tmp_path / "n.html").read_text(encoding="utf-8")


def test_a_mixture_of_krigings_takes_new_samples(run, refused, place, tmp_path, monkeypatch):
    """Without covariates the hybrid is such a mixture: it is fitted anew with all samples, in QGIS's own Python."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skgstat")
    monkeypatch.setattr(tasks, "_backend_python", lambda *_: pytest.fail("the backend was asked"))
    trained, _ = run(
        "trainhybridmodel",
        {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "FOLDS": "random", "N_FOLDS": 2,
         "MODEL": str(tmp_path / "m.onnx")},
    )  # fmt: skip
    given = {"MODEL": trained["MODEL"], "INPUT": str(place / "later.gpkg"), "UPDATED_MODEL": str(tmp_path / "n.onnx")}
    updated, _ = run("updatemodel", {**given, "OUTPUT_HTML": str(tmp_path / "n.html")})
    assert updated["N"] == 70 and updated["N_NEW"] == 20
    assert json.loads(updated["DRIFTS"])[0]["expected_rmse"] == pytest.approx(trained["RMSE"])
    page = (tmp_path / "n.html").read_text(encoding="utf-8")
    assert "pre-trained correction of zinc, with new samples" in page
    assert "Choose refit" in refused("updatemodel", {**given, "MODE": "warm_start"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SEARCH_MINUTES": 1}, "SEARCH_MINUTES concern gcnn_rnn"),
        ({"ABLATION": True, "ARCHITECTURE": "pretrained"}, "ABLATION concern hybrid, gcnn_rnn"),
        ({"ATTENTION": True, "ARCHITECTURE": "gcnn_rnn"}, "ATTENTION concern hybrid only"),
        ({"FEATURE_GROUPS": "terrain: slope"}, "Set ABLATION"),
        ({"ABLATION": True, "FEATURE_GROUPS": "terrain: height"}, "got 'height'"),
        ({"ARCHITECTURE": "feedforward", "FEATURE_GROUPS": "terrain slope"}, "Expected groups of covariates such as"),
    ],
)
def test_parameters_that_would_not_be_heeded_are_refused(refused, place, tmp_path, change, message):
    given = {"INPUT": str(place / "samples.gpkg"), "TARGETS": ["zinc"], "COVARIATES": [str(place / "slope.tif")],
             "MODEL": str(tmp_path / "m.onnx")}  # fmt: skip
    assert message in refused("trainhybridmodel", {**given, **change})
    assert not list(tmp_path.iterdir())
