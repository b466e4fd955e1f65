"""Intervals of scores. Truth: the resamples written out, and simulation of methods that are equal by construction."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.validation.bootstrap import ClusterBootstrap
from hybrid_geostatistics.core.validation.scores import mean_score


def rmse_interval(bootstrap, errors):
    return bootstrap.interval(np.sqrt(bootstrap.means(errors**2)))


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
    assert rmse_interval(bootstrap, better)[1] > rmse_interval(bootstrap, errors)[0]
    assert bootstrap.ratio_interval(errors, errors) == (1.0, 1.0)


def test_clusters_widen_the_interval_where_neighbours_are_alike():
    clusters = np.repeat(np.arange(30), 10)
    errors = np.random.default_rng(0).standard_normal(30)[clusters]
    single = rmse_interval(ClusterBootstrap.draw(np.arange(300), 0), errors)
    whole = rmse_interval(ClusterBootstrap.draw(clusters, 0), errors)
    # ten equal residuals count as one: sqrt(10) = 3.2 times as wide
    assert 2.5 < (whole[1] - whole[0]) / (single[1] - single[0]) < 4.5


def test_geometric_mean_of_ratios(clustered):
    clusters, draw = clustered
    a, b = draw(4)
    low, high = ClusterBootstrap.draw(clusters, 0).geometric_ratio_interval([0.5 * a, 2.0 * b], [a, b])
    np.testing.assert_allclose([low, high], 1.0)


def test_bootstrap_is_repeatable_and_needs_clusters(clustered):
    clusters, draw = clustered
    one, two = (rmse_interval(ClusterBootstrap.draw(clusters, 9), draw(1)[0]) for _ in range(2))
    assert one == two
    with pytest.raises(InputError, match="at least 2 spatial clusters"):
        ClusterBootstrap.draw(np.zeros(5, int), 0)


@pytest.mark.parametrize("n_parts", [5, 7, 24])
def test_scores_of_samples_in_few_of_many_clusters_are_covered(n_parts):
    """By simulation: the mean, 0, of samples that lie in some of 24 clusters only, alike within each."""
    rng, clusters, held = np.random.default_rng(n_parts), np.repeat(np.arange(24), 8), []
    for trial in range(250):
        values = rng.normal(size=24)[clusters] + rng.normal(size=192)
        score = mean_score(values, ClusterBootstrap.draw(clusters, trial, 400), clusters < n_parts)
        held.append(score.low <= 0 <= score.high)
    assert 0.91 <= np.mean(held) <= 0.99  # 0.95 within three standard errors


def test_samples_in_fewer_clusters_have_a_score_without_an_interval():
    clusters = np.repeat(np.arange(24), 8)
    score = mean_score(np.arange(192.0), ClusterBootstrap.draw(clusters, 0, 400), clusters < 4)
    assert score.value == 15.5 and np.isnan([score.low, score.high]).all()
