"""The P4Runtime server: runs the service behind a listener, stops."""

from __future__ import annotations

import grpc

from v1switch.control.dataplane import Dataplane
from v1switch.io.counters import Counters
from v1switch.p4runtime import interfaces
from v1switch.p4runtime.admission import Admission
from v1switch.p4runtime.device import Device
from v1switch.p4runtime.listener import Listener, Tls, listen
from v1switch.p4runtime.service import Service

NO_COUNTERS = Counters((), 0)


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
    tls: Tls | None = None,
    listener: Listener | None = None,
) -> Handle:
    """Serve P4Runtime for `dataplane`.

    Args:
        dataplane: the switch.
        address: `unix:PATH`, `host:port` or `:port`; without a host only this machine can connect.
        device_id: the only device id that clients may use.
        counters: returns those of the switch's interfaces.
        tls: for TLS; None for plain text.
        listener: of this address, when it is listened on already.

    Raises:
        BindFailed: the address is in use or invalid.
    """
    listener = listener or listen(address, tls)
    device = Device(dataplane, device_id)
    admission = Admission(Service(device), listener.target)
    listener.server.add_generic_rpc_handlers(admission.handlers(counters))
    device.start()
    listener.server.start()
    return Handle(listener.server, device, listener.target)
