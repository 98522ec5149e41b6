import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from falcon_ctl.background import Background
from falcon_ctl.capture import tcp_order
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.capture.tcp_order import Point
from falcon_ctl.checks.measurement import KERNEL_HOP
from falcon_ctl.errors import UsageError
from falcon_ctl.live.path_capture import Path
from falcon_ctl.traffic import order, payload, schedule
from falcon_ctl.traffic.flows import Endpoint, Flow, tcp_segments, udp_template
from falcon_ctl.traffic.payload import Stamp

A = Endpoint("red1-1", "02:40:0a:00:00:0b", "10.0.0.11")
B = Endpoint("red2-1", "02:40:0a:00:00:15", "10.0.0.21")
FLOW = Flow(7, A, B, 40000, 9000)
u32 = st.integers(0, 2**32 - 1)


def checksum_is_right(frame: bytes, layer: type) -> bool:
    dissected = Ether(frame)
    sent = dissected[layer].chksum
    del dissected[layer].chksum
    return Ether(bytes(dissected))[layer].chksum == sent


@given(u32, u32, st.integers(0, 2**64 - 1), st.integers(0, 300))
def test_a_patched_stamp_keeps_the_checksum(flow, sequence, when, size):
    template = udp_template(FLOW, size)
    frame = bytearray(template.frame)
    payload.write(frame, template.payload_offset, Stamp(flow, sequence, when))
    assert checksum_is_right(bytes(frame), UDP)
    assert payload.read(bytes(Ether(bytes(frame))[UDP].payload)) == (flow, sequence, when)


def test_a_template_is_a_right_frame():
    frame = Ether(udp_template(FLOW, 64).frame)
    assert (frame.src, frame.dst) == (A.mac, B.mac)
    assert (frame[IP].src, frame[IP].dst) == (A.ip, B.ip)
    assert (frame[UDP].sport, frame[UDP].dport, frame[UDP].len) == (40000, 9000, 72)
    assert checksum_is_right(bytes(frame), IP)


def test_foreign_payloads_are_recognised():
    assert payload.read(b"FLCN") is None
    assert payload.read(b"x" * 64) is None


def test_tcp_segments_continue_each_other():
    frames = [Ether(f) for f in tcp_segments(FLOW, 4, 1000)]
    assert [f[TCP].seq for f in frames] == [1, 1001, 2001, 3001]
    assert {str(f[TCP].flags) for f in frames} == {"A"}
    assert all(checksum_is_right(bytes(f), TCP) for f in frames)
    assert [payload.read(bytes(f[TCP].payload)).sequence for f in frames] == [0, 1, 2, 3]


def test_constant_has_equal_gaps():
    offsets = schedule.constant(1000, 0.5)
    assert len(offsets) == 500
    assert offsets[0] == 0
    assert set(np.diff(offsets)) == {1_000_000}


