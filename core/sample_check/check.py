"""A look at samples that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coincident import coincident_samples
from ..errors import InputError
from ..transforms import Transform
from .columns import Column, parse_column
from .fields import FieldSummary, about_closure, about_field
from .findings import NOTE, PROBLEM, WARNING, Finding, plural
from .places import CLUSTERED, about_clusters, about_number, about_pattern, about_places


@dataclass(frozen=True)
class SampleCheck:
    """What was found.

    Parameters
    ----------
    n : int
        Number of samples.
    fields : tuple of FieldSummary
    duplicates : tuple of ndarray of int, shape (n_here,)
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
            return f"{plural(counts[PROBLEM], 'problem')} to solve before these {self.n} samples can be mapped."
        if counts[WARNING]:
            return f"The {self.n} samples can be mapped; {plural(counts[WARNING], 'point')} to look at first."
        if self.findings:
            return f"The {self.n} samples can be mapped; {plural(len(self.findings), 'remark')} may help."
        return f"The {self.n} samples can be mapped; nothing conspicuous was found."


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
        Scale on which outliers are judged, fitted to each field where it has to be; none by default. A field that it
        does not suit is said to have a problem, and judged as it is.

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
        *about_places(coordinates, duplicates, crs_name, is_geographic),
        *about_number(len(coordinates)),
    ]
    fields = []
    for name, column in parsed.items():
        own, of_transform = _fitted(transform, name, column)
        summary, of_field = about_field(name, column, coordinates, own, remarks)
        fields.append(summary)
        findings += of_transform + of_field
    findings += about_closure(parsed)
    index, of_pattern = about_pattern(coordinates, is_geographic)
    findings += of_pattern
    if not is_geographic:
        findings += about_clusters(coordinates, parsed, bool(of_pattern) and index < CLUSTERED)
    order = (PROBLEM, WARNING, NOTE)
    return SampleCheck(
        n=len(coordinates),
        fields=tuple(fields),
        duplicates=duplicates,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.level))),
        remarks=tuple("; ".join(notes) for notes in remarks),
        nearest_neighbor_index=index,
    )


def _fitted(transform: Transform, name: str, column: Column) -> tuple[Transform, list[Finding]]:
    """Return a transform fitted to the numbers of a field; none, and why, where it does not suit them."""
    numbers = column.values[np.isfinite(column.values)]
    if len(numbers) == 0 or np.ptp(numbers) == 0:
        return Transform(), []  # which is a problem of its own
    try:
        fitted = transform.fitted(numbers, name)
        fitted.forward(numbers, name)
    except InputError as error:
        return Transform(), [
            Finding(
                PROBLEM,
                f"{name} has values outside the {transform.kind} transform",
                str(error),
                "Choose another TRANSFORM, or repair these values.",
            )
        ]
    return fitted, []
