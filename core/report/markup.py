"""Escaped text and rounded numbers: what charts and pages are written with."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence


class Html(str):
    """Markup that is safe to put on a page as it stands; every other text is escaped first."""

    __slots__ = ()


def escaped(text: object) -> str:
    """Return a text with ``& < > " '`` escaped; markup made here passes unchanged.

    Examples
    --------
    >>> escaped("a < b"), escaped(Html("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return str(text) if isinstance(text, Html) else html.escape(str(text), quote=True)


def rounded(value: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits; a dash where there is none.

    Integers are never cut: 1234.6 with 3 digits is "1235".

    Examples
    --------
    >>> rounded(0.0506624), rounded(1234.56), rounded(float("nan")), rounded(-2.0), rounded(1.5e-9)
    ('0.0507', '1235', '–', '−2.00', '1.50e−09')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0:
        text = "0"
    elif size >= 1e7 or size < 1e-4:
        text = f"{value:.{digits - 1}e}"
    else:
        text = f"{value:.{decimals_for(size, digits)}f}"
    return text.replace("-", "−")


def decimals_for(size: float, digits: int) -> int:
    """Return the decimals that show `digits` significant digits of a number of this size (0 to 8).

    Examples
    --------
    >>> decimals_for(0.0506, 3), decimals_for(12.0, 3), decimals_for(99999.0, 3)
    (4, 1, 0)
    """
    if not (size > 0 and math.isfinite(size)):
        return 0
    return min(max(digits - 1 - math.floor(math.log10(size) + 1e-12), 0), 8)


def aligned(values: Sequence[float | None], digits: int = 3) -> list[str]:
    """Write a column of numbers with the same number of decimals, chosen for its largest.

    Whole numbers stay whole; a column too mixed for common decimals is rounded one by one.

    Examples
    --------
    >>> aligned([0.5, 12.25, None], 3)
    ['0.5', '12.2', '–']
    >>> aligned([57, 299])
    ['57', '299']
    """
    numbers = [v for v in values if v is not None and math.isfinite(v)]
    if all(isinstance(v, int) or (float(v).is_integer() and abs(v) >= 10**digits) for v in numbers):
        return [rounded(v) if v is None or not math.isfinite(v) else f"{int(v)}".replace("-", "−") for v in values]
    largest = max((abs(v) for v in numbers), default=0.0)
    smallest = min((abs(v) for v in numbers if v != 0), default=0.0)
    places = decimals_for(largest, digits)
    if largest >= 1e7 or 0 < smallest < 0.5 * 10.0**-places:
        return [rounded(v, digits) for v in values]
    return [
        rounded(v) if v is None or not math.isfinite(v) else f"{v:.{places}f}".replace("-", "−") for v in values
    ]
