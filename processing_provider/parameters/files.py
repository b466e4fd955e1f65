"""Files that algorithms pass on to each other: variograms, components and models."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterFile

from ..identity import tr
from .kinds import file_input, with_help

VARIOGRAM_FILES = "Variogram (*.json *.JSON)"
PCA_FILES = "Principal components (*.json *.JSON)"
MODEL_FILES = "Trained model (*.onnx *.ONNX)"


def variogram_file(text: str):
    """Return VARIOGRAM: an optional variogram file."""
    return with_help(file_input("VARIOGRAM", tr("Variogram"), VARIOGRAM_FILES), text)


def model_file():
    """Return MODEL: a trained model to read."""
    return with_help(
        QgsProcessingParameterFile("MODEL", tr("Trained model"), defaultValue=None, fileFilter=MODEL_FILES),
        tr("ONNX file made by Train hybrid model."),
    )
