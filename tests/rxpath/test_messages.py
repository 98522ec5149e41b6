"""TCP senders that write messages: segments, PSH, what GRO makes of them, latencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import ACK, PSH
from test_closed_loop import FREE, MS, accounted, connected, stream

from rxpath.errors import ConfigError
from rxpath.tcp.connections import Step, Wire
from tests.examples import examples

KB4 = 4096  # two full segments and one of 1200 bytes


def frames(run):
    """The frames that came, in the order of sending, as their slots have them."""
    slots = run.model.state.slots.array
    used = slots[slots["wire"] > 0]
    return used[np.argsort(used["number"])]


def read(run):
    """Messages that were read, of all connections."""
    return int(run.messages().sum())


def test_a_message_ends_in_a_short_segment_with_psh():
    run = connected(stream(message=KB4, window=6), wire=Wire(back_ns=10 * MS))
    run.run(MS)
    found = frames(run)
    assert found["payload"].tolist() == [1448, 1448, 1200] * 2
    assert found["wire"].tolist() == [1514, 1514, 1266] * 2
    assert found["flags"].tolist() == [ACK, ACK, ACK | PSH] * 2
    assert found["seq"].tolist() == [0, 1448, 2896, 4096, 5544, 6992]


def test_segments_of_a_handshake_are_none_of_a_message():
    run = connected(stream(message=KB4, window=8, setup=[Step(0), Step(0)]), wire=Wire(back_ns=MS))
    run.run(int(2.5 * MS))
    found = frames(run)[:3]  # the slots of the handshake's are used again
    assert (found["number"].tolist(), found["seq"].tolist()) == ([2, 3, 4], [0, 1448, 2896])
    assert found["payload"].tolist() == [1448, 1448, 1200]
    run.run(10 * MS)
    assert read(run) > 0
    assert abs(run.payload_read() - read(run) * KB4) < KB4
    assert accounted(run)


@pytest.mark.parametrize("message", [KB4, 65_536])
def test_gro_merges_a_message_and_never_two(message):
    one = stream(message=message, window=1024)
    run = connected(one, rx_usecs=100, rx_frames=1000, **FREE)
    sizes = []
    for until in range(0, 3 * MS, 50_000):
        run.run(until)
        sizes.append(run.model.state.slots.array["frames"].max())
    # 64 KB do not fit: an skb stays below 65,536 bytes with its headers.
    assert max(sizes) == min(-(-message // 1448), 45)


def test_a_stream_without_ends_is_merged_further_than_4_kb_messages():
    merged = []
    for message in (0, KB4):
        run = connected(stream(message=message, window=512), rx_usecs=100, rx_frames=1000, **FREE)
        run.run(5 * MS)
        stats = run.model.stats()
        merged.append(stats["softirq"]["merged"] / stats["delivered"])
    assert merged[0] > 0.8  # tens of segments an skb
    assert 0.5 < merged[1] <= 2 / 3  # three segments an skb at most


def test_bytes_read_are_those_of_the_messages():
    run = connected(stream(message=KB4, window=64), stream(1, message=0, window=64))
    run.run(20 * MS)
    rows = run.senders.connections.array
    whole, more = divmod(int(rows["received"][0]), 3)
    assert run.payload_read() == whole * KB4 + more * 1448 + int(rows["received"][1]) * 1448
    assert run.messages().tolist() == [whole, 0]


# -- pacing -------------------------------------------------------------------------------------


def test_a_paced_application_writes_at_its_rate():
    run = connected(stream(message=KB4, window=64, gap_ns=100_000))
    run.run(100 * MS)
    assert abs(read(run) - 1000) <= 2
    latencies = run.latencies()
    assert len(latencies) == read(run)
    assert 5_000 < latencies.min() <= latencies.max() < 60_000
    assert accounted(run)


def test_what_does_not_fit_into_the_buffer_waits_and_its_latency_shows_it():
    wire = Wire(back_ns=MS)  # three segments a millisecond: a message
    run = connected(stream(message=KB4, window=3, gap_ns=100_000), wire=wire)
    run.run(100 * MS)
    assert 90 <= read(run) <= 100
    # Two messages' worth may be written: each waits for the two before it, and for itself.
    assert np.median(run.latencies(50 * MS)) == pytest.approx(2 * MS, rel=0.1)
    row = run.senders.connections[0]
    assert row.written - row.una <= 2 * 3


def test_a_message_without_a_pace_begins_when_it_is_sent():
    wire = Wire(back_ns=MS)
    run = connected(stream(message=KB4, window=3), wire=wire)
    run.run(100 * MS)
    assert run.latencies().max() < 100_000  # one window is one message: nothing waits


@settings(
    max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    st.sampled_from([1, 1448, 1449, KB4, 20_000]),
    st.sampled_from([0, 3000, 50_000]),
    st.sampled_from([4, 16, 1024]),
    st.sampled_from([1, 3, 40]),
)
def test_messages_are_read_once_and_in_order_whatever_is_lost(message, gap, ring, window):
    one = stream(message=message, window=window, gap_ns=gap)
    run = connected(one, ring=ring, queues=1, rx_usecs=50, rx_frames=1000, wire=Wire(rto_ns=MS))
    for until in (3, 20, 60):
        run.run(until * MS)
        assert accounted(run)
        row = run.senders.connections[0]
        segments = -(-message // 1448)
        assert row.read == row.received // segments
        assert len(run.latencies()) == row.read
        assert row.high <= row.written
    assert run.latencies().min(initial=1) > 0


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (stream(message=-1), "connections.0.message: got -1, expected 0 to"),
        (stream(message=2**24 + 1), "connections.0.message"),
        (stream(gap_ns=5), "connections.0.gap_ns: got 5, expected 0, without messages"),
        (stream(message=1, gap_ns=-1), "connections.0.gap_ns: got -1"),
        (stream(message=10, thinks=True, window=1), "connections.0.message: got 10, expected 0,"),
        (stream(message=10, wire_len=1448), "connections.0.wire_len: got 1448, expected more"),
    ],
)
def test_what_makes_no_message_is_refused(one, said):
    with pytest.raises(ConfigError, match=said):
        connected(one)
