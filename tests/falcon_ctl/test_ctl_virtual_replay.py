"""A recording of the live path, made without interfaces, once more under the virtual clock."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from falcon_ctl.capture import segment, trace
from falcon_ctl.live import virtual_replay
from falcon_ctl.live.plan import Plan
from falcon_ctl.systems.catalogue import FALCON, HOST, OVERLAY, SPLITTING
from falcon_ctl.traffic.flows import Endpoint, Flow
from falcon_ctl.traffic.load import Stream
from falcon_ctl.virtual.live_host import LiveHost, Wire
from rxpath.live import host, records
from rxpath.live.recordings import Recordings
from topo.spec.builders import pair

DILATION = 700
SOURCE = Endpoint("red1-1", "02:00:00:00:00:99", "10.0.0.99")
TARGET = Endpoint("red2-1", "02:00:00:00:00:01", "10.0.0.11")
FLOW = Flow(0, SOURCE, TARGET, 30_100, 9000)


def in_tunnel(inner, sport=50_000):
    outer = Ether(src="02:00:00:00:01:02", dst="02:00:00:00:01:01")
    outer /= IP(src="172.16.0.2", dst="172.16.0.1") / UDP(sport=sport, dport=4789, chksum=0)
    return bytes(outer / VXLAN(vni=5001, flags=8) / inner)


@cache
def datagram(source_port=30_100):
    head = Ether(src=SOURCE.mac, dst=TARGET.mac) / IP(src=SOURCE.ip, dst=TARGET.ip)
    return in_tunnel(head / UDP(sport=source_port, dport=9000) / bytes(22))


@cache
def data(sequence, flags="A", stamp=1000):
    options = [("NOP", None), ("NOP", None), ("Timestamp", (stamp, 7))]
    head = Ether(src=SOURCE.mac, dst=TARGET.mac) / IP(src=SOURCE.ip, dst=TARGET.ip)
    tcp = TCP(sport=30_100, dport=9002, seq=sequence, ack=5, flags=flags, options=options)
    return in_tunnel(head / tcp / bytes(1000), sport=50_001)


def arp():
    asked = ARP(psrc=SOURCE.ip, pdst=TARGET.ip, hwsrc=SOURCE.mac)
    return in_tunnel(Ether(src=SOURCE.mac, dst="ff:ff:ff:ff:ff:ff") / asked, sport=50_002)


def recorded(system, frames, folder, earlier=()):
    """A live host's recording of (wall ns, frame); it had the `earlier` ones before."""
    knobs = {"costs": system.costs, **system.knobs}
    config = host.example(2).model_copy(update={"system": knobs, "slots": 8192})
    live = host.replay(config.model_copy(update={"dilation": DILATION}))
    receive(live, earlier)
    meta = Recordings(live)._describe()
    live.record(len(frames) * 2)
    receive(live, frames)
    rows = live.stop_record()
    found = records.convert(rows, np.arange(128) % 8)
    records.write(folder / "x.npz", found, rows.frames[: len(found)], meta)
    return trace.load(folder / "x.npz")


def receive(live, frames):
    rx = live.datapath.rx
    for wall, frame in frames:
        rx.frames[0, : len(frame)] = np.frombuffer(frame, np.uint8)
        row = rx.descriptors[0]
        row.clear()
        row.length, row.tag, row.stamp = len(frame), -1, wall
        live.process_batch(1, wall)
    live.process_batch(0, live.datapath.clock.last * DILATION + 10**12)


def a_mix(start, gap_ns=350, count=900):
    """Datagrams of two flows, trains of segments and a broadcast, so dense that some are lost."""
    kinds = [datagram(), datagram(30_101), data(0)]
    frames = [kinds[n % 2] if n % 9 < 4 else data(n * 1000, stamp=n) for n in range(count)]
    frames[500] = arp()
    return [(start + n * gap_ns * DILATION, frame) for n, frame in enumerate(frames)]


@pytest.mark.parametrize("system", [OVERLAY, SPLITTING, FALCON], ids=lambda s: s.name)
def test_recorded_frames_end_alike_under_the_virtual_clock(system, tmp_path):
    found = recorded(system, a_mix(10**13), tmp_path, earlier=a_mix(0))
    run = virtual_replay.replayed(system, found)
    assert run.frames == 901  # the broadcast is for two containers
    assert run.different == 0
    merged = {p.delivered for p in found.passages if p.proto == 6}
    assert len(merged) < sum(p.proto == 6 for p in found.passages)


