"""The batched ensemble. Truth: two roads (batched graph = Keras layers), one trace, same seed = same weights."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import InputError  # noqa: E402
from hybrid_geostatistics.core.learning.networks import (  # noqa: E402
    Architecture,
    Regularization,
    evaluate_ensemble,
    initial_weights,
    keras_ensemble,
    trainer_for,
)

SMALL = Architecture(5, 4, 3, 2, conv_width=6, recurrent_width=4, dense_width=5)
ATTENTION = replace(SMALL, pooling="attention")


def random_weights(n_members, seed=0, architecture=SMALL):
    """Return weights none of which is 0, so that a forgotten one is seen."""
    rng = np.random.default_rng(seed)
    start = initial_weights(architecture, n_members, seed)
    return {name: array + 0.3 * rng.normal(size=array.shape).astype(np.float32) for name, array in start.items()}


def rows(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5, 4)), rng.normal(size=(n, 3))


@pytest.mark.parametrize(("n_members", "architecture"), [(1, SMALL), (3, SMALL), (3, ATTENTION)])
def test_batched_equals_keras(n_members, architecture):
    weights = random_weights(n_members, architecture=architecture)
    sequences, context = rows(37)
    batched = evaluate_ensemble(weights, sequences[None], context[None]).mean(axis=0)
    keras = keras_ensemble(architecture, weights)([sequences.astype("f4"), context.astype("f4")], training=False)
    assert_allclose(np.asarray(keras), batched, atol=1e-5)  # float32, sums of some ten terms


def test_attention_is_the_mean_of_values_weighted_by_scores():
    weights = random_weights(1, architecture=ATTENTION)
    w = {name: array[0].astype(float) for name, array in weights.items()}
    sequences, context = rows(6)
    padded = np.pad(sequences, [(0, 0), (1, 1), (0, 0)])
    steps = sum(padded[:, i : i + 5] @ w["conv_kernel"][i] for i in range(3)) + w["conv_bias"]
    steps = np.maximum(steps, 0)
    shares = np.exp(steps @ w["score_kernel"])
    pooled = (shares / shares.sum(axis=1, keepdims=True) * np.tanh(steps @ w["value_kernel"] + w["value_bias"])).sum(1)
    dense = np.maximum(np.hstack([pooled, context]) @ w["dense_kernel"] + w["dense_bias"], 0)
    expected = dense @ w["output_kernel"] + w["output_bias"] + context @ w["linear_kernel"]
    assert_allclose(evaluate_ensemble(weights, sequences[None], context[None])[0], expected, atol=1e-5)


def test_attention_becomes_onnx_without_a_recurrent_operator():
    pytest.importorskip("tf2onnx")
    from hybrid_geostatistics.core.learning.export import check_same, to_onnx

    network = keras_ensemble(ATTENTION, random_weights(2, architecture=ATTENTION))
    model = to_onnx(network, 2 * ATTENTION.n_recurrent)
    assert "LSTM" not in [node.op_type for node in model.graph.node]
    assert check_same(network, model) < 1e-5


def test_an_unknown_pooling_is_refused():
    with pytest.raises(InputError, match="bilstm, attention"):
        replace(SMALL, pooling="mean")


def test_members_do_not_influence_one_another():
    weights = random_weights(3)
    sequences, context = rows(20)
    all_three = evaluate_ensemble(weights, sequences[None], context[None])
    only_second = evaluate_ensemble({n: a[1:2] for n, a in weights.items()}, sequences[None], context[None])
    assert_allclose(all_three[1], only_second[0], atol=1e-6)


def test_blocks_of_rows_equal_the_whole(monkeypatch):
    weights = random_weights(2)
    sequences, context = rows(50)
    whole = evaluate_ensemble(weights, sequences[None], context[None])
    monkeypatch.setattr("hybrid_geostatistics.core.learning.networks._PREDICTION_ROWS", 16)
    assert_allclose(evaluate_ensemble(weights, sequences[None], context[None]), whole, atol=1e-6)


def train(trainer, n, seed, steps=4):
    rng = np.random.default_rng(seed)
    tensors = trainer.tensors(rng.normal(size=(2, n, 5, 4)), rng.normal(size=(2, n, 3)), rng.normal(size=(2, n, 2)))
    trainer.start(initial_weights(SMALL, 2, seed))
    order = rng.integers(0, n, size=(steps, 2, 8))
    losses = trainer.epoch(*tensors, order, np.full(steps, 0.01), 0, seed)
    return losses, trainer.weights()


def test_another_number_of_samples_reuses_the_trace_and_the_same_seed_gives_the_same_weights():
    trainer = trainer_for(SMALL, 2, Regularization(0.2, 0.01), 8)
    first = train(trainer, 30, seed=3)
    train(trainer, 41, seed=4, steps=6)
    again = train(trainer, 30, seed=3)
    assert trainer._epoch.experimental_get_tracing_count() == 1
    assert_array_equal(first[0], again[0])
    for name in first[1]:
        assert_array_equal(first[1][name], again[1][name])


def test_training_lowers_the_loss_of_every_member():
    trainer = trainer_for(SMALL, 2, Regularization(0.0, 0.0), 64)
    rng = np.random.default_rng(5)
    sequences, context = rng.normal(size=(2, 64, 5, 4)), rng.normal(size=(2, 64, 3))
    targets = np.stack([context[:, :, 0], sequences[:, :, -1, 0]], axis=2)
    tensors = trainer.tensors(sequences, context, targets)
    trainer.start(initial_weights(SMALL, 2, 0))
    order = np.tile(np.arange(64), (150, 2, 1))
    first = trainer.epoch(*tensors, order[:1], np.full(1, 0.01), 0, 0)
    trainer.epoch(*tensors, order, np.full(150, 0.01), 1, 0)
    last = trainer.epoch(*tensors, order[:1], np.full(1, 0.0), 151, 0)
    assert (last < 0.1 * first).all()


def test_weight_decay_alone_shrinks_kernels_and_leaves_biases():
    trainer = trainer_for(SMALL, 2, Regularization(0.0, 0.5), 8)
    weights = random_weights(2)
    zeros = trainer.tensors(np.zeros((2, 8, 5, 4)), np.zeros((2, 8, 3)), np.zeros((2, 8, 2)))
    weights["output_kernel"][:] = 0.0
    weights["output_bias"][:] = 0.0  # the loss and all gradients are 0
    trainer.start(weights)
    trainer.epoch(*zeros, np.zeros((1, 2, 8), dtype=int), np.array([0.1]), 0, 0)
    after = trainer.weights()
    assert_allclose(after["conv_kernel"], weights["conv_kernel"] * (1 - 0.1 * 0.5), rtol=1e-5)
    assert_allclose(after["lstm_bias"], weights["lstm_bias"], rtol=1e-6)
