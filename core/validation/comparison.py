"""Methods side by side on the same folds, with everything refitted inside each training fold."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Optional

import numpy as np

from ..errors import Cancelled, InputError
from ..features.applicability import Applicability
from ..features.gradients import completed
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Samples, disguised_targets, require_samples, require_variation
from .applicability import fit_applicability
from .bootstrap import FEWEST_CLUSTERS
from .folds import folds_label, inseparable_groups
from .gradients import with_own_covariates
from .noise import NoiseCeiling
from .predictive import LEVELS, Method, PredictiveDistribution
from .results import Comparison
from .scoring import bootstrap_of, score
from .verdicts import label


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
    warnings = _check(samples, methods, folds, seed)
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


def _check(
    samples: Samples, methods: Mapping[str, Method], folds: Mapping[str, np.ndarray], seed: int
) -> list[str]:
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
        require_samples(samples.of(target), 10, f"A comparison of methods for {target}")
    if samples.has_gaps:
        bootstrap = bootstrap_of(samples, seed)
        for target, known in zip(samples.targets, samples.known.T):
            n_parts = bootstrap.only(known).n_occupied
            if n_parts < FEWEST_CLUSTERS:
                raise InputError(
                    f"{target} was measured in {n_parts} of the {bootstrap.n_clusters} parts of the area that scores "
                    f"are told apart by, expected {FEWEST_CLUSTERS} or more. Compare it apart from the other targets."
                )
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
    except (Cancelled, MemoryError):
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
