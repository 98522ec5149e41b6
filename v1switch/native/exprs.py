"""Expressions as source that Numba compiles: words where values fit, tuples of limbs where not.

Arithmetic is exact in plain Python, where numbers have no end. Here the bounds of each value are
known from the widths of what it is made of. What fits a signed word is one; what is never negative
may be a tuple of limbs. An intermediate value that fits neither is worked out modulo a power of
two where only that many bits of it matter, and otherwise has no place in machine code (NotNative).
"""

from __future__ import annotations

from v1switch.codegen.exprs import COMPARE, MAX_SHIFT, TRUTHS, Expressions, is_truth
from v1switch.native import layout, wide
from v1switch.native.errors import NotNative
from v1switch.native.numbers import Number, bitwise, corners
from v1switch.native.writer import NativeWriter
from v1switch.program import expressions as ex
from v1switch.program.model import FieldType
from v1switch.state.words import LIMB_BITS, SCALAR_BITS, WORD_BYTES, count

WORD_BITS = 64
MODULAR = {"+", "-", "*", "&", "|", "^"}  # the low bits of a result depend on low bits only


class NativeExpressions(Expressions):
    """Translates expressions; `number` besides bounds them."""

    writer: NativeWriter

    # -- exact values -----------------------------------------------------------------------------

    def value(self, node: ex.Expr) -> str:
        """Source of an expression's exact value; raises NotNative."""
        return self.number(node).text

    def scalar(self, node: ex.Expr) -> str:
        """Source of an expression that is one word; raises NotNative."""
        number = self.number(node)
        if not number.scalar:
            raise NotNative(f"a number of {number.high.bit_length()} bits here")
        return number.text

    def number(self, node: ex.Expr) -> Number:
        """An expression's exact value with its bounds; raises NotNative."""
        if isinstance(node, ex.Const):
            return self._const(node.value)
        if isinstance(node, ex.ParamRef):
            return self._unsigned(self.params[node.index], self.param_widths[node.index])
        if isinstance(node, ex.FieldRef):
            return self._typed(super().value(node), self.field_type(node))
        if isinstance(node, ex.Lookahead):
            text = layout.load_bits("o", node.offset, node.width)
            return self._unsigned(text, node.width)
        if isinstance(node, ex.RegisterRef):
            return self._register(node)
        if isinstance(node, (ex.LastField, ex.LastUnionField, ex.MemberField)):
            return self._chosen(node)
        if isinstance(node, ex.Operation):
            return self._operation(node)
        return Number(super().value(node), 0, 1)  # truth values and validities

    def _const(self, value: int) -> Number:
        number = Number(str(value) if value >= 0 else f"({value})", value, value)
        if number.scalar:
            return number
        self._check(number)
        return Number(self.writer.constant(value, value.bit_length()), value, value)

    @staticmethod
    def _unsigned(text: str, width: int) -> Number:
        return Number(text, 0, (1 << width) - 1)

    def _typed(self, text: str, kind: FieldType) -> Number:
        if kind.width is None:
            raise NotNative("a field of variable length as a number")
        if not kind.signed:
            return self._unsigned(text, kind.width)
        half = 1 << (kind.width - 1)
        return self._check(Number(text, -half, half - 1))

    @staticmethod
    def _check(number: Number) -> Number:
        if not number.scalar and number.low < 0:
            raise NotNative("negative numbers beyond 64 bits")
        return number

    def _chosen(self, node: ex.LastField | ex.LastUnionField | ex.MemberField) -> Number:
        """A field of a header that is found at run time; the base class picks among them."""
        kinds = {self.field_type(ref) for ref in self.refs(node)}
        widths = {(kind.width, kind.signed) for kind in kinds}
        if len(widths) > 1:
            raise NotNative("a computed choice among fields of different widths")
        return self._typed(super().value(node), kinds.pop())

    def refs(self, node: ex.LastField | ex.LastUnionField | ex.MemberField) -> list[ex.FieldRef]:
        """The fields that may be meant."""
        if isinstance(node, ex.MemberField):
            return self._members(node)
        if isinstance(node, ex.LastField):
            return [ex.FieldRef(h, node.field) for h in self.program.stacks[node.stack].headers]
        unions = [self.program.unions[u] for u in self.program.union_stacks[node.stack].unions]
        return [ex.FieldRef(u.headers[u.members.index(node.member)], node.field) for u in unions]

    def nought(self, refs: list[ex.FieldRef]) -> str:
        """Source of zero, shaped like these fields."""
        widths = {self.field_type(ref).width or 0 for ref in refs}
        return self.writer.constant(0, max(widths, default=1))

    def _register(self, node: ex.RegisterRef) -> Number:
        spec = self.program.registers[node.array]
        if spec.width > SCALAR_BITS:
            raise NotNative(f"registers of {spec.width} bits")
        index = self.scalar(node.index)
        cell = f"word({self.register(node.array)} + {WORD_BYTES} * {index})"
        return self._unsigned(f"({cell} if 0 <= {index} < {spec.size} else 0)", spec.width)

    # -- operations -------------------------------------------------------------------------------

    def _operation(self, node: ex.Operation) -> Number:
        op, left, right = node.op, node.left, node.right
        assert right is not None
        if op in ("==", "!=") and left is not None and self._is_whole(left):
            return Number(self._Operation(node), 0, 1)
        if op in COMPARE:
            assert left is not None
            return Number(self._compare(op, left, right), 0, 1)
        if op in ("last_stack_index", "size_stack"):
            return Number(self._on_header(op, right), -1, 1 << 16)
        if op == "d2b":
            return self._as_truth(right)
        if op in TRUTHS or op == "b2d":
            return Number(self._Operation(node), 0, 1)
        if op == "~":
            number = self.number(right)
            if not number.scalar:
                raise NotNative("negative numbers beyond 64 bits")
            return Number(f"(~{number.text})", ~number.high, ~number.low)
        assert left is not None
        if op == "?":
            return self._choice(node)
        return self._check(self._arithmetic(op, left, right))

    def _as_truth(self, node: ex.Expr) -> Number:
        if isinstance(node, ex.Operation) and node.op == "b2d" and node.right is not None:
            return self.number(node.right)
        number = self.number(node)
        text = number.text if number.scalar else f"w_ne({number.text}, 0)"
        return Number(text, 0, 1)

    def _compare(self, op: str, left: ex.Expr, right: ex.Expr) -> str:
        a, b = self.number(left), self.number(right)
        if op in ("==", "!=") and is_truth(left):
            return f"(bool({a.text}) {op} bool({b.text}))"
        if a.scalar and b.scalar:
            return f"({a.text} {op} {b.text})"
        if min(a.low, b.low) < 0:
            raise NotNative("negative numbers beside wide ones")
        return f"{wide.COMPARE[op]}({a.text}, {b.text})"

    def _choice(self, node: ex.Operation) -> Number:
        assert node.left is not None
        assert node.right is not None
        assert node.cond is not None
        a, b = self.number(node.left), self.number(node.right)
        both = self._check(Number("", min(a.low, b.low), max(a.high, b.high)))
        texts = [n.text if both.scalar else self.limbs_of(n, both.limbs) for n in (a, b)]
        text = f"({texts[0]} if {self.value(node.cond)} else {texts[1]})"
        return Number(text, both.low, both.high)

    def _arithmetic(self, op: str, left: ex.Expr, right: ex.Expr) -> Number:
        if op in ("<<", ">>"):
            return self._shift(op, left, right)
        if op in ("two_comp_mod", "usat_cast", "sat_cast"):
            return self._cast(op, left, right)
        if op == "&" and isinstance(right, ex.Const) and right.value >= 0:
            return self._masked(left, right.value)
        a, b = self.number(left), self.number(right)
        if op in ("/", "%"):
            return self._divided(op, a, b)
        if op in ("&", "|", "^"):
            low, high = bitwise(a, b, op)
        else:
            operate = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[op]
            low, high = corners(operate, a, b)
        result = self._check(Number("", low, high))
        if result.scalar and a.scalar and b.scalar:
            return Number(f"({a.text} {op} {b.text})", low, high)
        return self._wide(op, a, b, low, high)

    def _wide(self, op: str, a: Number, b: Number, low: int, high: int) -> Number:
        """An operation on limbs; the result may be a word again."""
        if min(a.low, b.low) < 0:
            raise NotNative("negative numbers beside wide ones")
        limbs = max(count(n.high.bit_length()) if n.high >> SCALAR_BITS else 2 for n in (a, b))
        limbs = max(limbs, Number("", low, high).limbs)
        if op == "*" and limbs > 4:  # beyond 128 bits LLVM calls a library
            raise NotNative("products beyond 128 bits")
        text = f"{wide.BINARY[op]}({self.limbs_of(a, limbs)}, {self.limbs_of(b, limbs)})"
        return self._settle(text, limbs, low, high)

    def _settle(self, text: str, limbs: int, low: int, high: int) -> Number:
        """Limbs as what a value with these bounds is: a word, or just as many limbs."""
        result = Number(text, low, high)
        if result.scalar:
            return Number(f"w_low({text})", low, high)
        return (
            result
            if result.limbs == limbs
            else Number(f"{self.writer.helper('fit', result.limbs)}({text})", low, high)
        )

    def limbs_of(self, number: Number, limbs: int) -> str:
        """Source of a number as so many limbs."""
        if not number.scalar and number.limbs == limbs:
            return number.text
        return f"{self.writer.helper('fit', limbs)}({number.text})"

    def _shift(self, op: str, left: ex.Expr, right: ex.Expr) -> Number:
        a, b = self.number(left), self.number(right)
        if b.low < 0:
            raise NotNative("shifts by signed numbers")
        most = min(b.high, MAX_SHIFT)
        if op == "<<":
            low, high = min(a.low << most, a.low), max(a.high << most, a.high)
        else:
            low, high = min(a.low, 0), max(a.high, 0)
            if isinstance(right, ex.Const):
                low, high = a.low >> most, a.high >> most
        result = self._check(Number("", low, high))
        if a.scalar and result.scalar and b.scalar:
            amount = b.text if most < WORD_BITS else f"min({b.text}, {SCALAR_BITS})"
            return Number(f"({a.text} {op} {amount})", low, high)
        if not isinstance(right, ex.Const) or a.low < 0:
            raise NotNative("shifts of wide numbers by computed amounts")
        limbs = max(Number("", 0, max(a.high, high, 1 << SCALAR_BITS)).limbs, 2)
        if most >= LIMB_BITS * limbs:
            return Number("0", 0, 0)
        name = self.writer.helper("left" if op == "<<" else "right", limbs, most)
        return self._settle(f"{name}({self.limbs_of(a, limbs)})", limbs, low, high)

    def _divided(self, op: str, a: Number, b: Number) -> Number:
        if not (a.scalar and b.scalar) or min(a.low, b.low) < 0:
            raise NotNative("division of wide or negative numbers")
        symbol = "//" if op == "/" else "%"
        high = a.high if op == "/" else min(a.high, max(b.high - 1, 0))
        text = f"({a.text} {symbol} {b.text})"
        return Number(text if b.low > 0 else f"({text} if {b.text} else 0)", 0, high)

    def _cast(self, op: str, left: ex.Expr, right: ex.Expr) -> Number:
        width = right.value if isinstance(right, ex.Const) else WORD_BITS + 1
        half = 1 << (width - 1)
        if op == "two_comp_mod" and width == WORD_BITS:
            return Number(self.low_bits(left), -half, half - 1)
        if width > SCALAR_BITS:
            raise NotNative(f"casts beyond {SCALAR_BITS} bits")
        if op == "two_comp_mod":
            return Number(f"signed({self.low_bits(left)}, {width})", -half, half - 1)
        low, high = (0, 2 * half - 1) if op == "usat_cast" else (-half, half - 1)
        return Number(f"min(max({self.scalar(left)}, {low}), {high})", low, high)

    # -- values modulo a power of two -------------------------------------------------------------

    def _exact(self, node: ex.Expr) -> Number | None:
        """The exact value, or None where it has no place."""
        try:
            return self.number(node)
        except NotNative:
            return None

    def _masked(self, left: ex.Expr, mask: int) -> Number:
        """A value of which only the bits of `mask` matter."""
        width = mask.bit_length()
        exact = self._exact(left)
        if exact is not None and exact.scalar:
            if exact.low >= 0 and exact.high <= mask and mask == (1 << width) - 1:
                return exact
            if width <= SCALAR_BITS:
                high = min(exact.high, mask) if exact.low >= 0 else mask
                return Number(f"({exact.text} & {mask})", 0, high)
        if width <= SCALAR_BITS:
            return Number(f"({self.low_bits(left)} & {mask})", 0, mask)
        limbs = count(width)
        if width == WORD_BITS:  # a word has them all, and more is known about words
            text = f"{self.writer.helper('fit', limbs)}({self.low_bits(left)})"
        else:
            text = self.low_limbs(left, limbs)
        return Number(f"w_and({text}, {self.writer.constant(mask, width)})", 0, mask)

    def modular(self, node: ex.Expr, width: int) -> str:
        """Source of a value modulo 2**width, as a field of that width holds it."""
        return self._masked(node, (1 << width) - 1).text

    def low_bits(self, node: ex.Expr) -> str:
        """Source of a word that is congruent to a value modulo 2**64."""
        exact = self._exact(node)
        if exact is not None:
            return exact.text if exact.scalar else f"w_low({exact.text})"
        left, right = self._operands(node)
        assert isinstance(node, ex.Operation)
        if node.op == "~":
            return f"(~{self.low_bits(right)})"
        if left is None:
            raise NotNative(f"{node.op!r} of wide numbers")
        if node.op in MODULAR:
            return f"({self.low_bits(left)} {node.op} {self.low_bits(right)})"
        if node.op == "<<":
            return f"shifted({self.low_bits(left)}, {self.scalar(right)})"
        if node.op == "?" and node.cond is not None:
            a, b = self.low_bits(left), self.low_bits(right)
            return f"({a} if {self.value(node.cond)} else {b})"
        raise NotNative(f"{node.op!r} of wide numbers")

    def low_limbs(self, node: ex.Expr, limbs: int) -> str:
        """Source of so many limbs that are congruent to a value modulo 2**(32 limbs)."""
        exact = self._exact(node)
        if exact is not None:
            return self.limbs_of(exact, limbs)
        left, right = self._operands(node)
        assert isinstance(node, ex.Operation)
        if node.op == "~":
            return f"w_sub({self.writer.helper('fit', limbs)}(-1), {self.low_limbs(right, limbs)})"
        if left is None:
            raise NotNative(f"{node.op!r} of wide numbers")
        if node.op in MODULAR and (node.op != "*" or limbs <= 4):
            a, b = self.low_limbs(left, limbs), self.low_limbs(right, limbs)
            return f"{wide.BINARY[node.op]}({a}, {b})"
        if node.op == "<<" and isinstance(right, ex.Const):
            if right.value >= LIMB_BITS * limbs:
                return f"{self.writer.helper('fit', limbs)}(0)"
            return (
                f"{self.writer.helper('left', limbs, right.value)}({self.low_limbs(left, limbs)})"
            )
        if node.op == "?" and node.cond is not None:
            a, b = self.low_limbs(left, limbs), self.low_limbs(right, limbs)
            return f"({a} if {self.value(node.cond)} else {b})"
        raise NotNative(f"{node.op!r} of wide numbers")

    @staticmethod
    def _operands(node: ex.Expr) -> tuple[ex.Expr | None, ex.Expr]:
        if not isinstance(node, ex.Operation) or node.right is None:
            raise NotNative("a value without bounds")
        return node.left, node.right

    # -- places -----------------------------------------------------------------------------------

    def register(self, name: str) -> str:
        """Source of the address of a register array's cells."""
        return self.writer.state(super().register(name))

    def same(self, header: str, one: str, other: str) -> str:
        """Source of whether two variables of headers of one type hold the same."""
        layout = self.layout.of(header)
        if layout.varbit and one == self.layout.var(header, layout.varbit):
            sized = f"same_raw(frame, {one}[0], {other}[0], {one}[1])"
            return f"({one}[1] == {other}[1] and {sized})"
        raw = {self.layout.var(header, s.name): s.width // 8 for s in layout.segments if s.raw}
        if one in raw:
            return f"same_raw(frame, {one}, {other}, {raw[one]})"
        return f"{one} == {other}"

    # -- stores -----------------------------------------------------------------------------------

    def fit(self, kind: FieldType, node: ex.Expr) -> str:
        """Source of an expression as a field of this type holds it; raises NotNative."""
        width = kind.width
        if width is None:
            return super().value(node)
        half = 1 << (width - 1)
        low, high = (-half, half - 1) if kind.signed else (0, 2 * half - 1)
        exact = self._exact(node)
        if exact is not None and low <= exact.low and exact.high <= high:
            one_word = kind.signed or width <= SCALAR_BITS
            return exact.text if one_word else self.limbs_of(exact, count(width))
        if kind.saturating:
            cast = "sat_cast" if kind.signed else "usat_cast"
            return self._cast(cast, node, ex.Const(width)).text
        if not kind.signed:
            return self.modular(node, width)
        return self._cast("two_comp_mod", node, ex.Const(width)).text

    def fit_word(self, kind: FieldType, text: str, bits: int) -> str:
        """Source of a word of at most `bits` bits as a field of this type holds it."""
        width = kind.width or 0
        if not kind.signed and width > SCALAR_BITS:
            return f"{self.writer.helper('fit', count(width))}({text})"
        if bits <= width - kind.signed:
            return text
        if kind.saturating:
            raise NotNative("a result cut to a saturating field")
        if kind.signed:
            return f"signed({text}, {width})"
        return f"{text} & {(1 << width) - 1}"
