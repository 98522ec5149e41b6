"""The names of a program's objects, and the checks of references to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from v1switch.program.expressions import FieldRef
from v1switch.program.json_cursor import Node
from v1switch.program.model import (
    CounterArray,
    FieldType,
    Header,
    HeaderStack,
    HeaderType,
    HeaderUnion,
    HeaderUnionStack,
    MeterArray,
    RegisterArray,
)

STANDARD_METADATA = "standard_metadata"
VALID = "$valid$"
CORE_ERRORS = (  # of core.p4; without numbers in the JSON they are numbered in this order
    *("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort"),
    *("ParserTimeout", "ParserInvalidArgument"),
)


@dataclass
class Symbols:
    """All named objects, filled while the program is read from top to bottom.

    Attributes:
        declared: all fields of the header types that have fields of no bits. Those are in no
            `HeaderType`: they read 0, and what is written to them is gone.
        remarks: what the program has as older compilers wrote it, in order.
    """

    headers: dict[str, Header] = field(default_factory=dict)
    stacks: dict[str, HeaderStack] = field(default_factory=dict)
    unions: dict[str, HeaderUnion] = field(default_factory=dict)
    union_stacks: dict[str, HeaderUnionStack] = field(default_factory=dict)
    aliases: dict[str, FieldRef] = field(default_factory=dict)
    counters: dict[str, CounterArray] = field(default_factory=dict)
    meters: dict[str, MeterArray] = field(default_factory=dict)
    registers: dict[str, RegisterArray] = field(default_factory=dict)
    calculations: set[str] = field(default_factory=set)
    learn_lists: set[int] = field(default_factory=set)
    field_lists: set[int] = field(default_factory=set)
    declared: dict[str, tuple[FieldType, ...]] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)

    def remark(self, text: str) -> None:
        """Note something that newer compilers write otherwise; the same thing once."""
        self.remarks[text] = None

    def is_empty(self, node: Node) -> bool:
        """Whether the pair (header, field) in `node` names a field of no bits: `bit<0>`."""
        header = self.headers.get(node.at(0).text())
        return header is not None and self.is_empty_field(header.header_type, node.at(1).text())

    def is_empty_field(self, header_type: HeaderType, name: str) -> bool:
        """Whether a field of this name was declared in `header_type` with no bits."""
        declared = self.declared.get(header_type.name, ())
        return any(field.name == name and field.width == 0 for field in declared)

    def header(self, node: Node) -> Header:
        """The header that `node` names."""
        found = self.headers.get(node.text())
        if found is None:
            raise node.fail("the name of a header")
        return found

    def stack(self, node: Node) -> HeaderStack:
        """The header stack that `node` names."""
        found = self.stacks.get(node.text())
        if found is None:
            raise node.fail("the name of a header stack")
        return found

    def union(self, node: Node) -> HeaderUnion:
        """The header union that `node` names."""
        found = self.unions.get(node.text())
        if found is None:
            raise node.fail("the name of a header union")
        return found

    def union_stack(self, node: Node) -> HeaderUnionStack:
        """The header union stack that `node` names."""
        found = self.union_stacks.get(node.text())
        if found is None:
            raise node.fail("the name of a header union stack")
        return found

    def field(self, node: Node) -> FieldRef:
        """The field that the pair (header, field) in `node` names."""
        header_node, field_node = node.at(0), node.at(1)
        alias = self.aliases.get(f"{header_node.text()}.{field_node.text()}")
        if alias is not None:
            return alias
        header = self.header(header_node)
        if field_node.text() != VALID and header.header_type.field(field_node.text()) is None:
            raise field_node.fail(f"a field of header type {header.header_type.name!r}")
        return FieldRef(header.name, field_node.text())

    def writable(self, node: Node) -> FieldRef:
        """The field that the pair in `node` names, which is not the hidden validity."""
        found = self.field(node)
        if found.field == VALID:
            raise node.fail("a field that can be written", "a header's validity")
        return found

    def valid_or_writable(self, node: Node) -> FieldRef:
        """The field that the pair in `node` names, or the validity of a header of the packet."""
        found = self.field(node)
        return self.writable(node) if self.headers[found.header].metadata else found

    def number(self, node: Node) -> FieldRef:
        """The field that the pair in `node` names, which is of fixed length."""
        found = self.field(node)
        if not self.width(found):
            raise node.fail("a field of fixed length", "a variable-length one")
        return found

    def type_field(self, header_type: HeaderType, node: Node) -> str:
        """The name of a field of `header_type`."""
        if header_type.field(node.text()) is None:
            raise node.fail(f"a field of header type {header_type.name!r}")
        return node.text()

    def width(self, ref: FieldRef) -> int:
        """Width of a field in bits; 0 for a variable-length one."""
        if ref.field == VALID:
            return 1
        found = self.headers[ref.header].header_type.field(ref.field)
        return (found.width or 0) if found else 0

    def union_types(self, stack: HeaderUnionStack) -> dict[str, HeaderType]:
        """Header type of every member of a union stack's unions."""
        union = self.unions[stack.unions[0]]
        return {
            m: self.headers[h].header_type
            for m, h in zip(union.members, union.headers, strict=True)
        }
