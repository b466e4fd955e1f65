"""Networks by name. Truth: leak guards on white noise, two roads (memory = file), theorems of the loop, same seed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import Cancelled, InputError  # noqa: E402
from hybrid_geostatistics.core.learning import network  # noqa: E402
from hybrid_geostatistics.core.learning.architectures import ARCHITECTURES, Schedule, Sizes  # noqa: E402
from hybrid_geostatistics.core.learning.ensembles import prepare_members  # noqa: E402
from hybrid_geostatistics.core.learning.network import (  # noqa: E402
    fit_network,
    network_method,
    saved_weights,
    train_network,
)
from hybrid_geostatistics.core.learning.network_inputs import inner_problem  # noqa: E402
from hybrid_geostatistics.core.learning.network_report import network_sections  # noqa: E402
from hybrid_geostatistics.core.learning.network_settings import NetworkByName  # noqa: E402
from hybrid_geostatistics.core.learning.search import Trial  # noqa: E402
from hybrid_geostatistics.core.learning.self_evaluation import (  # noqa: E402
    Importance,
    SelfEvaluation,
    ablate,
    blockwise_permutation,
    next_weights,
    permuted_importances,
    self_evaluate,
)
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel  # noqa: E402
from hybrid_geostatistics.core.samples import Covariates, Samples  # noqa: E402
from hybrid_geostatistics.core.transforms import Transform  # noqa: E402
from hybrid_geostatistics.core.validation.ablation import Ablation  # noqa: E402
from hybrid_geostatistics.core.validation.intervals import IntervalTable  # noqa: E402
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel  # noqa: E402

SHORT = Schedule(learning_rate=0.02, least_rate=0.01, batch_size=32, max_epochs=12, stopping_patience=4)
MODEL = VariogramModel(0.1, (Structure("spherical", 0.9, 300.0),))
QUICK = NetworkByName(
    "feedforward", transforms={"zinc": Transform("log"), "depth": Transform("none")}, variogram_model="spherical",
    variogram_method="least_squares", n_neighbors=4, n_inner_folds=3, sizes=Sizes(width=0.5), schedule=SHORT,
    units={"zinc": "mg/kg"}, self_evaluation=SelfEvaluation(0), seed=4,
)  # fmt: skip


def make_samples(n=60, seed=0, targets=("zinc", "depth")):
    """Return samples whose depth follows the covariate relief, and nothing follows the covariate noise."""
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, 1, (n, 2)) * [1000, 600] + [2e5, 3e5]
    covariates = Covariates(("relief", "noise"), rng.normal(size=(n, 2)), (False, False))
    lag = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    field = np.linalg.cholesky(np.exp(-3 * lag / 500) + 1e-9 * np.eye(n)) @ rng.normal(size=(n, 2))
    relief = covariates.values[:, 0]
    values = np.column_stack([np.exp(4 + 0.5 * field[:, 0]), 20 + 0.3 * field[:, 1] + 3.0 * relief])
    keep = [("zinc", "depth").index(target) for target in targets]
    return Samples(coordinates, values[:, keep], targets, "EPSG:28992", covariates)


@pytest.fixture(scope="module")
def samples():
    return make_samples()


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    told = []
    settings = replace(QUICK, architecture="gcnn_rnn", self_evaluation=SelfEvaluation(1))
    result = train_network(samples, settings, path, schemes=(), progress=lambda f, m: told.append((f, m)))
    return result, told


def test_the_file_predicts_what_was_trained(samples, trained):
    result, _ = trained
    model = TrainedModel.read(result.path)
    rng = np.random.default_rng(8)
    where = rng.uniform(samples.coordinates.min(axis=0), samples.coordinates.max(axis=0), (40, 2))
    covariates = samples.covariates.rows(rng.integers(0, len(samples), 40))
    one, other = result.fitted.predict(where, covariates), model.predict(where, covariates)
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-4)  # float32 networks
    assert (one.lower < one.upper).all() and (one.estimate[:, 0] > 0).all()
    assert model.targets == ("zinc", "depth") and model.units == ("mg/kg", "")
    assert model.contract["kind"] == "network" and model.contract["architecture"] == "gcnn_rnn"


def test_the_contract_is_plain_json_and_tells_how_it_was_trained(trained):
    result, _ = trained
    contract = TrainedModel.read(result.path).contract
    json.dumps(contract, allow_nan=False)
    schedule = contract["network"]["schedule"]
    assert (schedule["optimizer"], schedule["learning_rate"]) == ("adam", 0.02)
    assert len(contract["self_evaluation"]["history"]) == 2
    assert_allclose(np.mean(list(contract["group_weights"].values())), 1.0)
    for name, array in saved_weights(contract).items():
        assert_array_equal(array, result.fitted.ensemble.weights[name])


def test_progress_rises_to_one_and_tells_epochs(trained):
    fractions = [fraction for fraction, _ in trained[1]]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any(message.startswith("Epoch") for _, message in trained[1])


def test_the_report_tells_make_loop_ablation_and_search(trained):
    fitted = trained[0].fitted
    ablations = tuple(Ablation(group, 0.9, 1.2, 1.1, 1.3) for group in fitted.evaluated.weights)
    trials = (Trial(1.0, 0.3, 0.01, 0.05, "adam", 0.8, 2.0), Trial(2.0, 0.1, 0.02, 0.01, "sgd", 0.7, 3.0))
    pages = [str(section) for section in network_sections(replace(fitted, ablations=ablations, trials=trials))]
    told = ("at most 12", "Round 0 has all weights 1", "The network needs geometry", "Training 2")
    assert all(words in page for page, words in zip(pages, told))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_white_noise_is_not_learned(name):
    """A target that no input explains: at samples left out no better than their mean."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(60, 1))
    world = make_samples()
    noise = Samples(world.coordinates, values, ("gold",), covariates=world.covariates)
    schedule = replace(ARCHITECTURES[name].schedule, max_epochs=15, stopping_patience=6, batch_size=32)
    settings = replace(QUICK, architecture=name, transforms=Transform(), units={}, schedule=schedule)
    fitted = fit_network(noise, settings)
    assert fitted.ensemble.out_of_fold.shape == (2, 60, 1)
    r2 = 1.0 - np.mean((fitted.ensemble.out_of_fold.mean(axis=0) - values) ** 2) / np.var(values)
    assert r2 < 0.05  # chance: the spread of R2 of a constant on 60 samples


