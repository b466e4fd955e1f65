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
from ..features.covariates import CovariateEncoder
from ..features.neighbors import NeighborFeatures
from ..kriging.neighborhood import Neighborhood
from ..prediction.bases import EXACT_LIMIT, EXTERNAL, FOREST, LEARNED, NETWORK, ORDINARY, Base
from ..prediction.contract import contract_of
from ..prediction.hybrid import HybridModel, Prediction
from ..prediction.intervals import quantiles_about
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Covariates, Samples, require_variation
from ..validation.ablation import groups_to_leave_out
from ..validation.folds import inseparable_groups
from ..validation.gradients import with_own_covariates
from ..validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ..validation.predictive import (
    Method,
    PredictiveDistribution,
    Predictor,
    transform_of,
)
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import fit_variogram
from ..variogram.models import VariogramModel
from .base_variograms import other_variograms, uncorrelated
from .forests import DriftForests, grow_drift_forests
from .held_out import leave_bases_out
from .hybrid_settings import HybridSettings
from .inner import inner_folds, require_trainable, set_kinds
from .outer import Trained, train_and_write
from .stacking import Stack
from .target_stack import METHOD, stack_notes, stack_target
from .training import DriftEnsemble, train_drift_network

SEVERAL_FITS_LIMIT = GLOBAL_LIMIT
"""Up to so many samples a base averages several fits of its variogram; more samples leave less to doubt."""


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
        """Return the drift as the exported graph does, see `core.prediction.hybrid.Network`."""
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
    settings = HybridSettings() if settings is None else settings
    require_trainable(samples, "Training a hybrid")
    samples = with_own_covariates(samples, settings.seed)
    transforms = [transform_of(settings.transforms, samples, target) for target in samples.targets]
    values = np.column_stack(
        [transform.forward(samples.target(name), name) for transform, name in zip(transforms, samples.targets)]
    )
    for column, name in enumerate(samples.targets):
        require_variation(values[:, column], name)
    neighborhood = settings.neighborhood
    if neighborhood is None:
        neighborhood = Neighborhood() if len(samples) <= GLOBAL_LIMIT else Neighborhood(max_neighbors=LOCAL_NEIGHBORS)
    notes: list[str] = []
    n_targets = len(samples.targets)

    folds = inner_folds(samples, settings.n_inner_folds, settings.sets_for(len(samples)), settings.seed)
    groups = inseparable_groups(samples.coordinates, samples.holes)
    in_holes = len(np.unique(groups)) < len(groups)

    def base_of(
        kind: str, column: int, drift: np.ndarray | None, where: Progress, model: str = "",
        encoder: CovariateEncoder | None = None,
    ) -> Base:  # fmt: skip
        stop_if(is_cancelled)
        options = FitOptions(
            model=model or settings.variogram_model, method=settings.variogram_method, seed=settings.seed
        )
        fitted = fit_variogram(
            samples.coordinates, values[:, column], options,
            drift=drift, holes=samples.holes, progress=where, is_cancelled=is_cancelled,
        )  # fmt: skip
        others: tuple[VariogramModel, ...] = ()
        if drift is not None and kind in LEARNED and in_holes:
            few = len(samples) <= EXACT_LIMIT
            alone = uncorrelated(
                fitted.model, samples.coordinates, values[:, column], drift, groups if few else folds[0],
                Neighborhood() if few else neighborhood,
            )  # fmt: skip
            if alone is not None:
                return Base(kind, alone, 0.0)
        if len(samples) <= SEVERAL_FITS_LIMIT:
            others = other_variograms(fitted, samples.coordinates, values[:, column], drift, folds[1])
        return Base(kind, fitted.model, 0.0, encoder, others)

    bases: list[list[Base]] = [[] for _ in samples.targets]
    drifts: list[list[np.ndarray | None]] = [[] for _ in samples.targets]
    for column, name in enumerate(samples.targets):
        where = part(progress, 0.3 * column / n_targets, 0.3 * (column + 1) / n_targets)
        where(0.0, f"Kriging {name}")
        given = settings.variograms.get(name)
        own = base_of(ORDINARY, column, None, part(where, 0.0, 0.5)) if given is None else Base(ORDINARY, given, 0.0)
        bases[column].append(own)
        drifts[column].append(None)
        if samples.covariates is not None and samples.covariates.names:
            encoder = CovariateEncoder.fit(samples.covariates, values[:, [column]])
            if 0 < encoder.n_features <= len(samples) // 5:
                drift = encoder.encode(samples.covariates)
                bases[column].append(base_of(EXTERNAL, column, drift, part(where, 0.5, 1.0), encoder=encoder))
                drifts[column].append(drift)
            else:
                notes.append(
                    f"External-drift kriging of {name} is left out: {encoder.n_features} usable covariate columns for "
                    f"{len(samples)} samples."
                )
    fewest = min(int((own != fold).sum()) for own in folds for fold in np.unique(own))
    features = NeighborFeatures.fit(
        samples.coordinates, samples.covariates, tuple(own[0].variogram for own in bases),
        min(settings.n_neighbors, fewest - 1), settings.use_coordinates,
    )  # fmt: skip
    encoded = features.encode(samples.covariates, len(samples))
    n_members = settings.members_per_fold * sum(len(np.unique(own)) for own in folds)
    progress(0.3, f"Training {n_members} networks at once")
    ensemble = train_drift_network(
        features, samples.coordinates, encoded, values, folds, settings.network, settings.seed,
        part(progress, 0.3, 0.7), is_cancelled, settings.members_per_fold,
    )  # fmt: skip
    learned = {NETWORK: ensemble.out_of_fold}
    forests = None
    if settings.forest is not None and (features.encoder is not None or features.n_dimensions == 3):
        forests = grow_drift_forests(
            features.table(samples.coordinates, encoded), values, folds, settings.forest, settings.seed,
            part(progress, 0.7, 0.8), is_cancelled, of_places=features.encoder is None,
        )  # fmt: skip
        learned = {FOREST: forests.out_of_fold, **learned}
    drift_of = {name: out_of_fold.mean(axis=0) for name, out_of_fold in learned.items()}
    if in_holes:
        # Drifts of whole blocks left out are flatter than a map's, which knows the holes around; lines fitted to them
        # are too steep for it, and in holes the line may be all that the base says (`uncorrelated`).
        is_random = np.array([kind == "random" for kind in set_kinds(len(folds))])
        drift_of = {name: out_of_fold[is_random].mean(axis=0) for name, out_of_fold in learned.items()}
    for column, name in enumerate(samples.targets):
        # The shape kriging chose: trying all of them again would take longer than training the network.
        structures = bases[column][-1].variogram.structures
        shape = structures[0].model if structures and structures[0].shape is None else ""
        for index, kind in enumerate(learned):
            done = (column + index / len(learned)) / n_targets
            where = part(progress, 0.8 + 0.18 * done, 0.8 + 0.18 * (done + 1 / (len(learned) * n_targets)))
            where(0.0, f"Kriging {name} with a learned drift")
            drift = drift_of[kind][:, [column]]
            bases[column].append(base_of(kind, column, drift, where, shape))
            drifts[column].append(drift)
    targets, stacks, inner_scores = [], [], {}
    for column, name in enumerate(samples.targets):
        stop_if(is_cancelled)
        progress(0.98, "Stacking")
        own_values = values[:, column]
        held_out, credible = leave_bases_out(
            samples, own_values, transforms[column], bases[column], drifts[column],
            {kind: out_of_fold[:, :, column] for kind, out_of_fold in learned.items()}, folds,
            neighborhood if settings.neighborhood is not None or len(samples) > EXACT_LIMIT else Neighborhood(),
        )  # fmt: skip
        target, stack, scores = stack_target(
            name, settings, transforms[column], own_values, bases[column], credible, held_out, folds[1], in_holes
        )
        targets.append(target)
        stacks.append(stack)
        inner_scores[name] = scores
        notes.extend(stack_notes(target, stack, credible, held_out, folds[1]))
    model = HybridModel(samples, drift_of[NETWORK], features, neighborhood, tuple(targets), drift_of.get(FOREST))
    progress(1.0, "Trained")
    return FittedHybrid(
        model, ensemble, forests, tuple(stacks), inner_scores, settings, tuple(notes), time.perf_counter() - started
    )


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
        centre, sigma, estimate, _, n_unknown = model.stacked(coordinates, covariates, fitted.learned, fill=True)
        notes: tuple[str, ...] = ()
        if n_unknown:
            notes = (
                f"{n_unknown} of {len(coordinates)} held-out samples have a covariate class that no training sample "
                "has; it was taken for the most frequent class there.",
            )
        return PredictiveDistribution(estimate, quantiles_about(model.targets, centre, sigma), notes)

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
    return train_and_write(
        samples, settings, METHOD, hybrid_method(settings),
        lambda told: fit_hybrid(samples, settings, told, is_cancelled),
        lambda fitted: hybrid_graph(fitted.ensemble, fitted.forests, is_cancelled),
        path, schemes=schemes, n_folds=n_folds, groups=groups, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
