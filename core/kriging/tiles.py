"""Groups of neighbouring targets, and which samples each target of a group uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .covariance import squared_distances
from .neighborhood import NeighborSearch

_LARGEST_TILE = 256
_LARGEST_BATCH = 2**17
_ROUNDING = 1e-9


@dataclass(frozen=True)
class TileBatch:
    """Tiles of equally many targets with, for each target, its neighbours among the tile's candidates.

    Parameters
    ----------
    targets : ndarray of int, shape (n_tiles, n_targets)
        Row numbers of the targets; a short tile repeats its first.
    candidates : ndarray of int, shape (n_tiles, n_candidates)
        Row numbers of samples, ascending, then padding with n_samples.
    is_neighbor : ndarray of bool, shape (n_tiles, n_targets, n_candidates)
    """

    targets: np.ndarray
    candidates: np.ndarray
    is_neighbor: np.ndarray

    def rows(self, which: np.ndarray | slice) -> TileBatch:
        """Return some of the tiles."""
        return TileBatch(self.targets[which], self.candidates[which], self.is_neighbor[which])


def tile_batches(
    targets: np.ndarray, search: NeighborSearch, left_out: np.ndarray | None = None
) -> Iterator[TileBatch]:
    """Yield all targets, gathered in tiles, with their neighbours.

    A target's neighbours are its nearest samples in the search frame, within the search radius;
    of samples at the same distance the first in the table.

    Parameters
    ----------
    targets : ndarray, shape (n_targets, n_dimensions)
        In the coordinates of the search.
    search : NeighborSearch
    left_out : ndarray of int, shape (n_targets,), or None
        One sample for each target that is not its neighbour.
    """
    if len(targets) == 0:
        return
    scaled = search.scale(targets)
    spare = 0 if left_out is None else 1
    k = min(search.limit + spare, search.n_samples)
    tiles, lengths = spatial_tiles(scaled, _tile_side(scaled, search, k))
    centers, half = _centers(scaled, tiles, lengths)
    # Every neighbour of every target of a tile lies in this ball about its centre.
    reach = np.full(len(lengths), np.inf)
    if k < search.n_samples:
        reach = search.kth_distance(centers, k) + 2 * half
    reach = np.minimum(reach, search.radius + half) * (1 + _ROUNDING)
    n_candidates = np.maximum(search.count_within(centers, reach), 1)
    starts = np.cumsum(lengths) - lengths
    order = np.lexsort((n_candidates, lengths))
    begin = 0
    while begin < len(order):
        length = int(lengths[order[begin]])
        end = begin + 1
        most = int(n_candidates[order[begin]])
        while end < len(order) and lengths[order[end]] == length:
            next_most = max(most, int(n_candidates[order[end]]))
            if (end + 1 - begin) * length * next_most > _LARGEST_BATCH:
                break
            most, end = next_most, end + 1
        chosen = order[begin:end]
        rows = tiles[starts[chosen][:, None] + np.arange(length)]
        candidates = np.sort(search.nearest_to(centers[chosen], most), axis=1)
        yield TileBatch(rows, candidates, _neighbors_of_each(scaled[rows], candidates, rows, search, left_out))
        begin = end


def _neighbors_of_each(
    scaled: np.ndarray, candidates: np.ndarray, rows: np.ndarray, search: NeighborSearch, left_out: np.ndarray | None
) -> np.ndarray:
    """Mark the nearest candidates of each target, at most the limit and within the radius."""
    present = candidates < search.n_samples
    squared = squared_distances(scaled, search.scaled_points[np.where(present, candidates, 0)])
    np.copyto(squared, np.inf, where=~present[:, None, :])
    if left_out is not None:
        np.copyto(squared, np.inf, where=candidates[:, None, :] == left_out[rows][:, :, None])
    limit = search.limit
    bound: np.ndarray | float = search.radius**2
    if limit < squared.shape[-1]:
        bound = np.minimum(np.partition(squared, limit - 1, axis=-1)[..., limit - 1 : limit], bound)
    if not np.isfinite(bound).all():
        bound = np.minimum(bound, np.finfo(float).max)
    is_neighbor = squared <= bound
    if limit < squared.shape[-1]:
        tile, target = np.nonzero(np.count_nonzero(is_neighbor, axis=-1) > limit)
        if len(tile):
            tied = squared[tile, target] == np.asarray(bound)[tile, target]
            certain = is_neighbor[tile, target] & ~tied
            room = limit - np.count_nonzero(certain, axis=-1)[:, None]
            is_neighbor[tile, target] = certain | (tied & (np.cumsum(tied, axis=-1) <= room))
    return is_neighbor


def _tile_side(scaled: np.ndarray, search: NeighborSearch, k: int) -> float:
    """Return a tile side with which most neighbours are shared by the targets of a tile."""
    extent = np.ptp(scaled, axis=0)
    extent = extent[extent > 0]
    if len(extent) == 0:
        return 1.0
    spacing = float(np.exp(np.mean(np.log(extent)) - np.log(len(scaled)) / len(extent)))
    few = scaled[:: max(1, len(scaled) // 64)]
    neighborhood_radius = min(float(np.median(search.kth_distance(few, k))), search.radius)
    return 1.2 * spacing + 0.25 * neighborhood_radius


def spatial_tiles(scaled: np.ndarray, side: float, largest: int = _LARGEST_TILE) -> tuple[np.ndarray, np.ndarray]:
    """Sort targets by the cube they lie in; return their order and how many each tile holds."""
    cubes = np.floor((scaled - scaled.min(axis=0)) / side).astype(np.int64)
    key = np.ravel_multi_index(tuple(cubes.T), tuple(cubes.max(axis=0) + 1))
    order = np.argsort(key, kind="stable")
    _, lengths = np.unique(key[order], return_counts=True)
    if lengths.max() > largest:
        pieces = -(-lengths // largest)
        lengths = np.concatenate([np.diff(np.linspace(0, n, p + 1).astype(np.int64)) for n, p in zip(lengths, pieces)])
    return order, lengths


def _centers(scaled: np.ndarray, tiles: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each tile and the distance of its farthest target."""
    starts = np.cumsum(lengths) - lengths
    points = scaled[tiles]
    centers = 0.5 * (np.minimum.reduceat(points, starts) + np.maximum.reduceat(points, starts))
    offset = points - np.repeat(centers, lengths, axis=0)
    return centers, np.sqrt(np.maximum.reduceat(np.einsum("ij,ij->i", offset, offset), starts))
