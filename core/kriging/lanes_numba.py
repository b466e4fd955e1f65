# mypy: disable-error-code="call-arg, var-annotated, no-untyped-def"
"""What the compiled kernels are made of: many targets side by side, one a SIMD lane.

Arrays of *lanes* have the targets along their last axis. Two operations take nearly all time:

* `multiply_rows`, a few rows of a matrix times lanes, written in LLVM's own vectors: sums stay in
  registers from the first product to the last, which the loop vectoriser does not find by itself
  (1.4 times as fast);
* `lane_covariances`, the covariances of one sample with all lanes, with an exponential written out,
  because LLVM does not vectorise the library's function.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.cpu import CPUTargetOptions
from numba.extending import intrinsic


def digest_of_kernels(folder: Path) -> str:
    """Return what changes when any of the files with kernels in a folder does."""
    digest = 0
    for path in sorted(folder.glob("*_numba.py")):
        digest = zlib.crc32(path.read_bytes(), digest)
    return f"{digest:08x}"


_DIGEST = digest_of_kernels(Path(__file__).parent)


def _compiled(**options):
    """Return numba's decorator with a cache of its own for each name of this package and each state of the kernels.

    What is cached refers to its module by the full name (the plugin's or the backend's), but is found by file and
    function alone; and it holds the kernels that it calls from other files, whose changes numba does not see.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", **options)

    def decorate(function):
        name = f"{function.__module__}.{function.__qualname__}".replace(".", "_")
        function.__qualname__ = f"{name}_{_DIGEST}"
        return compiled(function)

    return decorate


# Numbers here are never NaN, and a fused multiply-add only rounds less.
fast = _compiled(fastmath={"nnan", "nsz", "contract"})
exact = _compiled()
reordered = _compiled(fastmath={"nnan", "nsz", "contract", "reassoc"})

# A part of a kernel keeps none of the arrays it is given and makes none: that it does not count references to them,
# which is done under a lock, saves a twentieth of a kernel with many parts.
_UNCOUNTED = {"_nrt": False} if hasattr(CPUTargetOptions, "_nrt") else {}
exact_part = _compiled(**_UNCOUNTED)
fast_part = _compiled(fastmath={"nnan", "nsz", "contract"}, **_UNCOUNTED)

CompilationError = numba.core.errors.NumbaError
"""What a kernel raises that does not compile."""

MODEL_CODES = {"spherical": 0, "exponential": 1, "gaussian": 2, "cubic": 3}
"""Number of each model without a shape in the kernels."""

MATERN_CODES = {0.5: 1, 1.5: 4, 2.5: 5}
"""Number of each Matern: an exponential, for the larger shapes times a polynomial."""


def _register_block() -> tuple[int, int, int]:
    """Return lanes a register, rows and registers a row of the block of sums that registers hold."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8, 8, 3
    return (4, 4, 3) if features.get("avx") else (2, 4, 3)


_LANES, ROWS, _COLUMNS = _register_block()
STEP = _LANES * _COLUMNS
"""Lanes are multiplied in groups of this size: rows of lanes have a multiple of it."""

PIECE = 12
"""Columns of a narrow piece of a strip of ROWS rows: together a multiple of STEP lanes."""

NARROW = min(-(-PIECE // _LANES), _COLUMNS) * _LANES
"""Lanes that are multiplied at once in such a piece."""

GROUP = 16
"""Small systems factorised side by side."""


@intrinsic
def element(typing_context, array, offset):
    """Return a pointer to an element of an array in row order."""

    def generate(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.gep(made.data, [arguments[1]])

    return types.CPointer(array.dtype)(array, types.int64), generate


def _fused(builder, vector):
    """Return LLVM's fused multiply-add of vectors."""
    name = f"llvm.fma.v{_LANES}f64"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)


