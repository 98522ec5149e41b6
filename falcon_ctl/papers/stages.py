"""How the softirqs' time is shared among stages, and the first stage's among functions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from falcon_ctl.papers.panel import FirstStage
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import Stream, senders
from rxpath import results
from rxpath.config import costs, profiles

# What a flame graph calls a stage.
_FUNCTIONS = {
    "napi": "mlx5e_napi_poll",
    "gro_cell": "gro_cell_poll",
    "backlog": "process_backlog",
}
_ALLOCATION = ("skb_alloc",)
_GRO = ("gro_receive", "vxlan_gro_receive", "udp_gro_receive")


def stage_shares(system: System, load: Stream, seed: int) -> dict[str, float]:
    """Percent of the softirq stages' time that each took, by the kernel's poll function."""
    model, trace = senders(system, load, seed, records=True)
    frames = results.run(model, trace)
    stages = frames.stages.where(frames.ran)
    lengths = stages.end - stages.start
    spent = {name: int(lengths[stages.kind == kind].sum()) for kind, name in _FUNCTIONS.items()}
    whole = sum(spent.values())
    return {name: 100 * ns / whole for name, ns in spent.items()}


def first_stage(system: System, point: FirstStage, knobs: Mapping[str, Any]) -> dict[str, float]:
    """Percent of the first stage's cost that skb allocation, GRO and the rest have, by amounts.

    GRO (napi_gro_receive) is what it does with a frame, and handing an skb that leaves it to the
    backlog of RPS's CPU; the rest is the driver's.
    """
    amounts = costs.load(system.costs, knobs.get("cost_overrides"))
    chain = profiles.load()[system.profile]
    in_fragments = point.proto == "udp" and point.frames > 1
    stage = (chain.of_fragments() if in_fragments else chain).stages[0]
    each = {
        name: getattr(amounts[name], point.proto)
        for name in stage.costs
        if amounts[name].per in ("frame", "alloc", "gro")
    }
    allocation = point.frames * sum(each.get(name, 0) for name in _ALLOCATION)
    merged = 1 if point.proto == "tcp" else point.frames
    gro = point.frames * sum(each.get(name, 0) for name in _GRO)
    gro += merged * amounts["split_send"].udp
    if point.proto == "tcp" and point.frames > 1:
        gro += sum(amounts[name].tcp for name in stage.costs if amounts[name].per == "complete")
    other = point.frames * sum(ns for name, ns in each.items() if name not in _ALLOCATION + _GRO)
    whole = allocation + gro + other
    return {
        "first stage skb allocation": 100 * allocation / whole,
        "first stage GRO": 100 * gro / whole,
        "first stage other": 100 * other / whole,
    }
