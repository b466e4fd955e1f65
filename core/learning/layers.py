"""Networks as lists of layers: members of an ensemble trained in one graph, the same layers as Keras for the export.

Every weight has a leading member axis and every product is a batched matrix product, so all members of all inner
folds train at once. `LayeredTrainer` holds the compiled graph; it is reused for every training of the same shapes.
A test compares the batched graph, Keras and ONNX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError
from .networks import Weights

KINDS = ("conv", "lstm", "bilstm", "dense", "flatten", "dropout")
ACTIVATIONS = ("linear", "relu", "leaky_relu")
SLOPE = 0.3
"""Of the leaky rectifier below 0, as in Keras."""

_PREDICTION_ROWS = 4096
"""Rows that are sent through the ensemble at once."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Parameters
    ----------
    kind : str
        conv (along the sequence), lstm, bilstm, dense, flatten or dropout.
    width : int
        Of the output; of each direction for bilstm.
    kernel : int
        Samples a convolution reads; odd.
    activation : str
        Of conv and dense: linear, relu or leaky_relu.
    returns_sequence : bool
        Whether an lstm passes on all steps.
    rate : float
        Of dropout.
    """

    kind: str
    width: int = 0
    kernel: int = 1
    activation: str = "linear"
    returns_sequence: bool = False
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.activation not in ACTIVATIONS:
            raise InputError(
                f"Expected a layer out of {', '.join(KINDS)} with an activation out of {', '.join(ACTIVATIONS)}, got "
                f"{self.kind!r} and {self.activation!r}."
            )
        if self.kind not in ("flatten", "dropout") and self.width < 1:
            raise InputError(f"Expected a width of 1 or above for {self.kind}, got {self.width}.")
        if self.kernel < 1 or self.kernel % 2 == 0 or not 0 <= self.rate < 1:
            raise InputError(
                f"Expected an odd kernel and a dropout of 0 to below 1, got {self.kernel} and {self.rate:g}."
            )


@dataclass(frozen=True)
class LayeredNetwork:
    """One member network.

    Parameters
    ----------
    n_neighbors, n_token_columns, n_context_columns, n_targets : int
        Shapes of inputs and output.
    layers : tuple of Layer
        From the sequence to the last hidden layer; a linear layer with one output a target follows.
    context_joins : str
        "tokens": the context is appended to every step of the sequence; "state": to what the sequence is condensed to.
    skip : bool
        Whether a linear function of the context is added to the output. The network then starts as that function.

    Raises
    ------
    InputError
        When a size is not above 0 or the layers do not end in one vector a location.
    """

    n_neighbors: int
    n_token_columns: int
    n_context_columns: int
    n_targets: int
    layers: tuple[Layer, ...]
    context_joins: str = "tokens"
    skip: bool = False

    def __post_init__(self) -> None:
        if self.n_neighbors < 2:
            raise InputError(
                f"A sequence needs at least 2 neighbours, got {self.n_neighbors}: in a sequence of length 1 nothing is "
                "convolved or recurrent."
            )
        if min(self.n_token_columns, self.n_context_columns, self.n_targets) < 1:
            raise InputError("Expected at least one column of sequences, of context, and one target.")
        if self.context_joins not in ("tokens", "state"):
            raise InputError(f"Expected the context to join tokens or state, got {self.context_joins!r}.")
        self.weight_shapes  # noqa: B018  raises where the layers do not fit together

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight of one member, in Keras' layout; directions of a bilstm along an axis of 2."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.n_token_columns + (self.n_context_columns if self.context_joins == "tokens" else 0)
        is_sequence = True
        for index, layer in enumerate(self.layers):
            name = f"{index}_{layer.kind}"
            if layer.kind in ("conv", "lstm", "bilstm", "flatten") and not is_sequence:
                raise InputError(f"Layer {index + 1} ({layer.kind}) needs a sequence, but gets one vector.")
            if layer.kind == "dense" and is_sequence:
                raise InputError(f"Layer {index + 1} (dense) needs one vector; put lstm, bilstm or flatten before it.")
            h = layer.width
            if layer.kind == "conv":
                shapes[f"{name}_kernel"], shapes[f"{name}_bias"] = (layer.kernel, width, h), (h,)
            elif layer.kind == "dense":
                shapes[f"{name}_kernel"], shapes[f"{name}_bias"] = (width, h), (h,)
            elif layer.kind in ("lstm", "bilstm"):
                ways = (2,) if layer.kind == "bilstm" else (1,)
                shapes[f"{name}_kernel"] = (*ways, width, 4 * h)
                shapes[f"{name}_recurrent"] = (*ways, h, 4 * h)
                shapes[f"{name}_bias"] = (*ways, 4 * h)
            if layer.kind == "bilstm" or (layer.kind == "lstm" and not layer.returns_sequence):
                is_sequence = False
            if layer.kind == "flatten":
                width, is_sequence = width * self.n_neighbors, False
            elif layer.kind != "dropout":
                width = 2 * h if layer.kind == "bilstm" else h
            if not is_sequence and self._joins_after(index):
                width += self.n_context_columns
        if is_sequence:
            raise InputError("The layers leave a sequence; end them with lstm, bilstm or flatten.")
        shapes["output_kernel"], shapes["output_bias"] = (width, self.n_targets), (self.n_targets,)
        if self.skip:
            shapes["linear_kernel"] = (self.n_context_columns, self.n_targets)
        return shapes

    def _joins_after(self, index: int) -> bool:
        """Whether the context joins after a layer: where the sequence becomes one vector."""
        layer = self.layers[index]
        condenses = layer.kind in ("bilstm", "flatten") or (layer.kind == "lstm" and not layer.returns_sequence)
        return self.context_joins == "state" and condenses

    @property
    def n_weights(self) -> int:
        """Number of trained numbers of one member."""
        return int(sum(np.prod(shape) for shape in self.weight_shapes.values()))

    @property
    def n_recurrent(self) -> int:
        """Number of recurrent layers of one member."""
        return sum(layer.kind in ("lstm", "bilstm") for layer in self.layers)

    def to_dict(self) -> dict:
        """Return the JSON object of the network."""
        return {**asdict(self), "n_weights": self.n_weights}

    @classmethod
    def from_dict(cls, content: dict) -> LayeredNetwork:
        """Read what `to_dict` wrote."""
        given = {key: value for key, value in content.items() if key != "n_weights"}
        given["layers"] = tuple(Layer(**layer) for layer in given["layers"])
        return cls(**given)


@dataclass(frozen=True)
class Optimizer:
    """How weights are moved.

    Parameters
    ----------
    name : str
        adam, or sgd with momentum 0.9.
    weight_decay : float
        Decoupled: each step takes this share times the learning rate off every kernel.
    """

    name: str = "adam"
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in ("adam", "sgd"):
            raise InputError(f"Expected the optimizer adam or sgd, got {self.name!r}.")
        if not (np.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"Expected a weight decay of 0 or above, got {self.weight_decay!r}.")


def initial_weights(network: LayeredNetwork, n_members: int, seed: int) -> Weights:
    """Draw starting weights: Glorot uniform kernels, biases 0 (forget gates 1); with a skip, output kernels 0."""
    members = [np.random.default_rng([seed, member]) for member in range(n_members)]
    weights: Weights = {}
    for name, shape in network.weight_shapes.items():
        array = np.zeros((n_members, *shape), dtype=np.float32)
        if _is_kernel(name) and not (network.skip and name in ("output_kernel", "linear_kernel")):
            reach = shape[0] if name.endswith("conv_kernel") else 1
            limit = np.sqrt(6.0 / (reach * (shape[-2] + shape[-1])))
            for member, rng in enumerate(members):
                array[member] = rng.uniform(-limit, limit, size=shape)
        if name.endswith("lstm_bias"):
            h = shape[-1] // 4
            array[..., h : 2 * h] = 1.0
        weights[name] = array
    return weights


def _is_kernel(name: str) -> bool:
    return name.endswith(("_kernel", "_recurrent"))


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
        own = {part: weights.get(f"{index}_{layer.kind}_{part}") for part in ("kernel", "recurrent", "bias")}
        if layer.kind == "dropout":
            if training and layer.rate > 0:
                keep = tf.random.stateless_uniform(tf.shape(x), seed + tf.constant([0, index])) >= layer.rate
                x = tf.where(keep, x / (1.0 - layer.rate), tf.zeros_like(x))
        elif layer.kind == "flatten":
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
        else:
            x = _recur(tf, layer, own, x, n_members, b, k)
        if network._joins_after(index):
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


class LayeredTrainer:
    """The training graph of an ensemble; get one from `trainer_for`, which reuses it.

    Members have their own rows, learning rates and best weights so far, and share everything else.
    """

    def __init__(self, network: LayeredNetwork, n_members: int, optimizer: Optimizer, batch_size: int) -> None:
        import tensorflow as tf

        self._tf = tf
        start = initial_weights(network, n_members, 0)
        self._weights = {name: tf.Variable(array, name=name.replace("/", "_")) for name, array in start.items()}
        self._best = {name: tf.Variable(array) for name, array in start.items()}
        self._first = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        self._second = {name: tf.Variable(tf.zeros_like(array)) for name, array in start.items()}
        decayed = {name for name in start if _is_kernel(name) and name != "linear_kernel"}

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
                second = self._second[name].assign(0.999 * self._second[name] + 0.001 * gradient * gradient)
                change = (first / (1.0 - 0.9**step)) / (tf.sqrt(second / (1.0 - 0.999**step)) + 1e-7)
            if name in decayed and optimizer.weight_decay > 0:
                change = change + optimizer.weight_decay * weights
            weights.assign_sub(rate * change)

        def train_step(batch: Any, around: Any, wanted: Any, rates: Any, number: Any, seed: Any) -> Any:
            with tf.GradientTape() as tape:
                noise = tf.stack([seed, 97 * number])
                predicted = _forward(tf, network, self._weights, batch, around, True, noise)
                losses = tf.reduce_mean(tf.square(predicted - wanted), axis=[1, 2])
                loss = tf.reduce_sum(losses)
            for name, gradient in tape.gradient(loss, self._weights).items():
                update(name, gradient, rates, tf.cast(number + 1, tf.float32))
            return losses

        step = tf.function(train_step, autograph=False)
        k, c, q, t = network.n_neighbors, network.n_token_columns, network.n_context_columns, network.n_targets

        @tf.function(
            input_signature=[
                tf.TensorSpec([n_members, None, k, c], tf.float32),
                tf.TensorSpec([n_members, None, q], tf.float32),
                tf.TensorSpec([n_members, None, t], tf.float32),
                tf.TensorSpec([None, n_members, batch_size], tf.int32),
                tf.TensorSpec([n_members], tf.float32),
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
                total += step(batch, around, wanted, rates, first_step + i, seed)
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
            Sequences (n_members, n, k, c), context (n_members, n, q) and targets (n_members, n, t), from `tensors`.
        order : ndarray of int, shape (n_steps, n_members, batch)
            Rows of each batch.
        rates : ndarray, shape (n_members,)
            Learning rates.
        first, seed : int
            Steps done before, and the seed of dropout.
        """
        tf = self._tf
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
def trainer_for(network: LayeredNetwork, n_members: int, optimizer: Optimizer, batch_size: int) -> LayeredTrainer:
    """Return the trainer of an ensemble, built once for each set of arguments."""
    return LayeredTrainer(network, n_members, optimizer, batch_size)


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


