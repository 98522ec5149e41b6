"""What the host consists of: clock, counters, CPUs, NAPI instances, threads, sockets."""

from __future__ import annotations

from rxpath.compile.tables import Row, part, parts, word, words
from rxpath.model.state.codes import BUSY_NAMES, DROP_REASONS, GRO_BUCKETS


class Fifo(Row):
    """A first-in-first-out list, threaded through its items' rows (`rxpath.model.fifo`)."""

    head = word("first item, or -1: empty")
    tail = word("last item")


class Output(Row):
    """Frames that left the model and wait for room in the driver's array."""

    now = word("the model's clock", "ns")
    queue = part(Fifo, "skbs that wait")
    reason = word("drop reason of the skb whose frames are being written")
    time = word("when it left", "ns")
    cpu = word("where it left")
    frame = word("next frame of it to be written, or -1")


class Counters(Row):
    """The host's counters."""

    received = word("frames, rx_missed ones included")
    delivered = word("frames")
    bytes = word("of delivered frames on the wire", "bytes")
    reordered = word("delivered frames (RFC 4737)")
    squeezed = word("net_rx_action ran out of budget (softnet_stat's time_squeeze)")
    ksoftirqd = word("ksoftirqd was woken")
    ipis = word("inter-processor interrupts")
    interrupts = word("of the NIC")
    merged = word("frames that GRO appended to another")
    cache_misses = word("frames whose flow had no entry in the host's flow cache")
    slow_path = word("frames without an entry in the NIC's flow table")
    handovers = word("order guard: flows' stages that changed CPUs with packets on the old one")
    held = word("order guard: skbs that were held at the new CPU meanwhile")
    held_ns = word("order guard: how long they were held, all together", "ns")
    switched_off = word("FALCON: the average load reached the threshold")
    switched_on = word("FALCON: it fell below it again")
    drops = words(len(DROP_REASONS), "frames lost, by drop reason")


class Usage(Row):
    """What is in use now."""

    offload_entries = word("flows in the NIC's table")
    offload_functions = word("virtual functions of the NIC")
    cache_entries = word("flows in the host's flow cache")
    cache_asked = word("1: a flow was looked up there that it did not have")
    is_off = word("FALCON is switched off for its CPUs' load")
    handovers = word("order guard: those that are under way")


class Cpu(Row):
    """One CPU.  The fields that every event reads are in the first two cache lines."""

    work = word("what it does: WORK_*")
    slot = word("the skb of the work")
    start = word("of the work", "ns")
    stolen = word("taken out of it by interrupts", "ns")
    booked = word("to whom its time is booked: BUSY_*")
    extra = word("to be added to the next work", "ns")
    softirq = word("where softirqs run: SOFTIRQ_*")
    napi = word("instance that is being polled, or -1")
    polled = word("packets that its poll has processed")
    flushes = word("1: the poll function has ended, GRO is being flushed")
    ready = part(Fifo, "skbs that left GRO and go up the stack next")
    busy = words(len(BUSY_NAMES), "time used, by BUSY_*", "ns")
    action = part(Fifo, "NAPI instances of this net_rx_action")
    poll_list = part(Fifo, "softnet_data.poll_list")
    repoll = part(Fifo, "instances that used up their weight")
    ipi_list = part(Fifo, "other CPUs' instances to schedule by an IPI (rps_ipi_list)")
    budget = word("packets left to this net_rx_action")
    squeezed = word("its budget or time is used up")
    action_start = word("of net_rx_action", "ns")
    softirq_start = word("of __do_softirq", "ns")
    restarts = word("rounds of __do_softirq")
    raised = word("NET_RX_SOFTIRQ was raised with nothing to poll here (rps_ipi_queued)")
    net_rx = word("runs of net_rx_action (NET_RX of /proc/softirqs)")
    task = word("the thread that runs, or was interrupted; -1: none")
    runnable = word("first runnable thread, or -1")
    last_task = word("the thread that ran last, or -1: the CPU was idle since")
    min_runtime = word("cfs_rq.min_vruntime", "ns")
    busy_mark = word("busy time at the load's last measurement", "ns")
    mark_time = word("of that measurement", "ns")
    urgent = word("1: the poll is of packets with priority (PRISM)")
    ahead = word("1: the instance that is polled is in the poll list again (PRISM)")
    polls = word("1: a polling core, which spins when it has nothing to do")
    rss_mark = word("RSS++: busy time when it last ran", "ns")
    rss_share = word("RSS++: load", "1/10000")
    rss_frames = word("RSS++: frames of its queues")


