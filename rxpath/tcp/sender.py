"""Both ends of a TCP connection, as far as they drive the receive path.

Sender: slow start and congestion avoidance (RFC 5681), bounded by the window; three duplicate
acknowledgements lead to a fast retransmit, partial ones retransmit the next hole (RFC 6582), a
timeout (RFC 6298, Linux's least of 200 ms, doubled each time) starts again from the oldest hole.
Receiver: acknowledges each skb that the application has read.  It is the application that opens
the window, so acknowledgement and window update are one here.  What it had already is acknowledged,
but not as a duplicate (as if by D-SACK, RFC 2883), so three duplicates always tell of a hole, also
after a timeout, where RFC 6582 (section 3.2, step 2) would not believe them.

An application that writes messages ends each of them with a short segment and PSH, as one that sets
TCP_NODELAY does: what it writes is neither held back for the next write (Nagle's rule, RFC 896) nor
joined with it (tcp_autocorking); or it fills segments, as Nagle's rule has it.

The handshake's segments are numbered with the data, before them; they are empty, and each waits for
the answer to the one before it.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.tcp import event_queue
from rxpath.tcp.state import ARRIVE, TIMEOUT, WRITE, Sender, Senders

DUPLICATES = 3  # net.ipv4.tcp_reordering
NOT_RECOVERING = NOT_WAITING = -1
ENDLESS = 2**62  # segments


@inner
def setup_step(sender: Sender, segment: int) -> int:
    """Which one since its connection began; those below `setup_steps` are the handshake's."""
    if sender.period == 0:
        return segment
    return segment % sender.period


@inner
def is_setup(sender: Sender, segment: int) -> bool:
    """Whether the segment is of the handshake."""
    return sender.setup_steps > 0 and setup_step(sender, segment) < sender.setup_steps


@inner
def payload_of(sender: Sender, segment: int) -> int:
    """Bytes of data in a segment that is none of the handshake's."""
    if ends_message(sender, segment):
        return sender.last_payload
    return sender.payload


@inner
def ends_message(sender: Sender, segment: int) -> bool:
    """Whether the segment is the last one of a write."""
    if sender.message == 0:
        return False
    return (segment - sender.setup_steps + 1) % sender.segments == 0


