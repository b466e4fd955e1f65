"""Drift columns made ready for a kriging system: centred, orthonormal, of full rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..samples import Covariates

_RANK_TOLERANCE = 1e-8
_ESTIMABLE_TOLERANCE = 1e-6
_SLOPE_TOLERANCE = 1e-3
_SLIGHT_CHANGE = 0.1


@dataclass(frozen=True)
class DriftBasis:
    """Maps drift columns to uncorrelated scores in the directions the samples determine.

    A kriging estimate does not depend on how the space of drifts is spanned, so the columns are
    centred, standardised and replaced by their principal scores; directions in which the samples
    do not differ (a constant column, a sum of other columns) are left out. That loses nothing at
    a target whose drift lies within the sampled directions, and a target whose drift does not
    (another value in a column that is constant over the samples) has no unbiased estimate: its
    scores are NaN.

    Parameters
    ----------
    mean, scale : ndarray, shape (n_columns,)
        In the columns' own units.
    directions : ndarray, shape (n_columns, n_scores)
        Orthonormal.
    score_scale : ndarray, shape (n_scores,)
    """

    mean: np.ndarray
    scale: np.ndarray
    directions: np.ndarray
    score_scale: np.ndarray

    @classmethod
    def fit(cls, drift: np.ndarray) -> DriftBasis:
        """Learn the basis from the drift at the samples.

        Parameters
        ----------
        drift : ndarray, shape (n_samples, n_columns)
            Finite; without the constant.
        """
        mean = drift.mean(axis=0)
        scale = drift.std(axis=0)
        # Rounding of a constant column is not variation.
        scale = np.where(scale > 1e-12 * np.abs(mean), scale, 0.0)
        scale = np.where(scale > 0, scale, np.maximum(1.0, np.abs(mean)))
        _, singular, directions = np.linalg.svd((drift - mean) / scale, full_matrices=False)
        kept = singular > _RANK_TOLERANCE * np.sqrt(drift.size)
        return cls(mean, scale, directions[kept].T, singular[kept] / np.sqrt(len(drift)))

    @property
    def n_columns(self) -> int:
        """Number of drift columns, the constant not counted."""
        return len(self.mean)

    @property
    def n_scores(self) -> int:
        """Number of directions the samples determine."""
        return len(self.score_scale)

    def scores(self, drift: np.ndarray) -> np.ndarray:
        """Return the scores at some locations; NaN where the drift is unknown or out of the basis.

        Parameters
        ----------
        drift : ndarray, shape (n_locations, n_columns)

        Returns
        -------
        ndarray, shape (n_locations, n_scores + 1)
            The first column is the constant; a row without an unbiased estimate is NaN throughout.
        """
        standard = (drift - self.mean) / self.scale
        scores = standard @ self.directions
        beyond = np.abs(standard - scores @ self.directions.T).max(axis=1, initial=0.0)
        size = 1.0 + np.abs(standard).max(axis=1, initial=0.0)
        estimable = beyond <= _ESTIMABLE_TOLERANCE * size
        columns = np.concatenate([np.ones((len(drift), 1)), scores / self.score_scale], axis=1)
        columns[~estimable] = np.nan
        return columns

    def score_slopes(self, slopes: np.ndarray, extent: float) -> np.ndarray:
        """Return the gradients of the scores; NaN along axes along which the drift leaves the basis.

        Parameters
        ----------
        slopes : ndarray, shape (n_locations, n_columns, n_dimensions)
            Gradients of the drift's columns.
        extent : float
            A length of the size of the map: what changes by next to nothing over it is rounding.

        Returns
        -------
        ndarray, shape (n_locations, n_scores + 1, n_dimensions)
            Those of the constant, which come first, are 0.
        """
        standard = np.swapaxes(slopes, 1, 2) / self.scale
        scores = standard @ self.directions
        beyond = np.abs(standard - scores @ self.directions.T).max(axis=2, initial=0.0)
        size = _SLIGHT_CHANGE / extent + np.abs(standard).max(axis=2, initial=0.0)
        # Differences of numbers of single precision have few digits.
        scores[beyond > _SLOPE_TOLERANCE * size] = np.nan
        constant = np.zeros((*standard.shape[:2], 1))
        return np.swapaxes(np.concatenate([constant, scores / self.score_scale], axis=2), 1, 2)


@dataclass(frozen=True)
class DriftSlopes:
    """An external drift at some places, with its gradients there.

    Parameters
    ----------
    values : ndarray, shape (n_places, n_columns)
        The same columns as at the samples; NaN where the drift is unknown.
    slopes : ndarray, shape (n_places, n_columns, n_dimensions)
        Along easting, northing[, elevation], in units of the column per map unit; NaN where unknown.
    """

    values: np.ndarray
    slopes: np.ndarray

    @classmethod
    def between(
        cls, values: np.ndarray, beside: Sequence[tuple[np.ndarray, np.ndarray]], steps: Sequence[float],
        is_class: np.ndarray | None = None,
    ) -> DriftSlopes:  # fmt: skip
        """Take central differences: of a surface that is straight between the places, over one step centred on each.

        Where the drift is known on one side of a place only, the difference is one-sided.

        Parameters
        ----------
        values : ndarray, shape (n_places, n_columns)
        beside : sequence of (ndarray, ndarray), shape (n_places, n_columns) each
            For each axis the same one step back and one step on.
        steps : sequence of float
            Along each axis, in map units.
        is_class : ndarray of bool, shape (n_columns,), or None
            Columns that are 1 in a class and 0 elsewhere: their gradient is 0, as it is within a class.

        Examples
        --------
        >>> here = np.array([[1.0], [5.0]])
        >>> sides = [(np.array([[0.0], [np.nan]]), np.array([[4.0], [7.0]]))]
        >>> DriftSlopes.between(here, sides, [2.0]).slopes.ravel().tolist()
        [1.0, 1.0]
        """
        slopes, is_known = np.empty((*values.shape, len(steps))), np.isfinite(values)
        for axis, ((back, on), step) in enumerate(zip(beside, steps)):
            known_back, known_on = is_known & np.isfinite(back), is_known & np.isfinite(on)
            run = step * (known_back.astype(float) + known_on)
            rise = np.where(known_on, on, values) - np.where(known_back, back, values)
            slopes[..., axis] = np.where(run > 0, rise, np.nan) / np.where(run > 0, run, 1.0)
        if is_class is not None:
            slopes[:, is_class] = np.where(is_known[:, is_class, None], 0.0, np.nan)
        return cls(values, slopes)


@dataclass(frozen=True)
class DriftClasses:
    """Makes columns of a drift from covariates: quantities as they are, a 0/1 column for each class of the samples.

    Parameters
    ----------
    classes : tuple of (ndarray or None)
        For each covariate the codes that the samples have; None for a quantity.

    Examples
    --------
    >>> soil = Covariates(("dist", "soil"), np.array([[0.1, 1.0], [0.2, 3.0], [0.3, 1.0]]), (False, True))
    >>> DriftClasses.of(soil).columns(soil).tolist()
    [[0.1, 1.0, 0.0], [0.2, 0.0, 1.0], [0.3, 1.0, 0.0]]
    """

    classes: tuple[np.ndarray | None, ...]

    @classmethod
    def of(cls, covariates: Covariates) -> DriftClasses:
        """List the classes of covariates at the samples."""
        columns = zip(covariates.values.T, covariates.categorical)
        return cls(tuple(np.unique(column[np.isfinite(column)]) if coded else None for column, coded in columns))

    @property
    def is_class(self) -> np.ndarray:
        """Which columns are those of classes, shape (n_columns,)."""
        n_columns = [1 if codes is None else len(codes) for codes in self.classes]
        return np.repeat([codes is not None for codes in self.classes], n_columns)

    def columns(self, covariates: Covariates) -> np.ndarray:
        """Return the columns, shape (n_locations, n_columns), of the same covariates in the same order.

        NaN where a covariate is unknown; a class that no sample has leaves the directions they determine.
        """
        parts = []
        for column, codes in zip(covariates.values.T, self.classes):
            if codes is None:
                parts.append(column[:, None])
            else:
                coded = (column[:, None] == codes).astype(float)
                coded[~np.isfinite(column)] = np.nan
                parts.append(coded)
        return np.hstack(parts) if parts else np.empty((len(covariates.values), 0))


def check_drift(drift: np.ndarray | None, n_rows: int, n_columns: int | None, where: str) -> np.ndarray:
    """Return drift columns as an array of shape (n_rows, n_columns).

    Parameters
    ----------
    drift : array_like or None
        None stands for no columns; one column may come as a vector.
    n_rows : int
    n_columns : int or None
        None when any number will do.
    where : str
        "samples" or "targets", for the message.

    Raises
    ------
    InputError
        When the shape is another.
    """
    columns = np.empty((n_rows, 0)) if drift is None else np.asarray(drift, dtype=float)
    if columns.ndim == 1:
        columns = columns[:, None]
    expected = columns.shape[1] if n_columns is None and columns.ndim == 2 else n_columns
    if columns.ndim != 2 or columns.shape != (n_rows, expected):
        raise InputError(
            f"Expected {n_rows} rows and {'any number of' if expected is None else expected} columns of drift at the "
            f"{where}, got {'none' if drift is None else f'shape {columns.shape}'}. Samples and targets need the same "
            "drift columns."
        )
    return columns
