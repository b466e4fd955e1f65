"""Parameters by kind: numbers, choices, texts, files and rasters, each with its help."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)


def with_help(parameter: QgsProcessingParameterDefinition, text: str, advanced: bool = False):
    """Give a parameter its help, and put it among the advanced ones where asked."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def as_optional(parameters: list[QgsProcessingParameterDefinition]) -> list[QgsProcessingParameterDefinition]:
    """Make parameters that an algorithm did not always have optional: models made before there were, stay complete."""
    for parameter in parameters:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagOptional)
    return parameters


def static_enum(
    name: str, label: str, options: tuple[str, ...], default: Any, several: bool = False
) -> QgsProcessingParameterEnum:
    """Return a choice among words; the words themselves are the values, in models and on the command line."""
    return QgsProcessingParameterEnum(
        name, label, list(options), allowMultiple=several, defaultValue=default, usesStaticStrings=True
    )


def whole_number(
    name: str, label: str, default: Optional[int], minimum: Optional[int] = None, maximum: Optional[int] = None
) -> QgsProcessingParameterNumber:
    """Return a whole number; one without a default is optional."""
    return _number(QgsProcessingParameterNumber.Type.Integer, name, label, default, minimum, maximum)


def real_number(
    name: str,
    label: str,
    default: Optional[float],
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    decimals: Optional[int] = None,
) -> QgsProcessingParameterNumber:
    """Return a number; one without a default is optional, and one in QGIS's dialog has 6 decimals unless told."""
    parameter = _number(QgsProcessingParameterNumber.Type.Double, name, label, default, minimum, maximum)
    if decimals is not None:
        parameter.setMetadata({"widget_wrapper": {"decimals": decimals}})
    return parameter


def distance(name: str, label: str, parent: str) -> QgsProcessingParameterDistance:
    """Return an optional length in the map units of another parameter."""
    return QgsProcessingParameterDistance(name, label, None, parent, optional=True, minValue=0.0)


def check_box(name: str, label: str, default: bool, optional: bool = False) -> QgsProcessingParameterBoolean:
    """Return a box to check; models made before there was an optional one stay complete."""
    return QgsProcessingParameterBoolean(name, label, default, optional)


def optional_text(name: str, label: str) -> QgsProcessingParameterString:
    """Return an optional line of text."""
    return QgsProcessingParameterString(name, label, None, False, True)


def file_input(name: str, label: str, file_filter: str) -> QgsProcessingParameterFile:
    """Return an optional file to read."""
    return QgsProcessingParameterFile(name, label, defaultValue=None, optional=True, fileFilter=file_filter)


def raster_input(name: str, label: str, text: str, optional: bool = False, advanced: bool = False):
    """Return one raster layer."""
    return with_help(QgsProcessingParameterRasterLayer(name, label, None, optional), text, advanced)


def rasters_input(name: str, label: str, text: str, optional: bool = False, advanced: bool = False):
    """Return one or several raster layers."""
    kind = QgsProcessing.SourceType.TypeRaster
    return with_help(QgsProcessingParameterMultipleLayers(name, label, kind, None, optional), text, advanced)


def _number(kind, name, label, default, minimum, maximum):
    bounds = {}
    if minimum is not None:
        bounds["minValue"] = minimum
    if maximum is not None:
        bounds["maxValue"] = maximum
    return QgsProcessingParameterNumber(name, label, kind, default, default is None, **bounds)
