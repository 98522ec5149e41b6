"""Links: veth pairs, created and configured over netlink.

Every end is set up as P4 needs it: all offloads off (so that frames carry complete checksums and
arrive as they were sent), the MTU set, IPv6 off unless wanted. Ends without an address do no ARP.
"""

import contextlib
import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import IoctlEthtool
from pyroute2.netlink.exceptions import NetlinkError

from topo.daemon.mininet_api import Intf, Link
from topo.daemon.nodes import Namespaced
from topo.daemon.wiring import Port, Wire
from topo.errors import StartFailed
from topo.system.linux import within_netns


class PlainIntf(Intf):  # type: ignore[misc]  # Mininet carries no types
    """An interface that `configure` sets up instead of ifconfig in a shell."""

    def config(self, **_params: object) -> dict[str, object]:
        """Do nothing: there is no shell to run ifconfig in."""
        return {}


class VethPair(Link):  # type: ignore[misc]  # Mininet carries no types
    """A veth pair whose ends are created in the namespaces of their nodes."""

    def __init__(self, netlink: IPRoute, wire: Wire, nodes: Mapping[str, Namespaced]) -> None:
        self._netlink = netlink
        port1, port2 = self._ports = wire.ends
        super().__init__(
            nodes[port1.node],
            nodes[port2.node],
            port1=wire.numbers[0],
            port2=wire.numbers[1],
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
        mtu1, mtu2 = (port.mtu for port in self._ports)
        peer = {"ifname": name2, "address": mac2, "mtu": mtu2, "net_ns_pid": node2.pid}
        try:
            self._netlink.link(
                "add",
                kind="veth",
                ifname=name1,
                address=mac1,
                mtu=mtu1,
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
    """Bring up the loopback and the ports of a node; return {interface: ifindex}.

    Sets everything that a port has, so it also repairs one that somebody changed.
    """
    try:
        return within_netns(node.netns, lambda: _configure(ports, ipv6))
    except (OSError, NetlinkError, RuntimeError) as err:  # RuntimeError: no more threads
        raise StartFailed(node.name, f"cannot configure its interfaces: {err}") from err


def _configure(ports: Sequence[Port], ipv6: bool) -> dict[str, int]:
    if not ipv6:
        _disable_ipv6()
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")  # lo is a namespace's first interface
        return {port.ifname: _bring_up(netlink, port) for port in ports}


def remove(node: Namespaced, ifname: str) -> None:
    """Delete an interface of a node, and its other end, if it exists."""

    def delete() -> None:
        with IPRoute() as netlink:
            for index in netlink.link_lookup(ifname=ifname):
                netlink.link("del", index=index)

    try:
        within_netns(node.netns, delete)
    except (OSError, NetlinkError, RuntimeError) as err:
        raise StartFailed(node.name, f"cannot delete {ifname}: {err}") from err


def _disable_ipv6() -> None:
    """Must precede the first interface: the kernel would send MLD reports and solicitations."""
    for scope in ("all", "default"):
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")


def _bring_up(netlink: IPRoute, port: Port) -> int:
    found = netlink.link_lookup(ifname=port.ifname)
    if not found:
        raise OSError(errno.ENODEV, f"{port.ifname} does not exist")
    index: int = found[0]
    disable_offloads(port.ifname)
    netlink.link("set", index=index, address=port.mac, mtu=port.mtu)
    if port.address is not None:
        address, length = str(port.address.ip), port.address.network.prefixlen
        netlink.addr("replace", index=index, address=address, prefixlen=length)
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
