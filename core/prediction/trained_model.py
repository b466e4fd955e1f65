"""A trained model as a file: one ONNX with its contract inside, read and run by onnxruntime alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Protocol

import numpy as np

from ..bounded_files import read_bounded
from ..errors import BackendMissing, ModelFileError
from ..features.gradients import FieldGradients, gradient_names
from ..samples import Covariates, Samples
from .contract import METADATA_KEY, parse_contract
from .hybrid import HybridModel, Prediction
from .network_model import NetworkModel
from .pretrained import PretrainedModel

if TYPE_CHECKING:
    import onnxruntime

_BATCH = 8192
"""Rows sent through the network at once; fastest in measurements, and it bounds memory."""

_MOST_BYTES = 2**30


class KindOfModel(Protocol):
    """What every kind of model offers: numpy alone, the network is handed in."""

    @property
    def samples(self) -> Samples:
        """The training samples in data units."""

    @property
    def targets(self) -> tuple[Any, ...]:
        """One a target, each with ``name``, ``unit``, ``transform`` and ``intervals``."""

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Covariates a prediction needs."""

    @property
    def graph_inputs(self) -> dict[str, tuple[int, ...]]:
        """Names of the network's inputs, in the order of its arguments, with their shapes but for the rows."""

    @property
    def graph_output(self) -> str:
        """Name of the network's output."""

    def predict(
        self,
        coordinates: np.ndarray,
        covariates: Covariates | None,
        network: Callable[..., np.ndarray],
        coverage: float = 0.9,
    ) -> Prediction:
        """Estimate all targets with intervals, in data units, at places, shape (n, n_dimensions)."""

    def to_dict(self) -> dict:
        """Return the parts of the contract that predictions need."""


KINDS: Mapping[str, Callable[[Mapping[str, Any], str], KindOfModel]] = {
    "hybrid": HybridModel.from_dict,
    "network": NetworkModel.from_dict,
    "pretrained": PretrainedModel.from_dict,
}
"""How the contract of each kind of model is read: called with the contract and how to call the file in an error."""


def model_from_contract(contract: Mapping[str, Any], source: str = "the model file") -> KindOfModel:
    """Make the predictor that a contract describes; only the network is missing in it.

    Parameters
    ----------
    contract : mapping
        As `parse_contract` returns it.
    source : str
        How to call the file in an error.

    Raises
    ------
    ModelFileError
        When the kind is not known, or a part is missing or cannot be used.
    """
    kind = str(contract.get("kind"))
    if kind not in KINDS:
        raise ModelFileError(
            f"{source} holds a model of the kind {kind!r}; this plugin reads {', '.join(KINDS)}. Update the plugin, or "
            "train the model with this one."
        )
    return KINDS[kind](contract, source)


class NetworkGraph:
    """The graph of an ONNX file, as a function of arrays.

    Parameters
    ----------
    content : bytes
        Of the file.
    inputs : mapping of str to tuple of int
        Names of the inputs it has to have, in the order of its arguments, with their shapes but for the rows.
    output : str
    source : str
        How to call the file in an error.

    Raises
    ------
    ModelFileError
        When it is no ONNX model, or another one than expected.
    BackendMissing
        When onnxruntime is not installed in this Python.
    """

    def __init__(self, content: bytes, inputs: Mapping[str, tuple[int, ...]], output: str, source: str) -> None:
        self._session = _open(content, source)
        self._inputs, self._output = tuple(inputs), output
        _check_shapes(self._session, inputs, output, source)

    def __call__(self, *inputs: np.ndarray) -> np.ndarray:
        """Evaluate the network on rows, as many at once as memory likes.

        Parameters
        ----------
        *inputs : ndarray
            Each with one row a location.

        Returns
        -------
        ndarray of float64
            One row a location.
        """
        return _evaluate(self._session, self._inputs, self._output, inputs)


