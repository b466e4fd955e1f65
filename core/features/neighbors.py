"""The network's inputs: a sequence of neighbouring samples and a context, without any target value.

Nothing here takes a target value as an argument, so no value of the sample itself, nor of its neighbours, can
reach the network. Given the samples' places, their covariates and the variograms, the features of a location
depend on that location alone, not on the grid it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..samples import Covariates
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict
from .covariance import average_covariance
from .covariates import CovariateEncoder

_FOUND_AT_ONCE = 1_000_000
"""Neighbours looked at together: of samples in long holes most are of the sample's own."""


@dataclass(frozen=True)
class NeighborFeatures:
    """How a location is described to the network.

    Parameters
    ----------
    encoder : CovariateEncoder or None
        Fitted without targets.
    variograms : tuple of VariogramModel
        One a target, for the average covariance.
    n_neighbors : int
        Length of the sequence, at least 2.
    scaling : ndarray, shape (n_dimensions, n_dimensions)
        Maps map-unit offsets to units of the typical spacing; follows the anisotropy of the first variogram.
    center : ndarray, shape (n_dimensions,)
        Of the samples, in map units.
    extent : float
        Standard distance of the samples from `center`, in scaled units.
    use_coordinates : bool
        Whether the context holds the location itself.
    n_directions : int
        Horizontal directions along which `table` tells where a location lies.
    """

    encoder: CovariateEncoder | None
    variograms: tuple[VariogramModel, ...]
    n_neighbors: int
    scaling: np.ndarray
    center: np.ndarray
    extent: float
    use_coordinates: bool
    n_directions: int = 4

    @classmethod
    def fit(
        cls,
        coordinates: np.ndarray,
        covariates: Covariates | None,
        variograms: tuple[VariogramModel, ...],
        n_neighbors: int,
        use_coordinates: bool | None = None,
    ) -> NeighborFeatures:
        """Fit encoder and scaling on the samples' places and covariates.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        covariates : Covariates or None
        variograms : tuple of VariogramModel
        n_neighbors : int
        use_coordinates : bool or None
            None: only when there are no covariates.

        Raises
        ------
        InputError
            For a sequence shorter than 2 or longer than the samples allow.
        """
        from scipy.spatial import cKDTree

        if not 2 <= n_neighbors < len(coordinates):
            raise InputError(
                f"Expected a sequence of 2 to {len(coordinates) - 1} neighbours for {len(coordinates)} samples, "
                f"got {n_neighbors}."
            )
        encoder = CovariateEncoder.fit(covariates) if covariates is not None and covariates.names else None
        if encoder is not None and encoder.n_features == 0:
            encoder = None
        shape = _anisotropy(variograms[0], coordinates.shape[1])
        scaled = coordinates @ shape.T
        lags, _ = cKDTree(scaled).query(scaled, k=n_neighbors + 1)
        spacing = float(np.median(lags[:, -1]))
        scaling = shape / spacing
        center = coordinates.mean(axis=0)
        offsets = (coordinates - center) @ scaling.T
        extent = float(np.sqrt(np.mean(np.sum(offsets**2, axis=1))))
        return cls(
            encoder, variograms, n_neighbors, scaling, center, extent,
            encoder is None if use_coordinates is None else use_coordinates,
            4 if coordinates.shape[1] == 2 else 8,
        )  # fmt: skip

    @property
    def n_dimensions(self) -> int:
        """2 or 3."""
        return len(self.center)

    @property
    def token_names(self) -> tuple[str, ...]:
        """Names of the columns of `sequences`."""
        axes = ("d_easting", "d_northing", "d_elevation")[: self.n_dimensions]
        features = () if self.encoder is None else self.encoder.feature_names
        return (*axes, "lag", *(f"d_{name}" for name in features))

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the columns of `context`."""
        features = () if self.encoder is None else self.encoder.feature_names
        averages = tuple(f"average_covariance_{i + 1}" for i in range(len(self.variograms)))
        axes = ("easting", "northing", "elevation")[: self.n_dimensions] if self.use_coordinates else ()
        return (*features, *averages, *axes)

    def encode(self, covariates: Covariates | None, n: int) -> np.ndarray:
        """Encode covariates for the network, shape (n, n_features); no column without an encoder.

        Raises
        ------
        InputError
            When the model needs covariates and none, or not all, are given.
        """
        if self.encoder is None:
            return np.empty((n, 0))
        if covariates is None:
            raise InputError(f"The model needs the covariates {', '.join(self.encoder.names)}; none were given.")
        return self.encoder.encode(covariates)

    def at(
        self,
        coordinates: np.ndarray,
        encoded: np.ndarray,
        sample_coordinates: np.ndarray,
        sample_encoded: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Describe locations by the samples around them.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        encoded : ndarray, shape (n, n_features)
            Encoded covariates at the locations.
        sample_coordinates : ndarray, shape (n_samples, n_dimensions)
            Samples that may be neighbours; more than `n_neighbors` of them.
        sample_encoded : ndarray, shape (n_samples, n_features)

        Returns
        -------
        sequences : ndarray, shape (n, n_neighbors, n_token_columns)
            Far to near. A sample at the location itself is not its neighbour.
        context : ndarray, shape (n, n_context_columns)
        """
        sequences, context, _ = self.neighbors_at(coordinates, encoded, sample_coordinates, sample_encoded)
        return sequences, context

    def neighbors_at(
        self,
        coordinates: np.ndarray,
        encoded: np.ndarray,
        sample_coordinates: np.ndarray,
        sample_encoded: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what `at` does, and the rows of the neighbours, shape (n, n_neighbors)."""
        scaled = (coordinates - self.center) @ self.scaling.T
        sample_scaled = (sample_coordinates - self.center) @ self.scaling.T
        nearest, lags = neighbor_sequence(scaled, sample_scaled, self.n_neighbors)
        offsets = sample_scaled[nearest] - scaled[:, None, :]
        differences = sample_encoded[nearest] - encoded[:, None, :]
        sequences = np.concatenate([offsets, lags[:, :, None], differences], axis=2)
        neighbors = sample_coordinates[nearest]
        averages = [average_covariance(coordinates, neighbors, variogram) for variogram in self.variograms]
        parts = [encoded, np.column_stack(averages)]
        if self.use_coordinates:
            parts.append(scaled / self.extent)
        return sequences, np.hstack(parts), nearest

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of the columns of `table`."""
        features = () if self.encoder is None else self.encoder.feature_names
        between = tuple(f"azimuth_{azimuth:g}" for azimuth in self._azimuths_between)
        return (*features, *("easting", "northing", "elevation")[: self.n_dimensions], *between)

    @property
    def _azimuths_between(self) -> np.ndarray:
        """Directions of the table that lie between north and east, or east and south."""
        azimuths = 180.0 / self.n_directions * np.arange(self.n_directions)
        return azimuths[azimuths % 90.0 != 0]

    def table(self, coordinates: np.ndarray, encoded: np.ndarray) -> np.ndarray:
        """Describe locations by covariates and place alone, as forests read them.

        Trees cut across one column at a time, so directions between the axes are columns too: a border that runs from
        southwest to northeast needs one cut instead of a staircase.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        encoded : ndarray, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n, n_features + n_dimensions + n_directions - 2)
        """
        scaled = (coordinates - self.center) @ self.scaling.T / self.extent
        between = np.radians(self._azimuths_between)
        return np.hstack([encoded, scaled, scaled[:, :2] @ np.stack([np.sin(between), np.cos(between)])])

    def to_dict(self) -> dict:
        """Return the JSON object of the description."""
        return {
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "variograms": [model_to_dict(model) for model in self.variograms],
            "n_neighbors": self.n_neighbors,
            "scaling": self.scaling.tolist(),
            "center": self.center.tolist(),
            "extent": self.extent,
            "use_coordinates": self.use_coordinates,
            "n_directions": self.n_directions,
            "token_names": list(self.token_names),
            "context_names": list(self.context_names),
        }

    @classmethod
    def from_dict(cls, content: dict) -> NeighborFeatures:
        """Read what `to_dict` wrote.

        Raises
        ------
        KeyError
            When a part is missing.
        """
        return cls(
            None if content["encoder"] is None else CovariateEncoder.from_dict(content["encoder"]),
            tuple(model_from_dict(entry) for entry in content["variograms"]),
            int(content["n_neighbors"]),
            np.array(content["scaling"], dtype=float),
            np.array(content["center"], dtype=float),
            float(content["extent"]),
            bool(content["use_coordinates"]),
            int(content.get("n_directions", 4)),
        )


def neighbor_sequence(scaled: np.ndarray, sample_scaled: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest OTHER samples of each location, far to near.

    Parameters
    ----------
    scaled : ndarray, shape (n, n_dimensions)
        Locations.
    sample_scaled : ndarray, shape (n_samples, n_dimensions)
        Samples, no two of them at one place.
    n_neighbors : int

    Returns
    -------
    nearest : ndarray of int, shape (n, n_neighbors)
        Rows of the samples; a sample at distance 0 is left out.
    lags : ndarray, shape (n, n_neighbors)

    Raises
    ------
    InputError
        When there are not more than `n_neighbors` samples.

    Examples
    --------
    >>> nearest, lags = neighbor_sequence(np.array([[0.0, 0.0]]), np.array([[0.0, 0], [3, 0], [1, 0], [9, 0]]), 2)
    >>> nearest.tolist(), lags.tolist()
    ([[1, 2]], [[3.0, 1.0]])
    """
    from scipy.spatial import cKDTree

    if len(sample_scaled) <= n_neighbors:
        raise InputError(
            f"A sequence of {n_neighbors} neighbours needs more than {n_neighbors} samples, got {len(sample_scaled)}."
        )
    lags, nearest = cKDTree(sample_scaled).query(scaled, k=n_neighbors + 1)
    # In units of the typical spacing: nearer than this is the same place up to rounding.
    first = (lags[:, :1] < 1e-9).astype(int)
    columns = first + np.arange(n_neighbors)[::-1][None, :]
    return np.take_along_axis(nearest, columns, axis=1), np.take_along_axis(lags, columns, axis=1)


def nearest_of_others(points: np.ndarray, groups: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest samples of other groups than a sample's own, nearest first, in bounded memory.

    Parameters
    ----------
    points : ndarray, shape (n_samples, n_dimensions)
    groups : ndarray of int, shape (n_samples,)
        Of one place or hole, numbered from 0.
    n_neighbors : int
        At most as many as there are samples outside the largest group.

    Returns
    -------
    distances, nearest : ndarray, shape (n_samples, n_neighbors)

    Examples
    --------
    >>> nearest_of_others(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), 1)[1].tolist()
    [[2], [2], [1]]
    """
    from scipy.spatial import cKDTree

    n, tree = len(points), cKDTree(points)
    wanted = min(n_neighbors + int(np.bincount(groups).max()), n)
    distances, nearest = np.empty((n, n_neighbors)), np.empty((n, n_neighbors), dtype=np.int64)
    step = max(1, _FOUND_AT_ONCE // wanted)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        far, found = tree.query(points[rows], k=np.arange(1, wanted + 1))
        order = np.argsort(groups[found] == groups[rows, None], axis=1, kind="stable")[:, :n_neighbors]
        distances[rows] = np.take_along_axis(far, order, axis=1)
        nearest[rows] = np.take_along_axis(found, order, axis=1)
    return distances, nearest


def _anisotropy(variogram: VariogramModel, n_dimensions: int) -> np.ndarray:
    """Return the scaling of the largest structure, in map units along its azimuth; the identity when isotropic."""
    structures = [structure for structure in variogram.structures if structure.psill > 0]
    if not structures or all(structure.is_isotropic for structure in structures):
        return np.eye(n_dimensions)
    main = max(structures, key=lambda structure: structure.psill)
    return main.scaling(n_dimensions) * main.effective_range
