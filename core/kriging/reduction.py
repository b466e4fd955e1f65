"""The cheapest way from a raster's cells and all samples to what `system.GlobalSystem` needs of their covariances.

That is, for the covariances c of each cell with the samples, a quadratic form and the products R c.
Two roads give the same numbers to rounding:

* c'P c tile by tile with the samples within reach, most of them interpolated (`far_samples`);
* |V c|^2 with all samples through the inverse factor V, where P would lose digits.
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
from .far_samples import FarSamples, Tiling
from .lattice import Lattice

if TYPE_CHECKING:
    from .system import GlobalSystem

_TILES = ((11, 24), (6, 12))
_MOST_IN_CACHE = 320
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
    slopes : ndarray, shape (n_dimensions, n_cells), or None
        The gradient of the first product, where it was asked for and comes in the same pass.
    """

    quadratic: np.ndarray
    products: np.ndarray
    through_factor: bool
    slopes: np.ndarray | None = None


def reduce_lattice(system: GlobalSystem, lattice: Lattice, with_slopes: bool = False) -> Reduction | None:
    """Reduce the covariances of every cell; None where the numpy roads of `GlobalSystem` are the cheapest.

    Parameters
    ----------
    system : GlobalSystem
    lattice : Lattice
        In the coordinates of the system's samples.
    with_slopes : bool
        Whether the gradient of the first product is wanted too; kernels alone have it, and not every road of theirs.
    """
    if not system.covariance.frames or len(system.samples) > _MOST_SAMPLES:
        return None
    shape = lattice.shape
    kernels = compiled_kernels() if shape[0] * shape[1] >= WORTH_COMPILING else None
    if kernels is not None and not knows(kernels, system.covariance):
        kernels = None
    try:
        if system.keeps_digits:
            far = FarSamples(system, system.tolerance)
            tiling = _tiling(system, far, lattice, kernels is not None)
            n_slopes = system.samples.points.shape[1] if with_slopes and kernels is not None else 0
            quadratic, products, _ = far.reduce(lattice, tiling, kernels, _N_THREADS, n_slopes)
            return _flat(quadratic, products, through_factor=False, n_slopes=n_slopes)
        return None if kernels is None else _through_factor(system, lattice, kernels)
    except kernels_error(kernels) as error:
        note_failure(error)
        return None


def _flat(quadratic: np.ndarray, products: np.ndarray, through_factor: bool, n_slopes: int = 0) -> Reduction:
    """Return a reduction of cells in a row; the last products may be slopes."""
    flat, n_wanted = products.reshape(len(products), -1), len(products) - n_slopes
    return Reduction(quadratic.ravel(), flat[:n_wanted], through_factor, flat[n_wanted:] if n_slopes else None)


def _tiling(system: GlobalSystem, far: FarSamples, lattice: Lattice, is_compiled: bool) -> Tiling:
    """Return the tiles that cost least."""
    steps = lattice.steps
    # The blocks of one grid have one step, to rounding.
    key = (far.tolerance, is_compiled, *(f"{step:.6g}" for step in steps))
    if key not in system.tilings:
        costs = far.costs(steps, is_compiled)
        system.tilings[key] = min(costs, key=costs.__getitem__)
    return system.tilings[key]


def _through_factor(system: GlobalSystem, lattice: Lattice, kernels: ModuleType) -> Reduction:
    """Reduce with all samples, through V."""
    quadratic = np.empty(lattice.shape)
    products = np.empty((len(system.rows_wanted), *lattice.shape))
    # Many samples, few cells at a time: their covariances with all samples stay in the cache.
    tile = _TILES[len(system.samples) > _MOST_IN_CACHE]
    arguments = (
        *frame_arrays(system.covariance, system.samples.points),
        padded(system.inverse_factor, 2),
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
    return _flat(quadratic, products, through_factor=True)
