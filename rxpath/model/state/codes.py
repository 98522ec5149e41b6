"""Numbers that stand for kinds: stages, choices, drop reasons, what a CPU does; and sizes.

Plain integers, so that kernels hold them as constants.  Times are model nanoseconds, sizes bytes.
"""

from __future__ import annotations

NONE = -1  # no slot, NAPI instance, task, ...

# -- sizes of a host -----------------------------------------------------------------------------
MAX_CPUS = 64
MAX_QUEUES = 64
MAX_CHAIN_ROWS = 160  # stages of all chains together
MAX_CHAINS = 128
MAX_SET = 128  # CPUs of a CPU set, each as often as it is named
MAX_STAGES = 8  # the most stages a frame passes, both splits of the first one counted
RSS_ENTRIES = 128  # of the indirection table (ethtool -x)
GUARD_ENTRIES = 32_768  # flows' hashes: rps_sock_flow_entries of Documentation/networking/scaling
GRO_BUCKETS = 8  # GRO_HASH_BUCKETS
GRO_DEPTH = 8  # MAX_GRO_SKBS
FRAGMENT_BUCKETS = 1024  # of the hash table of datagrams that are reassembled
MEMORY = 4096  # int64 of the steering policy's own

# -- protocols as far as the receive path distinguishes them -------------------------------------
TCP = 6
UDP = 17
VXLAN_BYTES = 50  # outer Ethernet, IPv4, UDP and VXLAN headers (RFC 7348)

# -- events: what the model reports of a frame ---------------------------------------------------
DELIVER = 1  # the application has the frame
DROP = 2  # the frame is lost

# -- drop reasons: enum skb_drop_reason (include/net/dropreason-core.h), where it has one ---------
NOT_DROPPED = 0
RX_MISSED = 1  # no free descriptor in the RX ring: rx_missed_errors, ip-link(8)
GRO_CELL_OVERFLOW = 2  # a device's gro_cell queue is over netdev_max_backlog: its rx_dropped
CPU_BACKLOG = 3  # a CPU's input_pkt_queue is over netdev_max_backlog
SOCKET_RCVBUFF = 4  # the socket's receive buffer is full
RESEQUENCER = 5  # mFlow: too many of the flow's skbs wait for their turn
NETFILTER_DROP = 6  # the operator's policy denies the flow
FRAG_REASM_TIMEOUT = 7  # fragments of a datagram that was not whole after ipfrag_time
FRAG_MEMORY = 8  # reassembly uses more than ipfrag_high_thresh; without a reason of its own there
DROP_REASONS = (
    "none",
    "rx_missed",
    "gro_cell",
    "cpu_backlog",
    "socket_rcvbuff",
    "resequencer",
    "netfilter_drop",
    "frag_reasm_timeout",
    "frag_memory",
)

# -- stages --------------------------------------------------------------------------------------
NAPI, SPLIT, GRO_CELL, BACKLOG, SOCKET, RPS, POLL, DEFRAG = range(1, 9)
STAGE_NAMES = ("none", "napi", "split", "gro_cell", "backlog", "socket", "rps", "poll", "defrag")
DENY = 9  # no stage: where the chain of a denied flow ends
FIRST_POSITION = 0  # of a chain's first stage
NIC_POSITION = MAX_STAGES - 1  # of the order guard: RPS at the NIC, beyond the longest chain

# -- the order guard (`rxpath.model.order`) ------------------------------------------------------
GUARD_NONE, GUARD_RFS, GUARD_HANDOVER = range(3)
GUARD_NAMES = ("none", "rfs", "handover")

# -- how the CPU of a stage was chosen -----------------------------------------------------------
CHOICE_NONE, CHOICE_FIRST, CHOICE_SECOND, CHOICE_FALLBACK, CHOICE_KEPT = range(5)
# When the order guard keeps a flow where its last packet went, the record shows the choice that put
# that one there, and CHOICE_KEPT where it was another flow's (they share an entry of the guard).

# -- NAPI instances, by number: NIC queue q, gro_cell of CPU c, backlog of CPU c ------------------
QUEUE_NAPI = 0
CELL_NAPI = QUEUE_NAPI + MAX_QUEUES
BACKLOG_NAPI = CELL_NAPI + MAX_CPUS
POLL_NAPI = BACKLOG_NAPI + MAX_CPUS  # no NAPI: the rings that kernel bypass polls, one a CPU
NAPI_COUNT = POLL_NAPI + MAX_CPUS

