"""The cheapest way from a raster's cells and all samples to what `system.GlobalSystem` needs of their covariances.

That is, for the covariances c of each cell with the samples, a quadratic form and the products R c.
Three roads give the same numbers to rounding:

* *far samples interpolated* (`far_samples`), where the covariance is smooth or the samples many;
* *samples within reach* only, tile by tile, where the covariance ends: c'P c has no other terms;
* *all samples* through the inverse factor V, |V c|^2, where P would lose digits.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .compiled import (
    WORTH_COMPILING,
    compiled_kernels,
    frame_arrays,
    kernels_error,
    knows,
    note_failure,
    padded,
    term_arrays,
)
from .far_samples import COVARIANCE, SIDES, FarSamples, distances_to_boxes, probe_boxes
from .lattice import Lattice

if TYPE_CHECKING:
    from .system import GlobalSystem

_TILES = ((11, 24), (6, 12), (3, 8))
_MOST_IN_CACHE = 320
_TILE_OF_SUPPORT = 0.25
_N_THREADS = 2
_MOST_SAMPLES = 5000  # beyond, another matrix of that size beside V takes too much memory


@dataclass(frozen=True)
class Reduction:
    """A quadratic form of each cell's covariances with the samples, and their products.

    Parameters
    ----------
    quadratic : ndarray, shape (n_cells,)
    products : ndarray, shape (n_wanted, n_cells)
    through_factor : bool
        Whether the form is |V c|^2 rather than c'P c.
    """

    quadratic: np.ndarray
    products: np.ndarray
    through_factor: bool


def reduce_lattice(system: GlobalSystem, lattice: Lattice) -> Reduction | None:
    """Reduce the covariances of every cell; None where the numpy roads of `GlobalSystem` are the cheapest.

    Parameters
    ----------
    system : GlobalSystem
    lattice : Lattice
        In the coordinates of the system's samples.
    """
    if not system.covariance.frames or len(system.samples) > _MOST_SAMPLES:
        return None
    shape = lattice.shape
    kernels = compiled_kernels() if shape[0] * shape[1] >= WORTH_COMPILING else None
    if kernels is not None and not knows(kernels, system.covariance):
        kernels = None
    far = FarSamples(system, system.tolerance)
    side = _side_of_far_tiles(system, far, lattice)
    try:
        if side:
            quadratic, products, failed = far.reduce(lattice, side, kernels, _N_THREADS)
            for rows, columns in failed:
                in_full = _in_full(system, lattice.part(rows, columns).points())
                part = quadratic[rows, columns].shape
                quadratic[rows, columns] = in_full[0].reshape(part)
                products[:, rows, columns] = in_full[1].reshape(-1, *part)
            return _flat(quadratic, products, through_factor=False)
        return None if kernels is None else _compiled(system, lattice, kernels)
    except kernels_error(kernels) as error:
        note_failure(error)
        return None


def _flat(quadratic: np.ndarray, products: np.ndarray, through_factor: bool) -> Reduction:
    """Return a reduction of cells in a row."""
    return Reduction(quadratic.ravel(), products.reshape(len(products), -1), through_factor)


def _side_of_far_tiles(system: GlobalSystem, far: FarSamples, lattice: Lattice) -> int:
    """Return the side of a tile, in cells, with which interpolation costs least; 0 where another road costs less."""
    if not system.keeps_digits:
        return 0
    steps = lattice.steps
    key = (far.tolerance, *lattice.shape, *steps.tolist())
    if key not in system.sides_chosen:
        n = float(len(system.samples))
        least, best = n * (n + COVARIANCE), 0
        if system.near_helps:
            boxes, points = probe_boxes(system.samples.points, 16.0 * steps), system.samples.points
            near = np.zeros((len(boxes), len(points)), dtype=bool)
            for frame in system.covariance.frames:
                near |= distances_to_boxes(frame.scale(boxes), frame.scale(points))[0] <= frame.support
            n_near = np.count_nonzero(near, axis=1)
            least = float(np.mean(n_near * (n_near + COVARIANCE)))
        for side in SIDES:
            cells = [part.stop - part.start for part in lattice.tiles(side)[0]]
            cost = far.cost((cells[0], cells[1]), steps)
            if cost < least:
                least, best = cost, side
        system.sides_chosen[key] = best
    return system.sides_chosen[key]


def _in_full(system: GlobalSystem, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return form and products from all samples."""
    covariances = system.covariance.between(system.samples.points, points)
    return np.einsum("ij,ij->j", system.precision @ covariances, covariances), system.rows_wanted @ covariances


def _compiled(system: GlobalSystem, lattice: Lattice, kernels: ModuleType) -> Reduction:
    """Reduce with the samples within reach, or all of them."""
    frames = system.covariance.frames
    through_factor = not system.near_helps
    quadratic = np.empty(lattice.shape)
    products = np.empty((len(system.rows_wanted), *lattice.shape))
    reach = np.inf if through_factor else _TILE_OF_SUPPORT * max(frame.support for frame in frames)
    fitting = [tile for tile in _TILES if max(tile) * lattice.steps.max() <= reach] or _TILES[-1:]
    tile = fitting[0]
    if through_factor and len(system.samples) > _MOST_IN_CACHE:
        # Few cells at a time: their covariances with all samples stay in the cache.
        tile = _TILES[1]
    arguments = (
        *frame_arrays(system.covariance, system.samples.points),
        np.array([frame.support for frame in frames]),
        padded(system.inverse_factor, 2) if through_factor else system.lower_precision,
        through_factor,
        padded(system.rows_wanted, 1),
        *term_arrays(kernels, system.covariance),
        quadratic,
        products,
    )
    n_tiles = -(-lattice.shape[0] // tile[0])
    edges = np.linspace(0, n_tiles, _N_THREADS + 1).astype(int).tolist()
    # The kernel holds no lock, and no two tiles write to one cell.
    with ThreadPoolExecutor(_N_THREADS) as pool:
        parts = [
            pool.submit(kernels.whiten_lattice, lattice.x, lattice.y, lattice.z, tile, first, last, *arguments)
            for first, last in zip(edges[:-1], edges[1:])
        ]
    for part in parts:
        part.result()
    return _flat(quadratic, products, through_factor)
