"""Polygon layers as covariates: an attribute at points and rasterised on a grid, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsPoint,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from ..core.errors import InputError
from ..core.grid import Block, RasterGrid
from .crs import crs_from_code, stated
from .identity import tr
from .layers import plain
from .rasters import quiet_gdal


@dataclass(frozen=True)
class PolygonSource:
    """A polygon layer, as far as it is needed when the layer itself must not be touched any more.

    Parameters
    ----------
    name : str
        Layer name.
    fields : QgsFields
    crs : QgsCoordinateReferenceSystem
    features : QgsVectorLayerFeatureSource
    transforms : QgsCoordinateTransformContext
    """

    name: str
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    features: QgsVectorLayerFeatureSource
    transforms: QgsCoordinateTransformContext

    @classmethod
    def of_layer(cls, layer: QgsVectorLayer, transforms: QgsCoordinateTransformContext) -> PolygonSource:
        """Take over what is needed of a layer; to be called in the main thread."""
        return cls(layer.name(), layer.fields(), stated(layer.crs()), QgsVectorLayerFeatureSource(layer), transforms)

    def index(self, field: str) -> int:
        """Return the index of a field.

        Raises
        ------
        InputError
            When there is no such field.
        """
        index = self.fields.lookupField(field)
        if index < 0:
            raise InputError(
                tr("The polygon layer {layer} has no field {field}; there are: {names}.").format(
                    layer=self.name, field=field, names=", ".join(one.name() for one in self.fields)
                )
            )
        return index

    def is_number(self, field: str) -> bool:
        """Whether a field holds numbers."""
        return self.fields.field(self.index(field)).isNumeric()

    def values(self, field: str) -> list[Any]:
        """Return the different values of a field in order, without NULL."""
        index = self.index(field)
        request = QgsFeatureRequest()
        request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes([index])
        found = {plain(feature.attributes()[index]) for feature in self.features.getFeatures(request)} - {None}
        return sorted(found)

    def polygons(
        self, field: str, crs: QgsCoordinateReferenceSystem, extent: tuple[float, float, float, float]
    ) -> Iterator[tuple[QgsGeometry, Any]]:
        """Yield geometry, in some CRS, and value of the polygons that touch an extent (west, south, east, north)."""
        index = self.index(field)
        request = QgsFeatureRequest()
        request.setSubsetOfAttributes([index])
        if crs.isValid() and self.crs.isValid() and crs != self.crs:
            request.setDestinationCrs(crs, self.transforms)
        request.setFilterRect(QgsRectangle(*extent))
        for feature in self.features.getFeatures(request):
            value = plain(feature.attributes()[index])
            if value is not None and not feature.geometry().isEmpty():
                yield feature.geometry(), value


@dataclass(frozen=True)
class PolygonCodes:
    """One attribute of a polygon layer as numbers.

    Parameters
    ----------
    source : PolygonSource
    field : str
    classes : tuple of str or None
        Texts that stand as 1, 2, ...; None for a field of numbers.
    """

    source: PolygonSource
    field: str
    classes: Optional[tuple[str, ...]]

    def code(self, value: Any) -> float:
        """Return the number of a value, NaN for a text that is no class."""
        if self.classes is None:
            return float(value)
        return float(self.classes.index(str(value)) + 1) if str(value) in self.classes else float("nan")

    def at(self, coordinates: np.ndarray, crs: QgsCoordinateReferenceSystem) -> np.ndarray:
        """Return the codes of the polygons that points lie in, NaN in none; of several the last, as on a grid."""
        codes = np.full(len(coordinates), np.nan)
        easting, northing = coordinates[:, 0], coordinates[:, 1]
        extent = easting.min(), northing.min(), easting.max(), northing.max()
        for geometry, value in self.source.polygons(self.field, crs, extent):
            box = geometry.boundingBox()
            near = (easting >= box.xMinimum()) & (easting <= box.xMaximum())
            near &= (northing >= box.yMinimum()) & (northing <= box.yMaximum())
            if near.any():
                engine = QgsGeometry.createGeometryEngine(geometry.constGet())
                engine.prepareGeometry()
                rows = np.flatnonzero(near)
                inside = [engine.intersects(QgsPoint(easting[row], northing[row])) for row in rows]
                codes[rows[np.array(inside, dtype=bool)]] = self.code(value)
        return codes


class RasterizedPolygons:
    """Codes of polygons on a grid: those of the polygon in which a cell's centre lies.

    Parameters
    ----------
    codes : PolygonCodes
    grid : RasterGrid
    """

    def __init__(self, codes: PolygonCodes, grid: RasterGrid) -> None:
        self._grid = grid
        # GDAL 3.11 renamed the driver.
        driver = ogr.GetDriverByName("Memory") or ogr.GetDriverByName("MEM")
        self._dataset = driver.CreateDataSource("polygons")
        self._layer = self._dataset.CreateLayer("polygons", None, ogr.wkbUnknown)
        self._layer.CreateField(ogr.FieldDefn("code", ogr.OFTReal))
        crs = crs_from_code(grid.crs)
        for geometry, value in codes.source.polygons(codes.field, crs, grid.extent):
            feature = ogr.Feature(self._layer.GetLayerDefn())
            feature.SetField("code", codes.code(value))
            feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(geometry.asWkb())))
            self._layer.CreateFeature(feature)

    def read(self, block: Block) -> np.ndarray:
        """Return the codes of a block's cells, shape (n_cells, 1), in the order of ``grid.centers``."""
        left, width, _, top, _, height = self._grid.transform
        west, north = left + block.column * width, top + block.row * height
        east, south = west + block.n_columns * width, north + block.n_rows * height
        canvas = gdal.GetDriverByName("MEM").Create("", block.n_columns, block.n_rows, 1, gdal.GDT_Float64)
        canvas.SetGeoTransform((west, width, 0, north, 0, height))
        canvas.GetRasterBand(1).Fill(np.nan)
        self._layer.SetSpatialFilterRect(west, south, east, north)
        with quiet_gdal():
            gdal.RasterizeLayer(canvas, [1], self._layer, options=["ATTRIBUTE=code"])
        return canvas.ReadAsArray().reshape(-1, 1)


def polygon_codes(sources: Sequence[PolygonSource], fields: Sequence[str]) -> dict[str, PolygonCodes]:
    """Return the attributes of polygon layers that are covariates, by name.

    Parameters
    ----------
    sources : sequence of PolygonSource
    fields : sequence of str
        Each layer gives those of them that it has; empty where every layer has one field only.

    Returns
    -------
    dict of str to PolygonCodes
        Named after the layer, and the field where a layer gives several.

    Raises
    ------
    InputError
        When it is not clear which field of a layer is meant.
    """
    found: dict[str, PolygonCodes] = {}
    for source in sources:
        own = [field.name() for field in source.fields if field.name().lower() not in ("fid", "id", "ogc_fid")]
        chosen = [name for name in fields if source.fields.lookupField(name) >= 0] if fields else own
        if not chosen or (not fields and len(own) > 1):
            raise InputError(
                tr(
                    "Expected the name of the field that is the covariate of the polygons {layer}, got {got}. Its "
                    "fields are {names}: write one of them into the fields of polygons."
                ).format(layer=source.name, got=", ".join(fields) or tr("none"), names=", ".join(own) or tr("none"))
            )
        for field in chosen:
            name = source.name if len(chosen) == 1 else f"{source.name}: {field}"
            classes = None if source.is_number(field) else tuple(str(value) for value in source.values(field))
            found[name] = PolygonCodes(source, field, classes)
    return found
