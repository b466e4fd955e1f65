"""Point layers to samples: coordinates, numbers, what was left out and why; and points to layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Callable, Optional

import numpy as np
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPoint,
    QgsProcessingFeatureSource,
    QgsProcessingLayerPostProcessorInterface,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, QVariant

from ..core.errors import InputError
from .crs import stated
from .identity import tr

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Points:
    """Features of a point layer as they stand, without those that have no place.

    Parameters
    ----------
    coordinates : ndarray, shape (n_points, 2)
        Easting, northing in the layer's CRS.
    columns : dict of str to list
        Attribute values, None where NULL.
    fields : QgsFields
        All fields of the layer.
    crs : QgsCoordinateReferenceSystem
    elevations : ndarray, shape (n_points,), or None
        NaN where unknown; None where the layer has none.
    """

    coordinates: np.ndarray
    columns: Mapping[str, list]
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    elevations: Optional[np.ndarray] = None

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def places(self) -> np.ndarray:
        """Easting, northing and, where the layer has them, elevations; shape (n_points, 2 or 3)."""
        return self.coordinates if self.elevations is None else np.column_stack([self.coordinates, self.elevations])

    def with_numbers(self, columns: Mapping[str, np.ndarray], without: Sequence[str] = ()) -> PointTable:
        """Return a table of all fields, which must have been read, and new ones with numbers.

        Parameters
        ----------
        columns : dict of str to ndarray, shape (n_points,)
            They take the place of fields of the same name.
        without : sequence of str
            Other fields that are left out.
        """
        kept = [field for field in self.fields if field.name() not in {*columns, *without, "fid"}]
        return PointTable(
            self.places,
            [*kept, *(new_field(name, float) for name in columns)],
            [*(self.columns[field.name()] for field in kept), *columns.values()],
            self.crs,
        )


def read_points(source: QgsProcessingFeatureSource, names: Optional[Sequence[str]], warn: Warn) -> Points:
    """Read the features of a source; only the selected ones where the user chose so.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
    names : sequence of str, optional
        Fields to read; None reads all of them.
    warn : callable
        Told about features without geometry.

    Raises
    ------
    InputError
        For a missing field, a layer without features or without places, several points in one feature, or
        lines and polygons.
    """
    fields = source.fields()
    if source.wkbType() == QgsWkbTypes.Type.NoGeometry:
        raise InputError(
            tr(
                "Expected a point layer, got the table {name}, whose rows have no place on the map. Make points from "
                "its columns of coordinates first (native:createpointslayerfromtable)."
            ).format(name=source.sourceName())
        )
    if names is not None:
        require_fields(fields, names)
    read = [field.name() for field in fields] if names is None else list(names)
    indices = [fields.lookupField(name) for name in read]
    coordinates, elevations, rows, without_place = [], [], [], 0
    request = QgsFeatureRequest().setSubsetOfAttributes(indices)
    for feature in source.getFeatures(request):
        place = place_of(feature)
        if place is None:
            without_place += 1
            continue
        coordinates.append(place[:2])
        elevations.append(place[2])
        attributes = feature.attributes()
        rows.append([plain(attributes[index]) for index in indices])
    if not rows:
        raise InputError(
            tr(
                "Expected samples in {name}, got no feature with a geometry. Check the layer and the selection."
            ).format(name=source.sourceName())
        )
    if without_place:
        warn(tr("{n} features have no geometry and are left out.").format(n=without_place))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(read)}
    return Points(
        np.array(coordinates, dtype=float),
        columns,
        fields,
        stated(source.sourceCrs()),
        np.array(elevations, dtype=float) if QgsWkbTypes.hasZ(source.wkbType()) else None,
    )


def require_fields(fields: QgsFields, names: Sequence[str]) -> None:
    """Refuse fields the layer does not have.

    Raises
    ------
    InputError
        Naming the fields that are missing and those there are.
    """
    if not names:
        raise InputError(tr("Expected at least one field, got none. Choose one."))
    missing = [name for name in names if fields.lookupField(name) < 0]
    if missing:
        parts = [part.strip() for name in missing for part in name.split(",")]
        is_list = len(parts) > len(missing) and all(fields.lookupField(part) >= 0 for part in parts)
        raise InputError(
            tr("The layer has no field {missing}. Numeric fields there are: {names}.").format(
                missing=", ".join(missing),
                names=", ".join(field.name() for field in fields if field.isNumeric()) or tr("none"),
            )
            + (tr(" Separate several fields by semicolons.") if is_list else "")
        )


def numbers(points: Points, names: Sequence[str]) -> np.ndarray:
    """Return fields as numbers, NaN where NULL or not finite.

    Returns
    -------
    ndarray, shape (n_points, n_fields)

    Raises
    ------
    InputError
        For a field that is not numeric.
    """
    for name in names:
        field = points.fields.field(points.fields.lookupField(name))
        if not field.isNumeric():
            example = next((value for value in points.columns[name] if value is not None), None)
            words = isinstance(example, str) and not any(letter.isdigit() for letter in example)
            what_to_do = (
                tr("Choose a numeric field; of classes, one with a whole number for each (field calculator).")
                if words
                else tr(
                    "Choose a numeric field, or let Check samples (hybridgeo:checksamples) write a numeric copy of "
                    "this one."
                )
            )
            raise InputError(
                tr("Expected numbers in field {name}, got the type {kind} (first value: {value!r}). ").format(
                    name=name, kind=field.typeName() or field.friendlyTypeString(), value=example
                )
                + what_to_do
            )
    table = [[np.nan if value is None else float(value) for value in points.columns[name]] for name in names]
    values = np.array(table, dtype=float).T
    values[~np.isfinite(values)] = np.nan
    return values


def new_field(name: str, kind: type) -> QgsField:
    """Return a field for float, int or str values."""
    # QgsField takes QMetaType from 3.38 on; QVariant's types are gone with Qt 6.
    types = QMetaType.Type if Qgis.QGIS_VERSION_INT >= 33800 else QVariant.Type
    modern = Qgis.QGIS_VERSION_INT >= 33800
    chosen = {float: types.Double, int: types.Int, str: types.QString if modern else types.String}[kind]
    return QgsField(name, chosen)


@dataclass(frozen=True)
class PointTable:
    """Points to write into a layer.

    Parameters
    ----------
    coordinates : ndarray, shape (n_points, 2 or 3)
        Easting, northing[, elevation].
    fields : sequence of QgsField
    columns : sequence of sequence
        One a field, values of plain types; None or NaN becomes NULL.
    crs : QgsCoordinateReferenceSystem
    style : QgsProcessingLayerPostProcessorInterface, optional
        How the layer looks when it is loaded.
    """

    coordinates: np.ndarray
    fields: Sequence[QgsField]
    columns: Sequence[Sequence[Any]]
    crs: QgsCoordinateReferenceSystem
    style: Optional[QgsProcessingLayerPostProcessorInterface] = None

    @property
    def wkb_type(self):
        """Return QGIS's name for points, or for points with elevations."""
        kinds = QgsWkbTypes.Type
        return kinds.PointZ if np.shape(self.coordinates)[1] == 3 else kinds.Point

    def qgs_fields(self) -> QgsFields:
        """Return the fields as QGIS wants them."""
        fields = QgsFields()
        for field in self.fields:
            fields.append(field)
        return fields

    def write(self, sink: QgsFeatureSink) -> None:
        """Add every point to a sink.

        Raises
        ------
        InputError
            When the sink takes a feature no more.
        """
        fields = self.qgs_fields()
        for place, *values in zip(np.asarray(self.coordinates, dtype=float).tolist(), *self.columns):
            feature = QgsFeature(fields)
            feature.setGeometry(QgsGeometry(QgsPoint(*place)))
            feature.setAttributes([_attribute(value) for value in values])
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise InputError(tr("The points cannot be written: {}").format(sink.lastError()))


