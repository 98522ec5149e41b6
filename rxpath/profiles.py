"""Profiles: the chain of devices that a frame passes, as data (profiles.toml)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rxpath import layout as lay
from rxpath.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAMES = ("napi", "gro_cell", "backlog", "socket", "poll")
KINDS = {name: lay.STAGE_NAMES.index(name) for name in _NAMES}


@dataclass(frozen=True)
class Stage:
    """One softirq, or the application: `costs` names what runs in it."""

    kind: str
    device: str
    ifindex: int
    costs: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """A chain of stages; `vxlan_port` is the tunnel's UDP port, 0 where there is no tunnel."""

    name: str
    title: str
    vxlan_port: int
    stages: tuple[Stage, ...]


@cache
def load() -> dict[str, Profile]:
    """All profiles of profiles.toml, in its order. Raises `ConfigError`."""
    text = Path(__file__).with_name("profiles.toml").read_text(encoding="utf-8")
    return {name: parse(name, raw) for name, raw in tomllib.loads(text).items()}


def parse(name: str, raw: Mapping[str, Any]) -> Profile:
    """A profile from its table, checked as a chain. Raises `ConfigError`."""
    for key in raw:
        if key not in ("title", "vxlan_port", "stage"):
            raise ConfigError(f"{name}.{key}", raw[key], "title, vxlan_port, stage")
    entries, port = raw.get("stage", []), raw.get("vxlan_port", 0)
    if not isinstance(entries, list):
        raise ConfigError(f"{name}.stage", entries, "a list of stages")
    if type(port) is not int or not 0 <= port < 2**16:
        raise ConfigError(f"{name}.vxlan_port", port, "a UDP port, or 0 without a tunnel")
    stages = tuple(_stage(f"{name}.stage[{i}]", entry) for i, entry in enumerate(entries))
    profile = Profile(name, str(raw.get("title", name)), port, stages)
    _check_chain(profile)
    return profile


def _stage(where: str, raw: Any) -> Stage:
    keys = ("kind", "device", "ifindex", "costs")
    if not isinstance(raw, Mapping):
        raise ConfigError(where, raw, "a table")
    for key in (*keys, *raw):
        if key not in raw:
            raise ConfigError(f"{where}.{key}", None, "a value")
        if key not in keys:
            raise ConfigError(f"{where}.{key}", raw[key], ", ".join(keys))
    if raw["kind"] not in KINDS:
        raise ConfigError(f"{where}.kind", raw["kind"], "one of " + ", ".join(KINDS))
    if type(raw["ifindex"]) is not int or not 0 < raw["ifindex"] < 2**31:
        raise ConfigError(f"{where}.ifindex", raw["ifindex"], "a positive 31-bit integer")
    if not isinstance(raw["costs"], list) or not all(isinstance(n, str) for n in raw["costs"]):
        raise ConfigError(f"{where}.costs", raw["costs"], "a list of names of costs")
    return Stage(raw["kind"], str(raw["device"]), raw["ifindex"], tuple(raw["costs"]))


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
    most = lay.MAX_STAGES - 2  # the first one may be split before GRO and behind it
    if len(kinds) > most:
        raise ConfigError(key, len(kinds), f"at most {most} stages")
