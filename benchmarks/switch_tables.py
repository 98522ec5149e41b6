"""Large tables: how fast entries go in over P4Runtime, and what a look-up costs among them.

The program is tests/v1switch/programs/lookups.p4, with a table of each kind and a frame without a
look-up to compare with. Every frame's key is a random entry's, and only that one matches:

* exact: 64 bits, spread over their range;
* lpm: prefixes of 33 to 64 bits, 32 lengths in equal shares;
* ternary: 64 masks in equal shares, priorities all different.

A frame's time is the processor time of the switch, its socket calls included, divided by the frames
that came out: the generator does not limit it, and frames that the switch waits for are not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from p4.v1 import p4runtime_pb2 as rt

from benchmarks.switch_engines import Cores, Engine, Pinned
from benchmarks.switch_load import PROBE, Generator
from tests.switch.harness import Sandbox
from tests.switch.harness_client import INSERT, SwitchClient
from tests.v1switch.twin import COMPILED

BATCH = 100  # updates in a Write
SINGLES = 500
BURST, RATE = 10_000, 50_000  # frames, frames a second
RUNS = 3  # the best counts: other load on the machine only makes frames slower
SPREAD = 0x9E37_79B9_7F4A_7C15  # odd, so n * SPREAD mod 2^64 repeats nothing; its high bits neither
ONES = (1 << 64) - 1
HIGH = ONES ^ 0xFFFF_FFFF

Entry = tuple[Any, int, int]
"""The key's match, the priority, and a key that it matches."""


def exact(n: int) -> Entry:
    """The n-th entry of the exact table."""
    key = n * SPREAD & ONES
    return key, 0, key


def lpm(n: int) -> Entry:
    """The n-th entry of the lpm table."""
    free = 31 - n % 32
    key = n * SPREAD & ONES
    return (key >> free << free, 64 - free), 0, key


def ternary(n: int) -> Entry:
    """The n-th entry of the ternary table."""
    mask = HIGH | (n % 64) * 0x9E37_79B1 & 0xFFFF_FFFF
    key = n * SPREAD & ONES
    return (key & mask, mask), n + 1, key


class Kind(NamedTuple):
    """A table, the frames' mark for it, and its entries."""

    table: str
    mark: int
    entry: Callable[[int], Entry]


KINDS = {
    "exact": Kind("exact_table", 0x9001, exact),
    "lpm": Kind("lpm_table", 0x9002, lpm),
    "ternary": Kind("ternary_table", 0x9003, ternary),
}
NO_TABLE = 0x9000


def frame(mark: int) -> bytes:
    """A frame whose number and key the generator fills in."""
    return bytes(12) + mark.to_bytes(2, "big") + PROBE + bytes(40)


def requests(client: SwitchClient, kind: Kind, numbers: range, batch: int) -> list[rt.WriteRequest]:
    """Write requests that insert these entries."""
    made = []
    for first in range(numbers.start, numbers.stop, batch):
        request = rt.WriteRequest(device_id=client.device_id, election_id=client.election_id)
        for n in range(first, min(first + batch, numbers.stop)):
            match, priority, _ = kind.entry(n)
            entry = client.names.entry(
                kind.table, {"key": match}, "send", {"port": 2}, priority=priority
            )
            request.updates.add(type=INSERT).entity.table_entry.CopyFrom(entry)
        made.append(request)
    return made


def write(client: SwitchClient, made: list[rt.WriteRequest]) -> float:
    """Send the requests one after the other; return updates per second."""
    started = time.perf_counter()
    for request in made:
        client.stub.Write(request)
    return sum(len(each.updates) for each in made) / (time.perf_counter() - started)


class Bench(NamedTuple):
    """A running switch with its controller."""

    sandbox: Sandbox
    target: Pinned
    client: SwitchClient

    def frame_us(self, mark: int, keys: list[int]) -> float:
        """The time that a frame takes, in microseconds; keys in turns."""
        words = np.array([int.from_bytes(key.to_bytes(8, "big"), "little") for key in keys], "u8")
        source, sink = self.sandbox.port(1), self.sandbox.port(2)
        # the generator's probe has key 0, that of the first entry
        generator = Generator(source, sink, frame(mark), words.view(np.int64))
        best = min(self._run_us(generator) for _ in range(RUNS))
        generator.close()
        return best

    def _run_us(self, generator: Generator) -> float:
        before = self.target.cpu_seconds()
        trial = generator.run(RATE, BURST / RATE)
        return 1e6 * (self.target.cpu_seconds() - before) / trial.arrived

    def single(self) -> float:
        """Writes per second, one update each, one after the other."""
        self.load()
        return write(self.client, requests(self.client, KINDS["exact"], range(SINGLES), 1))

    def load(self) -> None:
        """Start with empty tables."""
        self.client.load(COMPILED / "lookups.p4info.txtpb", COMPILED / "lookups.json")
        self.target.settle()

    def sizes(self, kind: Kind, sizes: list[int]) -> Iterator[tuple[int, float, float]]:
        """Fill a table step by step; yield entries, writes per second, microseconds a frame."""
        self.load()
        filled = 0
        rng = np.random.default_rng(1)
        for size in sizes:
            rate = write(self.client, requests(self.client, kind, range(filled, size), BATCH))
            filled = size
            keys = [kind.entry(int(n))[2] for n in rng.integers(0, size, 4096)]
            yield size, rate, self.frame_us(kind.mark, keys)


def measure(engine: Engine, cores: Cores, sizes: list[int]) -> dict[str, Any]:
    """Run one engine; return writes per second and microseconds a frame."""
    with (
        Sandbox(ports=2) as sandbox,
        Pinned(engine, sandbox, cores.switch) as target,
        SwitchClient(target.address) as client,
    ):
        bench = Bench(sandbox, target, client)
        figures: dict[str, Any] = {"single_writes_per_second": round(bench.single())}
        figures["no_table_us"] = round(bench.frame_us(NO_TABLE, [0]), 1)
        for name, kind in KINDS.items():
            found = list(bench.sizes(kind, sizes))
            figures[name] = {
                size: {"us": round(us, 1), "writes_per_second": round(rate)}
                for size, rate, us in found
            }
    return figures


def slowest_writes(figures: dict[str, Any]) -> int:
    """The lowest rate of writes: one at a time, and in whole batches of each kind and size."""
    sized = (cells for name in KINDS for cells in figures[name].items())
    rates = [cell["writes_per_second"] for size, cell in sized if size > BATCH]
    return min([int(figures["single_writes_per_second"]), *rates])


def lines(label: str, figures: dict[str, Any]) -> Iterator[str]:
    """One engine's figures for a reader."""
    single = figures["single_writes_per_second"]
    yield f"{label:16} {single:,} writes/s of one entry, one at a time"
    yield f"{label:16} us a frame: no table {figures['no_table_us']:,}"
    for name in KINDS:
        cells = "; ".join(
            f"{size:,} entries {cell['us']:,} ({cell['writes_per_second']:,} writes/s)"
            for size, cell in figures[name].items()
        )
        yield f"{label:16} us a frame: {name} {cells}"
