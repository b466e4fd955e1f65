"""A random forest on the nearest samples, and what it says about its uncertainty."""

from __future__ import annotations

from typing import Optional

import numpy as np

from ..coincident import average_coincident
from ..errors import InputError
from ..features.neighbors import nearest_of_others
from ..progress import IsCancelled, Progress, never, part, silent
from ..regression_forests import RANDOM, grow
from ..samples import Covariates, Samples, require_samples
from .folds import inseparable_groups
from .predictive import LEVELS, Method, PredictiveDistribution, Predictor

N_TREES = 200
_CELLS = 2_000_000  # of the table of weights held at once


def random_forest(n_neighbors: int = 10, min_leaf: int = 1, n_trees: int = N_TREES) -> Method:
    """Random forest spatial interpolation: values and distances of the nearest samples, and covariates.

    A location is described by the distances to its nearest samples, their values, and its
    covariates (class codes one column each); samples with elevations also by their own. A training
    sample's neighbours are other samples - not itself, nor others of its place or drill hole - so that
    it is described as an unsampled location is. Estimates are means and quantiles of the training
    values weighted by how often they share a leaf with the location.

    Parameters
    ----------
    n_neighbors : int
        Fewer on few samples.
    min_leaf : int
        Fewest samples in a leaf.
    n_trees : int

    Returns
    -------
    Method
        Raises BackendMissing where scikit-learn cannot be imported.

    References
    ----------
    Sekulic, Kilibarda, Heuvelink, Nikolic, Bajat (2020), Random forest spatial interpolation, Remote Sens. 12, 1687.
    Meinshausen (2006), Quantile regression forests, J. Mach. Learn. Res. 7, 983-999.
    """

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        require_samples(training, 10, "A random forest in a training fold")
        describe = _Description(training, n_neighbors)
        forests = []
        for column in range(len(training.targets)):
            where = part(progress, column / len(training.targets), (column + 1) / len(training.targets))
            features = describe.samples(column)
            forest = grow(
                RANDOM, features, training.values[:, column], n_trees, min_leaf=min_leaf, max_features=1 / 3,
                seed=seed, progress=where, is_cancelled=is_cancelled,
            )  # fmt: skip
            forests.append((forest, forest.apply(features)))

        def predict(coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
            estimate = np.empty((len(coordinates), len(forests)))
            quantiles = np.empty((*estimate.shape, len(LEVELS)))
            for column, (forest, training_leaves) in enumerate(forests):
                leaves = forest.apply(describe.locations(column, coordinates, covariates))
                estimate[:, column], quantiles[:, column] = _of_leaves(
                    leaves, training_leaves, training.values[:, column]
                )
            return PredictiveDistribution(estimate, quantiles)

        return predict

    return fit


class _Description:
    """What the forest is told about a place: distances and values of its neighbours, covariates, elevation."""

    def __init__(self, training: Samples, n_neighbors: int) -> None:
        from scipy.spatial import cKDTree

        self._training = training
        self._groups = inseparable_groups(training.coordinates, training.holes)
        spread = training.coordinates.std(axis=0)
        plan = float(np.hypot(*spread[:2])) or 1.0
        # Elevations count as much as the plan: holes are short and far apart.
        self._scale = np.array([plan, plan, *(spread[2:] or [1.0])]) if len(spread) == 3 else np.array([plan, plan])
        self._scaled = training.coordinates / self._scale
        self._tree = cKDTree(self._scaled)
        largest = int(np.bincount(self._groups).max())
        self._k = min(n_neighbors, len(training) - largest)
        if self._k < 1:
            raise InputError("A random forest on neighbours needs samples of at least two places or holes.")
        self._classes = {
            name: np.unique(values)
            for name, flag, values in zip(*_columns(training.covariates))
            if flag
        }

    def samples(self, column: int) -> np.ndarray:
        """Describe the training samples by the others."""
        distances, nearest = nearest_of_others(self._scaled, self._groups, self._k)
        return self._features(column, nearest, distances, self._training.coordinates, self._training.covariates)

    def locations(self, column: int, coordinates: np.ndarray, covariates: Optional[Covariates]) -> np.ndarray:
        """Describe locations by the training samples."""
        distances, nearest = self._tree.query(coordinates / self._scale, k=np.arange(1, self._k + 1))
        return self._features(column, nearest, distances, coordinates, covariates)

    def _features(
        self,
        column: int,
        nearest: np.ndarray,
        distances: np.ndarray,
        coordinates: np.ndarray,
        covariates: Optional[Covariates],
    ) -> np.ndarray:
        parts = [distances, self._training.values[nearest, column], coordinates[:, 2:]]
        for name, flag, values in zip(*_columns(self._training.covariates)):
            del values
            if covariates is None or name not in covariates.names:
                raise InputError(f"The random forest needs the covariate {name} at every location.")
            own = covariates.values[:, [covariates.names.index(name)]]
            parts.append((own == self._classes[name]).astype(float) if flag else own)
        return np.hstack(parts)


def _columns(covariates: Optional[Covariates]) -> tuple[tuple[str, ...], tuple[bool, ...], np.ndarray]:
    """Return names, flags and columns of covariates; empty without any."""
    return ((), (), np.empty((0, 0))) if covariates is None else (
        covariates.names, covariates.categorical, covariates.values.T
    )  # fmt: skip


def _of_leaves(leaves: np.ndarray, training_leaves: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and quantiles of the training values, weighted by shared leaves.

    Parameters
    ----------
    leaves : ndarray of int, shape (n, n_trees)
    training_leaves : ndarray of int, shape (n_samples, n_trees)
    values : ndarray, shape (n_samples,)

    Returns
    -------
    mean : ndarray, shape (n,)
    quantiles : ndarray, shape (n, len(LEVELS))
    """
    order = np.argsort(values, kind="stable")
    ascending, in_training = values[order], training_leaves[order]
    # 1 / (samples in the leaf): every tree gives weights that sum to 1
    share = np.empty(in_training.shape)
    for tree, column in enumerate(in_training.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        share[:, tree] = 1.0 / counts[inverse.reshape(-1)]
    mean, quantiles = np.empty(len(leaves)), np.empty((len(leaves), len(LEVELS)))
    at_once = max(1, _CELLS // len(values))
    for first in range(0, len(leaves), at_once):
        rows = slice(first, first + at_once)
        weights = np.zeros((len(leaves[rows]), len(values)))
        for tree in range(leaves.shape[1]):
            weights += (leaves[rows, tree, None] == in_training[None, :, tree]) * share[:, tree]
        weights /= weights.sum(axis=1, keepdims=True)
        mean[rows] = weights @ ascending
        # midpoints of the steps, so that the median of two equal weights lies between them
        position = np.cumsum(weights, axis=1) - 0.5 * weights
        for row, at in enumerate(position, start=first):
            held = weights[row - first] > 0
            quantiles[row] = np.interp(LEVELS, at[held], ascending[held])
    return mean, quantiles
