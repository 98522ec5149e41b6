"""A choice: the system that a network runs, and the knobs that differ from the system's own.

A choice is what `falcon_ctl use` takes, what is remembered of it, and what is read back from hosts.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.systems.catalogue import ALL_PARTS, LIVE, OVERLAY, select_live
from falcon_ctl.systems.custom import of_chain
from falcon_ctl.systems.system import FLAGS, System, merge_knobs
from rxpath.config.knobs import ORDERS, FalconKnobs, Knobs
from rxpath.errors import ConfigError
from rxpath.live.clock import MAX_DILATION
from rxpath.policies import custom
from rxpath.policies.registry import BUILT_IN

POLICIES = tuple(BUILT_IN)
CHAIN = ".toml:"
_FALCON = ("falcon", "falcon+rps")  # policies whose parts are switched one by one
_CHOSEN = ("threshold", "cpus")  # of FALCON's knobs, beside the order that a system has
_OPTIONS = {
    "falcon.threshold": "--threshold",
    "falcon.cpus": "--falcon-cpus",
    "falcon.order": "--order",
    "dilation": "--dilation",
    "policy": "--policy",
}


@dataclass(frozen=True)
class Choice:
    """A system, and what is chosen otherwise than it has it; None: as the system has it.

    Attributes:
        system: of the catalogue, or FILE.toml:NAME, an own chain of devices.
        policy: a built-in steering policy, or FILE.py:NAME, an own one.
        threshold: percent of load at which FALCON takes a CPU for loaded.
        falcon_cpus: FALCON's CPUs.
        order: what keeps a flow in order whose stage moves: none, rfs or handover.
        dilation: ns of wall time for a ns of the model; None: as it is.
    """

    system: str
    policy: str | None = None
    threshold: int | None = None
    falcon_cpus: tuple[int, ...] | None = None
    order: str | None = None
    dilation: int | None = None

    def resolve(self) -> System:
        """The system with the policy; own files are read and compiled.

        Raises:
            UsageError: what is chosen does not exist or cannot run live.
            ConfigError: a file holds no such policy or chain.
        """
        system = _system(self.system)
        self._verify_values()
        if self.policy is None:
            return system
        if custom.SUFFIX in self.policy:
            return replace(system, custom=custom.load(self.policy))
        if self.policy not in POLICIES:
            expected = f"{', '.join(POLICIES)}, or FILE.py:NAME"
            raise UsageError("--policy", self.policy, expected)
        return replace(system, policy=self.policy, custom=None, falcon=self._parts(system))

    def _parts(self, system: System) -> frozenset[str]:
        """FALCON's parts that are on: all of them where only the policy is FALCON's."""
        return system.falcon or (ALL_PARTS if self.policy in _FALCON else system.falcon)

    def is_run_by(self, found: Mapping[str, Any]) -> bool:
        """Whether a host whose knobs are `found` runs it, whatever its dilation."""
        try:
            system = _system(self.system)
        except (UsageError, ConfigError):
            return False  # the catalogue, or the file, is another one by now
        own = replace(system, falcon=self._parts(system)).knobs
        usual = {key: value for key, value in asdict(FalconKnobs()).items() if key in _CHOSEN}
        policy = {"policy": self.policy or system.policy}
        wanted = merge_knobs({"falcon": usual}, own, policy, self.knobs)
        falcon = wanted.pop("falcon")
        others = all(_plain(value) == found[key] for key, value in wanted.items())
        return others and all(_plain(v) == found["falcon"][key] for key, v in falcon.items())

    def _verify_values(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 100:
            raise UsageError("--threshold", str(self.threshold), "0 to 100 percent")
        if self.order is not None and self.order not in ORDERS:
            raise UsageError("--order", self.order, f"one of {', '.join(ORDERS)}")
        if self.dilation is not None and not 1 <= self.dilation <= MAX_DILATION:
            raise UsageError("--dilation", str(self.dilation), f"1 to {MAX_DILATION}")
        if self.falcon_cpus is not None and not self.falcon_cpus:
            raise UsageError("--falcon-cpus", "none given", "CPUs such as 0,2,4")

    @property
    def knobs(self) -> dict[str, Any]:
        """The hosts' knobs that are chosen otherwise than by the system."""
        falcon = {"threshold": self.threshold, "cpus": self.falcon_cpus, "order": self.order}
        chosen = {key: _plain(value) for key, value in falcon.items() if value is not None}
        return {"falcon": chosen} if chosen else {}

    def verify_for(self, found: Mapping[str, Any]) -> None:
        """Check what depends on a host, whose knobs are `found`, before anything is changed.

        Raises:
            UsageError: the host has no such CPUs.
        """
        known = {f.name for f in fields(Knobs)}
        knobs = {key: value for key, value in found.items() if key in known}
        knobs["falcon"] = {**knobs.get("falcon", {}), **self.knobs.get("falcon", {})}
        try:
            Knobs.parse(knobs)
        except ConfigError as error:
            where = _OPTIONS.get(error.key, error.key)
            raise UsageError(where, str(error.value), error.allowed) from error

    def command(self) -> str:
        """The command that makes a network run it."""
        return shlex.join(["falcon_ctl", "use", *self.arguments()])

    def arguments(self) -> list[str]:
        """Of that command, behind `use`."""
        cpus = None if self.falcon_cpus is None else ",".join(map(str, self.falcon_cpus))
        options = {
            "--policy": self.policy,
            "--threshold": self.threshold,
            "--falcon-cpus": cpus,
            "--order": self.order,
            "--dilation": self.dilation,
        }
        given = [[name, str(value)] for name, value in options.items() if value is not None]
        return [self.system, *(word for pair in given for word in pair)]

    def __str__(self) -> str:
        return " ".join(self.arguments())

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without what is as the system has it."""
        return {key: _plain(value) for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, raw: object) -> Choice:
        """The inverse of `to_json`.

        Raises:
            UsageError: it is none.
        """
        expected = "an object with a system"
        if not isinstance(raw, Mapping) or not isinstance(raw.get("system"), str):
            raise UsageError("choice", repr(raw), expected)
        known = [f.name for f in fields(cls)]
        for key, value in raw.items():
            if key not in known:
                raise UsageError("choice", str(key), f"keys of {', '.join(known)}")
            if not _fits(key, value):
                raise UsageError(f"choice.{key}", repr(value), _KINDS[key])
        cpus = raw.get("falcon_cpus")
        return cls(**{**raw, "falcon_cpus": None if cpus is None else tuple(cpus)})


_KINDS = {
    "system": "a text",
    "policy": "a text",
    "order": "a text",
    "threshold": "an integer",
    "dilation": "an integer",
    "falcon_cpus": "a list of integers",
}


def _fits(key: str, value: object) -> bool:
    if value is None:
        return key != "system"
    if key == "falcon_cpus":
        return isinstance(value, list | tuple) and all(type(item) is int for item in value)
    return type(value) is (str if _KINDS[key] == "a text" else int)


def _system(name: str) -> System:
    if CHAIN in name:
        return of_chain(name)
    try:
        (system,) = select_live([name])
    except UsageError as error:
        raise UsageError("system", error.what, error.expected) from error
    return system


def from_arguments(
    system: str,
    policy: str | None = None,
    threshold: int | None = None,
    falcon_cpus: Sequence[int] | None = None,
    order: str | None = None,
    dilation: int | None = None,
) -> Choice:
    """A choice from a user's arguments: files by absolute paths, FILE.py:NAME also as system.

    Raises:
        UsageError: it has two policies.
    """
    if custom.SUFFIX in system:
        if policy is not None:
            raise UsageError("--policy", policy, f"none beside the policy {system}")
        system, policy = OVERLAY.name, system
    cpus = None if falcon_cpus is None else tuple(falcon_cpus)
    chosen = None if policy is None else _absolute(policy, custom.SUFFIX)
    return Choice(_absolute(system, CHAIN), chosen, threshold, cpus, order, dilation)


def _absolute(spec: str, suffix: str) -> str:
    """FILE:NAME with an absolute path; other names as they are. The hosts run elsewhere."""
    return str(Path(spec).absolute()) if suffix in spec else spec


def of_knobs(knobs: Mapping[str, Any], remembered: Choice | None = None) -> Choice:
    """What a host runs, from its knobs: the system that differs least from them.

    What is `remembered` is named as it was where the host runs it.
    """
    if remembered is not None and remembered.is_run_by(knobs):
        return replace(remembered, dilation=knobs["dilation"])
    same = [system for system in LIVE if system.profile == knobs["profile"]]
    if not same:
        return _read(knobs, System(knobs["profile"], "", OVERLAY.tunnel, knobs["profile"]))
    return _read(knobs, min(same, key=lambda system: _distance(knobs, system)))


def _distance(knobs: Mapping[str, Any], system: System) -> int:
    """How much a host's knobs differ from what the system sets."""
    own = system.knobs
    falcon, wanted = knobs["falcon"], own.pop("falcon")
    count = sum(knobs[key] != value for key, value in own.items())
    flags = sum(falcon[flag] != wanted[flag] for flag in FLAGS)
    if knobs["policy"] not in _FALCON:
        flags = 0  # nothing asks for them
    return int(2 * (count + flags) + (falcon["order"] != wanted["order"]))


def _read(knobs: Mapping[str, Any], system: System) -> Choice:
    falcon, usual = knobs["falcon"], FalconKnobs()
    cpus = tuple(falcon["cpus"])
    return Choice(
        system.name,
        policy=_unless(knobs["policy"], system.policy),
        threshold=_unless(falcon["threshold"], usual.threshold),
        falcon_cpus=None if cpus == usual.cpus else cpus,
        order=_unless(falcon["order"], system.order),
        dilation=knobs["dilation"],
    )


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def cpus(text: str | None) -> list[int] | None:
    """CPUs from such as 0,2,4-6. Raises UsageError."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise UsageError("--falcon-cpus", text, "CPUs such as 0,2,4 or 0-5")
        found += range(int(low), int(high or low) + 1)
    return found
