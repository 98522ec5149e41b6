"""The model's queues against the closed forms of queueing theory.

How many packets: over n packets the mean wait of an M/M/1 queue has the variance
rho (2 + 5 rho - 4 rho^2 + rho^3) / ((1 - rho)^4 n) in units of the service time (Daley 1968).  With
`packets` three standard deviations of it are 1 % of the mean; the other queues here vary less (the
deterministic ones so much that half of them do).
"""

from __future__ import annotations

import numpy as np
import pytest
from pure_queues import (
    BACKLOG,
    CELL,
    PER_BYTE,
    RING,
    SOCKET,
    latencies,
    lindley,
    poisson,
    queues,
    utilisation,
)

from rxpath.model.state import codes

pytestmark = pytest.mark.slow

RHO = [0.5, 0.7]
MEAN = 10_000  # ns of a service; as bytes of a frame so many that rounding does not matter
BLOCK = 400_000  # packets of a run
TOLERANCE = 0.01


def within(value):
    return pytest.approx(value, rel=TOLERANCE)


def packets(rho):
    relative = (2 + 5 * rho - 4 * rho**2 + rho**3) / (rho * (1 - rho) ** 2)
    return int(relative * (3 / TOLERANCE) ** 2)


def means(rho, block, less=1):
    """Averages of what `block(rng)` gives, over runs of `BLOCK` packets with seeds of their own."""
    seeds = range(-(-packets(rho) // (less * BLOCK)))
    return np.mean([block(np.random.default_rng(seed)) for seed in seeds], axis=0)


def exponential(rng):
    return np.ceil(rng.exponential(MEAN, BLOCK)).astype(np.int64)


def m_m_1(rho):
    """Mean wait, services."""
    return rho / (1 - rho)


def m_d_1(rho):
    return rho / (2 * (1 - rho))


@pytest.mark.parametrize(
    ("server", "rho"), [(RING, 0.5), (CELL, 0.5), (BACKLOG, 0.7), (SOCKET, 0.5)]
)
def test_m_m_1(server, rho):
    def block(rng):
        host, service = queues(**{server: {"ns_kib": PER_BYTE}}), exponential(rng)
        wait = latencies(host, poisson(rng, MEAN / rho, BLOCK), wire_len=service) - service
        return wait.mean(), utilisation(host, server)

    wait, busy = means(rho, block)
    assert wait == within(m_m_1(rho) * MEAN)
    assert busy == within(rho)


@pytest.mark.parametrize(
    ("server", "rho"), [(RING, 0.7), (CELL, 0.5), (BACKLOG, 0.5), (SOCKET, 0.7)]
)
def test_m_d_1(server, rho):
    def block(rng):
        host = queues(**{server: {"ns": MEAN}})
        wait = latencies(host, poisson(rng, MEAN / rho, BLOCK)) - MEAN
        return wait.mean(), utilisation(host, server)

    wait, busy = means(0.5, block, less=2)
    assert wait == within(m_d_1(rho) * MEAN)
    assert busy == within(rho)


def test_m_g_1_with_two_services_is_pollaczek_and_khinchine_s():
    rho = 0.5
    short, long, share = MEAN // 2, 3 * MEAN, 0.2  # one packet in five takes long: it is TCP

    def block(rng):
        host = queues(**{BACKLOG: {"udp": short, "tcp": long}})
        tcp = rng.random(BLOCK) < share
        protocol, service = np.where(tcp, codes.TCP, codes.UDP), np.where(tcp, long, short)
        return (
            latencies(host, poisson(rng, mean / rho, BLOCK), protocol=protocol) - service
        ).mean()

    mean = share * long + (1 - share) * short
    square = share * long**2 + (1 - share) * short**2
    assert means(rho, block) == within(rho / mean * square / (2 * (1 - rho)))


@pytest.mark.parametrize(
    ("services", "slowest"),
    [
        ((10_000, 9_000, 10_000), 10_000),  # behind the slowest nobody waits
        ((6_000, 8_000, 10_000), 10_000),  # together they wait as at the slowest alone
        ((5_000, 10_000, 7_000), 10_000),
    ],
)
@pytest.mark.parametrize("rho", RHO)
def test_a_tandem_of_deterministic_servers_waits_as_its_slowest_alone(services, slowest, rho):
    servers = (RING, CELL, BACKLOG)

    def block(rng):
        host = queues(**{name: {"ns": ns} for name, ns in zip(servers, services, strict=True)})
        wait = latencies(host, poisson(rng, slowest / rho, BLOCK)) - sum(services)
        return wait.mean(), *(utilisation(host, server) for server in servers)

    wait, *busy = means(0.5, block, less=2)
    assert wait == within(m_d_1(rho) * slowest)
    assert busy == [within(rho * ns / slowest) for ns in services]


def test_behind_an_m_m_1_queue_arrivals_are_poisson_again():
    """Burke 1956: so a deterministic server behind it is an M/D/1 queue."""
    rho = 0.5

    def block(rng):
        host, service = (
            queues(**{RING: {"ns_kib": PER_BYTE}, SOCKET: {"ns": MEAN}}),
            exponential(rng),
        )
        sojourn = latencies(host, poisson(rng, MEAN / rho, BLOCK), wire_len=service)
        return (sojourn - service - MEAN).mean()

    assert means(rho, block) == within((m_m_1(rho) + m_d_1(rho)) * MEAN)


def test_a_chain_of_four_queues_is_lindley_s_recursion_to_the_nanosecond():
    rng = np.random.default_rng(4)
    arrival = np.cumsum(rng.integers(0, 3000, 100_000))  # many at one time
    size = rng.integers(1, 2500, len(arrival))
    amounts = {RING: 700, CELL: 1200, BACKLOG: 1024, SOCKET: 1100}  # ns for 1024 bytes
    host = queues(**{name: {"ns_kib": ns} for name, ns in amounts.items()})
    time = arrival
    for ns in amounts.values():
        time = lindley(time, size * ns // 1024)
    assert np.array_equal(latencies(host, arrival, wire_len=size), time - arrival)
