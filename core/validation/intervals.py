"""Prediction intervals that hold: conformal quantiles of errors measured in units of sigma.

A kriging standard deviation orders places by uncertainty well but is often too wide or too
narrow as a whole. The errors ``|observed - predicted| / sigma`` of predictions made without the
sample (leave-one-out) say by how much: their conformal quantile q gives ``estimate +- q sigma``.

References
----------
Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World.
Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113, 1094-1111.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .distance_matching import centres_of, compact_cells

COVERAGES = tuple(float(c) for c in np.round(np.append(np.arange(0.05, 0.951, 0.05), [0.975, 0.99]), 3))
"""Coverages whose quantiles an `IntervalTable` holds; others are interpolated."""

PRIOR_SPREAD = 0.05
"""How far, relatively, the right multiplier of sigma lies from the normal distribution's on field data."""

CELL_SIZES = (4, 16, 64)
"""Places left out together, so that errors are also learned where the nearest samples are missing."""


def normalized_scores(errors: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return |error| / sigma.

    Parameters
    ----------
    errors : ndarray
        Observed - predicted, on the scale of kriging.
    sigma : ndarray, same shape
        Kriging standard deviation of the same predictions; 0 only where the error is 0.

    Returns
    -------
    ndarray, same shape
        Dimensionless; infinite where sigma is 0 and the error is not.

    Raises
    ------
    InputError
        When an error or sigma is NaN, or a sigma below 0.
    """
    errors, sigma = np.abs(np.asarray(errors, dtype=float)), np.asarray(sigma, dtype=float)
    if np.isnan(errors).any() or not (sigma >= 0).all():
        raise InputError(
            "Expected errors without NaN and kriging standard deviations of 0 or above, got "
            f"{int(np.isnan(errors).sum())} NaN errors and {int((~(sigma >= 0)).sum())} unusable standard deviations."
        )
    return np.divide(errors, sigma, out=np.where(errors == 0, 0.0, np.inf), where=sigma > 0)


def conformal_quantile(scores: np.ndarray, coverage: float) -> float:
    """Return the score that a new one stays within with the wanted probability.

    With n exchangeable scores it is the k-th smallest, k = ceil((n + 1) coverage): the (n + 1)
    makes the coverage hold for a new sample, not for the n at hand.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        `normalized_scores` of predictions that did not use the sample.
    coverage : float
        Between 0 and 1, 0.9 for a 90 % interval.

    Returns
    -------
    float
        Multiplier of sigma.

    Raises
    ------
    InputError
        When a score is NaN, the coverage lies outside 0 to 1, or the scores are too few for it:
        k would exceed n, and the honest interval would be infinite.

    Examples
    --------
    >>> conformal_quantile(np.arange(1, 20), 0.9)  # ceil(20 x 0.9) = 18th of 19
    18.0
    """
    scores = np.sort(np.asarray(scores, dtype=float).ravel())
    if not 0 < coverage < 1:
        raise InputError(f"Expected a coverage between 0 and 1, for example 0.9, got {coverage:g}.")
    if np.isnan(scores).any():
        raise InputError(f"Expected scores without NaN, got {int(np.isnan(scores).sum())} NaN of {len(scores)}.")
    # rounding keeps (n + 1) coverage = 18.000000000000004 from asking for the 19th
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    if rank > len(scores):
        needed = math.ceil(round(coverage / (1 - coverage), 9))
        raise InputError(
            f"A {100 * coverage:g} % interval needs at least {needed} errors to learn from, got {len(scores)}. "
            "Ask for a lower coverage, or add samples."
        )
    return float(scores[rank - 1])


def highest_coverage(n_scores: int) -> float:
    """Return the highest coverage that n scores can vouch for, n / (n + 1)."""
    return n_scores / (n_scores + 1)


@dataclass(frozen=True)
class IntervalTable:
    """Multipliers of sigma for several coverages, from held-out scores.

    Parameters
    ----------
    coverages, quantiles : ndarray, shape (n_coverages,)
        Ascending.
    far_quantiles : ndarray, shape (n_coverages,), or None
        As far from samples as blocks left out are, where ``quantiles`` are those near samples; None: the same.
    """

    coverages: np.ndarray
    quantiles: np.ndarray
    far_quantiles: np.ndarray | None = None

    @classmethod
    def from_scores(cls, *sets: np.ndarray, n_independent: int | None = None) -> IntervalTable:
        """Calibrate on sets of scores |error| / sigma.

        A quantile is the mean over the sets of their conformal quantiles: each set (left out singly, in
        compact cells, by blocks) answers its own question, and repeating a sample in several sets must not
        pretend to more samples. Few scores tell a quantile poorly: 125 of them the one for 90 % to 8 %.
        So it is drawn toward the normal distribution's, as much as its standard error demands where the
        two differ by no more than that error and `PRIOR_SPREAD` explain, and hardly where they differ by more.

        Parameters
        ----------
        sets : ndarray, shape (n_scores,)
            `normalized_scores`.
        n_independent : int or None
            Samples that count for the standard error; fewer than scores where whole holes are left out.
            None: the size of the smallest set.

        Raises
        ------
        InputError
            When there are no scores.
        """
        from scipy.special import ndtri

        smallest = min((len(scores) for scores in sets), default=0)
        coverages = np.array([wanted for wanted in COVERAGES if wanted <= highest_coverage(smallest)])
        if len(coverages) == 0:
            raise InputError("Intervals need at least one held-out error; got none.")
        found = np.mean([[conformal_quantile(scores, wanted) for wanted in coverages] for scores in sets], axis=0)
        normal = ndtri(0.5 * (1.0 + coverages))
        density = math.sqrt(2.0 / math.pi) * np.exp(-0.5 * normal**2)  # of |N(0, 1)|
        n = smallest if n_independent is None else n_independent
        error = coverages * (1.0 - coverages) / n / density**2
        with np.errstate(invalid="ignore"):
            spread = np.maximum((PRIOR_SPREAD * normal) ** 2, (found - normal) ** 2 - error)
            trust = np.where(np.isinf(spread), 1.0, spread / (spread + error))
        quantiles = trust * found + (1.0 - trust) * normal
        return cls(coverages, np.maximum.accumulate(quantiles))

    @classmethod
    def near_and_far(cls, near: np.ndarray, far: Sequence[np.ndarray], tells_remoteness: bool = True) -> IntervalTable:
        """Calibrate on scores of samples left out singly and, far from samples, on those of blocks left out.

        Kriging may be too sure between samples and not in gaps, or the other way round. Of 132 cross-validations 18
        had fewer or more samples inside than 88 to 92 % (below 300 samples 85 to 95 %) with one table, 11 with this.

        Parameters
        ----------
        near : ndarray, shape (n_scores,)
        far : sequence of ndarray, shape (n_scores,)
            Each as in `from_scores`.
        tells_remoteness : bool
            Whether places near samples can be told from those far from them; if not, all scores make one table.
        """
        if not tells_remoteness:
            return cls.from_scores(near, *far)
        own, other = cls.from_scores(near), cls.from_scores(*far)
        n = min(len(own.coverages), len(other.coverages))
        return cls(own.coverages[:n], own.quantiles[:n], other.quantiles[:n])

    def multiplier(self, coverage: np.ndarray | float, remoteness: np.ndarray | None = None) -> np.ndarray:
        """Return the multiplier of sigma for coverages between 0 and 1.

        Between the table's coverages it is interpolated on the normal scale; beyond the highest one, which few
        samples cannot vouch for, it grows like a normal distribution's.

        Parameters
        ----------
        coverage : ndarray or float
        remoteness : ndarray or None
            How far from samples places are, 0 to 1, of a shape that goes with that of the coverages; None: 0.

        Raises
        ------
        InputError
            For a coverage that is not between 0 and 1.
        """
        from scipy.special import ndtri

        wanted = np.asarray(coverage, dtype=float)
        if not ((wanted > 0) & (wanted < 1)).all():
            raise InputError(f"Expected a coverage between 0 and 1, for example 0.9, got {coverage}.")
        normal = np.append(0.0, ndtri(0.5 * (1.0 + self.coverages)))
        z = ndtri(0.5 * (1.0 + wanted))

        def at_wanted(known: np.ndarray) -> np.ndarray:
            quantiles = np.append(0.0, known)
            return np.where(z > normal[-1], quantiles[-1] * z / normal[-1], np.interp(z, normal, quantiles))

        near = at_wanted(self.quantiles)
        if remoteness is None or self.far_quantiles is None:
            return near
        far = at_wanted(self.far_quantiles)
        with np.errstate(invalid="ignore"):  # an infinite one counts only where it has a share
            between = (1.0 - remoteness) * near + remoteness * far
        return np.where(remoteness <= 0, near, np.where(remoteness >= 1, far, between))

    def reach(self, levels: np.ndarray, remoteness: np.ndarray | None = None) -> np.ndarray:
        """Return the signed multipliers of sigma at which the quantiles of these probabilities lie.

        Parameters
        ----------
        levels : ndarray, shape (n_levels,)
        remoteness : ndarray, shape (n, 1), or None
            As in `multiplier`; with it the shape returned is (n, n_levels).

        Examples
        --------
        >>> IntervalTable(np.array([0.9]), np.array([2.0])).reach(np.array([0.05, 0.95]))
        array([-2.,  2.])
        """
        return np.sign(levels - 0.5) * self.multiplier(np.abs(2.0 * levels - 1.0), remoteness)

    def to_dict(self) -> dict:
        """Return the JSON object of the table."""
        far = {} if self.far_quantiles is None else {"far_quantiles": self.far_quantiles.tolist()}
        return {"coverages": self.coverages.tolist(), "quantiles": self.quantiles.tolist(), **far}

    @classmethod
    def from_dict(cls, content: Mapping[str, Sequence[float]]) -> IntervalTable:
        """Read what `to_dict` wrote; older files know nothing of places far from samples.

        Raises
        ------
        InputError
            When it is no table: coverages that do not rise between 0 and 1, not a multiplier of 0 or above for each.
        """
        keys = ("coverages", "quantiles", *(("far_quantiles",) if "far_quantiles" in content else ()))
        coverages, *multipliers = (np.array(content[key], dtype=float) for key in keys)
        is_table = coverages.ndim == 1 and len(coverages) > 0 and (np.diff(coverages, prepend=0, append=1) > 0).all()
        if not is_table or not all(row.shape == coverages.shape and (row >= 0).all() for row in multipliers):
            raise InputError("expected an interval table: rising coverages, and a multiplier of 0 or above for each.")
        return cls(coverages, *multipliers)


def left_out_together(coordinates: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    """Return the partitions whose cells are left out at once to learn intervals from.

    First every place or hole alone; then compact cells of `CELL_SIZES` places. Without the others of
    its cell a sample's nearest neighbours are missing, as they are where a map is far from samples: the
    errors are learned at all the distances that predictions meet.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
        Cells are compact in plan.
    groups : ndarray of int, shape (n_samples,)
        Samples that never part, numbered from 0.

    Returns
    -------
    list of ndarray of int, shape (n_samples,)
        As many as leave at least three cells.
    """
    centres = centres_of(coordinates, groups)
    cells = [compact_cells(centres, size) for size in CELL_SIZES if 3 * size <= len(centres)]
    return [groups, *(cell[groups] for cell in cells)]
