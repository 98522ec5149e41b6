"""Numbers wider than a word in machine code: tuples of 32-bit limbs, the lowest first.

Each operation joins the limbs to one LLVM integer and splits its result again; LLVM sees through
both. All are unsigned and modulo 2**(32 n); single words that take part are sign-extended, so
that sums modulo 2**(32 n) come out right for negative ones, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_BITS = 32
_WORD = ir.IntType(64)
Emit = Callable[[Any, Any, Any], Any]


def _limbs(kind: Any) -> int:
    """How many limbs a type has; 0 for a word."""
    return len(kind) if isinstance(kind, types.BaseTuple) else 0


def _join(builder: Any, kind: Any, value: Any, limbs: int) -> Any:
    whole = ir.IntType(_BITS * limbs)
    if not _limbs(kind):
        return builder.sext(value, whole) if limbs > 2 else value
    joined = ir.Constant(whole, 0)
    for n in range(min(limbs, len(kind))):
        limb = builder.extract_value(value, n)
        part = builder.zext(limb, whole) if limbs > 2 else limb
        joined = builder.or_(joined, builder.shl(part, ir.Constant(whole, _BITS * n)))
    return joined


def _split(builder: Any, value: Any, limbs: int) -> Any:
    result = ir.Constant(ir.ArrayType(_WORD, limbs), ir.Undefined)
    for n in range(limbs):
        moved = builder.lshr(value, ir.Constant(value.type, _BITS * n))
        limb = builder.and_(moved, ir.Constant(value.type, (1 << _BITS) - 1))
        limb = builder.trunc(limb, _WORD) if limbs > 2 else limb
        result = builder.insert_value(result, limb, n)
    return result


def _tuple(limbs: int) -> Any:
    return types.UniTuple(types.int64, limbs)


def _plain(kind: Any) -> Any:
    return _tuple(_limbs(kind)) if _limbs(kind) else types.int64


def _binary(emit: Emit) -> Any:
    @intrinsic
    def function(typing: Any, left: Any, right: Any) -> Any:  # noqa: ARG001  # Numba's signature
        limbs = max(_limbs(left), _limbs(right))

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            a, b = (_join(builder, k, v, limbs) for k, v in zip(sig.args, args, strict=True))
            return _split(builder, emit(builder, a, b), limbs)

        return _tuple(limbs)(_plain(left), _plain(right)), generate

    return function


def _compare(operator: str) -> Any:
    @intrinsic
    def function(typing: Any, left: Any, right: Any) -> Any:  # noqa: ARG001  # Numba's signature
        limbs = max(_limbs(left), _limbs(right))

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            a, b = (_join(builder, k, v, limbs) for k, v in zip(sig.args, args, strict=True))
            return builder.icmp_unsigned(operator, a, b)

        return types.boolean(_plain(left), _plain(right)), generate

    return function


w_add = _binary(lambda builder, a, b: builder.add(a, b))
w_sub = _binary(lambda builder, a, b: builder.sub(a, b))
w_mul = _binary(lambda builder, a, b: builder.mul(a, b))
w_and = _binary(lambda builder, a, b: builder.and_(a, b))
w_or = _binary(lambda builder, a, b: builder.or_(a, b))
w_xor = _binary(lambda builder, a, b: builder.xor(a, b))
w_eq, w_ne = _compare("=="), _compare("!=")
w_lt, w_le, w_gt, w_ge = _compare("<"), _compare("<="), _compare(">"), _compare(">=")
COMPARE = {"==": "w_eq", "!=": "w_ne", "<": "w_lt", "<=": "w_le", ">": "w_gt", ">=": "w_ge"}
BINARY = {"+": "w_add", "-": "w_sub", "*": "w_mul", "&": "w_and", "|": "w_or", "^": "w_xor"}


@cache
def fit(limbs: int) -> Any:
    """A function that makes `limbs` limbs of a word or of other limbs."""

    @intrinsic
    def function(typing: Any, value: Any) -> Any:  # noqa: ARG001  # Numba's signature
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            return _split(builder, _join(builder, sig.args[0], args[0], limbs), limbs)

        return _tuple(limbs)(_plain(value)), generate

    return function


def _shift(emit: Emit, limbs: int, amount: int) -> Any:
    @intrinsic
    def function(typing: Any, value: Any) -> Any:  # noqa: ARG001  # Numba's signature
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            whole = _join(builder, sig.args[0], args[0], limbs)
            return _split(builder, emit(builder, whole, ir.Constant(whole.type, amount)), limbs)

        return _tuple(limbs)(_plain(value)), generate

    return function


@cache
def left(limbs: int, amount: int) -> Any:
    """A function that shifts left by `amount` < 32 `limbs`."""
    return _shift(lambda builder, a, b: builder.shl(a, b), limbs, amount)


@cache
def right(limbs: int, amount: int) -> Any:
    """A function that shifts right by `amount` < 32 `limbs`."""
    return _shift(lambda builder, a, b: builder.lshr(a, b), limbs, amount)


@intrinsic
def w_low(typing: Any, value: Any) -> Any:  # noqa: ARG001  # Numba's signature
    """The lowest 64 bits, as a word."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        return _join(builder, sig.args[0], args[0], 2)

    return types.int64(_plain(value)), generate
