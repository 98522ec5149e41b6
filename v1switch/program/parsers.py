"""Reading the parser, its value sets and the deparser."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.exprs import ExprReader
from v1switch.program.model import (
    Advance,
    Deparser,
    Extract,
    Parser,
    ParserOp,
    ParserState,
    SetField,
    Transition,
    ValueSet,
    Verify,
)
from v1switch.program.primitives import read_primitive
from v1switch.program.reader import Node
from v1switch.program.symbols import Symbols


def read_value_sets(root: Node) -> dict[str, ValueSet]:
    """Read `parse_vsets`."""
    sets = (
        ValueSet(node.get("name").text(), node.get("compressed_bitwidth").integer(1))
        for node in root.items("parse_vsets")
    )
    return {s.name: s for s in sets}


def _extract(node: Node, symbols: Symbols, length: ex.Expr | None) -> Extract:
    kind, value = node.get("type"), node.get("value")
    if kind.text() == "regular":
        return Extract("regular", symbols.header(value).name, None, length)
    if kind.text() == "stack":
        return Extract("stack", symbols.stack(value).name, None, length)
    if kind.text() == "union_stack":
        stack = symbols.union_stack(value.at(0))
        if value.at(1).text() not in symbols.union_types(stack):
            raise value.at(1).fail(f"a member of the unions in {stack.name!r}")
        return Extract("union_stack", stack.name, value.at(1).text(), length)
    raise kind.fail("regular, stack or union_stack")


def _operand(node: Node, reader: ExprReader) -> ex.Expr:
    """Error codes and shifts are bare integers in old JSON."""
    return ex.Const(node.integer()) if isinstance(node.value, int) else reader.read(node)


def _op(node: Node, symbols: Symbols) -> ParserOp:
    reader = ExprReader(symbols)
    op, params = node.get("op").text(), node.get("parameters")
    if op in ("extract", "extract_VL"):
        length = reader.read(params.at(1)) if op == "extract_VL" else None
        return _extract(params.at(0), symbols, length)
    if op == "set":
        target = params.at(0)
        if target.get("type").text() != "field":
            raise target.get("type").fail("'field'")
        return SetField(symbols.field(target.get("value")), reader.read(params.at(1)))
    if op == "verify":
        return Verify(reader.read(params.at(0)), _operand(params.at(1), reader))
    if op == "shift":
        return Advance(ex.Const(8 * params.at(0).integer()))
    if op == "advance":
        return Advance(_operand(params.at(0), reader))
    if op == "primitive":
        return read_primitive(params.at(0), symbols)
    raise node.get("op").fail("a known parser operation")


def _key_width(part: ex.Expr, node: Node, symbols: Symbols) -> int:
    if isinstance(part, ex.FieldRef):
        return symbols.width(part)
    if isinstance(part, ex.Lookahead):
        return part.width
    if isinstance(part, ex.LastField):
        found = symbols.stacks[part.stack].header_type.field(part.field)
        return (found.width or 0) if found else 0
    if isinstance(part, ex.LastUnionField):
        types = symbols.union_types(symbols.union_stacks[part.stack])
        found = types[part.member].field(part.field)
        return (found.width or 0) if found else 0
    raise node.fail("a field, stack field or lookahead in a transition key")


def unpad(value: int, widths: tuple[int, ...]) -> int:
    """Take a value of byte-padded fields apart and join the fields without padding."""
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
        if node.get("value").hexstr() >> size:
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
    reader = ExprReader(symbols)
    parts = [(item, reader.read(item)) for item in node.items("transition_key")]
    widths = tuple(_key_width(part, item, symbols) for item, part in parts)
    return ParserState(
        node.get("name").text(),
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
        tuple(read_primitive(item, symbols) for item in node.items("primitives")),
    )
