"""The gradient of a kriged field: at any place, and at the samples without themselves.

The ordinary kriging estimate ``m + sum_j b_j C(x - x_j)`` is differentiated term by term:
``sum_j b_j grad C(x - x_j)``. In a moving neighbourhood b belongs to the neighbours of the place,
which are held fixed (the estimate itself jumps where they change). At sample i it is taken
without the sample, with ``b^(-i) = b - P[:, i] b_i / P_ii``, where P is the upper left block of the
inverse of the ordinary kriging matrix.

It is also the best linear unbiased estimate of the derivative: with d the derivative of the
covariances along an axis, its weights are P d and the variance of its error is
``-C''(0) - d'P d``. The variance concerns the field without its nugget, and exists where that field
has a derivative: ``-C''(0)`` is infinite when a structure has a kink at lag 0 (spherical,
exponential). The slope over a baseline h, ``(Z(x + h/2) - Z(x - h/2)) / h``, has a finite variance
for every model, ``2 gamma(h) / h^2 - d_h'P d_h`` with d_h the same difference of the covariances,
and is offered instead. Both variances depend on no value and are shared by fields with one
variogram.

*Drift.* A derivative is a linear functional of the field like a value: with a drift the estimate is
``f(x)'beta + sum_j b_j C(x - x_j)``, its gradient ``grad f(x)'beta + sum_j b_j grad C(x - x_j)``, and the
variance gains what is unknown of beta. Where the coefficients are those of all samples and the level is the
neighbours', the drift is taken off the samples and its gradient added; where they are the neighbours', grad f
is what the weights must reproduce. grad f of a polynomial in the coordinates is exact. That of an external
drift is given with the drift: it is that of the surface which the drift's raster stands for (`DriftSlopes`), a
class has none inside. The drift counts as known without error. With a known mean there is no Lagrange term.

References
----------
Chiles, J.-P. & Delfiner, P. (2012). Geostatistics, 2nd ed., sections 2.3.4 and 3.7.
Dubrule, O. (1983). Cross validation of kriging in a unique neighborhood. Math. Geol. 15(6).
Philip, R. D. & Kitanidis, P. K. (1989). Geostatistical estimation of hydraulic head gradients. Ground Water 27(6).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..grid import Block, RasterGrid
from ..variogram.models import VariogramModel
from .drift import DriftSlopes, check_drift
from .estimate import KrigingEstimate, Reason
from .far_gradient import GradientOfAll
from .far_samples import EXACT_TO
from .functionals import Derivative, Functional, is_differentiable, slope_over
from .lattice import Lattice
from .moving import MovingSystem
from .neighborhood import Neighborhood
from .ordinary import FittedKriging, fit_kriging
from .system import LOST_DRIFT, GlobalSystem
from .trend import trend_slopes


@dataclass(frozen=True)
class GradientEstimate:
    """The gradient of one or more kriged fields at a set of locations.

    Parameters
    ----------
    gradient : ndarray, shape (n, n_fields, n_dimensions)
        Along easting, northing[, elevation], in data units per map unit; NaN without an estimate.
    variance : ndarray, shape (n, n_dimensions)
        Of the error of each component, for the sill of the variogram, in squared data units per
        squared map unit; NaN without an estimate or where it was not asked for, infinite where a field with a kink in
        its variogram at lag 0 has no derivative.
    n_neighbors : ndarray of int, shape (n,)
        Samples used.
    reason : ndarray of int, shape (n,)
        A `Reason` each.

    Examples
    --------
    >>> north_west = np.array([[[-1.0, 1.0]]])
    >>> steep = GradientEstimate(north_west, np.full((1, 2), 0.5), np.array([9]), np.array([0]))
    >>> float(steep.azimuth[0, 0]), float(steep.magnitude[0, 0].round(6)), steep.flux(2.0).tolist()
    (315.0, 1.414214, [[[2.0, -2.0]]])
    """

    gradient: np.ndarray
    variance: np.ndarray
    n_neighbors: np.ndarray
    reason: np.ndarray

    @property
    def magnitude(self) -> np.ndarray:
        """Length of the gradient, shape (n, n_fields)."""
        return np.sqrt(np.einsum("nfd,nfd->nf", self.gradient, self.gradient))

    @property
    def azimuth(self) -> np.ndarray:
        """Direction of the steepest ascent on the map, shape (n, n_fields).

        In degrees clockwise from north, 0 or above and below 360; NaN where the field is level.
        """
        easting, northing = self.gradient[..., 0], self.gradient[..., 1]
        azimuth = np.degrees(np.arctan2(easting, northing)) % 360.0
        return np.where((easting == 0) & (northing == 0), np.nan, np.where(azimuth == 360.0, 0.0, azimuth))

    def flux(self, diffusivity: float) -> np.ndarray:
        """Return J = -D grad, shape (n, n_fields, n_dimensions).

        Parameters
        ----------
        diffusivity : float
            D, in squared map units per time.

        Raises
        ------
        InputError
            When D is not a finite number.
        """
        if not np.isfinite(diffusivity):
            raise InputError(f"Expected a finite diffusivity, got {diffusivity!r}.")
        return -diffusivity * self.gradient


@dataclass(frozen=True)
class FittedGradient:
    """Fields with one variogram and one neighbourhood, ready to differentiate; made by `fit_gradient`."""

    kriging: FittedKriging
    values: np.ndarray
    estimator: FittedKriging

    def predict(
        self,
        coordinates: np.ndarray,
        baseline: tuple[float, ...] | None = None,
        with_variance: bool = True,
        drift: DriftSlopes | None = None,
    ) -> GradientEstimate:
        """Return the gradient at some locations.

        At the location of a sample it is the limit of central differences, in which that sample
        takes no part where the model has a kink at lag 0.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the units and CRS of the samples.
        baseline : tuple of float or None
            Length along each axis over which the variance is that of the slope, in map units; None
            for the variance of the derivative itself. The gradient is the same.
        with_variance : bool
            False saves the work.
        drift : DriftSlopes or None
            The external drift there. With a baseline its slopes stand for those over the baseline, too.

        Returns
        -------
        GradientEstimate
            Without a gradient where there is no estimate, and where the drift's gradient is not known or leaves the
            directions the samples determine.

        Raises
        ------
        InputError
            When shapes disagree or a coordinate is not finite.
        KrigingSystemError
            When the system of a moving neighbourhood is singular.
        """
        targets = self.kriging._check_targets(coordinates)
        columns, reason = self._slopes_of_columns(targets, drift)
        if self.kriging.local_drift and self._has_drift:
            of_estimate = self.estimator.predict(targets, None if drift is None else drift.values).reason
            reason = np.where(reason != Reason.ESTIMATED, reason, of_estimate)
        points = targets - self.kriging._system.samples.center
        return self._at(points, None, baseline, with_variance, columns, reason)

    def predict_grid(
        self,
        grid: RasterGrid,
        block: Block | None = None,
        baseline: tuple[float, ...] | None = None,
        with_variance: bool = True,
        drift: DriftSlopes | None = None,
    ) -> GradientEstimate:
        """Return the gradient at the cell centres of a grid, or of one block of it: `predict` without lists of places.

        Parameters
        ----------
        grid : RasterGrid
        block : Block or None
            With an elevation where the samples are 3-D; None for the whole of a 2-D grid.
        baseline, with_variance, drift
            As in `predict`, the drift row by row from the top left.

        Returns
        -------
        GradientEstimate
            Row by row from the top left.

        Raises
        ------
        InputError, KrigingSystemError
            As `ordinary.FittedKriging.predict_grid`.
        """
        block = Block(0, 0, *grid.shape) if block is None else block
        lattice = Lattice.of_block(grid, block, self.kriging._system.samples.center)
        found = None if with_variance else self._on_lattice(lattice)
        if found is None:
            return self.predict(grid.centers(block), baseline, with_variance, drift)
        counts, reason, gradient = found
        if self._has_drift:
            columns, unknown = self._slopes_of_columns(grid.centers(block), drift)
            self._add_drift(gradient, columns)
            reason = np.where(unknown != Reason.ESTIMATED, unknown, reason)
        gradient[reason != Reason.ESTIMATED] = np.nan
        variance = np.broadcast_to(np.nan, (len(gradient), gradient.shape[-1]))
        return GradientEstimate(gradient, variance, counts, reason)

    def predict_grid_with_estimate(
        self,
        grid: RasterGrid,
        block: Block | None = None,
        baseline: tuple[float, ...] | None = None,
        with_variance: bool = True,
        drift: DriftSlopes | None = None,
    ) -> tuple[KrigingEstimate, GradientEstimate]:
        """Return estimates and gradients at the cell centres of a grid, or of one block of it.

        Without the gradient's variances and a drift they come in one pass, which costs little more than the
        estimates do.

        Parameters
        ----------
        grid, block, baseline, with_variance, drift
            As in `predict_grid`.

        Returns
        -------
        KrigingEstimate, GradientEstimate
            Row by row from the top left.

        Raises
        ------
        InputError
            As `predict_grid`, and for several fields.
        KrigingSystemError
            As `predict_grid`.
        """
        if self.values.shape[1] != 1:
            raise InputError(f"Expected one field to estimate and differentiate, got {self.values.shape[1]}.")
        block = Block(0, 0, *grid.shape) if block is None else block
        if self._has_drift:
            estimate = self.estimator.predict_grid(grid, block, None if drift is None else drift.values)
            return estimate, self.predict_grid(grid, block, baseline, with_variance, drift)
        estimate, slopes = self.estimator.predict_grid_with_slopes(grid, block, not with_variance)
        if slopes is None:
            return estimate, self.predict_grid(grid, block, baseline, with_variance)
        variance = np.broadcast_to(np.nan, (len(estimate), len(slopes)))
        gradient, reason = np.moveaxis(slopes[None], -1, 0), np.asarray(estimate.reason)
        return estimate, GradientEstimate(gradient, variance, estimate.n_neighbors, reason)

    @property
    def _has_drift(self) -> bool:
        """Whether there is a drift or a trend."""
        return self.kriging._basis.n_columns > 0

    def _slopes_of_columns(self, targets: np.ndarray, drift: DriftSlopes | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients of the system's columns at some places, and why some have none.

        Returns
        -------
        columns : ndarray, shape (n, n_columns, n_dimensions)
            0 where there are none.
        reason : ndarray of int, shape (n,)
        """
        kriging, (n, n_dimensions) = self.kriging, targets.shape
        samples = kriging._system.samples
        if not self._has_drift:
            check_drift(None if drift is None else drift.values, n, 0, "targets")
            return np.zeros((n, samples.columns.shape[1], n_dimensions)), np.zeros(n, dtype=np.int8)
        _, _, reason, _ = kriging._asked(targets, None if drift is None else drift.values, None)
        external = np.empty((n, 0, n_dimensions)) if drift is None else drift.slopes
        if external.shape != (n, kriging.n_drift, n_dimensions):
            raise InputError(
                f"Expected gradients of the drift of shape {(n, kriging.n_drift, n_dimensions)}, got {external.shape}."
            )
        trend = trend_slopes(targets - samples.center, kriging.trend_order)
        extent = float(np.ptp(samples.points, axis=0).max()) or 1.0
        columns = kriging._basis.score_slopes(np.concatenate([trend, external], axis=1), extent)
        is_known = reason == Reason.ESTIMATED
        reason[is_known & ~np.isfinite(columns).all(axis=(1, 2))] = Reason.DRIFT_NOT_SAMPLED
        reason[is_known & ~np.isfinite(external).all(axis=(1, 2))] = Reason.DRIFT_UNKNOWN
        columns[reason != Reason.ESTIMATED] = 0.0
        return columns, reason

    def _add_drift(self, gradient: np.ndarray, columns: np.ndarray) -> None:
        """Add what the drift contributes by coefficients from all samples, where there is one."""
        system = self.kriging._system
        if isinstance(system, MovingSystem):
            coefficients = None if system.drift is None else system.drift.coefficients
        else:
            coefficients = system.coefficients
        if self._has_drift and coefficients is not None:
            gradient[:, 0] += np.einsum("icd,c->id", columns, coefficients)

    def _on_lattice(self, lattice: Lattice) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return numbers of samples, reasons and gradients at the cells of a raster, without a drift's part of them.

        None where no road is for it.
        """
        system = self.kriging._system
        if isinstance(system, MovingSystem):
            level = self._level
            return None if level is None else level.gradients(lattice, self.values.shape[1])
        if len(system.samples) < self.kriging.neighborhood.min_neighbors:
            return None
        gradient = self._of_all.on_lattice(lattice)
        if gradient is None:
            return None
        n = len(gradient)
        return np.full(n, len(system.samples)), np.full(n, Reason.ESTIMATED, dtype=np.int8), gradient

    @cached_property
    def _level(self) -> MovingSystem | None:
        """The system of what a drift with coefficients from all samples leaves: its level; None with a local drift."""
        system = self.kriging._system
        if not isinstance(system, MovingSystem) or system.has_local_drift:
            return None
        if system.drift is None:
            return system
        samples = system.samples
        values = samples.values - (samples.columns @ system.drift.coefficients)[:, None]
        return replace(system, samples=replace(samples, values=values, columns=samples.columns[:, :1]), drift=None)

    @cached_property
    def _of_all(self) -> GradientOfAll:
        """The gradient from all samples."""
        system = self.kriging._system
        if not isinstance(system, GlobalSystem):
            raise TypeError("Expected the system of all samples.")
        return GradientOfAll(system.covariance, system.samples.points, system.dual_of(self.values), system.tolerance)

    def leave_one_out(
        self,
        baseline: tuple[float, ...] | None = None,
        with_variance: bool = True,
        drift: DriftSlopes | None = None,
    ) -> GradientEstimate:
        """Return the gradient at each sample from the others, exactly, with the variogram as it is.

        The parameters are those of `predict`, the drift that at the samples.
        """
        points = self.kriging._system.samples.points
        columns, reason = self._slopes_of_columns(self.kriging.coordinates, drift)
        if self.kriging.local_drift and self._has_drift:
            without = np.asarray(self.estimator.leave_one_out().reason)
            reason = np.where(reason != Reason.ESTIMATED, reason, without)
        return self._at(points, np.arange(len(points)), baseline, with_variance, columns, reason)

    def leave_group_out(self, groups: np.ndarray) -> GradientEstimate:
        """Return the gradient at the samples of each group from all other groups, exactly, without variances.

        Parameters
        ----------
        groups : ndarray of int, shape (n_samples,)

        Raises
        ------
        InputError
            When there is not one group number for each sample, and for a drift or a known mean.
        """
        kriging, system = self.kriging, self.kriging._system
        groups = np.asarray(groups)
        n, n_dimensions = kriging.coordinates.shape
        if groups.shape != (n,):
            raise InputError(f"Expected one group for each of {n} samples, got shape {groups.shape}.")
        if self._has_drift or kriging.mean is not None:
            raise InputError("Expected ordinary kriging to leave groups out of; this one has a drift or a known mean.")
        if len(np.unique(groups)) == n:
            return self.leave_one_out(with_variance=False)
        gradient = np.full((n, self.values.shape[1], n_dimensions), np.nan)
        counts, reason = np.zeros(n, dtype=int), np.full(n, Reason.FEW_NEIGHBORS, dtype=np.int8)
        for group in np.unique(groups):
            rows, others = np.flatnonzero(groups == group), groups != group
            if int(others.sum()) < max(1, kriging.neighborhood.min_neighbors):
                continue
            if isinstance(system, GlobalSystem):
                # b of the others, P b_i / P_ii for a set: b - P[:, rows] P[rows, rows]^-1 b[rows].
                dual, precision = system.dual_of(self.values), system.precision_of(rows)
                dual -= precision.T @ np.linalg.solve(precision[:, rows], dual[rows])
                dual[rows] = 0.0
                points = system.samples.points
                gradient[rows] = GradientOfAll(system.covariance, points, dual).at(points[rows])
                counts[rows], reason[rows] = int(others.sum()), Reason.ESTIMATED
                continue
            holes = None if kriging.holes is None else kriging.holes[others]
            rest = fit_gradient(
                kriging.coordinates[others], self.values[others], kriging.variogram, kriging.neighborhood, holes=holes
            )
            found = rest.predict(kriging.coordinates[rows], with_variance=False)
            gradient[rows], counts[rows], reason[rows] = found.gradient, found.n_neighbors, found.reason
        variance = np.full((n, n_dimensions), np.nan)
        return GradientEstimate(gradient, variance, counts, reason)

    def _at(
        self,
        points: np.ndarray,
        left_out: np.ndarray | None,
        baseline: tuple[float, ...] | None,
        with_variance: bool,
        columns: np.ndarray,
        unknown: np.ndarray,
    ) -> GradientEstimate:
        """Differentiate at centred places, where the columns have these gradients, or none for a reason."""
        n, n_dimensions = points.shape
        system = self.kriging._system
        if baseline is not None and len(baseline) != n_dimensions:
            raise InputError(f"Expected a baseline for each of {n_dimensions} axes, got {len(baseline)}.")
        gradient = np.full((n, self.values.shape[1], n_dimensions), np.nan)
        variance = np.full((n, n_dimensions), np.nan)
        spreads: list[Functional | None] = [None] * n_dimensions
        if with_variance and baseline is not None:
            spreads = [slope_over(length, axis, n_dimensions) for axis, length in enumerate(baseline)]
        elif with_variance and is_differentiable(system.covariance):
            spreads = [Derivative(axis) for axis in range(n_dimensions)]
        elif with_variance:
            variance[:] = np.inf
        if isinstance(system, GlobalSystem):
            n_used = len(system.samples) - (left_out is not None)
            is_short = n_used < self.kriging.neighborhood.min_neighbors
            counts = np.full(n, 0 if is_short else n_used)
            reason = np.full(n, Reason.FEW_NEIGHBORS if is_short else Reason.ESTIMATED, dtype=np.int8)
            if not is_short:
                if left_out is None:
                    gradient = self._of_all.at(points)
                    self._add_drift(gradient, columns)
                for axis, spread in enumerate(spreads):
                    own = columns[..., axis]
                    if left_out is not None:
                        self._global(points, left_out, Derivative(axis), own, gradient[..., axis], None)
                    if spread is not None:
                        self._global(points, left_out, spread, own, None, variance[:, axis])
                reason[np.isnan(gradient).any(axis=(1, 2))] = Reason.DRIFT_UNDETERMINED
        else:
            counts, reason = self._moving(points, left_out, spreads, columns, gradient, variance)
        reason = np.where(unknown != Reason.ESTIMATED, unknown, reason)
        without = reason != Reason.ESTIMATED
        gradient[without], variance[without] = np.nan, np.nan
        return GradientEstimate(gradient, np.maximum(variance, 0.0), counts, reason)

    def _moving(
        self,
        points: np.ndarray,
        left_out: np.ndarray | None,
        spreads: list[Functional | None],
        columns: np.ndarray,
        gradient: np.ndarray,
        variance: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write gradients and variances from the neighbours into arrays; return their numbers and reasons."""
        lattice = Lattice.of(points) if left_out is None else None
        solved = None if lattice is None else self._on_lattice(lattice)
        if solved is not None:
            counts, reason, gradient[:] = solved
            self._add_drift(gradient, columns)
        for axis, spread in enumerate(spreads):
            derivative = Derivative(axis)
            if solved is None:
                gradient[..., axis], own, counts, reason = self._of_neighbors(
                    points, left_out, derivative, columns[..., axis]
                )
                if spread == derivative:
                    variance[:, axis] = own
                    continue
            if spread is not None:
                variance[:, axis] = self._of_neighbors(points, left_out, spread, columns[..., axis])[1]
        return counts, reason

    def _of_neighbors(
        self, points: np.ndarray, left_out: np.ndarray | None, functional: Functional, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return estimates of a functional from the neighbours, shape (n, n_fields), variances, numbers and reasons."""
        system = self.kriging._system
        if not isinstance(system, MovingSystem):
            raise TypeError("Expected the system of a moving neighbourhood.")
        if self._has_drift:
            estimate, variance, _, counts, reason = system.predict(points, columns, functional, left_out)
            return estimate[:, None], variance, counts, reason
        n, prior = len(points), functional.variance(system.covariance)
        estimate, variance = np.full((n, self.values.shape[1]), np.nan), np.full(n, np.nan)
        counts, reason = np.zeros(n, dtype=int), np.zeros(n, dtype=np.int8)
        for rows, counts[rows], reason[rows], products in system.products(points, functional, left_out):
            estimate[rows], reduction = products.contrast(self.values.shape[1], system.has_mean)
            variance[rows] = prior - reduction
        return estimate, variance, counts, reason

    def _global(
        self,
        points: np.ndarray,
        left_out: np.ndarray | None,
        functional: Functional,
        columns: np.ndarray,
        gradient: np.ndarray | None,
        variance: np.ndarray | None,
    ) -> None:
        """Write the gradient or its variance from all samples, or all but one, into arrays of one axis.

        Without sample i the inverse of the whole kriging matrix, B = [P, H; H', -S], is ``B - B_.i B_i. / B_ii``.
        """
        system = self.kriging._system
        if not isinstance(system, GlobalSystem):
            raise TypeError("Expected the system of all samples.")
        samples = system.samples
        dual = system.dual_of(self.values)
        prior = functional.variance(system.covariance)
        for part in system.parts(len(points)):
            covariances = functional.between(system.covariance, points[part], samples.points)
            if left_out is not None:
                rows = left_out[part]
                own = np.arange(len(rows))
                # The left-out sample has no weight, whatever its own covariance.
                covariances[own, rows] = 0.0
                precision = system.precision_of(rows)
                reach = np.einsum("ij,ij->i", covariances, precision)
                reach += np.einsum("ic,ic->i", columns[part], system.influence[rows])
                whole = np.einsum("ji,ji->i", system.inverse_factor[:, rows], system.inverse_factor[:, rows])
                remaining = precision[own, rows]
                # Nothing remains where the sample alone determines a direction of the drift.
                remaining = np.where(remaining > LOST_DRIFT * whole, remaining, np.nan)
            if gradient is not None:
                gradient[part] = covariances @ dual + (columns[part] @ system.coefficients)[:, None]
                if left_out is not None:
                    gradient[part] -= (reach / remaining)[:, None] * dual[rows]
            if variance is not None:
                whitened = covariances @ system.inverse_factor.T
                lacking = columns[part] @ system.column_factor - whitened @ system.whitened_columns
                reduction = np.einsum("ij,ij->i", whitened, whitened) - np.einsum("ij,ij->i", lacking, lacking)
                if left_out is not None:
                    reduction -= reach**2 / remaining
                variance[part] = prior - reduction


def fit_gradient(
    coordinates: np.ndarray,
    values: np.ndarray,
    variogram: VariogramModel,
    neighborhood: Neighborhood | None = None,
    drift: np.ndarray | None = None,
    *,
    mean: float | None = None,
    trend_order: int = 0,
    holes: np.ndarray | None = None,
    local_drift: bool = False,
    tolerance: float = EXACT_TO,
) -> FittedGradient:
    """Prepare the gradient of one or more fields, kriged with one variogram.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation] in map units.
    values : ndarray, shape (n_samples,) or (n_samples, n_fields)
        On the scale the variogram lives on.
    variogram : VariogramModel
        Its sill matters to the variances only.
    neighborhood : Neighborhood or None
        None uses all samples for every estimate.
    drift : ndarray, shape (n_samples, n_drift), or None
        External drift at the samples, as in `ordinary.fit_kriging`.
    mean, trend_order, holes, local_drift
        As in `ordinary.fit_kriging`.
    tolerance : float
        Error allowed on rasters with all samples as neighbours: of estimates and variances as in
        `ordinary.fit_kriging`, of gradients as a share of the largest one. The default is exact to rounding.

    Returns
    -------
    FittedGradient

    Raises
    ------
    InputError
        As `ordinary.fit_kriging`, for a model whose derivative is not known, and for several fields with a drift, a
        trend or a known mean, which each have their own.
    KrigingSystemError
        As `ordinary.fit_kriging`.

    Examples
    --------
    >>> from ..variogram.models import Structure
    >>> coordinates = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    >>> plane = np.array([1.0, 3.0, 1.0, 3.0])
    >>> model = VariogramModel(0.0, (Structure("cubic", 1.0, 100.0),))
    >>> gradient = fit_gradient(coordinates, plane, model).predict([[5.0, 5.0]])
    >>> gradient.gradient[0, 0, 0].round(2), gradient.azimuth.round(6)
    (0.21, array([[90.]]))
    """
    values = np.asarray(values, dtype=float)
    fields = values[:, None] if values.ndim == 1 else values
    if fields.ndim != 2 or fields.shape[1] == 0 or len(fields) != len(coordinates):
        raise InputError(
            f"Expected values of shape ({len(coordinates)},) or ({len(coordinates)}, n_fields), got {values.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(fields).all(axis=1))
    if len(bad):
        raise InputError(
            f"Expected finite values at every sample, got NaN or infinity at {len(bad)} of {len(fields)} "
            f"(first: row {bad[0] + 1}). Remove or repair these samples."
        )
    estimator = kriging = fit_kriging(
        coordinates, fields[:, 0], variogram, neighborhood, drift,
        mean=mean, trend_order=trend_order, holes=holes, local_drift=local_drift, tolerance=tolerance,
    )  # fmt: skip
    if fields.shape[1] > 1 and (kriging._basis.n_columns or mean is not None):
        raise InputError(f"Expected one field with a drift, a trend or a known mean, got {fields.shape[1]}.")
    system = kriging._system
    # A mean that is estimated changes no gradient, and small numbers keep their digits.
    fields = fields - (fields.mean(axis=0) if mean is None else mean)
    if not isinstance(system, GlobalSystem):
        system = replace(system, samples=replace(system.samples, values=fields))
        kriging = replace(kriging, _system=system)
    return FittedGradient(kriging, fields, estimator)
