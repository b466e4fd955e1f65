"""Drift forests: regression trees on covariates and location, out-of-fold at the samples.

Half of the trees are those of a random forest (bootstrap samples, best splits), half extremely randomised (all
samples, random splits): their mean was as good as the better half on every set measured.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from ..regression_forests import EXTREMELY_RANDOM, RANDOM, grow, join
from .inner import folds_left_out


@dataclass(frozen=True)
class ForestSettings:
    """Size of the drift forests.

    Parameters
    ----------
    trees_per_fold : int
        Trees that leave out the same fold, half of each kind; an even number.
    min_leaf : int
        Fewest samples in a leaf.
    max_features : float
        Share of the columns tried at a split. Of tables of places alone extremely randomised trees try all columns:
        with fewer they too often cut along none that matters.
    max_nodes : int
        Bound of the nodes of one target's trees together: it bounds the model file, at about 40 bytes a node.
    """

    trees_per_fold: int = 40
    min_leaf: int = 3
    max_features: float = 0.5
    max_nodes: int = 400_000

    def __post_init__(self) -> None:
        if self.trees_per_fold < 2 or self.trees_per_fold % 2 or self.min_leaf < 1:
            raise InputError(
                "Expected an even number of at least 2 trees a fold and leaves of at least 1 sample, got "
                f"{self.trees_per_fold} and {self.min_leaf}."
            )
        if not 0 < self.max_features <= 1 or self.max_nodes < 1:
            raise InputError(
                f"Expected a share of columns above 0 up to 1 and at least 1 node, got {self.max_features:g} and "
                f"{self.max_nodes}."
            )

    def to_dict(self) -> dict:
        """Return the JSON object of the settings."""
        return asdict(self)


@dataclass(frozen=True)
class DriftForests:
    """Forests of all inner folds, one joined forest a target.

    Parameters
    ----------
    joined : tuple of sklearn.ensemble.RandomForestRegressor
        One a target; its prediction is the mean over the trees of all folds.
    out_of_fold : ndarray, shape (n_sets, n_samples, n_targets)
        For each set of folds the mean prediction of the trees that did not see the sample's fold.
    n_columns : int
        Of the table a forest reads.
    """

    joined: tuple[Any, ...]
    out_of_fold: np.ndarray
    n_columns: int

    @property
    def n_trees(self) -> int:
        """Trees of one target."""
        return len(self.joined[0].estimators_)

    def drift(self, table: np.ndarray) -> np.ndarray:
        """Return the mean over all trees, shape (n, n_targets)."""
        return np.column_stack([forest.predict(table.astype(np.float32)) for forest in self.joined])


def grow_drift_forests(
    table: np.ndarray,
    targets: np.ndarray,
    folds: tuple[np.ndarray, ...],
    settings: ForestSettings | None = None,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    of_places: bool = False,
) -> DriftForests:
    """Grow a forest without each fold of each set of folds.

    Parameters
    ----------
    table : ndarray, shape (n_samples, n_columns)
        `NeighborFeatures.table` at the samples.
    targets : ndarray, shape (n_samples, n_targets)
        Transformed values; NaN where a target was not measured, which is estimated and not learned from.
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of folds.
    settings : ForestSettings or None
    seed : int
    progress : Progress
    is_cancelled : IsCancelled
        Asked before every forest.
    of_places : bool
        Whether the table holds places alone, no covariates.

    Returns
    -------
    DriftForests

    Raises
    ------
    BackendMissing
        Where scikit-learn cannot be imported.
    Cancelled
        When the user asked to stop.
    """
    settings = ForestSettings() if settings is None else settings
    rows = table.astype(np.float32)
    held_out, set_of_member = folds_left_out(folds)
    n_trees = settings.trees_per_fold * len(held_out)
    # A binary tree has fewer than twice as many nodes as leaves.
    max_leaves = max(8, settings.max_nodes // (2 * n_trees))
    out_of_fold = np.zeros((len(folds), *targets.shape))
    joined = []
    for column in range(targets.shape[1]):
        known = ~np.isnan(targets[:, column])
        forests: list[Any] = []
        for index, (which, left_out) in enumerate(zip(set_of_member, held_out)):
            for kind, name in enumerate((RANDOM, EXTREMELY_RANDOM)):
                stop_if(is_cancelled)
                max_features = 1.0 if of_places and name == EXTREMELY_RANDOM else settings.max_features
                progress((column + index / len(held_out)) / targets.shape[1], "Growing forests")
                own_seed = np.random.SeedSequence([seed, column, index, kind]).generate_state(1)[0] % 2**31
                forest = grow(
                    name, rows[known & ~left_out], targets[known & ~left_out, column], settings.trees_per_fold // 2,
                    min_leaf=settings.min_leaf, max_features=max_features, max_leaves=max_leaves,
                    seed=int(own_seed),
                )  # fmt: skip
                out_of_fold[which, left_out, column] += 0.5 * forest.predict(rows[left_out])
                forests.append(forest)
        joined.append(join(forests))
    progress(1.0, "Growing forests")
    return DriftForests(tuple(joined), out_of_fold, rows.shape[1])
