"""Expressions as Python source. Arithmetic is exact, as in BMv2; stores cut to width."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from v1switch.codegen.access import Access
from v1switch.codegen.layout import Layout
from v1switch.codegen.writer import Writer
from v1switch.errors import ProgramError
from v1switch.program import expressions as ex
from v1switch.program.limits import MAX_BITS
from v1switch.program.model import FieldType, Program
from v1switch.program.symbols import VALID

COMPARE = {"==", "!=", ">", ">=", "<", "<="}
TRUTHS = {*COMPARE, "and", "or", "not", "valid", "valid_union", "d2b"}
MAX_SHIFT = MAX_BITS  # wider shifts of bit strings give 0 in every field there is
MAX_TEXT = 1 << 20  # characters of one expression: elements at computed indices multiply
UNBOUNDED = 1 << 30


def _chain(cases: Iterable[tuple[str, str]], nought: str = "0") -> str:
    """Source that picks the value whose condition holds, else ``nought``, without nesting."""
    text = "("
    for test, value in cases:
        text += f"{value} if {test} else "
        _check_size(text)  # here too: comparing elements multiplies what one of them takes
    return text + f"{nought})"


def _check_size(text: str) -> None:
    if len(text) > MAX_TEXT:
        wanted = f"expressions that become at most {MAX_TEXT} characters of Python"
        raise ProgramError("$", wanted, "a larger one")


def is_truth(node: ex.Expr) -> bool:
    """Whether an expression is a truth value, which Python may write as any number."""
    if isinstance(node, ex.Operation) and node.op == "?" and node.left is not None:
        return is_truth(node.left)
    return isinstance(node, ex.BoolConst) or (isinstance(node, ex.Operation) and node.op in TRUTHS)


class Expressions:
    """Translates expressions; `params` holds the names of the current action's parameters."""

    def __init__(self, program: Program, layout: Layout, access: Access, writer: Writer) -> None:
        """Remember the context."""
        self.program = program
        self.layout = layout
        self.access = access
        self.writer = writer
        self.params: list[str] = []
        self.param_widths: list[int] = []

    # -- field types ----------------------------------------------------------------------------

    def field_type(self, ref: ex.FieldRef) -> FieldType:
        """Type of a field; the hidden validity field is one unsigned bit."""
        found = self.program.headers[ref.header].header_type.field(ref.field)
        return found or FieldType(ref.field, 1)

    def bits(self, node: ex.Expr) -> int:
        """Bound: the value is in 0..2**bits - 1; UNBOUNDED when it may be negative or larger."""
        if isinstance(node, ex.Const):
            return node.value.bit_length() if node.value >= 0 else UNBOUNDED
        if isinstance(node, ex.FieldRef):
            kind = self.field_type(node)
            return UNBOUNDED if kind.signed or kind.width is None else kind.width
        if isinstance(node, ex.ParamRef):
            return self.param_widths[node.index]
        if isinstance(node, ex.Lookahead):
            return node.width
        if isinstance(node, ex.RegisterRef):
            return self.program.registers[node.array].width
        if isinstance(node, ex.Operation):
            return self._operation_bits(node)
        return UNBOUNDED

    def _operation_bits(self, node: ex.Operation) -> int:
        if node.op in ("b2d", *COMPARE):
            return 1
        left = self.bits(node.left) if node.left is not None else UNBOUNDED
        right = self.bits(node.right) if node.right is not None else UNBOUNDED
        if node.op == "&":
            return min(left, right)
        if node.op in ("|", "^", "?"):
            return max(left, right)
        if node.op == "+" and max(left, right) < UNBOUNDED:
            return max(left, right) + 1
        if node.op == ">>" or (node.op in ("/", "%") and right < UNBOUNDED):
            return left
        if node.op == "<<" and isinstance(node.right, ex.Const) and left < UNBOUNDED:
            return left + node.right.value
        if node.op == "usat_cast" and isinstance(node.right, ex.Const):
            return node.right.value
        return UNBOUNDED

    # -- values ---------------------------------------------------------------------------------

    def value(self, node: ex.Expr) -> str:
        """Source of an expression, in parentheses where needed."""
        method = getattr(self, f"_{type(node).__name__}")
        text: str = method(node)
        _check_size(text)
        return text

    def _Const(self, node: ex.Const) -> str:  # noqa: N802  # named after the node
        return str(node.value) if node.value >= 0 else f"({node.value})"

    def _BoolConst(self, node: ex.BoolConst) -> str:  # noqa: N802  # named after the node
        return str(node.value)

    def place(self, node: ex.FieldRef) -> str:
        """Variable of a field, for reading and writing."""
        if node.field == VALID:
            header = self.program.headers[node.header]
            return "1" if header.metadata else self.layout.valid(node.header)
        return self.layout.var(node.header, node.field)

    def _FieldRef(self, node: ex.FieldRef) -> str:  # noqa: N802  # named after the node
        return self.place(node)

    def _ParamRef(self, node: ex.ParamRef) -> str:  # noqa: N802  # named after the node
        return self.params[node.index]

    def _HeaderRef(self, node: ex.HeaderRef) -> str:  # noqa: N802  # only under valid and ==
        return self.valid(node)

    def _RegisterRef(self, node: ex.RegisterRef) -> str:  # noqa: N802  # named after the node
        cells = self.register(node.array)
        index = self.value(node.index)
        size = self.program.registers[node.array].size
        if isinstance(node.index, ex.Const) and node.index.value < size:
            return f"{cells}[{index}]"
        return f"({cells}[{index}] if {self.below(node.index, index, size)} else 0)"

    def below(self, node: ex.Expr, text: str, size: int) -> str:
        """Source of the test that the index `node`, whose source is `text`, is in 0..size-1."""
        return f"{text} < {size}" if self.bits(node) < UNBOUNDED else f"0 <= {text} < {size}"

    def register(self, name: str) -> str:
        """Name of a register array's list of cells."""
        return f"reg_{list(self.program.registers).index(name)}"

    def _LastField(self, node: ex.LastField) -> str:  # noqa: N802  # named after the node
        stack = self.program.stacks[node.stack]
        count = self.layout.count(node.stack)
        return _chain(
            (
                (f"{count} == {number}", self.layout.var(header, node.field))
                for number, header in enumerate(stack.headers, start=1)
            ),
            self.nought([ex.FieldRef(header, node.field) for header in stack.headers]),
        )

    def _LastUnionField(self, node: ex.LastUnionField) -> str:  # noqa: N802  # the node's name
        count = self.layout.count(node.stack)
        unions = [self.program.unions[u] for u in self.program.union_stacks[node.stack].unions]
        headers = [union.headers[union.members.index(node.member)] for union in unions]
        return _chain(
            (
                (f"{count} == {number}", self.layout.var(header, node.field))
                for number, header in enumerate(headers, start=1)
            ),
            self.nought([ex.FieldRef(header, node.field) for header in headers]),
        )

    def _Lookahead(self, node: ex.Lookahead) -> str:  # noqa: N802  # named after the node
        start, end = node.offset // 8, (node.offset + node.width + 7) // 8
        extra = end * 8 - node.offset - node.width
        if end - start == 1:
            text = f"frame[o + {start}]"
        else:
            text = f"from_bytes(frame[o + {start}:o + {end}], 'big')"
        if extra:
            text = f"({text} >> {extra})"
        if node.offset % 8:
            text = f"({text} & {(1 << node.width) - 1})"
        return text

    def _MemberField(self, node: ex.MemberField) -> str:  # noqa: N802  # named after the node
        nought = self.nought(self._members(node))
        return self._choose(
            node.header, lambda header: self.member_var(header, node.offset), nought
        )

    def _members(self, node: ex.MemberField) -> list[ex.FieldRef]:
        """The fields that may be meant."""
        found = []
        for header in self.access.candidates(node.header):
            fields = self.program.headers[header].header_type.fields
            name = VALID if node.offset == len(fields) else fields[node.offset].name
            found.append(ex.FieldRef(header, name))
        return found

    def nought(self, _refs: list[ex.FieldRef]) -> str:
        """Source of zero, as these fields hold it."""
        return "0"

    def member_var(self, header: str, offset: int) -> str:
        """Variable of the field at an offset of a header."""
        fields = self.program.headers[header].header_type.fields
        if offset == len(fields):
            return self.valid(ex.HeaderRef(header))
        return self.layout.var(header, fields[offset].name)

    def _choose(self, node: ex.Expr, of: Callable[[str], str], nought: str = "0") -> str:
        """Pick by the run-time index of a stack element: a chain of conditional expressions.

        Args:
            node: a header or a header union.
            of: source of what is wanted of the header or union of this name.
            nought: source of what an index beyond the stack gives.
        """
        names = self.access.candidates(node) or self.access.unions(node)
        index = self.element_index(node)
        if index is None:
            return of(names[0])
        if isinstance(index, ex.Const):
            return of(names[min(index.value, len(names) - 1)])
        at = self.value(index)
        cases = ((f"{at} == {number}", of(name)) for number, name in enumerate(names))
        return _chain(cases, nought)

    def element_index(self, node: ex.Expr) -> ex.Expr | None:
        """The index that decides which header is meant, or None when only one can be."""
        if isinstance(node, ex.ElementRef):
            return node.index
        if isinstance(node, ex.UnionMember):
            return self.element_index(node.union)
        return None

    def valid(self, node: ex.Expr) -> str:
        """Source of a header expression's validity."""
        if isinstance(node, ex.HeaderRef) and self.program.headers[node.name].metadata:
            return "1"
        return self._choose(node, self.layout.valid)

    # -- operations -----------------------------------------------------------------------------

    def _Operation(self, node: ex.Operation) -> str:  # noqa: N802  # named after the node
        op, left, right = node.op, node.left, node.right
        assert right is not None
        if op in ("valid", "valid_union", "last_stack_index", "size_stack"):
            return self._on_header(op, right)
        if op in ("==", "!=") and left is not None and self._is_whole(left):
            text = self._equal(left, right)
            return text if op == "==" else f"(not {text})"
        if op == "d2b":
            if isinstance(right, ex.Operation) and right.op == "b2d":
                return self.value(right.right)  # type: ignore[arg-type]  # b2d has an operand
            return self.value(right)  # any number but 0 is true
        if op == "b2d":
            return f"(1 if {self.value(right)} else 0)"
        if op == "not":
            return f"(not {self.value(right)})"
        if op == "~":
            return f"(~{self.value(right)})"
        assert left is not None
        if op == "?":
            assert node.cond is not None
            return f"({self.value(left)} if {self.value(node.cond)} else {self.value(right)})"
        return self._binary(op, left, right)

    def _binary(self, op: str, left: ex.Expr, right: ex.Expr) -> str:
        a, b = self.value(left), self.value(right)
        if op in ("==", "!=") and is_truth(left):
            return f"(bool({a}) {op} bool({b}))"
        if op == "two_comp_mod":
            return f"signed({a}, {b})"
        if op in ("usat_cast", "sat_cast"):
            return f"{op}({a}, {b})"
        if op in ("<<", ">>"):
            if isinstance(right, ex.Const) and right.value <= MAX_SHIFT:
                return f"({a} {op} {b})"
            least = b if self.bits(right) < UNBOUNDED else f"max({b}, 0)"
            return f"({a} {op} min({least}, {MAX_SHIFT}))"
        if op in ("/", "%"):
            symbol = "//" if op == "/" else "%"
            if isinstance(right, ex.Const) and right.value > 0:
                return f"({a} {symbol} {b})"
            return f"({a} {symbol} {b} if {b} else 0)"
        if op == "&" and isinstance(right, ex.Const) and right.value >= 0:
            ones = right.value.bit_length()
            if right.value == (1 << ones) - 1 and self.bits(left) <= ones:
                return a
        return f"({a} {op} {b})"

    def _is_whole(self, node: ex.Expr) -> bool:
        return bool(self.access.candidates(node) or self.access.unions(node))

    def _on_header(self, op: str, node: ex.Expr) -> str:
        if op == "valid":
            return self.valid(node)
        if op == "valid_union":
            return self._choose(node, self._valid_union)
        assert isinstance(node, (ex.StackRef, ex.UnionStackRef))
        count = self.layout.count(node.name)
        return f"({count} - 1)" if op == "last_stack_index" else count

    def _valid_union(self, name: str) -> str:
        headers = self.program.unions[name].headers
        return "(" + " or ".join(self.layout.valid(h) for h in headers) + ")"

    def _equal(self, left: ex.Expr, right: ex.Expr) -> str:
        """Compare two headers or two unions, each of which may be a stack's element."""
        same = self._same_unions if self.access.unions(left) else self._same_headers
        return self._choose(left, lambda a: self._choose(right, lambda b: same(a, b)))

    def _same_headers(self, a: str, b: str) -> str:
        """As Header::cmp of BMv2 has it, an invalid header equals nothing.

        p4c expands P4's comparisons, in which two invalid headers are equal, into fields.
        """
        pairs = zip(self.layout.header_vars(a), self.layout.header_vars(b), strict=True)
        valid = [self.valid(ex.HeaderRef(a)), self.valid(ex.HeaderRef(b))]
        return "(" + " and ".join(valid + [self.same(a, x, y) for x, y in pairs]) + ")"

    def _same_unions(self, a: str, b: str) -> str:
        unions = self.program.unions
        pairs = zip(unions[a].headers, unions[b].headers, strict=True)
        return "(" + " or ".join(self._same_headers(x, y) for x, y in pairs) + ")"

    def same(self, _header: str, one: str, other: str) -> str:
        """Source of whether two variables of headers of one type hold the same."""
        return f"{one} == {other}"

    # -- conditions and stores --------------------------------------------------------------------

    def condition(self, node: ex.Expr) -> str:
        """Source of a boolean expression for an `if`."""
        return self.value(node)

    def fit(self, kind: FieldType, node: ex.Expr) -> str:
        """Source of an expression cut to a field's width, signedness and saturation."""
        return self.fit_text(kind, self.value(node), self.bits(node))

    def fit_word(self, kind: FieldType, text: str, bits: int) -> str:
        """Source of a result of at most `bits` bits cut to a field."""
        return self.fit_text(kind, text, bits)

    @staticmethod
    def fit_text(kind: FieldType, text: str, bits: int) -> str:
        """Source of a value cut to a field, given a bound on its bits."""
        if kind.width is None:
            return text
        if kind.saturating:
            return f"{'sat_cast' if kind.signed else 'usat_cast'}({text}, {kind.width})"
        if kind.signed:
            return text if bits < kind.width else f"signed({text}, {kind.width})"
        return text if bits <= kind.width else f"{text} & {(1 << kind.width) - 1}"
