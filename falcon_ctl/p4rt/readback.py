"""A switch's entities read back: P4Runtime messages as the entities that would be written.

`plain` gives an entity the form that is read back, with all values as numbers, so that what a
switch holds and what it should hold can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from p4.v1 import p4runtime_pb2

from falcon_ctl.p4rt.encoding import Value, to_int
from falcon_ctl.p4rt.entities import (
    Call,
    Digest,
    Entity,
    Entry,
    Group,
    Match,
    Member,
    Meter,
    Multicast,
)
from falcon_ctl.p4rt.schema import Schema


def requests(schema: Schema) -> Iterator[Any]:
    """p4.v1.Entity messages that ask for all that a controller may have written."""
    for table in schema.tables:
        if not table.constant:
            entity = p4runtime_pb2.Entity()
            entity.table_entry.table_id = table.id
            if table.metered:
                entity.table_entry.meter_config.SetInParent()
            yield entity
    for profile in schema.profiles:
        for kind in ("action_profile_member", "action_profile_group"):
            entity = p4runtime_pb2.Entity()
            getattr(entity, kind).action_profile_id = profile
            yield entity
    entity = p4runtime_pb2.Entity()
    entity.packet_replication_engine_entry.multicast_group_entry.SetInParent()
    yield entity
    for digest in schema.digests:
        entity = p4runtime_pb2.Entity()
        entity.digest_entry.digest_id = digest
        yield entity


def entity_of(message: Any, schema: Schema) -> Entity | None:
    """The entity behind a p4.v1.Entity; None for what a controller does not write."""
    kind = message.WhichOneof("entity")
    if kind == "table_entry":
        return _entry(message.table_entry, schema)
    if kind == "action_profile_member":
        member = message.action_profile_member
        profile = schema.profile_name(member.action_profile_id)
        return Member(profile, member.member_id, _call(member.action, schema))
    if kind == "action_profile_group":
        group = message.action_profile_group
        members = tuple(sorted(member.member_id for member in group.members))
        return Group(schema.profile_name(group.action_profile_id), group.group_id, members)
    if kind == "packet_replication_engine_entry":
        return _multicast(message.packet_replication_engine_entry)
    if kind == "digest_entry":
        config = message.digest_entry.config
        name = schema.digest_name(message.digest_entry.digest_id)
        return Digest(name, config.max_timeout_ns, config.max_list_size, config.ack_timeout_ns)
    return None


def _entry(message: Any, schema: Schema) -> Entry | None:
    if message.is_default_action:
        return None
    table = schema.table_of(message.table_id)
    names = {field.id: name for name, field in table.fields.items()}
    match = {names[field.field_id]: _match(field) for field in message.match}
    entry = Entry(table.name, tuple(sorted(match.items())), priority=message.priority)
    if message.action.WhichOneof("type") == "action":
        entry = replace(entry, call=_call(message.action.action, schema))
    elif message.action.WhichOneof("type") == "action_profile_group_id":
        entry = replace(entry, group=message.action.action_profile_group_id)
    if message.HasField("meter_config") and message.meter_config.cir:
        meter = Meter(message.meter_config.cir, message.meter_config.cburst)
        entry = replace(entry, meter=meter)
    return entry


def _match(field: Any) -> Match:
    kind = field.WhichOneof("field_match_type")
    value = getattr(field, kind)
    if kind == "lpm":
        return to_int(value.value), value.prefix_len
    if kind == "ternary":
        return to_int(value.value), to_int(value.mask)
    if kind == "range":
        return to_int(value.low), to_int(value.high)
    return to_int(value.value)


def _call(message: Any, schema: Schema) -> Call:
    action = schema.action_of(message.action_id)
    names = {param.id: name for name, param in action.params.items()}
    args = {names[param.param_id]: to_int(param.value) for param in message.params}
    return Call(action.name, tuple(sorted(args.items())))


def _multicast(message: Any) -> Multicast | None:
    if message.WhichOneof("type") != "multicast_group_entry":
        return None
    group = message.multicast_group_entry
    copies = ((_port(replica), replica.instance) for replica in group.replicas)
    return Multicast(group.multicast_group_id, tuple(sorted(copies)))


def _port(replica: Any) -> int:
    if replica.WhichOneof("port_kind") == "port":
        return to_int(replica.port)
    return int(replica.egress_port)


def plain(entity: Entity) -> Entity:
    """The same entity, with every value as the number that is read back."""
    if isinstance(entity, Entry):
        match = tuple((name, _plain_match(value)) for name, value in entity.match)
        call = None if entity.call is None else _plain_call(entity.call)
        return replace(entity, match=match, call=call)
    if isinstance(entity, Member):
        return replace(entity, call=_plain_call(entity.call))
    if isinstance(entity, Group):
        return replace(entity, members=tuple(sorted(entity.members)))
    if isinstance(entity, Multicast):
        return replace(entity, replicas=tuple(sorted(entity.replicas)))
    return entity


def _plain_call(call: Call) -> Call:
    args: tuple[tuple[str, Value], ...] = tuple((name, to_int(value)) for name, value in call.args)
    return replace(call, args=args)


def _plain_match(value: Match) -> Match:
    return (to_int(value[0]), value[1]) if isinstance(value, tuple) else to_int(value)
