"""Fitting a variogram model: least squares, chosen by leave-one-out, refined by likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np
import scipy

from ..errors import InputError, KrigingSystemError
from ..kriging.drift import DriftBasis, check_drift
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..report.markup import rounded
from .anisotropy import Anisotropy, directional_variograms, estimated_anisotropies
from .direction import Direction
from .experimental import ExperimentalVariogram, default_max_lag, experimental_variogram
from .least_squares import fit_structure, fit_two_structures, scikit_gstat
from .likelihood import LEAST_RATIO_MINOR, Climbed, LikelihoodSearch
from .models import NAMES, VariogramModel, model_to_dict
from .shaped import SHAPES
from .trial import Trial

MODELS = ("spherical", "exponential", "gaussian", "cubic")
"""Models that "auto" tries. Matern and stable, whose shape is fitted too, are fitted when asked for."""

STRUCTURES = ("one", "two", "auto")
"""How many structures a model has; auto: two where they are clearly better."""

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

CLEAR_ANISOTROPY = 0.02
"""Share by which anisotropy, and `CLEAR_LAGS` by which other lags have to lower it there."""

CLEAR_LAGS = 0.01

LAG_CHOICES = ((15, 1.0), (10, 1.0), (25, 1.0), (15, 0.5), (15, 1.5))
"""Numbers of lags, and largest lags in units of the default, out of which the best are searched."""

TIE = 0.005
"""Relative difference of leave-one-out errors that is no difference."""

COLUMN_FOLDS = 5
"""In so many parts columns of samples (drill holes, soil profiles) are predicted from the others."""

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
    n_lags : int
    max_lag : float
        Of the experimental variogram it was fitted to (least squares only).
    reason : str
        Why it was chosen, or not.
    """

    name: str
    method: str
    model: VariogramModel | None
    loo_rmse: float = np.nan
    loo_msdr: float = np.nan
    misfit: float = np.nan
    log_likelihood: float = np.nan
    note: str = ""
    n_lags: int = 0
    max_lag: float = np.nan
    reason: str = ""

    def to_dict(self) -> dict:
        """Return what files hold of a candidate; numbers that are not known are None."""
        numbers = {
            name: float(number) if np.isfinite(number) else None
            for name, number in (
                ("loo_rmse", self.loo_rmse),
                ("loo_msdr", self.loo_msdr),
                ("misfit", self.misfit),
                ("log_likelihood", self.log_likelihood),
                ("max_lag", self.max_lag),
            )
        }
        content: dict = {"model": self.name, "method": self.method, "n_lags": self.n_lags or None, **numbers}
        if self.model is not None:
            content.update({key: model_to_dict(self.model)[key] for key in ("nugget", "structures")})
        return {**content, "reason": self.reason, "note": self.note}


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
    *,
    model: str = "auto",
    n_lags: int = 15,
    max_lag: float | None = None,
    estimator: str = "matheron",
    drift: np.ndarray | None = None,
    method: str = "least_squares",
    anisotropic: bool | None = None,
    anisotropy: Anisotropy | None = None,
    structures: str = "one",
    search_lags: bool = False,
    start: VariogramModel | None = None,
    by_direction: bool = False,
    seed: int = 0,
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
    model : str
        One of `models.NAMES`, or "auto": exponential, unless another out of `MODELS` is clearly
        better - its log likelihood higher by more than `CLEAR_GAIN` ("reml"), or its exact
        leave-one-out error lower by more than `CLEAR_ERROR` ("least_squares"; of errors that differ
        by less than half a percent, the model that fits best).
    n_lags, max_lag, estimator
        See `experimental_variogram`.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant. The experimental variogram is then that of the residuals from
        ordinary least squares, and leave-one-out is kriging with this drift.
    method : str
        "least_squares" (scikit-gstat, lags weighted by pairs / lag^2), or "reml", which starts
        there and uses every sample.
    anisotropic : bool or None
        Also try geometric anisotropy, kept where the likelihood demands it ("reml"), or where it
        lowers the leave-one-out error by more than `CLEAR_ANISOTROPY` ("least_squares"). None: yes
        with "reml", but of columns of samples (drill holes, profiles) the vertical ratio only.
    anisotropy : Anisotropy or None
        A given one, which is kept: only nugget, psill, range and shape are fitted.
    structures : str
        Out of `STRUCTURES`. Two structures are of the same kind and have the same anisotropy; "auto"
        keeps the second one where it is clearly better, as another model would have to be.
    search_lags : bool
        Choose number of lags and largest lag out of `LAG_CHOICES` by the leave-one-out error of the
        least-squares fit; others than the first are taken only where they lower it by `CLEAR_LAGS`.
    start : VariogramModel or None
        With "reml": climb from here, and keep this kind of model. No other is tried, and nothing is
        fitted by least squares.
    by_direction : bool
        Also compute variograms by direction, for a report.
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
    _check(coordinates, values, model, method, structures, start)
    columns = check_drift(drift, len(values), None, "samples")
    residuals, mean_rmse = _least_squares_residuals(values, columns)
    if float(np.abs(residuals).max()) <= 1e-10 * max(1.0, float(np.abs(values).max())):
        raise InputError(
            "The values do not vary beyond the drift: nothing is left for a variogram. Use fewer drift columns."
        )
    skgstat = scikit_gstat()
    given = anisotropy or Anisotropy()
    asked = anisotropic is True
    if anisotropy is not None:
        anisotropic = False
    elif anisotropic is None:
        anisotropic = method == "reml"
    fit = _Fit(
        given.stretched(coordinates), values, columns, residuals, skgstat, estimator, structures, seed, is_cancelled
    )

    account: list[str] = []
    if method == "reml" and start is not None:
        kinds: tuple[str, ...] = (start.structures[0].model,)
    else:
        kinds = MODELS if model == "auto" else (model,)
    look = part(progress, 0.0, 0.3)
    setting = fit.lag_setting(n_lags, max_lag)
    if search_lags and start is None:
        setting = fit.best_lags(PREFERRED if model == "auto" else model, setting, account, look)
    experimental = fit.experimental(setting, Anisotropy())
    candidates: list[Candidate] = []
    chosen: Candidate | None
    log_likelihood = np.nan
    stretched = anisotropy is not None and not given.is_isotropic
    if start is None:
        candidates, chosen = fit.by_least_squares(kinds, experimental, Anisotropy(), look)
        if method == "least_squares" and chosen is not None:
            if anisotropic:
                chosen = fit.with_anisotropy(chosen, kinds, setting, candidates, account)
                if not _is_isotropic(chosen):
                    experimental = fit.experimental(setting, Anisotropy.of(_model_of(chosen).structures[0]))
                    stretched = True
            chosen = fit.with_second_structure(chosen, experimental, candidates, account)
    else:
        chosen = None
    if method == "reml":
        refined, best, log_likelihood = fit.by_likelihood(
            candidates, start, anisotropic, asked, account, part(progress, 0.3, 0.95)
        )
        candidates += refined
        chosen = best or chosen
    progress(1.0, "")

    if chosen is None or chosen.model is None:
        raise InputError(_nothing_fitted(candidates))
    candidates = _with_reasons(candidates, chosen)
    if anisotropy is not None:
        account.append("The anisotropy was given; it was not fitted.")
        candidates = [
            candidate if candidate.model is None else replace(candidate, model=given.on(candidate.model))
            for candidate in candidates
        ]
    chosen = next(candidate for candidate in candidates if candidate.reason.startswith("chosen"))
    extent = float(np.linalg.norm(np.ptp(coordinates, axis=0)))
    directional = _directional(coordinates, residuals, _model_of(chosen), experimental, seed) if by_direction else ()
    return FittedVariogram(
        model=_model_of(chosen),
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
        log_likelihood=log_likelihood,
        account=tuple(account),
        structure=_structure(_model_of(chosen), experimental, extent),
        directional=directional,
        stretched=stretched,
    )


