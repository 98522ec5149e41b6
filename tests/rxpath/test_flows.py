"""Numbers of the live path's flows: against a dict, and counted as under the virtual clock."""

from collections import OrderedDict
from typing import Any

import live_frames as lf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_live_replay import DILATION, config, deliveries, live_run, load, outcome
from test_observe import Caller

from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.live import flows
from rxpath.live.host import Host, replay
from rxpath.live.observing import Observing
from rxpath.model.state import codes
from rxpath.wire.afpacket import BATCH
from tests.examples import examples

SLOTS = 3


class Twin:
    """What `flows` is to do: a dict of numbers, and the flows without frames by age."""

    def __init__(self, count: int) -> None:
        self.free = list(range(count))[::-1]
        self.numbers: dict[Any, int] = {}
        self.idle: OrderedDict[Any, None] = OrderedDict()
        self.inside: list[Any] = []

    def seen(self, key: Any, *, taken: bool) -> int:
        if key not in self.numbers:
            if self.free:
                self.numbers[key] = self.free.pop()
            else:
                oldest, _ = self.idle.popitem(last=False)
                self.numbers[key] = self.numbers.pop(oldest)
        self.idle.pop(key, None)
        if taken:
            self.inside.append(key)
        elif key not in self.inside:
            self.idle[key] = None
        return self.numbers[key]

    def left(self, at: int) -> int:
        key = self.inside.pop(at)
        if key not in self.inside:
            self.idle[key] = None
        return self.numbers[key]


def ask(table: flows.Flows, key: tuple[int, int, int]) -> None:
    """A flow of IPv4 or IPv6 addresses that differ in their first or their last bits."""
    first, last, size = key
    asked = table.asked
    asked.who, asked.ports = 1 << 32 | 17 << 8 | size, -1
    asked.ends[0], asked.ends[1] = first, 0
    for i in range(6):
        asked.rest[i] = last if i == 5 else 0


keys = st.tuples(st.integers(0, 2), st.integers(0, 1), st.just(16)) | st.tuples(
    st.integers(0, 3), st.just(0), st.just(4)
)
steps = st.lists(st.tuples(keys, st.booleans()) | st.integers(0, SLOTS - 1), max_size=40)


@settings(deadline=None, max_examples=examples(100))
@given(steps, st.integers(SLOTS + 1, SLOTS + 3), st.sampled_from([None, 1, 2**64 - 1]))
def test_each_flow_has_a_number_of_its_own(steps: list[Any], count: int, seed: int | None) -> None:
    table, twin = flows.make(count, seed or 0), Twin(count)
    if seed is None:
        table.use.keys.array[:] = 0  # all in one bucket
    for step in steps:
        if isinstance(step, int):
            if step < len(twin.inside):
                flows.left(table, twin.left(step))
            continue
        key, taken = step
        taken = taken and len(twin.inside) < SLOTS
        known = key in twin.numbers
        ask(table, key)
        number = flows.find(table)
        assert (number != flows.NONE) == known
        if not known:
            number = flows.take(table)
        (flows.entered if taken else flows.refused)(table, number)
        assert number == twin.seen(key, taken=taken)
        for other, its in twin.numbers.items():
            ask(table, other)
            assert flows.find(table) == its


@pytest.mark.parametrize("slots", [64, 2**14, 2**20])
def test_there_are_more_numbers_than_frame_buffers(slots: int) -> None:
    """So some flow has no frame in the host, and its number can be given to another."""
    assert flows.count_for(slots) > slots


MANY, HEAVY, POOL = 3000, 8, 1024


def frame_of(flow: int) -> bytes:
    """Of UDP flows that differ in one port; inner checksums are left to the container."""
    found = bytearray(lf.vxlan(lf.inner()))
    found[84:86] = flow.to_bytes(2, "big")
    return bytes(found)


