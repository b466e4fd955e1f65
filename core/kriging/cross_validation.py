"""What leave-one-out says about a variogram and a neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .back_transform import BackTransform
from .ordinary import FittedKriging, KrigingEstimate


@dataclass(frozen=True)
class LeaveOneOutSummary:
    """Leave-one-out residuals (observed - predicted) in figures.

    Parameters
    ----------
    n : int
        Samples with an estimate.
    n_missing : int
        Samples the others allow no estimate for; not counted in the figures.
    bias, rmse, mae : float
        In data units.
    r2 : float
        1 - sum of squared residuals / sum of squares about the mean of the same samples.
    msdr : float
        Mean squared residual / kriging variance: 1 when the variances are right.
    coverage : float
        Share of samples inside their gaussian interval.
    """

    n: int
    n_missing: int
    bias: float
    rmse: float
    mae: float
    r2: float
    msdr: float
    coverage: float


def summarize(values: np.ndarray, left_out: KrigingEstimate, coverage: float = 0.9) -> LeaveOneOutSummary:
    """Compare estimates of left-out samples with their values.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        In data units.
    left_out : KrigingEstimate
        At the samples, of `FittedKriging.leave_one_out` or `FittedKriging.leave_group_out`.
    coverage : float
        Nominal coverage of the gaussian interval, between 0 and 1.

    Raises
    ------
    InputError
        When no sample has an estimate.

    Examples
    --------
    >>> estimate = KrigingEstimate(np.array([1.0, 3.0]), np.array([1.0, 4.0]), np.array([1, 1]), np.zeros(2))
    >>> summary = summarize(np.array([2.0, 5.0]), estimate)
    >>> summary.bias, summary.mae, summary.msdr, summary.coverage
    (1.5, 1.5, 1.0, 1.0)
    """
    from scipy.special import ndtri

    found = np.isfinite(left_out.estimate)
    if not found.any():
        raise InputError(
            f"None of {len(values)} samples can be estimated from the others. Use more neighbours or a larger radius."
        )
    observed, variance = np.asarray(values, dtype=float)[found], left_out.kriging_variance[found]
    residual = observed - left_out.estimate[found]
    spread = float(np.sum((observed - observed.mean()) ** 2))
    half_width = ndtri(0.5 + 0.5 * coverage) * np.sqrt(variance)
    return LeaveOneOutSummary(
        n=int(found.sum()),
        n_missing=int((~found).sum()),
        bias=float(residual.mean()),
        rmse=float(np.sqrt(np.mean(residual**2))),
        mae=float(np.abs(residual).mean()),
        r2=1.0 - float(np.sum(residual**2)) / spread if spread > 0 else float("nan"),
        msdr=float(np.mean(residual**2 / variance)),
        coverage=float(np.mean(np.abs(residual) <= half_width)),
    )


@dataclass(frozen=True)
class LeftOut:
    """Samples estimated without themselves, in data units.

    Parameters
    ----------
    predicted : ndarray, shape (n_samples,)
        In data units; NaN where the others allow no estimate.
    standardized : ndarray, shape (n_samples,)
        (observed - predicted) / kriging standard deviation, all on the transformed scale.
    estimate : KrigingEstimate
        On the transformed scale.
    summary : LeaveOneOutSummary
        Errors in data units; msdr and coverage on the transformed scale, on which intervals are normal.
    """

    predicted: np.ndarray
    standardized: np.ndarray
    estimate: KrigingEstimate
    summary: LeaveOneOutSummary


def leave_out(
    kriging: FittedKriging,
    way_back: BackTransform,
    observed: np.ndarray,
    folds: np.ndarray | None = None,
    coverage: float = 0.9,
) -> LeftOut:
    """Estimate each sample without itself or without its fold, the variogram as it is, in data units.

    Parameters
    ----------
    kriging : FittedKriging
        Of transformed values.
    way_back : BackTransform
    observed : ndarray, shape (n_samples,)
        In data units.
    folds : ndarray of int, shape (n_samples,), or None
        Samples of one fold are left out together; None leaves out one at a time.
    coverage : float
        Nominal coverage of the interval that is counted.

    Raises
    ------
    InputError
        When no sample can be estimated from the others.
    """
    result = kriging.leave_one_out() if folds is None else kriging.leave_group_out(folds)
    mean, variance = way_back.moments(result.estimate, result.kriging_variance, result.smoothing_variance)
    in_units = summarize(observed, replace(result, estimate=mean, kriging_variance=variance), coverage)
    on_scale = summarize(kriging.values, result, coverage)
    summary = replace(in_units, msdr=on_scale.msdr, coverage=on_scale.coverage)
    return LeftOut(mean, (kriging.values - result.estimate) / result.kriging_std, result, summary)
