"""What the checks of lab 6 run beside the student's files."""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np

from falcon_ctl.systems import custom
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import senders
from rxpath import results
from rxpath.model.policy import Host, Packet, PolicyKnobs
from rxpath.model.state.codes import MEMORY
from rxpath.policies import custom as policies

CPUS = 40


def warm() -> None:
    """Compile the model, or load it from the disk cache."""
    results.warm()


def choices(policy: str, cpus: list[int], packets: list[dict[str, int]]) -> list[int]:
    """The CPU that the policy returns for each packet, in plain Python."""
    moving = runpy.run_path(policy)["moving"]
    some = np.array(cpus, np.int64)
    load, memory = np.zeros(CPUS, np.int64), np.zeros(MEMORY, np.int64)
    host = Host(PolicyKnobs(1, 0, 0, 0, 1, 80, 0, 64), load, some, some.copy(), some.copy(), memory)
    usual = {"hash": 0, "ifindex": 7, "stage": 4, "protocol": 17, "here": 1, "app": 21}
    return [int(moving(Packet(**{**usual, **fields}), host)) for fields in packets]


def arrivals(policy: str, cpus: list[int], flow: int, rate: int) -> dict[str, Any]:
    """One UDP flow without a guard: numbers of its packets in the order in which they were read."""
    falcon = {"cpus": cpus, "order": "none", "load_interval_ns": 500_000}
    load = Stream(
        (float(rate),), 4, warm_ms=0, paced=True, hashes=(flow,), knobs={"falcon": falcon}
    )
    system = custom.of_policy(policies.load(f"{policy}:moving"))
    model, trace = senders(system, load, 1)
    frames = results.run(model, trace)
    done = frames.delivered
    numbers = np.searchsorted(trace["arrival"], frames.time[done] - frames.latency[done])
    counted = results.counters(model)
    return {"numbers": numbers.tolist(), "reordered": counted.reordered}


def guarded(way: str, seed: int, share: int, moves: int) -> dict[str, Any]:
    """All answers of the student's guard `way` ("rfs" or "handover") in the model of cores.py."""
    import cores
    import guard

    table: dict[Any, Any] = {}

    def arrive(flow: int, wanted: int, heads: list[int], tails: list[int]) -> Any:
        if way == "rfs":
            return guard.rfs(table, flow, wanted, heads, tails), False
        answer = guard.handover(table, flow, wanted, heads, tails)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise cores.Wrong(f"handover() returned {answer!r}, expected (core, held)")
        return answer

    def release(core: int, heads: list[int], tails: list[int]) -> Any:
        return guard.release(table, core, heads, tails) if way == "handover" else None

    packets, costs = cores.load(seed, share, moves)
    try:
        outcome = cores.run(packets, costs, arrive, release)
    except cores.Wrong as error:
        return {"wrong": str(error)}
    return {"decisions": outcome.decisions, "releases": outcome.releases}


def scene(steps: list[list[Any]]) -> list[Any]:
    """The guard's answers to calls with counters that the checks made up, all with one table.

    Each step is a function's name and its arguments after `table`.
    """
    import guard

    table: dict[Any, Any] = {}
    return [getattr(guard, name)(table, *arguments) for name, *arguments in steps]
