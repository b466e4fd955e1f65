# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""Squared distances of many samples to GROUP lanes, and how many are within bounds, in LLVM's own vectors."""

from __future__ import annotations

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .lanes_numba import _LANES, GROUP, carry_over, exact, load_lanes, spread, store_lanes


@intrinsic
def first_bit(typing_context, bits):
    """Return the place of the lowest bit set."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@intrinsic
def count_bits(typing_context, bits):
    """Return how many bits are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


def _reduction(operation):
    """Return what builds one word of GROUP words: the bits of every one (and) or of any (or)."""

    def generate(context, builder, signature, arguments):
        integers = ir.VectorType(ir.IntType(64), _LANES)
        words = [
            builder.bitcast(load_lanes(builder, arguments[0], ir.IntType(64)(part)), integers)
            for part in range(0, GROUP, _LANES)
        ]
        total = words[0]
        for word in words[1:]:
            total = builder.and_(total, word) if operation == "and" else builder.or_(total, word)
        name = f"llvm.vector.reduce.{operation}.v{_LANES}i64"
        reduce = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(64), [integers]), name)
        return builder.call(reduce, [total])

    return generate


@intrinsic
def bits_of_every(typing_context, words):
    """Return the bits that are set in every one of GROUP words."""
    return types.int64(words), _reduction("and")


@intrinsic
def bits_of_any(typing_context, words):
    """Return the bits that are set in any of GROUP words."""
    return types.int64(words), _reduction("or")


@intrinsic
def bits_within(typing_context, values, bound):
    """Return which of 64 numbers are within a bound, as bits."""
    signature = types.int64(values, types.float64)

    def generate(context, builder, signature, arguments):
        integer, bounds = ir.IntType(64), spread(builder, arguments[1])
        bits = integer(0)
        for first in range(0, 64, _LANES):
            is_within = builder.fcmp_ordered("<=", load_lanes(builder, arguments[0], integer(first)), bounds)
            part = builder.zext(builder.bitcast(is_within, ir.IntType(_LANES)), integer)
            bits = builder.or_(bits, builder.shl(part, integer(first)))
        return bits

    return signature, generate


@intrinsic
def _deposit(typing_context, bits, mask):
    """Return a number whose bits are, where those of a mask are set, the lowest bits of another in their order."""

    def generate(context, builder, signature, arguments):
        integer = ir.IntType(64)
        signature = ir.FunctionType(integer, [integer, integer])
        return builder.call(
            cgutils.get_or_insert_function(builder.module, signature, "llvm.x86.bmi.pdep.64"), arguments
        )

    return types.int64(types.int64, types.int64), generate


@exact
def deposit_one_by_one(bits: int, mask: int) -> int:
    """Return the same where the processor has no instruction for it."""
    result = 0
    while mask != 0:
        result |= (mask & -mask) * (bits & 1)
        mask &= mask - 1
        bits >>= 1
    return result


deposit_bits = _deposit if binding.get_host_cpu_features().get("bmi2") else deposit_one_by_one


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
def narrow_bounds(typing_context, bound, counts, wanted, least, most):
    """Move the bounds of the lanes that are more than one off towards the wanted count; return whether there are such.

    ``bound`` is followed by four more rows of lanes: a bound below with its count and one above with its count. The
    next bound lies between these, at a share from `least` to `most` of the way, where counts between suggest it.
    """
    signature = types.boolean(bound, counts, types.float64, types.float64, types.float64)

    def generate(context, builder, signature, arguments):
        bound, counts, wanted, least, most = arguments
        vector, integers = ir.VectorType(ir.DoubleType(), _LANES), ir.VectorType(ir.IntType(64), _LANES)
        one = ir.DoubleType()(1.0)
        fewest, largest = (spread(builder, change(wanted, one)) for change in (builder.fsub, builder.fadd))
        middle = spread(builder, builder.fadd(wanted, ir.DoubleType()(0.5)))
        least, most = spread(builder, least), spread(builder, most)
        is_any = ir.Constant(ir.IntType(1), 0)
        for part in range(GROUP // _LANES):
            places = [ir.IntType(64)(row * GROUP + part * _LANES) for row in range(5)]
            old, *sides = (load_lanes(builder, bound, place) for place in places)
            count = builder.bitcast(load_lanes(builder, counts, places[0]), integers)
            count = builder.sitofp(count, vector)
            is_few, is_many = (
                builder.fcmp_ordered(sign, count, limit) for sign, limit in (("<", fewest), (">", largest))
            )
            below, below_count, above, above_count = (
                builder.select(is_side, value, side)
                for is_side, value, side in zip((is_few, is_few, is_many, is_many), (old, count, old, count), sides)
            )
            for value, place in zip((below, below_count, above, above_count), places[1:]):
                store_lanes(builder, value, bound, place)
            share = builder.fdiv(builder.fsub(middle, below_count), builder.fsub(above_count, below_count))
            share = builder.select(builder.fcmp_ordered(">", share, least), share, least)
            share = builder.select(builder.fcmp_ordered("<", share, most), share, most)
            between = builder.fadd(below, builder.fmul(builder.fsub(above, below), share))
            is_off = builder.or_(is_few, is_many)
            store_lanes(builder, builder.select(is_off, between, old), bound, places[0])
            some = builder.icmp_unsigned("!=", builder.bitcast(is_off, ir.IntType(_LANES)), ir.IntType(_LANES)(0))
            is_any = builder.or_(is_any, some)
        return is_any

    return signature, generate


@intrinsic
def settle_bounds(typing_context, squared, count, bound, wanted):
    """Move the bounds that are one off, of GROUP lanes, to where the wanted number of rows is within.

    Rows at equal distances move together: then the number is another.
    """
    signature = types.void(squared, types.int64, bound, types.int64)

    def generate(context, builder, signature, arguments):
        squared, count, bound, wanted = arguments
        integers, doubles = ir.VectorType(ir.IntType(64), _LANES), ir.VectorType(ir.DoubleType(), _LANES)
        one = ir.Constant(integers, [1] * _LANES)
        places = [ir.IntType(64)(part * _LANES) for part in range(GROUP // _LANES)]
        bounds = [load_lanes(builder, bound, place) for place in places]

        def next_totals(row, totals):
            at = builder.mul(row, ir.IntType(64)(GROUP))
            for number, place in enumerate(places):
                found, last, next_ = totals[3 * number : 3 * number + 3]
                value = load_lanes(builder, squared, builder.add(at, place))
                is_within = builder.fcmp_ordered("<=", value, bounds[number])
                larger = builder.select(builder.fcmp_ordered(">", value, last), value, last)
                smaller = builder.select(builder.fcmp_ordered("<", value, next_), value, next_)
                yield builder.select(is_within, builder.add(found, one), found)
                yield builder.select(is_within, larger, last)
                yield builder.select(is_within, next_, smaller)

        begun = [
            ir.Constant(integers, [0] * _LANES), ir.Constant(doubles, [0.0] * _LANES),
            ir.Constant(doubles, [float("inf")] * _LANES),
        ] * len(places)  # fmt: skip
        totals = carry_over(builder, count, begun, next_totals)
        wanted = spread(builder, wanted)
        for number, place in enumerate(places):
            found, last, next_ = totals[3 * number : 3 * number + 3]
            before = builder.bitcast(builder.sub(builder.bitcast(last, integers), one), doubles)
            is_few = builder.icmp_signed("==", builder.add(found, one), wanted)
            is_many = builder.icmp_signed("==", builder.sub(found, one), wanted)
            settled = builder.select(is_few, next_, builder.select(is_many, before, bounds[number]))
            store_lanes(builder, settled, bound, place)
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
