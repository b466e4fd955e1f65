"""Training of the hybrid: kriging bases, the drift network, the stack, the intervals, the model file.

Everything is fitted on the samples given and on nothing else, so a cross-validation that calls `fit_hybrid`
(through `hybrid_method`) on each outer training fold is honest by construction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..features.covariates import CovariateEncoder
from ..features.neighbors import NeighborFeatures
from ..kriging.back_transform import BackTransform
from ..kriging.evidence import drift_evidence
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..prediction.contract import contract_of
from ..prediction.hybrid import (
    EXACT_LIMIT,
    EXTERNAL,
    FOREST,
    NETWORK,
    ORDINARY,
    Base,
    BaseEstimate,
    HybridModel,
    Prediction,
    TargetModel,
    local_weights,
)
from ..prediction.intervals import quantiles_about
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Covariates, Samples, average_coincident, require_variation
from ..transforms import Transform
from ..validation.ablation import groups_to_leave_out
from ..validation.folds import inseparable_groups
from ..validation.gradients import with_own_covariates
from ..validation.intervals import IntervalTable, normalized_scores
from ..validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ..validation.predictive import (
    UNTRANSFORMED,
    Method,
    PredictiveDistribution,
    Predictor,
    Transforms,
    transform_of,
)
from ..variogram.choice import lowest_error, most_likely
from ..variogram.fitting import FittedVariogram, fit_variogram
from ..variogram.models import VariogramModel
from .forests import DriftForests, ForestSettings, grow_drift_forests
from .inner import inner_folds, require_trainable, set_kinds
from .outer import Trained, train_and_write
from .stacking import RIDGE, Stack, judged_stack, stack_near_and_far, stack_weights
from .training import DriftEnsemble, NetworkSettings, train_drift_network

METHOD = "hybrid"
"""Name of the hybrid in tables."""

_RELATED = 0.97
"""Share to which kriging residuals of a learned drift has to lower the error at holes left out to be believed."""

LEARNED = (FOREST, NETWORK)
"""Bases whose drift is learned out-of-fold."""

SHARES = {ORDINARY: 1.0, EXTERNAL: 1.0, FOREST: 2.0, NETWORK: 2.0}
"""Prior of the stack: a third to kriging, a third to each learned drift."""

SEVERAL_FITS_LIMIT = GLOBAL_LIMIT
"""Up to so many samples a base averages several fits of its variogram; more samples leave less to doubt."""

MANY_SETS_LIMIT = EXACT_LIMIT
"""Up to so many samples drifts are learned on four inner sets of folds: the mean over more sets predicts better."""

SCALES = {"log": "logarithms", "log1p": "logarithms", "boxcox": "the Box-Cox scale", "normal_score": "normal scores"}
"""What the scale of kriging is called, by kind of transform."""

WORSE_FIT = 0.15
"""Relative error on blocks left out by which another fit of a variogram may be worse than the chosen one."""


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
        fitted = fit_variogram(
            samples.coordinates, values[:, column], model=model or settings.variogram_model, drift=drift,
            method=settings.variogram_method, seed=settings.seed, progress=where, is_cancelled=is_cancelled,
            holes=samples.holes,
        )  # fmt: skip
        others: tuple[VariogramModel, ...] = ()
        if drift is not None and kind in LEARNED and in_holes:
            few = len(samples) <= EXACT_LIMIT
            alone = _uncorrelated(
                fitted.model, samples.coordinates, values[:, column], drift, groups if few else folds[0],
                Neighborhood() if few else neighborhood,
            )  # fmt: skip
            if alone is not None:
                return Base(kind, alone, 0.0)
        if len(samples) <= SEVERAL_FITS_LIMIT:
            others = _other_variograms(fitted, samples.coordinates, values[:, column], drift, folds[1])
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
        # are too steep for it, and in holes the line may be all that the base says (`_uncorrelated`).
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
        held_out, credible = _held_out(
            samples, own_values, transforms[column], bases[column], drifts[column],
            {kind: out_of_fold[:, :, column] for kind, out_of_fold in learned.items()}, folds,
            neighborhood if settings.neighborhood is not None or len(samples) > EXACT_LIMIT else Neighborhood(),
        )  # fmt: skip
        target, stack, scores = _stack(
            name, settings, transforms[column], own_values, bases[column], credible, held_out, folds[1], in_holes
        )
        targets.append(target)
        stacks.append(stack)
        inner_scores[name] = scores
        notes.extend(_stack_notes(target, stack, credible, held_out, folds[1]))
    model = HybridModel(samples, drift_of[NETWORK], features, neighborhood, tuple(targets), drift_of.get(FOREST))
    progress(1.0, "Trained")
    return FittedHybrid(
        model, ensemble, forests, tuple(stacks), inner_scores, settings, tuple(notes), time.perf_counter() - started
    )


@dataclass(frozen=True)
class _HeldOut:
    """Errors (observed - predicted), kriging standard deviations and smoothing variances, (n_samples, n_bases) each."""

    kind: str
    errors: np.ndarray
    sigma: np.ndarray
    smoothing: np.ndarray

    def stacked(self, bases: Sequence[Base]) -> tuple[np.ndarray, np.ndarray]:
        """Return errors and standard deviations of the stack, as a prediction forms them."""
        weights = local_weights(bases, self.sigma)
        return np.sum(weights * self.errors, axis=1), np.sum(weights * self.sigma, axis=1)


def _held_out(
    samples: Samples,
    values: np.ndarray,
    transform: Transform,
    bases: list[Base],
    drifts: list[np.ndarray | None],
    learned: Mapping[str, np.ndarray],
    folds: tuple[np.ndarray, ...],
    neighborhood: Neighborhood,
) -> tuple[list[_HeldOut], np.ndarray]:
    """Leave samples out singly (or hole by hole) and by each inner set of blocks; test each base's drift.

    In each question a learned drift is the out-of-fold one of the same kind of folds, so that nothing that
    predicts a left-out cluster has trained on it.

    Returns
    -------
    held_out : list of _HeldOut
    credible : ndarray, shape (n_bases,)
        Share of each base's drift that is not chance; 0 for a learned drift that runs against the values. (On a
        target that the inputs do not explain, out-of-fold means are anti-correlated with the values left out, and
        kriging would turn that artefact upside down into a false gain.)
    """
    groups = inseparable_groups(samples.coordinates, samples.holes)
    if neighborhood.max_neighbors is not None and len(np.unique(groups)) < len(groups):
        # Hole by hole every neighbourhood would be solved anew for each: leave out some holes together.
        groups = folds[0]
    kinds = set_kinds(len(folds))
    is_random = np.array([kind == "random" for kind in kinds])
    questions = [("leave_one_out", groups, {kind: own[is_random].mean(axis=0) for kind, own in learned.items()})]
    questions += [
        ("leave_cluster_out", own, {kind: sets[index] for kind, sets in learned.items()})
        for index, own in enumerate(folds)
        if kinds[index] == "blocks"
    ]
    results = []
    for kind, left_out, learned_drift in questions:
        errors, sigma, smoothing = np.empty((3, len(samples), len(bases)))
        for index, base in enumerate(bases):
            drift = learned_drift[base.name][:, None] if base.name in learned_drift else drifts[index]
            kriging = base.kriging(samples.coordinates, values, neighborhood, drift, transform)
            result = kriging.leave_out(left_out)
            errors[:, index], sigma[:, index] = values - result.estimate, result.sigma
            smoothing[:, index] = result.smoothing_variance
        # Where a drift cannot be estimated without the left-out samples, predictions fall back to the first base.
        unknown = ~np.isfinite(errors)
        errors = np.where(unknown, errors[:, :1], errors)
        sigma = np.where(unknown, sigma[:, :1], sigma)
        smoothing = np.where(unknown, smoothing[:, :1], smoothing)
        usable = np.isfinite(errors).all(axis=1)
        if not usable.all():
            raise InputError(
                f"{int((~usable).sum())} of {len(samples)} samples cannot be estimated from the others. "
                "Widen the search neighbourhood or lower its smallest number of neighbours."
            )
        results.append(_HeldOut(kind, errors, sigma, smoothing))
    credible = np.ones(len(bases))
    for index, base in enumerate(bases):
        if drifts[index] is not None:
            fitted = fit_kriging(samples.coordinates, values, base.variogram, neighborhood, drifts[index])
            evidence = drift_evidence(fitted)
            against = base.name in learned and evidence.slopes[0] <= 0
            credible[index] = 0.0 if against else evidence.credible_share
    return results, credible


def _uncorrelated(
    fitted: VariogramModel, coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray, groups: np.ndarray,
    neighborhood: Neighborhood,
) -> VariogramModel | None:  # fmt: skip
    """Return a pure nugget where residuals of a drift say nothing about another hole, None where they do.

    Pairs within holes outnumber all others, so a variogram of residuals is that along holes. Across holes, which is
    where a map lies, residuals may be unrelated; kriging them would then carry the noise of one hole to the next, and
    the slope of the drift would be that within holes. So the drift stands alone unless the errors at holes left out
    are clearly lower with the fitted variogram: below `_RELATED` of those without.
    """
    line = np.column_stack([np.ones(len(values)), drift])
    residual = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
    alone = VariogramModel(float(np.mean(residual**2)), ())
    squared = [_squared_errors(model, coordinates, values, drift, groups, neighborhood) for model in (fitted, alone)]
    known = np.isfinite(squared).all(axis=0)
    return None if squared[0][known].sum() < _RELATED**2 * squared[1][known].sum() else alone


def _other_variograms(
    fitted: FittedVariogram,
    coordinates: np.ndarray,
    values: np.ndarray,
    drift: np.ndarray | None,
    blocks: np.ndarray,
) -> tuple[VariogramModel, ...]:
    """Return the isotropic fit by likelihood and the one by least squares, where they differ from the chosen one.

    Left out is one whose error on blocks left out exceeds the chosen one's by more than `WORSE_FIT`: where anisotropy
    is strong, isotropic variograms are no second opinion.
    """
    isotropic = [
        c for c in fitted.candidates
        if c.method == "reml" and c.model is not None and all(part.is_isotropic for part in c.model.structures)
    ]  # fmt: skip
    by_lags = [c for c in fitted.candidates if c.method == "least_squares"]
    found = [c.model for c in (most_likely(isotropic), lowest_error(by_lags)) if c is not None and c.model is not None]
    others = dict.fromkeys(model for model in found if model != fitted.model)
    if not others:
        return ()

    squared = {
        model: _squared_errors(model, coordinates, values, drift, blocks) for model in (fitted.model, *others)
    }
    known = np.isfinite(squared[fitted.model])
    limit = (1.0 + WORSE_FIT) ** 2 * squared[fitted.model][known].sum()
    return tuple(model for model in others if squared[model][known].sum() <= limit)


def _squared_errors(
    model: VariogramModel, coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray | None, groups: np.ndarray,
    neighborhood: Neighborhood | None = None,
) -> np.ndarray:  # fmt: skip
    """Return squared errors of kriging each group of samples from the others; NaN where it cannot be."""
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    return (values - kriging.leave_group_out(groups).estimate) ** 2


def _stack(
    name: str,
    settings: HybridSettings,
    transform: Transform,
    values: np.ndarray,
    bases: list[Base],
    credible: np.ndarray,
    held_out: list[_HeldOut],
    clusters: np.ndarray,
    in_holes: bool,
) -> tuple[TargetModel, Stack, dict]:
    """Weigh the bases of one target, and learn its intervals from the stack's held-out errors.

    In holes the weights are the same everywhere: all questions are about other holes.
    """
    kriging = [index for index, base in enumerate(bases) if base.name not in LEARNED]
    shares = np.array([SHARES[base.name] for base in bases])
    singly = held_out[0]
    bases = [
        replace(
            base,
            back_transform=BackTransform.fit(
                transform, values, values - singly.errors[:, index], singly.smoothing[:, index]
            ),
            usual_sigma=float(np.median(singly.sigma[:, index])),
        )
        for index, base in enumerate(bases)
    ]
    in_data_units = [_in_data_units(one, transform, values, bases) for one in held_out]
    find = stack_weights if in_holes else stack_near_and_far
    stack = find(in_data_units, kriging, clusters, credible, shares, settings.ridge)
    weighted = [
        replace(base, weight=float(near), far_weight=float(far))
        for base, near, far in zip(bases, stack.weights, stack.far_weights)
    ]
    if not in_holes:
        far_sigma = np.median([one.sigma[:, 0] for one in held_out[1:]])
        weighted[0] = replace(weighted[0], far_sigma=float(far_sigma))
    scores: dict[str, dict[str, float]] = {}
    for kind in ("leave_one_out", "leave_cluster_out"):
        own = [one for one in held_out if one.kind == kind]
        squared = np.mean([np.mean(one.errors**2, axis=0) for one in own], axis=0)
        stacked = np.mean([np.mean(one.stacked(weighted)[0] ** 2) for one in own])
        scores[kind] = {base.name: float(np.sqrt(mse)) for base, mse in zip(bases, squared)}
        scores[kind][METHOD] = float(np.sqrt(stacked))
    intervals = IntervalTable.from_scores(*(normalized_scores(*one.stacked(weighted)) for one in held_out))
    target = TargetModel(name, settings.units.get(name, ""), transform, tuple(weighted), intervals)
    return target, stack, scores


def _in_data_units(held_out: _HeldOut, transform: Transform, values: np.ndarray, bases: list[Base]) -> np.ndarray:
    """Return the errors of the bases' means in data units, shape (n_samples, n_bases)."""
    errors = np.empty_like(held_out.errors)
    observed = transform.inverse(values)
    for index, base in enumerate(bases):
        found = BaseEstimate(values - held_out.errors[:, index], held_out.sigma[:, index], held_out.smoothing[:, index])
        errors[:, index] = observed - base.means(transform, found)[0]
    return errors


