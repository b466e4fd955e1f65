"""Neighbours chosen under more than distance: so many a sector, so many a drill hole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .neighborhood import NeighborSearch
from .tiles import TileBatch

_TARGETS_AT_ONCE = 512


def restricted_batches(
    scaled: np.ndarray, search: NeighborSearch, left_out: np.ndarray | None = None
) -> Iterator[tuple[TileBatch, np.ndarray]]:
    """Yield all targets, each with exactly its neighbours.

    The samples are walked from the nearest to the farthest within the radius, and each is taken
    whose sector and whose hole still have room, until there are enough.

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
    for start in range(0, len(scaled), _TARGETS_AT_ONCE):
        pending = np.arange(start, min(start + _TARGETS_AT_ONCE, len(scaled)))
        n_candidates = min(search.n_samples, 4 * min(search.limit, 32) + 8)
        while len(pending):
            without = None if left_out is None else left_out[pending]
            chosen, per_sector, is_complete = _choose(scaled[pending], search, n_candidates, without)
            done = np.flatnonzero(is_complete)
            if len(done):
                # Neighbours first, in the order of the table, then padding.
                neighbors = np.sort(chosen[done], axis=1)
                widest = max(1, int(np.count_nonzero(neighbors < search.n_samples, axis=1).max()))
                thin = (per_sector[done] < search.neighborhood.min_per_sector).any(axis=1)
                yield TileBatch(pending[done][:, None], neighbors[:, :widest]), thin
            pending = pending[~is_complete]
            n_candidates = min(search.n_samples, 4 * n_candidates)


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
    n_targets, every = len(scaled), np.arange(len(scaled))
    most_a_sector = hood.max_per_sector or search.n_samples
    most_a_hole = hood.max_per_hole or search.n_samples
    per_sector = np.zeros((n_targets, hood.sectors or 1), dtype=int)
    per_hole = np.zeros((n_targets, search.n_holes), dtype=int)
    total = np.zeros(n_targets, dtype=int)
    chosen = np.full(found.shape, search.n_samples)
    for rank in range(n_candidates):
        sample, sector = found[:, rank], sectors[:, rank]
        hole = search.hole_of[sample]
        taken = (
            (distances[:, rank] <= search.radius)
            & (total < search.limit)
            & (per_sector[every, sector] < most_a_sector)
            & (per_hole[every, hole] < most_a_hole)
        )
        if left_out is not None:
            taken &= sample != left_out
        chosen[taken, rank] = sample[taken]
        total += taken
        per_sector[every, sector] += taken
        per_hole[every, hole] += taken
    is_complete = (
        (total >= search.limit)
        | (per_sector >= most_a_sector).all(axis=1)
        | (distances[:, -1] > search.radius)
        | (n_candidates == search.n_samples)
    )
    return chosen, per_sector, is_complete


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
