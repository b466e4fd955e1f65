"""Restricted maximum likelihood: a refinement of a fitted variogram that uses every sample.

The least-squares fit sees the samples through a dozen lags; the likelihood sees them all, and
usually predicts better. The search is rough first, on a cheap likelihood, and then fine: exact up
to a thousand samples, Vecchia's beyond (see `core.variogram.whitening`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .anisotropy import Anisotropy
from .likelihood_starts import (
    VERTICAL_RATIOS,
    isotropic_starts,
    nearby_frame,
    range_bounds,
    range_factors,
    vertical_changes,
)
from .models import VariogramModel
from .restricted_likelihood import drift_columns
from .tilted import frame_of_axes
from .trial import Frame, Trial, scaled
from .whitening import Evaluated, ExactLikelihood, VecchiaLikelihood

MAX_SAMPLES = 1000
"""Up to so many samples the last climb is on the exact likelihood: a twentieth of a second with its gradient."""

ROUGH_SAMPLES = 400
"""Up to so many samples every evaluation is exact."""

ROUGH_NEIGHBORS, ROUGH_TERMS = 15, 1500
"""Size of the Vecchia likelihood that the search and the comparison of models use."""

SCOUT_TERMS = 500
"""Terms of the likelihood that ranks where to begin; the best `_SCOUTED` are looked at again on the rough one."""

FINE_NEIGHBORS, FINE_TERMS = 30, 6000
"""Size of the Vecchia likelihood of the last climb, beyond `MAX_SAMPLES`."""

NUGGET_SHARES = (1e-5, 1.0 - 1e-5)
"""Bounds of nugget / sill in the search."""

LEAST_RATIO_MINOR = 0.1
"""Bound of the horizontal anisotropy in the search: beyond ten to one it is a trend, not a variogram."""

SEARCHED_SHAPES = {"matern": (0.15, 5.0), "stable": (0.2, 2.0)}
"""Bounds of the shape in the search: no samples tell rougher or smoother models from these."""

# Likelihood-ratio tests for one, two and four parameters that chance passes once in 400 isotropic fields. In
# cross-validation of real variables one in 20 let in anisotropies that cost up to 8 % of the error. For four, of which
# two are angles searched all round, 8.2 let in one of six level fields seen along inclined holes.
_GAIN_OF_ONE, _GAIN_OF_TWO, _GAIN_OF_FOUR = 4.6, 6.0, 10.0

_ISOTROPIC = ("share", "effective_range")
_ANGLES = ("azimuth", "dip", "plunge")
# The likelihood of models with a kink has small bumps (Mardia & Watkins 1989): their search goes on from beyond.
_BUMPY, _HOPS = ("spherical", "cubic"), (0.6, 0.75, 0.87, 1.15, 1.35, 1.7)
_TELLS_APART = 0.01  # log likelihood that no samples tell apart: the search stops ...
_ROUGHLY_APART = 0.05  # ... and a rough one, which a fine one follows
_SECOND_CHANCE = 8.0  # log likelihood by which a start may lie below the best one and still be climbed from
_SCOUTED = 3
_HOPELESS = 40.0  # log likelihood below another kind of model from which a climb is given up ...
_FAIR_TRY = 10  # ... after so many steps


@dataclass(frozen=True)
class Climbed:
    """Where a rough search ended.

    Parameters
    ----------
    found : Evaluated
    names : tuple of str
        What was searched over.
    """

    found: Evaluated
    names: tuple[str, ...]


class LikelihoodSearch:
    """Climbs the restricted likelihood of some samples, for one kind of model or several.

    The sill has its optimum in closed form, so the search is over the nugget's share, the range and
    what else is asked for, by a quasi-Newton method with the analytic gradient.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        In map units.
    values : ndarray, shape (n_samples,)
        Transformed values.
    drift : ndarray, shape (n_samples, n_drift), or None
        Without the constant.
    max_samples : int
        Up to here the last climb is on the exact likelihood; beyond, on Vecchia's.
    seed : int
        Of the order of samples, and of their choice where there are many.
    is_cancelled : callable
    account : list of str or None
        Gets sentences on what was tried beyond one isotropic structure, and what became of it.

    Raises
    ------
    InputError
        When there are too few samples for the drift, or the values or locations do not vary.

    References
    ----------
    Kitanidis, P. K. (1983). Statistical estimation of polynomial generalized covariance
    functions. Water Resour. Res. 19, 909-921. Byrd, R. H., Lu, P., Nocedal, J. & Zhu, C. (1995). A
    limited memory algorithm for bound constrained optimization. SIAM J. Sci. Comput. 16, 1190-1208.
    """

    def __init__(
        self,
        coordinates: np.ndarray,
        values: np.ndarray,
        drift: np.ndarray | None = None,
        *,
        max_samples: int = MAX_SAMPLES,
        seed: int = 0,
        is_cancelled: IsCancelled = never,
        account: list[str] | None = None,
    ) -> None:
        coordinates = np.asarray(coordinates, dtype=float)
        values = np.asarray(values, dtype=float)
        if np.ptp(values) == 0:
            raise InputError("All values are equal: a variogram cannot be fitted to them. Choose another field.")
        self._coordinates = coordinates - coordinates.mean(axis=0)
        self._columns = drift_columns(values, drift)
        n_columns = self._columns.shape[1]
        if len(values) < n_columns + 3:
            raise InputError(
                f"Likelihood needs at least {n_columns + 3} samples for {n_columns} drift columns, got "
                f"{len(values)}. Use fewer drift columns."
            )
        # Values of unit size keep the arithmetic away from overflow; undone at the end.
        self._size = float(values.std())
        self._values = values / self._size
        self._max_samples, self._seed, self._is_cancelled = max_samples, seed, is_cancelled
        self._n_dimensions = coordinates.shape[1]
        ranges = range_bounds(self._coordinates)
        self._bounds: dict[str, tuple[float, float]] = {
            "share": NUGGET_SHARES,
            "effective_range": ranges,
            "ratio_minor": (LEAST_RATIO_MINOR, 0.999),
            "ratio_vertical": VERTICAL_RATIOS,
            "inner_share": (0.02, 0.98),
            "inner_ratio": (0.01, 0.8),
        }
        self._made: dict[object, ExactLikelihood | VecchiaLikelihood] = {}
        self._reached = -np.inf  # highest rough likelihood of any kind
        self._floor = -np.inf
        self.account: list[str] = [] if account is None else account

    def climbed(
        self,
        start: VariogramModel,
        *,
        near: Trial | None = None,
        anisotropic: bool = False,
        progress: Progress = silent,
    ) -> Climbed:
        """Search roughly, for the kind of model of the start.

        Parameters
        ----------
        start : VariogramModel
            With one structure: where to begin, besides a few points about it.
        near : Trial or None
            What was found for another kind: where to begin, too. Its vertical ratio is kept free.
        anisotropic : bool
            In 3-D also try a vertical ratio. It is kept only when it raises the log likelihood more
            than chance does in 399 of 400 isotropic fields.
        progress : callable

        Raises
        ------
        InputError
            When the start has more than one structure, or no variogram of this kind has a likelihood
            (coincident samples, a model too smooth).
        Cancelled
        """
        if len(start.structures) != 1:
            raise InputError(
                f"Likelihood refines a variogram of one structure, got {len(start.structures)}. Fit one structure "
                "first."
            )
        starts = isotropic_starts(start, near)
        names: tuple[str, ...] = _ISOTROPIC if start.structures[0].shape is None else (*_ISOTROPIC, "shape")
        if near is not None and near.ratio_vertical != 1.0:
            names = (*names, "ratio_vertical")
        self._floor = self._reached - _HOPELESS
        found = self._best_climb(starts, names, starts[0].frame, once=near is not None)
        self._floor, self._reached = -np.inf, max(self._reached, found.value)
        if not np.isfinite(found.value):
            raise self._without_likelihood(found)
        climbed = Climbed(found, names)
        if anisotropic and near is None and self._n_dimensions == 3:
            climbed = self._with_more(
                climbed, ("ratio_vertical",), vertical_changes(self._coordinates), _GAIN_OF_ONE, "A vertical ratio"
            )
        progress(1.0, "")
        return climbed

    def turned(self, climbed: Climbed, progress: Progress = silent) -> Climbed:
        """Try an azimuth with a ratio across it; kept only when they raise the likelihood clearly."""
        changes: list[dict[str, Any]] = [
            {"azimuth": float(azimuth), "ratio_minor": ratio} for azimuth in range(0, 180, 30) for ratio in (0.6, 0.3)
        ]
        what = "A shorter range across an azimuth"
        climbed = self._with_more(climbed, ("azimuth", "ratio_minor"), changes, _GAIN_OF_TWO, what)
        progress(1.0, "")
        return climbed

    def tilted(self, climbed: Climbed, estimate: Anisotropy | None, progress: Progress = silent) -> Climbed:
        """Try a dip and a plunge besides an azimuth; kept only when they raise the likelihood clearly.

        Parameters
        ----------
        climbed : Climbed
            Of 3-D samples.
        estimate : Anisotropy or None
            By least squares: where to begin, besides a few tilts of what was found.
        progress : callable
        """
        here = climbed.found.trial
        tilts = [(25.0, 0.0), (-25.0, 0.0), (0.0, 25.0), (0.0, -25.0)]
        changes: list[dict[str, Any]] = [
            {"azimuth": azimuth, "dip": dip, "plunge": plunge, "ratio_minor": min(here.ratio_minor, 0.7)}
            for dip, plunge in tilts
            for azimuth in ([here.azimuth] if here.ratio_minor < 1.0 else [0.0, 90.0])
        ]
        if estimate is not None:
            for factor in (0.6, 1.0, 1.7):
                near = dataclasses.asdict(estimate)
                near["effective_range"] = here.effective_range * factor * estimate.ratio_minor**-0.5
                changes.append(near)
        names = ("azimuth", "ratio_minor", "dip", "plunge", "ratio_vertical")
        gain = _GAIN_OF_TWO if here.ratio_minor < 1.0 else _GAIN_OF_FOUR
        climbed = self._with_more(climbed, names, changes, gain, "A dip and a plunge")
        progress(1.0, "")
        return climbed

    def nested(self, climbed: Climbed, forced: bool, progress: Progress = silent) -> Climbed:
        """Try a second, shorter structure of the same kind and anisotropy.

        Parameters
        ----------
        climbed : Climbed
        forced : bool
            Keep it in any case, not only where it raises the likelihood clearly.
        progress : callable
        """
        changes: list[dict[str, Any]] = [
            {"inner_share": part, "inner_ratio": ratio, "share": share}
            for part in (0.3, 0.6)
            for ratio in (0.05, 0.15, 0.4)
            for share in (climbed.found.trial.share, 0.5 * climbed.found.trial.share)
        ]
        gain = -np.inf if forced else _GAIN_OF_TWO
        climbed = self._with_more(climbed, ("inner_share", "inner_ratio"), changes, gain, "A second structure")
        progress(1.0, "")
        return climbed

    def _with_more(
        self,
        climbed: Climbed,
        names: tuple[str, ...],
        changes: Sequence[dict[str, Any]],
        gain: float,
        what: str,
    ) -> Climbed:
        """Search over more quantities from some changes, and keep them where they bring a gain."""
        starts = [replace(climbed.found.trial, **change) for change in changes]
        starts = [
            replace(start, effective_range=start.effective_range * factor)
            for start in starts
            for factor in range_factors(start, names)
        ]
        names = (*climbed.names, *(name for name in names if name not in climbed.names))
        tried = self._best_climb(starts, names, None)
        gained = tried.value - climbed.found.value
        kept = gained > gain
        verdict = "it is taken" if kept else "it is left out"
        if np.isfinite(gain):
            verdict = f"chance reaches {gain:g} about once in 400 fields without it, so {verdict}"
        else:
            verdict = "it was asked for"
        self.account.append(
            f"{what} raises the log likelihood of the {climbed.found.trial.kind} model by {max(gained, 0.0):.1f}: "
            f"{verdict}."
        )
        return Climbed(tried, names) if kept else climbed

    def fine(self, climbed: Climbed, progress: Progress = silent) -> tuple[VariogramModel, float]:
        """Climb from where a rough search ended, on the best likelihood there is for these samples.

        Returns
        -------
        model : VariogramModel
        log_likelihood : float
            At the model.

        Raises
        ------
        InputError
            When the finer likelihood has no value there.
        Cancelled
        """
        likelihood = self._fine_likelihood(climbed.found.trial.frame)
        start = likelihood.evaluate(climbed.found.trial)
        found = start
        if likelihood is not self._rough_likelihood(climbed.found.trial.frame):
            found = self._climb(likelihood, start, climbed.names, _TELLS_APART)
        if not np.isfinite(found.value):
            raise self._without_likelihood(found)
        progress(1.0, "")
        return self.unscaled(found, likelihood.n_contrasts)

    def rough(self, climbed: Climbed) -> tuple[VariogramModel, float]:
        """Return the model of a rough search with its log likelihood, which compares kinds of models."""
        likelihood = self._rough_likelihood(climbed.found.trial.frame)
        return self.unscaled(climbed.found, likelihood.n_contrasts)

    def _without_likelihood(self, found: Evaluated) -> InputError:
        """Say that no variogram of this kind can be, and what to do."""
        return InputError(
            f"No {found.trial.kind} variogram has a likelihood for these {len(self._values)} samples: their covariance "
            "matrix is singular. Average samples that share a location, or choose another model."
        )

    @property
    def is_exact(self) -> bool:
        """Whether the last climb is on the exact likelihood."""
        return len(self._values) <= self._max_samples

    def unscaled(self, found: Evaluated, n_contrasts: int) -> tuple[VariogramModel, float]:
        """Go back to the scale of the values: the density of each contrast carries one 1 / size."""
        log_likelihood = found.value - n_contrasts * float(np.log(self._size))
        return found.trial.model(found.sill * self._size**2), log_likelihood

    def _rough_likelihood(self, frame: Frame) -> ExactLikelihood | VecchiaLikelihood:
        if len(self._values) <= min(ROUGH_SAMPLES, self._max_samples):
            return self._exact()
        return self._vecchia(ROUGH_NEIGHBORS, ROUGH_TERMS, frame)

    def _fine_likelihood(self, frame: Frame) -> ExactLikelihood | VecchiaLikelihood:
        if len(self._values) <= self._max_samples:
            return self._exact()
        return self._vecchia(FINE_NEIGHBORS, FINE_TERMS, frame)

    def _exact(self) -> ExactLikelihood:
        made = self._made.get("exact")
        if not isinstance(made, ExactLikelihood):
            made = self._made["exact"] = ExactLikelihood(self._coordinates, self._values, self._columns)
        return made

    def _vecchia(self, n_neighbors: int, n_terms: int, frame: Frame) -> VecchiaLikelihood:
        frame = nearby_frame(frame)
        key = (n_neighbors, n_terms, frame)
        made = self._made.get(key)
        if not isinstance(made, VecchiaLikelihood):
            made = self._made[key] = VecchiaLikelihood(
                self._coordinates, self._values, self._columns, n_neighbors, n_terms, frame, self._seed
            )
        return made

    def _best_climb(
        self,
        starts: Sequence[Trial],
        names: tuple[str, ...],
        frame: Frame | None,
        once: bool = False,
    ) -> Evaluated:
        """Climb roughly from the best of some starts, or the two best; with no frame given, in the frames they have."""
        def seen(trial: Trial) -> Frame:
            # Horizontal ratios hardly change which samples are near; vertical ones of 1 to 100 do.
            own = trial.frame if trial.dip or trial.plunge else (0.0, 0.0, 0.0, 1.0, trial.ratio_vertical)
            return own if frame is None else frame

        begun = [self._inside(start, names) for start in starts]
        if len(self._values) > SCOUT_TERMS and not isinstance(self._rough_likelihood(seen(begun[0])), ExactLikelihood):
            scouted: list[tuple[float, int]] = []
            for trial in begun:
                stop_if(self._is_cancelled)
                scout = self._vecchia(ROUGH_NEIGHBORS, SCOUT_TERMS, seen(trial))
                scouted.append((-scout.evaluate(trial).value, len(scouted)))
            begun = [begun[number] for _, number in sorted(scouted)[:_SCOUTED]]
        evaluated = []
        for trial in begun:
            stop_if(self._is_cancelled)
            evaluated.append(self._rough_likelihood(seen(trial)).evaluate(trial))
        evaluated.sort(key=lambda one: -one.value)
        found = evaluated[0]
        for rank, begin in enumerate(evaluated[: 1 if once else 2]):
            if not np.isfinite(begin.value) or (rank and begin.value < evaluated[0].value - _SECOND_CHANCE):
                continue
            found = max(found, self._climb_on(begin.trial, names), key=lambda one: one.value)
            if found.value < self._floor:
                return found
        if found.trial.kind in _BUMPY and np.isfinite(found.value):
            hops = [replace(found.trial, effective_range=found.trial.effective_range * by) for by in _HOPS]
            likelihood = self._rough_likelihood(found.trial.frame)
            landed = max((likelihood.evaluate(self._inside(hop, names)) for hop in hops), key=lambda one: one.value)
            found = max(found, self._climb_on(landed.trial, names), key=lambda one: one.value)
        return found

    def _climb_on(self, start: Trial, names: tuple[str, ...]) -> Evaluated:
        """Climb roughly from a trial, and on where its anisotropy has changed which samples are near."""
        likelihood = self._rough_likelihood(start.frame)
        tells_apart = _TELLS_APART if isinstance(likelihood, ExactLikelihood) else _ROUGHLY_APART
        climbed = self._climb(likelihood, likelihood.evaluate(start), names, tells_apart)
        again = self._rough_likelihood(climbed.trial.frame)
        if again is likelihood:
            return climbed
        return self._climb(again, again.evaluate(climbed.trial), names, tells_apart)

    def _climb(
        self,
        likelihood: ExactLikelihood | VecchiaLikelihood,
        start: Evaluated,
        names: tuple[str, ...],
        tells_apart: float,
    ) -> Evaluated:
        """Climb from a trial over the named quantities, within their bounds."""
        from scipy.optimize import minimize

        if not np.isfinite(start.value):
            return start
        found = start
        # On this scale the curvature is near 1, as the method supposes at first.
        unit = likelihood.n_contrasts / 20.0
        n_steps = 0

        def descent(position: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal found, n_steps
            stop_if(self._is_cancelled)
            n_steps += 1
            if n_steps > _FAIR_TRY and found.value < self._floor:
                return 0.0, np.zeros(len(names))
            here = likelihood.evaluate(start.trial.moved_to(position, names), names)
            if here.gradient is None:
                return 1e6, np.zeros(len(names))
            if here.value > found.value:
                found = here
            return (start.value - here.value) / unit, -here.gradient / unit

        origin = start.trial.position(names)
        bounds = [self._position_bounds(name, start.trial) for name in names]
        minimize(
            descent,
            origin,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 40, "maxfun": 60, "ftol": tells_apart / unit, "gtol": 1e-3 / unit, "maxls": 12},
        )
        trial = found.trial
        if trial.dip == 0 and trial.plunge == 0:
            return replace(found, trial=replace(trial, azimuth=trial.azimuth % 180.0))
        scaling = trial.scaling(3)
        lengths = np.linalg.norm(scaling, axis=1)
        frame, along = frame_of_axes(scaling / lengths[:, None], 1.0 / lengths)
        azimuth, dip, plunge, minor, vertical = frame
        trial = replace(trial, effective_range=along, azimuth=azimuth, dip=dip, plunge=plunge)
        return replace(found, trial=replace(trial, ratio_minor=minor, ratio_vertical=vertical))

    def _position_bounds(self, name: str, trial: Trial) -> tuple[float, float]:
        """Return the bounds of a quantity on its searched scale."""
        if name in _ANGLES:
            here = float(trial.position([name])[0])
            return here - 9.0, here + 9.0
        low, high = SEARCHED_SHAPES[trial.kind] if name == "shape" else self._bounds[name]
        return scaled(name, low), scaled(name, high)

    def _inside(self, trial: Trial, names: Sequence[str]) -> Trial:
        """Return a trial moved into the bounds."""
        limited = [name for name in names if name not in _ANGLES]
        bounds = np.array([self._position_bounds(name, trial) for name in limited]).reshape(-1, 2)
        return trial.moved_to(np.clip(trial.position(limited), bounds[:, 0], bounds[:, 1]), limited)
