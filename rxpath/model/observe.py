"""What an observer learns of the work of CPUs; the memory is in `rxpath.model.state.observed`.

Nothing here changes what the model does. Without an observer it costs a comparison for each piece
of work.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import Cpu

OWN = (
    codes.NONE,
    codes.ACTIVITY_HARDIRQ,
    codes.ACTIVITY_IPI,
    codes.ACTIVITY_SOFTIRQ,
    codes.NONE,
    codes.ACTIVITY_SPLIT,
    codes.NONE,
    codes.ACTIVITY_RPS,
    codes.NONE,
    codes.NONE,
    codes.NONE,
    codes.ACTIVITY_SPIN,
    codes.NONE,
)
"""By WORK_*: what it is called, or NONE: as the skb's stage."""


@inner
def note(state: State, cpu: int, elapsed: int, now: int) -> None:
    """The CPU's present work took `elapsed` ns until `now`; its skb has not gone on yet."""
    core = state.cpus[cpu]
    activity = _activity(state, core)
    state.observed.cpus[cpu].ns[activity] += elapsed
    piece = state.slices[state.observed.slices & (codes.SLICES - 1)]
    state.observed.slices += 1
    piece.activity = activity
    piece.cpu = cpu
    piece.start = core.start
    piece.end = now
    piece.stolen = core.stolen
    piece.flow = piece.packet = codes.NONE
    piece.queued = core.start
    if core.slot != codes.NONE and core.work != codes.WORK_SPIN:
        skb = state.slots[core.slot]
        piece.flow, piece.packet = skb.flow, skb.number
        piece.queued = skb.enqueued
        _place(state, core, cpu, activity)


@inner
def _activity(state: State, core: Cpu) -> int:
    """What the CPU does: a stage's row, or ACTIVITY_*."""
    own = OWN[core.work]
    if own != codes.NONE:
        return own
    # The stack behind GRO belongs to the poll that it is in: a split frame's is in a backlog's.
    if core.work == codes.WORK_STACK and core.napi >= codes.BACKLOG_NAPI:
        return codes.ACTIVITY_SPLIT
    return state.slots[core.slot].stage


@inner
def _place(state: State, core: Cpu, cpu: int, activity: int) -> None:
    """Remember where the flow's stage is, and that it moved if it did."""
    skb = state.slots[core.slot]
    places = state.places[skb.flow]
    if activity == codes.ACTIVITY_SPLIT:
        position = codes.SPLIT_POSITION
    elif activity == codes.ACTIVITY_RPS:
        position = codes.NIC_POSITION
    else:
        position = state.stages[skb.stage].position
    before = places.cpus[position]
    if before != 0 and before != cpu + 1 and places.activities[position] == activity:
        move = state.moves[state.observed.moves & (codes.MOVES - 1)]
        state.observed.moves += 1
        places.moves += 1
        move.time = core.start
        move.activity = activity
        move.flow = skb.flow
        move.before = before - 1
        move.cpu = cpu
        move.choice = skb.choice
    places.cpus[position] = cpu + 1
    places.activities[position] = activity
