"""Drift columns made ready for a kriging system: centred, orthonormal, of full rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..samples import Covariates

_RANK_TOLERANCE = 1e-8
_ESTIMABLE_TOLERANCE = 1e-6


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
