"""A model file read without TensorFlow. Truth: numbers recorded when it was trained, and refusal by message.

``tests/data/tiny_hybrid.onnx`` is a file of format version 1 (``tests/data/make_tiny_model.py``).
"""

import json
from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel
from hybrid_geostatistics.core.samples import Covariates
from numpy.testing import assert_allclose

pytest.importorskip("onnxruntime")
DATA = Path(__file__).resolve().parents[2] / "data"
FILE = DATA / "tiny_hybrid.onnx"


@pytest.fixture(scope="module")
def model():
    return TrainedModel.read(FILE)


@pytest.fixture(scope="module")
def recorded():
    record = json.loads((DATA / "tiny_hybrid.json").read_text(encoding="utf-8"))
    return {name: np.array(rows) for name, rows in record.items()}


def test_predicts_what_was_recorded_at_training(model, recorded):
    covariates = Covariates(("dist", "soil"), recorded["covariates"], (False, True))
    result = model.predict(recorded["coordinates"], covariates)
    for name in ("estimate", "lower", "upper"):
        assert_allclose(getattr(result, name), recorded[name], rtol=1e-5)  # float32 networks
    wider = model.predict(recorded["coordinates"], covariates, coverage=0.95)
    assert (wider.lower < result.lower).all() and (wider.upper > result.upper).all()


def test_describes_itself(model):
    assert model.targets == ("zinc", "lead") and model.units == ("mg/kg", "mg/kg")
    assert model.covariate_names == ("dist", "soil") and model.categorical == (False, True)
    assert model.crs == "EPSG:28992" and model.n_dimensions == 2
    assert model.contract["scores"]["random"]["lead"]["n"] == 40


def test_returns_the_samples_values_at_the_samples(model):
    samples = model.model.samples
    assert_allclose(model.predict(samples.coordinates, samples.covariates).estimate, samples.values, rtol=1e-9)


def test_the_network_takes_part(model, recorded):
    assert all(target.weights["network_drift_kriging"] > 0 for target in model.model.targets)
    covariates = Covariates(("dist", "soil"), recorded["covariates"], (False, True))
    where = recorded["coordinates"]
    other = model.model.predict(where, covariates, lambda sequences, context: np.full((len(context), 2), 5.0))
    assert np.abs(other.estimate / recorded["estimate"] - 1).max() > 0.01


def test_batches_of_the_network_equal_the_whole(model, monkeypatch):
    rng = np.random.default_rng(0)
    sequences = rng.normal(size=(23, 4, len(model.model.features.token_names)))
    context = rng.normal(size=(23, len(model.model.features.context_names)))
    whole = model.network(sequences, context)
    monkeypatch.setattr("hybrid_geostatistics.core.prediction.trained_model._BATCH", 5)
    assert_allclose(model.network(sequences, context), whole, rtol=1e-6)
    assert model.network(sequences[:0], context[:0]).shape == (0, 2)


def test_covariates_are_found_by_name_and_named_when_missing(model, recorded):
    swapped = Covariates(("soil", "dist"), recorded["covariates"][:, ::-1], (True, False))
    assert_allclose(model.predict(recorded["coordinates"], swapped).estimate, recorded["estimate"], rtol=1e-5)
    with pytest.raises(InputError, match="missing: soil"):
        model.predict(recorded["coordinates"], Covariates(("dist",), recorded["covariates"][:, :1], (False,)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"version": 1, "kind"', b'"version": 2, "kind"', "version 2.*up to version 1"),
        (b'"kind": "hybrid"', b'"kind": "oracle"', "kind 'oracle'.*reads hybrid"),
        (b'"hybridgeo-model"', b'"hybridgeo-other"', "hybridgeo-other"),
        (b'"format": "hybridgeo', b'"format"; "hybridgeo', "not JSON"),
        (b'"samples": {', b'"example": {', "lacks 'samples'"),
        (b'"dtype": "float64"', b'"dtype": "float16"', "float16"),
        (b'"n_neighbors": 4', b'"n_neighbors": 5', "inputs"),
    ],
)
def test_changed_files_are_refused(tmp_path, old, new, message):
    content = FILE.read_bytes()
    assert old in content and len(old) == len(new)
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(content.replace(old, new))
    with pytest.raises(ModelFileError, match=message) as caught:
        TrainedModel.read(changed)
    assert "changed.onnx" in str(caught.value) or "model file" in str(caught.value)


def test_a_foreign_onnx_file_is_refused(tmp_path):
    foreign = tmp_path / "foreign.onnx"
    foreign.write_bytes(FILE.read_bytes().replace(b"\n\thybridgeo\x12", b"\n\tsomething\x12"))
    with pytest.raises(ModelFileError, match="not a model of this plugin"):
        TrainedModel.read(foreign)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", FILE.read_bytes()[:9000]])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged.onnx"):
        TrainedModel.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="none.onnx cannot be read"):
        TrainedModel.read(tmp_path / "none.onnx")
