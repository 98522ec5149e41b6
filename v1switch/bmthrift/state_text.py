"""A switch's state as commands of simple_switch_CLI, which `--restore-state` and the CLI run.

BMv2's own form is bytes that its Python clients cannot receive (an MD5 digest in a string), so
there is nothing to be compatible with. Counters, registers and what the program itself declares
are left out, as BMv2 leaves out the former two.
"""

from __future__ import annotations

from collections.abc import Iterator

from v1switch.control.dataplane import Dataplane
from v1switch.program.model import KeyField, Program, Table
from v1switch.state.bmv2_numbers import NS_PER_MS, bmv2_priority, meter_rates
from v1switch.state.crc import DEFAULTS
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    GroupRef,
    HeldEntry,
    Lpm,
    Match,
    MemberRef,
    MeterConfig,
    Range,
    Ternary,
)
from v1switch.state.toeplitz import DEFAULT, Toeplitz

HEADER = "# v1switch's state of "
Places = dict[int, int]
"""The handles that things have now, and those that they get when the commands run."""


def commands(plane: Dataplane, sessions_of: Dataplane) -> Iterator[str]:
    """The commands, one a line; to be called with both data planes held.

    Args:
        plane: has the program's state.
        sessions_of: has groups and clone sessions.
    """
    program = plane.state.program
    yield f"{HEADER}{program.name or 'a program without a name'}"
    members: dict[str, Places] = {}
    groups: dict[str, Places] = {}
    for profile in program.action_profiles:
        members[profile], groups[profile] = {}, {}
        yield from _profile(plane, profile, members[profile], groups[profile])
    for table in program.tables.values():
        profile_name = table.action_profile or ""
        places = members.get(profile_name, {}), groups.get(profile_name, {})
        yield from _table(plane, table, *places)
    yield from _arrays(plane, program)
    yield from _replication(sessions_of)


def _profile(plane: Dataplane, name: str, members: Places, groups: Places) -> Iterator[str]:
    for handle, call in plane.held_members(name):
        members[handle] = len(members)
        yield _line("act_prof_create_member", name, call.name, *map(hex, call.params))
    for handle, inside in plane.held_groups(name):
        groups[handle] = len(groups)
        yield f"act_prof_create_group {name}"
        for member in inside:
            yield f"act_prof_add_member_to_group {name} {members[member]} {groups[handle]}"


# -- tables ----------------------------------------------------------------------------------------


def _table(plane: Dataplane, table: Table, members: Places, groups: Places) -> Iterator[str]:
    fixed = table.const_entries is not None
    held = plane.held_entries(table.name)
    if not fixed:
        for entry in held:
            yield _entry(table, entry, members, groups)
    for place, entry in enumerate(held):
        if entry.entry.idle_timeout_ns:
            timeout = entry.entry.idle_timeout_ns // NS_PER_MS
            yield f"table_set_timeout {table.name} {place} {timeout}"
    yield from _default(plane, table, members, groups)
    if table.direct_meter is not None:
        for place, entry in enumerate(held):
            where = entry.entry.key, entry.entry.priority
            config = plane.direct_meter(table.name, *where)
            if config is not None:
                yield _line("meter_set_rates", table.direct_meter, str(place), *_rates(config))


def _entry(table: Table, held: HeldEntry, members: Places, groups: Places) -> str:
    entry = held.entry
    key = [_match(match, field) for match, field in zip(entry.key, table.key, strict=True)]
    priority = []
    if table.match_type in ("ternary", "range"):
        priority = [str(bmv2_priority(entry.priority))]
    action = entry.action
    if isinstance(action, ActionCall):
        data = map(hex, action.params)
        return _line("table_add", table.name, action.name, *key, "=>", *data, *priority)
    name, target = _target(held.target or 0, action, members, groups)
    command = "table_indirect_add_with_group" if name == "group" else "table_indirect_add"
    return _line(command, table.name, *key, "=>", str(target), *priority)


