"""The entries that a switch begins with: what is invalid is told and passed over, as in the CLI."""

import json
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format

from tests.v1switch.test_entryfile import request
from tests.v1switch.twin import COMPILED, loaded
from v1switch.commands.loading import write_entries, write_valid_entries
from v1switch.control.dataplane import Dataplane
from v1switch.entryfile.errors import EntriesError
from v1switch.entryfile.tally import Tally
from v1switch.errors import SwitchError
from v1switch.state.entries import MulticastGroup

# each told by simple_switch_CLI, which then goes on with the next line
WRONG = [
    "table_add exactly found_exact 1 2 => 5",  # a duplicate
    "table_add exactly found_exact 1 => 5",
    "table_add exactly found_exact 1 2 => 5 6",
    "table_add exactly found_exact 1 2 5",
    "table_add nowhere found_exact 1 2 => 5",
    "table_add exactly nothing 1 2 => 5",
    "table_add longest found_longest 0x1234/99 7 => 0x7",
    "table_add exactly",
    "table_delete exactly 17",
    "mc_node_associate 1 7",
    "register_write nowhere 0 1",
]


def write(plane: Dataplane, file: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Write a file's valid entries; returns the lines of the log."""
    with caplog.at_level(logging.INFO, "v1switch"):
        write_valid_entries(plane, file, None)
    return [record.getMessage() for record in caplog.records]


def test_invalid_commands_are_told_each_and_the_others_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, plane = tmp_path / "s1-commands.txt", loaded("tables")
    first, last = "table_add exactly found_exact 1 2 => 5", "table_add exactly found_exact 3 4 => 5"
    file.write_text("\n".join([first, "frobnicate 1", *WRONG, last]))
    told = write(plane, file, caplog)
    assert len(plane.entries("TableIngress.exactly")) == 2
    unknown, *refused, summary = told
    assert unknown.startswith(f"{file}:2: 'frobnicate' is passed over: unknown")
    assert [line.split(": ")[0] for line in refused] == [
        f"{file}:{number}" for number in range(3, 3 + len(WRONG))
    ]
    assert all(line.endswith("; passed over") for line in refused)
    assert summary == f"{file}: 2 entries written, {len(WRONG)} passed over"


def test_an_invalid_entry_leaves_nothing() -> None:
    plane, told = loaded("replication"), []
    tally = Tally(told.append)
    with tally.one(plane):
        plane.insert_multicast_group(MulticastGroup(1))
    with tally.one(plane):
        plane.insert_multicast_group(MulticastGroup(2))
        raise EntriesError(Path("x"), 2, "", "half of it failed")
    assert [group.group_id for group in plane.multicast_groups()] == [1]
    assert (tally.written, tally.refused, len(told)) == (1, 1, 1)


def test_rows_of_runtime_files_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, plane = tmp_path / "s1-runtime.json", loaded("tables")
    table = plane.program.tables["TableIngress.exactly"]
    match = {field.name: 1 for field in table.key}
    row = {"table": table.name, "match": match, "action_name": "TableIngress.found_exact"}
    (param,) = next(
        a for a in plane.program.actions.values() if a.name == row["action_name"]
    ).params
    good = row | {"action_params": {param.name: 5}}
    file.write_text(json.dumps({"table_entries": [{"table": 7}, row, good]}))
    first, second, summary = write(plane, file, caplog)
    assert first.startswith(f"{file}: $.table_entries[0].table: expected a string")
    assert second.startswith(f"{file}: $.table_entries[1]")
    assert summary == f"{file}: 1 entry written, 2 passed over"
    assert len(plane.entries("TableIngress.exactly")) == 1


def test_updates_of_write_requests_as_well(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, plane = tmp_path / "s1.txtpb", loaded("tables")
    file.write_text(text_format.MessageToString(request(b"\x01")))  # twice the same
    p4info = COMPILED / "tables.p4info.txtpb"
    with caplog.at_level(logging.INFO, "v1switch"):
        write_valid_entries(plane, file, p4info)
    refused, summary = (record.getMessage() for record in caplog.records)
    assert "update 2, table_entry: " in refused
    assert summary == f"{file}: 1 entry written, 1 passed over"


@pytest.mark.parametrize(
    ("name", "text"), [("x.json", "{"), ("x.json", '{"tables": []}'), ("x.txt", None)]
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(
    tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SwitchError):
        write_valid_entries(loaded("tables"), tmp_path / name, None)


def test_explain_and_run_stop_at_the_first_invalid_line(tmp_path: Path) -> None:
    for line in WRONG:
        file = tmp_path / "s1-commands.txt"
        file.write_text(f"table_add exactly found_exact 1 2 => 5\n{line}\n")
        with pytest.raises(SwitchError, match=r"s1-commands\.txt:2: "):
            write_entries(loaded("tables"), file, None)
