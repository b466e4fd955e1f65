"""Training of layered networks: one ensemble over inner folds, stopped by errors its members' folds had no say in.

Every member leaves out one inner fold: neither as its rows nor among the neighbours they read. When a member stops
(and when its learning rate falls) is decided by the held-out errors of the other members at samples outside its own
fold. So the errors at its fold are untouched by any choice, and intervals may be learned from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..features.sequences import Inputs, SequenceFeatures
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .architectures import Schedule, Sizes, network_for
from .layers import LayeredNetwork, Optimizer, evaluate_members, initial_weights, trainer_for
from .networks import Weights

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


def fewest_donors(folds: tuple[np.ndarray, ...], are_apart: bool) -> int:
    """Return how many samples are left to describe one by: without one fold, or two where samples are not apart."""
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
        Transformed.
    folds : tuple of ndarray of int, shape (n_samples,)
    are_apart : bool
        Whether every sample stands for itself; False where some lie above one another or in one hole.
    is_cancelled : IsCancelled

    Raises
    ------
    InputError
        When a fold leaves too few samples for the sequences, or a sample cannot be kriged.
    Cancelled
        When the user asked to stop.
    """
    held_out = np.array([own == fold for own in folds for fold in np.unique(own)])
    member_set = np.repeat(np.arange(len(folds)), [len(np.unique(own)) for own in folds])
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
            donors = features.donors(coordinates[known], encoded[known], values[known])
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
        Transformed.
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
    means = np.stack([values[own].mean(axis=0) for own in learned])
    scales = np.stack([values[own].std(axis=0) for own in learned])
    scales[scales == 0] = 1.0
    standardized = (values[None] - means[:, None]) / scales[:, None]
    batch = min(schedule.batch_size, max(len(own) for own in learned))
    trainer = trainer_for(network, rows.n_members, Optimizer(schedule.optimizer, schedule.weight_decay), batch)
    tensors = trainer.tensors(sequences, context, standardized)
    rate = schedule.learning_rate
    for _ in range(3):
        if start is None:
            weights = initial_weights(network, rows.n_members, seed)
            if network.skip and kriging is not None:
                # The inputs come multiplied by their factors; what has the factor 0 cannot be started from.
                kernel = np.zeros_like(kriging[0])
                np.divide(kriging[0], around[:, None], where=around[:, None] > 0, out=kernel)
                known = kernel.any(axis=0)
                weights["linear_kernel"] = (kernel / scales[:, None, :]).astype(np.float32)
                weights["output_bias"] = (known * (kriging[1] - means) / scales).astype(np.float32)
        else:
            weights = _standardized_weights(start, network, rows.n_members, means, scales)
        trainer.start(weights)
        run = _Run(trainer, tensors, rows, standardized, learned, schedule, rate, seed)
        if run.train(progress, is_cancelled):
            break
        progress(0.0, f"Training diverged at learning rate {rate:g}; starting again at {rate / 3:g}")
        rate /= 3
    else:
        raise InputError(
            f"Training the network diverged at learning rates from {schedule.learning_rate:g} down to {3 * rate:g}. "
            "Look for extreme values among the covariates and targets, or transform the target."
        )
    weights = trainer.best()
    for name in ("output_kernel", "linear_kernel"):
        if name in weights:
            weights[name] = (weights[name] * scales[:, None, :]).astype(np.float32)
    weights["output_bias"] = (weights["output_bias"] * scales + means).astype(np.float32)
    predicted = evaluate_members(network, weights, sequences, context)
    out_of_fold = np.zeros((len(rows.folds), *values.shape))
    for which, own, prediction in zip(rows.member_set, rows.held_out, predicted):
        out_of_fold[which, own] = prediction[own]
    return NetworkEnsemble(
        network, weights, tokens, around, out_of_fold, tuple(run.training_losses), tuple(run.held_out_losses[1:]),
        tuple(int(epoch) for epoch in run.best_epoch), rate,
    )  # fmt: skip


def _standardized_weights(
    start: Weights, network: LayeredNetwork, n_members: int, means: np.ndarray, scales: np.ndarray
) -> Weights:
    """Bring a trained ensemble to the standardised scale of new members."""
    expected = {name: (n_members, *shape) for name, shape in network.weight_shapes.items()}
    found = {name: array.shape for name, array in start.items()}
    if found != expected:
        raise InputError(
            "The saved weights do not fit the network: they come from other inputs, targets, widths or inner folds. "
            "Train anew instead of starting from them."
        )
    weights = {name: array.copy() for name, array in start.items()}
    for name in ("output_kernel", "linear_kernel"):
        if name in weights:
            weights[name] = (weights[name] / scales[:, None, :]).astype(np.float32)
    weights["output_bias"] = ((weights["output_bias"] - means) / scales).astype(np.float32)
    return weights


