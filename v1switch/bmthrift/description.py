"""A way to write down a Thrift interface: types, structs and calls, as the library needs them.

The library's compiler would turn an interface file into Python; these few classes take its place.
Fields and arguments are numbered from 1 on, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar, cast

from thrift.Thrift import TType

Spec = tuple[Any, ...]
"""Fields as the library wants them: by number (number, code, name, argument, default) or None."""


@dataclass(frozen=True)
class Type:
    """A type of the wire.

    Attributes:
        code: the wire's code of it.
        argument: what the library needs besides: an encoding, the type of elements, a struct.
        zero: makes the value of a field that a client left out.
    """

    code: int
    argument: Any
    zero: Callable[[], Any]


BOOL = Type(TType.BOOL, None, bool)
I16 = Type(TType.I16, None, int)
I32 = Type(TType.I32, None, int)
I64 = Type(TType.I64, None, int)
DOUBLE = Type(TType.DOUBLE, None, float)
STRING = Type(TType.STRING, "UTF8", str)
BINARY = Type(TType.STRING, "BINARY", bytes)
TEXTS = Type(TType.MAP, (TType.STRING, "UTF8", TType.STRING, "UTF8", False), dict)


def list_of(element: Type) -> Type:
    """The type of lists."""
    return Type(TType.LIST, (element.code, element.argument, False), list)


class Struct:
    """Base of structs: dataclasses whose fields `wire` describes. A field that is None is unset."""

    thrift_spec: ClassVar[Spec] = ()

    def read(self, protocol: Any) -> None:
        """Read the fields; others are skipped."""
        protocol.readStruct(self, self.thrift_spec)

    def write(self, protocol: Any) -> None:
        """Write the fields that are set."""
        protocol.writeStruct(self, self.thrift_spec)


def of(struct: type[Struct]) -> Type:
    """The type of a struct."""
    return Type(TType.STRUCT, [struct, struct.thrift_spec], struct)


def spec(typed: Iterable[tuple[str, Type]]) -> Spec:
    """Fields with their numbers, as the library wants them."""
    numbered = enumerate(typed, start=1)
    return (None, *((n, kind.code, name, kind.argument, None) for n, (name, kind) in numbered))


S = TypeVar("S", bound=Struct)


def wire(*types: Type) -> Callable[[type[S]], type[S]]:
    """Give a struct, which is a dataclass, the types of its fields, in their order."""

    def describe(struct: type[S]) -> type[S]:
        names = (each.name for each in fields(cast("type[Any]", struct)))
        struct.thrift_spec = spec(zip(names, types, strict=True))
        return struct

    return describe


@dataclass(frozen=True)
class Call:
    """One call of a service.

    Attributes:
        arguments: names and types, in their order.
        returns: type of the result, or None.
        code: the error code of an exception; None for calls that choose their codes themselves.
    """

    arguments: tuple[tuple[str, Type], ...]
    returns: Type | None
    code: Callable[[Exception], int] | None

    @property
    def spec(self) -> Spec:
        """The struct of its arguments."""
        return spec(self.arguments)
