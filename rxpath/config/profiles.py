"""Profiles: the chain of devices that a frame passes, as data (profiles.toml).

A user's chain is in a file of the same form and is named FILE.toml:NAME.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rxpath.config import tomlfile
from rxpath.errors import ConfigError
from rxpath.model.state import codes

_NAMES = ("napi", "gro_cell", "backlog", "socket", "poll")
KINDS = {name: codes.STAGE_NAMES.index(name) for name in (*_NAMES, "defrag")} | {"deny": codes.DENY}
FRAGMENT, DATAGRAM = "ip_defrag", "ip_frag_reasm"  # costs of a fragment, and of a whole datagram
# GRO leaves fragments at IP: their protocol's GRO does not see them [inet_gro_receive].
WHOLE = ("udp_gro_receive", "inner_udp_gro_receive")
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HOOKED = ("napi", "gro_cell", "backlog")  # where the kernel has hooks
_OPTIONAL = ("policy", "defrag")
_PATHS = ("slow_path", "first_path", "low_path")
_KEYS = ("title", "vxlan_port", *_PATHS, "stage")  # of a profile


@dataclass(frozen=True)
class Stage:
    """One softirq, or the application: `costs` names what runs in it.

    `policy`: which of these has the hook where the operator's policy is enforced; "": none.
    `defrag`: in front of which of these IP fragments are reassembled; "": not here.
    """

    kind: str
    device: str
    ifindex: int
    costs: tuple[str, ...]
    policy: str = ""
    defrag: str = ""


@dataclass(frozen=True)
class Profile:
    """A chain of stages; `vxlan_port` is the tunnel's UDP port, 0 where there is no tunnel.

    `slow_path`: with hardware offload, the profile for frames without an entry in the NIC's table.
    `low_path`: with priorities, the profile for frames of flows without priority.
    `first_path`: with a flow cache of the host's, the profile for frames whose flow has no entry.
    """

    name: str
    title: str
    vxlan_port: int
    stages: tuple[Stage, ...]
    slow_path: str = ""
    first_path: str = ""
    low_path: str = ""

    @property
    def hook(self) -> int | None:
        """Which stage enforces the operator's policy, if one does."""
        return next((i for i, stage in enumerate(self.stages) if stage.policy), None)

    @property
    def reassembles(self) -> int | None:
        """In which stage IP fragments are reassembled, if in one."""
        return next((i for i, stage in enumerate(self.stages) if stage.defrag), None)

    def of_fragments(self) -> Profile:
        """The chain of IP fragments: what sees whole datagrams is a stage of its own."""
        at = self.reassembles
        if at is None:
            return self
        stage = self.stages[at]
        cut = stage.costs.index(stage.defrag)
        queued = replace(stage, costs=(*stage.costs[:cut], FRAGMENT), defrag="")
        whole = replace(stage, kind="defrag", costs=(DATAGRAM, *stage.costs[cut:]), defrag="")
        stages = (*self.stages[:at], queued, whole, *self.stages[at + 1 :])
        return replace(self, stages=tuple(map(_without_its_protocols_gro, stages)))

    def denied(self) -> Profile:
        """The chain of a flow that the policy denies: it ends at the hook."""
        if self.hook is None:
            return self
        last = self.stages[self.hook]
        paid = last.costs[: last.costs.index(last.policy) + 1]
        end = replace(last, kind="deny", costs=(), policy="", defrag="")
        last = replace(last, costs=paid, policy="", defrag="")
        return replace(self, stages=(*self.stages[: self.hook], last, end))


def _without_its_protocols_gro(stage: Stage) -> Stage:
    return replace(stage, costs=tuple(name for name in stage.costs if name not in WHOLE))


@cache
def load() -> dict[str, Profile]:
    """All profiles of profiles.toml, in its order. Raises `ConfigError`."""
    raw = tomlfile.read("profile", Path(__file__).with_name("profiles.toml"))
    found = {name: parse(name, table) for name, table in raw.items()}
    for profile in found.values():
        _check_paths(profile, found)
    return found


def chains(name: str) -> dict[str, Profile]:
    """The built-in profiles, and after them the user's when ``name`` is FILE.toml:NAME.

    Raises `ConfigError` when ``name`` is none of these.
    """
    if name in load():
        return load()
    path, _, table = name.rpartition(":")
    if not path.endswith(tomlfile.SUFFIX):
        raise ConfigError("profile", name, f"one of {', '.join(load())}, or FILE.toml:NAME")
    return {**load(), name: _custom(path, table)}


def napi_devices(name: str) -> dict[str, str]:
    """Which devices have NAPI instances, and of which kind: "napi" (RX queues) or "gro_cell".

    Those of the profile's own chain, and of the chains that it leaves some frames to.
    """
    known = chains(name)
    own = known[name]
    paths = [known[path] for path in (own.slow_path, own.first_path, own.low_path) if path]
    stages = [stage for profile in (own, *paths) for stage in profile.stages]
    return {stage.device: stage.kind for stage in stages if stage.kind in ("napi", "gro_cell")}


