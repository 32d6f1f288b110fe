"""Eight numbers in one: arithmetic on vectors of eight doubles, so that an algorithm for one data set serves eight.

numba has no vector type and does not find the lanes by itself. So here is one: `Lanes` of doubles and of unsigned
integers, with the usual operators, comparisons that select, and loads and stores along the last axis of an array.
Everything compiles to the widest vectors of the machine; without AVX-512 the compiler splits them.

A lane never depends on its neighbours. Loops that must go on until all lanes agree keep what a lane found first.

References
----------
.. [1] Cody W. J., Waite W. (1980). Software manual for the elementary functions. Prentice-Hall. (exp and log)
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 8
"""Lanes: as many doubles as the widest registers hold."""
FAST = ("contract", "reassoc", "arcp", "nsz")
"""What the compiler may do to floating-point numbers; NaN and infinity stay what they are."""

_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)
_INTEGERS = ir.VectorType(ir.IntType(64), WIDTH)


class Lanes(types.Type):  # type: ignore[misc]
    """Numba's type of eight doubles, or of eight unsigned integers."""

    def __init__(self, name: str, vector: Any) -> None:
        super().__init__(name)
        self.vector = vector

    def can_convert_from(self, _context: Any, _other: Any) -> None:
        """Convert nothing by itself."""


FLOATS, BITS = Lanes("lanes(float64)", _DOUBLES), Lanes("lanes(uint64)", _INTEGERS)


class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)


register_model(Lanes)(_Model)


def _splat(builder: Any, value: Any, vector: Any) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH))


def _define(symbol: Any, kind: Lanes, scalar: Any, instruction: Callable[[Any, Any, Any], Any]) -> None:
    """Make an operator work on two vectors, or on a vector and a scalar."""

    @infer_global(symbol)
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, _kws: Any) -> Any:
            if len(args) != 2 or kind not in args:
                return None
            if not all(a == kind or isinstance(a, (types.Float, types.Integer)) for a in args):
                return None
            return signature(kind, *(a if a == kind else scalar for a in args))

    def lower(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args, sig.args, strict=True)
        left, right = (v if a == kind else _splat(builder, v, kind.vector) for v, a in pairs)
        return instruction(builder, left, right)

    for pair in ((kind, kind), (kind, scalar), (scalar, kind)):
        lower_builtin(symbol, *pair)(lower)


