"""What every part of a hybrid is trained on: samples on the scale of kriging, with their inner folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..features.neighbors import NeighborFeatures
from ..kriging.neighborhood import Neighborhood
from ..samples import Samples
from ..transforms import Transform
from ..validation.folds import inseparable_groups
from ..validation.gradients import with_own_covariates
from ..validation.methods import default_neighborhood
from ..variogram.models import VariogramModel
from .hybrid_settings import HybridSettings
from .inner import folds_left_out, inner_folds, require_spread, require_trainable, transformed_targets


@dataclass(frozen=True)
class HybridProblem:
    """Samples on the scale of kriging, and the inner folds that bases, drifts and stacks share.

    Parameters
    ----------
    samples : Samples
        With the covariates that are made of them.
    settings : HybridSettings
    transforms : tuple of Transform
        One a target, fitted to these samples.
    values : ndarray, shape (n_samples, n_targets)
        Transformed; NaN where a target was not measured.
    neighborhood : Neighborhood
        Of kriging on maps.
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of inner folds, see `inner.inner_folds`.
    groups : ndarray of int, shape (n_samples,)
        Samples that never part, numbered from 0.
    """

    samples: Samples
    settings: HybridSettings
    transforms: tuple[Transform, ...]
    values: np.ndarray
    neighborhood: Neighborhood
    folds: tuple[np.ndarray, ...]
    groups: np.ndarray

    @classmethod
    def of(cls, samples: Samples, settings: HybridSettings) -> HybridProblem:
        """Transform the samples and part them into inner folds.

        Raises
        ------
        InputError
            When samples coincide (they are named), are too few, or a target does not vary or leaves its transform's
            domain.
        """
        require_trainable(samples, "Training a hybrid")
        samples = with_own_covariates(samples, settings.seed)
        transforms, values = transformed_targets(samples, settings.transforms)
        neighborhood = settings.neighborhood
        if neighborhood is None:
            neighborhood = default_neighborhood(len(samples))
        folds = inner_folds(samples, settings.n_inner_folds, settings.sets_for(len(samples)), settings.seed)
        require_spread(samples, folds)
        groups = inseparable_groups(samples.coordinates, samples.holes)
        return cls(samples, settings, transforms, values, neighborhood, folds, groups)

    def of_target(self, column: int) -> HybridProblem:
        """Return the problem of one target: the samples at which it was measured, in the same folds."""
        known = self.samples.known[:, column]
        own = self.samples.of(self.samples.targets[column])
        return HybridProblem(
            own, self.settings, (self.transforms[column],), self.values[known][:, [column]], self.neighborhood,
            tuple(fold[known] for fold in self.folds), inseparable_groups(own.coordinates, own.holes),
        )  # fmt: skip

    @property
    def blocks(self) -> np.ndarray:
        """The first set of inner folds that are blocks, shape (n_samples,)."""
        return self.folds[1]

    @property
    def in_holes(self) -> bool:
        """Whether some samples never part: those of one drill hole."""
        return len(np.unique(self.groups)) < len(self.groups)

    def features(self, variograms: Sequence[VariogramModel]) -> NeighborFeatures:
        """Return what learned drifts read of a place, with one variogram a target."""
        samples, settings = self.samples, self.settings
        fewest = int((~folds_left_out(self.folds)[0]).sum(axis=1).min())
        return NeighborFeatures.fit(
            samples.coordinates, samples.covariates, tuple(variograms),
            min(settings.n_neighbors, fewest - 1), settings.use_coordinates,
        )  # fmt: skip
