"""The raster grid as a value: a shape, a place, a cell size and a CRS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import InputError

MOST_LEVELS = 10_000
"""More elevations than this are a slip of the step; a GeoTIFF holds 65,535 bands."""


@dataclass(frozen=True)
class Block:
    """A rectangular part of a grid, in rows and columns from the top-left corner, at one elevation or none."""

    row: int
    column: int
    n_rows: int
    n_columns: int
    elevation: float | None = None

    def parts(self, n_rows: int, n_columns: int) -> Iterator[Block]:
        """Yield parts of at most this size, whose edges inside the block are multiples of it: as files store them.

        Examples
        --------
        >>> [(part.row, part.column, part.n_rows, part.n_columns) for part in Block(3, 0, 4, 6).parts(5, 4)]
        [(3, 0, 2, 4), (3, 4, 2, 2), (5, 0, 2, 4), (5, 4, 2, 2)]
        """
        last_row, last_column = self.row + self.n_rows, self.column + self.n_columns
        for row in range(self.row // n_rows * n_rows, last_row, n_rows):
            top, bottom = max(row, self.row), min(row + n_rows, last_row)
            for column in range(self.column // n_columns * n_columns, last_column, n_columns):
                left, right = max(column, self.column), min(column + n_columns, last_column)
                yield Block(top, left, bottom - top, right - left, self.elevation)

    def within(self, other: Block) -> tuple[slice, slice]:
        """Return the rows and columns of another block that this one covers."""
        row, column = self.row - other.row, self.column - other.column
        return slice(row, row + self.n_rows), slice(column, column + self.n_columns)


@dataclass(frozen=True)
class Levels:
    """Equally spaced elevations, from the top down: the third dimension of a block model.

    Parameters
    ----------
    top, bottom : float
        The highest level; the lowest is the last one that is not below `bottom`. In map units.
    step : float
        Between levels, above 0: the height of a block.

    Raises
    ------
    InputError
        When the bottom is above the top, the step is not above 0, or the levels are too many.

    Examples
    --------
    >>> Levels(350.0, 320.0, 12.5).elevations
    (350.0, 337.5, 325.0)
    >>> Levels.from_text("-5; -25; 10").elevations
    (-5.0, -15.0, -25.0)
    """

    top: float
    bottom: float
    step: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.top, self.bottom, self.step]).all() and self.step > 0 and self.top >= self.bottom):
            raise InputError(
                "Expected elevations from the top down by a step above 0, got top "
                f"{self.top:g}, bottom {self.bottom:g}, step {self.step:g}. A depth is a negative elevation."
            )
        if len(self) > MOST_LEVELS:
            raise InputError(
                f"Expected at most {MOST_LEVELS} elevations, got {len(self)} from {self.top:g} down to "
                f"{self.bottom:g} by {self.step:g}. Choose a larger step."
            )

    @classmethod
    def from_text(cls, text: str) -> Levels:
        """Read top, bottom and step, separated by commas, semicolons or blanks.

        Raises
        ------
        InputError
            When these are not three numbers.
        """
        try:
            top, bottom, step = (float(word) for word in text.replace(";", " ").replace(",", " ").split())
        except ValueError as error:
            raise InputError(
                f"Expected three numbers for the elevations, top, bottom and step (350, 250, 10), got {text!r}."
            ) from error
        return cls(top, bottom, step)

    def __len__(self) -> int:
        # A hair's breadth short of a whole number of steps is rounding.
        return int(np.floor((self.top - self.bottom) / self.step + 1e-9)) + 1

    @property
    def elevations(self) -> tuple[float, ...]:
        """The levels, from the top down."""
        return tuple(float(self.top - i * self.step) for i in range(len(self)))


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
    levels : Levels or None
        Elevations of a block model; None for a map.

    Raises
    ------
    InputError
        For an empty, rotated or upside-down grid, or one with a number that is not finite.

    Examples
    --------
    >>> grid = RasterGrid.from_extent(0, 0, 100, 50, 20)
    >>> grid.shape, grid.extent
    ((3, 5), (0.0, -10.0, 100.0, 50.0))
    >>> grid.centers(Block(0, 0, 1, 2))
    array([[10., 40.],
           [30., 40.]])
    >>> grid.centers(Block(0, 0, 1, 1, elevation=-5.0))
    array([[10., 40., -5.]])
    """

    shape: tuple[int, int]
    transform: tuple[float, float, float, float, float, float]
    crs: str = ""
    levels: Levels | None = None

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise InputError(f"Expected a grid of at least one row and one column, got {self.shape}.")
        _, width, row_skew, _, column_skew, height = self.transform
        if not np.isfinite(self.transform).all():
            raise InputError(f"Expected a grid at a finite place, got the geotransform {self.transform}.")
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
        if not (east > west and north > south and np.isfinite([west, south, east, north, cell_size]).all()):
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
        """Number of cells of the map, or of one level of a block model."""
        return self.shape[0] * self.shape[1]

    @property
    def elevations(self) -> tuple[float | None, ...]:
        """The levels of a block model from the top down; for a map a single None."""
        return (None,) if self.levels is None else self.levels.elevations

    @property
    def n_nodes(self) -> int:
        """Number of cells of all levels together."""
        return self.n_cells * len(self.elevations)

    @property
    def cell_sides(self) -> tuple[float, ...]:
        """Width and depth of a cell, and the height of a block model's, in map units."""
        height = () if self.levels is None else (self.levels.step,)
        return (self.transform[1], -self.transform[5], *height)

    def axes(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return the axes of a block through the cell centres.

        Returns
        -------
        easting : ndarray, shape (n_columns,)
        northing : ndarray, shape (n_rows,)
            Both in map units; northings fall from row to row.
        """
        left, width, _, top, _, height = self.transform
        easting = left + (block.column + np.arange(block.n_columns) + 0.5) * width
        return easting, top + (block.row + np.arange(block.n_rows) + 0.5) * height

    def centers(self, block: Block) -> np.ndarray:
        """Return the cell centres of a block, row by row from the top-left.

        Returns
        -------
        ndarray, shape (n_rows * n_columns, 2 or 3)
            Easting, northing, and the elevation of a block that has one, in map units.
        """
        easting, northing = self.axes(block)
        columns = [np.tile(easting, block.n_rows), np.repeat(northing, block.n_columns)]
        if block.elevation is not None:
            columns.append(np.full(len(columns[0]), float(block.elevation)))
        return np.column_stack(columns)

    def lattice(self, n: int) -> np.ndarray:
        """Return the centres of about n x n cells spread over the map, on all elevations in turn.

        Returns
        -------
        ndarray, shape (n_cells, 2 or 3)
        """
        left, width, _, top, _, height = self.transform
        rows, columns = (np.unique(np.linspace(0, size - 1, min(n, size)).round()) for size in self.shape)
        easting, northing = np.meshgrid(left + (columns + 0.5) * width, top + (rows + 0.5) * height)
        places = [easting.ravel(), northing.ravel()]
        if self.levels is not None:
            places.append(np.resize(self.levels.elevations, easting.size))
        return np.column_stack(places)

    def blocks(self, size: int = 256) -> Iterator[Block]:
        """Yield the blocks that tile the map, edge blocks included, row by row; without elevation."""
        n_rows, n_columns = self.shape
        for row in range(0, n_rows, size):
            for column in range(0, n_columns, size):
                yield Block(row, column, min(size, n_rows - row), min(size, n_columns - column))
