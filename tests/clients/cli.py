"""BMv2's simple_switch_CLI: a session with a program of our own, both switches side by side."""

from __future__ import annotations

import difflib
import re
import shutil
from pathlib import Path

from tests.clients.cases import Case, Client
from tests.clients.listening import listens
from tests.clients.place import Place, require, until

PROGRAM = Path(__file__).parents[1] / "v1switch" / "p4runtime_zoo.json"
BMV2_PORT, OWN_PORT = 9191, 9190
VARYING = re.compile(r"\b[0-9a-f]{32,64}\b|thrift_port\s+: \d+")

SESSIONS = {
    "tables": """
show_tables
show_actions
table_info exact_table
table_show_actions lpm_table
table_add lpm_table send 10.0.0.0/8 => 3
table_add lpm_table send 10.1.0.0/16 => 4
table_add lpm_table send 10.1.0.0/16 => 5
table_num_entries lpm_table
table_modify lpm_table send 0 7
table_dump_entry lpm_table 0
table_dump_entry_from_key lpm_table 10.1.0.0/16
table_delete lpm_table 1
table_delete lpm_table 1
table_set_default lpm_table send 9
table_dump lpm_table
table_reset_default lpm_table
table_dump lpm_table
table_clear lpm_table
table_add exact_table metered_send 00:00:00:00:00:01 0xa => 3
table_add exact_table metered_send 00:00:00:00:00:02 10 => 3
table_dump exact_table
table_add ternary_table send 0&&&0 1->9 5&&&255 10.0.0.0/8 1 => 3 10
table_dump ternary_table
table_set_timeout aging_table 0 1000
table_add no_such_table send 1 => 1
table_add lpm_table no_such_action 1 => 1
table_add lpm_table send => 1
""",
    "profiles": """
act_prof_create_member plain_profile send 3
act_prof_create_member plain_profile send 4
act_prof_modify_member plain_profile send 1 5
act_prof_dump_member plain_profile 1
table_indirect_add indirect_table 7 => 0
table_indirect_set_default indirect_table 1
table_dump indirect_table
act_prof_delete_member plain_profile 0
table_indirect_delete indirect_table 0
act_prof_delete_member plain_profile 0
act_prof_create_member choice send 1
act_prof_create_member choice send 2
act_prof_create_group choice
act_prof_add_member_to_group choice 0 0
act_prof_add_member_to_group choice 1 0
act_prof_dump_group choice 0
table_indirect_add_with_group selected_table 7 => 0
act_prof_dump choice
act_prof_remove_member_from_group choice 0 0
table_dump selected_table
act_prof_delete_group choice 0
""",
    "arrays": """
counter_read cells 3
counter_write cells 3 7 700
counter_read cells 3
counter_reset cells
counter_read cells 3
register_write memory 2 77
register_read memory 2
register_read memory
register_reset memory
register_read memory 2
register_read memory 99
meter_array_set_rates cell_meter 0.001:100 0.002:200
meter_set_rates cell_meter 1 0.003:300 0.004:400
meter_get_rates cell_meter 1
meter_get_rates cell_meter 2
""",
    "replication": """
mc_mgrp_create 1
mc_node_create 5 1 2
mc_node_create 6 3
mc_node_associate 1 0
mc_node_associate 1 1
mc_dump
mc_node_update 1 4
mc_node_dissociate 1 0
mc_node_destroy 0
mc_dump
mc_mgrp_destroy 1
mirroring_add 5 3
mirroring_get 5
mirroring_add_mc 6 1
mirroring_get 6
mirroring_delete 5
mirroring_get 5
""",
    "switch": """
show_ports
switch_info
set_queue_depth 100
set_queue_rate 50
set_queue_depth 10 1
set_queue_rate 5 1
show_pvs
pvs_add kinds 5
pvs_get kinds
pvs_remove kinds 5
pvs_clear kinds
load_new_config_file /nowhere
swap_configs
reset_state
""",
}


def session(place: Place, commands: str) -> None:
    """Type the commands to both switches; the answers have to be the same."""
    real = shutil.which("simple_switch_grpc", path=place.env["PATH"])
    require(real, "no simple_switch_grpc")
    answers = {"bmv2": _answers(place, str(_bmv2(place)), BMV2_PORT, commands)}
    require(len(answers["bmv2"]) > len(commands.split("\n")) - 2, "BMv2 answered too little")
    if place.switch == "v1switch":
        own = _answers(place, str(real), OWN_PORT, commands)
        different = [
            line
            for line in difflib.unified_diff(answers["bmv2"], own, lineterm="", n=1)
            if not line.startswith(("---", "+++", "@@"))
        ]
        (place.directory / "different.txt").write_text("\n".join(different))
        require(not different, " / ".join(different)[:700])


def _bmv2(place: Place) -> Path:
    """BMv2's own binary, whatever is first on the PATH."""
    rest = place.env["PATH"].replace("/tmp/switch:", "")
    found = shutil.which("simple_switch_grpc", path=rest)
    require(found, "BMv2 is not installed: nothing to compare with")
    return Path(str(found))


def _answers(place: Place, switch: str, port: int, commands: str) -> list[str]:
    """The lines that the CLI writes for a session with a switch."""
    process = place.background(
        *(switch, "--thrift-port", str(port), str(PROGRAM)),
        *("--", "--grpc-server-addr", f"127.0.0.1:{port + 100}"),
        cwd=place.directory, output=place.directory / f"switch-{port}.txt",
    )  # fmt: skip
    until(lambda: listens(port) or process.poll() is not None, "the Thrift port")
    require(process.poll() is None, (place.directory / f"switch-{port}.txt").read_text()[-300:])
    typed = "\n".join(line for line in commands.split("\n") if line)
    output = place.run(
        *("simple_switch_CLI", "--thrift-port", str(port)),
        cwd=place.directory, typed=typed + "\n", check=False,
    )  # fmt: skip
    (place.directory / f"answers-{port}.txt").write_text(output)
    return [VARYING.sub("#", line).rstrip() for line in output.splitlines()]


CLIENT = Client(
    name="simple_switch_CLI",
    title="BMv2's simple_switch_CLI",
    variable="",
    tools=("simple_switch_CLI",),
    around="Sessions with a program of this repository; v1switch's answers are compared with "
    "BMv2's, line by line, errors included.",
    cases=tuple(
        Case(name, "the same answers as BMv2's", lambda place, text=text: session(place, text))  # type: ignore[misc]
        for name, text in SESSIONS.items()
    ),
)
