"""Gradients of a sum of covariances, compiled: the twin of `covariance.SmoothCovariance.gradient_of_sum`."""

from __future__ import annotations

import numpy as np

from .lanes_numba import exact, fast, lanes_from
from .slopes_numba import slope_ratios

_WIDTH = 256


@fast
def _distances(distance: np.ndarray, places: np.ndarray, samples: np.ndarray, sample: int, n: int) -> None:
    """Write the distances of a sample from n places, both by axis."""
    x, along = samples[0, sample], places[0]
    for s in range(n):
        offset = along[s] - x
        distance[s] = offset * offset
    for axis in range(1, len(places)):
        x, along = samples[axis, sample], places[axis]
        for s in range(n):
            offset = along[s] - x
            distance[s] += offset * offset
    for s in range(n):
        distance[s] = np.sqrt(distance[s])


@fast
def _add_offsets(out: np.ndarray, ratio: np.ndarray, along: np.ndarray, x: float, weight: float, n: int) -> None:
    """Add the offsets from a sample along an axis, each times its ratio and a weight."""
    for s in range(n):
        out[s] += weight * ratio[s] * (along[s] - x)


@fast
def add_slopes(
    sums: np.ndarray, places: np.ndarray, n: int, samples: np.ndarray, n_samples: int, weights: np.ndarray, frame: int,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, room: np.ndarray,
) -> None:  # fmt: skip
    """Add to n lanes the gradients, in a frame, of covariances with some samples, each times its weights.

    Parameters
    ----------
    sums, places : ndarray, shape (n_fields, n_dimensions, at least n), (n_dimensions, at least n)
    samples, weights : ndarray, shape (n_dimensions, at least n_samples), (n_fields, at least n_samples)
    room : ndarray, shape (2, at least n)
        Working memory.
    """
    distance, ratio = room[0], room[1]
    for sample in range(n_samples):
        _distances(distance, places, samples, sample, n)
        slope_ratios(ratio, distance, n, frame, frames, models, psills, scales)
        for field in range(len(weights)):
            for axis in range(len(places)):
                _add_offsets(
                    sums[field, axis], ratio, places[axis], samples[axis, sample], weights[field, sample], n
                )  # fmt: skip


@fast
def add_slopes_of_frames(
    sums: np.ndarray, places: np.ndarray, n: int, samples: np.ndarray, n_samples: int, weights: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, room: np.ndarray,
) -> None:  # fmt: skip
    """Add to n lanes the slopes of every frame, as `add_slopes` does those of one."""
    for frame in range(len(sums)):
        add_slopes(
            sums[frame], places[frame], n, samples[frame], n_samples, weights, frame, frames, models, psills, scales,
            room,
        )  # fmt: skip


@fast
def turn_slopes(
    out: np.ndarray, sums: np.ndarray, field: int, frames: np.ndarray, factor: float, rows: tuple, columns: tuple,
    width: int,
) -> None:  # fmt: skip
    """Write the gradients summed in each frame to the cells of a strip: that of |M h| is M'M h / |M h|."""
    _, n_fields, n_dimensions, n_lanes = sums.shape
    n_columns = columns[1] - columns[0]
    for axis in range(n_dimensions):
        for row in range(rows[1] - rows[0]):
            to = lanes_from(out, (axis * out.shape[1] + rows[0] + row) * out.shape[2] + columns[0], n_columns)
            for frame in range(len(frames)):
                for other in range(n_dimensions):
                    share = factor * frames[frame, other, axis]
                    summed = ((frame * n_fields + field) * n_dimensions + other) * n_lanes
                    along = lanes_from(sums, summed + row * width, n_columns)
                    if frame == 0 and other == 0:
                        for s in range(n_columns):
                            to[s] = share * along[s]
                    elif share != 0.0:
                        for s in range(n_columns):
                            to[s] += share * along[s]


@exact
def gradient_of_sum(
    targets: np.ndarray, frame_matrices: np.ndarray, sample_places: np.ndarray, coefficients: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    """Write the gradients of ``sum_j coefficients_j C(x - x_j)``.

    Parameters
    ----------
    targets : ndarray, shape (n_targets, n_dimensions)
    frame_matrices, sample_places : ndarray
        As in `global_numba.whiten_lattice`.
    coefficients : ndarray, shape (n_fields, n_samples)
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    result : ndarray, shape (n_fields, n_dimensions, n_targets)
        Filled.
    """
    n_targets, n_dimensions = targets.shape
    n_fields, n_samples = coefficients.shape
    places, sums = np.empty((n_dimensions, _WIDTH)), np.empty((n_fields, n_dimensions, _WIDTH))
    room = np.empty((2, _WIDTH))
    result[:] = 0.0
    for begin in range(0, n_targets, _WIDTH):
        n = min(_WIDTH, n_targets - begin)
        for frame in range(len(frame_matrices)):
            matrix = frame_matrices[frame]
            for axis in range(n_dimensions):
                for s in range(n):
                    place = 0.0
                    for other in range(n_dimensions):
                        place += matrix[axis, other] * targets[begin + s, other]
                    places[axis, s] = place
            sums[:] = 0.0
            add_slopes(
                sums, places, n, sample_places[frame], n_samples, coefficients, frame, frames, models, psills, scales,
                room,
            )  # fmt: skip
            # From the frame back to the map: the gradient of |M h| is M'M h / |M h|.
            for field in range(n_fields):
                for axis in range(n_dimensions):
                    for other in range(n_dimensions):
                        share = matrix[other, axis]
                        for s in range(n):
                            result[field, axis, begin + s] += share * sums[field, other, s]
