"""Results that appear whole or not at all: staged files, and GeoTIFFs written block by block."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Callable, Optional
from uuid import uuid4

import numpy as np
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsUnitTypes

from ..core.backend.delivery import require_writable
from ..core.blockwise import predict_blocks
from ..core.errors import InputError
from ..core.grid import Block, RasterGrid
from ..core.progress import IsCancelled, Progress
from .crs import crs_from_code, wkt
from .identity import tr
from .rasters import ELEVATION, QUANTITY, TILE, quiet_gdal

NODATA = -9999.0
BYTES_A_CELL = 4
LOOKED_AT = 250_000
"""About how many values of a map are kept for its colours; of smaller maps all."""
ABANDONED_AFTER = 24 * 3600.0
"""Seconds since its last change after which an unfinished file is taken to be nobody's."""
CREATION_OPTIONS = (
    "TILED=YES",
    f"BLOCKXSIZE={TILE}",
    f"BLOCKYSIZE={TILE}",
    "COMPRESS=DEFLATE",
    "ZLEVEL=1",  # 2 % larger than the default, in half the time
    "PREDICTOR=3",
    "BIGTIFF=IF_SAFER",
    "INTERLEAVE=BAND",
)


@dataclass(frozen=True)
class Maps:
    """Rasters that are computed together, block by block, while they are written.

    Parameters
    ----------
    grid : RasterGrid
    bands : mapping of str to sequence of str
        For each output what its bands are called. Of a block model each stands for as many bands as
        there are levels, from the top down, called after it and the elevation.
    predict : callable
        From a `Block`, with an elevation where there are levels, to each output's values, shape
        (n_cells,) or (n_cells, n_bands), NaN for nodata.
    cells_at_once : int
        Most cells `predict` is asked for in one call.
    mask : callable, optional
        From a `Block` to which of its cells are wanted, shape (n_cells,); the others are nodata.
    afterwards : callable, optional
        Called once everything is computed, to tell what was counted meanwhile.
    shown : mapping of str to str
        For outputs whose first band is not the one to look at first, what that one is called.
    nodata : float
        What stands for nodata in the files; may be NaN.
    """

    grid: RasterGrid
    bands: Mapping[str, Sequence[str]]
    predict: Callable[[Block], Mapping[str, np.ndarray]]
    cells_at_once: int = 8192
    mask: Optional[Callable[[Block], np.ndarray]] = None
    afterwards: Optional[Callable[[], None]] = None
    shown: Mapping[str, str] = field(default_factory=dict)
    nodata: float = NODATA

    def shown_band(self, name: str) -> int:
        """Return the number of the band of an output to show first, from 1; of levels the top one."""
        bands = list(self.bands[name])
        return 1 + len(self.grid.elevations) * (bands.index(self.shown[name]) if name in self.shown else 0)

    def write(self, targets: Mapping[str, Path], progress: Progress, is_cancelled: IsCancelled) -> Written:
        """Write the wanted outputs.

        Parameters
        ----------
        targets : mapping of str to Path
            Where to write which output; others are computed but not kept.
        progress, is_cancelled : callables

        Returns
        -------
        Written
        """
        writers = {name: RasterWriter(path, self.grid, self.bands[name], self.nodata) for name, path in targets.items()}
        shown = {name: (self.shown_band(name) - 1) // len(self.grid.elevations) for name in targets}
        step = max(1, math.ceil(math.sqrt(self.grid.n_cells / LOOKED_AT)))
        looked_at: dict[str, list[np.ndarray]] = {name: [] for name in targets}

        def write(name: str, block: Block, values: np.ndarray) -> None:
            if name in writers:
                writers[name].write(block, values)
                if block.elevation == self.grid.elevations[0]:
                    part = values[shown[name], -block.row % step :: step, -block.column % step :: step]
                    looked_at[name].append(part[np.isfinite(part)])

        n_masked = 0

        def predict(block: Block) -> Mapping[str, np.ndarray]:
            nonlocal n_masked
            if self.mask is None:
                return self.predict(block)
            wanted = self.mask(block)
            n_masked += int((~wanted).sum())
            if not wanted.any():
                return {name: np.full((len(wanted), len(bands)), np.nan) for name, bands in self.bands.items()}
            maps = {name: np.array(values, dtype=float) for name, values in self.predict(block).items()}
            for values in maps.values():
                values[~wanted] = np.nan
            return maps

        try:
            missing = predict_blocks(
                self.grid, predict, write, progress, is_cancelled, TILE, self.cells_at_once
            )
        finally:
            for writer in writers.values():
                writer.close()
        for writer in writers.values():
            writer.require_complete()
        if self.afterwards is not None:
            self.afterwards()
        return Written(
            {name: missing[name] - n_masked for name in targets},
            self.grid.n_nodes - n_masked,
            {name: np.concatenate(parts) for name, parts in looked_at.items()},
        )


@dataclass(frozen=True)
class Written:
    """What is told of rasters that are written.

    Parameters
    ----------
    missing : dict of str to int
        For each output how many of the cells asked for have no value.
    n_cells : int
        Number of cells asked for: those of all levels, without what the mask leaves out.
    values : dict of str to ndarray
        For each output values of the band to show first, at cells spread evenly over the map.
    """

    missing: Mapping[str, int]
    n_cells: int
    values: Mapping[str, np.ndarray]


def level_name(name: str, elevation: Optional[float], crs: QgsCoordinateReferenceSystem) -> str:
    """Return what the band of one level is called: "zinc 350 m"."""
    if elevation is None:
        return name
    # Files without a CRS may come with an undefined one in degrees, which no elevation is in.
    known = crs.isValid() and QgsUnitTypes.encodeUnit(crs.mapUnits()) != "degrees"
    return f"{name} {elevation:.10g} {QgsUnitTypes.toAbbreviatedString(crs.mapUnits()) if known else ''}".strip()


class RasterWriter:
    """A Float32 GeoTIFF: tiled, compressed, with nodata, band descriptions and CRS.

    Parameters
    ----------
    path : Path
    grid : RasterGrid
    names : sequence of str
        What is mapped. Of a block model each has a band a level, from the top down, whose metadata
        say the elevation (`ELEVATION`) and what it is of (`QUANTITY`).
    nodata : float
        May be NaN.

    Raises
    ------
    InputError
        When the file cannot be created.
    """

    def __init__(self, path: Path, grid: RasterGrid, names: Sequence[str], nodata: float = NODATA) -> None:
        n_rows, n_columns = grid.shape
        self._path = path
        self._nodata = nodata
        self._failure = ""
        self._elevations = grid.elevations
        bands = [(name, elevation) for name in names for elevation in grid.elevations]
        with quiet_gdal():
            gdal.ErrorReset()
            self._dataset = gdal.GetDriverByName("GTiff").Create(
                str(path), n_columns, n_rows, len(bands), gdal.GDT_Float32, list(CREATION_OPTIONS)
            )
        if self._dataset is None:
            raise self._cannot_write(gdal.GetLastErrorMsg())
        self._dataset.SetGeoTransform(grid.transform)
        crs = crs_from_code(grid.crs)
        if grid.crs:
            self._dataset.SetProjection(wkt(crs))
        for number, (name, elevation) in enumerate(bands, start=1):
            band = self._dataset.GetRasterBand(number)
            band.SetDescription(level_name(name, elevation, crs))
            band.SetNoDataValue(nodata)
            if elevation is not None:
                band.SetMetadata({QUANTITY: name, ELEVATION: repr(elevation)})

    def write(self, block: Block, values: np.ndarray) -> None:
        """Write one block.

        Parameters
        ----------
        block : Block
            Of a block model with its elevation.
        values : ndarray, shape (n_names, n_rows, n_columns)
            NaN for nodata.

        Raises
        ------
        InputError
            When the disk takes no more.
        """
        filled = np.where(np.isnan(values), self._nodata, values).astype(np.float32)
        level = self._elevations.index(block.elevation)
        with quiet_gdal():
            gdal.ErrorReset()
            for index, band_values in enumerate(filled):
                number = index * len(self._elevations) + level + 1
                self._dataset.GetRasterBand(number).WriteArray(band_values, block.column, block.row)
            if gdal.GetLastErrorType() >= gdal.CE_Failure:
                raise self._cannot_write(gdal.GetLastErrorMsg())

    def close(self) -> None:
        """Finish the file; what goes wrong meanwhile is told by `require_complete`."""
        with quiet_gdal():
            gdal.ErrorReset()
            self._dataset.FlushCache()
            self._dataset = None
            if gdal.GetLastErrorType() >= gdal.CE_Failure:
                self._failure = gdal.GetLastErrorMsg()

    def require_complete(self) -> None:
        """Refuse a file whose end could not be written.

        Raises
        ------
        InputError
            With what GDAL said.
        """
        if self._failure:
            raise self._cannot_write(self._failure)

    def _cannot_write(self, why: str) -> InputError:
        return InputError(
            tr("Cannot write {path}: {why}. Make room or choose another place.").format(path=self._path, why=why)
        )


class StagedFiles:
    """Files written under temporary names beside their targets, and renamed together at the end.

    A context manager: what was not committed is removed.
    """

    def __init__(self) -> None:
        self._staged: dict[Path, Path] = {}

    def __enter__(self) -> StagedFiles:
        """Return the stage; nothing is written yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not committed."""
        for path in self._staged.values():
            path.unlink(missing_ok=True)

    def stage(self, target: str) -> Path:
        """Return where to write what shall become `target`.

        Raises
        ------
        InputError
            When nothing can be written there, or another output already goes there.
        """
        destination = Path(target)
        require_writable(destination)
        if any(is_same_file(destination, other) for other in self._staged):
            raise InputError(
                tr("Expected a file of its own for each output, got {} twice. Choose another name for one.").format(
                    destination
                )
            )
        _remove_abandoned(destination)
        # Only a name: a process that is killed while it computes leaves nothing behind.
        self._staged[destination] = destination.with_name(_part_name(destination, uuid4().hex[:8]))
        return self._staged[destination]

    def commit(self) -> None:
        """Give every file its name, replacing what was there.

        Raises
        ------
        InputError
            When a target is in use and cannot be replaced.
        """
        for destination, path in list(self._staged.items()):
            try:
                os.replace(path, destination)
            except OSError as error:
                raise InputError(
                    tr(
                        "Cannot replace {path}: {why}. Remove its layer from the project, or choose another name."
                    ).format(path=destination, why=error.strerror or error)
                ) from error
            del self._staged[destination]
            # Statistics of the file that was here before.
            destination.with_name(destination.name + ".aux.xml").unlink(missing_ok=True)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two names are of one file, which need not be there."""
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def _part_name(destination: Path, key: str) -> str:
    """Return what a file is called until it is whole."""
    return f".{destination.stem}-{key}.part{destination.suffix}"


def _remove_abandoned(destination: Path) -> None:
    """Remove what runs that were killed while they wrote the same file have left."""
    for path in destination.parent.glob(_part_name(Path(escape(str(destination))), "????????")):
        try:
            # Another process may be at it now; none pauses for so long between two blocks.
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                path.unlink()
        except OSError:  # it is in use, or somebody else's
            continue


def require_geotiff(target: str) -> None:
    """Refuse a raster that is to be written in another format.

    Raises
    ------
    InputError
        When the name does not end in .tif or .tiff.
    """
    if Path(target).suffix.lower() not in (".tif", ".tiff"):
        raise InputError(
            tr("Expected the name of a GeoTIFF (.tif), got {}. Other formats can be made from it afterwards.").format(
                target
            )
        )


def require_room(grid: RasterGrid, n_bands: Mapping[str, int]) -> None:
    """Refuse rasters that the disk cannot hold, before anything is computed.

    Parameters
    ----------
    grid : RasterGrid
    n_bands : mapping of str to int
        Number of bands of the raster at each path; of a block model those of one level.

    Raises
    ------
    InputError
        With the size needed and the room there is.
    """
    rooms: dict[int, tuple[Path, int]] = {}
    for target, count in n_bands.items():
        folder = Path(target).parent
        if folder.is_dir():
            device = folder.stat().st_dev
            needed = rooms.get(device, (folder, 0))[1]
            rooms[device] = folder, needed + count * grid.n_nodes * BYTES_A_CELL
    for folder, needed in rooms.values():
        free = shutil.disk_usage(folder).free
        if needed > free:
            n_rows, n_columns = grid.shape
            raise InputError(
                tr(
                    "The grid of {rows} rows and {columns} columns{levels} needs up to {needed} on the disk of "
                    "{folder}, which has {free} free. Choose a larger cell size, a smaller extent, or another disk."
                ).format(
                    rows=n_rows,
                    columns=n_columns,
                    levels="" if grid.levels is None else tr(" at {} elevations").format(len(grid.levels)),
                    needed=_size(needed),
                    folder=folder,
                    free=_size(free),
                )
            )


def _size(n_bytes: float) -> str:
    """Write a number of bytes for people."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(int(np.log2(max(n_bytes, 1)) // 10), len(units) - 1)
    return f"{n_bytes / 1024**power:,.{0 if power == 0 else 1}f} {units[power]}"
