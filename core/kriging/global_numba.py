"""Kriging of a lattice from all samples, compiled: the twins of `system.GlobalSystem` and `far_samples`."""

from __future__ import annotations

import numpy as np

from .lanes_numba import ROWS, STEP, exact, fast, lane_covariances, multiply_rows

WIDTH = 264
"""Most lanes at once; a multiple of every STEP."""


@fast
def gather_lower(matrix: np.ndarray, which: np.ndarray, n: int, out: np.ndarray) -> None:
    """Copy the lower triangle of some rows and columns; zeros beside the diagonal where blocks of rows are read."""
    size = ROWS * ((n + ROWS - 1) // ROWS)
    for a in range(n):
        from_row, to_row = matrix[which[a]], out[a]
        for b in range(a + 1):
            to_row[b] = from_row[which[b]]
        for b in range(a + 1, min(a + ROWS, size)):
            to_row[b] = 0.0
    for a in range(n, size):
        out[a, :size] = 0.0


@fast
def lattice_places(
    places: np.ndarray, frames: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, rows: tuple, columns: tuple
) -> int:
    """Write the coordinates, in each frame, of a rectangle of cells row by row; return how many lanes that fills.

    Lanes up to the next multiple of STEP hold the last cell.
    """
    n_dimensions = frames.shape[1]
    n_columns = columns[1] - columns[0]
    n_here = (rows[1] - rows[0]) * n_columns
    n = STEP * ((n_here + STEP - 1) // STEP)
    for frame in range(len(frames)):
        for axis in range(n_dimensions):
            out = places[frame, axis]
            along, across = frames[frame, axis, 0], frames[frame, axis, 1]
            up = frames[frame, axis, 2] * z[0] if n_dimensions == 3 else 0.0
            at = 0
            for row in range(rows[0], rows[1]):
                start = across * y[row] + up
                for column in range(n_columns):
                    out[at + column] = along * x[columns[0] + column] + start
                at += n_columns
            out[n_here:n] = out[n_here - 1]
    return n


@fast
def _squared_distance_to_box(
    places: np.ndarray, n: int, points: np.ndarray, box: np.ndarray, squared: np.ndarray
) -> None:
    """Write the squared distances of points to the box around the first n places, both by axis."""
    for axis in range(len(places)):
        low, high = np.inf, -np.inf
        for s in range(n):
            place = places[axis, s]
            low = place if place < low else low
            high = place if place > high else high
        box[axis] = 0.5 * (high - low)
        middle = 0.5 * (low + high)
        for i in range(points.shape[1]):
            beyond = abs(points[axis, i] - middle) - box[axis]
            beyond = beyond if beyond > 0.0 else 0.0
            squared[i] = beyond * beyond if axis == 0 else squared[i] + beyond * beyond


@fast
def add_products(out: np.ndarray, row: np.ndarray, first: int, lanes: np.ndarray, n: int) -> None:
    """Add ``row[first : first + ROWS] @ lanes[first : first + ROWS]`` to ``out``."""
    for j in range(first, first + ROWS, 4):
        a, b, c, d = row[j], row[j + 1], row[j + 2], row[j + 3]
        row_0, row_1, row_2, row_3 = lanes[j], lanes[j + 1], lanes[j + 2], lanes[j + 3]
        for s in range(n):
            out[s] += ((a * row_0[s] + b * row_1[s]) + c * row_2[s]) + d * row_3[s]


@fast
def add_dots(out: np.ndarray, left: np.ndarray, right: np.ndarray, first: int, n: int) -> None:
    """Add the products of ROWS rows of ``left`` and those of ``right`` from ``first`` on, element by element."""
    for j in range(0, ROWS, 4):
        a, b, c, d = left[j], left[j + 1], left[j + 2], left[j + 3]
        row_0, row_1, row_2, row_3 = right[first + j], right[first + j + 1], right[first + j + 2], right[first + j + 3]
        for s in range(n):
            out[s] += ((a[s] * row_0[s] + b[s] * row_1[s]) + c[s] * row_2[s]) + d[s] * row_3[s]


@fast
def reduce_lanes(
    form: np.ndarray, wanted: np.ndarray, matrix: np.ndarray, is_factor: bool, rows_wanted: np.ndarray, size: int,
    lanes: np.ndarray, n: int, sums: np.ndarray,
) -> None:  # fmt: skip
    """Write ``|matrix c|^2`` or ``c' matrix c`` and ``rows_wanted c`` of each lane c, for a lower triangular matrix."""
    form[:n] = 0.0
    wanted[:, :n] = 0.0
    for i in range(0, size, ROWS):
        multiply_rows(matrix, i, i + ROWS, lanes, n, sums)
        if is_factor:
            add_dots(form, sums, sums, 0, n)
        else:
            add_dots(form, sums, lanes, i, n)
        for g in range(len(rows_wanted)):
            add_products(wanted[g], rows_wanted[g], i, lanes, n)


@exact
def whiten_lattice(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tile: tuple, first: int, last: int, frame_matrices: np.ndarray,
    sample_places: np.ndarray, supports: np.ndarray, matrix: np.ndarray, is_factor: bool, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    quadratic: np.ndarray, products: np.ndarray,
) -> None:  # fmt: skip
    """Reduce the covariances c of each cell with the samples to a quadratic form and some products.

    Parameters
    ----------
    x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)
        Coordinates of the cell centres; all have the elevation z.
    tile : tuple of int
        Rows and columns of a tile, at most WIDTH cells.
    first, last : int
        Of all rows of tiles, those to solve.
    frame_matrices : ndarray, shape (n_frames, n_dimensions, n_dimensions)
    sample_places : ndarray, shape (n_frames, n_dimensions, n_samples)
        In these frames.
    supports : ndarray, shape (n_frames,)
        Distance in each frame beyond which c is 0.
    matrix : ndarray, shape (n, n)
        Lower triangular, padded with zeros to a multiple of ROWS.
    is_factor : bool
        Whether the quadratic form is ``|matrix c|^2``, with all samples, or ``c' matrix c``, with those
        within the support of some cell of the tile.
    rows_wanted : ndarray, shape (n_wanted, n)
        Padded likewise; their products with c are wanted.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    quadratic, products : ndarray, shape (n_rows, n_columns), (n_wanted, n_rows, n_columns)
        Filled.
    """
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_wanted = len(rows_wanted)
    near = np.arange(n_samples)
    is_near = np.zeros(n_samples, dtype=np.bool_)
    box, squared = np.empty(n_dimensions), np.empty(n_samples)
    n_near, size = n_samples, len(matrix)
    own_matrix, own_rows = matrix, rows_wanted
    if not is_factor:
        own_matrix, own_rows = np.empty((0, 0)), np.empty((n_wanted, 0))
    covariances = np.empty((size if is_factor else 0, WIDTH))
    places = np.empty((n_frames, n_dimensions, WIDTH))
    distance, sums = np.empty(WIDTH), np.empty((ROWS, WIDTH))
    form, wanted = np.empty(WIDTH), np.empty((n_wanted, WIDTH))
    for top in range(first * tile[0], min(last * tile[0], len(y)), tile[0]):
        rows = (top, min(top + tile[0], len(y)))
        for left in range(0, len(x), tile[1]):
            columns = (left, min(left + tile[1], len(x)))
            n = lattice_places(places, frame_matrices, x, y, z, rows, columns)
            if not is_factor:
                is_near[:] = False
                for frame in range(n_frames):
                    _squared_distance_to_box(places[frame], n, sample_places[frame], box, squared)
                    reach = (supports[frame] * (1.0 + 1e-9)) ** 2
                    for i in range(n_samples):
                        is_near[i] |= squared[i] <= reach
                n_near = 0
                for i in range(n_samples):
                    near[n_near] = i
                    n_near += is_near[i]
                size = ROWS * ((n_near + ROWS - 1) // ROWS)
                if size > len(own_matrix):
                    own_matrix, own_rows = np.empty((size, size)), np.empty((n_wanted, size))
                    covariances = np.empty((size, WIDTH))
                gather_lower(matrix, near, n_near, own_matrix)
                for g in range(n_wanted):
                    for a in range(n_near):
                        own_rows[g, a] = rows_wanted[g, near[a]]
                    own_rows[g, n_near:size] = 0.0
            for a in range(n_near):
                lane_covariances(
                    covariances[a], sample_places, near[a], places, n, distance, frames, models, psills, scales
                )  # fmt: skip
            for a in range(n_near, size):
                covariances[a, :n] = 0.0
            reduce_lanes(form, wanted, own_matrix, is_factor, own_rows, size, covariances, n, sums)
            at, n_columns = 0, columns[1] - columns[0]
            for row in range(rows[0], rows[1]):
                quadratic[row, columns[0] : columns[1]] = form[at : at + n_columns]
                products[:, row, columns[0] : columns[1]] = wanted[:, at : at + n_columns]
                at += n_columns
