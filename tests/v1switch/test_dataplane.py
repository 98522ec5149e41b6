"""The interface that a controller's server is built on."""

import threading
from collections.abc import Callable

import pytest

from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import (
    BadAction,
    BadIndex,
    BadMatch,
    BadValue,
    DuplicateEntry,
    EntryNotFound,
    Immutable,
    InUse,
    NoProgram,
    RequestError,
    StateError,
    TableFull,
    UnknownObject,
)
from v1switch.program import load_file
from v1switch.state.entries import (
    MAX_COUNT,
    ActionCall,
    ActionSet,
    CloneSession,
    CounterData,
    DigestSample,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Lpm,
    Member,
    MemberRef,
    MeterConfig,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
    Ternary,
    ValueSetMember,
    WeightedAction,
)

EXACTLY, LONGEST = "TableIngress.exactly", "TableIngress.longest"
PATTERNED, RANGED = "TableIngress.patterned", "TableIngress.ranged"
BALANCED, PLAIN = "SelectorIngress.balanced", "SelectorIngress.plain"
PATHS, MEMBERS = "SelectorIngress.paths", "SelectorIngress.members"
S = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 5 * S

    def __call__(self) -> int:
        return self.now


def exact(a: int, b: int, value: int = 1, **more: object) -> TableEntry:
    call = ActionCall("TableIngress.found_exact", (value,))
    return TableEntry((Exact(a), Exact(b)), call, **more)  # type: ignore[arg-type]  # its fields


# -- programs ----------------------------------------------------------------------------------


def test_without_a_program_nothing_passes_and_nothing_can_be_written() -> None:
    dataplane = Dataplane(PythonEngine())
    assert dataplane.process(1, bytes(60)) == []
    assert dataplane.program is None
    with pytest.raises(NoProgram):
        dataplane.insert_entry("x", exact(1, 1))
    assert dataplane.idle_entries() == []


def test_preparing_changes_nothing_and_committing_starts_afresh() -> None:
    dataplane = loaded("tables")
    dataplane.insert_entry(EXACTLY, exact(1, 1))
    dataplane.insert_multicast_group(MulticastGroup(1, (Replica(1),)))
    prepared = dataplane.prepare(load_file(COMPILED / "wire.json"))
    assert len(dataplane.entries(EXACTLY)) == 1
    dataplane.commit(prepared)
    assert dataplane.multicast_groups() == []
    assert dataplane.process(1, b"frame") == [(2, b"frame")]
    with pytest.raises(UnknownObject):
        dataplane.entries(EXACTLY)


# -- entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "place"),
    [
        (EXACTLY, (Exact(1),), None),
        (EXACTLY, (Exact(1), Exact(1), Exact(1)), None),
        (EXACTLY, (Exact(256), Exact(1)), "hdr.key.a"),
        (EXACTLY, (Exact(-1), Exact(1)), "hdr.key.a"),
        (EXACTLY, (Exact(1), Ternary(1, 1)), "hdr.key.b"),
        (LONGEST, (Lpm(1, 17), Exact(1)), "hdr.key.b"),
        (LONGEST, (Lpm(0x0101, 8), Exact(1)), "hdr.key.b"),
        (PATTERNED, (Ternary(3, 1), Ternary(0, 0)), "hdr.key.a"),
        (RANGED, (Range(4, 3), Range(0, 9), Ternary(0, 0)), "hdr.key.a"),
        (RANGED, (Range(4, 300), Range(0, 9), Ternary(0, 0)), "hdr.key.a"),
    ],
)
def test_keys_that_do_not_fit(table: str, key: tuple[object, ...], place: str | None) -> None:
    dataplane = loaded("tables")
    with pytest.raises(BadMatch) as caught:
        dataplane.insert_entry(table, TableEntry(key, ActionCall("NoAction")))  # type: ignore[arg-type]  # wrong
    assert caught.value.field == place
    assert caught.value.table == table
    assert dataplane.entries(table) == []


