"""One model, two clocks: the live loop, fed from a trace, does what the virtual driver does."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import live_frames as lf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.live import datapath as dp
from rxpath.live import recorder as rc
from rxpath.live import records
from rxpath.live.flows import LEAST
from rxpath.live.host import Host, example, replay
from rxpath.model.state import codes
from rxpath.wire.afpacket import BATCH
from tests.examples import examples

CONTAINERS = 4
SLOTS = 8192
FLOWS = 24
DILATION = 1000
TABLE = np.arange(128) % 8  # the default indirection table of 8 queues


def config(**system: Any) -> Any:
    update = {"system": system, "slots": SLOTS, "dilation": DILATION}
    return example(CONTAINERS).model_copy(update=update)


@cache
def frames() -> list[bytes]:
    """A frame of each flow: UDP and TCP, to each container."""
    udp = [lf.vxlan(lf.inner(i % CONTAINERS), sport=50_000 + i) for i in range(FLOWS // 2)]
    tcp = [lf.vxlan(lf.tcp(i % CONTAINERS), sport=60_000 + i) for i in range(FLOWS // 2)]
    return udp + tcp


def load(host: Host, at: int, frame: bytes, stamp: int, tag: int = -1) -> None:
    """Put a frame at place `at` of the batch, as the kernel would have."""
    rx = host.datapath.rx
    rx.frames[at, : len(frame)] = np.frombuffer(frame, np.uint8)
    descriptor = rx.descriptors[at]
    descriptor.clear()
    descriptor.length, descriptor.tag, descriptor.stamp = len(frame), tag, stamp


def live_run(
    host: Host, trace: list[tuple[int, bytes]], sizes: list[int], settle: int = 10**12
) -> np.ndarray:
    """Feed (wall ns, frame) rows in batches of these sizes, again and again; return records.

    `settle`: wall ns that the host goes on behind the last one.
    """
    host.record(len(trace) * CONTAINERS)  # room for broadcasts
    at, turn = 0, 0
    while at < len(trace):
        size = min(sizes[turn % len(sizes)], len(trace) - at)
        for i in range(size):
            load(host, i, trace[at + i][1], trace[at + i][0])
        at, turn = at + size, turn + 1
        # A batch that is not full was read when its last frame had come, a full one may be late.
        host.process_batch(size, trace[at - 1][0] + (10**9 if size == BATCH else 0))
    host.process_batch(0, trace[-1][0] + settle)
    return records.convert(host.stop_record(), TABLE)


def virtual_run(system: dict[str, Any], rows: np.ndarray, memory: Any = None) -> list[list[int]]:
    """The same frames, by what the records say of them, under the virtual clock.

    `memory`: of the host before they came, None for a new one.
    """
    model = Model(Knobs.parse(system), slots=SLOTS, sockets=CONTAINERS, flows=LEAST, records=True)
    if memory is not None:
        model.remember(memory)
    is_tcp = rows["proto"] == codes.TCP
    trace = virtual.make_trace(
        rows["arrival"],
        rss_hash=rows["rss_hash"],
        flow=rows["flow"],
        socket=rows["container"],
        chain=model.chain("tunnel"),
        protocol=rows["proto"],
        wire_len=rows["wire_len"],
        payload=np.where(is_tcp, 100, 0),
        seq=np.where(is_tcp, 1, 0),
        tcp_flags=np.where(is_tcp, 0x10, 0),
        gro_key=np.where(is_tcp, 5, 0),
    )
    columns = ["kind", "flow", "socket", "reason", "time", "cpu"]
    found = []
    for events in virtual.run(model, trace):
        found += events[columns].tolist()
    return found


def outcome(rows: np.ndarray) -> tuple[Counter[Any], Counter[Any]]:
    """Deliveries as (flow, socket, time) and drops as (flow, socket, reason, time, CPU)."""
    done = rows["delivered"] >= 0
    names = ("flow", "container", "delivered")
    delivered = Counter(zip(*(rows[done][name].tolist() for name in names), strict=True))
    names = ("flow", "container", "drop_reason", "dropped", "drop_cpu")
    return delivered, Counter(zip(*(rows[~done][name].tolist() for name in names), strict=True))


def deliveries(events: list[list[int]]) -> Counter[Any]:
    """Deliveries of a virtual run as (flow, socket, time)."""
    return Counter((f, s, t) for kind, f, s, _, t, _ in events if kind == codes.DELIVER)


SYSTEMS = {
    "overlay": {"profile": "docker", "policy": "same_cpu"},
    "falcon": {"profile": "docker", "policy": "falcon"},
    "restless falcon": {
        "profile": "docker",
        "policy": "falcon",
        "falcon": {"load_interval_ns": 7_000, "threshold": 15},
    },
}


@pytest.mark.parametrize("name", SYSTEMS)
@settings(deadline=None, max_examples=examples(8))
@given(
    seed=st.integers(0, 2**32 - 1),
    gap=st.sampled_from([200, 1500]),
    sizes=st.lists(st.integers(1, BATCH), min_size=1, max_size=5) | st.just([BATCH]),
)
def test_both_clocks_give_the_same_events(name: str, seed: int, gap: int, sizes: list[int]) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.exponential(gap * DILATION, 1500)).astype(int)
    choice = random.integers(0, FLOWS, len(times))
    all_frames = frames()
    trace = [(int(t), all_frames[flow]) for t, flow in zip(times, choice, strict=True)]
    host = replay(config(**SYSTEMS[name]))
    rows = live_run(host, trace, sizes)
    assert rows["arrival"].tolist() == (times // DILATION).tolist()
    delivered, lost = outcome(rows)
    events = virtual_run(SYSTEMS[name], rows)
    assert delivered == deliveries(events)
    missed = Counter({key: n for key, n in lost.items() if key[2] == codes.RX_MISSED})
    assert lost - missed == Counter(tuple(one[1:]) for one in events if one[0] == codes.DROP)
    assert len(rows) == len(times) == len(events) + missed.total()


def test_the_trace_really_loses_frames_somewhere() -> None:
    frame = frames()[0]
    trace = [(i * 50 * DILATION, frame) for i in range(3000)]
    rows = live_run(replay(config()), trace, [BATCH])
    _, lost = outcome(rows)
    assert lost.total() > 100


def balance(host: Host) -> tuple[int, int]:
    """(frames in, frames out), which are the same when none goes astray."""
    counters = host.datapath.counters
    lost = int(counters.drops.array.sum())
    return counters.rx + counters.copies, counters.delivered + lost + host.queued()


@pytest.mark.parametrize(
    ("dilation", "stamps", "merged"),
    [
        (1000, [(5000, 7000), (5001, 7000), (5999, 7999)], 2),
        (1000, [(5999, 7000), (6000, 7000), (6000, 8000)], 0),
        (1, [(5000, 7000), (5001, 7000), (5001, 7000)], 1),
    ],
)
def test_gro_takes_the_timestamps_of_segments_in_model_time(
    dilation: int, stamps: list[tuple[int, int]], merged: int
) -> None:
    host = replay(config().model_copy(update={"dilation": dilation}))
    segments = [lf.tcp(seq=1 + 100 * i, stamps=one) for i, one in enumerate(stamps)]
    live_run(host, [(5 * dilation, lf.vxlan(one)) for one in segments], [3])
    assert host.model.stats()["softirq"]["merged"] == merged


@pytest.mark.parametrize("interval", [300_000, 1_000_000])
def test_a_model_goes_on_from_the_memory_of_another(interval: int) -> None:
    """Without loads and the load's tick frames take other CPUs, as long as these are not over."""
    falcon = {"load_interval_ns": interval, "threshold": 5}
    system = {"profile": "docker", "policy": "falcon", "falcon": falcon}
    random = np.random.default_rng(3)
    host, all_frames = replay(config(**system)), frames()
    times = np.cumsum(random.exponential(200 * DILATION, 1000)).astype(int)
    first = [(int(t), all_frames[i % FLOWS]) for i, t in enumerate(times)]
    live_run(host, first, [BATCH], settle=1_200_000 * DILATION)
    assert host.queued() == 0
    memory = host.model.memory()
    start = host.datapath.clock.last * DILATION
    rows = live_run(host, [(start + t, frame) for t, frame in first], [BATCH])
    delivered, _ = outcome(rows)
    there = virtual_run(system, rows, json.loads(json.dumps(memory)))
    assert delivered == deliveries(there)
    fresh = virtual_run(system, rows)
    assert delivered != deliveries(fresh)


