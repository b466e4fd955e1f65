"""New samples into a trained model: how well it foresaw them, and the model trained with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..coincident import average_coincident
from ..errors import InputError
from ..features.gradients import gradient_names
from ..kriging.joint_errors import effective_numbers
from ..kriging.neighborhood import Neighborhood
from ..prediction.hybrid import HybridModel
from ..prediction.network_model import KIND as NETWORK
from ..prediction.network_model import NetworkModel
from ..prediction.pretrained import PretrainedModel
from ..prediction.trained_model import KindOfModel, TrainedModel
from ..progress import IsCancelled, Progress, never, part, silent
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.methods import default_neighborhood
from ..variogram.models import VariogramModel
from .architectures import Schedule, Sizes
from .forests import ForestSettings
from .hybrid import train_hybrid
from .hybrid_settings import HybridSettings
from .inner import inner_folds
from .network import saved_folds, saved_weights, train_network
from .network_settings import NetworkByName
from .outer import Trained
from .pretrained import PretrainedSettings, train_pretrained
from .self_evaluation import SelfEvaluation
from .training import NetworkSettings

MODES = ("refit", "warm_start")
"""Train anew as the model was trained, or start from its weights with its variograms (networks by name only)."""

WARM_RATE = 0.3
"""Share of the first learning rate with which a warm start begins."""

COVERAGE = 0.9


@dataclass(frozen=True)
class TargetDrift:
    """How one target of the old model stood at samples it did not know.

    Parameters
    ----------
    target : str
    n : int
        New samples at places of their own.
    rmse, bias : float
        Of the old model at them, data units; bias is observed - predicted.
    bias_error : float
        Standard error of the bias. New samples close together share most of their errors: they count for fewer.
    coverage : float
        Share of them inside the old model's 90 % intervals.
    p_value : float
        How likely so low a coverage is by chance when the intervals hold, of as many independent samples as these tell
        as much as.
    expected_rmse : float or None
        Cross-validated RMSE in the model file, on the folds that ask the hardest question.
    """

    target: str
    n: int
    rmse: float
    bias: float
    bias_error: float
    coverage: float
    p_value: float
    expected_rmse: float | None

    @property
    def is_drift(self) -> bool:
        """Whether intervals fail or a bias shows beyond chance."""
        return self.p_value < 0.05 or abs(self.bias) > 3.0 * self.bias_error

    def to_dict(self) -> dict:
        """Return the JSON object of the drift."""
        return {**asdict(self), "is_drift": self.is_drift}


@dataclass(frozen=True)
class Updated:
    """What `update_model` made.

    Parameters
    ----------
    trained : Trained
    drifts : tuple of TargetDrift
        One a target; empty when no new sample lies at a place of its own.
    n_new, n_replaced : int
        New samples, and how many of them stand in for a sample at the same place.
    architecture : str
        What was trained: hybrid, pretrained, or a network by name.
    """

    trained: Trained[Any]
    drifts: tuple[TargetDrift, ...]
    n_new: int
    n_replaced: int
    architecture: str


def drift_of(model: TrainedModel, new: Samples) -> tuple[TargetDrift, ...]:
    """Compare a model with samples it did not know.

    Parameters
    ----------
    model : TrainedModel
    new : Samples
        With the model's targets and covariates.
    """
    from scipy.stats import binomtest

    predicted = model.predict(new.coordinates, new.covariates, COVERAGE)
    scores = model.contract.get("scores") or {}
    found = []
    for column, target in enumerate(model.targets):
        known = np.isfinite(predicted.estimate[:, column]) & new.known[:, column]
        observed = new.values[known, column]
        if len(observed) == 0:
            continue
        residual = observed - predicted.estimate[known, column]
        of_mean, of_size = effective_numbers(
            model.model.samples.of(target).coordinates, _variogram(model.model, column), new.coordinates[known]
        )
        inside = (observed >= predicted.lower[known, column]) & (observed <= predicted.upper[known, column])
        n_alike = int(of_size + 1e-9)
        expected = [by_target[target]["rmse"] for by_target in scores.values() if target in by_target]
        found.append(TargetDrift(
            target, len(observed), float(np.sqrt(np.mean(residual**2))), float(residual.mean()),
            _error_of_mean(residual, predicted.kriging_variance[known, column], of_mean),
            float(inside.mean()),
            float(binomtest(round(inside.mean() * n_alike), n_alike, COVERAGE, alternative="less").pvalue),
            max(expected) if expected else None,
        ))  # fmt: skip
    return tuple(found)


def _error_of_mean(residual: np.ndarray, foreseen: np.ndarray, of_mean: float) -> float:
    """Return the standard error of mean residuals that tell as much as so many independent ones.

    From how they vary about their mean, and no less than from the variances that the model foresaw: residuals close
    together that are nearly the same do not say how large their common error may be.
    """
    if len(residual) < 2:
        return float("inf")
    seen = residual.var() / (1.0 - 1.0 / of_mean) if of_mean > 1.0 else 0.0
    return float(np.sqrt(max(seen, foreseen.mean()) / of_mean))


def _variogram(model: KindOfModel, column: int) -> VariogramModel:
    """Return the variogram of the ordinary kriging of a target, which every kind of model has."""
    if isinstance(model, NetworkModel):
        return model.features.neighbors.variograms[column]
    target = model.targets[column]
    found: VariogramModel = (target.bases if isinstance(model, HybridModel) else target.members)[0].variogram
    return found


def settings_of(
    contract: Mapping[str, Any], model: KindOfModel
) -> NetworkByName | HybridSettings | PretrainedSettings:
    """Return the settings a model was trained with; variograms are to be fitted again.

    Raises
    ------
    InputError
        For a model that is neither a network by name nor a hybrid nor pre-trained.
    """
    if isinstance(model, NetworkModel):
        return _of_network(contract, model)
    transforms = {target.name: Transform(target.transform.kind) for target in model.targets}
    units, seed = {target.name: target.unit for target in model.targets}, int(contract["seed"])
    if isinstance(model, PretrainedModel):
        chosen = _chosen(model.neighborhood, len(model.samples))
        return PretrainedSettings(transforms, neighborhood=chosen, units=units, seed=seed)
    if not isinstance(model, HybridModel):
        raise InputError(f"Expected a model that can be trained again, got the kind {contract['kind']}.")
    folds, forests = contract["inner_folds"], contract.get("forests")
    settings = HybridSettings(
        transforms,
        neighborhood=_chosen(model.neighborhood, len(model.samples)),
        n_neighbors=model.features.n_neighbors,
        use_coordinates=model.features.use_coordinates,
        n_inner_folds=int(folds["n_folds"]),
        members_per_fold=int(folds["members_per_fold"]),
        network=NetworkSettings(**_known(contract["network"]["training"], NetworkSettings)),
        units=units,
        seed=seed,
    )
    if forests is not None:
        settings = replace(settings, forest=ForestSettings(**_known(forests, ForestSettings)))
    n_sets = len(folds["sets"])
    return settings if n_sets == settings.sets_for(len(model.samples)) else replace(settings, n_seeds=n_sets)


def _chosen(neighborhood: Neighborhood, n_samples: int) -> Neighborhood | None:
    """Return the neighbourhood that was asked for; None where it is the one that the number of samples asks for."""
    return None if neighborhood == default_neighborhood(n_samples) else neighborhood


def _known(content: Mapping[str, Any], settings: type) -> dict[str, Any]:
    """Return the entries of a JSON object that are fields of some settings."""
    return {field.name: content[field.name] for field in fields(settings) if field.name in content}


def _of_network(contract: Mapping[str, Any], model: NetworkModel) -> NetworkByName:
    network, folds = contract["network"], contract["inner_folds"]
    evaluation = contract["self_evaluation"]
    features = model.features
    return NetworkByName(
        model.architecture,
        transforms={target.name: Transform(target.transform.kind) for target in model.targets},
        neighborhood=features.neighborhood,
        n_neighbors=features.neighbors.n_neighbors,
        order=features.order,
        use_coordinates=features.neighbors.use_coordinates,
        n_inner_folds=int(folds["n_folds"]),
        n_sets=len(folds["sets"]),
        sizes=Sizes(**network["sizes"]),
        schedule=Schedule(**network["schedule"]),
        groups={name: tuple(members) for name, members in contract["groups"].items()},
        self_evaluation=SelfEvaluation(*(evaluation[key] for key in ("rounds", "step", "largest", "repeats"))),
        units={target.name: target.unit for target in model.targets},
        seed=int(contract["seed"]),
    )


def update_model(
    path: str | Path,
    new: Samples,
    mode: str,
    updated_path: str | Path,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Updated:
    """Tell how a model stood at new samples, and train it with them.

    Parameters
    ----------
    path : str or Path
        Of the model file.
    new : Samples
        With the model's targets, in its CRS, and its covariates. One at the place of an old sample replaces it.
    mode : str
        Out of `MODES`.
    updated_path : str or Path
        Of the new .onnx file.
    progress, is_cancelled
        See `core.progress`.

    Raises
    ------
    InputError
        For an unknown mode, a warm start of anything but a network by name, other targets, CRS or dimensions, or
        as the training itself.
    Cancelled
        When the user asked to stop; no file is written.
    """
    if mode not in MODES:
        raise InputError(f"Expected a mode out of {', '.join(MODES)}, got {mode!r}.")
    opened = TrainedModel.read(path)
    model, kind = opened.model, str(opened.contract["kind"])
    if mode == "warm_start" and kind != NETWORK:
        raise InputError(
            f"Expected a network by name for a warm start, got a model of the kind {kind}, which has no weights to "
            "start from: its krigings are fitted anew. Choose refit."
        )
    old = model.samples
    _require_alike(old, new)
    new, _ = average_coincident(new)
    places = {tuple(place) for place in old.coordinates}
    at_old = np.array([tuple(place) in places for place in new.coordinates])
    drifts = drift_of(opened, new.rows(~at_old)) if not at_old.all() else ()
    replaced = {tuple(place) for place in new.coordinates[at_old]}
    stays = np.array([tuple(place) not in replaced for place in old.coordinates])
    joined = _joined(old.rows(stays), with_old_values(new, old))
    where = part(progress, 0.1, 1.0)
    settings = settings_of(opened.contract, model)
    trained: Trained[Any]
    if isinstance(settings, HybridSettings):
        trained = train_hybrid(joined, settings, updated_path, schemes=(), progress=where, is_cancelled=is_cancelled)
    elif isinstance(settings, PretrainedSettings):
        trained = train_pretrained(
            joined, settings, updated_path, schemes=(), progress=where, is_cancelled=is_cancelled
        )
    else:
        kind, start, folds = settings.architecture, None, None
        if mode == "warm_start" and isinstance(model, NetworkModel):
            start, before = saved_weights(opened.contract), saved_folds(opened.contract, len(old))
            folds = _continued_folds(old, stays, joined, settings, before)
            settings = _for_a_warm_start(settings, model)
        trained = train_network(
            joined, settings, updated_path, schemes=(), progress=where, is_cancelled=is_cancelled, start=start,
            folds=folds,
        )  # fmt: skip
    return Updated(trained, drifts, len(new), int(at_old.sum()), kind)


def _for_a_warm_start(settings: NetworkByName, model: NetworkModel) -> NetworkByName:
    """Return settings that keep the variograms of a model, and learn more slowly than it did."""
    schedule = settings.resolved_schedule
    return replace(
        settings,
        variograms=dict(zip(model.samples.targets, model.features.neighbors.variograms)),
        schedule=replace(schedule, learning_rate=max(WARM_RATE * schedule.learning_rate, schedule.least_rate)),
        self_evaluation=SelfEvaluation(0),
    )


def _continued_folds(
    old: Samples,
    stays: np.ndarray,
    joined: Samples,
    settings: NetworkByName,
    before: tuple[np.ndarray, ...] | None,
) -> tuple[np.ndarray, ...]:
    """Return the inner folds of the old model, each new sample in the fold of its hole or of the nearest old sample.

    So a network that starts from its old weights has never seen what it leaves out. Files of earlier versions do not
    hold their folds: those of a model that was trained anew are made again.
    """
    from scipy.spatial import cKDTree

    n_kept = int(stays.sum())
    # One that replaces an old sample is nearest to that one, and stays in its fold.
    _, nearest = cKDTree(old.coordinates).query(joined.coordinates[n_kept:])
    if old.holes is not None and joined.holes is not None:
        for row, hole in enumerate(joined.holes[n_kept:]):
            same = np.flatnonzero(old.holes.astype(str) == hole) if hole else []
            nearest[row] = same[0] if len(same) else nearest[row]
    sets = before or inner_folds(old, settings.n_inner_folds, settings.n_sets, settings.seed)
    return tuple(np.append(own[stays], own[nearest]) for own in sets)


def _require_alike(old: Samples, new: Samples) -> None:
    """Refuse samples that a model cannot take in."""
    if new.targets != old.targets or new.n_dimensions != old.n_dimensions or (new.crs or old.crs) != old.crs:
        raise InputError(
            f"Expected samples of {', '.join(old.targets)} in {old.n_dimensions} dimensions and "
            f"{old.crs or 'any CRS'}, as the model's are, got {', '.join(new.targets)} in {new.n_dimensions} "
            f"dimensions and {new.crs or 'no CRS'}. Use samples like those the model was trained with."
        )


def with_old_values(new: Samples, old: Samples) -> Samples:
    """Return new samples with what they lack of the targets but an old sample at the same place has.

    Examples
    --------
    >>> old = Samples([[0, 0], [5, 5]], [[1.0, 2.0], [3.0, 4.0]], ("zinc", "lead"))
    >>> with_old_values(Samples([[5, 5], [7, 7]], [[9.0, np.nan], [8.0, np.nan]], old.targets), old).values.tolist()
    [[9.0, 4.0], [8.0, nan]]
    """
    if not new.has_gaps:
        return new
    before = {tuple(place): values for place, values in zip(old.coordinates, old.values)}
    nothing = np.full(len(new.targets), np.nan)
    known = np.array([before.get(tuple(place), nothing) for place in new.coordinates])
    return replace(new, values=np.where(np.isnan(new.values), known, new.values))


def _joined(old: Samples, new: Samples) -> Samples:
    """Put samples one below the other, covariates matched by name; gradients of fields are to be found anew."""
    covariates = old.covariates
    gradients = gradient_names(covariates)
    if covariates is not None:
        covariates = covariates.columns([name for name in covariates.names if name not in gradients])
        covariates = _one_below_the_other(covariates, new.covariates) if covariates.names else None
    fields = None if old.fields is None else _one_below_the_other(old.fields, new.fields)
    depths = None
    if old.depths is not None:
        if new.depths is None:
            raise InputError("The model was trained with depths down the holes, which the new samples lack. Add them.")
        depths = np.concatenate([old.depths, new.depths])
    holes = None
    if old.holes is not None:
        own = np.full(len(new), "") if new.holes is None else new.holes
        holes = np.concatenate([old.holes.astype(str), own.astype(str)])
    return replace(
        old, coordinates=np.vstack([old.coordinates, new.coordinates]), values=np.vstack([old.values, new.values]),
        covariates=covariates, holes=holes, depths=depths, fields=fields,
    )  # fmt: skip


def _one_below_the_other(old: Covariates, new: Covariates | None) -> Covariates:
    """Append columns matched by name.

    Raises
    ------
    InputError
        When one is missing.
    """
    missing = [name for name in old.names if new is None or name not in new.names]
    if new is None or missing:
        raise InputError(f"The model was trained with {', '.join(missing)}, which the new samples lack. Add them.")
    return replace(old, values=np.vstack([old.values, new.columns(old.names).values]))