@dataclass
class _Fit:
    """The samples and settings of one fit, with the steps that use them."""

    coordinates: np.ndarray
    values: np.ndarray
    columns: np.ndarray
    residuals: np.ndarray
    skgstat: ModuleType
    estimator: str
    structures: str
    seed: int
    is_cancelled: IsCancelled
    _tables: dict = field(default_factory=dict)

    def lag_setting(self, n_lags: int, max_lag: float | None) -> tuple[int, float]:
        """Return the number of lags and the largest lag."""
        return n_lags, default_max_lag(self.coordinates) if max_lag is None else max_lag

    def experimental(self, setting: tuple[int, float], anisotropy: Anisotropy) -> ExperimentalVariogram:
        """Compute the experimental variogram, with lags as along the azimuth of an anisotropy."""
        key = (setting, anisotropy)
        if key not in self._tables:
            stretched = self.coordinates if anisotropy.is_isotropic else anisotropy.stretched(self.coordinates)
            table = experimental_variogram(
                stretched, self.residuals, n_lags=setting[0], max_lag=setting[1] or None, estimator=self.estimator,
                seed=self.seed, is_cancelled=self.is_cancelled,
            )  # fmt: skip
            if len(table.lags) < 3:
                raise InputError(
                    f"Expected pairs of samples in at least 3 lags, got {len(table.lags)} up to "
                    f"{table.max_lag:g} map units. Enter a larger maximum lag or fewer lags."
                )
            self._tables[key] = table
        return self._tables[key]

    @property
    def extent(self) -> float:
        """Diagonal of the samples' bounding box."""
        return float(np.linalg.norm(np.ptp(self.coordinates, axis=0)))

    def best_lags(
        self, kind: str, setting: tuple[int, float], account: list[str], progress: Progress
    ) -> tuple[int, float]:
        """Choose number of lags and largest lag by the leave-one-out error of one kind of model."""
        first = setting
        tried: list[tuple[float, tuple[int, float]]] = []
        for n_lags, factor in LAG_CHOICES:
            other = (n_lags, first[1] * factor) if (n_lags, factor) != LAG_CHOICES[0] else first
            progress(0.0, f"Trying {other[0]} lags up to {other[1]:g}")
            try:
                _, chosen = self.by_least_squares((kind,), self.experimental(other, Anisotropy()), Anisotropy(), silent)
            except InputError:
                continue  # too few pairs for these lags
            if chosen is not None:
                tried.append((chosen.loo_rmse, other))
        if not tried:
            return setting
        own = next((error for error, other in tried if other == first), np.inf)
        error, best = min(tried)
        setting = best if error < own * (1 - CLEAR_LAGS) else first
        said = "; ".join(f"{n} to {rounded(reach)}: {rounded(error, 4)}" for error, (n, reach) in tried)
        account.append(
            f"Lags by the leave-one-out error of the {kind} model ({said}): {setting[0]} up to {rounded(setting[1])}"
            + (f", others are not lower by {100 * CLEAR_LAGS:g} %." if setting == first else ".")
        )
        return setting

    def by_least_squares(
        self, kinds: Sequence[str], experimental: ExperimentalVariogram, anisotropy: Anisotropy, progress: Progress
    ) -> tuple[list[Candidate], Candidate | None]:
        """Fit kinds of models by least squares, and choose one of them."""
        extent = float(np.linalg.norm(np.ptp(anisotropy.stretched(self.coordinates), axis=0)))
        found = []
        for index, kind in enumerate(kinds):
            stop_if(self.is_cancelled)
            progress(index / len(kinds), f"Fitting the {kind} model")
            fit = self._one(kind, experimental, extent, anisotropy, 0.0)
            if np.isnan(fit.loo_rmse) and fit.model is not None and fit.model.nugget < HELD_NUGGET * fit.model.sill:
                fit = self._one(kind, experimental, extent, anisotropy, HELD_NUGGET)
            found.append(fit)
        return found, _best(found)

    def _one(
        self,
        kind: str,
        experimental: ExperimentalVariogram,
        extent: float,
        anisotropy: Anisotropy,
        least_nugget: float,
    ) -> Candidate:
        """Fit one kind by least squares, and score it."""
        fit = fit_structure(self.skgstat, kind, experimental, extent, least_nugget)
        return self._candidate(kind, fit.model, fit.misfit, fit.note, experimental, anisotropy)

    def _candidate(
        self,
        kind: str,
        model: VariogramModel | None,
        misfit: float,
        note: str,
        experimental: ExperimentalVariogram,
        anisotropy: Anisotropy,
    ) -> Candidate:
        if model is not None and not anisotropy.is_isotropic:
            model = anisotropy.on(model)
        candidate = Candidate(
            kind, "least_squares", model, misfit=misfit, note=note, n_lags=len(experimental.lags),
            max_lag=experimental.max_lag,
        )  # fmt: skip
        return self.scored(candidate)

    def scored(self, fit: Candidate) -> Candidate:
        """Add the exact leave-one-out error of kriging with the fit."""
        return _scored(fit, self.coordinates, self.values, self.columns, self.seed)

    def with_anisotropy(
        self,
        chosen: Candidate,
        kinds: Sequence[str],
        setting: tuple[int, float],
        candidates: list[Candidate],
        account: list[str],
    ) -> Candidate:
        """Try anisotropies estimated from variograms by direction; keep the best where it is clearly better."""
        for anisotropy in estimated_anisotropies(self.coordinates, self.residuals, seed=self.seed):
            stop_if(self.is_cancelled)
            stretched = anisotropy.stretched(self.coordinates)
            reach = setting[1] if self.coordinates.shape[1] == 2 else default_max_lag(stretched)
            try:
                table = self.experimental((setting[0], reach), anisotropy)
                found, best = self.by_least_squares(kinds, table, anisotropy, silent)
            except InputError:
                continue  # too few pairs in its lags
            candidates += found
            if best is None:
                continue
            lower = 1.0 - best.loo_rmse / chosen.loo_rmse
            kept = lower > CLEAR_ANISOTROPY
            account.append(
                f"{_described(anisotropy)}, estimated from variograms by direction, changes the leave-one-out error by "
                f"{-100 * lower:+.1f} %: it is {'taken' if kept else 'left out'} (it has to lower it by "
                f"{100 * CLEAR_ANISOTROPY:g} %)."
            )
            chosen = best if kept else chosen
        return chosen

    def _predicts_better(self, model: VariogramModel, other: VariogramModel, account: list[str]) -> bool:
        """Return whether a model predicts columns of samples from the other columns clearly better than another.

        Along drill holes and soil profiles the likelihood sees little but neighbours above and below;
        where these are not quite as the model has them, a horizontal anisotropy makes up for it and
        spoils the prediction between holes. Without such columns there is nothing to ask: True.
        """
        errors = [self._column_error(one) for one in (model, other)]
        if not np.isfinite(errors).all():
            return True
        better = errors[0] < (1 - CLEAR_ANISOTROPY) * errors[1]
        account.append(
            f"With a horizontal anisotropy columns of samples are predicted from the other columns with an RMSE of "
            f"{rounded(errors[0], 4)}, without it of {rounded(errors[1], 4)}: it is "
            f"{'kept' if better else 'left out after all'} (it has to lower it by {100 * CLEAR_ANISOTROPY:g} %)."
        )
        return better

    def _columns_of_samples(self) -> np.ndarray | None:
        """Return the column each sample stands in, shape (n_samples,); None where they do not stand in columns."""
        if self.coordinates.shape[1] != 3:
            return None
        places, column = np.unique(self.coordinates[:, :2], axis=0, return_inverse=True)
        return column.ravel() if 2 * COLUMN_FOLDS <= len(places) <= len(self.values) / 2 else None

    def _column_error(self, model: VariogramModel) -> float:
        """Return the error of kriging samples from other columns; NaN where samples do not stand above each other."""
        column = self._columns_of_samples()
        if column is None:
            return np.nan
        fold_of = np.random.default_rng(self.seed).permutation(int(column.max()) + 1) % COLUMN_FOLDS
        generator = np.random.default_rng(self.seed)
        squares, count = 0.0, 0
        for fold in range(COLUMN_FOLDS):
            stop_if(self.is_cancelled)
            out = fold_of[column] == fold
            rows = np.flatnonzero(out)
            if len(rows) > SCORED_SAMPLES // COLUMN_FOLDS:
                rows = generator.choice(rows, SCORED_SAMPLES // COLUMN_FOLDS, replace=False)
            try:
                kriging = fit_kriging(
                    self.coordinates[~out], self.values[~out], model, Neighborhood(LOCAL_NEIGHBORS), self.columns[~out]
                )
                estimate = kriging.predict(self.coordinates[rows], self.columns[rows]).estimate
            except KrigingSystemError:
                return np.nan
            errors = (self.values[rows] - estimate)[np.isfinite(estimate)]
            squares, count = squares + float(errors @ errors), count + len(errors)
        return float(np.sqrt(squares / count)) if count else np.nan

    def with_second_structure(
        self, chosen: Candidate, experimental: ExperimentalVariogram, candidates: list[Candidate], account: list[str]
    ) -> Candidate:
        """Try two structures of the chosen kind by least squares."""
        if self.structures == "one" or chosen.name in SHAPES:
            return chosen
        anisotropy = Anisotropy.of(_model_of(chosen).structures[0])
        extent = float(np.linalg.norm(np.ptp(anisotropy.stretched(self.coordinates), axis=0)))
        fit = fit_two_structures(self.skgstat, chosen.name, experimental, extent)
        nested = self._candidate(chosen.name, fit.model, fit.misfit, fit.note, experimental, anisotropy)
        candidates.append(nested)
        if nested.model is None or not np.isfinite(nested.loo_rmse):
            return chosen
        lower = 1.0 - nested.loo_rmse / chosen.loo_rmse
        kept = self.structures == "two" or lower > CLEAR_ERROR
        account.append(
            f"A second structure changes the leave-one-out error by {-100 * lower:+.1f} %: "
            + ("it was asked for." if self.structures == "two" else f"it is {'taken' if kept else 'left out'}.")
        )
        return nested if kept else chosen

    def by_likelihood(
        self,
        fitted: Sequence[Candidate],
        start: VariogramModel | None,
        anisotropic: bool,
        asked: bool,
        account: list[str],
        progress: Progress,
    ) -> tuple[list[Candidate], Candidate | None, float]:
        """Refine least-squares fits by likelihood, choose one of them, and refine it further.

        Of columns of samples a horizontal anisotropy is only tried when it is asked for.
        """
        search = LikelihoodSearch(
            self.coordinates, self.values, self.columns, seed=self.seed, is_cancelled=self.is_cancelled
        )
        starts: list[tuple[str, VariogramModel | None]]
        if start is not None:
            starts = [(start.structures[0].model, start)]
            near = Trial.of(start)
        else:
            starts = [(fit.name, fit.model) for fit in sorted(fitted, key=lambda fit: fit.name != PREFERRED)]
            near = None
        refined: list[Candidate] = []
        climbs: dict[str, Climbed] = {}
        for index, (kind, model) in enumerate(starts):
            step = part(progress, 0.7 * index / len(starts), 0.7 * (index + 1) / len(starts))
            step(0.0, f"Refining the {kind} model by likelihood")
            if model is None:
                continue
            try:
                climbed = search.climbed(model, near=near, anisotropic=anisotropic, progress=step)
            except InputError as error:
                refined.append(Candidate(kind, "reml", None, note=str(error)))
                continue
            climbs[kind] = climbed
            model, log_likelihood = search.rough(climbed)
            refined.append(Candidate(kind, "reml", model, log_likelihood=log_likelihood))
            near = near or climbed.found.trial
        best = _most_likely(refined)
        if best is None:
            return refined, None, np.nan
        progress(0.7, f"Refining the {best.name} model further")
        climbed = climbs[best.name]
        if anisotropic and not asked and self._columns_of_samples() is not None:
            account.append("Samples stand in columns: a horizontal anisotropy is not looked for unless asked for.")
        elif anisotropic:
            turned = search.turned(climbed, part(progress, 0.7, 0.85))
            if turned is climbed or self._predicts_better(search.rough(turned)[0], search.rough(climbed)[0], account):
                climbed = turned
        if self.structures != "one":
            climbed = search.nested(climbed, self.structures == "two", part(progress, 0.85, 0.9))
        _, rough = search.rough(climbed)
        try:
            model, log_likelihood = search.fine(climbed, part(progress, 0.9, 1.0))
        except InputError as error:
            return [replace(fit, note=str(error)) if fit is best else fit for fit in refined], None, np.nan
        chosen = self.scored(Candidate(best.name, "reml", model, log_likelihood=rough))
        if climbed is climbs[best.name]:
            refined = [fit for fit in refined if fit is not best]
        refined = [self.scored(fit) for fit in refined]
        account += search.account
        if not search.is_exact:
            account.append(
                "Likelihoods are Vecchia's: each sample given the nearest of those before it in a random order."
            )
        if not np.isfinite(chosen.loo_rmse):
            return [*refined, chosen], None, np.nan
        return [*refined, chosen], chosen, log_likelihood


def _is_isotropic(chosen: Candidate) -> bool:
    """Return whether the range of a candidate is the same in all directions."""
    return all(structure.is_isotropic for structure in _model_of(chosen).structures)


def _model_of(candidate: Candidate) -> VariogramModel:
    """Return the model of a candidate that has one."""
    if candidate.model is None:
        raise InputError(f"No {candidate.name} model was fitted.")
    return candidate.model


def _described(anisotropy: Anisotropy) -> str:
    """Say an anisotropy in words."""
    parts = []
    if anisotropy.ratio_minor != 1.0:
        parts.append(f"azimuth {anisotropy.azimuth:.0f}° with a ratio of {rounded(anisotropy.ratio_minor, 2)} across")
    if anisotropy.ratio_vertical != 1.0:
        parts.append(f"a vertical ratio of {rounded(anisotropy.ratio_vertical, 2)}")
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]


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


