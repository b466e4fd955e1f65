"""Charts over two numeric axes as inline SVG text, without a plotting library, scripts or external resources.

Every chart is one ``<svg>`` with an accessible title and description. Charts of labelled rows are in `row_charts`, maps
in `maps`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .axes import NO_DIFFERENCE, Axis, limits, nice_ticks, tick_labels
from .drawing import (
    CHARACTER,
    QUIET,
    Band,
    Layer,
    Level,
    Points,
    Values,
    drawn_frame,
    drawn_layer,
    drawn_legend,
    heading,
    segment,
    series,
    svg,
)
from .markup import Html, rounded

_SQUARE = 400  # pixels, of charts with equal axes


def xy_chart(
    title: str,
    x_label: str,
    y_label: str,
    layers: Sequence[Layer],
    *,
    x_from_zero: bool = False,
    y_from_zero: bool = False,
    width: float = 640,
    height: float = 360,
    description: str = "",
) -> Html:
    """Draw points, lines and bands over two numeric axes.

    Parameters
    ----------
    title, x_label, y_label : str
        Axis labels name the unit.
    layers : sequence of Points, Line, Band or Level
        Drawn in order; those with a label appear in the legend.
    x_from_zero, y_from_zero : bool
        Start the axis at 0 when no value is below it.
    width, height : float
        In pixels; the chart shrinks with the page.
    description : str
        For readers who cannot see the chart; default: title and ranges.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    x_values, y_values = _extent_of(layers)
    x_low, x_high = limits(x_values, zero=x_from_zero)
    y_low, y_high = limits(y_values, zero=y_from_zero)
    right = width - 18
    draft = Axis(y_low, y_high, 0, 1)
    left = 36 + CHARACTER * max(len(label) for label in tick_labels(draft.ticks(5)) or [""])
    legend, top = drawn_legend(layers, left, right, 38)
    named = any(isinstance(layer, Level) and layer.vertical and layer.label for layer in layers)
    top = max(top + (13 if named else 0), 34)
    bottom = height - 46
    x_axis = Axis(x_low, x_high, left, right)
    y_axis = Axis(y_low, y_high, bottom, top)
    body = [heading(title, left), *legend, *drawn_frame(x_axis, y_axis, x_label, y_label, 6, 5)]
    for layer in layers:
        body += drawn_layer(layer, x_axis, y_axis)
    described = description or (
        f"{y_label} from {rounded(y_low)} to {rounded(y_high)} against {x_label} from {rounded(x_low)} to "
        f"{rounded(x_high)}."
    )
    return svg(title, described, width, height, body)


def _extent_of(layers: Sequence[Layer]) -> tuple[list[float], list[float]]:
    """All coordinates the axes have to hold."""
    x_values: list[float] = []
    y_values: list[float] = []
    for layer in layers:
        if isinstance(layer, Level):
            (x_values if layer.vertical else y_values).append(layer.value)
            continue
        x_values += list(layer.x)
        if isinstance(layer, Band):
            y_values += [*layer.low, *layer.high]
            continue
        y_values += list(layer.y)
        if isinstance(layer, Points) and layer.low is not None and layer.high is not None:
            y_values += [*layer.low, *layer.high]
    return x_values, y_values


def one_to_one(
    title: str,
    observed: Values,
    predicted: Values,
    unit: str = "",
    *,
    log: bool = False,
    color: int = 0,
) -> Html:
    """Draw predicted against observed on equal axes, with the line where they agree.

    Parameters
    ----------
    title : str
    observed, predicted : sequence of float
        In the same unit; pairs with NaN are left out.
    unit : str
        Shown on both axes.
    log : bool
        Logarithmic axes, for skewed concentrations; pairs not above 0 are left out.
    color : int
        Index into `COLORS`.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    pairs = np.column_stack([np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    if log:
        pairs = pairs[(pairs > 0).all(axis=1)]
    low, high = limits(pairs.ravel().tolist(), log=log)
    in_unit = f" ({unit})" if unit else ""
    draft = Axis(low, high, 0, 1, log)
    left = 36 + CHARACTER * max(len(label) for label in tick_labels(draft.ticks(5)) or [""])
    top, bottom = 34.0, _SQUARE - 46
    side = min(_SQUARE - 18 - left, bottom - top)
    x_axis = Axis(low, high, left, left + side, log)
    y_axis = Axis(low, high, top + side, top, log)
    body = [heading(title, left), *drawn_frame(x_axis, y_axis, f"observed{in_unit}", f"predicted{in_unit}", 5, 5)]
    body.append(
        segment(left, top + side, left + side, top, "hg-level", QUIET, ' stroke-dasharray="3 3" stroke-width="1.2"')
    )
    marks = Points(pairs[:, 0].tolist(), pairs[:, 1].tolist(), color=color, size=3, opacity=0.65)
    body += drawn_layer(marks, x_axis, y_axis)
    described = (
        f"Predicted against observed for {len(pairs)} samples, both from {rounded(low)} to {rounded(high)}{in_unit}."
    )
    return svg(title, described, _SQUARE, top + side + 46, body)


def histogram(title: str, values: Values, x_label: str) -> Html:
    """Draw how often values occur, in bins of a round width: about as many as Sturges' rule, and at least 12.

    Parameters
    ----------
    title : str
    values : sequence of float
        NaN and infinities are left out.
    x_label : str
        Names the unit.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    edges = _round_edges(array, max(12, math.ceil(1 + math.log2(max(len(array), 1)))))
    counts = np.histogram(array, edges)[0]
    width, height = 420, 260
    left = 36 + CHARACTER * len(str(counts.max()))
    x_axis = Axis(edges[0], edges[-1], left, width - 14)
    y_axis = Axis(0.0, 1.06 * max(int(counts.max()), 1), height - 46, 44)
    body = [heading(title, left), *drawn_frame(x_axis, y_axis, x_label, "samples", 5, 4)]
    kind, color = series(0)
    for count, a, b in zip(counts, edges, edges[1:]):
        x, y = x_axis.at(a) + 0.7, y_axis.at(count)
        body.append(
            f'<rect class="{kind} hg-fill" x="{x:.1f}" y="{y:.1f}" width="{max(x_axis.at(b) - x - 0.7, 0.5):.1f}" '
            f'height="{y_axis.start - y:.1f}" fill="{color}" fill-opacity="0.8"/>'
        )
    described = f"{len(array)} values of {x_label} in {len(counts)} bins; the fullest bin holds {counts.max()}."
    return svg(title, described, width, height, body)


def _round_edges(array: np.ndarray, wanted: int) -> np.ndarray:
    """Bin edges at round numbers that hold all values."""
    if len(array) == 0:
        return np.array([0.0, 1.0])
    low, high = float(array.min()), float(array.max())
    if high - low <= NO_DIFFERENCE * max(abs(low), abs(high)):
        half = 0.5 * abs(low) or 0.5
        return np.array([low - half, low + half])
    ticks = nice_ticks(low, high, wanted)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1) * step
