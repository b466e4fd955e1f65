"""A mixture of krigings with the pre-trained correction, fitted to samples: variograms, weights, gate, intervals.

Nothing is trained here, so it needs no TensorFlow: the network comes with the plugin, and only the weights of the
mixture, the share of the correction (the gate) and the intervals are learned from the samples, each left out with its
nearest others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..coincident import average_coincident
from ..errors import InputError, ModelFileError
from ..features.kriging_context import Described, KrigingContext
from ..kriging.back_transform import BackTransform
from ..kriging.left_out import nearest_others
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging
from ..prediction.contract import contract_of
from ..prediction.hybrid import Prediction
from ..prediction.local_scale import LocalScale
from ..prediction.mixture import ORDINARY, Member, alone
from ..prediction.pretrained import (
    GRAPH_INPUTS,
    GRAPH_OUTPUT,
    KIND,
    NETWORK_FILE,
    Network,
    PretrainedModel,
    PretrainedTarget,
    correction,
)
from ..prediction.trained_model import NetworkGraph
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.intervals import IntervalTable, normalized_scores
from ..validation.methods import default_neighborhood
from ..validation.predictive import UNTRANSFORMED, Method, PredictiveDistribution, Predictor, Transforms, transform_of
from ..variogram.models import VariogramModel
from .inner import require_trainable
from .members import fit_members, members_left_out, not_clearly_worse, structure_share
from .outer import Trained, Training, train_and_write
from .stacking import stack_weights

METHOD = KIND
"""Name of the method in tables."""

DROPPED = (0, 1, 3, 7, 15)
"""Nearest others left out with a sample, in turn: from one sample missing to the middle of a gap. On simulated and
real sites a gate learned from (0, 1) alone gained a little more between samples, but lost up to 1.5 % in blocks."""

FARTHEST = 31
"""Nearest others left out when members are told from those that predict clearly worse."""

SHRINKAGE = 0.5
"""Share of the least-squares gate that is used."""

_MOST_ROWS = {True: 500, False: 100}
"""Left-out samples the gate and the intervals are learned from, with all samples as neighbours and without."""


@dataclass(frozen=True)
class PretrainedSettings:
    """How kriging is fitted.

    Parameters
    ----------
    transforms, variogram_method, neighborhood, units
        As in `HybridSettings`.
    variograms : dict of str to VariogramModel
        A target with a variogram is kriged by it alone; one without by a mixture (`core.learning.members`).
    seed : int
        Of the choice of samples to leave out where there are very many.
    """

    transforms: Transforms = UNTRANSFORMED
    variograms: Mapping[str, VariogramModel] = field(default_factory=dict)
    variogram_method: str = "reml"
    neighborhood: Neighborhood | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Gate:
    """What left-out samples say about the correction of one target.

    Parameters
    ----------
    least_squares : float
        Factor of the correction with the least squared error.
    share : float
        The gate: half of it, or less on values without structure in space, between 0 and 1.
    rmse, kriging_rmse : float
        Of samples left out singly, of the mixture with the gate and of ordinary kriging, on the transformed scale.
        They chose weights and gate: use outer cross-validation to judge.
    gain, gain_error : float
        Relative reduction of the squared error of ordinary kriging over all rows, and its standard error between
        samples.
    """

    least_squares: float
    share: float
    rmse: float
    kriging_rmse: float
    gain: float
    gain_error: float

    @property
    def within_noise(self) -> bool:
        """Whether the gain over kriging is no more than twice its standard error."""
        return self.gain <= 2.0 * self.gain_error

    def to_dict(self) -> dict:
        """Return it as a JSON object."""
        return {
            "least_squares": self.least_squares, "share": self.share, "rmse": self.rmse,
            "kriging_rmse": self.kriging_rmse, "gain": self.gain, "gain_error": self.gain_error,
            "ties_with_kriging": self.within_noise,
        }  # fmt: skip


def fit_gate(
    errors: np.ndarray, corrections: np.ndarray, kriging_errors: np.ndarray | None = None, credible: float = 1.0
) -> Gate:
    """Find the share of the correction.

    Parameters
    ----------
    errors, corrections : ndarray, shape (n_ways, n_samples)
        Observed - estimate, and the correction, of samples left out in several ways, the first of them singly.
    kriging_errors : ndarray, shape (n_ways, n_samples), or None
        Of ordinary kriging, against which the gain is counted; None where that is the estimate.
    credible : float
        Share of the gate that may be used: by which structure in space is not chance.

    Returns
    -------
    Gate

    Examples
    --------
    >>> errors = np.array([[1.0, -2.0, 0.5, 0.0]])
    >>> fit_gate(errors, 0.5 * errors).share, fit_gate(errors, -errors).share
    (1.0, 0.0)
    """
    power = float(np.sum(corrections**2))
    least_squares = float(np.sum(errors * corrections)) / power if power > 0 else 0.0
    share = float(np.clip(SHRINKAGE * credible * least_squares, 0.0, 1.0))
    remaining = errors - share * corrections
    reference = errors if kriging_errors is None else kriging_errors
    total = float(np.mean(reference**2)) or 1.0
    gains = np.mean(reference**2 - remaining**2, axis=0) / total
    return Gate(
        least_squares,
        share,
        float(np.sqrt(np.mean(remaining[0] ** 2))),
        float(np.sqrt(np.mean(reference[0] ** 2))),
        float(gains.mean()),
        float(gains.std() / np.sqrt(max(len(gains) - 1, 1))),
    )


@dataclass(frozen=True)
class FittedPretrained:
    """Kriging with the pre-trained correction, before or after it is written to a file.

    Parameters
    ----------
    model : PretrainedModel
    gates : tuple of Gate
        One a target.
    settings : PretrainedSettings
    notes : tuple of str
    seconds : float
    """

    model: PretrainedModel
    gates: tuple[Gate, ...]
    settings: PretrainedSettings
    notes: tuple[str, ...]
    seconds: float

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        """Share of each kriging as it is, and of their mixture with the whole correction, by target."""
        return {
            target.name: {
                **{member.name: (1.0 - target.gate) * member.weight for member in target.members},
                "corrected_kriging": target.gate,
            }
            for target in self.model.targets
        }

    def predict(self, coordinates: np.ndarray, covariates: Covariates | None, coverage: float = 0.9) -> Prediction:
        """Estimate as the exported file does; see `PretrainedModel.predict`."""
        return self.model.predict(coordinates, covariates, shipped_network(), coverage)

    def contract(self, scores: Mapping[str, Any] | None = None) -> dict:
        """Return the JSON object that travels in the model file.

        Parameters
        ----------
        scores : dict or None
            Outer cross-validated scores (`cross_validated_scores`).
        """
        return contract_of(
            KIND, self.model, self.settings.seed, self.notes, scores,
            gates=[
                {"target": target.name, **gate.to_dict()} for target, gate in zip(self.model.targets, self.gates)
            ],
        )  # fmt: skip


@lru_cache(maxsize=1)
def shipped_network() -> Network:
    """Open the network that comes with the plugin.

    Raises
    ------
    BackendMissing
        When onnxruntime is not installed in this Python.
    ModelFileError
        When the file is missing or damaged.
    """
    return NetworkGraph(_shipped_graph(), GRAPH_INPUTS, GRAPH_OUTPUT, str(NETWORK_FILE))


def _shipped_graph() -> bytes:
    try:
        return NETWORK_FILE.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{NETWORK_FILE} cannot be read ({error.strerror or error}): the plugin is not whole. Install it again."
        ) from error


def fit_pretrained(
    samples: Samples,
    settings: PretrainedSettings | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> FittedPretrained:
    """Krige, and find how much of the network's correction the samples support.

    Parameters
    ----------
    samples : Samples
        At least 20 in the plane, no two at one place; covariates are not used.
    settings : PretrainedSettings or None
    progress : Progress
    is_cancelled : IsCancelled

    Returns
    -------
    FittedPretrained

    Raises
    ------
    InputError
        For samples in 3-D, in drill holes, at one place, or too few; a target that does not vary or leaves its
        transform's domain.
    BackendMissing
        When onnxruntime is not installed in this Python.
    Cancelled
        When the user asked to stop.
    """
    started = time.perf_counter()
    settings = PretrainedSettings() if settings is None else settings
    _check(samples)
    network = shipped_network()
    notes = []
    if samples.covariates is not None and samples.covariates.names:
        notes.append("The pre-trained correction takes no covariates; the architecture hybrid does.")
    samples = Samples(samples.coordinates, samples.values, samples.targets, samples.crs)
    neighborhood = settings.neighborhood
    if neighborhood is None:
        neighborhood = default_neighborhood(len(samples))
    targets, gates = [], []
    for column, name in enumerate(samples.targets):
        stop_if(is_cancelled)
        where = part(progress, column / len(samples.targets), (column + 1) / len(samples.targets))
        where(0.0, f"Kriging {name}")
        transform, own = transform_of(settings.transforms, samples, name), samples.of(name)
        values = transform.forward(own.values[:, 0], name)
        given = settings.variograms.get(name)
        if given is None:
            members = fit_members(
                own.coordinates, values, neighborhood, settings.variogram_method, transform.kind == "none",
                settings.seed, part(where, 0.0, 0.7), is_cancelled,
            )  # fmt: skip
        else:
            members = [alone(given)]
        where(0.7, f"Leaving samples of {name} out")
        target, gate = _fit_target(
            name, transform, members, (own.coordinates, values), neighborhood, network, settings, is_cancelled
        )  # fmt: skip
        targets.append(target)
        gates.append(gate)
        if gate.within_noise:
            notes.append(
                f"{name}: ties with kriging; the gain of the mixture and its correction at left-out samples is within "
                "its noise."
            )
    progress(1.0, "Fitted")
    model = PretrainedModel(samples, neighborhood, tuple(targets))
    return FittedPretrained(model, tuple(gates), settings, tuple(notes), time.perf_counter() - started)


def _check(samples: Samples) -> None:
    """Refuse what the network was not trained for."""
    require_trainable(samples, "The pre-trained correction")
    if samples.n_dimensions != 2 or samples.holes is not None:
        raise InputError(
            "The pre-trained correction was trained in the plane, got samples in "
            f"{'drill holes' if samples.holes is not None else '3-D'}. Choose the architecture hybrid."
        )


def left_out_rows(context: KrigingContext, seed: int) -> tuple[np.ndarray, list[Described]]:
    """Describe samples left out, each with `DROPPED` nearest others.

    Returns
    -------
    rows : ndarray of int
        The samples: all of them, or a seeded choice where they are many.
    described : list of Described
        One for each number of others.
    """
    kriging = context.kriging
    n, most = kriging.n_samples, _MOST_ROWS[kriging.neighborhood.is_global]
    rows = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    return rows, [context.left_out(rows, n_dropped) for n_dropped in DROPPED]


def _fit_target(
    name: str,
    transform: Transform,
    members: list[Member],
    data: tuple[np.ndarray, np.ndarray],
    neighborhood: Neighborhood,
    network: Network,
    settings: PretrainedSettings,
    is_cancelled: IsCancelled,
) -> tuple[PretrainedTarget, Gate]:
    """Find the weights, the gate, the intervals and the way back of one target."""
    krigings = [member.kriging(*data, neighborhood) for member in members]
    rows, ways = left_out_rows(KrigingContext(krigings[0]), settings.seed)
    estimates = []
    for n_dropped in (*DROPPED, FARTHEST):
        stop_if(is_cancelled)
        left_out = nearest_others(krigings[0], rows, min(n_dropped, len(data[1]) - 3))
        estimates.append(members_left_out(members, krigings, left_out))
    found = np.stack(estimates)
    values = data[1][rows]
    errors = values[:, None] - found[:, 0]
    kept = np.flatnonzero(not_clearly_worse(errors))
    members, krigings = [members[index] for index in kept], [krigings[index] for index in kept]
    found, errors = found[: len(DROPPED), ..., kept], errors[: len(DROPPED), :, kept]
    prior = np.array([member.weight for member in members])
    prior = prior / prior.sum()
    # On noise every member is but another way to be wrong.
    structure = max(
        structure_share(data[0], kriging.values, member.variogram, settings.seed)
        for member, kriging in zip(members, krigings)
        if member.name.endswith(ORDINARY)
    )
    credible = np.append(1.0, np.full(len(members) - 1, structure))
    stack = stack_weights(list(errors), [0], np.arange(len(rows)), credible, prior)
    weighted = [replace(member, weight=float(weight)) for member, weight in zip(members, stack.weights)]
    mixed = found @ stack.weights
    corrections = np.stack([correction(way, network) for way in ways])
    gate = fit_gate(errors @ stack.weights, corrections, errors[..., 0], structure)
    remaining = errors @ stack.weights - gate.share * corrections
    sigma = np.maximum(mixed[:, 1], 1e-9 * float(np.std(data[1])))
    context = np.stack([way.context for way in ways])
    local_scale = LocalScale.fit((remaining / sigma).ravel(), context.reshape(-1, context.shape[-1]))
    near, *far = [
        normalized_scores(own, reach * local_scale.at(told)) for own, reach, told in zip(remaining, sigma, context)
    ]
    near_sigma, far_sigma = float(np.median(ways[0].sigma)), float(np.median([way.sigma for way in ways[1:]]))
    tells_remoteness = 0 < near_sigma < far_sigma
    target = PretrainedTarget(
        name,
        settings.units.get(name, ""),
        transform,
        tuple(member for index, member in enumerate(weighted) if index == 0 or member.weight > 0),
        gate.share,
        IntervalTable.near_and_far(near, far, tells_remoteness),
        _way_back(transform, data[1], weighted, krigings, rows, gate.share * corrections[0]),
        local_scale,
        near_sigma if tells_remoteness else None,
        far_sigma if tells_remoteness else None,
    )
    return target, gate


def _way_back(
    transform: Transform,
    values: np.ndarray,
    members: list[Member],
    krigings: list[FittedKriging],
    rows: np.ndarray,
    shifts: np.ndarray,
) -> BackTransform:
    """Calibrate the way back on all samples, left out singly; the corrections of some of them are known."""
    if transform.kind == "none":
        return BackTransform(transform)
    total = np.zeros((3, len(values)))
    for member, kriging in zip(members, krigings):
        if member.weight > 0:
            found = kriging.leave_one_out()
            total += member.weight * member.on_scale_of_mixture(
                found.estimate, found.kriging_std, found.smoothing_variance
            )
    total[0, rows] += shifts
    return BackTransform.fit(transform, values, total[0], total[2])


def pretrained_method(settings: PretrainedSettings | None = None) -> Method:
    """Return kriging with the pre-trained correction as a method of `compare_methods`, refitted on each training fold.

    Parameters
    ----------
    settings : PretrainedSettings or None
        The seed is taken from the comparison. Variograms given in the settings are not used: they may have been
        fitted to the held-out samples.
    """
    base = PretrainedSettings() if settings is None else settings

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        fitted = fit_pretrained(training, replace(base, seed=seed, variograms={}), progress, is_cancelled)

        def predict(coordinates: np.ndarray, covariates: Covariates | None) -> PredictiveDistribution:
            return fitted.model.distribution(coordinates, shipped_network())

        return predict

    return fit


def train_pretrained(
    samples: Samples,
    settings: PretrainedSettings,
    path: str | Path,
    *,
    schemes: tuple[str, ...] = ("random", "blocks"),
    n_folds: int = 5,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Trained[FittedPretrained]:
    """Cross-validate beside kriging, fit to all samples, and write the model file.

    Parameters
    ----------
    samples, settings
        See `fit_pretrained`.
    path, schemes, n_folds, progress, is_cancelled
        See `train_and_write`.

    Raises
    ------
    InputError
        As `fit_pretrained` and `compare_methods`.
    Cancelled
        When the user asked to stop; no file is written.
    """
    _check(samples)
    training = Training(
        METHOD,
        pretrained_method(settings),
        lambda told: fit_pretrained(samples, settings, told, is_cancelled),
        lambda fitted: _shipped_graph(),
    )
    return train_and_write(
        samples, settings, training, path,
        schemes=schemes, n_folds=n_folds, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
