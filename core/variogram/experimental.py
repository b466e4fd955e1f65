"""Experimental variograms: semivariance by lag, from all pairs or a balanced seeded share of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, part, silent
from .direction import Direction
from .pairs import MAX_PAIRS, Pairs

ESTIMATORS = ("matheron", "cressie", "dowd", "genton")
"""Semivariance estimators; all but matheron are robust against outliers."""

LAG_SCHEMES = ("equal_width", "equal_counts")
"""Lags as wide as each other, or with as many pairs as each other."""

RANKED_PAIRS = 2_000_000
"""Most pairs where differences have to be ranked: dowd, genton and lags of equal counts."""

GENTON_DIFFERENCES = 1500
"""Most differences a lag whose own differences (about their number squared / 2) genton ranks."""


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
    direction : Direction or None
        Of the pairs; None for all directions.

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
    direction: Direction | None = None

    def __post_init__(self) -> None:
        if not (len(self.lags) == len(self.semivariances) == len(self.pair_counts)):
            raise InputError(
                f"Expected one semivariance and one pair count a lag, got {len(self.lags)} lags, "
                f"{len(self.semivariances)} semivariances and {len(self.pair_counts)} counts."
            )
        _require_estimator(self.estimator)

    def to_dict(self) -> dict:
        """Return the object that variogram files hold under ``experimental``."""
        content = {
            "lags": [float(lag) for lag in self.lags],
            "semivariances": [float(semivariance) for semivariance in self.semivariances],
            "pair_counts": [int(count) for count in self.pair_counts],
            "estimator": self.estimator,
            "max_lag": float(self.max_lag),
            "share_of_pairs": float(self.share_of_pairs),
        }
        if self.direction is not None:
            content["direction"] = asdict(self.direction)
        return content


def diagonal_of(coordinates: np.ndarray) -> float:
    """Return the diagonal, in map units, of the bounding box of samples, shape (n_samples, n_dimensions)."""
    return float(np.linalg.norm(np.ptp(coordinates, axis=0)))


def default_max_lag(coordinates: np.ndarray) -> float:
    """Return a third of `diagonal_of` the samples, in map units: the cutoff of R's gstat."""
    return diagonal_of(coordinates) / 3.0


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
    lag_scheme: str = "equal_width",
    edges: Sequence[float] | None = None,
    direction: Direction | None = None,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> ExperimentalVariogram:
    """Compute an experimental variogram, of all directions or of one.

    A lag holds the pairs with ``lower < h <= upper``; coincident pairs (h = 0) belong to the
    first. Memory does not grow with the number of pairs.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    n_lags : int
        Number of lags, 1 or more.
    max_lag : float or None
        Largest separation in map units; default: `default_max_lag`.
    estimator : str
        "matheron" (mean squared difference), "cressie" (mean of square roots), "dowd" (median) or
        "genton" (a quarter quantile of the differences of differences; at most
        `GENTON_DIFFERENCES` a lag, a seeded draw of them beyond).
    lag_scheme : str
        "equal_width" or "equal_counts": as many pairs in every lag, as far as ties allow.
    edges : sequence of float or None
        Upper ends of the lags in map units, ascending; take the place of n_lags, max_lag and
        lag_scheme.
    direction : Direction or None
        Use only pairs in this direction.
    max_pairs : int
        With more pairs than this a share is drawn in which every sample takes part equally
        often and no pair twice. Where differences are ranked it is at most `RANKED_PAIRS`.
    seed : int
        Of that draw.
    progress, is_cancelled : callable

    Returns
    -------
    ExperimentalVariogram

    Raises
    ------
    InputError
        For fewer than 2 samples, samples at one place, settings out of range, or when no pair
        is left.
    Cancelled

    Notes
    -----
    Genton's estimator takes signed differences, as published, each from the sample farther south
    (west on a tie). scikit-gstat's class hands its estimator absolute ones, which makes the
    semivariances of normal data about a quarter of what they should be.

    References
    ----------
    Matheron, G. (1962). Traite de geostatistique appliquee. Cressie, N. & Hawkins, D. M.
    (1980). Robust estimation of the variogram. Math. Geol. 12, 115-125; as in Cressie
    (1993), eq. 2.4.12, and gstat. Dowd, P. A. (1984). The variogram and kriging: robust and
    resistant estimators. Genton, M. G. (1998). Highly robust variogram estimation. Math. Geol.
    30, 213-221.

    Examples
    --------
    >>> xy = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> table = experimental_variogram(xy, np.array([1.0, 2.0, 4.0]), n_lags=2, max_lag=2.0)
    >>> table.lags, table.semivariances, table.pair_counts
    (array([1., 2.]), array([1.25, 4.5 ]), array([2, 1]))
    """
    _require_estimator(estimator)
    if lag_scheme not in LAG_SCHEMES:
        raise InputError(f"Expected a lag scheme out of {', '.join(LAG_SCHEMES)}, got {lag_scheme!r}.")
    ranked = estimator in ("dowd", "genton")
    equal_counts = lag_scheme == "equal_counts" and edges is None
    most = min(max_pairs, RANKED_PAIRS) if ranked or equal_counts else max_pairs
    pairs = Pairs.of(coordinates, values, most, seed)
    if edges is not None:
        upper = _checked_edges(edges)
    else:
        if n_lags < 1:
            raise InputError(f"Expected at least 1 lag, got {n_lags}.")
        upper = lag_edges(reach_of(pairs, max_lag), n_lags)
    reach = float(upper[-1])
    if equal_counts:
        upper = _equal_count_edges(pairs, n_lags, reach, direction, part(progress, 0.0, 0.5), is_cancelled)
        progress = part(progress, 0.5, 1.0)

    bounds = np.concatenate([[0.0], upper])
    n = len(upper)
    counts = np.zeros(n + 1, dtype=np.int64)
    lag_sums, value_sums = np.zeros(n + 1), np.zeros(n + 1)
    kept_places: list[np.ndarray] = []
    kept_differences: list[np.ndarray] = []
    for _, _, step, difference in pairs.steps(direction, progress, is_cancelled):
        lag = np.sqrt(np.einsum("pd,pd->p", step, step))
        # searchsorted from the left: lower < h <= upper; h = 0 moves from place 0 into the first lag.
        place = np.maximum(np.searchsorted(bounds, lag, side="left"), 1) - 1
        counts += np.bincount(place, minlength=n + 1)[: n + 1]
        lag_sums += np.bincount(place, lag, n + 1)[: n + 1]
        if ranked:
            near = place < n
            kept_places.append(place[near])
            kept_differences.append(_from_the_south(step[near], difference[near]))
        else:
            contribution = difference * difference if estimator == "matheron" else np.sqrt(np.abs(difference))
            value_sums += np.bincount(place, contribution, n + 1)[: n + 1]

    kept = np.flatnonzero(counts[:n] > (1 if estimator == "genton" else 0))
    if len(kept) == 0:
        where = "" if direction is None else f" in the direction {direction.name} (tolerance {direction.tolerance:g}°)"
        raise InputError(
            f"No two samples{where} are closer than the largest lag of {reach:g} map units. Enter a larger one."
        )
    count = counts[kept]
    if ranked:
        semivariances = _ranked(
            estimator, np.concatenate(kept_places), np.concatenate(kept_differences), kept, np.random.default_rng(seed)
        )
    else:
        mean = value_sums[kept] / count
        semivariances = 0.5 * (mean if estimator == "matheron" else mean**4 / (0.457 + 0.494 / count))
    return ExperimentalVariogram(
        lag_sums[kept] / count, semivariances, count, estimator, reach, pairs.used / pairs.total, direction
    )


