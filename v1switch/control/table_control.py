"""Entries of tables with their direct counters, direct meters and idle timeouts."""

from __future__ import annotations

from v1switch.control.core import Core
from v1switch.errors import Immutable, UnknownObject
from v1switch.state.entries import CounterData, EntryAction, Key, MeterConfig, TableEntry
from v1switch.state.lookup import Cell
from v1switch.state.meters import Meter
from v1switch.state.tables import RuntimeTable


class TableControl(Core):
    """Tables. Every method raises NoProgram and UnknownObject besides what it lists."""

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
            did, entry_before = before
            state.hold(did.target, -1)
            state.hold(after, 1)

            def undo() -> None:
                state.hold(after, -1)
                state.hold(did.target, 1)
                cell.follow(did)
                cell.entry = entry_before

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
            return runtime.cell(key, priority).made_from

    def entries(self, table: str) -> list[TableEntry]:
        """Give all entries of a table in the order of their insertion, constant ones included."""
        with self._gate.writer():
            return [c.made_from for c in self._table(table).cells.values()]

    def set_default(self, table: str, action: EntryAction | None) -> None:
        """Set the default action, or (None) go back to the one that the program declares.

        Raises:
            BadAction, EntryNotFound: the action does not fit.
            Immutable: the program declares the default action const.
        """
        with self._gate.writer():
            runtime = self._table(table)
            self._check_default(runtime, action)
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
                runtime.fall_back(*before)

            self._done(undo)

    def _check_default(self, table: RuntimeTable, action: EntryAction | None) -> None:
        declared = table.spec.default_entry
        if declared is None or action is None:
            return
        name = self.state.program.actions[declared.action_id].name
        other = getattr(action, "name", None) != name
        if declared.const_entry or (declared.const_action and other):
            raise Immutable(table.name, "its default action")

    def default_action(self, table: str) -> EntryAction | None:
        """Give the default action that is in force, or None."""
        return self._table(table).default_action

    # -- direct resources ---------------------------------------------------------------------

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
            return cell.counter

    def write_direct_counter(
        self, table: str, key: Key, data: CounterData, priority: int = 0
    ) -> None:
        """Set an entry's counter. Raises BadValue, and as `direct_counter` does."""
        data.check(table)
        with self._gate.writer():
            before = self.direct_counter(table, key, priority)
            cell = self._cell(table, key, priority)
            cell.count_from(data)
            self._done(lambda: cell.count_from(before))

    def _meter(self, table: str, key: Key, priority: int) -> Meter:
        meter = self._cell(table, key, priority).meter
        if meter is None:
            raise UnknownObject("direct meter", table)
        return meter

    def direct_meter(self, table: str, key: Key, priority: int = 0) -> MeterConfig | None:
        """Give an entry's meter configuration. Raises as `direct_counter` does."""
        with self._gate.writer():
            return self._meter(table, key, priority).config

    def set_direct_meter(
        self, table: str, key: Key, config: MeterConfig | None, priority: int = 0
    ) -> None:
        """Configure an entry's meter; None unconfigures. Raises BadValue besides."""
        with self._gate.writer():
            meter = self._meter(table, key, priority)
            before = meter.config
            meter.configure(config)
            self._done(lambda: meter.configure(before))

    # -- idle timeouts ------------------------------------------------------------------------

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
