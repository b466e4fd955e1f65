"""Average covariance to the neighbours: the feature of the published method, made inductive."""

from __future__ import annotations

import numpy as np

from ..variogram.models import VariogramModel


def average_covariance(
    coordinates: np.ndarray, neighbor_coordinates: np.ndarray, variogram: VariogramModel
) -> np.ndarray:
    """Return the mean of C(x, x_j) / sill over the neighbours of each location.

    Only the neighbours enter, never the other prediction locations, so the value at one location does not
    depend on the grid it is part of.

    Parameters
    ----------
    coordinates : ndarray, shape (n, n_dimensions)
    neighbor_coordinates : ndarray, shape (n, n_neighbors, n_dimensions)
        Samples near each location.
    variogram : VariogramModel

    Returns
    -------
    ndarray, shape (n,)
        0 (far from all samples) to 1.

    References
    ----------
    Anvari, Benndorf, Gerber, Alisch (2025), Scientific Reports 15:35004.
    """
    covariance = variogram.covariance(coordinates[:, None, :], neighbor_coordinates)[:, 0, :]
    return covariance.mean(axis=1) / variogram.sill
