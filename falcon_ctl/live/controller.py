"""The controller of all switches: pipeline, intent, learning."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from falcon_ctl.errors import PartFailed, SwitchError, UsageError
from falcon_ctl.intent.learning import Sighting
from falcon_ctl.intent.network import LEARN, intent
from falcon_ctl.intent.overlay import Station, stations
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.entities import Entity
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import LearnCallback, Switch
from falcon_ctl.program import P4INFO, PROGRAM
from falcon_ctl.systems.system import System
from topo.protocol.status import SwitchInfo
from topo.spec.model import Topology


class Controller:
    """Context manager: sessions with every switch of a topology."""

    def __init__(self, topology: Topology, infos: Mapping[str, SwitchInfo]) -> None:
        self.topology = topology
        self.switches: dict[str, Switch] = {}
        self._system: System | None = None
        self._learned: dict[tuple[int, str], Station] = {}
        self._sightings: dict[str, set[tuple[int, str]]] = {name: set() for name in infos}
        self._lock = threading.Lock()
        schema = Schema.load(P4INFO)
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
                message = "another controller is primary (is a p4runtime-shell open?)"
                raise PartFailed(f"switch {switch.name}", message)
            switch.push_pipeline(P4INFO, PROGRAM)
            switch.learn(self._learner(switch.name))

    def use(self, system: System) -> int:
        """Make the network run `system`; returns the number of updates that took."""
        with self._lock:
            self._system = system
            wanted = intent(self.topology, system, self._learned.values())
        for switch in self.switches.values():
            if switch.learning_error is not None:
                raise switch.learning_error
        return sum(switch.apply(wanted[name]) for name, switch in self.switches.items())

    @property
    def learned(self) -> dict[str, set[tuple[int, str]]]:
        """Switch → (VNI, MAC) that its digests reported."""
        with self._lock:
            return {name: set(seen) for name, seen in self._sightings.items()}

    def _learner(self, switch: str) -> LearnCallback:
        known = {(s.vni, s.mac) for s in stations(self.topology)}

        def absorb(name: str, structs: Sequence[Sequence[bytes]]) -> list[Entity]:
            if name != LEARN:
                return []
            sightings = [Sighting.of(members) for members in structs]
            for sighting in sightings:
                self._note(switch, sighting, known)
            return [sighting.entry() for sighting in sightings]

        return absorb

    def _note(self, switch: str, sighting: Sighting, known: set[tuple[int, str]]) -> None:
        """Record a sighting; a station outside the inventory joins the next intent."""
        key = sighting.vni, sighting.mac_text
        station = sighting.station(self.topology, switch)
        with self._lock:
            self._sightings[switch].add(key)
            if key not in known and station is not None:
                self._learned[key] = station


def election_id() -> int:
    """A later controller wins: the wall clock in seconds (P4Runtime specification, section 5)."""
    return int(time.time())
