"""CPU load as FALCON measures it, every 10 jiffies [its kernel/time/timekeeping.c].

What else is looked at from time to time is looked at then.

All in integers, as there: idle percent rounds down, load = (4 * load + busy percent) / 5.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model import events, reassembly, rebalance
from rxpath.model.state.host import State


@inner
def tick(state: State, now: int) -> None:
    """Measure all CPUs, average over FALCON's, and count the threshold's crossings."""
    loads = state.steering.loads
    for cpu in range(state.knobs.cpus):
        loads[cpu] = (4 * loads[cpu] + 100 - _idle_percent(state, cpu, now)) // 5
    total = 0
    count = state.knobs.falcon_cpus
    for i in range(count):
        total += loads[state.steering.falcon_cpus[i]]
    state.knobs.average_load = total // count
    _note_crossing(state)
    if state.knobs.rebalance_ns > 0:
        rebalance.tick(state, now)
    reassembly.expire(state, now)
    events.schedule_tick(state, now + state.knobs.load_ns)


@inlined
def _idle_percent(state: State, cpu: int, now: int) -> int:
    core = state.cpus[cpu]
    busy = cpus.busy_ns(core, now)
    elapsed = now - core.mark_time
    idle = elapsed - (busy - core.busy_mark)
    core.busy_mark = busy
    core.mark_time = now
    if elapsed <= 0:
        return 100
    percent: int = max(0, min(100, idle * 100 // elapsed))
    return percent


@inlined
def _note_crossing(state: State) -> None:
    knobs, off = state.knobs, 0
    if knobs.switch_off and knobs.average_load >= knobs.threshold:
        off = 1
    if off > state.usage.is_off:
        state.counters.switched_off += 1
    if off < state.usage.is_off:
        state.counters.switched_on += 1
    state.usage.is_off = off
