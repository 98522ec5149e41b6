"""The P4 tutorials' runtime files (`s1-runtime.json`): table entries, groups and sessions as JSON.

`{"table_entries": [{"table": …, "match": {field: value}, "action_name": …, "action_params": …}]}`.
A value is a number or a string; lpm, ternary and range take a pair [value, length | mask | high].
As in P4Runtime the larger priority wins, and an omitted field matches any value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile import arguments
from v1switch.entryfile.errors import EntriesError, InvalidLine
from v1switch.entryfile.limits import MAX_FILE
from v1switch.entryfile.tally import Tally
from v1switch.errors import ProgramError, SwitchError, on_one_line, quoted, shortened
from v1switch.program.json_cursor import Node
from v1switch.program.model import KeyField, Table
from v1switch.reading import read_bytes
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    Exact,
    Lpm,
    Match,
    MulticastGroup,
    Origin,
    Range,
    Replica,
    TableEntry,
    Ternary,
)

IGNORED = {"target", "p4info", "bmv2_json"}  # read by the tutorials' own loader
PAIRS = {"lpm": "[value, length]", "ternary": "[value, mask]", "range": "[low, high]"}


def load_runtime(path: Path, dataplane: Dataplane, tally: Tally) -> None:
    """Write all entries of a file; raises EntriesError, OSError."""
    reader = _Reader(path, dataplane)
    with _well_formed(path):
        root = Node.parse(read_bytes(path, MAX_FILE))
        for name in root.member_names():
            if name not in IGNORED | reader.members.keys():
                allowed = ", ".join(reader.members)
                raise EntriesError(path, 0, f"member {quoted(name)}", f"expected one of {allowed}")
        for name, write in reader.members.items():
            for node in root.items(name):
                with tally.one(dataplane), _well_formed(path):
                    reader.write(node, write)


@contextmanager
def _well_formed(path: Path) -> Iterator[None]:
    """Turn the error of a JSON of another form into one about this file."""
    try:
        yield
    except ProgramError as error:
        reason = f"expected {error.expected}, found {error.found}"
        raise EntriesError(path, 0, error.path, reason) from error


class _Reader:
    """One method for each kind of entry."""

    def __init__(self, path: Path, dataplane: Dataplane) -> None:
        self.path = path
        self.plane = dataplane
        self.program = dataplane.state.program
        self.members = {
            "multicast_group_entries": self._group,
            "clone_session_entries": self._session,
            "table_entries": self._entry,
        }

    def write(self, node: Node, write: Callable[[Node], None]) -> None:
        """Write one entry; raises EntriesError with its location."""
        try:
            write(node)
        except InvalidLine as wrong:
            what = f"{node.path}, {wrong.what}"
            raise EntriesError(self.path, 0, what, wrong.reason) from None
        except ProgramError:
            raise
        except SwitchError as error:
            raise EntriesError(self.path, 0, node.path, str(error)) from error

    # -- tables -----------------------------------------------------------------------------------

    def _entry(self, node: Node) -> None:
        found = arguments.find(self.program, "table", node.get("table").text())
        table = self.program.tables[found]
        call = self._call(node, table)
        if node.flag("default_action"):
            self.plane.set_default(table.name, call)
            return
        priority = node.find("priority")
        entry = TableEntry(
            self._key(node, table),
            call,
            priority.integer() if priority else 0,
            opaque=Origin(f"{self.path.name} {node.path.removeprefix('$.')}"),
        )
        self.plane.insert_entry(table.name, entry)

    def _call(self, node: Node, table: Table) -> ActionCall:
        actions = {self.program.actions[i].name: self.program.actions[i] for i in table.actions}
        wanted = node.get("action_name").text()
        owner = f"table {table.name!r}: "
        action = actions[arguments.find_name("action", wanted, actions, owner)]
        given, what = _members(node, "action_params"), f"action {action.name!r}"
        _same(what, "parameters", given, [param.name for param in action.params])
        params = (
            arguments.value(f"{what}, parameter {p.name!r}", _text(given[p.name]), p.width)
            for p in action.params
        )
        return ActionCall(action.name, tuple(params))

    def _key(self, node: Node, table: Table) -> tuple[Match, ...]:
        given, what = _members(node, "match"), f"table {table.name!r}"
        optional = {f.name for f in table.key if f.match_kind not in ("exact", "valid")}
        names = [f.name for f in table.key if f.name in given or f.name not in optional]
        _same(what, "match fields", given, names)
        return tuple(_match(what, given.get(field.name), field) for field in table.key)

    # -- replication ------------------------------------------------------------------------------

    def _group(self, node: Node) -> None:
        number = node.get("multicast_group_id").integer()
        self.plane.insert_multicast_group(MulticastGroup(number, _replicas(node)))

    def _session(self, node: Node) -> None:
        number, length = node.get("clone_session_id").integer(), node.find("packet_length_bytes")
        size = length.integer() if length else 0
        session = CloneSession(number, _replicas(node), packet_length_bytes=size)
        self.plane.insert_clone_session(session)


def _members(node: Node, name: str) -> dict[str, Node]:
    """The members of an optional object."""
    held = node.find(name)
    return {key: held.get(key) for key in held.member_names()} if held else {}


def _same(what: str, kind: str, given: Iterable[str], expected: list[str]) -> None:
    given = list(given)
    if sorted(given) != sorted(expected):
        found = on_one_line(", ".join(given)) or "none"
        raise InvalidLine(what, f"{kind} {found}, expected {', '.join(expected) or 'none'}")


def _text(node: Node) -> str:
    """A value as it was written: a number or a string."""
    return str(node.integer()) if isinstance(node.value, int) else node.text()


def _match(owner: str, node: Node | None, field: KeyField) -> Match:
    kind, width = field.match_kind, field.width
    what = f"{owner}, field {field.name!r} ({kind})"
    if node is None:
        if kind == "range":
            return Range(0, (1 << width) - 1)
        return Lpm(0, 0) if kind == "lpm" else Ternary(0, 0)
    if kind not in PAIRS:
        if isinstance(node.value, list) and len(node.value) == 1:  # as some of the tutorials' have
            node = node.at(0)
        value = arguments.value(what, _text(node), width)
        return Ternary(value, (1 << width) - 1) if kind == "optional" else Exact(value)
    if not isinstance(node.value, list) or len(node.value) != len(("value", "other")):
        raise InvalidLine(what, f"{shortened(repr(node.value))}, expected {PAIRS[kind]}")
    first, second = _text(node.at(0)), _text(node.at(1))
    if kind == "lpm":
        return arguments.prefix(what, f"{first}/{second}", width)
    low, other = arguments.value(what, first, width), arguments.value(what, second, width)
    return Range(low, other) if kind == "range" else Ternary(low & other, other)


def _replicas(node: Node) -> tuple[Replica, ...]:
    return tuple(
        Replica(item.get("egress_port").integer(), item.get("instance").integer())
        for item in node.items("replicas")
    )
