"""Kriging from a moving neighbourhood: one small system for each set of neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import KrigingSystemError
from ..variogram.models import VariogramModel
from .compiled import WORTH_COMPILING, compiled_kernels, knows, note_failure
from .covariance import SmoothCovariance
from .estimate import Reason
from .functionals import Functional, PointValue
from .lattice import Lattice
from .local_drift import TileFrames, solve_gram, universal
from .moving_lattice import BinnedSamples, Bins, LatticeProducts, solve_lattice, solve_sectors
from .neighborhood import NeighborSearch
from .restricted import restricted_batches
from .system import SystemSamples, inverse_factor, singular_system_error
from .tiles import TileBatch, neighbors_of_each, tile_batches

_LARGEST_PART = 2**19
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
        self, targets: np.ndarray, columns: np.ndarray, functional: Functional
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

        Returns
        -------
        estimate, kriging_variance, smoothing_variance, n_neighbors, reason : ndarray, shape (n_targets,)

        Raises
        ------
        KrigingSystemError
            When the system of a neighbourhood is singular.
        """
        return self._each(targets, columns, functional, None)

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
                correction, spread, known = self._drift_correction(
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
                for rows, found, products in self._solve_marked(batch, is_neighbor, targets, functional):
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
            for rows, found, products in self._solve_marked(batch, is_neighbor, targets, functional):
                yield rows, found, search.reasons(found), products

    def predict_lattice(
        self, lattice: Lattice, prior: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
        """Return the same as `predict` at the cells of a raster, where the only column is the constant.

        None where the kernel cannot, or met a singular system.
        """
        solved = self._compiled(lattice)
        if solved is None:
            return None
        found = solved.counts.ravel()
        estimate, variance, smoothing, _ = Products.compiled(solved).kriged(prior, np.ones((1, 1)), self.has_mean)
        reasons = self.search.reasons(found)
        missing = np.flatnonzero(reasons)
        estimate[missing] = variance[missing] = smoothing[missing] = np.nan
        return estimate, variance, smoothing, found, reasons

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
        solved = self._compiled(lattice, n_fields)
        if solved is None or solved.slopes is None:
            return None
        found = solved.counts.ravel()
        gradient = np.moveaxis(solved.slopes.reshape(n_fields, -1, len(found)), -1, 0)
        return found, self.search.reasons(found), gradient

    def _compiled(
        self, lattice: Lattice | None, n_fields: int = 0, scores: np.ndarray | None = None
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
            return solve_lattice(kernels, self, lattice, n_fields, scores)
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

    def positive_weights(self, targets: np.ndarray, columns: np.ndarray, functional: Functional) -> np.ndarray:
        """Return the sum of each target's positive weights, shape (n_targets,); NaN without an estimate.

        The parameters are those of `predict`.
        """
        result = np.full(len(targets), np.nan)
        search, scaled = self.search, self.search.scale(targets)
        marked: Iterable[tuple[TileBatch, np.ndarray, np.ndarray]]
        if search.neighborhood.is_restricted:
            marked = (
                (batch, (batch.candidates < search.n_samples)[:, None, :], is_thin)
                for batch, is_thin in restricted_batches(scaled, search)
            )
        else:
            marked = (
                (batch, neighbors_of_each(batch, scaled, search), np.zeros(len(batch.targets), dtype=bool))
                for batch in tile_batches(scaled, search)
            )
        for batch, is_neighbor, is_thin in marked:
            n_tiles, n_targets, n_candidates = is_neighbor.shape
            step = max(1, _LARGEST_PART // (n_targets * n_candidates))
            for start in range(0, n_tiles, step):
                part = slice(start, start + step)
                rows = batch.targets[part].ravel()
                mask = is_neighbor[part].reshape(-1, n_candidates)
                reason = search.reasons(np.count_nonzero(mask, axis=1), np.repeat(is_thin[part], n_targets))
                candidates = np.repeat(batch.candidates[part], n_targets, axis=0)
                known = reason == Reason.ESTIMATED
                for few in _even_parts(np.flatnonzero(known), np.count_nonzero(mask, axis=1)):
                    some = rows[few]
                    weights = self._weights(targets[some], columns[some], candidates[few], mask[few], functional)
                    result[some] = np.maximum(weights, 0.0).sum(axis=1)
        return result

    def _weights(
        self,
        targets: np.ndarray,
        columns: np.ndarray,
        candidates: np.ndarray,
        mask: np.ndarray,
        functional: Functional,
    ) -> np.ndarray:
        """Return the weights of each target's neighbours, in the order of the table and then 0."""
        counts = np.count_nonzero(mask, axis=1)
        order = np.argsort(~mask, axis=1, kind="stable")[:, : counts.max()]
        used = np.where(np.take_along_axis(mask, order, axis=1), np.take_along_axis(candidates, order, axis=1), 0)
        is_there = np.arange(used.shape[1]) < counts[:, None]
        points = self.samples.points[used]
        matrix = self.covariance.between(points, points)
        self.samples.share_nugget(matrix, points)
        matrix *= is_there[:, :, None] & is_there[:, None, :]
        diagonal = np.arange(points.shape[1])
        matrix[:, diagonal, diagonal] = np.where(is_there, self.sill, 1.0)
        at_target = functional.between(self.covariance, targets[:, None, :], points)[:, 0] * is_there
        known = is_there[:, :, None].astype(float)
        at_known = np.full((len(targets), 1), functional.constant)
        if self.has_local_drift:
            frames = TileFrames.of(self.samples.columns[used][..., 1:], is_there)
            known = known * frames.columns(self.samples.columns[used][..., 1:])
            at_known = frames.columns(columns[:, None, 1:])[:, 0]
        solution = np.linalg.solve(matrix, np.concatenate([at_target[:, :, None], known], axis=2))
        weights, of_known = solution[..., 0], solution[..., 1:]
        if not self.has_mean:
            return weights
        lacking = at_known - np.einsum("ijc,ij->ic", known, weights)
        terms, is_determined = solve_gram(np.swapaxes(known, 1, 2) @ of_known, lacking, at_known)
        weights = weights + np.einsum("ijc,ic->ij", of_known, terms)
        weights[~is_determined] = np.nan
        return weights

    def _solve_marked(
        self, batch: TileBatch, is_neighbor: np.ndarray, targets: np.ndarray, functional: Functional
    ) -> Iterator[tuple[np.ndarray, np.ndarray, Products]]:
        """Yield rows of targets, their numbers of neighbours and their dot products, with numpy alone."""
        for part, n_shared in _alike(is_neighbor):
            tiles = batch.rows(part)
            found = np.count_nonzero(is_neighbor[part], axis=2).ravel()
            yield tiles.targets.ravel(), found, self._eliminate(targets, tiles, is_neighbor[part], n_shared, functional)

    def _eliminate(
        self, targets: np.ndarray, tiles: TileBatch, is_neighbor: np.ndarray, n_shared: int, functional: Functional
    ) -> Products:
        """Solve the systems of some tiles by one Cholesky factorisation in two parts.

        The first `n_shared` samples are neighbours of every target of the tile: they are
        eliminated once for all (Schur complement). What remains of each target's own system is
        small and is factorised for all targets of all tiles at once, target by target along the
        last axis. This is the Cholesky factorisation of each system with its samples in a
        certain order, so nothing is approximated.

        Returns
        -------
        Products
            One row a target, tile by tile.
        """
        samples = self.samples
        used, own = _shared_first(tiles.candidates, is_neighbor, n_shared)
        n_tiles, n_targets = tiles.targets.shape
        known, frames = samples.known[used], None
        if self.has_local_drift:
            n_columns = samples.columns.shape[1]
            n_used = np.count_nonzero(is_neighbor.any(axis=1), axis=1)
            frames = TileFrames.of(known[..., 1:n_columns], np.arange(used.shape[1]) < n_used[:, None])
            known[..., :n_columns] = frames.columns(known[..., 1:n_columns])
        points = samples.points[used]
        matrix = self.covariance.between(points, points)
        samples.share_nugget(matrix, points)
        diagonal = np.arange(points.shape[1])
        matrix[:, diagonal, diagonal] = self.sill
        at_targets = np.swapaxes(functional.between(self.covariance, targets[tiles.targets], points), 1, 2)
        right = np.concatenate([at_targets, known], axis=-1)
        smallest = self.sill * points.shape[1] * np.finfo(float).eps

        core = slice(0, n_shared)
        rest = slice(n_shared, None)
        if n_shared:
            try:
                factor = np.linalg.cholesky(matrix[:, core, core])
            except np.linalg.LinAlgError as error:
                raise self._singular(matrix[:, core, core], used[:, core]) from error
            pivots = np.diagonal(factor, axis1=1, axis2=2).min(axis=1) ** 2
            if pivots.min() <= smallest:
                raise singular_system_error(samples, self.nugget, used[np.argmin(pivots), core])
            whitening = np.linalg.inv(factor)
            white_right = whitening @ right[:, core]
            white_rest = whitening @ matrix[:, core, rest]
            matrix_rest = matrix[:, rest, rest] - np.swapaxes(white_rest, 1, 2) @ white_rest
            right_rest = right[:, rest] - np.swapaxes(white_rest, 1, 2) @ white_right
        else:
            white_right, matrix_rest, right_rest = right[:, :0], matrix, right
        at_target, at_samples = white_right[..., :n_targets], white_right[..., n_targets:]
        products = Products(
            target=np.einsum("bct,bct->bt", at_target, at_target).ravel(),
            target_known=(np.swapaxes(at_target, 1, 2) @ at_samples).reshape(n_tiles * n_targets, -1),
            constant_known=np.repeat(np.einsum("bc,bcg->bg", at_samples[..., 0], at_samples), n_targets, axis=0),
        )
        if frames is not None:
            products.columns_of = frames.rows_of_targets
            products.scores_known = np.repeat(
                np.swapaxes(at_samples[..., 1:n_columns], 1, 2) @ at_samples, n_targets, axis=0
            )
        if own.shape[1]:
            small = _gather(matrix_rest, right_rest, own, n_targets, self.sill)
            failed = _factorize(small, own.shape[1], smallest)
            if failed is not None:
                tile, target = divmod(failed, n_targets)
                raise singular_system_error(samples, self.nugget, tiles.candidates[tile][is_neighbor[tile, target]])
            products.add(small[own.shape[1] :])
        return products

    def _drift_correction(
        self, columns: np.ndarray, beyond: np.ndarray, left_out: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the drift beyond the neighbours' adds to estimate, kriging variance and the estimate's variance.

        The constant's part of `beyond` is 0, as the weights sum to 1.
        """
        drift = self.drift
        if drift is None:
            return np.zeros(len(beyond)), np.zeros(len(beyond)), np.zeros(len(beyond))
        # The weights w give Cov(w'z, beta) = (F'w)' S, and F'w = columns - beyond.
        across = 2.0 * columns - beyond
        estimate = beyond @ drift.coefficients
        variance = np.einsum("ic,cd,id->i", beyond, drift.covariance, beyond)
        known = np.einsum("ic,cd,id->i", across, drift.covariance, beyond)
        if left_out is not None:
            # Without sample i: beta - h_i e_i and S + h_i h_i' / P_ii, with e_i = b_i / P_ii its error.
            reach = np.einsum("ic,ic->i", beyond, drift.influence[left_out])
            precision = drift.precision[left_out]
            estimate -= reach * drift.dual[left_out] / precision
            variance += reach**2 / precision
            known += reach * np.einsum("ic,ic->i", across, drift.influence[left_out]) / precision
        return estimate, variance, known

    def _singular(self, matrices: np.ndarray, sets: np.ndarray) -> KrigingSystemError:
        """Find the first singular system and explain it."""
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        rows = sets[int(np.argmin(smallest))]
        return singular_system_error(self.samples, self.nugget, rows[rows < len(self.samples)])


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

    def contrast(self, n_fields: int) -> tuple[np.ndarray, np.ndarray]:
        """Return estimates of a functional that is 0 of a constant, and how far they reduce its variance.

        Returns
        -------
        estimate : ndarray, shape (n_targets, n_fields)
        reduction : ndarray, shape (n_targets,)
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without neighbours there is no information: the caller writes NaN there.
            multiplier = -self.target_known[:, 0] / self.constant_known[:, 0]
            estimate = self.target_known[:, -n_fields:] + multiplier[:, None] * self.constant_known[:, -n_fields:]
            reduction = self.target - multiplier**2 * self.constant_known[:, 0]
        return estimate, reduction


def _even_parts(rows: np.ndarray, counts: np.ndarray) -> Iterator[np.ndarray]:
    """Split rows into parts whose systems, of so many neighbours, fit the memory."""
    if len(rows) == 0:
        return
    step = max(1, 2 * _LARGEST_PART // int(counts[rows].max()) ** 2)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _alike(is_neighbor: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Split tiles into parts that share about equally many neighbours, in bounded memory.

    Yields the numbers of some tiles and how many neighbours each of them shares at least.
    """
    n_shared = np.count_nonzero(is_neighbor.all(axis=1), axis=1)
    n_used = np.count_nonzero(is_neighbor.any(axis=1), axis=1)
    n_most = np.count_nonzero(is_neighbor, axis=2).max(axis=1)
    n_targets = is_neighbor.shape[1]
    order = np.argsort(n_shared, kind="stable")
    begin = 0
    while begin < len(order):
        fewest = int(n_shared[order[begin]])
        end, most, widest = begin, 0, 0
        while end < len(order):
            most = max(most, int(n_used[order[end]]))
            widest = max(widest, int(n_most[order[end]]) - fewest)
            size = most * (most + n_targets) + n_targets * (widest + 3) * widest
            if end > begin and (end + 1 - begin) * size > _LARGEST_PART:
                break
            end += 1
        yield order[begin:end], fewest
        begin = end


def _shared_first(candidates: np.ndarray, is_neighbor: np.ndarray, n_shared: int) -> tuple[np.ndarray, np.ndarray]:
    """Order the samples of each tile, shared ones first, and list each target's own.

    Returns
    -------
    used : ndarray of int, shape (n_tiles, n_used)
        Row numbers of samples; the first `n_shared` are neighbours of all targets.
    own : ndarray of int, shape (n_tiles * n_targets, n_own)
        Places of the target's other neighbours behind the shared ones, padded with the number
        of places.
    """
    n_tiles, n_targets, _ = is_neighbor.shape
    is_shared = is_neighbor.all(axis=1)
    is_used = is_neighbor.any(axis=1)
    order = np.argsort(2 - is_shared - is_used.astype(int), axis=1, kind="stable")
    n_used = int(np.count_nonzero(is_used, axis=1).max())
    order = order[:, :n_used]
    used = np.take_along_axis(candidates, order, axis=1)
    # A tile that uses fewer samples than the widest is filled up with samples no target refers to.
    used = np.where(np.take_along_axis(is_used, order, axis=1), used, 0)
    is_own = np.take_along_axis(is_neighbor, order[:, None, n_shared:], axis=2)
    is_own = is_own.reshape(n_tiles * n_targets, n_used - n_shared)
    n_own = np.count_nonzero(is_own, axis=1)
    own = np.full((n_tiles * n_targets, int(n_own.max(initial=0))), n_used - n_shared)
    target, place = np.nonzero(is_own)
    own[target, np.arange(len(target)) - np.repeat(np.cumsum(n_own) - n_own, n_own)] = place
    return used, own


def _gather(matrix: np.ndarray, right: np.ndarray, own: np.ndarray, n_targets: int, sill: float) -> np.ndarray:
    """Return each target's own small system, lower triangle and right sides below it.

    Parameters
    ----------
    matrix : ndarray, shape (n_tiles, n_places, n_places)
    right : ndarray, shape (n_tiles, n_places, n_targets + n_known)
    own : ndarray of int, shape (n_tiles * n_targets, n_own)
        n_places stands for no sample.
    sill : float
        In squared data units.

    Returns
    -------
    ndarray, shape (n_own + 1 + n_known, n_own, n_tiles * n_targets)
        Above the diagonal of the first n_own rows undefined.
    """
    n_tiles, n_places, width = right.shape
    n_lanes, n_own = own.shape
    n_known = width - n_targets
    # No sample is one without relation to anything: the sill on the diagonal, 0 elsewhere.
    padded = np.zeros((n_tiles, n_places + 1, n_places + 1))
    padded[:, :-1, :-1] = matrix
    on_diagonal = np.full((n_tiles, n_places + 1), sill)
    on_diagonal[:, :-1] = np.diagonal(matrix, axis1=1, axis2=2)
    padded_right = np.zeros((n_tiles, n_places + 1, width))
    padded_right[:, :-1] = right
    tile, target = np.divmod(np.arange(n_lanes), n_targets)
    place = np.ascontiguousarray(own.T) + tile * (n_places + 1)
    small = np.empty((n_own + 1 + n_known, n_own, n_lanes))
    for i in range(n_own):
        np.take(padded.ravel(), place[i] * (n_places + 1) + own[:, :i].T, out=small[i, :i], mode="clip")
        np.take(on_diagonal.ravel(), place[i], out=small[i, i], mode="clip")
    flat = padded_right.ravel()
    np.take(flat, place * width + target, out=small[n_own], mode="clip")
    for known in range(n_known):
        np.take(flat, place * width + (n_targets + known), out=small[n_own + 1 + known], mode="clip")
    return small


def _factorize(small: np.ndarray, n_own: int, smallest: float) -> int | None:
    """Turn small systems into Cholesky factors and whitened right sides, in place.

    Returns
    -------
    int or None
        The first lane whose pivot is not above `smallest`, if there is one.
    """
    for j in range(n_own):
        if j:
            small[j:, j] -= np.einsum("ijl,jl->il", small[j:, :j], small[j, :j])
        pivot = small[j, j]
        if not pivot.min() > smallest:
            return int(np.argmin(pivot))
        small[j:, j] /= np.sqrt(pivot)
    return None


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
