"""Statements: variables, control flow, and all others in one type."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.copies import AddCopies, CloneIngress, Recirculate, RestoreFields, Resubmit
from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.externs import FailAssertion, Hash, LogMessage, Random, SendDigest
from v1switch.lower.ir.frames import AppendPayload, BeginPacket, Emit, Extract, Peek, Send, Skip
from v1switch.lower.ir.queues import Offer, Resume
from v1switch.lower.ir.state import (
    Count,
    CountEntry,
    ExecuteDirectMeter,
    ExecuteMeter,
    LookUp,
    RegisterWrite,
    TakeParams,
    TouchEntry,
)
from v1switch.lower.ir.variables import Var


@dataclass(frozen=True, slots=True)
class Assign:
    """Set a variable."""

    target: Var
    value: Expr


@dataclass(frozen=True, slots=True)
class Move:
    """Set several variables at once: all values are taken before any variable changes."""

    targets: tuple[Var, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class If:
    """Run one of two blocks."""

    condition: Expr
    then: Block
    otherwise: Block = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Run the block of the case that has the value, or the default.

    Attributes:
        cases: (values, block) pairs; no value is in two, and all are of the type of `value`.
        default: for all other values.
    """

    value: Expr
    cases: tuple[tuple[tuple[int, ...], Block], ...]
    default: Block = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A block that `Leave` inside of it ends early."""

    body: Block


@dataclass(frozen=True, slots=True)
class Machine:
    """States, of which the first runs first. Each ends in `Goto`, or in `Leave`, which ends all.

    A state that comes to its end without either leaves, too.

    Attributes:
        states: where possible in an order in which jumps go forward.
        limit: of jumps that do not go forward.
        exceeded: runs instead of the jump that would be one more, then the machine is left.
    """

    states: tuple[Block, ...]
    limit: int
    exceeded: Block


@dataclass(frozen=True, slots=True)
class Goto:
    """Run a state of the innermost `Machine` next: the last that the present state does."""

    state: int


@dataclass(frozen=True, slots=True)
class Leave:
    """End the innermost `Region` or `Machine`; nothing follows in its block."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the body; never inside of `ForEachCopy`."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Drop the frame and all packets made of it, and log why: processing would never end."""

    reason: str


@dataclass(frozen=True, slots=True)
class ForEachCopy:
    """Run the body for each copy of the packet, one after the other; then the switch's body ends.

    Attributes:
        replicas: the session or group whose replicas, at least one, are the copies; where it
            holds nothing there is one copy, with `port` and `instance` as they are.
        port: set to each replica's port.
        instance: set to each replica's instance (egress_rid).
        body: what each copy runs through.
        saved: variables that each copy finds as they were before the first one (or, see
            `AddCopies`, with the values given there): those that the body reads and later writes.
    """

    replicas: Var
    port: Var
    instance: Var
    body: Block
    saved: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class Observe:
    """A trace point: call the recorder of explanations. Only in programs lowered for tracing.

    Attributes:
        event: a method of the recorder.
        args: its arguments: expressions, tuples of expressions, or objects as they are.
    """

    event: str
    args: tuple[object, ...]


Stmt = (
    Assign
    | Move
    | If
    | Match
    | Region
    | Machine
    | Goto
    | Leave
    | Finish
    | Abandon
    | Peek
    | Extract
    | Skip
    | BeginPacket
    | Emit
    | AppendPayload
    | Send
    | LookUp
    | TakeParams
    | CountEntry
    | TouchEntry
    | ExecuteDirectMeter
    | ExecuteMeter
    | Count
    | RegisterWrite
    | Hash
    | Random
    | SendDigest
    | LogMessage
    | FailAssertion
    | CloneIngress
    | Resubmit
    | Recirculate
    | RestoreFields
    | ForEachCopy
    | AddCopies
    | Offer
    | Resume
    | Observe
)
Block = tuple[Stmt, ...]
