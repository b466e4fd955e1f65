"""The way to the compiled kernels: what they know, and what to do without them."""

from __future__ import annotations

import logging
from types import ModuleType

import numpy as np

from ..variogram.shaped import matern_scale
from .compiling import stop_if_cancelled
from .covariance import SmoothCovariance, Term

WORTH_COMPILING = 30_000
"""Targets in one call from which loading compiled kernels pays."""


_FEW_AT_ONCE, _MANY_AT_ONCE, _MANY_CELLS = 8192, 65536, 250_000

_broken: list[str] = []


def cells_at_once(n_cells: int) -> int:
    """Return how many cells of a raster to krige in one call: few of a small one, which numpy has before numba starts.

    Examples
    --------
    >>> cells_at_once(100_000) < WORTH_COMPILING < cells_at_once(1_000_000)
    True
    """
    return _MANY_AT_ONCE if n_cells >= _MANY_CELLS else _FEW_AT_ONCE


def compiled_kernels() -> ModuleType | None:
    """Return `kernels_numba`, or None where numba is not installed, broken, or has no place for its cache."""
    if _broken:
        return None
    try:
        from . import kernels_numba
    except (ImportError, RuntimeError):
        return None
    return kernels_numba


def note_failure(error: Exception) -> None:
    """Log that kernels do not compile here, once, and leave them alone for the rest of the process.

    Raises
    ------
    Cancelled
        When they do not because the user asked to stop.
    """
    stop_if_cancelled()
    if not _broken:
        logging.getLogger(__name__).warning("The compiled kriging does not run here, numpy takes over: %s", error)
    _broken.append(type(error).__name__)


def kernels_error(kernels: ModuleType | None) -> type[Exception] | tuple[()]:
    """Return what to catch around calls of the kernels: nothing where there are none."""
    return () if kernels is None else kernels.CompilationError


def knows(kernels: ModuleType, covariance: SmoothCovariance) -> bool:
    """Return whether the kernels have every model of a covariance; others take the numpy road."""
    return all(_code(kernels, term) is not None for frame in covariance.frames for term in frame.terms)


def _code(kernels: ModuleType, term: Term) -> int | None:
    """Return the number of a term's model in the kernels."""
    code: int | None
    if term.model == "matern":
        code = kernels.MATERN_CODES.get(term.shape)
    else:
        code = kernels.MODEL_CODES.get(term.model)
    return code


def _scale(term: Term) -> float:
    """Return the scale of a term as the kernels take it: a Matern's is that of its exponential, exp(-3 r)."""
    return term.scale * 3.0 / matern_scale(term.shape) if term.model == "matern" and term.shape else term.scale


def term_arrays(
    kernels: ModuleType, covariance: SmoothCovariance
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return frame number, model code, psill and scale of each term, ordered by frame, shape (n_terms,) each."""
    terms = [(number, term) for number, frame in enumerate(covariance.frames) for term in frame.terms]
    return (
        np.array([number for number, _ in terms], dtype=np.int64),
        np.array([_code(kernels, term) for _, term in terms], dtype=np.int64),
        np.array([term.psill for _, term in terms], dtype=float),
        np.array([_scale(term) for _, term in terms], dtype=float),
    )


def frame_arrays(covariance: SmoothCovariance, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix of each frame and points in it, by axis.

    Returns
    -------
    matrices : ndarray, shape (n_frames, n_dimensions, n_dimensions)
    places : ndarray, shape (n_frames, n_dimensions, n_points)
    """
    frames = covariance.frames
    n_dimensions = points.shape[1]
    # A pure nugget has no frame; the kernels still want one to hold coordinates.
    matrices = np.stack(
        [np.eye(n_dimensions) if f.is_map_frame else f.matrix for f in frames] or [np.eye(n_dimensions)]
    )
    # One frame or several: arrays of one layout, or kernels would be compiled for each.
    return matrices, np.ascontiguousarray(np.stack([frame.scale(points).T for frame in frames] or [points.T]))


def padded(matrix: np.ndarray, n_axes: int) -> np.ndarray:
    """Return a matrix in row order with its last axes filled up with zeros to a multiple of 8, as kernels read it."""
    room = -matrix.shape[-1] % 8
    return np.ascontiguousarray(np.pad(matrix, [(0, 0)] * (2 - n_axes) + [(0, room)] * n_axes))
