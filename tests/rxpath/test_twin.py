"""The kernels against the plain twin: the same events, records and counters, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from host_twin import Twin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import COARSE, accounted

from rxpath.compile.tables import Rows
from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from tests.examples import examples

SOCKETS, FLOWS = 3, 4
FRAME = ("rss_hash", "flow", "socket", "chain", "protocol", "wire_len")
SEGMENT = ("payload", "seq", "tcp_flags", "gro_key")


def mostly(usual, *others):
    """An unusual value now and then: all at once would leave nothing of a host."""
    return st.sampled_from([usual] * 5 * len(others) + list(others))


cpu_sets = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)

falcon = st.fixed_dictionaries(
    {
        "pipelining": mostly(True, False),
        "splitting": st.booleans(),
        "balancing": mostly(True, False),
        "switch_off": st.booleans(),
        "order": st.sampled_from(["handover", "handover", "rfs", "none"]),
        "tcp_pipelining": st.booleans(),
        "cpus": cpu_sets,
        "grosplit_cpus": cpu_sets,
        "threshold": st.sampled_from([0, 5, 15, 40, 80]),
        "load_interval_ns": st.sampled_from([3_000, 11_000, 50_000]),
    }
)


def with_its_devices(knobs):
    """CPUs by device, of the profile's own devices only."""
    devices = {stage.device for stage in profiles.load()[knobs["profile"]].stages}
    masks = {name: cpus for name, cpus in knobs["rps_masks"].items() if name in devices}
    threads = {} if knobs["profile"] == "bypass" else knobs["napi_threads"]
    return knobs | {"rps_masks": masks, "napi_threads": threads}


hosts = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(
            ["falcon"] * 3
            + ["falcon+rps"] * 2
            + ["same_cpu", "rps", "rps", "rfs", "mflow", "mflow", "rss++", "rss++"]
        ),
        "profile": mostly("docker", "docker-rps", "bypass", "prism"),
        "priority": st.sampled_from([[], [0], [1, 2]]),
        "cpus": st.just(6),
        "queues": st.integers(1, 3),
        "ring": mostly(1024, 1, 3),
        "moderation": st.sampled_from(["fixed", "adaptive"]),
        "period_mode": st.sampled_from(["cqe", "eqe"]),
        "rx_usecs": st.sampled_from([0, 1, 8]),
        "rx_frames": mostly(32, 1, 2),
        "irq_cpus": cpu_sets,
        "app_cpus": cpu_sets,
        "rps_cpus": cpu_sets,
        "rps_masks": st.sampled_from(
            [{}, {"eth0": [3, 1]}, {"eth0": [0, 5], "vxlan0": [0, 4, 2], "veth0": [3, 3, 1]}]
        ),
        "napi_threads": st.one_of(
            st.just({}),
            st.dictionaries(st.sampled_from(["eth0", "vxlan0"]), cpu_sets, min_size=1),
        ),
        "mflow_batch": st.sampled_from([1, 2, 5, 64]),
        "rebalance_interval_ns": st.sampled_from([5_000, 20_000]),
        "rebalance_tolerance": st.sampled_from([0, 5]),
        "napi_weight": mostly(64, 1, 2, 5),
        "budget": mostly(300, 1, 3),
        "budget_usecs": mostly(2000, 1),
        "max_backlog": mostly(1000, 0, 2),
        "rcvbuf": mostly(212_992, 0, 2000),
        "tcp_rcvbuf": mostly(6_291_456, 0, 2000),
        "gro": mostly(True, False),
        "threads": st.integers(0, 2),
        "service_ns": mostly(0, 4000),
        "ipfrag_high_thresh": mostly(4_194_304, 0, 5000),
        "ipfrag_time_ns": st.sampled_from([20_000, 1_000_000]),
        "idle_exit_ns": mostly(0, 3000),
        "offload_entries": st.sampled_from([0, 1, 2, 3]),
        "offload_functions": st.sampled_from([0, 1, 3]),
        "cache_entries": st.sampled_from([0, 1, 2, 4096]),
        "cost_overrides": st.fixed_dictionaries(
            {
                "sched_granularity.ns": mostly(3_000_000, 0, 1000),
                "sched_sleeper_credit.ns": mostly(12_000_000, 0, 500),
                "softirq_time_limit.ns": mostly(2_000_000, 3000),
                "softirq_restarts.ns": mostly(10, 1, 2),
                "ipi_latency.ns": mostly(800, 0),
                "wake_latency.ns": mostly(2500, 0),
                "idle_switch.ns": mostly(1000, 0),
                "cache_penalty.ns": mostly(120, 0),
            }
        ),
        "falcon": falcon,
    }
).map(with_its_devices)

