"""A trace filter as Python source: the program's parser, then the filter's condition.

Only the fields that parser and filter look at are unpacked, and what asks for the port or the
length alone is decided before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from v1switch.codegen.access import STANDARD, Access, walk
from v1switch.codegen.binding import state_names, state_values
from v1switch.codegen.exprs import Expressions
from v1switch.codegen.layout import Layout
from v1switch.codegen.parser import ParserCode
from v1switch.codegen.primitives import Primitives
from v1switch.codegen.writer import Writer
from v1switch.control.engine import SwitchContext
from v1switch.program import expressions as ex
from v1switch.program.model import Conditional, Deparser, Pipeline, Program
from v1switch.state.program_state import State

Matches = Callable[[int, bytes], bool]
HEAD = "def make({names}):\n\tdef matches(port, frame{zeros}):\n"


def compile_filter(
    program: Program, condition: ex.Expr
) -> Callable[[SwitchContext, State], Matches]:
    """Compile a condition on what the parser extracts; the result binds it to a switch's state."""
    source, constants = _generate(program, condition)
    code = compile(source, "<trace filter>", "exec")

    def bind(switch: SwitchContext, state: State) -> Matches:
        namespace: dict[str, Callable[..., Matches]] = {}
        exec(code, namespace)
        values = state_values(switch, state)
        values["tr"] = None
        values["log_message"] = values["failed_assertion"] = _silent  # the frame itself will tell
        return namespace["make"](**constants, **values)

    return bind


def _silent(*_: object) -> None:
    """Say nothing."""


def _generate(program: Program, condition: ex.Expr) -> tuple[str, dict[str, object]]:
    parts = list(_conjunction(condition))
    early = [part for part in parts if _is_early(part)]
    writer = Writer()
    writer.depth = 2
    seen = _only_parser(program, condition)
    access = Access(seen)
    layout = Layout(seen, access, writer)
    expressions = Expressions(seen, layout, access, writer)
    writer.add("flen = plen = len(frame)")
    for field, text in (("ingress_port", "port"), ("packet_length", "flen")):
        writer.add(f"{layout.var(STANDARD, field)} = {text}")
    for part in early:
        writer.add(f"if not {expressions.condition(part)}: return False")
    writer.add("o = 0")
    ParserCode(Primitives(expressions, "DROP", traced=False)).emit()
    writer.add(f"return bool({expressions.condition(condition)})")
    zeros = "".join(f", {name}={zero}" for name, zero in _variables(seen, layout).items())
    names = ", ".join([*writer.bound, *state_names(program)])
    source = HEAD.format(names=names, zeros=zeros) + "\n".join(writer.lines)
    return source + "\n\treturn matches\n", writer.bound


def _only_parser(program: Program, condition: ex.Expr) -> Program:
    """The program without what follows the parser, where one `if` asks for the condition."""
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


def _variables(program: Program, layout: Layout) -> dict[str, str]:
    """All variables that may be read before anything is written to them, and what they hold."""
    found: dict[str, str] = {}
    for header in program.headers.values():
        names, zeros = layout.header_vars(header.name), layout.zeros(header.name)
        found.update(zip(names, zeros, strict=True))
        if not header.metadata:
            found[layout.valid(header.name)] = "0"
    stacks = (layout.count(stack) for stack in (*program.stacks, *program.union_stacks))
    return found | dict.fromkeys(stacks, "0")
