"""The entities of a switch: table entries, multicast groups, selector groups, digests.

Entities are plain values with readable names ("l2_forward", "02:00:00:00:01:01"); `Schema` turns
them into P4Runtime messages. Entities with the same `key` occupy the same place in the switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from p4.v1 import p4runtime_pb2

from falcon_ctl.errors import UsageError
from falcon_ctl.p4rt.encoding import Value, encode, prefix_mask, to_int
from falcon_ctl.p4rt.schema import Field, Schema, Table

PORT_BITS = 9  # of v1model
# exact: value · lpm: (value, prefix length) · ternary: (value, mask) · range: (low, high)
Match: TypeAlias = Value | tuple[Value, int]


def _frozen(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(values.items()))


@dataclass(frozen=True)
class Call:
    """An action with its arguments."""

    action: str
    args: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, action: str, **args: Value) -> Call:
        """`Call.of("set_vni", vni=5001)`."""
        return cls(action, _frozen(args))

    def message(self, schema: Schema) -> Any:
        """As p4.v1.Action."""
        action = schema.action(self.action)
        message = p4runtime_pb2.Action(action_id=action.id)
        given = dict(self.args)
        _same_names(f"action {self.action}", set(given), set(action.params))
        for name, value in given.items():
            param = action.params[name]
            encoded = _encode(f"action {self.action}, parameter {name}", value, param.bits)
            message.params.add(param_id=param.id, value=encoded)
        return message


@dataclass(frozen=True)
class Meter:
    """The direct meter of an entry: up to `burst` at once and `rate` a second are green."""

    rate: int
    burst: int


@dataclass(frozen=True)
class Entry:
    """A table entry; its action is a `Call`, or `group` names a group of the table's selector.

    An entry without match fields and with `default=True` is the table's default action.
    """

    table: str
    match: tuple[tuple[str, Match], ...]
    call: Call | None = None
    group: int = 0
    priority: int = 0
    default: bool = False
    meter: Meter | None = None

    @classmethod
    def of(
        cls, table: str, call: Call | None = None, group: int = 0, priority: int = 0, **match: Match
    ) -> Entry:
        """`Entry.of("l2", Call.of("local", port=1), vni=5001, dst="02:...")`."""
        return cls(table, _frozen(match), call, group, priority)

    def metered(self, meter: Meter) -> Entry:
        """The same entry with a meter."""
        return replace(self, meter=meter)

    @classmethod
    def default_of(cls, table: str, call: Call) -> Entry:
        """The table's default action."""
        return cls(table, (), call, default=True)

    @property
    def key(self) -> tuple[Any, ...]:
        """Place in the switch: table, match and priority."""
        return ("entry", self.table, self.match, self.priority, self.default)

    def message(self, schema: Schema) -> Any:
        """As p4.v1.Entity."""
        table = schema.table(self.table)
        entity = p4runtime_pb2.Entity()
        entry = entity.table_entry
        entry.table_id = table.id
        entry.is_default_action = self.default
        entry.priority = self.priority
        entry.match.extend(_matches(table, dict(self.match)))
        if self.call is not None:
            entry.action.action.CopyFrom(self.call.message(schema))
        elif self.group:
            entry.action.action_profile_group_id = self.group
        if self.meter is not None:
            entry.meter_config.cir = entry.meter_config.pir = self.meter.rate
            entry.meter_config.cburst = entry.meter_config.pburst = self.meter.burst
        return entity


@dataclass(frozen=True)
class Member:
    """One alternative of an action selector."""

    profile: str
    id: int
    call: Call = field(compare=True)

    @property
    def key(self) -> tuple[Any, ...]:
        """Place in the switch."""
        return ("member", self.profile, self.id)

    def message(self, schema: Schema) -> Any:
        """As p4.v1.Entity."""
        entity = p4runtime_pb2.Entity()
        member = entity.action_profile_member
        member.action_profile_id = schema.profile(self.profile)
        member.member_id = self.id
        member.action.CopyFrom(self.call.message(schema))
        return entity


