"""Expressions of a BMv2 JSON program as immutable trees.

The node names follow the `type` values of BMv2's JSON format (docs/JSON_format.md of BMv2).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldRef:
    """A field of a header instance; `$valid$` is the hidden one-bit validity field."""

    header: str
    field: str


@dataclass(frozen=True)
class Const:
    """An integer constant, possibly negative."""

    value: int


@dataclass(frozen=True)
class BoolConst:
    """A truth value."""

    value: bool


@dataclass(frozen=True)
class ParamRef:
    """A parameter of the enclosing action (`runtime_data`, `local`)."""

    index: int


@dataclass(frozen=True)
class HeaderRef:
    """A header instance as a whole."""

    name: str


@dataclass(frozen=True)
class StackRef:
    """A header stack as a whole."""

    name: str


@dataclass(frozen=True)
class UnionRef:
    """A header union as a whole."""

    name: str


@dataclass(frozen=True)
class UnionStackRef:
    """A stack of header unions as a whole."""

    name: str


@dataclass(frozen=True)
class LastField:
    """A field of the last valid element of a header stack (`stack_field`)."""

    stack: str
    field: str


@dataclass(frozen=True)
class LastUnionField:
    """A field of one member of the last valid union in a stack (`union_stack_field`)."""

    stack: str
    member: str
    field: str


@dataclass(frozen=True)
class Lookahead:
    """Bits ahead of the parser's cursor.

    Attributes:
        offset: distance from the cursor in bits.
        width: number of bits.
    """

    offset: int
    width: int


@dataclass(frozen=True)
class RegisterRef:
    """A cell of a register array."""

    array: str
    index: Expr


@dataclass(frozen=True)
class Operation:
    """An operator with its operands: unary ones have only `right`, `?` also has `cond`."""

    op: str
    left: Expr | None
    right: Expr | None
    cond: Expr | None = None


@dataclass(frozen=True)
class ElementRef:
    """An element of a stack at a computed index (`dereference_header_stack`, `…_union_stack`)."""

    stack: StackRef | UnionStackRef
    index: Expr


@dataclass(frozen=True)
class MemberField:
    """`access_field`: the field at an offset of a header found at run time."""

    header: Expr
    offset: int


@dataclass(frozen=True)
class UnionMember:
    """`access_union_header`: the member at an offset of a union found at run time."""

    union: Expr
    offset: int


@dataclass(frozen=True)
class Named:
    """A reference to an object of the program by kind and name (calculation, counter_array, …)."""

    kind: str
    name: str


@dataclass(frozen=True)
class Text:
    """A string constant (format of log_msg)."""

    value: str


@dataclass(frozen=True)
class Vector:
    """A list of expressions (arguments of log_msg, field lists)."""

    items: tuple[Expr, ...]


Expr = (
    FieldRef
    | Const
    | BoolConst
    | ParamRef
    | HeaderRef
    | StackRef
    | UnionRef
    | UnionStackRef
    | LastField
    | LastUnionField
    | Lookahead
    | RegisterRef
    | Operation
    | ElementRef
    | MemberField
    | UnionMember
    | Named
    | Text
    | Vector
)