# -- threads, by number: ksoftirqd of CPU c, the one that polls NAPI instance n, applications' -----
NAPI_THREADS = MAX_CPUS
THREADS = NAPI_THREADS + BACKLOG_NAPI  # backlogs have none

# -- what a CPU does -----------------------------------------------------------------------------
WORK_NONE = 0
WORK_IRQ = 1  # the handler of an interrupt
WORK_IPI = 2  # sending an inter-processor interrupt
WORK_OVERHEAD = 3  # of a softirq that has no packet left to charge it to
WORK_FRAME = 4  # the driver polls a frame; GRO and the stack too, where they do not come later
WORK_SPLIT = 5  # GRO of a frame that was split to this CPU, and the stack likewise
WORK_STACK = 6  # the stack, for an skb that left GRO
WORK_RPS = 7  # the stack, for an skb that RPS steered to this CPU
WORK_STAGE = 8  # a later stage: gro_cell, backlog
WORK_TASK = 9  # an application reads a message
WORK_POLL = 10  # a frame under kernel bypass
WORK_SPIN = 11  # polling an empty ring, which never ends by itself
WORK_DATAGRAM = 12  # the protocol, for a datagram that was reassembled
WORK_COUNT = 13
SOFTIRQ_NONE, SOFTIRQ_INLINE, SOFTIRQ_THREAD = range(3)  # where __do_softirq was called
SOFTIRQ_POLL = 3  # nowhere: a NAPI thread polls its instance, and softirqs wait
BUSY_HARDIRQ, BUSY_SOFTIRQ, BUSY_KSOFTIRQD, BUSY_TASK, BUSY_POLLING, BUSY_NAPI = range(6)
BUSY_NAMES = ("hardirq", "softirq", "ksoftirqd", "task", "polling", "napi_thread")
ASLEEP, WAKING, RUNNABLE, RUNNING = range(4)  # a thread
UNSCHEDULED, BY_SOFTIRQ, BY_THREAD = range(3)  # a NAPI instance: who is to poll it

# -- what a CPU's time goes to (`rxpath.model.observe`): a stage's row, or one of these ------------
ACTIVITY_SPLIT = MAX_CHAIN_ROWS
ACTIVITY_RPS = ACTIVITY_SPLIT + 1
ACTIVITY_HARDIRQ = ACTIVITY_SPLIT + 2
ACTIVITY_IPI = ACTIVITY_SPLIT + 3  # sending one
ACTIVITY_SOFTIRQ = ACTIVITY_SPLIT + 4  # that has no packet left to charge it to
ACTIVITY_SPIN = ACTIVITY_SPLIT + 5
ACTIVITIES = ACTIVITY_SPLIT + 6
ACTIVITY_NAMES = ("split", "rps", "hardirq", "ipi", "softirq", "spin")  # from ACTIVITY_SPLIT on
SLICES = 1 << 14  # pieces of work that are remembered
MOVES = 256  # and changes of CPU
SPLIT_POSITION = NIC_POSITION - 1  # of a flow's places: no chain is as long

# -- states of an skb and its flow ---------------------------------------------------------------
ORDER_NONE, ORDER_UNDERWAY, ORDER_WAITS = range(3)  # its place in its flow's order (resequencer)
RULE_NONE, RULE_ENTRY, RULE_FULL, RULE_DENIED = range(4)  # a flow: NIC's table, operator's policy
CACHE_UNKNOWN, CACHE_MISSED, CACHE_ENTRY = range(3)  # a flow: the host's flow cache
OFF, ON, DRAINING = range(3)  # draining: off, but flows' packets may still wait there

# -- sources of events (`rxpath.model.events`) ---------------------------------------------------
TICK = 0  # of the load; then interrupts of the queues, IPIs, wake-ups
INTERRUPT = 1
IPI = INTERRUPT + MAX_QUEUES  # an IPI is for one gro_cell or backlog
RING_INTERRUPT = IPI + 2 * MAX_CPUS  # no sources: where the rings begin and end
RING_IPI = RING_INTERRUPT + 1
RING_WAKE = RING_IPI + 1
WAKE = RING_WAKE + 1
