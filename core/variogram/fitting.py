"""Fitting a variogram model: least squares, chosen by leave-one-out, refined by likelihood.

Each step has its file: `least_squares_candidates` and `likelihood_candidates` make the candidates,
`leave_one_out` scores them, `choice` takes one, and `remarks` says what to know before trusting it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np

from ..errors import InputError
from ..kriging.drift import DriftBasis, check_drift
from ..progress import IsCancelled, Progress, never, part, silent
from .anisotropy import Anisotropy, directional_variograms
from .candidates import Candidate, model_of
from .choice import PREFERRED, lowest_error, nothing_fitted, with_reasons
from .direction import Direction
from .experimental import ExperimentalVariogram, default_max_lag, diagonal_of
from .fit_options import FitOptions
from .least_squares import scikit_gstat
from .least_squares_candidates import LeastSquaresCandidates
from .leave_one_out import GLOBAL_LEAVE_ONE_OUT, FitSamples
from .likelihood_candidates import by_likelihood
from .models import VariogramModel
from .remarks import remarks_on, structure_of

MIN_SAMPLES = 10
"""Fewer samples give no variogram worth the name."""

_LARGEST_SPREAD = 1e130


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
        Out of `fit_options.METHODS`.
    candidates : tuple of Candidate
        In the order tried.
    warnings : tuple of str
        What a user should know before trusting the model, in sentences.
    versions : dict
        Name to version of the libraries that did the fit.
    mean_rmse : float
        Leave-one-out error without any variogram: of the mean, or of the drift by least squares.
    log_likelihood : float
        Restricted log likelihood of the chosen model (reml only, else NaN).
    account : tuple of str
        What was tried and decided, in sentences.
    structure : str
        "structured", "pure nugget" or "range beyond the extent": what the model says of the field.
    directional : tuple of ExperimentalVariogram
        Along the model's axes (of isotropic models: four azimuths, and up), where asked for.
    stretched : bool
        Whether the lags of the experimental variogram are as along the azimuth of the model's
        anisotropy, instead of on the map.
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
    log_likelihood: float = np.nan
    account: tuple[str, ...] = ()
    structure: str = "structured"
    directional: tuple[ExperimentalVariogram, ...] = ()
    stretched: bool = False

    def fit_to_dict(self) -> dict:
        """Return the object that variogram files hold under ``fit``."""
        return {
            "loo_rmse": float(self.loo_rmse),
            "loo_msdr": float(self.loo_msdr),
            "mean_rmse": float(self.mean_rmse),
            "method": self.method,
            "log_likelihood": float(self.log_likelihood) if np.isfinite(self.log_likelihood) else None,
            "structure": self.structure,
            "account": list(self.account),
            "candidates": [
                {**candidate.to_dict(), "chosen": candidate.model is self.model} for candidate in self.candidates
            ],
            "warnings": list(self.warnings),
            "versions": dict(self.versions),
        }


def fit_variogram(
    coordinates: np.ndarray,
    values: np.ndarray,
    options: FitOptions | None = None,
    *,
    drift: np.ndarray | None = None,
    holes: np.ndarray | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> FittedVariogram:
    """Fit a nugget and one structure, or two.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Easting, northing[, elevation] in map units.
    values : ndarray, shape (n_samples,)
        Already transformed to the scale of kriging.
    options : FitOptions or None
        None: `FitOptions()`.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant. The experimental variogram is then that of the residuals from
        ordinary least squares, and leave-one-out is kriging with this drift.
    holes : ndarray of str, shape (n_samples,), or None
        Drill hole of each sample, "" for none. None: vertical columns or straight strings of close 3-D samples are
        holes. Of samples in holes candidates are judged by the errors of whole holes left out.
    progress, is_cancelled : callable

    Returns
    -------
    FittedVariogram

    Raises
    ------
    InputError
        For too few samples, values that are all equal, lags out of range, or data to which
        no model can be fitted.
    BackendMissing
        Where scikit-gstat cannot be imported.
    Cancelled

    References
    ----------
    Malicke, M. (2022). SciKit-GStat 1.0. Geosci. Model Dev. 15, 2505-2532. Weights: Pebesma, E.
    (2004). Multivariable geostatistics in S: the gstat package. Comput. Geosci. 30, 683-691.
    """
    options = FitOptions() if options is None else options
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.asarray(values, dtype=float)
    _check(coordinates, values)
    columns = check_drift(drift, len(values), None, "samples")
    residuals, mean_rmse = _drift_residuals(values, columns)
    skgstat = scikit_gstat()
    places = options.frame.stretched(coordinates)
    samples = FitSamples(places, values, residuals, columns, options.seed, is_cancelled, holes)
    account: list[str] = []
    if samples.hole is not None:
        account.append(
            f"The samples lie in {int(samples.hole.max()) + 1} drill holes or profiles: what likelihood does not "
            "decide is judged by the errors of whole holes left out."
        )
    tried = _search(samples, options, skgstat, account, progress)
    progress(1.0, "")

    chosen, candidates = tried.explained(options.anisotropy)
    if options.anisotropy is not None:
        account.append("The anisotropy was given; it was not fitted.")
    found, table = model_of(chosen), tried.experimental
    extent = diagonal_of(coordinates)
    return FittedVariogram(
        model=found,
        experimental=table,
        loo_rmse=chosen.loo_rmse,
        loo_msdr=chosen.loo_msdr,
        method=chosen.method,
        candidates=candidates,
        warnings=tuple(
            remarks_on(chosen, candidates, table, extent, len(values), options.method, mean_rmse, columns.shape[1] > 0)
        ),
        versions=_versions(skgstat),
        mean_rmse=mean_rmse,
        log_likelihood=tried.log_likelihood,
        account=tuple(account),
        structure=structure_of(found, table, extent),
        directional=_directional(coordinates, residuals, found, table, options.seed) if options.by_direction else (),
        stretched=tried.is_stretched,
    )


def _search(
    samples: FitSamples, options: FitOptions, skgstat: ModuleType, account: list[str], progress: Progress
) -> _Tried:
    """Fit candidates by least squares, from there by likelihood where asked, and choose one."""
    is_by_likelihood = options.method == "reml"
    # Of many samples errors take longer than fits: they wait until one is needed.
    is_scored = not is_by_likelihood or options.search_lags or len(samples.values) <= GLOBAL_LEAVE_ONE_OUT
    fit = LeastSquaresCandidates(samples, options.estimator, options.structures, skgstat, account, is_scored)
    look = part(progress, 0.0, 0.3)
    lags = options.n_lags, default_max_lag(samples.coordinates) if options.max_lag is None else options.max_lag
    if options.search_lags and options.start is None:
        lags = fit.best_lags(PREFERRED if options.model == "auto" else options.model, lags, look)
    tried = _Tried(fit.experimental(lags, Anisotropy()), is_stretched=not options.frame.is_isotropic)
    if options.start is None:
        tried.candidates, tried.chosen = fit.of_kinds(options.kinds, tried.experimental, Anisotropy(), look)
        if not is_by_likelihood and tried.chosen is not None:
            tried.go_further(fit, options.kinds, lags if options.tries_anisotropy else None)
    if is_by_likelihood:
        refined, best, tried.log_likelihood = by_likelihood(
            samples, tried.candidates, options, account, part(progress, 0.3, 0.95)
        )
        if best is None and not is_scored:
            tried.candidates = [samples.scored(candidate) for candidate in tried.candidates]
            tried.chosen = lowest_error(tried.candidates)
        tried.candidates += refined
        tried.chosen = best or tried.chosen
    return tried


@dataclass
class _Tried:
    """What was tried, and the best of it so far.

    Parameters
    ----------
    experimental : ExperimentalVariogram
    is_stretched : bool
        Whether its lags are those of an anisotropy.
    candidates : list of Candidate
    chosen : Candidate or None
    log_likelihood : float
    """

    experimental: ExperimentalVariogram
    is_stretched: bool
    candidates: list[Candidate] = field(default_factory=list)
    chosen: Candidate | None = None
    log_likelihood: float = np.nan

    def go_further(self, fit: LeastSquaresCandidates, kinds: tuple[str, ...], lags: tuple[int, float] | None) -> None:
        """Try anisotropies (with lags given) and a second structure by least squares."""
        chosen = self.chosen
        if chosen is None:
            return
        if lags is not None:
            chosen = fit.with_anisotropy(chosen, kinds, lags, self.candidates)
            own = Anisotropy.of(model_of(chosen).structures[0])
            self.is_stretched = not own.is_isotropic
            if self.is_stretched:
                self.experimental = fit.experimental(lags, own)
        self.chosen = fit.with_second_structure(chosen, self.experimental, self.candidates)

    def explained(self, given: Anisotropy | None) -> tuple[Candidate, tuple[Candidate, ...]]:
        """Return the chosen candidate and all with their reasons, with a given anisotropy put on."""
        if self.chosen is None or self.chosen.model is None:
            raise InputError(nothing_fitted(self.candidates))
        candidates = with_reasons(self.candidates, self.chosen)
        if given is not None:
            candidates = [
                candidate if candidate.model is None else replace(candidate, model=given.on(candidate.model))
                for candidate in candidates
            ]
        return next(one for one in candidates if one.reason.startswith("chosen")), tuple(candidates)


def _versions(skgstat: ModuleType) -> dict[str, str]:
    """Return the versions of the libraries that did the fit."""
    import scipy

    return {
        "scikit-gstat": str(skgstat.__version__),
        "numpy": str(np.__version__),
        "scipy": str(scipy.__version__),
    }


def _directional(
    coordinates: np.ndarray,
    residuals: np.ndarray,
    model: VariogramModel,
    experimental: ExperimentalVariogram,
    seed: int,
) -> tuple[ExperimentalVariogram, ...]:
    """Compute variograms along the axes of a model, or of an isotropic one along four azimuths and up."""
    n_dimensions = coordinates.shape[1]
    anisotropy = Anisotropy.of(model.structures[-1])
    directions = [direction for direction, _ in anisotropy.principal_directions(n_dimensions)]
    if anisotropy.ratio_minor == 1.0:
        directions = [Direction(azimuth) for azimuth in (0.0, 45.0, 90.0, 135.0)]
        directions += [Direction(0.0, 90.0)] if n_dimensions == 3 else []
    return tuple(
        directional_variograms(
            coordinates, residuals, directions, estimator=experimental.estimator, seed=seed,
            max_lag=experimental.max_lag if n_dimensions == 2 else None,
        )
    )  # fmt: skip


def _check(coordinates: np.ndarray, values: np.ndarray) -> None:
    """Refuse samples that no variogram can be fitted to."""
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
    spread = float(np.ptp(values))
    if spread == 0:
        raise InputError(
            f"All {len(values)} values equal {values[0]:g}: a variogram cannot be fitted to them. Choose another field."
        )
    if not 1.0 / _LARGEST_SPREAD < spread < _LARGEST_SPREAD:
        raise InputError(
            f"Expected values with room for their squares in double precision, got some that differ by {spread:g}. "
            "Use another unit."
        )


def _drift_residuals(values: np.ndarray, drift: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the residuals from [1, drift], shape (n_samples,), and their exact leave-one-out RMSE."""
    basis = DriftBasis.fit(drift).scores(drift)
    n_columns = basis.shape[1] - 1  # the constant apart
    if len(values) < n_columns + MIN_SAMPLES:
        raise InputError(
            f"Expected at least {n_columns + MIN_SAMPLES} samples for {n_columns} independent drift columns, got "
            f"{len(values)}. Use fewer drift columns."
        )
    orthonormal = np.linalg.qr(basis)[0]
    residuals = values - orthonormal @ (orthonormal.T @ values)
    if float(np.abs(residuals).max()) <= 1e-10 * float(np.abs(values).max()):
        raise InputError(
            "The values do not vary beyond the drift: nothing is left for a variogram. Use fewer drift columns."
        )
    leverage = (orthonormal**2).sum(axis=1)
    others = leverage < 1 - 1e-9  # a sample that alone fixes a coefficient cannot be left out
    return residuals, float(np.sqrt(np.mean((residuals[others] / (1 - leverage[others])) ** 2)))
