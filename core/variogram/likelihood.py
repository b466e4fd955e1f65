"""Restricted maximum likelihood: a refinement of a fitted variogram that uses every sample.

The least-squares fit sees the samples through a dozen lags; the likelihood sees them all, and
usually predicts better. Up to a few thousand samples it is exact. Beyond, it is the sum of the
likelihoods of compact blocks of neighbouring samples (a composite likelihood), which keeps all
short separations and bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist, squareform

from ..errors import InputError
from ..kriging.drift import DriftBasis, check_drift
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from .models import CORRELATIONS, Structure, VariogramModel

MAX_SAMPLES = 1500
"""Up to so many samples the likelihood is exact; each evaluation then takes about a tenth of a second."""

BLOCK_SIZE = 500
"""Largest block of the composite likelihood beyond `MAX_SAMPLES`."""

COARSE_SIZE = 250
"""Largest block of the composite likelihood that brings the search near the optimum, at a tenth of the cost."""

MAX_BLOCKS = 24
"""With more blocks a seeded choice of so many is used."""

NUGGET_SHARES = (1e-5, 1.0 - 1e-5)
"""Bounds of nugget / sill in the search."""

LEAST_RATIO_MINOR = 0.1
"""Bound of the horizontal anisotropy in the search: beyond ten to one it is a trend, not a variogram."""

# Likelihood-ratio tests for one and two parameters that chance passes once in 400 isotropic fields. In
# cross-validation of real variables one in 20 let in anisotropies that cost up to 8 % of the error.
_GAIN_OF_ONE, _GAIN_OF_TWO = 4.6, 6.0


@dataclass(frozen=True)
class _Block:
    """Samples whose joint likelihood is evaluated."""

    coordinates: np.ndarray
    values: np.ndarray
    drift: np.ndarray  # orthonormal columns that span [1, drift]
    distances: np.ndarray  # of all pairs, condensed as by scipy's pdist

    @property
    def n_contrasts(self) -> int:
        """Number of contrasts free of the drift."""
        return len(self.values) - self.drift.shape[1]


def restricted_log_likelihood(
    coordinates: np.ndarray, values: np.ndarray, model: VariogramModel, drift: np.ndarray | None = None
) -> float:
    """Return the Gaussian log likelihood of all contrasts of the values that are free of the drift.

    It does not depend on how the columns of the drift are scaled or combined, so it compares
    variograms, not drifts.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
    model : VariogramModel
        The nugget stands on the diagonal only: coincident samples are separate measurements.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant, which is always there.

    Returns
    -------
    float
        Minus infinity where the covariance matrix is not positive definite.

    References
    ----------
    Harville, D. A. (1974). Bayesian inference for variance components using only error
    contrasts. Biometrika 61, 383-385.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    block = _block(coordinates - coordinates.mean(axis=0), values, _drift_columns(values, drift))
    solved = _solve(block, model)
    if solved is None:
        return -np.inf
    squares, log_determinant = solved
    return -0.5 * (block.n_contrasts * np.log(2.0 * np.pi) + log_determinant + squares)


