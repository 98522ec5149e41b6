"""One case for each test program and for the VXLAN switch: its entries, and its frames from a seed.

A frame must not make a program look at a field of an invalid header: what is read there is
undefined, and BMv2 shows values of an earlier frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from google.protobuf import text_format
from p4.config.v1.p4info_pb2 import P4Info

from tests.v1switch import corpus
from tests.v1switch.cases import Case, Entries, Frame
from tests.v1switch.random_entries import Maker, Pool, changed, packed
from v1switch.program import Program, load_file
from v1switch.state.entries import ActionCall, CloneSession, MeterConfig, MulticastGroup, Replica

COMPILED = Path(__file__).with_name("programs") / "compiled"
VXLAN = Path(__file__).parents[2] / "p4" / "compiled" / "falcon_vtep.json"
SEED = 20_21
UNORDERED = {"replication", "copies"}

Scenario = Callable[[random.Random, Program, Entries], list[Frame]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    """Register what makes the case of the program that it is named after."""
    SCENARIOS[make.__name__.rstrip("_")] = make
    return make


def program_path(name: str) -> Path:
    """The compiled program that a case is of."""
    return VXLAN if name == "falcon_vtep" else COMPILED / f"{name}.json"


def case(name: str, seed: int = SEED) -> Case:
    """The case of a program."""
    path, entries = program_path(name), Entries()
    frames = SCENARIOS[name](random.Random(seed), load_file(path), entries)
    return Case(path, entries, frames, name not in UNORDERED)


def _corpus(name: str, least: int, more: int = 80, most: int = 160) -> None:
    """Register a program whose frames are those of its corpus, plain and changed."""

    def make(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
        frames = corpus.vectors(name, rng.getrandbits(16))
        some = rng.sample(frames, min(most, len(frames)))
        return some + changed(rng, frames, more, least)

    SCENARIOS[name] = make


_corpus("wire", 0, 20)
_corpus("parser", 0)
_corpus("arithmetic", 46, 40, 60)
_corpus("matching", 10)
_corpus("headers", 14)


@scenario
def loops(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = corpus.vectors("loops", rng.getrandbits(16))
    more = changed(rng, frames, 60, 14)
    return frames + [f for f in more if f[1][0] != 255]  # rounds without end


@scenario
def externs(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = corpus.vectors("externs", rng.getrandbits(16))
    return frames + changed(rng, frames, 80, 14)


@scenario
def stacks(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = corpus.vectors("stacks", rng.getrandbits(16))
    return frames + [f for f in changed(rng, frames, 120, 20, keep=3) if f[1][0] != 8]


@scenario
def dropping(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    firsts = (0, 1, 2, 3, 255)
    return [(1, bytes([first, rng.choice([0, 255])]) + b"rest") for first in firsts * 6]


def _replicate(rng: random.Random, entries: Entries) -> None:
    """Groups and sessions with several replicas on a port, on several ports, and with none."""
    entries.multicast += [
        MulticastGroup(1, tuple(Replica(2, rid) for rid in (1, 2, 3))),
        MulticastGroup(5, (Replica(2, 1), Replica(3, 2), Replica(4, 2))),
        MulticastGroup(7, (Replica(1, 9), Replica(4, 0xFFFF), Replica(1, 2))),
    ]
    entries.clones += [
        CloneSession(1, (Replica(3, 1),)),
        CloneSession(2, (Replica(3, 1), Replica(3, 2), Replica(4, 5))),
        CloneSession(5, (Replica(1, 7),)),
    ]


@scenario
def replication(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    _replicate(rng, entries)
    return corpus.vectors("replication", rng.getrandbits(16))


@scenario
def copies(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    _replicate(rng, entries)
    orders = [(a, b, arg) for a in range(9) for b in range(7) for arg in (1, 2, 5, 7)]
    chosen = [*rng.sample(orders, 120), (1, 2, 99), (2, 1, 99)]
    return [
        (rng.choice([1, 2]), bytes([*order, 0]) + rng.randbytes(rng.randrange(12, 20)))
        for order in chosen
    ]


def _tables(rng: random.Random, program: Program, entries: Entries, count: int) -> Pool:
    pool = Pool(rng)
    Maker(program, _p4info(program), pool).fill(entries, count)
    return pool


def _p4info(program: Program) -> P4Info:
    path = COMPILED / f"{Path(program.name).stem}.p4info.txtpb"
    return text_format.Parse(path.read_text(), P4Info())


@scenario
def tables(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = _tables(rng, program, entries, 8)
    entries.value_sets += [("TableParser.wanted", value) for value in (0, 1)]
    frames = [(1, packed(program, "key", pool) + rng.randbytes(6)) for _ in range(120)]
    return frames + changed(rng, frames, 60, 4)


@scenario
def rules(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = _tables(rng, program, entries, 20)
    ((keyless, action),) = (
        (t.name, program.actions[t.actions[0]].name)
        for t in program.tables.values()
        if t.name.endswith(".keyless")
    )
    entries.defaults.append((keyless, ActionCall(action, (0x1234,))))
    frames = [(1, packed(program, "key", pool) + bytes([pool.pick(8)]) * 3) for _ in range(160)]
    return frames + changed(rng, frames, 80, 23)


@scenario
def selector(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = _tables(rng, program, entries, 12)
    return [(1, packed(program, "key", pool) + rng.randbytes(12)) for _ in range(120)]


@scenario
def selectors(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = _tables(rng, program, entries, 14)
    frames = [(1, packed(program, "key", pool) + rng.randbytes(4)) for _ in range(160)]
    return frames + changed(rng, frames, 40, 22)


@scenario
def pacing(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    """Rates of 0 and 1 a second, so that only the bursts decide the colours."""
    _tables(rng, program, entries, 6)
    bursts = [MeterConfig(0, 3, 0, 5), MeterConfig(0, 0, 0, 2), MeterConfig(0, 4, 0, 4)]
    weights = [MeterConfig(0, 64, 0, 130), MeterConfig(0, 0, 0, 64), MeterConfig(0, 200, 0, 200)]
    entries.meters += [("PaceIngress.by_packets", n, bursts[n]) for n in range(3)]
    entries.meters += [("PaceIngress.by_bytes", n + 1, weights[n]) for n in range(3)]
    entries.meters.append(("PaceEgress.leaving", 0, MeterConfig(0, 500, 0, 900)))
    for number, (table, _) in enumerate(entries.tables):
        chosen = bursts if table.endswith(".pace") else weights
        entries.direct_meters.append((number, rng.choice(chosen)))
    keys = [0, 255, 127, 1, *rng.sample(range(256), 2)]
    return [
        (1, bytes([rng.randrange(5), rng.choice(keys)]) + rng.randbytes(rng.randrange(12, 24)))
        for _ in range(120)
    ]


@scenario
def digests(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    return [
        (
            rng.choice([1, 2, 3]),
            bytes([rng.randrange(16), *n.to_bytes(2, "big")]) + rng.randbytes(18),
        )
        for n in range(60)
    ]


@scenario
def numbers(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = Pool(rng)
    frames = [(1, packed(program, "in_", pool) + b"tail") for _ in range(35)]
    return frames + [(1, rng.randbytes(110)) for _ in range(10)]


@scenario
def cells(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = []
    for _ in range(80):
        what = rng.choice([0, rng.randrange(128, 137)])
        rest = rng.randbytes(6 + 15) + rng.randbytes(rng.randrange(7, 12))
        frames.append((1, bytes([rng.choice([0, 1, 3, 5, 7, 8, 9, 255]), what]) + rest))
    return frames


@scenario
def sums(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = []
    for _ in range(100):
        first, kind = rng.getrandbits(8), rng.getrandbits(4)
        head = bytes([first, kind]) + rng.randbytes(2)
        rest = rng.randbytes(8 + 4 * (first & 3))
        check = rng.choice([bytes(2), rng.randbytes(2), _internet_sum(head + rest)])
        l4 = bytes([rng.getrandbits(8), rng.choice([0, 128])]) + rng.randbytes(2 + 16 + 9)
        tail = rng.randbytes(rng.randrange(6))
        frames.append((1, head + check + rest + (l4 if kind & 2 else b"") + tail))
    return frames + changed(rng, frames, 60, 14)


def _internet_sum(data: bytes) -> bytes:
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return (~(total % 0xFFFF) & 0xFFFF).to_bytes(2, "big")


@scenario
def variable(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    orders = [(what, length) for what in range(10) for length in (0, 8, 24, 128, 136, 12, 13, 208)]
    frames = []
    for what, length in orders + [(7, 0)] * 40:
        skip, tail = rng.choice([0, 0, 0, 8, 16, 4]), rng.choice([0, 1])
        body = rng.randbytes(skip // 8)
        if what != 7:
            body += rng.randbytes(2 + length // 8)
        if what != 7 and tail:
            body += rng.choice([b"\xa0", b"\x01", b"\xe0"])
        for _ in range(rng.randrange(5)):
            kind = rng.choice([1, 1, 2, 0x13, 0x28, 0x49])
            body += bytes([kind]) + (rng.randbytes(kind & 15) if kind > 1 else b"")
        frames.append((1, bytes([what, length, skip, tail]) + body + b"\0" + rng.randbytes(6)))
    return frames + changed(rng, frames, 60, 4, keep=1)


@scenario
def nested(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    entries.value_sets += [("NestedParser.items.stops", 9), ("NestedParser.kinds", 7)]
    entries.value_sets += [("NestedParser.kinds", 8), ("NestedParser.pairs", 0x031234)]
    frames = []
    for _ in range(110):
        lists = rng.randrange(5)
        head = bytes([lists, rng.choice([3, 4])]) + rng.choice([b"\x12\x34", b"\x12\x35"])
        body = b""
        for _ in range(lists):
            count = rng.randrange(4)
            body += bytes([count, rng.choice([7, 8, 1, 1, 1, 0])])
            body += b"".join(
                (rng.choice([1, 2, 9]) << 12 | rng.getrandbits(8)).to_bytes(2, "big")
                for _ in range(count)
            )
        frames.append((1, head + body + rng.randbytes(rng.randrange(4))))
    return frames + changed(rng, frames, 60, 4)


@scenario
def lasts(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    orders = [(what, at, depth) for what in range(12) for at in range(4) for depth in range(1, 6)]
    frames = []
    for what, at, depth in rng.sample(orders, 170):
        if what == 5 and at >= depth:
            continue  # a field of an invalid header
        items = b"".join(
            bytes([rng.choice([1, 2, 9, 0x70, 0x7F]) | (n == depth - 1) << 7])
            + rng.choice([b"\1\2", rng.randbytes(2)])
            for n in range(depth)
        )
        frames.append((1, bytes([what, at, 1]) + items + rng.randbytes(4)))
    return frames + changed(rng, frames, 60, 19, keep=3)


@scenario
def legacy(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    frames = []
    for _ in range(120):
        what, at = rng.randrange(8) | rng.choice([0, 64, 128]), rng.randrange(3)
        numbers = [
            rng.choice([0, 1, 0x7FFF, 0x8000, 0xFFFF, rng.getrandbits(16)]) for _ in range(20)
        ]
        body = b"".join(n.to_bytes(2, "big") for n in numbers) + rng.randbytes(1)
        first = rng.randbytes(2) if what & 128 else b""
        if what & 64:
            length = rng.getrandbits(8)
            first = bytes([length]) + rng.randbytes(length & 7)
        items = b"\1" * rng.randrange(4) + b"\2"
        frames.append((1, bytes([what, at]) + rng.randbytes(2) + body + first + items + b"tail"))
    return frames


@scenario
def hashes(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    """Texts of every length; half of the verified sums are right, a quarter in their low bits."""
    pool = _tables(rng, program, entries, 8)
    frames = []
    for length in [*range(101)] * 2:
        high = rng.choice([bytes(6) + rng.randbytes(2), rng.randbytes(8)])
        flow = rng.choice([high[6:], rng.randbytes(2)])
        head = bytes([pool.pick(8)]) + flow + high + rng.randbytes(8)
        frames.append((1, head + bytes([length]) + rng.randbytes(length) + b"tail"))
    return frames


@scenario
def older(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    pool = _tables(rng, program, entries, 20)
    frames = []
    for _ in range(120):
        size = rng.choice([20, 24])
        head = bytes([0x40 | size // 4, pool.pick(8)]) + rng.randbytes(6)
        head += bytes([rng.getrandbits(8), pool.pick(8)])
        addresses = b"".join(pool.pick(32).to_bytes(4, "big") for _ in range(2))
        check = rng.choice([_internet_sum(head + addresses), bytes(2), b"\xff\xff"])
        packet = head + check + addresses + rng.randbytes(size - 20) + rng.randbytes(8)
        frames.append((1, rng.randbytes(12) + rng.choice([b"\x08\0", b"\x86\xdd"]) + packet))
    return frames + changed(rng, frames, 60, 14)


@scenario
def unions(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    orders = [(what, at, tag) for what in range(15) for at in range(3) for tag in (0, 1, 2)]
    frames = []
    for what, at, tag in orders:
        depth = rng.choice([0, 1, 2, 3, 3, 3, 4])
        items = b"".join(_union_item(rng, n == depth - 1) for n in range(depth))
        first = rng.randbytes((0, 2, 5)[tag])
        frames.append((1, bytes([what, at, tag]) + first + items + bytes(4)))
    return frames + changed(rng, frames, 60, 3, keep=3)


def _union_item(rng: random.Random, last: bool) -> bytes:
    if rng.random() < 0.5:
        return bytes([0x11, 0xFF if last else rng.randrange(255)])
    return b"\x22" + (b"\xff\xff" if last else rng.randbytes(2)) + rng.randbytes(2)


@scenario
def falcon_vtep(rng: random.Random, program: Program, entries: Entries) -> list[Frame]:
    from tests.v1switch import vxlan  # needs Scapy, which replaying golden files does not

    vxlan.fill(program, entries)
    return vxlan.frames(rng)