def test_numbers_that_are_used_again_change_no_event_and_no_count() -> None:
    """Live with fewer numbers than flows, and under the virtual clock with a number for each."""
    system = {
        "profile": "docker",
        "policy": "falcon",
        "falcon": {"load_interval_ns": 7_000, "threshold": 15, "order": "none"},
    }
    random = np.random.default_rng(7)
    count = 6000
    choice = random.integers(0, MANY, count)
    choice[::2] = random.integers(0, HEAVY, count // 2)
    times = np.cumsum(random.exponential(1200 * DILATION, count)).astype(int)
    head = bytearray(frame_of(0))
    trace = []
    for time, flow in zip(times.tolist(), choice.tolist(), strict=True):
        head[84:86] = flow.to_bytes(2, "big")
        trace.append((time, bytes(head)))
    host = replay(config(**system).model_copy(update={"slots": POOL}))
    host.datapath = host.datapath._replace(flows=flows.make(POOL + 1, 5))
    rows = live_run(host, trace, [BATCH, 7])
    assert host.datapath.flows.use.taken > 0
    assert rows["flow"].max() == POOL
    rows["flow"] = choice
    delivered, lost = outcome(rows)
    model = Model(Knobs.parse(system), slots=POOL, sockets=4, flows=MANY)
    arrivals = virtual.make_trace(
        rows["arrival"],
        rss_hash=rows["rss_hash"],
        flow=choice,
        chain=model.chain("tunnel"),
        protocol=codes.UDP,
        wire_len=rows["wire_len"],
    )
    columns = ["kind", "flow", "socket", "reason", "time", "cpu"]
    events = [one for some in virtual.run(model, arrivals) for one in some[columns].tolist()]
    assert delivered == deliveries(events)
    assert not lost
    assert host.model.stats()["reordered"] == model.stats()["reordered"] > 0


def deliver(host: Host, frames: list[bytes], start: int = 1_000_000) -> None:
    for i, frame in enumerate(frames):
        load(host, i, frame, start)
    host.process_batch(len(frames), start)
    host.process_batch(0, start + 10**10)


def test_an_observer_is_told_of_each_flow_by_itself() -> None:
    """Copies of a broadcast, and frames without IP, are flows of a container and of two MACs."""
    host = replay(config())
    watching, caller = Observing(host), Caller()
    watching.observe({}, caller)
    other = lf.arp()
    other.src = "02:00:00:00:00:98"
    v6 = lf.vxlan(lf.inner6())
    deliver(host, [lf.vxlan(lf.arp()), lf.vxlan(other), v6, v6, *map(frame_of, range(40))])
    told = watching.observe({}, caller)["flows"]
    assert sorted(told["arrived"]) == [1] * 48 + [2]
    assert sorted(told["number"]) == list(range(49))
    macs = {
        (told["source"][i], told["target"][i], told["container"][i])
        for i in range(49)
        if told["address_len"][i] == 6
    }
    senders = (lf.REMOTE, "02:00:00:00:00:98")
    assert macs == {(src, lf.BROADCAST, to) for src in senders for to in range(4)}
    assert ("fd00::2", "fd00::1") in zip(told["source"], told["target"], strict=True)


def test_a_flow_that_takes_anothers_number_begins_anew() -> None:
    host = replay(config().model_copy(update={"slots": 64}))
    host.datapath = host.datapath._replace(flows=flows.make(65, 0))
    watching, caller = Observing(host), Caller()
    watching.observe({}, caller)
    for turn in range(2):  # all numbers, then again but for those seen last
        for i in range(65):
            deliver(host, [frame_of(turn * 50 + i)], (100 * turn + i + 1) * 10**13)
    told = watching.observe({"flows": 100}, caller)["flows"]
    assert sorted(told["number"]) == list(range(65))
    ports = sorted(port >> 16 for port in told["ports"])
    assert ports == list(range(50, 115))
    again = {port >> 16: n for port, n in zip(told["ports"], told["delivered"], strict=True)}
    assert again == {port: 2 if port < 65 else 1 for port in range(50, 115)}
    assert host.model.state.flows.array["sent"][:65].tolist() == [
        told["arrived"][told["number"].index(number)] for number in range(65)
    ]