def _target(
    handle: int, action: MemberRef | GroupRef | ActionSet, members: Places, groups: Places
) -> tuple[str, int]:
    if isinstance(action, MemberRef):
        return "member", members[handle]
    return "group", groups[handle]


def _default(plane: Dataplane, table: Table, members: Places, groups: Places) -> Iterator[str]:
    action, declared = plane.default_action(table.name), table.default_entry
    if action is None or (declared is not None and declared.const_entry):
        return
    if isinstance(action, ActionCall):
        if table.action_profile is None and action != _declared(plane.state.program, table):
            yield _line("table_set_default", table.name, action.name, *map(hex, action.params))
        return
    name, target = _target(plane.default_target(table.name) or 0, action, members, groups)
    suffix = "_with_group" if name == "group" else ""
    yield f"table_indirect_set_default{suffix} {table.name} {target}"


def _declared(program: Program, table: Table) -> ActionCall | None:
    declared = table.default_entry
    if declared is None:
        return None
    return ActionCall(program.actions[declared.action_id].name, declared.params)


def _match(match: Match, field: KeyField) -> str:
    if isinstance(match, Lpm):
        return f"{match.value:#x}/{match.prefix_len}"
    if isinstance(match, Ternary):
        return f"{match.value:#x}&&&{match.mask:#x}"
    if isinstance(match, Range):
        return f"{match.low:#x}->{match.high:#x}"
    return str(match.value) if field.match_kind == "valid" else hex(match.value)


# -- the rest --------------------------------------------------------------------------------------


def _arrays(plane: Dataplane, program: Program) -> Iterator[str]:
    for name, meter in program.meters.items():
        if meter.binding is None:
            for index, cell in sorted(plane.state.meters[name].cells.items()):
                if cell.config is not None:
                    yield _line("meter_set_rates", name, str(index), *_rates(cell.config))
    for name in program.value_sets:
        for member in plane.value_set(name):
            if member.mask is None:
                yield f"pvs_add {name} {member.value:#x}"
    for name, found in plane.state.hashes.items():
        if isinstance(found, Toeplitz):
            if found.config != DEFAULT:
                yield _line("set_toeplitz_hash_key", name, found.config.hex())
            continue
        config = found.config
        if config != DEFAULTS[found.width]:
            numbers = map(hex, (config.polynomial, config.initial, config.final))
            flags = (
                str(flag).lower() for flag in (config.data_reflected, config.remainder_reflected)
            )
            yield _line(f"set_crc{found.width}_parameters", name, *numbers, *flags)


def _rates(config: MeterConfig) -> list[str]:
    return [f"{rate}:{burst}" for rate, burst in meter_rates(config)]


def _replication(plane: Dataplane) -> Iterator[str]:
    nodes = plane.nodes()
    for lag, ports in sorted(nodes.lags.items()):
        yield _line("mc_set_lag_membership", str(lag), *map(str, ports))
    places: Places = {}
    owned = {group.group_id for group in plane.multicast_groups()}
    for handle, node in nodes.held.items():
        if nodes.group_of(handle) in (*owned, None):
            places[handle] = len(places)
            lags = ("|", *map(str, node.lags)) if node.lags else ()
            yield _line("mc_node_create", str(node.instance), *map(str, node.ports), *lags)
    for group_id in sorted(owned):
        yield f"mc_mgrp_create {group_id}"
        for handle in nodes.handles_in(group_id):
            yield f"mc_node_associate {group_id} {places[handle]}"
    for session in plane.clone_sessions():
        mirror = plane.mirror_of(session.session_id)
        if mirror.port is not None:
            yield f"mirroring_add {session.session_id} {mirror.port}"
        elif mirror.group in owned:
            yield f"mirroring_add_mc {session.session_id} {mirror.group}"


def _line(*words: str) -> str:
    return " ".join(words)
