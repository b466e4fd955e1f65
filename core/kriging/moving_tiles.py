"""Tiles of targets kriged with numpy from the samples they use: the twin of `nearest_numba` and `sectors_numba`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import KrigingSystemError
from .functionals import Functional
from .local_drift import TileFrames
from .products import Products
from .system import singular_system_error
from .tiles import TileBatch

if TYPE_CHECKING:
    from .moving import MovingSystem

LARGEST_PART = 2**19
"""Numbers a part of the work may take."""


def solve_marked(
    system: MovingSystem, batch: TileBatch, is_neighbor: np.ndarray, targets: np.ndarray, functional: Functional
) -> Iterator[tuple[np.ndarray, np.ndarray, Products]]:
    """Yield rows of targets, their numbers of neighbours and their dot products, with numpy alone."""
    for part, n_shared in _alike(is_neighbor):
        tiles = batch.rows(part)
        found = np.count_nonzero(is_neighbor[part], axis=2).ravel()
        yield tiles.targets.ravel(), found, _solve(system, targets, tiles, is_neighbor[part], n_shared, functional)


def _solve(
    system: MovingSystem,
    targets: np.ndarray,
    tiles: TileBatch,
    is_neighbor: np.ndarray,
    n_shared: int,
    functional: Functional,
) -> Products:
    """Solve the systems of some tiles by one Cholesky factorisation in two parts.

    The first `n_shared` samples are neighbours of every target of the tile: they are
    eliminated once for all (Schur complement). What remains of each target's own system is
    small and is factorised for all targets of all tiles at once, target by target along the
    last axis. This is the Cholesky factorisation of each system with its samples in a
    certain order, so nothing is approximated.

    Returns
    -------
    Products
        One row a target, tile by tile.
    """
    samples = system.samples
    used, own = _shared_first(tiles.candidates, is_neighbor, n_shared)
    n_tiles, n_targets = tiles.targets.shape
    known, frames = samples.known[used], None
    if system.has_local_drift:
        n_columns = samples.columns.shape[1]
        n_used = np.count_nonzero(is_neighbor.any(axis=1), axis=1)
        frames = TileFrames.of(known[..., 1:n_columns], np.arange(used.shape[1]) < n_used[:, None])
        known[..., :n_columns] = frames.columns(known[..., 1:n_columns])
    points = samples.points[used]
    matrix = system.covariance.between(points, points)
    samples.share_nugget(matrix, points)
    diagonal = np.arange(points.shape[1])
    matrix[:, diagonal, diagonal] = system.sill
    at_targets = np.swapaxes(functional.between(system.covariance, targets[tiles.targets], points), 1, 2)
    right = np.concatenate([at_targets, known], axis=-1)
    smallest = system.sill * points.shape[1] * np.finfo(float).eps

    core = slice(0, n_shared)
    rest = slice(n_shared, None)
    if n_shared:
        try:
            factor = np.linalg.cholesky(matrix[:, core, core])
        except np.linalg.LinAlgError as error:
            raise _singular(system, matrix[:, core, core], used[:, core]) from error
        pivots = np.diagonal(factor, axis1=1, axis2=2).min(axis=1) ** 2
        if pivots.min() <= smallest:
            raise singular_system_error(samples, system.nugget, used[np.argmin(pivots), core])
        whitening = np.linalg.inv(factor)
        white_right = whitening @ right[:, core]
        white_rest = whitening @ matrix[:, core, rest]
        matrix_rest = matrix[:, rest, rest] - np.swapaxes(white_rest, 1, 2) @ white_rest
        right_rest = right[:, rest] - np.swapaxes(white_rest, 1, 2) @ white_right
    else:
        white_right, matrix_rest, right_rest = right[:, :0], matrix, right
    at_target, at_samples = white_right[..., :n_targets], white_right[..., n_targets:]
    products = Products(
        target=np.einsum("bct,bct->bt", at_target, at_target).ravel(),
        target_known=(np.swapaxes(at_target, 1, 2) @ at_samples).reshape(n_tiles * n_targets, -1),
        constant_known=np.repeat(np.einsum("bc,bcg->bg", at_samples[..., 0], at_samples), n_targets, axis=0),
    )
    if frames is not None:
        products.columns_of = frames.rows_of_targets
        products.scores_known = np.repeat(
            np.swapaxes(at_samples[..., 1:n_columns], 1, 2) @ at_samples, n_targets, axis=0
        )
    if own.shape[1]:
        small = _gather(matrix_rest, right_rest, own, n_targets, system.sill)
        failed = _factorize(small, own.shape[1], smallest)
        if failed is not None:
            tile, target = divmod(failed, n_targets)
            raise singular_system_error(samples, system.nugget, tiles.candidates[tile][is_neighbor[tile, target]])
        products.add(small[own.shape[1] :])
    return products


def _singular(system: MovingSystem, matrices: np.ndarray, sets: np.ndarray) -> KrigingSystemError:
    """Find the first singular system and explain it."""
    smallest = np.linalg.eigvalsh(matrices)[:, 0]
    rows = sets[int(np.argmin(smallest))]
    return singular_system_error(system.samples, system.nugget, rows[rows < len(system.samples)])


def _alike(is_neighbor: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Split tiles into parts that share about equally many neighbours, in bounded memory.

    Yields the numbers of some tiles and how many neighbours each of them shares at least.
    """
    n_shared = np.count_nonzero(is_neighbor.all(axis=1), axis=1)
    n_used = np.count_nonzero(is_neighbor.any(axis=1), axis=1)
    n_most = np.count_nonzero(is_neighbor, axis=2).max(axis=1)
    n_targets = is_neighbor.shape[1]
    order = np.argsort(n_shared, kind="stable")
    begin = 0
    while begin < len(order):
        fewest = int(n_shared[order[begin]])
        end, most, widest = begin, 0, 0
        while end < len(order):
            most = max(most, int(n_used[order[end]]))
            widest = max(widest, int(n_most[order[end]]) - fewest)
            size = most * (most + n_targets) + n_targets * (widest + 3) * widest
            if end > begin and (end + 1 - begin) * size > LARGEST_PART:
                break
            end += 1
        yield order[begin:end], fewest
        begin = end


