"""The engine of a switch that logs at level trace: every frame leaves its lines in the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from v1switch.control.engine import Forwarder, Frame, Prepared, SwitchContext
from v1switch.engines.python.compiler import Bind, compile_program
from v1switch.engines.python.engine import PythonForwarder
from v1switch.explain.lines import Lines
from v1switch.program.model import Program
from v1switch.state.program_state import State

Write = Callable[[list[str]], None]
"""Writes the lines of one frame, or of its part so far; must return quickly."""


class TraceEngine:
    """Runs programs as plain Python that logs what it does with each frame."""

    mirrored = False

    def __init__(self, write: Write, stamp: Callable[[], str]) -> None:
        """Make an engine.

        Args:
            write: gets the lines of each frame.
            stamp: what a frame's lines begin with: the time.
        """
        self.write = write
        self.stamp = stamp
        self._under_way: Lines | None = None
        self._thread = 0

    def prepare(self, program: Program) -> Prepared:
        """Compile a program with its trace points; raises ProgramError."""
        return _Prepared(program, compile_program(program, traced=True), self)

    def under_way(self, lines: Lines | None) -> None:
        """Note what records the frame that this thread runs, or that it is done."""
        self._under_way, self._thread = lines, threading.get_ident()

    def before(self, _record: logging.LogRecord) -> bool:
        """Write a frame's lines so far: a filter of the log, whose records come in order."""
        if self._under_way is not None and self._thread == threading.get_ident():
            self.write(self._under_way.take())
        return True


@dataclass(frozen=True)
class _Prepared:
    program: Program
    traced: Bind
    engine: TraceEngine

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        engine, lines = self.engine, Lines(self.program, switch)
        traced = self.traced(switch, state, lines)
        number = 0

        def process(port: int, frame: bytes, *rest: object) -> list[Frame]:
            nonlocal number
            lines.begin(engine.stamp(), number)
            number += len(rest) == 1  # more: a packet that has waited, which has a number
            engine.under_way(lines)
            try:
                return traced(port, frame, *rest)
            finally:
                engine.under_way(None)
                engine.write(lines.finish())

        lines.process = process
        return PythonForwarder(process)
