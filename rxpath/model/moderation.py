"""Interrupt moderation of an RX queue: the NIC's timer and counter, and net_dim, which sets them.

The NIC.  A completion queue that is armed interrupts when `frames` completions wait, or when its
timer of `period` has run out and one waits.  In period mode CQE the timer restarts at every
completion, armed or not, in EQE at every interrupt [Linux 9908aa292971, "net/mlx5e: CQE based
moderation"].  It is armed with the driver's consumer index, so what came during the poll waits;
the timer runs on meanwhile.  That the counter counts what waits, and that a timer which runs keeps
its period until the next completion, are assumptions: no public manual says.

net_dim [Linux 5.4: lib/dim/dim.c, lib/dim/net_dim.c, include/linux/dim.h; mlx5/core/en_dim.c,
en_txrx.c].  Each poll that completes NAPI is a sample of packets, bytes and interrupts so far.
After 64 interrupts the rates since the measurement's start are compared with those of the decision
before: more bytes, else more packets, else fewer interrupts are better, where they differ by more
than 10 %.  It goes on in its direction among five profiles while things get better, turns when they
do not, and parks on a top, at an edge, or for ten decisions when it has made ten steps.  A new
profile is set by a work item and a command to the firmware; then measuring begins anew.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.state.host import State
from rxpath.model.state.machine import Moderation

# enum dim_cq_period_mode, and the RX profiles of each mode
MODES = ("eqe", "cqe")
EQE, CQE = range(2)
PROFILES = 5
USECS = (1, 8, 64, 128, 256, 2, 8, 16, 32, 64)
FRAMES = (256, 256, 256, 256, 256, 256, 128, 64, 64, 64)
DEFAULT_PROFILE = 1  # NET_DIM_DEF_PROFILE_CQE, _EQE
EVENTS = 64  # DIM_NEVENTS, interrupts of a measurement
SIGNIFICANT = 10  # percent [IS_SIGNIFICANT_DIFF]
MOST_STEPS = 2 * PROFILES

START, MEASURING, APPLYING = range(3)  # enum dim_state
ON_TOP, TIRED, RIGHT, LEFT = range(4)  # enum dim_tune_state
WORSE, SAME, BETTER = range(3)  # enum dim_stats_state

US = 1000  # ns


def set_fixed(state: State, period: int, frames: int) -> None:
    """Give all queues one timer (ns) and one counter, and forget what net_dim found."""
    rows = state.moderation.array
    rows["period"], rows["frames"] = period, frames
    _forget(state)


def set_adaptive(state: State, mode: int) -> None:
    """Hand all queues to net_dim, with a new `struct dim`, and the mode's default profile."""
    default = mode * PROFILES + DEFAULT_PROFILE
    set_fixed(state, USECS[default] * US, FRAMES[default])
    state.moderation.array["in_use"] = DEFAULT_PROFILE


def zero(state: State) -> None:
    """Zero what is reported of decisions."""
    state.moderation.array["decisions"] = state.moderation.array["changes"] = 0


def in_use(state: State, queue: int) -> tuple[int, int, int]:
    """A queue's profile, timer (ns) and counter now, though nothing may have arrived since."""
    row = state.moderation[queue]
    if row.phase == APPLYING and row.effective <= state.output.now:
        index = state.knobs.period_mode * PROFILES + row.profile
        return row.profile, USECS[index] * US, FRAMES[index]
    return row.in_use, row.period, row.frames


def _forget(state: State) -> None:
    """The driver opens its channels anew: net_dim begins parked, at profile 0."""
    rows = state.moderation.array
    names = ("profile", "in_use", "phase", "tune", "right", "left", "tired")
    for name in (*names, "before_bytes", "before_packets", "before_events"):
        rows[name] = 0


@inlined
def complete(state: State, queue: int, now: int) -> None:
    """The NIC writes a completion."""
    if state.knobs.period_mode == CQE:
        state.moderation[queue].restarted = now


@inlined
def interrupt(state: State, queue: int, now: int) -> None:
    """The NIC interrupts."""
    row = state.moderation[queue]
    row.events += 1
    if state.knobs.period_mode == EQE:
        row.restarted = now


@inner
def due(state: State, queue: int, waiting: int, now: int) -> int:
    """When the armed queue interrupts while ``waiting`` completions (at least one) wait, ns."""
    row = state.moderation[queue]
    _take_effect(state, row, now)
    if waiting >= row.frames:
        return now
    time: int = max(now, row.restarted + row.period)
    return time


