"""Comparisons. Truth: hand-made methods with known errors; leak guards; the column names other tools read."""

import csv
import math

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.progress import stop_if
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import make_folds
from hybrid_geostatistics.core.validation.predictive import LEVELS
from hybrid_geostatistics.core.validation.results import COLUMNS, DETAIL_COLUMNS
from hybrid_geostatistics.core.validation.scoring import score
from hybrid_geostatistics.core.validation.verdicts import describe, judge
from hybrid_geostatistics.tests.core.validation.distributions import within


@pytest.fixture
def samples():
    """Return 150 samples with two targets and a covariate."""
    rng = np.random.default_rng(0)
    coordinates = rng.uniform([0, 0], [3000, 1000], size=(150, 2))
    trend = np.sin(coordinates[:, 0] / 500) + rng.normal(0, 0.3, 150)
    values = np.column_stack([10 + 3 * trend, 40 + 8 * trend])
    return Samples(
        coordinates, values, ("zinc", "lead"), covariates=Covariates(("dist",), rng.random((150, 1)), (False,))
    )


def around(estimate, spread=1.0):
    return within(estimate, estimate - spread, estimate + spread)


def nearest(training, seed, *_):
    """Predict the value of the nearest training sample."""

    def predict(coordinates, covariates):
        distance = np.linalg.norm(coordinates[:, None] - training.coordinates[None], axis=-1)
        return around(training.values[np.argmin(distance, axis=1)])

    return predict


def overall_mean(training, seed, *_):
    return lambda coordinates, covariates: around(np.tile(training.values.mean(axis=0), (len(coordinates), 1)))


METHODS = {"ordinary_kriging": nearest, "mean": overall_mean}


def test_table_has_the_columns_and_rows_others_read(samples, tmp_path):
    folds = make_folds(samples, ("random", "blocks"), 4, seed=1)
    comparison = compare_methods(samples, METHODS, folds, seed=1)
    assert len(comparison.rows) == 2 * 2 * 2
    comparison.write_csv(tmp_path / "table.csv")
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == (
        "target folds method n rmse rmse_low rmse_high mae r2 bias ccc r2_log coverage90 width90 crps "
        "rmse_ratio rmse_ratio_low rmse_ratio_high seconds"
    ).split()
    assert list(COLUMNS) == list(rows[0])
    assert {(row["target"], row["folds"], row["method"]) for row in rows} == {
        (t, f, m) for t in ("zinc", "lead") for f in ("random", "blocks") for m in METHODS
    }
    first = comparison.row("zinc", "random", "ordinary_kriging")
    assert float(rows[0]["rmse"]) == pytest.approx(first["rmse"], rel=1e-6)
    assert first["rmse_ratio"] == first["rmse_ratio_low"] == first["rmse_ratio_high"] == 1.0
    assert first["rmse_low"] < first["rmse"] < first["rmse_high"]
    assert first["n"] == 150 and first["seconds"] >= 0


def test_scores_are_those_of_a_plain_loop(samples):
    folds = make_folds(samples, ("blocks",), 5, seed=2)
    comparison = compare_methods(samples, METHODS, folds)
    predicted = np.empty(150)
    for fold in range(5):
        test = folds["blocks"] == fold
        predicted[test] = samples.values[~test, 1].mean()
    row = comparison.row("lead", "blocks", "mean")
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean((samples.values[:, 1] - predicted) ** 2)))
    assert row["r2"] <= 0  # the mean of other samples never explains anything
    kriging = comparison.row("lead", "blocks", "ordinary_kriging")["rmse"]
    assert row["rmse_ratio"] == pytest.approx(row["rmse"] / kriging)
    columns = comparison.residual_columns()
    mine = (columns["target"] == "lead") & (columns["method"] == "mean")
    np.testing.assert_allclose(columns["residual"][mine], samples.values[:, 1] - predicted)
    assert len(columns["sample"]) == 150 * 2 * 2


