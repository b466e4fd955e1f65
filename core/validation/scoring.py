"""Scores of pooled out-of-fold predictions: from what every method predicted to a `Comparison`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import numpy as np

from ..provenance import data_hash, versions
from ..samples import Samples
from .bootstrap import FEWEST_CLUSTERS, ClusterBootstrap
from .conclusions import best_method, summary
from .distance_matching import mismatch, places_between, thinned
from .folds import folds_label, inseparable_groups, spatial_blocks
from .grade_classes import ClassScores, class_scores
from .noise import LEAST_DEGREES, NoiseCeiling, noise_ceilings
from .predictive import PredictiveDistribution
from .results import COLUMNS, IN_AREA, OUTSIDE_AREA, Comparison
from .scores import Score, mean_score, moments_of, paired_scores, scores_of
from .verdicts import KRIGING, Verdict, describe, describe_on_logarithms, judge, label
from .wording import is_skewed

ALARM_R2 = 0.95
"""Field duplicates cap the honest R2 of concentrations below this."""

MAX_CLUSTERS = 30
"""Spatial clusters of the bootstrap."""


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
    bootstrap = bootstrap_of(samples, seed)
    scorer = _Scorer(samples, predictions, seconds, bootstrap, dict(class_breaks or {}), outside or {})
    ceilings = noise_ceilings(samples) if ceilings is None else ceilings
    rows: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    summaries: dict[tuple[str, str], str] = {}
    messages = [*warnings, *_parted_places(groups, folds)]
    scores: dict[tuple[str, str, str], dict[str, Score]] = {}
    classes: dict[tuple[str, str, str], ClassScores] = {}
    for column, target in enumerate(samples.targets):
        for scheme in folds:
            found = scorer.at(column, scheme)
            scores.update({(target, scheme, method): own for method, own in found.scores.items()})
            classes.update({(target, scheme, method): own for method, own in found.classes.items()})
            rows.extend(found.rows.values())
            verdicts.extend(found.verdicts)
            summaries[target, scheme] = summary(target, scheme, found.rows, found.verdicts, found.reference)
            messages.extend(_alarms(target, scheme, found.rows, ceilings.get(target), samples.covariates is not None))
    wanted = places_between(samples.coordinates) if places is None else thinned(places, seed)
    best, why = best_method(samples, folds, predictions, scorer.methods, bootstrap)
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
        class_breaks=scorer.breaks,
        classes=classes,
        ceilings=dict(ceilings),
        places=wanted,
        mismatches={scheme: mismatch(samples.coordinates, fold, wanted) for scheme, fold in folds.items()},
        outside=dict(outside or {}),
    )


def bootstrap_of(samples: Samples, seed: int = 0) -> ClusterBootstrap:
    """Return the resamples of spatial clusters of samples, places and holes whole; the same seed, the same ones."""
    groups = inseparable_groups(samples.coordinates, samples.holes)
    n_clusters = int(np.clip((groups.max() + 1) // 5, FEWEST_CLUSTERS, MAX_CLUSTERS))
    return ClusterBootstrap.draw(spatial_blocks(samples.coordinates, n_clusters, seed, holes=samples.holes), seed)


def _row(target: str, scheme: str, method: str, n: int, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return a row of the table, ratio and time still missing."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row.update(target=target, folds=scheme, method=method, n=n)
    row.update({name: scores[name].value for name in COLUMNS if name in scores})
    row.update(rmse_low=scores["rmse"].low, rmse_high=scores["rmse"].high)
    return row


class _Found(NamedTuple):
    """What is found of one target on the folds of one scheme, by method."""

    rows: dict[str, dict[str, Any]]
    scores: dict[str, dict[str, Score]]
    classes: dict[str, ClassScores]
    verdicts: list[Verdict]
    reference: Optional[str]
    """The better kriging."""


@dataclass(frozen=True)
class _Scorer:
    """Scores every method on the same samples and resamples."""

    samples: Samples
    predictions: Mapping[tuple[str, str], PredictiveDistribution]
    seconds: Mapping[tuple[str, str], float]
    bootstrap: ClusterBootstrap
    breaks: dict[str, tuple[float, ...]]
    outside: Mapping[str, np.ndarray]

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order given."""
        return tuple(dict.fromkeys(method for _, method in self.predictions))

    def at(self, column: int, scheme: str) -> _Found:
        """Score one target on the folds of one scheme."""
        target, measured = self.samples.targets[column], self.samples.known[:, column]
        observed, bootstrap = self.samples.values[measured, column], self.bootstrap.only(measured)
        predicted = {method: self.predictions[scheme, method].of(measured, column) for method in self.methods}
        outside = self.outside[scheme][measured] if scheme in self.outside else None
        scores = {method: _scores(observed, own, outside, bootstrap) for method, own in predicted.items()}
        rows = {}
        for method, own in scores.items():
            rows[method] = _row(target, scheme, method, len(observed), own)
            rows[method]["seconds"] = self.seconds[scheme, method] / len(self.samples.targets)
        classes = {}
        if target in self.breaks:
            classes = {
                method: class_scores(observed, own.estimate[:, 0], self.breaks[target], bootstrap)
                for method, own in predicted.items()
            }
        reference = min((m for m in KRIGING if m in rows), key=lambda m: rows[m]["rmse"], default=None)
        if reference is None:
            return _Found(rows, scores, classes, [], None)
        moments = {method: moments_of(observed, own, 0) for method, own in predicted.items()}
        for method, own in scores.items():
            own.update(paired_scores(moments[method], moments[reference], bootstrap))
        judged = _against(target, scheme, observed, predicted, rows, reference, bootstrap)
        return _Found(rows, scores, classes, judged, reference)


