"""One host over several observations: loads and rates of the whole time. Pure.

At a dilation of 1000 a tenth of a second is 100 µs of the model, in which a CPU may do nothing but
one stage of one batch: what a reader wants to see is the time of many batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from falcon_ctl.steering.observation import Cpu, Host, Share, Work


def averaged(hosts: Sequence[Host]) -> Host:
    """The last of the observations `hosts`, with the loads and rates of the time of all of them."""
    last = hosts[-1]
    span = sum(host.span_ns for host in hosts)
    if len(hosts) == 1 or span <= 0:
        return last
    weights = [host.span_ns / span for host in hosts]
    pairs = list(zip(hosts, weights, strict=True))
    rates: dict[int, float] = {}
    for host, weight in pairs:
        for flow in host.flows:
            if flow.pps or flow.number not in rates:
                rates[flow.number] = rates.get(flow.number, 0.0) + weight * flow.pps
    return replace(
        last,
        span_ns=span,
        pps=sum(weight * host.pps for host, weight in pairs),
        bps=sum(weight * host.bps for host, weight in pairs),
        flows=tuple(
            flow if flow.pps == (rate := rates[flow.number]) else replace(flow, pps=rate)
            for flow in last.flows
        ),
        cpus=_cpus(pairs),
        latencies=_together(hosts),
    )


def _together(hosts: Sequence[Host]) -> tuple[tuple[int, int], ...]:
    """The latencies of all frames of the time."""
    frames: dict[int, int] = {}
    for host in hosts:
        for bound, count in host.latencies:
            frames[bound] = frames.get(bound, 0) + count
    return tuple(sorted(frames.items()))


def _cpus(pairs: Sequence[tuple[Host, float]]) -> tuple[Cpu, ...]:
    """All CPUs that did something, with what waits and runs there now."""
    shares: dict[int, dict[Work, float]] = {}
    for host, weight in pairs:
        for cpu in host.cpus:
            sums = shares.setdefault(cpu.number, {})
            for share in cpu.shares:
                sums[share.work] = sums.get(share.work, 0.0) + weight * share.load
    now = {cpu.number: cpu for cpu in pairs[-1][0].cpus}
    return tuple(_cpu(number, shares[number], now) for number in sorted(shares))


def _cpu(number: int, sums: Mapping[Work, float], now: Mapping[int, Cpu]) -> Cpu:
    idle = Cpu(number, 0.0, "idle", 0, 0, 0, ())
    shares = tuple(Share(work, load) for work, load in sums.items())
    load = min(1.0, sum(sums.values()))
    return replace(now.get(number, idle), load=load, shares=shares)
