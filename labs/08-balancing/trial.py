"""What the checks of lab 8 run beside the student's policy: tables of loads, and the model."""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np

from falcon_ctl.papers.layout import BUSY
from falcon_ctl.papers.loads import TESTBED
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import measure
from rxpath import results
from rxpath.model.policy import Host, Packet, PolicyKnobs
from rxpath.model.state.codes import BACKLOG, GRO_CELL, MEMORY, SPLIT
from rxpath.policies import custom as policies

CPUS, THRESHOLD = 40, 80
VETH = 7  # ifindex of the model's chain
KNOBS = merge_knobs(TESTBED, BUSY.knobs)
LOADS = {
    "steady": Stream((150e3,) * 6, 8, warm_ms=8, paced=True, message=16, knobs=KNOBS),
    "surge": Stream(
        (120e3,) * 6, 15, warm_ms=5, surge=6.0, surging=1, paced=True, message=16, knobs=KNOBS
    ),
    "overload": Stream((100e3,) * 40, 5, warm_ms=10, paced=True, message=16, knobs=KNOBS),
    "many": Stream((14e3,) * 70, 6, warm_ms=5, paced=True, message=16, knobs=KNOBS),
}


def warm() -> None:
    """Compile the model, or load it from the disk cache."""
    results.warm()


def script(policy: str, cpus: list[int], steps: list[dict[str, Any]]) -> list[list[int]]:
    """The CPUs that the policy returns, in plain Python, one list for each step.

    A step: `load`, percent by CPU's number (as text, others have `rest`), and `packets`, pairs of
    hash and ifindex, that are asked for one after another. `at`: the CPU that asks, usually 1; with
    `split`, for the driver's part.
    """
    balance = runpy.run_path(policy)["balance"]
    some = np.array(cpus, np.int64)
    load, memory = np.zeros(CPUS, np.int64), np.zeros(MEMORY, np.int64)
    answers = []
    for step in steps:
        load[:] = step.get("rest", 0)
        for cpu, percent in step["load"].items():
            load[int(cpu)] = percent
        average = int(load[some].sum()) // len(cpus)
        knobs = PolicyKnobs(1, 0, 1, 1, 1, THRESHOLD, average, 64)
        host = Host(knobs, load, some, some.copy(), some.copy(), memory)
        answers.append([_asked(balance, host, step, *pair) for pair in step["packets"]])
    return answers


def _asked(balance: Any, host: Host, step: dict[str, Any], flow: int, device: int) -> int:
    stage = SPLIT if step.get("split") else BACKLOG if device == VETH else GRO_CELL
    answer = balance(Packet(flow, device, stage, 17, step.get("at", 1), 21), host)
    return int(answer[0]) if isinstance(answer, tuple) else int(answer)


def run(player: str, load: str, seed: int) -> dict[str, float]:
    """A load of the model with a policy's file, whose `balance` plays, or a system's name."""
    system = BY_NAME.get(player) or custom.of_policy(policies.load(f"{player}:balance"))
    found = measure(system, LOADS[load], seed)
    return {"pps": found.pps, "held": found.held / max(1, found.delivered)}
