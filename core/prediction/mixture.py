"""Ordinary krigings of the same samples by different variograms, weighed: the mixture a target is estimated by.

One variogram fitted to samples is one guess. Fits of other models, by likelihood and by least squares, with anisotropy
and without, of the values and of their normal scores err in different ways, and their weighted mean errs less than the
one fit that looks best.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging, fit_kriging
from ..transforms import Transform
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict

ORDINARY = "ordinary_kriging"


@dataclass(frozen=True)
class Member:
    """One ordinary kriging of a mixture.

    Parameters
    ----------
    name : str
    variogram : VariogramModel
        Of the values this member is fitted to.
    weight : float
        0 to 1; those of a mixture sum to 1.
    way_back : BackTransform
        From these values to those of the mixture; of the transform ``none`` or ``normal_score``.
    """

    name: str
    variogram: VariogramModel
    weight: float
    way_back: BackTransform

    def kriging(self, coordinates: np.ndarray, values: np.ndarray, neighborhood: Neighborhood) -> FittedKriging:
        """Return the kriging of samples on this member's scale.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        values : ndarray, shape (n_samples,)
            On the scale of the mixture.
        neighborhood : Neighborhood

        Raises
        ------
        InputError, KrigingSystemError
            See `fit_kriging`.
        """
        own = self.way_back.transform.forward(values, "the values")
        return fit_kriging(coordinates, own, self.variogram, neighborhood)

    def on_scale_of_mixture(
        self, estimate: np.ndarray, sigma: np.ndarray, smoothing_variance: np.ndarray
    ) -> np.ndarray:
        """Return estimate, standard deviation and smoothing variance of its kriging on the scale of the mixture.

        Parameters
        ----------
        estimate, sigma, smoothing_variance : ndarray, same shape
            On its own scale, as in `KrigingEstimate`; sigma is its kriging_std.

        Returns
        -------
        ndarray, shape (3, ...)
        """
        if self.way_back.transform.kind == "none":
            return np.stack([estimate, sigma, smoothing_variance])
        mean, variance = self.way_back.moments(estimate, sigma**2, smoothing_variance)
        # The smoothing variance is stretched as the kriging variance is.
        stretch = variance / np.where(sigma > 0, sigma**2, 1.0)
        return np.stack([mean, np.sqrt(variance), stretch * smoothing_variance])

    def to_dict(self) -> dict:
        """Return the JSON object written to model files."""
        return {
            "name": self.name,
            "weight": self.weight,
            "variogram": model_to_dict(self.variogram),
            "transform": self.way_back.transform.to_dict(),
            "back_transform": self.way_back.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Member:
        """Read what `to_dict` wrote."""
        transform = Transform.from_dict(content["transform"])
        return cls(
            str(content["name"]),
            model_from_dict(content["variogram"]),
            float(content["weight"]),
            BackTransform.from_dict(transform, content["back_transform"]),
        )


def alone(variogram: VariogramModel) -> Member:
    """Return ordinary kriging of the values as the only member."""
    return Member(ORDINARY, variogram, 1.0, BackTransform(Transform()))
