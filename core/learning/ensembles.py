"""Training of layered networks: one ensemble over inner folds, stopped by errors its members' folds had no say in.

Every member leaves out one inner fold: neither as its rows nor among the neighbours they read. When a member stops
(and when its learning rate falls) is decided by the held-out errors of the other members at samples outside its own
fold. So the errors at its fold are untouched by any choice, and intervals may be learned from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..features.sequences import Inputs, SequenceFeatures
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .architectures import Schedule
from .graph import Optimizer, Trainer, evaluate_members, trainer_for
from .inner import folds_left_out
from .layers import LayeredNetwork, Weights, initial_weights
from .runs import Batches, Scales, until_finite, with_weights

_LEAST_GAIN = 1e-4
"""A held-out error counts as better when it is lower by this, in units of the targets' variance."""


@dataclass(frozen=True)
class MemberRows:
    """What the members read, prepared once for all trainings on the same inner folds.

    Parameters
    ----------
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of folds.
    held_out : ndarray of bool, shape (n_members, n_samples)
        The fold each member leaves out.
    member_set : ndarray of int, shape (n_members,)
        Set of folds of each member.
    sequences, context : ndarray of float32, shape (n_members, n_samples, ...)
    sigma : ndarray, shape (n_sets, n_samples, n_targets)
        Kriging standard deviation at each sample from the samples outside its fold.
    kriged : ndarray, shape (n_sets, n_samples, n_targets)
        The estimate that goes with it, with external drift where that is an input.
    """

    folds: tuple[np.ndarray, ...]
    held_out: np.ndarray
    member_set: np.ndarray
    sequences: np.ndarray
    context: np.ndarray
    sigma: np.ndarray
    kriged: np.ndarray

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return len(self.held_out)

    def left_out(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Return the rows each member leaves out, and the same repeated to one length, (n_members, longest).

        The repeats are there for the shape alone: nobody looks at what comes of them.
        """
        own = [np.flatnonzero(held_out) for held_out in self.held_out]
        longest = max(len(rows) for rows in own)
        return own, np.stack([np.resize(rows, longest) for rows in own])


def fewest_donors(folds: tuple[np.ndarray, ...], are_apart: bool) -> int:
    """Return how many samples are left to describe one by: without one fold, or two where samples are not apart.

    Parameters
    ----------
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of folds.
    are_apart : bool
        See `prepare_members`.
    """
    away = 1 if are_apart else 2
    return min(len(own) - int(np.sort(np.unique(own, return_counts=True)[1])[-away:].sum()) for own in folds)


def prepare_members(
    features: SequenceFeatures,
    coordinates: np.ndarray,
    encoded: np.ndarray,
    values: np.ndarray,
    folds: tuple[np.ndarray, ...],
    are_apart: bool = True,
    is_cancelled: IsCancelled = never,
    along: np.ndarray | None = None,
) -> MemberRows:
    """Describe every sample to every member, by the samples outside the member's fold.

    A sample that a member learns from is described by all others outside that fold. In drill holes these would be the
    ones just above and below, which no unsampled place has; there, a sample is described without its own fold.

    Parameters
    ----------
    features : SequenceFeatures
    coordinates : ndarray, shape (n_samples, n_dimensions)
    encoded : ndarray, shape (n_samples, n_features)
    values : ndarray, shape (n_samples, n_targets)
        Transformed; NaN where a target was not measured.
    folds : tuple of ndarray of int, shape (n_samples,)
    are_apart : bool
        Whether every sample stands for itself; False where some lie above one another or in one hole.
    is_cancelled : IsCancelled
    along : ndarray, shape (n_samples, 2), or None
        See `SequenceFeatures.donors`.

    Raises
    ------
    InputError
        When a fold leaves too few samples for the sequences, or a sample cannot be kriged.
    Cancelled
        When the user asked to stop.
    """
    held_out, member_set = folds_left_out(folds)
    n_neighbors = features.neighbors.n_neighbors
    fewest = fewest_donors(folds, are_apart)
    if fewest <= n_neighbors + 1:
        raise InputError(
            f"A sequence of {n_neighbors} neighbours needs more than {n_neighbors + 1} samples in training, but inner "
            f"folds leave {fewest} of {len(coordinates)}. Use shorter sequences, more samples or more inner folds."
        )
    sigma, kriged = np.full((2, len(folds), *values.shape), np.nan)
    sequences, context = [], []
    for rows, which in zip(held_out, member_set):
        stop_if(is_cancelled)
        own = np.full(len(coordinates), -1)
        if are_apart:
            own[~rows] = np.arange(int((~rows).sum()))
            parts = [np.ones(len(coordinates), dtype=bool)]
        else:
            parts = [rows, *(folds[which] == fold for fold in np.unique(folds[which][~rows]))]
        found: list[Inputs] = []
        for part in parts:
            known = ~rows if are_apart else ~(rows | part)
            down = None if along is None else along[known]
            donors = features.donors(coordinates[known], encoded[known], values[known], down)
            found.append(features.at(coordinates[part], encoded[part], donors, own[part]))
        order = np.argsort(np.concatenate([np.flatnonzero(part) for part in parts]))
        inputs = Inputs(*(np.concatenate(arrays)[order] for arrays in zip(*found)))
        if not (np.isfinite(inputs.sequences).all() and np.isfinite(inputs.context).all()):
            raise InputError(
                "Some samples cannot be kriged from the others, but the network reads kriging. Widen the search "
                "neighbourhood or lower its smallest number of neighbours."
            )
        sigma[which, rows] = inputs.sigma[rows]
        kriged[which, rows] = inputs.kriged[rows]
        sequences.append(inputs.sequences.astype(np.float32))
        context.append(inputs.context.astype(np.float32))
    return MemberRows(folds, held_out, member_set, np.stack(sequences), np.stack(context), sigma, kriged)


@dataclass(frozen=True)
class NetworkEnsemble:
    """A trained ensemble.

    Parameters
    ----------
    network : LayeredNetwork
    weights : dict of ndarray
        Every member's output is on the transformed scale of the targets.
    token_weights, context_weights : ndarray, shape (n_token_columns,), (n_context_columns,)
        Factors of the inputs (self-evaluation).
    out_of_fold : ndarray, shape (n_sets, n_samples, n_targets)
        For each set of folds the prediction of the member that did not see the sample's fold.
    training_losses, held_out_losses : tuple of float
        Means over the members by epoch, in units of the targets' variance.
    epochs : tuple of int
        Epoch whose weights each member kept.
    learning_rate : float
        At the start (lower than asked for when training had diverged before).
    """

    network: LayeredNetwork
    weights: Weights
    token_weights: np.ndarray
    context_weights: np.ndarray
    out_of_fold: np.ndarray
    training_losses: tuple[float, ...]
    held_out_losses: tuple[float, ...]
    epochs: tuple[int, ...]
    learning_rate: float

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return len(self.weights["output_bias"])

    def members(self, sequences: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Return every member's prediction on its own rows, (n_members or 1, n, ...) -> (n_members, n, n_targets)."""
        return evaluate_members(
            self.network, self.weights, sequences * self.token_weights, context * self.context_weights
        )

    def predict(self, sequences: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Return the mean over the members, shape (n, n_targets)."""
        return self.members(sequences[None], context[None]).mean(axis=0)


def train_ensemble(
    network: LayeredNetwork,
    rows: MemberRows,
    values: np.ndarray,
    schedule: Schedule,
    *,
    token_weights: np.ndarray | None = None,
    context_weights: np.ndarray | None = None,
    seed: int = 0,
    kriging: tuple[np.ndarray, np.ndarray] | None = None,
    start: Weights | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> NetworkEnsemble:
    """Train all members at once, with early stopping, learning-rate reduction and a guard against NaN.

    Parameters
    ----------
    network : LayeredNetwork
    rows : MemberRows
    values : ndarray, shape (n_samples, n_targets)
        Transformed; NaN where a target was not measured.
    schedule : Schedule
    token_weights, context_weights : ndarray or None
        Factors of the columns of sequences and context; None: 1.
    seed : int
    kriging : tuple of ndarray, shape (n_context_columns, n_targets) and (n_targets,), or None
        The kriging estimate as a linear function of the context, on the transformed scale: where a network with a skip
        starts, so that it learns what kriging leaves.
    start : dict of ndarray or None
        Weights of a trained ensemble with as many members, to start from (warm start); None draws them.
    progress : Progress
        Told the epoch and the losses.
    is_cancelled : IsCancelled
        Asked before every epoch.

    Raises
    ------
    InputError
        When training diverges at every learning rate tried, or the start does not fit.
    Cancelled
        When the user asked to stop.
    """
    tokens = np.ones(network.n_token_columns) if token_weights is None else np.asarray(token_weights, dtype=float)
    around = np.ones(network.n_context_columns) if context_weights is None else np.asarray(context_weights, dtype=float)
    sequences = (rows.sequences * tokens).astype(np.float32)
    context = (rows.context * around).astype(np.float32)
    learned = [np.flatnonzero(~own) for own in rows.held_out]
    scales = Scales.of(values, learned)
    batches = Batches(learned, schedule.batch_size)
    standardized = scales.standardized(values)
    wanted, has_gaps = with_weights(standardized, learned)
    optimizer = Optimizer(schedule.optimizer, schedule.weight_decay)
    trainer = trainer_for(network, rows.n_members, optimizer, batches.size, has_gaps=has_gaps)
    if start is None:
        begin = initial_weights(network, rows.n_members, seed)
        if network.skip and kriging is not None:
            begin.update(_start_at_kriging(kriging, around, scales))
    else:
        _require_fitting(start, network, rows.n_members)
        begin = scales.of_standardized(start)
    run = _Run(trainer, (sequences, context, wanted), standardized, rows, batches, schedule, seed)
    curves, rate = until_finite(
        lambda tried: run.train(begin, tried, progress, is_cancelled), schedule.learning_rate, progress
    )
    weights = scales.of_targets(trainer.best())
    predicted = evaluate_members(network, weights, sequences, context)
    out_of_fold = np.zeros((len(rows.folds), *values.shape))
    for which, own, prediction in zip(rows.member_set, rows.held_out, predicted):
        out_of_fold[which, own] = prediction[own]
    return NetworkEnsemble(
        network, weights, tokens, around, out_of_fold, tuple(curves.training), tuple(curves.held_out[1:]),
        tuple(int(epoch) for epoch in curves.best_epoch), rate,
    )  # fmt: skip


def _start_at_kriging(kriging: tuple[np.ndarray, np.ndarray], factors: np.ndarray, scales: Scales) -> Weights:
    """Return the weights with which a network with a skip is the kriging among its inputs."""
    # The inputs come multiplied by their factors; what has the factor 0 cannot be started from.
    kernel = np.zeros_like(kriging[0])
    np.divide(kriging[0], factors[:, None], where=factors[:, None] > 0, out=kernel)
    known = kernel.any(axis=0)
    return {
        "linear_kernel": (kernel / scales.scales[:, None, :]).astype(np.float32),
        "output_bias": (known * (kriging[1] - scales.means) / scales.scales).astype(np.float32),
    }


def _require_fitting(start: Weights, network: LayeredNetwork, n_members: int) -> None:
    """Refuse saved weights of another network."""
    expected = {name: (n_members, *shape) for name, shape in network.weight_shapes.items()}
    if {name: array.shape for name, array in start.items()} != expected:
        raise InputError(
            "The saved weights do not fit the network: they come from other inputs, targets, widths or inner folds. "
            "Train anew instead of starting from them."
        )


@dataclass
class _Curves:
    """Mean losses by epoch, the held-out ones from before the first on, and the epoch whose weights a member kept."""

    training: list[float]
    held_out: list[float]
    best_epoch: np.ndarray


class _Run:
    """Runs of the schedule over all members."""

    def __init__(
        self,
        trainer: Trainer,
        arrays: tuple[np.ndarray, np.ndarray, np.ndarray],
        standardized: np.ndarray,
        rows: MemberRows,
        batches: Batches,
        schedule: Schedule,
        seed: int,
    ) -> None:
        self._trainer, self._rows, self._batches, self._schedule, self._seed = trainer, rows, batches, schedule, seed
        self._standardized = standardized
        self._tensors = trainer.tensors(*arrays)
        self._held_out_rows, padded = rows.left_out()
        members = np.arange(rows.n_members)[:, None]
        self._held_out = trainer.tensors(*(array[members, padded] for array in arrays[:2]))

    def train(self, start: Weights, rate: float, progress: Progress, is_cancelled: IsCancelled) -> _Curves | None:
        """Train until every member has stopped; None when a loss is not finite."""
        trainer, schedule, n_members = self._trainer, self._schedule, self._rows.n_members
        trainer.start(start)
        lowest, mean = self._held_out_errors()
        if not np.isfinite(lowest).all():
            return None
        trainer.remember(np.ones(n_members, dtype=bool))
        curves = _Curves([], [mean], np.zeros(n_members, dtype=int))
        rates = np.full(n_members, float(rate))
        rng = np.random.default_rng([self._seed, 1])
        waited, since_reduced = np.zeros((2, n_members), dtype=int)
        active = np.ones(n_members, dtype=bool)
        for epoch in range(schedule.max_epochs):
            stop_if(is_cancelled)
            order = self._batches.shuffled(rng)
            losses = trainer.epoch(self._tensors, order, rates[None], epoch * len(order), self._seed % 2**31)
            errors, mean = self._held_out_errors()
            if not (np.isfinite(losses).all() and np.isfinite(errors).all()):
                return None
            curves.training.append(float(losses.mean()))
            curves.held_out.append(mean)
            better = active & (errors < lowest - _LEAST_GAIN)
            trainer.remember(better)
            lowest = np.where(better, errors, lowest)
            curves.best_epoch[better] = epoch + 1
            waited = np.where(better, 0, waited + 1)
            since_reduced = np.where(better, 0, since_reduced + 1)
            reduced = since_reduced >= schedule.reduction_patience
            rates = np.where(reduced, np.maximum(0.5 * rates, schedule.least_rate), rates)
            since_reduced[reduced] = 0
            active &= waited < schedule.patience(len(order))
            progress(
                (epoch + 1) / schedule.max_epochs,
                f"Epoch {epoch + 1} of at most {schedule.max_epochs}, loss {losses.mean():.3f}, held out {mean:.3f}",
            )
            if not active.any():
                break
        return curves

    def _held_out_errors(self) -> tuple[np.ndarray, float]:
        """Return, for each member, the present held-out error of the others at samples outside its fold; their mean."""
        predicted = self._trainer.predict(*self._held_out)
        squared = np.zeros((len(self._rows.folds), self._standardized.shape[1]))
        for member, (which, own) in enumerate(zip(self._rows.member_set, self._held_out_rows)):
            error = predicted[member, : len(own)] - self._standardized[member, own]
            squared[which, own] = np.nanmean(error**2, axis=1)
        outside = ~self._rows.held_out
        return (outside @ squared.mean(axis=0)) / outside.sum(axis=1), float(squared.mean())
