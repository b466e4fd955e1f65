"""Charts with a labelled row for each value: bars and intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .axes import Axis, limits, tick_labels
from .drawing import CHARACTER, GRID, QUIET, Values, heading, segment, series, svg, text
from .markup import Html, aligned

_WIDTH = 640  # pixels; the chart shrinks with the page


def horizontal_bars(
    title: str,
    labels: Sequence[str],
    values: Values,
    *,
    x_label: str = "",
    colors: Sequence[int] | None = None,
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

    Returns
    -------
    Html
        One ``<svg>`` element.
    """
    notes = aligned(values)
    finite = [v for v in values if math.isfinite(v)]
    low, high = min([0.0, *finite]), max([0.0, *finite]) or 1.0
    x_axis, body, top, row = _rows(title, labels, low, high, notes)
    height = top + row * len(labels) + (42 if x_label else 24)
    body += _row_scale(x_axis, top, top + row * len(labels), x_label)
    zero = x_axis.at(0.0)
    for index, value in enumerate(values):
        y = top + row * index
        at = x_axis.at(value) if math.isfinite(value) else zero
        kind, color = series(0 if colors is None else colors[index])
        body.append(
            f'<rect class="{kind} hg-fill" x="{min(zero, at):.1f}" y="{y + 4:.1f}" width="{abs(at - zero):.1f}" '
            f'height="{row - 8:.1f}" rx="2" fill="{color}"/>'
        )
        body.append(text(max(zero, at) + 6, y + row / 2 + 4, notes[index], kind="ink"))
    listed = "; ".join(f"{label} {note}" for label, note in zip(labels, notes))
    return svg(title, f"{x_label}: {listed}." if x_label else f"{listed}.", _WIDTH, height, body)


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
    width: float = _WIDTH,
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
        body.append(segment(x, bottom, x, top, "hg-level", QUIET, ' stroke-dasharray="3 3" stroke-width="1.2"'))
        body.append(text(x, top - 6, reference_label, anchor="middle"))
    for index, (value, a, b) in enumerate(zip(values, low, high)):
        y = top + row * index + row / 2
        kind, color = series(0 if colors is None else colors[index])
        if math.isfinite(a) and math.isfinite(b):
            body.append(segment(x_axis.at(a), y, x_axis.at(b), y, kind + " hg-stroke", color, ' stroke-width="2.5"'))
        if math.isfinite(value):
            x = x_axis.at(value)
            body.append(f'<circle class="{kind} hg-fill" cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color}"/>')
        body.append(text(width - 14, y + 4, notes[index], anchor="end", kind="ink"))
    listed = "; ".join(f"{label} {note}" for label, note in zip(labels, notes))
    return svg(title, f"{x_label}: {listed}.", width, bottom + (42 if x_label else 24), body)


def _rows(
    title: str, labels: Sequence[str], low: float, high: float, notes: Sequence[str], width: float = _WIDTH
) -> tuple[Axis, list[str], float, float]:
    """Lay out a chart of labelled rows: axis, heading and labels, top, row height."""
    left = 24 + min(max([CHARACTER * len(label) for label in labels], default=0.0), 0.4 * width)
    right = width - 28 - max([CHARACTER * len(note) for note in notes], default=0.0)
    top, row = 46.0, 27.0
    body = [heading(title, 14)]
    body += [
        text(left - 8, top + row * index + row / 2 + 4, label, anchor="end", kind="ink")
        for index, label in enumerate(labels)
    ]
    return Axis(low, high if high > low else low + 1.0, left, right), body, top, row


def _row_scale(x_axis: Axis, top: float, bottom: float, x_label: str) -> list[str]:
    """Vertical grid, tick labels and title below the rows."""
    ticks = x_axis.ticks(5)
    parts = []
    for tick, label in zip(ticks, tick_labels(ticks)):
        x = x_axis.at(tick)
        parts.append(segment(x, bottom, x, top, "hg-grid", GRID))
        parts.append(text(x, bottom + 15, label, anchor="middle"))
    if x_label:
        parts.append(text((x_axis.start + x_axis.stop) / 2, bottom + 34, x_label, anchor="middle", kind="ink"))
    return parts
