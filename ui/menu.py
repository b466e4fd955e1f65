"""The plugin menu, and the same entries behind one toolbar button."""

from __future__ import annotations

from functools import partial

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessing,
    QgsProcessingParameterFeatureSource,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QMenu, QToolButton

from ..processing_provider.algorithms import ALGORITHMS
from ..processing_provider.identity import PLUGIN_FOLDER, PROVIDER_ID, metadata, tr
from .help import HelpDialog
from .models import add_models
from .sample import load_sample

try:  # Qt 6 has moved it
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction


class PluginMenu:
    """Adds the plugin's entries to the desktop and takes them away again.

    Parameters
    ----------
    iface : QgisInterface
        The desktop.
    """

    def __init__(self, iface):
        self._iface = iface
        self._menu = None
        self._toolbar_action = None
        self._help_action = None
        self._dialogs = set()

    def add(self) -> None:
        """Add the menu to Plugins and the button to the Plugins toolbar; the provider must be registered."""
        window = self._iface.mainWindow()
        icon = QIcon(str(PLUGIN_FOLDER / metadata("icon")))
        self._menu = QMenu(metadata("name"), window)
        self._menu.setObjectName("HybridGeostatisticsMenu")
        self._menu.setIcon(icon)
        self._fill(self._menu, icon)
        self._iface.pluginMenu().addMenu(self._menu)

        button = QToolButton(window)
        button.setIcon(icon)
        button.setToolTip(metadata("name"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(self._menu)
        self._toolbar_action = self._iface.addToolBarWidget(button)

        self._help_action = QAction(icon, metadata("name"), window)
        self._help_action.triggered.connect(lambda checked=False: self._show_help())
        self._iface.pluginHelpMenu().addAction(self._help_action)

    def remove(self) -> None:
        """Take everything away in reverse order, so that the plugin can be loaded again."""
        for dialog in list(self._dialogs):
            dialog.close()
        self._dialogs.clear()
        if self._help_action is not None:
            self._iface.pluginHelpMenu().removeAction(self._help_action)
            self._help_action.deleteLater()
            self._help_action = None
        if self._toolbar_action is not None:
            self._iface.removeToolBarIcon(self._toolbar_action)
            self._toolbar_action.deleteLater()  # and with it the button
            self._toolbar_action = None
        if self._menu is not None:
            self._iface.pluginMenu().removeAction(self._menu.menuAction())
            self._menu.deleteLater()  # and with it its actions
            self._menu = None

    def _fill(self, menu: QMenu, icon: QIcon) -> None:
        """Add the entries, in the order of the work; an algorithm's name and icon are those of the Toolbox."""
        action = menu.addAction(icon, tr("Load the Meuse sample"))
        action.triggered.connect(lambda checked=False: self._load_sample())
        registry = QgsApplication.processingRegistry()
        group = None
        for spec in (algorithm.spec for algorithm in ALGORITHMS):
            if spec.group != group:
                menu.addSeparator()
                group = spec.group
            algorithm = registry.algorithmById(f"{PROVIDER_ID}:{spec.id}")
            action = menu.addAction(algorithm.icon(), f"{algorithm.displayName()}…")
            action.setToolTip(algorithm.shortDescription())
            action.triggered.connect(partial(self._open_algorithm, algorithm.id()))
        menu.addSeparator()
        action = menu.addAction(
            QgsApplication.getThemeIcon("/processingModel.svg"), tr("Add the example models to the Toolbox")
        )
        action.triggered.connect(lambda checked=False: self._add_models())
        action = menu.addAction(QgsApplication.getThemeIcon("/mActionHelpContents.svg"), tr("Help"))
        action.triggered.connect(lambda checked=False: self._show_help())

    def _load_sample(self) -> None:
        try:
            layers = load_sample(self._iface)
        except OSError as error:
            self._say(tr("The sample could not be loaded: {}").format(error), Qgis.MessageLevel.Critical)
            return
        text = tr("{} layers loaded. Next: Check samples, Fit variogram, Ordinary kriging.")
        self._say(text.format(len(layers)), Qgis.MessageLevel.Success)

    def _add_models(self) -> None:
        try:
            copies = add_models()
        except OSError as error:
            self._say(tr("The models could not be copied: {}").format(error), Qgis.MessageLevel.Critical)
            return
        text = tr("{} models are in the Toolbox, under Models.")
        self._say(text.format(len(copies)), Qgis.MessageLevel.Success)

    def _say(self, text: str, level: Qgis.MessageLevel) -> None:
        self._iface.messageBar().pushMessage(metadata("name"), text, level)

    def _open_algorithm(self, algorithm_id: str, checked: bool = False) -> None:
        """Show the dialog of an algorithm, without blocking the map."""
        import processing  # a plugin itself, and not there before QGIS has started

        self._show(processing.createAlgorithmDialog(algorithm_id, self._samples_at_hand(algorithm_id)))

    def _samples_at_hand(self, algorithm_id: str) -> dict[str, str]:
        """Return the topmost point layer as INPUT where the active layer cannot be the samples.

        QGIS offers nothing then, and the sample leaves a raster active, so that maps come below its points.
        """
        algorithm = QgsApplication.processingRegistry().algorithmById(algorithm_id)
        source = algorithm.parameterDefinition("INPUT")
        takes_points = isinstance(source, QgsProcessingParameterFeatureSource) and source.dataTypes() == [
            QgsProcessing.SourceType.TypeVectorPoint
        ]
        if not takes_points:
            return {}
        layers = [layer for layer in QgsProject.instance().layerTreeRoot().layerOrder() if _has_points(layer)]
        return {} if not layers or self._iface.activeLayer() in layers else {"INPUT": layers[0].id()}

    def _show_help(self) -> None:
        dialog = HelpDialog(self._iface.mainWindow())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._show(dialog)

    def _show(self, dialog) -> None:
        """Show a dialog that deletes itself when closed, and keep it until then."""
        self._dialogs.add(dialog)
        # Not `finished`: QGIS's algorithm dialog has a method of that name.
        dialog.destroyed.connect(partial(self._dialogs.discard, dialog))
        dialog.show()
        dialog.raise_()


def _has_points(layer) -> bool:
    """Whether a layer is one of points."""
    return isinstance(layer, QgsVectorLayer) and layer.geometryType() == QgsWkbTypes.GeometryType.PointGeometry
