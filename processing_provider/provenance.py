"""What reports say about where they come from."""

from __future__ import annotations

import datetime

from qgis.core import Qgis

from .identity import metadata


def provenance(**more: object) -> dict[str, object]:
    """Return date, versions of plugin and QGIS, and further facts, for the foot of a report."""
    return {
        "made": datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="minutes"),
        "plugin": f"{metadata('name')} {metadata('version')}",
        "QGIS": Qgis.QGIS_VERSION,
        **more,
    }
