"""Reading expressions: from BMv2's type-value objects to trees with checked references."""

from __future__ import annotations

from collections.abc import Container

from v1switch.program import expressions as ex
from v1switch.program.expressions import Expr
from v1switch.program.json_cursor import Node
from v1switch.program.kinds import BYTES, CASTS, HEADER, HEADER_OPS, UNION, VALUE, Kinds
from v1switch.program.limits import MAX_BITS, MAX_DEPTH
from v1switch.program.symbols import Symbols

BINARY = {
    *("+", "-", "*", "/", "%", "<<", ">>", "==", "!=", ">", ">=", "<", "<=", "and", "or"),
    *("&", "|", "^", "two_comp_mod", "usat_cast", "sat_cast"),
}
UNARY = {"not", "~", "valid", "valid_union", "d2b", "b2d", "last_stack_index", "size_stack"}
ELEMENT = {"dereference_header_stack", "dereference_stack", "dereference_union_stack"}
COMPARE = {"==", "!="}
SHIFT = {"<<", ">>"}
NOT_READ = ("nested", "operation", "named", "operand", "binary", "element", "member")


class ExpressionReader:
    """Reads expressions against a table of symbols, and checks that their types are right.

    Args:
        symbols: the names that may be referred to.
        params: number of parameters of the enclosing action.
        parsing: whether the expression belongs to the parser; only there is lookahead allowed.
    """

    def __init__(self, symbols: Symbols, params: int = 0, parsing: bool = False) -> None:
        self.symbols = symbols
        self.params = params
        self.parsing = parsing
        self.kinds = Kinds(symbols)
        self._depth = 0

    def read(self, node: Node) -> Expr:
        """Read one type-value object."""
        kind, value = node.get("type"), node.get("value")
        if kind.text() == "expression":
            return self._nested(value)
        reader = getattr(self, f"_{kind.text()}", None)
        if reader is None or kind.text() in NOT_READ:
            raise kind.fail("a known kind of value")
        result: Expr = reader(value)
        return result

    def value(self, node: Node) -> Expr:
        """Read a number or a boolean."""
        return self.kinds.want(node, self.read(node), VALUE)

    def _nested(self, node: Node) -> Expr:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise node.fail(f"expressions of at most {MAX_DEPTH} nested operators", "more")
        found = self.read(node) if node.find("op") is None else self._operation(node)
        self._depth -= 1
        return found

    def _operation(self, node: Node) -> Expr:
        op = node.get("op").text()
        if op in ("access_field", "access_union_header"):
            return self._member(op, node)
        if op in ELEMENT:
            return self._element(node)
        if op == "?":
            left, right = self._operand(node, "left"), self._operand(node, "right")
            self.kinds.same(node, left, right)
            return ex.Operation("?", left, right, self.value(node.get("cond")))
        if op in UNARY:
            wanted = HEADER_OPS.get(op, (VALUE,))
            right_node = node.get("right")
            return ex.Operation(
                op, None, self.kinds.want(right_node, self.read(right_node), *wanted)
            )
        if op not in BINARY:
            raise node.get("op").fail("a known operator")
        return self._binary(op, node)

    def _operand(self, node: Node, side: str) -> Expr:
        """Read an operand that may also be a variable-length field."""
        return self.kinds.want(node.get(side), self.read(node.get(side)), VALUE, BYTES)

    def _binary(self, op: str, node: Node) -> Expr:
        left_node, right_node = node.find("left"), node.get("right")
        if left_node is None and op not in ("+", "-"):
            raise node.fail("a left operand", "null")
        if op in COMPARE and left_node is not None:
            left, right = self.read(left_node), self.read(right_node)
            self.kinds.want(left_node, left, VALUE, BYTES, HEADER, UNION)
            self.kinds.same(node, left, right)
            return ex.Operation(op, left, right)
        left = ex.Const(0) if left_node is None else self.value(left_node)
        right = self.value(right_node)
        if op in SHIFT:
            self.kinds.index(right_node, right)
        if op in CASTS and not (isinstance(right, ex.Const) and 0 < right.value <= MAX_BITS):
            raise right_node.fail(f"a constant width in 1..{MAX_BITS}")
        return ex.Operation(op, left, right)

    def _element(self, node: Node) -> Expr:
        stack = self.read(node.get("left"))
        if not isinstance(stack, (ex.StackRef, ex.UnionStackRef)):
            raise node.get("left").fail("a header stack", self.kinds.of(stack))
        return ex.ElementRef(
            stack, self.kinds.index(node.get("right"), self.value(node.get("right")))
        )

    def _member(self, op: str, node: Node) -> Expr:
        whole, offset = self.read(node.get("left")), node.get("right").integer()
        if op == "access_field":
            self.kinds.want(node.get("left"), whole, HEADER)
            header_type = self.kinds.header_type(whole)
            declared = self.symbols.declared.get(header_type.name, header_type.fields)
            if offset > len(declared):  # the offset after the last field is the validity
                raise node.get("right").fail(f"a field of {header_type.name}", f"number {offset}")
            if offset < len(declared) and declared[offset].width == 0:
                return ex.Const(0)
            return ex.MemberField(whole, sum(f.width != 0 for f in declared[:offset]))
        self.kinds.want(node.get("left"), whole, UNION)
        if offset >= len(self.kinds.members(whole)):
            raise node.get("right").fail("a member of the header union", f"number {offset}")
        return ex.UnionMember(whole, offset)

    # one method per `type` of a type-value object

    def _hexstr(self, value: Node) -> Expr:
        return ex.Const(value.hexstr())

    def _bool(self, value: Node) -> Expr:
        return ex.BoolConst(value.boolean())

    def _field(self, value: Node) -> Expr:
        return ex.Const(0) if self.symbols.is_empty(value) else self.symbols.field(value)

    def _header(self, value: Node) -> Expr:
        return ex.HeaderRef(self.symbols.header(value).name)

    def _header_stack(self, value: Node) -> Expr:
        return ex.StackRef(self.symbols.stack(value).name)

    def _header_union(self, value: Node) -> Expr:
        return ex.UnionRef(self.symbols.union(value).name)

    def _header_union_stack(self, value: Node) -> Expr:
        return ex.UnionStackRef(self.symbols.union_stack(value).name)

    def _stack_field(self, value: Node) -> Expr:
        stack = self.symbols.stack(value.at(0))
        if value.at(1).value == "last" and stack.header_type.field("last") is None:
            # p4c writes the last element as a whole like this (BMv2 aborts when one is copied)
            ref = ex.StackRef(stack.name)
            return ex.ElementRef(ref, ex.Operation("last_stack_index", None, ref))
        if self.symbols.is_empty_field(stack.header_type, value.at(1).text()):
            return ex.Const(0)
        return ex.LastField(stack.name, self.symbols.type_field(stack.header_type, value.at(1)))

    def _union_stack_field(self, value: Node) -> Expr:
        stack = self.symbols.union_stack(value.at(0))
        types = self.symbols.union_types(stack)
        member = value.at(1)
        if member.text() not in types:
            raise member.fail(f"a member of the unions in {stack.name!r}")
        name = self.symbols.type_field(types[member.text()], value.at(2))
        return ex.LastUnionField(stack.name, member.text(), name)

    def _lookahead(self, value: Node) -> Expr:
        if not self.parsing:
            raise value.fail("a value that exists outside of the parser", "a lookahead")
        return ex.Lookahead(value.at(0).integer(0, MAX_BITS), value.at(1).width())

    def _local(self, value: Node) -> Expr:
        return self._runtime_data(value)

    def _runtime_data(self, value: Node) -> Expr:
        if value.integer() >= self.params:
            raise value.fail(f"an index below {self.params}, the number of parameters")
        return ex.ParamRef(value.integer())

    def _register(self, value: Node) -> Expr:
        index = self.kinds.index(value.at(1), self.value(value.at(1)))
        return ex.RegisterRef(self._register_array(value.at(0)).name, index)

    def _string(self, value: Node) -> Expr:
        return ex.Text(value.text())

    def _parameters_vector(self, value: Node) -> Expr:
        if value.value == {}:  # p4c writes an empty one like this
            return ex.Vector(())
        return ex.Vector(tuple(self.value(item) for item in value.items()))

    def _field_list(self, value: Node) -> Expr:
        return ex.Vector(tuple(self.value(item) for item in value.items()))

    def _named(self, kind: str, value: Node, names: Container[str]) -> ex.Named:
        if value.text() not in names:
            raise value.fail(f"the name of a {kind.replace('_', ' ')}")
        return ex.Named(kind, value.text())

    def _calculation(self, value: Node) -> ex.Named:
        return self._named("calculation", value, self.symbols.calculations)

    def _counter_array(self, value: Node) -> ex.Named:
        return self._named("counter_array", value, self.symbols.counters)

    def _meter_array(self, value: Node) -> ex.Named:
        return self._named("meter_array", value, self.symbols.meters)

    def _register_array(self, value: Node) -> ex.Named:
        return self._named("register_array", value, self.symbols.registers)
