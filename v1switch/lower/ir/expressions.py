"""Expressions of operands, and all expressions in one type."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.references import CounterRef, RegisterRef, ValueSetRef
from v1switch.lower.ir.types import BOOL, ENTRY, REPLICAS, Bool, Handle, Int, Type
from v1switch.lower.ir.values import (
    BoolConst,
    Const,
    DefaultEntry,
    Emitted,
    HeaderBytes,
    Input,
    Lookahead,
    Nothing,
    Packet,
    Payload,
    ZeroBytes,
)
from v1switch.lower.ir.variables import Var


@dataclass(frozen=True, slots=True)
class Binary:
    """An operation on two integers.

    Attributes:
        op: one of ``+ - * & | ^ // % << >> min max``. ``//`` rounds down and ``%`` takes the
            divisor's sign, as Python's; by zero both give 0. The right operand of a shift is
            unsigned, and may exceed the left one's width.
    """

    op: str
    left: Expr
    right: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Invert:
    """All bits inverted: -1 - value."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Truncate:
    """The value modulo 2**bits: as two's complement where the type is signed."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Saturate:
    """The value, clamped to the bounds of the type."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Fits:
    """The value, which is known to fit the type."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class ToInt:
    """1 for true, 0 for false."""

    value: Expr

    @property
    def type(self) -> Int:
        """One bit."""
        return Int(1)


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: of two integers, or by == and != of two truth values or two runs of bytes."""

    op: str
    left: Expr
    right: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Logic:
    """All (op "and") or any (op "or") of at least two truth values."""

    op: str
    operands: tuple[Expr, ...]
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Not:
    """A truth value's opposite."""

    value: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Select:
    """One of two values, by a condition."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Choose:
    """`options[index]`, or `otherwise` where the index is none of theirs."""

    index: Expr
    options: tuple[Expr, ...]
    otherwise: Expr
    type: Type


# what the parser sees


@dataclass(frozen=True, slots=True)
class Short:
    """Whether the frame has fewer than so many bytes after the cursor."""

    size: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class InValueSet:
    """Whether a value set has a member that matches the key.

    Attributes:
        key: as wide as the value set.
        mask: which bits of it count; None for all.
    """

    value_set: ValueSetRef
    key: Expr
    mask: int | None
    type: Bool = BOOL


# bytes


@dataclass(frozen=True, slots=True)
class SizeOf:
    """How many bytes a run of bytes has."""

    value: Expr

    @property
    def type(self) -> Int:
        """Frames are shorter than 2**31 bytes."""
        return Int(31)


# entries of tables


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a handle refers to an object."""

    handle: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class ActionCode:
    """The number of an entry's action (see `Program.action_codes`); -1 where it runs none."""

    entry: Expr

    @property
    def type(self) -> Int:
        """A signed number."""
        return Int(32, signed=True)


@dataclass(frozen=True, slots=True)
class Target:
    """The member or group that an entry of an indirect table points at, or nothing."""

    entry: Expr
    type: Handle = ENTRY


@dataclass(frozen=True, slots=True)
class IsGroup:
    """Whether an entry (a `Target`) is a group, or an action set, of which a selector picks."""

    entry: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Pick:
    """The member of a group that a hash picks; of a group without members an entry without action.

    It is the member number `hash` modulo the number of members.
    """

    group: Expr
    hash: Expr
    type: Handle = ENTRY


# replication


@dataclass(frozen=True, slots=True)
class FindSession:
    """The clone session of this number, or nothing."""

    number: Expr
    type: Handle = REPLICAS


@dataclass(frozen=True, slots=True)
class FindGroup:
    """The multicast group of this number, or nothing."""

    number: Expr
    type: Handle = REPLICAS


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """The number of replicas of a session or group, which has been found."""

    handle: Expr

    @property
    def type(self) -> Int:
        """A count."""
        return Int(31)


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """The length (bytes) to which a session, which has been found, truncates; 0 for no limit."""

    session: Expr

    @property
    def type(self) -> Int:
        """`packet_length_bytes` of P4Runtime."""
        return Int(31)


# other state


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """A cell of a register array; 0 beyond its end.

    Attributes:
        inside: the index is known to be one of a cell.
    """

    register: RegisterRef
    index: Expr
    inside: bool

    @property
    def type(self) -> Int:
        """The array's width."""
        return Int(self.register.spec.width)


@dataclass(frozen=True, slots=True)
class CounterRead:
    """The packets of a counter's cell, 0 beyond its end (only in programs lowered for tracing)."""

    counter: CounterRef
    index: Expr

    @property
    def type(self) -> Int:
        """A count, as state keeps it."""
        return Int(63)


Expr = (
    Var
    | Const
    | BoolConst
    | ZeroBytes
    | Nothing
    | Input
    | Binary
    | Invert
    | Truncate
    | Saturate
    | Fits
    | ToInt
    | Compare
    | Logic
    | Not
    | Select
    | Choose
    | Short
    | Lookahead
    | InValueSet
    | HeaderBytes
    | Payload
    | SizeOf
    | Emitted
    | Packet
    | Found
    | DefaultEntry
    | ActionCode
    | Target
    | IsGroup
    | Pick
    | FindSession
    | FindGroup
    | ReplicaCount
    | SessionLimit
    | RegisterRead
    | CounterRead
)
