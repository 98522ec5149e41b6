"""The memory of TCP senders and of the link: times are model ns."""

from __future__ import annotations

import numpy as np

from rxpath.compile.groups import Group, table
from rxpath.compile.pointers import GroupType
from rxpath.compile.tables import Row, parts, word
from rxpath.model.state.codes import MAX_STAGES
from rxpath.model.state.packets import StageRecord

MAX_SETUP = 4  # segments of a handshake
ARRIVE, ACK, DUPACK, REQUEST, TIMEOUT, WRITE = range(6)  # kinds of `Pending`


class SetupSegment(Row, packed=True):
    """A segment of the handshake."""

    chain = word("that it takes through the receiving host")
    wire_len = word("on the wire", "bytes")


class Sender(Row):
    """A connection: its sender, and what its receiver has."""

    rss_hash = word("of the outer headers")
    socket = word("that receives the data")
    chain = word("that segments take through the receiving host")
    wire_len = word("of a segment on the wire", "bytes")
    payload = word("of a segment", "bytes")
    window = word("the receiver's, and the most that ever are in flight", "segments")
    cwnd = word("congestion window", "segments")
    cwnd_count = word("acknowledged towards the next increase [tcp_cong_avoid_ai]", "segments")
    ssthresh = word("slow start threshold", "segments")
    una = word("oldest unacknowledged segment, numbered from 0 (SND.UNA, RFC 9293)")
    next = word("next to send (SND.NXT)")
    high = word("beyond the highest ever sent")
    dupacks = word("duplicate acknowledgements in a row")
    recover = word("fast recovery lasts until this is acknowledged (RFC 6582); -1: not in it")
    timeout_at = word("retransmission timeout", "ns")
    armed = word("when an entry of the queue will check the timeout; 0: none will", "ns")
    backoff = word("doublings of the timeout")
    received = word("the receiver's next expected segment (RCV.NXT)")
    retransmits = word("segments")
    timeouts = word("retransmission timeouts")
    sent = word("frames handed to the link")
    asked_at = word("time of the present request", "ns")
    thinks = word("1: a client, which thinks before its next request")
    answered = word("requests")
    setup_steps = word("segments of the handshake, sent one at a time before the data")
    period = word("segments from one handshake to the next; 0: there is one")
    setups = word("handshakes that were completed")
    setup_ns = word("that they took together", "ns")
    message = word("what the application writes at a time; 0: a stream without ends", "bytes")
    segments = word("of a message")
    last_payload = word("of a message's last segment", "bytes")
    pushes = word("a message's last segment has PSH")
    gap_ns = word("between two writes; 0: it writes what the window allows", "ns")
    written = word("segments that the application has written, and one that it never reaches")
    buffer = word("segments that may be written and unacknowledged (SO_SNDBUF)")
    wanted_at = word("when it wanted to write what does not fit; -1: it does not wait", "ns")
    read = word("messages that the receiver's application has read")
    setup = parts(MAX_SETUP, SetupSegment, "the handshake")


class Pending(Row, packed=True):
    """An entry of the event queue."""

    time = word("when it is due", "ns")
    number = word("order of entry, which breaks ties")
    kind = word("ARRIVE, ACK, DUPACK, REQUEST, TIMEOUT or WRITE")
    conn = word("the connection")
    value = word("ARRIVE: the segment; ACK, DUPACK: everything before it has come")


class Sample(Row, packed=True):
    """The latency of one request or message."""

    time = word("of the answer, or when the message was read", "ns")
    conn = word("the connection")
    latency = word("from the request to the answer, or from the write to the read", "ns")


class Number(Row, packed=True):
    """One number."""

    value = word("the number")


class Kept(Row, packed=True):
    """A frame that left the host: its event, and the stages that it passed."""

    kind = word("DELIVER or DROP")
    flow = word("of the frame")
    socket = word("of the frame")
    time = word("when the application had it, or it was lost", "ns")
    cpu = word("the application's, or where it was lost")
    reason = word("drop reason")
    latency = word("since its arrival", "ns")
    count = word("how many of `stages` are set")
    stages = parts(MAX_STAGES, StageRecord, "in order")


class Senders(Group):
    """All connections and the link that they share."""

    pending = word("entries in the event queue")
    entered = word("entries ever made")
    link_free = word("when the link takes the next frame", "ns")
    ps_per_byte = word("of the link", "ps")
    there_ns = word("from the link's end to the NIC", "ns")
    back_ns = word("from the application to the sender: acknowledgement or answer", "ns")
    rto_ns = word("least timeout", "ns")
    free = word("free frame buffers")
    thoughts = word("draws of thinking time used so far")
    thinks = word("draws there are")
    sampled = word("latencies written so far")
    most_samples = word("latencies that are kept")
    lost_at_nic = word("frames that found the RX ring full")
    kept = word("frames in `frames`")
    most_kept = word("frames that are kept; 0: none, and nothing is recorded")
    not_kept = word("frames beyond that")
    most_early = word("segments of a connection that may come before their turn")
    most_messages = word("of a connection that may be written and not read")
    most_pending = word("entries that the event queue holds")
    connections = table(Sender, "by number, which is the flow's in the model")
    queue = table(Pending, "the event queue, a heap; its last row is the entry at hand")
    early = table(Number, "[connections * most_early] 1: it came before its turn")
    begun = table(Number, "[connections * most_messages] when each message was written, ns")
    samples = table(Sample, "latencies")
    think_ns = table(Number, "draws of thinking time")
    free_slots = table(Number, "stack of free frame buffers")
    segments = table(Number, "by frame buffer: the segment that is in it")
    frames = table(Kept, "the first frames that left the host; one row when none are kept")


SENDERS = GroupType(Senders)
"""Numba's type of `Senders`."""


def allocate(
    connections: int,
    early: int,
    messages: int,
    slots: int,
    think: np.ndarray,
    samples: int,
    kept: int = 0,
) -> Senders:
    """Senders that have nothing to send yet; ``think`` [draws] ns of thinking time.

    ``kept``: how many of the frames that leave the host are kept.
    """
    pending = 4 * slots + 9 * connections
    made = Senders(
        connections=connections,
        queue=pending,
        early=connections * early,
        begun=connections * messages,
        samples=max(1, samples),
        think_ns=len(think),
        free_slots=slots,
        segments=slots,
        frames=max(1, kept),
    )
    made.most_kept = kept
    made.most_early, made.most_pending, made.free = early, pending - 1, slots
    made.thinks, made.most_samples, made.most_messages = len(think), max(1, samples), messages
    made.free_slots.array["value"] = np.arange(slots)
    made.think_ns.array["value"] = think
    return made
