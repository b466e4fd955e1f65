"""Weights of the stack: on the simplex, drawn toward a prior that is mostly kriging, from held-out errors.

Held-out errors favour kriging over bases with a network: kriging keeps the variogram and the shape of its drift
from all samples, while the network's drift at a held-out sample comes from a fraction of the ensemble, trained on
a part of the samples. Measured on jura and meuse, kriging with the network's drift looked 3 to 20 % worse than the
better kriging inside a training fold and was 2 % worse to 2 % better outside. So the prior gives the networks a
share, and the held-out errors move the weights away from it; a share too much costs little, as the bases'
errors are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..errors import InputError

RIDGE = 0.2
"""Default pull toward the prior, in units of kriging's mean squared error."""

NETWORK_SHARE = 0.3
"""Prior weight of all bases with a network together."""

_CONTRAST = 10.0
"""The prior between kriging bases falls by a factor e for every 1 / 10 in relative mean squared error."""

_NEGLIGIBLE = 0.02
"""A weight below this is set to 0."""


@dataclass(frozen=True)
class Stack:
    """Weights of one target's bases and what the held-out errors say about them.

    Parameters
    ----------
    weights : ndarray, shape (n_bases,)
        At least 0, sum 1.
    reference : int
        The better kriging base, against which gains are counted.
    rmse_ratio : float
        Root of the stack's mean squared error over the reference's, mean over the sets of errors; an inner
        estimate, optimistic by the fitting of the weights.
    gain, gain_error : float
        Relative reduction of the mean squared error and its standard error over groups of samples.
    """

    weights: np.ndarray
    reference: int
    rmse_ratio: float
    gain: float
    gain_error: float

    @property
    def within_noise(self) -> bool:
        """Whether the gain over kriging is no more than twice its standard error."""
        return self.gain <= 2.0 * self.gain_error


def stack_weights(
    errors: Sequence[np.ndarray],
    kriging: Sequence[int],
    groups: np.ndarray,
    allowed: np.ndarray | None = None,
    ridge: float = RIDGE,
) -> Stack:
    """Find the weights of least squared held-out error.

    Every set of errors (leave-one-out, leave-cluster-out) is divided by the mean squared error of the better
    kriging base in it, so that each question counts the same. The ridge pulls toward the prior: `NETWORK_SHARE` for
    the bases with a network, the rest for the kriging bases, the better the more.

    Parameters
    ----------
    errors : sequence of ndarray, shape (n_samples, n_bases)
        Observed - predicted, on the transformed scale, each sample predicted without itself or its cluster.
    kriging : sequence of int
        Columns of the kriging bases that need no network.
    groups : ndarray of int, shape (n_samples,)
        Clusters for the standard error.
    allowed : ndarray of bool, shape (n_bases,), or None
        Bases that may have a weight.
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
    >>> noise = rng.normal(size=(200, 2))
    >>> stack = stack_weights([np.column_stack([noise[:, 0], noise[:, 1] + noise[:, 0] * 0.0])], [0], np.arange(200))
    >>> 0.3 < stack.weights[0] < 0.8 and abs(stack.weights.sum() - 1) < 1e-12
    True
    """
    if not len(kriging) or not all(np.isfinite(rows).all() for rows in errors):
        raise InputError("Expected finite errors of every base and at least one kriging base.")
    n_bases = errors[0].shape[1]
    usable = np.ones(n_bases, dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    candidates = [index for index in kriging if usable[index]]
    mse = np.stack([np.mean(rows**2, axis=0) for rows in errors])
    relative = mse / np.maximum(mse[:, candidates].min(axis=1, keepdims=True), 1e-300)
    reference = candidates[int(np.argmin(relative[:, candidates].mean(axis=0)))]
    scale = np.maximum(mse[:, reference], 1e-300)
    products = np.mean([rows.T @ rows / len(rows) / s for rows, s in zip(errors, scale)], axis=0)
    prior = _prior(relative.mean(axis=0), candidates, usable)
    support = np.flatnonzero(usable)
    weights = np.zeros(n_bases)
    inner = _simplex_minimum(products[np.ix_(support, support)], prior[support], ridge)
    weights[support] = inner
    weights = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    weights /= weights.sum()
    gain, gain_error = _gain(errors, scale, weights, reference, groups)
    ratio = np.mean([np.sqrt(np.mean((rows @ weights) ** 2) / s) for rows, s in zip(errors, scale)])
    return Stack(weights, reference, float(ratio), gain, gain_error)


def _prior(relative: np.ndarray, kriging: Sequence[int], usable: np.ndarray) -> np.ndarray:
    """Weights to shrink to: `NETWORK_SHARE` among the other bases, the rest among kriging by relative error."""
    merit = np.zeros(len(relative))
    merit[kriging] = np.exp(-_CONTRAST * (relative[kriging] - 1.0))
    others = usable.copy()
    others[kriging] = False
    share = NETWORK_SHARE if others.any() else 0.0
    return (1.0 - share) * merit / merit.sum() + share * others / max(others.sum(), 1)


def _gain(
    errors: Sequence[np.ndarray], scale: np.ndarray, weights: np.ndarray, reference: int, groups: np.ndarray
) -> tuple[float, float]:
    """Relative gain in mean squared error over the reference, and its standard error between groups."""
    difference = np.mean(
        [(rows[:, reference] ** 2 - (rows @ weights) ** 2) / s for rows, s in zip(errors, scale)], axis=0
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
