"""Covariances of a variogram model between many points, without its nugget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..variogram.models import VariogramModel, correlation, support
from .slopes import slope_ratio


@dataclass(frozen=True)
class Term:
    """One structure in a frame: ``psill * correlation(distance / scale)``."""

    model: str
    psill: float
    scale: float
    shape: float | None = None


@dataclass(frozen=True)
class Frame:
    """Coordinates in which the distances of some structures are Euclidean."""

    matrix: np.ndarray
    terms: tuple[Term, ...]
    is_map_frame: bool = False

    def scale(self, points: np.ndarray) -> np.ndarray:
        """Return points, shape (..., n_dimensions), in this frame."""
        return points if self.is_map_frame else points @ self.matrix.T

    @property
    def support(self) -> float:
        """Distance in this frame beyond which there is no covariance."""
        return max(support(term.model, term.shape) * term.scale for term in self.terms)


@dataclass(frozen=True)
class SmoothCovariance:
    """The structures of a variogram, gathered by the frame in which they are isotropic.

    The nugget is left out: it belongs to the diagonal of a system, never to the covariance
    between two different samples.

    Parameters
    ----------
    frames : tuple of Frame
    """

    frames: tuple[Frame, ...]

    @classmethod
    def of(cls, variogram: VariogramModel, n_dimensions: int) -> SmoothCovariance:
        """Gather the structures of a variogram."""
        identity = np.eye(n_dimensions)
        isotropic: list[Term] = []
        frames: list[Frame] = []
        for structure in variogram.structures:
            if structure.psill == 0:
                continue
            matrix = structure.effective_range * structure.scaling(n_dimensions)
            term = Term(structure.model, structure.psill, structure.effective_range, structure.shape)
            if np.allclose(matrix @ matrix.T, identity, rtol=0, atol=1e-12):
                isotropic.append(term)
            else:
                frames.append(Frame(matrix, (term,)))
        if isotropic:
            frames.insert(0, Frame(identity, tuple(isotropic), is_map_frame=True))
        return cls(tuple(frames))

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the covariances between two sets of points.

        Parameters
        ----------
        a, b : ndarray, shape (..., n_a, n_dimensions), (..., n_b, n_dimensions)
            Leading dimensions are broadcast.

        Returns
        -------
        ndarray, shape (..., n_a, n_b)
        """
        covariance = None
        for frame in self.frames:
            part = correlation_sum(frame.terms, squared_distances(frame.scale(a), frame.scale(b)))
            covariance = part if covariance is None else np.add(covariance, part, out=covariance)
        if covariance is None:
            shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            covariance = np.zeros(shape + (a.shape[-2], b.shape[-2]))
        return covariance

    def on_lattice(self, points: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the covariances of points with every x at every y, as `between` gives them, in fewer steps.

        Parameters
        ----------
        points : ndarray, shape (n_points, n_dimensions)
        x, y, z : ndarray, shape (n_columns,), (n_rows,), (1,) or (0,)
            z is the elevation of all.

        Returns
        -------
        ndarray, shape (n_points, n_rows * n_columns)
        """
        covariance = np.zeros((len(points), len(y) * len(x)))
        for number, frame in enumerate(self.frames):
            scaled = frame.scale(points)
            of_rows, of_columns = np.zeros((len(points), len(y), 1)), np.zeros((len(points), 1, len(x)))
            turned = []
            for axis in range(points.shape[1]):
                along = frame.matrix[axis]
                level = along[2] * z[0] if len(z) else 0.0
                rows = (along[1] * y + level) - scaled[:, axis, None]
                columns = along[0] * x
                if not along[0]:
                    of_rows += (rows * rows)[:, :, None]
                elif not along[1] and not level:
                    offset = columns - scaled[:, axis, None]
                    of_columns += (offset * offset)[:, None, :]
                else:
                    turned.append(rows[:, :, None] + columns)
            squared = of_rows + of_columns
            for offset in turned:
                offset *= offset
                squared += offset
            part = correlation_sum(frame.terms, squared.reshape(covariance.shape))
            covariance = part if number == 0 else np.add(covariance, part, out=covariance)
        return covariance

    @property
    def psill(self) -> float:
        """Sum of the structures' partial sills: the covariance at lag 0."""
        return float(sum(term.psill for frame in self.frames for term in frame.terms))

    def derivative(self, a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        """Return the derivatives of the covariances as `a` moves along an axis.

        Where a point of `a` lies on one of `b` it is 0, the limit of central differences: models
        with a kink at lag 0 have no other.

        Parameters
        ----------
        a, b : ndarray, shape (..., n_a, n_dimensions), (..., n_b, n_dimensions)
            Leading dimensions are broadcast.
        axis : int

        Returns
        -------
        ndarray, shape (..., n_a, n_b)
            In squared data units per map unit.
        """
        shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        total = np.zeros(shape + (a.shape[-2], b.shape[-2]))
        for frame in self.frames:
            scaled_a, scaled_b = frame.scale(a), frame.scale(b)
            ratio = self._ratios(frame, scaled_a, scaled_b)
            # The row of M'M h that belongs to the axis, with M the frame and h = a - b.
            along = frame.matrix[:, axis]
            total += ratio * ((scaled_a @ along)[..., :, None] - (scaled_b @ along)[..., None, :])
        return total

    def gradient_of_sum(self, a: np.ndarray, b: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Return the gradients of ``sum_j coefficients_j C(a - b_j)``, as `derivative` gives them, all axes at once.

        Parameters
        ----------
        a, b : ndarray, shape (n_a, n_dimensions), (n_b, n_dimensions)
        coefficients : ndarray, shape (n_b, n_fields)

        Returns
        -------
        ndarray, shape (n_a, n_fields, n_dimensions)
        """
        n_fields, n_dimensions = coefficients.shape[1], a.shape[1]
        total = np.zeros((len(a), n_fields, n_dimensions))
        for frame in self.frames:
            scaled_a, scaled_b = frame.scale(a), frame.scale(b)
            ratio = self._ratios(frame, scaled_a, scaled_b)
            # sum_j ratio_j c_j (a - b_j) = a (ratio c) - ratio (c b): two products instead of every difference.
            weights = coefficients[:, :, None]
            moments = np.concatenate([weights, weights * scaled_b[:, None, :]], axis=2)
            sums = (ratio @ moments.reshape(len(b), -1)).reshape(len(a), n_fields, 1 + n_dimensions)
            total += (scaled_a[:, None, :] * sums[..., :1] - sums[..., 1:]) @ frame.matrix
        return total

    @staticmethod
    def _ratios(frame: Frame, scaled_a: np.ndarray, scaled_b: np.ndarray) -> np.ndarray:
        """Return what the offsets in a frame are multiplied by in the gradient, shape (..., n_a, n_b)."""
        distance = np.sqrt(squared_distances(scaled_a, scaled_b))
        ratio = np.zeros_like(distance)
        for term in frame.terms:
            ratio += term.psill / term.scale**2 * slope_ratio(term.model, distance / term.scale, term.shape)
        return ratio

    def derivative_variance(self, axis: int) -> float:
        """Return minus the second derivative along an axis at lag 0, in squared data units per squared map unit."""
        total = 0.0
        for frame in self.frames:
            along = float(np.sum(frame.matrix[:, axis] ** 2))
            for term in frame.terms:
                total -= along * term.psill / term.scale**2 * float(slope_ratio(term.model, np.zeros(1), term.shape)[0])
        return total


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return squared distances, shape (..., n_a, n_b), from differences (no cancellation)."""
    along_b = np.ascontiguousarray(np.swapaxes(b, -1, -2))
    squared = a[..., :, None, 0] - along_b[..., None, 0, :]
    squared *= squared
    difference = np.empty_like(squared)
    for axis in range(1, a.shape[-1]):
        np.subtract(a[..., :, None, axis], along_b[..., None, axis, :], out=difference)
        difference *= difference
        squared += difference
    return squared


def correlation_sum(terms: tuple[Term, ...], squared: np.ndarray) -> np.ndarray:
    """Return the sum of some structures at squared distances, of any shape, which are overwritten."""
    distance = np.sqrt(squared, out=squared)
    total = None
    for i, term in enumerate(terms):
        ratio = np.multiply(distance, 1.0 / term.scale, out=distance if i == len(terms) - 1 else None)
        part = correlation(term.model, term.shape, ratio)
        part *= term.psill
        total = part if total is None else np.add(total, part, out=total)
    return distance if total is None else total
