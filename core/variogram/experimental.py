"""Experimental variograms: semivariance by lag, from all pairs or a balanced seeded share of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if

ESTIMATORS = ("matheron", "cressie")
"""Semivariance estimators; cressie is robust against outliers."""

MAX_PAIRS = 20_000_000
"""Beyond so many pairs a balanced, seeded share of them is used (about two seconds)."""

_PAIRS_AT_ONCE = 500_000  # bounds memory to some tens of megabytes


@dataclass(frozen=True)
class ExperimentalVariogram:
    """Semivariances by lag.

    Lags without a pair are left out, so all numbers are finite.

    Parameters
    ----------
    lags : ndarray, shape (n_lags,)
        Mean separation of the pairs of each lag, in map units, ascending.
    semivariances : ndarray, shape (n_lags,)
        In squared (transformed) data units.
    pair_counts : ndarray of int, shape (n_lags,)
    estimator : str
        One of `ESTIMATORS`.
    max_lag : float
        Upper end of the last lag, in map units.
    share_of_pairs : float
        1 when all pairs were used, below 1 when a seeded share was drawn.

    Raises
    ------
    InputError
        When the arrays differ in length or the estimator is unknown.
    """

    lags: np.ndarray
    semivariances: np.ndarray
    pair_counts: np.ndarray
    estimator: str
    max_lag: float
    share_of_pairs: float = 1.0

    def __post_init__(self) -> None:
        if not (len(self.lags) == len(self.semivariances) == len(self.pair_counts)):
            raise InputError(
                f"Expected one semivariance and one pair count a lag, got {len(self.lags)} lags, "
                f"{len(self.semivariances)} semivariances and {len(self.pair_counts)} counts."
            )
        _require_estimator(self.estimator)

    def to_dict(self) -> dict:
        """Return the object that variogram files hold under ``experimental``."""
        return {
            "lags": [float(lag) for lag in self.lags],
            "semivariances": [float(semivariance) for semivariance in self.semivariances],
            "pair_counts": [int(count) for count in self.pair_counts],
            "estimator": self.estimator,
            "max_lag": float(self.max_lag),
            "share_of_pairs": float(self.share_of_pairs),
        }


def default_max_lag(coordinates: np.ndarray) -> float:
    """Return a third of the diagonal of the samples' bounding box, in map units (gstat's cutoff)."""
    return float(np.linalg.norm(np.ptp(coordinates, axis=0)) / 3.0)


def lag_edges(max_lag: float, n_lags: int) -> np.ndarray:
    """Return the upper ends of `n_lags` lags of equal width up to `max_lag`, shape (n_lags,)."""
    return np.arange(1, n_lags + 1) * (max_lag / n_lags)


def experimental_variogram(
    coordinates: np.ndarray,
    values: np.ndarray,
    *,
    n_lags: int = 15,
    max_lag: float | None = None,
    estimator: str = "matheron",
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> ExperimentalVariogram:
    """Compute the omnidirectional experimental variogram.

    A lag holds the pairs with ``lower < h <= upper``; coincident pairs (h = 0) belong to the
    first. Memory does not grow with the number of pairs.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    n_lags : int
        Number of lags of equal width, 1 or more.
    max_lag : float or None
        Largest separation in map units; default: `default_max_lag`.
    estimator : str
        "matheron" (mean squared difference) or "cressie" (robust).
    max_pairs : int
        With more pairs than this a share is drawn in which every sample takes part equally
        often and no pair twice.
    seed : int
        Of that draw.
    progress, is_cancelled : callable

    Returns
    -------
    ExperimentalVariogram

    Raises
    ------
    InputError
        For fewer than 2 samples, samples at one place, or settings out of range.
    Cancelled

    References
    ----------
    Matheron, G. (1962). Traite de geostatistique appliquee. Cressie, N. & Hawkins, D. M.
    (1980). Robust estimation of the variogram. Math. Geol. 12, 115-125; as in Cressie
    (1993), eq. 2.4.12, and gstat.

    Examples
    --------
    >>> xy = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> table = experimental_variogram(xy, np.array([1.0, 2.0, 4.0]), n_lags=2, max_lag=2.0)
    >>> table.lags, table.semivariances, table.pair_counts
    (array([1., 2.]), array([1.25, 4.5 ]), array([2, 1]))
    """
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    _require_estimator(estimator)
    if len(coordinates) != len(values) or len(values) < 2:
        raise InputError(
            f"A variogram needs at least 2 samples with one value each, got {len(coordinates)} locations and "
            f"{len(values)} values."
        )
    if n_lags < 1:
        raise InputError(f"Expected at least 1 lag, got {n_lags}.")
    if max_lag is None:
        max_lag = default_max_lag(coordinates)
        if max_lag == 0:
            raise InputError(f"All {len(values)} samples lie at one place: a variogram needs distances between them.")
    if not (np.isfinite(max_lag) and max_lag > 0):
        raise InputError(f"Expected a largest lag above 0 map units, got {max_lag!r}.")

    # Centring keeps the digits of large coordinates and of values far from 0.
    coordinates = coordinates - coordinates.mean(axis=0)
    values = values - values.mean()
    n = len(values)
    n_pairs = n * (n - 1) // 2
    n_offsets = n // 2
    if n_pairs > max_pairs:
        order = np.random.default_rng(seed).permutation(n)
        coordinates, values = coordinates[order], values[order]
        n_offsets = max(1, max_pairs // n)

    contribution = _squared if estimator == "matheron" else _root
    edges = np.concatenate([[0.0], lag_edges(max_lag, n_lags)])
    counts = np.zeros(n_lags + 1, dtype=np.int64)
    lag_sums = np.zeros(n_lags + 1)
    value_sums = np.zeros(n_lags + 1)
    used = 0
    for first, second, done in _pairs(n, n_offsets):
        stop_if(is_cancelled)
        step = coordinates[first] - coordinates[second]
        lag = np.sqrt(np.einsum("pd,pd->p", step, step))
        # searchsorted from the left: lower < h <= upper; h = 0 moves from place 0 into the first lag.
        place = np.maximum(np.searchsorted(edges, lag, side="left"), 1) - 1
        counts += np.bincount(place, minlength=n_lags + 1)[: n_lags + 1]
        lag_sums += np.bincount(place, lag, n_lags + 1)[: n_lags + 1]
        value_sums += np.bincount(place, contribution(values[first] - values[second]), n_lags + 1)[: n_lags + 1]
        used += len(first)
        progress(done, "")

    kept = np.flatnonzero(counts[:n_lags])
    if len(kept) == 0:
        raise InputError(
            f"No two samples are closer than the largest lag of {max_lag:g} map units. Enter a larger one."
        )
    count = counts[kept]
    mean = value_sums[kept] / count
    semivariances = 0.5 * (mean if estimator == "matheron" else mean**4 / (0.457 + 0.494 / count))
    return ExperimentalVariogram(
        lag_sums[kept] / count, semivariances, count, estimator, float(max_lag), used / n_pairs
    )


def _pairs(n: int, n_offsets: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield index arrays of the pairs (i, i + offset mod n), some offsets at a time, and the share done.

    Offsets 1 to n // 2 give every pair once; for even n the last offset meets each pair twice, so
    only its first half is used.
    """
    at_once = max(1, _PAIRS_AT_ONCE // n)
    index = np.arange(n)
    for start in range(1, n_offsets + 1, at_once):
        offsets = np.arange(start, min(start + at_once, n_offsets + 1))
        first = np.broadcast_to(index, (len(offsets), n)).ravel()
        second = ((index + offsets[:, None]) % n).ravel()
        if 2 * offsets[-1] == n:
            half = len(first) - n // 2
            first, second = first[:half], second[:half]
        yield first, second, float(offsets[-1]) / n_offsets


def _squared(difference: np.ndarray) -> np.ndarray:
    return difference * difference


def _root(difference: np.ndarray) -> np.ndarray:
    return np.sqrt(np.abs(difference))


def _require_estimator(estimator: str) -> None:
    """Refuse an unknown estimator."""
    if estimator not in ESTIMATORS:
        raise InputError(f"Expected a semivariance estimator out of {', '.join(ESTIMATORS)}, got {estimator!r}.")
