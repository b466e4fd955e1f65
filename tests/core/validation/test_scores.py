"""Scores with intervals. Truth: two roads (the plain functions of metrics), hand counts, and noise of known size."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation import metrics
from hybrid_geostatistics.core.validation.grade_classes import class_names, class_scores, members, parse_class_breaks
from hybrid_geostatistics.core.validation.metrics import ClusterBootstrap
from hybrid_geostatistics.core.validation.noise import noise_ceilings
from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution
from hybrid_geostatistics.core.validation.scores import PAIRED, SCORES, moments_of, paired_scores, scores_of


@pytest.fixture(scope="module")
def case():
    """Return observations, predictions with their own interval, and a bootstrap of 20 clusters."""
    rng = np.random.default_rng(0)
    observed = np.exp(rng.normal(5, 0.6, 200))
    estimate = observed * np.exp(rng.normal(0, 0.3, 200))
    predicted = PredictiveDistribution.from_interval(
        estimate[:, None], 0.6 * estimate[:, None], 1.7 * estimate[:, None]
    )
    own = np.stack([0.7 * estimate, 1.4 * estimate], axis=-1)[:, None]
    predicted = PredictiveDistribution(predicted.estimate, predicted.quantiles, own_interval=own)
    return observed, predicted, ClusterBootstrap.draw(np.arange(200) // 10, 0)


def test_scores_are_those_of_the_plain_functions(case):
    observed, predicted, bootstrap = case
    scores = scores_of(observed, predicted, 0, bootstrap)
    estimate, median = predicted.estimate[:, 0], predicted.median[:, 0]
    lower, upper = predicted.lower[:, 0], predicted.upper[:, 0]
    plain = {
        "rmse": metrics.rmse(observed, estimate), "mae": metrics.mae(observed, estimate),
        "r2": metrics.r2(observed, estimate), "bias": metrics.bias(observed, estimate),
        "ccc": metrics.ccc(observed, estimate), "rmse_log": metrics.rmse(np.log(observed), np.log(median)),
        "mae_log": metrics.mae(np.log(observed), np.log(median)), "r2_log": metrics.r2_log(observed, median),
        "bias_log": metrics.bias(np.log(observed), np.log(median)),
        "ccc_log": metrics.ccc(np.log(observed), np.log(median)),
        "coverage90": metrics.coverage(observed, lower, upper), "width90": metrics.width(lower, upper),
        "own_coverage90": metrics.coverage(observed, 0.7 * estimate, 1.4 * estimate),
        "own_width90": 0.7 * estimate.mean(),
        "crps": metrics.crps_from_quantiles(observed, predicted.quantiles[:, 0], LEVELS),
    }  # fmt: skip
    assert set(plain) == set(SCORES) == set(scores)
    for name, value in plain.items():
        assert scores[name].value == pytest.approx(value, rel=1e-9), name
        assert scores[name].low < scores[name].value < scores[name].high, name
    low, high = bootstrap.rmse_interval(observed - estimate)
    assert (scores["rmse"].low, scores["rmse"].high) == pytest.approx((low, high), rel=1e-9)


def test_intervals_cover_the_true_rmse():
    """By simulation: independent errors of standard deviation 2 in 25 clusters."""
    rng = np.random.default_rng(1)
    held = []
    for trial in range(60):
        error = rng.normal(0, 2, (250, 1))
        truth = rng.normal(10, 5, 250)
        predicted = PredictiveDistribution.from_interval(truth[:, None] - error, truth[:, None] - 4, truth[:, None] + 4)
        scores = scores_of(truth, predicted, 0, ClusterBootstrap.draw(np.arange(250) % 25, trial, 400))
        held.append(scores["rmse"].low <= 2 <= scores["rmse"].high)
    assert 0.87 <= np.mean(held) <= 1


def test_what_is_not_defined_is_not_a_number(case):
    observed, predicted, bootstrap = case
    plain = PredictiveDistribution(predicted.estimate - 200, predicted.quantiles - 200)
    scores = scores_of(observed - 200, plain, 0, bootstrap)
    assert all(np.isnan(scores[name]).all() for name in ("r2_log", "ccc_log", "own_width90"))
    assert np.isfinite(scores["r2"].value)


def test_paired_scores_of_a_method_against_itself_and_a_worse_one(case):
    observed, predicted, bootstrap = case
    ours = moments_of(observed, predicted, 0)
    same = paired_scores(ours, ours, bootstrap)
    assert {name: same[name] for name in PAIRED} == {
        "rmse_difference": (0, 0, 0), "mae_ratio": (1, 1, 1), "crps_ratio": (1, 1, 1), "width_ratio": (1, 1, 1)
    }  # fmt: skip
    twice = PredictiveDistribution.from_interval(
        observed[:, None] + 2 * (predicted.estimate - observed[:, None]),
        2 * predicted.lower, 2 * predicted.upper,
    )  # fmt: skip
    worse = paired_scores(moments_of(observed, twice, 0), ours, bootstrap)
    assert worse["mae_ratio"] == pytest.approx((2, 2, 2))
    assert worse["width_ratio"] == pytest.approx((2, 2, 2))
    assert worse["rmse_difference"].low > 0


def test_classes_by_hand():
    observed = np.array([100.0, 150, 200, 300, 600, 700, 100, 120])
    predicted = np.array([90.0, 250, 210, 300, 400, 900, 199, 130])
    bootstrap = ClusterBootstrap.draw(np.array([0, 1, 2, 3, 3, 2, 1, 0]), 0)
    scores = class_scores(observed, predicted, (200, 500), bootstrap)
    assert scores.names == ("below 200", "200 to 500", "500 and above")
    assert scores.confusion.tolist() == [[3, 1, 0], [0, 2, 0], [0, 1, 1]]
    assert scores.accuracy.value == 6 / 8
    assert scores.balanced_accuracy.value == pytest.approx((3 / 4 + 1 + 1 / 2) / 3)
    assert scores.majority.value == 4 / 8 and scores.gain.value == 2 / 8
    assert [recall.value for recall in scores.recall] == [3 / 4, 1, 1 / 2]
    for score in (scores.accuracy, scores.balanced_accuracy, scores.majority):
        assert 0 <= score.low <= score.value <= score.high <= 1
    assert members(np.array([199.9, 200, 500]), (200, 500)).tolist() == [0, 1, 2]  # a break belongs to the class above


def test_a_class_nobody_sampled_has_no_recall():
    observed = np.linspace(1, 9, 20)
    scores = class_scores(observed, observed, (5, 100), ClusterBootstrap.draw(np.arange(20) // 4, 0))
    assert np.isnan(scores.recall[2].value) and scores.balanced_accuracy.value == 1


def test_breaks_as_people_write_them():
    assert parse_class_breaks("200, 500", ("zinc",)) == {"zinc": (200.0, 500.0)}
    assert parse_class_breaks("", ("zinc",)) == {}
    assert parse_class_breaks(" zinc: 1e2 ", ("zinc", "lead")) == {"zinc": (100.0,)}
    assert class_names((0.5, 2.5, 1000)) == ("below 0.5", "0.5 to 2.5", "2.5 to 1000", "1000 and above")
    for text, words in (("gold: 3", "got some of 'gold'"), ("many", "as numbers"), ("5, 3", "that ascend"),
                        ("zinc:", "that ascend"), ("nan", "that ascend")):  # fmt: skip
        with pytest.raises(InputError, match=words):
            parse_class_breaks(text, ("zinc", "lead"))


def test_ceiling_of_duplicates_with_known_noise():
    """Signal variance 4, noise variance 1: single measurements can be predicted to R2 4/5 at best."""
    rng = np.random.default_rng(2)
    coordinates = np.repeat(rng.uniform(0, 100, (800, 2)), 2, axis=0)
    values = np.repeat(rng.normal(0, 2, 800), 2) + rng.normal(0, 1, 1600)
    ceiling = noise_ceilings(Samples(coordinates, values[:, None], ("a",)))["a"]
    assert ceiling.n_degrees == 800
    assert ceiling.variance == pytest.approx(1, rel=0.1) and ceiling.r2 == pytest.approx(0.8, abs=0.03)
    assert ceiling.low < 0.8 < ceiling.high and ceiling.high - ceiling.low < 0.06
    assert np.isnan(ceiling.r2_log)
    positive = noise_ceilings(Samples(coordinates, np.exp(values)[:, None], ("a",)))["a"]
    assert positive.r2_log == pytest.approx(ceiling.r2, abs=1e-9)
    assert noise_ceilings(Samples(coordinates[::2], values[::2, None], ("a",))) == {}
