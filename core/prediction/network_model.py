"""Networks by name as predictors, in numpy alone: the network's output is the estimate itself.

How numbers come about, for each target on its transformed scale:

* ``estimate`` is the network's output at the location, from the samples around it (`SequenceFeatures`).
* Interval: ``estimate +- q sigma``, sigma the kriging standard deviation there and q the conformal quantile of
  ``|error| / sigma`` over samples predicted by networks that did not know their fold.
* The estimate in data units is the mean of the back-transformed distribution with variance ``(spread sigma)^2``, spread
  the root mean square of the same scores.
* A network is not exact at samples: there it predicts as if the sample were not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable

import numpy as np

from ..features.sequences import Donors, SequenceFeatures, along_holes
from ..kriging.back_transform import BackTransform
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.intervals import IntervalTable
from ..validation.predictive import PredictiveDistribution
from .contract import ContractModel, samples_from_dict, samples_to_dict
from .hybrid import Prediction
from .intervals import interval_ends, quantiles_about

KIND = "network"
"""What the contracts of these models call them."""


@dataclass(frozen=True)
class NetworkTarget:
    """How one target comes out of the network.

    Parameters
    ----------
    name, unit : str
    transform : Transform
    intervals : IntervalTable
    spread : float
        Root mean square of held-out |error| / sigma.
    back_transform : BackTransform
    """

    name: str
    unit: str
    transform: Transform
    intervals: IntervalTable
    spread: float
    back_transform: BackTransform

    def moments(self, estimate: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance in data units, of estimates and kriging deviations of any shape."""
        variance = (self.spread * sigma) ** 2
        return self.back_transform.moments(estimate, variance, variance)


@dataclass(frozen=True)
class NetworkModel(ContractModel):
    """Everything a prediction needs, except the network itself.

    Parameters
    ----------
    architecture : str
    samples : Samples
        The training samples in data units.
    features : SequenceFeatures
    targets : tuple of NetworkTarget
        In the order of ``samples.targets``.
    """

    architecture: str
    samples: Samples
    features: SequenceFeatures
    targets: tuple[NetworkTarget, ...]

    @property
    def graph_inputs(self) -> dict[str, tuple[int, ...]]:
        """Inputs of the network with their shapes but for the rows."""
        features = self.features
        return {
            "sequences": (features.neighbors.n_neighbors, len(features.token_names)),
            "context": (len(features.context_names),),
        }

    @property
    def graph_output(self) -> str:
        """Output of the network."""
        return "estimate"

    @cached_property
    def _donors(self) -> Donors:
        """All training samples, on the transformed scale."""
        values = np.full(self.samples.values.shape, np.nan)
        for column in range(len(self.targets)):
            known, own = self.measured(column)
            values[known, column] = own
        encoded = self.features.neighbors.encode(self.samples.covariates, len(self.samples))
        return self.features.donors(self.samples.coordinates, encoded, values, along_holes(self.samples))

    def transformed(
        self, coordinates: np.ndarray, covariates: Covariates | None, network: Callable[..., np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return estimate and sigma on the transformed scale, NaN where a covariate or kriging is unknown.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
        network : callable

        Returns
        -------
        estimate, sigma : ndarray, shape (n, n_targets)

        Raises
        ------
        InputError
            When covariates are missing or coordinates have another dimension than the samples.
        """
        coordinates = self.checked(coordinates, covariates)
        encoded = self.features.neighbors.encode(covariates, len(coordinates))
        estimate, sigma = np.full((2, len(coordinates), len(self.targets)), np.nan)
        known = np.flatnonzero(np.isfinite(encoded).all(axis=1))
        if len(known):
            inputs = self.features.at(coordinates[known], encoded[known], self._donors)
            kriged = np.isfinite(inputs.context).all(axis=1) & np.isfinite(inputs.sequences).all(axis=(1, 2))
            rows = known[kriged]
            if len(rows):
                estimate[rows] = network(inputs.sequences[kriged], inputs.context[kriged])
                sigma[rows] = inputs.sigma[kriged]
        return estimate, sigma

    def predict(
        self,
        coordinates: np.ndarray,
        covariates: Covariates | None,
        network: Callable[..., np.ndarray],
        coverage: float = 0.9,
    ) -> Prediction:
        """Estimate all targets with intervals.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
        network : callable
            Sequences and context -> estimates on the transformed scale, shape (n, n_targets).
        coverage : float
            Wanted share of true values inside the interval, between 0 and 1.

        Returns
        -------
        Prediction
            Its variance is the network's own, ``(spread sigma)^2`` taken back to data units.

        Raises
        ------
        InputError
            For missing covariates, a wrong dimension or coverage.
        """
        estimate, sigma = self.transformed(coordinates, covariates, network)
        mean, variance = np.empty((2, *estimate.shape))
        for column, target in enumerate(self.targets):
            mean[:, column], variance[:, column] = target.moments(estimate[:, column], sigma[:, column])
        return Prediction(mean, *interval_ends(self.targets, estimate, sigma, coverage), variance)

    def distribution(
        self, coordinates: np.ndarray, covariates: Covariates | None, network: Callable[..., np.ndarray]
    ) -> PredictiveDistribution:
        """Return estimates and quantiles, in data units, at places, shape (n, n_dimensions), as comparisons take them.

        Where a covariate is unknown the estimate is that of the ordinary kriging among the inputs, and a note says so.
        """
        centre, sigma = self.transformed(coordinates, covariates, network)
        unknown = np.isnan(centre).any(axis=1)
        notes: tuple[str, ...] = ()
        if unknown.any():
            for column, kriging in enumerate(self._donors.kriging):
                plain = kriging.predict(np.asarray(coordinates, dtype=float)[unknown])
                centre[unknown, column], sigma[unknown, column] = plain.estimate, plain.kriging_std
            notes = (
                f"{int(unknown.sum())} of {len(coordinates)} held-out samples have a covariate class that no training "
                "sample has; the network fell back to ordinary kriging there.",
            )
        estimate = np.empty_like(centre)
        for column, target in enumerate(self.targets):
            estimate[:, column], _ = target.moments(centre[:, column], sigma[:, column])
        return PredictiveDistribution(estimate, quantiles_about(self.targets, centre, sigma), notes)

    def to_dict(self) -> dict:
        """Return the parts of the contract that predictions need."""
        return {
            "architecture": self.architecture,
            **samples_to_dict(self.samples),
            "targets": [
                {
                    "name": target.name,
                    "unit": target.unit,
                    "transform": target.transform.to_dict(),
                    "intervals": target.intervals.to_dict(),
                    "spread": target.spread,
                    "back_transform": target.back_transform.to_dict(),
                }
                for target in self.targets
            ],
            "features": self.features.to_dict(),
        }

    @classmethod
    def _from_dict(cls, content: Mapping[str, Any]) -> NetworkModel:
        targets = []
        for entry in content["targets"]:
            transform = Transform.from_dict(entry["transform"])
            targets.append(
                NetworkTarget(
                    str(entry["name"]),
                    str(entry["unit"]),
                    transform,
                    IntervalTable.from_dict(entry["intervals"]),
                    float(entry["spread"]),
                    BackTransform.from_dict(transform, entry["back_transform"]),
                )
            )
        return cls(
            str(content["architecture"]),
            samples_from_dict(content),
            SequenceFeatures.from_dict(content["features"]),
            tuple(targets),
        )
