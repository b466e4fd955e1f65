# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""Rows of a factor eliminated ROWS at a time, in LLVM's own vectors: a strip of the rows stays in registers.

A strip is loaded once, loses the shares of all rows before, is solved for the rows' own triangle and is stored.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .groups_numba import element_at, put_element
from .lanes_numba import (
    _LANES,
    ROWS,
    STEP,
    _fused,
    _places_in_block,
    element,
    exact_part,
    load_lanes,
    spread,
    store_lanes,
)

TRIANGLE = ROWS * ROWS + ROWS
"""Numbers that a triangle of ROWS rows takes with the inverses of its diagonal."""


def _subtracted(builder, matrix, between, along, count, lanes, stride, begins):
    """Build rows of vectors less `count` rows of lanes times elements of a matrix; return them.

    Elements are `between` numbers apart from row to row, `along` from one row of lanes to the next.
    """
    integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), _LANES)
    fma = _fused(builder, vector)
    before = builder.block
    test, body, end = (builder.append_basic_block(name) for name in ("shares", "share", "shared"))
    builder.branch(test)
    builder.position_at_end(test)
    j = builder.phi(integer)
    j.add_incoming(integer(0), before)
    sums = [[builder.phi(vector) for _ in row] for row in begins]
    builder.cbranch(builder.icmp_signed("<", j, count), body, end)
    builder.position_at_end(body)
    start = builder.gep(lanes, [builder.mul(j, stride)])
    values = [builder.fneg(load_lanes(builder, start, integer(part * _LANES))) for part in range(len(begins[0]))]
    first = builder.gep(matrix, [builder.mul(j, along)])
    for row, (row_sums, row_begins) in enumerate(zip(sums, begins)):
        factors = spread(builder, builder.load(builder.gep(first, [builder.mul(integer(row), between)])))
        for value, total, begin in zip(values, row_sums, row_begins):
            total.add_incoming(begin, before)
            total.add_incoming(builder.call(fma, [factors, value, total]), body)
    j.add_incoming(builder.add(j, integer(1)), body)
    builder.branch(test)
    builder.position_at_end(end)
    return sums


def _solved(builder, triangle, rows, upwards):
    """Build the solution of ROWS rows of vectors for a triangle, or for its transpose from the last row upwards."""
    integer = ir.IntType(64)
    fma = _fused(builder, ir.VectorType(ir.DoubleType(), _LANES))

    def number(at):
        return spread(builder, builder.load(builder.gep(triangle, [integer(at)])))

    rows = [list(row) for row in rows]
    order = range(ROWS - 1, -1, -1) if upwards else range(ROWS)
    for i in order:
        inverse = number(ROWS * ROWS + i)
        rows[i] = [builder.fmul(value, inverse) for value in rows[i]]
        for other in range(i) if upwards else range(i + 1, ROWS):
            share = number(other * ROWS + i if upwards else i * ROWS + other)
            rows[other] = [
                builder.call(fma, [share, builder.fneg(value), total]) for value, total in zip(rows[i], rows[other])
            ]
    return rows


def _panel(n_vectors, solves=True, upwards=False):
    """Return what builds the elimination of a strip of ROWS rows, `n_vectors` vectors wide."""

    def generate(context, builder, signature, arguments):
        matrix, between, along, count, lanes, stride, *triangle, out = arguments
        places = _places_in_block(builder, stride, ROWS, n_vectors)
        begins = [[load_lanes(builder, out, at) for at in row] for row in places]
        rows = _subtracted(builder, matrix, between, along, count, lanes, stride, begins)
        if solves:
            rows = _solved(builder, triangle[0], rows, upwards)
        for values, row in zip(rows, places):
            for value, at in zip(values, row):
                store_lanes(builder, value, out, at)
        return context.get_dummy_value()

    return generate


def _signature(matrix, *more):
    """Return the signature of the strips below."""
    integer = types.int64
    return types.void(matrix, integer, integer, integer, matrix, integer, *more, matrix)


