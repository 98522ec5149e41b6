"""The memory map of a host: which row and column of the state's tables means what.

Plain integers: inside a kernel they are constants of the machine code, outside they index the
same arrays.  Everything is int64; times are model nanoseconds, sizes are bytes; -1 is "none".

`State.host` is one table, so that a kernel call hands over one array: its rows are the clock, the
knobs, the costs, then one row for each CPU, NAPI instance, stage, socket and task.
``host[CPU + c, C_WORK]`` is what CPU c is doing.
"""

from __future__ import annotations

COLUMNS = 48  # of State.host
MAX_CPUS = 64
MAX_QUEUES = 64
MAX_ROWS = 96  # stages of all profiles together
GUARD_ENTRIES = 32_768  # the rps_sock_flow_entries of Documentation/networking/scaling
NONE = -1  # no slot, NAPI instance, task, ...
FIRST = 0  # position of a chain's first stage
NO_EVENTS = 0  # in `out`
# (A bare 0 or -1 as an argument is a type of its own for Numba: the function is compiled twice.)
MAX_STAGES = 8  # the most stages a frame passes, both splits of the first one counted
NIC_POSITION = MAX_STAGES - 1  # of the order guard: RPS at the NIC, beyond the longest chain

# -- what the model tells its driver: rows of the array `out` of `kernel.advance` ----------------
EV_KIND, EV_SLOT, EV_FLOW, EV_SOCKET, EV_TIME, EV_CPU, EV_PLACE, EV_LATENCY = range(8)
EVENT_COLUMNS = 8

DELIVER = 1  # the application has the frame; EV_CPU is the application's, EV_LATENCY since arrival
DROP = 2  # the frame is gone; EV_CPU is where, EV_PLACE at what

# -- where a frame can be lost (EV_PLACE, and what `kernel.receive` returns) ---------------------
PLACE_NONE = 0
PLACE_RX_MISSED = 1  # no free descriptor in the RX ring
PLACE_GRO_CELL = 2  # a device's gro_cell queue is over netdev_max_backlog
PLACE_BACKLOG = 3  # a CPU's input_pkt_queue is over netdev_max_backlog
PLACE_SOCKET = 4  # the socket's receive buffer is full
PLACE_RESEQUENCER = 5  # too many of the flow's skbs wait there for their turn
PLACE_POLICY = 6  # the operator's policy denies the flow
PLACE_NAMES = ("none", "rx_missed", "gro_cell", "backlog", "socket", "resequencer", "policy")

# -- stages --------------------------------------------------------------------------------------
NAPI, SPLIT, GRO_CELL, BACKLOG, SOCKET, RPS, POLL = range(1, 8)
STAGE_NAMES = ("none", "napi", "split", "gro_cell", "backlog", "socket", "rps", "poll")
DENY = 8  # no stage: where the chain of a denied flow ends

# -- how the CPU of a stage was chosen -----------------------------------------------------------
CHOICE_NONE, CHOICE_FIRST, CHOICE_SECOND, CHOICE_FALLBACK, CHOICE_KEPT = range(5)
# When the order guard keeps a flow where it was, the record shows the choice that once put it
# there, and CHOICE_KEPT where that was another flow's (they share an entry of the guard).

# -- the record of one stage of one frame: State.record[slot, stage, column] ---------------------
REC_KIND, REC_IFINDEX, REC_CPU, REC_CHOICE, REC_ENQUEUE, REC_START, REC_END = range(7)
RECORD_COLUMNS = 7

# -- protocols as far as the receive path tells them apart ---------------------------------------
TCP = 6
UDP = 17
VXLAN_BYTES = 50  # outer Ethernet, IPv4, UDP and VXLAN headers (RFC 7348)

# ================================ rows of State.host ============================================
CLOCK = 0
KNOB = 1
COST = 2
CPU = 3
NAPIS = CPU + MAX_CPUS  # NIC queue q, then the gro_cell of CPU c, then the backlog of CPU c
QUEUE_NAPI = 0
CELL_NAPI = QUEUE_NAPI + MAX_QUEUES
BACKLOG_NAPI = CELL_NAPI + MAX_CPUS
POLL_NAPI = BACKLOG_NAPI + MAX_CPUS  # no NAPI: the rings that bypass polls, one a CPU
NAPI_COUNT = POLL_NAPI + MAX_CPUS
ROW = NAPIS + NAPI_COUNT
TASK = ROW + MAX_ROWS  # ksoftirqd of CPU c, then one task for each application thread
THREADS = MAX_CPUS  # the first application thread's task
# From here on the number of rows depends on the host: their first rows stand in the clock's row.

