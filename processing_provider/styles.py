"""How results look when they are loaded: rasters in a colour ramp fitted to their values, residuals by sign."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Optional

import numpy as np
from qgis.core import (
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsGraduatedSymbolRenderer,
    QgsMarkerSymbol,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererRange,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from .identity import tr

VIRIDIS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
MAGMA = ("#000004", "#51127c", "#b73779", "#fc8961", "#fcfdbf")
"""Of perceptually even lightness and safe for colour blindness; the second for uncertainties."""
SHOWN = 0.02, 0.98
"""Share of the values between which the colours run."""
TOO_HIGH_TO_TOO_LOW = ("#2166ac", "#67a9cf", "#f7f7f7", "#ef8a62", "#b2182b")
"""Of points where too much was predicted, to those where too little was."""
SIZES = ("5", "3.8", "2.2", "3.8", "5")
"""In millimetres: large ones show as rings where the layer lies below that of the samples, as QGIS adds it."""
SMALL, LARGE = 0.5, 0.9
"""Shares of the residuals that are within the small ones, and not above the large ones."""


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
    instead_of : str, optional
        The name that the layer has unless the user, a model or its file gave it another, which it keeps; None:
        it is given the new name whatever it had.
    """

    def __init__(
        self, name: str, values: np.ndarray, colors: Sequence[str] = VIRIDIS, band: int = 1, is_shown: bool = True,
        instead_of: Optional[str] = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._name, self._instead_of = name, instead_of
        self._limits = tuple(float(limit) for limit in np.quantile(values, SHOWN)) if len(values) else (0.0, 0.0)
        self._colors = colors
        self._band = band
        self._is_shown = is_shown

    def postProcessLayer(self, layer, context, feedback):
        """Style the layer; QGIS calls this in the main thread once it is loaded."""
        if isinstance(layer, QgsRasterLayer) and layer.isValid():
            if self._instead_of in (None, layer.name()):
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


class ResidualStyle(QgsProcessingLayerPostProcessorInterface):
    """Shows points by their residuals: blue where too much was predicted, red where too little; larger is worse.

    Parameters
    ----------
    name, instead_of : str
        As of `RampStyle`.
    expression : str
        Gives the residual of a point, NULL for one that is not shown.
    residuals : ndarray, shape (n,)
        Of the points that are shown, observed - predicted.
    """

    def __init__(self, name: str, instead_of: str, expression: str, residuals: np.ndarray) -> None:
        super().__init__()
        self._name, self._instead_of, self._expression = name, instead_of, expression
        sizes = np.abs(residuals[np.isfinite(residuals)])
        self._breaks = tuple(np.quantile(sizes, (SMALL, LARGE, 1.0)).tolist()) if len(sizes) else (0.0, 0.0, 0.0)

    def postProcessLayer(self, layer, context, feedback):
        """Style the layer; QGIS calls this in the main thread once it is loaded."""
        if isinstance(layer, QgsVectorLayer) and layer.isValid():
            if self._instead_of == layer.name():
                layer.setName(self._name)
            small, large, largest = self._breaks
            if 0 < small < large < largest:
                layer.setRenderer(QgsGraduatedSymbolRenderer(self._expression, _ranges(small, large, largest)))
                layer.triggerRepaint()


def _ranges(small: float, large: float, largest: float) -> list[QgsRendererRange]:
    """Return the classes of residuals, the least first."""
    low, high = (f"{limit:.2g}" if limit < 100 else f"{float(f'{limit:.2g}'):.0f}" for limit in (small, large))
    labels = (
        tr("predicted more than {} too high").format(high),
        tr("predicted {low} to {high} too high").format(low=low, high=high),
        tr("within {}").format(low),
        tr("predicted {low} to {high} too low").format(low=low, high=high),
        tr("predicted more than {} too low").format(high),
    )
    small, large = float(low), float(high)
    limits = (-max(largest, large), -large, -small, small, large, max(largest, large))
    symbols = [
        QgsMarkerSymbol.createSimple({"color": color, "size": size, "outline_color": "#555555", "outline_width": "0.2"})
        for color, size in zip(TOO_HIGH_TO_TOO_LOW, SIZES)
    ]
    return [QgsRendererRange(*limits[i : i + 2], symbols[i], labels[i]) for i in range(len(labels))]
