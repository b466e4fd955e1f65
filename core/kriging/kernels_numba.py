"""The moving neighbourhood compiled with numba: the twin of `moving.MovingSystem`'s numpy road.

The only file that imports numba. The same systems are solved in the same order of elimination,
so both roads agree to rounding; a test compares them.
"""

from __future__ import annotations

import numba
import numpy as np

MODEL_CODES = {"spherical": 0, "exponential": 1, "gaussian": 2, "cubic": 3}
"""Number of each model in `solve_tiles`."""

_LANES = 32

# Numbers here are never NaN, and a fused multiply-add only rounds less.
_fast = numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "contract"})


@numba.njit(cache=True, nogil=True)
def _select(values: np.ndarray, n: int, k: int) -> float:
    """Return the k-th smallest (from 0) of the first n values, which are reordered."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@_fast
def _next_below(values: np.ndarray, n: int, bound: float) -> float:
    """Return the largest of the first n values below a bound, -1 where there is none."""
    best = -1.0
    for m in range(n):
        value = values[m] if values[m] < bound else -1.0
        best = value if value > best else best
    return best


@_fast
def _next_above(values: np.ndarray, n: int, bound: float) -> float:
    """Return the smallest of the first n values above a bound."""
    best = 1.7976931348623157e308
    for m in range(n):
        value = values[m] if values[m] > bound else best
        best = value if value < best else best
    return best


@_fast
def _count_up_to(values: np.ndarray, n: int, bound: float) -> int:
    """Return how many of the first n values do not exceed a bound."""
    count = 0
    for m in range(n):
        count += 1 if values[m] <= bound else 0
    return count


@numba.njit(cache=True, nogil=True)
def _kth_smallest(values: np.ndarray, n: int, k: int, guess: float, scratch: np.ndarray) -> float:
    """Return the k-th smallest (from 1) of the first n values, fast where a guess (below 0 for none) is near it."""
    if guess < 0.0:
        for m in range(n):
            scratch[m] = values[m]
        return _select(scratch, n, k - 1)
    bound = _next_above(values, n, guess * (1.0 - 1e-12))
    count = _count_up_to(values, n, bound)
    for _ in range(10):
        if count < k:
            bound = _next_above(values, n, bound)
            count = _count_up_to(values, n, bound)
        else:
            lower = _next_below(values, n, bound)
            fewer = _count_up_to(values, n, lower)
            if fewer < k:
                return bound
            bound, count = lower, fewer
    for m in range(n):
        scratch[m] = values[m]
    return _select(scratch, n, k - 1)


@_fast
def _covariances(
    out: np.ndarray, start: int, place: np.ndarray, first: int, others: np.ndarray, stop: int, distance: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Write the covariances of one point with others[..., start:stop] to out[start:stop].

    ``place`` and ``others`` hold coordinates by frame and axis; ``first`` is the point's column in ``place``.
    """
    for j in range(start, stop):
        out[j] = 0.0
    current = -1
    for term in range(len(models)):
        frame = frames[term]
        if frame != current:
            current = frame
            for j in range(start, stop):
                offset = others[frame, 0, j] - place[frame, 0, first]
                distance[j] = offset * offset
            for axis in range(1, others.shape[1]):
                for j in range(start, stop):
                    offset = others[frame, axis, j] - place[frame, axis, first]
                    distance[j] += offset * offset
            for j in range(start, stop):
                distance[j] = np.sqrt(distance[j])
        psill = psills[term]
        factor = 1.0 / scales[term]
        if models[term] == 0:
            for j in range(start, stop):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                out[j] += psill * (1.0 - r * (1.5 - 0.5 * r * r))
        elif models[term] == 1:
            for j in range(start, stop):
                out[j] += psill * np.exp(-3.0 * distance[j] * factor)
        elif models[term] == 2:
            for j in range(start, stop):
                r = distance[j] * factor
                out[j] += psill * np.exp(-3.0 * r * r)
        else:
            for j in range(start, stop):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                r2 = r * r
                out[j] += psill * (1.0 - r2 * (7.0 - r * (8.75 - r2 * (3.5 - 0.75 * r2))))


