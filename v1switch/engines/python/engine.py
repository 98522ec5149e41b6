"""The engine itself: programs to Python functions."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.control.engine import Forwarder, Prepared, Process, SwitchContext
from v1switch.engines.python.compiler import Bind, compile_program
from v1switch.program.model import Program
from v1switch.state.program_state import State


class PythonEngine:
    """Runs programs as plain Python: ready at once, and able to do all that a program may ask."""

    mirrored = False

    def prepare(self, program: Program) -> Prepared:
        """Generate and compile a program's Python source; raises ProgramError."""
        return _Prepared(program, compile_program(program))


@dataclass(frozen=True)
class _Prepared:
    program: Program
    make: Bind

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        return PythonForwarder(self.make(switch, state, None))


@dataclass(frozen=True)
class PythonForwarder:
    """A program's Python function, bound to its state."""

    process: Process
