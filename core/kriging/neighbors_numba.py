"""The nearest of the candidates to each lane of a group, kept as bits: the second step of `nearest_numba`."""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .bins_numba import kth_smallest
from .distances_numba import (
    bits_within,
    count_bits,
    count_within,
    deposit_bits,
    first_bit,
    mark_within,
    narrow_bounds,
    settle_bounds,
    square_distances,
)
from .lanes_numba import GROUP, element, exact_part, fast_part

_MOST_COUNTS = 12
_CLOSE = 2.0
_LARGEST = 1.7976931348623157e308


@exact_part
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


@exact_part
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


@exact_part
def _mark(
    squared: np.ndarray, masks: np.ndarray, n_words: int, m: int, chosen: np.ndarray, table: np.ndarray, limit: int,
    n_sure: int, squared_radius: float, least: float, reach: float, most: float, work: np.ndarray, count: np.ndarray,
    column: np.ndarray, bits: np.ndarray, few: np.ndarray, first: int,
) -> None:  # fmt: skip
    """Add to the bits of each lane of a group those candidates that are among its limit nearest and within the radius.

    Parameters
    ----------
    squared : ndarray, shape (m, GROUP)
        Of the candidates in `masks`, in their order.
    limit, n_sure : int
        Neighbours wanted besides those that are sure.
    least, reach, most : float
        Squared distances with fewer, with about as many and with at least as many within as wanted.
    few : ndarray of int, shape (at least n_words,)
        Working memory, as `work`, `count` and `column`.
    """
    squared_radius = min(squared_radius, _LARGEST)
    bound, settled = work[0], work[1]
    # As if samples were spread evenly.
    density = (limit + n_sure) / max(reach, 1e-300)
    below = min(max(density * least - n_sure, 0.0), limit - 1.0)
    above = max(density * most - n_sure, limit + 1.0)
    for s in range(GROUP):
        bound[s] = reach
        work[1, s] = least
        work[2, s] = below
        work[3, s] = most
        work[4, s] = above
    if limit < m:
        for step in range(_MOST_COUNTS):
            count_within(element(squared, 0), m, element(bound, 0), element(count, 0))
            share = 0.5 if step % 4 == 3 else 0.03
            if not narrow_bounds(element(bound, 0), element(count, 0), float(limit), share, 1.0 - share):
                break
        settle_bounds(element(squared, 0), m, element(bound, 0), limit)
        for s in range(GROUP):
            settled[s] = bound[s]
            bound[s] = settled[s] if settled[s] < squared_radius else squared_radius
            count[s] = 0
    else:
        for s in range(GROUP):
            bound[s] = squared_radius
            count[s] = 0
    start = 0
    for word in range(n_words):
        mask, here = masks[word], count_bits(masks[word])
        if here > 0:
            mark_within(element(squared, start * GROUP), here, element(bound, 0), element(few, 0))
            for s in range(GROUP):
                count[s] += count_bits(few[s])
                bits[word, first + s] |= deposit_bits(few[s], mask)
            start += here
    if limit < m:
        # The lanes left have samples at the same distance: of these the first in the table.
        for s in range(GROUP):
            if count[s] > limit or (count[s] < limit and settled[s] <= squared_radius):
                _mark_one(squared, m, s, chosen, table, limit, squared_radius, column, few)
                start = 0
                for word in range(n_words):
                    here = count_bits(masks[word])
                    bits[word, first + s] &= ~masks[word]
                    bits[word, first + s] |= deposit_bits(_bits_from(few, start), masks[word])
                    start += here


@exact_part
def _bits_from(bits: np.ndarray, start: int) -> int:
    """Return the 64 bits from one on."""
    word, shift = start // 64, start % 64
    low = bits[word] >> shift
    if shift == 0:
        return low
    # What is shifted in from the left has the sign's bit.
    low &= (1 << (64 - shift)) - 1
    return low | (bits[word + 1] << (64 - shift)) if word + 1 < len(bits) else low


