"""The README as the plugin's help, readable without a network."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout

from ..processing_provider.identity import PLUGIN_FOLDER, metadata


class HelpDialog(QDialog):
    """Shows README.md with its pictures; links open in the web browser.

    Parameters
    ----------
    parent : QWidget
        The main window.
    """

    def __init__(self, parent):
        super().__init__(parent)
        self.setWindowTitle(metadata("name"))
        self.resize(820, 680)
        browser = QTextBrowser(self)
        browser.setOpenExternalLinks(True)
        browser.setSearchPaths([str(PLUGIN_FOLDER)])
        browser.setMarkdown((PLUGIN_FOLDER / "README.md").read_text(encoding="utf-8"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(browser)
        layout.addWidget(buttons)
