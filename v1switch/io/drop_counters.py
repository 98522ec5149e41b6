"""Frames that the switch itself dropped, as opposed to those that the program drops."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DropCounters:
    """How many frames were dropped, and where.

    Attributes:
        unread: by port number, frames that came faster than the switch read them.
        refused: frames that an interface did not take (too long, its queue full, down).
        unsendable: frames for a port that does not exist.
        failed: frames lost to an error of the switch itself.
    """

    unread: dict[int, int]
    refused: int
    unsendable: int
    failed: int

    def __bool__(self) -> bool:
        """Whether any frame was dropped."""
        return any((*self.unread.values(), self.refused, self.unsendable, self.failed))

    def __str__(self) -> str:
        """The counters that are not 0, on one line."""
        ports = [f"port {port}: {count:,}" for port, count in self.unread.items() if count]
        parts = {
            f"not read in time ({', '.join(ports)})": sum(self.unread.values()),
            "not taken by an interface": self.refused,
            "for ports that do not exist": self.unsendable,
            "lost to errors of the switch": self.failed,
        }
        return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count) or "none"
