"""The menu adds its entries, opens what they say, and leaves nothing behind, twice over.

Truth: contracts of the adapters (what is added is removed), and the sample's known numbers.
"""

import pytest

pytest.importorskip("qgis")

from hybrid_geostatistics.plugin import HybridGeostatisticsPlugin
from hybrid_geostatistics.ui import models, sample
from hybrid_geostatistics.ui.help import HelpDialog
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject
from qgis.PyQt.QtWidgets import QDialog, QMainWindow, QMenu, QToolBar


class Desktop:
    """The part of QgisInterface that the menu uses, with real menus and a real toolbar."""

    def __init__(self, canvas):
        self.window = QMainWindow()
        self.plugins = QMenu(self.window)
        self.helps = QMenu(self.window)
        self.toolbar = QToolBar(self.window)
        self.canvas = canvas
        self.active = None
        self.messages = []

    def mainWindow(self):
        return self.window

    def pluginMenu(self):
        return self.plugins

    def pluginHelpMenu(self):
        return self.helps

    def addToolBarWidget(self, widget):
        return self.toolbar.addWidget(widget)

    def removeToolBarIcon(self, action):
        self.toolbar.removeAction(action)

    def mapCanvas(self):
        return self.canvas

    def setActiveLayer(self, layer):
        self.active = layer

    def activeLayer(self):
        return self.active

    def messageBar(self):
        return self

    def pushMessage(self, title, text, level):
        self.messages.append((title, text, level))


@pytest.fixture
def desktop(qgis_iface, qgis_new_project):
    return Desktop(qgis_iface.mapCanvas())


@pytest.fixture
def loaded(desktop):
    plugin = HybridGeostatisticsPlugin(desktop)
    plugin.initGui()
    yield plugin
    plugin.unload()


def entries(desktop):
    (menu,) = (action.menu() for action in desktop.plugins.actions())
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_the_menu_offers_sample_algorithms_and_help(desktop, loaded):
    registry = QgsApplication.processingRegistry()
    names = [f"{algorithm.displayName()}…" for algorithm in registry.providerById("hybridgeo").algorithms()]
    shown = entries(desktop)
    assert shown[0] == "Load the Meuse sample"
    assert shown[-1] == "Help"
    assert sorted(shown[1:-2]) == sorted(names)
    assert len(desktop.toolbar.actions()) == len(desktop.helps.actions()) == 1


@pytest.fixture
def n_providers():
    """Return a function that counts the plugin's providers; another test's may be registered all the time."""
    registry = QgsApplication.processingRegistry()
    return lambda: sum(provider.id() == "hybridgeo" for provider in registry.providers())


def test_unload_leaves_nothing_and_loading_again_works(desktop, n_providers):
    before = n_providers()
    for _ in range(2):
        plugin = HybridGeostatisticsPlugin(desktop)
        plugin.initGui()
        plugin.unload()
        assert not desktop.plugins.actions()
        assert not desktop.toolbar.actions()
        assert not desktop.helps.actions()
        assert n_providers() == before


def test_without_a_desktop_only_the_provider_is_registered(n_providers):
    before = n_providers()
    plugin = HybridGeostatisticsPlugin(None)
    plugin.initGui()
    assert n_providers() == 1
    plugin.unload()
    assert n_providers() == before


def test_the_sample_loads_as_a_styled_group(desktop, tmp_path):
    layers = sample.load_sample(desktop, tmp_path)
    assert [layer.name() for layer in layers] == ["meuse", "dist", "ffreq", "soil"]
    assert layers[0].featureCount() == 155
    assert {layer.crs().authid() for layer in layers} == {"EPSG:28992"}
    assert QgsProject.instance().crs().authid() == "EPSG:28992"
    assert [layer.renderer().type() for layer in layers] == [
        "graduatedSymbol",
        "singlebandpseudocolor",
        "paletted",
        "paletted",
    ]
    # Every sample falls into a class of the style: none is invisible.
    zinc = [feature["zinc"] for feature in layers[0].getFeatures()]
    assert all(layers[0].renderer().symbolForValue(value) is not None for value in zinc)
    (group,) = QgsProject.instance().layerTreeRoot().children()
    assert [child.name() for child in group.children()] == ["meuse", "dist", "ffreq", "soil"]
    assert desktop.active is layers[1]  # results go above it and below the samples
    assert desktop.canvas.extent().contains(layers[1].extent())


