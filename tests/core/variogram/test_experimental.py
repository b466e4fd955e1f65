"""Truth: gstat's published bins, a plain double loop, scikit-gstat on the same bins, invariances."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.variogram import pairs as pairs_module
from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.experimental import (
    ESTIMATORS,
    ExperimentalVariogram,
    default_max_lag,
    experimental_variogram,
    lag_edges,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

# variogram(log(zinc) ~ 1, meuse) of R's gstat, in its tests' reference output: 10 digits.
GSTAT_COUNTS = [57, 299, 419, 457, 547, 533, 574, 564, 589, 543, 500, 477, 452, 457, 415]
GSTAT_LAGS = [79.29243746, 163.9736656, 267.3648277]
GSTAT_GAMMA = {
    "matheron": [0.1234479349, 0.2162184853, 0.3027858756],
    "cressie": [0.0989035403, 0.1788934869, 0.2535014031],
}


@pytest.mark.parametrize("estimator", ["matheron", "cressie"])
def test_meuse_equals_gstat(meuse, estimator):
    coordinates, log_zinc, _ = meuse
    found = experimental_variogram(coordinates, log_zinc, estimator=estimator)
    assert_array_equal(found.pair_counts, GSTAT_COUNTS)
    assert_allclose(found.lags[:3], GSTAT_LAGS, rtol=1e-9)
    assert_allclose(found.semivariances[:3], GSTAT_GAMMA[estimator], rtol=1e-9)
    assert found.max_lag == pytest.approx(1596.6226159, rel=1e-10)
    assert found.share_of_pairs == 1.0


@pytest.mark.parametrize("estimator", ["matheron", "cressie", "dowd"])
def test_equals_scikit_gstat_on_the_same_bins(meuse, estimator):
    skgstat = pytest.importorskip("skgstat")
    coordinates, log_zinc, _ = meuse
    max_lag = default_max_lag(coordinates)
    # The class's own experimental variogram; its lags are closed on the left, which differs only in ties.
    theirs = skgstat.Variogram(
        coordinates, log_zinc, bin_func=lag_edges(max_lag, 15), maxlag=max_lag, estimator=estimator, fit_method=None
    )
    ours = experimental_variogram(coordinates, log_zinc, max_lag=max_lag, estimator=estimator)
    expected = theirs.experimental
    if estimator == "cressie":
        # It adds the 1980 paper's 0.045 / N^2, which Cressie (1993) and gstat leave out.
        n = ours.pair_counts
        expected = expected * (0.457 + 0.494 / n + 0.045 / n**2) / (0.457 + 0.494 / n)
    assert_array_equal(ours.pair_counts, theirs.bin_count)
    assert_allclose(ours.semivariances, expected, rtol=1e-12)


def test_genton_equals_scikit_gstat_on_the_same_signed_differences(meuse):
    """Its estimator as published; its class would hand it absolute differences."""
    estimators = pytest.importorskip("skgstat.estimators")
    coordinates, log_zinc, _ = meuse
    coordinates, log_zinc = coordinates[::3], log_zinc[::3]
    edges = np.array([150.0, 300.0, 1500.0])
    ours = experimental_variogram(coordinates, log_zinc, edges=edges, estimator="genton")
    step = coordinates[:, None] - coordinates
    lag = np.linalg.norm(step, axis=2)
    # One of each pair: from the south, on a tie from the west.
    northward = (step[..., 1] > 0) | ((step[..., 1] == 0) & (step[..., 0] > 0))
    difference = log_zinc[:, None] - log_zinc
    lower = np.concatenate([[0.0], edges[:-1]])
    expected = [estimators.genton(difference[northward & (lag > a) & (lag <= b)]) for a, b in zip(lower, edges)]
    assert ours.pair_counts.min() < 30 and 500 <= ours.pair_counts.max() <= 1500
    assert_allclose(ours.semivariances, expected, rtol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_finds_the_variance_of_independent_normal_values(estimator):
    """Theorem: gamma = variance at every lag; robust estimators are scaled for the normal distribution."""
    random = np.random.default_rng(11)
    found = experimental_variogram(
        random.random((900, 2)), random.normal(0, 3.0, 900), estimator=estimator, n_lags=3, max_lag=1.0
    )
    assert_allclose(found.semivariances, 9.0, rtol=0.1)  # 900 values know their variance to 5 %


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_order_of_rows_does_not_matter(meuse, estimator):
    coordinates, log_zinc, _ = meuse
    coordinates, log_zinc = coordinates[:60], log_zinc[:60]
    order = np.random.default_rng(0).permutation(60)
    straight = experimental_variogram(coordinates, log_zinc, estimator=estimator)
    mixed = experimental_variogram(coordinates[order], log_zinc[order], estimator=estimator)
    assert_allclose(mixed.semivariances, straight.semivariances, rtol=1e-10)


@pytest.mark.parametrize("n", [2, 7, 12])
@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_equals_a_double_loop(n, n_dimensions):
    random = np.random.default_rng(n)
    coordinates = random.random((n, n_dimensions)) * [30.0, 20.0, 5.0][:n_dimensions]
    values = random.normal(size=n)
    edges = np.array([0.0, 10.0, 20.0, 30.0])
    sums, counts, lags = np.zeros(3), np.zeros(3, dtype=int), np.zeros(3)
    for i in range(n):
        for j in range(i):
            lag = np.linalg.norm(coordinates[i] - coordinates[j])
            for k in range(3):
                if edges[k] < lag <= edges[k + 1]:
                    sums[k] += 0.5 * (values[i] - values[j]) ** 2
                    counts[k] += 1
                    lags[k] += lag
    found = experimental_variogram(coordinates, values, n_lags=3, max_lag=30.0)
    kept = counts > 0
    assert_array_equal(found.pair_counts, counts[kept])
    assert_allclose(found.lags, lags[kept] / counts[kept], rtol=1e-12)
    assert_allclose(found.semivariances, sums[kept] / counts[kept], rtol=1e-10)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), at_once=st.integers(1, 400))
def test_every_pair_comes_once_whatever_the_chunks(n, at_once):
    before = pairs_module._PAIRS_AT_ONCE
    pairs_module._PAIRS_AT_ONCE = at_once
    try:
        pairs = [
            frozenset(pair)
            for first, second, _ in pairs_module.index_pairs(n, n // 2)
            for pair in zip(first.tolist(), second.tolist())
        ]
    finally:
        pairs_module._PAIRS_AT_ONCE = before
    assert len(pairs) == len(set(pairs)) == n * (n - 1) // 2
    assert all(len(pair) == 2 for pair in pairs)


def test_a_share_of_pairs_is_balanced_seeded_and_close_to_all():
    random = np.random.default_rng(5)
    # A trend in the order of rows would bias a draw that follows it.
    coordinates = np.sort(random.random((1500, 2)), axis=0) * [3000.0, 2000.0]
    values = np.sin(coordinates[:, 0] / 300.0) + random.normal(size=1500)
    whole = experimental_variogram(coordinates, values)
    part = experimental_variogram(coordinates, values, max_pairs=150_000, seed=3)
    again = experimental_variogram(coordinates, values, max_pairs=150_000, seed=3)
    other = experimental_variogram(coordinates, values, max_pairs=150_000, seed=4)
    assert part.share_of_pairs == pytest.approx(150_000 / (1500 * 1499 / 2), rel=0.01)
    assert_array_equal(part.semivariances, again.semivariances)
    assert not np.array_equal(part.semivariances, other.semivariances)
    assert_allclose(part.semivariances, whole.semivariances, rtol=0.06)  # about 10,000 pairs a lag


def test_units_translation_and_level_of_values(meuse):
    coordinates, log_zinc, _ = meuse
    found = experimental_variogram(coordinates, log_zinc)
    moved = experimental_variogram(1000.0 * (coordinates - 1e5), 1e6 + 10.0 * log_zinc)
    assert_array_equal(found.pair_counts, moved.pair_counts)
    assert_allclose(moved.lags, 1000.0 * found.lags, rtol=1e-9)
    # 1e6 + 10 z keeps about ten digits of z.
    assert_allclose(moved.semivariances, 100.0 * found.semivariances, rtol=1e-7)


def test_coincident_pairs_are_in_the_first_lag_and_a_lag_ends_at_its_upper_edge():
    coordinates = np.array([[0.0, 0.0], [0.0, 0.0], [10.0, 0.0]])
    found = experimental_variogram(coordinates, np.array([1.0, 3.0, 9.0]), n_lags=2, max_lag=20.0)
    assert_array_equal(found.pair_counts, [3])
    assert_allclose(found.lags, [20.0 / 3.0])
    assert_allclose(found.semivariances, [0.5 * (4.0 + 64.0 + 36.0) / 3.0])


def test_robust_estimators_resist_an_outlier():
    random = np.random.default_rng(1)
    coordinates, values = random.random((300, 2)), random.normal(size=300)
    spoiled = values.copy()
    spoiled[0] = 60.0
    change = {
        estimator: experimental_variogram(coordinates, spoiled, estimator=estimator).semivariances.mean()
        / experimental_variogram(coordinates, values, estimator=estimator).semivariances.mean()
        for estimator in ESTIMATORS
    }
    assert max(change["cressie"], change["dowd"], change["genton"]) < 1.2 < 5.0 < change["matheron"]


def test_lags_of_equal_counts(meuse):
    coordinates, log_zinc, _ = meuse
    found = experimental_variogram(coordinates, log_zinc, n_lags=9, max_lag=1500.0, lag_scheme="equal_counts")
    assert len(found.lags) == 9 and np.ptp(found.pair_counts) <= 12  # pairs at one distance stay together
    wide = experimental_variogram(coordinates, log_zinc, n_lags=1, max_lag=1500.0)
    assert found.pair_counts.sum() == wide.pair_counts.sum()


def test_lags_of_equal_counts_where_distances_repeat():
    grid = np.array([[e, n] for e in range(6) for n in range(5)], dtype=float)
    values = np.random.default_rng(2).normal(size=30)
    found = experimental_variogram(grid, values, n_lags=10, max_lag=2.5, lag_scheme="equal_counts")
    assert found.lags[0] == 1.0 and found.pair_counts[0] == 5 * 5 + 4 * 6
    assert found.pair_counts.sum() == experimental_variogram(grid, values, edges=[2.5]).pair_counts.sum()


def test_file_object_has_plain_numbers(meuse):
    content = experimental_variogram(*meuse[:2]).to_dict()
    assert {"lags", "semivariances", "pair_counts", "estimator"} <= set(content)
    assert all(type(count) is int for count in content["pair_counts"])
    assert all(type(lag) is float for lag in content["lags"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.arange(3.0)}, "4 locations and 3 values"),
        ({"n_lags": 0}, "at least 1 lag, got 0"),
        ({"max_lag": -1.0}, "largest lag above 0"),
        ({"max_lag": 0.5}, "closer than the largest lag of 0.5"),
        ({"edges": [2.0, 1.0]}, "upper ends of lags above 0 and ascending"),
        ({"lag_scheme": "wide"}, "lag scheme out of equal_width, equal_counts, got 'wide'"),
        ({"direction": Direction(90.0, tolerance=5.0)}, "in the direction 090° .tolerance 5°. are closer"),
        ({"direction": Direction(0.0, dip=10.0)}, "dip of 10 degrees needs samples with elevations"),
        ({"estimator": "mean"}, "matheron, cressie, dowd, genton, got 'mean'"),
        ({"coordinates": np.ones((4, 2))}, "lie at one place"),
        ({"coordinates": np.arange(4.0)}, "at least 2 samples"),
        ({"values": np.array([1.0, np.nan, 2.0, np.inf])}, "NaN or infinity in 2 of 4 samples .first: row 2"),
        ({"coordinates": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, np.nan]])}, "first: row 4"),
    ],
)
def test_bad_input_is_named(change, message):
    settings_ = {"coordinates": np.arange(8.0).reshape(4, 2), "values": np.arange(4.0), **change}
    coordinates, values = settings_.pop("coordinates"), settings_.pop("values")
    with pytest.raises(InputError, match=message):
        experimental_variogram(coordinates, values, **settings_)


def test_arrays_must_agree():
    with pytest.raises(InputError, match="one semivariance and one pair count a lag"):
        ExperimentalVariogram(np.ones(2), np.ones(3), np.ones(3, dtype=int), "matheron", 1.0)


def test_cancel_stops(meuse):
    with pytest.raises(Cancelled):
        experimental_variogram(*meuse[:2], is_cancelled=lambda: True)
