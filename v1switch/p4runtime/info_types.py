"""The types that a P4Info gives its objects: translated types, and those of registers and digests.

Widths are those of the program, which a translated type's may differ from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from p4.config.v1 import p4info_pb2

from v1switch.p4runtime.errors import invalid
from v1switch.p4runtime.p4data import DataType, Leaf, StructLike, Unsupported, data_type
from v1switch.p4runtime.translation import Strings, mappings


class InfoTypes:
    """The types of one P4Info; each type that clients write as strings has one set of strings."""

    def __init__(self, type_info: p4info_pb2.P4TypeInfo) -> None:
        """Look types up in the P4Info's `type_info`."""
        self._info = type_info
        self._by_type: dict[tuple[str, int], Strings] = {}

    def is_translated(self, info: Any) -> bool:
        """Whether the object's type is translated to another one for the controller.

        Numbers are passed on unchanged, of strings each stands for a value: see `translation`.
        """
        return self._translation(info) is not None

    def _translation(self, info: Any) -> Any:
        """The type with a translation that an object has, or None."""
        new_types = self._info.new_types
        name = info.type_name.name
        if name not in new_types or not new_types[name].HasField("translated_type"):
            return None
        return new_types[name]

    def strings(self, info: Any, width: int) -> Strings | None:
        """The strings of an object's type, the same for all of this type; None for numbers."""
        return (
            None
            if self._translation(info) is None
            else self._strings_of(info.type_name.name, width)
        )

    def _strings_of(self, name: str, width: int) -> Strings | None:
        """The strings of a translated type, by its name."""
        new_type = self._info.new_types[name]
        if not new_type.translated_type.HasField("sdn_string"):
            return None
        key = new_type.translated_type.uri or name, width
        if key not in self._by_type:
            self._by_type[key] = Strings(width, mappings(new_type.annotations))
        return self._by_type[key]

    def data_type_of(self, info: Any, what: str, widths: tuple[int, ...]) -> DataType:
        """The type of a register or digest, whose leaves have these widths in the program.

        Raises:
            Refused: there is none, or the widths differ; `what` names the object.
        """
        kind = data_type(info.type_spec, self._info)
        if isinstance(kind, Unsupported):
            if kind.kind == str(None):  # the spec is empty
                raise invalid(f"p4info: {what} has no type")
            return kind
        if len(kind.widths) == len(widths):
            kind = self._fitted(kind, iter(widths))
        if kind.widths != widths:
            raise invalid(f"p4info: {what} has fields of {kind.widths} bits, the program {widths}")
        return kind

    def _fitted(self, kind: DataType, widths: Iterator[int]) -> DataType:
        """A type in which translated leaves have the program's widths, the next of `widths`."""
        if isinstance(kind, StructLike):
            return replace(kind, members=tuple(self._fitted(m, widths) for m in kind.members))
        assert isinstance(kind, Leaf)
        width = next(widths)
        if not kind.translated:
            return kind
        return replace(kind, width=width, strings=self._strings_of(kind.translated, width))
