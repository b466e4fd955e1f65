"""Kriging compiled with numba: the twins of the numpy roads of `moving.MovingSystem` and `system.GlobalSystem`.

The only file that imports numba. The same systems are solved in the same way, so both roads
agree to rounding; a test compares them.
"""

from __future__ import annotations

import numba
import numpy as np

MODEL_CODES = {"spherical": 0, "exponential": 1, "gaussian": 2, "cubic": 3}
"""Number of each model in the kernels."""

CompilationError = numba.core.errors.NumbaError
"""What a kernel raises that does not compile."""

_LANES = 32
_WIDTH = 256

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


@_fast
def _exponentials(values: np.ndarray, doubled: np.ndarray, bits: np.ndarray, n: int) -> None:
    """Replace the first n values, 0 or below, by their exponentials; ``bits`` is ``doubled`` seen as integers.

    Written out, to 1 ulp, because LLVM alone does not vectorise the library's function.
    """
    for j in range(n):
        values[j] = values[j] if values[j] > -700.0 else -700.0
        # Adding 1.5 * 2^52 leaves the nearest whole number in the last bits.
        doubled[j] = values[j] * 1.4426950408889634 + 6755399441055744.0
    for j in range(n):
        whole = doubled[j] - 6755399441055744.0
        r = (values[j] - whole * 0.6931471803691238) - whole * 1.9082149292705877e-10
        series = 1.0 / 6227020800.0
        series = series * r + 1.0 / 479001600.0
        series = series * r + 1.0 / 39916800.0
        series = series * r + 1.0 / 3628800.0
        series = series * r + 1.0 / 362880.0
        series = series * r + 1.0 / 40320.0
        series = series * r + 1.0 / 5040.0
        series = series * r + 1.0 / 720.0
        series = series * r + 1.0 / 120.0
        series = series * r + 1.0 / 24.0
        series = series * r + 1.0 / 6.0
        series = series * r + 0.5
        series = series * r + 1.0
        values[j] = series * r + 1.0
    for j in range(n):
        bits[j] = ((bits[j] & 4095) + 1023) << 52
    for j in range(n):
        values[j] *= doubled[j]


