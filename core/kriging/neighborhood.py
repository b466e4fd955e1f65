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
    """Finds the neighbours of any location among a fixed set of samples.

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
        self._frame = frame
        self._tree = cKDTree(points @ frame.T)

    def nearest(self, targets: np.ndarray, exclude: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the neighbours of some locations, nearest first.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)
        exclude : ndarray of int, shape (n_targets,), or None
            One sample for each target that is not its neighbour (itself, in leave-one-out).

        Returns
        -------
        neighbors : ndarray of int, shape (n_targets, k)
            Row numbers of samples, padded with `n_samples` where fewer are in reach.
        counts : ndarray of int, shape (n_targets,)
            Neighbours in reach, at most ``max_neighbors``.
        """
        scaled = targets @ self._frame.T
        limit = self.neighborhood.max_neighbors or self.n_samples
        spare = 0 if exclude is None else 1
        radius = np.inf
        if self.neighborhood.search_radius is not None:
            # A sample at exactly the radius is in reach (the tree's bound is exclusive).
            radius = self.neighborhood.search_radius * (1 + 1e-12)
            if limit + spare > 64 and len(scaled):
                in_reach = self._tree.query_ball_point(scaled, radius, return_length=True)
                limit = min(limit, max(1, int(np.max(in_reach))))
        k = min(limit + spare, self.n_samples)
        _, neighbors = self._tree.query(scaled, k=np.arange(1, k + 1), distance_upper_bound=radius)
        neighbors = np.asarray(neighbors).reshape(len(targets), k)
        if exclude is not None:
            is_excluded = neighbors == np.asarray(exclude)[:, None]
            order = np.argsort(is_excluded, axis=1, kind="stable")
            neighbors = np.where(is_excluded, self.n_samples, neighbors)
            neighbors = np.take_along_axis(neighbors, order, axis=1)[:, :limit]
        return neighbors, np.count_nonzero(neighbors < self.n_samples, axis=1)
