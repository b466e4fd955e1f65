"""The report of a comparison: the answer first, then the evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np

from ..report.charts import one_to_one, xy_chart
from ..report.drawing import COLORS, Points
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, lead, note, page, paragraph, side_by_side, table
from ..report.row_charts import intervals
from .evidence import (
    ceiling_parts,
    class_parts,
    distance_parts,
    interval_parts,
    main_scheme,
    paired_table,
    residual_parts,
    shown_methods,
)
from .folds import QUESTIONS, folds_label
from .results import Comparison
from .scores import SCORES
from .verdicts import KRIGING, label, simplicity
from .wording import drawn_rows, in_unit, is_skewed, question_of, sentence, with_interval, written

MAX_ROWS = 14
"""Rows of the chart on the first screen; where there would be more it shows the most involved method only."""

HOW = (
    "Every sample is predicted from the other folds only; variogram, transform, encoding of covariates, network, "
    "weights and intervals are refitted for each fold. Scores are pooled over all folds.",
    "Residual = observed - predicted, so a bias above 0 means that the method predicts too little.",
    "R2 = 1 - squared residuals / squared deviations from the overall mean; CCC is Lin's concordance with the 1:1 "
    "line; R2 (log) judges the medians on the logarithmic scale, where single rich samples do not rule.",
    "RMSE ratio = RMSE divided by that of the better kriging on the same folds, chosen with hindsight: a hard bar.",
    "Intervals of scores come from resampling whole spatial clusters, the same ones for both sides of a ratio. "
    "Methods tie when the 95 % interval of the ratio holds 1 or the difference is below 1 %.",
    "CRPS, in data units, judges the whole predicted distribution (30 quantiles); smaller is better.",
    "Intervals of kriging and the hybrid are conformal: errors of samples left out singly and in compact cells, "
    "divided by the kriging standard deviation, say by how much to stretch it; few errors stretch it little.",
    "Samples of one place or one drill hole never part, so that no held-out value is known from its twin.",
)


def comparison_page(
    comparison: Comparison,
    *,
    title: str = "Comparison of methods",
    units: Optional[Mapping[str, str]] = None,
    created: str = "",
    provenance: Optional[Mapping[str, object]] = None,
) -> str:
    """Return the report of a comparison as one self-contained HTML page.

    Parameters
    ----------
    comparison : Comparison
    title : str
    units : dict of str to str or None
        Unit of each target.
    created : str
        Date and time to show; "" shows none, so that the same comparison gives the same page.
    provenance : mapping or None
        Further lines for the footer (layer names, plugin version).

    Returns
    -------
    str
        HTML, to be written as UTF-8.
    """
    units = units or {}
    n_cells = len(comparison.samples.targets) * len(comparison.folds)
    summary = [
        lead(sentence(comparison.best_text)),
        figures(_key_figures(comparison, units)),
        _error_chart(comparison, units),
        *(note(sentence(text), "warning") for text in limited(comparison.warnings)),
    ]
    chart, is_complete = ratio_overview(comparison)
    grades = class_parts(comparison)
    sections = [
        Section(
            "In words" if n_cells == 1 else "In words, question by question",
            [bullets([sentence(text) for text in comparison.summaries.values()]), *chart],
        ),
        Section(
            "Which question each kind of fold asks", [bullets(_questions(comparison)), *distance_parts(comparison)]
        ),
        Section(
            "Scores",
            [*ceiling_parts(comparison, units), *score_tables(comparison, units, with_ratios=not is_complete)],
        ),
        Section("Do the intervals hold?", interval_parts(comparison, units)),
        *([Section("Grade classes", grades)] if grades else []),
        Section("Observed against predicted", one_to_one_plots(comparison, units)),
        Section(f"What is left: residuals ({folds_label(main_scheme(comparison))})", residual_parts(comparison, units)),
        Section("The folds on the map", _fold_maps(comparison)),
        Section("How this was measured", [bullets(HOW)]),
    ]
    return page(
        title,
        f"{len(comparison.samples)} samples, {', '.join(comparison.samples.targets)}: "
        f"{', '.join(label(method) for method in comparison.methods)} on the same folds",
        summary,
        sections,
        provenance_of(comparison, created, provenance),
    )


def _key_figures(comparison: Comparison, units: Mapping[str, str]) -> list[tuple[str, str]]:
    """Say what the recommended method reaches where held-out samples are as far away as the map's cells."""
    scheme, method = main_scheme(comparison), comparison.best_method
    found: list[tuple[str, str]] = []
    several = len(comparison.samples.targets) > 1
    for target in comparison.samples.targets[:4]:
        row, of = comparison.row(target, scheme, method), f"{target}: " if several else ""
        unit = f" {units[target]}" if units.get(target) else ""
        explained, error = f"{100 * max(row['r2'], 0):.0f} %", f"{rounded(row['mae'])}{unit}"
        if several:
            found.append((f"{target}: R2, typical error", f"{explained}, {error}"))
        else:
            found.append(("variance explained (R2)", explained))
            found.append(("typical error (mean absolute)", error))
            found.append(("samples inside their 90 % interval", f"{100 * row['coverage90']:.0f} %"))
        grades = comparison.classes.get((target, scheme, method))
        if grades is not None:
            text = f"{100 * grades.accuracy.value:.0f} % (guess {100 * grades.majority.value:.0f} %)"
            found.append((f"{of}right grade class", text))
    return found


