"""CPU load as FALCON measures it, every 10 jiffies [its kernel/time/timekeeping.c].

All in integers, as there: idle percent rounds down, load = (4 * load + busy percent) / 5.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model import events, rebalance
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inner
def tick(state: State, now: int) -> None:
    """Measure all CPUs, average over FALCON's, and count the threshold's crossings."""
    host, loads = state.host, state.lists[lay.LIST_LOAD]
    for cpu in range(host[lay.KNOB, lay.K_CPUS]):
        loads[cpu] = (4 * loads[cpu] + 100 - _idle_percent(state, cpu, now)) // 5
    total = 0
    count = host[lay.KNOB, lay.K_FALCON_CPUS]
    for i in range(count):
        total += loads[state.lists[lay.LIST_FALCON, i]]
    host[lay.KNOB, lay.K_AVERAGE_LOAD] = total // count
    _note_crossing(state)
    if host[lay.KNOB, lay.K_REBALANCE_NS] > 0:
        rebalance.tick(state, now)
    events.schedule_tick(state.due, now + host[lay.KNOB, lay.K_LOAD_NS])


@inlined
def _idle_percent(state: State, cpu: int, now: int) -> int:
    row = state.host[lay.CPU + cpu]
    busy = cpus.busy_ns(state.host, cpu, now)
    elapsed = now - row[lay.C_MARK_TIME]
    idle = elapsed - (busy - row[lay.C_BUSY_MARK])
    row[lay.C_BUSY_MARK] = busy
    row[lay.C_MARK_TIME] = now
    if elapsed <= 0:
        return 100
    percent: int = max(0, min(100, idle * 100 // elapsed))
    return percent


@inlined
def _note_crossing(state: State) -> None:
    clock, knobs = state.host[lay.CLOCK], state.host[lay.KNOB]
    off = 0
    if knobs[lay.K_SWITCH_OFF] and knobs[lay.K_AVERAGE_LOAD] >= knobs[lay.K_THRESHOLD]:
        off = 1
    if off > clock[lay.CK_IS_OFF]:
        clock[lay.CK_SWITCHED_OFF] += 1
    if off < clock[lay.CK_IS_OFF]:
        clock[lay.CK_SWITCHED_ON] += 1
    clock[lay.CK_IS_OFF] = off