class GroBucket(Row):
    """A bucket of GRO's hash table."""

    oldest = word("skb that is held longest, or -1")
    count = word("skbs held")


class Napi(Row):
    """A NAPI instance: an RX queue, a CPU's gro_cell or backlog; or a ring under bypass."""

    cpu = word("where a gro_cell or backlog is polled")
    scheduled = word("NAPI_STATE_SCHED: UNSCHEDULED, BY_SOFTIRQ or BY_THREAD")
    threaded = word("1: a thread polls it (NAPI_STATE_THREADED)")
    next = word("link in a poll list or rps_ipi_list")
    queue = part(Fifo, "ring, gro_cell queue or input_pkt_queue")
    length = word("of the queue")
    process = part(Fifo, "the backlog's process_queue")
    tail = word("packets queued so far (input_queue_tail)")
    done = word("packets processed so far")
    head = word("done, while GRO holds nothing back (input_queue_head)")
    pending = word("of an armed queue: completions that no interrupt has reported")
    held = word("skbs that GRO holds")
    aside = word("skbs that the order guard holds there")
    awaited = word("first entry of the order guard that waits for its head + 1, or 0")
    awaited_last = word("the last one + 1")
    gro = parts(GRO_BUCKETS, GroBucket, "GRO's hash table")
    urgent = part(Fifo, "a backlog's packets with priority (input_pkt_queue_priority)")
    urgent_length = word("of that queue")
    urgent_process = part(Fifo, "those that are being processed (process_queue_priority)")


class Moderation(Row):
    """Interrupt moderation of an RX queue (`rxpath.model.moderation`)."""

    period = word("of the timer: rx-usecs", "ns")
    frames = word("completions that interrupt at once: rx-frames")
    restarted = word("when the timer last restarted", "ns")
    events = word("interrupts so far")
    bytes = word("that the driver took off the ring so far", "bytes")
    phase = word("of net_dim: START, MEASURING or APPLYING")
    effective = word("APPLYING: when the new profile is in use", "ns")
    in_use = word("the profile in use")
    profile = word("that net_dim has chosen")
    tune = word("parked ON_TOP or TIRED, or going RIGHT or LEFT")
    right = word("steps towards more moderation")
    left = word("steps towards less")
    tired = word("steps since it was parked; TIRED: decisions left to rest")
    start = word("of the measurement", "ns")
    start_events = word("interrupts then")
    start_packets = word("frames that the driver had taken then")
    start_bytes = word("bytes then", "bytes")
    before_bytes = word("rate at the decision before", "bytes/ms")
    before_packets = word("likewise", "1/ms")
    before_events = word("likewise, of interrupts", "1/ms")
    decisions = word("of net_dim")
    changes = word("decisions for another profile")


class Task(Row):
    """A thread: a CPU's ksoftirqd, one that polls a NAPI instance, or an application's."""

    cpu = word("where it is bound")
    state = word("ASLEEP, WAKING, RUNNABLE or RUNNING")
    next = word("link in the CPU's list of runnable threads")
    runtime = word("virtual runtime", "ns")
    remaining = word("of a message's work that was interrupted", "ns")
    slot = word("the message whose work was interrupted, or -1")
    ready = part(Fifo, "sockets that have messages")
    function = word("1: its container has a virtual function of the NIC")


class Socket(Row):
    """A socket."""

    task = word("thread that reads it")
    queue = part(Fifo, "messages")
    length = word("of the queue")
    memory = word("sk_rmem_alloc", "bytes")
    next = word("link in the thread's list")
    listed = word("1: it is in that list")
