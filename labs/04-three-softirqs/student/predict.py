"""Lab 4: what a receiver can take, from what its stages cost. ns are nanoseconds, 1e-9 s."""


def stage_costs(stages: list[dict], costs: dict[str, int]) -> list[int]:
    """For each stage: ns of CPU time that a packet needs there.

    A stage is a dict; stage["functions"] are the names of what is called in it, and costs[name] is
    ns for each call.
    """
    raise NotImplementedError("task 1: add up the costs of each stage's functions")


def core_costs(stage_ns: list[int], cores: list[int], send_ns: int, receive_ns: int) -> dict:
    """For each core: ns of CPU time that a packet needs there, as {core: ns}.

    Stage i runs on cores[i].  Where the next stage runs on another core, a packet costs send_ns
    more on the core that sends it, and receive_ns more on the core that receives it.
    """
    raise NotImplementedError("task 2: add each stage to its core; then what crossing costs")


def saturation(core_ns: dict) -> float:
    """The most packets/s that the host can receive, from the result of core_costs()."""
    raise NotImplementedError("task 2: which core is the first one to be busy all the time?")


def received(offered: float, core_ns: dict) -> float:
    """Packets/s that the host receives when `offered` packets/s come to it."""
    raise NotImplementedError("task 3: all of them, up to a limit")


def busy_percent(offered: float, core_ns: dict) -> dict:
    """Percent of its time that each core works on packets, as {core: percent}."""
    raise NotImplementedError("task 3: utilisation = rate of packets * time of a packet")


def packets_inside(measured: dict) -> float:
    """How many packets are in the host on average (Little's law), from a result of host.measure().

    measured has offered_pps, received_pps, and latency_us: µs that a received packet was inside.
    """
    raise NotImplementedError("task 5: L = lambda * W; mind the units, and which rate it is")
