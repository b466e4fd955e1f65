"""The krigings a hybrid stacks: each by one variogram or several, without a drift or with one, and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..features.covariates import CovariateEncoder
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging, KrigingEstimate, fit_kriging
from ..transforms import Transform
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict
from .contract import optional_number

ORDINARY = "ordinary_kriging"
EXTERNAL = "external_drift_kriging"
NETWORK = "network_drift_kriging"
FOREST = "forest_drift_kriging"

LEARNED = (FOREST, NETWORK)
"""Bases whose drift is learned out-of-fold."""

EXACT_LIMIT = 2500
"""Up to so many samples they are left out of the system of all samples, exactly; above, of their neighbourhoods."""

OTHER_PART = 1.0 / 3.0
"""Part of each other variogram in what a base says."""


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

    @property
    def tells_remoteness(self) -> bool:
        """Whether its kriging standard deviation tells places near samples from those far from them."""
        return 0 < (self.usual_sigma or 0.0) < (self.far_sigma or 0.0)

    def remoteness(self, sigma: np.ndarray) -> np.ndarray:
        """Return how far from samples places are, 0 to 1, by their kriging standard deviation, of any shape."""
        return remoteness(sigma, self.usual_sigma or 0.0, self.far_sigma or 0.0)

    def kriging(
        self,
        coordinates: np.ndarray,
        values: np.ndarray,
        neighborhood: Neighborhood,
        drift: np.ndarray | None,
        transform: Transform,
    ) -> BaseKriging:
        """Return the kriging of transformed values; without a structure from all of them, which is a regression.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        values : ndarray, shape (n_samples,)
            Transformed.
        neighborhood : Neighborhood
        drift : ndarray, shape (n_samples, n_drift), or None
            At the samples.
        transform : Transform
            Of the values.

        Raises
        ------
        InputError, KrigingSystemError
            See `fit_kriging`.
        """
        if not self.variogram.structures and len(values) <= EXACT_LIMIT:
            neighborhood = Neighborhood()
        return BaseKriging(
            tuple(
                fit_kriging(coordinates, values, variogram, neighborhood, drift)
                for variogram in (self.variogram, *self.other_variograms)
            ),
            self.name in LEARNED or (self.name == EXTERNAL and transform.kind != "none"),
        )

    def means(self, transform: Transform, found: BaseEstimate) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation in data units, of the shape of the estimates."""
        way_back = BackTransform(transform) if self.back_transform is None else self.back_transform
        mean, variance = way_back.moments(found.estimate, found.sigma**2, found.smoothing_variance)
        return mean, np.sqrt(variance)

    def to_dict(self) -> dict:
        """Return the JSON object written to model files."""
        return {
            "name": self.name,
            "weight": self.weight,
            "variogram": model_to_dict(self.variogram),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "other_variograms": [model_to_dict(other) for other in self.other_variograms],
            "back_transform": {} if self.back_transform is None else self.back_transform.to_dict(),
            "usual_sigma": self.usual_sigma,
            "far_weight": self.far_weight,
            "far_sigma": self.far_sigma,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], transform: Transform) -> Base:
        """Read what `to_dict` wrote; in older files a base has one variogram, one weight and no way back of its own."""
        way_back = content.get("back_transform")
        return cls(
            str(content["name"]),
            model_from_dict(content["variogram"]),
            float(content["weight"]),
            None if content["encoder"] is None else CovariateEncoder.from_dict(content["encoder"]),
            tuple(model_from_dict(other) for other in content.get("other_variograms", ())),
            BackTransform.from_dict(transform, way_back) if way_back else None,
            optional_number(content, "usual_sigma"),
            optional_number(content, "far_weight"),
            optional_number(content, "far_sigma"),
        )


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
        """Estimate at some locations, on the transformed scale.

        Parameters
        ----------
        coordinates : ndarray, shape (n_locations, n_dimensions)
        drift : ndarray, shape (n_locations, n_drift), or None

        Raises
        ------
        InputError, KrigingSystemError
            See `FittedKriging.predict`.
        """
        values = self.systems[0].values
        found = self._mean([system.predict(coordinates, drift) for system in self.systems])
        return self._bounded(found, values.min(), values.max())

    def leave_out(self, groups: np.ndarray) -> BaseEstimate:
        """Estimate the samples without their group, shape (n_samples,): singly where every group is one sample."""
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


def remoteness(sigma: np.ndarray, near: float, far: float) -> np.ndarray:
    """Return how far from samples places are by the logarithm of a kriging standard deviation.

    Parameters
    ----------
    sigma : ndarray
        At the places.
    near, far : float
        Usual ones of samples left out singly and with those around; where the latter is not the larger one they do
        not tell places apart.

    Returns
    -------
    ndarray, same shape
        0 where sigma is ``near`` or less, 1 from ``far`` on.

    Examples
    --------
    >>> remoteness(np.array([0.5, 1.0, 2.0, 4.0]), 1.0, 4.0)
    array([0. , 0. , 0.5, 1. ])
    """
    if not 0 < near < far:
        return np.zeros_like(sigma)
    return np.clip(np.log(np.maximum(sigma, 1e-300) / near) / np.log(far / near), 0.0, 1.0)


def highest_of_others(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for each sample the highest value outside its group; infinite where there is no other group.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
    groups : ndarray, shape (n_samples,)
        Any labels.

    Returns
    -------
    ndarray, shape (n_samples,)

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