# -- CLOCK: model time and the host's counters ---------------------------------------------------
(
    CK_NOW,
    CK_SOCKET,  # first row of the sockets
    CK_SOCKETS,
    CK_TASKS,
    CK_OUT_HEAD,  # frames that left, waiting for room in `out`
    CK_OUT_TAIL,
    CK_OUT_KIND,  # of the chain that is being written to `out`
    CK_OUT_PLACE,
    CK_OUT_TIME,
    CK_OUT_CPU,
    CK_OUT_FRAME,
    CK_ENTRIES,  # flows in the NIC's table (offload.py)
    CK_FUNCTIONS,  # virtual functions in use
    CK_RECEIVED,
    CK_DELIVERED,
    CK_BYTES,
    CK_REORDERED,
    CK_SQUEEZED,  # net_rx_action ran out of budget (softnet_stat's time_squeeze)
    CK_KSOFTIRQD,  # ksoftirqd was woken
    CK_IPIS,
    CK_INTERRUPTS,
    CK_MERGED,  # frames that GRO appended to another
    CK_SLOW_PATH,  # frames without an entry in the NIC's table
    CK_SWITCHED_OFF,  # average load reached the threshold
    CK_SWITCHED_ON,  # and fell below it again
    CK_IS_OFF,
    CK_DROPS,  # one column for each PLACE_*
) = range(27)

# -- KNOB: what a user may turn, and the average load --------------------------------------------
(
    K_CPUS,
    K_RING,
    K_RX_NS,
    K_RX_FRAMES,
    K_WEIGHT,
    K_BUDGET,
    K_BUDGET_NS,
    K_MAX_BACKLOG,
    K_RCVBUF,
    K_TCP_RCVBUF,  # the next column: see sockets.py
    K_GRO,
    K_SERVICE_NS,
    K_RECORDS,
    K_PIPELINING,
    K_SPLITTING,
    K_BALANCING,
    K_SWITCH_OFF,
    K_ORDER_GUARD,
    K_TCP_PIPELINING,
    K_THRESHOLD,
    K_LOAD_NS,
    K_AVERAGE_LOAD,  # of the FALCON CPUs, percent
    K_FALCON_CPUS,  # how many
    K_SPLIT_CPUS,
    K_RPS_CPUS,
    K_NIC_STEERING,  # whether the policy acts behind the NIC's GRO, too (get_rps_cpu): OFF, ...
    K_RESEQUENCE,  # whether frames get their order back in front of the socket: OFF, ...
    K_MFLOW_BATCH,  # frames of a micro-flow
    K_QUEUES,
    K_REBALANCE_NS,  # 0: the indirection table stays as it is
    K_TOLERANCE,  # between the loads of two CPUs, in 1/10000
    K_REBALANCED,  # when
    K_OFFLOAD_ENTRIES,  # of the NIC's flow table
    K_OFFLOAD_FUNCTIONS,  # virtual functions that it has
) = range(34)
OFF, ON, DRAINING = range(3)  # draining: off, but flows' packets may still wait there

# -- COST: what does not belong to one stage, ns (see costs/*.toml) ------------------------------
COST_NAMES = (
    "hardirq",
    "softirq_entry",
    "napi_poll",
    "ipi_send",
    "ipi_latency",
    "ipi_handle",
    "cache_penalty",
    "remote_enqueue",
    "split_send",
    "split_receive",
    "wake_up",
    "wake_latency",
    "context_switch",
    "sched_granularity",
    "sched_sleeper_credit",
    "softirq_time_limit",
    "softirq_restarts",
    "skb_overhead",
)
(
    X_HARDIRQ,
    X_SOFTIRQ_ENTRY,
    X_NAPI_POLL,
    X_IPI_SEND,
    X_IPI_LATENCY,
    X_IPI_HANDLE,
    X_CACHE_PENALTY,
    X_REMOTE_ENQUEUE,
    X_SPLIT_SEND,
    X_SPLIT_RECEIVE,
    X_WAKE_UP,
    X_WAKE_LATENCY,
    X_CONTEXT_SWITCH,
    X_GRANULARITY,
    X_SLEEPER_CREDIT,
    X_SOFTIRQ_TIME,
    X_SOFTIRQ_RESTARTS,
    X_SKB_OVERHEAD,
) = range(18)

