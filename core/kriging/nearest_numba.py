"""Kriging of a lattice from the nearest samples of each cell, compiled: the twin of `moving.MovingSystem`.

The cells are solved tile by tile, every step for all cells of a tile side by side:

1. *Candidates* come from bins of samples: those within R + 2d of the tile's middle, where R is the
   distance of the k-th sample from there and d that of the farthest cell.
2. *Neighbours*: the distance up to which a cell has k of them is found by counting, all cells at once.
3. *Shared* samples, neighbours of every cell, are eliminated once for the tile (Cholesky by blocks of
   rows); *extras*, neighbours of some cells, are reduced to their Schur complement.
4. *Own* extras of each cell make a small system; GROUP cells are factorised side by side.

This is the Cholesky factorisation of each cell's system with its samples in a certain order: nothing is
approximated.
"""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .global_numba import lattice_places
from .lanes_numba import (
    GROUP,
    ROWS,
    STEP,
    element,
    exact,
    fast,
    lane_covariances,
    multiply_rows,
    subtract_group_dots,
)

_MOST_COUNTS = 14
_FEW_LANES = 3.0  # that cost less one by one than another count of all
_LARGEST = 1.7976931348623157e308


@exact
def _kth_smallest(values: np.ndarray, n: int, k: int) -> float:
    """Return the k-th smallest (from 1) of the first n values, which are reordered."""
    low, high, k = 0, n - 1, k - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@exact
def _squared_distances(
    squared: np.ndarray, places: np.ndarray, points: np.ndarray, chosen: np.ndarray, m: int, n: int
) -> None:
    """Write the squared distances of m chosen points to n places, both by axis, without fused rounding.

    Samples at the same distance must stay so: no multiplication is fused with an addition here.
    """
    for c in range(m):
        row = squared[c]
        point = points[0, chosen[c]]
        along = places[0]
        for s in range(n):
            offset = along[s] - point
            row[s] = offset * offset
        for axis in range(1, len(places)):
            point = points[axis, chosen[c]]
            along = places[axis]
            for s in range(n):
                offset = along[s] - point
                row[s] += offset * offset


@fast
def _count_within(squared: np.ndarray, m: int, n: int, bound: np.ndarray, count: np.ndarray) -> None:
    """Count the points within the bound of each of n lanes."""
    for s in range(n):
        count[s] = 0.0
    whole = m - m % 4
    for c in range(0, whole, 4):
        row_0, row_1, row_2, row_3 = squared[c], squared[c + 1], squared[c + 2], squared[c + 3]
        for s in range(n):
            at = bound[s]
            few = (1.0 if row_0[s] <= at else 0.0) + (1.0 if row_1[s] <= at else 0.0)
            more = (1.0 if row_2[s] <= at else 0.0) + (1.0 if row_3[s] <= at else 0.0)
            count[s] += few + more
    for c in range(whole, m):
        row = squared[c]
        for s in range(n):
            count[s] += 1.0 if row[s] <= bound[s] else 0.0


@fast
def _adjust(
    n: int, k: float, step: int, count: np.ndarray, bound: np.ndarray, low: np.ndarray, low_count: np.ndarray,
    high: np.ndarray, high_count: np.ndarray,
) -> float:  # fmt: skip
    """Move the bounds of the lanes with other than k points within towards k; return how many those are."""
    wrong = 0.0
    for s in range(n):
        is_low, is_high = count[s] < k, count[s] > k
        low[s] = bound[s] if is_low else low[s]
        low_count[s] = count[s] if is_low else low_count[s]
        high[s] = bound[s] if is_high else high[s]
        high_count[s] = count[s] if is_high else high_count[s]
        share = (k + 0.5 - low_count[s]) / (high_count[s] - low_count[s])
        share = share if share > 0.03 else 0.03
        share = share if share < 0.97 else 0.97
        share = 0.5 if step % 4 == 3 else share
        between = low[s] + (high[s] - low[s]) * share
        is_wrong = is_low | is_high
        bound[s] = between if is_wrong else bound[s]
        wrong += 1.0 if is_wrong else 0.0
    return wrong


