"""TCP in a closed loop against its plain twin: at each instant the same, to the last number."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import numpy as np
from closed_twin import Net
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from model_hosts import COARSE
from test_twin import HASHES, hosts, mostly

from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers import closed
from rxpath.drivers.closed import ClosedLoop
from rxpath.host import Model
from rxpath.model.state import codes
from rxpath.tcp.connections import Connection, Step, Wire
from tests.examples import examples

SOCKETS, STEPS = 2, 700
CHAINS = list(profiles.load())


@st.composite
def connections(draw):
    thinks = draw(mostly(False, True))
    lengths = draw(st.lists(st.sampled_from([74, 124]), max_size=3))
    message = 0 if thinks else draw(st.sampled_from([0, 0, 10, 1448, 4096, 4344, 20_000]))
    setup = [Step(CHAINS.index(draw(st.sampled_from(CHAINS))), length) for length in lengths]
    payload = draw(st.sampled_from([64, 1448]))
    return Connection(
        rss_hash=draw(st.sampled_from(HASHES)),
        chain=CHAINS.index(draw(mostly("docker", *CHAINS))),
        socket=draw(st.integers(0, SOCKETS - 1)),
        window=1 if thinks else draw(st.sampled_from([1, 3, 8, 40])),
        wire_len=draw(st.sampled_from([128, 1000, 1564])) + 1448 * bool(message),
        payload=payload,
        message=message,
        joins=bool(message) and message % payload == 0 and draw(st.booleans()),
        gap_ns=draw(st.sampled_from([0, 500, 20_000])) if message else 0,
        thinks=thinks,
        setup=setup,
        renews=thinks and bool(setup) and draw(st.booleans()),
        start_ns=draw(st.integers(0, 5000)),
    )


wires = st.builds(
    Wire,
    gbit_per_s=st.sampled_from([1, 8, 100]),
    there_ns=st.sampled_from([0, 2000]),
    back_ns=st.sampled_from([1, 1000, 10_007]),
    rto_ns=st.sampled_from([30_011, 200_003, 2_000_003]),
)
tight = st.fixed_dictionaries(
    {
        "ring": st.sampled_from([1, 3, 8, 1024]),
        "max_backlog": st.sampled_from([0, 2, 8, 1000]),
        "rcvbuf": st.sampled_from([0, 4000, 20_000, 212_992]),
    }
)


def state_of(closed_loop):
    state = closed_loop.model.state
    return {
        "delivered": state.flows.array["delivered"].tolist(),
        "drops": state.counters.drops.array[1:].tolist(),
        "busy": state.cpus.array["busy"][: closed_loop.model.knobs.cpus, :4].tolist(),
        "latencies": closed_loop.latencies().tolist(),
        "on the wire": closed_loop.on_the_wire,
    }


def state_of_twin(net, delivered):
    kinds = codes.BUSY_NAMES[:4]
    return {
        "delivered": delivered,
        "drops": [net.host.drops[name] for name in codes.DROP_REASONS[1:]],
        "busy": [[cpu.busy[kind] for kind in kinds] for cpu in net.host.cpus[: net.host.k.cpus]],
        "latencies": net.latencies,
        "on the wire": net.on_the_wire,
    }


def loop(knobs, conns, wire, think, chunk=closed.CHUNK):
    host = Model(knobs, slots=4096, sockets=SOCKETS, flows=len(conns))
    with patch.object(closed, "CHUNK", chunk):
        return ClosedLoop(host, conns, wire, think)


def follow(net, closed_loop):
    """Go through the twin's instants with both; what differs is said with its instant."""
    delivered, rows = [0] * len(net.senders), []
    for _ in range(STEPS):
        closed_loop.run(net.next_time() - 1)
        assert state_of(closed_loop) == state_of_twin(net, delivered), net.now
        rows += (found := net.step())
        for row in found:
            delivered[row[2]] += row[0] == codes.DELIVER
        closed_loop.run(net.now)
        assert state_of(closed_loop) == state_of_twin(net, delivered), net.now
        for sender, row in zip(net.senders, closed_loop.senders.connections, strict=True):
            assert {key: getattr(row, key) for key in net.row(sender)} == net.row(sender), net.now
    return rows


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    hosts,
    tight,
    st.lists(connections(), min_size=1, max_size=4),
    wires,
    st.lists(st.integers(0, 30_000), min_size=1, max_size=3),
    mostly(False, True),
    st.sampled_from([1, 3, closed.CHUNK]),
)
def test_the_closed_loop_does_what_its_plain_twin_does(
    raw, limits, conns, wire, think, coarse, chunk
):
    overrides = {"cost_overrides": COARSE | raw["cost_overrides"]} if coarse else {}
    first = [flow for flow in raw["priority"] if flow < len(conns)]
    knobs = Knobs.parse({**raw, **limits, **overrides, "priority": first})
    net = Net(knobs, SOCKETS, conns, wire, think)
    closed_loop = loop(knobs, conns, wire, think, chunk)
    follow(net, closed_loop)
    stats = closed_loop.model.stats()
    inside = stats["delivered"] + sum(stats["drops"].values()) + stats["queued"]
    assert closed_loop.sent == inside + closed_loop.on_the_wire
    assert stats["reordered"] == sum(net.host.reordered)
    whole = loop(knobs, conns, wire, think)
    whole.run(net.now)
    assert np.array_equal(whole.senders.connections.array, closed_loop.senders.connections.array)
    for what in ("retransmits", "timeouts"):
        event(f"{what}: {getattr(closed_loop, what) > 0}")
    event(f"fast retransmits: {closed_loop.retransmits > closed_loop.timeouts}")


def test_a_frame_that_is_lost_while_another_is_read_takes_no_acknowledgement_away():
    few = {"policy": "falcon", "max_backlog": 2, "rx_usecs": 0, "gro": False, "service_ns": 20_000}
    cpus = {"cpus": 6, "irq_cpus": [1], "app_cpus": [5], "rps_cpus": [0], "queues": 1}
    sets = {"cpus": [0], "grosplit_cpus": [2]}
    none = {f"{name}.ns": 0 for name in ("idle_switch", "copy_frag", "tcp_try_coalesce")}
    knobs = Knobs.parse({**few, **cpus, "falcon": sets, "cost_overrides": COARSE | none})
    one = Connection(rss_hash=1, chain=CHAINS.index("host"), window=16, wire_len=1000)
    wire = Wire(gbit_per_s=8, there_ns=0, back_ns=1000, rto_ns=2_000_003)
    net = Net(knobs, SOCKETS, [one], wire, [0])
    rows = follow(net, loop(knobs, [one], wire, [0]))
    pairs = pairwise(rows)
    both = [(a[0], b[0]) == (codes.DELIVER, codes.DROP) and a[4] == b[4] for a, b in pairs]
    assert any(both)  # at the same nanosecond
