"""The variograms a likelihood is climbed over: with sill 1, and with derivatives by what is searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Callable

import numpy as np

from ..kriging.slopes import slope_ratio
from .models import Structure, VariogramModel, correlation
from .shaped import SHAPES

Frame = tuple[float, float, float, float, float]
"""Azimuth, dip, plunge, minor and vertical ratio, as in `Structure`."""

ISOTROPIC: Frame = (0.0, 0.0, 0.0, 1.0, 1.0)

_SHAPE_STEP = 1e-4  # of the logarithm, for the derivative by the shape
_DEGREES = 20.0  # of an angle are one on the scale of the search


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
    dip, plunge : float
        As in `Structure`; of 3-D samples only.
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
    dip: float = 0.0
    plunge: float = 0.0

    @classmethod
    def of(cls, model: VariogramModel) -> Trial:
        """Return the trial of a model with one structure."""
        structure = model.structures[0]
        return cls(
            structure.model,
            model.nugget / model.sill,
            structure.effective_range,
            structure.azimuth,
            structure.ratio_minor,
            structure.ratio_vertical,
            structure.shape,
            dip=structure.dip,
            plunge=structure.plunge,
        )

    @property
    def is_isotropic(self) -> bool:
        """Whether the range is the same in all directions."""
        return self.ratio_minor == 1.0 and self.ratio_vertical == 1.0

    @property
    def frame(self) -> Frame:
        """How lags are measured; angles that do not count are 0."""
        if self.ratio_minor == 1.0 and self.dip == 0 and self.plunge == 0:
            return (0.0, 0.0, 0.0, 1.0, self.ratio_vertical)
        return (self.azimuth, self.dip, self.plunge, self.ratio_minor, self.ratio_vertical)

    def scaling(self, n_dimensions: int) -> np.ndarray:
        """Return the matrix from offsets in map units to lags in units of the outer range, see `Structure.scaling`."""
        return frame_scaling(self.frame, n_dimensions) / self.effective_range

    def model(self, sill: float) -> VariogramModel:
        """Return the variogram with this sill."""
        outer = Structure(
            self.kind,
            (1.0 - self.share) * (1.0 - self.inner_share) * sill,
            self.effective_range,
            azimuth=self.frame[0],
            dip=self.frame[1],
            plunge=self.frame[2],
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
        """Return the searched quantities on unbounded, comparable scales, shape (n_names,)."""
        return np.array([scaled(name, getattr(self, name)) for name in names], dtype=float)

    def moved_to(self, position: np.ndarray, names: Sequence[str]) -> Trial:
        """Return the trial at a `position`, shape (n_names,)."""
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
            lags, scaled = distances / self.effective_range, None
        else:
            flat = self.scaling(len(steps)) @ steps.reshape(len(steps), -1)
            lags, scaled = np.sqrt(np.einsum("d...,d...->...", flat, flat)).reshape(steps.shape[1:]), flat
        outer = _Component(self.kind, self.shape, lags)
        inner = _Component(self.kind, self.shape, lags / self.inner_ratio) if self.inner_share > 0 else None
        return Covariances(self, lags, scaled, outer, inner)

    def gradient(self, sums: Sums, names: Sequence[str]) -> np.ndarray:
        """Return the derivatives of ``sum(weights * covariances)`` by the named quantities on their searched scales.

        A lag vector q in the frame changes by G q, with a matrix G for each quantity of the frame, so all their
        derivatives follow from the one moment ``sum(weights * slopes * q q' / q'q)``.

        Parameters
        ----------
        sums : Sums
        names : sequence of str
        """
        part = self.inner_share
        correlations = (1.0 - part) * sums.outer + part * sums.inner
        moment = (1.0 - part) * sums.outer_moment + part * sums.inner_moment
        result = []
        for name in names:
            if name == "share":
                by = -correlations * self.share
            elif name == "effective_range":
                by = -float(np.trace(moment)) / 2.0
            elif name == "inner_share":
                by = (sums.inner - sums.outer) * part * (1.0 - part)
            elif name == "inner_ratio":
                by = -float(np.trace(sums.inner_moment)) * part / 2.0
            elif name == "shape":
                by = sums.by_log_shape / 2.0
            else:
                by = float((self._turn(name, len(moment)) * moment).sum())
            result.append((1.0 - self.share) * by)
        return np.array(result)

    def _turn(self, name: str, n_dimensions: int) -> np.ndarray:
        """Return how a ratio or an angle on its searched scale moves a lag vector in the frame: G of `gradient`."""
        if self.is_isotropic:
            # At isotropy lags are not kept by axis: nothing is searched over the frame from there.
            raise ValueError(f"An isotropic trial has no derivative by its {name}.")
        turn = np.zeros((n_dimensions, n_dimensions))
        if name in ("ratio_minor", "ratio_vertical"):
            axis = 1 if name == "ratio_minor" else 2
            turn[axis, axis] = -0.5
            return turn
        dip, plunge = np.radians([self.dip, self.plunge])
        ranges = np.array([1.0, self.ratio_minor, self.ratio_vertical])[:n_dimensions]
        if name == "plunge":
            turn[1, 2] = -1.0
        elif name == "dip":
            turn[0, 2] = -1.0
        else:
            turn[0, 1] = np.cos(dip)
            if n_dimensions == 3:
                turn[2, 1] = np.sin(dip)
        turn -= turn.T
        if n_dimensions == 3 and name != "plunge":
            cosine, sine = np.cos(plunge), np.sin(plunge)
            rolled = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
            turn = rolled @ turn @ rolled.T
        return turn * ranges / ranges[:, None] * np.radians(_DEGREES)


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


@dataclass(frozen=True)
class Sums:
    """What the derivatives of a weighted sum of covariances follow from; of the outer and the inner structure.

    Parameters
    ----------
    outer, inner : float
        Sums of the weights times the correlations.
    outer_moment, inner_moment : ndarray, shape (n_dimensions, n_dimensions)
        Sums of the weights times the derivative of the correlation by the logarithm of the lag, times ``q q' / q'q``
        with the lag vector q in the frame. For an isotropic trial the trace only, shape (1, 1).
    by_log_shape : float
        Sum of the weights times the derivative of both by the logarithm of the shape, inner_share counted.
    """

    outer: float
    outer_moment: np.ndarray
    inner: float
    inner_moment: np.ndarray
    by_log_shape: float = 0.0


class Covariances:
    """Covariances of pairs at a trial, and sums of their derivatives."""

    def __init__(
        self, trial: Trial, lags: np.ndarray, scaled: np.ndarray | None, outer: _Component, inner: _Component | None
    ) -> None:
        self._trial, self._lags, self._scaled, self._outer, self._inner = trial, lags, scaled, outer, inner
        correlations = outer.correlations
        if inner is not None:
            part = trial.inner_share
            correlations = (1.0 - part) * outer.correlations + part * inner.correlations
        self.values = (1.0 - trial.share) * correlations

    def sums(self, weights: np.ndarray, names: Sequence[str]) -> Sums:
        """Return the sums that the derivatives of ``sum(weights * values)`` by the named quantities follow from.

        Parameters
        ----------
        weights : ndarray, of the shape of the values
        names : sequence of str
        """
        flat, squared = weights.ravel(), None
        if self._scaled is not None:
            squared = np.maximum((self._lags * self._lags).ravel(), 1e-300)

        def of(component: _Component | None) -> tuple[float, np.ndarray]:
            if component is None:
                return 0.0, np.zeros((1, 1) if self._scaled is None else (len(self._scaled),) * 2)
            weighted = component.slopes().ravel() * flat
            if self._scaled is None or squared is None:
                moment = np.array([[weighted.sum()]])
            else:
                moment = (self._scaled * (weighted / squared)) @ self._scaled.T
            return float(component.correlations.ravel() @ flat), moment

        by_shape = 0.0
        if "shape" in names:
            part = self._trial.inner_share
            by_shape = (1.0 - part) * float(self._outer.by_log_shape().ravel() @ flat)
            if self._inner is not None:
                by_shape += part * float(self._inner.by_log_shape().ravel() @ flat)
        return Sums(*of(self._outer), *of(self._inner), by_shape)


@lru_cache(maxsize=256)
def frame_scaling(frame: Frame, n_dimensions: int) -> np.ndarray:
    """Return the matrix from offsets to a frame where lags are as along the azimuth, see `Structure.scaling`."""
    azimuth, dip, plunge, minor, vertical = frame
    return Structure("exponential", 1.0, 1.0, azimuth, dip, plunge, minor, vertical).scaling(n_dimensions)


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


def _to_steps(angle: float) -> float:
    return angle / _DEGREES


def _from_steps(u: float) -> float:
    return u * _DEGREES


_SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "share": (_logit, _logistic),
    "inner_share": (_logit, _logistic),
    "effective_range": (_twice_log, _half_exp),
    "inner_ratio": (_twice_log, _half_exp),
    "ratio_minor": (_twice_log, _half_exp),
    "ratio_vertical": (_twice_log, _half_exp),
    "shape": (_twice_log, _half_exp),
    "azimuth": (_to_steps, _from_steps),
    "dip": (_to_steps, _from_steps),
    "plunge": (_to_steps, _from_steps),
}
"""To the scale of the search, and back."""
