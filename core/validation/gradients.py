"""Gradients of fields measured at the samples, made covariates from those samples alone.

Whoever fits anything to samples calls `with_own_covariates` first, so that inside a fold of an outer cross-validation
variograms and gradients know nothing of what is held out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..features.gradients import FieldGradients, gradient_names
from ..samples import Samples, require_variation
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import fit_variogram
from .components import with_chosen_components
from .folds import inseparable_groups
from .methods import default_neighborhood


def with_own_covariates(samples: Samples, seed: int = 0) -> Samples:
    """Return samples with everything among their covariates that is made from the samples themselves.

    These are gradients of their fields (`with_gradients`) and the number of spectral components
    (`core.validation.components.with_chosen_components`). Samples that have all of it come back as they are.

    Parameters
    ----------
    samples : Samples
    seed : int
    """
    return with_chosen_components(with_gradients(samples, seed), seed)


def with_gradients(samples: Samples, seed: int = 0) -> Samples:
    """Return samples with the kriging gradients of their fields among their covariates.

    Each field's variogram is fitted to the field as it is. At a sample the gradient is that without the sample; where
    samples share a place, lie above one another or belong to one hole, without all of these: a place of the map has
    no neighbours in its own hole either.

    Parameters
    ----------
    samples : Samples
        The origins of their fields say which ``parts`` are wanted (`core.features.gradients.parts_of`).
    seed : int
        Of the variogram fits.

    Returns
    -------
    Samples
        The same where there are no fields, or the gradients are among the covariates already.

    Raises
    ------
    InputError
        When a field does not vary, or a sample has too few others for a gradient.
    """
    fields = samples.fields
    if fields is None or not fields.names:
        return samples
    if gradient_names(samples.covariates):
        return samples
    variograms = []
    for name, values in zip(fields.names, fields.values.T):
        require_variation(values, name)
        variograms.append(fit_variogram(samples.coordinates, values, FitOptions(seed=seed)).model)
    parts = [part for origin in fields.origins if origin is not None for part in origin["parts"]]
    gradients = FieldGradients.fit(
        samples.coordinates, fields, variograms, tuple(dict.fromkeys(parts)),
        default_neighborhood(len(samples)),
    )  # fmt: skip
    found = gradients.left_out(inseparable_groups(samples.coordinates, samples.holes))
    unknown = ~np.isfinite(found).all(axis=1)
    if unknown.any():
        raise InputError(
            f"The gradients of {', '.join(fields.names)} are not known at {int(unknown.sum())} of {len(samples)} "
            "samples, which have too few others around them. Add samples, or leave the fields out."
        )
    return replace(samples, covariates=gradients.added_to(samples.covariates, found))
