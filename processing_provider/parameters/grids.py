"""The cells of a map and the levels of a block model."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsProcessingParameterExtent

from ..identity import tr
from .kinds import check_box, distance, optional_text, raster_input, real_number, with_help


def grid_inputs(parent: Optional[str] = "INPUT", around: Optional[str] = None):
    """Return EXTENT, CELL_SIZE, TEMPLATE, TEMPLATE_MASK and NODATA_AS_NAN.

    Parameters
    ----------
    parent : str, optional
        Parameter whose CRS gives the unit of the cell size; None where none does.
    around : str, optional
        What is covered when there is neither extent nor template.
    """
    around = around or tr("the samples")
    label = tr("Cell size")
    return [
        with_help(
            QgsProcessingParameterExtent("EXTENT", tr("Extent"), None, True),
            tr("Area to map, covered by whole cells from its top-left corner. Empty: the area of {}.").format(around),
        ),
        with_help(
            real_number("CELL_SIZE", label, None, minimum=0.0)
            if parent is None
            else distance("CELL_SIZE", label, parent),
            tr("Side of the square cells, in map units. Empty: a round number, about 100 cells along the longer side."),
        ),
        raster_input(
            "TEMPLATE",
            tr("Template raster"),
            tr(
                "A raster whose grid is taken exactly (cells, extent and CRS), so that the maps lie on it cell by "
                "cell. Takes the place of extent and cell size."
            ),
            optional=True,
        ),
        with_help(
            check_box("TEMPLATE_MASK", tr("Leave cells empty where the template has no value"), False),
            tr("Cells in which the template raster has no value (band 1) become nodata."),
        ),
        with_help(
            check_box("NODATA_AS_NAN", tr("Write NaN in empty cells"), False, optional=True),
            tr("Cells without a value hold NaN (not a number), as some programs expect it, instead of -9999."),
            advanced=True,
        ),
    ]


def elevations():
    """Return ELEVATIONS: the levels of a block model."""
    return with_help(
        optional_text("ELEVATIONS", tr("Elevations")),
        tr(
            "For samples with elevations (PointZ): the levels to map, as top, bottom and step in map units, for "
            "instance 350, 250, 10. Each level is a band of the raster, from the top down. Elevations rise upwards, so "
            "depths are negative. Empty: a 2-D map."
        ),
    )
