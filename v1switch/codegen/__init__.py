"""Programs become Python: source is generated for one program, compiled, and bound to state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from v1switch.codegen.assemble import Assembler
from v1switch.errors import ProgramError
from v1switch.program.model import Program

if TYPE_CHECKING:
    from v1switch.control.dataplane import Dataplane, Process
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
    from v1switch.codegen.binding import state_names

    assembler = Assembler(program, traced)
    lines = assembler.emit()
    zeros = "".join(f", {zero}" for zero in assembler.defaults())
    names = ", ".join([*assembler.writer.bound, *state_names(program)])
    source = HEAD.format(names=names, zeros=zeros) + "\n".join(lines) + "\n\treturn run\n"
    return source, assembler.writer.bound


def compile_program(program: Program, traced: bool) -> Callable[[Dataplane, State], Process]:
    """Compile a program; the result binds it to a data plane and its state."""
    from v1switch.codegen.binding import bind

    source, constants = generate(program, traced)
    try:
        code = compile(source, f"<generated from {program.name or 'a program'}>", "exec")
    except (RecursionError, MemoryError):  # of Python's parser, whose stack is small
        raise ProgramError("$", "expressions that Python can compile", "deeper ones") from None
    return lambda dataplane, state: bind(code, constants, dataplane, state)
