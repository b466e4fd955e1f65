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
* Interval: ``centre +- q sigma``, q the conformal quantile of ``|error| / sigma`` of the stack over samples
  left out singly and by clusters; its ends are then transformed back one by one.
* A mean cannot lie beyond all values: what a base with a learned drift says, and on a transformed scale, where a
  straight line in the covariates becomes a curve that leaves every bound, one with an external drift, is kept within
  the range of the samples.
* The estimate in data units is the mean of a linear pool, ``sum_b w_b mean_b``: each base comes back to data units
  by itself (`BackTransform`), as the kriging it is compared with does.
* At the place of a sample every base returns the sample's value with variance 0, so the hybrid does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, NamedTuple

import numpy as np

from ..errors import ModelFileError
from ..features.covariates import CovariateEncoder
from ..features.neighbors import NeighborFeatures
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging, KrigingEstimate, fit_kriging
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.intervals import IntervalTable
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict
from .contract import ContractModel, decode_array, samples_from_dict, samples_to_dict
from .intervals import interval_ends

Network = Callable[..., np.ndarray]
"""Sequences (n, k, c) and context (n, q) -> drift (n, n_targets) on the transformed scale.

Of a model with forests: sequences, context and table (n, p) -> drift (n, 2 n_targets), the network's columns first.
"""

ORDINARY = "ordinary_kriging"
EXTERNAL = "external_drift_kriging"
NETWORK = "network_drift_kriging"
FOREST = "forest_drift_kriging"

EXACT_LIMIT = 2500
"""Up to so many samples they are left out of the system of all samples, exactly; above, of their neighbourhoods."""

OTHER_PART = 1.0 / 3.0
"""Part of each other variogram in what a base says."""


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


