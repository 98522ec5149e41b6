"""Topologies as YAML files; errors name the line. Only `from_file` does I/O.

    name: lab
    tenants:
      red: {vni: 5001, vlan: 101, subnet: 10.0.0.0/24}
    switches:
      s1: {}
    machines:
      m1: {}
    containers:
      red1-1: {machine: m1, tenant: red, ip: 10.0.0.11}
    links:
      - [s1:1, m1]

MAC addresses, device ids and VTEPs are optional (derived from the position or the address), and so
is the port number at a switch (the lowest free one).
"""

import contextlib
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from topo.errors import SpecError
from topo.spec.builders import VTEP_NET, derived_mac
from topo.spec.model import CPU_PORT, Container, Machine, Model, Switch, Tenant, Topology
from topo.spec.rules import problems
from topo.spec.yaml_tree import Tree, TreeError, parse, read

KeyPath = tuple[str | int, ...]
Entry = dict[str, Any]
DEFAULT_NAME = "lab"
MOST_LINKS = 4096
MOST_NODES = 1024  # in each section: sixteen times what one computer is tried with


def from_file(path: Path) -> Topology:
    """Read a topology and check its consistency; raise SpecError."""
    try:
        text = read(path)
    except OSError as err:
        raise SpecError(str(path), None, "", f"expected a YAML file: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise SpecError(str(path), None, "", "expected text in UTF-8") from err
    return from_yaml(text, str(path))


def from_yaml(text: str, source: str = "<yaml>") -> Topology:
    """Parse a topology and check it; raise SpecError with `source` and the line."""
    try:
        tree = parse(text)
        draft = _Draft(tree)
    except TreeError as err:
        raise SpecError(source, err.line, dotted(err.path), err.expected) from None
    try:
        topology = Topology.model_validate(draft.data)
    except ValidationError as err:
        found = [(draft.file_path(e["loc"]), _expectation(e)) for e in err.errors()]
        path, expected = min(found, key=lambda item: tree.line(item[0]))
        raise SpecError(source, tree.line(path), dotted(path), expected) from None
    for problem in problems(topology):
        path = draft.file_path(problem.path)
        raise SpecError(source, tree.line(path), dotted(path), problem.expected)
    return topology


def to_yaml(topology: Topology) -> str:
    """YAML that `from_yaml` reads back as `topology`."""
    data = topology.model_dump(mode="json")
    for section in MODELS:
        data[section] = {entry.pop("name"): entry for entry in data[section]}
    data["links"] = [[str(end) for end in link.ends] for link in topology.links]
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=100)


