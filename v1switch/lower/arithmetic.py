"""Makes expressions of the representation, each with the narrowest type that holds its results."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from v1switch.lower import ir
from v1switch.lower.limits import MAX_SHIFT

Interval = tuple[int, int]
EXACT_BITS = 128  # results up to here are worked out exactly even where fewer bits matter
CONSTANT: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "min": min,
    "max": max,
}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MODULAR = {"+", "-", "*", "&", "|", "^"}  # low bits of the result depend on low bits only


def interval(value: ir.Expr) -> Interval:
    """The smallest and the largest value that an integer expression may have."""
    if isinstance(value, ir.Const):
        return value.value, value.value
    kind = value.type
    assert isinstance(kind, ir.Int)
    if isinstance(value, ir.Binary) and value.op == "min":  # closer than the type's bounds
        return kind.low, min(kind.high, interval(value.left)[1], interval(value.right)[1])
    return kind.low, kind.high


def spanning(low: int, high: int) -> ir.Int:
    """The narrowest type with all values of low..high."""
    if low >= 0:
        return ir.Int(max(high.bit_length(), 1))
    return ir.Int(max((~low).bit_length(), max(high, 0).bit_length()) + 1, signed=True)


def _corners(op: str, a: Interval, b: Interval) -> Interval:
    if op == "*":
        products = [x * y for x in a for y in b]
        return min(products), max(products)
    if op == "+":
        return a[0] + b[0], a[1] + b[1]
    return a[0] - b[1], a[1] - b[0]


def _bitwise(op: str, a: Interval, b: Interval) -> Interval:
    if op == "&" and max(a[0], b[0]) >= 0:
        return 0, min(high for low, high in (a, b) if low >= 0)
    ends = (*a, *b)
    bits = max((~end if end < 0 else end).bit_length() for end in ends)
    return (0 if min(a[0], b[0]) >= 0 else -(1 << bits)), (1 << bits) - 1


def _divided(op: str, a: Interval, b: Interval) -> Interval:
    unsigned = min(a[0], b[0]) >= 0
    if op == "//":
        most = max(abs(a[0]), abs(a[1]))
        return (0, a[1] // max(b[0], 1)) if unsigned else (-most, most)
    if unsigned:
        return 0, min(a[1], max(b[1] - 1, 0))
    return min(b[0] + 1, 0), max(b[1] - 1, 0)


def _shifted(op: str, a: Interval, b: Interval) -> Interval:
    if op == "<<":
        return min(a[0] << b[1], a[0] << b[0]), max(a[1] << b[1], a[1] << b[0])
    least, most = min(b[0], MAX_SHIFT), min(b[1], MAX_SHIFT)
    ends = [end >> shift for end in a for shift in (least, most)]
    return min(ends), max(ends)


def _bounds(op: str, a: Interval, b: Interval) -> Interval:
    if op in ("+", "-", "*"):
        return _corners(op, a, b)
    if op in ("&", "|", "^"):
        return _bitwise(op, a, b)
    if op in ("//", "%"):
        return _divided(op, a, b)
    if op in ("<<", ">>"):
        return _shifted(op, a, b)
    pick = min if op == "min" else max
    return pick(a[0], b[0]), pick(a[1], b[1])


def binary(op: str, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """An exact operation; see `ir.Binary`. The right operand of a shift is at most MAX_SHIFT."""
    if isinstance(right, ir.Const):
        known = _known(op, left, right.value)
        if known is not None:
            return known
    if op == "+" and left == ir.Const(0):
        return right
    low, high = _bounds(op, interval(left), interval(right))
    return ir.Binary(op, left, right, spanning(low, high))


def _known(op: str, left: ir.Expr, right: int) -> ir.Expr | None:
    """An operation with a constant that is something simpler, or None."""
    if isinstance(left, ir.Const) and op in CONSTANT:
        return ir.Const(CONSTANT[op](left.value, right))
    if op == "&" and right >= 0:
        return _masked(left, right)
    if op == "%" and right > 0:
        low, high = interval(left)
        if right & (right - 1) == 0 and right > 1:  # the lowest bits, of negative numbers, too
            return cut(left, ir.Int(right.bit_length() - 1))
        return left if low >= 0 and high < right else None
    return left if not right and op in ("+", "-", "|", "^", "<<", ">>") else None


def _masked(left: ir.Expr, mask: int) -> ir.Expr:
    kind = spanning(0, mask)
    if mask & (mask + 1) == 0:  # all ones
        return cut(left, kind) if mask else ir.Const(0)
    narrow = narrowed(left, kind.bits)
    low, high = _bitwise("&", interval(narrow), (mask, mask))
    return ir.Binary("&", narrow, ir.Const(mask), spanning(low, high))


def shift(op: str, left: ir.Expr, amount: ir.Expr) -> ir.Expr:
    """A shift by an amount that may be larger than any number is wide, or negative (taken as 0)."""
    low, high = interval(amount)
    if low < 0:
        amount = ir.Saturate(amount, ir.Int(MAX_SHIFT.bit_length()))
    if high > MAX_SHIFT:
        amount = binary("min", amount, ir.Const(MAX_SHIFT))
    return binary(op, left, amount)


def invert(value: ir.Expr) -> ir.Expr:
    """All bits inverted."""
    low, high = interval(value)
    return ir.Invert(value, spanning(~high, ~low))


def cut(value: ir.Expr, kind: ir.Int) -> ir.Expr:
    """The value modulo 2**bits, as the type has it."""
    if kind.holds(spanning(*interval(value))):
        return value
    if isinstance(value, ir.Const):
        return ir.Const(_wrapped(value.value, kind))
    return ir.Truncate(narrowed(value, kind.bits), kind)


def _wrapped(value: int, kind: ir.Int) -> int:
    value &= (1 << kind.bits) - 1
    return value - (1 << kind.bits) if value > kind.high else value


def narrowed(value: ir.Expr, bits: int) -> ir.Expr:
    """An expression that is congruent modulo 2**bits, and not much wider.

    What has a type of moderate width stays as it is: an engine can tell which bits matter.
    """
    kind = value.type
    if not isinstance(kind, ir.Int) or kind.bits <= max(2 * bits, EXACT_BITS):
        return value
    wanted = ir.Int(bits)
    if isinstance(value, ir.Const):
        return ir.Const(_wrapped(value.value, wanted))
    if isinstance(value, ir.Binary) and value.op in MODULAR:
        left, right = cut(value.left, wanted), cut(value.right, wanted)
        low, high = _bounds(value.op, interval(left), interval(right))
        return ir.Binary(value.op, left, right, spanning(low, high))
    if isinstance(value, ir.Binary) and value.op == "<<":
        amount = value.right
        if interval(amount)[1] > bits:
            amount = binary("min", amount, ir.Const(bits))
        return binary("<<", cut(value.left, wanted), amount)
    if isinstance(value, ir.Invert):
        return invert(cut(value.value, wanted))
    if isinstance(value, ir.Select):
        return select(value.condition, cut(value.then, wanted), cut(value.otherwise, wanted))
    return value


def fit(value: ir.Expr, kind: ir.Int, saturating: bool = False) -> ir.Expr:
    """The value as a field of this type holds it."""
    if saturating and not kind.holds(spanning(*interval(value))):
        return ir.Saturate(value, kind)
    return cut(value, kind)


def known_to_fit(value: ir.Expr, kind: ir.Int) -> ir.Expr:
    """The value, which the type has for reasons that its own type does not show."""
    return value if kind.holds(spanning(*interval(value))) else ir.Fits(value, kind)


# -- truth values ----------------------------------------------------------------------------------


def as_int(value: ir.Expr) -> ir.Expr:
    """A truth value as 0 or 1; a number as it is."""
    if isinstance(value, ir.BoolConst):
        return ir.Const(int(value.value))
    return ir.ToInt(value) if isinstance(value.type, ir.Bool) else value


def as_bool(value: ir.Expr) -> ir.Expr:
    """A number as whether it is not 0; a truth value as it is."""
    if isinstance(value.type, ir.Bool):
        return value
    if isinstance(value, ir.ToInt):
        return value.value
    if isinstance(value, ir.Const):
        return ir.BoolConst(value.value != 0)
    return ir.Compare("!=", value, ir.Const(0))


def negate(value: ir.Expr) -> ir.Expr:
    """A truth value's opposite."""
    if isinstance(value, ir.BoolConst):
        return ir.BoolConst(not value.value)
    if isinstance(value, ir.Compare):
        return ir.Compare(OPPOSITE[value.op], value.left, value.right)
    return value.value if isinstance(value, ir.Not) else ir.Not(value)


