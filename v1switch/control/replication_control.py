"""Multicast groups and clone sessions."""

from __future__ import annotations

from v1switch.control.core import Core
from v1switch.state.entries import CloneSession, MulticastGroup


class ReplicationControl(Core):
    """Multicast groups and clone sessions; they need no program."""

    def insert_multicast_group(self, group: MulticastGroup) -> None:
        """Add a multicast group. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._gate.writer():
            self._record_undo(self.replication.insert_group(group))

    def modify_multicast_group(self, group: MulticastGroup) -> None:
        """Replace a group's replicas. Raises BadValue, EntryNotFound."""
        with self._gate.writer():
            self._record_undo(self.replication.modify_group(group))

    def delete_multicast_group(self, group_id: int) -> None:
        """Remove a group. Raises EntryNotFound."""
        with self._gate.writer():
            self._record_undo(self.replication.delete_group(group_id))

    def multicast_groups(self) -> list[MulticastGroup]:
        """All multicast groups."""
        with self._gate.writer():
            return list(self.replication.groups.values())

    def insert_clone_session(self, session: CloneSession) -> None:
        """Add a clone session. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._gate.writer():
            self._record_undo(self.replication.insert_session(session))

    def modify_clone_session(self, session: CloneSession) -> None:
        """Replace a clone session. Raises BadValue, EntryNotFound."""
        with self._gate.writer():
            self._record_undo(self.replication.modify_session(session))

    def delete_clone_session(self, session_id: int) -> None:
        """Remove a clone session. Raises EntryNotFound."""
        with self._gate.writer():
            self._record_undo(self.replication.delete_session(session_id))

    def clone_sessions(self) -> list[CloneSession]:
        """All clone sessions."""
        with self._gate.writer():
            return list(self.replication.sessions.values())
