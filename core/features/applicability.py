"""Where a model may be used: how unlike its samples a location is.

A model has learned what its samples show. The dissimilarity index says how far a location lies from the
nearest sample in place and covariates, compared with the samples among themselves; beyond the
dissimilarities met in cross-validation, the cross-validated error says nothing about the location.

References
----------
Meyer, Pebesma (2021), Predicting into unknown space? Estimating the area of applicability of spatial
prediction models, Methods Ecol. Evol. 12, 1620-1633.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..samples import Covariates, Samples
from .covariates import CovariateEncoder
from .neighbors import nearest_of_others

_PAIRED_SAMPLES = 1500
"""The mean distance among samples is taken over at most so many, evenly chosen."""

_NEIGHBORS = 8
"""Samples whose mean says how well the place alone predicts."""

PLACE = "place"
"""Name of the coordinates among the importances."""


@dataclass(frozen=True)
class Applicability:
    """The feature space of a model's samples, and how unlike them a location may be.

    Parameters
    ----------
    samples : Samples
    encoder : CovariateEncoder or None
        Standardised covariates and class columns; None without covariates.
    frame : ndarray, shape (n_dimensions, n_dimensions)
        Maps coordinates to units of the samples' standard distance, along the anisotropy where one is known.
    column_scale : ndarray, shape (n_features,)
        Divides the encoded columns, so that each varies by 1 among the samples.
    importance : dict of str to float
        Weight of the place and of each covariate column: how strongly it alone orders the targets.
    mean_distance : float
        Mean distance between samples in the weighted space; the unit of the index.
    threshold : float
        Largest index inside the area of applicability.
    """

    samples: Samples
    encoder: CovariateEncoder | None
    frame: np.ndarray
    column_scale: np.ndarray
    importance: Mapping[str, float]
    mean_distance: float
    threshold: float = field(default=np.inf)

    @classmethod
    def fit(
        cls, samples: Samples, folds: np.ndarray, groups: np.ndarray, frame: np.ndarray | None = None
    ) -> Applicability:
        """Weigh the features and find the threshold.

        Parameters
        ----------
        samples : Samples
            At least 3.
        folds : ndarray of int, shape (n_samples,)
            Of the cross-validation that the threshold belongs to.
        groups : ndarray of int, shape (n_samples,)
            Samples that never part (one place or hole).
        frame : ndarray, shape (n_dimensions, n_dimensions), or None
            Frame of the variogram's anisotropy; None: elevations count as much as the plan.

        Raises
        ------
        InputError
            For fewer than 3 samples or 2 folds.
        """
        from scipy.spatial import cKDTree
        from scipy.spatial.distance import pdist
        from scipy.stats import rankdata

        if len(samples) < 3 or len(np.unique(folds)) < 2:
            raise InputError(
                f"An area of applicability needs at least 3 samples in 2 folds, got {len(samples)} in "
                f"{len(np.unique(folds))}."
            )
        frame = _standard_frame(samples.coordinates, frame)
        covariates = samples.covariates
        encoder = CovariateEncoder.fit(covariates) if covariates is not None and covariates.names else None
        encoded = np.empty((len(samples), 0))
        if encoder is not None and covariates is not None:
            encoded = encoder.encode(covariates)
        spread = encoded.std(axis=0)
        column_scale = np.where(spread > 0, spread, 1.0)
        ranks = np.column_stack([rankdata(values) for values in samples.values.T])
        if samples.has_gaps:
            for column, known in enumerate(samples.known.T):  # what was not measured orders nothing
                ranks[known, column] = rankdata(samples.values[known, column])
                ranks[~known, column] = ranks[known, column].mean()
        names = () if encoder is None else encoder.feature_names
        by_place = _neighbors_mean(samples.coordinates @ frame.T, ranks, groups)
        importance = {PLACE: _merit(by_place, ranks)}
        importance.update({name: _merit(column, ranks) for name, column in zip(names, encoded.T)})
        if max(importance.values()) == 0:  # nothing orders the targets: every feature counts the same
            importance = dict.fromkeys(importance, 1.0)
        draft = cls(samples, encoder, frame, column_scale, importance, 1.0)
        space = draft._of_samples
        chosen = np.unique(np.linspace(0, len(space) - 1, min(len(space), _PAIRED_SAMPLES)).round().astype(int))
        mean_distance = float(pdist(space[chosen]).mean())
        if not mean_distance > 0:
            raise InputError("All samples are alike in place and covariates: there is no area of applicability.")
        index = np.empty(len(space))
        for fold in np.unique(folds):
            out = folds == fold
            index[out] = cKDTree(space[~out]).query(space[out])[0] / mean_distance
        return cls(samples, encoder, frame, column_scale, importance, mean_distance, upper_whisker(index))

    @cached_property
    def _of_samples(self) -> np.ndarray:
        return self._space(self.samples.coordinates, self.samples.covariates)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self._of_samples)

    def _space(self, coordinates: np.ndarray, covariates: Covariates | None) -> np.ndarray:
        """Return the weighted features of locations; NaN where a covariate is unknown."""
        place = self.importance[PLACE] * (np.asarray(coordinates, dtype=float) @ self.frame.T)
        if self.encoder is None:
            return place
        if covariates is None:
            raise InputError(f"The dissimilarity needs the covariates {', '.join(self.encoder.names)}; got none.")
        weights = np.array([self.importance[name] for name in self.encoder.feature_names])
        return np.hstack([place, self.encoder.encode(covariates) / self.column_scale * weights])

    def dissimilarity(self, coordinates: np.ndarray, covariates: Covariates | None) -> np.ndarray:
        """Return the dissimilarity index of locations.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
            By name, more than needed allowed.

        Returns
        -------
        ndarray, shape (n,)
            0 at a sample; 1 is as far as samples are from one another on average. NaN where a covariate
            is unknown or holds a class never sampled.

        Raises
        ------
        InputError
            When a covariate is missing.
        """
        space = self._space(coordinates, covariates)
        known = np.isfinite(space).all(axis=1)
        index = np.full(len(space), np.nan)
        if known.any():
            index[known] = self._tree.query(space[known])[0] / self.mean_distance
        return index

    def is_inside(self, index: np.ndarray) -> np.ndarray:
        """Whether locations with these indices, of any shape, lie inside the area of applicability; NaN does not."""
        with np.errstate(invalid="ignore"):
            return np.asarray(index <= self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of everything but the samples."""
        return {
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "frame": self.frame.tolist(),
            "column_scale": self.column_scale.tolist(),
            "importance": dict(self.importance),
            "mean_distance": self.mean_distance,
            "threshold": self.threshold,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], samples: Samples) -> Applicability:
        """Read what `to_dict` wrote, for the same samples.

        Raises
        ------
        KeyError
            When a part is missing.
        """
        return cls(
            samples,
            None if content["encoder"] is None else CovariateEncoder.from_dict(content["encoder"]),
            np.array(content["frame"], dtype=float),
            np.array(content["column_scale"], dtype=float),
            {str(name): float(weight) for name, weight in content["importance"].items()},
            float(content["mean_distance"]),
            float(content["threshold"]),
        )


