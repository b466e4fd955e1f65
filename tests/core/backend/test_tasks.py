"""Tasks run here or in the backend, with the same numbers.

Truth: two roads - the same task in this interpreter and in a worker - and the adapter contract of every task.
"""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import environment, exchange, tasks
from hybrid_geostatistics.core.backend.tasks import Runner, Task, run
from hybrid_geostatistics.core.errors import BackendMissing, Cancelled, InputError, ModelFileError
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.file import VariogramFile

N = 60


def make_samples(n=N, seed=3):
    """Draw a positive field with a trend that a covariate tells, on a domain wider than high."""
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform((1000.0, 5000.0), (1900.0, 5400.0), (n, 2))
    trend = np.sin(coordinates[:, 0] / 150.0)
    covariates = Covariates(
        ("river", "soil"),
        np.column_stack([trend + rng.normal(0, 0.1, n), (coordinates[:, 1] > 5200).astype(float)]),
        (False, True),
    )
    values = np.exp(np.column_stack([trend, 0.5 * trend]) + rng.normal(0, 0.2, (n, 2)))
    return Samples(coordinates, values, ("zinc", "lead"), "EPSG:28992", covariates)


@pytest.fixture(scope="module")
def packed():
    return exchange.pack_samples(make_samples())


@pytest.fixture
def in_backend(monkeypatch):
    """Send every task to a worker in this interpreter."""
    monkeypatch.setattr(tasks, "runs_here", lambda name, inputs=None: False)
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)


@pytest.fixture
def no_backend(monkeypatch, tmp_path):
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(tmp_path / "none"))


def test_training_never_runs_here(monkeypatch):
    monkeypatch.setattr(tasks, "_is_installed", lambda module: True)
    assert tasks.runs_here("fit_variogram")
    assert tasks.runs_here("compare_methods", {"methods": ["ordinary_kriging"]})
    assert not tasks.runs_here("compare_methods", {"methods": ["ordinary_kriging", "hybrid"]})
    assert not tasks.runs_here("train_model")
    assert not tasks.runs_here("self_test")


def test_missing_modules_are_found_without_importing(monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "test", Task(None, lambda inputs: ("json", "no_such_module")))
    assert tasks.missing_modules("test") == ("no_such_module",)
    monkeypatch.setitem(sys.modules, "json", None)  # a blocked module
    assert tasks.missing_modules("test") == ("json", "no_such_module")


def test_without_a_backend_the_way_is_named(no_backend):
    with pytest.raises(BackendMissing, match=r"needs tensorflow.*hybridgeo:setupbackend"):
        run("train_model", {})
    with pytest.raises(InputError, match="out of hybrid.*got 'oracle'"):
        run("train_model", {"architecture": "oracle"})


def test_unknown_tasks_are_refused():
    with pytest.raises(InputError, match="No task named 'magic'"):
        run("magic")


def on_both_roads(monkeypatch, *arguments, **options):
    """Run a task here and in a worker."""
    here = run(*arguments, **options)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "runs_here", lambda name, inputs=None: False)
        patch.setenv(environment.PYTHON_VARIABLE, sys.executable)
        return here, run(*arguments, **options)


def test_fit_variogram_writes_the_file(packed, tmp_path, monkeypatch):
    pytest.importorskip("skgstat")
    content, arrays = packed
    inputs = {
        "samples": content, "field": "zinc", "transform": {"kind": "log"}, "unit": "mg/kg",
        "options": {"model": "spherical", "n_lags": np.int64(8)},
    }  # fmt: skip
    files = {"variogram": tmp_path / "v.json", "report": tmp_path / "r.html"}
    here, result = on_both_roads(monkeypatch, "fit_variogram", inputs, arrays, files=files)
    assert result.outputs["effective_range"] == pytest.approx(here.outputs["effective_range"], rel=1e-9)
    file = VariogramFile.read(files["variogram"])
    assert (file.field, file.transform.kind, file.crs, file.unit) == ("zinc", "log", "EPSG:28992", "log mg/kg")
    assert file.to_dict() == VariogramFile.from_dict(result.outputs["variogram"]).to_dict()
    assert result.outputs["nugget"] + result.outputs["psill"] == pytest.approx(file.model.sill)
    assert len(file.experimental["lags"]) == 8
    assert "<html" in files["report"].read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "v.json"]


def test_a_library_that_is_there_but_broken_is_left_to_the_backend(packed, monkeypatch):
    """As on Ubuntu 22.04, where pip's numba refuses the system's numpy when it is imported."""
    pytest.importorskip("skgstat")
    content, arrays = packed

    def broken(job):
        raise BackendMissing("cannot be imported here")

    monkeypatch.setitem(tasks.TASKS, "fit_variogram", tasks.Task(broken, lambda inputs: ("skgstat",)))
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    result = run("fit_variogram", {"samples": content, "field": "zinc"}, arrays)
    assert result.outputs["psill"] > 0


@pytest.mark.parametrize("where", ["here", "backend"])
def test_errors_are_the_same_on_both_roads(where, packed, request, tmp_path):
    pytest.importorskip("skgstat")
    if where == "backend":
        request.getfixturevalue("in_backend")
    content, arrays = packed
    with pytest.raises(InputError, match="No target named 'gold'"):
        run("fit_variogram", {"samples": content, "field": "gold"}, arrays)
    with pytest.raises(InputError, match="Cannot write"):
        run("fit_variogram", {}, files={"variogram": tmp_path / "none" / "v.json"})
    with pytest.raises(Cancelled):
        run("describe", is_cancelled=lambda: True)


