"""Which CPU runs a packet's next stage: the policy's answer, unless the order guard has another.

The guard may send a packet to another CPU's gro_cell, which the kernel never does: a flow's packets
may still wait in it when the stage before has moved.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import order
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def ask(state: State, cpu: int, slot: int, stage: int) -> tuple[int, int]:
    """The policy's answer (CPU, choice) for an skb that enters ``stage`` from ``cpu``.

    Raises ValueError when the CPU is none of the host's.
    """
    skb = state.slots[slot]
    device, app = state.stages[skb.stage], state.tasks[state.sockets[skb.socket].task].cpu
    target, choice = state.steer(skb, device, stage, cpu, app, state.knobs, state.steering)
    if target < 0 or target >= state.knobs.cpus:
        raise ValueError("the steering policy returned a CPU that the host does not have")
    return target, choice


@inlined
def split(state: State, cpu: int, queue: int, slot: int) -> int:
    """Where GRO and the rest of a frame's first stage run: a backlog, or ``queue`` itself."""
    target, choice = ask(state, cpu, slot, codes.SPLIT)
    steered = choice == codes.CHOICE_FIRST or choice == codes.CHOICE_SECOND
    napi = codes.BACKLOG_NAPI + target if steered else queue
    napi, choice = order.decide(state, slot, codes.FIRST_POSITION, napi, choice)
    if napi != queue and napi < codes.CELL_NAPI:  # the indirection table has changed
        napi, choice = queue, codes.CHOICE_NONE
    state.slots[slot].choice = choice
    return napi


@inlined
def next_queue(state: State, cpu: int, slot: int) -> int:
    """The gro_cell or backlog where the skb waits for its next stage."""
    stage = state.stages[state.slots[slot].stage]
    target, choice = ask(state, cpu, slot, stage.kind)
    steered = choice == codes.CHOICE_FIRST or choice == codes.CHOICE_SECOND
    if stage.kind == codes.GRO_CELL and not steered:
        napi = codes.CELL_NAPI + cpu  # this_cpu_ptr(gcells->cells)
    else:
        napi = codes.BACKLOG_NAPI + target
    napi, choice = order.decide(state, slot, stage.position, napi, choice)
    state.slots[slot].choice = choice
    return napi


@inlined
def after_gro(state: State, cpu: int, slot: int) -> int:
    """The backlog where an skb that left the NIC's GRO waits for the stack [get_rps_cpu], or -1."""
    napi, choice = codes.NONE, codes.CHOICE_NONE
    if state.knobs.nic_steering == codes.ON:
        target, choice = ask(state, cpu, slot, codes.RPS)
        napi = codes.BACKLOG_NAPI + target
    napi, choice = order.decide(state, slot, codes.NIC_POSITION, napi, choice)
    state.slots[slot].choice = choice
    return napi
