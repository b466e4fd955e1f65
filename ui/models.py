"""The shipped graphical models, copied to where QGIS keeps the user's own."""

from __future__ import annotations

import shutil
from pathlib import Path

from qgis.core import QgsApplication

from ..processing_provider.identity import PLUGIN_FOLDER

MODEL_FOLDER = PLUGIN_FOLDER / "resources" / "models"


def add_models(target: Path | None = None) -> list[Path]:
    """Copy the models to the user's models and show them in the Toolbox.

    Models that are there already are kept as the user left them.

    Parameters
    ----------
    target : Path or None
        Folder; None takes the one that Processing saves models to.

    Returns
    -------
    list of Path
        The user's copies, old and new.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    if target is None:
        from processing.modeler.ModelerUtils import ModelerUtils  # a plugin, not there before QGIS has started

        target = Path(ModelerUtils.modelsFolders()[0])
    target.mkdir(parents=True, exist_ok=True)
    copies = []
    for model in sorted(MODEL_FOLDER.glob("*.model3")):
        copy = target / f"hybrid_geostatistics_{model.name}"
        if not copy.exists():
            shutil.copyfile(model, copy)
        copies.append(copy)
    provider = QgsApplication.processingRegistry().providerById("model")
    if provider is not None:
        provider.refreshAlgorithms()
    return copies
