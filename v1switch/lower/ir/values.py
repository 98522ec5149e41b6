"""Expressions without operands."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.references import TableRef
from v1switch.lower.ir.types import ANY_BYTES, BOOL, ENTRY, Bool, Bytes, Handle, Int, Type
from v1switch.lower.ir.variables import Header


@dataclass(frozen=True, slots=True)
class Const:
    """A number."""

    value: int

    @property
    def type(self) -> Int:
        """The narrowest type that has it."""
        if self.value < 0:
            return Int((~self.value).bit_length() + 1, signed=True)
        return Int(max(self.value.bit_length(), 1))


@dataclass(frozen=True, slots=True)
class BoolConst:
    """True or false."""

    value: bool
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class ZeroBytes:
    """Zero bytes, as many as `size`."""

    size: int

    @property
    def type(self) -> Bytes:
        """Bytes of this size."""
        return Bytes(self.size)


@dataclass(frozen=True, slots=True)
class Nothing:
    """The handle that refers to no object."""

    type: Handle


@dataclass(frozen=True, slots=True)
class Input:
    """An argument of the body.

    Attributes:
        name: "port" (where the frame came in), "kind" (a `Kind`), "length" (of the frame, bytes),
            "now" and "started" (ns on one monotonic clock: the frame's arrival, the switch's
            start), "drop_port" (the value of egress_spec that drops), "session" (the clone session
            of a packet of kind INGRESS_CLONE), "frame" (its bytes; only for tracing).
        type: of the value.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Lookahead:
    """Bits of the frame: `width` of them, `offset` bits after the cursor, which it has."""

    offset: int
    width: int

    @property
    def type(self) -> Int:
        """An unsigned number."""
        return Int(self.width)


@dataclass(frozen=True, slots=True)
class HeaderBytes:
    """The bytes of a header, packed from its variables."""

    header: Header

    @property
    def type(self) -> Bytes:
        """The header's size, unless it has a variable-length field."""
        return Bytes(None if self.header.varbit else self.header.size)


@dataclass(frozen=True, slots=True)
class Payload:
    """The frame from the cursor on."""

    type: Bytes = ANY_BYTES


@dataclass(frozen=True, slots=True)
class Emitted:
    """The bytes that `Emit` appends (only in programs lowered for tracing)."""

    header: Header
    type: Bytes = ANY_BYTES


@dataclass(frozen=True, slots=True)
class Packet:
    """The outgoing packet as assembled so far (only in programs lowered for tracing)."""

    type: Bytes = ANY_BYTES


@dataclass(frozen=True, slots=True)
class DefaultEntry:
    """The entry of a table's default action."""

    table: TableRef
    type: Handle = ENTRY