def _structure(model: VariogramModel, experimental: ExperimentalVariogram, extent: float) -> str:
    """Say in a word or two what a model says of the field."""
    if model.psill < 0.05 * model.sill or model.effective_range < experimental.lags[0]:
        return "pure nugget"
    return "range beyond the extent" if model.effective_range > extent else "structured"


def _check(
    coordinates: np.ndarray,
    values: np.ndarray,
    model: str,
    method: str,
    structures: str,
    start: VariogramModel | None,
) -> None:
    """Refuse settings and samples that cannot be fitted."""
    if model not in ("auto", *NAMES):
        raise InputError(f"Expected a variogram model out of auto, {', '.join(NAMES)}, got {model!r}.")
    if structures not in STRUCTURES:
        raise InputError(f"Expected structures out of {', '.join(STRUCTURES)}, got {structures!r}.")
    if start is not None and (method != "reml" or len(start.structures) != 1):
        raise InputError('A start needs the method "reml" and a model of one structure.')
    if method not in METHODS:
        raise InputError(f"Expected a fitting method out of {', '.join(METHODS)}, got {method!r}.")
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


def _most_likely(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the preferred candidate, or the most likely where that is clear."""
    usable = [c for c in candidates if c.model is not None]
    if not usable:
        return None
    preferred = next((c for c in usable if c.name == PREFERRED), None)
    best = max(usable, key=lambda c: c.log_likelihood)
    return best if preferred is None or best.log_likelihood > preferred.log_likelihood + CLEAR_GAIN else preferred


def _best(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate that "auto" stands for, out of fits by least squares to the same lags."""
    usable = [c for c in candidates if c.model is not None and np.isfinite(c.loo_rmse)]
    if not usable:
        return None
    preferred = next((c for c in usable if c.name == PREFERRED), None)
    # Among errors that differ by less than a tie, a model that follows the variogram is safer away from samples.
    lowest = min(c.loo_rmse for c in usable)
    best = min((c for c in usable if c.loo_rmse <= lowest * (1 + TIE)), key=lambda c: c.misfit)
    clear = preferred is None or best.loo_rmse < preferred.loo_rmse * (1 - CLEAR_ERROR)
    return best if clear else preferred


def _with_reasons(candidates: Sequence[Candidate], chosen: Candidate) -> list[Candidate]:
    """Say of each candidate why it was chosen, or not."""
    n_of_its_method = sum(c.method == chosen.method for c in candidates)
    result = []
    for candidate in candidates:
        if candidate is chosen:
            reason = "chosen" if n_of_its_method > 1 else "chosen: the only one"
        elif candidate.model is None:
            reason = "no fit"
        elif candidate.method != chosen.method:
            reason = "where the likelihood starts" if chosen.method == "reml" else "not used"
        elif chosen.method == "reml":
            behind = chosen.log_likelihood - candidate.log_likelihood
            reason = f"likelihood {abs(behind):.1f} {'lower' if behind >= 0 else 'higher'}"
            if behind < 0:
                reason += ", not clear"
        elif np.isfinite(candidate.loo_rmse):
            above = 100 * (candidate.loo_rmse / chosen.loo_rmse - 1)
            reason = f"error {abs(above):.1f} % {'higher' if above >= 0 else 'lower'}"
            if above < 0:
                reason += ", not clear"
        else:
            reason = "kriging is impossible with it"
        result.append(replace(candidate, reason=reason))
    return result


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
