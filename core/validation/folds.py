"""Folds for cross-validation: which samples are predicted without which others.

Each scheme answers its own question (`QUESTIONS`): random folds leave neighbours close by, as
when a map is filled in between samples; block folds leave none, as when unsampled ground is
mapped; distance-matched folds leave them as far away as the map's cells lie from the samples; whole
holes are what a new hole asks for. In every scheme samples that share a location, lie above one
another, or belong to one drill hole stay together: parted, each would give the other's value away.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..samples import Samples
from .distance_matching import centres_of, matched_folds, places_between, thinned

BLOCKS_PER_FOLD = 3
"""Occupied blocks a fold is merged from when no block size is given."""

_FINEST = 241
"""Eighths of halvings from the extent down to the finest blocks; with more a block's number would overflow."""

QUESTIONS = {
    "random": "filling in between samples",
    "blocks": "mapping into unsampled ground",
    "distance_matched": "mapping the area as it is sampled",
    "holes": "predicting a new drill hole",
}
"""What a scheme of folds asks of a method."""

_LABELS = {"blocks": "block folds", "distance_matched": "distance-matched folds", "holes": "whole-hole folds"}


def folds_label(scheme: str) -> str:
    """Return what a scheme's folds are called in sentences.

    Examples
    --------
    >>> folds_label("blocks"), folds_label("random"), folds_label("cv_random10")
    ('block folds', 'random folds', 'cv_random10 folds')
    """
    return _LABELS.get(scheme, f"{scheme} folds")


def inseparable_groups(coordinates: np.ndarray, holes: np.ndarray | None = None) -> np.ndarray:
    """Group samples that must never part: same easting and northing, or same drill hole.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation]. Samples above one another count as one place.
    holes : ndarray of str, shape (n_samples,), or None
        Drill hole of each sample; "" means none.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Group numbers from 0, in the order of first appearance.

    Examples
    --------
    >>> inseparable_groups(np.array([[0, 0], [5, 5], [0, 0], [9, 9]]), np.array(["a", "b", "", "b"]))
    array([0, 1, 0, 1])
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    plan = np.asarray(coordinates, dtype=float)[:, :2]
    n_samples = len(plan)
    if n_samples == 0:
        return np.zeros(0, dtype=int)
    _, location = np.unique(plan, axis=0, return_inverse=True)
    links = [location.reshape(-1)]
    members = [np.arange(n_samples)]
    if holes is not None:
        named = np.flatnonzero(np.asarray(holes).astype(str) != "")
        _, hole = np.unique(np.asarray(holes).astype(str)[named], return_inverse=True)
        links.append(hole.reshape(-1) + n_samples)
        members.append(named)
    rows, columns = np.concatenate(members), np.concatenate(links) + n_samples
    size = 3 * n_samples
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return _in_order_of_appearance(label[:n_samples])


def random_folds(n_samples: int, n_folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Part samples at random into folds of similar size.

    Parameters
    ----------
    n_samples : int
    n_folds : int
        2 or more.
    seed : int
        Same seed, same folds.
    groups : ndarray of int, shape (n_samples,), or None
        Samples of one group never part (`inseparable_groups`); None parts freely.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Fold of each sample, 0 to n_folds - 1.

    Raises
    ------
    InputError
        When there are fewer samples (or groups) than folds.

    Examples
    --------
    >>> np.bincount(random_folds(10, 3, seed=1)).tolist()
    [4, 3, 3]
    """
    groups = np.arange(n_samples) if groups is None else _in_order_of_appearance(groups)
    if len(groups) != n_samples:
        raise InputError(f"Expected a group for each of {n_samples} samples, got {len(groups)}.")
    _require_enough(n_folds, int(groups.max(initial=-1)) + 1, n_samples, "separate places")
    return _deal(groups, n_folds, np.random.default_rng(seed))


def spatial_blocks(
    coordinates: np.ndarray,
    n_blocks: int,
    seed: int,
    holes: np.ndarray | None = None,
) -> np.ndarray:
    """Cut the area into square blocks.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Only easting and northing count. A hole or a shared location falls as a whole into the
        block of its mean position.
    n_blocks : int
        Wanted number of blocks that hold samples; the block size is chosen to come closest.
    seed : int
        Moves the origin of the blocks.
    holes : ndarray of str, shape (n_samples,), or None

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Block of each sample, from 0.
    """
    groups = inseparable_groups(coordinates, holes)
    centres = centres_of(coordinates, groups)
    shift = np.random.default_rng(seed).random(2)

    def blocks_of(size: float) -> np.ndarray:
        cells = np.floor((centres - centres.min(axis=0)) / size + shift).astype(np.int64)
        return cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]

    extent = float(np.ptp(centres, axis=0).max())
    if extent == 0:
        return np.zeros(len(groups), dtype=int)
    wanted, sizes, occupied = min(n_blocks, len(centres)), np.empty(0), np.empty(0)
    # Finer blocks than the first ones are for samples with a few others very far off.
    for steps in (np.arange(89), np.arange(89, _FINEST)):
        sizes = np.append(sizes, extent * 2.0 ** (-steps / 8.0))
        occupied = np.append(occupied, [len(np.unique(blocks_of(size))) for size in sizes[len(occupied) :]])
        if occupied.max() >= wanted:
            break
    block_size = float(sizes[np.argmin(np.abs(occupied - wanted))])
    return _in_order_of_appearance(blocks_of(block_size)[groups])


