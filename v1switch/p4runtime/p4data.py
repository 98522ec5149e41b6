"""Values of P4 types as `P4Data` messages (specification 1.4, "Representation of P4 Types").

The data plane holds the value of a register cell or of a digest as a flat tuple of non-negative
integers, one for each leaf of its type. A `DataType` turns that tuple into a message and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from p4.config.v1 import p4types_pb2
from p4.v1 import p4data_pb2

from v1switch.p4runtime import bytestrings
from v1switch.p4runtime.errors import invalid, unsupported
from v1switch.p4runtime.translation import Strings


@dataclass(frozen=True)
class Leaf:
    """A type of one integer: its width and the member of P4Data that carries it.

    The width of a translated type is the client's, until `join` has put the program's in its place.
    """

    member: str  # "bitstring", "bool" or "enum_value"
    width: int
    signed: bool = False
    translated: str = ""  # name of the type, when clients write it otherwise than the program
    strings: Strings | None = None  # of one that they write as strings

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of each leaf."""
        return (self.width,)

    def encode(self, values: Iterator[int], message: p4data_pb2.P4Data) -> None:
        """Write the next value into `message`."""
        value = next(values)
        if self.member == "bool":
            message.bool = bool(value)
        elif self.signed:
            value -= (value >> self.width - 1) << self.width
            message.bitstring = bytestrings.encode_signed(value)
        elif self.strings is not None:
            message.bitstring = self.strings.encode(value)
        else:
            setattr(message, self.member, bytestrings.encode(value))

    def decode(self, message: p4data_pb2.P4Data, what: str) -> Iterator[int]:
        """Yield the value of `message`."""
        if message.WhichOneof("data") != self.member:
            raise invalid(f"{what}: expected {self.member}, found {message.WhichOneof('data')}")
        if self.member == "bool":
            yield int(message.bool)
        elif self.signed:
            value = bytestrings.decode_signed(message.bitstring, self.width, what)
            yield value & ((1 << self.width) - 1)
        elif self.strings is not None:
            yield self.strings.decode(message.bitstring, what)
        else:
            yield bytestrings.decode(getattr(message, self.member), self.width, what)


@dataclass(frozen=True)
class StructLike:
    """A struct or a tuple."""

    member: str  # "struct" or "tuple"
    members: tuple[DataType, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of each leaf."""
        return tuple(width for each in self.members for width in each.widths)

    def encode(self, values: Iterator[int], message: p4data_pb2.P4Data) -> None:
        """Write the next values, one for each leaf, into `message`."""
        target = getattr(message, self.member)
        target.SetInParent()
        for each in self.members:
            each.encode(values, target.members.add())

    def decode(self, message: p4data_pb2.P4Data, what: str) -> Iterator[int]:
        """Yield the values of `message`, one for each leaf."""
        if message.WhichOneof("data") != self.member:
            raise invalid(f"{what}: expected {self.member}, found {message.WhichOneof('data')}")
        found = getattr(message, self.member).members
        if len(found) != len(self.members):
            raise invalid(f"{what}: expected {len(self.members)} members, found {len(found)}")
        for each, value in zip(self.members, found, strict=True):
            yield from each.decode(value, what)


@dataclass(frozen=True)
class Unsupported:
    """A type whose values are not supported; its use is refused, not the pipeline."""

    kind: str
    widths: tuple[int, ...] = ()

    def encode(self, _values: Iterator[int], _message: p4data_pb2.P4Data) -> None:
        """Raise Refused."""
        raise unsupported(f"values of a P4 {self.kind} are not supported")

    def decode(self, _message: p4data_pb2.P4Data, what: str) -> Iterator[int]:
        """Raise Refused."""
        raise unsupported(f"{what}: values of a P4 {self.kind} are not supported")


DataType = Leaf | StructLike | Unsupported


def data_type(spec: p4types_pb2.P4DataTypeSpec, types: p4types_pb2.P4TypeInfo) -> DataType:
    """Return the type of a P4Info type specification.

    Raises:
        Refused: the specification names a type that `types` does not have.
    """
    kind = spec.WhichOneof("type_spec")
    build = _BUILDERS.get(kind)
    return build(spec, types) if build else Unsupported(str(kind))


def _bits(spec: Any, _types: Any) -> DataType:
    kind = spec.bitstring.WhichOneof("type_spec")
    if kind == "bit":
        return Leaf("bitstring", spec.bitstring.bit.bitwidth)
    if kind == "int":
        return Leaf("bitstring", spec.bitstring.int.bitwidth, signed=True)
    return Unsupported(str(kind))


def _struct(spec: Any, types: Any) -> DataType:
    struct = _named(types.structs, spec.struct.name)
    return _struct_like("struct", [data_type(each.type_spec, types) for each in struct.members])


def _tuple(spec: Any, types: Any) -> DataType:
    return _struct_like("tuple", [data_type(each, types) for each in spec.tuple.members])


def _struct_like(member: str, members: list[DataType]) -> DataType:
    """A struct or tuple; unsupported if one of its members is."""
    for each in members:
        if isinstance(each, Unsupported):
            return each
    return StructLike(member, tuple(members))


def _serializable_enum(spec: Any, types: Any) -> DataType:
    enum = _named(types.serializable_enums, spec.serializable_enum.name)
    return Leaf("enum_value", enum.underlying_type.bitwidth)


def _new_type(spec: Any, types: Any) -> DataType:
    new_type = _named(types.new_types, spec.new_type.name)
    if new_type.WhichOneof("representation") == "original_type":
        return data_type(new_type.original_type, types)
    return Leaf("bitstring", new_type.translated_type.sdn_bitwidth, translated=spec.new_type.name)


def _named(types: Any, name: str) -> Any:
    if name not in types:
        raise invalid(f"p4info: type {name!r} is not in type_info")
    return types[name]


_BUILDERS: dict[str, Callable[[Any, Any], DataType]] = {
    "bitstring": _bits,
    "bool": lambda _spec, _types: Leaf("bool", 1),
    "struct": _struct,
    "tuple": _tuple,
    "serializable_enum": _serializable_enum,
    "new_type": _new_type,
}
