"""Folds whose held-out samples lie as far from the others as the places to predict lie from the samples.

Which error a cross-validation measures depends on how far its held-out samples are from the rest. Random
folds hold out samples that are close to others, blocks ones that are far; a map asks for distances of its
own, and these folds imitate them.

References
----------
Linnenbrink, Mila, Ludwig, Meyer (2024), kNNDM CV: k-fold nearest-neighbour distance matching cross-validation
for map accuracy estimation, Geosci. Model Dev. 17, 5897-5912.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

N_PLACES = 2000
"""About so many places stand for all that are to be predicted."""

LARGEST_FOLD = 0.5
"""A fold with a larger share of the samples is not made."""

_CLUSTERINGS = 60
_LARGEST_TREE = 2000
_RANDOM_TRIES = 5


def places_between(coordinates: np.ndarray, n_places: int = N_PLACES) -> np.ndarray:
    """Lay a regular grid over the convex hull of samples: what a map of the sampled area asks for.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Only easting and northing count.
    n_places : int
        About how many.

    Returns
    -------
    ndarray, shape (n, 2)
        The samples themselves where they lie on one line.
    """
    from scipy.spatial import ConvexHull, Delaunay, QhullError

    plan = np.unique(np.asarray(coordinates, dtype=float)[:, :2], axis=0)
    try:
        hull = ConvexHull(plan)
    except (QhullError, ValueError):
        return plan
    low, high = plan.min(axis=0), plan.max(axis=0)
    step = np.sqrt(hull.volume / n_places)  # of a polygon, volume is the area
    axes = [np.arange(a + 0.5 * step, b, step) for a, b in zip(low, high)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    inside = grid[Delaunay(plan[hull.vertices]).find_simplex(grid) >= 0]
    return inside if len(inside) else plan


def thinned(places: np.ndarray, seed: int, n_places: int = N_PLACES) -> np.ndarray:
    """Return places to predict, shape (n, 2): all, or a random choice of `n_places` of many.

    Raises
    ------
    InputError
        When there is none, or a coordinate is not finite.
    """
    plan = np.asarray(places, dtype=float)[:, :2]
    if len(plan) == 0 or not np.isfinite(plan).all():
        raise InputError(f"Expected places to predict with finite coordinates, got {len(plan)} places.")
    if len(plan) <= n_places:
        return plan
    return plan[np.random.default_rng(seed).choice(len(plan), n_places, replace=False)]


def centres_of(coordinates: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the mean easting and northing of each group, shape (n_groups, 2).

    Examples
    --------
    >>> centres_of(np.array([[0.0, 0], [4, 2], [9, 9]]), np.array([0, 0, 1])).tolist()
    [[2.0, 1.0], [9.0, 9.0]]
    """
    plan, counts = np.asarray(coordinates, dtype=float)[:, :2], np.bincount(groups)
    return np.column_stack([np.bincount(groups, axis) / counts for axis in plan.T])


