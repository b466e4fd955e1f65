"""The hybrid as a predictor, in numpy alone: kriging bases, one of them with the network as drift, stacked.

Trainer and QGIS side both predict with this file; they differ only in the `Network` they hand in (tensorflow
there, onnxruntime here).

How numbers come about, for each target:

* A base is kriging by one variogram or the mean of kriging by several: one fit is one guess.
* The stack has weights for places as near to samples as these are to each other, and for places as far as blocks of
  samples left out are from the others; the variance of ordinary kriging says where between the two a place lies. They
  hold where a base is as sure as it usually is; `local_weights` move them to the bases that are surer than usual at a
  place, by kriging variance.
* On the transformed scale ``centre = sum_b w_b estimate_b`` and ``sigma = sum_b w_b kriging_std_b``: the bases share
  their data, so their errors are taken as fully correlated.
* Interval: ``centre +- q sigma``, q the conformal quantile of ``|error| / sigma`` of the stack, near samples over those
  left out singly, far from them over clusters left out, in between by the variance of ordinary kriging as the
  weights; its ends are then transformed back one by one.
* A mean cannot lie beyond all values: what a base with a learned drift says, and on a transformed scale, where a
  straight line in the covariates becomes a curve that leaves every bound, one with an external drift, is kept within
  the range of the samples.
* The estimate in data units is the mean of a linear pool, ``sum_b w_b mean_b``: each base comes back to data units
  by itself (`BackTransform`), as the kriging it is compared with does.
* At the place of a sample every base returns the sample's value with variance 0, so the hybrid does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, NamedTuple

import numpy as np

from ..errors import ModelFileError
from ..features.neighbors import NeighborFeatures
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.intervals import IntervalTable
from .bases import FOREST, LEARNED, NETWORK, ORDINARY, Base, BaseKriging, local_weights
from .contract import ContractModel, decode_array, samples_from_dict, samples_to_dict
from .intervals import interval_ends

Network = Callable[..., np.ndarray]
"""Sequences (n, k, c) and context (n, q) -> drift (n, n_targets) on the transformed scale.

Of a model with forests: sequences, context and table (n, p) -> drift (n, 2 n_targets), the network's columns first.
"""


@dataclass(frozen=True)
class Prediction:
    """Estimates with intervals, in data units.

    Parameters
    ----------
    estimate, lower, upper : ndarray, shape (n, n_targets)
        NaN where a covariate is unknown or its class was never sampled.
    kriging_variance : ndarray, shape (n, n_targets)
        Squared data units; the stack's, not calibrated.
    """

    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    kriging_variance: np.ndarray


class Stacked(NamedTuple):
    """Weighted means over the bases.

    Parameters
    ----------
    estimate, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    mean, spread : ndarray, shape (n, n_targets)
        Mean and standard deviation in data units.
    remoteness : ndarray, shape (n, n_targets)
        How far from samples places are, 0 to 1.
    n_unknown : int
        Locations with an unknown covariate or class.
    """

    estimate: np.ndarray
    sigma: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    remoteness: np.ndarray
    n_unknown: int


@dataclass(frozen=True)
class TargetModel:
    """The stack of one target.

    Parameters
    ----------
    name, unit : str
    transform : Transform
    bases : tuple of Base
    intervals : IntervalTable
    back_transform : BackTransform or None
        Way back of the stack in files older than those of the bases; None: the bases have theirs.
    """

    name: str
    unit: str
    transform: Transform
    bases: tuple[Base, ...]
    intervals: IntervalTable
    back_transform: BackTransform | None = None

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each base by name, the mean of those near samples and far from them."""
        return {base.name: 0.5 * sum(base.weights) for base in self.bases}


