"""The area to map as places, for folds as far from the samples as the map is."""

from __future__ import annotations

from typing import Optional

import numpy as np

from ..core.errors import InputError
from ..core.samples import Samples
from .crs import crs_from_code
from .identity import tr
from .rasters import transformed
from .reading.reader import Reader

PLACES = 4000
"""About so many stand for a whole map."""


def prediction_places(read: Reader, samples: Samples) -> Optional[np.ndarray]:
    """Return places of the area to map, shape (n_places, 2): cells of TEMPLATE that have a value, or of EXTENT.

    Some `PLACES` of them, evenly chosen; None where neither is given.

    Raises
    ------
    InputError
        When the template has no value anywhere.
    """
    template, expected = read.template, crs_from_code(samples.crs)
    if template is not None:
        grid = template.grid()
        step = max(1, int(np.sqrt(grid.n_cells / PLACES)))
        rows, columns = (np.arange(min(step // 2, n - 1), n, step) for n in grid.shape)
        left, width, _, top, _, height = grid.transform
        column, row = (axis.ravel() for axis in np.meshgrid(columns, rows))
        places = np.column_stack([left + (column + 0.5) * width, top + (row + 0.5) * height])
        known = np.isfinite(template.at(places, template.crs, [1], nearest=True)[:, 0])
        if not known.any():
            raise InputError(
                tr("Expected a template with values, got {}, which has none. Choose another.").format(template.name)
            )
        return transformed(places[known], template.crs, expected)
    rectangle = read.extent(samples.crs)
    if rectangle is None:
        return None
    step = np.sqrt((rectangle[2] - rectangle[0]) * (rectangle[3] - rectangle[1]) / PLACES)
    axes = [np.arange(rectangle[axis] + step / 2, rectangle[axis + 2], step) for axis in range(2)]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
