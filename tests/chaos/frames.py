"""Hostile frames through a running network: each is accounted for, none crosses to another tenant.

    python -m tests.chaos.frames --frames 1000000 --seed 1

Frames are sent by a container, by a machine to its switch, and by a switch to a machine. Exit
status 1 when a promise was broken.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.live import udp
from falcon_ctl.live.plan import DILATION
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.flows import Endpoint, Flow
from falcon_ctl.traffic.load import Load
from tests.chaos import hostile
from tests.topo.driver import network_up

CHUNK = 10_000  # frames that any part's socket holds
SETTLED, PATIENCE = 0.1, 60.0  # s without a change, and how long to wait for that
UPLINK_LONGEST, CONTAINER_LONGEST = 1614, 1514  # MTU and Ethernet header
GOOD_FRAMES = 60


@dataclass
class Findings:
    """Broken promises, and what became of the frames."""

    problems: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:
        """Note a problem unless a promise holds."""
        if not holds:
            self.problems.append(problem)


@dataclass(frozen=True)
class Source:
    """Where hostile frames enter, and of which good frames they are made."""

    name: str
    node: str
    interface: str
    good: Sequence[bytes]
    longest: int


def main() -> int:
    """Send, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.frames")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with opened() as testbed:
        found = attack(testbed, options.seed, options.frames)
    print("\n".join(found.rows))
    print("\n".join(f"BROKEN: {problem}" for problem in found.problems))
    print(f"{options.frames} hostile frames, {len(found.problems)} promises broken")
    return 1 if found.problems else 0


@contextmanager
def opened() -> Iterator[Testbed]:
    """The network `pair`, provisioned."""
    with (
        network_up("pair", "--switch", "v1switch") as topo,
        topo.network() as network,
        Testbed.open(network) as testbed,
    ):
        testbed.controller.push_pipelines()
        testbed.use(OVERLAY, dilation=1)
        yield testbed


def attack(testbed: Testbed, seed: int, count: int) -> Findings:
    """`count` frames from all sources in turn; then the network has to work as before."""
    found = Findings()
    before = _parts(testbed)
    sources = _sources(testbed)
    for number, source in enumerate(sources):
        share = count // len(sources) + (number < count % len(sources))
        _send(testbed, source, seed + number, share, found)
    found.expect(_parts(testbed) == before, "a part of the network was started anew")
    for host in testbed.hosts.values():
        host.reset()
    good = udp.run(testbed, OVERLAY, _good(testbed)).measurement
    found.rows.append(f"afterwards: {good.delivered} of {good.sent} good frames delivered")
    found.expect(
        (good.delivered, good.reordered) == (GOOD_FRAMES, 0),
        f"after the attack: {good.delivered} of {good.sent} delivered, {dict(good.drops)}",
    )
    return found


def _sources(testbed: Testbed) -> list[Source]:
    one, other = testbed.endpoint("red1-1"), testbed.endpoint("red2-1")
    frame = hostile.plain(one, other)
    m1, m2 = (next(m for m in testbed.topology.machines if m.name == name) for name in ("m1", "m2"))
    ends = Endpoint("m1", m1.mac, str(m1.vtep)), Endpoint("m2", m2.mac, str(m2.vtep))
    wire = [hostile.tagged(frame), hostile.tunnelled(frame, ends)]
    wire += [hostile.tunnelled(hostile.tunnelled(frame, ends), ends), frame]
    return [
        Source("container red1-1", "red1-1", "eth0", [frame], CONTAINER_LONGEST),
        Source("machine m1", "m1", "m1-up", wire, UPLINK_LONGEST),
        Source("switch s1", "s1", "s1-eth2", wire, UPLINK_LONGEST),
    ]


