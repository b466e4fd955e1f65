"""Kriging of a lattice from the nearest samples of each cell, compiled: the twin of `moving.MovingSystem`.

Cells are solved tile by tile; a tile is made of groups of 4 x 4 cells, and those are the lanes of a group:

1. *Candidates* come from bins of samples: those within R + 2d of the tile's middle, where R is the
   distance of the k-th sample from there and d that of the farthest cell.
2. *Neighbours*: what the group's middle tells of its cells makes some candidates sure neighbours and others none.
   Among those left the distance up to which a cell has k of them is found by counting, a group at once. Which
   candidates they are is kept as bits.
3. *Shared* samples, neighbours of every cell, are eliminated once for the tile (Cholesky by blocks of
   rows, `panels_numba`); *extras*, neighbours of some cells, are reduced to their Schur complement.
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

from .bins_numba import gather_candidates, surely_within
from .distances_numba import bits_of_any, bits_of_every, first_bit
from .drift_numba import fit_frame, put_in_frame
from .duals_numba import duals_of_group, duals_of_own, duals_of_tile
from .elimination_numba import add_own, add_shared, eliminate, eliminate_group, fill_lower, gather_own
from .groups_numba import copy_four, element_at, put_element
from .lanes_numba import (
    GROUP,
    ROWS,
    STEP,
    copy_lanes,
    element,
    exact,
    exact_part,
    factorize_group,
    fast_part,
    lane_covariances,
)
from .neighbors_numba import list_bits, list_rows, mark_neighbors
from .panels_numba import TRIANGLE
from .slopes_numba import (
    add_offsets,
    add_slopes_of_group,
    exponential_row,
    exponential_row_with_ratios,
    is_simple,
    simple_constants,
    spherical_row,
    spherical_row_with_ratios,
)

SIDE = 4
"""Cells along a side of a group: GROUP is its square."""


@exact_part
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


@exact_part
def _write_covariances(
    rows: np.ndarray, places: np.ndarray, sample: int, first: int, n: int, models: np.ndarray, factor: float,
    psill: float,
) -> None:  # fmt: skip
    """Write to its row the covariances of a sample with n places from one on, a multiple of 8, of what `is_simple`."""
    width = places.shape[2]
    to = element(rows, sample * rows.shape[1] + first)
    along, across = element(places, first), element(places, width + first)
    if models[0] == 0:
        spherical_row(to, places[0, 0, sample], places[0, 1, sample], along, across, n, factor, psill)
    else:
        exponential_row(to, places[0, 0, sample], places[0, 1, sample], along, across, n, factor, psill)


@exact_part
def _write_with_ratios(
    rows: np.ndarray, places: np.ndarray, sample: int, first: int, n: int, models: np.ndarray, factor: float,
    psill: float, ratios: np.ndarray,
) -> None:  # fmt: skip
    """Write the same, and to a row of `ratios` what the offsets from the sample are multiplied by in slopes."""
    width = places.shape[2]
    to = element(rows, sample * rows.shape[1] + first)
    along, across = element(places, first), element(places, width + first)
    of_sample = element(ratios, sample * ratios.shape[1])
    if models[0] == 0:
        spherical_row_with_ratios(
            to, places[0, 0, sample], places[0, 1, sample], along, across, n, factor, psill, of_sample
        )  # fmt: skip
    else:
        exponential_row_with_ratios(
            to, places[0, 0, sample], places[0, 1, sample], along, across, n, factor, psill, of_sample
        )  # fmt: skip


@exact_part
def _add_offsets(
    sums: np.ndarray, n: int, places: np.ndarray, first: int, at_sample: int, n_samples: int, weights: np.ndarray,
    at_weight: int, ratios: np.ndarray,
) -> None:  # fmt: skip
    """Add to n lanes the offsets from some samples, times weights and ratios.

    Parameters
    ----------
    sums : ndarray, shape (2, n_lanes)
    n : int
        Up to STEP - 1 more are changed.
    places : ndarray, shape (1, 2, n_places)
        Of the samples, and from `first` on of the lanes.
    at_sample, n_samples : int
    weights, ratios : ndarray, shape (any, n_lanes)
        Rows of the former from `at_weight` on, of the latter from `at_sample` on.
    """
    width, n_lanes = places.shape[2], sums.shape[1]
    samples_x, samples_y = element(places, at_sample), element(places, width + at_sample)
    for s in range(0, n, STEP):
        add_offsets(
            element(sums, s), element(sums, n_lanes + s), element(places, first + s),
            element(places, width + first + s), samples_x, samples_y, element(weights, at_weight * n_lanes + s),
            element(ratios, at_sample * n_lanes + s), n_lanes, n_samples,
        )  # fmt: skip


@exact_part
def _finish(
    sum_target: np.ndarray, sum_known: np.ndarray, sum_gram: np.ndarray, lane: int, prior: float, has_mean: bool
) -> None:  # fmt: skip
    """Turn the dot products of a group into variances, estimates and smoothing variances, as `Products.kriged`.

    They take the place of the products of cells with themselves, with the constant and with the values.
    """
    last = len(sum_known) - 1
    for s in range(lane, lane + GROUP):
        estimate, variance = sum_known[last, s], prior - sum_target[s]
        smoothing = variance
        if has_mean:
            # Without neighbours there is nothing to divide by; the caller writes NaN there.
            multiplier = (1.0 - sum_known[0, s]) / sum_gram[0, 0, s]
            estimate += multiplier * sum_gram[0, last, s]
            variance += multiplier * multiplier * sum_gram[0, 0, s]
            smoothing = variance - 2.0 * multiplier
        # Below zero is rounding next to a sample of a nugget-free model.
        sum_target[s] = variance if variance > 0.0 else 0.0
        sum_known[0, s], sum_known[last, s] = estimate, smoothing if has_mean else sum_target[s]


@exact_part
def _write_group(out: np.ndarray, at: int, lanes: np.ndarray, first: int, n_across: int, n_rows: int, n_columns: int):
    """Write the lanes of a group, from `first` on, to its cells, of which the top left one is at `at`.

    ``n_across`` is the number of cells in a row; ``n_rows`` and ``n_columns`` are those of the group inside its tile.
    """
    if n_columns == SIDE:
        for row in range(n_rows):
            copy_four(element(out, at + row * n_across), element(lanes, first + row * SIDE))
        return
    for row in range(n_rows):
        for column in range(n_columns):
            put_element(out, at + row * n_across + column, element_at(lanes, first + row * SIDE + column))


@fast_part
def _turn_slopes(out: np.ndarray, sums: np.ndarray, frame_matrices: np.ndarray, factor: float, n: int) -> None:
    """Write gradients along the map's axes, of n lanes, from sums in each frame: that of |M h| is M'M h / |M h|."""
    for axis in range(len(out)):
        to = out[axis]
        for s in range(n):
            to[s] = 0.0
        for frame in range(len(sums)):
            for other in range(len(out)):
                share, from_ = factor * frame_matrices[frame, other, axis], sums[frame, other]
                for s in range(n):
                    to[s] += share * from_[s]


@exact
def solve_lattice(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tile_side: tuple, first: int, last: int,
    search_matrix: np.ndarray, search_points: np.ndarray, bins: np.ndarray, starts: np.ndarray, origin: np.ndarray,
    bin_side: float, shape: np.ndarray, limit: int, radius: float,
    frame_matrices: np.ndarray, sample_places: np.ndarray, known: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, sill: float,
    counts: np.ndarray, target: np.ndarray, target_known: np.ndarray, gram: np.ndarray,
    at_target: np.ndarray, kriged: np.ndarray, prior: float, has_mean: bool, slopes,
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
    frame_matrices, sample_places : ndarray, shape (n_frames, n_dimensions, n_dimensions or n_samples)
        Frames of the covariance, and the samples in them.
    known : ndarray, shape (n_samples, n_known)
        The constant, drift scores and values at the samples.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    sill : float
    counts : ndarray of int, shape (n_rows, n_columns)
        Filled with the number of neighbours.
    target, target_known : ndarray, shape (n_rows, n_columns), (n_known, n_rows, n_columns)
        Filled with dot products in whitened space of the cells with themselves and with the known.
    gram : ndarray, shape (n_scores + 1, n_known, n_rows, n_columns)
        Filled with those of the constant and the scores of a local drift with these and with the values; what stands
        left of the diagonal is not.
    at_target : ndarray, shape (n_scores, n_rows, n_columns)
        Scores of a local drift at the cells, replaced by their columns in the frame of the tile that the products are
        in; empty without one.
    kriged : ndarray, shape (3 or 0, n_rows, n_columns)
        Filled, instead of these products, with estimates, kriging and smoothing variances where it is not empty.
    prior, has_mean : float, bool
        What these and slopes need: the variance of what is estimated, and whether the mean is unknown.
    slopes : ndarray, shape (n_fields, n_dimensions, n_rows, n_columns), or None
        Filled with the gradients of the last columns of `known`.

    Returns
    -------
    bool
        Whether every system has a unique solution.
    """
    n_dimensions, n_samples = search_points.shape
    n_cells = len(x) * len(y)
    n_known, n_frames = known.shape[1], len(frame_matrices)
    is_written_out = is_simple(n_dimensions, models)
    most_lanes = GROUP * ((tile_side[0] + SIDE - 1) // SIDE) * ((tile_side[1] + SIDE - 1) // SIDE)
    found, squared_found = np.empty(n_samples + 1, dtype=np.int64), np.empty(n_samples + 1)
    middle, corner = np.empty(n_dimensions), np.empty(n_dimensions)
    cells = np.empty((1, n_dimensions, most_lanes))
    of_search = cells[0]
    squared, column, work = np.empty((0, GROUP)), np.empty(0), np.empty((5, GROUP))
    count = np.empty(GROUP, dtype=np.int64)
    found_places, near_places = np.empty((n_dimensions, 0)), np.empty((n_dimensions, 0))
    near, masks, few = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    bits = np.empty((0, most_lanes), dtype=np.int64)
    group_all, group_any = np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.int64)
    tile_all, tile_any = np.empty((1, 0), dtype=np.int64), np.empty((1, 0), dtype=np.int64)
    used, row_of, order = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    place_of, own = np.empty(0, dtype=np.int64), np.empty((0, GROUP), dtype=np.int64)
    own_at, n_own = np.empty((0, GROUP), dtype=np.int64), np.empty(GROUP, dtype=np.int64)
    rows, triangles, wider = np.empty((0, 0)), np.empty(0), 0
    places, distance = np.empty((n_frames, n_dimensions, 0)), np.empty(0)
    group, group_factor = np.empty((0, 0)), np.empty((0, 0))
    triangle = np.zeros(ROWS * ROWS + TRIANGLE)
    small, most_small = np.empty(0), 0
    inverse, ones = np.empty(GROUP), np.ones(GROUP)
    sum_target = np.empty(most_lanes)
    sum_known, sum_gram = np.empty((n_known, most_lanes)), np.empty((len(gram), n_known, most_lanes))
    factor, final = simple_constants(models, psills, scales) if is_written_out else (1.0, 1.0)
    n_scores = len(at_target)
    center, mixing, scale = np.empty(n_scores), np.empty((n_scores, n_scores)), np.empty(n_scores)
    used_samples, scores = np.empty(0, dtype=np.int64), np.empty((n_scores, 0))
    corner_reach = -1.0
    if slopes is not None:
        n_fields, n_lanes = len(slopes), STEP * ((most_lanes + STEP - 1) // STEP)
        means, sums = np.zeros((n_fields, n_lanes)), np.empty((n_fields, n_frames, n_dimensions, n_lanes))
        # Of the samples after the shared ones, the mean, of the shared ones.
        duals, room = np.zeros((n_fields, 0, n_lanes)), np.empty((0, GROUP))
        shares, ratios = np.zeros((0, 0)), np.zeros((0, n_lanes))
        pair, turned = np.empty((2, GROUP)), np.empty((n_dimensions, n_lanes))
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
            if reach < 0.0:
                reach = surely_within(middle, limit, search_points, starts, origin, bin_side, shape, squared_found)
            else:
                reach += np.sqrt(shift)
            m, reach = gather_candidates(
                middle, reach, limit, 2.0 * half, radius, search_points, starts, origin, bin_side, shape,
                found, squared_found,
            )  # fmt: skip
            if left == 0:
                corner_reach = reach
                copy_lanes(corner, middle, n_dimensions)
            if m > len(squared):
                room_words = (m + 16 + 63) // 64
                squared, column = np.empty((m + 16, GROUP)), np.empty(64 * room_words)
                found_places, near_places = np.empty((n_dimensions, m + 16)), np.empty((n_dimensions, m + 16))
                near, masks = np.empty(m + 16, dtype=np.int64), np.empty(room_words, dtype=np.int64)
                few = np.empty(GROUP + room_words, dtype=np.int64)
                bits = np.empty((room_words, most_lanes), dtype=np.int64)
                n_groups = most_lanes // GROUP
                group_all = np.empty((n_groups, room_words), dtype=np.int64)
                group_any = np.empty((n_groups, room_words), dtype=np.int64)
                tile_all = np.empty((1, room_words), dtype=np.int64)
                tile_any = np.empty((1, room_words), dtype=np.int64)
                used, row_of = np.empty(m + 16, dtype=np.int64), np.empty(m + 16, dtype=np.int64)
                order, place_of = np.empty(m + 16, dtype=np.int64), np.empty(m + 16, dtype=np.int64)
                own, own_at = np.empty((m + 16, GROUP), dtype=np.int64), np.empty((m + 16, GROUP), dtype=np.int64)
            # Neighbours of each cell.
            n_words = (m + 63) // 64
            for axis in range(n_dimensions):
                for c in range(m):
                    found_places[axis, c] = search_points[axis, found[c]]
            tile_all[:], tile_any[:] = -1, 0
            for lane in range(0, n, GROUP):
                mark_neighbors(
                    of_search, lane, found_places, m, found, bins, limit, radius, reach, squared, work, count, column,
                    near, near_places, masks, few, bits,
                )  # fmt: skip
                for word in range(n_words):
                    of_group = element(bits, word * most_lanes + lane)
                    every, any_ = bits_of_every(of_group), bits_of_any(of_group)
                    group_all[lane // GROUP, word], group_any[lane // GROUP, word] = every, any_
                    tile_all[0, word] &= every
                    tile_any[0, word] |= any_
            # Shared samples first, then the extras.
            n_core = list_bits(tile_all, tile_all, 0, n_words, used, row_of, 0)
            n_used = list_bits(tile_any, tile_all, -1, n_words, used, row_of, n_core)
            # Rows of the shared samples and extras: covariances with one another | known | covariances with cells.
            at_known = n_used
            at_cells = 8 * ((n_used + n_known + 7) // 8)
            width = at_cells + n
            if width + STEP + 16 > rows.shape[1] or n_used + 2 * ROWS > len(rows):
                wider, longer = max(width + STEP + 24, rows.shape[1]), max(n_used + 2 * ROWS + 8, len(rows))
                rows = np.zeros((longer, wider))
                places, distance = np.zeros((n_frames, n_dimensions, wider)), np.empty(wider)
                if slopes is not None:
                    ratios = np.zeros((longer, n_lanes))
                triangles = np.empty((longer // ROWS + 1) * TRIANGLE)
                group, group_factor = np.zeros((longer, GROUP + n_known + longer + 32)), np.zeros((longer, longer))
            _tile_places(places, at_cells, frame_matrices, x, y, z, tile_rows, tile_columns)
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    for i in range(n_used):
                        places[frame, axis, i] = sample_places[frame, axis, found[used[i]]]
                    for i in range(n_used, at_cells):
                        places[frame, axis, i] = places[frame, axis, at_cells]
            if n_scores > 0:
                if n_used > len(used_samples):
                    used_samples, scores = np.empty(n_used + 16, dtype=np.int64), np.empty((n_scores, n_used + 16))
                for i in range(n_used):
                    used_samples[i] = found[used[i]]
                fit_frame(known, used_samples, n_used, center, mixing, scale, scores)
                put_in_frame(at_target, tile_rows, tile_columns, center, mixing, scale)
            for i in range(n_used):
                sample = found[used[i]]
                if is_written_out:
                    # From the sample's own place in its row, in whole vectors; those with the cells for themselves.
                    start = i - i % 8
                    _write_covariances(rows, places, i, start, at_cells - start, models, factor, psills[0])
                    if slopes is None:
                        _write_covariances(rows, places, i, at_cells, n, models, factor, psills[0])
                    else:
                        _write_with_ratios(rows, places, i, at_cells, n, models, factor, psills[0], ratios)
                else:
                    lane_covariances(
                        rows[i], sample_places, sample, places, width, distance, frames, models, psills, scales
                    )  # fmt: skip
                for g in range(n_known):
                    rows[i, at_known + g] = scores[g - 1, i] if 0 < g <= n_scores else known[sample, g]
                rows[i, i] = sill
            smallest = sill * n_used * 2.220446049250313e-16
            if not eliminate(rows, triangles, n_core, n_used, width, smallest):
                return False
            fill_lower(rows, n_core, n_used)
            # A group's rows: its cells | columns of these rows from `begin` on.
            begin = n_core - n_core % 8
            at_rest, group_known = GROUP + n_core - begin, GROUP + at_known - begin
            n_rest = n_used - n_core
            sum_target[:n] = 0.0
            sum_known[:, :n] = 0.0
            sum_gram[:, :, :n] = 0.0
            if slopes is not None:
                if n_used + ROWS + 1 > duals.shape[1] or n_used + n_known + STEP > shares.shape[1]:
                    duals, room = np.zeros((n_fields, n_used + 32, n_lanes)), np.empty((n_used + 16, GROUP))
                    shares = np.zeros((n_used + 32, n_used + n_known + 64))
                sums[:] = 0.0
            add_shared(sum_target, sum_known, sum_gram, 0, n, rows, n_core, at_cells, at_known)
            lane = 0
            for group_top in range(tile_rows[0], tile_rows[1], SIDE):
                for group_left in range(tile_columns[0], tile_columns[1], SIDE):
                    # What remains of the group's systems, then of each cell's.
                    number = lane // GROUP
                    n_shared = list_rows(group_all, number, tile_all, 0, n_words, row_of, order, place_of, 0)
                    n_left = list_rows(group_any, number, group_all, number, n_words, row_of, order, place_of, n_shared)
                    if n_left > 0:
                        if not eliminate_group(
                            group, group_factor, triangle, rows, order, n_shared, n_left, begin, at_cells,
                            at_cells + lane, smallest,
                        ):  # fmt: skip
                            return False
                        add_shared(sum_target, sum_known, sum_gram, lane, GROUP, group, n_shared, 0, group_known)
                    widest = 0
                    n_own[:] = 0
                    if n_left > n_shared:
                        width = group.shape[1]
                        for s in range(GROUP):
                            n_here = 0
                            for word in range(n_words):
                                left_bits = bits[word, lane + s] & ~group_all[number, word]
                                while left_bits != 0:
                                    c = 64 * word + first_bit(left_bits)
                                    own[n_here, s], own_at[n_here, s] = row_of[c] - n_core, place_of[c] * width
                                    left_bits &= left_bits - 1
                                    n_here += 1
                            n_own[s] = n_here
                            widest = max(widest, n_here)
                        # Cells with fewer have a row of zeros, and a dual that nothing reads before it is written.
                        for s in range(GROUP):
                            for i in range(n_own[s], widest):
                                own[i, s], own_at[i, s] = n_rest + 1, n_left * width
                        for i in range(n_left * width, (n_left + 1) * width):
                            put_element(group, i, 0.0)
                    if widest > 0:
                        if widest > most_small:
                            most_small = widest + 4
                            small = np.empty((most_small + 1 + n_known) * most_small * GROUP)
                        gather_own(small, group, at_rest, group_known, n_known, own, own_at, n_own, widest, most_small)
                        if not factorize_group(small, widest, most_small, 1 + n_known, inverse, ones, smallest):
                            return False
                        add_own(small, widest, most_small, n_known, lane, GROUP, sum_target, sum_known, sum_gram)
                    if slopes is not None:
                        for field in range(n_fields):
                            g = n_known - n_fields + field
                            mean = means[field, lane : lane + GROUP]
                            for s in range(GROUP):
                                # Without neighbours there is nothing to divide by; the caller writes NaN there.
                                all_ = sum_gram[0, 0, lane + s]
                                mean[s] = sum_gram[0, g, lane + s] / (all_ if all_ > 0.0 else 1.0) if has_mean else 0.0
                            of_field = duals[field]
                            for i in range(n_rest):
                                row = of_field[i]
                                for s in range(lane, lane + GROUP):
                                    row[s] = 0.0
                            row = of_field[n_rest]
                            for s in range(GROUP):
                                row[lane + s] = mean[s]
                            if widest > 0:
                                duals_of_own(small, widest, most_small, g, mean, own, room, of_field, lane)
                            duals_of_group(
                                group, order, n_shared, n_core, n_rest, at_rest, group_known, g, mean, of_field, lane
                            )
                    n_rows, n_columns = min(SIDE, tile_rows[1] - group_top), min(SIDE, tile_columns[1] - group_left)
                    cell = group_top * len(x) + group_left
                    for s in range(GROUP):
                        count[s] = n_core + n_shared + n_own[s]
                    _write_group(counts, cell, count, 0, len(x), n_rows, n_columns)
                    if len(kriged) > 0:
                        _finish(sum_target, sum_known, sum_gram, lane, prior, has_mean)
                        at_last = (n_known - 1) * most_lanes + lane
                        _write_group(kriged, cell, sum_known, lane, len(x), n_rows, n_columns)
                        _write_group(kriged, cell + n_cells, sum_target, lane, len(x), n_rows, n_columns)
                        _write_group(kriged, cell + 2 * n_cells, sum_known, at_last, len(x), n_rows, n_columns)
                        lane += GROUP
                        continue
                    _write_group(target, cell, sum_target, lane, len(x), n_rows, n_columns)
                    for g in range(n_known):
                        to = cell + g * n_cells
                        _write_group(target_known, to, sum_known, g * most_lanes + lane, len(x), n_rows, n_columns)
                        for b in range(min(g + 1, n_scores + 1)):
                            from_ = (b * n_known + g) * most_lanes + lane
                            _write_group(gram, to + b * n_known * n_cells, sum_gram, from_, len(x), n_rows, n_columns)
                    lane += GROUP
            if slopes is not None:
                duals_of_tile(rows, triangles, n_core, n_rest, at_known, n_known, n_fields, shares, duals, n)
                for field in range(n_fields):
                    of_field = duals[field]
                    if is_written_out:
                        _add_offsets(sums[field, 0], n, places, at_cells, n_core, n_rest, of_field, 0, ratios)
                        _add_offsets(sums[field, 0], n, places, at_cells, 0, n_core, of_field, n_rest + 1, ratios)
                    else:
                        for frame in range(n_frames):
                            for lane in range(0, n, GROUP):
                                add_slopes_of_group(
                                    sums[field, frame], lane, places[frame], at_cells + lane,
                                    places[frame][:, n_core:], n_rest, of_field, lane, frame, frames, models, psills,
                                    scales, pair,
                                )  # fmt: skip
                                add_slopes_of_group(
                                    sums[field, frame], lane, places[frame], at_cells + lane, places[frame], n_core,
                                    of_field[n_rest + 1 :], lane, frame, frames, models, psills, scales, pair,
                                )  # fmt: skip
                    _turn_slopes(turned, sums[field], frame_matrices, final, n)
                    for axis in range(n_dimensions):
                        lane, to = 0, (field * n_dimensions + axis) * n_cells
                        for group_top in range(tile_rows[0], tile_rows[1], SIDE):
                            for group_left in range(tile_columns[0], tile_columns[1], SIDE):
                                _write_group(
                                    slopes, to + group_top * len(x) + group_left, turned, axis * n_lanes + lane,
                                    len(x), min(SIDE, tile_rows[1] - group_top),
                                    min(SIDE, tile_columns[1] - group_left),
                                )  # fmt: skip
                                lane += GROUP
    return True