def _shared_first(candidates: np.ndarray, is_neighbor: np.ndarray, n_shared: int) -> tuple[np.ndarray, np.ndarray]:
    """Order the samples of each tile, shared ones first, and list each target's own.

    Returns
    -------
    used : ndarray of int, shape (n_tiles, n_used)
        Row numbers of samples; the first `n_shared` are neighbours of all targets.
    own : ndarray of int, shape (n_tiles * n_targets, n_own)
        Places of the target's other neighbours behind the shared ones, padded with the number
        of places.
    """
    n_tiles, n_targets, _ = is_neighbor.shape
    is_shared = is_neighbor.all(axis=1)
    is_used = is_neighbor.any(axis=1)
    order = np.argsort(2 - is_shared - is_used.astype(int), axis=1, kind="stable")
    n_used = int(np.count_nonzero(is_used, axis=1).max())
    order = order[:, :n_used]
    used = np.take_along_axis(candidates, order, axis=1)
    # A tile that uses fewer samples than the widest is filled up with samples no target refers to.
    used = np.where(np.take_along_axis(is_used, order, axis=1), used, 0)
    is_own = np.take_along_axis(is_neighbor, order[:, None, n_shared:], axis=2)
    is_own = is_own.reshape(n_tiles * n_targets, n_used - n_shared)
    n_own = np.count_nonzero(is_own, axis=1)
    own = np.full((n_tiles * n_targets, int(n_own.max(initial=0))), n_used - n_shared)
    target, place = np.nonzero(is_own)
    own[target, np.arange(len(target)) - np.repeat(np.cumsum(n_own) - n_own, n_own)] = place
    return used, own


def _gather(matrix: np.ndarray, right: np.ndarray, own: np.ndarray, n_targets: int, sill: float) -> np.ndarray:
    """Return each target's own small system, lower triangle and right sides below it.

    Parameters
    ----------
    matrix : ndarray, shape (n_tiles, n_places, n_places)
    right : ndarray, shape (n_tiles, n_places, n_targets + n_known)
    own : ndarray of int, shape (n_tiles * n_targets, n_own)
        n_places stands for no sample.
    sill : float
        In squared data units.

    Returns
    -------
    ndarray, shape (n_own + 1 + n_known, n_own, n_tiles * n_targets)
        Above the diagonal of the first n_own rows undefined.
    """
    n_tiles, n_places, width = right.shape
    n_lanes, n_own = own.shape
    n_known = width - n_targets
    # No sample is one without relation to anything: the sill on the diagonal, 0 elsewhere.
    padded = np.zeros((n_tiles, n_places + 1, n_places + 1))
    padded[:, :-1, :-1] = matrix
    on_diagonal = np.full((n_tiles, n_places + 1), sill)
    on_diagonal[:, :-1] = np.diagonal(matrix, axis1=1, axis2=2)
    padded_right = np.zeros((n_tiles, n_places + 1, width))
    padded_right[:, :-1] = right
    tile, target = np.divmod(np.arange(n_lanes), n_targets)
    place = np.ascontiguousarray(own.T) + tile * (n_places + 1)
    small = np.empty((n_own + 1 + n_known, n_own, n_lanes))
    for i in range(n_own):
        np.take(padded.ravel(), place[i] * (n_places + 1) + own[:, :i].T, out=small[i, :i], mode="clip")
        np.take(on_diagonal.ravel(), place[i], out=small[i, i], mode="clip")
    flat = padded_right.ravel()
    np.take(flat, place * width + target, out=small[n_own], mode="clip")
    for known in range(n_known):
        np.take(flat, place * width + (n_targets + known), out=small[n_own + 1 + known], mode="clip")
    return small


def _factorize(small: np.ndarray, n_own: int, smallest: float) -> int | None:
    """Turn small systems into Cholesky factors and whitened right sides, in place.

    Returns
    -------
    int or None
        The first lane whose pivot is not above `smallest`, if there is one.
    """
    for j in range(n_own):
        if j:
            small[j:, j] -= np.einsum("ijl,jl->il", small[j:, :j], small[j, :j])
        pivot = small[j, j]
        if not pivot.min() > smallest:
            return int(np.argmin(pivot))
        small[j:, j] /= np.sqrt(pivot)
    return None
