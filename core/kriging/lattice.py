"""Targets that are the cells of a raster, row by row, and how they are cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..grid import Block, RasterGrid


@dataclass(frozen=True)
class Lattice:
    """Cell centres in rows and columns, at one elevation or in the plane.

    Parameters
    ----------
    x, y : ndarray, shape (n_columns,), (n_rows,)
    z : ndarray, shape (1,) or (0,)
        The elevation of all; empty in the plane.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray) -> Lattice | None:
        """Return the lattice that targets of shape (n, 2 or 3) are, row by row; None where they are none.

        Examples
        --------
        >>> lattice = Lattice.of(np.array([[0.0, 9.0], [5.0, 9.0], [0.0, 7.0], [5.0, 7.0]]))
        >>> lattice.x.tolist(), lattice.y.tolist(), lattice.shape
        ([0.0, 5.0], [9.0, 7.0], (2, 2))
        """
        n = len(targets)
        if n == 0:
            return None
        changes = targets[:, 1] != targets[0, 1]
        n_columns = int(np.argmax(changes)) or n
        if n % n_columns:
            return None
        cells = targets.reshape(n // n_columns, n_columns, -1)
        x, y, z = cells[0, :, 0], cells[:, 0, 1], targets[:1, 2:]
        is_one = np.array_equal(cells[..., 0], np.broadcast_to(x, cells.shape[:2])) and np.array_equal(
            cells[..., 1], np.broadcast_to(y[:, None], cells.shape[:2])
        )
        if not is_one or (targets[:, 2:] != z).any():
            return None
        return cls(np.ascontiguousarray(x), np.ascontiguousarray(y), np.ascontiguousarray(z[0]))

    @classmethod
    def of_block(cls, grid: RasterGrid, block: Block, center: np.ndarray) -> Lattice:
        """Return the cell centres of a block of a grid, less a centre of shape (2,) or (3,).

        Raises
        ------
        InputError
            When the centre has an elevation and the block has none.
        """
        if len(center) == 3 and block.elevation is None:
            raise InputError("The samples are 3-D, but the grid has no elevation. Give elevations to estimate at.")
        x, y = grid.axes(block)
        z = np.empty(0) if block.elevation is None else np.array([float(block.elevation)])
        return cls(x - center[0], y - center[1], z[: len(center) - 2] - center[2:])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y), len(self.x)

    @property
    def steps(self) -> np.ndarray:
        """Between columns and between rows, shape (2,), in map units; 0 where there is only one."""
        return np.array([np.ptp(axis) / max(1, len(axis) - 1) for axis in (self.x, self.y)])

    def part(self, rows: slice, columns: slice) -> Lattice:
        """Return a rectangle of cells."""
        return Lattice(self.x[columns], self.y[rows], self.z)

    def points(self) -> np.ndarray:
        """Return the cell centres row by row, shape (n_rows * n_columns, 2 or 3)."""
        return product_points(self.x, self.y, self.z)

    def corners(self) -> np.ndarray:
        """Return the four corners, shape (4, 2 or 3)."""
        return product_points(self.x[[0, -1]], self.y[[0, -1]], self.z)

    def corners_of_tiles(self, side: int) -> np.ndarray:
        """Return the four corners of each of the `tiles`, shape (n_tiles, 4, 2 or 3)."""
        x, y = (
            np.array([(axis[part.start], axis[part.stop - 1]) for part in parts(len(axis), side)])
            for axis in (self.x, self.y)
        )
        corners = np.empty((len(y), len(x), 2, 2, 2 + len(self.z)))
        corners[..., 0], corners[..., 1] = x[:, None, :], y[:, None, :, None]
        corners[..., 2:] = self.z
        return corners.reshape(-1, 4, corners.shape[-1])

    def tiles(self, side: int) -> list[tuple[slice, slice]]:
        """Return rows and columns of tiles of `side` x `side` cells, fewer at the last rows and columns."""
        return [(rows, columns) for rows in parts(len(self.y), side) for columns in parts(len(self.x), side)]


def product_points(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return every x at every y, y by y, at the elevation z if there is one.

    Parameters
    ----------
    x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)

    Returns
    -------
    ndarray, shape (n_rows * n_columns, 2 or 3)
    """
    columns = [np.tile(x, len(y)), np.repeat(y, len(x)), *(np.full(len(x) * len(y), level) for level in z)]
    return np.column_stack(columns)


def parts(n: int, side: int) -> list[slice]:
    """Cut a range into parts of `side`; the last has what is left."""
    return [slice(start, min(start + side, n)) for start in range(0, n, side)]
