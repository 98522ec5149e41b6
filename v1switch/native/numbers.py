"""Values in machine code: their source, and between what bounds they are known to lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from v1switch.state.words import SCALAR_BITS, count


@dataclass(frozen=True)
class Number:
    """Source of a value that is known to lie in low..high."""

    text: str
    low: int
    high: int

    @property
    def scalar(self) -> bool:
        """Whether it is one word; otherwise it is a tuple of limbs."""
        return self.low >= -(1 << SCALAR_BITS) and self.high < 1 << SCALAR_BITS

    @property
    def limbs(self) -> int:
        """How many limbs it has."""
        return count(self.high.bit_length())


def corners(operate: Callable[[int, int], int], left: Number, right: Number) -> tuple[int, int]:
    """Bounds of a sum, difference or product."""
    values = [operate(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return min(values), max(values)


def bitwise(left: Number, right: Number, op: str) -> tuple[int, int]:
    """Bounds of a bitwise operation."""
    if op == "&" and max(left.low, right.low) >= 0:
        return 0, min(n.high for n in (left, right) if n.low >= 0)
    ends = (left.low, left.high, right.low, right.high)
    bits = max((~n if n < 0 else n).bit_length() for n in ends)
    return (0 if min(ends) >= 0 else -(1 << bits)), (1 << bits) - 1
