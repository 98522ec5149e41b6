"""Match keys between P4Runtime's `FieldMatch` and the data plane's `Match` values.

One codec for each match kind, after P4Runtime specification 1.4, "Match Format". All refusals are
INVALID_ARGUMENT, as that section requires. A don't-care field is omitted from a message; in the
data plane it is a match that accepts every value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.bytestrings import decode, encode
from v1switch.p4runtime.errors import Code, Refused, invalid, unsupported
from v1switch.p4runtime.translation import Strings
from v1switch.state.entries import Exact, Key, Lpm, Match, Range, Ternary

INVALID = Code.INVALID_ARGUMENT


@dataclass(frozen=True)
class MatchField:
    """One field of a match key: of a table or of a value set."""

    id: int
    name: str
    width: int
    kind: MatchKind
    strings: Strings | None = None  # of a type that clients write as strings

    def value(self, raw: bytes) -> int:
        """Return the value of a byte string; raises Refused."""
        if self.strings is not None:
            return self.strings.decode(raw, self.name)
        return decode(raw, self.width, self.name)

    def text(self, value: int) -> bytes:
        """Return the byte string of a value."""
        return encode(value) if self.strings is None else self.strings.encode(value)


@dataclass(frozen=True)
class MatchKind:
    """How one match kind is read from and written to messages.

    Attributes:
        name: the kind's name in P4.
        member: the member of FieldMatch's oneof.
        decode: from the member and the field to the data plane's match.
        encode: writes a match that is not a don't-care into a message.
        dont_care: the match of an omitted field, or None when it cannot be omitted.
        ranked: whether entries with such a field need a priority.
    """

    name: str
    member: str
    decode: Callable[[p4rt.FieldMatch, MatchField], Match]
    encode: Callable[[Any, MatchField, p4rt.FieldMatch], None]
    dont_care: Callable[[int], Match] | None
    ranked: bool


def decode_key(
    messages: Iterable[p4rt.FieldMatch], fields: Sequence[MatchField], where: str
) -> Key:
    """Return the key of `messages`, one match for each of `fields`.

    Raises:
        Refused: an unknown, repeated or missing field, a wrong match kind, a value that does not
            fit, a don't-care field that is not omitted.
    """
    by_id: dict[int, p4rt.FieldMatch] = {}
    for message in messages:
        if message.field_id in by_id:
            raise invalid(f"{where}: match field id {message.field_id} appears twice")
        by_id[message.field_id] = message
    key = tuple(_decode_field(by_id.pop(field.id, None), field, where) for field in fields)
    if by_id:
        raise invalid(f"{where}: no match field has id {next(iter(by_id))}")
    return key


def encode_key(key: Key, fields: Sequence[MatchField], messages: Any) -> None:
    """Add the key's fields to a repeated `match` field; don't-care fields are omitted."""
    for match, field in zip(key, fields, strict=True):
        dont_care = field.kind.dont_care
        if dont_care is None or match != dont_care(field.width):
            field.kind.encode(match, field, messages.add(field_id=field.id))


def _decode_field(message: p4rt.FieldMatch | None, field: MatchField, where: str) -> Match:
    kind = field.kind
    if message is None:
        if kind.dont_care is None:
            raise invalid(f"{where}: match field {field.name!r} ({kind.name}) is missing")
        return kind.dont_care(field.width)
    found = message.WhichOneof("field_match_type")
    if found != kind.member:
        raise invalid(f"{where}: match field {field.name!r} is {kind.name}, not {found}")
    if field.strings is not None and kind.name not in ("exact", "optional"):
        why = "translated to a string, which has no bits: leave the field out"
        raise unsupported(f"{where}: match field {field.name!r} ({kind.name}) is {why}")
    try:  # not `about`, which is too slow for every field of every entry
        return kind.decode(getattr(message, kind.member), field)
    except Refused as failure:
        raise Refused(failure.code, f"{where}: {failure.message}") from None


def _decode_exact(message: p4rt.FieldMatch.Exact, field: MatchField) -> Match:
    return Exact(field.value(message.value))


def _decode_lpm(message: p4rt.FieldMatch.LPM, field: MatchField) -> Match:
    value = decode(message.value, field.width, field.name)
    length = message.prefix_len
    if not 0 < length <= field.width:
        hint = " (omit a don't-care field)" if length == 0 else ""
        raise invalid(f"{field.name}: prefix length {length} is not in 1..{field.width}{hint}")
    if value & ((1 << field.width - length) - 1):
        raise invalid(f"{field.name}: bits are set beyond the prefix length {length}")
    return Lpm(value, length)


def _decode_ternary(message: p4rt.FieldMatch.Ternary, field: MatchField) -> Match:
    value = decode(message.value, field.width, field.name)
    mask = decode(message.mask, field.width, f"{field.name} (mask)")
    if not mask:
        raise invalid(f"{field.name}: mask 0 (omit a don't-care field)")
    if value & ~mask:
        raise invalid(f"{field.name}: bits of the value are set outside the mask")
    return Ternary(value, mask)


def _decode_range(message: p4rt.FieldMatch.Range, field: MatchField) -> Match:
    low = decode(message.low, field.width, f"{field.name} (low)")
    high = decode(message.high, field.width, f"{field.name} (high)")
    if low > high:
        raise invalid(f"{field.name}: low {low} is above high {high}")
    if low == 0 and high == (1 << field.width) - 1:
        raise invalid(f"{field.name}: the whole range (omit a don't-care field)")
    return Range(low, high)


def _decode_optional(message: p4rt.FieldMatch.Optional, field: MatchField) -> Match:
    return Ternary(field.value(message.value), (1 << field.width) - 1)


def _encode_exact(match: Exact, field: MatchField, message: p4rt.FieldMatch) -> None:
    message.exact.value = field.text(match.value)


def _encode_lpm(match: Lpm, _field: MatchField, message: p4rt.FieldMatch) -> None:
    message.lpm.value = encode(match.value)
    message.lpm.prefix_len = match.prefix_len


def _encode_ternary(match: Ternary, _field: MatchField, message: p4rt.FieldMatch) -> None:
    message.ternary.value = encode(match.value)
    message.ternary.mask = encode(match.mask)


def _encode_range(match: Range, _field: MatchField, message: p4rt.FieldMatch) -> None:
    message.range.low = encode(match.low)
    message.range.high = encode(match.high)


def _encode_optional(match: Ternary, field: MatchField, message: p4rt.FieldMatch) -> None:
    message.optional.value = field.text(match.value)


def _any_range(width: int) -> Range:
    return Range(0, (1 << width) - 1)


def _any_prefix(_width: int) -> Lpm:
    return _ANY_PREFIX


def _any_ternary(_width: int) -> Ternary:
    return _ANY_TERNARY


_ANY_PREFIX = Lpm(0, 0)
_ANY_TERNARY = Ternary(0, 0)

_Type = p4info_pb2.MatchField.MatchType
KINDS: dict[int, MatchKind] = {
    _Type.EXACT: MatchKind("exact", "exact", _decode_exact, _encode_exact, None, False),
    _Type.LPM: MatchKind("lpm", "lpm", _decode_lpm, _encode_lpm, _any_prefix, False),
    _Type.TERNARY: MatchKind(
        "ternary", "ternary", _decode_ternary, _encode_ternary, _any_ternary, True
    ),
    _Type.RANGE: MatchKind("range", "range", _decode_range, _encode_range, _any_range, True),
    _Type.OPTIONAL: MatchKind(
        "optional", "optional", _decode_optional, _encode_optional, _any_ternary, True
    ),
}