def _error_chart(comparison: Comparison, units: Mapping[str, str]) -> str:
    """Draw the one figure of page one: the error of every method at the distances the map asks for."""
    scheme = main_scheme(comparison)
    targets = comparison.samples.targets
    methods = [method for method in comparison.methods if method != "mean"] or list(comparison.methods)
    if len(targets) * len(methods) > MAX_ROWS:
        lead_method = max((m for m in methods if m not in KRIGING), key=simplicity, default=methods[-1])
        methods = [m for m in methods if m in (*KRIGING, lead_method, comparison.best_method)]
    rows = [comparison.row(target, scheme, method) for target in targets for method in methods]
    relative = len(targets) > 1
    spread = {t: float(np.nanstd(comparison.samples.target(t))) if relative else 1.0 for t in targets}
    in_words = "RMSE / standard deviation of the samples" if relative else f"RMSE{in_unit(units, targets[0])}"
    return intervals(
        f"Error of each method, {question_of(scheme)} ({folds_label(scheme)})",
        [f"{row['target']}: {written(row['method'])}" if relative else written(row["method"]) for row in rows],
        [row["rmse"] / spread[row["target"]] for row in rows],
        [row["rmse_low"] / spread[row["target"]] for row in rows],
        [row["rmse_high"] / spread[row["target"]] for row in rows],
        x_label=f"{in_words}, 95 % interval (smaller is better)",
        colors=[2 if row["method"] == comparison.best_method else 0 for row in rows],
        width=860,
    )


def ratio_overview(comparison: Comparison) -> tuple[list[str], bool]:
    """Chart of RMSE ratios; all methods, or only the most involved one where there are too many rows."""
    # the mean would only stretch the axis
    verdicts = [v for v in comparison.verdicts if v.method != "mean"] or list(comparison.verdicts)
    is_complete = len(verdicts) <= MAX_ROWS
    if not is_complete:
        most_involved = max({verdict.method for verdict in verdicts}, key=simplicity)
        verdicts = [verdict for verdict in verdicts if verdict.method == most_involved]
    return ([_ratio_chart(verdicts, "RMSE against the better kriging")] if verdicts else []), is_complete


def _ratio_chart(verdicts: Sequence, title: str) -> str:
    """Draw RMSE ratios with their intervals, coloured by outcome."""
    outcome_color = {"better": 2, "ties": 0, "worse": 1}
    several = len({verdict.target for verdict in verdicts}) > 1
    return intervals(
        title,
        [f"{v.target}, " * several + f"{folds_label(v.folds)}: {written(v.method)}" for v in verdicts],
        [v.ratio for v in verdicts],
        [v.low for v in verdicts],
        [v.high for v in verdicts],
        x_label="RMSE ratio, 95 % interval (below 1: better than kriging; blue: a tie)",
        reference=1.0,
        reference_label="better kriging",
        colors=[outcome_color[v.outcome] for v in verdicts],
        width=860,
    )


def _questions(comparison: Comparison) -> list[str]:
    """Say what each scheme asks, with the numbers of its folds."""
    found = []
    for scheme, folds in comparison.folds.items():
        sizes = np.unique(folds, return_counts=True)[1]
        question = (
            f"{folds_label(scheme)} ask about {QUESTIONS[scheme]}" if scheme in QUESTIONS else f"{folds_label(scheme)}"
        )
        size = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
        found.append(f"{sentence(question)}: {len(sizes)} folds of {size} samples.")
    if len(comparison.folds) > 1:
        found.append("Trust the kind of fold that resembles the map you are about to make.")
    return found


