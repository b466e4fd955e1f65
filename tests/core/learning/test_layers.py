"""Networks as lists of layers. Truth: two roads (batched graph = Keras = ONNX), published sizes, refusals."""

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
from hybrid_geostatistics.core.learning.export import to_onnx  # noqa: E402
from hybrid_geostatistics.core.learning.layers import (  # noqa: E402
    Layer,
    LayeredNetwork,
    Optimizer,
    evaluate_members,
    initial_weights,
    keras_members,
    trainer_for,
)

K, C, Q, T, MEMBERS = 3, 4, 3, 2, 2


def small(name):
    return network_for(name, 100, Sizes(width=0.5), K, (C, Q), T)


def random_weights(network, seed=0):
    """Return weights none of which is 0, so that a forgotten one is seen."""
    rng = np.random.default_rng(seed)
    start = initial_weights(network, MEMBERS, seed)
    return {name: array + 0.3 * rng.normal(size=array.shape).astype("f4") for name, array in start.items()}


def rows(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, K, C)).astype("f4"), rng.normal(size=(n, Q)).astype("f4")


@pytest.mark.parametrize("name", ARCHITECTURES)
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


@pytest.mark.parametrize("name", ARCHITECTURES)
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
        losses = [trainer.epoch(tensors, order, np.array([0.01, 0.01]), 20 * i, 5) for i in range(3)]
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


def test_a_member_with_rate_0_stands_still():
    network = small("feedforward")
    trainer = trainer_for(network, MEMBERS, Optimizer("sgd"), 8)
    sequences, context = rows(8)
    tensors = trainer.tensors(np.stack([sequences] * 2), np.stack([context] * 2), np.ones((2, 8, T)))
    start = initial_weights(network, MEMBERS, 0)
    trainer.start(start)
    trainer.epoch(tensors, np.tile(np.arange(8), (3, 2, 1)), np.array([0.0, 0.1]), 0, 1)
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LayeredNetwork(1, 4, 3, 1, (Layer("lstm", 4),)), "at least 2 neighbours.*nothing is convolved"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("dense", 4),)), "needs one vector"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("lstm", 4), Layer("lstm", 4))), "needs a sequence"),
        (lambda: LayeredNetwork(5, 4, 3, 1, (Layer("conv", 4),)), "leave a sequence"),
        (lambda: Layer("attention", 4), "got 'attention'"),
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
