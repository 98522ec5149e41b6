"""The definition of a system: what the network does with frames, and the receiving host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rxpath.policies.custom import CustomPolicy

VXLAN_PORT = 4789  # IANA's (RFC 7348); where the host's profile has none
VXLAN_BYTES = 50  # outer Ethernet, IPv4, UDP and VXLAN headers (RFC 7348)
FLAGS = ("pipelining", "splitting", "balancing", "switch_off")  # FALCON's parts
_NO_KNOBS: Mapping[str, Any] = MappingProxyType({})
_USUAL: Mapping[str, Any] = MappingProxyType(
    {"rps_masks": {}, "napi_threads": {}, "cache_entries": 4096, "priority": []}
)  # of systems that say nothing else


class Tunnel(Enum):
    """Where a tenant's frame travels in VXLAN."""

    NONE = "not between machines of one switch; farther ones decapsulate in front of the host"
    TO_HOST = "up to the receiving host, which decapsulates"
    TO_SWITCH = "up to the switch in front of the receiving host, which decapsulates"


@dataclass(frozen=True)
class System:
    """One system, under either clock.

    Attributes:
        name: as the command line, YAML and JSON know it.
        title: for tables and pictures.
        tunnel: what the network does.
        profile: the receiving host's chain of devices: a built-in name or FILE.toml:NAME.
        policy: the receiving host's steering policy, of those built in.
        falcon: which of FALCON's parts (`FLAGS`) are on.
        order: what keeps a flow in order whose stage changes cores: "none", "rfs" or "handover".
        connection_level: only TCP's data leave the overlay: connections are set up in the tunnel,
            and everything else stays there.
        own_knobs: the host's other knobs that make the system what it is.
        costs: the host's cost profile, under either clock.
        not_live: why the system cannot run on the live network; "" when it can.
        live_knobs: knobs that a live run needs besides, because it lasts a second and not minutes.
        custom: a steering policy from a user's file, in place of `policy`.
    """

    name: str
    title: str
    tunnel: Tunnel
    profile: str
    policy: str = "same_cpu"
    falcon: frozenset[str] = frozenset()
    order: str = "handover"
    connection_level: bool = False
    own_knobs: Mapping[str, Any] = field(default_factory=lambda: _NO_KNOBS, hash=False)
    costs: str = "xeon-silver-4114"
    not_live: str = ""
    live_knobs: Mapping[str, Any] = field(default_factory=lambda: _NO_KNOBS, hash=False)
    custom: CustomPolicy | None = None

    @property
    def knobs(self) -> dict[str, Any]:
        """The host's knobs, as `rxpath.config.knobs.Knobs.parse` takes them."""
        flags = {flag: flag in self.falcon for flag in FLAGS}
        falcon = {**flags, "order": self.order}
        chosen = {"profile": self.profile, "policy": self.policy, "falcon": falcon}
        return {**chosen, **_USUAL, **self.own_knobs}

    @property
    def vxlan_port(self) -> int:
        """UDP port of the system's VXLAN packets."""
        from rxpath.config import profiles  # names of systems need not wait for Numba

        return profiles.chains(self.profile)[self.profile].vxlan_port or VXLAN_PORT

    @property
    def is_falcon_overlay(self) -> bool:
        """The system is FALCON over a container overlay."""
        return self.policy in ("falcon", "falcon+rps") and self.tunnel is Tunnel.TO_HOST

    @property
    def cores_of_a_stage(self) -> int:
        """How many cores share one stage of one flow; more than one with mFlow alone."""
        from rxpath.config.knobs import Knobs

        return len(Knobs().rps_cpus) if self.policy == "mflow" else 1

    def tunnels(self, proto: str) -> bool:
        """Whether data of `proto` ("udp" or "tcp") reach the host in VXLAN."""
        return self.tunnel is Tunnel.TO_HOST or (self.connection_level and proto != "tcp")


def merge_knobs(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs of all layers, later ones over earlier ones; FALCON's are merged one by one."""
    merged = {key: value for layer in layers for key, value in layer.items()}
    falcon = [layer["falcon"] for layer in layers if "falcon" in layer]
    if falcon:
        merged["falcon"] = {key: value for one in falcon for key, value in one.items()}
    return merged
