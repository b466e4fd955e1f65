"""Slopes of the variogram models: what derivatives of a covariance are made of.

A covariance that depends on ``r = |A h|`` has the gradient ``psill rho'(r) / r A'A h``, so the
ratio ``rho'(r) / r`` is all that is needed; at r = 0 it is also minus the variance of the
derivative of a field of psill 1, in the frame A.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from ..errors import InputError
from ..variogram import shaped


def _spherical(r: np.ndarray) -> np.ndarray:
    # 1.5 (r - 1 / r) is 0 at r = 1: beyond it and at 0 the slope is that of r = 1.
    r = np.where(r > 0, np.minimum(r, 1.0), 1.0)
    return 1.5 * (r - 1.0 / r)


def _exponential(r: np.ndarray) -> np.ndarray:
    return np.where(r > 0, -3.0 * np.exp(-3.0 * r) / np.where(r > 0, r, 1.0), 0.0)


def _gaussian(r: np.ndarray) -> np.ndarray:
    return -6.0 * np.exp(-3.0 * r * r)


def _cubic(r: np.ndarray) -> np.ndarray:
    r = np.minimum(r, 1.0)
    return -14.0 + r * (26.25 - r * r * (17.5 - 5.25 * r * r))


SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spherical": _spherical,
    "exponential": _exponential,
    "gaussian": _gaussian,
    "cubic": _cubic,
}
"""``rho'(r) / r`` of each model as a function of lag / effective_range; 0 at r = 0 where it has no limit there.

With 0 the sample at the target itself takes no part, which is the limit of central differences.
"""

DIFFERENTIABLE = ("gaussian", "cubic")
"""Models without a shape whose field has a derivative (mean-square): ``rho'(r) / r`` has a limit at r = 0."""


def is_differentiable(model: str, shape: float | None = None) -> bool:
    """Return whether a field with this model has a (mean-square) derivative."""
    return model in DIFFERENTIABLE if shape is None else shaped.is_differentiable(model, shape)


def slope_ratio(model: str, r: np.ndarray, shape: float | None = None) -> np.ndarray:
    """Return ``rho'(r) / r`` of a model at lag / effective_range; `shape` is None for models without.

    Raises
    ------
    InputError
        For a model whose derivative is not known here.
    """
    if shape is not None:
        return shaped.slope_ratio(model, shape, r)
    if model not in SLOPES:
        raise InputError(f"The gradient is known for {', '.join(SLOPES)}, not for {model}. Use another model.")
    return SLOPES[model](r)
