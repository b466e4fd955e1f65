"""Looking closer at pairs: the variogram cloud, and the variogram as a map of lag vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent
from .direction import Direction
from .experimental import reach_of
from .pairs import MAX_PAIRS, Pairs

CLOUD_POINTS = 5000
"""Pairs in a cloud unless told otherwise."""


@dataclass(frozen=True)
class VariogramCloud:
    """Half the squared difference of single pairs, a seeded draw of them where there are many.

    Parameters
    ----------
    lags : ndarray, shape (n_points,)
        In map units, ascending.
    semivariances : ndarray, shape (n_points,)
        In squared (transformed) data units.
    pairs : ndarray of int, shape (n_points, 2)
        Rows of the two samples.
    n_pairs : int
        Pairs up to the largest lag, of which these were drawn.
    """

    lags: np.ndarray
    semivariances: np.ndarray
    pairs: np.ndarray
    n_pairs: int


@dataclass(frozen=True)
class VariogramMap:
    """Semivariances by lag vector; the map looks the same turned by 180 degrees.

    Parameters
    ----------
    semivariances : ndarray, shape (n_cells, n_cells)
        In squared (transformed) data units, rows from north to south, columns from west to east;
        the lag vector of the middle cell is around 0. NaN where there is no pair.
    pair_counts : ndarray of int, shape (n_cells, n_cells)
        Every pair counts in its cell and in the opposite one.
    width : float
        Side of a cell in map units.
    """

    semivariances: np.ndarray
    pair_counts: np.ndarray
    width: float

    @property
    def offsets(self) -> np.ndarray:
        """Lags at the cells' centres from west to east (from south to north: the same), shape (n_cells,)."""
        half = len(self.semivariances) // 2
        return self.width * np.arange(-half, half + 1)


def variogram_cloud(
    coordinates: np.ndarray,
    values: np.ndarray,
    *,
    max_lag: float | None = None,
    direction: Direction | None = None,
    max_points: int = CLOUD_POINTS,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> VariogramCloud:
    """Draw pairs up to a largest lag, all of them alike.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    max_lag, direction, max_pairs, progress, is_cancelled
        See `experimental_variogram`.
    max_points : int
        At most so many pairs are kept, 1 or more; memory does not grow beyond them.
    seed : int
        Of the draw.

    Returns
    -------
    VariogramCloud

    Raises
    ------
    InputError
        For samples or settings out of range, or when no pair is left.
    Cancelled

    References
    ----------
    Chauvet, P. (1982). The variogram cloud. 17th APCOM symposium, 757-764.

    Examples
    --------
    >>> cloud = variogram_cloud(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([1.0, 3.0]), max_lag=9.0)
    >>> cloud.lags, cloud.semivariances, cloud.n_pairs
    (array([5.]), array([2.]), 1)
    """
    if max_points < 1:
        raise InputError(f"Expected at least 1 point for the cloud, got {max_points}.")
    pairs = Pairs.of(coordinates, values, max_pairs, seed)
    reach = reach_of(pairs, max_lag)
    generator = np.random.default_rng(seed)
    keys, lags, differences = np.empty(0), np.empty(0), np.empty(0)
    rows = np.empty((0, 2), dtype=np.int64)
    n_pairs = 0
    for first, second, step, difference in pairs.steps(direction, progress, is_cancelled):
        lag = np.sqrt(np.einsum("pd,pd->p", step, step))
        inside = lag <= reach
        n_pairs += int(inside.sum())
        # The smallest keys so far are a draw without replacement from all pairs so far.
        keys = np.concatenate([keys, generator.random(int(inside.sum()))])
        lags = np.concatenate([lags, lag[inside]])
        differences = np.concatenate([differences, difference[inside]])
        rows = np.concatenate([rows, np.column_stack([first[inside], second[inside]])])
        if len(keys) > max_points:
            kept = np.argpartition(keys, max_points)[:max_points]
            keys, lags, differences, rows = keys[kept], lags[kept], differences[kept], rows[kept]
    if n_pairs == 0:
        raise InputError(f"No two samples are closer than the largest lag of {reach:g} map units. Enter a larger one.")
    order = np.lexsort((rows[:, 1], rows[:, 0], lags))
    return VariogramCloud(lags[order], 0.5 * differences[order] ** 2, pairs.order[rows[order]], n_pairs)


def variogram_map(
    coordinates: np.ndarray,
    values: np.ndarray,
    *,
    max_lag: float | None = None,
    n_steps: int | None = None,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> VariogramMap:
    """Compute mean semivariances (Matheron's) by horizontal lag vector.

    In 3-D only pairs whose elevations differ by at most half a cell count.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    max_lag : float or None
        Centre of the outermost cells in map units; default: `default_max_lag`.
    n_steps : int or None
        Cells from the middle to each side, 1 to 200; the map has ``2 n_steps + 1`` rows and columns.
        None: 3 to 8, so that about twenty pairs come to a cell.
    max_pairs, seed, progress, is_cancelled
        See `experimental_variogram`.

    Returns
    -------
    VariogramMap

    Raises
    ------
    InputError
        For samples or settings out of range.
    Cancelled

    References
    ----------
    Isaaks, E. H. & Srivastava, R. M. (1989). An Introduction to Applied Geostatistics, ch. 7.
    """
    pairs = Pairs.of(coordinates, values, max_pairs, seed)
    if n_steps is None:
        n_steps = int(np.clip(round(0.5 * (np.sqrt(2 * pairs.used / 20) - 1)), 3, 8))
    if not 1 <= n_steps <= 200:
        raise InputError(f"Expected 1 to 200 cells from the middle of the variogram map, got {n_steps}.")
    width = reach_of(pairs, max_lag) / n_steps
    n_cells = 2 * n_steps + 1
    counts = np.zeros(n_cells * n_cells, dtype=np.int64)
    sums = np.zeros(n_cells * n_cells)
    for _, _, step, difference in pairs.steps(None, progress, is_cancelled):
        inside = (np.abs(step[:, :2]) < (n_steps + 0.5) * width).all(axis=1)
        if step.shape[1] == 3:
            inside &= np.abs(step[:, 2]) <= 0.5 * width
        squared = difference[inside] ** 2
        for sense in (1.0, -1.0):
            cell = np.floor(sense * step[inside, :2] / width + 0.5).astype(np.int64)
            # Rounding at a border may reach one cell beyond.
            column, row = np.clip(cell, -n_steps, n_steps).T * [[1], [-1]] + n_steps
            place = row * n_cells + column
            counts += np.bincount(place, minlength=len(counts))
            sums += np.bincount(place, squared, len(sums))
    with np.errstate(invalid="ignore"):
        semivariances = np.where(counts > 0, 0.5 * sums / counts, np.nan)
    return VariogramMap(semivariances.reshape(n_cells, n_cells), counts.reshape(n_cells, n_cells), width)
