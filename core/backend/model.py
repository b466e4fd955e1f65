"""A model file opened where onnxruntime is: here, or else in the backend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np

from ..prediction.hybrid import Prediction
from ..prediction.trained_model import TrainedModel
from ..progress import IsCancelled, never
from ..samples import Covariates
from . import exchange, tasks


@dataclass(frozen=True)
class RemoteModel:
    """A model file that the backend reads and runs; used like `TrainedModel`.

    Parameters
    ----------
    contract : dict
    targets, units, covariate_names : tuple of str
    categorical : tuple of bool
    crs : str
    n_dimensions : int
        See `TrainedModel`.
    path : Path
    runner : Runner
        Has to stay open as long as the model is used.
    is_cancelled : callable
        Asked during every prediction.
    """

    contract: dict
    targets: tuple[str, ...]
    units: tuple[str, ...]
    covariate_names: tuple[str, ...]
    categorical: tuple[bool, ...]
    crs: str
    n_dimensions: int
    path: Path
    runner: tasks.Runner
    is_cancelled: IsCancelled = never

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate all targets with intervals; see `TrainedModel.predict`."""
        content, arrays = exchange.pack_covariates(covariates)
        inputs = {"model": self.path, "covariates": content, "coverage": coverage}
        arrays["coordinates"] = np.asarray(coordinates, dtype=float)
        result = self.runner.run("predict_points", inputs, arrays, is_cancelled=self.is_cancelled)
        return Prediction(**result.arrays)


Model = Union[TrainedModel, RemoteModel]


def open_model(path: str | Path, runner: tasks.Runner, is_cancelled: IsCancelled = never) -> Model:
    """Open a model file.

    Parameters
    ----------
    path : str or Path
    runner : Runner
        Starts the backend when onnxruntime is not installed here, and keeps it for all predictions.
    is_cancelled : callable
        Asked while the backend works.

    Returns
    -------
    TrainedModel or RemoteModel
        They are used alike.

    Raises
    ------
    ModelFileError
        When the file is missing, not ours, damaged, or of a newer version.
    BackendMissing
        When onnxruntime is neither here nor in a backend.
    """
    if tasks.runs_here("read_model"):
        return TrainedModel.read(path)
    absolute = Path(path).absolute()
    found = runner.run("read_model", {"model": absolute}, is_cancelled=is_cancelled).outputs
    return RemoteModel(
        found["contract"],
        tuple(found["targets"]),
        tuple(found["units"]),
        tuple(found["covariate_names"]),
        tuple(found["categorical"]),
        found["crs"],
        found["n_dimensions"],
        absolute,
        runner,
        is_cancelled,
    )
