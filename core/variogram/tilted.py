"""Anisotropies in any orientation: estimated from lag vectors in all directions of space, and as angles.

The semivariances of lag vectors, averaged over directions all around and over lengths, are fitted by one
exponential model of ``sqrt(h' M h)`` with a positive definite matrix M; its axes are those of the field.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from .anisotropy import Anisotropy
from .pairs import Pairs
from .trial import Frame

MAX_PAIRS = 400_000
"""Largest number of pairs that the estimate uses."""

_DIRECTIONS = 61  # over the half sphere: some 15 degrees apart
_LAGS = 6
_FEWEST_PAIRS, _FEWEST_BINS = 20, 90
_RATIOS = (1e-5, 100.0)


def tilted_anisotropy(coordinates: np.ndarray, values: np.ndarray, seed: int = 0) -> Anisotropy | None:
    """Estimate an anisotropy with dip and plunge by least squares.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 3)
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    seed : int
        Of the pairs taken where there are many.

    Returns
    -------
    Anisotropy or None
        None where pairs do not point in enough directions.
    """
    lower = np.tril_indices(3)

    def factor_of(numbers: np.ndarray) -> np.ndarray:
        factor = np.zeros((3, 3))
        factor[lower] = numbers
        return factor

    found = _fitted(coordinates, values, seed, factor_of, np.eye(3)[lower])
    if found is None:
        return None
    sizes, axes = np.linalg.eigh(found @ found.T)
    ranges = 1.0 / np.sqrt(np.maximum(sizes, 1e-12 * sizes.max()))
    return Anisotropy(*frame_of_axes(axes.T, ranges)[0])


def vertical_anisotropy(coordinates: np.ndarray, values: np.ndarray, seed: int = 0) -> Anisotropy | None:
    """Estimate a vertical ratio by least squares from pairs in all directions, as `tilted_anisotropy`.

    Along inclined drill holes hardly any pair is vertical.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 3)
    values : ndarray, shape (n_samples,)
    seed : int
        Of the draw where there are many pairs.

    Returns
    -------
    Anisotropy or None
        None where all samples are at one height or one above the other, or pairs do not point in enough directions.
    """
    found = _fitted(coordinates, values, seed, lambda numbers: np.diag(numbers[[0, 0, 1]]), np.ones(2))
    if found is None:
        return None
    return Anisotropy(ratio_vertical=float(np.clip(np.abs(found[0, 0] / found[2, 2]), *_RATIOS)))


def _fitted(
    coordinates: np.ndarray,
    values: np.ndarray,
    seed: int,
    factor_of: Callable[[np.ndarray], np.ndarray],
    first: np.ndarray,
) -> np.ndarray | None:
    """Fit the factor of M, ``M = factor factor'``, in a frame with much the same extent up as across."""
    from scipy.optimize import least_squares

    spread = np.std(coordinates, axis=0)
    level, upward = float(np.hypot(spread[0], spread[1])), float(spread[2])
    if not level > 0 or not upward > 0:
        return None
    # Drill holes reach far less deep than wide: directions are told apart where both count alike.
    unit = np.array([level, level, upward])
    vectors, semivariances, counts = _binned(coordinates / unit, values, seed)
    if len(counts) < _FEWEST_BINS:
        return None
    semivariances = semivariances / np.average(semivariances, weights=counts)
    lengths = np.linalg.norm(vectors, axis=1)
    weights = np.sqrt(counts) / np.maximum(lengths, 0.1 * np.median(lengths))
    weights /= np.linalg.norm(weights)

    def misfit(numbers: np.ndarray) -> np.ndarray:
        lag = np.linalg.norm(vectors @ factor_of(numbers[2:]), axis=1)
        return weights * (numbers[0] + numbers[1] * (1.0 - np.exp(-3.0 * lag)) - semivariances)

    low, high = np.full(len(first) + 2, -50.0), np.full(len(first) + 2, 50.0)
    low[:2], high[:2] = (0.0, 1e-3), (3.0, 10.0)
    solved = [
        least_squares(misfit, np.concatenate([[0.2, 0.8], start * first]), bounds=(low, high), max_nfev=200)
        for start in (0.7, 2.0)
    ]
    best = min(solved, key=lambda one: float(one.cost))
    return np.asarray(factor_of(best.x[2:]) / unit[:, None])


def frame_of_axes(axes: np.ndarray, ranges: np.ndarray) -> tuple[Frame, float]:
    """Return the frame with three axes at right angles and the ranges along them, and the range of the first.

    The axis that is steepest is the vertical one, and of the others that of the longer range is along.

    Parameters
    ----------
    axes : ndarray, shape (3, 3)
        Unit vectors (easting, northing, elevation), one a row; their signs do not matter.
    ranges : ndarray, shape (3,)

    Examples
    --------
    >>> frame, along = frame_of_axes(np.eye(3), np.array([30.0, 60.0, 6.0]))
    >>> frame, along
    ((0.0, 0.0, 0.0, 0.5, 0.1), 60.0)
    """
    up = int(np.argmax(np.abs(axes[:, 2])))
    along, across = sorted((axis for axis in range(3) if axis != up), key=lambda axis: -ranges[axis])
    minor, vertical = np.clip([ranges[across] / ranges[along], ranges[up] / ranges[along]], *_RATIOS)
    azimuth, dip, plunge = (0.0 + angle for angle in _angles(axes[along], axes[across]))  # no minus in front of 0
    return (azimuth, dip, plunge, float(minor), float(vertical)), float(ranges[along])


def _angles(along: np.ndarray, across: np.ndarray) -> tuple[float, float, float]:
    """Return azimuth, dip and plunge in degrees of two unit vectors at right angles."""
    if along[0] < 0 or (along[0] == 0 and along[1] < 0):
        along = -along
    azimuth = np.arctan2(along[0], along[1])
    dip = np.arcsin(np.clip(-along[2], -1.0, 1.0))
    level = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
    if across @ level < 0:
        across = -across
    plunge = np.arctan2(-(across @ np.cross(level, along)), across @ level)
    return float(np.degrees(azimuth)), float(np.degrees(dip)), float(np.degrees(plunge))


def _binned(points: np.ndarray, values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean lag vectors, semivariances and numbers of pairs by direction and length."""
    number = np.arange(_DIRECTIONS) + 0.5
    height, turn = number / _DIRECTIONS, np.pi * (1.0 + 5.0**0.5) * number
    radius = np.sqrt(1.0 - height**2)
    directions = np.column_stack([radius * np.cos(turn), radius * np.sin(turn), height])
    reach = 1.3  # times the standard deviation: a third of the extent, about
    size = _DIRECTIONS * _LAGS
    sums, halves, counts = np.zeros((size, 3)), np.zeros(size), np.zeros(size)
    for _, _, step, difference in Pairs.of(points, values, MAX_PAIRS, seed).steps():
        length = np.linalg.norm(step, axis=1)
        near = (length > 0) & (length < reach)
        step, length, difference = step[near], length[near], difference[near]
        turned = step @ directions.T
        nearest = np.argmax(np.abs(turned), axis=1)
        sign = np.sign(turned[np.arange(len(step)), nearest])
        place = nearest * _LAGS + np.minimum((length / reach * _LAGS).astype(int), _LAGS - 1)
        counts += np.bincount(place, minlength=size)
        halves += np.bincount(place, 0.5 * difference**2, size)
        for axis in range(3):
            sums[:, axis] += np.bincount(place, sign * step[:, axis], size)
    kept = counts >= _FEWEST_PAIRS
    return sums[kept] / counts[kept, None], halves[kept] / counts[kept], counts[kept]
