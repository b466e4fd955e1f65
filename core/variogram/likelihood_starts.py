"""Where searches of the likelihood begin, and how far they may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from .experimental import diagonal_of
from .models import VariogramModel
from .trial import Frame, Trial

VERTICAL_RATIOS = (1e-5, 100.0)
"""Bounds of the vertical ratio: elevations may come in other units than eastings."""


def isotropic_starts(start: VariogramModel, near: Trial | None) -> list[Trial]:
    """Return the least-squares fit and points about it, in the frame of what was found for another kind."""
    first = start.structures[0]
    share = float(np.clip(start.nugget / start.sill, 0.02, 0.98))
    given = Trial(first.model, share, first.effective_range, shape=first.shape)
    starts = [
        given,
        *(replace(given, effective_range=first.effective_range * factor) for factor in (0.3, 0.6, 1.7)),
        replace(given, share=0.1),
        replace(given, share=0.5),
        replace(given, share=0.5, effective_range=0.4 * first.effective_range),
    ]
    if near is None:
        return starts
    azimuth, dip, plunge, minor, vertical = near.frame
    starts = [
        replace(one, azimuth=azimuth, dip=dip, plunge=plunge, ratio_minor=minor, ratio_vertical=vertical)
        for one in starts
    ]
    at = replace(near, kind=first.model, shape=first.shape, share=max(near.share, 0.01))
    return [
        *starts,
        *(replace(at, effective_range=near.effective_range * factor) for factor in (0.2, 0.4, 0.7, 1.0)),
    ]


def vertical_changes(coordinates: np.ndarray) -> list[dict[str, Any]]:
    """Return vertical ratios to start from: usual ones, and some about the flatness of the samples' extent.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 3)

    Returns
    -------
    list of dict
        Changes of a `Trial`, by ratio.
    """
    east, north, up = np.ptp(coordinates, axis=0)
    level = float(max(east, north))
    ratios = {0.01, 0.03, 0.1, 0.3, 3.0}
    if level > 0 and up > 0:
        ratios |= {factor * float(up) / level for factor in (0.3, 1.0, 3.0)}
    return [{"ratio_vertical": float(np.clip(ratio, *VERTICAL_RATIOS))} for ratio in sorted(ratios)]


def range_factors(trial: Trial, names: Sequence[str]) -> tuple[float, ...]:
    """Return by what to multiply the range of an optimum when these quantities are added."""
    if "inner_ratio" in names:
        return (1.0, 1.5)
    if "dip" in names:
        return (1.0,)
    if "ratio_minor" in names:
        return (float(trial.ratio_minor**-0.5),)
    # As before along the horizontal, or along the vertical.
    return (1.0, 1.0 / trial.ratio_vertical) if trial.ratio_vertical < 1.0 else (1.0,)


def nearby_frame(frame: Frame) -> Frame:
    """Return one of a few frames that has much the same samples near: steps of 15 degrees, factors of 1.5."""
    azimuth, dip, plunge = (15.0 * round(angle / 15.0) for angle in frame[:3])
    minor, vertical = (float(1.5 ** np.round(np.log(ratio) / np.log(1.5))) for ratio in frame[3:])
    if minor == 1.0 and dip == 0 and plunge == 0:
        azimuth = 0.0
    return azimuth % 180.0 if dip == 0 else azimuth % 360.0, dip, plunge, minor, vertical


def range_bounds(coordinates: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest effective range that are searched, in map units.

    They are a fifth of the usual (median) distance to the nearest sample, and twice the extent's diagonal.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
        At least 2 samples.

    Raises
    ------
    InputError
        When all samples lie at one place.
    """
    from scipy.spatial import cKDTree

    distance = cKDTree(coordinates).query(coordinates, k=2)[0][:, 1]
    diagonal = diagonal_of(coordinates)
    if diagonal == 0:
        raise InputError(f"All {len(coordinates)} samples lie at one place: a variogram needs distances between them.")
    apart = distance[distance > 0]
    nearest = float(np.median(apart)) if len(apart) else 1e-3 * diagonal
    return 0.2 * nearest, 2.0 * diagonal
