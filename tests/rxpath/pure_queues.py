"""The model as pure queues: all costs 0 but the servers', each server on a CPU of its own."""

from __future__ import annotations

import numpy as np

from rxpath.config import costs
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.model.policy import Host, Packet
from rxpath.model.state import codes
from rxpath.policies.policy import of_function

# The servers: a cost of each of docker's stages, and the CPU that `pipeline` gives the stage.
RING, CELL, BACKLOG, SOCKET = "driver_poll", "br_handle_frame", "l4_rcv", "copy_to_user"
CPU = {RING: 1, CELL: codes.GRO_CELL, BACKLOG: codes.BACKLOG, SOCKET: 6}
PER_BYTE = 1024  # as ns_kib: 1 ns a byte, so that a frame's length is its service time

WIDE = {"ring": 65_536, "max_backlog": 1_000_000, "rcvbuf": 2**31 - 1, "gro": False}


def pipeline(packet: Packet, host: Host) -> tuple[int, int]:
    if packet.stage == codes.SPLIT:
        return packet.here, 0
    return packet.stage, 1


def queues(**amounts: dict) -> Model:
    """Servers by name, each with its cost: ``queues(l4_rcv={"ns": 500})``."""
    limits = ("softirq_time_limit", "softirq_restarts")
    names = [name for name in costs.load("xeon-silver-4114") if name not in limits]
    overrides = {f"{name}.{amount}": 0 for name in names for amount in ("ns", "ns_kib")}
    for name, amount in amounts.items():
        overrides |= {f"{name}.{key}": value for key, value in amount.items()}
    knobs = {
        **WIDE,
        "rx_usecs": 0,
        "napi_weight": 1,  # IPIs wait for the end of net_rx_action: one packet each
        "budget": 1,
        "irq_cpus": [CPU[RING]],
        "app_cpus": [CPU[SOCKET]],
        "cost_overrides": overrides,
    }
    return Model(Knobs.parse(knobs), slots=8192, sockets=1, flows=1, policy=of_function(pipeline))


def poisson(rng: np.random.Generator, gap: float, count: int) -> np.ndarray:
    return np.cumsum(rng.exponential(gap, count)).astype(np.int64)


def latencies(host: Model, arrival: np.ndarray, **columns) -> np.ndarray:
    """Of each packet, ns; the queues keep their order and lose nothing."""
    trace = virtual.make_trace(arrival, chain=host.chain("tunnel"), **columns)
    parts = [events["latency"].copy() for events in virtual.run(host, trace)]
    found = np.concatenate(parts)
    assert host.stats()["delivered"] == len(found) == len(arrival)
    assert host.stats()["reordered"] == 0
    return found


def utilisation(host: Model, server: str) -> float:
    stats = host.stats()
    return sum(stats["busy_ns"][CPU[server]].values()) / stats["clock_ns"]


def lindley(arrival: np.ndarray, service: np.ndarray) -> np.ndarray:
    """Departures of one server, first come, first served: D = max(A, D before) + S."""
    done = np.cumsum(service)
    return np.maximum.accumulate(arrival - done + service) + done
