"""How reports write methods, numbers, units and intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..report.markup import rounded
from .folds import QUESTIONS, folds_label
from .scores import Score

MAX_MARKS = 2000
"""Samples drawn in one chart; of more, evenly chosen ones."""
_WRITTEN = {
    "external_drift_kriging": "external-drift kriging",
    "gcnn_rnn": "GCNN-RNN",
    "afg_pms": "AFG-PMS",
}


def question_of(scheme: str) -> str:
    """Return what a scheme of folds asks; its label where it is not one of ours."""
    return QUESTIONS.get(scheme, folds_label(scheme))


def written(method: str) -> str:
    """Write a method or stack member in a table.

    Examples
    --------
    >>> written("external_drift_kriging"), written("afg_pms"), written("random_forest")
    ('external-drift kriging', 'AFG-PMS', 'random forest')
    """
    return _WRITTEN.get(method, method.replace("_", " "))


def in_unit(units: Mapping[str, str], target: str) -> str:
    """Write a unit in brackets, or nothing."""
    return f" ({units[target]})" if units.get(target) else ""


def with_interval(score: Score, percent: bool = False) -> str:
    """Write a score with its interval in a table cell.

    Examples
    --------
    >>> with_interval(Score(0.5, 0.41, 0.62)), with_interval(Score(0.5, 0.41, 0.62), percent=True)
    ('0.500 [0.41, 0.62]', '50 [41, 62]')
    """
    if percent:
        numbers = [f"{100 * value:.0f}".replace("-", "−") if math.isfinite(value) else "–" for value in score]
    else:
        # two digits tell an interval's end, three where it is a ratio near 1
        ends = [rounded(end, 3 if 0.9 <= abs(end) < 10 else 2) for end in (score.low, score.high)]
        numbers = [rounded(score.value), *ends]
    return numbers[0] if not math.isfinite(score.low) or score.low == score.high else (
        f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"
    )  # fmt: skip


def sentence(text: str) -> str:
    """Begin with a capital, but for a name before a comma or colon, and keep numbers and their % on one line.

    Examples
    --------
    >>> sentence("the map of ore_pct"), sentence("ore_pct, random folds: known")
    ('The map of ore_pct', 'ore_pct, random folds: known')
    """
    begins_with_name = text.split(" ", 1)[0].endswith((",", ":"))
    return (text if begins_with_name else text[:1].upper() + text[1:]).replace(" %", "\u00a0%")


def drawn_rows(n: int) -> np.ndarray:
    """Return the row numbers of at most `MAX_MARKS` of n samples, evenly chosen, shape (n_drawn,)."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_MARKS)).round().astype(int))


def is_skewed(observed: np.ndarray) -> bool:
    """Whether logarithmic axes show more of values, shape (n,): all are above 0 and their skewness is above 1."""
    spread = float(np.std(observed))
    return (
        bool((observed > 0).all()) and spread > 0 and float(np.mean(((observed - observed.mean()) / spread) ** 3)) > 1
    )


def classes_of(values: np.ndarray, n_classes: int = 5) -> tuple[list[str], np.ndarray]:
    """Part values into classes of equal count, fewer where values repeat.

    Parameters
    ----------
    values : ndarray, shape (n,)
    n_classes : int
        At most.

    Returns
    -------
    names : list of str
        The classes by their ends, in the unit of the values.
    member : ndarray of int, shape (n,)
        Each value's class, from 0.
    """
    breaks = np.unique(np.quantile(values, np.arange(1, n_classes) / n_classes))
    breaks = breaks[breaks > values.min()]
    member = np.searchsorted(breaks, values, side="right")
    ends = [rounded(float(value)) for value in breaks]
    if not ends:
        return ["all"], member
    middle = [f"{low} to {high}" for low, high in zip(ends, ends[1:])]
    return [f"below {ends[0]}", *middle, f"{ends[-1]} and above"], member
