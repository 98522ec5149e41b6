"""Reading header types, instances, stacks and unions."""

from __future__ import annotations

from v1switch.program.expression_reader import ExpressionReader
from v1switch.program.json_cursor import Node
from v1switch.program.limits import MAX_HEADER_BYTES, MAX_STACK
from v1switch.program.model import (
    FieldType,
    Header,
    HeaderStack,
    HeaderType,
    HeaderUnion,
    HeaderUnionStack,
)
from v1switch.program.symbols import Symbols
from v1switch.program.undeclared import Undeclared


def unique(node: Node, seen: set[object], what: str) -> None:
    """Raise ProgramError when the name or id in `node` was seen before."""
    if not isinstance(node.value, (str, int)):
        raise node.fail(f"a {what}")
    if node.value in seen:
        raise node.fail(f"a unique {what}", f"{node.value!r} twice")
    seen.add(node.value)


def _field(node: Node) -> FieldType:
    width = node.at(1)
    extra = [item.truth() for item in list(node.items())[2:4]] + [False, False]
    if width.value == "*":
        return FieldType(node.at(0).name(), None)
    bits = 0 if width.value == 0 else width.width()
    return FieldType(node.at(0).name(), bits, extra[0], extra[1])


def _header_type(node: Node, symbols: Symbols) -> HeaderType:
    fields = tuple(_field(item) for item in node.items("fields"))
    seen: set[object] = set()
    for item in node.items("fields"):
        unique(item.at(0), seen, "field name")
    if sum(f.width or 0 for f in fields) > 8 * MAX_HEADER_BYTES:
        raise node.get("fields").fail(f"at most {MAX_HEADER_BYTES} bytes", "more")
    max_length, length = node.find("max_length"), node.find("length_exp")
    if sum(f.width is None for f in fields) > 1:
        raise node.get("fields").fail("at most one variable-length field", "more")
    name, kept = node.get("name").name(), tuple(f for f in fields if f.width != 0)
    if len(kept) < len(fields):
        if length is not None:  # it names fields by their places
            raise node.get("fields").fail("fields of at least one bit beside a length", "bit<0>")
        symbols.declared[name] = fields
        symbols.remark("fields of no bits (bit<0>), which read 0")
    return HeaderType(
        name,
        kept,
        max_length.integer() if max_length else 0,
        ExpressionReader(symbols, len(fields)).value(length) if length else None,
    )


def read_headers(root: Node, symbols: Symbols) -> None:
    """Add headers, stacks, unions and stacks of unions to the symbols."""
    types: dict[str, HeaderType] = {}
    seen: set[object] = set()
    for node in root.items("header_types"):
        unique(node.get("name"), seen, "header type")
        types[node.get("name").text()] = _header_type(node, symbols)
    names: dict[int, str] = {}
    undeclared = Undeclared(root, symbols)
    for node in root.items("headers"):
        type_node = node.get("header_type")
        if type_node.text() not in types:
            raise type_node.fail("the name of a header type")
        header = Header(
            node.get("name").name(), types[type_node.text()], undeclared.is_metadata(node)
        )
        if node.get("id").integer() in names or header.name in symbols.headers:
            raise node.get("id").fail("a unique header name and id")
        names[node.get("id").integer()] = header.name
        symbols.headers[header.name] = header
    for node in root.items("header_stacks"):
        _stack(node, types, names, symbols)
    _unions(root, names, types, symbols)


def _members(node: Node, key: str, names: dict[int, str], what: str) -> tuple[str, ...]:
    members = []
    for item in node.get(key).items():
        if item.integer() not in names:
            raise item.fail(f"the id of a {what}")
        members.append(names[item.integer()])
    if not 0 < len(members) <= MAX_STACK:
        raise node.get(key).fail(f"at least one {what}, at most {MAX_STACK}", f"{len(members)}")
    return tuple(members)


def _check_types(
    node: Node, members: tuple[str, ...], types: tuple[HeaderType, ...], symbols: Symbols
) -> None:
    """Raise ProgramError unless the members at `node` are packet headers of these types."""
    for item, name, wanted in zip(node.items(), members, types, strict=True):
        header = symbols.headers[name]
        if header.header_type.name != wanted.name or header.metadata:
            raise item.fail(f"a header of type {wanted.name!r}", f"{name!r}")


def _stack(
    node: Node, types: dict[str, HeaderType], names: dict[int, str], symbols: Symbols
) -> None:
    type_node = node.get("header_type")
    if type_node.text() not in types:
        raise type_node.fail("the name of a header type")
    members = _members(node, "header_ids", names, "header")
    header_type = types[type_node.text()]
    _check_types(node.get("header_ids"), members, (header_type,) * len(members), symbols)
    unique(node.get("name"), set(symbols.stacks), "name of a header stack")
    name = node.get("name").name()
    symbols.stacks[name] = HeaderStack(name, header_type, members)


def _union_types(
    root: Node, types: dict[str, HeaderType]
) -> dict[str, tuple[tuple[str, ...], tuple[HeaderType, ...]]]:
    """Names and header types of the members of every union type."""
    found = {}
    for node in root.items("header_union_types"):
        members = []
        for item in node.items("headers"):
            if item.at(1).text() not in types:
                raise item.at(1).fail("the name of a header type")
            members.append((item.at(0).name(), types[item.at(1).text()]))
        names = tuple(name for name, _ in members)
        found[node.get("name").name()] = (names, tuple(kind for _, kind in members))
    return found


def _unions(
    root: Node, names: dict[int, str], types: dict[str, HeaderType], symbols: Symbols
) -> None:
    union_types = _union_types(root, types)
    ids: dict[int, str] = {}
    kinds: dict[str, str] = {}
    for node in root.items("header_unions"):
        type_node, name = node.get("union_type"), node.get("name").name()
        if type_node.text() not in union_types:
            raise type_node.fail("the name of a header union type")
        members = _members(node, "header_ids", names, "header")
        wanted, member_types = union_types[type_node.text()]
        if len(members) != len(wanted):
            raise node.get("header_ids").fail("one header for each member of the union type")
        _check_types(node.get("header_ids"), members, member_types, symbols)
        unique(node.get("name"), set(symbols.unions), "name of a header union")
        symbols.unions[name] = HeaderUnion(name, members, wanted)
        ids[node.get("id").integer()], kinds[name] = name, type_node.text()
    for node in root.items("header_union_stacks"):
        unique(node.get("name"), set(symbols.union_stacks), "name of a header union stack")
        name = node.get("name").name()
        unions = _members(node, "header_union_ids", ids, "header union")
        if len({kinds[union] for union in unions}) > 1:
            raise node.get("header_union_ids").fail("header unions of one type")
        symbols.union_stacks[name] = HeaderUnionStack(name, unions)
