"""Waking a thread from another's work: an application's by its socket, a NAPI thread to poll.

[kernel/sched/core.c, try_to_wake_up].  The waking CPU pays at once, the thread is runnable later
(`rxpath.model.sched.wake`).
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import events
from rxpath.model.state import codes
from rxpath.model.state.host import State

AWAKE = 0  # ns


@inner
def cost(state: State, number: int) -> int:
    """What waking the thread costs, ns: nothing when it does not sleep."""
    return state.costs.wake_up if state.tasks[number].state == codes.ASLEEP else AWAKE


@inner
def send(state: State, number: int, now: int) -> None:
    """Wake the thread, when it sleeps: it is runnable after the wake-up's latency."""
    task = state.tasks[number]
    if task.state == codes.ASLEEP:
        task.state = codes.WAKING
        time = now + state.costs.wake_latency
        if state.cpus[task.cpu].work == codes.WORK_NONE:
            time += state.knobs.idle_exit_ns
        events.schedule(state.sources, codes.RING_WAKE, codes.WAKE + number, time)
