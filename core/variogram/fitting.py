"""Fitting a variogram model: scikit-gstat's least squares, chosen by leave-one-out, refined by likelihood.

This is the only file that imports scikit-gstat, and only when a fit is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import scipy
from scipy.optimize import nnls

from ..errors import BackendMissing, InputError, KrigingSystemError
from ..kriging.drift import DriftBasis, check_drift
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..report.markup import rounded
from .experimental import ExperimentalVariogram, experimental_variogram
from .likelihood import LEAST_RATIO_MINOR, Climbed, LikelihoodSearch
from .models import Structure, VariogramModel, correlation, effective_range_from_skgstat

MODELS = ("spherical", "exponential", "gaussian", "cubic")
"""Models that can be fitted; "auto" tries them all."""

METHODS = ("least_squares", "reml")
"""How parameters are found: from the experimental variogram, or from there by likelihood."""

MIN_SAMPLES = 10
"""Fewer samples give no variogram worth the name."""

GLOBAL_LEAVE_ONE_OUT = 2000
"""Up to so many samples leave-one-out uses all others, beyond `LOCAL_NEIGHBORS`."""

LOCAL_NEIGHBORS = 32

SCORED_SAMPLES = 2000
"""Of more samples a seeded choice of so many is left out, each estimated from its neighbours among all."""

PREFERRED = "exponential"
"""Taken by "auto" unless another model is clearly better.

