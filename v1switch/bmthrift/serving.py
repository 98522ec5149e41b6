"""The whole Thrift server of a switch: its services, on an address."""

from __future__ import annotations

from v1switch.bmthrift.arrays import Arrays
from v1switch.bmthrift.learning import Learning
from v1switch.bmthrift.management import Management
from v1switch.bmthrift.multicast import Multicast
from v1switch.bmthrift.processor import Processor
from v1switch.bmthrift.profiles import Profiles
from v1switch.bmthrift.server import Server
from v1switch.bmthrift.simple_switch import SimpleSwitch
from v1switch.bmthrift.tables import Tables
from v1switch.bmthrift.target import Target
from v1switch.control.dataplane import Dataplane
from v1switch.io.counters import Counters
from v1switch.io.port_changes import FixedPorts, PortAccess

NO_PORTS = FixedPorts(lambda: Counters((), 0))


def serve(
    plane: Dataplane,
    host: str,
    port: int,
    *,
    device_id: int = 0,
    ports: PortAccess = NO_PORTS,
    can_swap: bool = True,
    learning: Learning | None = None,
) -> Server:
    """Serve BMv2's Thrift interface for a data plane.

    Args:
        plane: the switch.
        host: the address to listen on.
        port: its port; 0 for a free one.
        device_id: returned to clients.
        ports: of the switch.
        can_swap: whether clients may replace the program.
        learning: sends notifications of digests, if anything does.

    Raises:
        CannotListen: the address is in use or not of this machine.
    """
    target = Target(plane, ports, device_id, port, can_swap)
    server = Server(processor(target, learning), host, port)
    server.start()
    target.port = server.port
    return server


def processor(target: Target, learning: Learning | None = None) -> Processor:
    """What answers the calls of all services for a switch."""
    multicast = Multicast(target)
    return Processor(
        {
            "standard": (
                Tables(target),
                Profiles(target),
                Arrays(target),
                Management(target, learning),
            ),
            "simple_pre": (multicast,),
            "simple_pre_lag": (multicast,),
            "simple_switch": (SimpleSwitch(target),),
        }
    )
