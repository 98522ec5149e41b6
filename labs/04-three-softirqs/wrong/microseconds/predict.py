"""Lab 4: what a receiver can take, from what its stages cost. ns are nanoseconds, 1e-9 s."""


def stage_costs(stages: list[dict], costs: dict[str, int]) -> list[int]:
    """For each stage: ns of CPU time that a packet needs there.

    A stage is a dict; stage["functions"] are the names of what is called in it, and costs[name] is
    ns for each call.
    """
    return [sum(costs[name] for name in stage["functions"]) for stage in stages]


def core_costs(stage_ns: list[int], cores: list[int], send_ns: int, receive_ns: int) -> dict:
    """For each core: ns of CPU time that a packet needs there, as {core: ns}.

    Stage i runs on cores[i].  Where the next stage runs on another core, a packet costs send_ns
    more on the core that sends it, and receive_ns more on the core that receives it.
    """
    found = dict.fromkeys(cores, 0)
    for stage, core in zip(stage_ns, cores):
        found[core] += stage
    for core, following in zip(cores, cores[1:]):
        if core != following:
            found[core] += send_ns
            found[following] += receive_ns
    return found


def saturation(core_ns: dict) -> float:
    """The most packets/s that the host can receive, from the result of core_costs()."""
    return 1e6 / max(core_ns.values())


def received(offered: float, core_ns: dict) -> float:
    """Packets/s that the host receives when `offered` packets/s come to it."""
    return min(offered, saturation(core_ns))


def busy_percent(offered: float, core_ns: dict) -> dict:
    """Percent of its time that each core works on packets, as {core: percent}."""
    rate = received(offered, core_ns)
    return {core: 100 * rate * ns / 1e9 for core, ns in core_ns.items()}


def packets_inside(measured: dict) -> float:
    """How many packets are in the host on average (Little's law), from a result of host.measure().

    measured has offered_pps, received_pps, and latency_us: µs that a received packet was inside.
    """
    return measured["received_pps"] * measured["latency_us"] / 1e6
