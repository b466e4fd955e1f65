"""Rasters that are read: at points, on any grid block by block, and the grid of a template.

At a point a quantity is interpolated bilinearly between the four cell centres around it (cells
without a value do not take part, but the cell the point lies in must have one); a class is that
of the cell the point lies in. Points in another CRS are transformed to the raster's. On a grid that
equals the raster's own, cells are read as they are; on another grid, or in another CRS, GDAL
resamples while it is read: classes from the nearest cell, quantities bilinearly, and as the mean of
the cells where the grid is coarser by a factor of two or more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from osgeo import gdal, osr
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from ..core.errors import InputError
from ..core.grid import Block, RasterGrid
from .crs import crs_code, crs_from_code, stated, wkt
from .identity import tr

TILE = 256
"""Side of the blocks in which rasters are written, in cells."""
GDAL_CACHE = 64 * 2**20
"""Most bytes of tiles that GDAL keeps while an algorithm runs; its default grows with the machine."""
ELEVATION, QUANTITY = "ELEVATION", "QUANTITY"
"""Metadata of the bands of a block model."""
COARSER = 2.0
"""A grid whose cells are so many times as wide as a raster's takes the mean of its cells."""
WARP_ERROR = 0.01
"""Largest error of places when a raster is warped, in cells of the grid."""
CELLS_AT_ONCE = 2**16
"""About so many cells of every band are read at once."""
_EXACT_IN_FLOAT32 = (gdal.GDT_Byte, gdal.GDT_Int16, gdal.GDT_UInt16, gdal.GDT_Float32)


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Keep GDAL's messages off the console; they come with our errors instead."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()


@contextmanager
def small_cache() -> Iterator[None]:
    """Bound the tiles GDAL keeps, so that memory does not grow with the raster."""
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(min(before, GDAL_CACHE))
    try:
        yield
    finally:
        gdal.SetCacheMax(before)


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
        return cls(layer.name(), layer.source().split("|option:")[0], stated(layer.crs()))

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

    def band_names(self) -> list[str]:
        """Return the descriptions of the bands, or their numbers."""
        dataset = self.open()
        numbers = range(1, dataset.RasterCount + 1)
        return [dataset.GetRasterBand(number).GetDescription() or f"band {number}" for number in numbers]

    def levels(self) -> dict[str, dict[float, int]]:
        """Return the bands of a block model by quantity and elevation; empty for any other raster."""
        dataset = self.open()
        found: dict[str, dict[float, int]] = {}
        for number in range(1, dataset.RasterCount + 1):
            metadata = dataset.GetRasterBand(number).GetMetadata()
            if QUANTITY not in metadata or ELEVATION not in metadata:
                return {}
            found.setdefault(metadata[QUANTITY], {})[float(metadata[ELEVATION])] = number
        return found

    def at(
        self,
        coordinates: np.ndarray,
        crs: QgsCoordinateReferenceSystem,
        numbers: Sequence[int],
        nearest: bool = False,
    ) -> np.ndarray:
        """Return some bands at points.

        Parameters
        ----------
        coordinates : ndarray, shape (n_points, 2 or more)
            Easting, northing.
        crs : QgsCoordinateReferenceSystem
            Of the points.
        numbers : sequence of int
            Bands, from 1.
        nearest : bool
            The value of the cell instead of an interpolated one.

        Returns
        -------
        ndarray, shape (n_points, n_bands)
            NaN outside the raster and where it has no value.
        """
        dataset = self.open()
        grid = _grid_of(dataset, "", self.name)
        bands = [dataset.GetRasterBand(number) for number in numbers]
        left, width, _, top, _, height = grid.transform
        places = transformed(coordinates[:, :2], crs, self.crs)
        columns, rows = (places[:, 0] - left) / width, (places[:, 1] - top) / height
        values = np.full((len(coordinates), len(bands)), np.nan)
        with np.errstate(invalid="ignore"):
            inside = (columns >= 0) & (columns <= grid.shape[1]) & (rows >= 0) & (rows <= grid.shape[0])
        # From top to bottom, as files are stored.
        for i in sorted(np.flatnonzero(inside), key=lambda i: rows[i]):
            values[i] = [_at_cell(band, columns[i], rows[i], nearest, self.name) for band in bands]
        return values


