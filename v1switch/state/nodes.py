"""The nodes of BMv2's packet replication engine (simple_pre_lag.cpp).

A multicast group is a list of nodes there; a node has an instance (the replication id, egress_rid)
and the ports that get a copy each. A link aggregation group (LAG) gets one copy, out of one of its
ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from v1switch.errors import BadValue
from v1switch.state.entries import Replica
from v1switch.state.handles import HandleTable

LAG_HASH = 0xFF  # BMv2 picks the port of a LAG by this constant


@dataclass(frozen=True)
class Node:
    """A node: its instance, its ports and LAGs in ascending order."""

    instance: int
    ports: tuple[int, ...]
    lags: tuple[int, ...] = ()


class Nodes:
    """All nodes by handle, and the groups that they are in: each in one at most.

    Attributes:
        held: the nodes.
        lags: ports by LAG.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.held: HandleTable[Node] = HandleTable("multicast", "node")
        self.lags: dict[int, tuple[int, ...]] = {}
        self._in_group: dict[int, list[int]] = {}
        self._group_of: dict[int, int] = {}

    def copy(self) -> Nodes:
        """An independent copy."""
        made = Nodes()
        made.held, made.lags = self.held.copy(), dict(self.lags)
        made._in_group = {group: list(nodes) for group, nodes in self._in_group.items()}
        made._group_of = dict(self._group_of)
        return made

    def group_of(self, handle: int) -> int | None:
        """The group that a node is in, or None; raises UnknownHandle."""
        self.held.find(handle)
        return self._group_of.get(handle)

    def handles_in(self, group: int) -> tuple[int, ...]:
        """The nodes of a group, in the order in which they came in."""
        return tuple(self._in_group.get(group, ()))

    def associate(self, group: int, handle: int) -> None:
        """Put a node into a group; raises UnknownHandle, BadValue (it is in one)."""
        there = self.group_of(handle)
        if there is not None:
            raise BadValue(f"node {handle}", f"it is in multicast group {there}")
        self._in_group.setdefault(group, []).append(handle)
        self._group_of[handle] = group

    def dissociate(self, group: int, handle: int) -> None:
        """Take a node out of its group; raises UnknownHandle, BadValue (it is not in it)."""
        if self.group_of(handle) != group:
            raise BadValue(f"node {handle}", f"it is not in multicast group {group}")
        self._in_group[group].remove(handle)
        del self._group_of[handle]

    def destroy(self, handle: int) -> int | None:
        """Remove a node; returns the group that it was in, or None. Raises UnknownHandle."""
        group = self.group_of(handle)
        if group is not None:
            self.dissociate(group, handle)
        self.held.remove(handle)
        return group

    def empty(self, group: int) -> None:
        """Take all nodes out of a group; they live on."""
        for handle in self._in_group.pop(group, ()):
            del self._group_of[handle]

    def replace(self, group: int, replicas: Iterable[Replica]) -> None:
        """Make a group's nodes those of replicas: one for each instance, as PI's server does.

        A node of the group whose instance is among them is kept. New ones come before others go,
        the instances in reverse: so does the hash table of PI's pre_mc_mgr.cpp.
        """
        wanted: dict[int, list[int]] = {}
        for replica in replicas:
            wanted.setdefault(replica.instance, []).append(replica.port)
        kept, left = {}, []
        for handle in self.handles_in(group):
            instance = self.held.find(handle).instance
            if instance in wanted and instance not in kept:
                kept[instance] = handle
            else:
                left.append(handle)
        for instance, ports in reversed(wanted.items()):
            node = Node(instance, tuple(sorted(ports)))
            if instance in kept:
                self.held.put(kept[instance], node)
            else:
                self.associate(group, self.held.add(node))
        for handle in left:
            self.destroy(handle)

    def destroy_all(self, group: int) -> None:
        """Remove all nodes of a group."""
        for handle in self.handles_in(group):
            self.destroy(handle)
        self._in_group.pop(group, None)

    def replicas(self, group: int) -> tuple[Replica, ...]:
        """The copies that a group's nodes make, in BMv2's order."""
        nodes = (self.held.find(handle) for handle in self.handles_in(group))
        return tuple(Replica(port, node.instance) for node in nodes for port in self._ports(node))

    def _ports(self, node: Node) -> Iterator[int]:
        yield from node.ports
        for lag in node.lags:
            ports = self.lags.get(lag)
            if ports:
                yield ports[LAG_HASH % len(ports)]

    def groups_with_lag(self, lag: int) -> set[int]:
        """The groups that have a node with a LAG."""
        with_it = (handle for handle, node in self.held.items() if lag in node.lags)
        return {self._group_of[handle] for handle in with_it if handle in self._group_of}