def block_folds(
    coordinates: np.ndarray,
    n_folds: int,
    seed: int,
    holes: np.ndarray | None = None,
) -> np.ndarray:
    """Part samples into folds of whole square blocks, about `BLOCKS_PER_FOLD` a fold.

    Blocks are dealt, largest first, each to the fold that is smallest so far.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    n_folds : int
        2 or more.
    seed : int
        Same seed, same folds.
    holes : ndarray of str, shape (n_samples,), or None
        Samples of one hole never part.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        Fold of each sample, 0 to n_folds - 1.

    Raises
    ------
    InputError
        When there are fewer blocks than folds.

    References
    ----------
    Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial,
    hierarchical, or phylogenetic structure, Ecography 40, 913-929.
    """
    n_groups = int(inseparable_groups(coordinates, holes).max(initial=-1)) + 1
    _require_enough(n_folds, n_groups, len(coordinates), "separate places")
    blocks = spatial_blocks(coordinates, BLOCKS_PER_FOLD * n_folds, seed, holes)
    _require_enough(n_folds, int(blocks.max()) + 1, len(coordinates), "blocks")
    return _deal(blocks, n_folds, np.random.default_rng(seed))


def make_folds(
    samples: Samples,
    schemes: tuple[str, ...],
    n_folds: int = 5,
    seed: int = 0,
    places: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Make the folds of several schemes for a set of samples.

    Parameters
    ----------
    samples : Samples
    schemes : tuple of str
        Keys of `QUESTIONS`.
    n_folds, seed
        See `block_folds`.
    places : ndarray, shape (n_places, 2 or more), or None
        What is to be predicted, for distance-matched folds; None: the area of the samples.

    Returns
    -------
    dict of str to ndarray of int, shape (n_samples,)
        In the order of `schemes`.

    Raises
    ------
    InputError
        For an unknown scheme, whole-hole folds without holes, or too few samples, blocks or holes.
    """
    folds = {}
    groups = inseparable_groups(samples.coordinates, samples.holes)
    for scheme in schemes:
        if scheme == "random":
            folds[scheme] = random_folds(len(samples), n_folds, seed, groups)
        elif scheme == "holes":
            _require_holes(samples)
            folds[scheme] = random_folds(len(samples), n_folds, seed, groups)
        elif scheme == "distance_matched":
            _require_enough(n_folds, int(groups.max(initial=-1)) + 1, len(samples), "separate places")
            wanted = places_between(samples.coordinates) if places is None else thinned(places, seed)
            folds[scheme] = matched_folds(samples.coordinates, groups, wanted, n_folds, seed)
        elif scheme == "blocks":
            folds[scheme] = block_folds(samples.coordinates, n_folds, seed, samples.holes)
        else:
            raise InputError(f"Expected fold schemes out of {', '.join(QUESTIONS)}, got {scheme!r}.")
    return folds


def _require_holes(samples: Samples) -> None:
    """Refuse whole-hole folds of samples that belong to no hole."""
    if samples.holes is None or not (np.asarray(samples.holes).astype(str) != "").any():
        raise InputError("Whole-hole folds need to know the drill hole of each sample. Choose the field of the hole.")


def _deal(groups: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal whole groups, largest first (ties at random), each to the smallest fold so far."""
    sizes = np.bincount(groups)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_group = np.empty(len(sizes), dtype=int)
    filled = np.zeros(n_folds, dtype=np.int64)
    for group in order:
        fold_of_group[group] = np.argmin(filled)
        filled[fold_of_group[group]] += sizes[group]
    return fold_of_group[groups]


def _in_order_of_appearance(labels: np.ndarray) -> np.ndarray:
    """Renumber labels from 0 in the order in which they first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=int)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def _require_enough(n_folds: int, n_units: int, n_samples: int, units: str) -> None:
    """Refuse fewer than two folds, or fewer units than folds."""
    if n_folds < 2:
        raise InputError(f"Expected at least 2 folds, got {n_folds}.")
    if n_units < n_folds:
        raise InputError(
            f"{n_folds} folds need at least {n_folds} {units}, but the {n_samples} samples lie in {n_units}. "
            "Use fewer folds, or more samples."
        )
