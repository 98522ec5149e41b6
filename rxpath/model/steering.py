"""Which CPU runs a packet's next stage: the policy's word, and the order guard's veto.

The order guard is the rule of Receive Flow Steering (Documentation/networking/scaling): a flow may
change CPUs at a stage only when the old CPU has worked off all that was queued up to the flow's
last packet there, so nothing can be overtaken.  (So it can send a packet to another CPU's gro_cell,
which the kernel never does: a flow's packets may still wait in it when the stage before moved.)
"""

from __future__ import annotations

from typing import Any

from rxpath.compile.jit import inlined, inner
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inner
def ask(state: State, cpu: int, slot: int, stage: int, choose: Any) -> tuple[int, int]:
    """The policy's answer (CPU, choice) for an skb that enters ``stage`` from ``cpu``.

    Raises ValueError when the CPU is none of the host's.
    """
    host, slots = state.host, state.slot
    target, choice = choose(
        slots[slot, lay.S_HASH],
        host[slots[slot, lay.S_ROW], lay.R_IFINDEX],
        stage,
        slots[slot, lay.S_PROTOCOL],
        cpu,
        slots[slot, lay.S_SOCKET],
        slots[slot, lay.S_NUMBER],
        host,
        state.lists,
        state.memory,
    )
    if target < 0 or target >= host[lay.KNOB, lay.K_CPUS]:
        raise ValueError("the steering policy returned a CPU that the host does not have")
    return target, choice


@inlined
def split(state: State, cpu: int, queue: int, slot: int, choose: Any) -> int:
    """Where GRO and the rest of a frame's first stage run: a backlog, or ``queue`` itself."""
    target, choice = ask(state, cpu, slot, lay.SPLIT, choose)
    steered = choice == lay.CHOICE_FIRST or choice == lay.CHOICE_SECOND
    napi = lay.BACKLOG_NAPI + target if steered else queue
    napi, choice = guard(state, slot, lay.FIRST, napi, choice)
    if napi != queue and napi < lay.CELL_NAPI:  # the indirection table changed meanwhile
        napi, choice = queue, lay.CHOICE_NONE
    state.slot[slot, lay.S_CHOICE] = choice
    return napi


@inlined
def next_queue(state: State, cpu: int, slot: int, choose: Any) -> int:
    """The gro_cell or backlog where the skb waits for its next stage (its S_ROW)."""
    row = state.slot[slot, lay.S_ROW]
    stage = state.host[row, lay.R_KIND]
    target, choice = ask(state, cpu, slot, stage, choose)
    steered = choice == lay.CHOICE_FIRST or choice == lay.CHOICE_SECOND
    if stage == lay.GRO_CELL and not steered:
        napi = lay.CELL_NAPI + cpu  # this_cpu_ptr(gcells->cells)
    else:
        napi = lay.BACKLOG_NAPI + target
    napi, choice = guard(state, slot, state.host[row, lay.R_POSITION], napi, choice)
    state.slot[slot, lay.S_CHOICE] = choice
    return napi


@inlined
def behind_gro(state: State, cpu: int, slot: int, choose: Any) -> int:
    """The backlog where an skb that left the NIC's GRO waits for the stack [get_rps_cpu], or -1."""
    napi, choice = -1, lay.CHOICE_NONE
    if state.host[lay.KNOB, lay.K_NIC_STEERING] == lay.ON:
        target, choice = ask(state, cpu, slot, lay.RPS, choose)
        napi = lay.BACKLOG_NAPI + target
    napi, choice = guard(state, slot, lay.NIC_POSITION, napi, choice)
    state.slot[slot, lay.S_CHOICE] = choice
    return napi


@inner
def guard(state: State, slot: int, position: int, napi: int, choice: int) -> tuple[int, int]:
    """``napi``, or where the flow's last packet still waits; with the choice to be recorded."""
    host, entries = state.host, state.guard
    if not host[lay.KNOB, lay.K_ORDER_GUARD]:
        return napi, choice
    skb_hash = state.slot[slot, lay.S_HASH]
    entry, at = skb_hash & (lay.GUARD_ENTRIES - 1), lay.GUARD_WIDTH * position
    last = entries[entry, at + lay.G_NAPI] - 1
    if last < 0 or last == napi:
        return napi, choice
    if host[lay.NAPIS + last, lay.N_HEAD] >= entries[entry, at + lay.G_TAIL]:
        return napi, choice
    if entries[entry, at + lay.G_HASH] != skb_hash:
        return last, lay.CHOICE_KEPT
    return last, entries[entry, at + lay.G_CHOICE]


@inner
def remember(state: State, slot: int, position: int, napi: int) -> None:
    """The packet was queued at ``napi``: note how far it must have come before the flow moves."""
    host, entries, slots = state.host, state.guard, state.slot
    if not host[lay.KNOB, lay.K_ORDER_GUARD]:
        return
    skb_hash = slots[slot, lay.S_HASH]
    entry, at = skb_hash & (lay.GUARD_ENTRIES - 1), lay.GUARD_WIDTH * position
    entries[entry, at + lay.G_NAPI] = napi + 1
    entries[entry, at + lay.G_TAIL] = host[lay.NAPIS + napi, lay.N_TAIL]
    entries[entry, at + lay.G_CHOICE] = slots[slot, lay.S_CHOICE]
    entries[entry, at + lay.G_HASH] = skb_hash
