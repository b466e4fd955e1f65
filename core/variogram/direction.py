"""Directions of lag vectors: which pairs of samples count for a directional variogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Direction:
    """A direction with its tolerance; a lag vector and its opposite are the same.

    A pair counts when the azimuth of its lag vector is within the tolerance, in 3-D also its dip.
    Coincident samples have every direction, and pairs one above the other every azimuth.
    This is gstat's definition (``alpha``, ``tol.hor``, ``beta``, ``tol.ver``), except that gstat
    counts dips upward and loses the sign of an oblique dip with the order of a pair's samples.

    Parameters
    ----------
    azimuth : float
        Degrees clockwise from north. A vertical direction has none, whatever stands here.
    dip : float
        Degrees downward from the horizontal, -90 to 90.
    tolerance : float
        Degrees to either side, above 0 to 90; 90 is every direction.
    bandwidth : float or None
        Largest distance in map units of a lag vector's end from the line through its start in this
        direction; None for no limit.

    Raises
    ------
    InputError
        For a number out of range.

    Examples
    --------
    >>> north = Direction(0.0, tolerance=10.0)
    >>> north.holds(np.array([[0.0, 5.0], [0.0, -5.0], [5.0, 5.0]]))
    array([ True,  True, False])
    """

    azimuth: float
    dip: float = 0.0
    tolerance: float = 22.5
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.azimuth):
            raise InputError(f"Expected an azimuth in degrees clockwise from north, got {self.azimuth!r}.")
        if not -90 <= self.dip <= 90:
            raise InputError(f"Expected a dip of -90 to 90 degrees (downward), got {self.dip!r}.")
        if not 0 < self.tolerance <= 90:
            raise InputError(f"Expected a tolerance above 0 and up to 90 degrees, got {self.tolerance!r}.")
        if self.bandwidth is not None and not (np.isfinite(self.bandwidth) and self.bandwidth > 0):
            raise InputError(f"Expected a bandwidth above 0 map units, got {self.bandwidth!r}.")

    @property
    def name(self) -> str:
        """The direction in a few characters: "045°", in 3-D with its dip "045°/-10°"."""
        azimuth = f"{self.azimuth % 360:05.1f}".removesuffix(".0") + "°"
        return azimuth if self.dip == 0 else f"{azimuth}/{self.dip:g}°"

    def unit(self, n_dimensions: int) -> np.ndarray:
        """Return the unit vector (easting, northing[, elevation]) of this direction, shape (n_dimensions,)."""
        azimuth, dip = np.radians([self.azimuth, self.dip])
        if n_dimensions == 2:
            return np.array([np.sin(azimuth), np.cos(azimuth)])
        return np.array([np.sin(azimuth) * np.cos(dip), np.cos(azimuth) * np.cos(dip), -np.sin(dip)])

    def holds(self, steps: np.ndarray) -> np.ndarray:
        """Return which lag vectors lie in this direction.

        Parameters
        ----------
        steps : ndarray, shape (n_pairs, 2 or 3)
            Easting, northing[, elevation] in map units. In 2-D the dip has to be 0.

        Returns
        -------
        ndarray of bool, shape (n_pairs,)

        Raises
        ------
        InputError
            For a dip in 2-D.
        """
        n_dimensions = steps.shape[1]
        if n_dimensions == 2 and self.dip != 0:
            raise InputError(f"A dip of {self.dip:g} degrees needs samples with elevations, got 2-D coordinates.")
        least = np.cos(np.radians(self.tolerance)) if self.tolerance < 90 else 0.0
        azimuth, dip = np.radians([self.azimuth, self.dip])
        level = np.sqrt(np.einsum("pd,pd->p", steps[:, :2], steps[:, :2]))
        along = steps[:, 0] * np.sin(azimuth) + steps[:, 1] * np.cos(azimuth)
        kept = np.ones(len(steps), dtype=bool)
        if abs(self.dip) != 90:
            kept = np.abs(along) >= least * level
        if n_dimensions == 3:
            # The half of the horizontal plane that the azimuth points into decides the sign of the dip.
            toward = np.where(along < 0, -level, level)
            length = np.sqrt(level * level + steps[:, 2] ** 2)
            kept &= np.abs(toward * np.cos(dip) - steps[:, 2] * np.sin(dip)) >= least * length
        if self.bandwidth is not None:
            unit = self.unit(n_dimensions)
            away = steps - (steps @ unit)[:, None] * unit
            kept &= np.einsum("pd,pd->p", away, away) <= self.bandwidth**2
        return kept
