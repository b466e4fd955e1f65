"""Scores of predictions against observations, and how much they would vary by chance.

Conventions: residual = observed - predicted; scores are pooled over all folds, never averaged
over folds; intervals come from a bootstrap of whole spatial clusters, because neighbouring
residuals are alike and single ones would make the interval too narrow. All arrays are of shape (n,),
in data units unless a function says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .intervals import coverage

__all__ = [
    "ClusterBootstrap",
    "bias",
    "ccc",
    "coverage",
    "crps_from_quantiles",
    "crps_normal",
    "mae",
    "msdr",
    "r2",
    "r2_log",
    "residuals",
    "rmse",
    "width",
]


def residuals(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return observed - predicted.

    Raises
    ------
    InputError
        When there is nothing to compare, the shapes differ, or a value is not finite.
    """
    observed, predicted = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    if observed.shape != predicted.shape or observed.size == 0:
        raise InputError(
            f"Expected as many predictions as observations, got shapes {predicted.shape} and {observed.shape}."
        )
    difference = observed - predicted
    if not np.isfinite(difference).all():
        raise InputError(
            f"Expected finite observations and predictions, got {int((~np.isfinite(difference)).sum())} unusable pairs "
            f"of {difference.size}."
        )
    return difference


def rmse(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return the root mean squared residual, in data units.

    Examples
    --------
    >>> rmse(np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, 2.0, 3.0, 3.0]))
    1.0
    """
    return math.sqrt(float(np.mean(residuals(observed, predicted) ** 2)))


def mae(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean absolute residual, in data units."""
    return float(np.mean(np.abs(residuals(observed, predicted))))


