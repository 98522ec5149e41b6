"""The interface between the data plane and its engines.

An engine makes programs executable. `prepare` does all that can fail or takes long, and touches
nothing that runs; `bind` ties the result to one program's run-time state; the resulting forwarder
carries frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from v1switch.program.model import Program
from v1switch.state.entries import DigestSample
from v1switch.state.program_state import State
from v1switch.state.queues import EgressQueues
from v1switch.state.replication import Replication

Frame = tuple[int, bytes]
"""A port and the bytes that came in or go out there."""

Process = Callable[..., list[Frame]]
"""Runs one frame: port, bytes and time (ns) to the frames that leave, the CPU port's included.

Plain Python's also takes a kind (`lower.ir.Kind`) and what a packet of that kind brings along.
"""


class SwitchContext(Protocol):
    """What a bound program sees of the switch that it runs in."""

    @property
    def cpu_port(self) -> int | None:
        """The controller's port, or None."""

    @property
    def drop_port(self) -> int:
        """The egress_spec value that drops."""

    @property
    def started(self) -> int:
        """Time (ns) at which the switch's clock shows 0 to programs."""

    @property
    def replication(self) -> Replication:
        """Multicast groups and clone sessions."""

    @property
    def queues(self) -> EgressQueues:
        """The queues between ingress and egress."""

    @property
    def on_digest(self) -> Callable[[DigestSample], None] | None:
        """Called with every digest; may change at any time."""

    def replace(self, state: State, forwarder: Forwarder) -> None:
        """Let another forwarder carry the frames of a state, if that state is still in force."""


class Forwarder(Protocol):
    """A program bound to its state."""

    @property
    def process(self) -> Process:
        """Runs one frame."""


class Prepared(Protocol):
    """A program that an engine has compiled; committing it needs no further checks."""

    @property
    def program(self) -> Program:
        """The program."""

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        """Make the forwarder of a state; called with the lock held, so it has to be quick."""


@runtime_checkable
class Checking(Protocol):
    """An engine that wants programs to fit something else, such as a filter."""

    def check(self, program: Program) -> None:
        """Check a program before it is loaded; raises SwitchError when it does not fit."""
        ...


class Engine(Protocol):
    """Makes programs executable."""

    @property
    def mirrored(self) -> bool:
        """Whether state has to keep its tables in the form that machine code reads as well."""

    def prepare(self, program: Program) -> Prepared:
        """Compile a program; raises ProgramError when it uses what this engine cannot do."""


@dataclass(frozen=True)
class InertEngine:
    """The engine of a data plane that no frame reaches: it only holds entries."""

    mirrored: bool = False

    def prepare(self, program: Program) -> Prepared:
        """Take any program."""
        return _Inert(program)


@dataclass(frozen=True)
class _Inert:
    program: Program
    process: Process = lambda _port, _frame, _now: []

    def bind(self, _switch: SwitchContext, _state: State) -> Forwarder:
        return self
