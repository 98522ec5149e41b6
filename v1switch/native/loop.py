"""The loop from socket to socket: poll, read a batch, run the program, send; no Python objects.

`plant` is the address of the words below. The loop returns to Python for what only that can do.
"""

from __future__ import annotations

from v1switch.io.ports import ETH_P_8021Q, TP_STATUS_VLAN_TPID_VALID, TP_STATUS_VLAN_VALID
from v1switch.native.jit import kernel
from v1switch.native.libc import (
    EAGAIN,
    EINTR,
    MSG_DONTWAIT,
    clock_ns,
    errno,
    poll_now,
    recvmmsg,
    sendmmsg,
)
from v1switch.native.memory import call, half, put16, put32, set_half, set_word, u32, word
from v1switch.native.output import (
    BODY,
    BODY_LENGTH,
    DONE,
    EVENTS,
    FRAME_WORDS,
    FRAMES,
    FRAMES_AT,
    HEAD,
    HEAD_LENGTH,
    MAX_FRAMES,
    OVERFULL,
    PORT,
    UNDO,
)
from v1switch.native.runtime import undo
from v1switch.native.sockets import (
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
    SLOT,
    SOCKADDR_LL,
    STATUS_AT,
    TAG_BYTES,
    TCI_AT,
)

# Words of the plant. What the program is:
RUN, CONTEXT, OUT = 0, 1, 2
# where frames come from and go to (see `sockets`):
MESSAGES, SLOTS, SEND_FD, SEND_MESSAGES, SEND_IOVS = 3, 4, 5, 6, 7
POLLS, PORTS, NUMBERS, NAMES, LAST_NAME = 8, 9, 10, 11, 12
ASKED_AT = 13  # address of a word that is not 0 while a writer waits
# what is under way: the port in `polls`, the batch read from it, the frame that is next in it
AT, FOUND, NEXT, START, SIZE, INTO, NOW = 14, 15, 16, 17, 18, 19, 20
# what went wrong: a port that failed (-1 none) and its error, frames without a port, frames refused
FAILED_PORT, FAILED_ERROR, UNSENDABLE, REFUSED = 21, 22, 23, 24
SCRATCH = 25  # two words
PLANT_WORDS = 27

# Why the loop returns
IDLE = 0  # nothing waits on any port
ASKED = 1  # a writer, or the wake-up descriptor
PUNTED = 2  # the frame at START, of SIZE bytes, is plain Python's
TOLD = 3  # there are digests
FAILED = 4  # a port failed

_NAME_BYTES = SOCKADDR_LL.size
_POLLFD = 8
_ROOM = 64  # frames; a frame with more copies than this goes through plain Python
TOO_LONG, INVALID, NO_BUFFERS = 90, 22, 105  # uapi asm-generic/errno.h: EMSGSIZE, EINVAL, ENOBUFS


@kernel
def _address(plant: int, message: int) -> int:
    """Fill in a message that is to leave; 0 when there is no such port."""
    frame = word(word(plant + 8 * OUT) + 8 * FRAMES_AT) + 8 * FRAME_WORDS * message
    port = word(frame + 8 * PORT)
    if not 0 <= port <= word(plant + 8 * LAST_NAME):
        return 0
    name = word(word(plant + 8 * NAMES) + 8 * port)
    if name == 0:
        return 0
    return frame


@kernel
def _stage(plant: int) -> int:
    """Fill in the messages of all frames that are to leave, and give how many have a port."""
    out = word(plant + 8 * OUT)
    staged = 0
    for n in range(word(out + 8 * FRAMES)):
        frame = _address(plant, n)
        if frame == 0:
            set_word(plant + 8 * UNSENDABLE, word(plant + 8 * UNSENDABLE) + 1)
            continue
        message = word(plant + 8 * SEND_MESSAGES) + MESSAGE * staged
        set_word(message + NAME, word(word(plant + 8 * NAMES) + 8 * word(frame + 8 * PORT)))
        set_half(message + NAME_LENGTH, _NAME_BYTES)
        iov = word(plant + 8 * SEND_IOVS) + PARTS * IOVEC * staged
        set_word(iov, word(frame + 8 * HEAD))
        set_word(iov + 8, word(frame + 8 * HEAD_LENGTH))
        set_word(iov + IOVEC, word(frame + 8 * BODY))
        set_word(iov + IOVEC + 8, word(frame + 8 * BODY_LENGTH))
        staged += 1
    set_word(out + 8 * FRAMES, 0)
    return staged


