"""Exact integer arithmetic on LLVM integers, whose operations are modulo a power of two."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir as ll

from v1switch.engines.native.printer.code import BIT, Code, Value
from v1switch.lower import ir

MODULAR = {"+": "add", "-": "sub", "*": "mul", "&": "and_", "|": "or_", "^": "xor"}
"""Operations whose low bits depend on their operands' low bits only."""
NATIVE_BITS = 64  # wider divisions would be calls of a library


class Number(NamedTuple):
    """An LLVM integer and the type of the integer that it holds."""

    value: Any
    type: ir.Int


class Arithmetic:
    """Adds arithmetic to a function."""

    def __init__(self, code: Code) -> None:
        self.code = code

    @property
    def builder(self) -> Any:
        """The function's builder."""
        return self.code.builder

    @staticmethod
    def constant(number: int, bits: int) -> Value:
        """A constant, modulo 2**bits."""
        return ll.Constant(ll.IntType(bits), number & (1 << bits) - 1)

    def as_type(self, number: Number, bits: int) -> Value:
        """A number modulo 2**bits."""
        return self.code.resize(number.value, bits, signed=number.type.signed)

    def common(self, a: Number, b: Number) -> tuple[Value, Value, int, bool]:
        """Both numbers in one LLVM type that holds them, its bits, and whether it is signed."""
        signed = a.type.signed or b.type.signed
        bits = max(n.type.bits + (signed and not n.type.signed) for n in (a, b))
        return self.as_type(a, bits), self.as_type(b, bits), bits, signed

    def compare(self, op: str, a: Number, b: Number) -> Value:
        """A comparison, as a bit."""
        left, right, _, signed = self.common(a, b)
        order = self.builder.icmp_signed if signed else self.builder.icmp_unsigned
        return order(op, left, right)

    def binary(self, op: str, a: Number, b: Number, result: ir.Int) -> Value:
        """An operation of the intermediate representation."""
        if op in MODULAR:
            return self.modular(op, self.as_type(a, result.bits), self.as_type(b, result.bits))
        if op == "<<":
            return self.shift_left(self.as_type(a, result.bits), b)
        if op == ">>":
            return self._shift_right(a, b, result)
        if op in ("min", "max"):
            left, right, bits, signed = self.common(a, b)
            order = self.builder.icmp_signed if signed else self.builder.icmp_unsigned
            first = order("<" if op == "min" else ">", left, right)
            value = self.builder.select(first, left, right)
            return self.as_type(Number(value, ir.Int(bits, signed)), result.bits)
        return self._divided(op, a, b, result)

    def modular(self, op: str, left: Value, right: Value) -> Value:
        """One of MODULAR on operands of one LLVM type."""
        return getattr(self.builder, MODULAR[op])(left, right)

    def shift_left(self, value: Value, amount: Number) -> Value:
        """A value shifted left, modulo what its LLVM type holds."""
        inside, shift = self._amount(amount, value.type.width)
        shifted = self.builder.shl(value, shift)
        return self.builder.select(inside, shifted, ll.Constant(value.type, 0))

    def _shift_right(self, value: Number, amount: Number, result: ir.Int) -> Value:
        bits = value.type.bits
        inside, shift = self._amount(amount, bits)
        if value.type.signed:
            sign = self.builder.ashr(value.value, self.constant(bits - 1, bits))
            moved = self.builder.select(inside, self.builder.ashr(value.value, shift), sign)
        else:
            zero = self.constant(0, bits)
            moved = self.builder.select(inside, self.builder.lshr(value.value, shift), zero)
        return self.as_type(Number(moved, value.type), result.bits)

    def _amount(self, amount: Number, bits: int) -> tuple[Value, Value]:
        """Whether a shift amount is below `bits`, and the amount (0 otherwise)."""
        if amount.type.high < bits:
            return ll.Constant(BIT, 1), self.as_type(amount, bits)
        limit = self.constant(bits, amount.type.bits)
        inside = self.builder.icmp_unsigned("<", amount.value, limit)
        shift = self.as_type(amount, bits)
        return inside, self.builder.select(inside, shift, self.constant(0, bits))

    def saturate(self, number: Number, result: ir.Int) -> Value:
        """The nearest value of another type."""
        kind = number.type
        value = number.value
        order = self.builder.icmp_signed if kind.signed else self.builder.icmp_unsigned
        for op, limit, beyond in (
            ("<", result.low, kind.low < result.low),
            (">", result.high, kind.high > result.high),
        ):
            if beyond:
                end = self.constant(limit, kind.bits)
                value = self.builder.select(order(op, value, end), end, value)
        return self.as_type(Number(value, kind), result.bits)

    # -- division ---------------------------------------------------------------------------------

    def _divided(self, op: str, a: Number, b: Number, result: ir.Int) -> Value:
        """Quotient or remainder, rounded towards minus infinity; 0 for division by zero."""
        left, right, bits, signed = self.common(a, b)
        zero, one = self.constant(0, bits), self.constant(1, bits)
        by_zero = self.builder.icmp_unsigned("==", right, zero)
        divisor = self.builder.select(by_zero, one, right)
        if signed:
            value = self._floored(op, left, divisor)
        else:
            value = self._unsigned(left, divisor)[op == "%"]
        value = self.builder.select(by_zero, zero, value)
        return self.as_type(Number(value, ir.Int(bits, signed)), result.bits)

    def _floored(self, op: str, left: Value, right: Value) -> Value:
        """Divide magnitudes, then apply the signs and round towards minus infinity."""
        zero = ll.Constant(left.type, 0)
        below = [self.builder.icmp_signed("<", value, zero) for value in (left, right)]
        sizes = [
            self.builder.select(is_below, self.builder.sub(zero, value), value)
            for is_below, value in zip(below, (left, right), strict=True)
        ]
        quotient, rest = self._unsigned(*sizes)
        uneven = self.builder.icmp_unsigned("!=", rest, zero)
        apart = self.builder.xor(*below)
        step = self.builder.and_(apart, uneven)
        if op == "//":
            flipped = self.builder.sub(zero, quotient)
            value = self.builder.select(apart, flipped, quotient)
            return self.builder.sub(value, self.builder.zext(step, left.type))
        rest = self.builder.select(below[0], self.builder.sub(zero, rest), rest)
        return self.builder.add(rest, self.builder.select(step, right, zero))

    def _unsigned(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Quotient and remainder of unsigned numbers; the divisor is not 0."""
        bits = left.type.width
        if bits > NATIVE_BITS:
            return self._long_division(left, right)
        wide = [self.code.resize(value, NATIVE_BITS) for value in (left, right)]
        results = self.builder.udiv(*wide), self.builder.urem(*wide)
        quotient, rest = (self.code.resize(value, bits) for value in results)
        return quotient, rest

    def _long_division(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Divide bit by bit."""
        code, kind = self.code, left.type
        places = [code.allocate(kind) for _ in range(3)]  # dividend and quotient, rest, bits left
        for place, value in zip(places, (left, ll.Constant(kind, 0)), strict=False):
            self.builder.store(value, place)
        self.builder.store(ll.Constant(kind, kind.width), places[2])
        loop, done = code.block("divide"), code.block("divided")
        code.go(loop)
        code.begin(loop)
        value, rest, bits_left = (self.builder.load(place) for place in places)
        one = ll.Constant(kind, 1)
        top = self.builder.lshr(value, ll.Constant(kind, kind.width - 1))
        lost = self.builder.lshr(rest, ll.Constant(kind, kind.width - 1))
        rest = self.builder.or_(self.builder.shl(rest, one), top)
        enough = self.builder.icmp_unsigned(">=", rest, right)
        enough = self.builder.or_(enough, self.builder.trunc(lost, BIT))
        rest = self.builder.select(enough, self.builder.sub(rest, right), rest)
        value = self.builder.or_(self.builder.shl(value, one), self.builder.zext(enough, kind))
        bits_left = self.builder.sub(bits_left, one)
        for place, new in zip(places, (value, rest, bits_left), strict=True):
            self.builder.store(new, place)
        more = self.builder.icmp_unsigned("!=", bits_left, ll.Constant(kind, 0))
        self.builder.cbranch(more, loop, done)
        code.begin(done)
        return self.builder.load(places[0]), self.builder.load(places[1])
