"""The systems that the figures compare: a profile and a policy of the receiving host each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from falcon_ctl.errors import UsageError
from rxpath.config import profiles
from rxpath.policies.own import OwnPolicy

FLAGS = ("pipelining", "splitting", "balancing", "switch_off", "order_guard")
# The published experiments with many flows let six cores do all of the receiving.
SIX = (0, 2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Setup:
    """One system.

    `profile` and `policy`: knobs of the receiving host (rxpath); `flags`: the parts of FALCON
    that are on; `tunnelled`: its frames come in VXLAN, and are 50 bytes longer for it;
    `connection_level`: only TCP's data come without it: connections are set up through the
    tunnel, and everything else stays there; `costs`: the cost profile; `own`: a policy of one's
    own, and `choose` what a run calls for it, in place of `policy`.
    """

    name: str
    title: str
    profile: str
    policy: str
    tunnelled: bool = True
    flags: frozenset[str] = field(default_factory=frozenset)
    connection_level: bool = False
    costs: str = "xeon-2.2ghz"
    own: OwnPolicy | None = None
    choose: Any = None

    def tunnels(self, proto: str) -> bool:
        """Whether data of `proto` ("udp" or "tcp") come in VXLAN."""
        return self.tunnelled or (self.connection_level and proto != "tcp")

    @property
    def knobs(self) -> dict[str, Any]:
        """As `rxpath.config.knobs.Knobs.parse` takes them."""
        falcon = {flag: flag in self.flags for flag in FLAGS}
        found = {"profile": self.profile, "policy": self.policy, "costs": self.costs}
        return {**found, "falcon": falcon}


def _falcon(name: str, title: str, *flags: str) -> Setup:
    return Setup(name, title, "docker", "falcon", True, frozenset(flags))


HOST = Setup("host", "host network", "host", "same_cpu", tunnelled=False)
CONTAINER = Setup("container", "container (Docker overlay)", "docker", "same_cpu")
# As published, FALCON has no order guard: a flow that is rehashed may overtake itself.
PUBLISHED = ("pipelining", "splitting", "balancing", "switch_off")
FALCON = _falcon("falcon", "FALCON", *PUBLISHED)
HOST_FALCON = Setup(
    "falcon-host", "FALCON on the host network", "host", "falcon", False, frozenset(PUBLISHED)
)
STATIC = _falcon("falcon-static", "FALCON without balancing", "pipelining", "splitting")
SETUPS = (
    HOST,
    CONTAINER,
    FALCON,
    HOST_FALCON,
    _falcon("falcon-pipelining", "FALCON pipelining", "pipelining"),
    _falcon("falcon-splitting", "FALCON splitting", "splitting"),
    STATIC,
    _falcon("falcon-balancing", "FALCON, never off", "pipelining", "splitting", "balancing"),
    _falcon("falcon-guard", "FALCON + order guard", *FLAGS),
    Setup("flannel", "container (Flannel)", "flannel", "same_cpu"),
    Setup("calico", "container (Calico)", "calico", "same_cpu"),
    Setup("weave", "container (Weave)", "weave", "same_cpu"),
    Setup("rps", "container with RPS", "docker", "rps"),
    Setup("rfs", "container with RFS", "docker", "rfs"),
    Setup("rss++", "container with RSS++", "docker", "rss++"),
    Setup("mflow", "mFlow", "docker", "mflow"),
    Setup("bypass", "kernel bypass", "bypass", "same_cpu", tunnelled=False),
    Setup("slim", "Slim / FreeFlow", "slim", "same_cpu", tunnelled=False, connection_level=True),
    Setup("offload", "hardware offload", "offload", "same_cpu", tunnelled=False),
)
BY_NAME = MappingProxyType({setup.name: setup for setup in SETUPS})
DEFAULT = ("host", "container", "falcon")


def own_setup(policy: OwnPolicy) -> Setup:
    """The system that is the container with a policy of one's own, and called as its function.

    Raises:
        UsageError: a system has this name already.
    """
    if policy.name in BY_NAME:
        expected = f"a function named otherwise than {', '.join(BY_NAME)}"
        raise UsageError("--policy", f"{policy.path}:{policy.name}", expected)
    return Setup(policy.name, policy.name, "docker", "same_cpu", own=policy)


def own_chain(spec: str) -> Setup:
    """The system of a chain of devices of one's own, FILE.toml:NAME; NAME is what it is called.

    Raises:
        ConfigError: there is no such chain.
        UsageError: a system has this name already.
    """
    profile = profiles.chains(spec)[spec]
    if profile.name in BY_NAME:
        expected = f"a chain named otherwise than {', '.join(BY_NAME)}"
        raise UsageError("--chain", spec, expected)
    return Setup(profile.name, profile.title, spec, "same_cpu", profile.vxlan_port != 0)


def title(name: str) -> str:
    """The title of a system; a policy of one's own has no other than its name."""
    return BY_NAME[name].title if name in BY_NAME else name


def select(names: Iterable[str]) -> list[Setup]:
    """Setups of these names, each once, in the order of `SETUPS`; the three defaults always.

    Raises:
        UsageError: a name is unknown.
    """
    wanted = {*DEFAULT, *names}
    if unknown := sorted(wanted - set(BY_NAME)):
        raise UsageError("--systems", ", ".join(unknown), f"some of {', '.join(BY_NAME)}")
    return [setup for setup in SETUPS if setup.name in wanted]
