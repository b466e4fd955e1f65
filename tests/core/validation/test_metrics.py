"""Scores. Truth: numbers worked out by hand, a published example, closed forms, and simulation."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.validation import metrics
from hybrid_geostatistics.core.validation.metrics import ClusterBootstrap
from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution

OBSERVED = np.array([1.0, 2.0, 4.0, 9.0])
PREDICTED = np.array([2.0, 2.0, 3.0, 6.0])
# residuals -1, 0, 1, 3; mean of observed 4, squared deviations 9 + 4 + 0 + 25 = 38


def test_scores_by_hand():
    assert metrics.rmse(OBSERVED, PREDICTED) == pytest.approx(np.sqrt(11 / 4))
    assert metrics.mae(OBSERVED, PREDICTED) == pytest.approx(5 / 4)
    assert metrics.bias(OBSERVED, PREDICTED) == pytest.approx(3 / 4)  # observed - predicted: predicts too little
    assert metrics.r2(OBSERVED, PREDICTED) == pytest.approx(1 - 11 / 38)
    # ccc = 2 s_xy / (s_x^2 + s_y^2 + (4 - 3.25)^2): s_x^2 = 9.5, s_y^2 = 43/16, s_xy = 72/4 - 13 = 5
    assert metrics.ccc(OBSERVED, PREDICTED) == pytest.approx(10 / (9.5 + 43 / 16 + 9 / 16))
    assert metrics.msdr(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == pytest.approx(0.75)
    assert metrics.width(np.array([1.0, 2.0]), np.array([2.0, 5.0])) == 2.0
    assert metrics.r2_log(np.exp(OBSERVED), np.exp(PREDICTED)) == pytest.approx(1 - 11 / 38)


def test_ccc_of_the_published_peak_flow_example():
    # Bland and Altman (1986, Lancet 327, table 1), first readings of both meters; rho_c is 0.943 in the literature
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    assert metrics.ccc(np.array(wright, float), np.array(mini, float)) == pytest.approx(0.943, abs=5e-4)


def test_limits():
    assert metrics.r2(OBSERVED, np.full(4, 4.0)) == 0.0  # the mean
    assert metrics.ccc(OBSERVED, np.full(4, 4.0)) == 0.0
    assert metrics.r2(OBSERVED, OBSERVED) == metrics.ccc(OBSERVED, OBSERVED) == 1.0
    assert np.isnan(metrics.r2(np.ones(3), np.ones(3)))
    assert np.isnan(metrics.r2_log(OBSERVED, np.array([1.0, 1.0, 0.0, 1.0])))


def test_nan_is_refused_not_skipped():
    with pytest.raises(InputError, match="1 unusable pairs of 4"):
        metrics.rmse(OBSERVED, np.array([1.0, np.nan, 2.0, 3.0]))
    with pytest.raises(InputError, match="above 0"):
        metrics.msdr(np.ones(2), np.array([1.0, 0.0]))


def test_crps_closed_form():
    # Gneiting and Raftery (2007): at the mean of N(0, 1) it is (sqrt(2) - 1) / sqrt(pi); with std 0 it is |error|
    assert metrics.crps_normal(np.zeros(1), np.zeros(1), np.ones(1)) == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi))
    assert metrics.crps_normal(np.array([3.0]), np.array([1.0]), np.zeros(1)) == 2.0


def test_crps_two_roads():
    rng = np.random.default_rng(1)
    observed, mean, std = rng.normal(5, 3, 400), rng.normal(5, 2, 400), rng.uniform(0.5, 4, 400)
    predicted = PredictiveDistribution.from_normal(mean[:, None], std[:, None] ** 2, [Transform()])
    # 30 midpoints cut the tails of the integral
    assert metrics.crps_from_quantiles(observed, predicted.quantiles[:, 0], LEVELS) == pytest.approx(
        metrics.crps_normal(observed, mean, std), rel=0.015
    )


@pytest.fixture(scope="module")
def clustered():
    """Return clusters and a function making residuals of two equally good, correlated methods."""
    clusters = np.repeat(np.arange(30), 5)

    def draw(seed):
        rng = np.random.default_rng(seed)
        shared = rng.standard_normal(30)[clusters]
        return shared + rng.standard_normal(150), shared + rng.standard_normal(150)

    return clusters, draw


def test_bootstrap_means_are_those_of_the_repeated_samples(clustered):
    clusters, draw = clustered
    errors, _ = draw(0)
    bootstrap = ClusterBootstrap.draw(clusters, seed=1, n_resamples=20)
    for replicate, counts in zip(bootstrap.means(errors**2), bootstrap.counts):
        rows = np.concatenate([np.tile(np.flatnonzero(clusters == c), int(counts[c])) for c in range(30)])
        assert replicate == pytest.approx(np.mean(errors[rows] ** 2))
    assert (bootstrap.counts.sum(axis=1) == 30).all()


def test_interval_of_the_ratio_holds_one_when_methods_are_equal(clustered):
    clusters, draw = clustered
    inside = 0
    for seed in range(300):
        low, high = ClusterBootstrap.draw(clusters, seed, 600).ratio_interval(*draw(seed))
        inside += low <= 1 <= high
    # nominal 95 %; three standard errors of 300 trials are 3.8 points
    assert 0.91 <= inside / 300 <= 0.99


def test_paired_interval_sees_what_unpaired_ones_cannot(clustered):
    clusters, draw = clustered
    errors, _ = draw(2)
    better = 0.97 * errors
    bootstrap = ClusterBootstrap.draw(clusters, 0)
    np.testing.assert_allclose(bootstrap.ratio_interval(better, errors), [0.97, 0.97])
    assert bootstrap.rmse_interval(better)[1] > bootstrap.rmse_interval(errors)[0]
    assert bootstrap.ratio_interval(errors, errors) == (1.0, 1.0)


def test_clusters_widen_the_interval_where_neighbours_are_alike():
    clusters = np.repeat(np.arange(30), 10)
    errors = np.random.default_rng(0).standard_normal(30)[clusters]
    single = ClusterBootstrap.draw(np.arange(300), 0).rmse_interval(errors)
    whole = ClusterBootstrap.draw(clusters, 0).rmse_interval(errors)
    # ten equal residuals count as one: sqrt(10) = 3.2 times as wide
    assert 2.5 < (whole[1] - whole[0]) / (single[1] - single[0]) < 4.5


def test_geometric_mean_of_ratios(clustered):
    clusters, draw = clustered
    a, b = draw(4)
    low, high = ClusterBootstrap.draw(clusters, 0).geometric_ratio_interval([0.5 * a, 2.0 * b], [a, b])
    np.testing.assert_allclose([low, high], 1.0)


def test_bootstrap_is_repeatable_and_needs_clusters(clustered):
    clusters, draw = clustered
    one, two = (ClusterBootstrap.draw(clusters, 9).rmse_interval(draw(1)[0]) for _ in range(2))
    assert one == two
    with pytest.raises(InputError, match="at least 2 spatial clusters"):
        ClusterBootstrap.draw(np.zeros(5, int), 0)


def test_lognormal_quantiles_and_mean():
    predicted = PredictiveDistribution.from_normal(np.array([[2.0]]), np.array([[0.25]]), [Transform("log")])
    assert predicted.estimate[0, 0] == pytest.approx(np.exp(2.125))
    assert predicted.upper[0, 0] == pytest.approx(np.exp(2 + 0.5 * 1.6448536))
    assert predicted.lower[0, 0] == pytest.approx(np.exp(2 - 0.5 * 1.6448536))
    assert predicted.median[0, 0] == pytest.approx(np.exp(2.0), rel=1e-3)


def test_quantiles_from_an_interval():
    ends = [np.array([[v]]) for v in (3.0, 1.0, 9.0)]
    predicted = PredictiveDistribution.from_interval(*ends)
    assert (predicted.lower[0, 0], predicted.upper[0, 0]) == pytest.approx((1.0, 9.0))
    assert (np.diff(predicted.quantiles[0, 0]) > 0).all()
    normal = PredictiveDistribution.from_normal(np.array([[3.0]]), np.array([[4.0]]), [Transform()])
    again = PredictiveDistribution.from_interval(normal.estimate, normal.lower, normal.upper)
    np.testing.assert_allclose(again.quantiles, normal.quantiles)


def test_shapes_are_checked():
    with pytest.raises(InputError, match="30 quantiles each"):
        PredictiveDistribution(np.zeros((4, 1)), np.zeros((4, 1, 3)))
