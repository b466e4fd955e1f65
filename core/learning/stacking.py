"""Weights of the stack: on the simplex, drawn toward an even mixture, from held-out errors.

Three steps, each against a way in which stacks lose to kriging:

1. *A drift has to be credible.* Each base with a drift is pulled to kriging by the share of the drift's effect that
   may be chance (`core.kriging.evidence`): external drift to ordinary kriging, a learned drift to what is left of the
   external one, since doubt about a forest is none about a straight line in the covariates. Covariates that are
   noise, and a network that learned nothing, lose their weight here, whatever their held-out errors happen to be.
2. *Held-out errors cannot tell good bases apart.* They are too few and too alike, and they favour kriging: it keeps
   variogram and drift from all samples, while a learned drift at a held-out sample comes from a part of the trees or
   networks, grown on a part of the samples. An even mixture, to which the weights are drawn, predicts better than
   weights fitted freely (block folds of jura and meuse: 0.960 of the better kriging with a ridge of 0.5, 0.964 with
   0.2; even weights 0.959). Only a base that is clearly worse starts with less.
3. *Errors decide the rest*, of samples left out singly and in clusters: those of the means in data units, in which
   the estimate is a linear pool of the bases and is judged. Errors of logarithms know little of the largest values
   (25 runs on meuse, jura and sic97, relative to the better kriging: 0.979 on logarithms and 0.975 in data units,
   with weights from errors of logarithms 0.981 and 0.978). Near samples those of samples left out singly count, far
   from them those of clusters (37 runs: 0.980 on logarithms and 0.977 in data units; with one set of weights for all
   places 0.981 and 0.985).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..errors import InputError

RIDGE = 0.5
"""Default pull toward the prior, in units of kriging's mean squared error."""

_CONTRAST = 3.0
"""The prior of a base falls by a factor e for every third by which its mean squared error is higher."""

OUTLIER = 5.0
"""Errors of samples left out singly count up to so many standard deviations of kriging's."""

_NEGLIGIBLE = 0.02
"""A weight below this is set to 0."""


@dataclass(frozen=True)
class Stack:
    """Weights of one target's bases and what the held-out errors say about them.

    Parameters
    ----------
    weights : ndarray, shape (n_bases,)
        At least 0, sum 1; where there are two, those near samples.
    reference : int
        The better kriging base, against which gains are counted.
    rmse_ratio : float
        Root of the stack's mean squared error over the reference's, mean over the sets of errors; an inner
        estimate, optimistic by the fitting of the weights.
    gain, gain_error : float
        Relative reduction of the mean squared error and its standard error over groups of samples.
    far_weights : ndarray, shape (n_bases,)
        Weights far from samples.
    """

    weights: np.ndarray
    reference: int
    rmse_ratio: float
    gain: float
    gain_error: float
    far_weights: np.ndarray

    @property
    def within_noise(self) -> bool:
        """Whether the gain over kriging is no more than twice its standard error."""
        return self.gain <= 2.0 * self.gain_error


def stack_weights(
    errors: Sequence[np.ndarray],
    kriging: Sequence[int],
    groups: np.ndarray,
    credible: np.ndarray | None = None,
    shares: np.ndarray | None = None,
    ridge: float = RIDGE,
) -> Stack:
    """Find the weights of least squared held-out error.

    Every set of errors (leave-one-out, leave-cluster-out) is divided by the mean squared error of the better
    kriging base in it, so that each question counts the same.

    Parameters
    ----------
    errors : sequence of ndarray, shape (n_samples, n_bases)
        Observed - predicted, in the units in which the stack is judged, each sample predicted without itself or its
        cluster. The first base is ordinary kriging.
    kriging : sequence of int
        Columns of the kriging bases whose drift, if any, is not learned.
    groups : ndarray of int, shape (n_samples,)
        Clusters for the standard error.
    credible : ndarray, shape (n_bases,), or None
        Share, 0 to 1, by which each base may leave what it is pulled to; None for 1.
    shares : ndarray, shape (n_bases,), or None
        Of the prior; None for even ones.
    ridge : float
        Pull toward the prior, in units of kriging's mean squared error.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        When an error is not finite or no kriging base is named.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stack = stack_weights([rng.normal(size=(200, 2))], [0], np.arange(200))
    >>> 0.4 < stack.weights[0] < 0.6 and abs(stack.weights.sum() - 1) < 1e-12
    True
    >>> stack_weights([rng.normal(size=(200, 2))], [0], np.arange(200), np.array([1.0, 0.0])).weights.tolist()
    [1.0, 0.0]
    """
    if not len(kriging) or not all(np.isfinite(rows).all() for rows in errors):
        raise InputError("Expected finite errors of every base and at least one kriging base.")
    n_bases = errors[0].shape[1]
    pull = np.ones(n_bases) if credible is None else np.asarray(credible, dtype=float)
    mse, reference = _better_kriging(errors, kriging)
    scale = np.maximum(mse[:, reference], 1e-300)
    pulled = _pulled(pull, kriging)
    products = np.mean([pulled.T @ rows.T @ rows @ pulled / len(rows) / s for rows, s in zip(errors, scale)], axis=0)
    merit = np.exp(-_CONTRAST * (products.diagonal() - products.diagonal().min()))
    prior = merit if shares is None else merit * shares
    # What a base may not say goes to what it is pulled to.
    weights = pulled @ _simplex_minimum(products, prior / prior.sum(), ridge)
    weights = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    weights[0] += 1.0 - weights.sum()
    return judged_stack(errors, kriging, groups, [weights] * len(errors))


