"""Multicast groups and clone sessions: the replication engine's tables."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import TypeVar

from v1switch.errors import BadValue, DuplicateEntry, EntryNotFound
from v1switch.state.entries import CloneSession, MulticastGroup, Replica
from v1switch.state.words import address, zeros

MAX_CLONE_SESSION = (1 << 15) - 1  # simple_switch keeps session ids in 15 bits (register_access.h)
MAX_MULTICAST_GROUP = (1 << 15) - 1  # BMv2 uses ids from 2**15 on for clone sessions
MAX_PORT = 0xFFFF
MAX_INSTANCE = 0xFFFF

# Words of a group or session, for machine code; port and instance of each replica follow
REPLICAS, LIMIT = 0, 1  # how many replicas; bytes that copies are cut to, 0 for no limit

Undo = Callable[[], None]


def _check_replicas(what: str, replicas: Iterable[Replica]) -> None:
    seen = set()
    for replica in replicas:
        if not 0 <= replica.port <= MAX_PORT:
            raise BadValue(what, f"port {replica.port} outside 0..{MAX_PORT}")
        if not 0 <= replica.instance <= MAX_INSTANCE:
            raise BadValue(what, f"instance {replica.instance} outside 0..{MAX_INSTANCE}")
        if replica in seen:
            raise BadValue(what, f"replica {replica.port}/{replica.instance} appears twice")
        seen.add(replica)


Owner = TypeVar("Owner", bound="MulticastGroup | CloneSession")


class Directory(dict[int, Owner]):
    """Groups or sessions by id, and the same as words for machine code.

    Attributes:
        words: by id the address of its words (see REPLICAS), 0 for none.
    """

    def __init__(self, size: int) -> None:
        """Make an empty one for ids below `size`."""
        super().__init__()
        self.words = zeros(size)
        self._replicas: dict[int, array[int]] = {}

    def __setitem__(self, number: int, owner: Owner) -> None:
        super().__setitem__(number, owner)
        flat = (part for replica in owner.replicas for part in (replica.port, replica.instance))
        limit = owner.packet_length_bytes if isinstance(owner, CloneSession) else 0
        self._replicas[number] = array("q", [len(owner.replicas), limit, *flat])
        self.words[number] = address(self._replicas[number])

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        self.words[number] = 0
        del self._replicas[number]

    def clear(self) -> None:
        """Remove all."""
        for number in list(self):
            del self[number]


class Replication:
    """All groups and sessions; each change returns a function that undoes it."""

    def __init__(self) -> None:
        """Start empty."""
        self.groups: Directory[MulticastGroup] = Directory(MAX_MULTICAST_GROUP + 1)
        self.sessions: Directory[CloneSession] = Directory(MAX_CLONE_SESSION + 1)

    def clear(self) -> None:
        """Remove all groups and sessions."""
        self.groups.clear()
        self.sessions.clear()

    @staticmethod
    def _check_group(group: MulticastGroup) -> None:
        what = f"multicast group {group.group_id}"
        if not 1 <= group.group_id <= MAX_MULTICAST_GROUP:
            raise BadValue(what, f"id outside 1..{MAX_MULTICAST_GROUP}")
        _check_replicas(what, group.replicas)

    def insert_group(self, group: MulticastGroup) -> Undo:
        """Add a group; raises BadValue, DuplicateEntry."""
        self._check_group(group)
        if group.group_id in self.groups:
            raise DuplicateEntry("multicast group", group.group_id)
        self.groups[group.group_id] = group
        return lambda: self.groups.__delitem__(group.group_id)

    def modify_group(self, group: MulticastGroup) -> Undo:
        """Replace a group; raises BadValue, EntryNotFound."""
        self._check_group(group)
        before = self.groups.get(group.group_id)
        if before is None:
            raise EntryNotFound("multicast group", group.group_id)
        self.groups[group.group_id] = group
        return lambda: self.groups.__setitem__(group.group_id, before)

    def delete_group(self, group_id: int) -> Undo:
        """Remove a group; raises EntryNotFound."""
        before = self.groups.get(group_id)
        if before is None:
            raise EntryNotFound("multicast group", group_id)
        del self.groups[group_id]
        return lambda: self.groups.__setitem__(group_id, before)

    @staticmethod
    def _check_session(session: CloneSession) -> None:
        what = f"clone session {session.session_id}"
        if not 0 <= session.session_id <= MAX_CLONE_SESSION:
            raise BadValue(what, f"id outside 0..{MAX_CLONE_SESSION}")
        if session.packet_length_bytes < 0:
            raise BadValue(what, "packet length below 0")
        _check_replicas(what, session.replicas)

    def insert_session(self, session: CloneSession) -> Undo:
        """Add a session; raises BadValue, DuplicateEntry."""
        self._check_session(session)
        if session.session_id in self.sessions:
            raise DuplicateEntry("clone session", session.session_id)
        self.sessions[session.session_id] = session
        return lambda: self.sessions.__delitem__(session.session_id)

    def modify_session(self, session: CloneSession) -> Undo:
        """Replace a session; raises BadValue, EntryNotFound."""
        self._check_session(session)
        before = self.sessions.get(session.session_id)
        if before is None:
            raise EntryNotFound("clone session", session.session_id)
        self.sessions[session.session_id] = session
        return lambda: self.sessions.__setitem__(session.session_id, before)

    def delete_session(self, session_id: int) -> Undo:
        """Remove a session; raises EntryNotFound."""
        before = self.sessions.get(session_id)
        if before is None:
            raise EntryNotFound("clone session", session_id)
        del self.sessions[session_id]
        return lambda: self.sessions.__setitem__(session_id, before)
