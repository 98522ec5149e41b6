"""The one interface between controllers and the packet machinery.

A `Dataplane` holds at most one program with its run-time state. Threads of a control server call
the methods below at any time; the packet loop calls `process_burst`. All methods that change
anything take the gate for a short critical section, so that a frame never meets a half-made
change. Objects are named by their fully qualified P4 names (equal in p4info and BMv2 JSON), values
are the immutable ones of `v1switch.state.entries`, errors are those of `v1switch.errors`:

* no program loaded: `NoProgram`, from every method that needs one;
* a name that the program does not have: `UnknownObject`;
* otherwise what the method's docstring lists.

Entries, members, counters and so on are handled by the methods of the classes in
`v1switch.controls` that a Dataplane is made of.

Time is always handed in as integer nanoseconds of one monotonic clock (`clock`), except that
methods called by controllers read that clock themselves.
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v1switch.control.array_control import ArrayControl
from v1switch.control.profile_control import ProfileControl
from v1switch.control.replication_control import ReplicationControl
from v1switch.control.table_control import TableControl
from v1switch.errors import BadValue
from v1switch.program.model import Program
from v1switch.state.entries import DigestSample
from v1switch.state.program_state import State

if TYPE_CHECKING:
    from v1switch.explain.tracer import Tracer, Watch
    from v1switch.native.build import Plan
    from v1switch.native.engine import Native

DROP_PORT = 511
PYTHON, NATIVE, AUTO = "python", "native", "auto"
log = logging.getLogger("v1switch")
Frame = tuple[int, bytes]
"""A port and the bytes that came in or go out there."""

Process = Callable[[int, bytes, int], list[Frame]]


@dataclass(frozen=True)
class Prepared:
    """A program that has been compiled and can be committed without further checks.

    `watch` puts explanations around what carries the frames.
    """

    program: Program
    bind: Callable[[Dataplane, State], Process]
    watch: Watch | None = None
    plan: Plan | None = None


class Dataplane(TableControl, ProfileControl, ArrayControl, ReplicationControl):
    """Program, state and packet processing of one switch.

    Attributes:
        cpu_port: the port that stands for the controller, or None.
        drop_port: egress_spec value that drops.
        on_digest: called with every DigestSample, from the packet loop; must return quickly.
        on_packet_in: called with the bytes of every frame sent to `cpu_port` (the packet-in
            header in front, as the deparser emitted it), from the packet loop; must be quick.
        on_packet_out: set by the packet loop: called after `packet_out` queued a frame, so that
            a sleeping loop wakes.
    """

    def __init__(
        self,
        *,
        cpu_port: int | None = None,
        drop_port: int = DROP_PORT,
        tracer: Tracer | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        engine: str = PYTHON,
    ) -> None:
        """Make a switch without a program.

        Args:
            cpu_port: the controller's port; frames sent there go to `on_packet_in`.
            drop_port: egress_spec value that drops (BMv2: 511).
            tracer: explains frames; without one nothing of it is compiled in.
            clock: monotonic nanoseconds.
            engine: PYTHON; NATIVE has programs compiled to machine code before they are
                committed, AUTO while plain Python carries the frames. Traced programs are PYTHON.
        """
        super().__init__(clock)
        self.cpu_port = cpu_port
        self.drop_port = drop_port
        self.tracer = tracer
        self.recorder = tracer.recorder if tracer else None
        self.on_digest: Callable[[DigestSample], None] | None = None
        self.on_packet_in: Callable[[bytes], None] | None = None
        self.on_packet_out: Callable[[], None] | None = None
        self.engine = PYTHON if tracer else engine
        self.native: Native | None = None
        self._process: Process = _no_program
        self._packet_outs: list[bytes] = []

    # -- program --------------------------------------------------------------------------------

    @property
    def program(self) -> Program | None:
        """The program that runs, or None."""
        return self._state.program if self._state else None

    def prepare(self, program: Program) -> Prepared:
        """Compile a program without touching what runs (P4Runtime VERIFY).

        Raises:
            ProgramError: the program uses something that cannot be compiled.
        """
        from v1switch.codegen import compile_program  # start-up without a program stays fast

        bind = compile_program(program, traced=False)
        plan = planned(program) if self.engine == NATIVE else None
        watch = self.tracer.prepare(program) if self.tracer else None
        return Prepared(program, bind, watch, plan)

    def commit(self, prepared: Prepared) -> None:
        """Swap to a prepared program; all run-time state starts afresh (P4Runtime COMMIT).

        Multicast groups and clone sessions are cleared as well. A burst of frames runs wholly
        through the old or wholly through the new program.
        """
        mirrored = self.engine != PYTHON
        state = State(prepared.program, self.clock(), self.ports, mirrored=mirrored)
        process = prepared.bind(self, state)
        if prepared.watch is not None:
            process = prepared.watch(self, state, process)
        with self._gate.writer():
            self.replication.clear()
            self._state, self._process, self.native = state, process, None
            if prepared.plan is not None:
                self._accelerate(prepared.plan, state)
        if self.engine == AUTO:
            threading.Thread(target=self._follow, args=(state,), daemon=True).start()

    def _follow(self, state: State) -> None:
        """Compile the program of a state; use the machine code if that state is still in use."""
        plan = planned(state.program)
        with self._gate.writer():
            if plan is not None and self._state is state:
                self._accelerate(plan, state)

    def _accelerate(self, plan: Plan, state: State) -> None:
        from v1switch.native.engine import Native  # Numba is loaded only where it is used

        self.native = Native(plan, self, state)
        self._process = self.native.beside(self._process)

    def load(self, program: Program) -> None:
        """Prepare and commit in one step."""
        self.commit(self.prepare(program))

    # -- packets --------------------------------------------------------------------------------

    def packet_out(self, frame: bytes) -> None:
        """Queue a frame (packet-out header in front) that enters at the CPU port.

        The packet loop takes it with its next burst. Raises BadValue without a CPU port.
        """
        if self.cpu_port is None:
            raise BadValue("packet-out", "the switch has no CPU port (--cpu-port)")
        self._packet_outs.append(frame)
        if self.on_packet_out is not None:
            self.on_packet_out()

    def process(self, port: int, frame: bytes, now: int | None = None) -> list[Frame]:
        """Run one frame through the program and return the frames that leave the switch.

        Frames for the CPU port go to `on_packet_in` (and are dropped without one).
        """
        return self.process_burst([(port, frame)], self.clock() if now is None else now)

    def process_burst(self, frames: Sequence[Frame], now: int) -> list[Frame]:
        """Run queued packet-outs and then `frames`, in order, at time `now` (ns)."""
        out: list[Frame] = []
        with self.burst():
            process = self._process
            while self._packet_outs:
                assert self.cpu_port is not None
                out += process(self.cpu_port, self._packet_outs.pop(0), now)
            for port, frame in frames:
                out += process(port, frame, now)
        return self.divert(out)

    @contextmanager
    def burst(self) -> Iterator[None]:
        """Hold writers off while frames run through the program, some tens of them at most."""
        self._gate.enter()
        try:
            yield
        finally:
            self._gate.leave()

    @property
    def asked(self) -> array[int]:
        """A word that is not 0 while a writer waits for a burst to end."""
        return self._gate.waiting

    def divert(self, frames: list[Frame]) -> list[Frame]:
        """Hand frames for the CPU port over to `on_packet_in`, and give the others."""
        if all(port != self.cpu_port for port, _ in frames):
            return frames
        for port, frame in frames:
            if port == self.cpu_port and self.on_packet_in is not None:
                self.on_packet_in(frame)
        return [f for f in frames if f[0] != self.cpu_port]


def planned(program: Program) -> Plan | None:
    """Compile a program to machine code and log what came of it; None where it has no place."""
    from v1switch.native.build import build  # Numba is loaded only where it is used
    from v1switch.native.errors import NotNative

    try:
        plan = build(program)
    except NotNative as reason:
        log.warning("%s stays with plain Python: %s", program.name or "the program", reason)
        return None
    except Exception:  # a fault of our compiler must not cost the frames their way
        log.exception("%s stays with plain Python: a fault here", program.name or "the program")
        return None
    but = f"; plain Python still carries {', '.join(plan.reasons)}" if plan.reasons else ""
    log.info("machine code after %.1f s%s", plan.seconds, but)
    return plan


def _no_program(port: int, frame: bytes, now: int) -> list[Frame]:  # noqa: ARG001  # a Process
    return []
