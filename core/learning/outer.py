"""The frame of every training: outer cross-validation beside kriging, the fit to all samples, the model file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Generic, Protocol, TypeVar

import numpy as np

from ..kriging.neighborhood import Neighborhood
from ..prediction.contract import with_contract
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Samples
from ..validation.ablation import ABLATION_KEY, Ablations, ablate, ablations_to_dict
from ..validation.applicability import APPLICABILITY_KEY, fit_applicability
from ..validation.comparison import compare_methods
from ..validation.folds import make_folds
from ..validation.methods import make_methods
from ..validation.predictive import Method, Transforms
from ..validation.results import Comparison
from ..whole_files import written_whole


class KrigingSettings(Protocol):
    """What the settings of every training say of kriging."""

    @property
    def transforms(self) -> Transforms:
        """Scale of kriging."""

    @property
    def neighborhood(self) -> Neighborhood | None:
        """None: as kriging chooses."""

    @property
    def seed(self) -> int:
        """Of folds."""


class FittedModel(Protocol):
    """What every training fits."""

    @property
    def model(self) -> Any:
        """What predicts, with its ``samples``."""

    def contract(self, scores: Mapping[str, Any] | None = None) -> dict:
        """Return the JSON object that travels in the model file."""


_RUN = 3.75
"""Time of a cross-validation over that of the last fit, for the progress bar."""

Fitted = TypeVar("Fitted", bound=FittedModel)


@dataclass(frozen=True)
class Training(Generic[Fitted]):
    """How a kind of model is made.

    Parameters
    ----------
    name : str
        In tables.
    method : Method
        What is compared with kriging on outer folds.
    fit : callable
        From a progress to what is fitted to all samples.
    graph : callable
        From what was fitted to the ONNX file without its contract.
    """

    name: str
    method: Method
    fit: Callable[[Progress], Fitted]
    graph: Callable[[Fitted], bytes]


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
    ablations : dict
        `core.validation.ablation.ablate` of the outer cross-validation; empty when it was not asked for.
    """

    fitted: Fitted
    comparison: Comparison | None
    scores: dict | None
    path: Path
    ablations: Ablations = field(default_factory=dict)


def train_and_write(
    samples: Samples,
    settings: KrigingSettings,
    training: Training[Fitted],
    path: str | Path,
    *,
    schemes: tuple[str, ...] = ("random", "blocks"),
    n_folds: int = 5,
    groups: Mapping[str, Sequence[str]] | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Trained[Fitted]:
    """Cross-validate beside kriging, fit to all samples, and write the model file.

    Parameters
    ----------
    samples : Samples
    settings : KrigingSettings
    training : Training
    path : str or Path
        Of the .onnx file; it appears only when everything succeeded.
    schemes : tuple of str
        Outer folds (`core.validation.folds.QUESTIONS`); empty skips the cross-validation.
    n_folds : int
        Outer folds of a scheme.
    groups : mapping of str to sequence of str, or None
        Groups of covariates (`core.validation.ablation.groups_to_leave_out`) without which to cross-validate again.
    progress, is_cancelled
        See `core.progress`.

    Raises
    ------
    InputError
        As `compare_methods`, and what the training raises.
    OSError
        When the file cannot be written.
    Cancelled
        When the user asked to stop; no file is written.
    """
    comparison, scores, first = None, None, 0.0
    ablations: Ablations = {}
    if schemes:
        runs = 1 + len(groups or {})
        first = 0.95 * _RUN * runs / (_RUN * runs + 1.0)
        last = first / runs
        where = part(progress, 0.0, last)
        comparison = _beside_kriging(samples, settings, training, schemes, n_folds, where, is_cancelled)
        scores = cross_validated_scores(comparison, training.name)
        if groups:
            where = part(progress, last, first)
            ablations = ablate(comparison, samples, training.name, training.method, groups, where, is_cancelled)
    fitted = training.fit(part(progress, first, 0.95))
    progress(0.95, "Writing the model file")
    # The contract first: a value that is no JSON should fail before a slow conversion.
    area = fit_applicability(fitted.model.samples)
    contract = {**fitted.contract(scores), APPLICABILITY_KEY: area.to_dict()}
    if ablations:
        contract[ABLATION_KEY] = ablations_to_dict(ablations)
    text = json.dumps(contract, ensure_ascii=False, allow_nan=False)
    stop_if(is_cancelled)
    content = with_contract(training.graph(fitted), text)
    with written_whole(Path(path)) as unfinished:
        unfinished.write_bytes(content)
    progress(1.0, "Done")
    return Trained(fitted, comparison, scores, Path(path), ablations)


def _beside_kriging(
    samples: Samples,
    settings: KrigingSettings,
    training: Training,
    schemes: tuple[str, ...],
    n_folds: int,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> Comparison:
    """Cross-validate a method beside ordinary kriging and, with covariates, external-drift kriging."""
    kriging = ["ordinary_kriging"]
    if samples.has_covariates:
        kriging.append("external_drift_kriging")
    methods = make_methods(kriging, settings.transforms, settings.neighborhood)
    methods[training.name] = training.method
    folds = make_folds(samples, schemes, n_folds, settings.seed)
    return compare_methods(samples, methods, folds, seed=settings.seed, progress=progress, is_cancelled=is_cancelled)


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
