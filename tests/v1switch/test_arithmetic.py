"""Arithmetic of the intermediate representation: exact, in types that hold all results."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.v1switch.evaluate import Value, apply, evaluate, wrapped
from v1switch.engines.python.expressions import Expressions
from v1switch.engines.python.headers import Headers
from v1switch.engines.python.source import Source
from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.dump import show
from v1switch.lower.expressions import is_inside
from v1switch.lower.limits import MAX_SHIFT

OPS = ("+", "-", "*", "&", "|", "^", "//", "%", "min", "max")
Variables = dict[ir.Var, Value]

types = st.builds(ir.Int, st.integers(1, 70), st.booleans())
small = st.integers(-300, 300)


@st.composite
def operands(draw: Callable[..., object], variables: Variables) -> ir.Expr:
    """A variable with a value of its type, or a constant."""
    if draw(st.booleans()):
        return ir.Const(draw(small))
    kind = draw(types)
    var = ir.Var(f"v{len(variables)}", kind)
    edges = st.sampled_from([kind.low, kind.high, 0])
    variables[var] = draw(st.one_of(edges, st.integers(kind.low, kind.high)))
    return var


@st.composite
def trees(draw: Callable[..., object], variables: Variables, depth: int = 3) -> ir.Expr:
    """A number made of operations on variables and constants."""
    if depth == 0:
        return draw(operands(variables))
    a, b = draw(trees(variables, depth - 1)), draw(trees(variables, depth - 1))
    which = draw(st.sampled_from([*OPS, "<<", ">>", "~", "cut", "select"]))
    if which in ("<<", ">>"):
        return ar.shift(which, a, ar.cut(b, ir.Int(4)))
    if which == "~":
        return ar.invert(a)
    if which == "cut":
        return ar.fit(a, draw(types), draw(st.booleans()))
    if which == "select":
        return ar.select(ir.Compare(draw(st.sampled_from(["<", "=="])), a, b), a, b)
    return ar.binary(which, a, b)


def printed(node: ir.Expr, variables: Variables) -> Value:
    """What plain Python makes of an expression."""
    source = Source()
    text = Expressions(source, Headers(source, "cursor"), ()).text(node)
    return eval(text, {var.name: value for var, value in variables.items()})


@given(st.data())
def test_operations_are_exact_and_of_a_type_that_holds_them(data: st.DataObject) -> None:
    variables: Variables = {}
    a, b = data.draw(operands(variables)), data.draw(operands(variables))
    op = data.draw(st.sampled_from(OPS))
    expected = apply(op, evaluate(a, variables), evaluate(b, variables))
    assert evaluate(ar.binary(op, a, b), variables) == expected


U8, U4, S8, S4 = ir.Int(8), ir.Int(4), ir.Int(8, signed=True), ir.Int(4, signed=True)


@pytest.mark.parametrize(
    ("op", "left", "right", "low", "high"),
    [
        ("+", U8, U4, 0, 270),
        ("+", S8, U4, -128, 142),
        ("-", U8, U4, -15, 255),
        ("-", S8, S4, -135, 135),
        ("*", U8, U4, 0, 3825),
        ("*", S8, S4, -1016, 1024),
        ("*", S8, U4, -1920, 1905),
        ("&", U8, U4, 0, 15),
        ("&", S8, U4, 0, 15),
        ("&", S8, S4, -128, 127),
        ("|", U8, U4, 0, 255),
        ("|", U8, S4, -256, 255),
        ("^", S8, S4, -128, 127),
        ("//", U8, U4, 0, 255),
        ("//", S8, U4, -128, 128),
        ("%", U8, U4, 0, 14),
        ("%", U4, U8, 0, 15),
        ("%", S8, U4, 0, 14),
        ("%", S8, S4, -7, 6),
        ("<<", U8, U4, 0, 255 << 15),
        ("<<", S8, U4, -128 << 15, 127 << 15),
        (">>", U8, U4, 0, 255),
        (">>", S8, U4, -128, 127),
        ("min", U8, U4, 0, 15),
        ("min", U8, S4, -8, 7),
        ("max", U8, U4, 0, 255),
        ("max", S8, U4, 0, 127),
    ],
)
def test_the_type_of_a_result_has_room_for_all_and_no_more(
    op: str, left: ir.Int, right: ir.Int, low: int, high: int
) -> None:
    made = ar.binary(op, ir.Var("a", left), ir.Var("b", right))
    assert made.type == ar.spanning(low, high)
    if op != "<<":
        results = [
            apply(op, a, b)
            for a in range(left.low, left.high + 1)
            for b in range(right.low, right.high + 1)
        ]
        assert low <= min(results)
        assert max(results) <= high


def test_the_rest_of_a_division_by_a_constant_has_room() -> None:
    assert ar.binary("%", ir.Var("a", U8), ir.Const(9)).type == ar.spanning(0, 8)


@pytest.mark.parametrize(("size", "kind"), [(4, S8), (16, U8), (300, U8)])
def test_an_index_is_checked_at_both_ends(size: int, kind: ir.Int) -> None:
    index = ir.Var("index", kind)
    for value in range(kind.low, kind.high + 1):
        found = evaluate(is_inside(index, size), {index: value})
        assert bool(found) == (0 <= value < size)


@pytest.mark.parametrize(
    ("op", "left", "amount", "low", "high"),
    [
        ("<<", U8, 3, 0, 255 << 3),
        ("<<", S8, 3, -128 << 3, 127 << 3),
        (">>", U8, 3, 0, 31),
        (">>", S8, 3, -16, 15),
        (">>", U8, 9, 0, 0),
    ],
)
def test_shifts_by_a_constant_have_its_width(
    op: str, left: ir.Int, amount: int, low: int, high: int
) -> None:
    made = ar.binary(op, ir.Var("a", left), ir.Const(amount))
    assert made.type == ar.spanning(low, high)


@given(st.data())
def test_plain_python_computes_what_the_representation_means(data: st.DataObject) -> None:
    variables: Variables = {}
    node = data.draw(trees(variables))
    assert printed(node, variables) == evaluate(node, variables)


@given(st.data())
def test_narrowed_values_keep_the_bits_that_count(data: st.DataObject) -> None:
    variables: Variables = {}
    node, bits = data.draw(trees(variables)), data.draw(st.integers(1, 12))
    cut = ar.cut(node, ir.Int(bits))
    assert evaluate(cut, variables) == wrapped(evaluate(node, variables), ir.Int(bits))


@pytest.mark.parametrize("op", ["+", "-", "*", "&", "|", "^"])
def test_what_is_cut_is_not_worked_out_in_full_when_that_were_wide(op: str) -> None:
    wide, amount = ir.Var("a", ir.Int(500)), ir.Var("n", ir.Int(8))
    left, right = ar.shift("<<", wide, amount), ar.binary("*", wide, wide)
    cut = ar.cut(ar.binary(op, left, ar.invert(right)), ir.Int(16))
    assert _widest(cut) <= 2 * 500
    variables: Variables = {wide: (1 << 500) - 12345, amount: 3}
    exact = apply(op, evaluate(left, variables), ~evaluate(right, variables))
    assert evaluate(cut, variables) == exact % (1 << 16)


def _widest(node: ir.Expr) -> int:
    """The widest number that is worked out on the way, operands of multiplications aside."""
    if isinstance(node, (ir.Truncate, ir.Invert)):
        return max(node.type.bits, _widest(node.value))
    if isinstance(node, ir.Binary):
        return max(node.type.bits, _widest(node.left), _widest(node.right))
    assert isinstance(node.type, ir.Int)
    return node.type.bits


def test_of_a_shift_by_a_variable_only_what_is_kept_is_worked_out() -> None:
    value, amount = ir.Var("a", ir.Int(32)), ir.Var("n", ir.Int(32))
    cut = ar.cut(ar.shift("<<", value, amount), ir.Int(32))
    assert _widest(cut) <= 64
    for shift in (0, 1, 31, 32, 33, 5000, (1 << 32) - 1):
        expected = (0xDEADBEEF << min(shift, 40)) & 0xFFFFFFFF
        assert evaluate(cut, {value: 0xDEADBEEF, amount: shift}) == expected


@pytest.mark.parametrize("op", ["<<", ">>"])
@pytest.mark.parametrize("shift", [-5, -1, 0, 3, MAX_SHIFT, MAX_SHIFT + 1, 1 << 19])
def test_shifts_by_any_amount(op: str, shift: int) -> None:
    value, amount = ir.Var("a", ir.Int(9, signed=True)), ir.Var("n", ir.Int(21, signed=True))
    bounded = min(max(shift, 0), MAX_SHIFT)
    expected = -200 << bounded if op == "<<" else -200 >> bounded
    assert evaluate(ar.shift(op, value, amount), {value: -200, amount: shift}) == expected


@given(st.integers(-1000, 1000), st.integers(0, 1000))
def test_the_type_of_an_interval_is_the_narrowest(low: int, size: int) -> None:
    kind = ar.spanning(low, low + size)
    assert kind.low <= low
    assert low + size <= kind.high
    assert kind.signed == (low < 0)
    if kind.bits > 1 + kind.signed:
        narrower = ir.Int(kind.bits - 1, kind.signed)
        assert narrower.low > low or narrower.high < low + size


@pytest.mark.parametrize(
    ("value", "kind", "saturating", "stored"),
    [
        (300, ir.Int(8), False, 44),
        (300, ir.Int(8), True, 255),
        (-1, ir.Int(8), False, 255),
        (-1, ir.Int(8), True, 0),
        (200, ir.Int(8, signed=True), False, -56),
        (200, ir.Int(8, signed=True), True, 127),
        (-129, ir.Int(8, signed=True), True, -128),
    ],
)
def test_fields_hold_what_fits(value: int, kind: ir.Int, saturating: bool, stored: int) -> None:
    wide = ir.Var("a", ir.Int(12, signed=True))
    for node in (wide, ir.Const(value)):
        assert evaluate(ar.fit(node, kind, saturating), {wide: value}) == stored


def test_what_fits_by_its_type_is_left_as_it_is() -> None:
    value = ir.Var("a", ir.Int(8))
    assert ar.cut(value, ir.Int(8)) is value
    assert ar.cut(value, ir.Int(9, signed=True)) is value
    assert ar.cut(value, ir.Int(8, signed=True)) is not value
    assert ar.known_to_fit(value, ir.Int(9)) is value
    assert ar.known_to_fit(value, ir.Int(7)) == ir.Fits(value, ir.Int(7))
    assert ar.binary("&", value, ir.Const(255)) is value


@pytest.mark.parametrize(
    ("op", "constant", "expected"),
    [
        ("&", 0, ir.Const(0)),
        ("&", 255, ir.Var("n", ir.Int(8))),
        ("&", 7, ir.Truncate(ir.Var("n", ir.Int(8)), ir.Int(3))),
        ("%", 256, ir.Var("n", ir.Int(8))),
        ("%", 300, ir.Var("n", ir.Int(8))),
        ("%", 8, ir.Truncate(ir.Var("n", ir.Int(8)), ir.Int(3))),
        ("%", 1, None),
        ("%", 2, ir.Truncate(ir.Var("n", ir.Int(8)), ir.Int(1))),
        ("%", 0, None),
        ("%", 255, None),
        ("%", -8, None),
        ("+", 0, ir.Var("n", ir.Int(8))),
        ("<<", 0, ir.Var("n", ir.Int(8))),
        ("*", 0, None),
        ("min", 0, None),
    ],
)
def test_operations_with_constants_are_simplified(
    op: str, constant: int, expected: ir.Expr | None
) -> None:
    def alike(node: ir.Expr) -> object:
        return show(node), node.type

    made = ar.binary(op, N, ir.Const(constant))
    if expected is None:
        assert isinstance(made, ir.Binary)
    else:
        assert alike(made) == alike(expected)
    for value in (0, 1, 7, 100, 255):
        assert evaluate(made, {N: value}) == apply(op, value, constant)


# -- truth values ----------------------------------------------------------------------------------

A, B = ir.Var("a", ir.BOOL), ir.Var("b", ir.BOOL)
N = ir.Var("n", ir.Int(8))
TRUE, FALSE = ir.BoolConst(True), ir.BoolConst(False)


@pytest.mark.parametrize("op", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("value", [3, 4, 5])
def test_the_opposite_of_a_comparison(op: str, value: int) -> None:
    test = ir.Compare(op, N, ir.Const(4))
    assert evaluate(ar.negate(test), {N: value}) != evaluate(test, {N: value})
    assert isinstance(ar.negate(test), ir.Compare)


def test_the_opposite_of_other_truth_values() -> None:
    assert ar.negate(A) == ir.Not(A)
    assert ar.negate(ir.Not(A)) is A
    assert ar.negate(TRUE) == FALSE


@pytest.mark.parametrize(
    ("op", "operands", "expected"),
    [
        ("and", (), TRUE),
        ("or", (), FALSE),
        ("and", (A,), A),
        ("and", (A, TRUE), A),
        ("or", (A, FALSE), A),
        ("and", (A, FALSE), FALSE),
        ("or", (TRUE, A), TRUE),
        ("and", (A, B), ir.Logic("and", (A, B))),
    ],
)
def test_what_is_decided_is_not_asked(
    op: str, operands: tuple[ir.Expr, ...], expected: ir.Expr
) -> None:
    assert ar.both(op, operands) == expected


def test_truth_values_and_numbers_are_made_of_each_other() -> None:
    assert ar.as_int(A) == ir.ToInt(A)
    assert ar.as_bool(ir.ToInt(A)) is A
    assert ar.as_bool(A) is A
    assert ar.as_int(N) is N
    assert (ar.as_int(TRUE), ar.as_bool(ir.Const(0))) == (ir.Const(1), FALSE)
    assert ar.as_bool(N) == ir.Compare("!=", N, ir.Const(0))


# -- choices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 2, 200])
def test_a_choice_beyond_the_options_is_the_other_value(index: int) -> None:
    options = [ir.Const(-3), ir.Const(1000)]
    chosen = ar.choose(N, options, ir.Const(7))
    assert chosen.type == ir.Int(11, signed=True)
    expected = [-3, 1000, 7][min(index, 2)]
    assert evaluate(chosen, {N: index}) == printed(chosen, {N: index}) == expected


def test_choices_of_bytes_have_the_size_that_all_have() -> None:
    two, three = ir.ZeroBytes(2), ir.ZeroBytes(3)
    assert ar.select(A, two, two).type == ir.Bytes(2)
    assert ar.select(A, two, three).type == ir.Bytes(None)
    assert ar.select(TRUE, two, three) is two


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0)), max_size=4))
def test_numbers_are_joined_the_first_highest(parts: list[tuple[int, int]]) -> None:
    values = [(value % (1 << width), width) for width, value in parts]
    joined = ar.concatenated([(ir.Const(value), width) for value, width in values])
    text = "".join(f"{value:0{width}b}" for value, width in values)
    assert evaluate(joined, {}) == int(text or "0", 2)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ir.Int(3), ir.Const(0)),
        (ir.BOOL, FALSE),
        (ir.Bytes(4), ir.ZeroBytes(4)),
        (ir.Bytes(None), ir.ZeroBytes(0)),
        (ir.ENTRY, ir.Nothing(ir.ENTRY)),
    ],
)
def test_zeros(kind: ir.Type, expected: ir.Expr) -> None:
    assert ar.zero(kind) == expected
