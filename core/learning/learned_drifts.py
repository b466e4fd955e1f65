"""The learned drifts of a hybrid: of an ensemble of networks, and of forests where there is more than a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..features.neighbors import NeighborFeatures
from ..prediction.bases import FOREST, NETWORK
from ..progress import IsCancelled, Progress, part
from .forests import DriftForests, grow_drift_forests
from .hybrid_problem import HybridProblem
from .inner import folds_left_out, set_kinds
from .training import DriftEnsemble, train_drift_network


@dataclass(frozen=True)
class LearnedDrifts:
    """Drifts that were learned, by kind of base.

    Parameters
    ----------
    ensemble : DriftEnsemble
    forests : DriftForests or None
    out_of_fold : dict of ndarray, shape (n_sets, n_samples, n_targets)
        For each set of inner folds what those said that had not learned from a sample's fold.
    at_samples : dict of ndarray, shape (n_samples, n_targets)
        The drift that kriging takes at the samples, on the transformed scale of the targets.
    """

    ensemble: DriftEnsemble
    forests: DriftForests | None
    out_of_fold: dict[str, np.ndarray]
    at_samples: dict[str, np.ndarray]


def learn_drifts(
    problem: HybridProblem, features: NeighborFeatures, progress: Progress, is_cancelled: IsCancelled
) -> LearnedDrifts:
    """Train the networks and grow the forests, each without one inner fold.

    Raises
    ------
    InputError
        See `train_drift_network`.
    Cancelled
        When the user asked to stop.
    """
    samples, settings, folds = problem.samples, problem.settings, problem.folds
    encoded = features.encode(samples.covariates, len(samples))
    n_members = settings.members_per_fold * len(folds_left_out(folds)[1])
    progress(0.0, f"Training {n_members} networks at once")
    ensemble = train_drift_network(
        features, samples.coordinates, encoded, problem.values, folds, settings.network, settings.seed,
        part(progress, 0.0, 0.8), is_cancelled, settings.members_per_fold,
    )  # fmt: skip
    out_of_fold = {NETWORK: ensemble.out_of_fold}
    forests = None
    if settings.forest is not None and (features.encoder is not None or features.n_dimensions == 3):
        forests = grow_drift_forests(
            features.table(samples.coordinates, encoded), problem.values, folds, settings.forest, settings.seed,
            part(progress, 0.8, 1.0), is_cancelled, of_places=features.encoder is None,
        )  # fmt: skip
        out_of_fold = {FOREST: forests.out_of_fold, **out_of_fold}
    taken = np.ones(len(folds), dtype=bool)
    if problem.in_holes:
        # Drifts of whole blocks left out are flatter than a map's, which knows the holes around; lines fitted to them
        # are too steep for it, and in holes the line may be all that the base says (`uncorrelated`).
        taken = np.array([kind == "random" for kind in set_kinds(len(folds))])
    at_samples = {kind: drifts[taken].mean(axis=0) for kind, drifts in out_of_fold.items()}
    return LearnedDrifts(ensemble, forests, out_of_fold, at_samples)
