"""Checks of Linux's own systems (host network, overlays, RPS, RFS), of RSS++ and mFlow. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from falcon_ctl.claims import trial
from falcon_ctl.claims.claims import CROSS, IS, TICK, Claim, Finding, mpps, times
from falcon_ctl.claims.trial import Rounds, counted, listed
from falcon_ctl.systems.catalogue import BY_NAME, HOST, OVERLAY, PIPELINING
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import measure
from rxpath.results import Stages
from rxpath.wire import frames

PORTS = {"docker": 4789, "flannel": 8472, "calico": 4789, "weave": 6784}
SOFTIRQS = {"docker": 3, "flannel": 3, "calico": 3, "weave": 4}  # Weave has two veths
_MAC, _VTEP = "02:00:00:00:01:01", "172.16.0.1"


def one_softirq(system: System) -> Finding:
    """A frame goes through one softirq, on the CPU of its interrupt."""
    run = trial.run(system)
    where = trial.cpus(run.softirqs())
    return Finding(
        f"{counted(run.depth())} a frame, on {listed(where)}; "
        f"{mpps(trial.rate(system))} on one flow ({trial.note(system)})",
        run.depth() == [1] and len(where) == 1,
    )


def serialized(softirqs: int) -> Callable[[System], Finding]:
    """So many softirqs a frame, one at a time on one CPU, and slower for it."""

    def check(system: System) -> Finding:
        run = trial.run(system)
        stages = run.softirqs()
        where, together = trial.cpus(stages), _overlaps(stages)
        ratio = trial.rate(system) / trial.rate(HOST)
        return Finding(
            f"{counted(run.depth())} a frame, on {listed(where)}, {together} beside another; "
            f"{times(ratio)} the host's rate ({trial.note(system)})",
            run.depth() == [softirqs] and len(where) == 1 and together == 0 and ratio < 0.75,
        )

    return check


def _overlaps(stages: Stages) -> int:
    """How many stages began before another of an earlier start had ended."""
    order = np.argsort(stages.start, kind="stable")
    begin, end = stages.start[order], stages.end[order]
    return int(np.count_nonzero(begin[1:] < np.maximum.accumulate(end)[:-1]))


def vxlan_port(port: int) -> Callable[[System], Finding]:
    """A host with this profile takes VXLAN to `port`, and to no other of the table."""

    def check(system: System) -> Finding:
        own = measure.build(system, {}, 1).vxlan_port if system.tunnels("udp") else 0
        taken = sorted({dport for dport in PORTS.values() if _is_taken(own, dport)})
        return Finding(f"takes VXLAN to UDP port {taken}", taken == [port])

    return check


def _is_taken(own: int, dport: int) -> bool:
    """Whether a host whose VXLAN port is `own` takes a VXLAN frame to `dport`."""
    inner = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP() / UDP()
    outer = Ether(src="02:00:00:00:01:02", dst=_MAC) / IP(src="172.16.0.2", dst=_VTEP)
    packet = outer / UDP(sport=50_000, dport=dport, chksum=0) / VXLAN(vni=5001, flags=8) / inner
    found = frames.examine(bytes(packet), frames.Addresses(_MAC, _VTEP, own))
    return found.verdict == "ok" and found.is_tunnel


def one_flow_stays(system: System) -> Finding:
    """All of one flow's stages behind the NIC run on one CPU."""
    run = trial.run(system)
    where = trial.cpus(run.softirqs(skip=1))
    ratio = trial.rate(system) / trial.rate(PIPELINING)
    return Finding(
        f"stages behind the NIC on {listed(where)}; {times(ratio)} FALCON's rate on one flow "
        f"({trial.note(system)})",
        len(where) == 1 and ratio < 0.75,
    )


def many_flows_spread(system: System) -> Finding:
    """Flows of one RX queue run on several CPUs."""
    hashes = np.random.default_rng(5).integers(0, 1 << 32, 32).tolist()
    run = trial.run(system, Rounds(hashes, knobs={"queues": 1}))
    where = trial.cpus(run.softirqs(skip=1))
    return Finding(f"32 flows of one RX queue: on {listed(where)}", len(where) >= 4)


