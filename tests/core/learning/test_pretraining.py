"""The simulated sites, the rows made from them, and the network that learns from them.

Truth: simulated fields with a known variogram; the same seed twice; and two roads, numpy = Keras = ONNX.
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.kriging_context import CONTEXT_NAMES, N_NEIGHBORS, TOKEN_NAMES
from hybrid_geostatistics.core.learning.pretraining.fields import FIELDS, gaussian_field, simulate_site
from hybrid_geostatistics.core.learning.pretraining.network import (
    LARGEST_CORRECTION,
    N_HEADS,
    PretrainingSettings,
    build,
    mean_of,
    train,
)
from hybrid_geostatistics.core.learning.pretraining.rows import Rows, site_rows
from hybrid_geostatistics.core.learning.pretraining.train import validate
from hybrid_geostatistics.core.variogram.models import CORRELATIONS, Structure


@pytest.mark.parametrize("model", CORRELATIONS)
def test_fields_have_the_covariance_of_their_structure(model):
    structure = Structure(model, 2.0, 10.0, azimuth=30.0, ratio_minor=0.5)
    lags = np.array([0.0, 1.0, 3.0, 6.0, 12.0])
    along = np.array([np.sin(np.radians(30.0)), np.cos(np.radians(30.0))])
    across = np.array([along[1], -along[0]])
    places = np.vstack([lags[:, None] * along, 0.5 * lags[:, None] * across])
    fields = np.array([gaussian_field(structure, places, np.random.default_rng(seed), 64) for seed in range(2000)])
    covariance = (fields[:, :1] * fields).mean(axis=0)
    expected = np.tile(2.0 * CORRELATIONS[model](lags / 10.0), 2)
    # Four standard errors of a mean of 2,000 products of two normal values of variance 2.
    np.testing.assert_allclose(covariance, expected, atol=4 * 2.0 * np.sqrt(2.0 / 2000))
    assert abs(fields.mean()) < 0.1


def test_fields_say_what_they_cannot_simulate():
    with pytest.raises(InputError, match="matern"):
        gaussian_field(Structure("matern", 1.0, 1.0, shape=1.0), np.zeros((3, 2)), np.random.default_rng(0))
    with pytest.raises(InputError, match="kind of field"):
        simulate_site(1, kind="unheard of")


@pytest.mark.parametrize("kind", FIELDS)
def test_sites_of_every_kind_are_whole_and_repeatable(kind):
    for seed in range(2):
        site, again = simulate_site(seed, 20, kind), simulate_site(seed, 20, kind)
        assert 40 <= len(site.values) <= 600 and len(site.truth) == 20
        assert np.isfinite(site.values).all() and np.isfinite(site.truth).all() and np.ptp(site.values) > 0
        assert len(np.unique(np.vstack([site.coordinates, site.locations]), axis=0)) == len(site.values) + 20
        for one, other in zip(
            (site.coordinates, site.values, site.locations, site.truth),
            (again.coordinates, again.values, again.locations, again.truth),
        ):
            np.testing.assert_array_equal(one, other)
    assert site.description.startswith(kind)


@pytest.fixture(scope="module")
def rows():
    parts = [site_rows(simulate_site(seed, 40), seed, 40) for seed in (1, 2, 3)]
    return Rows.join([part for part in parts if part is not None])


def test_rows_weigh_every_site_alike(rows):
    assert rows.tokens.shape[1:] == (N_NEIGHBORS, len(TOKEN_NAMES))
    assert rows.context.shape[1:] == (len(CONTEXT_NAMES),)
    assert np.isfinite(rows.tokens).all() and np.isfinite(rows.context).all()
    for site in (1, 2, 3):
        for dropped in (-1, 0, 1, 3, 7):
            own = rows.take((rows.site == site) & (rows.dropped == dropped))
            assert np.isclose(np.mean(own.weight * own.residual**2), 1.0, rtol=1e-4)


def test_training_leaves_artificial_gaps_out(rows):
    assert set(rows.dropped) == {-1, 0, 1, 3, 7} and set(rows.to_learn_from().dropped) == {-1, 0, 1}


def test_left_out_residuals_of_a_right_variogram_have_unit_size(rows):
    # Msdr of kriging is near 1 where the fit is right: residuals are in units of sigma, not of the data.
    assert 0.5 < np.mean(rows.residual**2) < 3.0


def test_validation_of_the_truth_and_of_nothing(rows):
    perfect = validate(rows.residual.astype(float), rows)
    assert perfect["all"]["sites"] == 3
    assert np.isclose(perfect["all"]["gate"], 0.5) and np.isclose(perfect["all"]["ratio"], 0.5)
    assert perfect["all"]["ratio_ungated"] < 1e-6
    assert np.isclose(validate(np.zeros(len(rows)), rows)["all"]["ratio"], 1.0, rtol=1e-6)


def forward(network, tokens, context):
    """Evaluate the network in numpy."""

    def dense(name, x):
        layer = network.get_layer(name)
        return x @ np.asarray(layer.kernel, dtype=float) + np.asarray(layer.bias, dtype=float)

    hidden = np.maximum(dense("token_in", tokens) + dense("context_in", context)[:, None], 0.0)
    hidden = np.maximum(dense("token_hidden", hidden), 0.0)
    attention = np.exp(dense("attention", hidden))
    attention /= attention.sum(axis=1, keepdims=True)
    said = dense("value", hidden)
    n, k, width = said.shape
    heads = said.reshape(n, k, N_HEADS, width // N_HEADS)
    pooled = np.stack(
        [(attention[:, :, head, None] * heads[:, :, head]).sum(axis=1) for head in range(N_HEADS)], axis=1
    ).reshape(n, width)
    linear = (dense("linear", hidden)[..., 0] * tokens[..., 0]).sum(axis=1, keepdims=True) / 4.0
    state = np.maximum(dense("dense_in", np.hstack([pooled, context, linear])), 0.0)
    output = dense("output", np.maximum(dense("dense_out", state), 0.0))
    return LARGEST_CORRECTION * np.tanh(output / LARGEST_CORRECTION)


@pytest.mark.backend
def test_network_is_the_same_in_numpy_keras_and_onnx(rows, tmp_path):
    import onnxruntime
    from hybrid_geostatistics.core.learning.export import check_same, to_onnx

    rng = np.random.default_rng(0)
    scales = (rng.normal(size=len(TOKEN_NAMES)), rng.uniform(0.5, 2.0, len(TOKEN_NAMES)),
              rng.normal(size=len(CONTEXT_NAMES)), rng.uniform(0.5, 2.0, len(CONTEXT_NAMES)))  # fmt: skip
    network = build(PretrainingSettings(width=8), scales)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0.0, 0.2, variable.shape))
    tokens, context = rows.tokens[:50], rows.context[:50]
    expected = forward(network, (tokens - scales[0]) / scales[1], (context - scales[2]) / scales[3])
    assert np.ptp(expected) > 0.01
    keras_output = np.asarray(network([tokens, context], training=False))
    np.testing.assert_allclose(keras_output, expected, atol=1e-4)  # single precision
    model = to_onnx(network, 0, "correction")
    assert check_same(network, model) < 1e-5
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["correction"], {"sequences": tokens, "context": context})
    np.testing.assert_allclose(found, expected, atol=1e-4)
    twice = to_onnx(mean_of([network, network]), 0, "correction")
    session = onnxruntime.InferenceSession(twice.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(
        session.run(["correction"], {"sequences": tokens, "context": context})[0], found, atol=1e-6
    )
    # The order of the neighbours does not matter.
    shuffled = np.asarray(network([tokens[:, rng.permutation(N_NEIGHBORS)], context], training=False))
    np.testing.assert_allclose(shuffled, keras_output, atol=1e-5)


@pytest.mark.backend
def test_training_learns_what_is_there_and_repeats_itself(rows):
    wanted = Rows(
        rows.tokens, rows.context, (0.5 * rows.context[:, 6]).astype(np.float32), np.ones_like(rows.weight), rows.site,
        rows.dropped,
    )  # fmt: skip
    settings = PretrainingSettings(width=8, epochs=20, batch_size=32)
    told = []
    network = train(wanted, settings, lambda share, message: told.append(message))
    found = np.asarray(network([wanted.tokens, wanted.context], training=False))[:, 0]
    assert np.mean((found - wanted.residual) ** 2) < 0.3 * np.mean(wanted.residual**2)
    assert len(told) == 20
    again = train(wanted, settings)
    np.testing.assert_allclose(again([wanted.tokens, wanted.context], training=False)[:, 0], found, atol=1e-5)
