"""The drift network: Conv1D (kernel 3) + bidirectional LSTM or attention + dense, batched and as Keras layers.

All members of an ensemble are trained in one graph: every weight has a leading member axis and every product is
a batched matrix product, so ten small networks cost little more than one. The graph is traced once for an
architecture and reused for every later training of the same shapes, whatever the number of samples.
`keras_ensemble` builds the same function from plain Keras layers for the export; a test compares the two.

This is the only file, with `export`, that imports tensorflow, and it does so inside functions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError

Weights = dict[str, np.ndarray]
"""Arrays of float32 by name (`weight_shapes`), members along the first axis."""

POOLINGS = ("bilstm", "attention")
"""How a sequence becomes one state; attention trains in about a quarter of the time."""

_PREDICTION_ROWS = 4096
"""Rows that are sent through the ensemble at once."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of one member network.

    Parameters
    ----------
    n_neighbors, n_token_columns, n_context_columns, n_targets : int
        Shapes of inputs and output.
    conv_width, recurrent_width, dense_width : int
        Width of the convolution, of each direction of the LSTM (half of the attention's values), of the dense layer.
    pooling : str
        Out of `POOLINGS`. Attention is the mean of values along the sequence, with weights that are a softmax of
        one score a step.

    Raises
    ------
    InputError
        When a size is not a whole number above 0, or the pooling unknown.

    References
    ----------
    Ilse, M., Tomczak, J. & Welling, M. (2018). Attention-based deep multiple instance learning. ICML 35, 2127-2136.
    """

    n_neighbors: int
    n_token_columns: int
    n_context_columns: int
    n_targets: int
    conv_width: int = 8
    recurrent_width: int = 8
    dense_width: int = 8
    pooling: str = "bilstm"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise InputError(f"Expected a pooling out of {', '.join(POOLINGS)}, got {self.pooling!r}.")
        sizes = {name: size for name, size in asdict(self).items() if name != "pooling"}
        wrong = {name: size for name, size in sizes.items() if int(size) != size or size < 1}
        if wrong:
            raise InputError(f"Expected whole numbers above 0 for the network's sizes, got {wrong}.")

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight of one member, in Keras' layout; directions of the LSTM along an axis of 2."""
        c, f, h, d = self.n_token_columns, self.conv_width, self.recurrent_width, self.dense_width
        q, t = self.n_context_columns, self.n_targets
        pooling: dict[str, tuple[int, ...]] = {
            "lstm_kernel": (2, f, 4 * h),
            "lstm_recurrent": (2, h, 4 * h),
            "lstm_bias": (2, 4 * h),
        }
        if self.pooling == "attention":
            pooling = {"score_kernel": (f, 1), "value_kernel": (f, 2 * h), "value_bias": (2 * h,)}
        return {
            "conv_kernel": (3, c, f),
            "conv_bias": (f,),
            **pooling,
            "dense_kernel": (2 * h + q, d),
            "dense_bias": (d,),
            "output_kernel": (d, t),
            "output_bias": (t,),
            "linear_kernel": (q, t),
        }

    @property
    def n_recurrent(self) -> int:
        """Recurrent layers of one member."""
        return int(self.pooling == "bilstm")

    @property
    def n_weights(self) -> int:
        """Number of trained numbers of one member."""
        return int(sum(np.prod(shape) for shape in self.weight_shapes.values()))

    def to_dict(self) -> dict:
        """Return the JSON object of the architecture."""
        return {"name": f"conv_{self.pooling}", **asdict(self), "n_weights": self.n_weights}


@dataclass(frozen=True)
class Regularization:
    """How training is held back; fractions and rates, dimensionless."""

    dropout: float = 0.25
    weight_decay: float = 0.05


def initial_weights(architecture: Architecture, n_members: int, seed: int) -> Weights:
    """Draw starting weights: Glorot uniform kernels, biases 0 (forget gates 1), output kernels 0.

    With output kernels 0 every member starts as the mean of its training targets.

    Returns
    -------
    dict of ndarray, float32
        Each of shape (n_members, *weight shape).
    """
    members = [np.random.default_rng([seed, member]) for member in range(n_members)]
    weights: Weights = {}
    for name, shape in architecture.weight_shapes.items():
        array = np.zeros((n_members, *shape), dtype=np.float32)
        if name.endswith(("_kernel", "_recurrent")) and name not in ("output_kernel", "linear_kernel"):
            fan = (3 * (shape[-2] + shape[-1])) if name == "conv_kernel" else shape[-2] + shape[-1]
            limit = np.sqrt(6.0 / fan)
            for member, rng in enumerate(members):
                array[member] = rng.uniform(-limit, limit, size=shape)
        if name == "lstm_bias":
            h = architecture.recurrent_width
            array[:, :, h : 2 * h] = 1.0
        weights[name] = array
    return weights


def _forward(tf: Any, weights: Any, sequences: Any, context: Any, dropout: float = 0.0, seed: Any = None) -> Any:
    """Evaluate members (m) on rows (b): (m, b, k, c), (m, b, q) -> (m, b, t); a member axis of 1 is shared."""
    m, b = tf.shape(sequences)[0], tf.shape(sequences)[1]
    k, c = sequences.shape[2], sequences.shape[3]
    f = weights["conv_kernel"].shape[-1]
    n_members = tf.shape(weights["conv_bias"])[0]

    def drop(x: Any, place: int) -> Any:
        if dropout == 0.0:
            return x
        keep = tf.random.stateless_uniform(tf.shape(x), seed + tf.constant([0, place])) >= dropout
        return tf.where(keep, x / (1.0 - dropout), tf.zeros_like(x))

    padded = tf.pad(sequences, [[0, 0], [0, 0], [1, 1], [0, 0]])
    windows = tf.concat([padded[:, :, i : i + k] for i in range(3)], axis=-1)
    kernel = tf.reshape(weights["conv_kernel"], [-1, 3 * c, f])
    x = tf.matmul(tf.reshape(windows, [m, b * k, 3 * c]), kernel) + weights["conv_bias"][:, None, :]
    x = drop(tf.nn.relu(x), 0)
    pooled = _attend(tf, weights, x, b, k) if "score_kernel" in weights else _recur(tf, weights, x, b, k)
    context = tf.broadcast_to(context, [n_members, b, context.shape[-1]])
    x = tf.concat([drop(pooled, 1), context], axis=-1)
    x = tf.nn.relu(tf.matmul(x, weights["dense_kernel"]) + weights["dense_bias"][:, None, :])
    x = tf.matmul(drop(x, 2), weights["output_kernel"]) + weights["output_bias"][:, None, :]
    return x + tf.matmul(context, weights["linear_kernel"])


def _recur(tf: Any, weights: Any, x: Any, b: Any, k: int) -> Any:
    """Return the last states of both directions of the LSTM: (m, b k, f) -> (m, b, 2 h)."""
    h, n_members = weights["lstm_recurrent"].shape[-2], tf.shape(weights["conv_bias"])[0]
    # Both directions at once: (members, 2, b, k, 4 h), the second one from the last step to the first.
    gates = tf.matmul(x[:, None], weights["lstm_kernel"]) + weights["lstm_bias"][:, :, None, :]
    gates = tf.reshape(gates, [n_members, 2, b, k, 4 * h])
    gates = tf.stack([gates[:, 0], tf.reverse(gates[:, 1], [2])], axis=1)
    steps = tf.unstack(gates, num=k, axis=3)
    state = tf.zeros([n_members, 2, b, h])
    cell = tf.zeros([n_members, 2, b, h])
    for step in steps:
        entry, forget, candidate, output = tf.split(step + tf.matmul(state, weights["lstm_recurrent"]), 4, axis=-1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(entry) * tf.tanh(candidate)
        state = tf.sigmoid(output) * tf.tanh(cell)
    return tf.concat([state[:, 0], state[:, 1]], axis=-1)


def _attend(tf: Any, weights: Any, x: Any, b: Any, k: int) -> Any:
    """Return the mean of the values along the sequence, weighted by the scores: (m, b k, f) -> (m, b, 2 h)."""
    n_members, width = tf.shape(weights["conv_bias"])[0], weights["value_kernel"].shape[-1]
    scores = tf.nn.softmax(tf.reshape(tf.matmul(x, weights["score_kernel"]), [n_members, b, 1, k]))
    values = tf.nn.tanh(tf.matmul(x, weights["value_kernel"]) + weights["value_bias"][:, None, :])
    return tf.matmul(scores, tf.reshape(values, [n_members, b, k, width]))[:, :, 0]


class Trainer:
    """The training graph of an ensemble: weights and Adam's moments as variables, one compiled epoch.

    Get one from `trainer_for`, which reuses it.
    """

    def __init__(
        self,
        architecture: Architecture,
        n_members: int,
        regularization: Regularization,
        batch_size: int,
    ) -> None:
        import tensorflow as tf

        self._tf = tf
        start = initial_weights(architecture, n_members, 0)
        self._weights = {name: tf.Variable(array, name=name) for name, array in start.items()}
        self._first = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        self._second = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        decayed = {name for name in start if name.endswith(("_kernel", "_recurrent")) and name != "linear_kernel"}

        def update(name: str, gradient: Any, rate: Any, step: Any) -> None:
            """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
            first = self._first[name].assign(0.9 * self._first[name] + 0.1 * gradient)
            second = self._second[name].assign(0.99 * self._second[name] + 0.01 * gradient * gradient)
            change = (first / (1.0 - 0.9**step)) / (tf.sqrt(second / (1.0 - 0.99**step)) + 1e-7)
            if name in decayed:
                change += regularization.weight_decay * self._weights[name]
            self._weights[name].assign_sub(rate * change)

        k, c, q = architecture.n_neighbors, architecture.n_token_columns, architecture.n_context_columns
        t = architecture.n_targets

        def train_step(batch: Any, around: Any, wanted: Any, rate: Any, number: Any, seed: Any) -> Any:
            """Update all members from one batch each; return their losses."""
            with tf.GradientTape() as tape:
                noise = tf.stack([seed, 3 * number])
                predicted = _forward(tf, self._weights, batch, around, regularization.dropout, noise)
                losses = tf.reduce_mean(tf.square(predicted - wanted), axis=[1, 2])
                loss = tf.reduce_sum(losses)
            for name, gradient in tape.gradient(loss, self._weights).items():
                update(name, gradient, rate, tf.cast(number + 1, tf.float32))
            return losses

        # Without XLA: on CPU its code for many small products was measured four times slower than TensorFlow's.
        step = tf.function(train_step, autograph=False)

        @tf.function(
            input_signature=[
                tf.TensorSpec([n_members, None, k, c], tf.float32),
                tf.TensorSpec([n_members, None, q], tf.float32),
                tf.TensorSpec([n_members, None, t], tf.float32),
                tf.TensorSpec([None, n_members, batch_size], tf.int32),
                tf.TensorSpec([None], tf.float32),
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

        self._epoch = epoch

    def start(self, weights: Weights) -> None:
        """Set the weights and forget the moments."""
        for name, array in weights.items():
            self._weights[name].assign(array)
            self._first[name].assign(np.zeros_like(array))
            self._second[name].assign(np.zeros_like(array))

    def epoch(
        self,
        sequences: np.ndarray,
        context: np.ndarray,
        targets: np.ndarray,
        order: np.ndarray,
        rates: np.ndarray,
        first_step: int,
        seed: int,
    ) -> np.ndarray:
        """Train on mini-batches of rows.

        Parameters
        ----------
        sequences, context, targets : ndarray, shape (n_members, n, k, c), (n_members, n, q), (n_members, n, t)
            Tensors are taken as they are, so that they are copied once for all epochs.
        order : ndarray of int32, shape (n_steps, n_members, batch)
            Rows of each batch.
        rates : ndarray, shape (n_steps,)
            Learning rates.
        first_step, seed : int
            Steps done before, and the seed of dropout.

        Returns
        -------
        ndarray, shape (n_members,)
            Mean squared error of each member, with dropout.
        """
        tf = self._tf
        return self._epoch(
            sequences, context, targets, tf.constant(order, tf.int32), tf.constant(rates, tf.float32),
            tf.constant(first_step, tf.int32), tf.constant(seed, tf.int32),
        ).numpy()  # fmt: skip

    def tensors(self, *arrays: np.ndarray) -> tuple[Any, ...]:
        """Copy arrays into float32 tensors."""
        return tuple(self._tf.constant(array, self._tf.float32) for array in arrays)

    def weights(self) -> Weights:
        """Return a copy of the weights."""
        return {name: variable.numpy() for name, variable in self._weights.items()}


@lru_cache(maxsize=8)
def trainer_for(
    architecture: Architecture,
    n_members: int,
    regularization: Regularization,
    batch_size: int,
) -> Trainer:
    """Return the trainer of an ensemble, built once for each set of arguments.

    Parameters
    ----------
    architecture : Architecture
    n_members : int
    regularization : Regularization
    batch_size : int
        Rows of a member in one step.
    """
    return Trainer(architecture, n_members, regularization, batch_size)


@lru_cache(maxsize=16)
def _evaluator(shapes: tuple[tuple[str, tuple[int, ...]], ...], k: int) -> Any:
    """Return the compiled forward pass for weights of some shapes and sequences of length k, any number of rows."""
    import tensorflow as tf

    sizes = dict(shapes)
    signature = [
        {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes},
        tf.TensorSpec([None, None, k, sizes["conv_kernel"][2]], tf.float32),
        tf.TensorSpec([None, None, sizes["linear_kernel"][1]], tf.float32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def evaluate(weights, sequences, context):  # type: ignore[no-untyped-def]
        return _forward(tf, weights, sequences, context)

    return evaluate


def evaluate_ensemble(weights: Weights, sequences: np.ndarray, context: np.ndarray) -> np.ndarray:
    """Evaluate every member.

    Parameters
    ----------
    weights : dict of ndarray
    sequences : ndarray, shape (n_members or 1, n, k, c)
        A member axis of 1 gives all members the same rows.
    context : ndarray, shape (n_members or 1, n, q)

    Returns
    -------
    ndarray of float64, shape (n_members, n, t)
    """
    import tensorflow as tf

    n, n_targets = sequences.shape[1], weights["output_bias"].shape[1]
    result = np.empty((len(weights["output_bias"]), n, n_targets))
    held = {name: tf.constant(array, tf.float32) for name, array in weights.items()}
    evaluate = _evaluator(tuple((name, array.shape) for name, array in weights.items()), sequences.shape[2])
    rows = min(_PREDICTION_ROWS, n)
    for first in range(0, n, max(rows, 1)):
        # The last block reaches back, so that all blocks have one shape.
        first = min(first, n - rows)
        window = slice(first, first + rows)
        result[:, window] = evaluate(
            held, tf.constant(sequences[:, window], tf.float32), tf.constant(context[:, window], tf.float32)
        ).numpy()
    return result


def keras_ensemble(architecture: Architecture, weights: Weights) -> Any:
    """Build the mean of all members from plain Keras layers, with the trained weights.

    Parameters
    ----------
    architecture : Architecture
    weights : dict of ndarray

    Returns
    -------
    keras.Model
        Inputs ``sequences`` (n, k, c) and ``context`` (n, q), output (n, t).
    """
    import keras
    from keras import layers

    sequences = keras.Input((architecture.n_neighbors, architecture.n_token_columns), name="sequences")
    context = keras.Input((architecture.n_context_columns,), name="context")
    n_members = len(weights["output_bias"])
    outputs, assignments = [], []
    for member in range(n_members):
        own = {name: array[member] for name, array in weights.items()}
        conv = layers.Conv1D(architecture.conv_width, 3, padding="same", activation="relu")
        dense = layers.Dense(architecture.dense_width, activation="relu")
        output = layers.Dense(architecture.n_targets)
        linear = layers.Dense(architecture.n_targets, use_bias=False)
        steps = conv(sequences)
        if architecture.pooling == "attention":
            score = layers.Dense(1, use_bias=False)
            value = layers.Dense(2 * architecture.recurrent_width, activation="tanh")
            shares = layers.Softmax(axis=1)(score(steps))
            pooled = layers.Flatten()(layers.Dot(axes=1)([shares, value(steps)]))
            assignments += [(score, [own["score_kernel"]]), (value, [own["value_kernel"], own["value_bias"]])]
        else:
            lstm = layers.Bidirectional(layers.LSTM(architecture.recurrent_width))
            pooled = lstm(steps)
            directions = [
                own[name][direction]
                for direction in range(2)
                for name in ("lstm_kernel", "lstm_recurrent", "lstm_bias")
            ]
            assignments.append((lstm, directions))
        state = layers.Concatenate()([pooled, context])
        outputs.append(layers.Add()([output(dense(state)), linear(context)]))
        assignments += [
            (conv, [own["conv_kernel"], own["conv_bias"]]),
            (dense, [own["dense_kernel"], own["dense_bias"]]),
            (output, [own["output_kernel"], own["output_bias"]]),
            (linear, [own["linear_kernel"]]),
        ]
    mean = layers.Average(name="drift")(outputs) if n_members > 1 else outputs[0]
    model = keras.Model([sequences, context], mean)
    for layer, arrays in assignments:
        layer.set_weights(arrays)
    return model
