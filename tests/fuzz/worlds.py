"""What all targets share: the compiled programs, their P4Info, frames, and random entries."""

import contextlib
import json
import random
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from google.protobuf import text_format
from p4.config.v1 import p4info_pb2

from tests.p4.world import JSON as VTEP
from tests.v1switch.broken import engine
from tests.v1switch.corpus import CORPORA, vectors
from tests.v1switch.p4runtime_zoo import CONFIG as ZOO
from tests.v1switch.test_fuzz import SAMPLES
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.errors import SwitchError
from v1switch.program import load_file
from v1switch.program.model import KeyField, Program, Table
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Key,
    Lpm,
    Match,
    Member,
    MemberRef,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
    Ternary,
    ValueSetMember,
)

FILES = {path.stem: path for path in [*sorted(COMPILED.glob("*.json")), ZOO, VTEP]}
SMALL = [name for name, path in FILES.items() if path.stat().st_size < 75_000]
CPU_PORT = 510


def _plain(value: Any) -> Any:
    """A program without informational members."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in ("source_info", "annotations")}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@cache
def program_text(name: str) -> str:
    """A program's JSON, as short as it goes."""
    return json.dumps(_plain(json.loads(FILES[name].read_text())), separators=(",", ":"))


@cache
def program(name: str) -> Program:
    """A program as the loader gives it."""
    return load_file(FILES[name])


@cache
def p4info(name: str) -> p4info_pb2.P4Info:
    """A program's P4Info."""
    text = FILES[name].with_suffix(".p4info.txtpb").read_text()
    return text_format.Parse(text, p4info_pb2.P4Info())


@cache
def frames(name: str) -> list[tuple[int, bytes]]:
    """(port, frame) that reach most of a program."""
    if name in CORPORA:
        return vectors(name)
    return [*SAMPLES, *vectors("wire"), *vectors("headers")]


def _match(field: KeyField, rng: random.Random) -> Match:
    ones = (1 << field.width) - 1
    value = rng.choice([0, 1, 2, 3, rng.getrandbits(field.width)]) & ones
    if field.match_kind == "lpm":
        length = rng.choice([0, field.width, rng.randint(0, field.width)])
        return Lpm(value & (ones ^ (ones >> length)), length)
    if field.match_kind in ("ternary", "optional"):
        mask = rng.choice([0, ones, rng.getrandbits(field.width)])
        mask = mask if field.match_kind == "ternary" or not mask else ones
        return Ternary(value & mask, mask)
    if field.match_kind == "range":
        return Range(*sorted((value, rng.getrandbits(field.width))))
    return Exact(value)


def _call(plane: Dataplane, table: Table, rng: random.Random) -> ActionCall:
    assert plane.program is not None
    action = plane.program.actions[rng.choice(table.actions)]
    small = [rng.choice([0, 1, 2, 3, rng.getrandbits(p.width)]) for p in action.params]
    cut = [n & ((1 << p.width) - 1) for n, p in zip(small, action.params, strict=True)]
    return ActionCall(action.name, tuple(cut))


def _fill_profile(plane: Dataplane, table: Table, rng: random.Random) -> None:
    profile = table.action_profile or ""
    for number in range(3):
        plane.insert_member(profile, Member(number, _call(plane, table, rng)))
    if table.implementation == "indirect_ws":
        members = tuple(GroupMember(n, rng.randint(1, 3)) for n in range(rng.randint(0, 3)))
        plane.insert_group(profile, Group(1, members))


def _fill_table(plane: Dataplane, table: Table, rng: random.Random) -> None:
    for _ in range(rng.randint(0, 6)):
        key: Key = tuple(_match(field, rng) for field in table.key)
        action: Any = _call(plane, table, rng)
        if table.implementation != "simple":
            group = table.implementation == "indirect_ws" and rng.random() < 0.5
            action = GroupRef(1) if group else MemberRef(rng.randint(0, 2))
        entry = TableEntry(key, action, 1)
        _try(partial(plane.insert_entry, table.name, entry))
    _try(partial(plane.set_default, table.name, _call(plane, table, rng)))


def _try(change: Callable[[], None]) -> None:
    """A change that the state may refuse: full, const, already existing."""
    with contextlib.suppress(SwitchError):
        change()


def fill(plane: Dataplane, seed: int) -> None:
    """Give a plane random entries, members, groups, sessions and value sets."""
    rng = random.Random(seed)
    running = plane.program
    assert running is not None
    for table in running.tables.values():
        if table.action_profile:
            _try(partial(_fill_profile, plane, table, rng))
        _fill_table(plane, table, rng)
    for number in range(1, 6):
        ports = [Replica(rng.randint(0, 4), n) for n in range(rng.randint(0, 3))]
        plane.insert_multicast_group(MulticastGroup(number, tuple(ports)))
        plane.insert_clone_session(CloneSession(number, tuple(ports), 0, rng.choice([0, 20])))
    for name, value_set in running.value_sets.items():
        members = [ValueSetMember(rng.getrandbits(value_set.width)) for _ in range(3)]
        plane.set_value_set(name, members)


def plane_of(name: str, seed: int, traced: bool) -> Dataplane:
    """A plane that runs a program with random entries."""
    made = Dataplane(engine(traced), cpu_port=CPU_PORT)
    made.load(program(name))
    fill(made, seed)
    return made
