"""Scores with intervals. Truth: hand counts, a published example, closed forms, two roads, and noise of known size."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation.bootstrap import ClusterBootstrap
from hybrid_geostatistics.core.validation.grade_classes import class_names, class_scores, members, parse_class_breaks
from hybrid_geostatistics.core.validation.noise import noise_ceilings
from hybrid_geostatistics.core.validation.predictive import PredictiveDistribution
from hybrid_geostatistics.core.validation.scores import PAIRED, SCORES, moments_of, paired_scores, scores_of
from hybrid_geostatistics.tests.core.validation.distributions import normal, within
from scipy.special import ndtr


@pytest.fixture(scope="module")
def case():
    """Return observations, predictions with their own interval, and a bootstrap of 20 clusters."""
    rng = np.random.default_rng(0)
    observed = np.exp(rng.normal(5, 0.6, 200))
    estimate = observed * np.exp(rng.normal(0, 0.3, 200))
    predicted = within(estimate[:, None], 0.6 * estimate[:, None], 1.7 * estimate[:, None])
    own = np.stack([0.7 * estimate, 1.4 * estimate], axis=-1)[:, None]
    predicted = PredictiveDistribution(predicted.estimate, predicted.quantiles, own_interval=own)
    return observed, predicted, ClusterBootstrap.draw(np.arange(200) // 10, 0)


def values_of(observed, predicted):
    """Return the scores without their intervals."""
    scores = scores_of(observed, predicted, 0, ClusterBootstrap.draw(np.arange(len(observed)) % 2, 0, 50))
    return {name: score.value for name, score in scores.items()}


OBSERVED = np.array([1.0, 2.0, 4.0, 9.0])
PREDICTED = np.array([2.0, 2.0, 3.0, 6.0])
BY_HAND = {
    # Residuals -1, 0, 1, 3; the mean of the observed is 4, squared deviations from it 9 + 4 + 0 + 25 = 38.
    "rmse": np.sqrt(11 / 4), "mae": 5 / 4,
    "bias": 3 / 4,  # observed - predicted: predicts too little
    "r2": 1 - 11 / 38,
    # 2 s_xy / (s_x^2 + s_y^2 + (4 - 3.25)^2): s_x^2 = 9.5, s_y^2 = 43/16, s_xy = 72/4 - 13 = 5
    "ccc": 10 / (9.5 + 43 / 16 + 9 / 16),
}  # fmt: skip


def test_scores_by_hand():
    scores = values_of(OBSERVED, within(PREDICTED[:, None], PREDICTED[:, None] - 2, PREDICTED[:, None] + 2.5))
    assert {name: scores[name] for name in BY_HAND} == pytest.approx(BY_HAND)
    assert scores["coverage90"] == 3 / 4 and scores["width90"] == pytest.approx(4.5)
    # The same numbers as logarithms, of which medians are judged.
    predicted = PredictiveDistribution(np.full((4, 1), 7.0), np.exp(np.tile(PREDICTED[:, None, None], 30)))
    scores = values_of(np.exp(OBSERVED), predicted)
    assert {name: scores[f"{name}_log"] for name in BY_HAND} == pytest.approx(BY_HAND)


def test_concordance_of_the_published_peak_flow_example():
    # Bland and Altman (1986, Lancet 327, table 1), first readings of both meters; rho_c is 0.943 in the literature
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    scores = values_of(np.array(wright, float), normal(mini, np.ones(17)))
    assert scores["ccc"] == pytest.approx(0.943, abs=5e-4)


def test_limits():
    perfect, mean = normal(OBSERVED, np.zeros(4)), normal(np.full(4, 4.0), np.zeros(4))
    assert values_of(OBSERVED, mean)["r2"] == values_of(OBSERVED, mean)["ccc"] == 0.0
    assert values_of(OBSERVED, perfect)["r2"] == values_of(OBSERVED, perfect)["ccc"] == 1.0
    assert values_of(OBSERVED, perfect)["crps"] == 0.0
    assert np.isnan(values_of(np.ones(3), normal(np.ones(3), np.ones(3)))["r2"])


def test_continuous_ranked_probability_score_of_normal_distributions():
    """Closed form: Gneiting and Raftery (2007), section 4.2; 30 midpoints cut the tails of the integral."""
    rng = np.random.default_rng(1)
    observed, mean, std = rng.normal(5, 3, 400), rng.normal(5, 2, 400), rng.uniform(0.5, 4, 400)
    z = (observed - mean) / std
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    expected = np.mean(std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))
    assert values_of(observed, normal(mean, std))["crps"] == pytest.approx(expected, rel=0.015)
    # With no spread it is the absolute error.
    assert values_of(observed, normal(mean, 0 * std))["crps"] == pytest.approx(np.abs(observed - mean).mean())


def test_intervals_are_those_of_scores_of_the_resampled_samples(case):
    """Two roads: scores of means of moments, and scores of the samples as each resample repeats them."""
    observed, predicted, bootstrap = case
    scores = scores_of(observed, predicted, 0, bootstrap)
    assert set(scores) == set(SCORES)
    few = ClusterBootstrap(bootstrap.clusters, bootstrap.counts[:40])
    by_resample = []
    for counts in few.counts.astype(int):
        rows = np.repeat(np.arange(200), counts[few.clusters])
        again = PredictiveDistribution(
            predicted.estimate[rows], predicted.quantiles[rows], own_interval=predicted.own_interval[rows]
        )
        by_resample.append(values_of(observed[rows], again))
    for name, score in scores_of(observed, predicted, 0, few).items():
        expected = few.interval(np.array([resample[name] for resample in by_resample]))
        assert (score.low, score.high) == pytest.approx(expected, rel=1e-9), name
        assert scores[name].low < scores[name].value < scores[name].high, name
    assert scores["own_coverage90"].value == np.mean(
        (observed >= predicted.own_interval[:, 0, 0]) & (observed <= predicted.own_interval[:, 0, 1])
    )
    assert scores["own_width90"].value == pytest.approx(0.7 * predicted.estimate.mean())


def test_intervals_cover_the_true_rmse():
    """By simulation: independent errors of standard deviation 2 in 25 clusters."""
    rng = np.random.default_rng(1)
    held = []
    for trial in range(60):
        error = rng.normal(0, 2, (250, 1))
        truth = rng.normal(10, 5, 250)
        predicted = within(truth[:, None] - error, truth[:, None] - 4, truth[:, None] + 4)
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
    twice = within(
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
