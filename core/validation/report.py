"""Reports of a comparison and of a training: the answer first, then the evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from ..report.charts import COLORS, Level, Line, Points, horizontal_bars, intervals, one_to_one, xy_chart
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, note, page, paragraph, side_by_side, table
from .comparison import Comparison
from .folds import QUESTIONS, folds_label
from .verdicts import KRIGING, label, simplicity

N_CLASSES = 5
"""Classes of the observed value, of equal count."""

MAX_ROWS = 14
"""Rows of the chart on the first screen; where there would be more it shows the most involved method only."""

MAX_MARKS = 2000
"""Samples drawn in one chart; of more, evenly chosen ones."""

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
    chart, is_complete = _ratio_overview(comparison)
    summary = [
        paragraph(_sentence(comparison.best_text)),
        bullets([_sentence(text) for text in comparison.summaries.values()]),
        *chart,
        *(note(text, "warning") for text in _limited(comparison.warnings)),
    ]
    sections = [
        Section("Which question each kind of fold asks", [bullets(_questions(comparison))]),
        Section("Scores", _score_tables(comparison, units, with_ratios=not is_complete)),
        Section("Do the intervals hold?", _interval_tables(comparison, units)),
        Section("Observed against predicted", _one_to_one_plots(comparison, units)),
        Section("Residuals by class of the observed value", _class_tables(comparison, units)),
        Section("The folds on the map", _fold_maps(comparison)),
        Section("How this was measured", [bullets(HOW)]),
    ]
    return page(
        title,
        f"{len(comparison.samples)} samples, {', '.join(comparison.samples.targets)}: "
        f"{', '.join(label(method) for method in comparison.methods)} on the same folds",
        summary,
        sections,
        _provenance(comparison, created, provenance),
    )


@dataclass(frozen=True)
class LearningCurve:
    """Loss by epoch of one training.

    Parameters
    ----------
    name : str
        Which training, for example "member 1".
    training, validation : sequence of float
        One an epoch; NaN leaves a gap, and an empty `validation` leaves out the held-out loss.
    """

    name: str
    training: Sequence[float]
    validation: Sequence[float]


def training_page(
    *,
    title: str,
    targets: Sequence[str],
    weights: Mapping[str, Mapping[str, float]],
    comparison: Optional[Comparison] = None,
    method: str = "hybrid",
    curves: Sequence[LearningCurve] = (),
    inputs: Sequence[tuple[str, object]] = (),
    warnings: Sequence[str] = (),
    more: Sequence[Section] = (),
    units: Optional[Mapping[str, str]] = None,
    created: str = "",
    provenance: Optional[Mapping[str, object]] = None,
) -> str:
    """Return the report of a training as one self-contained HTML page.

    Parameters
    ----------
    title : str
    targets : sequence of str
    weights : mapping of str to mapping of str to float
        For each target the weight of each base in the stack; they sum to 1. Empty where there is no stack.
    comparison : Comparison or None
        Cross-validation of the method beside kriging on the same folds; None where none was run,
        and then the page says that the model is unproven.
    method : str
        Name of the trained method in `comparison`.
    curves : sequence of LearningCurve
    inputs : sequence of (str, object)
        What went in: settings and covariates, in the order to show.
    warnings : sequence of str
    more : sequence of Section
        What else there is to say about the model, after what it is made of.
    units, created, provenance
        See `comparison_page`.

    Returns
    -------
    str
        HTML, to be written as UTF-8.
    """
    units = units or {}
    summary: list[str] = []
    sections: list[Section] = []
    footer: Mapping[str, object] = {**({"made": created} if created else {}), **(provenance or {})}
    if comparison is None:
        summary.append(
            note("No cross-validation was run: how good the model is on new ground is not known.", "warning")
        )
    else:
        summary += _training_summary(comparison, method, units)
        footer = _provenance(comparison, created, provenance)
        sections += [
            Section("Cross-validated scores, beside kriging on the same folds", _score_tables(comparison, units)),
            Section("Do the intervals hold?", _interval_tables(comparison, units)),
            Section("Observed against predicted", _one_to_one_plots(comparison, units)),
        ]
    summary += [note(text, "warning") for text in _limited([*warnings, *(comparison.warnings if comparison else ())])]
    if weights:
        sections.append(Section("What the model is made of", _weight_charts(targets, weights)))
    sections.extend(more)
    if curves:
        sections.append(Section("Learning curves", [_curve_chart(curves)]))
    if inputs:
        rows = [(name, str(value)) for name, value in inputs]
        sections.append(Section("What went in", [table(("setting", "value"), rows)]))
    if comparison is not None:
        sections.append(Section("How this was measured", [bullets(HOW)]))
    subtitle = f"{', '.join(targets)}" + (f", {len(comparison.samples)} samples" if comparison else "")
    return page(title, subtitle, summary, sections, footer)


def _training_summary(comparison: Comparison, method: str, units: Mapping[str, str]) -> list[str]:
    """Say how the trained method did, and show its key figures on the first target and scheme."""
    sentences = [
        _sentence(f"{verdict.target}, {_question(verdict.folds)}: {verdict.text}.")
        for verdict in comparison.verdicts
        if verdict.method == method
    ]
    target, scheme = comparison.samples.targets[0], list(comparison.folds)[-1]
    row = comparison.row(target, scheme, method)
    facts = [
        (f"R2, {target}, {folds_label(scheme)}", rounded(row["r2"])),
        (f"RMSE{_in(units, target)}", rounded(row["rmse"])),
        ("RMSE ratio to the better kriging", rounded(row["rmse_ratio"])),
        ("samples inside the 90 % interval", f"{100 * row['coverage90']:.0f} %"),
    ]
    chart, _ = _ratio_overview(comparison)
    return [bullets(sentences or [_sentence(text) for text in comparison.summaries.values()]), figures(facts), *chart]


def _ratio_overview(comparison: Comparison) -> tuple[list[str], bool]:
    """Chart of RMSE ratios; all methods, or only the most involved one where there are too many rows."""
    # the mean would only stretch the axis
    verdicts = [v for v in comparison.verdicts if v.method != "mean"] or list(comparison.verdicts)
    is_complete = len(verdicts) <= MAX_ROWS
    if not is_complete:
        lead = max({verdict.method for verdict in verdicts}, key=simplicity)
        verdicts = [verdict for verdict in verdicts if verdict.method == lead]
    return ([_ratio_chart(verdicts, "RMSE against the better kriging")] if verdicts else []), is_complete


def _ratio_chart(verdicts: Sequence, title: str) -> str:
    """Draw RMSE ratios with their intervals, coloured by outcome."""
    outcome_color = {"better": 2, "ties": 0, "worse": 1}
    return intervals(
        title,
        [f"{v.target}, {v.folds}: {v.method.replace('_', ' ')}" for v in verdicts],
        [v.ratio for v in verdicts],
        [v.low for v in verdicts],
        [v.high for v in verdicts],
        x_label="RMSE ratio, 95 % interval (below 1: better than kriging)",
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
        found.append(f"{_sentence(question)}: {len(sizes)} folds of {size} samples.")
    if len(comparison.folds) > 1:
        found.append("Trust the kind of fold that resembles the map you are about to make.")
    return found


def _score_tables(comparison: Comparison, units: Mapping[str, str], with_ratios: bool = False) -> list[str]:
    """One table of errors a target and scheme, the lowest RMSE emphasised."""
    parts: list[str] = []
    for target in comparison.samples.targets:
        for scheme in comparison.folds:
            rows = [comparison.row(target, scheme, method) for method in comparison.methods]
            best = min(range(len(rows)), key=lambda i: rows[i]["rmse"])
            unit = _in(units, target)
            columns = ("method", f"RMSE{unit}", "RMSE ratio", "95 % interval", "R2", "R2 (log)", "CCC", "MAE", "bias",
                       "RMSE, 95 % interval", "seconds")  # fmt: skip
            cells = [
                (_name(row["method"]), row["rmse"], row["rmse_ratio"],
                 _span(row["rmse_ratio_low"], row["rmse_ratio_high"]), row["r2"], row["r2_log"], row["ccc"],
                 row["mae"], row["bias"], _span(row["rmse_low"], row["rmse_high"]), row["seconds"])
                for row in rows
            ]  # fmt: skip
            caption = f"{target}, {_question(scheme)} ({folds_label(scheme)}, {rows[0]['n']} samples)"
            parts.append(table(columns, cells, caption=caption, highlight=(best,)))
    if with_ratios and comparison.verdicts:
        parts.append(_ratio_chart(comparison.verdicts, "RMSE of every method against the better kriging"))
    return parts


def _interval_tables(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Coverage and width of 90 % intervals, overall and by class of the observed value."""
    parts: list[str] = []
    for column, target in enumerate(comparison.samples.targets):
        observed = comparison.samples.values[:, column]
        names, member = _classes(observed)
        for scheme in comparison.folds:
            rows = []
            for method in comparison.methods:
                row = comparison.row(target, scheme, method)
                predicted = comparison.predictions[scheme, method]
                inside = (observed >= predicted.lower[:, column]) & (observed <= predicted.upper[:, column])
                by_class = [100 * float(inside[member == i].mean()) for i in range(len(names))]
                rows.append((_name(method), 100 * row["coverage90"], row["width90"], row["crps"], *by_class))
            columns = ("method", "inside (%)", f"mean width{_in(units, target)}", "CRPS",
                       *(f"{name} (%)" for name in names))  # fmt: skip
            caption = (
                f"{target}, {folds_label(scheme)}: share of samples inside their 90 % interval, overall and by class"
            )
            parts.append(table(columns, rows, caption=caption))
    n = len(comparison.samples)
    slack = 196 * math.sqrt(0.09 / n)
    parts.append(
        paragraph(
            f"90 % is right; by chance alone {n} samples give {90 - slack:.0f} to {min(90 + slack, 100):.0f} %. "
            "Narrower is better only among methods that reach 90 %. The highest class is usually covered least, "
            "because the classes are made of the observed values themselves."
        )
    )
    return parts


