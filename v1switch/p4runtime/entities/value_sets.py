"""Parser value sets (specification 1.4, "ValueSetEntry")."""

from __future__ import annotations

from collections.abc import Iterable

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.errors import Code, Refused, exists, unsupported
from v1switch.p4runtime.matches import decode_key, encode_key
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.schema import ValueSet, lookup, select
from v1switch.state.entries import Exact, Key, Lpm, Match, Ternary, ValueSetMember


class ValueSets(Handler):
    """Value sets: only all of their members can be replaced."""

    member = "value_set_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.ValueSetEntry) -> None:
        """Replace a value set's members."""
        value_set = lookup(
            pipeline.schema, pipeline.schema.value_sets, message.value_set_id, "value set"
        )
        where = f"value set {value_set.name!r}"
        if value_set.size and len(message.members) > value_set.size:
            raise Refused(
                Code.RESOURCE_EXHAUSTED, f"{where} holds {value_set.size} members at most"
            )
        keys = [decode_key(each.match, value_set.fields, where) for each in message.members]
        if len(set(keys)) != len(keys):
            raise exists(f"{where}: a member appears twice")
        pipeline.plane.set_value_set(value_set.name, [_member(key, value_set) for key in keys])
        pipeline.notes.written[self.member, 0, value_set.id] = keys

    def read(self, pipeline: Pipeline, message: p4rt.ValueSetEntry, new: New) -> None:
        """Read one value set or all."""
        for value_set in select(
            pipeline.schema, pipeline.schema.value_sets, message.value_set_id, "value set"
        ):
            found = new()
            found.value_set_id = value_set.id
            for key in _keys(pipeline, value_set):
                encode_key(key, value_set.fields, found.members.add().match)


def _keys(pipeline: Pipeline, value_set: ValueSet) -> Iterable[Key]:
    """The members as a client wrote them, or as they are when they have been changed since."""
    written = pipeline.notes.written.get((ValueSets.member, 0, value_set.id), ())
    members = pipeline.plane.value_set(value_set.name)
    if tuple(_member(key, value_set) for key in written) == members:
        return tuple(written)
    return [_key(member, value_set) for member in members]


def _key(member: ValueSetMember, value_set: ValueSet) -> Key:
    """Split a member into its fields."""
    at = sum(field.width for field in value_set.fields)
    mask = (1 << at) - 1 if member.mask is None else member.mask
    matches: list[Match] = []
    for field in value_set.fields:
        at -= field.width
        ones = (1 << field.width) - 1
        value, care = member.value >> at & ones, mask >> at & ones
        if field.kind.name == "exact":
            matches.append(Exact(value))
        elif field.kind.name == "lpm":
            matches.append(Lpm(value & care, care.bit_count()))
        else:
            matches.append(Ternary(value & care, care))
    return tuple(matches)


def _member(key: Key, value_set: ValueSet) -> ValueSetMember:
    """Concatenate a member's fields, first field in the most significant bits."""
    value = mask = ones = 0
    for match, field in zip(key, value_set.fields, strict=True):
        part, care = _bits(match, field.width)
        value = value << field.width | part
        mask = mask << field.width | care
        ones = ones << field.width | (1 << field.width) - 1
    return ValueSetMember(value, None if mask == ones else mask)


def _bits(match: Match, width: int) -> tuple[int, int]:
    """Return a match as value and mask, as the parser compares them."""
    ones = (1 << width) - 1
    if isinstance(match, Exact):
        return match.value, ones
    if isinstance(match, Ternary):
        return match.value, match.mask
    if isinstance(match, Lpm):
        return match.value, ones ^ (ones >> match.prefix_len)
    raise unsupported("ranges in value sets are not supported")
