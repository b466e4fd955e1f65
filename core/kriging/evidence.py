"""Whether a drift explains the samples beyond the constant and their spatial correlation: a Wald test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .ordinary import FittedKriging
from .system import GlobalSystem


@dataclass(frozen=True)
class DriftEvidence:
    """What generalised least squares says about the coefficients of a drift.

    Parameters
    ----------
    wald : float
        ``beta' S^-1 beta`` of the drift's coefficients, the constant left out; about `n_columns` when the drift
        explains nothing (chi-squared with so many degrees of freedom).
    n_columns : int
        Independent columns.
    slopes : ndarray, shape (n_drift,)
        Coefficient of each column, in units of the values per standard deviation of the column.
    """

    wald: float
    n_columns: int
    slopes: np.ndarray

    @property
    def credible_share(self) -> float:
        """Share of the drift's effect that is not chance: ``1 - 2 (n_columns + 1) / wald``, at least 0.

        The positive-part shrinkage of an estimated effect toward none, with Akaike's price of 2 for each
        coefficient (and one for the drift as such), so that a drift is believed only from where it would be chosen.

        References
        ----------
        Efron, B. & Morris, C. (1973). Stein's estimation rule and its competitors. J. Am. Stat. Assoc. 68, 117-130.
        """
        return max(0.0, 1.0 - 2.0 * (self.n_columns + 1.0) / self.wald) if self.wald > 0 else 0.0


def drift_evidence(kriging: FittedKriging) -> DriftEvidence:
    """Test the drift of a kriging system, with its variogram as it is.

    The scale of the covariances is estimated from the residuals, so that a sill too low does not pass for evidence.

    Parameters
    ----------
    kriging : FittedKriging
        With a drift, a mean that is estimated and no trend in the coordinates.

    Returns
    -------
    DriftEvidence

    Raises
    ------
    InputError
        When there is nothing to test, or no sample more than coefficients.
    """
    system, basis = kriging._system, kriging._basis
    if kriging.n_drift == 0 or kriging.mean is not None or kriging.trend_order:
        raise InputError("Only a drift beside an estimated constant can be tested, without a trend in the coordinates.")
    columns, values = system.samples.columns, system.samples.values
    n_free = len(values) - columns.shape[1]
    if n_free < 1:
        raise InputError(f"Expected more samples than coefficients, got {len(values)} and {columns.shape[1]}.")
    if isinstance(system, GlobalSystem):
        coefficients = system.coefficients
        covariance = system.column_factor @ system.column_factor.T
        dual = system.dual
    elif system.drift is not None:
        coefficients, covariance, dual = system.drift.coefficients, system.drift.covariance, system.drift.dual
    else:
        # Every column is constant over the samples.
        return DriftEvidence(0.0, 0, np.zeros(kriging.n_drift))
    effect = coefficients[1:]
    if len(effect) == 0:
        return DriftEvidence(0.0, 0, np.zeros(kriging.n_drift))
    scale = float((values - columns @ coefficients) @ dual) / n_free
    statistic = float(effect @ np.linalg.solve(covariance[1:, 1:], effect))
    wald = statistic / scale if scale > 0 else np.inf
    return DriftEvidence(wald, len(effect), basis.directions @ (effect / basis.score_scale))
