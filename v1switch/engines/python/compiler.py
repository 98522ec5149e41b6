"""Lowered programs to Python functions, and these to the state that they work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CodeType
from typing import Protocol

from v1switch.control.engine import Frame, Process, SwitchContext
from v1switch.engines.endless import Abandoned, Endless
from v1switch.engines.python.bytecode import code_of
from v1switch.engines.python.source import Source
from v1switch.engines.python.statements import Statements
from v1switch.errors import ProgramError
from v1switch.lower import ir, lower, lower_filter
from v1switch.lower.arithmetic import zero
from v1switch.program.expressions import Expr
from v1switch.program.model import Program
from v1switch.state.program_state import State
from v1switch.state.queues import EgressQueues, Leaving, Place

RUN = "def make({names}):\n\tdef run(port, frame, now, kind, restore, out, work, held{zeros}):"
MATCHES = "def make({names}):\n\tdef matches(port, frame{zeros}):"
RECORDER = "recorder"


class Recording(Protocol):
    """The recorder to which a traced program reports its steps.

    Attributes:
        process: carries a packet while this records.
    """

    process: Callable[..., list[Frame]]


Bind = Callable[[SwitchContext, State, Recording | None], Process]
"""Binds a compiled program to a switch, its state and the recorder of a traced one, or None."""

Matches = Callable[[int, bytes], bool]
"""Whether a frame at a port meets a condition."""


def compile_program(program: Program, *, traced: bool = False) -> Bind:
    """Compile a program; the traced variant calls a recorder's method for each event.

    Raises:
        ProgramError: the program uses something that cannot be expressed.
    """
    source, text = generate(lower(program, observed=traced))
    code = _compiled(text, f"<generated from {program.name or 'a program'}>")

    def bind(switch: SwitchContext, state: State, recorder: Recording | None) -> Process:
        run = _made(code, source, switch, state, recorder)
        return _Process(run, Abandoned(program), switch.queues, recorder)

    return bind


def compile_filter(program: Program, condition: Expr) -> Callable[[SwitchContext, State], Matches]:
    """Compile a condition on what the parser extracts; the result binds it to a switch's state."""
    source, text = _generate_filter(lower_filter(program, condition))
    code = _compiled(text, "<trace filter>")
    return lambda switch, state: _made(code, source, switch, state, None)


# -- source ----------------------------------------------------------------------------------------


def generate(switch: ir.Switch) -> tuple[Source, str]:
    """Print a lowered program: its source, and the text of a function `make` that makes `run`.

    `run(port, frame, now, kind, restore, out, work, held)` takes a packet of a kind with what it
    brings along: None, or (field list id, values), with the clone session in front for ingress
    clones; (time enqueued, depth then, depth now, values) for a packet that has waited. It appends
    (port, bytes) of what leaves to `out`, its own arguments for packets that enter again to `work`,
    and (place, port, bytes, values) of packets that begin to wait to `held`.
    """
    source = Source()
    flags = [v for h in switch.headers.values() for v in (h.valid, h.dirty) if v is not None]
    statements = Statements(source, switch.cursor, flags, switch.field_lists)
    source.add("frame_length = len(frame)")
    statements.block(switch.body)
    return source, _text(RUN, source, statements, switch.variables)


def _generate_filter(test: ir.Test) -> tuple[Source, str]:
    """Print a lowered filter: `make` makes `matches(port, frame)`."""
    source = Source()
    statements = Statements(source, test.cursor, ())
    source.add("frame_length = len(frame)")
    statements.block(test.prologue)
    for part in test.early:
        source.add(f"if not ({statements.expressions.condition(part)}): return False")
    statements.block(test.body)
    source.add(f"return bool({statements.expressions.condition(test.condition)})")
    return source, _text(MATCHES, source, statements, test.variables)


def _text(head: str, source: Source, statements: Statements, variables: Sequence[ir.Var]) -> str:
    """The whole source. Variables are parameters: so all are zero in the cheapest way."""
    zeros = "".join(f", {v.name}={statements.expressions.text(zero(v.type))}" for v in variables)
    names = ", ".join([*source.constants, *source.found, RECORDER])
    name = "run" if head is RUN else "matches"
    lines = "\n".join(source.lines)
    return f"{head.format(names=names, zeros=zeros)}\n{lines}\n\treturn {name}\n"


# -- functions -------------------------------------------------------------------------------------


def _compiled(text: str, name: str) -> CodeType:
    try:
        return code_of(text, name)
    except (RecursionError, MemoryError):  # of Python's parser, whose stack is small
        raise ProgramError("$", "expressions that Python can compile", "deeper ones") from None
    except SyntaxError as error:  # its limits of nesting, such as 20 loops
        raise ProgramError("$", "a program that Python can compile", error.msg) from error


def _made(
    code: CodeType, source: Source, switch: SwitchContext, state: State, recorder: object
) -> Callable[..., bool]:
    """Make the function of compiled source, bound to what it works on."""
    namespace: dict[str, Callable[..., Callable[..., bool]]] = {}
    exec(code, namespace)
    found = [find(switch, state) for find in source.found.values()]
    # by position: Python compares each name with all of them, and there may be thousands
    return namespace["make"](*source.constants.values(), *found, recorder)


class _Process:
    """Runs a frame, and the packets that enter again because of it.

    An object that refers to itself by its waiting packets only, so that programs are freed at once.
    """

    def __init__(
        self,
        run: Callable[..., object],
        abandoned: Abandoned,
        queues: EgressQueues,
        recorder: Recording | None,
    ) -> None:
        self._run, self._abandoned, self._queues = run, abandoned, queues
        self._recorder = recorder

    def __call__(
        self, port: int, frame: bytes, now: int, kind: int = ir.Kind.NORMAL, brought: object = None
    ) -> list[Frame]:
        run, abandoned = self._run, self._abandoned
        out: list[Frame] = []
        work: list[tuple[int, bytes, int, object]] = []
        held: list[tuple[Place, int, bytes, object]] = []
        try:
            run(port, frame, now, kind, brought, out, work, held)
            passes = 0
            while work:
                again = work.pop(0)
                passes += 1
                abandoned.check(passes, len(out) + len(work), again[2])
                run(again[0], again[1], now, again[2], again[3], out, work, held)
        except Endless as reason:
            abandoned.tell(port, reason)
        for place, came_in, data, values in held:
            self._queues.hold(place, partial(self._resume, came_in, data, values))
        return out

    def _resume(
        self, port: int, frame: bytes, values: object, leaving: Leaving, now: int
    ) -> list[Frame]:
        carry = self if self._recorder is None else self._recorder.process
        brought = leaving.enqueued, leaving.depth, leaving.left, values
        return carry(port, frame, now, ir.Kind.DEQUEUED, brought)
