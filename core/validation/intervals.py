"""Prediction intervals that hold: conformal quantiles of errors measured in units of sigma.

A kriging standard deviation orders places by uncertainty well but is often too wide or too
narrow as a whole. The errors ``|observed - predicted| / sigma`` of predictions made without the
sample (leave-one-out) say by how much: their conformal quantile q gives ``estimate +- q sigma``.

References
----------
Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World.
Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113, 1094-1111.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import InputError


def normalized_scores(errors: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return |error| / sigma.

    Parameters
    ----------
    errors : ndarray
        Observed - predicted, on the scale of kriging.
    sigma : ndarray, same shape
        Kriging standard deviation of the same predictions; 0 only where the error is 0.

    Returns
    -------
    ndarray, same shape
        Dimensionless; infinite where sigma is 0 and the error is not.

    Raises
    ------
    InputError
        When an error or sigma is NaN, or a sigma below 0.
    """
    errors, sigma = np.abs(np.asarray(errors, dtype=float)), np.asarray(sigma, dtype=float)
    if np.isnan(errors).any() or not (sigma >= 0).all():
        raise InputError(
            "Expected errors without NaN and kriging standard deviations of 0 or above, got "
            f"{int(np.isnan(errors).sum())} NaN errors and {int((~(sigma >= 0)).sum())} unusable standard deviations."
        )
    return np.divide(errors, sigma, out=np.where(errors == 0, 0.0, np.inf), where=sigma > 0)


def conformal_quantile(scores: np.ndarray, coverage: float) -> float:
    """Return the score that a new one stays within with the wanted probability.

    With n exchangeable scores it is the k-th smallest, k = ceil((n + 1) coverage): the (n + 1)
    makes the coverage hold for a new sample, not for the n at hand.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        `normalized_scores` of predictions that did not use the sample.
    coverage : float
        Between 0 and 1, 0.9 for a 90 % interval.

    Returns
    -------
    float
        Multiplier of sigma.

    Raises
    ------
    InputError
        When a score is NaN, the coverage lies outside 0 to 1, or the scores are too few for it:
        k would exceed n, and the honest interval would be infinite.

    Examples
    --------
    >>> conformal_quantile(np.arange(1, 20), 0.9)  # ceil(20 x 0.9) = 18th of 19
    18.0
    """
    scores = np.sort(np.asarray(scores, dtype=float).ravel())
    if not 0 < coverage < 1:
        raise InputError(f"Expected a coverage between 0 and 1, for example 0.9, got {coverage:g}.")
    if np.isnan(scores).any():
        raise InputError(f"Expected scores without NaN, got {int(np.isnan(scores).sum())} NaN of {len(scores)}.")
    # rounding keeps (n + 1) coverage = 18.000000000000004 from asking for the 19th
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    if rank > len(scores):
        needed = math.ceil(round(coverage / (1 - coverage), 9))
        raise InputError(
            f"A {100 * coverage:g} % interval needs at least {needed} errors to learn from, got {len(scores)}. "
            "Ask for a lower coverage, or add samples."
        )
    return float(scores[rank - 1])


def highest_coverage(n_scores: int) -> float:
    """Return the highest coverage that n scores can vouch for, n / (n + 1)."""
    return n_scores / (n_scores + 1)


def coverage(observed: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Return the share of observations inside their closed interval.

    Parameters
    ----------
    observed, lower, upper : ndarray, shape (n,)
        In one unit.

    Returns
    -------
    float
        0 to 1.
    """
    observed = np.asarray(observed, dtype=float)
    return float(np.mean((observed >= lower) & (observed <= upper)))
