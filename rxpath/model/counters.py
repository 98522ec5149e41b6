"""The host's counters as plain values, and how many frames it holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from rxpath.model import bypass
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


def stats(state: State) -> dict[str, Any]:
    """Counters since they were zeroed.

    ``received`` frames (rx_missed ones counted), ``delivered``, ``bytes``, ``drops`` by place,
    ``queued`` now, ``reordered`` by RFC 4737, ``busy_ns`` by CPU and kind, ``load`` percent by
    CPU, ``average_load`` of the FALCON CPUs, ``falcon`` {off, switched_off, switched_on},
    ``softirq`` {squeezed, ksoftirqd, ipis, interrupts, merged}, and of the NIC's flow table
    ``offload`` {entries, functions} in use and {slow_path} frames that had no entry.
    """
    clock, knobs = state.host[lay.CLOCK], state.host[lay.KNOB]
    count = int(knobs[lay.K_CPUS])
    return {
        "clock_ns": int(clock[lay.CK_NOW]),
        "received": int(clock[lay.CK_RECEIVED]),
        "delivered": int(clock[lay.CK_DELIVERED]),
        "bytes": int(clock[lay.CK_BYTES]),
        "drops": drops(state),
        "queued": queued(state),
        "reordered": int(clock[lay.CK_REORDERED]),
        "busy_ns": [dict(zip(lay.BUSY_NAMES, row.tolist(), strict=True)) for row in busy(state)],
        "load": [int(load) for load in state.lists[lay.LIST_LOAD, :count]],
        "average_load": int(knobs[lay.K_AVERAGE_LOAD]),
        "falcon": {
            "off": bool(clock[lay.CK_IS_OFF]),
            "switched_off": int(clock[lay.CK_SWITCHED_OFF]),
            "switched_on": int(clock[lay.CK_SWITCHED_ON]),
        },
        "softirq": {
            "squeezed": int(clock[lay.CK_SQUEEZED]),
            "ksoftirqd": int(clock[lay.CK_KSOFTIRQD]),
            "ipis": int(clock[lay.CK_IPIS]),
            "interrupts": int(clock[lay.CK_INTERRUPTS]),
            "merged": int(clock[lay.CK_MERGED]),
        },
        "offload": {
            "entries": int(clock[lay.CK_ENTRIES]),
            "functions": int(clock[lay.CK_FUNCTIONS]),
            "slow_path": int(clock[lay.CK_SLOW_PATH]),
        },
    }


def busy(state: State) -> Table:
    """How long each CPU was busy, ns [cpus, BUSY_*]; work that goes on is counted at its end."""
    bypass.settle(state.host)
    rows = state.host[lay.CPU : lay.CPU + state.host[lay.KNOB, lay.K_CPUS]]
    return rows[:, lay.C_BUSY : lay.C_BUSY + len(lay.BUSY_NAMES)].copy()


def drops(state: State) -> dict[str, int]:
    """Frames lost, by place."""
    names = enumerate(lay.PLACE_NAMES)
    return {name: int(state.host[lay.CLOCK, lay.CK_DROPS + i]) for i, name in names if i}


def queued(state: State) -> int:
    """Frames that the host holds, found by walking all of its queues and what is being done."""
    return sum(_frames(state, slot) for slot in _heads(state)) + _leaving(state)


def zero(state: State) -> None:
    """Zero all counters. Frames in flight, the clock, the loads and flows' order stay."""
    bypass.settle(state.host)
    clock = state.host[lay.CLOCK]
    held = queued(state)
    clock[lay.CK_RECEIVED : lay.CK_IS_OFF] = 0
    clock[lay.CK_DROPS : lay.CK_DROPS + len(lay.PLACE_NAMES)] = 0
    clock[lay.CK_RECEIVED] = held  # so that received = delivered + drops + queued goes on
    state.flow[:, lay.F_REORDERED] = 0
    state.flow[:, lay.F_DELIVERED] = 0
    for cpu in range(lay.MAX_CPUS):
        row = state.host[lay.CPU + cpu]
        times = row[lay.C_BUSY : lay.C_BUSY + len(lay.BUSY_NAMES)]
        row[lay.C_BUSY_MARK] -= times.sum()
        times[:] = 0


def _heads(state: State) -> list[int]:
    """The first frames of all skbs in queues, in GRO, at work or with a thread."""
    host, slots = state.host, state.slot
    clock = host[lay.CLOCK]
    columns = [lay.N_QUEUE, lay.N_PROCESS]
    columns += [lay.N_GRO + 2 * bucket for bucket in range(lay.GRO_BUCKETS)]
    rows = host[lay.NAPIS : lay.NAPIS + lay.NAPI_COUNT]
    heads = [int(head) for head in rows[:, columns].ravel() if head >= 0]
    cpu_rows = host[lay.CPU : lay.CPU + lay.MAX_CPUS]
    heads += [int(head) for head in cpu_rows[:, lay.C_READY] if head >= 0]
    sockets = host[clock[lay.CK_SOCKET] :][: clock[lay.CK_SOCKETS]]
    heads += [int(head) for head in sockets[:, lay.SO_QUEUE] if head >= 0]
    heads += [int(clock[lay.CK_OUT_HEAD])] if clock[lay.CK_OUT_HEAD] >= 0 else []
    found = [slot for head in heads for slot in _walk(slots, head, lay.S_NEXT)]
    found += [int(slot) for slot in np.flatnonzero(slots[:, lay.S_ORDER] == lay.ORDER_WAITS)]
    tasks = host[lay.TASK :][: clock[lay.CK_TASKS]]
    found += [int(slot) for slot in tasks[:, lay.T_SLOT] if slot >= 0]
    has_skb = [lay.WORK_FRAME, lay.WORK_SKB, lay.WORK_POST, lay.WORK_TASK, lay.WORK_POLL]
    found += [int(row[lay.C_SLOT]) for row in cpu_rows if row[lay.C_WORK] in has_skb]
    return found


def _frames(state: State, head: int) -> int:
    return len(_walk(state.slot, head, lay.S_FRAME))


def _leaving(state: State) -> int:
    frame = int(state.host[lay.CLOCK, lay.CK_OUT_FRAME])
    return len(_walk(state.slot, frame, lay.S_FRAME)) if frame >= 0 else 0


def _walk(slots: Table, slot: int, link: int) -> list[int]:
    found = []
    while slot >= 0:
        found.append(slot)
        slot = int(slots[slot, link])
    return found
