"""The primitives that v1model programs may call, and what their arguments have to be."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.exprs import ExprReader
from v1switch.program.model import Primitive
from v1switch.program.reader import Node
from v1switch.program.symbols import Symbols

# kinds of arguments
DATA, FIELD, HEADER, STACK, UNION, UNION_STACK, TEXT, VECTOR = (
    *("a value", "a field", "a header", "a header stack", "a header union"),
    *("a header union stack", "a string", "a list of values"),
)
COUNTER, METER, REGISTER, CALCULATION = (
    "counter_array",
    "meter_array",
    "register_array",
    "calculation",
)
LEARN_LIST, FIELD_LIST, TARGET = "the id of a learn list", "the id of a field list", "a jump target"

PRIMITIVES: dict[str, tuple[str, ...]] = {
    "assign": (FIELD, DATA),
    "modify_field": (FIELD, DATA),
    "assign_VL": (FIELD, DATA),
    "assign_header": (HEADER, HEADER),
    "copy_header": (HEADER, HEADER),
    "assign_union": (UNION, UNION),
    "assign_header_stack": (STACK, STACK),
    "assign_union_stack": (UNION_STACK, UNION_STACK),
    "push": (STACK, DATA),
    "pop": (STACK, DATA),
    "add_header": (HEADER,),
    "add_header_fast": (HEADER,),
    "remove_header": (HEADER,),
    "_jump": (TARGET,),
    "_jump_if_zero": (DATA, TARGET),
    "exit": (),
    "no_op": (),
    "assert": (DATA,),
    "assume": (DATA,),
    "log_msg": (TEXT, VECTOR),
    "modify_field_rng_uniform": (FIELD, DATA, DATA),
    "modify_field_with_hash_based_offset": (FIELD, DATA, CALCULATION, DATA),
    "add_to_field": (FIELD, DATA),
    "subtract_from_field": (FIELD, DATA),
    "add": (FIELD, DATA, DATA),
    "subtract": (FIELD, DATA, DATA),
    "bit_xor": (FIELD, DATA, DATA),
    "bit_or": (FIELD, DATA, DATA),
    "bit_and": (FIELD, DATA, DATA),
    "shift_left": (FIELD, DATA, DATA),
    "shift_right": (FIELD, DATA, DATA),
    "drop": (),
    "mark_to_drop": (HEADER,),
    "generate_digest": (DATA, LEARN_LIST),
    "clone_ingress_pkt_to_egress": (DATA, FIELD_LIST),
    "clone_egress_pkt_to_egress": (DATA, FIELD_LIST),
    "resubmit": (FIELD_LIST,),
    "recirculate": (FIELD_LIST,),
    "execute_meter": (METER, DATA, FIELD),
    "count": (COUNTER, DATA),
    "register_read": (FIELD, REGISTER, DATA),
    "register_write": (REGISTER, DATA, DATA),
    "truncate": (DATA,),
}

LVALUES = (ex.FieldRef, ex.MemberField, ex.LastField, ex.RegisterRef)
HEADERS = (ex.HeaderRef, ex.ElementRef, ex.UnionMember)
REFERENCES = (
    *(ex.HeaderRef, ex.StackRef, ex.UnionRef, ex.UnionStackRef, ex.ElementRef, ex.UnionMember),
    *(ex.Named, ex.Text, ex.Vector),
)


def read_primitive(node: Node, symbols: Symbols, params: int = 0) -> Primitive:
    """Read a primitive call.

    Args:
        node: the JSON object with `op` and `parameters`.
        symbols: what it may refer to.
        params: number of parameters of the enclosing action.
    """
    op = node.get("op")
    expected = PRIMITIVES.get(op.text())
    if expected is None:
        raise op.fail("a primitive of v1model")
    given = node.get("parameters")
    nodes = list(given.items())
    if len(nodes) != len(expected):
        raise given.fail(f"{len(expected)} parameters of {op.text()!r}", str(len(nodes)))
    reader = ExprReader(symbols, params)
    args = tuple(_argument(reader, item, kind) for item, kind in zip(nodes, expected, strict=True))
    return Primitive(op.text(), args, node.source())


def _argument(reader: ExprReader, node: Node, kind: str) -> ex.Expr:
    arg = reader.read(node)
    if not _fits(arg, kind, reader.symbols):
        raise node.fail(kind.replace("_", " "), _describe(arg))
    return arg


def _fits(arg: ex.Expr, kind: str, symbols: Symbols) -> bool:
    if kind == FIELD:
        return isinstance(arg, LVALUES)
    if kind == HEADER:
        return isinstance(arg, HEADERS)
    if kind == STACK:
        return isinstance(arg, (ex.StackRef, ex.UnionStackRef))
    if kind == UNION:
        return isinstance(arg, (ex.UnionRef, ex.ElementRef))
    if kind == UNION_STACK:
        return isinstance(arg, ex.UnionStackRef)
    if kind == TEXT:
        return isinstance(arg, ex.Text)
    if kind == VECTOR:
        return isinstance(arg, ex.Vector)
    if kind in (COUNTER, METER, REGISTER, CALCULATION):
        return isinstance(arg, ex.Named) and arg.kind == kind
    if kind == LEARN_LIST:
        return isinstance(arg, ex.Const) and arg.value in symbols.learn_lists
    if kind == FIELD_LIST:
        return isinstance(arg, ex.Const) and arg.value in (0, *symbols.field_lists)
    if kind == TARGET:
        return isinstance(arg, ex.Const)
    return not isinstance(arg, REFERENCES)


def _describe(arg: ex.Expr) -> str:
    if isinstance(arg, ex.Const):
        return str(arg.value)
    return type(arg).__name__
