"""Hybrid Geostatistics: kriging with a neural network where it helps, as a QGIS plugin."""


def classFactory(iface):
    """Return the plugin; QGIS calls this once when it loads the plugin.

    Parameters
    ----------
    iface : QgisInterface or None
        None in qgis_process.
    """
    from .plugin import HybridGeostatisticsPlugin

    return HybridGeostatisticsPlugin(iface)