def test_a_value_left_out_changes_nothing_of_what_its_member_reads():
    """No value of a member's fold is among its inputs, nor in what stops it."""
    samples = make_samples(targets=("depth",))
    settings = replace(QUICK, transforms=Transform(), variograms={"depth": MODEL}, units={})
    problem, _ = inner_problem(samples, settings)
    member = 2
    held_out = problem.rows.held_out[member]
    values = problem.values.copy()
    values[held_out] += 100.0 * np.random.default_rng(0).normal(size=(held_out.sum(), 1))
    encoded = problem.features.neighbors.encode(samples.covariates, len(samples))
    again = prepare_members(problem.features, samples.coordinates, encoded, values, problem.rows.folds)
    assert_array_equal(again.sequences[member], problem.rows.sequences[member])
    assert_array_equal(again.context[member], problem.rows.context[member])
    assert np.abs(again.context - problem.rows.context).max() > 1.0


def test_in_holes_a_sample_is_described_without_its_own_hole():
    """No neighbour of a sample, in training either, lies in its own hole, as at a place no hole goes through."""
    rng = np.random.default_rng(4)
    collars = np.repeat(rng.uniform(0, 500, (12, 2)), 5, axis=0)
    coordinates = np.column_stack([collars, np.tile(-2.0 * np.arange(5), 12)])
    holes = np.repeat([f"H{number}" for number in range(12)], 5)
    samples = Samples(coordinates, rng.normal(size=(60, 1)), ("gold",), holes=holes)
    problem, _ = inner_problem(samples, replace(QUICK, transforms=Transform(), variograms={"gold": MODEL}, units={}))
    assert problem.features.order == "top_to_bottom"
    names = problem.features.token_names
    axes = [names.index(name) for name in ("d_easting", "d_northing")]
    assert (np.linalg.norm(problem.rows.sequences[..., axes], axis=-1) > 0).all()
    with pytest.raises(InputError, match="inner folds leave 0 of 60"):
        inner_problem(samples, replace(QUICK, transforms=Transform(), variograms={"gold": MODEL}, n_inner_folds=2))


