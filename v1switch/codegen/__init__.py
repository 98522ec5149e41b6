"""Programs become Python: source is generated for one program, compiled, and bound to state."""

from __future__ import annotations

from collections.abc import Callable

from v1switch.codegen.assemble import Assembler
from v1switch.codegen.binding import bind, state_names
from v1switch.control.engine import Process, SwitchContext
from v1switch.errors import ProgramError
from v1switch.program.model import Program
from v1switch.state.program_state import State

HEAD = "def make({names}):\n\tdef run(port, frame, now, kind, restore, out, work{zeros}):\n"


def generate(program: Program, traced: bool) -> tuple[str, dict[str, object]]:
    """Generate the source of a program's `make` function and the constants it binds.

    Args:
        program: what to generate.
        traced: whether to generate the variant that tells what it does.

    Raises:
        ProgramError: the program uses something that cannot be expressed.
    """
    assembler = Assembler(program, traced)
    lines = assembler.emit()
    zeros = "".join(f", {zero}" for zero in assembler.defaults())
    names = ", ".join([*assembler.writer.bound, *state_names(program)])
    source = HEAD.format(names=names, zeros=zeros) + "\n".join(lines) + "\n\treturn run\n"
    return source, assembler.writer.bound


Bind = Callable[[SwitchContext, State, object], Process]
"""Binds a compiled program to a switch, its state and the recorder of a traced one, or None."""


def compile_program(program: Program, traced: bool) -> Bind:
    """Compile a program; the traced variant calls a recorder's method for each event.

    Raises:
        ProgramError: the program uses something that cannot be expressed.
    """
    source, constants = generate(program, traced)
    try:
        code = compile(source, f"<generated from {program.name or 'a program'}>", "exec")
    except (RecursionError, MemoryError):  # of Python's parser, whose stack is small
        raise ProgramError("$", "expressions that Python can compile", "deeper ones") from None
    return lambda switch, state, recorder: bind(code, constants | {"tr": recorder}, switch, state)
