"""What the user set, as the kernels read it: knobs, costs, chains of stages, the RSS table."""

from __future__ import annotations

from rxpath.compile.tables import Row, word, words


class Knobs(Row):
    """`rxpath.config.knobs`, and the average load."""

    cpus = word("CPUs that the host has")
    ring = word("descriptors of an RX ring")
    adaptive = word("net_dim sets the interrupt moderation")
    period_mode = word("what restarts its timer: moderation.EQE or CQE")
    weight = word("NAPI weight")
    budget = word("packets of one net_rx_action (netdev_budget)")
    budget_ns = word("time of one net_rx_action (netdev_budget_usecs)", "ns")
    max_backlog = word("netdev_max_backlog")
    rcvbuf = words(2, "a socket's receive buffer: [UDP and others, TCP]", "bytes")
    gro = word("whether GRO merges")
    prism = word("PRISM: packets with priority go first: OFF, ON, DRAINING")
    records = word("whether frames' stages are recorded")
    observed = word("whether CPUs' work is noted in `State.observed`")
    pipelining = word("FALCON: later stages get CPUs of their own")
    splitting = word("FALCON: GRO of TCP gets a CPU of its own")
    balancing = word("FALCON: second choice where the first is loaded")
    switch_off = word("FALCON: off when all of its CPUs are loaded")
    order = word("what keeps a flow that moves in order: GUARD_*")
    tcp_pipelining = word("FALCON: pipelining also for TCP that is split")
    threshold = word("FALCON: a CPU at this load is loaded", "percent")
    load_ns = word("interval of the load's measurement", "ns")
    average_load = word("of the FALCON CPUs, measured", "percent")
    falcon_cpus = word("how many CPUs FALCON_CPUS has")
    split_cpus = word("how many CPUs GROSPLIT_CPUS has")
    rps_cpus = word("how many CPUs rps_cpus has")
    nic_steering = word("the policy acts behind the NIC's GRO (get_rps_cpu): OFF, ON, DRAINING")
    resequence = word("frames get their order back before the socket: OFF, ON, DRAINING")
    mflow_batch = word("frames of a micro-flow")
    before_alloc = word("a TCP frame that is split off gets its skb on its new CPU")
    queues = word("RX queues in use")
    chains = word("chains of stages that there are")
    rebalance_ns = word("RSS++: interval; 0: the indirection table stays as it is", "ns")
    tolerance = word("RSS++: between the loads of two CPUs", "1/10000")
    rebalanced = word("RSS++: when it last ran", "ns")
    offload_entries = word("flows that the NIC's table holds")
    offload_functions = word("virtual functions that the NIC has")
    cache_entries = word("flows that the host's flow cache holds")
    frag_memory = word("fragments that wait may use: ipfrag_high_thresh", "bytes")
    frag_ns = word("a datagram may take to be whole: ipfrag_time", "ns")
    service_ns = word("of the application for each message", "ns")
    idle_exit_ns = word("an idle CPU takes to leave its idle state", "ns")


class Costs(Row):
    """What does not belong to one stage; names as in the cost profile (config/costs/)."""

    hardirq = word("an interrupt's handler", "ns")
    modify_cq = word("until another moderation profile is in use", "ns")
    softirq_entry = word("entering net_rx_action", "ns")
    napi_poll = word("one call of a poll function", "ns")
    ipi_send = word("sending an inter-processor interrupt", "ns")
    ipi_latency = word("until it arrives", "ns")
    ipi_handle = word("its handler", "ns")
    cache_penalty = word("an skb that another CPU worked on", "ns")
    remote_enqueue = word("queueing for another CPU", "ns")
    split_send = word("handing a frame to another CPU's backlog", "ns")
    split_receive = word("taking it there", "ns")
    wake_up = word("waking a thread", "ns")
    wake_latency = word("until it is runnable", "ns")
    context_switch = word("between threads", "ns")
    idle_switch = word("from a thread to the idle task, and to a thread that wakes", "ns")
    sched_granularity = word("how far a thread may get ahead", "ns")
    sched_sleeper_credit = word("of a thread that slept", "ns")
    softirq_time_limit = word("of __do_softirq", "ns")
    softirq_restarts = word("rounds of __do_softirq")
    skb_overhead = word("struct sk_buff and friends, added to a frame's length", "bytes")


class Stage(Row):
    """One stage of a chain.  Costs are [UDP and others, TCP]."""

    kind = word("NAPI, GRO_CELL, BACKLOG, DEFRAG, SOCKET, POLL or DENY")
    ifindex = word("of its device")
    position = word("in its chain")
    first_path = word("chain + 1 of frames whose flow is not in the host's flow cache; 0: no cache")
    frame = words(2, "a frame before GRO", "ns")
    frame_kib = words(2, "a KiB before GRO", "ns")
    alloc = words(2, "a frame's skb", "ns")
    gro = words(2, "a frame in GRO", "ns")
    complete = words(2, "an skb of several frames that leaves GRO", "ns")
    cell = words(2, "an skb in a gro_cell's GRO", "ns")
    skb = words(2, "an skb", "ns")
    segment = words(2, "a frame of the skb", "ns")
    skb_kib = words(2, "a KiB of the skb", "ns")


class Chain(Row):
    """Where the stages of a chain stand."""

    first = word("row of the first stage")
    denied = word("likewise, for flows that the operator's policy denies")
    fragments = word("likewise, for IP fragments; `first` where nothing reassembles them")
    low_path = word("chain + 1 of flows without priority; 0: the chain makes no difference")
    slow_path = word("chain + 1 of frames without an entry in the NIC's table; 0: there is none")


class RssEntry(Row):
    """An entry (bucket) of the RSS indirection table, and RSS++'s account of it."""

    queue = word("RX queue")
    load = word("frames since RSS++ last ran; while it plans, their share of a CPU's load")
    wanted = word("queue + 1 that it is to have; 0: the present one")
    tail = word("its queue is drained of its frames when the queue's head is here")