def _send(testbed: Testbed, source: Source, seed: int, count: int, found: Findings) -> None:
    """Send from one source, no faster than the parts keep up, and check all counters."""
    for host in testbed.hosts.values():
        host.reset()
    before, start = _counters(testbed), time.monotonic()
    frames = hostile.frames(seed, count, source.good, source.longest)
    with testbed.socket(source.node, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((source.interface, 0))
        for number, frame in enumerate(frames):
            sock.send(frame)
            if number % CHUNK == CHUNK - 1:
                _settle(testbed)
    _settle(testbed)
    testbed.watch.check()
    now = _counters(testbed)
    _judge(testbed, source, count, {key: now[key] - before[key] for key in now}, found)
    rate = count / max(1e-9, time.monotonic() - start)
    found.rows.append(f"{source.name}: {count} frames, {rate:,.0f} a second")


def _judge(
    testbed: Testbed, source: Source, count: int, change: dict[str, int], found: Findings
) -> None:
    """What each part counted must be what the kernel gave it, and add up."""

    def equal(what: str, one: int, other: int) -> None:
        found.expect(one == other, f"{source.name}: {what}: {one} and {other}")

    behind = {"eth0": "m1 m1-red1-1", "m1-up": "s1 s1-eth1", "s1-eth2": "m2 m2-up"}
    equal("frames sent and arrived", count, change[f"{behind[source.interface]} rx"])
    for port, name in testbed.topology.interfaces("s1").items():
        seen = change[f"s1:{port} port_rx"] + change[f"s1:{port} socket"]
        equal(f"{name} got and the program counted, or the switch missed",
              change[f"s1 {name} rx"], seen)  # fmt: skip
        equal(f"errors at port {port}", change[f"s1:{port} errors"], 0)
    for name, host in testbed.hosts.items():
        stats = host.stats()
        equal(f"{name}'s uplink got and rxpath read or missed", change[f"{name} {name}-up rx"],
              stats["rx"])  # fmt: skip
        into = stats["rx"] + stats["copies"] + stats["carried"]
        out = stats["delivered"] + sum(stats["drops"].values()) + stats["queued"]
        equal(f"{name}: came in and left", into, out)
        sent = sum(change[f"{name} {c.ifname} rx"] for c in testbed.topology.containers_of(name))
        equal(f"{name}: containers sent and rxpath read or missed", sent,
              stats["tx"] + stats["tx_drops"]["afpacket"])  # fmt: skip
    if source.node == "red1-1":
        for container in testbed.topology.containers:
            if container.tenant != "red":
                equal(f"{container.name} got", change[f"{container.name} eth0 rx"], 0)


def _counters(testbed: Testbed) -> dict[str, int]:
    """Every counter along the paths, by name."""
    found: dict[str, int] = {}
    for node in testbed.topology.node_names:
        found |= {
            f"{node} {name} rx": link.rx_packets for name, link in testbed.links(node).items()
        }
    ports = list(testbed.topology.interfaces("s1"))
    counted = testbed.controller.switches["s1"].packets({"port_rx": ports})["port_rx"]
    found |= {f"s1:{port} port_rx": counted[port] for port in ports}
    for (port, what), number in testbed.ports("s1").items():
        found[f"s1:{port} {what}"] = number
    return found


def _settle(testbed: Testbed) -> None:
    """Wait until nothing moves any more."""

    def state() -> Any:
        stats = [host.stats() for host in testbed.hosts.values()]
        return _counters(testbed), [(s["rx"], s["tx"], s["delivered"], s["queued"]) for s in stats]

    _until_constant(state)


def _until_constant(state: Callable[[], Any]) -> None:
    end, last, since = time.monotonic() + PATIENCE, state(), time.monotonic()
    while time.monotonic() - since < SETTLED:
        time.sleep(SETTLED / 5)
        if (now := state()) != last:
            last, since = now, time.monotonic()
        if time.monotonic() > end:
            raise AssertionError(f"frames still move after {PATIENCE:g} s")


def _parts(testbed: Testbed) -> dict[str, int]:
    """Process numbers of all parts."""
    status = testbed.network.status()
    return {part.name: part.pid for part in (*status.switches, *status.machines)}


def _good(testbed: Testbed) -> Load:
    flow = Flow(0, testbed.endpoint("red1-1"), testbed.endpoint("red2-1"), 40_000, 7000)
    return Load("good", [flow], [schedule.constant(300, GOOD_FRAMES / 300)], DILATION)


if __name__ == "__main__":
    os.environ.pop("FALCON_RUN_DIR", None)
    sys.exit(main())