def dotted(path: KeyPath) -> str:
    """A key path as text: ``containers.red1-1.ip``, ``links[2][0]``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


class _Draft:
    """A YAML tree converted to what `Topology` validates, with defaults filled in."""

    def __init__(self, tree: Tree) -> None:
        if not isinstance(tree.data, dict):
            raise TreeError(1, (), f"expected the keys {', '.join(Topology.model_fields)}")
        self._tree = tree
        self.data: dict[str, Any] = {"name": DEFAULT_NAME, **tree.data}
        for section in MODELS:
            self.data[section] = self._entries(section)
        self._number_switches()
        self._number_machines()
        self._number_containers()
        self.data["links"] = [self._link(i, link) for i, link in enumerate(self._list("links"))]
        self._fill_ports()

    def file_path(self, path: tuple[str | int, ...]) -> KeyPath:
        """Translate a path in the model to a path in the file."""
        section, *rest = path
        if rest and section in MODELS:
            rest[0] = self.data[str(section)][rest[0]]["name"]
        elif len(rest) > 1 and section == "links":
            return (section, rest[0], "ab".index(str(rest[1])))
        return (section, *rest)

    def _error(self, path: KeyPath, expected: str) -> TreeError:
        return TreeError(self._tree.line(path), path, expected)

    def _entries(self, section: str) -> list[Entry]:
        value = self.data.get(section) or {}
        if not isinstance(value, dict):
            raise self._error((section,), "expected a mapping of names")
        if len(value) > MOST_NODES:
            raise self._error((section,), f"expected at most {MOST_NODES}, got {len(value)}")
        for name, entry in value.items():
            if not isinstance(entry, dict | None):
                raise self._error((section, name), "expected a mapping such as {}")
            if "name" in (entry or {}):
                raise self._error(
                    (section, name, "name"), "unknown key: the key of the entry is its name"
                )
        return [{"name": name, **(entry or {})} for name, entry in value.items()]

    def _list(self, section: str) -> list[Any]:
        value = self.data.get(section) or []
        if not isinstance(value, list):
            raise self._error((section,), "expected a list of links")
        if len(value) > MOST_LINKS:
            raise self._error((section,), f"expected at most {MOST_LINKS}, got {len(value)}")
        return value

    def _number_switches(self) -> None:
        for number, entry in enumerate(self.data["switches"], start=1):
            device_id = entry.setdefault("device_id", number)
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                entry.setdefault("mac", derived_mac("switch", 0, int(device_id)))

    def _number_machines(self) -> None:
        for number, entry in enumerate(self.data["machines"], start=1):
            vtep = entry.setdefault("vtep", str(VTEP_NET[number]))
            with contextlib.suppress(ValueError):
                entry.setdefault("mac", derived_mac("machine", 0, int(IPv4Address(vtep))))

    def _number_containers(self) -> None:
        tenants = [entry["name"] for entry in self.data["tenants"]]
        for entry in self.data["containers"]:
            tenant, address = entry.get("tenant"), entry.get("ip")
            with contextlib.suppress(ValueError):  # Topology reports it
                number = tenants.index(tenant) % 16
                entry.setdefault("mac", derived_mac("container", number, int(IPv4Address(address))))

    def _link(self, index: int, value: object) -> Entry:
        if not isinstance(value, list) or len(value) != 2:
            raise self._error(("links", index), "expected two ends, such as [s1:1, m1]")
        return {key: self._end(index, i, end) for i, (key, end) in enumerate(zip("ab", value))}  # noqa: B905  # two of each

    def _end(self, index: int, side: int, value: object) -> Entry:
        node, colon, port = str(value).partition(":")
        if not colon:
            return {"node": node}
        if not (port.isascii() and port.isdigit() and 0 < int(port) < CPU_PORT):
            what = f"expected a port from 1 to {CPU_PORT - 1} after the colon, got {value}"
            raise self._error(("links", index, side), what)
        return {"node": node, "port": int(port)}

    def _fill_ports(self) -> None:
        """Give each switch end without a port the lowest number that the file does not use."""
        ends = [end for link in self.data["links"] for end in link.values()]
        taken = {(end["node"], end["port"]) for end in ends if "port" in end}
        switches = {entry["name"] for entry in self.data["switches"]}
        for end in ends:
            if end["node"] in switches and "port" not in end:
                node = end["node"]
                free = (n for n in range(1, CPU_PORT) if (node, n) not in taken)
                end["port"] = next(free, CPU_PORT)
                taken.add((node, end["port"]))


def _expectation(error: Mapping[str, Any]) -> str:
    """Rephrase an error of pydantic as what was expected and what was found."""
    kind, message, given = error["type"], error["msg"], error["input"]
    if kind == "extra_forbidden":
        return (
            f"unknown key, expected one of {', '.join(_keys(error['loc'][0], len(error['loc'])))}"
        )
    if kind == "missing":
        return "expected this key"
    field = str(error["loc"][-1])
    if kind == "value_error":
        return str(message).removeprefix("Value error, ")
    expected = EXPECTED.get(field, "") or message.replace("Input should be", "expected")
    return f"{expected}, got {given}" if not isinstance(given, dict | list) else expected


def _keys(section: str | int, depth: int) -> list[str]:
    """The keys allowed in a section, or at the top level."""
    if depth == 1:
        return list(Topology.model_fields)
    return [key for key in MODELS[str(section)].model_fields if key != "name"]


MODELS: dict[str, type[Model]] = {
    "tenants": Tenant,
    "switches": Switch,
    "machines": Machine,
    "containers": Container,
}
# Keys that a file may leave out, beside those with a default.
DERIVED = {
    "switches": ("device_id", "mac"),
    "machines": ("vtep", "mac"),
    "containers": ("mac",),
}
EXPECTED = {
    "name": "expected at most 15 letters, digits and hyphens, a letter first",
    "mac": "expected a MAC address such as 02:00:00:00:00:01, in lower case",
    "subnet": "expected a subnet such as 10.0.0.0/24, without host bits",
    "ip": "expected an IPv4 address",
    "vtep": "expected an IPv4 address",
}
