"""Changes of a BMv2 JSON program that know its structure: one bad thing at a time, or a few."""

import json
from typing import Any

from tests.fuzz.choices import EDGES, Choices
from tests.fuzz.json_calls import Pool, call, value

Path = tuple[Any, ...]
WORDS = (
    *("", "nowhere", "0x5", "-0x1", "0x", "zz", "field", "expression", "ingress", "valid", "*"),
    *("assign", "header", "hexstr", "lpm", "exact", "range", "a{b}", "quote'\"", "line\nbreak"),
    *(
        "\0",
        "\ud800",
        "²",
        "ﬁ",
        "__HIT__",
        "standard_metadata",
        "egress_spec",
        "$valid$",
        "x" * 500,
    ),
)
NAMES_OF = {  # members that refer to something by its name, and the list that holds it
    **dict.fromkeys(("next_state", "init_state"), ("parse_states",)),
    **dict.fromkeys(
        ("true_next", "false_next", "base_default_next", "next_node", "init_table"),
        ("tables", "conditionals"),
    ),
    "header_type": ("header_types",),
    "calculation": ("calculations",),
    "binding": ("tables",),
    "op": (),
}
OPERATORS = (
    *("+", "-", "*", "/", "%", "<<", ">>", "==", "!=", ">", "<=", "and", "or", "&", "|", "^", "~"),
    *("not", "valid", "valid_union", "d2b", "b2d", "last_stack_index", "size_stack", "?"),
    *("two_comp_mod", "usat_cast", "sat_cast", "dereference_header_stack", "access_field"),
    *("access_union_header", "extract", "extract_VL", "advance", "shift", "verify", "set"),
    *("primitive", "push", "pop", "exit", "truncate", "resubmit", "recirculate", "_jump"),
    *("assign_header", "assign_union", "assign_VL", "add_header", "remove_header", "count"),
    *("register_read", "register_write", "execute_meter", "generate_digest", "log_msg"),
    *("clone_ingress_pkt_to_egress", "clone_egress_pkt_to_egress", "drop", "no_op", "assert"),
)


def places(value: Any, path: Path = ()) -> list[Path]:
    """The paths of all values inside a JSON value."""
    found: list[Path] = [path] if path else []
    steps = value.items() if isinstance(value, dict) else ()
    steps = enumerate(value) if isinstance(value, list) else steps
    for step, item in steps:
        found += places(item, (*path, step))
    return found


def at(program: Any, path: Path) -> Any:
    """The value at a path."""
    for step in path:
        program = program[step]
    return program


def mutate(program: Any, pool: Pool, choose: Choices) -> None:
    """Change a program in one place; `pool` is what calls and expressions are made of."""
    path = _descend(program, choose) if choose.chance(2) else choose.pick(places(program))
    holder, step = at(program, path[:-1]), path[-1]
    if choose.chance(3):
        _invent(program, pool, choose)
    else:
        choose.pick(_CHANGES)(program, holder, step, choose)


def _descend(program: Any, choose: Choices) -> Path:
    """A place found from the top down, so that small parts of a program get their share."""
    path: Path = (choose.pick(list(program)),)
    while (value := at(program, path)) and isinstance(value, (dict, list)) and choose.byte() % 6:
        path = (*path, choose.pick(list(value) if isinstance(value, dict) else range(len(value))))
    return path


def _redirect(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    """Let a reference mean another object of its kind: cycles, wrong types."""
    if step == "op":
        holder[step] = choose.pick(OPERATORS)
    elif step in NAMES_OF:
        names = [p for p in places(program) if p[-1] == "name" and p[-3] in NAMES_OF[step]]
        holder[step] = at(program, choose.pick(names)) if names else None
    else:
        _number(program, holder, step, choose)


def _number(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    value = choose.integer()
    holder[step] = hex(value) if isinstance(holder[step], str) else value


def _drop(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    del holder[step]


def _double(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    if isinstance(holder, list):
        holder.insert(step, holder[step])
    else:
        holder[choose.pick(list(holder))] = holder[step]


def _graft(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    """Put in a copy of something from elsewhere: mostly from a place of the same name."""
    alike = everywhere = places(program)
    if choose.byte() % 8:
        alike = [p for p in everywhere if p[-1] == step or _same_list(p, step, holder, program)]
    holder[step] = json.loads(json.dumps(at(program, choose.pick(alike or everywhere))))


def _same_list(path: Path, step: Any, holder: Any, program: Any) -> bool:
    """Whether a path leads to an element of the list that is to be changed."""
    return isinstance(step, int) and isinstance(path[-1], int) and at(program, path[:-1]) is holder


def _word(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    holder[step] = choose.pick(WORDS)


def _other_type(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    old = holder[step]
    options = (None, [], {}, True, False, [old], {"value": old}, 0, 1.5, str(old)[:50])
    holder[step] = choose.pick(options)


def _nest(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    """Wrap a value as deep as Python's own JSON decoder just takes, or an expression in itself."""
    depth = choose.pick((5, 40, 150, 400))
    value = holder[step]
    for _ in range(depth):
        if isinstance(value, dict) and "type" in value:
            value = {"type": "expression", "value": {"op": "~", "left": None, "right": value}}
        else:
            value = [value]
    holder[step] = value


def _lengthen(program: Any, holder: Any, step: Any, choose: Choices) -> None:
    if isinstance(holder[step], list) and holder[step]:
        holder[step] = holder[step] * choose.pick((2, 30, 300))
    else:
        holder[step] = choose.pick(EDGES)


def _invent(program: Any, pool: Pool, choose: Choices) -> None:
    """Put in a made-up call of a primitive, or an expression, where the like is to be found."""
    wanted = ("primitives",) if choose.chance(2) else ("value", "expression", "right", "left")
    found = [p for p in places(program) if p[-1] in wanted or p[-2:-1] == ("primitives",)]
    path = choose.pick(found or [("actions",)])
    holder, old = at(program, path[:-1]), at(program, path)
    if isinstance(old, list) and path[-1] == "primitives":
        old.insert(choose.below(len(old) + 1), call(pool, choose))
    elif isinstance(old, dict) and "parameters" in old:
        holder[path[-1]] = call(pool, choose)
    elif isinstance(old, dict):
        holder[path[-1]] = value(pool, choose)


# what keeps a program readable comes most often: it gets further
_CHANGES = (*(_graft,) * 5, *(_redirect,) * 4, *(_number,) * 3, _double, _double, _drop, _drop)
_CHANGES += (_word, _other_type, _nest, _lengthen)
