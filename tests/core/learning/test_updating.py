"""New samples into a trained model. Truth: leak guards, known drift, limits, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import InputError, ModelFileError  # noqa: E402
from hybrid_geostatistics.core.features.gradients import completed  # noqa: E402
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood  # noqa: E402
from hybrid_geostatistics.core.learning.architectures import Schedule, Sizes  # noqa: E402
from hybrid_geostatistics.core.learning.forests import ForestSettings  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid import train_hybrid  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid_settings import HybridSettings  # noqa: E402
from hybrid_geostatistics.core.learning.inner import inner_folds  # noqa: E402
from hybrid_geostatistics.core.learning.network import saved_folds, train_network  # noqa: E402
from hybrid_geostatistics.core.learning.network_settings import NetworkByName  # noqa: E402
from hybrid_geostatistics.core.learning.pretrained import (  # noqa: E402
    PretrainedSettings,
    fit_pretrained,
    train_pretrained,
)
from hybrid_geostatistics.core.learning.self_evaluation import SelfEvaluation  # noqa: E402
from hybrid_geostatistics.core.learning.training import NetworkSettings  # noqa: E402
from hybrid_geostatistics.core.learning.updating import (  # noqa: E402
    _continued_folds,
    drift_of,
    settings_of,
    update_model,
)
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel  # noqa: E402
from hybrid_geostatistics.core.samples import Covariates, Samples  # noqa: E402
from hybrid_geostatistics.core.transforms import Transform  # noqa: E402

SHORT = Schedule(learning_rate=0.01, least_rate=0.005, max_epochs=6, stopping_patience=3)
SETTINGS = NetworkByName(
    "feedforward", variogram_model="exponential", variogram_method="least_squares", n_neighbors=4, n_inner_folds=3,
    sizes=Sizes(width=0.5), schedule=SHORT, self_evaluation=SelfEvaluation(0), units={"depth": "m"}, seed=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    """Return samples of one field in two halves: what is known, and what comes later."""
    rng = np.random.default_rng(1)
    coordinates = rng.uniform(0, 1000, (110, 2))
    lag = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    values = 50 + np.linalg.cholesky(np.exp(-3 * lag / 600) + 0.05 * np.eye(110)) @ rng.normal(size=(110, 1))
    samples = Samples(coordinates, values, ("depth",), "EPSG:28992")
    return samples.rows(np.arange(60)), samples.rows(np.arange(60, 110))


@pytest.fixture(scope="module")
def path(world, tmp_path_factory):
    path = tmp_path_factory.mktemp("old") / "old.onnx"
    train_network(world[0], SETTINGS, path, schemes=())
    return path


@pytest.mark.parametrize("mode", ["refit", "warm_start"])
def test_new_samples_join_the_old_ones(world, path, tmp_path, mode):
    updated = update_model(path, world[1], mode, tmp_path / "new.onnx")
    model = TrainedModel.read(tmp_path / "new.onnx")
    assert len(model.model.samples) == 110 and updated.n_new == 50 and updated.n_replaced == 0
    (drift,) = updated.drifts
    assert drift.n == 50 and not drift.is_drift and 0.7 < drift.coverage <= 1
    old = TrainedModel.read(path).predict(world[1].coordinates, None).estimate[:, 0]
    assert_allclose(drift.bias, np.mean(world[1].values[:, 0] - old), rtol=1e-4)


@pytest.fixture(scope="module")
def small():
    """Return settings of a hybrid whose every number differs from the defaults."""
    return HybridSettings(
        Transform("log"), variogram_method="least_squares", neighborhood=Neighborhood(max_neighbors=20), n_neighbors=4,
        use_coordinates=False, n_inner_folds=2, n_seeds=3, members_per_fold=2, units={"depth": "m"}, seed=5,
        network=NetworkSettings(conv_width=3, min_steps=4, max_steps=4, pooling="attention"),
        forest=ForestSettings(trees_per_fold=4),
    )  # fmt: skip


def with_slope(samples):
    return replace(samples, covariates=Covariates(("slope",), samples.coordinates[:, :1] / 1000, (False,)))


def test_a_hybrid_is_fitted_anew_as_it_was_trained(world, small, tmp_path):
    old, new = (with_slope(part) for part in world)
    train_hybrid(old, small, tmp_path / "old.onnx", schemes=())
    updated = update_model(tmp_path / "old.onnx", new, "refit", tmp_path / "new.onnx")
    assert updated.architecture == "hybrid" and updated.drifts[0].n == 50 and not updated.drifts[0].is_drift
    again = updated.trained.fitted.settings
    for name in ("neighborhood", "n_neighbors", "use_coordinates", "n_inner_folds", "n_seeds", "members_per_fold",
                 "network", "forest", "units", "seed"):  # fmt: skip
        assert getattr(again, name) == getattr(small, name), name
    assert again.transforms["depth"].kind == "log"
    model = TrainedModel.read(tmp_path / "new.onnx")
    assert len(model.model.samples) == 110 and model.covariate_names == ("slope",)
    with pytest.raises(InputError, match="kind hybrid, which has no weights.*Choose refit"):
        update_model(tmp_path / "old.onnx", new, "warm_start", tmp_path / "warm.onnx")


def test_a_mixture_of_krigings_is_fitted_anew(world, tmp_path):
    train_pretrained(world[0], PretrainedSettings(seed=3), tmp_path / "old.onnx", schemes=())
    updated = update_model(tmp_path / "old.onnx", world[1], "refit", tmp_path / "new.onnx")
    assert updated.architecture == "pretrained" and updated.trained.fitted.settings.neighborhood is None
    direct = fit_pretrained(Samples(
        np.vstack([part.coordinates for part in world]), np.vstack([part.values for part in world]), ("depth",),
        "EPSG:28992",
    ), PretrainedSettings(seed=3))  # fmt: skip
    places = np.array([[100.0, 200.0], [640.0, 333.0]])
    model = TrainedModel.read(tmp_path / "new.onnx")
    assert_allclose(model.predict(places, None).estimate, direct.predict(places, None).estimate, rtol=1e-6)


def test_shifted_samples_are_called_drift_and_replace_old_ones(world, path, tmp_path):
    shifted = replace(world[0], values=world[0].values + 6.0).rows(np.arange(5))
    later = replace(world[1], values=world[1].values + 6.0)
    new = Samples(
        np.vstack([shifted.coordinates, later.coordinates]), np.vstack([shifted.values, later.values]), ("depth",),
        "EPSG:28992",
    )  # fmt: skip
    updated = update_model(path, new, "refit", tmp_path / "new.onnx")
    assert updated.drifts[0].is_drift and updated.drifts[0].bias == pytest.approx(6.0, abs=0.6)
    assert updated.n_replaced == 5 and len(updated.trained.fitted.model.samples) == 110


def test_samples_close_together_tell_little_of_drift(world, path):
    """A patch of new samples shares one error: what would be a clear bias of as many apart is none of theirs."""
    rng = np.random.default_rng(3)
    places = np.array([500.0, 500.0]) + rng.uniform(0, 1, (40, 2))
    model = TrainedModel.read(path)
    there = model.predict(places, None)
    values = there.estimate + 0.8 * np.sqrt(there.kriging_variance) + 0.01 * rng.normal(size=(40, 1))
    (drift,) = drift_of(model, Samples(places, values, ("depth",), "EPSG:28992"))
    assert abs(drift.bias) > 10 * np.std(values - there.estimate) / np.sqrt(40) and not drift.is_drift
    apart = world[1].rows(np.arange(40)).coordinates
    there = model.predict(apart, None)
    values = there.estimate + 0.8 * np.sqrt(there.kriging_variance) + 0.01 * rng.normal(size=(40, 1))
    (drift,) = drift_of(model, Samples(apart, values, ("depth",), "EPSG:28992"))
    assert drift.is_drift


def test_settings_come_back_from_the_file(path):
    model = TrainedModel.read(path)
    again = settings_of(model.contract, model.model)
    for name in ("architecture", "n_neighbors", "n_inner_folds", "n_sets", "sizes", "schedule", "seed", "units"):
        assert getattr(again, name) == getattr(SETTINGS, name), name


def test_old_samples_stay_in_their_folds(world, path):
    """The leak guard of a warm start: a network must not leave out what its saved weights have seen."""
    model = TrainedModel.read(path)
    old, new = world
    stays = np.ones(60, dtype=bool)
    stays[[3, 7]] = False
    kept = old.rows(stays)
    joined = replace(
        kept, coordinates=np.vstack([kept.coordinates, new.coordinates]), values=np.vstack([kept.values, new.values])
    )
    saved = saved_folds(model.contract, 60)
    for before in (saved, None):  # files of earlier versions do not hold them
        folds = _continued_folds(old, stays, joined, settings_of(model.contract, model.model), before)
        for own, made in zip(folds, inner_folds(old, 3, 2, 2)):
            assert_array_equal(own[:58], made[stays])
            assert set(np.unique(own)) == {0, 1, 2}


def test_old_samples_stay_in_their_folds_when_a_model_is_updated_again(world, path, tmp_path):
    """The same of the second warm start: the folds of the first are not those that would be made of its samples."""
    once = update_model(path, world[1].rows(np.arange(25)), "warm_start", tmp_path / "once.onnx").trained
    first = TrainedModel.read(once.path)
    used = once.fitted.folds
    made = inner_folds(first.model.samples, 3, 2, 2)
    assert any((own != other).any() for own, other in zip(used, made))
    for own, saved in zip(used, saved_folds(first.contract, 85)):
        assert_array_equal(own, saved)
    twice = update_model(once.path, world[1].rows(np.arange(25, 50)), "warm_start", tmp_path / "twice.onnx").trained
    for own, before in zip(twice.fitted.folds, used):
        assert_array_equal(own[:85], before)
        assert len(own) == 110
    with pytest.raises(ModelFileError, match="inner folds of 84 samples"):
        saved_folds(first.contract, 84)


def test_a_new_survey_of_all_old_places_replaces_them(world, path, tmp_path):
    again = replace(world[0], values=world[0].values + 0.1)
    updated = update_model(path, again, "warm_start", tmp_path / "new.onnx")
    assert updated.drifts == () and updated.n_replaced == 60
    assert_array_equal(updated.trained.fitted.model.samples.values, again.values)


@pytest.mark.parametrize(
    ("change", "mode", "message"),
    [
        ({"targets": ("height",)}, "refit", "Expected samples of depth.*got height"),
        ({"crs": "EPSG:25832"}, "refit", "EPSG:28992.*got.*EPSG:25832"),
        ({}, "merge", "refit, warm_start, got 'merge'"),
    ],
)
def test_what_cannot_be_taken_in_is_refused(world, path, tmp_path, change, mode, message):
    with pytest.raises(InputError, match=message):
        update_model(path, replace(world[1], **change), mode, tmp_path / "new.onnx")
    assert not (tmp_path / "new.onnx").exists()


def test_holes_depths_and_gradients_travel_in_the_model(tmp_path):
    """The file alone, given places only, predicts what the trained network does; an update finds gradients anew."""
    rng = np.random.default_rng(4)
    hole = np.repeat(np.arange(12), 7)
    plan = rng.uniform(0, 600, (12, 2))[hole]
    depths = 10.0 * (1 + np.tile(np.arange(7), 12))
    coordinates = np.column_stack([plan, 300.0 - depths])
    iron = 20 + 0.05 * plan[:, 0] + 0.02 * depths + rng.normal(0, 0.5, 84)
    samples = Samples(
        coordinates, (iron + rng.normal(0, 2, 84))[:, None], ("REE",), "EPSG:28992",
        holes=np.array([f"h{number}" for number in hole]), depths=depths,
        fields=Covariates(("Fe",), iron[:, None], (False,), ({"kind": "gradient", "parts": ["magnitude", "dZ"]},)),
    )  # fmt: skip
    settings = replace(SETTINGS, architecture="afg_pms", with_ablation=True)
    trained = train_network(samples.rows(hole < 11), settings, tmp_path / "old.onnx", schemes=())
    features = trained.fitted.model.features
    assert features.order == "down_holes" and "Fe gradient dZ" in features.context_names
    assert "gradient" in {one.group for one in trained.fitted.ablations}  # of the target and of iron
    places = rng.uniform([0, 0, 230], [600, 600, 290], (20, 3))
    known = completed(trained.fitted.model.samples, places, None)
    model = TrainedModel.read(tmp_path / "old.onnx")
    assert_allclose(model.predict(places, None).estimate, trained.fitted.predict(places, known).estimate, rtol=1e-4)
    updated = update_model(tmp_path / "old.onnx", samples.rows(hole == 11), "refit", tmp_path / "new.onnx")
    joined = updated.trained.fitted.model.samples
    assert len(joined) == 84 and joined.covariates.names == ("Fe gradient", "Fe gradient dZ")
    assert_array_equal(joined.depths, depths)
    before = trained.fitted.model.samples.covariates.values
    assert np.abs(joined.covariates.values[: len(before)] / before - 1).max() > 0.01
    with pytest.raises(InputError, match="trained with Fe, which the new samples lack"):
        update_model(
            tmp_path / "old.onnx", replace(samples.rows(hole == 11), fields=None), "refit", tmp_path / "no.onnx"
        )
