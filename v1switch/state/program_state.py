"""All run-time state that belongs to one loaded program."""

from __future__ import annotations

from v1switch.errors import BadAction
from v1switch.program.hashes import CUSTOM
from v1switch.program.model import Calculation, ConstEntry, ConstMatch, Program, Table
from v1switch.state.arrays import CounterBank, RegisterBank
from v1switch.state.bmv2_numbers import PRIORITY_PIVOT
from v1switch.state.crc import WIDTHS, Crc
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    EntryAction,
    Exact,
    GroupRef,
    Key,
    Lpm,
    Match,
    MemberRef,
    Origin,
    Range,
    TableEntry,
    Ternary,
)
from v1switch.state.lookup import Cell
from v1switch.state.meters import MeterBank
from v1switch.state.profiles import GroupCell, MemberCell, PortStates, RuntimeProfile, check_params
from v1switch.state.random import Generator
from v1switch.state.tables import Resolve, RuntimeTable
from v1switch.state.toeplitz import Toeplitz
from v1switch.state.value_sets import ValueSetState
from v1switch.state.words import overwrite


def _hash(calculation: Calculation) -> Crc | Toeplitz:
    """The parameters of a calculation that has some."""
    if calculation.algo == Toeplitz.algorithm:
        return Toeplitz(calculation.name)
    return Crc(calculation.name, WIDTHS[calculation.algo])


def _match(match: ConstMatch, width: int) -> Match:
    if match.kind == "lpm":
        ones = (1 << width) - 1
        return Lpm(match.value & (ones ^ (ones >> match.other)), match.other)
    if match.kind in ("ternary", "optional"):
        return Ternary(match.value & match.other, match.other)
    if match.kind == "range":
        return Range(match.value, match.other)
    return Exact(match.value)