def test_a_broadcast_is_a_delivery_for_each_container() -> None:
    host = replay(config())
    rows = live_run(host, [(5, lf.vxlan(lf.arp()))], [1])
    assert sorted(rows["container"].tolist()) == [0, 1, 2, 3]
    assert set(rows["id"].tolist()) == {0}
    assert (rows["delivered"] > 0).all()
    assert balance(host) == (4, 4)


def drops(host: Host) -> dict[str, int]:
    lost = host.datapath.counters.drops.array.tolist()
    return {dp.REASON_NAMES[reason]: n for reason, n in enumerate(lost) if n}


def test_everything_that_is_not_delivered_is_counted_by_reason() -> None:
    host = replay(config())
    stranger = lf.inner(dst="02:00:00:00:00:77")
    trace = [
        lf.vxlan(lf.inner())[:-1],
        lf.vxlan(lf.inner(), dst="172.16.0.9"),
        lf.vxlan(lf.inner(), vni=6),
        lf.vxlan(stranger),
        lf.vxlan(lf.inner()),
    ]
    rows = live_run(host, [(i, frame) for i, frame in enumerate(trace)], [5])
    names = ("malformed", "not_ours", "unknown_tenant", "unknown_mac")
    assert drops(host) == dict.fromkeys(names, 1)
    assert [dp.REASON_NAMES.get(int(reason)) for reason in rows["drop_reason"]] == [*names, None]
    assert balance(host) == (5, 5)


