"""The krigings a mixture is made of, and their weights, from samples left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..kriging.back_transform import BackTransform
from ..kriging.left_out import leave_out
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging
from ..prediction.mixture import (
    ISOTROPIC,
    ISOTROPIC_SCORES,
    LEAST_SQUARES,
    NORMAL_SCORES,
    ORDINARY,
    Member,
)
from ..progress import IsCancelled, Progress, never, part, silent
from ..transforms import Transform
from ..variogram.choice import lowest_error, most_likely
from ..variogram.fitting import FittedVariogram, fit_variogram
from ..variogram.models import VariogramModel

LEAST_SKEWNESS = 0.1
"""Values less skewed than this are as good as their normal scores."""


def fit_members(
    coordinates: np.ndarray,
    values: np.ndarray,
    neighborhood: Neighborhood,
    method: str = "reml",
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> list[Member]:
    """Fit the variograms of a mixture.

    Of the values: the fit that kriging takes, the isotropic fit by likelihood and the fit by least squares. Of their
    normal scores: the first two. Normal scores count by how skewed the values are, up to a skewness of 1.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples,)
        On the scale of the mixture.
    neighborhood : Neighborhood
    method : str
        Passed to `fit_variogram`.
    seed : int
    progress, is_cancelled
        See `core.progress`.

    Returns
    -------
    list of Member
        Ordinary kriging first; their weights are a prior, not what left-out samples say.
    """
    deviation = values - values.mean()
    skewness = float(np.mean(deviation**3) / np.mean(deviation**2) ** 1.5)
    of_scores = min(abs(skewness), 1.0)
    found: list[Member] = []
    fits: list[tuple[Transform, float, tuple[str, ...]]] = [(Transform(), 1.0, (ORDINARY, ISOTROPIC, LEAST_SQUARES))]
    if of_scores >= LEAST_SKEWNESS:
        scores = Transform("normal_score").fitted(values, "the values")
        fits.append((scores, of_scores, (NORMAL_SCORES, ISOTROPIC_SCORES)))
    for index, (transform, share, names) in enumerate(fits):
        own = transform.forward(values, "the values")
        fitted = fit_variogram(
            coordinates, own, method=method, seed=seed, is_cancelled=is_cancelled,
            progress=part(progress, index / len(fits), (index + 1) / len(fits)),
        )  # fmt: skip
        first = len(found)
        for name, variogram in zip(names, _variograms(fitted)):
            same = next((i for i in range(first, len(found)) if found[i].variogram == variogram), None)
            if same is not None:
                found[same] = replace(found[same], weight=found[same].weight + share)
                continue
            member = Member(name, variogram, share, BackTransform(transform))
            if transform.kind != "none":
                kriging = member.kriging(coordinates, values, neighborhood)
                member = replace(member, way_back=BackTransform.of(kriging, transform))
            found.append(member)
    total = sum(member.weight for member in found)
    return [replace(member, weight=member.weight / total) for member in found]


def _variograms(fitted: FittedVariogram) -> list[VariogramModel]:
    """Return the variogram that was chosen, the isotropic one by likelihood and the one by least squares."""
    by_likelihood = [c for c in fitted.candidates if c.method == "reml" and c.model is not None]
    isotropic = most_likely([c for c in by_likelihood if c.model is not None and c.model.structures[0].is_isotropic])
    least_squares = lowest_error([c for c in fitted.candidates if c.method == "least_squares"])
    others = [fitted.model if c is None or c.model is None else c.model for c in (isotropic, least_squares)]
    return [fitted.model, *others]


def members_left_out(members: Sequence[Member], krigings: Sequence[FittedKriging], left_out: np.ndarray) -> np.ndarray:
    """Estimate samples by every member without them and some others.

    Parameters
    ----------
    members : sequence of Member
    krigings : sequence of FittedKriging
        Of the members.
    left_out : ndarray of int, shape (n_rows, n_left_out)
        For each estimate the samples it must not use; the first is the one estimated.

    Returns
    -------
    ndarray, shape (3, n_rows, n_members)
        Estimate, standard deviation and smoothing variance on the scale of the mixture.
    """
    no_neighbors = np.empty((len(left_out), 0), dtype=int)
    parts = []
    for member, kriging in zip(members, krigings):
        found = leave_out(kriging, left_out, no_neighbors)
        sigma = np.sqrt(np.maximum(found.kriging_variance, 0.0))
        parts.append(member.on_scale_of_mixture(found.weights @ kriging.values, sigma, found.smoothing_variance))
    return np.stack(parts, axis=-1)
