"""Kriging with the correction of a network that was trained on simulated fields, in numpy alone.

How numbers come about, for each target on its transformed scale:

* ``estimate = sum_m w_m kriging_m + gate * sigma_0 * network``: ordinary krigings by different variograms, of values
  and of normal scores (`core.prediction.mixture`), the standard deviation of the first of them, and the network's
  expectation of (true - kriging_0) / sigma_0 from the samples around (`core.features.kriging_context`).
* The gate is half of the least-squares factor of the correction at left-out samples, between 0 and 1.
* Interval: ``estimate +- q f sigma``, ``sigma = sum_m w_m sigma_m``, f a factor that follows level and spread of the
  samples around (`core.prediction.local_scale`), q the conformal quantile of ``|error| / (f sigma)``: near samples of
  those left out singly, far from them of those left out with others around, in between by sigma_0.
* At the place of a sample every sigma is 0, so that the estimate is the sample's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..errors import ModelFileError
from ..features.kriging_context import CONTEXT_NAMES, N_NEIGHBORS, TOKEN_NAMES, Described, KrigingContext
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..validation.intervals import IntervalTable
from ..validation.predictive import PredictiveDistribution
from ..variogram.models import model_from_dict
from .bases import remoteness
from .contract import ContractModel, optional_number, samples_from_dict, samples_to_dict
from .hybrid import Prediction
from .intervals import interval_ends, quantiles_about
from .local_scale import LocalScale
from .mixture import Member, alone

KIND = "pretrained"
"""What the contracts of these models call them."""

NETWORK_FILE = Path(__file__).resolve().parents[2] / "resources" / "pretrained" / "kriging_correction.onnx"
"""The network that comes with the plugin; `core.learning.pretraining` makes it."""

GRAPH_INPUTS = {"sequences": (N_NEIGHBORS, len(TOKEN_NAMES)), "context": (len(CONTEXT_NAMES),)}
GRAPH_OUTPUT = "correction"

Network = Callable[..., np.ndarray]
"""Tokens and context -> expected (true - kriging) / sigma, shape (n, 1)."""

_ROWS_AT_ONCE = 16384


def correction(described: Described, network: Network) -> np.ndarray:
    """Return the network's correction of kriging at described places, before any gate, shape (n,).

    On the scale of kriging; 0 where the kriging standard deviation is 0.
    """
    return described.sigma * np.asarray(network(described.tokens, described.context), dtype=float)[:, 0]


@dataclass(frozen=True)
class PretrainedTarget:
    """How one target is estimated.

    Parameters
    ----------
    name, unit : str
    transform : Transform
    members : tuple of Member
        The mixture; the first one is what the network corrects, whatever its weight.
    gate : float
        Share of the correction, 0 to 1.
    intervals : IntervalTable
    back_transform : BackTransform
    local_scale : LocalScale
        Of the intervals.
    near_sigma, far_sigma : float or None
        Median kriging standard deviation of the first member for samples left out singly and with others around,
        which tell how far from samples places are; None: the intervals need not know.
    """

    name: str
    unit: str
    transform: Transform
    members: tuple[Member, ...]
    gate: float
    intervals: IntervalTable
    back_transform: BackTransform
    local_scale: LocalScale = field(default_factory=LocalScale.none)
    near_sigma: float | None = None
    far_sigma: float | None = None

    @property
    def reads_context(self) -> bool:
        """Whether predictions need what the network reads, or the first member whatever its weight."""
        return self.gate > 0 or not self.local_scale.is_none or self.far_sigma is not None

    def moments(
        self, estimate: np.ndarray, sigma: np.ndarray, smoothing_variance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance in data units, of arrays of one shape; see `BackTransform.moments`."""
        return self.back_transform.moments(estimate, sigma**2, smoothing_variance)


