"""Folds. Truth: definitions (what may not part, how even folds are) on random and hand-made places."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation.folds import (
    block_folds,
    inseparable_groups,
    make_folds,
    random_folds,
    spatial_blocks,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def places():
    """Return 155 places in an area three times as long as wide, far from the origin."""
    return np.random.default_rng(3).uniform([500_000, 4_000_000], [501_000, 4_003_000], size=(155, 2))


def test_groups_join_through_shared_places_and_holes():
    coordinates = np.array([[0, 0, 0], [0, 0, -5], [9, 9, 0], [0, 0, -9], [7, 7, 0], [8, 8, 0]], dtype=float)
    holes = np.array(["a", "b", "b", "", "", ""])
    # rows 0, 1, 3 stand above one another; row 2 joins them through hole b
    assert inseparable_groups(coordinates, holes).tolist() == [0, 0, 0, 0, 1, 2]
    assert inseparable_groups(coordinates[:, :2]).tolist() == [0, 0, 1, 0, 2, 3]


def test_random_folds_are_even_complete_and_repeatable():
    folds = random_folds(157, 5, seed=4)
    assert sorted(np.bincount(folds).tolist()) == [31, 31, 31, 32, 32]
    np.testing.assert_array_equal(folds, random_folds(157, 5, seed=4))
    assert (folds != random_folds(157, 5, seed=5)).any()


def test_random_folds_are_random():
    # each of 5 folds takes a fifth of the first 50 samples on average over seeds (s.e. 0.4)
    share = np.mean([np.bincount(random_folds(100, 5, seed)[:50], minlength=5) for seed in range(50)], axis=0)
    np.testing.assert_allclose(share, 10, atol=1.6)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n_folds=st.integers(2, 8))
def test_places_and_holes_never_part(seed, n_folds):
    rng = np.random.default_rng(seed)
    coordinates = rng.integers(0, 12, size=(90, 2)).astype(float)  # many coincide
    holes = np.where(rng.random(90) < 0.3, rng.integers(0, 6, 90).astype(str), "")
    groups = inseparable_groups(coordinates, holes)
    samples = Samples(coordinates, rng.random((90, 1)), ("zinc",), holes=holes)
    try:
        made = make_folds(samples, ("random", "blocks"), n_folds, seed)
    except InputError as error:
        assert "need at least" in str(error)
        return
    for folds in made.values():
        assert set(folds) == set(range(n_folds))
        assert all(len(set(folds[groups == group])) == 1 for group in range(groups.max() + 1))


@pytest.mark.parametrize("n_folds", [2, 5, 10])
@pytest.mark.parametrize("seed", [0, 1])
def test_block_folds_are_even_and_made_of_whole_blocks(places, n_folds, seed):
    folds = block_folds(places, n_folds, seed)
    counts = np.bincount(folds, minlength=n_folds)
    assert counts.min() >= 0.6 * 155 / n_folds and counts.max() <= 1.4 * 155 / n_folds
    blocks = spatial_blocks(places, 3 * n_folds, seed)
    assert all(len(set(folds[blocks == block])) == 1 for block in range(blocks.max() + 1))
    np.testing.assert_array_equal(folds, block_folds(places, n_folds, seed))


def test_blocks_leave_held_out_samples_far_from_training_samples(places):
    def nearest(folds):
        distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
        distance[folds[:, None] == folds[None]] = np.inf
        return np.median(distance.min(axis=1))

    # what the two schemes are for: blocks are at least half as far again
    assert nearest(block_folds(places, 5, 0)) > 1.5 * nearest(random_folds(155, 5, 0))


def test_blocks_are_about_as_many_as_wanted_and_square(places):
    blocks = spatial_blocks(places, 48, seed=0)
    assert blocks.max() + 1 == pytest.approx(48, abs=6)
    # 1000 x 3000 m hold 4 x 12 squares of 250 m, or 5 x 13 with a shifted origin, not all with samples
    for block in range(blocks.max() + 1):
        assert np.ptp(places[blocks == block], axis=0).max() <= 1.25 * 250.0


@pytest.mark.parametrize("far", [1e5, 1e9])
def test_a_sample_far_off_leaves_blocks_among_the_others(places, far):
    """A coordinate of 0 among UTM ones once left all other samples in one block, and no folds."""
    with_one = np.vstack([places, [-far, -far]])
    blocks = spatial_blocks(with_one, 15, 1)
    assert abs(len(np.unique(blocks)) - 15) <= 5 and (blocks == blocks[-1]).sum() == 1
    folds = block_folds(with_one, 5, 1)
    assert len(np.unique(folds)) == 5 and np.bincount(folds).max() < 60


def test_unit_and_origin_of_the_map_do_not_matter(places):
    moved = (places - [500_000, 4_000_000]) / 1000.0
    np.testing.assert_array_equal(block_folds(places, 5, 7), block_folds(moved, 5, 7))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: random_folds(4, 5, 0), "5 folds need at least 5 separate places, but the 4 samples lie in 4"),
        (lambda: random_folds(20, 1, 0), "at least 2 folds, got 1"),
        (lambda: block_folds(np.zeros((20, 2)), 3, 0), "20 samples lie in 1"),
        (lambda: make_folds(Samples(np.arange(40.0).reshape(20, 2), np.ones((20, 1)), ("a",)), ("buffered",)),
         "out of random, blocks, distance_matched, holes, got 'buffered'"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(make, message):
    with pytest.raises(InputError, match=message):
        make()
