"""The contract of a model file: the JSON that travels inside the .onnx, and how arrays stand in it."""

from __future__ import annotations

import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from ..errors import InputError, ModelFileError
from ..features.covariate_origins import covariates_from_list, covariates_to_list
from ..provenance import data_hash, versions
from ..samples import Covariates, Samples

FORMAT = "hybridgeo-model"
VERSION = 1
METADATA_KEY = "hybridgeo"
"""Key of the contract among the metadata_props of the ONNX model."""


_DTYPES = {"float64": "<f8", "float32": "<f4"}


def encode_array(array: np.ndarray) -> dict:
    """Return numbers, of any shape, as a JSON object: base64 of little-endian float64, or of float32 where they are."""
    kind = "float32" if array.dtype == np.float32 else "float64"
    numbers = np.ascontiguousarray(array, dtype=_DTYPES[kind])
    return {"dtype": kind, "shape": list(numbers.shape), "base64": base64.b64encode(numbers.tobytes()).decode()}


def decode_array(content: Any) -> np.ndarray:
    """Read what `encode_array` wrote; nested lists of numbers work as well.

    Returns
    -------
    ndarray
        Of the shape that was written, float64 or float32.

    Raises
    ------
    ModelFileError
        When it is neither.
    """
    try:
        if isinstance(content, Mapping):
            if content["dtype"] not in _DTYPES:
                raise ModelFileError(
                    f"Expected an array of {' or '.join(_DTYPES)} in the model file, got {content['dtype']!r}."
                )
            raw = base64.b64decode(content["base64"], validate=True)
            numbers = np.frombuffer(raw, dtype=_DTYPES[content["dtype"]])
            return numbers.reshape([int(size) for size in content["shape"]]).astype(content["dtype"])
        return np.array(content, dtype=float)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"The model file is damaged: an array in it cannot be read ({error}).") from error


