"""The cells of a map: whose grid is taken, its levels, and which cells stay empty."""

from __future__ import annotations

from typing import Callable, Optional

import numpy as np

from ...core.errors import InputError
from ...core.grid import Block, Levels, RasterGrid
from ..covariates.on_grid import CovariateGrid
from ..covariates.stack import CovariateStack
from ..crs import crs_from_code, require_same
from ..identity import tr
from ..rasters import RasterSource
from .values import Values


def wanted_levels(read: Values, n_dimensions: int) -> Optional[Levels]:
    """Return the elevations to map, None for a 2-D map.

    Raises
    ------
    InputError
        For elevations of 2-D samples or none of 3-D ones.
    """
    given = read.given("ELEVATIONS")
    if n_dimensions == 3 and not given:
        raise InputError(
            tr(
                "Expected elevations to map, since the samples are 3-D, got none. Enter them as top, bottom and "
                "step (350, 250, 10)."
            )
        )
    if n_dimensions == 2 and given:
        raise InputError(
            tr("Expected no elevations, since the samples are 2-D, got {}. Leave them empty.").format(
                read.text("ELEVATIONS")
            )
        )
    return Levels.from_text(read.text("ELEVATIONS")) if given else None


def wanted_cells(
    read: Values, template: Optional[RasterSource], crs: str, around: np.ndarray, fallback: Optional[RasterSource]
) -> RasterGrid:
    """Return the cells of the template, or of EXTENT and CELL_SIZE, or some around places, without levels.

    Raises
    ------
    InputError
        For a template in another CRS or an impossible extent.
    """
    expected = crs_from_code(crs)
    extent_given, size_given = read.given("EXTENT"), read.given("CELL_SIZE")
    if template is not None:
        if extent_given or size_given:
            read.feedback.pushWarning(
                tr("A template is given, so its grid is taken exactly; extent and cell size are not used.")
            )
    elif fallback is not None and not extent_given and not size_given:
        template = fallback
        read.feedback.pushInfo(tr("The grid is that of the covariate {}.").format(fallback.name))
    if template is not None:
        require_same(template.crs, tr("the raster {}").format(template.name), expected, tr("the samples"))
        grid = template.grid()
        return RasterGrid(grid.shape, grid.transform, crs)
    cell_size = read.number("CELL_SIZE")
    if not extent_given:
        return RasterGrid.around(around, cell_size, crs)
    bounds = read.extent(crs)
    if cell_size is None:
        cell_size = RasterGrid.round_cell_size(*bounds)
    return RasterGrid.from_extent(*bounds, cell_size, crs)


def tell_grid(grid: RasterGrid, around: np.ndarray, feedback) -> None:
    """Tell what will be mapped, and where it does not touch the area of the samples.

    Parameters
    ----------
    grid : RasterGrid
    around : ndarray, shape (n, 2 or 3)
        Places of the samples.
    feedback : QgsProcessingFeedback
    """
    n_rows, n_columns = grid.shape
    feedback.pushInfo(
        tr("Grid: {rows} rows and {columns} columns of {width:g} by {height:g} map units.").format(
            rows=n_rows, columns=n_columns, width=grid.transform[1], height=-grid.transform[5]
        )
    )
    if grid.shape == (1, 1):
        feedback.pushWarning(tr("The whole map is a single cell. Check the cell size: it is in map units."))
    if grid.levels is not None:
        feedback.pushInfo(
            tr("Elevations: {n}, from {top:g} down to {bottom:g} by {step:g}.").format(
                n=len(grid.levels), top=grid.levels.top, bottom=grid.elevations[-1], step=grid.levels.step
            )
        )
        half = 0.5 * grid.levels.step
        _tell_far(tr("elevation"), grid.elevations[-1] - half, grid.levels.top + half, around[:, 2], feedback)
    west, south, east, north = grid.extent
    _tell_far(tr("easting"), west, east, around[:, 0], feedback)
    _tell_far(tr("northing"), south, north, around[:, 1], feedback)


def _tell_far(axis: str, low: float, high: float, places: np.ndarray, feedback) -> None:
    """Tell where the map lies beside the samples along one axis."""
    if len(places) and (low > places.max() or high < places.min()):
        feedback.pushWarning(
            tr(
                "The map does not touch the area of the samples: its {axis} is {low:.10g} to {high:.10g}, theirs "
                "{first:.10g} to {last:.10g}. Far from all samples a map shows hardly more than their mean. Check the "
                "extent and its CRS."
            ).format(axis=axis, low=low, high=high, first=places.min(), last=places.max())
        )


def mask_of(template: RasterSource, grid: RasterGrid) -> Callable[[Block], np.ndarray]:
    """Return what says in which cells the first band of a raster has a value."""
    values = CovariateGrid(CovariateStack.of_sources([template]).members[:1], grid)
    return lambda block: np.isfinite(values.block(block).values[:, 0])
