"""The samples of a fit, and how well its candidates predict those left out: one by one, or a column at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import KrigingSystemError
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..progress import IsCancelled, stop_if
from .candidates import Candidate
from .models import VariogramModel

GLOBAL_LEAVE_ONE_OUT = 1000
"""Up to so many samples leave-one-out uses all others, beyond `LOCAL_NEIGHBORS`."""

LOCAL_NEIGHBORS = 32

SCORED_SAMPLES = 1000
"""Of more samples a seeded choice of so many is left out, each estimated from its neighbours among all."""

COLUMN_FOLDS = 5
"""In so many parts columns of samples (drill holes, soil profiles) are predicted from the others."""


@dataclass(frozen=True)
class FitSamples:
    """The samples of one fit.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units, stretched by a given anisotropy.
    values, residuals : ndarray, shape (n_samples,)
        On the scale of kriging, and less their drift by least squares.
    drift : ndarray, shape (n_samples, n_drift)
        Without the constant.
    seed : int
    is_cancelled : callable
    """

    coordinates: np.ndarray
    values: np.ndarray
    residuals: np.ndarray
    drift: np.ndarray
    seed: int
    is_cancelled: IsCancelled

    def scored(self, fit: Candidate) -> Candidate:
        """Add the exact leave-one-out error of kriging with the fit."""
        if fit.model is None:
            return fit
        neighborhood = Neighborhood() if len(self.values) <= GLOBAL_LEAVE_ONE_OUT else Neighborhood(LOCAL_NEIGHBORS)
        rows = np.arange(len(self.values))
        if len(rows) > max(SCORED_SAMPLES, GLOBAL_LEAVE_ONE_OUT):
            rows = np.sort(np.random.default_rng(self.seed).choice(len(rows), SCORED_SAMPLES, replace=False))
        try:
            kriging = fit_kriging(self.coordinates, self.values, fit.model, neighborhood, self.drift)
            left_out = kriging.leave_one_out(rows)
        except KrigingSystemError as error:
            return replace(fit, note=f"{fit.note} {error}".strip())
        errors = self.values[rows] - left_out.estimate
        known = np.isfinite(errors) & (left_out.kriging_variance > 0)
        if not known.any():
            return replace(fit, note="No sample can be estimated from the others with this drift.")
        squared = errors[known] ** 2
        return replace(
            fit,
            loo_rmse=float(np.sqrt(squared.mean())),
            loo_msdr=float((squared / left_out.kriging_variance[known]).mean()),
        )

    def columns(self) -> np.ndarray | None:
        """Return the column each sample stands in, shape (n_samples,); None where they do not stand in columns."""
        if self.coordinates.shape[1] != 3:
            return None
        places, column = np.unique(self.coordinates[:, :2], axis=0, return_inverse=True)
        return column.ravel() if 2 * COLUMN_FOLDS <= len(places) <= len(self.values) / 2 else None

    def column_error(self, model: VariogramModel) -> float:
        """Return the error of kriging samples from other columns; NaN where samples do not stand above each other."""
        column = self.columns()
        if column is None:
            return np.nan
        fold_of = np.random.default_rng(self.seed).permutation(int(column.max()) + 1) % COLUMN_FOLDS
        generator = np.random.default_rng(self.seed)
        squares, count = 0.0, 0
        for fold in range(COLUMN_FOLDS):
            stop_if(self.is_cancelled)
            out = fold_of[column] == fold
            rows = np.flatnonzero(out)
            if len(rows) > SCORED_SAMPLES // COLUMN_FOLDS:
                rows = generator.choice(rows, SCORED_SAMPLES // COLUMN_FOLDS, replace=False)
            try:
                kriging = fit_kriging(
                    self.coordinates[~out], self.values[~out], model, Neighborhood(LOCAL_NEIGHBORS), self.drift[~out]
                )
                estimate = kriging.predict(self.coordinates[rows], self.drift[rows]).estimate
            except KrigingSystemError:
                return np.nan
            errors = (self.values[rows] - estimate)[np.isfinite(estimate)]
            squares, count = squares + float(errors @ errors), count + len(errors)
        return float(np.sqrt(squares / count)) if count else np.nan