@kernel
def flush(plant: int) -> None:
    """Send what is to leave; what an interface does not take is counted, not waited for."""
    staged = _stage(plant)
    done = 0
    while done < staged:
        start = word(plant + 8 * SEND_MESSAGES) + MESSAGE * done
        sent = sendmmsg(word(plant + 8 * SEND_FD), start, staged - done, MSG_DONTWAIT)
        if sent > 0:
            done += sent
            continue
        error = errno()
        if error == EINTR:
            continue
        set_word(plant + 8 * REFUSED, word(plant + 8 * REFUSED) + 1)
        if error not in (TOO_LONG, INVALID, NO_BUFFERS, EAGAIN):
            index = half(word(start + NAME) + 4)  # sll_ifindex
            set_word(plant + 8 * FAILED_PORT, index)
            set_word(plant + 8 * FAILED_ERROR, error)
        done += 1


@kernel
def _read(plant: int) -> None:
    """Read a batch from the port at AT."""
    messages = word(plant + 8 * MESSAGES)
    for n in range(BATCH):
        set_word(messages + MESSAGE * n + CONTROL_LENGTH, CONTROL_SIZE)
    at = word(plant + 8 * AT)
    fd = half(word(plant + 8 * POLLS) + _POLLFD * (1 + at))
    found = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, 0)
    set_word(plant + 8 * NEXT, 0)
    set_word(plant + 8 * FOUND, max(found, 0))
    set_word(plant + 8 * INTO, word(word(plant + 8 * NUMBERS) + 8 * at))
    set_word(plant + 8 * NOW, clock_ns(plant + 8 * SCRATCH))
    if found < 0:
        error = errno()
        if error not in (EAGAIN, EINTR):
            set_word(plant + 8 * FAILED_PORT, -2 - at)
            set_word(plant + 8 * FAILED_ERROR, error)


@kernel
def locate(plant: int, n: int) -> None:
    """Find frame n of the batch, its VLAN tag in place again."""
    message = word(plant + 8 * MESSAGES) + MESSAGE * n
    start, size = word(plant + 8 * SLOTS) + SLOT * n + TAG_BYTES, half(message + LENGTH)
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
    set_word(plant + 8 * START, start)
    set_word(plant + 8 * SIZE, size)


@kernel
def _frame(plant: int, n: int) -> bool:
    """Run frame n of the batch; whether it is done."""
    locate(plant, n)
    out = word(plant + 8 * OUT)
    frames, events = word(out + 8 * FRAMES), word(out + 8 * EVENTS)
    set_word(out + 8 * UNDO, 0)
    set_word(out + 8 * OVERFULL, 0)
    run, context = word(plant + 8 * RUN), word(plant + 8 * CONTEXT)
    start, size = word(plant + 8 * START), word(plant + 8 * SIZE)
    port, now = word(plant + 8 * INTO), word(plant + 8 * NOW)
    result: int = call(run, (context, start, size, port, now, out))
    if result != DONE:
        undo(out)
        set_word(out + 8 * FRAMES, frames)
        set_word(out + 8 * EVENTS, events)
    return result == DONE


@kernel
def _batch(plant: int) -> int:
    """Run what is left of the batch and send what comes of it."""
    out = word(plant + 8 * OUT)
    while word(plant + 8 * NEXT) < word(plant + 8 * FOUND):
        n = word(plant + 8 * NEXT)
        set_word(plant + 8 * NEXT, n + 1)
        if not _frame(plant, n):
            flush(plant)
            return PUNTED
        if word(out + 8 * FRAMES) > word(out + 8 * MAX_FRAMES) - _ROOM:
            flush(plant)
    flush(plant)
    if word(out + 8 * EVENTS):
        return TOLD
    if word(plant + 8 * FAILED_PORT) != -1:
        return FAILED
    return ASKED if word(word(plant + 8 * ASKED_AT)) else IDLE


@kernel
def _ready(plant: int) -> bool:
    """Go on to the next port of this round that has something; whether there is one."""
    polls = word(plant + 8 * POLLS)
    for at in range(word(plant + 8 * AT) + 1, word(plant + 8 * PORTS)):
        if half(polls + _POLLFD * (1 + at) + 4) >> 16:  # revents
            set_word(plant + 8 * AT, at)
            return True
    set_word(plant + 8 * AT, -1)
    return False


@kernel
def carry(plant: int) -> int:
    """Move frames until there are none, or until Python is needed; give why."""
    while True:
        reason = _batch(plant)
        if reason != IDLE:
            return reason
        if _ready(plant):
            _read(plant)
            continue
        ports = word(plant + 8 * PORTS)
        if poll_now(word(plant + 8 * POLLS), 1 + ports, plant + 8 * SCRATCH) <= 0:
            return IDLE
        if half(word(plant + 8 * POLLS) + 4) >> 16:
            return ASKED