def spread(builder, number):
    """Build a vector that has a number in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, _LANES), ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
    return builder.shuffle_vector(builder.insert_element(undefined, number, ir.IntType(32)(0)), undefined, everywhere)


def _lanes_at(builder, pointer, offset, vector):
    """Build the place of a vector, `offset` numbers after a pointer to numbers."""
    return builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())


def load_lanes(builder, pointer, offset):
    """Build the loading of a vector of doubles, `offset` numbers after a pointer."""
    value = builder.load(_lanes_at(builder, pointer, offset, ir.VectorType(ir.DoubleType(), _LANES)))
    value.align = 8
    return value


def store_lanes(builder, value, pointer, offset):
    """Build the storing of a vector, `offset` numbers after a pointer."""
    stored = builder.store(value, _lanes_at(builder, pointer, offset, value.type))
    stored.align = 8


def carry_over(builder, count, begun, step):
    """Build a loop over `count` rows that carries values from row to row, and return those after the last.

    ``step(row, values)`` makes the values that follow those that came, `begun` before the first row.
    """
    integer = ir.IntType(64)
    before = builder.block
    test, body, end = (builder.append_basic_block(name) for name in ("rows", "row", "done"))
    builder.branch(test)
    builder.position_at_end(test)
    row = builder.phi(integer)
    row.add_incoming(integer(0), before)
    carried = [builder.phi(value.type) for value in begun]
    builder.cbranch(builder.icmp_signed("<", row, count), body, end)
    builder.position_at_end(body)
    for value, start, following in zip(carried, begun, step(row, carried)):
        value.add_incoming(start, before)
        value.add_incoming(following, body)
    row.add_incoming(builder.add(row, integer(1)), body)
    builder.branch(test)
    builder.position_at_end(end)
    return carried


def _products(builder, matrix, width, count, lanes, stride, begins, chosen=None):
    """Build sums, begun with rows of vectors, of `count` products of matrix elements and lanes; return them.

    The elements are those of rows one after another and the first columns, or of those whose
    numbers two pointers give.
    """
    integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), _LANES)
    fma = _fused(builder, vector)
    numbers = [integer(row) for row in range(len(begins))]
    if chosen is not None:
        numbers = [builder.load(builder.gep(chosen[0], [number])) for number in numbers]
    rows = [builder.gep(matrix, [builder.mul(number, width)]) for number in numbers]
    before = builder.block
    loop, end = builder.append_basic_block("products"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(integer)
    j.add_incoming(integer(0), before)
    sums = [[builder.phi(vector) for _ in row] for row in begins]
    start = builder.gep(lanes, [builder.mul(j, stride)])
    values = [load_lanes(builder, start, integer(column * _LANES)) for column in range(len(begins[0]))]
    column = j if chosen is None else builder.load(builder.gep(chosen[1], [j]))
    for row, row_sums, row_begins in zip(rows, sums, begins):
        factor = builder.load(builder.gep(row, [column]))
        factors = spread(builder, factor)
        for value, total, begin in zip(values, row_sums, row_begins):
            total.add_incoming(begin, before)
            total.add_incoming(builder.call(fma, [factors, value, total]), loop)
    if chosen is not None:
        # Nothing is loaded for the next column before: too many registers would be filled.
        builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], side_effect=True)
    following = builder.add(j, integer(1))
    j.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, end)
    builder.position_at_end(end)
    return [[total.incomings[1][0] for total in row] for row in sums]


def _places_in_block(builder, stride, n_rows, n_columns):
    """Build where the vectors of some rows of lanes begin."""
    integer = ir.IntType(64)
    return [
        [builder.add(builder.mul(integer(row), stride), integer(column * _LANES)) for column in range(n_columns)]
        for row in range(n_rows)
    ]


def block_of_products(n_rows=ROWS, n_columns=_COLUMNS, added=False):
    """Return what builds n_rows rows of sums of `count` products of matrix elements and lanes, n_columns vectors wide.

    The sums are written, or added to what stands there.
    """

    def generate(context, builder, signature, arguments):
        matrix, width, count, lanes, stride, out, *out_stride = arguments
        zeros = ir.Constant(ir.VectorType(ir.DoubleType(), _LANES), [0.0] * _LANES)
        places = _places_in_block(builder, *(out_stride or [stride]), n_rows, n_columns)
        begins = [[load_lanes(builder, out, at) if added else zeros for at in row] for row in places]
        sums = _products(builder, matrix, width, count, lanes, stride, begins)
        for row_sums, row in zip(sums, places):
            for total, at in zip(row_sums, row):
                store_lanes(builder, total, out, at)
        return context.get_dummy_value()

    return generate


@intrinsic
def _multiply_block(typing_context, matrix, width, count, lanes, stride, out):
    """Write a block of products."""
    return types.void(matrix, types.int64, types.int64, lanes, types.int64, out), block_of_products()


@intrinsic
def _add_two_rows(typing_context, matrix, width, count, lanes, stride, out, out_stride):
    """Add two rows of products."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, out, types.int64)
    return signature, block_of_products(n_rows=2, added=True)