def test_dialogs_offer_the_samples_where_the_active_layer_is_none(desktop, loaded, tmp_path, monkeypatch):
    """Truth: what is handed to QGIS's own dialog; QGIS takes an active point layer by itself."""
    processing = pytest.importorskip("processing")
    asked = []

    def dialog(algorithm, parameters):
        asked.append((algorithm, parameters))
        return QDialog()

    monkeypatch.setattr(processing, "createAlgorithmDialog", dialog)

    def entry(label):
        (menu,) = (action.menu() for action in desktop.plugins.actions())
        next(action for action in menu.actions() if action.text() == label).trigger()
        return asked.pop()

    assert entry("Ordinary kriging…") == ("hybridgeo:ordinarykriging", {})
    layers = sample.load_sample(desktop, tmp_path / "sample")
    assert entry("Ordinary kriging…") == ("hybridgeo:ordinarykriging", {"INPUT": layers[0].id()})
    assert entry("Principal components…") == ("hybridgeo:spectralpca", {})
    desktop.setActiveLayer(layers[0])
    assert entry("Ordinary kriging…") == ("hybridgeo:ordinarykriging", {})
    QgsProject.instance().clear()


def test_a_project_with_layers_keeps_its_crs(desktop, tmp_path):
    first = sample.load_sample(desktop, tmp_path)[0]
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:3035"))
    sample.load_sample(desktop, tmp_path)
    assert QgsProject.instance().crs().authid() == "EPSG:3035"
    assert QgsProject.instance().mapLayer(first.id()) is not None


def test_the_working_copy_keeps_what_the_user_changed(tmp_path):
    folder = sample.working_copy(tmp_path)
    (folder / "NOTICE.md").write_text("mine", encoding="utf-8")
    sample.working_copy(tmp_path)
    assert (folder / "NOTICE.md").read_text(encoding="utf-8") == "mine"
    assert (folder / "meuse.gpkg").read_bytes() == (sample.SAMPLE_FOLDER / "meuse.gpkg").read_bytes()


def test_a_sample_that_cannot_be_written_is_said_not_raised(desktop, loaded, monkeypatch):
    def refuse(iface, folder=None):
        raise OSError("disk full")

    monkeypatch.setattr("hybrid_geostatistics.ui.menu.load_sample", refuse)
    (menu,) = (action.menu() for action in desktop.plugins.actions())
    menu.actions()[0].trigger()
    assert "disk full" in desktop.messages[-1][1]


def test_the_models_are_copied_once_and_kept(tmp_path):
    copies = models.add_models(tmp_path)
    assert sorted(copy.name for copy in copies) == [
        "hybrid_geostatistics_fusion_chain.model3",
        "hybrid_geostatistics_hybrid_chain.model3",
        "hybrid_geostatistics_kriging_chain.model3",
    ]
    copies[0].write_text("mine", encoding="utf-8")
    assert models.add_models(tmp_path) == copies
    assert copies[0].read_text(encoding="utf-8") == "mine"


def test_help_shows_the_readme(desktop):
    from qgis.PyQt.QtCore import QUrl
    from qgis.PyQt.QtGui import QTextDocument
    from qgis.PyQt.QtWidgets import QTextBrowser

    dialog = HelpDialog(desktop.mainWindow())
    browser = dialog.findChild(QTextBrowser)
    assert "Hybrid Geostatistics" in browser.toPlainText()
    picture = browser.document().resource(QTextDocument.ResourceType.ImageResource, QUrl("resources/images/zinc.png"))
    assert 0.8 * dialog.width() < picture.width() < dialog.width()
    dialog.deleteLater()
