"""The parts of a comparison's report that a reviewer asks for: distances, intervals, classes and residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np

from ..report.charts import xy_chart
from ..report.drawing import Line, Points
from ..report.maps import sample_map
from ..report.markup import rounded
from ..report.page import note, paragraph, side_by_side, table
from ..variogram.experimental import experimental_variogram
from .distance_matching import distances_to_samples, held_out_distances
from .folds import folds_label
from .grade_classes import class_names, members
from .noise import LEAST_DEGREES
from .results import IN_AREA, OUTSIDE_AREA, Comparison
from .scores import Score
from .verdicts import KRIGING, label, simplicity
from .wording import classes_of, drawn_rows, in_unit, question_of, sentence, with_interval, written


def main_scheme(comparison: Comparison) -> str:
    """Return the scheme whose held-out samples lie as far from the others as the map's cells: its question is ours."""
    schemes = list(comparison.folds)
    return min(schemes, key=lambda scheme: comparison.mismatches.get(scheme, math.inf))


def shown_methods(comparison: Comparison, target: str, scheme: str) -> list[str]:
    """Return the better kriging and the most involved other method."""
    reference = comparison.reference(target, scheme)
    others = [method for method in comparison.methods if method not in (*KRIGING, "mean")]
    shown = [reference] if reference else []
    shown += [max(others, key=simplicity)] if others else [m for m in KRIGING if m in comparison.methods]
    return list(dict.fromkeys(shown)) or [comparison.methods[0]]


def distance_parts(comparison: Comparison) -> list[str]:
    """Show how far held-out samples lie from the others, and the map's places from the samples."""
    if comparison.places is None:
        return []
    coordinates = comparison.samples.coordinates
    asked = np.sort(distances_to_samples(comparison.places, coordinates))
    held_out = {scheme: np.sort(held_out_distances(coordinates, folds)) for scheme, folds in comparison.folds.items()}
    end = max(float(np.quantile(distances, 0.97)) for distances in [asked, *held_out.values()])
    layers = [_distribution(asked, "places to map", 5, dashed=True)]
    layers += [_distribution(d, folds_label(scheme), i) for i, (scheme, d) in enumerate(held_out.items())]
    layers = [Line([x for x in line.x if x <= end], [y for x, y in zip(line.x, line.y) if x <= end], line.label,
                   line.color, line.dashed) for line in layers]  # fmt: skip
    chart = xy_chart(
        "How far is the nearest sample?", "distance to the nearest sample, map units", "share of places", layers,
        x_from_zero=True, y_from_zero=True, width=640, height=320,
    )  # fmt: skip
    rows: list[tuple[object, ...]] = [
        (folds_label(scheme), question_of(scheme), float(np.median(distances)), comparison.mismatches[scheme])
        for scheme, distances in held_out.items()
    ]
    rows.append(("places to map", "what the map asks for", float(np.median(asked)), None))
    nearest = main_scheme(comparison)
    return [
        chart,
        table(("", "question", "median distance", "mismatch W"), rows,
              caption="Distance to the nearest sample of another fold, map units"),
        paragraph(
            "W is Wasserstein's distance between the distances of held-out samples and those of the places to map: "
            "the mean difference between two curves of the chart. It is smallest for the "
            f"{folds_label(nearest)}, so their errors are the ones to expect of the map."
        ),
    ]  # fmt: skip


def _distribution(ascending: np.ndarray, name: str, color: int, dashed: bool = False) -> Line:
    """Return the distribution function of distances as a line."""
    shares = np.linspace(0.0, 1.0, 81)
    return Line(np.quantile(ascending, shares).tolist(), shares.tolist(), name, color, dashed)


