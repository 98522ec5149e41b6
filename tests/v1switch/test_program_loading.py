"""Programs that cannot be used are refused in one line that says where and what."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.v1switch.twin import COMPILED
from v1switch.engines.python.compiler import compile_program
from v1switch.errors import ProgramError
from v1switch.program import load_program
from v1switch.program.limits import MAX_TEXT

NAMES = ("wire", "parser", "arithmetic", "matching", "externs", "replication", "stacks", "selector")
SOURCE = {name: (COMPILED / f"{name}.json").read_text() for name in NAMES}
EXTERNS = json.loads(SOURCE["externs"])
MATCHING = json.loads(SOURCE["matching"])


def refused(program: Any) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        load_program(json.dumps(program))
    assert "\n" not in str(caught.value)
    return caught.value


def put(program: Any, path: list[Any], value: Any) -> Any:
    changed = copy.deepcopy(program)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", NAMES)
def test_every_program_loads_and_compiles(name: str) -> None:
    program = load_program(SOURCE[name])
    compile_program(program)
    compile_program(program, traced=True)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_json(share: float) -> None:
    text = SOURCE["externs"]
    with pytest.raises(ProgramError, match=r"^\$: expected a complete JSON document"):
        load_program(text[: int(len(text) * share)])


def test_white_space_counts_for_little() -> None:
    text = SOURCE["wire"]
    assert load_program(" " * MAX_TEXT + text)
    long = json.dumps({**json.loads(text), "program": "x" * MAX_TEXT})
    with pytest.raises(ProgramError, match="at most 8388608 bytes besides white space"):
        load_program(long)


def test_not_even_text() -> None:
    with pytest.raises(ProgramError, match="UTF-8"):
        load_program(b"\xff\xfe{}")


@pytest.mark.parametrize("top", [[], 1, None, "x"])
def test_something_else_than_an_object(top: Any) -> None:
    assert refused(top).path == "$"


def test_another_architecture_by_its_pipelines() -> None:
    psa = put(EXTERNS, ["pipelines", 0, "name"], "ingress_deparser")
    error = refused(psa)
    assert error.path == "$.pipelines"
    assert "v1model" in error.expected


@pytest.mark.parametrize(
    ("names", "other"), [(["ingress_parser", "egress_parser"], "PSA"), (["main_parser"], "PNA")]
)
def test_another_architecture_is_named(names: list[str], other: str) -> None:
    parsers = [{**EXTERNS["parsers"][0], "name": name} for name in names]
    error = refused(put(EXTERNS, ["parsers"], parsers))
    assert error.path == "$.parsers"
    assert error.found.endswith(f" (architecture {other})")


def test_another_architecture_by_its_metadata() -> None:
    renamed = json.loads(SOURCE["wire"].replace('"egress_spec"', '"egress_spec_x"'))
    error = refused(renamed)
    assert "egress_spec" in str(error)


def test_another_version_of_the_format() -> None:
    error = refused(put(EXTERNS, ["__meta__", "version"], [3, 0]))
    assert error.path == "$.__meta__.version"
    assert "2.x" in error.expected


def first_primitive(program: Any) -> tuple[int, int]:
    for number, action in enumerate(program["actions"]):
        if action["primitives"]:
            return number, 0
    raise AssertionError("no action with a primitive")


def test_unknown_primitive() -> None:
    number, at = first_primitive(EXTERNS)
    path = ["actions", number, "primitives", at, "op"]
    error = refused(put(EXTERNS, path, "make_coffee"))
    assert error.path == f"$.actions[{number}].primitives[{at}].op"
    assert "make_coffee" in error.found


def test_a_refusal_names_the_object() -> None:
    number, at = first_primitive(EXTERNS)
    error = refused(put(EXTERNS, ["actions", number, "primitives", at, "op"], "make_coffee"))
    name = EXTERNS["actions"][number]["name"]
    assert error.subject == f"action {name!r}"
    assert str(error).startswith(f"{error.path} (action {name!r}): expected a primitive of v1model")
    error = refused(put(EXTERNS, ["pipelines", 0, "tables", 0, "match_type"], "fuzzy"))
    assert error.subject == f"table {EXTERNS['pipelines'][0]['tables'][0]['name']!r}"


def test_wrong_number_of_arguments() -> None:
    number, at = first_primitive(EXTERNS)
    error = refused(put(EXTERNS, ["actions", number, "primitives", at, "parameters"], []))
    assert error.path.endswith("parameters")


def test_a_tables_meter_is_a_direct_one() -> None:
    number = next(i for i, array in enumerate(EXTERNS["meter_arrays"]) if array["is_direct"])
    error = refused(put(EXTERNS, ["meter_arrays", number, "is_direct"], False))
    assert error.path.endswith(".direct_meters")
    assert error.expected == "the name of a direct meter array"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["headers", 0, "header_type"], "nowhere_t"),
        (["parsers", 0, "init_state"], "nowhere"),
        (["parsers", 0, "parse_states", 0, "parser_ops", 0, "parameters", 0, "value"], "nowhere"),
        (["parsers", 0, "parse_states", 0, "transitions", 0, "next_state"], "nowhere"),
        (["deparsers", 0, "order", 0], "nowhere"),
        (["pipelines", 0, "init_table"], "nowhere"),
        (["pipelines", 0, "tables", 0, "action_ids", 0], 999),
        (["pipelines", 0, "tables", 0, "base_default_next"], "nowhere"),
        (["pipelines", 0, "tables", 0, "match_type"], "fuzzy"),
        (["pipelines", 0, "tables", 0, "default_entry", "action_id"], 999),
        (["pipelines", 0, "conditionals", 0, "true_next"], "nowhere"),
        (["checksums", 0, "calculation"], "nowhere"),
        (["checksums", 0, "target"], ["nowhere", "x"]),
        (["calculations", 0, "algo"], "md5"),
        (["calculations", 0, "input", 0, "value"], ["in_", "nowhere"]),
        (["learn_lists", 0, "elements", 0, "value"], ["in_", "nowhere"]),
        (["counter_arrays", 1, "binding"], "nowhere"),
        (["header_types", 2, "fields", 0, 1], "wide"),
        (["field_aliases", 0, 1], ["nowhere", "x"]),
    ],
)
def test_dangling_references(path: list[Any], value: Any) -> None:
    error = refused(put(EXTERNS, path, value))
    if isinstance(value, list):  # one part of a reference names nothing
        path, value = [*path, value.index("nowhere")], "nowhere"
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
    assert error.path == f"${place}"
    assert error.found == json.dumps(value)
    assert str(error).endswith(f"expected {error.expected}, found {error.found}")


def test_a_constant_entry_of_another_kind() -> None:
    tables = MATCHING["pipelines"][0]["tables"]
    number = next(n for n, t in enumerate(tables) if t["name"] == "MatchIngress.exactly")
    path = ["pipelines", 0, "tables", number, "entries", 0, "match_key", 0, "match_type"]
    assert "exact" in refused(put(MATCHING, path, "lpm")).expected


def test_a_loop_in_a_pipeline() -> None:
    tables = EXTERNS["pipelines"][0]["tables"]
    first = tables[0]["name"]
    changed = copy.deepcopy(EXTERNS)
    for table in changed["pipelines"][0]["tables"]:
        table["next_tables"] = dict.fromkeys(table["next_tables"], first)
    with pytest.raises(ProgramError, match="loop"):
        compile_program(load_program(json.dumps(changed)))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "source_info":
                found += places(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*path, number))
    return found


PLACES = {name: places(json.loads(text)) for name, text in SOURCE.items()}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from(["", "nowhere", "0x5", "field", "expression", "ingress", "valid", "assign"]),
    st.just([]),
    st.just({}),
)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("right", 99, "a field of item"),
        ("left", {"type": "bool", "value": True}, "a header"),
    ],
)
def test_a_field_that_is_written_is_one_of_a_header(key: str, value: Any, wanted: str) -> None:
    program = json.loads(SOURCE["stacks"])
    targets = [
        action["primitives"][0]["parameters"][0]["value"]["value"]
        for action in program["actions"]
        if "access_field" in json.dumps(action["primitives"][:1])
    ]
    targets[0][key] = value
    with pytest.raises(ProgramError) as caught:
        compile_program(load_program(json.dumps(program)))
    assert caught.value.path.endswith(f".primitives[0].parameters[0].value.value.{key}")
    assert caught.value.subject.startswith("action 'stacks")
    assert caught.value.expected.startswith(wanted)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_changed_program_works_or_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    changed = json.loads(SOURCE[name])
    path = data.draw(st.sampled_from(PLACES[name]))
    place = changed
    for step in path[:-1]:
        place = place[step]
    if data.draw(st.booleans()):
        place[path[-1]] = data.draw(JUNK)
    else:
        del place[path[-1]]
    refusal = None
    try:
        program = load_program(json.dumps(changed))
        compile_program(program)
        compile_program(program, traced=True)
    except ProgramError as error:
        refusal = error
    if refusal is not None:
        assert refusal.path.startswith("$")
        assert "\n" not in str(refusal)