def test_methods_never_see_held_out_values(samples):
    folds = make_folds(samples, ("random", "blocks"), 5, seed=0)
    seen = []

    def spy(training, seed, *_):
        seen.append(training)
        return nearest(training, seed)

    before = compare_methods(samples, {"ordinary_kriging": spy}, folds)
    values = samples.values.copy()
    test = folds["blocks"] == 2
    values[test] += 1000.0
    changed = Samples(samples.coordinates, values, samples.targets, covariates=samples.covariates)
    after = compare_methods(changed, {"ordinary_kriging": nearest}, {"blocks": folds["blocks"]})
    np.testing.assert_array_equal(
        before.predictions["blocks", "ordinary_kriging"].quantiles[test],
        after.predictions["blocks", "ordinary_kriging"].quantiles[test],
    )
    assert len(seen) == 10
    for fold, training in zip([0, 1, 2, 3, 4] * 2, seen):
        scheme = folds["random"] if training is seen[fold] else folds["blocks"]
        np.testing.assert_array_equal(training.values, samples.values[scheme != fold])


def test_all_methods_get_the_same_folds_and_the_seed(samples):
    got = {"a": [], "b": []}

    def method(name):
        def fit(training, seed, *_):
            got[name].append((len(training), float(training.values.sum()), seed))
            return overall_mean(training, seed)

        return fit

    compare_methods(samples, {name: method(name) for name in got}, make_folds(samples, ("blocks",), 3, 0), seed=7)
    assert got["a"] == got["b"] and len(got["a"]) == 3 and got["a"][0][2] == 7


def test_a_failing_method_stops_with_its_name_and_fold(samples):
    folds = {"blocks": np.arange(150) % 3}

    def refuses(training, seed, *_):
        raise InputError("Too few samples of class 3.")

    def breaks(training, seed, *_):
        raise ZeroDivisionError("float division by zero")

    def forgets(training, seed, *_):
        return lambda coordinates, covariates: around(np.full((len(coordinates), 2), np.nan))

    with pytest.raises(InputError, match=r"the hybrid, fold 1 of 3 \(block folds\): Too few samples of class 3"):
        compare_methods(samples, {"mean": overall_mean, "hybrid": refuses}, folds)
    with pytest.raises(RuntimeError, match=r"the hybrid, fold 1 of 3.*ZeroDivisionError"):
        compare_methods(samples, {"hybrid": breaks}, folds)
    with pytest.raises(InputError, match="50 of 50 held-out samples got no prediction"):
        compare_methods(samples, {"hybrid": forgets}, folds)


def test_cancel_and_progress(samples):
    calls = []

    def cancelled():
        return len(calls) >= 3

    with pytest.raises(Cancelled):
        compare_methods(
            samples,
            METHODS,
            {"random": np.arange(150) % 4},
            progress=lambda fraction, message: calls.append((fraction, message)),
            is_cancelled=cancelled,
        )
    assert calls[:2] == [(0.0, "ordinary kriging, fold 1 of 4 (random folds)"),
                         (0.125, "the mean of the samples, fold 1 of 4 (random folds)")]  # fmt: skip


def test_a_fold_reports_its_own_progress_and_can_be_cancelled_within(samples):
    told, asked = [], []

    def slow(training, seed, progress, is_cancelled):
        progress(0.5, "Epoch 7")
        stop_if(is_cancelled)
        return overall_mean(training, seed)

    folds = {"random": np.arange(150) % 4}
    compare_methods(samples, {"mean": slow}, folds, progress=lambda fraction, message: told.append((fraction, message)))
    assert [fraction for fraction, _ in told] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1])
    assert told[1] == (0.125, "")  # the fold's own message stays

    def cancelled():
        asked.append(True)
        return len(asked) == 2  # not before the fold, but inside it

    with pytest.raises(Cancelled):
        compare_methods(samples, {"mean": slow}, folds, is_cancelled=cancelled)
    assert len(asked) == 2