@dataclass(frozen=True)
class Group:
    """A set of members among which the selector chooses by hash (ECMP).

    A member's id is the port that it sends to. The switch watches it: a member whose link is down
    is not chosen, before the controller knows.
    """

    profile: str
    id: int
    members: tuple[int, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """Place in the switch."""
        return ("group", self.profile, self.id)

    def message(self, schema: Schema) -> Any:
        """As p4.v1.Entity."""
        entity = p4runtime_pb2.Entity()
        group = entity.action_profile_group
        group.action_profile_id = schema.profile(self.profile)
        group.group_id = self.id
        for member in self.members:  # no max_size: it could not change with the number of paths
            watched = encode(member, PORT_BITS)
            group.members.add(member_id=member, weight=1, watch_port=watched)
        return entity


@dataclass(frozen=True)
class Multicast:
    """A replication group: copies go to `(port, instance)` pairs."""

    id: int
    replicas: tuple[tuple[int, int], ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """Place in the switch."""
        return ("multicast", self.id)

    def message(self, schema: Schema) -> Any:  # noqa: ARG002  # entities share this signature
        """As p4.v1.Entity."""
        entity = p4runtime_pb2.Entity()
        group = entity.packet_replication_engine_entry.multicast_group_entry
        group.multicast_group_id = self.id
        for port, instance in self.replicas:
            group.replicas.add(egress_port=port, instance=instance)
        return entity


@dataclass(frozen=True)
class Digest:
    """Subscription to a digest: up to `max_list` of them in a message, after `max_wait_ns`."""

    name: str
    max_wait_ns: int = 20_000_000
    max_list: int = 64
    ack_wait_ns: int = 1_000_000_000

    @property
    def key(self) -> tuple[Any, ...]:
        """Place in the switch."""
        return ("digest", self.name)

    def message(self, schema: Schema) -> Any:
        """As p4.v1.Entity."""
        entity = p4runtime_pb2.Entity()
        digest = entity.digest_entry
        digest.digest_id = schema.digest(self.name)
        digest.config.max_timeout_ns = self.max_wait_ns
        digest.config.max_list_size = self.max_list
        digest.config.ack_timeout_ns = self.ack_wait_ns
        return entity


Entity: TypeAlias = Entry | Member | Group | Multicast | Digest
# Members before their groups, groups before the entries that refer to them.
ORDER: tuple[type, ...] = (Multicast, Member, Group, Entry, Digest)


def _matches(table: Table, given: dict[str, Match]) -> list[Any]:
    """p4.v1.FieldMatch of each given field; fields left out are wildcards, exact ones may not."""
    where = f"table {table.name}"
    exact = {name for name, f in table.fields.items() if f.kind == "exact"} if given else set()
    _same_names(where, set(given) & exact | set(given) - set(table.fields), exact)
    matches = (_match(where, table.fields[name], value) for name, value in given.items())
    return [match for match in matches if match is not None]


def _match(where: str, f: Field, value: Match) -> Any | None:
    """One field's match; None when it matches everything, which P4Runtime wants left out."""
    where = f"{where}, field {f.name}"
    first, second = value if isinstance(value, tuple) else (value, None)
    match = p4runtime_pb2.FieldMatch(field_id=f.id)
    if f.kind in ("exact", "optional"):
        getattr(match, f.kind).value = _encode(where, first, f.bits)
    elif f.kind == "lpm":
        length = f.bits if second is None else second
        if length == 0:
            return None
        kept = to_int(first) & prefix_mask(length, f.bits)
        match.lpm.value, match.lpm.prefix_len = _encode(where, kept, f.bits), length
    elif f.kind == "ternary":
        mask = (1 << f.bits) - 1 if second is None else second
        if mask == 0:
            return None
        match.ternary.value = _encode(where, to_int(first) & mask, f.bits)
        match.ternary.mask = _encode(where, mask, f.bits)
    elif f.kind == "range":
        low, high = to_int(first), to_int(first) if second is None else second
        if (low, high) == (0, (1 << f.bits) - 1):
            return None
        match.range.low, match.range.high = (
            _encode(where, low, f.bits),
            _encode(where, high, f.bits),
        )
    else:
        raise UsageError(where, "a match kind unknown to P4Runtime", "exact, lpm, ternary, range")
    return match


def _encode(where: str, value: Value, bits: int) -> bytes:
    try:
        return encode(value, bits)
    except ValueError as error:
        raise UsageError(where, str(error), f"a value of {bits} bits") from error


def _same_names(where: str, given: set[str], expected: set[str]) -> None:
    if given != expected:
        odd = ", ".join(sorted(given ^ expected))
        raise UsageError(where, f"{odd} missing or unknown", ", ".join(sorted(expected)) or "none")
