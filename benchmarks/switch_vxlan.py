"""The VXLAN program under load: highest rate, latency at half of it, counters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from scapy.layers.inet import UDP
from scapy.packet import Raw

from benchmarks.switch_engines import Cores, Engine, Pinned
from benchmarks.switch_load import PROBE, Generator, Trial
from benchmarks.switch_search import attempt, highest, passes
from tests.p4.world import M1, M2, MAC, RED, World, from_m1, inner, mac_int
from tests.switch.harness import Port, Sandbox
from tests.switch.harness_client import SwitchClient

LATENCY_SECONDS = 2.0
OVERLOAD = 2  # times the highest rate


def frame(size: int) -> bytes:
    """A tenant's frame with `size` bytes of UDP payload, as its machine sends it."""
    whole = inner(1, MAC[2], size)
    whole[UDP].chksum = 0  # the payload changes from frame to frame
    whole[Raw].load = PROBE + bytes(size - len(PROBE))
    return from_m1(whole, RED)


def learn(client: SwitchClient) -> None:
    """Write the entry of the frames' source, as a controller does at the first digest of it.

    Without it each frame sends a digest, which no network does for more than a moment.
    """
    place = {"vni": RED, "mac": mac_int(MAC[1]), "port": M1, "vtep": 0}
    client.insert("smac", place, "known")


class Ports(NamedTuple):
    """What the program counted: frames from m1, and frames to m2."""

    received: int
    sent: int

    @classmethod
    def read(cls, client: SwitchClient) -> Ports:
        """Read the two counters."""
        return cls(client.counter("port_rx", M1).packets, client.counter("port_tx", M2).packets)


def alone(size: int) -> int:
    """The generator's own highest rate: over a veth pair without a switch."""
    with Sandbox(ports=1) as sandbox, sandbox.raw_socket(sandbox.ifname(1)) as near:
        generator = Generator(Port(1, near), sandbox.port(1), frame(size))
        found = highest(lambda rate: generator.run(rate, 0.5))
        generator.close()
    return found.best.rate if found.best else 0


def measure(engine: Engine, cores: Cores, seconds: float, size: int) -> dict[str, Any]:
    """Run one engine and return its figures; rates per second, latencies in microseconds."""
    with (
        Sandbox(ports=4) as sandbox,
        Pinned(engine, sandbox, cores.switch) as target,
        SwitchClient(target.address) as client,
    ):
        pushed = time.perf_counter()
        World(engine.target, sandbox, client).populate()
        learn(client)
        generator = Generator(sandbox.port(M1), sandbox.port(M2), frame(size))
        first_frame = time.perf_counter() - pushed
        target.settle()
        generator.run(1000, 0.2)  # compiles what is compiled at first use
        found = highest(lambda rate: generator.run(rate, seconds))
        if found.best is None:
            raise SystemExit(f"{engine.label}: loses frames at any rate")
        load = Load(generator, target, client)
        figures = {"first_frame_s": round(first_frame, 3), "rate": found.best.rate}
        figures |= {"generator_was_the_limit": found.limited}
        figures |= load.at_half(found.best.rate) | load.overloaded(found.best.rate)
        generator.close()
    return figures


class Load(NamedTuple):
    """A running switch with its generator and its controller."""

    generator: Generator
    target: Pinned
    client: SwitchClient

    def at_half(self, rate: int) -> dict[str, Any]:
        """Latency at half of `rate`, and whether each frame was counted at ingress and at egress.

        Needs a trial without loss; makes at most TRIES.
        """
        before: list[tuple[Ports, float]] = []

        def offer(at: int) -> Trial:
            before.append((Ports.read(self.client), self.target.cpu_seconds()))
            return self.generator.run(at, LATENCY_SECONDS)

        trial = attempt(offer, max(1, rate // 2))
        after, (counted, cpu) = Ports.read(self.client), before[-1]
        used = self.target.cpu_seconds() - cpu
        whole = passes(trial) and trial.arrived == trial.sent
        return {
            "half_rate": trial.rate,
            "p50_us": round(trial.percentile_us(50), 1),
            "p99_us": round(trial.percentile_us(99), 1),
            "per_cpu_second": round(trial.sent / used) if used else None,
            "counters_exact": whole
            and after.received - counted.received == trial.sent == after.sent - counted.sent,
        }

    def overloaded(self, rate: int) -> dict[str, Any]:
        """Whether exactly the frames that came out were counted as sent, in overload."""
        before = Ports.read(self.client)
        trial = self.generator.run(OVERLOAD * rate, 1.0)
        sent = Ports.read(self.client).sent - before.sent
        exact = sent == trial.arrived if trial.missed == 0 else None
        return {"overload_loss": round(trial.loss, 3), "counters_exact_in_overload": exact}


def lines(label: str, figures: dict[str, Any]) -> Iterator[str]:
    """One engine's figures for a reader."""
    limit = ", which the generator limits" if figures["generator_was_the_limit"] else ""
    yield f"{label:16} first frame {figures['first_frame_s']} s after the pipeline is pushed"
    yield f"{label:16} {figures['rate']:,} frames/s{limit}"
    yield (
        f"{label:16} at {figures['half_rate']:,} frames/s: latency p50 {figures['p50_us']:,} us, "
        f"p99 {figures['p99_us']:,} us; {figures['per_cpu_second'] or 0:,} per CPU second"
    )
    exact = {True: "exact", False: "WRONG", None: "not known"}
    yield (
        f"{label:16} counters {exact[figures['counters_exact']]}, in overload "
        f"({figures['overload_loss']:.0%} lost) {exact[figures['counters_exact_in_overload']]}"
    )
