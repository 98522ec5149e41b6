"""What is lowered: a whole program, or a question about frames."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.copies import FieldList
from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.statements import Block
from v1switch.lower.ir.variables import Header, Var
from v1switch.program import model


@dataclass(frozen=True, eq=False)
class Test:
    """A question about frames, lowered: the parser, then a condition.

    Attributes:
        variables: see `Switch`.
        cursor: see `Switch`.
        prologue: runs first.
        early: then these have to hold: conditions that need nothing of what the parser finds.
        body: then the parser.
        condition: the answer, when the parser is done.
    """

    variables: tuple[Var, ...]
    cursor: Var
    prologue: Block
    early: tuple[Expr, ...]
    body: Block
    condition: Expr


@dataclass(frozen=True, eq=False)
class Switch:
    """A whole program, lowered.

    Attributes:
        program: what it was made of.
        headers: all of the program's, metadata included, by name.
        variables: those that hold their zero (see `Var`) when the body begins. All others are
            assigned before they are read.
        cursor: how far the parser has come, in bytes; one of `variables`. Statements and
            expressions about the frame use it without naming it.
        field_lists: what packets that enter again may carry.
        body: what happens to a packet.
    """

    program: model.Program
    headers: dict[str, Header]
    variables: tuple[Var, ...]
    cursor: Var
    field_lists: tuple[FieldList, ...]
    body: Block
