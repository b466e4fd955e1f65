"""Weights that keep clusters of samples from ruling means and histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Declustering:
    """Cell declustering of samples.

    Parameters
    ----------
    cell_size : float
        In map units.
    weights : ndarray, shape (n_samples,)
        Mean 1.
    mean : float
        Weighted mean, in data units.
    """

    cell_size: float
    weights: np.ndarray
    mean: float


def cell_weights(
    coordinates: np.ndarray, cell_size: float, n_offsets: int = 5, *, origins_alike: bool = True
) -> np.ndarray:
    """Return weights in inverse proportion to the number of samples in a cell, averaged over origins of the cells.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
    cell_size : float
        In map units.
    n_offsets : int
        Origins of the cells, along the diagonal of one cell.
    origins_alike : bool
        Give the weights of each origin the same sum, as GSLIB's DECLUS does since its second edition. Without, origins
        with more cells count for more: so were the weights made that GSLIB publishes with its cluster.dat.

    Returns
    -------
    ndarray, shape (n_samples,)
        Mean 1.

    Raises
    ------
    InputError
        For a size that is not above 0, or no origin.

    References
    ----------
    Deutsch, C. (1989). DECLUS: a Fortran 77 program for determining optimum spatial declustering weights. Computers &
    Geosciences 15(3).

    Examples
    --------
    >>> cell_weights(np.array([[0.0, 0.0], [1.0, 0.0], [50.0, 50.0]]), 10.0, 1).tolist()
    [0.75, 0.75, 1.5]
    """
    if not (np.isfinite(cell_size) and cell_size > 0) or n_offsets < 1:
        raise InputError(f"Expected cells of a size above 0 and an origin, got {cell_size:g} and {n_offsets}.")
    coordinates = np.asarray(coordinates, dtype=float)
    low = coordinates.min(axis=0)
    total = np.zeros(len(coordinates))
    for shift in np.arange(n_offsets) / n_offsets:
        cells = np.floor((coordinates - low) / cell_size + shift + 1e-9)
        # One number a cell: floats are exact up to 2^53 of them.
        key = cells @ np.cumprod(np.append(1.0, cells.max(axis=0)[:-1] + 1.0))
        _, cell, counts = np.unique(key, return_inverse=True, return_counts=True)
        total += 1.0 / (counts[cell.reshape(-1)] * (len(counts) if origins_alike else 1.0))
    return total / total.mean()


def decluster(coordinates: np.ndarray, values: np.ndarray, sizes: np.ndarray | None = None) -> Declustering:
    """Choose the cell size by which the weighted mean differs most from the plain one.

    Where clusters were taken in high values that is the smallest mean, and the largest where they were
    taken in low ones; which of both it is, the changes over all sizes together tell.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples,)
    sizes : ndarray or None
        Cell sizes to try, in map units; None tries 40, from a fiftieth to half of the longer side of the area.

    Raises
    ------
    InputError
        When the samples share one location, or as `cell_weights`.
    """
    coordinates, values = np.asarray(coordinates, dtype=float), np.asarray(values, dtype=float)
    side = float(np.ptp(coordinates, axis=0).max())
    if side == 0:
        raise InputError("Expected samples at several locations to decluster, got one.")
    sizes = side * np.geomspace(0.02, 0.5, 40) if sizes is None else np.asarray(sizes, dtype=float)
    found = []
    for size in sizes:
        weights = cell_weights(coordinates, float(size))
        found.append(Declustering(float(size), weights, float(np.mean(weights * values))))
    means = np.array([part.mean for part in found])
    return found[int(np.argmin(means) if (means - values.mean()).sum() < 0 else np.argmax(means))]
