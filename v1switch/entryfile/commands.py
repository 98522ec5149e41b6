"""simple_switch_CLI's commands that write state, read from a file.

Names, words and their order are those of BMv2's runtime_CLI; handles count from 0 as they do
there. As there, a name may be shortened to an unambiguous suffix (`ipv4_lpm` for
`MyIngress.ipv4_lpm`), and the lower number has the higher priority.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile import arguments
from v1switch.entryfile.errors import EntriesError, InvalidLine
from v1switch.entryfile.limits import MAX_FILE
from v1switch.errors import DuplicateEntry, SwitchError, quoted
from v1switch.program.model import Action, Table
from v1switch.reading import read_bytes
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    CounterData,
    EntryAction,
    Group,
    GroupMember,
    GroupRef,
    Key,
    Member,
    MemberRef,
    MeterConfig,
    MulticastGroup,
    Origin,
    Replica,
    TableEntry,
    ValueSetMember,
)
from v1switch.state.program_state import CONST_PRIORITY_PIVOT
from v1switch.state.replication import MAX_INSTANCE, MAX_PORT

PER_SECOND = 1_000_000  # simple_switch_CLI's rates are per microsecond
ARROW = "=>"


def run_commands(path: Path, dataplane: Dataplane) -> None:
    """Run a file's commands; raises EntriesError, OSError."""
    try:
        text = read_bytes(path, MAX_FILE).decode()
    except UnicodeDecodeError as error:
        raise EntriesError(path, 0, "", f"byte {error.start} is not UTF-8 text") from None
    runner = _Runner(path, dataplane)
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.partition("#")[0].split()
        if parts:
            runner.run(number, parts)


