"""Who lives here: segment and MAC address to the port of a container, as sorted arrays.

Ports 0 .. n-1 are the containers in the order of the configuration, port n is the uplink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from rxpath.frames import GROUP
from rxpath.jit import jit

NOWHERE = -1


class Resident(Protocol):
    """What the table needs to know of a container."""

    @property
    def mac_int(self) -> int: ...  # noqa: D102  # the names say it
    @property
    def vlan(self) -> int: ...  # noqa: D102
    @property
    def vni(self) -> int: ...  # noqa: D102


class Fdb(NamedTuple):
    """The static forwarding table; all int64."""

    vnis: np.ndarray  # [tenants] sorted
    vni_tenant: np.ndarray  # [tenants] tenant of vnis[i]
    vlans: np.ndarray  # [tenants] sorted
    vlan_tenant: np.ndarray  # [tenants]
    macs: np.ndarray  # [containers] sorted: tenant << 48 | MAC
    mac_port: np.ndarray  # [containers]
    first: np.ndarray  # [tenants + 1] where a tenant's ports begin in `members`
    members: np.ndarray  # [containers] ports by tenant
    tenant: np.ndarray  # [containers] tenant of a port


def build(residents: Sequence[Resident]) -> Fdb:
    """Make the table; a tenant is a (VNI, VLAN) pair, each of both in one pair only."""
    tenants = sorted({(one.vni, one.vlan) for one in residents})
    number = {pair: i for i, pair in enumerate(tenants)}
    tenant = [number[one.vni, one.vlan] for one in residents]
    macs = [i << 48 | one.mac_int for i, one in zip(tenant, residents, strict=True)]
    vlan_order = sorted(range(len(tenants)), key=lambda i: tenants[i][1])
    mac_order = sorted(range(len(macs)), key=macs.__getitem__)
    members = sorted(range(len(tenant)), key=tenant.__getitem__)
    first = [sum(t < i for t in tenant) for i in range(len(tenants) + 1)]
    columns = (
        *([vni for vni, _ in tenants], list(range(len(tenants)))),
        *([tenants[i][1] for i in vlan_order], vlan_order),
        *([macs[i] for i in mac_order], mac_order),
        *(first, members, tenant),
    )
    return Fdb(*(np.array(column, np.int64) for column in columns))


@jit
def _find(keys: np.ndarray, key: int) -> int:
    """Index of `key` in sorted `keys`, or NOWHERE."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(keys) and keys[low] == key else NOWHERE


@jit
def tenant_of(fdb: Fdb, tunnel: int, segment: int) -> int:
    """Tenant of a VNI (`tunnel` 1) or a VLAN id (0), or NOWHERE."""
    at = _find(fdb.vnis if tunnel else fdb.vlans, segment)
    if at == NOWHERE:
        return NOWHERE
    return fdb.vni_tenant[at] if tunnel else fdb.vlan_tenant[at]


@jit
def port_of(fdb: Fdb, tenant: int, mac: int) -> int:
    """Port of a tenant's unicast MAC, or NOWHERE."""
    at = _find(fdb.macs, tenant << 48 | mac)
    return NOWHERE if at == NOWHERE else fdb.mac_port[at]


@jit
def targets(fdb: Fdb, tenant: int, mac: int, out: np.ndarray) -> int:
    """Write the ports that a frame for `mac` goes to into `out` [containers]; return how many."""
    if mac & GROUP:
        count = fdb.first[tenant + 1] - fdb.first[tenant]
        out[:count] = fdb.members[fdb.first[tenant] : fdb.first[tenant + 1]]
        return count
    out[0] = port_of(fdb, tenant, mac)
    return 0 if out[0] == NOWHERE else 1
