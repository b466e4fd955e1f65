"""Vecchia's likelihood compiled: the twin of `core.variogram.whitening.VecchiaLikelihood`.

GROUP terms are factored side by side, one a SIMD lane. Only models without a shape are known here.
"""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .lanes_numba import GROUP, copy_lanes, exact, factorize_group, fast, lane_covariances
from .slopes_numba import slope_ratios

_LEAST_PIVOT = 1e-14


@fast
def _place_pairs(steps: np.ndarray, scaling: np.ndarray, places: np.ndarray, distance: np.ndarray) -> None:
    """Write lag vectors in the frame, and their lengths."""
    x, y, n = steps[0], steps[1], steps.shape[1]
    for s in range(n):
        distance[s] = 0.0
    for axis in range(len(scaling)):
        to = places[axis]
        by_x, by_y = scaling[axis, 0], scaling[axis, 1]
        if len(scaling) == 2:
            for s in range(n):
                to[s] = by_x * x[s] + by_y * y[s]
        else:
            z, by_z = steps[2], scaling[axis, 2]
            for s in range(n):
                to[s] = by_x * x[s] + by_y * y[s] + by_z * z[s]
        for s in range(n):
            distance[s] += to[s] * to[s]
    for s in range(n):
        distance[s] = np.sqrt(distance[s])


@fast
def _solve_transposed(rows: np.ndarray, size: int, sides: np.ndarray) -> None:
    """Solve L'x = b in place, GROUP lanes a row."""
    for p in range(size - 1, -1, -1):
        at = p * size * GROUP
        for side in range(GROUP):
            sides[p, side] /= rows[at + p * GROUP + side]
        for j in range(p):
            for side in range(GROUP):
                sides[j, side] -= rows[at + j * GROUP + side] * sides[p, side]


@fast
def _solve_forward(rows: np.ndarray, size: int, sides: np.ndarray) -> None:
    """Solve L x = b in place, GROUP lanes a row."""
    for j in range(size):
        at = j * size * GROUP
        for p in range(j):
            for side in range(GROUP):
                sides[j, side] -= rows[at + p * GROUP + side] * sides[p, side]
        for side in range(GROUP):
            sides[j, side] /= rows[at + j * GROUP + side]


@fast
def _add_products(total: np.ndarray, left: np.ndarray, right: np.ndarray, size: int) -> None:
    """Add the products of two rows of GROUP lanes after another, lane by lane."""
    for i in range(size):
        for side in range(GROUP):
            total[side] += left[i, side] * right[i, side]


@fast
def _add_moment(places: np.ndarray, weights: np.ndarray, ratio: np.ndarray, n_pairs: int, total: np.ndarray) -> None:
    """Add weight times ratio times ``q q'`` over the lag vectors q, lane by lane: lower triangle, row by row."""
    entry = 0
    for a in range(len(places)):
        along = places[a]
        for b in range(a + 1):
            across, sums = places[b], total[entry]
            for pair in range(n_pairs):
                to = pair * GROUP
                for side in range(GROUP):
                    sums[side] += weights[to + side] * ratio[to + side] * along[to + side] * across[to + side]
            entry += 1


@exact
def whiten_terms(
    steps: np.ndarray, known: np.ndarray, n_terms: int, scaling: np.ndarray, models: np.ndarray, psills: np.ndarray,
    scales: np.ndarray, factors: np.ndarray, lasts: np.ndarray, whitened: np.ndarray, log_deviation: np.ndarray,
) -> bool:  # fmt: skip
    """Factor the covariances of each term's members and whiten drift and values; False where one has no factor.

    Parameters
    ----------
    steps : ndarray, shape (n_groups, n_dimensions, n_pairs * GROUP)
        Lag vectors of the pairs of members: of 1 and 0, of 2 and 0, of 2 and 1 ...; the term itself is the last
        member. Each pair of GROUP terms side by side; in the last group lanes may have no term.
    known : ndarray, shape (n_groups, n_known, size, GROUP)
        Drift and values at the members; 0 without a term.
    n_terms : int
    scaling : ndarray, shape (n_dimensions, n_dimensions)
        To the frame.
    models, psills, scales : ndarray, shape (n_structures,)
        Number of the model, share of the sill 1, range in the frame.
    factors, lasts : ndarray, shape (n_groups, size * size * GROUP), (n_groups, size, GROUP)
        Filled with the factors, row by row, and with the last rows of their inverses.
    whitened, log_deviation : ndarray, shape (n_terms, n_known), (n_terms,)
        Filled.
    """
    n_groups, n_dimensions, wide = steps.shape
    n_known, size = known.shape[1:3]
    places, origin = np.empty((1, n_dimensions, wide)), np.zeros((1, n_dimensions, 1))
    covariances, distance = np.empty(wide), np.empty(wide)
    frames = np.zeros(len(models), dtype=np.int64)
    inverse, ones, total = np.empty(GROUP), np.ones(GROUP), np.empty(GROUP)
    for group in range(n_groups):
        first = group * GROUP
        n = min(GROUP, n_terms - first)
        _place_pairs(steps[group], scaling, places[0], distance)
        lane_covariances(covariances, origin, 0, places, wide, distance, frames, models, psills, scales)
        rows, last = factors[group], lasts[group]
        begin = 0
        for i in range(size):
            to = i * size * GROUP
            copy_lanes(rows[to:], covariances[begin:], i * GROUP)
            rows[to + i * GROUP : to + (i + 1) * GROUP] = 1.0
            begin += i * GROUP
        if not factorize_group(rows, size, size, 0, inverse, ones, _LEAST_PIVOT):
            return False
        last[:] = 0.0
        last[size - 1] = 1.0
        _solve_transposed(rows, size, last)
        for side in range(n):
            log_deviation[first + side] = np.log(rows[(size * size - 1) * GROUP + side])
        for column in range(n_known):
            total[:] = 0.0
            _add_products(total, last, known[group, column], size)
            for side in range(n):
                whitened[first + side, column] = total[side]
    return True


