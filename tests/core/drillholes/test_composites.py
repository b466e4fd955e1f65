"""Compositing. Truth: metal is conserved, and limits."""

import numpy as np
import pytest
from hybrid_geostatistics.core.drillholes.composites import Intervals, composite
from hybrid_geostatistics.core.errors import InputError


def random_intervals(seed, gaps=False, n=60):
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.2, 3.0, n)
    tops = 4.2 + np.append(0.0, np.cumsum(lengths)[:-1])
    bottoms = tops + (lengths * rng.uniform(0.5, 1.0, n) if gaps else lengths)
    if not gaps:
        tops[1:] = bottoms[:-1]
    return Intervals(tops, bottoms, rng.lognormal(size=(n, 2)))


@pytest.mark.parametrize("length", [0.5, 2.0, 7.3, 1000.0])
def test_metal_is_conserved(length):
    """Theorem: without gaps, and with every piece kept, grade times length adds up to what was assayed."""
    intervals = random_intervals(1)
    made = composite(intervals, length, least_share=1e-6)
    metal = (intervals.values * (intervals.bottoms - intervals.tops)[:, None]).sum(axis=0)
    np.testing.assert_allclose((made.values * (made.bottoms - made.tops)[:, None]).sum(axis=0), metal, rtol=1e-12)


def test_equals_the_plain_loop():
    """Two roads: sums of overlaps, one pair at a time."""
    intervals = random_intervals(2, gaps=True)
    values = intervals.values.copy()
    values[5:9, 0] = np.nan
    intervals = Intervals(intervals.tops, intervals.bottoms, values)
    made = composite(intervals, 2.5, least_share=0.4)
    for top, bottom, row, share in zip(made.tops, made.bottoms, made.values, made.assayed):
        overlap = np.minimum(intervals.bottoms, bottom) - np.maximum(intervals.tops, top)
        overlap = np.maximum(overlap, 0.0)
        for column in range(2):
            known = np.isfinite(values[:, column])
            metres = overlap[known].sum()
            np.testing.assert_allclose(share[column], metres / (bottom - top), atol=1e-12)
            if metres / (bottom - top) >= 0.4:
                np.testing.assert_allclose(row[column], (overlap * values[:, column])[known].sum() / metres, rtol=1e-10)
            else:
                assert np.isnan(row[column])
    assert np.isnan(made.values).any() or made.assayed.min() > 0.4


def test_domains_are_not_mixed():
    made = composite(Intervals([0, 1, 3, 4], [1, 3, 4, 6], [[1.0], [1.0], [9.0], [9.0]], list("aabb")), 2.0)
    assert made.domains == ["a", "a", "b", "b"]
    np.testing.assert_allclose(made.values.ravel(), [1, 1, 9, 9])
    np.testing.assert_allclose(np.column_stack([made.tops, made.bottoms]), [[0, 2], [2, 3], [3, 5], [5, 6]])


def test_short_pieces_are_left_out_and_counted():
    made = composite(Intervals([0.0], [5.0], [[3.0]]), 2.0, least_share=0.75)
    np.testing.assert_allclose(np.column_stack([made.tops, made.bottoms, made.values]), [[0, 2, 3], [2, 4, 3]])
    assert made.n_short == 1


def test_rounded_depths_make_no_extra_composite():
    made = composite(Intervals([0.0], [0.1 + 0.2], [[3.0]]), 0.1)
    np.testing.assert_allclose(made.tops, [0.0, 0.1, 0.2])
    np.testing.assert_allclose(made.bottoms, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(made.values, 3.0)


@pytest.mark.parametrize(
    "length, share, words",
    [(0.0, 0.5, "length above"), (np.nan, 0.5, "length above"), (2.0, 0.0, "least share"), (2.0, 1.5, "least share")],
)
def test_refuses(length, share, words):
    with pytest.raises(InputError, match=words):
        composite(Intervals([0.0], [1.0], [[1.0]]), length, share)


def test_refuses_overlaps():
    with pytest.raises(InputError, match="overlap"):
        Intervals([0.0, 1.0], [2.0, 3.0], [[1.0], [2.0]])
