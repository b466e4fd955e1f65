"""The Meuse sample as a styled group of layers."""

from __future__ import annotations

import shutil
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateTransform,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..processing_provider.identity import PLUGIN_FOLDER, tr

SAMPLE_FOLDER = PLUGIN_FOLDER / "resources" / "sample"
STYLE_FOLDER = PLUGIN_FOLDER / "resources" / "styles"

# Top to bottom; the file's name is the layer's name, by which covariates are matched.
LAYERS = ("meuse.gpkg", "dist.tif", "ffreq.tif", "soil.tif")
SHOWN = ("meuse.gpkg", "dist.tif")


def working_copy(target: Path | None = None) -> Path:
    """Copy the sample beside the user's settings, so that editing it leaves the plugin as it is.

    Files that are there already are kept.

    Parameters
    ----------
    target : Path or None
        Folder; None takes ``hybrid_geostatistics/sample`` in the user's profile.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    target = target or Path(QgsApplication.qgisSettingsDirPath()) / "hybrid_geostatistics" / "sample"
    target.mkdir(parents=True, exist_ok=True)
    for name in (*LAYERS, "NOTICE.md"):
        if not (target / name).exists():
            shutil.copyfile(SAMPLE_FOLDER / name, target / name)
    return target


def load_sample(iface, folder: Path | None = None) -> list[QgsMapLayer]:
    """Add the sample to the project as a group on top, and show it.

    An empty project takes the sample's CRS; another keeps its own.

    Parameters
    ----------
    iface : QgisInterface
        The desktop.
    folder : Path or None
        Where the working copy goes; None takes the user's profile.

    Returns
    -------
    list of QgsMapLayer
        Samples, distance to the river, flooding frequency, soil.

    Raises
    ------
    OSError
        When a file cannot be copied or is not readable as a layer.
    """
    folder = working_copy(folder)
    layers = [_open(folder / name) for name in LAYERS]
    project = QgsProject.instance()
    if not project.mapLayers():
        project.setCrs(layers[0].crs())
    group = project.layerTreeRoot().insertGroup(0, tr("Meuse sample"))
    for layer, name in zip(layers, LAYERS):
        project.addMapLayer(layer, False)
        group.addLayer(layer).setItemVisibilityChecked(name in SHOWN)
    canvas = iface.mapCanvas()
    to_project = QgsCoordinateTransform(layers[1].crs(), project.crs(), project)
    extent = to_project.transformBoundingBox(layers[1].extent())
    extent.scale(1.1)
    canvas.setExtent(extent)
    canvas.refresh()
    iface.setActiveLayer(layers[1])  # results are added above the active layer, so the samples stay on top
    return layers


def _open(path: Path) -> QgsMapLayer:
    """Open one file as a layer in its style."""
    if path.suffix == ".gpkg":
        layer = QgsVectorLayer(f"{path}|layername={path.stem}", path.stem, "ogr")
    else:
        layer = QgsRasterLayer(str(path), path.stem)
    if not layer.isValid():
        raise OSError(f"{path} cannot be read as a layer. Delete it: the plugin then copies it again.")
    layer.loadNamedStyle(str(STYLE_FOLDER / f"{path.stem}.qml"))
    return layer
