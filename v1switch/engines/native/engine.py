"""The engine itself: programs to machine code, with plain Python for what that hands over."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from v1switch.control.engine import Engine, Forwarder, Prepared, SwitchContext
from v1switch.native.build import Plan, build
from v1switch.native.engine import Native
from v1switch.native.errors import NotNative
from v1switch.program.model import Program
from v1switch.state.program_state import State

log = logging.getLogger("v1switch")


class NativeEngine:
    """Compiles programs to machine code before they are committed."""

    mirrored = True

    def __init__(self, plain: Engine) -> None:
        """Compose an engine; `plain` carries the frames that machine code hands over."""
        self._plain = plain

    def prepare(self, program: Program) -> Prepared:
        """Compile a program; it stays with the plain engine where that fails.

        Raises:
            ProgramError: as the plain engine does.
        """
        plain = self._plain.prepare(program)
        code = compile_program(program)
        return plain if code is None else _Prepared(program, plain, code)


@dataclass(frozen=True)
class _Prepared:
    program: Program
    plain: Prepared
    code: MachineCode

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        return self.code.bind(switch, state, self.plain.bind(switch, state))


@dataclass(frozen=True)
class MachineCode:
    """A program's machine code, for any state."""

    plan: Plan

    def bind(self, switch: SwitchContext, state: State, plain: Forwarder) -> Forwarder:
        """Make the forwarder of a state; `plain` carries what machine code hands over."""
        return Native(self.plan, switch, state, plain.process)


def compile_program(program: Program) -> MachineCode | None:
    """Compile a program and log the outcome; None where it stays with plain Python."""
    try:
        plan = build(program)
    except NotNative as reason:
        log.warning("%s stays with plain Python: %s", program.name or "the program", reason)
        return None
    except Exception:  # a fault of our compiler must not stop the switch
        log.exception("%s stays with plain Python: a fault here", program.name or "the program")
        return None
    but = f"; plain Python still carries {', '.join(plan.reasons)}" if plan.reasons else ""
    log.info("machine code after %.1f s%s", plan.seconds, but)
    return MachineCode(plan)