@exact_part
def mark_neighbors(
    cells: np.ndarray, first: int, points: np.ndarray, m: int, chosen: np.ndarray, table: np.ndarray, limit: int,
    radius: float, reach: float, squared: np.ndarray, work: np.ndarray, count: np.ndarray, column: np.ndarray,
    near: np.ndarray, near_points: np.ndarray, masks: np.ndarray, few: np.ndarray, bits: np.ndarray,
) -> None:  # fmt: skip
    """Mark the candidates that are among the limit nearest of each lane of a group and within the radius.

    The limit-th candidate of a cell lies no nearer and no farther than that of the group's middle by more than the
    way between the two. So the nearest are neighbours and the farthest none without a look at each cell.

    Parameters
    ----------
    cells, first : ndarray, shape (n_dimensions, n_lanes), int
        Places; those of the group begin at lane `first`.
    points : ndarray, shape (n_dimensions, at least m)
        Candidates.
    chosen, table : ndarray of int
        Number of each candidate, and its row in the table.
    reach : float
        From about here, within which there are about as many candidates as the limit.
    squared, work, count, column, near, near_points, masks, few
        Working memory: shape (m, GROUP), (5, GROUP), (GROUP,) of int, (m to the next multiple of 64, and 64 more),
        (m,) of int, that of `points`, (2, n_words) of int, (GROUP and n_words,) of int.
    bits : ndarray of int, shape (n_words, n_lanes)
        Filled from lane `first` on: the candidates of each lane, 64 a word.
    """
    n_words, last = (m + 63) // 64, first + GROUP - 1
    half = 0.0
    for s in range(first, last + 1):
        offset = 0.0
        for axis in range(len(cells)):
            offset += (cells[axis, s] - 0.5 * (cells[axis, first] + cells[axis, last])) ** 2
        half = max(half, offset)
    half = np.sqrt(half)
    n_sure, n_near = 0, 0
    low, high = 0.0, reach * reach
    if limit < m:
        squares_from(column, cells, first, last, points, m)
        for c in range(m, 64 * n_words):
            column[c] = np.inf
        low, high = _bracket(column, n_words, limit, reach, reach + half)
    far = min(np.sqrt(high) + half, radius)
    sure = min(np.sqrt(low) - half, radius) - half - 1e-9 * np.sqrt(low)
    sure_squared, far_squared = sure * sure if sure > 0.0 else -1.0, ((far + half) * (1.0 + 1e-9)) ** 2
    for word in range(n_words):
        here = min(m - 64 * word, 64)
        within, around = 0, -1 if here == 64 else (1 << here) - 1
        if limit < m:
            within = bits_within(element(column, 64 * word), sure_squared)
            around &= bits_within(element(column, 64 * word), far_squared) & ~within
        masks[word] = around
        n_sure += count_bits(within)
        for s in range(first, last + 1):
            bits[word, s] = within
        while around != 0:
            c = 64 * word + first_bit(around)
            near[n_near] = chosen[c]
            for axis in range(len(points)):
                near_points[axis, n_near] = points[axis, c]
            around &= around - 1
            n_near += 1
    distances_to_group(squared, cells, first, near_points, n_near)
    _mark(
        squared, masks, n_words, n_near, near, table, limit - n_sure, n_sure, radius * radius,
        max(np.sqrt(low) - half, 0.0) ** 2 * (1.0 - 1e-9), 0.5 * (low + high),
        (np.sqrt(high) + half) ** 2 * (1.0 + 1e-9), work, count, column, bits, few, first,
    )  # fmt: skip


@fast_part
def squares_from(
    out: np.ndarray, cells: np.ndarray, first: int, last: int, points: np.ndarray, m: int
) -> None:  # fmt: skip
    """Write the squared distances of m points from the middle between two places."""
    for c in range(m):
        out[c] = 0.0
    for axis in range(len(points)):
        middle, along = 0.5 * (cells[axis, first] + cells[axis, last]), points[axis]
        for c in range(m):
            offset = along[c] - middle
            out[c] += offset * offset


@exact_part
def _bracket(squared: np.ndarray, n_words: int, limit: int, reach: float, far: float) -> tuple:
    """Return two numbers with fewer of the squared distances within the one than the limit, and as many in the other.

    Between them there is seldom more than one.
    """
    low, low_count, high, high_count = 0.0, 0.0, np.inf, np.inf
    at = reach * reach
    for step in range(_MOST_COUNTS):
        count = 0
        for word in range(n_words):
            count += count_bits(bits_within(element(squared, 64 * word), at))
        if count >= limit:
            high, high_count = at, float(count)
        else:
            low, low_count = at, float(count)
        if high_count - low_count <= _CLOSE:
            break
        if high_count == np.inf:
            at = max(far * far, 2.0 * at)
            continue
        share = (limit - low_count) / (high_count - low_count)
        at = low + (high - low) * (0.5 if step % 4 == 3 else min(max(share, 0.1), 0.9))
    if high == np.inf:
        high = 0.0
        for c in range(64 * n_words):
            high = max(high, squared[c] if squared[c] < np.inf else 0.0)
    return low, high


@exact_part
def list_bits(
    bits: np.ndarray, without: np.ndarray, keep: int, n_words: int, used: np.ndarray, row_of: np.ndarray, n: int
) -> int:  # fmt: skip
    """Append the numbers of the bits set, of those `without` only with `keep` 0; return how many there are then."""
    for word in range(n_words):
        left = bits[0, word] & ~(without[0, word] & keep)
        while left != 0:
            c = 64 * word + first_bit(left)
            used[n], row_of[c] = c, n
            left &= left - 1
            n += 1
    return n


@exact_part
def list_rows(
    bits: np.ndarray, of: int, without: np.ndarray, of_without: int, n_words: int, row_of: np.ndarray,
    order: np.ndarray, place_of: np.ndarray, n: int,
) -> int:  # fmt: skip
    """Append the rows of the bits set in one row of words, save those `without`; return how many there are then."""
    for word in range(n_words):
        left = bits[of, word] & ~without[of_without, word]
        while left != 0:
            c = 64 * word + first_bit(left)
            order[n], place_of[c] = row_of[c], n
            left &= left - 1
            n += 1
    return n
