"""Rasters that are read: covariates at points and on a grid, and the grid of a template.

At a point a quantity is interpolated bilinearly between the four cell centres around it (cells
without a value do not take part, but the cell the point lies in must have one); a class is that
of the cell the point lies in. On a grid that equals the raster's own, cells are read as they are;
on another grid GDAL resamples, bilinearly or nearest, within the same CRS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Optional

import numpy as np
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from ..core.errors import InputError
from ..core.grid import Block, RasterGrid
from ..core.samples import Covariates
from .crs import crs_code
from .identity import tr

MOST_CLASSES = 20
"""A covariate with whole numbers only, and at most so many different ones, is taken as categorical."""
ROWS_LOOKED_AT = 512
TILE = 256
"""Side of the blocks in which rasters are written, in cells."""
NO_CATEGORICAL = "none"


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Keep GDAL's messages off the console; they come with our errors instead."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()


@dataclass(frozen=True)
class RasterSource:
    """A raster layer, as far as it is needed when the layer itself must not be touched any more.

    Parameters
    ----------
    name : str
        Layer name.
    path : str
        What GDAL opens.
    crs : QgsCoordinateReferenceSystem
    """

    name: str
    path: str
    crs: QgsCoordinateReferenceSystem

    @classmethod
    def of_layer(cls, layer: QgsRasterLayer) -> RasterSource:
        """Take over name, source and CRS of a layer.

        Raises
        ------
        InputError
            When the layer is not read by GDAL, as web maps are not.
        """
        if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
            raise InputError(
                tr("Expected a raster file, got {name}, which is no raster read by GDAL. Export it to a GeoTIFF first.")
                .format(name=layer.name())
            )
        return cls(layer.name(), layer.source().split("|option:")[0], layer.crs())

    def open(self) -> gdal.Dataset:
        """Open the raster.

        Raises
        ------
        InputError
            When GDAL cannot.
        """
        with quiet_gdal():
            dataset = gdal.Open(self.path)
        if dataset is None:
            raise InputError(
                tr("The raster {name} cannot be read from {path}: {why}").format(
                    name=self.name, path=self.path, why=gdal.GetLastErrorMsg() or tr("no such raster")
                )
            )
        return dataset

    def grid(self) -> RasterGrid:
        """Return the raster's grid.

        Raises
        ------
        InputError
            For a raster that is rotated or not north-up.
        """
        return _grid_of(self.open(), crs_code(self.crs), self.name)


@dataclass(frozen=True)
class CovariateBand:
    """One covariate: a band of a raster under the name it is known by."""

    name: str
    source: RasterSource
    number: int
    is_categorical: bool = False


@dataclass(frozen=True)
class CovariateRasters:
    """The covariates of a run.

    Parameters
    ----------
    bands : tuple of CovariateBand
    """

    bands: tuple[CovariateBand, ...] = field(default_factory=tuple)

    @classmethod
    def of_sources(cls, sources: Sequence[RasterSource]) -> CovariateRasters:
        """List every band of every raster, all as quantities."""
        bands = []
        for source in sources:
            dataset = source.open()
            for number in range(1, dataset.RasterCount + 1):
                described = dataset.GetRasterBand(number).GetDescription() or f"band {number}"
                name = source.name if dataset.RasterCount == 1 else f"{source.name}: {described}"
                bands.append(CovariateBand(name, source, number))
        names = [band.name for band in bands]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                tr(
                    "Covariates are known by their names, and these occur twice: {}. Rename the layers or bands."
                ).format(", ".join(twice))
            )
        return cls(tuple(bands))

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(band.name for band in self.bands)

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which of them hold class codes."""
        return tuple(band.is_categorical for band in self.bands)

    def with_categorical(self, names: Optional[Iterable[str]]) -> CovariateRasters:
        """Mark the covariates that hold class codes.

        Parameters
        ----------
        names : iterable of str, optional
            None looks at the values: whole numbers only, at most `MOST_CLASSES` different ones.

        Raises
        ------
        InputError
            For a name that no covariate has.
        """
        if names is None:
            names = [band.name for band in self.bands if _looks_categorical(band)]
        names = set(names)
        unknown = sorted(names - set(self.names))
        if unknown:
            raise InputError(
                tr("No covariate is named {unknown}; there are: {names}. Correct the names of categorical covariates.")
                .format(unknown=", ".join(unknown), names=", ".join(self.names) or tr("none"))
            )
        return CovariateRasters(tuple(replace(band, is_categorical=band.name in names) for band in self.bands))

    def only(self, names: Sequence[str], categorical: Sequence[bool]) -> CovariateRasters:
        """Return the covariates of these names, in this order.

        Raises
        ------
        InputError
            When one is missing.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise InputError(
                tr(
                    "The model was trained with covariates that are not among the rasters: {missing}. Expected "
                    "{names}; got {got}. Add the rasters, or rename their layers to these names."
                ).format(
                    missing=", ".join(missing), names=", ".join(names), got=", ".join(self.names) or tr("no raster")
                )
            )
        by_name = {band.name: band for band in self.bands}
        return CovariateRasters(
            tuple(replace(by_name[name], is_categorical=flag) for name, flag in zip(names, categorical))
        )

    def at(self, coordinates: np.ndarray) -> Covariates:
        """Return the covariates at points.

        Parameters
        ----------
        coordinates : ndarray, shape (n_points, 2)

        Returns
        -------
        Covariates
            NaN outside a raster and where it has no value.
        """
        values = np.empty((len(coordinates), len(self.bands)))
        for i, band in enumerate(self.bands):
            values[:, i] = _at_points(band, coordinates)
        return Covariates(self.names, values, self.categorical)

    def on(self, grid: RasterGrid) -> CovariateGrid:
        """Open the covariates for reading block by block on a grid."""
        return CovariateGrid(self, grid)


class CovariateGrid:
    """Covariates on a grid, read block by block.

    Parameters
    ----------
    rasters : CovariateRasters
    grid : RasterGrid
    """

    def __init__(self, rasters: CovariateRasters, grid: RasterGrid) -> None:
        self._rasters = rasters
        self._datasets = [_on_grid(band, grid) for band in rasters.bands]
        self._n_levels = len(grid.elevations)
        self._tile: Optional[tuple[int, int]] = None
        self._kept: dict[Block, Covariates] = {}

    def block(self, block: Block) -> Covariates:
        """Return the covariates of a block's cells, in the order of ``grid.centers``.

        They are read once for all levels of a block model, whose blocks follow one another.
        """
        place = replace(block, elevation=None)
        if self._n_levels == 1:
            return self._read(place)
        tile = place.row // TILE, place.column // TILE
        if tile != self._tile:
            self._tile = tile
            self._kept.clear()
        if place not in self._kept:
            self._kept[place] = self._read(place)
        return self._kept[place]

    def _read(self, block: Block) -> Covariates:
        values = np.empty((block.n_rows * block.n_columns, len(self._datasets)))
        for i, (band, dataset) in enumerate(zip(self._rasters.bands, self._datasets)):
            values[:, i] = _read(
                dataset.GetRasterBand(band.number), block.column, block.row, block.n_columns, block.n_rows, band.name
            ).reshape(-1)
        return Covariates(self._rasters.names, values, self._rasters.categorical)


def parse_categorical(text: str) -> Optional[list[str]]:
    """Return the names written into CATEGORICAL; None asks to look at the values.

    Examples
    --------
    >>> parse_categorical(" soil, ffreq "), parse_categorical("none"), parse_categorical("")
    (['soil', 'ffreq'], [], None)
    """
    names = [name.strip() for name in text.replace(";", ",").split(",") if name.strip()]
    if not names:
        return None
    return [] if names == [NO_CATEGORICAL] else names


def _grid_of(dataset: gdal.Dataset, crs: str, name: str) -> RasterGrid:
    transform = tuple(float(number) for number in dataset.GetGeoTransform())
    try:
        return RasterGrid((dataset.RasterYSize, dataset.RasterXSize), transform, crs)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _read(band: gdal.Band, column: int, row: int, n_columns: int, n_rows: int, name: str) -> np.ndarray:
    """Read a window as float, NaN where the raster has no value, scale and offset applied."""
    with quiet_gdal():
        stored = band.ReadAsArray(column, row, n_columns, n_rows)
    if stored is None:
        raise InputError(
            tr("The raster {name} cannot be read: {why}").format(name=name, why=gdal.GetLastErrorMsg())
        )
    values = stored.astype(float)
    nodata, flags = band.GetNoDataValue(), band.GetMaskFlags()
    if nodata is not None and flags & gdal.GMF_NODATA:
        # Compared as stored: a float32 nodata value is another number in double precision.
        values[stored == np.array(nodata).astype(stored.dtype)] = np.nan
    elif not flags & gdal.GMF_ALL_VALID:
        values[band.GetMaskBand().ReadAsArray(column, row, n_columns, n_rows) == 0] = np.nan
    values[~np.isfinite(values)] = np.nan
    scale, offset = band.GetScale(), band.GetOffset()
    return values * (1.0 if scale is None else scale) + (0.0 if offset is None else offset)


def _looks_categorical(band: CovariateBand) -> bool:
    dataset = band.source.open()
    raster = dataset.GetRasterBand(band.number)
    classes: set[float] = set()
    rows = np.unique(np.linspace(0, raster.YSize - 1, min(raster.YSize, ROWS_LOOKED_AT)).astype(int))
    for row in rows:
        values = np.unique(_read(raster, 0, int(row), raster.XSize, 1, band.name))
        values = values[np.isfinite(values)]
        classes.update(values.tolist())
        if len(classes) > MOST_CLASSES or (values != np.round(values)).any():
            return False
    return bool(classes)


def _at_points(band: CovariateBand, coordinates: np.ndarray) -> np.ndarray:
    dataset = band.source.open()
    raster = dataset.GetRasterBand(band.number)
    grid = _grid_of(dataset, "", band.name)
    left, width, _, top, _, height = grid.transform
    columns = (coordinates[:, 0] - left) / width
    rows = (coordinates[:, 1] - top) / height
    values = np.full(len(coordinates), np.nan)
    inside = (columns >= 0) & (columns <= raster.XSize) & (rows >= 0) & (rows <= raster.YSize)
    for i in np.flatnonzero(inside):
        values[i] = _at_cell(raster, columns[i], rows[i], band)
    return values


def _at_cell(raster: gdal.Band, column: float, row: float, band: CovariateBand) -> float:
    """Return the value at a place given in columns and rows from the raster's corner."""
    n_columns, n_rows = raster.XSize, raster.YSize
    cell_column, cell_row = min(int(column), n_columns - 1), min(int(row), n_rows - 1)
    if band.is_categorical:
        return float(_read(raster, cell_column, cell_row, 1, 1, band.name)[0, 0])
    # The up to four cells whose centres surround the place; one at the raster's edge.
    first_column, first_row = np.clip(int(np.floor(column - 0.5)), 0, None), np.clip(int(np.floor(row - 0.5)), 0, None)
    width, height = min(2, n_columns - first_column), min(2, n_rows - first_row)
    values = _read(raster, int(first_column), int(first_row), int(width), int(height), band.name)
    if np.isnan(values[cell_row - first_row, cell_column - first_column]):
        return float("nan")
    across = np.clip(1 - np.abs(column - 0.5 - (first_column + np.arange(width))), 0, 1)
    down = np.clip(1 - np.abs(row - 0.5 - (first_row + np.arange(height))), 0, 1)
    weights = np.outer(down, across) * np.isfinite(values)
    return float(np.nansum(weights * values) / weights.sum())


def _on_grid(band: CovariateBand, grid: RasterGrid) -> gdal.Dataset:
    """Return a dataset with exactly this grid: the raster itself, or a virtual one that GDAL resamples."""
    dataset = band.source.open()
    own = _grid_of(dataset, grid.crs, band.name)
    if own.shape == grid.shape and np.allclose(own.transform, grid.transform, rtol=1e-9, atol=0):
        return dataset
    with quiet_gdal():
        warped = gdal.Warp(
            "",
            dataset,
            format="VRT",
            # Without a target CRS it stays the raster's own: nothing but the grid changes.
            outputBounds=grid.extent,
            width=grid.shape[1],
            height=grid.shape[0],
            resampleAlg="near" if band.is_categorical else "bilinear",
            errorThreshold=0,
            outputType=gdal.GDT_Float64,
            dstNodata="nan",
        )
    if warped is None:
        raise InputError(
            tr("The raster {name} cannot be resampled to the grid: {why}").format(
                name=band.name, why=gdal.GetLastErrorMsg()
            )
        )
    return warped
