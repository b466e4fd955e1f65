# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""What the samples of a cell are multiplied by in its estimate, from the factors that `nearest_numba` leaves behind.

The estimate of a cell is ``m + sum_j b_j C(x - x_j)`` with ``b = K^-1 (z - m)`` for its samples j. Their Cholesky
factor is made in three steps (samples shared by the tile, by the group, the cell's own), and is gone back through
in the reverse order: own samples, those of the group, those of the tile.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .groups_numba import add_shares, element_at, put_element
from .lanes_numba import (
    _LANES,
    GROUP,
    ROWS,
    _fused,
    copy_lanes,
    element,
    exact_part,
    fast_part,
    load_lanes,
    store_lanes,
)
from .panels_numba import solve_upwards, subtract_rows


@intrinsic
def _subtract_products(typing_context, target, source, count, factor):
    """Subtract, from `count` rows of GROUP lanes, other rows times one row of factors."""
    signature = types.void(target, source, types.int64, factor)

    def generate(context, builder, signature, arguments):
        target, source, count, factor = arguments
        integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), _LANES)
        fma = _fused(builder, vector)

        parts = [integer(part * _LANES) for part in range(GROUP // _LANES)]
        factors = [builder.fneg(load_lanes(builder, factor, part)) for part in parts]
        with cgutils.for_range(builder, count) as loop:
            row = builder.mul(loop.index, integer(GROUP))
            for part, share in zip(parts, factors):
                at = builder.add(row, part)
                value = [share, load_lanes(builder, source, at), load_lanes(builder, target, at)]
                store_lanes(builder, builder.call(fma, value), target, at)
        return context.get_dummy_value()

    return signature, generate


@exact_part
def duals_of_own(
    small: np.ndarray, widest: int, most: int, known: int, mean: np.ndarray, own: np.ndarray, room: np.ndarray,
    duals: np.ndarray, lane: int,
) -> None:  # fmt: skip
    """Solve for the own samples of a group's cells.

    Parameters
    ----------
    small, widest, most
        As `lanes_numba.factorize_group` leaves them; `widest` is the size.
    known : int
        Which of the right sides is the field; the constant is the first.
    mean : ndarray, shape (GROUP,)
        m of each cell.
    own : ndarray of int, shape (at least widest, GROUP)
        Rows of `duals` to which the own samples of each cell belong; behind the last, one that may be overwritten.
    room : ndarray, shape (at least widest, GROUP)
        Working memory.
    duals : ndarray, shape (n_rows, n_lanes)
        Filled from `lane` on where the own samples are, 0 elsewhere already.
    lane : int
    """
    stride, n_lanes = most * GROUP, duals.shape[1]
    for i in range(widest):
        at = (most + 1) * stride + i * GROUP
        for s in range(GROUP):
            value, constant = element_at(small, at + known * stride + s), element_at(small, at + s)
            put_element(room, i * GROUP + s, value - mean[s] * constant)
    for i in range(widest - 1, -1, -1):
        for s in range(GROUP):
            pivot = element_at(small, i * stride + i * GROUP + s)
            put_element(room, i * GROUP + s, element_at(room, i * GROUP + s) / pivot)
        _subtract_products(element(room, 0), element(small, i * stride), i, element(room, i * GROUP))
        for s in range(GROUP):
            place = element_at(own, i * GROUP + s) * n_lanes + lane + s
            put_element(duals, place, element_at(room, i * GROUP + s))


@fast_part
def duals_of_group(
    group: np.ndarray, order: np.ndarray, n_shared: int, n_core: int, n_rest: int, at_rest: int, at_known: int,
    known: int, mean: np.ndarray, duals: np.ndarray, lane: int,
) -> None:  # fmt: skip
    """Solve for the first `n_shared` samples of a group.

    Parameters
    ----------
    group, order, n_shared
        As `elimination_numba.eliminate_group` leaves them.
    n_core, n_rest : int
        Samples shared by the tile, and others.
    at_rest, at_known, known : int
        Columns of the others and of the constant, and which known one behind the latter is the field.
    mean : ndarray, shape (GROUP,)
    duals : ndarray, shape (at least n_rest, n_lanes)
        Of all samples that the tile does not share, from `lane` on, 0 where they are not neighbours; filled for the
        shared ones.
    lane : int
    """
    width, stride = group.shape[1], duals.shape[1]
    for i in range(n_shared - 1, -1, -1):
        place = order[i] - n_core
        at, row = place * stride + lane, i * width
        # Samples that are eliminated before are 0 still.
        add_shares(element(duals, at), element(duals, lane), stride, element(group, row + at_rest), 1, n_rest)
        value, constant = element_at(group, row + at_known + known), element_at(group, row + at_known)
        inverse = 1.0 / element_at(group, row + at_rest + place)
        out = duals[place]
        for s in range(GROUP):
            out[lane + s] = (value - mean[s] * constant - out[lane + s]) * inverse


@fast_part
def duals_of_tile(
    rows: np.ndarray, triangles: np.ndarray, n_core: int, n_rest: int, at_known: int, n_known: int, n_fields: int,
    shares: np.ndarray, duals: np.ndarray, n: int,
) -> None:  # fmt: skip
    """Solve for the first `n_core` samples of a tile.

    What they owe to the samples after them and to the known is found once for all cells.

    Parameters
    ----------
    rows, triangles : ndarray
        As `elimination_numba.eliminate` leaves them.
    n_core, n_rest, at_known, n_known, n_fields : int
        Samples shared, samples after them, column of the constant, the known from there on, and how many of the last
        of these are fields.
    shares : ndarray, shape (n_core to the next multiple of ROWS, n_rest + n_known to one of STEP)
        Room.
    duals : ndarray, shape (n_fields, n_rest + 1 + n_core to the next multiple of ROWS, n_lanes to one of STEP)
        Of the samples after the shared ones, then the mean; filled for the shared ones after these.
    n : int
        Lanes.
    """
    if n_core == 0:
        return
    padded, width = (n_core + ROWS - 1) // ROWS * ROWS, n_rest + n_known
    for i in range(n_core):
        copy_lanes(shares[i], rows[i, n_core:], width)
    for i in range(n_core, padded):
        shares[i] = 0.0
    solve_upwards(rows, triangles, n_core, shares, width)
    for field in range(n_fields):
        out = duals[field]
        for i in range(padded):
            value = shares[i, n_rest + n_known - n_fields + field]
            row = out[n_rest + 1 + i]
            for s in range(n):
                row[s] = value
        subtract_rows(out, n_rest + 1, shares, n_core, n_rest + 1, out, 0, n)
