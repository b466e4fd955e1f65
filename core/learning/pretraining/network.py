"""The network for data without covariates: attention over the samples around a place.

Every sample of the neighbourhood is read by the same small layers, together with the context; four softmax heads
pool what they say, and a learned linear form of the samples' deviations goes around the pooling, as kriging's
weights do. The order of the samples does not matter. On a CPU attention costs a tenth of a recurrent network.

tensorflow is imported inside the functions, here and in `core.learning.export`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...features.kriging_context import CONTEXT_NAMES, N_NEIGHBORS, N_SITE_COLUMNS, TOKEN_NAMES
from ...progress import Progress, silent
from .rows import Rows

N_HEADS = 4

LARGEST_CORRECTION = 1.5
"""Bound of the output, in kriging standard deviations."""


@dataclass(frozen=True)
class PretrainingSettings:
    """How the network is trained.

    Parameters
    ----------
    width : int
        Of the layers that read samples, a multiple of `N_HEADS`.
    epochs, batch_size : int
    learning_rate : float
        At the start; it falls to 0 along half a cosine.
    weight_decay, dropout : float
    largest_residual, largest_weight : float
        Residuals and weights of rows beyond these are cut, so that no single sample rules.
    seed : int
    """

    width: int = 16
    epochs: int = 8
    batch_size: int = 512
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    dropout: float = 0.1
    largest_residual: float = 5.0
    largest_weight: float = 5.0
    seed: int = 0


def scaling(rows: Rows) -> tuple[np.ndarray, ...]:
    """Return mean and standard deviation of the columns of tokens and of context, shape (n_columns,) each."""
    tokens = rows.tokens.reshape(-1, rows.tokens.shape[-1])
    return tokens.mean(axis=0), tokens.std(axis=0) + 1e-3, rows.context.mean(axis=0), rows.context.std(axis=0) + 1e-3


def build(settings: PretrainingSettings, scales: tuple[np.ndarray, ...]) -> Any:
    """Build the network.

    Parameters
    ----------
    settings : PretrainingSettings
    scales : tuple of ndarray
        From `scaling`.

    Returns
    -------
    keras.Model
        Inputs ``sequences`` (n, k, c) and ``context`` (n, q), output (n, 1).
    """
    import keras
    from keras import layers, ops

    token_mean, token_spread, context_mean, context_spread = (scale.astype(np.float32) for scale in scales)
    width, k = settings.width, N_NEIGHBORS
    tokens = keras.Input((k, len(TOKEN_NAMES)), name="sequences")
    context = keras.Input((len(CONTEXT_NAMES),), name="context")
    read = (tokens - token_mean) / token_spread
    around = (context - context_mean) / context_spread
    # There are far fewer sites than places: what is told of a site is at times withheld, lest sites be memorised.
    site = layers.Dropout(settings.dropout, seed=settings.seed + 1)(around[:, :N_SITE_COLUMNS])
    around = layers.Concatenate()([site, around[:, N_SITE_COLUMNS:]])
    hidden = layers.Dense(width, name="token_in")(read) + layers.Dense(width, name="context_in")(around)[:, None, :]
    hidden = layers.Dense(width, activation="relu", name="token_hidden")(ops.relu(hidden))
    attention = layers.Softmax(axis=1)(layers.Dense(N_HEADS, name="attention")(hidden))
    said = ops.reshape(layers.Dense(width, name="value")(hidden), (-1, k, N_HEADS, width // N_HEADS))
    pooled = ops.reshape(ops.sum(attention[:, :, :, None] * said, axis=1), (-1, width))
    weights = layers.Dense(1, name="linear")(hidden)[:, :, 0]
    linear = ops.sum(weights * read[:, :, 0], axis=1, keepdims=True) / 4.0
    state = layers.Concatenate()([pooled, around, linear])
    state = layers.Dense(24, activation="relu", name="dense_in")(state)
    state = layers.Dropout(settings.dropout, seed=settings.seed)(state)
    state = layers.Dense(12, activation="relu", name="dense_out")(state)
    output = layers.Dense(1, kernel_initializer="zeros", name="output")(state)
    return keras.Model([tokens, context], LARGEST_CORRECTION * ops.tanh(output / LARGEST_CORRECTION))


def train(rows: Rows, settings: PretrainingSettings, progress: Progress = silent) -> Any:
    """Train the network.

    Rows are seen in a frame turned over at random, along and across the anisotropy, as no direction is special.

    Parameters
    ----------
    rows : Rows
    settings : PretrainingSettings
    progress : Progress

    Returns
    -------
    keras.Model
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(settings.seed)
    network = build(settings, scaling(rows))
    residual = np.clip(rows.residual, -settings.largest_residual, settings.largest_residual)
    weight = np.minimum(rows.weight, settings.largest_weight)
    n_steps = max(len(rows) // settings.batch_size, 1)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * n_steps),
        weight_decay=settings.weight_decay,
        clipnorm=1.0,
    )
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(tokens, context, wanted, weight, turn):  # type: ignore[no-untyped-def]
        axes = tokens[..., 1:3] * turn[:, None, :]
        tokens = tf.concat([tokens[..., :1], axes, tokens[..., 3:]], axis=-1)
        with tf.GradientTape() as tape:
            found = network([tokens, context], training=True)[:, 0]
            loss = tf.reduce_mean(weight * tf.square(wanted - found))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        )
        return loss

    rng = np.random.default_rng(settings.seed)
    base = float(np.mean(weight * residual**2))
    for epoch in range(settings.epochs):
        order, losses = rng.permutation(len(rows)), []
        for start in range(0, n_steps * settings.batch_size, settings.batch_size):
            at = order[start : start + settings.batch_size]
            turn = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), (len(at), 2))
            losses.append(float(step(rows.tokens[at], rows.context[at], residual[at], weight[at], turn)))
        progress((epoch + 1) / settings.epochs, f"Epoch {epoch + 1}: {np.mean(losses) / base:.4f} of kriging's loss")
    return network


def mean_of(networks: Sequence[Any]) -> Any:
    """Return the mean of networks with the same inputs as one network.

    Parameters
    ----------
    networks : sequence of keras.Model
        From `train`, with other seeds.

    Returns
    -------
    keras.Model
    """
    import keras
    from keras import layers

    if len(networks) == 1:
        return networks[0]
    tokens = keras.Input(networks[0].inputs[0].shape[1:], name="sequences")
    context = keras.Input(networks[0].inputs[1].shape[1:], name="context")
    return keras.Model([tokens, context], layers.Average()([network([tokens, context]) for network in networks]))
