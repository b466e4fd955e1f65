"""Kriging a raster from all samples with the far ones interpolated: exact to rounding at the price of few samples.

With c(x) the covariances of a cell with the samples, kriging needs the quadratic form c'P c and a
few products R c (`system`). The covariance with a sample is an analytic function of x as long as
x keeps away from that sample (and, for models that end, from the circle where they end). So over
a tile of many cells all samples but a few are *smooth*: with e those few and f the others,

    c'P c = c_f'P c_f + 2 c_e'(P_ef c_f) + c_e'P_ee c_e,      R c = R_f c_f + R_e c_e,

the three terms with c_f are computed at q x q Chebyshev nodes and interpolated to the cells, and
only the few c_e are computed at every cell. With samples no nearer than a whole tile side the
error falls at least four-fold with each node (the Bernstein ellipse of the nearest singularity).
It is watched in every tile: the last Chebyshev coefficients of all that is interpolated must be
below the tolerance, and a tile where they are not is solved in full.

References
----------
Trefethen, L. N. (2013). Approximation Theory and Approximation Practice, theorem 8.2. SIAM.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..variogram.models import SUPPORTS
from .compiled import frame_arrays, padded, term_arrays
from .covariance import SmoothCovariance
from .lattice import Lattice, product_points

if TYPE_CHECKING:
    from .system import GlobalSystem

EXACT = 2e-10
"""Tolerance that leaves an error of about 1e-11, as small as that of a large system's rounding."""

SIDES = (24, 32, 48, 64, 96, 128)
"""Sides of a tile to choose from, in cells."""

COVARIANCE = 40.0
"""Cost of a covariance in multiplications and additions."""

_CLEARANCE = 2.0  # distance of the smooth samples, in halves of a tile side
_TILE = 2e6  # cost of what is done once a tile, in multiplications and additions
_CELLS_IN_CACHE = 2**16
_ENDING = tuple(name for name, end in SUPPORTS.items() if end == 1.0)