def _stack_notes(
    target: TargetModel, stack: Stack, credible: np.ndarray, held_out: Sequence[_HeldOut], clusters: np.ndarray
) -> list[str]:
    """Say in words what the stack came to."""
    reference = target.bases[stack.reference].name.replace("_", " ")
    notes = []
    words = {EXTERNAL: "the covariates", FOREST: "the forest", NETWORK: "the network"}
    weak = [words[base.name] for base, share in zip(target.bases, credible) if share == 0]
    if weak:
        verb = "adds" if len(weak) == 1 and weak[0] != words[EXTERNAL] else "add"
        notes.append(
            f"{target.name}: what {' and '.join(weak)} {verb} to ordinary kriging cannot be told from chance and is "
            "left out."
        )
    if stack.within_noise:
        kriging = [index for index, base in enumerate(target.bases) if base.name not in LEARNED]
        weights = [stack.weights, *[stack.far_weights] * len(held_out[1:])]
        transformed = judged_stack([one.errors for one in held_out], kriging, clusters, weights)
        if target.transform.kind != "none" and stack.gain > 0 and not transformed.within_noise:
            rival = target.bases[transformed.reference].name.replace("_", " ")
            notes.append(
                f"{target.name}: ties with kriging in data units, where the inner gain over {reference} is within its "
                f"noise; on {SCALES[target.transform.kind]} its inner RMSE is clearly lower than that of {rival}, by "
                f"{100 * (1 - transformed.rmse_ratio):.0f} %."
            )
        else:
            notes.append(f"{target.name}: ties with kriging; the inner gain over {reference} is within its noise.")
    return notes


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

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
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
