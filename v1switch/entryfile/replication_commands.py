"""Commands on multicast groups and clone sessions.

A group's replicas are those of the nodes that are associated with it, in that order.
"""

from __future__ import annotations

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Commands, Context
from v1switch.state.entries import MulticastGroup
from v1switch.state.nodes import Node
from v1switch.state.replication import MAX_INSTANCE, MAX_LAG, MAX_PORT, Mirror

BAR = "|"  # between ports and link aggregation groups


class Replications:
    """Commands on multicast groups and clone sessions."""

    def __init__(self, context: Context) -> None:
        """Work on a context's data plane."""
        self.context = context
        self.commands: Commands = {
            "mc_mgrp_create": ("GROUP", self._create_group),
            "mc_mgrp_destroy": ("GROUP", self._destroy_group),
            "mc_node_create": ("INSTANCE PORT...", self._create_node),
            "mc_node_update": ("NODE PORT...", self._update_node),
            "mc_node_destroy": ("NODE", self._destroy_node),
            "mc_node_associate": ("GROUP NODE", self._associate),
            "mc_node_dissociate": ("GROUP NODE", self._dissociate),
            "mc_set_lag_membership": ("LAG PORT...", self._set_lag),
            "mirroring_add": ("SESSION PORT", self._mirror_to_port),
            "mirroring_add_mc": ("SESSION GROUP", self._mirror_to_group),
            "mirroring_delete": ("SESSION", self._unmirror),
        }

    # -- groups and nodes -------------------------------------------------------------------------

    def _create_group(self, args: list[str]) -> None:
        group = MulticastGroup(arguments.integer("group", args[0]))
        self.context.plane.insert_multicast_group(group)

    def _destroy_group(self, args: list[str]) -> None:
        self.context.plane.disband_multicast_group(_group(args[0]))

    def _create_node(self, args: list[str]) -> None:
        instance = arguments.integer("instance", args[0], 0, MAX_INSTANCE)
        self.context.plane.create_node(Node(instance, *_ports_and_lags(args[1:])))

    def _update_node(self, args: list[str]) -> None:
        self.context.plane.update_node(_node(args[0]), *_ports_and_lags(args[1:]))

    def _destroy_node(self, args: list[str]) -> None:
        self.context.plane.destroy_node(_node(args[0]))

    def _associate(self, args: list[str]) -> None:
        self.context.plane.associate_node(_group(args[0]), _node(args[1]))

    def _dissociate(self, args: list[str]) -> None:
        self.context.plane.dissociate_node(_group(args[0]), _node(args[1]))

    def _set_lag(self, args: list[str]) -> None:
        lag = arguments.integer("LAG", args[0], 0, MAX_LAG)
        self.context.plane.set_lag(lag, _ports(args[1:]))

    # -- clone sessions ---------------------------------------------------------------------------

    def _mirror_to_port(self, args: list[str]) -> None:
        port = arguments.integer("port", args[1], 0, MAX_PORT)
        self.context.plane.mirror(_session(args[0]), Mirror(port=port))

    def _mirror_to_group(self, args: list[str]) -> None:
        self.context.plane.mirror(_session(args[0]), Mirror(group=_group(args[1])))

    def _unmirror(self, args: list[str]) -> None:
        self.context.plane.delete_clone_session(_session(args[0]))


def _group(text: str) -> int:
    return arguments.integer("multicast group", text)


def _node(text: str) -> int:
    return arguments.integer("node handle", text)


def _session(text: str) -> int:
    return arguments.integer("clone session", text)


def _ports_and_lags(texts: list[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ports of a node, and after a bar its LAGs; raises InvalidLine."""
    at = texts.index(BAR) if BAR in texts else len(texts)
    lags = (arguments.integer("LAG", text, 0, MAX_LAG) for text in texts[at + 1 :])
    return _ports(texts[:at]), tuple(sorted(lags))


def _ports(texts: list[str]) -> tuple[int, ...]:
    return tuple(sorted(arguments.integer("port", text, 0, MAX_PORT) for text in texts))
