"""Sending: what leaves goes out of its port's socket, or waits until that takes frames again.

Frames of one flush go out port by port, each port's in their order. Where a socket's buffer is full
(EAGAIN) its frames wait in memory of their own, and poll(2) says when it has room; with PATIENT
frames waiting a port's egress queues are held, so that further packets wait there, as BMv2's do
behind its output buffer. The kernel's own queue being full (ENOBUFS) loses the frame, as in BMv2.
"""

from __future__ import annotations

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.libc import (
    EAGAIN,
    EINTR,
    MSG_DONTWAIT,
    errno,
    free,
    malloc,
    send,
    sendmmsg,
)
from v1switch.engines.native.helpers.memory import copy, half, set_half, set_word, word
from v1switch.engines.native.loop_memory import (
    CPU_PORT,
    FAILED_ERROR,
    FAILED_PORT,
    LAST_SENDER,
    NO_PORT,
    OUT,
    QUEUES,
    SEND_IOVS,
    SEND_MESSAGES,
    SENDERS,
    WAITING_PORTS,
)
from v1switch.engines.native.output import (
    BODY,
    BODY_LENGTH,
    BYTES,
    FRAME_WORDS,
    FRAMES,
    FRAMES_AT,
    HEAD,
    HEAD_LENGTH,
    PORT,
)
from v1switch.engines.native.sockets import (
    FIRST,
    IOVEC,
    LAST,
    MESSAGE,
    NEXT_MESSAGE,
    NEXT_PORT,
    PARTS,
    PLACE,
    POLL_AT,
    POLLIN,
    POLLOUT,
    REFUSED,
    SEND_FD,
    SENT,
    STAGED,
    WAITING,
)
from v1switch.io.ports import PATIENT
from v1switch.state import queues as qs

TOO_LONG, INVALID, NO_BUFFERS = 90, 22, 105  # uapi asm-generic/errno.h: EMSGSIZE, EINVAL, ENOBUFS
# Words of a frame that waits to be sent: the one behind it, and its length; its bytes follow
_NEXT, _LENGTH, _BYTES = 0, 1, 2


@kernel
def _sender(loop: int, port: int) -> int:
    """Address of the words of a port that sends; 0 without such a port."""
    if not 0 <= port <= word(loop + 8 * LAST_SENDER):
        return 0
    return word(word(loop + 8 * SENDERS) + 8 * port)


@kernel
def _count(at: int) -> None:
    """Add 1 to a counter."""
    set_word(at, word(at) + 1)


@kernel
def _block(loop: int, port: int, blocked: int) -> None:
    """Hold a port's egress queues, or let them go: `EgressQueues.block`."""
    queues = word(loop + 8 * QUEUES)
    priorities = word(queues + 8 * qs.PRIORITIES)
    first = queues + 8 * (qs.HEAD_WORDS + qs.QUEUE_WORDS * port * priorities)
    for n in range(priorities):
        set_word(first + 8 * (qs.QUEUE_WORDS * n + qs.BLOCKED), blocked)


# -- frames that wait ------------------------------------------------------------------------------


@kernel
def _store(loop: int, sender: int, message: int) -> None:
    """Let the frame of a message wait; without memory it is refused."""
    iov = word(message + 16)
    length = word(iov + 8) + word(iov + IOVEC + 8)
    node = malloc(8 * _BYTES + length)
    if node == 0:
        _count(sender + 8 * REFUSED)
        return
    set_word(node + 8 * _NEXT, 0)
    set_word(node + 8 * _LENGTH, length)
    copy(node + 8 * _BYTES, word(iov), word(iov + 8))
    copy(node + 8 * _BYTES + word(iov + 8), word(iov + IOVEC), word(iov + IOVEC + 8))
    waiting = word(sender + 8 * WAITING)
    if waiting == 0:
        set_word(sender + 8 * FIRST, node)
        set_half(word(sender + 8 * POLL_AT) + 4, POLLIN | POLLOUT)
        set_word(loop + 8 * WAITING_PORTS, word(loop + 8 * WAITING_PORTS) + 1)
    else:
        set_word(word(sender + 8 * LAST) + 8 * _NEXT, node)
    set_word(sender + 8 * LAST, node)
    set_word(sender + 8 * WAITING, waiting + 1)
    if waiting + 1 == PATIENT:
        _block(loop, word(sender + 8 * PLACE), 1)


@kernel
def _drop_first(loop: int, sender: int) -> None:
    """Forget the first of a port's frames that wait."""
    node, waiting = word(sender + 8 * FIRST), word(sender + 8 * WAITING) - 1
    set_word(sender + 8 * FIRST, word(node + 8 * _NEXT))
    set_word(sender + 8 * WAITING, waiting)
    free(node)
    if waiting == 0:
        set_half(word(sender + 8 * POLL_AT) + 4, POLLIN)
        set_word(loop + 8 * WAITING_PORTS, word(loop + 8 * WAITING_PORTS) - 1)
    if waiting == PATIENT - 1:
        _block(loop, word(sender + 8 * PLACE), 0)


@kernel
def _failed(loop: int, sender: int, error: int) -> None:
    """Count a frame that a port does not take."""
    _count(sender + 8 * REFUSED)
    if error not in (TOO_LONG, INVALID, NO_BUFFERS):
        set_word(loop + 8 * FAILED_PORT, word(sender + 8 * PLACE))
        set_word(loop + 8 * FAILED_ERROR, error)