def both(op: str, operands: Sequence[ir.Expr]) -> ir.Expr:
    """All or any of truth values: "and" of none is true, "or" of none false."""
    decided = op == "or"
    nested = (o.operands if isinstance(o, ir.Logic) and o.op == op else (o,) for o in operands)
    flat = dict.fromkeys(operand for group in nested for operand in group)
    kept = [o for o in flat if not (isinstance(o, ir.BoolConst) and o.value != decided)]
    if any(isinstance(o, ir.BoolConst) for o in kept):
        return ir.BoolConst(decided)
    if not kept:
        return ir.BoolConst(not decided)
    return kept[0] if len(kept) == 1 else ir.Logic(op, tuple(kept))


# -- choices ---------------------------------------------------------------------------------------


def joined(values: Sequence[ir.Expr]) -> ir.Type:
    """A type for each of these values."""
    first = values[0].type
    if isinstance(first, ir.Int):
        bounds = [interval(value) for value in values]
        return spanning(min(low for low, _ in bounds), max(high for _, high in bounds))
    if isinstance(first, ir.Bytes) and any(value.type != first for value in values):
        return ir.Bytes(None)
    return first


def select(condition: ir.Expr, then: ir.Expr, otherwise: ir.Expr) -> ir.Expr:
    """One of two values of one kind."""
    if isinstance(condition, ir.BoolConst):
        return then if condition.value else otherwise
    return ir.Select(condition, then, otherwise, joined((then, otherwise)))


def choose(index: ir.Expr, options: Sequence[ir.Expr], otherwise: ir.Expr) -> ir.Expr:
    """One of several values of one kind, by its number."""
    return ir.Choose(index, tuple(options), otherwise, joined((*options, otherwise)))


def zero(kind: ir.Type) -> ir.Expr:
    """What a variable of this type holds before anything is assigned to it."""
    if isinstance(kind, ir.Int):
        return ir.Const(0)
    if isinstance(kind, ir.Bool):
        return ir.BoolConst(False)
    return ir.ZeroBytes(kind.size or 0) if isinstance(kind, ir.Bytes) else ir.Nothing(kind)


def concatenated(parts: Sequence[tuple[ir.Expr, int]]) -> ir.Expr:
    """Unsigned numbers of these widths as one number, the first in the highest bits."""
    total: ir.Expr | None = None
    position = sum(width for _, width in parts)
    for value, width in parts:
        position -= width
        part = binary("<<", value, ir.Const(position)) if position else value
        total = part if total is None else binary("|", total, part)
    return ir.Const(0) if total is None else total