def test_the_vxlan_port_is_the_profiles() -> None:
    host = replay(config(profile="flannel"))
    sent = {port: lf.vxlan(lf.inner(), dport=port) for port in (4789, 8472, 6784)}

    ports = {"flannel": 8472, "weave": 6784, "docker": 4789, "host": 4789}
    for turn, (profile, port) in enumerate(ports.items()):
        host.configure({"profile": profile})
        rows = live_run(host, [(turn * 10**13, frame) for frame in sent.values()], [3])
        taken = [to for to, row in zip(sent, rows, strict=True) if row["delivered"] >= 0]
        assert taken == [port]


def test_a_custom_policy_steers_live_frames_and_a_changed_file_is_read_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.py"
    text = "def mine(packet, host):\n    return {cpu} if packet.stage == 4 else packet.here\n"
    host = replay(config(profile="docker"))
    for turn, cpu in enumerate((33, 35)):  # 4 is codes.BACKLOG
        path.write_text(text.format(cpu=cpu))
        host.configure({"policy": f"{path}:mine"})
        (row,) = live_run(host, [(turn * 10**13, frames()[0])], [1])
        cpus = dict(row["stages"][["kind", "cpu"]][: row["n_stages"]].tolist())
        assert cpus[codes.BACKLOG] == cpu
    host.configure({"policy": "same_cpu"})
    (row,) = live_run(host, [(2 * 10**13, frames()[0])], [1])
    assert len(set(row["stages"]["cpu"][: row["n_stages"] - 1].tolist())) == 1
    with pytest.raises(ConfigError, match=f"{path}: no function yours; expected .*: mine"):
        host.configure({"policy": f"{path}:yours"})


