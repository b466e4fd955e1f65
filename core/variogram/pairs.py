"""Pairs of samples, some at a time: all of them, or a balanced seeded share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .direction import Direction

MAX_PAIRS = 20_000_000
"""Beyond so many pairs a balanced, seeded share of them is used (about two seconds)."""

_PAIRS_AT_ONCE = 500_000  # bounds memory to some tens of megabytes


@dataclass(frozen=True)
class Pairs:
    """All pairs of some samples, or a share in which every sample takes part equally often and no pair twice.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units, centred: large coordinates keep their digits.
    values : ndarray, shape (n_samples,)
        Centred.
    order : ndarray of int, shape (n_samples,)
        Row of each of these samples in what was given.
    n_offsets : int
        Every sample is paired with so many that follow it.
    """

    coordinates: np.ndarray
    values: np.ndarray
    order: np.ndarray
    n_offsets: int

    @classmethod
    def of(cls, coordinates: np.ndarray, values: np.ndarray, max_pairs: int, seed: int) -> Pairs:
        """Return the pairs of some samples, about `max_pairs` of them where there are more.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        values : ndarray, shape (n_samples,)
        max_pairs : int
        seed : int
            Of the order in which samples meet, where not all pairs are taken.

        Raises
        ------
        InputError
            For fewer than 2 samples, a number of values that differs, or one that is not finite.
        """
        coordinates = np.asarray(coordinates, dtype=float)
        values = np.asarray(values, dtype=float)
        n = len(values)
        if coordinates.ndim != 2 or len(coordinates) != n or n < 2:
            raise InputError(
                f"A variogram needs at least 2 samples with one value each, got {len(coordinates)} locations and "
                f"{n} values."
            )
        bad = np.flatnonzero(~(np.isfinite(values) & np.isfinite(coordinates).all(axis=1)))
        if len(bad):
            raise InputError(
                f"Expected finite coordinates and values, got NaN or infinity in {len(bad)} of {n} samples (first: row "
                f"{bad[0] + 1}). Remove or repair these samples."
            )
        n_offsets, order = n // 2, np.arange(n)
        if n * (n - 1) // 2 > max_pairs:
            order = np.random.default_rng(seed).permutation(n)
            n_offsets = max(1, max_pairs // n)
        return cls(
            (coordinates - coordinates.mean(axis=0))[order], (values - values.mean())[order], order, n_offsets
        )

    @property
    def total(self) -> int:
        """Number of pairs of the samples."""
        return len(self.values) * (len(self.values) - 1) // 2

    @property
    def used(self) -> int:
        """Number of pairs in the share."""
        n = len(self.values)
        return self.total if self.n_offsets == n // 2 else n * self.n_offsets

    def steps(
        self, direction: Direction | None = None, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield row numbers of the first and second samples, lag vectors and differences of values.

        Lag vectors and differences are those of the first sample less those of the second; with a
        direction only of the pairs in it.

        Yields
        ------
        first, second : ndarray of int, shape (n_pairs,)
        step : ndarray, shape (n_pairs, n_dimensions)
            In map units.
        difference : ndarray, shape (n_pairs,)

        Raises
        ------
        Cancelled
        """
        for first, second, done in index_pairs(len(self.values), self.n_offsets):
            stop_if(is_cancelled)
            step = self.coordinates[first] - self.coordinates[second]
            if direction is not None:
                held = direction.holds(step)
                first, second, step = first[held], second[held], step[held]
            yield first, second, step, self.values[first] - self.values[second]
            progress(done, "")


def index_pairs(n: int, n_offsets: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield index arrays of the pairs (i, i + offset mod n), some offsets at a time, and the share done.

    Offsets 1 to n // 2 give every pair once; for even n the last offset meets each pair twice, so
    only its first half is used.

    Yields
    ------
    first, second : ndarray of int, shape (n_pairs,)
    done : float
        Share of all pairs, 0 to 1.
    """
    at_once = max(1, _PAIRS_AT_ONCE // n)
    index = np.arange(n)
    for start in range(1, n_offsets + 1, at_once):
        offsets = np.arange(start, min(start + at_once, n_offsets + 1))
        first = np.broadcast_to(index, (len(offsets), n)).ravel()
        second = ((index + offsets[:, None]) % n).ravel()
        if 2 * offsets[-1] == n:
            half = len(first) - n // 2
            first, second = first[:half], second[:half]
        yield first, second, float(offsets[-1]) / n_offsets
