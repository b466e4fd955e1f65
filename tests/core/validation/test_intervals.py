"""Conformal intervals. Truth: the coverage theorem for exchangeable scores, by simulation and by counting."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.validation.intervals import (
    IntervalTable,
    conformal_quantile,
    highest_coverage,
    left_out_together,
    normalized_scores,
)


@pytest.mark.parametrize(
    "damage",
    [
        {"quantiles": [1.0]}, {"quantiles": None}, {"quantiles": [1.0, -2.0]}, {"quantiles": [1.0, np.nan]},
        {"coverages": [0.9, 0.5]}, {"coverages": [0.5, 1.0]}, {"coverages": []}, {"far_quantiles": 2.0},
    ],
)  # fmt: skip
def test_a_damaged_table_is_refused_and_an_infinite_multiplier_kept(damage):
    content = {"coverages": [0.5, 0.9], "quantiles": [0.7, np.inf]}
    assert IntervalTable.from_dict(content).to_dict() == content
    with pytest.raises(InputError, match="interval table"):
        IntervalTable.from_dict({**content, **damage})


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [39, 155])
def test_coverage_of_a_new_sample_is_the_nominal_one(wanted, n):
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(1500):
        sigma = rng.uniform(0.2, 3.0, n + 1)
        errors = sigma * rng.laplace(size=n + 1)  # heavy tails: a normal interval would not hold
        quantile = conformal_quantile(normalized_scores(errors[:n], sigma[:n]), wanted)
        inside.append(abs(errors[n]) <= quantile * sigma[n])
    # theorem: between wanted and wanted + 1 / (n + 1); three standard errors of 1500 trials are about 3 points
    assert wanted - 0.03 <= np.mean(inside) <= wanted + 1 / (n + 1) + 0.03


def test_rank_carries_the_finite_sample_correction():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 10.0))
    assert conformal_quantile(scores, 0.9) == 9.0  # ceil(10 x 0.9) = 9th of 9, not the 8.1th
    assert conformal_quantile(scores, 0.5) == 5.0
    assert highest_coverage(9) == 0.9


def test_too_few_scores_are_refused_with_the_number_needed():
    with pytest.raises(InputError, match="needs at least 9 errors to learn from, got 8"):
        conformal_quantile(np.ones(8), 0.9)
    with pytest.raises(InputError, match="between 0 and 1"):
        conformal_quantile(np.ones(8), 90)
    with pytest.raises(InputError, match="1 NaN of 2"):
        conformal_quantile(np.array([1.0, np.nan]), 0.5)


def test_scores_at_zero_sigma_are_zero_or_infinite_never_nan():
    scores = normalized_scores(np.array([-2.0, 0.0, 1.0]), np.array([4.0, 0.0, 0.0]))
    np.testing.assert_array_equal(scores, [0.5, 0.0, np.inf])
    with pytest.raises(InputError, match="1 unusable standard deviations"):
        normalized_scores(np.ones(2), np.array([1.0, np.nan]))


@pytest.mark.parametrize("kind", ["normal", "laplace"])
@pytest.mark.parametrize("n", [30, 155, 400])
def test_a_table_covers_whether_sigma_is_right_or_far_off(kind, n):
    """By simulation: Laplace errors of scale 1 need 2.30 sigma for 90 %, 40 % more than normal ones."""
    rng = np.random.default_rng(11)
    draw = getattr(rng, kind)
    inside = []
    for _ in range(300):
        multiplier = float(IntervalTable.from_scores(np.abs(draw(size=n))).multiplier(0.9))
        inside.append(np.mean(np.abs(draw(size=200)) <= multiplier))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_few_scores_move_the_normal_multiplier_little():
    rng = np.random.default_rng(12)
    spread = {
        n: np.std([float(IntervalTable.from_scores(np.abs(rng.normal(size=n))).multiplier(0.9)) for _ in range(300)])
        for n in (100, 1600)
    }
    exact = {n: np.sqrt(0.09 / n) / 0.206 for n in spread}  # standard error of the plain quantile
    assert spread[100] < 0.75 * exact[100] and spread[1600] < exact[1600]
    scores = np.abs(rng.laplace(size=200))
    alone = float(IntervalTable.from_scores(scores).multiplier(0.9))
    of_ten_holes = float(IntervalTable.from_scores(scores, n_independent=10).multiplier(0.9))
    assert 1.645 < of_ten_holes < alone


def test_multipliers_near_samples_and_far_from_them():
    """Two roads: at either end the table of these scores alone, in between the straight line; old files have one."""
    rng = np.random.default_rng(14)
    near, far = np.abs(rng.normal(size=400)), [np.abs(2.0 * rng.normal(size=400)) for _ in range(2)]
    table = IntervalTable.near_and_far(near, far)
    ends = IntervalTable.from_scores(near).multiplier(0.9), IntervalTable.from_scores(*far).multiplier(0.9)
    assert ends[0] == pytest.approx(1.645, rel=0.08) and ends[1] == pytest.approx(3.29, rel=0.08)
    found = table.multiplier(0.9, np.array([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(found, [ends[0], 0.75 * ends[0] + 0.25 * ends[1], ends[1]])
    assert table.multiplier(0.9) == ends[0]
    levels = np.array([0.05, 0.95])
    expected = [[-end, end] for end in ends]
    np.testing.assert_allclose(table.reach(levels, np.array([[0.0], [1.0]])), expected)
    again = IntervalTable.from_dict(table.to_dict())
    np.testing.assert_array_equal(again.far_quantiles, table.far_quantiles)
    old = IntervalTable.from_dict({key: table.to_dict()[key] for key in ("coverages", "quantiles")})
    assert old.far_quantiles is None and old.multiplier(0.9, np.array([1.0])) == ends[0]
    unbounded = IntervalTable(np.array([0.9]), np.array([2.0]), np.array([np.inf]))
    np.testing.assert_array_equal(unbounded.multiplier(0.9, np.array([0.0, 0.5])), [2.0, np.inf])


def test_what_is_left_out_together_is_compact_and_keeps_groups():
    rng = np.random.default_rng(13)
    coordinates = rng.uniform(0, [1000, 400], (200, 2))
    groups = np.repeat(np.arange(100), 2)
    partitions = left_out_together(coordinates, groups)
    np.testing.assert_array_equal(partitions[0], groups)
    assert [np.bincount(cells).max() for cells in partitions] == [2, 8, 26]  # 4 and at most 16 groups of two
    for cells in partitions:
        assert all(len(np.unique(cells[groups == group])) == 1 for group in range(100))
    assert len(left_out_together(coordinates[:10], np.arange(10))) == 1
