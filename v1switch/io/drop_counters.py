"""Frames that did not get through the switch, apart from those that the program drops."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Losses:
    """How many frames were lost, and where.

    Attributes:
        unread: by port number: came faster than the switch read them.
        refused: an interface did not take them (too long, its queue full, down).
        unsendable: for a port that does not exist.
        failed: lost to an error of this program itself.
    """

    unread: dict[int, int]
    refused: int
    unsendable: int
    failed: int

    def __bool__(self) -> bool:
        """Whether any was lost."""
        return any((*self.unread.values(), self.refused, self.unsendable, self.failed))

    def __str__(self) -> str:
        """Say what there is to say, on one line."""
        ports = [f"port {port}: {count:,}" for port, count in self.unread.items() if count]
        parts = {
            f"not read in time ({', '.join(ports)})": sum(self.unread.values()),
            "not taken by an interface": self.refused,
            "for ports that do not exist": self.unsendable,
            "lost to errors of the switch": self.failed,
        }
        return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count) or "none"