def test_a_full_pool_is_rx_missed() -> None:
    host = replay(example(1).model_copy(update={"slots": 64, "dilation": 1}))
    for i in range(200):
        load(host, i, lf.vxlan(lf.inner()), 100)
    host.process_batch(200, 100)
    assert drops(host)["rx_missed"] >= 200 - 64
    assert balance(host) == (200, 200)


def test_a_frame_longer_than_a_slot_is_malformed() -> None:
    host = replay(config())
    load(host, 0, lf.vxlan(lf.inner()), 100)
    host.datapath.rx.descriptors[0].truncated = 1
    host.process_batch(1, 100)
    assert drops(host) == {"malformed": 1}


def test_records_keep_the_frame_as_it_was_on_the_wire() -> None:
    host = replay(config())
    host.record(10)
    plain = lf.inner(1, payload=b"p" * 300)
    load(host, 0, bytes(plain), 7, tag=101)
    host.process_batch(1, 7)
    host.process_batch(0, 10**12)
    rec = host.stop_record()
    rows = records.convert(rec, TABLE)
    wire = lf.tagged(plain)
    assert rec.frames[0].tobytes() == wire[: rc.SNAPLEN]
    assert rows["wire_len"][0] == len(wire)
    assert (rows["container"][0], rows["stamp"][0], rows["proto"][0]) == (1, 7, 17)


def test_records_are_bounded_and_survive_the_disk(tmp_path: Path) -> None:
    host = replay(config())
    host.record(3)
    for i in range(5):
        load(host, i, frames()[i], i * 10**6)
    host.process_batch(5, 10**12)
    rec = host.stop_record()
    assert (rec.progress.used, rec.progress.missed) == (3, 2)
    rows = records.convert(rec, TABLE)
    records.write(tmp_path / "a.npz", rows, rec.frames[:3], {"machine": "m1"})
    again = records.read(tmp_path / "a.npz")
    assert again.records.tobytes() == rows.tobytes()
    assert again.frames[2].tobytes() == frames()[2].ljust(rc.SNAPLEN, b"\0")[: rc.SNAPLEN]
    assert again.meta == {"machine": "m1"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_stages_of_a_record_follow_one_another() -> None:
    host = replay(config(profile="docker"))
    row = live_run(host, [(5, frames()[0])], [1])[0]
    stages = row["stages"][: row["n_stages"]]
    assert len(stages) >= 3
    assert stages["kind"][-1] == codes.SOCKET
    assert (stages["enqueue"] <= stages["start"]).all()
    assert (stages["start"] < stages["end"]).all()
    assert (stages["end"][:-1] <= stages["enqueue"][1:]).all()
    assert row["arrival"] == stages["enqueue"][0]
    assert row["delivered"] == stages["end"][-1]


def test_a_record_says_how_long_a_frame_was_held_for_its_flows_order() -> None:
    host = replay(config(**SYSTEMS["restless falcon"]))
    rows = live_run(host, [(i * 700 * DILATION, frames()[i % 2]) for i in range(1000)], [BATCH])
    stages = rows["stages"]
    held = stages["held"] > 0
    left = np.roll(stages["enqueue"], -1, axis=1)  # a stage is left for the next one
    in_front = stages["enqueue"] + stages["held"] <= stages["start"]
    assert (in_front | (stages["end"] + stages["held"] == left))[held].all()
    order = host.model.stats()["order"]
    assert stages["held"].sum() == order["held_ns"] > 0
    assert np.count_nonzero(held) == order["held"]


def test_what_is_in_flight_when_a_recording_stops_stays_in_flight() -> None:
    host = replay(config())
    host.record(10)
    load(host, 0, frames()[0], 5)
    host.process_batch(1, 5)
    rows = records.convert(host.stop_record(), TABLE)
    assert (rows["delivered"][0], rows["drop_reason"][0]) == (-1, 0)
    host.record(10)
    host.process_batch(0, 10**12)
    assert len(records.convert(host.stop_record(), TABLE)) == 0
    assert balance(host) == (1, 1)
    assert host.datapath.counters.delivered == 1
