"""Which samples an estimate uses: all of them, or the nearest ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..variogram.models import VariogramModel
from .estimate import Reason

_DIRECT_DISTANCES = 2**18


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
        shrinks by that structure's ratios): an ellipsoid in the frame of the anisotropy. None for
        no limit.
    sectors : int or None
        4 or 8 sectors around the target in the same frame: quadrants of the horizontal, or octants
        (in 2-D half quadrants). None for no sectors.
    min_per_sector : int
        With fewer samples in a sector there is no estimate (NaN).
    max_per_sector : int or None
        At most this many nearest samples of each sector; None for no limit.
    max_per_hole : int or None
        At most this many nearest samples of each drill hole; None for no limit.

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
    sectors: int | None = None
    min_per_sector: int = 0
    max_per_sector: int | None = None
    max_per_hole: int | None = None

    def __post_init__(self) -> None:
        if self.max_neighbors is not None and not self.max_neighbors >= 1:
            raise InputError(f"Expected max_neighbors of 1 or more, got {self.max_neighbors}.")
        if not self.min_neighbors >= 1:
            raise InputError(f"Expected min_neighbors of 1 or more, got {self.min_neighbors}.")
        if self.max_neighbors is not None and self.min_neighbors > self.max_neighbors:
            raise InputError(
                f"Expected min_neighbors of at most max_neighbors, got {self.min_neighbors} and {self.max_neighbors}."
            )
        if self.search_radius is not None and not self.search_radius > 0:
            raise InputError(f"Expected a search radius above 0 map units, got {self.search_radius:g}.")
        if self.sectors not in (None, 4, 8):
            raise InputError(f"Expected 4 or 8 sectors, or none, got {self.sectors}.")
        if self.sectors is None and (self.min_per_sector or self.max_per_sector is not None):
            raise InputError("Expected 4 or 8 sectors where samples a sector are counted, got none. Set the sectors.")
        if self.min_per_sector < 0:
            raise InputError(f"Expected min_per_sector of 0 or more, got {self.min_per_sector}.")
        for name in ("max_per_sector", "max_per_hole"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"Expected {name} of 1 or more, got {number}.")
        if self.max_per_sector is not None and self.min_per_sector > self.max_per_sector:
            raise InputError(
                f"Expected min_per_sector of at most max_per_sector, got {self.min_per_sector} and "
                f"{self.max_per_sector}."
            )

    @property
    def is_global(self) -> bool:
        """Whether every estimate uses all samples."""
        return self.max_neighbors is None and self.search_radius is None and not self.is_restricted

    @property
    def is_restricted(self) -> bool:
        """Whether more than distance decides which samples are used."""
        return self.sectors is not None or self.max_per_hole is not None


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
    holes : ndarray, shape (n_samples,), or None
        Drill hole of each sample; "" for none.
    """

    def __init__(
        self, points: np.ndarray, neighborhood: Neighborhood, frame: np.ndarray, holes: np.ndarray | None = None
    ) -> None:
        self.n_samples = len(points)
        self.neighborhood = neighborhood
        self.limit = min(neighborhood.max_neighbors or len(points), len(points))
        # A sample at exactly the radius is in reach, whatever the rounding of its distance.
        self.radius = np.inf if neighborhood.search_radius is None else neighborhood.search_radius * (1 + 1e-12)
        self.frame = frame
        self._is_map_frame = np.array_equal(frame, np.eye(len(frame)))
        self.scaled_points = self.scale(points)
        self.hole_of = np.zeros(len(points), dtype=int)
        if neighborhood.max_per_hole is not None:
            if holes is None or np.shape(holes) != (len(points),):
                raise InputError(
                    f"Expected the drill hole of each of {len(points)} samples, for at most "
                    f"{neighborhood.max_per_hole} samples a hole, got {'none' if holes is None else np.shape(holes)}."
                )
            # A sample without the name of a hole belongs to none: it counts as a hole of its own.
            named = np.asarray(holes).astype(str)
            alone = np.flatnonzero(named == "")
            names, hole_of = np.unique(named, return_inverse=True)
            self.hole_of = hole_of.reshape(-1).copy()
            self.hole_of[alone] = len(names) + np.arange(len(alone))

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.scaled_points)

    def scale(self, points: np.ndarray) -> np.ndarray:
        """Return points, shape (n, n_dimensions), in the search frame."""
        return points if self._is_map_frame else points @ self.frame.T

    def reasons(self, n_neighbors: np.ndarray, is_thin: np.ndarray | None = None) -> np.ndarray:
        """Return why targets have no estimate.

        Parameters
        ----------
        n_neighbors : ndarray of int, shape (n_targets,)
        is_thin : ndarray of bool, shape (n_targets,), or None
            Where some sector has too few.

        Returns
        -------
        ndarray of int8, shape (n_targets,)
            Out of `Reason`.
        """
        few = np.where(n_neighbors == 0, Reason.NO_NEIGHBORS, Reason.FEW_NEIGHBORS)
        reason = np.where(n_neighbors < self.neighborhood.min_neighbors, few, Reason.ESTIMATED)
        if is_thin is not None:
            reason = np.where((reason == Reason.ESTIMATED) & is_thin, Reason.THIN_SECTOR, reason)
        return reason.astype(np.int8)

    def kth_distance(self, scaled: np.ndarray, k: int) -> np.ndarray:
        """Return the distance to the k-th nearest sample (k at most n_samples), shape (n_targets,)."""
        if len(scaled) * self.n_samples <= _DIRECT_DISTANCES:
            # A few places of not too many samples: looking at all is over before scipy's tree is loaded.
            squared = np.zeros((len(scaled), self.n_samples))
            for place, samples in zip(scaled.T, self.scaled_points.T):
                squared += np.subtract.outer(place, samples) ** 2
            return np.sqrt(np.partition(squared, k - 1, axis=1)[:, k - 1])
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
