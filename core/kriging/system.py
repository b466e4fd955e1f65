"""The kriging system in covariance form, with drift, solved once for all samples.

With K the covariance matrix of the samples, F = [1, drift] and V the inverse of K's Cholesky
factor, everything is a dot product in whitened space: U = V F = Q_u R, w = V c(x),

* estimate  f(x)' beta + c(x)' b, with c and f the covariances and columns of what is estimated
  (`functionals`), beta = R^-1 Q_u' V z and b = V' (I - Q_u Q_u') V z; in simple kriging F has no columns,
* kriging variance  s^2 = C_0 - |w|^2 + |d|^2 with d = R^-T f(x) - Q_u' w and C_0 its own variance,
* smoothing variance  C_0 - Var(estimate) = s^2 + 2 mu'f(x) = s^2 - 2 d' R^-T f(x), with the
  Lagrange multipliers of ``K w + F mu = c``,
* leave-one-out error  b_i / P_ii and variance 1 / P_ii, with P = V' (I - Q_u Q_u') V, the upper
  left block of the inverse of the full kriging matrix; for several samples S left out together
  (P_SS)^-1 b_S and (P_SS)^-1, and with K P = I - H the smoothing variances are the diagonal of
  (I - 2 H_SS) (P_SS)^-1.

References
----------
Dubrule, O. (1983). Cross validation of kriging in a unique neighborhood. Math. Geol. 15(6).
Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, 2nd ed., sections 3.3 to 3.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InputError, KrigingSystemError
from .covariance import SmoothCovariance, squared_distances
from .far_samples import EXACT_TO, Tiling
from .functionals import Functional, PointValue, at_one_place
from .lattice import Lattice, parts
from .reduction import Reduction, reduce_lattice
from .tiles import spatial_tiles

MAX_GLOBAL_SAMPLES = 10_000
"""Beyond this the matrix of one global system passes 800 MB."""

LOST_DRIFT = 1e-9
_FEW_NEAR = 0.6
_LARGEST_PRECISION = 1e4
_TILE_TARGETS = 1024
_LARGE = 4096
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class SystemSamples:
    """Samples as a kriging system sees them.

    Parameters
    ----------
    points : ndarray, shape (n_samples, n_dimensions)
        Coordinates relative to `center`.
    values : ndarray, shape (n_samples,) or (n_samples, n_fields)
    columns : ndarray, shape (n_samples, n_scores + 1)
        The constant and the drift scores; no column at all when the mean is known.
    center : ndarray, shape (n_dimensions,)
        For messages in map coordinates.
    shared_nugget : float
        The part of the nugget that samples at one location share; the rest is each one's measurement error. 0 also
        where no two samples share a location.
    """

    points: np.ndarray
    values: np.ndarray
    columns: np.ndarray
    center: np.ndarray
    shared_nugget: float = 0.0

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def known(self) -> np.ndarray:
        """Columns and values side by side, shape (n_samples, n_scores + 1 + n_fields)."""
        return np.column_stack([self.columns, self.values])

    def rows(self, which: np.ndarray) -> SystemSamples:
        """Return some of the samples, by index or boolean mask, shape (n_samples,)."""
        return replace(self, points=self.points[which], values=self.values[which], columns=self.columns[which])

    def share_nugget(self, matrix: np.ndarray, points: np.ndarray, others: np.ndarray | None = None) -> None:
        """Add what samples at one location share of the nugget to their covariances, the diagonal included.

        Parameters
        ----------
        matrix : ndarray, shape (n_points, n_others)
            Changed in place.
        points : ndarray, shape (n_points, n_dimensions)
            As `points` of the samples.
        others : ndarray, shape (n_others, n_dimensions), or None
            The samples of the columns; None: the same.
        """
        if self.shared_nugget > 0:
            matrix += self.shared_nugget * at_one_place(points, points if others is None else others)


def singular_system_error(samples: SystemSamples, nugget: float, rows: np.ndarray | None = None) -> KrigingSystemError:
    """Explain a singular system by its two closest samples.

    Parameters
    ----------
    samples : SystemSamples
    nugget : float
    rows : ndarray of int or None
        Numbers of the system's samples where `samples` holds more than these.
    """
    from scipy.spatial import cKDTree

    rows = np.arange(len(samples)) if rows is None else np.asarray(rows)
    points = samples.points[rows]
    n = len(rows)
    if n < 2:
        return KrigingSystemError(f"The kriging system of {n} sample has no unique solution.", n)
    distances, neighbors = cKDTree(points).query(points, k=2)
    first = int(np.argmin(distances[:, 1]))
    second = int(neighbors[first, 1] if neighbors[first, 1] != first else neighbors[first, 0])
    distance = float(distances[first, 1])

    def place(row: int) -> str:
        return "(" + ", ".join(f"{c:.12g}" for c in points[row] + samples.center) + ")"

    low, high = sorted((first, second))
    pair = f"samples {rows[low] + 1} and {rows[high] + 1}"
    if distance == 0:
        message = (
            f"The kriging system of {n} samples has no unique solution: {pair} share {place(low)} "
            "and the variogram has no nugget. Average or remove duplicates, or use a variogram with a nugget."
        )
    else:
        message = (
            f"The kriging system of {n} samples is numerically singular; its closest {pair} lie {distance:.6g} "
            f"map units apart, at {place(low)} and {place(high)}. Use a variogram with a larger nugget (now "
            f"{nugget:.6g}) or a less smooth model than the gaussian, or merge samples that close."
        )
    return KrigingSystemError(message, n)


def inverse_factor(covariance: SmoothCovariance, nugget: float, samples: SystemSamples) -> np.ndarray:
    """Return the inverse of the lower Cholesky factor of the samples' covariance matrix.

    Returns
    -------
    ndarray, shape (n_samples, n_samples)
        Lower triangular, zero above the diagonal, in column order.

    Raises
    ------
    KrigingSystemError
        When the matrix is singular to working precision.
    """
    from scipy.linalg import get_lapack_funcs

    n, points = len(samples), samples.points
    # The matrix is symmetric, and LAPACK reads one half: the lower one of the transpose, which is in the column order
    # that it overwrites in place. Made a few rows at a time it stays in the cache.
    matrix, sums = np.zeros((n, n)), np.zeros(n)
    for rows in parts(n, _ROWS_AT_ONCE):
        part = covariance.between(points[rows], points[rows.start :])
        samples.share_nugget(part, points[rows], points[rows.start :])
        part[np.diag_indices(len(part))] += nugget - samples.shared_nugget
        matrix[rows, rows.start :] = part
        sizes = np.abs(part)
        sums[rows] += sizes.sum(axis=1)
        sums[rows.stop :] += sizes[:, len(part) :].sum(axis=0)
    norm = float(sums.max())
    potrf, pocon, trtri = get_lapack_funcs(("potrf", "pocon", "trtri"), (matrix,))
    factor, failed = potrf(matrix.T, lower=1, overwrite_a=1, clean=1)
    if failed == 0:
        reciprocal_condition, _ = pocon(factor, norm, uplo="L")
        failed = int(reciprocal_condition < n * np.finfo(float).eps)
    if failed == 0:
        factor, failed = trtri(factor, lower=1, overwrite_c=1)
    if failed:
        raise singular_system_error(samples, nugget)
    return factor


@dataclass(frozen=True)
class OrderedSystem:
    """Samples of a system in an order of its own: neighbours mostly stand beside each other.

    Parameters
    ----------
    points : ndarray, shape (n_samples, n_dimensions)
    precision : ndarray, shape (n_samples, n_samples)
        P.
    rows_wanted : ndarray, shape (1 + n_columns, n_samples)
        R.
    """

    points: np.ndarray
    precision: np.ndarray
    rows_wanted: np.ndarray


def spatial_order(points: np.ndarray) -> np.ndarray:
    """Return the numbers of points along a curve that fills the map (of Morton's, on a grid of 1024 by 1024).

    Examples
    --------
    >>> spatial_order(np.array([[0.0, 0.0], [9.0, 9.0], [9.0, 0.0], [0.0, 9.0], [1.0, 0.0]])).tolist()
    [0, 4, 2, 3, 1]
    """
    places = points[:, :2] - points[:, :2].min(axis=0)
    cells = (places / (float(places.max()) or 1.0) * 1023.0).astype(np.int64)
    key = np.zeros(len(points), dtype=np.int64)
    for bit in range(10):
        key |= ((cells[:, 0] >> bit) & 1) << (2 * bit) | ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return np.argsort(key, kind="stable")


@dataclass(frozen=True)
class GlobalSystem:
    """One factorised system of all samples.

    Parameters
    ----------
    covariance : SmoothCovariance
    nugget, sill : float
        In squared data units.
    samples : SystemSamples
    inverse_factor : ndarray, shape (n_samples, n_samples)
        V, lower triangular.
    whitened_columns : ndarray, shape (n_samples, n_columns)
        Q_u, orthonormal.
    column_factor : ndarray, shape (n_columns, n_columns)
        R^-1, upper triangular.
    coefficients : ndarray, shape (n_columns,)
        beta, of the constant and the drift scores.
    dual : ndarray, shape (n_samples,)
        b.
    tolerance : float
        Error allowed where rasters are interpolated (`far_samples`), as a share of the sill and of the values' spread.
    """

    covariance: SmoothCovariance
    nugget: float
    sill: float
    samples: SystemSamples
    inverse_factor: np.ndarray
    whitened_columns: np.ndarray
    column_factor: np.ndarray
    coefficients: np.ndarray
    dual: np.ndarray
    tolerance: float = EXACT_TO

    @classmethod
    def solve(cls, covariance: SmoothCovariance, nugget: float, sill: float, samples: SystemSamples) -> GlobalSystem:
        """Factorise the system of all samples.

        Raises
        ------
        KrigingSystemError
            When the covariance matrix is singular to working precision.
        InputError
            When there are too many samples, or fewer than drift columns.
        """
        from scipy.linalg import solve_triangular

        if len(samples) > MAX_GLOBAL_SAMPLES:
            raise InputError(
                f"Using all samples for every estimate works up to {MAX_GLOBAL_SAMPLES} samples, got {len(samples)}. "
                "Set a maximum number of neighbours (32 to 64 is usual)."
            )
        whitening = inverse_factor(covariance, nugget, samples)
        if samples.columns.shape[1]:
            whitened_columns, upper = np.linalg.qr(whitening @ samples.columns)
            column_factor = solve_triangular(upper, np.eye(len(upper)))
        else:
            whitened_columns, column_factor = np.empty((len(samples), 0)), np.empty((0, 0))
        projected, residual = _without_drift(whitening @ samples.values, whitened_columns)
        return cls(
            covariance=covariance,
            nugget=nugget,
            sill=sill,
            samples=samples,
            inverse_factor=whitening,
            whitened_columns=whitened_columns,
            column_factor=column_factor,
            coefficients=column_factor @ projected,
            dual=whitening.T @ residual,
        )

    def dual_of(self, values: np.ndarray) -> np.ndarray:
        """Return b of other values at the same samples, shape (n_samples, n_fields) as they are."""
        return self.inverse_factor.T @ _without_drift(self.inverse_factor @ values, self.whitened_columns)[1]

    def predict(
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return estimates, kriging variances and smoothing variances.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)
            Centred as the samples are.
        columns : ndarray, shape (n_targets, n_columns)
            Constant and drift scores, of what is estimated.
        functional : Functional
            What is estimated.

        Returns
        -------
        estimate, kriging_variance, smoothing_variance : ndarray, shape (n_targets,)
        """
        if len(targets) == 0:
            return np.empty(0), np.empty(0), np.empty(0)
        prior = functional.variance(self.covariance)
        if len(targets) >= _LARGE and isinstance(functional, PointValue) and not functional.on_samples:
            lattice = Lattice.of(targets)
            reduction = None if lattice is None else reduce_lattice(self, lattice)
            if reduction is not None:
                return self._finish(reduction, columns, prior)
        near = None
        if self.near_helps and isinstance(functional, PointValue) and not functional.on_samples:
            order, starts = _tiles(targets, self.covariance)
            near = _near(targets[order], starts, self.samples.points, self.covariance)
        if near is None or np.mean(near) > _FEW_NEAR:
            estimate, variance, smoothing = self._predict_all(targets, columns, functional)
        else:
            estimate, variance, smoothing = np.empty((3, len(targets)))
            estimate[order], variance[order], smoothing[order] = self._predict_near(
                targets[order], columns[order], starts, near, prior
            )
        # Below zero is rounding of sill - |w|^2 next to a sample of a nugget-free model.
        return estimate, np.maximum(variance, 0.0), smoothing

    def _predict_all(
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Use every sample for every target, through the inverse factor."""
        from scipy.linalg.blas import dtrmm

        estimate, variance, smoothing = np.empty((3, len(targets)))
        prior = functional.variance(self.covariance)
        for part in self.parts(len(targets)):
            covariances = functional.between(self.covariance, targets[part], self.samples.points)
            estimate[part] = columns[part] @ self.coefficients + covariances @ self.dual
            # V C' in place: C' is C in BLAS's column order, and V triangular halves the work.
            whitened = dtrmm(1.0, self.inverse_factor, covariances.T, lower=1, overwrite_b=1).T
            white_columns = columns[part] @ self.column_factor
            drift_part = white_columns - whitened @ self.whitened_columns
            variance[part] = (
                prior - np.einsum("ij,ij->i", whitened, whitened) + np.einsum("ij,ij->i", drift_part, drift_part)
            )
            smoothing[part] = variance[part] - 2.0 * np.einsum("ij,ij->i", drift_part, white_columns)
        return estimate, variance, smoothing

    def predict_lattice(
        self, lattice: Lattice, prior: float, with_slopes: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None] | None:
        """Return the same as `predict` at the cells of a raster, where the only column is the constant, and slopes.

        None where no road for rasters is the cheapest; the last is the gradient of the estimate, shape
        (n_dimensions, n_cells), where it was asked for and costs little beside, else None.
        """
        if lattice.shape[0] * lattice.shape[1] < _LARGE:
            return None
        reduction = reduce_lattice(self, lattice, with_slopes)
        if reduction is None:
            return None
        columns = np.ones((1, self.samples.columns.shape[1]))
        return (*self._finish(reduction, columns, prior), reduction.slopes)

    def _finish(
        self, reduction: Reduction, columns: np.ndarray, prior: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Make estimates and variances of what was reduced; its arrays are overwritten.

        One row of columns will do where all are equal.
        """
        estimate = reduction.products[0]
        if len(self.coefficients):
            estimate += columns @ self.coefficients
        white_columns = self.column_factor.T @ columns.T
        of_columns = np.sum(white_columns**2, axis=0)
        # |c - d|^2 of whitened columns c and what the samples explain d: P has d^2 in it, |V c|^2 has not.
        smoothing = np.subtract(prior - of_columns, reduction.quadratic, out=reduction.quadratic)
        variance = None
        for white_column, through_samples in zip(white_columns, reduction.products[1:]):
            if reduction.through_factor:
                smoothing += through_samples * through_samples
            through_samples *= -2.0 * white_column
            variance = through_samples if variance is None else np.add(variance, through_samples, out=variance)
        if variance is None:
            return estimate, np.maximum(smoothing, 0.0), smoothing
        variance += 2.0 * of_columns
        variance += smoothing
        return estimate, np.maximum(variance, 0.0, out=variance), smoothing

    @cached_property
    def rows_wanted(self) -> np.ndarray:
        """R, the rows b and Q_u' V: what else covariances are multiplied by, shape (1 + n_columns, n_samples)."""
        return np.vstack([self.dual, self.whitened_columns.T @ self.inverse_factor])

    def parts(self, n_targets: int) -> Iterator[slice]:
        """Yield parts of the targets whose covariances with all samples fit the cache."""
        step = int(np.clip(2**15 // len(self.samples), 64, 4096))
        for start in range(0, n_targets, step):
            yield slice(start, start + step)

    def _predict_near(
        self, targets: np.ndarray, columns: np.ndarray, starts: np.ndarray, near: np.ndarray, prior: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Use for each tile the samples within the support of the covariance: the others add exactly 0."""
        white_columns = columns @ self.column_factor
        estimate = columns @ self.coefficients
        variance = prior + np.einsum("ij,ij->i", white_columns, white_columns)
        smoothing = 2.0 * (prior - variance)
        stops = np.append(starts[1:], len(targets))
        for tile, (start, stop) in enumerate(zip(starts, stops)):
            rows = np.flatnonzero(near[tile])
            if len(rows) == 0:
                continue
            part = slice(start, stop)
            covariances = self.covariance.between(targets[part], self.samples.points[rows])
            estimate[part] += covariances @ self.dual[rows]
            reduction = covariances @ self.precision[np.ix_(rows, rows)]
            through_drift = 2.0 * np.einsum("ij,ij->i", columns[part] @ self.influence[rows].T, covariances)
            variance[part] -= np.einsum("ij,ij->i", reduction, covariances) + through_drift
            smoothing[part] += through_drift
        return estimate, variance, smoothing + variance

    @cached_property
    def influence(self) -> np.ndarray:
        """Change of the drift's coefficients with each value, K^-1 F (F'K^-1 F)^-1, shape (n_samples, n_columns)."""
        return self.inverse_factor.T @ (self.whitened_columns @ self.column_factor.T)

    @cached_property
    def precision(self) -> np.ndarray:
        """P, shape (n_samples, n_samples)."""
        return self._precision()

    @cached_property
    def ordered(self) -> OrderedSystem:
        """What rasters need, with the samples in an order that follows the map."""
        order, n = spatial_order(self.samples.points), len(self.samples)
        whole, precision = self._precision(), np.empty((n, n))
        for rows in parts(n, _ROWS_AT_ONCE):
            np.take(whole[order[rows]], order, axis=1, out=precision[rows])
        return OrderedSystem(self.samples.points[order], precision, np.ascontiguousarray(self.rows_wanted[:, order]))

    def _precision(self) -> np.ndarray:
        """Return P."""
        from scipy.linalg import get_lapack_funcs

        lauum = get_lapack_funcs("lauum", (self.inverse_factor,))
        lower, failed = lauum(self.inverse_factor, lower=1)
        if failed:
            raise ValueError(f"LAPACK's lauum refused its argument {-failed}.")
        projection = self.whitened_columns.T @ self.inverse_factor
        # The factor is zero above its diagonal, and so is what LAPACK makes of it: the other half is filled in place.
        whole = lower.T
        for rows in parts(len(whole), _ROWS_AT_ONCE):
            whole[rows, : rows.start] = whole[: rows.start, rows].T
            corner = whole[rows, rows]
            corner += np.triu(corner, 1).T
        for rows in parts(len(whole), _ROWS_AT_ONCE):
            whole[rows] -= projection[:, rows].T @ projection
        return np.ascontiguousarray(whole)

    def precision_of(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows of P, shape (n_rows, n_samples)."""
        part = self.inverse_factor[:, rows]
        return (part - self.whitened_columns @ (self.whitened_columns.T @ part)).T @ self.inverse_factor

    @cached_property
    def tilings(self) -> dict[tuple[object, ...], Tiling]:
        """What `reduction` decided for rasters of some cell size."""
        return {}

    @cached_property
    def memories(self) -> list[np.ndarray]:
        """Working memory that kernels have used and nobody uses now."""
        return []

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the values; 1 where they are equal."""
        return float(np.std(self.samples.values)) or 1.0

    @cached_property
    def keeps_digits(self) -> bool:
        """Whether P is small enough for c'P c to keep its digits."""
        largest = np.einsum("ij,ij->j", self.inverse_factor, self.inverse_factor).max()
        return bool(largest * self.sill < _LARGEST_PRECISION)

    @cached_property
    def near_helps(self) -> bool:
        """Whether the covariance ends within the samples' extent, and P keeps its digits."""
        reaches_all = any(
            frame.support > np.linalg.norm(np.ptp(frame.scale(self.samples.points), axis=0))
            for frame in self.covariance.frames
        )
        return not reaches_all and self.keeps_digits

    def weights(
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return kriging weights and Lagrange multipliers.

        Returns
        -------
        weights : ndarray, shape (n_targets, n_samples)
        lagrange_multiplier : ndarray, shape (n_targets,)
            mu of the constant in ``K w + mu 1 = c``; without drift the variance is C_0 - w'c - mu. 0 when the mean
            is known.
        """
        covariances = functional.between(self.covariance, targets, self.samples.points)
        whitened = covariances @ self.inverse_factor.T
        drift_part = columns @ self.column_factor - whitened @ self.whitened_columns
        weights = (whitened + drift_part @ self.whitened_columns.T) @ self.inverse_factor
        if columns.shape[1] == 0:
            return weights, np.zeros(len(targets))
        return weights, -(drift_part @ self.column_factor.T)[:, 0]

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return exact leave-one-out estimates, kriging and smoothing variances, shape (n_samples,) each.

        NaN where the sample alone determines a direction of the drift.
        """
        precision = np.einsum("ij,ij->j", self.inverse_factor, self.inverse_factor)
        projection = self.whitened_columns.T @ self.inverse_factor
        remaining = precision - np.einsum("ij,ij->j", projection, projection)
        determined = remaining > LOST_DRIFT * precision
        remaining = np.where(determined, remaining, np.nan)
        leverage = np.einsum("ij,ij->i", self.samples.columns, self.influence)
        return self.samples.values - self.dual / remaining, 1.0 / remaining, (1.0 - 2.0 * leverage) / remaining

    def leave_set_out(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return exact estimates, kriging and smoothing variances at some samples from all others.

        Parameters
        ----------
        rows : ndarray of int, shape (n_left_out,)

        Returns
        -------
        estimate, kriging_variance, smoothing_variance : ndarray, shape (n_left_out,)
            Or None when the others alone do not determine the drift.

        References
        ----------
        Ginsbourger, D. & Scharer, C. (2024). Fast calculation of Gaussian process multiple-fold
        cross-validation residuals and their covariances. J. Comput. Graph. Stat. 34(1).
        """
        from scipy.linalg import solve_triangular

        left_out = self.inverse_factor[:, rows]
        projection = self.whitened_columns.T @ left_out
        precision = left_out.T @ left_out
        factor = np.linalg.cholesky(precision)
        if len(projection):
            # Eigenvalues of the share of the left-out information that goes into the drift: below 1.
            share = solve_triangular(factor, projection.T, lower=True)
            if np.linalg.svd(share, compute_uv=False).max(initial=0.0) ** 2 > 1 - LOST_DRIFT:
                return None
        remaining = np.linalg.inv(precision - projection.T @ projection)
        variance = np.diag(remaining).copy()
        hat = self.samples.columns[rows] @ self.influence[rows].T
        smoothing = variance - 2.0 * np.einsum("ij,ji->i", hat, remaining)
        return self.samples.values[rows] - remaining @ self.dual[rows], variance, smoothing


def _without_drift(whitened: np.ndarray, whitened_columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split whitened values into what the columns explain, in their orthonormal frame, and the residual."""
    projected = whitened_columns.T @ whitened
    residual = whitened - whitened_columns @ projected
    # Once more, for what the first projection left by rounding (large means over small variations).
    residual -= whitened_columns @ (whitened_columns.T @ residual)
    return projected, residual


def _tiles(targets: np.ndarray, covariance: SmoothCovariance) -> tuple[np.ndarray, np.ndarray]:
    """Gather targets in tiles that are small beside the support; return their order and the tiles' starts."""
    extent = np.ptp(targets, axis=0)
    support = max((frame.support for frame in covariance.frames), default=1.0)
    sides = extent > 0
    n_sides = max(1, int(sides.sum()))
    few_targets = float(np.prod(extent[sides] ** (1 / n_sides))) * (_TILE_TARGETS / len(targets)) ** (1 / n_sides)
    order, lengths = spatial_tiles(
        targets, max(min(0.2 * support, few_targets), 0.25 * few_targets, 1e-300), _TILE_TARGETS
    )
    return order, np.cumsum(lengths) - lengths


def _near(targets: np.ndarray, starts: np.ndarray, points: np.ndarray, covariance: SmoothCovariance) -> np.ndarray:
    """Return which samples may covary with some target of each tile, shape (n_tiles, n_samples)."""
    near = np.zeros((len(starts), len(points)), dtype=bool)
    lengths = np.diff(np.append(starts, len(targets)))
    for frame in covariance.frames:
        scaled = frame.scale(targets)
        centers = 0.5 * (np.minimum.reduceat(scaled, starts) + np.maximum.reduceat(scaled, starts))
        offset = scaled - np.repeat(centers, lengths, axis=0)
        half = np.sqrt(np.maximum.reduceat(np.einsum("ij,ij->i", offset, offset), starts))
        reach = (frame.support + half) * (1 + 1e-9)
        near |= squared_distances(centers, frame.scale(points)) <= (reach**2)[:, None]
    return near
