"""The systems that are compared: what each asks of the switches and of the receiving hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from falcon_ctl.errors import UsageError

FLAGS = ("pipelining", "splitting", "balancing", "switch_off")  # the parts of FALCON


@dataclass(frozen=True)
class System:
    """One system.

    `tunnel`: tenants' frames cross the switch in VXLAN even between machines of one switch.
    `decapsulate`: the switch in front of the receiving machine takes the tunnel off.
    `profile`, `policy`: knobs of the receiving host (rxpath); `flags`: the parts of FALCON that
    are on. The order guard always is.
    """

    name: str
    title: str
    tunnel: bool
    decapsulate: bool
    profile: str
    policy: str
    flags: frozenset[str] = frozenset()

    @property
    def knobs(self) -> dict[str, Any]:
        """The host's knobs, as `set` of its control socket takes them."""
        falcon = {flag: flag in self.flags for flag in FLAGS} | {"order_guard": True}
        return {"profile": self.profile, "policy": self.policy, "falcon": falcon}

    @property
    def is_falcon(self) -> bool:
        """The host steers by FALCON."""
        return self.policy == "falcon"


def _falcon(name: str, title: str, *flags: str) -> System:
    return System(name, title, True, False, "docker", "falcon", frozenset(flags))


SYSTEMS = (
    System("host", "host network", False, True, "host", "same_cpu"),
    System("overlay", "container overlay", True, False, "docker", "same_cpu"),
    _falcon("falcon-pipelining", "FALCON pipelining", "pipelining"),
    _falcon("falcon-splitting", "FALCON + splitting", "pipelining", "splitting"),
    _falcon("falcon-balancing", "FALCON + balancing", *FLAGS),
    System("offload", "hardware offload", True, True, "offload", "same_cpu"),
)
BY_NAME = MappingProxyType({system.name: system for system in SYSTEMS})


def select(names: Iterable[str]) -> list[System]:
    """Systems of these names, in the order of `SYSTEMS`, each once.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(BY_NAME))
    if unknown or not wanted:
        what = ", ".join(unknown) if unknown else "none given"
        raise UsageError("--systems", what, f"some of {', '.join(BY_NAME)}")
    return [system for system in SYSTEMS if system.name in wanted]
