"""TCP at the other end of the wire: windows, losses, requests, and nothing unaccounted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxpath.config.knobs import Knobs
from rxpath.drivers.closed import ClosedLoop
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.tcp.connections import Connection, Step, Wire
from tests.examples import examples

MS = 1_000_000
FREE = {"ring": 65_536, "rcvbuf": 2**30, "max_backlog": 1_000_000}


USUAL = Wire()


def connected(*connections, wire=USUAL, think=(0,), slots=8192, **knobs):
    host = Model(
        Knobs.parse({"profile": "host", **knobs}),
        slots=slots,
        sockets=len(connections),
        flows=len(connections),
    )
    return ClosedLoop(host, list(connections), wire, think)


def stream(number=0, **more):
    more = {"chain": 0, "socket": number, **more}
    return Connection(rss_hash=0x9E3779B1 * (number + 1) % 2**32, **more)


def accounted(run):
    """Sent = delivered + drops by place + queued in the host + on the wire."""
    stats = run.model.stats()
    inside = stats["delivered"] + sum(stats["drops"].values()) + stats["queued"]
    return run.sent == inside + run.on_the_wire


def test_a_window_that_is_too_small_limits_the_rate_to_one_window_a_round_trip():
    run = connected(stream(window=4), wire=Wire(back_ns=1 * MS))
    run.run(200 * MS)
    acked = int(run.acknowledged()[0])
    assert acked % 4 == 0
    rounds = acked // 4
    assert 190 <= rounds <= 200  # a round trip is 1 ms and some microseconds of the host
    assert run.retransmits == run.timeouts == 0
    assert accounted(run)


def test_a_connection_has_a_receive_buffer_of_tcps_size():
    slow = {"service_ns": 5000, "gro": False}  # the application lags a window behind
    run = connected(stream(window=1024), rcvbuf=0, **slow)
    run.run(20 * MS)
    assert run.model.stats()["drops"]["socket_rcvbuff"] == 0
    run = connected(stream(window=1024), tcp_rcvbuf=100_000, **slow)
    run.run(20 * MS)
    assert run.model.stats()["drops"]["socket_rcvbuff"] > 0
    assert accounted(run)


def test_a_large_window_is_limited_by_the_host_and_loses_nothing():
    run = connected(stream(window=1024), **FREE)
    run.run(20 * MS)
    first = run.acknowledged()[0]
    run.run(40 * MS)
    rate = (run.acknowledged()[0] - first) / 0.02
    assert run.retransmits == 0
    busy = max(sum(cpu.values()) for cpu in run.model.stats()["busy_ns"])
    assert busy > 0.98 * 40 * MS  # some core has no time left
    assert 1e6 < rate < 3e6
    assert accounted(run)


def test_slow_start_begins_with_ten_segments():
    run = connected(stream(window=512), wire=Wire(back_ns=5 * MS))
    run.run(4 * MS)
    assert run.sent == 10  # TCP_INIT_CWND
    run.run(9 * MS)
    assert run.sent == 30  # each acknowledged segment lets two more go


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(st.integers(1, 5), st.sampled_from([4, 16, 64]), st.sampled_from([1, 3, 20, 300]))
def test_lost_segments_come_again_and_all_frames_are_accounted_for(flows, ring, window):
    run = connected(
        *(stream(n, window=window, start_ns=1000 * n) for n in range(flows)),
        ring=ring,
        queues=1,
        rx_usecs=200,  # so that frames pile up in a small ring
        rx_frames=1000,
    )
    for until in (5, 50, 400, 1500):
        run.run(until * MS)
        assert accounted(run)
        for row in run.senders.connections:
            assert row.una <= row.received <= row.high
            assert row.next - row.una <= window
    # A ring of four may be full whenever the fifth comes; but a starved sender keeps trying.
    assert ((run.acknowledged() > 0) | (run.senders.connections.array["timeouts"] > 0)).all()
    lost = run.model.stats()["drops"]["rx_missed"]
    assert (run.retransmits > 0) == (lost > 0)


def test_a_hole_is_filled_by_three_duplicates_long_before_the_timeout():
    wire = Wire(back_ns=100_000, rto_ns=10_000 * MS)
    pair = stream(0, window=64), stream(1, window=64, start_ns=30_000)
    run = connected(*pair, wire=wire, ring=32, queues=1, rx_usecs=20, rx_frames=16)
    run.run(100 * MS)
    assert run.model.stats()["drops"]["rx_missed"] > 0
    assert run.retransmits > 0
    assert run.timeouts == 0
    run.run(200 * MS)
    assert accounted(run)


def test_without_anything_behind_it_a_lost_segment_waits_for_the_timeout():
    wire = Wire(rto_ns=20 * MS)
    think = np.random.default_rng(3).integers(0, 2 * MS, 1000)  # or the same ones would always lose
    clients = [stream(n, window=1, thinks=True, payload=64, wire_len=128) for n in range(8)]
    slow = {"ring": 2, "queues": 1, "period_mode": "eqe", "rx_usecs": 500, "rx_frames": 1000}
    run = connected(*clients, wire=wire, think=think, **slow)
    run.run(1000 * MS)
    assert run.timeouts > 0
    assert run.latencies().max() >= 20 * MS
    assert (run.answered() > 0).all()
    assert accounted(run)


def test_each_timeout_without_an_acknowledgement_doubles_the_next_one():
    run = connected(stream(window=20), wire=Wire(rto_ns=MS), rcvbuf=0, service_ns=100 * MS)
    seen = [run.timeouts]
    for until in (1.5, 3.5, 7.5, 15.5, 31.5):  # RFC 6298, 5.5
        run.run(int(until * MS))
        seen.append(run.timeouts)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert (
        run.senders.connections[0].ssthresh == 5
    )  # half of the first flight, held (RFC 5681, 3.1)


def test_clients_ask_one_thing_at_a_time_and_think():
    think = np.full(4, 3 * MS)
    run = connected(stream(window=1, thinks=True, payload=64, wire_len=128), think=think)
    run.run(100 * MS)
    latencies = run.latencies()
    assert len(latencies) == run.answered()[0] == run.acknowledged()[0]
    period = 3 * MS + latencies.mean()
    assert abs(len(latencies) - 100 * MS / period) <= 1
    assert 10_000 < latencies.min() <= latencies.max() < 100_000  # ns: back_ns and the host
    assert len(run.latencies(since=50 * MS)) == pytest.approx(len(latencies) / 2, abs=1)


def test_service_time_makes_clients_queue_at_the_server():
    clients = [stream(n, window=1, thinks=True, payload=64, wire_len=128) for n in range(20)]
    run = connected(*clients, threads=1, service_ns=50_000)
    run.run(200 * MS)
    # Closed queue of one server: 20 clients, each waits for the others (response time law).
    throughput = run.answered().sum() / 0.2
    assert throughput * run.latencies().mean() / 1e9 == pytest.approx(20, rel=0.02)
    assert throughput == pytest.approx(1e9 / 51_000, rel=0.05)


def test_a_window_opens_when_it_is_told_to():
    run = connected(stream(window=2, most=8), wire=Wire(back_ns=MS))
    run.run(50 * MS)
    before = int(run.acknowledged()[0])
    run.open_window(0, 8)
    run.run(100 * MS)
    assert int(run.acknowledged()[0]) - before > 3 * before
    with pytest.raises(ConfigError, match="window: got 9, expected 8 to 8"):
        run.open_window(0, 9)


def test_the_same_input_gives_the_same_bytes_however_it_is_cut():
    def end(*cuts):
        clients = [stream(n, window=60, start_ns=n * 777) for n in range(3)]
        run = connected(*clients, ring=32, queues=2, rx_usecs=100, rx_frames=500)
        for until in (*cuts, 300 * MS):
            run.run(until)
        return run.senders.connections.array.tobytes(), run.model.state.tobytes()

    whole = end()
    assert end() == whole
    assert end(7 * MS, 7_123_457, 100 * MS)[0] == whole[0]


@pytest.mark.parametrize(
    ("connections", "more", "said"),
    [
        ([], {}, "connections"),
        ([stream(window=0)], {}, "connections.0.window"),
        ([stream(window=5000)], {}, "connections.0.window"),
        ([stream(window=2, thinks=True)], {}, "1, for a client"),
        ([stream()], {"think": (-1,)}, "think_ns"),
        ([stream()], {"think": ()}, "think_ns"),
        ([stream()], {"wire": Wire(gbit_per_s=0)}, "wire.gbit_per_s"),
        ([stream()], {"wire": Wire(back_ns=0)}, "wire.back_ns: got 0, expected 1 to"),
        ([stream()], {"wire": Wire(there_ns=-1)}, "wire.there_ns: got -1, expected 0 to"),
        ([stream()], {"wire": Wire(rto_ns=0)}, "wire.rto_ns: got 0, expected 1 to"),
        ([replace(stream(), chain=99)], {}, "connections.0.chain: got 99, expected 0 to"),
        ([replace(stream(), rss_hash=-1)], {}, "connections.0.rss_hash: got -1"),
        ([stream(1)], {}, "connections.0.socket: got 1, expected 0 to 0"),
        ([stream(most=-1)], {}, "connections.0.most: got -1, expected 0 to 4096 segments"),
        ([stream(wire_len=0)], {}, "connections.0.wire_len: got 0, expected 1 to 65535"),
        ([stream(payload=0)], {}, "connections.0.payload: got 0, expected 1 to"),
        ([stream(start_ns=-1)], {}, "connections.0.start_ns: got -1"),
    ],
)
def test_what_makes_no_connection_is_refused(connections, more, said):
    host = Model(Knobs.parse({"profile": "host"}), slots=64, sockets=1, flows=1)
    with pytest.raises(ConfigError, match=said):
        ClosedLoop(host, connections, more.get("wire", Wire()), more.get("think", (0,)))


def test_too_few_slots_are_said():
    run = connected(stream(window=1000), slots=16)
    with pytest.raises(ConfigError, match="slots"):
        run.run(100 * MS)


# -- connections that are set up ---------------------------------------------------------------


def client(*setup, renews=True, chain=0, **more):
    return Connection(
        rss_hash=5,
        chain=chain,
        window=1,
        thinks=True,
        payload=64,
        wire_len=128,
        setup=setup,
        renews=renews,
        **more,
    )


def test_each_step_of_a_set_up_costs_a_round_trip_before_the_request():
    means = []
    for steps in range(4):
        run = connected(client(*[Step(0)] * steps, renews=steps > 0), wire=Wire(back_ns=MS))
        run.run(200 * MS)
        assert accounted(run)
        count, spent = run.setups()[0]
        assert abs(count - run.answered()[0] * (steps > 0)) <= 1
        if steps:
            assert spent / count == pytest.approx(steps * (means[0]), rel=0.01)
        means.append(run.latencies().mean())
    assert means[1:] == pytest.approx([means[0] * n for n in (2, 3, 4)], rel=0.01)


def test_a_kept_connection_is_set_up_once():
    run = connected(client(Step(0), Step(0), renews=False), wire=Wire(back_ns=MS))
    run.run(100 * MS)
    assert run.setups()[0, 0] == 1
    first, *others = run.latencies()
    assert first == pytest.approx(3 * np.mean(others), rel=0.01)
    assert run.sent == run.answered()[0] + 3  # two of the set-up, and the request under way


def test_a_stream_sends_nothing_before_its_set_up_and_begins_with_ten_segments():
    run = connected(stream(window=64, setup=[Step(0)] * 2), wire=Wire(back_ns=MS))
    for until, sent in ((0.5, 1), (1.5, 2), (2.5, 2 + 10), (3.5, 2 + 30)):
        run.run(int(until * MS))
        assert run.sent == sent
    assert accounted(run)


def test_a_set_up_s_segments_take_their_own_chain():
    found = []
    for name, wire_len in (("plain", 74), ("tunnel", 124)):
        host = Model(Knobs.parse({"profile": "slim"}), slots=64, sockets=1, flows=1)
        step = Step(host.chain(name), wire_len)
        run = ClosedLoop(host, [client(step, step, chain=host.chain("plain"))])
        run.run(10 * MS)
        (count, spent), requests = run.setups()[0], int(run.answered()[0])
        rest = host.stats()["bytes"] - requests * (2 * wire_len + 128)
        assert 0 <= rest <= 2 * wire_len + 128  # of the request that is under way
        found.append((spent / count, run.latencies().mean() - spent / count))
    (plain, data), (tunnel, same_data) = found
    assert tunnel > plain + 2 * 1000  # ns: two more softirqs for each segment
    assert data == pytest.approx(same_data, rel=0.01)


def test_a_lost_step_is_sent_again_after_the_timeout():
    wire = Wire(rto_ns=20 * MS)
    clients = [client(Step(0), socket=n, start_ns=70_000 * n) for n in range(8)]
    think = np.arange(1, 18) * MS // 10
    run = connected(
        *clients, wire=wire, think=think, ring=2, queues=1, rx_usecs=500, rx_frames=1000
    )
    run.run(1000 * MS)
    assert run.timeouts > 0
    assert run.setups()[:, 0].sum() > 100
    assert accounted(run)


def test_a_stream_whose_handshake_was_lost_begins_with_one_segment_in_slow_start():
    host = Model(Knobs.parse({"denied": [0]}), slots=256, sockets=1, flows=1)
    wire = Wire(back_ns=MS, rto_ns=20 * MS)
    run = ClosedLoop(
        host,
        [stream(window=64, chain=host.chain("tunnel"), setup=[Step(host.chain("tunnel"))])],
        wire,
    )
    run.run(10 * MS)
    host.reconfigure({"denied": []})
    run.run(int(20.5 * MS))
    assert run.sent == 2  # the step again
    for until, sent in ((21.5, 1), (22.5, 3), (23.5, 7), (24.5, 15)):  # RFC 5681, 3.1
        run.run(int(until * MS))
        assert run.sent == 2 + sent


def test_a_denied_connection_is_never_set_up_where_the_set_up_meets_the_hook():
    host = Model(Knobs.parse({"profile": "slim", "denied": [0]}), slots=64, sockets=1, flows=1)
    step = Step(host.chain("tunnel"))
    run = ClosedLoop(host, [stream(window=8, chain=host.chain("plain"), setup=[step])])
    run.run(500 * MS)
    assert host.stats()["delivered"] == 0
    assert host.stats()["drops"]["netfilter_drop"] == run.sent > 1
    assert accounted(run)


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (stream(setup=[Step(0)] * 5), "connections.0.setup: got 5, expected at most 4"),
        (stream(setup=[Step(0)], renews=True), "connections.0.renews"),
        (client(renews=True), "connections.0.renews"),
    ],
)
def test_what_makes_no_set_up_is_refused(connection, said):
    with pytest.raises(ConfigError, match=said):
        connected(connection)
