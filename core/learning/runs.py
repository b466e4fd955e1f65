"""What runs of training have in common: scales, mini-batches, another try when a loss is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional, TypeVar

import numpy as np

from ..errors import InputError
from ..progress import Progress
from .layers import Weights

_OUTPUT_KERNELS = ("output_kernel", "linear_kernel")
"""Kernels whose columns are targets."""

Run = TypeVar("Run")


@dataclass(frozen=True)
class Scales:
    """Mean and standard deviation of the targets in the rows each member learns from.

    Parameters
    ----------
    means, scales : ndarray, shape (n_members, n_targets)
    """

    means: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray, learned: Sequence[np.ndarray]) -> Scales:
        """Find them.

        Parameters
        ----------
        targets : ndarray, shape (n_samples, n_targets)
            NaN where one was not measured.
        learned : sequence of ndarray of int
            Rows each member learns from.
        """
        means = np.stack([np.nanmean(targets[rows], axis=0) for rows in learned])
        scales = np.stack([np.nanstd(targets[rows], axis=0) for rows in learned])
        scales[scales == 0] = 1.0
        return cls(means, scales)

    def standardized(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as each member sees them, shape (n_members, n_samples, n_targets)."""
        return (targets[None] - self.means[:, None]) / self.scales[:, None]

    def of_targets(self, weights: Weights) -> Weights:
        """Return weights whose output is on the scale of the targets, from those for standardised ones."""
        factors = self.scales[:, None, :]
        kernels = {name: weights[name] * factors for name in _OUTPUT_KERNELS if name in weights}
        return _replaced(weights, {**kernels, "output_bias": weights["output_bias"] * self.scales + self.means})

    def of_standardized(self, weights: Weights) -> Weights:
        """Return weights whose output is standardised, from those on the scale of the targets."""
        factors = self.scales[:, None, :]
        kernels = {name: weights[name] / factors for name in _OUTPUT_KERNELS if name in weights}
        return _replaced(weights, {**kernels, "output_bias": (weights["output_bias"] - self.means) / self.scales})


def _replaced(weights: Weights, others: Weights) -> Weights:
    """Return weights with some of them replaced, in float32."""
    return {**weights, **{name: array.astype(np.float32) for name, array in others.items()}}


def with_weights(standardized: np.ndarray, learned: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """Return targets as a trainer takes them, and whether there are gaps among them.

    Where some were not measured, weights follow: 0 for these, and for the others of a target as much more as it was
    measured more rarely, so that all targets count the same.

    Parameters
    ----------
    standardized : ndarray, shape (n_members, n_samples, n_targets)
        NaN where a target was not measured.
    learned : sequence of ndarray of int
        Rows each member learns from.

    Returns
    -------
    targets : ndarray, shape (n_members, n_samples, n_targets or 2 n_targets)
    has_gaps : bool
    """
    known = ~np.isnan(standardized)
    if known.all():
        return standardized, False
    share = np.stack([own[rows].mean(axis=0) for own, rows in zip(known, learned)])
    return np.concatenate([np.where(known, standardized, 0.0), known / share[:, None]], axis=2), True


class Batches:
    """Mini-batches of the rows of every member, shuffled anew for each epoch.

    Parameters
    ----------
    learned : sequence of ndarray of int
        Rows each member learns from.
    batch_size : int
        At most; ``size`` is what is taken.
    """

    def __init__(self, learned: Sequence[np.ndarray], batch_size: int) -> None:
        longest = max(len(rows) for rows in learned)
        self._learned = learned
        self.size = min(batch_size, longest)
        self.n_steps = -(-longest // self.size)

    def shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Return the rows of an epoch, shape (n_steps, n_members, size)."""
        # np.resize repeats the shuffled rows cyclically, so that members of unequal size share one shape.
        order = np.stack([np.resize(rng.permutation(rows), self.n_steps * self.size) for rows in self._learned])
        return order.reshape(len(order), self.n_steps, self.size).transpose(1, 0, 2)


def until_finite(train: Callable[[float], Optional[Run]], rate: float, progress: Progress) -> tuple[Run, float]:
    """Train, and again at a third of the learning rate where a loss is not finite.

    Parameters
    ----------
    train : callable
        From the learning rate to what the training made, or None where a loss is not finite.
    rate : float
    progress : Progress

    Returns
    -------
    made : object
    rate : float
        The one that served.

    Raises
    ------
    InputError
        When training diverges at every learning rate tried.
    """
    first = rate
    for _ in range(3):
        made = train(rate)
        if made is not None:
            return made, rate
        progress(0.0, f"Training diverged at learning rate {rate:g}; starting again at {rate / 3:g}")
        rate /= 3
    raise InputError(
        f"Training the network diverged at learning rates from {first:g} down to {3 * rate:g}. "
        "Look for extreme values among the covariates and targets, or transform the target."
    )