def optional_number(content: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a contract, None where it is null or missing.

    Raises
    ------
    TypeError, ValueError
        When it is something else.
    """
    value = content.get(key)
    return None if value is None else float(value)


def samples_to_dict(samples: Samples, **arrays: np.ndarray) -> dict:
    """Return what every contract says about its training samples, but for the names of the targets.

    Parameters
    ----------
    samples : Samples
    **arrays : ndarray
        Further arrays at the samples, stored with them.
    """
    covariates = samples.covariates
    return {
        "crs": samples.crs,
        "n_dimensions": samples.n_dimensions,
        "covariates": covariates_to_list(covariates),
        "fields": covariates_to_list(samples.fields),
        "samples": {
            "coordinates": encode_array(samples.coordinates),
            "values": encode_array(samples.values),
            "covariates": None if covariates is None else encode_array(covariates.values),
            "holes": None if samples.holes is None else [str(hole) for hole in samples.holes],
            "depths": None if samples.depths is None else encode_array(samples.depths),
            "fields": None if samples.fields is None else encode_array(samples.fields.values),
            **{name: encode_array(array) for name, array in arrays.items()},
        },
    }


def samples_from_dict(content: Mapping[str, Any]) -> Samples:
    """Read what `samples_to_dict` wrote, with the names out of the contract's ``targets``.

    Raises
    ------
    KeyError
        When a part is missing.
    ModelFileError, InputError
        When a part cannot be used.
    """
    stored = content["samples"]
    covariates = None
    if content["covariates"]:
        covariates = covariates_from_list(content["covariates"], decode_array(stored["covariates"]))
    fields, depths = None, stored.get("depths")
    if content.get("fields"):
        fields = covariates_from_list(content["fields"], decode_array(stored["fields"]))
    return Samples(
        decode_array(stored["coordinates"]),
        decode_array(stored["values"]),
        tuple(str(entry["name"]) for entry in content["targets"]),
        str(content["crs"]),
        covariates,
        None if stored["holes"] is None else np.array(stored["holes"], dtype=str),
        None if depths is None else decode_array(depths),
        fields,
    )


def with_contract(graph: bytes, text: str) -> bytes:
    """Return an ONNX file with a contract among its metadata, without any library.

    In the wire format of protocol buffers a message followed by further fields is the message with these fields
    added; ``metadata_props`` is field 14 of a model, its entries hold the key as field 1 and the value as field 2.
    """

    def field(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length >= 0x80:
            size += bytes([length & 0x7F | 0x80])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    return graph + field(14, field(1, METADATA_KEY.encode()) + field(2, text.encode()))


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Tell of a contract that lacks a part, or has one that cannot be used, as a damaged file.

    Parameters
    ----------
    source : str
        How to call the file.

    Raises
    ------
    ModelFileError
    """
    try:
        yield
    except KeyError as error:
        raise ModelFileError(f"{source} is damaged: its contract lacks {error}. Train the model again.") from error
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ModelFileError(f"{source} is damaged: {error} Train the model again.") from error


def parse_contract(text: str | None, source: str) -> dict:
    """Read the contract's JSON and check format and version.

    Parameters
    ----------
    text : str or None
        Metadata entry of the ONNX file; None when there is none.
    source : str
        How to call the file in an error.

    Raises
    ------
    ModelFileError
        When the file is foreign, damaged, or of a newer version (both versions are named).
    """
    if text is None:
        raise ModelFileError(
            f"{source} is an ONNX file but not a model of this plugin: it carries no \"{METADATA_KEY}\" contract. "
            "Choose a file made by Train hybrid model (hybridgeo:trainhybridmodel)."
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{source} is damaged: its contract is not JSON ({error}). Train the model again."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ModelFileError(f"{source} is not a model of this plugin: expected the format {FORMAT!r}, got {found!r}.")
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFileError(f"{source} is damaged: expected a version number, got {version!r}. Train the model again.")
    if version > VERSION:
        raise ModelFileError(
            f"{source} is a model file of version {version}; this plugin reads up to version {VERSION}. "
            "Update the plugin, or train the model with this one."
        )
    return content


class ContractModel(ABC):
    """A model that a contract describes, whatever its kind; only the network is missing in it."""

    samples: Samples
    targets: tuple[Any, ...]

    def measured(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where a target was measured, a mask of shape (n_samples,), and its transformed values there."""
        known = self.samples.known[:, column]
        target = self.targets[column]
        return known, target.transform.forward(self.samples.values[known, column], target.name)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Covariates a prediction needs."""
        return () if self.samples.covariates is None else self.samples.covariates.names

    def checked(self, coordinates: np.ndarray, covariates: Covariates | None = None) -> np.ndarray:
        """Return coordinates as numbers, and refuse what cannot be predicted at.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None

        Raises
        ------
        InputError
            When covariates are missing or coordinates have another dimension than the samples.
        """
        coordinates = np.asarray(coordinates, dtype=float)
        if coordinates.ndim != 2 or coordinates.shape[1] != self.samples.n_dimensions:
            raise InputError(
                f"The model expects coordinates of shape (n, {self.samples.n_dimensions}), got {coordinates.shape}."
            )
        missing = [name for name in self.covariate_names if covariates is None or name not in covariates.names]
        if missing:
            raise InputError(
                f"The model needs the covariates {', '.join(self.covariate_names)}; missing: {', '.join(missing)}. "
                "Add them under these names."
            )
        return coordinates

    @abstractmethod
    def to_dict(self) -> dict:
        """Return the parts of the contract that predictions need."""

    @classmethod
    def from_dict(cls: type[Model], content: Mapping[str, Any], source: str = "the model file") -> Model:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        content : mapping
        source : str
            How to call the file in an error.

        Raises
        ------
        ModelFileError
            When a part is missing or cannot be used.
        """
        with reading(source):
            return cls._from_dict(content)

    @classmethod
    @abstractmethod
    def _from_dict(cls: type[Model], content: Mapping[str, Any]) -> Model:
        """Read; a KeyError tells of a part that is missing."""


Model = TypeVar("Model", bound=ContractModel)


def contract_of(
    kind: str, model: ContractModel, seed: int, notes: Sequence[str], scores: Mapping[str, Any] | None, **own: Any
) -> dict:
    """Return the contract of a trained model.

    Parameters
    ----------
    kind : str
        Key of `core.prediction.trained_model.KINDS`.
    model : ContractModel
    seed : int
        Of the training.
    notes : sequence of str
        What a reader has to know.
    scores : mapping or None
        Outer cross-validated scores (`core.learning.outer.cross_validated_scores`).
    **own
        What models of this kind tell besides.

    Returns
    -------
    dict
        JSON values, with a hash of the samples and the versions of the packages.
    """
    samples = model.samples
    covariates = [] if samples.covariates is None else [samples.covariates.values]
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        **model.to_dict(),
        **own,
        "scores": scores,
        "seed": seed,
        "notes": list(notes),
        "data_sha256": data_hash(samples.coordinates, samples.values, *covariates),
        "versions": versions(),
    }