def _fast(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, left, right: getattr(builder, name)(left, right, flags=FAST)


def _plain(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, left, right: getattr(builder, name)(left, right)


for _symbols, _name in (
    ((operator.add, operator.iadd), "fadd"),
    ((operator.sub, operator.isub), "fsub"),
    ((operator.mul, operator.imul), "fmul"),
    ((operator.truediv, operator.itruediv), "fdiv"),
):
    for _symbol in _symbols:
        _define(_symbol, FLOATS, types.float64, _fast(_name))
for _symbol, _name in (
    (operator.add, "add"),
    (operator.sub, "sub"),
    (operator.mul, "mul"),
    (operator.xor, "xor"),
    (operator.or_, "or_"),
    (operator.and_, "and_"),
    (operator.lshift, "shl"),
    (operator.rshift, "lshr"),
):
    _define(_symbol, BITS, types.uint64, _plain(_name))


@infer_global(operator.neg)
class _Negative(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, _kws: Any) -> Any:
        return signature(FLOATS, FLOATS) if args[0] == FLOATS else None


@lower_builtin(operator.neg, FLOATS)
def _negate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.fsub(ir.Constant(_DOUBLES, [-0.0] * WIDTH), args[0])


# -- into and out of arrays ------------------------------------------------------------------------------------------


def _address(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Pointer to the eight numbers at an index into all axes but the last."""
    array, index = sig.args[0], sig.args[1]
    parts = zip(cgutils.unpack_tuple(builder, args[1], len(index)), index, strict=True)
    where = [context.cast(builder, value, kind, types.intp) for value, kind in parts]
    made = context.make_array(array)(context, builder, args[0])
    shape = cgutils.unpack_tuple(builder, made.shape, array.ndim)
    offset = where[0]
    for axis in range(1, len(where)):
        offset = builder.add(builder.mul(offset, shape[axis]), where[axis])
    return builder.gep(builder.bitcast(made.data, _kind(array).vector.as_pointer()), [offset])


def _kind(array: Any) -> Lanes:
    return FLOATS if array.dtype == types.float64 else BITS


@intrinsic
def load(_typing: Any, array: Any, index: Any) -> Any:
    """Read ``array[i, j, :]`` as lanes, for a C-contiguous array and ``index`` (i, j)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = builder.load(_address(context, builder, sig, args))
        value.align = 8
        return value

    return _kind(array)(array, index), generate


@intrinsic
def store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write lanes to ``array[i, j, :]``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _address(context, builder, sig, args)).align = 8
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def lanes(_typing: Any, value: Any) -> Any:
    """Put one number into every lane."""

    def generate(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0], sig.return_type.vector)

    return (FLOATS if isinstance(value, types.Float) else BITS)(value), generate


@intrinsic
def part(_typing: Any, value: Any, lane: Any) -> Any:
    """Read one lane of doubles."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        where = context.cast(builder, args[1], sig.args[1], types.int32)
        return builder.extract_element(args[0], where)

    return types.float64(FLOATS, lane), generate


# -- lane by lane ----------------------------------------------------------------------------------------------------


def _elementwise(name: str) -> Any:
    @intrinsic
    def function(_typing: Any, x: Any) -> Any:
        def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            kind = ir.FunctionType(_DOUBLES, [_DOUBLES])
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f64"), args)

        return FLOATS(FLOATS), generate

    return function


square_root, magnitude, floor = _elementwise("sqrt"), _elementwise("fabs"), _elementwise("floor")


def _either(comparison: str) -> Any:
    @intrinsic
    def function(_typing: Any, x: Any, y: Any) -> Any:
        def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(comparison, *args), *args)

        return FLOATS(FLOATS, FLOATS), generate

    return function


smaller, larger = _either("<"), _either(">")


@intrinsic
def where_below(_typing: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Take x where a < b, else y; NaN is never below."""

    def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return FLOATS(FLOATS, FLOATS, FLOATS, FLOATS), generate


@intrinsic
def all_below(_typing: Any, a: Any, b: Any) -> Any:
    """Tell whether a < b in every lane."""

    def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        mask = builder.bitcast(builder.fcmp_ordered("<", args[0], args[1]), ir.IntType(WIDTH))
        return builder.icmp_unsigned("==", mask, ir.Constant(ir.IntType(WIDTH), 2**WIDTH - 1))

    return types.boolean(FLOATS, FLOATS), generate


def _reinterpreted(source: Lanes, target: Lanes) -> Any:
    @intrinsic
    def function(_typing: Any, x: Any) -> Any:
        def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.bitcast(args[0], target.vector)

        return target(source), generate

    return function


bits, from_bits = _reinterpreted(FLOATS, BITS), _reinterpreted(BITS, FLOATS)


@intrinsic
def _signed_exponent(_typing: Any, x: Any) -> Any:
    """Return the signed upper 12 bits as doubles."""

    def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.sitofp(builder.ashr(args[0], ir.Constant(_INTEGERS, [52] * WIDTH)), _DOUBLES)

    return FLOATS(BITS), generate


@intrinsic
def _upper_bits(_typing: Any, x: Any) -> Any:
    """Return the upper 12 bits, signed, shifted back to where they were."""

    def generate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        count = ir.Constant(_INTEGERS, [52] * WIDTH)
        return builder.shl(builder.ashr(args[0], count), count)

    return BITS(BITS), generate


# -- functions -------------------------------------------------------------------------------------------------------

inline = njit(nogil=True, error_model="numpy", fastmath=set(FAST), forceinline=True)
_U = np.uint64
_SHIFT, _SQRT_HALF = _U(52), _U(0x3FE6A09E667F3BCD)


@inline
def exponential(x):  # type: ignore[no-untyped-def]
    """Return exp(x), to 1e-15 relative; x is kept within -700 and 700."""
    x = smaller(larger(x, lanes(-700.0)), lanes(700.0))
    k = floor(x * 1.4426950408889634 + 0.5)
    r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    y = r * 2.08767569878681e-09 + 2.505210838544172e-08
    y = y * r + 2.755731922398589e-07
    y = y * r + 2.7557319223985893e-06
    y = y * r + 2.48015873015873e-05
    y = y * r + 0.0001984126984126984
    y = y * r + 0.001388888888888889
    y = y * r + 0.008333333333333333
    y = y * r + 0.041666666666666664
    y = y * r + 0.16666666666666666
    y = y * r + 0.5
    y = y * r + 1.0
    y = y * r + 1.0
    # adding 1.5 * 2^52 leaves k in the lowest bits, from where it goes to the exponent
    return from_bits(bits(y) + (bits(k + 6755399441055744.0) << _SHIFT))


@inline
def exponent(x):  # type: ignore[no-untyped-def]
    """Return the exponent of numbers that are not negative: the whole part of log2(x), more or less 1023."""
    return _signed_exponent(bits(x))


@inline
def logarithm(x):  # type: ignore[no-untyped-def]
    """Return log(x) of normal positive numbers, to 1e-15."""
    above = bits(x) - _SQRT_HALF
    k = _signed_exponent(above)
    f = from_bits(bits(x) - _upper_bits(above)) - 1.0
    s = f / (f + 2.0)
    z = s * s
    r = z * 1.479819860511658591e-01 + 1.531383769920937332e-01
    r = r * z + 1.818357216161805012e-01
    r = r * z + 2.222219843214978396e-01
    r = r * z + 2.857142874366239149e-01
    r = r * z + 3.999999999940941908e-01
    r = r * z + 6.666666666666735130e-01
    r = r * z
    h = f * f * 0.5
    return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f)


@inline
def cdf_and_bell(z):  # type: ignore[no-untyped-def]
    """Return the normal distribution function, to 1e-14 relative also in its tails, and exp(-z²/2).

    Mills' ratio times (|z| + 3.5) is a polynomial in (|z| - 3.5)/(|z| + 3.5), by Chebyshev's series.
    """
    x = magnitude(z)
    d = 1.0 / (x + 3.5)
    t = (x - 3.5) * d
    y = t * -1.0520248515023947e-08 - 2.792022918687986e-08
    y = y * t + 6.476785236010047e-08
    y = y * t + 2.7380735422160047e-07
    y = y * t - 6.607000114011427e-08
    y = y * t - 1.444194720968625e-06
    y = y * t - 1.2278820364233104e-06
    y = y * t + 5.621109759120312e-06
    y = y * t + 1.1539702361202014e-05
    y = y * t - 1.8772763879660022e-05
    y = y * t - 7.559588086495824e-05
    y = y * t + 6.702808354165474e-05
    y = y * t + 0.0004766594831655072
    y = y * t - 0.0004450119777337372
    y = y * t - 0.0031891013438258725
    y = y * t + 0.006476218819851966
    y = y * t + 0.017407832620890785
    y = y * t - 0.1160509287093863
    y = y * t + 0.3154249698874837
    y = y * t - 0.5655618160538429
    y = y * t + 0.7444160754359406
    bell = exponential(z * z * -0.5)
    tail = y * d * bell
    return where_below(z, lanes(0.0), tail, 1.0 - tail), bell
