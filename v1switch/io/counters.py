"""What a running switch counts of its interfaces: frames in, frames out, and those it lost itself.

Frames that the P4 program drops are not among them; the program's own counters have those.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InterfaceCounters:
    """One port's counters since the switch started.

    Attributes:
        port: port number.
        ifname: network interface.
        up: whether the interface exists, is up and has a carrier.
        received: frames that came in and were read, or still wait to be.
        unread: frames that came in and found the socket's receive buffer full.
        failed: frames that were read and lost to an error of the switch.
        sent: frames that went out.
        refused: frames that the interface did not take (too long, the kernel's queue full, down).
        dropped: frames that found the port's queue full, between ingress and egress.
    """

    port: int
    ifname: str
    up: bool
    received: int
    unread: int
    failed: int
    sent: int
    refused: int
    dropped: int = 0


@dataclass(frozen=True)
class Counters:
    """The counters of all interfaces.

    Attributes:
        interfaces: in the order of the command line.
        no_port: frames for a port that does not exist.
        no_queue: frames of a priority that no queue has.
    """

    interfaces: tuple[InterfaceCounters, ...]
    no_port: int
    no_queue: int = 0

    def lost(self) -> str:
        """Frames that were lost, on one line; empty if there are none."""

        def by_port(what: str) -> str:
            counted = ((each.port, getattr(each, what)) for each in self.interfaces)
            return ", ".join(f"port {port}: {count:,}" for port, count in counted if count)

        parts = {
            f"not read in time ({by_port('unread')})": sum(e.unread for e in self.interfaces),
            f"dropped as a queue was full ({by_port('dropped')})": sum(
                each.dropped for each in self.interfaces
            ),
            "of a priority that no queue has": self.no_queue,
            "not taken by an interface": sum(each.refused for each in self.interfaces),
            "for ports that do not exist": self.no_port,
            "lost to errors of the switch": sum(each.failed for each in self.interfaces),
        }
        return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
