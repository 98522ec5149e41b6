"""Random table entries of every kind, and random and changed frames, all from a given generator."""

from __future__ import annotations

import random
from collections.abc import Sequence

from p4.config.v1.p4info_pb2 import P4Info

from tests.switch.harness_p4info import OPTIONAL
from tests.v1switch.cases import Entries, Frame
from v1switch.program.model import KeyField, Program, Table
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    EntryAction,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Lpm,
    Match,
    Member,
    MemberRef,
    Range,
    TableEntry,
    Ternary,
    WeightedAction,
)

POOL = 6  # different values for each width, so that frames meet entries
RARE = ("drop", "refuse")  # actions that are picked rarely, or no frame would leave
PORTS = (1, 2, 3, 4)


class Pool:
    """Numbers for fields: few for each width, the ends of their range among them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._values: dict[int, list[int]] = {}

    def pick(self, width: int) -> int:
        """A number of `width` bits."""
        if width not in self._values:
            ones = (1 << width) - 1
            ends = [0, ones, ones >> 1, min(1, ones)]
            more = [self.rng.getrandbits(width) for _ in range(POOL)]
            self._values[width] = list(dict.fromkeys(ends + more))[:POOL]
        return self.rng.choice(self._values[width])


class Maker:
    """Makes entries for the tables of a program."""

    def __init__(self, program: Program, info: P4Info, pool: Pool) -> None:
        self.program = program
        self.pool = pool
        self.rng = pool.rng
        self.optional = {
            (table.preamble.name, field.name)
            for table in info.tables
            for field in table.match_fields
            if field.match_type == OPTIONAL
        }

    def match(self, table: Table, field: KeyField) -> Match:
        """A match of the field's kind; BMv2's JSON calls optional ones ternary."""
        ones, value = (1 << field.width) - 1, self.pool.pick(field.width)
        if (table.name, field.name) in self.optional:
            return Ternary(value, ones) if self.rng.random() < 0.6 else Ternary(0, 0)
        if field.match_kind == "lpm":
            length = self.rng.choice([0, field.width, self.rng.randint(1, field.width)])
            return Lpm(value & (ones ^ (ones >> length)), length)
        if field.match_kind == "range":
            return Range(*sorted((value, self.pool.pick(field.width))))
        if field.match_kind == "ternary":
            mask = self.rng.choice([ones, 0, self.rng.getrandbits(field.width), ones ^ ones >> 4])
            return Ternary(value & mask, mask)
        return Exact(value)

    def call(self, table: Table) -> ActionCall:
        """A call of one of the table's actions."""
        actions = [self.program.actions[number] for number in table.actions]
        common = [a for a in actions if a.name.rsplit(".", 1)[-1] not in RARE]
        chosen = self.rng.choice(common if self.rng.random() < 0.85 else actions)
        if chosen.name.endswith(".send"):
            return ActionCall(chosen.name, (self.rng.choice(PORTS),))
        values = (self.rng.getrandbits(p.width) for p in chosen.params)
        return ActionCall(chosen.name, tuple(values))

    def _entry(self, table: Table, action: EntryAction) -> TableEntry:
        prioritized = table.match_type in ("ternary", "range")
        priority = self.rng.randint(1, 1 << 16) if prioritized else 0
        key = tuple(self.match(table, field) for field in table.key)
        return TableEntry(key, action, priority)

    def fill(self, entries: Entries, count: int) -> None:
        """Add up to `count` entries to every table that has a key and no constant entries."""
        for table in self.program.tables.values():
            if not table.key or table.const_entries is not None:
                continue
            actions = self._actions(table, entries, count)
            seen: set[object] = set()
            for action in actions:
                entry = self._entry(table, action)
                if (
                    entry.key not in seen
                ):  # which of several entries of equal priority is hit is undefined
                    seen.add(entry.key)
                    entries.tables.append((table.name, entry))

    def _actions(self, table: Table, entries: Entries, count: int) -> list[EntryAction]:
        if table.implementation == "simple":
            return [self.call(table) for _ in range(count)]
        assert table.action_profile is not None
        profile = table.action_profile
        if table.implementation == "indirect_ws" and self.rng.random() < 0.5:
            return [self._set(table) for _ in range(count)]
        members = [Member(number, self.call(table)) for number in range(1, 9)]
        entries.members += [(profile, member) for member in members]
        found: list[EntryAction] = [MemberRef(m.member_id) for m in members]
        if table.implementation == "indirect_ws":
            groups = [Group(number, self._group(members)) for number in range(1, 5)]
            entries.groups += [(profile, group) for group in groups]
            found += [GroupRef(group.group_id) for group in groups] * 2
        return [self.rng.choice(found) for _ in range(count)]

    def _group(self, members: list[Member]) -> tuple[GroupMember, ...]:
        chosen = self.rng.sample(members, self.rng.randint(1, 4))
        return tuple(GroupMember(m.member_id, self.rng.randint(1, 3)) for m in chosen)

    def _set(self, table: Table) -> ActionSet:
        count = self.rng.randint(1, 4)
        items = (WeightedAction(self.call(table), self.rng.randint(1, 3)) for _ in range(count))
        return ActionSet(tuple(items))


def packed(program: Program, header: str, pool: Pool) -> bytes:
    """A header of fixed length with numbers of the pool in its fields."""
    number = bits = 0
    for field in program.headers[header].header_type.fields:
        assert field.width is not None
        number, bits = number << field.width | pool.pick(field.width), bits + field.width
    return number.to_bytes(bits // 8, "big")


def changed(
    rng: random.Random, frames: Sequence[Frame], count: int, least: int, keep: int = 0
) -> list[Frame]:
    """Frames with some bytes changed, cut off or appended.

    Args:
        rng: where chance comes from.
        frames: what to start from.
        count: how many to make.
        least: bytes that every frame has at least.
        keep: bytes at the beginning that stay as they are.
    """
    made = []
    for _ in range(count):
        port, frame = rng.choice(frames)
        data = bytearray(frame)
        for _ in range(rng.randrange(4)):
            if len(data) > keep:
                data[rng.randrange(keep, len(data))] = rng.choice([0, 255, rng.getrandbits(8)])
        if rng.random() < 0.4:
            del data[rng.randrange(len(data) + 1) :]
        elif rng.random() < 0.2:
            data += rng.randbytes(rng.randrange(20))
        if least <= len(data):
            made.append((port, bytes(data)))
    return made
