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
    sendmmsg,
)
from v1switch.engines.native.helpers.memory import (
    call,
    copy,
    half,
    put16,
    put32,
    set_half,
    set_word,
    u32,
    word,
)
from v1switch.engines.native.helpers.offload import finish
from v1switch.engines.native.loop_memory import (
    AT,
    CONTEXT,
    CPU_PORT,
    FAILED,
    FAILED_ERROR,
    FAILED_PORT,
    FINISHED,
    FOUND,
    GAP,
    IDLE,
    INTO,
    LAST_NAME,
    LONGEST_GAP_NS,
    MESSAGES,
    NAMES,
    NEWS,
    NEXT,
    NO_PORT,
    NOW,
    NUMBERS,
    OFFLOADED_AT,
    OUT,
    POLLS,
    PORTS,
    PUNTED,
    REPORT,
    ROUND,
    RUN,
    SCRATCH,
    SEND_FD,
    SEND_IOVS,
    SEND_MESSAGES,
    SIZE,
    SLOTS,
    START,
    UNFINISHED,
    WAITED,
    WRITER,
    WRITER_AT,
)
from v1switch.engines.native.output import (
    BODY,
    BODY_LENGTH,
    BYTES,
    DONE,
    EVENTS,
    FRAME_WORDS,
    FRAMES,
    FRAMES_AT,
    HEAD,
    HEAD_LENGTH,
    ITEMS,
    MAX_BYTES,
    MAX_FRAMES,
    OVERFULL,
    PORT,
    UNDO,
)
from v1switch.engines.native.sockets import (
    BATCH,
    CONTROL,
    CONTROL_LENGTH,
    CONTROL_SIZE,
    IOVEC,
    LENGTH,
    MESSAGE,
    NAME,
    NAME_LENGTH,
    PARTS,
    REFUSED,
    SENT,
    SLOT,
    SOCKADDR_LL,
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

_NAME_BYTES = SOCKADDR_LL.size
_POLLFD = 8
_ROOM = 1088  # frames; one with more copies than this goes through plain Python
# Each wake-up costs as much as some frames do. Where frames come closer than BUSY_NS the loop waits
# GATHER_NS before it looks for more. A frame that answers another one never comes so soon.
BUSY_NS, GATHER_NS = 20_000, 50_000
SMOOTHING = 8  # rounds that GAP remembers, about
PATIENCE_S = 1  # that the loop waits for frames before Python may look at signals
TOO_LONG, INVALID, NO_BUFFERS = 90, 22, 105  # uapi asm-generic/errno.h: EMSGSIZE, EINVAL, ENOBUFS


@kernel
def _name(loop: int, port: int) -> int:
    """Address of what a port sends with, its struct sockaddr_ll first; 0 without such a port."""
    if not 0 <= port <= word(loop + 8 * LAST_NAME):
        return 0
    return word(word(loop + 8 * NAMES) + 8 * port)


@kernel
def _count(at: int) -> None:
    """Add 1 to a counter."""
    set_word(at, word(at) + 1)


@kernel
def _fill_in(loop: int, frame: int, name: int, number: int) -> None:
    """Fill in message `number` with a frame that leaves at an interface."""
    message = word(loop + 8 * SEND_MESSAGES) + MESSAGE * number
    set_word(message + NAME, name)
    set_half(message + NAME_LENGTH, _NAME_BYTES)
    iov = word(loop + 8 * SEND_IOVS) + PARTS * IOVEC * number
    set_word(iov, word(frame + 8 * HEAD))
    set_word(iov + 8, word(frame + 8 * HEAD_LENGTH))
    set_word(iov + IOVEC, word(frame + 8 * BODY))
    set_word(iov + IOVEC + 8, word(frame + 8 * BODY_LENGTH))


@kernel
def _stage(loop: int) -> int:
    """Fill in the messages of all frames that leave, and give how many have a port.

    Frames for the CPU port stay, one after the other, for Python.
    """
    out = word(loop + 8 * OUT)
    frames, cpu_port = word(out + 8 * FRAMES_AT), word(loop + 8 * CPU_PORT)
    staged = kept = 0
    for n in range(word(out + 8 * FRAMES)):
        frame = frames + 8 * FRAME_WORDS * n
        port = word(frame + 8 * PORT)
        if port == cpu_port:
            copy(frames + 8 * FRAME_WORDS * kept, frame, 8 * FRAME_WORDS)
            kept += 1
            continue
        name = _name(loop, port)
        if name == 0:
            _count(loop + 8 * NO_PORT)
            continue
        _fill_in(loop, frame, name, staged)
        staged += 1
    set_word(out + 8 * FRAMES, kept)
    return staged


@kernel
def _flush(loop: int) -> int:
    """Send what leaves; what an interface does not take is counted, not waited for.

    Gives how many frames for the CPU port stay.
    """
    staged = _stage(loop)
    done = 0
    while done < staged:
        start = word(loop + 8 * SEND_MESSAGES) + MESSAGE * done
        sent = sendmmsg(word(loop + 8 * SEND_FD), start, staged - done, MSG_DONTWAIT)
        if sent > 0:
            for n in range(sent):
                _count(word(start + MESSAGE * n + NAME) + 8 * SENT)
            done += sent
            continue
        error = errno()
        if error == EINTR:
            continue
        _count(word(start + NAME) + 8 * REFUSED)
        if error not in (TOO_LONG, INVALID, NO_BUFFERS, EAGAIN):
            index = half(word(start + NAME) + 4)  # sll_ifindex
            set_word(loop + 8 * FAILED_PORT, index)
            set_word(loop + 8 * FAILED_ERROR, error)
        done += 1
    out = word(loop + 8 * OUT)
    kept = word(out + 8 * FRAMES)
    if kept == 0:
        set_word(out + 8 * BYTES, 0)
    return kept


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
            set_word(loop + 8 * FAILED_PORT, -2 - at)
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
def _frame(loop: int, n: int) -> bool:
    """Run frame n of the batch; whether it is done."""
    locate(loop, n)
    out = word(loop + 8 * OUT)
    frames, events = word(out + 8 * FRAMES), word(out + 8 * EVENTS)
    for index in (UNDO, OVERFULL, ITEMS):
        set_word(out + 8 * index, 0)
    run, context = word(loop + 8 * RUN), word(loop + 8 * CONTEXT)
    start, size = word(loop + 8 * START), word(loop + 8 * SIZE)
    port, now = word(loop + 8 * INTO), word(loop + 8 * NOW)
    result: int = call(run, (context, start, size, port, now, out))
    if result != DONE:
        undo(out)
        set_word(out + 8 * FRAMES, frames)
        set_word(out + 8 * EVENTS, events)
    return result == DONE


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
            _flush(loop)
            return PUNTED
        if _is_full(out) and _flush(loop) != 0:
            return REPORT
    if _flush(loop) != 0 or word(out + 8 * EVENTS) != 0:
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
def carry(loop: int) -> int:
    """Move frames, and wait for them, until Python is needed; give why.

    Python's lock is not held meanwhile, so that no other thread of Python makes frames wait.
    """
    while True:
        reason = _batch(loop)
        if reason != IDLE or word(loop + 8 * NEWS) != 0:
            return reason
        if _ready(loop):
            _read(loop)
            continue
        _gather(loop)
        ports = word(loop + 8 * PORTS)
        if poll(word(loop + 8 * POLLS), 1 + ports, PATIENCE_S, loop + 8 * SCRATCH) <= 0:
            return IDLE
        if half(word(loop + 8 * POLLS) + 4) >> 16:
            return WRITER