class TrainedModel:
    """A model file opened for prediction; use `TrainedModel.read`.

    Parameters
    ----------
    contract : dict
    model : KindOfModel
    session : onnxruntime.InferenceSession
    """

    def __init__(self, contract: dict, model: KindOfModel, session: onnxruntime.InferenceSession) -> None:
        self.contract = contract
        self.model = model
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
            content = read_bounded(path, _MOST_BYTES)
        except OSError as error:
            raise ModelFileError(
                f"{path} cannot be read: {error.strerror or error}. Choose a model file (.onnx)."
            ) from error
        except ValueError as error:
            raise ModelFileError(f"{path} is not a model of this plugin: {error}. Choose another file.") from error
        session = _open(content, str(path))
        metadata = session.get_modelmeta().custom_metadata_map
        contract = parse_contract(metadata.get(METADATA_KEY), str(path))
        model = model_from_contract(contract, str(path))
        _check_shapes(session, model.graph_inputs, model.graph_output, str(path))
        return cls(contract, model, session)

    @cached_property
    def _gradients(self) -> FieldGradients | None:
        return FieldGradients.of(self.model.samples)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what the model estimates, in the order of the columns of predictions."""
        return self.model.samples.targets

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each target; "" when unknown."""
        return tuple(target.unit for target in self.model.targets)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates a prediction needs."""
        return self.model.covariate_names

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Whether each covariate holds class codes."""
        covariates = self.model.samples.covariates
        return () if covariates is None else covariates.categorical

    @property
    def crs(self) -> str:
        """CRS of the training samples; "" when unknown."""
        return self.model.samples.crs

    @property
    def n_dimensions(self) -> int:
        """2 or 3."""
        return self.model.samples.n_dimensions

    def network(self, *inputs: np.ndarray) -> np.ndarray:
        """Evaluate the network on rows, as many at once as memory likes.

        Parameters
        ----------
        *inputs : ndarray
            In the order of the model's `graph_inputs`, each with one row a location.

        Returns
        -------
        ndarray of float64
            One row a location.
        """
        return _evaluate(self._session, tuple(self.model.graph_inputs), self.model.graph_output, inputs)

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate all targets with intervals, in data units.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the model's CRS.
        covariates : Covariates or None
            Matched by name, more than needed allowed; NaN or a class never sampled gives NaN estimates. Gradients of
            fields that the model holds may be left out.
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
        missing = set(gradient_names(self.model.samples.covariates)) - set(covariates.names if covariates else ())
        gradients = self._gradients if missing else None
        if gradients is not None:
            covariates = gradients.added_to(covariates, gradients.at(coordinates))
        return self.model.predict(coordinates, covariates, self.network, coverage)


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
    # Threads that wait busily for the next operator took from a third to seven times the work itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
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


def _evaluate(session: Any, names: tuple[str, ...], output: str, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Run a graph on rows, `_BATCH` at once."""
    # An LSTM of onnxruntime ends the process on no rows.
    parts = [np.empty((0, *session.get_outputs()[0].shape[1:]))]
    for first in range(0, len(inputs[0]), _BATCH):
        rows = slice(first, first + _BATCH)
        feed = {name: np.ascontiguousarray(array[rows], np.float32) for name, array in zip(names, inputs)}
        parts.append(session.run([output], feed)[0].astype(float))
    return np.concatenate(parts)


def _check_shapes(session: Any, expected: Mapping[str, tuple[int, ...]], output: str, source: str) -> None:
    """Refuse a graph that does not fit its contract."""
    found = {entry.name: tuple(entry.shape[1:]) for entry in session.get_inputs()}
    outputs = [entry.name for entry in session.get_outputs()]
    if found != dict(expected) or outputs != [output]:
        raise ModelFileError(
            f"{source} is damaged: expected a network with inputs {dict(expected)} and the output {output}, got "
            f"{found} and {outputs}. Train the model again."
        )
