"""The Cholesky factorisation of `nearest_numba` in its three steps: samples of the tile, of the group, of the cell."""

# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"

from __future__ import annotations

import numpy as np

from .groups_numba import add_lane_dots, add_shares, copy_numbers, element_at, put_element
from .lanes_numba import GROUP, ROWS, element, exact_part
from .panels_numba import TRIANGLE, eliminate_chosen, eliminate_rows, factorize_triangle, reduce_rows


@exact_part
def eliminate(rows: np.ndarray, triangles: np.ndarray, n_core: int, n_used: int, width: int, smallest: float) -> bool:
    """Turn the shared rows into rows of a Cholesky factor, the others into a Schur complement; False if singular.

    Rows start with the samples; of those only what stands on or right of the diagonal is right. The triangles of
    ROWS shared rows each are written one after another.
    """
    stride, at = rows.shape[1], 0
    for block in range(0, n_core, ROWS):
        if block > 0:
            reduce_rows(rows, block, block, block, block + ROWS)
        corner = element(rows, block * stride + block)
        if not factorize_triangle(corner, stride, n_core - block, smallest, element(triangles, at)):
            return False
        eliminate_rows(rows, block, width, triangles, at)
        at += TRIANGLE
    # Rows in the last block that are not shared have lost their share with it.
    for first in range((n_core + ROWS - 1) // ROWS * ROWS, n_used, ROWS):
        reduce_rows(rows, first, n_core, first - first % 8, width)
    return True


@exact_part
def fill_lower(rows: np.ndarray, n_core: int, n_used: int) -> None:
    """Copy what stands right of the diagonal of the samples not shared to below it."""
    stride = rows.shape[1]
    for i in range(n_core, n_used):
        for j in range(i + 1, n_used):
            put_element(rows, j * stride + i, element_at(rows, i * stride + j))


@exact_part
def eliminate_group(
    group: np.ndarray, factor: np.ndarray, triangle: np.ndarray, rows: np.ndarray, order: np.ndarray, n_shared: int,
    n_left: int, begin: int, end: int, at_lanes: int, smallest: float,
) -> bool:  # fmt: skip
    """Eliminate the extras that all cells of a group share; False if singular.

    Parameters
    ----------
    group : ndarray
        Its rows are filled with GROUP lanes, then with columns `begin` to `end` of `rows`, multiples of 8: all samples
        not shared by the tile, and the known.
    factor, triangle : ndarray
        Room, as `panels_numba.eliminate_chosen` takes it.
    rows : ndarray
        As `eliminate` and `fill_lower` leave them.
    order : ndarray of int
        Which of `rows` they are; the `n_shared` to eliminate first, then up to `n_left` others.
    n_shared, n_left, begin, end : int
    at_lanes : int
        Column of `rows` where the group's cells begin.
    smallest : float
        Pivot up to which a system is singular.
    """
    stride, n_columns = group.shape[1], rows.shape[1]
    width = GROUP + end - begin
    for i in range(n_left):
        to, place = i * stride, order[i] * n_columns
        copy_numbers(element(group, to), element(rows, place + at_lanes), GROUP)
        copy_numbers(element(group, to + GROUP), element(rows, place + begin), end - begin)
    return eliminate_chosen(group, factor, triangle, order, GROUP - begin, n_shared, n_left, width, smallest)


@exact_part
def gather_own(
    small: np.ndarray, group: np.ndarray, at_samples: int, at_known: int, n_known: int, own: np.ndarray,
    own_at: np.ndarray, n_own: np.ndarray, widest: int, most: int,
) -> None:  # fmt: skip
    """Copy the small systems of a group's cells: lower triangle, then the cell's and the known right sides.

    Parameters
    ----------
    small, widest, most
        As `lanes_numba.factorize_group` takes them.
    group : ndarray
        As `eliminate_group` leaves it.
    at_samples, at_known, n_known : int
        Columns where the samples that `own` counts and the known begin, and how many the latter are.
    own, own_at : ndarray of int, shape (at least widest, GROUP)
        Samples of each cell, and where their rows begin; behind the last, any sample and a row of zeros.
    n_own : ndarray of int, shape (GROUP,)
    """
    for i in range(widest):
        for j in range(i + 1):
            to = (i * most + j) * GROUP
            for side in range(GROUP):
                row, column = element_at(own_at, i * GROUP + side), element_at(own, j * GROUP + side)
                put_element(small, to + side, element_at(group, row + at_samples + column))
        to = i * (most + 1) * GROUP
        for side in range(GROUP):
            if i >= element_at(n_own, side):
                put_element(small, to + side, 1.0)
        to = (most * most + i) * GROUP
        for side in range(GROUP):
            put_element(small, to + side, element_at(group, element_at(own_at, i * GROUP + side) + side))
        for g in range(n_known):
            to += most * GROUP
            for side in range(GROUP):
                row = element_at(own_at, i * GROUP + side)
                put_element(small, to + side, element_at(group, row + at_known + g))


@exact_part
def add_shared(
    target: np.ndarray, with_known: np.ndarray, gram: np.ndarray, first: int, n: int, rows: np.ndarray,
    n_shared: int, at_lanes: int, at_known: int,
) -> None:  # fmt: skip
    """Add the products of shared rows: of each lane with itself, of lanes with the known, and of the known.

    Of the latter only those of the first ones, as many as `gram` is long, with one another and those after them.
    """
    n_known, stride, n_lanes = len(with_known), rows.shape[1], with_known.shape[1]
    for lane in range(0, n, GROUP):
        lanes, to = element(rows, at_lanes + lane), first + lane
        add_lane_dots(element(target, to), lanes, stride, lanes, stride, n_shared)
        for g in range(n_known):
            add_shares(
                element(with_known, g * n_lanes + to), lanes, stride, element(rows, at_known + g), stride, n_shared
            )
    for b in range(len(gram)):
        for g in range(b, n_known):
            total = 0.0
            for j in range(n_shared):
                total += rows[j, at_known + b] * rows[j, at_known + g]
            for s in range(first, first + n):
                gram[b, g, s] += total


@exact_part
def add_own(
    small: np.ndarray, widest: int, most: int, n_known: int, first: int, n_here: int, target: np.ndarray,
    with_known: np.ndarray, gram: np.ndarray,
) -> None:  # fmt: skip
    """Add the products of the cells' own rows, as `add_shared`."""
    stride, n_lanes = most * GROUP, with_known.shape[1]
    if n_here < GROUP:
        for j in range(widest):
            for side in range(n_here):
                at = j * GROUP + side
                value = small[most * stride + at]
                target[first + side] += value * value
                for g in range(n_known):
                    known_value = small[(most + 1 + g) * stride + at]
                    with_known[g, first + side] += value * known_value
                    for b in range(min(g + 1, len(gram))):
                        gram[b, g, first + side] += small[(most + 1 + b) * stride + at] * known_value
        return
    cell = element(small, most * stride)
    add_lane_dots(element(target, first), cell, GROUP, cell, GROUP, widest)
    for g in range(n_known):
        known, to = element(small, (most + 1 + g) * stride), g * n_lanes + first
        add_lane_dots(element(with_known, to), cell, GROUP, known, GROUP, widest)
        for b in range(min(g + 1, len(gram))):
            column = element(small, (most + 1 + b) * stride)
            add_lane_dots(element(gram, b * n_known * n_lanes + to), column, GROUP, known, GROUP, widest)