@exact
def _mark_neighbors(
    squared: np.ndarray, m: int, n: int, chosen: np.ndarray, limit: int, squared_radius: float, reach: float,
    far_reach: float, bound: np.ndarray, work: np.ndarray, column: np.ndarray, is_neighbor: np.ndarray,
) -> None:  # fmt: skip
    """Mark the candidates that are among the limit nearest of each lane and within the radius.

    Parameters
    ----------
    reach, far_reach : float
        Squared distances with about, and with at least, as many candidates within as the limit.
    bound, work, column : ndarray, shape (n,), (5, n), (m,)
        Working memory.
    """
    count, low, low_count, high, high_count = work[0], work[1], work[2], work[3], work[4]
    n_wrong = 0.0
    if limit < m:
        bound[:n] = reach
        low[:n] = 0.0
        low_count[:n] = 0.0
        high[:n] = far_reach
        high_count[:n] = limit * max(far_reach / max(reach, 1e-300), 1.0) + 1.0
        n_wrong = 1.0
        for step in range(_MOST_COUNTS):
            _count_within(squared, m, n, bound, count)
            n_wrong = _adjust(n, float(limit), step, count, bound, low, low_count, high, high_count)
            if n_wrong <= _FEW_LANES:
                break
        for s in range(n):
            bound[s] = min(bound[s], squared_radius)
    else:
        bound[:n] = squared_radius
    for s in range(n):
        bound[s] = min(bound[s], _LARGEST)
    for c in range(m):
        row, marks = squared[c], is_neighbor[c]
        for s in range(n):
            marks[s] = row[s] <= bound[s]
    if n_wrong > 0.0:
        # The lanes left, often those with samples at the same distance: of these the first in the table.
        for s in range(n):
            if count[s] == limit:
                continue
            for c in range(m):
                column[c] = squared[c, s]
            kth = min(_kth_smallest(column, m, limit), squared_radius, _LARGEST)
            room = limit
            for c in range(m):
                is_neighbor[c, s] = squared[c, s] < kth
                room -= is_neighbor[c, s]
            while room > 0:
                first = -1
                for c in range(m):
                    if squared[c, s] == kth and not is_neighbor[c, s] and (first < 0 or chosen[c] < chosen[first]):
                        first = c
                if first < 0:
                    break
                is_neighbor[first, s] = True
                room -= 1


@fast
def _subtract_rows(rows: np.ndarray, first: int, n_rows: int, others: np.ndarray, n: int) -> None:
    """Subtract rows from rows."""
    for r in range(n_rows):
        to_row, from_row = rows[first + r], others[r]
        for s in range(n):
            to_row[s] -= from_row[s]


@fast
def _subtract_share(row: np.ndarray, other: np.ndarray, share: float, n: int) -> None:
    """Subtract a share of another row."""
    for s in range(n):
        row[s] -= share * other[s]


@fast
def _scale(row: np.ndarray, factor: float, n: int) -> None:
    """Multiply a row."""
    for s in range(n):
        row[s] *= factor


@fast
def _add_core(target: np.ndarray, with_known: np.ndarray, rows: np.ndarray, n_core: int, n: int, at_known: int) -> None:
    """Add the shared rows' products: of each lane with itself, and with the known columns."""
    for j in range(n_core):
        row = rows[j]
        for s in range(n):
            target[s] += row[s] * row[s]
        for g in range(len(with_known)):
            share, to_row = row[at_known + g], with_known[g]
            for s in range(n):
                to_row[s] += share * row[s]


