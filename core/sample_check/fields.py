"""What there is to say about the fields of samples: missing and censored values, units, outliers, closure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..transforms import Transform
from .columns import MISSING_CODES, Column
from .findings import NOTE, PROBLEM, WARNING, Finding, plural

FENCE = 3.0
"""Tukey's outer fences: quartiles and so many times the distance between them."""
SKEWED = 1.0
"""Beyond this skewness values above 0 are better mapped as logarithms."""
LOCAL_NEIGHBORS = 8
LOCAL_LIMIT = 4.0
"""A local outlier differs from its neighbours' median by more than so many robust standard deviations."""


@dataclass(frozen=True)
class FieldSummary:
    """Statistics of one field; of its plain numbers, in data units.

    Parameters
    ----------
    name : str
    n, n_missing, n_censored, n_not_numeric, n_outliers, n_local_outliers : int
        `n` counts plain numbers.
    quantiles : tuple of float
        Minimum, quartiles and maximum; NaN without numbers.
    mean, std, skewness : float
    """

    name: str
    n: int
    n_missing: int
    n_censored: int
    n_not_numeric: int
    n_outliers: int
    n_local_outliers: int
    quantiles: tuple[float, float, float, float, float]
    mean: float
    std: float
    skewness: float


def about_field(
    name: str, column: Column, coordinates: np.ndarray, transform: Transform, remarks: list[list[str]]
) -> tuple[FieldSummary, list[Finding]]:
    """Summarise one field, and note at each sample what was found about it.

    Parameters
    ----------
    name : str
    column : Column
        What its texts were read as, one value a sample.
    coordinates : ndarray, shape (n_samples, 2)
    transform : Transform
        Scale on which outliers are judged, fitted to this field.
    remarks : list of list of str
        One list a sample; sentences about this field are added to them.
    """
    known = np.isfinite(column.values)
    numbers = column.values[known]
    findings: list[Finding] = []

    def add(level: str, rows: np.ndarray, title: str, detail: str, advice: str, remark: str) -> None:
        if len(rows):
            findings.append(Finding(level, f"{name}: {plural(len(rows), 'value')} {title}", detail, advice))
            for row in rows:
                remarks[row].append(f"{name} {remark}")

    add(WARNING, np.flatnonzero(column.is_not_numeric), "not numeric",
        "They are left out everywhere.", "Correct them in the source table.", "not numeric")  # fmt: skip
    add(NOTE, np.flatnonzero(column.is_missing), "missing",
        "These samples are left out where this field is needed.", "Nothing to do, unless they should be known.",
        "missing")  # fmt: skip
    censored = np.flatnonzero(column.is_censored)
    if len(censored):
        limits = np.unique(column.limits[censored])
        shown = ", ".join(f"{limit:g}" for limit in limits[:5]) + (", ..." if len(limits) > 5 else "")
        add(WARNING, censored, "censored",
            f"They are known as below (or above) a limit only: {shown}.",
            "Choose a replacement (CENSORED); with more than about a fifth of the samples the map depends on it.",
            "censored")  # fmt: skip
    if len(numbers) == 0:
        findings.append(Finding(PROBLEM, f"{name} has no numbers", "There is nothing to map.", "Choose another field."))
        nothing = (np.nan,) * 5
        return _summary(name, column, 0, 0, nothing, np.nan, np.nan, np.nan), findings
    if np.ptp(numbers) == 0:
        findings.append(
            Finding(PROBLEM, f"{name} is the same everywhere", f"All values equal {numbers[0]:g}.",
                    "Choose another field.")  # fmt: skip
        )
    coded = np.flatnonzero(np.isin(column.values, MISSING_CODES))
    add(WARNING, coded, "like a code for missing ones",
        f"For instance {column.values[coded[0]]:g}." if len(coded) else "", "Make them NULL if they are.",
        "looks like a missing-value code")  # fmt: skip
    negative = np.setdiff1d(np.flatnonzero(known & (column.values < 0)), coded)
    if len(negative) and len(negative) < 0.5 * len(numbers):
        add(WARNING, negative, "below 0",
            "Concentrations cannot be; some laboratories write values below detection so.",
            "NEGATIVES = limits takes them so.", "negative")  # fmt: skip
    if (numbers > 0).all() and len(numbers) >= 10:
        findings += _about_units(name, numbers)
    outliers = _outliers(column.values, transform, name)
    add(NOTE, outliers, "far out",
        f"Beyond {FENCE:g} times the quartile distance from the quartiles"
        + ("." if transform.kind == "none" else f", on the {transform.kind} scale."),
        "Check them; for right-skewed data use a log transform.", "far out")  # fmt: skip
    local = _local_outliers(column.values, coordinates, transform)
    add(NOTE, local, "unlike the neighbours",
        f"By more than {LOCAL_LIMIT:g} robust standard deviations from the median of the {LOCAL_NEIGHBORS} nearest.",
        "Check for exchanged samples, wrong units or coordinates.", "unlike its neighbours")  # fmt: skip
    mean, std = float(numbers.mean()), float(numbers.std())
    skewness = skewness_of(numbers)
    if is_right_skewed(numbers):
        findings.append(
            Finding(NOTE, f"{name} is right-skewed", f"Its skewness is {skewness:.2g}.", "Use TRANSFORM = log.")
        )
    quartiles = tuple(float(q) for q in np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    return _summary(name, column, len(outliers), len(local), quartiles, mean, std, skewness), findings


def skewness_of(numbers: np.ndarray) -> float:
    """Return the skewness (third standardised moment) of numbers, shape (n,); 0 where all are the same."""
    std = float(numbers.std())
    return float(np.mean(((numbers - numbers.mean()) / std) ** 3)) if std > 0 else 0.0


def is_right_skewed(numbers: np.ndarray) -> bool:
    """Return whether numbers, shape (n,), are all above 0 and so skewed to the right that logarithms suit them.

    Examples
    --------
    >>> is_right_skewed(np.array([1.0, 2.0, 3.0, 50.0])), is_right_skewed(np.array([1.0, 2.0, 3.0, 4.0]))
    (True, False)
    """
    return bool((numbers > 0).all()) and skewness_of(numbers) > SKEWED


def _summary(
    name: str, column: Column, n_outliers: int, n_local: int, quantiles: tuple, mean: float, std: float, skewness: float
) -> FieldSummary:
    return FieldSummary(
        name=name,
        n=int(np.isfinite(column.values).sum()),
        n_missing=int(column.is_missing.sum()),
        n_censored=int(column.is_censored.sum()),
        n_not_numeric=int(column.is_not_numeric.sum()),
        n_outliers=n_outliers,
        n_local_outliers=n_local,
        quantiles=quantiles,
        mean=mean,
        std=std,
        skewness=skewness,
    )


def _about_units(name: str, numbers: np.ndarray) -> list[Finding]:
    """Find a gap of more than two orders of magnitude between the values: mixed units."""
    findings = []
    logs = np.sort(np.log10(numbers))
    gaps = np.diff(logs)
    at = int(np.argmax(gaps))
    if gaps[at] > 2:
        findings.append(
            Finding(
                WARNING,
                f"{name} may be in mixed units",
                f"{plural(at + 1, 'value')} up to {10 ** logs[at]:.3g}, and the other {len(numbers) - at - 1} from "
                f"{10 ** logs[at + 1]:.3g} on; nothing between.",
                "Check whether some are in % and others in mg/kg (1 % = 10 000 mg/kg).",
            )
        )
    return findings


def _outliers(values: np.ndarray, transform: Transform, name: str) -> np.ndarray:
    known = np.isfinite(values)
    scaled = np.full(len(values), np.nan)
    scaled[known] = transform.forward(values[known], name)
    lower, upper = np.nanquantile(scaled, [0.25, 0.75])
    reach = FENCE * (upper - lower)
    return np.flatnonzero(known & ((scaled < lower - reach) | (scaled > upper + reach))) if reach > 0 else np.array([])


def _local_outliers(values: np.ndarray, coordinates: np.ndarray, transform: Transform) -> np.ndarray:
    from scipy.spatial import cKDTree

    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) <= 2 * LOCAL_NEIGHBORS:
        return np.array([], dtype=int)
    scaled = transform.forward(values[rows])
    neighbors = cKDTree(coordinates[rows]).query(coordinates[rows], k=LOCAL_NEIGHBORS + 1)[1][:, 1:]
    difference = scaled - np.median(scaled[neighbors], axis=1)
    spread = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    return rows[np.abs(difference - np.median(difference)) > LOCAL_LIMIT * spread] if spread > 0 else rows[:0]


def about_closure(parsed: Mapping[str, Column]) -> list[Finding]:
    """Find fields that are parts of a constant whole."""
    if len(parsed) < 3:
        return []
    table = np.column_stack([column.values for column in parsed.values()])
    sums = table[np.isfinite(table).all(axis=1)].sum(axis=1)
    if len(sums) < 3 or not sums.mean() > 0 or sums.std() > 0.01 * sums.mean():
        return []
    return [
        Finding(
            WARNING,
            "The fields are parts of a whole",
            f"Together they make {sums.mean():.4g} in every sample: where one rises, the others must fall.",
            "Mapping them one by one does not keep the sum; map log-ratios of them instead.",
        )
    ]
