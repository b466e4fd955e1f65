"""The samples of a fit, and how well its candidates predict those left out: one by one, or whole holes.

Samples along a drill hole are so close to each other that each alone is predicted by the next above and below,
whatever a model says of all other directions. Between holes it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

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

SCORED_IN_HOLES = 1500
"""Of more samples in holes so many are kriged from other holes."""

HOLE_FOLDS = 5
"""In so many parts drill holes and soil profiles are predicted from the others."""

_LINK = 1.5  # of the usual distance to the nearest sample: samples as close are in one string
_STRAIGHT = 0.95  # least share of a string's spread along its length


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
    holes : ndarray of str, shape (n_samples,), or None
        Drill hole of each 3-D sample, "" for none; None where they are not known by name.
    """

    coordinates: np.ndarray
    values: np.ndarray
    residuals: np.ndarray
    drift: np.ndarray
    seed: int
    is_cancelled: IsCancelled
    holes: np.ndarray | None = None

    def scored(self, fit: Candidate) -> Candidate:
        """Add the exact leave-one-out error of kriging with the fit; by least squares also that of whole holes."""
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
            hole_rmse=self.hole_error(fit.model) if fit.method == "least_squares" else np.nan,
        )

    @property
    def are_above_each_other(self) -> bool:
        """Whether samples stand in vertical columns, which say nothing of horizontal directions."""
        if self.coordinates.shape[1] != 3:
            return False
        n_places = len(np.unique(self.coordinates[:, :2], axis=0))
        return 2 * HOLE_FOLDS <= n_places <= len(self.values) / 2

    @cached_property
    def hole(self) -> np.ndarray | None:
        """Number of the hole of each 3-D sample, shape (n_samples,); None where samples do not lie in holes.

        By name where names are given; else vertical columns of samples, or straight strings of close samples.
        """
        if self.coordinates.shape[1] != 3:
            return None
        if self.holes is not None:
            names = np.asarray(self.holes).astype(str)
            alone = np.char.add("\0", np.arange(len(names)).astype(str))
            return self._enough(np.unique(np.where(names == "", alone, names), return_inverse=True)[1])
        if self.are_above_each_other:
            return np.unique(self.coordinates[:, :2], axis=0, return_inverse=True)[1].ravel()
        return self._enough(_strings(self.coordinates))

    def _enough(self, hole: np.ndarray) -> np.ndarray | None:
        """Return the holes where there are several, with several samples each."""
        return hole if 2 * HOLE_FOLDS <= int(hole.max()) + 1 <= len(hole) / 2 else None

    def hole_error(self, model: VariogramModel) -> float:
        """Return the error of kriging samples from other holes; NaN where samples do not lie in holes."""
        errors = self.hole_errors(model)
        return np.nan if errors is None else errors.rmse

    def hole_errors(self, model: VariogramModel) -> HoleErrors | None:
        """Krige samples from other holes, the same ones for every model; None where samples do not lie in holes."""
        hole = self.hole
        if hole is None:
            return None
        fold_of = np.random.default_rng(self.seed).permutation(int(hole.max()) + 1) % HOLE_FOLDS
        generator = np.random.default_rng(self.seed)
        chosen, squares, variances = [], [], []
        for fold in range(HOLE_FOLDS):
            stop_if(self.is_cancelled)
            out = fold_of[hole] == fold
            rows = np.flatnonzero(out)
            if len(rows) > SCORED_IN_HOLES // HOLE_FOLDS:
                rows = generator.choice(rows, SCORED_IN_HOLES // HOLE_FOLDS, replace=False)
            try:
                kriging = fit_kriging(
                    self.coordinates[~out], self.values[~out], model, Neighborhood(LOCAL_NEIGHBORS), self.drift[~out]
                )
                found = kriging.predict(self.coordinates[rows], self.drift[rows])
            except KrigingSystemError:
                return None
            chosen.append(rows)
            squares.append((self.values[rows] - found.estimate) ** 2)
            variances.append(found.kriging_variance)
        squared, variance = np.concatenate(squares), np.concatenate(variances)
        return HoleErrors(squared, variance, hole[np.concatenate(chosen)]) if np.isfinite(squared).any() else None


@dataclass(frozen=True)
class HoleErrors:
    """Errors of samples kriged from other holes.

    Parameters
    ----------
    squared, variance : ndarray, shape (n,)
        Squared errors, NaN where there is no estimate, and kriging variances.
    hole : ndarray of int, shape (n,)
    """

    squared: np.ndarray
    variance: np.ndarray
    hole: np.ndarray

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.nanmean(self.squared)))

    @property
    def msdr(self) -> float:
        """Mean of squared error / kriging variance; 1 where the variances are right."""
        known = np.isfinite(self.squared) & (self.variance > 0)
        return float(np.mean(self.squared[known] / self.variance[known])) if known.any() else np.nan

    def gain_over(self, other: HoleErrors) -> tuple[float, float]:
        """Return by how much the mean squared error is lower than another model's, and the standard error of that.

        The standard error is that between holes: errors within one are alike.
        """
        both = np.isfinite(self.squared) & np.isfinite(other.squared)
        difference = (other.squared - self.squared)[both]
        gain = float(difference.mean())
        totals = np.bincount(self.hole[both], weights=difference - gain)
        return gain, float(np.sqrt(np.sum(totals**2))) / len(difference)


def _strings(coordinates: np.ndarray) -> np.ndarray:
    """Return the number of each sample's string of close ones; where strings are not straight, each is its own."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    n = len(coordinates)
    nearest = cKDTree(coordinates).query(coordinates, k=2)[0][:, 1]
    links = cKDTree(coordinates).query_pairs(_LINK * float(np.median(nearest)), output_type="ndarray")
    graph = coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    _, string = connected_components(graph, directed=False)
    total, along = 0.0, 0.0
    for members in np.split(np.argsort(string, kind="stable"), np.cumsum(np.bincount(string))[:-1]):
        if len(members) > 2:
            spread = np.linalg.svd(coordinates[members] - coordinates[members].mean(axis=0), compute_uv=False) ** 2
            total, along = total + float(spread.sum()), along + float(spread[0])
    return string if total > 0 and along >= _STRAIGHT * total else np.arange(n)
