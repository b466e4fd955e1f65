"""A small asymmetric world: unequal coordinates, non-square cells, a nodata hole, a CRS that is not the project's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from hybrid_geostatistics.core.grid import RasterGrid
from osgeo import gdal, ogr, osr
from qgis.core import QgsProcessingFeedback

CRS = "EPSG:25833"
LEFT, TOP = 400_000.0, 5_600_300.0
CELL = 30.0, 20.0
SHAPE = 9, 7
"""Rows and columns of the rasters."""
HOLE = (slice(2, 4), 5)
"""Rows and column of the raster's nodata."""


class Log(QgsProcessingFeedback):
    """Remembers everything an algorithm says; cancels when it hears a word."""

    def __init__(self, cancel_at=None):
        super().__init__()
        self.lines = []
        self._cancel_at = cancel_at

    def _keep(self, text, *_):
        self.lines.append(text)
        if self._cancel_at and self._cancel_at in text:
            self.cancel()

    pushInfo = pushWarning = pushDebugInfo = reportError = setProgressText = _keep  # noqa: N815 - QGIS's names

    @property
    def text(self):
        """Everything in one text."""
        return "\n".join(self.lines)


def field_values(n=40, seed=3):
    """Return coordinates inside the rasters and values of a smooth field, all above 0."""
    rng = np.random.default_rng(seed)
    width, height = SHAPE[1] * CELL[0], SHAPE[0] * CELL[1]
    easting = LEFT + rng.uniform(1, width - 1, n)
    northing = TOP - rng.uniform(1, height - 1, n)
    values = 50 + 0.2 * (easting - LEFT) + 30 * np.sin((TOP - northing) / 40) + rng.normal(0, 2, n)
    return np.column_stack([easting, northing]), values


def slope_values():
    """Return a raster that rises to the east, with the hole."""
    values = np.tile(np.arange(SHAPE[1], dtype=np.float32), (SHAPE[0], 1))
    values[HOLE] = -1e6
    return values


def write_points(path, coordinates, fields, crs=CRS):
    """Write points, PointZ where places have three numbers.

    `fields` maps names to sequences of float or str, None for NULL; a place None has no geometry.
    """
    srs = osr.SpatialReference()
    srs.SetFromUserInput(crs)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    with_elevation = any(place is not None and len(place) == 3 for place in coordinates)
    layer = dataset.CreateLayer(Path(path).stem, srs, ogr.wkbPoint25D if with_elevation else ogr.wkbPoint)
    for name, values in fields.items():
        example = next((value for value in values if value is not None), 0.0)
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString if isinstance(example, str) else ogr.OFTReal))
    for row, place in enumerate(coordinates):
        feature = ogr.Feature(layer.GetLayerDefn())
        for name, values in fields.items():
            if values[row] is not None:
                feature[name] = values[row] if isinstance(values[row], str) else float(values[row])
        if place is not None:
            point = ogr.Geometry(ogr.wkbPoint)
            (point.AddPoint if with_elevation else point.AddPoint_2D)(*(float(number) for number in place))
            feature.SetGeometry(point)
        layer.CreateFeature(feature)
    del layer, dataset
    return str(path)


def write_raster(path, values, crs=CRS, nodata=None, left=LEFT, top=TOP, cell=CELL, names=()):
    """Write one band or several, shape ([n_bands,] n_rows, n_columns)."""
    bands = np.asarray(values)
    bands = bands if bands.ndim == 3 else bands[None]
    kind = {"float32": gdal.GDT_Float32, "uint8": gdal.GDT_Byte, "int32": gdal.GDT_Int32}[str(bands.dtype)]
    n_rows, n_columns = bands.shape[1:]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), n_columns, n_rows, len(bands), kind)
    dataset.SetGeoTransform((left, cell[0], 0, top, 0, -cell[1]))
    srs = osr.SpatialReference()
    srs.SetFromUserInput(crs)
    dataset.SetProjection(srs.ExportToWkt())
    for number, band_values in enumerate(bands, start=1):
        band = dataset.GetRasterBand(number)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if names:
            band.SetDescription(names[number - 1])
        band.WriteArray(band_values)
    del band, dataset
    return str(path)


def read_raster(path):
    """Return values with NaN for nodata, shape (n_bands, n_rows, n_columns), and the dataset."""
    dataset = gdal.Open(str(path))
    values = dataset.ReadAsArray().reshape(dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    nodata = dataset.GetRasterBand(1).GetNoDataValue()
    return np.where(values == np.float32(nodata), np.nan, values.astype(float)), dataset


def grid_of(path):
    """Return the grid of a raster."""
    dataset = gdal.Open(str(path))
    return RasterGrid((dataset.RasterYSize, dataset.RasterXSize), dataset.GetGeoTransform())


def write_variogram(path, **more):
    """Write a variogram file with what is required, and more."""
    structure = {"model": "spherical", "psill": 900.0, "effective_range": 150.0}
    content = {"format": "hybridgeo-variogram", "version": 1, "nugget": 4.0, "structures": [structure], **more}
    Path(path).write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def run_in_a_fresh_qgis(root, code, missing=()):
    """Run code in a new interpreter with QGIS and `package`, the plugin; `missing` modules cannot be imported."""
    boot = f"""
import importlib.util, sys
sys.modules.update(dict.fromkeys({tuple(missing)!r}))
spec = importlib.util.spec_from_file_location("hybrid_geostatistics", {str(root / "__init__.py")!r},
                                              submodule_search_locations=[{str(root)!r}])
package = importlib.util.module_from_spec(spec)
sys.modules["hybrid_geostatistics"] = package
spec.loader.exec_module(package)
from qgis.core import QgsApplication
app = QgsApplication([], False)
app.initQgis()
"""
    return subprocess.run(
        [sys.executable, "-c", boot + code], capture_output=True, text=True, timeout=120,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
