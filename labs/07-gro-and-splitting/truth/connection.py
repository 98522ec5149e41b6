"""One TCP connection in the model of the receiving host, with the lab's costs."""

from __future__ import annotations

from typing import Any, NamedTuple

from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual.loads import Closed
from falcon_ctl.virtual.measure import connected
from labs.checking import beside
from rxpath.config import costs as known
from rxpath.results import counters

costing = beside(__file__, "costing")

MS = 1_000_000  # ns
WARM_MS, MEASURED_MS, WINDOW, HASH = 10, 20, 512, 7
POLL = 64  # packets, NAPI_POLL_WEIGHT


def knobs(given: dict[str, Any]) -> dict[str, Any]:
    """The host's knobs: the costs, one queue, and nothing that changes during a run."""
    overrides = {
        f"{name}.{proto}": cost[proto]
        for name, cost in given["costs"].items()
        for proto in ("tcp", "udp")
    }
    overrides |= {
        "remote_enqueue.ns": given["crossing"]["send"],
        "cache_penalty.ns": given["crossing"]["receive"],
        **dict.fromkeys(("split_send.ns", "split_receive.ns", "wake_up.ns"), 0),
    }
    falcon = {
        "order": "none",
        "balancing": False,
        "switch_off": False,
        "grosplit_cpus": given["split_cpus"],
    }
    return {"cost_overrides": overrides, "queues": 1, "irq_cpus": [1], "falcon": falcon}


class Measured(NamedTuple):
    """One TCP connection in the model: thousand segments/s, segments per skb."""

    kpps: float
    merged: float


def measured(system: str, given: dict[str, Any]) -> Measured:
    """Run a system of the project's."""
    load = Closed(1, MEASURED_MS, WARM_MS, WINDOW, hashes=[HASH], knobs=knobs(given))
    model, closed_loop = connected(BY_NAME[system], load, 1)
    closed_loop.run(WARM_MS * MS)
    before = counters(model)
    closed_loop.run((WARM_MS + MEASURED_MS) * MS)
    after = counters(model)
    segments = after.delivered - before.delivered
    return Measured(segments / MEASURED_MS, segments / (segments - after.merged + before.merged))


def slack() -> float:
    """ns for each segment that a core may pay beside its functions: what is done once in a poll."""
    base = known.load(costing.COSTS)
    names = ("hardirq", "softirq_entry", "ipi_send", "ipi_handle")
    return (sum(base[name].udp for name in names) + 2 * base["napi_poll"].udp) / POLL
