"""Adds constructs to compiled programs that p4c cannot generate: `python mend.py compiled`.

p4c 1.2.5 ends with an internal error at unions at computed places, writes fields of the last union
of a stack as if they were a header's, and knows neither comparisons of whole headers nor the
primitives of earlier compilers. BMv2 knows all of that. The sources say what is meant:

* a union `at` or a header `here` becomes the element of `items` at index `order.at`;
* `what == 250` becomes a comparison of COMPARISONS;
* the actions of legacy.p4 are written with the primitives that they are named after;
* in hashes.p4 fields and selectors are named after the algorithm that they get;
* older.p4 is what the compilers of 2015 wrote: no header says whether it is metadata, and the
  checksum is one of type ipv4.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = Any
AT = {"type": "field", "value": ["order", "at"]}
COMPARISONS = {
    "unions": [("==", "header_union", "first", "second"), ("!=", "header_union", "at", "second")],
    "lasts": [("==", "header", "here", "copy"), ("!=", "header", "first", "here")],
}


def expression(op: str, left: Json, right: Json) -> Json:
    return {"type": "expression", "value": {"op": op, "left": left, "right": right}}


def walk(node: Json) -> Iterator[dict[str, Json]]:
    """Every object of a document, outermost first."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from walk(item)


def last_union_fields(program: Json) -> None:
    """["items", "small.value"] becomes a field of the last union."""
    stacks = {stack["name"] for stack in program["header_union_stacks"]}
    for node in walk(program):
        if node.get("type") == "field" and node["value"][0] in stacks:
            member, field = node["value"][1].split(".")
            node.update(type="union_stack_field", value=[node["value"][0], member, field])


def validity(program: Json) -> None:
    """The validity of `here` is read as that of a header, not as a field."""
    for node in walk(program["pipelines"]):
        if node.get("op") == "d2b" and node["right"]["value"] == ["here", "$valid$"]:
            node.update(op="valid", right={"type": "header", "value": "here"})


def elements(program: Json) -> None:
    """References to `at` and `here` become elements at a computed index."""
    kinds = {
        ("header", "here"): ("dereference_header_stack", "header_stack"),
        ("header_union", "at"): ("dereference_union_stack", "header_union_stack"),
    }
    for node in walk([program["actions"], program["pipelines"]]):
        found = kinds.get((node.get("type"), str(node.get("value"))))
        if found is not None:
            op, stack = found
            node.update(expression(op, {"type": stack, "value": "items"}, AT))


def comparisons(program: Json, wanted: list[tuple[str, str, str, str]]) -> None:
    """Conditionals on `order.what == 250` compare whole headers instead."""
    marked = [
        node
        for node in walk(program["pipelines"])
        if node.get("op") == "==" and node["right"] == {"type": "hexstr", "value": "0xfa"}
    ]
    for node, (op, kind, left, right) in zip(marked, wanted, strict=True):
        sides = ({"type": kind, "value": name} for name in (left, right))
        node.update(expression(op, *sides)["value"])


def union_copies(program: Json) -> None:
    """Actions named after a primitive consist of it alone: assign_union(second, first)."""
    unions = {
        "assign_union": [("header_union", "second"), ("header_union", "first")],
        "assign_union_at": [("header_union", "at"), ("header_union", "first")],
        "assign_union_from": [("header_union", "second"), ("header_union", "at")],
        "assign_union_stack": [("header_union_stack", "others"), ("header_union_stack", "items")],
        "assign_header_stack": [("header_stack", "others"), ("header_stack", "items")],
    }
    for action in program["actions"]:
        name = action["name"].rpartition(".")[2]
        if name in unions:
            op = name.removesuffix("_at").removesuffix("_from")
            args = [{"type": kind, "value": value} for kind, value in unions[name]]
            action["primitives"] = [{"op": op, "parameters": args}]


BINARY = {
    "add": "+",
    "subtract": "-",
    "bit_xor": "^",
    "bit_or": "|",
    "bit_and": "&",
    "shift_left": "<<",
    "shift_right": ">>",
    "add_to_field": "+",
    "subtract_from_field": "-",
}
RENAMED = {
    "modify_field": "assign",
    "copy_header": "assign_header",
    "add_header_fast": "add_header",
    "drop": "mark_to_drop",
}


def legacy(program: Json) -> None:
    """The actions of legacy.p4 become the primitives of earlier compilers."""
    for action in program["actions"]:
        name = action["name"].rpartition(".")[2]
        for call in action["primitives"]:
            if name in BINARY and call["op"] == "assign":
                target, value = call["parameters"]
                operation = next(n for n in walk(value) if n.get("op") == BINARY[name])
                sides = [operation["left"], operation["right"]]
                call.update(op=name, parameters=[target, *sides[name.endswith("_field") :]])
            elif RENAMED.get(name) == call["op"]:
                call.update(op=name, parameters=[] if name == "drop" else call["parameters"])
        if name == "no_op":
            action["primitives"] = [{"op": "no_op", "parameters": []}]


