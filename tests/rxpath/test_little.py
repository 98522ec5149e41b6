"""Little's law L = lambda W, and what the slowest core lets through.

L comes from walking all queues of the host at each instant when their content may have changed, W
from the latencies that its events name: they have nothing in common.  A run that begins and ends
with an empty host obeys the law exactly: the sum of both over time is one integer.
"""

from __future__ import annotations

import numpy as np
import pytest
from closed_twin import Net
from core_costs import CoreCosts
from model_hosts import accounted, flood, frame_of, model
from pure_queues import BACKLOG, RING, poisson, queues

from rxpath.compile.tables import Rows
from rxpath.config.knobs import Knobs
from rxpath.drivers.closed import ClosedLoop
from rxpath.drivers.virtual import make_trace
from rxpath.host import Model
from rxpath.model import counters
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.tcp.connections import Connection, Wire

pytestmark = pytest.mark.slow


def observe(host, trace):
    """(frame-ns in the host's queues, frame-ns of the events' latencies, frames that entered)."""
    out = Rows.new(Event, 4096)
    area = latency = now = 0
    arrivals = list(enumerate(trace))[::-1]
    while arrivals or counters.queued(host.state):
        coming = int(arrivals[-1][1]["arrival"]) if arrivals else host.next_deadline()
        time = min(host.next_deadline(), coming)
        area += counters.queued(host.state) * (time - now)
        now = time
        count = host.advance(now, out)
        latency += int(out.array["latency"][:count].sum())
        while arrivals and arrivals[-1][1]["arrival"] == now:
            slot, frame = arrivals.pop()
            host.receive(slot, now, frame_of(frame))
    return area, latency, len(trace) - host.stats()["drops"]["rx_missed"]


def flows(host, count, gap):
    """Bursts of four flows, UDP and TCP by turns."""
    rng = np.random.default_rng(8)
    flow = rng.integers(0, 4, count)
    tcp = flow % 2 == 1
    return make_trace(
        np.cumsum(rng.integers(0, 2 * gap, count)),
        rss_hash=rng.integers(0, 2**32, 4)[flow],
        flow=flow,
        chain=host.chain("tunnel"),
        protocol=np.where(tcp, codes.TCP, codes.UDP),
        wire_len=np.where(tcp, 1564, 114),
        payload=np.where(tcp, 1448, 0),
        seq=np.where(tcp, np.cumsum(tcp) * 1448 % 2**32, 0),
        tcp_flags=np.where(tcp, 0x10, 0),
    )


def pure():
    host = queues(**{RING: {"ns": 700}, BACKLOG: {"ns": 900}})
    arrival = poisson(np.random.default_rng(6), 1200, 2000)
    return host, make_trace(arrival, chain=host.chain("tunnel"))


def mixed(gap, **knobs):
    host = model(flows=4, slots=2000, **knobs)
    return host, flows(host, 1000, gap)


@pytest.mark.parametrize(
    ("make", "drops"),
    [
        (pure, set()),
        (lambda: mixed(900, policy="falcon"), set()),
        (lambda: mixed(900, policy="mflow", mflow_batch=5), set()),
        (lambda: mixed(200, policy="falcon", ring=16, max_backlog=8), {"rx_missed", "cpu_backlog"}),
        (lambda: mixed(300, ring=16, max_backlog=8), {"rx_missed", "gro_cell"}),
        (lambda: mixed(600, policy="falcon", rcvbuf=9000), {"socket_rcvbuff"}),
    ],
    ids=["queues", "falcon", "mflow", "overload", "serialized overload", "small socket"],
)
def test_little_s_law(make, drops):
    host, trace = make()
    area, latency, entered = observe(host, trace)
    time = host.stats()["clock_ns"]
    number, rate, mean = area / time, entered / time, latency / entered
    assert area == latency
    assert number == pytest.approx(rate * mean)
    assert number > 0
    lost = {place for place, count in host.stats()["drops"].items() if count}
    assert drops <= lost if drops else not lost
    assert accounted(host)


