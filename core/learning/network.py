"""Training of networks by name: variograms, inputs, inner folds, the ensemble, its intervals, the model file.

Everything is fitted on the samples given and on nothing else, so a cross-validation that calls `fit_network` on each
outer training fold (`network_method`) is honest by construction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..coincident import average_coincident
from ..errors import ModelFileError
from ..kriging.back_transform import BackTransform
from ..prediction.contract import contract_of, decode_array, encode_array
from ..prediction.hybrid import Prediction
from ..prediction.network_model import KIND, NetworkModel, NetworkTarget
from ..progress import IsCancelled, Progress, never, part, silent
from ..samples import Covariates, Samples
from ..validation.ablation import NEGLIGIBLE, Ablation
from ..validation.folds import inseparable_groups
from ..validation.gradients import with_own_covariates
from ..validation.intervals import IntervalTable, normalized_scores
from ..validation.predictive import Method, PredictiveDistribution, Predictor
from .architectures import Schedule, Sizes
from .ensembles import NetworkEnsemble
from .inner import require_trainable, set_kinds
from .inner_problem import InnerProblem
from .layers import Weights
from .network_inputs import inner_problem
from .network_settings import NetworkByName
from .outer import Trained, Training, train_and_write
from .search import Trial, search
from .self_evaluation import Evaluated, ablate, self_evaluate


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network, before or after it is written to a file.

    Parameters
    ----------
    model : NetworkModel
    evaluated : Evaluated
        The ensemble, and the rounds of self-evaluation that led to it.
    ablations : tuple of Ablation
    trials : tuple of Trial
        Of the search for sizes and rates, in order.
    schedule : Schedule
        What the ensemble was trained with.
    sizes : Sizes
    inner_scores : dict
        By target: RMSE on the transformed scale of the network (``network``) and of the kriging among its inputs
        (``kriging``, with external drift where there are covariates) at samples left out by random folds and by blocks.
    settings : NetworkByName
    folds : tuple of ndarray of int, shape (n_samples,)
        The inner folds, which another training that starts from these weights has to keep.
    notes : tuple of str
    seconds : float
    """

    model: NetworkModel
    evaluated: Evaluated
    ablations: tuple[Ablation, ...]
    trials: tuple[Trial, ...]
    schedule: Schedule
    sizes: Sizes
    inner_scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    settings: NetworkByName
    folds: tuple[np.ndarray, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def ensemble(self) -> NetworkEnsemble:
        """The trained ensemble."""
        return self.evaluated.ensemble

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate as the exported file does, to rounding of float32; see `NetworkModel.predict`."""
        return self.model.predict(coordinates, covariates, self.ensemble.predict, coverage)

    def contract(self, scores: Mapping[str, Any] | None = None) -> dict:
        """Return the JSON object that travels in the model file; its weights allow a warm start.

        Parameters
        ----------
        scores : dict or None
            Outer cross-validated scores (`cross_validated_scores`).
        """
        settings, ensemble = self.settings, self.ensemble
        return contract_of(
            KIND, self.model, self.settings.seed, self.notes, scores,
            network={
                "layers": ensemble.network.to_dict(),
                "n_members": ensemble.n_members,
                "schedule": {**self.schedule.to_dict(), "learning_rate": ensemble.learning_rate},
                "sizes": asdict(self.sizes),
                "epochs": list(ensemble.epochs),
                "weights": {name: encode_array(array) for name, array in ensemble.weights.items()},
                "token_weights": ensemble.token_weights.tolist(),
                "context_weights": ensemble.context_weights.tolist(),
            },
            inner_folds={
                "n_folds": settings.n_inner_folds,
                "sets": set_kinds(settings.n_sets),
                "of_samples": [own.tolist() for own in self.folds],
            },
            groups={name: list(members) for name, members in settings.groups.items()},
            group_weights=self.evaluated.weights,
            self_evaluation={
                **asdict(settings.resolved_self_evaluation),
                "chosen": self.evaluated.chosen,
                "history": [one.to_dict() for one in self.evaluated.rounds],
            },
            ablation=[one.to_dict() for one in self.ablations],
            search={"minutes": settings.search_minutes, "trials": [asdict(trial) for trial in self.trials]},
            inner_scores=self.inner_scores,
        )  # fmt: skip


def saved_folds(contract: Mapping[str, Any], n_samples: int) -> tuple[np.ndarray, ...] | None:
    """Return the inner folds of the samples that the contract of a network holds; None where an old file has none.

    Raises
    ------
    ModelFileError
        When they are not those of so many samples.
    """
    stored = contract["inner_folds"].get("of_samples")
    if stored is None:
        return None
    folds = tuple(np.array(own) for own in stored)
    if not folds or any(own.shape != (n_samples,) or own.dtype.kind != "i" for own in folds):
        raise ModelFileError(f"Expected inner folds of {n_samples} samples in the model file. Train the model again.")
    return folds


def saved_weights(contract: Mapping[str, Any]) -> Weights:
    """Return the trained weights that the contract of a network holds, to start another training from.

    Raises
    ------
    ModelFileError, KeyError
        When they are damaged or missing.
    """
    return {name: decode_array(array) for name, array in contract["network"]["weights"].items()}


def fit_network(
    samples: Samples,
    settings: NetworkByName | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    start: Weights | None = None,
    folds: tuple[np.ndarray, ...] | None = None,
) -> FittedNetwork:
    """Train a network by name on samples.

    Parameters
    ----------
    samples : Samples
        At least `inner.MIN_SAMPLES`, no two at one place.
    settings : NetworkByName or None
    progress : Progress
    is_cancelled : IsCancelled
        Asked before every fit and every epoch.
    start : dict of ndarray or None
        `saved_weights` of a model with the same inputs, to start from.
    folds : tuple of ndarray of int, shape (n_samples,), or None
        Inner folds; None makes them. With `start` they must be those of the saved model, or its networks have seen what
        they leave out.

    Returns
    -------
    FittedNetwork

    Raises
    ------
    InputError
        When samples coincide (they are named) or are too few, a target does not vary or leaves its transform's
        domain, or training diverges.
    Cancelled
        When the user asked to stop.
    """
    started = time.perf_counter()
    settings = NetworkByName() if settings is None else settings
    samples = with_own_covariates(samples, settings.seed)
    problem, transforms = inner_problem(samples, settings, part(progress, 0.0, 0.2), is_cancelled, folds)
    schedule, sizes = settings.resolved_schedule, settings.sizes
    trials: tuple[Trial, ...] = ()
    first = 0.2
    if settings.search_minutes > 0:
        found = search(problem, sizes, schedule, settings.search_minutes, part(progress, 0.2, 0.6), is_cancelled)
        schedule, sizes, trials, first = found.schedule, found.sizes, found.trials, 0.6
    progress(first, f"Training {problem.rows.n_members} networks at once")
    last = 0.7 if settings.with_ablation else 0.98
    evaluated = self_evaluate(
        problem, sizes, schedule, settings.resolved_self_evaluation, start, part(progress, first, last), is_cancelled
    )
    ablations: tuple[Ablation, ...] = ()
    if settings.with_ablation:
        ablations = ablate(problem, evaluated, sizes, schedule, part(progress, last, 0.98), is_cancelled)
    targets, inner_scores = [], {}
    for column, name in enumerate(samples.targets):
        own = samples.of(name)
        n_places = int(inseparable_groups(own.coordinates, own.holes).max()) + 1
        target, scores = _target(problem, evaluated.ensemble, column, name, settings, transforms[column], n_places)
        targets.append(target)
        inner_scores[name] = scores
    model = NetworkModel(settings.architecture, samples, problem.features, tuple(targets))
    progress(1.0, "Trained")
    return FittedNetwork(
        model, evaluated, ablations, trials, schedule, sizes, inner_scores, settings, problem.rows.folds,
        _notes(problem, evaluated, inner_scores, settings), time.perf_counter() - started,
    )  # fmt: skip


def _target(
    problem: InnerProblem, ensemble: NetworkEnsemble, column: int, name: str, settings: NetworkByName, transform: Any,
    n_places: int,
) -> tuple[NetworkTarget, dict]:  # fmt: skip
    """Learn a target's intervals and its way back from errors at samples left out, of so many places or holes."""
    known = ~np.isnan(problem.values[:, column])
    values, sigma = problem.values[known, column], problem.rows.sigma[:, known, column]
    out_of_fold = ensemble.out_of_fold[:, known, column]
    errors = values - out_of_fold
    scores = [normalized_scores(own, spread) for own, spread in zip(errors, sigma)]
    intervals = IntervalTable.from_scores(*scores, n_independent=n_places)
    spread = float(np.sqrt(np.mean(np.square(scores))))
    estimate = out_of_fold.mean(axis=0)
    variance = np.mean((spread * sigma) ** 2, axis=0)
    way_back = BackTransform.fit(transform, values, estimate, variance)
    kinds = np.array(set_kinds(len(errors)))
    kriged = values - problem.rows.kriged[:, known, column]
    inner = {
        what: {kind: float(np.sqrt(np.mean(found[kinds == kind] ** 2))) for kind in ("random", "blocks")}
        for what, found in (("network", errors), ("kriging", kriged))
    }
    return NetworkTarget(name, settings.units.get(name, ""), transform, intervals, spread, way_back), inner


def _notes(
    problem: InnerProblem, evaluated: Evaluated, inner_scores: Mapping[str, Any], settings: NetworkByName
) -> tuple[str, ...]:
    """Say in words what the training came to."""
    notes = []
    length = problem.features.neighbors.n_neighbors
    if length < settings.n_neighbors:
        notes.append(
            f"Sequences hold {length} neighbours instead of {settings.n_neighbors}: inner folds leave no more samples."
        )
    for name, scores in inner_scores.items():
        ratio = np.sqrt(
            np.mean([(scores["network"][kind] / scores["kriging"][kind]) ** 2 for kind in scores["network"]])
        )
        if abs(ratio - 1.0) < NEGLIGIBLE:
            notes.append(f"{name}: at samples left out the network ties with the kriging among its inputs.")
        elif ratio > 1.0:
            notes.append(
                f"{name}: the network's error at samples left out is {100 * (ratio - 1):.0f} % above that of the "
                "kriging among its inputs. The architecture hybrid keeps kriging as its floor."
            )
    if len(evaluated.rounds) > 1:
        rounds = ", ".join(f"{one.rmse:.3f}" for one in evaluated.rounds)
        notes.append(
            f"Self-evaluation: inner RMSE by round {rounds} standard deviations; round {evaluated.chosen} was kept."
        )
    return tuple(notes)


def network_method(settings: NetworkByName) -> Method:
    """Return a network as a method of `compare_methods`, retrained on each training fold.

    Where a location has a class of a covariate that the training samples lack, the ordinary kriging among the inputs
    is its estimate, and a note says so.

    Parameters
    ----------
    settings : NetworkByName
        The seed is taken from the comparison. Variograms given in the settings are not used: they may have been fitted
        to the held-out samples.
    """

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        own = replace(settings, seed=seed, variograms={}, with_ablation=False)
        return predictor_of(fit_network(training, own, progress, is_cancelled))

    return fit


def predictor_of(fitted: FittedNetwork) -> Predictor:
    """Return a trained network as a predictor of distributions."""

    def predict(coordinates: np.ndarray, covariates: Covariates | None) -> PredictiveDistribution:
        return fitted.model.distribution(coordinates, covariates, fitted.ensemble.predict)

    return predict


def train_network(
    samples: Samples,
    settings: NetworkByName,
    path: str | Path,
    *,
    schemes: tuple[str, ...] = ("random", "blocks"),
    n_folds: int = 5,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    start: Weights | None = None,
    folds: tuple[np.ndarray, ...] | None = None,
) -> Trained[FittedNetwork]:
    """Cross-validate a network beside kriging, train it on all samples, and write the model file.

    Parameters
    ----------
    samples, settings, start, folds
        See `fit_network`. The time of a search is shared by the outer folds and the final training.
    path, schemes, n_folds, progress, is_cancelled
        See `train_and_write`.

    Raises
    ------
    InputError
        As `fit_network` and `compare_methods`.
    Cancelled
        When the user asked to stop; no file is written.
    """
    from .export import network_graph

    require_trainable(samples, f"Training {settings.architecture}")
    if schemes:
        settings = replace(settings, search_minutes=settings.search_minutes / (n_folds * len(schemes) + 1))
    training = Training(
        settings.architecture,
        network_method(settings),
        lambda told: fit_network(samples, settings, told, is_cancelled, start, folds),
        lambda fitted: network_graph(fitted.ensemble, fitted.model.graph_output, is_cancelled),
    )
    return train_and_write(
        samples, settings, training, path,
        schemes=schemes, n_folds=n_folds, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