@intrinsic
def _solve_wide(typing_context, matrix, between, along, count, lanes, stride, triangle, out):
    """Eliminate ROWS rows of STEP lanes."""
    return _signature(matrix, triangle), _panel(STEP // _LANES)


@intrinsic
def _solve_narrow(typing_context, matrix, between, along, count, lanes, stride, triangle, out):
    """Eliminate ROWS rows of one vector."""
    return _signature(matrix, triangle), _panel(1)


@intrinsic
def _subtract_wide(typing_context, matrix, between, along, count, lanes, stride, out):
    """Subtract what ROWS rows of STEP lanes share with others."""
    return _signature(matrix), _panel(STEP // _LANES, solves=False)


@intrinsic
def _subtract_narrow(typing_context, matrix, between, along, count, lanes, stride, out):
    """Subtract what ROWS rows of one vector share with others."""
    return _signature(matrix), _panel(1, solves=False)


@intrinsic
def _solve_upwards(typing_context, matrix, between, along, count, lanes, stride, triangle, out):
    """Go back through ROWS rows of a factor for STEP lanes."""
    return _signature(matrix, triangle), _panel(STEP // _LANES, upwards=True)


@intrinsic
def factorize_triangle(typing_context, matrix, stride, count, smallest, out):
    """Factorise the first `count` of ROWS rows of a symmetric matrix; return whether all pivots are large enough.

    Written are the factor's rows, 0 from `count` on, then the inverses of its diagonal, 1 from there on: TRIANGLE
    numbers.
    """
    signature = types.boolean(matrix, types.int64, types.int64, types.float64, out)

    def generate(context, builder, signature, arguments):
        matrix, stride, count, smallest, out = arguments
        integer, number = ir.IntType(64), ir.DoubleType()
        vector = ir.VectorType(number, ROWS)
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), "llvm.sqrt.f64")
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{ROWS}f64"
        )
        everywhere = [ir.Constant(ir.VectorType(ir.IntType(32), ROWS), [lane] * ROWS) for lane in range(ROWS)]

        def at(pointer, offset):
            return builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())

        rows = []
        for i in range(ROWS):
            row = builder.load(at(matrix, builder.mul(integer(i), stride)))
            row.align = 8
            rows.append(row)
        nothing, is_regular = ir.Constant(vector, [0.0] * ROWS), ir.Constant(ir.IntType(1), 1)
        for i in range(ROWS):
            is_in = builder.icmp_signed("<", integer(i), count)
            pivot = builder.extract_element(rows[i], ir.IntType(32)(i))
            is_large = builder.fcmp_ordered(">", pivot, smallest)
            is_regular = builder.and_(is_regular, builder.or_(is_large, builder.not_(is_in)))
            inverse = builder.fdiv(number(1.0), builder.call(root, [pivot]))
            inverse = builder.select(is_in, inverse, number(1.0))
            inverses = builder.insert_element(ir.Constant(vector, ir.Undefined), inverse, ir.IntType(32)(0))
            inverses = builder.shuffle_vector(inverses, inverses, everywhere[0])
            row = builder.select(is_in, builder.fmul(rows[i], inverses), nothing)
            stored = builder.store(row, at(out, integer(i * ROWS)))
            stored.align = 8
            builder.store(inverse, builder.gep(out, [integer(ROWS * ROWS + i)]))
            for later in range(i + 1, ROWS):
                share = builder.shuffle_vector(row, row, everywhere[later])
                rows[later] = builder.call(fma, [builder.fneg(share), row, rows[later]])
        return is_regular

    return signature, generate


@exact_part
def eliminate_rows(rows: np.ndarray, block: int, width: int, triangle: np.ndarray, at: int) -> None:
    """Make ROWS rows from `block` on, up to column `width`, those of a factor whose rows before are ready.

    They have lost their shares with these in the columns of their own triangle, which is in `triangle` from `at` on.
    Up to STEP - 1 columns more are overwritten.
    """
    stride = rows.shape[1]
    matrix, own, to = element(rows, block), element(triangle, at), block * stride
    for s in range(block, block + ROWS, _LANES):
        _solve_narrow(matrix, 1, stride, 0, element(rows, s), stride, own, element(rows, to + s))
    s = block + ROWS
    while width - s > _LANES:
        _solve_wide(matrix, 1, stride, block, element(rows, s), stride, own, element(rows, to + s))
        s += STEP
    if s < width:
        _solve_narrow(matrix, 1, stride, block, element(rows, s), stride, own, element(rows, to + s))


@exact_part
def reduce_rows(rows: np.ndarray, first: int, count: int, begin: int, width: int) -> None:
    """Take the first `count` rows of a factor out of ROWS rows from `first` on, columns `begin` to `width`.

    Up to STEP - 1 columns more are overwritten.
    """
    stride = rows.shape[1]
    matrix, s = element(rows, first), begin
    while width - s > _LANES:
        _subtract_wide(matrix, 1, stride, count, element(rows, s), stride, element(rows, first * stride + s))
        s += STEP
    if s < width:
        _subtract_narrow(matrix, 1, stride, count, element(rows, s), stride, element(rows, first * stride + s))


