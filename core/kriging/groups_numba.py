# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""What the kernel of nearest samples is made of, in LLVM's own vectors: GROUP lanes stay in registers.

The loop vectoriser leaves short loops with a remainder that is done one by one, and checks every index; loops
here have neither.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .lanes_numba import _LANES, _fused, add_dots, block_of_products, load_lanes, spread, store_lanes


@intrinsic
def add_lane_dots(typing_context, out, left, left_stride, right, right_stride, count):
    """Add to GROUP lanes the sum of `count` products of rows of lanes."""
    signature = types.void(out, left, types.int64, right, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        out, left, left_stride, right, right_stride, count = arguments

        def right_of(row, part):
            return load_lanes(builder, right, builder.add(builder.mul(row, right_stride), part))

        add_dots(builder, out, left, left_stride, right_of, count)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_shares(typing_context, out, left, left_stride, right, right_stride, count):
    """Add to GROUP lanes the sum of `count` products of a row of lanes and a number."""
    signature = types.void(out, left, types.int64, right, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        out, left, left_stride, right, right_stride, count = arguments

        def right_of(row, part):
            return spread(builder, builder.load(builder.gep(right, [builder.mul(row, right_stride)])))

        add_dots(builder, out, left, left_stride, right_of, count)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def element_at(typing_context, array, offset):
    """Return an element of an array in row order by its place, which is not negative."""

    def generate(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load(builder.gep(made.data, [arguments[1]]))

    return array.dtype(array, types.int64), generate


@intrinsic
def put_element(typing_context, array, offset, value):
    """Set an element of an array in row order by its place, which is not negative."""

    def generate(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.store(arguments[2], builder.gep(made.data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), generate


@intrinsic
def subtract_share(typing_context, target, source, share, count):
    """Subtract a share of `count` numbers, a multiple of 8, from others."""
    signature = types.void(target, source, types.float64, types.int64)

    def generate(context, builder, signature, arguments):
        target, source, share, count = arguments
        integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), _LANES)
        fma = _fused(builder, vector)
        shares = spread(builder, builder.fneg(share))

        before = builder.block
        loop, end = builder.append_basic_block("shares"), builder.append_basic_block("subtracted")
        builder.branch(loop)
        builder.position_at_end(loop)
        j = builder.phi(integer)
        j.add_incoming(integer(0), before)
        value, old = load_lanes(builder, source, j), load_lanes(builder, target, j)
        store_lanes(builder, builder.call(fma, [shares, value, old]), target, j)
        following = builder.add(j, integer(_LANES))
        j.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


SMALL_ROWS, SMALL_STEP = 4, 2 * _LANES
"""Rows and numbers a row of the block of sums for few rows."""


@intrinsic
def subtract_small_block(typing_context, matrix, width, count, lanes, stride, out):
    """Subtract a block of products, as `lanes_numba.subtract_block`, of SMALL_ROWS rows and SMALL_STEP lanes."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, out)
    return signature, block_of_products(subtracted=True, n_rows=SMALL_ROWS, n_columns=SMALL_STEP // _LANES)


@intrinsic
def copy_numbers(typing_context, target, source, count):
    """Copy `count` numbers, a multiple of 8."""
    signature = types.void(target, source, types.int64)

    def generate(context, builder, signature, arguments):
        target, source, count = arguments
        step = ir.IntType(64)(_LANES)
        with cgutils.for_range_slice(builder, ir.IntType(64)(0), count, step) as (at, _):
            store_lanes(builder, load_lanes(builder, source, at), target, at)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def copy_four(typing_context, target, source):
    """Copy four numbers of eight bytes."""
    signature = types.void(target, source)

    def generate(context, builder, signature, arguments):
        four = ir.VectorType(ir.IntType(64), 4).as_pointer()
        target, source = (builder.bitcast(pointer, four) for pointer in arguments)
        value = builder.load(source)
        value.align = 8
        stored = builder.store(value, target)
        stored.align = 8
        return context.get_dummy_value()

    return signature, generate