A dozen real variables (meuse, jura, sic97, walker; random and block folds, everything refitted a
fold) were predicted worse when the errors or likelihoods of one fit chose freely among all models:
differences between them are mostly chance, and the smooth models pay for it away from samples.
"""

CLEAR_GAIN = 4.0
"""Log likelihood by which another model has to exceed the preferred one (odds of 55 to 1)."""

CLEAR_ERROR = 0.03
"""Share by which its leave-one-out error has to be lower, in a fit by least squares."""

TIE = 0.005
"""Relative difference of leave-one-out errors that is no difference."""

HELD_NUGGET = 1e-3
"""Share of the largest semivariance at which the nugget is held where kriging is singular without one."""


@dataclass(frozen=True)
class Candidate:
    """One fit that was considered.

    Parameters
    ----------
    name : str
        Kind of model, out of `MODELS`.
    method : str
        Out of `METHODS`.
    model : VariogramModel or None
        None where no fit was found.
    loo_rmse : float
        Root mean squared leave-one-out error of kriging, in (transformed) data units; NaN where
        kriging is impossible.
    loo_msdr : float
        Mean of squared error / kriging variance; 1 where the variances are right.
    misfit : float
        Weighted sum of squares about the experimental variogram (least squares only, else NaN).
    log_likelihood : float
        Restricted log likelihood (reml only, else NaN).
    note : str
        What went wrong or was done about it; "" for an ordinary fit.
    """

    name: str
    method: str
    model: VariogramModel | None
    loo_rmse: float = np.nan
    loo_msdr: float = np.nan
    misfit: float = np.nan
    log_likelihood: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class FittedVariogram:
    """A variogram model with everything it was chosen from.

    Parameters
    ----------
    model : VariogramModel
    experimental : ExperimentalVariogram
        Of the values, or of their residuals from the drift.
    loo_rmse, loo_msdr : float
        Of the chosen model; see `Candidate`.
    method : str
        Out of `METHODS`.
    candidates : tuple of Candidate
        In the order tried.
    warnings : tuple of str
        What a user should know before trusting the model, in sentences.
    versions : dict
        Name to version of the libraries that did the fit.
    mean_rmse : float
        Leave-one-out error without any variogram: of the mean, or of the drift by least squares.
    """

    model: VariogramModel
    experimental: ExperimentalVariogram
    loo_rmse: float
    loo_msdr: float
    method: str
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...]
    versions: dict
    mean_rmse: float = np.nan

    def fit_to_dict(self) -> dict:
        """Return the object that variogram files hold under ``fit``."""
        return {
            "loo_rmse": float(self.loo_rmse),
            "loo_msdr": float(self.loo_msdr),
            "mean_rmse": float(self.mean_rmse),
            "method": self.method,
            "warnings": list(self.warnings),
            "versions": dict(self.versions),
        }


def fit_variogram(
    coordinates: np.ndarray,
    values: np.ndarray,
    *,
    model: str = "auto",
    n_lags: int = 15,
    max_lag: float | None = None,
    estimator: str = "matheron",
    drift: np.ndarray | None = None,
    method: str = "least_squares",
    anisotropic: bool | None = None,
    seed: int = 0,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> FittedVariogram:
    """Fit a nugget and one structure.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation] in map units.
    values : ndarray, shape (n_samples,)
        Already transformed to the scale of kriging.
    model : str
        One of `MODELS`, or "auto": exponential, unless another model is clearly better - its log
        likelihood higher by more than `CLEAR_GAIN` ("reml"), or its exact leave-one-out error
        lower by more than `CLEAR_ERROR` ("least_squares"; of errors that differ by less than
        half a percent, the model that fits best).
    n_lags, max_lag, estimator
        See `experimental_variogram`.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant. The experimental variogram is then that of the residuals from
        ordinary least squares, and leave-one-out is kriging with this drift.
    method : str
        "least_squares" (scikit-gstat, lags weighted by pairs / lag^2), or "reml", which starts
        there and uses every sample.
    anisotropic : bool or None
        Also try geometric anisotropy of the chosen model, kept where the likelihood demands it;
        with "reml" only. None: yes with "reml".
    seed : int
        Of the draws made for large numbers of samples.
    progress, is_cancelled : callable

    Returns
    -------
    FittedVariogram

    Raises
    ------
    InputError
        For too few samples, values that are all equal, settings out of range, or data to which
        no model can be fitted.
    BackendMissing
        Where scikit-gstat cannot be imported.
    Cancelled

    References
    ----------
    Malicke, M. (2022). SciKit-GStat 1.0. Geosci. Model Dev. 15, 2505-2532. Weights: Pebesma, E.
    (2004). Multivariable geostatistics in S: the gstat package. Comput. Geosci. 30, 683-691.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    _check(coordinates, values, model, method, anisotropic)
    columns = check_drift(drift, len(values), None, "samples")
    residuals, mean_rmse = _least_squares_residuals(values, columns)
    skgstat = _scikit_gstat()

    experimental = experimental_variogram(
        coordinates, residuals, n_lags=n_lags, max_lag=max_lag, estimator=estimator, seed=seed,
        progress=part(progress, 0.0, 0.1), is_cancelled=is_cancelled,
    )  # fmt: skip
    if len(experimental.lags) < 3:
        raise InputError(
            f"Expected pairs of samples in at least 3 lags, got {len(experimental.lags)} up to "
            f"{experimental.max_lag:g} map units. Enter a larger maximum lag or fewer lags."
        )
    if experimental.semivariances.max() <= 1e-20 * max(1.0, float(np.abs(values).max()) ** 2):
        raise InputError(
            "The values do not vary beyond the drift: nothing is left for a variogram. Use fewer drift columns."
        )
    extent = float(np.linalg.norm(np.ptp(coordinates, axis=0)))

    kinds = MODELS if model == "auto" else (model,)
    candidates: list[Candidate] = []
    for index, kind in enumerate(kinds):
        stop_if(is_cancelled)
        progress(0.1 + 0.2 * index / len(kinds), f"Fitting the {kind} model")
        fit = _fitted_by_least_squares(skgstat, kind, experimental, extent)
        fit = _scored(fit, coordinates, values, columns, seed)
        if np.isnan(fit.loo_rmse) and fit.model is not None and fit.model.nugget < HELD_NUGGET * fit.model.sill:
            held = _fitted_by_least_squares(skgstat, kind, experimental, extent, least_nugget=HELD_NUGGET)
            fit = _scored(held, coordinates, values, columns, seed)
        candidates.append(fit)
    chosen = _best(candidates, "least_squares")
    if method == "reml":
        search = LikelihoodSearch(coordinates, values, columns, seed=seed, is_cancelled=is_cancelled)
        anisotropic = True if anisotropic is None else anisotropic
        refined = _refined(search, candidates, anisotropic, part(progress, 0.3, 0.95))
        candidates += [_scored(fit, coordinates, values, columns, seed) for fit in refined]
        chosen = _best(candidates, "reml")
    progress(1.0, "")

    if chosen is None or chosen.model is None:
        raise InputError(_nothing_fitted(candidates))
    return FittedVariogram(
        model=chosen.model,
        experimental=experimental,
        loo_rmse=chosen.loo_rmse,
        loo_msdr=chosen.loo_msdr,
        method=chosen.method,
        candidates=tuple(candidates),
        warnings=tuple(_remarks(chosen, candidates, experimental, extent, len(values), method, mean_rmse)),
        versions={
            "scikit-gstat": str(skgstat.__version__),
            "numpy": str(np.__version__),
            "scipy": str(scipy.__version__),
        },
        mean_rmse=mean_rmse,
    )


