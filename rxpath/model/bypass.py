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
from rxpath.model.fifo import pop_slot, push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inner
def arrive(state: State, cpu: int, slot: int, now: int) -> bool:
    """Put a frame into the polled ring; False when no descriptor is free (rx_missed)."""
    host = state.host
    row = lay.NAPIS + lay.POLL_NAPI + cpu
    if host[row, lay.N_LENGTH] >= host[lay.KNOB, lay.K_RING]:
        return False
    push_slot(host, row, lay.N_QUEUE, state.slot, slot)
    host[row, lay.N_LENGTH] += 1
    stop_spinning(host, cpu, now)
    if host[lay.CPU + cpu, lay.C_WORK] == lay.WORK_NONE:
        take(state, cpu, now)
    return True


@inner
def take(state: State, cpu: int, now: int) -> bool:
    """Begin with the next frame of the CPU's polled ring; False when there is none."""
    host, slots = state.host, state.slot
    row = lay.NAPIS + lay.POLL_NAPI + cpu
    slot = pop_slot(host, row, lay.N_QUEUE, slots)
    if slot < 0:
        return False
    host[row, lay.N_LENGTH] -= 1
    stages.begin(state, cpu, slot, lay.POLL, lay.CHOICE_NONE, now)
    cpus.start(state, cpu, now, lay.WORK_POLL, slot, _cost(host, slots, slot))
    return True


@inlined
def finish(state: State, cpu: int, slot: int, now: int) -> None:
    """The application has the frame."""
    stages.end(state, slot, now)
    output.leave(state, slot, lay.DELIVER, lay.PLACE_NONE, now, cpu)


@inlined
def spin(host: Table, cpu: int, now: int) -> None:
    """A polling core without work goes on polling its empty ring."""
    row = lay.CPU + cpu
    if host[row, lay.C_POLLS]:
        host[row, lay.C_WORK] = lay.WORK_SPIN
        host[row, lay.C_START] = now
        host[row, lay.C_STOLEN] = 0
        host[row, lay.C_BOOKED] = lay.BUSY_POLLING


@inner
def stop_spinning(host: Table, cpu: int, now: int) -> None:
    """Book the time that the core spun; it is free for something else."""
    row = lay.CPU + cpu
    if host[row, lay.C_WORK] == lay.WORK_SPIN:
        cpus.account(host, cpu, now)
        host[row, lay.C_WORK] = lay.WORK_NONE


def set_polling(host: Table, polling: set[int]) -> None:
    """Say which CPUs poll from now on; idle ones begin or stop to spin at once."""
    now = int(host[lay.CLOCK, lay.CK_NOW])
    settle(host)
    for cpu in range(lay.MAX_CPUS):
        row = host[lay.CPU + cpu]
        row[lay.C_POLLS] = cpu in polling
        if row[lay.C_POLLS] and row[lay.C_WORK] == lay.WORK_NONE:
            row[[lay.C_WORK, lay.C_START, lay.C_STOLEN]] = lay.WORK_SPIN, now, 0
            row[lay.C_BOOKED] = lay.BUSY_POLLING
        if not row[lay.C_POLLS] and row[lay.C_WORK] == lay.WORK_SPIN:
            row[lay.C_WORK] = lay.WORK_NONE


def settle(host: Table) -> None:
    """Book the time that cores have spun until now."""
    now = int(host[lay.CLOCK, lay.CK_NOW])
    for cpu in range(lay.MAX_CPUS):
        row = host[lay.CPU + cpu]
        if row[lay.C_WORK] == lay.WORK_SPIN:
            row[lay.C_BUSY + lay.BUSY_POLLING] += now - row[lay.C_START]
            row[lay.C_START] = now


@inner
def _cost(host: Table, slots: Table, slot: int) -> int:
    """All of it, from the ring to the application's buffer."""
    row = slots[slot, lay.S_ROW]
    tcp = 1 if slots[slot, lay.S_PROTOCOL] == lay.TCP else 0
    cost: int = host[row, lay.R_FRAME + tcp] + host[lay.KNOB, lay.K_SERVICE_NS]
    cost += host[row, lay.R_FRAME_KIB + tcp] * slots[slot, lay.S_LENGTH] >> 10
    cost += stages.stack_cost(host, slots, slot)
    slots[slot, lay.S_ROW] = row + 1
    cost += stages.stack_cost(host, slots, slot)
    slots[slot, lay.S_ROW] = row
    return cost
