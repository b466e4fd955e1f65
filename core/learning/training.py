"""Training of the drift network: one ensemble over inner folds and seeds, out-of-fold drift at the samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..features.neighbors import NeighborFeatures
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .networks import (
    POOLINGS,
    Architecture,
    Regularization,
    Trainer,
    Weights,
    evaluate_ensemble,
    initial_weights,
    trainer_for,
)


@dataclass(frozen=True)
class NetworkSettings:
    """Size and training of the drift network.

    Parameters
    ----------
    conv_width, recurrent_width, dense_width : int
        Widths of the layers.
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


@dataclass(frozen=True)
class DriftEnsemble:
    """A trained ensemble.

    Parameters
    ----------
    architecture : Architecture
    weights : dict of ndarray
        Every member's output is on the transformed scale of the targets.
    out_of_fold : ndarray, shape (n_sets, n_samples, n_targets)
        For each set of folds the mean prediction of the members that did not see the sample's fold.
    losses : tuple of float
        Mean training loss of each epoch, in units of the targets' variance.
    learning_rate : float
        The one that was used (lower than asked for when training had diverged before).
    """

    architecture: Architecture
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
        return evaluate_ensemble(self.weights, sequences[None], context[None]).mean(axis=0)


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
        Transformed values.
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
    held_out = [own == fold for own in folds for fold in np.unique(own)]
    fewest = min(int((~rows).sum()) for rows in held_out)
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
    held_out = held_out * members_per_fold
    inputs = (
        np.stack(sequences * members_per_fold).astype(np.float32),
        np.stack(context * members_per_fold).astype(np.float32),
    )
    means = np.stack([targets[~rows].mean(axis=0) for rows in held_out])
    scales = np.stack([targets[~rows].std(axis=0) for rows in held_out])
    scales[scales == 0] = 1.0
    standardized = (targets[None] - means[:, None]) / scales[:, None]
    architecture = Architecture(
        features.n_neighbors, inputs[0].shape[-1], inputs[1].shape[-1], targets.shape[1],
        settings.conv_width, settings.recurrent_width, settings.dense_width, settings.pooling,
    )  # fmt: skip
    training_rows = [np.flatnonzero(~rows) for rows in held_out]
    weights, losses, rate = _train(
        architecture, inputs, standardized, training_rows, settings, seed, progress, is_cancelled
    )
    for name in ("output_kernel", "linear_kernel"):
        weights[name] = (weights[name] * scales[:, None, :]).astype(np.float32)
    weights["output_bias"] = (weights["output_bias"] * scales + means).astype(np.float32)
    predicted = evaluate_ensemble(weights, *inputs)
    set_of_member = np.repeat(np.arange(len(folds)), [len(np.unique(own)) for own in folds])
    out_of_fold = np.zeros((len(folds), *targets.shape))
    for which, rows, prediction in zip(np.tile(set_of_member, members_per_fold), held_out, predicted):
        out_of_fold[which, rows] += prediction[rows] / members_per_fold
    return DriftEnsemble(architecture, weights, out_of_fold, tuple(losses), rate)


def _train(
    architecture: Architecture,
    inputs: tuple[np.ndarray, np.ndarray],
    standardized: np.ndarray,
    training_rows: list[np.ndarray],
    settings: NetworkSettings,
    seed: int,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> tuple[Weights, list[float], float]:
    """Train; start again at a third of the learning rate when a loss is not finite."""
    regularization = Regularization(settings.dropout, settings.weight_decay)
    batch = min(settings.batch_size, max(len(rows) for rows in training_rows))
    trainer = trainer_for(architecture, len(training_rows), regularization, batch)
    tensors = trainer.tensors(*inputs, standardized)
    rate = settings.learning_rate
    for _ in range(3):
        weights = initial_weights(architecture, len(training_rows), seed)
        weights["linear_kernel"], weights["output_bias"] = _linear_start(inputs[1], standardized, training_rows)
        trainer.start(weights)
        losses = _train_once(trainer, tensors, training_rows, settings, rate, seed, progress, is_cancelled)
        if np.isfinite(losses[-1]):
            return trainer.weights(), losses, rate
        progress(0.0, f"Training diverged at learning rate {rate:g}; starting again at {rate / 3:g}")
        rate /= 3
    raise InputError(
        f"Training the network diverged at learning rates from {settings.learning_rate:g} down to {3 * rate:g}. "
        "Look for extreme values among the covariates and targets, or transform the target."
    )


def _linear_start(
    context: np.ndarray, standardized: np.ndarray, training_rows: list[np.ndarray], ridge: float = 0.02
) -> tuple[np.ndarray, np.ndarray]:
    """Fit each member's linear part to its training rows (ridge regression), so that the rest learns the remainder."""
    kernels, biases = [], []
    for own, wanted, rows in zip(context, standardized, training_rows):
        middle = own[rows].mean(axis=0, dtype=float)
        centred = own[rows] - middle
        system = centred.T @ centred + ridge * len(rows) * np.eye(own.shape[1])
        kernel = np.linalg.solve(system, centred.T @ wanted[rows])
        kernels.append(kernel)
        biases.append(-middle @ kernel)
    return np.stack(kernels).astype(np.float32), np.stack(biases).astype(np.float32)


def _train_once(
    trainer: Trainer,
    tensors: tuple[Any, ...],
    training_rows: list[np.ndarray],
    settings: NetworkSettings,
    rate: float,
    seed: int,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> list[float]:
    """Run the fixed budget of epochs, or stop at the first loss that is not finite."""
    longest = max(len(rows) for rows in training_rows)
    batch = min(settings.batch_size, longest)
    steps = -(-longest // batch)
    wanted = min(max(settings.min_steps, settings.epochs * steps), settings.max_steps)
    epochs = max(1, -(-wanted // steps))
    rng = np.random.default_rng([seed, 1])
    losses: list[float] = []
    sequences, context, targets = tensors
    for epoch in range(epochs):
        stop_if(is_cancelled)
        # np.resize repeats the shuffled rows cyclically, so that members of unequal size share one shape.
        order = np.stack([np.resize(rng.permutation(rows), steps * batch) for rows in training_rows])
        order = order.reshape(len(training_rows), steps, batch).transpose(1, 0, 2)
        done = epoch * steps + np.arange(steps)
        rates = 0.5 * rate * (1.0 + np.cos(np.pi * done / (epochs * steps)))
        loss = float(
            np.mean(trainer.epoch(sequences, context, targets, order, rates, int(done[0]), seed % 2**31))
        )
        losses.append(loss)
        if not np.isfinite(loss):
            return losses
        progress((epoch + 1) / epochs, f"Epoch {epoch + 1} of {epochs}, loss {loss:.3f}")
    return losses
