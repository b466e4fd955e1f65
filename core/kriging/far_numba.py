"""Tiles whose far samples are interpolated, compiled: the twins of `far_samples.FarSamples`' two steps."""

from __future__ import annotations

import numpy as np

from .global_numba import WIDTH, add_dots, add_products, gather_lower, lattice_places, reduce_lanes
from .lanes_numba import ROWS, STEP, exact, lane_covariances, multiply_rows

_NARROW = 72
_LARGEST_WIDE = 320


@exact
def reduce_at_nodes(
    nodes: np.ndarray, frame_matrices: np.ndarray, sample_places: np.ndarray, chosen: np.ndarray, is_smooth: np.ndarray,
    lower: np.ndarray, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    """Write c'P c, R c and chosen rows of P c, with c the covariances of each node with the smooth samples.

    Parameters
    ----------
    nodes : ndarray, shape (n_nodes, n_dimensions)
    frame_matrices, sample_places : ndarray
        As in `global_numba.whiten_lattice`.
    chosen : ndarray of int, shape (n_chosen,)
    is_smooth : ndarray of bool, shape (n_samples,)
    lower, rows_wanted : ndarray, shape (n, n), (n_wanted, n)
        The doubled lower triangle of P, and R, padded with zeros to n, a multiple of ROWS.
    frames, models, psills, scales : ndarray, shape (n_terms,)
    result : ndarray, shape (1 + n_wanted + n_chosen, n_nodes)
        Filled.
    """
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_wanted, n_nodes, size = len(rows_wanted), len(nodes), lower.shape[1]
    width = WIDTH if size <= _LARGEST_WIDE else _NARROW
    n_chosen = len(chosen)
    chosen_rows = np.zeros((ROWS * ((n_chosen + ROWS - 1) // ROWS), size))
    for a in range(n_chosen):
        row = chosen[a]
        for j in range(row):
            chosen_rows[a, j] = 0.5 * lower[row, j]
        chosen_rows[a, row] = lower[row, row]
        for j in range(row + 1, n_samples):
            chosen_rows[a, j] = 0.5 * lower[j, row]
    covariances = np.zeros((size, width))
    places = np.empty((n_frames, n_dimensions, width))
    distance, sums = np.empty(width), np.empty((ROWS, width))
    form, wanted = np.empty(width), np.empty((n_wanted, width))
    for begin in range(0, n_nodes, width):
        n_here = min(width, n_nodes - begin)
        n = STEP * ((n_here + STEP - 1) // STEP)
        for frame in range(n_frames):
            for axis in range(n_dimensions):
                for s in range(n):
                    node = min(begin + s, n_nodes - 1)
                    place = 0.0
                    for other in range(n_dimensions):
                        place += frame_matrices[frame, axis, other] * nodes[node, other]
                    places[frame, axis, s] = place
        for i in range(n_samples):
            if is_smooth[i]:
                lane_covariances(
                    covariances[i], sample_places, i, places, n, distance, frames, models, psills, scales
                )  # fmt: skip
            else:
                covariances[i, :n] = 0.0
        reduce_lanes(form, wanted, lower, False, rows_wanted, size, covariances, n, sums)
        result[0, begin : begin + n_here] = form[:n_here]
        result[1 : 1 + n_wanted, begin : begin + n_here] = wanted[:, :n_here]
        for a in range(0, n_chosen, ROWS):
            multiply_rows(chosen_rows, a, size, covariances, n, sums)
            for row in range(min(ROWS, n_chosen - a)):
                result[1 + n_wanted + a + row, begin : begin + n_here] = sums[row, :n_here]


@exact
def reduce_at_cells(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, frame_matrices: np.ndarray, sample_places: np.ndarray,
    chosen: np.ndarray, at_nodes: np.ndarray, across_x: np.ndarray, across_y: np.ndarray,
    lower: np.ndarray, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    top_row: int, left_column: int, quadratic: np.ndarray, products: np.ndarray,
) -> None:  # fmt: skip
    """Interpolate from the nodes of a tile and add what the chosen samples make at each cell.

    Parameters
    ----------
    x, y, z, frame_matrices, sample_places, chosen, lower, rows_wanted, frames, models, psills, scales : ndarray
        As in `reduce_at_nodes`; x, y and z are those of the tile.
    at_nodes : ndarray, shape (1 + n_wanted + n_chosen, n_nodes_y, n_nodes_x)
    across_x, across_y : ndarray, shape (n_columns, n_nodes_x), (n_rows, n_nodes_y)
        From values at the nodes to values at the cells.
    top_row, left_column : int
        Of the tile in the raster.
    quadratic, products : ndarray, shape (n_rows, n_columns), (n_wanted, n_rows, n_columns)
        Of the raster; the tile is filled.
    """
    n_frames, n_dimensions, _ = sample_places.shape
    n_rows, n_columns, n_wanted, n_chosen = len(y), len(x), len(rows_wanted), len(chosen)
    n_functions, n_nodes_y, n_nodes_x = at_nodes.shape
    size = ROWS * ((n_chosen + ROWS - 1) // ROWS)
    # Functions in blocks of ROWS: form and products, then the rows of P c_f.
    first = ROWS * ((1 + n_wanted + ROWS - 1) // ROWS)
    # As many places for functions as make the rows of lanes whole multiples of STEP.
    n_places = STEP * ((first + size + STEP - 1) // STEP)
    by_row = np.zeros((n_nodes_y, n_places * n_nodes_x))
    for function in range(n_functions):
        place = function if function <= n_wanted else first + function - 1 - n_wanted
        for node in range(n_nodes_y):
            for other in range(n_nodes_x):
                by_row[node, place * n_nodes_x + other] = at_nodes[function, node, other]
    width = STEP * ((n_columns + STEP - 1) // STEP)
    columns = np.zeros((n_nodes_x, width))
    columns[:, :n_columns] = across_x.T
    padded_y = np.zeros((ROWS * ((n_rows + ROWS - 1) // ROWS), n_nodes_y))
    padded_y[:n_rows] = across_y
    own_matrix, own_rows = np.empty((size, size)), np.zeros((n_wanted, size))
    gather_lower(lower, chosen, n_chosen, own_matrix)
    for g in range(n_wanted):
        for a in range(n_chosen):
            own_rows[g, a] = rows_wanted[g, chosen[a]]
    rows_here = np.empty((ROWS, n_places * n_nodes_x))
    smooth = np.empty((first + size, width))
    covariances = np.zeros((size, width))
    places = np.empty((n_frames, n_dimensions, width))
    distance, sums = np.empty(width), np.empty((ROWS, width))
    for top in range(0, n_rows, ROWS):
        multiply_rows(padded_y, top, n_nodes_y, by_row, rows_here.shape[1], rows_here)
        for row in range(top, min(top + ROWS, n_rows)):
            n = lattice_places(places, frame_matrices, x, y, z, (row, row + 1), (0, n_columns))
            of_row = rows_here[row - top].reshape((n_places, n_nodes_x))
            for a in range(0, first + size, ROWS):
                multiply_rows(of_row, a, n_nodes_x, columns, n, smooth[a : a + ROWS])
            form, wanted = smooth[0], smooth[1 : 1 + n_wanted]
            for a in range(n_chosen):
                lane_covariances(
                    covariances[a], sample_places, chosen[a], places, n, distance, frames, models, psills, scales
                )  # fmt: skip
            for i in range(0, size, ROWS):
                multiply_rows(own_matrix, i, i + ROWS, covariances, n, sums)
                for a in range(ROWS):
                    through = smooth[first + i + a]
                    for s in range(n):
                        sums[a, s] += 2.0 * through[s]
                add_dots(form, sums, covariances, i, n)
                for g in range(n_wanted):
                    add_products(wanted[g], own_rows[g], i, covariances, n)
            for s in range(n_columns):
                quadratic[top_row + row, left_column + s] = form[s]
            for g in range(n_wanted):
                for s in range(n_columns):
                    products[g, top_row + row, left_column + s] = wanted[g, s]
