"""Messages are for people: they name what a user knows, and what would have been right."""

import json
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from tests.p4.world import JSON as VTEP
from tests.v1switch import small
from tests.v1switch.twin import COMPILED, loaded
from v1switch.entryfile import EntriesError, load_entries
from v1switch.errors import ProgramError
from v1switch.explain.filters import FilterError, parse
from v1switch.p4runtime import batches
from v1switch.p4runtime.errors import Code, Refused
from v1switch.p4runtime.join import join
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.program import load_file, load_program
from v1switch.program.hidden import is_hidden

# -- entry files -----------------------------------------------------------------------------------


def told(tmp_path: Path, name: str, line: str) -> str:
    """The error of a line for a test program."""
    file = tmp_path / "entries.txt"
    file.write_text(line)
    with pytest.raises(EntriesError) as caught:
        load_entries(file, loaded(name), None)
    return f"{caught.value.what}: {caught.value.reason}"


def test_tables_that_p4c_has_made_are_not_offered(tmp_path: Path) -> None:
    hidden = [name for name in loaded("matching").program.tables if is_hidden(name)]
    assert len(hidden) > 3
    message = told(tmp_path, "matching", "table_add nowhere x 1 => 2")
    assert message.startswith("table 'nowhere': unknown, expected one of ")
    assert "exactly" in message
    assert not any(name in message for name in hidden)


@pytest.mark.parametrize("name", ["tbl_act", "tbl_act_0", "tbl_drop_12", "switch_0_table"])
def test_names_of_p4cs_own_tables(name: str) -> None:
    assert is_hidden(name)
    assert not is_hidden(f"MyIngress.{name}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "counter_write by_entry 3 1 1",
            (
                "counter 'ExternIngress.by_entry': it is direct, expected an entry's handle as its "
                "index: 'ExternIngress.entries_': entry handle 3 is unknown, there is none yet"
            ),
        ),
        (
            "meter_set_rates entry_pace 0 1:1 1:1",
            "meter 'ExternIngress.entry_pace': it is direct, expected an entry's handle",
        ),
        ("meter_set_rates pace 99 1:1 1:1", "index: '99', expected a number, 0..3"),
        (
            "counter_write pace 0 1 1",
            "counter 'pace': that is a meter, expected one of seen, by_entry",
        ),
        ("register_write seen 0 1", "register 'seen': that is a counter, expected one of cells,"),
        ("table_add cells x 1 => 2", "table 'cells': that is a register, expected one of entries_"),
    ],
)
def test_objects_of_another_kind_are_told(tmp_path: Path, line: str, message: str) -> None:
    assert message in told(tmp_path, "externs", line)


def test_headers_that_p4c_has_made_are_not_offered() -> None:
    program = load_file(VTEP)
    assert "tmp_0" in program.headers
    with pytest.raises(FilterError) as caught:
        parse("foo=1").expression(program)
    assert "ethernet" in str(caught.value)
    assert "tmp" not in str(caught.value)


# -- programs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "name"),
    [("count", "ExternIngress.by_entry"), ("execute_meter", "ExternIngress.entry_pace")],
)
def test_a_program_that_addresses_a_direct_one_as_indexed_is_told(op: str, name: str) -> None:
    program = json.loads((COMPILED / "externs.json").read_text())
    calls = [call for action in program["actions"] for call in action["primitives"]]
    next(call for call in calls if call["op"] == op)["parameters"][0]["value"] = name
    kind = "counter" if op == "count" else "meter"
    with pytest.raises(ProgramError) as caught:
        load_program(json.dumps(program))
    assert caught.value.reason == (
        f"expected an indexed {kind}, found direct {kind} '{name}' "
        "of table 'ExternIngress.entries_'"
    )


# -- P4Runtime -------------------------------------------------------------------------------------


def externs() -> tuple[Pipeline, dict[str, int]]:
    """A pipeline of the program externs, and the ids of its objects by name."""
    text = (COMPILED / "externs.p4info.txtpb").read_text()
    info = text_format.Parse(text, p4info_pb2.P4Info())
    plane = loaded("externs")
    assert plane.program is not None
    pipeline = Pipeline(p4rt.ForwardingPipelineConfig(), join(info, plane.program), plane)
    kinds = (info.tables, info.counters, info.direct_counters, info.meters, info.direct_meters)
    names = {each.preamble.alias: each.preamble.id for kind in kinds for each in kind}
    return pipeline, names


