"""How good a prediction can be at all: what duplicates say about the noise of single measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

import numpy as np

from ..coincident import repeat_variance
from ..samples import Samples

LEAST_DEGREES = 3
"""With fewer degrees of freedom duplicates say too little to hold a score against them."""


@dataclass(frozen=True)
class NoiseCeiling:
    """The highest R2 that predictions of single measurements can honestly reach.

    Parameters
    ----------
    variance : float
        Of the error of one measurement, squared data units.
    n_degrees : int
        Of freedom of that variance.
    r2, low, high : float
        1 - variance / variance of the samples, with its 95 % interval; never below 0.
    r2_log : float
        The same of logarithms; NaN where a value is not above 0.
    """

    variance: float
    n_degrees: int
    r2: float
    low: float
    high: float
    r2_log: float


def noise_ceilings(samples: Samples) -> dict[str, NoiseCeiling]:
    """Return the ceiling of every target whose samples share locations; empty where none do.

    A location measured twice shows how far two measurements of the same thing differ. No map can predict
    that difference, so R2 above the ceiling means that held-out values were known.

    Parameters
    ----------
    samples : Samples
        With their duplicates, not averaged.

    References
    ----------
    Thompson, M. & Howarth, R. J. (1976). Duplicate analysis in geochemical practice. Analyst 101.
    """
    found = {}
    for target in samples.targets:
        own = samples.of(target)
        ceiling = _ceiling(own.coordinates, own.values[:, 0])
        if ceiling is not None:
            found[target] = ceiling
    return found


def _ceiling(coordinates: np.ndarray, values: np.ndarray) -> Optional[NoiseCeiling]:
    from scipy.stats import chi2

    variance, n_degrees = repeat_variance(coordinates, values)
    total = float(np.var(values))
    if n_degrees == 0 or total == 0:
        return None

    def share(noise: float, whole: float) -> float:
        return max(0.0, 1.0 - noise / whole)

    ends = [variance * n_degrees / float(chi2.ppf(level, n_degrees)) for level in (0.025, 0.975)]
    r2_log = math.nan
    if (values > 0).all():
        r2_log = share(repeat_variance(coordinates, np.log(values))[0], float(np.var(np.log(values))))
    return NoiseCeiling(
        variance, n_degrees, share(variance, total), share(ends[0], total), share(ends[1], total), r2_log
    )
