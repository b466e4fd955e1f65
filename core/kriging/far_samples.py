"""Kriging a raster from all samples with most of them interpolated: exact to rounding at the price of few samples.

With c(x) the covariances of a cell with the samples, kriging needs the quadratic form c'P c and a
few products R c (`system`). The covariance with a sample is an analytic function of x as long as
x keeps away from that sample (and, for models that end, from the circle where they end; beyond it
is 0). So over a tile of many cells all samples but a few are *smooth*: with e those few and f the others,

    c'P c = c_f'P c_f + 2 c_e'(P_ef c_f) + c_e'P_ee c_e,      R c = R_f c_f + R_e c_e,

the three terms with c_f are computed at q x q Chebyshev nodes and interpolated to the cells, and
only the few c_e are computed at every cell. With samples no nearer than a whole tile side the
error falls at least four-fold with each node (the Bernstein ellipse of the nearest singularity).
It is watched in every tile: the last Chebyshev coefficients of all that is interpolated must be
below the tolerance. A tile where they are not gets more nodes, and where these do not help either,
every sample is met at every cell.

References
----------
Trefethen, L. N. (2013). Approximation Theory and Approximation Practice, theorem 8.2. SIAM.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..variogram.models import SUPPORTS, support
from .compiled import frame_arrays, term_arrays
from .covariance import SmoothCovariance
from .lattice import Lattice, parts, product_points

if TYPE_CHECKING:
    from .system import GlobalSystem

EXACT_TO = 2e-10
"""Tolerance that leaves an error of at most about 1e-10, usually 1e-12."""

SMOOTH, EXACT = 1, 2
"""How the covariance of a sample with the cells of a tile is met: at the nodes or at every cell; 0 is not at all."""

SIDES = (24, 32, 48, 64, 96, 128)
"""Sides of a tile to choose from, in cells."""

COVARIANCE = 25.0
"""Cost of a covariance in multiplications and additions."""

_MORE_NODES = 4  # along an axis, where the first do not reach the tolerance
_MOST_ROWS = 8  # of cells that the kernels meet at once
_CLEARANCE = 2.0  # distance of the smooth samples, in halves of a tile side
_TILE, _NUMPY_TILE = 4e5, 2e6  # cost of what is done once a tile, in multiplications and additions
_NUMPY_COVARIANCE = 125.0
_CELLS_IN_CACHE = 2**15
_ENDING = tuple(name for name, end in SUPPORTS.items() if end == 1.0)


@dataclass(frozen=True)
class Tiling:
    """How a lattice is cut: the side of a tile in cells, and whether smooth samples are interpolated in it."""

    side: int
    is_split: bool


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

    def costs(self, steps: np.ndarray, is_compiled: bool) -> dict[Tiling, float]:
        """Return multiplications and additions a cell with tiles of all sides, in full and split.

        Parameters
        ----------
        steps : ndarray, shape (2,)
            Between columns and between rows, in map units.
        is_compiled : bool
        """
        half, one, a_tile = (0.5, COVARIANCE, _TILE) if is_compiled else (1.0, _NUMPY_COVARIANCE, _NUMPY_TILE)
        n_nodes, costs = nodes_for(self.tolerance), {}
        numbers = numbers_in_tiles(self.system.covariance, self.system.samples.points, steps)
        for side, (n_exact, n_smooth) in zip(SIDES, numbers):
            n_all, tile = n_exact + n_smooth, a_tile / side**2
            at_nodes = n_smooth * (half * n_smooth + n_exact + one)
            at_cells = n_exact * (half * n_exact + one) + (n_exact + 3.0) * 1.5 * n_nodes
            costs[Tiling(side, is_split=False)] = n_all * (half * n_all + one) + tile
            costs[Tiling(side, is_split=True)] = min(1.0, n_nodes / side) ** 2 * at_nodes + at_cells + 2.0 * tile
        return costs

    def reduce(
        self, lattice: Lattice, tiling: Tiling, kernels: ModuleType | None, n_threads: int, n_slopes: int = 0
    ) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
        """Return form and products of every cell, and how many tiles could not be interpolated.

        Parameters
        ----------
        lattice : Lattice
        tiling : Tiling
        kernels : module or None
            `kernels_numba`; None for numpy alone.
        n_threads : int
            That share the tiles, with kernels; numpy's own threads are left to it.
        n_slopes : int
            0, or with kernels the number of axes: then the gradient of the first product comes behind the products.

        Returns
        -------
        quadratic : ndarray, shape (n_rows, n_columns)
        products : ndarray, shape (n_wanted + n_slopes, n_rows, n_columns)
        n_failed : int
            Tiles that were solved at every cell.
        """
        n_wanted = len(self.system.rows_wanted)
        # One array: when it is freed, the C library keeps what the next block needs.
        planes = np.empty((1 + n_wanted + n_slopes, *lattice.shape))
        quadratic, products, slopes = planes[0], planes[1 : 1 + n_wanted], planes[1 + n_wanted :]
        states = self._states(lattice.corners_of_tiles(tiling.side), tiling)
        solve = self._solve
        if kernels is not None:
            solve = _Compiled(kernels, self.system, n_threads, self.ends, self._sizes(), slopes if n_slopes else None)
        left = np.arange(len(states))
        # A derivative has larger coefficients than its function.
        few = nodes_for(self.tolerance) + (n_slopes > 0)
        for n_nodes in (few, few + _MORE_NODES):
            if not len(left):
                break
            axes = (
                TileAxis.of(lattice.y, tiling.side, n_nodes),
                TileAxis.of(lattice.x, tiling.side, n_nodes),
            )
            left = left[~solve(lattice, axes, left, states[left], self.tolerance, quadratic, products)]
        if len(left):
            everywhere = np.where(states[left] == SMOOTH, EXACT, states[left]).astype(np.int8)
            solve(lattice, axes, left, everywhere, self.tolerance, quadratic, products)
        return quadratic, planes[1:], len(left)

    def _solve(
        self, lattice: Lattice, axes: tuple[TileAxis, TileAxis], numbers: np.ndarray, states: np.ndarray,
        tolerance: float, quadratic: np.ndarray, products: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Fill some tiles; return which are done: those whose interpolation is accurate."""
        sizes = self._sizes()
        done = np.ones(len(numbers), dtype=bool)
        for at, (number, state) in enumerate(zip(numbers, states)):
            part_y, part_x = divmod(int(number), len(axes[1].parts))
            exact, smooth = np.flatnonzero(state == EXACT), np.flatnonzero(state == SMOOTH)
            at_columns = None
            if len(smooth):
                nodes = Lattice(axes[1].nodes[part_x], axes[0].nodes[part_y], lattice.z)
                at_nodes = self._at_nodes(nodes, exact, smooth)
                last = last_coefficients(at_nodes, axes[1].last[part_x], axes[0].last[part_y])
                last[: len(sizes)] /= sizes
                done[at] = last.max() <= tolerance
                at_columns = at_nodes @ axes[1].matrix[axes[1].parts[part_x]].T
            if done[at]:
                tile = axes[0].parts[part_y], axes[1].parts[part_x]
                self._at_cells(lattice.part(*tile), exact, at_columns, axes[0].matrix[tile[0]],
                               quadratic[tile], products[:, tile[0], tile[1]])  # fmt: skip
        return done

    def _at_nodes(self, nodes: Lattice, exact: np.ndarray, smooth: np.ndarray) -> np.ndarray:
        """Return c_f'P c_f, R_f c_f and P_ef c_f at nodes, shape (1 + n_wanted + n_exact, n_nodes_y, n_nodes_x)."""
        system = self.system.ordered
        covariances = self.system.covariance.on_lattice(system.points[smooth], nodes.x, nodes.y, nodes.z)
        reduced = system.precision[np.ix_(np.concatenate([smooth, exact]), smooth)] @ covariances
        form = np.einsum("ij,ij->j", reduced[: len(smooth)], covariances)
        values = np.concatenate([form[None], system.rows_wanted[:, smooth] @ covariances, reduced[len(smooth) :]])
        return values.reshape(-1, *nodes.shape)

    def _at_cells(
        self, part: Lattice, exact: np.ndarray, at_columns: np.ndarray | None, across: np.ndarray,
        quadratic: np.ndarray, products: np.ndarray,
    ) -> None:  # fmt: skip
        """Interpolate down the columns, add what the exact samples make, and write it to the cells of a tile."""
        covariance, system = self.system.covariance, self.system.ordered
        precision, rows = system.precision[np.ix_(exact, exact)], system.rows_wanted[:, exact]
        points, n_wanted = system.points[exact], len(rows)
        step = max(1, _CELLS_IN_CACHE // (len(part.x) * (len(exact) + 1)))
        for top in range(0, len(part.y), step):
            few = slice(top, min(top + step, len(part.y)))
            shape = few.stop - top, len(part.x)
            covariances = covariance.on_lattice(points, part.x, part.y[few], part.z)
            reduced = precision @ covariances
            wanted = rows @ covariances
            if at_columns is None:
                form = np.einsum("ij,ij->j", reduced, covariances)
            else:
                smooth = (across[few] @ at_columns).reshape(len(at_columns), covariances.shape[1])
                through = smooth[1 + n_wanted :]
                through *= 2.0
                reduced += through
                form = np.einsum("ij,ij->j", reduced, covariances)
                form += smooth[0]
                wanted += smooth[1 : 1 + n_wanted]
            quadratic[few] = form.reshape(shape)
            products[:, few] = wanted.reshape(n_wanted, *shape)

    @property
    def ends(self) -> bool:
        """Whether some covariance ends at a distance."""
        return any(term.model in _ENDING for frame in self.system.covariance.frames for term in frame.terms)

    def _sizes(self) -> np.ndarray:
        """Return the size of the form and of each product, shape (1 + n_wanted,).

        What is multiplied by the covariances of exact samples is of the size of weights: its size is 1.
        """
        sill = self.system.sill
        n_columns = self.system.samples.columns.shape[1]
        return np.array([sill, self.system.spread, *[np.sqrt(sill)] * n_columns])

    def _states(self, boxes: np.ndarray, tiling: Tiling) -> np.ndarray:
        """Return how the covariance of each sample is met over each box: 0 (not at all), SMOOTH or EXACT."""
        is_exact, is_smooth = split_samples(self.system.covariance, self.system.ordered.points, boxes)
        if not tiling.is_split:
            return np.where(is_exact | is_smooth, EXACT, 0).astype(np.int8)
        return np.where(is_exact, EXACT, np.where(is_smooth, SMOOTH, 0)).astype(np.int8)


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
                reaches = nearest < support(term.model, term.shape) * term.scale
                is_exact |= reaches & kinked
                is_smooth |= reaches
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


def numbers_in_tiles(covariance: SmoothCovariance, points: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return how many samples need every cell of a tile, and how many are smooth over it, for each of `SIDES`.

    Returns
    -------
    ndarray, shape (n_sides, 2)
        Means over some places.
    """
    boxes = np.concatenate([probe_boxes(points, (side - 1.0) * steps) for side in SIDES])
    found = [np.count_nonzero(part, axis=1) for part in split_samples(covariance, points, boxes)]
    return np.stack(found, axis=1).reshape(len(SIDES), -1, 2).mean(axis=1)


def last_coefficients(at_nodes: np.ndarray, last_x: np.ndarray, last_y: np.ndarray) -> np.ndarray:
    """Return the size of the next Chebyshev coefficients of each function, estimated from the last two.

    Parameters
    ----------
    at_nodes : ndarray, shape (n_functions, n_nodes_y, n_nodes_x)
    last_x, last_y : ndarray, shape (2, n_nodes)
        Of the tile's axes.
    """
    along_x, along_y = np.abs(at_nodes @ last_x.T), np.abs(last_y @ at_nodes)
    return np.maximum(along_x.max(axis=(1, 2)), along_y.max(axis=(1, 2)))


@dataclass(frozen=True)
class TileAxis:
    """One axis of the tiles of a lattice: the nodes of each part, and what takes values there to the cells.

    Parameters
    ----------
    parts : list of slice
        Cells of each part.
    nodes : ndarray, shape (n_parts, n_nodes)
    matrix : ndarray, shape (n_cells, n_nodes)
        From values at the nodes of a part to its cells.
    last : ndarray, shape (n_parts, 2, n_nodes)
        To the last coefficients; 0 where the cells are the nodes.
    """

    parts: list[slice]
    nodes: np.ndarray
    matrix: np.ndarray
    last: np.ndarray

    @cached_property
    def for_kernels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Nodes, the matrix turned, the matrix with rows of zeros behind the last cell, and the last coefficients."""
        beyond = np.zeros((_MOST_ROWS, self.matrix.shape[1]))
        return self.nodes, np.ascontiguousarray(self.matrix.T), np.concatenate([self.matrix, beyond]), self.last

    @classmethod
    def of(cls, cells: np.ndarray, side: int, n_nodes: int) -> TileAxis:
        """Cut an axis into parts of a side and place the nodes; not made again for the blocks beside or below."""
        return _tile_axis(np.ascontiguousarray(cells, dtype=float).tobytes(), side, n_nodes)

    @classmethod
    def placed(cls, cells: np.ndarray, parts: list[slice], n_nodes: int) -> TileAxis:
        """Place the nodes; in a part of no more cells than nodes they are the cells."""
        n_nodes = min(n_nodes, max(part.stop - part.start for part in parts))
        angles, coefficients = _chebyshev(n_nodes)
        low, high = cells[[part.start for part in parts]], cells[[part.stop - 1 for part in parts]]
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        lengths = [part.stop - part.start for part in parts]
        nodes = middle[:, None] + half[:, None] * np.cos(angles)
        reach = np.repeat(np.where(half == 0, 1.0, half), lengths)
        place = np.arccos(np.clip((cells - np.repeat(middle, lengths)) / reach, -1.0, 1.0))
        matrix = np.cos(place[:, None] * np.arange(n_nodes)) @ coefficients
        # The ellipse shrinks coefficients at least fourfold from one to the next.
        last = np.empty((len(parts), 2, n_nodes))
        last[:] = 0.25 * coefficients[-1], 0.0625 * coefficients[-2]
        for number, part in enumerate(parts):
            if lengths[number] <= n_nodes:
                nodes[number] = cells[part.stop - 1]
                nodes[number, : lengths[number]] = cells[part]
                matrix[part] = np.eye(lengths[number], n_nodes)
                last[number] = 0.0
        return cls(parts, nodes, matrix, last)


@lru_cache(maxsize=64)
def _tile_axis(cells: bytes, side: int, n_nodes: int) -> TileAxis:
    """Return the axis of some cells."""
    places = np.frombuffer(cells)
    return TileAxis.placed(places, parts(len(places), side), n_nodes)


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
    >>> nodes_for(EXACT_TO), nodes_for(1e-7)
    (15, 11)
    """
    return int(round(1.5 - 1.39 * np.log10(tolerance)))


class _Compiled:
    """`FarSamples._solve` with the kernels.

    Parameters
    ----------
    kernels : module
        `kernels_numba`.
    system : GlobalSystem
    n_threads : int
    ends : bool
        As `FarSamples.ends`.
    sizes : ndarray
        As `FarSamples._sizes`.
    slopes : ndarray, shape (n_dimensions, n_rows, n_columns), or None
        Filled with the gradient of the first product.
    """

    def __init__(
        self, kernels: ModuleType, system: GlobalSystem, n_threads: int, ends: bool, sizes: np.ndarray,
        slopes: np.ndarray | None,
    ) -> None:  # fmt: skip
        self._kernels, self._n_threads, self._slopes = kernels, n_threads, slopes
        self._system = (
            *frame_arrays(system.covariance, system.ordered.points),
            np.array([frame.support for frame in system.covariance.frames]),
            system.ordered.precision,
            system.ordered.rows_wanted,
            *term_arrays(kernels, system.covariance),
            ends,
            sizes,
        )
        self._memories = system.memories

    def __call__(
        self, lattice: Lattice, axes: tuple[TileAxis, TileAxis], numbers: np.ndarray, states: np.ndarray,
        tolerance: float, quadratic: np.ndarray, products: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Do the same as `FarSamples._solve`."""
        tiles = tiles_of(axes, numbers)
        done = np.empty(len(tiles), dtype=bool)
        nodes_y, _, across_y, last_y = axes[0].for_kernels
        nodes_x, across_x, _, last_x = axes[1].for_kernels

        def solve(some: slice) -> None:
            try:
                memory = self._memories.pop()
            except IndexError:
                memory = np.zeros(0)
            arguments = (
                lattice.x, lattice.y, lattice.z, tiles[some], states[some],
                nodes_x, across_x, last_x, nodes_y, across_y, last_y,
                *self._system, tolerance, quadratic, products, self._slopes, done[some],
            )  # fmt: skip
            needed = self._kernels.reduce_tiles(*arguments, memory)
            if needed:
                memory = np.zeros(needed + needed // 8)
                self._kernels.reduce_tiles(*arguments, memory)
            self._memories.append(memory)

        in_shares(solve, len(tiles), self._n_threads)
        return done


def tiles_of(axes: tuple[TileAxis, TileAxis], numbers: np.ndarray) -> np.ndarray:
    """Return tiles as kernels take them: first row and the one after the last, the same of columns, and both parts.

    Parameters
    ----------
    axes : tuple of TileAxis
        Of rows and of columns.
    numbers : ndarray of int, shape (n_tiles,)

    Returns
    -------
    ndarray of int, shape (n_tiles, 6)
    """
    part_y, part_x = np.divmod(numbers, len(axes[1].parts))
    edges_y, edges_x = (np.array([(part.start, part.stop) for part in axis.parts]) for axis in axes)
    return np.column_stack([edges_y[part_y], edges_x[part_x], part_y, part_x]).astype(np.int64)


def in_shares(solve: Callable[[slice], None], n_tiles: int, n_threads: int) -> None:
    """Let threads solve shares of some tiles, with a kernel that holds no lock; no two tiles write to one cell."""
    shares = parts(n_tiles, -(-n_tiles // n_threads))
    with ThreadPoolExecutor(len(shares)) as pool:
        others = [pool.submit(solve, share) for share in shares[1:]]
        solve(shares[0])
        for other in others:
            other.result()
