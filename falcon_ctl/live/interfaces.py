"""Counters of interfaces: the kernel's of every node's, and what a switch says of its ports."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE
from pyroute2.netlink.rtnl import RTM_GETLINK
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from falcon_ctl.errors import SwitchError
from topo.protocol.status import SwitchInfo

_MESSAGES = 1 << 17
_TIMEOUT = 5.0
_IFF_RUNNING = 0x40  # up, and with a carrier [netdevice(7)]
_GET = "/v1switch.Interfaces/Get"
PORT_DROPS = {
    "in-discards": "socket",
    "in-errors": "errors",
    "out-discards": "refused",
    "out-queue-dropped-pkts": "queue",
}


class Link(NamedTuple):
    """Frames and bytes of an interface since it exists, and how often its carrier came or went.

    `is_up`: it is up and has a carrier.
    `tx_dropped` of a veth end: those that the far end did not take, because the queue behind it was
    full (net.core.netdev_max_backlog) or the interface down [drivers/net/veth.c, veth_xmit].
    """

    rx_packets: int
    tx_dropped: int
    carrier_changes: int = 0
    rx_bytes: int = 0
    tx_packets: int = 0
    tx_bytes: int = 0
    is_up: bool = True


def links(sock: socket.socket) -> dict[str, Link]:
    """Counters of all interfaces of the namespace of `sock`, a NETLINK_ROUTE socket, by name."""
    request = ifinfmsg()
    request["header"]["type"] = RTM_GETLINK
    request["header"]["flags"] = NLM_F_REQUEST | NLM_F_DUMP
    request.encode()
    sock.send(request.data)
    found: dict[str, Link] = {}
    while True:
        for message in MarshalRtnl().parse(sock.recv(_MESSAGES)):
            if message["header"]["type"] == NLMSG_DONE:
                return found
            statistics = message.get("IFLA_STATS64")
            found[message.get("IFLA_IFNAME")] = Link(
                rx_packets=statistics["rx_packets"],
                tx_dropped=statistics["tx_dropped"],
                carrier_changes=int(message.get("IFLA_CARRIER_CHANGES") or 0),
                rx_bytes=statistics["rx_bytes"],
                tx_packets=statistics["tx_packets"],
                tx_bytes=statistics["tx_bytes"],
                is_up=bool(message["flags"] & _IFF_RUNNING),
            )


class PortCounters:
    """What v1switch itself lost at its ports, as it says on its P4Runtime address."""

    def __init__(self, switch: SwitchInfo) -> None:
        self._name = switch.name
        self._channel = grpc.insecure_channel(switch.grpc_address)
        self._get = self._channel.unary_unary(
            _GET,
            request_serializer=empty_pb2.Empty.SerializeToString,
            response_deserializer=struct_pb2.Struct.FromString,
        )

    def read(self) -> dict[tuple[int, str], int]:
        """Frames by port and what happened (the values of `PORT_DROPS`). Raises SwitchError."""
        try:
            reply = self._get(empty_pb2.Empty(), timeout=_TIMEOUT)
        except grpc.RpcError as error:
            reason = f"no interface counters: {error.details()}"
            raise SwitchError(self._name, error.code(), reason) from error
        except ValueError as error:  # of gRPC, on a closed channel
            reason = f"no interface counters: {error}"
            raise SwitchError(self._name, grpc.StatusCode.CANCELLED, reason) from error
        answer = json_format.MessageToDict(reply)
        found = {}
        for interface in answer["interfaces"]["interface"]:
            state: Mapping[str, Mapping[str, float]] = interface["state"]
            for name, what in PORT_DROPS.items():
                found[int(interface["state"]["id"]), what] = int(state["counters"][name])
        return found

    def close(self) -> None:
        """Close the connection; a call that waits for an answer fails."""
        self._channel.close()