# -- CPU: what every event looks at stands in the first two cache lines -------------------------
(
    C_WORK,  # WORK_*
    C_SLOT,  # the skb of the work
    C_START,  # of the work
    C_STOLEN,  # ns that interrupts took out of it
    C_BOOKED,  # BUSY_*: to whom its time is booked
    C_EXTRA,  # ns to be added to the next work
    C_SOFTIRQ,  # SOFTIRQ_*
    C_NAPI,  # that is being polled
    C_POLLED,  # its work done
    C_READY,  # skbs that left GRO and go up the stack next (head, tail)
    C_READY_TAIL,
    C_BUSY,  # one column for each BUSY_*
) = range(12)
(
    C_LIST,  # NAPI instances of this net_rx_action (head, tail)
    C_LIST_TAIL,
    C_POLL,  # softnet_data.poll_list
    C_POLL_TAIL,
    C_REPOLL,
    C_REPOLL_TAIL,
    C_IPI,  # other CPUs' NAPI instances that an IPI is to schedule (rps_ipi_list; head, tail)
    C_IPI_TAIL,
    C_BUDGET,
    C_SQUEEZED,
    C_ACTION_START,  # of net_rx_action
    C_SOFTIRQ_START,
    C_RESTARTS,
    C_TASK,  # the thread that runs, or was interrupted
    C_RUN,  # runnable threads
    C_LAST_TASK,
    C_MIN_RUNTIME,  # cfs_rq.min_vruntime
    C_BUSY_MARK,  # busy ns at the last measurement of load
    C_MARK_TIME,
    C_POLLS,  # 1: a polling core, which spins when it has nothing to do (bypass.py)
) = range(16, 36)
BUSY_HARDIRQ, BUSY_SOFTIRQ, BUSY_KSOFTIRQD, BUSY_TASK, BUSY_POLLING = range(5)
BUSY_NAMES = ("hardirq", "softirq", "ksoftirqd", "task", "polling")

WORK_NONE, WORK_IRQ, WORK_FRAME, WORK_SKB, WORK_POST, WORK_IPI, WORK_OVERHEAD, WORK_TASK = range(8)
WORK_POLL, WORK_SPIN = (
    8,
    9,
)  # a frame under bypass; polling an empty ring: that never ends by itself
SOFTIRQ_NONE, SOFTIRQ_INLINE, SOFTIRQ_THREAD = range(3)

# -- NAPI instances ------------------------------------------------------------------------------
(
    N_CPU,
    N_SCHEDULED,  # NAPI_STATE_SCHED
    N_NEXT,  # link in a poll list or rps_ipi_list
    N_QUEUE,  # ring, gro_cell queue or input_pkt_queue (head, tail, length)
    N_QUEUE_TAIL,
    N_LENGTH,
    N_PROCESS,  # the backlog's process_queue (head, tail)
    N_PROCESS_TAIL,
    N_TAIL,  # packets that ever entered (input_queue_tail)
    N_DONE,  # packets that were ever worked off
    N_HEAD,  # N_DONE, while GRO holds nothing back (input_queue_head)
    N_PENDING,  # frames since the last interrupt (moderation)
    N_HELD,  # skbs that GRO holds
    N_GRO,  # for each bucket: oldest held skb, how many
) = range(14)
GRO_BUCKETS = 8  # GRO_HASH_BUCKETS
GRO_DEPTH = 8  # MAX_GRO_SKBS

# -- stages of the profiles ----------------------------------------------------------------------
(R_KIND, R_IFINDEX, R_POSITION) = range(3)
R_SLOW = 3  # chain + 1 of frames that have no entry in the NIC's table; 0: there is no table
R_FRAME = 4  # ns a frame before GRO; each of these: [others, TCP]
R_FRAME_KIB = 6  # ns a KiB, likewise
R_GRO = 8  # ns a frame in GRO
R_SKB = 10  # ns an skb
R_SEGMENT = 12  # ns a frame of the skb
R_SKB_KIB = 14  # ns a KiB of the skb

# -- tasks: threads of the host ------------------------------------------------------------------
(T_CPU, T_STATE, T_NEXT, T_RUNTIME, T_REMAINING, T_SLOT, T_READY, T_READY_TAIL) = range(8)
T_FUNCTION = 8  # 1: its container has a virtual function of the NIC
ASLEEP, WAKING, RUNNABLE, RUNNING = range(4)

# -- sockets -------------------------------------------------------------------------------------
(SO_TASK, SO_QUEUE, SO_QUEUE_TAIL, SO_LENGTH, SO_MEMORY, SO_NEXT, SO_LISTED) = range(7)

