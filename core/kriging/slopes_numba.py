# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""Weighted sums of covariance gradients, compiled: those of several samples, at many targets side by side.

The two commonest models are written in LLVM's own vectors: offsets, the inverse of the distance (from the
processor's estimate of 14 bits, made exact to rounding by a series) and the sums stay in registers.
"""

from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .lanes_numba import (
    _LANES,
    GROUP,
    STEP,
    _fused,
    carry_over,
    element,
    exponential,
    fast,
    fast_part,
    load_lanes,
    spread,
    store_lanes,
)

_SMALLEST = 1e-290
"""Squared distance below which a sample is at the target itself and takes no part."""

BLOCK_ROWS, BLOCK_COLUMNS = 4, _LANES
"""Lanes of a block, in rows of one vector."""

_HAS_ESTIMATE = _LANES == 8 and bool(binding.get_host_cpu_features().get("avx512f"))


def _vector():
    """Return the type of a vector of lanes."""
    return ir.VectorType(ir.DoubleType(), _LANES)


def _all(number: float):
    """Return a constant that is a number in every lane."""
    return ir.Constant(_vector(), [number] * _LANES)


def _inverse_root(builder, square):
    """Build 1 / sqrt(square), to about a unit in the last place."""
    vector = _vector()
    if not _HAS_ESTIMATE:
        name = f"llvm.sqrt.v{_LANES}f64"
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name)
        return builder.fdiv(_all(1.0), builder.call(root, [square]))
    fma = _fused(builder, vector)
    signature = ir.FunctionType(vector, [vector, vector, ir.IntType(8)])
    estimate = cgutils.get_or_insert_function(builder.module, signature, "llvm.x86.avx512.rsqrt14.pd.512")
    y = builder.call(estimate, [square, _all(0.0), ir.IntType(8)(-1)])
    # With e = 1 - square y^2, below 2^-13: y (1 - e)^(-1/2), of which the fifth term is below 2^-53.
    e = builder.call(fma, [builder.fneg(builder.fmul(square, y)), y, _all(1.0)])
    series = builder.call(fma, [e, _all(0.3125), _all(0.375)])
    series = builder.call(fma, [series, e, _all(0.5)])
    return builder.call(fma, [builder.fmul(y, e), series, y])


def _exponential(builder, x):
    """Build e^x as `lanes_numba.exponential` has it."""
    fma, integer = _fused(builder, _vector()), ir.VectorType(ir.IntType(64), _LANES)
    x = builder.select(builder.fcmp_ordered(">", x, _all(-700.0)), x, _all(-700.0))
    shifted = builder.call(fma, [x, _all(1.4426950408889634), _all(6755399441055744.0)])
    whole = builder.fneg(builder.fsub(shifted, _all(6755399441055744.0)))
    r = builder.call(fma, [whole, _all(0.6931471803691238), x])
    r = builder.call(fma, [whole, _all(1.9082149292705877e-10), r])
    factorial, series = 6227020800.0, _all(1.0 / 6227020800.0)
    for order in range(13, 0, -1):
        factorial /= order
        series = builder.call(fma, [series, r, _all(1.0 / factorial)])
    bits = builder.bitcast(shifted, integer)
    exponent = builder.shl(
        builder.add(bits, ir.Constant(integer, [1023] * _LANES)), ir.Constant(integer, [52] * _LANES)
    )
    return builder.fmul(series, builder.bitcast(exponent, _vector()))


def _spherical_terms(builder, square, factor, root):
    """Build ``(r^2 - 1) / d`` where r is below 1, and the correlation, with ``1 / range^2`` and ``1 / range``."""
    fma, inverse = _fused(builder, _vector()), _inverse_root(builder, square)
    beyond = builder.call(fma, [square, factor, _all(-1.0)])
    beyond = builder.select(builder.fcmp_ordered("<", beyond, _all(0.0)), beyond, _all(0.0))
    r = builder.fmul(builder.fmul(square, inverse), root)
    r = builder.select(builder.fcmp_ordered("<", r, _all(1.0)), r, _all(1.0))
    slope = builder.call(fma, [builder.fmul(r, r), _all(0.5), _all(-1.5)])
    return builder.fmul(beyond, inverse), builder.call(fma, [r, slope, _all(1.0)])


def _exponential_terms(builder, square, factor, root):
    """Build ``exp(-3 r) / d`` and the correlation, with the factor ``-3 / range``."""
    inverse = _inverse_root(builder, square)
    correlation = _exponential(builder, builder.fmul(factor, builder.fmul(square, inverse)))
    return builder.fmul(correlation, inverse), correlation


def _adder_of_slopes(terms_of, n_vectors):
    """Return what builds the addition of weighted offsets from samples in the plane, each times its ratio.

    Targets and sums are `n_vectors` vectors, `stride` numbers apart; weights are one number a sample, `by` numbers
    apart. Where three more arguments come, the correlations times a number are written to rows of lanes.
    """

    def generate(context, builder, signature, arguments):
        out_x, out_y, stride, x, y, samples_x, samples_y, weights, by, count, factor, *covariances = arguments
        integer, vector = ir.IntType(64), _vector()
        fma = _fused(builder, vector)

        at = [builder.mul(stride, integer(part)) for part in range(n_vectors)]
        targets = [tuple(load_lanes(builder, axis, offset) for axis in (x, y)) for offset in at]
        number = ir.DoubleType()
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), "llvm.sqrt.f64")
        roots, factors = spread(builder, builder.call(root, [factor])), spread(builder, factor)
        psills = spread(builder, covariances[2]) if covariances else None

        def step(row, totals):
            sample = [spread(builder, builder.load(builder.gep(axis, [row]))) for axis in (samples_x, samples_y)]
            weight = spread(builder, builder.load(builder.gep(weights, [builder.mul(row, by)])))
            for part, target in enumerate(targets):
                u, v = (builder.fsub(own, other) for own, other in zip(target, sample))
                square = builder.call(fma, [u, u, builder.fmul(v, v)])
                square = builder.select(builder.fcmp_ordered(">", square, _all(_SMALLEST)), square, _all(_SMALLEST))
                ratio, correlation = terms_of(builder, square, factors, roots)
                if covariances:
                    to, of_row, _ = covariances
                    place = builder.add(builder.mul(row, of_row), at[part])
                    store_lanes(builder, builder.fmul(correlation, psills), to, place)
                weighted = builder.fmul(weight, ratio)
                for total, offset in zip(totals[2 * part :], (u, v)):
                    yield builder.call(fma, [weighted, offset, total])

        sums = [(out, offset) for offset in at for out in (out_x, out_y)]
        totals = carry_over(builder, count, [load_lanes(builder, out, offset) for out, offset in sums], step)
        for total, (out, offset) in zip(totals, sums):
            store_lanes(builder, total, out, offset)
        return context.get_dummy_value()

    return generate


def _writer_of_covariances(terms_of, has_ratios):
    """Return what builds a row of covariances of a sample in the plane, and of the ratios of their slopes."""

    def generate(context, builder, signature, arguments):
        out, x, y, along, across, count, factor, psill, *ratios = arguments
        number, fma = ir.DoubleType(), _fused(builder, _vector())
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), "llvm.sqrt.f64")
        roots, factors, psills = (spread(builder, one) for one in (builder.call(root, [factor]), factor, psill))
        own = [spread(builder, one) for one in (x, y)]
        with cgutils.for_range_slice(builder, ir.IntType(64)(0), count, ir.IntType(64)(_LANES)) as (at, _):
            u, v = (builder.fsub(load_lanes(builder, axis, at), one) for axis, one in zip((along, across), own))
            square = builder.call(fma, [u, u, builder.fmul(v, v)])
            square = builder.select(builder.fcmp_ordered(">", square, _all(_SMALLEST)), square, _all(_SMALLEST))
            ratio, correlation = terms_of(builder, square, factors, roots)
            store_lanes(builder, builder.fmul(correlation, psills), out, at)
            if has_ratios:
                store_lanes(builder, ratio, ratios[0], at)
        return context.get_dummy_value()

    return generate


def _row_of(out, along, *ratios):
    """Return the signature of a row of covariances."""
    number = types.float64
    return types.void(out, number, number, along, along, types.int64, number, number, *ratios)


@intrinsic
def spherical_row(typing_context, out, x, y, along, across, count, factor, psill):
    """Write spherical covariances of one sample in the plane with `count` targets, a multiple of 8."""
    return _row_of(out, along), _writer_of_covariances(_spherical_terms, has_ratios=False)


@intrinsic
def exponential_row(typing_context, out, x, y, along, across, count, factor, psill):
    """Write exponential covariances of one sample in the plane with `count` targets, a multiple of 8."""
    return _row_of(out, along), _writer_of_covariances(_exponential_terms, has_ratios=False)


@intrinsic
def spherical_row_with_ratios(typing_context, out, x, y, along, across, count, factor, psill, ratios):
    """Write the same, and what weighted offsets are multiplied by in slopes."""
    return _row_of(out, along, ratios), _writer_of_covariances(_spherical_terms, has_ratios=True)


@intrinsic
def exponential_row_with_ratios(typing_context, out, x, y, along, across, count, factor, psill, ratios):
    """Write the same, and what weighted offsets are multiplied by in slopes."""
    return _row_of(out, along, ratios), _writer_of_covariances(_exponential_terms, has_ratios=True)


@intrinsic
def add_offsets(typing_context, out_x, out_y, x, y, samples_x, samples_y, weights, ratios, stride, count):
    """Add to STEP lanes the offsets from `count` samples in the plane, times weights and ratios of `stride` lanes."""
    signature = types.void(out_x, out_y, x, y, samples_x, samples_y, weights, ratios, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        out_x, out_y, x, y, samples_x, samples_y, weights, ratios, stride, count = arguments
        fma, at = _fused(builder, _vector()), [ir.IntType(64)(part) for part in range(0, STEP, _LANES)]
        targets = [tuple(load_lanes(builder, axis, part) for axis in (x, y)) for part in at]

        def step(row, totals):
            sample = [spread(builder, builder.load(builder.gep(axis, [row]))) for axis in (samples_x, samples_y)]
            for number, (part, target) in enumerate(zip(at, targets)):
                place = builder.add(builder.mul(row, stride), part)
                weighted = builder.fmul(load_lanes(builder, weights, place), load_lanes(builder, ratios, place))
                for total, own, other in zip(totals[2 * number :], target, sample):
                    yield builder.call(fma, [weighted, builder.fsub(own, other), total])

        sums = [(out, part) for part in at for out in (out_x, out_y)]
        totals = carry_over(builder, count, [load_lanes(builder, out, part) for out, part in sums], step)
        for total, (out, part) in zip(totals, sums):
            store_lanes(builder, total, out, part)
        return context.get_dummy_value()

    return signature, generate


def _signature(pointer, *more):
    """Return the signature of the sums below."""
    integer, number = types.int64, types.float64
    return types.void(
        pointer, pointer, integer, pointer, pointer, pointer, pointer, pointer, integer, integer, number, *more
    )  # fmt: skip


@intrinsic
def _add_spherical_of_block(
    typing_context, out_x, out_y, stride, x, y, samples_x, samples_y, weights, by, count, factor
):
    """Add spherical slopes at BLOCK_ROWS vectors of lanes, with one weight a sample."""
    return _signature(out_x), _adder_of_slopes(_spherical_terms, BLOCK_ROWS)


@intrinsic
def _add_exponential_of_block(
    typing_context, out_x, out_y, stride, x, y, samples_x, samples_y, weights, by, count, factor
):
    """Add exponential slopes at BLOCK_ROWS vectors of lanes, with one weight a sample."""
    return _signature(out_x), _adder_of_slopes(_exponential_terms, BLOCK_ROWS)


@intrinsic
def _meet_spherical(
    typing_context, out_x, out_y, stride, x, y, samples_x, samples_y, weights, by, count, factor, to, of_row, psill
):
    """Add spherical slopes at STEP lanes, with one weight a sample, and write the covariances."""
    signature = _signature(out_x, to, types.int64, types.float64)
    return signature, _adder_of_slopes(_spherical_terms, STEP // _LANES)


@intrinsic
def _meet_exponential(
    typing_context, out_x, out_y, stride, x, y, samples_x, samples_y, weights, by, count, factor, to, of_row, psill
):
    """Add exponential slopes at STEP lanes, with one weight a sample, and write the covariances."""
    signature = _signature(out_x, to, types.int64, types.float64)
    return signature, _adder_of_slopes(_exponential_terms, STEP // _LANES)


@fast_part
def slope_ratios(
    ratio: np.ndarray, distance: np.ndarray, n: int, frame: int,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Write the sum over a frame's terms of ``C'(h) / h`` at the distances; 0 where a model has no limit at 0."""
    for s in range(n):
        ratio[s] = 0.0
    for term in range(len(models)):
        if frames[term] != frame:
            continue
        factor = 1.0 / scales[term]
        size = psills[term] * factor * factor
        if models[term] == 0:
            for s in range(n):
                r = distance[s] * factor
                r = r if r < 1.0 and r > 0.0 else 1.0
                ratio[s] += size * 1.5 * (r - 1.0 / r)
        elif models[term] == 1:
            for s in range(n):
                r = distance[s] * factor
                inverse = 1.0 / (r if r > 0.0 else 1.0)
                ratio[s] -= (size * 3.0 * inverse if r > 0.0 else 0.0) * exponential(-3.0 * r)
        elif models[term] == 2:
            for s in range(n):
                r = distance[s] * factor
                ratio[s] -= size * 6.0 * exponential(-3.0 * r * r)
        elif models[term] == 3:
            for s in range(n):
                r = distance[s] * factor
                r = r if r < 1.0 else 1.0
                ratio[s] += size * (-14.0 + r * (26.25 - r * r * (17.5 - 5.25 * r * r)))
        elif models[term] == 4:
            for s in range(n):
                ratio[s] -= size * 9.0 * exponential(-3.0 * factor * distance[s])
        else:
            for s in range(n):
                x = 3.0 * factor * distance[s]
                ratio[s] -= size * 3.0 * (1.0 + x) * exponential(-x)


