"""Axes of a chart: data intervals laid on pixels, with round ticks and short labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NO_DIFFERENCE = 1e-13
"""Relative difference of two numbers that is rounding: no axis lies between them."""


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers that span [low, high] from inside.

    Examples
    --------
    >>> nice_ticks(0, 1597)
    [0.0, 500.0, 1000.0, 1500.0]
    >>> nice_ticks(0.12, 0.71)
    [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.72), default=10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    places = max(0, 1 - math.floor(math.log10(step)))
    return [round(i * step, places) + 0.0 for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers on a logarithmic axis: 1-2-5 in each decade, fewer over many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    multiples = (1, 2, 5) if len(decades) <= 4 else (1,)
    return [m * 10.0**d for d in decades for m in multiples if low * 0.999 <= m * 10.0**d <= high * 1.001]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Return labels with common decimals, as few as tell the ticks apart."""
    if not ticks:
        return []
    largest = max(abs(t) for t in ticks)
    steps = [b - a for a, b in zip(ticks, ticks[1:])]
    if steps and max(steps) > 5 * min(steps):  # logarithmic
        return [f"{t:.6g}".replace("-", "−") for t in ticks]
    if largest >= 1e8 or 0 < largest < 1e-3:
        digits = 3 + max(0, math.ceil(math.log10(largest / min(steps)))) if steps else 6
        return [f"{t:.{digits}g}".replace("-", "−") for t in ticks]
    places = 0 if not steps else max(0, -math.floor(math.log10(min(steps)) + 1e-9))
    if steps and any(abs(round(t, places) - t) > 1e-6 * abs(min(steps)) for t in ticks):
        places += 1
    return [f"{t:.{places}f}".replace("-", "−") for t in ticks]


@dataclass(frozen=True)
class Axis:
    """A data interval laid on a pixel interval."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        if self.log:
            share = (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, n: int) -> list[float]:
        """Return about `n` round values on the axis."""
        if self.log:
            ticks = _log_ticks(self.low, self.high)
            if len(ticks) >= 2:
                return ticks
        return nice_ticks(self.low, self.high, n)

    def holds(self, value: float) -> bool:
        """Whether a value is finite and on the axis."""
        slack = 1e-9 * (self.high - self.low)
        return math.isfinite(value) and self.low - slack <= value <= self.high + slack


def limits(values: Sequence[float], *, zero: bool = False, log: bool = False) -> tuple[float, float]:
    """Return a data interval with a little air, from 0 where asked and sensible."""
    array = np.asarray([v for v in values if v is not None and math.isfinite(v) and not (log and v <= 0)], dtype=float)
    if len(array) == 0:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = float(array.min()), float(array.max())
    if high - low <= NO_DIFFERENCE * max(abs(low), abs(high)):
        high = low
    if log:
        low, high = low / 1.08, high * 1.08
        return (low / 1.5, high * 1.5) if high / low < 1.2 else (low, high)
    if zero and low >= 0:
        return 0.0, (high * 1.06 if high > 0 else 1.0)
    air = 0.04 * (high - low) if high > low else 0.5 * abs(high) or 1.0
    return low - air, high + air
