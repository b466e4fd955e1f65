"""Neighbours chosen under more than distance: so many a sector, so many a drill hole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .neighborhood import NeighborSearch
from .tiles import TileBatch

_TARGETS_AT_ONCE = 512
_LARGEST_CHOICE = 2**20


def restricted_batches(
    scaled: np.ndarray, search: NeighborSearch, left_out: np.ndarray | None = None
) -> Iterator[tuple[TileBatch, np.ndarray]]:
    """Yield all targets, each with exactly its neighbours.

    The samples are walked from the nearest to the farthest within the radius, and each is taken
    whose sector and whose hole still have room, until there are enough. Without a radius a target
    at the edge, with a sector that can never be filled, costs a walk over all samples.

    Parameters
    ----------
    scaled : ndarray, shape (n_targets, n_dimensions)
        In the search frame.
    search : NeighborSearch
    left_out : ndarray of int, shape (n_targets,), or None
        One sample for each target that is not its neighbour.

    Yields
    ------
    batch : TileBatch
        One target a tile; the candidates are its neighbours.
    is_thin : ndarray of bool, shape (n_tiles,)
        Whether a sector holds fewer samples than it must.
    """
    few = min(search.n_samples, 4 * min(search.limit, 32) + 8)
    unfinished = [np.arange(len(scaled))]
    for n_candidates in sorted({few, min(search.n_samples, 4 * few), search.n_samples}):
        pending = np.concatenate(unfinished)
        unfinished = [np.empty(0, dtype=int)]
        step = int(np.clip(_LARGEST_CHOICE // n_candidates, 1, _TARGETS_AT_ONCE))
        for start in range(0, len(pending), step):
            rows = pending[start : start + step]
            without = None if left_out is None else left_out[rows]
            chosen, per_sector, is_complete = _choose(scaled[rows], search, n_candidates, without)
            unfinished.append(rows[~is_complete])
            if is_complete.any():
                # Neighbours first, in the order of the table, then padding.
                neighbors = np.sort(chosen[is_complete], axis=1)
                widest = max(1, int(np.count_nonzero(neighbors < search.n_samples, axis=1).max()))
                thin = (per_sector[is_complete] < search.neighborhood.min_per_sector).any(axis=1)
                yield TileBatch(rows[is_complete][:, None], neighbors[:, :widest]), thin


def _choose(
    scaled: np.ndarray, search: NeighborSearch, n_candidates: int, left_out: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk the nearest candidates of some targets.

    Returns
    -------
    chosen : ndarray of int, shape (n_targets, n_candidates)
        Row numbers of samples, n_samples for a candidate that was not taken.
    per_sector : ndarray of int, shape (n_targets, n_sectors)
    is_complete : ndarray of bool, shape (n_targets,)
        Whether candidates farther away could not change the choice.
    """
    hood = search.neighborhood
    distances, found = search.nearest_to(scaled, n_candidates)
    sectors = sector_of(search.scaled_points[found] - scaled[:, None, :], hood.sectors)
    most_a_sector = hood.max_per_sector or search.n_samples
    in_reach = distances <= search.radius
    if left_out is not None:
        in_reach &= found != left_out[:, None]
    if hood.max_per_hole is None:
        taken = in_reach & (_rank_within(sectors, in_reach) < most_a_sector)
    elif hood.max_per_sector is None:
        taken = in_reach & (_rank_within(search.hole_of[found], in_reach) < hood.max_per_hole)
    else:
        taken = _walk(sectors, search.hole_of[found], in_reach, most_a_sector, hood.max_per_hole)
    taken &= np.cumsum(taken, axis=1) <= search.limit
    chosen = np.where(taken, found, search.n_samples)
    per_sector = np.stack([(taken & (sectors == s)).sum(axis=1) for s in range(hood.sectors or 1)], axis=1)
    is_complete = (
        (taken.sum(axis=1) >= search.limit)
        | (per_sector >= most_a_sector).all(axis=1)
        | (distances[:, -1] > search.radius)
        | (n_candidates == search.n_samples)
    )
    return chosen, per_sector, is_complete


def _rank_within(groups: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return how many counted entries of the same group stand before each one in its row."""
    groups = np.where(counted, groups, -1)
    order = np.argsort(groups, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order, axis=1)
    place = np.arange(groups.shape[1])
    first = np.where(np.diff(ordered, axis=1, prepend=-2) != 0, place, 0)
    rank = np.empty(groups.shape, dtype=int)
    np.put_along_axis(rank, order, place - np.maximum.accumulate(first, axis=1), axis=1)
    return rank


def _walk(
    sectors: np.ndarray, holes: np.ndarray, in_reach: np.ndarray, most_a_sector: int, most_a_hole: int
) -> np.ndarray:
    """Take each candidate whose sector and hole both have room left by those taken before it."""
    every = np.arange(len(sectors))
    per_sector = np.zeros((len(sectors), int(sectors.max()) + 1), dtype=int)
    per_hole = np.zeros((len(sectors), int(holes.max()) + 1), dtype=int)
    taken = np.zeros(sectors.shape, dtype=bool)
    for rank in range(sectors.shape[1]):
        sector, hole = sectors[:, rank], holes[:, rank]
        fits = (per_sector[every, sector] < most_a_sector) & (per_hole[every, hole] < most_a_hole)
        taken[:, rank] = fits & in_reach[:, rank]
        per_sector[every, sector] += taken[:, rank]
        per_hole[every, hole] += taken[:, rank]
    return taken


def sector_of(offsets: np.ndarray, n_sectors: int | None) -> np.ndarray:
    """Return the number of the sector in which offsets from a target lie.

    Parameters
    ----------
    offsets : ndarray, shape (..., n_dimensions)
        In the search frame, whose first axis is that of largest continuity.
    n_sectors : int or None
        4: quadrants of the first two axes. 8: in 3-D the octants of all three, in 2-D half
        quadrants. None: a single sector.
    """
    if n_sectors is None:
        return np.zeros(offsets.shape[:-1], dtype=int)
    first, second = offsets[..., 0], offsets[..., 1]
    sector = (first < 0) + 2 * (second < 0)
    if n_sectors == 8:
        upper = offsets[..., 2] < 0 if offsets.shape[-1] == 3 else np.abs(second) > np.abs(first)
        sector = sector + 4 * upper
    return sector
