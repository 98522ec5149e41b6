"""Statements about the frame that comes in and the packet that leaves."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.variables import Header


@dataclass(frozen=True, slots=True)
class Peek:
    """Read the fields in front of a header's variable-length field; the cursor stays."""

    header: Header


@dataclass(frozen=True, slots=True)
class Extract:
    """Read a header at the cursor and move the cursor after it; the frame has all of it.

    It sets the variables of the header's contents, `origin`, and `dirty` to false, but not `valid`.

    Attributes:
        varbit: bytes of the variable-length field (None when the header has none).
    """

    header: Header
    varbit: Expr | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Move the cursor forward by bytes that the frame has."""

    size: Expr


@dataclass(frozen=True, slots=True)
class BeginPacket:
    """Start assembling the outgoing packet."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Append a header: from its variables, or from the frame when it has an origin and is clean."""

    header: Header


@dataclass(frozen=True, slots=True)
class AppendPayload:
    """Append the frame from the cursor on, which completes the outgoing packet."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the outgoing packet.

    Attributes:
        port: the egress port.
        limit: the length (bytes) to which it is truncated; None for no limit.
    """

    port: Expr
    limit: Expr | None
