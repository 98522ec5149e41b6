"""The engine that explains frames, and who gets the explanations.

It holds a program twice, plain and traced, over the same tables, counters and registers. Each
frame runs through one of the two.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from v1switch.control.engine import Engine, Forwarder, Frame, Prepared, Process, SwitchContext
from v1switch.engines.python.compiler import Bind, Matches, compile_filter, compile_program
from v1switch.engines.python.engine import PythonEngine, PythonForwarder
from v1switch.explain.events import Explanation
from v1switch.explain.filters import Filter, FilterError
from v1switch.explain.recorder import Recorder
from v1switch.program.model import Program
from v1switch.state.program_state import State

log = logging.getLogger("v1switch")
Listener = Callable[[Program, Explanation], None]
"""Called with the explanation of a frame when the frame is done; must return quickly."""


class TracingEngine:
    """Runs programs as plain Python and explains the frames that match a filter, or all."""

    mirrored = False

    def __init__(self, listener: Listener, filter_: Filter | None = None) -> None:
        """Call `listener` with every frame that matches `filter_` (None: with every frame)."""
        self._plain: Engine = PythonEngine()
        self._listener = listener
        self._filter = filter_

    def check(self, program: Program) -> None:
        """Raise FilterError when the filter does not fit a program."""
        if self._filter is not None:
            self._filter.expression(program)

    def prepare(self, program: Program) -> Prepared:
        """Compile a program plain and traced, and the filter.

        A filter that does not fit the program traces nothing, and the log says so.

        Raises:
            ProgramError: as the plain engine does.
        """
        plain = self._plain.prepare(program)
        traced = compile_program(program, traced=True)
        try:
            matcher = self._matcher(program)
        except FilterError as error:
            log.error("nothing is traced: %s", error)
            return plain
        return _Prepared(program, plain, traced, matcher, self._listener)

    def _matcher(self, program: Program) -> Callable[[SwitchContext, State], Matches] | None:
        if self._filter is None:
            return None
        return compile_filter(program, self._filter.expression(program))


@dataclass(frozen=True)
class _Prepared:
    program: Program
    plain: Prepared
    traced: Bind
    matcher: Callable[[SwitchContext, State], Matches] | None
    listener: Listener

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        recorder = Recorder(self.program, switch)
        explained = self._explained(recorder, self.traced(switch, state, recorder))
        if self.matcher is None:
            return PythonForwarder(explained)
        matches, plain = self.matcher(switch, state), self.plain.bind(switch, state).process

        def process(port: int, frame: bytes, now: int) -> list[Frame]:
            return (explained if matches(port, frame) else plain)(port, frame, now)

        return PythonForwarder(process)

    def _explained(self, recorder: Recorder, traced: Callable[..., list[Frame]]) -> Process:
        def process(port: int, frame: bytes, *rest: object) -> list[Frame]:
            recorder.begin()
            out = traced(port, frame, *rest)
            self.listener(self.program, recorder.finish(port, frame, out))
            return out

        recorder.process = process
        return process
