"""Kriging, ordinary, simple, universal and with external drift: of points, blocks and grids, and left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..coincident import coincident_samples
from ..errors import InputError, KrigingSystemError
from ..grid import Block, RasterGrid
from ..variogram.models import VariogramModel
from .covariance import SmoothCovariance
from .drift import DriftBasis, check_drift
from .estimate import KrigingEstimate, Reason
from .far_samples import EXACT_TO
from .functionals import BlockSize, PointSum, PointValue
from .lattice import Lattice
from .moving import MovingSystem
from .moving_weights import positive_weights
from .neighborhood import Neighborhood, NeighborSearch, search_frame
from .sampled_locations import SampledLocations
from .system import GlobalSystem, SystemSamples, singular_system_error
from .trend import check_order, trend_columns

__all__ = ["FittedKriging", "KrigingEstimate", "fit_kriging"]

_SMALLEST_SILL = 1e-280


@dataclass(frozen=True)
class FittedKriging:
    """Samples, a variogram and a neighbourhood, ready to estimate; made by `fit_kriging`.

    Notes
    -----
    *Exactness.* At the location of a sample the estimate is its value and the variance 0; where
    several samples share a location, their mean. In leave-one-out the left-out sample is
    another measurement at its place, with a nugget of its own.

    *Measurement error.* The part of the nugget that is measurement error is filtered: what is
    estimated is the variable without it, so that estimates no longer equal the samples. In
    leave-one-out the sample is compared with its measured value, whose error the variance includes.
    Samples at one location are then repeated measurements: they share the rest of the nugget and
    differ by their errors, so that m of them weigh as their mean with an m-th of the error.

    *Drift with all samples* is universal kriging in one system.

    *Drift with a moving neighbourhood*: the coefficients of the drift are estimated once from all
    samples (generalised least squares), the level locally (ordinary kriging weights w of the
    neighbours), and the uncertainty of the coefficients S enters the variance as
    ``(d(x) - D'w)' S (d(x) - D'w)``. With all samples as neighbours this is exactly universal
    kriging. It is preferred to re-estimating all coefficients in each neighbourhood, which is
    unstable with few neighbours and undefined where a column is constant among them. `local_drift`
    does that all the same, as R's gstat: universal kriging of the neighbours.

    *Blocks.* The mean over a block has neither nugget nor exactness; neighbours are the samples
    nearest to its centre, and an external drift is the drift's mean over the block.
    """

    coordinates: np.ndarray
    values: np.ndarray
    variogram: VariogramModel
    neighborhood: Neighborhood
    drift: np.ndarray
    mean: float | None
    trend_order: int
    holes: np.ndarray | None
    local_drift: bool
    _basis: DriftBasis = field(repr=False)
    _system: GlobalSystem | MovingSystem = field(repr=False)
    _locations: SampledLocations = field(repr=False)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.values)

    @property
    def n_drift(self) -> int:
        """Number of drift columns, neither the constant nor a trend in the coordinates counted."""
        return self.drift.shape[1]

    def predict(
        self, coordinates: np.ndarray, drift: np.ndarray | None = None, block: BlockSize | PointSum | None = None
    ) -> KrigingEstimate:
        """Estimate at some locations.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the units and CRS of the samples.
        drift : ndarray, shape (n, n_drift), or None
            The same columns as at the samples; where it is NaN, or where it leaves the directions
            the samples determine (a class never sampled), the estimate is NaN.
        block : BlockSize, PointSum or None
            Estimate the mean of a block centred on each location, or of points around it (weights that sum
            to 1); None the value there.

        Returns
        -------
        KrigingEstimate

        Raises
        ------
        InputError
            When shapes disagree or a coordinate is not finite.
        KrigingSystemError
            When the system of a moving neighbourhood is singular.
        """
        targets, columns, reason, functional = self._asked(coordinates, drift, block)
        return self._estimate(targets, columns, functional, reason)

    def predict_grid(
        self,
        grid: RasterGrid,
        block: Block | None = None,
        drift: np.ndarray | None = None,
        support: BlockSize | None = None,
    ) -> KrigingEstimate:
        """Estimate at the cell centres of a grid, or of one block of it.

        Parameters
        ----------
        grid : RasterGrid
        block : Block or None
            With an elevation where the samples are 3-D; None for the whole of a 2-D grid.
        drift : ndarray, shape (n_cells, n_drift), or None
            Row by row from the top left.
        support : BlockSize or None
            Estimate the mean of a block centred on each cell centre; None the value there.

        Returns
        -------
        KrigingEstimate
            Row by row from the top left; the same numbers as `predict` at the centres.

        Raises
        ------
        InputError
            When the samples are 3-D and the block has no elevation, or as `predict`.
        """
        block = Block(0, 0, *grid.shape) if block is None else block
        if drift is None and support is None:
            return self.predict_grid_with_slopes(grid, block, wanted=False)[0]
        self._check_elevation(block)
        return self.predict(grid.centers(block), drift, support)

    def predict_grid_with_slopes(
        self, grid: RasterGrid, block: Block, wanted: bool = True
    ) -> tuple[KrigingEstimate, np.ndarray | None]:
        """Estimate at the cell centres of a block of a grid, with the gradient where it comes in the same pass.

        Parameters
        ----------
        grid, block
            As in `predict_grid`.
        wanted : bool
            Whether the gradient is.

        Returns
        -------
        estimate : KrigingEstimate
        slopes : ndarray, shape (n_dimensions, n_cells), or None
            Of the estimates, NaN where these are, where the kernels have it; else None.

        Raises
        ------
        InputError
            As `predict_grid`.
        """
        self._check_elevation(block)
        found = self._on_raster(grid, block, wanted)
        return (self.predict(grid.centers(block)), None) if found is None else found

    def _check_elevation(self, block: Block) -> None:
        """Raise an error where a block of 3-D samples has no elevation."""
        if self.coordinates.shape[1] == 3 and block.elevation is None:
            raise InputError("The samples are 3-D, but the grid has no elevation. Give elevations to estimate at.")

    def _on_raster(
        self, grid: RasterGrid, block: Block, with_slopes: bool = False
    ) -> tuple[KrigingEstimate, np.ndarray | None] | None:
        """Estimate without a list of all places, where there is neither drift nor measurement error; else None.

        With the slopes of the system's `predict_lattice`.
        """
        system = self._system
        is_short = self.n_samples < self.neighborhood.min_neighbors
        if self._basis.n_columns or self.variogram.measurement_error > 0 or is_short:
            return None
        x, y = grid.axes(block)
        z = np.empty(0) if block.elevation is None else np.array([float(block.elevation)])
        center, prior = system.samples.center, PointValue(self._own_nugget).variance(system.covariance)
        lattice, slopes = Lattice(x - center[0], y - center[1], z - center[2:]), None
        if isinstance(system, MovingSystem):
            solved = system.predict_lattice(lattice, prior, with_slopes)
            if solved is None:
                return None
            (estimate, variance, smoothing, counts, reason), slopes = solved
        else:
            solved_globally = system.predict_lattice(lattice, prior, with_slopes)
            if solved_globally is None:
                return None
            estimate, variance, smoothing, slopes = solved_globally
            counts, reason = np.full(len(estimate), self.n_samples), np.zeros(len(estimate), dtype=np.int8)
        if self.mean is not None:
            estimate += self.mean
        cells, locations = self._locations.find_on_axes(x, y, z)
        is_estimated = reason[cells] == Reason.ESTIMATED
        cells, locations = cells[is_estimated], locations[is_estimated]
        estimate[cells] = self._locations.mean_value[locations]
        variance[cells] = smoothing[cells] = 0.0
        return KrigingEstimate(estimate, variance, counts, smoothing, prior, reason), slopes

    def leave_one_out(self, rows: np.ndarray | None = None) -> KrigingEstimate:
        """Estimate each sample from the others, exactly, with the variogram as it is.

        Parameters
        ----------
        rows : ndarray of int, or None
            Samples to estimate; None for all.

        Returns
        -------
        KrigingEstimate
            At these samples. NaN where a sample has fewer than ``min_neighbors`` others in reach,
            or where it alone determines a direction of the drift (the only sample of a class).

        References
        ----------
        Dubrule, O. (1983). Cross validation of kriging in a unique neighborhood. Math. Geol. 15(6).
        """
        n = self.n_samples
        rows = np.arange(n) if rows is None else np.asarray(rows)
        if isinstance(self._system, GlobalSystem):
            if n - 1 < self.neighborhood.min_neighbors:
                return _empty_estimate(len(rows), self.variogram.sill, Reason.FEW_NEIGHBORS)
            estimate, variance, smoothing = (part[rows] for part in self._system.leave_one_out())
            counts = np.full(len(rows), n - 1)
            reason = np.zeros(len(rows), dtype=np.int8)
        else:
            estimate, variance, smoothing, counts, reason = self._system.leave_one_out(rows)
        missing = ~np.isfinite(estimate)
        reason[missing & (reason == Reason.ESTIMATED)] = Reason.DRIFT_UNDETERMINED
        return KrigingEstimate(
            self._with_mean(estimate), variance, np.where(missing, 0, counts), smoothing, self.variogram.sill, reason
        )

    def leave_group_out(self, groups: np.ndarray) -> KrigingEstimate:
        """Estimate the samples of each group from all other groups, exactly, with the variogram as it is.

        Parameters
        ----------
        groups : ndarray of int, shape (n_samples,)

        Returns
        -------
        KrigingEstimate
            At the samples; NaN where the other groups allow no estimate.

        Raises
        ------
        InputError
            When there is not one group number for each sample.
        """
        groups = np.asarray(groups)
        if groups.shape != (self.n_samples,):
            raise InputError(f"Expected one group for each of {self.n_samples} samples, got shape {groups.shape}.")
        result = _empty_estimate(self.n_samples, self.variogram.sill, Reason.FEW_NEIGHBORS)
        reasons = np.asarray(result.reason)
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            n_others = self.n_samples - len(rows)
            if n_others < max(1, self.neighborhood.min_neighbors):
                continue
            solved = self._system.leave_set_out(rows) if isinstance(self._system, GlobalSystem) else None
            if solved is None:
                # Without the group the drift has fewer directions, or every neighbourhood changes: refit.
                keep = groups != group
                others = fit_kriging(
                    self.coordinates[keep],
                    self.values[keep],
                    self.variogram,
                    self.neighborhood,
                    self.drift[keep],
                    mean=self.mean,
                    trend_order=self.trend_order,
                    holes=None if self.holes is None else self.holes[keep],
                    local_drift=self.local_drift,
                )
                targets, columns, reason, _ = others._asked(self.coordinates[rows], self.drift[rows], None)
                # Another measurement at each place, with its nugget, its error included.
                shared = self._own_nugget if self.variogram.measurement_error > 0 else 0.0
                functional = PointValue(self.variogram.nugget, shared > 0, shared)
                part = others._estimate(targets, columns, functional, reason, exact=False)
                result.estimate[rows] = part.estimate
                result.kriging_variance[rows] = part.kriging_variance
                result.smoothing_variance[rows] = part.smoothing_variance
                result.n_neighbors[rows] = part.n_neighbors
                reasons[rows] = part.reason
            else:
                estimate, result.kriging_variance[rows], result.smoothing_variance[rows] = solved
                result.estimate[rows] = self._with_mean(estimate)
                result.n_neighbors[rows] = n_others
                reasons[rows] = Reason.ESTIMATED
        return result

    def weights(
        self, coordinates: np.ndarray, drift: np.ndarray | None = None, block: BlockSize | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the kriging weights of all samples, for a global neighbourhood.

        Returns
        -------
        weights : ndarray, shape (n, n_samples)
            At the location of a sample, 1 for it (shared by the samples there) and 0 for the others, unless
            a measurement error is filtered.
        lagrange_multiplier : ndarray, shape (n,)
            Of the constant, in squared data units, with the sign of ``K w + mu 1 = c``.

        Raises
        ------
        InputError
            For a moving neighbourhood, and as `predict`.
        """
        if not isinstance(self._system, GlobalSystem):
            raise InputError("Weights of all samples exist for a global neighbourhood only; this one is moving.")
        targets, columns, _, functional = self._asked(coordinates, drift, block)
        points = targets - self._system.samples.center
        weights, multiplier = self._system.weights(points, columns, functional)
        for row, location in self._on_samples(targets, functional):
            if self.variogram.measurement_error > 0:
                here = PointValue(self._own_nugget, on_samples=True)
                part = self._system.weights(points[row : row + 1], columns[row : row + 1], here)
                weights[row], multiplier[row] = part[0][0], part[1][0]
            else:
                at_location = self._locations.location_of_sample == location
                weights[row] = at_location / at_location.sum()
                multiplier[row] = 0.0
        return weights, multiplier

    def positive_weights(
        self, coordinates: np.ndarray, drift: np.ndarray | None = None, block: BlockSize | None = None
    ) -> np.ndarray:
        """Return the sum of the positive kriging weights: 1 where no sample has a negative one.

        In a moving neighbourhood with a drift that is not local they are the weights of the neighbours'
        level, without what the drift's coefficients owe to every sample.

        Returns
        -------
        ndarray, shape (n,)
            NaN where there is no estimate.

        Raises
        ------
        InputError
            As `predict`.
        """
        targets, columns, reason, functional = self._asked(coordinates, drift, block)
        result = np.full(len(targets), np.nan)
        known = np.flatnonzero(reason == Reason.ESTIMATED)
        points = targets[known] - self._system.samples.center
        if isinstance(self._system, GlobalSystem):
            if self.n_samples >= self.neighborhood.min_neighbors:
                for part in self._system.parts(len(known)):
                    weights, _ = self._system.weights(points[part], columns[known[part]], functional)
                    result[known[part]] = np.maximum(weights, 0.0).sum(axis=1)
        else:
            result[known] = positive_weights(self._system, points, columns[known], functional)
        for row, _ in self._on_samples(targets, functional):
            if np.isfinite(result[row]):
                if self.variogram.measurement_error == 0:
                    result[row] = 1.0
                else:
                    here = PointValue(self._own_nugget, on_samples=True)
                    point, column = (targets[row] - self._system.samples.center)[None], columns[row : row + 1]
                    if isinstance(self._system, GlobalSystem):
                        result[row] = np.maximum(self._system.weights(point, column, here)[0], 0.0).sum()
                    else:
                        result[row] = positive_weights(self._system, point, column, here)[0]
        return result

    @property
    def _own_nugget(self) -> float:
        """The part of the nugget that is variation of the variable, not measurement error."""
        return self.variogram.nugget - self.variogram.measurement_error

    def _with_mean(self, estimate: np.ndarray) -> np.ndarray:
        """Return estimates of the deviation from a known mean as estimates of the variable."""
        return estimate if self.mean is None else estimate + self.mean

    def _asked(
        self, coordinates: np.ndarray, drift: np.ndarray | None, block: BlockSize | PointSum | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, PointValue | PointSum]:
        """Return targets, their columns, why some have none, and what is estimated there."""
        targets = self._check_targets(coordinates)
        external = check_drift(drift, len(targets), self.n_drift, "targets")
        if isinstance(block, BlockSize) and len(block.sides) != targets.shape[1]:
            raise InputError(f"Expected a block of {targets.shape[1]} sides, as the coordinates, got {block.sides}.")
        mean = block.mean() if isinstance(block, BlockSize) else block
        functional = PointValue(self._own_nugget) if mean is None else mean
        points = targets - self._system.samples.center
        trend = trend_columns(points, self.trend_order, functional if isinstance(functional, PointSum) else None)
        columns = self._basis.scores(np.column_stack([trend, external]))
        reason = np.full(len(targets), Reason.ESTIMATED, dtype=np.int8)
        if columns.shape[1] > 1 or self.n_drift:
            reason[~np.isfinite(columns).all(axis=1)] = Reason.DRIFT_NOT_SAMPLED
            reason[~np.isfinite(external).all(axis=1)] = Reason.DRIFT_UNKNOWN
        if self.mean is not None and isinstance(self._system, GlobalSystem):
            columns = columns[:, 1:]
        return targets, columns, reason, functional

    def _on_samples(self, targets: np.ndarray, functional: PointValue | PointSum) -> list[tuple[int, int]]:
        """Return rows of targets whose value is asked for exactly on a sampled location, and which it is."""
        if not isinstance(functional, PointValue):
            return []
        location = self._locations.find(targets)
        rows = np.flatnonzero(location >= 0)
        return list(zip(rows.tolist(), location[rows].tolist()))

    def _check_targets(self, coordinates: np.ndarray) -> np.ndarray:
        """Return target coordinates as an array that fits the samples."""
        targets = np.asarray(coordinates, dtype=float)
        n_dimensions = self.coordinates.shape[1]
        if targets.ndim != 2 or targets.shape[1] != n_dimensions:
            raise InputError(f"Expected target coordinates of shape (n, {n_dimensions}), got {targets.shape}.")
        if not np.isfinite(targets).all():
            raise InputError("Expected finite target coordinates, got NaN or infinity.")
        return targets

    def _estimate(
        self,
        targets: np.ndarray,
        columns: np.ndarray,
        functional: PointValue | PointSum,
        reason: np.ndarray,
        exact: bool = True,
    ) -> KrigingEstimate:
        """Estimate where the drift is known; `exact` makes a target on a sample that sample's value."""
        result = _empty_estimate(len(targets), functional.variance(self._system.covariance), Reason.ESTIMATED)
        reasons = np.asarray(result.reason)
        reasons[:] = reason
        is_known = reason == Reason.ESTIMATED
        known = slice(None) if is_known.all() else np.flatnonzero(is_known)
        points = targets[known] - self._system.samples.center
        estimate, variance, smoothing, counts, reasons[known] = self._solved(points, columns[known], functional)
        if exact and isinstance(functional, PointValue):
            location = self._locations.find(targets[known])
            on_sample = np.flatnonzero(location >= 0)
            on_sample = on_sample[np.isfinite(estimate[on_sample])]
            if self.variogram.measurement_error == 0:
                estimate[on_sample] = self._locations.mean_value[location[on_sample]]
                variance[on_sample] = smoothing[on_sample] = 0.0
            elif self._own_nugget > 0 and len(on_sample):
                here = PointValue(self._own_nugget, on_samples=True)
                part = self._solved(points[on_sample], columns[known][on_sample], here)
                estimate[on_sample], variance[on_sample], smoothing[on_sample] = part[:3]
        result.estimate[known] = estimate
        result.kriging_variance[known] = variance
        result.smoothing_variance[known] = smoothing
        result.n_neighbors[known] = counts
        return result

    def _solved(
        self, points: np.ndarray, columns: np.ndarray, functional: PointValue | PointSum
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return estimate, both variances, neighbour counts and reasons at centred targets."""
        n = len(points)
        if not isinstance(self._system, GlobalSystem):
            estimate, variance, smoothing, counts, reason = self._system.predict(points, columns, functional)
        elif self.n_samples < self.neighborhood.min_neighbors:
            nothing = np.full((3, n), np.nan)
            counts, reason = np.zeros(n, dtype=int), np.full(n, Reason.FEW_NEIGHBORS, dtype=np.int8)
            return nothing[0], nothing[1], nothing[2], counts, reason
        else:
            estimate, variance, smoothing = self._system.predict(points, columns, functional)
            counts, reason = np.full(n, self.n_samples), np.zeros(n, dtype=np.int8)
        return self._with_mean(estimate), variance, smoothing, counts, reason


def fit_kriging(
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
) -> FittedKriging:
    """Prepare kriging of one variable.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation] in map units.
    values : ndarray, shape (n_samples,)
        On the scale the variogram lives on.
    variogram : VariogramModel
    neighborhood : Neighborhood or None
        None uses all samples for every estimate.
    drift : ndarray, shape (n_samples, n_drift), or None
        External drift at the samples without the constant; None is ordinary kriging. Columns are
        centred and standardised inside; redundant ones do no harm.
    mean : float or None
        Simple kriging with this known mean, on the scale of `values`; None estimates the mean.
    trend_order : int
        Universal kriging with a polynomial of this order (1 or 2) in the coordinates; 0 for none.
    holes : ndarray, shape (n_samples,), or None
        Drill hole of each sample, where the neighbourhood counts samples a hole.
    local_drift : bool
        Estimate the coefficients of drift and trend from the neighbours of each target, not once from all samples.
    tolerance : float
        Error allowed on rasters with all samples as neighbours, as a share of the sill (variances) and of the
        values' standard deviation (estimates). The default is exact to rounding; 1e-7 saves about a third.

    Returns
    -------
    FittedKriging

    Raises
    ------
    InputError
        When shapes disagree, a number is not finite, a mean comes with a drift or a trend, or all samples
        of more than `system.MAX_GLOBAL_SAMPLES` are asked for.
    KrigingSystemError
        When the system has no unique solution: samples at one location without a nugget, or a
        variogram too smooth for the spacing of the samples. The closest samples are named.

    Examples
    --------
    >>> from ..variogram.models import Structure
    >>> coordinates = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]])
    >>> kriging = fit_kriging(
    ...     coordinates, np.array([1.0, 2.0, 6.0]), VariogramModel(0.1, (Structure("spherical", 0.9, 30.0),))
    ... )
    >>> result = kriging.predict(np.array([[10.0, 0.0], [5.0, 0.0]]))
    >>> result.estimate.round(4), result.kriging_variance.round(4)
    (array([2.    , 1.7035]), array([0.    , 0.3761]))
    """
    coordinates = np.array(coordinates, dtype=float)
    values = np.array(values, dtype=float)
    neighborhood = Neighborhood() if neighborhood is None else neighborhood
    drift = _checked_drift(coordinates, values, drift)
    _check_settings(variogram, trend_order, tolerance)
    if mean is not None:
        if not np.isfinite(mean):
            raise InputError(f"Expected a finite mean for simple kriging, got {mean!r}.")
        if drift.shape[1] or trend_order:
            raise InputError("A known mean leaves no drift or trend to estimate. Leave out one of them.")
    # The middle of the box: centred numbers keep their digits, and a shift of all samples changes nothing.
    center = 0.5 * (coordinates.min(axis=0) + coordinates.max(axis=0))
    all_drift = np.column_stack([trend_columns(coordinates - center, trend_order), drift])
    basis = DriftBasis.fit(all_drift)
    columns = basis.scores(all_drift)
    # Samples at one location are measurements of one value where the file knows their error, else unrelated.
    own_nugget = variogram.nugget - variogram.measurement_error
    shared = own_nugget if variogram.measurement_error > 0 and coincident_samples(coordinates) else 0.0
    centered = values if mean is None else values - mean
    samples = SystemSamples(coordinates - center, centered, columns, center, shared)
    if variogram.nugget == 0 and coincident_samples(coordinates):
        raise singular_system_error(samples, 0.0)
    system: GlobalSystem | MovingSystem
    try:
        if neighborhood.is_global:
            system = _global_system(variogram, samples, mean is None, tolerance)
        else:
            system = _moving_system(variogram, samples, neighborhood, holes, mean is None, local_drift)
    except np.linalg.LinAlgError as error:
        raise KrigingSystemError(
            f"The kriging system of {len(samples)} samples has no unique solution ({error}). "
            "Check the variogram and the drift.",
            len(samples),
        ) from error
    return FittedKriging(
        coordinates,
        values,
        variogram,
        neighborhood,
        drift,
        mean,
        trend_order,
        None if holes is None else np.asarray(holes),
        local_drift,
        basis,
        system,
        SampledLocations(coordinates, values),
    )


def _checked_drift(coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray | None) -> np.ndarray:
    """Return the drift at the samples as columns, shape (n_samples, n_drift), once shapes and numbers are sound."""
    if coordinates.ndim != 2 or coordinates.shape[1] not in (2, 3) or len(coordinates) == 0:
        raise InputError(f"Expected coordinates of shape (n_samples, 2 or 3), got {coordinates.shape}.")
    if values.shape != (len(coordinates),):
        raise InputError(f"Expected one value for each of {len(coordinates)} samples, got shape {values.shape}.")
    columns = np.array(check_drift(drift, len(coordinates), None, "samples"))
    for label, array in (("coordinates", coordinates), ("values", values[:, None]), ("drift", columns)):
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(bad):
            raise InputError(
                f"Expected finite {label} at every sample, got NaN or infinity at {len(bad)} of {len(array)} "
                f"(first: row {bad[0] + 1}). Remove or repair these samples."
            )
    return columns


def _check_settings(variogram: VariogramModel, trend_order: int, tolerance: float) -> None:
    """Refuse settings out of range."""
    if not _SMALLEST_SILL < variogram.sill < 1.0 / _SMALLEST_SILL:
        raise InputError(
            f"Expected a sill with room for its rounding in double precision, got {variogram.sill:g}. Use another unit "
            "for the values, and fit the variogram in it."
        )
    check_order(trend_order)
    if not EXACT_TO <= tolerance <= 0.01:
        raise InputError(f"Expected a tolerance from {EXACT_TO:g} (exact) to 0.01, got {tolerance!r}.")


def _global_system(
    variogram: VariogramModel, samples: SystemSamples, mean_is_unknown: bool, tolerance: float
) -> GlobalSystem:
    """Solve kriging from all samples; with a known mean no constant is estimated."""
    covariance = SmoothCovariance.of(variogram, samples.points.shape[1])
    if not mean_is_unknown:
        samples = replace(samples, columns=samples.columns[:, 1:])
    system = GlobalSystem.solve(covariance, variogram.nugget, variogram.sill, samples)
    return replace(system, tolerance=tolerance)


def _moving_system(
    variogram: VariogramModel,
    samples: SystemSamples,
    neighborhood: Neighborhood,
    holes: np.ndarray | None,
    mean_is_unknown: bool,
    local_drift: bool,
) -> MovingSystem:
    """Prepare kriging from the nearest samples of each target."""
    n_dimensions = samples.points.shape[1]
    covariance = SmoothCovariance.of(variogram, n_dimensions)
    search = NeighborSearch(samples.points, neighborhood, search_frame(variogram, n_dimensions), holes)
    return MovingSystem.solve(covariance, variogram, samples, search, mean_is_unknown, local_drift)


def _empty_estimate(n: int, prior_variance: float, reason: Reason) -> KrigingEstimate:
    """Return an estimate that is NaN everywhere, for one reason."""
    estimate, variance, smoothing = np.full((3, n), np.nan)
    reasons = np.full(n, reason, dtype=np.int8)
    return KrigingEstimate(estimate, variance, np.zeros(n, dtype=int), smoothing, prior_variance, reasons)
