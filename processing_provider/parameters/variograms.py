"""Experimental variograms: their lags and estimator."""

from __future__ import annotations

from ...core.variogram.experimental import ESTIMATORS
from ..identity import tr
from .kinds import distance, static_enum, with_help


def largest_lag(advanced: bool = False):
    """Return MAX_LAG."""
    return with_help(
        distance("MAX_LAG", tr("Largest lag"), "INPUT"),
        tr("Pairs farther apart, in map units, are not used. Empty: a third of the diagonal of the area."),
        advanced,
    )


def estimator():
    """Return ESTIMATOR: how the semivariances of a lag become one."""
    return with_help(
        static_enum("ESTIMATOR", tr("Estimator"), ESTIMATORS, "matheron"),
        tr("matheron: the mean of squared differences. cressie, dowd and genton: robust against outliers."),
        advanced=True,
    )
