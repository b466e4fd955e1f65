"""The mean over a block of a variable whose logarithms are kriged.

The mean of logarithms over a block is not the logarithm of the mean, so kriging the logarithm's block
and raising it would underestimate. The points x_i of the block, with weights w_i, are kriged one by
one from the block's neighbours instead, each comes back without bias (`back_transform`), and their
mean is without bias too:

* estimate ``sum_i w_i M_i`` with ``M_i = exp(Y*_i + rise_i / 2)``,
* variance ``sum_ij w_i w_j M_i M_j (exp(S_ij) - 1)`` with S the covariances of the kriging errors of the
  logarithms at the points. The nugget raises every mean, but as it averages out over a block it is not
  part of S.

Nothing is assumed about the distribution of block means. Kriging the logarithm's block and taking that
mean for lognormal ("permanence of lognormality") is cheaper and agrees for blocks much smaller than the
effective range.

References
----------
Cressie, N. (2006). Block kriging for lognormal spatial processes. Math. Geol. 38(4).
Journel, A. & Huijbregts, C. (1978). Mining geostatistics, section VIII.A (permanence).
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..transforms import Transform
from .back_transform import BackTransform
from .functionals import BlockSize, PointSum
from .ordinary import FittedKriging
from .system import GlobalSystem

KINDS = ("none", "log", "log1p")
"""Transforms whose block means are known."""


def require_known(kind: str) -> None:
    """Refuse a transform whose mean over a block has no published way back.

    Raises
    ------
    InputError
        For any but `KINDS`.
    """
    if kind not in KINDS:
        raise InputError(
            f"Expected a variogram of {', '.join(KINDS)} values for blocks, got one of {kind} values, whose mean over "
            "a block has no exact way back to data units. Fit a variogram with another transform, or estimate points."
        )


def block_moments(
    kriging: FittedKriging,
    way_back: BackTransform,
    coordinates: np.ndarray,
    block: BlockSize,
    drift: np.ndarray | None = None,
    with_variance: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the mean of blocks in data units from kriged logarithms.

    Parameters
    ----------
    kriging : FittedKriging
        Of the transformed values.
    way_back : BackTransform
    coordinates : ndarray, shape (n, n_dimensions)
        Centres of the blocks.
    block : BlockSize
    drift : ndarray, shape (n, n_drift), or None
        Mean of the drift over each block.
    with_variance : bool
        False saves the work, which grows with the square of the number of points.

    Returns
    -------
    mean, variance : ndarray, shape (n,)
        In data units and squared data units; NaN without an estimate, the variance also where it is not asked for.

    Raises
    ------
    InputError
        For a transform that is not one of `KINDS`, and as `FittedKriging.predict`.
    """
    kind = way_back.transform.kind
    require_known(kind)
    if kind == "none":
        result = kriging.predict(coordinates, drift, block)
        return result.estimate, result.kriging_variance
    points = block.mean()
    own_nugget = kriging.variogram.nugget - kriging.variogram.measurement_error
    means = []
    for offset in points.offsets:
        at_point = kriging.predict(coordinates, drift, PointSum(offset[None], np.ones(1)))
        rise = way_back.rise(at_point.smoothing_variance + own_nugget)
        means.append(np.exp(at_point.estimate + 0.5 * rise))
    raised = np.column_stack(means)
    mean = raised @ points.point_weights
    variance = np.full(len(mean), np.nan)
    if with_variance:
        known = np.flatnonzero(np.isfinite(mean))
        weighted = raised[known] * points.point_weights
        some_drift = None if drift is None else np.asarray(drift, dtype=float)[known]
        variance[known] = _spread(kriging, np.asarray(coordinates, dtype=float)[known], some_drift, points, weighted)
    return (mean - 1.0 if kind == "log1p" else mean), variance


def block_quantile(level: float, mean: np.ndarray, variance: np.ndarray, kind: str) -> np.ndarray:
    """Return a quantile of block means, taken for lognormal ("permanence of lognormality"), normal without transform.

    Parameters
    ----------
    level : float
        Between 0 and 1, both excluded.
    mean, variance : ndarray, same shape
        Of `block_moments`.
    kind : str
        Out of `KINDS`.

    Raises
    ------
    InputError
        For a level that is not between 0 and 1, or another transform.
    """
    require_known(kind)
    if kind == "none":
        return BackTransform(Transform()).quantile(level, mean, variance)
    raised = mean + (kind == "log1p")
    spread = np.log1p(variance / raised**2)
    return BackTransform(Transform(kind)).quantile(level, np.log(raised) - 0.5 * spread, spread)


def _spread(
    kriging: FittedKriging, targets: np.ndarray, drift: np.ndarray | None, points: PointSum, weighted: np.ndarray
) -> np.ndarray:
    """Return ``sum_ij m_i m_j (exp(S_ij) - 1)``, with m the weighted means at the points."""
    if isinstance(kriging._system, GlobalSystem):
        return _spread_of_all(kriging, targets, drift, points, weighted)
    # Each target has neighbours of its own: S_ij comes from the variances of half sums of two points.
    n_points = len(points.offsets)
    half = np.full(2, 0.5)
    single = [
        kriging.predict(targets, drift, PointSum(offset[None], np.ones(1))).kriging_variance
        for offset in points.offsets
    ]
    total = np.zeros(len(targets))
    for i in range(n_points):
        total += weighted[:, i] ** 2 * np.expm1(single[i])
        for j in range(i):
            pair = kriging.predict(targets, drift, PointSum(points.offsets[[i, j]], half)).kriging_variance
            shared = 2.0 * pair - 0.5 * (single[i] + single[j])
            total += 2.0 * weighted[:, i] * weighted[:, j] * np.expm1(shared)
    return np.maximum(total, 0.0)


def _spread_of_all(
    kriging: FittedKriging, targets: np.ndarray, drift: np.ndarray | None, points: PointSum, weighted: np.ndarray
) -> np.ndarray:
    """Do the same in the one system of all samples, whose whitened covariances give every S_ij at once."""
    system = kriging._system
    if not isinstance(system, GlobalSystem):
        raise TypeError("Expected the system of all samples.")
    covariance, samples = system.covariance, system.samples
    columns = [kriging._asked(targets, drift, PointSum(offset[None], np.ones(1)))[1] for offset in points.offsets]
    prior = covariance.between(points.offsets, points.offsets)
    total = np.empty(len(targets))
    for part in system.parts(len(targets)):
        whitened, lacking = [], []
        for offset, at_point in zip(points.offsets, columns):
            between = covariance.between(targets[part] - samples.center + offset, samples.points)
            whitened.append(between @ system.inverse_factor.T)
            lacking.append(at_point[part] @ system.column_factor - whitened[-1] @ system.whitened_columns)
        known, unknown = np.stack(whitened, axis=1), np.stack(lacking, axis=1)
        errors = prior - known @ np.swapaxes(known, 1, 2) + unknown @ np.swapaxes(unknown, 1, 2)
        total[part] = np.einsum("ni,nij,nj->n", weighted[part], np.expm1(errors), weighted[part])
    return np.maximum(total, 0.0)
