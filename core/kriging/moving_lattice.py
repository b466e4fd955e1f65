"""A raster kriged from the nearest samples of each cell with the compiled kernel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .compiled import frame_arrays, term_arrays
from .lattice import Lattice, product_points
from .neighborhood import NeighborSearch

if TYPE_CHECKING:
    from .moving import MovingSystem

_SAMPLES_A_BIN = 4
_LARGEST_NEIGHBORHOOD = 512
_TILES = ((4, 4), (4, 8), (8, 8), (8, 12), (12, 12), (12, 16), (16, 16))
"""Rows and columns of tiles, made of groups of 4 x 4 cells."""

_N_THREADS = 2


@dataclass(frozen=True)
class Bins:
    """Samples by the square of the search frame's first two axes in which they lie.

    Parameters
    ----------
    order, starts : ndarray of int
        Samples bin by bin, and where each bin starts; bins row by row.
    origin : ndarray, shape (2,)
    side : float
    shape : ndarray of int, shape (2,)
        Number of bins along both axes.
    """

    order: np.ndarray
    starts: np.ndarray
    origin: np.ndarray
    side: float
    shape: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray) -> Bins:
        """Sort points into bins of a few each.

        Examples
        --------
        >>> bins = Bins.of(np.array([[0.0, 0.0], [9.0, 1.0], [1.0, 1.0], [9.0, 9.0], [0.5, 0.0], [8.0, 9.0]]))
        >>> bins.shape.tolist(), bins.order.tolist(), bins.starts.tolist()
        ([2, 2], [0, 2, 4, 1, 3, 5], [0, 3, 4, 4, 6])
        """
        low, extent = points[:, :2].min(axis=0), np.ptp(points[:, :2], axis=0)
        n_wanted = max(1.0, len(points) / _SAMPLES_A_BIN)
        # Squares, also over samples along a line.
        side = float(max(np.sqrt(extent[0] * extent[1] / n_wanted), extent.max() / n_wanted)) or 1.0
        shape = (np.floor(extent / side) + 1).astype(np.int64)
        place = np.minimum(np.floor((points[:, :2] - low) / side).astype(np.int64), shape - 1)
        key = place[:, 1] * shape[0] + place[:, 0]
        n_bins = int(shape.prod())
        # Numbers of 16 bits are sorted by counting them.
        order = np.argsort(key.astype(np.uint16) if n_bins <= 2**16 else key, kind="stable")
        return cls(order, np.append(0, np.cumsum(np.bincount(key, minlength=n_bins))), low, side, shape)


@dataclass(frozen=True)
class BinnedSamples:
    """Samples bin by bin, as the kernel reads them.

    Parameters
    ----------
    points : ndarray, shape (n_dimensions, n_samples)
        In the search frame.
    matrices, places : ndarray, shape (n_frames, n_dimensions, n_dimensions), (n_frames, n_dimensions, n_samples)
        The covariance's frames, and the samples in them.
    known : ndarray, shape (n_samples, n_known)
        The constant, drift scores and values.
    """

    points: np.ndarray
    matrices: np.ndarray
    places: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, system: MovingSystem) -> BinnedSamples:
        """Put the samples of a system in the order of its bins."""
        order = system.bins.order
        return cls(
            np.ascontiguousarray(system.search.scaled_points[order].T),
            *frame_arrays(system.covariance, system.samples.points[order]),
            np.ascontiguousarray(system.samples.known[order]),
        )


@dataclass
class LatticeProducts:
    """What `products.Products` is made of, cell by cell, the number of neighbours, and gradients field by axis.

    The products of the known with one another, `gram`, are those of the constant and of a local drift's scores;
    `at_target` has the latter at the cells, in the same frame. Where estimates, kriging and smoothing variances are
    asked for, `kriged` has them instead.
    """

    counts: np.ndarray
    target: np.ndarray
    target_known: np.ndarray
    gram: np.ndarray
    at_target: np.ndarray
    kriged: np.ndarray
    slopes: np.ndarray | None = None


def solve_lattice(
    kernels: ModuleType,
    system: MovingSystem,
    lattice: Lattice,
    n_fields: int = 0,
    scores: np.ndarray | None = None,
    prior: float | None = None,
) -> LatticeProducts | None:
    """Solve the system of every cell; None where a system is singular, or too large for this road.

    Parameters
    ----------
    kernels : module
        `kernels_numba`.
    system : MovingSystem
    lattice : Lattice
    n_fields : int
        Of how many of the last known columns the gradients are wanted, too.
    scores : ndarray, shape (n_rows * n_columns, n_scores), or None
        Of a local drift at the cells.
    prior : float or None
        Variance of what is estimated, to have estimates and variances instead of the products they are made of.

    Raises
    ------
    kernels.CompilationError
        When the kernel does not compile.
    """
    search = system.search
    if search.limit > _LARGEST_NEIGHBORHOOD and not np.isfinite(search.radius):
        return None
    few = [np.unique(np.linspace(0, n - 1, 3).astype(int)) for n in lattice.shape]
    places = search.scale(product_points(lattice.x[few[1]], lattice.y[few[0]], lattice.z))
    bins = system.bins
    binned = (system.binned.points, bins.starts, bins.origin, bins.side, bins.shape)
    reach = np.empty(len(places))
    kernels.find_reaches(np.ascontiguousarray(places), search.limit, *binned, reach)
    if search.limit > _LARGEST_NEIGHBORHOOD:
        reach = np.minimum(reach, search.radius)
        if search.count_within(places, reach).max() > _LARGEST_NEIGHBORHOOD:
            return None
    tile = _tile(search, lattice, float(np.median(reach)))
    n_known = system.samples.known.shape[1]
    at_target = np.empty((0, *lattice.shape)) if scores is None else scores.T.reshape(-1, *lattice.shape).copy()
    none = (0, 0)
    shape = lattice.shape if prior is None else none
    products = LatticeProducts(
        np.empty(lattice.shape, dtype=np.int64), np.empty(shape),
        np.empty((n_known, *shape)), np.empty((1 + len(at_target), n_known, *shape)), at_target,
        np.empty((0, *none)) if prior is None else np.empty((3, *lattice.shape)),
        np.empty((n_fields, 2 + len(lattice.z), *lattice.shape)) if n_fields else None,
    )  # fmt: skip
    arguments = (
        search.frame[None], system.binned.points,
        bins.order, bins.starts, bins.origin, bins.side, bins.shape, search.limit, search.radius,
    )  # fmt: skip
    covariance = (
        system.binned.matrices, system.binned.places, system.binned.known,
        *term_arrays(kernels, system.covariance),
        system.sill,
        products.counts, products.target, products.target_known, products.gram, products.at_target,
        products.kriged, 0.0 if prior is None else prior, system.has_mean, products.slopes,
    )  # fmt: skip

    def solve(first: int, last: int) -> bool:
        return bool(kernels.solve_lattice(lattice.x, lattice.y, lattice.z, tile, first, last, *arguments, *covariance))

    n_tiles = -(-len(lattice.y) // tile[0])
    edges = np.unique(np.linspace(0, n_tiles, _N_THREADS + 1).astype(int)).tolist()
    # The kernel holds no lock, and no two tiles write to one cell.
    with ThreadPoolExecutor(_N_THREADS) as pool:
        solved = list(pool.map(solve, edges[:-1], edges[1:]))
    return products if all(solved) else None


def solve_sectors(
    kernels: ModuleType, system: MovingSystem, targets: np.ndarray
) -> tuple[LatticeProducts, np.ndarray] | None:
    """Solve the system of every target from so many samples a sector, as `solve_lattice`.

    Returns
    -------
    products : LatticeProducts
        One entry a target.
    per_sector : ndarray of int, shape (n_targets, n_sectors)
        Numbers of samples.
    """
    search, hood = system.search, system.search.neighborhood
    if hood.sectors is None or hood.max_per_sector is None or hood.max_per_hole is not None:
        return None
    most = min(hood.max_per_sector, search.limit)
    widest = min(search.limit, hood.sectors * most)
    if widest > _LARGEST_NEIGHBORHOOD:
        return None
    n, n_known, bins = len(targets), system.samples.known.shape[1], system.bins
    chosen, per_sector = np.zeros((n, widest), dtype=np.int64), np.zeros((n, hood.sectors), dtype=np.int64)
    products = LatticeProducts(
        np.zeros(n, dtype=np.int64), np.empty(n), np.empty((n_known, n)), np.empty((1, n_known, n)), np.empty((0, n)),
        np.empty((0, n)),
    )  # fmt: skip
    targets = np.ascontiguousarray(targets)
    places = np.ascontiguousarray(search.scale(targets))
    points = np.ascontiguousarray(search.scaled_points.T)
    known = np.ascontiguousarray(system.samples.known)
    frames = frame_arrays(system.covariance, system.samples.points)
    terms = term_arrays(kernels, system.covariance)

    def solve(first: int, last: int) -> bool:
        kernels.choose_by_sector(
            places, points, bins.order, bins.starts, bins.origin, bins.side, bins.shape, hood.sectors, most,
            search.limit, search.radius, first, last, chosen, products.counts, per_sector,
        )  # fmt: skip
        return bool(
            kernels.solve_chosen(
                targets, chosen, products.counts, *frames, known, *terms, system.sill, first, last, products.target,
                products.target_known, products.gram,
            )
        )  # fmt: skip

    edges = np.unique(np.linspace(0, n, _N_THREADS + 1).astype(int)).tolist()
    with ThreadPoolExecutor(_N_THREADS) as pool:
        solved = list(pool.map(solve, edges[:-1], edges[1:]))
    return (products, per_sector) if all(solved) else None


def _tile(search: NeighborSearch, lattice: Lattice, reach: float) -> tuple[int, int]:
    """Return the rows and columns of a tile whose cells share most of their neighbours, measured to cost least."""
    corners = search.scale(lattice.corners())
    across = max(np.linalg.norm(corners[1] - corners[0]) / max(1, len(lattice.x) - 1),
                 np.linalg.norm(corners[2] - corners[0]) / max(1, len(lattice.y) - 1))  # fmt: skip
    cells = min(reach, search.radius) / across if across > 0 else 1.0
    n_wanted = 2.0 * max(cells, 1.0) + 5.0
    return min(_TILES, key=lambda tile: abs(np.log(tile[0] * tile[1] / n_wanted)))
