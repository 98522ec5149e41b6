"""Plays the rounds of the tournament in the model. Public: read it, and try your own loads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.loads import Closed, Load, Stream
from falcon_ctl.virtual.measure import measure
from falcon_ctl.virtual.metrics import Metrics
from rxpath import results
from rxpath.policies import custom as policies

SEED = 1  # of the arrivals: a round is the same for every policy


def warm() -> None:
    """Compile the model, or load it from the disk cache."""
    results.warm()


def play(player: str, rounds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a player makes of each round: a policy's file, whose `choose` plays, or a system's name.

    Of each round: `in_order`, frames/s that were read and had not been overtaken; `p99_us`, the
    99th percentile of the time from the NIC to the read; `elsewhere`, CPUs that ran softirqs and
    are neither FALCON_CPUS nor take interrupts.
    """
    system = BY_NAME.get(player) or custom.of_policy(policies.load(f"{player}:choose"))
    return [_played(system, load) for load in rounds]


def _played(system: System, load: Mapping[str, Any]) -> dict[str, Any]:
    found = measure(system, _load(load), SEED)
    softirqs = {cpu for cpu, percent in found.softirq.items() if percent >= 1}
    return {
        "in_order": found.pps * (1 - found.reordered / max(1, found.delivered)),
        "p99_us": _p99(found),
        "elsewhere": sorted(softirqs - {*load["cpus"], *load["irq_cpus"]}),
    }


def _load(load: Mapping[str, Any]) -> Load:
    falcon = {
        "cpus": tuple(load["cpus"]),
        "grosplit_cpus": tuple(load["cpus"]),
        "order": "handover",
        "load_interval_ns": 500_000,  # 80 times as often as the kernel: a round has milliseconds
    }
    irq_cpus = tuple(load["irq_cpus"])
    knobs = {"falcon": falcon, "queues": len(irq_cpus), "irq_cpus": irq_cpus}
    if load["proto"] == "tcp":
        return Closed(
            len(load["hashes"]), load["ms"], hashes=load["hashes"], message=4096, knobs=knobs
        )
    return Stream(
        load["rates"],
        load["ms"],
        warm_ms=load["warm_ms"],
        hashes=load["hashes"],
        surge=load["surge"],
        surging=1,
        surge_ms=1,
        knobs=knobs,
    )


def _p99(found: Metrics) -> float:
    """Microseconds; 1 s when nothing was read."""
    latencies = sorted(found.latencies.tolist())
    return latencies[math.ceil(0.99 * len(latencies)) - 1] / 1e3 if latencies else 1e6
