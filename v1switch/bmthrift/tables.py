"""The calls about tables: entries, default entries, direct counters and meters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from v1switch.bmthrift import structs
from v1switch.bmthrift.codes import Refused, TableCode
from v1switch.bmthrift.target import Target
from v1switch.bmthrift.values import call_from, data_of, key_from, params_of, signed, unsigned
from v1switch.errors import BadMatch, Immutable
from v1switch.program.model import Table
from v1switch.state.bmv2_numbers import (
    NS_PER_MS,
    PRIORITY_PIVOT,
    bmv2_priority,
    meter_config,
    meter_rates,
    rank,
)
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    CounterData,
    EntryAction,
    GroupRef,
    HeldEntry,
    MemberRef,
    Origin,
    TableEntry,
)

NOTHING = CounterData(0, 0)
NO_PRIORITY = -1  # what BMv2 returns for tables without priorities
ORIGIN = "Thrift"
Key = Sequence[structs.MatchParam]


class Tables:
    """The calls about tables; each raises Refused, or errors that `table_code` knows."""

    def __init__(self, target: Target) -> None:
        """Work on a switch's programs."""
        self.target = target

    # -- tables as a whole ------------------------------------------------------------------------

    def bm_mt_get_num_entries(self, name: str) -> int:
        """How many entries a table has."""
        return len(self.target.plane.entries(self.target.table(name).name))

    def bm_mt_clear_entries(self, name: str, reset_default: bool) -> None:
        """Remove all entries, and the default entry if asked for."""
        plane = self.target.plane
        with plane.transaction():
            plane.clear_entries(self.target.table(name).name)
            if reset_default:
                plane.set_default(name, None)

    def bm_mt_get_entries(self, name: str) -> Sequence[structs.Entry]:
        """All entries; none of a table that does not exist, as BMv2 answers."""
        if name not in self.target.program.tables:
            return []
        table = self.target.table(name)
        return _Entries(table, self.target.plane.held_entries(name))

    def bm_mt_get_entry(self, name: str, handle: int) -> structs.Entry:
        """One entry; an empty one of a table that does not exist, as BMv2 answers."""
        if name not in self.target.program.tables:
            return structs.Entry()
        held = self.target.plane.held_entry(name, unsigned(handle, 32))
        return _entry(self.target.table(name), held)

    def bm_mt_get_entry_from_key(
        self, name: str, key: Key, options: structs.AddEntryOptions
    ) -> structs.Entry:
        """The entry with a key, or the default entry without one."""
        if not key:
            return structs.Entry(action_entry=self.bm_mt_get_default_entry(name))
        if name not in self.target.program.tables:
            return structs.Entry()
        table = self.target.table(name)
        matches = key_from(key, table)
        held = self.target.plane.held_entry_of(name, matches, _rank(table, options))
        return _entry(table, held)

    # -- entries ----------------------------------------------------------------------------------

    def bm_mt_add_entry(
        self,
        name: str,
        key: Key,
        action: str,
        data: Sequence[bytes],
        options: structs.AddEntryOptions,
    ) -> int:
        """Add an entry with an action; returns its handle."""
        table = self.target.simple(name)
        found = self.target.program.action_of(table, action)
        if found is None:
            raise Refused(TableCode.INVALID_ACTION_NAME)
        _check_mutable(table)
        return self._add(table, key, call_from(name, found, data), options)

    def bm_mt_indirect_add_entry(
        self, name: str, key: Key, member: int, options: structs.AddEntryOptions
    ) -> int:
        """Add an entry with a member; returns its handle."""
        table = self.target.indirect(name)
        with self.target.plane.exclusive():
            return self._add(table, key, self._member(table, member), options)

    def bm_mt_indirect_ws_add_entry(
        self, name: str, key: Key, group: int, options: structs.AddEntryOptions
    ) -> int:
        """Add an entry with a group; returns its handle."""
        table = self.target.indirect(name, selector=True)
        with self.target.plane.exclusive():
            return self._add(table, key, self._group(table, group), options)

    def _add(
        self, table: Table, key: Key, action: EntryAction, options: structs.AddEntryOptions
    ) -> int:
        rank_ = _rank(table, options)
        origin = Origin(ORIGIN, options.priority if _prioritized(table) else None)
        entry = TableEntry(key_from(key, table), action, rank_, opaque=origin)
        return signed(self.target.plane.insert_entry(table.name, entry), 32)

    def bm_mt_modify_entry(
        self, name: str, handle: int, action: str, data: Sequence[bytes]
    ) -> None:
        """Give an entry another action."""
        table = self.target.simple(name)
        found = self.target.program.action_of(table, action)
        if found is None:
            raise Refused(TableCode.INVALID_ACTION_NAME)
        _check_mutable(table)
        self._modify(table, handle, call_from(name, found, data))

    def bm_mt_indirect_modify_entry(self, name: str, handle: int, member: int) -> None:
        """Point an entry at another member."""
        table = self.target.indirect(name)
        with self.target.plane.exclusive():
            self._at(table, handle)
            self._modify(table, handle, self._member(table, member))

    def bm_mt_indirect_ws_modify_entry(self, name: str, handle: int, group: int) -> None:
        """Point an entry at another group."""
        table = self.target.indirect(name, selector=True)
        with self.target.plane.exclusive():
            self._at(table, handle)
            self._modify(table, handle, self._group(table, group))

    def _modify(self, table: Table, handle: int, action: EntryAction) -> None:
        plane = self.target.plane
        with plane.exclusive():
            plane.modify_entry(table.name, replace(self._at(table, handle), action=action))

    def bm_mt_delete_entry(self, name: str, handle: int) -> None:
        """Remove an entry."""
        table = self.target.simple(name)
        _check_mutable(table)
        self._delete(table, handle)

    def bm_mt_indirect_delete_entry(self, name: str, handle: int) -> None:
        """Remove an entry of a table with an action profile."""
        self._delete(self.target.indirect(name), handle)

    def _delete(self, table: Table, handle: int) -> None:
        plane = self.target.plane
        with plane.exclusive():
            entry = self._at(table, handle)
            plane.delete_entry(table.name, entry.key, entry.priority)

    def bm_mt_set_entry_ttl(self, name: str, handle: int, timeout_ms: int) -> None:
        """Set an entry's idle timeout; 0 for none."""
        table, plane = self.target.table(name), self.target.plane
        if not table.support_timeout:
            raise Refused(TableCode.AGEING_DISABLED)
        timeout = unsigned(timeout_ms, 32) * NS_PER_MS
        with plane.exclusive():
            entry = self._at(table, handle, any_version=True)
            plane.set_idle_timeout(name, entry.key, timeout, entry.priority)

    bm_mt_indirect_set_entry_ttl = bm_mt_set_entry_ttl

    def _at(self, table: Table, handle: int, *, any_version: bool = False) -> TableEntry:
        number = unsigned(handle, 32)
        return self.target.plane.entry_at(table.name, number, any_version=any_version)

    def _member(self, table: Table, handle: int) -> MemberRef:
        return MemberRef(self.target.plane.member_id(table.action_profile or "", handle))

    def _group(self, table: Table, handle: int, *, may_be_empty: bool = False) -> GroupRef:
        group = self.target.plane.group_at(table.action_profile or "", handle)
        if not group.members and not may_be_empty:
            raise Refused(TableCode.EMPTY_GRP)
        return GroupRef(group.group_id)

    # -- default entries --------------------------------------------------------------------------

    def bm_mt_set_default_action(self, name: str, action: str, data: Sequence[bytes]) -> None:
        """Set the action of a miss."""
        table = self.target.simple(name)
        found = self.target.program.action_of(table, action)
        if found is None:
            raise Refused(TableCode.INVALID_ACTION_NAME)
        declared = table.default_entry
        if declared is not None and declared.const_entry:
            raise Refused(TableCode.DEFAULT_ENTRY_IS_CONST)
        if declared is not None and declared.const_action and declared.action_id != found.id:
            raise Refused(TableCode.DEFAULT_ACTION_IS_CONST)
        self.target.plane.set_default(name, call_from(name, found, data))

    def bm_mt_indirect_set_default_member(self, name: str, member: int) -> None:
        """Set the member of a miss."""
        table = self.target.indirect(name)
        with self.target.plane.exclusive():
            self._set_default(table, self._member(table, member))

    def bm_mt_indirect_ws_set_default_group(self, name: str, group: int) -> None:
        """Set the group of a miss."""
        table = self.target.indirect(name, selector=True)
        with self.target.plane.exclusive():
            self._set_default(table, self._group(table, group, may_be_empty=True))

    def _set_default(self, table: Table, action: EntryAction) -> None:
        if table.default_entry is not None and table.default_entry.const_entry:
            raise Refused(TableCode.DEFAULT_ENTRY_IS_CONST)
        self.target.plane.set_default(table.name, action)

    def bm_mt_reset_default_entry(self, name: str) -> None:
        """Restore the default entry that the program declares."""
        self.target.plane.set_default(self.target.simple(name).name, None)

    def bm_mt_indirect_reset_default_entry(self, name: str) -> None:
        """Restore the default entry of a table with an action profile."""
        self.target.plane.set_default(self.target.indirect(name).name, None)

    def bm_mt_get_default_entry(self, name: str) -> structs.ActionEntry:
        """What a miss does; nothing of a table that does not exist, as BMv2 answers."""
        if name not in self.target.program.tables:
            return structs.ActionEntry()
        table, plane = self.target.table(name), self.target.plane
        with plane.exclusive():
            action, target = plane.default_action(name), plane.default_target(name)
        if table.action_profile is not None and isinstance(action, ActionCall):
            return structs.ActionEntry()  # declared, which BMv2 does not count as a default entry
        return _action_entry(action, target)

    # -- direct counters and meters ---------------------------------------------------------------

    def bm_mt_read_counter(self, name: str, handle: int) -> structs.CounterValue:
        """The counts of an entry."""
        entry = self._counted(name, handle)
        data = self.target.plane.direct_counter(name, entry.key, entry.priority)
        return structs.CounterValue(data.bytes, data.packets)

    def bm_mt_write_counter(self, name: str, handle: int, value: structs.CounterValue) -> None:
        """Set the counts of an entry."""
        entry = self._counted(name, handle)
        data = CounterData(value.packets, value.bytes)
        self.target.plane.write_direct_counter(name, entry.key, data, entry.priority)

    def bm_mt_reset_counters(self, name: str) -> None:
        """Set the counts of all entries to 0."""
        self._check_counted(name)
        plane = self.target.plane
        with plane.exclusive():
            for entry in plane.entries(name):
                plane.write_direct_counter(name, entry.key, NOTHING, entry.priority)

    def _counted(self, name: str, handle: int) -> TableEntry:
        return self._at(self._check_counted(name), handle, any_version=True)

    def _check_counted(self, name: str) -> Table:
        table = self.target.table(name)
        if not table.with_counters:
            raise Refused(TableCode.COUNTERS_DISABLED)
        return table

    def bm_mt_set_meter_rates(
        self, name: str, handle: int, rates: Sequence[structs.MeterRate]
    ) -> None:
        """Set the rates of an entry's meter."""
        entry = self._metered(name, handle)
        config = meter_config(name, [(each.units_per_micros, each.burst_size) for each in rates])
        self.target.plane.set_direct_meter(name, entry.key, config, entry.priority)

    def bm_mt_get_meter_rates(self, name: str, handle: int) -> list[structs.MeterRate]:
        """The rates of an entry's meter; none when it has not been configured."""
        entry = self._metered(name, handle)
        config = self.target.plane.direct_meter(name, entry.key, entry.priority)
        return [structs.MeterRate(rate, burst) for rate, burst in meter_rates(config)]

    def _metered(self, name: str, handle: int) -> TableEntry:
        table = self.target.table(name)
        if table.direct_meter is None:
            raise Refused(TableCode.METERS_DISABLED)
        return self._at(table, handle, any_version=True)


