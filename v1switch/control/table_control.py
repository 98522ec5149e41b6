"""Entries of tables with their direct counters, direct meters and idle timeouts."""

from __future__ import annotations

from dataclasses import replace

from v1switch.control.core import Core
from v1switch.errors import Immutable, UnknownObject
from v1switch.state.entries import (
    CounterData,
    EntryAction,
    HeldEntry,
    Key,
    MeterConfig,
    TableEntry,
)
from v1switch.state.lookup import LAST_HIT, Cell
from v1switch.state.meters import Meter
from v1switch.state.profiles import target_handle
from v1switch.state.tables import RuntimeTable


class TableControl(Core):
    """Tables. Every method raises NoProgram and UnknownObject besides what it lists."""

    def insert_entry(self, table: str, entry: TableEntry) -> int:
        """Add an entry and return its handle.

        Raises:
            BadMatch, BadAction: the entry does not fit the table.
            EntryNotFound: a member or group that the action points at does not exist.
            DuplicateEntry, TableFull, Immutable: the table's state forbids it.
        """
        with self._lock.writer():
            runtime = self._table(table)
            cell = runtime.insert(entry, self.clock())
            self.state.count_user(cell.target, 1)
            self._record_undo(lambda: self._unlink(runtime, cell))
            return cell.handle

    def _unlink(self, table: RuntimeTable, cell: Cell) -> None:
        table.unlink(cell)
        self.state.count_user(cell.target, -1)

    def _relink(self, table: RuntimeTable, cell: Cell) -> None:
        table.link(cell)
        self.state.count_user(cell.target, 1)

    def modify_entry(self, table: str, entry: TableEntry) -> None:
        """Replace action, idle timeout and opaque of the entry with this key and priority.

        Its direct counter and meter are kept. Raises BadMatch, BadAction, EntryNotFound, Immutable.
        """
        with self._lock.writer():
            runtime = self._table(table)
            cell, before = runtime.modify(entry)
            state, after = self.state, cell.target
            old, entry_before = before
            state.count_user(old.target, -1)
            state.count_user(after, 1)

            def undo() -> None:
                state.count_user(after, -1)
                state.count_user(old.target, 1)
                cell.copy_action(old)
                cell.entry = entry_before

            self._record_undo(undo)

    def delete_entry(self, table: str, key: Key, priority: int = 0) -> None:
        """Remove an entry. Raises BadMatch, EntryNotFound, Immutable."""
        with self._lock.writer():
            runtime = self._table(table)
            cell = runtime.delete(key, priority)
            self.state.count_user(cell.target, -1)
            self._record_undo(lambda: self._relink(runtime, cell))

    def clear_entries(self, table: str) -> None:
        """Remove all entries; the next one gets the first handle again. Raises Immutable."""
        with self._lock.writer():
            runtime = self._table(table)
            handles = runtime.handles
            cells = runtime.clear()
            for cell in cells:
                self.state.count_user(cell.target, -1)

            def undo() -> None:
                runtime.handles = handles
                for cell in cells:
                    self._relink(runtime, cell)

            self._record_undo(undo)

    def entry_at(self, table: str, handle: int, *, any_version: bool = False) -> TableEntry:
        """The entry that a handle stands for (see `EntryHandles.find`). Raises UnknownHandle."""
        with self._lock.writer():
            return self._table(table).handles.find(handle, any_version=any_version).public_entry

    def held_entry(self, table: str, handle: int) -> HeldEntry:
        """The entry that a handle stands for, with what it points at. Raises UnknownHandle."""
        with self._lock.writer():
            return self._held(self._table(table).handles.find(handle))

    def held_entry_of(self, table: str, key: Key, priority: int = 0) -> HeldEntry:
        """The entry with a key, with its handle. Raises BadMatch, EntryNotFound."""
        with self._lock.writer():
            return self._held(self._cell(table, key, priority))

    def held_entries(self, table: str) -> list[HeldEntry]:
        """All entries of a table with their handles, in the order of their places."""
        with self._lock.writer():
            return [self._held(cell) for _, cell in self._table(table).handles.items()]

    def _held(self, cell: Cell) -> HeldEntry:
        idle = max(0, self.clock() - cell.last_hit)
        return HeldEntry(cell.handle, cell.public_entry, target_handle(cell), idle)

    def default_target(self, table: str) -> int | None:
        """The handle of the member or group that the default entry points at, or None."""
        with self._lock.writer():
            return target_handle(self._table(table).default)

    def entry(self, table: str, key: Key, priority: int = 0) -> TableEntry:
        """One entry. Raises BadMatch, EntryNotFound."""
        with self._lock.writer():
            runtime = self._table(table)
            runtime.check_key(key)
            return runtime.cell(key, priority).public_entry

    def entries(self, table: str) -> list[TableEntry]:
        """All entries of a table in the order of their insertion, const ones included."""
        with self._lock.writer():
            return [c.public_entry for c in self._table(table).cells.values()]

    def set_default(self, table: str, action: EntryAction | None) -> None:
        """Set the default action; None restores the one that the program declares.

        Raises:
            BadAction, EntryNotFound: the action does not fit.
            Immutable: the program declares the default action const.
        """
        with self._lock.writer():
            runtime = self._table(table)
            self._check_default(runtime, action)
            before = (runtime.default, runtime.default_action)
            if action is None:
                self.state.reset_default(runtime)
            else:
                runtime.set_default(action)
            self.state.count_user(before[0].target, -1)
            self.state.count_user(runtime.default.target, 1)

            def undo() -> None:
                self.state.count_user(runtime.default.target, -1)
                self.state.count_user(before[0].target, 1)
                runtime.install_default(*before)

            self._record_undo(undo)

    def _check_default(self, table: RuntimeTable, action: EntryAction | None) -> None:
        declared = table.spec.default_entry
        if declared is None or action is None:
            return
        name = self.state.program.actions[declared.action_id].name
        other = getattr(action, "name", None) != name
        if declared.const_entry or (declared.const_action and other):
            raise Immutable(table.name, "its default action")

    def default_action(self, table: str) -> EntryAction | None:
        """The default action in force, or None."""
        return self._table(table).default_action

    # -- direct resources ---------------------------------------------------------------------

    def _cell(self, table: str, key: Key, priority: int) -> Cell:
        runtime = self._table(table)
        runtime.check_key(key)
        return runtime.cell(key, priority)

    def direct_counter(self, table: str, key: Key, priority: int = 0) -> CounterData:
        """An entry's counter. Raises UnknownObject without one, BadMatch, EntryNotFound."""
        with self._lock.writer():
            if not self._table(table).spec.with_counters:
                raise UnknownObject("direct counter", table)
            cell = self._cell(table, key, priority)
            return cell.counter

    def write_direct_counter(
        self, table: str, key: Key, data: CounterData, priority: int = 0
    ) -> None:
        """Set an entry's counter. Raises BadValue, and what `direct_counter` raises."""
        data.check(table)
        with self._lock.writer():
            before = self.direct_counter(table, key, priority)
            cell = self._cell(table, key, priority)
            cell.set_counter(data)
            self._record_undo(lambda: cell.set_counter(before))

    def _meter(self, table: str, key: Key, priority: int) -> Meter:
        meter = self._cell(table, key, priority).meter
        if meter is None:
            raise UnknownObject("direct meter", table)
        return meter

    def direct_meter(self, table: str, key: Key, priority: int = 0) -> MeterConfig | None:
        """An entry's meter configuration. Raises what `direct_counter` raises."""
        with self._lock.writer():
            return self._meter(table, key, priority).config

    def set_direct_meter(
        self, table: str, key: Key, config: MeterConfig | None, priority: int = 0
    ) -> None:
        """Configure an entry's meter; None removes the configuration.

        Raises BadValue, and what `direct_counter` raises.
        """
        with self._lock.writer():
            meter = self._meter(table, key, priority)
            before = meter.config
            meter.configure(config)
            self._record_undo(lambda: meter.configure(before))

    # -- idle timeouts ------------------------------------------------------------------------

    def set_idle_timeout(self, table: str, key: Key, timeout_ns: int, priority: int = 0) -> None:
        """Set an entry's idle timeout, which counts from now on. Raises BadMatch, EntryNotFound."""
        with self._lock.writer():
            cell = self._cell(table, key, priority)
            before = cell.public_entry, cell.words[LAST_HIT]

            def undo() -> None:
                cell.entry, cell.words[LAST_HIT] = before

            cell.entry = replace(cell.public_entry, idle_timeout_ns=timeout_ns)
            cell.words[LAST_HIT] = self.clock()
            self._record_undo(undo)

    def time_since_last_hit(self, table: str, key: Key, priority: int = 0) -> int:
        """Nanoseconds since the last hit, or the insertion. Raises BadMatch, EntryNotFound."""
        with self._lock.writer():
            return max(0, self.clock() - self._cell(table, key, priority).last_hit)

    def idle_entries(self) -> list[tuple[str, TableEntry]]:
        """The entries whose idle timeout has expired, each once per idle period.

        To be called regularly; only tables that declare support for timeouts are looked at.
        """
        found: list[tuple[str, TableEntry]] = []
        with self._lock.writer():
            if self._state is None:
                return found
            now = self.clock()
            for table in self._state.tables.values():
                if table.spec.support_timeout:
                    found += ((table.name, entry) for entry in table.expired(now))
        return found
