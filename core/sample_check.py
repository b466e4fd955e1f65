"""What is wrong with a table of samples before anybody maps it, and a cleaned copy where asked.

Nothing is changed by looking. `parse_column` reads one column as it came ("<0.5", "n/a", 12.3),
`check_samples` says what it found, and `clean_samples` applies the user's choices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .declustering import decluster
from .errors import InputError
from .samples import coincident_samples
from .transforms import Transform

DUPLICATES = ("keep", "average", "first")
"""What to do with samples at one location."""
CENSORED = ("report", "half_limit", "limit")
"""What to do with values below (or above) a limit."""
PROBLEM, WARNING, NOTE = "problem", "warning", "note"
"""How much a finding matters: kriging is impossible or wrong, doubtful, or good to know."""

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "nd", "n.d.", "bdl", "<lod", "<dl"})
MISSING_CODES = (-9.0, -99.0, -999.0, -9999.0, -99999.0, 9999.0, 99999.0)
FEWEST_SAMPLES = 30
"""Below this, a variogram is little more than a guess (Webster & Oliver 1992 ask for 100 and more)."""
CLUSTERED = 0.8
"""Below this nearest-neighbour index samples are called clustered."""
FENCE = 3.0
"""Tukey's outer fences: quartiles and so many times the distance between them."""
LOCAL_NEIGHBORS = 8
LOCAL_LIMIT = 4.0
"""A local outlier differs from its neighbours' median by more than so many robust standard deviations."""
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
        """Which values are known as below or above a limit only."""
        return np.isfinite(self.limits)

    def filled(self, censored: str) -> np.ndarray:
        """Return numbers with censored values replaced; NaN where there is none.

        Parameters
        ----------
        censored : str
            Out of `CENSORED`. "report" leaves them NaN; half of the limit applies to values below one only.
        """
        if censored not in CENSORED:
            raise InputError(f"Expected a treatment of censored values out of {', '.join(CENSORED)}, got {censored!r}.")
        if censored == "report":
            return self.values.copy()
        factor = np.where(self.is_above, 1.0, 0.5) if censored == "half_limit" else 1.0
        return np.where(self.is_censored, factor * self.limits, self.values)


@dataclass(frozen=True)
class Finding:
    """Something to know about the samples, and what to do about it."""

    level: str
    title: str
    detail: str
    advice: str


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


