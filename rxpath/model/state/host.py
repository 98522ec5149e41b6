"""All of a receiving host's memory, and how it is allocated.

Python validates, draws what is random and allocates; kernels change the tables in place.  Nothing
here grows with the number of packets.
"""

from __future__ import annotations

import numpy as np

from rxpath.compile.groups import Call, Group, table
from rxpath.compile.pointers import GroupType
from rxpath.compile.tables import part, parts, words
from rxpath.model.state import codes
from rxpath.model.state.machine import (
    Counters,
    Cpu,
    Moderation,
    Napi,
    Output,
    Socket,
    Task,
    Usage,
)
from rxpath.model.state.observed import Move, Observed, Places, Slice
from rxpath.model.state.packets import (
    Datagram,
    Flow,
    FrameRecord,
    GuardEntry,
    Hops,
    Reassembly,
    Slot,
)
from rxpath.model.state.schedule import Running, Schedule, Source
from rxpath.model.state.settings import Chain, Costs, Knobs, RssEntry, Stage
from rxpath.model.state.steering import STEER_SIGNATURE, Steering

NEVER = int(np.iinfo(np.int64).max)


class State(Group):
    """One receiving host."""

    output = part(Output, "the clock, and frames that leave the model")
    counters = part(Counters, "since they were zeroed")
    usage = part(Usage, "what is in use now")
    schedule = part(Schedule, "CPUs that have work")
    running = parts(codes.MAX_CPUS + 1, Running, "these CPUs; row 0 is never due")
    knobs = part(Knobs, "what the user set")
    costs = part(Costs, "of what does not belong to one stage")
    cpus = parts(codes.MAX_CPUS, Cpu, "by number")
    napis = parts(codes.NAPI_COUNT, Napi, "QUEUE_NAPI + q, CELL_NAPI + c, BACKLOG_NAPI + c, ...")
    moderation = parts(codes.MAX_QUEUES, Moderation, "by RX queue")
    stages = parts(codes.MAX_CHAIN_ROWS, Stage, "of all chains, one after the other")
    chains = parts(codes.MAX_CHAINS, Chain, "by number")
    rss = parts(codes.RSS_ENTRIES, RssEntry, "the RSS indirection table")
    irq_cpus = words(codes.MAX_QUEUES, "CPU of each RX queue's interrupt")
    steering = part(Steering, "what a policy sees, knobs apart")
    reassembly = part(Reassembly, "IP fragments that wait for the rest of their datagrams")
    observed = part(Observed, "what CPUs did, for an observer")
    sources = table(Source, "of events: the tick, interrupts, IPIs, wake-ups")
    guard = table(GuardEntry, "the order guard, by hash and position (`rxpath.model.order`)")
    slots = table(Slot, "frame buffers")
    records = table(FrameRecord, "by slot; one row when records are not wanted")
    hops = table(Hops, "by slot")
    datagrams = table(Datagram, "by slot, see there")
    flows = table(Flow, "by number")
    tasks = table(Task, "ksoftirqd of each CPU, NAPI threads, then the applications' threads")
    sockets = table(Socket, "by number")
    slices = table(Slice, "ring of pieces of work; one row when nobody is to observe")
    moves = table(Move, "ring of changes of CPU, likewise")
    places = table(Places, "by flow, likewise")
    steer = Call(STEER_SIGNATURE, "the steering policy (`rxpath.model.policy`)")


STATE = GroupType(State)
"""Numba's type of `State`, for explicit signatures."""


def allocate(slots: int, sockets: int, flows: int, threads: int, records: bool) -> State:
    """An idle host at model time 0; knobs, costs, stages and lists are still to be filled in."""
    tasks = codes.THREADS + threads
    state = State(
        sources=codes.WAKE + tasks,
        guard=codes.GUARD_ENTRIES * codes.MAX_STAGES,
        slots=slots,
        records=slots if records else 1,
        hops=slots,
        datagrams=slots,
        flows=flows,
        tasks=tasks,
        sockets=sockets,
        slices=codes.SLICES if records else 1,
        moves=codes.MOVES if records else 1,
        places=flows if records else 1,
    )
    _empty_lists(state)
    _empty_schedule(state)
    state.moderation.array["restarted"] = -NEVER
    for cpu in range(codes.MAX_CPUS):
        state.napis[codes.CELL_NAPI + cpu].cpu = cpu
        state.napis[codes.BACKLOG_NAPI + cpu].cpu = cpu
        state.tasks[cpu].cpu = cpu
    for socket in range(sockets):
        state.sockets[socket].task = codes.THREADS + socket % threads
    return state


def _empty_schedule(state: State) -> None:
    """Nothing is due."""
    state.schedule.first = state.running[0].time = NEVER
    sources = state.sources.array
    sources["when"] = sources["first"] = NEVER
    for ring in (codes.RING_INTERRUPT, codes.RING_IPI, codes.RING_WAKE):
        sources["next"][ring] = sources["before"][ring] = ring


def _empty_lists(state: State) -> None:
    """Every link and head of a list to -1, which is "none"."""
    none = codes.NONE
    state.output.queue.head = state.output.queue.tail = state.output.frame = none
    cpus, napis = state.cpus.array, state.napis.array
    for name in ("ready", "action", "poll_list", "repoll", "ipi_list"):
        cpus[name]["head"] = none
    for name in ("slot", "napi", "task", "runnable", "last_task"):
        cpus[name] = none
    napis["next"] = napis["queue"]["head"] = napis["process"]["head"] = none
    napis["urgent"]["head"] = napis["urgent_process"]["head"] = none
    napis["gro"]["oldest"] = none
    state.reassembly.buckets.array[:] = none
    tasks, sockets = state.tasks.array, state.sockets.array
    tasks["next"] = tasks["slot"] = tasks["ready"]["head"] = none
    sockets["queue"]["head"] = sockets["next"] = none