def test_compare_methods_writes_table_and_report(packed, tmp_path, monkeypatch):
    pytest.importorskip("skgstat")
    content, arrays = packed
    inputs = {
        "samples": content, "methods": ["mean", "ordinary_kriging"], "schemes": ["blocks"], "n_folds": 2, "seed": 5,
        "title": "Metals", "provenance": {"layer": "meuse"},
        "settings": {"transforms": {"zinc": {"kind": "log"}, "lead": {"kind": "none"}},
                     "neighborhood": {"max_neighbors": 16}, "units": {"zinc": "mg/kg"}},
    }  # fmt: skip
    files = {"table": tmp_path / "t.csv", "report": tmp_path / "r.html"}
    here, result = on_both_roads(monkeypatch, "compare_methods", inputs, arrays, files=files)
    rows = result.outputs["rows"]
    assert [(row["target"], row["method"]) for row in rows] == [
        ("zinc", "mean"), ("zinc", "ordinary_kriging"), ("lead", "mean"), ("lead", "ordinary_kriging"),
    ]  # fmt: skip
    assert [row["rmse"] for row in rows] == pytest.approx([row["rmse"] for row in here.outputs["rows"]], rel=1e-9)
    assert {entry["target"] for entry in result.outputs["summaries"]} == {"zinc", "lead"}
    assert result.outputs["best_method"] in inputs["methods"]
    assert files["table"].read_text().splitlines()[0].startswith("target,folds,method,n,rmse")
    page = files["report"].read_text(encoding="utf-8")
    assert all(words in page for words in ("Metals", "mg/kg", "meuse"))
    assert len(result.arrays["residual"]) == N * 2 * 2
    assert set(result.arrays["method"]) == set(inputs["methods"])


def test_settings_of_the_hybrid_are_read_by_name():
    from hybrid_geostatistics.core.backend.adapters.settings import hybrid_settings
    from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood

    neighborhood = Neighborhood(max_neighbors=24, min_neighbors=2, search_radius=500.0)
    variogram = {"nugget": 0.1, "structures": [{"model": "gaussian", "psill": 0.9, "effective_range": 300.0}]}
    content = {
        "transforms": {"kind": "log"}, "variograms": {"zinc": variogram}, "network": {"conv_width": 8}, "n_seeds": 3,
        "neighborhood": asdict(neighborhood), "units": {"zinc": "mg/kg"}, "seed": 4,
    }  # fmt: skip
    settings = hybrid_settings(json.loads(json.dumps(content)))
    assert settings.transforms == Transform("log")
    assert settings.neighborhood == neighborhood
    assert settings.variograms["zinc"].sill == pytest.approx(1.0)
    assert (settings.network.conv_width, settings.n_seeds, settings.seed) == (8, 3, 4)
    with pytest.raises(InputError, match="Unknown setting of the hybrid: .*n_layers"):
        hybrid_settings({"n_layers": 3})


def test_a_runner_keeps_its_worker(in_backend):
    with Runner() as runner:
        runner.run("describe")
        process = runner._session._connection._process
        runner.run("describe")
        assert runner._session._connection._process is process
    assert process.returncode is not None


def test_a_model_that_is_not_ours_is_refused_alike(in_backend, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "foreign.onnx"
    path.write_bytes(b"not a model")
    with Runner() as runner:
        for name in (path, tmp_path / "missing.onnx"):
            with pytest.raises(ModelFileError, match=name.name):
                runner.run("read_model", {"model": name})


@pytest.mark.backend
def test_train_then_predict_on_both_roads(packed, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    content, arrays = packed
    network = {"conv_width": 4, "recurrent_width": 4, "dense_width": 4, "min_steps": 4, "max_steps": 4}
    inputs = {
        "samples": content, "schemes": [],
        "settings": {"transforms": {"kind": "log"}, "n_inner_folds": 2, "n_neighbors": 4, "network": network,
                     "variogram_model": "spherical", "variogram_method": "least_squares"},
    }  # fmt: skip
    files = {"model": tmp_path / "m.onnx", "report": tmp_path / "r.html"}
    messages = []
    result = run("train_model", inputs, arrays, lambda fraction, message: messages.append(message), files=files)
    assert any(message.startswith("Epoch") for message in messages)
    for weights in result.outputs["weights"].values():
        assert sum(weights.values()) == pytest.approx(1.0)
    assert "river, soil" in files["report"].read_text(encoding="utf-8")
    contract = run("read_model", {"model": files["model"]}).outputs["contract"]
    assert contract["format"] == "hybridgeo-model"
    samples = make_samples()
    covariates, arrays = exchange.pack_covariates(samples.covariates)
    arrays["coordinates"] = samples.coordinates + 5.0
    wanted = {"model": files["model"], "covariates": covariates, "coverage": 0.8}
    here, there = on_both_roads(monkeypatch, "predict_points", wanted, arrays)
    assert here.arrays["estimate"].shape == (N, 2)
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        np.testing.assert_allclose(there.arrays[name], here.arrays[name], rtol=1e-12)
    with pytest.raises(InputError, match="river"):
        run("predict_points", {"model": files["model"]}, arrays)


@pytest.mark.backend
def test_self_test():
    from hybrid_geostatistics.core.backend.client import run_task

    outputs = run_task("self_test", python=sys.executable).outputs
    assert outputs["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert outputs["difference"] < 1e-4
