"""Reading the parser, its value sets and the deparser."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.expression_reader import ExpressionReader
from v1switch.program.header_reader import unique
from v1switch.program.json_cursor import Node
from v1switch.program.kinds import BYTES, VALUE
from v1switch.program.limits import MAX_BITS
from v1switch.program.model import (
    Advance,
    Deparser,
    Extract,
    Parser,
    ParserOp,
    ParserState,
    Primitive,
    SetField,
    Transition,
    ValueSet,
    Verify,
)
from v1switch.program.primitives import read_primitive
from v1switch.program.symbols import VALID, Symbols


def read_value_sets(root: Node) -> dict[str, ValueSet]:
    """Read `parse_vsets`."""
    seen: set[object] = set()
    sets: dict[str, ValueSet] = {}
    for node in root.items("parse_vsets"):
        unique(node.get("name"), seen, "name of a value set")
        name = node.get("name").name()
        sets[name] = ValueSet(name, node.get("compressed_bitwidth").width())
    return sets


def _extract(node: Node, symbols: Symbols, length: ex.Expr | None) -> Extract:
    kind, value = node.get("type"), node.get("value")
    if kind.text() == "regular":
        header = symbols.header(value)
        if header.metadata:
            raise value.fail("a header of a packet", "metadata")
        found, header_type = Extract("regular", header.name, None, length), header.header_type
    elif kind.text() == "stack":
        stack = symbols.stack(value)
        found, header_type = Extract("stack", stack.name, None, length), stack.header_type
    elif kind.text() == "union_stack":
        unions = symbols.union_stack(value.at(0))
        types, member = symbols.union_types(unions), value.at(1)
        if member.text() not in types:
            raise member.fail(f"a member of the unions in {unions.name!r}")
        found = Extract("union_stack", unions.name, member.text(), length)
        header_type = types[member.text()]
    else:
        raise kind.fail("regular, stack or union_stack")
    if length is not None and header_type.varbit is None:
        raise value.fail("a header with a variable-length field", header_type.name)
    return found


def _operand(node: Node, reader: ExpressionReader) -> ex.Expr:
    """Read an operand; in older JSON error codes and shift distances are plain integers."""
    return ex.Const(node.integer()) if isinstance(node.value, int) else reader.value(node)


def _set(params: Node, symbols: Symbols, reader: ExpressionReader) -> SetField | Primitive:
    target = params.at(0)
    if target.get("type").text() != "field":
        raise target.get("type").fail("'field'")
    if symbols.is_empty(target.get("value")):
        return Primitive("no_op", ())
    ref, value = symbols.valid_or_writable(target.get("value")), reader.read(params.at(1))
    if ref.field == VALID:
        symbols.remark("a parser that writes to $valid$, which makes the header valid or invalid")
    reader.kinds.want(params.at(1), value, VALUE, BYTES)
    reader.kinds.same(params, ref, value)
    return SetField(ref, value)


def _op(node: Node, symbols: Symbols) -> ParserOp:
    reader = ExpressionReader(symbols, parsing=True)
    op, params = node.get("op").text(), node.get("parameters")
    if op in ("extract", "extract_VL"):
        length = reader.value(params.at(1)) if op == "extract_VL" else None
        return _extract(params.at(0), symbols, length)
    if op == "set":
        return _set(params, symbols, reader)
    if op == "verify":
        return Verify(reader.value(params.at(0)), _operand(params.at(1), reader))
    if op == "shift":
        return Advance(ex.Const(8 * params.at(0).integer(0, MAX_BITS)))
    if op == "advance":
        return Advance(reader.kinds.index(params.at(0), _operand(params.at(0), reader)))
    if op == "primitive":
        return read_primitive(params.at(0), symbols, in_action=False, parsing=True)
    raise node.get("op").fail("a known parser operation")


KEY_PARTS = (ex.FieldRef, ex.LastField, ex.LastUnionField, ex.Lookahead)


def _key_width(part: ex.Expr, node: Node, reader: ExpressionReader) -> int:
    if not isinstance(part, KEY_PARTS):
        raise node.fail("a field, stack field or lookahead in a transition key")
    reader.kinds.want(node, part, VALUE)
    if isinstance(part, ex.Lookahead):
        return part.width
    field = reader.kinds.field(part)
    assert field is not None
    assert field.width is not None
    return field.width


def unpad(value: int, widths: tuple[int, ...]) -> int:
    """Convert a value of byte-padded fields to the same fields without padding."""
    joined, shift = 0, sum((w + 7) // 8 * 8 for w in widths)
    for width in widths:
        shift -= (width + 7) // 8 * 8
        joined = joined << width | (value >> shift & ((1 << width) - 1))
    return joined


def _transition(node: Node, widths: tuple[int, ...], sets: dict[str, ValueSet]) -> Transition:
    kind_node, value, next_node = node.find("type"), node.find("value"), node.find("next_state")
    kind = kind_node.text() if kind_node else "hexstr"
    next_state = next_node.text() if next_node else None
    mask_node = node.find("mask")
    if kind == "default" or (kind == "hexstr" and value is not None and value.value == "default"):
        return Transition("default", 0, None, None, next_state)
    if kind == "hexstr":
        mask = unpad(mask_node.hexstr(), widths) if mask_node else None
        size = sum((w + 7) // 8 * 8 for w in widths)
        if node.get("value").hexstr() >> size:  # also of a negative one
            raise node.get("value").fail(f"a value of {size // 8} bytes")
        return Transition(
            "value", unpad(node.get("value").hexstr(), widths), mask, None, next_state
        )
    if kind == "parse_vset":
        if node.get("value").text() not in sets:
            raise node.get("value").fail("the name of a parser value set")
        mask = mask_node.hexstr() if mask_node else None
        return Transition("value_set", 0, mask, node.get("value").text(), next_state)
    raise node.get("type").fail("default, hexstr or parse_vset")


def _state(node: Node, symbols: Symbols, sets: dict[str, ValueSet]) -> ParserState:
    reader = ExpressionReader(symbols, parsing=True)
    parts = [(item, reader.read(item)) for item in node.items("transition_key")]
    widths = tuple(_key_width(part, item, reader) for item, part in parts)
    return ParserState(
        node.get("name").name(),
        tuple(_op(item, symbols) for item in node.items("parser_ops")),
        tuple(part for _, part in parts),
        widths,
        tuple(_transition(item, widths, sets) for item in node.items("transitions")),
    )


def read_parser(node: Node, symbols: Symbols, sets: dict[str, ValueSet]) -> Parser:
    """Read one parser and check that its states refer only to each other."""
    states: dict[str, ParserState] = {}
    for item in node.items("parse_states"):
        state = _state(item, symbols, sets)
        if state.name in states:
            raise item.get("name").fail("a unique state name")
        states[state.name] = state
    init = node.find("init_state")
    if init is not None and init.text() not in states:
        raise init.fail("the name of a parse state")
    for item in node.items("parse_states"):
        for transition in item.items("transitions"):
            target = transition.find("next_state")
            if target is not None and target.text() not in states:
                raise target.fail("the name of a parse state")
    return Parser(node.get("name").text(), init.text() if init else None, states)


def read_deparser(node: Node, symbols: Symbols) -> Deparser:
    """Read one deparser."""
    return Deparser(
        node.get("name").text(),
        tuple(symbols.header(item).name for item in node.items("order")),
        tuple(read_primitive(item, symbols, in_action=False) for item in node.items("primitives")),
    )
