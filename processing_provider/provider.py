"""The list of algorithms."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .identity import PLUGIN_FOLDER, PROVIDER_ID, metadata


class HybridGeostatisticsProvider(QgsProcessingProvider):
    """Makes the algorithms known to Processing."""

    def id(self) -> str:
        """Return the id that models and scripts call by; it never changes."""
        return PROVIDER_ID

    def name(self) -> str:
        """Return the name in the Toolbox."""
        return metadata("name")

    def longName(self) -> str:
        """Return the name with the version."""
        return f"{metadata('name')} {metadata('version')}"

    def versionInfo(self) -> str:
        """Return the plugin's version."""
        return metadata("version")

    def helpId(self) -> str:
        """Return the id of the provider's help."""
        return PROVIDER_ID

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Return the path of the plugin's icon."""
        return str(PLUGIN_FOLDER / metadata("icon"))

    def supportedOutputRasterLayerExtensions(self) -> list[str]:  # noqa: N802 - QGIS calls it so
        """Return the one raster format written."""
        return ["tif"]

    def defaultRasterFileExtension(self) -> str:
        """Return the one raster format written."""
        return "tif"

    def supportsNonFileBasedOutput(self) -> bool:
        """Return whether tables and points may go to memory or a database: they may."""
        return True

    def loadAlgorithms(self) -> None:
        """Add a fresh instance of every algorithm."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
