"""Samples kriged without themselves and some of their neighbours, and what becomes of the residuals around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .neighborhood import Neighborhood, NeighborSearch, search_frame
from .ordinary import FittedKriging, fit_kriging
from .system import GlobalSystem

_ROWS_AT_ONCE = 256


def nearest_others(kriging: FittedKriging, rows: np.ndarray, n_others: int) -> np.ndarray:
    """Return the samples nearest to some samples, nearest first, in the frame of the variogram.

    Parameters
    ----------
    kriging : FittedKriging
    rows : ndarray of int, shape (n_rows,)
    n_others : int
        Below the number of samples.

    Returns
    -------
    ndarray of int, shape (n_rows, 1 + n_others)
        The sample itself first.
    """
    frame = search_frame(kriging.variogram, kriging.coordinates.shape[1])
    search = NeighborSearch(kriging.coordinates - kriging.coordinates.mean(axis=0), Neighborhood(), frame)
    _, nearest = search.nearest_to(search.scaled_points[rows], min(n_others + 1, kriging.n_samples))
    # A sample at the same place may stand before the sample itself, which comes first here.
    is_self = nearest == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    others = nearest[~is_self].reshape(len(rows), -1)
    return np.column_stack([rows, others])


@dataclass(frozen=True)
class LeftOut:
    """Ordinary kriging of samples from all but some.

    Parameters
    ----------
    weights : ndarray, shape (n_rows, n_samples)
        0 for samples that are left out, or not among the neighbours.
    kriging_variance, smoothing_variance : ndarray, shape (n_rows,)
        Of another measurement at the place of the sample, as in `KrigingEstimate`.
    neighbor_residuals : ndarray, shape (n_rows, n_neighbors)
        Of the samples asked for, each kriged from all others but the left-out ones: (observed - estimate) /
        standard deviation.
    """

    weights: np.ndarray
    kriging_variance: np.ndarray
    smoothing_variance: np.ndarray
    neighbor_residuals: np.ndarray


def leave_out(kriging: FittedKriging, left_out: np.ndarray, neighbors: np.ndarray) -> LeftOut:
    """Krige samples without themselves and some others, exactly, with the variogram as it is.

    With P the upper left block of the inverse kriging matrix and D the samples left out, all follows from P without
    D, ``P - P_.D (P_DD)^-1 P_D.``: its diagonal holds the inverse leave-one-out variances of the others.

    Parameters
    ----------
    kriging : FittedKriging
        Without a drift.
    left_out : ndarray of int, shape (n_rows, n_left_out)
        For each estimate the samples it must not use; the first is the one estimated.
    neighbors : ndarray of int, shape (n_rows, n_neighbors)
        Other samples, near the estimated one, whose own residuals are wanted.

    Returns
    -------
    LeftOut

    Raises
    ------
    InputError
        For kriging with a drift or a known mean, or when no sample is left.

    References
    ----------
    Dubrule, O. (1983). Cross validation of kriging in a unique neighborhood. Math. Geol. 15(6).
    """
    left_out, neighbors = np.asarray(left_out), np.asarray(neighbors)
    n = kriging.n_samples
    if kriging.n_drift or kriging.trend_order or kriging.mean is not None:
        raise InputError("Expected ordinary kriging to leave samples out of; this one has a drift or a known mean.")
    if left_out.ndim != 2 or left_out.shape[1] >= n:
        raise InputError(f"Expected fewer than {n} samples to leave out at a time, got shape {left_out.shape}.")
    result = LeftOut(
        np.zeros((len(left_out), n)), np.empty(len(left_out)), np.empty(len(left_out)), np.empty(neighbors.shape)
    )
    if isinstance(kriging._system, GlobalSystem):
        for first in range(0, len(left_out), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            _solve(kriging._system, left_out[rows], neighbors[rows], None, result, rows)
        return result
    limit = kriging.neighborhood.max_neighbors or n
    nearest = nearest_others(kriging, left_out[:, 0], min(limit + left_out.shape[1] - 1, n - 1))
    for row, (out, near, wanted) in enumerate(zip(left_out, nearest, neighbors)):
        used = np.unique(np.concatenate([near, wanted]))
        own = fit_kriging(kriging.coordinates[used], kriging.values[used], kriging.variogram)._system
        if isinstance(own, GlobalSystem):
            rows = slice(row, row + 1)
            _solve(own, np.searchsorted(used, out)[None], np.searchsorted(used, wanted)[None], used, result, rows)
    return result


def _solve(
    system: GlobalSystem,
    out: np.ndarray,
    neighbors: np.ndarray,
    used: np.ndarray | None,
    result: LeftOut,
    rows: slice,
) -> None:
    """Fill rows of the result from one system, whose samples are numbered `used` among all."""
    precision = system.precision
    inner = np.linalg.inv(precision[out[:, :, None], out[:, None, :]])
    weights = -np.matmul(inner[:, :1], precision[out])[:, 0]
    np.put_along_axis(weights, out, 0.0, axis=1)
    result.weights[rows, slice(None) if used is None else used] = weights
    result.kriging_variance[rows] = inner[:, 0, 0]
    points = system.samples.points
    covariances = system.covariance.between(points, points)
    covariances[np.diag_indices(len(points))] += system.nugget
    result.smoothing_variance[rows] = system.sill - np.einsum("ij,ij->i", weights @ covariances, weights)
    cross = precision[neighbors[:, :, None], out[:, None, :]]
    gain = np.matmul(cross, inner)
    remaining = precision[neighbors, neighbors] - np.einsum("ijk,ijk->ij", gain, cross)
    dual = system.dual[neighbors] - np.einsum("ijk,ik->ij", gain, system.dual[out])
    result.neighbor_residuals[rows] = dual / np.sqrt(np.maximum(remaining, 1e-12 / system.sill))