def _scores(
    observed: np.ndarray, predicted: PredictiveDistribution, outside: Optional[np.ndarray], bootstrap: ClusterBootstrap
) -> dict[str, Score]:
    """Return the scores of one method, with the coverage inside and outside of the area of applicability."""
    found = scores_of(observed, predicted, 0, bootstrap)
    if outside is not None:
        inside = (observed >= predicted.lower[:, 0]) & (observed <= predicted.upper[:, 0])
        for name, members in ((IN_AREA, ~outside), (OUTSIDE_AREA, outside)):
            found[name] = mean_score(inside.astype(float), bootstrap, members)
    return found


def _against(
    target: str,
    scheme: str,
    values: np.ndarray,
    predicted: Mapping[str, PredictiveDistribution],
    rows: dict[str, dict[str, Any]],
    reference: str,
    bootstrap: ClusterBootstrap,
) -> list[Verdict]:
    """Fill the ratios to the better kriging into the rows of one target and judge them."""
    errors = {method: values - predicted[method].estimate[:, 0] for method in rows}
    medians = {method: predicted[method].median[:, 0] for method in rows}
    logarithms = {}
    if is_skewed(values) and all((medians[m] > 0).all() for m in KRIGING if m in rows):
        observed = np.log(values)
        logarithms = {method: observed - np.log(own) for method, own in medians.items() if (own > 0).all()}
    found = []
    for method, row in rows.items():
        ratio, low, high = 1.0, 1.0, 1.0
        if method != reference:
            ratio = row["rmse"] / rows[reference]["rmse"]
            low, high = bootstrap.ratio_interval(errors[method], errors[reference])
            outcome = judge(ratio, low, high)
            text = describe(label(method), label(reference), ratio, low, high)
            if method in logarithms and method not in KRIGING:
                text = "; ".join(filter(None, [text, _on_logarithms(logarithms, method, ratio, bootstrap)]))
            found.append(Verdict(target, scheme, method, reference, ratio, low, high, outcome, text))
        row["rmse_ratio"], row["rmse_ratio_low"], row["rmse_ratio_high"] = ratio, low, high
    return found


def _on_logarithms(
    logarithms: Mapping[str, np.ndarray], method: str, ratio: float, bootstrap: ClusterBootstrap
) -> str:
    """Say how a method does on logarithms against the kriging that is better there."""
    sizes = {m: float(np.sqrt(np.mean(logarithms[m] ** 2))) for m in (method, *KRIGING) if m in logarithms}
    rival = min((m for m in KRIGING if m in sizes), key=sizes.__getitem__)
    ends = bootstrap.ratio_interval(logarithms[method], logarithms[rival])
    return describe_on_logarithms(label(rival), ratio, sizes[method] / sizes[rival], *ends)


def _alarms(
    target: str,
    scheme: str,
    by_method: Mapping[str, dict[str, Any]],
    ceiling: Optional[NoiseCeiling],
    with_covariates: bool,
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
            covariates = "no covariate was computed from the target, and that " if with_covariates else ""
            found.append(
                f"{where} is higher than field duplicates usually allow. Unless this is a smooth surface, check that "
                f"{covariates}near-duplicates do not part."
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
