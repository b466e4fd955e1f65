"""Covariates on a grid, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Optional, Union

import numpy as np

from ...core.errors import InputError
from ...core.grid import Block, RasterGrid
from ...core.samples import Covariates
from ..identity import tr
from ..polygons import RasterizedPolygons
from ..rasters import TILE, WarpedBands
from .kinds import (
    Covariate,
    LevelBands,
    PlaceElevation,
    PolygonField,
    Projected,
    RasterBand,
    SampleColumn,
    gradients_of,
    loadings_of,
    projections_of,
)

KEPT_BYTES = 32 * 2**20
"""Most bytes of covariates kept for the blocks that follow."""


class CovariateGrid:
    """Covariates on a grid, read in wide tiles, once for all levels of a block model.

    Parameters
    ----------
    members : sequence of Covariate
    grid : RasterGrid

    Raises
    ------
    InputError
        For a column of the samples, which nobody knows on a grid.
    """

    def __init__(self, members: Sequence[Covariate], grid: RasterGrid) -> None:
        self._members, self._grid = tuple(members), grid
        self._readers: list[tuple[list[int], Union[WarpedBands, RasterizedPolygons, _ProjectedBands]]] = []
        self._elevation = [i for i, member in enumerate(members) if isinstance(member, PlaceElevation)]
        bands: dict[tuple[str, bool], list[tuple[int, RasterBand]]] = {}
        for i, member in enumerate(members):
            if isinstance(member, RasterBand):
                bands.setdefault((member.source.path, member.is_categorical), []).append((i, member))
            elif isinstance(member, PolygonField):
                self._readers.append(([i], RasterizedPolygons(member.codes, grid)))
            elif isinstance(member, SampleColumn):
                raise InputError(
                    tr("The column {} of the samples is not known on a grid. Give a raster of its name.").format(
                        member.name
                    )
                )
        for (_, nearest), chosen in bands.items():
            source, numbers = chosen[0][1].source, [band.number for _, band in chosen]
            self._readers.append(([i for i, _ in chosen], WarpedBands(source, numbers, grid, nearest)))
        for columns, projected in projections_of(members):
            self._readers.append((columns, _ProjectedBands(projected, grid)))
        self._gradients = gradients_of(members)
        self._levels = [
            (i, member, WarpedBands(member.source, member.numbers, grid, nearest=False))
            for i, member in enumerate(members)
            if isinstance(member, LevelBands)
        ]
        self._tile: Optional[Block] = None
        self._values = np.empty((0, 0))

    def block(self, block: Block) -> Covariates:
        """Return the covariates of a block's cells, in the order of ``grid.centers``."""
        tile = self._tile_of(block)
        if tile is None:
            values = self._read(replace(block, elevation=None))
        else:
            if tile != self._tile:
                self._values = np.empty((0, 0))  # room for the next one
                self._tile, self._values = tile, self._read(tile)
            values = self._values.reshape(tile.n_rows, tile.n_columns, -1)[block.within(tile)]
            values = values.reshape(block.n_rows * block.n_columns, -1).copy()
        values[:, self._elevation] = np.nan if block.elevation is None else block.elevation
        for column, member, bands in self._levels:
            places = np.full(len(values), np.nan if block.elevation is None else block.elevation)
            values[:, column] = member.mixed(places, bands.read(block))
        for columns, gradients in self._gradients:
            values[:, columns] = gradients.at(self._grid.centers(block))
        names = tuple(member.name for member in self._members)
        return Covariates(names, values, tuple(member.is_categorical for member in self._members))

    def _tile_of(self, block: Block) -> Optional[Block]:
        """Return the tile a block lies in, None when it lies in several."""
        grid_rows, grid_columns = self._grid.shape
        n_columns = KEPT_BYTES // (8 * TILE * max(1, len(self._members)))
        n_columns = max(TILE, n_columns // TILE * TILE)
        row, column = block.row // TILE * TILE, block.column // n_columns * n_columns
        if block.row + block.n_rows > row + TILE or block.column + block.n_columns > column + n_columns:
            return None
        n_rows = min(TILE, grid_rows - row)
        return Block(row, column, n_rows, min(n_columns, grid_columns - column))

    def _read(self, block: Block) -> np.ndarray:
        """Return everything but what depends on the elevation, shape (n_cells, n_covariates)."""
        values = np.empty((block.n_rows * block.n_columns, len(self._members)))
        for columns, reader in self._readers:
            values[:, columns] = reader.read(block)
        return values


class _ProjectedBands:
    """Weighted sums over the bands of a raster on a grid."""

    def __init__(self, members: Sequence[Projected], grid: RasterGrid) -> None:
        self._members = members
        self._mean = np.array(members[0].origin["mean"])
        self._loadings = loadings_of(members)
        self._bands = WarpedBands(members[0].source, range(1, len(self._mean) + 1), grid, nearest=False)

    def read(self, block: Block) -> np.ndarray:
        """Return the sums at a block's cells, shape (n_cells, n_members), band by band."""
        sums = np.zeros((block.n_rows, block.n_columns, len(self._members)))
        for part in self._bands.parts(block):
            rows, columns = part.within(block)
            for values, mean, loadings in zip(self._bands.each(part), self._mean, self._loadings):
                sums[rows, columns] += (values - mean)[..., None] * loadings
        return sums.reshape(-1, len(self._members))