def keras_members(
    network: LayeredNetwork, weights: Weights, factors: tuple[np.ndarray, np.ndarray] | None = None
) -> Any:
    """Build the mean of all members from plain Keras layers, with the trained weights.

    Parameters
    ----------
    network : LayeredNetwork
    weights : dict of ndarray
    factors : tuple of ndarray or None
        Factors of the columns of sequences and of context (self-evaluation), which become part of the graph.

    Returns
    -------
    keras.Model
        Inputs ``sequences`` (n, k, c) and ``context`` (n, q), output (n, t).
    """
    import keras
    from keras import layers as of

    sequences = keras.Input((network.n_neighbors, network.n_token_columns), name="sequences")
    context = keras.Input((network.n_context_columns,), name="context")
    n_members = len(weights["output_bias"])
    tokens, around = sequences, context
    if factors is not None and any((factor != 1).any() for factor in factors):
        tokens, around = (
            of.Rescaling(factor.astype(np.float32))(given) for factor, given in zip(factors, (sequences, context))
        )
    outputs, assignments = [], []
    for member in range(n_members):
        x = tokens
        if network.context_joins == "tokens":
            x = of.Concatenate()([x, of.RepeatVector(network.n_neighbors)(around)])
        for index, layer in enumerate(network.layers):
            name = f"{index}_{layer.kind}"
            if layer.kind == "dropout":
                continue  # does nothing outside training
            if layer.kind == "flatten":
                made = of.Flatten()
            elif layer.kind == "dense":
                made = of.Dense(layer.width)
            elif layer.kind == "conv":
                made = of.Conv1D(layer.width, layer.kernel, padding="same")
            else:
                made = of.LSTM(layer.width, return_sequences=layer.returns_sequence)
                made = of.Bidirectional(made) if layer.kind == "bilstm" else made
            x = made(x)
            if layer.kind in ("lstm", "bilstm"):
                ways = 2 if layer.kind == "bilstm" else 1
                parts = ("kernel", "recurrent", "bias")
                own = [weights[f"{name}_{part}"][member, way] for way in range(ways) for part in parts]
                assignments.append((made, own))
            elif layer.kind != "flatten":
                assignments.append((made, [weights[f"{name}_{part}"][member] for part in ("kernel", "bias")]))
            if layer.activation == "relu":
                x = of.ReLU()(x)
            elif layer.activation == "leaky_relu":
                x = of.LeakyReLU(negative_slope=SLOPE)(x)
            if network._joins_after(index):
                x = of.Concatenate()([x, around])
        output = of.Dense(network.n_targets)
        x = output(x)
        assignments.append((output, [weights["output_kernel"][member], weights["output_bias"][member]]))
        if network.skip:
            linear = of.Dense(network.n_targets, use_bias=False)
            x = of.Add()([x, linear(around)])
            assignments.append((linear, [weights["linear_kernel"][member]]))
        outputs.append(x)
    model = keras.Model([sequences, context], of.Average()(outputs) if n_members > 1 else outputs[0])
    for made, arrays in assignments:
        made.set_weights(arrays)
    return model
