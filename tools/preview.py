"""Draw maps side by side into one PNG, with QGIS's renderer and without a desktop.

    preview.py OUT.png SAMPLES.gpkg FIELD MASK.tif GROUP:TITLE=RASTER[#BAND] ...

Maps of the same GROUP share one scale; the group "spread" (widths, standard deviations) is drawn in oranges.
Samples are drawn on the first map, coloured by FIELD on its scale. Where MASK is nodata, nothing is drawn and
nothing counts for the scale.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsGraduatedSymbolRenderer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsMarkerSymbol,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererRange,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QRect, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter

VIRIDIS = "#440154 #482878 #3e4989 #31688e #26828e #1f9e89 #35b779 #6ece58 #b5de2b #fde725"
ORANGES = "#fff7ec #fee8c8 #fdd49e #fdbb84 #fc8d59 #ef6548 #d7301f #b30000 #7f0000"
MAP = QSize(420, 520)
HEAD, FOOT, GAP = 44, 64, 18
INK = QColor("#222222")


@dataclass
class Panel:
    """One map: what it shows and on which scale."""

    group: str
    title: str
    path: str
    band: int
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Panel:
        """Read GROUP:TITLE=RASTER[#BAND]."""
        label, _, target = text.partition("=")
        group, _, title = label.partition(":")
        path, _, band = target.partition("#")
        return cls(group, title, path, int(band or 1))

    def values(self, mask: str) -> np.ndarray:
        """Return what is known within the mask, on the same grid, as a flat array."""
        array = read(self.path, self.band)
        return array[np.isfinite(array) & np.isfinite(read(mask, 1))]

    def steps(self, n: int) -> np.ndarray:
        """Return values from low to high, equal steps of the logarithm where the range spans much."""
        if self.low > 0 and self.high > 5 * self.low:
            return np.geomspace(self.low, self.high, n)
        return np.linspace(self.low, self.high, n)

    @property
    def ramp(self) -> tuple:
        """Return the colours, low to high."""
        return tuple((ORANGES if self.group == "spread" else VIRIDIS).split())


def read(path: str, band: int) -> np.ndarray:
    dataset = gdal.Open(path)  # kept: its bands die with it
    source = dataset.GetRasterBand(band)
    array = source.ReadAsArray().astype(float)
    array[array == source.GetNoDataValue()] = np.nan
    return array


def share_scales(panels: list, mask: str) -> None:
    for group in {panel.group for panel in panels}:
        members = [panel for panel in panels if panel.group == group]
        low, high = np.percentile(np.concatenate([panel.values(mask) for panel in members]), [1, 99])
        for panel in members:
            panel.low, panel.high = low, high


def raster_layer(panel: Panel) -> QgsRasterLayer:
    layer = QgsRasterLayer(panel.path, panel.title)
    if not layer.isValid():
        sys.exit(f"error: {panel.path} cannot be read.")
    function = QgsColorRampShader(panel.low, panel.high)
    function.setColorRampType(QgsColorRampShader.Type.Interpolated)
    steps = panel.steps(len(panel.ramp))
    function.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(value, QColor(color)) for value, color in zip(steps, panel.ramp)]
    )
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), panel.band, shader))
    return layer


def samples_layer(path: str, field: str, panel: Panel) -> QgsVectorLayer:
    layer = QgsVectorLayer(path, "samples", "ogr")
    edges = panel.steps(len(panel.ramp) + 1)
    edges[0], edges[-1] = -1e30, 1e30
    ranges = []
    for low, high, color in zip(edges[:-1], edges[1:], panel.ramp):
        symbol = QgsMarkerSymbol.createSimple(
            {"name": "circle", "color": color, "size": "1.7", "outline_color": "#ffffff", "outline_width": "0.25"}
        )
        ranges.append(QgsRendererRange(low, high, symbol, ""))
    layer.setRenderer(QgsGraduatedSymbolRenderer(field, ranges))
    return layer


def opaque_where_known(path: str) -> QgsRasterLayer:
    layer = QgsRasterLayer(path, "mask")
    layer.setRenderer(QgsSingleBandGrayRenderer(layer.dataProvider(), 1))
    return layer


def render(layers: list, extent) -> QImage:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[-1].crs())
    settings.setExtent(extent)
    settings.setOutputSize(MAP)
    settings.setBackgroundColor(QColor(0, 0, 0, 0))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def draw_scale(painter: QPainter, panel: Panel, left: int, top: int) -> None:
    bar = QRect(left + 30, top + 10, MAP.width() - 60, 14)
    gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
    for index, color in enumerate(panel.ramp):
        gradient.setColorAt(index / (len(panel.ramp) - 1), QColor(color))
    painter.fillRect(bar, gradient)
    painter.setFont(QFont("DejaVu Sans", 9))
    for index, value in enumerate(panel.steps(5)):
        center = bar.left() + index * bar.width() // 4
        text = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
        painter.drawText(QRect(center - 40, bar.bottom() + 4, 80, 20), Qt.AlignmentFlag.AlignHCenter, text)


def main() -> None:
    target, samples, field, mask = sys.argv[1:5]
    panels = [Panel.parse(text) for text in sys.argv[5:]]
    application = QgsApplication([], True)  # True: fonts need it
    application.initQgis()
    share_scales(panels, mask)
    width = len(panels) * (MAP.width() + GAP) + GAP
    image = QImage(width, HEAD + MAP.height() + FOOT, QImage.Format.Format_RGB32)
    image.fill(QColor("#ffffff"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(INK)
    for index, panel in enumerate(panels):
        left = GAP + index * (MAP.width() + GAP)
        layer = raster_layer(panel)
        extent = layer.extent()
        extent.scale(1.03)
        picture = render([layer], extent)
        cut = QPainter(picture)
        cut.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        cut.drawImage(0, 0, render([opaque_where_known(mask)], extent))
        cut.end()
        painter.drawImage(left, HEAD, picture)
        if index == 0:
            painter.drawImage(left, HEAD, render([samples_layer(samples, field, panel)], extent))
        painter.setFont(QFont("DejaVu Sans", 12, QFont.Weight.Bold))
        painter.drawText(QRect(left, 0, MAP.width(), HEAD), Qt.AlignmentFlag.AlignCenter, panel.title)
        draw_scale(painter, panel, left, HEAD + MAP.height())
    painter.end()
    if not image.save(target):
        sys.exit(f"error: {target} cannot be written.")
    print(target)


main()
