"""Expressions of a program as expressions of the representation."""

from __future__ import annotations

from collections.abc import Callable

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.context import Context
from v1switch.program import expressions as ex
from v1switch.program.model import FieldType
from v1switch.program.symbols import VALID

COMPARE = {"==", "!=", ">", ">=", "<", "<="}
ARITHMETIC = {"+": "+", "-": "-", "*": "*", "/": "//", "%": "%", "&": "&", "|": "|", "^": "^"}
Located = tuple[tuple[str, ...], ir.Expr | None]
"""Names of headers or unions, and the index of the one that is meant (None: the first)."""


class Expressions:
    """Translates expressions; what has to be worked out first is added to the open block."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.builder = context.builder
        self.program = context.program
        self.layout = context.layout

    # -- values -----------------------------------------------------------------------------------

    def value(self, node: ex.Expr) -> ir.Expr:
        """A number, a truth value, or the bytes of a variable-length field."""
        method = getattr(self, f"_{type(node).__name__}")
        found: ir.Expr = method(node)
        self.builder.grow(1)
        return found

    def number(self, node: ex.Expr) -> ir.Expr:
        """An expression as a number."""
        return ar.as_int(self.value(node))

    def condition(self, node: ex.Expr) -> ir.Expr:
        """An expression as a truth value."""
        return ar.as_bool(self.value(node))

    def index(self, node: ex.Expr) -> ir.Expr:
        """An expression as a number that can be used several times."""
        return self.builder.simple(self.number(node), "i")

    def field_type(self, ref: ex.FieldRef) -> FieldType:
        """Type of a field; the hidden validity field is one unsigned bit."""
        found = self.program.headers[ref.header].header_type.field(ref.field)
        return found or FieldType(ref.field, 1)

    def _Const(self, node: ex.Const) -> ir.Expr:  # noqa: N802  # named after the node
        return ir.Const(node.value)

    def _BoolConst(self, node: ex.BoolConst) -> ir.Expr:  # noqa: N802  # named after the node
        return ir.BoolConst(node.value)

    def _FieldRef(self, node: ex.FieldRef) -> ir.Expr:  # noqa: N802  # named after the node
        if node.field == VALID:
            return ar.as_int(self.is_valid(node.header))
        return self.layout.field(node.header, node.field)

    def _ParamRef(self, node: ex.ParamRef) -> ir.Expr:  # noqa: N802  # named after the node
        return self.context.params[node.index]

    def _Lookahead(self, node: ex.Lookahead) -> ir.Expr:  # noqa: N802  # named after the node
        return ir.Lookahead(node.offset, node.width)

    def _HeaderRef(self, node: ex.HeaderRef) -> ir.Expr:  # noqa: N802  # only under valid and ==
        return self.valid(node)

    def _RegisterRef(self, node: ex.RegisterRef) -> ir.Expr:  # noqa: N802  # named after the node
        ref = self.context.references.registers[node.array]
        index = self.index(node.index)
        return ir.RegisterRead(ref, index, inside(index, ref.spec.size))

    # -- headers that are found at run time -------------------------------------------------------

    def _LastField(self, node: ex.LastField) -> ir.Expr:  # noqa: N802  # named after the node
        headers = self.program.stacks[node.stack].headers
        return self._last(node.stack, [self.layout.field(h, node.field) for h in headers])

    def _LastUnionField(self, node: ex.LastUnionField) -> ir.Expr:  # noqa: N802  # the node's name
        unions = [self.program.unions[u] for u in self.program.union_stacks[node.stack].unions]
        headers = [union.headers[union.members.index(node.member)] for union in unions]
        return self._last(node.stack, [self.layout.field(h, node.field) for h in headers])

    def _last(self, stack: str, fields: list[ir.Var]) -> ir.Expr:
        """A field of the last valid element; 0 when there is none."""
        nothing = ar.zero(ar.joined(fields))
        return ar.choose(self.layout.counts[stack], [nothing, *fields], nothing)

    def _MemberField(self, node: ex.MemberField) -> ir.Expr:  # noqa: N802  # named after the node
        return self.choose(node.header, lambda header: self.member(header, node.offset))

    def member(self, header: str, offset: int) -> ir.Expr:
        """The field at an offset of a header; the offset after the last field is the validity."""
        fields = self.program.headers[header].header_type.fields
        if offset == len(fields):
            return ar.as_int(self.is_valid(header))
        return self.layout.field(header, fields[offset].name)

    def choose(self, node: ex.Expr, of: Callable[[str], ir.Expr]) -> ir.Expr:
        """Something of the header or union that is meant; see `pick`."""
        return self.pick(self.locate(node), of)

    def pick(self, located: Located, of: Callable[[str], ir.Expr]) -> ir.Expr:
        """What `of` gives for the header or union that is meant, or zero beyond the stack."""
        names, index = located
        if index is None:
            return of(names[0])
        self.builder.grow(len(names))
        options = [of(name) for name in names]
        return ar.choose(index, options, ar.zero(ar.joined(options)))

    def locate(self, node: ex.Expr) -> Located:
        """The headers or unions that an expression may mean, and which of them it is."""
        names, index = self.names(node), self._element_index(node)
        if isinstance(index, ir.Const):  # beyond the end it is the last one
            return (names[min(index.value, len(names) - 1)],), None
        return names, index

    def names(self, node: ex.Expr) -> tuple[str, ...]:
        """The headers or unions that an expression may mean; none for other expressions."""
        demand = self.context.demand
        return demand.candidates(node) or demand.unions(node)

    def _element_index(self, node: ex.Expr) -> ir.Expr | None:
        """The index that decides which header is meant, or None when only one can be."""
        if isinstance(node, ex.ElementRef):
            return self.index(node.index)
        if isinstance(node, ex.UnionMember):
            return self._element_index(node.union)
        return None

    def valid(self, node: ex.Expr) -> ir.Expr:
        """A header expression's validity."""
        return self.choose(node, self.is_valid)

    def is_valid(self, header: str) -> ir.Expr:
        """A header's validity; metadata always are valid."""
        return self.layout.headers[header].valid or ir.BoolConst(True)

    # -- operations -------------------------------------------------------------------------------

    def _Operation(self, node: ex.Operation) -> ir.Expr:  # noqa: N802  # named after the node
        op, left, right = node.op, node.left, node.right
        assert right is not None
        if op in UNARY:
            return UNARY[op](self, right)
        if op in ("last_stack_index", "size_stack"):
            return self._of_stack(op, right)
        assert left is not None
        if op == "?":
            assert node.cond is not None
            return self._choice(node.cond, left, right)
        if op in ("and", "or"):
            return ar.both(op, (self.condition(left), self.condition(right)))
        if op in COMPARE:
            return self._compare(op, left, right)
        if op in ("two_comp_mod", "usat_cast", "sat_cast"):
            return self._cast(op, left, right)
        if op in ("<<", ">>"):
            return ar.shift(op, self.number(left), self.number(right))
        divisor = self.builder.simple if op in ("/", "%") else _as_it_is  # it is looked at twice
        return ar.binary(ARITHMETIC[op], self.number(left), divisor(self.number(right)))

    def _invert(self, node: ex.Expr) -> ir.Expr:
        return ar.invert(self.number(node))

    def _not(self, node: ex.Expr) -> ir.Expr:
        return ar.negate(self.condition(node))

    def _to_number(self, node: ex.Expr) -> ir.Expr:
        return ar.as_int(self.condition(node))

    def _valid_union(self, node: ex.Expr) -> ir.Expr:
        def any_valid(name: str) -> ir.Expr:
            headers = self.program.unions[name].headers
            return ar.both("or", [self.is_valid(header) for header in headers])

        return self.choose(node, any_valid)

    def _of_stack(self, op: str, node: ex.Expr) -> ir.Expr:
        assert isinstance(node, (ex.StackRef, ex.UnionStackRef))
        count = self.layout.counts[node.name]
        return ar.binary("-", count, ir.Const(1)) if op == "last_stack_index" else count

    def _choice(self, condition: ex.Expr, left: ex.Expr, right: ex.Expr) -> ir.Expr:
        then, otherwise = self.value(left), self.value(right)
        if type(then.type) is not type(otherwise.type):
            then, otherwise = ar.as_int(then), ar.as_int(otherwise)
        return ar.select(self.condition(condition), then, otherwise)

    def _cast(self, op: str, left: ex.Expr, right: ex.Expr) -> ir.Expr:
        assert isinstance(right, ex.Const), "the loader took nothing else"
        kind = ir.Int(right.value, signed=op != "usat_cast")
        return ar.fit(self.number(left), kind, saturating=op != "two_comp_mod")

    # -- comparisons ------------------------------------------------------------------------------

    def _compare(self, op: str, left: ex.Expr, right: ex.Expr) -> ir.Expr:
        if op in ("==", "!=") and self.names(left):
            same = self._equal(left, right)
            return same if op == "==" else ar.negate(same)
        a, b = self.value(left), self.value(right)
        if op in ("==", "!=") and isinstance(a.type, ir.Bool):
            b = ar.as_bool(b)
        elif not isinstance(a.type, ir.Bytes):
            a, b = ar.as_int(a), ar.as_int(b)
        return ir.Compare(op, a, b)

    def _equal(self, left: ex.Expr, right: ex.Expr) -> ir.Expr:
        """Compare two headers or two unions, each of which may be a stack's element."""
        unions = self.context.demand.unions(left)
        same = self._same_unions if unions else self._same_headers
        one, other = self.locate(left), self.locate(right)
        return self.pick(one, lambda a: self.pick(other, lambda b: same(a, b)))

    def _same_headers(self, a: str, b: str) -> ir.Expr:
        """As Header::cmp of BMv2 has it, an invalid header equals nothing.

        p4c expands P4's comparisons, in which two invalid headers are equal, into fields.
        """
        one, other = self.layout.headers[a], self.layout.headers[b]
        pairs = zip(one.variables, other.variables, strict=True)
        tests = [self.is_valid(a), self.is_valid(b), *(ir.Compare("==", x, y) for x, y in pairs)]
        self.builder.grow(len(tests))
        return ar.both("and", tests)

    def _same_unions(self, a: str, b: str) -> ir.Expr:
        unions = self.program.unions
        pairs = zip(unions[a].headers, unions[b].headers, strict=True)
        return ar.both("or", [self._same_headers(x, y) for x, y in pairs])


UNARY: dict[str, Callable[[Expressions, ex.Expr], ir.Expr]] = {
    "valid": Expressions.valid,
    "valid_union": Expressions._valid_union,
    "not": Expressions._not,
    "~": Expressions._invert,
    "d2b": Expressions.condition,
    "b2d": Expressions._to_number,
}


def _as_it_is(value: ir.Expr) -> ir.Expr:
    return value


def inside(index: ir.Expr, size: int) -> bool:
    """Whether an index is one of an array of this size, whatever its value."""
    low, high = ar.interval(index)
    return low >= 0 and high < size


def is_inside(index: ir.Expr, size: int) -> ir.Expr:
    """The test whether an index is one of an array of this size."""
    if inside(index, size):
        return ir.BoolConst(True)
    tests: list[ir.Expr] = []
    low, high = ar.interval(index)
    if low < 0:
        tests.append(ir.Compare(">=", index, ir.Const(0)))
    if high >= size:
        tests.append(ir.Compare("<", index, ir.Const(size)))
    return ar.both("and", tests)
