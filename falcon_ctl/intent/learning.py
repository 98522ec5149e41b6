"""MAC learning: a digest of the switch, the entry and station that follow from it, and how many.

The tables are shared by all tenants, so each tenant has a quota of them: its own containers and
`UNKNOWN_STATIONS` addresses more. Beyond that the address that was reported longest ago is removed;
when it still sends it misses, and is reported again. See docs/decisions/ctl-learning.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Generic, TypeVar

from falcon_ctl.intent.overlay import Station
from falcon_ctl.intent.underlay import attached
from falcon_ctl.p4rt.encoding import to_int
from falcon_ctl.p4rt.entities import Call, Entity, Entry
from topo.spec.model import Topology

TABLE = "smac"
UNKNOWN_STATIONS = 128  # addresses of a tenant that are not in the inventory
_K = TypeVar("_K")


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

    @classmethod
    def of_entry(cls, entry: Entry) -> Sighting:
        """From an entry of `TABLE`, whose fields are called as ours."""
        fields = {
            name: to_int(value) for name, value in entry.match if not isinstance(value, tuple)
        }
        return cls(**fields)

    @property
    def mac_text(self) -> str:
        """The address as text."""
        return self.mac.to_bytes(6, "big").hex(":")

    def entry(self) -> Entry:
        """The entry that stops the switch from reporting this place again."""
        return Entry.of(
            TABLE, Call.of("known"), vni=self.vni, mac=self.mac, port=self.port, vtep=self.vtep
        )

    def station(self, topology: Topology, switch: str) -> Station | None:
        """Where the address is, seen by `switch`; None when that place is not in the topology."""
        if self.port:
            here = next(s for s in topology.switches if s.name == switch)
            machine = attached(topology, here).get(self.port)
        else:
            machine = next((m for m in topology.machines if int(m.vtep) == self.vtep), None)
        return None if machine is None else Station(self.vni, self.mac_text, machine.name)


def quotas(topology: Topology, capacity: int) -> dict[int, int]:
    """VNI → how many of a table's `capacity` entries the tenant may have, never above a share."""
    containers = Counter(c.tenant for c in topology.containers)
    share = capacity // max(1, len(topology.tenants))
    return {t.vni: min(containers[t.name] + UNKNOWN_STATIONS, share) for t in topology.tenants}


class Recent(Generic[_K]):
    """Keys of each tenant up to its quota; one more displaces the one noted longest ago."""

    def __init__(self, quotas: Mapping[int, int]) -> None:
        self._quotas = quotas
        self._keys: dict[int, dict[_K, None]] = {vni: {} for vni in quotas}

    def __contains__(self, item: tuple[int, _K]) -> bool:
        vni, key = item
        return key in self._keys.get(vni, ())

    def note(self, vni: int, key: _K) -> _K | None:
        """Make `key` the latest of its tenant; returns the key that it displaced."""
        keys = self._keys[vni]
        keys.pop(key, None)
        keys[key] = None
        if len(keys) <= self._quotas[vni]:
            return None
        oldest = next(iter(keys))
        del keys[oldest]
        return oldest

    def __iter__(self) -> Iterator[_K]:
        return chain.from_iterable(self._keys.values())


class Learner:
    """What one switch has reported: the entries it should have, and reports that wait for theirs.

    Waiting reports are bounded per tenant as well, and served in turn, so that a tenant that
    reports many delays no other.
    """

    def __init__(self, quotas: Mapping[int, int]) -> None:
        self._quotas = quotas
        self.held: Recent[Sighting] = Recent(quotas)
        self._waiting: dict[int, dict[Sighting, None]] = {vni: {} for vni in quotas}

    def report(self, sightings: Iterable[Sighting]) -> None:
        """Take reports; one that does not fit is dropped, and comes again with the next frame."""
        for sighting in sightings:
            vni = sighting.vni
            if (vni, sighting) in self.held:
                self.held.note(vni, sighting)
            elif len(waiting := self._waiting.get(vni, {})) < self._quotas.get(vni, 0):
                waiting[sighting] = None

    def adopt(self, sightings: Iterable[Sighting]) -> list[Sighting]:
        """Take what the switch holds already; returns what is too much of it."""
        known = [s for s in sightings if s.vni in self._quotas]
        surplus = [s for s in sightings if s.vni not in self._quotas]
        return surplus + [gone for s in known if (gone := self.held.note(s.vni, s))]

    def changes(self, limit: int) -> tuple[list[Entity], list[Entity]]:
        """Entries for up to `limit` reports, the tenants in turn; and entries that must go."""
        turns = chain.from_iterable(zip_longest(*self._waiting.values()))
        chosen = list(islice((s for s in turns if s is not None), limit))
        gone = [self._hold(sighting) for sighting in chosen]
        return [s.entry() for s in chosen], [s.entry() for s in gone if s is not None]

    def _hold(self, sighting: Sighting) -> Sighting | None:
        del self._waiting[sighting.vni][sighting]
        return self.held.note(sighting.vni, sighting)