def interval_parts(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Coverage and width of 90 % intervals: calibrated and own, by class, inside and outside the area."""
    parts: list[str] = []
    of_targets = {target: comparison.of(target) for target in comparison.samples.targets}
    for target, own in of_targets.items():
        observed = own.samples.values[:, 0]
        names, member = _grades(comparison, target, observed)
        for scheme in comparison.folds:
            where = f"{target}, {folds_label(scheme)}"
            rows, by_class = [], []
            for method in comparison.methods:
                scores = comparison.scores[target, scheme, method]
                predicted = own.predictions[scheme, method]
                inside = (observed >= predicted.lower[:, 0]) & (observed <= predicted.upper[:, 0])
                rows.append((
                    written(method), with_interval(scores["coverage90"], percent=True), scores["width90"].value,
                    scores["crps"].value, _percent(scores["own_coverage90"].value), scores["own_width90"].value,
                    *(_percent(scores[name].value) for name in (IN_AREA, OUTSIDE_AREA) if name in scores),
                ))  # fmt: skip
                by_class.append((written(method), *(_share(inside, member == i) for i in range(len(names)))))
            columns = ["method", "inside (%)", "mean width", "CRPS", "own: inside (%)", "own: width"]
            if scheme in comparison.outside:
                n_outside = int(own.outside[scheme].sum())
                columns += [f"in area, {len(observed) - n_outside} (%)", f"outside, {n_outside} (%)"]
            caption = f"{where}: samples inside their 90 % interval{in_unit(units, target)}"
            parts.append(table(columns, rows, caption=caption))
            caption = f"{where}: samples inside (%) by class of the observed value"
            parts.append(table(("method", *names), by_class, caption=caption))
    n = min(len(own.samples) for own in of_targets.values())
    slack = 196 * math.sqrt(0.09 / n)
    parts.append(
        paragraph(
            f"90 % is right; by chance alone {n} samples give {90 - slack:.0f} to {min(90 + slack, 100):.0f} %. "
            "Intervals are calibrated on errors of samples left out singly and in compact cells; kriging's own ones, "
            "from its variance alone, stand beside them. Narrower is better only among methods that reach 90 %. The "
            "highest class is usually covered least, because the classes are made of the observed values themselves."
        )
    )
    if comparison.outside:
        parts.append(
            paragraph(
                "The area of applicability holds the samples that are no more unlike the other folds, in place and "
                "covariates, than parts of these are unlike each other. Outside it neither errors nor intervals are "
                "vouched for: maps tell the same area."
            )
        )
    return parts


def _grades(comparison: Comparison, target: str, observed: np.ndarray) -> tuple[Sequence[str], np.ndarray]:
    """Return the grade classes of a target where there are some, else classes of equal count."""
    breaks = comparison.class_breaks.get(target)
    return classes_of(observed) if breaks is None else (class_names(breaks), members(observed, breaks))


def _share(inside: np.ndarray, which: np.ndarray) -> Optional[float]:
    """Return the percentage inside among some samples; None where there are none."""
    return round(100.0 * float(inside[which].mean())) if which.any() else None


def _percent(value: float) -> Optional[float]:
    return round(100.0 * value, 1) if math.isfinite(value) else None


def class_parts(comparison: Comparison) -> list[str]:
    """Accuracy of grade classes with intervals, and the confusion matrices of the shown methods."""
    parts: list[str] = []
    for target in comparison.class_breaks:
        for scheme in comparison.folds:
            found = {m: comparison.classes[target, scheme, m] for m in comparison.methods}
            majority = next(iter(found.values())).majority
            rows = [
                (written(method), with_interval(one.accuracy, percent=True),
                 with_interval(one.balanced_accuracy, percent=True), with_interval(one.gain, percent=True),
                 with_interval(one.recall[-1], percent=True))
                for method, one in found.items()
            ]  # fmt: skip
            top = next(iter(found.values())).names[-1]
            columns = ("method", "accuracy (%)", "balanced accuracy (%)", "above the guess (points)",
                       f"found of {top} (%)")  # fmt: skip
            caption = (
                f"{target}, {folds_label(scheme)}: classes predicted, 95 % intervals. Guessing the most frequent class "
                f"is right in {100 * majority.value:.0f} %"
            )
            parts.append(table(columns, rows, caption=caption))
            if scheme != main_scheme(comparison):
                continue
            for method in shown_methods(comparison, target, scheme):
                one = found[method]
                caption = f"{label(method)}: observed class (rows) by predicted class"
                cells = [(name, *counts) for name, counts in zip(one.names, one.confusion.tolist())]
                parts.append(table(("observed", *one.names), cells, caption=caption))
    if parts:
        parts.append(
            paragraph(
                "Balanced accuracy is the mean over the classes of the share found: guessing reaches 1 / number of "
                "classes. What is not found of the highest class are missed hotspots."
            )
        )
    return parts


def ceiling_parts(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Say what duplicates allow at best."""
    parts: list[str] = []
    for target, ceiling in comparison.ceilings.items():
        unit = f" {units[target]}" if units.get(target) else ""
        text = (
            f"{target}: {ceiling.n_degrees} repeated measurements differ with a standard deviation of "
            f"{rounded(math.sqrt(ceiling.variance))}{unit}, so no honest R2 of single measurements exceeds "
            f"{ceiling.r2:.2f} (95 % interval {ceiling.low:.2f} to {ceiling.high:.2f})"
        )
        text += f"; {ceiling.r2_log:.2f} for logarithms." if math.isfinite(ceiling.r2_log) else "."
        if ceiling.n_degrees < LEAST_DEGREES:
            text += " So few repeats say little."
        parts.append(note(sentence(text)))
    return parts


def residual_parts(comparison: Comparison, units: Mapping[str, str]) -> list[str]:
    """Residuals on the map, their variogram, and their mean by class of the prediction and of the observation."""
    parts: list[str] = []
    scheme = main_scheme(comparison)
    for target in comparison.samples.targets:
        own = comparison.of(target)
        drawn, plan = drawn_rows(len(own.samples)), own.samples.coordinates[:, :2]
        observed = own.samples.values[:, 0]
        shown = shown_methods(comparison, target, scheme)
        residuals = {m: observed - own.predictions[scheme, m].estimate[:, 0] for m in comparison.methods}
        maps = [
            sample_map(
                f"{target}, {written(method)}", plan[drawn, 0].tolist(), plan[drawn, 1].tolist(),
                residuals[method][drawn].tolist(), units.get(target, ""), width=440, max_height=460,
            )
            for method in shown
        ]  # fmt: skip
        parts.append(side_by_side(*maps))
        parts.append(_residual_variogram(own, target, observed, {m: residuals[m] for m in shown}))
        for what in ("prediction", "observed value"):
            parts.append(_bias_table(own, units, target, scheme, residuals, what))
    parts.append(
        paragraph(
            "Residual = observed - predicted: blue is predicted too high, red too low. Residuals that still follow a "
            "variogram (rising from a low start) hold structure the method missed. A mean residual far from 0 in a "
            "class of the prediction is a bias of the map; in a class of the observed value it is the smoothing that "
            "every estimate has, and what matters for hotspots is how far below the highest class stays."
        )
    )
    return parts


def _residual_variogram(
    comparison: Comparison, target: str, observed: np.ndarray, residuals: Mapping[str, np.ndarray]
) -> str:
    """Draw the variogram of the values and of the residuals of some methods."""
    coordinates = comparison.samples.coordinates
    layers: list[Line | Points] = []
    for index, (name, values) in enumerate([("observed values", observed), *residuals.items()]):
        found = experimental_variogram(coordinates, values, n_lags=12, seed=comparison.seed)
        shown = "residuals, " + label(name) if name in residuals else name
        color = 5 if name not in residuals else index - 1
        layers.append(Line(found.lags.tolist(), found.semivariances.tolist(), shown, color, name not in residuals))
        layers.append(Points(found.lags.tolist(), found.semivariances.tolist(), "", color=color))
    return xy_chart(
        f"Variogram of what is left, {target}", "lag, map units", "semivariance", layers, x_from_zero=True,
        y_from_zero=True, width=640, height=300,
    )  # fmt: skip


def _bias_table(
    comparison: Comparison,
    units: Mapping[str, str],
    target: str,
    scheme: str,
    residuals: Mapping[str, np.ndarray],
    what: str,
) -> str:
    """Mean residual of every method by class of its prediction or of the observed value; of one target."""
    observed = comparison.samples.values[:, 0]
    rows: list[Sequence[object]] = []
    if what == "prediction":
        columns: Sequence[str] = ("method", "lowest fifth", "second", "third", "fourth", "highest fifth")
        for method, residual in residuals.items():
            rank = np.argsort(np.argsort(comparison.predictions[scheme, method].estimate[:, 0], kind="stable"))
            fifth = rank * 5 // len(rank)
            rows.append((written(method), *(float(residual[fifth == i].mean()) for i in range(5))))
    else:
        names, member = _grades(comparison, target, observed)
        columns = ("method", *names)
        rows = [
            (written(method), *(float(residual[member == i].mean()) if (member == i).any() else None
                                for i in range(len(names))))
            for method, residual in residuals.items()
        ]  # fmt: skip
    caption = f"{target}, {folds_label(scheme)}: mean residual{in_unit(units, target)} by class of the {what}"
    return table(columns, rows, caption=caption)


def paired_table(comparison: Comparison, units: Mapping[str, str], target: str, scheme: str) -> str:
    """Differences of every method to the better kriging, on the same resamples."""
    reference = comparison.reference(target, scheme)
    if reference is None or len(comparison.methods) < 2:
        return ""
    rows = []
    for method in comparison.methods:
        if method == reference:
            continue
        row, scores = comparison.row(target, scheme, method), comparison.scores[target, scheme, method]
        ratio = Score(row["rmse_ratio"], row["rmse_ratio_low"], row["rmse_ratio_high"])
        others = (scores[name] for name in ("mae_ratio", "crps_ratio", "width_ratio"))
        found = (scores["rmse_difference"], ratio, *others)
        rows.append((written(method), *(with_interval(score) for score in found)))
    columns = ("method", f"RMSE difference{in_unit(units, target)}", "RMSE ratio", "MAE ratio", "CRPS ratio",
               "width ratio")  # fmt: skip
    caption = f"{target}, {folds_label(scheme)}: against {label(reference)}, the better kriging, paired, 95 % intervals"
    return table(columns, rows, caption=caption)
