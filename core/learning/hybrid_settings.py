"""How a hybrid is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..kriging.neighborhood import Neighborhood
from ..prediction.bases import EXACT_LIMIT
from ..validation.predictive import UNTRANSFORMED, Transforms
from ..variogram.models import VariogramModel
from .forests import ForestSettings
from .stacking import RIDGE
from .training import NetworkSettings

MANY_SETS_LIMIT = EXACT_LIMIT
"""Up to so many samples drifts are learned on four inner sets of folds: the mean over more sets predicts better."""


@dataclass(frozen=True)
class HybridSettings:
    """How a hybrid is trained.

    Parameters
    ----------
    transforms : Transform or dict of str to Transform
        Scale of kriging and network, for all targets or by name.
    variograms : dict of str to VariogramModel
        Ordinary kriging's variogram of a target, on the transformed scale; a target without one gets a fit.
    variogram_model, variogram_method : str
        Passed to `fit_variogram` for the kriging bases; the network's base takes the shape chosen there.
    neighborhood : Neighborhood or None
        None: all samples up to `GLOBAL_LIMIT`, else the nearest `LOCAL_NEIGHBORS`.
    n_neighbors : int
        Length of the network's sequences; shortened on few samples.
    use_coordinates : bool or None
        Whether the network reads the location itself; None: only without covariates.
    n_inner_folds : int
        Folds of one inner set.
    n_seeds : int or None
        Inner sets of folds, in turn random and spatial blocks; at least 2. None: 4 up to `MANY_SETS_LIMIT` samples,
        where a set leaves much to chance, else 2.
    members_per_fold : int
        Networks that leave out the same fold. The ensemble has ``n_inner_folds * n_seeds * members_per_fold``
        members.
    network : NetworkSettings
    forest : ForestSettings or None
        Forests are grown where there are covariates, and in 3-D; None for none.
    ridge : float
        Pull of the stack toward its prior, see `core.learning.stacking`.
    units : dict of str to str
        Unit of each target, for reports.
    groups : mapping of str to tuple of str
        Named groups of covariates, for the ablation.
    with_ablation : bool
        Whether `train_hybrid` cross-validates once more without each group.
    seed : int
        Same seed, same model on one machine.

    Raises
    ------
    InputError
        For numbers that make no ensemble.
    """

    transforms: Transforms = UNTRANSFORMED
    variograms: Mapping[str, VariogramModel] = field(default_factory=dict)
    variogram_model: str = "auto"
    variogram_method: str = "reml"
    neighborhood: Neighborhood | None = None
    n_neighbors: int = 12
    use_coordinates: bool | None = None
    n_inner_folds: int = 5
    n_seeds: int | None = None
    members_per_fold: int = 1
    network: NetworkSettings = field(default_factory=NetworkSettings)
    forest: ForestSettings | None = field(default_factory=ForestSettings)
    ridge: float = RIDGE
    units: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    with_ablation: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_inner_folds < 2 or (self.n_seeds or 2) < 2 or self.members_per_fold < 1:
            raise InputError(
                "Expected at least 2 inner folds, 2 sets of them (random and blocks) and 1 member a fold, got "
                f"{self.n_inner_folds}, {self.n_seeds} and {self.members_per_fold}."
            )
        if not (np.isfinite(self.ridge) and self.ridge >= 0):
            raise InputError(f"Expected a ridge of 0 or above, got {self.ridge!r}.")

    def sets_for(self, n_samples: int) -> int:
        """Return the number of inner sets of folds for so many samples."""
        if self.n_seeds is not None:
            return self.n_seeds
        return 4 if n_samples <= MANY_SETS_LIMIT else 2
