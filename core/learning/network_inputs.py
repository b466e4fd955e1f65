"""What a network by name learns from: variograms and inputs fitted on the samples, and the rows of all members."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..features.covariate_groups import resolved_groups
from ..features.gradients import gradient_names
from ..features.sequences import SequenceFeatures, along_holes
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Samples
from ..transforms import Transform
from ..validation.folds import inseparable_groups, spatial_blocks
from ..validation.methods import default_neighborhood
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import fit_variogram
from ..variogram.models import VariogramModel
from .architectures import architecture_of
from .ensembles import fewest_donors, prepare_members
from .inner import inner_folds, require_spread, require_trainable, transformed_targets
from .inner_problem import InnerProblem
from .network_settings import NetworkByName

_SAMPLES_PER_BLOCK = 5
"""Samples in one of the blocks that are permuted together and that intervals resample."""


def inner_problem(
    samples: Samples,
    settings: NetworkByName,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    folds: tuple[np.ndarray, ...] | None = None,
) -> tuple[InnerProblem, tuple[Transform, ...]]:
    """Fit variograms and inputs on samples, and prepare the rows of all members.

    Returns
    -------
    problem : InnerProblem
    transforms : tuple of Transform
        One a target, fitted.

    Raises
    ------
    InputError, Cancelled
        As `fit_network`.
    """
    require_trainable(samples, f"Training {settings.architecture}")
    transforms, values = transformed_targets(samples, settings.transforms)
    variograms = _variograms(samples, values, settings, part(progress, 0.0, 0.7), is_cancelled)
    neighborhood = settings.neighborhood
    if neighborhood is None:
        neighborhood = default_neighborhood(len(samples))
    if folds is None:
        folds = inner_folds(samples, settings.n_inner_folds, settings.n_sets, settings.seed)
    groups = inseparable_groups(samples.coordinates, samples.holes)
    are_apart = int(groups.max()) + 1 == len(samples)
    fewest = fewest_donors(folds, are_apart)
    require_spread(samples, folds, 1 if are_apart else 2)
    use_coordinates = settings.use_coordinates
    if use_coordinates is None:
        use_coordinates = architecture_of(settings.architecture).use_coordinates
    features = SequenceFeatures.fit(
        samples.coordinates, samples.covariates, values, variograms, neighborhood,
        max(2, min(settings.n_neighbors, fewest - 2)), use_coordinates, settings.order or _usual_order(samples),
    )  # fmt: skip
    encoded = features.neighbors.encode(samples.covariates, len(samples))
    if 0 < encoded.shape[1] <= samples.known.sum(axis=0).min() // 5:
        drifted = _drift_variograms(samples, values, encoded, variograms, settings, progress, is_cancelled)
        features = replace(features, drift_variograms=drifted)
    progress(0.75, "Describing the samples to each network")
    along = along_holes(samples)
    rows = prepare_members(features, samples.coordinates, encoded, values, folds, are_apart, is_cancelled, along)
    n_blocks = max(2, int(groups.max() + 1) // _SAMPLES_PER_BLOCK)
    clusters = spatial_blocks(samples.coordinates, n_blocks, settings.seed, holes=samples.holes)
    named = resolved_groups(settings.groups, samples.covariates)
    groups_of_columns = features.groups(named, gradient_names(samples.covariates))
    return InnerProblem(
        settings.architecture, features, samples.coordinates, values, rows, *groups_of_columns, clusters, settings.seed,
    ), transforms  # fmt: skip


def _options(settings: NetworkByName) -> FitOptions:
    """Return how the settings want variograms fitted."""
    return FitOptions(model=settings.variogram_model, method=settings.variogram_method, seed=settings.seed)


def _variograms(
    samples: Samples, values: np.ndarray, settings: NetworkByName, progress: Progress, is_cancelled: IsCancelled
) -> tuple[VariogramModel, ...]:
    """Return the variogram of each target: the given one, or fitted to the transformed values."""
    variograms = []
    for column, name in enumerate(samples.targets):
        where = part(progress, column / len(samples.targets), (column + 1) / len(samples.targets))
        where(0.0, f"Fitting the variogram of {name}")
        stop_if(is_cancelled)
        given = settings.variograms.get(name)
        if given is None:
            own, known = samples.of(name), samples.known[:, column]
            given = fit_variogram(
                own.coordinates, values[known, column], _options(settings),
                holes=own.holes, progress=where, is_cancelled=is_cancelled,
            ).model  # fmt: skip
        variograms.append(given)
    return tuple(variograms)


def _drift_variograms(
    samples: Samples,
    values: np.ndarray,
    encoded: np.ndarray,
    variograms: tuple[VariogramModel, ...],
    settings: NetworkByName,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> tuple[VariogramModel, ...]:
    """Return the variograms of what the covariates leave, of the same models as those of the targets."""
    drifted = []
    for column, name in enumerate(samples.targets):
        stop_if(is_cancelled)
        progress(0.7, f"Fitting the variogram of {name} with covariates as drift")
        structures = variograms[column].structures
        shape = structures[0].model if structures and structures[0].shape is None else settings.variogram_model
        own, known = samples.of(name), samples.known[:, column]
        fitted = fit_variogram(
            own.coordinates, values[known, column], replace(_options(settings), model=shape),
            drift=encoded[known], holes=own.holes, is_cancelled=is_cancelled,
        )  # fmt: skip
        drifted.append(fitted.model)
    return tuple(drifted)


def _usual_order(samples: Samples) -> str:
    """Return the order of neighbours in a sequence where none is asked for: along holes where samples lie in some."""
    if samples.holes is None or samples.n_dimensions != 3:
        return "far_to_near"
    return "top_to_bottom" if samples.depths is None else "down_holes"
