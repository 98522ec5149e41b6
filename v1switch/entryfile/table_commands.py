"""Commands on tables: entries, with their handles, and default actions."""

from __future__ import annotations

from dataclasses import replace

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Commands, Context
from v1switch.entryfile.errors import InvalidLine
from v1switch.errors import DuplicateEntry
from v1switch.program.model import Table
from v1switch.state.bmv2_numbers import NS_PER_MS, PRIORITY_PIVOT, rank
from v1switch.state.entries import EntryAction, GroupRef, Key, MemberRef, Origin, TableEntry

ARROW = "=>"
Target = type[MemberRef] | type[GroupRef]


class Tables:
    """Commands on tables."""

    def __init__(self, context: Context) -> None:
        """Work on a context's data plane."""
        self.context = context
        delete = self._delete
        self.commands: Commands = {
            "table_add": ("TABLE ACTION MATCH... => PARAMETER... [PRIORITY]", self._add),
            "table_set_default": ("TABLE ACTION PARAMETER...", self._set_default),
            "table_reset_default": ("TABLE", self._reset_default),
            "table_modify": ("TABLE ACTION HANDLE PARAMETER...", self._modify),
            "table_delete": ("TABLE HANDLE", delete),
            "table_set_timeout": ("TABLE HANDLE MILLISECONDS", self._set_timeout),
            "table_clear": ("TABLE", self._clear),
            "table_indirect_add": (
                "TABLE MATCH... => MEMBER [PRIORITY]",
                lambda args: self._add_indirect(args, MemberRef),
            ),
            "table_indirect_add_with_group": (
                "TABLE MATCH... => GROUP [PRIORITY]",
                lambda args: self._add_indirect(args, GroupRef),
            ),
            "table_indirect_delete": ("TABLE HANDLE", delete),
            "table_indirect_set_default": (
                "TABLE MEMBER",
                lambda args: self._set_default_indirect(args, MemberRef),
            ),
            "table_indirect_set_default_with_group": (
                "TABLE GROUP",
                lambda args: self._set_default_indirect(args, GroupRef),
            ),
            "table_indirect_reset_default": ("TABLE", self._reset_default),
        }

    # -- entries ----------------------------------------------------------------------------------

    def entry(self, table: Table, handle: str) -> TableEntry:
        """The entry of a table that a handle stands for; raises InvalidLine, UnknownHandle."""
        number = arguments.integer(f"table {table.name!r}, entry handle", handle)
        return self.context.plane.entry_at(table.name, number)

    def _add(self, args: list[str]) -> None:
        table = self.context.table(args[0])
        if table.action_profile:
            reason = f"it takes members of {table.action_profile!r}, expected table_indirect_add"
            raise InvalidLine(f"table {table.name!r}", reason)
        matches, given, priority = self._split(table, args[2:])
        call = self.context.call(f"table {table.name!r}", table.actions, args[1], given)
        self._insert(table, matches, call, priority)

    def _add_indirect(self, args: list[str], make: Target) -> None:
        table = self._indirect(args[0], "table_add")
        matches, given, priority = self._split(table, args[1:])
        if len(given) != 1:
            raise InvalidLine(
                f"table {table.name!r}", f"{len(given)} handles, expected {self.context.form}"
            )
        self._insert(table, matches, self._target(table, given[0], make), priority)

    def _split(self, table: Table, args: list[str]) -> tuple[list[str], list[str], int | None]:
        """Arguments before and after the arrow, and the priority where the table has priorities."""
        priority = None
        if table.match_type in ("ternary", "range"):
            what = f"table {table.name!r}, priority (the last argument)"
            priority = arguments.integer(what, args[-1] if args else "", 0, PRIORITY_PIVOT)
            args = args[:-1]
        if ARROW not in args:
            raise InvalidLine(
                f"table {table.name!r}", f"no {ARROW!r}, expected {self.context.form}"
            )
        at = args.index(ARROW)
        return args[:at], args[at + 1 :], priority

    def _insert(
        self, table: Table, matches: list[str], action: EntryAction, priority: int | None
    ) -> None:
        key: Key = arguments.key(f"table {table.name!r}", matches, table.key)
        rank_ = 0 if priority is None else rank(priority)
        plane = self.context.plane
        entry = TableEntry(key, action, rank_, opaque=self.context.origin(priority))
        try:
            plane.insert_entry(table.name, entry)
        except DuplicateEntry:
            there = plane.entry(table.name, key, rank_).opaque
            where = f" (line {there.where.rpartition(':')[2]})" if isinstance(there, Origin) else ""
            raise InvalidLine(
                f"table {table.name!r}", f"it already has this entry{where}"
            ) from None

    def _modify(self, args: list[str]) -> None:
        table = self.context.table(args[0])
        given = args[4:] if args[3:4] == [ARROW] else args[3:]
        call = self.context.call(f"table {table.name!r}", table.actions, args[1], given)
        entry = self.entry(table, args[2])
        priority = entry.opaque.priority if isinstance(entry.opaque, Origin) else None
        changed = replace(entry, action=call, opaque=self.context.origin(priority))
        self.context.plane.modify_entry(table.name, changed)

    def _delete(self, args: list[str]) -> None:
        table = self.context.table(args[0])
        entry = self.entry(table, args[1])
        self.context.plane.delete_entry(table.name, entry.key, entry.priority)

    def _set_timeout(self, args: list[str]) -> None:
        table = self.context.table(args[0])
        if not table.support_timeout:
            raise InvalidLine(f"table {table.name!r}", "it has no timeouts (support_timeout)")
        entry = self.entry(table, args[1])
        timeout = arguments.integer(f"table {table.name!r}, timeout", args[2]) * NS_PER_MS
        self.context.plane.set_idle_timeout(table.name, entry.key, timeout, entry.priority)

    def _clear(self, args: list[str]) -> None:
        self.context.plane.clear_entries(self.context.table(args[0]).name)

    # -- default actions --------------------------------------------------------------------------

    def _set_default(self, args: list[str]) -> None:
        table = self.context.table(args[0])
        call = self.context.call(f"table {table.name!r}", table.actions, args[1], args[2:])
        self.context.plane.set_default(table.name, call)

    def _reset_default(self, args: list[str]) -> None:
        self.context.plane.set_default(self.context.table(args[0]).name, None)

    def _set_default_indirect(self, args: list[str], make: Target) -> None:
        table = self._indirect(args[0], "table_set_default")
        self.context.plane.set_default(table.name, self._target(table, args[1], make))

    def _target(self, table: Table, text: str, make: Target) -> MemberRef | GroupRef:
        """The member or group of a handle; raises InvalidLine, UnknownHandle."""
        handle = arguments.integer(f"table {table.name!r}, handle", text)
        profile, plane = table.action_profile or "", self.context.plane
        if make is MemberRef:
            return MemberRef(plane.member_id(profile, handle))
        return GroupRef(plane.group_at(profile, handle).group_id)

    def _indirect(self, name: str, instead: str) -> Table:
        table = self.context.table(name)
        if not table.action_profile:
            reason = f"it has no action profile, expected {instead}"
            raise InvalidLine(f"table {table.name!r}", reason)
        return table
