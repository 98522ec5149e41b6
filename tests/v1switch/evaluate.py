"""A reference evaluator for expressions of the intermediate representation."""

from collections.abc import Mapping

from v1switch.lower import ir

Value = int | bool


def apply(op: str, a: int, b: int) -> int:
    """An operation on exact integers."""
    if op in ("//", "%") and b == 0:
        return 0
    return {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "&": lambda: a & b,
        "|": lambda: a | b,
        "^": lambda: a ^ b,
        "//": lambda: a // b,
        "%": lambda: a % b,
        "<<": lambda: a << b,
        ">>": lambda: a >> b,
        "min": lambda: min(a, b),
        "max": lambda: max(a, b),
    }[op]()


def wrapped(value: int, kind: ir.Int) -> int:
    """The value modulo 2**bits, as the type has it."""
    value &= (1 << kind.bits) - 1
    return value - (1 << kind.bits) if value > kind.high else value


def evaluate(node: ir.Expr, variables: Mapping[ir.Var, Value]) -> Value:
    """The value of an expression of numbers and truth values; its type has to hold it."""
    value = _value(node, variables)
    if isinstance(node.type, ir.Int):
        assert node.type.low <= value <= node.type.high, f"{value} is none of {node}"
    return value


def _value(node: ir.Expr, variables: Mapping[ir.Var, Value]) -> Value:
    def of(part: ir.Expr) -> Value:
        return evaluate(part, variables)

    if isinstance(node, ir.Var):
        return variables[node]
    if isinstance(node, (ir.Const, ir.BoolConst)):
        return node.value
    if isinstance(node, ir.Binary):
        return apply(node.op, of(node.left), of(node.right))
    if isinstance(node, ir.Invert):
        return ~of(node.value)
    if isinstance(node, ir.Truncate):
        return wrapped(of(node.value), node.type)
    if isinstance(node, ir.Saturate):
        return min(max(of(node.value), node.type.low), node.type.high)
    if isinstance(node, (ir.ToInt, ir.Fits)):
        return int(of(node.value))
    if isinstance(node, ir.Compare):
        a, b = of(node.left), of(node.right)
        return {
            "==": a == b,
            "!=": a != b,
            "<": a < b,
            "<=": a <= b,
            ">": a > b,
            ">=": a >= b,
        }[node.op]
    if isinstance(node, ir.Logic):
        return (all if node.op == "and" else any)(of(part) for part in node.operands)
    if isinstance(node, ir.Not):
        return not of(node.value)
    if isinstance(node, ir.Select):
        return of(node.then if of(node.condition) else node.otherwise)
    assert isinstance(node, ir.Choose), f"{node} has no value"
    index = of(node.index)
    return of(node.options[index] if 0 <= index < len(node.options) else node.otherwise)
