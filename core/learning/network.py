"""Training of networks by name: variograms, inputs, inner folds, the ensemble, its intervals, the model file.

Everything is fitted on the samples given and on nothing else, so a cross-validation that calls `fit_network` on each
outer training fold (`network_method`) is honest by construction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..features.gradients import gradient_names
from ..features.sequences import SequenceFeatures, along_holes
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..prediction.contract import FORMAT, VERSION, decode_array, encode_array
from ..prediction.hybrid import Prediction
from ..prediction.network_model import KIND, NetworkModel, NetworkTarget
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..provenance import data_hash, versions
from ..samples import Covariates, Samples, average_coincident, require_variation
from ..validation.folds import inseparable_groups, spatial_blocks
from ..validation.gradients import with_own_covariates
from ..validation.intervals import IntervalTable, normalized_scores
from ..validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ..validation.predictive import UNTRANSFORMED, Method, PredictiveDistribution, Predictor, Transforms, transform_of
from ..variogram.fitting import fit_variogram
from ..variogram.models import VariogramModel
from .architectures import Schedule, Sizes, architecture_of
from .ensembles import InnerProblem, NetworkEnsemble, fewest_donors, prepare_members
from .inner import inner_folds, require_trainable, set_kinds
from .layers import Weights
from .outer import Trained, train_and_write
from .search import Trial, search
from .self_evaluation import NEGLIGIBLE, Ablation, Evaluated, SelfEvaluation, ablate, self_evaluate

_SAMPLES_PER_BLOCK = 5
"""Samples in one of the blocks that are permuted together and that intervals resample."""


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
        samples, settings, ensemble = self.model.samples, self.settings, self.ensemble
        covariates = [] if samples.covariates is None else [samples.covariates.values]
        return {
            "format": FORMAT,
            "version": VERSION,
            "kind": KIND,
            **self.model.to_dict(),
            "network": {
                "layers": ensemble.network.to_dict(),
                "n_members": ensemble.n_members,
                "schedule": {**self.schedule.to_dict(), "learning_rate": ensemble.learning_rate},
                "sizes": asdict(self.sizes),
                "epochs": list(ensemble.epochs),
                "weights": {name: encode_array(array) for name, array in ensemble.weights.items()},
                "token_weights": ensemble.token_weights.tolist(),
                "context_weights": ensemble.context_weights.tolist(),
            },
            "inner_folds": {"n_folds": settings.n_inner_folds, "sets": set_kinds(settings.n_sets)},
            "groups": {name: list(members) for name, members in settings.groups.items()},
            "group_weights": self.evaluated.weights,
            "self_evaluation": {
                **asdict(settings.resolved_self_evaluation),
                "chosen": self.evaluated.chosen,
                "history": [one.to_dict() for one in self.evaluated.rounds],
            },
            "ablation": [one.to_dict() for one in self.ablations],
            "search": {"minutes": settings.search_minutes, "trials": [asdict(trial) for trial in self.trials]},
            "inner_scores": self.inner_scores,
            "scores": scores,
            "seed": settings.seed,
            "notes": list(self.notes),
            "data_sha256": data_hash(samples.coordinates, samples.values, *covariates),
            "versions": versions(),
        }


def saved_weights(contract: Mapping[str, Any]) -> Weights:
    """Return the trained weights that the contract of a network holds, to start another training from.

    Raises
    ------
    ModelFileError, KeyError
        When they are damaged or missing.
    """
    return {name: decode_array(array) for name, array in contract["network"]["weights"].items()}


def inner_problem(
    samples: Samples,
    settings: NetworkByName,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    folds: tuple[np.ndarray, ...] | None = None,
) -> tuple[InnerProblem, list[Any]]:
    """Fit variograms and inputs on samples, and prepare the rows of all members.

    Returns
    -------
    problem : InnerProblem
    transforms : list of Transform
        One a target, fitted.

    Raises
    ------
    InputError, Cancelled
        As `fit_network`.
    """
    require_trainable(samples, f"Training {settings.architecture}")
    transforms = [transform_of(settings.transforms, samples, target) for target in samples.targets]
    values = np.column_stack(
        [transform.forward(samples.target(name), name) for transform, name in zip(transforms, samples.targets)]
    )
    variograms = []
    for column, name in enumerate(samples.targets):
        require_variation(values[:, column], name)
        where = part(progress, 0.7 * column / len(samples.targets), 0.7 * (column + 1) / len(samples.targets))
        where(0.0, f"Fitting the variogram of {name}")
        stop_if(is_cancelled)
        given = settings.variograms.get(name)
        if given is None:
            given = fit_variogram(
                samples.coordinates, values[:, column], model=settings.variogram_model,
                method=settings.variogram_method, seed=settings.seed, progress=where, is_cancelled=is_cancelled,
            ).model  # fmt: skip
        variograms.append(given)
    neighborhood = settings.neighborhood
    if neighborhood is None:
        neighborhood = Neighborhood() if len(samples) <= GLOBAL_LIMIT else Neighborhood(max_neighbors=LOCAL_NEIGHBORS)
    if folds is None:
        folds = inner_folds(samples, settings.n_inner_folds, settings.n_sets, settings.seed)
    groups = inseparable_groups(samples.coordinates, samples.holes)
    are_apart = int(groups.max()) + 1 == len(samples)
    fewest = fewest_donors(folds, are_apart)
    order = settings.order
    if order is None:
        order = "far_to_near"
        if samples.holes is not None and samples.n_dimensions == 3:
            order = "top_to_bottom" if samples.depths is None else "down_holes"
    use_coordinates = settings.use_coordinates
    if use_coordinates is None:
        use_coordinates = architecture_of(settings.architecture).use_coordinates
    features = SequenceFeatures.fit(
        samples.coordinates, samples.covariates, values, tuple(variograms), neighborhood,
        max(2, min(settings.n_neighbors, fewest - 2)), use_coordinates, order,
    )  # fmt: skip
    encoded = features.neighbors.encode(samples.covariates, len(samples))
    if 0 < encoded.shape[1] <= len(samples) // 5:
        drifted = []
        for column, name in enumerate(samples.targets):
            stop_if(is_cancelled)
            progress(0.7, f"Fitting the variogram of {name} with covariates as drift")
            structures = variograms[column].structures
            shape = structures[0].model if structures and structures[0].shape is None else settings.variogram_model
            drifted.append(
                fit_variogram(
                    samples.coordinates, values[:, column], model=shape, drift=encoded,
                    method=settings.variogram_method, seed=settings.seed, is_cancelled=is_cancelled,
                ).model
            )  # fmt: skip
        features = replace(features, drift_variograms=tuple(drifted))
    progress(0.75, "Describing the samples to each network")
    along = along_holes(samples)
    rows = prepare_members(features, samples.coordinates, encoded, values, folds, are_apart, is_cancelled, along)
    n_blocks = max(2, int(groups.max() + 1) // _SAMPLES_PER_BLOCK)
    clusters = spatial_blocks(samples.coordinates, n_blocks, settings.seed, holes=samples.holes)
    groups_of_columns = features.groups(settings.groups, gradient_names(samples.covariates))
    return InnerProblem(
        settings.architecture, features, samples.coordinates, values, rows, *groups_of_columns, clusters, settings.seed,
    ), transforms  # fmt: skip


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
        target, scores = _target(problem, evaluated.ensemble, column, name, settings, transforms[column])
        targets.append(target)
        inner_scores[name] = scores
    model = NetworkModel(settings.architecture, samples, problem.features, tuple(targets))
    progress(1.0, "Trained")
    return FittedNetwork(
        model, evaluated, ablations, trials, schedule, sizes, inner_scores, settings,
        _notes(problem, evaluated, inner_scores, settings), time.perf_counter() - started,
    )  # fmt: skip


def _target(
    problem: InnerProblem, ensemble: NetworkEnsemble, column: int, name: str, settings: NetworkByName, transform: Any
) -> tuple[NetworkTarget, dict]:
    """Learn a target's intervals and its way back from errors at samples left out."""
    values, sigma = problem.values[:, column], problem.rows.sigma[:, :, column]
    errors = values - ensemble.out_of_fold[:, :, column]
    scores = [normalized_scores(own, spread) for own, spread in zip(errors, sigma)]
    places = int(inseparable_groups(problem.coordinates).max()) + 1
    intervals = IntervalTable.from_scores(*scores, n_independent=places)
    spread = float(np.sqrt(np.mean(np.square(scores))))
    estimate = ensemble.out_of_fold[:, :, column].mean(axis=0)
    variance = np.mean((spread * sigma) ** 2, axis=0)
    way_back = BackTransform.fit(transform, values, estimate, variance)
    kinds = np.array(set_kinds(len(errors)))
    kriged = values - problem.rows.kriged[:, :, column]
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
    return train_and_write(
        samples, settings, settings.architecture, network_method(settings),
        lambda told: fit_network(samples, settings, told, is_cancelled, start, folds),
        lambda fitted: network_graph(fitted.ensemble, fitted.model.graph_output, is_cancelled),
        path, schemes=schemes, n_folds=n_folds, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
