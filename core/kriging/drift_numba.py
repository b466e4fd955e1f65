"""A frame for a local drift in each tile of `nearest_numba`: the twin of `local_drift.TileFrames`."""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .lanes_numba import exact

_ROUNDING = 1e-10
_LEVEL = 1e-7


@exact
def fit_frame(
    known: np.ndarray, samples: np.ndarray, n: int, center: np.ndarray, mixing: np.ndarray, scale: np.ndarray,
    columns: np.ndarray,
) -> None:  # fmt: skip
    """Make the drift's scores of the samples of a tile columns without correlation, of size 1, one after another.

    Parameters
    ----------
    known : ndarray, shape (n_samples, at least n_scores + 1)
        The constant and the scores come first.
    samples, n : ndarray of int, int
        Rows of the first n samples of the tile.
    center, mixing, scale : ndarray, shape (n_scores,), (n_scores, n_scores), (n_scores,)
        Filled with the frame; the scale is 0 where the samples do not differ.
    columns : ndarray, shape (n_scores, at least n)
        Filled.
    """
    largest = 0.0
    for j in range(len(center)):
        center[j] = 0.0
        for i in range(n):
            center[j] += known[samples[i], 1 + j] / n
        size = 0.0
        for i in range(n):
            columns[j, i] = known[samples[i], 1 + j] - center[j]
            size += columns[j, i] * columns[j, i]
        largest = max(largest, np.sqrt(size / max(n, 1)))
    smallest = max(_ROUNDING, _LEVEL * largest)
    for j in range(len(center)):
        for other in range(j):
            share = 0.0
            for i in range(n):
                share += columns[j, i] * columns[other, i] / n
            mixing[j, other] = share if scale[other] > 0.0 else 0.0
            for i in range(n):
                columns[j, i] -= mixing[j, other] * columns[other, i]
        size = 0.0
        for i in range(n):
            size += columns[j, i] * columns[j, i]
        size = np.sqrt(size / max(n, 1))
        scale[j] = size if size > smallest else 0.0
        for i in range(n):
            columns[j, i] /= scale[j] if scale[j] > 0.0 else 1.0


@exact
def put_in_frame(
    at_target: np.ndarray, rows: tuple, columns: tuple, center: np.ndarray, mixing: np.ndarray, scale: np.ndarray
) -> None:
    """Replace the scores of a tile's cells, shape (n_scores, n_rows, n_columns), by their columns in its frame."""
    for j in range(len(center)):
        for row in range(rows[0], rows[1]):
            for column in range(columns[0], columns[1]):
                value = at_target[j, row, column] - center[j]
                for other in range(j):
                    value -= mixing[j, other] * at_target[other, row, column]
                at_target[j, row, column] = value / (scale[j] if scale[j] > 0.0 else 1.0)
