"""Kriging from so many nearest samples a sector, compiled: the twin of `restricted` and `moving_tiles`.

Each target's samples are found bin by bin, from the nearest ring of bins outward, until no sample farther away
could change the choice; GROUP targets are solved side by side.
"""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .elimination_numba import add_own
from .lanes_numba import GROUP, exact, factorize_group, fast, lane_covariances


@exact
def _sector(offset: np.ndarray, n_sectors: int) -> int:
    """Return the number of the sector in which an offset lies, as `restricted.sector_of`."""
    sector = (1 if offset[0] < 0.0 else 0) + (2 if offset[1] < 0.0 else 0)
    if n_sectors == 8:
        if len(offset) == 3:
            sector += 4 if offset[2] < 0.0 else 0
        else:
            sector += 4 if abs(offset[1]) > abs(offset[0]) else 0
    return sector


@exact
def _look_at(
    begin: int, end: int, bins: np.ndarray, points: np.ndarray, place: np.ndarray, offset: np.ndarray, n_sectors: int,
    most: int, furthest: float, distances: np.ndarray, samples: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Put the samples of some bins into the sorted list of their sector, where they are near enough."""
    for position in range(begin, end):
        sample = bins[position]
        squared = 0.0
        for axis in range(len(place)):
            offset[axis] = points[axis, sample] - place[axis]
            squared += offset[axis] * offset[axis]
        if squared > furthest:
            continue
        sector = _sector(offset, n_sectors)
        count = counts[sector]
        if count == most:
            if squared >= distances[sector, most - 1]:
                continue
            count -= 1
        slot = count
        while slot > 0 and distances[sector, slot - 1] > squared:
            distances[sector, slot] = distances[sector, slot - 1]
            samples[sector, slot] = samples[sector, slot - 1]
            slot -= 1
        distances[sector, slot] = squared
        samples[sector, slot] = sample
        counts[sector] = count + 1


@exact
def choose_by_sector(
    places: np.ndarray, points: np.ndarray, bins: np.ndarray, starts: np.ndarray, origin: np.ndarray, side: float,
    shape: np.ndarray, n_sectors: int, most: int, limit: int, radius: float, first: int, last: int,
    chosen: np.ndarray, found: np.ndarray, per_sector: np.ndarray,
) -> None:  # fmt: skip
    """Choose the samples of some targets.

    Parameters
    ----------
    places : ndarray, shape (n_targets, n_dimensions)
        In the search frame.
    points : ndarray, shape (n_dimensions, n_samples)
        Samples in the search frame.
    bins, starts, origin, side, shape
        As in `nearest_numba.solve_lattice`.
    n_sectors, most, limit : int
        4 or 8; nearest samples a sector, and of all sectors together.
    radius : float
        How far samples may be.
    first, last : int
        Of all targets, those to choose for.
    chosen : ndarray of int, shape (n_targets, at least min(limit, n_sectors * most))
        Filled with the numbers of each target's samples, as many as there are.
    found, per_sector : ndarray of int, shape (n_targets,), (n_targets, n_sectors)
        Filled with the numbers of samples.
    """
    distances, samples = np.empty((n_sectors, most)), np.empty((n_sectors, most), dtype=np.int64)
    counts, offset = np.zeros(n_sectors, dtype=np.int64), np.empty(places.shape[1])
    used = np.zeros(n_sectors, dtype=np.int64)
    for target in range(first, last):
        place = places[target]
        counts[:] = 0
        column = int(np.floor((place[0] - origin[0]) / side))
        row = int(np.floor((place[1] - origin[1]) / side))
        # From the target to the nearest edge of its own bin: rings further out are farther by whole sides.
        inside = min(
            min(place[0] - origin[0] - column * side, origin[0] + (column + 1) * side - place[0]),
            min(place[1] - origin[1] - row * side, origin[1] + (row + 1) * side - place[1]),
        )
        ring = max(max(-column, column - shape[0] + 1), max(-row, row - shape[1] + 1), 0)
        last_ring = max(max(column, shape[0] - 1 - column), max(row, shape[1] - 1 - row))
        while ring <= last_ring:
            reached = max(0.0, (ring - 1) * side + inside) * (1.0 - 1e-9)
            if reached > radius:
                break
            n_full, n_sure = 0, 0
            for sector in range(n_sectors):
                n_full += counts[sector] == most and distances[sector, most - 1] <= reached * reached
                for slot in range(counts[sector]):
                    n_sure += distances[sector, slot] <= reached * reached
            if n_full == n_sectors or n_sure >= limit:
                break
            low, high = max(column - ring, 0), min(column + ring, shape[0] - 1)
            for other in range(max(row - ring, 0), min(row + ring, shape[1] - 1) + 1):
                at = other * shape[0]
                if abs(other - row) == ring:
                    _look_at(
                        starts[at + low], starts[at + high + 1], bins, points, place, offset, n_sectors, most,
                        radius * radius, distances, samples, counts,
                    )  # fmt: skip
                else:
                    for edge in (column - ring, column + ring):
                        if 0 <= edge < shape[0]:
                            _look_at(
                                starts[at + edge], starts[at + edge + 1], bins, points, place, offset, n_sectors,
                                most, radius * radius, distances, samples, counts,
                            )  # fmt: skip
            ring += 1
        used[:] = 0
        n = 0
        while n < limit:
            # Nearest first over all sectors; a sector's list is sorted.
            best, nearest = -1, np.inf
            for sector in range(n_sectors):
                if used[sector] < counts[sector] and distances[sector, used[sector]] < nearest:
                    best, nearest = sector, distances[sector, used[sector]]
            if best < 0:
                break
            chosen[target, n] = samples[best, used[best]]
            used[best] += 1
            n += 1
        found[target] = n
        per_sector[target] = used


@fast
def _differences(out: np.ndarray, lanes: np.ndarray, row: np.ndarray, count: int) -> None:
    """Write what rows of GROUP lanes are more than one row, along one axis."""
    for j in range(count):
        for side in range(GROUP):
            out[j * GROUP + side] = lanes[j, side] - row[side]


@exact
def solve_chosen(
    targets: np.ndarray, chosen: np.ndarray, found: np.ndarray, frame_matrices: np.ndarray, sample_places: np.ndarray,
    known: np.ndarray, frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray, sill: float,
    first: int, last: int, target: np.ndarray, target_known: np.ndarray, gram: np.ndarray,
) -> bool:  # fmt: skip
    """Solve the systems of some targets; False if one is singular.

    Parameters
    ----------
    targets : ndarray, shape (n_targets, n_dimensions)
    chosen, found : ndarray of int
        As filled by `choose_by_sector`.
    frame_matrices, sample_places, known, frames, models, psills, scales, sill
        As in `nearest_numba.solve_lattice`.
    first, last : int
        Of all targets, those to solve.
    target, target_known, gram : ndarray, shape (n_targets,), (n_known, n_targets), (1, n_known, n_targets)
        Filled with dot products in whitened space.
    """
    most, n_known = max(1, chosen.shape[1]), known.shape[1]
    n_frames, n_dimensions = sample_places.shape[:2]
    small = np.zeros((most + 1 + n_known) * most * GROUP)
    lanes = np.zeros((n_frames, n_dimensions, most, GROUP))
    at_target = np.zeros((n_frames, n_dimensions, GROUP))
    apart, origin = np.empty((n_frames, n_dimensions, most * GROUP)), np.zeros((n_frames, n_dimensions, 1))
    distance, inverse, ones = np.empty(most * GROUP), np.empty(GROUP), np.ones(GROUP)
    stride = most * GROUP
    for begin in range(first, last, GROUP):
        n_here = min(GROUP, last - begin)
        widest = 0
        for side in range(n_here):
            widest = max(widest, found[begin + side])
            target[begin + side] = 0.0
        target_known[:, begin : begin + n_here] = 0.0
        gram[:, :, begin : begin + n_here] = 0.0
        for frame in range(n_frames):
            for axis in range(n_dimensions):
                for side in range(n_here):
                    place = 0.0
                    for other in range(n_dimensions):
                        place += frame_matrices[frame, axis, other] * targets[begin + side, other]
                    at_target[frame, axis, side] = place
                    for i in range(found[begin + side]):
                        lanes[frame, axis, i, side] = sample_places[frame, axis, chosen[begin + side, i]]
        for i in range(widest + 1):
            is_target = i == widest
            count = widest if is_target else i
            for frame in range(n_frames):
                for axis in range(n_dimensions):
                    own = at_target[frame, axis] if is_target else lanes[frame, axis, i]
                    _differences(apart[frame, axis], lanes[frame, axis], own, count)
            at = most * stride if is_target else i * stride
            wide = count * GROUP
            lane_covariances(small[at : at + wide], origin, 0, apart, wide, distance, frames, models, psills, scales)
        for i in range(widest):
            for side in range(GROUP):
                is_there = side < n_here and i < found[begin + side]
                if not is_there:
                    for j in range(i):
                        small[i * stride + j * GROUP + side] = 0.0
                    small[most * stride + i * GROUP + side] = 0.0
                small[i * stride + i * GROUP + side] = sill if is_there else 1.0
                for g in range(n_known):
                    value = known[chosen[begin + side, i], g] if is_there else 0.0
                    small[(most + 1 + g) * stride + i * GROUP + side] = value
        smallest = min(1.0, sill) * max(1, widest) * 2.220446049250313e-16
        if not factorize_group(small, widest, most, 1 + n_known, inverse, ones, smallest):
            return False
        add_own(small, widest, most, n_known, begin, n_here, target, target_known, gram)
    return True