@dataclass(frozen=True)
class FarSamples:
    """Quadratic form and products of the covariances of a raster's cells with all samples.

    Parameters
    ----------
    system : GlobalSystem
        Whose P and R are used.
    tolerance : float
        Error of the form and of what the products make of the estimate, as a share of the sill and of
        the values' standard deviation.
    """

    system: GlobalSystem
    tolerance: float

    def cost(self, cells: tuple[int, int], steps: np.ndarray) -> float:
        """Return multiplications and additions a cell with tiles of so many rows and columns.

        Parameters
        ----------
        cells : tuple of int
            Rows and columns of a tile.
        steps : ndarray, shape (2,)
            Between columns and between rows, in map units.
        """
        system = self.system
        n, n_nodes = len(system.samples), nodes_for(self.tolerance)
        boxes = probe_boxes(system.samples.points, (np.array(cells[::-1]) - 1.0) * steps)
        n_exact = float(np.mean(np.count_nonzero(self._split(boxes)[0], axis=1)))
        share = float(np.prod([min(1.0, n_nodes / n_cells) for n_cells in cells]))
        at_nodes = n * (n + 2.0 * n_exact + COVARIANCE) + _TILE / (n_nodes * n_nodes)
        at_cells = n_exact * (n_exact + 3.0 * n_nodes + COVARIANCE) + 6.0 * n_nodes
        return share * at_nodes + at_cells

    def reduce(
        self, lattice: Lattice, side: int, kernels: ModuleType | None, n_threads: int
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[slice, slice]]]:
        """Return form and products of every cell, and the tiles where they are not accurate enough.

        Parameters
        ----------
        lattice : Lattice
        side : int
            Of a tile, in cells.
        kernels : module or None
            `kernels_numba`; None for numpy alone.
        n_threads : int
            That share the tiles, with kernels; numpy's own threads are left to it.

        Returns
        -------
        quadratic : ndarray, shape (n_rows, n_columns)
        products : ndarray, shape (n_wanted, n_rows, n_columns)
        failed : list of tuple of slice
            Rows and columns of tiles that are not filled.
        """
        quadratic = np.empty(lattice.shape)
        products = np.empty((len(self.system.rows_wanted), *lattice.shape))
        road = self if kernels is None else _Compiled(kernels, self.system)
        n_nodes, scales = nodes_for(self.tolerance), self._scales()
        tiles = lattice.tiles(side)
        parts_y, parts_x = ({part.start: part for part in parts} for parts in zip(*tiles))
        axis_y = {start: TileAxis.of(lattice.y[rows], n_nodes) for start, rows in parts_y.items()}
        axis_x = {start: TileAxis.of(lattice.x[columns], n_nodes) for start, columns in parts_x.items()}
        is_exact, is_smooth = self._split(np.stack([lattice.part(*tile).corners() for tile in tiles]))

        def solve(number: int) -> bool:
            rows, columns = tiles[number]
            tile_y, tile_x = axis_y[rows.start], axis_x[columns.start]
            exact = np.flatnonzero(is_exact[number])
            nodes = product_points(tile_x.nodes, tile_y.nodes, lattice.z)
            at_nodes = road.at_nodes(nodes, exact, is_smooth[number])
            at_nodes = at_nodes.reshape(-1, len(tile_y.nodes), len(tile_x.nodes))
            last = last_coefficients(at_nodes, tile_x, tile_y)
            last[: len(scales)] /= scales
            if not last.max() <= self.tolerance:
                return False
            road.at_cells(lattice, (rows, columns), exact, at_nodes, (tile_y, tile_x), quadratic, products)
            return True

        if kernels is None or n_threads == 1:
            done = [solve(number) for number in range(len(tiles))]
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                done = list(pool.map(solve, range(len(tiles))))
        return quadratic, products, [tile for tile, is_done in zip(tiles, done) if not is_done]

    def at_nodes(self, nodes: np.ndarray, exact: np.ndarray, is_smooth: np.ndarray) -> np.ndarray:
        """Return c_f'P c_f, R_f c_f and P_ef c_f at nodes, shape (1 + n_wanted + n_exact, n_nodes)."""
        covariances = self.system.covariance.between(nodes, self.system.samples.points)
        covariances[:, ~is_smooth] = 0.0
        reduced = covariances @ self.system.precision
        form = np.einsum("ij,ij->i", reduced, covariances)
        return np.concatenate([form[None], self.system.rows_wanted @ covariances.T, reduced[:, exact].T])

    def at_cells(
        self, lattice: Lattice, tile: tuple[slice, slice], exact: np.ndarray, at_nodes: np.ndarray,
        axes: tuple[TileAxis, TileAxis], quadratic: np.ndarray, products: np.ndarray,
    ) -> None:  # fmt: skip
        """Interpolate from the nodes, add what the exact samples make, and write it to the tile's cells."""
        part, (tile_y, tile_x) = lattice.part(*tile), axes
        to_form, to_products = quadratic[tile], products[(slice(None), *tile)]
        precision, rows = self.system.precision[np.ix_(exact, exact)], self.system.rows_wanted
        n_wanted, n_columns = len(rows), len(part.x)
        step = max(1, _CELLS_IN_CACHE // (n_columns * (len(exact) + 1)))
        for top in range(0, len(part.y), step):
            few = slice(top, top + step)
            cells = part.part(few, slice(None))
            smooth = (tile_y.matrix[few] @ at_nodes @ tile_x.matrix.T).reshape(len(at_nodes), -1)
            covariances = self.system.covariance.between(self.system.samples.points[exact], cells.points())
            reduced = precision @ covariances
            reduced += 2.0 * smooth[1 + n_wanted :]
            form = smooth[0] + np.einsum("ij,ij->j", reduced, covariances)
            to_form[few] = form.reshape(-1, n_columns)
            wanted = smooth[1 : 1 + n_wanted] + rows[:, exact] @ covariances
            to_products[:, few] = wanted.reshape(n_wanted, -1, n_columns)

    def _scales(self) -> np.ndarray:
        """Return the size of the form and of each product, shape (1 + n_wanted,).

        What is multiplied by the covariances of exact samples is of the size of weights: its scale is 1.
        """
        sill = self.system.sill
        spread = float(np.std(self.system.samples.values)) or 1.0
        n_columns = self.system.samples.columns.shape[1]
        return np.array([sill, spread, *[np.sqrt(sill)] * n_columns])

    def _split(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which samples need every cell of each box, and which are smooth over it and not 0."""
        return split_samples(self.system.covariance, self.system.samples.points, boxes)


def split_samples(covariance: SmoothCovariance, points: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples need every cell of each box, and which are smooth over it and not 0.

    Parameters
    ----------
    covariance : SmoothCovariance
    points : ndarray, shape (n_samples, n_dimensions)
    boxes : ndarray, shape (n_boxes, 4, n_dimensions)
        Corners.

    Returns
    -------
    is_exact, is_smooth : ndarray of bool, shape (n_boxes, n_samples)
    """
    is_exact, is_smooth = np.zeros((2, len(boxes), len(points)), dtype=bool)
    for frame in covariance.frames:
        nearest, farthest, half = distances_to_boxes(frame.scale(boxes), frame.scale(points))
        kinked = nearest <= _CLEARANCE * half[:, None]
        for term in frame.terms:
            if term.model in _ENDING:
                reaches = nearest < term.scale
                is_exact |= reaches & (kinked | (farthest > term.scale))
                is_smooth |= reaches
            else:
                is_exact |= kinked
                is_smooth[:] = True
    return is_exact, is_smooth & ~is_exact


def distances_to_boxes(boxes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return least and largest distances of points to boxes with sides along the axes, and half their larger side.

    Parameters
    ----------
    boxes : ndarray, shape (n_boxes, n_corners, n_dimensions)
        Points the boxes hold.
    points : ndarray, shape (n_points, n_dimensions)

    Returns
    -------
    nearest, farthest : ndarray, shape (n_boxes, n_points)
        With room for rounding.
    half : ndarray, shape (n_boxes,)
    """
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    half, middle = 0.5 * (high - low), 0.5 * (low + high)
    nearest, farthest = np.zeros((2, len(boxes), len(points)))
    for axis in range(points.shape[1]):
        offset = np.abs(points[:, axis] - middle[:, axis, None])
        nearest += np.maximum(offset - half[:, axis, None], 0.0) ** 2
        farthest += (offset + half[:, axis, None]) ** 2
    return np.sqrt(nearest) * (1 - 1e-9), np.sqrt(farthest) * (1 + 1e-9), half.max(axis=1)


def probe_boxes(points: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return the corners of some boxes spread over the extent of points, shape (9, 4, n_dimensions)."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    middle = low + 0.5 * extent
    shifts = np.array([-0.35, 0.0, 0.35])
    boxes = np.empty((9, 4, len(middle)))
    boxes[:] = middle
    centers = product_points(middle[0] + shifts * extent[0], middle[1] + shifts * extent[1], np.empty(0))
    boxes[:, :, :2] = (
        centers[:, None, :] + product_points(np.array([-0.5, 0.5]), np.array([-0.5, 0.5]), np.empty(0)) * sides
    )
    return boxes


def last_coefficients(at_nodes: np.ndarray, tile_x: TileAxis, tile_y: TileAxis) -> np.ndarray:
    """Return the size of the next Chebyshev coefficients of each function, estimated from the last two.

    Parameters
    ----------
    at_nodes : ndarray, shape (n_functions, n_nodes_y, n_nodes_x)
    """
    last = np.zeros(len(at_nodes))
    if tile_x.last is not None:
        last = np.maximum(last, np.abs(at_nodes @ tile_x.last.T).max(axis=(1, 2)))
    if tile_y.last is not None:
        last = np.maximum(last, np.abs(tile_y.last @ at_nodes).max(axis=(1, 2)))
    return last


@dataclass(frozen=True)
class TileAxis:
    """One axis of a tile: its nodes, and what takes values there to the cells and to the last coefficients."""

    nodes: np.ndarray
    matrix: np.ndarray
    last: np.ndarray | None

    @classmethod
    def of(cls, cells: np.ndarray, n_nodes: int) -> TileAxis:
        """Place the nodes; on an axis of no more cells than nodes they are the cells."""
        if len(cells) <= n_nodes:
            return cls(cells, np.eye(len(cells)), None)
        middle, half = 0.5 * (cells[0] + cells[-1]), 0.5 * (cells[-1] - cells[0])
        angles, coefficients = _chebyshev(n_nodes)
        at_cells = np.cos(np.arccos(np.clip((cells - middle) / half, -1.0, 1.0))[:, None] * np.arange(n_nodes))
        # The ellipse shrinks coefficients at least fourfold from one to the next.
        last = np.stack([0.25 * coefficients[-1], 0.0625 * coefficients[-2]])
        return cls(middle + half * np.cos(angles), at_cells @ coefficients, last)


@lru_cache(maxsize=32)
def _chebyshev(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the angles of Chebyshev nodes and the matrix from values there to coefficients."""
    angles = (2.0 * np.arange(n_nodes) + 1.0) * np.pi / (2.0 * n_nodes)
    coefficients = np.cos(np.arange(n_nodes)[:, None] * angles) * (2.0 / n_nodes)
    coefficients[0] *= 0.5
    return angles, coefficients


def nodes_for(tolerance: float) -> int:
    """Return how many nodes along an axis reach a tolerance with some room.

    Examples
    --------
    >>> nodes_for(EXACT), nodes_for(1e-7)
    (16, 12)
    """
    return int(round(1.65 - 1.48 * np.log10(tolerance)))


class _Compiled:
    """`FarSamples.at_nodes` and `at_cells` with the kernels.

    Parameters
    ----------
    kernels : module
        `kernels_numba`.
    system : GlobalSystem
    """

    def __init__(self, kernels: ModuleType, system: GlobalSystem) -> None:
        self._kernels = kernels
        self._n_wanted = len(system.rows_wanted)
        self._places = frame_arrays(system.covariance, system.samples.points)
        self._matrices = (system.lower_precision, padded(system.rows_wanted, 1))
        self._terms = term_arrays(kernels, system.covariance)

    def at_nodes(self, nodes: np.ndarray, exact: np.ndarray, is_smooth: np.ndarray) -> np.ndarray:
        """Do the same as `FarSamples.at_nodes`."""
        result = np.empty((1 + self._n_wanted + len(exact), len(nodes)))
        self._kernels.reduce_at_nodes(nodes, *self._places, exact, is_smooth, *self._matrices, *self._terms, result)
        return result

    def at_cells(
        self, lattice: Lattice, tile: tuple[slice, slice], exact: np.ndarray, at_nodes: np.ndarray,
        axes: tuple[TileAxis, TileAxis], quadratic: np.ndarray, products: np.ndarray,
    ) -> None:  # fmt: skip
        """Do the same as `FarSamples.at_cells`."""
        part, (tile_y, tile_x) = lattice.part(*tile), axes
        self._kernels.reduce_at_cells(
            part.x, part.y, part.z, *self._places, exact, at_nodes, tile_x.matrix, tile_y.matrix, *self._matrices,
            *self._terms, tile[0].start, tile[1].start, quadratic, products,
        )  # fmt: skip
