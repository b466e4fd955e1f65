"""Drift rasters with their gradients, on the grid of a map and at samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.grid import Block, RasterGrid
from ..core.kriging.drift import DriftClasses, DriftSlopes
from .covariates.kinds import LevelBands
from .covariates.stack import CovariateStack
from .crs import crs_from_code


class DriftAround:
    """Reads drift rasters in and around cells, for central differences over one cell of the map.

    Parameters
    ----------
    rasters : CovariateStack
    classes : DriftClasses
        Of the samples.
    grid : RasterGrid
        Of the map.
    """

    def __init__(self, rasters: CovariateStack, classes: DriftClasses, grid: RasterGrid) -> None:
        self._rasters, self._classes, self._grid = rasters, classes, grid
        self._has_levels = any(isinstance(member, LevelBands) for member in rasters.members)
        (n_rows, n_columns), (left, width, _, top, _, height) = grid.shape, grid.transform
        corner = (left - width, width, 0.0, top - height, 0.0, height)
        self._wide = rasters.on(replace(grid, shape=(n_rows + 2, n_columns + 2), transform=corner))

    def block(self, block: Block) -> DriftSlopes:
        """Return the drift at the cells of a block, row by row from the top left."""
        # The wide grid has one row and one column more before the first.
        around = self._read(replace(block, n_rows=block.n_rows + 2, n_columns=block.n_columns + 2))
        here = around[1:-1, 1:-1]
        beside = [(around[1:-1, :-2], around[1:-1, 2:]), (around[2:, 1:-1], around[:-2, 1:-1])]
        if block.elevation is not None:
            beside.append(self._below_and_above(block, block.elevation) if self._has_levels else (here, here))
        n = block.n_rows * block.n_columns
        flat = [(back.reshape(n, -1), on.reshape(n, -1)) for back, on in beside]
        return DriftSlopes.between(here.reshape(n, -1), flat, self._grid.cell_sides, self._classes.is_class)

    def _below_and_above(self, block: Block, elevation: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the drift's columns a level below a block and a level above it."""
        inner, step = replace(block, row=block.row + 1, column=block.column + 1), self._grid.cell_sides[2]
        below, above = (self._read(replace(inner, elevation=elevation + level)) for level in (-step, step))
        return below, above

    def _read(self, block: Block) -> np.ndarray:
        """Return the drift's columns in a block of the wide grid, shape (n_rows, n_columns, n_drift)."""
        columns = self._classes.columns(self._wide.block(block))
        return columns.reshape(block.n_rows, block.n_columns, -1)

    def at(self, coordinates: np.ndarray) -> DriftSlopes:
        """Return the drift at some places, shape (n, 2 or 3), in the CRS of the grid."""
        crs = crs_from_code(self._grid.crs)

        def columns(places: np.ndarray) -> np.ndarray:
            return self._classes.columns(self._rasters.at(places, crs))

        sides = self._grid.cell_sides
        steps = np.diag(sides)
        beside = [(columns(coordinates - step), columns(coordinates + step)) for step in steps]
        return DriftSlopes.between(columns(coordinates), beside, sides, self._classes.is_class)
