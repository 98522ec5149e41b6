"""The state of one receiving host: a NamedTuple of arrays that the kernels work on.

Python validates, draws what is random and allocates (`rxpath.model`); the kernels see only these
arrays and change them in place.  Nothing here grows with the number of packets.  What a row and
a column means is in `rxpath.layout`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath import layout as lay

Table = NDArray[np.int64]


class State(NamedTuple):
    """All of a host, int64."""

    host: Table  # [rows, COLUMNS] clock, knobs, costs, CPUs, NAPI instances, stages, sockets, ...
    lists: Table  # [LISTS, LIST_SIZE] indirection table, CPU sets, loads
    slot: Table  # [slots, SLOT_COLUMNS] one frame or, as a chain's head, one skb
    record: Table  # [slots, MAX_STAGES, RECORD_COLUMNS]; [1, ...] when records are not wanted
    hop: Table  # [slots] stages in the record of a frame that an event names; 0: not recorded
    flow: Table  # [flows, FLOW_COLUMNS]
    memory: Table  # [...] the steering policy's own


def _array(dimensions: int) -> types.Array:
    return types.Array(types.int64, dimensions, "C")


STATE_TYPE = types.NamedTuple([_array(n) for n in (2, 2, 2, 3, 1, 2, 1)], State)
"""Numba's type of `State`, for explicit signatures."""


def allocate(slots: int, sockets: int, flows: int, threads: int, records: bool) -> State:
    """An idle host at model time 0; knobs, costs, stages and lists are still to be filled in."""
    tasks = lay.MAX_CPUS + threads
    sources = lay.WAKE + tasks
    socket_row = lay.TASK + tasks
    source_row = socket_row + sockets
    host = np.zeros((source_row + sources, lay.COLUMNS), np.int64)
    host[lay.CLOCK, lay.CK_SOURCE] = source_row
    host[lay.CLOCK, lay.CK_SOCKET] = socket_row
    host[lay.CLOCK, lay.CK_SOURCES] = sources
    host[lay.CLOCK, lay.CK_SOCKETS] = sockets
    host[lay.CLOCK, lay.CK_TASKS] = tasks
    _empty_links(host, tasks, sockets, sources)
    for cpu in range(lay.MAX_CPUS):
        host[lay.NAPIS + lay.CELL_NAPI + cpu, lay.N_CPU] = cpu
        host[lay.NAPIS + lay.BACKLOG_NAPI + cpu, lay.N_CPU] = cpu
        host[lay.TASK + cpu, lay.T_CPU] = cpu
    for socket in range(sockets):
        host[socket_row + socket, lay.SO_TASK] = lay.THREADS + socket % threads
    shape = (slots if records else 1, lay.MAX_STAGES, lay.RECORD_COLUMNS)
    return State(
        host=host,
        lists=np.zeros((lay.LISTS, lay.LIST_SIZE), np.int64),
        slot=np.zeros((slots, lay.SLOT_COLUMNS), np.int64),
        record=np.zeros(shape, np.int64),
        hop=np.zeros(slots, np.int64),
        flow=np.zeros((flows, lay.FLOW_COLUMNS), np.int64),
        memory=np.zeros(4096, np.int64),
    )


def _empty_links(host: Table, tasks: int, sockets: int, sources: int) -> None:
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
    first = int(clock[lay.CK_SOURCE])
    host[first : first + sources, [lay.E_PLACE, lay.E_HEAP]] = -1
