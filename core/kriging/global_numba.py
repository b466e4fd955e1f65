"""Kriging of a lattice from all samples, compiled: the twin of `system.GlobalSystem`."""

from __future__ import annotations

import numpy as np

from .lanes_numba import STEP, add_rows, add_squares, copy_lanes, exact, fast, lane_covariances

WIDTH = 264
"""Most lanes at once; a multiple of every STEP."""


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


@exact
def whiten_lattice(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tile: tuple, first: int, last: int, frame_matrices: np.ndarray,
    sample_places: np.ndarray, factor: np.ndarray, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    quadratic: np.ndarray, products: np.ndarray,
) -> None:  # fmt: skip
    """Reduce the covariances c of each cell with all samples to a quadratic form and some products.

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
    factor : ndarray, shape (n, n)
        V, lower triangular, padded with zeros to a multiple of ROWS: the form is ``|V c|^2``.
    rows_wanted : ndarray, shape (n_wanted, at least n_samples)
        Their products with c are wanted.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    quadratic, products : ndarray, shape (n_rows, n_columns), (n_wanted, n_rows, n_columns)
        Filled.
    """
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_wanted, size = len(rows_wanted), len(factor)
    covariances = np.zeros((size, WIDTH))
    places = np.empty((n_frames, n_dimensions, WIDTH))
    distance, form, wanted = np.empty(WIDTH), np.empty(WIDTH), np.empty((n_wanted, WIDTH))
    for top in range(first * tile[0], min(last * tile[0], len(y)), tile[0]):
        rows = (top, min(top + tile[0], len(y)))
        for left in range(0, len(x), tile[1]):
            columns = (left, min(left + tile[1], len(x)))
            n = lattice_places(places, frame_matrices, x, y, z, rows, columns)
            for a in range(n_samples):
                lane_covariances(covariances[a], sample_places, a, places, n, distance, frames, models, psills, scales)
            form[:n] = 0.0
            wanted[:, :n] = 0.0
            add_squares(form, factor, size, covariances, n)
            add_rows(wanted, rows_wanted, n_samples, covariances, n)
            at, n_columns = 0, columns[1] - columns[0]
            for row in range(rows[0], rows[1]):
                copy_lanes(quadratic[row, columns[0] : columns[1]], form[at:], n_columns)
                for g in range(n_wanted):
                    copy_lanes(products[g, row, columns[0] : columns[1]], wanted[g, at:], n_columns)
                at += n_columns