@pytest.mark.parametrize(
    "action",
    [
        ActionCall("TableIngress.found_range", (1,)),
        ActionCall("nowhere"),
        ActionCall("TableIngress.found_exact"),
        ActionCall("TableIngress.found_exact", (1, 2)),
        ActionCall("TableIngress.found_exact", (65536,)),
        ActionCall("TableIngress.found_exact", (-1,)),
        MemberRef(1),
        GroupRef(1),
        ActionSet(()),
    ],
)
def test_actions_that_do_not_fit(action: object) -> None:
    dataplane = loaded("tables")
    with pytest.raises(BadAction):
        dataplane.insert_entry(EXACTLY, TableEntry((Exact(1), Exact(1)), action))  # type: ignore[arg-type]  # wrong
    assert dataplane.entries(EXACTLY) == []


def test_entries_come_and_go() -> None:
    dataplane = loaded("tables")
    frame = bytes([1, 0, 2, 0])
    dataplane.insert_entry(EXACTLY, exact(1, 2, 7, opaque="mine"))
    assert dataplane.process(1, frame)[0][1][:2] == b"\0\7"
    with pytest.raises(DuplicateEntry):
        dataplane.insert_entry(EXACTLY, exact(1, 2, 8))
    dataplane.modify_entry(EXACTLY, exact(1, 2, 9, opaque="yours"))
    assert dataplane.process(1, frame)[0][1][:2] == b"\0\x09"
    assert dataplane.entry(EXACTLY, (Exact(1), Exact(2))).opaque == "yours"
    dataplane.delete_entry(EXACTLY, (Exact(1), Exact(2)))
    assert dataplane.process(1, frame)[0][1][:2] == b"\0\0"
    for again in (dataplane.delete_entry, dataplane.entry):
        with pytest.raises(EntryNotFound):
            again(EXACTLY, (Exact(1), Exact(2)))
    with pytest.raises(EntryNotFound):
        dataplane.modify_entry(EXACTLY, exact(1, 2))


def test_priorities_distinguish_entries() -> None:
    dataplane = loaded("tables")
    key = (Ternary(1, 255), Ternary(0, 0))
    for priority in (5, 9, 7):
        call = ActionCall("TableIngress.found_ternary", (priority,))
        dataplane.insert_entry(PATTERNED, TableEntry(key, call, priority))
    frame = bytes([1, 0, 0, 0])
    assert dataplane.process(1, frame)[0][1][4:6] == b"\0\x09"
    dataplane.delete_entry(PATTERNED, key, 9)
    assert dataplane.process(1, frame)[0][1][4:6] == b"\0\7"
    dataplane.delete_entry(PATTERNED, key, 7)
    assert dataplane.process(1, frame)[0][1][4:6] == b"\0\5"


def test_constant_entries_cannot_be_changed() -> None:
    dataplane = loaded("matching")
    table = "MatchIngress.exactly"
    (first, *_) = dataplane.entries(table)
    assert first.is_const
    with pytest.raises(Immutable):
        dataplane.insert_entry(table, TableEntry((Exact(9), Exact(0)), ActionCall("NoAction")))
    with pytest.raises(Immutable):
        dataplane.modify_entry(table, TableEntry(first.key, ActionCall("NoAction")))
    with pytest.raises(Immutable):
        dataplane.delete_entry(table, first.key)
    with pytest.raises(Immutable):
        dataplane.set_default(table, ActionCall("NoAction"))


def test_default_actions() -> None:
    dataplane = loaded("tables")
    dataplane.set_default(EXACTLY, ActionCall("TableIngress.found_exact", (0x4444,)))
    assert dataplane.process(1, bytes(4))[0][1][:2] == b"\x44\x44"
    dataplane.set_default(EXACTLY, None)
    assert dataplane.default_action(EXACTLY) == ActionCall("NoAction")
    assert dataplane.process(1, bytes(4))[0][1][:2] == b"\0\0"
    with pytest.raises(BadAction):
        dataplane.set_default(EXACTLY, ActionCall("nowhere"))


# -- transactions ------------------------------------------------------------------------------


