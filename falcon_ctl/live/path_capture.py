"""Captures of TCP frames along their path, and what they prove about order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from falcon_ctl.capture import tcp_order
from falcon_ctl.capture.tap import Tap
from falcon_ctl.capture.tcp_order import Point, Segment
from falcon_ctl.capture.trace import Passage
from falcon_ctl.live.counting import CONTAINER_INTERFACE
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.traffic.flows import Flow


@dataclass(frozen=True)
class PathCapture:
    """Running captures: what sources send, what their machines receive, what targets receive.

    Between the first two there is only this computer's kernel, no part of the testbed.
    """

    wires: Sequence[Tap]
    entries: Sequence[Tap]
    targets: Sequence[Tap]

    @classmethod
    def start(cls, testbed: Testbed, stack: ExitStack, flows: Sequence[Flow]) -> PathCapture:
        """Capture until `stack` is closed."""

        def tap(node: str, interface: str, outgoing: bool = False) -> Tap:
            return stack.enter_context(testbed.tap(node, interface, outgoing))

        sources = [testbed.container(name) for name in sorted({f.source.name for f in flows})]
        targets = sorted({f.target.name for f in flows})
        return cls(
            wires=[tap(source.name, CONTAINER_INTERFACE, outgoing=True) for source in sources],
            entries=[tap(source.machine, source.ifname) for source in sources],
            targets=[tap(target, CONTAINER_INTERFACE) for target in targets],
        )

    @property
    def frames(self) -> int:
        """How many frames both ends have captured so far."""
        return sum(len(tap.packets) for tap in (*self.wires, *self.targets))

    def path(self, flows: Sequence[Flow], machine: str, arrivals: Sequence[Passage]) -> Path:
        """The path of `flows` to `machine`, whose NIC got `arrivals`; after the captures ended."""
        ports = {flow.source_port for flow in flows}

        def seen(taps: Sequence[Tap]) -> list[Segment]:
            return [s for tap in taps for s in tcp_order.segments(tap.packets, ports)]

        nic = tcp_order.arrived((passage.frame for passage in arrivals), ports)
        lost = {
            tap.interface: tap.lost
            for tap in (*self.wires, *self.entries, *self.targets)
            if tap.lost
        }
        return Path(
            Point("container", seen(self.wires)),
            Point("its machine", seen(self.entries)),
            Point(f"NIC of {machine}", nic),
            Point("target", seen(self.targets)),
            lost,
        )


@dataclass(frozen=True)
class Path:
    """TCP frames at each point of their path; `lost`: frames that captures missed, by interface."""

    wire: Point
    entry: Point
    nic: Point
    target: Point
    lost: dict[str, int]

    @property
    def reordered(self) -> int:
        """Reordered frames (RFC 4737) between the sender's wire and the receiver."""
        return tcp_order.reordered(self.wire.segments, self.target.segments)

    @property
    def swaps(self) -> dict[str, int]:
        """Between which points frames changed places, and how many."""
        return tcp_order.swaps([self.wire, self.entry, self.nic, self.target])

    @property
    def flaw(self) -> str:
        """Why this computer invalidated the run; "" when it did not.

        A veth queues a frame on the CPU that sends it (net/core/dev.c, netif_rx), so a connection
        that sends from two CPUs, a thread's and that of an acknowledgement, may overtake itself.
        """
        found = [f"capture of {name} lost {count} frames" for name, count in self.lost.items()]
        if swapped := tcp_order.reordered(self.wire.segments, self.entry.segments):
            found.append(f"this computer's kernel reordered {swapped} frames behind the container")
        return "; ".join(found)
