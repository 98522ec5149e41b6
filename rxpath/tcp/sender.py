"""Both ends of a TCP connection, as far as they drive the receive path.

Sender: slow start and congestion avoidance (RFC 5681), bounded by the window; three duplicate
acknowledgements lead to a fast retransmit, partial ones retransmit the next hole (RFC 6582), a
timeout (RFC 6298, Linux's least of 200 ms, doubled each time) starts again from the oldest hole.
Receiver: acknowledges each skb that the application has read.  It is the application that opens
the window, so acknowledgement and window update are one here.  What it had already is acknowledged,
but not as a duplicate (as if by D-SACK, RFC 2883), so three duplicates always tell of a hole, also
after a timeout, where RFC 6582 (section 3.2, step 2) would not believe them.

The handshake's segments are numbered with the data, before them; they are empty, and each waits for
the answer to the one before it.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state.host import Table
from rxpath.tcp import event_queue as ag
from rxpath.tcp import layout as lay

DUPLICATES = 3  # net.ipv4.tcp_reordering
NOT_RECOVERING = -1


@inner
def step_of(row: Table, segment: int) -> int:
    """Which one since its connection began; those below P_STEPS are the set-up's."""
    if row[lay.P_PERIOD] == 0:
        return segment
    step: int = segment % row[lay.P_PERIOD]
    return step


@inner
def is_setup(row: Table, segment: int) -> bool:
    """Whether the segment is of the handshake."""
    handshake: bool = row[lay.P_STEPS] > 0 and step_of(row, segment) < row[lay.P_STEPS]
    return handshake


@inner
def send_what_may(wire: Table, agenda: Table, conns: Table, conn: int, now: int) -> None:
    """Put on the wire what window and congestion window allow."""
    row = conns[conn]
    if row[lay.P_NEXT] == row[lay.P_UNA]:
        row[lay.P_TIMEOUT_AT] = now + (wire[lay.W_RTO] << row[lay.P_BACKOFF])  # nothing in flight
    limit = row[lay.P_UNA] + min(row[lay.P_CWND], row[lay.P_WINDOW])
    if is_setup(row, row[lay.P_UNA]):
        limit = row[lay.P_UNA] + 1
    while row[lay.P_NEXT] < limit:
        _transmit(wire, agenda, conns, conn, row[lay.P_NEXT], now)
        row[lay.P_NEXT] += 1
        row[lay.P_HIGH] = max(row[lay.P_HIGH], row[lay.P_NEXT])


@inner
def acknowledged(wire: Table, agenda: Table, conns: Table, conn: int, ack: int, now: int) -> None:
    """An acknowledgement of everything before segment ``ack`` has come."""
    row = conns[conn]
    if ack <= row[lay.P_UNA]:
        return
    newly = ack - row[lay.P_UNA]
    row[lay.P_UNA] = ack
    row[lay.P_NEXT] = max(row[lay.P_NEXT], ack)
    row[lay.P_DUPACKS] = 0
    row[lay.P_BACKOFF] = 0
    row[lay.P_TIMEOUT_AT] = now + wire[lay.W_RTO]
    if row[lay.P_TIMEOUT_AT] < row[lay.P_ARMED]:
        _arm(wire, agenda, row, conn)  # the entry at hand is of a doubled timeout
    if is_setup(row, ack - 1):
        return
    if row[lay.P_RECOVER] == NOT_RECOVERING:
        _grow(row, newly)
    elif ack >= row[lay.P_RECOVER]:
        row[lay.P_RECOVER] = NOT_RECOVERING
        row[lay.P_CWND] = row[lay.P_SSTHRESH]
    else:
        row[lay.P_CWND] = max(row[lay.P_CWND] - newly + 1, 1)  # RFC 6582, section 3.2, step 5
        _retransmit(wire, agenda, conns, conn, now)


@inner
def duplicate(wire: Table, agenda: Table, conns: Table, conn: int, ack: int, now: int) -> None:
    """A duplicate acknowledgement: a segment behind a hole has come."""
    row = conns[conn]
    if ack != row[lay.P_UNA] or row[lay.P_NEXT] == ack:
        return
    row[lay.P_DUPACKS] += 1
    if row[lay.P_RECOVER] != NOT_RECOVERING:
        row[lay.P_CWND] += 1  # it has left the network (RFC 6582, section 3.2, step 3)
        return
    if row[lay.P_DUPACKS] == DUPLICATES:
        row[lay.P_RECOVER] = row[lay.P_HIGH]
        row[lay.P_SSTHRESH] = max((row[lay.P_NEXT] - row[lay.P_UNA]) >> 1, 2)
        row[lay.P_CWND] = row[lay.P_SSTHRESH] + DUPLICATES
        _retransmit(wire, agenda, conns, conn, now)


