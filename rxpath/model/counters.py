"""The host's counters as plain values, and how many frames it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rxpath.model import bypass, moderation
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.transitions import EXITS


def stats(state: State) -> dict[str, Any]:
    """Counters since they were zeroed.

    ``received`` frames (rx_missed ones counted), ``delivered``, ``bytes``, ``drops`` by reason,
    ``queued`` now, ``reordered`` by RFC 4737, ``busy_ns`` by CPU and kind, ``load`` percent by
    CPU, ``average_load`` of the FALCON CPUs, ``falcon`` {off, switched_off, switched_on},
    ``softirq`` {squeezed, ksoftirqd, ipis, interrupts, merged}, ``net_rx`` runs of net_rx_action by
    CPU (/proc/softirqs), of the order guard ``order`` {handovers, under_way, held skbs, held_ns
    together}, of the NIC's flow table ``offload`` {entries, functions} in use and {slow_path}
    frames that had no entry, of the host's flow cache ``cache`` {entries} in use and {misses},
    frames whose flow had none, and ``moderation`` of each RX queue.
    """
    counters, usage, knobs = state.counters, state.usage, state.knobs
    return {
        "clock_ns": state.output.now,
        "received": counters.received,
        "delivered": counters.delivered,
        "bytes": counters.bytes,
        "drops": drops(state),
        "queued": queued(state),
        "reordered": counters.reordered,
        "busy_ns": [dict(zip(codes.BUSY_NAMES, row.tolist(), strict=True)) for row in busy(state)],
        "load": state.steering.loads.array[: knobs.cpus].tolist(),
        "average_load": knobs.average_load,
        "falcon": {
            "off": bool(usage.is_off),
            "switched_off": counters.switched_off,
            "switched_on": counters.switched_on,
        },
        "softirq": {
            "squeezed": counters.squeezed,
            "ksoftirqd": counters.ksoftirqd,
            "ipis": counters.ipis,
            "interrupts": counters.interrupts,
            "merged": counters.merged,
        },
        "order": {
            "handovers": counters.handovers,
            "under_way": usage.handovers,
            "held": counters.held,
            "held_ns": counters.held_ns,
        },
        "net_rx": state.cpus.array["net_rx"][: knobs.cpus].tolist(),
        "offload": {
            "entries": usage.offload_entries,
            "functions": usage.offload_functions,
            "slow_path": counters.slow_path,
        },
        "cache": {"entries": usage.cache_entries, "misses": counters.cache_misses},
        "moderation": coalescing(state),
    }


def coalescing(state: State) -> list[dict[str, Any]]:
    """Interrupt moderation of the queues in use, as ``ethtool --per-queue -c`` tells it.

    ``adaptive_rx``, ``rx_usecs`` and ``rx_frames`` of the NIC now; with net_dim the ``profile`` in
    use (else None), its ``decisions``, and ``changes``, those for another profile.
    """
    found = []
    for queue in range(state.knobs.queues):
        profile, period, frames = moderation.in_use(state, queue)
        row, adaptive = state.moderation[queue], bool(state.knobs.adaptive)
        found.append(
            {
                "adaptive_rx": adaptive,
                "rx_usecs": period // moderation.US,
                "rx_frames": frames,
                "profile": profile if adaptive else None,
                "decisions": row.decisions,
                "changes": row.changes,
            }
        )
    return found


def busy(state: State) -> NDArray[np.int64]:
    """How long each CPU was busy, ns [cpus, BUSY_*]; work that goes on is counted at its end."""
    bypass.settle(state)
    return np.array(state.cpus.array["busy"][: state.knobs.cpus])


def drops(state: State) -> dict[str, int]:
    """Frames lost, by drop reason."""
    return {name: state.counters.drops[i] for i, name in enumerate(codes.DROP_REASONS) if i}


def queued(state: State) -> int:
    """Frames that the host holds, found by walking all of its queues and what is being done."""
    slots = np.array([*_heads(state), *_leaving(state)], np.int64)
    links, found = state.slots.array["frame"], 0
    while slots.size:  # all lists at once: many skbs, of few frames each
        found += slots.size
        slots = links[slots]
        slots = slots[slots >= 0]
    return found


def zero(state: State) -> None:
    """Zero all counters. Frames in flight, the clock, the loads and flows' order stay."""
    bypass.settle(state)
    moderation.zero(state)
    held = queued(state)
    state.counters.clear()
    state.counters.received = held  # so that received = delivered + drops + queued goes on
    flows, cpus = state.flows.array, state.cpus.array
    flows["reordered"] = flows["delivered"] = 0
    cpus["busy_mark"] -= cpus["busy"].sum(axis=1)
    cpus["busy"] = cpus["net_rx"] = 0


def _heads(state: State) -> list[int]:
    """The first frames of all skbs in queues, in GRO, at work or with a thread."""
    cpus, napis, slots = state.cpus.array, state.napis.array, state.slots.array
    lists = [napis["queue"]["head"], napis["process"]["head"], napis["gro"]["oldest"].ravel()]
    lists += [napis["urgent"]["head"], napis["urgent_process"]["head"]]
    lists += [cpus["ready"]["head"], state.sockets.array["queue"]["head"]]
    heads = np.concatenate([*lists, [state.output.queue.head]])
    found = [slot for head in heads[heads >= 0].tolist() for slot in _walk(state, head)]
    found += _held(state)
    found += np.flatnonzero(slots["order"] == codes.ORDER_WAITS).tolist()
    found += [state.datagrams[number].first for number in _incomplete(state)]
    interrupted = state.tasks.array["slot"]
    found += interrupted[interrupted >= 0].tolist()
    has_skb = [*EXITS, codes.WORK_TASK, codes.WORK_POLL]
    found += cpus["slot"][np.isin(cpus["work"], has_skb)].tolist()
    return found


def _held(state: State) -> list[int]:
    """The skbs that the order guard holds."""
    found = []
    for awaited in state.napis.array["awaited"][state.napis.array["awaited"] > 0].tolist():
        number = awaited
        while number:
            entry = state.guard[number - 1]
            found += _ring(state, entry.aside - 1)
            number = entry.next
    return found


def _ring(state: State, last: int) -> list[int]:
    """The slots of a ring whose last one is given, -1: it is empty."""
    found = [last] if last >= 0 else []
    while found and (slot := state.slots[found[-1]].next) != last:
        found.append(slot)
    return found


def _incomplete(state: State) -> list[int]:
    """The datagrams that are being reassembled."""
    found, number = [], state.reassembly.oldest - 1
    while number >= 0:
        found.append(number)
        number = state.datagrams[number].newer - 1
    return found


def _leaving(state: State) -> list[int]:
    frame = state.output.frame
    return [frame] if frame >= 0 else []


def _walk(state: State, slot: int) -> list[int]:
    """The skbs of a queue from one on."""
    links, found = state.slots.array["next"], []
    while slot >= 0:
        found.append(slot)
        slot = int(links[slot])
    return found