@dataclass(frozen=True)
class PretrainedModel(ContractModel):
    """Everything a prediction needs, except the network itself.

    Parameters
    ----------
    samples : Samples
        The training samples in data units.
    neighborhood : Neighborhood
    targets : tuple of PretrainedTarget
        In the order of ``samples.targets``.
    """

    samples: Samples
    neighborhood: Neighborhood
    targets: tuple[PretrainedTarget, ...]

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Return no name: it takes none."""
        return ()

    @property
    def graph_inputs(self) -> dict[str, tuple[int, ...]]:
        """Inputs of the network with their shapes but for the rows."""
        return GRAPH_INPUTS

    @property
    def graph_output(self) -> str:
        """Output of the network."""
        return GRAPH_OUTPUT

    @cached_property
    def _krigings(self) -> tuple[tuple[FittedKriging, ...], ...]:
        """Krigings of each target, one a member."""
        krigings = []
        for column, target in enumerate(self.targets):
            known, values = self.measured(column)
            places = self.samples.coordinates[known]
            krigings.append(tuple(member.kriging(places, values, self.neighborhood) for member in target.members))
        return tuple(krigings)

    @cached_property
    def _contexts(self) -> tuple[KrigingContext, ...]:
        """What the network reads of each target."""
        return tuple(KrigingContext(krigings[0]) for krigings in self._krigings)

    def transformed(self, coordinates: np.ndarray, network: Network) -> np.ndarray:
        """Return what is said of places, shape (5, n, n_targets).

        Estimate, sigma, smoothing variance and f sigma on the transformed scale, and how far places are from samples.
        NaN where kriging has no estimate.

        Raises
        ------
        InputError
            When coordinates have another dimension than the samples.
        """
        coordinates = self.checked(coordinates)
        result = np.full((5, len(coordinates), len(self.targets)), np.nan)
        for column, target in enumerate(self.targets):
            step = _ROWS_AT_ONCE if target.reads_context else max(len(coordinates), 1)
            for first in range(0, len(coordinates), step):
                rows = slice(first, first + step)
                result[:, rows, column] = self._mixed(column, coordinates[rows], network)
        return result

    def _mixed(self, column: int, coordinates: np.ndarray, network: Network) -> np.ndarray:
        """Return the corrected mixture of one target, as `transformed`."""
        target, total = self.targets[column], np.zeros((3, len(coordinates)))
        scale, remote = np.ones(len(coordinates)), np.zeros(len(coordinates))
        for index, (member, kriging) in enumerate(zip(target.members, self._krigings[column])):
            if index == 0 and target.reads_context:
                # What the network corrects holds the kriging of the first member already.
                described = self._contexts[column].at(coordinates)
                scale = target.local_scale.at(described.context)
                remote = remoteness(described.sigma, target.near_sigma or 0.0, target.far_sigma or 0.0)
                known = np.isfinite(described.estimate)
                total[0, ~known] = np.nan
                if known.any() and target.gate > 0:
                    total[0, known] = target.gate * correction(described.take(known), network)
                found = described.estimate, described.sigma, described.smoothing_variance
            elif member.weight > 0:
                kriged = kriging.predict(coordinates)
                found = kriged.estimate, kriged.kriging_std, kriged.smoothing_variance
            if member.weight > 0:
                total += member.weight * member.on_scale_of_mixture(*found)
        return np.vstack([total, total[1] * scale, remote])

    def predict(
        self,
        coordinates: np.ndarray,
        covariates: Covariates | None,
        network: Network,
        coverage: float = 0.9,
    ) -> Prediction:
        """Estimate all targets with intervals.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        covariates : Covariates or None
            Not looked at.
        network : callable
        coverage : float
            Wanted share of true values inside the interval, between 0 and 1.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            For a wrong dimension or coverage.
        """
        estimate, sigma, smoothing, reach_sigma, remote = self.transformed(coordinates, network)
        mean, variance = np.empty((2, *estimate.shape))
        for column, target in enumerate(self.targets):
            mean[:, column], variance[:, column] = target.moments(
                estimate[:, column], sigma[:, column], smoothing[:, column]
            )
        return Prediction(mean, *interval_ends(self.targets, estimate, reach_sigma, coverage, remote), variance)

    def distribution(self, coordinates: np.ndarray, network: Network) -> PredictiveDistribution:
        """Return estimates and quantiles in data units, at places, shape (n, n_dimensions), as comparisons do."""
        centre, sigma, smoothing, reach_sigma, remote = self.transformed(coordinates, network)
        estimate = np.empty_like(centre)
        for column, target in enumerate(self.targets):
            estimate[:, column], _ = target.moments(centre[:, column], sigma[:, column], smoothing[:, column])
        return PredictiveDistribution(estimate, quantiles_about(self.targets, centre, reach_sigma, remote))

    def to_dict(self) -> dict:
        """Return the parts of the contract that predictions need."""
        return {
            **samples_to_dict(self.samples),
            "targets": [
                {
                    "name": target.name,
                    "unit": target.unit,
                    "transform": target.transform.to_dict(),
                    "members": [member.to_dict() for member in target.members],
                    "gate": target.gate,
                    "intervals": target.intervals.to_dict(),
                    "back_transform": target.back_transform.to_dict(),
                    "local_scale": target.local_scale.to_dict(),
                    "near_sigma": target.near_sigma,
                    "far_sigma": target.far_sigma,
                }
                for target in self.targets
            ],
            "neighborhood": {
                "max_neighbors": self.neighborhood.max_neighbors,
                "min_neighbors": self.neighborhood.min_neighbors,
                "search_radius": self.neighborhood.search_radius,
            },
        }

    @classmethod
    def _from_dict(cls, content: Mapping[str, Any]) -> PretrainedModel:
        targets = []
        for entry in content["targets"]:
            transform = Transform.from_dict(entry["transform"])
            gate = float(entry["gate"])
            if not 0 <= gate <= 1:
                raise ModelFileError(f"expected a gate between 0 and 1, got {gate:g}.")
            if "members" in entry:
                members = tuple(Member.from_dict(one) for one in entry["members"])
            else:  # written before there were mixtures
                members = (alone(model_from_dict(entry["variogram"])),)
            if not members or abs(sum(member.weight for member in members) - 1.0) > 1e-6:
                raise ModelFileError("expected members whose weights sum to 1.")
            targets.append(
                PretrainedTarget(
                    str(entry["name"]),
                    str(entry["unit"]),
                    transform,
                    members,
                    gate,
                    IntervalTable.from_dict(entry["intervals"]),
                    BackTransform.from_dict(transform, entry["back_transform"]),
                    LocalScale.from_dict(entry.get("local_scale")),
                    optional_number(entry, "near_sigma"),
                    optional_number(entry, "far_sigma"),
                )
            )
        given = content["neighborhood"]
        neighborhood = Neighborhood(given["max_neighbors"], given["min_neighbors"], given["search_radius"])
        return cls(samples_from_dict(content), neighborhood, tuple(targets))
