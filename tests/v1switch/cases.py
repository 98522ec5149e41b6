"""A case is a program's input, an answer its output; both as JSON, with names instead of ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    CloneSession,
    EntryAction,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Key,
    Lpm,
    Match,
    Member,
    MemberRef,
    MeterConfig,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
    Ternary,
    WeightedAction,
)

Frame = tuple[int, bytes]
Json = Any


@dataclass
class Entries:
    """What a controller writes before the first frame.

    Attributes:
        tables: entries of tables, by name.
        defaults: default actions.
        members, groups: those of action profiles.
        multicast, clones: the replication engine's.
        meters: (meter, index, configuration).
        direct_meters: (number of an entry in `tables`, configuration).
        value_sets: (value set, member).
    """

    tables: list[tuple[str, TableEntry]] = field(default_factory=list)
    defaults: list[tuple[str, ActionCall]] = field(default_factory=list)
    members: list[tuple[str, Member]] = field(default_factory=list)
    groups: list[tuple[str, Group]] = field(default_factory=list)
    multicast: list[MulticastGroup] = field(default_factory=list)
    clones: list[CloneSession] = field(default_factory=list)
    meters: list[tuple[str, int, MeterConfig]] = field(default_factory=list)
    direct_meters: list[tuple[int, MeterConfig]] = field(default_factory=list)
    value_sets: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class Answer:
    """What a switch did.

    Attributes:
        frames: those that left, in order, by port.
        counters: (packets, bytes) of the cells that are not zero, by counter and index.
        direct: (packets, bytes) of each entry in a table with a direct counter, by its number.
        digests: the distinct values of each digest, in the order in which they came first.
        registers: the cells of each register array of at most 63 bits.
    """

    frames: dict[int, list[bytes]] = field(default_factory=dict)
    counters: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)
    direct: dict[int, tuple[int, int]] = field(default_factory=dict)
    digests: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    registers: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class Case:
    """A program (its BMv2 JSON, the p4info beside it), entries and input frames.

    Where frames are recirculated or copied (`ordered` is false), their order is undefined.
    """

    program: Path
    entries: Entries
    frames: Sequence[Frame]
    ordered: bool = True


# -- JSON -----------------------------------------------------------------------------------------


def match_text(match: Match) -> str:
    """A match as text: 0x1, 0x1/8, 0x1&0xf, 0x1..0x9."""
    if isinstance(match, Exact):
        return f"{match.value:#x}"
    if isinstance(match, Lpm):
        return f"{match.value:#x}/{match.prefix_len}"
    if isinstance(match, Ternary):
        return f"{match.value:#x}&{match.mask:#x}"
    return f"{match.low:#x}..{match.high:#x}"


def text_match(text: str) -> Match:
    """The match of a text."""
    for sign, kind in (("/", Lpm), ("&", Ternary), ("..", Range)):
        first, found, second = text.partition(sign)
        if found:
            return kind(int(first, 0), int(second, 0))
    return Exact(int(text, 0))


def _call(call: ActionCall) -> Json:
    return [call.name, *call.params]


def _action(action: EntryAction) -> Json:
    if isinstance(action, MemberRef):
        return {"member": action.member_id}
    if isinstance(action, GroupRef):
        return {"group": action.group_id}
    if isinstance(action, ActionSet):
        return {"set": [[item.weight, *_call(item.action)] for item in action.actions]}
    return _call(action)


def _read_call(found: Json) -> ActionCall:
    return ActionCall(found[0], tuple(found[1:]))


def _read_action(found: Json) -> EntryAction:
    if isinstance(found, list):
        return _read_call(found)
    if "member" in found:
        return MemberRef(found["member"])
    if "group" in found:
        return GroupRef(found["group"])
    items = (WeightedAction(_read_call(call), weight) for weight, *call in found["set"])
    return ActionSet(tuple(items))


def _meter(config: MeterConfig) -> Json:
    return [config.cir, config.cburst, config.pir, config.pburst]


def _replicas(made: MulticastGroup | CloneSession) -> Json:
    return [[r.port, r.instance] for r in made.replicas]


def entries_json(e: Entries) -> Json:
    """Entries as JSON, empty kinds left out."""
    found: Json = {
        "tables": [
            [t, [match_text(m) for m in x.key], _action(x.action), x.priority] for t, x in e.tables
        ],
        "defaults": [[t, _call(call)] for t, call in e.defaults],
        "members": [[p, m.member_id, _call(m.action)] for p, m in e.members],
        "groups": [
            [p, g.group_id, [[m.member_id, m.weight] for m in g.members]] for p, g in e.groups
        ],
        "multicast": [[g.group_id, _replicas(g)] for g in e.multicast],
        "clones": [[s.session_id, _replicas(s)] for s in e.clones],
        "meters": [[m, index, _meter(config)] for m, index, config in e.meters],
        "direct_meters": [[number, _meter(config)] for number, config in e.direct_meters],
        "value_sets": [[name, value] for name, value in e.value_sets],
    }
    return {kind: items for kind, items in found.items() if items}


def _key(texts: list[str]) -> Key:
    return tuple(text_match(text) for text in texts)


def json_entries(found: Json) -> Entries:
    """Entries that `entries_json` wrote."""

    def each(kind: str) -> Any:
        return found.get(kind, [])

    def replicas(pairs: Json) -> tuple[Replica, ...]:
        return tuple(Replica(*pair) for pair in pairs)

    def members(pairs: Json) -> tuple[GroupMember, ...]:
        return tuple(GroupMember(*pair) for pair in pairs)

    return Entries(
        [(t, TableEntry(_key(k), _read_action(a), p)) for t, k, a, p in each("tables")],
        [(t, _read_call(call)) for t, call in each("defaults")],
        [(p, Member(number, _read_call(call))) for p, number, call in each("members")],
        [(p, Group(number, members(pairs))) for p, number, pairs in each("groups")],
        [MulticastGroup(number, replicas(pairs)) for number, pairs in each("multicast")],
        [CloneSession(number, replicas(pairs)) for number, pairs in each("clones")],
        [(m, index, MeterConfig(*config)) for m, index, config in each("meters")],
        [(number, MeterConfig(*config)) for number, config in each("direct_meters")],
        [(name, value) for name, value in each("value_sets")],
    )


def answer_json(answer: Answer) -> Json:
    """An answer as JSON, empty kinds left out."""
    found: Json = {
        "frames": {str(p): [f.hex() for f in fs] for p, fs in sorted(answer.frames.items())},
        "counters": {
            name: {str(index): list(cell) for index, cell in sorted(cells.items())}
            for name, cells in answer.counters.items()
        },
        "direct": {str(number): list(cell) for number, cell in answer.direct.items()},
        "digests": {name: [list(v) for v in values] for name, values in answer.digests.items()},
        "registers": answer.registers,
    }
    return {kind: items for kind, items in found.items() if items}


def frames_json(frames: Sequence[Frame]) -> Json:
    """Input frames as text: port and bytes."""
    return [f"{port} {frame.hex()}" for port, frame in frames]


def json_frames(texts: list[str]) -> list[Frame]:
    """Frames that `frames_json` wrote."""
    pairs = (text.split(" ") for text in texts)
    return [(int(port), bytes.fromhex(digits)) for port, digits in pairs]
