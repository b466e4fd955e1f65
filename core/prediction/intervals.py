"""Intervals and quantiles of predictions: multiples of sigma about the centre, taken back to data units one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..transforms import Transform
from ..validation.intervals import IntervalTable
from ..validation.predictive import LEVELS


class Calibrated(Protocol):
    """A target with its transform and the multipliers of sigma found on held-out errors."""

    @property
    def transform(self) -> Transform:
        """From data units to the scale of prediction."""
        ...

    @property
    def intervals(self) -> IntervalTable:
        """Multipliers of sigma by coverage."""
        ...


def interval_ends(
    targets: Sequence[Calibrated], centre: np.ndarray, sigma: np.ndarray, multipliers: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends of intervals in data units.

    Parameters
    ----------
    targets : sequence of Calibrated
    centre, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    multipliers : sequence of float
        Of sigma, one a target.

    Returns
    -------
    lower, upper : ndarray, shape (n, n_targets)
    """
    lower, upper = np.empty((2, *centre.shape))
    for column, target in enumerate(targets):
        reach = multipliers[column] * sigma[:, column]
        lower[:, column] = target.transform.inverse(centre[:, column] - reach)
        upper[:, column] = target.transform.inverse(centre[:, column] + reach)
    return lower, upper


def quantiles_about(targets: Sequence[Calibrated], centre: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the quantiles of `PredictiveDistribution` in data units, shape (n, n_targets, len(LEVELS)).

    Parameters
    ----------
    targets : sequence of Calibrated
    centre, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    """
    quantiles = np.empty((*centre.shape, len(LEVELS)))
    for column, target in enumerate(targets):
        reach = target.intervals.reach(LEVELS)
        quantiles[:, column] = target.transform.inverse(centre[:, [column]] + sigma[:, [column]] * reach)
    return quantiles