def snapshot(dataplane: Dataplane) -> list[object]:
    state = dataplane.state
    return [
        *(dataplane.entries(t) for t in state.tables),
        *(dataplane.default_action(t) for t in state.tables),
        *(dataplane.members(p) for p in state.profiles),
        *(dataplane.groups(p) for p in state.profiles),
        *(list(b.packets) for b in state.counters.values()),
        *(list(b.cells) for b in state.registers.values()),
        *(dict(b.cells) for b in state.meters.values()),
        *(dataplane.value_set(v) for v in state.value_sets),
        dataplane.multicast_groups(),
        dataplane.clone_sessions(),
    ]


def all_changes(name: str, dataplane: Dataplane) -> list[Callable[[], None]]:
    if name == "tables":
        return [
            lambda: dataplane.insert_entry(EXACTLY, exact(3, 3)),
            lambda: dataplane.modify_entry(EXACTLY, exact(1, 1, 9)),
            lambda: dataplane.delete_entry(EXACTLY, (Exact(2), Exact(2))),
            lambda: dataplane.set_default(EXACTLY, ActionCall("TableIngress.found_exact", (5,))),
            lambda: dataplane.set_value_set("TableParser.wanted", [ValueSetMember(1)]),
            lambda: dataplane.insert_multicast_group(MulticastGroup(3, (Replica(1),))),
            lambda: dataplane.modify_multicast_group(MulticastGroup(1, (Replica(9),))),
            lambda: dataplane.delete_multicast_group(2),
            lambda: dataplane.insert_clone_session(CloneSession(3, (Replica(1),))),
            lambda: dataplane.modify_clone_session(CloneSession(1, (Replica(9),))),
            lambda: dataplane.delete_clone_session(2),
        ]
    if name == "externs":
        return [
            lambda: dataplane.write_counter("ExternIngress.seen", 1, CounterData(3, 4)),
            lambda: dataplane.set_meter("ExternIngress.pace", 1, MeterConfig(1, 1, 2, 2)),
            lambda: dataplane.write_register("ExternIngress.cells", 2, 77),
        ]
    send = lambda n: ActionCall("SelectorIngress.send", (n,))  # noqa: E731  # a short factory
    return [
        lambda: dataplane.insert_member(PATHS, Member(9, send(1))),
        lambda: dataplane.modify_member(PATHS, Member(1, send(3))),
        lambda: dataplane.delete_member(PATHS, 3),
        lambda: dataplane.insert_group(PATHS, Group(9, (GroupMember(1),))),
        lambda: dataplane.modify_group(PATHS, Group(1, (GroupMember(2),))),
        lambda: dataplane.delete_group(PATHS, 2),
        lambda: dataplane.insert_entry(BALANCED, TableEntry((Exact(2),), MemberRef(2))),
        lambda: dataplane.modify_entry(BALANCED, TableEntry((Exact(1),), MemberRef(2))),
    ]


def prepared(name: str) -> Dataplane:
    dataplane = loaded(name)
    if name == "tables":
        for n in (1, 2):
            dataplane.insert_entry(EXACTLY, exact(n, n))
            dataplane.insert_multicast_group(MulticastGroup(n, (Replica(n),)))
            dataplane.insert_clone_session(CloneSession(n, (Replica(n),)))
    if name == "selector":
        for n in (1, 2, 3):
            dataplane.insert_member(PATHS, Member(n, ActionCall("SelectorIngress.send", (n,))))
        for n in (1, 2):
            dataplane.insert_group(PATHS, Group(n, (GroupMember(1), GroupMember(2))))
        dataplane.insert_entry(BALANCED, TableEntry((Exact(1),), GroupRef(1)))
    return dataplane


def change_all_and_fail(name: str, dataplane: Dataplane, before: list[object]) -> None:
    with dataplane.transaction():
        for change in all_changes(name, dataplane):
            change()
            assert snapshot(dataplane) != before
        dataplane.entries("nowhere")


@pytest.mark.parametrize("name", ["tables", "externs", "selector"])
def test_a_failed_transaction_changes_nothing(name: str) -> None:
    dataplane = prepared(name)
    before = snapshot(dataplane)
    with pytest.raises(UnknownObject):
        change_all_and_fail(name, dataplane, before)
    assert snapshot(dataplane) == before
    for change in all_changes(name, dataplane):
        change()  # the failed attempt left nothing that conflicts


