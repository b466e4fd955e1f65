"""Distance-matched folds. Truth: hand-made distances, the published behaviour of kNNDM, and W by its definition."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation.distance_matching import (
    compact_cells,
    distances_to_samples,
    held_out_distances,
    matched_folds,
    mismatch,
    places_between,
    thinned,
)
from hybrid_geostatistics.core.validation.folds import inseparable_groups, make_folds, random_folds


def samples_of(coordinates, holes=None):
    coordinates = np.asarray(coordinates, dtype=float)
    return Samples(coordinates, np.arange(len(coordinates), dtype=float)[:, None], ("zinc",), holes=holes)


def clustered(n=150, seed=0):
    """Return samples in six tight clusters of a wide area."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 10_000, (6, 2))
    return centres[rng.integers(6, size=n)] + rng.normal(0, 150, (n, 2))


def test_distances_by_hand():
    line = np.array([[0.0, 0], [1, 0], [3, 0], [7, 0]])
    assert held_out_distances(line, np.array([0, 1, 0, 1])).tolist() == [1, 1, 2, 4]
    assert distances_to_samples([[2.5, 0], [7, 3]], line).tolist() == [0.5, 3]
    # |mean difference| where one distribution lies above the other: (1+1+2+4)/4 - (0.5+0.5)/2
    assert mismatch(line, np.array([0, 1, 0, 1]), np.array([[2.5, 0], [0.5, 0]])) == pytest.approx(1.5)


def test_places_fill_the_hull_evenly():
    rng = np.random.default_rng(1)
    corners = np.array([[0.0, 0], [400, 0], [0, 300]])
    places = places_between(np.vstack([corners, rng.dirichlet(np.ones(3), 40) @ corners]), 1000)
    assert 900 < len(places) < 1100
    assert (places[:, 0] / 400 + places[:, 1] / 300 <= 1 + 1e-9).all()
    assert places.mean(axis=0) == pytest.approx([400 / 3, 100], rel=0.03)  # the triangle's centroid
    straight = np.column_stack([np.arange(5.0), np.arange(5.0)])
    np.testing.assert_array_equal(places_between(straight), straight)


def test_clustered_samples_of_a_wide_area_are_held_out_by_cluster():
    """As CAST does: random folds would ask for distances of metres where the map asks for kilometres."""
    coordinates = clustered()
    rng = np.random.default_rng(2)
    places = rng.uniform(0, 10_000, (1500, 2))
    groups = inseparable_groups(coordinates)
    folds = matched_folds(coordinates, groups, places, 5, 0)
    random = mismatch(coordinates, random_folds(150, 5, 0), places)
    assert mismatch(coordinates, folds, places) < 0.6 * random
    wanted, found = distances_to_samples(places, coordinates), held_out_distances(coordinates, folds)
    by_chance = held_out_distances(coordinates, random_folds(150, 5, 0))
    for at in np.quantile(wanted, [0.25, 0.5, 0.75]):  # the distribution function, at three distances
        share = (wanted <= at).mean()
        assert abs((found <= at).mean() - share) < abs((by_chance <= at).mean() - share)


@pytest.mark.parametrize("seed", range(3))
def test_even_samples_of_the_mapped_area_are_held_out_like_random_ones(seed):
    """As CAST does: where samples are random over the area, distances of random folds are the right ones."""
    rng = np.random.default_rng(seed)
    coordinates, places = rng.uniform(0, 1000, (300, 2)), rng.uniform(0, 1000, (1500, 2))
    folds = matched_folds(coordinates, np.arange(300), places, 10, seed)
    random = random_folds(300, 10, seed)
    assert mismatch(coordinates, folds, places) <= mismatch(coordinates, random, places)
    assert np.median(held_out_distances(coordinates, folds)) == pytest.approx(
        np.median(held_out_distances(coordinates, random)), rel=0.15
    )
    assert np.bincount(folds).max() < 45  # of 30 in a fold


def test_farther_places_give_folds_farther_apart():
    rng = np.random.default_rng(3)
    coordinates = rng.uniform(0, 1000, (200, 2))
    near, far = coordinates + rng.normal(0, 20, (200, 2)), coordinates + [0, 1200]
    distance = [
        np.median(held_out_distances(coordinates, matched_folds(coordinates, np.arange(200), places, 5, 0)))
        for places in (near, far)
    ]
    assert distance[1] > 3 * distance[0]


def test_folds_are_whole_seeded_and_keep_holes_together():
    rng = np.random.default_rng(4)
    plan = np.repeat(rng.uniform(0, 1000, (40, 2)), 4, axis=0)
    holes = np.repeat([f"h{i}" for i in range(40)], 4)
    samples = samples_of(np.column_stack([plan, np.tile([0.0, 5, 10, 15], 40)]), holes)
    folds = make_folds(samples, ("distance_matched", "holes"), 5, seed=1)
    for scheme in folds.values():
        assert np.unique(scheme).tolist() == [0, 1, 2, 3, 4]
        assert all(len(np.unique(scheme[holes == hole])) == 1 for hole in np.unique(holes))
    again = make_folds(samples, ("distance_matched",), 5, seed=1)
    np.testing.assert_array_equal(folds["distance_matched"], again["distance_matched"])
    with pytest.raises(InputError, match="field of the hole"):
        make_folds(samples_of(plan[::4]), ("holes",))
    with pytest.raises(InputError, match="41 folds need at least 41 separate places"):
        make_folds(samples, ("distance_matched",), 41)


@pytest.mark.parametrize("seed", range(3))
def test_two_folds_of_holes_of_unequal_length(seed):
    """60 holes of 5 to 40 samples never part into halves: the larger fold may hold one hole more than its share."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 41, 60)
    holes = np.repeat(np.arange(60), lengths)
    places = np.repeat(rng.uniform(0, 1000, (60, 2)), lengths, axis=0)
    folds = matched_folds(places, holes, rng.uniform(0, 1000, (200, 2)), 2, seed)
    assert np.bincount(folds).max() <= len(holes) / 2 + lengths.max()
    assert all(len(set(folds[holes == hole])) == 1 for hole in range(60))


def test_translation_and_units_change_nothing():
    coordinates = clustered(80, 5)
    places = places_between(coordinates, 500)
    folds = matched_folds(coordinates, np.arange(80), places, 4, 0)
    shifted = matched_folds(coordinates / 1000 + 7, np.arange(80), places / 1000 + 7, 4, 0)
    np.testing.assert_array_equal(folds, shifted)


def test_thousands_of_samples_in_seconds():
    rng = np.random.default_rng(6)
    coordinates = rng.normal(0, 1000, (6000, 2))
    folds = matched_folds(coordinates, np.arange(6000), places_between(coordinates), 5, 0)
    assert np.bincount(folds).min() > 500


def test_cells_and_thinning():
    rng = np.random.default_rng(7)
    points = rng.uniform(0, [100, 10], (64, 2))
    cells = compact_cells(points, 4)
    assert np.bincount(cells).tolist() == [4] * 16
    within = np.mean([np.ptp(points[cells == cell], axis=0) for cell in range(16)], axis=0)
    assert (within < [25, 8]).all()
    assert len(thinned(points, 0, 10)) == 10 and len(thinned(points, 0)) == 64
    with pytest.raises(InputError, match="finite coordinates"):
        thinned(np.full((3, 2), np.nan), 0)
