"""Samples near a place, found by the bins of `moving_lattice.Bins`: the first step of `nearest_numba`."""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .lanes_numba import exact, exact_part, fast_part


@exact_part
def kth_smallest(values: np.ndarray, n: int, k: int) -> float:
    """Return the k-th smallest (from 1) of the first n values, which are reordered."""
    low, high, k = 0, n - 1, k - 1
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


@exact_part
def surely_within(
    place: np.ndarray, limit: int, points: np.ndarray, starts: np.ndarray, origin: np.ndarray, side: float,
    shape: np.ndarray, squared: np.ndarray,
) -> float:  # fmt: skip
    """Return a distance from a place within which there are as many samples as the limit, if not many more.

    The parameters are those of `gather_candidates`; the limit is no larger than the number of samples.
    """
    column = min(max(int(np.floor((place[0] - origin[0]) / side)), 0), shape[0] - 1)
    row = min(max(int(np.floor((place[1] - origin[1]) / side)), 0), shape[1] - 1)
    ring, n_inside = -1, 0
    while n_inside < limit:
        ring += 1
        n_inside = 0
        low, high = max(column - ring, 0), min(column + ring, shape[0] - 1)
        for other in range(max(row - ring, 0), min(row + ring, shape[1] - 1) + 1):
            for at in range(starts[other * shape[0] + low], starts[other * shape[0] + high + 1]):
                distance = 0.0
                for axis in range(len(points)):
                    distance += (points[axis, at] - place[axis]) ** 2
                squared[n_inside] = distance
                n_inside += 1
    return np.sqrt(kth_smallest(squared, n_inside, limit)) * (1.0 + 1e-9)


@exact_part
def gather_candidates(
    middle: np.ndarray, reach: float, limit: int, extra: float, radius: float, points: np.ndarray,
    starts: np.ndarray, origin: np.ndarray, side: float, shape: np.ndarray, found: np.ndarray, squared: np.ndarray,
) -> tuple:  # fmt: skip
    """Find the samples that may be a neighbour of a place no farther than `extra` / 2 from the middle.

    Parameters
    ----------
    reach : float
        Within which there are surely as many samples as the limit.
    points : ndarray, shape (n_dimensions, n_samples)
        Bin by bin.

    Returns
    -------
    n_found : int
    reach : float
        From the middle, within which there are as many samples as the limit, or hardly more.
    """
    widest = min(reach + extra, radius + 0.5 * extra) * (1.0 + 1e-9)
    low_x = max(int(np.floor((middle[0] - widest - origin[0]) / side)), 0)
    high_x = min(int(np.floor((middle[0] + widest - origin[0]) / side)), shape[0] - 1)
    low_y = max(int(np.floor((middle[1] - widest - origin[1]) / side)), 0)
    high_y = min(int(np.floor((middle[1] + widest - origin[1]) / side)), shape[1] - 1)
    n_found = 0
    for bin_y in range(low_y, high_y + 1):
        # Bins of a row follow one another.
        for place in range(starts[bin_y * shape[0] + low_x], starts[bin_y * shape[0] + high_x + 1]):
            distance = 0.0
            for axis in range(len(points)):
                distance += (points[axis, place] - middle[axis]) ** 2
            found[n_found] = place
            squared[n_found] = distance
            n_found += distance <= widest * widest
    low, low_count, high, high_count = 0.0, 0.0, reach * reach, float(n_found)
    if n_found > limit:
        at = high
        for step in range(8):
            count = _n_within(squared, n_found, at)
            if count >= limit:
                high, high_count = at, count
                if count <= limit + 1:
                    break
            else:
                low, low_count = at, count
            share = (limit + 0.75 - low_count) / (high_count - low_count)
            at = low + (high - low) * (0.5 if step % 4 == 3 else min(max(share, 0.03), 0.97))
    reach = np.sqrt(high)
    nearest = (min(reach + extra, radius + 0.5 * extra) * (1.0 + 1e-9)) ** 2
    n_kept = 0
    for i in range(n_found):
        found[n_kept] = found[i]
        n_kept += squared[i] <= nearest
    return n_kept, reach


@fast_part
def _n_within(squared: np.ndarray, n: int, bound: float) -> int:
    """Return how many of the first n numbers are within the bound."""
    count = 0
    for i in range(n):
        count += 1 if squared[i] <= bound else 0
    return count


@exact
def find_reaches(
    places: np.ndarray, limit: int, points: np.ndarray, starts: np.ndarray, origin: np.ndarray, side: float,
    shape: np.ndarray, reaches: np.ndarray,
) -> None:  # fmt: skip
    """Write how far from some places, shape (n_places, n_dimensions), there are as many samples as the limit."""
    found, squared = np.empty(points.shape[1] + 1, dtype=np.int64), np.empty(points.shape[1] + 1)
    for i in range(len(places)):
        reach = surely_within(places[i], limit, points, starts, origin, side, shape, squared)
        reaches[i] = gather_candidates(
            places[i], reach, limit, 0.0, np.inf, points, starts, origin, side, shape, found, squared
        )[1]
