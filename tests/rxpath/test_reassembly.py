"""IP fragments: a datagram is read whole or not at all, and what waits for it is bounded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import accounted, model, run
from test_twin import HASHES, hosts

from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import Replay, make_trace
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model.state import codes
from tests.examples import examples

FREE = {
    f"{name}.{amount}": 0 for name in costs.load("xeon-silver-4114") for amount in ("ns", "ns_kib")
}
PARTS = 3


def fragments(host, numbers, gap=1000, profile="host", parts=PARTS, **columns):
    """Fragments of datagrams of ``parts``: which datagram each is of, in the order of arrival."""
    numbers = np.asarray(numbers)
    columns = {"wire_len": 1514, "payload": 1480, **columns}
    return make_trace(
        np.arange(len(numbers)) * gap,
        rss_hash=7,
        chain=host.chain(profile),
        seq=numbers,
        fragments=parts,
        **columns,
    )


def fates(host, trace):
    """Of each datagram (flow, number): how many frames were read, and when."""
    found = defaultdict(lambda: [0, set()])
    for events in Replay(host, trace).finish():
        for row in events:  # its slot is not used again before the next array of events
            fate = found[int(row["flow"]), host.state.slots[row["slot"]].seq]
            if row["kind"] == codes.DELIVER:
                fate[0] += 1
                fate[1].add(int(row["time"]))
    return found


# -- whole or not at all ------------------------------------------------------------------------


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(hosts, st.integers(0, 2**32), st.sampled_from([100, 400, 3000]), st.sampled_from([2, 3, 7]))
def test_a_datagram_is_delivered_whole_or_not_at_all(raw, seed, gap, parts):
    host = Model(Knobs.parse({**raw, "profile": "docker"}), slots=2048, sockets=2, flows=3)
    rng = np.random.default_rng(seed)
    flow = np.repeat(rng.integers(0, 3, 60), parts)
    number = np.repeat(np.arange(60), parts)
    kept = rng.random(len(flow)) > 0.02  # some are lost on the way to the NIC
    flow, number = flow[kept], number[kept]
    trace = make_trace(
        np.arange(len(flow)) * gap,
        rss_hash=np.array(rng.choice(HASHES, 3))[flow],
        flow=flow,
        socket=flow % 2,
        chain=host.chain(str(rng.choice(["docker", "host", "weave", "offload"]))),
        wire_len=300,
        payload=266,
        seq=number,
        fragments=parts,
    )
    found = fates(host, trace)
    assert all(delivered in (0, parts) for delivered, _ in found.values())
    assert all(len(times) <= 1 for _, times in found.values())  # read at once
    assert accounted(host)
    assert host.stats()["queued"] == 0
    assert (host.state.reassembly.memory, host.state.reassembly.oldest) == (0, 0)


def test_a_full_receive_buffer_drops_datagrams_and_not_fragments():
    host = model(profile="host", rcvbuf=0, service_ns=50_000)
    found = fates(host, fragments(host, np.repeat(np.arange(40), PARTS), gap=200))
    assert {delivered for delivered, _ in found.values()} == {0, PARTS}
    lost = [delivered for delivered, _ in found.values()].count(0)
    assert host.stats()["drops"]["socket_rcvbuff"] == lost * PARTS


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2), (2, 0, 1)])
def test_fragments_are_read_in_the_order_of_their_offsets_however_they_come(order):
    overrides = FREE | {"driver_poll.ns_kib": 1024}  # 1 ns a byte
    host = model(profile="host", flows=4, queues=3, cost_overrides=overrides)
    # A queue and a core for each fragment, and on each core a frame that keeps it for a while.
    queue = np.tile(np.arange(PARTS), 2)
    ahead = np.arange(2 * PARTS) < PARTS
    trace = make_trace(
        np.arange(2 * PARTS),
        rss_hash=queue,
        flow=np.where(ahead, 1 + queue, 0),
        chain=host.chain("host"),
        wire_len=np.where(ahead, 50_000 * (1 + np.array(order)[queue]), 1514),
        payload=np.where(ahead, 0, 1480),
        seq=0,
        fragments=np.where(ahead, 0, PARTS),
        socket=0,
    )
    events = run(host, trace)
    mine = events[events["flow"] == 0]
    arrived = mine["time"] - mine["latency"]
    assert arrived.tolist() == [3, 4, 5]  # read in this order, by one read
    assert len(set(mine["time"].tolist())) == 1
    assert host.state.flows[0].reordered == 0
    assert host.state.reassembly.memory == 0


# -- costs --------------------------------------------------------------------------------------


def test_a_fragment_pays_for_its_queue_and_a_datagram_for_its_protocol():
    amounts = {"ip_rcv": 10, "ip_defrag": 100, "ip_frag_reasm": 1000, "l4_rcv": 20_000}
    overrides = FREE | {f"{name}.ns": ns for name, ns in amounts.items()}
    host = model(profile="host", cost_overrides={**overrides, "copy_to_user.ns_kib": 1024})
    run(host, fragments(host, [0] * PARTS))
    busy = host.stats()["busy_ns"]
    assert sum(cpu["softirq"] for cpu in busy) == PARTS * (10 + 100) + 1000 + 20_000
    assert sum(cpu["task"] for cpu in busy) == 1514 + 2 * 1480  # 1 ns a byte, headers once
    assert host.stats()["delivered"] == PARTS


def test_a_whole_datagram_pays_nothing_for_fragments():
    host = model(profile="host", cost_overrides=FREE | {"ip_defrag.ns": 7, "ip_frag_reasm.ns": 7})
    run(host, fragments(host, [0, 1, 2], parts=0))
    assert sum(cpu["softirq"] for cpu in host.stats()["busy_ns"]) == 0


def test_gro_of_the_protocol_does_not_see_fragments():
    amounts = {"udp_gro_receive.udp": 100, "inner_udp_gro_receive.udp": 10, "br_handle_frame.ns": 1}

    def taken(parts):
        host = model(profile="docker", cost_overrides=FREE | amounts)
        run(host, fragments(host, [0] * PARTS, profile="docker", parts=parts))
        busy = host.stats()["busy_ns"]
        return sum(cpu["softirq"] + cpu["ksoftirqd"] for cpu in busy)

    assert (taken(0), taken(PARTS)) == (PARTS * 111, PARTS)


def test_one_recvmsg_reads_a_datagram_and_what_is_per_frame_counts_each_fragment(tmp_path):
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text()
    path = tmp_path / "costs.toml"
    path.write_text(text + '\n[pieces]\nper = "segment"\nns = 0\nsource = "a test"\n')
    chain = tmp_path / "chain.toml"
    chain.write_text(
        '[own]\n[[own.stage]]\nkind = "napi"\ndevice = "eth0"\nifindex = 2\n'
        'costs = ["driver_poll", "l4_rcv"]\ndefrag = "l4_rcv"\n[[own.stage]]\nkind = "socket"\n'
        'device = "eth0"\nifindex = 2\ncosts = ["recvmsg", "pieces"]\n'
    )
    overrides = FREE | {"recvmsg.ns": 1000, "pieces.ns": 7}
    own = {"profile": f"{chain}:own", "costs": str(path), "cost_overrides": overrides}
    host = model(**own)
    run(host, fragments(host, [0] * PARTS + [1] * PARTS, profile=own["profile"]))
    spent = sum(cpu["task"] for cpu in host.stats()["busy_ns"])
    assert spent == 2 * (1000 + PARTS * 7)


def test_the_receive_buffer_is_charged_with_all_fragments():
    kept = {}
    for limit in (2 * (1514 + 576) - 1, 2 * (1514 + 576)):
        host = model(profile="host", rcvbuf=limit, service_ns=10**7)
        run(host, fragments(host, np.repeat([0, 1, 2], 2), parts=2))
        kept[limit] = host.stats()["delivered"]
    # The first is being read and counts; the second is refused when that is over the limit.
    assert list(kept.values()) == [2, 4]


# -- bounds -------------------------------------------------------------------------------------


def test_a_datagram_that_lacks_a_fragment_is_dropped_when_its_time_is_over():
    interval = {"falcon": {"load_interval_ns": 10_000}}
    host = model(profile="host", ipfrag_time_ns=1_000_000, **interval)
    events = run(host, fragments(host, [0, 0, 1, 1, 1]))
    lost = events[events["reason"] == codes.FRAG_REASM_TIMEOUT]
    assert len(lost) == 2
    assert ((lost["time"] >= 1_000_000) & (lost["time"] < 1_030_000)).all()
    assert host.stats()["delivered"] == PARTS
    assert accounted(host)


@pytest.mark.parametrize(("less", "kept"), [(0, 4), (1, 3)])
def test_over_the_memory_limit_every_fragment_is_dropped_and_none_is_evicted(less, kept):
    each = 1514 + 576
    host = model(profile="host", ipfrag_high_thresh=3 * each - less)
    trace = fragments(host, [0, 1, 2, 3, 4, 0, 0])  # the last one comes when more is used than that
    for _ in Replay(host, trace).run(10**6):
        pass
    stats = host.stats()
    assert stats["drops"]["frag_memory"] == 7 - kept  # also those that would have made 0 whole
    assert stats["queued"] == kept
    assert host.state.reassembly.memory == kept * each
    assert accounted(host)


def test_memory_and_tables_are_empty_again_when_all_is_read():
    host = model(profile="docker", flows=5)
    numbers = np.repeat(np.arange(5000), PARTS)
    trace = fragments(host, numbers, profile="docker", gap=4000)
    trace["flow"] = numbers % 5
    run(host, trace)
    assert host.stats()["delivered"] == len(numbers)
    waiting = host.state.reassembly
    assert (waiting.memory, waiting.oldest, waiting.newest) == (0, 0, 0)
    assert (waiting.buckets.array == codes.NONE).all()


# -- chains -------------------------------------------------------------------------------------


def without_its_protocols_gro(stage):
    costs = tuple(name for name in stage.costs if not name.endswith("udp_gro_receive"))
    return replace(stage, costs=costs)


def test_fragments_meet_what_stands_in_front_of_the_protocol_and_then_wait():
    for name, profile in profiles.load().items():
        cut = profile.of_fragments()
        if name == "bypass" or profile.first_path:  # fragments take the first path
            assert cut is profile
            continue
        *front, queued, whole, socket = cut.stages
        *before, protocol, _ = map(without_its_protocols_gro, profile.stages)
        assert (*front, socket) == (*before, profile.stages[-1])
        assert (queued.costs[-1], whole.costs[0]) == ("ip_defrag", "ip_frag_reasm")
        assert queued.costs[:-1] + whole.costs[1:] == protocol.costs
        assert whole.costs[1:] == ("l4_rcv", "tcp_try_coalesce", "sock_queue")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"profile": "bypass"}, "chain: got .*, expected one that reassembles fragments"),
        ({"payload": 0}, "payload: got 0, expected bytes"),
        ({"protocol": codes.TCP}, "protocol: got 6, expected another"),
        ({"parts": 9000}, "fragments: got 9000, expected numbers from 0 to 8192"),
        ({"parts": -1}, "fragments: got -1, expected numbers from 0"),
    ],
)
def test_fragments_that_make_no_sense_are_refused(columns, said):
    host = model(profile="docker")
    with pytest.raises(ConfigError, match=said):
        run(host, fragments(host, [0], **columns))


@pytest.mark.parametrize(
    ("defrag", "said"),
    [
        ("copy", "stage.1..defrag: got 'copy', expected one of the costs of a softirq"),
        ("driver_poll", "defrag: got .*expected only the stage before the socket"),
    ],
)
def test_a_chain_reassembles_in_its_last_softirq(tmp_path, defrag, said):
    path = tmp_path / "chain.toml"
    at = "napi" if defrag == "driver_poll" else "backlog"
    stages = [("napi", "driver_poll"), ("backlog", "l4_rcv"), ("socket", "recvmsg")]
    path.write_text(
        "[own]\n"
        + "".join(
            f'[[own.stage]]\nkind = "{kind}"\ndevice = "d"\nifindex = 2\ncosts = ["{cost}"]\n'
            + (f'defrag = "{defrag}"\n' if kind == at else "")
            for kind, cost in stages
        )
    )
    with pytest.raises(ConfigError, match=said):
        Knobs.parse({"profile": f"{path}:own"})


# -- idle states --------------------------------------------------------------------------------


def test_an_idle_core_is_late_by_its_exit_latency_and_not_busier():
    def one(**knobs):
        host = model(profile="host", rx_usecs=0, **knobs)
        events = run(host, make_trace([0], rss_hash=7, chain=host.chain("host")))
        return int(events["latency"][0]), host.stats()["busy_ns"]

    latency, busy = one()
    later, same = one(idle_exit_ns=10_000)
    assert later == latency + 2 * 10_000  # the NIC's interrupt, and the reader's wake-up
    assert same == busy


def test_a_busy_core_has_no_idle_state_to_leave():
    def rate(**knobs):
        host = model(profile="host", **knobs)
        run(host, make_trace(np.arange(4000) * 100, rss_hash=7, chain=host.chain("host")))
        return host.stats()["delivered"]

    assert abs(rate(idle_exit_ns=5000) - rate()) < 60
