"""Training of the hybrid: kriging bases, the drift network, the stack, the intervals, the model file.

Everything is fitted on the samples given and on nothing else, so a cross-validation that calls `fit_hybrid`
(through `hybrid_method`) on each outer training fold is honest by construction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..coincident import average_coincident
from ..prediction.bases import FOREST, NETWORK
from ..prediction.contract import contract_of
from ..prediction.hybrid import HybridModel, Prediction, TargetModel
from ..prediction.intervals import quantiles_about
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Covariates, Samples
from ..validation.ablation import groups_to_leave_out
from ..validation.predictive import Method, PredictiveDistribution, Predictor
from .forests import DriftForests
from .held_out import leave_bases_out
from .hybrid_bases import DriftedBase, kriging_bases, learned_bases
from .hybrid_problem import HybridProblem
from .hybrid_settings import HybridSettings
from .inner import require_trainable, set_kinds
from .learned_drifts import learn_drifts
from .outer import Trained, Training, train_and_write
from .stacking import Stack
from .target_stack import METHOD, stack_notes, stack_target
from .training import DriftEnsemble


@dataclass(frozen=True)
class FittedHybrid:
    """A trained hybrid, before or after it is written to a file.

    Parameters
    ----------
    model : HybridModel
    ensemble : DriftEnsemble
    forests : DriftForests or None
    stacks : tuple of Stack
        One a target.
    inner_scores : dict
        By target: RMSE, on the transformed scale, of every base and of the stack on the samples left out singly
        (``leave_one_out``) and by inner blocks (``leave_cluster_out``). They chose the weights: use outer
        cross-validation to judge.
    settings : HybridSettings
    notes : tuple of str
        What a reader has to know.
    seconds : float
        Wall time of the training.
    """

    model: HybridModel
    ensemble: DriftEnsemble
    forests: DriftForests | None
    stacks: tuple[Stack, ...]
    inner_scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    settings: HybridSettings
    notes: tuple[str, ...]
    seconds: float

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        """Stack weights by target and base."""
        return {target.name: target.weights for target in self.model.targets}

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate as the exported file does, to rounding of float32; see `HybridModel.predict`."""
        return self.model.predict(coordinates, covariates, self.learned, coverage)

    def learned(self, sequences: np.ndarray, context: np.ndarray, table: np.ndarray | None = None) -> np.ndarray:
        """Return the drift as the exported graph does, see `core.prediction.hybrid.Network`.

        Parameters
        ----------
        sequences, context : ndarray, shape (n, ...)
            What networks read, see `NeighborFeatures.at`.
        table : ndarray, shape (n, n_columns), or None
            What forests read, see `NeighborFeatures.table`.

        Returns
        -------
        ndarray, shape (n, n_targets) or, with forests, (n, 2 n_targets)
        """
        drift = self.ensemble.drift(sequences, context)
        if self.forests is None or table is None:
            return drift
        return np.hstack([drift, self.forests.drift(table)])

    def contract(self, scores: Mapping[str, Any] | None = None) -> dict:
        """Return the JSON object that travels in the model file.

        Parameters
        ----------
        scores : dict or None
            Outer cross-validated scores (`cross_validated_scores`).
        """
        network = self.settings.network
        return contract_of(
            METHOD, self.model, self.settings.seed, self.notes, scores,
            network={
                "layers": self.ensemble.network.to_dict(),
                "n_members": self.ensemble.n_members,
                "training": {**network.to_dict(), "learning_rate": self.ensemble.learning_rate},
                "final_loss": self.ensemble.losses[-1],
            },
            forests=None
            if self.forests is None or self.settings.forest is None
            else {"n_trees": self.forests.n_trees, **self.settings.forest.to_dict()},
            inner_folds={
                "n_folds": self.settings.n_inner_folds,
                "sets": set_kinds(self.settings.sets_for(len(self.model.samples))),
                "members_per_fold": self.settings.members_per_fold,
            },
            inner_scores=self.inner_scores,
            stack=[
                {
                    "target": target.name,
                    "reference": target.bases[stack.reference].name,
                    "inner_rmse_ratio": stack.rmse_ratio,
                    "gain": stack.gain,
                    "gain_error": stack.gain_error,
                    "ties_with_kriging": stack.within_noise,
                }
                for target, stack in zip(self.model.targets, self.stacks)
            ],
        )  # fmt: skip


