"""The loop from socket to socket: poll, read a batch, run the program, send; no Python objects.

`loop` is the address of its memory (see `loop_memory`). It returns to Python for what only that
can do.
"""

from __future__ import annotations

from v1switch.engines.native.helpers.changes import undo
from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.libc import (
    EAGAIN,
    EINTR,
    MSG_DONTWAIT,
    clock_ns,
    errno,
    pause,
    poll,
    recvmmsg,
)
from v1switch.engines.native.helpers.memory import (
    call,
    half,
    put16,
    put32,
    set_word,
    u32,
    word,
)
from v1switch.engines.native.helpers.offload import finish
from v1switch.engines.native.helpers.queues import commit, next_due, release, take
from v1switch.engines.native.helpers.sending import drain_ready, flush
from v1switch.engines.native.loop_memory import (
    AT,
    CONTEXT,
    DEQUEUED,
    FAILED,
    FAILED_ERROR,
    FAILED_PORT,
    FINISHED,
    FOREIGN,
    FOUND,
    GAP,
    IDLE,
    INTO,
    LONGEST_GAP_NS,
    MESSAGES,
    NEWS,
    NEXT,
    NODE,
    NOW,
    NUMBERS,
    OFFLOADED_AT,
    OUT,
    POLLS,
    PORTS,
    PUNTED,
    QUEUES,
    REPORT,
    ROUND,
    RUN,
    SCRATCH,
    SIZE,
    SLOTS,
    START,
    UNFINISHED,
    WAITED,
    WAITING_PORTS,
    WRITER,
    WRITER_AT,
)
from v1switch.engines.native.output import (
    BYTES,
    DONE,
    EVENTS,
    FRAMES,
    HELD,
    ITEMS,
    MAX_BYTES,
    MAX_FRAMES,
    NODE_FRAME,
    NODE_LENGTH,
    NODE_PORT,
    NUMBER_OF_CODE,
    OVERFULL,
    UNDO,
)
from v1switch.engines.native.sockets import (
    BATCH,
    CONTROL,
    CONTROL_LENGTH,
    CONTROL_SIZE,
    LENGTH,
    MESSAGE,
    SLOT,
    STATUS_AT,
    TAG_BYTES,
    TCI_AT,
)
from v1switch.io.ports import (
    ETH_P_8021Q,
    TP_STATUS_CSUMNOTREADY,
    TP_STATUS_VLAN_TPID_VALID,
    TP_STATUS_VLAN_VALID,
)
from v1switch.state.queues import ACTIVE
from v1switch.state.queues import NEWS as QUEUE_NEWS

_POLLFD = 8
_ROOM = 1088  # frames; one with more copies than this goes through plain Python
# Each wake-up costs as much as some frames do. Where frames come closer than BUSY_NS the loop waits
# GATHER_NS before it looks for more. A frame that answers another one never comes so soon.
BUSY_NS, GATHER_NS = 20_000, 50_000
SMOOTHING = 8  # rounds that GAP remembers, about
PATIENCE_NS = 1_000_000_000  # that the loop waits for frames before Python may look at signals


@kernel
def _read(loop: int) -> None:
    """Read a batch from the port at AT."""
    messages = word(loop + 8 * MESSAGES)
    for n in range(BATCH):
        set_word(messages + MESSAGE * n + CONTROL_LENGTH, CONTROL_SIZE)
    at = word(loop + 8 * AT)
    fd = half(word(loop + 8 * POLLS) + _POLLFD * (1 + at))
    found = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, 0)
    set_word(loop + 8 * NEXT, 0)
    set_word(loop + 8 * FOUND, max(found, 0))
    set_word(loop + 8 * ROUND, word(loop + 8 * ROUND) + max(found, 0))
    set_word(loop + 8 * INTO, word(word(loop + 8 * NUMBERS) + 8 * at))
    set_word(loop + 8 * NOW, clock_ns(loop + 8 * SCRATCH))
    if found < 0:
        error = errno()
        if error not in (EAGAIN, EINTR):
            set_word(loop + 8 * FAILED_PORT, word(loop + 8 * INTO))
            set_word(loop + 8 * FAILED_ERROR, error)


