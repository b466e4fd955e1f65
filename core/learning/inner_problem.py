"""One network and its inner folds, ready to be trained again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..features.sequences import SequenceFeatures
from ..progress import IsCancelled, Progress, never, silent
from .architectures import Schedule, Sizes, network_for
from .ensembles import MemberRows, NetworkEnsemble, train_ensemble
from .layers import Weights


def group_factors(groups: Sequence[str], weights: Mapping[str, float]) -> np.ndarray:
    """Return the factor of each column, shape (n_columns,), the weight of its group; 1 for a group without a weight."""
    return np.array([weights.get(group, 1.0) for group in groups])


@dataclass(frozen=True)
class InnerProblem:
    """One network and its inner folds, ready to be trained again and again.

    Parameters
    ----------
    architecture : str
    features : SequenceFeatures
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples, n_targets)
        Transformed; NaN where a target was not measured.
    rows : MemberRows
    token_groups, context_groups : tuple of str
        Group of every column, see `SequenceFeatures.groups`.
    clusters : ndarray of int, shape (n_samples,)
        Small spatial blocks: what is permuted together, and what intervals resample.
    seed : int
    """

    architecture: str
    features: SequenceFeatures
    coordinates: np.ndarray
    values: np.ndarray
    rows: MemberRows
    token_groups: tuple[str, ...]
    context_groups: tuple[str, ...]
    clusters: np.ndarray
    seed: int

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of inputs, in the order of their columns."""
        return tuple(dict.fromkeys((*self.token_groups, *self.context_groups)))

    def train(
        self,
        sizes: Sizes,
        schedule: Schedule,
        weights: Mapping[str, float] | None = None,
        start: Weights | None = None,
        progress: Progress = silent,
        is_cancelled: IsCancelled = never,
    ) -> NetworkEnsemble:
        """Train an ensemble with some weights of the groups; see `train_ensemble`."""
        network = network_for(
            self.architecture, len(self.values), sizes, self.features.neighbors.n_neighbors,
            (len(self.token_groups), len(self.context_groups)), self.values.shape[1],
        )  # fmt: skip
        return train_ensemble(
            network, self.rows, self.values, schedule,
            token_weights=group_factors(self.token_groups, weights or {}),
            context_weights=group_factors(self.context_groups, weights or {}),
            seed=self.seed, kriging=self.features.kriging_of_context(), start=start, progress=progress,
            is_cancelled=is_cancelled,
        )  # fmt: skip

    def squared(self, out_of_fold: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each sample over sets and targets.

        Parameters
        ----------
        out_of_fold : ndarray, shape (n_sets, n_samples, n_targets)
            Transformed predictions.

        Returns
        -------
        ndarray, shape (n_samples,)
            In units of the targets' variance.
        """
        spread = np.nanstd(self.values, axis=0)
        return np.nanmean(((out_of_fold - self.values) / spread) ** 2, axis=(0, 2))

    def rmse(self, out_of_fold: np.ndarray) -> float:
        """Return the root of the mean of `squared` over the samples, in standard deviations."""
        return float(np.sqrt(self.squared(out_of_fold).mean()))