def test_an_event_that_differs_is_found(tmp_path):
    found = recorded(OVERLAY, a_mix(10**13, count=600), tmp_path)
    assert virtual_replay.replayed(OVERLAY, found).different == 0
    some = found.passages[300]
    later = some._replace(delivered=some.delivered + 1)
    spoiled = [later if p is some else p for p in found.passages]
    assert virtual_replay.replayed(OVERLAY, replace(found, passages=spoiled)).different == 1
    lost = some._replace(delivered=0, drop_reason="cpu_backlog")
    spoiled = [lost if p is some else p for p in found.passages]
    assert virtual_replay.replayed(OVERLAY, replace(found, passages=spoiled)).different == 1
    other = replace(
        found, meta={**found.meta, "knobs": {**found.meta["knobs"], "costs": "xeon-gold-5218"}}
    )
    assert virtual_replay.replayed(OVERLAY, other).different > 100
    assert virtual_replay.replayed(OVERLAY, replace(found, passages=[])).frames == 0


def test_a_planned_load_has_the_rate_of_the_live_one(tmp_path):
    load = replace(Plan(pair(), 1, 1.0).saturating(FLOW, 660e3), dilation=DILATION)
    offsets = load.schedules[0].tolist()
    found = recorded(OVERLAY, [(10**13 + t, datagram()) for t in offsets], tmp_path)
    live = virtual_replay.rate([p.delivered for p in found.passages if p.delivered])
    assert virtual_replay.predicted_pps(OVERLAY, load, found) == pytest.approx(live, rel=1e-3)
    assert virtual_replay.capacity_pps(FALCON, load, found) > 1.5 * live
    stranger = replace(load, flows=[replace(FLOW, source_port=1)])
    assert virtual_replay.predicted_pps(OVERLAY, stranger, found) == 0.0


def test_falcon_is_above_the_overlay_for_a_stream_by_the_model(tmp_path):
    load = Plan(pair(), 1, 1.0).stream()
    found = recorded(OVERLAY, [(10**13, data(0))], tmp_path)
    overlay = virtual_replay.predicted_stream_pps(OVERLAY, load, found, found.passages)
    meta = {**found.meta, "knobs": {**found.meta["knobs"], **FALCON.knobs}}
    falcon = virtual_replay.predicted_stream_pps(
        FALCON, load, replace(found, meta=meta), found.passages
    )
    assert falcon > 1.1 * overlay > 0
    assert virtual_replay.predicted_stream_pps(OVERLAY, load, found, []) == 0.0


def test_a_window_that_is_too_small_keeps_no_core_busy():
    knobs = {"costs": FALCON.costs, **FALCON.knobs}
    one = LiveHost(FALCON, knobs, 1)
    small, enough, more = (
        one.stream_pps(Wire(7, 0, 1564), window, 4096, 1398, (2 * window, 4000))
        for window in (64, STREAM.window, 2 * STREAM.window)
    )
    assert small < 0.7 * enough
    assert more == pytest.approx(enough, rel=0.02)


STREAM: Stream = Plan(pair(), 1, 1.0).stream()


def test_a_segment_is_read_as_the_host_reads_it():
    first, next_ms, next_s = (segment.read(data(5, stamp=at), 1000) for at in (5000, 5001, 6000))
    assert (first.payload, first.seq, first.tcp_flags) == (1000, 5, 16)
    assert first.gro_key == next_ms.gro_key != next_s.gro_key
    assert (
        segment.read(data(5, stamp=5001), 1).gro_key != segment.read(data(5, stamp=5000), 1).gro_key
    )
    assert segment.read(datagram(), 1000) == segment.Segment()
    assert segment.read(arp(), 1000) == segment.Segment()
    assert segment.read(b"", 1000) == segment.Segment()


def steady(system, seed):
    """Median and p99 latency of the plan's steady load under the virtual clock, us."""
    knobs = {"costs": system.costs, **system.knobs}
    live = LiveHost(system, knobs, 1)
    plan = Plan(pair(), seed, 1.0)
    tunnel = system is not HOST

    def latencies(load):
        times = load.schedules[0] // load.dilation
        zeros = np.zeros(len(times), np.int64)
        found = live.frames(times, zeros, tunnel=zeros + tunnel, rss_hash=2, wire_len=114)
        return found, found.latency[found.delivered]

    found, _ = latencies(plan.flood([FLOW]))
    most = virtual_replay.rate(found.time[found.delivered])
    return most, lambda capacity: float(np.median(latencies(plan.steady(FLOW, capacity))[1]) / 1000)


@pytest.mark.parametrize("seed", range(1, 6))
def test_latency_is_ordered_at_the_steady_load_by_the_model(seed):
    most, overlay = steady(OVERLAY, seed)
    _, plain = steady(HOST, seed)
    _, falcon = steady(FALCON, seed)
    assert plain(most) < falcon(most) < overlay(most)
