"""Forests of regression trees; the only file that imports scikit-learn, and only when a forest is grown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import BackendMissing
from .progress import IsCancelled, Progress, never, silent, stop_if

RANDOM, EXTREMELY_RANDOM = "random", "extremely random"
"""Bootstrap samples and best splits (Breiman 2001), or all samples and random splits (Geurts et al. 2006)."""

_TREES_AT_ONCE = 50
"""Between them cancel is obeyed."""


def grow(
    kind: str,
    rows: np.ndarray,
    values: np.ndarray,
    n_trees: int,
    *,
    min_leaf: int,
    max_features: float,
    max_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Any:
    """Grow a forest.

    Parameters
    ----------
    kind : str
        `RANDOM` or `EXTREMELY_RANDOM`.
    rows : ndarray, shape (n_samples, n_columns)
    values : ndarray, shape (n_samples,)
    n_trees : int
    min_leaf : int
        Fewest samples in a leaf.
    max_features : float
        Share of the columns tried at a split.
    max_leaves : int or None
        Of a tree.
    seed : int
    progress : Progress
    is_cancelled : IsCancelled
        Asked every 50 trees.

    Returns
    -------
    sklearn.ensemble.RandomForestRegressor or sklearn.ensemble.ExtraTreesRegressor

    Raises
    ------
    BackendMissing
        Where scikit-learn cannot be imported.
    Cancelled
        When the user asked to stop.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning 45, 5-32.
    Geurts, P., Ernst, D. & Wehenkel, L. (2006). Extremely randomized trees. Machine Learning 63, 3-42.
    """
    ensemble = _ensemble()
    forest_class = {RANDOM: ensemble.RandomForestRegressor, EXTREMELY_RANDOM: ensemble.ExtraTreesRegressor}[kind]
    forest = forest_class(
        n_estimators=0, min_samples_leaf=min_leaf, max_features=max_features, max_leaf_nodes=max_leaves,
        random_state=seed, warm_start=True, n_jobs=1,
    )  # fmt: skip
    for grown in range(_TREES_AT_ONCE, n_trees + _TREES_AT_ONCE, _TREES_AT_ONCE):
        stop_if(is_cancelled)
        forest.set_params(n_estimators=min(grown, n_trees))
        forest.fit(rows, values)
        progress(min(grown / n_trees, 1.0), "")
    return forest


def join(forests: Sequence[Any]) -> Any:
    """Return one forest with the trees of several, grown on the same columns.

    Parameters
    ----------
    forests : sequence
        From `grow`.

    Returns
    -------
    sklearn.ensemble.RandomForestRegressor
        It predicts the mean over all trees.
    """
    trees = [tree for forest in forests for tree in forest.estimators_]
    # A forest is its trees.
    whole = _ensemble().RandomForestRegressor(n_estimators=len(trees))
    whole.estimators_, whole.n_outputs_, whole.n_features_in_ = trees, 1, forests[0].n_features_in_
    return whole


def _ensemble() -> Any:
    """Import scikit-learn's forests."""
    try:
        from sklearn import ensemble
    except ImportError as error:
        raise BackendMissing(
            f"Growing a forest needs scikit-learn, which cannot be imported here ({error}). Run Set up backend "
            "(hybridgeo:setupbackend) once, then try again."
        ) from error
    return ensemble