PROTOCOLS = [6, 6, 17, 1]  # of the flows
FRAGMENTED = [17, 6, 17, 17]  # likewise, where some datagrams come in fragments
# Hashes that share a queue, a GRO bucket or an entry of the order guard are the interesting ones.
HASHES = [1, 9, 1 + (1 << 15), 2, 77, 0xFFFFFFFF, 0x9E3779B1]


@st.composite
def traffics(draw):
    """Up to 120 frames from a seed: (frames, hash of each flow)."""
    fragmented = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    gaps = draw(st.sampled_from([(0, 100), (0, 200, 500), (0, 500, 1000, 2000), (2000, 20_000)]))

    def mostly(usual, *others):
        return int(rng.choice([usual] * 5 * len(others) + list(others)))

    frames = [
        {
            "gap": int(rng.choice(gaps)),
            "flow": int(rng.choice([0, 0, 0, 1, 1, 2, 2, 3])),
            "chain": int(rng.integers(len(profiles.load()))),
            "wire_len": int(rng.choice([64, 1500, 30_000])),
            "payload": mostly(100, 0, 80, 30_000),
            "tcp_flags": mostly(0x10, 0x18, 0x11, 0x90, 0x02),
            "gro_key": mostly(0, 1),
            "follows": mostly(True, False),
            "protocols": FRAGMENTED if fragmented else PROTOCOLS,
            "fragments": int(rng.choice([0, 2, 3, 5])) if fragmented else 0,
            "breaks": mostly(False, True),
        }
        for _ in range(draw(st.sampled_from([1, 5, 40, 120, 120, 120])))
    ]
    return frames, [int(value) for value in rng.choice(HASHES, FLOWS)]


def arrivals(raw, hashes, one_chain):
    """Times, and TCP sequence numbers that follow on within a flow unless the draw says not.

    A datagram's fragments follow one another; where the draw says so, the next one begins before
    the last of them, as if it had been lost on the way.
    """
    now, seqs = 0, dict.fromkeys(range(FLOWS), 0xFFFFFF00)
    datagrams = dict.fromkeys(range(FLOWS), (0, 0, 0))  # number, fragments, those to come
    for slot, frame in enumerate(raw):
        now += frame["gap"]
        protocol = frame["protocols"][frame["flow"]]
        tcp = protocol == 6
        seq = seqs[frame["flow"]] + (0 if frame["follows"] else 7)
        seqs[frame["flow"]] = (seq + frame["payload"]) % 2**32
        number, fragments, left = datagrams[frame["flow"]]
        if left == 0 or frame["breaks"]:
            number, fragments = number + 1, frame["fragments"] if protocol == 17 else 0
            left = max(fragments, 1)
        datagrams[frame["flow"]] = number, fragments, left - 1
        payload = frame["wire_len"] - 40 if fragments else 0
        yield {
            "slot": slot,
            "now": now,
            "rss_hash": hashes[frame["flow"]],
            "flow": frame["flow"],
            "socket": frame["flow"] % SOCKETS,
            "chain": raw[0]["chain"] if one_chain else frame["chain"],
            "protocol": protocol,
            "wire_len": frame["wire_len"],
            "payload": frame["payload"] if tcp else payload,
            "seq": seq % 2**32 if tcp else number,
            "tcp_flags": frame["tcp_flags"] if tcp else 0,
            "gro_key": frame["gro_key"],
            "fragments": fragments,
        }