def test_a_transaction_that_succeeds_stays() -> None:
    dataplane = loaded("tables")
    with dataplane.transaction():
        dataplane.insert_entry(EXACTLY, exact(1, 1))
        with dataplane.transaction():
            dataplane.insert_entry(EXACTLY, exact(2, 2))
    assert len(dataplane.entries(EXACTLY)) == 2


def test_writers_get_their_turn_while_frames_pour_in() -> None:
    dataplane = loaded("tables")
    frames = [(1, bytes(4))] * 8
    done = threading.Event()
    bursts = 0

    def pour() -> None:
        nonlocal bursts
        while not done.is_set():
            dataplane.process_burst(frames, 0)
            bursts += 1

    loop = threading.Thread(target=pour)
    loop.start()
    try:
        for n in range(200):
            dataplane.insert_entry(EXACTLY, exact(1, 1, n))
            with dataplane.exclusive():
                dataplane.delete_entry(EXACTLY, (Exact(1), Exact(1)))
    finally:
        done.set()
        loop.join()
    assert bursts > 0


# -- profiles ----------------------------------------------------------------------------------


def test_members_and_groups_are_held_by_their_users() -> None:
    dataplane = prepared("selector")
    with pytest.raises(InUse):
        dataplane.delete_member(PATHS, 1)
    with pytest.raises(InUse):
        dataplane.delete_group(PATHS, 1)
    dataplane.delete_entry(BALANCED, (Exact(1),))
    dataplane.delete_group(PATHS, 1)
    dataplane.delete_group(PATHS, 2)
    dataplane.delete_member(PATHS, 1)


def test_profiles_check_what_they_are_given() -> None:
    dataplane = prepared("selector")
    with pytest.raises(DuplicateEntry):
        dataplane.insert_member(PATHS, Member(1, ActionCall("SelectorIngress.drop")))
    with pytest.raises(BadAction):
        dataplane.insert_member(PATHS, Member(7, ActionCall("SelectorIngress.mark", (1,))))
    with pytest.raises(EntryNotFound):
        dataplane.insert_group(PATHS, Group(7, (GroupMember(99),)))
    with pytest.raises(BadValue):
        dataplane.insert_group(PATHS, Group(7, (GroupMember(1, weight=0),)))
    with pytest.raises(BadValue, match="twice"):
        dataplane.insert_group(PATHS, Group(7, (GroupMember(1), GroupMember(1))))
    with pytest.raises(TableFull):
        dataplane.insert_group(PATHS, Group(7, (GroupMember(1, 3),), max_size=2))
    with pytest.raises(BadAction):
        dataplane.insert_group(MEMBERS, Group(1))
    with pytest.raises(EntryNotFound):
        dataplane.insert_entry(BALANCED, TableEntry((Exact(5),), GroupRef(99)))


def ports_used(dataplane: Dataplane, a: int) -> set[int]:
    frames = [bytes([a, n % 251, n >> 2, n % 256]) + bytes(12) for n in range(300)]
    return {port for f in frames for port, _ in dataplane.process(1, f)}


def test_groups_spread_and_follow_their_ports() -> None:
    dataplane = prepared("selector")
    assert ports_used(dataplane, 1) == {1, 2}
    dataplane.modify_group(PATHS, Group(1, (GroupMember(1, 1, 7), GroupMember(3, 1, 8))))
    assert ports_used(dataplane, 1) == {1, 3}
    dataplane.set_port_status(7, up=False)
    assert ports_used(dataplane, 1) == {3}
    dataplane.set_port_status(7, up=True)
    assert ports_used(dataplane, 1) == {1, 3}
    dataplane.modify_group(PATHS, Group(1))
    assert ports_used(dataplane, 1) == {3}, "an empty group does nothing"


def picked(dataplane: Dataplane, group: int) -> list[int]:
    cells = dataplane.state.profiles[PATHS].groups[group].pick
    return [cell.params[0] if cell.params else 0 for cell in cells]


