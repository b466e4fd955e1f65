"""The page that says what became of collar, survey and assay tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..report.charts import histogram
from ..report.maps import sample_map
from ..report.page import Section, figures, note, page, side_by_side, table
from .desurveyed import CompositeTable
from .tables import DrillHoles

MOST_ROWS = 200
"""Problems listed on the page; the log counts all of them."""


def drill_hole_page(
    drilled: DrillHoles, composites: CompositeTable, length: float, unit: str, provenance: Mapping[str, object]
) -> str:
    """Return the report as an HTML page.

    Parameters
    ----------
    drilled : DrillHoles
    composites : CompositeTable
    length : float
        Of a composite, in map units.
    unit : str
        Of depths and coordinates, in words.
    provenance : mapping
        What made the page.

    Returns
    -------
    str
        A complete HTML document.
    """
    n_assays = sum(len(hole.intervals.tops) for hole in drilled.holes)
    summary = [
        figures(
            [
                ("holes", str(len(drilled.holes))),
                ("assayed intervals", str(n_assays)),
                (f"composites of {length:g} {unit}", str(len(composites))),
                ("rows with a problem", str(len(drilled.problems))),
            ]
        ),
        note(
            f"{len(drilled.problems)} rows could not be used as they stand; below, each is listed with what was done."
            if drilled.problems
            else "Every row of the three tables was used as it stands.",
            "warning" if drilled.problems else "good",
        ),
    ]
    sections = [Section("What was composited", [_fields(drilled, composites), *_remarks(drilled, composites, unit)])]
    if drilled.problems:
        sections.append(Section("Rows with a problem", [_problems(drilled)]))
    for name, values in composites.values.items():
        known = np.isfinite(values)
        if known.any():
            place, mean = _by_hole(composites, values, known)
            sections.append(
                Section(
                    name,
                    [
                        side_by_side(
                            histogram(f"{name}, composites", values[known].tolist(), name),
                            sample_map(f"{name}, mean of each hole", place[:, 0].tolist(), place[:, 1].tolist(), mean),
                        )
                    ],
                )
            )
    return page("Composites of drill holes", f"{len(drilled.holes)} holes", summary, sections, provenance)


def _by_hole(composites: CompositeTable, values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the place of each hole, and the mean of its composites."""
    _, hole = np.unique(np.array(composites.holes)[known], return_inverse=True)
    count = np.bincount(hole)
    columns = [*composites.coordinates[known].T, values[known]]
    means = np.column_stack([np.bincount(hole, weights=column) / count for column in columns])
    return means[:, :3], means[:, 3].tolist()


def _fields(drilled: DrillHoles, composites: CompositeTable) -> str:
    """Return assays and composites field by field: the length-weighted mean must stay, the spread shrinks."""
    length = np.concatenate([hole.intervals.bottoms - hole.intervals.tops for hole in drilled.holes])
    assays = np.concatenate([hole.intervals.values for hole in drilled.holes])
    weights = composites.bottoms - composites.tops
    rows = []
    for column, name in enumerate(drilled.fields):
        before, after = _moments(assays[:, column], length), _moments(composites.values[name], weights)
        rows.append([name, drilled.n_censored[name], before[0], before[1], before[2], after[0], after[1], after[2]])
    return table(
        ["field", "censored", "assays", "mean", "std", "composites", "mean ", "std "], rows,
        caption="Length-weighted mean and standard deviation before and after", digits=4,
    )  # fmt: skip


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[int, float, float]:
    known = np.isfinite(values)
    if not known.any():
        return 0, np.nan, np.nan
    mean = float(np.average(values[known], weights=weights[known]))
    return int(known.sum()), mean, float(np.sqrt(np.average((values[known] - mean) ** 2, weights=weights[known])))


def _remarks(drilled: DrillHoles, composites: CompositeTable, unit: str) -> list[str]:
    remarks = []
    if drilled.n_gaps:
        remarks.append(
            f"{drilled.n_gaps} stretches between assays, {drilled.gap_length:g} {unit} in all, were not assayed; "
            "nothing was assumed about them."
        )
    if composites.n_short:
        remarks.append(f"{composites.n_short} pieces at the end of a hole or domain were too short and are left out.")
    return remarks


def _problems(drilled: DrillHoles) -> str:
    rows = [
        [problem.table, str(problem.row) if problem.row else "whole hole", problem.hole, problem.what]
        for problem in drilled.problems[:MOST_ROWS]
    ]
    left = len(drilled.problems) - len(rows)
    caption = f"The first {MOST_ROWS}; {left} more are alike" if left > 0 else ""
    return table(["table", "row", "hole", "what"], rows, caption=caption)