@intrinsic
def _add_row(typing_context, matrix, width, count, lanes, stride, out, out_stride):
    """Add one row of products."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, out, types.int64)
    return signature, block_of_products(n_rows=1, added=True)


def _form_of_products(is_squared, is_chosen=False):
    """Return what builds the addition, to STEP lanes, of a block of products times other rows of lanes, or squared.

    The products are added to the rows from `begun` on, which stay as they are, before. They are of the first rows and
    columns of a matrix or of chosen ones.
    """

    def generate(context, builder, signature, arguments):
        matrix, width, count, lanes, stride, *others, form = arguments
        others, chosen = (others[:2], others[2:]) if is_chosen else (others, None)
        vector = ir.VectorType(ir.DoubleType(), _LANES)
        fma, places = _fused(builder, vector), _places_in_block(builder, stride, ROWS, _COLUMNS)
        zeros = ir.Constant(vector, [0.0] * _LANES)
        begins = [[zeros if is_squared else load_lanes(builder, others[1], at) for at in row] for row in places]
        sums = _products(builder, matrix, width, count, lanes, stride, begins, chosen=chosen)
        for column, at in enumerate(places[0]):
            total = load_lanes(builder, form, at)
            for row_sums, row in zip(sums, places):
                value = row_sums[column]
                other = value if is_squared else load_lanes(builder, others[0], row[column])
                total = builder.call(fma, [value, other, total])
            store_lanes(builder, total, form, at)
        return context.get_dummy_value()

    return generate


@intrinsic
def _add_form(typing_context, matrix, width, count, lanes, stride, others, begun, form):
    """Add a block of products, begun with rows of lanes, times other rows."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, others, begun, form)
    return signature, _form_of_products(is_squared=False)


