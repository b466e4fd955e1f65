"""Coefficients of a drift from all samples, for kriging whose level is the neighbours'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .covariance import SmoothCovariance
from .system import SystemSamples, inverse_factor

_LARGEST_BLOCK = 1000
_ONE_BLOCK_UP_TO = 2500
_LOST_DRIFT = 1e-9


@dataclass(frozen=True)
class DriftCoefficients:
    """Coefficients of the drift from all samples, by generalised least squares.

    Beyond 2,500 samples the covariance between blocks of at most 1,000 neighbouring samples is
    left out of the weighting: the coefficients stay unbiased and cost grows with n only.

    Parameters
    ----------
    coefficients : ndarray, shape (n_columns,)
        beta, of the constant and the drift scores.
    covariance : ndarray, shape (n_columns, n_columns)
        S, of the coefficients.
    influence : ndarray, shape (n_samples, n_columns)
        Change of beta with each value: K^-1 F S.
    precision : ndarray, shape (n_samples,)
        P_ii as in `system`; NaN where the sample alone determines a direction of the drift.
    dual : ndarray, shape (n_samples,)
        K^-1 (z - F beta).
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    influence: np.ndarray
    precision: np.ndarray
    dual: np.ndarray

    @classmethod
    def fit(cls, covariance: SmoothCovariance, nugget: float, samples: SystemSamples) -> DriftCoefficients:
        """Estimate the coefficients.

        Raises
        ------
        KrigingSystemError
            When a covariance matrix is singular to working precision.
        """
        n, n_columns = samples.columns.shape
        information = np.zeros((n_columns, n_columns))
        right_side = np.zeros(n_columns)
        weighted_columns = np.empty((n, n_columns))
        weighted_values = np.empty(n)
        diagonal = np.empty(n)
        for rows in _spatial_blocks(samples.points):
            block = samples.rows(rows)
            whitening = inverse_factor(covariance, nugget, block)
            columns = whitening @ block.columns
            values = whitening @ block.values
            information += columns.T @ columns
            right_side += columns.T @ values
            weighted_columns[rows] = whitening.T @ columns
            weighted_values[rows] = whitening.T @ values
            diagonal[rows] = np.einsum("ij,ij->j", whitening, whitening)
        spread = np.linalg.inv(information)
        coefficients = spread @ right_side
        influence = weighted_columns @ spread
        precision = diagonal - np.einsum("ij,ij->i", influence, weighted_columns)
        precision[precision <= _LOST_DRIFT * diagonal] = np.nan
        return cls(coefficients, spread, influence, precision, weighted_values - weighted_columns @ coefficients)

    def correction(
        self, columns: np.ndarray, beyond: np.ndarray, left_out: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the drift beyond the neighbours' adds to estimate, kriging variance and the estimate's variance.

        The constant's part of `beyond` is 0, as the weights sum to 1.

        Parameters
        ----------
        columns : ndarray, shape (n_targets, n_scores + 1)
            The constant and the drift scores at the targets.
        beyond : ndarray, shape (n_targets, n_scores + 1)
            These less what the weighted neighbours have of them.
        left_out : ndarray of int, shape (n_targets,), or None
            The sample that each target is, and without which the coefficients are meant.

        Returns
        -------
        estimate, variance, known : ndarray, shape (n_targets,)
        """
        # The weights w give Cov(w'z, beta) = (F'w)' S, and F'w = columns - beyond.
        across = 2.0 * columns - beyond
        estimate = beyond @ self.coefficients
        variance = np.einsum("ic,cd,id->i", beyond, self.covariance, beyond)
        known = np.einsum("ic,cd,id->i", across, self.covariance, beyond)
        if left_out is not None:
            # Without sample i: beta - h_i e_i and S + h_i h_i' / P_ii, with e_i = b_i / P_ii its error.
            reach = np.einsum("ic,ic->i", beyond, self.influence[left_out])
            precision = self.precision[left_out]
            estimate -= reach * self.dual[left_out] / precision
            variance += reach**2 / precision
            known += reach * np.einsum("ic,ic->i", across, self.influence[left_out]) / precision
        return estimate, variance, known


def _spatial_blocks(points: np.ndarray) -> list[np.ndarray]:
    """Halve the samples along their longest side until the blocks are small; one block when they are few."""
    pending = [np.arange(len(points))]
    if len(points) <= _ONE_BLOCK_UP_TO:
        return pending
    blocks = []
    while pending:
        rows = pending.pop()
        if len(rows) <= _LARGEST_BLOCK:
            blocks.append(rows)
            continue
        axis = int(np.argmax(np.ptp(points[rows], axis=0)))
        order = rows[np.argsort(points[rows, axis], kind="stable")]
        pending += [order[: len(order) // 2], order[len(order) // 2 :]]
    return blocks
