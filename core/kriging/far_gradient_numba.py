"""Gradients of tiles of a lattice with their smooth samples interpolated, compiled: the twin of `far_gradient`."""

from __future__ import annotations

import numpy as np

from .far_numba import EXACT, SMOOTH, along_columns, gather, note_slopes, padded, sort_samples
from .gradient_numba import add_slopes_of_frames, turn_slopes
from .lanes_numba import ROWS, STEP, aligned, exact, fast, multiply_rows_tight
from .slopes_numba import BLOCK_COLUMNS, BLOCK_ROWS, add_slopes_of_block, is_simple, simple_constants

_BLOCK = BLOCK_ROWS * BLOCK_COLUMNS
STRIP = 2 * BLOCK_ROWS
"""Rows of cells at once."""


@fast
def _write_places(
    places: np.ndarray, frames: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, rows: tuple, columns: tuple,
    n_rows: int, width: int,
) -> None:  # fmt: skip
    """Write the coordinates, in each frame, of `n_rows` rows of `width` cells; beyond the last they repeat it."""
    n_columns = columns[1] - columns[0]
    for frame in range(len(frames)):
        for axis in range(frames.shape[1]):
            along, across = frames[frame, axis, 0], frames[frame, axis, 1]
            up = frames[frame, axis, 2] * z[0] if frames.shape[1] == 3 else 0.0
            for row in range(n_rows):
                start = across * y[min(rows[0] + row, rows[1] - 1)] + up
                out = places[frame, axis, row * width : row * width + width]
                for column in range(n_columns):
                    out[column] = along * x[columns[0] + column] + start
                out[n_columns:] = out[n_columns - 1]


@fast
def _near_box(
    places: np.ndarray, first: int, last: int, other: int, support: float, samples: np.ndarray, weights: np.ndarray,
    n: int, squared: np.ndarray, near: np.ndarray, near_weights: np.ndarray,
) -> int:  # fmt: skip
    """Copy the samples within the support of a block of cells; return how many they are.

    Parameters
    ----------
    places : ndarray, shape (2, n_lanes)
    first, last, other : int
        Lanes of two opposite corners, and of a third.
    """
    squared[:n] = 0.0
    for axis in range(2):
        along = places[axis]
        middle = 0.5 * (along[first] + along[last])
        half = 0.5 * (abs(along[other] - along[first]) + abs(along[last] - along[other]))
        of_samples = samples[axis]
        for a in range(n):
            beyond = abs(of_samples[a] - middle) - half
            beyond = beyond if beyond > 0.0 else 0.0
            squared[a] += beyond * beyond
    reach, n_near = support * support * (1.0 + 1e-9), 0
    for a in range(n):
        near[0, n_near], near[1, n_near] = samples[0, a], samples[1, a]
        for field in range(len(weights)):
            near_weights[field, n_near] = weights[field, a]
        n_near += squared[a] <= reach
    return n_near