@inner
def look_at_timeout(wire: Table, agenda: Table, conns: Table, conn: int, now: int) -> None:
    """The timer's entry came up: later if there was progress, else start again from the hole."""
    row = conns[conn]
    if now != row[lay.P_ARMED]:
        return  # another entry took its place
    row[lay.P_ARMED] = 0
    if row[lay.P_UNA] == row[lay.P_HIGH]:
        return
    if now >= row[lay.P_TIMEOUT_AT]:
        row[lay.P_TIMEOUTS] += 1
        if row[lay.P_BACKOFF] == 0:  # not when the segment is timed out again (RFC 5681, 3.1)
            row[lay.P_SSTHRESH] = max((row[lay.P_NEXT] - row[lay.P_UNA]) >> 1, 2)
        row[lay.P_CWND] = 1
        row[lay.P_DUPACKS] = 0
        row[lay.P_RECOVER] = NOT_RECOVERING
        row[lay.P_BACKOFF] = min(row[lay.P_BACKOFF] + 1, 15)  # net.ipv4.tcp_retries2
        row[lay.P_NEXT] = row[lay.P_UNA]
        send_what_may(wire, agenda, conns, conn, now)
    else:
        _arm(wire, agenda, row, conn)


@inner
def take_in(conns: Table, behind: Table, conn: int, segment: int) -> bool:
    """The application has read ``segment``; whether the acknowledgement is a duplicate one.

    `behind` [conns, most segments in flight]: 1 for a segment that came before its turn.
    """
    row = conns[conn]
    room = behind.shape[1]
    if segment < row[lay.P_RECEIVED]:
        return False  # once more what it had: the acknowledgement says nothing new
    behind[conn, segment % room] = 1
    before = row[lay.P_RECEIVED]
    while behind[conn, row[lay.P_RECEIVED] % room]:
        behind[conn, row[lay.P_RECEIVED] % room] = 0
        row[lay.P_RECEIVED] += 1
    hole: bool = row[lay.P_RECEIVED] == before
    return hole


@inner
def _grow(row: Table, newly: int) -> None:
    """Slow start, then one segment a window (RFC 5681, 3.1); idle windows do not grow."""
    if row[lay.P_CWND] >= row[lay.P_WINDOW]:
        return
    if row[lay.P_CWND] < row[lay.P_SSTHRESH]:
        row[lay.P_CWND] = min(row[lay.P_CWND] + newly, row[lay.P_WINDOW])
        return
    row[lay.P_CWND_COUNT] += newly
    if row[lay.P_CWND_COUNT] >= row[lay.P_CWND]:
        row[lay.P_CWND_COUNT] = 0
        row[lay.P_CWND] += 1


@inner
def _retransmit(wire: Table, agenda: Table, conns: Table, conn: int, now: int) -> None:
    """The oldest unacknowledged segment once more."""
    _transmit(wire, agenda, conns, conn, conns[conn, lay.P_UNA], now)


@inner
def _transmit(wire: Table, agenda: Table, conns: Table, conn: int, segment: int, now: int) -> None:
    row = conns[conn]
    row[lay.P_SENT] += 1
    if segment < row[lay.P_HIGH]:
        row[lay.P_RETRANSMITS] += 1
    start = max(now, wire[lay.W_LINK_FREE])
    length = row[lay.P_WIRE]
    if is_setup(row, segment):
        length = row[lay.P_STEP + 2 * step_of(row, segment) + 1]
    end = start + length * wire[lay.W_PS_PER_BYTE] // 1000
    wire[lay.W_LINK_FREE] = end
    ag.push(wire, agenda, end + wire[lay.W_THERE], lay.ARRIVE, conn, segment)
    if not row[lay.P_ARMED]:
        _arm(wire, agenda, row, conn)


@inner
def _arm(wire: Table, agenda: Table, row: Table, conn: int) -> None:
    """An entry of the agenda will look at the timeout when it is due."""
    row[lay.P_ARMED] = row[lay.P_TIMEOUT_AT]
    ag.push(wire, agenda, row[lay.P_TIMEOUT_AT], lay.TIMEOUT, conn, 0)