@exact
def _eliminate(
    rows: np.ndarray, factor: np.ndarray, n_core: int, n_used: int, at_samples: int, n: int, sums: np.ndarray,
    smallest: float,
) -> bool:  # fmt: skip
    """Turn the shared rows into rows of a Cholesky factor, the others into a Schur complement; False if singular."""
    for block in range(0, n_core, ROWS):
        stop = min(block + ROWS, n_core)
        if block > 0:
            multiply_rows(factor, block, block, rows, n, sums)
            _subtract_rows(rows, block, stop - block, sums, n)
        for i in range(block, stop):
            pivot = rows[i, at_samples + i]
            if not pivot > smallest:
                return False
            _scale(rows[i], 1.0 / np.sqrt(pivot), n)
            for later in range(i + 1, stop):
                _subtract_share(rows[later], rows[i], rows[i, at_samples + later], n)
        for i in range(block, stop):
            for later in range(stop, n_used):
                factor[later, i] = rows[i, at_samples + later]
    if n_core > 0:
        for first in range(n_core, n_used, ROWS):
            multiply_rows(factor, first, n_core, rows, n, sums)
            _subtract_rows(rows, first, min(ROWS, n_used - first), sums, n)
    return True


@exact
def _gather_group(
    small: np.ndarray, rows: np.ndarray, n_core: int, at_samples: int, at_known: int, n_known: int, own: np.ndarray,
    n_own: np.ndarray, first: int, n: int, widest: int, most: int, columns: np.ndarray,
) -> None:  # fmt: skip
    """Copy the small systems of GROUP cells: lower triangle, then the cell's and the known right sides."""
    for side in range(GROUP):
        lane = min(first + side, n - 1)
        count = n_own[lane]
        for i in range(count):
            columns[i] = at_samples + n_core + own[i, lane]
        for i in range(count):
            row = rows[columns[i] - at_samples]
            to = i * most * GROUP + side
            for j in range(i + 1):
                small[to + j * GROUP] = row[columns[j]]
            small[(most * most + i) * GROUP + side] = row[lane]
            for g in range(n_known):
                small[((most + 1 + g) * most + i) * GROUP + side] = row[at_known + g]
        for i in range(count, widest):
            to = i * most * GROUP + side
            for j in range(i):
                small[to + j * GROUP] = 0.0
            small[to + i * GROUP] = 1.0
            for g in range(n_known + 1):
                small[((most + g) * most + i) * GROUP + side] = 0.0


@exact
def _factorize_group(
    small: np.ndarray, widest: int, most: int, n_known: int, inverse: np.ndarray, ones: np.ndarray, smallest: float
) -> bool:
    """Turn small systems into Cholesky factors and whitened right sides; False if one is singular."""
    stride = most * GROUP
    for j in range(widest):
        pivots = j * stride + j * GROUP
        subtract_group_dots(
            element(small, pivots), element(small, j * stride), element(small, j * stride), j, element(ones, 0)
        )
        for side in range(GROUP):
            if not small[pivots + side] > smallest:
                return False
        for side in range(GROUP):
            inverse[side] = 1.0 / np.sqrt(small[pivots + side])
        for i in range(j + 1, widest):
            subtract_group_dots(
                element(small, i * stride + j * GROUP), element(small, i * stride), element(small, j * stride), j,
                element(inverse, 0),
            )  # fmt: skip
        for i in range(most, most + 1 + n_known):
            subtract_group_dots(
                element(small, i * stride + j * GROUP), element(small, i * stride), element(small, j * stride), j,
                element(inverse, 0),
            )  # fmt: skip
    return True


@exact
def _add_own(
    small: np.ndarray, widest: int, most: int, n_known: int, first: int, n_here: int, target: np.ndarray,
    with_known: np.ndarray, constant_known: np.ndarray,
) -> None:  # fmt: skip
    """Add the products of the cells' own rows: of the cell with itself, of cell and of constant with the known."""
    stride = most * GROUP
    cell, constant = most * stride, (most + 1) * stride
    for j in range(widest):
        at = j * GROUP
        for side in range(n_here):
            value = small[cell + at + side]
            target[first + side] += value * value
        for g in range(n_known):
            known = (most + 1 + g) * stride + at
            for side in range(n_here):
                with_known[g, first + side] += small[cell + at + side] * small[known + side]
                constant_known[g, first + side] += small[constant + at + side] * small[known + side]


