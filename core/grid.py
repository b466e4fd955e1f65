"""The raster grid as a value: a shape, a place, a cell size and a CRS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Block:
    """A rectangular part of a grid, in rows and columns from the top-left corner."""

    row: int
    column: int
    n_rows: int
    n_columns: int


@dataclass(frozen=True)
class RasterGrid:
    """A north-up raster grid whose node coordinates are pixel centres.

    Parameters
    ----------
    shape : tuple of int
        (n_rows, n_columns), both at least 1.
    transform : tuple of float
        GDAL geotransform (left, cell_width, 0, top, 0, -cell_height) in map units.
    crs : str
        Authority code or WKT; "" when unknown.

    Raises
    ------
    InputError
        For an empty, rotated or upside-down grid.

    Examples
    --------
    >>> grid = RasterGrid.from_extent(0, 0, 100, 50, 20)
    >>> grid.shape, grid.extent
    ((3, 5), (0.0, -10.0, 100.0, 50.0))
    >>> grid.centers(Block(0, 0, 1, 2))
    array([[10., 40.],
           [30., 40.]])
    """

    shape: tuple[int, int]
    transform: tuple[float, float, float, float, float, float]
    crs: str = ""

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise InputError(f"Expected a grid of at least one row and one column, got {self.shape}.")
        _, width, row_skew, _, column_skew, height = self.transform
        if row_skew != 0 or column_skew != 0 or width <= 0 or height >= 0:
            raise InputError(
                "Expected a north-up grid without rotation, got the geotransform "
                f"{self.transform}. Warp the raster to a north-up grid first."
            )

    @classmethod
    def from_extent(
        cls, west: float, south: float, east: float, north: float, cell_size: float, crs: str = ""
    ) -> RasterGrid:
        """Cover an extent with square cells of exactly the given size, from its top-left corner.

        Parameters
        ----------
        west, south, east, north : float
            Extent in map units.
        cell_size : float
            In map units, above 0.
        crs : str

        Raises
        ------
        InputError
            For an empty extent or a cell size that is not above 0.
        """
        if not cell_size > 0:
            raise InputError(f"Expected a cell size above 0 map units, got {cell_size:g}.")
        if not (east > west and north > south):
            raise InputError(
                f"Expected an extent with east > west and north > south, got west {west:g}, south {south:g}, "
                f"east {east:g}, north {north:g}."
            )
        # A hair's breadth beyond a whole number of cells is rounding, not one more cell.
        n_columns = max(1, int(np.ceil((east - west) / cell_size - 1e-9)))
        n_rows = max(1, int(np.ceil((north - south) / cell_size - 1e-9)))
        transform = (float(west), float(cell_size), 0.0, float(north), 0.0, -float(cell_size))
        return cls((n_rows, n_columns), transform, crs)

    @classmethod
    def around(cls, coordinates: np.ndarray, cell_size: float | None = None, crs: str = "") -> RasterGrid:
        """Cover some locations with square cells whose edges are multiples of their size.

        Parameters
        ----------
        coordinates : ndarray, shape (n, 2)
            Easting, northing in map units.
        cell_size : float, optional
            In map units; None takes `round_cell_size`.
        crs : str

        Raises
        ------
        InputError
            For a cell size that is not above 0.
        """
        coordinates = np.asarray(coordinates, dtype=float)[:, :2]
        (west, south), (east, north) = coordinates.min(axis=0), coordinates.max(axis=0)
        if cell_size is None:
            cell_size = cls.round_cell_size(west, south, east, north)
        elif not cell_size > 0:
            raise InputError(f"Expected a cell size above 0 map units, got {cell_size:g}.")
        west, south = (np.floor(edge / cell_size) * cell_size for edge in (west, south))
        east, north = ((np.floor(edge / cell_size) + 1) * cell_size for edge in (east, north))
        return cls.from_extent(west, south, east, north, cell_size, crs)

    @staticmethod
    def round_cell_size(west: float, south: float, east: float, north: float, n_cells: int = 100) -> float:
        """Return the number of the form 1, 2 or 5 times a power of ten that gives about `n_cells` on the longer side.

        Examples
        --------
        >>> RasterGrid.round_cell_size(178605, 329714, 181390, 333611)
        50.0
        """
        exact = max(east - west, north - south) / n_cells
        if not exact > 0:
            return 1.0
        power = 10.0 ** np.floor(np.log10(exact))
        return float(min((step * power for step in (1.0, 2.0, 5.0, 10.0)), key=lambda size: abs(np.log(size / exact))))

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north in map units."""
        left, width, _, top, _, height = self.transform
        n_rows, n_columns = self.shape
        return left, top + n_rows * height, left + n_columns * width, top

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    def centers(self, block: Block) -> np.ndarray:
        """Return the cell centres of a block, row by row from the top-left.

        Returns
        -------
        ndarray, shape (n_rows * n_columns, 2)
            Easting, northing in map units.
        """
        left, width, _, top, _, height = self.transform
        easting = left + (block.column + np.arange(block.n_columns) + 0.5) * width
        northing = top + (block.row + np.arange(block.n_rows) + 0.5) * height
        return np.column_stack([np.tile(easting, block.n_rows), np.repeat(northing, block.n_columns)])

    def blocks(self, size: int = 256) -> Iterator[Block]:
        """Yield the blocks that tile the grid, edge blocks included, row by row."""
        n_rows, n_columns = self.shape
        for row in range(0, n_rows, size):
            for column in range(0, n_columns, size):
                yield Block(row, column, min(size, n_rows - row), min(size, n_columns - column))
