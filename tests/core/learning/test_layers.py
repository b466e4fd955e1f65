"""Networks as lists of layers. Truth: two roads (batched graph = Keras = ONNX = the formula), published sizes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import InputError  # noqa: E402
from hybrid_geostatistics.core.learning.architectures import (  # noqa: E402
    ARCHITECTURES,
    Schedule,
    Sizes,
    layers_of,
    network_for,
)
from hybrid_geostatistics.core.learning.export import keras_members, to_onnx  # noqa: E402
from hybrid_geostatistics.core.learning.graph import Optimizer, evaluate_members, trainer_for  # noqa: E402
from hybrid_geostatistics.core.learning.layers import Layer, LayeredNetwork, initial_weights  # noqa: E402
from hybrid_geostatistics.core.learning.training import POOLINGS, NetworkSettings  # noqa: E402

K, C, Q, T, MEMBERS = 3, 4, 3, 2, 2
ALL = (*ARCHITECTURES, *POOLINGS)
"""Networks by name, and the hybrid's with each of its poolings."""


def small(name):
    if name in POOLINGS:
        settings = NetworkSettings(conv_width=6, recurrent_width=4, dense_width=5, pooling=name)
        return LayeredNetwork(K, C, Q, T, settings.layers, "state", skip=True)
    return network_for(name, 100, Sizes(width=0.5), K, (C, Q), T)


def random_weights(network, seed=0):
    """Return weights none of which is 0, so that a forgotten one is seen."""
    rng = np.random.default_rng(seed)
    start = initial_weights(network, MEMBERS, seed)
    return {name: array + 0.3 * rng.normal(size=array.shape).astype("f4") for name, array in start.items()}


def rows(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, K, C)).astype("f4"), rng.normal(size=(n, Q)).astype("f4")


@pytest.mark.parametrize("name", ALL)
def test_batched_equals_keras_equals_onnx(name):
    network = small(name)
    weights = random_weights(network)
    factors = np.array([1.0, 0.5, 0.0, 2.0]), np.array([1.5, 1.0, 0.25])
    sequences, context = rows(23)
    batched = evaluate_members(
        network, weights, (sequences * factors[0])[None], (context * factors[1])[None]
    ).mean(axis=0)  # fmt: skip
    keras = keras_members(network, weights, factors)
    assert_allclose(np.asarray(keras([sequences, context], training=False)), batched, atol=1e-5)  # float32
    model = to_onnx(keras, MEMBERS * network.n_recurrent, "estimate")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (exported,) = session.run(["estimate"], {"sequences": sequences, "context": context})
    assert_allclose(exported, batched, atol=1e-5)
    # Keras and the converter count on in one process, so names of theirs would differ now.
    again = to_onnx(keras_members(network, weights, factors), MEMBERS * network.n_recurrent, "estimate")
    assert again.SerializeToString() == model.SerializeToString()


@pytest.mark.parametrize("name", ALL)
def test_a_training_step_lowers_the_loss_of_every_member_and_repeats(name):
    network = small(name)
    trainer = trainer_for(network, MEMBERS, Optimizer("adam", 0.01), 16)
    sequences, context = rows(16)
    targets = np.stack([sequences[:, -1, :T] + context[:, :T]] * MEMBERS)
    tensors = trainer.tensors(np.stack([sequences] * MEMBERS), np.stack([context] * MEMBERS), targets)
    order = np.tile(np.arange(16), (20, MEMBERS, 1))
    runs = []
    for _ in range(2):
        trainer.start(initial_weights(network, MEMBERS, 3))
        losses = [trainer.epoch(tensors, order, np.array([[0.01, 0.01]]), 20 * i, 5) for i in range(3)]
        trainer.remember(np.array([True, False]))
        runs.append((losses, trainer.best()))
    assert (runs[0][0][-1] < runs[0][0][0]).all()
    assert_array_equal(runs[0][0], runs[1][0])
    start = initial_weights(network, MEMBERS, 3)
    for weight, array in runs[0][1].items():
        assert_array_equal(array, runs[1][1][weight])
        # Only the first member was remembered; the other keeps its start.
        assert_array_equal(array[1], start[weight][1])
    assert np.abs(runs[0][1]["output_kernel"][0] - start["output_kernel"][0]).max() > 0


def test_attention_is_the_mean_of_values_weighted_by_scores():
    network = small("attention")
    weights = random_weights(network)
    w = {name: array[0].astype(float) for name, array in weights.items()}
    sequences, context = rows(6)
    padded = np.pad(sequences, [(0, 0), (1, 1), (0, 0)])
    steps = sum(padded[:, i : i + K] @ w["0_conv_kernel"][i] for i in range(3)) + w["0_conv_bias"]
    steps = np.maximum(steps, 0)
    shares = np.exp(steps @ w["1_attention_score_kernel"])
    values = np.tanh(steps @ w["1_attention_kernel"] + w["1_attention_bias"])
    pooled = (shares / shares.sum(axis=1, keepdims=True) * values).sum(axis=1)
    dense = np.maximum(np.hstack([pooled, context]) @ w["2_dense_kernel"] + w["2_dense_bias"], 0)
    expected = dense @ w["output_kernel"] + w["output_bias"] + context @ w["linear_kernel"]
    assert_allclose(evaluate_members(network, weights, sequences[None], context[None])[0], expected, atol=1e-5)


