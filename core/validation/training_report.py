"""The report of a training: how good the model is, what it is made of and what went in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ..report.charts import xy_chart
from ..report.drawing import COLORS, Level, Line, Points
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, note, page, table
from ..report.row_charts import horizontal_bars
from .comparison_report import HOW, limited, one_to_one_plots, provenance_of, ratio_overview, score_tables
from .evidence import interval_parts
from .folds import folds_label
from .results import Comparison
from .verdicts import KRIGING
from .wording import in_unit, question_of, sentence, written


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


@dataclass(frozen=True)
class Makeup:
    """What a trained model is made of, and of what.

    Parameters
    ----------
    method : str
        Name of the trained method in a comparison.
    weights : mapping of str to mapping of str to float
        For each target the weight of each base in the stack; they sum to 1. Empty where there is no stack.
    curves : sequence of LearningCurve
    inputs : sequence of (str, object)
        What went in: settings and covariates, in the order to show.
    more : sequence of Section
        What else there is to say about the model, after what it is made of.
    """

    method: str
    weights: Mapping[str, Mapping[str, float]]
    curves: Sequence[LearningCurve] = ()
    inputs: Sequence[tuple[str, object]] = ()
    more: Sequence[Section] = ()


def training_page(
    makeup: Makeup,
    *,
    title: str,
    targets: Sequence[str],
    comparison: Optional[Comparison] = None,
    warnings: Sequence[str] = (),
    units: Optional[Mapping[str, str]] = None,
    created: str = "",
    provenance: Optional[Mapping[str, object]] = None,
    answer: str = "",
) -> str:
    """Return the report of a training as one self-contained HTML page.

    Parameters
    ----------
    makeup : Makeup
    title : str
    targets : sequence of str
    comparison : Comparison or None
        Cross-validation of the method beside kriging on the same folds; None where none was run,
        and then the page says that the model is unproven.
    warnings : sequence of str
    units, created, provenance
        See `comparison_page`.
    answer : str
        What page one says first, where the training answers a question of its own.

    Returns
    -------
    str
        HTML, to be written as UTF-8.
    """
    units = units or {}
    summary: list[str] = [sentence(answer)] if answer else []
    sections: list[Section] = []
    footer: Mapping[str, object] = {**({"made": created} if created else {}), **(provenance or {})}
    if comparison is None:
        unproven = "No cross-validation was run: how good the {} is on new ground is not known."
        summary.append(note(unproven.format("new model" if answer else "model"), "warning"))
    else:
        summary += _training_summary(comparison, makeup.method, units)
        footer = provenance_of(comparison, created, provenance)
        sections += [
            Section("Cross-validated scores, beside kriging on the same folds", score_tables(comparison, units)),
            Section("Do the intervals hold?", interval_parts(comparison, units)),
            Section("Observed against predicted", one_to_one_plots(comparison, units)),
        ]
    summary += [note(text, "warning") for text in limited([*warnings, *(comparison.warnings if comparison else ())])]
    if makeup.weights:
        sections.append(Section("What the model is made of", _weight_charts(targets, makeup.weights)))
    sections.extend(makeup.more)
    if makeup.curves:
        sections.append(Section("Learning curves", [_curve_chart(makeup.curves)]))
    if makeup.inputs:
        rows = [(name, str(value)) for name, value in makeup.inputs]
        sections.append(Section("What went in", [table(("setting", "value"), rows)]))
    if comparison is not None:
        sections.append(Section("How this was measured", [bullets(HOW)]))
    subtitle = f"{', '.join(targets)}" + (f", {len(comparison.samples)} samples" if comparison else "")
    return page(title, subtitle, summary, sections, footer)


def _training_summary(comparison: Comparison, method: str, units: Mapping[str, str]) -> list[str]:
    """Say how the trained method did, and show its key figures on the first target and scheme."""
    sentences = [
        sentence(f"{verdict.target}, {question_of(verdict.folds)}: {verdict.text}.")
        for verdict in comparison.verdicts
        if verdict.method == method
    ]
    target, scheme = comparison.samples.targets[0], list(comparison.folds)[-1]
    row = comparison.row(target, scheme, method)
    facts = [
        (f"R2, {target}, {folds_label(scheme)}", rounded(row["r2"])),
        (f"RMSE{in_unit(units, target)}", rounded(row["rmse"])),
        ("RMSE ratio to the better kriging", rounded(row["rmse_ratio"])),
        ("samples inside the 90 % interval", f"{100 * row['coverage90']:.0f} %"),
    ]
    chart, _ = ratio_overview(comparison)
    return [bullets(sentences or [sentence(text) for text in comparison.summaries.values()]), figures(facts), *chart]


def _weight_charts(targets: Sequence[str], weights: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Bars of the stack weights, with a sentence where kriging carries everything."""
    parts: list[str] = []
    for target in targets:
        of_target = weights.get(target, {})
        if not of_target:
            continue
        names = [written(name) for name in of_target]
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
