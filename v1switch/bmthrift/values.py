"""Match fields, action data and numbers: the bytes of the wire, and the data plane's values."""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.bmthrift import structs
from v1switch.bmthrift.codes import Refused, TableCode
from v1switch.errors import BadAction, BadMatch
from v1switch.program.model import Action, KeyField, Table
from v1switch.state.entries import ActionCall, Exact, Key, Lpm, Match, Range, Ternary


def signed(value: int, bits: int) -> int:
    """An unsigned number as the wire has it: Thrift's integers have a sign."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unsigned(value: int, bits: int) -> int:
    """A number of the wire without its sign."""
    return value & ((1 << bits) - 1)


def octets(width: int) -> int:
    """How many bytes a value of so many bits takes."""
    return (width + 7) // 8


# -- keys ------------------------------------------------------------------------------------------


def key_from(params: Sequence[structs.MatchParam], table: Table) -> Key:
    """The key that match fields stand for; bits beyond a field's width are ignored, as in BMv2.

    Raises:
        Refused: the table has no key.
        BadMatch: another number of fields, of another kind or length.
    """
    if not table.key:
        raise Refused(TableCode.NO_TABLE_KEY)
    if len(params) != len(table.key):
        raise BadMatch(table.name, None, f"{len(params)} match fields, expected {len(table.key)}")
    return tuple(
        _match(param, field, table.name) for param, field in zip(params, table.key, strict=True)
    )


def _match(param: structs.MatchParam, field: KeyField, table: str) -> Match:
    width, ones = field.width, (1 << field.width) - 1

    def number(data: bytes) -> int:
        if len(data) != octets(width):
            raise BadMatch(table, field.name, f"{len(data)} bytes, expected {octets(width)}")
        return int.from_bytes(data, "big") & ones

    kind, wrong = field.match_kind, BadMatch(table, field.name, f"expected {field.match_kind}")
    if param.type != _TYPES[kind]:
        raise wrong
    if kind == "valid" and param.valid is not None:
        return Exact(int(param.valid.key))
    if kind == "exact" and param.exact is not None:
        return Exact(number(param.exact.key))
    if kind == "lpm" and param.lpm is not None:
        length = param.lpm.prefix_length
        if not 0 <= length <= width:
            raise BadMatch(table, field.name, f"prefix length {length}, expected 0..{width}")
        return Lpm(number(param.lpm.key) & (ones ^ (ones >> length)), length)
    if kind == "range" and param.range is not None:
        return Range(number(param.range.start), number(param.range.end_))
    if kind in ("ternary", "optional") and param.ternary is not None:
        mask = number(param.ternary.mask)
        return Ternary(number(param.ternary.key) & mask, mask)
    raise wrong


_TYPES = {
    "exact": structs.EXACT,
    "lpm": structs.LPM,
    "ternary": structs.TERNARY,
    "optional": structs.TERNARY,
    "valid": structs.VALID,
    "range": structs.RANGE,
}


def params_of(key: Key, table: Table) -> list[structs.MatchParam]:
    """The match fields of a key."""
    return [_param(match, field) for match, field in zip(key, table.key, strict=True)]


def _param(match: Match, field: KeyField) -> structs.MatchParam:
    size = octets(field.width)
    param = structs.MatchParam(_TYPES[field.match_kind])
    if isinstance(match, Lpm):
        value = match.value.to_bytes(size, "big")
        param.lpm = structs.LpmParam(value, match.prefix_len)
    elif isinstance(match, Ternary):
        value, mask = (number.to_bytes(size, "big") for number in (match.value, match.mask))
        param.ternary = structs.TernaryParam(value, mask)
    elif isinstance(match, Range):
        low, high = (number.to_bytes(size, "big") for number in (match.low, match.high))
        param.range = structs.RangeParam(low, high)
    elif field.match_kind == "valid":
        param.valid = structs.ValidParam(bool(match.value))
    else:
        param.exact = structs.ExactParam(match.value.to_bytes(size, "big"))
    return param


# -- actions ---------------------------------------------------------------------------------------


def call_from(owner: str, action: Action | None, data: Sequence[bytes]) -> ActionCall:
    """An action with its data; bits beyond a parameter's width are ignored.

    Raises:
        Refused: no such action.
        BadAction: another number of parameters.
    """
    if action is None:
        raise Refused(TableCode.INVALID_ACTION_NAME)
    if len(data) != len(action.params):
        raise BadAction(owner, f"{len(data)} parameters, expected {len(action.params)}")
    pairs = zip(data, action.params, strict=True)
    numbers = (int.from_bytes(each, "big") & ((1 << param.width) - 1) for each, param in pairs)
    return ActionCall(action.name, tuple(numbers))


def data_of(call: ActionCall) -> list[bytes]:
    """The parameters of a call, each in as few bytes as it takes, as BMv2 has them."""
    return [value.to_bytes(octets(value.bit_length()) or 1, "big") for value in call.params]
