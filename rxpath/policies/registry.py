"""The built-in policies by name, and how a policy's name becomes a policy."""

from __future__ import annotations

from functools import cache

from rxpath.errors import ConfigError
from rxpath.model.policy import Choose
from rxpath.policies import custom, falcon, falcon_rps, mflow, rfs, rps, rsspp, same_cpu
from rxpath.policies.policy import Policy, compiled

BUILT_IN: dict[str, Choose] = {
    "same_cpu": same_cpu.choose,
    "rps": rps.choose,
    "falcon": falcon.choose,
    "falcon+rps": falcon_rps.choose,
    "rfs": rfs.choose,
    "mflow": mflow.choose,
    "rss++": rsspp.choose,
}
_NEEDS: dict[str, dict[str, bool]] = {
    "rps": {"at_nic": True},
    "falcon+rps": {"at_nic": True},
    "rfs": {"at_nic": True, "guarded": True},
    "mflow": {"resequenced": True, "before_alloc": True},
    "rss++": {"rebalances": True},
}


def resolve(name: str) -> Policy:
    """The policy of a built-in name or of FILE.py:NAME.

    Raises `ConfigError` for an unknown name, `PolicyError` for what a file holds.
    """
    if name in BUILT_IN:
        return _built_in(name)
    if custom.SUFFIX in name:
        return custom.load(name)
    raise ConfigError("policy", name, f"one of {', '.join(BUILT_IN)}, or FILE.py:NAME")


def verify(name: str) -> None:
    """Check that `resolve` knows the policy; a built-in one is not compiled for that.

    Raises as `resolve`.
    """
    if name not in BUILT_IN:
        resolve(name)


@cache
def _built_in(name: str) -> Policy:
    return Policy(name, compiled(BUILT_IN[name]), **_NEEDS.get(name, {}))
