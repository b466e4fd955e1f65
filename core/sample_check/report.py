"""The page that says what was found in a table of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..report.charts import histogram
from ..report.maps import sample_map
from ..report.page import Section, bullets, figures, note, page, side_by_side, table
from .check import SampleCheck
from .columns import parse_column
from .findings import NOTE, PROBLEM, WARNING

_WORDS = {PROBLEM: "Problems", WARNING: "To look at", NOTE: "Good to know"}


def sample_check_page(
    check: SampleCheck,
    coordinates: np.ndarray,
    columns: Mapping[str, Sequence[Any]],
    title: str,
    provenance: Mapping[str, object],
    changes: Sequence[str] = (),
) -> str:
    """Return the report as an HTML page.

    Parameters
    ----------
    check : SampleCheck
    coordinates : ndarray, shape (n, 2)
    columns : mapping of str to sequence
        Raw values of each field.
    title : str
        Name of the layer.
    provenance : mapping
        What made the page.
    changes : sequence of str
        What was changed in the new layer; empty for nothing.

    Returns
    -------
    str
        A complete HTML document.
    """
    sections = [_findings(check, level) for level in (PROBLEM, WARNING, NOTE)]
    if changes:
        sections.append(Section("Changed in the new layer", [bullets(changes)]))
    sections.append(Section("Fields", _fields(check)))
    for name, raw in columns.items():
        values = parse_column(raw).values
        if np.isfinite(values).any():
            easting, northing = coordinates[:, 0].tolist(), coordinates[:, 1].tolist()
            sections.append(
                Section(
                    name,
                    [
                        side_by_side(
                            histogram(name, values.tolist(), name),
                            sample_map(name, easting, northing, values.tolist()),
                        )
                    ],
                )
            )
    facts = [
        ("samples", str(check.n)),
        ("at a location taken already", str(check.n_duplicates)),
        ("censored values", str(check.n_censored)),
    ]
    grave = any(finding.level == PROBLEM for finding in check.findings)
    summary = [note(check.verdict, "warning" if grave else "good"), figures(facts)]
    return page(f"Samples: {title}", "", summary, [section for section in sections if section.parts], provenance)


def _findings(check: SampleCheck, level: str) -> Section:
    found = [finding for finding in check.findings if finding.level == level]
    return Section(
        _WORDS[level], [bullets([f"{f.title}. {f.detail} {f.advice}" for f in found])] if found else []
    )


def _fields(check: SampleCheck) -> list[str]:
    counts = table(
        ["field", "numbers", "missing", "censored", "not numeric", "far out", "unlike neighbours"],
        [
            [f.name, f.n, f.n_missing, f.n_censored, f.n_not_numeric, f.n_outliers, f.n_local_outliers]
            for f in check.fields
        ],
        caption="How many values are what",
    )
    statistics = table(
        ["field", "minimum", "lower quartile", "median", "upper quartile", "maximum", "mean", "std", "skewness"],
        [[f.name, *f.quantiles, f.mean, f.std, f.skewness] for f in check.fields],
        caption="Statistics of the numbers, in data units",
    )
    return [counts, statistics]
