"""Compositions and their log-ratios: parts of a whole carry ratios, not amounts.

Kriging parts one by one gives sums that are no whole and correlations that mean nothing (Pawlowsky-Glahn & Olea
2004). Kriging their log-ratios and going back gives positive parts that add up to the whole.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

KINDS = ("clr", "ilr")
"""Log-ratios there are: centred (one a part, they add up to 0) and isometric (one less, orthonormal)."""


def log_ratios(parts: np.ndarray, kind: str = "ilr") -> np.ndarray:
    """Return centred or isometric log-ratios.

    Parameters
    ----------
    parts : ndarray, shape (n, n_parts)
        Above 0, in one unit; closure changes nothing. NaN rows stay NaN.
    kind : str
        Out of `KINDS`.

    Returns
    -------
    ndarray, shape (n, n_parts) for clr, (n, n_parts - 1) for ilr

    Raises
    ------
    InputError
        For fewer than 2 parts, a part of 0 or below (the row is named), or an unknown kind.

    References
    ----------
    Aitchison, J. (1986). The Statistical Analysis of Compositional Data. Egozcue, J. et al. (2003). Isometric
    logratio transformations for compositional data analysis. Math. Geol. 35.

    Examples
    --------
    >>> log_ratios(np.array([[1.0, 1.0, 1.0]]), "ilr") + 0.0
    array([[0., 0.]])
    >>> np.round(log_ratios(np.array([[1.0, np.e**2]]), "clr"), 12)
    array([[-1.,  1.]])
    """
    logarithms = np.log(_checked(parts))
    centred = logarithms - logarithms.mean(axis=1, keepdims=True)
    if kind == "clr":
        return centred
    return centred @ _basis(kind, logarithms.shape[1])


def parts_from_log_ratios(ratios: np.ndarray, kind: str = "ilr", total: float = 1.0) -> np.ndarray:
    """Return the composition of log-ratios.

    Of estimated log-ratios this is the centre of the distribution (the compositional mean), whose parts are
    geometric, not arithmetic, means.

    Parameters
    ----------
    ratios : ndarray, shape (n, n_parts) for clr, (n, n_parts - 1) for ilr
    kind : str
        Out of `KINDS`.
    total : float
        What the parts add up to.

    Returns
    -------
    ndarray, shape (n, n_parts)
        Above 0; NaN where a log-ratio is.

    Raises
    ------
    InputError
        For an unknown kind.
    """
    ratios = np.asarray(ratios, dtype=float)
    logarithms = ratios if kind == "clr" else ratios @ _basis(kind, ratios.shape[1] + 1).T
    # The largest is subtracted so that exp never overflows.
    parts = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return total * parts / parts.sum(axis=1, keepdims=True)


def mean_parts_from_ilr(
    ratios: np.ndarray, variances: np.ndarray, total: float = 1.0, n_nodes: int = 5
) -> np.ndarray:
    """Return the arithmetic mean of the composition of normal, independent isometric log-ratios.

    By a sparse Gauss-Hermite rule: the mean is taken over each coordinate in turn about the others' means, and the
    changes are added (exact to second order in the variances).

    Parameters
    ----------
    ratios, variances : ndarray, shape (n, n_parts - 1)
        Estimates and their kriging variances.
    total : float
    n_nodes : int
        Of the rule, odd.

    Returns
    -------
    ndarray, shape (n, n_parts)
    """
    ratios, variances = np.asarray(ratios, dtype=float), np.asarray(variances, dtype=float)
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    weights = weights / weights.sum()
    centre = parts_from_log_ratios(ratios, "ilr", total)
    mean = centre.copy()
    for column in range(ratios.shape[1]):
        step = np.sqrt(np.maximum(variances[:, column], 0.0))
        for node, weight in zip(nodes, weights):
            moved = ratios.copy()
            moved[:, column] += node * step
            mean += weight * (parts_from_log_ratios(moved, "ilr", total) - centre)
    mean = np.maximum(mean, 0.0)
    return total * mean / mean.sum(axis=1, keepdims=True)


def ratio_names(parts: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return names of log-ratios: ``clr_Fe`` by part, ``ilr_1`` by number."""
    if kind == "clr":
        return tuple(f"clr_{part}" for part in parts)
    return tuple(f"ilr_{number}" for number in range(1, len(parts)))


def _basis(kind: str, n_parts: int) -> np.ndarray:
    """Return the orthonormal Helmert basis: balance i weighs part i + 1 against the parts before it."""
    if kind != "ilr":
        raise InputError(f"Expected log-ratios out of {', '.join(KINDS)}, got {kind!r}.")
    basis = np.zeros((n_parts, n_parts - 1))
    for i in range(1, n_parts):
        basis[:i, i - 1] = 1.0 / i
        basis[i, i - 1] = -1.0
        basis[:, i - 1] *= np.sqrt(i / (i + 1.0))
    return basis


def _checked(parts: np.ndarray) -> np.ndarray:
    parts = np.asarray(parts, dtype=float)
    if parts.ndim != 2 or parts.shape[1] < 2:
        raise InputError(f"Expected compositions of at least 2 parts, got shape {parts.shape}. Choose more fields.")
    bad = np.flatnonzero((parts <= 0).any(axis=1))
    if len(bad):
        raise InputError(
            f"Expected parts above 0, got {parts[bad[0]].min():g} in row {bad[0] + 1} ({len(bad)} such rows). "
            "A ratio to nothing is not defined: replace values below detection first (half of the limit, for example)."
        )
    return parts
