"""How result rasters look when they are loaded: a colour ramp fitted to their values."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

import numpy as np
from qgis.core import (
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

VIRIDIS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
MAGMA = ("#000004", "#51127c", "#b73779", "#fc8961", "#fcfdbf")
"""Of perceptually even lightness and safe for colour blindness; the second for uncertainties."""
SHOWN = 0.02, 0.98
"""Share of the values between which the colours run."""


class RampStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives a raster a continuous colour ramp between quantiles of one band.

    Parameters
    ----------
    name : str
        Name of the layer.
    values : ndarray, shape (n,)
        Of the band, as many as tell its quantiles: QGIS would read the whole file again, while it stands still.
    colors : sequence of str
    band : int
        From 1.
    is_shown : bool
        Whether it is on the map at once, and not only in the list of layers.
    """

    def __init__(
        self, name: str, values: np.ndarray, colors: Sequence[str] = VIRIDIS, band: int = 1, is_shown: bool = True
    ) -> None:
        super().__init__()
        self._name = name
        self._limits = tuple(float(limit) for limit in np.quantile(values, SHOWN)) if len(values) else (0.0, 0.0)
        self._colors = colors
        self._band = band
        self._is_shown = is_shown

    def postProcessLayer(self, layer, context, feedback):  # noqa: N802 - QGIS calls it so
        """Style the layer; QGIS calls this in the main thread once it is loaded."""
        if isinstance(layer, QgsRasterLayer) and layer.isValid():
            layer.setName(self._name)
            style_raster(layer, self._limits, self._colors, self._band)
            project = context.project()
            node = None if project is None else project.layerTreeRoot().findLayer(layer.id())
            if node is not None:
                node.setItemVisibilityChecked(self._is_shown)


def style_raster(layer: QgsRasterLayer, limits: tuple[float, float], colors: Sequence[str], band: int) -> None:
    """Show one band in a continuous colour ramp between limits; as it is where these are one."""
    provider = layer.dataProvider()
    lower, upper = limits
    if not lower < upper:
        return
    # A hundredth of the range is all a legend can say.
    digits = 2 - floor(log10(upper - lower))
    lower, upper = round(lower, digits), round(upper, digits)
    ramp = QgsGradientColorRamp(QColor(colors[0]), QColor(colors[-1]))
    inner = len(colors) - 1
    ramp.setStops([QgsGradientStop(i / inner, QColor(colors[i])) for i in range(1, inner)])
    function = QgsColorRampShader(lower, upper, ramp, QgsColorRampShader.Type.Interpolated)
    function.classifyColorRamp(band=band, input=provider)
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(provider, band, shader)
    renderer.setClassificationMin(lower)
    renderer.setClassificationMax(upper)
    layer.setRenderer(renderer)
    layer.triggerRepaint()