def test_intervals_count_inclined_holes_not_their_samples(monkeypatch):
    """Samples of an inclined hole all differ in place, yet they are one hole, as for kriging's own intervals."""
    rng = np.random.default_rng(4)
    collars, depth = np.repeat(rng.uniform(0, 500, (12, 2)), 5, axis=0), np.tile(2.0 * np.arange(5), 12)
    coordinates = np.column_stack([collars[:, 0] + 0.5 * depth, collars[:, 1], -depth])
    samples = Samples(coordinates, rng.normal(size=(60, 1)), ("gold",), holes=np.repeat(np.arange(12).astype(str), 5))
    learned_from = []

    class Watched(IntervalTable):
        @classmethod
        def from_scores(cls, *sets, n_independent=None):
            learned_from.append(([len(scores) for scores in sets], n_independent))
            return IntervalTable.from_scores(*sets, n_independent=n_independent)

    monkeypatch.setattr(network, "IntervalTable", Watched)
    fit_network(samples, replace(QUICK, transforms=Transform(), variograms={"gold": MODEL}, units={}))
    assert learned_from == [([60, 60], 12)]


def test_same_seed_same_network_other_seed_another(samples):
    one, again = fit_network(samples, QUICK), fit_network(samples, QUICK)
    assert_array_equal(one.ensemble.out_of_fold, again.ensemble.out_of_fold)
    other = fit_network(samples, replace(QUICK, seed=5))
    assert np.abs(one.ensemble.out_of_fold - other.ensemble.out_of_fold).max() > 1e-3


def test_a_network_with_a_skip_starts_as_its_kriging(samples):
    """Limit: with a learning rate of nearly 0 the network is the kriging among its inputs."""
    still = replace(SHORT, learning_rate=1e-12, least_rate=1e-13, max_epochs=1)
    problem, _ = inner_problem(samples, QUICK)
    ensemble = problem.train(Sizes(), still)
    assert_allclose(ensemble.out_of_fold, problem.rows.kriged, rtol=1e-4)  # float32


def test_whole_blocks_change_places():
    """Every row is read once; rows of one block mostly get the rows of one other block, in their order."""
    clusters = np.repeat([4, 2, 7], [5, 4, 5])[np.random.default_rng(0).permutation(14)]
    own = np.flatnonzero(np.arange(14) != np.flatnonzero(clusters == 7)[0])
    for seed in range(5):
        other = blockwise_permutation(own, clusters, np.random.default_rng(seed))
        assert sorted(other) == own.tolist() and (other != own).all()
        together = sum(np.bincount(clusters[other[clusters[own] == name]]).max() for name in (4, 2, 7))
        assert together >= len(own) - 2  # the block of five takes one row of the next but one, and so on
    alone = blockwise_permutation(own, np.zeros(14, dtype=int), np.random.default_rng(1))
    assert sorted(alone) == own.tolist() and (alone != own).any()


def test_permuting_what_matters_hurts_and_what_is_noise_does_not(samples):
    settings = replace(
        QUICK, groups={"relief": ("relief",), "noise": ("noise",)}, architecture="afg_pms", order="far_to_near",
        schedule=replace(SHORT, max_epochs=25, stopping_patience=25),
    )  # fmt: skip
    problem, _ = inner_problem(samples, settings)
    evaluated = self_evaluate(problem, Sizes(), settings.schedule, SelfEvaluation(0))
    found = permuted_importances(problem, evaluated.ensemble, evaluated.weights, 5)
    by_group = {one.group: one for one in found}
    assert set(by_group) == {"geometry", "relief", "noise", "covariance", "values", "kriging", "gradient"}
    strongest = max(found, key=lambda one: one.increase).group
    assert strongest in ("relief", "kriging") and by_group["noise"].increase < by_group[strongest].increase / 3
    without = {one.group: one for one in ablate(problem, evaluated, Sizes(), settings.schedule)}
    assert all(one.low <= one.ratio * 1.05 and one.ratio <= one.high * 1.05 for one in without.values())


