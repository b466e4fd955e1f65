"""What a comparison of methods found: predictions, scores, verdicts, and its tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..samples import Samples
from .grade_classes import ClassScores
from .noise import NoiseCeiling
from .predictive import PredictiveDistribution
from .scores import Score
from .verdicts import KRIGING, Verdict

COLUMNS = (
    "target", "folds", "method", "n", "rmse", "rmse_low", "rmse_high", "mae", "r2", "bias", "ccc", "r2_log",
    "coverage90", "width90", "crps", "rmse_ratio", "rmse_ratio_low", "rmse_ratio_high", "seconds",
)  # fmt: skip
"""Columns of the table and its CSV file, one row a target, fold scheme and method."""

DETAIL_COLUMNS = ("target", "folds", "method", "score", "value", "low", "high")
"""Columns of the table of all scores, one row a score with its 95 % interval."""

IN_AREA, OUTSIDE_AREA = "coverage90_in_area", "coverage90_outside_area"
"""Names of the coverage inside and outside the area of applicability among the scores."""


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

    def of(self, target: str) -> Comparison:
        """Return what was found of one target, at the samples at which it was measured."""
        column = self.samples.targets.index(target)
        measured = self.samples.known[:, column]
        return replace(
            self,
            samples=self.samples.of(target),
            folds={scheme: fold[measured] for scheme, fold in self.folds.items()},
            predictions={key: predicted.of(measured, column) for key, predicted in self.predictions.items()},
            outside={scheme: beyond[measured] for scheme, beyond in self.outside.items()},
        )

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
        """Return every single residual: one row a sample, target measured at it, scheme and method.

        Returns
        -------
        dict of str to ndarray, shape (n_samples * n_targets * n_schemes * n_methods,) where all were measured
            ``sample`` (row number of the sample, from 0), ``target``, ``folds``, ``fold``,
            ``method``, ``observed``, ``predicted``, ``residual`` (observed - predicted), ``lower90``,
            ``upper90``.
        """
        parts: dict[str, list[np.ndarray]] = {}
        for (scheme, method), predicted in self.predictions.items():
            for column, target in enumerate(self.samples.targets):
                rows = np.flatnonzero(self.samples.known[:, column])
                n, observed = len(rows), self.samples.values[rows, column]
                for name, values in (
                    ("sample", rows),
                    ("target", np.full(n, target)),
                    ("folds", np.full(n, scheme)),
                    ("fold", self.folds[scheme][rows]),
                    ("method", np.full(n, method)),
                    ("observed", observed),
                    ("predicted", predicted.estimate[rows, column]),
                    ("residual", observed - predicted.estimate[rows, column]),
                    ("lower90", predicted.lower[rows, column]),
                    ("upper90", predicted.upper[rows, column]),
                ):
                    parts.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in parts.items()}


def _cell(value: Any) -> Any:
    """Write a cell of the CSV: seven digits, empty for NaN."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return value