@pytest.mark.parametrize(
    ("entity", "number", "name", "message"),
    [
        (
            "meter_entry",
            "meter_id",
            "entry_pace",
            (
                "which is direct meter 'ExternIngress.entry_pace' of table "
                "'ExternIngress.entries_': expected direct_meter_entry"
            ),
        ),
        (
            "meter_entry",
            "meter_id",
            "seen",
            "which is counter 'ExternIngress.seen': expected counter_",
        ),
        (
            "counter_entry",
            "counter_id",
            "by_entry",
            (
                "which is direct counter 'ExternIngress.by_entry' of table "
                "'ExternIngress.entries_': expected direct_counter_entry"
            ),
        ),
        ("register_entry", "register_id", "entries_", "which is table 'ExternIngress.entries_'"),
    ],
)
def test_an_id_of_another_kind_is_told(entity: str, number: str, name: str, message: str) -> None:
    pipeline, ids = externs()
    update = p4rt.Update(type=p4rt.Update.MODIFY)
    setattr(getattr(update.entity, entity), number, ids[name])
    with pytest.raises(Refused) as caught:
        batches.apply(pipeline, update)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.endswith(message) or message in caught.value.message


def test_an_action_of_another_table_is_told_with_those_that_are_offered() -> None:
    pipeline, ids = externs()
    update = p4rt.Update(type=p4rt.Update.INSERT)
    entry = update.entity.table_entry
    entry.table_id = ids["entries_"]
    (field,) = pipeline.schema.tables[entry.table_id].fields
    entry.match.add(field_id=field.id).exact.value = b"\x01"
    entry.action.action.action_id = 0x01ABCDEF
    with pytest.raises(Refused) as caught:
        batches.apply(pipeline, update)
    start = "table 'ExternIngress.entries_' has no action with id 0x01abcdef, expected one of "
    assert caught.value.message.startswith(f"{start}ExternIngress.note (0x0")


@pytest.mark.parametrize(("kind", "indexed"), [("counter", "seen"), ("meter", "pace")])
def test_an_indexed_one_addressed_as_direct_is_told(kind: str, indexed: str) -> None:
    pipeline, ids = externs()
    table = pipeline.schema.tables[ids["entries_"]]
    pipeline.schema.tables[table.id] = type(table)(**vars(table) | {kind: None})  # type: ignore[index]
    update = p4rt.Update(type=p4rt.Update.MODIFY)
    entry = getattr(update.entity, f"direct_{kind}_entry").table_entry
    entry.table_id = table.id
    with pytest.raises(Refused) as caught:
        batches.apply(pipeline, update)
    assert caught.value.message == (
        f"table 'ExternIngress.entries_' has no direct {kind}; 'ExternIngress.{indexed}' is "
        f"indexed: expected {kind}_entry"
    )


# -- frames ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["recirculate", "resubmit"])
def test_a_frame_that_never_leaves_is_told_once_with_the_cause(
    op: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = small.program()
    place = "egress" if op == "recirculate" else "ingress"
    found = next(each for each in program["pipelines"] if each["name"] == place)
    source = {"filename": "loop.p4", "line": 31, "column": 8, "source_fragment": f"{op}_all()"}
    call = {"op": op, "parameters": [small.number(1)], "source_info": source}
    program["actions"].append(small.action(900, "again", call))
    program["field_lists"] = [{"name": "nothing", "id": 1, "elements": []}]
    node = {"name": "turn", "id": 900, "action_id": 900, "next_node": found["init_table"]}
    found.setdefault("action_calls", []).append(node)
    found["init_table"] = "turn"
    plane = small.running(program)
    with caplog.at_level(logging.WARNING, "v1switch"):
        for _ in range(3):
            assert plane.process(1, bytes(30)) == []
    said = {record.getMessage() for record in caplog.records}
    (line,) = (line for line in said if "dropped" in line)
    assert line.startswith(f"frame from port 1 dropped after 1,024 passes, {op.removesuffix('e')}")
    assert f" each time by loop.p4:31 {op}_all(); this is logged once" in line
