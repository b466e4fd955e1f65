"""How alike the errors of kriging are at several places: how much each of them says that others do not."""

from __future__ import annotations

import numpy as np

from ..errors import KrigingSystemError
from ..variogram.models import VariogramModel
from .ordinary import fit_kriging
from .system import GlobalSystem

MOST_SAMPLES = 1500
"""Of more samples those nearest to the places count."""

MOST_PLACES = 500
"""Of more places so many stand for all, evenly chosen."""


def error_correlations(coordinates: np.ndarray, variogram: VariogramModel, places: np.ndarray) -> np.ndarray:
    """Return the correlations of the errors of ordinary kriging at measurements that it did not know.

    They are those of ``c(x, y) - k(x)'K^-1 k(y) + ...``, the covariance of two errors, whose diagonal is the kriging
    variance. Close to each other and far from samples places share most of their error.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, n_dimensions)
        Of the samples that are kriged from.
    variogram : VariogramModel
    places : ndarray, shape (n, n_dimensions)
        Of measurements, no two at one place, each with a nugget of its own.

    Returns
    -------
    ndarray, shape (n, n)
        Where the system is singular that of the values themselves, which is no smaller as a rule.

    References
    ----------
    Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, 2nd ed., section 3.4.
    """
    coordinates, places = np.asarray(coordinates, dtype=float), np.asarray(places, dtype=float)
    covariances = variogram.covariance(places, places)
    if len(coordinates) > MOST_SAMPLES:
        from scipy.spatial import cKDTree

        far = cKDTree(places).query(coordinates)[0]
        coordinates = coordinates[np.argpartition(far, MOST_SAMPLES - 1)[:MOST_SAMPLES]]
    try:
        system = fit_kriging(coordinates, np.zeros(len(coordinates)), variogram)._system
    except KrigingSystemError:
        system = None
    if isinstance(system, GlobalSystem):
        between = system.covariance.between(places - system.samples.center, system.samples.points)
        whitened = between @ system.inverse_factor.T
        lacking = np.ones((len(places), 1)) @ system.column_factor - whitened @ system.whitened_columns
        covariances = covariances - whitened @ whitened.T + lacking @ lacking.T
    deviation = np.sqrt(np.diag(covariances))
    return np.asarray(covariances / (deviation * deviation[:, None]))


def effective_numbers(coordinates: np.ndarray, variogram: VariogramModel, places: np.ndarray) -> tuple[float, float]:
    """Return how many independent errors tell as much as those at some places: of their mean, and of their size.

    The mean of n errors with a mean correlation r between two of them varies like that of n / (1 + (n - 1) r)
    independent ones. Whether errors lie inside their intervals is less alike than the errors are: their squares
    correlate by the squares of the correlations.

    Parameters
    ----------
    coordinates, variogram, places
        See `error_correlations`; of many places some stand for all.

    Returns
    -------
    of_mean, of_size : float
        1 to the number of places.

    Examples
    --------
    >>> nugget, samples = VariogramModel(1.0, ()), np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 7.0]])
    >>> of_mean, _ = effective_numbers(samples, nugget, np.array([[90.0, 0.0], [0.0, 80.0], [60.0, 60.0]]))
    >>> round(of_mean, 9)  # the mean of the samples errs at all three alike: correlations of 1 / 4
    2.0
    """
    n = len(places)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_PLACES)).round().astype(int))
    if n < 2:
        return float(n), float(n)
    alike = error_correlations(coordinates, variogram, places[chosen])
    others = ~np.eye(len(alike), dtype=bool)
    found = []
    for mean in (float(alike[others].mean()), float((alike[others] ** 2).mean())):
        found.append(n / (1.0 + (n - 1.0) * min(max(mean, 0.0), 1.0)))
    return found[0], found[1]
