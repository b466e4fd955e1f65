"""Least-squares fits of models to an experimental variogram, by scikit-gstat.

This is the only file that imports scikit-gstat, and only when a fit is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import BackendMissing
from .experimental import ExperimentalVariogram
from .models import Structure, VariogramModel, correlation, effective_range_from_skgstat
from .shaped import SHAPES

_STARTING_SHAPES = {"matern": (0.4, 0.8, 1.5, 3.0), "stable": (0.6, 1.0, 1.4, 1.8)}
_FITTED_SHAPES = {"matern": (0.15, 10.0), "stable": (0.2, 2.0)}


@dataclass(frozen=True)
class LeastSquaresFit:
    """What a fit found.

    Parameters
    ----------
    model : VariogramModel or None
        None where no fit was found.
    misfit : float
        Weighted sum of squares about the experimental variogram.
    note : str
        What went wrong or was done about it.
    """

    model: VariogramModel | None
    misfit: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class _Scaled:
    """An experimental variogram in units of its largest lag and semivariance, in which all parameters are near 1."""

    lags: np.ndarray
    semivariances: np.ndarray
    sigma: np.ndarray
    unit_lag: float
    unit_gamma: float
    longest: float

    @classmethod
    def of(cls, experimental: ExperimentalVariogram, extent: float) -> _Scaled:
        """Scale it; the longest range to fit is twice the extent."""
        unit_lag, unit_gamma = experimental.max_lag, float(experimental.semivariances.max())
        return cls(
            experimental.lags / unit_lag,
            experimental.semivariances / unit_gamma,
            lag_sigma(experimental) / unit_lag,
            unit_lag,
            unit_gamma,
            max(2.0 * extent / unit_lag, 2.0),
        )

    @property
    def shortest(self) -> float:
        """The shortest range to fit."""
        return 0.2 * max(float(self.lags[0]), 1e-6)

    def misfit(self, fitted: np.ndarray) -> float:
        """Return the weighted sum of squares of a curve at the lags."""
        return float((((fitted - self.semivariances) / self.sigma) ** 2).sum())

    def linear(self, rises: Sequence[np.ndarray], least_nugget: float) -> tuple[np.ndarray, float]:
        """Return the best psills and nugget (last) for given curves that rise to 1, with their misfit."""
        from scipy.optimize import nnls

        columns = np.column_stack([*rises, np.ones(len(self.lags))]) / self.sigma[:, None]
        solved, _ = nnls(columns, self.semivariances / self.sigma)
        solved[:-1] = np.clip(solved[:-1], 1e-6, 9.9)
        solved[-1] = np.clip(solved[-1], least_nugget, 1.98)
        return solved, float(((columns @ solved - self.semivariances / self.sigma) ** 2).sum())

    def rise(self, kind: str, shape: float | None, skgstat_range: float) -> np.ndarray:
        """Return semivariances of psill 1 at the lags."""
        return 1.0 - correlation(kind, shape, self.lags / effective_range_from_skgstat(kind, skgstat_range, shape))


def scikit_gstat() -> ModuleType:
    """Import scikit-gstat, which takes a second or two.

    Raises
    ------
    BackendMissing
    """
    try:
        import skgstat
    except ImportError as error:
        raise BackendMissing(
            f"Fitting a variogram needs scikit-gstat, which cannot be imported here ({error}). Run Set up backend "
            "(hybridgeo:setupbackend) once, then try again."
        ) from error
    return skgstat


def skgstat_variogram(
    skgstat: Any,
    kind: str,
    lags: np.ndarray,
    semivariances: np.ndarray,
    sigma: np.ndarray,
    bounds: tuple[Sequence[float], Sequence[float]],
    start: Sequence[float],
) -> Any:
    """Let scikit-gstat fit one of its models to an experimental variogram that is already there.

    By itself scikit-gstat fits at the upper ends of the lags, which shifts the range by half a lag,
    and holds all pairs in memory. Its class is therefore given the mean lags and semivariances;
    model, bounds and optimiser are its own.

    Parameters
    ----------
    skgstat : module
    kind : str
        Out of our models, which it calls by the same names, or two joined by "+".
    lags, semivariances, sigma : ndarray, shape (n_lags,)
        Sigma divides the misfit of each lag.
    bounds, start : sequences of float
        Of (range, psill[, shape]) of each model, then the nugget, in scikit-gstat's conventions.

    Returns
    -------
    skgstat.Variogram

    Raises
    ------
    RuntimeError
        When its optimiser does not converge.
    """

    class GivenLags(skgstat.Variogram):
        """scikit-gstat's variogram of an experimental variogram computed elsewhere."""

        @property
        def experimental(self) -> np.ndarray:
            return semivariances

    # The two points only satisfy the constructor; nothing is computed from them.
    variogram = GivenLags(
        np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 1.0]),
        model=kind, use_nugget=True, fit_method=None, n_lags=len(lags), maxlag=2.0,
    )  # fmt: skip
    variogram.bins = lags
    with warnings.catch_warnings():
        # It warns where the parameters' covariance is undefined, which is not used here.
        warnings.simplefilter("ignore")
        variogram.fit(method="trf", sigma=sigma, bounds=bounds, p0=start)
    return variogram


