"""Plain Python at once, machine code as soon as it is compiled."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from v1switch.control.engine import Engine, Forwarder, Prepared, SwitchContext
from v1switch.program.model import Program
from v1switch.state.program_state import State

log = logging.getLogger("v1switch")


class Code(Protocol):
    """A program's machine code."""

    def bind(self, switch: SwitchContext, state: State, plain: Forwarder) -> Forwarder:
        """Make the forwarder of a state; `plain` carries what machine code hands over."""


Compile = Callable[[Program], Code | None]
"""Compiles a program to machine code; None where it stays with plain Python."""


@dataclass(frozen=True)
class _Job:
    switch: SwitchContext
    state: State
    plain: Forwarder


class UpgradingEngine:
    """Starts programs on one engine and moves them to machine code while they run.

    A context manager: it owns the thread that compiles. Leaving it does not wait for a compilation
    that is under way; what comes of it is then not used any more.
    """

    mirrored = True

    def __init__(self, plain: Engine, compile_: Compile) -> None:
        """Compose an engine.

        Args:
            plain: carries frames until machine code is ready, and what that hands over.
            compile_: called in a thread of its own.
        """
        self._plain = plain
        self._compile = compile_
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="compiler", daemon=True)

    def __enter__(self) -> UpgradingEngine:  # noqa: PYI034  # typing.Self is of Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True
        self._jobs.put(None)

    def prepare(self, program: Program) -> Prepared:
        """Prepare a program for the plain engine; raises ProgramError."""
        return _Prepared(self._plain.prepare(program), self._jobs)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._jobs.empty():
                continue  # another program has been committed since
            try:
                self._upgrade(job)
            except Exception:  # a fault of our compiler must not stop later programs from moving
                log.exception("%s stays with plain Python", job.state.program.name or "the program")

    def _upgrade(self, job: _Job) -> None:
        code = self._compile(job.state.program)
        if code is not None and not self._closed:
            job.switch.replace(job.state, code.bind(job.switch, job.state, job.plain))


@dataclass(frozen=True)
class _Prepared:
    plain: Prepared
    jobs: queue.SimpleQueue[_Job | None]

    @property
    def program(self) -> Program:
        return self.plain.program

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        forwarder = self.plain.bind(switch, state)
        self.jobs.put(_Job(switch, state, forwarder))
        return forwarder