@dataclass(frozen=True)
class HybridModel(ContractModel):
    """Everything a prediction needs, except the network itself.

    Parameters
    ----------
    samples : Samples
        The training samples in data units.
    drift : ndarray, shape (n_samples, n_targets)
        The network's out-of-fold drift at the samples, transformed scale.
    features : NeighborFeatures
    neighborhood : Neighborhood
    targets : tuple of TargetModel
        In the order of ``samples.targets``.
    forest_drift : ndarray, shape (n_samples, n_targets), or None
        The forests' out-of-fold drift at the samples; None without forests.
    """

    samples: Samples
    drift: np.ndarray
    features: NeighborFeatures
    neighborhood: Neighborhood
    targets: tuple[TargetModel, ...]
    forest_drift: np.ndarray | None = None

    @property
    def graph_inputs(self) -> dict[str, tuple[int, ...]]:
        """Inputs of the network with their shapes but for the rows."""
        features = self.features
        inputs: dict[str, tuple[int, ...]] = {
            "sequences": (features.n_neighbors, len(features.token_names)),
            "context": (len(features.context_names),),
        }
        if self.forest_drift is not None:
            inputs["table"] = (len(features.table_names),)
        return inputs

    @property
    def graph_output(self) -> str:
        """Output of the network."""
        return "drift"

    @cached_property
    def _kriging(self) -> tuple[tuple[BaseKriging | None, ...], ...]:
        """Fitted systems of the bases; None for a base without weight, unless it tells how far places are."""
        systems = []
        for column, target in enumerate(self.targets):
            systems.append(
                tuple(
                    self._fitted(column, base) if any(base.weights) or base.far_sigma is not None else None
                    for base in target.bases
                )
            )
        return tuple(systems)

    def _fitted(self, column: int, base: Base) -> BaseKriging:
        """Fit the system of a base to the samples at which its target was measured."""
        known, values = self.measured(column)
        drift = self._sample_drift(base, column)
        own_drift = None if drift is None else drift[known]
        places = self.samples.coordinates[known]
        return base.kriging(places, values, self.neighborhood, own_drift, self.targets[column].transform)

    def _sample_drift(self, base: Base, column: int) -> np.ndarray | None:
        """Drift columns of a base at the samples."""
        if base.name == NETWORK:
            return self.drift[:, [column]]
        if base.name == FOREST and self.forest_drift is not None:
            return self.forest_drift[:, [column]]
        if base.encoder is not None and self.samples.covariates is not None:
            return base.encoder.encode(self.samples.covariates)
        return None

    @cached_property
    def _encoded_samples(self) -> np.ndarray:
        return self.features.encode(self.samples.covariates, len(self.samples))

    def learned_drifts(
        self, coordinates: np.ndarray, covariates: Covariates | None, network: Network
    ) -> dict[str, np.ndarray]:
        """Return the drift of `NETWORK` and `FOREST` at known locations, shape (n, n_targets) each."""
        encoded = self.features.encode(covariates, len(coordinates))
        inputs = self.features.at(coordinates, encoded, self.samples.coordinates, self._encoded_samples)
        if self.forest_drift is None:
            return {NETWORK: np.asarray(network(*inputs), dtype=float)}
        both = np.asarray(network(*inputs, self.features.table(coordinates, encoded)), dtype=float)
        return {NETWORK: both[:, : len(self.targets)], FOREST: both[:, len(self.targets) :]}

    def stacked(
        self, coordinates: np.ndarray, covariates: Covariates | None, network: Network, fill: bool = False
    ) -> Stacked:
        """Return the stack, on the transformed scale and in data units.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
            By name; None only for a model without covariates.
        network : Network
        fill : bool
            Where a class was never sampled, take it for the most frequent class, and where a covariate is NaN,
            estimate by ordinary kriging, instead of leaving NaN.

        Returns
        -------
        Stacked

        Raises
        ------
        InputError
            When covariates are missing or coordinates have another dimension than the samples.
        """
        coordinates = self.checked(coordinates, covariates)
        known = np.ones(len(coordinates), dtype=bool)
        replaced = np.zeros(len(coordinates), dtype=bool)
        if self.covariate_names and covariates is not None:
            encoders = [base.encoder for target in self.targets for base in target.bases if base.encoder is not None]
            encoders += [self.features.encoder] if self.features.encoder is not None else []
            if fill and encoders:
                covariates, replaced = encoders[0].with_known_classes(covariates)
            for encoder in encoders:
                known &= np.isfinite(encoder.encode(covariates)).all(axis=1)
        stacked = np.full((5, len(coordinates), len(self.targets)), np.nan)
        if known.any():
            own = None if covariates is None else covariates.rows(known)
            stacked[:, known] = self._stacked_known(coordinates[known], own, network)
        if fill and not known.all():
            for column, target in enumerate(self.targets):
                base, kriging = self._ordinary(column)
                plain = kriging.predict(coordinates[~known])
                means = base.means(target.transform, plain)
                stacked[:, ~known, column] = plain.estimate, plain.sigma, *means, base.remoteness(plain.sigma)
        estimate, sigma, mean, spread, remoteness = stacked
        return Stacked(estimate, sigma, mean, spread, remoteness, int((replaced | ~known).sum()))

    def _ordinary(self, column: int) -> tuple[Base, BaseKriging]:
        """Ordinary kriging of one target, fitted anew when it has no weight in the stack."""
        bases = self.targets[column].bases
        index = [base.name for base in bases].index(ORDINARY)
        base, fitted = bases[index], self._kriging[column][index]
        return base, self._fitted(column, base) if fitted is None else fitted

    def _stacked_known(self, coordinates: np.ndarray, covariates: Covariates | None, network: Network) -> np.ndarray:
        """Return the arrays of `Stacked` where everything is known, shape (5, n, n_targets)."""
        drifts: dict[str, np.ndarray] = {}
        learned = [base for target in self.targets for base in target.bases if base.name in LEARNED]
        if any(any(base.weights) for base in learned):
            drifts = self.learned_drifts(coordinates, covariates, network)
        stacked = np.empty((5, len(coordinates), len(self.targets)))
        for column, target in enumerate(self.targets):
            used, found = [], []
            for base, fitted in zip(target.bases, self._kriging[column]):
                if fitted is None:
                    continue
                columns = None
                if base.name in drifts:
                    columns = drifts[base.name][:, [column]]
                elif base.encoder is not None and covariates is not None:
                    columns = base.encoder.encode(covariates)
                own = fitted.predict(coordinates, columns)
                used.append(base)
                found.append([*own, *base.means(target.transform, own)])
            parts = np.array(found)  # (n_bases, 5, n)
            estimate, sigma, smoothing, mean, spread = np.einsum(
                "nb,bqn->qn", local_weights(used, parts[:, 1].T), parts
            )
            if target.back_transform is not None:
                mean, variance = target.back_transform.moments(estimate, sigma**2, smoothing)
                spread = np.sqrt(variance)
            stacked[:, :, column] = estimate, sigma, mean, spread, used[0].remoteness(parts[0, 1])
        return stacked

    def predict(
        self, coordinates: np.ndarray, covariates: Covariates | None, network: Network, coverage: float = 0.9
    ) -> Prediction:
        """Estimate all targets with intervals.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
        network : Network
        coverage : float
            Wanted share of true values inside the interval, between 0 and 1.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            For missing covariates, a wrong dimension or coverage.
        """
        found = self.stacked(coordinates, covariates, network)
        ends = interval_ends(self.targets, found.estimate, found.sigma, coverage, found.remoteness)
        return Prediction(found.mean, *ends, found.spread**2)

    def to_dict(self) -> dict:
        """Return the parts of the contract that predictions need."""
        return {
            **samples_to_dict(
                self.samples,
                drift=self.drift,
                **({} if self.forest_drift is None else {"forest_drift": self.forest_drift}),
            ),
            "targets": [
                {
                    "name": target.name,
                    "unit": target.unit,
                    "transform": target.transform.to_dict(),
                    "bases": [base.to_dict() for base in target.bases],
                    "intervals": target.intervals.to_dict(),
                    **({} if target.back_transform is None else {"back_transform": target.back_transform.to_dict()}),
                }
                for target in self.targets
            ],
            "neighborhood": {
                "max_neighbors": self.neighborhood.max_neighbors,
                "min_neighbors": self.neighborhood.min_neighbors,
                "search_radius": self.neighborhood.search_radius,
            },
            "features": self.features.to_dict(),
        }

    @classmethod
    def _from_dict(cls, content: Mapping[str, Any]) -> HybridModel:
        samples = samples_from_dict(content)
        targets = tuple(
            TargetModel(
                str(entry["name"]),
                str(entry["unit"]),
                Transform.from_dict(entry["transform"]),
                tuple(Base.from_dict(base, Transform.from_dict(entry["transform"])) for base in entry["bases"]),
                IntervalTable.from_dict(entry["intervals"]),
                BackTransform.from_dict(Transform.from_dict(entry["transform"]), entry["back_transform"])
                if entry.get("back_transform")
                else None,
            )
            for entry in content["targets"]
        )
        stored = content["samples"]
        drift = decode_array(stored["drift"])
        # Files written before there were forests lack theirs.
        forest_drift = decode_array(stored["forest_drift"]) if "forest_drift" in stored else None
        for array in (drift, forest_drift):
            if array is not None and array.shape != samples.values.shape:
                raise ModelFileError(f"expected a drift of shape {samples.values.shape}, got {array.shape}.")
        neighborhood = content["neighborhood"]
        return cls(
            samples,
            drift,
            NeighborFeatures.from_dict(content["features"]),
            Neighborhood(neighborhood["max_neighbors"], neighborhood["min_neighbors"], neighborhood["search_radius"]),
            targets,
            forest_drift,
        )
