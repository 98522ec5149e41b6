"""The calls about multicast: groups, nodes, link aggregation groups."""

from __future__ import annotations

import contextlib
import json

from v1switch.bmthrift.codes import McCode, Refused
from v1switch.bmthrift.target import Target
from v1switch.bmthrift.values import unsigned
from v1switch.errors import BadValue, DuplicateEntry, EntryNotFound
from v1switch.state.entries import MulticastGroup
from v1switch.state.nodes import Node
from v1switch.state.replication import FIRST_SESSION_GROUP

MAP_SIZE = 512  # PORT_MAP_SIZE and LAG_MAP_SIZE of simple_pre.h


class Multicast:
    """The calls of simple_pre and simple_pre_lag; a program that waits has no groups of its own."""

    def __init__(self, target: Target) -> None:
        """Work on a switch's groups."""
        self.plane = target.running

    def bm_mc_mgrp_create(self, group: int) -> int:
        """Add a group, if it is not there; returns its handle, which is its number."""
        try:
            self.plane.insert_multicast_group(MulticastGroup(group))
        except DuplicateEntry:
            pass  # BMv2 keeps the group that is there
        except BadValue as error:
            raise Refused(McCode.INVALID_MGID) from error
        return group

    def bm_mc_mgrp_destroy(self, group: int) -> None:
        """Remove a group, if it is there; its nodes live on."""
        with contextlib.suppress(EntryNotFound):  # as in BMv2
            self.plane.disband_multicast_group(group)

    def bm_mc_node_create(self, rid: int, ports: str, lags: str = "") -> int:
        """Add a node; returns its handle."""
        return self.plane.create_node(Node(unsigned(rid, 32), _members(ports), _members(lags)))

    def bm_mc_node_update(self, node: int, ports: str, lags: str = "") -> None:
        """Give a node other ports and LAGs."""
        self.plane.update_node(node, _members(ports), _members(lags))

    def bm_mc_node_destroy(self, node: int) -> None:
        """Remove a node."""
        self.plane.destroy_node(node)

    def bm_mc_node_associate(self, group: int, node: int) -> None:
        """Put a node into a group."""
        self.plane.associate_node(group, node)

    def bm_mc_node_dissociate(self, group: int, node: int) -> None:
        """Take a node out of a group."""
        self.plane.dissociate_node(group, node)

    def bm_mc_set_lag_membership(self, lag: int, ports: str) -> None:
        """Set the ports of a LAG."""
        self.plane.set_lag(unsigned(lag, 16), _members(ports))

    def bm_mc_get_entries(self) -> str:
        """All groups, nodes and LAGs as JSON, in the form of BMv2's simple_pre_lag.cpp.

        The copies of clone sessions that P4Runtime made are groups there, too.
        """
        with self.plane.exclusive():
            nodes = self.plane.nodes()
            groups = [group.group_id for group in self.plane.multicast_groups()]
            numbers = (session.session_id for session in self.plane.clone_sessions())
            sessions = [FIRST_SESSION_GROUP + number for number in numbers]
        filled = [number for number in sessions if nodes.handles_in(number)]
        held = nodes.held.items()
        document = {
            "mgrps": [
                {"id": group, "l1_handles": nodes.handles_in(group)}
                for group in sorted((*groups, *filled))
            ],
            "l1_handles": [
                {"handle": handle, "rid": node.instance, "l2_handle": handle}
                for handle, node in held
            ],
            "l2_handles": [
                {"handle": handle, "ports": node.ports, "lags": node.lags} for handle, node in held
            ],
            "lags": [{"id": lag, "ports": ports} for lag, ports in sorted(nodes.lags.items())],
        }
        return json.dumps(document)


def _members(bitmap: str) -> tuple[int, ...]:
    """The numbers in a map of zeros and ones, whose last character stands for 0.

    Raises:
        BadValue: another character, or more than BMv2 has ports.
    """
    if len(bitmap) > MAP_SIZE or set(bitmap) - {"0", "1"}:
        raise BadValue("port map", f"expected at most {MAP_SIZE} zeros and ones")
    return tuple(n for n, bit in enumerate(reversed(bitmap)) if bit == "1")
