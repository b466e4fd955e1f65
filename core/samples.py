"""Field data: where samples were taken, what was measured, what is known about the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Covariates:
    """Values of named covariates at a set of locations.

    Parameters
    ----------
    names : tuple of str
        One name a column; names are how covariates are matched everywhere.
    values : ndarray, shape (n_locations, n_covariates)
        In each covariate's own unit; class codes for categorical ones; NaN where unknown.
    categorical : tuple of bool
        Whether the column holds class codes instead of quantities.
    origins : tuple of (mapping or None)
        How the column comes about where it is not simply the raster of its name, as plain values: a
        ``kind`` and what it takes (`core.features.covariate_origins` names them). Empty for no such column.

    Raises
    ------
    InputError
        When names, columns and flags disagree in number, or a name is used twice.
    """

    names: tuple[str, ...]
    values: np.ndarray
    categorical: tuple[bool, ...]
    origins: tuple[Optional[Mapping[str, Any]], ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(self.names) or len(self.categorical) != len(self.names):
            raise InputError(
                f"Expected one column and one flag for each of {len(self.names)} covariates, "
                f"got values of shape {values.shape} and {len(self.categorical)} flags."
            )
        origins = tuple(self.origins) or (None,) * len(self.names)
        if len(origins) != len(self.names):
            raise InputError(f"Expected an origin for each of {len(self.names)} covariates, got {len(origins)}.")
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise InputError(f"Each covariate needs its own name; used twice: {', '.join(twice)}. Rename one of them.")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "origins", origins)

    def __len__(self) -> int:
        return len(self.values)

    def columns(self, which: Sequence[str]) -> Covariates:
        """Return the covariates of these names, in this order."""
        numbers = [self.names.index(name) for name in which]
        return Covariates(
            tuple(which),
            self.values[:, numbers],
            tuple(self.categorical[i] for i in numbers),
            tuple(self.origins[i] for i in numbers),
        )

    def rows(self, which: np.ndarray) -> Covariates:
        """Return the covariates of some locations, by index or boolean mask, shape (n_locations,)."""
        return replace(self, values=self.values[which])


@dataclass(frozen=True)
class Samples:
    """Field samples: coordinates, measured targets, and covariates where known.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation] in map units.
    values : ndarray, shape (n_samples, n_targets)
        Measured values in data units, finite; of several targets NaN where one was not measured, but at least one a
        sample.
    targets : tuple of str
        One name a column of `values`.
    crs : str
        Authority code ("EPSG:28992") or WKT; "" when unknown.
    covariates : Covariates or None
        One row a sample, finite.
    holes : ndarray of str, shape (n_samples,), or None
        Drill hole of each sample; samples of one hole never part in cross-validation.
    depths : ndarray, shape (n_samples,), or None
        Depth of each sample down its hole, finite, in map units.
    fields : Covariates or None
        Quantities measured at the samples and known nowhere else, finite. They are no covariates: their kriging
        gradients may be (`core.features.gradients`).

    Raises
    ------
    InputError
        When shapes disagree or a number is not finite (the row is named).

    Examples
    --------
    >>> samples = Samples([[0, 0], [10, 5]], [[1.0], [2.0]], ("zinc",))
    >>> len(samples), samples.n_dimensions
    (2, 2)
    >>> samples.target("zinc")
    array([1., 2.])
    """

    coordinates: np.ndarray
    values: np.ndarray
    targets: tuple[str, ...]
    crs: str = ""
    covariates: Covariates | None = None
    holes: np.ndarray | None = None
    depths: np.ndarray | None = None
    fields: Covariates | None = None

    def __post_init__(self) -> None:
        coordinates = np.asarray(self.coordinates, dtype=float)
        values = np.asarray(self.values, dtype=float)
        if coordinates.ndim != 2 or coordinates.shape[1] not in (2, 3):
            raise InputError(f"Expected coordinates of shape (n_samples, 2 or 3), got {coordinates.shape}.")
        if values.shape != (len(coordinates), len(self.targets)):
            raise InputError(
                f"Expected values of shape ({len(coordinates)}, {len(self.targets)}), one column for each of "
                f"{', '.join(self.targets)}, got {values.shape}."
            )
        twice = sorted({name for name in self.targets if self.targets.count(name) > 1})
        if twice:
            raise InputError(f"Each target needs its own name; given twice: {', '.join(twice)}. Name each once.")
        if self.holes is not None and np.shape(self.holes) != (len(coordinates),):
            raise InputError(
                f"Expected the drill hole of each of {len(coordinates)} samples, got shape {np.shape(self.holes)}."
            )
        measured = np.isfinite(values)
        measured |= np.isnan(values) & measured.any(axis=1, keepdims=True)
        checks = (("coordinates", coordinates, np.isfinite(coordinates)), ("values", values, measured))
        for label, array, usable in checks:
            bad = np.flatnonzero(~usable.all(axis=1))
            if len(bad):
                raise InputError(
                    f"Expected finite {label}, got NaN or infinity in {len(bad)} of {len(array)} samples "
                    f"(first: row {bad[0] + 1}). Remove or repair these samples."
                )
        own = {"depths": self.depths, "fields": None if self.fields is None else self.fields.values}
        for label, array in own.items():
            if array is not None and (len(array) != len(coordinates) or not np.isfinite(array).all()):
                raise InputError(f"Expected finite {label}, one a sample, for {len(coordinates)} samples.")
        if self.covariates is not None:
            if len(self.covariates) != len(coordinates):
                raise InputError(
                    f"Expected covariates at each of {len(coordinates)} samples, got {len(self.covariates)} rows."
                )
            if not np.isfinite(self.covariates.values).all():
                missing = np.flatnonzero(~np.isfinite(self.covariates.values).all(axis=0))
                raise InputError(
                    "Expected covariates known at every sample, but some are missing for "
                    f"{', '.join(self.covariates.names[i] for i in missing)}."
                )
            shared = sorted(set(self.targets) & set(self.covariates.names))
            if shared:
                raise InputError(
                    f"A target cannot be its own covariate: {', '.join(shared)}. The network would be shown "
                    "the answer. Remove it from the covariates."
                )
        object.__setattr__(self, "coordinates", coordinates)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def n_dimensions(self) -> int:
        """2 or 3."""
        return self.coordinates.shape[1]

    @property
    def has_covariates(self) -> bool:
        """Whether there are covariates, or fields from which some are made."""
        return any(found is not None and bool(found.names) for found in (self.covariates, self.fields))

    @property
    def known(self) -> np.ndarray:
        """Whether a target was measured at a sample, shape (n_samples, n_targets)."""
        return ~np.isnan(self.values)

    @property
    def has_gaps(self) -> bool:
        """Whether some target was not measured at some sample."""
        return bool(np.isnan(self.values).any())

    def of(self, name: str) -> Samples:
        """Return the samples at which one target was measured, with this target alone.

        Examples
        --------
        >>> samples = Samples([[0, 0], [1, 0], [2, 5]], [[1.0, 4.0], [2.0, np.nan], [np.nan, 6.0]], ("zinc", "lead"))
        >>> samples.of("lead").values.tolist(), samples.of("lead").coordinates.tolist()
        ([[4.0], [6.0]], [[0.0, 0.0], [2.0, 5.0]])
        """
        values = self.target(name)[:, None]
        measured = ~np.isnan(values[:, 0])
        return replace(self.rows(measured), values=values[measured], targets=(name,))

    def target(self, name: str) -> np.ndarray:
        """Return the values of one target, shape (n_samples,), NaN where it was not measured.

        Raises
        ------
        InputError
            When there is no such target.
        """
        if name not in self.targets:
            raise InputError(f"No target named {name!r}; the samples have {', '.join(self.targets)}.")
        return self.values[:, self.targets.index(name)]

    def rows(self, which: np.ndarray) -> Samples:
        """Return some of the samples, by index or boolean mask, shape (n_samples,), with all that belongs to them."""
        return replace(
            self,
            coordinates=self.coordinates[which],
            values=self.values[which],
            covariates=None if self.covariates is None else self.covariates.rows(which),
            holes=None if self.holes is None else self.holes[which],
            depths=None if self.depths is None else self.depths[which],
            fields=None if self.fields is None else self.fields.rows(which),
        )


def require_samples(samples: Samples, at_least: int, purpose: str) -> None:
    """Refuse too few samples for a purpose.

    Raises
    ------
    InputError
        When there are fewer than `at_least` samples.
    """
    if len(samples) < at_least:
        raise InputError(
            f"{purpose} needs at least {at_least} samples, got {len(samples)}. Add samples or check the selection."
        )


def require_variation(values: np.ndarray, name: str) -> None:
    """Refuse a target whose values are all equal.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
    name : str
        How to call them in the error.

    Raises
    ------
    InputError
        When all values are the same number.
    """
    values = values[~np.isnan(values)]
    if len(values) == 0 or np.ptp(values) == 0:
        first = f"{values[0]:g}" if len(values) else "nothing"
        raise InputError(
            f"All {len(values)} values of {name} equal {first}: there is nothing to map. Choose another field."
        )


SUSPICIOUS_CORRELATION = 0.98
"""A covariate whose rank correlation with a target is above this was probably made from it."""


def disguised_targets(samples: Samples) -> list[str]:
    """Refuse a target among the covariates under another name, and tell of covariates much like one.

    Returns
    -------
    list of str
        A sentence for each quantity whose rank correlation with a target is above `SUSPICIOUS_CORRELATION`.

    Raises
    ------
    InputError
        When a covariate is a target in other units or on another scale: the order of all samples, or a
        straight line, is the same. Fewer than 10 different values say nothing.
    """
    suspicions: list[str] = []
    if samples.covariates is None:
        return suspicions
    quantities = zip(samples.covariates.names, samples.covariates.categorical, samples.covariates.values.T)
    for name, _, column in (entry for entry in quantities if not entry[1] and len(np.unique(entry[2])) >= 10):
        for target, values in zip(samples.targets, samples.values.T):
            measured = ~np.isnan(values)
            pair = column[measured], values[measured]
            if min(len(np.unique(numbers)) for numbers in pair) < 10:
                continue
            r = abs(float(np.corrcoef(*pair)[0, 1]))
            ranks = [np.unique(numbers, return_inverse=True)[1].reshape(-1) for numbers in pair]
            same_order = abs(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))
            if max(r, same_order) > 1.0 - 1e-9:
                raise InputError(
                    f"The covariate {name} is the target {target} under another name: it orders all samples alike "
                    f"(correlation {r:.4f}). A method would be shown the answer. Remove it from the covariates."
                )
            if same_order > SUSPICIOUS_CORRELATION:
                suspicions.append(
                    f"The covariate {name} follows {target} almost exactly (rank correlation {same_order:.3f}). If it "
                    "was computed from the samples, the scores are too good: leave it out."
                )
    return suspicions


def elevations_count(places: np.ndarray) -> bool:
    """Return whether samples fill a volume, as along drill holes, rather than lie on a surface.

    They do where several share easting and northing, or where the way from a sample to its nearest one is steeper
    than 1 in 2 for most of them.

    Parameters
    ----------
    places : ndarray, shape (n, 3)

    Examples
    --------
    >>> along_a_hole = np.array([[0.0, 0, 0], [3, 0, -5], [6, 0, -10]])
    >>> on_a_slope = np.array([[0.0, 0, 0], [10, 0, 2], [20, 0, 4]])
    >>> elevations_count(along_a_hole), elevations_count(on_a_slope)
    (True, False)
    """
    from scipy.spatial import cKDTree

    places = np.unique(places, axis=0)
    if len(places) < 2:
        return False
    if len(np.unique(places[:, :2], axis=0)) < len(places):
        return True
    nearest = cKDTree(places).query(places, 2)[1][:, 1]
    steps = np.abs(places - places[nearest])
    return bool(np.mean(steps[:, 2] > 0.5 * np.hypot(steps[:, 0], steps[:, 1])) > 0.5)
