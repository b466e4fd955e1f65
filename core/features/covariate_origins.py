"""Where covariates come from, as a model file tells it, and whether a map's are like those of the samples.

A covariate is the raster of its name unless its origin says otherwise (`Covariates.origins`):

* ``{"kind": "raster", "unit": "m"}``: the raster, whose unit was known.
* ``{"kind": "polygons", "field": ..., "classes": [...]}``: an attribute of the polygon layer of its
  name; texts stand as numbers 1, 2, ... in the order of the classes, numbers (no classes) for themselves.
* ``{"kind": "elevation"}``: the elevation of the place itself.
* ``{"kind": "projection", "raster": ..., "mean": [...], "loadings": [...], "component": 1}``: a
  weighted sum over the bands of a raster, ``(bands - mean) @ loadings``: a principal component.
* ``{"kind": "gradient", "field": ..., "part": ..., "variogram": {...}, "neighborhood": {...}}``: how the kriged field
  of a quantity measured at the samples (`Samples.fields`) rises there, see `core.features.gradients`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..samples import Covariates

RASTER, POLYGONS, ELEVATION, PROJECTION, GRADIENT = "raster", "polygons", "elevation", "projection", "gradient"
"""Kinds of origin."""
FAR = 0.5
"""A value farther beyond the training range than this share of it is far outside."""


def covariates_to_list(covariates: Covariates | None) -> list[dict[str, Any]]:
    """Return what a model file says about its covariates: name, kind, training range or classes, origin."""
    if covariates is None:
        return []
    entries: list[dict[str, Any]] = []
    for index, (name, categorical) in enumerate(zip(covariates.names, covariates.categorical)):
        column = covariates.values[:, index]
        entry: dict[str, Any] = {"name": name, "categorical": bool(categorical)}
        if categorical:
            entry["classes"] = np.unique(column).tolist()
        else:
            entry["range"] = [float(column.min()), float(column.max())]
        origin = covariates.origins[index]
        if origin is not None:
            entry["origin"] = dict(origin)
        entries.append(entry)
    return entries


def covariates_from_list(entries: Sequence[Mapping[str, Any]], values: np.ndarray) -> Covariates | None:
    """Read what `covariates_to_list` made; None for no entry.

    Parameters
    ----------
    entries : sequence of mapping
    values : ndarray, shape (n_samples, n_entries)
        At the samples.

    Raises
    ------
    KeyError
        When a part is missing.
    """
    if not entries:
        return None
    return Covariates(
        tuple(str(entry["name"]) for entry in entries),
        values,
        tuple(bool(entry["categorical"]) for entry in entries),
        tuple(entry.get("origin") for entry in entries),
    )


@dataclass(frozen=True)
class RangeCheck:
    """How one covariate on a map compares with the samples it was learned from.

    Parameters
    ----------
    name : str
    outside : float
        Share of the known places where it is beyond the samples' range, or a class no sample has.
    far : float
        Share where it is beyond by more than `FAR` of the range; for classes the same as `outside`.
    lowest, highest : float
        Over the known places; NaN where it is known nowhere.
    trained : tuple of float
        The samples' range, or their classes.
    categorical : bool
    """

    name: str
    outside: float
    far: float
    lowest: float
    highest: float
    trained: tuple[float, ...]
    categorical: bool


def check_ranges(training: Covariates, given: Covariates) -> list[RangeCheck]:
    """Compare covariates on a map with those of the samples a model was trained with.

    Parameters
    ----------
    training : Covariates
        At the training samples.
    given : Covariates
        At places of the map, columns in any order; NaN where unknown.

    Returns
    -------
    list of RangeCheck
        One a covariate of the training.

    Examples
    --------
    >>> samples = Covariates(("depth",), np.array([[1.0], [3.0]]), (False,))
    >>> (check,) = check_ranges(samples, Covariates(("depth",), np.array([[2.0], [3.5], [300.0], [np.nan]]), (False,)))
    >>> round(check.outside, 2), round(check.far, 2), check.trained, check.highest
    (0.67, 0.33, (1.0, 3.0), 300.0)
    """
    checks = []
    for index, (name, categorical) in enumerate(zip(training.names, training.categorical)):
        known = given.values[:, given.names.index(name)]
        known = known[np.isfinite(known)]
        column = training.values[:, index]
        lowest, highest = (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)
        if categorical:
            trained = np.unique(column)
            outside = far = float(np.mean(~np.isin(known, trained))) if len(known) else 0.0
        else:
            trained = np.array([column.min(), column.max()])
            beyond = np.maximum(trained[0] - known, known - trained[1])
            # Rounding of float32 rasters is not outside.
            hair = 1e-6 * max(float(np.abs(trained).max()), float(np.ptp(trained)))
            outside = float(np.mean(beyond > hair)) if len(known) else 0.0
            far = float(np.mean(beyond > max(FAR * float(np.ptp(trained)), hair))) if len(known) else 0.0
        checks.append(
            RangeCheck(name, outside, far, lowest, highest, tuple(float(v) for v in trained), bool(categorical))
        )
    return checks