class State:
    """Tables, profiles, counters, meters, registers, value sets and CRCs of one program."""

    def __init__(
        self, program: Program, now: int, ports: PortStates, *, mirrored: bool = False
    ) -> None:
        """Make empty state, then install the program's default actions and entries.

        Args:
            program: what the state belongs to.
            now: time (ns) at which the program's own entries count as inserted.
            ports: which ports exist and which are down; kept up to date by the data plane.
            mirrored: whether to keep the look-up structures of machine code as well.
        """
        self.program = program
        self.codes = program.action_codes
        self._ports = ports
        self.profiles = {name: self._profile(name) for name in program.action_profiles}
        self.tables = {t.name: self._table(t) for t in program.tables.values()}
        self.counters = {
            c.name: CounterBank(c.name, c.size) for c in program.counters.values() if not c.binding
        }
        self.meters = {
            m.name: MeterBank(m.name, m.size, m.unit == "bytes")
            for m in program.meters.values()
            if not m.binding
        }
        self.registers = {
            r.name: RegisterBank(r.name, r.size, r.width) for r in program.registers.values()
        }
        self.value_sets = {
            v.name: ValueSetState(v.name, v.width) for v in program.value_sets.values()
        }
        self.hashes = {c.name: _hash(c) for c in program.calculations.values() if c.algo in CUSTOM}
        self.random = Generator()
        for table in self.tables.values():
            if mirrored:
                table.make_mirror()
            self._install_declared(table, now)

    # -- construction ---------------------------------------------------------------------------

    def _profile(self, name: str) -> RuntimeProfile:
        widths: dict[str, list[int]] = {}
        for table in self.program.tables.values():
            if table.action_profile == name:
                widths.update(self._widths(table))
        return RuntimeProfile(self.program.action_profiles[name], self.codes, widths, self._ports)

    def _widths(self, table: Table) -> dict[str, list[int]]:
        actions = (self.program.actions[i] for i in table.actions)
        return {a.name: [p.width for p in a.params] for a in actions}

    def _table(self, spec: Table) -> RuntimeTable:
        by_bytes = None
        if spec.direct_meter:
            by_bytes = self.program.meters[spec.direct_meter].unit == "bytes"
        profile = self.profiles[spec.action_profile] if spec.action_profile else None
        return RuntimeTable(spec, self._resolver(spec, profile), by_bytes)

    def _resolver(self, spec: Table, profile: RuntimeProfile | None) -> Resolve:
        widths = self._widths(spec)
        codes = self.codes

        def resolve(cell: Cell, action: EntryAction) -> None:
            if isinstance(action, ActionCall):
                if profile is not None:
                    raise BadAction(spec.name, "takes members or groups of an action profile")
                check_params(spec.name, action, widths.get(action.name))
                cell.set_action(codes[action.name], action.params, widths[action.name])
            elif profile is None:
                raise BadAction(spec.name, "has no action profile")
            elif isinstance(action, MemberRef):
                cell.point_at(profile.member(action.member_id))
            elif isinstance(action, GroupRef):
                cell.point_at(profile.group(action.group_id))
            elif isinstance(action, ActionSet):
                cell.point_at(profile.make_action_set(action))

        return resolve

    def _call(self, action_id: int, params: tuple[int, ...]) -> ActionCall:
        return ActionCall(self.program.actions[action_id].name, params)

    def _install_declared(self, table: RuntimeTable, now: int) -> None:
        declared = table.spec.default_entry
        if declared is not None:
            call = self._call(declared.action_id, declared.params)
            action = self.program.actions[declared.action_id]
            cell = Cell()
            cell.set_action(self.codes[call.name], call.params, [p.width for p in action.params])
            table.install_default(cell, call)
        for entry in table.spec.const_entries or ():
            table.insert(self._const_entry(table, entry), now)

    def _const_entry(self, table: RuntimeTable, entry: ConstEntry) -> TableEntry:
        key: Key = tuple(_match(m, f.width) for m, f in zip(entry.key, table.spec.key, strict=True))
        origin = None
        if entry.source is not None:
            where = f"{entry.source.file}:{entry.source.line}"
            origin = Origin(where, entry.priority if table.prioritized else None)
        call = self._call(entry.action_id, entry.params)
        rank = self._rank(table, entry)
        return TableEntry(key, call, priority=rank, opaque=origin, is_const=table.fixed)

    @staticmethod
    def _rank(table: RuntimeTable, entry: ConstEntry) -> int:
        """The entry's priority, by which the first in the program wins.

        Where clients may add entries, they get the priorities that p4c gives them in P4Runtime:
        n down to 1.
        """
        if not table.prioritized:
            return 0
        first = PRIORITY_PIVOT if table.fixed else len(table.spec.const_entries or ()) + 1
        return first - entry.priority

    def reset_default(self, table: RuntimeTable) -> None:
        """Restore the default action that the program declares."""
        declared = table.spec.default_entry
        table.set_default(self._call(declared.action_id, declared.params) if declared else None)

    def refresh_groups(self) -> None:
        """Recompute what groups and action sets pick from, after a port went up or down."""
        for profile in self.profiles.values():
            profile.refresh()
        for table in self.tables.values():
            if table.spec.action_profile:
                self._refresh_sets(table, self.profiles[table.spec.action_profile])

    @staticmethod
    def _refresh_sets(table: RuntimeTable, profile: RuntimeProfile) -> None:
        for cell in table.cells.values():
            if isinstance(cell.target, GroupCell) and cell.target.elements:
                profile.fill_action_set(cell.target)

    # -- another program's state ------------------------------------------------------------------

    def take_counts(self, old: State) -> None:
        """Take over what packets counted, registers and the parameters of hashes.

        Each where the same thing exists.

        Called while no packet is processed, so it copies memory; controllers may have set the
        values earlier, from what they read before.
        """
        for name, bank in self.counters.items():
            if name in old.counters:
                overwrite(bank.packets, old.counters[name].packets)
                overwrite(bank.bytes, old.counters[name].bytes)
        for name, register in self.registers.items():
            if name in old.registers and old.registers[name].width == register.width:
                overwrite(register.words, old.registers[name].words)
        for name, found in self.hashes.items():
            found.take_over(old.hashes.get(name))
        for name, table in self.tables.items():
            if name in old.tables and table.spec.with_counters:
                table.take_counts(old.tables[name])

    # -- use counts of members and groups ---------------------------------------------------------

    @staticmethod
    def count_user(target: object, step: int) -> None:
        """Add `step` to the table entries that refer to a member or group, if `target` is one."""
        if isinstance(target, (MemberCell, GroupCell)):
            target.users += step
        if isinstance(target, GroupCell) and target.elements:
            profile = target.profile
            (profile.hold_action_set if target.users else profile.free_action_set)(target)
