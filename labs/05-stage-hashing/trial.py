"""What the checks of lab 5 run beside the student's file: tables of choices, and the model."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import measure
from rxpath import results
from rxpath.errors import PolicyError
from rxpath.model.policy import Host, Packet, PolicyKnobs
from rxpath.model.state.codes import BACKLOG, GRO_CELL, MEMORY
from rxpath.policies import custom as policies

CPUS = 40
UDP = 17
VXLAN, VETH = 5, 7  # ifindexes of the model's chain `docker`
MS = 5


def warm() -> None:
    """Compile the model, or load it from the disk cache."""
    results.warm()


def table(policy: str, cpus: Sequence[int], packets: Sequence[dict[str, int]]) -> list[int]:
    """The CPU that `choose` of the file `policy` returns for each packet, in plain Python.

    `packets`: fields of `Packet` beside the usual ones, and `load`, percent of every CPU.
    """
    choose = runpy.run_path(policy)["choose"]
    host = _host(cpus)
    return [_ask(choose, host, fields) for fields in packets]


def _ask(choose: Callable[..., Any], host: Host, fields: dict[str, int]) -> int:
    host.load[:] = fields.get("load", 0)
    usual = {"hash": 0, "ifindex": VXLAN, "stage": GRO_CELL, "protocol": UDP, "here": 1, "app": 21}
    asked = {key: value for key, value in fields.items() if key != "load"}
    answer = choose(Packet(**{**usual, **asked}), host)
    found = answer[0] if isinstance(answer, tuple) and answer else answer
    if not isinstance(found, int | np.integer):
        code = choose.__code__
        what = f"choose() returned {found!r}; expected the number of a CPU"
        raise PolicyError(code.co_filename, code.co_firstlineno, what)
    return int(found)


def _host(cpus: Sequence[int]) -> Host:
    some = np.array(cpus, np.int64)
    knobs = PolicyKnobs(1, 0, 0, 0, 1, 80, 0, 64)
    memory = np.zeros(MEMORY, np.int64)
    return Host(knobs, np.zeros(CPUS, np.int64), some, some.copy(), some.copy(), memory)


def one_flow(policy: str, cpus: Sequence[int], hashes: Sequence[int], rate: int) -> dict[str, Any]:
    """One UDP flow at `rate` packets/s: the overlay, and with `policy`.

    The flow is the first of `hashes` whose two stages `policy` puts on two CPUs.
    """
    choose = runpy.run_path(policy)["choose"]
    host = _host(cpus)
    stages = ((VXLAN, GRO_CELL), (VETH, BACKLOG))
    for number in hashes:
        asked = [{"hash": number, "ifindex": device, "stage": stage} for device, stage in stages]
        if len({_ask(choose, host, fields) for fields in asked}) == len(stages):
            break
    load = Stream((float(rate),), MS, paced=True, hashes=(number,), knobs=_knobs(cpus))
    ours = measure(custom.of_policy(policies.load(f"{policy}:choose")), load, 1)
    overlay = measure(OVERLAY, load, 1)
    return {
        "pps": round(ours.pps),
        "overlay_pps": round(overlay.pps),
        "reordered": ours.reordered,
        "busy": {str(cpu): round(percent) for cpu, percent in ours.loads.items() if percent >= 1},
    }


def many_flows(
    policy: str, cpus: Sequence[int], hashes: Sequence[int], rate: int
) -> dict[str, Any]:
    """Flows of these hashes at `rate` packets/s each, by a Poisson process: what is reordered."""
    load = Stream((float(rate),) * len(hashes), MS, hashes=tuple(hashes), knobs=_knobs(cpus))
    found = measure(custom.of_policy(policies.load(f"{policy}:choose")), load, 1)
    return {"delivered": found.delivered, "sent": found.sent, "reordered": found.reordered}


def _knobs(cpus: Sequence[int]) -> dict[str, Any]:
    """Order is the policy's own affair: nothing guards it."""
    falcon = {"cpus": list(cpus), "order": "none", "load_interval_ns": 500_000}
    return {"falcon": falcon}
