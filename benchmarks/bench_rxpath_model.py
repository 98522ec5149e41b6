"""Packets per second through the receive path's model, compared with the same queues in SimPy.

    python benchmarks/bench_rxpath_model.py [--packets N] [--simpy N] [--rounds N] [--json FILE]

Two measurements, both under the virtual clock with records off:

* the whole model: Docker's four stages on 40 CPUs, FALCON with all its parts and the order guard,
  GRO, 40 flows below saturation; at a quarter, half and all of the packets, with the memory that
  the run took beyond its trace; and at three times the load, with all 40 CPUs at work;
* a tandem of three queues with one server each, in the model (all costs 0 but the three services)
  and in SimPy, written in both usual ways: a process for each packet that requests three resources,
  and a process for each server between stores.  The departure times must be equal.

Times are CPU times, the best of some rounds, so that they depend less on other load.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simpy

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rxpath.config import costs  # noqa: E402
from rxpath.config.knobs import Knobs  # noqa: E402
from rxpath.drivers import virtual  # noqa: E402
from rxpath.host import Model  # noqa: E402
from rxpath.model.policy import Host, Packet  # noqa: E402
from rxpath.model.state import codes  # noqa: E402
from rxpath.policies.policy import of_function  # noqa: E402

FLOWS = 40
RATE = 1_200_000  # packets a model second: six FALCON CPUs carry it without loss
HIGH_RATE = 3_600_000  # so do eighteen
SLOTS = 4096
SERVICE = {"driver_poll": 400, "l4_rcv": 450, "recvmsg": 350}  # ns; the tandem's servers
GAP = 500  # ns between the tandem's arrivals, on average: the slowest server is busy 90%


def best(rounds: int, prepare: Callable[[], Any], work: Callable[[Any], Any]) -> tuple[float, Any]:
    """Least processor time of some rounds of `work`, and its last result."""
    times, result = [], None
    for _ in range(rounds):
        made = prepare()
        started = time.process_time()
        result = work(made)
        times.append(time.process_time() - started)
    return min(times), result


def traffic(host: Model, count: int, *, tcp: bool, rate: int = RATE) -> np.ndarray:
    """A Poisson stream of `FLOWS` flows with different hashes; every other one is TCP, or none."""
    rng = np.random.default_rng(1)
    flow = rng.integers(0, FLOWS, count)
    is_tcp = (flow % 2 == 1) & tcp
    seq = np.zeros(count, np.int64)
    for number in range(FLOWS):
        mine = np.flatnonzero(flow == number)
        seq[mine] = np.arange(len(mine)) * 1000 % 2**32
    return virtual.make_trace(
        np.cumsum(rng.exponential(1e9 / rate, count)).astype(np.int64),
        rss_hash=rng.integers(0, 2**32, FLOWS)[flow],
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        protocol=np.where(is_tcp, codes.TCP, codes.UDP),
        wire_len=np.where(is_tcp, 1104, 114),
        payload=np.where(is_tcp, 1000, 0),
        seq=np.where(is_tcp, seq, 0),
        tcp_flags=np.where(is_tcp, 0x10, 0),
    )


def whole() -> Model:
    """Four stages on 40 CPUs, all features on."""
    return Model(Knobs.parse({"policy": "falcon"}), slots=SLOTS, sockets=FLOWS, flows=FLOWS)


def wide() -> Model:
    """The same with work for each of the 40 CPUs."""
    knobs = {
        "policy": "falcon",
        "irq_cpus": list(range(4)),
        "falcon": {"cpus": list(range(4, 22)), "grosplit_cpus": list(range(22, 28))},
        "app_cpus": list(range(28, 40)),
    }
    return Model(Knobs.parse(knobs), slots=SLOTS, sockets=FLOWS, flows=FLOWS)


def drive(host: Model, trace: np.ndarray) -> Model:
    """Run a trace to its end."""
    for _ in virtual.run(host, trace):
        pass
    return host


def memory(key: str) -> int:
    """A figure of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def measure(
    count: int,
    rounds: int,
    *,
    tcp: bool = True,
    rate: int = RATE,
    make: Callable[[], Model] = whole,
) -> dict[str, float]:
    """Packets/s, what the run added to the process's memory, and the outcome of the packets."""
    trace = traffic(make(), count, tcp=tcp, rate=rate)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak [proc(5)]
    before = memory("VmRSS")
    seconds, host = best(rounds, make, lambda host: drive(host, trace))
    stats = host.stats()
    if stats["delivered"] != count or stats["reordered"]:
        raise SystemExit(f"bench: the load is too high: {stats['drops']}, {stats['reordered']}")
    return {
        "packets": count,
        "per_second": count / seconds,
        "grown_bytes": memory("VmHWM") - before,
        "merged": stats["falcon"].get("merged", 0),
    }


def split(packet: Packet, host: Host) -> tuple[int, int]:  # noqa: ARG001
    """The driver's half of the first stage stays on its CPU, the stack's goes to CPU 2."""
    return 2, codes.CHOICE_FIRST


