"""The short form of `python -m tests.chaos.frames`, and frames that no interface would carry."""

from collections.abc import Iterator
from ipaddress import IPv4Address

import numpy as np
import pytest

from falcon_ctl.live import udp
from falcon_ctl.live.plan import DILATION
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.flows import Endpoint, Flow
from falcon_ctl.traffic.load import Load
from rxpath.live.host import Host, example, replay
from rxpath.wire.afpacket import BATCH
from rxpath.wire.frames import Parsed, identity, parse
from rxpath.wire.toeplitz import key_table
from tests.chaos import frames, hostile
from tests.v1switch.test_fuzz import vtep

HERE, VTEP = "02:00:00:00:01:01", "172.16.0.1"  # of the machine that `example` describes
ENDS = (
    Endpoint("a", "02:00:00:00:00:99", "10.0.0.99"),
    Endpoint("b", "02:00:00:00:00:01", "10.0.0.11"),
)
OUTER = Endpoint("m2", "02:00:00:00:01:02", "172.16.0.2"), Endpoint("m1", HERE, VTEP)
PLAIN = hostile.plain(*ENDS)
FIELDS = Parsed.DTYPE.names or ()
GOOD = [PLAIN, hostile.tagged(PLAIN), hostile.tunnelled(PLAIN, OUTER)]


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    with frames.opened() as found:
        yield found


@pytest.mark.network
def test_hostile_frames_are_accounted_for_and_cross_to_no_other_tenant(testbed: Testbed) -> None:
    found = frames.attack(testbed, seed=1, count=12_000)
    assert found.problems == []


@pytest.mark.network
def test_a_tenants_flood_neither_reorders_nor_takes_more_than_its_share_from_another(
    testbed: Testbed,
) -> None:
    flows = [
        Flow(0, testbed.endpoint(f"{tenant}1-1"), testbed.endpoint(f"{tenant}2-1"), port, 7000)
        for tenant, port in (("red", 40_000), ("blue", 40_001))
    ]
    offsets = [schedule.constant(3000, 0.8), schedule.constant(300, 0.8)]
    # One queue, and so one ring, one core and one backlog, for both tenants.
    knobs = {"queues": 1, "ring": 256}
    load = Load("flood", flows, offsets, DILATION, knobs=knobs, saturates=True)
    outcome = udp.run(testbed, OVERLAY, load)
    red, blue = (
        len(found.sequence) / sent
        for found, sent in zip(outcome.arrivals, outcome.sent.per_flow, strict=True)
    )
    measured = outcome.measurement
    assert measured.drops["rx_missed"] > 100
    assert sum(measured.drops.values()) == measured.sent - measured.delivered
    assert measured.reordered == 0
    assert blue == pytest.approx(red, abs=0.15)


def test_no_frame_is_read_beyond_its_end() -> None:
    me = identity(int(HERE.replace(":", ""), 16), int(IPv4Address(VTEP)), hostile.PORT)
    key = key_table()
    verdicts = set()
    for number, frame in enumerate(hostile.frames(2, 3000, GOOD, 1614)):
        found = []
        for behind in (0x00, 0xFF, 0x45):
            octets = np.full(len(frame) + 200, behind, np.uint8)
            octets[: len(frame)] = np.frombuffer(frame, np.uint8)
            parsed = Parsed.new()
            verdict = parse(octets, len(frame), (0, 101)[number % 2], me, key, parsed)
            found.append((verdict, [getattr(parsed, name) for name in FIELDS]))
        assert found[0] == found[1] == found[2], frame.hex()
        verdicts.add(found[0][0])
    assert len(verdicts) >= 10, "few ways to be wrong were reached"


def test_the_receive_path_accounts_for_frames_of_every_length() -> None:
    """Also those that an interface never carries, shorter than a header."""
    host = replay(example(2), slot_size=2048)
    made = list(hostile.frames(3, 15_000, GOOD, 2048))
    made += [frame[: number % 15] for number, frame in enumerate(made[:600])]
    sent = 0
    for at in range(0, len(made), BATCH):
        sent += feed(host, made[at : at + BATCH], wall=(at + BATCH) * 10_000_000)
    counters = host.datapath.counters
    out = counters.delivered + int(counters.drops.array.sum()) + host.queued()
    assert counters.rx == sent == len(made)
    assert counters.rx + counters.copies == out
    assert counters.delivered > 100


def feed(host: Host, batch: list[bytes], wall: int) -> int:
    rx = host.datapath.rx
    for i, frame in enumerate(batch):
        # What follows the frame in the buffer is of another one, as in a running host.
        rx.frames[i, : len(frame)] = np.frombuffer(frame, np.uint8)
        descriptor = rx.descriptors[i]
        descriptor.clear()
        descriptor.tag, descriptor.stamp, descriptor.length = -1, wall, len(frame)
        if frame[12:14] == b"\x81\x00" and len(frame) >= hostile.TAGGED:
            rx.frames[i, 12 : len(frame) - 4] = np.frombuffer(frame, np.uint8)[16:]
            descriptor.tag = int.from_bytes(frame[14:16], "big")
            descriptor.length = len(frame) - 4
    host.process_batch(len(batch), wall)
    return len(batch)


def test_the_switch_takes_frames_of_every_length() -> None:
    plane = vtep()
    made = hostile.frames(4, 3000, GOOD, 65_535)
    for number, frame in enumerate(made):
        cut = frame[: number % 15] if number % 10 == 0 else frame * (1 + number % 7 * 20)
        out = plane.process((1, 2, 3)[number % 3], cut[:65_535], number)
        assert all(port in (1, 2, 3, 510) for port, _ in out)
