"""The gradient of a field kriged from all samples, on a raster with the far samples interpolated.

The estimate is ``m + sum_j b_j C(x - x_j)``. Over a tile of cells the gradient of the sum over the
samples that are smooth there (`far_samples`) is computed at Chebyshev nodes and interpolated; the
few others are summed at every cell. The interpolation is watched in the same way: a tile where its
error may pass a tolerance, 1e-10 of the largest gradient unless a user allows more, gets more nodes, or is summed
in full. It is usually 1e-11.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .compiled import WORTH_COMPILING, compiled_kernels, frame_arrays, knows, note_failure, term_arrays
from .covariance import SmoothCovariance
from .far_samples import (
    COVARIANCE,
    EXACT,
    EXACT_TO,
    SIDES,
    SMOOTH,
    TileAxis,
    in_shares,
    last_coefficients,
    nodes_for,
    numbers_in_tiles,
    split_samples,
    tiles_of,
)
from .lattice import Lattice, product_points

_LARGE = 4096
_IN_CACHE = 2**15
_MORE_NODES = 1, 5  # a derivative has larger coefficients than its function; where the first do not suffice
_TILE, _TILE_SAMPLE, _NUMPY_TILE = 1e5, 8e2, 1e5  # cost of what is done once a tile, in multiplications and additions
_N_THREADS = 2


class GradientOfAll:
    """Gradients of ``sum_j coefficients_j C(x - points_j)``, as `SmoothCovariance.gradient_of_sum` has them.

    Parameters
    ----------
    covariance : SmoothCovariance
    points : ndarray, shape (n_samples, n_dimensions)
    coefficients : ndarray, shape (n_samples, n_fields)
    tolerance : float
        Error allowed where rasters are interpolated, as a share of the largest gradient.
    """

    def __init__(
        self, covariance: SmoothCovariance, points: np.ndarray, coefficients: np.ndarray, tolerance: float = EXACT_TO
    ) -> None:
        self._covariance, self._points, self._coefficients = covariance, points, coefficients
        self._tolerance = tolerance
        self._sides: dict[tuple[object, ...], int] = {}

    def at(self, targets: np.ndarray) -> np.ndarray:
        """Return the gradients at some targets, shape (n_targets, n_fields, n_dimensions)."""
        lattice = Lattice.of(targets) if len(targets) >= _LARGE and self._covariance.frames else None
        found = None if lattice is None else self.on_lattice(lattice)
        if found is None:
            found = _Sum(self._covariance, self._points, self._coefficients, len(targets) >= WORTH_COMPILING)(targets)
        return found

    def on_lattice(self, lattice: Lattice) -> np.ndarray | None:
        """Return the gradients at the cells of a raster, row by row; None where the sum in full costs least."""
        n_cells = lattice.shape[0] * lattice.shape[1]
        is_large = n_cells >= WORTH_COMPILING
        side = self._side(lattice, is_large) if n_cells >= _LARGE and self._covariance.frames else 0
        if side == 0:
            return None
        n_fields, n_dimensions = self._coefficients.shape[1], self._points.shape[1]
        result = np.empty((n_fields, n_dimensions, *lattice.shape))
        is_exact, is_smooth = split_samples(self._covariance, self._points, lattice.corners_of_tiles(side))
        states = np.where(is_exact, EXACT, np.where(is_smooth, SMOOTH, 0)).astype(np.int8)
        solve = _Tiles(self._covariance, self._points, self._coefficients, lattice, result, is_large, self._tolerance)
        left = np.arange(len(states))
        for more in _MORE_NODES:
            axes = (
                TileAxis.of(lattice.y, side, nodes_for(self._tolerance) + more),
                TileAxis.of(lattice.x, side, nodes_for(self._tolerance) + more),
            )
            left = left[~solve(axes, left, states[left])]
            if not len(left):
                break
        else:
            solve(axes, left, np.where(states[left] == SMOOTH, EXACT, states[left]).astype(np.int8))
        return np.moveaxis(result.reshape(n_fields, n_dimensions, -1), -1, 0)

    def _side(self, lattice: Lattice, is_large: bool) -> int:
        """Return the side of a tile, in cells, with which interpolation costs least; 0 where the sum in full does."""
        steps = lattice.steps
        key = (is_large, *(f"{step:.6g}" for step in steps))
        if key not in self._sides:
            self._sides[key] = _tile_side(self._covariance, self._points, steps, is_large, self._tolerance)
        return self._sides[key]


class _Tiles:
    """Fills the tiles of a lattice, compiled or with numpy.

    Parameters
    ----------
    covariance, points, coefficients
        As in `GradientOfAll`.
    lattice : Lattice
    result : ndarray, shape (n_fields, n_dimensions, n_rows, n_columns)
    is_large : bool
        Whether there are so many targets that compiled kernels pay.
    tolerance : float
        As in `GradientOfAll`.
    """

    def __init__(
        self, covariance: SmoothCovariance, points: np.ndarray, coefficients: np.ndarray, lattice: Lattice,
        result: np.ndarray, is_large: bool, tolerance: float,
    ) -> None:  # fmt: skip
        self._covariance, self._points, self._coefficients = covariance, points, coefficients
        self._lattice, self._result, self._is_large, self._tolerance = lattice, result, is_large, tolerance

    def __call__(self, axes: tuple[TileAxis, TileAxis], numbers: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Fill some tiles; return which are done: those whose interpolation is accurate."""
        kernels = compiled_kernels() if self._is_large else None
        if kernels is not None and knows(kernels, self._covariance):
            try:
                return self._compiled(kernels, axes, numbers, states)
            except kernels.CompilationError as error:
                note_failure(error)
        return np.array([self._fill(axes, int(number), state) for number, state in zip(numbers, states)])

    def _compiled(
        self, kernels: ModuleType, axes: tuple[TileAxis, TileAxis], numbers: np.ndarray, states: np.ndarray
    ) -> np.ndarray:
        """Do it with the kernel."""
        lattice, tiles, done = self._lattice, tiles_of(axes, numbers), np.empty(len(numbers), dtype=bool)
        nodes_y, _, across_y, last_y = axes[0].for_kernels
        nodes_x, across_x, _, last_x = axes[1].for_kernels
        sums = (
            *frame_arrays(self._covariance, self._points),
            np.array([frame.support for frame in self._covariance.frames]),
            np.ascontiguousarray(self._coefficients.T),
            *term_arrays(kernels, self._covariance),
        )

        def solve(some: slice) -> None:
            kernels.gradient_of_tiles(
                lattice.x, lattice.y, lattice.z, tiles[some], states[some],
                nodes_x, across_x, last_x, nodes_y, across_y, last_y,
                *sums, self._tolerance, self._result, done[some],
            )  # fmt: skip

        in_shares(solve, len(tiles), _N_THREADS)
        return done

    def _fill(self, axes: tuple[TileAxis, TileAxis], number: int, state: np.ndarray) -> bool:
        """Fill one tile with numpy."""
        (axis_y, axis_x), covariance = axes, self._covariance
        part_y, part_x = divmod(number, len(axis_x.parts))
        tile = axis_y.parts[part_y], axis_x.parts[part_x]
        part, n_fields = self._lattice.part(*tile), self._coefficients.shape[1]
        exact, smooth = state == EXACT, state == SMOOTH
        total = _Sum(covariance, self._points[exact], self._coefficients[exact], is_large=False)(part.points())
        planes = np.moveaxis(total, 0, -1).reshape(*total.shape[1:], *part.shape)
        if smooth.any():
            nodes = product_points(axis_x.nodes[part_x], axis_y.nodes[part_y], part.z)
            of_smooth = _Sum(covariance, self._points[smooth], self._coefficients[smooth], is_large=False)(nodes)
            at_nodes = np.moveaxis(of_smooth, 0, -1)
            at_nodes = at_nodes.reshape(-1, axis_y.nodes.shape[1], axis_x.nodes.shape[1])
            # Nodes are no samples: a kink at lag 0 is met at a cell only.
            last = last_coefficients(at_nodes, axis_x.last[part_x], axis_y.last[part_y]).reshape(n_fields, -1)
            largest = np.abs(at_nodes).reshape(n_fields, -1).max(axis=1)
            if (last.max(axis=1) > self._tolerance * largest).any():
                return False
            cells = axis_y.matrix[tile[0]] @ at_nodes @ axis_x.matrix[tile[1]].T
            planes = planes + cells.reshape(planes.shape)
        self._result[:, :, tile[0], tile[1]] = planes
        return True