@_fast
def _subtract_4(row: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    """Subtract four rows, each times its first element."""
    share_a, share_b, share_c, share_d = a[0], b[0], c[0], d[0]
    for column in range(len(row)):
        row[column] -= (share_a * a[column] + share_b * b[column]) + (share_c * c[column] + share_d * d[column])


@_fast
def _subtract_products_4(out: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Subtract the products of four pairs of rows."""
    for side in range(_LANES):
        out[side] -= (left[0, side] * right[0, side] + left[1, side] * right[1, side]) + (
            left[2, side] * right[2, side] + left[3, side] * right[3, side]
        )


@numba.njit(cache=True, nogil=True)
def solve_tiles(
    candidates: np.ndarray, left_out: np.ndarray, search_targets: np.ndarray, search_points: np.ndarray, limit: int,
    squared_radius: float, target_places: np.ndarray, sample_places: np.ndarray, known: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, sill: float,
    counts: np.ndarray, target: np.ndarray, target_known: np.ndarray, constant_known: np.ndarray,
) -> bool:  # fmt: skip
    """Solve the systems of all targets of some tiles.

    Parameters
    ----------
    candidates : ndarray of int, shape (n_tiles, n_candidates)
        Ascending, padded with n_samples.
    left_out : ndarray of int, shape (n_tiles, n_targets)
        A sample each target may not use; -1 for none.
    search_targets, search_points : ndarray, shape (n_tiles, n_targets, n_dimensions), (n_samples, n_dimensions)
        In the search frame.
    limit : int
    squared_radius : float
    target_places, sample_places : ndarray, shape (n_frames, n_dimensions, n_tiles, n_targets), (n_frames, n_dimensions, n_samples)
        Coordinates in the frames of the covariance.
    known : ndarray, shape (n_samples, n_known)
        The constant, drift scores and values at the samples.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    sill : float
    counts : ndarray of int, shape (n_tiles, n_targets)
        Filled with the number of neighbours.
    target, target_known, constant_known : ndarray, shape (n_lanes,), (n_lanes, n_known), (n_lanes, n_known)
        Filled with dot products in whitened space; n_lanes = n_tiles * n_targets.

    Returns
    -------
    bool
        Whether every system has a unique solution.
    """  # noqa: E501
    n_tiles, n_targets, n_dimensions = search_targets.shape
    n_samples, n_known = known.shape
    n_frames = target_places.shape[0]
    n_candidates = candidates.shape[1]
    width = n_candidates + n_targets + n_known
    squared = np.empty((n_targets, n_candidates))
    nearby = np.empty((n_dimensions, n_candidates))
    scratch = np.empty(n_candidates)
    is_neighbor = np.empty((n_targets, n_candidates), dtype=np.bool_)
    n_using = np.empty(n_candidates, dtype=np.int64)
    used = np.empty(n_candidates, dtype=np.int64)
    system = np.empty((n_candidates, width))
    places = np.empty((n_frames, n_dimensions, n_candidates + n_targets))
    distance = np.empty(n_candidates + n_targets)
    most = min(limit, n_candidates)
    small = np.empty((most + 1 + n_known, most, _LANES))
    own = np.empty((_LANES, most), dtype=np.int64)
    n_own = np.empty(_LANES, dtype=np.int64)
    constant_core = np.empty(n_known)

    for tile in range(n_tiles):
        present = n_candidates
        while present > 0 and candidates[tile, present - 1] >= n_samples:
            present -= 1
        # Neighbours of each target.
        for m in range(present):
            n_using[m] = 0
        for axis in range(n_dimensions):
            for m in range(present):
                nearby[axis, m] = search_points[candidates[tile, m], axis]
        kth = -1.0
        for t in range(n_targets):
            row_squared = squared[t]
            for axis in range(n_dimensions):
                at = search_targets[tile, t, axis]
                row_nearby = nearby[axis]
                if axis == 0:
                    for m in range(present):
                        offset = at - row_nearby[m]
                        row_squared[m] = offset * offset
                else:
                    for m in range(present):
                        offset = at - row_nearby[m]
                        row_squared[m] += offset * offset
            banned = left_out[tile, t]
            if banned >= 0:
                for m in range(present):
                    if candidates[tile, m] == banned:
                        squared[t, m] = np.inf
            bound = squared_radius
            if limit < present:
                kth = _kth_smallest(row_squared, present, limit, kth, scratch)
                bound = min(bound, kth)
            bound = min(bound, 1.7976931348623157e308)
            found = 0
            for m in range(present):
                is_neighbor[t, m] = squared[t, m] <= bound
                found += is_neighbor[t, m]
            if found > limit:
                room = limit
                for m in range(present):
                    if squared[t, m] < bound:
                        room -= 1
                for m in range(present):
                    if squared[t, m] == bound:
                        is_neighbor[t, m] = room > 0
                        room -= 1
                found = limit
            counts[tile, t] = found
            for m in range(present):
                n_using[m] += is_neighbor[t, m]
        # Samples all targets use come first, then those some use.
        n_shared = 0
        for m in range(present):
            if n_using[m] == n_targets:
                used[n_shared] = m
                n_shared += 1
        n_used = n_shared
        for m in range(present):
            if 0 < n_using[m] < n_targets:
                used[n_used] = m
                n_used += 1
        for f in range(n_frames):
            for axis in range(n_dimensions):
                for i in range(n_used):
                    places[f, axis, i] = sample_places[f, axis, candidates[tile, used[i]]]
                for t in range(n_targets):
                    places[f, axis, n_used + t] = target_places[f, axis, tile, t]
        # Upper triangle of [covariances | covariances with targets | known], one row a sample.
        at_known = n_used + n_targets
        for i in range(n_used):
            _covariances(system[i], i + 1, places, i, places, at_known, distance, frames, models, psills, scales)
            system[i, i] = sill
            for g in range(n_known):
                system[i, at_known + g] = known[candidates[tile, used[i]], g]
        smallest = sill * n_used * 2.220446049250313e-16
        # Eliminate the shared samples once for all targets, row by row.
        for i in range(n_used):
            row = system[i, i : at_known + n_known]
            before = min(i, n_shared)
            j = 0
            while j + 4 <= before:
                _subtract_4(
                    row, system[j, i : at_known + n_known], system[j + 1, i : at_known + n_known],
                    system[j + 2, i : at_known + n_known], system[j + 3, i : at_known + n_known],
                )  # fmt: skip
                j += 4
            while j < before:
                other = system[j, i : at_known + n_known]
                share = other[0]
                for column in range(len(row)):
                    row[column] -= share * other[column]
                j += 1
            if i < n_shared:
                pivot = row[0]
                if not pivot > smallest:
                    return False
                factor = 1.0 / np.sqrt(pivot)
                for column in range(len(row)):
                    row[column] *= factor
        for g in range(n_known):
            total = 0.0
            for j in range(n_shared):
                total += system[j, at_known] * system[j, at_known + g]
            constant_core[g] = total
        for t in range(n_targets):
            lane = tile * n_targets + t
            target[lane] = 0.0
            for g in range(n_known):
                target_known[lane, g] = 0.0
                constant_known[lane, g] = constant_core[g]
        lane = tile * n_targets
        for j in range(n_shared):
            for t in range(n_targets):
                value = system[j, n_used + t]
                target[lane + t] += value * value
            for g in range(n_known):
                share = system[j, at_known + g]
                for t in range(n_targets):
                    target_known[lane + t, g] += share * system[j, n_used + t]
        # What remains of each target's own system, a few targets at a time side by side.
        for begin in range(0, n_targets, _LANES):
            widest = 0
            for side in range(_LANES):
                t = min(begin + side, n_targets - 1)
                n = 0
                for i in range(n_shared, n_used):
                    if is_neighbor[t, used[i]]:
                        own[side, n] = i
                        n += 1
                n_own[side] = n
                widest = max(widest, n)
            if widest == 0:
                continue
            for side in range(_LANES):
                t = min(begin + side, n_targets - 1)
                n = n_own[side]
                for i in range(n):
                    a = own[side, i]
                    for j in range(i + 1):
                        small[i, j, side] = system[own[side, j], a]
                    small[widest, i, side] = system[a, n_used + t]
                    for g in range(n_known):
                        small[widest + 1 + g, i, side] = system[a, at_known + g]
                for i in range(n, widest):
                    for j in range(i):
                        small[i, j, side] = 0.0
                    small[i, i, side] = 1.0
                    for g in range(n_known + 1):
                        small[widest + g, i, side] = 0.0
            for j in range(widest):
                for i in range(j, widest + 1 + n_known):
                    out = small[i, j]
                    p = 0
                    while p + 4 <= j:
                        _subtract_products_4(out, small[i, p : p + 4], small[j, p : p + 4])
                        p += 4
                    while p < j:
                        left, right = small[i, p], small[j, p]
                        for side in range(_LANES):
                            out[side] -= left[side] * right[side]
                        p += 1
                for side in range(_LANES):
                    if not small[j, j, side] > smallest:
                        return False
                for side in range(_LANES):
                    small[j, j, side] = 1.0 / np.sqrt(small[j, j, side])
                for i in range(j + 1, widest + 1 + n_known):
                    for side in range(_LANES):
                        small[i, j, side] *= small[j, j, side]
            for side in range(min(_LANES, n_targets - begin)):
                row_out = lane + begin + side
                for j in range(widest):
                    at_target = small[widest, j, side]
                    at_constant = small[widest + 1, j, side]
                    target[row_out] += at_target * at_target
                    for g in range(n_known):
                        at_samples = small[widest + 1 + g, j, side]
                        target_known[row_out, g] += at_target * at_samples
                        constant_known[row_out, g] += at_constant * at_samples
    return True
