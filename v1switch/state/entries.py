"""Values that controllers and the data plane exchange.

All are immutable. Numbers are plain non-negative integers (a P4Runtime byte string is
`int.from_bytes(b, "big")`), names are the program's fully qualified P4 names, rates are per
second, times are nanoseconds. Match fields appear in the order of the table's key in the program.
"""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.errors import BadValue

MAX_COUNT = (1 << 62) - 1  # what a counter may be set to; packets then count on for years


@dataclass(frozen=True)
class Exact:
    """The field equals `value`. A `valid` key is 0 or 1."""

    value: int


@dataclass(frozen=True)
class Lpm:
    """The first `prefix_len` bits equal those of `value`; prefix_len 0 matches all."""

    value: int
    prefix_len: int


@dataclass(frozen=True)
class Ternary:
    """`field & mask == value`; mask 0 matches all. An optional field is ternary with all ones."""

    value: int
    mask: int


@dataclass(frozen=True)
class Range:
    """`low <= field <= high`, both ends included."""

    low: int
    high: int


Match = Exact | Lpm | Ternary | Range
Key = tuple[Match, ...]


@dataclass(frozen=True)
class ActionCall:
    """An action by its name, with parameters in the order of its declaration."""

    name: str
    params: tuple[int, ...] = ()


@dataclass(frozen=True)
class MemberRef:
    """The action of one member of the table's action profile."""

    member_id: int


@dataclass(frozen=True)
class GroupRef:
    """The action of a member that the selector's hash picks from a group."""

    group_id: int


@dataclass(frozen=True)
class WeightedAction:
    """One element of a one-shot action set."""

    action: ActionCall
    weight: int = 1
    watch_port: int | None = None


@dataclass(frozen=True)
class ActionSet:
    """One-shot selector programming: a group that belongs to one table entry."""

    actions: tuple[WeightedAction, ...]


EntryAction = ActionCall | MemberRef | GroupRef | ActionSet


@dataclass(frozen=True)
class Origin:
    """Where an entry was written, for explanations; an entry's `opaque` may be one.

    Attributes:
        where: file and line.
        priority: as it is written there, where low numbers win; None where there is none.
    """

    where: str
    priority: int | None = None


@dataclass(frozen=True)
class TableEntry:
    """An entry of a table.

    Attributes:
        key: one match per key field.
        action: what a hit does.
        priority: larger wins (as in P4Runtime); 0 where neither ternary nor range is matched.
            Constant entries of a program get 2**31 - 1 - p, p being the JSON's priority, as the
            PI layer of BMv2 reports them.
        idle_timeout_ns: 0 for none.
        opaque: returned with the entry as it was given (controller metadata).
        is_const: declared const by the program; cannot be changed.
    """

    key: Key
    action: EntryAction
    priority: int = 0
    idle_timeout_ns: int = 0
    opaque: object = None
    is_const: bool = False


@dataclass(frozen=True)
class HeldEntry:
    """A table entry as BMv2's control interface has it.

    Attributes:
        handle: of the entry.
        entry: the entry.
        target: handle of the member or group that it points at, or None.
        idle_ns: time since its last hit, or its insertion.
    """

    handle: int
    entry: TableEntry
    target: int | None
    idle_ns: int


@dataclass(frozen=True)
class CounterData:
    """A counter cell. BMv2 counts both, whatever the declared type."""

    packets: int
    bytes: int

    def check(self, name: str) -> None:
        """Raise BadValue unless the counter `name` may be set to this."""
        if not 0 <= min(self.packets, self.bytes) <= max(self.packets, self.bytes) <= MAX_COUNT:
            raise BadValue(f"counter {name!r}", f"counts have to be in 0..{MAX_COUNT}")


@dataclass(frozen=True)
class MeterConfig:
    """Two rates, three colours (RFC 2698).

    Rates per second and bursts are in bytes or packets, as the meter was declared. No
    configuration at all (None in the interface) means every packet is green.
    """

    cir: int
    cburst: int
    pir: int
    pburst: int


@dataclass(frozen=True)
class Member:
    """A member of an action profile."""

    member_id: int
    action: ActionCall


@dataclass(frozen=True)
class GroupMember:
    """A member's place in a group; `weight` copies of it take part in the selection."""

    member_id: int
    weight: int = 1
    watch_port: int | None = None


@dataclass(frozen=True)
class Group:
    """A group of an action profile with a selector."""

    group_id: int
    members: tuple[GroupMember, ...] = ()
    max_size: int = 0


@dataclass(frozen=True)
class Replica:
    """One copy made by the replication engine: out of `port`, `instance` in egress_rid."""

    port: int
    instance: int = 0


@dataclass(frozen=True)
class MulticastGroup:
    """A multicast group; ids start at 1."""

    group_id: int
    replicas: tuple[Replica, ...] = ()
    opaque: object = None


@dataclass(frozen=True)
class CloneSession:
    """A clone session: where copies go, and their maximum length in bytes (0: unlimited)."""

    session_id: int
    replicas: tuple[Replica, ...] = ()
    class_of_service: int = 0
    packet_length_bytes: int = 0


@dataclass(frozen=True)
class DigestSample:
    """One digest of one packet.

    Attributes:
        name: the learn list's name in the program (the digest's name in p4info).
        values: one integer for each field, in order.
    """

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class ValueSetMember:
    """A member of a parser value set: `(key & mask) == (value & mask)`.

    Both are the concatenation of the select's key fields, unpadded. mask None means all ones.
    """

    value: int
    mask: int | None = None
