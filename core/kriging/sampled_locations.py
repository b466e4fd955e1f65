"""Places where samples lie: kriging is exact there, so cells that hit one are found exactly."""

from __future__ import annotations

import numpy as np


class SampledLocations:
    """Finds which targets lie exactly on a sample, by exact equality of coordinates.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)

    Attributes
    ----------
    location_of_sample : ndarray of int, shape (n_samples,)
        Number of each sample's location.
    mean_value : ndarray, shape (n_locations,)
        Of the samples at each location; of a single one its value to the last bit.
    """

    def __init__(self, coordinates: np.ndarray, values: np.ndarray) -> None:
        self._axes, key = [], np.zeros(len(coordinates), dtype=np.int64)
        for axis in coordinates.T:
            levels, rank = np.unique(axis, return_inverse=True)
            self._axes.append(levels)
            key = key * len(levels) + rank
        self._keys, self.location_of_sample = np.unique(key, return_inverse=True)
        self._places = np.empty((len(self._keys), coordinates.shape[1]))
        self._places[self.location_of_sample] = coordinates
        counts = np.bincount(self.location_of_sample)
        self.mean_value = np.bincount(self.location_of_sample, weights=values) / counts
        single = counts[self.location_of_sample] == 1
        self.mean_value[self.location_of_sample[single]] = values[single]

    def find(self, targets: np.ndarray) -> np.ndarray:
        """Return the sampled location at each target.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)

        Returns
        -------
        ndarray of int, shape (n_targets,)
            Its number; -1 where there is none.
        """
        result = np.full(len(targets), -1, dtype=np.int64)
        rows = self._on_last_axis(targets[:, -1])
        keys = self._key(targets[rows])
        position = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        result[rows] = np.where((keys >= 0) & (self._keys[position] == keys), position, -1)
        return result

    def find_on_axes(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the cells of a raster that lie on sampled locations.

        Parameters
        ----------
        x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)
            Of the cells; z is the elevation of all.

        Returns
        -------
        cells : ndarray of int, shape (n_met,)
            Counted row by row.
        locations : ndarray of int, shape (n_met,)
            Their numbers.
        """
        axes = (x, y, z) if len(z) else (x, y)
        # Places are sorted by their first coordinate.
        first = self._places[:, 0]
        rows = np.arange(np.searchsorted(first, x.min()), np.searchsorted(first, x.max(), side="right"))
        positions: list[np.ndarray] = []
        for number, axis in enumerate(axes):
            places = self._places[rows, number]
            is_near = (places >= axis.min()) & (places <= axis.max())
            places, rows, positions = places[is_near], rows[is_near], [part[is_near] for part in positions]
            order = np.argsort(axis)
            position = order[np.searchsorted(axis, places, sorter=order)]
            is_met = axis[position] == places
            rows, positions = rows[is_met], [part[is_met] for part in (*positions, position)]
        return positions[1] * len(x) + positions[0], rows

    def _on_last_axis(self, places: np.ndarray) -> np.ndarray:
        """Return rows whose last coordinate is some sample's; one look-up for each row of a raster."""
        heads = np.flatnonzero(places[1:] != places[:-1]) + 1
        heads = np.concatenate([[0], heads])[: len(places)]
        levels = self._axes[-1]
        rank = np.minimum(np.searchsorted(levels, places[heads]), len(levels) - 1)
        lengths = np.diff(np.append(heads, len(places)))
        return np.flatnonzero(np.repeat(levels[rank] == places[heads], lengths))

    def _key(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the ranks of a location's coordinates among the samples' as one number, -1 where there are none."""
        key = np.zeros(len(coordinates), dtype=np.int64)
        known = np.ones(len(coordinates), dtype=bool)
        for axis, levels in enumerate(self._axes):
            rank = np.minimum(np.searchsorted(levels, coordinates[:, axis]), len(levels) - 1)
            known &= levels[rank] == coordinates[:, axis]
            key = key * len(levels) + rank
        return np.where(known, key, -1)