@inner
def sample(state: State, queue: int, now: int) -> None:
    """NAPI has completed: let net_dim look at the queue [mlx5e_handle_rx_dim]."""
    if state.knobs.adaptive == 0:
        return
    row = state.moderation[queue]
    _take_effect(state, row, now)
    if row.phase == APPLYING:
        return
    packets = state.napis[queue].tail
    if row.phase == MEASURING:
        elapsed = (now - row.start) // US
        if row.events - row.start_events < EVENTS or elapsed == 0:
            return
        per_ms = _per_ms(row.bytes - row.start_bytes, elapsed)
        changed = decide(
            row, per_ms, _per_ms(packets - row.start_packets, elapsed), _per_ms(EVENTS, elapsed)
        )
        if changed:
            row.phase = APPLYING
            row.effective = now + state.costs.modify_cq
            return
    row.phase = MEASURING
    row.start = now
    row.start_events = row.events
    row.start_bytes = row.bytes
    row.start_packets = packets


@inner
def _take_effect(state: State, row: Moderation, now: int) -> None:
    """A profile whose time has come is in use, and a new measurement may begin."""
    if row.phase == APPLYING and row.effective <= now:
        index = state.knobs.period_mode * PROFILES + row.profile
        row.in_use = row.profile
        row.period = USECS[index] * US
        row.frames = FRAMES[index]
        row.phase = START


@inner
def _per_ms(count: int, elapsed: int) -> int:
    """``count`` in ``elapsed`` µs as a rate per ms, rounded up [dim_calc_stats]."""
    return (count * 1000 + elapsed - 1) // elapsed


@inner
def decide(row: Moderation, size: int, packets: int, events: int) -> bool:
    """Go by rates per ms of bytes, packets, interrupts; whether another profile is to be used.

    [net_dim_decision, net_dim_step, dim_on_top, dim_turn]
    """
    profile, tune = row.profile, row.tune
    if tune == TIRED:
        row.tired -= 1
        if row.tired == 0:
            _leave_parking(row)
    else:
        verdict = _compare(row, size, packets, events)
        if tune == ON_TOP:
            if verdict != SAME:
                _leave_parking(row)
        else:
            if verdict != BETTER:
                _turn(row)
            if _is_on_top(row):
                _park(row, ON_TOP)
            else:
                _step(row)
    if tune != ON_TOP or row.tune != ON_TOP:
        row.before_bytes = size
        row.before_packets = packets
        row.before_events = events
    row.decisions += 1
    if row.profile == profile:
        return False
    row.changes += 1
    return True


@inner
def _compare(row: Moderation, size: int, packets: int, events: int) -> int:
    """Whether things are better than at the decision before [net_dim_stats_compare]."""
    if row.before_bytes == 0:
        return BETTER if size > 0 else SAME
    if _differ(size, row.before_bytes):
        return BETTER if size > row.before_bytes else WORSE
    if row.before_packets == 0:
        return BETTER if packets > 0 else SAME
    if _differ(packets, row.before_packets):
        return BETTER if packets > row.before_packets else WORSE
    if row.before_events != 0 and _differ(events, row.before_events):
        return BETTER if events < row.before_events else WORSE
    return SAME


@inner
def _differ(value: int, reference: int) -> bool:
    return 100 * abs(value - reference) // reference > SIGNIFICANT


@inner
def _leave_parking(row: Moderation) -> None:
    row.tune = LEFT if row.profile > 0 else RIGHT
    _step(row)


@inner
def _turn(row: Moderation) -> None:
    """Go the other way, and count its steps anew."""
    if row.tune == RIGHT:
        row.tune = LEFT
        row.left = 0
    else:
        row.tune = RIGHT
        row.right = 0


@inner
def _is_on_top(row: Moderation) -> bool:
    """It came here by more than one step and went back by one: that was one too many."""
    if row.tune == RIGHT:
        return row.left > 1 and row.right == 1
    return row.right > 1 and row.left == 1


@inner
def _step(row: Moderation) -> None:
    """One profile on in its direction, unless it is tired or at the edge."""
    edge = PROFILES - 1 if row.tune == RIGHT else 0
    if row.tired == MOST_STEPS:
        _park(row, TIRED)
    elif row.profile == edge:
        _park(row, ON_TOP)
    else:
        row.tired += 1
        if row.tune == RIGHT:
            row.profile += 1
            row.right += 1
        else:
            row.profile -= 1
            row.left += 1


@inner
def _park(row: Moderation, tune: int) -> None:
    row.right = 0
    row.left = 0
    row.tune = tune
    if tune == ON_TOP:
        row.tired = 0