def micro_flows(system: System) -> Finding:
    """Each device's stage of one flow runs on several CPUs, and order is kept."""
    run = trial.run(system, Rounds(gap=trial.SATURATING, count=20_000))
    stages = run.softirqs(skip=1)
    cells = stages.where(stages.kind == "gro_cell")
    where, order = trial.cpus(cells), run.order(0)
    gain = [trial.rate(system, proto) / trial.rate(OVERLAY, proto) for proto in ("tcp", "udp")]
    return Finding(
        f"the tunnel device's stage on {listed(where)}; {order.reordered} of {order.received} "
        f"reordered; {times(gain[0])} (TCP) and {times(gain[1])} (UDP) the container's rate "
        f"({trial.note(system, 'tcp')}; {trial.note(system)})",
        len(where) >= 3 and order.reordered == 0 and min(gain) > 1.1,
    )


def buckets_move(system: System) -> Finding:
    """Flows of different buckets that share a queue are spread by load, and arrive."""
    hashes = [8 * bucket for bucket in range(16)]  # of 8 queues: all in the first one
    (where, got), (fixed, before) = (_rebalanced(one, hashes) for one in (system, OVERLAY))
    return Finding(
        f"16 flows of one queue: on {listed(where)}, with a fixed table on {listed(fixed)}; "
        f"{times(got / before)} the container's frames arrive",
        len(where) >= 4 and got > 1.5 * before,
    )


def one_flow_gains_nothing(system: System) -> Finding:
    """One flow is as slow as over the plain overlay."""
    (where, got), (_, before) = (_rebalanced(one, [trial.HASH]) for one in (system, OVERLAY))
    return Finding(
        f"all stages of one flow on {listed(where)}; {times(got / before)} the container's rate",
        len(where) == 1 and got < 1.1 * before,
    )


def _rebalanced(system: System, hashes: list[int]) -> tuple[list[int], int]:
    """CPUs that worked, and frames delivered, in 16 ms at saturation, rebalanced each 1 ms."""
    knobs = {"rebalance_interval_ns": 1_000_000, "falcon": {"load_interval_ns": 500_000}}
    run = trial.run(system, Rounds(hashes, trial.SATURATING, count=40_000, knobs=knobs))
    return trial.cpus(run.softirqs()), run.counters.delivered


def _overlay(name: str, profile: str, title: str) -> list[Claim]:
    system, softirqs = BY_NAME[name], SOFTIRQS[profile]
    says = f"{softirqs} softirqs for a frame, serialized on one core"
    port = f"VXLAN on UDP port {PORTS[profile]}"
    return [
        Claim(f"{profile}-serialized", title, CROSS, says, system, serialized(softirqs)),
        Claim(f"{profile}-port", title, IS, port, system, vxlan_port(PORTS[profile])),
    ]


def _steering(name: str, title: str) -> list[Claim]:
    system = BY_NAME[name]
    return [
        Claim(f"{name}-one-flow", title, CROSS, "does not spread one flow", system, one_flow_stays),
        Claim(f"{name}-many-flows", title, TICK, "spreads many flows", system, many_flows_spread),
    ]


_MOVES = "a load-aware indirection table: buckets move to other cores"
_MICRO = "one flow on several cores, in order; more than the vanilla overlay"
CLAIMS = (
    Claim("host-softirq", "host network", IS, "one softirq, no VXLAN", HOST, one_softirq),
    *_overlay("overlay", "docker", "Docker overlay"),
    *_overlay("flannel", "flannel", "Flannel"),
    *_overlay("calico", "calico", "Calico"),
    *_overlay("weave", "weave", "Weave"),
    *_steering("rps", "RPS"),
    *_steering("rfs", "RFS"),
    Claim("rss++-buckets", "RSS++", TICK, _MOVES, BY_NAME["rss++"], buckets_move),
    Claim(
        "rss++-one-flow",
        "RSS++",
        CROSS,
        "one flow is not spread",
        BY_NAME["rss++"],
        one_flow_gains_nothing,
    ),
    Claim("mflow-parallel", "mFlow", TICK, _MICRO, BY_NAME["mflow"], micro_flows),
)
