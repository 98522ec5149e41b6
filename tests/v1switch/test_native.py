"""Machine code against plain Python; `both` compares each frame and the state after it."""

import contextlib
import json
import random
import subprocess
import sys
import weakref
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.p4.world import BROADCAST, M1, MAC, RED, from_m1, inner
from tests.switch.harness import poll
from tests.v1switch.both import Both
from tests.v1switch.broken import FIELD, ZERO, assigning, expression, field, run_first_actions
from tests.v1switch.corpus import CORPORA, vectors
from tests.v1switch.native_helpers import helper
from tests.v1switch.test_fuzz import SAMPLES, vtep
from tests.v1switch.twin import COMPILED, loaded
from v1switch.commands.engines import engine
from v1switch.commands.parsing import AUTO
from v1switch.control.dataplane import Dataplane
from v1switch.engines.native import cache
from v1switch.engines.native import engine as native_engine
from v1switch.engines.native import output as op
from v1switch.engines.native.compile import Compiled, compile_switch, loop_functions
from v1switch.engines.native.engine import Native, NativeEngine
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.working_memory import MAX_FRAMES
from v1switch.engines.python.engine import PythonEngine, PythonForwarder
from v1switch.errors import DuplicateEntry
from v1switch.lower import ir, lower
from v1switch.program import load_file, load_program
from v1switch.program.model import KeyField
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    DigestSample,
    Exact,
    Key,
    Lpm,
    MeterConfig,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
    Ternary,
)
from v1switch.state.lookup import Cell, ExactIndex, LpmIndex, RangeIndex, TernaryIndex
from v1switch.state.meters import METER_WORDS, Meter
from v1switch.state.mirror import Mirror
from v1switch.state.words import address, join, limbs, split, zeros

# -- which engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_machine_code_carries(name: str) -> None:
    both = loaded(name)
    assert isinstance(both, Both)
    for port, frame in vectors(name):
        both.process(port, frame)
    assert set(both.carried) == {"native"}


def test_machine_code_carries_the_vxlan_program() -> None:
    both = vtep()
    for port, frame in SAMPLES:
        both.process(port, frame)
    assert both.carried == {"native": len(SAMPLES)}
    both.process(510, b"\x00\x80" + SAMPLES[0][1])
    assert both.carried["native"] == len(SAMPLES) + 1, "a packet-out is a frame like others"


def test_machine_code_makes_clones_and_frames_for_the_controller() -> None:
    both = vtep()
    heard: list[bytes] = []
    both.on_packet_in = heard.append
    tables = {name.rsplit(".", 1)[-1]: name for name in both.state.tables}
    actions = {a.name.rsplit(".", 1)[-1]: a.name for a in both.state.program.actions.values()}
    keys = both.state.program.tables[tables["tenant_acl"]].key
    any_frame = tuple(Ternary(0, 0) for _ in keys)
    copy = TableEntry(any_frame, ActionCall(actions["permit_and_copy"]), 1)
    both.insert_entry(tables["tenant_acl"], copy)
    before = both.carried["native"]
    assert both.process(*SAMPLES[0]) != []
    assert both.carried["native"] == before + 1, "no clone session: the clone is nothing"
    both.insert_clone_session(CloneSession(510, (Replica(510),)))
    assert len(both.process(*SAMPLES[0])) == 1
    assert len(heard) == 1
    assert set(both.carried) == {"native"}


def test_digests_and_log_messages_come_from_machine_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    both = loaded("externs")
    heard: list[DigestSample] = []
    both.on_digest = heard.append
    port, frame = vectors("externs")[0]
    with caplog.at_level("INFO", logger="v1switch"):
        both.process(port, frame)
    assert both.carried == {"native": 1}
    assert [sample.values for sample in heard] == [
        (int.from_bytes(frame[:6], "big"), frame[9], port)
    ]
    said = f"index {frame[9]} port {port}"
    assert [r.getMessage() for r in caplog.records].count(said) == 2, "once by each engine"


