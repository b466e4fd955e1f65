"""Methods side by side on the same folds, with everything refitted inside each training fold."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..errors import Cancelled, InputError
from ..features.applicability import Applicability
from ..features.gradients import completed
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..provenance import data_hash, versions
from ..samples import Samples, disguised_targets, require_samples, require_variation
from .applicability import fit_applicability
from .distance_matching import mismatch, places_between, thinned
from .folds import QUESTIONS, folds_label, inseparable_groups, spatial_blocks
from .grade_classes import ClassScores, class_scores
from .gradients import with_own_covariates
from .metrics import ClusterBootstrap
from .noise import LEAST_DEGREES, NoiseCeiling, noise_ceilings
from .predictive import LEVELS, Method, PredictiveDistribution
from .scores import Score, mean_score, moments_of, paired_scores, scores_of
from .verdicts import KRIGING, Verdict, describe, judge, label, simplicity

COLUMNS = (
    "target", "folds", "method", "n", "rmse", "rmse_low", "rmse_high", "mae", "r2", "bias", "ccc", "r2_log",
    "coverage90", "width90", "crps", "rmse_ratio", "rmse_ratio_low", "rmse_ratio_high", "seconds",
)  # fmt: skip
"""Columns of the table and its CSV file, one row a target, fold scheme and method."""

ALARM_R2 = 0.95
"""Field duplicates cap the honest R2 of concentrations below this."""

DETAIL_COLUMNS = ("target", "folds", "method", "score", "value", "low", "high")
"""Columns of the table of all scores, one row a score with its 95 % interval."""

IN_AREA, OUTSIDE_AREA = "coverage90_in_area", "coverage90_outside_area"
"""Names of the coverage inside and outside the area of applicability among the scores."""

MAX_CLUSTERS = 30


@dataclass(frozen=True)
class Comparison:
    """Pooled out-of-fold predictions of every method, scored.

    Parameters
    ----------
    samples : Samples
    folds : dict of str to ndarray of int, shape (n_samples,)
        By scheme.
    predictions : dict of (str, str) to PredictiveDistribution
        By scheme and method: every sample as predicted without its fold.
    seconds : dict of (str, str) to float
        Time of fitting and predicting, all folds and targets.
    rows : tuple of dict
        The table; keys are `COLUMNS`, NaN where a score is not defined.
    verdicts : tuple of Verdict
        One a target, scheme and method other than the better kriging there.
    summaries : dict of (str, str) to str
        By target and scheme: a few plain sentences.
    best_method : str
        The simplest method that no other beats by more than noise: on no target and scheme, and not
        over all together, by a rival that is itself nowhere beaten by it.
    best_text : str
        Why.
    warnings : tuple of str
    seed : int
        Of the methods and the bootstrap.
    n_clusters : int
        Spatial clusters of the bootstrap.
    versions : dict of str to str
    data_hash : str
        SHA-256 of coordinates, values and covariates.
    scores : dict of (str, str, str) to dict of str to Score
        By target, scheme and method: every score of `core.validation.scores`, with its 95 % interval, and
        where the area of applicability is known the coverage inside and outside it.
    class_breaks : dict of str to tuple of float
        By target; only targets with classes.
    classes : dict of (str, str, str) to ClassScores
        By target, scheme and method.
    ceilings : dict of str to NoiseCeiling
        By target; only where duplicates are known.
    places : ndarray, shape (n_places, 2), or None
        What is to be predicted, as `mismatches` means it.
    mismatches : dict of str to float
        By scheme: Wasserstein's distance between held-out and prediction distances, map units.
    outside : dict of str to ndarray of bool, shape (n_samples,)
        By scheme: samples outside the area of applicability of the other folds; empty where unknown.
    """

    samples: Samples
    folds: Mapping[str, np.ndarray]
    predictions: Mapping[tuple[str, str], PredictiveDistribution]
    seconds: Mapping[tuple[str, str], float]
    rows: tuple[dict[str, Any], ...]
    verdicts: tuple[Verdict, ...]
    summaries: Mapping[tuple[str, str], str]
    best_method: str
    best_text: str
    warnings: tuple[str, ...]
    seed: int
    n_clusters: int
    versions: Mapping[str, str] = field(default_factory=dict)
    data_hash: str = ""
    scores: Mapping[tuple[str, str, str], Mapping[str, Score]] = field(default_factory=dict)
    class_breaks: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    classes: Mapping[tuple[str, str, str], ClassScores] = field(default_factory=dict)
    ceilings: Mapping[str, NoiseCeiling] = field(default_factory=dict)
    places: Optional[np.ndarray] = None
    mismatches: Mapping[str, float] = field(default_factory=dict)
    outside: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order given."""
        return tuple(dict.fromkeys(method for _, method in self.predictions))

    def row(self, target: str, folds: str, method: str) -> dict[str, Any]:
        """Return one row of the table.

        Raises
        ------
        KeyError
            When there is none.
        """
        for row in self.rows:
            if (row["target"], row["folds"], row["method"]) == (target, folds, method):
                return row
        raise KeyError((target, folds, method))

    def reference(self, target: str, folds: str) -> Optional[str]:
        """Return the better kriging of a target and scheme; None when no kriging was compared."""
        rows = [self.row(target, folds, method) for method in KRIGING if method in self.methods]
        return min(rows, key=lambda row: row["rmse"])["method"] if rows else None

    def write_csv(self, path: str | Path) -> None:
        """Write the table (UTF-8, commas, empty where a score is not defined)."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in self.rows:
                writer.writerow([_cell(row[column]) for column in COLUMNS])

    def write_details(self, path: str | Path) -> None:
        """Write every score with its 95 % interval, one row each (UTF-8, commas, empty where not defined).

        Besides `scores`: of classes ``accuracy``, ``balanced_accuracy``, ``majority_accuracy``,
        ``accuracy_gain`` and ``recall: class``, and the counts of the confusion matrix as
        ``confusion: observed > predicted``; of folds ``distance_mismatch``; of targets ``r2_ceiling``.
        """
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(DETAIL_COLUMNS)
            for row in self._details():
                writer.writerow([_cell(value) for value in row])

    def _details(self) -> Iterator[tuple[Any, ...]]:
        """Return the rows of `write_details`."""
        for key, scores in self.scores.items():
            yield from ((*key, name, *score) for name, score in scores.items())
            found = self.classes.get(key)
            if found is not None:
                yield (*key, "accuracy", *found.accuracy)
                yield (*key, "balanced_accuracy", *found.balanced_accuracy)
                yield (*key, "majority_accuracy", *found.majority)
                yield (*key, "accuracy_gain", *found.gain)
                yield from ((*key, f"recall: {name}", *score) for name, score in zip(found.names, found.recall))
                for true, counts in zip(found.names, found.confusion.tolist()):
                    yield from (
                        (*key, f"confusion: {true} > {mapped}", count, math.nan, math.nan)
                        for mapped, count in zip(found.names, counts)
                    )
        for scheme, value in self.mismatches.items():
            yield "", scheme, "", "distance_mismatch", value, math.nan, math.nan
        for target, ceiling in self.ceilings.items():
            yield target, "", "", "r2_ceiling", ceiling.r2, ceiling.low, ceiling.high

    def residual_columns(self) -> dict[str, np.ndarray]:
        """Return every single residual: one row a sample, target, scheme and method.

        Returns
        -------
        dict of str to ndarray, shape (n_samples * n_targets * n_schemes * n_methods,)
            ``sample`` (row number of the sample, from 0), ``target``, ``folds``, ``fold``,
            ``method``, ``observed``, ``predicted``, ``residual`` (observed - predicted), ``lower90``,
            ``upper90``.
        """
        parts: dict[str, list[np.ndarray]] = {}
        n = len(self.samples)
        for (scheme, method), predicted in self.predictions.items():
            for column, target in enumerate(self.samples.targets):
                observed = self.samples.values[:, column]
                for name, values in (
                    ("sample", np.arange(n)),
                    ("target", np.full(n, target)),
                    ("folds", np.full(n, scheme)),
                    ("fold", self.folds[scheme]),
                    ("method", np.full(n, method)),
                    ("observed", observed),
                    ("predicted", predicted.estimate[:, column]),
                    ("residual", observed - predicted.estimate[:, column]),
                    ("lower90", predicted.lower[:, column]),
                    ("upper90", predicted.upper[:, column]),
                ):
                    parts.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in parts.items()}


def compare_methods(
    samples: Samples,
    methods: Mapping[str, Method],
    folds: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
    class_breaks: Optional[Mapping[str, tuple[float, ...]]] = None,
    places: Optional[np.ndarray] = None,
    ceilings: Optional[Mapping[str, NoiseCeiling]] = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Comparison:
    """Cross-validate methods on the same folds.

    In each fold a method sees the training samples, and then coordinates and covariates of the
    held-out ones: never their values.

    Parameters
    ----------
    samples : Samples
        At least 10 at separate places.
    methods : dict of str to Method
        By the names used in tables.
    folds : dict of str to ndarray of int, shape (n_samples,)
        Schemes by name (`core.validation.folds.make_folds`); any labels, two folds or more.
    seed : int
        Passed to every method, and used for the bootstrap.
    class_breaks : dict of str to tuple of float, or None
        Ends of grade classes by target.
    places : ndarray, shape (n_places, 2 or more), or None
        What is to be predicted; None: the area of the samples.
    ceilings : dict of str to NoiseCeiling, or None
        From duplicates that were averaged before; None looks for duplicates among the samples.
    progress, is_cancelled
        See `core.progress`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        When samples or folds cannot be used, or a method refuses its training samples or leaves
        a sample without a prediction; method and fold are named.
    RuntimeError
        When a method fails for another reason; method and fold are named.
    Cancelled
        When the user asked to stop.
    """
    warnings = _check(samples, methods, folds)
    labels = {scheme: np.unique(fold) for scheme, fold in folds.items()}
    n_steps = len(methods) * sum(len(values) for values in labels.values())
    predictions: dict[tuple[str, str], PredictiveDistribution] = {}
    seconds: dict[tuple[str, str], float] = {}
    outside: dict[str, np.ndarray] = {}
    step = 0
    for scheme, fold in folds.items():
        collected: dict[str, list[tuple[np.ndarray, PredictiveDistribution]]] = {name: [] for name in methods}
        for position, number in enumerate(labels[scheme]):
            test = fold == number
            training, held_out = with_own_covariates(samples.rows(~test), seed), samples.rows(test)
            described = completed(training, held_out.coordinates, held_out.covariates)
            held_out = replace(held_out, covariates=described, fields=None)
            beyond = _outside(training, held_out)
            if beyond is not None:
                outside.setdefault(scheme, np.zeros(len(samples), dtype=bool))[test] = beyond
            for name, method in methods.items():
                stop_if(is_cancelled)
                where = f"fold {position + 1} of {len(labels[scheme])} ({folds_label(scheme)})"
                progress(step / n_steps, f"{label(name)}, {where}")
                started = time.perf_counter()
                inside = part(progress, step / n_steps, (step + 1) / n_steps)
                predicted = _predict_fold(
                    method, training, held_out, seed, f"{label(name)}, {where}", inside, is_cancelled
                )
                seconds[scheme, name] = seconds.get((scheme, name), 0.0) + time.perf_counter() - started
                collected[name].append((test, predicted))
                warnings.extend(f"{where[0].upper()}{where[1:]}: {note}" for note in predicted.notes)
                step += 1
        predictions.update({(scheme, name): _pooled(parts, samples) for name, parts in collected.items()})
    progress(1.0, "Scoring")
    return score(
        samples, folds, predictions, seconds, seed=seed, warnings=warnings, class_breaks=class_breaks, places=places,
        ceilings=ceilings, outside=outside,
    )  # fmt: skip


def score(
    samples: Samples,
    folds: Mapping[str, np.ndarray],
    predictions: Mapping[tuple[str, str], PredictiveDistribution],
    seconds: Mapping[tuple[str, str], float],
    *,
    seed: int = 0,
    warnings: Sequence[str] = (),
    class_breaks: Optional[Mapping[str, tuple[float, ...]]] = None,
    places: Optional[np.ndarray] = None,
    ceilings: Optional[Mapping[str, NoiseCeiling]] = None,
    outside: Optional[Mapping[str, np.ndarray]] = None,
) -> Comparison:
    """Score pooled out-of-fold predictions.

    Parameters
    ----------
    samples, folds, predictions, seconds, seed, warnings, class_breaks, places, ceilings, outside
        See `Comparison` and `compare_methods`.

    Returns
    -------
    Comparison
    """
    groups = inseparable_groups(samples.coordinates, samples.holes)
    n_clusters = int(np.clip((groups.max() + 1) // 5, 5, MAX_CLUSTERS))
    clusters = spatial_blocks(samples.coordinates, n_clusters, seed, holes=samples.holes)
    bootstrap = ClusterBootstrap.draw(clusters, seed)
    rows: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    summaries: dict[tuple[str, str], str] = {}
    messages = [*warnings, *_parted_places(groups, folds)]
    methods = tuple(dict.fromkeys(method for _, method in predictions))
    ceilings = noise_ceilings(samples) if ceilings is None else ceilings
    breaks = dict(class_breaks or {})
    scores: dict[tuple[str, str, str], dict[str, Score]] = {}
    classes: dict[tuple[str, str, str], ClassScores] = {}
    for column, target in enumerate(samples.targets):
        observed = samples.values[:, column]
        for scheme in folds:
            by_method = {}
            for method in methods:
                predicted = predictions[scheme, method]
                found_scores = scores_of(observed, predicted, column, bootstrap)
                if outside and scheme in outside:
                    inside = (observed >= predicted.lower[:, column]) & (observed <= predicted.upper[:, column])
                    for name, members in ((IN_AREA, ~outside[scheme]), (OUTSIDE_AREA, outside[scheme])):
                        found_scores[name] = mean_score(inside.astype(float), bootstrap, members)
                scores[target, scheme, method] = found_scores
                by_method[method] = _row(target, scheme, method, len(samples), found_scores)
                by_method[method]["seconds"] = seconds[scheme, method] / len(samples.targets)
                if target in breaks:
                    classes[target, scheme, method] = class_scores(
                        observed, predicted.estimate[:, column], breaks[target], bootstrap
                    )
            reference = min((m for m in KRIGING if m in methods), key=lambda m: by_method[m]["rmse"], default=None)
            if reference is not None:
                moments = {m: moments_of(observed, predictions[scheme, m], column) for m in methods}
                for method in methods:
                    scores[target, scheme, method].update(
                        paired_scores(moments[method], moments[reference], bootstrap)
                    )
            found = _against_reference(samples, column, scheme, predictions, by_method, bootstrap, reference)
            rows.extend(by_method.values())
            verdicts.extend(found)
            summaries[target, scheme] = _summary(target, scheme, by_method, found, reference)
            messages.extend(_alarms(target, scheme, by_method, ceilings.get(target)))
    wanted = places_between(samples.coordinates) if places is None else thinned(places, seed)
    best, why = _best_method(samples, folds, predictions, methods, bootstrap)
    return Comparison(
        samples=samples,
        folds=dict(folds),
        predictions=dict(predictions),
        seconds=dict(seconds),
        rows=tuple(rows),
        verdicts=tuple(verdicts),
        summaries=summaries,
        best_method=best,
        best_text=why,
        warnings=tuple(dict.fromkeys(messages)),
        seed=seed,
        n_clusters=bootstrap.n_clusters,
        versions=versions(),
        data_hash=data_hash(
            samples.coordinates, samples.values, *([samples.covariates.values] if samples.covariates else [])
        ),
        scores=scores,
        class_breaks=breaks,
        classes=classes,
        ceilings=dict(ceilings),
        places=wanted,
        mismatches={scheme: mismatch(samples.coordinates, fold, wanted) for scheme, fold in folds.items()},
        outside=dict(outside or {}),
    )


def _check(samples: Samples, methods: Mapping[str, Method], folds: Mapping[str, np.ndarray]) -> list[str]:
    """Refuse what cannot be compared, and return what is suspicious."""
    if not methods or not folds:
        raise InputError(f"Expected at least one method and one fold scheme, got {len(methods)} and {len(folds)}.")
    require_samples(samples, 10, "A comparison of methods")
    places = int(inseparable_groups(samples.coordinates, samples.holes).max()) + 1
    if places < 10:
        raise InputError(
            f"A comparison of methods needs samples from at least 10 separate places or holes, got {places} "
            f"({len(samples)} samples). Add samples."
        )
    for column, target in enumerate(samples.targets):
        require_variation(samples.values[:, column], target)
    for scheme, fold in folds.items():
        if np.shape(fold) != (len(samples),):
            raise InputError(
                f"Expected a fold for each of {len(samples)} samples in the {folds_label(scheme)}, "
                f"got shape {np.shape(fold)}."
            )
        if len(np.unique(fold)) < 2:
            raise InputError(f"Expected at least 2 folds in the {folds_label(scheme)}, got {len(np.unique(fold))}.")
    return disguised_targets(samples)


def _outside(training: Samples, held_out: Samples) -> Optional[np.ndarray]:
    """Say which held-out samples lie outside the area of applicability; None where the training has none."""
    try:
        area: Applicability = fit_applicability(training)
    except InputError:  # samples that are all alike in place and covariates have no such area
        return None
    return ~area.is_inside(area.dissimilarity(held_out.coordinates, held_out.covariates))


def _predict_fold(
    method: Method,
    training: Samples,
    held_out: Samples,
    seed: int,
    where: str,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> PredictiveDistribution:
    """Fit and predict one fold; errors name the method and the fold."""

    def inside(fraction: float, message: str = "") -> None:
        progress(fraction, "")  # the fold's own message stays

    try:
        predicted = method(training, seed, inside, is_cancelled)(held_out.coordinates, held_out.covariates)
    except Cancelled:
        raise
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"{where}: {type(error).__name__}: {error}") from error
    if predicted.estimate.shape != held_out.values.shape:
        raise RuntimeError(
            f"{where}: expected predictions of shape {held_out.values.shape}, got {predicted.estimate.shape}."
        )
    known = np.isfinite(predicted.estimate) & np.isfinite(predicted.quantiles).all(axis=-1)
    if not known.all():
        raise InputError(
            f"{where}: {int((~known.all(axis=1)).sum())} of {len(held_out)} held-out samples got no prediction. "
            "Widen the search neighbourhood, use fewer folds, or leave the method out."
        )
    return predicted


def _pooled(parts: Sequence[tuple[np.ndarray, PredictiveDistribution]], samples: Samples) -> PredictiveDistribution:
    """Put the predictions of all folds in the order of the samples."""
    estimate = np.full_like(samples.values, np.nan)
    quantiles = np.full((*samples.values.shape, len(LEVELS)), np.nan)
    own: Optional[np.ndarray] = np.full((*samples.values.shape, 2), np.nan)
    for test, predicted in parts:
        estimate[test], quantiles[test] = predicted.estimate, predicted.quantiles
        if predicted.own_interval is None:
            own = None
        elif own is not None:
            own[test] = predicted.own_interval
    return PredictiveDistribution(estimate, quantiles, own_interval=own)


def _row(target: str, scheme: str, method: str, n: int, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return a row of the table, ratio and time still missing."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row.update(target=target, folds=scheme, method=method, n=n)
    row.update({name: scores[name].value for name in COLUMNS if name in scores})
    row.update(rmse_low=scores["rmse"].low, rmse_high=scores["rmse"].high)
    return row


def _against_reference(
    samples: Samples,
    column: int,
    scheme: str,
    predictions: Mapping[tuple[str, str], PredictiveDistribution],
    by_method: dict[str, dict[str, Any]],
    bootstrap: ClusterBootstrap,
    reference: Optional[str],
) -> list[Verdict]:
    """Fill the ratios to the better kriging into the rows and judge them."""
    if reference is None:
        return []
    errors = {
        method: samples.values[:, column] - predictions[scheme, method].estimate[:, column] for method in by_method
    }
    found = []
    for method, row in by_method.items():
        ratio, low, high = 1.0, 1.0, 1.0
        if method != reference:
            ratio = row["rmse"] / by_method[reference]["rmse"]
            low, high = bootstrap.ratio_interval(errors[method], errors[reference])
            outcome = judge(ratio, low, high)
            text = describe(label(method), label(reference), ratio, low, high)
            found.append(Verdict(samples.targets[column], scheme, method, reference, ratio, low, high, outcome, text))
        row["rmse_ratio"], row["rmse_ratio_low"], row["rmse_ratio_high"] = ratio, low, high
    return found


def _summary(
    target: str,
    scheme: str,
    by_method: Mapping[str, dict[str, Any]],
    verdicts: Sequence[Verdict],
    reference: Optional[str],
) -> str:
    """Say in plain words how the methods did on one target and scheme."""
    question = QUESTIONS.get(scheme)
    opening = f"{target}, {question} ({folds_label(scheme)})" if question else f"{target}, {folds_label(scheme)}"
    best = min(by_method, key=lambda method: by_method[method]["rmse"])
    if by_method[best]["r2"] < 0.05:
        return (
            f"{opening}: no method predicts better than the overall mean (best R2 {by_method[best]['r2']:.2f}, "
            f"{label(best)}). A map of {target} would show little but noise."
        )
    if reference is None:
        sentence = f"{label(best)} has the lowest RMSE; no kriging was compared"
    else:
        learned = [v for v in verdicts if v.method not in ("mean", "inverse_distance", *KRIGING)]
        kriging = [v for v in verdicts if v.method in KRIGING]
        lead = min(learned or kriging or verdicts, key=lambda v: v.ratio, default=None)
        sentence = lead.text if lead else f"only {label(reference)} was compared"
        best = lead.method if lead and lead.outcome == "better" else reference
        ahead = [v.text for v in verdicts if v is not lead and v.method not in KRIGING and v.outcome == "better"]
        sentence = "; ".join([sentence, *ahead])
    row = by_method[best]
    return (
        f"{opening}: {sentence}. {label(best)[0].upper()}{label(best)[1:]} explains {100 * max(row['r2'], 0):.0f} % of "
        f"the variance (R2 {row['r2']:.2f}); its 90 % intervals hold {100 * row['coverage90']:.0f} % of the samples."
    )


def _alarms(
    target: str, scheme: str, by_method: Mapping[str, dict[str, Any]], ceiling: Optional[NoiseCeiling]
) -> list[str]:
    """Warn of scores too good for field data, or better than duplicates of these samples allow."""
    found = []
    for method, row in by_method.items():
        where = f"{target}, {folds_label(scheme)}: R2 {row['r2']:.3f} of {label(method)}"
        if ceiling is not None and ceiling.n_degrees >= LEAST_DEGREES and row["r2"] > ceiling.r2:
            found.append(
                f"{where} is above the ceiling of {ceiling.r2:.3f} that duplicate samples set ({ceiling.n_degrees} "
                f"repeats; 95 % interval {ceiling.low:.3f} to {ceiling.high:.3f}). Held-out values must have been "
                "known: check covariates and near-duplicates."
            )
        elif row["r2"] > ALARM_R2:
            found.append(
                f"{where} is higher than field duplicates usually allow. Check that no covariate was computed from the "
                "target, and that near-duplicates do not part."
            )
    return found


def _parted_places(groups: np.ndarray, folds: Mapping[str, np.ndarray]) -> list[str]:
    """Warn of samples that share a place or hole but not a fold."""
    found = []
    for scheme, fold in folds.items():
        pairs = np.unique(np.column_stack([groups, np.unique(fold, return_inverse=True)[1].reshape(-1)]), axis=0)
        parted = int((np.bincount(pairs[:, 0]) > 1).sum())
        if parted:
            found.append(
                f"{folds_label(scheme)}: samples of one place or hole lie in different folds ({parted} such places), "
                "so that held-out values are partly known and scores are too good."
            )
    return found


def _best_method(
    samples: Samples,
    folds: Mapping[str, np.ndarray],
    predictions: Mapping[tuple[str, str], PredictiveDistribution],
    methods: Sequence[str],
    bootstrap: ClusterBootstrap,
) -> tuple[str, str]:
    """Return the simplest method that no other beats by more than noise, and why."""
    cells = [(column, scheme) for column in range(len(samples.targets)) for scheme in folds]
    errors = {
        method: [
            samples.values[:, column] - predictions[scheme, method].estimate[:, column] for column, scheme in cells
        ]
        for method in methods
    }
    names = [f"{samples.targets[column]}, {folds_label(scheme)}" for column, scheme in cells]

    def compared(one: str, other: str, which: Sequence[int]) -> tuple[float, float, float]:
        above, below = [errors[one][i] for i in which], [errors[other][i] for i in which]
        logs = [np.log(np.mean(a**2) / np.mean(b**2)) for a, b in zip(above, below)]
        return math.exp(0.5 * float(np.mean(logs))), *bootstrap.geometric_ratio_interval(above, below)

    def beats(rival: str, candidate: str) -> str:
        """Say where the rival beats the candidate; "" where nowhere, or where it is beaten elsewhere itself."""
        found = ""
        together = range(len(cells))
        for which, where in [*(([i], names[i]) for i in together), (together, "everything taken together")]:
            ratio = compared(rival, candidate, which)
            outcome = judge(*ratio)
            if outcome == "worse":
                return ""
            if outcome == "better":
                found = describe(label(rival), label(candidate), *ratio) + (f", {where}" if len(cells) > 1 else "")
        return found

    rejected: list[tuple[str, str]] = []
    for candidate in sorted(methods, key=simplicity):
        reasons = [beats(other, candidate) for other in sorted(methods, key=simplicity) if other != candidate]
        if any(reasons):
            rejected.append((candidate, next(filter(None, reversed(reasons)))))
            continue
        why = f"Use {label(candidate)}: the simplest of the methods compared that no other beats by more than noise."
        if rejected:
            simpler, beaten_by_another = rejected[-1]
            reason = beats(candidate, simpler) or beaten_by_another
            why = f"{why} {reason[0].upper()}{reason[1:]}."
        return candidate, why
    lowest = min(methods, key=lambda m: compared(m, methods[0], range(len(cells)))[0])
    return lowest, (
        f"No method is unbeaten on every target and kind of fold; over all of them {label(lowest)} has the lowest RMSE."
    )


def _cell(value: Any) -> Any:
    """Write a cell of the CSV: seven digits, empty for NaN."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return value
