"""Variogram models: the one place where conventions live.

Conventions
-----------
* ``gamma(0) = 0``; ``C(0) = nugget + sum of psills``; ``C(h) = sill - gamma(h)`` for h > 0.
* ``effective_range`` is the lag where a structure reaches its psill (spherical, cubic) or
  95 % of it: exponential ``psill (1 - exp(-3 h / effective_range))``, gaussian
  ``psill (1 - exp(-3 (h / effective_range)^2))``. This is GSLIB's convention. Matern and stable
  have a ``shape`` and the same convention; see `core.variogram.shaped`.
* Azimuth is in degrees clockwise from north, dip in degrees downward from the horizontal,
  plunge in degrees about the axis of largest continuity. ``effective_range`` holds along the
  azimuth (and dip); ``ratio_minor`` and ``ratio_vertical`` multiply it across and up.
* Other libraries differ on the same numbers (scikit-gstat's gaussian reaches 98.2 %, gstat's
  ``a`` is not a practical range); `effective_range_from_skgstat` converts at the border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Callable

import numpy as np

from ..errors import InputError
from . import shaped
from .shaped import SHAPES

_NEEDED = ("model", "psill", "effective_range")
_OPTIONAL = ("azimuth", "dip", "plunge", "ratio_minor", "ratio_vertical", "shape")


def _spherical(r: np.ndarray) -> np.ndarray:
    r = np.minimum(r, 1.0)
    # 1 - r (1.5 - r^2 / 2) in one array.
    result = np.asarray(0.5 * r)
    result *= r
    result -= 1.5
    result *= r
    result += 1.0
    return result


def _exponential(r: np.ndarray) -> np.ndarray:
    return np.exp(-3.0 * r)


def _gaussian(r: np.ndarray) -> np.ndarray:
    return np.exp(-3.0 * r * r)


def _cubic(r: np.ndarray) -> np.ndarray:
    r = np.minimum(r, 1.0)
    r2 = r * r
    return 1.0 - r2 * (7.0 - r * (8.75 - r2 * (3.5 - 0.75 * r2)))


CORRELATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spherical": _spherical,
    "exponential": _exponential,
    "gaussian": _gaussian,
    "cubic": _cubic,
}
"""Correlation of each model without a shape as a function of lag / effective_range."""

NAMES = (*CORRELATIONS, *SHAPES)
"""Every model there is."""

SUPPORTS: dict[str, float] = {"spherical": 1.0, "exponential": 14.0, "gaussian": 3.8, "cubic": 1.0}
"""Lag / effective range beyond which a model's correlation is 0, or below 1e-18 and lost in any sum."""

_SKGSTAT_RANGE_FACTOR = {"spherical": 1.0, "exponential": 1.0, "gaussian": float(np.sqrt(3.0) / 2.0), "cubic": 1.0,
                         "stable": 1.0}  # fmt: skip


def correlation(model: str, shape: float | None, r: np.ndarray) -> np.ndarray:
    """Return the correlation of any model at lag / effective_range; `shape` is None for models without."""
    return CORRELATIONS[model](r) if shape is None else shaped.correlation(model, shape, r)


def support(model: str, shape: float | None) -> float:
    """Return the lag / effective range beyond which a model's correlation is 0 or lost in any sum."""
    return SUPPORTS[model] if shape is None else shaped.support(model, shape)


def effective_range_from_skgstat(model: str, skgstat_range: float, shape: float | None = None) -> float:
    """Convert scikit-gstat's effective range to ours.

    It writes the gaussian as exp(-4 (h / r)^2), and the Matern's x as 4 sqrt(shape) h / r.
    """
    if model == "matern" and shape is not None:
        return skgstat_range * (shaped.matern_scale(shape) / (4.0 * float(np.sqrt(shape))))
    return skgstat_range * _SKGSTAT_RANGE_FACTOR[model]