def _check(coordinates: np.ndarray, values: np.ndarray, model: str, method: str, anisotropic: bool | None) -> None:
    """Refuse settings and samples that cannot be fitted."""
    if model not in ("auto", *MODELS):
        raise InputError(f"Expected a variogram model out of auto, {', '.join(MODELS)}, got {model!r}.")
    if method not in METHODS:
        raise InputError(f"Expected a fitting method out of {', '.join(METHODS)}, got {method!r}.")
    if anisotropic and method != "reml":
        raise InputError('Anisotropy is fitted by likelihood only: choose the method "reml", or leave it out.')
    if coordinates.ndim != 2 or values.shape != (len(coordinates),):
        raise InputError(
            f"Expected coordinates of shape (n, 2 or 3) and one value each, got {coordinates.shape} and {values.shape}."
        )
    if len(values) < MIN_SAMPLES:
        raise InputError(
            f"Fitting a variogram needs at least {MIN_SAMPLES} samples (better 100), got {len(values)}. "
            "Add samples, or use a variogram from a similar site."
        )
    for label, array in (("coordinates", coordinates), ("values", values[:, None])):
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(bad):
            raise InputError(
                f"Expected finite {label}, got NaN or infinity in {len(bad)} of {len(array)} samples (first: row "
                f"{bad[0] + 1}). Remove or repair these samples."
            )
    if np.ptp(values) == 0:
        raise InputError(
            f"All {len(values)} values equal {values[0]:g}: a variogram cannot be fitted to them. Choose another field."
        )


def _scikit_gstat() -> ModuleType:
    """Import scikit-gstat, which takes a second or two."""
    try:
        import skgstat
    except ImportError as error:
        raise BackendMissing(
            f"Fitting a variogram needs scikit-gstat, which cannot be imported here ({error}). Run Set up backend "
            "(hybridgeo:setupbackend) once, then try again."
        ) from error
    return skgstat