# ================================ the other tables ==============================================
# -- State.due: who is due when (events.py) ------------------------------------------------------
# Row s of the first three columns is a source: when it is due, and its neighbours in its ring.
# Row p of D_TIME and D_CPU is place p of the CPUs' list, from 1 on; place 0 stands for what is
# never due, its D_SIZE is how many there are.  D_FIRST: when a ring's first is due, in row 0 the
# first CPU.
(D_WHEN, D_NEXT, D_BEFORE, D_SIZE, D_TIME, D_CPU, D_FIRST) = range(7)
DUE_COLUMNS = 8
TICK = 0  # sources: the load's tick; interrupts of the queues, IPIs, wake-ups; CPUs
INTERRUPT = 1
IPI = INTERRUPT + MAX_QUEUES  # an IPI is for one gro_cell or backlog
RING_INTERRUPT = IPI + 2 * MAX_CPUS  # no sources: where the rings begin and end
RING_IPI = RING_INTERRUPT + 1
RING_WAKE = RING_IPI + 1
WAKE = RING_WAKE + 1

# -- State.guard: for each hash, and each position in a chain, where its last packet went --------
(G_NAPI, G_TAIL, G_CHOICE, G_HASH) = range(4)  # NAPI instance + 1 (0: none), its N_TAIL then
GUARD_WIDTH = 4  # columns of one position
GUARD_COLUMNS = GUARD_WIDTH * MAX_STAGES

# -- State.lists[list, entry] --------------------------------------------------------------------
LIST_RSS, LIST_IRQ, LIST_FALCON, LIST_SPLIT, LIST_RPS, LIST_LOAD, LIST_CHAIN = range(7)
# Of rebalance.py: a bucket's frames, its next queue + 1, when its queue has drained; a CPU's busy
# mark, its load, its frames.
LIST_COUNT, LIST_WANTED, LIST_TAIL, LIST_MARK, LIST_SHARE, LIST_FRAMES = range(7, 13)
LIST_DENIED = 13  # as LIST_CHAIN: first stages for flows that the policy denies
LISTS = 14
LIST_SIZE = 128

# -- State.slot: a frame, or (as the head of a chain) an skb; four cache lines, by use ----------
(
    S_NEXT,  # link in the queue that the skb waits in
    S_ROW,  # present stage
    S_PROTOCOL,
    S_FRAMES,  # how many frames the skb has
    S_LENGTH,
    S_FROM,  # the CPU that ran the stage before
    S_SPLIT,  # what of its first stage it waits for: SPLIT_*
    S_RECORDED,  # records were on when the frame arrived
    S_HASH,
    S_CHOICE,
    S_TARGET,  # NAPI instance that the present frame is split to, or -1
    S_SOCKET,
    S_HOP,  # the present stage's number in the record
    S_ENQUEUED,
    S_ORDER,  # ORDER_*: whether the frame has a place in its flow's order (resequencer.py)
    S_NUMBER,  # of the frame within its flow
    S_FLOW,
    S_ARRIVAL,
    S_WIRE,  # bytes of this frame alone
    S_FRAME,  # the next frame of this skb (GRO)
    S_OUT_TIME,
    S_OUT_PLACE,
    S_OUT_KIND,
    S_OUT_CPU,
    S_TRUESIZE,
    S_LAST,  # the skb's last frame
    S_PAYLOAD,
    S_SEQ,
    S_FLAGS,
    S_KEY,
    S_NEXT_SEQ,
    S_MERGED,  # the hop in which GRO merged the frame
) = range(32)
SLOT_COLUMNS = 32
S_BEFORE, S_AFTER = S_OUT_PLACE, S_OUT_CPU  # its neighbours there + 1; it leaves only afterwards
ORDER_NONE, ORDER_UNDERWAY, ORDER_WAITS = range(3)
SPLIT_NONE, SPLIT_GRO, SPLIT_STACK = range(3)  # of S_SPLIT; RPS at the NIC leaves the stack

# -- State.flow ----------------------------------------------------------------------------------
(F_SENT, F_EXPECTED, F_REORDERED, F_DELIVERED) = range(4)
F_FIRST, F_LAST, F_WAITING = 4, 5, 6  # frames in the flow's order + 1; how many skbs wait in it
F_RULE = 7  # RULE_*: what the operator's policy and the NIC's table have for the flow
RULE_NONE, RULE_ENTRY, RULE_FULL, RULE_DENIED = range(4)
FLOW_COLUMNS = 8

MEMORY = 4096  # of the steering policy
