"""The state of one receiving host: a NamedTuple of arrays that the kernels work on.

Python validates, draws what is random and allocates (`rxpath.host`); the kernels see only these
arrays and change them in place.  Nothing here grows with the number of packets.  What a row and
a column means is in `rxpath.model.state.layout`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath.model.state import layout as lay

Table = NDArray[np.int64]


class State(NamedTuple):
    """All of a host, int64."""

    host: Table  # [rows, COLUMNS] clock, knobs, costs, CPUs, NAPI instances, stages, sockets, ...
    due: Table  # [sources, DUE_COLUMNS] who is due when
    guard: Table  # [GUARD_ENTRIES, GUARD_COLUMNS] the order guard
    lists: Table  # [LISTS, LIST_SIZE] indirection table, CPU sets, loads
    slot: Table  # [slots, SLOT_COLUMNS] one frame or, as a chain's head, one skb
    record: Table  # [slots, MAX_STAGES, RECORD_COLUMNS]; [1, ...] when records are not wanted
    hop: Table  # [slots] stages in the record of a frame that an event names; 0: not recorded
    flow: Table  # [flows, FLOW_COLUMNS]
    memory: Table  # [MEMORY] the steering policy's own


WIDTHS: dict[str, tuple[int, ...]] = {
    "host": (lay.COLUMNS,),
    "due": (lay.DUE_COLUMNS,),
    "guard": (lay.GUARD_COLUMNS,),
    "lists": (lay.LIST_SIZE,),
    "slot": (lay.SLOT_COLUMNS,),
    "record": (lay.MAX_STAGES, lay.RECORD_COLUMNS),
    "hop": (),
    "flow": (lay.FLOW_COLUMNS,),
    "memory": (),
}
"""Of each array, all dimensions but the first."""


def _array(dimensions: int) -> types.Array:
    return types.Array(types.int64, dimensions, "C")


STATE_TYPE = types.NamedTuple([_array(1 + len(WIDTHS[name])) for name in State._fields], State)
"""Numba's type of `State`, for explicit signatures."""


def allocate(slots: int, sockets: int, flows: int, threads: int, records: bool) -> State:
    """An idle host at model time 0; knobs, costs, stages and lists are still to be filled in."""
    tasks = lay.MAX_CPUS + threads
    socket_row = lay.TASK + tasks
    host = _aligned((socket_row + sockets, lay.COLUMNS))
    host[lay.CLOCK, lay.CK_SOCKET] = socket_row
    host[lay.CLOCK, lay.CK_SOCKETS] = sockets
    host[lay.CLOCK, lay.CK_TASKS] = tasks
    _empty_links(host, tasks, sockets)
    for cpu in range(lay.MAX_CPUS):
        host[lay.NAPIS + lay.CELL_NAPI + cpu, lay.N_CPU] = cpu
        host[lay.NAPIS + lay.BACKLOG_NAPI + cpu, lay.N_CPU] = cpu
        host[lay.TASK + cpu, lay.T_CPU] = cpu
    for socket in range(sockets):
        host[socket_row + socket, lay.SO_TASK] = lay.THREADS + socket % threads
    shape = (slots if records else 1, lay.MAX_STAGES, lay.RECORD_COLUMNS)
    return State(
        host=host,
        due=_no_events(lay.WAKE + tasks),
        guard=_aligned((lay.GUARD_ENTRIES, lay.GUARD_COLUMNS)),
        lists=np.zeros((lay.LISTS, lay.LIST_SIZE), np.int64),
        slot=_aligned((slots, lay.SLOT_COLUMNS)),
        record=np.zeros(shape, np.int64),
        hop=np.zeros(slots, np.int64),
        flow=_aligned((flows, lay.FLOW_COLUMNS)),
        memory=np.zeros(lay.MEMORY, np.int64),
    )


def _no_events(sources: int) -> Table:
    """Nothing is due."""
    due = _aligned((sources, lay.DUE_COLUMNS))
    due[:, lay.D_WHEN] = np.iinfo(np.int64).max
    due[:, lay.D_FIRST] = due[0, lay.D_TIME] = np.iinfo(np.int64).max
    for ring in (lay.RING_INTERRUPT, lay.RING_IPI, lay.RING_WAKE):
        due[ring, [lay.D_NEXT, lay.D_BEFORE]] = ring
    return due


def _aligned(shape: tuple[int, int]) -> Table:
    """Zeros that begin a cache line of 64 bytes."""
    size = shape[0] * shape[1]
    words = np.zeros(size + 7, np.int64)
    start = -words.ctypes.data // 8 % 8
    return words[start : start + size].reshape(shape)


def _empty_links(host: Table, tasks: int, sockets: int) -> None:
    """Every head of a list to -1, which is "none"."""
    clock = host[lay.CLOCK]
    clock[[lay.CK_OUT_HEAD, lay.CK_OUT_TAIL, lay.CK_OUT_FRAME]] = -1
    heads = [lay.C_NAPI, lay.C_LIST, lay.C_POLL, lay.C_REPOLL, lay.C_IPI]
    heads += [lay.C_READY, lay.C_TASK, lay.C_RUN, lay.C_LAST_TASK, lay.C_SLOT]
    host[lay.CPU : lay.CPU + lay.MAX_CPUS, heads] = -1
    heads = [lay.N_NEXT, lay.N_QUEUE, lay.N_PROCESS]
    heads += [lay.N_GRO + 2 * bucket for bucket in range(lay.GRO_BUCKETS)]
    host[lay.NAPIS : lay.NAPIS + lay.NAPI_COUNT, heads] = -1
    rows = slice(lay.TASK, lay.TASK + tasks)
    host[rows, lay.T_NEXT] = host[rows, lay.T_SLOT] = host[rows, lay.T_READY] = -1
    first = int(clock[lay.CK_SOCKET])
    host[first : first + sockets, [lay.SO_QUEUE, lay.SO_NEXT]] = -1
