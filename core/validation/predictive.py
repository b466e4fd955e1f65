"""What a method says about unsampled places: an estimate and the quantiles around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional, Protocol, Union

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent
from ..samples import Covariates, Samples
from ..transforms import Transform

LEVELS = (2 * np.arange(30) + 1) / 60
"""Probabilities of the quantiles: midpoints of 30 equal parts, 0.05 and 0.95 among them."""

_LOWER, _UPPER = 1, 28  # LEVELS[1] = 0.05, LEVELS[28] = 0.95


def normal_reach() -> np.ndarray:
    """Return the ends of the 90 % interval of a standard normal distribution, shape (2,)."""
    from scipy.special import ndtri

    return ndtri(LEVELS[[_LOWER, _UPPER]])


@dataclass(frozen=True)
class PredictiveDistribution:
    """Estimates of several targets at a set of locations, in data units.

    Parameters
    ----------
    estimate : ndarray, shape (n_locations, n_targets)
        The mean; it is what RMSE judges.
    quantiles : ndarray, shape (n_locations, n_targets, len(LEVELS))
        At the probabilities of `LEVELS`, ascending; they give median, 90 % interval and CRPS.
    notes : tuple of str
        What a reader has to know, for example where a method had to fall back.
    own_interval : ndarray, shape (n_locations, n_targets, 2), or None
        The 90 % interval as the method alone would give it, before it was calibrated on held-out errors;
        None where the quantiles are the method's own.

    Raises
    ------
    InputError
        When the shapes disagree.
    """

    estimate: np.ndarray
    quantiles: np.ndarray
    notes: tuple[str, ...] = ()
    own_interval: np.ndarray | None = None

    def __post_init__(self) -> None:
        estimate = np.asarray(self.estimate, dtype=float)
        quantiles = np.asarray(self.quantiles, dtype=float)
        if estimate.ndim != 2 or quantiles.shape != (*estimate.shape, len(LEVELS)):
            raise InputError(
                f"Expected estimates of shape (n_locations, n_targets) with {len(LEVELS)} quantiles each, "
                f"got shapes {estimate.shape} and {quantiles.shape}."
            )
        if self.own_interval is not None and self.own_interval.shape != (*estimate.shape, 2):
            raise InputError(f"Expected an own interval of two ends each, got shape {self.own_interval.shape}.")
        object.__setattr__(self, "estimate", estimate)
        object.__setattr__(self, "quantiles", quantiles)

    def __len__(self) -> int:
        return len(self.estimate)

    def of(self, rows: np.ndarray, column: int) -> PredictiveDistribution:
        """Return the prediction of one target at some locations."""
        own = None if self.own_interval is None else self.own_interval[rows, column : column + 1]
        one = slice(column, column + 1)
        return PredictiveDistribution(self.estimate[rows, one], self.quantiles[rows, one], self.notes, own)

    @property
    def median(self) -> np.ndarray:
        """Midway between the two middle quantiles, shape (n_locations, n_targets)."""
        middle = len(LEVELS) // 2
        return 0.5 * (self.quantiles[..., middle - 1] + self.quantiles[..., middle])

    @property
    def lower(self) -> np.ndarray:
        """Lower end of the 90 % interval, shape (n_locations, n_targets)."""
        return self.quantiles[..., _LOWER]

    @property
    def upper(self) -> np.ndarray:
        """Upper end of the 90 % interval, shape (n_locations, n_targets)."""
        return self.quantiles[..., _UPPER]


def joined(parts: Sequence[PredictiveDistribution]) -> PredictiveDistribution:
    """Return predictions of one target each as the prediction of all of them."""
    own = [part.own_interval for part in parts if part.own_interval is not None]
    return PredictiveDistribution(
        np.hstack([part.estimate for part in parts]),
        np.concatenate([part.quantiles for part in parts], axis=1),
        tuple(dict.fromkeys(text for part in parts for text in part.notes)),
        np.concatenate(own, axis=1) if len(own) == len(parts) else None,
    )


Predictor = Callable[[np.ndarray, Optional[Covariates]], PredictiveDistribution]
"""Called with coordinates, shape (m, 2 or 3), and covariates (None where there are none)."""


class Method(Protocol):
    """Called with training samples and a seed; learns from nothing else.

    It reports its progress, 0 to 1, and asks `is_cancelled` before everything that takes seconds.
    """

    def __call__(
        self, training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        """Fit to the training samples."""
        ...


Transforms = Union[Transform, "dict[str, Transform]"]
"""One transform for every target, or one for each target's name."""

UNTRANSFORMED = Transform()


def transform_of(transforms: Transforms, training: Samples, target: str) -> Transform:
    """Return the transform of one target, fitted to the training samples and to nothing else.

    Parameters found elsewhere, such as the table of normal scores in a variogram file, may know held-out values.

    Raises
    ------
    InputError
        When there is none for it.
    """
    if isinstance(transforms, Transform):
        found = transforms
    elif target in transforms:
        found = transforms[target]
    else:
        raise InputError(f"Expected a transform for each target, got none for {target} (only {', '.join(transforms)}).")
    return Transform(found.kind).fitted(training.of(target).values[:, 0], target)
