"""The batched graph: all members of an ensemble evaluated and trained at once.

Every weight has a leading member axis and every product is a batched matrix product, so ten small networks cost
little more than one. `Trainer` holds the compiled graph; it is traced once for a network and reused for every later
training of the same shapes, whatever the number of samples.

With `export` the only file of this folder that imports tensorflow, and it does so inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError
from .layers import SLOPE, Layer, LayeredNetwork, Weights, initial_weights, is_kernel

_PREDICTION_ROWS = 4096
"""Rows that are sent through the ensemble at once."""

_PARTS = ("kernel", "recurrent", "bias", "score_kernel")
"""Weights a layer may have."""


@dataclass(frozen=True)
class Optimizer:
    """How weights are moved.

    Parameters
    ----------
    name : str
        adam, or sgd with momentum 0.9.
    weight_decay : float
        Decoupled: each step takes this share times the learning rate off every kernel.
    second_decay : float
        What adam keeps of the mean of squared gradients at each step; shorter trainings want a shorter memory.

    Raises
    ------
    InputError
        For an unknown optimizer or a number out of its range.

    References
    ----------
    Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization. ICLR 7.
    """

    name: str = "adam"
    weight_decay: float = 0.0
    second_decay: float = 0.999

    def __post_init__(self) -> None:
        if self.name not in ("adam", "sgd"):
            raise InputError(f"Expected the optimizer adam or sgd, got {self.name!r}.")
        if not (np.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"Expected a weight decay of 0 or above, got {self.weight_decay!r}.")
        if not 0 <= self.second_decay < 1:
            raise InputError(f"Expected a decay of squared gradients of 0 to below 1, got {self.second_decay!r}.")


class Trainer:
    """The training graph of an ensemble; get one from `trainer_for`, which reuses it.

    Members have their own rows, learning rates and best weights so far, and share everything else.
    """

    def __init__(
        self, network: LayeredNetwork, n_members: int, optimizer: Optimizer, batch_size: int, seeds_per_step: int,
        has_gaps: bool = False,
    ) -> None:  # fmt: skip
        import tensorflow as tf

        self._tf = tf
        start = initial_weights(network, n_members, 0)
        self._weights = {name: tf.Variable(array, name=name.replace("/", "_")) for name, array in start.items()}
        self._best = {name: tf.Variable(array) for name, array in start.items()}
        self._first = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        self._second = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        kept = optimizer.second_decay
        decayed = {name for name in start if is_kernel(name) and name != "linear_kernel"}

        def along(rates: Any, array: Any) -> Any:
            """Put one number a member in front of an array of weights."""
            return tf.reshape(rates, [n_members] + [1] * (len(array.shape) - 1))

        def update(name: str, gradient: Any, rates: Any, step: Any) -> None:
            weights = self._weights[name]
            rate = along(rates, weights)
            if optimizer.name == "sgd":
                change = self._first[name].assign(0.9 * self._first[name] + gradient)
            else:
                first = self._first[name].assign(0.9 * self._first[name] + 0.1 * gradient)
                second = self._second[name].assign(kept * self._second[name] + (1.0 - kept) * gradient * gradient)
                change = (first / (1.0 - 0.9**step)) / (tf.sqrt(second / (1.0 - kept**step)) + 1e-7)
            if name in decayed and optimizer.weight_decay > 0:
                change = change + optimizer.weight_decay * weights
            weights.assign_sub(rate * change)

        def train_step(batch: Any, around: Any, wanted: Any, rates: Any, number: Any, seed: Any) -> Any:
            with tf.GradientTape() as tape:
                noise = tf.stack([seed, seeds_per_step * number])
                predicted = _forward(tf, network, self._weights, batch, around, True, noise)
                if has_gaps:
                    wanted, counted = tf.split(wanted, 2, axis=-1)
                    losses = tf.reduce_mean(counted * tf.square(predicted - wanted), axis=[1, 2])
                else:
                    losses = tf.reduce_mean(tf.square(predicted - wanted), axis=[1, 2])
                loss = tf.reduce_sum(losses)
            for name, gradient in tape.gradient(loss, self._weights).items():
                update(name, gradient, rates, tf.cast(number + 1, tf.float32))
            return losses

        # Without XLA: on CPU its code for many small products was measured four times slower than TensorFlow's.
        step = tf.function(train_step, autograph=False)
        k, c, q, t = network.n_neighbors, network.n_token_columns, network.n_context_columns, network.n_targets

        @tf.function(
            input_signature=[
                tf.TensorSpec([n_members, None, k, c], tf.float32),
                tf.TensorSpec([n_members, None, q], tf.float32),
                tf.TensorSpec([n_members, None, 2 * t if has_gaps else t], tf.float32),
                tf.TensorSpec([None, n_members, batch_size], tf.int32),
                tf.TensorSpec([None, n_members], tf.float32),
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([], tf.int32),
            ]
        )
        def epoch(sequences, context, targets, order, rates, first_step, seed):  # type: ignore[no-untyped-def]
            total = tf.zeros([n_members])
            for i in tf.range(tf.shape(order)[0]):
                batch = tf.gather(sequences, order[i], batch_dims=1)
                around = tf.gather(context, order[i], batch_dims=1)
                wanted = tf.gather(targets, order[i], batch_dims=1)
                total += step(batch, around, wanted, rates[i], first_step + i, seed)
            return total / tf.cast(tf.shape(order)[0], tf.float32)

        @tf.function(
            input_signature=[
                tf.TensorSpec([n_members, None, k, c], tf.float32),
                tf.TensorSpec([n_members, None, q], tf.float32),
            ],
            autograph=False,
        )
        def predict(sequences, context):  # type: ignore[no-untyped-def]
            return _forward(tf, network, self._weights, sequences, context, False)

        @tf.function(input_signature=[tf.TensorSpec([n_members], tf.bool)], autograph=False)
        def remember(improved):  # type: ignore[no-untyped-def]
            for name, weights in self._weights.items():
                self._best[name].assign(tf.where(along(improved, weights), weights, self._best[name]))

        self._epoch, self._predict, self._remember = epoch, predict, remember

    def start(self, weights: Weights) -> None:
        """Set the weights and forget moments and best weights."""
        for name, array in weights.items():
            self._weights[name].assign(array)
            self._best[name].assign(array)
            self._first[name].assign(np.zeros_like(array))
            self._second[name].assign(np.zeros_like(array))

    def tensors(self, *arrays: np.ndarray) -> tuple[Any, ...]:
        """Copy arrays into float32 tensors."""
        return tuple(self._tf.constant(array, self._tf.float32) for array in arrays)

    def epoch(
        self, tensors: tuple[Any, ...], order: np.ndarray, rates: np.ndarray, first: int, seed: int
    ) -> np.ndarray:
        """Train on mini-batches of rows; return the mean squared error of each member, with dropout.

        Parameters
        ----------
        tensors : tuple
            Sequences (n_members, n, k, c), context (n_members, n, q) and targets (n_members, n, t), from `tensors`;
            where there are gaps targets and their weights (n_members, n, 2 t), see `core.learning.runs.with_weights`.
        order : ndarray of int, shape (n_steps, n_members, batch)
            Rows of each batch.
        rates : ndarray, shape (n_steps or 1, n_members or 1)
            Learning rates.
        first, seed : int
            Steps done before, and the seed of dropout.
        """
        tf = self._tf
        rates = np.broadcast_to(rates, order.shape[:2])
        losses = self._epoch(
            *tensors, tf.constant(order, tf.int32), tf.constant(rates, tf.float32), tf.constant(first, tf.int32),
            tf.constant(seed, tf.int32),
        )  # fmt: skip
        return losses.numpy()

    def predict(self, sequences: Any, context: Any) -> np.ndarray:
        """Evaluate every member on its own rows, without dropout, shape (n_members, n, t)."""
        return self._predict(sequences, context).numpy().astype(float)

    def remember(self, improved: np.ndarray) -> None:
        """Keep the present weights of some members, by mask, as their best."""
        self._remember(self._tf.constant(improved))

    def best(self) -> Weights:
        """Return a copy of the best weights of every member."""
        return {name: variable.numpy() for name, variable in self._best.items()}


@lru_cache(maxsize=8)
def trainer_for(
    network: LayeredNetwork, n_members: int, optimizer: Optimizer, batch_size: int, seeds_per_step: int = 97,
    has_gaps: bool = False,
) -> Trainer:  # fmt: skip
    """Return the trainer of an ensemble, built once for each set of arguments.

    Parameters
    ----------
    network : LayeredNetwork
    n_members : int
    optimizer : Optimizer
    batch_size : int
        Rows of a member in one step.
    seeds_per_step : int
        How far the seeds of dropout move on with each step: at least the number of layers.
    has_gaps : bool
        Whether weights follow the targets.
    """
    return Trainer(network, n_members, optimizer, batch_size, seeds_per_step, has_gaps)


@lru_cache(maxsize=16)
def _evaluator(network: LayeredNetwork, n_members: int) -> Any:
    """Return the compiled forward pass, any number of rows."""
    import tensorflow as tf

    signature = [
        {name: tf.TensorSpec((n_members, *shape), tf.float32) for name, shape in network.weight_shapes.items()},
        tf.TensorSpec([None, None, network.n_neighbors, network.n_token_columns], tf.float32),
        tf.TensorSpec([None, None, network.n_context_columns], tf.float32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def evaluate(weights, sequences, context):  # type: ignore[no-untyped-def]
        return _forward(tf, network, weights, sequences, context, False)

    return evaluate


def evaluate_members(
    network: LayeredNetwork, weights: Weights, sequences: np.ndarray, context: np.ndarray
) -> np.ndarray:
    """Evaluate every member.

    Parameters
    ----------
    network : LayeredNetwork
    weights : dict of ndarray
    sequences : ndarray, shape (n_members or 1, n, k, c)
        A member axis of 1 gives all members the same rows.
    context : ndarray, shape (n_members or 1, n, q)

    Returns
    -------
    ndarray of float64, shape (n_members, n, t)
    """
    import tensorflow as tf

    n, n_members = sequences.shape[1], len(weights["output_bias"])
    result = np.empty((n_members, n, network.n_targets))
    held = {name: tf.constant(array, tf.float32) for name, array in weights.items()}
    evaluate = _evaluator(network, n_members)
    for first in range(0, n, _PREDICTION_ROWS):
        rows = slice(first, first + _PREDICTION_ROWS)
        inputs = [tf.constant(array[:, rows], tf.float32) for array in (sequences, context)]
        result[:, rows] = evaluate(held, *inputs).numpy()
    return result


def _forward(
    tf: Any, network: LayeredNetwork, weights: Any, sequences: Any, context: Any, training: bool, seed: Any = None
) -> Any:
    """Evaluate members (m) on rows (b): (m, b, k, c), (m, b, q) -> (m, b, t); a member axis of 1 is shared."""
    n_members = weights["output_bias"].shape[0]
    b, k, q = tf.shape(sequences)[1], network.n_neighbors, network.n_context_columns
    context = tf.broadcast_to(context, [n_members, b, q])
    x = tf.broadcast_to(sequences, [n_members, b, k, network.n_token_columns])
    if network.context_joins == "tokens":
        x = tf.concat([x, tf.broadcast_to(context[:, :, None, :], [n_members, b, k, q])], axis=-1)
    for index, layer in enumerate(network.layers):
        own = {part: weights.get(f"{index}_{layer.kind}_{part}") for part in _PARTS}
        if layer.kind == "flatten":
            x = tf.reshape(x, [n_members, b, k * x.shape[-1]])
        elif layer.kind == "dense":
            x = _activate(tf, tf.matmul(x, own["kernel"]) + own["bias"][:, None, :], layer.activation)
        elif layer.kind == "conv":
            side, c = layer.kernel // 2, x.shape[-1]
            padded = tf.pad(x, [[0, 0], [0, 0], [side, side], [0, 0]])
            windows = tf.concat([padded[:, :, i : i + k] for i in range(layer.kernel)], axis=-1)
            kernel = tf.reshape(own["kernel"], [n_members, layer.kernel * c, layer.width])
            x = tf.matmul(tf.reshape(windows, [n_members, b * k, layer.kernel * c]), kernel)
            x = tf.reshape(x + own["bias"][:, None, :], [n_members, b, k, layer.width])
            x = _activate(tf, x, layer.activation)
        elif layer.kind == "attention":
            x = _attend(tf, layer, own, x, n_members, b, k)
        elif layer.kind in ("lstm", "bilstm"):
            x = _recur(tf, layer, own, x, n_members, b, k)
        if training and layer.rate > 0:
            keep = tf.random.stateless_uniform(tf.shape(x), seed + tf.constant([0, index])) >= layer.rate
            x = tf.where(keep, x / (1.0 - layer.rate), tf.zeros_like(x))
        if network.joins_after(layer):
            x = tf.concat([x, context], axis=-1)
    x = tf.matmul(x, weights["output_kernel"]) + weights["output_bias"][:, None, :]
    return x + tf.matmul(context, weights["linear_kernel"]) if network.skip else x


def _activate(tf: Any, x: Any, activation: str) -> Any:
    if activation == "relu":
        return tf.nn.relu(x)
    return tf.nn.leaky_relu(x, SLOPE) if activation == "leaky_relu" else x


def _recur(tf: Any, layer: Layer, own: dict[str, Any], x: Any, n_members: int, b: Any, k: int) -> Any:
    """Run an lstm (one way) or a bilstm (both ways at once) over the steps."""
    h, c = layer.width, x.shape[-1]
    ways = 2 if layer.kind == "bilstm" else 1
    gates = tf.matmul(tf.reshape(x, [n_members, 1, b * k, c]), own["kernel"]) + own["bias"][:, :, None, :]
    gates = tf.reshape(gates, [n_members, ways, b, k, 4 * h])
    if ways == 2:  # the second way reads from the last step to the first
        gates = tf.stack([gates[:, 0], tf.reverse(gates[:, 1], [2])], axis=1)
    state = cell = tf.zeros([n_members, ways, b, h])
    states = []
    for step in tf.unstack(gates, num=k, axis=3):
        entry, forget, candidate, output = tf.split(step + tf.matmul(state, own["recurrent"]), 4, axis=-1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(entry) * tf.tanh(candidate)
        state = tf.sigmoid(output) * tf.tanh(cell)
        states.append(state[:, 0])
    if layer.returns_sequence:
        return tf.stack(states, axis=2)
    return tf.concat(tf.unstack(state, num=ways, axis=1), axis=-1)


def _attend(tf: Any, layer: Layer, own: dict[str, Any], x: Any, n_members: int, b: Any, k: int) -> Any:
    """Return the mean of the values along the sequence, weighted by the scores."""
    x = tf.reshape(x, [n_members, b * k, x.shape[-1]])
    scores = tf.nn.softmax(tf.reshape(tf.matmul(x, own["score_kernel"]), [n_members, b, 1, k]))
    values = tf.nn.tanh(tf.matmul(x, own["kernel"]) + own["bias"][:, None, :])
    return tf.matmul(scores, tf.reshape(values, [n_members, b, k, layer.width]))[:, :, 0]
