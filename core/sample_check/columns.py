"""Columns of a table as they came: numbers, censored values, words for missing ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

CENSORED = ("report", "half_limit", "limit")
"""What to do with values below (or above) a limit."""
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "nd", "n.d.", "bdl", "<lod", "<dl"})
MISSING_CODES = (-9.0, -99.0, -999.0, -9999.0, -99999.0, 9999.0, 99999.0)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True)
class Column:
    """One column of the table, read value by value.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where missing, censored or not numeric.
    limits : ndarray, shape (n,)
        Limit of a censored value, else NaN.
    is_above : ndarray of bool, shape (n,)
        Whether a censored value lies above its limit instead of below.
    is_missing, is_not_numeric : ndarray of bool, shape (n,)
    """

    values: np.ndarray
    limits: np.ndarray
    is_above: np.ndarray
    is_missing: np.ndarray
    is_not_numeric: np.ndarray

    @property
    def is_censored(self) -> np.ndarray:
        """Which values are known as below or above a limit only, shape (n_samples,)."""
        return np.isfinite(self.limits)

    def filled(self, censored: str) -> np.ndarray:
        """Return numbers with censored values replaced; NaN where there is none.

        Parameters
        ----------
        censored : str
            Out of `CENSORED`. "report" leaves them NaN; half of the limit applies to values below one only.

        Raises
        ------
        InputError
            For an unknown treatment.
        """
        if censored not in CENSORED:
            raise InputError(f"Expected a treatment of censored values out of {', '.join(CENSORED)}, got {censored!r}.")
        if censored == "report":
            return self.values.copy()
        factor = np.where(self.is_above, 1.0, 0.5) if censored == "half_limit" else 1.0
        return np.where(self.is_censored, factor * self.limits, self.values)


def parse_column(raw: Sequence[Any]) -> Column:
    """Read a column as it came.

    Numbers, texts of numbers, "<0.5" and ">1000" (censored), words for missing values, and anything else
    (not numeric). A decimal comma is understood where the whole column is written with it.

    Examples
    --------
    >>> column = parse_column([1, "2.5", "< 0.5", None, "n/a", "high"])
    >>> column.values[:2], column.limits[2], column.is_missing.sum(), column.is_not_numeric.sum()
    (array([1. , 2.5]), 0.5, 2, 1)
    >>> parse_column(["0,25", "<1,5"]).values[0]
    0.25
    """
    n = len(raw)
    values, limits = np.full(n, np.nan), np.full(n, np.nan)
    is_above, is_missing, is_not_numeric = (np.zeros(n, dtype=bool) for _ in range(3))
    comma = _has_decimal_commas(raw)
    for row, entry in enumerate(raw):
        if entry is None or (isinstance(entry, float) and np.isnan(entry)):
            is_missing[row] = True
        elif isinstance(entry, (int, float, np.integer, np.floating)) and np.isfinite(float(entry)):
            values[row] = float(entry)
        else:
            text = str(entry).strip()
            match = re.fullmatch(rf"([<>≤≥]?)=?\s*({_NUMBER})", text.replace(",", ".") if comma else text)
            if text.lower().replace(" ", "") in MISSING_WORDS:
                is_missing[row] = True
            elif match is None or not np.isfinite(float(match.group(2))):
                is_not_numeric[row] = True
            elif match.group(1):
                limits[row] = float(match.group(2))
                is_above[row] = match.group(1) in ">≥"
            else:
                values[row] = float(match.group(2))
    return Column(values, limits, is_above, is_missing, is_not_numeric)


def below_detection(column: Column) -> Column:
    """Return a column of assays with negative numbers read as limits of detection.

    Laboratories write -0.5 for <0.5. Codes such as -999 mean missing.

    Examples
    --------
    >>> column = below_detection(parse_column([-0.5, -999, 3.0]))
    >>> column.limits[0], column.is_missing[1], column.values[2]
    (0.5, True, 3.0)
    """
    coded = np.isin(column.values, MISSING_CODES)
    negative = ~coded & (column.values < 0)
    return Column(
        np.where(coded | negative, np.nan, column.values),
        np.where(negative, -column.values, column.limits),
        column.is_above,
        column.is_missing | coded,
        column.is_not_numeric,
    )


def negatives_as_limits(raw: Sequence[Any]) -> list[Any]:
    """Return a column as it came, with negative numbers written as what they mean (`below_detection`).

    Examples
    --------
    >>> negatives_as_limits([-0.5, "-2", -999, 3.0, "<1"])
    ['<0.5', '<2.0', None, 3.0, '<1']
    """
    column = parse_column(raw)
    negative, coded = column.values < 0, np.isin(column.values, MISSING_CODES)
    return [
        None if coded[row] else f"<{-float(column.values[row])!r}" if negative[row] else entry
        for row, entry in enumerate(raw)
    ]


def _has_decimal_commas(raw: Sequence[Any]) -> bool:
    """Whether texts are written 0,25: commas but no points, and not thousands (1,000) throughout."""
    texts = [entry for entry in raw if isinstance(entry, str) and re.fullmatch(r"\s*[<>≤≥]?=?\s*[-+\d.,\s]+", entry)]
    with_comma = [text for text in texts if "," in text]
    return (
        bool(with_comma)
        and not any("." in text for text in texts)
        and all(text.count(",") == 1 for text in with_comma)
        and not all(re.search(r"[1-9]\d{0,2},\d{3}\s*$", text) for text in with_comma)
    )
