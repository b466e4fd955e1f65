"""Smooth random fields that can be evaluated anywhere in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SmoothField:
    """A stationary field of mean 0 and variance 1 with a gaussian covariance, as a sum of random waves.

    Parameters
    ----------
    waves : ndarray, shape (n_waves, 3)
        Radians a map unit.
    phases : ndarray, shape (n_waves,)

    References
    ----------
    Shinozuka, M. & Jan, C.-M. (1972). Digital simulation of random processes and its applications. J. Sound Vib. 25.
    """

    waves: np.ndarray
    phases: np.ndarray

    @classmethod
    def draw(
        cls, rng: np.random.Generator, effective_ranges: tuple[float, float, float], n_waves: int = 150
    ) -> SmoothField:
        """Draw a field.

        Parameters
        ----------
        rng : numpy.random.Generator
        effective_ranges : tuple of float
            Along easting, northing and elevation, where 95 % of the variance is reached: C(h) = exp(-3 (h / range)^2).
        n_waves : int
        """
        waves = rng.normal(size=(n_waves, 3)) * np.sqrt(6.0) / np.asarray(effective_ranges)
        return cls(waves, rng.uniform(0.0, 2.0 * np.pi, n_waves))

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return the field at places, shape (n, 3) -> (n,)."""
        total = np.zeros(len(places))
        for wave, phase in zip(self.waves, self.phases):
            total += np.cos(places @ wave + phase)
        return total * np.sqrt(2.0 / len(self.phases))
