"""A condition on frames, such as a trace filter: the program's parser, then the condition.

Only the fields that parser and condition read are extracted, and what depends on the port or the
length alone is decided before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from v1switch.lower import ir
from v1switch.lower.actions import Actions
from v1switch.lower.context import Context
from v1switch.lower.demand import STANDARD, walk
from v1switch.lower.expressions import Expressions
from v1switch.lower.parser import Parser
from v1switch.lower.switch import FRAME_LENGTH, PORT
from v1switch.program import expressions as ex
from v1switch.program.model import Conditional, Deparser, Pipeline, Program


def lower_filter(program: Program, condition: ex.Expr) -> ir.Test:
    """Lower a condition over the program's fields.

    Raises:
        ProgramError: the program's parser uses something that cannot be expressed.
    """
    context = Context(_only_parser(program, condition), observed=False)
    actions = Actions(Expressions(context))
    prologue = context.builder.captured(lambda: _begin(actions))
    early = tuple(
        actions.expressions.condition(part) for part in _conjunction(condition) if _is_early(part)
    )
    body = context.builder.captured(Parser(actions).lower)
    with context.builder.block() as prepared:
        answer = actions.expressions.condition(condition)
    variables = (*context.layout.variables(), context.cursor)
    return ir.Test(variables, context.cursor, prologue, early, (*body, *prepared), answer)


def _begin(actions: Actions) -> None:
    """Set what is known of a frame before it is parsed."""
    actions.builder.assign(actions.context.length, FRAME_LENGTH)
    actions.stores.standard("ingress_port", ir.Input("port", PORT))
    actions.stores.standard("packet_length", FRAME_LENGTH)


def _only_parser(program: Program, condition: ex.Expr) -> Program:
    """The program without what follows the parser, with one `if` on the condition."""
    asked = {"filter": Conditional("filter", condition, None, None)}
    return replace(
        program,
        deparser=Deparser("", ()),
        calculations={},
        checksums=(),
        actions={},
        action_profiles={},
        ingress=Pipeline("ingress", None, {}, asked, {}),
        egress=Pipeline("egress", None, {}, {}, {}),
        meters={},
        learn_lists={},
        field_lists={},
    )


def _conjunction(node: ex.Expr) -> Iterator[ex.Expr]:
    """The parts of an expression that all have to hold."""
    if isinstance(node, ex.Operation) and node.op == "and" and node.left and node.right:
        yield from _conjunction(node.left)
        yield from _conjunction(node.right)
    else:
        yield node


def _is_early(node: ex.Expr) -> bool:
    """Whether a condition needs nothing that the parser finds."""
    named = [n for n in walk(node) if isinstance(n, (ex.FieldRef, ex.HeaderRef))]
    return all(isinstance(n, ex.FieldRef) and n.header == STANDARD for n in named)
