"""Assay intervals of unequal length to composites of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Intervals:
    """Assayed intervals of one hole, in depth order, none overlapping another.

    Parameters
    ----------
    tops, bottoms : ndarray, shape (n_intervals,)
        Depth along the hole.
    values : ndarray, shape (n_intervals, n_fields)
        Data units, NaN where not known.
    domains : sequence, length n_intervals, or None
        What composites must not mix (lithology, ore zone); None: nothing.

    Raises
    ------
    InputError
        When intervals overlap or are out of order.
    """

    tops: np.ndarray
    bottoms: np.ndarray
    values: np.ndarray
    domains: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        tops, bottoms = np.asarray(self.tops, dtype=float), np.asarray(self.bottoms, dtype=float)
        values = np.asarray(self.values, dtype=float)
        if not (tops.ndim == 1 and tops.shape == bottoms.shape and values.ndim == 2 and len(values) == len(tops)):
            raise InputError(
                f"Expected one top, bottom and row of values an interval, got shapes {tops.shape}, {bottoms.shape} and "
                f"{values.shape}."
            )
        if (bottoms <= tops).any() or (tops[1:] < bottoms[:-1]).any():
            raise InputError("Expected intervals in depth order that do not overlap.")
        object.__setattr__(self, "tops", tops)
        object.__setattr__(self, "bottoms", bottoms)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Composites:
    """Composites of one hole.

    Parameters
    ----------
    tops, bottoms : ndarray, shape (n_composites,)
    values : ndarray, shape (n_composites, n_fields)
        Length-weighted means; NaN where too little of the composite was assayed for this field.
    assayed : ndarray, shape (n_composites, n_fields)
        Share of the composite's length that was assayed.
    domains : list or None
    n_short : int
        Pieces at the end of a hole or domain too short to stand for a composite; left out.
    """

    tops: np.ndarray
    bottoms: np.ndarray
    values: np.ndarray
    assayed: np.ndarray
    domains: list[Any] | None
    n_short: int


def composite(intervals: Intervals, length: float, least_share: float = 0.5) -> Composites:
    """Average intervals over equal lengths down the hole, from the top of the first one.

    Where domains are given, a composite ends where the domain changes and the next one begins there.

    Parameters
    ----------
    intervals : Intervals
    length : float
        Of a composite, along the hole.
    least_share : float
        Share of `length` a composite must have, and of it that must be assayed for a value; above 0, at most 1.

    Returns
    -------
    Composites
        Composites without any value are left out.

    Raises
    ------
    InputError
        For a length or share outside its bounds.

    Examples
    --------
    >>> found = composite(Intervals([0, 1, 3], [1, 3, 4], [[2.0], [5.0], [8.0]]), 2.0)
    >>> found.values.ravel()
    array([3.5, 6.5])
    """
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"Expected a composite length above 0, got {length!r}.")
    if not 0 < least_share <= 1:
        raise InputError(f"Expected a least share above 0 and at most 1, got {least_share!r}.")
    tops, bottoms, domains, n_short = [], [], [], 0
    for first, last in _runs(intervals.domains, len(intervals.tops)):
        start, end = intervals.tops[first], intervals.bottoms[last - 1]
        # Rounding of depths must not make a further composite of a millionth.
        n = max(int(np.ceil((end - start) / length - 1e-6)), 1)
        edges = np.minimum(start + length * np.arange(n + 1), end)
        edges[-1] = end
        long_enough = np.diff(edges) >= least_share * length * (1 - 1e-9)
        n_short += int((~long_enough).sum())
        tops += edges[:-1][long_enough].tolist()
        bottoms += edges[1:][long_enough].tolist()
        domains += [None if intervals.domains is None else intervals.domains[first]] * int(long_enough.sum())
    top, bottom = np.array(tops, dtype=float), np.array(bottoms, dtype=float)
    n_fields = intervals.values.shape[1]
    values, assayed = np.full((len(top), n_fields), np.nan), np.zeros((len(top), n_fields))
    for column in range(n_fields):
        own = intervals.values[:, column]
        known = np.isfinite(own)
        metres = _between(intervals, np.where(known, 1.0, 0.0), top, bottom)
        total = _between(intervals, np.where(known, own, 0.0), top, bottom)
        assayed[:, column] = metres / (bottom - top)
        enough = assayed[:, column] >= least_share * (1 - 1e-9)
        values[enough, column] = total[enough] / metres[enough]
    kept = np.isfinite(values).any(axis=1)
    return Composites(
        top[kept], bottom[kept], values[kept], assayed[kept],
        None if intervals.domains is None else [domain for domain, keep in zip(domains, kept) if keep], n_short,
    )  # fmt: skip


def _runs(domains: Sequence[Any] | None, n: int) -> list[tuple[int, int]]:
    """Return first and past-the-last interval of each stretch within one domain."""
    if domains is None:
        return [(0, n)] if n else []
    starts = [row for row in range(n) if row == 0 or domains[row] != domains[row - 1]]
    return list(zip(starts, [*starts[1:], n]))


def _between(intervals: Intervals, density: np.ndarray, tops: np.ndarray, bottoms: np.ndarray) -> np.ndarray:
    """Integrate a value a unit length, constant within intervals and 0 between them, over other intervals."""
    depths = np.column_stack([intervals.tops, intervals.bottoms]).ravel()
    after = np.cumsum(density * (intervals.bottoms - intervals.tops))
    total = np.column_stack([np.append(0.0, after[:-1]), after]).ravel()
    return np.interp(bottoms, depths, total) - np.interp(tops, depths, total)
