"""How networks by name are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..kriging.neighborhood import Neighborhood
from ..validation.predictive import UNTRANSFORMED, Transforms
from ..variogram.models import VariogramModel
from .architectures import Schedule, Sizes, architecture_of
from .self_evaluation import SelfEvaluation


@dataclass(frozen=True)
class NetworkByName:
    """How a network is trained.

    Parameters
    ----------
    architecture : str
        Key of `core.learning.architectures.ARCHITECTURES`.
    transforms, variograms, variogram_model, variogram_method, neighborhood
        As in `HybridSettings`; the kriging is an input of the network.
    n_neighbors : int
        Length of the sequences, at least 2; shortened on few samples.
    order : str or None
        Out of `core.features.sequences.ORDERS`; None: where samples are 3-D and have holes, hole by hole in the order
        of their depths, or from top to bottom where these are not known.
    use_coordinates : bool or None
        Whether the network reads the location itself; None: as the architecture says.
    n_inner_folds, n_sets : int
        Inner folds of a set, and sets of them, in turn random and spatial blocks. One network leaves out each fold.
    sizes : Sizes
    schedule : Schedule or None
        None: the architecture's.
    groups : mapping of str to tuple of str
        Named groups of covariates, for self-evaluation and ablation.
    self_evaluation : SelfEvaluation or None
        None: as the architecture says.
    with_ablation : bool
        Whether to train once more without each group.
    search_minutes : float
        Time for the search for sizes and rates, inner folds only; 0: none.
    units : mapping of str to str
        Unit of each target, for reports.
    seed : int
        Same seed, same model on one machine (but for a search, which ends by the clock).

    Raises
    ------
    InputError
        For numbers that make no training, or an unknown architecture.
    """

    architecture: str = "gcnn_rnn"
    transforms: Transforms = UNTRANSFORMED
    variograms: Mapping[str, VariogramModel] = field(default_factory=dict)
    variogram_model: str = "auto"
    variogram_method: str = "reml"
    neighborhood: Neighborhood | None = None
    n_neighbors: int = 12
    order: str | None = None
    use_coordinates: bool | None = None
    n_inner_folds: int = 5
    n_sets: int = 2
    sizes: Sizes = field(default_factory=Sizes)
    schedule: Schedule | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    self_evaluation: SelfEvaluation | None = None
    with_ablation: bool = False
    search_minutes: float = 0.0
    units: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        architecture_of(self.architecture)
        if self.n_neighbors < 2:
            raise InputError(
                f"A sequence needs at least 2 neighbours, got {self.n_neighbors}: in a sequence of length 1 nothing is "
                "convolved or recurrent."
            )
        if self.n_inner_folds < 2 or self.n_sets < 2:
            raise InputError(
                "Expected at least 2 inner folds and 2 sets of them (random and blocks), got "
                f"{self.n_inner_folds} and {self.n_sets}."
            )
        if not (np.isfinite(self.search_minutes) and self.search_minutes >= 0):
            raise InputError(f"Expected 0 or more minutes for the search, got {self.search_minutes!r}.")

    @property
    def resolved_schedule(self) -> Schedule:
        """The schedule asked for, or the architecture's."""
        return architecture_of(self.architecture).schedule if self.schedule is None else self.schedule

    @property
    def resolved_self_evaluation(self) -> SelfEvaluation:
        """The self-evaluation asked for, or the architecture's."""
        if self.self_evaluation is not None:
            return self.self_evaluation
        return SelfEvaluation(architecture_of(self.architecture).standard_rounds)
