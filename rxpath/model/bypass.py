"""Kernel bypass: a core polls the NIC in user space and takes each frame to the application.

As DPDK with mTCP: one thread a core that does all, from the ring to the application on the same
core.  No interrupt, no softirq, no backlog, and no steering policy is asked.  The price: a polling
core is busy all the time, also when nothing comes.  The driver is taken to be bifurcated, as mlx5's
is: frames of other chains go to the kernel, whose interrupts and softirqs interrupt the core.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model import output, stages
from rxpath.model.fifo import pop, push
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def arrive(state: State, cpu: int, slot: int, now: int) -> bool:
    """Put a frame into the polled ring; False when no descriptor is free (rx_missed)."""
    ring = state.napis[codes.POLL_NAPI + cpu]
    if ring.length >= state.knobs.ring:
        return False
    push(ring.queue, state.slots, slot)
    ring.length += 1
    stop_spinning(state, cpu, now)
    if state.cpus[cpu].work == codes.WORK_NONE:
        take(state, cpu, now)
    return True


@inner
def take(state: State, cpu: int, now: int) -> bool:
    """Begin with the next frame of the CPU's polled ring; False when there is none."""
    ring = state.napis[codes.POLL_NAPI + cpu]
    slot = pop(ring.queue, state.slots)
    if slot < 0:
        return False
    ring.length -= 1
    stages.begin(state, cpu, slot, codes.POLL, codes.CHOICE_NONE, now)
    cpus.start(state, cpu, now, codes.WORK_POLL, slot, _cost(state, slot))
    return True


@inlined
def finish(state: State, cpu: int, slot: int, now: int) -> None:
    """The application has the frame."""
    stages.end(state, slot, now)
    output.deliver(state, slot, now, cpu)


@inlined
def spin(state: State, cpu: int, now: int) -> None:
    """A polling core without work goes on polling its empty ring."""
    core = state.cpus[cpu]
    if core.polls:
        core.work = codes.WORK_SPIN
        core.start = now
        core.stolen = 0
        core.booked = codes.BUSY_POLLING


@inner
def stop_spinning(state: State, cpu: int, now: int) -> None:
    """Book the time that the core spun; it is free for something else."""
    if state.cpus[cpu].work == codes.WORK_SPIN:
        cpus.account(state, cpu, now)
        state.cpus[cpu].work = codes.WORK_NONE


def set_polling(state: State, polling: set[int]) -> None:
    """Set which CPUs poll from now on; idle ones begin or stop to spin at once."""
    now = state.output.now
    settle(state)
    for cpu, core in enumerate(state.cpus):
        core.polls = cpu in polling
        if core.polls and core.work == codes.WORK_NONE:
            core.work, core.start, core.stolen = codes.WORK_SPIN, now, 0
            core.booked = codes.BUSY_POLLING
        if not core.polls and core.work == codes.WORK_SPIN:
            core.work = codes.WORK_NONE


def settle(state: State) -> None:
    """Book the time that cores have spun until now."""
    now = state.output.now
    for number, core in enumerate(state.cpus):
        if core.work == codes.WORK_SPIN:
            core.busy[codes.BUSY_POLLING] += now - core.start
            if state.knobs.observed:
                spun = state.observed.cpus[number].ns
                spun[codes.ACTIVITY_SPIN] += now - core.start
            core.start = now


@inner
def _cost(state: State, slot: int) -> int:
    """All of it, from the ring to the application's buffer."""
    skb = state.slots[slot]
    stage, tcp = state.stages[skb.stage], skb.protocol == codes.TCP
    cost = stage.frame[tcp] + state.knobs.service_ns
    cost += stage.frame_kib[tcp] * skb.length >> 10
    return (
        cost + stages.stack_cost(stage, skb) + stages.stack_cost(state.stages[skb.stage + 1], skb)
    )