def tandem() -> Model:
    """Three queues with one server each and nothing else that takes time.

    The servers are the driver on CPU 1, the stack behind CPU 2's backlog, and the thread that reads
    the socket on CPU 3.
    """
    nothing = {
        f"{name}.{amount}": 0
        for name in costs.load("xeon-silver-4114")
        for amount in ("ns", "ns_kib")
    }
    nothing.update({"softirq_time_limit.ns": costs.MOST, "softirq_restarts.ns": costs.MOST})
    knobs = {
        "profile": "host",
        "rx_usecs": 0,
        "napi_weight": 1,  # IPIs wait for the end of net_rx_action: one packet each
        "budget": 1,
        "irq_cpus": [1],
        "app_cpus": [3],
        "falcon": {"order": "none"},
        "cost_overrides": {**nothing, **{f"{name}.ns": ns for name, ns in SERVICE.items()}},
    }
    return Model(Knobs.parse(knobs), slots=SLOTS, sockets=1, flows=1, policy=of_function(split))


def departures(host: Model, trace: np.ndarray) -> np.ndarray:
    """When each packet left the tandem."""
    return np.concatenate([events["time"].copy() for events in virtual.run(host, trace)])


def by_resources(arrival: list[int]) -> list[int]:
    """The tandem in SimPy: each packet is a process and requests the servers in turn."""
    env, left = simpy.Environment(), []
    servers = [(simpy.Resource(env), ns) for ns in SERVICE.values()]

    def packet() -> Iterator[Any]:
        for server, ns in servers:
            with server.request() as turn:
                yield turn
                yield env.timeout(ns)
        left.append(env.now)

    def source() -> Iterator[Any]:
        for time_ in arrival:
            yield env.timeout(time_ - env.now)
            env.process(packet())

    env.process(source())
    env.run()
    return left


def by_stores(arrival: list[int]) -> list[int]:
    """The tandem in SimPy: each server is a process and takes packets out of a store."""
    env, left = simpy.Environment(), []
    stores = [simpy.Store(env) for _ in SERVICE]

    def server(number: int, ns: int) -> Iterator[Any]:
        while True:
            packet = yield stores[number].get()
            yield env.timeout(ns)
            if number + 1 < len(stores):
                stores[number + 1].put(packet)
            else:
                left.append(env.now)

    def source() -> Iterator[Any]:
        for number, time_ in enumerate(arrival):
            yield env.timeout(time_ - env.now)
            stores[0].put(number)

    for number, ns in enumerate(SERVICE.values()):
        env.process(server(number, ns))
    env.process(source())
    env.run()
    return left


def compare(count: int, simpy_count: int, rounds: int) -> dict[str, float]:
    """Packets/s of the tandem in the model and in SimPy; both must agree."""
    rng = np.random.default_rng(2)
    arrival = np.cumsum(rng.exponential(GAP, count)).astype(np.int64)
    trace = virtual.make_trace(arrival, chain=tandem().chain("plain"))
    seconds, times = best(rounds, tandem, lambda host: departures(host, trace))
    result = {"model": count / seconds}
    few = arrival[:simpy_count].tolist()
    for name, peer in (("resources", by_resources), ("stores", by_stores)):
        took, left = best(rounds, lambda: few, peer)
        if left != times[: len(few)].tolist():
            raise SystemExit(f"bench: SimPy's tandem of {name} departs at other times")
        result[name] = len(few) / took
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--simpy", type=int, default=20_000, help="packets of the SimPy models")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    started = time.monotonic()
    drive(whole(), traffic(whole(), 1000, tcp=True))
    print(f"kernels ready after {time.monotonic() - started:.1f} s", flush=True)
    sizes = [options.packets // 4, options.packets // 2, options.packets]
    mixed = [measure(count, options.rounds) for count in sizes]
    udp = measure(options.packets, options.rounds, tcp=False)
    high = measure(options.packets, options.rounds, rate=HIGH_RATE, make=wide)
    rows = [*(("UDP+TCP", one) for one in mixed), ("UDP", udp), ("UDP+TCP, 3 x the load", high)]
    for name, one in rows:
        print(
            f"model, {name:21} {one['packets']:>9,} packets: {one['per_second'] / 1e6:.2f} M/s,"
            f" memory +{one['grown_bytes'] / 2**20:.1f} MB"
        )
    linear = mixed[0]["per_second"] / mixed[-1]["per_second"]
    print(f"time a packet, all of them to a quarter: {linear:.2f}")
    queues = compare(options.packets, options.simpy, options.rounds)
    print(f"three queues, model: {queues['model'] / 1e6:.2f} M/s")
    for name in ("resources", "stores"):
        ratio = queues["model"] / queues[name]
        print(f"three queues, SimPy with {name}: {queues[name]:,.0f}/s, ratio {ratio:.0f}")
    if options.json:
        result = {"mixed": mixed, "udp": udp, "high": high, "three_queues": queues}
        Path(options.json).write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
