"""What each piece of work costs: one TOML file of numbers, each with its source.

``per`` says what is counted: ``frame`` (before GRO), ``gro`` (a frame in GRO), ``skb`` (after GRO),
``segment`` (a frame of an skb that GRO merged), or ``host`` (not of a stage).  ``ns`` is an amount
for every protocol; ``udp`` and ``tcp`` where they differ; ``ns_kib`` adds ns for each KiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rxpath.config import tomlfile
from rxpath.errors import ConfigError
from rxpath.model.state.settings import Costs as HostCosts

DIRECTORY = Path(__file__).with_name("costs")
PER = ("frame", "gro", "skb", "segment", "host")
PER_KIB = ("frame", "skb")  # may cost something for each KiB
AMOUNTS = ("ns", "udp", "tcp", "ns_kib")
MOST = 10**8  # ns; a run goes on until the frames at its end are done


@dataclass(frozen=True)
class Cost:
    """One entry: ns for frames of UDP (and all others), of TCP, and for each KiB."""

    per: str
    udp: int
    tcp: int
    ns_kib: int
    source: str


Costs = Mapping[str, Cost]


def names() -> list[str]:
    """The built-in cost profiles."""
    return sorted(path.stem for path in DIRECTORY.glob("*.toml"))


def load(name: str, overrides: Mapping[str, Any] | None = None) -> dict[str, Cost]:
    """The cost profile ``name`` with ``overrides`` applied ({"skb_alloc.tcp": 300}).

    ``name`` is one of `names`, or the path of a user's file, which ends in .toml.
    Raises `ConfigError` for an unknown profile, an unknown key, and negative or absent costs.
    """
    if name.endswith(tomlfile.SUFFIX):
        path = Path(name)
    elif name in names():
        path = DIRECTORY / f"{name}{tomlfile.SUFFIX}"
    else:
        raise ConfigError("costs", name, f"one of {', '.join(names())}, or a FILE.toml")
    return parse(tomlfile.read("costs", path), overrides or {})


def parse(raw: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Cost]:
    """Costs from the file's tables. Raises `ConfigError`."""
    costs = {name: _cost(name, entry) for name, entry in raw.items()}
    for key, value in overrides.items():
        name, _, amount = key.partition(".")
        if name not in costs or amount not in AMOUNTS:
            allowed = "NAME.AMOUNT, AMOUNT one of " + ", ".join(AMOUNTS) + ", NAME a cost's name"
            raise ConfigError(f"cost_overrides.{key}", value, allowed)
        checked = _ns(f"cost_overrides.{key}", value)
        if amount == "tcp" and costs[name].per == "host":
            allowed = f"{name}.ns, for what is not of a stage knows no protocol"
            raise ConfigError(f"cost_overrides.{key}", value, allowed)
        fields = ("udp", "tcp") if amount == "ns" else (amount,)
        for field in fields:
            costs[name] = _with(costs[name], field, checked)
    _check_whole(costs)
    return costs


def _check_whole(costs: Costs) -> None:
    for name in HostCosts.FIELDS:
        if name not in costs or costs[name].per != "host":
            raise ConfigError(name, None, 'a cost with per = "host"')
    for name, cost in costs.items():
        if cost.ns_kib and cost.per not in PER_KIB:
            raise ConfigError(f"{name}.ns_kib", cost.ns_kib, f"0, for a cost per {cost.per}")


def _with(cost: Cost, field: str, value: int) -> Cost:
    amounts = {"udp": cost.udp, "tcp": cost.tcp, "ns_kib": cost.ns_kib, field: value}
    return Cost(cost.per, amounts["udp"], amounts["tcp"], amounts["ns_kib"], cost.source)


def _cost(name: str, raw: Any) -> Cost:
    if not isinstance(raw, Mapping):
        raise ConfigError(name, raw, "a table")
    for key in raw:
        if key not in ("per", "source", *AMOUNTS):
            raise ConfigError(f"{name}.{key}", raw[key], "per, source, " + ", ".join(AMOUNTS))
    if raw.get("per") not in PER:
        raise ConfigError(f"{name}.per", raw.get("per"), "one of " + ", ".join(PER))
    if not raw.get("source"):
        raise ConfigError(f"{name}.source", raw.get("source"), "where the number is from")
    if "ns" not in raw and not ("udp" in raw and "tcp" in raw):
        raise ConfigError(f"{name}.ns", None, "a cost in ns, or both udp and tcp")
    amounts = {key: _ns(f"{name}.{key}", raw[key]) for key in AMOUNTS if key in raw}
    return Cost(
        per=raw["per"],
        udp=amounts.get("udp", amounts.get("ns", 0)),
        tcp=amounts.get("tcp", amounts.get("ns", 0)),
        ns_kib=amounts.get("ns_kib", 0),
        source=str(raw["source"]),
    )


def _ns(key: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST:
        raise ConfigError(key, value, f"an integer of ns from 0 to {MOST}")
    return value
