"""The P4Info of a pipeline, indexed by id and joined with the program that the switch runs.

Made by `join.join`; every object here exists in both, under the same name and with the same
shape. Widths are those of the program, in bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from v1switch.p4runtime.bytestrings import decode, encode
from v1switch.p4runtime.errors import invalid
from v1switch.p4runtime.matches import MatchField
from v1switch.p4runtime.p4data import DataType
from v1switch.p4runtime.translation import Strings


@dataclass(frozen=True)
class Param:
    """A parameter of an action, or a field of a controller header."""

    id: int
    name: str
    width: int
    strings: Strings | None = None  # of a type that clients write as strings

    def value(self, raw: bytes, what: str) -> int:
        """Return the value of a byte string; raises Refused, with `what` in the message."""
        if self.strings is not None:
            return self.strings.decode(raw, what)
        return decode(raw, self.width, what)

    def text(self, value: int) -> bytes:
        """Return the byte string of a value."""
        return encode(value) if self.strings is None else self.strings.encode(value)


@dataclass(frozen=True)
class Action:
    """An action and its parameters, in the order of the program."""

    id: int
    name: str
    params: tuple[Param, ...]


@dataclass(frozen=True)
class ActionRef:
    """An action of a table, and where it may be used: in entries, as default action, or both."""

    action: Action
    in_entries: bool
    as_default: bool


@dataclass(frozen=True)
class Profile:
    """An action profile; `actions` are those of its tables, by id.

    `max_group_size` and `size` count weights, or members when `sum_of_members`; 0 is no limit.
    """

    id: int
    name: str
    with_selector: bool
    size: int
    max_group_size: int
    sum_of_members: bool
    max_member_weight: int
    actions: Mapping[int, Action]


@dataclass(frozen=True)
class MeterSpec:
    """A meter's unit and type, from P4Info."""

    name: str
    type: int


@dataclass(frozen=True)
class Table:
    """A table with everything that a TableEntry may name."""

    id: int
    name: str
    fields: tuple[MatchField, ...]
    ranked: bool  # entries need a priority
    actions: Mapping[int, ActionRef]
    by_action_name: Mapping[str, Action]
    profile: Profile | None
    counter: str | None  # the direct counter's name
    meter: MeterSpec | None
    idle_timeout: bool
    is_const: bool
    const_default: bool


@dataclass(frozen=True)
class Counter:
    """An indexed counter."""

    id: int
    name: str
    size: int


@dataclass(frozen=True)
class Meter:
    """An indexed meter."""

    id: int
    name: str
    size: int
    spec: MeterSpec


@dataclass(frozen=True)
class Register:
    """A register array and the type of its cells."""

    id: int
    name: str
    size: int
    type: DataType


@dataclass(frozen=True)
class Digest:
    """A digest and the type of one message of it."""

    id: int
    name: str
    type: DataType


@dataclass(frozen=True)
class ValueSet:
    """A parser value set."""

    id: int
    name: str
    size: int
    fields: tuple[MatchField, ...]


@dataclass(frozen=True)
class ControllerHeader:
    """The header of packets to or from the controller; `bits` is its length."""

    fields: tuple[Param, ...]

    @property
    def bits(self) -> int:
        """Sum of the fields' widths."""
        return sum(each.width for each in self.fields)


@dataclass(frozen=True)
class Schema:
    """All objects of a pipeline by P4Info id."""

    tables: Mapping[int, Table] = field(default_factory=dict)
    profiles: Mapping[int, Profile] = field(default_factory=dict)
    counters: Mapping[int, Counter] = field(default_factory=dict)
    meters: Mapping[int, Meter] = field(default_factory=dict)
    registers: Mapping[int, Register] = field(default_factory=dict)
    digests: Mapping[int, Digest] = field(default_factory=dict)
    value_sets: Mapping[int, ValueSet] = field(default_factory=dict)
    described: Mapping[int, str] = field(default_factory=dict)  # every object of P4Info
    packet_in: ControllerHeader | None = None
    packet_out: ControllerHeader | None = None


T = TypeVar("T")


def lookup(schema: Schema, objects: Mapping[int, T], object_id: int, kind: str) -> T:
    """Return the object with this id; `objects` are those of its kind in the schema.

    Raises:
        Refused: there is none. INVALID_ARGUMENT, as BMv2's server answers; the specification
            leaves the code open.
    """
    found = objects.get(object_id)
    if found is None:
        other = schema.described.get(object_id)
        raise invalid(f"no {kind} has id {object_id:#010x}" + (f", which is {other}" * bool(other)))
    return found


def select(schema: Schema, objects: Mapping[int, T], object_id: int, kind: str) -> list[T]:
    """Return the object with this id, or all of them for the wildcard 0.

    Raises:
        Refused: the id is neither 0 nor known.
    """
    if object_id == 0:
        return list(objects.values())
    return [lookup(schema, objects, object_id, kind)]
