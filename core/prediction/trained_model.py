"""A trained model as a file: one ONNX with its contract inside, read and run by onnxruntime alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BackendMissing, ModelFileError
from ..samples import Covariates
from .contract import METADATA_KEY, parse_contract
from .hybrid import HybridModel, Prediction

if TYPE_CHECKING:
    import onnxruntime

_BATCH = 8192
"""Rows sent through the network at once; fastest in measurements, and it bounds memory."""


class TrainedModel:
    """A model file opened for prediction; use `TrainedModel.read`.

    Parameters
    ----------
    contract : dict
    hybrid : HybridModel
    session : onnxruntime.InferenceSession
    """

    def __init__(self, contract: dict, hybrid: HybridModel, session: onnxruntime.InferenceSession) -> None:
        self.contract = contract
        self.hybrid = hybrid
        self._session = session

    @classmethod
    def read(cls, path: str | Path) -> TrainedModel:
        """Open a model file.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        ModelFileError
            When the file is missing, not ours, damaged, or of a newer version.
        BackendMissing
            When onnxruntime is not installed in this Python.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelFileError(
                f"{path} cannot be read: {error.strerror or error}. Choose a model file (.onnx)."
            ) from error
        session = _open(content, str(path))
        metadata = session.get_modelmeta().custom_metadata_map
        contract = parse_contract(metadata.get(METADATA_KEY), str(path))
        hybrid = HybridModel.from_dict(contract, str(path))
        _check_shapes(session, hybrid, str(path))
        return cls(contract, hybrid, session)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what the model estimates, in the order of the columns of predictions."""
        return self.hybrid.samples.targets

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each target; "" when unknown."""
        return tuple(target.unit for target in self.hybrid.targets)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates a prediction needs."""
        return self.hybrid.covariate_names

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Whether each covariate holds class codes."""
        covariates = self.hybrid.samples.covariates
        return () if covariates is None else covariates.categorical

    @property
    def crs(self) -> str:
        """CRS of the training samples; "" when unknown."""
        return self.hybrid.samples.crs

    @property
    def n_dimensions(self) -> int:
        """2 or 3."""
        return self.hybrid.samples.n_dimensions

    def drift(self, sequences: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Evaluate the network, shape (n, n_targets)."""
        parts = [np.empty((0, len(self.targets)))]
        for first in range(0, len(sequences), _BATCH):
            rows = slice(first, first + _BATCH)
            inputs = {
                "sequences": np.ascontiguousarray(sequences[rows], dtype=np.float32),
                "context": np.ascontiguousarray(context[rows], dtype=np.float32),
            }
            parts.append(self._session.run(["drift"], inputs)[0].astype(float))
        return np.concatenate(parts)

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate all targets with intervals, in data units.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the model's CRS.
        covariates : Covariates or None
            Matched by name, more than needed allowed; NaN or a class never sampled gives NaN estimates.
        coverage : float
            Between 0 and 1.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            For missing covariates (they are named), a wrong dimension or coverage.
        """
        return self.hybrid.predict(coordinates, covariates, self.drift, coverage)


def _open(content: bytes, source: str) -> Any:
    """Open the ONNX graph."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures
    except ImportError as error:
        raise BackendMissing(
            "Prediction needs onnxruntime, which is not installed in this Python. Run Set up backend "
            "(hybridgeo:setupbackend) for how to get it."
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # onnxruntime's errors share no base class of their own.
    unusable = (
        failures.Fail, failures.InvalidArgument, failures.InvalidGraph, failures.InvalidProtobuf,
        failures.NotImplemented, failures.RuntimeException,
    )  # fmt: skip
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except unusable as error:
        raise ModelFileError(
            f"{source} is not an ONNX model, or is damaged ({str(error).splitlines()[0]}). "
            "Choose a file made by Train hybrid model (hybridgeo:trainhybridmodel)."
        ) from error


def _check_shapes(session: Any, hybrid: HybridModel, source: str) -> None:
    """Refuse a graph that does not fit its contract."""
    features = hybrid.features
    expected = {
        "sequences": (features.n_neighbors, len(features.token_names)),
        "context": (len(features.context_names),),
    }
    found = {entry.name: tuple(entry.shape[1:]) for entry in session.get_inputs()}
    outputs = [entry.name for entry in session.get_outputs()]
    if found != expected or outputs != ["drift"]:
        raise ModelFileError(
            f"{source} is damaged: expected a network with inputs {expected} and the output drift, got {found} and "
            f"{outputs}. Train the model again."
        )
