"""Systems made of a user's file: a steering policy, or a chain of devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System, Tunnel
from rxpath.config import profiles
from rxpath.policies import custom
from rxpath.policies.custom import CustomPolicy


def load(policies: Sequence[str], chains: Sequence[str] = ()) -> list[System]:
    """The systems of policies FILE.py:NAME and chains FILE.toml:NAME, each called NAME.

    Raises:
        UsageError: two have the same name, or one has a built-in system's.
        ConfigError: a file holds no such policy, or no such chain.
    """
    systems = [("--policy", of_policy(custom.load(spec))) for spec in policies]
    systems += [("--chain", of_chain(spec)) for spec in chains]
    found: dict[str, System] = {}
    for option, system in systems:
        if system.name in found:
            raise UsageError(option, f"{system.name} twice", "different names")
        found[system.name] = system
    return list(found.values())


def of_policy(policy: CustomPolicy) -> System:
    """The container overlay with a custom policy, named as its function.

    Raises:
        UsageError: a built-in system has this name.
    """
    if policy.name in BY_NAME:
        expected = f"a function named otherwise than {', '.join(BY_NAME)}"
        raise UsageError("--policy", f"{policy.path}:{policy.name}", expected)
    return System(policy.name, policy.name, Tunnel.TO_HOST, "docker", custom=policy)


def of_chain(spec: str) -> System:
    """The system of a custom chain of devices, FILE.toml:NAME, named NAME.

    Raises:
        ConfigError: there is no such chain.
        UsageError: a built-in system has this name.
    """
    profile = profiles.chains(spec)[spec]
    if profile.name in BY_NAME:
        expected = f"a chain named otherwise than {', '.join(BY_NAME)}"
        raise UsageError("--chain", spec, expected)
    tunnel = Tunnel.TO_HOST if profile.vxlan_port else Tunnel.NONE
    path = Path(spec).absolute()  # rxpath runs in another directory
    return System(profile.name, profile.title, tunnel, str(path))
