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
        refused: frames that the interface did not take (too long, its queue full, down).
    """

    port: int
    ifname: str
    up: bool
    received: int
    unread: int
    failed: int
    sent: int
    refused: int


@dataclass(frozen=True)
class Counters:
    """The counters of all interfaces.

    Attributes:
        interfaces: in the order of the command line.
        no_port: frames for a port that does not exist.
    """

    interfaces: tuple[InterfaceCounters, ...]
    no_port: int

    def lost(self) -> str:
        """Frames that were lost, on one line; empty if there are none."""
        unread = [f"port {each.port}: {each.unread:,}" for each in self.interfaces if each.unread]
        parts = {
            f"not read in time ({', '.join(unread)})": sum(each.unread for each in self.interfaces),
            "not taken by an interface": sum(each.refused for each in self.interfaces),
            "for ports that do not exist": self.no_port,
            "lost to errors of the switch": sum(each.failed for each in self.interfaces),
        }
        return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