@fast
def is_simple(n_dimensions: int, models: np.ndarray) -> bool:
    """Return whether a covariance is one of those written out: one spherical or exponential structure in the plane."""
    return n_dimensions == 2 and len(models) == 1 and models[0] <= 1


@fast
def simple_constants(models: np.ndarray, psills: np.ndarray, scales: np.ndarray) -> tuple:
    """Return the factor in the ratio of such a covariance, and what its sums are to be multiplied by at last."""
    if models[0] == 0:
        return 1.0 / (scales[0] * scales[0]), 1.5 * psills[0] / scales[0]
    return -3.0 / scales[0], -3.0 * psills[0] / scales[0]


@fast_part
def add_slopes_of_group(
    sums: np.ndarray, at: int, places: np.ndarray, first: int, samples: np.ndarray, n: int, weights: np.ndarray,
    column: int, frame: int, frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
    room: np.ndarray,
) -> None:  # fmt: skip
    """Add to GROUP lanes the gradients, in a frame, of covariances with n samples, each times a weight by lane.

    Parameters
    ----------
    sums : ndarray, shape (n_dimensions, n_lanes)
        To add to, from lane `at` on.
    places : ndarray, shape (n_dimensions, n_places)
        In the frame; those from `first` on are meant.
    samples : ndarray, shape (n_dimensions, at least n)
        In the frame.
    weights : ndarray, shape (at least n, n_columns)
        The GROUP lanes from `column` on are meant.
    room : ndarray, shape (2, GROUP)
        Working memory.
    """
    distance, ratio = room[0], room[1]
    for j in range(n):
        distance[:] = 0.0
        for axis in range(len(places)):
            along, x = places[axis, first : first + GROUP], samples[axis, j]
            for s in range(GROUP):
                offset = along[s] - x
                distance[s] += offset * offset
        for s in range(GROUP):
            distance[s] = np.sqrt(distance[s])
        slope_ratios(ratio, distance, GROUP, frame, frames, models, psills, scales)
        weight = weights[j]
        for s in range(GROUP):
            ratio[s] *= weight[column + s]
        for axis in range(len(places)):
            along, x, out = places[axis, first : first + GROUP], samples[axis, j], sums[axis, at : at + GROUP]
            for s in range(GROUP):
                out[s] += ratio[s] * (along[s] - x)


