"""Whether a variogram can be one of the samples it is used for, in words."""

from __future__ import annotations

import numpy as np

from .models import VariogramModel

_PLACES = 300
_NEAREST_OF = 64
_MANY = 1000
_NEIGHBORS = 8
_FACTOR = 10.0


def disagreements(model: VariogramModel, coordinates: np.ndarray, values: np.ndarray, has_drift: bool) -> list[str]:
    """Say what speaks against a variogram being one of these samples: another field, unit or scale.

    Parameters
    ----------
    model : VariogramModel
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
        On the variogram's scale.
    has_drift : bool
        Whether the variogram is that of what a drift leaves of the values, which may vary far less than they do.

    Examples
    --------
    >>> from .models import Structure
    >>> grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=-1).reshape(-1, 2)
    >>> spherical = VariogramModel(0.1, (Structure("spherical", 0.9, 5.0),))
    >>> values = np.random.default_rng(0).normal(size=400)
    >>> disagreements(spherical, grid, values, False)
    []
    >>> disagreements(spherical, 1000 * grid, values, False)[0][:60]
    'Most samples have no other one within the range of the vario'
    """
    found = []
    near, ranges = _near_pairs(model, coordinates)
    spread = _half_squared(values, near)
    expected, variance = expected_variance(model, coordinates), float(np.var(values, ddof=1))
    # Near pairs too: a trend's variogram may leave the values far behind at lags where kriging does not look.
    ratios = np.array([expected, _semivariance(model, coordinates, near)]) / np.maximum([variance, spread], 1e-300)
    if (ratios > _FACTOR).all() or (not has_drift and (ratios < 1 / _FACTOR).all()):
        found.append(
            f"Samples at these places that vary as the variogram says have a variance of about {expected:.3g}, these "
            f"have {variance:.3g}. Variances, quantiles and probabilities will be off by as much: check that it is of "
            "this field, in this unit and with this transform, and that its range is in map units."
        )
    if model.psill == 0:
        found.append("The variogram is nugget only: the map is the mean of the samples that are used.")
    elif ranges > 1:
        found.append(
            f"Most samples have no other one within the range of the variogram ({model.effective_range:.4g} map "
            "units): between them the map is their mean. Check that the range is in map units."
        )
    return found


def spread_ratio(model: VariogramModel, coordinates: np.ndarray, values: np.ndarray) -> float:
    """Return how many times as much neighbouring samples differ as a variogram says.

    It is the ratio of the mean of half their squared differences to the mean semivariance, over the eight nearest
    others of at most 1000 samples: the factor that brings the variogram, its shape as it is, to these values where
    kriging looks at it.

    Parameters
    ----------
    model : VariogramModel
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
        On the variogram's scale.

    Examples
    --------
    >>> from .models import Structure
    >>> spherical = VariogramModel(0.1, (Structure("spherical", 0.9, 5.0),))
    >>> coordinates, values = np.random.default_rng(0).uniform(0, 9, (50, 2)), np.arange(50.0)
    >>> ratio = spread_ratio(spherical, coordinates, values)
    >>> bool(np.isclose(spread_ratio(spherical, coordinates, 3.0 * values + 5.0), 9.0 * ratio))
    True
    """
    near, _ = _near_pairs(model, coordinates, _MANY)
    return _half_squared(values, near) / _semivariance(model, coordinates, near)


def expected_variance(model: VariogramModel, coordinates: np.ndarray) -> float:
    """Return the variance that samples at some places have on average, where they vary as a variogram says.

    It is the mean semivariance of their pairs, of at most 300 places spread over the table.

    Parameters
    ----------
    model : VariogramModel
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units; at least 2 samples.

    Returns
    -------
    float
        In squared units of the variogram.
    """
    places = coordinates[np.unique(np.linspace(0, len(coordinates) - 1, _PLACES).astype(int))]
    between = model.covariance(places, places)
    n = len(places)
    return model.sill - float(between.sum() - np.trace(between)) / (n * (n - 1))


def _near_pairs(
    model: VariogramModel, coordinates: np.ndarray, n_samples: int = _NEAREST_OF
) -> tuple[np.ndarray, float]:
    """Return some samples with the nearest others of each, and the median distance to the nearest one in ranges.

    Returns
    -------
    pairs : ndarray of int, shape (2, n_pairs)
    distance : float
        In ranges of the structure that reaches farthest; infinite for a pure nugget.
    """
    rows = np.unique(np.linspace(0, len(coordinates) - 1, n_samples).astype(int))
    frames = [s.scaling(coordinates.shape[1]).T for s in model.structures if s.psill > 0]
    few = min(_NEIGHBORS, len(coordinates) - 1)
    others, nearest = np.empty((len(rows), few), dtype=int), np.full(len(rows), np.inf)
    for i, row in enumerate(rows):
        offsets = coordinates - coordinates[row]
        for frame in frames or [np.eye(coordinates.shape[1])]:
            squared = np.einsum("ij,ij->i", offsets @ frame, offsets @ frame)
            squared[row] = np.inf
            if squared.min() < nearest[i]:
                nearest[i], others[i] = squared.min(), np.argpartition(squared, few - 1)[:few]
    distance = float(np.sqrt(np.median(nearest))) if frames else float("inf")
    return np.stack([np.repeat(rows, few), others.ravel()]), distance


def _half_squared(values: np.ndarray, pairs: np.ndarray) -> float:
    """Return the mean of half the squared differences of pairs, shape (2, n_pairs)."""
    return 0.5 * float(np.mean((values[pairs[0]] - values[pairs[1]]) ** 2))


def _semivariance(model: VariogramModel, coordinates: np.ndarray, pairs: np.ndarray) -> float:
    """Return the mean semivariance of pairs, shape (2, n_pairs), by the model."""
    between = model.covariance(coordinates[pairs[0]][:, None], coordinates[pairs[1]][:, None])
    return model.sill - float(between.mean())