def test_members_do_not_influence_one_another_nor_do_blocks_of_rows(monkeypatch):
    network = small("bilstm")
    weights = random_weights(network)
    sequences, context = rows(50)
    both = evaluate_members(network, weights, sequences[None], context[None])
    second = evaluate_members(network, {n: a[1:] for n, a in weights.items()}, sequences[None], context[None])
    assert_allclose(both[1], second[0], atol=1e-6)
    monkeypatch.setattr("hybrid_geostatistics.core.learning.graph._PREDICTION_ROWS", 16)
    assert_allclose(evaluate_members(network, weights, sequences[None], context[None]), both, atol=1e-6)


def test_another_number_of_samples_reuses_the_trace_and_another_seed_drops_out_others():
    network = small("bilstm")
    trainer = trainer_for(network, MEMBERS, Optimizer(weight_decay=0.01), 8)
    losses = []
    for n, seed in ((30, 3), (41, 3), (30, 4)):
        sequences, context = rows(n)
        targets = np.stack([sequences[:, -1, :T]] * MEMBERS)
        tensors = trainer.tensors(np.stack([sequences] * MEMBERS), np.stack([context] * MEMBERS), targets)
        trainer.start(random_weights(network))
        order = np.random.default_rng(0).integers(0, n, size=(4, MEMBERS, 8))
        losses.append(trainer.epoch(tensors, order, np.full((4, 1), 0.01), 0, seed))
    assert trainer._epoch.experimental_get_tracing_count() == 1
    assert np.abs(losses[0] - losses[2]).max() > 1e-3


def test_weight_decay_alone_shrinks_kernels_and_leaves_biases():
    network = small("bilstm")
    trainer = trainer_for(network, MEMBERS, Optimizer(weight_decay=0.5), 8)
    weights = random_weights(network)
    zeros = trainer.tensors(np.zeros((2, 8, K, C)), np.zeros((2, 8, Q)), np.zeros((2, 8, T)))
    weights["output_kernel"][:] = 0.0
    weights["output_bias"][:] = 0.0  # the loss and all gradients are 0
    trainer.start(weights)
    trainer.epoch(zeros, np.zeros((1, 2, 8), dtype=int), np.array([[0.1]]), 0, 0)
    trainer.remember(np.array([True, True]))
    after = trainer.best()
    assert_allclose(after["0_conv_kernel"], weights["0_conv_kernel"] * (1 - 0.1 * 0.5), rtol=1e-5)
    assert_allclose(after["1_bilstm_bias"], weights["1_bilstm_bias"], rtol=1e-6)


def test_a_member_with_rate_0_stands_still():
    network = small("feedforward")
    trainer = trainer_for(network, MEMBERS, Optimizer("sgd"), 8)
    sequences, context = rows(8)
    tensors = trainer.tensors(np.stack([sequences] * 2), np.stack([context] * 2), np.ones((2, 8, T)))
    start = initial_weights(network, MEMBERS, 0)
    trainer.start(start)
    trainer.epoch(tensors, np.tile(np.arange(8), (3, 2, 1)), np.array([[0.0, 0.1]]), 0, 1)
    trainer.remember(np.array([True, True]))
    assert_array_equal(trainer.best()["output_bias"][0], start["output_bias"][0])
    assert np.abs(trainer.best()["output_bias"][1]).max() > 0


def test_sizes_are_the_published_ones():
    # AFG-PMS: 11 inputs, LSTM 128, LSTM 128, dense 64 and 32, 15 outputs have 214,095 weights.
    network = LayeredNetwork(2, 8, 3, 15, layers_of("afg_pms", 10_000, Sizes()), "tokens")
    assert network.n_weights == 214_095
    # The notebook: Conv1D(32, kernel 1), BiLSTM(32), Dense(32), Dense(1) on four inputs.
    network = LayeredNetwork(2, 3, 1, 1, layers_of("as_published", 155, Sizes()), "tokens")
    conv, lstm, dense, output = 4 * 32 + 32, 2 * (32 * 128 + 32 * 128 + 128), 64 * 32 + 32, 32 + 1
    assert network.n_weights == conv + lstm + dense + output
    schedule = ARCHITECTURES["as_published"].schedule
    assert (schedule.learning_rate, schedule.batch_size, schedule.max_epochs) == (1e-4, 8, 200)
    assert (schedule.stopping_patience, schedule.reduction_patience, schedule.least_rate) == (30, 10, 1e-6)
    # On as few samples as the paper's its patience is to the letter; on 1,000 (100 steps an epoch) 1,000 steps.
    assert [schedule.patience(steps) for steps in (16, 33, 100, 500)] == [30, 30, 10, 6]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LayeredNetwork(1, 4, 3, 1, (Layer("lstm", 4),)), "at least 2 neighbours.*nothing is convolved"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("dense", 4),)), "needs one vector"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("lstm", 4), Layer("lstm", 4))), "needs a sequence"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("conv", 4),)), "leave a sequence"),
        (lambda: Layer("mean", 4), "got 'mean'"),
        (lambda: NetworkSettings(pooling="mean"), "bilstm, attention"),
        (lambda: Layer("conv", 4, kernel=2), "odd kernel"),
        (lambda: Optimizer("rmsprop"), "adam or sgd"),
        (lambda: Sizes(width=0.0), "factor of widths"),
        (lambda: Schedule(learning_rate=1e-5), "not below its least"),
    ],
)
def test_what_makes_no_network_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_networks_survive_the_file():
    network = small("gcnn_rnn")
    assert LayeredNetwork.from_dict(network.to_dict()) == network