class _Runner:
    """One method per command, named after it."""

    def __init__(self, path: Path, dataplane: Dataplane) -> None:
        self.path = path
        self.plane = dataplane
        self.program = dataplane.state.program
        self.line, self.form = 0, ""
        self.nodes: list[tuple[int, tuple[int, ...]]] = []  # (instance, ports)

    def run(self, line: int, parts: list[str]) -> None:
        """Run one command; raises EntriesError."""
        self.line = line
        try:
            if parts[0] not in COMMANDS:
                raise InvalidLine(
                    f"command {quoted(parts[0])}", f"expected one of {', '.join(COMMANDS)}"
                )
            form, command = COMMANDS[parts[0]]
            self.form = f"{parts[0]} {form}"
            _check_count(parts[0], form, parts[1:])
            command(self, parts[1:])
        except InvalidLine as wrong:
            raise EntriesError(self.path, line, wrong.what, wrong.reason) from None
        except SwitchError as error:
            raise EntriesError(self.path, line, parts[0], str(error)) from error

    # -- arguments --------------------------------------------------------------------------------

    def _table(self, name: str) -> Table:
        found = arguments.find_name("table", name, self.program.tables)
        return self.program.tables[found]

    def _call(self, owner: str, ids: tuple[int, ...], name: str, args: list[str]) -> ActionCall:
        actions: dict[str, Action] = {}
        for action_id in ids:
            actions.setdefault(
                self.program.actions[action_id].name, self.program.actions[action_id]
            )
        action = actions[arguments.find_name("action", name, actions, f"{owner}: ")]
        return ActionCall(
            action.name, arguments.params(f"action {action.name!r}", args, action.params)
        )

    def _split(self, table: Table, args: list[str]) -> tuple[list[str], list[str], int | None]:
        """Arguments before and after the arrow, and the priority where the table has priorities."""
        priority = None
        if table.match_type in ("ternary", "range"):
            what = f"table {table.name!r}, priority (the last argument)"
            priority = arguments.integer(what, args[-1] if args else "", 0, CONST_PRIORITY_PIVOT)
            args = args[:-1]
        if ARROW not in args:
            raise InvalidLine(f"table {table.name!r}", f"no {ARROW!r}, expected {self.form}")
        at = args.index(ARROW)
        return args[:at], args[at + 1 :], priority

    def _insert(
        self, table: Table, matches: list[str], action: EntryAction, priority: int | None
    ) -> None:
        key: Key = arguments.key(f"table {table.name!r}", matches, table.key)
        rank = 0 if priority is None else CONST_PRIORITY_PIVOT - priority
        origin = Origin(f"{self.path.name}:{self.line}", priority)
        try:
            self.plane.insert_entry(table.name, TableEntry(key, action, rank, opaque=origin))
        except DuplicateEntry:
            there = self.plane.entry(table.name, key, rank).opaque
            where = f" (line {there.where.rpartition(':')[2]})" if isinstance(there, Origin) else ""
            raise InvalidLine(
                f"table {table.name!r}", f"it already has this entry{where}"
            ) from None

    # -- tables -----------------------------------------------------------------------------------

    def table_add(self, args: list[str]) -> None:
        table = self._table(args[0])
        if table.action_profile:
            reason = f"it takes members of {table.action_profile!r}, expected table_indirect_add"
            raise InvalidLine(f"table {table.name!r}", reason)
        matches, given, priority = self._split(table, args[2:])
        call = self._call(f"table {table.name!r}", table.actions, args[1], given)
        self._insert(table, matches, call, priority)

    def table_set_default(self, args: list[str]) -> None:
        table = self._table(args[0])
        call = self._call(f"table {table.name!r}", table.actions, args[1], args[2:])
        self.plane.set_default(table.name, call)

    def table_indirect_add(self, args: list[str]) -> None:
        self._indirect(args, MemberRef)

    def table_indirect_add_with_group(self, args: list[str]) -> None:
        self._indirect(args, GroupRef)

    def _indirect(self, args: list[str], make: Callable[[int], EntryAction]) -> None:
        table = self._table(args[0])
        if not table.action_profile:
            raise InvalidLine(
                f"table {table.name!r}", "it has no action profile, expected table_add"
            )
        matches, given, priority = self._split(table, args[1:])
        if len(given) != 1:
            raise InvalidLine(
                f"table {table.name!r}", f"{len(given)} handles, expected {self.form}"
            )
        handle = arguments.integer(f"table {table.name!r}, handle", given[0])
        self._insert(table, matches, make(handle), priority)

    # -- action profiles --------------------------------------------------------------------------

    def _profile(self, name: str) -> str:
        return arguments.find_name("action profile", name, self.program.action_profiles)

    def act_prof_create_member(self, args: list[str]) -> None:
        profile = self._profile(args[0])
        tables = (t for t in self.program.tables.values() if t.action_profile == profile)
        ids = tuple(action for table in tables for action in table.actions)
        call = self._call(f"action profile {profile!r}", ids, args[1], args[2:])
        self.plane.insert_member(profile, Member(len(self.plane.members(profile)), call))

    def act_prof_create_group(self, args: list[str]) -> None:
        profile = self._profile(args[0])
        self.plane.insert_group(profile, Group(len(self.plane.groups(profile))))

    def act_prof_add_member_to_group(self, args: list[str]) -> None:
        profile = self._profile(args[0])
        member, number = arguments.integer("member", args[1]), arguments.integer("group", args[2])
        groups = {group.group_id: group for group in self.plane.groups(profile)}
        if number not in groups:
            what = f"action profile {profile!r}, group {number}"
            raise InvalidLine(what, f"unknown, expected one of {sorted(groups)}")
        members = (*groups[number].members, GroupMember(member))
        self.plane.modify_group(profile, replace(groups[number], members=members))

    # -- replication ------------------------------------------------------------------------------

    def mc_mgrp_create(self, args: list[str]) -> None:
        self.plane.insert_multicast_group(MulticastGroup(arguments.integer("group", args[0])))

    def mc_node_create(self, args: list[str]) -> None:
        if "|" in args:
            raise InvalidLine(
                "'|'", "this switch has no link aggregation groups, expected ports only"
            )
        instance = arguments.integer("instance", args[0], 0, MAX_INSTANCE)
        ports = tuple(arguments.integer("port", text, 0, MAX_PORT) for text in args[1:])
        self.nodes.append((instance, ports))

    def mc_node_associate(self, args: list[str]) -> None:
        group = self._group(args[0])
        if not self.nodes:
            raise InvalidLine("node", "none exists yet, expected mc_node_create first")
        node = arguments.integer("node", args[1], 0, len(self.nodes) - 1)
        instance, ports = self.nodes[node]
        replicas = (*group.replicas, *(Replica(port, instance) for port in ports))
        self.plane.modify_multicast_group(replace(group, replicas=replicas))

    def _group(self, text: str) -> MulticastGroup:
        groups = {group.group_id: group for group in self.plane.multicast_groups()}
        number = arguments.integer("multicast group", text)
        if number not in groups:
            what = f"multicast group {number}"
            raise InvalidLine(what, f"unknown, expected one of {sorted(groups)}")
        return groups[number]

    def mirroring_add(self, args: list[str]) -> None:
        port = arguments.integer("port", args[1], 0, MAX_PORT)
        self._mirror(args[0], (Replica(port),))

    def mirroring_add_mc(self, args: list[str]) -> None:
        self._mirror(args[0], self._group(args[1]).replicas)

    def _mirror(self, session: str, replicas: tuple[Replica, ...]) -> None:
        number = arguments.integer("clone session", session)
        self.plane.insert_clone_session(CloneSession(number, replicas))

    # -- arrays and value sets --------------------------------------------------------------------

    def register_write(self, args: list[str]) -> None:
        name = arguments.find_name("register", args[0], self.program.registers)
        spec = self.program.registers[name]
        index = arguments.integer(f"register {name!r}, index", args[1], 0, spec.size - 1)
        written = arguments.value(f"register {name!r}", args[2], spec.width)
        self.plane.write_register(name, index, written)

    def counter_write(self, args: list[str]) -> None:
        indexed = {n: c for n, c in self.program.counters.items() if not c.binding}
        name = arguments.find_name("indexed counter", args[0], indexed)
        what = f"counter {name!r}"
        index = arguments.integer(f"{what}, index", args[1], 0, indexed[name].size - 1)
        packets = arguments.integer(f"{what}, packets", args[2])
        size = arguments.integer(f"{what}, bytes", args[3])
        self.plane.write_counter(name, index, CounterData(packets, size))

    def meter_set_rates(self, args: list[str]) -> None:
        name, size = self._meter(args[0])
        index = arguments.integer(f"meter {name!r}, index", args[1], 0, size - 1)
        self.plane.set_meter(name, index, _rates(name, args[2:]))

    def meter_array_set_rates(self, args: list[str]) -> None:
        name, size = self._meter(args[0])
        for index in range(size):
            self.plane.set_meter(name, index, _rates(name, args[1:]))

    def _meter(self, text: str) -> tuple[str, int]:
        indexed = {n: m for n, m in self.program.meters.items() if not m.binding}
        name = arguments.find_name("indexed meter", text, indexed)
        return name, indexed[name].size

    def pvs_add(self, args: list[str]) -> None:
        name = arguments.find_name("parser value set", args[0], self.program.value_sets)
        width = self.program.value_sets[name].width
        member = ValueSetMember(arguments.value(f"value set {name!r}", args[1], width))
        self.plane.set_value_set(name, (*self.plane.value_set(name), member))


