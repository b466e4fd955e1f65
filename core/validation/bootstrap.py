"""How much scores would vary by chance: resamples of whole spatial clusters.

Neighbouring residuals are alike; a bootstrap of single ones would make intervals too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

FEWEST_CLUSTERS = 5
"""With samples in fewer of the clusters a score of them has no interval: resamples of so few vary too little."""


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

        Parameters
        ----------
        clusters : ndarray, shape (n_samples,)
            Spatial cluster of each sample, any labels.
        seed, n_resamples : int

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

    @property
    def n_occupied(self) -> int:
        """Number of clusters that hold samples; fewer than all of them after `only`."""
        return len(np.unique(self.clusters))

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values, shape (n,), over the samples of each resample.

        NaN counts as not there; a resample in which nothing is there has the mean of all.
        """
        known = ~np.isnan(values)
        size = np.bincount(self.clusters[known], minlength=self.n_clusters)
        total = np.bincount(self.clusters[known], values[known], minlength=self.n_clusters)
        drawn = self.counts @ size
        sums = self.counts @ total
        return np.where(drawn > 0, sums, total.sum()) / np.where(drawn > 0, drawn, size.sum())

    def only(self, members: np.ndarray) -> ClusterBootstrap:
        """Return the same resamples of some of the samples, given by a mask."""
        return ClusterBootstrap(self.clusters[members], self.counts)

    def interval(self, replicates: np.ndarray, level: float = 0.95) -> tuple[float, float]:
        """Return the expanded percentile interval of replicated scores.

        Percentiles are moved outwards for the number of clusters c that hold samples, to
        Phi(+-sqrt(c / (c - 1)) t), because plain percentile intervals of few clusters are too narrow.

        Parameters
        ----------
        replicates : ndarray, shape (n,)
            The score in each resample, none of them NaN.
        level : float
            Share that the interval is to cover.

        Returns
        -------
        low, high : float

        References
        ----------
        Hesterberg (2015), What teachers should know about the bootstrap, Am. Stat. 69, 371-386, section 4.
        """
        from scipy.special import ndtr, stdtrit

        c = self.n_occupied
        tail = float(ndtr(math.sqrt(c / (c - 1)) * stdtrit(c - 1, (1 - level) / 2)))
        low, high = np.quantile(replicates, [tail, 1 - tail])
        return float(low), float(high)

    def ratio_interval(self, difference: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of RMSE(difference) / RMSE(reference).

        Parameters
        ----------
        difference, reference : ndarray, shape (n_samples,)
            Residuals of the same samples, in the same unit.

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
