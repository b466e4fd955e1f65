"""The Box-Cox transform: from logarithms to the values as they are, by one number.

``y = (z^lambda - 1) / lambda``, and the logarithm where lambda is 0. Lambda is found by maximum likelihood among 0 to
`LARGEST`. Below 0 the values that come back would have no mean, so a field that is more skewed than a lognormal one
gets its logarithm. What comes back is never below 0, where the transform's domain ends.

References
----------
Box, G. & Cox, D. (1964). An analysis of transformations. J. R. Stat. Soc. B 26, 211-252.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .errors import InputError

LARGEST = 2.0
"""Largest lambda: the square, for values that are skewed to the left."""

_LOGARITHM = 1e-4
"""A lambda below this is 0: the two curves differ by less than values are known, and the power is ill-conditioned."""


def fitted(values: np.ndarray, name: str = "the field") -> dict:
    """Return the lambda that makes values most nearly normal, as the parameters of a transform.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        In data units, above 0.
    name : str
        How to call them in an error.

    Raises
    ------
    InputError
        For values that are not above 0, or fewer than 2 distinct ones.
    """
    from scipy.optimize import minimize_scalar

    values = np.asarray(values, dtype=float)
    require_positive(values, name)
    if len(np.unique(values)) < 2:
        raise InputError(f"A Box-Cox transform of {name} needs at least 2 different values, got 1.")
    logs = np.log(values)
    logs = logs - logs.mean()

    def cost(power: float) -> float:
        # The likelihood of values divided by their geometric mean, which changes no lambda.
        return 0.5 * len(logs) * float(np.log(np.var(forward(power, np.exp(logs)))))

    found = minimize_scalar(cost, bounds=(0.0, LARGEST), method="bounded", options={"xatol": 1e-4})
    power = min((0.0, LARGEST, float(found.x)), key=cost)
    return {"lambda": power if power >= _LOGARITHM else 0.0}


def checked(parameters: Mapping) -> float:
    """Return the lambda of a transform.

    Raises
    ------
    InputError
        When it is missing or out of range.
    """
    if "lambda" not in parameters:
        raise InputError("The boxcox transform has no lambda: it has to be fitted to samples first.")
    power = float(parameters["lambda"])
    if not 0.0 <= power <= LARGEST:
        raise InputError(f"Expected a lambda of 0 to {LARGEST:g} for the boxcox transform, got {power:g}.")
    return power


def require_positive(values: np.ndarray, name: str) -> None:
    """Refuse values that are not above 0.

    Parameters
    ----------
    values : ndarray of any shape
        In data units; NaN is refused, too.
    name : str
        How to call them in the error.

    Raises
    ------
    InputError
        With the first of them.
    """
    bad = np.flatnonzero(~(np.asarray(values) > 0))
    if len(bad):
        raise InputError(
            f"The boxcox transform expects values of {name} above 0, got {np.ravel(values)[bad[0]]:g} in row "
            f"{bad[0] + 1} ({len(bad)} such values). Use another transform, or repair values below detection."
        )


def forward(power: float, values: np.ndarray) -> np.ndarray:
    """Return transformed values.

    Parameters
    ----------
    power : float
        Lambda, 0 to `LARGEST`.
    values : ndarray of any shape
        In data units, above 0.
    """
    logs = np.log(values)
    return logs if power == 0 else np.expm1(power * logs) / power


def inverse(power: float, values: np.ndarray) -> np.ndarray:
    """Return the values, in data units, of transformed ones.

    Parameters
    ----------
    power : float
        Lambda, 0 to `LARGEST`.
    values : ndarray of any shape
        Transformed. Below the transform of 0 they become 0; NaN passes through.

    Examples
    --------
    >>> inverse(0.5, forward(0.5, np.array([4.0]))), inverse(0.5, np.array([-3.0]))
    (array([4.]), array([0.]))
    """
    values = np.asarray(values, dtype=float)
    if power == 0:
        return np.exp(values)
    raised = np.maximum(power * values, -1.0)
    with np.errstate(divide="ignore"):
        return np.exp(np.log1p(raised) / power)
