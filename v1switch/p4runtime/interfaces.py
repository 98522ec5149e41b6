"""The service beside P4Runtime that reads interface counters: `v1switch.Interfaces`.

P4Runtime has no counters of interfaces; targets have them in gNMI, in the model
openconfig-interfaces. This service has one method and OpenConfig's names (`id` is the P4 port
number, of openconfig-p4rt), in messages that every protobuf library contains:

    rpc Get(google.protobuf.Empty) returns (google.protobuf.Struct);

It needs neither a stream nor an election id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2

from v1switch.io.counters import Counters, InterfaceCounters

SERVICE, METHOD = "v1switch.Interfaces", "Get"
Source = Callable[[], Counters]


def method(source: Source) -> Callable[[empty_pb2.Empty, grpc.ServicerContext], struct_pb2.Struct]:
    """Return the service's method, which answers with what `source` returns."""

    def get(_request: empty_pb2.Empty, _context: grpc.ServicerContext) -> struct_pb2.Struct:
        answer = struct_pb2.Struct()
        answer.update(to_document(source()))
        return answer

    return get


def to_document(counters: Counters) -> dict[str, Any]:
    """Return the counters as they are sent."""
    return {
        "interfaces": {"interface": [_interface(each) for each in counters.interfaces]},
        "switch": {
            "counters": {"out-no-port": counters.no_port, "out-no-queue": counters.no_queue}
        },
    }


def from_document(document: Any) -> Counters:
    """Return the counters of an answer; raises KeyError, TypeError, ValueError if it is none."""
    interfaces = []
    for each in document["interfaces"]["interface"]:
        state, counted = each["state"], each["state"]["counters"]
        interfaces.append(
            InterfaceCounters(
                int(state["id"]),
                str(each["name"]),
                state["oper-status"] == "UP",
                *(int(counted[name]) for name in _COUNTERS),
            )
        )
    whole = document["switch"]["counters"]
    return Counters(tuple(interfaces), int(whole["out-no-port"]), int(whole["out-no-queue"]))


def get(channel: grpc.Channel, timeout_s: float) -> Counters:
    """Ask a switch for its counters.

    Raises:
        grpc.RpcError: it cannot be reached, or has no such service (UNIMPLEMENTED).
        KeyError, TypeError, ValueError: it is another service of the same name.
    """
    call = channel.unary_unary(
        f"/{SERVICE}/{METHOD}", empty_pb2.Empty.SerializeToString, struct_pb2.Struct.FromString
    )
    return from_document(call(empty_pb2.Empty(), timeout=timeout_s))


_COUNTERS = {
    "in-pkts": "received",
    "in-discards": "unread",
    "in-errors": "failed",
    "out-pkts": "sent",
    "out-discards": "refused",
    "out-queue-dropped-pkts": "dropped",
}
"""Names of openconfig-interfaces (the last is dropped-pkts of openconfig-qos, over all queues), and
the attributes of InterfaceCounters, in their order.
"""


def _interface(counters: InterfaceCounters) -> dict[str, Any]:
    return {
        "name": counters.ifname,
        "state": {
            "name": counters.ifname,
            "id": counters.port,
            "oper-status": "UP" if counters.up else "DOWN",
            "counters": {name: getattr(counters, field) for name, field in _COUNTERS.items()},
        },
    }
