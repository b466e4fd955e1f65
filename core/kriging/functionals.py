"""What is estimated at a target: a value, the mean of a block, a derivative or a slope.

All are linear functionals of the field, and kriging estimates any of them with one system: only
its covariance with the samples, its own variance and its value for the drift's columns differ.
The covariances here are those of the variogram without its nugget, which has neither a mean over
a block nor a derivative.

References
----------
Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, 2nd ed., sections 3.5 and 3.7 (blocks, derivatives).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import InputError
from .covariance import SmoothCovariance
from .slopes import is_differentiable as has_derivative


class Functional(Protocol):
    """A linear functional of the field, the same at every target."""

    @property
    def constant(self) -> float:
        """The functional of a field that is 1 everywhere."""

    def between(self, covariance: SmoothCovariance, targets: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return its covariances at the targets with the field at points, shape (..., n_targets, n_points)."""

    def variance(self, covariance: SmoothCovariance) -> float:
        """Return its variance, the same at every target."""


@dataclass(frozen=True)
class PointValue:
    """The value at the target.

    Parameters
    ----------
    nugget : float
        The part of the nugget that is variation of the field: the nugget less its measurement error.
    on_samples : bool
        Whether targets may lie exactly on samples, with which they then share that nugget.
    shared : float or None
        Where they share no more than this part of it: another measurement, with an error of its own. None: all.
    """

    nugget: float = 0.0
    on_samples: bool = False
    shared: float | None = None

    @property
    def constant(self) -> float:
        """1."""
        return 1.0

    def between(self, covariance: SmoothCovariance, targets: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the covariances at the targets with the field at points, shape (..., n_targets, n_points)."""
        between = covariance.between(targets, points)
        shared = self.nugget if self.shared is None else self.shared
        if self.on_samples and shared > 0:
            between += shared * at_one_place(targets, points)
        return between

    def variance(self, covariance: SmoothCovariance) -> float:
        """Return the variance of a value."""
        return self.nugget + covariance.psill


@dataclass(frozen=True)
class PointSum:
    """A weighted sum of values around the target: a block's mean, or the slope over a baseline.

    Parameters
    ----------
    offsets : ndarray, shape (n_points, n_dimensions)
        From the target, in map units.
    point_weights : ndarray, shape (n_points,)
    """

    offsets: np.ndarray
    point_weights: np.ndarray

    @property
    def constant(self) -> float:
        """Sum of the weights: 1 for a mean, 0 for a slope."""
        total = float(self.point_weights.sum())
        return float(round(total)) if abs(total - round(total)) < 1e-9 else total

    def between(self, covariance: SmoothCovariance, targets: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the covariances at the targets with the field at points, shape (..., n_targets, n_points)."""
        total = self.point_weights[0] * covariance.between(targets + self.offsets[0], points)
        for offset, weight in zip(self.offsets[1:], self.point_weights[1:]):
            total += weight * covariance.between(targets + offset, points)
        return total

    def variance(self, covariance: SmoothCovariance) -> float:
        """Return the variance of the sum, without the nugget: it averages out in a block."""
        return float(self.point_weights @ covariance.between(self.offsets, self.offsets) @ self.point_weights)


@dataclass(frozen=True)
class Derivative:
    """The derivative along one axis.

    Parameters
    ----------
    axis : int
        0 easting, 1 northing, 2 elevation.
    """

    axis: int

    @property
    def constant(self) -> float:
        """0."""
        return 0.0

    def between(self, covariance: SmoothCovariance, targets: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the derivatives at the targets of these covariances, shape (..., n_targets, n_points)."""
        return covariance.derivative(targets, points, self.axis)

    def variance(self, covariance: SmoothCovariance) -> float:
        """Return minus the second derivative of the covariance at lag 0: infinite where that has a kink there."""
        return covariance.derivative_variance(self.axis) if is_differentiable(covariance) else float("inf")


def at_one_place(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return which points lie exactly on each other, shape (..., n_a, n_b)."""
    return (a[..., :, None, :] == b[..., None, :, :]).all(axis=-1)


def is_differentiable(covariance: SmoothCovariance) -> bool:
    """Return whether the field, its nugget left out, has a (mean-square) derivative."""
    return all(has_derivative(term.model, term.shape) for frame in covariance.frames for term in frame.terms)


def slope_over(baseline: float, axis: int, n_dimensions: int) -> PointSum:
    """Return the slope along one axis over a baseline centred on the target: (Z(x + h/2) - Z(x - h/2)) / h."""
    if not (np.isfinite(baseline) and baseline > 0):
        raise InputError(f"Expected a baseline above 0 map units, got {baseline:g}.")
    offsets = np.zeros((2, n_dimensions))
    offsets[0, axis], offsets[1, axis] = 0.5 * baseline, -0.5 * baseline
    return PointSum(offsets, np.array([1.0, -1.0]) / baseline)


@dataclass(frozen=True)
class BlockSize:
    """A rectangular block around each target, and the points its mean is taken over.

    Parameters
    ----------
    sides : tuple of float
        Along easting, northing[, elevation], in map units; above 0, or 0 along an axis without extent.
    n_points : int
        Points along each side.
    points : str
        "gauss" takes Gauss-Legendre points and weights, exact for polynomials of degree
        2 n_points - 1, "regular" the centres of equal cells.

    Raises
    ------
    InputError
        For a block without extent or without points.

    Examples
    --------
    >>> mean = BlockSize((40.0, 20.0), n_points=2, points="regular").mean()
    >>> mean.offsets.tolist(), mean.point_weights.tolist()
    ([[-10.0, -5.0], [-10.0, 5.0], [10.0, -5.0], [10.0, 5.0]], [0.25, 0.25, 0.25, 0.25])
    """

    sides: tuple[float, ...]
    n_points: int = 4
    points: str = "gauss"

    def __post_init__(self) -> None:
        sides = np.asarray(self.sides, dtype=float)
        if sides.shape not in ((2,), (3,)) or not np.isfinite(sides).all() or sides.min() < 0 or sides.max() <= 0:
            raise InputError(f"Expected the sides of a block in map units, at least one above 0, got {self.sides}.")
        if self.n_points < 1:
            raise InputError(f"Expected at least 1 point along each side of a block, got {self.n_points}.")
        if self.points not in ("gauss", "regular"):
            raise InputError(f"Expected the points of a block to be gauss or regular, got {self.points!r}.")

    def mean(self) -> PointSum:
        """Return the mean over the block."""
        if self.points == "gauss":
            places, weights = np.polynomial.legendre.leggauss(self.n_points)
            places, weights = 0.5 * places, 0.5 * weights
        else:
            places = (np.arange(self.n_points) + 0.5) / self.n_points - 0.5
            weights = np.full(self.n_points, 1.0 / self.n_points)
        along = [(side * places, weights) if side > 0 else (np.zeros(1), np.ones(1)) for side in self.sides]
        offsets = np.stack(np.meshgrid(*(part[0] for part in along), indexing="ij"), axis=-1)
        product = np.ones(())
        for _, part in along:
            product = np.multiply.outer(product, part)
        return PointSum(offsets.reshape(-1, len(along)), product.ravel())
