"""Multicast groups and clone sessions (specification 1.4, "PacketReplicationEngineEntry")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.errors import EntryNotFound
from v1switch.p4runtime.bytestrings import encode
from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.errors import Code, Refused, about, invalid
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.ports import MAX_GROUP, replica
from v1switch.state.entries import CloneSession, MulticastGroup, Replica

MAX_SESSION = (1 << 15) - 1
Owner = TypeVar("Owner", MulticastGroup, CloneSession)


class Replication(Handler):
    """The replication engine's two kinds of entities."""

    member = "packet_replication_engine_entry"

    def __init__(self) -> None:
        """Set up a handler for each kind."""
        self._kinds: dict[str | None, Handler] = {
            each.member: each for each in (MulticastGroups(), CloneSessions())
        }

    def write(
        self, pipeline: Pipeline, kind: int, message: p4rt.PacketReplicationEngineEntry
    ) -> None:
        """Apply one update."""
        handler, entry = self._entry(message)
        handler.write(pipeline, kind, entry)

    def read(
        self, pipeline: Pipeline, message: p4rt.PacketReplicationEngineEntry, new: New
    ) -> None:
        """Read the entry with the id that the request selects, or all of the kind."""
        handler, entry = self._entry(message)
        handler.read(pipeline, entry, lambda: getattr(new(), handler.member))

    def _entry(self, message: p4rt.PacketReplicationEngineEntry) -> tuple[Handler, Any]:
        handler = self._kinds.get(message.WhichOneof("type"))
        if handler is None:
            raise invalid("neither a multicast group nor a clone session is set")
        return handler, getattr(message, handler.member)


class MulticastGroups(Handler):
    """Multicast groups."""

    member = "multicast_group_entry"

    def insert(self, pipeline: Pipeline, message: p4rt.MulticastGroupEntry) -> None:
        """Add a group."""
        pipeline.plane.insert_multicast_group(_group(message))
        _remember(pipeline, self.member, message.multicast_group_id, message)

    def modify(self, pipeline: Pipeline, message: p4rt.MulticastGroupEntry) -> None:
        """Replace a group's replicas."""
        pipeline.plane.modify_multicast_group(_group(message))
        _remember(pipeline, self.member, message.multicast_group_id, message)

    def delete(self, pipeline: Pipeline, message: p4rt.MulticastGroupEntry) -> None:
        """Remove a group."""
        _check_group_id(message.multicast_group_id)
        pipeline.plane.delete_multicast_group(message.multicast_group_id)
        pipeline.notes.written.pop((self.member, 0, message.multicast_group_id), None)

    def read(self, pipeline: Pipeline, message: p4rt.MulticastGroupEntry, new: New) -> None:
        """Read one group or all."""
        if message.multicast_group_id > MAX_GROUP:
            _check_group_id(message.multicast_group_id)
        there = {each.group_id: each for each in pipeline.plane.multicast_groups()}
        for group in _wanted(there, message.multicast_group_id, "multicast group"):
            made = p4rt.MulticastGroupEntry(multicast_group_id=group.group_id)
            _recall(pipeline, self.member, group.group_id, group.replicas, made, new)


class CloneSessions(Handler):
    """Clone sessions."""

    member = "clone_session_entry"

    def insert(self, pipeline: Pipeline, message: p4rt.CloneSessionEntry) -> None:
        """Add a session."""
        pipeline.plane.insert_clone_session(_session(message))
        _remember(pipeline, self.member, message.session_id, message)

    def modify(self, pipeline: Pipeline, message: p4rt.CloneSessionEntry) -> None:
        """Replace a session."""
        pipeline.plane.modify_clone_session(_session(message))
        _remember(pipeline, self.member, message.session_id, message)

    def delete(self, pipeline: Pipeline, message: p4rt.CloneSessionEntry) -> None:
        """Remove a session."""
        _check_session_id(message.session_id)
        pipeline.plane.delete_clone_session(message.session_id)
        pipeline.notes.written.pop((self.member, 0, message.session_id), None)

    def read(self, pipeline: Pipeline, message: p4rt.CloneSessionEntry, new: New) -> None:
        """Read one session or all."""
        there = {each.session_id: each for each in pipeline.plane.clone_sessions()}
        for session in _wanted(there, message.session_id, "clone session"):
            made = p4rt.CloneSessionEntry(session_id=session.session_id)
            made.packet_length_bytes = session.packet_length_bytes
            _recall(pipeline, self.member, session.session_id, session.replicas, made, new)


def _group(message: p4rt.MulticastGroupEntry) -> MulticastGroup:
    _check_group_id(message.multicast_group_id)
    with about(f"multicast group {message.multicast_group_id}"):
        return MulticastGroup(message.multicast_group_id, _replicas(message.replicas))


def _session(message: p4rt.CloneSessionEntry) -> CloneSession:
    _check_session_id(message.session_id)
    with about(f"clone session {message.session_id}"):
        if message.class_of_service:
            raise invalid("class_of_service must be 0: v1model has only one")
        if not 0 <= message.packet_length_bytes <= 0xFFFF:
            raise invalid(f"packet_length_bytes {message.packet_length_bytes} is not in 0..65535")
        return CloneSession(
            message.session_id,
            _replicas(message.replicas),
            message.class_of_service,
            message.packet_length_bytes,
        )


def _check_group_id(group_id: int) -> None:
    if not group_id:
        raise invalid("a multicast group's id cannot be 0")
    if group_id > MAX_GROUP:
        raise Refused(Code.OUT_OF_RANGE, f"multicast group {group_id} is not in 1..{MAX_GROUP}")


def _check_session_id(session_id: int) -> None:
    if not 0 < session_id <= MAX_SESSION:
        raise invalid(f"clone session {session_id} is not in 1..{MAX_SESSION}")


def _replicas(messages: Any) -> tuple[Replica, ...]:
    return tuple(replica(each) for each in messages)


def _remember(pipeline: Pipeline, kind: str, object_id: int, message: Any) -> None:
    """Keep the entity as it was written; ports keep their form and get their shortest string."""
    written = type(message)()
    written.CopyFrom(message)
    for each in written.replicas:
        if each.WhichOneof("port_kind") == "port":
            each.port = encode(int.from_bytes(each.port, "big"))
    pipeline.notes.written[kind, 0, object_id] = written


def _wanted(there: Mapping[int, Owner], number: int, kind: str) -> list[Owner]:
    """The groups or sessions that a request selects; raises EntryNotFound."""
    if number and number not in there:
        raise EntryNotFound(kind, number)
    return [there[number]] if number else list(there.values())


def _recall(
    pipeline: Pipeline, kind: str, number: int, replicas: tuple[Replica, ...], made: Any, new: New
) -> None:
    """Answer with the entity as a client wrote it, unless its replicas have been changed since.

    `made` is the answer without replicas otherwise.
    """
    written = pipeline.notes.written.get((kind, 0, number))
    if written is not None and _replicas(written.replicas) == replicas:
        new().CopyFrom(written)
        return
    for each in replicas:
        made.replicas.add(egress_port=each.port, instance=each.instance)
    new().CopyFrom(made)