def upper_whisker(values: np.ndarray) -> float:
    """Return the largest value that is no outlier of a box plot, as R's boxplot.stats gives it.

    Parameters
    ----------
    values : ndarray, shape (n,)
        At least one, none of them NaN.

    References
    ----------
    Tukey, J. W. (1977). Exploratory Data Analysis, chapter 2: hinges, and fences 1.5 times their distance away.

    Examples
    --------
    >>> upper_whisker(np.array([0.2, 0.31, 0.45, 0.1, 0.9, 0.33, 0.25, 0.41, 2.5, 0.38]))
    0.45
    """
    ascending = np.sort(np.asarray(values, dtype=float))
    n = len(ascending)
    depth = 0.5 * ((n + 3) // 2)  # Tukey's hinges
    hinges = [
        0.5 * (ascending[int(np.floor(at)) - 1] + ascending[int(np.ceil(at)) - 1]) for at in (depth, n + 1 - depth)
    ]
    reach = hinges[1] + 1.5 * (hinges[1] - hinges[0])
    return float(ascending[ascending <= reach][-1])


def _standard_frame(coordinates: np.ndarray, frame: np.ndarray | None) -> np.ndarray:
    """Return the frame in which the samples' standard distance from their middle is 1."""
    n_dimensions = coordinates.shape[1]
    if frame is None:
        frame = np.eye(n_dimensions)
        spread = coordinates.std(axis=0)
        plan = float(np.hypot(spread[0], spread[1]))
        if n_dimensions == 3 and spread[2] > 0 and plan > 0:
            frame[2, 2] = plan / float(spread[2])
    offsets = (coordinates - coordinates.mean(axis=0)) @ frame.T
    extent = float(np.sqrt(np.mean(np.sum(offsets**2, axis=1))))
    return frame / extent if extent > 0 else frame


def _neighbors_mean(space: np.ndarray, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the inverse-distance mean of the nearest samples of other groups, shape (n_samples, n_targets)."""
    k = min(_NEIGHBORS, len(space) - int(np.bincount(groups).max()))
    if k < 1:
        return np.zeros_like(values)
    distances, nearest = nearest_of_others(space, groups, k)
    weights = 1.0 / np.maximum(distances, 1e-12)
    return np.einsum("nk,nkt->nt", weights, values[nearest]) / weights.sum(axis=1, keepdims=True)


def _merit(predictor: np.ndarray, ranks: np.ndarray) -> float:
    """Return the mean rank correlation of a predictor (one column, or one a target) with the targets, 0 to 1."""
    from scipy.stats import rankdata

    columns = predictor if predictor.ndim == 2 else np.repeat(predictor[:, None], ranks.shape[1], axis=1)
    found = []
    for column, rank in zip(columns.T, ranks.T):
        own = rankdata(column)
        if np.ptp(own) > 0 and np.ptp(rank) > 0:
            r = float(np.corrcoef(own, rank)[0, 1])
            # neighbours that predict the wrong way round are no use; a covariate may fall where the target rises
            found.append(max(r, 0.0) if predictor.ndim == 2 else abs(r))
    return float(np.mean(found)) if found else 0.0
