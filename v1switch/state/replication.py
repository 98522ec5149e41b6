"""Multicast groups and clone sessions: the replication engine's tables."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from v1switch.errors import BadValue, DuplicateEntry, EntryNotFound
from v1switch.state.entries import CloneSession, MulticastGroup, Replica
from v1switch.state.nodes import Node, Nodes
from v1switch.state.words import address, zeros

MAX_CLONE_SESSION = (1 << 15) - 1  # simple_switch keeps session ids in 15 bits (register_access.h)
MAX_MULTICAST_GROUP = (1 << 15) - 1  # BMv2 uses ids from 2**15 on for clone sessions
FIRST_SESSION_GROUP = 1 << 15
MAX_PORT = 0xFFFF
MAX_LAG = 256  # LAG_MAX_ENTRIES of simple_pre_lag.h
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


def _check_ports(what: str, ports: Iterable[int]) -> None:
    for port in ports:
        if not 0 <= port <= MAX_PORT:
            raise BadValue(what, f"port {port} outside 0..{MAX_PORT}")


def _check_node(node: Node) -> None:
    if not 0 <= node.instance <= MAX_INSTANCE:
        raise BadValue("node", f"instance {node.instance} outside 0..{MAX_INSTANCE}")
    _check_ports("node", node.ports)


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

    def become(self, owners: dict[int, Owner]) -> None:
        """Hold these instead."""
        for number in [each for each in self if each not in owners]:
            del self[number]
        for number, owner in owners.items():
            if self.get(number) is not owner:
                self[number] = owner

    def clear(self) -> None:
        """Remove all."""
        for number in list(self):
            del self[number]


@dataclass(frozen=True)
class Mirror:
    """Where a clone session copies to that was not made by replicas: a port, a group, or both."""

    port: int | None = None
    group: int | None = None


class Replication:
    """All groups and sessions.

    A group's replicas are the copies that its nodes make. Those of a clone session are kept as a
    group, too, whose id is above those of multicast groups: so does PI's server.

    Attributes:
        groups, sessions: by id.
        nodes: of groups and sessions.
        mirrors: of the sessions that have one.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.groups: Directory[MulticastGroup] = Directory(MAX_MULTICAST_GROUP + 1)
        self.sessions: Directory[CloneSession] = Directory(MAX_CLONE_SESSION + 1)
        self.nodes = Nodes()
        self.mirrors: dict[int, Mirror] = {}

    def clear(self) -> None:
        """Remove all groups and sessions."""
        self.groups.clear()
        self.sessions.clear()
        self.nodes = Nodes()
        self.mirrors.clear()

    def snapshot(self) -> Undo:
        """A function that undoes all later changes."""
        groups, sessions = dict(self.groups), dict(self.sessions)
        nodes, mirrors = self.nodes.copy(), dict(self.mirrors)

        def undo() -> None:
            self.groups.become(groups)
            self.sessions.become(sessions)
            self.nodes, self.mirrors = nodes.copy(), dict(mirrors)

        return undo

    # -- groups -----------------------------------------------------------------------------------

    @staticmethod
    def _check_group(group: MulticastGroup) -> None:
        what = f"multicast group {group.group_id}"
        if not 1 <= group.group_id <= MAX_MULTICAST_GROUP:
            raise BadValue(what, f"id outside 1..{MAX_MULTICAST_GROUP}")
        _check_replicas(what, group.replicas)

    def insert_group(self, group: MulticastGroup) -> None:
        """Add a group; raises BadValue, DuplicateEntry."""
        self._check_group(group)
        if group.group_id in self.groups:
            raise DuplicateEntry("multicast group", group.group_id)
        self.nodes.replace(group.group_id, group.replicas)
        self._set_group(group)

    def modify_group(self, group: MulticastGroup) -> None:
        """Replace a group; raises BadValue, EntryNotFound."""
        self._check_group(group)
        self._group(group.group_id)
        self.nodes.replace(group.group_id, group.replicas)
        self._set_group(group)

    def delete_group(self, group_id: int) -> None:
        """Remove a group with its nodes; raises EntryNotFound."""
        self._group(group_id)
        self.nodes.destroy_all(group_id)
        self._drop_group(group_id)

    def disband_group(self, group_id: int) -> None:
        """Remove a group whose nodes live on; raises EntryNotFound."""
        self._group(group_id)
        self.nodes.empty(group_id)
        self._drop_group(group_id)

    def _group(self, group_id: int) -> MulticastGroup:
        found = self.groups.get(group_id)
        if found is None:
            raise EntryNotFound("multicast group", group_id)
        return found

    def _set_group(self, group: MulticastGroup) -> None:
        self.groups[group.group_id] = group
        self._follow(group.group_id)

    def _drop_group(self, group_id: int) -> None:
        del self.groups[group_id]
        self._follow(group_id)

    # -- nodes ------------------------------------------------------------------------------------

    def create_node(self, node: Node) -> int:
        """Add a node that is in no group, and return its handle; raises BadValue."""
        _check_node(node)
        return self.nodes.held.add(node)

    def update_node(self, handle: int, ports: tuple[int, ...], lags: tuple[int, ...]) -> None:
        """Give a node other ports and LAGs; raises BadValue, UnknownHandle."""
        node = Node(self.nodes.held.find(handle).instance, ports, lags)
        _check_node(node)
        self.nodes.held.put(handle, node)
        self._derive(self.nodes.group_of(handle))

    def destroy_node(self, handle: int) -> None:
        """Remove a node, from its group as well; raises UnknownHandle."""
        self._derive(self.nodes.destroy(handle))

    def associate_node(self, group_id: int, handle: int) -> None:
        """Put a node into a group; raises UnknownHandle, EntryNotFound, BadValue (it is in one)."""
        self.nodes.held.find(handle)
        self._group(group_id)
        self.nodes.associate(group_id, handle)
        self._derive(group_id)

    def dissociate_node(self, group_id: int, handle: int) -> None:
        """Take a node out of a group; raises UnknownHandle, EntryNotFound, BadValue."""
        self.nodes.held.find(handle)
        self._group(group_id)
        self.nodes.dissociate(group_id, handle)
        self._derive(group_id)

    def set_lag(self, lag: int, ports: tuple[int, ...]) -> None:
        """Set the ports of a LAG; raises BadValue."""
        if not 0 <= lag <= MAX_LAG:
            raise BadValue(f"LAG {lag}", f"outside 0..{MAX_LAG}")
        _check_ports(f"LAG {lag}", ports)
        self.nodes.lags[lag] = ports
        for group_id in self.nodes.groups_with_lag(lag):
            self._derive(group_id)

    def _derive(self, group_id: int | None) -> None:
        """Give a group, or a clone session that is kept as one, the replicas of its nodes."""
        if group_id is None:
            return
        replicas = self.nodes.replicas(group_id)
        if group_id in self.groups:
            self._set_group(replace(self.groups[group_id], replicas=replicas))
        elif group_id - FIRST_SESSION_GROUP in self.sessions:
            number = group_id - FIRST_SESSION_GROUP
            self.sessions[number] = replace(self.sessions[number], replicas=replicas)

    # -- clone sessions ---------------------------------------------------------------------------

    @staticmethod
    def _check_session(session: CloneSession) -> None:
        what = f"clone session {session.session_id}"
        if not 0 <= session.session_id <= MAX_CLONE_SESSION:
            raise BadValue(what, f"id outside 0..{MAX_CLONE_SESSION}")
        if session.packet_length_bytes < 0:
            raise BadValue(what, "packet length below 0")
        _check_replicas(what, session.replicas)

    def insert_session(self, session: CloneSession) -> None:
        """Add a session; raises BadValue, DuplicateEntry."""
        self._check_session(session)
        if session.session_id in self.sessions:
            raise DuplicateEntry("clone session", session.session_id)
        self._set_session(session)

    def modify_session(self, session: CloneSession) -> None:
        """Replace a session; raises BadValue, EntryNotFound."""
        self._check_session(session)
        self._session(session.session_id)
        self._set_session(session)

    def delete_session(self, session_id: int) -> None:
        """Remove a session; raises EntryNotFound."""
        self._session(session_id)
        self.nodes.destroy_all(FIRST_SESSION_GROUP + session_id)
        self.mirrors.pop(session_id, None)
        del self.sessions[session_id]

    def _session(self, session_id: int) -> CloneSession:
        found = self.sessions.get(session_id)
        if found is None:
            raise EntryNotFound("clone session", session_id)
        return found

    def _set_session(self, session: CloneSession) -> None:
        self.nodes.replace(FIRST_SESSION_GROUP + session.session_id, session.replicas)
        self.mirrors.pop(session.session_id, None)
        self.sessions[session.session_id] = session

    def mirror(self, session_id: int, mirror: Mirror) -> None:
        """Make or replace a session, as simple_switch's control interface does; raises BadValue.

        A session that copies to a group follows it, and waits for one that does not exist.
        """
        session = CloneSession(session_id, self._mirrored(mirror))
        _check_ports(f"clone session {session_id}", () if mirror.port is None else (mirror.port,))
        self._check_session(replace(session, replicas=()))
        self.nodes.destroy_all(FIRST_SESSION_GROUP + session_id)
        self.mirrors[session_id] = mirror
        self.sessions[session_id] = session

    def mirror_of(self, session_id: int) -> Mirror:
        """Where a session copies to, as BMv2 has it; raises EntryNotFound."""
        self._session(session_id)
        return self.mirrors.get(session_id, Mirror(group=FIRST_SESSION_GROUP + session_id))

    def _mirrored(self, mirror: Mirror) -> tuple[Replica, ...]:
        replicas = () if mirror.port is None else (Replica(mirror.port),)
        group = self.groups.get(mirror.group) if mirror.group is not None else None
        return replicas if group is None else replicas + group.replicas

    def _follow(self, group_id: int) -> None:
        """Let the clone sessions that copy to a group follow it."""
        for number, mirror in self.mirrors.items():
            if mirror.group == group_id:
                self.sessions[number] = CloneSession(number, self._mirrored(mirror))
