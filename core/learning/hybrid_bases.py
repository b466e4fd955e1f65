"""The bases of a hybrid: krigings of one target without a drift, with covariates, and with learned drifts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..features.covariates import CovariateEncoder
from ..kriging.neighborhood import Neighborhood
from ..prediction.bases import EXACT_LIMIT, EXTERNAL, LEARNED, ORDINARY, Base
from ..progress import IsCancelled, Progress, part, stop_if
from ..validation.methods import GLOBAL_LIMIT
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import fit_variogram
from ..variogram.models import VariogramModel
from .base_variograms import other_variograms, uncorrelated
from .hybrid_problem import HybridProblem

SEVERAL_FITS_LIMIT = GLOBAL_LIMIT
"""Up to so many samples a base averages several fits of its variogram; more samples leave less to doubt."""


@dataclass(frozen=True)
class DriftedBase:
    """A base and its drift at the samples, shape (n_samples, n_drift); None for ordinary kriging."""

    base: Base
    drift: np.ndarray | None = None


def kriging_bases(
    problem: HybridProblem, progress: Progress, is_cancelled: IsCancelled
) -> tuple[list[DriftedBase], list[str]]:
    """Fit ordinary kriging of the one target of a problem and, with few enough covariates, with external drift.

    Returns
    -------
    bases : list of DriftedBase
        Ordinary kriging first.
    notes : list of str
        What was left out, and why.
    """
    samples, name = problem.samples, problem.samples.targets[0]
    given = problem.settings.variograms.get(name)
    if given is None:
        ordinary = _fitted(problem, ORDINARY, None, part(progress, 0.0, 0.5), is_cancelled)
    else:
        ordinary = Base(ORDINARY, given, 0.0)
    bases = [DriftedBase(ordinary)]
    if samples.covariates is None or not samples.covariates.names:
        return bases, []
    encoder = CovariateEncoder.fit(samples.covariates, problem.values)
    if not 0 < encoder.n_features <= len(samples) // 5:
        return bases, [
            f"External-drift kriging of {name} is left out: {encoder.n_features} usable covariate columns for "
            f"{len(samples)} samples."
        ]
    drift = encoder.encode(samples.covariates)
    external = _fitted(problem, EXTERNAL, drift, part(progress, 0.5, 1.0), is_cancelled, encoder=encoder)
    return [*bases, DriftedBase(external, drift)], []


def learned_bases(
    problem: HybridProblem,
    bases: list[DriftedBase],
    drifts: Mapping[str, np.ndarray],
    progress: Progress,
    is_cancelled: IsCancelled,
) -> list[DriftedBase]:
    """Fit kriging of the one target with each learned drift, shape (n_samples,), beside the bases it has."""
    # The shape kriging chose: trying all of them again would take longer than training the network.
    structures = bases[-1].base.variogram.structures
    shape = structures[0].model if structures and structures[0].shape is None else ""
    found = []
    for index, (kind, own) in enumerate(drifts.items()):
        where = part(progress, index / len(drifts), (index + 1) / len(drifts))
        where(0.0, f"Kriging {problem.samples.targets[0]} with a learned drift")
        drift = own[:, None]
        found.append(DriftedBase(_fitted(problem, kind, drift, where, is_cancelled, shape), drift))
    return found


def _fitted(
    problem: HybridProblem,
    kind: str,
    drift: np.ndarray | None,
    progress: Progress,
    is_cancelled: IsCancelled,
    model: str = "",
    encoder: CovariateEncoder | None = None,
) -> Base:
    """Fit the variogram, or several, of one base."""
    stop_if(is_cancelled)
    samples, settings, values = problem.samples, problem.settings, problem.values[:, 0]
    options = FitOptions(model=model or settings.variogram_model, method=settings.variogram_method, seed=settings.seed)
    fitted = fit_variogram(
        samples.coordinates, values, options,
        drift=drift, holes=samples.holes, progress=progress, is_cancelled=is_cancelled,
    )  # fmt: skip
    if drift is not None and kind in LEARNED and problem.in_holes:
        few = len(samples) <= EXACT_LIMIT
        alone = uncorrelated(
            fitted.model, samples.coordinates, values, drift, problem.groups if few else problem.folds[0],
            Neighborhood() if few else problem.neighborhood,
        )  # fmt: skip
        if alone is not None:
            return Base(kind, alone, 0.0)
    others: tuple[VariogramModel, ...] = ()
    if len(samples) <= SEVERAL_FITS_LIMIT:
        others = other_variograms(fitted, samples.coordinates, values, drift, problem.blocks)
    return Base(kind, fitted.model, 0.0, encoder, others)
