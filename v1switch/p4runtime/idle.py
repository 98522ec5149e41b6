"""Idle entries that are to be reported (specification 1.4, "Table Idle Timeout ...").

The data plane lists an entry once when its timeout has expired. The specification restarts the
timer after each report, so that an entry that stays idle is reported after every timeout.
"""

from __future__ import annotations

from v1switch.control.dataplane import Dataplane
from v1switch.errors import EntryNotFound, UnknownObject
from v1switch.state.entries import Key, TableEntry

Identity = tuple[str, Key, int]


class IdleWatch:
    """Finds idle entries of a data plane; records when each was last reported."""

    def __init__(self, plane: Dataplane) -> None:
        """Start with nothing reported."""
        self._plane = plane
        self._reported: dict[Identity, int] = {}

    def expired(self, now: int) -> list[tuple[str, TableEntry]]:
        """Return (table, entry) for all entries to be reported at `now` (ns)."""
        found = self._plane.idle_entries()
        for table, entry in found:
            self._reported[table, entry.key, entry.priority] = now
        for identity, reported in list(self._reported.items()):
            if reported != now:
                entry_or_none = self._still_idle(identity)
                if entry_or_none is None:
                    del self._reported[identity]
                elif now - reported >= entry_or_none.idle_timeout_ns:
                    self._reported[identity] = now
                    found.append((identity[0], entry_or_none))
        return found

    def _still_idle(self, identity: Identity) -> TableEntry | None:
        """Return the entry unless it was hit or deleted since, or lost its timeout."""
        try:
            entry = self._plane.entry(*identity)
            elapsed = self._plane.time_since_last_hit(*identity)
        except (EntryNotFound, UnknownObject):
            return None
        return entry if 0 < entry.idle_timeout_ns <= elapsed else None