def test_copies_of_weighted_members_come_in_the_order_in_which_groups_needed_them() -> None:
    dataplane = loaded("selector")
    for port in (1, 2, 3):
        dataplane.insert_member(PATHS, Member(port, ActionCall("SelectorIngress.send", (port,))))
    dataplane.insert_group(PATHS, Group(1, (GroupMember(2, 2), GroupMember(1, 1))))
    dataplane.insert_group(PATHS, Group(2, (GroupMember(3, 1), GroupMember(1, 3))))
    assert picked(dataplane, 1) == [1, 2, 2]
    assert picked(dataplane, 2) == [1, 3, 1, 1]
    dataplane.delete_group(PATHS, 1)
    dataplane.insert_group(PATHS, Group(3, (GroupMember(3, 2), GroupMember(1, 3))))
    assert picked(dataplane, 3) == [1, 3, 3, 1, 1], "the copy takes the handle that became free"


def test_weights_count() -> None:
    dataplane = prepared("selector")
    sets = tuple(
        WeightedAction(ActionCall("SelectorIngress.send", (port,)), weight)
        for port, weight in ((1, 1), (2, 3))
    )
    dataplane.insert_entry(BALANCED, TableEntry((Exact(9),), ActionSet(sets)))
    ports = [
        dataplane.process(1, bytes([9, n % 256, n >> 3 & 255, n * 7 % 256]) + bytes(12))[0][0]
        for n in range(2000)
    ]
    share = ports.count(2) / len(ports)
    assert 0.7 < share < 0.8


# -- arrays, meters ----------------------------------------------------------------------------


def test_indices_have_bounds() -> None:
    dataplane = loaded("externs")
    for index in (-1, 16):
        with pytest.raises(BadIndex) as caught:
            dataplane.counter("ExternIngress.seen", index)
        assert caught.value.size == 16
        with pytest.raises(BadIndex):
            dataplane.write_register("ExternIngress.cells", index, 0)
    with pytest.raises(BadIndex):
        dataplane.set_meter("ExternIngress.pace", 4, None)
    with pytest.raises(BadValue):
        dataplane.write_register("ExternIngress.cells", 0, 1 << 32)
    with pytest.raises(BadValue):
        dataplane.set_meter("ExternIngress.pace", 0, MeterConfig(2, 1, 1, 1))


def test_registers_and_counters_are_what_frames_make_of_them() -> None:
    dataplane = loaded("externs")
    dataplane.write_register("ExternIngress.cells", 3, 100)
    frame = bytes([0, 0, 0, 0, 0, 9, 0, 5, 0, 3, 0, 0, 0, 0]) + bytes(6)
    dataplane.process(1, frame)
    dataplane.process(1, frame)
    assert dataplane.register("ExternIngress.cells", 3) == 110
    assert dataplane.register("ExternIngress.wide_cells", 1) == 9
    assert dataplane.counter("ExternIngress.seen", 3) == CounterData(2, 40)


def test_a_counter_is_set_to_what_leaves_room_to_count() -> None:
    dataplane, name = loaded("externs"), "ExternIngress.seen"
    for count in (-1, MAX_COUNT + 1, (1 << 63) - 1, 1 << 70):
        for data in (CounterData(count, 0), CounterData(0, count)):
            with pytest.raises(BadValue, match=f"'{name}': counts have to be in 0"):
                dataplane.write_counter(name, 3, data)
    assert dataplane.counter(name, 3) == CounterData(0, 0)
    dataplane.write_counter(name, 3, CounterData(MAX_COUNT, MAX_COUNT))
    dataplane.process(1, bytes([0, 0, 0, 0, 0, 9, 0, 5, 0, 3]) + bytes(10))
    assert dataplane.counter(name, 3) == CounterData(MAX_COUNT + 1, MAX_COUNT + 20)


def test_direct_counters_and_meters_belong_to_entries() -> None:
    dataplane = loaded("externs", clock=Clock())
    table, key = "ExternIngress.entries_", (Exact(3),)
    dataplane.insert_entry(table, TableEntry(key, ActionCall("ExternIngress.note")))
    frame = bytes(9) + b"\3" + bytes(10)
    dataplane.set_direct_meter(table, key, MeterConfig(0, 20, 0, 40))
    colors = [dataplane.process(1, frame, now=5 * S)[0][1][37] for _ in range(3)]
    assert colors == [0, 1, 2]
    assert dataplane.direct_counter(table, key) == CounterData(3, 60)
    dataplane.write_direct_counter(table, key, CounterData(1, 2))
    assert dataplane.direct_counter(table, key) == CounterData(1, 2)
    assert dataplane.direct_meter(table, key) == MeterConfig(0, 20, 0, 40)
    with pytest.raises(EntryNotFound):
        dataplane.direct_counter(table, (Exact(4),))