def refine_by_reml(
    coordinates: np.ndarray,
    values: np.ndarray,
    start: VariogramModel,
    drift: np.ndarray | None = None,
    max_samples: int = MAX_SAMPLES,
    *,
    anisotropic: bool = False,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> tuple[VariogramModel, float]:
    """Refine nugget, psill and range (and anisotropy) by restricted maximum likelihood.

    The kind of model stays; the sill has its optimum in closed form, so the search is over the
    nugget's share and the range, from the start and a few points about it. Deterministic.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values.
    start : VariogramModel
        With one structure, as fitted by least squares.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant.
    max_samples : int
        Up to here the likelihood is exact; beyond, composite (see the module).
    anisotropic : bool
        Also try a vertical ratio (3-D) and an azimuth with a ratio across it; each is kept only
        when it raises the log likelihood more than chance does in 399 of 400 isotropic fields.
    seed : int
        Of the choice of blocks, where there are more than `MAX_BLOCKS`.
    progress, is_cancelled : callable

    Returns
    -------
    model : VariogramModel
    log_likelihood : float
        Restricted (composite beyond `max_samples`) log likelihood at the model.

    Raises
    ------
    InputError
        When the start has more than one structure, there are too few samples for the drift, or
        no variogram of this kind has a likelihood (coincident samples, a model too smooth).
    Cancelled

    References
    ----------
    Kitanidis, P. K. (1983). Statistical estimation of polynomial generalized covariance
    functions. Water Resour. Res. 19, 909-921. Caragea, P. & Smith, R. L. (2007). Asymptotic
    properties of computationally efficient alternative estimators. J. Multivar. Anal. 98.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    if len(start.structures) != 1:
        raise InputError(
            f"Likelihood refines a variogram of one structure, got {len(start.structures)}. Fit one structure first."
        )
    if start.structures[0].model not in CORRELATIONS:
        raise InputError(
            f"Likelihood refines {', '.join(CORRELATIONS)} variograms, got {start.structures[0].model}. Start from "
            "one of these."
        )
    if np.ptp(values) == 0:
        raise InputError("All values are equal: a variogram cannot be fitted to them. Choose another field.")
    coordinates = coordinates - coordinates.mean(axis=0)
    columns = _drift_columns(values, drift)
    if len(values) < columns.shape[1] + 3:
        raise InputError(
            f"Likelihood needs at least {columns.shape[1] + 3} samples for {columns.shape[1]} drift columns, got "
            f"{len(values)}. Use fewer drift columns."
        )
    # Values of unit size keep the arithmetic away from overflow; undone at the end.
    size = float(values.std())
    kind = start.structures[0].model
    bounds = _range_bounds(coordinates)
    fine_rows = _block_rows(coordinates, max_samples, BLOCK_SIZE, seed)
    coarse_rows = _block_rows(coordinates, COARSE_SIZE, COARSE_SIZE, seed)
    searches = []
    for rows in [coarse_rows, fine_rows] if len(coarse_rows) > len(fine_rows) else [fine_rows]:
        blocks = [_block(coordinates[at], values[at] / size, columns[at]) for at in rows]
        blocks = [block for block in blocks if block.n_contrasts > 0]
        if blocks:
            searches.append(_Search(kind, blocks, bounds, is_cancelled))
    if not searches:
        raise InputError(f"The drift has too many columns ({columns.shape[1] - 1}) for the likelihood. Use fewer.")

    stages = _anisotropy_stages(coordinates.shape[1]) if anisotropic else []
    steps = [part(progress, i / (1 + len(stages)), (i + 1) / (1 + len(stages))) for i in range(1 + len(stages))]
    found = _climbed(searches, _isotropic_starts(start), ("share", "effective_range"), steps[0])
    for (names, changes, gain), step in zip(stages, steps[1:]):
        starts = [replace(found.point, **change) for change in changes]
        # What brings next to nothing on the coarse likelihood is not worth climbing on the full one.
        enough = searches[0].evaluate(found.point).value + 0.5 * gain
        tried = _climbed(searches, starts, names, step, enough)
        if tried.value > found.value + gain:
            found = tried
    progress(1.0, "")
    if not np.isfinite(found.value):
        raise InputError(
            f"No {kind} variogram has a likelihood for these {len(values)} samples: their covariance matrix is "
            "singular. Average samples that share a location, or choose another model."
        )
    # Back to the scale of the values: the density of each contrast carries one 1 / size.
    log_likelihood = found.value - searches[-1].n_contrasts * float(np.log(size))
    return found.point.model(kind, found.sill * size**2), log_likelihood


def _climbed(
    searches: Sequence[_Search],
    starts: Sequence[_Point],
    names: Sequence[str],
    progress: Progress,
    enough: float = -np.inf,
) -> _Found:
    """Climb from the best start, on the coarse likelihood first where there is one; stop where that is not enough."""
    found = searches[0].climb(searches[0].best(starts), names, 0.7, progress)
    if found.value < enough:
        return replace(found, value=-np.inf)
    for search in searches[1:]:
        found = search.climb(search.evaluate(found.point), names, 0.25, progress, sides=(1.0,))
    return found


@dataclass(frozen=True)
class _Point:
    """What is searched over; the sill follows from it."""

    share: float
    effective_range: float
    azimuth: float = 0.0
    ratio_minor: float = 1.0
    ratio_vertical: float = 1.0

    def model(self, kind: str, sill: float) -> VariogramModel:
        """Return the variogram with this sill."""
        structure = Structure(
            kind,
            (1.0 - self.share) * sill,
            self.effective_range,
            azimuth=self.azimuth,
            ratio_minor=self.ratio_minor,
            ratio_vertical=self.ratio_vertical,
        )
        return VariogramModel(self.share * sill, (structure,))

    def coordinates_of(self, names: Sequence[str]) -> np.ndarray:
        """Return the searched quantities on unbounded, comparable scales."""
        forward = {
            "share": np.log(self.share / (1.0 - self.share)),
            "effective_range": 2.0 * np.log(self.effective_range),
            "azimuth": self.azimuth / 20.0,
            "ratio_minor": 2.0 * np.log(self.ratio_minor),
            "ratio_vertical": 2.0 * np.log(self.ratio_vertical),
        }
        return np.array([forward[name] for name in names])

    def moved_to(self, position: np.ndarray, names: Sequence[str]) -> _Point:
        """Return the point at a position of `coordinates_of`."""
        back = {
            "share": lambda u: 1.0 / (1.0 + np.exp(-u)),
            "effective_range": lambda u: np.exp(u / 2.0),
            "azimuth": lambda u: (u * 20.0) % 180.0,
            "ratio_minor": lambda u: np.exp(u / 2.0),
            "ratio_vertical": lambda u: np.exp(u / 2.0),
        }
        return replace(self, **{name: float(back[name](u)) for name, u in zip(names, position)})


@dataclass(frozen=True)
class _Found:
    """A point with its profile likelihood and the sill that goes with it."""

    point: _Point
    value: float
    sill: float


class _Search:
    """Climbs the restricted likelihood, with the sill at its optimum for each point."""

    def __init__(
        self, kind: str, blocks: Sequence[_Block], range_bounds: tuple[float, float], is_cancelled: IsCancelled
    ) -> None:
        self.kind = kind
        self.blocks = blocks
        self.n_contrasts = sum(block.n_contrasts for block in blocks)
        self._bounds = {
            "share": NUGGET_SHARES,
            "effective_range": range_bounds,
            "ratio_minor": (LEAST_RATIO_MINOR, 1.0),
            "ratio_vertical": (1e-3, 10.0),
        }
        self._is_cancelled = is_cancelled

    def evaluate(self, point: _Point) -> _Found:
        """Return the profile likelihood at a point; minus infinity out of bounds or where undefined."""
        stop_if(self._is_cancelled)
        impossible = _Found(point, -np.inf, np.nan)
        for name, (low, high) in self._bounds.items():
            # A point at a bound comes back from the search's scale with a rounding error.
            if not low * (1 - 1e-9) <= getattr(point, name) <= high * (1 + 1e-9):
                return impossible
        model = point.model(self.kind, 1.0)
        squares = log_determinants = 0.0
        for block in self.blocks:
            solved = _solve(block, model)
            if solved is None:
                return impossible
            squares += solved[0]
            log_determinants += solved[1]
        sill = squares / self.n_contrasts
        if not sill > 0:
            return impossible
        value = -0.5 * (self.n_contrasts * (np.log(2.0 * np.pi * sill) + 1.0) + log_determinants)
        return _Found(point, float(value), sill)

    def best(self, points: Sequence[_Point]) -> _Found:
        """Return the point of highest likelihood, after moving each into the bounds."""
        inside = [
            replace(p, **{name: float(np.clip(getattr(p, name), *pair)) for name, pair in self._bounds.items()})
            for p in points
        ]
        return max((self.evaluate(point) for point in inside), key=lambda found: found.value)

    def climb(
        self,
        start: _Found,
        names: Sequence[str],
        stride: float,
        progress: Progress,
        sides: Sequence[float] = (1.0, -1.0, 0.5),
    ) -> _Found:
        """Climb from a point by the simplex method over the named quantities, once for each side of the point."""
        found, n_evaluations, most = start, 0, 90 * len(names)

        def descent(position: np.ndarray) -> float:
            nonlocal found, n_evaluations
            n_evaluations += 1
            progress(min(n_evaluations / most, 1.0), "")
            here = self.evaluate(start.point.moved_to(position, names))
            if here.value > found.value:
                found = here
            return -here.value

        # The likelihood of a spherical model has small bumps (Mardia & Watkins 1989), so the search
        # starts again from where it stopped, the other way, until that brings nothing.
        for side in sides:
            before = found.value
            if not np.isfinite(before):
                break
            origin = found.point.coordinates_of(names)
            # One or two percent of a range, a hundredth of a log likelihood: no samples tell these apart.
            minimize(
                descent,
                origin,
                method="Nelder-Mead",
                options={
                    "initial_simplex": np.vstack([origin, origin + side * stride * np.eye(len(names))]),
                    "xatol": 0.03,
                    "fatol": 0.01,
                    "maxfev": 60 * len(names),
                },
            )
            if found.value < before + 0.05:
                break
        return found


def _isotropic_starts(start: VariogramModel) -> list[_Point]:
    """Return the least-squares fit and points about it."""
    first = start.structures[0]
    share = float(np.clip(start.nugget / start.sill, 0.02, 0.98))
    given = _Point(share, first.effective_range)
    return [
        given,
        *(replace(given, effective_range=first.effective_range * factor) for factor in (0.3, 0.6, 1.7)),
        _Point(0.1, first.effective_range),
        _Point(0.5, first.effective_range),
        _Point(0.5, 0.4 * first.effective_range),
    ]


def _anisotropy_stages(n_dimensions: int) -> list[tuple[tuple[str, ...], list[dict[str, float]], float]]:
    """Return for each stage the quantities searched, the changes tried first, and the gain it has to bring."""
    horizontal = [{"azimuth": azimuth, "ratio_minor": ratio} for azimuth in range(0, 180, 30) for ratio in (0.6, 0.3)]
    names = ("share", "effective_range", "azimuth", "ratio_minor")
    if n_dimensions == 2:
        return [(names, horizontal, _GAIN_OF_TWO)]
    vertical = [{"ratio_vertical": ratio} for ratio in (0.01, 0.03, 0.1, 0.3, 3.0)]
    return [
        (("share", "effective_range", "ratio_vertical"), vertical, _GAIN_OF_ONE),
        ((*names, "ratio_vertical"), horizontal, _GAIN_OF_TWO),
    ]


def _solve(block: _Block, model: VariogramModel) -> tuple[float, float] | None:
    """Return the generalised sum of squares and the log determinants of one block, None where undefined."""
    covariances = np.zeros_like(block.distances)
    for structure in model.structures:
        if structure.is_isotropic:
            lag = block.distances / structure.effective_range
        else:
            lag = pdist(block.coordinates @ structure.scaling(block.coordinates.shape[1]).T)
        covariances += structure.psill * structure.correlation(lag)
    matrix = squareform(covariances, checks=False)
    np.fill_diagonal(matrix, model.sill)
    # The transpose of a symmetric matrix is itself, in LAPACK's order: nothing is copied.
    factor, failed = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        return None
    whitened = solve_triangular(factor, np.column_stack([block.drift, block.values]), lower=True, check_finite=False)
    drift, values = whitened[:, :-1], whitened[:, -1]
    basis, triangle = np.linalg.qr(drift)
    residuals = values - basis @ (basis.T @ values)
    log_determinant = 2.0 * (np.log(np.diag(factor)).sum() + np.log(np.abs(np.diag(triangle))).sum())
    return float(residuals @ residuals), float(log_determinant)


def _drift_columns(values: np.ndarray, drift: np.ndarray | None) -> np.ndarray:
    """Return [1, drift] without redundant columns, shape (n_samples, n_columns)."""
    checked = check_drift(drift, len(values), None, "samples")
    return DriftBasis.fit(checked).scores(checked)


def _block(coordinates: np.ndarray, values: np.ndarray, columns: np.ndarray) -> _Block:
    """Prepare samples for the likelihood; columns that are redundant among them are left out."""
    basis, singular, _ = np.linalg.svd(columns, full_matrices=False)
    drift = basis[:, singular > 1e-8 * singular[0]]
    return _Block(coordinates, values - values.mean(), drift, pdist(coordinates))


def _block_rows(coordinates: np.ndarray, max_samples: int, block_size: int, seed: int) -> list[np.ndarray]:
    """Return all rows at once, or compact blocks made by halving along the longest side."""
    if len(coordinates) <= max_samples:
        return [np.arange(len(coordinates))]
    waiting, rows = [np.arange(len(coordinates))], []
    while waiting:
        at = waiting.pop()
        if len(at) <= block_size:
            rows.append(at)
            continue
        axis = int(np.argmax(np.ptp(coordinates[at], axis=0)))
        order = at[np.argsort(coordinates[at, axis], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    if len(rows) > MAX_BLOCKS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_BLOCKS, replace=False))
        rows = [rows[i] for i in chosen]
    return rows


def _range_bounds(coordinates: np.ndarray) -> tuple[float, float]:
    """Return a fifth of the usual distance to the nearest sample, and twice the extent's diagonal."""
    distance = cKDTree(coordinates).query(coordinates, k=2)[0][:, 1]
    diagonal = float(np.linalg.norm(np.ptp(coordinates, axis=0)))
    if diagonal == 0:
        raise InputError(f"All {len(coordinates)} samples lie at one place: a variogram needs distances between them.")
    apart = distance[distance > 0]
    nearest = float(np.median(apart)) if len(apart) else 1e-3 * diagonal
    return 0.2 * nearest, 2.0 * diagonal
