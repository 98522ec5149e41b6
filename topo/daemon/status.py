"""Describe a running network in the terms of `topo.protocol.status`."""

import os
from collections.abc import Mapping

from topo.daemon import health
from topo.daemon.emulation import Emulation
from topo.protocol.status import MachineInfo, Part, Status, SwitchInfo
from topo.spec.model import Machine, Switch


def status(emulation: Emulation, probe: bool = False) -> Status:
    """The state of the network; process numbers are those of this PID namespace.

    With `probe` each program is asked for an answer, which a running experiment may notice.
    """
    parts = {part.name: part for part in health.parts(emulation, probe)}
    topology = emulation.topology
    return Status(
        topology=topology.name,
        target=emulation.target,
        version=emulation.version,
        run_dir=str(emulation.run_dir.path),
        pid=os.getpid(),
        code=emulation.code,
        uptime_s=round(emulation.uptime, 3),
        parts=tuple(parts.values()),
        faults=tuple(health.faults(emulation)),
        switches=tuple(_switch(emulation, switch, parts) for switch in topology.switches),
        machines=tuple(_machine(emulation, machine, parts) for machine in topology.machines),
    )


def _switch(emulation: Emulation, switch: Switch, parts: Mapping[str, Part]) -> SwitchInfo:
    part = parts[switch.name]
    return SwitchInfo(
        name=switch.name,
        grpc_address=emulation.run_dir.grpc_address(switch.name),
        device_id=switch.device_id,
        target=emulation.target,
        version=emulation.version,
        pid=part.pid,
        log=part.log,
        mac=switch.mac,
        ports=emulation.topology.interfaces(switch.name),
    )


def _machine(emulation: Emulation, machine: Machine, parts: Mapping[str, Part]) -> MachineInfo:
    part = parts[f"rx-{machine.name}"]
    indexes = emulation.ifindexes[machine.name]
    port = emulation.topology.uplink_of(machine.name)
    return MachineInfo(
        name=machine.name,
        control_socket=str(emulation.run_dir.control(machine.name)),
        vtep=str(machine.vtep),
        mac=machine.mac,
        uplink=machine.uplink,
        uplink_ifindex=indexes[machine.uplink],
        ifindexes=indexes,
        switch=port.node,
        switch_port=port.port or 0,
        pid=part.pid,
        log=part.log,
    )
