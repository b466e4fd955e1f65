"""The nearest of the candidates to each lane of a group, kept as bits: the second step of `nearest_numba`."""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .bins_numba import kth_smallest
from .distances_numba import (
    count_bits,
    count_within,
    first_bit,
    mark_within,
    narrow_bounds,
    settle_bounds,
    square_distances,
)
from .lanes_numba import GROUP, element, exact

_MOST_COUNTS = 12
_LARGEST = 1.7976931348623157e308


@exact
def distances_to_group(squared: np.ndarray, places: np.ndarray, first: int, points: np.ndarray, m: int) -> None:
    """Write the squared distances of m points to GROUP places, both by axis."""
    n_places, n_points = places.shape[1], points.shape[1]
    square_distances(
        element(points, 0), element(points, n_points), m, element(places, first), element(places, n_places + first),
        element(squared, 0),
    )  # fmt: skip
    if len(places) == 3:
        up = places[2][first : first + GROUP]
        for c in range(m):
            row = squared[c]
            for s in range(GROUP):
                offset = up[s] - points[2, c]
                row[s] += offset * offset


@exact
def _mark_one(
    squared: np.ndarray, m: int, s: int, chosen: np.ndarray, table: np.ndarray, limit: int, squared_radius: float,
    column: np.ndarray, bits: np.ndarray,
) -> None:  # fmt: skip
    """Mark the candidates that are among the nearest of lane s, of those at one distance the first in the table."""
    for c in range(m):
        column[c] = squared[c, s]
    kth = min(kth_smallest(column, m, limit), squared_radius)
    room = limit
    bits[: (m + 63) // 64] = 0
    for c in range(m):
        if squared[c, s] < kth:
            bits[c // 64] |= 1 << (c % 64)
            room -= 1
    while room > 0:
        nearest = -1
        for c in range(m):
            is_marked = bits[c // 64] >> (c % 64) & 1
            if squared[c, s] == kth and not is_marked:
                nearest = c if nearest < 0 or table[chosen[c]] < table[chosen[nearest]] else nearest
        if nearest < 0:
            break
        bits[nearest // 64] |= 1 << (nearest % 64)
        room -= 1


@exact
def mark_neighbors(
    squared: np.ndarray, m: int, chosen: np.ndarray, table: np.ndarray, limit: int, squared_radius: float, reach: float,
    far_reach: float, work: np.ndarray, count: np.ndarray, column: np.ndarray, bits: np.ndarray, first: int,
) -> None:  # fmt: skip
    """Mark the candidates that are among the limit nearest of each lane of a group and within the radius.

    Parameters
    ----------
    reach, far_reach : float
        Squared distances with about, and with at least, as many candidates within as the limit.
    work, count, column : ndarray, shape (5, GROUP), (GROUP,) of int, (m,)
        Working memory.
    bits : ndarray of int, shape (n_words, n_lanes)
        Filled from lane `first` on: the candidates of each lane, 64 a word.
    """
    squared_radius = min(squared_radius, _LARGEST)
    bound, settled = work[0], work[1]
    for s in range(GROUP):
        bound[s] = reach
        work[1, s] = 0.0
        work[2, s] = 0.0
        work[3, s] = far_reach
        work[4, s] = limit * max(far_reach / max(reach, 1e-300), 1.0) + 1.0
    if limit < m:
        for step in range(_MOST_COUNTS):
            count_within(element(squared, 0), m, element(bound, 0), element(count, 0))
            least = 0.5 if step % 4 == 3 else 0.03
            if not narrow_bounds(element(bound, 0), element(count, 0), float(limit), least, 1.0 - least):
                break
        settle_bounds(element(squared, 0), m, element(bound, 0), limit)
        for s in range(GROUP):
            settled[s] = bound[s]
            bound[s] = settled[s] if settled[s] < squared_radius else squared_radius
            count[s] = 0
    else:
        for s in range(GROUP):
            bound[s] = squared_radius
    n_lanes = bits.shape[1]
    for word in range((m + 63) // 64):
        start = 64 * word
        mark_within(
            element(squared, start * GROUP), min(m - start, 64), element(bound, 0),
            element(bits, word * n_lanes + first),
        )  # fmt: skip
        for s in range(GROUP):
            count[s] += count_bits(bits[word, first + s])
    if limit < m:
        # The lanes left have samples at the same distance: of these the first in the table.
        for s in range(GROUP):
            if count[s] != limit and settled[s] <= squared_radius:
                _mark_one(squared, m, s, chosen, table, limit, squared_radius, column, bits[:, first + s])


@exact
def list_bits(bits: np.ndarray, without: np.ndarray, keep: int, used: np.ndarray, row_of: np.ndarray, n: int) -> int:
    """Append the numbers of the bits set, of those `without` only with `keep` 0; return how many there are then."""
    for word in range(len(bits)):
        left = bits[word] & ~(without[word] & keep)
        while left != 0:
            c = 64 * word + first_bit(left)
            used[n], row_of[c] = c, n
            left &= left - 1
            n += 1
    return n


@exact
def list_rows(
    bits: np.ndarray, without: np.ndarray, row_of: np.ndarray, order: np.ndarray, place_of: np.ndarray, n: int
) -> int:
    """Append the rows of the bits set, save those `without`; return how many there are then."""
    for word in range(len(bits)):
        left = bits[word] & ~without[word]
        while left != 0:
            c = 64 * word + first_bit(left)
            order[n], place_of[c] = row_of[c], n
            left &= left - 1
            n += 1
    return n
