"""Which samples an estimate uses: all of them, or the nearest ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..errors import InputError
from ..variogram.models import VariogramModel


@dataclass(frozen=True)
class Neighborhood:
    """The samples one estimate may use.

    Parameters
    ----------
    max_neighbors : int or None
        At most this many nearest samples; None for no limit.
    min_neighbors : int
        With fewer samples in reach there is no estimate (NaN).
    search_radius : float or None
        In map units along the azimuth of the variogram's first structure (across and up it
        shrinks by that structure's ratios); None for no limit.

    Raises
    ------
    InputError
        For numbers that make no neighbourhood.

    Examples
    --------
    >>> Neighborhood().is_global, Neighborhood(max_neighbors=32).is_global
    (True, False)
    """

    max_neighbors: int | None = None
    min_neighbors: int = 1
    search_radius: float | None = None

    def __post_init__(self) -> None:
        if self.max_neighbors is not None and self.max_neighbors < 1:
            raise InputError(f"Expected max_neighbors of 1 or more, got {self.max_neighbors}.")
        if self.min_neighbors < 1:
            raise InputError(f"Expected min_neighbors of 1 or more, got {self.min_neighbors}.")
        if self.max_neighbors is not None and self.min_neighbors > self.max_neighbors:
            raise InputError(
                f"Expected min_neighbors of at most max_neighbors, got {self.min_neighbors} and {self.max_neighbors}."
            )
        if self.search_radius is not None and not self.search_radius > 0:
            raise InputError(f"Expected a search radius above 0 map units, got {self.search_radius:g}.")

    @property
    def is_global(self) -> bool:
        """Whether every estimate uses all samples."""
        return self.max_neighbors is None and self.search_radius is None


def search_frame(variogram: VariogramModel, n_dimensions: int) -> np.ndarray:
    """Return the matrix in whose frame "nearest" means most continuous.

    It is the first structure's scaling times its effective range: map units along its azimuth,
    longer across and up where the model is anisotropic; the identity where it is not.

    Returns
    -------
    ndarray, shape (n_dimensions, n_dimensions)
    """
    if not variogram.structures:
        return np.eye(n_dimensions)
    first = variogram.structures[0]
    frame = first.effective_range * first.scaling(n_dimensions)
    # A rotation changes no distance: without it isotropic distances are exactly Euclidean.
    return np.eye(n_dimensions) if np.allclose(frame @ frame.T, np.eye(n_dimensions), rtol=0, atol=1e-12) else frame


class NeighborSearch:
    """Finds samples near a location, in the frame in which "near" means most continuous.

    Parameters
    ----------
    points : ndarray, shape (n_samples, n_dimensions)
        In map units, best centred.
    neighborhood : Neighborhood
    frame : ndarray, shape (n_dimensions, n_dimensions)
        See `search_frame`.
    """

    def __init__(self, points: np.ndarray, neighborhood: Neighborhood, frame: np.ndarray) -> None:
        self.n_samples = len(points)
        self.neighborhood = neighborhood
        self.limit = min(neighborhood.max_neighbors or len(points), len(points))
        # A sample at exactly the radius is in reach, whatever the rounding of its distance.
        self.radius = np.inf if neighborhood.search_radius is None else neighborhood.search_radius * (1 + 1e-12)
        self._frame = frame
        self.scaled_points = self.scale(points)
        self._tree = cKDTree(self.scaled_points)

    def scale(self, points: np.ndarray) -> np.ndarray:
        """Return points in the search frame."""
        return points @ self._frame.T

    def kth_distance(self, scaled: np.ndarray, k: int) -> np.ndarray:
        """Return the distance to the k-th nearest sample (k at most n_samples), shape (n_targets,)."""
        return self._tree.query(scaled, k=[k])[0][:, 0]

    def nearest_to(self, scaled: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return distances and row numbers of the k nearest samples (k at most n_samples), nearest first.

        Returns
        -------
        distances, samples : ndarray, shape (n_targets, k)
        """
        distances, samples = self._tree.query(scaled, k=np.arange(1, k + 1))
        return distances.reshape(len(scaled), k), samples.reshape(len(scaled), k)

    def count_within(self, scaled: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """Return how many samples lie within a distance of each target, shape (n_targets,)."""
        finite = np.isfinite(radius)
        counts = np.full(len(scaled), self.n_samples)
        if finite.any():
            counts[finite] = self._tree.query_ball_point(scaled[finite], radius[finite], return_length=True)
        return counts
