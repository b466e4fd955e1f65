"""One fit that was considered for a variogram, with its scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .models import VariogramModel, model_to_dict


@dataclass(frozen=True)
class Candidate:
    """One fit that was considered.

    Parameters
    ----------
    name : str
        Kind of model, out of `models.NAMES`.
    method : str
        "least_squares" or "reml".
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
    hole_rmse : float
        Root mean squared error of kriging samples from other drill holes than their own, as `loo_rmse`; NaN where
        samples do not lie in holes.
    hole_msdr : float
        As `loo_msdr`, of the same errors (reml only, else NaN).
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
    hole_rmse: float = np.nan
    hole_msdr: float = np.nan

    @property
    def error(self) -> float:
        """What candidates are judged by: the error of whole holes where there are any, else of single samples."""
        return self.hole_rmse if np.isfinite(self.hole_rmse) else self.loo_rmse

    def to_dict(self) -> dict:
        """Return what files hold of a candidate; numbers that are not known are None."""
        numbers = {
            name: float(number) if np.isfinite(number) else None
            for name, number in (
                ("loo_rmse", self.loo_rmse),
                ("loo_msdr", self.loo_msdr),
                ("hole_rmse", self.hole_rmse),
                ("hole_msdr", self.hole_msdr),
                ("misfit", self.misfit),
                ("log_likelihood", self.log_likelihood),
                ("max_lag", self.max_lag),
            )
        }
        content: dict = {"model": self.name, "method": self.method, "n_lags": self.n_lags or None, **numbers}
        if self.model is not None:
            content.update({key: model_to_dict(self.model)[key] for key in ("nugget", "structures")})
        return {**content, "reason": self.reason, "note": self.note}


def model_of(candidate: Candidate) -> VariogramModel:
    """Return the model of a candidate that has one.

    Raises
    ------
    InputError
        When no model was fitted.
    """
    if candidate.model is None:
        raise InputError(f"No {candidate.name} model was fitted.")
    return candidate.model
