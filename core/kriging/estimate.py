"""What kriging gives at a set of locations, and what it says about its own quality."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Reason(IntEnum):
    """Why a location has no estimate."""

    ESTIMATED = 0
    """It has one."""
    NO_NEIGHBORS = 1
    """No sample is within the search radius."""
    FEW_NEIGHBORS = 2
    """Fewer samples than `Neighborhood.min_neighbors` are in reach."""
    THIN_SECTOR = 3
    """A sector holds fewer samples than `Neighborhood.min_per_sector`."""
    DRIFT_UNKNOWN = 4
    """The drift is not known there."""
    DRIFT_NOT_SAMPLED = 5
    """The drift leaves the directions the samples determine: a class never sampled."""
    DRIFT_UNDETERMINED = 6
    """The neighbours leave a direction of the drift undetermined, or a sample does where it is left out."""


@dataclass(frozen=True)
class KrigingEstimate:
    """Kriging at a set of locations.

    Parameters
    ----------
    estimate : ndarray, shape (n,)
        In data units; NaN where no estimate is possible.
    kriging_variance : ndarray, shape (n,)
        In squared data units; NaN with the estimate.
    n_neighbors : ndarray of int, shape (n,)
        Samples used.
    smoothing_variance : ndarray, shape (n,)
        Prior variance minus the variance of the estimate, which is the kriging variance plus twice the
        Lagrange terms mu'f: how much smoother the estimate is than the variable. In squared data
        units; the unbiased way back from logarithms needs it (`Transform.back_transform`).
    prior_variance : float
        Variance of what is estimated: C(0) for a point, the variance of a block's mean for a block.
    reason : ndarray of int, shape (n,), or None
        A `Reason` each; None says no more than which locations have no estimate.
    """

    estimate: np.ndarray
    kriging_variance: np.ndarray
    n_neighbors: np.ndarray
    smoothing_variance: np.ndarray
    prior_variance: float = float("nan")
    reason: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.estimate)

    def rows(self, which: np.ndarray) -> KrigingEstimate:
        """Return the estimates at some of the locations, by index or boolean mask, shape (n_locations,)."""
        return KrigingEstimate(
            self.estimate[which],
            self.kriging_variance[which],
            self.n_neighbors[which],
            self.smoothing_variance[which],
            self.prior_variance,
            None if self.reason is None else self.reason[which],
        )

    @property
    def kriging_std(self) -> np.ndarray:
        """Square root of the kriging variance, shape (n_locations,), in data units."""
        return np.sqrt(self.kriging_variance)

    @property
    def lagrange_multiplier(self) -> np.ndarray:
        """Sum of the Lagrange terms mu'f, with the sign of ``K w + F mu = c``, in squared data units.

        In ordinary kriging it is the multiplier itself; 0 in simple kriging.
        """
        return 0.5 * (self.smoothing_variance - self.kriging_variance)

    @property
    def estimate_variance(self) -> np.ndarray:
        """Variance of the estimate itself, w'K w, shape (n_locations,), in squared data units."""
        return self.prior_variance - self.smoothing_variance

    @property
    def regression_slope(self) -> np.ndarray:
        """Slope of the regression of the true value on the estimate: 1 without conditional bias.

        ``Cov(true, estimate) / Var(estimate)``; NaN where the estimate does not vary.

        References
        ----------
        Rivoirard, J. (1987). Two key parameters when choosing the kriging neighborhood. Math. Geol. 19(8).
        """
        spread = self.estimate_variance
        covariance = 0.5 * (self.prior_variance + spread - self.kriging_variance)
        return np.divide(covariance, spread, out=np.full(len(self), np.nan), where=spread > 0)

    @property
    def efficiency(self) -> np.ndarray:
        """Kriging efficiency, 1 - kriging variance / prior variance: 1 at best, below 0 worse than the mean.

        NaN where what is estimated does not vary (the mean of a block under a pure nugget).

        References
        ----------
        Krige, D. G. (1997). A practical analysis of the effects of spatial structure and of data
        available and accessed, on conditional biases in ordinary kriging. Geostatistics Wollongong '96.
        """
        return 1.0 - self.kriging_variance / (self.prior_variance or np.nan)
