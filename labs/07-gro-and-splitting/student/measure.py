"""One TCP connection in the model of the receiving host. Nothing to do in this file.

    python measure.py            in one piece, and cut in front of GRO by the flow's hash (FALCON)
    python measure.py split.py   ... and cut by your split.py

The sender sends as its window of 512 segments allows, so the host is saturated and nothing is lost.
The later softirqs run on cores of their own; with split.py they stay where your policy leaves them.
Costs are those of given.toml.
"""

import sys
from dataclasses import replace
from pathlib import Path

from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual.loads import Closed
from falcon_ctl.virtual.measure import connected
from rxpath.config import tomlfile
from rxpath.errors import PolicyError
from rxpath.policies import custom
from rxpath.results import counters

MS = 1_000_000  # ns
WARM_MS, MEASURED_MS = 10, 20
HASH = 7  # of the flow: FALCON puts its later softirqs on two other cores


def knobs_of(given):
    """The host's knobs: the costs, one queue, and nothing that changes during a run."""
    overrides = {
        f"{name}.{proto}": cost[proto]
        for name, cost in given["costs"].items()
        for proto in ("tcp", "udp")
    }
    overrides |= {
        "remote_enqueue.ns": given["crossing"]["send"],
        "cache_penalty.ns": given["crossing"]["receive"],
        "split_send.ns": 0,  # part of crossing here
        "split_receive.ns": 0,
        "wake_up.ns": 0,  # the application spins on its socket
    }
    falcon = {
        "order": "none",
        "balancing": False,
        "switch_off": False,
        "grosplit_cpus": given["split_cpus"],
    }
    return {"cost_overrides": overrides, "queues": 1, "irq_cpus": [1], "falcon": falcon}


def measure(system, given, connections=1):
    """Run a system; returns a dict.

    kpps: thousand segments/s; merged: segments per skb; reordered: segments that a later one
    overtook; retransmits; busy: percent of each core that is busy.
    """
    hashes = [HASH + 7919 * number for number in range(connections)]
    load = Closed(connections, MEASURED_MS, WARM_MS, 512, hashes=hashes, knobs=knobs_of(given))
    model, closed_loop = connected(system, load, 1)
    closed_loop.run(WARM_MS * MS)
    before = counters(model)
    closed_loop.run((WARM_MS + MEASURED_MS) * MS)
    after = counters(model)
    segments = after.delivered - before.delivered
    skbs = segments - (after.merged - before.merged)
    spent = [sum(b) - sum(a) for a, b in zip(before.busy, after.busy)]
    busy = {cpu: round(100 * ns / MEASURED_MS / MS) for cpu, ns in enumerate(spent)}
    return {
        "kpps": segments / MEASURED_MS,
        "merged": segments / max(1, skbs),
        "reordered": after.reordered,
        "retransmits": closed_loop.retransmits,
        "busy": {cpu: percent for cpu, percent in busy.items() if percent > 0},
    }


def with_policy(file):
    """The overlay, with the policy of a file."""
    try:
        policy = custom.load(f"{file}:choose")
    except PolicyError as error:
        sys.exit(str(error))
    return replace(BY_NAME["overlay"], name="split.py", custom=policy)


def main():
    given = tomlfile.read("given", Path(__file__).parent / "given.toml")
    systems = {
        "in one piece": BY_NAME["falcon-pipelining"],
        "cut before GRO": BY_NAME["falcon-splitting"],
    }
    if sys.argv[1:]:
        systems["split.py"] = with_policy(sys.argv[1])
    print("one TCP connection   kpps  segments/skb  reordered  retransmits  busy cores, CPU: %")
    for name, system in systems.items():
        found = measure(system, given)
        busy = "  ".join(f"{cpu}: {percent}" for cpu, percent in found["busy"].items())
        print(
            f"{name:16} {found['kpps']:8.1f}  {found['merged']:12.1f}  {found['reordered']:9}"
            f"  {found['retransmits']:11}  {busy}"
        )


if __name__ == "__main__":
    main()
