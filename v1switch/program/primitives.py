"""The primitives that v1model programs may call, with the kinds of their arguments."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program import kinds
from v1switch.program.expression_reader import ExpressionReader
from v1switch.program.json_cursor import Node
from v1switch.program.model import Primitive
from v1switch.program.symbols import STANDARD_METADATA, VALID, Symbols

# kinds of arguments
DATA, FIELD, TEXT, VECTOR = (
    kinds.VALUE,
    "a field that can be written",
    "a string",
    "a list of values",
)
HEADER, STACK, UNION, UNION_STACK = kinds.HEADER, kinds.STACK, kinds.UNION, kinds.UNION_STACK
INDEX = "a value ≥ 0"
INTRINSIC = "a header like the standard metadata"
COUNTER, METER, REGISTER, CALCULATION = (
    "counter_array",
    "meter_array",
    "register_array",
    "calculation",
)
LEARN_LIST, FIELD_LIST, TARGET = "the id of a learn list", "the id of a field list", "a jump target"

OPERATORS = {  # primitives (target, left, right) that are a binary operator
    "add": "+",
    "subtract": "-",
    "bit_xor": "^",
    "bit_or": "|",
    "bit_and": "&",
    "shift_left": "<<",
    "shift_right": ">>",
}

PRIMITIVES: dict[str, tuple[str, ...]] = {
    "assign": (FIELD, DATA),
    "modify_field": (FIELD, DATA),
    "assign_VL": (FIELD, DATA),
    "assign_header": (HEADER, HEADER),
    "copy_header": (HEADER, HEADER),
    "assign_union": (UNION, UNION),
    "assign_header_stack": (STACK, STACK),
    "assign_union_stack": (UNION_STACK, UNION_STACK),
    "push": (STACK, INDEX),
    "pop": (STACK, INDEX),
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
    "shift_left": (FIELD, DATA, INDEX),
    "shift_right": (FIELD, DATA, INDEX),
    "drop": (),
    "mark_to_drop": (INTRINSIC,),
    "generate_digest": (DATA, LEARN_LIST),
    "clone_ingress_pkt_to_egress": (DATA, FIELD_LIST),
    "clone_egress_pkt_to_egress": (DATA, FIELD_LIST),
    "resubmit": (FIELD_LIST,),
    "recirculate": (FIELD_LIST,),
    "execute_meter": (METER, INDEX, FIELD),
    "count": (COUNTER, INDEX),
    "register_read": (FIELD, REGISTER, INDEX),
    "register_write": (REGISTER, INDEX, DATA),
    "truncate": (INDEX,),
}

LVALUES = (ex.FieldRef, ex.MemberField, ex.LastField, ex.RegisterRef)
JUMPS = ("_jump", "_jump_if_zero")
COPIES = (  # both arguments are of the same type; variable-length fields can be assigned
    *("assign", "modify_field", "assign_VL", "assign_header", "copy_header"),
    *("assign_union", "assign_header_stack", "assign_union_stack"),
)


def read_primitive(
    node: Node, symbols: Symbols, params: int = 0, *, in_action: bool = True, parsing: bool = False
) -> Primitive:
    """Read a primitive call.

    Args:
        node: the JSON object with `op` and `parameters`.
        symbols: the names that it may refer to.
        params: number of parameters of the enclosing action.
        in_action: False in the parser and the deparser, where jumps are not allowed.
        parsing: whether it belongs to the parser.
    """
    op = node.get("op")
    expected = PRIMITIVES.get(op.text())
    if expected is None:
        raise op.fail("a primitive of v1model")
    if op.text() in JUMPS and not in_action:
        raise op.fail("a primitive outside of actions")
    given = node.get("parameters")
    nodes = list(given.items())
    if len(nodes) != len(expected):
        raise given.fail(f"{len(expected)} parameters of {op.text()!r}", str(len(nodes)))
    if any(
        k == FIELD and _is_empty(item, symbols) for item, k in zip(nodes, expected, strict=True)
    ):
        return Primitive("no_op", (), node.source())
    reader = _Arguments(ExpressionReader(symbols, params, parsing), op.text() in COPIES)
    args = tuple(reader.read(item, kind) for item, kind in zip(nodes, expected, strict=True))
    if op.text() in COPIES:
        reader.kinds.same(given, *args)
    return Primitive(op.text(), args, node.source())


def _is_empty(node: Node, symbols: Symbols) -> bool:
    """Whether an argument is a field of no bits, to which nothing can be written."""
    return node.get("type").text() == "field" and symbols.is_empty(node.get("value"))


class _Arguments:
    """Reads arguments and checks their kinds."""

    def __init__(self, reader: ExpressionReader, copies: bool) -> None:
        """Read with `reader`; `copies` allows variable-length fields."""
        self.reader = reader
        self.kinds = reader.kinds
        self.symbols = reader.symbols
        self.data = (kinds.VALUE, kinds.BYTES) if copies else (kinds.VALUE,)

    def read(self, node: Node, kind: str) -> ex.Expr:
        """Read one argument of a kind."""
        arg = self.reader.read(node)
        if isinstance(arg, ex.Named) and arg.kind == kind and (table := self._table_of(arg)):
            what = kind.removesuffix("_array")
            raise node.fail(f"an indexed {what}", f"direct {what} {arg.name!r} of table {table!r}")
        if not self._fits(arg, kind):
            raise node.fail(kind.replace("_", " "), _describe(arg, self.kinds))
        return arg

    def _fits(self, arg: ex.Expr, kind: str) -> bool:
        if kind == FIELD:
            return self._is_writable(arg)
        if kind == DATA:
            return self.kinds.of(arg) in self.data
        if kind == INDEX:
            negative = isinstance(arg, ex.Const) and arg.value < 0
            return self.kinds.of(arg) == kinds.VALUE and not negative
        if kind == INTRINSIC:
            return isinstance(arg, ex.HeaderRef) and self._is_intrinsic(arg)
        if kind == STACK:
            return self.kinds.of(arg) in (STACK, UNION_STACK)
        if kind in (COUNTER, METER, REGISTER, CALCULATION):
            return isinstance(arg, ex.Named) and arg.kind == kind
        if kind == LEARN_LIST:
            return isinstance(arg, ex.Const) and arg.value in self.symbols.learn_lists
        if kind == FIELD_LIST:
            return isinstance(arg, ex.Const) and arg.value in (0, *self.symbols.field_lists)
        if kind == TARGET:
            return isinstance(arg, ex.Const)
        return self.kinds.of(arg) == kind

    def _is_writable(self, arg: ex.Expr) -> bool:
        if isinstance(arg, ex.RegisterRef):
            return True
        field = self.kinds.field(arg)
        if not isinstance(arg, LVALUES) or field is None or field.name == VALID:
            return False
        return self.kinds.of(arg) in self.data

    def _is_intrinsic(self, arg: ex.HeaderRef) -> bool:
        headers = self.symbols.headers
        return headers[arg.name].header_type == headers[STANDARD_METADATA].header_type

    def _table_of(self, arg: ex.Named) -> str | None:
        """The table of a direct counter or meter; None for what is indexed."""
        if arg.kind == COUNTER:
            return self.symbols.counters[arg.name].binding
        return self.symbols.meters[arg.name].binding if arg.kind == METER else None


def _describe(arg: ex.Expr, of: kinds.Kinds) -> str:
    if isinstance(arg, ex.Const):
        return str(arg.value)
    if isinstance(arg, ex.Named):
        return f"{arg.kind.replace('_', ' ')} {arg.name!r}"
    return of.of(arg)
