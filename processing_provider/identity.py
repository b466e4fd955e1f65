"""Who the plugin is: what metadata.txt says, and how its texts are translated."""

from __future__ import annotations

import configparser
from functools import cache
from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication

PLUGIN_FOLDER = Path(__file__).resolve().parent.parent
PROVIDER_ID = "hybridgeo"


@cache
def metadata(key: str) -> str:
    """Return an entry of metadata.txt, the only place where the version is written."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(PLUGIN_FOLDER / "metadata.txt", encoding="utf-8")
    return parser.get("general", key)


def tr(text: str) -> str:
    """Translate a text the user reads."""
    return QCoreApplication.translate("HybridGeostatistics", text)
