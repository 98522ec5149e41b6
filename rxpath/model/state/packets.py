"""Frames, skbs, flows, and what is reported of them."""

from __future__ import annotations

from rxpath.compile.tables import Row, parts, word, words
from rxpath.model.state.codes import FRAGMENT_BUCKETS, MAX_STAGES


class Slot(Row):
    """A frame's buffer, or (the first of a chain that GRO merged) an skb; in order of use."""

    next = word("link in the queue that the skb waits in")
    stage = word("row of its present stage")
    protocol = word("inner IP protocol")
    frames = word("how many frames the skb has")
    length = word("of the skb", "bytes")
    came_from = word("CPU that ran the stage before")
    waits_for = word("in a backlog or gro_cell: WORK_SPLIT, WORK_RPS or WORK_STAGE")
    recorded = word("records were on when the frame arrived")
    hash = word("skb_hash: RSS hash of the outer headers, 32 bits")
    choice = word("how the CPU of its next stage was chosen: CHOICE_*")
    target = word("NAPI instance that the present frame is split to, or that holds the skb")
    socket = word("who reads it")
    hop = word("the present stage's number in the record")
    enqueued = word("when it came into the queue it waits in", "ns")
    order = word("whether the frame has a place in its flow's order: ORDER_*")
    number = word("of the frame within its flow")
    flow = word("of the frame")
    arrival = word("at the NIC", "ns")
    wire = word("length of this frame alone on the wire", "bytes")
    frame = word("the next frame of this skb, or -1")
    out_time = word("when the skb left the model", "ns")
    out_reason = word("drop reason; NOT_DROPPED: it was delivered")
    out_cpu = word("where it left: of a full queue, its CPU")
    truesize = word("what the socket is charged with", "bytes")
    last = word("the skb's last frame")
    payload = word("of TCP, or of the datagram in an IP fragment", "bytes")
    seq = word("TCP sequence number; of a fragment: its datagram's number in the flow")
    flags = word("TCP flags; of a fragment: how many its datagram has")
    gro_key = word("must be equal for two segments to merge")
    merged = word("the first frame's hop in which the frame joined its skb; its own: `hop`")
    held = word("for how long the order guard held it", "ns")
    worked = word("1: the order guard holds it behind its work, not in front of it")
    before = word("frame before it in its flow's order + 1, or 0")
    after = word("frame after it + 1, or 0")
    priority = word("1: it goes first at each backlog (PRISM)")


class Datagram(Row, packed=True):
    """Fragments of a datagram that wait for the others [struct ipq], by its first one's slot."""

    first = word("fragment of the datagram, in the order of their offsets")
    last = word("fragment")
    fragments = word("that have come")
    payload = word("of theirs", "bytes")
    truesize = word("of theirs", "bytes")
    created = word("when the first of them came, which starts the timer", "ns")
    next = word("link in its bucket's chain")
    older = word("datagram that was begun before it + 1, or 0")
    newer = word("datagram that was begun after it + 1, or 0")


class Reassembly(Row):
    """The datagrams that are not whole."""

    memory = word("truesize of their fragments", "bytes")
    oldest = word("datagram + 1, or 0")
    newest = word("datagram + 1, or 0")
    buckets = words(FRAGMENT_BUCKETS, "chains of datagrams; -1: empty")


class Flow(Row):
    """What is known of a flow.  What every frame looks at is in the first cache line."""

    sent = word("frames that arrived")
    expected = word("number of the next frame in order (RFC 4737)")
    reordered = word("frames")
    delivered = word("frames")
    rule = word("NIC's table and operator's policy: RULE_*")
    cached = word("of the host's flow cache: CACHE_*")
    priority = word("1: its packets go first (PRISM)")
    waiting = word("skbs that wait in its order")
    first = word("first frame of its order + 1, or 0")
    last = word("last frame of its order + 1, or 0")


class GuardEntry(Row):
    """Of the order guard: where the last packet of a hash went at one position of its chain.

    As rps_dev_flow_table for RFS.  While packets are held, they are a ring through their links.
    """

    napi = word("NAPI instance + 1; 0: none yet")
    tail = word("that instance's after the packet")
    choice = word("that put it there: CHOICE_*")
    hash = word("whose packet it was")
    old = word("instance + 1 from which the flow is being handed over; 0: it is not")
    until = word("how far the head of the old one has to come")
    aside = word("last packet that is held + 1; 0: none is")
    next = word("entry + 1 that waits for the old instance next, or 0")


class StageRecord(Row, packed=True):
    """One stage of one frame."""

    kind = word("NAPI, SPLIT, GRO_CELL, ...")
    ifindex = word("of the device")
    cpu = word("that ran it")
    choice = word("how that CPU was chosen: CHOICE_*")
    enqueue = word("when the frame was queued for it", "ns")
    start = word("of the work", "ns")
    end = word("of the work", "ns")
    held = word("for the order of its flow, in front of the work or behind it", "ns")


class FrameRecord(Row, packed=True):
    """The stages that a frame passed."""

    stages = parts(MAX_STAGES, StageRecord, "in order")


class Hops(Row, packed=True):
    """How much of a frame's record is written."""

    count = word("stages in the record of a frame that an event names; 0: not recorded")


class Event(Row):
    """What became of a frame: rows of the array that `rxpath.model.kernel.advance` fills."""

    kind = word("DELIVER or DROP")
    slot = word("its buffer, which is the driver's again")
    flow = word("of the frame")
    socket = word("of the frame")
    time = word("when the application has it, or it was lost", "ns")
    cpu = word("the application's, or where it was lost: of a full queue, its CPU")
    reason = word("drop reason")
    latency = word("since its arrival", "ns")


class Arrival(Row, packed=True):
    """A row of a trace: a frame (`rxpath.model.frame.Frame`) and when it arrives."""

    arrival = word("at the NIC", "ns")
    rss_hash = word("Toeplitz hash of the outer headers, 32 bits")
    flow = word("number of the flow")
    socket = word("number of the socket")
    chain = word("number of the chain of stages")
    protocol = word("inner IP protocol")
    wire_len = word("on the wire, outer headers included", "bytes")
    payload = word("of TCP, or of the datagram in a fragment", "bytes")
    seq = word("TCP sequence number; of a fragment: its datagram's number in the flow")
    tcp_flags = word("of the TCP header")
    gro_key = word("must be equal for two segments to merge")
    fragments = word("how many IP fragments its datagram is in; 0 or 1: it is whole")