def _custom(path: str, name: str) -> Profile:
    tables = tomlfile.read("profile", Path(path))
    if not isinstance(tables.get(name), Mapping):
        raise ConfigError("profile", f"{path}:{name}", f"one of {', '.join(tables)} in the file")
    profile = parse(name, tables[name])
    _check_paths(profile, load())
    return profile


def _check_paths(profile: Profile, known: Mapping[str, Profile]) -> None:
    for name in _PATHS:
        path = getattr(profile, name)
        if path and path not in known:
            raise ConfigError(f"{profile.name}.{name}", path, "one of " + ", ".join(known))
        if path and name != "slow_path" and any(getattr(known[path], one) for one in _PATHS):
            allowed = f"a profile without {', '.join(_PATHS)} of its own"
            raise ConfigError(f"{profile.name}.{name}", path, allowed)


def parse(name: str, raw: Mapping[str, Any]) -> Profile:
    """A profile from its table, checked as a chain. Raises `ConfigError`."""
    for key in raw:
        if key not in _KEYS:
            raise ConfigError(f"{name}.{key}", raw[key], ", ".join(_KEYS))
    entries, port = raw.get("stage", []), raw.get("vxlan_port", 0)
    if not isinstance(entries, list):
        raise ConfigError(f"{name}.stage", entries, "a list of stages")
    if type(port) is not int or not 0 <= port < 2**16:
        raise ConfigError(f"{name}.vxlan_port", port, "a UDP port, or 0 without a tunnel")
    stages = tuple(_stage(f"{name}.stage[{i}]", entry) for i, entry in enumerate(entries))
    title = str(raw.get("title", name))
    paths = (str(raw.get(key, "")) for key in _PATHS)
    if not _NAME.fullmatch(name) or not title.isprintable():
        raise ConfigError("profile", name, "a name of letters, digits, and any of _ . -")
    profile = Profile(name, title, port, stages, *paths)
    _check_chain(profile)
    return profile


def _stage(where: str, raw: Any) -> Stage:
    keys = ("kind", "device", "ifindex", "costs")
    if not isinstance(raw, Mapping):
        raise ConfigError(where, raw, "a table")
    for key in (*keys, *raw):
        if key not in raw:
            raise ConfigError(f"{where}.{key}", None, "a value")
        if key not in (*keys, *_OPTIONAL):
            raise ConfigError(f"{where}.{key}", raw[key], ", ".join((*keys, *_OPTIONAL)))
    if raw["kind"] not in _NAMES:
        raise ConfigError(f"{where}.kind", raw["kind"], "one of " + ", ".join(_NAMES))
    if type(raw["ifindex"]) is not int or not 0 < raw["ifindex"] < 2**31:
        raise ConfigError(f"{where}.ifindex", raw["ifindex"], "a positive 31-bit integer")
    if not isinstance(raw["costs"], list) or not all(isinstance(n, str) for n in raw["costs"]):
        raise ConfigError(f"{where}.costs", raw["costs"], "a list of names of costs")
    policy = str(raw.get("policy", ""))
    if policy and (policy not in raw["costs"] or raw["kind"] not in _HOOKED):
        raise ConfigError(f"{where}.policy", policy, "one of the costs of a softirq")
    defrag = str(raw.get("defrag", ""))
    if defrag and (defrag not in raw["costs"] or raw["kind"] not in _HOOKED):
        raise ConfigError(f"{where}.defrag", defrag, "one of the costs of a softirq")
    costs = tuple(raw["costs"])
    return Stage(raw["kind"], str(raw["device"]), raw["ifindex"], costs, policy, defrag)


def _check_chain(profile: Profile) -> None:
    kinds = [stage.kind for stage in profile.stages]
    key = f"{profile.name}.stage"
    if "poll" in kinds:
        if kinds != ["poll", "socket"]:
            raise ConfigError(key, kinds, "a chain of poll and socket alone")
        return
    if not kinds or kinds[0] != "napi" or "napi" in kinds[1:]:
        raise ConfigError(key, kinds, "a chain whose first stage, and only that, is napi")
    if kinds[-1] != "socket" or "socket" in kinds[:-1]:
        raise ConfigError(key, kinds, "a chain whose last stage, and only that, is socket")
    if sum(bool(stage.policy) for stage in profile.stages) > 1:
        raise ConfigError(key, kinds, "one stage at most that enforces the policy")
    _check_defrag(key, profile)
    # The first one may be split before GRO and behind it, one more where fragments are whole.
    most = codes.MAX_STAGES - 2 - (profile.reassembles is not None)
    if len(kinds) > most:
        raise ConfigError(key, len(kinds), f"at most {most} stages")


def _check_defrag(key: str, profile: Profile) -> None:
    """Fragments are reassembled once, by the protocol's stage: the last before the socket."""
    found = [i for i, stage in enumerate(profile.stages) if stage.defrag]
    if found and found != [len(profile.stages) - 2]:
        raise ConfigError(f"{key}.defrag", found, "only the stage before the socket")
