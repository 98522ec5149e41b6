"""What all parts of the data plane share: the lock, the program's state, the undo log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from v1switch.control.lock import DataplaneLock
from v1switch.errors import NoProgram, UnknownObject
from v1switch.state.profiles import PortStates
from v1switch.state.program_state import State
from v1switch.state.queues import EgressQueues
from v1switch.state.replication import Replication
from v1switch.state.tables import RuntimeTable

Undo = Callable[[], object]


class Core:
    """The state of a switch, and the lock that guards it.

    Attributes:
        clock: monotonic nanoseconds.
        started: that clock's time when the switch was made.
        replication: multicast groups and clone sessions.
        ports: which ports exist, and which are down.
        queues: between ingress and egress.
    """

    def __init__(
        self, clock: Callable[[], int] = time.monotonic_ns, priority_queues: int = 1
    ) -> None:
        """Start without a program; raises BadValue: no such number of priority queues."""
        self.clock = clock
        self.started = clock()
        self.replication = Replication()
        self._lock = DataplaneLock()
        self.ports = PortStates()
        self.queues = EgressQueues(priority_queues)
        self._state: State | None = None
        self._undo: list[Undo] | None = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the packet loop off, so that no frame sees only some of several changes."""
        with self._lock.writer():
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Like `exclusive`, and an exception undoes every change made inside.

        An inner transaction joins the outer one. Writes to counters, meters and registers are
        undone as well.
        """
        with self._lock.writer():
            if self._undo is not None:
                yield
                return
            self._undo = []
            try:
                yield
            except BaseException:
                while self._undo:
                    self._undo.pop()()
                raise
            finally:
                self._undo = None

    def _record_undo(self, undo: Undo) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    @property
    def state(self) -> State:
        """Run-time state of the program; raises NoProgram."""
        if self._state is None:
            raise NoProgram
        return self._state

    def _table(self, name: str) -> RuntimeTable:
        table = self.state.tables.get(name)
        if table is None:
            raise UnknownObject("table", name)
        return table