@kernel
def _finish(loop: int, start: int, size: int) -> None:
    """Finish a frame's checksum; what is new of its port is for Python to say."""
    done = FINISHED if finish(start, size) != 0 else UNFINISHED
    place = word(loop + 8 * OFFLOADED_AT) + 8 * word(loop + 8 * AT)
    if word(place) & done == 0:
        set_word(place, word(place) | done)
        set_word(loop + 8 * NEWS, 1)


@kernel
def locate(loop: int, n: int) -> None:
    """Find frame n of the batch, its VLAN tag in place again and its checksum whole."""
    message = word(loop + 8 * MESSAGES) + MESSAGE * n
    start, size = word(loop + 8 * SLOTS) + SLOT * n + TAG_BYTES, half(message + LENGTH)
    control = word(message + CONTROL)
    status = half(control + STATUS_AT)
    if status & TP_STATUS_VLAN_VALID:
        tag = half(control + TCI_AT)
        tpid = tag >> 16 if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q
        start -= TAG_BYTES
        for at in (0, 4, 8):
            put32(start + at, u32(start + TAG_BYTES + at))
        put16(start + 12, tpid)
        put16(start + 14, tag)
        size += TAG_BYTES
    if status & TP_STATUS_CSUMNOTREADY:
        _finish(loop, start, size)
    set_word(loop + 8 * START, start)
    set_word(loop + 8 * SIZE, size)


@kernel
def _run(out: int, given: tuple[int, int, int, int, int, int, int]) -> bool:
    """Run a packet: its function and that one's arguments but `out`; whether it is done.

    The packets that it made and that wait are in their queues then.
    """
    frames, events = word(out + 8 * FRAMES), word(out + 8 * EVENTS)
    for index in (UNDO, OVERFULL, ITEMS, HELD):
        set_word(out + 8 * index, 0)
    run, context, start, size, port, now, node = given
    result: int = call(run, (context, start, size, port, now, out, node))
    if result != DONE:
        undo(out)
        set_word(out + 8 * FRAMES, frames)
        set_word(out + 8 * EVENTS, events)
        return False
    if word(out + 8 * HELD) != 0:
        commit(out)
    return True


@kernel
def _frame(loop: int, n: int) -> bool:
    """Run frame n of the batch; whether it is done."""
    locate(loop, n)
    out = word(loop + 8 * OUT)
    run, context = word(loop + 8 * RUN), word(loop + 8 * CONTEXT)
    start, size = word(loop + 8 * START), word(loop + 8 * SIZE)
    port, now = word(loop + 8 * INTO), word(loop + 8 * NOW)
    return _run(out, (run, context, start, size, port, now, 0))


@kernel
def _is_full(out: int) -> bool:
    """Whether the output of earlier frames has to be sent before the next one."""
    if word(out + 8 * FRAMES) > word(out + 8 * MAX_FRAMES) - _ROOM:
        return True
    return word(out + 8 * BYTES) > word(out + 8 * MAX_BYTES) // 2


@kernel
def _batch(loop: int) -> int:
    """Run what is left of the batch and send what comes of it."""
    out = word(loop + 8 * OUT)
    while word(loop + 8 * NEXT) < word(loop + 8 * FOUND):
        n = word(loop + 8 * NEXT)
        set_word(loop + 8 * NEXT, n + 1)
        if not _frame(loop, n):
            flush(loop)
            return PUNTED
        if _is_full(out) and flush(loop) != 0:
            return REPORT
    if flush(loop) != 0 or word(out + 8 * EVENTS) != 0:
        return REPORT
    if word(loop + 8 * FAILED_PORT) != -1:
        return FAILED
    return WRITER if word(word(loop + 8 * WRITER_AT)) != 0 else IDLE


@kernel
def _ready(loop: int) -> bool:
    """Go on to the next port of this round that has something; whether there is one."""
    polls = word(loop + 8 * POLLS)
    for at in range(word(loop + 8 * AT) + 1, word(loop + 8 * PORTS)):
        if half(polls + _POLLFD * (1 + at) + 4) >> 16:  # revents
            set_word(loop + 8 * AT, at)
            return True
    set_word(loop + 8 * AT, -1)
    return False