@dataclass(frozen=True)
class Base:
    """One member of a target's stack.

    Parameters
    ----------
    name : str
        `ORDINARY`, `EXTERNAL`, `FOREST` or `NETWORK`.
    variogram : VariogramModel
        Of the values, or of the residuals from the base's own drift.
    weight : float
    encoder : CovariateEncoder or None
        Drift of external-drift kriging.
    other_variograms : tuple of VariogramModel
        Other fits, at most two: each has a part of `OTHER_PART` in what the base says.
    back_transform : BackTransform or None
        Way back to data units; None: not calibrated.
    usual_sigma : float or None
        Median kriging standard deviation of the samples left out singly; None: its weight is the same everywhere.
    far_weight, far_sigma : float or None
        Weight and median kriging standard deviation as far from samples as blocks left out are; None: as near.
    """

    name: str
    variogram: VariogramModel
    weight: float
    encoder: CovariateEncoder | None = None
    other_variograms: tuple[VariogramModel, ...] = ()
    back_transform: BackTransform | None = None
    usual_sigma: float | None = None
    far_weight: float | None = None
    far_sigma: float | None = None

    @property
    def weights(self) -> tuple[float, float]:
        """Weights near samples and far from them."""
        return self.weight, self.weight if self.far_weight is None else self.far_weight

    def remoteness(self, sigma: np.ndarray) -> np.ndarray:
        """Return how far from samples places are by their kriging standard deviation, 0 to 1."""
        near, far = self.usual_sigma or 0.0, self.far_sigma or 0.0
        if not 0 < near < far:
            return np.zeros_like(sigma)
        return np.clip(np.log(np.maximum(sigma, 1e-300) / near) / np.log(far / near), 0.0, 1.0)

    def kriging(
        self,
        coordinates: np.ndarray,
        values: np.ndarray,
        neighborhood: Neighborhood,
        drift: np.ndarray | None,
        transform: Transform,
    ) -> BaseKriging:
        """Return the kriging of transformed values; without a structure from all of them, which is a regression."""
        if not self.variogram.structures and len(values) <= EXACT_LIMIT:
            neighborhood = Neighborhood()
        return BaseKriging(
            tuple(
                fit_kriging(coordinates, values, variogram, neighborhood, drift)
                for variogram in (self.variogram, *self.other_variograms)
            ),
            self.name in (NETWORK, FOREST) or (self.name == EXTERNAL and transform.kind != "none"),
        )

    def means(self, transform: Transform, found: BaseEstimate) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation in data units."""
        way_back = BackTransform(transform) if self.back_transform is None else self.back_transform
        mean, variance = way_back.moments(found.estimate, found.sigma**2, found.smoothing_variance)
        return mean, np.sqrt(variance)


class BaseEstimate(NamedTuple):
    """What a base says, on the transformed scale.

    Parameters
    ----------
    estimate, sigma, smoothing_variance : ndarray, shape (n,)
        As in `KrigingEstimate`; sigma is its kriging_std.
    """

    estimate: np.ndarray
    sigma: np.ndarray
    smoothing_variance: np.ndarray


@dataclass(frozen=True)
class BaseKriging:
    """A base ready to estimate.

    Parameters
    ----------
    systems : tuple of FittedKriging
        The chosen variogram's first.
    is_bounded : bool
        Whether estimates are kept within the range of the samples they are made from.
    """

    systems: tuple[FittedKriging, ...]
    is_bounded: bool = False

    def predict(self, coordinates: np.ndarray, drift: np.ndarray | None = None) -> BaseEstimate:
        """Estimate at some locations; see `FittedKriging.predict`."""
        values = self.systems[0].values
        found = self._mean([system.predict(coordinates, drift) for system in self.systems])
        return self._bounded(found, values.min(), values.max())

    def leave_out(self, groups: np.ndarray) -> BaseEstimate:
        """Estimate the samples without their group: singly where every group is one sample."""
        values = self.systems[0].values
        if len(np.unique(groups)) == len(groups):
            found = self._mean([system.leave_one_out() for system in self.systems])
        else:
            found = self._mean([system.leave_group_out(groups) for system in self.systems])
        return self._bounded(found, -highest_of_others(-values, groups), highest_of_others(values, groups))

    def _bounded(self, found: BaseEstimate, lowest: np.ndarray | float, highest: np.ndarray | float) -> BaseEstimate:
        return found._replace(estimate=np.clip(found.estimate, lowest, highest)) if self.is_bounded else found

    @staticmethod
    def _mean(found: Sequence[KrigingEstimate]) -> BaseEstimate:
        """Average what the variograms say; their errors are taken as fully correlated."""
        parts = [1.0 - OTHER_PART * (len(found) - 1)] + [OTHER_PART] * (len(found) - 1)
        return BaseEstimate(
            *(
                sum(part * getattr(one, name) for part, one in zip(parts, found))
                for name in ("estimate", "kriging_std", "smoothing_variance")
            )
        )


def highest_of_others(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for each sample the highest value outside its group; infinite where there is no other group.

    Examples
    --------
    >>> highest_of_others(np.array([1.0, 5.0, 3.0]), np.array([0, 1, 1]))
    array([5., 1., 1.])
    """
    labels, own = np.unique(groups, return_inverse=True)
    own = own.reshape(-1)
    if len(labels) < 2:
        return np.full(len(values), np.inf)
    highest = np.full(len(labels), -np.inf)
    np.maximum.at(highest, own, values)
    second, first = np.argsort(highest)[-2:]
    return np.where(own == first, highest[second], highest[first])


def local_weights(bases: Sequence[Base], sigma: np.ndarray) -> np.ndarray:
    """Return the weight of each base at each place: ``w_b usual_sigma_b^2 / sigma_b^2``, scaled to sum 1.

    ``w_b`` lies between the base's weights near samples and far from them, by the remoteness that the first base,
    ordinary kriging, tells. Where covariates are far from sampled ones a drift is doubtful, and far from samples only a
    drift is left: the kriging variances of the bases know both.

    Parameters
    ----------
    bases : sequence of Base
    sigma : ndarray, shape (n, n_bases)
        Kriging standard deviations.

    Returns
    -------
    ndarray, shape (n, n_bases)

    References
    ----------
    Erten, G., Yavuz, M. & Deutsch, C. (2022). Combination of machine learning and kriging for spatial estimation of
    geological attributes. Nat. Resour. Res. 31, 191-213.
    """
    usual = np.array([base.usual_sigma or np.nan for base in bases])
    doubt = np.where(np.isfinite(usual), (sigma / usual) ** 2, 1.0)
    near, far = np.array([base.weights for base in bases]).T
    remoteness = bases[0].remoteness(sigma[:, 0])[:, None]
    # At a sample every base is sure.
    weights = ((1.0 - remoteness) * near + remoteness * far) / np.maximum(doubt, 1e-12)
    return weights / weights.sum(axis=1, keepdims=True)


