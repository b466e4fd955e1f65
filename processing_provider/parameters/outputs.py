"""What algorithms write and return."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
)

from ..identity import tr
from .kinds import with_help


def raster_output(name: str, label: str, text: str, optional: bool = False, by_default: bool = True):
    """Return a GeoTIFF to write; an optional one may be left out by default."""
    return with_help(QgsProcessingParameterRasterDestination(name, label, None, optional, by_default), text)


def file_output(name: str, label: str, file_filter: str, text: str, optional: bool = False, by_default: bool = True):
    """Return a file to write; an optional one may be left out by default."""
    return with_help(QgsProcessingParameterFileDestination(name, label, file_filter, None, optional, by_default), text)


def report_output(label: str, text: str):
    """Return OUTPUT_HTML: the optional report, under a label of its own among QGIS's results."""
    return file_output("OUTPUT_HTML", label, "HTML (*.html *.HTML)", text, optional=True)


def points_output(name: str, label: str, text: str, by_default: bool = False):
    """Return an optional point layer to write; by default where it is what an algorithm is for."""
    return with_help(
        QgsProcessingParameterFeatureSink(
            name, label, QgsProcessing.SourceType.TypeVectorPoint, None, optional=True, createByDefault=by_default
        ),
        text,
    )


def backend_outputs():
    """Return OUTPUT and READY: what the backend is like, and whether training can run."""
    return [
        QgsProcessingOutputString("OUTPUT", tr("Description of the backend")),
        QgsProcessingOutputBoolean("READY", tr("Whether training can run")),
    ]


def numbers(**labels: str) -> list[QgsProcessingOutputNumber]:
    """Return number outputs, a label for each name."""
    return [QgsProcessingOutputNumber(name, label) for name, label in labels.items()]


def texts(**labels: str) -> list[QgsProcessingOutputString]:
    """Return text outputs, a label for each name."""
    return [QgsProcessingOutputString(name, label) for name, label in labels.items()]
