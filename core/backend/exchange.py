"""The objects of the core as plain JSON values and named arrays, and back: what crosses between two Pythons."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..samples import Covariates, Samples
from ..whole_files import written_whole


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numpy numbers, arrays, tuples, paths and dataclasses are converted.

    Raises
    ------
    TypeError
        For anything else, named by its type.

    Examples
    --------
    >>> plain({"rmse": np.float64(0.5), "weights": np.array([1, 2]), "names": ("a", "b")})
    {'rmse': 0.5, 'weights': [1, 2], 'names': ['a', 'b']}
    """
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    raise TypeError(f"Expected a value that JSON can hold, got {type(value).__name__}.")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to an .npz file that appears only when it is complete.

    Parameters
    ----------
    path : Path
    arrays : mapping of str to ndarray of any shape
        Of numbers or text.

    Raises
    ------
    TypeError
        For an array of Python objects, which would have to be pickled.
    """
    checked = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in checked.items():
        if array.dtype.hasobject:
            raise TypeError(f"Expected numbers or text in the array {name!r}, got Python objects.")
    with written_whole(path) as unfinished, open(unfinished, "wb") as stream:
        np.savez(stream, **checked)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays written by `write_arrays`; a file that does not exist holds none."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def pack_covariates(covariates: Covariates | None) -> tuple[dict | None, dict[str, np.ndarray]]:
    """Return covariates as plain values and arrays.

    Returns
    -------
    content : dict or None
        ``names``, ``categorical`` and ``origins``.
    arrays : dict
        ``covariates``, shape (n_locations, n_covariates).
    """
    if covariates is None:
        return None, {}
    content = {
        "names": list(covariates.names),
        "categorical": [bool(flag) for flag in covariates.categorical],
        "origins": plain(covariates.origins),
    }
    return content, {"covariates": covariates.values}


def unpack_covariates(content: Mapping[str, Any] | None, arrays: Mapping[str, np.ndarray]) -> Covariates | None:
    """Read what `pack_covariates` made; ``covariates`` of the arrays has the shape (n_locations, n_covariates)."""
    if content is None:
        return None
    return Covariates(
        tuple(content["names"]),
        arrays["covariates"],
        tuple(content["categorical"]),
        tuple(content.get("origins") or ()),
    )


def pack_samples(samples: Samples) -> tuple[dict, dict[str, np.ndarray]]:
    """Return samples as plain values and arrays.

    Returns
    -------
    content : dict
        ``targets``, ``crs``, ``covariates`` and ``fields``.
    arrays : dict
        ``coordinates``, ``values`` and, where known, ``covariates``, ``fields``, ``holes`` and ``depths``.
    """
    covariates, arrays = pack_covariates(samples.covariates)
    fields, measured = pack_covariates(samples.fields)
    if fields is not None:
        arrays["fields"] = measured["covariates"]
    arrays.update(coordinates=samples.coordinates, values=samples.values)
    if samples.holes is not None:
        arrays["holes"] = np.asarray(samples.holes).astype(str)
    if samples.depths is not None:
        arrays["depths"] = samples.depths
    content = {"targets": list(samples.targets), "crs": samples.crs, "covariates": covariates, "fields": fields}
    return content, arrays


def unpack_samples(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Samples:
    """Read what `pack_samples` made.

    Parameters
    ----------
    content : mapping
    arrays : mapping of str to ndarray
        ``coordinates``, shape (n_samples, 2 or 3); ``values``, shape (n_samples, n_targets); where known
        ``covariates`` and ``fields``, shape (n_samples, n_names), ``holes``, shape (n_samples,), and ``depths``.

    Raises
    ------
    InputError
        When shapes disagree, see `Samples`.
    """
    return Samples(
        arrays["coordinates"],
        arrays["values"],
        tuple(content["targets"]),
        crs=content["crs"],
        covariates=unpack_covariates(content["covariates"], arrays),
        holes=arrays.get("holes"),
        depths=arrays.get("depths"),
        fields=unpack_covariates(content.get("fields"), {"covariates": arrays.get("fields", np.empty((0, 0)))}),
    )
