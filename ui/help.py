"""The README as the plugin's help, readable without a network."""

from __future__ import annotations

import re

from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QImage, QTextDocument
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout

from ..processing_provider.identity import PLUGIN_FOLDER, metadata

WIDTH = 820


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
        self.resize(WIDTH, 680)
        browser = QTextBrowser(self)
        browser.setOpenExternalLinks(True)
        browser.setSearchPaths([str(PLUGIN_FOLDER)])
        text = (PLUGIN_FOLDER / "README.md").read_text(encoding="utf-8")
        browser.setMarkdown(text)
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
            # Markdown knows no widths: pictures as they are would be wider than the dialog.
            picture = QImage(str(PLUGIN_FOLDER / name)).scaledToWidth(
                WIDTH - 60, Qt.TransformationMode.SmoothTransformation
            )
            browser.document().addResource(QTextDocument.ResourceType.ImageResource, QUrl(name), picture)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(browser)
        layout.addWidget(buttons)
