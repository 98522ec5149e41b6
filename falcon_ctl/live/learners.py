"""What the switches of a topology have learned: one learner each, and unknown stations."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from falcon_ctl.intent.learning import TABLE, UNKNOWN_STATIONS, Learner, Recent, Sighting, quotas
from falcon_ctl.intent.network import LEARN
from falcon_ctl.intent.overlay import Station, stations
from falcon_ctl.p4rt.client import BATCH
from falcon_ctl.p4rt.entities import Entity, Entry
from falcon_ctl.p4rt.schema import Schema
from topo.spec.model import Topology

FORWARDING = "l2_forward"
Address = tuple[int, str]  # VNI, MAC


class Learners:
    """The learners of all switches; an address outside the inventory is known to all of them."""

    def __init__(self, topology: Topology, schema: Schema) -> None:
        self.topology = topology
        self.inventory = {(s.vni, s.mac) for s in stations(topology)}
        # A batch replaces entries, and a switch may carry out its updates in any order.
        self._quotas = quotas(topology, schema.table(TABLE).size - BATCH)
        room = schema.table(FORWARDING).size - len(self.inventory)
        share = max(0, room) // max(1, len(topology.tenants))
        self._recent: Recent[str] = Recent(
            dict.fromkeys(self._quotas, min(UNKNOWN_STATIONS, share))
        )
        self._unknown_stations: dict[Address, Station] = {}
        self._of: dict[str, SwitchLearner] = {}
        self._lock = threading.Lock()

    def renew(self, switch: str) -> SwitchLearner:
        """A learner for a switch that has learned nothing yet."""
        self._of[switch] = SwitchLearner(switch, self, Learner(self._quotas))
        return self._of[switch]

    def meet(self, switch: str, sighting: Sighting) -> None:
        """Remember an address outside the inventory: it joins the next intent."""
        key = sighting.vni, sighting.mac_text
        if key in self.inventory or sighting.vni not in self._quotas:
            return
        station = sighting.station(self.topology, switch)
        if station is None:
            return
        with self._lock:
            gone = self._recent.note(*key)
            self._unknown_stations[key] = station
            self._unknown_stations.pop((sighting.vni, gone or ""), None)

    @property
    def unknown_stations(self) -> list[Station]:
        """Stations outside the inventory that were seen last, a bounded number of each tenant."""
        with self._lock:
            return list(self._unknown_stations.values())

    @property
    def seen(self) -> Mapping[str, set[Address]]:
        """Switch → (VNI, MAC) that its digests reported: all of the inventory, the last others."""
        return {switch: learner.seen for switch, learner in self._of.items()}


class SwitchLearner:
    """The learner of one switch, as `falcon_ctl.p4rt.switch` drives it."""

    def __init__(self, switch: str, learners: Learners, learner: Learner) -> None:
        self._switch, self._learners, self._learner = switch, learners, learner
        self._known: set[Address] = set()  # of the inventory
        self._lock = threading.Lock()

    def report(self, name: str, structs: Sequence[Sequence[bytes]]) -> None:
        """Take a digest list."""
        if name != LEARN:
            return
        sightings = [Sighting.of(members) for members in structs]
        self._note(sightings)
        with self._lock:
            self._learner.report(sightings)

    def adopt(self, entries: Iterable[Entry]) -> list[Entity]:
        """Take over entries that the switch holds; returns those that are too many."""
        sightings = [Sighting.of_entry(entry) for entry in entries]
        self._note(sightings)
        with self._lock:
            return [surplus.entry() for surplus in self._learner.adopt(sightings)]

    def changes(self, limit: int) -> tuple[list[Entity], list[Entity]]:
        """Entries to write and to remove."""
        with self._lock:
            return self._learner.changes(limit)

    @property
    def seen(self) -> set[Address]:
        """(VNI, MAC) that were reported: all of the inventory, of others those that are held."""
        with self._lock:
            return self._known | {(s.vni, s.mac_text) for s in self._learner.held}

    def _note(self, sightings: Iterable[Sighting]) -> None:
        addresses = {(s.vni, s.mac_text) for s in sightings}
        with self._lock:
            self._known |= addresses & self._learners.inventory
        for sighting in sightings:
            self._learners.meet(self._switch, sighting)