@fast
def add_slopes_of_block(
    sums: np.ndarray, places: np.ndarray, at: int, stride: int, samples: np.ndarray, n: int, weights: np.ndarray,
    models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Add to a block of lanes the gradients of covariances with n samples, each times its weight, of what `is_simple`.

    Parameters
    ----------
    sums, places : ndarray, shape (2, n_lanes)
        Rows of the block are `stride` lanes apart, the first begins at lane `at`; the sums are to be multiplied by
        the second of `simple_constants`.
    samples, weights : ndarray, shape (2, at least n), (at least n,)
    """
    factor = simple_constants(models, psills, scales)[0]
    out_x, out_y = element(sums, at), element(sums, sums.shape[1] + at)
    x, y = element(places, at), element(places, places.shape[1] + at)
    samples_x, samples_y, of_samples = element(samples, 0), element(samples, samples.shape[1]), element(weights, 0)
    if models[0] == 0:
        _add_spherical_of_block(out_x, out_y, stride, x, y, samples_x, samples_y, of_samples, 1, n, factor)
    else:
        _add_exponential_of_block(out_x, out_y, stride, x, y, samples_x, samples_y, of_samples, 1, n, factor)


@fast
def meet_samples(
    sums: np.ndarray, covariances: np.ndarray, places: np.ndarray, n: int, samples: np.ndarray, n_samples: int,
    weights: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Write the covariances of n lanes with samples and add their gradients, each times a weight, of what `is_simple`.

    Parameters
    ----------
    sums, places : ndarray, shape (2, n_lanes)
        The sums are to be multiplied by the second of `simple_constants`.
    covariances : ndarray, shape (at least n_samples, n_lanes)
    n : int
        A multiple of STEP.
    samples, weights : ndarray, shape (2, at least n_samples), (at least n_samples,)
    """
    factor, psill, of_row = simple_constants(models, psills, scales)[0], psills[0], covariances.shape[1]
    samples_x, samples_y, of_samples = element(samples, 0), element(samples, samples.shape[1]), element(weights, 0)
    for at in range(0, n, STEP):
        out_x, out_y, to = element(sums, at), element(sums, sums.shape[1] + at), element(covariances, at)
        x, y = element(places, at), element(places, places.shape[1] + at)
        if models[0] == 0:
            _meet_spherical(
                out_x, out_y, _LANES, x, y, samples_x, samples_y, of_samples, 1, n_samples, factor, to, of_row, psill
            )
        else:
            _meet_exponential(
                out_x, out_y, _LANES, x, y, samples_x, samples_y, of_samples, 1, n_samples, factor, to, of_row, psill
            )
