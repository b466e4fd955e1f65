"""The tasks that open a model file: what it says of itself, and what it predicts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .. import exchange
from ..job import Job, TaskResult

if TYPE_CHECKING:
    from ...prediction.trained_model import TrainedModel


def read_model(job: Job) -> TaskResult:
    """Read the contract of a model file.

    Inputs: ``model``, its path. Outputs: ``contract``.
    """
    return TaskResult({"contract": _open_model(*_identity(job.inputs["model"])).contract})


def predict_points(job: Job) -> TaskResult:
    """Predict at locations with a model file.

    Inputs: ``model``, its path; ``covariates``, as `exchange.pack_covariates` gives them, or None; ``coverage``.
    Arrays: ``coordinates`` and ``covariates``. Result arrays: ``estimate``, ``lower``, ``upper`` and
    ``kriging_variance``, each of shape (n, n_targets), in data units.
    """
    model = _open_model(*_identity(job.inputs["model"]))
    covariates = exchange.unpack_covariates(job.inputs.get("covariates"), job.arrays)
    prediction = model.predict(job.arrays["coordinates"], covariates, job.inputs.get("coverage", 0.9))
    keys = ("estimate", "lower", "upper", "kriging_variance")
    return TaskResult(arrays={key: getattr(prediction, key) for key in keys})


def _identity(path: str) -> tuple[str, int]:
    """Return a path with the time of its last change, so that a model trained anew is read anew."""
    try:
        return path, Path(path).stat().st_mtime_ns
    except OSError:
        return path, 0  # reading it says what is wrong


@lru_cache(maxsize=2)
def _open_model(path: str, changed: int) -> TrainedModel:
    from ...prediction.trained_model import TrainedModel

    return TrainedModel.read(path)
