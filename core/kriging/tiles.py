"""Groups of neighbouring targets, and which samples each target of a group uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .covariance import squared_distances
from .neighborhood import NeighborSearch

_LARGEST_TILE = 256
_LARGEST_BATCH = 2**17
_LARGEST_SEARCH = 4096
_ROUNDING = 1e-9


@dataclass(frozen=True)
class TileBatch:
    """Tiles of equally many targets and the samples that may be a neighbour of some of them.

    Parameters
    ----------
    targets : ndarray of int, shape (n_tiles, n_targets)
        Row numbers of the targets.
    candidates : ndarray of int, shape (n_tiles, n_candidates)
        Row numbers of samples, ascending, then padding with n_samples.
    """

    targets: np.ndarray
    candidates: np.ndarray

    def rows(self, which: np.ndarray | slice) -> TileBatch:
        """Return some of the tiles, by index, mask or slice."""
        return TileBatch(self.targets[which], self.candidates[which])


def tile_batches(scaled: np.ndarray, search: NeighborSearch, spare: int = 0) -> Iterator[TileBatch]:
    """Yield all targets, gathered in tiles, with the samples that may be their neighbours.

    Parameters
    ----------
    scaled : ndarray, shape (n_targets, n_dimensions)
        In the search frame.
    search : NeighborSearch
    spare : int
        How many of its nearest samples a target may have to do without.
    """
    if len(scaled) == 0:
        return
    k = min(search.limit + spare, search.n_samples)
    tiles, lengths = spatial_tiles(scaled, _tile_side(scaled, search, k))
    centers, half = _centers(scaled, tiles, lengths)
    starts = np.cumsum(lengths) - lengths
    by_length = np.argsort(lengths, kind="stable")
    for begin in range(0, len(by_length), _LARGEST_SEARCH):
        some = by_length[begin : begin + _LARGEST_SEARCH]
        nearest, n_candidates = _candidates(search, centers[some], half[some], k)
        order = np.lexsort((n_candidates, lengths[some]))
        for chosen in _runs(order, lengths[some], n_candidates):
            length = int(lengths[some[chosen[0]]])
            rows = tiles[starts[some[chosen]][:, None] + np.arange(length)]
            candidates = np.sort(nearest(chosen, int(n_candidates[chosen].max())), axis=1)
            yield TileBatch(rows, candidates)


def _candidates(
    search: NeighborSearch, centers: np.ndarray, half: np.ndarray, k: int
) -> tuple[Callable[[np.ndarray, int], np.ndarray], np.ndarray]:
    """Find the samples that may be a neighbour of some target of each tile.

    Returns
    -------
    nearest : callable
        ``nearest(tiles, m)`` are the m samples nearest to the centres of some tiles.
    n_candidates : ndarray of int, shape (n_tiles,)
        How many of them the tile needs.
    """
    guess = min(2 * k + 8, search.n_samples)
    distances, found = search.nearest_to(centers, guess)
    # Every neighbour of every target of a tile lies in this ball about its centre.
    reach = distances[:, k - 1] + 2 * half if k < search.n_samples else np.full(len(half), np.inf)
    reach = np.minimum(reach, search.radius + half) * (1 + _ROUNDING)
    n_candidates = np.count_nonzero(distances <= reach[:, None], axis=1)
    short = np.flatnonzero((n_candidates == guess) & (guess < search.n_samples))
    n_candidates[short] = search.count_within(centers[short], reach[short])

    def nearest(tiles: np.ndarray, m: int) -> np.ndarray:
        return found[tiles, :m] if m <= guess else search.nearest_to(centers[tiles], m)[1]

    return nearest, np.maximum(n_candidates, 1)


def _runs(order: np.ndarray, lengths: np.ndarray, n_candidates: np.ndarray) -> Iterator[np.ndarray]:
    """Split sorted tiles into runs of equal length whose distances fit the cache."""
    begin = 0
    while begin < len(order):
        length, most, end = lengths[order[begin]], 0, begin
        while end < len(order) and lengths[order[end]] == length:
            most = max(most, int(n_candidates[order[end]]))
            if end > begin and (end + 1 - begin) * length * most > _LARGEST_BATCH:
                break
            end += 1
        yield order[begin:end]
        begin = end


def neighbors_of_each(
    tiles: TileBatch, scaled: np.ndarray, search: NeighborSearch, left_out: np.ndarray | None = None
) -> np.ndarray:
    """Mark the neighbours of each target among the candidates of its tile.

    They are the nearest samples in the search frame, at most the limit and within the radius; of
    samples at the same distance the first in the table.

    Parameters
    ----------
    tiles : TileBatch
    scaled : ndarray, shape (n_targets, n_dimensions)
        All targets in the search frame.
    search : NeighborSearch
    left_out : ndarray of int, shape (n_targets,), or None
        One sample for each target that is not its neighbour.

    Returns
    -------
    ndarray of bool, shape (n_tiles, n_targets, n_candidates)
    """
    candidates = tiles.candidates
    present = candidates < search.n_samples
    squared = squared_distances(scaled[tiles.targets], search.scaled_points[np.where(present, candidates, 0)])
    np.copyto(squared, np.inf, where=~present[:, None, :])
    if left_out is not None:
        np.copyto(squared, np.inf, where=candidates[:, None, :] == left_out[tiles.targets][:, :, None])
    limit = search.limit
    bound: np.ndarray | float = search.radius * search.radius
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
    # Spread by the golden ratio: a regular step could follow one column of a raster.
    few = scaled[(np.arange(64) * 0.6180339887498949 % 1.0 * len(scaled)).astype(int)]
    neighborhood_radius = min(float(np.median(search.kth_distance(few, k))), search.radius)
    return 1.2 * spacing + 0.25 * neighborhood_radius


def spatial_tiles(scaled: np.ndarray, side: float, largest: int = _LARGEST_TILE) -> tuple[np.ndarray, np.ndarray]:
    """Sort targets by the cube they lie in.

    Parameters
    ----------
    scaled : ndarray, shape (n_targets, n_dimensions)
        In the search frame.
    side : float
        Of a cube.
    largest : int
        Most targets a tile; a fuller cube becomes several tiles.

    Returns
    -------
    order : ndarray of int, shape (n_targets,)
        Targets tile by tile.
    lengths : ndarray of int, shape (n_tiles,)
        How many each tile holds.
    """
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
