"""What each piece of work costs: one TOML file of numbers, each with its source.

``per`` says what is counted: ``frame`` (before GRO), ``alloc`` (the frame's skb), ``gro`` (a frame
in GRO), ``complete`` (an skb that GRO merged, when it leaves GRO), ``cell`` (an skb in the GRO of a
gro_cell), ``skb`` (after GRO), ``segment`` (a frame of an skb that GRO merged), or ``host`` (not of
a stage).  ``ns`` is an amount for every protocol; ``udp`` and ``tcp`` where they differ; ``ns_kib``
adds ns for each KiB.

A file may instead hold one table ``scaled``: another built-in profile (``profile``) on a machine
whose clock is ``to_mhz`` in place of ``from_mhz``.  Constants of the kernel ([SRC]) stay.
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
PER = ("frame", "alloc", "gro", "complete", "cell", "skb", "segment", "host")
PER_KIB = ("frame", "skb")  # may cost something for each KiB
AMOUNTS = ("ns", "udp", "tcp", "ns_kib")
CONSTANT = "[SRC]"  # a source that begins with this is of a constant, which no clock changes
_SCALED, _MOST_MHZ = "scaled", 100_000
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
    raw = tomlfile.read("costs", path_of(name))
    if _SCALED in raw:
        base, factor = _scaled(raw)
        return parse(_tables(scale(load(base), factor)), overrides or {})
    return parse(raw, overrides or {})


def path_of(name: str) -> Path:
    """The file of a profile. Raises `ConfigError` when there is no such profile."""
    if name.endswith(tomlfile.SUFFIX):
        return Path(name)
    if name not in names():
        raise ConfigError("costs", name, f"one of {', '.join(names())}, or a FILE.toml")
    return DIRECTORY / f"{name}{tomlfile.SUFFIX}"


def scale(costs: Costs, factor: float) -> dict[str, Cost]:
    """``costs`` with what depends on the clock times ``factor``, whole ns."""
    return {name: _times(cost, factor) for name, cost in costs.items()}


def as_overrides(costs: Costs) -> dict[str, int]:
    """Every amount of ``costs``, as ``cost_overrides``."""
    return {
        f"{name}.{key}": ns for name, cost in costs.items() for key, ns in amounts_of(cost).items()
    }


def amounts_of(cost: Cost) -> dict[str, int]:
    """A cost's amounts by the keys that the profile and ``cost_overrides`` know them by."""
    if cost.per == "host":
        return {"ns": cost.udp}
    kib = {"ns_kib": cost.ns_kib} if cost.per in PER_KIB else {}
    return {"udp": cost.udp, "tcp": cost.tcp, **kib}


def _times(cost: Cost, factor: float) -> Cost:
    if cost.source.startswith(CONSTANT):
        return cost
    udp, tcp, ns_kib = (round(ns * factor) for ns in (cost.udp, cost.tcp, cost.ns_kib))
    return Cost(cost.per, udp, tcp, ns_kib, cost.source)


def _scaled(raw: Mapping[str, Any]) -> tuple[str, float]:
    """The profile and the factor of a file with a table ``scaled``. Raises `ConfigError`."""
    table = raw[_SCALED]
    keys = ("profile", "from_mhz", "to_mhz", "source")
    if len(raw) > 1:
        raise ConfigError(_SCALED, list(raw), "the only table of its file")
    if not isinstance(table, Mapping) or sorted(table) != sorted(keys):
        raise ConfigError(_SCALED, table, "a table of " + ", ".join(keys))
    if table["profile"] not in names():
        raise ConfigError(f"{_SCALED}.profile", table["profile"], "one of " + ", ".join(names()))
    for key in ("from_mhz", "to_mhz"):
        if type(table[key]) is not int or not 1 <= table[key] <= _MOST_MHZ:
            raise ConfigError(f"{_SCALED}.{key}", table[key], f"MHz from 1 to {_MOST_MHZ}")
    return table["profile"], table["from_mhz"] / table["to_mhz"]


def _tables(costs: Costs) -> dict[str, Any]:
    """As in a file."""
    return {
        name: {"per": cost.per, "source": cost.source, **amounts_of(cost)}
        for name, cost in costs.items()
    }


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
