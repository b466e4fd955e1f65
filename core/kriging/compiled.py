"""The way to the compiled kernels: what they know, and what to do without them."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .covariance import SmoothCovariance

WORTH_COMPILING = 30_000
"""Targets in one call from which loading compiled kernels pays."""


def compiled_kernels() -> ModuleType | None:
    """Return `kernels_numba`, or None where numba is not installed, broken, or has no place for its cache."""
    try:
        from . import kernels_numba
    except (ImportError, RuntimeError):
        return None
    return kernels_numba


def knows(kernels: ModuleType, covariance: SmoothCovariance) -> bool:
    """Return whether the kernels have every model of a covariance; others take the numpy road."""
    return all(term.model in kernels.MODEL_CODES for frame in covariance.frames for term in frame.terms)


def term_arrays(
    kernels: ModuleType, covariance: SmoothCovariance
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return frame number, model code, psill and scale of each term, ordered by frame."""
    terms = [(number, term) for number, frame in enumerate(covariance.frames) for term in frame.terms]
    return (
        np.array([number for number, _ in terms], dtype=np.int64),
        np.array([kernels.MODEL_CODES[term.model] for _, term in terms], dtype=np.int64),
        np.array([term.psill for _, term in terms], dtype=float),
        np.array([term.scale for _, term in terms], dtype=float),
    )


def lattice_spacing(extent: np.ndarray, n_points: int) -> float:
    """Return the step of a square lattice of so many points over an extent.

    Examples
    --------
    >>> round(lattice_spacing(np.array([90.0, 40.0]), 50), 9)
    10.0
    """
    extent = extent[extent > 0]
    if len(extent) == 0:
        return 1.0
    low, high = float(extent.max()) / n_points, float(extent.max()) * 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.prod(extent / middle + 1.0) > n_points else (low, middle)
    return 0.5 * (low + high)