def connected(connections, think, **knobs):
    knobs = Knobs.parse({"irq_cpus": [1], "app_cpus": [7], "rps_cpus": [0], **knobs})
    count = len(connections)
    host = Model(knobs, slots=4096, sockets=count, flows=count)
    wire = Wire(rto_ns=400_001)
    return Net(knobs, count, connections, wire, think), ClosedLoop(host, connections, wire, think)


def test_little_s_law_in_the_closed_loop():
    """The latencies are the plain twin's, which are the model's; the queues are the model's."""
    sets = {"cpus": [0, 2, 4], "grosplit_cpus": [6]}
    streams = [Connection(rss_hash=77 * n, chain=1, socket=n, window=20) for n in range(4)]
    net, closed = connected(streams, [0], policy="falcon", falcon=sets, ring=8, rcvbuf=20_000)
    area = latency = empty = 0
    for _ in range(3000):
        before, now = net.now, net.next_time()
        area += counters.queued(closed.model.state) * (now - before)
        latency += sum(row[7] for row in net.step())
        closed.run(now)
        if counters.queued(closed.model.state) == 0:
            empty, found = now, (area, latency)
    assert empty > net.now / 2
    assert found[0] == found[1] > 0
    assert closed.retransmits > 0


def test_clients_obey_the_response_time_law():
    """N = X (R + Z): ten clients are always either waiting or thinking (Little, all around)."""
    think = np.random.default_rng(1).integers(0, 60_000, 4096)
    ask = {"window": 1, "thinks": True, "payload": 64, "wire_len": 128}
    clients = [Connection(rss_hash=n * 99, chain=1, socket=n, **ask) for n in range(10)]
    _, closed = connected(clients, think, service_ns=3000, threads=1)
    closed.run(100_000_000)
    answered = closed.answered().sum() / 100_000_000
    assert answered * (closed.latencies().mean() + think.mean()) == pytest.approx(10, rel=0.01)


# -- saturated: the slowest core sets the rate -----------------------------------------------------
HEAVY = {"br_handle_frame.udp": 1000}  # so that the bridge has the slowest core
COSTS = CoreCosts(HEAVY)


def saturating(policy, slots=16_384, **knobs):
    sets = {"cpus": [0, 2, 4, 6], "switch_off": False, "balancing": False}
    return model(policy=policy, slots=slots, falcon=sets, rcvbuf=2**31 - 1, **knobs)


@pytest.mark.parametrize(
    ("policy", "ns"), [("falcon", COSTS.udp_pipeline()), ("same_cpu", COSTS.udp_serialized())]
)
def test_udp_is_as_fast_as_the_slowest_core_of_a_pipeline_and_as_one_core_for_all(policy, ns):
    host = saturating(policy, cost_overrides=HEAVY)
    assert flood(host, 200_000) == pytest.approx(1e9 / ns, rel=0.01)
    assert accounted(host)


@pytest.mark.parametrize("slow", ["skb_alloc.tcp", "gro_receive.tcp"])
def test_tcp_is_as_fast_as_the_slower_core_of_the_split_first_stage(slow):
    overrides = {slow: 1000}
    found, window = CoreCosts(overrides), 900  # as many as a backlog takes
    host = saturating("falcon", cost_overrides=overrides)
    closed = ClosedLoop(
        host, [Connection(rss_hash=0x5A17C0DE, chain=host.chain("tunnel"), window=window)]
    )
    closed.run(20_000_000)
    before = closed.acknowledged()[0]
    closed.run(120_000_000)
    driver, split = found.tcp_driver(), found.tcp_split("docker")
    assert (driver > split) == (slow == "skb_alloc.tcp")
    rate = (closed.acknowledged()[0] - before) / 0.1
    assert rate == pytest.approx(1e9 / max(driver, split), rel=0.01)
    assert closed.retransmits == 0
