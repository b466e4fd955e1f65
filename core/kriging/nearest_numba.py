"""Kriging of a lattice from the nearest samples of each cell, compiled: the twin of `moving.MovingSystem`.

Cells are solved tile by tile; a tile is made of groups of 4 x 4 cells, and those are the lanes of a group:

1. *Candidates* come from bins of samples: those within R + 2d of the tile's middle, where R is the
   distance of the k-th sample from there and d that of the farthest cell.
2. *Neighbours*: the distance up to which a cell has k of them is found by counting, a group at once.
   Which candidates they are is kept as bits.
3. *Shared* samples, neighbours of every cell, are eliminated once for the tile (Cholesky by blocks of
   rows); *extras*, neighbours of some cells, are reduced to their Schur complement.
4. The same again for each group: the extras all its cells share are eliminated from what the tile left.
5. *Own* extras of each cell make a small system; those of a group are factorised side by side.
6. Where gradients are wanted, what the samples of each cell are multiplied by is found on the way back through
   the factors (`duals_numba`), and their gradients are summed (`slopes_numba`).

This is the Cholesky factorisation of each cell's system with its samples in a certain order: nothing is
approximated.
"""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .duals_numba import duals_of_group, duals_of_own, duals_of_tile
from .groups_numba import (
    add_lane_dots,
    add_shares,
    count_within,
    element_at,
    first_bit,
    mark_within,
    put_element,
    square_distances,
    subtract_share,
)
from .lanes_numba import (
    GROUP,
    ROWS,
    STEP,
    copy_lanes,
    element,
    exact,
    exponential,
    factorize_group,
    fast,
    lane_covariances,
    subtract_block,
)
from .slopes_numba import add_slopes_of_group, is_simple, simple_constants

SIDE = 4
"""Cells along a side of a group: GROUP is its square."""

_MOST_COUNTS = 12
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
def _tile_places(
    places: np.ndarray, at: int, frames: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, rows: tuple,
    columns: tuple,
) -> int:  # fmt: skip
    """Write the coordinates of a tile's cells, group by group, to lanes from `at` on; return how many lanes that is.

    Where a group reaches beyond the tile, the nearest cell of the tile is repeated.
    """
    n_dimensions = frames.shape[1]
    lane = 0
    for frame in range(len(frames)):
        for axis in range(n_dimensions):
            out = places[frame, axis]
            along, across = frames[frame, axis, 0], frames[frame, axis, 1]
            up = frames[frame, axis, 2] * z[0] if n_dimensions == 3 else 0.0
            lane = at
            for top in range(rows[0], rows[1], SIDE):
                for left in range(columns[0], columns[1], SIDE):
                    for row in range(top, top + SIDE):
                        start = across * y[min(row, rows[1] - 1)] + up
                        for column in range(left, left + SIDE):
                            out[lane] = along * x[min(column, columns[1] - 1)] + start
                            lane += 1
    return lane - at


@exact
def _squared_distances(squared: np.ndarray, places: np.ndarray, first: int, points: np.ndarray, m: int) -> None:
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


@fast
def _adjust(k: float, step: int, counts: np.ndarray, work: np.ndarray) -> bool:
    """Move the bounds of the lanes with other than k points within towards k; return whether there are such.

    Rows of `work` are the bound, one below with its count, one above with its count.
    """
    bound, low, low_count, high, high_count = work[0], work[1], work[2], work[3], work[4]
    wrong = 0.0
    for s in range(GROUP):
        count = float(counts[s])
        is_low, is_high = count < k, count > k
        low[s] = bound[s] if is_low else low[s]
        low_count[s] = count if is_low else low_count[s]
        high[s] = bound[s] if is_high else high[s]
        high_count[s] = count if is_high else high_count[s]
        share = (k + 0.5 - low_count[s]) / (high_count[s] - low_count[s])
        share = share if share > 0.03 else 0.03
        share = share if share < 0.97 else 0.97
        share = 0.5 if step % 4 == 3 else share
        between = low[s] + (high[s] - low[s]) * share
        is_wrong = is_low | is_high
        bound[s] = between if is_wrong else bound[s]
        wrong += 1.0 if is_wrong else 0.0
    return wrong > 0.0