def fit_hybrid(
    samples: Samples,
    settings: HybridSettings | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> FittedHybrid:
    """Train the hybrid on samples.

    Parameters
    ----------
    samples : Samples
        At least `inner.MIN_SAMPLES`, no two at one place.
    settings : HybridSettings or None
    progress : Progress
    is_cancelled : IsCancelled
        Asked before every fit and every epoch.

    Returns
    -------
    FittedHybrid

    Raises
    ------
    InputError
        When samples coincide (they are named), are too few, or a target does not vary or leaves its transform's
        domain.
    Cancelled
        When the user asked to stop.
    """
    started = time.perf_counter()
    problem = HybridProblem.of(samples, HybridSettings() if settings is None else settings)
    names, measured = problem.samples.targets, problem.samples.known.T
    of_targets = [problem.of_target(column) for column in range(len(names))]
    bases: list[list[DriftedBase]] = []
    notes: list[str] = []
    for column, name in enumerate(names):
        where = part(progress, 0.3 * column / len(names), 0.3 * (column + 1) / len(names))
        where(0.0, f"Kriging {name}")
        own, told = kriging_bases(of_targets[column], where, is_cancelled)
        bases.append(own)
        notes += told
    features = problem.features([own[0].base.variogram for own in bases])
    drifts = learn_drifts(problem, features, part(progress, 0.3, 0.8), is_cancelled)
    for column, own in enumerate(bases):
        where = part(progress, 0.8 + 0.18 * column / len(names), 0.8 + 0.18 * (column + 1) / len(names))
        of_kinds = {kind: drift[measured[column], column] for kind, drift in drifts.at_samples.items()}
        own += learned_bases(of_targets[column], own, of_kinds, where, is_cancelled)
    targets, stacks, inner_scores = [], [], {}
    for column, name in enumerate(names):
        stop_if(is_cancelled)
        progress(0.98, "Stacking")
        left_out = {kind: drift[:, measured[column], column] for kind, drift in drifts.out_of_fold.items()}
        target, stack, inner_scores[name], told = _stacked(of_targets[column], bases[column], left_out)
        targets.append(target)
        stacks.append(stack)
        notes += told
    model = HybridModel(
        problem.samples, drifts.at_samples[NETWORK], features, problem.neighborhood, tuple(targets),
        drifts.at_samples.get(FOREST),
    )  # fmt: skip
    progress(1.0, "Trained")
    return FittedHybrid(
        model, drifts.ensemble, drifts.forests, tuple(stacks), inner_scores, problem.settings, tuple(notes),
        time.perf_counter() - started,
    )  # fmt: skip


def _stacked(
    problem: HybridProblem, bases: list[DriftedBase], learned: Mapping[str, np.ndarray]
) -> tuple[TargetModel, Stack, dict, list[str]]:
    """Leave samples out of the bases of the one target and weigh them; return also inner scores and notes."""
    held_out, credible = leave_bases_out(problem, bases, learned)
    target, stack, scores = stack_target(problem, [one.base for one in bases], held_out, credible)
    return target, stack, scores, stack_notes(target, stack, credible, held_out, problem.blocks)


def hybrid_method(settings: HybridSettings | None = None) -> Method:
    """Return the hybrid as a method of `compare_methods`, retrained on each training fold.

    Where a location has a class of a covariate that the training samples lack, it is taken for the most frequent
    class, and a note says so: the other covariates keep their say. (A map leaves such cells empty.)

    Parameters
    ----------
    settings : HybridSettings or None
        The seed is taken from the comparison. A variogram given in the settings is not used: it may have been
        fitted to the held-out samples.

    Returns
    -------
    Method
    """
    base = HybridSettings() if settings is None else settings

    def fit(training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never) -> Predictor:
        training, _ = average_coincident(training)
        fitted = fit_hybrid(training, replace(base, seed=seed, variograms={}), progress, is_cancelled)
        return predictor_of(fitted)

    return fit


def predictor_of(fitted: FittedHybrid) -> Predictor:
    """Return a trained hybrid as a predictor of distributions."""
    model = fitted.model

    def predict(coordinates: np.ndarray, covariates: Covariates | None) -> PredictiveDistribution:
        found = model.stacked(coordinates, covariates, fitted.learned, fill=True)
        notes: tuple[str, ...] = ()
        if found.n_unknown:
            notes = (
                f"{found.n_unknown} of {len(coordinates)} held-out samples have a covariate class that no training "
                "sample has; it was taken for the most frequent class there.",
            )
        quantiles = quantiles_about(model.targets, found.estimate, found.sigma, found.remoteness)
        return PredictiveDistribution(found.mean, quantiles, notes)

    return predict


def train_hybrid(
    samples: Samples,
    settings: HybridSettings,
    path: str | Path,
    *,
    schemes: tuple[str, ...] = ("random", "blocks"),
    n_folds: int = 5,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Trained[FittedHybrid]:
    """Cross-validate the hybrid beside kriging, train it on all samples, and write the model file.

    Parameters
    ----------
    samples, settings
        See `fit_hybrid`.
    path, schemes, n_folds, progress, is_cancelled
        See `train_and_write`.

    Returns
    -------
    Trained of FittedHybrid

    Raises
    ------
    InputError
        As `fit_hybrid` and `compare_methods`.
    Cancelled
        When the user asked to stop; no file is written.
    """
    from .export import hybrid_graph

    require_trainable(samples, "Training a hybrid")
    groups = groups_to_leave_out(samples, settings.groups) if settings.with_ablation else None
    training = Training(
        METHOD,
        hybrid_method(settings),
        lambda told: fit_hybrid(samples, settings, told, is_cancelled),
        lambda fitted: hybrid_graph(fitted.ensemble, fitted.forests, is_cancelled),
    )
    return train_and_write(
        samples, settings, training, path,
        schemes=schemes, n_folds=n_folds, groups=groups, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
