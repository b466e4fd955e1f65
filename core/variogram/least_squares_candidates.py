"""Candidates by least squares: kinds of models, lags, anisotropies and a second structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from ..errors import InputError
from ..progress import Progress, silent, stop_if
from ..report.markup import rounded
from .anisotropy import Anisotropy, estimated_anisotropies
from .candidates import Candidate, model_of
from .choice import CLEAR_ANISOTROPY, CLEAR_ERROR, lowest_error
from .experimental import ExperimentalVariogram, default_max_lag, diagonal_of, experimental_variogram
from .least_squares import LeastSquaresFit, fit_structure, fit_two_structures
from .leave_one_out import FitSamples
from .shaped import SHAPES
from .tilted import vertical_anisotropy

CLEAR_LAGS = 0.01
"""Share by which other lags than the first have to lower the leave-one-out error."""

LAG_CHOICES = ((15, 1.0), (10, 1.0), (25, 1.0), (15, 0.5), (15, 1.5))
"""Numbers of lags, and largest lags in units of the default, out of which the best are searched."""

HELD_NUGGET = 1e-3
"""Share of the largest semivariance at which the nugget is held where kriging is singular without one."""


@dataclass
class LeastSquaresCandidates:
    """Makes candidates by least squares, and says in its account what it tried.

    Parameters
    ----------
    samples : FitSamples
    estimator : str
        Of the experimental variogram.
    structures : str
        "one", "two" or "auto".
    skgstat : module
    account : list of str
        Sentences are added to it.
    is_scored : bool
        Whether candidates get their leave-one-out errors.
    """

    samples: FitSamples
    estimator: str
    structures: str
    skgstat: ModuleType
    account: list[str]
    is_scored: bool = True
    _tables: dict = field(default_factory=dict)

    def experimental(self, setting: tuple[int, float], anisotropy: Anisotropy) -> ExperimentalVariogram:
        """Compute the experimental variogram, with lags as along the azimuth of an anisotropy.

        Raises
        ------
        InputError
            When pairs of samples fall in fewer than 3 lags.
        """
        key = (setting, anisotropy)
        if key not in self._tables:
            samples = self.samples
            table = experimental_variogram(
                anisotropy.stretched(samples.coordinates), samples.residuals, n_lags=setting[0],
                max_lag=setting[1] or None, estimator=self.estimator, seed=samples.seed,
                is_cancelled=samples.is_cancelled,
            )  # fmt: skip
            if len(table.lags) < 3:
                are_all_near = len(table.lags) > 0 and table.lags[-1] <= table.max_lag / 2
                raise InputError(
                    f"Expected pairs of samples in at least 3 lags, got {len(table.lags)} up to "
                    f"{table.max_lag:g} map units. "
                    + (
                        "Enter a smaller maximum lag: groups of samples, or a single one, lie far from the others."
                        if are_all_near
                        else "Enter a larger maximum lag or fewer lags."
                    )
                )
            self._tables[key] = table
        return self._tables[key]

    def best_lags(self, kind: str, setting: tuple[int, float], progress: Progress) -> tuple[int, float]:
        """Choose number of lags and largest lag by the leave-one-out error of one kind of model."""
        first = setting
        tried: list[tuple[float, tuple[int, float]]] = []
        for n_lags, factor in LAG_CHOICES:
            other = (n_lags, first[1] * factor) if (n_lags, factor) != LAG_CHOICES[0] else first
            progress(0.0, f"Trying {other[0]} lags up to {other[1]:g}")
            try:
                _, chosen = self.of_kinds((kind,), self.experimental(other, Anisotropy()), Anisotropy(), silent)
            except InputError:
                continue  # too few pairs for these lags
            if chosen is not None:
                tried.append((chosen.error, other))
        if not tried:
            return setting
        own = next((error for error, other in tried if other == first), np.inf)
        error, best = min(tried)
        setting = best if error < own * (1 - CLEAR_LAGS) else first
        said = "; ".join(f"{n} to {rounded(reach)}: {rounded(error, 4)}" for error, (n, reach) in tried)
        self.account.append(
            f"Lags by the leave-one-out error of the {kind} model ({said}): {setting[0]} up to {rounded(setting[1])}"
            + (f", others are not lower by {100 * CLEAR_LAGS:g} %." if setting == first else ".")
        )
        return setting

    def of_kinds(
        self, kinds: Sequence[str], experimental: ExperimentalVariogram, anisotropy: Anisotropy, progress: Progress
    ) -> tuple[list[Candidate], Candidate | None]:
        """Fit kinds of models by least squares, and choose one of them."""
        found = []
        for index, kind in enumerate(kinds):
            stop_if(self.samples.is_cancelled)
            progress(index / len(kinds), f"Fitting the {kind} model")
            fit = self._one(kind, experimental, anisotropy)
            is_impossible = self.is_scored and np.isnan(fit.loo_rmse)
            if is_impossible and fit.model is not None and fit.model.nugget < HELD_NUGGET * fit.model.sill:
                fit = self._one(kind, experimental, anisotropy, HELD_NUGGET)
            found.append(fit)
        return found, lowest_error(found)

    def with_anisotropy(
        self,
        chosen: Candidate,
        kinds: Sequence[str],
        setting: tuple[int, float],
        candidates: list[Candidate],
    ) -> Candidate:
        """Try anisotropies estimated from variograms by direction; keep the best where it is clearly better."""
        samples = self.samples
        estimates = estimated_anisotropies(samples.coordinates, samples.residuals, seed=samples.seed)
        if samples.hole is not None and not samples.are_above_each_other:
            vertical = vertical_anisotropy(samples.coordinates, samples.residuals, samples.seed)
            estimates = [*([] if vertical is None else [vertical]), *estimates]
        for anisotropy in estimates:
            stop_if(samples.is_cancelled)
            flat = samples.coordinates.shape[1] == 2
            reach = setting[1] if flat else default_max_lag(anisotropy.stretched(samples.coordinates))
            try:
                table = self.experimental((setting[0], reach), anisotropy)
                found, best = self.of_kinds(kinds, table, anisotropy, silent)
            except InputError:
                continue  # too few pairs in its lags
            candidates += found
            if best is None:
                continue
            lower = 1.0 - best.error / chosen.error
            kept = lower > CLEAR_ANISOTROPY
            judged = "leave-one-out error" if samples.hole is None else "error of whole holes left out"
            self.account.append(
                f"{_described(anisotropy)}, estimated from variograms by direction, changes the {judged} by "
                f"{-100 * lower:+.1f} %: it is {'taken' if kept else 'left out'} (it has to lower it by "
                f"{100 * CLEAR_ANISOTROPY:g} %)."
            )
            chosen = best if kept else chosen
        return chosen

    def with_second_structure(
        self, chosen: Candidate, experimental: ExperimentalVariogram, candidates: list[Candidate]
    ) -> Candidate:
        """Try two structures of the chosen kind by least squares."""
        if self.structures == "one" or chosen.name in SHAPES:
            return chosen
        anisotropy = Anisotropy.of(model_of(chosen).structures[0])
        fit = fit_two_structures(self.skgstat, chosen.name, experimental, self._extent(anisotropy))
        nested = self._scored(chosen.name, fit, experimental, anisotropy)
        candidates.append(nested)
        if nested.model is None or not np.isfinite(nested.loo_rmse):
            return chosen
        lower = 1.0 - nested.error / chosen.error
        kept = self.structures == "two" or lower > CLEAR_ERROR
        self.account.append(
            f"A second structure changes the leave-one-out error by {-100 * lower:+.1f} %: "
            + ("it was asked for." if self.structures == "two" else f"it is {'taken' if kept else 'left out'}.")
        )
        return nested if kept else chosen

    def _one(
        self, kind: str, experimental: ExperimentalVariogram, anisotropy: Anisotropy, least_nugget: float = 0.0
    ) -> Candidate:
        """Fit one kind with one structure, and score it."""
        fit = fit_structure(self.skgstat, kind, experimental, self._extent(anisotropy), least_nugget)
        return self._scored(kind, fit, experimental, anisotropy)

    def _extent(self, anisotropy: Anisotropy) -> float:
        return diagonal_of(anisotropy.stretched(self.samples.coordinates))

    def _scored(
        self, kind: str, fit: LeastSquaresFit, experimental: ExperimentalVariogram, anisotropy: Anisotropy
    ) -> Candidate:
        """Put the anisotropy on a fit, and score it."""
        candidate = Candidate(
            kind,
            "least_squares",
            None if fit.model is None else anisotropy.on(fit.model),
            misfit=fit.misfit,
            note=fit.note,
            n_lags=len(experimental.lags),
            max_lag=experimental.max_lag,
        )
        return self.samples.scored(candidate) if self.is_scored else candidate


def _described(anisotropy: Anisotropy) -> str:
    """Say an anisotropy in words."""
    parts = []
    if anisotropy.ratio_minor != 1.0:
        parts.append(f"azimuth {anisotropy.azimuth:.0f}° with a ratio of {rounded(anisotropy.ratio_minor, 2)} across")
    if anisotropy.ratio_vertical != 1.0:
        parts.append(f"a vertical ratio of {rounded(anisotropy.ratio_vertical, 2)}")
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]
