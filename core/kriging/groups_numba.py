# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""What the kernel of nearest samples is made of, in LLVM's own vectors: GROUP lanes stay in registers.

The loop vectoriser leaves short loops with a remainder that is done one by one, and checks every index; loops
here have neither.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .lanes_numba import _LANES, GROUP, _fused, add_dots, carry_over, load_lanes, spread, store_lanes


@intrinsic
def first_bit(typing_context, bits):
    """Return the place of the lowest bit set."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


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


def _each_within(builder, squared, count, bound, out, begin, step):
    """Build a loop over rows of squared distances that changes vectors where these are within the bound.

    ``begin(part)`` makes a vector of GROUP lanes to start from, ``step(total, row)`` what replaces it.
    """
    places = [ir.IntType(64)(part * _LANES) for part in range(GROUP // _LANES)]
    bounds = [load_lanes(builder, bound, place) for place in places]

    def next_totals(row, totals):
        at = builder.mul(row, ir.IntType(64)(GROUP))
        for total, place, limit in zip(totals, places, bounds):
            is_within = builder.fcmp_ordered("<=", load_lanes(builder, squared, builder.add(at, place)), limit)
            yield builder.select(is_within, step(total, row), total)

    begun = [begin(part) for part in range(len(places))]
    for total, place in zip(carry_over(builder, count, begun, next_totals), places):
        store_lanes(builder, total, out, place)


@intrinsic
def count_within(typing_context, squared, count, bound, out):
    """Write for GROUP lanes how many of `count` rows of squared distances are within the bound."""
    signature = types.void(squared, types.int64, bound, out)

    def generate(context, builder, signature, arguments):
        squared, count, bound, out = arguments
        vector = ir.VectorType(ir.IntType(64), _LANES)
        one = ir.Constant(vector, [1] * _LANES)
        _each_within(
            builder, squared, count, bound, out, lambda part: ir.Constant(vector, [0] * _LANES),
            lambda total, row: builder.add(total, one),
        )  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def mark_within(typing_context, squared, count, bound, out):
    """Write for GROUP lanes which of `count` rows (up to 64) of squared distances are within the bound, as bits."""
    signature = types.void(squared, types.int64, bound, out)

    def generate(context, builder, signature, arguments):
        squared, count, bound, out = arguments
        vector = ir.VectorType(ir.IntType(64), _LANES)

        def step(total, row):
            return builder.or_(total, spread(builder, builder.shl(ir.IntType(64)(1), row)))

        _each_within(builder, squared, count, bound, out, lambda part: ir.Constant(vector, [0] * _LANES), step)
        return context.get_dummy_value()

    return signature, generate


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


@intrinsic
def square_distances(typing_context, x, y, count, along, across, out):
    """Write squared distances in the plane of `count` points to GROUP places, without fused rounding.

    Samples at the same distance must stay so: no multiplication is fused with an addition here.
    """
    signature = types.void(x, y, types.int64, along, across, out)

    def generate(context, builder, signature, arguments):
        x, y, count, along, across, out = arguments
        places = [ir.IntType(64)(part * _LANES) for part in range(GROUP // _LANES)]
        targets = [(load_lanes(builder, along, place), load_lanes(builder, across, place)) for place in places]
        with cgutils.for_range(builder, count) as loop:
            a, b = (spread(builder, builder.load(builder.gep(axis, [loop.index]))) for axis in (x, y))
            to = builder.gep(out, [builder.mul(loop.index, ir.IntType(64)(GROUP))])
            for place, (target_x, target_y) in zip(places, targets):
                u, v = builder.fsub(target_x, a), builder.fsub(target_y, b)
                store_lanes(builder, builder.fadd(builder.fmul(u, u), builder.fmul(v, v)), to, place)
        return context.get_dummy_value()

    return signature, generate