def rest(program: Json) -> None:
    """Division, the size of a stack, a register as a value, saturating fields, `valid` keys, and,
    of the parser, `shift` and headers that know their length."""
    saturated = next(t for t in program["header_types"] if t["name"] == "numbers_h")
    for field in saturated["fields"]:
        if field[0].startswith("saturating"):
            field.append(True)
    for action in program["actions"]:
        kind = action["name"].rpartition(".")[2]
        for call in action["primitives"]:
            operation = next((n for n in walk(call) if n.get("op") == "+"), None)
            if kind == "divide" and operation is not None:
                operation["op"] = "/"
            elif kind == "remainder" and operation is not None:
                operation["op"] = "%"
            elif kind == "size":
                size = expression("size_stack", None, {"type": "header_stack", "value": "items"})
                call["parameters"][1] = size
            elif kind == "cell":
                register = {"type": "register", "value": ["LegacyIngress.cells", AT]}
                call["parameters"][1] = expression("+", register, call["parameters"][1])
            elif kind == "store":
                call["parameters"][0] = {"type": "register", "value": ["LegacyIngress.cells", AT]}
    (keyed,) = (t for t in walk(program["pipelines"]) if t.get("name") == "LegacyIngress.keyed")
    for key in keyed["key"]:
        if key["target"][1] == "$valid$":
            key.update(match_type="valid", target=key["target"][0])
    for key in (key for entry in keyed["entries"] for key in entry["match_key"]):
        key.update(match_type="valid", key=key["key"] == "0x01")
    for node in walk(program["parsers"]):
        if node.get("op") == "advance":
            node.update(op="shift", parameters=[int(node["parameters"][0]["value"], 16) // 8])
        elif node.get("op") == "extract_VL":
            node.update(op="extract", parameters=node["parameters"][:1])
    low = expression("&", {"type": "local", "value": 0}, {"type": "hexstr", "value": "0x07"})
    sized = next(t for t in program["header_types"] if t["name"] == "sized_h")
    sized["length_exp"] = expression("*", low, {"type": "hexstr", "value": "0x08"})


def action_call(program: Json) -> None:
    """The table that p4c makes for calling no_op becomes a call."""
    ingress = program["pipelines"][0]
    (table,) = (t for t in ingress["tables"] if t["actions"] == ["LegacyIngress.no_op"])
    ingress["tables"].remove(table)
    call = {"name": table["name"], "id": 0, "action_id": table["action_ids"][0]}
    ingress["action_calls"] = [{**call, "next_node": table["base_default_next"]}]


def last_elements(program: Json) -> None:
    """["items", "last"] becomes the element at the last index."""
    for node in walk(program["parsers"]):
        if node.get("type") == "stack_field" and node["value"][1] == "last":
            stack = {"type": "header_stack", "value": node["value"][0]}
            last = expression("last_stack_index", None, stack)
            node.update(expression("dereference_header_stack", stack, last))


def wrapped(program: Json) -> None:
    """A primitive's argument is an expression in an expression."""
    for call in (c for action in program["actions"] for c in action["primitives"]):
        for argument in call["parameters"]:
            if argument["type"] == "expression" and "op" in argument["value"]:
                argument["value"] = dict(argument)


def algorithms(program: Json) -> None:
    """Hashes and selectors get the algorithm that their field, or they, are named after."""
    calculations = {each["name"]: each for each in program["calculations"]}
    for call in walk(program["actions"]):
        if call.get("op") == "modify_field_with_hash_based_offset":
            target, _, calculation, _ = call["parameters"]
            calculations[calculation["value"]]["algo"] = target["value"][1]
    for profile in program["pipelines"][0]["action_profiles"]:
        profile["selector"]["algo"] = profile["name"].rpartition(".by_")[2]
    for checksum in program["checksums"]:
        algo = {"check": "hash_ex", "long_check": "xxh64"}.get(checksum["target"][1])
        if algo is not None:
            calculations[checksum["calculation"]]["algo"] = algo


def older(program: Json) -> None:
    """No `metadata` of headers; one checksum of type ipv4, which needs no calculation."""
    for header in program["headers"]:
        del header["metadata"]
    target = program["checksums"][0]["target"]
    program["checksums"] = [{"name": "ipv4.checksum", "id": 0, "target": target, "type": "ipv4"}]
    program["calculations"] = []


def mend(name: str, program: Json) -> None:
    if name in COMPARISONS:
        union_copies(program)
        comparisons(program, COMPARISONS[name])
        validity(program)
        elements(program)
    if name == "lasts":
        last_elements(program)
    if name == "unions":
        last_union_fields(program)
    if name == "legacy":
        legacy(program)
        rest(program)
        action_call(program)
    if name == "hashes":
        algorithms(program)
    if name == "older":
        older(program)
    wrapped(program)


def main() -> None:
    for name in ("unions", "lasts", "legacy", "hashes", "older"):
        path = Path(sys.argv[1]) / f"{name}.json"
        program = json.loads(path.read_text())
        mend(name, program)
        path.write_text(json.dumps(program, indent=2) + "\n")


if __name__ == "__main__":
    main()
