"""A model file opened where onnxruntime is: here, or else in the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Union

import numpy as np

from ..prediction.hybrid import HybridModel, Prediction
from ..prediction.trained_model import DescribedModel, TrainedModel
from ..progress import IsCancelled, never
from ..samples import Covariates
from . import exchange, tasks


class RemoteModel(DescribedModel):
    """A model file whose network the backend runs; used like `TrainedModel`.

    Parameters
    ----------
    contract : dict
    hybrid : HybridModel
    path : Path
    runner : Runner
        Has to stay open as long as the model is used.
    is_cancelled : callable
        Asked during every prediction.
    """

    def __init__(
        self, contract: dict, hybrid: HybridModel, path: Path, runner: tasks.Runner, is_cancelled: IsCancelled = never
    ) -> None:
        super().__init__(contract, hybrid)
        self._path = path
        self._runner = runner
        self._is_cancelled = is_cancelled

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate all targets with intervals; see `TrainedModel.predict`."""
        content, arrays = exchange.pack_covariates(covariates)
        inputs = {"model": self._path, "covariates": content, "coverage": coverage}
        arrays["coordinates"] = np.asarray(coordinates, dtype=float)
        result = self._runner.run("predict_points", inputs, arrays, is_cancelled=self._is_cancelled)
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
    contract = runner.run("read_model", {"model": absolute}, is_cancelled=is_cancelled).outputs["contract"]
    return RemoteModel(contract, HybridModel.from_dict(contract, str(path)), absolute, runner, is_cancelled)
