"""A p4info by name: tables, actions and fields with their ids and widths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import text_format
from p4.config.v1 import p4info_pb2

from falcon_ctl.errors import UsageError

_T = TypeVar("_T")
_MatchField = p4info_pb2.MatchField
KINDS = {
    _MatchField.EXACT: "exact",
    _MatchField.LPM: "lpm",
    _MatchField.TERNARY: "ternary",
    _MatchField.RANGE: "range",
    _MatchField.OPTIONAL: "optional",
}


@dataclass(frozen=True)
class Field:
    """A match field or an action parameter; `kind` is "" for a parameter."""

    id: int
    name: str
    bits: int
    kind: str = ""


@dataclass(frozen=True)
class Action:
    """An action and its parameters by name."""

    id: int
    name: str
    params: dict[str, Field]


@dataclass(frozen=True)
class Table:
    """A table, its match fields by name and the id of its action profile (0: direct actions).

    `constant`: its entries are those of the program. `metered`: its entries have a meter each.
    """

    id: int
    name: str
    fields: dict[str, Field]
    action_profile: int
    size: int
    constant: bool = False
    metered: bool = False

    @property
    def needs_priority(self) -> bool:
        """Ternary, range and optional matches are ordered by a priority (spec 9.1.1)."""
        return any(f.kind in ("ternary", "range", "optional") for f in self.fields.values())


class Schema:
    """Lookup by alias: the shortest suffix of the full name that p4c found to be unique."""

    def __init__(self, info: Any) -> None:
        self.info = info
        metered = {meter.direct_table_id for meter in info.direct_meters}
        self._tables = {t.preamble.alias: _table(t, metered) for t in info.tables}
        self._actions = {a.preamble.alias: _action(a) for a in info.actions}
        self._profiles: dict[str, int] = {
            p.preamble.alias: p.preamble.id for p in info.action_profiles
        }
        self._digests: dict[str, int] = {d.preamble.alias: d.preamble.id for d in info.digests}
        self._counters: dict[str, int] = {c.preamble.alias: c.preamble.id for c in info.counters}

    @classmethod
    def load(cls, path: Path) -> Schema:
        """Read a p4info in protobuf's text format."""
        try:
            return cls(text_format.Parse(path.read_text(), p4info_pb2.P4Info()))
        except OSError as error:
            raise UsageError(str(path), error.strerror or "unreadable", "a p4info file") from error
        except text_format.ParseError as error:
            raise UsageError(str(path), str(error), "a p4info in text format") from error

    def table(self, name: str) -> Table:
        """Table by name."""
        return _find("table", self._tables, name)

    def action(self, name: str) -> Action:
        """Action by name."""
        return _find("action", self._actions, name)

    def profile(self, name: str) -> int:
        """Id of an action profile or selector."""
        return _find("action profile", self._profiles, name)

    def digest(self, name: str) -> int:
        """Id of a digest."""
        return _find("digest", self._digests, name)

    def counter(self, name: str) -> int:
        """Id of an indirect counter."""
        return _find("counter", self._counters, name)

    def digest_name(self, digest_id: int) -> str:
        """Name of a digest; "" when the p4info has none of this id."""
        return next((name for name, id_ in self._digests.items() if id_ == digest_id), "")

    def profile_name(self, profile_id: int) -> str:
        """Name of an action profile or selector; "" when the p4info has none of this id."""
        return next((name for name, id_ in self._profiles.items() if id_ == profile_id), "")

    def table_of(self, table_id: int) -> Table:
        """Table by id."""
        return _by_id("table", self._tables, table_id)

    def action_of(self, action_id: int) -> Action:
        """Action by id."""
        return _by_id("action", self._actions, action_id)

    @property
    def tables(self) -> list[Table]:
        """Every table."""
        return list(self._tables.values())

    @property
    def profiles(self) -> list[int]:
        """Ids of every action profile and selector."""
        return list(self._profiles.values())

    @property
    def digests(self) -> list[int]:
        """Ids of every digest."""
        return list(self._digests.values())


def _table(message: Any, metered: set[int]) -> Table:
    fields = {
        f.name: Field(f.id, f.name, f.bitwidth, KINDS.get(f.match_type, ""))
        for f in message.match_fields
    }
    preamble = message.preamble
    return Table(
        preamble.id,
        preamble.alias,
        fields,
        message.implementation_id,
        message.size,
        constant=message.is_const_table,
        metered=preamble.id in metered,
    )


def _action(message: Any) -> Action:
    params = {p.name: Field(p.id, p.name, p.bitwidth) for p in message.params}
    return Action(message.preamble.id, message.preamble.alias, params)


_Numbered = TypeVar("_Numbered", Table, Action)


def _by_id(what: str, known: dict[str, _Numbered], number: int) -> _Numbered:
    for one in known.values():
        if one.id == number:
            return one
    raise UsageError(f"p4info, {what} {number}", "unknown", f"the id of a {what}")


def _find(what: str, known: dict[str, _T], name: str) -> _T:
    try:
        return known[name]
    except KeyError as error:
        expected = f"one of {', '.join(sorted(known)) or 'none'}"
        raise UsageError(f"p4info, {what} {name!r}", "unknown", expected) from error