class _Sum:
    """Sums over all samples, in full, compiled or with numpy.

    Parameters
    ----------
    covariance, points, coefficients
        As in `GradientOfAll`.
    is_large : bool
        Whether there are so many targets that compiled kernels pay.
    """

    def __init__(
        self, covariance: SmoothCovariance, points: np.ndarray, coefficients: np.ndarray, is_large: bool
    ) -> None:
        self._covariance, self._points, self._coefficients = covariance, points, coefficients
        kernels = compiled_kernels() if is_large and covariance.frames else None
        self._kernels = kernels if kernels is not None and knows(kernels, covariance) else None

    def __call__(self, targets: np.ndarray) -> np.ndarray:
        """Return the gradients, shape (n_targets, n_fields, n_dimensions)."""
        points, coefficients = self._points, self._coefficients
        if self._kernels is not None:
            by_field = np.empty((coefficients.shape[1], points.shape[1], len(targets)))
            try:
                self._kernels.gradient_of_sum(
                    np.ascontiguousarray(targets),
                    *frame_arrays(self._covariance, points),
                    np.ascontiguousarray(coefficients.T),
                    *term_arrays(self._kernels, self._covariance),
                    by_field,
                )
                return np.moveaxis(by_field, -1, 0)
            except self._kernels.CompilationError as error:
                note_failure(error)
        total = np.zeros((len(targets), coefficients.shape[1], points.shape[1]))
        step = max(64, _IN_CACHE // max(1, len(points)))
        for start in range(0, len(targets) if len(points) else 0, step):
            few = slice(start, start + step)
            total[few] = self._covariance.gradient_of_sum(targets[few], points, coefficients)
        return total


def _tile_side(
    covariance: SmoothCovariance, points: np.ndarray, steps: np.ndarray, is_large: bool, tolerance: float
) -> int:
    """Return the side of a tile, in cells, with which interpolation costs least; 0 where the sum in full does."""
    n_nodes, best, least = nodes_for(tolerance) + _MORE_NODES[0], 0, len(points) * COVARIANCE
    a_tile = _TILE + _TILE_SAMPLE * len(points) if is_large else _NUMPY_TILE
    for side, (n_exact, n_smooth) in zip(SIDES, numbers_in_tiles(covariance, points, steps)):
        share = min(1.0, n_nodes / side) ** 2
        cost = (share * n_smooth + n_exact) * COVARIANCE + 12.0 * n_nodes + a_tile / side**2
        if cost < least:
            best, least = side, cost
    return best