def _one_to_one_plots(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Draw the better kriging and the most involved other method, side by side, for each target and scheme."""
    drawn = _drawn(len(comparison.samples))
    parts: list[str] = []
    for column, target in enumerate(comparison.samples.targets):
        observed = comparison.samples.values[:, column]
        for scheme in comparison.folds:
            reference = comparison.reference(target, scheme)
            others = [method for method in comparison.methods if method not in (*KRIGING, "mean")]
            shown = [reference] if reference else []
            shown += [max(others, key=simplicity)] if others else [m for m in KRIGING if m in comparison.methods]
            plots = []
            for index, method in enumerate(dict.fromkeys(shown)):
                predicted = comparison.predictions[scheme, method].estimate[:, column]
                plots.append(
                    one_to_one(
                        f"{target}, {folds_label(scheme)}: {_name(method)}",
                        observed[drawn].tolist(),
                        predicted[drawn].tolist(),
                        units.get(target, ""),
                        log=_is_skewed(observed) and bool((predicted > 0).all()),
                        color=index,
                    )
                )
            parts.append(side_by_side(*plots))
    if len(drawn) < len(comparison.samples):
        parts.append(paragraph(f"Drawn: {len(drawn)} of {len(comparison.samples)} samples, evenly chosen."))
    return parts


def _class_tables(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Mean residual of every method in classes of the observed value."""
    parts: list[str] = []
    for column, target in enumerate(comparison.samples.targets):
        observed = comparison.samples.values[:, column]
        names, member = _classes(observed)
        for scheme in comparison.folds:
            rows = []
            for method in comparison.methods:
                residual = observed - comparison.predictions[scheme, method].estimate[:, column]
                rows.append((_name(method), *(float(residual[member == i].mean()) for i in range(len(names)))))
            caption = (
                f"{target}, {folds_label(scheme)}: mean residual{_in(units, target)} by class of the observed value"
            )
            parts.append(table(("method", *names), rows, caption=caption))
    parts.append(
        paragraph(
            "Every smooth map predicts too much where values are low (residuals below 0) and too little where they are "
            "high: what matters for hotspots is how far below the highest class stays."
        )
    )
    return parts


def _fold_maps(comparison: Comparison) -> list[str]:
    """Draw the samples where they lie, coloured by fold, one chart a scheme."""
    drawn = _drawn(len(comparison.samples))
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


def _weight_charts(targets: Sequence[str], weights: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Bars of the stack weights, with a sentence where kriging carries everything."""
    parts: list[str] = []
    for target in targets:
        of_target = weights.get(target, {})
        if not of_target:
            continue
        names = [_name(name) for name in of_target]
        parts.append(horizontal_bars(f"Stack weights, {target}", names, list(of_target.values()), x_label="weight"))
        learned = sum(weight for name, weight in of_target.items() if name not in KRIGING)
        if learned < 0.005:
            parts.append(note(f"{target}: the network gained nothing beyond kriging, so the model is kriging."))
    return parts


def _curve_chart(curves: Sequence[LearningCurve]) -> str:
    """Draw loss by epoch: held-out loss where there is one, with training loss dashed, else training loss."""
    layers: list[Line | Points | Level] = []
    has_validation = any(len(curve.validation) for curve in curves)
    for index, curve in enumerate(curves):
        color = index % len(COLORS)
        name = curve.name if len(curves) <= len(COLORS) else ""
        training = [float(loss) for loss in curve.training]
        epochs = range(1, len(training) + 1)
        if len(curve.validation):
            validation = [float(loss) for loss in curve.validation]
            layers.append(Line(range(1, len(validation) + 1), validation, name, color))
            name = ""
        layers.append(Line(epochs, training, name, color, dashed=has_validation))
    title = "Loss by epoch (dashed: training; full: held out)" if has_validation else "Training loss by epoch"
    return xy_chart(title, "epoch", "loss", layers)


def _classes(observed: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Part observed values into classes of equal count; return their names and each value's class."""
    breaks = np.unique(np.quantile(observed, np.arange(1, N_CLASSES) / N_CLASSES))
    breaks = breaks[breaks > observed.min()]
    member = np.searchsorted(breaks, observed, side="right")
    ends = [rounded(float(value)) for value in breaks]
    if not ends:
        return ["all"], member
    middle = [f"{low} to {high}" for low, high in zip(ends, ends[1:])]
    return [f"below {ends[0]}", *middle, f"{ends[-1]} and above"], member


def _drawn(n: int) -> np.ndarray:
    """Return the row numbers of at most `MAX_MARKS` samples, evenly chosen."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_MARKS)).round().astype(int))


def _is_skewed(observed: np.ndarray) -> bool:
    """Whether logarithmic axes show more: positive values with a skewness above 1."""
    spread = float(np.std(observed))
    return (
        bool((observed > 0).all()) and spread > 0 and float(np.mean(((observed - observed.mean()) / spread) ** 3)) > 1
    )


def _provenance(comparison: Comparison, created: str, more: Optional[Mapping[str, object]]) -> dict[str, object]:
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


def _limited(messages: Sequence[str], most: int = 6) -> list[str]:
    """Keep a page readable: the first few messages and the number of the others."""
    unique = list(dict.fromkeys(messages))
    if len(unique) <= most:
        return unique
    return [*unique[:most], f"... and {len(unique) - most} more remarks of this kind."]


def _question(scheme: str) -> str:
    return QUESTIONS.get(scheme, folds_label(scheme))


def _name(method: str) -> str:
    """Write a method or stack member in a table."""
    return method.replace("_", " ")


def _in(units: Mapping[str, str], target: str) -> str:
    """Write a unit in brackets, or nothing."""
    return f" ({units[target]})" if units.get(target) else ""


def _span(low: float, high: float) -> str:
    """Write an interval in a table cell."""
    return "–" if math.isnan(low) or low == high else f"{rounded(low)} to {rounded(high)}"


def _sentence(text: str) -> str:
    """Begin with a capital, and keep numbers and their % on one line."""
    return (text[:1].upper() + text[1:]).replace(" %", "\u00a0%")
