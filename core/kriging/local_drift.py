"""Drift whose coefficients are estimated anew in every neighbourhood, as R's gstat does: its part of the system.

With K the covariances of the neighbours, F = [1, drift] there, c and f the covariances and columns of what is
estimated, everything follows from the products c'K^-1 c, c'K^-1 F, F'K^-1 F and those with the values z:
``F'K^-1 F m = f - F'K^-1 c`` gives the Lagrange terms m (of ``K w - F m = c``), ``c'K^-1 z + m'F'K^-1 z`` the
estimate and ``C_0 - c'K^-1 c + m'(f - F'K^-1 c)`` its variance.

Where the neighbours do not differ in a direction of the drift (a class, a line of samples) the estimate is unbiased
without it if the target does not leave them there; if it does, there is none.

References
----------
Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, 2nd ed., section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LOST = 1e-10
_SOUND = 1e-5
_LEAVES = 1e-6
_ROUNDING = 1e-10
_LEVEL = 1e-7


@dataclass(frozen=True)
class TileFrames:
    """A frame for the drift in each tile, in which its samples have uncorrelated columns of size 1.

    Estimates do not depend on the frame. In one of the tile's own a small neighbourhood keeps its digits.

    Parameters
    ----------
    center : ndarray, shape (n_tiles, n_scores)
    directions : ndarray, shape (n_tiles, n_scores, n_scores)
        Columns are orthonormal.
    scale : ndarray, shape (n_tiles, n_scores)
        Along the directions; 0 where the samples of the tile do not differ.
    """

    center: np.ndarray
    directions: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, is_used: np.ndarray) -> TileFrames:
        """Learn the frames from the scores of the samples, shape (n_tiles, n_samples, n_scores), that count."""
        n_used = np.maximum(is_used.sum(axis=1), 1)[:, None]
        center = (scores * is_used[:, :, None]).sum(axis=1) / n_used
        offsets = (scores - center[:, None]) * is_used[:, :, None]
        spread, directions = np.linalg.eigh(np.swapaxes(offsets, 1, 2) @ offsets)
        scale = np.sqrt(np.maximum(spread, 0.0) / n_used)
        # Below is rounding: of scores, which are numbers of the size of 1, and of squares beside larger ones.
        smallest = np.maximum(_ROUNDING, _LEVEL * scale.max(axis=1, keepdims=True, initial=0.0))
        return cls(center, directions, np.where(scale > smallest, scale, 0.0))

    def columns(self, scores: np.ndarray, constant: np.ndarray | None = None) -> np.ndarray:
        """Return the constant and the columns of samples or targets, shape (n_tiles, n_places, n_scores + 1).

        The constant, shape (n_tiles, n_places, 1), is 1 of values and means, and 0 of slopes.
        """
        constant = np.ones((*scores.shape[:2], 1)) if constant is None else constant
        along = (scores - constant * self.center[:, None]) @ self.directions
        known = self.scale[:, None] > 0
        along = np.where(known, along / np.where(known, self.scale[:, None], 1.0), along)
        return np.concatenate([constant, along], axis=2)

    def rows_of_targets(self, columns: np.ndarray) -> np.ndarray:
        """Return constant and scores of targets, equally many a tile and tile by tile, as rows in their frames."""
        by_tile = columns.reshape(len(self.center), -1, columns.shape[1])
        return self.columns(by_tile[..., 1:], by_tile[..., :1]).reshape(columns.shape)


def universal(
    prior: float, at_target: np.ndarray, products: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return estimates, kriging and smoothing variances.

    Parameters
    ----------
    prior : float
        Variance of what is estimated.
    at_target : ndarray, shape (n_targets, n_columns)
        f, of what is estimated.
    products : tuple of ndarray
        c'K^-1 c, shape (n_targets,); c'K^-1 [F, z], shape (n_targets, n_columns + 1); F'K^-1 F, shape
        (n_targets, n_columns, n_columns); F'K^-1 z, shape (n_targets, n_columns).

    Returns
    -------
    estimate, kriging_variance, smoothing_variance : ndarray, shape (n_targets,)
        NaN where the neighbours do not determine the drift at the target.
    """
    own, target_known, gram, with_values = products
    lacking = at_target - target_known[:, :-1]
    terms, is_determined = solve_gram(gram, lacking, at_target)
    with np.errstate(invalid="ignore"):
        estimate = target_known[:, -1] + np.einsum("ic,ic->i", terms, with_values)
        variance = np.maximum(prior - own + np.einsum("ic,ic->i", terms, lacking), 0.0)
        smoothing = variance - 2.0 * np.einsum("ic,ic->i", terms, at_target)
    for part in (estimate, variance, smoothing):
        part[~is_determined] = np.nan
    return estimate, variance, smoothing


def solve_gram(gram: np.ndarray, right: np.ndarray, at_target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``gram m = right`` in the directions the neighbours determine.

    Returns
    -------
    terms : ndarray, shape (n_targets, n_columns)
    is_determined : ndarray of bool, shape (n_targets,)
        Whether the target leaves no other direction.
    """
    # One size for all columns: those of a tile are of the size of 1, and what is smaller by far is rounding.
    size = np.einsum("icc->i", gram) / gram.shape[1]
    size = np.where(size > 0, size, 1.0)
    gram, right = gram / size[:, None, None], right / size[:, None]
    terms, is_determined = _solve_definite(gram, right)
    doubtful = np.flatnonzero(~is_determined)
    if len(doubtful):
        gram, right, at_target = gram[doubtful], right[doubtful], at_target[doubtful]
        values, vectors = np.linalg.eigh(gram)
        known = values > _LOST
        along = np.einsum("icd,ic->id", vectors, right)
        terms[doubtful] = np.einsum("icd,id->ic", vectors, np.where(known, along / np.where(known, values, 1.0), 0.0))
        aside = np.where(known, 0.0, np.einsum("icd,ic->id", vectors, at_target))
        is_determined[doubtful] = np.abs(aside).max(axis=1) <= _LEAVES * np.abs(at_target).max(axis=1)
    return terms, is_determined


def _solve_definite(gram: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``gram m = right`` for matrices of size 1, all at once by Cholesky; return which are far from singular."""
    n_columns = gram.shape[1]
    factor, solution = np.array(np.moveaxis(gram, 0, -1), order="C"), np.array(right.T, order="C")
    is_sound = np.ones(len(gram), dtype=bool)
    for j in range(n_columns):
        is_sound &= factor[j, j] > _SOUND
        scale = 1.0 / np.sqrt(np.where(is_sound, factor[j, j], 1.0))
        factor[j:, j] *= scale
        solution[j] *= scale
        for i in range(j + 1, n_columns):
            factor[i, j + 1 : i + 1] -= factor[i, j] * factor[j + 1 : i + 1, j]
            solution[i] -= factor[i, j] * solution[j]
    for j in range(n_columns - 1, -1, -1):
        for i in range(j + 1, n_columns):
            solution[j] -= factor[i, j] * solution[i]
        solution[j] /= np.where(is_sound, factor[j, j], 1.0)
    return solution.T.copy(), is_sound