def _prioritized(table: Table) -> bool:
    return table.match_type in ("ternary", "range")


def _rank(table: Table, options: structs.AddEntryOptions) -> int:
    if not _prioritized(table):
        return 0
    priority = options.priority or 0
    if not 0 <= priority <= PRIORITY_PIVOT:
        raise BadMatch(table.name, None, f"priority {priority}, expected 0..{PRIORITY_PIVOT}")
    return rank(priority)


def _check_mutable(table: Table) -> None:
    if table.const_entries is not None and not table.preinitialized:
        raise Immutable(table.name, "its content")


def _entry(table: Table, held: HeldEntry) -> structs.Entry:
    entry = held.entry
    priority = bmv2_priority(entry.priority) if _prioritized(table) else NO_PRIORITY
    life = None
    if entry.idle_timeout_ns:
        times = (entry.idle_timeout_ns // NS_PER_MS, held.idle_ns // NS_PER_MS)
        life = structs.EntryLife(*(min(each, PRIORITY_PIVOT) for each in times))
    return structs.Entry(
        params_of(entry.key, table),
        structs.AddEntryOptions(priority),
        signed(held.handle, 32),
        _action_entry(entry.action, held.target),
        life,
    )


class _Entries(Sequence[structs.Entry]):
    """The structs of entries, made one by one as they are written: a table may have millions."""

    def __init__(self, table: Table, held: list[HeldEntry]) -> None:
        """Make structs of what a table holds."""
        self._table, self._held = table, held

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, index: int) -> structs.Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[structs.Entry]: ...

    def __getitem__(self, index: int | slice) -> structs.Entry | list[structs.Entry]:
        if isinstance(index, slice):
            return [_entry(self._table, held) for held in self._held[index]]
        return _entry(self._table, self._held[index])


def _action_entry(action: EntryAction | None, target: int | None) -> structs.ActionEntry:
    if isinstance(action, ActionCall):
        return structs.ActionEntry(structs.ACTION_DATA, action.name, data_of(action))
    if isinstance(action, MemberRef):
        return structs.ActionEntry(structs.MEMBER, mbr_handle=target)
    if isinstance(action, (GroupRef, ActionSet)):
        return structs.ActionEntry(structs.GROUP, grp_handle=target)
    return structs.ActionEntry()
