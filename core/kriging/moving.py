"""Kriging from a moving neighbourhood: one small system for each set of neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..variogram.models import VariogramModel
from .compiled import WORTH_COMPILING, compiled_kernels, knows, note_failure
from .covariance import SmoothCovariance
from .drift_coefficients import DriftCoefficients
from .estimate import Reason
from .functionals import Functional, PointValue
from .lattice import Lattice
from .moving_lattice import BinnedSamples, Bins, LatticeProducts, solve_lattice, solve_sectors
from .moving_tiles import solve_marked
from .neighborhood import NeighborSearch
from .products import Products
from .restricted import restricted_batches
from .system import SystemSamples
from .tiles import neighbors_of_each, tile_batches


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
        None without drift columns, or with a local drift.
    has_mean : bool
        Whether the mean is estimated from the neighbours (ordinary kriging), not known (simple kriging).
    has_local_drift : bool
        Whether the drift's coefficients are estimated from the neighbours, too.
    """

    covariance: SmoothCovariance
    nugget: float
    sill: float
    samples: SystemSamples
    search: NeighborSearch
    drift: DriftCoefficients | None
    has_mean: bool = True
    has_local_drift: bool = False

    @classmethod
    def solve(
        cls,
        covariance: SmoothCovariance,
        variogram: VariogramModel,
        samples: SystemSamples,
        search: NeighborSearch,
        has_mean: bool = True,
        local_drift: bool = False,
    ) -> MovingSystem:
        """Prepare, with drift columns that are not local, their coefficients.

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
            search=search,
            drift=DriftCoefficients.fit(covariance, variogram.nugget, samples)
            if has_drift and not local_drift
            else None,
            has_mean=has_mean,
            has_local_drift=has_drift and local_drift,
        )

    def predict(
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional, left_out: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return estimates, kriging and smoothing variances, neighbour counts and reasons for no estimate.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)
            Centred as the samples are.
        columns : ndarray, shape (n_targets, n_columns)
            Constant and drift scores, of what is estimated.
        functional : Functional
            What is estimated.
        left_out : ndarray of int, shape (n_targets,), or None
            One sample for each target that it may not use.

        Returns
        -------
        estimate, kriging_variance, smoothing_variance, n_neighbors, reason : ndarray, shape (n_targets,)

        Raises
        ------
        KrigingSystemError
            When the system of a neighbourhood is singular.
        """
        return self._each(targets, columns, functional, left_out)

    def leave_one_out(
        self, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return exact leave-one-out estimates, both variances, neighbour counts and reasons at (some) samples.

        Each sample is estimated from its nearest others; the drift's coefficients are those
        without the sample.

        Raises
        ------
        KrigingSystemError
            When the system of a neighbourhood is singular.
        """
        samples = self.samples
        again = PointValue(self.nugget, samples.shared_nugget > 0, samples.shared_nugget)
        rows = np.arange(len(samples)) if rows is None else rows
        return self._each(samples.points[rows], samples.columns[rows], again, rows)

    def _each(
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional, left_out: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Solve tile by tile; `left_out` names one sample a target may not use."""
        n = len(targets)
        estimate, variance, smoothing = np.full((3, n), np.nan)
        counts, reasons = np.zeros(n, dtype=int), np.zeros(n, dtype=np.int8)
        prior = functional.variance(self.covariance)
        for rows, found, reason, products in self.products(targets, functional, left_out, columns):
            counts[rows], reasons[rows] = found, reason
            if self.has_local_drift:
                estimate[rows], variance[rows], smoothing[rows] = products.universal(prior, columns[rows])
                lost = np.isnan(estimate[rows]) & (reason == Reason.ESTIMATED)
                reasons[rows] = np.where(lost, Reason.DRIFT_UNDETERMINED, reason)
                continue
            estimate[rows], variance[rows], smoothing[rows], beyond = products.kriged(
                prior, columns[rows], self.has_mean
            )
            if self.drift is not None:
                correction, spread, known = self.drift.correction(
                    columns[rows], beyond, None if left_out is None else left_out[rows]
                )
                estimate[rows] += correction
                variance[rows] += spread
                smoothing[rows] -= known
        missing = reasons != Reason.ESTIMATED
        estimate[missing] = variance[missing] = smoothing[missing] = np.nan
        return estimate, variance, smoothing, counts, reasons

    def products(
        self,
        targets: np.ndarray,
        functional: Functional,
        left_out: np.ndarray | None = None,
        columns: np.ndarray | None = None,
    ) -> Iterator[tuple[np.ndarray | slice, np.ndarray, np.ndarray, Products]]:
        """Yield rows of targets, their numbers of neighbours, reasons for no estimate and dot products.

        Parameters
        ----------
        targets : ndarray, shape (n_targets, n_dimensions)
            Centred as the samples are.
        functional : Functional
            What is estimated.
        left_out : ndarray of int, shape (n_targets,), or None
            One sample for each target that is not its neighbour.
        columns : ndarray, shape (n_targets, n_columns), or None
            Constant and drift scores of what is estimated; a local drift is not compiled without.
        """
        search = self.search
        is_plain = isinstance(functional, PointValue) and not functional.on_samples and not self.samples.shared_nugget
        compiles = len(targets) >= WORTH_COMPILING and is_plain and left_out is None
        if search.neighborhood.is_restricted:
            by_sector = self._compiled_sectors(targets) if compiles and not self.has_local_drift else None
            if by_sector is not None:
                found, is_thin = by_sector[0].counts, (by_sector[1] < search.neighborhood.min_per_sector).any(axis=1)
                yield slice(None), found, search.reasons(found, is_thin), Products.compiled(by_sector[0])
                return
            for batch, is_thin in restricted_batches(search.scale(targets), search, left_out):
                is_neighbor = (batch.candidates < search.n_samples)[:, None, :]
                thin = dict(zip(batch.targets[:, 0].tolist(), is_thin.tolist()))
                for rows, found, products in solve_marked(self, batch, is_neighbor, targets, functional):
                    is_thin = np.array([thin[row] for row in rows.tolist()])
                    yield rows, found, search.reasons(found, is_thin), products
            return
        scores = None if columns is None or not self.has_local_drift else columns[:, 1:]
        compiles = compiles and self.has_local_drift == (scores is not None)
        solved = self._compiled(Lattice.of(targets), scores=scores) if compiles else None
        if solved is not None:
            found = solved.counts.ravel()
            yield slice(None), found, search.reasons(found), Products.compiled(solved)
            return
        scaled = search.scale(targets)
        for batch in tile_batches(scaled, search, spare=0 if left_out is None else 1):
            is_neighbor = neighbors_of_each(batch, scaled, search, left_out)
            for rows, found, products in solve_marked(self, batch, is_neighbor, targets, functional):
                yield rows, found, search.reasons(found), products

    def predict_lattice(
        self, lattice: Lattice, prior: float, with_slopes: bool = False
    ) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray | None] | None:
        """Return the same as `predict` at the cells of a raster, where the only column is the constant.

        With the slopes of the estimates, shape (n_dimensions, n_cells), if they are wanted.
        None where the kernel cannot, or met a singular system.
        """
        solved = self._compiled(lattice, int(with_slopes), prior=prior)
        if solved is None:
            return None
        found = solved.counts.ravel()
        estimate, variance, smoothing = solved.kriged.reshape(3, -1)
        reasons = self.search.reasons(found)
        missing = np.flatnonzero(reasons)
        estimate[missing] = variance[missing] = smoothing[missing] = np.nan
        slopes = None
        if solved.slopes is not None:
            slopes = solved.slopes.reshape(-1, len(found))
            slopes[:, missing] = np.nan
        return (estimate, variance, smoothing, found, reasons), slopes

    def gradients(self, lattice: Lattice, n_fields: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return numbers of neighbours, reasons and gradients at the cells of a raster, by the kernel.

        They are those of `products` with a `functionals.Derivative`, all axes at once; the samples hold values of
        several fields. None where the kernel cannot, or met a singular system.

        Parameters
        ----------
        lattice : Lattice
            Centred as the samples are.
        n_fields : int

        Returns
        -------
        n_neighbors, reason : ndarray, shape (n_targets,)
        gradient : ndarray, shape (n_targets, n_fields, n_dimensions)
        """
        solved = self._compiled(lattice, n_fields, prior=0.0)
        if solved is None or solved.slopes is None:
            return None
        found = solved.counts.ravel()
        gradient = np.moveaxis(solved.slopes.reshape(n_fields, -1, len(found)), -1, 0)
        return found, self.search.reasons(found), gradient

    def _compiled(
        self, lattice: Lattice | None, n_fields: int = 0, scores: np.ndarray | None = None, prior: float | None = None
    ) -> LatticeProducts | None:
        """Solve the cells of a raster with the kernel; None where it cannot, or met a singular system."""
        if lattice is None or lattice.shape[0] * lattice.shape[1] < WORTH_COMPILING:
            return None
        if self.search.neighborhood.is_restricted or self.samples.shared_nugget:
            return None
        kernels = compiled_kernels()
        if kernels is None or not knows(kernels, self.covariance):
            return None
        try:
            return solve_lattice(kernels, self, lattice, n_fields, scores, prior)
        except kernels.CompilationError as error:
            note_failure(error)
            return None

    def _compiled_sectors(self, targets: np.ndarray) -> tuple[LatticeProducts, np.ndarray] | None:
        """Solve targets from their sectors with the kernels; None where these cannot, or met a singular system."""
        kernels = compiled_kernels()
        if kernels is None or not knows(kernels, self.covariance):
            return None
        try:
            return solve_sectors(kernels, self, targets)
        except kernels.CompilationError as error:
            note_failure(error)
            return None

    @cached_property
    def bins(self) -> Bins:
        """The samples as the kernel looks for them."""
        return Bins.of(self.search.scaled_points)

    @cached_property
    def binned(self) -> BinnedSamples:
        """The samples in the order of the bins, with all the kernel wants of them."""
        return BinnedSamples.of(self)
