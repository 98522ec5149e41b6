"""Reading expressions: BMv2's type-value objects into trees, references checked on the way."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.expressions import Expr
from v1switch.program.reader import Node
from v1switch.program.symbols import Symbols

BINARY = {
    *("+", "-", "*", "/", "%", "<<", ">>", "==", "!=", ">", ">=", "<", "<=", "and", "or"),
    *("&", "|", "^", "two_comp_mod", "usat_cast", "sat_cast"),
}
UNARY = {"not", "~", "valid", "valid_union", "d2b", "b2d", "last_stack_index", "size_stack"}
ELEMENT = {"dereference_header_stack", "dereference_stack", "dereference_union_stack"}


class ExprReader:
    """Reads expressions against a table of symbols.

    Args:
        symbols: what may be referred to.
        params: number of parameters of the enclosing action.
    """

    def __init__(self, symbols: Symbols, params: int = 0) -> None:
        """Remember the context."""
        self.symbols = symbols
        self.params = params

    def read(self, node: Node) -> Expr:
        """Read one type-value object."""
        kind, value = node.get("type"), node.get("value")
        if kind.text() == "expression":
            return self._nested(value)
        reader = getattr(self, f"_{kind.text()}", None)
        if reader is None or kind.text() in ("nested", "operation", "named"):
            raise kind.fail("a known kind of value")
        result: Expr = reader(value)
        return result

    def _nested(self, value: Node) -> Expr:
        if value.find("op") is None:
            return self.read(value)
        return self._operation(value)

    def _operation(self, node: Node) -> Expr:
        op = node.get("op").text()
        if op == "access_field":
            return ex.MemberField(self.read(node.get("left")), node.get("right").integer())
        if op == "access_union_header":
            return ex.UnionMember(self.read(node.get("left")), node.get("right").integer())
        if op in ELEMENT:
            stack = self.read(node.get("left"))
            if not isinstance(stack, (ex.StackRef, ex.UnionStackRef)):
                raise node.get("left").fail("a header stack")
            return ex.ElementRef(stack, self.read(node.get("right")))
        if op == "?":
            left, right = self.read(node.get("left")), self.read(node.get("right"))
            return ex.Operation("?", left, right, self.read(node.get("cond")))
        if op in UNARY:
            return ex.Operation(op, None, self.read(node.get("right")))
        if op not in BINARY:
            raise node.get("op").fail("a known operator")
        left_node = node.find("left")
        if left_node is None and op not in ("+", "-"):
            raise node.fail("a left operand", "null")
        left_or_zero = ex.Const(0) if left_node is None else self.read(left_node)
        return ex.Operation(op, left_or_zero, self.read(node.get("right")))

    # one method per `type` of a type-value object

    def _hexstr(self, value: Node) -> Expr:
        return ex.Const(value.hexstr())

    def _bool(self, value: Node) -> Expr:
        return ex.BoolConst(value.boolean())

    def _field(self, value: Node) -> Expr:
        return self.symbols.field(value)

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
            # so p4c writes the last element as a whole (BMv2 ends when a program copies one)
            ref = ex.StackRef(stack.name)
            return ex.ElementRef(ref, ex.Operation("last_stack_index", None, ref))
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
        return ex.Lookahead(value.at(0).integer(), value.at(1).integer(1))

    def _local(self, value: Node) -> Expr:
        return self._runtime_data(value)

    def _runtime_data(self, value: Node) -> Expr:
        if value.integer() >= self.params:
            raise value.fail(f"an index below {self.params}, the number of parameters")
        return ex.ParamRef(value.integer())

    def _register(self, value: Node) -> Expr:
        return ex.RegisterRef(self._register_array(value.at(0)).name, self.read(value.at(1)))

    def _string(self, value: Node) -> Expr:
        return ex.Text(value.text())

    def _parameters_vector(self, value: Node) -> Expr:
        if value.value == {}:  # so p4c writes an empty one
            return ex.Vector(())
        return ex.Vector(tuple(self.read(item) for item in value.items()))

    def _field_list(self, value: Node) -> Expr:
        return ex.Vector(tuple(self.read(item) for item in value.items()))

    def _named(self, kind: str, value: Node, names: object) -> ex.Named:
        if value.text() not in names:  # type: ignore[operator]  # a dict or a set
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
