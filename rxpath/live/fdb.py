"""The forwarding table: segment and MAC address to the port of a container.

Ports 0 .. n-1 are the containers in the order of the configuration, port n is the uplink.  The
table is one int64 array [ROWS, size], so that a compiled function gets one array; column 0 of a
row is its length, its values begin in column 1, keys are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.jit import kernel as entry
from rxpath.wire.frames import GROUP

NOWHERE = -1
VNI, VNI_TENANT = 0, 1  # sorted VNIs; tenant of each
VLAN, VLAN_TENANT = 2, 3  # sorted VLAN ids; tenant of each
MAC, MAC_PORT = 4, 5  # sorted tenant << 48 | MAC; port of each
FIRST = 6  # [tenants + 1] where a tenant's ports begin in MEMBERS
MEMBERS = 7  # ports, by tenant
TENANT = 8  # tenant of a port
TARGETS = 9  # where `targets` writes
ROWS = 10


class Station(Protocol):
    """A container, as far as the table is concerned."""

    @property
    def mac_int(self) -> int: ...  # noqa: D102  # the names are clear
    @property
    def vlan(self) -> int: ...  # noqa: D102
    @property
    def vni(self) -> int: ...  # noqa: D102


def build(stations: Sequence[Station]) -> np.ndarray:
    """Make the table; a tenant is a (VNI, VLAN) pair, each of both in one pair only."""
    tenants = sorted({(one.vni, one.vlan) for one in stations})
    number = {pair: i for i, pair in enumerate(tenants)}
    tenant = [number[one.vni, one.vlan] for one in stations]
    macs = [i << 48 | one.mac_int for i, one in zip(tenant, stations, strict=True)]
    vlan_order = sorted(range(len(tenants)), key=lambda i: tenants[i][1])
    mac_order = sorted(range(len(macs)), key=macs.__getitem__)
    rows = {
        VNI: [vni for vni, _ in tenants],
        VNI_TENANT: list(range(len(tenants))),
        VLAN: [tenants[i][1] for i in vlan_order],
        VLAN_TENANT: vlan_order,
        MAC: [macs[i] for i in mac_order],
        MAC_PORT: mac_order,
        FIRST: [sum(t < i for t in tenant) for i in range(len(tenants) + 1)],
        MEMBERS: sorted(range(len(tenant)), key=tenant.__getitem__),
        TENANT: tenant,
    }
    table = np.zeros((ROWS, len(stations) + 3), np.int64)
    for row, values in rows.items():
        table[row, 0], table[row, 1 : 1 + len(values)] = len(values), values
    return table


@inner
def _find(fdb: np.ndarray, keys: int, key: int) -> int:
    """Value beside `key`, in the row after the row `keys`, or NOWHERE."""
    low, high = 1, fdb[keys, 0] + 1
    while low < high:
        middle = (low + high) // 2
        if fdb[keys, middle] < key:
            low = middle + 1
        else:
            high = middle
    if low > fdb[keys, 0] or fdb[keys, low] != key:
        return NOWHERE
    value: int = fdb[keys + 1, low]
    return value


@inner
def containers(fdb: np.ndarray) -> int:
    """Number of containers, which is also the number of the uplink's port."""
    count: int = fdb[TENANT, 0]
    return count


@entry
def tenant_of(fdb: np.ndarray, tunnel: int, segment: int) -> int:
    """Tenant of a VNI (`tunnel` 1) or a VLAN id (0), or NOWHERE."""
    return _find(fdb, VNI if tunnel else VLAN, segment)


@inner
def port_of(fdb: np.ndarray, tenant: int, mac: int) -> int:
    """Port of a tenant's unicast MAC, or NOWHERE."""
    return _find(fdb, MAC, tenant << 48 | mac)


@entry
def targets(fdb: np.ndarray, tenant: int, mac: int, source: int) -> int:
    """Write the ports but `source` that a frame for `mac` goes to into TARGETS; return how many."""
    count = 0
    if mac & GROUP:
        for at in range(fdb[FIRST, 1 + tenant], fdb[FIRST, 2 + tenant]):
            if fdb[MEMBERS, 1 + at] != source:
                fdb[TARGETS, count] = fdb[MEMBERS, 1 + at]
                count += 1
        return count
    fdb[TARGETS, 0] = port_of(fdb, tenant, mac)
    return 0 if fdb[TARGETS, 0] == NOWHERE else 1