class WarpedBands:
    """Bands of a raster on a grid, read block by block.

    Parameters
    ----------
    source : RasterSource
    numbers : sequence of int
        Bands, from 1.
    grid : RasterGrid
    nearest : bool
        Take the nearest cell instead of interpolating or averaging.

    Raises
    ------
    InputError
        When GDAL cannot resample the raster.
    """

    def __init__(self, source: RasterSource, numbers: Sequence[int], grid: RasterGrid, nearest: bool) -> None:
        self._name = source.name
        dataset = source.open()
        self._kept = [dataset]  # bands do not keep their raster alive, nor does a virtual one what it reads from
        self._holes: list[gdal.Band] = []
        own, crs = _grid_of(dataset, grid.crs, source.name), crs_from_code(grid.crs)
        same_crs = is_same(source.crs, crs)
        if same_crs and own.shape == grid.shape and np.allclose(own.transform, grid.transform, rtol=1e-9, atol=0):
            self._bands = [dataset.GetRasterBand(number) for number in numbers]
            return
        systems = {} if same_crs else {"srcSRS": wkt(source.crs), "dstSRS": wkt(crs)}
        with quiet_gdal():
            chosen = gdal.Translate("", dataset, format="VRT", bandList=list(numbers))
        if chosen is None:
            raise self._cannot_resample()
        self._kept.append(chosen)
        how = "near" if nearest else _resampling(chosen, grid, systems)
        self._bands = self._warped(chosen, grid, how, systems)
        whole = all(_is_whole(chosen.GetRasterBand(i + 1)) for i in range(len(numbers)))
        if how == "bilinear" and len(numbers) > 1 and not whole:
            # Of several bands together GDAL fills the holes of one from the cells around.
            self._holes = self._warped(chosen, grid, "near", systems)

    @property
    def is_float32(self) -> bool:
        """Whether single precision holds every value."""
        return all(
            band.DataType in _EXACT_IN_FLOAT32 and band.GetScale() in (None, 1.0) and band.GetOffset() in (None, 0.0)
            for band in self._bands
        )

    def parts(self, block: Block, n_cells: int = CELLS_AT_ONCE) -> Iterator[Block]:
        """Yield parts of a block of about so many cells, cut as the file stores them: each is unpacked once."""
        n_columns, n_rows = self._bands[0].GetBlockSize()
        n_rows = n_rows * max(1, n_cells // (n_columns * n_rows))
        return block.parts(n_rows, n_columns)

    def each(self, block: Block) -> Iterator[np.ndarray]:
        """Yield the values of one band after the other, shape (n_rows, n_columns), NaN for nodata."""
        window = block.column, block.row, block.n_columns, block.n_rows
        for index, band in enumerate(self._bands):
            values = read_window(band, *window, self._name)
            if self._holes:
                values[np.isnan(read_window(self._holes[index], *window, self._name))] = np.nan
            yield values

    def read(self, block: Block, kind: type = np.float64) -> np.ndarray:
        """Return the values of a block's cells, shape (n_cells, n_bands), in the order of ``grid.centers``."""
        values = np.empty((block.n_rows, block.n_columns, len(self._bands)), dtype=kind)
        for part in self.parts(block):
            rows, columns = part.within(block)
            for index, band_values in enumerate(self.each(part)):
                values[rows, columns, index] = band_values
        return values.reshape(-1, len(self._bands))

    def _warped(
        self, dataset: gdal.Dataset, grid: RasterGrid, how: str, systems: dict[str, str]
    ) -> list[gdal.Band]:
        """Return the bands of a virtual raster that GDAL resamples while it is read."""
        kind = dataset.GetRasterBand(1).DataType
        with quiet_gdal():
            warped = gdal.Warp(
                "",
                dataset,
                format="VRT",
                outputBounds=grid.extent,
                width=grid.shape[1],
                height=grid.shape[0],
                resampleAlg=how,
                errorThreshold=WARP_ERROR if systems else 0,
                outputType=gdal.GDT_Float32 if kind in _EXACT_IN_FLOAT32 else gdal.GDT_Float64,
                dstNodata="nan",
                **systems,
            )
        if warped is None:
            raise self._cannot_resample()
        self._kept.append(warped)
        return [warped.GetRasterBand(number) for number in range(1, warped.RasterCount + 1)]

    def _cannot_resample(self) -> InputError:
        return InputError(
            tr("The raster {name} cannot be resampled to the grid: {why}").format(
                name=self._name, why=gdal.GetLastErrorMsg()
            )
        )


def _is_whole(band: gdal.Band) -> bool:
    """Whether a band can have no holes."""
    return bool(band.GetMaskFlags() & gdal.GMF_ALL_VALID)


def transformed(
    coordinates: np.ndarray, crs: QgsCoordinateReferenceSystem, to: QgsCoordinateReferenceSystem
) -> np.ndarray:
    """Return points in another CRS, infinite where they have no place there; unknown CRS count as the same."""
    if is_same(crs, to):
        return coordinates
    systems = []
    for one in (crs, to):
        system = osr.SpatialReference()
        system.ImportFromWkt(wkt(one))
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        systems.append(system)
    with quiet_gdal():
        places = osr.CoordinateTransformation(*systems).TransformPoints(coordinates.tolist())
    return np.array(places, dtype=float).reshape(-1, 3)[:, :2]


def is_same(one: QgsCoordinateReferenceSystem, other: QgsCoordinateReferenceSystem) -> bool:
    """Return whether two CRS are the same, as far as is known."""
    return not one.isValid() or not other.isValid() or one == other


def _resampling(dataset: gdal.Dataset, grid: RasterGrid, systems: dict[str, str]) -> str:
    """Return how a quantity comes to a grid: by the mean of the cells where the grid is much coarser."""
    native = dataset
    if systems:
        native = gdal.AutoCreateWarpedVRT(dataset, systems["srcSRS"], systems["dstSRS"])
        if native is None:
            return "bilinear"
    _, width, _, _, _, height = native.GetGeoTransform()
    coarser = np.sqrt(abs(grid.transform[1] * grid.transform[5] / (width * height)))
    return "average" if coarser >= COARSER * (1 - 1e-6) else "bilinear"


def _grid_of(dataset: gdal.Dataset, crs: str, name: str) -> RasterGrid:
    transform = tuple(float(number) for number in dataset.GetGeoTransform())
    try:
        return RasterGrid((dataset.RasterYSize, dataset.RasterXSize), transform, crs)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def read_window(band: gdal.Band, column: int, row: int, n_columns: int, n_rows: int, name: str) -> np.ndarray:
    """Read a window as float, NaN where the raster has no value, scale and offset applied.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
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


def _at_cell(band: gdal.Band, column: float, row: float, nearest: bool, name: str) -> float:
    """Return the value at a place given in columns and rows from the raster's corner."""
    n_columns, n_rows = band.XSize, band.YSize
    cell_column, cell_row = min(int(column), n_columns - 1), min(int(row), n_rows - 1)
    if nearest:
        return float(read_window(band, cell_column, cell_row, 1, 1, name)[0, 0])
    # The up to four cells whose centres surround the place; one at the raster's edge.
    first_column, first_row = max(int(np.floor(column - 0.5)), 0), max(int(np.floor(row - 0.5)), 0)
    width, height = min(2, n_columns - first_column), min(2, n_rows - first_row)
    values = read_window(band, first_column, first_row, width, height, name)
    if np.isnan(values[cell_row - first_row, cell_column - first_column]):
        return float("nan")
    across = np.clip(1 - np.abs(column - 0.5 - (first_column + np.arange(width))), 0, 1)
    down = np.clip(1 - np.abs(row - 0.5 - (first_row + np.arange(height))), 0, 1)
    weights = np.outer(down, across) * np.isfinite(values)
    return float(np.nansum(weights * values) / weights.sum())
