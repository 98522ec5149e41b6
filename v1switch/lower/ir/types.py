"""The types of values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Int:
    """An integer: of 0..2**bits - 1, or, when signed, of -2**(bits-1)..2**(bits-1) - 1."""

    bits: int
    signed: bool = False

    @property
    def low(self) -> int:
        """The smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def holds(self, other: Int) -> bool:
        """Whether every value of another type is one of this."""
        return self.low <= other.low and other.high <= self.high


@dataclass(frozen=True, slots=True)
class Bool:
    """A truth value."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A run of bytes: a part of the frame, or zeros.

    Attributes:
        size: how many; None where that is known only at run time (a variable-length field).
    """

    size: int | None


@dataclass(frozen=True, slots=True)
class Handle:
    """A run-time object whose parts other expressions read, or none (see `Found`).

    Attributes:
        of: "entry" (of a table, a member or group of an action profile, a default action) or
            "replicas" (a clone session or a multicast group: both have a list of replicas).
    """

    of: str


Type = Int | Bool | Bytes | Handle
BOOL, ANY_BYTES = Bool(), Bytes(None)
ENTRY, REPLICAS = Handle("entry"), Handle("replicas")
