"""Variograms of the bases of a hybrid, judged by what they say of samples left out."""

from __future__ import annotations

import numpy as np

from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..variogram.choice import lowest_error, most_likely
from ..variogram.fitting import FittedVariogram
from ..variogram.models import VariogramModel

_RELATED = 0.97
"""Share to which kriging residuals of a learned drift has to lower the error at holes left out to be believed."""

WORSE_FIT = 0.15
"""Relative error on blocks left out by which another fit of a variogram may be worse than the chosen one."""


def uncorrelated(
    fitted: VariogramModel, coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray, groups: np.ndarray,
    neighborhood: Neighborhood,
) -> VariogramModel | None:  # fmt: skip
    """Return a pure nugget where residuals of a drift say nothing about another hole, None where they do.

    Pairs within holes outnumber all others, so a variogram of residuals is that along holes. Across holes, which is
    where a map lies, residuals may be unrelated; kriging them would then carry the noise of one hole to the next, and
    the slope of the drift would be that within holes. So the drift stands alone unless the errors at holes left out
    are clearly lower with the fitted variogram: below `_RELATED` of those without.

    Parameters
    ----------
    fitted : VariogramModel
        Of the residuals.
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples,)
        Transformed.
    drift : ndarray, shape (n_samples, n_drift)
    groups : ndarray of int, shape (n_samples,)
        Holes, or sets of them, that are left out together.
    neighborhood : Neighborhood
    """
    line = np.column_stack([np.ones(len(values)), drift])
    residual = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
    alone = VariogramModel(float(np.mean(residual**2)), ())
    squared = [_squared_errors(model, coordinates, values, drift, groups, neighborhood) for model in (fitted, alone)]
    known = np.isfinite(squared).all(axis=0)
    return None if squared[0][known].sum() < _RELATED**2 * squared[1][known].sum() else alone


def other_variograms(
    fitted: FittedVariogram,
    coordinates: np.ndarray,
    values: np.ndarray,
    drift: np.ndarray | None,
    blocks: np.ndarray,
) -> tuple[VariogramModel, ...]:
    """Return the isotropic fit by likelihood and the one by least squares, where they differ from the chosen one.

    Left out is one whose error on blocks left out exceeds the chosen one's by more than `WORSE_FIT`: where anisotropy
    is strong, isotropic variograms are no second opinion.

    Parameters
    ----------
    fitted : FittedVariogram
    coordinates : ndarray, shape (n_samples, n_dimensions)
    values : ndarray, shape (n_samples,)
        Transformed.
    drift : ndarray, shape (n_samples, n_drift), or None
    blocks : ndarray of int, shape (n_samples,)
        Folds of blocks.
    """
    isotropic = [
        c for c in fitted.candidates
        if c.method == "reml" and c.model is not None and all(part.is_isotropic for part in c.model.structures)
    ]  # fmt: skip
    by_lags = [c for c in fitted.candidates if c.method == "least_squares"]
    found = [c.model for c in (most_likely(isotropic), lowest_error(by_lags)) if c is not None and c.model is not None]
    others = dict.fromkeys(model for model in found if model != fitted.model)
    if not others:
        return ()

    squared = {model: _squared_errors(model, coordinates, values, drift, blocks) for model in (fitted.model, *others)}
    known = np.isfinite(squared[fitted.model])
    limit = (1.0 + WORSE_FIT) ** 2 * squared[fitted.model][known].sum()
    return tuple(model for model in others if squared[model][known].sum() <= limit)


def _squared_errors(
    model: VariogramModel, coordinates: np.ndarray, values: np.ndarray, drift: np.ndarray | None, groups: np.ndarray,
    neighborhood: Neighborhood | None = None,
) -> np.ndarray:  # fmt: skip
    """Return squared errors of kriging each group of samples from the others; NaN where it cannot be."""
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    return (values - kriging.leave_group_out(groups).estimate) ** 2
