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
    targets: Sequence[Calibrated],
    centre: np.ndarray,
    sigma: np.ndarray,
    coverage: float,
    remoteness: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends of intervals in data units.

    Parameters
    ----------
    targets : sequence of Calibrated
    centre, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    coverage : float
        Wanted share of true values inside, between 0 and 1.
    remoteness : ndarray, shape (n, n_targets), or None
        How far from samples places are, 0 to 1; None: 0.

    Returns
    -------
    lower, upper : ndarray, shape (n, n_targets)

    Raises
    ------
    InputError
        For a coverage that is not between 0 and 1.
    """
    lower, upper = np.empty((2, *centre.shape))
    for column, target in enumerate(targets):
        remote = None if remoteness is None else remoteness[:, column]
        reach = target.intervals.multiplier(coverage, remote) * sigma[:, column]
        lower[:, column] = target.transform.inverse(centre[:, column] - reach)
        upper[:, column] = target.transform.inverse(centre[:, column] + reach)
    return lower, upper


def quantiles_about(
    targets: Sequence[Calibrated], centre: np.ndarray, sigma: np.ndarray, remoteness: np.ndarray | None = None
) -> np.ndarray:
    """Return the quantiles of `PredictiveDistribution` in data units, shape (n, n_targets, len(LEVELS)).

    Parameters
    ----------
    targets : sequence of Calibrated
    centre, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    remoteness : ndarray, shape (n, n_targets), or None
        As in `interval_ends`.
    """
    quantiles = np.empty((*centre.shape, len(LEVELS)))
    for column, target in enumerate(targets):
        remote = None if remoteness is None else remoteness[:, [column]]
        reach = target.intervals.reach(LEVELS, remote)
        quantiles[:, column] = target.transform.inverse(centre[:, [column]] + sigma[:, [column]] * reach)
    return quantiles
