"""The one interface between controllers and the packet machinery.

A `Dataplane` holds at most one program with its run-time state, and the engine that runs it.
Threads of a control server call the methods below at any time; the packet loop calls
`process_burst`. All methods that change anything hold the lock for a short critical section, so
that no frame meets a half-made change. Objects are named by their fully qualified P4 names (equal
in p4info and BMv2 JSON), values are the immutable ones of `v1switch.state.entries`, errors are
those of `v1switch.errors`:

* no program loaded: `NoProgram`, from every method that needs one;
* a name that the program does not have: `UnknownObject`;
* otherwise what the method's docstring lists.

Entries, members, counters and so on are handled by the `*Control` classes of this folder that a
Dataplane is made of.

Time is always passed in as integer nanoseconds of one monotonic clock (`clock`), except that
methods called by controllers read that clock themselves.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from v1switch.control.array_control import ArrayControl
from v1switch.control.defaults import DROP_PORT
from v1switch.control.engine import Engine, Forwarder, Frame, InertEngine, Prepared
from v1switch.control.profile_control import ProfileControl
from v1switch.control.queue_control import QueueControl
from v1switch.control.replication_control import ReplicationControl
from v1switch.control.table_control import TableControl
from v1switch.errors import BadValue
from v1switch.program.model import Program
from v1switch.state.entries import DigestSample
from v1switch.state.program_state import State
from v1switch.state.replication import Replication


@dataclass(frozen=True)
class Staged:
    """A program that is compiled, with its state on a data plane of its own."""

    prepared: Prepared
    plane: Dataplane


class Dataplane(TableControl, ProfileControl, ArrayControl, ReplicationControl, QueueControl):
    """Program, state and packet processing of one switch.

    Attributes:
        engine: makes programs executable.
        cpu_port: the port that stands for the controller, or None.
        drop_port: egress_spec value that drops.
        forwarder: what carries frames, None without a program.
        on_digest: called with every DigestSample, from the packet loop; must return quickly.
        on_packet_in: called with the bytes of every frame sent to `cpu_port` (the packet-in
            header in front, as the deparser emitted it), from the packet loop; must be quick.
        on_packet_out: set by the packet loop: called after `packet_out` queued a frame, so that
            a sleeping loop wakes.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        cpu_port: int | None = None,
        drop_port: int = DROP_PORT,
        priority_queues: int = 1,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make a switch without a program.

        Args:
            engine: makes programs executable.
            cpu_port: the controller's port; frames sent there go to `on_packet_in`.
            drop_port: egress_spec value that drops (BMv2: 511).
            priority_queues: egress queues of each port, 1..32 (BMv2: --priority-queues).
            clock: monotonic nanoseconds.

        Raises:
            BadValue: no such number of queues.
        """
        super().__init__(clock, priority_queues)
        self.engine = engine
        self.cpu_port = cpu_port
        self.drop_port = drop_port
        self.forwarder: Forwarder | None = None
        self.on_digest: Callable[[DigestSample], None] | None = None
        self.on_packet_in: Callable[[bytes], None] | None = None
        self.on_packet_out: Callable[[], None] | None = None
        self._packet_outs: list[bytes] = []
        self._prepared: Prepared | None = None

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
        return self.engine.prepare(program)

    def commit(self, prepared: Prepared) -> None:
        """Swap to a prepared program; all run-time state starts afresh (P4Runtime COMMIT).

        Multicast groups and clone sessions are cleared as well. A burst of frames runs wholly
        through the old or wholly through the new program.
        """
        mirrored = self.engine.mirrored
        state = State(prepared.program, self.clock(), self.ports, mirrored=mirrored)
        self.adopt(prepared, state, Replication(), keep_counts=False)

    def adopt(
        self, prepared: Prepared, state: State, replication: Replication, *, keep_counts: bool
    ) -> None:
        """Swap to a prepared program with a state that was filled beside what runs.

        Args:
            prepared: the program.
            state: made for it, with this switch's `ports` and `engine.mirrored`.
            replication: its groups and sessions.
            keep_counts: whether counters and registers go on from where they are now.
        """
        before = self._state, self.forwarder
        tables = list(self._state.tables.values()) if self._state else []
        with self._lock.writer():
            if keep_counts and self._state is not None:
                state.take_counts(self._state)
            if self.ports.down:
                state.refresh_groups()  # a link may have gone down since the state was filled
            self.replication = replication
            self.forwarder = prepared.bind(self, state)
            self._state, self._prepared = state, prepared
        del before
        while tables:  # freed one by one, while packets pass
            tables.pop()

    def scratch(self, program: Program) -> Dataplane:
        """A data plane beside this one, which no packet reaches, to be filled and adopted.

        Its state is made for the engine that will run it.
        """
        plane = Dataplane(
            InertEngine(self.engine.mirrored),
            cpu_port=self.cpu_port,
            drop_port=self.drop_port,
            clock=self.clock,
        )
        plane.ports = self.ports
        plane.load(program)
        return plane

    def stage(self, program: Program) -> Staged:
        """Compile a program and make its state, beside what runs; raises ProgramError."""
        return Staged(self.prepare(program), self.scratch(program))

    def adopt_staged(self, staged: Staged) -> None:
        """Swap to a staged program; groups and sessions stay, as in BMv2.

        The staged plane is left without a program: later writes there raise NoProgram.
        """
        with staged.plane.exclusive():
            self.adopt(staged.prepared, staged.plane.state, self.replication, keep_counts=False)
            staged.plane._state = None

    def replace(self, state: State, forwarder: Forwarder) -> None:
        """Let another forwarder carry the frames of a state, if that state is still in force."""
        with self._lock.writer():
            if self._state is state:
                self.forwarder = forwarder

    def load(self, program: Program) -> None:
        """Prepare and commit in one step."""
        self.commit(self.prepare(program))

    def reset(self) -> None:
        """Start the program's state afresh; groups, sessions and entries are gone.

        Parameters of hashes stay, as in BMv2. Raises NoProgram.
        """
        before = self.state.hashes
        assert self._prepared is not None, "there is a program"
        self.commit(self._prepared)
        with self._lock.writer():
            for name, found in self.state.hashes.items():
                found.take_over(before[name])

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
        """Run packets whose turn it is, queued packet-outs and then `frames`, at time `now` (ns).

        All in order; `frames` may have to wait in turn, see `release`.
        """
        out: list[Frame] = []
        while (left := self.release(now)) is not None:
            out += left
        with self.burst():
            if self.forwarder is None:
                self._packet_outs.clear()
                return out
            process = self.forwarder.process
            while self._packet_outs:
                assert self.cpu_port is not None
                out += process(self.cpu_port, self._packet_outs.pop(0), now)
            for port, frame in frames:
                out += process(port, frame, now)
        return self.divert(out)

    def release(self, now: int) -> list[Frame] | None:
        """Run egress of the waiting packet whose turn it is; None when there is none at `now` (ns).

        Gives the frames that leave the switch, as `process` does.
        """
        if not self.queues.has_packets:
            return None
        with self.burst():
            leaving = self.queues.pop(now)
            if leaving is None:
                return None
            out = self.queues.resume(leaving, now)
        return self.divert(out)

    def next_release(self) -> int | None:
        """When (ns) the next waiting packet may leave; None when none may before something changes.

        The packet loop's question: it waits until then at most, and calls `release`.
        """
        return self.queues.next_due()

    @contextmanager
    def burst(self) -> Iterator[None]:
        """Hold writers off while a burst of frames, some tens at most, runs through the program."""
        self._lock.enter()
        try:
            yield
        finally:
            self._lock.leave()

    def wake_burst_with(self, wake: Callable[[], None]) -> None:
        """Have writers call `wake` when a burst keeps them waiting; it may wait for frames."""
        self._lock.wake = wake

    @property
    def has_packet_outs(self) -> bool:
        """Whether frames from the controller wait for the next burst."""
        return bool(self._packet_outs)

    @property
    def writer_waiting(self) -> array[int]:
        """One word, not 0 while a writer waits for a burst to end."""
        return self._lock.waiting

    def divert(self, frames: list[Frame]) -> list[Frame]:
        """Pass frames for the CPU port to `on_packet_in`; returns the others."""
        if all(port != self.cpu_port for port, _ in frames):
            return frames
        for port, frame in frames:
            if port == self.cpu_port and self.on_packet_in is not None:
                self.on_packet_in(frame)
        return [f for f in frames if f[0] != self.cpu_port]