def score_tables(comparison: Comparison, units: Mapping[str, str], with_ratios: bool = False) -> list[str]:
    """One table of errors a target and scheme, the lowest RMSE emphasised."""
    parts: list[str] = []
    for target in comparison.samples.targets:
        for scheme in comparison.folds:
            rows = [comparison.row(target, scheme, method) for method in comparison.methods]
            best = min(range(len(rows)), key=lambda i: rows[i]["rmse"])
            unit = in_unit(units, target)
            columns = ("method", f"RMSE{unit}", "RMSE ratio", "R2", "R2 (log)", "CCC", "MAE", "bias", "seconds")
            cells = [
                (written(row["method"]), row["rmse"], row["rmse_ratio"], row["r2"], row["r2_log"], row["ccc"],
                 row["mae"], row["bias"], row["seconds"])
                for row in rows
            ]  # fmt: skip
            caption = f"{target}, {question_of(scheme)} ({folds_label(scheme)}, {rows[0]['n']} samples)"
            parts.append(table(columns, cells, caption=caption, highlight=(best,)))
            for scale in ("", "_log"):
                parts.append(_interval_table(comparison, target, scheme, scale, unit))
            parts.append(paired_table(comparison, units, target, scheme))
    parts = [part for part in parts if part]
    if with_ratios and comparison.verdicts:
        parts.append(_ratio_chart(comparison.verdicts, "RMSE of every method against the better kriging"))
    return parts


def _interval_table(comparison: Comparison, target: str, scheme: str, scale: str, unit: str) -> str:
    """Every score with its interval, on the scale of the data or of logarithms."""
    names = ("rmse", "mae", "r2", "bias", "ccc")
    rows = []
    for method in comparison.methods:
        scores = comparison.scores[target, scheme, method]
        if not math.isfinite(scores["rmse" + scale].value):
            return ""
        rows.append((written(method), *(with_interval(scores[name + scale]) for name in names)))
    columns = ("method", *(SCORES[name] for name in names))
    scale_in_words = "of logarithms, medians judged" if scale else f"in data units{unit}"
    return table(columns, rows, caption=f"{target}, {folds_label(scheme)}: scores {scale_in_words}, 95 % intervals")


def one_to_one_plots(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Draw the better kriging and the most involved other method, side by side, for each target and scheme."""
    several = len(comparison.samples.targets) > 1
    parts: list[str] = []
    for target in comparison.samples.targets:
        own = comparison.of(target)
        drawn, observed = drawn_rows(len(own.samples)), own.samples.values[:, 0]
        for scheme in comparison.folds:
            plots = []
            for index, method in enumerate(shown_methods(comparison, target, scheme)):
                predicted = own.predictions[scheme, method].estimate[:, 0]
                plots.append(
                    one_to_one(
                        f"{target}, " * several + f"{written(method)}, {folds_label(scheme).replace(' folds', '')}",
                        observed[drawn].tolist(),
                        predicted[drawn].tolist(),
                        units.get(target, ""),
                        log=is_skewed(observed) and bool((predicted > 0).all()),
                        color=index,
                    )
                )
            parts.append(side_by_side(*plots))
    most = len(drawn_rows(len(comparison.samples)))
    if most < len(comparison.samples):
        parts.append(paragraph(f"Drawn: {most} of {len(comparison.samples)} samples, evenly chosen."))
    return parts


def _fold_maps(comparison: Comparison) -> list[str]:
    """Draw the samples where they lie, coloured by fold, one chart a scheme."""
    drawn = drawn_rows(len(comparison.samples))
    plan = comparison.samples.coordinates[drawn, :2]
    extent = np.maximum(np.ptp(plan, axis=0), 1e-9)
    width = 460.0
    height = float(np.clip(70 + (width - 90) * extent[1] / extent[0], 240, 620))
    charts = []
    for scheme, folds in comparison.folds.items():
        layers = [
            Points(
                plan[folds[drawn] == number, 0].tolist(),
                plan[folds[drawn] == number, 1].tolist(),
                label=f"fold {index + 1}" if len(np.unique(folds)) <= len(COLORS) else "",
                color=index % len(COLORS),
            )
            for index, number in enumerate(np.unique(folds))
        ]
        charts.append(xy_chart(f"{folds_label(scheme)}", "easting", "northing", layers, width=width, height=height))
    return [side_by_side(*charts)]


def provenance_of(comparison: Comparison, created: str, more: Optional[Mapping[str, object]]) -> dict[str, object]:
    """Collect what someone needs to get the same numbers again."""
    folds = "; ".join(f"{scheme}: {len(np.unique(fold))}" for scheme, fold in comparison.folds.items())
    return {
        **({"made": created} if created else {}),
        **(more or {}),
        "samples": f"{len(comparison.samples)}, {comparison.samples.crs or 'no CRS given'}",
        "SHA-256 of the data": comparison.data_hash,
        "folds": folds,
        "seed": comparison.seed,
        "spatial clusters of the bootstrap": comparison.n_clusters,
        "software": ", ".join(f"{name} {version}" for name, version in comparison.versions.items()),
    }


def limited(messages: Sequence[str], most: int = 6) -> list[str]:
    """Keep a page readable: the first few messages and the number of the others."""
    unique = list(dict.fromkeys(messages))
    if len(unique) <= most:
        return unique
    return [*unique[:most], f"... and {len(unique) - most} more remarks of this kind."]
