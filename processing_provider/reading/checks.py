"""What is looked at before anything runs: lists given as text, choices, numbers, rasters nobody can open, degrees."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ...core.errors import InputError
from ..crs import require_projected
from ..identity import tr
from ..outputs import is_same_file

LAYERS = (
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
)
"""Kinds of parameters that name layers."""


@dataclass(frozen=True)
class _Missing:
    """A raster that a parameter names and nobody can open."""

    parameter: str
    value: str


@dataclass(frozen=True)
class _Overwritten:
    """A file that one parameter names to be read and an output to be written."""

    parameter: str
    output: str
    value: str


def with_layer_lists(algorithm, parameters) -> dict[str, Any]:
    """Return the parameters with texts of several layers, separated by semicolons, as lists.

    Newer versions of QGIS split them, 3.22 does not.
    """
    names = [
        definition.name()
        for definition in algorithm.parameterDefinitions()
        if isinstance(definition, QgsProcessingParameterMultipleLayers)
    ]
    lists = {
        name: [entry.strip() for entry in parameters[name].split(";") if entry.strip()]
        for name in names
        if isinstance(parameters.get(name), str) and parameters[name]
    }
    return {**parameters, **lists}


def problem_with_inputs(algorithm, parameters, context) -> str:
    """Return what is wrong with choices, numbers and layers before anything runs, "" for nothing.

    QGIS itself says no more than which parameter has an incorrect value.
    """
    lacking = ""
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if definition.checkValueIsAcceptable(value, context):
            continue
        if value is None:
            lacking = lacking or tr("Expected {parameter} ({label}), got nothing. It is needed.").format(
                parameter=definition.name(), label=definition.description()
            )
            continue
        if isinstance(definition, QgsProcessingParameterExtent):
            return tr(
                "Expected {parameter} as least and most easting, least and most northing and their CRS, like "
                "178600,181400,329700,333600 [EPSG:28992], got {value}."
            ).format(parameter=definition.name(), value=value)
        if isinstance(definition, QgsProcessingParameterEnum):
            return tr("Expected {parameter} out of {options}, got {value}.").format(
                parameter=definition.name(), options=", ".join(definition.options()), value=value
            )
        if isinstance(definition, QgsProcessingParameterNumber):
            return tr("Expected a number{bounds} in {parameter}, got {value}.").format(
                parameter=definition.name(), bounds=_bounds(definition), value=value
            )
        if isinstance(definition, QgsProcessingParameterFile):
            return tr("Expected a file of the kind {kind} in {parameter}, got {value}.").format(
                parameter=definition.name(), kind=definition.fileFilter(), value=value
            )
    if lacking:
        return lacking
    missing = _missing_raster(algorithm, parameters, context)
    if missing is not None:
        return tr(
            "Expected an existing raster in {parameter}, got {value}, which cannot be opened. Check the path."
        ).format(parameter=missing.parameter, value=missing.value)
    overwritten = _overwritten_layer(algorithm, parameters, context)
    if overwritten is not None:
        return tr(
            "Expected {output} in a file of its own, got {value}, which is an input ({parameter}) and would be lost. "
            "Choose another name."
        ).format(output=overwritten.output, value=overwritten.value, parameter=overwritten.parameter)
    if algorithm.spec.projected and algorithm.parameterDefinition("INPUT") is not None:
        source = algorithm.parameterAsSource(parameters, "INPUT", context)
        if source is not None:
            try:
                require_projected(source.sourceCrs(), tr("the samples"))
            except InputError as error:
                return str(error)
    return ""


def tell_unheeded(algorithm, parameters, feedback) -> None:
    """Warn of names that are no parameters of the algorithm: QGIS passes them on without a word."""
    known = [definition.name() for definition in algorithm.parameterDefinitions()]
    for name in sorted(set(parameters) - set(known)):
        alike = get_close_matches(name, known, n=1)
        hint = tr(" Is {name} meant?").format(name=alike[0]) if alike else ""
        feedback.pushWarning(
            tr("{name} is no parameter of {algorithm} and changes nothing.").format(
                name=name, algorithm=algorithm.displayName()
            )
            + hint
        )


def _bounds(definition: QgsProcessingParameterNumber) -> str:
    """Return the least and the largest number in words, "" where there is none."""
    low, high = definition.minimum(), definition.maximum()
    words = ""
    if low > -sys.float_info.max:
        words += tr(" of at least {:g}").format(low)
    if high < sys.float_info.max:
        words += (tr(" and at most {:g}") if words else tr(" of at most {:g}")).format(high)
    return words


def _layers_of(definition, value, context) -> Iterator[tuple[str, Optional[QgsMapLayer]]]:
    """Yield what a parameter of layers names, and the layer itself, None where it cannot be opened."""
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source.staticValue()
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, QgsMapLayer):
            yield entry.name(), entry
        elif isinstance(entry, str) and entry:
            yield entry, QgsProcessingUtils.mapLayerFromString(entry, context)


def _missing_raster(algorithm, parameters, context) -> Optional[_Missing]:
    for definition in algorithm.parameterDefinitions():
        several = isinstance(definition, QgsProcessingParameterMultipleLayers)
        if several or isinstance(definition, QgsProcessingParameterRasterLayer):
            is_vector = several and definition.layerType() != QgsProcessing.SourceType.TypeRaster
            expected = QgsVectorLayer if is_vector else QgsRasterLayer
            for entry, layer in _layers_of(definition, parameters.get(definition.name()), context):
                if not isinstance(layer, expected) or not layer.isValid():
                    return _Missing(definition.name(), entry)
    return None


def _overwritten_layer(algorithm, parameters, context) -> Optional[_Overwritten]:
    """Return a layer to be read that an output would replace, None where all have files of their own."""
    outputs = {}
    for definition in algorithm.destinationParameterDefinitions():
        value = parameters.get(definition.name())
        if isinstance(value, QgsProcessingOutputLayerDefinition):
            value = value.sink.staticValue()
        if isinstance(value, str) and Path(value).suffix:
            outputs[definition.name()] = value
    if not outputs:
        return None
    for definition in algorithm.parameterDefinitions():
        if not isinstance(definition, LAYERS):
            continue
        for _, layer in _layers_of(definition, parameters.get(definition.name()), context):
            source = None if layer is None else _file_of(layer)
            for output, value in outputs.items():
                if source and is_same_file(Path(source), Path(value)):
                    return _Overwritten(definition.name(), output, value)
    return None


def _file_of(layer: QgsMapLayer) -> str:
    """Return the path of a layer's file, "" for one that is in none."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return parts.get("path") or ""