def reach_of(pairs: Pairs, max_lag: float | None) -> float:
    """Return the largest lag in map units, by default gstat's cutoff.

    Raises
    ------
    InputError
        When it is not above 0, or samples lie at one place.
    """
    if max_lag is None:
        max_lag = default_max_lag(pairs.coordinates)
        if max_lag == 0:
            raise InputError(
                f"All {len(pairs.values)} samples lie at one place: a variogram needs distances between them."
            )
    if not (np.isfinite(max_lag) and max_lag > 0):
        raise InputError(f"Expected a largest lag above 0 map units, got {max_lag!r}.")
    return float(max_lag)


def _checked_edges(edges: Sequence[float]) -> np.ndarray:
    """Return given upper ends of lags, refusing what is not ascending from above 0."""
    upper = np.asarray(edges, dtype=float)
    if upper.ndim != 1 or len(upper) == 0 or not np.isfinite(upper).all() or not (np.diff(upper, prepend=0) > 0).all():
        raise InputError(f"Expected upper ends of lags above 0 and ascending, got {list(edges)!r}.")
    return upper


def _equal_count_edges(
    pairs: Pairs,
    n_lags: int,
    max_lag: float,
    direction: Direction | None,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> np.ndarray:
    """Return upper ends of lags with as many pairs in each, as far as equal distances allow."""
    kept = []
    for _, _, step, _ in pairs.steps(direction, progress, is_cancelled):
        lag = np.sqrt(np.einsum("pd,pd->p", step, step))
        kept.append(lag[lag <= max_lag])
    lags = np.sort(np.concatenate(kept))
    if len(lags) == 0:
        return np.array([max_lag])
    last = np.ceil(len(lags) * np.arange(1, n_lags + 1) / n_lags).astype(int) - 1
    upper = np.unique(lags[last])
    return upper[upper > 0] if upper[-1] > 0 else np.array([max_lag])


def _from_the_south(step: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Return differences as from the sample farther south, west or below, whatever the order of the rows."""
    backwards = np.zeros(len(step), dtype=bool)
    level = np.ones(len(step), dtype=bool)
    for axis in (1, 0, 2)[: step.shape[1]]:
        backwards |= level & (step[:, axis] < 0)
        level &= step[:, axis] == 0
    return np.where(backwards, -difference, difference)


def _ranked(
    estimator: str, places: np.ndarray, differences: np.ndarray, kept: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the semivariances of the kept lags by an estimator that ranks differences."""
    order = np.argsort(places, kind="stable")
    differences = differences[order]
    starts = np.searchsorted(places[order], kept, side="left")
    stops = np.searchsorted(places[order], kept, side="right")
    semivariances = np.empty(len(kept))
    for i, (start, stop) in enumerate(zip(starts, stops)):
        lag = differences[start:stop]
        if estimator == "dowd":
            semivariances[i] = 0.5 * 2.198 * np.median(np.abs(lag)) ** 2
        else:
            semivariances[i] = 0.5 * (2.219 * _genton_quantile(lag, generator)) ** 2
    return semivariances


def _genton_quantile(differences: np.ndarray, generator: np.random.Generator) -> float:
    """Return the quantile k / q of the absolute differences of differences."""
    n = len(differences)
    # k = (n/2 + 1 over 2) and q = (n over 2), as scikit-gstat has them; a quarter from 500 on.
    share = 0.25 if n >= 500 else (n / 2 + 1) * (n / 2) / (n * (n - 1))
    if n > GENTON_DIFFERENCES:
        differences = generator.choice(differences, GENTON_DIFFERENCES, replace=False)
    first, second = np.triu_indices(len(differences), 1)
    return float(np.quantile(np.abs(differences[first] - differences[second]), share))


def _require_estimator(estimator: str) -> None:
    """Refuse an unknown estimator."""
    if estimator not in ESTIMATORS:
        raise InputError(f"Expected a semivariance estimator out of {', '.join(ESTIMATORS)}, got {estimator!r}.")