def _least_squares_residuals(values: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the residuals from [1, drift], shape (n_samples,), and their exact leave-one-out RMSE."""
    basis = DriftBasis.fit(columns).scores(columns)
    if len(values) < basis.shape[1] + MIN_SAMPLES:
        raise InputError(
            f"Expected at least {basis.shape[1] + MIN_SAMPLES} samples for {basis.shape[1] - 1} independent drift "
            f"columns, got {len(values)}. Use fewer drift columns."
        )
    orthonormal = np.linalg.qr(basis)[0]
    residuals = values - orthonormal @ (orthonormal.T @ values)
    leverage = (orthonormal**2).sum(axis=1)
    others = leverage < 1 - 1e-9  # a sample that alone fixes a coefficient cannot be left out
    return residuals, float(np.sqrt(np.mean((residuals[others] / (1 - leverage[others])) ** 2)))


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
        Out of `MODELS`, which it calls by the same names.
    lags, semivariances, sigma : ndarray, shape (n_lags,)
        Sigma divides the misfit of each lag.
    bounds, start : sequences of float
        Of (range, psill, nugget) in scikit-gstat's conventions.

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


def _fitted_by_least_squares(
    skgstat: Any, kind: str, experimental: ExperimentalVariogram, extent: float, least_nugget: float = 0.0
) -> Candidate:
    """Fit one model from several starts and keep the best."""
    # In units of the largest lag and semivariance all three parameters are near 1.
    unit_lag, unit_gamma = experimental.max_lag, float(experimental.semivariances.max())
    lags = experimental.lags / unit_lag
    semivariances = experimental.semivariances / unit_gamma
    sigma = _lag_sigma(experimental) / unit_lag
    longest = max(2.0 * extent / unit_lag, 2.0)
    bounds = ([0.2 * max(lags[0], 1e-6), 0.0, least_nugget], [longest, 10.0, 2.0])
    best: tuple[float, VariogramModel] | None = None
    failures: list[str] = []
    *starts, last_resort = _least_squares_starts(kind, lags, semivariances, sigma, bounds)
    while starts:
        start = starts.pop(0)
        try:
            variogram = skgstat_variogram(skgstat, kind, lags, semivariances, sigma, bounds, start)
        except (RuntimeError, ValueError) as error:
            if not failures:
                starts.append(last_resort)
            failures.append(str(error))
            continue
        fitted_range, psill, nugget = (float(number) for number in variogram.cof)
        # The optimiser stops a rounding error short of its bound 0.
        psill, nugget = (0.0 if number < 1e-9 else number for number in (psill, nugget))
        misfit = float((((np.asarray(variogram.fitted_model(lags)) - semivariances) / sigma) ** 2).sum())
        if best is None or misfit < best[0] * (1 - 1e-9):
            structure = Structure(kind, psill * unit_gamma, effective_range_from_skgstat(kind, fitted_range) * unit_lag)
            best = misfit, VariogramModel(nugget * unit_gamma, (structure,))
    if best is None:
        return Candidate(kind, "least_squares", None, note=f"scikit-gstat found no fit: {failures[0]}")
    note = ""
    if least_nugget > 0:
        note = (
            f"Without a nugget the kriging system has no unique solution, so the nugget was held at or above "
            f"{100 * least_nugget:g} % of the largest semivariance."
        )
    return Candidate(kind, "least_squares", best[1], misfit=best[0] * unit_gamma**2 / unit_lag**2, note=note)


def _least_squares_starts(
    kind: str,
    lags: np.ndarray,
    semivariances: np.ndarray,
    sigma: np.ndarray,
    bounds: tuple[Sequence[float], Sequence[float]],
) -> list[tuple[float, float, float]]:
    """Return (range, psill, nugget) near the best two minima of the misfit over the range, and a third to fall back on.

    Psill and nugget enter linearly, so that for each range of a row they are found at once.
    """
    ranges = np.geomspace(bounds[0][0] * 1.01, bounds[1][0] * 0.99, 40)
    misfits, starts = [], []
    for reach in ranges:
        rise = (1.0 - correlation(kind, None, lags / effective_range_from_skgstat(kind, reach))) / sigma
        solved, _ = nnls(np.column_stack([rise, 1.0 / sigma]), semivariances / sigma)
        psill, nugget = np.clip(solved, (bounds[0][1] + 1e-6, bounds[0][2]), (bounds[1][1] * 0.99, bounds[1][2] * 0.99))
        misfits.append(float((((psill * rise + nugget / sigma) - semivariances / sigma) ** 2).sum()))
        starts.append((float(reach), float(psill), float(nugget)))
    around = np.concatenate([[np.inf], misfits, [np.inf]])
    minima = np.flatnonzero((around[1:-1] <= around[:-2]) & (around[1:-1] <= around[2:]))
    first, *others = (starts[i] for i in sorted(minima, key=lambda i: misfits[i])[:2])
    return [first, *others, (min(1.3 * first[0], bounds[1][0]), *first[1:])]


def _lag_sigma(experimental: ExperimentalVariogram) -> np.ndarray:
    """Return lag / sqrt(pairs): gstat's weights, pairs / lag^2, as standard deviations.

    A first lag full of coincident samples would rule the fit with a mean lag near 0, so lags
    count as at least a fifth of the widest spacing between them.
    """
    spacing = np.diff(experimental.lags, prepend=0.0).max()
    return np.maximum(experimental.lags, 0.2 * spacing) / np.sqrt(experimental.pair_counts)


def _scored(
    fit: Candidate, coordinates: np.ndarray, values: np.ndarray, columns: np.ndarray, seed: int
) -> Candidate:
    """Add the exact leave-one-out error of kriging with the fit."""
    if fit.model is None:
        return fit
    neighborhood = Neighborhood() if len(values) <= GLOBAL_LEAVE_ONE_OUT else Neighborhood(LOCAL_NEIGHBORS)
    rows = np.arange(len(values))
    if len(rows) > max(SCORED_SAMPLES, GLOBAL_LEAVE_ONE_OUT):
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), SCORED_SAMPLES, replace=False))
    try:
        left_out = fit_kriging(coordinates, values, fit.model, neighborhood, columns).leave_one_out(rows)
    except KrigingSystemError as error:
        return replace(fit, note=f"{fit.note} {error}".strip())
    errors = values[rows] - left_out.estimate
    known = np.isfinite(errors) & (left_out.kriging_variance > 0)
    if not known.any():
        return replace(fit, note="No sample can be estimated from the others with this drift.")
    squared = errors[known] ** 2
    return replace(
        fit,
        loo_rmse=float(np.sqrt(squared.mean())),
        loo_msdr=float((squared / left_out.kriging_variance[known]).mean()),
    )


def _refined(
    search: LikelihoodSearch, fitted: Sequence[Candidate], anisotropic: bool, progress: Progress
) -> list[Candidate]:
    """Refine least-squares fits by likelihood, and the most likely of them further."""
    order = sorted(fitted, key=lambda fit: fit.name != PREFERRED)
    refined: list[Candidate] = []
    climbs: dict[str, Climbed] = {}
    near = None
    for index, fit in enumerate(order):
        step = part(progress, 0.8 * index / len(order), 0.8 * (index + 1) / len(order))
        step(0.0, f"Refining the {fit.name} model by likelihood")
        if fit.model is None:
            continue
        try:
            climbed = search.climbed(fit.model, near=near, anisotropic=anisotropic, progress=step)
        except InputError as error:
            refined.append(Candidate(fit.name, "reml", None, note=str(error)))
            continue
        model, log_likelihood = search.rough(climbed)
        climbs[fit.name] = climbed
        refined.append(Candidate(fit.name, "reml", model, log_likelihood=log_likelihood))
        near = near or climbed.found.trial
    best = _most_likely(refined)
    if best is not None:
        progress(0.8, f"Refining the {best.name} model further")
        climbed = climbs[best.name]
        if anisotropic:
            climbed = search.turned(climbed, part(progress, 0.8, 0.9))
        model, _ = search.fine(climbed, part(progress, 0.9, 1.0))
        refined[refined.index(best)] = replace(best, model=model)
    return refined


def _most_likely(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the preferred candidate, or the most likely where that is clear."""
    usable = [c for c in candidates if c.model is not None]
    if not usable:
        return None
    preferred = next((c for c in usable if c.name == PREFERRED), None)
    best = max(usable, key=lambda c: c.log_likelihood)
    return best if preferred is None or best.log_likelihood > preferred.log_likelihood + CLEAR_GAIN else preferred


def _best(candidates: Sequence[Candidate], method: str) -> Candidate | None:
    """Return the candidate that "auto" stands for, out of those of the method (else of any)."""
    usable = [c for c in candidates if c.model is not None and np.isfinite(c.loo_rmse)]
    wanted = [c for c in usable if c.method == method] or usable
    if not wanted:
        return None
    if wanted[0].method == "reml":
        return _most_likely(wanted)
    preferred = next((c for c in wanted if c.name == PREFERRED), None)
    # Among errors that differ by less than a tie, a model that follows the variogram is safer away from samples.
    lowest = min(c.loo_rmse for c in wanted)
    best = min((c for c in wanted if c.loo_rmse <= lowest * (1 + TIE)), key=lambda c: c.misfit)
    clear = preferred is None or best.loo_rmse < preferred.loo_rmse * (1 - CLEAR_ERROR)
    return best if clear else preferred


def _nothing_fitted(candidates: Sequence[Candidate]) -> str:
    """Say why no candidate can be used, and what to do."""
    reasons = "; ".join(dict.fromkeys(f"{c.name}: {c.note}" for c in candidates if c.note))
    return (
        f"No variogram could be fitted ({reasons}). Average samples that share a location, try another maximum lag or "
        "number of lags, or choose another model."
    )


def _remarks(
    chosen: Candidate,
    candidates: Sequence[Candidate],
    experimental: ExperimentalVariogram,
    extent: float,
    n_samples: int,
    method: str,
    mean_rmse: float,
) -> list[str]:
    """Say what a user should know before trusting the model."""
    model = chosen.model
    if model is None:
        return []
    remarks = []
    if n_samples < 50:
        remarks.append(f"{n_samples} samples give an uncertain variogram; 100 or more are better.")
    if model.psill < 0.05 * model.sill:
        remarks.append(
            f"The fit is practically pure nugget ({100 * model.nugget / model.sill:.0f} % of the sill): the samples "
            "show no spatial structure at these lags, and kriging will hardly differ from the mean."
        )
    elif model.effective_range < experimental.lags[0]:
        remarks.append(
            f"The effective range ({rounded(model.effective_range)} map units) is shorter than the first lag "
            f"({rounded(experimental.lags[0])}): the samples are too far apart to show it, and kriging will hardly "
            "differ from the mean."
        )
    elif model.effective_range > extent:
        remarks.append(
            f"The effective range ({rounded(model.effective_range)} map units) exceeds the extent of the samples "
            f"({rounded(extent)}): within it the values show no sill. There may be a trend; consider a drift."
        )
    elif model.effective_range > experimental.max_lag:
        remarks.append(
            f"The effective range ({rounded(model.effective_range)} map units) lies beyond the largest lag used "
            f"({rounded(experimental.max_lag)}), so the sill is an extrapolation."
        )
    if min(s.ratio_minor for s in model.structures) < 1.05 * LEAST_RATIO_MINOR:
        remarks.append(
            f"The anisotropy reached the limit of {1 / LEAST_RATIO_MINOR:.0f} to 1: there may be a trend across the "
            "longest direction; consider a drift."
        )
    if chosen.loo_rmse > 0.98 * mean_rmse:
        remarks.append(
            f"Kriging with this variogram predicts left-out samples hardly better than no variogram at all (RMSE "
            f"{rounded(chosen.loo_rmse)} against {rounded(mean_rmse)}): there is practically no spatial structure."
        )
    if model.nugget < HELD_NUGGET * model.sill and chosen.name in ("gaussian", "cubic"):
        remarks.append(
            f"The {chosen.name} model has practically no nugget: estimates may overshoot between close samples."
        )
    if experimental.pair_counts[0] < 30:
        remarks.append(
            f"The first lag holds only {experimental.pair_counts[0]} pairs, so the nugget is uncertain. Fewer, wider "
            "lags would hold more."
        )
    if not 0.5 <= chosen.loo_msdr <= 2.0:
        kind = "too small" if chosen.loo_msdr > 1 else "too large"
        remarks.append(
            f"Kriging variances look {kind}: squared leave-one-out errors are {chosen.loo_msdr:.2g} times the kriging "
            "variance on average."
        )
    if experimental.share_of_pairs < 1:
        remarks.append(
            f"The experimental variogram uses a random {100 * experimental.share_of_pairs:.2g} % of all pairs."
        )
    if chosen.method != method:
        remarks.append(f"The likelihood refinement failed, so this is the {chosen.method} fit.")
    least = min((c for c in candidates if np.isfinite(c.loo_rmse)), key=lambda c: c.loo_rmse, default=chosen)
    if least.method != chosen.method and least.loo_rmse < 0.99 * chosen.loo_rmse:
        remarks.append(
            f"The {least.name} model fitted by {least.method} has a leave-one-out error "
            f"{100 * (1 - least.loo_rmse / chosen.loo_rmse):.0f} % lower."
        )
    if chosen.note:
        remarks.append(chosen.note)
    remarks += [f"The {c.name} model was left out: {c.note}" for c in candidates if c.model is None]
    return remarks