def distances_to_samples(places: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Return the distance in plan from each place to its nearest sample, shape (n_places,)."""
    from scipy.spatial import cKDTree

    return cKDTree(np.asarray(coordinates, dtype=float)[:, :2]).query(np.asarray(places, dtype=float)[:, :2])[0]


def held_out_distances(coordinates: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the distance in plan from each sample to the nearest one of another fold, shape (n_samples,).

    Examples
    --------
    >>> held_out_distances(np.array([[0.0, 0], [1, 0], [5, 0]]), np.array([0, 0, 1])).tolist()
    [5.0, 4.0, 4.0]
    """
    from scipy.spatial import cKDTree

    plan = np.asarray(coordinates, dtype=float)[:, :2]
    result = np.empty(len(plan))
    for fold in np.unique(folds):
        test = folds == fold
        result[test] = cKDTree(plan[~test]).query(plan[test])[0]
    return result


def mismatch(coordinates: np.ndarray, folds: np.ndarray, places: np.ndarray) -> float:
    """Return Wasserstein's distance W between held-out and prediction distances, in map units.

    It is the mean difference between the two distributions of nearest-neighbour distance: 0 when a
    cross-validation asks exactly for what the map asks for.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
    folds : ndarray of int, shape (n_samples,)
    places : ndarray, shape (n_places, n_dimensions)
        What is to be predicted.
    """
    from scipy.stats import wasserstein_distance

    return float(
        wasserstein_distance(held_out_distances(coordinates, folds), distances_to_samples(places, coordinates))
    )


def matched_folds(
    coordinates: np.ndarray, groups: np.ndarray, places: np.ndarray, n_folds: int, seed: int
) -> np.ndarray:
    """Part samples into folds with the least `mismatch`.

    Clusterings of the samples from coarse to fine (Ward's tree cut at many heights) are merged into
    folds in turn along their first principal axis, clusters of a fold's size staying folds. Random
    folds are tried too, and folds that part neighbours on purpose, since a map of a well sampled area
    asks for shorter distances than random folds hold out. The candidate with the smallest W wins,
    among those whose largest fold holds at most `LARGEST_FOLD` of the samples, of two folds one group more.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Distances are taken in plan.
    groups : ndarray of int, shape (n_samples,)
        Samples of one group never part, numbered from 0.
    places : ndarray, shape (n_places, 2)
        To be predicted.
    n_folds : int
    seed : int

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Fold of each sample, 0 to n_folds - 1.

    Raises
    ------
    InputError
        When there are fewer groups than folds.
    """
    from scipy.stats import wasserstein_distance

    plan = np.asarray(coordinates, dtype=float)[:, :2]
    sizes = np.bincount(groups)
    if len(sizes) < n_folds:
        raise InputError(f"{n_folds} folds need at least {n_folds} separate places, got {len(sizes)}.")
    centres = centres_of(plan, groups)
    wanted = np.sort(distances_to_samples(places, plan))
    rng = np.random.default_rng(seed)
    best, least = None, np.inf
    # Groups of unequal size never part into two halves exactly.
    largest = max(LARGEST_FOLD * len(plan) + (sizes.max() if n_folds == 2 else 0), sizes.max())
    candidates = _random_folds(len(sizes), n_folds, rng) + _spread_folds(centres, n_folds, rng)
    for of_group in [*candidates, *_clustered_folds(centres, sizes, n_folds)]:
        filled = np.bincount(of_group, sizes, n_folds)
        if filled.min() == 0 or filled.max() > largest:
            continue
        folds = of_group[groups]
        w = wasserstein_distance(held_out_distances(plan, folds), wanted)
        if w < least:
            best, least = folds, w
    if best is None:
        raise InputError(
            f"The samples cannot be parted into {n_folds} folds of at most {largest:.0f} samples each. Use more "
            "folds, or random folds."
        )
    return best


def _random_folds(n_groups: int, n_folds: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return a few random partitions of the groups."""
    return [rng.permutation(np.arange(n_groups) % n_folds) for _ in range(_RANDOM_TRIES)]


def _spread_folds(centres: np.ndarray, n_folds: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return partitions that deal the members of every compact cell to different folds."""
    order = np.argsort(compact_cells(centres, n_folds), kind="stable")
    found = []
    for _ in range(_RANDOM_TRIES):
        fold = np.empty(len(centres), dtype=int)
        turns = [rng.permutation(n_folds) for _ in range(-(-len(centres) // n_folds))]
        fold[order] = np.concatenate(turns)[: len(centres)]
        found.append(fold)
    return found


def _clustered_folds(centres: np.ndarray, sizes: np.ndarray, n_folds: int) -> list[np.ndarray]:
    """Return the folds of clusterings from coarse to fine, each shape (n_groups,)."""
    from scipy.cluster.hierarchy import cut_tree, ward

    cell = compact_cells(centres, -(-len(centres) // _LARGEST_TREE))
    middles = centres_of(centres, cell)
    weight = np.bincount(cell, sizes)
    n_cells = len(middles)
    if n_cells <= n_folds:
        return [cell % n_folds]
    axis = np.linalg.svd(middles - middles.mean(axis=0), full_matrices=False)[2][0]
    numbers = np.unique(np.geomspace(n_folds, max(n_cells - 2, n_folds), _CLUSTERINGS).round().astype(int))
    found = []
    for cluster in cut_tree(ward(middles), n_clusters=numbers).T:
        members = np.bincount(cluster)
        along = np.bincount(cluster, middles @ axis) / members
        found.append(_merged(np.bincount(cluster, weight), along, n_folds)[cluster][cell])
    return found


def _merged(sizes: np.ndarray, along: np.ndarray, n_folds: int) -> np.ndarray:
    """Deal clusters to folds in turn along an axis; those of a fold's size become folds of their own."""
    order = np.argsort(along, kind="stable")
    large = [cluster for cluster in order if sizes[cluster] >= sizes.sum() / n_folds][: n_folds - 1]
    fold = np.empty(len(sizes), dtype=int)
    fold[large] = np.arange(len(large))
    rest = [cluster for cluster in order if cluster not in set(large)]
    fold[rest] = len(large) + np.arange(len(rest)) % (n_folds - len(large))
    return fold


def compact_cells(points: np.ndarray, size: int) -> np.ndarray:
    """Halve points again and again across their longest axis until no part holds more than `size`.

    Parameters
    ----------
    points : ndarray, shape (n, n_dimensions)
    size : int
        1 or more.

    Returns
    -------
    ndarray of int, shape (n,)
        Cell of each point, from 0.

    Examples
    --------
    >>> compact_cells(np.array([[0.0, 0], [9, 0], [1, 0], [8, 1]]), 2).tolist()
    [0, 1, 0, 1]
    """
    cells = np.zeros(len(points), dtype=int)
    waiting, n_cells = [np.arange(len(points))], 0
    while waiting:
        rows = waiting.pop()
        if len(rows) <= size:
            cells[rows] = n_cells
            n_cells += 1
            continue
        offsets = points[rows] - points[rows].mean(axis=0)
        axis = np.linalg.eigh(offsets.T @ offsets)[1][:, -1]
        if axis[np.argmax(np.abs(axis))] < 0:
            axis = -axis
        ordered = rows[np.argsort(offsets @ axis, kind="stable")]
        half = (len(rows) + 1) // 2
        waiting += [ordered[half:], ordered[:half]]
    return cells