@kernel
def _gather(loop: int) -> None:
    """Wait for some more frames where they come one by one, but fast [as net_dim(), lib/dim]."""
    now = clock_ns(loop + 8 * SCRATCH)
    frames, gap = word(loop + 8 * ROUND), word(loop + 8 * GAP)
    latest = min((now - word(loop + 8 * WAITED)) // max(frames, 1), LONGEST_GAP_NS)
    gap += (latest - gap) // SMOOTHING
    set_word(loop + 8 * GAP, gap)
    set_word(loop + 8 * WAITED, now)
    set_word(loop + 8 * ROUND, 0)
    if gap < BUSY_NS and 0 < frames < BATCH:
        pause(GATHER_NS, loop + 8 * SCRATCH)


@kernel
def _dequeue(loop: int, queues: int) -> int:
    """Carry on with the packets whose turn it is, and send what comes of them."""
    out = word(loop + 8 * OUT)
    run, context = word(loop + 8 * RUN), word(loop + 8 * CONTEXT)
    while word(queues + 8 * ACTIVE) != 0:
        now = clock_ns(loop + 8 * SCRATCH)
        node = take(queues, now, word(out + 8 * NUMBER_OF_CODE))
        if node == 0:
            break
        if node == -1:
            return FOREIGN
        start, size = word(node + 8 * NODE_FRAME), word(node + 8 * NODE_LENGTH)
        port = word(node + 8 * NODE_PORT)
        if not _run(out, (run, context, start, size, port, now, node)):
            set_word(loop + 8 * NODE, node)
            set_word(loop + 8 * NOW, now)
            return DEQUEUED
        kept = flush(loop)
        if kept == 0:
            release(node)
        else:  # Python releases it when it has the frames, whose bytes are in there
            set_word(loop + 8 * NODE, node)
        if kept != 0 or word(out + 8 * EVENTS) != 0:
            return REPORT
        if word(loop + 8 * FAILED_PORT) != -1:
            return FAILED
        if word(word(loop + 8 * WRITER_AT)) != 0:
            return WRITER
    return IDLE


@kernel
def _patience(loop: int, queues: int) -> int:
    """How long the loop may wait for frames (ns): until the next packet may leave its queue."""
    if word(queues + 8 * ACTIVE) == 0:
        return PATIENCE_NS
    due = next_due(queues)
    if due < 0:
        return PATIENCE_NS
    return min(max(due - clock_ns(loop + 8 * SCRATCH), 0), PATIENCE_NS)


@kernel
def _wait(loop: int, queues: int) -> bool:
    """Wait for frames, room in a socket, or a packet's turn; whether Python is not needed."""
    polls, ports = word(loop + 8 * POLLS), word(loop + 8 * PORTS)
    patience = _patience(loop, queues)
    found = poll(polls, 1 + ports, patience, loop + 8 * SCRATCH)
    if found <= 0:
        return found == 0 and patience < PATIENCE_NS
    if word(loop + 8 * WAITING_PORTS) != 0:
        drain_ready(loop, polls, ports, word(loop + 8 * NUMBERS))
    return half(polls + 4) >> 16 == 0


@kernel
def carry(loop: int) -> int:
    """Move frames, and wait for them, until Python is needed; give why.

    Python's lock is not held meanwhile, so that no other thread of Python makes frames wait.
    """
    queues = word(loop + 8 * QUEUES)
    while True:
        reason = _dequeue(loop, queues)
        if reason == IDLE:
            reason = _batch(loop)
        if word(queues + 8 * QUEUE_NEWS) != 0:
            set_word(loop + 8 * NEWS, 1)
        if reason != IDLE or word(loop + 8 * NEWS) != 0:
            return reason
        if _ready(loop):
            _read(loop)
            continue
        _gather(loop)
        if not _wait(loop, queues):
            return WRITER if half(word(loop + 8 * POLLS) + 4) >> 16 else IDLE
