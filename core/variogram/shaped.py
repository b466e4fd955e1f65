"""Models with a shape: Matern, whose shape is its smoothness, and stable, whose shape is its power.

Conventions
-----------
Both are 95 % of their psill up at the effective range, exactly as the exponential and the gaussian
(``1 - exp(-3)``), and both hold these two:

* stable: ``exp(-3 r^shape)``; shape 1 is exponential, shape 2 gaussian.
* matern: ``2^(1 - shape) / Gamma(shape) x^shape K_shape(x)`` with ``x = c(shape) r`` and ``c`` such that
  the correlation is ``exp(-3)`` at r = 1; shape 0.5 is exponential (c = 3), large shapes near gaussian.

Here r is lag / effective_range and K the modified Bessel function of the second kind.

References
----------
Matern, B. (1986). Spatial Variation. Stein, M. L. (1999). Interpolation of Spatial Data, sect. 2.7.
Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, sect. 2.5.1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SHAPES: dict[str, tuple[float, float]] = {"matern": (0.1, 20.0), "stable": (0.1, 2.0)}
"""Least and largest shape of each model; beyond them a matern cannot be told from its limits."""

_CLOSED = (0.5, 1.5, 2.5)  # smoothness for which the Bessel function is elementary
_LOST = np.log(1e-18)  # a correlation below is lost in any sum with 1


def correlation(model: str, shape: float, r: np.ndarray) -> np.ndarray:
    """Return the correlation of a model whose shape is a parameter.

    Parameters
    ----------
    model : str
        "matern" (shape: smoothness) or "stable" (shape: exponent).
    shape : float
        Above 0.
    r : ndarray of any shape
        lag / effective_range, 0 or above.

    Examples
    --------
    >>> r = np.array([0.0, 0.5, 1.0])
    >>> bool(np.allclose(correlation("matern", 0.5, r), np.exp(-3 * r)))
    True
    """
    r = np.asarray(r, dtype=float)
    if model == "stable":
        return np.exp(-3.0 * r**shape)
    return _matern(shape, matern_scale(shape) * r)


def slope_ratio(model: str, shape: float, r: np.ndarray) -> np.ndarray:
    """Return ``rho'(r) / r``, the slope of `correlation` over its argument; parameters as there.

    At r = 0 it is the limit, or 0 where there is none.
    """
    r = np.asarray(r, dtype=float)
    positive = np.where(r > 0, r, 1.0)
    if model == "stable":
        at_zero = -6.0 if shape == 2.0 else 0.0
        return np.where(r > 0, -3.0 * shape * positive ** (shape - 2.0) * np.exp(-3.0 * positive**shape), at_zero)
    scale = matern_scale(shape)
    if shape > 1:
        # d/dx x^v K_v(x) = -x^v K_(v-1)(x): the slope of a Matern is the next rougher one.
        return -(scale**2) / (2.0 * (shape - 1.0)) * _matern(shape - 1.0, scale * r)
    from scipy.special import gamma, kv

    x = scale * positive
    ratio = -(scale**2) * 2.0 ** (1.0 - shape) / gamma(shape) * x ** (shape - 1.0) * kv(abs(shape - 1.0), x)
    return np.where(r > 0, ratio, 0.0)


def is_differentiable(model: str, shape: float) -> bool:
    """Return whether a field with this model has a (mean-square) derivative."""
    return shape > 1.0 if model == "matern" else shape == 2.0


@lru_cache(maxsize=256)
def matern_scale(shape: float) -> float:
    """Return c, where a Matern of this smoothness has fallen to exp(-3).

    Examples
    --------
    >>> matern_scale(0.5)
    3.0
    """
    if shape == 0.5:
        return 3.0
    from scipy.optimize import brentq

    return float(brentq(lambda x: float(_matern(shape, np.array(x))) - np.exp(-3.0), 1e-12, 100.0, xtol=1e-14))


@lru_cache(maxsize=256)
def support(model: str, shape: float) -> float:
    """Return the lag / effective range beyond which the correlation is below 1e-18, lost in any sum."""
    if model == "stable":
        return float((-_LOST / 3.0) ** (1.0 / shape))
    from scipy.optimize import brentq

    def above(r: float) -> float:
        return float(np.log(max(float(correlation(model, shape, np.array(r))), 1e-300)) - _LOST)

    return float(brentq(above, 0.5, 60.0))


def _matern(shape: float, x: np.ndarray) -> np.ndarray:
    """Return the Matern correlation at x, its lag in units of the scale."""
    if shape in _CLOSED:
        decay = np.exp(-x)
        if shape == 0.5:
            return decay
        return (1.0 + x) * decay if shape == 1.5 else (1.0 + x * (1.0 + x / 3.0)) * decay
    from scipy.special import gammaln, kve

    positive = np.maximum(x, 1e-300)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # In logarithms: neither x^shape nor K overflows alone. kve is K(x) exp(x).
        logarithm = (
            (1.0 - shape) * np.log(2.0) - gammaln(shape) + shape * np.log(positive) + np.log(kve(shape, positive))
            - positive
        )
        # Where K overflows, x is so small that the correlation is 1.
        return np.where(np.isfinite(logarithm), np.exp(np.minimum(logarithm, 0.0)), np.where(x < 1.0, 1.0, 0.0))
