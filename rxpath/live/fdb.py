"""The forwarding table: segment and MAC address to the port of a container.

Ports 0 .. n-1 are the containers in the order of the configuration, port n is the uplink.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from rxpath.compile.jit import entry, inner
from rxpath.compile.tables import Row, Rows, word
from rxpath.wire.frames import GROUP

NOWHERE = -1


class Entry(Row):
    """A key and what it leads to; in ascending order of keys."""

    key = word("a VNI, a VLAN ID, or tenant << 48 | MAC address")
    value = word("its tenant, or port")


class Tenant(Row):
    """A tenant: a (VNI, VLAN) pair."""

    first = word("of its ports in `Fdb.members`")
    end = word("behind the last of them")


class Port(Row):
    """A container's port."""

    tenant = word("whose it is")


class Member(Row):
    """An item of a list of ports."""

    port = word("by number")


class Fdb(NamedTuple):
    """The table."""

    vnis: Rows[Entry]
    vlans: Rows[Entry]
    macs: Rows[Entry]
    tenants: Rows[Tenant]
    ports: Rows[Port]
    members: Rows[Member]  # all ports, by tenant
    targets: Rows[Member]  # where `targets` writes


class Station(Protocol):
    """A container, as far as the table is concerned."""

    @property
    def mac_int(self) -> int: ...  # noqa: D102  # the names are clear
    @property
    def vlan(self) -> int: ...  # noqa: D102
    @property
    def vni(self) -> int: ...  # noqa: D102


def build(stations: Sequence[Station]) -> Fdb:
    """Make the table; a tenant is a (VNI, VLAN) pair, each of both in one pair only."""
    pairs = sorted({(one.vni, one.vlan) for one in stations})
    tenant = [pairs.index((one.vni, one.vlan)) for one in stations]
    macs = (i << 48 | one.mac_int for i, one in zip(tenant, stations, strict=True))
    fdb = Fdb(
        vnis=_entries((vni, i) for i, (vni, _) in enumerate(pairs)),
        vlans=_entries((vlan, i) for i, (_, vlan) in enumerate(pairs)),
        macs=_entries((key, port) for port, key in enumerate(macs)),
        tenants=Rows.new(Tenant, len(pairs)),
        ports=Rows.new(Port, len(stations)),
        members=Rows.new(Member, len(stations)),
        targets=Rows.new(Member, max(len(stations), 1)),
    )
    fdb.tenants.array["first"] = [sum(t < i for t in tenant) for i in range(len(pairs))]
    fdb.tenants.array["end"] = [sum(t <= i for t in tenant) for i in range(len(pairs))]
    fdb.ports.array["tenant"] = tenant
    fdb.members.array["port"] = sorted(range(len(tenant)), key=tenant.__getitem__)
    return fdb


def _entries(pairs: Iterable[tuple[int, int]]) -> Rows[Entry]:
    ordered = sorted(pairs)
    rows = Rows.new(Entry, len(ordered))
    for row, (key, value) in zip(rows, ordered, strict=True):
        row.key, row.value = key, value
    return rows


@inner
def _find(entries: Rows[Entry], key: int) -> int:
    """The value of a key, or NOWHERE."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].key < key:
            low = middle + 1
        else:
            high = middle
    if low == len(entries) or entries[low].key != key:
        return NOWHERE
    return entries[low].value


@entry
def tenant_of(fdb: Fdb, tunnel: int, segment: int) -> int:
    """Tenant of a VNI (`tunnel` 1) or a VLAN ID (0), or NOWHERE."""
    return _find(fdb.vnis if tunnel else fdb.vlans, segment)


@inner
def port_of(fdb: Fdb, tenant: int, mac: int) -> int:
    """Port of a tenant's unicast MAC address, or NOWHERE."""
    return _find(fdb.macs, tenant << 48 | mac)


@entry
def targets(fdb: Fdb, tenant: int, mac: int, source: int) -> int:
    """Write the ports but `source` that a frame for `mac` goes to into `targets`; give how many."""
    if mac & GROUP:
        return _others(fdb, tenant, source)
    fdb.targets[0].port = port_of(fdb, tenant, mac)
    return 0 if fdb.targets[0].port == NOWHERE else 1


@inner
def _others(fdb: Fdb, tenant: int, source: int) -> int:
    count = 0
    for at in range(fdb.tenants[tenant].first, fdb.tenants[tenant].end):
        port = fdb.members[at].port
        if port != source:
            fdb.targets[count].port = port
            count += 1
    return count