@exact
def _mark_neighbors(
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
    bound = work[0]
    is_wrong = False
    if limit < m:
        for s in range(GROUP):
            bound[s] = reach
            work[1, s] = 0.0
            work[2, s] = 0.0
            work[3, s] = far_reach
            work[4, s] = limit * max(far_reach / max(reach, 1e-300), 1.0) + 1.0
        for step in range(_MOST_COUNTS):
            count_within(element(squared, 0), m, element(bound, 0), element(count, 0))
            is_wrong = _adjust(float(limit), step, count, work)
            if not is_wrong:
                break
        for s in range(GROUP):
            bound[s] = min(bound[s], squared_radius)
    else:
        bound[:] = squared_radius
    for s in range(GROUP):
        bound[s] = min(bound[s], _LARGEST)
    n_words, n_lanes = bits.shape
    for word in range(n_words):
        start = 64 * word
        mark_within(
            element(squared, start * GROUP), max(min(m - start, 64), 0), element(bound, 0),
            element(bits, word * n_lanes + first),
        )  # fmt: skip
    if is_wrong:
        # The lanes left, often those with samples at the same distance: of these the first in the table.
        for s in range(GROUP):
            if count[s] == limit:
                continue
            for c in range(m):
                column[c] = squared[c, s]
            kth = min(_kth_smallest(column, m, limit), squared_radius, _LARGEST)
            room = limit
            for word in range(n_words):
                bits[word, first + s] = 0
            for c in range(m):
                if squared[c, s] < kth:
                    bits[c // 64, first + s] |= 1 << (c % 64)
                    room -= 1
            while room > 0:
                nearest = -1
                for c in range(m):
                    is_marked = bits[c // 64, first + s] >> (c % 64) & 1
                    if squared[c, s] == kth and not is_marked:
                        nearest = c if nearest < 0 or table[chosen[c]] < table[chosen[nearest]] else nearest
                if nearest < 0:
                    break
                bits[nearest // 64, first + s] |= 1 << (nearest % 64)
                room -= 1


@fast
def _covariances_from(
    out: np.ndarray, x: float, y: float, along: np.ndarray, across: np.ndarray, model: int,
    psill: float, scale: float,
) -> None:  # fmt: skip
    """Write the spherical (model 0) or exponential covariances of one sample with targets in the plane."""
    factor = 1.0 / scale
    if model == 0:
        for j in range(len(out)):
            a, b = along[j] - x, across[j] - y
            r = np.sqrt(a * a + b * b) * factor
            r = r if r < 1.0 else 1.0
            out[j] = psill * (1.0 - r * (1.5 - 0.5 * r * r))
    else:
        for j in range(len(out)):
            a, b = along[j] - x, across[j] - y
            out[j] = psill * exponential(-3.0 * factor * np.sqrt(a * a + b * b))


@fast
def _scale(row: np.ndarray, factor: float) -> None:
    """Multiply a row."""
    for s in range(len(row)):
        row[s] *= factor


@exact
def _add_shared(
    target: np.ndarray, with_known: np.ndarray, constant_known: np.ndarray, first: int, n: int, rows: np.ndarray,
    n_shared: int, at_lanes: int, at_known: int,
) -> None:  # fmt: skip
    """Add the products of shared rows: of each lane with itself, of lanes and of the constant with the known."""
    n_known, stride, n_lanes = len(with_known), rows.shape[1], with_known.shape[1]
    for lane in range(0, n, GROUP):
        lanes, to = element(rows, at_lanes + lane), first + lane
        add_lane_dots(element(target, to), lanes, stride, lanes, stride, n_shared)
        for g in range(n_known):
            add_shares(
                element(with_known, g * n_lanes + to), lanes, stride, element(rows, at_known + g), stride, n_shared
            )
    for g in range(n_known):
        total = 0.0
        for j in range(n_shared):
            total += rows[j, at_known] * rows[j, at_known + g]
        for s in range(first, first + n):
            constant_known[g, s] += total


@exact
def _eliminate(rows: np.ndarray, factor: np.ndarray, n_core: int, n_used: int, width: int, smallest: float) -> bool:
    """Turn the shared rows into rows of a Cholesky factor, the others into a Schur complement; False if singular.

    Rows start with the samples; of those only what stands on or right of the diagonal is right.
    """
    stride = rows.shape[1]
    for block in range(0, n_core, ROWS):
        stop = min(block + ROWS, n_core)
        begin = block - block % 8
        if block > 0:
            # Where the block is the last, with some rows that are not shared.
            for s in range(begin, width, STEP):
                subtract_block(
                    element(factor, block * factor.shape[1]), factor.shape[1], block, element(rows, s), stride,
                    element(rows, block * stride + s),
                )  # fmt: skip
        for i in range(block, stop):
            pivot = rows[i, i]
            if not pivot > smallest:
                return False
            _scale(rows[i][begin:width], 1.0 / np.sqrt(pivot))
            for later in range(i + 1, stop):
                subtract_share(
                    element(rows, later * stride + begin), element(rows, i * stride + begin), rows[i, later],
                    width - begin,
                )  # fmt: skip
        for i in range(block, stop):
            row = rows[i]
            for later in range(stop, n_used):
                put_element(factor, later * factor.shape[1] + i, row[later])
    # Rows in the last block that are not shared lack the shared ones of that block, further rows all.
    block = (n_core - 1) // ROWS * ROWS if n_core > 0 else 0
    begun = min(block + ROWS, n_used) if n_core > 0 else n_used
    for i in range(n_core, begun):
        begin = i - i % 8
        for j in range(block, n_core):
            subtract_share(
                element(rows, i * stride + begin), element(rows, j * stride + begin), factor[i, j], width - begin
            )
    for first in range(begun, n_used, ROWS):
        for s in range(first - first % 8, width, STEP):
            subtract_block(
                element(factor, first * factor.shape[1]), factor.shape[1], n_core, element(rows, s), stride,
                element(rows, first * stride + s),
            )  # fmt: skip
    return True


@exact
def _eliminate_group(
    group: np.ndarray, rows: np.ndarray, order: np.ndarray, n_core: int, n_used: int, at_known: int, n_known: int,
    at_lanes: int, smallest: float,
) -> bool:  # fmt: skip
    """Eliminate the extras that all cells of a group share; False if singular.

    Rows of `group` are filled with GROUP lanes, the known columns and the extras, of which only what stands on
    or right of the diagonal is right; `order` says which of `rows` they are, shared ones first.
    """
    stride, at_samples = group.shape[1], GROUP + n_known
    width = 8 * ((at_samples + n_used + 7) // 8)
    n_columns = rows.shape[1]
    for i in range(n_used):
        to, place = i * stride, order[i] * n_columns
        row, lanes = group[i], rows[order[i]][at_lanes : at_lanes + GROUP]
        for s in range(GROUP):
            row[s] = lanes[s]
        for g in range(n_known):
            row[GROUP + g] = element_at(rows, place + at_known + g)
        to += at_samples
        for j in range(i):
            put_element(group, to + j, 0.0)
        # Both parts of the order ascend.
        for j in range(i, n_core if i < n_core else n_used):
            put_element(group, to + j, element_at(rows, place + order[j]))
        for j in range(max(i, n_core), n_used if i < n_core else 0):
            low, high = min(order[i], order[j]), max(order[i], order[j])
            put_element(group, to + j, element_at(rows, low * n_columns + high))
    for i in range(n_core):
        row = group[i]
        pivot = row[at_samples + i]
        if not pivot > smallest:
            return False
        _scale(row[:width], 1.0 / np.sqrt(pivot))
        for later in range(i + 1, n_used):
            subtract_share(element(group, later * stride), element(group, i * stride), row[at_samples + later], width)
    return True


@exact
def _gather_own(
    small: np.ndarray, group: np.ndarray, n_known: int, own: np.ndarray, n_own: np.ndarray, widest: int, most: int
) -> None:
    """Copy the small systems of a group's cells: lower triangle, then the cell's and the known right sides."""
    at_samples, stride = GROUP + n_known, group.shape[1]
    for side in range(GROUP):
        count = n_own[side]
        for i in range(count):
            column = at_samples + element_at(own, i * GROUP + side)
            to = i * most * GROUP + side
            for j in range(i + 1):
                above = element_at(own, j * GROUP + side) * stride
                put_element(small, to + j * GROUP, element_at(group, above + column))
            row = element_at(own, i * GROUP + side) * stride
            to = (most * most + i) * GROUP + side
            put_element(small, to, element_at(group, row + side))
            for g in range(n_known):
                put_element(small, to + (1 + g) * most * GROUP, element_at(group, row + GROUP + g))
        for i in range(count, widest):
            to = i * most * GROUP + side
            for j in range(i):
                put_element(small, to + j * GROUP, 0.0)
            put_element(small, to + i * GROUP, 1.0)
            for g in range(n_known + 1):
                put_element(small, ((most + g) * most + i) * GROUP + side, 0.0)


@exact
def _add_own(
    small: np.ndarray, widest: int, most: int, n_known: int, first: int, n_here: int, target: np.ndarray,
    with_known: np.ndarray, constant_known: np.ndarray,
) -> None:  # fmt: skip
    """Add the products of the cells' own rows: of the cell with itself, of cell and of constant with the known."""
    stride, n_lanes = most * GROUP, with_known.shape[1]
    if n_here < GROUP:
        for j in range(widest):
            for side in range(n_here):
                at = j * GROUP + side
                value, constant_value = small[most * stride + at], small[(most + 1) * stride + at]
                target[first + side] += value * value
                for g in range(n_known):
                    known_value = small[(most + 1 + g) * stride + at]
                    with_known[g, first + side] += value * known_value
                    constant_known[g, first + side] += constant_value * known_value
        return
    cell, constant = element(small, most * stride), element(small, (most + 1) * stride)
    add_lane_dots(element(target, first), cell, GROUP, cell, GROUP, widest)
    for g in range(n_known):
        known, to = element(small, (most + 1 + g) * stride), g * n_lanes + first
        add_lane_dots(element(with_known, to), cell, GROUP, known, GROUP, widest)
        add_lane_dots(element(constant_known, to), constant, GROUP, known, GROUP, widest)


@exact
def _gather_candidates(
    middle: np.ndarray, reach: float, limit: int, extra: float, radius: float, points: np.ndarray,
    starts: np.ndarray, origin: np.ndarray, side: float, shape: np.ndarray, found: np.ndarray, squared: np.ndarray,
) -> tuple:  # fmt: skip
    """Find the samples that may be a neighbour of a place no farther than `extra` / 2 from the middle.

    Parameters
    ----------
    reach : float
        Within which there are surely as many samples as the limit.
    points : ndarray, shape (n_dimensions, n_samples)
        Bin by bin.

    Returns
    -------
    n_found : int
    reach : float
        From the middle, within which there are as many samples as the limit, or hardly more.
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
            distance = 0.0
            for axis in range(len(points)):
                distance += (points[axis, place] - middle[axis]) ** 2
            found[n_found] = place
            squared[n_found] = distance
            n_found += distance <= widest * widest
    low, low_count, high, high_count = 0.0, 0.0, reach * reach, float(n_found)
    if n_found > limit:
        at = high
        for step in range(8):
            count = _n_within(squared, n_found, at)
            if count >= limit:
                high, high_count = at, count
                if count <= limit + 1:
                    break
            else:
                low, low_count = at, count
            share = (limit + 0.75 - low_count) / (high_count - low_count)
            at = low + (high - low) * (0.5 if step % 4 == 3 else min(max(share, 0.03), 0.97))
    reach = np.sqrt(high)
    nearest = (min(reach + extra, radius + 0.5 * extra) * (1.0 + 1e-9)) ** 2
    n_kept = 0
    for i in range(n_found):
        found[n_kept] = found[i]
        n_kept += squared[i] <= nearest
    return n_kept, reach


@fast
def _n_within(squared: np.ndarray, n: int, bound: float) -> float:
    """Return how many of the first n numbers are within the bound."""
    count = 0.0
    for i in range(n):
        count += 1.0 if squared[i] <= bound else 0.0
    return count


@exact
def _list_bits(bits: np.ndarray, without: np.ndarray, keep: int, used: np.ndarray, row_of: np.ndarray, n: int) -> int:
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
def _list_rows(
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


@fast
def _write_slopes(
    out: np.ndarray, sums: np.ndarray, frame_matrices: np.ndarray, factor: float, rows: tuple, columns: tuple
) -> None:
    """Write a tile's gradients, summed in each frame, to the cells: that of |M h| is M'M h / |M h|."""
    for axis in range(len(out)):
        lane = 0
        for top in range(rows[0], rows[1], SIDE):
            for left in range(columns[0], columns[1], SIDE):
                for row in range(top, min(top + SIDE, rows[1])):
                    s = lane + (row - top) * SIDE
                    for column in range(left, min(left + SIDE, columns[1])):
                        total = 0.0
                        for frame in range(len(sums)):
                            for other in range(len(out)):
                                total += frame_matrices[frame, other, axis] * sums[frame, other, s]
                        out[axis, row, column] = factor * total
                        s += 1
                lane += GROUP


@exact
def solve_lattice(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tile_side: tuple, first: int, last: int,
    search_matrix: np.ndarray, search_points: np.ndarray, bins: np.ndarray, starts: np.ndarray, origin: np.ndarray,
    bin_side: float, shape: np.ndarray, limit: int, radius: float, first_reach: float,
    frame_matrices: np.ndarray, sample_places: np.ndarray, known: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, sill: float,
    counts: np.ndarray, target: np.ndarray, target_known: np.ndarray, constant_known: np.ndarray, slopes,
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
        Search frame, and the samples in it, here as everywhere bin by bin.
    bins, starts : ndarray of int, shape (n_samples,), (n_bins + 1,)
        The samples' rows in the table, and where each square bin starts; bins row by row.
    origin, bin_side, shape : ndarray, shape (2,), float, ndarray of int, shape (2,)
        Corner of the first bin, side of a bin, number of bins along both axes.
    limit, radius : int, float
        Most neighbours, and how far they may be.
    first_reach : float
        From the middle of the first tile, within which there are surely as many samples as the limit.
    frame_matrices, sample_places : ndarray, shape (n_frames, n_dimensions, n_dimensions or n_samples)
        Frames of the covariance, and the samples in them.
    known : ndarray, shape (n_samples, n_known)
        The constant, drift scores and values at the samples.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    sill : float
    counts : ndarray of int, shape (n_rows, n_columns)
        Filled with the number of neighbours.
    target, target_known, constant_known : ndarray, shape (n_rows, n_columns), (n_known, n_rows, n_columns) twice
        Filled with dot products in whitened space.
    slopes : ndarray, shape (n_fields, n_dimensions, n_rows, n_columns), or None
        Filled with the gradients of the last columns of `known`, kriged with an unknown mean.

    Returns
    -------
    bool
        Whether every system has a unique solution.
    """
    n_dimensions, n_samples = search_points.shape
    n_known, n_frames = known.shape[1], len(frame_matrices)
    is_written_out = is_simple(n_dimensions, models)
    most_lanes = GROUP * ((tile_side[0] + SIDE - 1) // SIDE) * ((tile_side[1] + SIDE - 1) // SIDE)
    found, squared_found = np.empty(n_samples + 1, dtype=np.int64), np.empty(n_samples + 1)
    middle, corner = np.empty(n_dimensions), np.empty(n_dimensions)
    cells = np.empty((1, n_dimensions, most_lanes))
    squared, column, work = np.empty((0, GROUP)), np.empty(0), np.empty((5, GROUP))
    count = np.empty(GROUP, dtype=np.int64)
    found_places = np.empty((n_dimensions, 0))
    bits, n_words = np.empty((0, most_lanes), dtype=np.int64), 0
    group_all, group_any = np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.int64)
    tile_all, tile_any = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    used, row_of, order = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    place_of, own = np.empty(0, dtype=np.int64), np.empty((0, GROUP), dtype=np.int64)
    n_own = np.empty(GROUP, dtype=np.int64)
    rows, factor = np.empty((0, 0)), np.empty((0, 0))
    places, distance = np.empty((n_frames, n_dimensions, 0)), np.empty(0)
    group = np.empty((0, 0))
    small, most_small = np.empty(0), 0
    inverse, ones = np.empty(GROUP), np.ones(GROUP)
    sum_target = np.empty(most_lanes)
    sum_known, sum_constant = np.empty((n_known, most_lanes)), np.empty((n_known, most_lanes))
    corner_reach = first_reach
    is_first = True
    if slopes is not None:
        n_fields, n_lanes = len(slopes), STEP * ((most_lanes + STEP - 1) // STEP)
        means, sums = np.zeros((n_fields, n_lanes)), np.empty((n_fields, n_frames, n_dimensions, n_lanes))
        duals, rest = np.empty((0, n_lanes)), np.empty((n_fields, 0, n_lanes))
        group_duals, room, near = np.empty((0, GROUP)), np.empty((0, GROUP)), np.empty((n_frames, n_dimensions, 0))
        pair, final = np.empty((2, GROUP)), 1.0
        if is_written_out:
            final = simple_constants(models, psills, scales)[1]
    for top in range(first * tile_side[0], min(last * tile_side[0], len(y)), tile_side[0]):
        tile_rows = (top, min(top + tile_side[0], len(y)))
        reach = corner_reach
        for left in range(0, len(x), tile_side[1]):
            tile_columns = (left, min(left + tile_side[1], len(x)))
            n = _tile_places(cells, 0, search_matrix, x, y, z, tile_rows, tile_columns)
            # Candidates.
            shift, half = 0.0, 0.0
            for axis in range(n_dimensions):
                new = 0.5 * (cells[0, axis, 0] + cells[0, axis, n - 1])
                before = corner[axis] if left == 0 else middle[axis]
                shift += (new - before) ** 2
                middle[axis] = new
            for s in range(n):
                offset = 0.0
                for axis in range(n_dimensions):
                    offset += (cells[0, axis, s] - middle[axis]) ** 2
                half = max(half, offset)
            half = np.sqrt(half)
            reach = reach if is_first else reach + np.sqrt(shift)
            is_first = False
            m, reach = _gather_candidates(
                middle, reach, limit, 2.0 * half, radius, search_points, starts, origin, bin_side, shape,
                found, squared_found,
            )  # fmt: skip
            if left == 0:
                corner_reach = reach
                copy_lanes(corner, middle, n_dimensions)
            if m > len(squared):
                squared, column = np.empty((m + 16, GROUP)), np.empty(m + 16)
                found_places = np.empty((n_dimensions, m + 16))
                n_words = (m + 16 + 63) // 64
                bits = np.empty((n_words, most_lanes), dtype=np.int64)
                n_groups = most_lanes // GROUP
                group_all = np.empty((n_groups, n_words), dtype=np.int64)
                group_any = np.empty((n_groups, n_words), dtype=np.int64)
                tile_all, tile_any = np.empty(n_words, dtype=np.int64), np.empty(n_words, dtype=np.int64)
                used, row_of = np.empty(m + 16, dtype=np.int64), np.empty(m + 16, dtype=np.int64)
                order, place_of = np.empty(m + 16, dtype=np.int64), np.empty(m + 16, dtype=np.int64)
                own = np.empty((m + 16, GROUP), dtype=np.int64)
            # Neighbours of each cell.
            for axis in range(n_dimensions):
                for c in range(m):
                    found_places[axis, c] = search_points[axis, found[c]]
            tile_all[:], tile_any[:] = -1, 0
            for lane in range(0, n, GROUP):
                _squared_distances(squared, cells[0], lane, found_places, m)
                _mark_neighbors(
                    squared, m, found, bins, limit, radius * radius, reach * reach,
                    (reach + half) ** 2 * (1.0 + 1e-9), work, count, column, bits, lane,
                )  # fmt: skip
                for word in range(n_words):
                    every, any_ = bits[word, lane], bits[word, lane]
                    for s in range(lane + 1, lane + GROUP):
                        every &= bits[word, s]
                        any_ |= bits[word, s]
                    group_all[lane // GROUP, word], group_any[lane // GROUP, word] = every, any_
                    tile_all[word] &= every
                    tile_any[word] |= any_
            # Shared samples first, then the extras.
            n_core = _list_bits(tile_all, tile_all, 0, used, row_of, 0)
            n_used = _list_bits(tile_any, tile_all, -1, used, row_of, n_core)
            # Rows of the shared samples and extras: covariances with one another | known | covariances with cells.
            at_known = n_used
            at_cells = 8 * ((n_used + n_known + 7) // 8)
            width = at_cells + n
            if width + STEP + 16 > rows.shape[1] or n_used + 2 * ROWS > len(rows):
                wider, longer = max(width + STEP + 24, rows.shape[1]), max(n_used + 2 * ROWS + 8, len(rows))
                rows = np.zeros((longer, wider))
                places, distance = np.zeros((n_frames, n_dimensions, wider)), np.empty(wider)
                factor = np.zeros((longer, longer))
                group = np.zeros((longer, GROUP + n_known + longer + 8))
            _tile_places(places, at_cells, frame_matrices, x, y, z, tile_rows, tile_columns)
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    for i in range(n_used):
                        places[frame, axis, i] = sample_places[frame, axis, found[used[i]]]
                    for i in range(n_used, at_cells):
                        places[frame, axis, i] = places[frame, axis, at_cells]
            for i in range(n_used):
                sample = found[used[i]]
                row = rows[i]
                if is_written_out:
                    start = i - i % 8
                    stop = start + 16 * ((width - start + 15) // 16)
                    _covariances_from(
                        row[start:stop], places[0, 0, i], places[0, 1, i], places[0, 0][start:stop],
                        places[0, 1][start:stop], models[0], psills[0], scales[0],
                    )  # fmt: skip
                else:
                    lane_covariances(
                        row, sample_places, sample, places, width, distance, frames, models, psills, scales
                    )  # fmt: skip
                for g in range(n_known):
                    row[at_known + g] = known[sample, g]
                row[i] = sill
            smallest = sill * n_used * 2.220446049250313e-16
            if not _eliminate(rows, factor, n_core, n_used, width, smallest):
                return False
            sum_target[:n] = 0.0
            sum_known[:, :n] = 0.0
            sum_constant[:, :n] = 0.0
            if slopes is not None:
                if n_used + ROWS > len(group_duals):
                    group_duals, room = np.empty((n_used + 16, GROUP)), np.empty((n_used + 16, GROUP))
                    duals, rest = np.zeros((n_used + 16, n_lanes)), np.empty((n_fields, n_used + 16, n_lanes))
                    near = np.empty((n_frames, n_dimensions, n_used + 16))
                rest[:, : n_used - n_core, :n] = 0.0
                sums[:] = 0.0
            _add_shared(sum_target, sum_known, sum_constant, 0, n, rows, n_core, at_cells, at_known)
            lane = 0
            for group_top in range(tile_rows[0], tile_rows[1], SIDE):
                for group_left in range(tile_columns[0], tile_columns[1], SIDE):
                    # What remains of the group's systems, then of each cell's.
                    number = lane // GROUP
                    n_shared = _list_rows(group_all[number], tile_all, row_of, order, place_of, 0)
                    n_left = _list_rows(group_any[number], group_all[number], row_of, order, place_of, n_shared)
                    if n_left > 0:
                        if not _eliminate_group(
                            group, rows, order, n_shared, n_left, at_known, n_known, at_cells + lane, smallest
                        ):
                            return False
                        _add_shared(sum_target, sum_known, sum_constant, lane, GROUP, group, n_shared, 0, GROUP)
                    widest = 0
                    n_own[:] = 0
                    if n_left > n_shared:
                        for s in range(GROUP):
                            n_here = 0
                            for word in range(n_words):
                                left_bits = bits[word, lane + s] & ~group_all[number, word]
                                while left_bits != 0:
                                    own[n_here, s] = place_of[64 * word + first_bit(left_bits)]
                                    left_bits &= left_bits - 1
                                    n_here += 1
                            n_own[s] = n_here
                            widest = max(widest, n_here)
                    if widest > 0:
                        if widest > most_small:
                            most_small = widest + 4
                            small = np.empty((most_small + 1 + n_known) * most_small * GROUP)
                        _gather_own(small, group, n_known, own, n_own, widest, most_small)
                        if not factorize_group(small, widest, most_small, 1 + n_known, inverse, ones, smallest):
                            return False
                        _add_own(small, widest, most_small, n_known, lane, GROUP, sum_target, sum_known, sum_constant)
                    if slopes is not None:
                        for frame in range(n_frames):
                            for axis in range(n_dimensions):
                                for i in range(n_left):
                                    near[frame, axis, i] = places[frame, axis, order[i]]
                        for field in range(n_fields):
                            g = n_known - n_fields + field
                            mean = means[field, lane : lane + GROUP]
                            for s in range(GROUP):
                                # Without neighbours there is nothing to divide by; the caller writes NaN there.
                                all_ = sum_constant[0, lane + s]
                                mean[s] = sum_constant[g, lane + s] / (all_ if all_ > 0.0 else 1.0)
                            group_duals[:n_left] = 0.0
                            if widest > 0:
                                duals_of_own(small, widest, most_small, g, mean, own, n_own, room, group_duals)
                            duals_of_group(group, n_shared, n_left, GROUP + n_known, g, mean, group_duals)
                            for i in range(n_left):
                                to, from_ = rest[field, order[i] - n_core], group_duals[i]
                                for s in range(GROUP):
                                    to[lane + s] = from_[s]
                            for frame in range(n_frames):
                                add_slopes_of_group(
                                    sums[field, frame], lane, places[frame], at_cells + lane, near[frame], n_left,
                                    group_duals, 0, frame, frames, models, psills, scales, pair,
                                )  # fmt: skip
                    for row in range(group_top, min(group_top + SIDE, tile_rows[1])):
                        s = lane + (row - group_top) * SIDE
                        n_columns = min(SIDE, tile_columns[1] - group_left)
                        for column_ in range(n_columns):
                            counts[row, group_left + column_] = n_core + n_shared + n_own[s - lane + column_]
                            target[row, group_left + column_] = sum_target[s + column_]
                        for g in range(n_known):
                            for column_ in range(n_columns):
                                target_known[g, row, group_left + column_] = sum_known[g, s + column_]
                                constant_known[g, row, group_left + column_] = sum_constant[g, s + column_]
                    lane += GROUP
            if slopes is not None:
                for field in range(n_fields):
                    duals_of_tile(
                        rows, n_core, n_used - n_core, at_known, n_known - n_fields + field, means[field], n,
                        rest[field], duals,
                    )  # fmt: skip
                    for frame in range(n_frames):
                        for lane in range(0, n, GROUP):
                            add_slopes_of_group(
                                sums[field, frame], lane, places[frame], at_cells + lane, places[frame], n_core,
                                duals, lane, frame, frames, models, psills, scales, pair,
                            )  # fmt: skip
                    _write_slopes(slopes[field], sums[field], frame_matrices, final, tile_rows, tile_columns)
    return True
