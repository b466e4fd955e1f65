"""The inputs of networks that also read measured values: neighbours' values, kriging and its gradient.

A value of the location itself never enters. At a training sample kriging and gradient are those without the
sample (leave-one-out), its neighbours are other samples, and everything fitted (variograms, centre and scale of the
values) is kept in `SequenceFeatures`; so with that object given, changing one value changes no input of its own
sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..kriging.gradient import FittedGradient, fit_gradient
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging, fit_kriging
from ..samples import Covariates, Samples
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict
from .covariate_groups import group_by_covariate
from .neighbors import NeighborFeatures

ORDERS = ("far_to_near", "top_to_bottom", "down_holes")
"""How the neighbours follow each other: by distance; from the highest to the lowest; or hole by hole, the nearest hole
last, each from its collar down."""


class Inputs(NamedTuple):
    """What a network reads at some locations, and how uncertain kriging is there.

    Parameters
    ----------
    sequences : ndarray, shape (n, n_neighbors, n_token_columns)
    context : ndarray, shape (n, n_context_columns)
    kriged, sigma : ndarray, shape (n, n_targets)
        Kriging estimate (with external drift where it is an input) and its standard deviation, transformed scale.
    """

    sequences: np.ndarray
    context: np.ndarray
    kriged: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class Donors:
    """Samples whose values may be read: their places, codes, values and what is kriged from them.

    Made by `SequenceFeatures.donors`.
    """

    coordinates: np.ndarray
    encoded: np.ndarray
    values: np.ndarray
    kriging: tuple[FittedKriging, ...]
    drift_kriging: tuple[FittedKriging, ...]
    gradients: tuple[FittedGradient, ...]
    along: np.ndarray | None = None


def along_holes(samples: Samples) -> np.ndarray | None:
    """Return the number of the hole of each sample and its depth, shape (n_samples, 2); None without holes or depths.

    A sample without a hole has a number of its own.
    """
    if samples.holes is None or samples.depths is None:
        return None
    holes = np.asarray(samples.holes).astype(str)
    number = np.unique(holes, return_inverse=True)[1].reshape(-1)
    alone = np.flatnonzero(holes == "")
    number[alone] = number.max() + 1 + np.arange(len(alone))
    return np.column_stack([number, samples.depths])


@dataclass(frozen=True)
class SequenceFeatures:
    """How a location is described to a network that reads measured values.

    Parameters
    ----------
    neighbors : NeighborFeatures
        Geometry, covariates and average covariance.
    neighborhood : Neighborhood
        Of the kriging that is an input.
    centers, scales : ndarray, shape (n_targets,)
        Mean of the transformed values and square root of the sill: values enter in units of them.
    order : str
        Out of `ORDERS`.
    drift_variograms : tuple of VariogramModel
        One a target: of the residuals from a drift linear in the encoded covariates, for external-drift kriging as a
        further input. Empty: none.

    Raises
    ------
    InputError
        For an unknown order, and sequences down holes of samples without elevations, holes or depths.
    """

    neighbors: NeighborFeatures
    neighborhood: Neighborhood
    centers: np.ndarray
    scales: np.ndarray
    order: str = "far_to_near"
    drift_variograms: tuple[VariogramModel, ...] = ()

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"Expected an order out of {', '.join(ORDERS)}, got {self.order!r}.")
        if self.order != ORDERS[0] and self.neighbors.n_dimensions != 3:
            raise InputError("Sequences down the holes need samples with elevations, got samples on a plane.")

    @classmethod
    def fit(
        cls,
        coordinates: np.ndarray,
        covariates: Covariates | None,
        values: np.ndarray,
        variograms: tuple[VariogramModel, ...],
        neighborhood: Neighborhood,
        n_neighbors: int,
        use_coordinates: bool | None = None,
        order: str = "far_to_near",
    ) -> SequenceFeatures:
        """Fit encoder and scales on training samples.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        covariates : Covariates or None
        values : ndarray, shape (n_samples, n_targets)
            Transformed; NaN where a target was not measured.
        variograms : tuple of VariogramModel
            One a target.
        neighborhood : Neighborhood
        n_neighbors : int
            At least 2: a sequence of one sample is no sequence.
        use_coordinates : bool or None
            See `NeighborFeatures.fit`.
        order : str

        Raises
        ------
        InputError
            For a sequence shorter than 2 or longer than the samples allow, or an order that cannot be.
        """
        neighbors = NeighborFeatures.fit(coordinates, covariates, variograms, n_neighbors, use_coordinates)
        scales = np.sqrt([variogram.sill for variogram in variograms])
        return cls(neighbors, neighborhood, np.nanmean(values, axis=0), scales, order)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return len(self.centers)

    @property
    def token_names(self) -> tuple[str, ...]:
        """Names of the columns of sequences."""
        numbers = range(1, self.n_targets + 1)
        return (
            *self.neighbors.token_names,
            *(f"covariance_{number}" for number in numbers),
            *(f"value_{number}" for number in numbers),
        )

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the columns of the context."""
        numbers = range(1, self.n_targets + 1)
        own = [f"{what}_{number}" for what in ("kriged", "kriging_std", "gradient") for number in numbers]
        if self.drift_variograms:
            own += [f"{what}_{number}" for what in ("drift_kriged", "drift_kriging_std") for number in numbers]
        return (*self.neighbors.context_names, *own)

    def groups(
        self, named: Mapping[str, tuple[str, ...]] | None = None, gradients: Sequence[str] = ()
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the group of every column of sequences and of context.

        Parameters
        ----------
        named : mapping of str to tuple of str, or None
            Groups of covariates by name, see `group_by_covariate`.
        gradients : sequence of str
            Covariates that are kriging gradients.

        Raises
        ------
        InputError
            As `group_by_covariate`.
        """
        encoder = self.neighbors.encoder
        covariates = () if encoder is None else encoder.names
        of_covariate = group_by_covariate(covariates, named or {}, gradients)
        columns: list[str] = []
        if encoder is not None:
            whole = [of_covariate[code.name] for code in encoder.codes for _ in code.feature_names]
            columns = [whole[index] for index in encoder.kept]
        n_axes, n_targets = self.neighbors.n_dimensions, self.n_targets
        n_places = n_axes if self.neighbors.use_coordinates else 0
        tokens = ["geometry"] * (n_axes + 1) + columns + ["covariance"] * n_targets + ["values"] * n_targets
        context = [*columns, *["covariance"] * n_targets, *["geometry"] * n_places]
        context += ["kriging"] * (2 * n_targets) + ["gradient"] * n_targets
        context += ["kriging"] * (2 * n_targets if self.drift_variograms else 0)
        return tuple(tokens), tuple(context)

    def kriging_of_context(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel and bias of the kriging estimate (the transformed scale) as a linear function of the context.

        Returns
        -------
        kernel : ndarray, shape (n_context_columns, n_targets)
        bias : ndarray, shape (n_targets,)
        """
        names = self.context_names
        kernel = np.zeros((len(names), self.n_targets))
        what = "drift_kriged" if self.drift_variograms else "kriged"
        for column in range(self.n_targets):
            kernel[names.index(f"{what}_{column + 1}"), column] = self.scales[column]
        return kernel, self.centers.copy()

    def donors(
        self, coordinates: np.ndarray, encoded: np.ndarray, values: np.ndarray, along: np.ndarray | None = None
    ) -> Donors:
        """Prepare samples to be read.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
            No two at one place.
        encoded : ndarray, shape (n_samples, n_features)
            Covariates encoded by `neighbors`.
        values : ndarray, shape (n_samples, n_targets)
            Transformed; NaN where a target was not measured.
        along : ndarray, shape (n_samples, 2), or None
            Number of the hole of each sample and its depth (`along_holes`), for the order "down_holes".

        Raises
        ------
        InputError
            When the order asks for holes and depths and there are none.
        """
        if self.order == "down_holes" and along is None:
            raise InputError("Sequences down the holes need the hole and the depth of each sample, got none.")
        variograms = self.neighbors.variograms
        kriging, with_drift, gradients = [], [], []
        measured = [~np.isnan(own) for own in values.T]
        for column, (known, variogram) in enumerate(zip(measured, variograms)):
            own = coordinates[known], values[known, column], variogram, self.neighborhood
            kriging.append(fit_kriging(*own))
            gradients.append(fit_gradient(*own))
        for column, (known, variogram) in enumerate(zip(measured, self.drift_variograms)):
            own = coordinates[known], values[known, column], variogram, self.neighborhood
            with_drift.append(fit_kriging(*own, encoded[known]))
        return Donors(coordinates, encoded, values, tuple(kriging), tuple(with_drift), tuple(gradients), along)

    def at(
        self, coordinates: np.ndarray, encoded: np.ndarray, donors: Donors, own: np.ndarray | None = None
    ) -> Inputs:
        """Describe locations by the donors around them.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        encoded : ndarray, shape (n, n_features)
        donors : Donors
        own : ndarray of int, shape (n,), or None
            The donor at each location, which is left out, or -1 where there is none. None: found by place.

        Returns
        -------
        Inputs
            NaN where kriging has no estimate (too few samples in reach).
        """
        sequences, context, nearest = self.neighbors.neighbors_at(
            coordinates, encoded, donors.coordinates, donors.encoded
        )
        own = self._own(coordinates, donors) if own is None else own
        known = ~np.isnan(donors.values)
        # The row of each location's own donor among those of a target; -1 also where that one lacks the target.
        row = np.where(known, np.cumsum(known, axis=0) - 1, -1)
        own_rows = np.where(own[:, None] >= 0, row[own], -1)
        kriged, sigma = self._kriged(donors.kriging, coordinates, None, own_rows)
        slope = np.empty_like(kriged)
        backwards = np.linalg.inv(self.neighbors.scaling)
        for column, gradient in enumerate(donors.gradients):
            free, taken = np.flatnonzero(own_rows[:, column] < 0), np.flatnonzero(own_rows[:, column] >= 0)
            if len(free):
                steep = gradient.predict(coordinates[free], with_variance=False).gradient[:, 0]
                slope[free, column] = np.linalg.norm(steep @ backwards, axis=1)
            if len(taken):
                steep = gradient.leave_one_out(with_variance=False).gradient[own_rows[taken, column], 0]
                slope[taken, column] = np.linalg.norm(steep @ backwards, axis=1)
        covariances = [
            variogram.covariance(coordinates[:, None, :], donors.coordinates[nearest])[:, 0, :] / variogram.sill
            for variogram in self.neighbors.variograms
        ]
        # A neighbour that lacks a target says nothing of it: as if unrelated, and as if it had the kriged value.
        told = known[nearest]
        relative = np.where(told, donors.values[nearest] - kriged[:, None, :], 0.0) / self.scales
        sequences = np.concatenate([sequences, np.where(told, np.stack(covariances, axis=2), 0.0), relative], axis=2)
        parts = [context, (kriged - self.centers) / self.scales, sigma / self.scales, slope / self.scales]
        if self.drift_variograms:
            drifted, spread = self._kriged(donors.drift_kriging, coordinates, encoded, own_rows)
            # Where the donors do not determine the drift (a class they lack), kriging without one stands in.
            undetermined = ~np.isfinite(drifted)
            kriged = np.where(undetermined, kriged, drifted)
            sigma = np.where(undetermined, sigma, spread)
            parts += [(kriged - self.centers) / self.scales, sigma / self.scales]
        context = np.hstack(parts)
        down = None
        if self.order == "top_to_bottom":
            # The last offset is the elevation above the location, in units of the spacing.
            down = np.argsort(-sequences[:, :, self.neighbors.n_dimensions - 1], axis=1, kind="stable")
        elif donors.along is not None and self.order == "down_holes":
            hole, depth = donors.along[nearest, 0], donors.along[nearest, 1]
            lag = sequences[:, :, self.neighbors.n_dimensions]
            of_hole = np.where(hole[:, :, None] == hole[:, None, :], lag[:, None, :], np.inf).min(axis=2)
            down = np.lexsort((depth, hole, -of_hole), axis=1)
        if down is not None:
            sequences = np.take_along_axis(sequences, down[:, :, None], axis=1)
        return Inputs(sequences, context, kriged, sigma)

    @staticmethod
    def _kriged(
        fitted: tuple[FittedKriging, ...], coordinates: np.ndarray, drift: np.ndarray | None, own_rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Krige every target, without the own donor where there is one; estimate and standard deviation."""
        estimate, std = np.empty((2, len(coordinates), len(fitted)))
        for column, (kriging, own) in enumerate(zip(fitted, own_rows.T)):
            free, taken = np.flatnonzero(own < 0), np.flatnonzero(own >= 0)
            if len(free):
                plain = kriging.predict(coordinates[free], None if drift is None else drift[free])
                estimate[free, column], std[free, column] = plain.estimate, plain.kriging_std
            if len(taken):
                left_out = kriging.leave_one_out()
                estimate[taken, column] = left_out.estimate[own[taken]]
                std[taken, column] = left_out.kriging_std[own[taken]]
        return estimate, std

    @staticmethod
    def _own(coordinates: np.ndarray, donors: Donors) -> np.ndarray:
        """Return the donor at the very place of each location, or -1."""
        from scipy.spatial import cKDTree

        lag, row = cKDTree(donors.coordinates).query(coordinates)
        return np.where(lag == 0, row, -1)

    def to_dict(self) -> dict:
        """Return the JSON object of the description."""
        return {
            "neighbors": self.neighbors.to_dict(),
            "neighborhood": {
                "max_neighbors": self.neighborhood.max_neighbors,
                "min_neighbors": self.neighborhood.min_neighbors,
                "search_radius": self.neighborhood.search_radius,
            },
            "centers": self.centers.tolist(),
            "scales": self.scales.tolist(),
            "order": self.order,
            "drift_variograms": [model_to_dict(model) for model in self.drift_variograms],
            "token_names": list(self.token_names),
            "context_names": list(self.context_names),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> SequenceFeatures:
        """Read what `to_dict` wrote.

        Raises
        ------
        KeyError
            When a part is missing.
        """
        neighborhood = content["neighborhood"]
        return cls(
            NeighborFeatures.from_dict(content["neighbors"]),
            Neighborhood(neighborhood["max_neighbors"], neighborhood["min_neighbors"], neighborhood["search_radius"]),
            np.array(content["centers"], dtype=float),
            np.array(content["scales"], dtype=float),
            str(content["order"]),
            tuple(model_from_dict(entry) for entry in content["drift_variograms"]),
        )
