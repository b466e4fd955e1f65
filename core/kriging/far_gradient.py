"""The gradient of a field kriged from all samples, on a raster with the far samples interpolated.

The estimate is ``m + sum_j b_j C(x - x_j)``. Over a tile of cells the gradient of the sum over the
samples that are smooth there (`far_samples`) is computed at Chebyshev nodes and interpolated; the
few others are summed at every cell. The interpolation is watched in the same way, and a tile where
it is not accurate to rounding is summed in full.
"""

from __future__ import annotations

import numpy as np

from .compiled import WORTH_COMPILING, compiled_kernels, frame_arrays, knows, note_failure, term_arrays
from .covariance import SmoothCovariance
from .far_samples import (
    COVARIANCE,
    EXACT_TO,
    SIDES,
    TileAxis,
    last_coefficients,
    nodes_for,
    probe_boxes,
    split_samples,
)
from .lattice import Lattice, parts, product_points

_LARGE = 4096
_IN_CACHE = 2**15
_MORE_NODES = 2  # a derivative has larger coefficients than its function
_TILE = 1e5  # cost of what is done once a tile, in multiplications and additions


def gradient_of_all(
    covariance: SmoothCovariance, targets: np.ndarray, points: np.ndarray, coefficients: np.ndarray
) -> np.ndarray:
    """Return the gradients of ``sum_j coefficients_j C(x - points_j)``, as `SmoothCovariance.gradient_of_sum`.

    Parameters
    ----------
    covariance : SmoothCovariance
    targets, points : ndarray, shape (n_targets, n_dimensions), (n_samples, n_dimensions)
    coefficients : ndarray, shape (n_samples, n_fields)

    Returns
    -------
    ndarray, shape (n_targets, n_fields, n_dimensions)
    """
    add = _Sum(covariance, points, coefficients, len(targets) >= WORTH_COMPILING)
    lattice = Lattice.of(targets) if len(targets) >= _LARGE and covariance.frames else None
    side = 0 if lattice is None else _tile_side(covariance, points, lattice)
    if lattice is None or side == 0:
        return add(targets, np.ones(len(points), dtype=bool))
    n_fields, n_dimensions = coefficients.shape[1], points.shape[1]
    result = np.empty((*lattice.shape, n_fields, n_dimensions))
    n_nodes = nodes_for(EXACT_TO) + _MORE_NODES
    across = parts(len(lattice.y), side), parts(len(lattice.x), side)
    axis_y, axis_x = (TileAxis.of(cells, of_axis, n_nodes) for cells, of_axis in zip((lattice.y, lattice.x), across))
    splits = zip(lattice.tiles(side), *split_samples(covariance, points, lattice.corners_of_tiles(side)))
    for number, (tile, is_exact, is_smooth) in enumerate(splits):
        part, (part_y, part_x) = lattice.part(*tile), divmod(number, len(axis_x.parts))
        at_nodes = add(product_points(axis_x.nodes[part_x], axis_y.nodes[part_y], lattice.z), is_smooth)
        at_nodes = np.moveaxis(at_nodes.reshape(axis_y.nodes.shape[1], axis_x.nodes.shape[1], -1), -1, 0)
        # Nodes are no samples: a kink at lag 0 is met at a cell only.
        last = last_coefficients(at_nodes, axis_x.last[part_x], axis_y.last[part_y])
        if (last > EXACT_TO * np.abs(at_nodes).max()).any():
            total = add(part.points(), is_exact | is_smooth)
        else:
            total = add(part.points(), is_exact)
            smooth = axis_y.matrix[tile[0]] @ at_nodes @ axis_x.matrix[tile[1]].T
            total += smooth.reshape(len(at_nodes), -1).T.reshape(total.shape)
        result[tile] = total.reshape(*part.shape, n_fields, n_dimensions)
    return result.reshape(-1, n_fields, n_dimensions)


class _Sum:
    """Sums over some samples, in full, compiled or with numpy.

    Parameters
    ----------
    covariance, points, coefficients
        As in `gradient_of_all`.
    is_large : bool
        Whether there are so many targets that compiled kernels pay.
    """

    def __init__(
        self, covariance: SmoothCovariance, points: np.ndarray, coefficients: np.ndarray, is_large: bool
    ) -> None:
        self._covariance, self._points, self._coefficients = covariance, points, coefficients
        kernels = compiled_kernels() if is_large and covariance.frames else None
        self._kernels = kernels if kernels is not None and knows(kernels, covariance) else None

    def __call__(self, targets: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Return the gradients, shape (n_targets, n_fields, n_dimensions), over the samples of a boolean mask."""
        points, coefficients = self._points[which], self._coefficients[which]
        total = np.zeros((len(targets), coefficients.shape[1], points.shape[1]))
        if len(points) == 0:
            return total
        if self._kernels is not None:
            try:
                self._kernels.gradient_of_sum(
                    np.ascontiguousarray(targets),
                    *frame_arrays(self._covariance, points),
                    np.ascontiguousarray(coefficients),
                    *term_arrays(self._kernels, self._covariance),
                    total,
                )
                return total
            except self._kernels.CompilationError as error:
                note_failure(error)
                self._kernels = None
        step = max(64, _IN_CACHE // len(points))
        for start in range(0, len(targets), step):
            few = slice(start, start + step)
            total[few] = self._covariance.gradient_of_sum(targets[few], points, coefficients)
        return total


def _tile_side(covariance: SmoothCovariance, points: np.ndarray, lattice: Lattice) -> int:
    """Return the side of a tile, in cells, with which interpolation costs least; 0 where the sum in full does."""
    n_nodes, best, least = nodes_for(EXACT_TO), 0, len(points) * COVARIANCE
    for side in SIDES:
        boxes = probe_boxes(points, (side - 1.0) * lattice.steps)
        is_exact, is_smooth = split_samples(covariance, points, boxes)
        n_exact = np.count_nonzero(is_exact) / len(boxes)
        n_smooth = np.count_nonzero(is_smooth) / len(boxes)
        share = min(1.0, n_nodes / side) ** 2
        cost = share * n_smooth * COVARIANCE + n_exact * COVARIANCE + 12.0 * n_nodes + _TILE / side**2
        if cost < least:
            best, least = side, cost
    return best