def bias(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean residual, observed - predicted: above 0 where a method predicts too little."""
    return float(np.mean(residuals(observed, predicted)))


def r2(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return 1 - (squared residuals) / (squared deviations of the observations from their mean).

    1 is perfect, 0 as good as the mean of all observations, below 0 worse. It is not a squared
    correlation. NaN where all observations are equal.
    """
    difference = residuals(observed, predicted)
    total = float(np.sum((observed - np.mean(observed)) ** 2))
    return 1.0 - float(np.sum(difference**2)) / total if total > 0 else math.nan


def r2_log(observed: np.ndarray, median: np.ndarray) -> float:
    """Return `r2` of natural logarithms.

    Parameters
    ----------
    observed, median : ndarray, shape (n,)
        In data units; the median because the logarithm of a back-transformed mean is biased.

    Returns
    -------
    float
        NaN where a value is not above 0.
    """
    observed, median = np.asarray(observed, dtype=float), np.asarray(median, dtype=float)
    if not ((observed > 0).all() and (median > 0).all()):
        return math.nan
    return r2(np.log(observed), np.log(median))


def ccc(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return Lin's concordance correlation: agreement with the 1:1 line, -1 to 1.

    Variances are divided by n, as Lin defined it; NaN where both sides are the same constant.

    References
    ----------
    Lin (1989), A concordance correlation coefficient to evaluate reproducibility, Biometrics 45, 255-268.
    """
    difference = residuals(observed, predicted)
    spread = float(np.var(observed) + np.var(predicted))
    distance = spread + float(np.mean(difference)) ** 2
    return (spread - float(np.var(difference))) / distance if distance > 0 else math.nan


def msdr(difference: np.ndarray, variance: np.ndarray) -> float:
    """Return the mean of residual^2 / variance: 1 where variances are right, above 1 where they are too small.

    Raises
    ------
    InputError
        When a variance is not above 0.
    """
    variance = np.asarray(variance, dtype=float)
    if not (variance > 0).all():
        raise InputError(f"Expected variances above 0, got {int((~(variance > 0)).sum())} that are not.")
    return float(np.mean(np.asarray(difference, dtype=float) ** 2 / variance))


def width(lower: np.ndarray, upper: np.ndarray) -> float:
    """Return the mean width of intervals, in data units."""
    return float(np.mean(np.asarray(upper, dtype=float) - np.asarray(lower, dtype=float)))


def crps_normal(observed: np.ndarray, mean: np.ndarray, std: np.ndarray) -> float:
    """Return the mean continuous ranked probability score of normal distributions, in data units.

    Parameters
    ----------
    observed, mean, std : ndarray, shape (n,)
        `std` 0 or above; at 0 the score is the absolute residual.

    Returns
    -------
    float
        0 or above; smaller is better.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102, 359-378, section 4.2.
    """
    from scipy.special import ndtr

    difference, std = residuals(observed, mean), np.asarray(std, dtype=float)
    z = np.divide(difference, std, out=np.zeros_like(difference), where=std > 0)
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    score = std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return float(np.mean(np.where(std > 0, score, np.abs(difference))))


def crps_from_quantiles(observed: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> float:
    """Return the mean continuous ranked probability score from quantiles, in data units.

    It is twice the mean quantile (pinball) loss over levels that are midpoints of equal parts of
    0 to 1, which the score's integral is; 30 levels come within about 1 % of it for a normal distribution.

    Parameters
    ----------
    observed : ndarray, shape (n,)
    quantiles : ndarray, shape (n, n_levels)
    levels : ndarray, shape (n_levels,)

    Returns
    -------
    float
        0 or above; smaller is better.

    References
    ----------
    Gneiting and Ranjan (2011), Comparing density forecasts using threshold- and quantile-weighted
    scoring rules, J. Bus. Econ. Stat. 29, 411-422.
    """
    difference = np.asarray(observed, dtype=float)[:, None] - np.asarray(quantiles, dtype=float)
    return 2.0 * float(np.mean(np.maximum(levels * difference, (levels - 1) * difference)))


@dataclass(frozen=True)
class ClusterBootstrap:
    """Resamples of whole spatial clusters; every score that uses one object is paired.

    Parameters
    ----------
    clusters : ndarray of int, shape (n,)
        Cluster of each sample, 0 to n_clusters - 1, none empty.
    counts : ndarray, shape (n_resamples, n_clusters)
        How often each cluster was drawn in each resample.
    """

    clusters: np.ndarray
    counts: np.ndarray

    @classmethod
    def draw(cls, clusters: np.ndarray, seed: int, n_resamples: int = 4000) -> ClusterBootstrap:
        """Draw resamples, each of as many clusters as there are.

        Raises
        ------
        InputError
            When there are fewer than 2 clusters.
        """
        clusters = np.unique(clusters, return_inverse=True)[1].reshape(-1)
        n_clusters = int(clusters.max(initial=-1)) + 1
        if n_clusters < 2:
            raise InputError(f"A bootstrap interval needs at least 2 spatial clusters, got {n_clusters}.")
        draws = np.random.default_rng(seed).integers(n_clusters, size=(n_resamples, n_clusters))
        cells = draws + n_clusters * np.arange(n_resamples)[:, None]
        counts = np.bincount(cells.ravel(), minlength=n_resamples * n_clusters)
        return cls(clusters, counts.reshape(n_resamples, n_clusters).astype(float))

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.counts.shape[1]

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values, shape (n,), over the samples of each resample."""
        size = np.bincount(self.clusters, minlength=self.n_clusters)
        total = np.bincount(self.clusters, values, minlength=self.n_clusters)
        return (self.counts @ total) / (self.counts @ size)

    def interval(self, replicates: np.ndarray, level: float = 0.95) -> tuple[float, float]:
        """Return the expanded percentile interval of replicated scores.

        Percentiles are moved outwards for the number of clusters c, to Phi(+-sqrt(c / (c - 1)) t),
        because plain percentile intervals of few clusters are too narrow.

        References
        ----------
        Hesterberg (2015), What teachers should know about the bootstrap, Am. Stat. 69, 371-386, section 4.
        """
        from scipy.special import ndtr, stdtrit

        c = self.n_clusters
        tail = float(ndtr(math.sqrt(c / (c - 1)) * stdtrit(c - 1, (1 - level) / 2)))
        low, high = np.quantile(replicates, [tail, 1 - tail])
        return float(low), float(high)

    def rmse_interval(self, difference: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of the RMSE of residuals, shape (n,)."""
        return self.interval(np.sqrt(self.means(difference**2)))

    def ratio_interval(self, difference: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of RMSE(difference) / RMSE(reference), both residuals of the same samples.

        Raises
        ------
        InputError
            When the reference has no error in some resample.
        """
        return self.geometric_ratio_interval([difference], [reference])

    def geometric_ratio_interval(
        self, differences: Sequence[np.ndarray], references: Sequence[np.ndarray]
    ) -> tuple[float, float]:
        """Return the 95 % interval of the geometric mean of RMSE ratios over several sets of residuals.

        Parameters
        ----------
        differences, references : sequences of ndarray, shape (n,)
            Pairs of residuals of the same samples, for example one pair a target and fold scheme.

        Raises
        ------
        InputError
            When a reference has no error in some resample.
        """
        logs = np.zeros(len(self.counts))
        for difference, reference in zip(differences, references):
            if difference is reference:
                continue
            above, below = self.means(difference**2), self.means(reference**2)
            if not (below > 0).all():
                raise InputError("The reference method has no error at all in a resample: a ratio to it means nothing.")
            with np.errstate(divide="ignore"):
                logs += 0.5 * np.log(above / below)
        return self.interval(np.exp(logs / len(differences)))
