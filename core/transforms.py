"""Transforms of a target to the scale it is kriged on, and the way back.

A transform is fitted on training samples only and travels in variogram and model
files as ``{"kind": ..., parameters}``. The way back of an estimate is the mean of
the back-transformed normal distribution N(estimate, variance), not the
back-transform of its mean: for logs that is ``exp(m + v / 2)``. The variance that makes
this unbiased for a kriging estimate is not its kriging variance: see
`core.kriging.back_transform`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Callable

import numpy as np

from . import box_cox, normal_score
from .errors import InputError

KINDS = ("none", "log", "log1p", "boxcox", "normal_score")
"""Transforms there are."""

FITTED_KINDS = ("boxcox", "normal_score")
"""Those that have to be `Transform.fitted` to samples."""


@dataclass(frozen=True)
class Transform:
    """A monotone transform of one target.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    parameters : dict
        Numbers the transform was fitted with: ``lambda`` of a boxcox (see `core.box_cox`), the table
        ``values`` and ``scores`` of a normal_score (see `core.normal_score`), empty for all others and
        for one that is still to be fitted.

    Raises
    ------
    InputError
        For an unknown kind.

    Examples
    --------
    >>> log = Transform("log")
    >>> log.forward(np.array([1.0, np.e]))
    array([0., 1.])
    >>> mean, variance = log.back_transform(np.array([0.0]), np.array([1.0]))
    >>> float(mean[0]) / np.exp(0.5)  # doctest: +ELLIPSIS
    1.0...
    """

    kind: str = "none"
    parameters: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"Expected a transform out of {', '.join(KINDS)}, got {self.kind!r}.")
        if self.kind == "normal_score" and self.parameters:
            normal_score.checked(self.parameters)
        if self.kind == "boxcox" and self.parameters:
            box_cox.checked(self.parameters)

    @property
    def label(self) -> str:
        """What the scale is called in reports and units; "" for the values as they are."""
        if self.kind == "boxcox":
            return f"Box-Cox ({box_cox.checked(self.parameters):.2g})"
        return "" if self.kind == "none" else self.kind.replace("_", "-")

    def fitted(self, values: np.ndarray, name: str = "the field") -> Transform:
        """Return this transform, fitted to samples where it has to be and is not yet.

        Parameters
        ----------
        values : ndarray, shape (n_samples,)
            In data units.
        name : str
            How to call them in an error.

        Raises
        ------
        InputError
            When the values cannot be transformed so.
        """
        if self.kind not in FITTED_KINDS or self.parameters:
            return self
        fit = box_cox.fitted if self.kind == "boxcox" else normal_score.fitted
        return Transform(self.kind, fit(values, name))

    def forward(self, values: np.ndarray, name: str = "the field") -> np.ndarray:
        """Transform data units to the scale of kriging.

        Parameters
        ----------
        values : ndarray of any shape
            In data units.
        name : str
            How to call them in an error.

        Raises
        ------
        InputError
            When a value lies outside the transform's domain.
        """
        values = np.asarray(values, dtype=float)
        if self.kind == "log":
            self._require_above(values, 0.0, name)
            return np.log(values)
        if self.kind == "log1p":
            self._require_above(values, -1.0, name)
            return np.log1p(values)
        if self.kind == "boxcox":
            box_cox.require_positive(values, name)
            return box_cox.forward(box_cox.checked(self.parameters), values)
        if self.kind == "normal_score":
            return normal_score.forward(normal_score.checked(self.parameters), values, name)
        return values

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Transform single values (medians, quantiles; not means) back to data units.

        Parameters
        ----------
        values : ndarray of any shape
            On the scale of kriging; NaN passes through.

        Raises
        ------
        InputError
            When a transform that is fitted to samples is not.
        """
        values = np.asarray(values, dtype=float)
        if self.kind == "log":
            return np.exp(values)
        if self.kind == "log1p":
            return np.expm1(values)
        if self.kind in FITTED_KINDS:
            return self._way_back()(values)
        return values

    def _way_back(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the curve of one of `FITTED_KINDS` from the transformed scale to data units."""
        if self.kind == "boxcox":
            return partial(box_cox.inverse, box_cox.checked(self.parameters))
        return partial(normal_score.inverse, normal_score.checked(self.parameters))

    def back_transform(
        self, estimate: np.ndarray, variance: np.ndarray, rise: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance, in data units, of the back-transformed N(estimate, variance).

        Parameters
        ----------
        estimate, variance : ndarray, same shape
            On the transformed scale; NaN passes through.
        rise : ndarray, same shape, or None
            Half of it raises the mean of logarithms, and values on other scales are spread by it for
            the mean; None: the variance.

        Returns
        -------
        mean, variance : ndarray
            In data units and squared data units. Infinite where they are larger than any number, as far from samples
            an extrapolated drift of logarithms may make them.
        """
        estimate = np.asarray(estimate, dtype=float)
        variance = np.maximum(np.asarray(variance, dtype=float), 0.0)
        if self.kind == "none":
            return estimate, variance
        if self.kind in FITTED_KINDS and self.parameters.get("lambda") != 0:  # there it is the logarithm
            way_back = self._way_back()
            mean, spread = normal_score.moments_through(way_back, estimate, variance)
            if rise is not None:
                rise = np.maximum(np.asarray(rise, dtype=float), 0.0)
                mean, _ = normal_score.moments_through(way_back, estimate, rise)
            return mean, spread
        with np.errstate(over="ignore"):
            raised = estimate + 0.5 * (variance if rise is None else np.asarray(rise, dtype=float))
            mean = np.exp(raised)
            # In this order a variance of 0 stays 0 under any mean.
            spread = (np.minimum(mean, np.finfo(float).max) * np.sqrt(np.expm1(variance))) ** 2
            return (np.expm1(raised) if self.kind == "log1p" else mean), spread

    def to_dict(self) -> dict:
        """Return the JSON object written to files."""
        return {"kind": self.kind, **self.parameters}

    @classmethod
    def from_dict(cls, content: dict) -> Transform:
        """Read the JSON object written by `to_dict`."""
        parameters = {key: value for key, value in content.items() if key != "kind"}
        return cls(content.get("kind", "none"), parameters)

    def _require_above(self, values: np.ndarray, bound: float, name: str) -> None:
        bad = np.flatnonzero(~(values > bound))
        if len(bad):
            raise InputError(
                f"The {self.kind} transform expects values of {name} above {bound:g}, got {values[bad[0]]:g} in row "
                f"{bad[0] + 1} ({len(bad)} such values). Use another transform, or repair values below detection."
            )
