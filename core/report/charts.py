"""Charts as inline SVG text, without a plotting library, scripts or external resources.

Every chart is one ``<svg>`` with an accessible title and description. Colours stand in
the markup for a light background; the stylesheet of `page` overrides them by class for a
dark one. Series colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Union

import numpy as np

from .axes import Axis, limits, nice_ticks, tick_labels
from .markup import Html, aligned, decimals_for, escaped, rounded

COLORS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#5c5c5c")
"""Series colours on a light background, in order of use."""

DARK_COLORS = ("#56b4e9", "#ff9955", "#3fd0a4", "#e39ad0", "#f0e442", "#bdbdbd")
"""The same on a dark background."""

RAMP = ("#2c7bb6", "#7fbcd2", "#e8d67a", "#f0913a", "#c4161c")
"""Low to high, for values on a map."""

INK, QUIET, GRID = "#1a1d21", "#565d66", "#dde1e6"
CHARACTER = 6.3  # width of a tick label's character in pixels, at 11.5 px

Values = Sequence[float]


@dataclass(frozen=True)
class Points:
    """Marks at (x, y), with optional vertical intervals.

    Parameters
    ----------
    x, y : sequence of float
        NaN is left out.
    label : str
        Name in the legend; "" for none.
    low, high : sequence of float or None
        Ends of an interval about each mark.
    notes : sequence of str or None
        A short text written above each mark.
    color : int
        Index into `COLORS`.
    size : float
        Radius in pixels.
    opacity : float
        0 to 1; below 1 where marks overlap.
    """

    x: Values
    y: Values
    label: str = ""
    low: Values | None = None
    high: Values | None = None
    notes: Sequence[str] | None = None
    color: int = 0
    size: float = 3.6
    opacity: float = 1.0


@dataclass(frozen=True)
class Line:
    """A line through (x, y) in the order given, broken at NaN."""

    x: Values
    y: Values
    label: str = ""
    color: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Band:
    """An area between low and high over x."""

    x: Values
    low: Values
    high: Values
    label: str = ""
    color: int = 0


@dataclass(frozen=True)
class Level:
    """A straight reference line across the chart, at one x or one y, with its name beside it."""

    value: float
    label: str = ""
    vertical: bool = False


Layer = Union[Points, Line, Band, Level]


def _svg(title: str, description: str, width: float, height: float, body: Sequence[str]) -> Html:
    """Wrap the parts in an svg that says what it shows."""
    return Html(
        f'<svg class="hg-chart" role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        'font-family="system-ui, sans-serif" font-size="11.5">'
        f"<title>{escaped(title)}</title><desc>{escaped(description)}</desc>{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: object, *, anchor: str = "start", kind: str = "quiet", more: str = "") -> str:
    fill = {"quiet": QUIET, "ink": INK}[kind]
    return (
        f'<text class="hg-{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{more}>'
        f"{escaped(text)}</text>"
    )


def _segment(x1: float, y1: float, x2: float, y2: float, kind: str, color: str, more: str = "") -> str:
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{more}/>'
    )


def _series(color: int) -> tuple[str, str]:
    index = color % len(COLORS)
    return f"hg-series-{index}", COLORS[index]


def _heading(title: str, left: float) -> str:
    return _text(left, 18, title, kind="ink", more=' font-size="13.5" font-weight="600"')


def _legend(layers: Sequence[Layer], left: float, right: float, y: float) -> tuple[list[str], float]:
    """Swatches and names in rows from `y`; returns the parts and the y below them."""
    parts: list[str] = []
    x = left
    named = [layer for layer in layers if layer.label and not isinstance(layer, Level)]
    if not named:
        return parts, y
    for layer in named:
        width = 26 + CHARACTER * len(layer.label) + 14
        if x > left and x + width > right:
            x, y = left, y + 17
        kind, color = _series(layer.color)
        if isinstance(layer, Points):
            parts.append(f'<circle class="{kind} hg-fill" cx="{x + 9:.1f}" cy="{y - 4:.1f}" r="4" fill="{color}"/>')
        elif isinstance(layer, Line):
            dash = ' stroke-dasharray="5 4"' if layer.dashed else ""
            parts.append(_segment(x, y - 4, x + 18, y - 4, kind + " hg-stroke", color, f' stroke-width="2"{dash}'))
        else:
            parts.append(
                f'<rect class="{kind} hg-fill" x="{x:.1f}" y="{y - 9:.1f}" width="18" height="10" fill="{color}" '
                'fill-opacity="0.25"/>'
            )
        parts.append(_text(x + 24, y, layer.label))
        x += width
    return parts, y + 10


def _frame(x_axis: Axis, y_axis: Axis, x_label: str, y_label: str, n_x: int, n_y: int) -> list[str]:
    """Grid, ticks and axis titles."""
    parts = []
    bottom, top = y_axis.start, y_axis.stop
    left, right = x_axis.start, x_axis.stop
    y_ticks, x_ticks = y_axis.ticks(n_y), x_axis.ticks(n_x)
    for tick, label in zip(y_ticks, tick_labels(y_ticks)):
        y = y_axis.at(tick)
        parts.append(_segment(left, y, right, y, "hg-grid", GRID))
        parts.append(_text(left - 7, y + 4, label, anchor="end"))
    for tick, label in zip(x_ticks, tick_labels(x_ticks)):
        x = x_axis.at(tick)
        parts.append(_segment(x, bottom, x, top, "hg-grid", GRID))
        parts.append(_text(x, bottom + 16, label, anchor="middle"))
    parts.append(_segment(left, bottom, right, bottom, "hg-axis", QUIET))
    parts.append(_segment(left, bottom, left, top, "hg-axis", QUIET))
    parts.append(_text((left + right) / 2, bottom + 35, x_label, anchor="middle", kind="ink"))
    middle = (bottom + top) / 2
    parts.append(
        _text(14, middle, y_label, anchor="middle", kind="ink", more=f' transform="rotate(-90 14 {middle:.1f})"')
    )
    return parts


def _drawn(layer: Layer, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Draw the marks of one layer."""
    if isinstance(layer, Level):
        return _drawn_level(layer, x_axis, y_axis)
    kind, color = _series(layer.color)
    if isinstance(layer, Line):
        pieces: list[list[str]] = [[]]
        for x, y in zip(layer.x, layer.y):
            if x_axis.holds(x) and math.isfinite(y):
                pieces[-1].append(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}")
            elif pieces[-1]:
                pieces.append([])
        dash = ' stroke-dasharray="6 4"' if layer.dashed else ""
        return [
            f'<polyline class="{kind} hg-stroke" points="{" ".join(piece)}" fill="none" stroke="{color}" '
            f'stroke-width="2" stroke-linejoin="round"{dash}/>'
            for piece in pieces
            if len(piece) > 1
        ]
    if isinstance(layer, Band):
        rows = [row for row in zip(layer.x, layer.low, layer.high) if all(math.isfinite(v) for v in row)]
        outline = [f"{x_axis.at(x):.1f},{y_axis.at(high):.1f}" for x, _, high in rows]
        outline += [f"{x_axis.at(x):.1f},{y_axis.at(low):.1f}" for x, low, _ in reversed(rows)]
        return [f'<polygon class="{kind} hg-fill" points="{" ".join(outline)}" fill="{color}" fill-opacity="0.18"/>']
    parts = [f'<g class="{kind}" fill="{color}" stroke="{color}">']
    if layer.low is not None and layer.high is not None:
        for x, low, high in zip(layer.x, layer.low, layer.high):
            if x_axis.holds(x) and math.isfinite(low) and math.isfinite(high):
                at, y1, y2 = x_axis.at(x), y_axis.at(low), y_axis.at(high)
                parts.append(f'<line x1="{at:.1f}" y1="{y1:.1f}" x2="{at:.1f}" y2="{y2:.1f}"/>')
    marks = []
    for index, (x, y) in enumerate(zip(layer.x, layer.y)):
        if not (x_axis.holds(x) and y_axis.holds(y)):
            continue
        marks.append(f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="{layer.size:g}"/>')
        if layer.notes is not None:
            above = y if layer.high is None or not math.isfinite(layer.high[index]) else max(y, layer.high[index])
            parts.append(
                f'<text class="hg-quiet" x="{x_axis.at(x):.1f}" y="{y_axis.at(above) - layer.size - 4:.1f}" '
                f'text-anchor="middle" font-size="10" stroke="none" fill="{QUIET}">{escaped(layer.notes[index])}</text>'
            )
    parts.append(f'<g stroke="none" fill-opacity="{layer.opacity:g}">{"".join(marks)}</g></g>')
    return parts


def _drawn_level(layer: Level, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Draw a reference line with its name at its end."""
    dash = ' stroke-dasharray="3 3" stroke-width="1.2"'
    if layer.vertical:
        if not x_axis.holds(layer.value):
            return []
        x = x_axis.at(layer.value)
        near_right = x > 0.8 * x_axis.stop
        anchor, gap = ("end", 3) if near_right else ("start", -3)
        return [
            _segment(x, y_axis.start, x, y_axis.stop, "hg-level", QUIET, dash),
            _text(x + gap, y_axis.stop - 3, layer.label, anchor=anchor),
        ]
    if not y_axis.holds(layer.value):
        return []
    y = y_axis.at(layer.value)
    return [
        _segment(x_axis.start, y, x_axis.stop, y, "hg-level", QUIET, dash),
        _text(x_axis.stop - 3, y - 5, layer.label, anchor="end"),
    ]


def xy_chart(
    title: str,
    x_label: str,
    y_label: str,
    layers: Sequence[Layer],
    *,
    x_from_zero: bool = False,
    y_from_zero: bool = False,
    x_log: bool = False,
    y_log: bool = False,
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
    x_log, y_log : bool
        Logarithmic axis; values of 0 and below are left out.
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
    x_low, x_high = limits(x_values, zero=x_from_zero, log=x_log)
    y_low, y_high = limits(y_values, zero=y_from_zero, log=y_log)
    right = width - 18
    draft = Axis(y_low, y_high, 0, 1, y_log)
    left = 36 + CHARACTER * max(len(label) for label in tick_labels(draft.ticks(5)) or [""])
    legend, top = _legend(layers, left, right, 38)
    named = any(isinstance(layer, Level) and layer.vertical and layer.label for layer in layers)
    top = max(top + (13 if named else 0), 34)
    bottom = height - 46
    x_axis = Axis(x_low, x_high, left, right, x_log)
    y_axis = Axis(y_low, y_high, bottom, top, y_log)
    body = [_heading(title, left), *legend, *_frame(x_axis, y_axis, x_label, y_label, 6, 5)]
    for layer in layers:
        body += _drawn(_positive(layer, x_log, y_log), x_axis, y_axis)
    described = description or (
        f"{y_label} from {rounded(y_low)} to {rounded(y_high)} against {x_label} from {rounded(x_low)} to "
        f"{rounded(x_high)}."
    )
    return _svg(title, described, width, height, body)


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


def _positive(layer: Layer, x_log: bool, y_log: bool) -> Layer:
    """Blank what a logarithmic axis cannot hold."""

    def kept(values: Values, log: bool) -> Values:
        return [v if v > 0 else math.nan for v in values] if log else values

    if isinstance(layer, Level) or not (x_log or y_log):
        return layer
    if isinstance(layer, Band):
        return replace(layer, x=kept(layer.x, x_log), low=kept(layer.low, y_log), high=kept(layer.high, y_log))
    changed = replace(layer, x=kept(layer.x, x_log), y=kept(layer.y, y_log))
    if isinstance(changed, Points) and changed.low is not None and changed.high is not None:
        return replace(changed, low=kept(changed.low, y_log), high=kept(changed.high, y_log))
    return changed


def one_to_one(
    title: str,
    observed: Values,
    predicted: Values,
    unit: str = "",
    *,
    log: bool = False,
    size: float = 400,
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
    size : float
        Width and height in pixels.
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
    top, bottom = 34.0, size - 46
    side = min(size - 18 - left, bottom - top)
    x_axis = Axis(low, high, left, left + side, log)
    y_axis = Axis(low, high, top + side, top, log)
    body = [_heading(title, left), *_frame(x_axis, y_axis, f"observed{in_unit}", f"predicted{in_unit}", 5, 5)]
    body.append(
        _segment(left, top + side, left + side, top, "hg-level", QUIET, ' stroke-dasharray="3 3" stroke-width="1.2"')
    )
    marks = Points(pairs[:, 0].tolist(), pairs[:, 1].tolist(), color=color, size=3, opacity=0.65)
    body += _drawn(marks, x_axis, y_axis)
    described = (
        f"Predicted against observed for {len(pairs)} samples, both from {rounded(low)} to {rounded(high)}{in_unit}."
    )
    return _svg(title, described, size, top + side + 46, body)


def horizontal_bars(
    title: str,
    labels: Sequence[str],
    values: Values,
    *,
    x_label: str = "",
    colors: Sequence[int] | None = None,
    written: Sequence[str] | None = None,
    width: float = 640,
) -> Html:
    """Draw one bar a row from 0, its number written beside it.

    Parameters
    ----------
    title : str
    labels : sequence of str
    values : sequence of float
        Negative bars go left of 0; NaN draws no bar.
    x_label : str
    colors : sequence of int or None
        Index into `COLORS` for each bar; default 0.
    written : sequence of str or None
        Text beside each bar; default: the rounded value.
    width : float
        In pixels.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    notes = aligned(values) if written is None else list(written)
    finite = [v for v in values if math.isfinite(v)]
    low, high = min([0.0, *finite]), max([0.0, *finite]) or 1.0
    x_axis, body, top, row = _rows(title, labels, low, high, notes, width)
    height = top + row * len(labels) + (42 if x_label else 24)
    body += _row_scale(x_axis, top, top + row * len(labels), x_label)
    zero = x_axis.at(0.0)
    for index, value in enumerate(values):
        y = top + row * index
        at = x_axis.at(value) if math.isfinite(value) else zero
        kind, color = _series(0 if colors is None else colors[index])
        body.append(
            f'<rect class="{kind} hg-fill" x="{min(zero, at):.1f}" y="{y + 4:.1f}" width="{abs(at - zero):.1f}" '
            f'height="{row - 8:.1f}" rx="2" fill="{color}"/>'
        )
        body.append(_text(max(zero, at) + 6, y + row / 2 + 4, notes[index], kind="ink"))
    listed = "; ".join(f"{label} {note}" for label, note in zip(labels, notes))
    return _svg(title, f"{x_label}: {listed}." if x_label else f"{listed}.", width, height, body)


def intervals(
    title: str,
    labels: Sequence[str],
    values: Values,
    low: Values,
    high: Values,
    *,
    x_label: str = "",
    reference: float | None = None,
    reference_label: str = "",
    colors: Sequence[int] | None = None,
    width: float = 640,
) -> Html:
    """Draw one value with its interval a row, against an optional reference line.

    Parameters
    ----------
    title : str
    labels : sequence of str
    values, low, high : sequence of float
        Where low or high is NaN only the mark is drawn.
    x_label : str
    reference : float or None
        Value of a vertical reference line.
    reference_label : str
    colors : sequence of int or None
        Index into `COLORS` for each row; default 0.
    width : float
        In pixels.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    n = len(labels)
    texts = aligned([*values, *low, *high])
    notes = [
        f"{texts[i]} [{texts[n + i]}, {texts[2 * n + i]}]" if math.isfinite(low[i] + high[i]) else texts[i]
        for i in range(n)
    ]
    everything = [*values, *low, *high] + ([] if reference is None else [reference])
    x_axis, body, top, row = _rows(title, labels, *limits(everything), notes, width)
    bottom = top + row * len(labels)
    body += _row_scale(x_axis, top, bottom, x_label)
    if reference is not None:
        x = x_axis.at(reference)
        body.append(_segment(x, bottom, x, top, "hg-level", QUIET, ' stroke-dasharray="3 3" stroke-width="1.2"'))
        body.append(_text(x, top - 6, reference_label, anchor="middle"))
    for index, (value, a, b) in enumerate(zip(values, low, high)):
        y = top + row * index + row / 2
        kind, color = _series(0 if colors is None else colors[index])
        if math.isfinite(a) and math.isfinite(b):
            body.append(_segment(x_axis.at(a), y, x_axis.at(b), y, kind + " hg-stroke", color, ' stroke-width="2.5"'))
        if math.isfinite(value):
            x = x_axis.at(value)
            body.append(f'<circle class="{kind} hg-fill" cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color}"/>')
        body.append(_text(width - 14, y + 4, notes[index], anchor="end", kind="ink"))
    listed = "; ".join(f"{label} {note}" for label, note in zip(labels, notes))
    return _svg(title, f"{x_label}: {listed}.", width, bottom + (42 if x_label else 24), body)


def _rows(
    title: str, labels: Sequence[str], low: float, high: float, notes: Sequence[str], width: float
) -> tuple[Axis, list[str], float, float]:
    """Lay out a chart of labelled rows: axis, heading and labels, top, row height."""
    left = 24 + min(max([CHARACTER * len(label) for label in labels], default=0.0), 0.4 * width)
    right = width - 28 - max([CHARACTER * len(note) for note in notes], default=0.0)
    top, row = 46.0, 27.0
    body = [_heading(title, 14)]
    body += [
        _text(left - 8, top + row * index + row / 2 + 4, label, anchor="end", kind="ink")
        for index, label in enumerate(labels)
    ]
    return Axis(low, high if high > low else low + 1.0, left, right), body, top, row


def _row_scale(x_axis: Axis, top: float, bottom: float, x_label: str) -> list[str]:
    """Vertical grid, tick labels and title below the rows."""
    ticks = x_axis.ticks(5)
    parts = []
    for tick, label in zip(ticks, tick_labels(ticks)):
        x = x_axis.at(tick)
        parts.append(_segment(x, bottom, x, top, "hg-grid", GRID))
        parts.append(_text(x, bottom + 15, label, anchor="middle"))
    if x_label:
        parts.append(_text((x_axis.start + x_axis.stop) / 2, bottom + 34, x_label, anchor="middle", kind="ink"))
    return parts


def histogram(
    title: str,
    values: Values,
    x_label: str,
    *,
    n_bins: int | None = None,
    levels: Sequence[Level] = (),
    width: float = 420,
    height: float = 260,
) -> Html:
    """Draw how often values occur, in bins of a round width.

    Parameters
    ----------
    title : str
    values : sequence of float
        NaN and infinities are left out.
    x_label : str
        Names the unit.
    n_bins : int or None
        About how many bins; default: Sturges' rule and at least 12.
    levels : sequence of Level
        Vertical reference lines.
    width, height : float
        In pixels.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    wanted = n_bins or max(12, math.ceil(1 + math.log2(max(len(array), 1))))
    edges = _round_edges(array, wanted)
    counts = np.histogram(array, edges)[0]
    left = 36 + CHARACTER * len(str(counts.max()))
    x_axis = Axis(edges[0], edges[-1], left, width - 14)
    y_axis = Axis(0.0, 1.06 * max(int(counts.max()), 1), height - 46, 44)
    body = [_heading(title, left), *_frame(x_axis, y_axis, x_label, "samples", 5, 4)]
    kind, color = _series(0)
    for count, a, b in zip(counts, edges, edges[1:]):
        x, y = x_axis.at(a) + 0.7, y_axis.at(count)
        body.append(
            f'<rect class="{kind} hg-fill" x="{x:.1f}" y="{y:.1f}" width="{max(x_axis.at(b) - x - 0.7, 0.5):.1f}" '
            f'height="{y_axis.start - y:.1f}" fill="{color}" fill-opacity="0.8"/>'
        )
    for level in levels:
        body += _drawn_level(replace(level, vertical=True), x_axis, y_axis)
    described = f"{len(array)} values of {x_label} in {len(counts)} bins; the fullest bin holds {counts.max()}."
    return _svg(title, described, width, height, body)


def _round_edges(array: np.ndarray, wanted: int) -> np.ndarray:
    """Bin edges at round numbers that hold all values."""
    if len(array) == 0:
        return np.array([0.0, 1.0])
    low, high = float(array.min()), float(array.max())
    if low == high:
        half = 0.5 * abs(low) or 0.5
        return np.array([low - half, low + half])
    ticks = nice_ticks(low, high, wanted)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1) * step


def sample_map(
    title: str,
    easting: Values,
    northing: Values,
    values: Values,
    unit: str = "",
    *,
    width: float = 480,
    max_height: float = 560,
) -> Html:
    """Draw samples where they lie, coloured in five classes of equal count.

    Parameters
    ----------
    title : str
    easting, northing : sequence of float
        In map units; both axes have the same scale.
    values : sequence of float
        NaN is drawn hollow.
    unit : str
    width, max_height : float
        In pixels.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    x, y, z = (np.asarray(v, dtype=float) for v in (easting, northing, values))
    known = np.isfinite(z)
    breaks = np.unique(np.quantile(z[known], [0.2, 0.4, 0.6, 0.8])) if known.any() else np.array([])
    (x_low, x_high), (y_low, y_high) = limits(x.tolist()), limits(y.tolist())
    left = 36 + CHARACTER * max(len(label) for label in tick_labels(nice_ticks(y_low, y_high)) or [""])
    top = 50.0
    scale = min((width - 18 - left) / (x_high - x_low), (max_height - 46 - top) / (y_high - y_low))
    x_axis = Axis(x_low, x_high, left, left + scale * (x_high - x_low))
    y_axis = Axis(y_low, y_high, top + scale * (y_high - y_low), top)
    body = [_heading(title, left), *_frame(x_axis, y_axis, "easting", "northing", 4, 5)]
    classes = np.searchsorted(breaks, z, side="right")
    ramp = [RAMP[round(i * (len(RAMP) - 1) / max(len(breaks), 1))] for i in range(len(breaks) + 1)]
    for at_x, at_y, group, is_known in zip(x, y, classes, known):
        fill = ramp[group] if is_known else "none"
        body.append(
            f'<circle class="hg-mark" cx="{x_axis.at(at_x):.1f}" cy="{y_axis.at(at_y):.1f}" r="4" fill="{fill}" '
            f'stroke="{QUIET}" stroke-width="0.6"/>'
        )
    at = left
    for index, color in enumerate(ramp):
        name = _class_name(index, breaks)
        body.append(f'<circle class="hg-mark" cx="{at + 5:.1f}" cy="34" r="4.5" fill="{color}" stroke="{QUIET}"/>')
        body.append(_text(at + 13, 38, name))
        at += 13 + CHARACTER * len(name) + 12
    if unit:
        body.append(_text(at, 38, unit))
    described = f"{len(x)} samples on a map, coloured by value in classes of equal count{f' ({unit})' if unit else ''}."
    return _svg(title, described, max(width, at + 10 + CHARACTER * len(unit)), y_axis.start + 46, body)


def _class_name(index: int, breaks: np.ndarray) -> str:
    """Name of one value class in a legend."""
    if len(breaks) == 0:
        return "all"
    places = decimals_for(float(np.abs(breaks).max()), 3)
    ends = [f"{end:.{places}f}".replace("-", "−") for end in breaks]
    if index == 0:
        return f"< {ends[0]}"
    if index == len(breaks):
        return f"≥ {ends[-1]}"
    return f"{ends[index - 1]} to {ends[index]}" if breaks[0] < 0 else f"{ends[index - 1]}–{ends[index]}"


def heat_map(
    title: str,
    x: Values,
    y: Values,
    values: Sequence[Sequence[float]],
    x_label: str,
    y_label: str,
    unit: str = "",
    *,
    width: float = 480,
) -> Html:
    """Draw a raster of square cells in a ramp from its lowest to its highest value.

    Parameters
    ----------
    title : str
    x, y : sequence of float
        Centres of the columns and the rows, evenly spaced by the same step, two or more each.
    values : sequence of sequences of float
        One row each `y`; NaN is left empty.
    x_label, y_label, unit : str
    width : float
        In pixels.

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    cells = np.asarray(values, dtype=float)
    half = 0.5 * abs(x[1] - x[0])
    known = cells[np.isfinite(cells)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    y_low, y_high = min(y) - half, max(y) + half
    left = 36 + CHARACTER * max(len(label) for label in tick_labels(nice_ticks(y_low, y_high)) or [""])
    top = 50.0
    x_axis = Axis(min(x) - half, max(x) + half, left, width - 18)
    scale = (x_axis.stop - x_axis.start) / (x_axis.high - x_axis.low)
    y_axis = Axis(y_low, y_high, top + scale * (y_high - y_low), top)
    body = [_heading(title, left)]
    side = 2 * half * scale + 0.3  # overlaps by a hair, so that no seams show
    for row, at_y in zip(cells, y):
        for value, at_x in zip(row, x):
            if math.isfinite(value):
                share = (value - low) / (high - low) if high > low else 0.5
                body.append(
                    f'<rect x="{x_axis.at(at_x - half):.1f}" y="{y_axis.at(at_y + half):.1f}" width="{side:.1f}" '
                    f'height="{side:.1f}" fill="{_ramp(share)}"/>'
                )
    body += _frame(x_axis, y_axis, x_label, y_label, 5, 5)
    at = left
    if len(known):
        body.append(_text(at, 38, rounded(low)))
        at += CHARACTER * len(rounded(low)) + 8
        for step in range(24):
            body.append(f'<rect x="{at + 4 * step:.1f}" y="29" width="4.3" height="10" fill="{_ramp(step / 23)}"/>')
        at += 104
        body.append(_text(at, 38, f"{rounded(high)} {unit}".strip()))
    described = (
        f"{cells.shape[0]} rows and {cells.shape[1]} columns of cells coloured from {rounded(low)} to {rounded(high)}"
        f"{f' {unit}' if unit else ''}; {len(known)} of {cells.size} have a value."
    )
    return _svg(title, described, width, y_axis.start + 46, body)


def _ramp(share: float) -> str:
    """Return the colour at a share of `RAMP`, 0 to 1."""
    place = share * (len(RAMP) - 1)
    index = min(int(place), len(RAMP) - 2)
    ends = [[int(RAMP[index + i][c : c + 2], 16) for c in (1, 3, 5)] for i in (0, 1)]
    return "#" + "".join(f"{round(a + (place - index) * (b - a)):02x}" for a, b in zip(*ends))
