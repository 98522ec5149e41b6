"""The P4Runtime server: binds an address, runs the service, stops."""

from __future__ import annotations

from concurrent import futures
from pathlib import Path

import grpc
from p4.v1 import p4runtime_pb2_grpc

from v1switch.control.dataplane import Dataplane
from v1switch.errors import SwitchError
from v1switch.io.counters import Counters
from v1switch.p4runtime import interfaces
from v1switch.p4runtime.device import Device
from v1switch.p4runtime.service import Service

MAX_MESSAGE = 256 * 1024 * 1024  # bytes; a pipeline configuration is one message
NO_COUNTERS = Counters((), 0)
UNAVAILABLE = "in use or not of this machine, expected a free unix:PATH or HOST:PORT"
WORKERS = 64  # threads; every open stream occupies one


class BindFailed(SwitchError):
    """The server cannot listen on its address.

    Attributes:
        address: as it was given.
        reason: why not, and what is expected.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address!r}: {reason}")
        self.address = address
        self.reason = reason


class Handle:
    """A running server."""

    def __init__(self, server: grpc.Server, device: Device, address: str) -> None:
        self._server = server
        self._device = device
        self.address = address

    def stop(self, grace: float = 0.2) -> None:
        """End all streams and stop listening; waits `grace` seconds for calls in flight."""
        self._device.stop()
        self._server.stop(grace).wait()


def serve(
    dataplane: Dataplane,
    address: str,
    device_id: int,
    counters: interfaces.Source = lambda: NO_COUNTERS,
) -> Handle:
    """Serve P4Runtime for `dataplane`.

    Args:
        dataplane: the switch.
        address: `unix:PATH`, `host:port` or `:port`; without a host only this machine can connect.
        device_id: the only device id that clients may use.
        counters: returns those of the switch's interfaces.

    Raises:
        BindFailed: the address is in use or invalid.
    """
    target = _local(address)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="p4rt"),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=WORKERS,
    )
    device = Device(dataplane, device_id)
    p4runtime_pb2_grpc.add_P4RuntimeServicer_to_server(Service(device), server)
    server.add_generic_rpc_handlers((interfaces.handlers(counters),))
    try:
        bound = server.add_insecure_port(target)
    except RuntimeError as error:
        raise BindFailed(address, UNAVAILABLE) from error
    if not bound:
        raise BindFailed(address, UNAVAILABLE)
    device.start()
    server.start()
    return Handle(server, device, target if target.startswith("unix:") else _with(target, bound))


def _local(address: str) -> str:
    """Return the address with a host; the loopback address when none is given.

    A Unix socket that an earlier switch left behind is not in use; gRPC removes it.
    """
    if address.startswith("unix:"):
        parent = Path(address.removeprefix("unix:")).parent
        if not parent.is_dir():
            raise BindFailed(
                address, f"no such directory {str(parent)!r}, expected an existing one"
            )
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise BindFailed(address, "expected unix:PATH or HOST:PORT")
    return f"{host or '127.0.0.1'}:{port}"


def _with(target: str, port: int) -> str:
    return f"{target.rpartition(':')[0]}:{port}"