def collect(host, until, out):
    """Events with their records, through an `out` of any size."""
    found = []
    while True:
        count = host.advance(until, out)
        for row in out.array[:count]:
            slot = row["slot"]
            record = host.state.records.array["stages"][slot, : host.state.hops[slot].count]
            found.append((row.tolist(), [list(stage) for stage in record.tolist()]))
        if count < len(out):
            return found


@pytest.fixture(scope="module")
def costs_file(tmp_path_factory):
    """A cost profile in which each frame of an skb costs something in every stage behind GRO."""
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text()
    for name in ("gro_cell_poll", "process_backlog", "l4_rcv", "recvmsg"):
        assert f'[{name}]\nper = "skb"' in text
        text = text.replace(f'[{name}]\nper = "skb"', f'[{name}]\nper = "segment"')
    path = tmp_path_factory.mktemp("costs") / "segments.toml"
    path.write_text(text)
    return str(path)


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(
    hosts,
    traffics(),
    st.sampled_from([True, True, False]),
    st.sampled_from([[], [], [0], [1, 3]]),
    st.sampled_from([1, 2, 64]),
    mostly(
        {},
        COARSE,
        {"gro_cell_poll.ns": 0, "driver_poll.ns_kib": 700, "l4_rcv.tcp": 9000},
        {"remote_enqueue.ns": 1},
    ),
)
def test_kernel_does_what_the_plain_twin_does(
    costs_file, raw_knobs, traffic, one_chain, denied, room, amounts
):
    overrides = {"cost_overrides": amounts | raw_knobs["cost_overrides"]}
    knobs = Knobs.parse({**raw_knobs, **overrides, "denied": denied, "costs": costs_file})
    compare(knobs, list(arrivals(*traffic, one_chain)), room)


def compare(knobs, frames, room):
    """Give ``frames`` to the kernels and to the plain twin; ``room``: events at a time."""
    host = Model(knobs, slots=128, sockets=SOCKETS, flows=FLOWS, records=True)
    twin = Twin(knobs, SOCKETS, FLOWS)
    out = Rows.new(Event, room)
    for frame in frames:
        slot, now = frame.pop("slot"), frame.pop("now")
        assert collect(host, now, out) == twin.advance(now)
        assert host.receive(slot, now, Frame(**frame)) == twin.receive(slot, now, **frame)
        assert host.next_deadline() == twin.next_deadline()
        assert accounted(host)
    for end in range(now + 1_500_000, now + 15_000_000, 1_500_000):
        assert collect(host, end, out) == twin.advance(end)
        if not host.stats()["queued"]:
            break
    stats = host.stats()
    twin.settle()
    assert stats["queued"] == 0
    assert stats["delivered"] == twin.delivered
    assert stats["drops"] == {name: twin.drops[name] for name in codes.DROP_REASONS[1:]}
    assert stats["reordered"] == sum(twin.reordered)
    assert stats["softirq"] == twin.softirqs
    assert stats["net_rx"] == [cpu.runs for cpu in twin.cpus[: knobs.cpus]]
    assert stats["moderation"] == twin.coalescing()
    assert stats["busy_ns"] == [cpu.busy for cpu in twin.cpus[: knobs.cpus]]
    assert stats["load"] == [cpu.load for cpu in twin.cpus[: knobs.cpus]]
    assert stats["order"] == twin.held
    assert stats["cache"] == {"entries": len(twin.cached), "misses": twin.misses}
    entries, functions = len(twin.entries), len(twin.functions)
    assert stats["offload"] == {
        "entries": entries,
        "functions": functions,
        "slow_path": twin.slow,
    }
    assert stats["falcon"]["switched_off"] == twin.switched_off
    assert stats["falcon"]["switched_on"] == twin.switched_on
