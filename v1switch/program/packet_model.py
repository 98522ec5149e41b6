"""The packet part of a program's model: headers, parser, deparser.

Widths are in bits; the source of every field is BMv2's docs/JSON_format.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.program.expressions import Expr, FieldRef


@dataclass(frozen=True)
class FieldType:
    """A field of a header type. Variable-length fields have `width` None."""

    name: str
    width: int | None
    signed: bool = False
    saturating: bool = False


@dataclass(frozen=True)
class HeaderType:
    """A header type; `max_bytes` bounds a header that has a variable-length field."""

    name: str
    fields: tuple[FieldType, ...]
    max_bytes: int = 0
    length_expr: Expr | None = None

    @property
    def fixed_bits(self) -> int:
        """Sum of the widths of all fields of fixed width."""
        return sum(f.width or 0 for f in self.fields)

    @property
    def varbit(self) -> FieldType | None:
        """The variable-length field, if there is one."""
        return next((f for f in self.fields if f.width is None), None)

    def field(self, name: str) -> FieldType | None:
        """Look a field up by name."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True)
class Header:
    """A header or metadata instance."""

    name: str
    header_type: HeaderType
    metadata: bool


@dataclass(frozen=True)
class HeaderStack:
    """A header stack: names of its elements, first element first."""

    name: str
    header_type: HeaderType
    headers: tuple[str, ...]


@dataclass(frozen=True)
class HeaderUnion:
    """A header union: names of its member instances and the members' names in the type."""

    name: str
    headers: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True)
class HeaderUnionStack:
    """A stack of header unions."""

    name: str
    unions: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A location in the P4 source (`source_info`).

    Attributes:
        file: path as passed to the compiler.
        line: counts from 1.
        fragment: the source text on one line; ends in "..." where p4c truncated it.
    """

    file: str
    line: int
    fragment: str


@dataclass(frozen=True)
class Primitive:
    """A call of a primitive."""

    op: str
    args: tuple[Expr, ...]
    source: Source | None = None


@dataclass(frozen=True)
class Extract:
    """Parser op: extract a header.

    Attributes:
        kind: "regular", "stack" or "union_stack".
        target: name of the header, header stack or union stack.
        member: the union's member (union_stack only).
        length: bits of the variable-length field (extract_VL only).
    """

    kind: str
    target: str
    member: str | None = None
    length: Expr | None = None


@dataclass(frozen=True)
class SetField:
    """Parser op: write a field."""

    target: FieldRef
    value: Expr


@dataclass(frozen=True)
class Verify:
    """Parser op: stop with an error unless the condition holds."""

    condition: Expr
    error: Expr


@dataclass(frozen=True)
class Advance:
    """Parser op: skip a number of bits (a multiple of 8)."""

    bits: Expr


ParserOp = Extract | SetField | Verify | Advance | Primitive


@dataclass(frozen=True)
class Transition:
    """One case of a parser state's select.

    Attributes:
        kind: "default", "value" or "value_set".
        value: the key's value, fields concatenated without padding.
        mask: the bits that are compared, or None for all.
        value_set: name, for kind "value_set".
        next_state: None ends the parser.
    """

    kind: str
    value: int
    mask: int | None
    value_set: str | None
    next_state: str | None


KeyPart = Expr  # FieldRef, LastField, LastUnionField or Lookahead


@dataclass(frozen=True)
class ParserState:
    """A state of a parser; `key` holds the select's parts and `key_widths` their widths."""

    name: str
    ops: tuple[ParserOp, ...]
    key: tuple[KeyPart, ...]
    key_widths: tuple[int, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class Parser:
    """A parser: its start state and all states by name."""

    name: str
    init_state: str | None
    states: dict[str, ParserState]


@dataclass(frozen=True)
class ValueSet:
    """A parser value set; `width` is that of its members, unpadded."""

    name: str
    width: int


@dataclass(frozen=True)
class Deparser:
    """A deparser: headers in the order in which they are emitted."""

    name: str
    order: tuple[str, ...]
    primitives: tuple[Primitive, ...] = ()