def _rates(name: str, texts: list[str]) -> MeterConfig:
    numbers = []
    for text in texts:
        rate, _, burst = text.partition(":")
        try:
            numbers += [round(float(rate) * PER_SECOND), int(burst)]
        except (ValueError, OverflowError):  # not a number, or infinite
            what = f"meter {name!r}"
            raise InvalidLine(
                what, f"{quoted(text)}, expected RATE:BURST, the rate per microsecond"
            ) from None
    return MeterConfig(*numbers)


Command = Callable[[_Runner, list[str]], None]

COMMANDS: dict[str, tuple[str, Command]] = {  # arguments, and what the command does
    "table_add": ("TABLE ACTION MATCH... => PARAMETER... [PRIORITY]", _Runner.table_add),
    "table_set_default": ("TABLE ACTION PARAMETER...", _Runner.table_set_default),
    "table_indirect_add": ("TABLE MATCH... => MEMBER [PRIORITY]", _Runner.table_indirect_add),
    "table_indirect_add_with_group": (
        "TABLE MATCH... => GROUP [PRIORITY]",
        _Runner.table_indirect_add_with_group,
    ),
    "act_prof_create_member": ("PROFILE ACTION PARAMETER...", _Runner.act_prof_create_member),
    "act_prof_create_group": ("PROFILE", _Runner.act_prof_create_group),
    "act_prof_add_member_to_group": ("PROFILE MEMBER GROUP", _Runner.act_prof_add_member_to_group),
    "mc_mgrp_create": ("GROUP", _Runner.mc_mgrp_create),
    "mc_node_create": ("INSTANCE PORT...", _Runner.mc_node_create),
    "mc_node_associate": ("GROUP NODE", _Runner.mc_node_associate),
    "mirroring_add": ("SESSION PORT", _Runner.mirroring_add),
    "mirroring_add_mc": ("SESSION GROUP", _Runner.mirroring_add_mc),
    "register_write": ("REGISTER INDEX VALUE", _Runner.register_write),
    "counter_write": ("COUNTER INDEX PACKETS BYTES", _Runner.counter_write),
    "meter_set_rates": ("METER INDEX RATE:BURST RATE:BURST", _Runner.meter_set_rates),
    "meter_array_set_rates": ("METER RATE:BURST RATE:BURST", _Runner.meter_array_set_rates),
    "pvs_add": ("VALUE_SET VALUE", _Runner.pvs_add),
}


def _check_count(command: str, form: str, args: list[str]) -> None:
    """Raise InvalidLine unless the number of arguments fits the form."""
    words_ = form.split()
    open_ended = next((at for at, word in enumerate(words_) if word.endswith("...")), None)
    fits = len(args) == len(words_) if open_ended is None else len(args) >= open_ended
    if not fits:
        raise InvalidLine(f"{len(args)} arguments", f"expected {command} {form}")
