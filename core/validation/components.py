"""How many principal components of spectra a set of samples can use, found by inner cross-validation.

A covariate that is a component of a raster (`core.features.spectra`) may say that the number of
components is to be tuned: its origin then holds ``"tuned": true``. Whoever fits anything to samples
chooses first, from those samples alone, so that inside a fold of an outer cross-validation the choice
knows nothing of what is held out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..features.covariate_origins import PROJECTION
from ..features.covariates import CovariateEncoder
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import MIN_SAMPLES, fit_variogram
from .folds import spatial_blocks

TUNED = "tuned"
"""Key of an origin that asks for the choice."""
MOST_SAMPLES = 800
"""Of more samples so many are drawn: choosing a number needs no more."""
N_BLOCKS = 10


def with_chosen_components(samples: Samples, seed: int = 0) -> Samples:
    """Return samples with as many components of each raster as predict best; the same without any to tune.

    The error is that of external-drift kriging of normal scores, spatial blocks of samples left out one after
    the other, with a variogram fitted to what the drift leaves. The rasters are tuned one by one.

    Parameters
    ----------
    samples : Samples
    seed : int
        Of the blocks, and of the draw among many samples.

    Returns
    -------
    Samples
        Without the components that were not chosen; the others no longer ask to be tuned.

    Raises
    ------
    BackendMissing
        Where scikit-gstat cannot be imported and there is something to tune.
    """
    covariates = samples.covariates
    if covariates is None:
        return samples
    groups = _groups(covariates)
    for members in groups.values():
        chosen = fewest_components(component_errors(samples, members, seed))
        dropped = set(members[chosen + 1 :])
        covariates = samples.covariates
        if covariates is not None:
            samples = replace(samples, covariates=covariates.columns([n for n in covariates.names if n not in dropped]))
    covariates = samples.covariates
    if not groups or covariates is None:
        return samples
    settled = tuple(None if o is None else {k: v for k, v in o.items() if k != TUNED} for o in covariates.origins)
    return replace(samples, covariates=replace(covariates, origins=settled))


def fewest_components(errors: np.ndarray) -> int:
    """Return the smallest number of components that is as good as the best, from 0 for the first one.

    As good is: the mean of the paired differences to the best is not above twice its standard error.

    Parameters
    ----------
    errors : ndarray, shape (n_components, n)
        Squared errors; see `component_errors`.
    """
    best = errors[int(np.argmin(errors.mean(axis=1)))]
    for number, own in enumerate(errors):
        differences = own - best
        chance = 2.0 * differences.std() / np.sqrt(len(differences))
        if differences.mean() <= chance + 1e-6 * best.mean():
            return number
    return len(errors) - 1


def component_errors(samples: Samples, members: list[str], seed: int = 0) -> np.ndarray:
    """Return the squared errors with the first, the first two, ... components of a raster.

    Parameters
    ----------
    samples : Samples
    members : list of str
        Names of the components, in order.
    seed : int

    Returns
    -------
    ndarray, shape (n_components, n)
        For each sample (of many a draw) the mean over the targets, relative to the variance of the normal
        scores; with too few samples to tell a single column that is least for one component.
    """
    if len(samples) > MOST_SAMPLES:
        samples = samples.rows(np.sort(np.random.default_rng(seed).choice(len(samples), MOST_SAMPLES, replace=False)))
    covariates = samples.covariates
    if covariates is None or len(samples) < MIN_SAMPLES + 2 * covariates.values.shape[1]:
        return np.arange(len(members), dtype=float)[:, None]
    blocks = spatial_blocks(samples.coordinates, N_BLOCKS, seed, holes=samples.holes)
    errors = []
    for number in range(len(members)):
        left_out = set(members[number + 1 :])
        used = covariates.columns([name for name in covariates.names if name not in left_out])
        own = [np.full(len(samples), np.nan) for _ in samples.targets]
        for found, name, known in zip(own, samples.targets, samples.known.T):
            found[known] = _errors(samples.of(name), name, used.rows(known), blocks[known], seed)
        errors.append(np.nanmean(own, axis=0))
    return np.array(errors)


def _groups(covariates: Covariates) -> dict[str, list[str]]:
    """Return the components to tune by raster, in order."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name, origin in zip(covariates.names, covariates.origins):
        if origin is not None and origin["kind"] == PROJECTION and origin.get(TUNED):
            groups.setdefault(str(origin["raster"]), []).append((int(origin["component"]), name))
    return {raster: [name for _, name in sorted(members)] for raster, members in groups.items()}


def _errors(samples: Samples, target: str, covariates: Covariates, blocks: np.ndarray, seed: int) -> np.ndarray:
    """Return the squared errors of kriging one target with these covariates as drift; of the mean where it cannot."""
    values = samples.target(target)
    scores = Transform("normal_score").fitted(values, target).forward(values, target)
    drift = CovariateEncoder.fit(covariates, scores[:, None]).encode(covariates)
    variogram = fit_variogram(samples.coordinates, scores, FitOptions(model="exponential", seed=seed), drift=drift)
    kriging = fit_kriging(samples.coordinates, scores, variogram.model, Neighborhood(), drift, holes=samples.holes)
    estimate = kriging.leave_group_out(blocks).estimate
    return (scores - np.where(np.isfinite(estimate), estimate, scores.mean())) ** 2 / scores.var()