class _Run:
    """One run of the schedule over all members."""

    def __init__(self, trainer, tensors, rows: MemberRows, standardized, learned, schedule, rate, seed) -> None:  # type: ignore[no-untyped-def]
        self.trainer, self.tensors, self.rows = trainer, tensors, rows
        self.standardized, self.learned, self.schedule = standardized, learned, schedule
        self.rates = np.full(rows.n_members, float(rate))
        self.seed = seed
        self.training_losses: list[float] = []
        self.held_out_losses: list[float] = []
        self.best_epoch = np.zeros(rows.n_members, dtype=int)
        longest = max(int(own.sum()) for own in rows.held_out)
        # Held-out rows of every member, repeated to one length; the repeats are not looked at.
        self._rows = [np.flatnonzero(own) for own in rows.held_out]
        padded = np.stack([np.resize(own, longest) for own in self._rows])
        members = np.arange(rows.n_members)[:, None]
        self._held_out = trainer.tensors(*(np.asarray(tensor)[members, padded] for tensor in tensors[:2]))

    def train(self, progress: Progress, is_cancelled: IsCancelled) -> bool:
        """Train until every member has stopped; whether all losses were finite."""
        schedule, n_members = self.schedule, self.rows.n_members
        batch = min(schedule.batch_size, max(len(own) for own in self.learned))
        steps = -(-max(len(own) for own in self.learned) // batch)
        rng = np.random.default_rng([self.seed, 1])
        lowest = self._curves()
        if not np.isfinite(lowest).all():
            return False
        self.trainer.remember(np.ones(n_members, dtype=bool))
        waited, since_reduced = np.zeros((2, n_members), dtype=int)
        active = np.ones(n_members, dtype=bool)
        for epoch in range(schedule.max_epochs):
            stop_if(is_cancelled)
            order = np.stack([np.resize(rng.permutation(own), steps * batch) for own in self.learned])
            order = order.reshape(n_members, steps, batch).transpose(1, 0, 2)
            losses = self.trainer.epoch(self.tensors, order, self.rates, epoch * steps, self.seed % 2**31)
            curves = self._curves()
            if not (np.isfinite(losses).all() and np.isfinite(curves).all()):
                return False
            self.training_losses.append(float(losses.mean()))
            better = active & (curves < lowest - _LEAST_GAIN)
            self.trainer.remember(better)
            lowest = np.where(better, curves, lowest)
            self.best_epoch[better] = epoch + 1
            waited = np.where(better, 0, waited + 1)
            since_reduced = np.where(better, 0, since_reduced + 1)
            reduced = since_reduced >= schedule.reduction_patience
            self.rates = np.where(reduced, np.maximum(0.5 * self.rates, schedule.least_rate), self.rates)
            since_reduced[reduced] = 0
            active &= waited < schedule.stopping_patience
            progress(
                (epoch + 1) / schedule.max_epochs,
                f"Epoch {epoch + 1} of at most {schedule.max_epochs}, loss {losses.mean():.3f}, held out "
                f"{self.held_out_losses[-1]:.3f}",
            )
            if not active.any():
                break
        return True

    def _curves(self) -> np.ndarray:
        """Return, for each member, the present held-out error of the others at samples outside its fold."""
        predicted = self.trainer.predict(*self._held_out)
        squared = np.zeros((len(self.rows.folds), self.standardized.shape[1]))
        for member, (which, own) in enumerate(zip(self.rows.member_set, self._rows)):
            error = predicted[member, : len(own)] - self.standardized[member, own]
            squared[which, own] = np.mean(error**2, axis=1)
        self.held_out_losses.append(float(squared.mean()))
        per_sample = squared.mean(axis=0)
        outside = ~self.rows.held_out
        return (outside @ per_sample) / outside.sum(axis=1)


def group_factors(groups: Sequence[str], weights: Mapping[str, float]) -> np.ndarray:
    """Return the factor of each column from the weights of its group; 1 for a group without a weight."""
    return np.array([weights.get(group, 1.0) for group in groups])


@dataclass(frozen=True)
class InnerProblem:
    """One network and its inner folds, ready to be trained again and again.

    Parameters
    ----------
    architecture : str
    features : SequenceFeatures
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples, n_targets)
        Transformed.
    rows : MemberRows
    token_groups, context_groups : tuple of str
        Group of every column, see `SequenceFeatures.groups`.
    clusters : ndarray of int, shape (n_samples,)
        Small spatial blocks: what is permuted together, and what intervals resample.
    seed : int
    """

    architecture: str
    features: SequenceFeatures
    coordinates: np.ndarray
    values: np.ndarray
    rows: MemberRows
    token_groups: tuple[str, ...]
    context_groups: tuple[str, ...]
    clusters: np.ndarray
    seed: int

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of inputs, in the order of their columns."""
        return tuple(dict.fromkeys((*self.token_groups, *self.context_groups)))

    def train(
        self,
        sizes: Sizes,
        schedule: Schedule,
        weights: Mapping[str, float] | None = None,
        start: Weights | None = None,
        progress: Progress = silent,
        is_cancelled: IsCancelled = never,
    ) -> NetworkEnsemble:
        """Train an ensemble with some weights of the groups; see `train_ensemble`."""
        network = network_for(
            self.architecture, len(self.values), sizes, self.features.neighbors.n_neighbors,
            (len(self.token_groups), len(self.context_groups)), self.values.shape[1],
        )  # fmt: skip
        return train_ensemble(
            network, self.rows, self.values, schedule,
            token_weights=group_factors(self.token_groups, weights or {}),
            context_weights=group_factors(self.context_groups, weights or {}),
            seed=self.seed, kriging=self.features.kriging_of_context(), start=start, progress=progress,
            is_cancelled=is_cancelled,
        )  # fmt: skip

    def squared(self, out_of_fold: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each sample over sets and targets, in units of the targets' variance."""
        spread = self.values.std(axis=0)
        return np.mean(((out_of_fold - self.values) / spread) ** 2, axis=(0, 2))

    def rmse(self, out_of_fold: np.ndarray) -> float:
        """Return the root mean squared error over samples, sets and targets, in standard deviations."""
        return float(np.sqrt(self.squared(out_of_fold).mean()))