def test_poisson_follows_its_seed_and_its_rate():
    first, again = (schedule.poisson(1000, 2.0, np.random.default_rng(3)) for _ in range(2))
    other = schedule.poisson(1000, 2.0, np.random.default_rng(4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert abs(len(first) - 2000) < 5 * np.sqrt(2000)
    assert np.all(np.diff(first) >= 0)
    gaps = np.diff(first)
    assert 0.9 < gaps.std() / gaps.mean() < 1.1  # exponential gaps have a coefficient of 1


def test_surge_is_denser_in_the_middle():
    offsets = schedule.surge(100, 1000, 3.0, 1.0, 2.0)
    per_second = np.bincount(offsets // 1_000_000_000)
    assert per_second.tolist() == [100, 1000, 100]
    assert np.all(np.diff(offsets) > 0)


def test_bursts():
    assert schedule.burst(3, 10, 100, 2).tolist() == [0, 10, 20, 130, 140, 150]


def test_merge_keeps_each_frames_flow():
    offsets, flows = schedule.merge([np.array([0, 50]), np.array([20, 30])])
    assert offsets.tolist() == [0, 20, 30, 50]
    assert flows.tolist() == [0, 1, 1, 0]
    assert len(schedule.merge([])[0]) == 0


@pytest.mark.parametrize(("rate", "duration"), [(0, 1), (-1, 1), (10, -1), (1e9, 1)])
def test_schedules_are_bounded(rate, duration):
    with pytest.raises(UsageError, match="schedule"):
        schedule.constant(rate, duration)


def test_surge_outside_its_duration():
    with pytest.raises(UsageError, match="a part of 0 to 2 s"):
        schedule.surge(10, 20, 2, 1, 3)


def brute_force(sequence):
    """RFC 4737 sections 3.3 and 4.2.1, word for word, duplicates taken out."""
    reordered, extents, expected = 0, [0], 0
    arrivals = list(dict.fromkeys(sequence))
    for i, value in enumerate(arrivals):
        if value >= expected:
            expected = value + 1
            continue
        reordered += 1
        j = min(j for j in range(i) if arrivals[j] > value)
        extents.append(i - j)
    return reordered, max(extents)


@given(st.lists(st.integers(0, 20), max_size=30))
def test_order_is_rfc_4737s(sequence):
    found = order.analyse(sequence, 21)
    assert (found.reordered, found.max_extent) == brute_force(sequence)
    assert found.received + found.duplicates == len(sequence)
    assert found.missing == 21 - len(set(sequence))


def test_the_rfcs_example():
    found = order.analyse([1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11], 12)  # RFC 4737, section 7.1
    assert (found.reordered, found.max_extent) == (3, 6)


def test_tcp_frames_are_the_same_at_every_point():
    inner = [bytes(Ether() / IP() / TCP(sport=7, dport=8, seq=n) / b"x") for n in (1, 2, 3)]
    tagged = [frame[:12] + b"\x81\x00\x00\x65" + frame[12:] for frame in inner]
    tunnelled = [bytes(50) + frame for frame in inner]
    came = [Packet(0, frame, len(frame)) for frame in inner]
    received = tcp_order.segments(came, {7})
    for frames in (tagged, tunnelled):
        assert tcp_order.arrived(frames, {7}) == received
        assert tcp_order.arrived(frames, {9}) == []
        assert tcp_order.reordered(tcp_order.arrived(frames, {7}), received) == 0
        swapped = [received[1], received[0], received[2]]
        assert tcp_order.reordered(tcp_order.arrived(frames, {7}), swapped) == 1


def segments(*numbers):
    return [tcp_order.Segment(7, 8, 1448 * n, 1500) for n in numbers]


def test_swaps_name_the_two_points_between_which_they_happened():
    wire, entry, nic, target = (
        Point("container", segments(0, 1, 2, 3)),
        Point("its machine", segments(0, 1, 2, 3)),
        Point("NIC of m2", segments(0, 2, 1, 3)),
        Point("target", segments(0, 3, 2, 1)),
    )
    assert tcp_order.swaps([wire, entry]) == {}
    assert tcp_order.swaps([wire, entry, nic, target]) == {
        "its machine -> NIC of m2": 1,
        "NIC of m2 -> target": 2,
    }
    path = Path(wire, entry, nic, target, {})
    assert path.reordered == 2
    assert path.swaps == tcp_order.swaps([wire, entry, nic, target])
    assert path.flaw == ""


def test_what_invalidates_a_run_is_named_and_does_not_hide_the_reordering():
    wire, entry = Point("container", segments(0, 1, 2)), Point("its machine", segments(1, 0, 2))
    path = Path(wire, entry, entry, entry, {"eth0": 3})
    assert path.reordered == 1
    assert path.swaps == {KERNEL_HOP: 1}
    assert "capture of eth0 lost 3 frames" in path.flaw
    assert "kernel reordered 1 frames" in path.flaw


def test_a_reader_that_never_runs_dry_ends_all_the_same():
    class Endless(Background):
        rounds = 0

        def _loop(self):
            while not self._is_over(idle=False):
                self.rounds += 1

    with Endless("endless") as endless:
        pass
    assert endless.rounds
    assert not endless._thread.is_alive()