@dataclass(frozen=True)
class Structure:
    """One nested structure of a variogram.

    Parameters
    ----------
    model : str
        Out of `NAMES`.
    psill : float
        Partial sill, in squared (transformed) data units, 0 or above.
    effective_range : float
        In map units, above 0; see the module's conventions.
    azimuth, dip, plunge : float
        Orientation in degrees.
    ratio_minor, ratio_vertical : float
        Range across and up, divided by the range along; above 0.
    shape : float or None
        Smoothness of a matern (0.1 to 20), power of a stable (0.1 to 2); None for all others.

    Raises
    ------
    InputError
        For an unknown model or a number out of range.
    """

    model: str
    psill: float
    effective_range: float
    azimuth: float = 0.0
    dip: float = 0.0
    plunge: float = 0.0
    ratio_minor: float = 1.0
    ratio_vertical: float = 1.0
    shape: float | None = None

    def __post_init__(self) -> None:
        if self.model not in NAMES:
            raise InputError(f"Expected a variogram model out of {', '.join(NAMES)}, got {self.model!r}.")
        if self.model not in SHAPES:
            if self.shape is not None:
                raise InputError(f"The {self.model} model has no shape, got {self.shape!r}. Leave it out.")
        elif self.shape is None or not SHAPES[self.model][0] <= self.shape <= SHAPES[self.model][1]:
            low, high = SHAPES[self.model]
            raise InputError(f"Expected a shape of {low:g} to {high:g} for the {self.model} model, got {self.shape!r}.")
        if not (np.isfinite(self.psill) and self.psill >= 0):
            raise InputError(f"Expected a psill of 0 or above, got {self.psill!r}.")
        for name in ("effective_range", "ratio_minor", "ratio_vertical"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number > 0):
                raise InputError(f"Expected {name} above 0, got {number!r}.")
        if not np.isfinite([self.azimuth, self.dip, self.plunge]).all():
            raise InputError(f"Expected angles in degrees, got {self.azimuth!r}, {self.dip!r} and {self.plunge!r}.")

    def correlation(self, r: np.ndarray) -> np.ndarray:
        """Return the correlation at r = lag / effective_range, of any shape, 0 or above."""
        return correlation(self.model, self.shape, r)

    @property
    def is_isotropic(self) -> bool:
        """Whether the range is the same in all directions."""
        return self.ratio_minor == 1.0 and self.ratio_vertical == 1.0

    def scaling(self, n_dimensions: int) -> np.ndarray:
        """Return the matrix that maps map-unit offsets to lags in units of the effective range.

        In 2-D only the azimuth and ``ratio_minor`` count. In 3-D the angles are GSLIB's and gstat's
        but for the sign of the dip, which both count upward.

        Returns
        -------
        ndarray, shape (n_dimensions, n_dimensions)
            ``|offset @ matrix.T|`` is lag / effective_range.
        """
        azimuth, dip, plunge = np.radians([self.azimuth, self.dip, self.plunge])
        ranges = self.effective_range * np.array([1.0, self.ratio_minor, self.ratio_vertical])
        if n_dimensions == 2:
            rotation = np.array([[np.sin(azimuth), np.cos(azimuth)], [np.cos(azimuth), -np.sin(azimuth)]])
            return rotation / ranges[:2, None]
        along = np.array([np.sin(azimuth) * np.cos(dip), np.cos(azimuth) * np.cos(dip), -np.sin(dip)])
        across = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
        up = np.cross(across, along)
        across, up = np.cos(plunge) * across - np.sin(plunge) * up, np.sin(plunge) * across + np.cos(plunge) * up
        return np.array([along, across, up]) / ranges[:, None]


