"""How much larger or smaller errors are at a place than kriging says, learned from samples left out.

Kriging's standard deviation knows where samples lie, not what they are. Where values are high or vary much around a
place, errors are larger (the proportional effect); intervals that follow it are narrower at the same coverage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelFileError
from ..features.kriging_context import CONTEXT_NAMES

COLUMNS = ("score", "local_spread", "local_residual_size")
"""What the scale depends on: level, spread and size of residuals of the samples around, out of `CONTEXT_NAMES`."""

RIDGE = 30.0
"""Pull of the coefficients to 0, in rows whose column is at 1; each sample makes several rows."""

_INDICES = [CONTEXT_NAMES.index(name) for name in COLUMNS]
_LARGEST = 2.5
_LARGEST_SQUARE = 9.0
_N_STEPS = 50


@dataclass(frozen=True)
class LocalScale:
    """A factor of standard deviations, log-linear in what is told of a place.

    Parameters
    ----------
    centre, coefficients : ndarray, shape (len(COLUMNS),)
        The factor is ``exp((column - centre) @ coefficients / 2)``, the columns cut at +-2.5.

    Examples
    --------
    >>> LocalScale.none().at(np.zeros((2, len(CONTEXT_NAMES))))
    array([1., 1.])
    """

    centre: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def none(cls) -> LocalScale:
        """Return the factor 1 everywhere."""
        return cls(np.zeros(len(COLUMNS)), np.zeros(len(COLUMNS)))

    @classmethod
    def fit(cls, scores: np.ndarray, context: np.ndarray) -> LocalScale:
        """Find the coefficients by likelihood, errors taken as normal about 0.

        Parameters
        ----------
        scores : ndarray, shape (n,)
            Errors of left-out samples in standard deviations.
        context : ndarray, shape (n, len(CONTEXT_NAMES))
            What is told of their places without them (`core.features.kriging_context`).

        References
        ----------
        Davidian, M. & Carroll, R. (1987). Variance function estimation. J. Am. Stat. Assoc. 82.
        """
        columns = _columns(context)
        centre = columns.mean(axis=0)
        # A single sample far off must not rule.
        squares = np.minimum(scores**2, _LARGEST_SQUARE)
        squares = squares / max(float(squares.mean()), 1e-12)
        design = np.column_stack([np.ones(len(columns)), columns - centre])
        ridge = RIDGE * np.diag(np.append(0.0, np.ones(len(COLUMNS))))
        found = np.zeros(design.shape[1])
        for _ in range(_N_STEPS):
            ratio = np.exp(-(design @ found)) * squares
            slope = 0.5 * design.T @ (1.0 - ratio) + ridge @ found
            curvature = 0.5 * (design * np.maximum(ratio, 0.2)[:, None]).T @ design + ridge
            step = np.linalg.solve(curvature, slope)
            found = found - step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
            if np.abs(step).max() < 1e-8:
                break
        return cls(centre, found[1:])

    @property
    def is_none(self) -> bool:
        """Whether the factor is 1 everywhere."""
        return not self.coefficients.any()

    def at(self, context: np.ndarray) -> np.ndarray:
        """Return the factor at places, shape (n,)."""
        return np.exp(0.5 * (_columns(context) - self.centre) @ self.coefficients)

    def to_dict(self) -> dict:
        """Return the JSON object written to model files."""
        return {"columns": list(COLUMNS), "centre": self.centre.tolist(), "coefficients": self.coefficients.tolist()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any] | None) -> LocalScale:
        """Read what `to_dict` wrote; files of earlier versions hold none.

        Raises
        ------
        ModelFileError
            When it depends on other columns, or lacks a number for one.
        """
        if content is None:
            return cls.none()
        if tuple(content["columns"]) != COLUMNS:
            raise ModelFileError(f"expected a local scale of {', '.join(COLUMNS)}, got {content['columns']}.")
        numbers = [np.array(content[key], dtype=float) for key in ("centre", "coefficients")]
        if not all(row.shape == (len(COLUMNS),) and np.isfinite(row).all() for row in numbers):
            raise ModelFileError(f"expected a centre and a coefficient of each of {', '.join(COLUMNS)}.")
        return cls(*numbers)


def _columns(context: np.ndarray) -> np.ndarray:
    return np.clip(np.asarray(context, dtype=float)[:, _INDICES], -_LARGEST, _LARGEST)
