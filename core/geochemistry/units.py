"""Units of concentration and the factors between them."""

from __future__ import annotations

import re

from ..errors import InputError

IN_PPM = {"ppm": 1.0, "mg/kg": 1.0, "g/t": 1.0, "ppb": 1e-3, "ug/kg": 1e-3, "percent": 1e4, "%": 1e4, "wt%": 1e4}
"""How many mg/kg (ppm by mass) one of the unit is."""
UNITS = ("ppm", "ppb", "percent")

_ENDINGS = {"ppm": "ppm", "mgkg": "ppm", "gt": "ppm", "ppb": "ppb", "ugkg": "ppb", "pct": "percent", "perc": "percent",
            "percent": "percent", "wt": "percent"}  # fmt: skip


def factor(unit: str, to: str = "ppm") -> float:
    """Return what to multiply with to go from one unit to another.

    Raises
    ------
    InputError
        For an unknown unit.

    Examples
    --------
    >>> factor("percent")
    10000.0
    >>> factor("ppb", "percent")
    1e-07
    """
    unknown = [name for name in (unit, to) if name not in IN_PPM]
    if unknown:
        raise InputError(f"Expected a unit out of {', '.join(IN_PPM)}, got {unknown[0]!r}.")
    return IN_PPM[unit] / IN_PPM[to]


def unit_of_name(name: str) -> str | None:
    """Return the unit a field's name ends in (``Fe_pct``, ``La ppm``, ``Au (ppb)``), None where it says nothing.

    Examples
    --------
    >>> unit_of_name("Fe_pct"), unit_of_name("La_ppm"), unit_of_name("Au (ppb)"), unit_of_name("zinc")
    ('percent', 'ppm', 'ppb', None)
    """
    if name.rstrip().endswith(("%", "%)")):
        return "percent"
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    for n_words in (1, 2):
        found = _ENDINGS.get("".join(words[-n_words:])) if len(words) > n_words else None
        if found:
            return found
    return None