@dataclass(frozen=True)
class SampleCheck:
    """What was found.

    Parameters
    ----------
    n : int
        Number of samples.
    fields : tuple of FieldSummary
    duplicates : tuple of ndarray
        For each shared location the rows of its samples.
    findings : tuple of Finding
        The gravest first.
    remarks : tuple of str
        For each sample what was found about it, "" for nothing.
    nearest_neighbor_index : float
        Mean distance to the nearest other location, divided by what it would be for places drawn at
        random over the convex hull (Clark & Evans 1954); NaN where it cannot be told.
    """

    n: int
    fields: tuple[FieldSummary, ...]
    duplicates: tuple[np.ndarray, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    nearest_neighbor_index: float

    @property
    def n_duplicates(self) -> int:
        """Number of samples at a location that an earlier sample has already."""
        return sum(len(rows) - 1 for rows in self.duplicates)

    @property
    def n_censored(self) -> int:
        """Number of censored values, over all fields."""
        return sum(field.n_censored for field in self.fields)

    @property
    def verdict(self) -> str:
        """One sentence for people in a hurry."""
        counts = {level: sum(f.level == level for f in self.findings) for level in (PROBLEM, WARNING)}
        if counts[PROBLEM]:
            return f"{_plural(counts[PROBLEM], 'problem')} to solve before these {self.n} samples can be mapped."
        if counts[WARNING]:
            return f"The {self.n} samples can be mapped; {_plural(counts[WARNING], 'point')} to look at first."
        return f"The {self.n} samples can be mapped; nothing conspicuous was found."


@dataclass(frozen=True)
class CleanSamples:
    """A cleaned copy of the table.

    Parameters
    ----------
    rows : ndarray of int, shape (n_kept,)
        Row each kept sample comes from.
    values : dict of str to ndarray, shape (n_kept,)
        Numbers of each field; NaN where there is none.
    n_merged : ndarray of int, shape (n_kept,)
        How many samples a kept one stands for.
    """

    rows: np.ndarray
    values: dict[str, np.ndarray]
    n_merged: np.ndarray


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
        if entry is None or isinstance(entry, float) and np.isnan(entry):
            is_missing[row] = True
        elif isinstance(entry, (int, float, np.integer, np.floating)) and np.isfinite(float(entry)):
            values[row] = float(entry)
        else:
            text = str(entry).strip()
            match = re.fullmatch(rf"([<>≤≥]?)=?\s*({_NUMBER})", text.replace(",", ".") if comma else text)
            if text.lower().replace(" ", "") in MISSING_WORDS:
                is_missing[row] = True
            elif match is None:
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


def check_samples(
    coordinates: np.ndarray,
    columns: Mapping[str, Sequence[Any]],
    *,
    crs_name: str = "",
    is_geographic: bool = False,
    transform: Transform | None = None,
) -> SampleCheck:
    """Look at samples without changing them.

    Parameters
    ----------
    coordinates : ndarray, shape (n, 2)
        Easting, northing.
    columns : mapping of str to sequence
        Raw values of each field.
    crs_name : str
        "" when unknown.
    is_geographic : bool
        Whether the coordinates are degrees.
    transform : Transform, optional
        Scale on which outliers are judged; none by default.

    Returns
    -------
    SampleCheck

    Raises
    ------
    InputError
        Without samples or fields.

    References
    ----------
    Clark, P. & Evans, F. (1954). Distance to nearest neighbor. Ecology 35(4). Tukey, J. (1977). Exploratory
    Data Analysis. Aitchison, J. (1986). The Statistical Analysis of Compositional Data.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    if len(coordinates) == 0 or not columns:
        raise InputError(f"Expected samples and at least one field, got {len(coordinates)} and {len(columns)}.")
    transform = Transform() if transform is None else transform
    parsed = {name: parse_column(raw) for name, raw in columns.items()}
    duplicates = tuple(coincident_samples(coordinates))
    remarks: list[list[str]] = [[] for _ in range(len(coordinates))]
    for rows in duplicates:
        for row in rows:
            remarks[row].append(f"{len(rows)} samples here")
    findings = [
        *_about_places(coordinates, duplicates, crs_name, is_geographic),
        *_about_number(len(coordinates)),
    ]
    fields = []
    for name, column in parsed.items():
        summary, of_field = _about_field(name, column, coordinates, transform, remarks)
        fields.append(summary)
        findings += of_field
    findings += _about_closure(parsed)
    index, of_pattern = _about_pattern(coordinates, is_geographic)
    findings += of_pattern
    if not is_geographic:
        findings += _about_clusters(coordinates, parsed, bool(of_pattern) and index < CLUSTERED)
    order = (PROBLEM, WARNING, NOTE)
    return SampleCheck(
        n=len(coordinates),
        fields=tuple(fields),
        duplicates=duplicates,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.level))),
        remarks=tuple("; ".join(notes) for notes in remarks),
        nearest_neighbor_index=index,
    )


def clean_samples(
    coordinates: np.ndarray, columns: Mapping[str, Sequence[Any]], duplicates: str = "keep", censored: str = "report"
) -> CleanSamples:
    """Return a cleaned copy.

    Parameters
    ----------
    coordinates : ndarray, shape (n, 2)
    columns : mapping of str to sequence
        Raw values of each field.
    duplicates : str
        Out of `DUPLICATES`: "average" takes the mean of the numbers at a location (and everything else from its
        first sample), "first" the first sample.
    censored : str
        Out of `CENSORED`.

    Raises
    ------
    InputError
        For an unknown treatment.
    """
    if duplicates not in DUPLICATES:
        raise InputError(f"Expected a treatment of duplicates out of {', '.join(DUPLICATES)}, got {duplicates!r}.")
    values = {name: parse_column(raw).filled(censored) for name, raw in columns.items()}
    n = len(coordinates)
    keep, n_merged = np.ones(n, dtype=bool), np.ones(n, dtype=int)
    if duplicates != "keep":
        for rows in coincident_samples(np.asarray(coordinates, dtype=float)):
            keep[rows[1:]] = False
            n_merged[rows[0]] = len(rows)
            if duplicates == "average":
                for column in values.values():
                    known = column[rows][np.isfinite(column[rows])]
                    column[rows[0]] = known.mean() if len(known) else np.nan
    kept = np.flatnonzero(keep)
    return CleanSamples(kept, {name: column[kept] for name, column in values.items()}, n_merged[kept])


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


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _about_number(n: int) -> list[Finding]:
    if n >= FEWEST_SAMPLES:
        return []
    return [
        Finding(
            WARNING,
            f"Only {_plural(n, 'sample')}",
            f"A variogram of fewer than {FEWEST_SAMPLES} samples is little more than a guess.",
            "Add samples, or use a variogram known from a similar place.",
        )
    ]


def _about_places(
    coordinates: np.ndarray, duplicates: Sequence[np.ndarray], crs_name: str, is_geographic: bool
) -> list[Finding]:
    findings = []
    like_degrees = bool((np.abs(coordinates[:, 0]) <= 180).all() and (np.abs(coordinates[:, 1]) <= 90).all())
    if is_geographic:
        findings.append(
            Finding(
                PROBLEM,
                "Coordinates in degrees",
                f"The CRS {crs_name} is geographic: a degree is not the same length everywhere and in every direction.",
                "Reproject the layer (native:reprojectlayer), for instance to the UTM zone of the area.",
            )
        )
    elif not crs_name:
        findings.append(
            Finding(
                WARNING,
                "No CRS",
                "The layer does not say in which coordinates it is."
                + (" They look like degrees." if like_degrees else ""),
                "Assign the right CRS (native:assignprojection).",
            )
        )
    if duplicates:
        n_samples = sum(len(rows) for rows in duplicates)
        row = duplicates[0][0]
        findings.append(
            Finding(
                WARNING,
                f"{n_samples} samples share {_plural(len(duplicates), 'location')}",
                f"The first: {len(duplicates[0])} samples at ({coordinates[row, 0]:.10g}, {coordinates[row, 1]:.10g}). "
                "Kriging has no unique solution for two values at one place; the other algorithms average them unless "
                "told otherwise.",
                "Are they repeated measurements? Average them (DUPLICATES). Are the coordinates wrong? Correct them.",
            )
        )
    close = _close_pairs(coordinates)
    if close:
        findings.append(
            Finding(
                NOTE,
                f"{_plural(close, 'pair')} of samples almost at one place",
                "They lie closer than a hundredth of the median distance between neighbours.",
                "Check whether they are the same sample with rounded coordinates.",
            )
        )
    return findings


def _close_pairs(coordinates: np.ndarray) -> int:
    from scipy.spatial import cKDTree

    locations = np.unique(coordinates, axis=0)
    if len(locations) < 3:
        return 0
    tree = cKDTree(locations)
    nearest = tree.query(locations, k=2)[0][:, 1]
    return int(len(tree.query_pairs(0.01 * float(np.median(nearest)))))


def _about_field(
    name: str, column: Column, coordinates: np.ndarray, transform: Transform, remarks: list[list[str]]
) -> tuple[FieldSummary, list[Finding]]:
    """Summarise one field, and note at each sample what was found about it."""
    known = np.isfinite(column.values)
    numbers = column.values[known]
    findings: list[Finding] = []

    def add(level: str, rows: np.ndarray, title: str, detail: str, advice: str, remark: str) -> None:
        if len(rows):
            findings.append(Finding(level, f"{name}: {_plural(len(rows), 'value')} {title}", detail, advice))
            for row in rows:
                remarks[row].append(f"{name} {remark}")

    add(WARNING, np.flatnonzero(column.is_not_numeric), "not numeric",
        "They are left out everywhere.", "Correct them in the source table.", "not numeric")  # fmt: skip
    add(NOTE, np.flatnonzero(column.is_missing), "missing",
        "These samples are left out where this field is needed.", "Nothing, unless they should be known.",
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
            "Write them as <limit in the source table if they are.", "negative")  # fmt: skip
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
    skewness = float(np.mean(((numbers - mean) / std) ** 3)) if std > 0 else 0.0
    if skewness > 1 and (numbers > 0).all():
        findings.append(
            Finding(NOTE, f"{name} is right-skewed", f"Its skewness is {skewness:.2g}.", "Use TRANSFORM = log.")
        )
    quartiles = tuple(float(q) for q in np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    return _summary(name, column, len(outliers), len(local), quartiles, mean, std, skewness), findings


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
                f"{_plural(at + 1, 'value')} up to {10 ** logs[at]:.3g}, and the other {len(numbers) - at - 1} from "
                f"{10 ** logs[at + 1]:.3g} on; nothing between.",
                "Check whether some are in % and others in mg/kg (1 % = 10 000 mg/kg).",
            )
        )
    return findings


def _about_closure(parsed: Mapping[str, Column]) -> list[Finding]:
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


def _about_clusters(coordinates: np.ndarray, parsed: Mapping[str, Column], is_clustered: bool) -> list[Finding]:
    """Tell what the mean of each field would be without clusters, where there are any or where it matters.

    Clusters in high values between regular samples do not show in distances to the nearest neighbour,
    but in the mean: it is told where declustering moves it by two standard errors and a tenth of itself.
    """
    findings = []
    for name, column in parsed.items():
        known = np.isfinite(column.values)
        values = column.values[known]
        if len(values) < FEWEST_SAMPLES or np.ptp(values) == 0 or len(np.unique(coordinates[known], axis=0)) < 2:
            continue
        found = decluster(coordinates[known], values)
        change = abs(found.mean - values.mean())
        matters = change > 2.0 * values.std() / np.sqrt(len(values)) and change > 0.1 * abs(values.mean())
        if is_clustered or matters:
            findings.append(
                Finding(
                    NOTE,
                    f"{name}: declustered mean {found.mean:.4g}",
                    f"The plain mean is {values.mean():.4g}; cells of {found.cell_size:.3g} map units "
                    "take away what the clusters weigh too much.",
                    "Take the declustered one as the mean of the area, and as the known mean of simple kriging.",
                )
            )
    return findings


def _about_pattern(coordinates: np.ndarray, is_geographic: bool) -> tuple[float, list[Finding]]:
    """Tell whether the samples are clustered."""
    from scipy.spatial import ConvexHull, QhullError, cKDTree

    locations = np.unique(coordinates, axis=0)
    n = len(locations)
    if n < 10 or is_geographic:
        return np.nan, []
    try:
        area = ConvexHull(locations - locations.mean(axis=0)).volume  # of a 2-D hull, the volume is the area
    except QhullError:
        return np.nan, [
            Finding(NOTE, "All samples lie on one line", "A map needs samples on both sides of it.",
                    "Keep the extent of the map narrow.")  # fmt: skip
        ]
    nearest = cKDTree(locations).query(locations, k=2)[0][:, 1]
    index = float(nearest.mean() / (0.5 * np.sqrt(area / n)))
    z = float((nearest.mean() - 0.5 * np.sqrt(area / n)) / (0.26136 * np.sqrt(area) / n))
    if index < CLUSTERED and z < -1.96:
        return index, [
            Finding(
                NOTE,
                "The samples are clustered",
                f"Their nearest neighbours are {index:.2f} times as far away as for places drawn at random.",
                "Random cross-validation looks too good here: look at the spatial blocks, too. Means and histograms "
                "lean towards the clusters.",
            )
        ]
    return index, []