def fit_structure(
    skgstat: Any, kind: str, experimental: ExperimentalVariogram, extent: float, least_nugget: float = 0.0
) -> LeastSquaresFit:
    """Fit a nugget and one structure, from the best starts of a row of ranges.

    Parameters
    ----------
    skgstat : module
    kind : str
        Out of `models.NAMES`; the shape of a matern or stable is fitted, too.
    experimental : ExperimentalVariogram
    extent : float
        Diagonal of the samples' bounding box: ranges are fitted up to twice of it.
    least_nugget : float
        Share of the largest semivariance that the nugget is held above.
    """
    scaled = _Scaled.of(experimental, extent)
    low, high = [scaled.shortest, 0.0], [scaled.longest, 10.0]
    if kind in SHAPES:
        low.append(_FITTED_SHAPES[kind][0])
        high.append(_FITTED_SHAPES[kind][1])
    bounds = ([*low, least_nugget], [*high, 2.0])
    best: tuple[float, VariogramModel] | None = None
    failures: list[str] = []
    *starts, last_resort = _starts(kind, scaled, least_nugget)
    while starts:
        start = starts.pop(0)
        try:
            variogram = skgstat_variogram(
                skgstat, kind, scaled.lags, scaled.semivariances, scaled.sigma, bounds, start
            )
        except (RuntimeError, ValueError) as error:
            if not failures:
                starts.append(last_resort)
            failures.append(str(error))
            continue
        fitted_range, psill, *shape, nugget = (float(number) for number in variogram.cof)
        # The optimiser stops a rounding error short of its bound 0.
        psill, nugget = (0.0 if number < 1e-9 else number for number in (psill, nugget))
        misfit = scaled.misfit(np.asarray(variogram.fitted_model(scaled.lags)))
        if best is None or misfit < best[0] * (1 - 1e-9):
            best = misfit, _model(kind, scaled, [(fitted_range, psill, *shape)], nugget)
    if best is None:
        return LeastSquaresFit(None, note=f"scikit-gstat found no fit: {failures[0]}")
    note = ""
    if least_nugget > 0:
        note = (
            f"Without a nugget the kriging system has no unique solution, so the nugget was held at or above "
            f"{100 * least_nugget:g} % of the largest semivariance."
        )
    return LeastSquaresFit(best[1], best[0] * scaled.unit_gamma**2 / scaled.unit_lag**2, note)