@exact
def _gather_candidates(
    middle: np.ndarray, reach: float, limit: int, extra: float, radius: float, points: np.ndarray, bins: np.ndarray,
    starts: np.ndarray, origin: np.ndarray, side: float, shape: np.ndarray, found: np.ndarray, squared: np.ndarray,
    scratch: np.ndarray,
) -> tuple:  # fmt: skip
    """Find the samples that may be a neighbour of a place no farther than `extra` / 2 from the middle.

    Parameters
    ----------
    reach : float
        Within which there are surely as many samples as the limit.

    Returns
    -------
    n_found : int
    kth : float
        Distance of the last sample within the limit from the middle.
    """
    widest = min(reach + extra, radius + 0.5 * extra) * (1.0 + 1e-9)
    low_x = max(int(np.floor((middle[0] - widest - origin[0]) / side)), 0)
    high_x = min(int(np.floor((middle[0] + widest - origin[0]) / side)), shape[0] - 1)
    low_y = max(int(np.floor((middle[1] - widest - origin[1]) / side)), 0)
    high_y = min(int(np.floor((middle[1] + widest - origin[1]) / side)), shape[1] - 1)
    n_found = 0
    for bin_y in range(low_y, high_y + 1):
        # Bins of a row follow one another.
        for place in range(starts[bin_y * shape[0] + low_x], starts[bin_y * shape[0] + high_x + 1]):
            sample = bins[place]
            distance = 0.0
            for axis in range(len(points)):
                distance += (points[axis, sample] - middle[axis]) ** 2
            found[n_found] = sample
            squared[n_found] = distance
            n_found += distance <= widest * widest
    kth = reach
    if n_found >= limit:
        for i in range(n_found):
            scratch[i] = squared[i]
        kth = np.sqrt(_kth_smallest(scratch, n_found, limit))
    nearest = (min(kth + extra, radius + 0.5 * extra) * (1.0 + 1e-9)) ** 2
    n_kept = 0
    for i in range(n_found):
        found[n_kept] = found[i]
        n_kept += squared[i] <= nearest
    return n_kept, kth


