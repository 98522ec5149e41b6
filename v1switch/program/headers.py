"""Reading header types, instances, stacks and unions."""

from __future__ import annotations

from v1switch.program.exprs import ExprReader
from v1switch.program.model import (
    FieldType,
    Header,
    HeaderStack,
    HeaderType,
    HeaderUnion,
    HeaderUnionStack,
)
from v1switch.program.reader import Node
from v1switch.program.symbols import Symbols


def unique(node: Node, seen: set[object], what: str) -> None:
    """Raise ProgramError when the name or id in `node` was seen before."""
    if not isinstance(node.value, (str, int)):
        raise node.fail(f"a {what}")
    if node.value in seen:
        raise node.fail(f"a unique {what}", f"{node.value!r} a second time")
    seen.add(node.value)


def _field(node: Node) -> FieldType:
    width = node.at(1)
    extra = [item.truth() for item in list(node.items())[2:4]] + [False, False]
    if width.value == "*":
        return FieldType(node.at(0).text(), None)
    return FieldType(node.at(0).text(), width.integer(1), extra[0], extra[1])


def _header_type(node: Node, symbols: Symbols) -> HeaderType:
    fields = tuple(_field(item) for item in node.items("fields"))
    max_length, length = node.find("max_length"), node.find("length_exp")
    if sum(f.width is None for f in fields) > 1:
        raise node.get("fields").fail("at most one variable-length field", "more")
    return HeaderType(
        node.get("name").text(),
        fields,
        max_length.integer() if max_length else 0,
        ExprReader(symbols, len(fields)).read(length) if length else None,
    )


def read_headers(root: Node, symbols: Symbols) -> None:
    """Fill the symbols with header types' instances, stacks, unions and stacks of unions."""
    types: dict[str, HeaderType] = {}
    seen: set[object] = set()
    for node in root.items("header_types"):
        unique(node.get("name"), seen, "header type")
        types[node.get("name").text()] = _header_type(node, symbols)
    names: dict[int, str] = {}
    for node in root.items("headers"):
        type_node = node.get("header_type")
        if type_node.text() not in types:
            raise type_node.fail("the name of a header type")
        header = Header(
            node.get("name").text(), types[type_node.text()], node.get("metadata").boolean()
        )
        if node.get("id").integer() in names or header.name in symbols.headers:
            raise node.get("id").fail("a unique header name and id")
        names[node.get("id").integer()] = header.name
        symbols.headers[header.name] = header
    for node in root.items("header_stacks"):
        _stack(node, types, names, symbols)
    _unions(root, names, symbols)


def _members(node: Node, key: str, names: dict[int, str], what: str) -> tuple[str, ...]:
    members = []
    for item in node.get(key).items():
        if item.integer() not in names:
            raise item.fail(f"the id of a {what}")
        members.append(names[item.integer()])
    if not members:
        raise node.get(key).fail(f"at least one {what}", "none")
    return tuple(members)


def _stack(
    node: Node, types: dict[str, HeaderType], names: dict[int, str], symbols: Symbols
) -> None:
    type_node = node.get("header_type")
    if type_node.text() not in types:
        raise type_node.fail("the name of a header type")
    members = _members(node, "header_ids", names, "header")
    name = node.get("name").text()
    symbols.stacks[name] = HeaderStack(name, types[type_node.text()], members)


def _unions(root: Node, names: dict[int, str], symbols: Symbols) -> None:
    union_types = {
        node.get("name").text(): tuple(item.at(0).text() for item in node.items("headers"))
        for node in root.items("header_union_types")
    }
    ids: dict[int, str] = {}
    for node in root.items("header_unions"):
        type_node, name = node.get("union_type"), node.get("name").text()
        if type_node.text() not in union_types:
            raise type_node.fail("the name of a header union type")
        members = _members(node, "header_ids", names, "header")
        if len(members) != len(union_types[type_node.text()]):
            raise node.get("header_ids").fail("one header for each member of the union type")
        symbols.unions[name] = HeaderUnion(name, members, union_types[type_node.text()])
        ids[node.get("id").integer()] = name
    for node in root.items("header_union_stacks"):
        name = node.get("name").text()
        unions = _members(node, "header_union_ids", ids, "header union")
        symbols.union_stacks[name] = HeaderUnionStack(name, unions)
