"""Training of the drift network: one ensemble over inner folds and seeds, out-of-fold drift at the samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..features.neighbors import NeighborFeatures
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .graph import Optimizer, Trainer, evaluate_members, trainer_for
from .inner import folds_left_out
from .layers import Layer, LayeredNetwork, Weights, initial_weights
from .runs import Batches, Scales, until_finite, with_weights

POOLINGS = ("bilstm", "attention")
"""How a sequence becomes one state; attention trains in about a quarter of the time."""


@dataclass(frozen=True)
class NetworkSettings:
    """Size and training of the drift network.

    Parameters
    ----------
    conv_width, recurrent_width, dense_width : int
        Width of the convolution, of each direction of the LSTM (half of the attention's values), of the dense layer.
    pooling : str
        How a sequence becomes one state: "bilstm", or "attention", which trains faster.
    dropout, weight_decay : float
        Regularisation.
    learning_rate : float
        At the start; it falls to 0 along a cosine.
    batch_size : int
        Rows a step.
    min_steps : int
        Steps of the fixed budget on few samples.
    epochs : int
        Passes over the samples, when these make more than `min_steps`.
    max_steps : int
        Upper bound of the budget.

    Raises
    ------
    InputError
        For an unknown pooling or a number out of its range.
    """

    conv_width: int = 8
    recurrent_width: int = 8
    dense_width: int = 8
    dropout: float = 0.25
    weight_decay: float = 0.05
    learning_rate: float = 0.01
    batch_size: int = 64
    min_steps: int = 120
    epochs: int = 20
    max_steps: int = 1200
    pooling: str = "bilstm"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise InputError(f"Expected a pooling out of {', '.join(POOLINGS)}, got {self.pooling!r}.")
        if not (0 <= self.dropout < 1 and self.weight_decay >= 0 and self.learning_rate > 0):
            raise InputError(
                "Expected a dropout of 0 to below 1, a weight decay of 0 or above and a learning rate above 0, got "
                f"{self.dropout:g}, {self.weight_decay:g} and {self.learning_rate:g}."
            )
        if min(self.batch_size, self.min_steps, self.epochs, self.max_steps) < 1:
            raise InputError("Expected a batch size, step and epoch numbers of at least 1.")

    def to_dict(self) -> dict:
        """Return the JSON object of the settings."""
        return asdict(self)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Conv1D over three samples, the pooling and a dense layer."""
        pooling_width = self.recurrent_width if self.pooling == "bilstm" else 2 * self.recurrent_width
        return (
            Layer("conv", self.conv_width, kernel=3, activation="relu", rate=self.dropout),
            Layer(self.pooling, pooling_width, rate=self.dropout),
            Layer("dense", self.dense_width, activation="relu", rate=self.dropout),
        )


@dataclass(frozen=True)
class DriftEnsemble:
    """A trained ensemble.

    Parameters
    ----------
    network : LayeredNetwork
    weights : dict of ndarray
        Every member's output is on the transformed scale of the targets.
    out_of_fold : ndarray, shape (n_sets, n_samples, n_targets)
        For each set of folds the mean prediction of the members that did not see the sample's fold.
    losses : tuple of float
        Mean training loss of each epoch, in units of the targets' variance.
    learning_rate : float
        The one that was used (lower than asked for when training had diverged before).
    """

    network: LayeredNetwork
    weights: Weights
    out_of_fold: np.ndarray
    losses: tuple[float, ...] = field(default=())
    learning_rate: float = 0.0

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return len(self.weights["output_bias"])

    def drift(self, sequences: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Return the mean over the members, shape (n, n_targets)."""
        return evaluate_members(self.network, self.weights, sequences[None], context[None]).mean(axis=0)


def train_drift_network(
    features: NeighborFeatures,
    coordinates: np.ndarray,
    encoded: np.ndarray,
    targets: np.ndarray,
    folds: tuple[np.ndarray, ...],
    settings: NetworkSettings,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    members_per_fold: int = 1,
) -> DriftEnsemble:
    """Train members for each fold of each set of folds, all at once.

    A member trains on the samples outside its fold; its sequences, in training and for its out-of-fold
    predictions, are made of those samples only. The number of steps is fixed beforehand, so that no held-out
    target decides when to stop.

    Parameters
    ----------
    features : NeighborFeatures
    coordinates : ndarray, shape (n_samples, n_dimensions)
    encoded : ndarray, shape (n_samples, n_features)
        Covariates encoded by `features`.
    targets : ndarray, shape (n_samples, n_targets)
        Transformed values, NaN where one was not measured: there it is predicted and not learned from.
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of folds.
    settings : NetworkSettings
    seed : int
    progress : Progress
        Told the epoch and the loss.
    is_cancelled : IsCancelled
        Asked before every epoch.
    members_per_fold : int
        Networks that leave out the same fold; their mean is the out-of-fold drift.

    Returns
    -------
    DriftEnsemble

    Raises
    ------
    InputError
        When a fold leaves too few samples for the sequences, or training diverges at every learning rate tried.
    Cancelled
        When the user asked to stop.
    """
    held_out, set_of_member = folds_left_out(folds)
    fewest = int((~held_out).sum(axis=1).min())
    if fewest <= features.n_neighbors:
        raise InputError(
            f"A sequence of {features.n_neighbors} neighbours needs more than {features.n_neighbors} samples in "
            f"training, but an inner fold leaves {fewest} of {len(coordinates)}. Use shorter sequences or more samples."
        )
    sequences, context = [], []
    for rows in held_out:
        stop_if(is_cancelled)
        around = features.at(coordinates, encoded, coordinates[~rows], encoded[~rows])
        sequences.append(around[0])
        context.append(around[1])
    # All folds once, then all folds again: members of one fold differ in their starting weights and batches.
    held_out, set_of_member = (np.concatenate([own] * members_per_fold) for own in (held_out, set_of_member))
    inputs = (
        np.stack(sequences * members_per_fold).astype(np.float32),
        np.stack(context * members_per_fold).astype(np.float32),
    )
    network = LayeredNetwork(
        features.n_neighbors, inputs[0].shape[-1], inputs[1].shape[-1], targets.shape[1], settings.layers, "state", True
    )
    learned = [np.flatnonzero(~rows) for rows in held_out]
    weights, losses, rate = _train(network, inputs, targets, learned, settings, seed, progress, is_cancelled)
    predicted = evaluate_members(network, weights, *inputs)
    out_of_fold = np.zeros((len(folds), *targets.shape))
    for which, rows, prediction in zip(set_of_member, held_out, predicted):
        out_of_fold[which, rows] += prediction[rows] / members_per_fold
    return DriftEnsemble(network, weights, out_of_fold, losses, rate)


def _train(
    network: LayeredNetwork,
    inputs: tuple[np.ndarray, np.ndarray],
    targets: np.ndarray,
    learned: list[np.ndarray],
    settings: NetworkSettings,
    seed: int,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> tuple[Weights, tuple[float, ...], float]:
    """Train from the best linear function of the context; return weights, losses by epoch and the learning rate."""
    scales = Scales.of(targets, learned)
    standardized = scales.standardized(targets)
    batches = Batches(learned, settings.batch_size)
    optimizer = Optimizer(weight_decay=settings.weight_decay, second_decay=0.99)
    wanted, has_gaps = with_weights(standardized, learned)
    trainer = trainer_for(network, len(learned), optimizer, batches.size, len(network.layers), has_gaps)
    tensors = trainer.tensors(*inputs, wanted)
    start = initial_weights(network, len(learned), seed)
    start["linear_kernel"], start["output_bias"] = _linear_start(inputs[1], standardized, learned)

    def train(rate: float) -> tuple[float, ...] | None:
        trainer.start(start)
        return _losses(trainer, tensors, batches, settings, rate, seed, progress, is_cancelled)

    losses, rate = until_finite(train, settings.learning_rate, progress)
    trainer.remember(np.ones(len(learned), dtype=bool))
    return scales.of_targets(trainer.best()), losses, rate


def _linear_start(
    context: np.ndarray, standardized: np.ndarray, training_rows: list[np.ndarray], ridge: float = 0.02
) -> tuple[np.ndarray, np.ndarray]:
    """Fit each member's linear part to its training rows (ridge regression), so that the rest learns the remainder."""
    kernels, biases = [], []
    for own, wanted, rows in zip(context, standardized, training_rows):
        known = ~np.isnan(wanted[rows])
        if known.all():
            found = [_ridge(own[rows], wanted[rows], ridge)]
        else:
            found = [_ridge(own[rows[k]], wanted[rows[k], [t]][:, None], ridge) for t, k in enumerate(known.T)]
        kernels.append(np.hstack([kernel for kernel, _ in found]))
        biases.append(np.concatenate([bias for _, bias in found]))
    return np.stack(kernels).astype(np.float32), np.stack(biases).astype(np.float32)


def _ridge(context: np.ndarray, wanted: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a ridge regression, for standardised targets, whose mean is 0."""
    middle = context.mean(axis=0, dtype=float)
    centred = context - middle
    system = centred.T @ centred + ridge * len(context) * np.eye(context.shape[1])
    kernel = np.linalg.solve(system, centred.T @ wanted)
    return kernel, -middle @ kernel


def _losses(
    trainer: Trainer,
    tensors: tuple[Any, ...],
    batches: Batches,
    settings: NetworkSettings,
    rate: float,
    seed: int,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> tuple[float, ...] | None:
    """Run the fixed budget of epochs and return their losses, None when one is not finite."""
    steps = batches.n_steps
    wanted = min(max(settings.min_steps, settings.epochs * steps), settings.max_steps)
    epochs = max(1, -(-wanted // steps))
    rng = np.random.default_rng([seed, 1])
    losses: list[float] = []
    for epoch in range(epochs):
        stop_if(is_cancelled)
        done = epoch * steps + np.arange(steps)
        rates = 0.5 * rate * (1.0 + np.cos(np.pi * done / (epochs * steps)))
        order = batches.shuffled(rng)
        loss = float(np.mean(trainer.epoch(tensors, order, rates[:, None], int(done[0]), seed % 2**31)))
        if not np.isfinite(loss):
            return None
        losses.append(loss)
        progress((epoch + 1) / epochs, f"Epoch {epoch + 1} of {epochs}, loss {loss:.3f}")
    return tuple(losses)
