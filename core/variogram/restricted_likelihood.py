"""The restricted likelihood of one model, exact: what searches climb and what compares variograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kriging.drift import DriftBasis, check_drift
from .models import VariogramModel
from .whitening import independent_columns


def restricted_log_likelihood(
    coordinates: np.ndarray,
    values: np.ndarray,
    model: VariogramModel,
    drift: np.ndarray | None = None,
    best_sill: bool = False,
) -> float:
    """Return the Gaussian log likelihood of all contrasts of the values that are free of the drift.

    It does not depend on how the columns of the drift are scaled or combined, so it compares
    variograms, not drifts.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
    model : VariogramModel
        The nugget stands on the diagonal only: coincident samples are separate measurements.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant, which is always there.
    best_sill : bool
        Of the model with the sill that makes the values likeliest, whatever its own.

    Returns
    -------
    float
        Minus infinity where the covariance matrix is not positive definite.

    References
    ----------
    Harville, D. A. (1974). Bayesian inference for variance components using only error
    contrasts. Biometrika 61, 383-385.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    block = _block(coordinates - coordinates.mean(axis=0), values, drift_columns(values, drift))
    solved = _solve(block, model)
    if solved is None:
        return -np.inf
    squares, log_determinant = solved
    if best_sill:
        return -0.5 * (block.n_contrasts * (np.log(2.0 * np.pi * squares / block.n_contrasts) + 1.0) + log_determinant)
    return -0.5 * (block.n_contrasts * np.log(2.0 * np.pi) + log_determinant + squares)


def drift_columns(values: np.ndarray, drift: np.ndarray | None) -> np.ndarray:
    """Return [1, drift] without redundant columns, shape (n_samples, n_columns)."""
    checked = check_drift(drift, len(values), None, "samples")
    return DriftBasis.fit(checked).scores(checked)


@dataclass(frozen=True)
class _Block:
    """Samples whose joint likelihood is evaluated."""

    coordinates: np.ndarray
    values: np.ndarray
    drift: np.ndarray  # orthonormal columns that span [1, drift]
    distances: np.ndarray  # of all pairs, condensed as by scipy's pdist

    @property
    def n_contrasts(self) -> int:
        """Number of contrasts free of the drift."""
        return len(self.values) - self.drift.shape[1]


def _block(coordinates: np.ndarray, values: np.ndarray, columns: np.ndarray) -> _Block:
    """Prepare samples for the likelihood; columns that are redundant among them are left out."""
    from scipy.spatial.distance import pdist

    return _Block(coordinates, values - values.mean(), independent_columns(columns), pdist(coordinates))


def _solve(block: _Block, model: VariogramModel) -> tuple[float, float] | None:
    """Return the generalised sum of squares and the log determinants of one block, None where undefined."""
    from scipy.linalg import solve_triangular
    from scipy.linalg.lapack import dpotrf
    from scipy.spatial.distance import pdist, squareform

    covariances = np.zeros_like(block.distances)
    for structure in model.structures:
        if structure.is_isotropic:
            lag = block.distances / structure.effective_range
        else:
            lag = pdist(block.coordinates @ structure.scaling(block.coordinates.shape[1]).T)
        covariances += structure.psill * structure.correlation(lag)
    matrix = squareform(covariances, checks=False)
    np.fill_diagonal(matrix, model.sill)
    # The transpose of a symmetric matrix is itself, in LAPACK's order: nothing is copied.
    factor, failed = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        return None
    whitened = solve_triangular(factor, np.column_stack([block.drift, block.values]), lower=True, check_finite=False)
    drift, values = whitened[:, :-1], whitened[:, -1]
    basis, triangle = np.linalg.qr(drift)
    residuals = values - basis @ (basis.T @ values)
    log_determinant = 2.0 * (np.log(np.diag(factor)).sum() + np.log(np.abs(np.diag(triangle))).sum())
    return float(residuals @ residuals), float(log_determinant)
