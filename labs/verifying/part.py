"""What was verified of a lab, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Part:
    """A part of a lab: `what` was done, the `problems` that were found, the `notes` on it."""

    what: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
