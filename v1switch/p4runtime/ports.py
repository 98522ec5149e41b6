"""Port numbers in messages, as byte strings or older clients' integers, and their limits."""

from __future__ import annotations

from typing import Any

from v1switch.p4runtime.bytestrings import decode
from v1switch.p4runtime.errors import invalid
from v1switch.state.entries import Replica

PORT_WIDTH = 32  # bits of an SDN port number; the data plane checks which ports exist
MAX_GROUP = (1 << 15) - 1  # multicast groups; BMv2 uses higher ids for its clone sessions
MAX_INSTANCE = 0xFFFF  # egress_rid is 16 bits in v1model


def watch_port(message: Any) -> int | None:
    """Return the watch port of a group's member or an action set's element, or None.

    Raises:
        Refused: the port does not fit.
    """
    if message.WhichOneof("watch_kind") == "watch":
        return message.watch or None
    if not message.watch_port:
        return None
    return decode(message.watch_port, PORT_WIDTH, "watch_port")


def replica(message: Any) -> Replica:
    """Return the replica of a multicast group or clone session.

    Raises:
        Refused: there is no port, or a number does not fit.
    """
    if message.WhichOneof("port_kind") is None:
        raise invalid("replica: the port is missing")
    if message.WhichOneof("port_kind") == "port":
        port = decode(message.port, PORT_WIDTH, "replica's port")
    else:
        port = message.egress_port
    if message.instance > MAX_INSTANCE:
        raise invalid(f"replica: instance {message.instance} does not fit in 16 bits")
    return Replica(port, message.instance)
