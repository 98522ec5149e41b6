"""What an observer sees of the work of CPUs: sums, the last pieces, and where flows are.

Written by `rxpath.model.observe` while `Knobs.observed` is set; nothing in the model reads it.
"""

from __future__ import annotations

from rxpath.compile.tables import Row, parts, word, words
from rxpath.model.state.codes import ACTIVITIES, MAX_CPUS, MAX_STAGES


class CpuTime(Row):
    """What one CPU did since it is observed."""

    ns = words(ACTIVITIES, "time used, by stage's row and ACTIVITY_*; work that is done", "ns")


class Observed(Row):
    """Sums, and how much was written to the rings."""

    slices = word("pieces of work so far; the next one's row is this, modulo SLICES")
    moves = word("changes of CPU so far, likewise")
    cpus = parts(MAX_CPUS, CpuTime, "by number")


class Slice(Row):
    """One piece of work: a row of the ring."""

    activity = word("stage's row or ACTIVITY_*")
    cpu = word("that did it")
    flow = word("of the packet, or -1")
    packet = word("its number within the flow, or -1")
    queued = word("when the packet came into the queue in front of it", "ns")
    start = word("of the work", "ns")
    end = word("of the work", "ns")
    stolen = word("taken out of it by interrupts", "ns")


class Move(Row):
    """A stage of a flow that ran on another CPU than for the flow's packet before."""

    time = word("when the work began", "ns")
    activity = word("stage's row or ACTIVITY_*")
    flow = word("whose stage")
    before = word("CPU of that one")
    cpu = word("CPU of this one")
    choice = word("how that was chosen: CHOICE_*")


class Places(Row):
    """Where a flow's last packets were worked on, by position in their chain."""

    cpus = words(MAX_STAGES, "CPU + 1; SPLIT_POSITION: GRO split off, NIC_POSITION: RPS")
    activities = words(MAX_STAGES, "stage's row or ACTIVITY_*, where there is a CPU")
    moves = word("changes of CPU so far")
