"""Where a drill hole runs: from directions measured down the hole to places, by minimum curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError

_STRAIGHT = 1e-7
"""Radians of turn below which an arc is taken as straight; its ratio factor differs from 1 by 1e-15."""


def directions(azimuths: np.ndarray, dips: np.ndarray) -> np.ndarray:
    """Return unit vectors down the hole.

    Parameters
    ----------
    azimuths : ndarray, shape (n,)
        Degrees clockwise from north.
    dips : ndarray, shape (n,)
        Degrees from the horizontal, negative downward: -90 is a vertical hole.

    Returns
    -------
    ndarray, shape (n, 3)
        Easting, northing, elevation.

    Examples
    --------
    >>> np.round(directions(np.array([90.0, 0.0]), np.array([0.0, -90.0])), 12) + 0.0
    array([[ 1.,  0.,  0.],
           [ 0.,  0., -1.]])
    """
    azimuth, dip = np.radians(azimuths), np.radians(dips)
    return np.column_stack([np.sin(azimuth) * np.cos(dip), np.cos(azimuth) * np.cos(dip), np.sin(dip)])


@dataclass(frozen=True)
class Trajectory:
    """The path of one hole: circular arcs between survey stations, straight above the first and below the last.

    Parameters
    ----------
    collar : ndarray, shape (3,)
        Easting, northing, elevation where the hole begins.
    depths : ndarray, shape (n_stations,)
        Along the hole, ascending, at least 0.
    tangents : ndarray, shape (n_stations, 3)
        Unit vectors down the hole at the stations, see `directions`.

    Raises
    ------
    InputError
        When depths do not ascend, or a hole turns back on itself between two stations.

    References
    ----------
    Sawaryn, S. & Thorogood, J. (2005). A compendium of directional calculations based on the minimum curvature
    method. SPE Drilling & Completion 20(1), 24-36.
    """

    collar: np.ndarray
    depths: np.ndarray
    tangents: np.ndarray

    def __post_init__(self) -> None:
        depths, tangents = np.asarray(self.depths, dtype=float), np.asarray(self.tangents, dtype=float)
        if depths.ndim != 1 or tangents.shape != (len(depths), 3) or not len(depths):
            raise InputError(
                f"Expected at least one survey station with its direction, got depths of shape {depths.shape} and "
                f"directions of shape {tangents.shape}."
            )
        if depths[0] < 0 or (np.diff(depths) <= 0).any():
            raise InputError(f"Expected survey depths that ascend from 0 or below the collar, got {depths.tolist()}.")
        if depths[0] > 0:
            depths, tangents = np.append(0.0, depths), np.vstack([tangents[:1], tangents])
        if (np.einsum("ij,ij->i", tangents[:-1], tangents[1:]) < -0.999999).any():
            raise InputError("Two neighbouring survey stations point in opposite directions: no arc joins them.")
        object.__setattr__(self, "collar", np.asarray(self.collar, dtype=float))
        object.__setattr__(self, "depths", depths)
        object.__setattr__(self, "tangents", tangents)
        positions = np.zeros((len(depths), 3))
        if len(depths) > 1:
            steps, _ = _arc(tangents[:-1], tangents[1:], np.diff(depths), np.ones(len(depths) - 1))
            positions[1:] = np.cumsum(steps, axis=0)
        object.__setattr__(self, "_positions", self.collar + positions)

    def at(self, depths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return places and directions at depths along the hole.

        Parameters
        ----------
        depths : ndarray, shape (m,)

        Returns
        -------
        places, tangents : ndarray, shape (m, 3)
        """
        depths = np.asarray(depths, dtype=float)
        station = np.clip(np.searchsorted(self.depths, depths, side="right") - 1, 0, len(self.depths) - 1)
        below = np.minimum(station + 1, len(self.depths) - 1)
        # Below the last station the hole goes on straight: both ends share their direction.
        length = np.where(below > station, self.depths[below] - self.depths[station], 1.0)
        share = (depths - self.depths[station]) / length
        steps, tangents = _arc(self.tangents[station], self.tangents[below], length, share)
        return self._positions[station] + steps, tangents  # type: ignore[attr-defined]


def _arc(first: np.ndarray, last: np.ndarray, length: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the step along circular arcs up to a share of their length, and the direction there."""
    cross = np.linalg.norm(np.cross(first, last), axis=1)
    turn = np.arctan2(cross, np.einsum("ij,ij->i", first, last))
    curved = turn > _STRAIGHT
    sine = np.where(curved, np.sin(turn), 1.0)
    ahead = np.where(curved, np.sin((1.0 - share) * turn) / sine, 1.0 - share)
    behind = np.where(curved, np.sin(share * turn) / sine, share)
    there = ahead[:, None] * first + behind[:, None] * last
    there /= np.linalg.norm(there, axis=1, keepdims=True)
    half = 0.5 * turn * share
    factor = np.where(curved & (half != 0), np.tan(half) / np.where(half == 0, 1.0, half), 1.0)
    return (0.5 * length * share * factor)[:, None] * (first + there), there
