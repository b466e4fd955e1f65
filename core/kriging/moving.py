"""Kriging from a moving neighbourhood: one small system for each set of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import KrigingSystemError
from ..variogram.models import VariogramModel
from .covariance import SmoothCovariance
from .neighborhood import Neighborhood, NeighborSearch, search_frame
from .system import SystemSamples, inverse_factor, singular_system_error

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


@dataclass(frozen=True)
class MovingSystem:
    """Kriging systems of the nearest samples of each target.

    Parameters
    ----------
    covariance : SmoothCovariance
    nugget, sill : float
        In squared data units.
    samples : SystemSamples
    search : NeighborSearch
    drift : DriftCoefficients or None
        None without drift columns.
    """

    covariance: SmoothCovariance
    nugget: float
    sill: float
    samples: SystemSamples
    search: NeighborSearch
    drift: DriftCoefficients | None

    @classmethod
    def solve(
        cls,
        covariance: SmoothCovariance,
        variogram: VariogramModel,
        samples: SystemSamples,
        neighborhood: Neighborhood,
    ) -> MovingSystem:
        """Prepare the search and, with drift columns, their coefficients.

        Raises
        ------
        KrigingSystemError
            When a covariance matrix is singular to working precision.
        """
        has_drift = samples.columns.shape[1] > 1
        return cls(
            covariance=covariance,
            nugget=variogram.nugget,
            sill=variogram.sill,
            samples=samples,
            search=NeighborSearch(samples.points, neighborhood, search_frame(variogram, samples.points.shape[1])),
            drift=DriftCoefficients.fit(covariance, variogram.nugget, samples) if has_drift else None,
        )

    def predict(self, targets: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return estimates, kriging variances and neighbour counts at locations that carry no sample.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)
            Centred as the samples are.
        columns : ndarray, shape (n_targets, n_columns)
            Constant and drift scores.

        Returns
        -------
        estimate, kriging_variance, n_neighbors : ndarray, shape (n_targets,)

        Raises
        ------
        KrigingSystemError
            When the system of a neighbourhood is singular.
        """
        return self._each(targets, columns, None)

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return exact leave-one-out estimates, variances and neighbour counts at the samples.

        Each sample is estimated from its nearest others; the drift's coefficients are those
        without the sample.

        Raises
        ------
        KrigingSystemError
            When the system of a neighbourhood is singular.
        """
        return self._each(self.samples.points, self.samples.columns, np.arange(len(self.samples)))

    def _each(
        self, targets: np.ndarray, columns: np.ndarray, left_out: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve in steps that keep memory bounded; `left_out` names one sample a target may not use."""
        n = len(targets)
        estimate, variance = np.full(n, np.nan), np.full(n, np.nan)
        counts = np.zeros(n, dtype=int)
        limit = min(self.search.neighborhood.max_neighbors or len(self.samples), len(self.samples))
        step = int(np.clip(2**20 // (limit * limit), 1, 2048))
        for start in range(0, n, step):
            part = np.arange(start, min(start + step, n))
            exclude = None if left_out is None else left_out[part]
            neighbors, found = self.search.nearest(targets[part], exclude)
            enough = found >= self.search.neighborhood.min_neighbors
            counts[part] = found
            if enough.any():
                part, neighbors = part[enough], neighbors[enough]
                exclude = None if exclude is None else exclude[enough]
                estimate[part], variance[part] = self._solve(targets[part], columns[part], neighbors, exclude)
        return estimate, variance, counts

    def _solve(
        self, targets: np.ndarray, columns: np.ndarray, neighbors: np.ndarray, left_out: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve the systems of some targets with given neighbours (padded with n_samples)."""
        samples = self.samples
        present = neighbors < len(samples)
        rows = np.where(present, neighbors, 0)
        covariances = self.covariance.between(targets[:, None, :], samples.points[rows])[:, 0, :] * present
        sets, which = _unique_rows(neighbors)
        in_set = sets < len(samples)
        points = samples.points[np.where(in_set, sets, 0)]
        matrix = self.covariance.between(points, points)
        matrix *= in_set[:, :, None] & in_set[:, None, :]
        diagonal = np.arange(matrix.shape[1])
        # An absent neighbour is a sample without relation to anything: its weight comes out as 0.
        matrix[:, diagonal, diagonal] = self.sill
        try:
            factor = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError as error:
            raise self._singular(matrix, sets) from error
        right_sides = np.stack([covariances, present.astype(float)], axis=-1)
        whitened = np.linalg.solve(factor[which], right_sides)
        toward_target, toward_constant = whitened[..., 0], whitened[..., 1]
        information = np.einsum("ij,ij->i", toward_constant, toward_constant)
        multiplier = (1.0 - np.einsum("ij,ij->i", toward_target, toward_constant)) / information
        combined = toward_target + multiplier[:, None] * toward_constant
        weights = np.linalg.solve(np.swapaxes(factor, 1, 2)[which], combined[..., None])[..., 0]
        variance = self.sill - np.einsum("ij,ij->i", toward_target, toward_target) + multiplier**2 * information
        estimate = np.einsum("ij,ij->i", weights, samples.values[rows])
        # Below zero is rounding next to a sample of a nugget-free model.
        variance = np.maximum(variance, 0.0)
        if self.drift is not None:
            beyond = columns - np.einsum("ij,ijc->ic", weights, samples.columns[rows])
            correction, spread = self._drift_correction(beyond, left_out)
            estimate += correction
            variance += spread
        return estimate, variance

    def _drift_correction(self, beyond: np.ndarray, left_out: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return what the drift that the neighbours do not carry adds to estimate and variance.

        The constant's part of `beyond` is 0, as the weights sum to 1.
        """
        drift = self.drift
        if drift is None:
            return np.zeros(len(beyond)), np.zeros(len(beyond))
        estimate = beyond @ drift.coefficients
        variance = np.einsum("ic,cd,id->i", beyond, drift.covariance, beyond)
        if left_out is not None:
            # Without sample i: beta - h_i e_i and S + h_i h_i' / P_ii, with e_i = b_i / P_ii its error.
            reach = np.einsum("ic,ic->i", beyond, drift.influence[left_out])
            precision = drift.precision[left_out]
            estimate -= reach * drift.dual[left_out] / precision
            variance += reach**2 / precision
        return estimate, variance

    def _singular(self, matrices: np.ndarray, sets: np.ndarray) -> KrigingSystemError:
        """Find the first singular system and explain it."""
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        rows = sets[int(np.argmin(smallest))]
        return singular_system_error(self.samples, self.nugget, rows[rows < len(self.samples)])


def _unique_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows and, for each row, the number of its distinct one."""
    packed = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    return rows[first], which


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
