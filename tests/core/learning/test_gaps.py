"""Targets not measured everywhere. Truth: two roads (together = apart, weights of 1 = none), leak guards, exactness."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import InputError  # noqa: E402
from hybrid_geostatistics.core.features.sequences import SequenceFeatures  # noqa: E402
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood  # noqa: E402
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging  # noqa: E402
from hybrid_geostatistics.core.learning.architectures import Schedule, Sizes, network_for  # noqa: E402
from hybrid_geostatistics.core.learning.ensembles import prepare_members  # noqa: E402
from hybrid_geostatistics.core.learning.forests import ForestSettings  # noqa: E402
from hybrid_geostatistics.core.learning.graph import Optimizer, trainer_for  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid import train_hybrid  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid_settings import HybridSettings  # noqa: E402
from hybrid_geostatistics.core.learning.inner import inner_folds, require_spread  # noqa: E402
from hybrid_geostatistics.core.learning.layers import initial_weights  # noqa: E402
from hybrid_geostatistics.core.learning.network import train_network  # noqa: E402
from hybrid_geostatistics.core.learning.network_settings import NetworkByName  # noqa: E402
from hybrid_geostatistics.core.learning.pretrained import PretrainedSettings, fit_pretrained  # noqa: E402
from hybrid_geostatistics.core.learning.runs import Scales, with_weights  # noqa: E402
from hybrid_geostatistics.core.learning.self_evaluation import SelfEvaluation  # noqa: E402
from hybrid_geostatistics.core.learning.training import NetworkSettings  # noqa: E402
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel  # noqa: E402
from hybrid_geostatistics.core.samples import Covariates, Samples  # noqa: E402
from hybrid_geostatistics.core.transforms import Transform  # noqa: E402
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel  # noqa: E402

MODEL = VariogramModel(0.1, (Structure("spherical", 0.9, 500.0),))


@pytest.fixture(scope="module")
def samples():
    """Return 80 samples: zinc at all but ten, depth, which follows relief, at every other one."""
    rng = np.random.default_rng(2)
    coordinates = rng.uniform(0, 1, (80, 2)) * [1000, 600] + [2e5, 3e5]
    relief = rng.normal(size=80)
    lag = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    field = np.linalg.cholesky(np.exp(-3 * lag / 500) + 1e-9 * np.eye(80)) @ rng.normal(size=(80, 2))
    values = np.column_stack([np.exp(4 + 0.5 * field[:, 0]), 20 + 0.3 * field[:, 1] + 3.0 * relief])
    values[1::2, 1] = np.nan
    values[:20:2, 0] = np.nan
    covariates = Covariates(("relief",), relief[:, None], (False,))
    return Samples(coordinates, values, ("zinc", "depth"), "EPSG:28992", covariates)


def test_weights_count_every_target_alike():
    values = np.array([[1.0, 5.0], [3.0, np.nan], [5.0, 7.0], [7.0, np.nan], [9.0, np.nan]])
    learned = [np.array([0, 1, 2, 3])]
    scales = Scales.of(values, learned)
    assert_allclose(scales.means, [[4.0, 6.0]])
    assert_allclose(scales.scales, [[np.sqrt(5.0), 1.0]])
    wanted, has_gaps = with_weights(scales.standardized(values), learned)
    assert has_gaps
    assert_allclose(wanted[0, :, 3], [2.0, 0.0, 2.0, 0.0, 0.0])
    assert_allclose(wanted[0, :, 2], 1.0)
    assert_allclose(wanted[0, :, 1], [-1.0, 0.0, 1.0, 0.0, 0.0])
    whole = np.ones((1, 3, 2))
    assert with_weights(whole, [np.arange(3)]) == (whole, False)


def test_a_trainer_learns_from_what_was_measured_only():
    network = network_for("gcnn_rnn", 100, Sizes(width=0.5), 3, (4, 3), 2)
    rng = np.random.default_rng(0)
    sequences, context, targets = (rng.normal(size=(2, 16, *shape)) for shape in ((3, 4), (3,), (2,)))
    order = np.tile(np.arange(16), (10, 2, 1))

    def trained(has_gaps, wanted):
        trainer = trainer_for(network, 2, Optimizer(), 16, 97, has_gaps)
        trainer.start(initial_weights(network, 2, 3))
        trainer.epoch(trainer.tensors(sequences, context, wanted), order, np.array([[0.01]]), 0, 5)
        trainer.remember(np.ones(2, dtype=bool))
        return trainer.best()

    plain, ones = trained(False, targets), trained(True, np.concatenate([targets, np.ones_like(targets)], axis=2))
    for name in plain:
        assert_allclose(ones[name], plain[name], atol=1e-5)  # float32
    weights = np.ones_like(targets)
    weights[:, 4:, 1] = 0.0
    other = np.where(weights > 0, targets, 77.0)
    first, second = (trained(True, np.concatenate([own, weights], axis=2)) for own in (targets, other))
    for name in first:
        assert_array_equal(first[name], second[name])
    assert np.abs(first["output_kernel"] - ones["output_kernel"]).max() > 1e-3


def test_kriging_among_the_inputs_is_that_of_each_targets_own_samples(samples):
    encoded = np.empty((80, 0))
    features = SequenceFeatures.fit(
        samples.coordinates, None, samples.values, (MODEL, MODEL), Neighborhood(), 5, False
    )  # fmt: skip
    donors = features.donors(samples.coordinates, encoded, samples.values)
    inputs = features.at(samples.coordinates, encoded, donors)
    for column, name in enumerate(samples.targets):
        own, known = samples.of(name), samples.known[:, column]
        kriging = fit_kriging(own.coordinates, own.values[:, 0], MODEL, Neighborhood())
        assert_allclose(inputs.kriged[known, column], kriging.leave_one_out().estimate, rtol=1e-9)
        assert_allclose(inputs.kriged[~known, column], kriging.predict(samples.coordinates[~known]).estimate, rtol=1e-9)
    # A neighbour that lacks depth says nothing of it.
    nearest = features.neighbors.neighbors_at(samples.coordinates, encoded, samples.coordinates, encoded)[2]
    lacking = ~samples.known[nearest, 1]
    tokens = dict(zip(features.token_names, np.moveaxis(inputs.sequences, 2, 0)))
    assert_array_equal(tokens["value_2"][lacking], 0.0)
    assert_array_equal(tokens["covariance_2"][lacking], 0.0)
    assert (tokens["value_2"][~lacking] != 0).all() and (tokens["covariance_1"][samples.known[nearest, 0]] > 0).any()


def test_a_value_changes_nothing_of_what_describes_its_own_sample(samples):
    folds = inner_folds(samples, 3, 2, 0)
    encoded = np.empty((80, 0))
    features = SequenceFeatures.fit(samples.coordinates, None, samples.values, (MODEL, MODEL), Neighborhood(), 5, False)
    changed = samples.values.copy()
    changed[12, 1] += 40.0
    found = [
        prepare_members(features, samples.coordinates, encoded, values, folds) for values in (samples.values, changed)
    ]
    assert_allclose(found[1].sequences[:, 12], found[0].sequences[:, 12], atol=1e-6)
    assert_allclose(found[1].context[:, 12], found[0].context[:, 12], atol=1e-6)
    assert np.abs(found[1].context - found[0].context).max() > 0.1


def test_the_hybrids_krigings_are_those_of_each_target_apart(samples, tmp_path):
    settings = HybridSettings(
        transforms={"zinc": Transform("log"), "depth": Transform()}, variogram_model="spherical",
        variogram_method="least_squares", n_neighbors=6, n_inner_folds=2, n_seeds=2,
        network=NetworkSettings(4, 4, 4, min_steps=40, max_steps=40, pooling="attention"),
        forest=ForestSettings(trees_per_fold=10), seed=4,
    )  # fmt: skip
    trained = train_hybrid(samples, settings, tmp_path / "gaps.onnx", schemes=())
    places = samples.coordinates.mean(axis=0) + np.array([[10.0, 20.0], [-90.0, 55.0], [200.0, -80.0]])
    at_places = Covariates(("relief",), np.array([[0.3], [-1.0], [0.8]]), (False,))
    model = trained.fitted.model
    for column, name in enumerate(samples.targets):
        own, known = samples.of(name), samples.known[:, column]
        base = model.targets[column].bases[0]
        values = settings.transforms[name].fitted(own.values[:, 0], name).forward(own.values[:, 0], name)
        variograms = (base.variogram, *base.other_variograms)
        others = [fit_kriging(own.coordinates, values, variogram, Neighborhood()) for variogram in variograms]
        parts = [1.0 - (len(others) - 1) / 3.0] + [1.0 / 3.0] * (len(others) - 1)
        expected = sum(part * other.predict(places).estimate for part, other in zip(parts, others))
        assert_allclose(model._ordinary(column)[1].predict(places).estimate, expected, rtol=1e-9)
        exact = trained.fitted.predict(samples.coordinates, samples.covariates).estimate[:, column]
        assert_allclose(exact[known], own.values[:, 0], rtol=1e-6)
        assert np.isfinite(exact).all()
    # Depth is 3 relief + a small field: what was learned at half of the samples holds at the others.
    relief = samples.covariates.values[~samples.known[:, 1], 0]
    assert np.corrcoef(exact[~known], relief)[0, 1] > 0.9
    reopened = TrainedModel.read(trained.path)
    assert_array_equal(reopened.model.samples.values, samples.values)
    assert_allclose(
        reopened.predict(places, at_places).estimate, trained.fitted.predict(places, at_places).estimate, rtol=1e-4
    )


def test_a_network_learns_from_what_was_measured(samples, tmp_path):
    settings = NetworkByName(
        "gcnn_rnn", transforms={"zinc": Transform("log"), "depth": Transform()}, variogram_model="spherical",
        variogram_method="least_squares", n_neighbors=4, n_inner_folds=3, self_evaluation=SelfEvaluation(0), seed=4,
        schedule=Schedule(learning_rate=0.01, least_rate=0.005, batch_size=16, max_epochs=12, stopping_patience=4),
    )  # fmt: skip
    trained = train_network(samples, settings, tmp_path / "gaps.onnx", schemes=())
    fitted = trained.fitted
    assert np.isfinite(fitted.ensemble.out_of_fold).all() and np.isfinite(fitted.ensemble.held_out_losses).all()
    own = samples.of("depth")
    assert fitted.inner_scores["depth"]["network"]["random"] < 0.5 * own.values.std()
    predicted = fitted.predict(samples.coordinates, samples.covariates)
    lacking = ~samples.known[:, 1]
    assert np.corrcoef(predicted.estimate[lacking, 1], samples.covariates.values[lacking, 0])[0, 1] > 0.9
    reopened = TrainedModel.read(trained.path)
    assert_allclose(
        reopened.predict(samples.coordinates, samples.covariates).estimate, predicted.estimate, rtol=1e-3
    )


def test_the_pretrained_correction_is_that_of_each_target_apart(samples):
    pytest.importorskip("onnxruntime")
    plain, settings = replace(samples, covariates=None), PretrainedSettings(variograms={"zinc": MODEL, "depth": MODEL})
    together = fit_pretrained(plain, settings).predict(samples.coordinates + 7.0, None)
    for column, name in enumerate(samples.targets):
        alone = fit_pretrained(plain.of(name), settings).predict(samples.coordinates + 7.0, None)
        for ours, theirs in ((together.estimate, alone.estimate), (together.upper, alone.upper)):
            assert_allclose(ours[:, column], theirs[:, 0], rtol=1e-9)


def test_a_target_of_one_corner_is_to_be_trained_apart(samples):
    values = samples.values.copy()
    corner = np.argsort(samples.coordinates.sum(axis=1))[:21]
    values[:, 1] = np.nan
    values[corner, 1] = np.arange(21.0)
    values[:, 0] = np.arange(80.0)
    here = replace(samples, values=values)
    with pytest.raises(InputError, match="depth was measured at 21 of 80 samples.*apart from the other targets"):
        require_spread(here, inner_folds(here, 3, 2, 0))
