"""The restricted likelihood of samples at a trial variogram, with its gradient: exact, and Vecchia's.

Both remove the drift, have the sill at its optimum, and take one factorisation for the value and all
derivatives. Vecchia's writes the density of the samples, put in random order, as a product of the
density of each given the nearest of those before it; with all of those it is exact, with two dozen it
is close to it at a cost that grows with the number of samples only.

References
----------
Harville, D. A. (1974). Bayesian inference for variance components using only error contrasts.
Biometrika 61, 383-385. Vecchia, A. V. (1988). Estimation and model identification for continuous
spatial processes. J. R. Stat. Soc. B 50, 297-312. Stein, M. L., Chi, Z. & Welty, L. J. (2004).
Approximating likelihoods for large spatial data sets. J. R. Stat. Soc. B 66, 275-296 (restricted, with
gradients). Guinness, J. (2018). Permutation and grouping methods for sharpening Gaussian process
approximations. Technometrics 60, 415-429 (random order). Guinness, J. (2021). Gaussian process
learning via Fisher scoring of Vecchia's approximation. Stat. Comput. 31, 25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..kriging.compiled import compiled_kernels, note_failure
from .trial import ISOTROPIC, Frame, Sums, Trial, frame_scaling

_LANES = 192  # terms factored side by side: their matrices stay in the cache
_RANK_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Evaluated:
    """A trial with its restricted log likelihood, the sill that goes with it, and the gradient if asked for."""

    trial: Trial
    value: float
    sill: float
    gradient: np.ndarray | None = None

    @classmethod
    def impossible(cls, trial: Trial) -> Evaluated:
        """Return what stands for a trial without a likelihood."""
        return cls(trial, -np.inf, np.nan)


@dataclass(frozen=True)
class _Profile:
    """The profile likelihood from whitened drift and values, with what its derivatives need."""

    value: float
    sill: float
    basis: np.ndarray
    triangle: np.ndarray
    residuals: np.ndarray
    squares: float


def _profile(whitened: np.ndarray, log_determinant: float) -> _Profile | None:
    """Remove the drift (all columns but the last) and put the sill at its optimum."""
    drift, values = whitened[:, :-1], whitened[:, -1]
    basis, triangle = np.linalg.qr(drift)
    residuals = values - basis @ (basis.T @ values)
    squares = float(residuals @ residuals)
    diagonal = np.abs(np.diag(triangle))
    n_contrasts = len(whitened) - drift.shape[1]
    if not squares > 0 or not diagonal.min() > 0 or not np.isfinite(log_determinant):
        return None
    sill = squares / n_contrasts
    log_determinant = log_determinant + 2.0 * float(np.log(diagonal).sum())
    value = -0.5 * (n_contrasts * (np.log(2.0 * np.pi * sill) + 1.0) + log_determinant)
    return _Profile(float(value), sill, basis, triangle, residuals, squares)


def independent_columns(columns: np.ndarray) -> np.ndarray:
    """Return orthonormal columns, shape (n_rows, rank), that span the given ones, shape (n_rows, n_columns)."""
    basis, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return basis[:, singular > _RANK_TOLERANCE * singular[0]]


class ExactLikelihood:
    """The likelihood of all samples at once.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
    drift : ndarray, shape (n_samples, n_columns)
        With the constant.
    """

    def __init__(self, coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray) -> None:
        from scipy.spatial.distance import pdist

        drift = independent_columns(drift)
        self._known = np.column_stack([drift, values - values.mean()])
        self.n_contrasts = len(values) - drift.shape[1]
        self._coordinates = coordinates
        self._distances = pdist(coordinates)
        self._steps: np.ndarray | None = None

    def evaluate(self, trial: Trial, names: Sequence[str] = ()) -> Evaluated:
        """Return the likelihood at a trial, and its gradient by the named quantities on their searched scales."""
        from scipy.linalg.blas import dsyrk
        from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs
        from scipy.spatial.distance import squareform

        covariances = trial.covariances(self._pair_steps(trial), self._distances)
        matrix = squareform(covariances.values, checks=False)
        np.fill_diagonal(matrix, 1.0)
        # The transpose of a symmetric matrix is itself, in LAPACK's order: nothing is copied.
        factor, failed = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            return Evaluated.impossible(trial)
        whitened, _ = dtrtrs(factor, self._known, lower=1)
        profile = _profile(whitened, 2.0 * float(np.log(np.diag(factor)).sum()))
        if profile is None:
            return Evaluated.impossible(trial)
        if not names:
            return Evaluated(trial, profile.value, profile.sill)
        # The derivative is tr(dK M) with M = K^-1 - K^-1 X (X' K^-1 X)^-1 X' K^-1 - e e' / sill, e = K^-1 residual.
        scaled = np.column_stack([profile.basis, profile.residuals / np.sqrt(profile.sill)])
        spread, _ = dtrtrs(factor, scaled, lower=1, trans=1)
        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
        combined = dsyrk(-1.0, spread, beta=1.0, c=inverse, lower=1, overwrite_c=1)
        sums = covariances.sums(squareform(combined.T, checks=False), names)
        return Evaluated(trial, profile.value, profile.sill, -trial.gradient(sums, names))

    def _pair_steps(self, trial: Trial) -> np.ndarray:
        """Return the lag vectors of all pairs, which only an anisotropic trial needs."""
        if trial.is_isotropic:
            return np.empty((self._coordinates.shape[1], 0))
        if self._steps is None:
            first, second = np.triu_indices(len(self._coordinates), 1)
            self._steps = np.ascontiguousarray((self._coordinates[first] - self._coordinates[second]).T)
        return self._steps


@dataclass(frozen=True)
class _Grouped:
    """Steps and known columns of the terms as the compiled kernels read them, and their working memory."""

    steps: np.ndarray
    known: np.ndarray
    factors: np.ndarray
    lasts: np.ndarray

    @classmethod
    def of(cls, steps: np.ndarray, known: np.ndarray, width: int) -> _Grouped:
        """Put terms into groups side by side; the last one is filled up with samples that are far from each other."""
        n_dimensions, n_pairs, n_terms = steps.shape
        size, n_groups = len(known), -(-n_terms // width)
        wide_steps = np.full((n_dimensions, n_pairs, n_groups * width), 1e3 * np.abs(steps).max(initial=1.0))
        wide_steps[:, :, :n_terms] = steps
        wide_known = np.zeros((n_groups * width, size, known.shape[2]))
        wide_known[:n_terms] = known.transpose(1, 0, 2)
        steps = wide_steps.reshape(n_dimensions, n_pairs, n_groups, width).transpose(2, 0, 1, 3)
        known = wide_known.reshape(n_groups, width, size, -1).transpose(0, 3, 2, 1)
        return cls(
            np.ascontiguousarray(steps).reshape(n_groups, n_dimensions, n_pairs * width),
            np.ascontiguousarray(known),
            np.empty((n_groups, size * size * width)),
            np.empty((n_groups, size, width)),
        )


class VecchiaLikelihood:
    """The likelihood of samples one by one, each given its nearest predecessors in a random order.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
    drift : ndarray, shape (n_samples, n_columns)
        With the constant.
    n_neighbors : int
        Predecessors that each sample is conditioned on.
    max_terms : int
        With more samples a seeded choice of so many is taken, each conditioned on its predecessors
        among all.
    frame : Frame
        In which predecessors are near.
    seed : int
        Of the order and of the choice.
    """

    def __init__(
        self,
        coordinates: np.ndarray,
        values: np.ndarray,
        drift: np.ndarray,
        n_neighbors: int,
        max_terms: int,
        frame: Frame = ISOTROPIC,
        seed: int = 0,
    ) -> None:
        n, n_dimensions = coordinates.shape
        generator = np.random.default_rng(seed)
        order = generator.permutation(n)
        ordered = coordinates[order]
        terms = np.arange(n)
        if n > max_terms:
            terms = np.sort(generator.choice(n, max_terms, replace=False))
        n_neighbors = min(n_neighbors, n - 1)
        scaled = ordered @ frame_scaling(frame, n_dimensions).T
        neighbors = previous_neighbors(scaled, terms, n_neighbors)
        members = np.column_stack([neighbors, terms]).T  # the sample itself stands last
        used = np.unique(members[members >= 0])
        independent = independent_columns(drift[order[used]])
        columns = np.zeros((n, independent.shape[1]))
        columns[used] = independent
        known = np.column_stack([columns, values[order] - values.mean()])
        missing = members < 0
        self._known = np.where(missing[:, :, None], 0.0, known[members])
        self.n_contrasts = len(terms) - columns.shape[1]
        size = len(members)
        self._rows, self._columns = np.tril_indices(size, -1)
        self._steps = np.empty((n_dimensions, len(self._rows), len(terms)))
        # Where there are fewer predecessors the rest lie so far off that they tell nothing.
        far = missing[self._rows] | missing[self._columns]
        span = float(np.ptp(coordinates, axis=0).max())
        for axis in range(n_dimensions):
            along = ordered[:, axis][members]
            self._steps[axis] = np.where(far, 1e9 * span, along[self._rows] - along[self._columns])
        self._distances = np.sqrt(np.einsum("d...,d...->...", self._steps, self._steps))
        self._grouped: _Grouped | None = None

    def evaluate(self, trial: Trial, names: Sequence[str] = ()) -> Evaluated:
        """Return the likelihood at a trial, and its gradient by the named quantities on their searched scales."""
        kernels = compiled_kernels() if trial.shape is None else None
        if kernels is not None:
            try:
                return self._evaluate_compiled(kernels, trial, names)
            except kernels.CompilationError as error:
                note_failure(error)
        size, n_terms, n_known = self._known.shape
        whitened = np.empty((n_terms, n_known))
        log_deviation = np.empty(n_terms)
        kept = []
        for start in range(0, n_terms, _LANES):
            lanes = slice(start, min(start + _LANES, n_terms))
            covariances = trial.covariances(self._steps[:, :, lanes], self._distances[:, lanes])
            matrix = np.empty((size, size, lanes.stop - start))
            matrix[self._rows, self._columns] = covariances.values
            matrix[np.arange(size), np.arange(size)] = 1.0
            if not _factor(matrix):
                return Evaluated.impossible(trial)
            # The last row of the inverse factor: the conditional residual in units of its deviation.
            last = np.zeros((size, matrix.shape[2]))
            last[-1] = 1.0
            _solve_transposed(matrix, last)
            whitened[lanes] = np.einsum("ib,ibk->bk", last, self._known[:, lanes])
            log_deviation[lanes] = np.log(matrix[-1, -1])
            if names:
                kept.append((lanes, covariances, matrix, last))
        profile = _profile(whitened, 2.0 * float(log_deviation.sum()))
        if profile is None:
            return Evaluated.impossible(trial)
        if not names:
            return Evaluated(trial, profile.value, profile.sill)
        gradient = np.zeros(len(names))
        outward = self._by_whitened(whitened, profile)
        for lanes, covariances, matrix, last in kept:
            weights = self._pair_weights(matrix, last, np.einsum("ibk,bk->ib", self._known[:, lanes], outward[lanes]))
            gradient += trial.gradient(covariances.sums(weights, names), names)
        return Evaluated(trial, profile.value, profile.sill, -0.5 * gradient)

    def _evaluate_compiled(self, kernels: ModuleType, trial: Trial, names: Sequence[str]) -> Evaluated:
        """As `evaluate`, by the compiled kernels, which know models without a shape."""
        n_terms, n_dimensions = self._known.shape[1], len(self._steps)
        if self._grouped is None:
            self._grouped = _Grouped.of(self._steps, self._known, kernels.GROUP)
        grouped = self._grouped
        parts = [1.0] if trial.inner_share == 0 else [1.0 - trial.inner_share, trial.inner_share]
        models = np.full(len(parts), kernels.MODEL_CODES[trial.kind], dtype=np.int64)
        psills = (1.0 - trial.share) * np.array(parts)
        scales = np.array([1.0, trial.inner_ratio])[: len(parts)]
        scaling = trial.scaling(n_dimensions)
        whitened, log_deviation = np.empty((n_terms, self._known.shape[2])), np.empty(n_terms)
        known = grouped.steps, grouped.known, n_terms, scaling, models
        work = grouped.factors, grouped.lasts
        if not kernels.whiten_terms(*known, psills, scales, *work, whitened, log_deviation):
            return Evaluated.impossible(trial)
        profile = _profile(whitened, 2.0 * float(log_deviation.sum()))
        if profile is None:
            return Evaluated.impossible(trial)
        if not names:
            return Evaluated(trial, profile.value, profile.sill)
        sums, moments = np.empty(len(parts)), np.empty((len(parts), n_dimensions, n_dimensions))
        kernels.sum_pairs(*known, scales, *work, self._by_whitened(whitened, profile), sums, moments)
        inner = (float(sums[-1]), moments[-1]) if len(parts) == 2 else (0.0, np.zeros_like(moments[0]))
        gradient = trial.gradient(Sums(float(sums[0]), moments[0], *inner), names)
        return Evaluated(trial, profile.value, profile.sill, -0.5 * gradient)

    @staticmethod
    def _by_whitened(whitened: np.ndarray, profile: _Profile) -> np.ndarray:
        """Return the derivatives of minus twice the log likelihood by the whitened drift and values."""
        coefficients = np.linalg.solve(profile.triangle, profile.basis.T @ whitened[:, -1])
        by_values = 2.0 / profile.sill * profile.residuals
        by_drift = 2.0 * np.linalg.solve(profile.triangle, profile.basis.T).T - by_values[:, None] * coefficients
        return np.column_stack([by_drift, by_values])

    def _pair_weights(self, matrix: np.ndarray, last: np.ndarray, outward: np.ndarray) -> np.ndarray:
        """Return the derivatives of minus twice the log likelihood by the covariance of each pair, shape of the pairs.

        With a the last row of the inverse of the factor of K, ``x = K^-1 e = a / d`` for the last unit vector e
        and the deviation d, so that ``a = x / sqrt(x_last)``, ``log d = -log(x_last) / 2`` and ``dx = -K^-1 dK x``.
        """
        deviation = matrix[-1, -1]
        solution = last / deviation
        by_solution = outward * deviation
        by_solution[-1] -= 0.5 * (outward * last).sum(axis=0) * deviation * deviation + deviation * deviation
        _solve_forward(matrix, by_solution)
        _solve_transposed(matrix, by_solution)
        return -(
            by_solution[self._rows] * solution[self._columns] + by_solution[self._columns] * solution[self._rows]
        )


def previous_neighbors(points: np.ndarray, rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return for each of some rows the nearest rows before it.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
    rows : ndarray of int, shape (n_rows,)
        Ascending.
    n_neighbors : int

    Returns
    -------
    ndarray of int, shape (n_rows, n_neighbors)
        Nearest last, -1 first where there are fewer.
    """
    from scipy.spatial import cKDTree

    result = np.full((len(rows), n_neighbors), -1, dtype=np.int64)
    n, stop = len(points), 1
    while stop < n:
        # About half of the first 2 k points lie before a row between k and 2 k.
        start, stop = stop, min(2 * stop, n)
        inside = np.flatnonzero((rows >= start) & (rows < stop))
        asked = min(3 * n_neighbors + 8, stop)
        tree = cKDTree(points[:stop])
        while len(inside):
            found = tree.query(points[rows[inside]], k=asked)[1].reshape(len(inside), asked)
            before = found < rows[inside, None]
            place = np.cumsum(before, axis=1)
            enough = (place[:, -1] >= np.minimum(n_neighbors, rows[inside])) | (asked == stop)
            taken = before & (place <= n_neighbors) & enough[:, None]
            at, column = np.nonzero(taken)
            result[inside[at], n_neighbors - place[at, column]] = found[at, column]
            inside, asked = inside[~enough], min(4 * asked, stop)
    return result


def _factor(matrix: np.ndarray) -> bool:
    """Factor symmetric matrices, shape (size, size, n), in place by Cholesky (lower); False where it fails."""
    for j in range(len(matrix)):
        column = matrix[j:, j]
        if j:
            column -= np.einsum("ipb,pb->ib", matrix[j:, :j], matrix[j, :j])
        if not (column[0] > 1e-14).all():
            return False
        column[0] = np.sqrt(column[0])
        column[1:] /= column[0]
    return True


def _solve_forward(factor: np.ndarray, sides: np.ndarray) -> None:
    """Solve L x = b in place, shape of the sides (size, n)."""
    for j in range(len(factor)):
        if j:
            sides[j] -= np.einsum("pb,pb->b", factor[j, :j], sides[:j])
        sides[j] /= factor[j, j]


def _solve_transposed(factor: np.ndarray, sides: np.ndarray) -> None:
    """Solve L' x = b in place, shape of the sides (size, n)."""
    for j in reversed(range(len(factor))):
        if j + 1 < len(factor):
            sides[j] -= np.einsum("pb,pb->b", factor[j + 1 :, j], sides[j + 1 :])
        sides[j] /= factor[j, j]
