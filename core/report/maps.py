"""Maps: samples where they lie, and values in square cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .axes import Axis, limits, nice_ticks, tick_labels
from .drawing import CHARACTER, QUIET, Values, drawn_frame, heading, svg, text
from .markup import Html, decimals_for, rounded

RAMP = ("#2c7bb6", "#7fbcd2", "#e8d67a", "#f0913a", "#c4161c")
"""Low to high."""
MOST_PLACES = 12
"""Decimals that tell the ends of classes apart at most."""
_WIDTH = 480  # pixels; the map shrinks with the page


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
    right = _right_margin(x_low, x_high, 4)
    scale = min((width - right - left) / (x_high - x_low), (max_height - 46 - top) / (y_high - y_low))
    x_axis = Axis(x_low, x_high, left, left + scale * (x_high - x_low))
    y_axis = Axis(y_low, y_high, top + scale * (y_high - y_low), top)
    body = [heading(title, left), *drawn_frame(x_axis, y_axis, "easting", "northing", 4, 5)]
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
        body.append(text(at + 13, 38, name))
        at += 13 + CHARACTER * len(name) + 12
    if unit:
        body.append(text(at, 38, unit))
    described = f"{len(x)} samples on a map, coloured by value in classes of equal count{f' ({unit})' if unit else ''}."
    return svg(title, described, max(width, at + 10 + CHARACTER * len(unit)), y_axis.start + 46, body)


def _right_margin(low: float, high: float, n_ticks: int) -> float:
    """Return the room right of a frame, in pixels, that the label of its last tick needs."""
    return max([18.0, *(4 + CHARACTER * len(label) / 2 for label in tick_labels(nice_ticks(low, high, n_ticks)))])


def _class_name(index: int, breaks: np.ndarray) -> str:
    """Name of one value class in a legend."""
    if len(breaks) == 0:
        return "all"
    places = decimals_for(float(np.abs(breaks).max()), 3)
    while len({f"{end:.{places}f}" for end in breaks}) < len(breaks) and places < MOST_PLACES:
        places += 1
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
    x_axis = Axis(min(x) - half, max(x) + half, left, _WIDTH - _right_margin(min(x) - half, max(x) + half, 5))
    scale = (x_axis.stop - x_axis.start) / (x_axis.high - x_axis.low)
    y_axis = Axis(y_low, y_high, top + scale * (y_high - y_low), top)
    body = [heading(title, left)]
    side = 2 * half * scale + 0.3  # overlaps by a hair, so that no seams show
    for row, at_y in zip(cells, y):
        for value, at_x in zip(row, x):
            if math.isfinite(value):
                share = (value - low) / (high - low) if high > low else 0.5
                body.append(
                    f'<rect x="{x_axis.at(at_x - half):.1f}" y="{y_axis.at(at_y + half):.1f}" width="{side:.1f}" '
                    f'height="{side:.1f}" fill="{_ramp(share)}"/>'
                )
    body += drawn_frame(x_axis, y_axis, x_label, y_label, 5, 5)
    at = left
    if len(known):
        body.append(text(at, 38, rounded(low)))
        at += CHARACTER * len(rounded(low)) + 8
        for step in range(24):
            body.append(f'<rect x="{at + 4 * step:.1f}" y="29" width="4.3" height="10" fill="{_ramp(step / 23)}"/>')
        at += 104
        body.append(text(at, 38, f"{rounded(high)} {unit}".strip()))
    described = (
        f"{cells.shape[0]} rows and {cells.shape[1]} columns of cells coloured from {rounded(low)} to {rounded(high)}"
        f"{f' {unit}' if unit else ''}; {len(known)} of {cells.size} have a value."
    )
    return svg(title, described, _WIDTH, y_axis.start + 46, body)


def _ramp(share: float) -> str:
    """Return the colour at a share of `RAMP`, 0 to 1."""
    place = share * (len(RAMP) - 1)
    index = min(int(place), len(RAMP) - 2)
    ends = [[int(RAMP[index + i][c : c + 2], 16) for c in (1, 3, 5)] for i in (0, 1)]
    return "#" + "".join(f"{round(a + (place - index) * (b - a)):02x}" for a, b in zip(*ends))