def fit_two_structures(skgstat: Any, kind: str, experimental: ExperimentalVariogram, extent: float) -> LeastSquaresFit:
    """Fit a nugget and two structures of a kind without a shape, the shorter one first."""
    scaled = _Scaled.of(experimental, extent)
    ranges = np.geomspace(scaled.shortest * 1.01, scaled.longest * 0.99, 24)
    rises = [scaled.rise(kind, None, reach) for reach in ranges]
    tried = [
        (scaled.linear([rises[i], rises[j]], 0.0), i, j) for i in range(len(ranges)) for j in range(i + 2, len(ranges))
    ]
    (solved, _), i, j = min(tried, key=lambda one: one[0][1])
    bounds = (
        [scaled.shortest, 0.0, scaled.shortest, 0.0, 0.0],
        [scaled.longest, 10.0, scaled.longest, 10.0, 2.0],
    )
    start = [ranges[i], solved[0], ranges[j], solved[1], solved[2]]
    try:
        variogram = skgstat_variogram(
            skgstat, f"{kind}+{kind}", scaled.lags, scaled.semivariances, scaled.sigma, bounds, start
        )
    except (RuntimeError, ValueError) as error:
        return LeastSquaresFit(None, note=f"scikit-gstat found no fit of two structures: {error}")
    first_range, first_psill, second_range, second_psill, nugget = (float(number) for number in variogram.cof)
    parts = sorted([(first_range, first_psill), (second_range, second_psill)])
    model = _model(kind, scaled, parts, 0.0 if nugget < 1e-9 else nugget)
    fitted = np.asarray(variogram.fitted_model(scaled.lags))
    if not np.allclose(model.gamma(scaled.lags * scaled.unit_lag) / scaled.unit_gamma, fitted, rtol=1e-6, atol=1e-6):
        return LeastSquaresFit(None, note="This version of scikit-gstat orders the parameters of two models otherwise.")
    return LeastSquaresFit(model, scaled.misfit(fitted) * scaled.unit_gamma**2 / scaled.unit_lag**2)


def _model(kind: str, scaled: _Scaled, parts: Sequence[Sequence[float]], nugget: float) -> VariogramModel:
    """Return a model in map and data units from (range, psill[, shape]) of each structure."""
    structures = []
    for reach, psill, *shape in parts:
        own = shape[0] if shape else None
        effective_range = effective_range_from_skgstat(kind, reach, own) * scaled.unit_lag
        structures.append(Structure(kind, psill * scaled.unit_gamma, effective_range, shape=own))
    return VariogramModel(nugget * scaled.unit_gamma, tuple(structures))


def _starts(kind: str, scaled: _Scaled, least_nugget: float) -> list[tuple[float, ...]]:
    """Return (range, psill[, shape], nugget) near the best two minima of the misfit over the range, and a last resort.

    Psill and nugget enter linearly, so that for each range of a row they are found at once.
    """
    ranges = np.geomspace(scaled.shortest * 1.01, scaled.longest * 0.99, 40)
    minima: list[tuple[float, tuple[float, ...]]] = []
    for shape in _STARTING_SHAPES.get(kind, (None,)):
        misfits, starts = [], []
        for reach in ranges:
            (psill, nugget), misfit = scaled.linear([scaled.rise(kind, shape, reach)], least_nugget)
            misfits.append(misfit)
            between = () if shape is None else (shape,)
            starts.append((float(reach), float(psill), *between, float(nugget)))
        around = np.concatenate([[np.inf], misfits, [np.inf]])
        low = np.flatnonzero((around[1:-1] <= around[:-2]) & (around[1:-1] <= around[2:]))
        minima += [(misfits[i], starts[i]) for i in low]
    first, *others = (start for _, start in sorted(minima)[:2])
    return [first, *others, (min(1.3 * first[0], scaled.longest), *first[1:])]


def lag_sigma(experimental: ExperimentalVariogram) -> np.ndarray:
    """Return lag / sqrt(pairs): gstat's weights, pairs / lag^2, as standard deviations.

    A first lag full of coincident samples would rule the fit with a mean lag near 0, so lags
    count as at least a fifth of the widest spacing between them.

    Returns
    -------
    ndarray, shape (n_lags,)

    References
    ----------
    Pebesma, E. (2004). Multivariable geostatistics in S: the gstat package. Comput. Geosci. 30, 683-691: ``fit.method``
    7.
    """
    spacing = np.diff(experimental.lags, prepend=0.0).max()
    return np.maximum(experimental.lags, 0.2 * spacing) / np.sqrt(experimental.pair_counts)