@inner
def seq_of(sender: Sender, segment: int) -> int:
    """The segment's sequence number, 32 bits."""
    if sender.message == 0:
        return segment * sender.payload & 0xFFFFFFFF
    data = segment - sender.setup_steps
    place = data % sender.segments
    return (data // sender.segments * sender.message + place * sender.payload) & 0xFFFFFFFF


def size_buffer(sender: Sender) -> None:
    """Give the send buffer the size that the window asks for."""
    sender.buffer = max(2 * sender.window, sender.segments)


@inner
def write(senders: Senders, conn: int, now: int) -> None:
    """The application wants to write its next message; it waits when there is no room."""
    senders.connections[conn].wanted_at = now
    fill_buffer(senders, conn, now)


@inner
def fill_buffer(senders: Senders, conn: int, now: int) -> None:
    """Let an application that waits write its message when it fits; then its next turn is set."""
    sender = senders.connections[conn]
    wanted = sender.wanted_at
    if wanted == NOT_WAITING or sender.written + sender.segments > sender.una + sender.buffer:
        return
    _begin(senders, conn, sender.written, wanted)
    sender.written += sender.segments
    sender.wanted_at = NOT_WAITING
    event_queue.push(senders, max(now, wanted + sender.gap_ns), WRITE, conn, 0)


@inner
def read_messages(senders: Senders, conn: int, now: int) -> None:
    """Note the latencies of the messages that the receiver's application now has as a whole."""
    sender, room = senders.connections[conn], senders.most_messages
    while sender.received - sender.setup_steps >= (sender.read + 1) * sender.segments:
        begun = senders.begun[conn * room + sender.read % room].value
        sample(senders, conn, now, now - begun)
        sender.read += 1


@inner
def sample(senders: Senders, conn: int, now: int, latency: int) -> None:
    """Keep a latency while there is room."""
    if senders.sampled < senders.most_samples:
        row = senders.samples[senders.sampled]
        row.time = now
        row.conn = conn
        row.latency = latency
        senders.sampled += 1


@inner
def _begin(senders: Senders, conn: int, segment: int, now: int) -> None:
    """The message whose first segment this is was written at ``now``."""
    sender, room = senders.connections[conn], senders.most_messages
    number = (segment - sender.setup_steps) // sender.segments
    senders.begun[conn * room + number % room].value = now


@inner
def _begins_message(sender: Sender, segment: int) -> bool:
    """Whether a message that nothing has paced begins with this segment."""
    if sender.message == 0 or sender.gap_ns > 0 or segment < sender.setup_steps:
        return False
    return (segment - sender.setup_steps) % sender.segments == 0


@inner
def send_window(senders: Senders, conn: int, now: int) -> None:
    """Put on the link what window and congestion window allow."""
    sender = senders.connections[conn]
    if sender.next == sender.una:
        sender.timeout_at = now + (senders.rto_ns << sender.backoff)  # nothing in flight
    limit = sender.una + min(sender.cwnd, sender.window)
    if is_setup(sender, sender.una):
        limit = sender.una + 1
    limit = min(limit, sender.written)
    while sender.next < limit:
        if sender.next == sender.high and _begins_message(sender, sender.next):
            _begin(senders, conn, sender.next, now)
        _transmit(senders, conn, sender.next, now)
        sender.next += 1
        sender.high = max(sender.high, sender.next)


@inner
def acknowledged(senders: Senders, conn: int, ack: int, now: int) -> None:
    """An acknowledgement of everything before segment ``ack`` has come."""
    sender = senders.connections[conn]
    if ack <= sender.una:
        return
    newly = ack - sender.una
    sender.una = ack
    sender.next = max(sender.next, ack)
    sender.dupacks = 0
    sender.backoff = 0
    sender.timeout_at = now + senders.rto_ns
    if sender.timeout_at < sender.armed:
        _arm(senders, conn)  # the entry at hand is of a doubled timeout
    if is_setup(sender, ack - 1):
        return
    if sender.recover == NOT_RECOVERING:
        _grow(sender, newly)
    elif ack >= sender.recover:
        sender.recover = NOT_RECOVERING
        sender.cwnd = sender.ssthresh
    else:
        sender.cwnd = max(sender.cwnd - newly + 1, 1)  # RFC 6582, section 3.2, step 5
        _transmit(senders, conn, sender.una, now)


@inner
def duplicate(senders: Senders, conn: int, ack: int, now: int) -> None:
    """A duplicate acknowledgement: a segment behind a hole has come."""
    sender = senders.connections[conn]
    if ack != sender.una or sender.next == ack:
        return
    sender.dupacks += 1
    if sender.recover != NOT_RECOVERING:
        sender.cwnd += 1  # it has left the network (RFC 6582, section 3.2, step 3)
        return
    if sender.dupacks == DUPLICATES:
        sender.recover = sender.high
        sender.ssthresh = max((sender.next - sender.una) >> 1, 2)
        sender.cwnd = sender.ssthresh + DUPLICATES
        _transmit(senders, conn, sender.una, now)


@inner
def check_timeout(senders: Senders, conn: int, now: int) -> None:
    """The timer's entry came up: later if there was progress, else start again from the hole."""
    sender = senders.connections[conn]
    if now != sender.armed:
        return  # another entry took its place
    sender.armed = 0
    if sender.una == sender.high:
        return
    if now < sender.timeout_at:
        _arm(senders, conn)
        return
    sender.timeouts += 1
    if sender.backoff == 0:  # not when the segment is timed out again (RFC 5681, 3.1)
        sender.ssthresh = max((sender.next - sender.una) >> 1, 2)
    sender.cwnd = 1
    sender.dupacks = 0
    sender.recover = NOT_RECOVERING
    sender.backoff = min(sender.backoff + 1, 15)  # net.ipv4.tcp_retries2
    sender.next = sender.una
    send_window(senders, conn, now)


@inner
def read_segment(senders: Senders, conn: int, segment: int) -> bool:
    """The application has read ``segment``; whether the acknowledgement is a duplicate one."""
    sender, early = senders.connections[conn], senders.early
    room = senders.most_early
    if segment < sender.received:
        return False  # once more what it had: the acknowledgement says nothing new
    early[conn * room + segment % room].value = 1
    before = sender.received
    while early[conn * room + sender.received % room].value:
        early[conn * room + sender.received % room].value = 0
        sender.received += 1
    return sender.received == before


@inner
def _grow(sender: Sender, newly: int) -> None:
    """Slow start, then one segment a window (RFC 5681, 3.1); idle windows do not grow."""
    if sender.cwnd >= sender.window:
        return
    if sender.cwnd < sender.ssthresh:
        sender.cwnd = min(sender.cwnd + newly, sender.window)
        return
    sender.cwnd_count += newly
    if sender.cwnd_count >= sender.cwnd:
        sender.cwnd_count = 0
        sender.cwnd += 1


@inner
def _transmit(senders: Senders, conn: int, segment: int, now: int) -> None:
    sender = senders.connections[conn]
    sender.sent += 1
    if segment < sender.high:
        sender.retransmits += 1
    start = max(now, senders.link_free)
    if is_setup(sender, segment):
        length = sender.setup[setup_step(sender, segment)].wire_len
    else:
        length = sender.wire_len - sender.payload + payload_of(sender, segment)
    end = start + length * senders.ps_per_byte // 1000
    senders.link_free = end
    event_queue.push(senders, end + senders.there_ns, ARRIVE, conn, segment)
    if not sender.armed:
        _arm(senders, conn)


@inner
def _arm(senders: Senders, conn: int) -> None:
    """Enter the timeout's check in the event queue."""
    sender = senders.connections[conn]
    sender.armed = sender.timeout_at
    event_queue.push(senders, sender.timeout_at, TIMEOUT, conn, 0)
