"""The one interface between controllers and the packet machinery.

A `Dataplane` holds at most one program with its run-time state. Threads of a control server call
the methods below at any time; the packet loop calls `process_burst`. All methods that change
anything take the gate for a short critical section, so that a frame never meets a half-made
change. Objects are named by their fully qualified P4 names (equal in p4info and BMv2 JSON), values
are the immutable ones of `v1switch.entries`, errors are those of `v1switch.errors`:

* no program loaded: `NoProgram`, from every method that needs one;
* a name that the program does not have: `UnknownObject`;
* otherwise what the method's docstring lists.

Time is always handed in as integer nanoseconds of one monotonic clock (`clock`), except that
methods called by controllers read that clock themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from v1switch.entries import (
    CloneSession,
    CounterData,
    DigestSample,
    EntryAction,
    Group,
    Key,
    Member,
    MeterConfig,
    MulticastGroup,
    TableEntry,
    ValueSetMember,
)
from v1switch.errors import BadIndex, BadValue, Immutable, NoProgram, UnknownObject
from v1switch.gate import Gate
from v1switch.lookup import Cell
from v1switch.program.model import Program
from v1switch.replication import Replication
from v1switch.state import State
from v1switch.tables import RuntimeTable

DROP_PORT = 511
Frame = tuple[int, bytes]
"""A port and the bytes that came in or go out there."""

Undo = Callable[[], None]
Process = Callable[[int, bytes, int], list[Frame]]


@dataclass(frozen=True)
class Prepared:
    """A program that has been compiled and can be committed without further checks."""

    program: Program
    bind: Callable[[Dataplane, State], Process]


class Dataplane:
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
        trace: Callable[[str], None] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make a switch without a program.

        Args:
            cpu_port: the controller's port; frames sent there go to `on_packet_in`.
            drop_port: egress_spec value that drops (BMv2: 511).
            trace: takes one line per event of every packet; None compiles tracing out.
            clock: monotonic nanoseconds.
        """
        self.cpu_port = cpu_port
        self.drop_port = drop_port
        self.trace = trace
        self.clock = clock
        self.started = clock()
        self.on_digest: Callable[[DigestSample], None] | None = None
        self.on_packet_in: Callable[[bytes], None] | None = None
        self.on_packet_out: Callable[[], None] | None = None
        self.replication = Replication()
        self._gate = Gate()
        self._state: State | None = None
        self._process: Process = _no_program
        self._packet_outs: list[bytes] = []
        self._undo: list[Undo] | None = None

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

        return Prepared(program, compile_program(program, traced=self.trace is not None))

    def commit(self, prepared: Prepared) -> None:
        """Swap to a prepared program; all run-time state starts afresh (P4Runtime COMMIT).

        Multicast groups and clone sessions are cleared as well. A burst of frames runs wholly
        through the old or wholly through the new program.
        """
        state = State(prepared.program, self.clock())
        process = prepared.bind(self, state)
        with self._gate.writer():
            self.replication.clear()
            self._state, self._process = state, process

    def load(self, program: Program) -> None:
        """Prepare and commit in one step."""
        self.commit(self.prepare(program))

    # -- transactions -----------------------------------------------------------------------------

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold packets off while several changes are made: no frame sees only some of them."""
        with self._gate.writer():
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: like `exclusive`, and an exception undoes every change made inside.

        Nesting joins the outer transaction. Counters, meters and registers are undone as well.
        """
        with self._gate.writer():
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

    def _done(self, undo: Undo) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    # -- look-up of objects -------------------------------------------------------------------------

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

    # -- table entries ----------------------------------------------------------------------------

    def insert_entry(self, table: str, entry: TableEntry) -> None:
        """Add an entry.

        Raises:
            BadMatch, BadAction: the entry does not fit the table.
            EntryNotFound: a member or group that the action points at does not exist.
            DuplicateEntry, TableFull, Immutable: the table's state forbids it.
        """
        with self._gate.writer():
            runtime = self._table(table)
            cell = runtime.insert(entry, self.clock())
            self.state.hold(cell.target, 1)
            self._done(lambda: self._unlink(runtime, cell))

    def _unlink(self, table: RuntimeTable, cell: Cell) -> None:
        table.take(cell)
        self.state.hold(cell.target, -1)

    def _relink(self, table: RuntimeTable, cell: Cell) -> None:
        table.put(cell)
        self.state.hold(cell.target, 1)

    def modify_entry(self, table: str, entry: TableEntry) -> None:
        """Replace action, idle timeout and opaque of the entry with this key and priority.

        Its direct counter and meter go on. Raises BadMatch, BadAction, EntryNotFound, Immutable.
        """
        with self._gate.writer():
            runtime = self._table(table)
            cell, before = runtime.modify(entry)
            state, after = self.state, cell.target
            state.hold(before[2], -1)
            state.hold(after, 1)

            def undo() -> None:
                state.hold(after, -1)
                state.hold(before[2], 1)
                cell.code, cell.params, cell.target, cell.entry = before  # type: ignore[assignment]  # saved above

            self._done(undo)

    def delete_entry(self, table: str, key: Key, priority: int = 0) -> None:
        """Remove an entry. Raises BadMatch, EntryNotFound, Immutable."""
        with self._gate.writer():
            runtime = self._table(table)
            cell = runtime.delete(key, priority)
            self.state.hold(cell.target, -1)
            self._done(lambda: self._relink(runtime, cell))

    def entry(self, table: str, key: Key, priority: int = 0) -> TableEntry:
        """Give one entry. Raises BadMatch, EntryNotFound."""
        with self._gate.writer():
            runtime = self._table(table)
            runtime.check_key(key)
            return runtime.cell(key, priority).entry  # type: ignore[return-value]  # always one

    def entries(self, table: str) -> list[TableEntry]:
        """Give all entries of a table in the order of their insertion, constant ones included."""
        with self._gate.writer():
            return [c.entry for c in self._table(table).cells.values()]  # type: ignore[misc]  # always one

    def set_default(self, table: str, action: EntryAction | None) -> None:
        """Set the default action, or (None) go back to the one that the program declares.

        Raises:
            BadAction, EntryNotFound: the action does not fit.
            Immutable: the program declares the default action const.
        """
        with self._gate.writer():
            runtime = self._table(table)
            declared = runtime.spec.default_entry
            if declared is not None and action is not None:
                name = self.state.program.actions[declared.action_id].name
                other = getattr(action, "name", None) != name
                if declared.const_entry or (declared.const_action and other):
                    raise Immutable(table, "its default action is")
            before = (runtime.default, runtime.default_action)
            if action is None:
                self.state.reset_default(runtime)
            else:
                runtime.set_default(action)
            self.state.hold(before[0].target, -1)
            self.state.hold(runtime.default.target, 1)

            def undo() -> None:
                self.state.hold(runtime.default.target, -1)
                self.state.hold(before[0].target, 1)
                runtime.default, runtime.default_action = before

            self._done(undo)

    def default_action(self, table: str) -> EntryAction | None:
        """Give the default action that is in force, or None."""
        return self._table(table).default_action

    # -- direct resources ---------------------------------------------------------------------------

    def _cell(self, table: str, key: Key, priority: int) -> Cell:
        runtime = self._table(table)
        runtime.check_key(key)
        return runtime.cell(key, priority)

    def direct_counter(self, table: str, key: Key, priority: int = 0) -> CounterData:
        """Give an entry's counter. Raises UnknownObject without one, BadMatch, EntryNotFound."""
        with self._gate.writer():
            if not self._table(table).spec.with_counters:
                raise UnknownObject("direct counter", table)
            cell = self._cell(table, key, priority)
            return CounterData(cell.packets, cell.bytes)

    def write_direct_counter(
        self, table: str, key: Key, data: CounterData, priority: int = 0
    ) -> None:
        """Set an entry's counter. Raises as `direct_counter` does."""
        with self._gate.writer():
            before = self.direct_counter(table, key, priority)
            cell = self._cell(table, key, priority)
            cell.packets, cell.bytes = data.packets, data.bytes

            def undo() -> None:
                cell.packets, cell.bytes = before.packets, before.bytes

            self._done(undo)

    def direct_meter(self, table: str, key: Key, priority: int = 0) -> MeterConfig | None:
        """Give an entry's meter configuration. Raises as `direct_counter` does."""
        with self._gate.writer():
            if self._table(table).spec.direct_meter is None:
                raise UnknownObject("direct meter", table)
            return self._cell(table, key, priority).meter.config  # type: ignore[attr-defined,no-any-return]  # a Meter

    def set_direct_meter(
        self, table: str, key: Key, config: MeterConfig | None, priority: int = 0
    ) -> None:
        """Configure an entry's meter; None unconfigures. Raises BadValue besides."""
        with self._gate.writer():
            before = self.direct_meter(table, key, priority)
            meter = self._cell(table, key, priority).meter
            meter.configure(config)  # type: ignore[attr-defined]  # a Meter
            self._done(lambda: meter.configure(before))  # type: ignore[attr-defined]  # a Meter

    # -- action profiles --------------------------------------------------------------------------

    def _profile(self, name: str):  # type: ignore[no-untyped-def]  # RuntimeProfile
        profile = self.state.profiles.get(name)
        if profile is None:
            raise UnknownObject("action profile", name)
        return profile

    def insert_member(self, profile: str, member: Member) -> None:
        """Add a member. Raises BadAction, DuplicateEntry, TableFull."""
        with self._gate.writer():
            target = self._profile(profile)
            target.insert_member(member)
            self._done(lambda: target.delete_member(member.member_id))

    def modify_member(self, profile: str, member: Member) -> None:
        """Change a member's action. Raises BadAction, EntryNotFound."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.modify_member(member)
            self._done(lambda: target.modify_member(before))

    def delete_member(self, profile: str, member_id: int) -> None:
        """Remove a member. Raises EntryNotFound, InUse."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.delete_member(member_id)
            self._done(lambda: target.insert_member(before))

    def members(self, profile: str) -> list[Member]:
        """Give all members."""
        with self._gate.writer():
            return [Member(i, a) for i, a in self._profile(profile).actions.items()]

    def insert_group(self, profile: str, group: Group) -> None:
        """Add a group. Raises BadAction (no selector), BadValue, DuplicateEntry, EntryNotFound,
        TableFull (more weight than its max_size)."""
        with self._gate.writer():
            target = self._profile(profile)
            target.insert_group(group)
            self._done(lambda: target.delete_group(group.group_id))

    def modify_group(self, profile: str, group: Group) -> None:
        """Replace a group's members. Raises as `insert_group`, EntryNotFound for the group."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.modify_group(group)
            self._done(lambda: target.modify_group(before))

    def delete_group(self, profile: str, group_id: int) -> None:
        """Remove a group. Raises EntryNotFound, InUse."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.delete_group(group_id)
            self._done(lambda: target.insert_group(before))

    def groups(self, profile: str) -> list[Group]:
        """Give all groups."""
        with self._gate.writer():
            return [g.group for g in self._profile(profile).groups.values()]

    def set_port_status(self, port: int, up: bool) -> None:
        """Take group members whose watch_port is `port` out of (or back into) selection."""
        with self._gate.writer():
            for profile in self.state.profiles.values():
                (profile.ports_down.discard if up else profile.ports_down.add)(port)
                profile.refresh()

    # -- indexed counters, meters, registers --------------------------------------------------------

    def _bank(self, kind: str, banks: dict, name: str, index: int):  # type: ignore[no-untyped-def,type-arg]  # any bank
        bank = banks.get(name)
        if bank is None:
            raise UnknownObject(kind, name)
        if not 0 <= index < bank.size:
            raise BadIndex(name, index, bank.size)
        return bank

    def counter(self, name: str, index: int) -> CounterData:
        """Give a counter cell. Raises BadIndex."""
        with self._gate.writer():
            return self._bank("counter", self.state.counters, name, index).read(index)  # type: ignore[no-any-return]  # CounterData

    def write_counter(self, name: str, index: int, data: CounterData) -> None:
        """Set a counter cell. Raises BadIndex."""
        with self._gate.writer():
            bank = self._bank("counter", self.state.counters, name, index)
            before = bank.read(index)
            bank.write(index, data)
            self._done(lambda: bank.write(index, before))

    def meter(self, name: str, index: int) -> MeterConfig | None:
        """Give a meter cell's configuration. Raises BadIndex."""
        with self._gate.writer():
            return self._bank("meter", self.state.meters, name, index).config(index)  # type: ignore[no-any-return]  # MeterConfig

    def set_meter(self, name: str, index: int, config: MeterConfig | None) -> None:
        """Configure a meter cell; None unconfigures. Raises BadIndex, BadValue."""
        with self._gate.writer():
            bank = self._bank("meter", self.state.meters, name, index)
            before = bank.config(index)
            bank.configure(index, config, self.started)
            self._done(lambda: bank.configure(index, before, self.started))

    def register(self, name: str, index: int) -> int:
        """Give a register cell. Raises BadIndex."""
        bank = self._bank("register", self.state.registers, name, index)
        return bank.cells[index]  # type: ignore[no-any-return]  # int

    def write_register(self, name: str, index: int, value: int) -> None:
        """Set a register cell. Raises BadIndex, BadValue (wider than the cell)."""
        with self._gate.writer():
            bank = self._bank("register", self.state.registers, name, index)
            if not 0 <= value < 1 << bank.width:
                raise BadValue(name, f"value does not fit {bank.width} bits")
            before, bank.cells[index] = bank.cells[index], value

            def undo() -> None:
                bank.cells[index] = before

            self._done(undo)

    # -- replication --------------------------------------------------------------------------------

    def insert_multicast_group(self, group: MulticastGroup) -> None:
        """Add a multicast group. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._gate.writer():
            self._done(self.replication.insert_group(group))

    def modify_multicast_group(self, group: MulticastGroup) -> None:
        """Replace a group's replicas. Raises BadValue, EntryNotFound."""
        with self._gate.writer():
            self._done(self.replication.modify_group(group))

    def delete_multicast_group(self, group_id: int) -> None:
        """Remove a group. Raises EntryNotFound."""
        with self._gate.writer():
            self._done(self.replication.delete_group(group_id))

    def multicast_groups(self) -> list[MulticastGroup]:
        """Give all multicast groups."""
        with self._gate.writer():
            return list(self.replication.groups.values())

    def insert_clone_session(self, session: CloneSession) -> None:
        """Add a clone session. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._gate.writer():
            self._done(self.replication.insert_session(session))

    def modify_clone_session(self, session: CloneSession) -> None:
        """Replace a clone session. Raises BadValue, EntryNotFound."""
        with self._gate.writer():
            self._done(self.replication.modify_session(session))

    def delete_clone_session(self, session_id: int) -> None:
        """Remove a clone session. Raises EntryNotFound."""
        with self._gate.writer():
            self._done(self.replication.delete_session(session_id))

    def clone_sessions(self) -> list[CloneSession]:
        """Give all clone sessions."""
        with self._gate.writer():
            return list(self.replication.sessions.values())

    # -- parser value sets --------------------------------------------------------------------------

    def set_value_set(self, name: str, members: Sequence[ValueSetMember]) -> None:
        """Replace a value set's members. Raises BadValue (wider than the set)."""
        with self._gate.writer():
            target = self.state.value_sets.get(name)
            if target is None:
                raise UnknownObject("value set", name)
            for member in members:
                if not 0 <= max(member.value, member.mask or 0) < 1 << target.width:
                    raise BadValue(name, f"member does not fit {target.width} bits")
            before = target.members
            target.replace(tuple(members))
            self._done(lambda: target.replace(before))

    def value_set(self, name: str) -> tuple[ValueSetMember, ...]:
        """Give a value set's members."""
        target = self.state.value_sets.get(name)
        if target is None:
            raise UnknownObject("value set", name)
        return target.members

    # -- idle timeouts ------------------------------------------------------------------------------

    def time_since_last_hit(self, table: str, key: Key, priority: int = 0) -> int:
        """Give ns since an entry was last hit (or made). Raises BadMatch, EntryNotFound."""
        with self._gate.writer():
            return max(0, self.clock() - self._cell(table, key, priority).last_hit)

    def idle_entries(self) -> list[tuple[str, TableEntry]]:
        """Give the entries whose idle timeout has run out, each once per idle period.

        To be called regularly by whoever notifies a controller; only tables that declare support
        for timeouts are looked at.
        """
        found: list[tuple[str, TableEntry]] = []
        with self._gate.writer():
            if self._state is None:
                return found
            now = self.clock()
            for table in self._state.tables.values():
                if table.spec.support_timeout:
                    found += ((table.name, entry) for entry in table.expired(now))
        return found

    # -- packets --------------------------------------------------------------------------------------

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
        self._gate.enter()
        try:
            process = self._process
            while self._packet_outs:
                assert self.cpu_port is not None
                out += process(self.cpu_port, self._packet_outs.pop(0), now)
            for port, frame in frames:
                out += process(port, frame, now)
        finally:
            self._gate.leave()
        if self.cpu_port is not None:
            out = self._divert(out)
        return out

    def _divert(self, frames: list[Frame]) -> list[Frame]:
        if all(port != self.cpu_port for port, _ in frames):
            return frames
        for port, frame in frames:
            if port == self.cpu_port and self.on_packet_in is not None:
                self.on_packet_in(frame)
        return [f for f in frames if f[0] != self.cpu_port]


def _no_program(port: int, frame: bytes, now: int) -> list[Frame]:  # noqa: ARG001  # a Process
    return []
