# mypy: disable-error-code="call-arg, var-annotated"
"""Tiles of a lattice with their smooth samples interpolated, compiled: the twin of `far_samples.FarSamples`."""

from __future__ import annotations

import numpy as np

from .global_numba import lattice_places
from .gradient_numba import add_slopes_of_frames, turn_slopes
from .lanes_numba import (
    PIECE,
    ROWS,
    STEP,
    add_form,
    add_form_of_chosen,
    add_rows,
    copy_lanes,
    element,
    exact,
    fast,
    lane_covariances,
    lanes_from,
    multiply_rows,
    multiply_rows_narrow,
    multiply_rows_tight,
    reordered,
    take,
)
from .slopes_numba import exponential_row, is_simple, meet_samples, simple_constants, spherical_row

SMOOTH, EXACT = 1, 2
"""States of samples, as `far_samples` has them."""

_WIDE, _NARROW, _MOST_WIDE = 264, 72, 320
_MANY = 32
"""Samples from which it pays to look, piece by piece, for those that reach it."""


@fast
def padded(n: int, step: int) -> int:
    """Return the next multiple of a step."""
    return step * ((n + step - 1) // step)


@fast
def _gather_twice(
    matrix: np.ndarray, rows: np.ndarray, n_rows: int, columns: np.ndarray, n: int, out: np.ndarray
) -> None:
    """Copy some rows and columns, doubled; zeros in the rows up to the next multiple of ROWS."""
    for a in range(n_rows):
        from_row, to_row = _row(matrix, rows[a]), _row(out, a)
        for b in range(n):
            to_row[b] = 2.0 * from_row[columns[b]]
    for a in range(n_rows, padded(n_rows, ROWS)):
        out[a, :n] = 0.0


@fast
def _gather_lower(matrix: np.ndarray, which: np.ndarray, n: int, out: np.ndarray) -> None:
    """Copy a lower triangle of some rows and columns, doubled under the diagonal; zeros above it and in a row below."""
    size = padded(n, ROWS)
    for a in range(n):
        from_row, to_row = _row(matrix, which[a]), _row(out, a)
        for b in range(a):
            to_row[b] = 2.0 * from_row[which[b]]
        to_row[a] = from_row[which[a]]
        for b in range(a + 1, size):
            to_row[b] = 0.0
    for a in range(n, padded(n + 1, ROWS)):
        out[a, :size] = 0.0


@fast
def _row(matrix: np.ndarray, row: int) -> np.ndarray:
    """Return a row of a matrix."""
    return lanes_from(matrix, np.int64(row) * matrix.shape[1], matrix.shape[1])


@fast
def gather(
    places: np.ndarray, rows: np.ndarray, which: np.ndarray, n: int, to_places: np.ndarray, to_rows: np.ndarray
) -> None:
    """Copy the places, by frame and axis, of some samples and their columns of rows."""
    for frame in range(len(places)):
        for axis in range(places.shape[1]):
            row = frame * places.shape[1] + axis
            along = lanes_from(places, row * places.shape[2], places.shape[2])
            out = lanes_from(to_places, row * to_places.shape[2], to_places.shape[2])
            for a in range(n):
                out[a] = along[which[a]]
    for row in range(len(rows)):
        from_row, to_row = _row(rows, row), _row(to_rows, row)
        for a in range(n):
            to_row[a] = from_row[which[a]]


@reordered
def largest_last(
    at_nodes: np.ndarray, function: int, n_y: int, n_x: int, last_y: np.ndarray, last_x: np.ndarray, room: np.ndarray
) -> float:
    """Return the largest of the next Chebyshev coefficients of a function at nodes, estimated from the last two.

    Parameters
    ----------
    at_nodes : ndarray, shape (n_functions, n_y * n_x)
    function, n_y, n_x : int
    last_y, last_x : ndarray, shape (2, n_y), (2, n_x)
    room : ndarray, shape (at least n_x,)
        Working memory.
    """
    values, result = at_nodes[function], 0.0
    for k in range(len(last_y)):
        room[:n_x] = 0.0
        of_x = last_x[k]
        for a in range(n_y):
            share, along_x, row = last_y[k, a], 0.0, values[a * n_x : (a + 1) * n_x]
            for b in range(n_x):
                room[b] += share * row[b]
                along_x += of_x[b] * row[b]
            result = max(result, abs(along_x))
        for b in range(n_x):
            result = max(result, abs(room[b]))
    return result


@fast
def note_slopes(
    at_nodes: np.ndarray, first: int, sums: np.ndarray, n_y: int, n_x: int, last_y: np.ndarray, last_x: np.ndarray,
    tolerance: float, room: np.ndarray,
) -> bool:  # fmt: skip
    """Copy slopes at nodes to functions from `first` on; return whether their interpolation is accurate enough."""
    n_frames, n_fields, n_dimensions, _ = sums.shape
    is_accurate = True
    for field in range(n_fields):
        largest, last = 0.0, 0.0
        for frame in range(n_frames):
            for axis in range(n_dimensions):
                function = first + (frame * n_fields + field) * n_dimensions + axis
                values = at_nodes[function]
                copy_lanes(values, sums[frame, field, axis], n_y * n_x)
                for s in range(n_y * n_x):
                    largest = max(largest, abs(values[s]))
                last = max(last, largest_last(at_nodes, function, n_y, n_x, last_y, last_x, room))
        is_accurate &= last <= tolerance * largest
    return is_accurate


@fast
def _strip_places(
    places: np.ndarray, frames: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray,
    rows: tuple, columns: tuple, n: int, box: np.ndarray,
) -> None:  # fmt: skip
    """Write the coordinates, in each frame, of ROWS rows of cells, and the middle and half sides of their box.

    Rows beyond the last repeat it, and lanes up to n the last cell.
    """
    n_dimensions = frames.shape[1]
    first, last = columns[0], columns[1] - 1
    n_columns = columns[1] - columns[0]
    for frame in range(len(frames)):
        for axis in range(n_dimensions):
            out = places[frame, axis]
            along, across = frames[frame, axis, 0], frames[frame, axis, 1]
            up = frames[frame, axis, 2] * z[0] if n_dimensions == 3 else 0.0
            for row in range(ROWS):
                start = across * y[min(rows[0] + row, rows[1] - 1)] + up
                to = row * n_columns
                for column in range(n_columns):
                    out[to + column] = along * x[first + column] + start
            out[ROWS * n_columns : n] = out[ROWS * n_columns - 1]
            mean_x, half_x = 0.5 * along * (x[first] + x[last]), 0.5 * abs(along * (x[last] - x[first]))
            mean_y = 0.5 * across * (y[rows[0]] + y[rows[1] - 1])
            half_y = 0.5 * abs(across * (y[rows[1] - 1] - y[rows[0]]))
            box[frame, axis, 0], box[frame, axis, 1] = mean_x + mean_y + up, half_x + half_y


@fast
def _note_reaching(
    box: np.ndarray, supports: np.ndarray, places: np.ndarray, n: int, squared: np.ndarray, reaches: np.ndarray
) -> None:
    """Note which samples covary with some place of a box, both by frame and axis."""
    reaches[:n] = False
    for frame in range(len(places)):
        squared[:n] = 0.0
        for axis in range(places.shape[1]):
            middle, half = box[frame, axis, 0], box[frame, axis, 1]
            along = places[frame, axis]
            for a in range(n):
                beyond = abs(along[a] - middle) - half
                beyond = beyond if beyond > 0.0 else 0.0
                squared[a] += beyond * beyond
        reach = supports[frame] * supports[frame] * (1.0 + 1e-9)
        for a in range(n):
            reaches[a] |= squared[a] <= reach


@fast
def along_columns(
    at_nodes: np.ndarray, n_functions: int, n_y: int, n_x: int, across_x: np.ndarray, left: int, n_columns: int,
    width: int, across: np.ndarray, at_columns: np.ndarray,
) -> None:  # fmt: skip
    """Interpolate functions along the rows of nodes of a tile, to `width` places of which `n_columns` are cells.

    Parameters
    ----------
    at_nodes : ndarray, shape (n_functions and up to the next multiple of ROWS, n_y * n_x)
    n_functions, n_y, n_x : int
    across_x : ndarray, shape (n_x, n_columns of the lattice)
    left, n_columns, width : int
        The cells of the tile begin in column `left`.
    across : ndarray, shape (at least n_x * width + STEP,)
        Working memory.
    at_columns : ndarray, shape (at least n_functions * n_y to the next multiple of ROWS, times width, + STEP,)
        Filled: row function * n_y + node has `width` numbers.
    """
    for node in range(n_x):
        copy_lanes(across[node * width :], across_x[node, left:], n_columns)
        across[node * width + n_columns : (node + 1) * width] = 0.0
    by_row = at_nodes.reshape((at_nodes.shape[0] * n_y, n_x))
    for a in range(0, n_functions * n_y, ROWS):
        multiply_rows_tight(by_row, a, n_x, across, 0, width, at_columns, a * width)


@fast
def sort_samples(states: np.ndarray, state: int, which: np.ndarray) -> int:
    """Write the numbers of the samples in some state; return how many they are."""
    n = 0
    for i in range(len(states)):
        which[n] = i
        n += states[i] == state
    return n


@fast
def _meet(
    covariances: np.ndarray, sums: np.ndarray, places: np.ndarray, n: int, samples: np.ndarray, n_samples: int,
    rows_wanted: np.ndarray, frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    room: np.ndarray, slopes: np.ndarray | None,
) -> None:  # fmt: skip
    """Write the covariances of some samples with n lanes; add their slopes, times the first row wanted, where asked.

    Parameters
    ----------
    covariances : ndarray, shape (n_samples and up to the next multiple of ROWS, n_lanes)
        The rows behind the last sample become 0.
    sums : ndarray, shape (n_frames, 1, n_dimensions, n_lanes)
    places, samples : ndarray, shape (n_frames, n_dimensions, ...)
    rows_wanted : ndarray, shape (n_wanted, at least n_samples)
    room : ndarray, shape (2, n_lanes)
        Working memory.
    slopes : ndarray or None
        Only asked whether it is None: then no slopes are added, and what makes them is not even compiled.
    """
    covariances[n_samples : padded(n_samples, ROWS), :n] = 0.0
    if slopes is not None:
        if is_simple(places.shape[1], models):
            meet_samples(
                sums[0, 0], covariances, places[0], n, samples[0], n_samples, rows_wanted[0], models, psills, scales
            )  # fmt: skip
            return
    elif is_simple(places.shape[1], models):
        factor, psill = simple_constants(models, psills, scales)[0], psills[0]
        along, across = element(places, 0), element(places, places.shape[2])
        for a in range(n_samples):
            to, x, y = element(covariances, a * covariances.shape[1]), samples[0, 0, a], samples[0, 1, a]
            if models[0] == 0:
                spherical_row(to, x, y, along, across, n, factor, psill)
            else:
                exponential_row(to, x, y, along, across, n, factor, psill)
        return
    distance = room[0]
    for a in range(n_samples):
        out = lanes_from(covariances, a * covariances.shape[1], n)
        lane_covariances(out, samples, a, places, n, distance, frames, models, psills, scales)
    if slopes is not None:
        add_slopes_of_frames(
            sums, places, n, samples, n_samples, rows_wanted[:1], frames, models, psills, scales, room
        )  # fmt: skip


@fast
def _solve_nodes(
    nodes_x: np.ndarray, nodes_y: np.ndarray, z: np.ndarray, frame_matrices: np.ndarray,
    sample_places: np.ndarray, matrix: np.ndarray, cross: np.ndarray, rows_wanted: np.ndarray, n: int, n_chosen: int,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    places: np.ndarray, room: np.ndarray, covariances: np.ndarray, zeros: np.ndarray, products: np.ndarray,
    form: np.ndarray, wanted: np.ndarray, sums: np.ndarray, node_slopes: np.ndarray, at_nodes: np.ndarray,
    slopes: np.ndarray | None,
) -> None:  # fmt: skip
    """Write c_f'P c_f, R_f c_f and 2 P_ef c_f at the nodes of a tile, f the n smooth samples, e the chosen ones.

    What slopes are made of goes to `node_slopes`, shaped as `sums`, unless `slopes` is None.
    """
    n_x, n_y, n_wanted, width = len(nodes_x), len(nodes_y), len(rows_wanted), covariances.shape[1]
    step = min(width // n_x, n_y)
    for begin in range(0, n_y, step):
        rows = (begin, min(begin + step, n_y))
        n_lanes = lattice_places(places, frame_matrices, nodes_x, nodes_y, z, rows, (0, n_x))
        form[:n_lanes] = 0.0
        wanted[:, :n_lanes] = 0.0
        if slopes is not None:
            sums[:, :, :, :n_lanes] = 0.0
        _meet(
            covariances, sums, places, n_lanes, sample_places, n, rows_wanted, frames, models, psills, scales, room,
            slopes,
        )  # fmt: skip
        add_form(form, matrix, n, covariances, zeros, n_lanes)
        add_rows(wanted, rows_wanted, n, covariances, n_lanes)
        first, last = rows[0] * n_x, rows[1] * n_x
        copy_lanes(at_nodes[0, first:last], form, last - first)
        for g in range(n_wanted):
            copy_lanes(at_nodes[1 + g, first:last], wanted[g], last - first)
        for a in range(0, n_chosen, ROWS):
            multiply_rows(cross, a, n, covariances, n_lanes, products)
            for row in range(min(ROWS, n_chosen - a)):
                copy_lanes(at_nodes[1 + n_wanted + a + row, first:last], products[row], last - first)
        if slopes is not None:
            for frame in range(len(sums)):
                for axis in range(sums.shape[2]):
                    copy_lanes(node_slopes[frame, 0, axis, first:last], sums[frame, 0, axis], last - first)


@exact
def reduce_tiles(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tiles: np.ndarray, states: np.ndarray,
    nodes_x: np.ndarray, across_x: np.ndarray, last_x: np.ndarray,
    nodes_y: np.ndarray, across_y: np.ndarray, last_y: np.ndarray,
    frame_matrices: np.ndarray, sample_places: np.ndarray, supports: np.ndarray,
    precision: np.ndarray, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    ends: bool, sizes: np.ndarray, tolerance: float, quadratic: np.ndarray, products: np.ndarray,
    slopes: np.ndarray | None, done: np.ndarray, memory: np.ndarray,
) -> int:  # fmt: skip
    """Reduce the covariances c of the cells of some tiles with the samples to c'P c and R c; differentiate if asked.

    Parameters
    ----------
    x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)
        Coordinates of the cell centres; all have the elevation z.
    tiles : ndarray of int, shape (n_tiles, 6)
        First row and the one after the last, the same of columns, and which part of the axes y and x it is.
    states : ndarray of int8, shape (n_tiles, n_samples)
        How the covariance of each sample is met: 0 not at all, SMOOTH at the nodes, EXACT at every cell.
    nodes_x, across_x, last_x, nodes_y, across_y, last_y : ndarray
        As `far_samples.TileAxis.for_kernels` gives them, of columns and of rows.
    frame_matrices : ndarray, shape (n_frames, n_dimensions, n_dimensions)
    sample_places : ndarray, shape (n_frames, n_dimensions, n_samples)
        In these frames.
    supports : ndarray, shape (n_frames,)
        Distance in each frame beyond which c is 0.
    precision, rows_wanted : ndarray, shape (n_samples, n_samples), (n_wanted, n_samples)
        P and R.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    ends : bool
        Whether a covariance may end within a tile: then it is met in pieces, each with the samples that reach it.
    sizes : ndarray, shape (1 + n_wanted,)
        Of the form and the products; what is multiplied by covariances has the size 1.
    tolerance : float
        Largest next Chebyshev coefficient, as a share of these sizes.
    quadratic, products : ndarray, shape (n_rows, n_columns), (n_wanted, n_rows, n_columns)
        Filled where tiles are done.
    slopes : ndarray, shape (n_dimensions, n_rows, n_columns), or None
        Filled likewise with the gradient of the first product. With None, what makes slopes is not even compiled.
    done : ndarray of bool, shape (n_tiles,)
        Whether the interpolation is accurate enough; filled.
    memory : ndarray
        Working memory, of finite numbers.

    Returns
    -------
    int
        How many numbers of working memory are needed where there are too few, and nothing is done; else 0.
    """
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_wanted, n_x, n_y = len(rows_wanted), nodes_x.shape[1], nodes_y.shape[1]
    # Without a sign: an index that counts from the end is not looked for.
    smooth, chosen = np.empty(n_samples, dtype=np.uint64), np.empty(n_samples, dtype=np.uint64)
    active = np.empty(n_samples + ROWS, dtype=np.uint64)
    most_smooth, most_chosen, widest = 0, 0, 0
    for t in range(len(tiles)):
        most_smooth = max(most_smooth, sort_samples(states[t], SMOOTH, smooth))
        most_chosen = max(most_chosen, sort_samples(states[t], EXACT, chosen))
        widest = max(widest, tiles[t, 3] - tiles[t, 2])
    # What is done at the nodes.
    size_s, size_c = padded(most_smooth, ROWS), padded(most_chosen, ROWS)
    node_width = _WIDE if most_smooth <= _MOST_WIDE else _NARROW
    n_slopes = 0 if slopes is None else n_frames * n_dimensions
    most_functions = padded(1 + n_wanted + size_c + n_slopes, ROWS)
    at = (64 - memory.ctypes.data % 64) % 64 // 8
    smooth_matrix, at = take(memory, at, (size_s + ROWS, size_s))
    cross, at = take(memory, at, (size_c, size_s))
    smooth_places, at = take(memory, at, (n_frames, n_dimensions, size_s))
    smooth_rows, at = take(memory, at, (n_wanted, size_s))
    at_smooth, at = take(memory, at, (size_s, node_width))
    node_sums, at = take(memory, at, (ROWS, node_width))
    zeros, at = take(memory, at, (ROWS, node_width))
    at_nodes, at = take(memory, at, (most_functions, n_y * n_x))
    node_slopes, at = take(memory, at, (n_frames, 1, n_dimensions, n_y * n_x))
    # What is done at the cells, in pieces of ROWS rows; STEP lanes are read and written behind them.
    width = padded(ROWS * widest, STEP) + STEP
    most = max(width, node_width)
    at_columns, at = take(memory, at, (most_functions * n_y * widest + STEP,))
    across, at = take(memory, at, (n_x * widest + STEP,))
    interpolated, at = take(memory, at, (size_c, width))
    covariances, at = take(memory, at, (size_c, width))
    chosen_matrix, at = take(memory, at, (size_c + ROWS, size_c))
    chosen_places, at = take(memory, at, (n_frames, n_dimensions, size_c))
    chosen_rows, at = take(memory, at, (n_wanted, size_c))
    active_places, at = take(memory, at, (n_frames, n_dimensions, size_c))
    active_rows, at = take(memory, at, (n_wanted, size_c))
    squared, at = take(memory, at, (size_c,))
    places, at = take(memory, at, (n_frames, n_dimensions, most))
    room, at = take(memory, at, (2, most))
    form, at = take(memory, at, (most,))
    wanted, at = take(memory, at, (n_wanted, most))
    sums, at = take(memory, at, (n_frames, 1, n_dimensions, most))
    if at > len(memory):
        return at
    zeros[:] = 0.0
    box, reaches = np.empty((n_frames, n_dimensions, 2)), np.empty(size_c, dtype=np.bool_)
    final = simple_constants(models, psills, scales)[1] if is_simple(n_dimensions, models) else 1.0
    for t in range(len(tiles)):
        top, bottom, left, right, part_y, part_x = tiles[t]
        n_columns = right - left
        n_smooth, n_chosen = sort_samples(states[t], SMOOTH, smooth), sort_samples(states[t], EXACT, chosen)
        n_functions = 0
        if n_smooth > 0:
            n_functions = 1 + n_wanted + n_chosen + n_slopes
            _gather_lower(precision, smooth, n_smooth, smooth_matrix)
            _gather_twice(precision, chosen, n_chosen, smooth, n_smooth, cross)
            gather(sample_places, rows_wanted, smooth, n_smooth, smooth_places, smooth_rows)
            _solve_nodes(
                nodes_x[part_x], nodes_y[part_y], z, frame_matrices, smooth_places, smooth_matrix, cross, smooth_rows,
                n_smooth, n_chosen, frames, models, psills, scales, places, room, at_smooth, zeros, node_sums,
                form, wanted, sums, node_slopes, at_nodes, slopes,
            )  # fmt: skip
            largest = 0.0
            for k in range(n_functions - n_slopes):
                size = sizes[k] if k < len(sizes) else 2.0
                of_function = largest_last(at_nodes, k, n_y, n_x, last_y[part_y], last_x[part_x], room[0])
                largest = max(largest, of_function / size)
            done[t] = largest <= tolerance
            if slopes is not None:
                done[t] &= note_slopes(
                    at_nodes, n_functions - n_slopes, node_slopes, n_y, n_x, last_y[part_y], last_x[part_x],
                    tolerance, room[0],
                )  # fmt: skip
            if not done[t]:
                continue
            along_columns(at_nodes, n_functions, n_y, n_x, across_x, left, n_columns, n_columns, across, at_columns)
        done[t] = True
        _gather_lower(precision, chosen, n_chosen, chosen_matrix)
        gather(sample_places, rows_wanted, chosen, n_chosen, chosen_places, chosen_rows)
        a_function, n_before = n_y * n_columns, -1
        piece = PIECE if ends and n_chosen > _MANY else n_columns
        for first_row in range(top, bottom, ROWS):
            rows = (first_row, min(first_row + ROWS, bottom))
            for first_column in range(left, right, piece):
                columns = (first_column, min(first_column + piece, right))
                n_here, shift = columns[1] - first_column, first_column - left
                n = padded(ROWS * n_here, STEP)
                _strip_places(places, frame_matrices, x, y, z, rows, columns, n, box)
                _note_reaching(box, supports, chosen_places, n_chosen, squared, reaches)
                n_active = 0
                for a in range(n_chosen):
                    active[n_active] = a
                    n_active += reaches[a]
                size = padded(n_active, ROWS)
                active[n_active:size] = n_chosen
                if n_active < n_chosen or n_before < n_chosen:
                    gather(chosen_places, chosen_rows, active, n_active, active_places, active_rows)
                n_before = n_active
                if n_functions > 0:
                    multiply_rows_narrow(across_y, first_row, n_y, at_columns, shift, n_columns, n_here, form, 0)
                    for g in range(n_wanted):
                        multiply_rows_narrow(
                            across_y, first_row, n_y, at_columns, (1 + g) * a_function + shift, n_columns, n_here,
                            wanted, g * most,
                        )  # fmt: skip
                    for a in range(n_active):
                        function = 1 + n_wanted + np.int64(active[a])
                        multiply_rows_narrow(
                            across_y, first_row, n_y, at_columns, function * a_function + shift, n_columns, n_here,
                            interpolated, a * width,
                        )  # fmt: skip
                    if slopes is not None:
                        for k in range(n_slopes):
                            function = 1 + n_wanted + n_chosen + k
                            multiply_rows_narrow(
                                across_y, first_row, n_y, at_columns, function * a_function + shift, n_columns, n_here,
                                sums, k * most,
                            )  # fmt: skip
                else:
                    form[:n] = 0.0
                    wanted[:, :n] = 0.0
                    interpolated[:size, :n] = 0.0
                    if slopes is not None:
                        sums[:, :, :, :n] = 0.0
                if n_active > 0:
                    _meet(
                        covariances, sums, places, n, active_places, n_active, active_rows, frames, models, psills,
                        scales, room, slopes,
                    )  # fmt: skip
                    add_form_of_chosen(form, chosen_matrix, active, n_active, covariances, interpolated, n)
                    add_rows(wanted, active_rows, n_active, covariances, n)
                if slopes is not None:
                    turn_slopes(slopes, sums, 0, frame_matrices, final, rows, columns, n_here)
                for row in range(rows[1] - rows[0]):
                    at, to = row * n_here, (rows[0] + row) * len(x) + first_column
                    copy_lanes(lanes_from(quadratic, to, n_here), lanes_from(form, at, n_here), n_here)
                    for g in range(n_wanted):
                        copy_lanes(
                            lanes_from(products, g * len(y) * len(x) + to, n_here),
                            lanes_from(wanted, g * most + at, n_here), n_here,
                        )  # fmt: skip
    return 0
