"""The methods every comparison includes, each refitted on the training samples it is given.

A method is a function from training samples and a seed to a predictor (`predictive.Method`). It
chooses everything it needs - variogram, encoding of covariates, errors to learn intervals from -
from those samples alone, so that cross-validation of it is honest by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np

from ..coincident import average_coincident
from ..errors import InputError
from ..features.covariates import CovariateEncoder
from ..kriging.back_transform import BackTransform
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import FittedKriging, fit_kriging
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..samples import Covariates, Samples, require_samples, require_variation
from ..transforms import Transform
from ..variogram.fit_options import FitOptions
from ..variogram.fitting import fit_variogram
from .folds import inseparable_groups
from .intervals import IntervalTable, left_out_together, normalized_scores
from .predictive import (
    LEVELS,
    UNTRANSFORMED,
    Method,
    PredictiveDistribution,
    Predictor,
    Transforms,
    joined,
    normal_reach,
    transform_of,
)
from .random_forest import random_forest

GLOBAL_LIMIT = 1000
"""Up to so many training samples kriging uses all of them; above, the nearest `LOCAL_NEIGHBORS`."""

LOCAL_NEIGHBORS = 64

LOCAL_PARTS = 8
"""Parts of the samples that are left out in turn to learn the intervals of a moving neighbourhood."""


def default_neighborhood(n_samples: int) -> Neighborhood:
    """Return the neighbourhood where none is asked for: all samples, or the nearest of more than `GLOBAL_LIMIT`."""
    return Neighborhood() if n_samples <= GLOBAL_LIMIT else Neighborhood(max_neighbors=LOCAL_NEIGHBORS)


def ordinary_kriging(
    transforms: Transforms = UNTRANSFORMED, neighborhood: Optional[Neighborhood] = None, variogram_method: str = "reml"
) -> Method:
    """Ordinary kriging with a variogram fitted to the training samples, its intervals calibrated on errors left out.

    Parameters
    ----------
    transforms : Transform or dict of str to Transform
        Scale of kriging; estimates come back as unbiased means in data units (`BackTransform`).
    neighborhood : Neighborhood or None
        None takes all samples up to `GLOBAL_LIMIT`, else the nearest `LOCAL_NEIGHBORS`.
    variogram_method : str
        ``"least_squares"`` or ``"reml"``, see `core.variogram.fit_options.FitOptions`.

    Returns
    -------
    Method
    """

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        require_samples(training, 10, "Kriging in a training fold")
        how = _KrigingSettings(neighborhood, variogram_method, seed, is_cancelled)
        return _KrigingPredictor(
            [
                _fit_target(training, target, transform_of(transforms, training, target), how, where)
                for target, where in _parts(training.targets, progress)
            ]
        )

    return fit


def external_drift_kriging(
    transforms: Transforms = UNTRANSFORMED, neighborhood: Optional[Neighborhood] = None, variogram_method: str = "reml"
) -> Method:
    """Kriging whose drift is linear in the encoded covariates.

    Where the training samples do not determine the drift of a location, for example a class never
    sampled, its estimate is that of ordinary kriging, and a note says so.

    Parameters
    ----------
    transforms, neighborhood, variogram_method
        See `ordinary_kriging`.

    Returns
    -------
    Method
        Raises InputError when the training samples have no covariates.
    """

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        require_samples(training, 10, "Kriging in a training fold")
        if training.covariates is None:
            raise InputError("External-drift kriging needs covariates, got none. Choose covariate rasters.")
        how = _KrigingSettings(neighborhood, variogram_method, seed, is_cancelled)
        fitted = []
        for target, where in _parts(training.targets, progress):
            transform = transform_of(transforms, training, target)
            values = transform.forward(training.target(target), target)
            encoder = CovariateEncoder.fit(training.covariates, values[:, None])
            fitted.append(_fit_target(training, target, transform, how, where, encoder))
        without_drift = ordinary_kriging(transforms, neighborhood, variogram_method)
        return _KrigingPredictor(fitted, fallback=lambda: without_drift(training, seed))

    return fit


def inverse_distance(power: float = 2.0, max_neighbors: int = 12) -> Method:
    """Inverse-distance weighting; its quantiles are those of its own leave-one-out errors.

    Parameters
    ----------
    power : float
        Weights are distance to the power of minus this.
    max_neighbors : int

    Returns
    -------
    Method
    """
    from scipy.spatial import cKDTree

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        training, _ = average_coincident(training)
        require_samples(training, 2, "Inverse-distance weighting in a training fold")
        tree = cKDTree(training.coordinates)

        def weighted_mean(coordinates: np.ndarray, skip_self: bool) -> np.ndarray:
            k = min(max_neighbors + skip_self, len(training))
            distance, neighbor = (a.reshape(len(coordinates), k) for a in tree.query(coordinates, k))
            distance, neighbor = distance[:, int(skip_self) :], neighbor[:, int(skip_self) :]
            nearest = distance[:, :1]
            # ratios to the nearest distance: no overflow near a sample, and 0/0 only exactly at one
            with np.errstate(invalid="ignore", divide="ignore"):
                weights = np.where(nearest > 0, (nearest / distance) ** power, distance == 0)
            return np.einsum("mk,mkt->mt", weights, training.values[neighbor]) / weights.sum(axis=1, keepdims=True)

        errors = training.values - weighted_mean(training.coordinates, skip_self=True)

        def predict(coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
            estimate = weighted_mean(coordinates, skip_self=False)
            return PredictiveDistribution(estimate, estimate[..., None] + np.quantile(errors, LEVELS, axis=0).T)

        return predict

    return fit


def mean_of_samples() -> Method:
    """Predict the mean of the training samples everywhere, with their quantiles around it.

    Returns
    -------
    Method
    """

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        mean = training.values.mean(axis=0)
        quantiles = np.quantile(training.values, LEVELS, axis=0).T

        def predict(coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
            m = len(coordinates)
            return PredictiveDistribution(np.tile(mean, (m, 1)), np.tile(quantiles, (m, 1, 1)))

        return predict

    return fit


METHODS: Mapping[str, Callable[[Transforms, Optional[Neighborhood]], Method]] = {
    "mean": lambda transforms, neighborhood: mean_of_samples(),
    "inverse_distance": lambda transforms, neighborhood: inverse_distance(),
    "ordinary_kriging": ordinary_kriging,
    "external_drift_kriging": external_drift_kriging,
    "random_forest": lambda transforms, neighborhood: random_forest(),
}
"""Methods that need no training backend, by the names used in tables."""

MODULES: Mapping[str, tuple[str, ...]] = {"mean": (), "inverse_distance": (), "random_forest": ("sklearn",)}
"""Modules outside numpy and scipy that a method imports; scikit-gstat where nothing is said."""


def make_methods(
    names: Sequence[str], transforms: Transforms = UNTRANSFORMED, neighborhood: Optional[Neighborhood] = None
) -> dict[str, Method]:
    """Make methods by name.

    Parameters
    ----------
    names : sequence of str
        Keys of `METHODS`.
    transforms, neighborhood
        See `ordinary_kriging`.

    Returns
    -------
    dict of str to Method
        In the order of `names`.

    Raises
    ------
    InputError
        For an unknown name.
    """
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise InputError(f"Expected methods out of {', '.join(METHODS)}, got {', '.join(unknown)}.")
    return {name: each_apart(METHODS[name](transforms, neighborhood)) for name in names}


def each_apart(method: Method) -> Method:
    """Return a method that learns each target from its own samples, where not all were measured everywhere."""

    def fit(
        training: Samples, seed: int, progress: Progress = silent, is_cancelled: IsCancelled = never
    ) -> Predictor:
        if not training.has_gaps:
            return method(training, seed, progress, is_cancelled)
        fitted = [
            method(training.of(target), seed, where, is_cancelled)
            for target, where in _parts(training.targets, progress)
        ]

        def predict(coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
            return joined([one(coordinates, covariates) for one in fitted])

        return predict

    return fit


@dataclass(frozen=True)
class _TargetKriging:
    """Kriging of one target: its way back, its encoder (with a drift), the fitted system and its intervals."""

    target: str
    way_back: BackTransform
    kriging: FittedKriging
    encoder: Optional[CovariateEncoder]
    intervals: IntervalTable


@dataclass(frozen=True)
class _KrigingSettings:
    """How every target is kriged."""

    neighborhood: Optional[Neighborhood]
    variogram_method: str
    seed: int
    is_cancelled: IsCancelled


def _parts(targets: Sequence[str], progress: Progress) -> list[tuple[str, Progress]]:
    """Return each target with its share of the progress."""
    n = len(targets)
    return [(target, part(progress, i / n, (i + 1) / n)) for i, target in enumerate(targets)]


def _fit_target(
    training: Samples,
    target: str,
    transform: Transform,
    how: _KrigingSettings,
    progress: Progress,
    encoder: Optional[CovariateEncoder] = None,
) -> _TargetKriging:
    """Fit variogram and kriging system of one target, with a drift where there is an encoder."""
    values = transform.forward(training.target(target), target)
    require_variation(values, f"{target} in a training fold")
    drift = None
    if encoder is not None and training.covariates is not None:
        drift = encoder.encode(training.covariates)
    variogram = fit_variogram(
        training.coordinates, values, FitOptions(method=how.variogram_method, seed=how.seed),
        drift=drift, holes=training.holes, progress=progress, is_cancelled=how.is_cancelled,
    )  # fmt: skip
    neighborhood = how.neighborhood
    if neighborhood is None:
        neighborhood = default_neighborhood(len(training))
    kriging = fit_kriging(training.coordinates, values, variogram.model, neighborhood, drift)
    stop_if(how.is_cancelled)
    groups = inseparable_groups(training.coordinates, training.holes)
    intervals = learned_intervals(kriging, groups, how.is_cancelled)
    return _TargetKriging(target, BackTransform.of(kriging, transform), kriging, encoder, intervals)


def learned_intervals(
    kriging: FittedKriging, groups: np.ndarray, is_cancelled: IsCancelled = never
) -> IntervalTable:
    """Calibrate the intervals of a kriging on its own errors at samples left out singly and in compact cells.

    Parameters
    ----------
    kriging : FittedKriging
    groups : ndarray of int, shape (n_samples,)
        Samples that never part, numbered from 0.
    is_cancelled : IsCancelled

    Returns
    -------
    IntervalTable

    Raises
    ------
    InputError
        When no sample can be estimated from the others.
    """
    sets = []
    for cells in left_out_together(kriging.coordinates, groups):
        stop_if(is_cancelled)
        is_single = len(np.unique(cells)) == len(cells)
        if not (is_single or kriging.neighborhood.is_global):
            cells = _dealt(cells)
        left_out = kriging.leave_one_out() if is_single else kriging.leave_group_out(cells)
        known = np.isfinite(left_out.estimate)
        if known.any():
            errors = kriging.values[known] - left_out.estimate[known]
            sets.append(normalized_scores(errors, left_out.kriging_std[known]))
    return IntervalTable.from_scores(*sets, n_independent=int(groups.max()) + 1)


def _dealt(cells: np.ndarray) -> np.ndarray:
    """Deal cells at random to at most `LOCAL_PARTS` parts: a moving neighbourhood is fitted anew for each part.

    A cell is then missing together with a few far ones, which its estimates hardly use.
    """
    numbers = np.random.default_rng(0).permutation(int(cells.max()) + 1) % LOCAL_PARTS
    return numbers[cells]


@dataclass
class _KrigingPredictor:
    """Predict every target by its own kriging; fall back where a drift is not known."""

    fitted: list[_TargetKriging]
    fallback: Optional[Callable[[], Predictor]] = None
    _fallback_predictor: Optional[Predictor] = field(default=None, repr=False)

    def __call__(self, coordinates: np.ndarray, covariates: Optional[Covariates]) -> PredictiveDistribution:
        n_locations, n_targets = len(coordinates), len(self.fitted)
        estimate = np.full((n_locations, n_targets), np.nan)
        quantiles = np.full((n_locations, n_targets, len(LEVELS)), np.nan)
        own = np.full((n_locations, n_targets, 2), np.nan)
        for column, one in enumerate(self.fitted):
            drift = None
            if one.encoder is not None:
                if covariates is None:
                    raise InputError("External-drift kriging needs covariates at every location, got none.")
                drift = one.encoder.encode(covariates)
            result = one.kriging.predict(coordinates, drift)
            estimate[:, column], _ = one.way_back.moments(
                result.estimate, result.kriging_variance, result.smoothing_variance
            )
            centre, sigma = result.estimate[:, None], result.kriging_std[:, None]
            inverse = one.way_back.transform.inverse
            quantiles[:, column] = inverse(centre + sigma * one.intervals.reach(LEVELS))
            own[:, column] = inverse(centre + sigma * normal_reach())
        predicted = PredictiveDistribution(estimate, quantiles, own_interval=own)
        return self._filled(predicted, ~np.isfinite(estimate), coordinates)

    def _filled(
        self, predicted: PredictiveDistribution, unknown: np.ndarray, coordinates: np.ndarray
    ) -> PredictiveDistribution:
        """Fill the locations without a drift from kriging without one."""
        rows = unknown.any(axis=1)
        if self.fallback is None or not rows.any():
            return predicted
        if self._fallback_predictor is None:
            self._fallback_predictor = self.fallback()
        plain = self._fallback_predictor(coordinates[rows], None)
        estimate, quantiles, own = predicted.estimate.copy(), predicted.quantiles.copy(), predicted.own_interval
        which = unknown[rows]
        estimate[unknown], quantiles[unknown] = plain.estimate[which], plain.quantiles[which]
        if own is not None and plain.own_interval is not None:
            own[unknown] = plain.own_interval[which]
        note = (
            f"{int(rows.sum())} of {len(rows)} held-out samples have covariates the training samples do not cover "
            "(a class never sampled, for example); external-drift kriging fell back to ordinary kriging there."
        )
        return PredictiveDistribution(estimate, quantiles, (note,), own)
