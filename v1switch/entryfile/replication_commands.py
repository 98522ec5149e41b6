"""Commands on multicast groups and clone sessions.

A group's replicas are those of the nodes that are associated with it, in that order.
"""

from __future__ import annotations

from dataclasses import replace

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Commands, Context, Handles
from v1switch.entryfile.errors import InvalidLine
from v1switch.state.entries import CloneSession, MulticastGroup, Replica
from v1switch.state.replication import MAX_INSTANCE, MAX_PORT

Node = tuple[int, tuple[int, ...]]
"""Its instance and its ports."""


class Replications:
    """Commands on multicast groups and clone sessions."""

    def __init__(self, context: Context) -> None:
        """Work on a context's data plane."""
        self.context = context
        self._nodes: Handles[Node] = Handles("node")
        self._members: dict[int, list[int]] = {}  # handles of nodes by group
        self._before: dict[int, tuple[Replica, ...]] = {}  # what groups had before the file
        self._mirrored: dict[int, int] = {}  # group by clone session
        self.commands: Commands = {
            "mc_mgrp_create": ("GROUP", self._create_group),
            "mc_mgrp_destroy": ("GROUP", self._destroy_group),
            "mc_node_create": ("INSTANCE PORT...", self._create_node),
            "mc_node_update": ("NODE PORT...", self._update_node),
            "mc_node_destroy": ("NODE", self._destroy_node),
            "mc_node_associate": ("GROUP NODE", self._associate),
            "mc_node_dissociate": ("GROUP NODE", self._dissociate),
            "mirroring_add": ("SESSION PORT", self._mirror_to_port),
            "mirroring_add_mc": ("SESSION GROUP", self._mirror_to_group),
            "mirroring_delete": ("SESSION", self._unmirror),
        }

    def forget(self) -> None:
        """Forget all nodes: there are no groups and sessions any more."""
        self._nodes = Handles("node")
        self._members.clear()
        self._before.clear()
        self._mirrored.clear()

    # -- groups and nodes -------------------------------------------------------------------------

    def _create_group(self, args: list[str]) -> None:
        group = MulticastGroup(arguments.integer("group", args[0]))
        self.context.plane.insert_multicast_group(group)

    def _destroy_group(self, args: list[str]) -> None:
        number = self._group(args[0]).group_id
        self.context.plane.delete_multicast_group(number)
        self._members.pop(number, None)
        self._before.pop(number, None)

    def _create_node(self, args: list[str]) -> None:
        instance = arguments.integer("instance", args[0], 0, MAX_INSTANCE)
        self._nodes.add((instance, _ports(args[1:])))

    def _update_node(self, args: list[str]) -> None:
        node = self._nodes.place(args[0])
        instance, _ = self._nodes[node]
        self._nodes[node] = instance, _ports(args[1:])
        for group, nodes in self._members.items():
            if node in nodes:
                self._write(group)

    def _destroy_node(self, args: list[str]) -> None:
        node = self._nodes.place(args[0])
        for group, nodes in self._members.items():
            if node in nodes:
                nodes.remove(node)
                self._write(group)
        del self._nodes[node]

    def _associate(self, args: list[str]) -> None:
        group = self._group(args[0])
        node = self._nodes.place(args[1])
        nodes = self._members.setdefault(group.group_id, [])
        self._before.setdefault(group.group_id, group.replicas)
        if node in nodes:
            raise InvalidLine(f"node {node}", f"it is in multicast group {group.group_id}")
        nodes.append(node)
        self._write(group.group_id)

    def _dissociate(self, args: list[str]) -> None:
        group = self._group(args[0]).group_id
        node = self._nodes.place(args[1])
        if node not in self._members.get(group, ()):
            raise InvalidLine(f"node {node}", f"it is not in multicast group {group}")
        self._members[group].remove(node)
        self._write(group)

    def _write(self, number: int) -> None:
        """Give a group, and the clone sessions that copy to it, the replicas of its nodes."""
        replicas = self._before[number]
        for node in self._members[number]:
            instance, ports = self._nodes[node]
            replicas += tuple(Replica(port, instance) for port in ports)
        plane = self.context.plane
        group = next(each for each in plane.multicast_groups() if each.group_id == number)
        plane.modify_multicast_group(replace(group, replicas=replicas))
        for session, mirrored in self._mirrored.items():
            if mirrored == number:
                plane.modify_clone_session(CloneSession(session, replicas))

    def _group(self, text: str) -> MulticastGroup:
        groups = {group.group_id: group for group in self.context.plane.multicast_groups()}
        number = arguments.integer("multicast group", text)
        if number not in groups:
            raise arguments.unknown(f"multicast group {number}", groups)
        return groups[number]

    # -- clone sessions ---------------------------------------------------------------------------

    def _mirror_to_port(self, args: list[str]) -> None:
        self._mirror(args[0], (Replica(arguments.integer("port", args[1], 0, MAX_PORT)),))

    def _mirror_to_group(self, args: list[str]) -> None:
        group = self._group(args[1])
        number = self._mirror(args[0], group.replicas)
        self._mirrored[number] = group.group_id

    def _mirror(self, text: str, replicas: tuple[Replica, ...]) -> int:
        """Make a clone session; one that is there is replaced, as BMv2 does."""
        number, plane = arguments.integer("clone session", text), self.context.plane
        session = CloneSession(number, replicas)
        there = any(each.session_id == number for each in plane.clone_sessions())
        (plane.modify_clone_session if there else plane.insert_clone_session)(session)
        self._mirrored.pop(number, None)
        return number

    def _unmirror(self, args: list[str]) -> None:
        number = arguments.integer("clone session", args[0])
        self.context.plane.delete_clone_session(number)
        self._mirrored.pop(number, None)


def _ports(texts: list[str]) -> tuple[int, ...]:
    """The ports of a node; raises InvalidLine."""
    at = texts.index("|") if "|" in texts else len(texts)
    if texts[at + 1 :]:
        raise InvalidLine("'|'", "this switch has no link aggregation groups, expected ports only")
    return tuple(arguments.integer("port", text, 0, MAX_PORT) for text in texts[:at])
