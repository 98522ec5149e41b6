"""MAC learning: a digest of the switch, and the entry and station that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from falcon_ctl.intent.overlay import Station
from falcon_ctl.intent.underlay import attached
from falcon_ctl.p4rt.entities import Call, Entry
from topo.spec.model import Topology


@dataclass(frozen=True)
class Sighting:
    """The digest `mac_learn`: a source address seen at an access `port`, or behind a `vtep`.

    Of `port` and `vtep` (an IPv4 address as a number) exactly one is not 0.
    """

    vni: int
    mac: int
    port: int
    vtep: int

    @classmethod
    def of(cls, members: Sequence[bytes]) -> Sighting:
        """From the digest's struct members, in the order of the p4info."""
        return cls(*(int.from_bytes(member, "big") for member in members))

    @property
    def mac_text(self) -> str:
        """The address as text."""
        return self.mac.to_bytes(6, "big").hex(":")

    def entry(self) -> Entry:
        """The entry that stops the switch from reporting this place again."""
        return Entry.of(
            "smac", Call.of("known"), vni=self.vni, mac=self.mac, port=self.port, vtep=self.vtep
        )

    def station(self, topology: Topology, switch: str) -> Station | None:
        """Where the address is, seen by `switch`; None when that place is not in the topology."""
        if self.port:
            here = next(s for s in topology.switches if s.name == switch)
            machine = attached(topology, here).get(self.port)
        else:
            machine = next((m for m in topology.machines if int(m.vtep) == self.vtep), None)
        return None if machine is None else Station(self.vni, self.mac_text, machine.name)