def place_of(feature: QgsFeature) -> Optional[tuple[float, float, float]]:
    """Return easting, northing and elevation (NaN without one) of a point feature, None when it has no place.

    Raises
    ------
    InputError
        For several points in one feature, a line or a polygon.
    """
    geometry = feature.geometry()
    point = geometry.constGet()
    if isinstance(point, QgsPoint):
        x, y = point.x(), point.y()
        return (x, y, point.z()) if isfinite(x) and isfinite(y) else None
    if geometry.isNull() or geometry.isEmpty():
        return None
    if geometry.type() != QgsWkbTypes.GeometryType.PointGeometry:
        raise InputError(
            tr(
                "Expected points, got a {kind} in feature {id}. Choose a point layer, or make points first "
                "(native:centroids)."
            ).format(kind=QgsWkbTypes.displayString(geometry.wkbType()), id=feature.id())
        )
    if QgsWkbTypes.isMultiType(geometry.wkbType()):
        parts = geometry.asMultiPoint()
        if len(parts) != 1:
            raise InputError(
                tr(
                    "Expected one point a feature, got {n} in feature {id}. Split the layer first "
                    "(native:multiparttosingleparts)."
                ).format(n=len(parts), id=feature.id())
            )
    vertex = geometry.vertexAt(0)
    place = vertex.x(), vertex.y(), vertex.z()
    return place if np.isfinite(place[:2]).all() else None


def plain(value: Any) -> Any:
    """Return an attribute value as Python has it, None for NULL."""
    if value is None or (isinstance(value, QVariant) and value.isNull()):
        return None
    return value


def _attribute(value: Any) -> Any:
    """Return a value as QGIS takes it: no numpy scalars, NULL for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
