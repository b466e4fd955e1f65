"""The variograms a likelihood is climbed over: with sill 1, and with derivatives by what is searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from ..kriging.slopes import slope_ratio
from .models import Structure, VariogramModel, correlation
from .shaped import SHAPES

_SHAPE_STEP = 1e-4  # of the logarithm, for the derivative by the shape


@dataclass(frozen=True)
class Trial:
    """A nugget and one structure, or two of the same kind and orientation, with sill 1.

    Parameters
    ----------
    kind : str
        Out of `models.NAMES`.
    share : float
        Nugget / sill.
    effective_range : float
        Of the (outer) structure, in map units.
    azimuth, ratio_minor, ratio_vertical : float
        As in `Structure`.
    shape : float or None
        Of a kind that has one.
    inner_share : float
        Psill of the inner structure / psill of both; 0 for one structure.
    inner_ratio : float
        Effective range of the inner structure / effective range of the outer.
    """

    kind: str
    share: float
    effective_range: float
    azimuth: float = 0.0
    ratio_minor: float = 1.0
    ratio_vertical: float = 1.0
    shape: float | None = None
    inner_share: float = 0.0
    inner_ratio: float = 0.3

    @classmethod
    def of(cls, model: VariogramModel) -> Trial:
        """Return the trial of a model with one structure, its angles of dip left out."""
        structure = model.structures[0]
        return cls(
            structure.model,
            model.nugget / model.sill,
            structure.effective_range,
            structure.azimuth,
            structure.ratio_minor,
            structure.ratio_vertical,
            structure.shape,
        )

    @property
    def is_isotropic(self) -> bool:
        """Whether the range is the same in all directions."""
        return self.ratio_minor == 1.0 and self.ratio_vertical == 1.0

    @property
    def frame(self) -> tuple[float, float, float]:
        """What says how lags are measured: azimuth, minor and vertical ratio."""
        return (self.azimuth if self.ratio_minor != 1.0 else 0.0, self.ratio_minor, self.ratio_vertical)

    def model(self, sill: float) -> VariogramModel:
        """Return the variogram with this sill."""
        outer = Structure(
            self.kind,
            (1.0 - self.share) * (1.0 - self.inner_share) * sill,
            self.effective_range,
            azimuth=self.frame[0],
            ratio_minor=self.ratio_minor,
            ratio_vertical=self.ratio_vertical,
            shape=self.shape,
        )
        if self.inner_share == 0:
            return VariogramModel(self.share * sill, (outer,))
        inner = replace(
            outer,
            psill=(1.0 - self.share) * self.inner_share * sill,
            effective_range=self.effective_range * self.inner_ratio,
        )
        return VariogramModel(self.share * sill, (inner, outer))

    def position(self, names: Sequence[str]) -> np.ndarray:
        """Return the searched quantities on unbounded, comparable scales."""
        return np.array([scaled(name, getattr(self, name)) for name in names], dtype=float)

    def moved_to(self, position: np.ndarray, names: Sequence[str]) -> Trial:
        """Return the trial at a `position`."""
        moved: dict[str, Any] = {name: float(_SCALES[name][1](u)) for name, u in zip(names, position)}
        return replace(self, **moved)

    def covariances(self, steps: np.ndarray, distances: np.ndarray) -> Covariances:
        """Return the covariances of pairs of samples.

        Parameters
        ----------
        steps : ndarray, shape (n_dimensions, ...)
            Easting, northing[, elevation] of one sample less those of the other, in map units.
        distances : ndarray, shape (...)
            Their lengths.
        """
        if self.is_isotropic:
            lags, axes = distances / self.effective_range, None
        else:
            azimuth = np.radians(self.azimuth)
            sine, cosine = np.sin(azimuth) / self.effective_range, np.cos(azimuth) / self.effective_range
            along = steps[0] * sine + steps[1] * cosine
            across = (steps[0] * cosine - steps[1] * sine) / self.ratio_minor
            axes = [along, across]
            squared = along * along + across * across
            if len(steps) == 3:
                axes.append(steps[2] / (self.effective_range * self.ratio_vertical))
                squared += axes[2] * axes[2]
            lags = np.sqrt(squared)
        outer = _Component(self.kind, self.shape, lags)
        inner = _Component(self.kind, self.shape, lags / self.inner_ratio) if self.inner_share > 0 else None
        return Covariances(self, lags, axes, outer, inner)


class _Component:
    """Correlations of one structure, and on demand their slopes times the lag."""

    def __init__(self, kind: str, shape: float | None, lags: np.ndarray) -> None:
        self.kind, self.shape, self.lags = kind, shape, lags
        self.correlations = correlation(kind, shape, lags)

    def slopes(self) -> np.ndarray:
        """Return the derivative by the logarithm of the lag."""
        if self.kind == "exponential":
            return -3.0 * self.lags * self.correlations
        if self.kind == "gaussian":
            return -6.0 * self.lags * self.lags * self.correlations
        if self.kind == "spherical":
            r = np.minimum(self.lags, 1.0)
            return 1.5 * r * (r * r - 1.0)
        return slope_ratio(self.kind, self.lags, self.shape) * self.lags * self.lags

    def by_log_shape(self) -> np.ndarray:
        """Return the derivative by the logarithm of the shape, by differences."""
        shape = self.shape
        if shape is None:
            raise ValueError(f"A {self.kind} model has no shape.")
        low, high = SHAPES[self.kind]
        up, down = min(shape * np.exp(_SHAPE_STEP), high), max(shape * np.exp(-_SHAPE_STEP), low)
        difference = correlation(self.kind, up, self.lags) - correlation(self.kind, down, self.lags)
        return difference / np.log(up / down)


class Covariances:
    """Covariances of pairs at a trial, and sums of their derivatives."""

    def __init__(
        self,
        trial: Trial,
        lags: np.ndarray,
        axes: list[np.ndarray] | None,
        outer: _Component,
        inner: _Component | None,
    ) -> None:
        self._trial, self._lags, self._axes, self._outer, self._inner = trial, lags, axes, outer, inner
        self._correlations = outer.correlations
        if inner is not None:
            part = trial.inner_share
            self._correlations = (1.0 - part) * outer.correlations + part * inner.correlations
        self.values = (1.0 - trial.share) * self._correlations

    def gradient(self, weights: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return the derivatives of ``sum(weights * values)`` by the named quantities on their searched scales.

        Parameters
        ----------
        weights : ndarray, of the shape of the values
        names : sequence of str
        """
        trial, flat = self._trial, weights.ravel()
        outer_slopes = self._outer.slopes()
        slopes, inner_slopes = outer_slopes, None
        if self._inner is not None:
            inner_slopes = self._inner.slopes()
            slopes = (1.0 - trial.inner_share) * outer_slopes + trial.inner_share * inner_slopes
        weighted = slopes.ravel() * flat
        ratios = None
        if self._axes is not None and {"azimuth", "ratio_minor", "ratio_vertical"} & set(names):
            squared = (self._lags * self._lags).ravel()
            ratios = np.divide(weighted, squared, out=np.zeros_like(weighted), where=squared > 0)
        result = []
        for name in names:
            if name == "share":
                by = -float(self._correlations.ravel() @ flat) * trial.share
            elif name == "effective_range":
                by = -float(weighted.sum()) / 2.0
            elif name == "inner_share" and self._inner is not None:
                difference = (self._inner.correlations - self._outer.correlations).ravel()
                by = float(difference @ flat) * trial.inner_share * (1.0 - trial.inner_share)
            elif name == "inner_ratio" and inner_slopes is not None:
                by = -float(inner_slopes.ravel() @ flat) * trial.inner_share / 2.0
            elif name == "shape":
                by = (1.0 - trial.inner_share) * float(self._outer.by_log_shape().ravel() @ flat)
                if self._inner is not None:
                    by += trial.inner_share * float(self._inner.by_log_shape().ravel() @ flat)
                by /= 2.0
            else:
                by = self._by_frame(name, weighted, ratios)
            result.append((1.0 - trial.share) * by)
        return np.array(result)

    def _by_frame(self, name: str, weighted: np.ndarray, ratios: np.ndarray | None) -> float:
        """Return the derivative by an angle or a ratio."""
        if self._axes is None or ratios is None:
            # At isotropy lags are not kept by axis: nothing is searched over the frame from there.
            raise ValueError(f"An isotropic trial has no derivative by its {name}.")
        if name == "azimuth":
            ratio = self._trial.ratio_minor
            turned = float((self._axes[0].ravel() * self._axes[1].ravel()) @ ratios)
            return turned * (ratio - 1.0 / ratio) * np.radians(20.0)
        axis = self._axes[1] if name == "ratio_minor" else self._axes[2]
        return -float((axis * axis).ravel() @ ratios) / 2.0


def scaled(name: str, quantity: float) -> float:
    """Return a quantity on its searched scale."""
    return float(_SCALES[name][0](quantity))


def _logit(p: float) -> float:
    return float(np.log(p / (1.0 - p)))


def _logistic(u: float) -> float:
    return float(1.0 / (1.0 + np.exp(-u)))


def _twice_log(x: float) -> float:
    return 2.0 * float(np.log(x))


def _half_exp(u: float) -> float:
    return float(np.exp(u / 2.0))


_SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "share": (_logit, _logistic),
    "inner_share": (_logit, _logistic),
    "effective_range": (_twice_log, _half_exp),
    "inner_ratio": (_twice_log, _half_exp),
    "ratio_minor": (_twice_log, _half_exp),
    "ratio_vertical": (_twice_log, _half_exp),
    "shape": (_twice_log, _half_exp),
    "azimuth": (lambda a: a / 20.0, lambda u: u * 20.0),
}
"""To the scale of the search, and back."""
