"""Training over inner folds. Truth: leak guards (values that must not matter do not), and a signal that is found."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import Cancelled, InputError  # noqa: E402
from hybrid_geostatistics.core.features.neighbors import NeighborFeatures  # noqa: E402
from hybrid_geostatistics.core.learning.training import NetworkSettings, train_drift_network  # noqa: E402
from hybrid_geostatistics.core.samples import Covariates  # noqa: E402
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel  # noqa: E402

MODEL = VariogramModel(0.2, (Structure("spherical", 0.8, 400.0),))
TINY = NetworkSettings(conv_width=4, recurrent_width=4, dense_width=4, min_steps=30, epochs=1, batch_size=16)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 60
    coordinates = rng.uniform(0, 1, (n, 2)) * [1000, 600]
    covariates = Covariates(("dist",), rng.uniform(size=(n, 1)), (False,))
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL,), 6)
    values = 3 + 2 * covariates.values + 0.1 * rng.normal(size=(n, 1))
    folds = (np.arange(n) % 4, (np.arange(n) // 15))
    return features, coordinates, features.encode(covariates, n), values, folds


def test_a_signal_is_found_out_of_fold(data):
    features, coordinates, encoded, values, folds = data
    settings = NetworkSettings(conv_width=4, recurrent_width=4, dense_width=4, min_steps=150)
    ensemble = train_drift_network(features, coordinates, encoded, values, folds, settings)
    assert ensemble.n_members == 8 and ensemble.out_of_fold.shape == (2, 60, 1)
    residual = values[:, 0] - ensemble.out_of_fold.mean(axis=0)[:, 0]
    assert residual.var() < 0.3 * values.var()


def test_values_of_a_fold_do_not_reach_its_own_out_of_fold_drift(data):
    features, coordinates, encoded, values, folds = data
    changed = values.copy()
    changed[folds[0] == 2] += 50.0
    one = train_drift_network(features, coordinates, encoded, values, folds[:1], TINY)
    other = train_drift_network(features, coordinates, encoded, changed, folds[:1], TINY)
    held_out = folds[0] == 2
    assert_array_equal(one.out_of_fold[0, held_out], other.out_of_fold[0, held_out])
    assert np.abs(one.out_of_fold[0, ~held_out] - other.out_of_fold[0, ~held_out]).max() > 0.1


def test_samples_of_a_fold_are_no_neighbours_of_its_out_of_fold_drift(data):
    # Their covariates may change at will: the fold's network neither trains on nor looks at them, except at
    # the held-out place itself.
    features, coordinates, encoded, values, folds = data
    held_out = np.flatnonzero(folds[0] == 1)
    changed = encoded.copy()
    changed[held_out[1:]] += 3.0
    one = train_drift_network(features, coordinates, encoded, values, folds[:1], TINY)
    other = train_drift_network(features, coordinates, changed, values, folds[:1], TINY)
    assert_allclose(one.out_of_fold[0, held_out[0]], other.out_of_fold[0, held_out[0]], atol=1e-6)


def test_unit_and_offset_of_the_values_pass_through(data):
    features, coordinates, encoded, values, folds = data
    one = train_drift_network(features, coordinates, encoded, values, folds, TINY)
    other = train_drift_network(features, coordinates, encoded, 1000 * values + 7, folds, TINY)
    assert_allclose(other.out_of_fold, 1000 * one.out_of_fold + 7, rtol=1e-4)  # float32 weights


def test_same_seed_same_drift_and_another_seed_another(data):
    features, coordinates, encoded, values, folds = data
    one, again, other = (
        train_drift_network(features, coordinates, encoded, values, folds, TINY, seed=seed) for seed in (1, 1, 2)
    )
    assert_array_equal(one.out_of_fold, again.out_of_fold)
    assert np.abs(one.out_of_fold - other.out_of_fold).max() > 1e-4


def test_epochs_are_told_and_cancel_is_obeyed(data):
    features, coordinates, encoded, values, folds = data
    told = []
    with pytest.raises(Cancelled):
        train_drift_network(
            features, coordinates, encoded, values, folds, TINY,
            progress=lambda fraction, message: told.append(message), is_cancelled=lambda: len(told) >= 3,
        )  # fmt: skip
    assert len(told) == 3 and told[0].startswith("Epoch 1 of 10, loss ")


def test_divergence_lowers_the_learning_rate_then_gives_up(data):
    features, coordinates, encoded, values, folds = data
    told = []
    broken = encoded.copy()
    broken[5] = 1e30
    with pytest.raises(InputError, match="diverged"):
        train_drift_network(
            features, coordinates, broken, values, folds, TINY, progress=lambda fraction, message: told.append(message)
        )
    assert sum("diverged" in message for message in told) == 3


def test_folds_that_leave_too_few_samples_are_refused(data):
    features, coordinates, encoded, values, _ = data
    with pytest.raises(InputError, match="leaves 4 of 60"):
        train_drift_network(features, coordinates, encoded, values, ((np.arange(60) >= 4).astype(int),), TINY)
