"""Coordinate reference systems: how they are named in files, compared and written."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem

from ..core.errors import InputError
from .identity import tr


def crs_code(crs: QgsCoordinateReferenceSystem) -> str:
    """Return the authority code, the WKT of a CRS without one, or "" for no CRS."""
    if not crs.isValid():
        return ""
    code = crs.authid()
    return code if code and not code.startswith("USER:") else wkt(crs)


def stated(crs: QgsCoordinateReferenceSystem) -> QgsCoordinateReferenceSystem:
    """Return a CRS, none for the "Undefined geographic SRS" of GeoPackages that were written without any."""
    return QgsCoordinateReferenceSystem() if crs.description().startswith("Undefined ") else crs


def crs_from_code(code: str) -> QgsCoordinateReferenceSystem:
    """Return the CRS that `crs_code` named."""
    if not code:
        return QgsCoordinateReferenceSystem()
    return QgsCoordinateReferenceSystem.fromWkt(code) if "[" in code else QgsCoordinateReferenceSystem(code)


def wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """Return the WKT that GDAL writes into rasters."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL)


def readable(crs: QgsCoordinateReferenceSystem) -> str:
    """Return how to call a CRS in a message."""
    return crs.userFriendlyIdentifier() if crs.isValid() else tr("no CRS")


def require_projected(crs: QgsCoordinateReferenceSystem, what: str) -> None:
    """Refuse degrees: distances in them mean nothing.

    Raises
    ------
    InputError
        For a geographic CRS.
    """
    if crs.isValid() and crs.isGeographic():
        raise InputError(
            tr(
                "Expected {what} in a projected CRS with metres or feet, got {crs}, whose unit is the degree: lags and "
                "search radii in degrees have no meaning. Reproject the layer first (native:reprojectlayer), "
                "for instance to the UTM zone of the area."
            ).format(what=what, crs=readable(crs))
        )


def require_same(
    crs: QgsCoordinateReferenceSystem, what: str, expected: QgsCoordinateReferenceSystem, of_what: str
) -> None:
    """Refuse a raster in another CRS; one that says nothing about its own passes.

    Raises
    ------
    InputError
        When both are known and differ.
    """
    if crs.isValid() and expected.isValid() and crs != expected:
        raise InputError(
            tr(
                "Expected {what} in {expected}, the CRS of {of_what}, got {crs}. Reproject it first "
                "(gdal:warpreproject)."
            ).format(what=what, expected=readable(expected), of_what=of_what, crs=readable(crs))
        )
