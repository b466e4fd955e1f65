"""Rare earths: sums, ratios and anomalies derived from single elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Callable

import numpy as np

from ..errors import InputError
from .units import unit_of_name

LANTHANIDES = ("La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu")
"""The 14 lanthanides that are assayed (promethium has no stable isotope), by atomic number."""
LIGHT = LANTHANIDES[:6]
"""La to Eu; heavy rare earths are Gd to Lu."""
HEAVY = LANTHANIDES[6:]
RARE_EARTHS = (*LANTHANIDES, "Y")

CHONDRITE = {
    "La": 0.237, "Ce": 0.613, "Pr": 0.0928, "Nd": 0.457, "Sm": 0.148, "Eu": 0.0563, "Gd": 0.199, "Tb": 0.0361,
    "Dy": 0.246, "Ho": 0.0546, "Er": 0.160, "Tm": 0.0247, "Yb": 0.161, "Lu": 0.0246, "Y": 1.57,
}  # fmt: skip
"""CI chondrite in mg/kg, McDonough & Sun (1995), Chem. Geol. 120, table 1."""

_MASS = {
    "La": 138.905, "Ce": 140.116, "Pr": 140.908, "Nd": 144.242, "Sm": 150.36, "Eu": 151.964, "Gd": 157.25,
    "Tb": 158.925, "Dy": 162.500, "Ho": 164.930, "Er": 167.259, "Tm": 168.934, "Yb": 173.045, "Lu": 174.967,
    "Y": 88.906, "O": 15.999,
}  # fmt: skip
_OXYGEN = {**dict.fromkeys(RARE_EARTHS, 1.5), "Ce": 2.0, "Pr": 11.0 / 6.0, "Tb": 7.0 / 4.0}
OXIDE_FACTORS = {
    element: (_MASS[element] + _OXYGEN[element] * _MASS["O"]) / _MASS[element] for element in RARE_EARTHS
}
"""Mass of oxide (La2O3, CeO2, Pr6O11, ..., Tb4O7, ..., Y2O3) for a mass of element."""

DERIVED = {
    "REE": "sum of the lanthanides",
    "REY": "sum of the lanthanides and yttrium",
    "LREE": "sum of La to Eu",
    "HREE": "sum of Gd to Lu",
    "LREE_HREE": "LREE divided by HREE",
    "TREO": "sum of the oxides of the lanthanides and yttrium",
    "Eu_anomaly": "Eu/Eu*, Eu* the geometric mean of Sm and Gd, chondrite-normalised",
    "Ce_anomaly": "Ce/Ce*, Ce* the geometric mean of La and Pr, chondrite-normalised",
    "La_Yb_N": "La/Yb, chondrite-normalised",
}
"""Derived quantities by the name of their field."""

_NEEDS = {
    "REE": LANTHANIDES, "REY": RARE_EARTHS, "LREE": LIGHT, "HREE": HEAVY, "LREE_HREE": LANTHANIDES,
    "TREO": RARE_EARTHS, "Eu_anomaly": ("Sm", "Eu", "Gd"), "Ce_anomaly": ("La", "Ce", "Pr"), "La_Yb_N": ("La", "Yb"),
}  # fmt: skip


def element_of_name(name: str) -> str | None:
    """Return the rare earth a field's name begins with (``La``, ``la_ppm``), None for others and for oxides.

    Examples
    --------
    >>> element_of_name("La_ppm"), element_of_name("ce"), element_of_name("Lab_no"), element_of_name("Year")
    ('La', 'Ce', None, None)

    A y is more often a coordinate than yttrium: alone it has to be a capital, else a unit has to follow.

    >>> element_of_name("Y"), element_of_name("y_ppm"), element_of_name("y"), element_of_name("Y_UTM")
    ('Y', 'Y', None, None)
    """
    match = re.match(r"([A-Za-z]{1,2})(?![A-Za-z0-9])", name.strip())
    found = match.group(1).capitalize() if match else ""
    if found == "Y" and name.strip() != "Y" and unit_of_name(name) is None:
        return None
    return found if found in RARE_EARTHS else None


def derive(values: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """Return what can be derived from the elements there are.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n,)
        mg/kg by element, NaN where unknown.

    Returns
    -------
    derived : dict of str to ndarray, shape (n,)
        Sums in mg/kg, ratios without unit; NaN where an element is unknown: a sum that silently lacks an element
        would be a low, not a missing one.
    lacking : dict of str to tuple of str
        What could not be derived, and the elements it lacks.

    Raises
    ------
    InputError
        For a name that is no rare earth.

    References
    ----------
    McDonough, W. & Sun, S. (1995). The composition of the Earth. Chem. Geol. 120. McLennan, S. (1989), Rev. Mineral. 21
    (anomalies by the geometric mean of the neighbours).
    """
    unknown = [name for name in values if name not in RARE_EARTHS]
    if unknown:
        raise InputError(f"Expected rare earths out of {', '.join(RARE_EARTHS)}, got {unknown[0]!r}.")
    known = {name: np.asarray(column, dtype=float) for name, column in values.items()}
    derived, lacking = {}, {}
    for name, needed in _NEEDS.items():
        missing = tuple(element for element in needed if element not in known)
        if missing:
            lacking[name] = missing
        else:
            derived[name] = _DERIVATIONS[name](known)
    return derived, lacking


_Derivation = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def _total(elements: tuple[str, ...]) -> _Derivation:
    return lambda known: np.sum([known[element] for element in elements], axis=0)


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Divide, NaN where there is nothing to divide by."""
    return np.divide(over, under, out=np.full(np.shape(over), np.nan), where=np.asarray(under) > 0)


def _normalized(known: Mapping[str, np.ndarray], element: str) -> np.ndarray:
    return known[element] / CHONDRITE[element]


def _anomaly(element: str, before: str, after: str) -> _Derivation:
    def of(known: Mapping[str, np.ndarray]) -> np.ndarray:
        expected = np.sqrt(np.maximum(_normalized(known, before) * _normalized(known, after), 0.0))
        return _ratio(_normalized(known, element), expected)

    return of


_DERIVATIONS: Mapping[str, _Derivation] = {
    "REE": _total(LANTHANIDES),
    "REY": _total(RARE_EARTHS),
    "LREE": _total(LIGHT),
    "HREE": _total(HEAVY),
    "LREE_HREE": lambda known: _ratio(_total(LIGHT)(known), _total(HEAVY)(known)),
    "TREO": lambda known: np.sum([OXIDE_FACTORS[element] * known[element] for element in RARE_EARTHS], axis=0),
    "Eu_anomaly": _anomaly("Eu", "Sm", "Gd"),
    "Ce_anomaly": _anomaly("Ce", "La", "Pr"),
    "La_Yb_N": lambda known: _ratio(_normalized(known, "La"), _normalized(known, "Yb")),
}