@_fast
def _lane_covariances(
    out: np.ndarray, sample: int, sample_places: np.ndarray, places: np.ndarray, n: int, distance: np.ndarray,
    part: np.ndarray, doubled: np.ndarray, bits: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Write the covariances of one sample with n targets to out[:n]."""
    if len(models) == 1 and models[0] == 0 and sample_places.shape[1] == 2:
        # One pass for what is most common.
        x, y = sample_places[0, 0, sample], sample_places[0, 1, sample]
        along, across = places[0, 0], places[0, 1]
        psill, factor = psills[0], 1.0 / scales[0]
        for j in range(n):
            a, b = along[j] - x, across[j] - y
            r = np.sqrt(a * a + b * b) * factor
            r = r if r < 1.0 else 1.0
            out[j] = psill * (1.0 - r * (1.5 - 0.5 * r * r))
        return
    current = -1
    for term in range(len(models)):
        frame = frames[term]
        if frame != current:
            current = frame
            x, y = sample_places[frame, 0, sample], sample_places[frame, 1, sample]
            along, across = places[frame, 0], places[frame, 1]
            if sample_places.shape[1] == 2:
                for j in range(n):
                    a, b = along[j] - x, across[j] - y
                    distance[j] = np.sqrt(a * a + b * b)
            else:
                z = sample_places[frame, 2, sample]
                up = places[frame, 2]
                for j in range(n):
                    a, b, c = along[j] - x, across[j] - y, up[j] - z
                    distance[j] = np.sqrt(a * a + b * b + c * c)
        psill = psills[term]
        factor = 1.0 / scales[term]
        target = out if term == 0 else part
        if models[term] == 0:
            for j in range(n):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                target[j] = psill * (1.0 - r * (1.5 - 0.5 * r * r))
        elif models[term] == 3:
            for j in range(n):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                r2 = r * r
                target[j] = psill * (1.0 - r2 * (7.0 - r * (8.75 - r2 * (3.5 - 0.75 * r2))))
        else:
            if models[term] == 1:
                for j in range(n):
                    target[j] = -3.0 * factor * distance[j]
            else:
                for j in range(n):
                    r = distance[j] * factor
                    target[j] = -3.0 * r * r
            _exponentials(target, doubled, bits, n)
            for j in range(n):
                target[j] *= psill
        if term > 0:
            for j in range(n):
                out[j] += part[j]


@_fast
def _add_products_16(out: np.ndarray, matrix: np.ndarray, i: int, j: int, lanes: np.ndarray, n: int) -> None:
    """Add matrix[i:i+4, j:j+4] @ lanes[j:j+4] to the four rows of ``out``, both in one dimension.

    Rows of a known length: the compiler sees that they do not overlap.
    """
    a0, a1, a2, a3 = matrix[i, j], matrix[i, j + 1], matrix[i, j + 2], matrix[i, j + 3]
    b0, b1, b2, b3 = matrix[i + 1, j], matrix[i + 1, j + 1], matrix[i + 1, j + 2], matrix[i + 1, j + 3]
    c0, c1, c2, c3 = matrix[i + 2, j], matrix[i + 2, j + 1], matrix[i + 2, j + 2], matrix[i + 2, j + 3]
    d0, d1, d2, d3 = matrix[i + 3, j], matrix[i + 3, j + 1], matrix[i + 3, j + 2], matrix[i + 3, j + 3]
    rows = lanes[j * _WIDTH : (j + 4) * _WIDTH]
    for s in range(n):
        p, q, u, v = rows[s], rows[_WIDTH + s], rows[2 * _WIDTH + s], rows[3 * _WIDTH + s]
        out[s] = (((out[s] + a0 * p) + a1 * q) + a2 * u) + a3 * v
        out[_WIDTH + s] = (((out[_WIDTH + s] + b0 * p) + b1 * q) + b2 * u) + b3 * v
        out[2 * _WIDTH + s] = (((out[2 * _WIDTH + s] + c0 * p) + c1 * q) + c2 * u) + c3 * v
        out[3 * _WIDTH + s] = (((out[3 * _WIDTH + s] + d0 * p) + d1 * q) + d2 * u) + d3 * v


@_fast
def _add_products_4(out: np.ndarray, row: np.ndarray, j: int, lanes: np.ndarray, n: int) -> None:
    """Add row[j:j+4] @ lanes[j:j+4] to ``out``."""
    a0, a1, a2, a3 = row[j], row[j + 1], row[j + 2], row[j + 3]
    row_0, row_1, row_2, row_3 = lanes[j], lanes[j + 1], lanes[j + 2], lanes[j + 3]
    for s in range(n):
        out[s] = (((out[s] + a0 * row_0[s]) + a1 * row_1[s]) + a2 * row_2[s]) + a3 * row_3[s]


@_fast
def _add_squares(out: np.ndarray, a: np.ndarray, b: np.ndarray, n: int) -> None:
    """Add the products of four rows, element by element."""
    for s in range(n):
        out[s] += (a[0, s] * b[0, s] + a[1, s] * b[1, s]) + (a[2, s] * b[2, s] + a[3, s] * b[3, s])


@_fast
def sort_into_cubes(points: np.ndarray, origin: np.ndarray, side: float, shape: np.ndarray) -> tuple:
    """Sort points by the cube they lie in.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
    origin : ndarray, shape (n_dimensions,)
        Lower corner of the first cube.
    side : float
    shape : ndarray of int, shape (n_dimensions,)
        Number of cubes along each axis.

    Returns
    -------
    order : ndarray of int, shape (n_points,)
    starts : ndarray of int, shape (n_cubes + 1,)
    """
    n_points, n_dimensions = points.shape
    n_cubes = 1
    for axis in range(n_dimensions):
        n_cubes *= shape[axis]
    cube_of = np.empty(n_points, dtype=np.int64)
    starts = np.zeros(n_cubes + 1, dtype=np.int64)
    for i in range(n_points):
        cube = 0
        for axis in range(n_dimensions):
            place = int((points[i, axis] - origin[axis]) / side)
            cube = cube * shape[axis] + min(place, shape[axis] - 1)
        cube_of[i] = cube
        starts[cube + 1] += 1
    for cube in range(n_cubes):
        starts[cube + 1] += starts[cube]
    following = starts.copy()
    order = np.empty(n_points, dtype=np.int64)
    for i in range(n_points):
        order[following[cube_of[i]]] = i
        following[cube_of[i]] += 1
    return order, starts


@numba.njit(cache=True, nogil=True)
def whiten_tiles(
    order: np.ndarray, starts: np.ndarray, target_places: np.ndarray, sample_places: np.ndarray, supports: np.ndarray,
    matrix: np.ndarray, is_factor: bool, rows_wanted: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    quadratic: np.ndarray, products: np.ndarray,
) -> None:  # fmt: skip
    """Reduce the covariances c of each target with the samples to a quadratic form and some products.

    Parameters
    ----------
    order, starts : ndarray of int
        Targets by tile, as `sort_into_cubes` gives them.
    target_places : ndarray, shape (n_frames, n_targets, n_dimensions)
    sample_places : ndarray, shape (n_frames, n_dimensions, n_samples)
    supports : ndarray, shape (n_frames,)
        Distance in each frame beyond which c is 0.
    matrix : ndarray, shape (n, n)
        Lower triangular, padded with zeros to a multiple of 4.
    is_factor : bool
        Whether the quadratic form is ``|matrix c|^2``, with all samples, or ``c' matrix c``, with those
        within the support of some target of the tile.
    rows_wanted : ndarray, shape (n_rows, n)
        Padded likewise; their products with c are wanted.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    quadratic : ndarray, shape (n_targets,)
    products : ndarray, shape (n_rows, n_targets)
        Filled; 0 before.
    """
    n_frames, n_dimensions, n_samples = sample_places.shape
    n_rows = len(rows_wanted)
    near = np.arange(n_samples)
    is_near = np.zeros(n_samples, dtype=np.bool_)
    center = np.empty(n_dimensions)
    n_near = n_samples
    size = len(matrix)
    own_matrix, own_rows = matrix, rows_wanted
    if not is_factor:
        own_matrix, own_rows = np.empty((0, 0)), np.empty((n_rows, 0))
    covariances = np.empty((size if is_factor else 64, _WIDTH))
    places = np.empty((n_frames, n_dimensions, _WIDTH))
    distance, part, doubled = np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH)
    bits = doubled.view(np.int64)
    sums = np.empty((4, _WIDTH))
    flat, flat_sums = covariances.reshape(-1), sums.reshape(-1)
    form = np.empty(_WIDTH)
    wanted = np.empty((n_rows, _WIDTH))
    for tile in range(len(starts) - 1):
        start, stop = starts[tile], starts[tile + 1]
        if start == stop:
            continue
        if not is_factor:
            # Samples within reach of the tile.
            is_near[:] = False
            for frame in range(n_frames):
                half = 0.0
                for axis in range(n_dimensions):
                    low, high = np.inf, -np.inf
                    for t in range(start, stop):
                        place = target_places[frame, order[t], axis]
                        low = place if place < low else low
                        high = place if place > high else high
                    center[axis] = 0.5 * (low + high)
                    # The box of the targets holds them all.
                    half += (0.5 * (high - low)) ** 2
                reach = ((supports[frame] + np.sqrt(half)) * (1.0 + 1e-9)) ** 2
                for i in range(n_samples):
                    squared = 0.0
                    for axis in range(n_dimensions):
                        squared += (sample_places[frame, axis, i] - center[axis]) ** 2
                    is_near[i] |= squared <= reach
            n_near = 0
            for i in range(n_samples):
                near[n_near] = i
                n_near += is_near[i]
            if n_near == 0:
                continue
            size = 4 * ((n_near + 3) // 4)
            if size > len(own_matrix):
                own_matrix = np.zeros((size, size))
                own_rows = np.zeros((n_rows, size))
                covariances = np.empty((size, _WIDTH))
                flat = covariances.reshape(-1)
            for a in range(n_near):
                from_row, to_row = matrix[near[a]], own_matrix[a]
                for b in range(a + 1):
                    to_row[b] = from_row[near[b]]
                for b in range(a + 1, min(a + 4, size)):
                    to_row[b] = 0.0
            for a in range(n_near, size):
                own_matrix[a, :size] = 0.0
            for g in range(n_rows):
                for a in range(n_near):
                    own_rows[g, a] = rows_wanted[g, near[a]]
                own_rows[g, n_near:size] = 0.0
        # Few targets at a time where there are many samples: their covariances stay in the cache.
        width = _WIDTH if size <= 256 else 128 if size <= 512 else 64
        for begin in range(start, stop, width):
            n_here = min(width, stop - begin)
            n = 8 * ((n_here + 7) // 8)
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    for s in range(n):
                        places[frame, axis, s] = target_places[frame, order[min(begin + s, stop - 1)], axis]
            for a in range(n_near):
                _lane_covariances(
                    covariances[a], near[a], sample_places, places, n, distance, part, doubled, bits,
                    frames, models, psills, scales,
                )  # fmt: skip
            for a in range(n_near, size):
                covariances[a, :n] = 0.0
            form[:n] = 0.0
            wanted[:, :n] = 0.0
            for i in range(0, size, 4):
                sums[:, :n] = 0.0
                for j in range(0, i + 4, 4):
                    _add_products_16(flat_sums, own_matrix, i, j, flat, n)
                _add_squares(form, sums, sums if is_factor else covariances[i : i + 4], n)
                for g in range(n_rows):
                    _add_products_4(wanted[g], own_rows[g], i, covariances, n)
            for s in range(n_here):
                quadratic[order[begin + s]] = form[s]
            for g in range(n_rows):
                for s in range(n_here):
                    products[g, order[begin + s]] = wanted[g, s]
