"""Links: veth pairs, created and configured over netlink.

Every end is set up as P4 needs it: all offloads off (so that frames carry complete checksums and
arrive as they were sent), the MTU set, IPv6 off unless wanted. Ends without an address do no ARP.
"""

import contextlib
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import IoctlEthtool
from pyroute2.netlink.exceptions import NetlinkError

from topo.daemon.mininet_api import Intf, Link
from topo.daemon.nodes import Namespaced
from topo.errors import StartFailed
from topo.system.linux import within_netns


class PlainIntf(Intf):  # type: ignore[misc]  # Mininet carries no types
    """An interface that `configure` sets up instead of ifconfig in a shell."""

    def config(self, **_params: object) -> dict[str, object]:
        """Do nothing: there is no shell to run ifconfig in."""
        return {}


@dataclass(frozen=True)
class Port:
    """One end of a link; `address` is None where rxpath or the switch is the network stack."""

    ifname: str
    mac: str
    address: IPv4Interface | None = None


class VethPair(Link):  # type: ignore[misc]  # Mininet carries no types
    """A veth pair whose ends are created in the namespaces of their nodes."""

    def __init__(
        self,
        netlink: IPRoute,
        mtu: int,
        ends: tuple[tuple[Namespaced, Port], tuple[Namespaced, Port]],
        numbers: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self._netlink, self._mtu = netlink, mtu
        (node1, port1), (node2, port2) = ends
        super().__init__(
            node1,
            node2,
            port1=numbers[0],
            port2=numbers[1],
            intfName1=port1.ifname,
            intfName2=port2.ifname,
            addr1=port1.mac,
            addr2=port2.mac,
            intf=PlainIntf,
        )

    def makeIntfPair(  # noqa: N802  # Mininet's hook
        self,
        name1: str,
        name2: str,
        mac1: str,
        mac2: str,
        node1: Namespaced,
        node2: Namespaced,
        **_: object,
    ) -> None:
        """Create both ends with one netlink request, each in its own namespace."""
        peer = {"ifname": name2, "address": mac2, "mtu": self._mtu, "net_ns_pid": node2.pid}
        try:
            self._netlink.link(
                "add",
                kind="veth",
                ifname=name1,
                address=mac1,
                mtu=self._mtu,
                net_ns_pid=node1.pid,
                peer=peer,
            )
        except NetlinkError as err:
            raise StartFailed(f"link {name1}", _reason(err)) from err


def _reason(err: NetlinkError) -> str:
    if err.code == errno.EOPNOTSUPP:
        return (
            "the kernel has no veth: sudo modprobe veth (Ubuntu: linux-modules-extra-$(uname -r))"
        )
    return f"netlink: {err}"


def configure(node: Namespaced, ports: Sequence[Port], ipv6: bool) -> dict[str, int]:
    """Bring up the loopback and the ports of a node; return {interface: ifindex}."""
    try:
        return within_netns(node.netns, lambda: _configure(ports, ipv6))
    except (OSError, NetlinkError) as err:
        raise StartFailed(node.name, f"cannot configure its interfaces: {err}") from err


def _configure(ports: Sequence[Port], ipv6: bool) -> dict[str, int]:
    if not ipv6:
        _disable_ipv6()
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")  # lo is a namespace's first interface
        return {port.ifname: _bring_up(netlink, port) for port in ports}


def _disable_ipv6() -> None:
    """Must precede the first interface: the kernel would send MLD reports and solicitations."""
    for scope in ("all", "default"):
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")


def _bring_up(netlink: IPRoute, port: Port) -> int:
    index: int = netlink.link_lookup(ifname=port.ifname)[0]
    disable_offloads(port.ifname)
    if port.address is not None:
        address, length = str(port.address.ip), port.address.network.prefixlen
        netlink.addr("add", index=index, address=address, prefixlen=length)
    netlink.link("set", index=index, state="up", arp=port.address is not None)
    return index


def disable_offloads(ifname: str) -> None:
    """Turn off every offload of an interface that can be turned off (ethtool -K)."""
    ethtool = IoctlEthtool(ifname)
    try:
        features: Any = ethtool.get_features()
        for name, is_on, is_changeable, _, _ in features:
            if is_on and is_changeable:
                features[name] = False
        ethtool.set_features(features)
    finally:
        ethtool.close()