@exact
def gradient_of_tiles(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, tiles: np.ndarray, states: np.ndarray,
    nodes_x: np.ndarray, across_x: np.ndarray, last_x: np.ndarray,
    nodes_y: np.ndarray, across_y: np.ndarray, last_y: np.ndarray,
    frame_matrices: np.ndarray, sample_places: np.ndarray, supports: np.ndarray, coefficients: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    tolerance: float, result: np.ndarray, done: np.ndarray,
) -> None:  # fmt: skip
    """Write the gradients of ``sum_j coefficients_j C(x - x_j)`` at the cells of some tiles.

    Parameters
    ----------
    x, y, z, tiles, states, nodes_x, across_x, last_x, nodes_y, across_y, last_y, frame_matrices, sample_places, supports
        As in `far_numba.reduce_tiles`.
    coefficients : ndarray, shape (n_fields, n_samples)
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    tolerance : float
        Largest next Chebyshev coefficient, as a share of the largest value at the nodes.
    result : ndarray, shape (n_fields, n_dimensions, n_rows, n_columns)
        Filled where tiles are done.
    done : ndarray of bool, shape (n_tiles,)
        Whether the interpolation is accurate enough; filled.
    """  # noqa: E501
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_fields, n_x, n_y = len(coefficients), nodes_x.shape[1], nodes_y.shape[1]
    is_written_out = is_simple(n_dimensions, models)
    final = simple_constants(models, psills, scales)[1] if is_written_out else 1.0
    ends = is_written_out and np.isfinite(supports[0])
    n_functions, widest = n_frames * n_fields * n_dimensions, 0
    for t in range(len(tiles)):
        widest = max(widest, tiles[t, 3] - tiles[t, 2])
    widest = padded(widest, BLOCK_COLUMNS)
    chosen = np.empty(n_samples, dtype=np.uint64)
    some, near = np.empty((n_frames, n_dimensions, n_samples)), np.empty((n_dimensions, n_samples + 1))
    some_weights, near_weights = np.empty((n_fields, n_samples)), np.empty((n_fields, n_samples + 1))
    n_nodes = padded(n_x * n_y, _BLOCK)
    most = max(n_nodes, STRIP * widest) + STEP
    most = padded(most, STEP)
    squared, room = np.empty(n_samples), np.empty((2, most))
    places = aligned(n_frames * n_dimensions * most).reshape((n_frames, n_dimensions, most))
    sums = aligned(n_functions * most).reshape((n_frames, n_fields, n_dimensions, most))
    at_nodes = np.zeros((padded(n_functions, ROWS), n_y * n_x))
    across = aligned(n_x * widest + STEP)
    at_columns = aligned(padded(n_functions * n_y, ROWS) * widest + STEP)
    for t in range(len(tiles)):
        top, bottom, left, right, part_y, part_x = tiles[t]
        n_columns = right - left
        width = padded(n_columns, BLOCK_COLUMNS)
        n = sort_samples(states[t], SMOOTH, chosen)
        is_split = n > 0
        if is_split:
            gather(sample_places, coefficients, chosen, n, some, some_weights)
            _write_places(places, frame_matrices, nodes_x[part_x], nodes_y[part_y], z, (0, n_y), (0, n_x), n_y, n_x)
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    places[frame, axis, n_y * n_x : n_nodes] = places[frame, axis, n_y * n_x - 1]
            sums[:, :, :, :n_nodes] = 0.0
            if is_written_out:
                for field in range(n_fields):
                    for at in range(0, n_nodes, _BLOCK):
                        add_slopes_of_block(
                            sums[0, field], places[0], at, BLOCK_COLUMNS, some[0], n, some_weights[field],
                            models, psills, scales,
                        )  # fmt: skip
            else:
                add_slopes_of_frames(
                    sums, places, n_y * n_x, some, n, some_weights, frames, models, psills, scales, room
                )  # fmt: skip
            done[t] = note_slopes(at_nodes, 0, sums, n_y, n_x, last_y[part_y], last_x[part_x], tolerance, room[0])
            if not done[t]:
                continue
            along_columns(at_nodes, n_functions, n_y, n_x, across_x, left, n_columns, width, across, at_columns)
        done[t] = True
        n = sort_samples(states[t], EXACT, chosen)
        gather(sample_places, coefficients, chosen, n, some, some_weights)
        for first_row in range(top, bottom, STRIP):
            rows, columns = (first_row, min(first_row + STRIP, bottom)), (left, right)
            _write_places(places, frame_matrices, x, y, z, rows, columns, STRIP, width)
            if is_split:
                for function in range(n_functions):
                    for block in range(0, STRIP, ROWS):
                        multiply_rows_tight(
                            across_y, first_row + block, n_y, at_columns, function * n_y * width, width,
                            sums, function * most + block * width,
                        )  # fmt: skip
            else:
                sums[:, :, :, : STRIP * width] = 0.0
            if not is_written_out:
                add_slopes_of_frames(
                    sums, places, STRIP * width, some, n, some_weights, frames, models, psills, scales, room
                )  # fmt: skip
            elif n > 0:
                for column in range(0, width, BLOCK_COLUMNS):
                    last = (STRIP - 1) * width + column + BLOCK_COLUMNS - 1
                    n_near, from_samples, from_weights = n, some[0], some_weights
                    if ends:
                        n_near = _near_box(
                            places[0], column, last, column + BLOCK_COLUMNS - 1, supports[0], some[0],
                            some_weights, n, squared, near, near_weights,
                        )  # fmt: skip
                        from_samples, from_weights = near, near_weights
                    for field in range(n_fields):
                        for row in range(0, STRIP, BLOCK_ROWS):
                            add_slopes_of_block(
                                sums[0, field], places[0], row * width + column, width, from_samples, n_near,
                                from_weights[field], models, psills, scales,
                            )  # fmt: skip
            for field in range(n_fields):
                turn_slopes(result[field], sums, field, frame_matrices, final, rows, columns, width)
