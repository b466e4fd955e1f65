"""Ablation: what a method loses without a group of its covariates, with everything fitted anew on the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional

import numpy as np

from ..errors import InputError
from ..features.covariate_groups import group_by_covariate, resolved_groups
from ..features.gradients import gradient_name, gradient_names
from ..progress import IsCancelled, Progress, never, silent
from ..samples import Covariates, Samples
from .comparison import compare_methods
from .predictive import Method, PredictiveDistribution, Predictor
from .results import Comparison
from .scoring import bootstrap_of
from .verdicts import label

NEGLIGIBLE = 0.01
"""A relative difference of RMSE below this matters to nobody, however sure it is."""


@dataclass(frozen=True)
class Ablation:
    """A method without one group of inputs, against the same method with all.

    Parameters
    ----------
    group : str
    rmse : float
        Without the group; in data units, of a network at inner folds in standard deviations of the transformed targets.
    ratio, low, high : float
        RMSE without / with the group and its 95 % interval: above 1 the group helps.
    """

    group: str
    rmse: float
    ratio: float
    low: float
    high: float

    @property
    def helps(self) -> bool:
        """Whether the group lowers the error, by more than noise and more than `NEGLIGIBLE`."""
        return self.low > 1.0 and self.ratio > 1.0 + NEGLIGIBLE

    @property
    def harms(self) -> bool:
        """Whether the group raises the error, by more than noise and more than `NEGLIGIBLE`."""
        return self.high < 1.0 and self.ratio < 1.0 - NEGLIGIBLE

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the ablation."""
        return asdict(self)


ABLATION_KEY = "ablation"
"""Where the contract of a model keeps ablations."""

Ablations = Mapping[str, Mapping[str, Sequence[Ablation]]]
"""By scheme of folds, then by target."""


def ablations_to_dict(ablations: Ablations) -> dict[str, dict[str, list[dict]]]:
    """Return ablations as plain values."""
    return {
        scheme: {target: [one.to_dict() for one in own] for target, own in by_target.items()}
        for scheme, by_target in ablations.items()
    }


def groups_to_leave_out(samples: Samples, named: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the covariates of every group, those in none of a name as groups of their own.

    Parameters
    ----------
    samples : Samples
        As they come from a layer: the gradients of their fields need not be among the covariates yet.
    named : mapping of str to sequence of str
        Covariates, gradients (``Fe gradient``) or rasters of spectra by group.

    Raises
    ------
    InputError
        As `group_by_covariate`, or when there is no covariate.
    """
    covariates, fields = samples.covariates, samples.fields
    gradients = list(gradient_names(covariates))
    if fields is not None and not gradients:
        for name, origin in zip(fields.names, fields.origins):
            gradients += [gradient_name(name, part) for part in (origin or {}).get("parts", ())]
    names = list(dict.fromkeys([*(() if covariates is None else covariates.names), *gradients]))
    if not names:
        raise InputError("There are no covariates, so there is no group of them to leave out.")
    groups: dict[str, list[str]] = {}
    for name, group in group_by_covariate(names, resolved_groups(named, covariates), gradients).items():
        groups.setdefault(group, []).append(name)
    return {group: tuple(members) for group, members in groups.items()}


def without_covariates(method: Method, names: Sequence[str]) -> Method:
    """Return a method that is shown neither these covariates nor, where no gradient is left, the fields."""
    dropped = set(names)

    def reduced(covariates: Optional[Covariates]) -> Optional[Covariates]:
        if covariates is None:
            return None
        kept = [name for name in covariates.names if name not in dropped]
        return covariates.columns(kept) if kept else None

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        covariates = reduced(training.covariates)
        fields = training.fields if gradient_names(covariates) else None
        predictor = method(replace(training, covariates=covariates, fields=fields), seed, progress, is_cancelled)

        def predict(coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
            return predictor(coordinates, reduced(covariates))

        return predict

    return fit


def ablate(
    comparison: Comparison,
    samples: Samples,
    name: str,
    method: Method,
    groups: Mapping[str, Sequence[str]],
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> dict[str, dict[str, tuple[Ablation, ...]]]:
    """Cross-validate a method without each group of covariates, on the folds on which it was compared with all.

    Parameters
    ----------
    comparison : Comparison
        Of these samples, with the method `name` among its own.
    samples : Samples
    name : str
    method : Method
    groups : mapping of str to sequence of str
        See `groups_to_leave_out`.
    progress, is_cancelled
        See `core.progress`.

    Returns
    -------
    dict
        By scheme of folds, then by target: one `Ablation` a group. Intervals are from resampling whole spatial
        clusters, the same ones for both sides of a ratio.

    Raises
    ------
    InputError, Cancelled
        As `compare_methods`.
    """
    titles = {f"{label(name)} without {group}": group for group in groups}
    found = compare_methods(
        samples,
        {title: without_covariates(method, groups[group]) for title, group in titles.items()},
        comparison.folds,
        seed=comparison.seed,
        places=comparison.places,
        ceilings=comparison.ceilings,
        progress=progress,
        is_cancelled=is_cancelled,
    )
    bootstrap = bootstrap_of(samples, comparison.seed)
    ablations: dict[str, dict[str, tuple[Ablation, ...]]] = {}
    for scheme in comparison.folds:
        ablations[scheme] = {}
        whole = samples.values - comparison.predictions[scheme, name].estimate
        for column, target in enumerate(samples.targets):
            own = []
            for title, group in titles.items():
                without = samples.values[:, column] - found.predictions[scheme, title].estimate[:, column]
                rmse = float(np.sqrt(np.nanmean(without**2)))
                low, high = bootstrap.ratio_interval(without, whole[:, column])
                ratio = rmse / float(np.sqrt(np.nanmean(whole[:, column] ** 2)))
                own.append(Ablation(group, rmse, ratio, low, high))
            ablations[scheme][target] = tuple(own)
    return ablations
