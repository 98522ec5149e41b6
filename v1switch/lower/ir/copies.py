"""Statements of copies, and of packets that enter again."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.variables import Var


@dataclass(frozen=True, eq=False)
class FieldList:
    """A field list: variables whose values a packet that enters again carries. Id 0 is none."""

    id: int
    variables: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class CloneIngress:
    """Run the body for a clone at once: the original frame, `Kind.INGRESS_CLONE`.

    Attributes:
        session: a session that has been found: the clone's input "session".
        fields: the id of the `FieldList` whose current values it carries.
    """

    session: Expr
    fields: Expr


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Queue the original frame to enter the parser again after this pass (RESUBMITTED)."""

    fields: Expr


@dataclass(frozen=True, slots=True)
class Recirculate:
    """Queue the outgoing packet to enter the parser again after this pass (RECIRCULATED)."""

    fields: Expr


@dataclass(frozen=True, slots=True)
class RestoreFields:
    """Set the variables of the packet's field list to the values that the packet carries."""


@dataclass(frozen=True, slots=True)
class AddCopies:
    """Inside of `ForEachCopy`: append one copy for each replica of a session (egress clones).

    They find the saved variables as they are now, but for those that are reset. Nothing happens
    once `limit` copies have been appended.

    Attributes:
        session: a session that was found.
        fields: the id of the `FieldList` whose variables are not reset.
        reset: (variable, value) pairs, for all but those.
        always: (variable, value) pairs, for those as well.
    """

    session: Expr
    fields: Expr
    reset: tuple[tuple[Var, Expr], ...]
    always: tuple[tuple[Var, Expr], ...]
    limit: int
