"""Which frames are explained, and who hears of it.

A data plane with a tracer holds its program twice, plain and traced, over the same tables,
counters and registers. Each frame runs through one of the two.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from v1switch.explain.events import Explanation
from v1switch.explain.filters import Filter, FilterError
from v1switch.explain.recorder import Recorder
from v1switch.program.model import Program

if TYPE_CHECKING:
    from v1switch.control.dataplane import Dataplane, Frame, Process
    from v1switch.state.program_state import State

log = logging.getLogger("v1switch")
Watch = Callable[["Dataplane", "State", "Process"], "Process"]
"""Makes what carries the frames, given what carries those that nobody asked for."""
Listener = Callable[[Program, Explanation], None]
"""Is told of a frame when it is done; must return quickly."""


class Tracer:
    """Explains the frames that match a filter, or all.

    Attributes:
        recorder: what the traced code tells.
    """

    def __init__(self, listener: Listener, filter_: Filter | None = None) -> None:
        """Tell `listener` of every frame that matches `filter_` (None: of every frame)."""
        self.recorder = Recorder()
        self._listener = listener
        self._filter = filter_

    def check(self, program: Program) -> None:
        """Raise FilterError when the filter does not fit a program."""
        if self._filter is not None:
            self._filter.expression(program)

    def prepare(self, program: Program) -> Watch:
        """Compile the traced program and the filter.

        A filter that does not fit the program traces nothing, and the log says so.

        Raises:
            ProgramError: as `compile_program` does.
        """
        from v1switch.codegen import compile_program
        from v1switch.codegen.matcher import compile_filter

        traced = compile_program(program, traced=True)
        try:
            wanted = compile_filter(program, self._filter) if self._filter else None
        except FilterError as error:
            log.error("nothing is traced: %s", error)
            return _leave

        def watch(dataplane: Dataplane, state: State, plain: Process) -> Process:
            if dataplane.recorder is not self.recorder:  # no frame ever comes there
                return plain
            self.recorder.use(program, dataplane)
            explained = self._explained(program, traced(dataplane, state))
            if wanted is None:
                return explained
            return _choose(wanted(dataplane, state), explained, plain)

        return watch

    def _explained(self, program: Program, process: Process) -> Process:
        def explain(port: int, frame: bytes, now: int) -> list[Frame]:
            self.recorder.begin()
            out = process(port, frame, now)
            self._listener(program, self.recorder.finish(port, frame, out))
            return out

        return explain


def _choose(wanted: Callable[[int, bytes], bool], yes: Process, no: Process) -> Process:
    def process(port: int, frame: bytes, now: int) -> list[Frame]:
        return (yes if wanted(port, frame) else no)(port, frame, now)

    return process


def _leave(_dataplane: Dataplane, _state: State, plain: Process) -> Process:
    return plain