@exact_part
def solve_upwards(
    rows: np.ndarray, triangles: np.ndarray, size: int, lanes: np.ndarray, width: int
) -> None:  # fmt: skip
    """Multiply lanes by the inverse of the transpose of a factor, ROWS rows at a time from the last.

    Parameters
    ----------
    rows : ndarray
        The factor's rows.
    triangles : ndarray
        Of ROWS rows each, as `factorize_triangle` writes them.
    size : int
        Rows of the factor.
    lanes : ndarray, shape (size and up to the next multiple of ROWS, width and up to the next multiple of STEP)
        0 behind the last row.
    width : int
    """
    stride, across = rows.shape[1], lanes.shape[1]
    for block in range((size - 1) // ROWS * ROWS, -1, -ROWS):
        stop = min(block + ROWS, size)
        own = element(triangles, block // ROWS * TRIANGLE)
        for s in range(0, width, STEP):
            _solve_upwards(
                element(rows, block * stride + stop), stride, 1, size - stop, element(lanes, stop * across + s),
                across, own, element(lanes, block * across + s),
            )  # fmt: skip


@exact_part
def subtract_rows(out: np.ndarray, to: int, matrix: np.ndarray, size: int, count: int, lanes: np.ndarray, at: int,
                  n: int) -> None:  # fmt: skip
    """Subtract ``matrix[:size, :count] @ lanes`` from rows of lanes, ROWS at a time.

    Parameters
    ----------
    out : ndarray, shape (any, n_lanes)
        Rows from `to` on, up to the next multiple of ROWS.
    matrix : ndarray
    size, count : int
    lanes : ndarray, shape (any, n_lanes)
        Rows from `at` on.
    n : int
        Lanes; up to STEP - 1 more are overwritten.
    """
    stride, width = out.shape[1], matrix.shape[1]
    for row in range(0, size, ROWS):
        for s in range(0, n, STEP):
            _subtract_wide(
                element(matrix, row * width), width, 1, count, element(lanes, at * stride + s), stride,
                element(out, (to + row) * stride + s),
            )  # fmt: skip


@exact_part
def eliminate_chosen(
    group: np.ndarray, factor: np.ndarray, triangle: np.ndarray, order: np.ndarray, at: int, n_shared: int,
    n_left: int, width: int, smallest: float,
) -> bool:  # fmt: skip
    """Eliminate the first `n_shared` of `n_left` rows whose own columns are `at` + `order`; False if singular.

    Columns up to `width` are changed, and up to STEP - 1 more overwritten.

    Parameters
    ----------
    group : ndarray, shape (n_left and ROWS more, any)
    factor : ndarray, shape (n_shared, n_left and ROWS more)
        Room.
    triangle : ndarray, shape (ROWS * ROWS + TRIANGLE,)
        Room.
    order : ndarray of int, shape (n_left,)
    at, n_shared, n_left, width : int
    smallest : float
        Pivot up to which a system is singular.
    """
    stride, across = group.shape[1], factor.shape[1]
    for block in range(0, n_shared, ROWS):
        stop, end = min(block + ROWS, n_shared), min(block + ROWS, n_left)
        if block > 0:
            for s in range(0, width, STEP):
                _subtract_wide(
                    element(factor, block), 1, across, block, element(group, s), stride,
                    element(group, block * stride + s),
                )  # fmt: skip
        for k in range(ROWS):
            for i in range(block, stop):
                value = element_at(group, i * stride + at + order[block + k]) if block + k < end else 0.0
                put_element(triangle, TRIANGLE + (i - block) * ROWS + k, value)
        own = element(triangle, 0)
        if not factorize_triangle(element(triangle, TRIANGLE), ROWS, stop - block, smallest, own):
            return False
        for s in range(0, width, STEP):
            to = element(group, block * stride + s)
            _solve_wide(own, 1, 1, 0, own, stride, own, to)
        for i in range(block, stop):
            for later in range(end, n_left):
                put_element(factor, i * across + later, element_at(group, i * stride + at + order[later]))
    # Rows in the last block that are not shared have lost their share with it.
    first = (n_shared + ROWS - 1) // ROWS * ROWS
    if n_shared > 0:
        for row in range(first, n_left, ROWS):
            for s in range(0, width, STEP):
                _subtract_wide(
                    element(factor, row), 1, across, n_shared, element(group, s), stride,
                    element(group, row * stride + s),
                )  # fmt: skip
    return True
