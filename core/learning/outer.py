"""Outer cross-validation of what is trained, beside kriging on the same folds, and its scores as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from ..kriging.neighborhood import Neighborhood
from ..progress import IsCancelled, Progress, never, silent
from ..samples import Samples
from ..validation.comparison import Comparison, compare_methods
from ..validation.folds import make_folds
from ..validation.methods import make_methods
from ..validation.predictive import Method, Transforms

Fitted = TypeVar("Fitted")


@dataclass(frozen=True)
class Trained(Generic[Fitted]):
    """A model fitted to all samples, cross-validated and written.

    Parameters
    ----------
    fitted : object
        What was fitted.
    comparison : Comparison or None
        Outer cross-validation beside kriging; None when it was not asked for.
    scores : dict or None
        `cross_validated_scores` of it.
    path : Path
        The model file.
    """

    fitted: Fitted
    comparison: Comparison | None
    scores: dict | None
    path: Path


def beside_kriging(
    samples: Samples,
    name: str,
    method: Method,
    transforms: Transforms,
    neighborhood: Neighborhood | None,
    schemes: tuple[str, ...],
    n_folds: int,
    seed: int,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Comparison:
    """Cross-validate a method beside ordinary kriging and, with covariates, external-drift kriging.

    Parameters
    ----------
    samples : Samples
    name : str
        Of the method, in tables.
    method : Method
    transforms, neighborhood
        Of kriging.
    schemes : tuple of str
        Outer folds (`core.validation.folds.QUESTIONS`).
    n_folds, seed : int
    progress, is_cancelled
        See `core.progress`.
    """
    kriging = ["ordinary_kriging"]
    if samples.has_covariates:
        kriging.append("external_drift_kriging")
    methods = make_methods(kriging, transforms, neighborhood)
    methods[name] = method
    return compare_methods(
        samples, methods, make_folds(samples, schemes, n_folds, seed), seed=seed, progress=progress,
        is_cancelled=is_cancelled,
    )  # fmt: skip


def cross_validated_scores(comparison: Comparison, method: str) -> dict:
    """Collect the outer scores of a method, for the contract and for reports.

    Returns
    -------
    dict
        By scheme of folds, then by target: ``rmse``, ``r2``, ``kriging_rmse`` (of the better kriging on the same
        folds), ``kriging_method``, ``rmse_ratio`` with ``rmse_ratio_low`` and ``rmse_ratio_high``, ``coverage``
        (of the 90 % interval), ``n``; all in data units.
    """
    scores: dict[str, dict[str, dict]] = {}
    for scheme in comparison.folds:
        scores[scheme] = {}
        for target in comparison.samples.targets:
            row = comparison.row(target, scheme, method)
            reference = comparison.reference(target, scheme)
            entry: dict[str, Any] = {
                key: _number(row[key]) for key in ("n", "rmse", "r2", "rmse_ratio", "rmse_ratio_low", "rmse_ratio_high")
            }
            entry["coverage"] = _number(row["coverage90"])
            entry["kriging_method"] = reference
            entry["kriging_rmse"] = (
                None if reference is None else _number(comparison.row(target, scheme, reference)["rmse"])
            )
            scores[scheme][target] = entry
    return scores


def _number(value: Any) -> float | None:
    """Return a JSON number; None where the score is not defined."""
    return float(value) if value is not None and np.isfinite(value) else None