# -- digests, packet I/O, timeouts, value sets -----------------------------------------------------


def test_digests_reach_the_subscriber() -> None:
    dataplane = loaded("externs")
    seen: list[DigestSample] = []
    dataplane.on_digest = seen.append
    dataplane.process(7, bytes([0, 0, 0, 0, 0, 9, 0, 0, 0, 2]) + bytes(10))
    (sample,) = seen
    assert sample.values == (9, 2, 7)


def test_packet_out_enters_at_the_cpu_port_and_packet_in_leaves_there() -> None:
    dataplane = loaded("wire", cpu_port=2)
    inward: list[bytes] = []
    woken: list[int] = []
    dataplane.on_packet_in = inward.append
    dataplane.on_packet_out = lambda: woken.append(1)
    dataplane.packet_out(b"from the controller")
    assert woken == [1]
    assert dataplane.process_burst([(1, b"from port 1")], 0) == [(1, b"from the controller")]
    assert inward == [b"from port 1"]
    with pytest.raises(BadValue):
        loaded("wire").packet_out(b"")


def test_idle_entries_are_reported_once_per_idle_period() -> None:
    clock = Clock()
    dataplane = loaded("tables", clock=clock)
    dataplane.insert_entry(EXACTLY, exact(1, 1, idle_timeout_ns=2 * S))
    dataplane.insert_entry(EXACTLY, exact(2, 2))
    clock.now += 2 * S - 1
    assert dataplane.idle_entries() == []
    dataplane.process(1, bytes([1, 0, 1, 0]))
    clock.now += S
    assert dataplane.time_since_last_hit(EXACTLY, (Exact(1), Exact(1))) == S
    assert dataplane.idle_entries() == []
    clock.now += S
    assert [e.key for _, e in dataplane.idle_entries()] == [(Exact(1), Exact(1))]
    clock.now += S
    assert dataplane.idle_entries() == []
    dataplane.process(1, bytes([1, 0, 1, 0]))
    clock.now += 2 * S
    assert len(dataplane.idle_entries()) == 1


def test_value_sets_steer_the_parser() -> None:
    dataplane = loaded("tables")
    name = "TableParser.wanted"
    assert dataplane.process(1, bytes([5, 0, 0, 0]))[0][1][-1] == 0
    dataplane.set_value_set(name, [ValueSetMember(4, 0xFE)])
    assert dataplane.process(1, bytes([5, 0, 0, 0]))[0][1][-1] == 0xEE
    assert dataplane.process(1, bytes([6, 0, 0, 0]))[0][1][-1] == 0
    dataplane.set_value_set(name, [])
    assert dataplane.process(1, bytes([5, 0, 0, 0]))[0][1][-1] == 0
    with pytest.raises(BadValue):
        dataplane.set_value_set(name, [ValueSetMember(256)])
    with pytest.raises(UnknownObject):
        dataplane.set_value_set("nowhere", [])


@pytest.mark.parametrize(
    "group",
    [
        MulticastGroup(0, (Replica(1),)),
        MulticastGroup(1 << 15, ()),
        MulticastGroup(1, (Replica(1), Replica(1))),
        MulticastGroup(1, (Replica(1 << 16),)),
        MulticastGroup(1, (Replica(1, 1 << 16),)),
    ],
)
def test_multicast_groups_that_cannot_be(group: MulticastGroup) -> None:
    with pytest.raises(BadValue):
        Dataplane(PythonEngine()).insert_multicast_group(group)


def test_your_call_is_wrong_apart_from_it_did_not_work() -> None:
    assert not issubclass(RequestError, StateError)
    assert issubclass(BadMatch, RequestError)
    assert issubclass(TableFull, StateError)