@exact
def solve_lattice(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tile_side: tuple, first: int, last: int,
    search_matrix: np.ndarray, search_points: np.ndarray, bins: np.ndarray, starts: np.ndarray, origin: np.ndarray,
    bin_side: float, shape: np.ndarray, limit: int, radius: float, first_reach: float,
    frame_matrices: np.ndarray, sample_places: np.ndarray, known: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, sill: float,
    counts: np.ndarray, target: np.ndarray, target_known: np.ndarray, constant_known: np.ndarray,
) -> bool:  # fmt: skip
    """Solve the systems of the cells of some rows of tiles.

    Parameters
    ----------
    x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)
        Coordinates of the cell centres; all have the elevation z.
    tile_side : tuple of int
        Rows and columns of a tile.
    first, last : int
        Of all rows of tiles, those to solve.
    search_matrix, search_points : ndarray, shape (1, n_dimensions, n_dimensions), (n_dimensions, n_samples)
        Search frame, and the samples in it.
    bins, starts : ndarray of int, shape (n_samples,), (n_bins + 1,)
        Samples by the square bin they lie in, bins row by row.
    origin, bin_side, shape : ndarray, shape (2,), float, ndarray of int, shape (2,)
        Corner of the first bin, side of a bin, number of bins along both axes.
    limit, radius : int, float
        Most neighbours, and how far they may be.
    first_reach : float
        From the middle of the first tile, within which there are surely as many samples as the limit.
    frame_matrices, sample_places : ndarray
        As in `global_numba.whiten_lattice`.
    known : ndarray, shape (n_samples, n_known)
        The constant, drift scores and values at the samples.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    sill : float
    counts : ndarray of int, shape (n_rows, n_columns)
        Filled with the number of neighbours.
    target, target_known, constant_known : ndarray, shape (n_rows, n_columns), (n_known, n_rows, n_columns) twice
        Filled with dot products in whitened space.

    Returns
    -------
    bool
        Whether every system has a unique solution.
    """
    n_dimensions, n_samples = search_points.shape
    n_known, n_frames = known.shape[1], len(frame_matrices)
    most_lanes = STEP * ((tile_side[0] * tile_side[1] + STEP - 1) // STEP)
    found = np.empty(n_samples + 1, dtype=np.int64)
    squared_found, scratch = np.empty(n_samples + 1), np.empty(n_samples + 1)
    middle = np.empty(n_dimensions)
    cells = np.empty((1, n_dimensions, most_lanes))
    bound, work = np.empty(most_lanes), np.empty((5, most_lanes))
    squared = np.empty((0, most_lanes))
    is_neighbor = np.empty((0, most_lanes), dtype=np.bool_)
    used, own = np.empty(0, dtype=np.int64), np.empty((0, most_lanes), dtype=np.int64)
    n_own = np.empty(most_lanes, dtype=np.int64)
    rows, sums = np.empty((0, 0)), np.empty((ROWS, 0))
    factor = np.empty((0, 0))
    places, distance = np.empty((n_frames, n_dimensions, 0)), np.empty(0)
    small, most_small, used_columns = np.empty(0), 0, np.empty(0, dtype=np.int64)
    inverse, ones = np.empty(GROUP), np.ones(GROUP)
    sum_target = np.empty(most_lanes)
    sum_known, sum_constant = np.empty((n_known, most_lanes)), np.empty((n_known, most_lanes))
    corner_reach, corner = first_reach, np.empty(n_dimensions)
    is_first = True
    for top in range(first * tile_side[0], min(last * tile_side[0], len(y)), tile_side[0]):
        tile_rows = (top, min(top + tile_side[0], len(y)))
        reach = corner_reach
        for left in range(0, len(x), tile_side[1]):
            tile_columns = (left, min(left + tile_side[1], len(x)))
            n_columns = tile_columns[1] - left
            n_here = (tile_rows[1] - top) * n_columns
            n = lattice_places(cells, search_matrix, x, y, z, tile_rows, tile_columns)
            # Candidates.
            shift, half = 0.0, 0.0
            for axis in range(n_dimensions):
                new = 0.5 * (cells[0, axis, 0] + cells[0, axis, n_here - 1])
                before = corner[axis] if left == 0 else middle[axis]
                shift += (new - before) ** 2
                middle[axis] = new
            for s in range(n_here):
                offset = 0.0
                for axis in range(n_dimensions):
                    offset += (cells[0, axis, s] - middle[axis]) ** 2
                half = max(half, offset)
            half = np.sqrt(half)
            reach = reach if is_first else reach + np.sqrt(shift)
            is_first = False
            m, reach = _gather_candidates(
                middle, reach, limit, 2.0 * half, radius, search_points, bins, starts, origin, bin_side, shape,
                found, squared_found, scratch,
            )  # fmt: skip
            if left == 0:
                corner_reach = reach
                corner[:] = middle
            if m > len(squared):
                squared = np.empty((m + 16, most_lanes))
                is_neighbor = np.empty((m + 16, most_lanes), dtype=np.bool_)
                used, own = np.empty(m + 16, dtype=np.int64), np.empty((m + 16, most_lanes), dtype=np.int64)
            # Neighbours of each cell.
            _squared_distances(squared, cells[0], search_points, found, m, n)
            _mark_neighbors(
                squared, m, n, found, limit, radius * radius, reach * reach, (reach + half) ** 2 * (1.0 + 1e-9),
                bound, work, scratch, is_neighbor,
            )  # fmt: skip
            # Shared samples first, then the extras.
            n_core, n_used = 0, 0
            for c in range(m):
                count = 0
                for s in range(n):
                    count += is_neighbor[c, s]
                if count == n:
                    used[n_used] = used[n_core]
                    used[n_core] = c
                    n_core += 1
                    n_used += 1
                elif count > 0:
                    used[n_used] = c
                    n_used += 1
            n_own[:n] = 0
            for e in range(n_used - n_core):
                marks = is_neighbor[used[n_core + e]]
                for s in range(n):
                    own[n_own[s], s] = e
                    n_own[s] += marks[s]
            most_own = 0
            for s in range(n):
                most_own = max(most_own, n_own[s])
            # Rows of the shared samples and extras: covariances with cells | known | covariances with one another.
            at_samples = n + n_known
            width = STEP * ((at_samples + n_used + STEP - 1) // STEP)
            padded_used = ROWS * ((n_used + ROWS - 1) // ROWS) + ROWS
            if width != rows.shape[1] or padded_used > len(rows):
                wider = max(width, rows.shape[1])
                rows, sums = np.zeros((max(padded_used + 8, len(rows)), wider)), np.empty((ROWS, wider))
                places, distance = np.zeros((n_frames, n_dimensions, wider)), np.empty(wider)
                factor = np.zeros((len(rows), len(rows)))
            width = rows.shape[1] if width > rows.shape[1] else width
            lattice_places(places, frame_matrices, x, y, z, tile_rows, tile_columns)
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    for i in range(n_used):
                        places[frame, axis, at_samples + i] = sample_places[frame, axis, found[used[i]]]
                    for g in range(n_known):
                        places[frame, axis, n + g] = places[frame, axis, 0]
                    for s in range(at_samples + n_used, width):
                        places[frame, axis, s] = places[frame, axis, 0]
            for i in range(n_used):
                sample = found[used[i]]
                lane_covariances(
                    rows[i], sample_places, sample, places, width, distance, frames, models, psills, scales
                )  # fmt: skip
                for g in range(n_known):
                    rows[i, n + g] = known[sample, g]
                rows[i, at_samples + i] = sill
            smallest = sill * n_used * 2.220446049250313e-16
            if not _eliminate(rows, factor, n_core, n_used, at_samples, width, sums, smallest):
                return False
            sum_target[:n] = 0.0
            sum_known[:, :n] = 0.0
            _add_core(sum_target, sum_known, rows, n_core, n, n)
            for g in range(n_known):
                total = 0.0
                for j in range(n_core):
                    total += rows[j, n] * rows[j, n + g]
                sum_constant[g, :n] = total
            # What remains of each cell's system.
            if most_own > most_small:
                most_small = most_own + 4
                small = np.empty((most_small + 1 + n_known) * most_small * GROUP)
                used_columns = np.empty(most_small, dtype=np.int64)
            for group in range(0, n_here, GROUP):
                widest = 0
                for s in range(group, min(group + GROUP, n)):
                    widest = max(widest, n_own[s])
                if widest == 0:
                    continue
                _gather_group(
                    small, rows, n_core, at_samples, n, n_known, own, n_own, group, n, widest, most_small, used_columns
                )  # fmt: skip
                if not _factorize_group(small, widest, most_small, n_known, inverse, ones, smallest):
                    return False
                _add_own(
                    small, widest, most_small, n_known, group, min(GROUP, n_here - group), sum_target, sum_known,
                    sum_constant,
                )  # fmt: skip
            at = 0
            for row in range(tile_rows[0], tile_rows[1]):
                for column in range(n_columns):
                    s, to = at + column, left + column
                    counts[row, to] = n_core + n_own[s]
                    target[row, to] = sum_target[s]
                    for g in range(n_known):
                        target_known[g, row, to] = sum_known[g, s]
                        constant_known[g, row, to] = sum_constant[g, s]
                at += n_columns
    return True
