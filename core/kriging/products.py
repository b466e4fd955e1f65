"""Dot products in whitened space, and the estimates and variances that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .local_drift import universal

if TYPE_CHECKING:
    from .moving_lattice import LatticeProducts


@dataclass
class Products:
    """Dot products in whitened space, one row a target: all that kriging needs.

    `known` stands for the columns at the samples: constant, drift scores, values of one or more fields.
    With a local drift the scores are those of frames, one a tile, and have products of their own; `columns_of` puts
    the targets' columns in their frames.
    """

    target: np.ndarray
    target_known: np.ndarray
    constant_known: np.ndarray
    scores_known: np.ndarray | None = None
    columns_of: Callable[[np.ndarray], np.ndarray] | None = None

    @classmethod
    def compiled(cls, solved: LatticeProducts) -> Products:
        """Take the products of a kernel, cell by cell."""
        n_columns, n_known = solved.gram.shape[:2]
        gram = solved.gram.reshape(n_columns, n_known, -1)
        products = cls(solved.target.ravel(), solved.target_known.reshape(n_known, -1).T, gram[0].T)
        if n_columns > 1:
            lower = np.tril_indices(n_columns, -1)
            gram[lower] = gram[lower[::-1]]
            products.scores_known = np.moveaxis(gram[1:], -1, 0)
            at_target = solved.at_target.reshape(n_columns - 1, -1).T
            products.columns_of = lambda columns: np.column_stack([columns[:, 0], at_target])
        return products

    def add(self, whitened: np.ndarray) -> None:
        """Add the part of each target's own samples, shape (1 + n_known, n_own, n_targets)."""
        self.target += np.einsum("jl,jl->l", whitened[0], whitened[0])
        self.target_known += np.einsum("jl,gjl->lg", whitened[0], whitened[1:])
        self.constant_known += np.einsum("jl,gjl->lg", whitened[1], whitened[1:])
        if self.scores_known is not None:
            scores = whitened[2 : 2 + self.scores_known.shape[1]]
            self.scores_known += np.einsum("cjl,gjl->lcg", scores, whitened[1:])

    def kriged(
        self, prior: float, columns: np.ndarray, has_mean: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return estimate, kriging and smoothing variance and the drift beyond the neighbours'.

        Parameters
        ----------
        prior : float
            Variance of what is estimated.
        columns : ndarray, shape (n_targets, n_columns)
            Constant and drift scores of what is estimated.
        has_mean : bool
            Whether the mean is estimated (ordinary kriging), not known (simple kriging).
        """
        if not has_mean:
            variance = np.maximum(prior - self.target, 0.0)
            return self.target_known[:, -1], variance, variance, np.zeros_like(columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without neighbours there is no information: the caller writes NaN there.
            multiplier = (columns[:, 0] - self.target_known[:, 0]) / self.constant_known[:, 0]
            estimate = self.target_known[:, -1] + multiplier * self.constant_known[:, -1]
            variance = prior - self.target + multiplier**2 * self.constant_known[:, 0]
            smoothing = variance - 2.0 * multiplier * columns[:, 0]
            part = slice(columns.shape[1])
            beyond = columns - self.target_known[:, part] - multiplier[:, None] * self.constant_known[:, part]
        # Below zero is rounding next to a sample of a nugget-free model.
        return estimate, np.maximum(variance, 0.0), smoothing, beyond

    def universal(self, prior: float, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return estimate, kriging and smoothing variance with a local drift; NaN where it is not determined.

        The parameters are those of `kriged`.
        """
        if self.scores_known is None or self.columns_of is None:
            raise TypeError("Expected the products of a local drift.")
        at_target = self.columns_of(columns)
        every = np.concatenate([self.constant_known[:, None], self.scores_known], axis=1)
        return universal(prior, at_target, (self.target, self.target_known, every[..., :-1], every[..., -1]))

    def contrast(self, n_fields: int, has_mean: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return estimates of a functional that is 0 of a constant, and how far they reduce its variance.

        Parameters
        ----------
        n_fields : int
        has_mean : bool
            Whether the mean is estimated (ordinary kriging), not known (simple kriging).

        Returns
        -------
        estimate : ndarray, shape (n_targets, n_fields)
        reduction : ndarray, shape (n_targets,)
        """
        if not has_mean:
            return self.target_known[:, -n_fields:], self.target
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without neighbours there is no information: the caller writes NaN there.
            multiplier = -self.target_known[:, 0] / self.constant_known[:, 0]
            estimate = self.target_known[:, -n_fields:] + multiplier[:, None] * self.constant_known[:, -n_fields:]
            reduction = self.target - multiplier**2 * self.constant_known[:, 0]
        return estimate, reduction
