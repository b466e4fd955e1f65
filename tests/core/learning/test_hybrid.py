"""The whole training. Truth: theorems of kriging, two roads (memory = file), leak guards, limits, end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.errors import Cancelled, InputError  # noqa: E402
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood  # noqa: E402
from hybrid_geostatistics.core.learning.base_variograms import uncorrelated  # noqa: E402
from hybrid_geostatistics.core.learning.held_out import HeldOut  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid import fit_hybrid, hybrid_method, train_hybrid  # noqa: E402
from hybrid_geostatistics.core.learning.hybrid_settings import HybridSettings  # noqa: E402
from hybrid_geostatistics.core.learning.stacking import judged_stack  # noqa: E402
from hybrid_geostatistics.core.learning.target_stack import stack_notes  # noqa: E402
from hybrid_geostatistics.core.learning.training import NetworkSettings  # noqa: E402
from hybrid_geostatistics.core.prediction.bases import Base  # noqa: E402
from hybrid_geostatistics.core.prediction.hybrid import TargetModel  # noqa: E402
from hybrid_geostatistics.core.prediction.trained_model import TrainedModel  # noqa: E402
from hybrid_geostatistics.core.samples import Covariates, Samples  # noqa: E402
from hybrid_geostatistics.core.transforms import Transform  # noqa: E402
from hybrid_geostatistics.core.validation.comparison import compare_methods  # noqa: E402
from hybrid_geostatistics.core.validation.folds import random_folds  # noqa: E402
from hybrid_geostatistics.core.validation.intervals import IntervalTable  # noqa: E402
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel  # noqa: E402

TINY = NetworkSettings(conv_width=4, recurrent_width=4, dense_width=4, min_steps=60)
SETTINGS = HybridSettings(
    transforms={"zinc": Transform("log"), "depth": Transform("none")},
    variogram_model="spherical", n_neighbors=6, n_inner_folds=3, n_seeds=2, network=TINY,
    units={"zinc": "mg/kg"}, seed=4,
)  # fmt: skip


def make_samples(n=70, seed=0, targets=("zinc", "depth")):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, 1, (n, 2)) * [1000, 600] + [2e5, 3e5]
    covariates = Covariates(
        ("dist", "soil"), np.column_stack([rng.uniform(size=n), rng.choice([1.0, 2.0], n)]), (False, True)
    )
    lag = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    field = np.linalg.cholesky(np.exp(-3 * lag / 500) + 1e-9 * np.eye(n)) @ rng.normal(size=(n, 2))
    signal = np.sin(6 * covariates.values[:, 0])
    values = np.column_stack([np.exp(4 + 0.5 * field[:, 0] + signal), 20 + field[:, 1] + covariates.values[:, 1]])
    keep = [("zinc", "depth").index(target) for target in targets]
    return Samples(coordinates, values[:, keep], targets, "EPSG:28992", covariates)


@pytest.fixture(scope="module")
def samples():
    return make_samples()


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    told = []
    path = tmp_path_factory.mktemp("model") / "zinc.onnx"
    result = train_hybrid(
        samples, SETTINGS, path, schemes=("random",), n_folds=3, progress=lambda f, m: told.append((f, m))
    )
    return result, told


def grid(samples, n=90):
    rng = np.random.default_rng(8)
    where = rng.uniform(samples.coordinates.min(axis=0), samples.coordinates.max(axis=0), (n, 2))
    return where, samples.covariates.rows(rng.integers(0, len(samples), n))


def test_the_file_predicts_what_was_trained(samples, trained):
    result, _ = trained
    model = TrainedModel.read(result.path)
    where, covariates = grid(samples)
    one, other = result.fitted.predict(where, covariates), model.predict(where, covariates)
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-5)  # float32 networks
    assert model.targets == ("zinc", "depth") and model.units == ("mg/kg", "")
    assert model.crs == "EPSG:28992" and model.covariate_names == ("dist", "soil")


def test_exact_at_the_samples(samples, trained):
    model = TrainedModel.read(trained[0].path)
    assert_allclose(model.predict(samples.coordinates, samples.covariates).estimate, samples.values, rtol=1e-8)


def test_the_contract_is_plain_json_and_complete(trained):
    contract = TrainedModel.read(trained[0].path).contract
    assert contract["format"] == "hybridgeo-model" and contract["version"] == 1
    assert contract["seed"] == 4 and len(contract["data_sha256"]) == 64
    assert contract["network"]["n_members"] == 6
    assert {"numpy", "scikit-gstat"} <= set(contract["versions"])
    for target in contract["targets"]:
        weights = [base["weight"] for base in target["bases"]]
        assert min(weights) >= 0
        assert_allclose(sum(weights), 1)
        first = target["bases"][0]
        assert first["far_sigma"] > first["usual_sigma"]
        assert len(target["intervals"]["far_quantiles"]) == len(target["intervals"]["quantiles"])
    area = contract["applicability"]
    assert area["threshold"] > 0 and set(area["importance"]) >= {"place"}
    scores = contract["scores"]["random"]["zinc"]
    assert scores["rmse_ratio"] == pytest.approx(scores["rmse"] / scores["kriging_rmse"])
    assert 0.5 < scores["coverage"] <= 1
    json.dumps(contract, allow_nan=False)


def test_progress_rises_to_one_and_tells_epochs(trained):
    _, told = trained
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any(message.startswith("Epoch") for _, message in told)


def test_recurrent_layers_stay_fused(trained):
    model = onnx.load(trained[0].path)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("LSTM") == 6 and not {"Loop", "Scan"} & set(operators)
    assert model.ir_version == 8 and model.opset_import[0].version == 17
    assert [entry.name for entry in model.graph.input] == ["sequences", "context", "table"]
    assert operators.count("TreeEnsembleRegressor") == 2


def test_same_seed_same_model(samples):
    one_target = make_samples(targets=("zinc",))
    one, again = fit_hybrid(one_target, SETTINGS), fit_hybrid(one_target, SETTINGS)
    for name in one.ensemble.weights:
        assert_array_equal(one.ensemble.weights[name], again.ensemble.weights[name])
    assert one.weights == again.weights


def test_a_given_variogram_is_ordinary_krigings():
    given = VariogramModel(0.1, (Structure("exponential", 0.7, 321.0),))
    fitted = fit_hybrid(make_samples(targets=("zinc",)), replace(SETTINGS, variograms={"zinc": given}))
    assert fitted.model.targets[0].bases[0].variogram == given


def test_without_covariates_the_network_reads_the_location():
    samples = replace(make_samples(targets=("depth",)), covariates=None)
    fitted = fit_hybrid(samples, SETTINGS)
    assert fitted.model.covariate_names == () and "easting" in fitted.model.features.context_names
    where, _ = grid(make_samples())
    assert np.isfinite(fitted.predict(where, None).estimate).all()


def test_three_dimensions_and_holes():
    rng = np.random.default_rng(3)
    collars = np.repeat(rng.uniform(0, 1000, (12, 2)), 5, axis=0)
    coordinates = np.column_stack([collars, np.tile([-5.0, -15.0, -25.0, -35.0, -45.0], 12)])
    values = 10 + coordinates[:, 2:] / 20 + rng.normal(size=(60, 1))
    samples = Samples(coordinates, values, ("grade",), holes=np.repeat([f"DH{i}" for i in range(12)], 5))
    fitted = fit_hybrid(samples, replace(SETTINGS, transforms=Transform()))
    # In 3-D a forest reads the place alone where there are no covariates.
    assert fitted.forests is not None and "forest_drift_kriging" in fitted.weights["grade"]
    assert fitted.forests.n_columns == len(fitted.model.features.table_names) == 9
    assert fitted.model.targets[0].intervals.far_quantiles is None  # all questions are about other holes
    result = fitted.predict(coordinates + [5.0, 3.0, 1.0], None)
    assert np.isfinite(result.estimate).all() and (result.lower < result.upper).all()


def test_few_samples_get_four_inner_sets_of_folds():
    assert [HybridSettings().sets_for(n) for n in (155, 2500, 2501)] == [4, 4, 2]
    assert HybridSettings(n_seeds=3).sets_for(155) == 3


def test_coincident_samples_are_named(samples):
    coordinates = samples.coordinates.copy()
    coordinates[20] = coordinates[4]
    with pytest.raises(InputError, match="rows 5, 21 share"):
        fit_hybrid(replace(samples, coordinates=coordinates), SETTINGS)


def test_too_few_samples_and_a_constant_target_are_refused(samples):
    with pytest.raises(InputError, match="at least 20 samples"):
        fit_hybrid(samples.rows(np.arange(12)), SETTINGS)
    with pytest.raises(InputError, match="nothing to map"):
        fit_hybrid(replace(samples, values=np.ones((70, 2))), SETTINGS)


def test_cancel_writes_nothing(samples, tmp_path):
    asked = []
    with pytest.raises(Cancelled):
        train_hybrid(
            samples, SETTINGS, tmp_path / "m.onnx", schemes=(), is_cancelled=lambda: asked.append(1) or len(asked) > 9
        )
    assert list(tmp_path.iterdir()) == []


def test_values_of_held_out_samples_move_no_prediction_of_them():
    samples = make_samples(targets=("zinc",))
    held_out = np.arange(70) % 5 == 0
    changed = samples.values.copy()
    changed[held_out] *= 100
    method = hybrid_method(SETTINGS)
    one = method(samples.rows(~held_out), 1)(samples.coordinates[held_out], samples.covariates.rows(held_out))
    rows = replace(samples, values=changed)
    other = method(rows.rows(~held_out), 1)(samples.coordinates[held_out], samples.covariates.rows(held_out))
    assert_array_equal(one.estimate, other.estimate)
    assert_array_equal(one.quantiles, other.quantiles)


def test_white_noise_has_no_cross_validated_r2():
    rng = np.random.default_rng(11)
    samples = replace(
        make_samples(80, targets=("zinc",)), values=rng.normal(size=(80, 1)), targets=("noise",)
    )
    settings = replace(SETTINGS, transforms=Transform())
    folds = {"random": random_folds(80, 4, seed=2)}
    comparison = compare_methods(samples, {"hybrid": hybrid_method(settings)}, folds)
    # Standard error of R2 on 80 pure-noise samples: about 0.03.
    assert comparison.row("noise", "random", "hybrid")["r2"] < 0.05


def test_a_class_no_training_sample_has_counts_as_the_most_frequent_in_comparisons():
    samples = make_samples(targets=("zinc",))
    covariates = samples.covariates.values.copy()
    held_out = np.arange(70) < 9
    covariates[3, 1] = 8.0
    samples = replace(samples, covariates=replace(samples.covariates, values=covariates))
    fitted = hybrid_method(SETTINGS)(samples.rows(~held_out), 0)
    result = fitted(samples.coordinates[held_out], samples.covariates.rows(held_out))
    assert np.isfinite(result.estimate).all() and "1 of 9" in result.notes[0] and "most frequent" in result.notes[0]
    classes, counts = np.unique(covariates[~held_out, 1], return_counts=True)
    covariates[3, 1] = classes[np.argmax(counts)]
    usual = fitted(samples.coordinates[held_out], replace(samples.covariates, values=covariates).rows(held_out))
    assert_array_equal(result.estimate, usual.estimate)


@pytest.mark.parametrize("across", [False, True], ids=["along holes only", "across holes too"])
def test_residuals_of_a_drift_are_kriged_where_they_tell_of_other_holes(across):
    """Residuals drawn hole by hole say nothing about the next hole; drawn from one field they do."""
    rng = np.random.default_rng(2)
    hole = np.repeat(np.arange(40), 10)
    coordinates = np.column_stack([rng.uniform(0, 1000, (40, 2))[hole], -10.0 * np.tile(np.arange(10), 40)])
    lag = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    covariance = np.exp(-3 * lag / 600)
    if not across:
        covariance = covariance * (hole[:, None] == hole[None])
    residual = np.linalg.cholesky(covariance + 1e-9 * np.eye(400)) @ rng.normal(size=400)
    drift = rng.normal(size=400)
    values = 3.0 + 2.0 * drift + residual
    fitted = VariogramModel(0.0, (Structure("exponential", 1.0, 600.0),))
    found = uncorrelated(fitted, coordinates, values, drift[:, None], hole, Neighborhood())
    near = uncorrelated(fitted, coordinates, values, drift[:, None], hole % 5, Neighborhood(max_neighbors=32))
    assert (found is None) == (near is None) == across
    if found is not None:
        assert found.structures == () and found.nugget == pytest.approx(residual.var(), rel=0.02)
        # Without a structure the base is a straight line through all samples, whatever its neighbourhood.
        kriging = Base("forest_drift_kriging", found, 1.0).kriging(
            coordinates, values, Neighborhood(max_neighbors=8), drift[:, None], Transform()
        )
        slope, level = np.polyfit(drift, values, 1)
        there = kriging.predict(np.array([[500.0, 500.0, -45.0]]), np.array([[0.7]]))
        assert_allclose(there.estimate, level + 0.7 * slope, rtol=1e-9)
        assert_allclose(there.sigma, np.sqrt(found.nugget), rtol=0.01)


def test_a_forest_is_not_taken_too_steeply_near_holes():
    """Truth: a known field. Trees that have seen a hole near a place need no stretching as those that have not do."""
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(60, 2)) / rng.choice([150.0, 300.0], 60)[:, None]
    phases = rng.uniform(0, 2 * np.pi, 60)

    def described(places):
        wave = np.sqrt(2 / 60) * np.cos(places[:, :2] @ waves.T + phases).sum(axis=1)
        return Covariates(("wave", "elevation"), np.column_stack([wave, places[:, 2]]), (False, False))

    def truth(places):
        return 2.0 * np.tanh(2.0 * described(places).values[:, 0])

    collars = rng.uniform(0, 1000, (60, 2))
    hole = np.repeat(np.arange(60), 6)
    places = np.column_stack([collars[hole], -10.0 * np.tile(np.arange(6), 60)])
    values = truth(places) + rng.normal(0.0, 0.5, 60)[hole] + 0.3 * rng.normal(size=360)
    samples = Samples(places, values[:, None], ("grade",), "", described(places), np.array([f"H{i}" for i in hole]))
    fitted = fit_hybrid(
        samples, replace(SETTINGS, transforms=Transform(), variogram_model="exponential", n_inner_folds=5, n_seeds=4)
    )
    base = next(base for base in fitted.model.targets[0].bases if base.name == "forest_drift_kriging")
    assert base.variogram.structures == ()  # what is left tells nothing of other holes
    near = places + rng.uniform(-30.0, 30.0, places.shape) * [1.0, 1.0, 0.1]
    drift = fitted.model.learned_drifts(near, described(near), fitted.learned)["forest_drift_kriging"]
    kriging = base.kriging(places, values, Neighborhood(), fitted.model.forest_drift, Transform())
    error = truth(near) - kriging.predict(near, drift).estimate
    too_steep = np.polyval(np.polyfit(fitted.forests.out_of_fold.mean(axis=0)[:, 0], values, 1), drift[:, 0])
    assert np.mean(error**2) < 0.8 * np.mean((truth(near) - too_steep) ** 2)


@pytest.mark.parametrize(
    ("tail", "factor", "words"),
    [
        (3.0, 0.5, "ties with kriging in data units, where its errors at samples left out in training differ from "
         "those of ordinary kriging by no more than chance; on logarithms its RMSE there is clearly lower than that "
         "of ordinary kriging, by 50 %."),
        (3.0, 1.0, "ties with kriging: its errors at samples left out in training differ from those of ordinary "
         "kriging by no more than chance."),
        (0.0, 0.5, ""),
    ],
    ids=["clear on logarithms", "no gain", "clear on both"],
)  # fmt: skip
def test_notes_tell_what_is_clear_on_logarithms_only(tail, factor, words):
    """Errors by hand: the forest's are half of kriging's, but in data units a few huge ones hide that."""
    rng = np.random.default_rng(1)
    kriging = rng.normal(size=300)
    errors = np.column_stack([kriging, factor * kriging])
    in_data_units = errors * np.exp(tail * rng.normal(size=(300, 1)))
    clusters, weights = np.arange(300) // 10, np.array([0.0, 1.0])
    nugget = VariogramModel(1.0, ())
    bases = Base("ordinary_kriging", nugget, 0.0), Base("forest_drift_kriging", nugget, 1.0)
    ones = np.ones_like(errors)
    target = TargetModel("lead", "ppm", Transform("log"), bases, IntervalTable.from_scores(kriging))
    stack = judged_stack([in_data_units], [0], clusters, [weights])
    found = stack_notes(target, stack, np.ones(2), [HeldOut("leave_one_out", errors, ones, ones)], clusters)
    assert found == ([f"lead: {words}"] if words else [])