@pytest.mark.parametrize("op", ["assert", "assume"])
def test_an_assertion_that_does_not_hold_is_logged(
    op: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = assigning({"type": "hexstr", "value": "0x7"})
    action = next(each for each in program["actions"] if each["primitives"])
    wrong = expression("==", field(*FIELD), ZERO)
    action["primitives"].append({"op": op, "parameters": [wrong]})
    both = Both()
    both.load(load_program(json.dumps(program)))
    run_first_actions(both)
    caplog.clear()  # of what loading says, where an earlier test has left the level at info
    assert [port for port, _ in both.process(1, bytes(20))] == [7]
    assert both.carried == {"native": 1}
    said = [record.getMessage() for record in caplog.records]
    assert said == ["a P4 assert or assume does not hold"] * 2, "once by each engine"


def test_more_copies_than_there_is_room_for_are_handed_over() -> None:
    both = loaded("replication")
    assert isinstance(both, Both)
    both.insert_multicast_group(
        MulticastGroup(5, tuple(Replica(n, 1) for n in range(MAX_FRAMES + 1)))
    )
    assert len(both.process(1, bytes([1, 5]) + bytes(20))) == MAX_FRAMES + 1
    assert both.carried == {"python": 1}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(NotNative("no room in the test"), "no room in the test"), (KeyError("x"), "a fault here")],
)
def test_a_program_that_cannot_be_compiled_stays_with_python(
    fault: Exception,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(switch: ir.Switch) -> Compiled:
        raise fault

    monkeypatch.setattr(native_engine, "compile_switch", refuse)
    dataplane = Dataplane(NativeEngine(PythonEngine()))
    dataplane.load(load_file(COMPILED / "wire.json"))
    assert isinstance(dataplane.forwarder, PythonForwarder)
    assert dataplane.process(1, b"x" * 20) == [(2, b"x" * 20)]
    (said,) = [r.getMessage() for r in caplog.records]
    assert said.endswith(f"stays with plain Python: {reason}")


def test_code_that_nothing_refers_to_is_freed_by_the_next_compilation() -> None:
    switch = lower(load_file(COMPILED / "wire.json"))
    compiled = compile_switch(switch)
    engine = weakref.ref(compiled.code.engine)
    del compiled
    assert engine() is not None, "not by whoever had the last reference: it would wait for LLVM"
    compile_switch(switch)
    assert engine() is None


def test_machine_code_takes_over_while_frames_are_carried() -> None:
    with engine(AUTO) as upgrading:
        dataplane = Dataplane(upgrading)
        dataplane.load(load_file(COMPILED / "wire.json"))
        assert dataplane.process(1, b"x" * 20) == [(2, b"x" * 20)]
        poll(lambda: isinstance(dataplane.forwarder, Native), "machine code", 120.0)
        assert dataplane.process(1, b"x" * 20) == [(2, b"x" * 20)]


ENDING = """
import threading, time
from v1switch.engines.native import compile, machine

inside = threading.Event()

def optimise(*_):
    inside.set()
    time.sleep(0.5)
    print("optimised", flush=True)

machine.optimise = optimise
threading.Thread(target=compile.object_code, args=("",), daemon=True).start()
inside.wait()
"""


def child(source: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python source in a process, which finds the helpers compiled."""
    cache.helpers()
    return subprocess.run(
        [sys.executable, "-c", source],
        timeout=120,
        capture_output=True,
        check=False,
    )


def test_a_process_does_not_end_while_llvm_is_at_work_in_it() -> None:
    ended = child(ENDING)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"optimised\n", b"")


# -- state -----------------------------------------------------------------------------------------

PLAIN = 0x00112233445566778899AABBCCDDEEFF  # a header that the parser does not extract
FIELDS = (8, 128)
PARTS = st.tuples(
    st.integers(0, 3), st.sampled_from([0, 1, 1 << 31, 1 << 40, 1 << 127, (1 << 128) - 1])
)


def matches(kind: str) -> st.SearchStrategy[Key]:
    if kind == "exact":
        return PARTS.map(lambda p: (Exact(p[0]), Exact(p[1])))
    if kind == "lpm":
        lengths = st.sampled_from([0, 1, 64, 88, 127, 128])
        return st.tuples(PARTS, lengths).map(
            lambda x: (Exact(x[0][0]), Lpm(x[0][1] >> 128 - x[1] << 128 - x[1], x[1]))
        )
    if kind == "range":
        return st.tuples(PARTS, PARTS).map(
            lambda x: tuple(Range(*sorted(pair)) for pair in zip(*x, strict=True))
        )
    masks = st.tuples(st.sampled_from([0, 1, 255]), st.sampled_from([0, 1 << 127, (1 << 128) - 1]))
    return st.tuples(PARTS, masks).map(
        lambda x: tuple(Ternary(v & m, m) for v, m in zip(*x, strict=True))
    )


INDEXES = {
    "exact": (ExactIndex, "find_first"),
    "lpm": (LpmIndex, "find_first"),
    "ternary": (TernaryIndex, "find_best"),
    "range": (RangeIndex, "find_listed"),
}
RANKED = ("ternary", "range")


def best(cells: list[tuple[Key, Cell]], value: tuple[int, int]) -> Cell | None:
    """A search through all: the longest prefix, then the highest rank."""
    found = []
    for key, cell in cells:
        length = 0
        for match, part in zip(key, value, strict=True):
            if isinstance(match, Lpm):
                length = match.prefix_len
                fits = part >> 128 - length == match.value >> 128 - length
            elif isinstance(match, Range):
                fits = match.low <= part <= match.high
            else:
                fits = part & getattr(match, "mask", -1) == match.value
            if not fits:
                break
        else:
            found.append((length, cell.rank, cell))
    return max(found, key=lambda f: f[:2])[2] if found else None


@settings(max_examples=examples(200), deadline=None)
@given(st.data(), st.sampled_from(sorted(INDEXES)))
def test_look_ups_in_words_find_what_a_search_finds(data: st.DataObject, kind: str) -> None:
    make, find = INDEXES[kind]
    index = make(FIELDS)
    mirror = Mirror(index, FIELDS)
    cells: list[tuple[Key, Cell]] = []
    for number in range(data.draw(st.integers(0, 30))):
        if cells and data.draw(st.booleans()):
            key, cell = cells.pop(data.draw(st.integers(0, len(cells) - 1)))
            index.remove(key, cell)
        else:
            key, cell = data.draw(matches(kind)), Cell()
            if kind not in RANKED and any(key == other for other, _ in cells):
                continue
            cell.set_rank(data.draw(st.integers(0, 2)) if kind in RANKED else 0, number)
            index.insert(key, cell)
            cells.append((key, cell))
        mirror.update(key)
    for _ in range(8):
        value = data.draw(PARTS)
        words = array("q", limbs(value, FIELDS))
        found = helper(find)(address(mirror.words), address(words), len(words))
        expected = best(cells, value)
        assert found == (0 if expected is None else address(expected.words))


class Log:
    """The words of `out` that the undo log needs, with room for so many changes."""

    def __init__(self, room: int = 100) -> None:
        self.words, self._changes = zeros(op.OUT_WORDS), zeros(2 * room)
        self.words[op.UNDO_AT], self.words[op.MAX_UNDO] = address(self._changes), room
        self.address = address(self.words)


def test_changes_are_taken_back_the_last_one_first() -> None:
    state, log, change = array("q", [1, 2]), Log(), helper("change")
    first, second = address(state), address(state) + 8
    for where, value in ((first, 10), (second, 20), (first, 11), (first, 12)):
        change(log.address, where, value)
    assert state.tolist() == [12, 20]
    loop_functions()["undo"](log.address)
    assert state.tolist() == [1, 2]


def test_without_room_for_its_changes_a_frame_is_handed_over() -> None:
    state, log, change = array("q", [0]), Log(room=3), helper("change")
    for _ in range(3):
        change(log.address, address(state), 1)
    assert not log.words[op.OVERFULL]
    change(log.address, address(state), 2)
    assert (log.words[op.OVERFULL], state[0]) == (1, 1)


def test_the_older_of_equal_rules_wins_from_whatever_table_it_comes() -> None:
    index = TernaryIndex((8,))
    mirror = Mirror(index, (8,))
    cells = {}
    rules = [("best", 1, 255, 2), ("older", 2, 254, 1), ("newer", 2, 255, 1)]
    for sequence, (name, value, mask, priority) in enumerate(rules):
        cells[name] = Cell()
        cells[name].set_rank(priority, sequence)
        index.insert((Ternary(value, mask),), cells[name])
        mirror.update((Ternary(value, mask),))
    key = array("q", [2])
    found = helper("find_best")(address(mirror.words), address(key), 1)
    assert found == address(cells["older"].words), "the newer one's table is looked at first"


@settings(deadline=None)
@given(st.lists(st.integers(0, (1 << 63) - 1), min_size=1, max_size=6))
def test_both_sides_hash_alike(key: list[int]) -> None:
    widths = [63] * len(key)
    index = ExactIndex(widths)
    mirror, cell = Mirror(index, widths), Cell()
    match = tuple(map(Exact, key))
    index.insert(match, cell)
    mirror.update(match)
    words = array("q", key)
    found = helper("find_first")(address(mirror.words), address(words), len(key))
    assert found == address(cell.words)


@given(st.integers(0, (1 << 200) - 1), st.integers(1, 200))
def test_words_join_to_the_number(value: int, width: int) -> None:
    value &= (1 << width) - 1
    assert join(split(value, width)) == value


RATES = st.one_of(st.integers(0, 10_000_000), st.just((1 << 63) - 1))


@settings(deadline=None)
@given(
    st.tuples(RATES, RATES).map(sorted),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 1500)), max_size=20),
)
def test_meters_paint_alike(
    rates: list[int], cburst: int, pburst: int, by_bytes: bool, packets: list[tuple[int, int]]
) -> None:
    config = MeterConfig(rates[0], cburst, rates[1], pburst)
    plain, coded = Meter(by_bytes, 5), Meter(by_bytes, 5)
    log, colour, now = Log(), helper("colour"), 5
    for meter in (plain, coded):
        meter.configure(config)
    for gap, length in packets:
        now += gap
        where = address(coded.words)
        assert colour(log.address, where, length, now) == plain.execute(length, now)
        assert coded.words == plain.words
    assert len(plain.words) == METER_WORDS


# -- frames ----------------------------------------------------------------------------------------


def test_wide_numbers() -> None:
    both = loaded("words")
    assert isinstance(both, Both)
    rng = random.Random(3)
    ends = [
        0,
        1,
        (1 << 127),
        (1 << 128) - 1,
        0x00112233445566778899AABBCCDDEEFF,
        rng.getrandbits(128),
    ]
    call = {n: ActionCall(f"WordIngress.found_{n}", (7,)) for n in ("exact", "longest", "pattern")}
    for a, length in zip(ends[:4], (128, 0, 58, 1), strict=True):
        exactly = TableEntry((Exact(a), Exact(a >> 60)), call["exact"])
        both.insert_entry("WordIngress.exactly", exactly)
        prefix = Lpm(a >> 128 - length << 128 - length, length)
        both.insert_entry("WordIngress.longest", TableEntry((prefix,), call["longest"]))
    masks = (Ternary(1 << 127, 1 << 127), Ternary(0, 1))
    both.insert_entry("WordIngress.patterned", TableEntry(masks, call["pattern"], 9))
    params = ActionCall("WordIngress.with_wide", ((1 << 128) - 5, (1 << 64) - 1))
    both.insert_entry("WordIngress.parameters", TableEntry((Exact(3),), params))
    for _ in range(400):
        words = [rng.choice(ends), rng.choice(ends)]
        longs = [rng.choice([0, 1, 1 << 63, (1 << 64) - 1, rng.getrandbits(64)]) for _ in range(4)]
        frame = b"".join(w.to_bytes(16, "big") for w in words)
        frame += b"".join(n.to_bytes(8, "big") for n in longs[:3])
        frame += rng.choice([words[0] >> 60 & (1 << 72) - 1, rng.getrandbits(72)]).to_bytes(
            9, "big"
        )
        frame += longs[3].to_bytes(8, "big") + bytes([rng.choice([0, 3, 7, 64, 70])])
        both.process(1, frame + rng.randbytes(20))
    assert both.carried == {"native": 400}


def rule(rng: random.Random, fields: tuple[KeyField, ...]) -> Key:
    """An ACL rule that is about the frames below, or nearly so."""
    values = {"vni": RED, "ether_type": 0x800, "src": 0x0A000011, "dst": 0x0A000021}
    values |= {"protocol": 17, "l4_src": 4000, "l4_dst": 5000, "fragment": 0}
    key = []
    for each in fields:
        ones = (1 << each.width) - 1
        mask = rng.choice([0, 0, ones, ones >> 1 << 1, ones & 0xFFFF])
        key.append(Ternary((values[each.name] ^ rng.choice([0, 0, 0, 1])) & mask, mask))
    return tuple(key)


@pytest.mark.parametrize("seed", range(10))
def test_rules_and_meters_of_the_vxlan_program(seed: int) -> None:
    rng, both = random.Random(seed), vtep()
    tables = {name.rsplit(".", 1)[-1]: name for name in both.state.tables}
    actions = {a.name.rsplit(".", 1)[-1]: a.name for a in both.state.program.actions.values()}
    acl = tables["tenant_acl"]
    for number in range(8):
        call = ActionCall(actions[rng.choice(["permit", "deny"])])
        with contextlib.suppress(DuplicateEntry):
            key = rule(rng, both.state.program.tables[acl].key)
            both.insert_entry(acl, TableEntry(key, call, number % 3))
    both.set_direct_meter(tables["tenant"], (Exact(RED),), MeterConfig(1000, 1500, 2000, 3000))
    now = 0
    for _ in range(40):
        now += rng.randrange(10**9)
        sport, dst = rng.choice([4000, 4001, 7]), rng.choice([MAC[2], BROADCAST])
        both.process(M1, from_m1(inner(1, dst, 200, sport=sport), RED), now)
    assert both.carried == {"native": 40}
