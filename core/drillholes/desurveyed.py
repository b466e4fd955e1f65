"""All holes together: composites with places in space, ready to be written as samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .composites import composite
from .tables import DrillHoles


@dataclass(frozen=True)
class CompositeTable:
    """Composites of all holes.

    Parameters
    ----------
    coordinates : ndarray, shape (n, 3)
        Easting, northing, elevation of the middle of each composite.
    holes : list of str
    tops, bottoms : ndarray, shape (n,)
        Depth along the hole.
    azimuths, dips : ndarray, shape (n,)
        Direction of the hole at the middle, degrees; dip -90 points straight down.
    values : dict of str to ndarray, shape (n,)
        NaN where too little was assayed.
    assayed : ndarray, shape (n,)
        Assayed share of the length, mean over the fields.
    domains : list or None
    n_short : int
        Pieces that were too short and left out.
    """

    coordinates: np.ndarray
    holes: list[str]
    tops: np.ndarray
    bottoms: np.ndarray
    azimuths: np.ndarray
    dips: np.ndarray
    values: Mapping[str, np.ndarray]
    assayed: np.ndarray
    domains: list[Any] | None
    n_short: int

    def __len__(self) -> int:
        return len(self.holes)


def composite_holes(drilled: DrillHoles, length: float, least_share: float = 0.5) -> CompositeTable:
    """Composite and place all holes.

    Parameters
    ----------
    drilled : DrillHoles
    length, least_share
        See `core.drillholes.composites.composite`.

    Returns
    -------
    CompositeTable

    Raises
    ------
    InputError
        For a length or share outside its bounds.
    """
    places, tangents, made, names = [], [], [], []
    for hole in drilled.holes:
        own = composite(hole.intervals, length, least_share)
        place, tangent = hole.trajectory.at(0.5 * (own.tops + own.bottoms))
        places.append(place)
        tangents.append(tangent)
        made.append(own)
        names += [hole.name] * len(own.tops)
    tangent = np.concatenate(tangents)
    values = np.concatenate([own.values for own in made])
    has_domains = bool(made) and made[0].domains is not None
    return CompositeTable(
        np.concatenate(places),
        names,
        np.concatenate([own.tops for own in made]),
        np.concatenate([own.bottoms for own in made]),
        np.degrees(np.arctan2(tangent[:, 0], tangent[:, 1])) % 360.0,
        np.degrees(np.arcsin(np.clip(tangent[:, 2], -1.0, 1.0))),
        {name: values[:, column] for column, name in enumerate(drilled.fields)},
        np.concatenate([own.assayed.mean(axis=1) for own in made]),
        [domain for own in made for domain in own.domains or []] if has_domains else None,
        sum(own.n_short for own in made),
    )
