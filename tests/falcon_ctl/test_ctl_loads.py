"""Loads: what messages are on the wire, who sends and reads them, what a run says of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_ctl.errors import UsageError
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual import arrivals
from falcon_ctl.virtual.loads import Closed, Stream
from falcon_ctl.virtual.measure import MS, connected, measure, senders, udp
from falcon_ctl.virtual.wire import MOST_DATAGRAM, datagram, most_frames, mtu, segment
from rxpath.tcp.connections import Wire

HOST, OVERLAY, FALCON = BY_NAME["host"], BY_NAME["overlay"], BY_NAME["falcon"]


def rng():
    return np.random.default_rng(1)


# -- on the wire --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message", "frames", "largest"),
    [
        ("host", 16, 1, 64),
        ("host", 1472, 1, 1514),
        ("host", 1473, 2, 1514),
        ("host", 4096, 3, 1514),
        ("host", MOST_DATAGRAM, 45, 1514),
        ("overlay", 16, 1, 114),
        ("overlay", 1422, 1, 1514),
        ("overlay", 1423, 2, 1508),  # 1424 bytes of payload a fragment: units of eight
        ("overlay", 4096, 3, 1508),
        ("overlay", MOST_DATAGRAM, 47, 1508),
        ("offload", 4096, 3, 1458),  # the container's MTU; the tunnel ends before the host
        ("slim", 4096, 3, 1508),  # Slim is TCP's: UDP stays in the overlay
    ],
)
def test_a_datagram_above_the_mtu_is_in_fragments(name, message, frames, largest):
    found = datagram(BY_NAME[name], message)
    assert (found.frames, found.lengths.max()) == (frames, largest)
    assert found.payloads.sum() == 8 + message  # one UDP header
    assert found.frames <= most_frames(message)


@given(st.integers(1, MOST_DATAGRAM), st.sampled_from([HOST, OVERLAY]))
def test_fragments_carry_all_bytes_in_units_of_eight_but_the_last(message, system):
    found = datagram(system, message)
    assert found.payloads.sum() == 8 + message
    assert found.payloads.max() <= mtu(system, "udp") - 20
    if found.frames > 1:
        assert (found.payloads[:-1] % 8 == 0).all()
        assert len(set(found.payloads[:-1].tolist())) == 1
        assert found.payloads[-1] <= found.payloads[0]


def test_the_containers_segments_are_smaller_by_the_tunnel_and_their_frames_as_long():
    assert segment(HOST, 1514) == (1514, 1448)
    assert segment(OVERLAY, 1514) == (1514, 1398)
    assert segment(BY_NAME["offload"], 1514) == (1464, 1398)
    assert segment(BY_NAME["slim"], 1514) == (1514, 1448)  # the host's sockets
    assert segment(OVERLAY, 500) == (550, 434)
    assert segment(OVERLAY, 9014) == (9064, 8948)  # jumbo frames: a link of a greater MTU


# -- arrivals -----------------------------------------------------------------------------------


def test_a_datagrams_fragments_come_one_after_the_other_at_the_links_rate():
    load = Stream((1000.0,), ms=20, message=4096, wire=Wire(gbit_per_s=10))
    one = datagram(HOST, 4096)
    sent = arrivals.draw(load, one, rng())
    assert sent.places[:4].tolist() == [0, 1, 2, 0]
    assert sent.numbers[:4].tolist() == [0, 0, 0, 1]
    assert np.diff(sent.times[:3]).tolist() == [1211, 1211]  # 1514 bytes at 10 Gbit/s


@given(st.sampled_from([1e4, 3e5, 5e6]), st.booleans(), st.sampled_from([4096, 65_507]))
def test_a_client_sends_one_datagram_after_the_other(rate, paced, message):
    load = Stream((rate, rate / 2), ms=1, warm_ms=0, message=message, paced=paced)
    one = datagram(OVERLAY, message)
    sent = arrivals.draw(load, one, rng())
    assert (np.diff(sent.times) >= 0).all()
    assert sent.times.max(initial=0) <= MS
    for flow in (0, 1):
        mine = sent.flows == flow
        count = np.count_nonzero(mine)
        assert count % one.frames == 0
        assert sent.places[mine].tolist() == list(range(one.frames)) * (count // one.frames)
        assert (np.diff(sent.times[mine]) >= one.lengths.min() * 80 // 1000).all()


def test_a_paced_client_sends_at_fixed_intervals():
    sent = arrivals.draw(Stream((1e5,), ms=3, warm_ms=0, paced=True), datagram(HOST, 16), rng())
    assert len(sent.times) == 300
    assert set(np.diff(sent.times).tolist()) == {10_000}


def test_clients_share_the_link_and_what_does_not_fit_on_it_before_the_end_is_not_sent():
    load = Stream((2e4,) * 3, ms=1, warm_ms=0, message=4096, wire=Wire(gbit_per_s=1))
    one = datagram(HOST, 4096)
    sent = arrivals.draw(load, one, rng())
    assert len(set(sent.flows.tolist())) == 3
    assert (np.diff(sent.times) >= 8 * one.lengths[sent.places[1:]]).all()
    assert sent.times.max() <= MS
    whole = np.unique(np.stack([sent.flows, sent.numbers]), axis=1, return_counts=True)[1]
    assert set(whole.tolist()) == {one.frames}


# -- who is who ---------------------------------------------------------------------------------


def test_clients_that_are_one_flow_have_one_hash_and_datagrams_of_their_own():
    load = Stream((3e4, 3e4, 3e4), ms=1, clients=3, as_one=True, message=4096, paced=True)
    model, trace = senders(OVERLAY, load, 1)
    assert len(model.state.sockets) == 1
    assert set(trace["flow"].tolist()) == {0}
    assert len(set(trace["rss_hash"].tolist())) == 1
    assert set(np.unique(trace["seq"], return_counts=True)[1].tolist()) == {3}
    found = udp(OVERLAY, load, 1)
    assert (found.lost, found.reordered) == (0, 0)
    assert found.messages_per_s == pytest.approx(9e4, rel=0.1)


def test_clients_of_one_server_share_a_socket_and_keep_flows_and_hashes_of_their_own():
    model, trace = senders(HOST, Stream((1e5,) * 6, ms=1, clients=3, threads=1), 1)
    assert len(model.state.sockets) == 2
    assert model.knobs.threads == 1
    for socket in (0, 1):
        mine = trace[trace["socket"] == socket]
        assert set(mine["flow"].tolist()) == {3 * socket, 3 * socket + 1, 3 * socket + 2}
    assert len(set(trace["rss_hash"].tolist())) == 6


@pytest.mark.parametrize("system", [HOST, OVERLAY])
def test_fragments_of_all_flows_between_two_addresses_have_one_hash(system):
    def hashes(**more):
        _, trace = senders(system, Stream((1e5,) * 4, ms=1, **more), 1)
        return [set(trace["rss_hash"][trace["flow"] == flow].tolist()) for flow in range(4)]

    one = hashes(message=4096)
    assert len(one[0]) == 1
    assert one == [one[0]] * 4
    a, b, c, d = hashes(message=4096, pairs=2)
    assert (a, b) == (c, d)
    assert a != b
    assert len(set.union(*hashes(message=1000))) == 4  # whole datagrams have ports


def test_a_thread_may_read_many_connections():
    model, _ = connected(HOST, Closed(5, ms=1, clients=2, threads=4), 1)
    assert len(model.state.sockets) == 10
    assert model.knobs.threads == 4
    tasks = [socket.task for socket in model.state.sockets]
    assert tasks[:4] == tasks[4:8]
    assert len(set(tasks)) == 4


# -- measured -----------------------------------------------------------------------------------


@pytest.mark.parametrize("system", [HOST, OVERLAY, FALCON, BY_NAME["rps"], BY_NAME["mflow"]])
@pytest.mark.parametrize(
    "load",
    [
        Stream((2e4,) * 3, ms=4, message=4096, clients=3),
        Stream((1500.0,), ms=4, message=MOST_DATAGRAM, paced=True),
        Closed(2, ms=4, warm_ms=2, window=64, message=4096),
        Closed(2, ms=4, warm_ms=2, window=256, message=65_536),
        Closed(2, ms=4, warm_ms=2, window=64, message=4096, rate=2e4),
    ],
    ids=["udp 4 KB", "udp 64 KB", "tcp 4 KB", "tcp 64 KB", "paced tcp"],
)
def test_messages_are_counted_as_such_and_all_frames_accounted_for(system, load):
    found = measure(system, load, seed=2)
    assert found.is_conserved
    assert found.messages_per_s > 0
    size = load.message
    # Payload that is read is of messages, but for one of each flow that is under way.
    assert found.gbit_per_s == pytest.approx(found.messages_per_s * size * 8e-9, rel=0.25)
    if isinstance(load, Stream):
        frames = datagram(system, size).frames
        assert found.pps == pytest.approx(found.messages_per_s * frames)
        assert found.lost == 0
        assert len(found.latencies) == pytest.approx(found.messages_per_s * load.ms / 1000)


def test_below_saturation_every_system_reads_what_is_sent():
    for system in (HOST, OVERLAY):
        found = measure(system, Stream((2e4,) * 3, ms=20, message=4096, clients=3, paced=True), 1)
        assert found.messages_per_s == pytest.approx(6e4, rel=0.01)
        paced = Closed(3, ms=20, message=4096, rate=1e4, window=64)
        assert measure(system, paced, 1).messages_per_s == pytest.approx(3e4, rel=0.02)


def test_nagle_joins_writes_to_full_segments_and_messages_are_counted_by_bytes():
    busy = Closed(1, ms=5, message=4096, window=64, nagle=True)
    found = measure(HOST, busy, 1)
    assert found.gbit_per_s == pytest.approx(found.messages_per_s * 4096 * 8e-9)
    assert found.gbit_per_s == pytest.approx(found.pps * 1448 * 8e-9, rel=0.01)
    assert len(found.latencies) == pytest.approx(found.pps * 5e-3 / 3, rel=0.02)  # three segments
    writes = Closed(1, ms=5, message=16, window=64, nagle=True, rate=1e6)
    assert measure(HOST, writes, 1).messages_per_s == pytest.approx(1e6, rel=0.03)


def test_loads_are_those_of_the_measured_time():
    silent = measure(HOST, Stream((1e5,), ms=10, warm_ms=0), 1)
    late = measure(HOST, Stream((1e5,), ms=10, warm_ms=200), 1)
    assert sum(late.loads.values()) == pytest.approx(sum(silent.loads.values()), rel=0.2)


def test_a_client_measures_half_a_round_trip_with_sender_and_wire():
    wire = Wire(there_ns=1000, back_ns=5000)
    load = Stream((1e4,), ms=10, send_ns=3000, wire=wire)
    found = measure(HOST, load, 1)
    assert found.rest_ns == 9000
    assert found.half_rtt_us(0.5) == pytest.approx((found.latency_us(0.5) + 9) / 2)
    same = measure(HOST, Stream((1e4,), ms=10), 1)
    assert same.latency_us(0.5) == found.latency_us(0.5)
    tcp = Closed(1, ms=10, message=4096, rate=1e4, send_ns=3000, wire=wire)
    assert measure(HOST, tcp, 1).rest_ns == 8000  # a TCP message's latency has the way there


def test_a_datagrams_latency_begins_with_its_first_fragment():
    slow = Wire(gbit_per_s=1)  # 45 fragments take half a millisecond
    found = udp(HOST, Stream((100.0,), ms=40, message=MOST_DATAGRAM, wire=slow), 1)
    assert found.latency_us(0.0) > 8e-3 * 44 * 1514


def test_an_option_for_idle_states_delays_a_quiet_host():
    def latency(**knobs):
        return measure(HOST, Stream((1e4,), ms=10, knobs=knobs), 1).latency_us(0.5)

    assert latency(idle_exit_ns=10_000) > latency() + 10


# -- what makes no load -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Stream((), ms=1), r"rates: \[\]; expected messages/s"),
        (lambda: Stream((0.0,), ms=1), "rates: .*above 0"),
        (lambda: Stream((1.0,), ms=0), "ms: 0; expected 1 to"),
        (lambda: Stream((1.0,), ms=1, warm_ms=-1), "warm_ms: -1"),
        (lambda: Stream((1.0,), ms=1, surging=2), "surging: 2; expected 0 to 1"),
        (lambda: Stream((1.0,), ms=1, message=65_508), "message: 65508; expected 0 to 65507"),
        (lambda: Stream((1.0,), ms=1, message=5, size=100), "size: 100 beside message"),
        (lambda: Stream((1.0,) * 3, ms=1, clients=2), "clients: 2; expected a divisor of the 3"),
        (lambda: Stream((1.0,), ms=1, clients=0), "clients: 0; expected 1 to 1"),
        (lambda: Stream((1.0,) * 4, ms=1, clients=2, as_one=True), "clients: 2; expected 4, of"),
        (lambda: Stream((1.0,) * 4, ms=1, clients=2, threads=3), "threads: 3; expected 0 to 2"),
        (lambda: Stream((1.0,), ms=1, pairs=2), "pairs: 2; expected 1 to 1"),
        (lambda: Stream((1.0,), ms=1, send_ns=-1), "send_ns: -1"),
        (lambda: Closed(0, ms=1), "connections: 0; expected 1 to"),
        (lambda: Closed(1, ms=1, clients=0), "clients: 0"),
        (lambda: Closed(60_000, ms=1, clients=2), "flows: 120000"),
        (lambda: Closed(1, ms=1, message=10, asks=True), "message: 10; expected 0, for clients"),
        (lambda: Closed(1, ms=1, rate=10.0), "rate: 10.0; expected 0, without messages"),
        (lambda: Closed(1, ms=1, rate=1.0), "rate: 1.0; .*without messages"),
        (lambda: Closed(1, ms=1, nagle=True), "nagle: given; expected a message"),
        (lambda: Closed(1, ms=1, message=1, rate=-1.0), "rate: -1.0; expected messages/s from 0"),
        (lambda: Closed(1, ms=1, threads=2), "threads: 2; expected 0 to 1"),
        (lambda: Closed(1, ms=1, surging=2), "surging: 2"),
    ],
)
def test_what_makes_no_load_is_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()


def test_a_system_that_does_not_reassemble_says_so():
    with pytest.raises(UsageError, match="message: 4096 bytes to bypass; expected datagrams below"):
        measure(BY_NAME["bypass"], Stream((1.0,), ms=1, message=4096), 1)
