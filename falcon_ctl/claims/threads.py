"""Checks of threaded NAPI."""

from __future__ import annotations

import numpy as np

from falcon_ctl.claims import trial
from falcon_ctl.claims.claims import CROSS, TICK, Claim, Finding, times
from falcon_ctl.claims.trial import Rounds, counted, listed
from falcon_ctl.systems.catalogue import NAPI_THREADS, OVERLAY
from falcon_ctl.systems.system import System

_NOISE = 0.05
_ONE_BY_ONE = Rounds(gap=200_000, count=100)  # a frame is done before the next one comes


def a_core_for_each_instance(system: System) -> Finding:
    """The RX queue's thread and the gro_cell's have a core each, without interrupts; faster."""
    run = trial.run(system)
    stages, order = run.softirqs(0), run.order(0)
    queue, cell = (trial.cpus(stages.where(stages.kind == kind)) for kind in ("napi", "gro_cell"))
    interrupted = [cpu for cpu, busy in enumerate(run.counters.busy) if busy.hardirq]
    gain = trial.rate(system) / trial.rate(OVERLAY)
    return Finding(
        f"interrupts on {listed(interrupted)}, the RX queue on {listed(queue)}, the gro_cell on "
        f"{listed(cell)}; {order.reordered} of {order.received} reordered; {times(gain)} the "
        "container's rate",
        len(queue) == len(cell) == 1
        and queue != cell
        and not {*queue, *cell} & {*interrupted}
        and order.reordered == 0
        and gain > 1 + _NOISE,
    )


def backlog_has_no_thread(system: System) -> Finding:
    """The veth's backlog is a softirq on the gro_cell's thread's core, and the only one."""
    run = trial.run(system)
    stages, busy = run.softirqs(0), run.counters.busy
    cell, veth = (trial.cpus(stages.where(stages.kind == kind)) for kind in ("gro_cell", "backlog"))
    threads = [cpu for cpu, one in enumerate(busy) if one.napi_thread]
    softirqs = [cpu for cpu, one in enumerate(busy) if one.softirq]
    return Finding(
        f"the backlog on {listed(veth)}; threads on {listed(threads)}, softirqs on "
        f"{listed(softirqs)}",
        veth == cell == softirqs and set(cell) < set(threads),
    )


def woken_for_each_frame(system: System) -> Finding:
    """A frame alone waits for each thread's wake-up, in no more softirqs; so does a request."""
    frames, usual = (trial.run(one, _ONE_BY_ONE) for one in (system, OVERLAY))
    alone, before = (float(np.median(one.delivered(0).latency)) for one in (frames, usual))
    asked = trial.requests(system, False).mean_us / trial.requests(OVERLAY, False).mean_us
    return Finding(
        f"a frame alone takes {alone / 1000:.1f} us, without threads {before / 1000:.1f}, in "
        f"{counted(frames.depth())}; a request {times(asked)} as long",
        alone > before * 1.1
        and asked > 1
        and frames.depth() == usual.depth()
        and frames.counters.net_rx <= usual.counters.net_rx,
    )


_SUBJECT = "threaded NAPI"
CLAIMS = (
    Claim(
        "threads-cores",
        _SUBJECT,
        TICK,
        "a core for the RX queue's poll and for the gro_cell's, apart from the interrupts'",
        NAPI_THREADS,
        a_core_for_each_instance,
    ),
    Claim(
        "threads-backlog",
        _SUBJECT,
        CROSS,
        "the veth's backlog has no thread, it runs where the gro_cell's does",
        NAPI_THREADS,
        backlog_has_no_thread,
    ),
    Claim(
        "threads-latency",
        _SUBJECT,
        CROSS,
        "at low load each thread's wake-up adds to the latency",
        NAPI_THREADS,
        woken_for_each_frame,
    ),
)
