"""Rasters whose bands are levels of a block model, as they are read back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.grid import Block, RasterGrid
from .identity import tr
from .rasters import ELEVATION, QUANTITY, RasterSource, WarpedBands

_NAMED = re.compile(r"(?P<quantity>.*\S)\s+(?P<elevation>-?\d+(\.\d+)?)(\s+\S+)?")
"""A band of a raster of another origin: "zinc 350 m"."""


@dataclass(frozen=True)
class Quantity:
    """One quantity of a block model.

    Parameters
    ----------
    name : str
    source : RasterSource
    numbers : dict of float to int
        Band of each elevation.
    """

    name: str
    source: RasterSource
    numbers: dict[float, int]


def quantities_of(sources: Sequence[RasterSource]) -> list[Quantity]:
    """Find the quantities of some rasters; names that occur in several get that of the raster in front.

    Raises
    ------
    InputError
        For a band without an elevation, or quantities that do not have the same elevations.
    """
    found: list[Quantity] = []
    for source in sources:
        numbers: dict[str, dict[float, int]] = {}
        for number, (name, elevation) in enumerate(_levels_of(source), start=1):
            numbers.setdefault(name, {})[elevation] = number
        found += [Quantity(name, source, levels) for name, levels in numbers.items()]
    names = [quantity.name for quantity in found]
    found = [
        quantity
        if names.count(quantity.name) == 1
        else Quantity(f"{quantity.source.name}: {quantity.name}", quantity.source, quantity.numbers)
        for quantity in found
    ]
    for quantity in found[1:]:
        if set(quantity.numbers) != set(found[0].numbers):
            raise InputError(
                tr(
                    "Expected the same elevations of all quantities, got {first} of {one} and {second} of {other}. "
                    "Export them one by one."
                ).format(
                    first=len(found[0].numbers), one=found[0].name, second=len(quantity.numbers), other=quantity.name
                )
            )
    return found


def require_one_grid(sources: Sequence[RasterSource]) -> RasterGrid:
    """Return the grid of rasters that all have the same.

    Raises
    ------
    InputError
        When one has another.
    """
    grids = [source.grid() for source in sources]
    for source, grid in zip(sources, grids):
        if grid.shape != grids[0].shape or not np.allclose(grid.transform, grids[0].transform, rtol=1e-9, atol=0):
            raise InputError(
                tr("Expected rasters on one grid, got another one of {other} than of {first}. Export them one by one.")
                .format(other=source.name, first=sources[0].name)
            )
    return grids[0]


class LevelReader:
    """The quantities of a block model at one elevation.

    Parameters
    ----------
    quantities : sequence of Quantity
    grid : RasterGrid
    elevation : float
    """

    def __init__(self, quantities: Sequence[Quantity], grid: RasterGrid, elevation: float) -> None:
        self._bands = [
            WarpedBands(quantity.source, [quantity.numbers[elevation]], grid, nearest=True) for quantity in quantities
        ]

    def read(self, block: Block) -> np.ndarray:
        """Return the values of a block's cells, shape (n_cells, n_quantities), NaN for nodata."""
        return np.hstack([bands.read(block) for bands in self._bands])


def _levels_of(source: RasterSource) -> list[tuple[str, float]]:
    """Return quantity and elevation of each band, from its metadata or its description."""
    dataset = source.open()
    levels = []
    for number, description in enumerate(source.band_names(), start=1):
        band = dataset.GetRasterBand(number)
        metadata = band.GetMetadata()
        named = _NAMED.fullmatch(band.GetDescription())
        if QUANTITY in metadata and ELEVATION in metadata:
            levels.append((metadata[QUANTITY], float(metadata[ELEVATION])))
        elif named is not None:
            levels.append((named["quantity"], float(named["elevation"])))
        else:
            raise InputError(
                tr(
                    "Expected bands called after their elevation, such as zinc 350 m, got {band} in {raster}. Map with "
                    "ELEVATIONS to make a block model."
                ).format(band=description, raster=source.name)
            )
    return levels