def test_the_loop_keeps_the_best_round(samples):
    problem, _ = inner_problem(samples, QUICK)
    evaluated = self_evaluate(problem, QUICK.sizes, SHORT, SelfEvaluation(2))
    errors = [one.rmse for one in evaluated.rounds]
    assert len(errors) == 3 and evaluated.chosen == int(np.argmin(errors))
    assert set(evaluated.rounds[0].weights.values()) == {1.0}
    assert problem.rmse(evaluated.ensemble.out_of_fold) == min(errors)
    for one in evaluated.rounds:
        assert_allclose(np.mean(list(one.weights.values())), 1.0)


def test_weights_move_by_significant_increases_only():
    found = (Importance("a", 1.0, 0.5, 0.1), Importance("b", 1.0, -0.9, 0.1), Importance("c", 1.0, 0.1, 0.1))
    moved = next_weights(found, SelfEvaluation(rounds=1, step=2.0, largest=1.5))
    # a is clipped to 1.5, b to 0, c is within its noise; then the mean of 2.5 / 3 is made 1.
    assert moved == pytest.approx({"a": 1.8, "b": 0.0, "c": 1.2})


def test_a_search_keeps_what_was_asked_for_in_the_choice(samples):
    pytest.importorskip("optuna")
    fitted = fit_network(samples, replace(QUICK, search_minutes=0.03))
    assert fitted.trials[0].learning_rate == SHORT.learning_rate
    best = min(trial.rmse for trial in fitted.trials)
    assert fitted.evaluated.rounds[0].rmse == pytest.approx(best, rel=1e-6)  # retrained with the same seed


def test_a_warm_start_begins_where_the_saved_model_ended(samples):
    first = fit_network(samples, QUICK)
    still = replace(QUICK, schedule=replace(SHORT, learning_rate=1e-12, least_rate=1e-13, max_epochs=1))
    again = fit_network(samples, still, start=first.ensemble.weights)
    assert_allclose(again.ensemble.out_of_fold, first.ensemble.out_of_fold, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="saved weights do not fit"):
        fit_network(samples, replace(QUICK, sizes=Sizes(width=1.0)), start=first.ensemble.weights)


def test_a_method_of_comparisons_is_refitted_and_fills_unknown_classes(samples):
    rock = np.where(np.arange(60) < 50, 1.0, 2.0)
    covariates = Covariates(("relief", "rock"), np.column_stack([samples.covariates.values[:, 0], rock]), (False, True))
    with_rock = replace(samples, covariates=covariates)
    predictor = network_method(QUICK)(with_rock, 3)
    unknown = Covariates(("relief", "rock"), np.array([[0.0, 1.0], [0.0, 9.0]]), (False, True))
    predicted = predictor(samples.coordinates[:2] + 1.0, unknown)
    assert np.isfinite(predicted.estimate).all() and "fell back to ordinary kriging" in predicted.notes[0]
    assert (np.diff(predicted.quantiles, axis=2) >= 0).all()


def test_cancel_ends_the_training(samples):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 12

    with pytest.raises(Cancelled):
        fit_network(samples, QUICK, is_cancelled=cancelled)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "transformer"}, "out of gcnn_rnn, afg_pms, feedforward, as_published, got 'transformer'"),
        ({"n_neighbors": 1}, "at least 2 neighbours.*nothing is convolved"),
        ({"n_inner_folds": 1}, "at least 2 inner folds"),
        ({"search_minutes": -1.0}, "0 or more minutes"),
        ({"self_evaluation": {"repeats": 4}}, "at least 5 repeats"),
    ],
)
def test_settings_that_make_no_training_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        if "self_evaluation" in change:
            SelfEvaluation(**change["self_evaluation"])
        replace(QUICK, **change)


def test_too_few_samples_are_refused(samples):
    with pytest.raises(InputError, match="at least 20 samples, got 12"):
        fit_network(samples.rows(np.arange(12)), QUICK)
