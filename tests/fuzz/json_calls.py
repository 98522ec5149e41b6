"""Expressions and calls of primitives, made up from what a BMv2 JSON program has."""

from typing import Any

from tests.fuzz.choices import Choices
from v1switch.program import primitives as known

Pool = dict[str, list[Any]]
BINARY = (
    *("+", "-", "*", "/", "%", "<<", ">>", "==", "!=", ">", "<=", "and", "or", "&", "|", "^"),
    *("two_comp_mod", "usat_cast", "sat_cast"),
)
ON_STACK, ON_HEADER, ON_VALUE = (
    ("last_stack_index", "size_stack"),
    "valid",
    ("~", "not", "d2b", "b2d"),
)
NUMBERS = (*("0x0", "0x1", "0x2", "0x7", "0x8", "0x20", "0xff", "-0x1"), "0x" + "f" * 16)
LISTS = {
    "header": "headers",
    "header_stack": "header_stacks",
    "header_union": "header_unions",
    "calculation": "calculations",
    "counter_array": "counter_arrays",
    "meter_array": "meter_arrays",
    "register_array": "register_arrays",
}
KIND_OF = {  # what a primitive expects, and the type of a type-value object
    known.HEADER: "header",
    known.STACK: "header_stack",
    known.UNION: "header_union",
    **{name: name for name in LISTS},
}


def pool_of(program: Any) -> Pool:
    """Names of all objects of a program by type, and its fields."""
    pool: Pool = {
        kind: [each["name"] for each in program.get(key, ())] or ["nowhere"]
        for kind, key in LISTS.items()
    }
    fields = {each["name"]: each["fields"] for each in program["header_types"]}
    pool["field"] = [
        [header["name"], field[0]]
        for header in program["headers"]
        for field in fields[header["header_type"]]
    ]
    return pool


def value(pool: Pool, choose: Choices, depth: int = 3) -> Any:
    """A number: a field, a constant, a parameter, or an operation on such."""
    kind = choose.below(6) if depth else choose.below(3)
    if kind < 2:
        return {"type": "field", "value": choose.pick(pool["field"])}
    if kind == 2:
        number = {"type": "hexstr", "value": choose.pick(NUMBERS)}
        return {"type": "runtime_data", "value": 0} if choose.chance(8) else number
    return {"type": "expression", "value": _operation(pool, choose, depth - 1)}


def _operation(pool: Pool, choose: Choices, depth: int) -> Any:
    kind = choose.below(10)
    if kind < 5:
        left, right = value(pool, choose, depth), value(pool, choose, depth)
        return {"op": choose.pick(BINARY), "left": left, "right": right}
    if kind == 5:
        return {"op": choose.pick(ON_VALUE), "left": None, "right": value(pool, choose, depth)}
    if kind == 6:
        return {"op": ON_HEADER, "left": None, "right": header(pool, choose, depth)}
    if kind == 7:
        parts = [value(pool, choose, depth) for _ in range(3)]
        return dict(zip(("left", "right", "cond"), parts, strict=True), op="?")
    if kind == 8:
        stack = {"type": "header_stack", "value": choose.pick(pool["header_stack"])}
        return {"op": choose.pick(ON_STACK), "left": None, "right": stack}
    return {"op": "access_field", "left": header(pool, choose, depth), "right": choose.below(6)}


def header(pool: Pool, choose: Choices, depth: int) -> Any:
    """A header, or an element of a stack at a computed index."""
    if choose.below(3) or not depth:
        return {"type": "header", "value": choose.pick(pool["header"])}
    stack = {"type": "header_stack", "value": choose.pick(pool["header_stack"])}
    index = value(pool, choose, depth - 1)
    found = {"op": "dereference_header_stack", "left": stack, "right": index}
    return {"type": "expression", "value": found}


def call(pool: Pool, choose: Choices) -> Any:
    """A call of any primitive, mostly with arguments of the right kinds."""
    op = choose.pick(list(known.PRIMITIVES))
    arguments = [_argument(pool, wanted, choose) for wanted in known.PRIMITIVES[op]]
    return {"op": op, "parameters": arguments}


def _argument(pool: Pool, wanted: str, choose: Choices) -> Any:
    if wanted == known.FIELD:
        return {"type": "field", "value": choose.pick(pool["field"])}
    if wanted == known.HEADER:
        return header(pool, choose, 2)
    if wanted in KIND_OF:
        kind = KIND_OF[wanted]
        return {"type": kind, "value": choose.pick(pool[kind])}
    if wanted in (known.LEARN_LIST, known.FIELD_LIST, known.TARGET):
        return {"type": "hexstr", "value": hex(choose.below(4))}
    if wanted == known.TEXT:
        return {"type": "string", "value": "{} and {"}
    if wanted == known.VECTOR:
        return {"type": "parameters_vector", "value": [value(pool, choose)]}
    return value(pool, choose)
