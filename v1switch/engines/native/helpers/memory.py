"""Memory by address: what generated machine code and its helpers read and write frames by.

Addresses are plain int64. Frames are big-endian and unaligned; state is native words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)


def _pointer(builder: Any, address: Any, bits: int) -> Any:
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


def _load(bits: int, *, swap: bool) -> Callable[[int], int]:
    @intrinsic
    def load(typing: Any, address: Any) -> Any:  # noqa: ARG001  # Numba's signature
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            value = builder.load(_pointer(builder, args[0], bits), align=1 if swap else bits // 8)
            if swap and bits > 8:
                value = builder.bswap(value)
            return builder.zext(value, _WORD) if bits < 64 else value

        return types.int64(types.int64), generate

    return load  # type: ignore[no-any-return]  # Numba has no types


def _store(bits: int, *, swap: bool) -> Callable[[int, int], None]:
    @intrinsic
    def store(typing: Any, address: Any, value: Any) -> Any:  # noqa: ARG001  # Numba's signature
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            kept = builder.trunc(args[1], ir.IntType(bits)) if bits < 64 else args[1]
            if swap and bits > 8:
                kept = builder.bswap(kept)
            builder.store(kept, _pointer(builder, args[0], bits), align=1 if swap else bits // 8)
            return context.get_dummy_value()

        return types.none(types.int64, types.int64), generate

    return store  # type: ignore[no-any-return]  # Numba has no types


u8 = _load(8, swap=True)
"""Load one byte."""
u16 = _load(16, swap=True)
"""Load a big-endian number of 16 bits."""
u32 = _load(32, swap=True)
"""Load a big-endian number of 32 bits."""
word = _load(64, swap=False)
"""Load a word of state."""
put8 = _store(8, swap=True)
"""Store the low byte of a number."""
put16 = _store(16, swap=True)
"""Store the low 16 bits of a number, big-endian."""
put32 = _store(32, swap=True)
"""Store the low 32 bits of a number, big-endian."""
set_word = _store(64, swap=False)
"""Store a word of state."""
half = _load(32, swap=False)
"""Load 32 bits as the C library keeps them."""
set_half = _store(32, swap=False)
"""Store 32 bits as the C library keeps them."""


@intrinsic
def copy(typing: Any, to: Any, start: Any, size: Any) -> Any:  # noqa: ARG001
    """Copy `size` bytes from address `start` to address `to`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        byte = ir.IntType(8).as_pointer()
        kinds = [byte, byte, _WORD]
        function = builder.module.declare_intrinsic("llvm.memcpy", kinds)
        ends = [builder.inttoptr(address, byte) for address in args[:2]]
        builder.call(function, [*ends, args[2], ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


@intrinsic
def call(typing: Any, function: Any, arguments: Any) -> Any:  # noqa: ARG001  # Numba's signature
    """Call the function at an address with a tuple of words; it returns a word."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        size = len(sig.args[1])
        kind = ir.FunctionType(_WORD, [_WORD] * size).as_pointer()
        words = [builder.extract_value(args[1], n) for n in range(size)]
        return builder.call(builder.inttoptr(args[0], kind), words)

    return types.int64(types.int64, types.UniTuple(types.int64, len(arguments))), generate
