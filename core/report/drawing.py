"""The parts of charts: layers of marks, axes with their grid, legends, as pieces of SVG text.

Colours stand in the markup for a light background; the stylesheet of `page` overrides them by class for a dark one.
Series colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .axes import Axis, tick_labels
from .markup import Html, escaped

COLORS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#5c5c5c")
"""Series colours on a light background, in order of use."""

DARK_COLORS = ("#56b4e9", "#ff9955", "#3fd0a4", "#e39ad0", "#f0e442", "#bdbdbd")
"""The same on a dark background."""

INK, QUIET, GRID = "#1a1d21", "#565d66", "#dde1e6"
CHARACTER = 6.3
"""Width of a tick label's character in pixels, at 11.5 px."""

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


def svg(title: str, description: str, width: float, height: float, body: Sequence[str]) -> Html:
    """Wrap the parts in an svg that says what it shows."""
    return Html(
        f'<svg class="hg-chart" role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        'font-family="system-ui, sans-serif" font-size="11.5">'
        f"<title>{escaped(title)}</title><desc>{escaped(description)}</desc>{''.join(body)}</svg>"
    )


def text(x: float, y: float, words: object, *, anchor: str = "start", kind: str = "quiet", more: str = "") -> str:
    """Write words, quiet or in ink; `more` holds further attributes."""
    fill = {"quiet": QUIET, "ink": INK}[kind]
    return (
        f'<text class="hg-{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{more}>'
        f"{escaped(words)}</text>"
    )


def segment(x1: float, y1: float, x2: float, y2: float, kind: str, color: str, more: str = "") -> str:
    """Draw a straight line of a CSS class."""
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{more}/>'
    )


def series(color: int) -> tuple[str, str]:
    """Return CSS class and colour of a series."""
    index = color % len(COLORS)
    return f"hg-series-{index}", COLORS[index]


def heading(title: str, left: float) -> str:
    """Write the title."""
    return text(left, 18, title, kind="ink", more=' font-size="13.5" font-weight="600"')


def drawn_legend(layers: Sequence[Layer], left: float, right: float, y: float) -> tuple[list[str], float]:
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
        kind, color = series(layer.color)
        if isinstance(layer, Points):
            parts.append(f'<circle class="{kind} hg-fill" cx="{x + 9:.1f}" cy="{y - 4:.1f}" r="4" fill="{color}"/>')
        elif isinstance(layer, Line):
            dash = ' stroke-dasharray="5 4"' if layer.dashed else ""
            parts.append(segment(x, y - 4, x + 18, y - 4, kind + " hg-stroke", color, f' stroke-width="2"{dash}'))
        else:
            parts.append(
                f'<rect class="{kind} hg-fill" x="{x:.1f}" y="{y - 9:.1f}" width="18" height="10" fill="{color}" '
                'fill-opacity="0.25"/>'
            )
        parts.append(text(x + 24, y, layer.label))
        x += width
    return parts, y + 10


def drawn_frame(x_axis: Axis, y_axis: Axis, x_label: str, y_label: str, n_x: int, n_y: int) -> list[str]:
    """Grid, ticks and axis titles."""
    parts = []
    bottom, top = y_axis.start, y_axis.stop
    left, right = x_axis.start, x_axis.stop
    y_ticks, x_ticks = y_axis.ticks(n_y), x_axis.ticks(n_x)
    for tick, label in zip(y_ticks, tick_labels(y_ticks)):
        y = y_axis.at(tick)
        parts.append(segment(left, y, right, y, "hg-grid", GRID))
        parts.append(text(left - 7, y + 4, label, anchor="end"))
    for tick, label in zip(x_ticks, tick_labels(x_ticks)):
        x = x_axis.at(tick)
        parts.append(segment(x, bottom, x, top, "hg-grid", GRID))
        parts.append(text(x, bottom + 16, label, anchor="middle"))
    parts.append(segment(left, bottom, right, bottom, "hg-axis", QUIET))
    parts.append(segment(left, bottom, left, top, "hg-axis", QUIET))
    parts.append(text((left + right) / 2, bottom + 35, x_label, anchor="middle", kind="ink"))
    middle = (bottom + top) / 2
    parts.append(
        text(14, middle, y_label, anchor="middle", kind="ink", more=f' transform="rotate(-90 14 {middle:.1f})"')
    )
    return parts


def drawn_layer(layer: Layer, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Draw the marks of one layer."""
    if isinstance(layer, Level):
        return drawn_level(layer, x_axis, y_axis)
    kind, color = series(layer.color)
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


def drawn_level(layer: Level, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Draw a reference line with its name at its end."""
    dash = ' stroke-dasharray="3 3" stroke-width="1.2"'
    if layer.vertical:
        if not x_axis.holds(layer.value):
            return []
        x = x_axis.at(layer.value)
        near_right = x > 0.8 * x_axis.stop
        anchor, gap = ("end", 3) if near_right else ("start", -3)
        return [
            segment(x, y_axis.start, x, y_axis.stop, "hg-level", QUIET, dash),
            text(x + gap, y_axis.stop - 3, layer.label, anchor=anchor),
        ]
    if not y_axis.holds(layer.value):
        return []
    y = y_axis.at(layer.value)
    return [
        segment(x_axis.start, y, x_axis.stop, y, "hg-level", QUIET, dash),
        text(x_axis.stop - 3, y - 5, layer.label, anchor="end"),
    ]
