"""The state of a running network, as the daemon reports it and clients read it."""

import signal
from typing import Literal

from topo.spec.model import Model

Target = Literal["bmv2", "v1switch"]


class Part(Model):
    """A program of the network: a switch target, or the rxpath of a machine.

    `pid` is the number in the reader's PID namespace (0 once the process is gone); `returncode`
    is that of subprocess: None while it runs, negative when killed by a signal. `tail` has the
    last lines of its log once it has ended. `code` is the hash of its sources when it was started
    (`topo.system.code`), "" for a program that is not of this project. `trouble` says why a program
    that runs does not work, "" when it does as far as was looked.
    """

    name: str
    kind: Literal["switch", "rxpath"]
    node: str
    pid: int
    returncode: int | None = None
    code: str = ""
    trouble: str = ""
    log: str
    tail: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether the program still runs."""
        return self.returncode is None

    @property
    def state(self) -> str:
        """``running``, ``stopped``, ``exited with 1``, ``killed by SIGKILL`` …."""
        if self.returncode is None:
            return self.trouble or "running"
        if self.returncode >= 0:
            return f"exited with {self.returncode}"
        try:
            return f"killed by {signal.Signals(-self.returncode).name}"
        except ValueError:
            return f"killed by signal {-self.returncode}"


class Fault(Model):
    """Something of a node that is not as the topology has it: an interface, or the node itself."""

    node: str
    what: str

    def __str__(self) -> str:
        return f"{self.node}: {self.what}"


class SwitchInfo(Model):
    """A running switch: how to reach its P4Runtime server, and what it is."""

    name: str
    grpc_address: str
    device_id: int
    target: Target
    version: str
    pid: int
    log: str
    mac: str
    ports: dict[int, str]


class MachineInfo(Model):
    """A running machine: how to reach its rxpath, and where it is attached.

    `uplink_ifindex` and `ifindexes` {interface: index} are those of the machine's own network
    namespace; `switch` and `switch_port` are the switch port of its uplink.
    """

    name: str
    control_socket: str
    vtep: str
    mac: str
    uplink: str
    uplink_ifindex: int
    ifindexes: dict[str, int]
    switch: str
    switch_port: int
    pid: int
    log: str


class Status(Model):
    """The whole network; `parts` has the switches first, then the machines, `faults` the rest.

    `code`: hash of the sources of `topo` when the daemon was started.
    """

    topology: str
    target: Target
    version: str
    run_dir: str
    pid: int
    code: str
    uptime_s: float
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()
    switches: tuple[SwitchInfo, ...]
    machines: tuple[MachineInfo, ...]

    @property
    def dead(self) -> tuple[Part, ...]:
        """The parts that have ended."""
        return tuple(part for part in self.parts if not part.is_alive)

    @property
    def troubles(self) -> tuple[str, ...]:
        """One line for each thing that does not work; empty when the network is usable."""
        parts = [f"{part.name}: {part.state}" for part in self.parts if part.state != "running"]
        return (*parts, *map(str, self.faults))
