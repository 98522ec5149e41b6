"""The kind of an expression (number, header, stack ...), for type checks.

p4c writes only programs whose types are correct, and lowering relies on that: otherwise adding a
header to a number would only fail when a frame gets there.
"""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.expressions import Expr
from v1switch.program.json_cursor import Node
from v1switch.program.packet_model import FieldType, HeaderType
from v1switch.program.symbols import VALID, Symbols

VALUE, BYTES, HEADER, STACK, UNION, UNION_STACK = (
    *("a value", "a variable-length field", "a header", "a header stack", "a header union"),
    "a header union stack",
)
HEADER_OPS = {
    "valid": (HEADER,),
    "valid_union": (UNION,),
    "last_stack_index": (STACK, UNION_STACK),
    "size_stack": (STACK, UNION_STACK),
}
CASTS = {"two_comp_mod", "usat_cast", "sat_cast"}
_KINDS: dict[type, str] = {
    ex.HeaderRef: HEADER,
    ex.UnionMember: HEADER,
    ex.StackRef: STACK,
    ex.UnionRef: UNION,
    ex.UnionStackRef: UNION_STACK,
    ex.Named: "an object of the program",
    ex.Text: "a string",
    ex.Vector: "a list of values",
}


class Kinds:
    """Determines and checks kinds of expressions, with a program's symbols."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols

    def of(self, node: Expr) -> str:
        """The kind of an expression, as text."""
        if isinstance(node, ex.ElementRef):
            return HEADER if isinstance(node.stack, ex.StackRef) else UNION
        if isinstance(node, ex.Operation) and node.op == "?" and node.right is not None:
            return self.of(node.right)
        field = self.field(node)
        if field is not None:
            return BYTES if field.width is None else VALUE
        return _KINDS.get(type(node), VALUE)

    def field(self, node: Expr) -> FieldType | None:
        """The type of the field that an expression refers to, or None if it is not a field."""
        symbols = self.symbols
        if isinstance(node, ex.FieldRef):
            found = symbols.headers[node.header].header_type.field(node.field)
            return found or FieldType(VALID, 1)
        if isinstance(node, ex.LastField):
            return symbols.stacks[node.stack].header_type.field(node.field)
        if isinstance(node, ex.LastUnionField):
            types = symbols.union_types(symbols.union_stacks[node.stack])
            return types[node.member].field(node.field)
        if isinstance(node, ex.MemberField):
            fields = self.header_type(node.header).fields
            return fields[node.offset] if node.offset < len(fields) else FieldType(VALID, 1)
        return None

    def header_type(self, node: Expr) -> HeaderType:
        """The type of an expression of kind HEADER."""
        symbols = self.symbols
        if isinstance(node, ex.ElementRef):
            return symbols.stacks[node.stack.name].header_type
        if isinstance(node, ex.UnionMember):
            return symbols.headers[self.members(node.union)[node.offset]].header_type
        assert isinstance(node, ex.HeaderRef)
        return symbols.headers[node.name].header_type

    def members(self, node: Expr) -> tuple[str, ...]:
        """The member headers of an expression of kind UNION (of the first one it may be)."""
        if isinstance(node, ex.ElementRef):
            return self.symbols.unions[self.symbols.union_stacks[node.stack.name].unions[0]].headers
        assert isinstance(node, ex.UnionRef)
        return self.symbols.unions[node.name].headers

    def shape(self, node: Expr) -> object:
        """What two headers, unions or stacks must have in common to be assigned or compared."""
        symbols, kind = self.symbols, self.of(node)
        if kind == HEADER:
            return self.header_type(node).name
        if kind == UNION:
            return self._types(self.members(node))
        if isinstance(node, ex.StackRef):
            return self._types(symbols.stacks[node.name].headers)
        if isinstance(node, ex.UnionStackRef):
            unions = symbols.union_stacks[node.name].unions
            return tuple(self._types(symbols.unions[u].headers) for u in unions)
        return kind

    def _types(self, headers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.symbols.headers[h].header_type.name for h in headers)

    # -- checks ---------------------------------------------------------------------------------

    def want(self, node: Node, expr: Expr, *kinds: str) -> Expr:
        """Return `expr`, read from `node`; raises ProgramError unless it is of one of the kinds."""
        found = self.of(expr)
        if found not in kinds:
            raise node.fail(" or ".join(kinds), found)
        return expr

    def index(self, node: Node, expr: Expr) -> Expr:
        """Return a value used as an index; raises ProgramError for a negative constant."""
        self.want(node, expr, VALUE)
        if isinstance(expr, ex.Const) and expr.value < 0:
            raise node.fail("a value ≥ 0", str(expr.value))
        return expr

    def same(self, node: Node, left: Expr, right: Expr) -> None:
        """Raise ProgramError unless two expressions can be compared or assigned."""
        if self.shape(left) != self.shape(right):
            raise node.fail(
                f"operands of one type, like the left one, {self.describe(left)}",
                self.describe(right),
            )

    def describe(self, node: Expr) -> str:
        """The kind of an expression, with the type of a header."""
        kind = self.of(node)
        return f"{kind} of type {self.header_type(node).name!r}" if kind == HEADER else kind
