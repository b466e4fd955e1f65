"""Ordinary kriging and kriging with external drift, at points, on grids and left out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError, KrigingSystemError
from ..grid import Block, RasterGrid
from ..samples import coincident_samples
from ..variogram.models import VariogramModel
from .covariance import SmoothCovariance
from .drift import DriftBasis, check_drift
from .moving import MovingSystem
from .neighborhood import Neighborhood
from .system import GlobalSystem, SystemSamples, singular_system_error


@dataclass(frozen=True)
class KrigingEstimate:
    """Kriging at a set of locations.

    Parameters
    ----------
    estimate : ndarray, shape (n,)
        In data units; NaN where no estimate is possible.
    kriging_variance : ndarray, shape (n,)
        In squared data units; NaN with the estimate.
    n_neighbors : ndarray of int, shape (n,)
        Samples used.
    smoothing_variance : ndarray, shape (n,)
        C(0) minus the variance of the estimate, which is the kriging variance plus twice the
        Lagrange terms mu'f: how much smoother the estimate is than the variable. In squared data
        units; the unbiased way back from logarithms needs it (`Transform.back_transform`).
    """

    estimate: np.ndarray
    kriging_variance: np.ndarray
    n_neighbors: np.ndarray
    smoothing_variance: np.ndarray

    def __len__(self) -> int:
        return len(self.estimate)

    @property
    def kriging_std(self) -> np.ndarray:
        """Square root of the kriging variance, in data units."""
        return np.sqrt(self.kriging_variance)


@dataclass(frozen=True)
class FittedKriging:
    """Samples, a variogram and a neighbourhood, ready to estimate; made by `fit_kriging`.

    Notes
    -----
    *Exactness.* At the location of a sample the estimate is its value and the variance 0; where
    several samples share a location, their mean. In leave-one-out the left-out sample is
    another measurement at its place, with a nugget of its own.

    *Drift with all samples* is universal kriging in one system.

    *Drift with a moving neighbourhood*: the coefficients of the drift are estimated once from all
    samples (generalised least squares), the level locally (ordinary kriging weights w of the
    neighbours), and the uncertainty of the coefficients S enters the variance as
    ``(d(x) - D'w)' S (d(x) - D'w)``. With all samples as neighbours this is exactly universal
    kriging. It is preferred to re-estimating all coefficients in each neighbourhood, which is
    unstable with few neighbours and undefined where a column is constant among them.
    """

    coordinates: np.ndarray
    values: np.ndarray
    variogram: VariogramModel
    neighborhood: Neighborhood
    drift: np.ndarray
    _basis: DriftBasis = field(repr=False)
    _system: GlobalSystem | MovingSystem = field(repr=False)
    _locations: _SampledLocations = field(repr=False)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.values)

    @property
    def n_drift(self) -> int:
        """Number of drift columns, the constant not counted."""
        return self.drift.shape[1]

    def predict(self, coordinates: np.ndarray, drift: np.ndarray | None = None) -> KrigingEstimate:
        """Estimate at some locations.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the units and CRS of the samples.
        drift : ndarray, shape (n, n_drift), or None
            The same columns as at the samples; where it is NaN, or where it leaves the directions
            the samples determine (a class never sampled), the estimate is NaN.

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
        targets = self._check_targets(coordinates)
        columns = self._basis.scores(check_drift(drift, len(targets), self.n_drift, "targets"))
        return self._estimate(targets, columns)

    def predict_grid(
        self, grid: RasterGrid, block: Block | None = None, drift: np.ndarray | None = None
    ) -> KrigingEstimate:
        """Estimate at the cell centres of a grid, or of one block of it.

        Parameters
        ----------
        grid : RasterGrid
        block : Block or None
            None for the whole grid.
        drift : ndarray, shape (n_cells, n_drift), or None
            Row by row from the top left.

        Returns
        -------
        KrigingEstimate
            Row by row from the top left; the same numbers as `predict` at the centres.

        Raises
        ------
        InputError
            When the samples are 3-D, or as `predict`.
        """
        if self.coordinates.shape[1] != 2:
            raise InputError("A grid has no elevation, but the samples are 3-D. Use predict with 3-D coordinates.")
        block = Block(0, 0, *grid.shape) if block is None else block
        return self.predict(grid.centers(block), drift)

    def leave_one_out(self) -> KrigingEstimate:
        """Estimate each sample from the others, exactly, with the variogram as it is.

        Returns
        -------
        KrigingEstimate
            At the samples. NaN where a sample has fewer than ``min_neighbors`` others in reach,
            or where it alone determines a direction of the drift (the only sample of a class).

        References
        ----------
        Dubrule, O. (1983). Cross validation of kriging in a unique neighborhood. Math. Geol. 15(6).
        """
        n = self.n_samples
        if isinstance(self._system, GlobalSystem):
            if n - 1 < self.neighborhood.min_neighbors:
                return _empty_estimate(n)
            estimate, variance, smoothing = self._system.leave_one_out()
            counts = np.full(n, n - 1)
        else:
            estimate, variance, smoothing, counts = self._system.leave_one_out()
        return KrigingEstimate(estimate, variance, np.where(np.isfinite(estimate), counts, 0), smoothing)

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
        result = _empty_estimate(self.n_samples)
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            n_others = self.n_samples - len(rows)
            if n_others < max(1, self.neighborhood.min_neighbors):
                continue
            solved = self._system.leave_set_out(rows) if isinstance(self._system, GlobalSystem) else None
            if solved is None:
                # Without the group the drift has fewer directions, or every neighbourhood changes: refit.
                others = fit_kriging(
                    self.coordinates[groups != group],
                    self.values[groups != group],
                    self.variogram,
                    self.neighborhood,
                    self.drift[groups != group],
                )
                columns = others._basis.scores(self.drift[rows])
                part = others._estimate(self.coordinates[rows], columns, exact=False)
                result.estimate[rows] = part.estimate
                result.kriging_variance[rows] = part.kriging_variance
                result.smoothing_variance[rows] = part.smoothing_variance
                result.n_neighbors[rows] = part.n_neighbors
            else:
                result.estimate[rows], result.kriging_variance[rows], result.smoothing_variance[rows] = solved
                result.n_neighbors[rows] = n_others
        return result

    def weights(self, coordinates: np.ndarray, drift: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the kriging weights of all samples, for a global neighbourhood.

        Returns
        -------
        weights : ndarray, shape (n, n_samples)
            At the location of a sample, 1 for it (shared by the samples there) and 0 for the others.
        lagrange_multiplier : ndarray, shape (n,)
            Of the constant, in squared data units, with the sign of ``K w + mu 1 = c``.

        Raises
        ------
        InputError
            For a moving neighbourhood, and as `predict`.
        """
        if not isinstance(self._system, GlobalSystem):
            raise InputError("Weights of all samples exist for a global neighbourhood only; this one is moving.")
        targets = self._check_targets(coordinates)
        columns = self._basis.scores(check_drift(drift, len(targets), self.n_drift, "targets"))
        weights, multiplier = self._system.weights(targets - self._system.samples.center, columns)
        location = self._locations.find(targets)
        for row in np.flatnonzero(location >= 0):
            at_location = self._locations.location_of_sample == location[row]
            weights[row] = at_location / at_location.sum()
            multiplier[row] = 0.0
        return weights, multiplier

    def _check_targets(self, coordinates: np.ndarray) -> np.ndarray:
        """Return target coordinates as an array that fits the samples."""
        targets = np.asarray(coordinates, dtype=float)
        n_dimensions = self.coordinates.shape[1]
        if targets.ndim != 2 or targets.shape[1] != n_dimensions:
            raise InputError(f"Expected target coordinates of shape (n, {n_dimensions}), got {targets.shape}.")
        if not np.isfinite(targets).all():
            raise InputError("Expected finite target coordinates, got NaN or infinity.")
        return targets

    def _estimate(self, targets: np.ndarray, columns: np.ndarray, exact: bool = True) -> KrigingEstimate:
        """Estimate where the drift is known; `exact` makes a target on a sample that sample's value."""
        result = _empty_estimate(len(targets))
        known = np.flatnonzero(np.isfinite(columns).all(axis=1))
        points = targets[known] - self._system.samples.center
        if isinstance(self._system, GlobalSystem):
            if self.n_samples < self.neighborhood.min_neighbors:
                return result
            estimate, variance, smoothing = self._system.predict(points, columns[known])
            counts = np.full(len(known), self.n_samples)
        else:
            estimate, variance, smoothing, counts = self._system.predict(points, columns[known])
        if exact:
            location = self._locations.find(targets[known])
            on_sample = (location >= 0) & np.isfinite(estimate)
            estimate[on_sample] = self._locations.mean_value[location[on_sample]]
            variance[on_sample] = smoothing[on_sample] = 0.0
        result.estimate[known] = estimate
        result.kriging_variance[known] = variance
        result.smoothing_variance[known] = smoothing
        result.n_neighbors[known] = counts
        return result


def fit_kriging(
    coordinates: np.ndarray,
    values: np.ndarray,
    variogram: VariogramModel,
    neighborhood: Neighborhood | None = None,
    drift: np.ndarray | None = None,
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

    Returns
    -------
    FittedKriging

    Raises
    ------
    InputError
        When shapes disagree, a number is not finite, or all samples of more than
        `system.MAX_GLOBAL_SAMPLES` are asked for.
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
    if coordinates.ndim != 2 or coordinates.shape[1] not in (2, 3) or len(coordinates) == 0:
        raise InputError(f"Expected coordinates of shape (n_samples, 2 or 3), got {coordinates.shape}.")
    if values.shape != (len(coordinates),):
        raise InputError(f"Expected one value for each of {len(coordinates)} samples, got shape {values.shape}.")
    drift = np.array(check_drift(drift, len(coordinates), None, "samples"))
    for label, array in (("coordinates", coordinates), ("values", values[:, None]), ("drift", drift)):
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(bad):
            raise InputError(
                f"Expected finite {label} at every sample, got NaN or infinity at {len(bad)} of {len(array)} "
                f"(first: row {bad[0] + 1}). Remove or repair these samples."
            )
    n_dimensions = coordinates.shape[1]
    # The middle of the box: centred numbers keep their digits, and a shift of all samples changes nothing.
    center = 0.5 * (coordinates.min(axis=0) + coordinates.max(axis=0))
    basis = DriftBasis.fit(drift)
    samples = SystemSamples(coordinates - center, values, basis.scores(drift), center)
    covariance = SmoothCovariance.of(variogram, n_dimensions)
    if variogram.nugget == 0 and coincident_samples(coordinates):
        raise singular_system_error(samples, 0.0)
    system: GlobalSystem | MovingSystem
    try:
        if neighborhood.is_global:
            system = GlobalSystem.solve(covariance, variogram.nugget, variogram.sill, samples)
        else:
            system = MovingSystem.solve(covariance, variogram, samples, neighborhood)
    except np.linalg.LinAlgError as error:
        raise KrigingSystemError(
            f"The kriging system of {len(samples)} samples has no unique solution ({error}). "
            "Check the variogram and the drift.",
            len(samples),
        ) from error
    return FittedKriging(
        coordinates, values, variogram, neighborhood, drift, basis, system, _SampledLocations(coordinates, values)
    )


class _SampledLocations:
    """Finds which targets lie exactly on a sample, by exact equality of coordinates."""

    def __init__(self, coordinates: np.ndarray, values: np.ndarray) -> None:
        self._axes = [np.unique(axis) for axis in coordinates.T]
        self._keys, self.location_of_sample = np.unique(self._key(coordinates), return_inverse=True)
        counts = np.bincount(self.location_of_sample)
        self.mean_value = np.bincount(self.location_of_sample, weights=values) / counts
        # One sample: its value to the last bit.
        single = counts[self.location_of_sample] == 1
        self.mean_value[self.location_of_sample[single]] = values[single]

    def find(self, targets: np.ndarray) -> np.ndarray:
        """Return the number of the sampled location at each target, -1 where there is none."""
        keys = self._key(targets)
        position = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where((keys >= 0) & (self._keys[position] == keys), position, -1)

    def _key(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the ranks of a location's coordinates among the samples' as one number, -1 where there are none."""
        key = np.zeros(len(coordinates), dtype=np.int64)
        known = np.ones(len(coordinates), dtype=bool)
        for axis, levels in enumerate(self._axes):
            rank = np.minimum(np.searchsorted(levels, coordinates[:, axis]), len(levels) - 1)
            known &= levels[rank] == coordinates[:, axis]
            key = key * len(levels) + rank
        return np.where(known, key, -1)


def _empty_estimate(n: int) -> KrigingEstimate:
    """Return an estimate that is NaN everywhere."""
    return KrigingEstimate(np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=int), np.full(n, np.nan))
