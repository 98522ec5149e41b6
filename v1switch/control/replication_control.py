"""Multicast groups and clone sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from v1switch.control.core import Core
from v1switch.state.entries import CloneSession, MulticastGroup
from v1switch.state.nodes import Node, Nodes
from v1switch.state.replication import Mirror, Replication


class ReplicationControl(Core):
    """Multicast groups and clone sessions; they need no program."""

    @contextmanager
    def _replicating(self) -> Iterator[Replication]:
        """Hold the lock for a change, which the transaction that runs, if any, can undo."""
        with self._lock.writer():
            if self._undo is not None:
                self._record_undo(self.replication.snapshot())
            yield self.replication

    # -- multicast groups -------------------------------------------------------------------------

    def insert_multicast_group(self, group: MulticastGroup) -> None:
        """Add a multicast group. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._replicating() as replication:
            replication.insert_group(group)

    def modify_multicast_group(self, group: MulticastGroup) -> None:
        """Replace a group's replicas. Raises BadValue, EntryNotFound."""
        with self._replicating() as replication:
            replication.modify_group(group)

    def delete_multicast_group(self, group_id: int) -> None:
        """Remove a group with its nodes. Raises EntryNotFound."""
        with self._replicating() as replication:
            replication.delete_group(group_id)

    def disband_multicast_group(self, group_id: int) -> None:
        """Remove a group; its nodes live on without one. Raises EntryNotFound."""
        with self._replicating() as replication:
            replication.disband_group(group_id)

    def multicast_groups(self) -> list[MulticastGroup]:
        """All multicast groups."""
        with self._lock.writer():
            return list(self.replication.groups.values())

    # -- their nodes, as BMv2 has them ------------------------------------------------------------

    def create_node(self, node: Node) -> int:
        """Add a node that is in no group; returns its handle. Raises BadValue."""
        with self._replicating() as replication:
            return replication.create_node(node)

    def update_node(self, handle: int, ports: tuple[int, ...], lags: tuple[int, ...] = ()) -> None:
        """Give a node other ports and LAGs. Raises BadValue, UnknownHandle."""
        with self._replicating() as replication:
            replication.update_node(handle, ports, lags)

    def destroy_node(self, handle: int) -> None:
        """Remove a node, from its group as well. Raises UnknownHandle."""
        with self._replicating() as replication:
            replication.destroy_node(handle)

    def associate_node(self, group_id: int, handle: int) -> None:
        """Put a node into a group. Raises UnknownHandle, EntryNotFound, BadValue (it is in one)."""
        with self._replicating() as replication:
            replication.associate_node(group_id, handle)

    def dissociate_node(self, group_id: int, handle: int) -> None:
        """Take a node out of a group. Raises UnknownHandle, EntryNotFound, BadValue."""
        with self._replicating() as replication:
            replication.dissociate_node(group_id, handle)

    def set_lag(self, lag: int, ports: tuple[int, ...]) -> None:
        """Set the ports of a link aggregation group. Raises BadValue."""
        with self._replicating() as replication:
            replication.set_lag(lag, ports)

    def nodes(self) -> Nodes:
        """A copy of all nodes, with the groups that they are in."""
        with self._lock.writer():
            return self.replication.nodes.copy()

    # -- clone sessions ---------------------------------------------------------------------------

    def insert_clone_session(self, session: CloneSession) -> None:
        """Add a clone session. Raises BadValue (id, replicas), DuplicateEntry."""
        with self._replicating() as replication:
            replication.insert_session(session)

    def modify_clone_session(self, session: CloneSession) -> None:
        """Replace a clone session. Raises BadValue, EntryNotFound."""
        with self._replicating() as replication:
            replication.modify_session(session)

    def delete_clone_session(self, session_id: int) -> None:
        """Remove a clone session. Raises EntryNotFound."""
        with self._replicating() as replication:
            replication.delete_session(session_id)

    def mirror(self, session_id: int, mirror: Mirror) -> None:
        """Make or replace a clone session that copies to a port or follows a group.

        Raises BadValue.
        """
        with self._replicating() as replication:
            replication.mirror(session_id, mirror)

    def mirror_of(self, session_id: int) -> Mirror:
        """Where a session copies to, as BMv2 has it. Raises EntryNotFound."""
        with self._lock.writer():
            return self.replication.mirror_of(session_id)

    def clone_sessions(self) -> list[CloneSession]:
        """All clone sessions."""
        with self._lock.writer():
            return list(self.replication.sessions.values())