@intrinsic
def _add_form_of_chosen(typing_context, matrix, width, count, lanes, stride, others, begun, rows, columns, form):
    """Add a block of products of the rows and columns of a matrix whose numbers are given."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, others, begun, rows, columns, form)
    return signature, _form_of_products(is_squared=False, is_chosen=True)


@intrinsic
def _multiply_narrow_block(typing_context, matrix, width, count, lanes, stride, out, out_stride):
    """Write a block of products of NARROW lanes, to rows as far apart as is said."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, out, types.int64)
    return signature, block_of_products(n_columns=NARROW // _LANES)


@intrinsic
def _add_squares(typing_context, matrix, width, count, lanes, stride, form):
    """Add a block of products, squared."""
    signature = types.void(matrix, types.int64, types.int64, lanes, types.int64, form)
    return signature, _form_of_products(is_squared=True)


def add_dots(builder, out, left, left_stride, right_of, count, subtracted=False, factor=None):
    """Build the addition, to GROUP lanes, of `count` products of rows of lanes and what `right_of` loads.

    The latter is called with row and part. The products may be subtracted, and the result multiplied by lanes.
    """
    integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), _LANES)
    fma = _fused(builder, vector)
    parts = [integer(part * _LANES) for part in range(GROUP // _LANES)]

    def step(row, totals):
        for total, part in zip(totals, parts):
            value = load_lanes(builder, left, builder.add(builder.mul(row, left_stride), part))
            if subtracted:
                value = builder.fneg(value)
            yield builder.call(fma, [value, right_of(row, part), total])

    totals = carry_over(builder, count, [load_lanes(builder, out, part) for part in parts], step)
    for total, part in zip(totals, parts):
        result = total if factor is None else builder.fmul(total, load_lanes(builder, factor, part))
        store_lanes(builder, result, out, part)


@intrinsic
def subtract_group_dots(typing_context, out, left, right, count, factor):
    """Write ``(out - sum of left * right) * factor`` for GROUP lanes, over `count` rows of lanes one after another."""
    signature = types.void(out, left, right, types.int64, factor)

    def generate(context, builder, signature, arguments):
        out, left, right, count, factor = arguments
        stride = ir.IntType(64)(GROUP)

        def right_of(row, part):
            return load_lanes(builder, right, builder.add(builder.mul(row, stride), part))

        add_dots(builder, out, left, stride, right_of, count, subtracted=True, factor=factor)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _power_of_two(typing_context, shifted):
    """Return 2^k of a float that is k + 1.5 * 2^52: its last bits are k, moved to where exponents are."""

    def generate(context, builder, signature, arguments):
        integer = ir.IntType(64)
        bits = builder.bitcast(arguments[0], integer)
        exponent = builder.shl(builder.add(bits, integer(1023)), integer(52))
        return builder.bitcast(exponent, ir.DoubleType())

    return types.float64(types.float64), generate


@fast
def aligned(n: int) -> np.ndarray:
    """Return n zeros that begin with a cache line: vectors loaded from them lie in one each, not across two."""
    room = np.zeros(n + 8)
    first = (64 - room.ctypes.data % 64) % 64 // 8
    return room[first : first + n]


@fast
def lanes_from(array: np.ndarray, offset: int, n: int) -> np.ndarray:
    """Return n elements of an array from one on, counted in row order; unlike a slice it counts no references."""
    return numba.carray(element(array, offset), n)


@fast
def take(memory: np.ndarray, at: int, shape: tuple) -> tuple:
    """Return an array in working memory, from an element on, and where what is free then begins.

    It begins with a cache line as long as the first did.
    """
    n = 1
    for length in shape:
        n *= length
    return numba.carray(element(memory, at), shape), at + 8 * ((n + 7) // 8)


@fast_part
def copy_lanes(out: np.ndarray, lanes: np.ndarray, n: int) -> None:
    """Copy the first n numbers; numba takes seconds to compile the message of an assignment that does not fit."""
    for s in range(n):
        out[s] = lanes[s]


@fast
def multiply_rows(matrix: np.ndarray, row: int, count: int, lanes: np.ndarray, n: int, out: np.ndarray) -> None:
    """Write ``matrix[row : row + ROWS, :count] @ lanes[:count]`` to ``out[:ROWS]``, lane 0 to n.

    All arrays in row order; ``lanes`` and ``out`` equally wide, a multiple of STEP.
    """
    width, stride = matrix.shape[1], lanes.shape[1]
    for s in range(0, n, STEP):
        first = element(matrix, row * width)
        from_lanes, to_lanes = element(lanes, s), element(out, s)
        _multiply_block(first, width, count, from_lanes, stride, to_lanes)


@fast
def multiply_rows_tight(
    matrix: np.ndarray, row: int, count: int, lanes: np.ndarray, first: int, stride: int, out: np.ndarray, at: int
) -> None:
    """Do the same with rows of ``stride`` lanes that follow each other, of any number.

    They begin with the element `first` of ``lanes`` and `at` of ``out``, counted in row order. Up to STEP elements are
    read and overwritten behind the last row.
    """
    width = matrix.shape[1]
    # From the right: what a row's last group writes into the next row is written once more.
    for s in range(STEP * ((stride - 1) // STEP), -1, -STEP):
        from_matrix = element(matrix, row * width)
        from_lanes, to_lanes = element(lanes, first + s), element(out, at + s)
        _multiply_block(from_matrix, width, count, from_lanes, stride, to_lanes)


@fast
def multiply_rows_narrow(
    matrix: np.ndarray, row: int, count: int, lanes: np.ndarray, first: int, stride: int, n: int, out: np.ndarray,
    at: int,
) -> None:  # fmt: skip
    """Do the same with n lanes of rows of ``stride``, and write rows of n: up to NARROW elements behind the last."""
    width = matrix.shape[1]
    for s in range(NARROW * ((n - 1) // NARROW), -1, -NARROW):
        from_matrix = element(matrix, row * width)
        from_lanes, to_lanes = element(lanes, first + s), element(out, at + s)
        _multiply_narrow_block(from_matrix, width, count, from_lanes, stride, to_lanes, n)


@fast
def add_rows(out: np.ndarray, matrix: np.ndarray, count: int, lanes: np.ndarray, n: int) -> None:
    """Add ``matrix[:, :count] @ lanes[:count]`` to lane 0 to n; `count` is above 0, n a multiple of STEP."""
    width, stride, to = matrix.shape[1], lanes.shape[1], out.shape[1]
    for s in range(0, n, STEP):
        values = element(lanes, s)
        for row in range(0, len(matrix) - 1, 2):
            _add_two_rows(element(matrix, row * width), width, count, values, stride, element(out, row * to + s), to)
        if len(matrix) % 2:
            last = len(matrix) - 1
            _add_row(element(matrix, last * width), width, count, values, stride, element(out, last * to + s), to)


@fast
def add_form(form: np.ndarray, matrix: np.ndarray, size: int, lanes: np.ndarray, begun: np.ndarray, n: int) -> None:
    """Add to lane 0 to n ``sum_i lanes_i (begun_i + sum_j<=i matrix_ij lanes_j)``.

    Parameters
    ----------
    form : ndarray, shape (at least n,)
    matrix : ndarray, shape (size and up to the next multiple of ROWS, any)
        Lower triangular, with zeros where its blocks of ROWS rows are read and behind the last row.
    size : int
    lanes : ndarray, shape (size and up to the next multiple of ROWS, n_lanes)
        0 behind the last row.
    begun : ndarray, shape (as many or ROWS, n_lanes)
        Finite; ROWS rows are taken again and again.
    n : int
        A multiple of STEP.
    """
    width, stride = matrix.shape[1], lanes.shape[1]
    for i in range(0, size, ROWS):
        count = min(i + ROWS, size)
        for s in range(0, n, STEP):
            _add_form(
                element(matrix, i * width), width, count, element(lanes, s), stride,
                element(lanes, i * stride + s), element(begun, i % len(begun) * stride + s), element(form, s),
            )  # fmt: skip


@fast
def add_form_of_chosen(
    form: np.ndarray, matrix: np.ndarray, numbers: np.ndarray, size: int, lanes: np.ndarray, begun: np.ndarray, n: int
) -> None:  # fmt: skip
    """Do the same with those rows and columns of a larger matrix whose numbers are given, in ascending order.

    It has zeros above its diagonal, and behind the first `size` numbers come those of rows of zeros, up to the next
    multiple of ROWS.
    """
    width, stride = matrix.shape[1], lanes.shape[1]
    for i in range(0, size, ROWS):
        count = min(i + ROWS, size)
        for s in range(0, n, STEP):
            _add_form_of_chosen(
                element(matrix, 0), width, count, element(lanes, s), stride, element(lanes, i * stride + s),
                element(begun, i * stride + s), element(numbers, i), element(numbers, 0), element(form, s),
            )  # fmt: skip


@fast
def add_squares(form: np.ndarray, matrix: np.ndarray, size: int, lanes: np.ndarray, n: int) -> None:
    """Add to lane 0 to n ``sum_i (sum_j<=i matrix_ij lanes_j)^2``; `size` is a multiple of ROWS, n one of STEP."""
    width, stride = matrix.shape[1], lanes.shape[1]
    for i in range(0, size, ROWS):
        for s in range(0, n, STEP):
            _add_squares(element(matrix, i * width), width, i + ROWS, element(lanes, s), stride, element(form, s))


@fast
def exponential(x: float) -> float:
    """Return e^x to 1 ulp, for x of 0 or below; it is written out so that loops over it are vectorised."""
    x = x if x > -700.0 else -700.0
    # Adding 1.5 * 2^52 leaves the nearest whole number in the last bits.
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    whole = shifted - 6755399441055744.0
    r = (x - whole * 0.6931471803691238) - whole * 1.9082149292705877e-10
    series = 1.0 / 6227020800.0
    series = series * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = series * r + 0.5
    series = series * r + 1.0
    return (series * r + 1.0) * _power_of_two(shifted)


@fast_part
def lane_covariances(
    out: np.ndarray, samples: np.ndarray, sample: int, places: np.ndarray, n: int, distance: np.ndarray,
    frames: np.ndarray, models: np.ndarray, psills: np.ndarray, scales: np.ndarray,
) -> None:  # fmt: skip
    """Write the covariances of one sample with n targets to out[:n].

    Parameters
    ----------
    samples, places : ndarray, shape (n_frames, n_dimensions, ...)
        Coordinates in each frame; ``sample`` is a column of the first.
    distance : ndarray, shape (n,)
        Working memory.
    frames, models, psills, scales : ndarray, shape (n_terms,)
        Terms of the covariance, ordered by frame.
    """
    if len(models) == 1 and places.shape[1] == 2:
        # One pass for what is most common.
        x, y = samples[0, 0, sample], samples[0, 1, sample]
        along, across = places[0, 0], places[0, 1]
        psill, factor = psills[0], 1.0 / scales[0]
        if models[0] == 0:
            for j in range(n):
                a, b = along[j] - x, across[j] - y
                r = np.sqrt(a * a + b * b) * factor
                r = r if r < 1.0 else 1.0
                out[j] = psill * (1.0 - r * (1.5 - 0.5 * r * r))
            return
        if models[0] == 1:
            for j in range(n):
                a, b = along[j] - x, across[j] - y
                out[j] = psill * exponential(-3.0 * factor * np.sqrt(a * a + b * b))
            return
    current = -1
    out[:n] = 0.0
    for term in range(len(models)):
        frame = frames[term]
        if frame != current:
            current = frame
            x, y = samples[frame, 0, sample], samples[frame, 1, sample]
            along, across = places[frame, 0], places[frame, 1]
            if places.shape[1] == 2:
                for j in range(n):
                    a, b = along[j] - x, across[j] - y
                    distance[j] = np.sqrt(a * a + b * b)
            else:
                z = samples[frame, 2, sample]
                up = places[frame, 2]
                for j in range(n):
                    a, b, c = along[j] - x, across[j] - y, up[j] - z
                    distance[j] = np.sqrt(a * a + b * b + c * c)
        psill, factor = psills[term], 1.0 / scales[term]
        if models[term] == 0:
            for j in range(n):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                out[j] += psill * (1.0 - r * (1.5 - 0.5 * r * r))
        elif models[term] == 1:
            for j in range(n):
                out[j] += psill * exponential(-3.0 * factor * distance[j])
        elif models[term] == 2:
            for j in range(n):
                r = distance[j] * factor
                out[j] += psill * exponential(-3.0 * r * r)
        elif models[term] == 3:
            for j in range(n):
                r = distance[j] * factor
                r = r if r < 1.0 else 1.0
                r2 = r * r
                out[j] += psill * (1.0 - r2 * (7.0 - r * (8.75 - r2 * (3.5 - 0.75 * r2))))
        elif models[term] == 4:
            for j in range(n):
                r = 3.0 * factor * distance[j]
                out[j] += psill * (1.0 + r) * exponential(-r)
        else:
            for j in range(n):
                r = 3.0 * factor * distance[j]
                out[j] += psill * (1.0 + r * (1.0 + r * (1.0 / 3.0))) * exponential(-r)


@intrinsic
def _are_above(typing_context, numbers, bound):
    """Return whether GROUP lanes are above a number."""
    signature = types.boolean(numbers, types.float64)

    def generate(context, builder, signature, arguments):
        bound, every = spread(builder, arguments[1]), ir.Constant(ir.IntType(_LANES), -1)
        for part in range(0, GROUP, _LANES):
            is_above = builder.fcmp_ordered(">", load_lanes(builder, arguments[0], ir.IntType(64)(part)), bound)
            every = builder.and_(every, builder.bitcast(is_above, every.type))
        return builder.icmp_unsigned("==", every, ir.Constant(every.type, -1))

    return signature, generate


@exact_part
def factorize_group(
    rows: np.ndarray, size: int, width: int, n_sides: int, inverse: np.ndarray, ones: np.ndarray, smallest: float
) -> bool:  # fmt: skip
    """Turn GROUP matrices into their Cholesky factors and right sides into whitened ones; False if one is singular.

    Parameters
    ----------
    rows : ndarray, shape (at least (width + n_sides) * width * GROUP,)
        Lower triangles in the first rows, right sides in the n_sides rows from row `width` on.
    size, width : int
        Of the matrices, and numbers a row has room for.
    n_sides : int
    inverse, ones : ndarray, shape (GROUP,)
        Room, and ones.
    smallest : float
        Pivot up to which a matrix is singular.
    """
    stride = width * GROUP
    for j in range(size):
        pivots = j * stride + j * GROUP
        subtract_group_dots(
            element(rows, pivots), element(rows, j * stride), element(rows, j * stride), j, element(ones, 0)
        )
        if not _are_above(element(rows, pivots), smallest):
            return False
        for side in range(GROUP):
            rows[pivots + side] = np.sqrt(rows[pivots + side])
            inverse[side] = 1.0 / rows[pivots + side]
        for i in range(j + 1, size):
            subtract_group_dots(
                element(rows, i * stride + j * GROUP), element(rows, i * stride), element(rows, j * stride), j,
                element(inverse, 0),
            )  # fmt: skip
        for i in range(width, width + n_sides):
            subtract_group_dots(
                element(rows, i * stride + j * GROUP), element(rows, i * stride), element(rows, j * stride), j,
                element(inverse, 0),
            )  # fmt: skip
    return True
