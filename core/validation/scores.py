"""Every score of one method with its 95 % interval, from the same resamples of spatial clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Optional

import numpy as np

from .bootstrap import FEWEST_CLUSTERS, ClusterBootstrap
from .predictive import LEVELS, PredictiveDistribution

SCORES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R2",
    "bias": "bias",
    "ccc": "CCC",
    "rmse_log": "RMSE (log)",
    "mae_log": "MAE (log)",
    "r2_log": "R2 (log)",
    "bias_log": "bias (log)",
    "ccc_log": "CCC (log)",
    "coverage90": "share inside 90 % intervals",
    "width90": "mean width of 90 % intervals",
    "own_coverage90": "share inside, before calibration",
    "own_width90": "mean width, before calibration",
    "crps": "CRPS",
}
"""Names of scores as in files, and as on pages. The ones on the log scale judge medians."""

PAIRED = ("rmse_difference", "mae_ratio", "crps_ratio", "width_ratio")
"""Scores against the better kriging on the same resamples, besides the ratio of RMSE."""


class Score(NamedTuple):
    """A score with its 95 % interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


UNDEFINED = Score(np.nan, np.nan, np.nan)

Moments = Mapping[str, np.ndarray]
"""Contributions of every sample to means, each of shape (n_samples,)."""


def scores_of(
    observed: np.ndarray, predicted: PredictiveDistribution, column: int, bootstrap: ClusterBootstrap
) -> dict[str, Score]:
    """Score the predictions of one target.

    Parameters
    ----------
    observed : ndarray, shape (n_samples,)
    predicted : PredictiveDistribution
    column : int
        Of the target.
    bootstrap : ClusterBootstrap

    Returns
    -------
    dict of str to Score
        By the names of `SCORES`.
    """
    moments = moments_of(observed, predicted, column)
    whole = _combined({name: np.array([values.mean()]) for name, values in moments.items()})
    resampled = _combined({name: bootstrap.means(values) for name, values in moments.items()})
    return {name: _score(float(whole[name][0]), resampled[name], bootstrap) for name in SCORES}


def paired_scores(
    moments: Moments, reference: Moments, bootstrap: ClusterBootstrap
) -> dict[str, Score]:
    """Score one method against another on the same samples and resamples; see `PAIRED`."""
    pairs = [
        [_combined({name: means(values) for name, values in side.items()}) for side in (moments, reference)]
        for means in (lambda values: np.array([values.mean()]), bootstrap.means)
    ]
    found = {}
    for name in PAIRED:
        whole, resampled = (_against(name, ours, theirs) for ours, theirs in pairs)
        found[name] = _score(float(whole[0]), resampled, bootstrap)
    return found


def moments_of(observed: np.ndarray, predicted: PredictiveDistribution, column: int) -> dict[str, np.ndarray]:
    """Return what every sample adds to the means that scores are made of.

    Parameters
    ----------
    observed : ndarray, shape (n_samples,)
        In data units.
    predicted : PredictiveDistribution
        At the same samples.
    column : int
        Of the target.

    Returns
    -------
    dict of ndarray, shape (n_samples,)
        Errors, their sizes and squares, values and their squares, in data units and, where values and medians are
        all above 0, on logarithms (``_log``); ``inside`` and ``width`` of the 90 % interval; ``crps``, from the
        quantile losses at `LEVELS`. Values are centred at the mean of `observed`.

    References
    ----------
    Gneiting, T., Ranjan, R. (2011). Comparing density forecasts using threshold- and quantile-weighted scoring rules.
    J. Bus. Econ. Stat. 29, 411-422: the CRPS as an integral of quantile losses.
    """
    estimate, median = predicted.estimate[:, column], predicted.median[:, column]
    lower, upper = predicted.lower[:, column], predicted.upper[:, column]
    below = observed[:, None] - predicted.quantiles[:, column]
    centre = observed.mean()
    moments = {
        **_agreement(observed - centre, estimate - centre, ""),
        "inside": ((observed >= lower) & (observed <= upper)).astype(float),
        "width": upper - lower,
        "crps": 2.0 * np.maximum(LEVELS * below, (LEVELS - 1.0) * below).mean(axis=1),
    }
    if (observed > 0).all() and (median > 0).all():
        centre = np.log(observed).mean()
        moments.update(_agreement(np.log(observed) - centre, np.log(median) - centre, "_log"))
    if predicted.own_interval is not None:
        low, high = predicted.own_interval[:, column].T
        moments["own_inside"] = ((observed >= low) & (observed <= high)).astype(float)
        moments["own_width"] = high - low
    return moments


def _agreement(observed: np.ndarray, estimate: np.ndarray, scale: str) -> dict[str, np.ndarray]:
    """Return the moments of observed and predicted values on one scale."""
    error = observed - estimate
    parts = {
        "error": error, "size": np.abs(error), "square": error**2, "observed": observed, "estimate": estimate,
        "observed_square": observed**2, "estimate_square": estimate**2,
    }  # fmt: skip
    return {name + scale: values for name, values in parts.items()}


def _combined(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make the scores of `SCORES` from means, shape (n_resamples,)."""
    nothing = np.full_like(means["inside"], np.nan)
    found = {}
    for scale in ("", "_log"):
        if "error" + scale not in means:
            found.update({name + scale: nothing for name in ("rmse", "mae", "r2", "bias", "ccc")})
            continue
        error, size, square, observed, estimate, observed_square, estimate_square = (
            means[name + scale]
            for name in ("error", "size", "square", "observed", "estimate", "observed_square", "estimate_square")
        )
        spread = observed_square - observed**2
        both = spread + estimate_square - estimate**2
        with np.errstate(divide="ignore", invalid="ignore"):
            found["r2" + scale] = np.where(spread > 0, 1.0 - square / spread, np.nan)
            found["ccc" + scale] = (both - (square - error**2)) / (both + error**2)
        found["rmse" + scale], found["mae" + scale], found["bias" + scale] = np.sqrt(square), size, error
    found["coverage90"], found["width90"], found["crps"] = means["inside"], means["width"], means["crps"]
    found["own_coverage90"] = means.get("own_inside", nothing)
    found["own_width90"] = means.get("own_width", nothing)
    return found


def _against(name: str, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return one score of `PAIRED`."""
    if name == "rmse_difference":
        return ours["rmse"] - theirs["rmse"]
    key = {"mae_ratio": "mae", "crps_ratio": "crps", "width_ratio": "width90"}[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        return ours[key] / theirs[key]


def _score(value: float, replicates: np.ndarray, bootstrap: ClusterBootstrap) -> Score:
    """Put a value and its resamples together; a score that some resample does not define has no interval."""
    if not np.isfinite(value):
        return UNDEFINED
    known = replicates[np.isfinite(replicates)]
    if len(known) < 0.9 * len(replicates):
        return Score(value, np.nan, np.nan)
    return Score(value, *bootstrap.interval(known))


def mean_score(values: np.ndarray, bootstrap: ClusterBootstrap, members: Optional[np.ndarray] = None) -> Score:
    """Return the mean of values, shape (n_samples,), over some or all samples, with its interval.

    Some of them in fewer than `FEWEST_CLUSTERS` clusters have none.
    """
    member = np.ones(len(values)) if members is None else np.asarray(members, dtype=float)
    if not member.any():
        return UNDEFINED
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = bootstrap.means(values * member) / bootstrap.means(member)
    mean, own = float((values * member).sum() / member.sum()), bootstrap.only(member > 0)
    if own.n_occupied < min(FEWEST_CLUSTERS, bootstrap.n_occupied):
        return Score(mean, np.nan, np.nan)
    return _score(mean, replicates, own)
