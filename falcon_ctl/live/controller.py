"""The controller of all switches: pipeline, intent, learning."""

from __future__ import annotations

import time
from collections.abc import Mapping

from falcon_ctl.errors import PartFailed, SwitchError, UsageError
from falcon_ctl.intent.network import intent
from falcon_ctl.intent.overlay import Station
from falcon_ctl.live.learners import Address, Learners
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.program import P4INFO, PROGRAM
from falcon_ctl.systems.system import System
from topo.protocol.status import SwitchInfo
from topo.spec.model import Topology


class Controller:
    """Context manager: sessions with every switch of a topology."""

    def __init__(self, topology: Topology, infos: Mapping[str, SwitchInfo]) -> None:
        self.topology = topology
        self.switches: dict[str, Switch] = {}
        schema = Schema.load(P4INFO)
        self._learners = Learners(topology, schema)
        if not PROGRAM.is_file():
            raise UsageError(str(PROGRAM), "missing", "the compiled program (make p4)")
        try:
            for name, info in infos.items():
                client = Client(name, info.grpc_address, info.device_id, election_id())
                self.switches[name] = Switch(client, schema)
        except SwitchError:
            self.close()
            raise

    def __enter__(self) -> Controller:  # noqa: PYI034  # Self needs Python 3.11
        """The constructor opened everything."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the sessions; the switches keep their entries."""
        self.close()

    def close(self) -> None:
        """Close the sessions."""
        for switch in self.switches.values():
            switch.close()

    def push_pipelines(self) -> None:
        """Load the program into every switch and start learning."""
        for switch in self.switches.values():
            if not switch.client.is_primary:
                message = f"another controller is primary ({switch.client.holder}); end it first"
                raise PartFailed(f"switch {switch.name}", message)
            switch.push_pipeline(P4INFO, PROGRAM)
            switch.learn(self._learners.renew(switch.name))

    def use(self, system: System) -> int:
        """Make the network run `system`; returns the number of updates that took."""
        wanted = intent(self.topology, system, self._learners.strangers)
        for switch in self.switches.values():
            if switch.learning_error is not None:
                raise switch.learning_error
        return sum(switch.apply(wanted[name]) for name, switch in self.switches.items())

    @property
    def learned(self) -> Mapping[str, set[Address]]:
        """Switch → (VNI, MAC) that its digests reported."""
        return self._learners.seen

    @property
    def strangers(self) -> list[Station]:
        """Stations outside the inventory that take part in the next intent."""
        return self._learners.strangers


def election_id() -> int:
    """A later controller wins: the wall clock in seconds (P4Runtime specification, section 5)."""
    return int(time.time())
