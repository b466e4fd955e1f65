# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""What the kernel of nearest samples is made of, in LLVM's own vectors: GROUP lanes stay in registers.

The loop vectoriser leaves short loops with a remainder that is done one by one, and checks every index; loops
here have neither.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .lanes_numba import _LANES, add_dots, load_lanes, spread, store_lanes


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