def stack_near_and_far(
    errors: Sequence[np.ndarray],
    kriging: Sequence[int],
    groups: np.ndarray,
    credible: np.ndarray | None = None,
    shares: np.ndarray | None = None,
    ridge: float = RIDGE,
) -> Stack:
    """Find weights for places near samples and for places far from them; parameters as in `stack_weights`.

    The first set of errors, of samples left out singly, tells of the former, the others, of blocks left out, of the
    latter. Of samples left out singly there is one set only, in which a few rich samples may be all that counts: errors
    beyond `OUTLIER` deviations of kriging's are cut to that.
    """
    near = stack_weights([without_outliers(errors[0], kriging)], kriging, groups, credible, shares, ridge).weights
    far = stack_weights(errors[1:], kriging, groups, credible, shares, ridge).weights
    return judged_stack(errors, kriging, groups, [near, *[far] * len(errors[1:])])


def without_outliers(errors: np.ndarray, kriging: Sequence[int]) -> np.ndarray:
    """Return errors cut at `OUTLIER` standard deviations of the kriging bases', by the median of their absolute errors.

    Where most values are alike, say 0, that is next to nothing: never cut below twice the root of their mean square.

    Parameters
    ----------
    errors : ndarray, shape (n_samples, n_bases)
    kriging : sequence of int
        Columns of the kriging bases.

    Returns
    -------
    ndarray, shape (n_samples, n_bases)
    """
    own = np.abs(errors[:, list(kriging)])
    largest = max(OUTLIER * 1.4826 * float(np.median(own)), 2.0 * float(np.sqrt(np.mean(own**2))))
    return np.clip(errors, -largest, largest)


def judged_stack(
    errors: Sequence[np.ndarray], kriging: Sequence[int], groups: np.ndarray, weights: Sequence[np.ndarray]
) -> Stack:
    """Say what held-out errors tell of weights, whatever these were found from.

    Parameters
    ----------
    errors, kriging, groups
        See `stack_weights`.
    weights : sequence of ndarray, shape (n_bases,)
        One for each set of errors: the first are those near samples, the last those far from them.
    """
    mse, reference = _better_kriging(errors, kriging)
    scale = np.maximum(mse[:, reference], 1e-300)
    stacked = [rows @ own for rows, own in zip(errors, weights)]
    gain, gain_error = _gain(errors, scale, stacked, reference, groups)
    ratio = np.mean([np.sqrt(np.mean(rows**2) / s) for rows, s in zip(stacked, scale)])
    return Stack(weights[0], reference, float(ratio), gain, gain_error, weights[-1])


def _pulled(credible: np.ndarray, kriging: Sequence[int]) -> np.ndarray:
    """Return what each base says when it is pulled, as weights of the bases: one column a base."""
    pulled = np.diag(credible)
    pulled[0] += 1.0 - credible
    # A learned drift is pulled to the kriging that knows most: the last one, pulled itself.
    learned = np.setdiff1d(np.arange(len(credible)), kriging)
    for base in learned:
        pulled[:, base] = (1.0 - credible[base]) * pulled[:, kriging[-1]]
        pulled[base, base] += credible[base]
    return pulled


def _better_kriging(errors: Sequence[np.ndarray], kriging: Sequence[int]) -> tuple[np.ndarray, int]:
    """Return mean squared errors, shape (n_sets, n_bases), and the column of the better kriging over all sets."""
    mse = np.stack([np.mean(rows**2, axis=0) for rows in errors])
    own = mse[:, list(kriging)]
    relative = own / np.maximum(own.min(axis=1, keepdims=True), 1e-300)
    return mse, int(kriging[int(np.argmin(relative.mean(axis=0)))])


def _gain(
    errors: Sequence[np.ndarray],
    scale: np.ndarray,
    stacked: Sequence[np.ndarray],
    reference: int,
    groups: np.ndarray,
) -> tuple[float, float]:
    """Relative gain in mean squared error over the reference, and its standard error between groups."""
    difference = np.mean(
        [(rows[:, reference] ** 2 - own**2) / s for rows, own, s in zip(errors, stacked, scale)], axis=0
    )
    gain = float(difference.mean())
    _, group = np.unique(groups, return_inverse=True)
    totals = np.bincount(group.reshape(-1), weights=difference - gain)
    n_groups = len(totals)
    if n_groups < 2:
        return gain, np.inf
    return gain, float(np.sqrt(n_groups / (n_groups - 1) * np.sum(totals**2)) / len(difference))


def _simplex_minimum(products: np.ndarray, prior: np.ndarray, ridge: float) -> np.ndarray:
    """Minimise w'Aw + ridge |w - prior|^2 on the simplex, exactly, by trying every support (few bases)."""
    n = len(prior)
    matrix = products + ridge * np.eye(n)
    best, lowest = prior, np.inf
    for size in range(1, n + 1):
        for support in combinations(range(n), size):
            rows = list(support)
            # The border is the constraint that the weights sum to 1.
            system = np.zeros((size + 1, size + 1))
            system[:size, :size] = matrix[np.ix_(rows, rows)]
            system[:size, size] = system[size, :size] = 1.0
            solution = np.linalg.lstsq(system, np.append(ridge * prior[rows], 1.0), rcond=None)[0][:size]
            if (solution < -1e-12).any():
                continue
            weights = np.zeros(n)
            weights[rows] = np.maximum(solution, 0.0)
            merit = weights @ matrix @ weights - 2.0 * ridge * weights @ prior
            if merit < lowest - 1e-15:
                best, lowest = weights, merit
    return best
