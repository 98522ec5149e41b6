"""What `rxpath.model.observe` noted, as arrays and plain values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rxpath.model.state import codes
from rxpath.model.state.host import State

OF_WORK = {codes.WORK_IRQ: codes.ACTIVITY_HARDIRQ, codes.WORK_IPI: codes.ACTIVITY_IPI}
OF_WORK |= {codes.WORK_OVERHEAD: codes.ACTIVITY_SOFTIRQ, codes.WORK_SPIN: codes.ACTIVITY_SPIN}
OF_WORK |= {codes.WORK_SPLIT: codes.ACTIVITY_SPLIT, codes.WORK_RPS: codes.ACTIVITY_RPS}
IDLE = "idle"


def busy(state: State) -> NDArray[np.int64]:
    """Time that each CPU has used, ns [cpus, ACTIVITIES], the work that goes on included."""
    count = state.knobs.cpus
    found = np.array(state.observed.cpus.array["ns"][:count])
    cpus = state.cpus.array[:count]
    for cpu in np.flatnonzero(cpus["work"]).tolist():
        core = state.cpus[cpu]
        elapsed = state.output.now - core.start - core.stolen
        found[cpu, _activity(state, cpu)] += max(0, elapsed)
    return found


def _activity(state: State, cpu: int) -> int:
    """As `rxpath.model.observe` has it, of the work that goes on."""
    core = state.cpus[cpu]
    if core.work in OF_WORK:
        return OF_WORK[core.work]
    if core.work == codes.WORK_STACK and core.napi >= codes.BACKLOG_NAPI:
        return codes.ACTIVITY_SPLIT
    return state.slots[core.slot].stage


def doing(state: State) -> list[str]:
    """What each CPU does now: one of `codes.BUSY_NAMES`, or "idle"."""
    cpus = state.cpus.array[: state.knobs.cpus]
    names = zip(cpus["work"].tolist(), cpus["booked"].tolist(), strict=True)
    return [codes.BUSY_NAMES[booked] if work else IDLE for work, booked in names]


def depths(state: State) -> dict[str, list[int]]:
    """Packets that wait: `ring` by RX queue, `gro_cell` and `backlog` by CPU, `socket` by number.

    A backlog's are those of input_pkt_queue and of process_queue.
    """
    napis, knobs = state.napis.array, state.knobs
    cells = slice(codes.CELL_NAPI, codes.CELL_NAPI + knobs.cpus)
    backlogs = slice(codes.BACKLOG_NAPI, codes.BACKLOG_NAPI + knobs.cpus)
    working = np.isin(
        state.cpus.array["work"][: knobs.cpus],
        [codes.WORK_SPLIT, codes.WORK_RPS, codes.WORK_STAGE],
    ) & (state.cpus.array["napi"][: knobs.cpus] >= codes.BACKLOG_NAPI)
    waiting = napis["tail"][backlogs] - napis["done"][backlogs] - working
    return {
        "ring": napis["length"][codes.QUEUE_NAPI : codes.QUEUE_NAPI + knobs.queues].tolist(),
        "gro_cell": napis["length"][cells].tolist(),
        "backlog": np.maximum(waiting, 0).tolist(),
        "socket": state.sockets.array["length"].tolist(),
    }


def memory(state: State) -> list[int]:
    """Bytes that each socket's receive buffer is charged with."""
    found: list[int] = state.sockets.array["memory"].tolist()
    return found


def slices(state: State, since: int, most: int) -> tuple[NDArray[Any], int]:
    """The newest pieces of work from number `since` on, `most` at most, and the next number.

    An array of `rxpath.model.state.observed.Slice`, in the order in which the works ended.
    """
    end = state.observed.slices
    begin = max(since, end - min(most, codes.SLICES))
    return state.slices.array[np.arange(begin, end) % codes.SLICES], end


def moves(state: State, since: int) -> tuple[NDArray[Any], int]:
    """Changes of CPU from number `since` on that are still there, and the next number."""
    end = state.observed.moves
    begin = max(since, end - codes.MOVES)
    return state.moves.array[np.arange(begin, end) % codes.MOVES], end


def places(state: State, flow: int) -> list[tuple[int, int]]:
    """Where a flow's last packets were worked on: (activity, CPU) in the order of its chain."""
    row = state.places[flow]
    order = (0, codes.SPLIT_POSITION, codes.NIC_POSITION, *range(1, codes.SPLIT_POSITION))
    return [(row.activities[at], row.cpus[at] - 1) for at in order if row.cpus[at]]