@dataclass(frozen=True)
class VariogramModel:
    """A nugget plus nested structures.

    Parameters
    ----------
    nugget : float
        In squared (transformed) data units, 0 or above.
    structures : tuple of Structure
    measurement_error : float
        The part of the nugget that is error of measurement, 0 to nugget: kriging filters it.

    Raises
    ------
    InputError
        When the sill is 0 or a number is out of range.

    Examples
    --------
    >>> model = VariogramModel(1.0, (Structure("spherical", 9.0, 100.0),))
    >>> model.sill, model.gamma(np.array([0.0, 50.0, 200.0]))
    (10.0, array([ 0.    ,  7.1875, 10.    ]))
    """

    nugget: float
    structures: tuple[Structure, ...]
    measurement_error: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.nugget) and self.nugget >= 0):
            raise InputError(f"Expected a nugget of 0 or above, got {self.nugget!r}.")
        if not 0 <= self.measurement_error <= self.nugget:
            raise InputError(
                f"Expected a measurement_error between 0 and the nugget ({self.nugget:g}), of which it is a part, "
                f"got {self.measurement_error!r}."
            )
        if not self.sill > 0:
            raise InputError("Expected a sill (nugget + psill) above 0, got 0: the variogram is flat.")

    @property
    def psill(self) -> float:
        """Sum of the structures' partial sills."""
        return float(sum(structure.psill for structure in self.structures))

    @property
    def sill(self) -> float:
        """Nugget + psill = C(0)."""
        return self.nugget + self.psill

    @property
    def effective_range(self) -> float:
        """Largest effective range of the structures with a psill; 0 for a pure nugget."""
        return max((structure.effective_range for structure in self.structures if structure.psill > 0), default=0.0)

    def covariance_at_lag(self, lag: np.ndarray) -> np.ndarray:
        """Return C(h) along the azimuth for lags of any shape in map units; C(0) is the sill."""
        lag = np.asarray(lag, dtype=float)
        smooth = sum(
            (s.psill * s.correlation(np.abs(lag) / s.effective_range) for s in self.structures),
            start=np.zeros_like(lag),
        )
        return smooth + np.where(lag == 0, self.nugget, 0.0)

    def gamma(self, lag: np.ndarray) -> np.ndarray:
        """Return the semivariance along the azimuth for lags of any shape in map units; gamma(0) = 0."""
        return self.sill - self.covariance_at_lag(lag)

    def gamma_in(self, direction: np.ndarray, lag: np.ndarray) -> np.ndarray:
        """Return the semivariance in any direction; gamma(0) = 0.

        Parameters
        ----------
        direction : ndarray, shape (n_dimensions,)
            Unit vector: easting, northing[, elevation].
        lag : ndarray, shape (n_lags,)
            In map units.
        """
        lag = np.abs(np.asarray(lag, dtype=float))
        total = np.where(lag > 0, self.nugget, 0.0)
        for structure in self.structures:
            scale = float(np.linalg.norm(structure.scaling(len(direction)) @ direction))
            total = total + structure.psill * (1.0 - structure.correlation(lag * scale))
        return total

    def covariance(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return C(a_i - b_j) between two sets of locations.

        Parameters
        ----------
        a, b : ndarray, shape (..., n_a, n_dimensions), (..., n_b, n_dimensions)
            Easting, northing[, elevation]; leading dimensions are broadcast.

        Returns
        -------
        ndarray, shape (..., n_a, n_b)
            In squared data units. The nugget enters where a and b coincide exactly.
        """
        a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        offsets = a[..., :, None, :] - b[..., None, :, :]
        covariance = np.zeros(offsets.shape[:-1])
        for structure in self.structures:
            scaled = offsets @ structure.scaling(offsets.shape[-1]).T
            lag = np.sqrt(np.einsum("...d,...d->...", scaled, scaled))
            covariance += structure.psill * structure.correlation(lag)
        if self.nugget > 0:
            covariance += self.nugget * (offsets == 0).all(axis=-1)
        return covariance


def model_to_dict(model: VariogramModel) -> dict:
    """Return nugget and structures as they stand in files."""
    structures = [
        {
            "model": s.model, "psill": s.psill, "effective_range": s.effective_range,
            "azimuth": s.azimuth, "dip": s.dip, "plunge": s.plunge,
            "ratio_minor": s.ratio_minor, "ratio_vertical": s.ratio_vertical, "shape": s.shape,
        }
        for s in model.structures
    ]  # fmt: skip
    return {"nugget": model.nugget, "measurement_error": model.measurement_error, "structures": structures}


def model_from_dict(content: Mapping[str, Any]) -> VariogramModel:
    """Read nugget and structures written by `model_to_dict`.

    Raises
    ------
    InputError
        For a model or number that is not known here, and a structure that lacks one or misspells its name.
    KeyError
        When ``nugget`` or ``structures`` is missing.
    """
    structures = tuple(_structure(i, entry) for i, entry in enumerate(content["structures"], start=1))
    return VariogramModel(float(content["nugget"]), structures, float(content.get("measurement_error") or 0.0))


def _structure(number: int, entry: Mapping[str, Any]) -> Structure:
    """Read the structure of this number, counted from 1."""
    lacking = [name for name in _NEEDED if name not in entry]
    if lacking:
        raise InputError(
            f"Expected {', '.join(_NEEDED)} in each structure, got {', '.join(entry) or 'nothing'} in structure "
            f"{number}."
        )
    for name in entry:
        meant = get_close_matches(name, _OPTIONAL, 1, 0.7)
        if name not in _OPTIONAL and meant and meant[0] not in entry:
            raise InputError(f"Expected {meant[0]} in structure {number}, got {name}. Correct its spelling.")
    return Structure(
        str(entry["model"]),
        float(entry["psill"]),
        float(entry["effective_range"]),
        **{name: float(entry[name]) for name in _OPTIONAL if entry.get(name) is not None},
    )


def scaled(model: VariogramModel, factor: float) -> VariogramModel:
    """Return the model with nugget and psills multiplied by a factor above 0."""
    structures = tuple(replace(s, psill=s.psill * factor) for s in model.structures)
    return VariogramModel(model.nugget * factor, structures, model.measurement_error * factor)
