"""What QGIS loads: the Processing provider, and the menu where there is a desktop."""

from __future__ import annotations

from qgis.core import QgsApplication

from .processing_provider.provider import HybridGeostatisticsProvider


class HybridGeostatisticsPlugin:
    """Registers provider and menu, and takes them away in reverse order.

    Parameters
    ----------
    iface : QgisInterface or None
        None in qgis_process, which calls `initProcessing` only.
    """

    def __init__(self, iface):
        self._iface = iface
        self._provider = None
        self._menu = None

    def initProcessing(self):
        """Register the algorithms; all that qgis_process needs."""
        if self._provider is None:
            provider = HybridGeostatisticsProvider()
            # The registry refuses, and deletes, a second provider of the same id.
            if QgsApplication.processingRegistry().addProvider(provider):
                self._provider = provider

    def initGui(self):
        """Register the algorithms and add menu and toolbar button."""
        self.initProcessing()
        if self._iface is not None:
            from .ui.menu import PluginMenu

            self._menu = PluginMenu(self._iface)
            self._menu.add()

    def unload(self):
        """Remove everything that was added, last things first."""
        if self._menu is not None:
            self._menu.remove()
            self._menu = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