def test_all_scores_are_written_with_intervals_classes_and_distances(samples, tmp_path):
    folds = make_folds(samples, ("random",), 4, seed=1)
    comparison = compare_methods(samples, METHODS, folds, class_breaks={"zinc": (9.0, 11.0)})
    comparison.write_details(tmp_path / "details.csv")
    with open(tmp_path / "details.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == DETAIL_COLUMNS
    found = {(row["target"], row["method"], row["score"]): row for row in rows}
    for score_name, column in (("r2", "r2"), ("coverage90", "coverage90"), ("mae", "mae")):
        row = found["zinc", "mean", score_name]
        assert float(row["value"]) == pytest.approx(comparison.row("zinc", "random", "mean")[column], rel=1e-6)
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    counts = [int(row["value"]) for (t, m, name), row in found.items() if m == "mean" and name.startswith("confusion")]
    assert sum(counts) == 150 and len(counts) == 9
    assert ("lead", "mean", "accuracy") not in found
    assert float(found["zinc", "mean", "accuracy_gain"]["value"]) == pytest.approx(
        float(found["zinc", "mean", "accuracy"]["value"]) - float(found["zinc", "mean", "majority_accuracy"]["value"])
    )
    assert float(found["zinc", "ordinary_kriging", "rmse_difference"]["value"]) == 0
    inside = float(found["zinc", "mean", "coverage90_in_area"]["value"])
    assert comparison.outside["random"].shape == (150,) and 0 < inside <= 1
    mismatched = found["", "", "distance_mismatch"]
    assert float(mismatched["value"]) == pytest.approx(comparison.mismatches["random"], rel=1e-6)


def _with_errors(samples, errors_by_method, scheme="random"):
    """Score methods whose predictions are the truth plus given errors."""
    predictions = {
        (scheme, name): around(samples.values + np.reshape(errors, (-1, 1)) * [1.0, 2.0])
        for name, errors in errors_by_method.items()
    }
    folds = {scheme: np.arange(len(samples)) % 5}
    return score(samples, folds, predictions, dict.fromkeys(predictions, 1.0))


def test_a_method_as_good_as_kriging_ties(samples):
    rng = np.random.default_rng(3)
    kriging = rng.normal(size=150)
    comparison = _with_errors(
        samples, {"ordinary_kriging": kriging, "hybrid": 0.95 * kriging + 0.3 * rng.normal(size=150)}
    )
    assert {verdict.outcome for verdict in comparison.verdicts} == {"ties"}
    assert "the hybrid ties with ordinary kriging" in comparison.summaries["zinc", "random"]
    assert "filling in between samples" in comparison.summaries["zinc", "random"]
    assert comparison.best_method == "ordinary_kriging"


def test_a_clearly_better_method_wins_and_a_worse_one_is_called_worse(samples):
    rng = np.random.default_rng(1)
    kriging = rng.normal(size=150)
    comparison = _with_errors(
        samples,
        {"mean": 3 * kriging, "hybrid": 0.8 * kriging, "ordinary_kriging": kriging,
         "external_drift_kriging": 1.1 * kriging},
    )  # fmt: skip
    by_method = {verdict.method: verdict for verdict in comparison.verdicts if verdict.target == "zinc"}
    assert by_method["hybrid"].outcome == "better" and by_method["hybrid"].reference == "ordinary_kriging"
    assert by_method["hybrid"].ratio == pytest.approx(0.8)
    assert by_method["external_drift_kriging"].outcome == "worse"
    assert "the hybrid is better than ordinary kriging by 20 %" in comparison.summaries["lead", "random"]
    assert comparison.best_method == "hybrid"
    # Of the simpler methods it beats the best one is named, not the most involved, which is worse.
    assert "The hybrid is better than ordinary kriging by 20 %" in comparison.best_text
    assert comparison.reference("zinc", "random") == "ordinary_kriging"


def test_why_a_simpler_method_is_out_is_said_when_a_third_one_beats_it(samples):
    """External drift is 0.98 of ordinary kriging, within its noise; the network 0.94, and ties with external drift."""
    rng = np.random.default_rng(5)
    kriging = rng.normal(size=150)
    drift = kriging + 0.7 * rng.normal(size=150)
    drift *= 0.98 * np.sqrt(np.mean(kriging**2) / np.mean(drift**2))
    comparison = _with_errors(
        samples, {"ordinary_kriging": kriging, "external_drift_kriging": drift, "hybrid": 0.94 * kriging}
    )
    assert comparison.best_method == "external_drift_kriging"
    assert "Ordinary kriging is simpler, but the hybrid is better than ordinary kriging by 6 %" in comparison.best_text


def test_a_gain_that_shows_on_logarithms_only_is_told_there_and_not_in_data_units(samples):
    # Truth: both methods err by factors, the hybrid by three quarters as much; but for two rich samples, which make up
    # most of the squared error in data units and of which it misses one by more and one by less.
    rng = np.random.default_rng(4)
    factor = rng.normal(0.0, 0.4, 150)
    values = np.exp(rng.normal(5.0, 0.3, 150))
    two = [17, 90]
    values[two], factor[two] = 6000.0, -1.0

    def gain(first, second, others):
        found = np.full(150, others)
        found[two] = first, second
        return found

    rich = Samples(samples.coordinates, values[:, None], ("lead",))

    def scored(hybrid):
        predictions = {
            ("random", name): around((values * np.exp(errors))[:, None])
            for name, errors in (("ordinary_kriging", factor), ("hybrid", hybrid))
        }
        return score(rich, {"random": np.arange(150) % 5}, predictions, dict.fromkeys(predictions, 1.0))

    hybrid = gain(1.1, 0.85, 0.75) * factor
    (verdict,) = scored(hybrid).verdicts
    assert verdict.outcome == "ties" and "the hybrid ties with ordinary kriging" in verdict.text
    percent = 100 * (1 - np.sqrt(np.mean(hybrid**2) / np.mean(factor**2)))
    assert "; on logarithms, where single rich samples do not rule, it is better than ordinary" in verdict.text
    assert f"kriging by {percent:.0f} % (95 % interval" in verdict.text
    # Contrary evidence in data units: rich samples are missed by more.
    (verdict,) = scored(gain(1.1, 1.0, 0.75) * factor).verdicts
    assert verdict.ratio > 1 and "logarithms" not in verdict.text
    # A loss is told in any case.
    (verdict,) = scored(gain(0.9, 1.0, 1.3) * factor).verdicts
    assert verdict.ratio < 1 and "it is worse than ordinary kriging" in verdict.text


def test_best_is_the_simplest_of_those_that_tie(samples):
    rng = np.random.default_rng(2)
    base = rng.normal(size=150)
    wobble = rng.normal(size=150)
    comparison = _with_errors(
        samples,
        {"hybrid": 0.99 * base, "external_drift_kriging": base + 0.05 * wobble, "ordinary_kriging": 1.3 * base,
         "inverse_distance": 1.4 * base},
    )  # fmt: skip
    assert comparison.best_method == "external_drift_kriging"
    assert "simplest" in comparison.best_text


def test_one_rich_sample_does_not_make_a_map_noise():
    """A field known on logarithms, one value of which rules the R2 in data units."""
    rng = np.random.default_rng(2)
    logs = rng.normal(size=150)
    values, known = np.exp(logs), np.exp(0.5 * logs)
    values[0], known[0] = 400.0, 0.05
    places = Samples(rng.uniform(0, 1000, (150, 2)), values[:, None], ("gold",))
    said = []
    for estimates in (known, np.full(150, values.mean())):
        predictions = {("random", "ordinary_kriging"): around(estimates[:, None])}
        comparison = score(places, {"random": np.arange(150) % 5}, predictions, dict.fromkeys(predictions, 1.0))
        said.append(comparison.summaries["gold", "random"])
    assert all("no method predicts better than the overall mean" in text for text in said)
    assert "Single large values decide that: of the variance of logarithms ordinary kriging explains" in said[0]
    assert said[1].endswith("A map of gold would show little but noise.")


def test_noise_is_called_noise(samples):
    rng = np.random.default_rng(3)
    noise = Samples(samples.coordinates, rng.normal(size=(150, 2)), samples.targets)
    comparison = compare_methods(noise, METHODS, make_folds(noise, ("random",), 5, 0))
    assert "no method predicts better than the overall mean" in comparison.summaries["zinc", "random"]
    assert comparison.best_method == "mean"


def test_without_kriging_there_is_no_ratio(samples, tmp_path):
    comparison = compare_methods(samples, {"mean": overall_mean}, {"random": np.arange(150) % 5})
    assert math.isnan(comparison.rows[0]["rmse_ratio"]) and comparison.verdicts == ()
    comparison.write_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[1].split(",")[15:18] == ["", "", ""]


def test_scores_too_good_to_be_true_and_parted_places_are_warned_of(samples):
    coordinates = samples.coordinates.copy()
    coordinates[1] = coordinates[0]
    twins = Samples(coordinates, samples.values, samples.targets)
    comparison = _with_errors(twins, {"ordinary_kriging": np.full(150, 0.01)})
    assert any("R2 1.000 of ordinary kriging is higher than field duplicates" in text for text in comparison.warnings)
    assert any("different folds (1 such places)" in text for text in comparison.warnings)
    assert not any("covariate" in text for text in comparison.warnings)  # there is none to check
    with_covariate = _with_errors(samples, {"ordinary_kriging": np.full(150, 0.01)})
    assert any("no covariate was computed from the target" in text for text in with_covariate.warnings)


def test_bad_input(samples):
    with pytest.raises(InputError, match="at least one method and one fold scheme"):
        compare_methods(samples, {}, {"random": np.arange(150) % 5})
    with pytest.raises(InputError, match="at least 2 folds in the random folds, got 1"):
        compare_methods(samples, METHODS, {"random": np.zeros(150, int)})
    with pytest.raises(InputError, match="a fold for each of 150 samples"):
        compare_methods(samples, METHODS, {"random": np.zeros(149, int)})
    with pytest.raises(InputError, match="at least 10 samples, got 9"):
        compare_methods(samples.rows(np.arange(9)), METHODS, {"random": np.arange(9) % 3})
    flat = Samples(samples.coordinates, np.ones((150, 1)), ("zinc",))
    with pytest.raises(InputError, match="All 150 values of zinc equal 1"):
        compare_methods(flat, METHODS, {"random": np.arange(150) % 5})
    stacked = Samples(np.zeros((150, 2)) + np.arange(150)[:, None] % 4, samples.values, samples.targets)
    with pytest.raises(InputError, match="at least 10 separate places or holes, got 4"):
        compare_methods(stacked, METHODS, {"random": np.arange(150) % 4})


@pytest.mark.parametrize(
    ("ratio", "low", "high", "outcome", "words"),
    [
        (0.97, 0.951, 0.992, "better", "better than K by 3 % (95 % interval 0.8 to 4.9 %)"),
        (0.60, 0.50, 0.70, "better", "better than K by 40 % (95 % interval 30 to 50 %)"),
        (0.97, 0.94, 1.005, "ties", "ties with K (RMSE 3 % lower; 95 % interval 6 % lower to 0.5 % higher)"),
        (0.994, 0.99, 0.998, "ties", "ties with K (RMSE 0.6 % lower; 95 % interval 1 % lower to 0.2 % lower)"),
        (1.0, 1.0, 1.0, "ties", "ties with K (RMSE equal)"),
        (1.155, 1.051, 1.25, "worse", "worse than K by 16 % (95 % interval 5.1 to 25 %)"),
    ],
)
def test_words(ratio, low, high, outcome, words):
    assert judge(ratio, low, high) == outcome
    assert words in describe("H", "K", ratio, low, high)


def test_levels_hold_the_90_percent_interval():
    assert LEVELS[1] == pytest.approx(0.05) and LEVELS[28] == pytest.approx(0.95)
    assert LEVELS.mean() == pytest.approx(0.5)