class Stacked(NamedTuple):
    """Weighted means over the bases.

    Parameters
    ----------
    estimate, sigma : ndarray, shape (n, n_targets)
        On the transformed scale.
    mean, spread : ndarray, shape (n, n_targets)
        Mean and standard deviation in data units.
    n_unknown : int
        Locations with an unknown covariate or class.
    """

    estimate: np.ndarray
    sigma: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
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
            values = target.transform.forward(self.samples.values[:, column], target.name)
            own = []
            for base in target.bases:
                drift = self._sample_drift(base, column)
                own.append(
                    base.kriging(self.samples.coordinates, values, self.neighborhood, drift, target.transform)
                    if any(base.weights) or base.far_sigma is not None
                    else None
                )
            systems.append(tuple(own))
        return tuple(systems)

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
        stacked = np.full((4, len(coordinates), len(self.targets)), np.nan)
        if known.any():
            own = None if covariates is None else covariates.rows(known)
            stacked[:, known] = self._stacked_known(coordinates[known], own, network)
        if fill and not known.all():
            for column, target in enumerate(self.targets):
                base, kriging = self._ordinary(column)
                plain = kriging.predict(coordinates[~known])
                stacked[:, ~known, column] = plain.estimate, plain.sigma, *base.means(target.transform, plain)
        estimate, sigma, mean, spread = stacked
        return Stacked(estimate, sigma, mean, spread, int((replaced | ~known).sum()))

    def _ordinary(self, column: int) -> tuple[Base, BaseKriging]:
        """Ordinary kriging of one target, fitted anew when it has no weight in the stack."""
        target = self.targets[column]
        index = [base.name for base in target.bases].index(ORDINARY)
        base, fitted = target.bases[index], self._kriging[column][index]
        if fitted is None:
            values = target.transform.forward(self.samples.values[:, column], target.name)
            fitted = base.kriging(self.samples.coordinates, values, self.neighborhood, None, target.transform)
        return base, fitted

    def _stacked_known(self, coordinates: np.ndarray, covariates: Covariates | None, network: Network) -> np.ndarray:
        """Return estimate, sigma, mean and spread where everything is known, shape (4, n, n_targets)."""
        drifts: dict[str, np.ndarray] = {}
        learned = [base for target in self.targets for base in target.bases if base.name in (NETWORK, FOREST)]
        if any(any(base.weights) for base in learned):
            drifts = self.learned_drifts(coordinates, covariates, network)
        stacked = np.empty((4, len(coordinates), len(self.targets)))
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
            stacked[:, :, column] = estimate, sigma, mean, spread
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
        multipliers = [float(target.intervals.multiplier(coverage)) for target in self.targets]
        centre, sigma, mean, spread, _ = self.stacked(coordinates, covariates, network)
        return Prediction(mean, *interval_ends(self.targets, centre, sigma, multipliers), spread**2)

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
                    "bases": [
                        {
                            "name": base.name,
                            "weight": base.weight,
                            "variogram": model_to_dict(base.variogram),
                            "encoder": None if base.encoder is None else base.encoder.to_dict(),
                            "other_variograms": [model_to_dict(other) for other in base.other_variograms],
                            "back_transform": {} if base.back_transform is None else base.back_transform.to_dict(),
                            "usual_sigma": base.usual_sigma,
                            "far_weight": base.far_weight,
                            "far_sigma": base.far_sigma,
                        }
                        for base in target.bases
                    ],
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
                tuple(_base_from_dict(base, Transform.from_dict(entry["transform"])) for base in entry["bases"]),
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


def _base_from_dict(content: Mapping[str, Any], transform: Transform) -> Base:
    """Read a base; in older files it has one variogram, one weight for every place and no way back of its own."""
    way_back = content.get("back_transform")
    return Base(
        str(content["name"]),
        model_from_dict(content["variogram"]),
        float(content["weight"]),
        None if content["encoder"] is None else CovariateEncoder.from_dict(content["encoder"]),
        tuple(model_from_dict(other) for other in content.get("other_variograms", ())),
        BackTransform.from_dict(transform, way_back) if way_back else None,
        content.get("usual_sigma"),
        content.get("far_weight"),
        content.get("far_sigma"),
    )