@exact
def sum_pairs(
    steps: np.ndarray, known: np.ndarray, n_terms: int, scaling: np.ndarray, models: np.ndarray, scales: np.ndarray,
    factors: np.ndarray, lasts: np.ndarray, outward: np.ndarray, correlations: np.ndarray, moments: np.ndarray,
) -> None:  # fmt: skip
    """Add up what the derivatives of minus twice the log likelihood follow from, see `trial.Sums`.

    Parameters
    ----------
    steps, known, n_terms, scaling, models, scales, factors, lasts
        As in `whiten_terms`, the factors and last rows filled by it.
    outward : ndarray, shape (n_terms, n_known)
        Derivatives by the whitened drift and values.
    correlations, moments : ndarray, shape (n_structures,), (n_structures, n_dimensions, n_dimensions)
        Filled.
    """
    n_groups, n_dimensions, wide = steps.shape
    n_known, size = known.shape[1:3]
    places, origin = np.empty((1, n_dimensions, wide)), np.zeros((1, n_dimensions, 1))
    weights, values = np.empty(wide), np.empty(wide)
    distance, one, frame = np.empty(wide), np.ones(1), np.zeros(1, dtype=np.int64)
    solution, by_solution, total = np.empty((size, GROUP)), np.empty((size, GROUP)), np.empty(GROUP)
    sums = np.zeros((len(models), GROUP))
    entries = np.zeros((len(models), n_dimensions * (n_dimensions + 1) // 2, GROUP))
    for group in range(n_groups):
        first = group * GROUP
        n = min(GROUP, n_terms - first)
        rows, last = factors[group], lasts[group]
        by_solution[:] = 0.0
        for column in range(n_known):
            for i in range(size):
                for side in range(n):
                    by_solution[i, side] += known[group, column, i, side] * outward[first + side, column]
        total[:] = 0.0
        _add_products(total, by_solution, last, size)
        for side in range(GROUP):
            # A lane without a term has a solution of 0, which takes its weights away.
            deviation = rows[(size * size - 1) * GROUP + side]
            share = 1.0 / deviation if side < n else 0.0
            for i in range(size):
                solution[i, side] = last[i, side] * share
                by_solution[i, side] *= deviation
            by_solution[size - 1, side] -= (0.5 * total[side] + 1.0) * deviation * deviation
        _solve_forward(rows, size, by_solution)
        _solve_transposed(rows, size, by_solution)
        _weigh_pairs(solution, by_solution, size, weights)
        _place_pairs(steps[group], scaling, places[0], distance)
        for structure in range(len(models)):
            model, scale = models[structure : structure + 1], scales[structure : structure + 1]
            slope_ratios(values, distance, wide, 0, frame, model, one, scale)
            _add_moment(places[0], weights, values, wide // GROUP, entries[structure])
        for structure in range(len(models)):
            model, scale = models[structure : structure + 1], scales[structure : structure + 1]
            lane_covariances(values, origin, 0, places, wide, distance, frame, model, one, scale)
            _add_products(sums[structure], weights.reshape(-1, GROUP), values.reshape(-1, GROUP), wide // GROUP)
    for structure in range(len(models)):
        correlations[structure] = sums[structure].sum()
        entry = 0
        for a in range(n_dimensions):
            for b in range(a + 1):
                moments[structure, a, b] = moments[structure, b, a] = entries[structure, entry].sum()
                entry += 1


@fast
def _weigh_pairs(solution: np.ndarray, by_solution: np.ndarray, size: int, weights: np.ndarray) -> None:
    """Write the derivatives by the covariance of each pair of members."""
    to = 0
    for i in range(size):
        for j in range(i):
            for side in range(GROUP):
                weights[to + side] = -(
                    by_solution[i, side] * solution[j, side] + by_solution[j, side] * solution[i, side]
                )
            to += GROUP