@kernel
def drain(loop: int, port: int) -> None:
    """Send a port's frames that wait, as many as its socket takes."""
    sender = _sender(loop, port)
    if sender == 0:
        return
    while word(sender + 8 * WAITING) != 0:
        node = word(sender + 8 * FIRST)
        fd, length = word(sender + 8 * SEND_FD), word(node + 8 * _LENGTH)
        if send(fd, node + 8 * _BYTES, length, MSG_DONTWAIT) >= 0:
            _count(sender + 8 * SENT)
        else:
            error = errno()
            if error == EAGAIN:
                return
            if error == EINTR:
                continue
            _failed(loop, sender, error)
        _drop_first(loop, sender)


@kernel
def discard(loop: int, port: int) -> None:
    """Forget all of a port's frames that wait, as its interface is gone."""
    sender = _sender(loop, port)
    while sender != 0 and word(sender + 8 * WAITING) != 0:
        _count(sender + 8 * REFUSED)
        _drop_first(loop, sender)


@kernel
def drain_ready(loop: int, polls: int, senders: int, numbers: int) -> None:
    """Send what waits for ports that poll(2) found ready for it, and take that back from it."""
    for n in range(senders):
        at = polls + 8 * (1 + n) + 4
        events = half(at)
        if events >> 16 & POLLOUT:
            set_half(at, events & ~(POLLOUT << 16))
            drain(loop, word(numbers + 8 * n))


# -- frames that leave the program -----------------------------------------------------------------


@kernel
def _send(loop: int, sender: int) -> None:
    """Send a port's messages of this flush."""
    done, staged = 0, word(sender + 8 * STAGED)
    start = word(loop + 8 * SEND_MESSAGES) + MESSAGE * (word(sender + 8 * NEXT_MESSAGE) - staged)
    while done < staged and word(sender + 8 * WAITING) == 0:
        fd = word(sender + 8 * SEND_FD)
        sent = sendmmsg(fd, start + MESSAGE * done, staged - done, MSG_DONTWAIT)
        if sent > 0:
            set_word(sender + 8 * SENT, word(sender + 8 * SENT) + sent)
            done += sent
            continue
        error = errno()
        if error == EAGAIN:
            break
        if error != EINTR:
            _failed(loop, sender, error)
            done += 1
    for n in range(done, staged):
        _store(loop, sender, start + MESSAGE * n)


@kernel
def _count_ports(loop: int) -> int:
    """Count the frames that leave by each port; give the first port, which leads to the others."""
    out, first = word(loop + 8 * OUT), 0
    frames = word(out + 8 * FRAMES_AT)
    for n in range(word(out + 8 * FRAMES)):
        sender = _sender(loop, word(frames + 8 * (FRAME_WORDS * n + PORT)))
        if sender != 0:
            if word(sender + 8 * STAGED) == 0:
                set_word(sender + 8 * NEXT_PORT, first)
                first = sender
            _count(sender + 8 * STAGED)
    number, sender = 0, first
    while sender != 0:
        set_word(sender + 8 * NEXT_MESSAGE, number)
        number += word(sender + 8 * STAGED)
        sender = word(sender + 8 * NEXT_PORT)
    return first


@kernel
def _fill_in(loop: int, frame: int, sender: int) -> None:
    """Fill in a port's next message with a frame."""
    number = word(sender + 8 * NEXT_MESSAGE)
    set_word(sender + 8 * NEXT_MESSAGE, number + 1)
    iov = word(loop + 8 * SEND_IOVS) + PARTS * IOVEC * number
    set_word(iov, word(frame + 8 * HEAD))
    set_word(iov + 8, word(frame + 8 * HEAD_LENGTH))
    set_word(iov + IOVEC, word(frame + 8 * BODY))
    set_word(iov + IOVEC + 8, word(frame + 8 * BODY_LENGTH))


@kernel
def _stage(loop: int) -> int:
    """Fill in the messages of all frames that leave, and give the first port, or 0.

    Frames for the CPU port stay, one after the other, for Python.
    """
    first = _count_ports(loop)
    out = word(loop + 8 * OUT)
    frames, cpu_port = word(out + 8 * FRAMES_AT), word(loop + 8 * CPU_PORT)
    kept = 0
    for n in range(word(out + 8 * FRAMES)):
        frame = frames + 8 * FRAME_WORDS * n
        port = word(frame + 8 * PORT)
        sender = _sender(loop, port)
        if port == cpu_port:
            copy(frames + 8 * FRAME_WORDS * kept, frame, 8 * FRAME_WORDS)
            kept += 1
        elif sender == 0:
            _count(loop + 8 * NO_PORT)
        else:
            _fill_in(loop, frame, sender)
    set_word(out + 8 * FRAMES, kept)
    return first


@kernel
def flush(loop: int) -> int:
    """Send what leaves the program; gives how many frames for the CPU port stay."""
    sender = _stage(loop)
    while sender != 0:
        _send(loop, sender)
        set_word(sender + 8 * STAGED, 0)
        sender = word(sender + 8 * NEXT_PORT)
    out = word(loop + 8 * OUT)
    kept = word(out + 8 * FRAMES)
    if kept == 0:
        set_word(out + 8 * BYTES, 0)
    return kept


@kernel
def transmit(loop: int, port: int, start: int, length: int) -> int:
    """Send the bytes at an address as a frame of Python's; 0 without such a port."""
    sender = _sender(loop, port)
    if sender == 0:
        return 0
    iov = word(loop + 8 * SEND_IOVS)
    set_word(iov, start)
    set_word(iov + 8, length)
    set_word(iov + IOVEC + 8, 0)
    set_word(sender + 8 * NEXT_MESSAGE, 1)
    set_word(sender + 8 * STAGED, 1)
    _send(loop, sender)
    set_word(sender + 8 * STAGED, 0)
    return 1
