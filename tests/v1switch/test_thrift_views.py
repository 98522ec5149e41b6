"""What P4Runtime wrote, as simple_switch_CLI shows it: the same on v1switch and on BMv2."""

import pytest

from tests.switch.harness import Sandbox, namespaces_allowed
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2, THRIFT_PORT, Target, installed
from tests.v1switch.p4runtime_zoo import Zoo
from tests.v1switch.test_thrift_cli import TOOL, cli
from v1switch.bmthrift.serving import serve
from v1switch.control.dataplane import Dataplane

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (TOOL and installed(BMV2) and namespaces_allowed()),
        reason="needs BMv2 and namespaces",
    ),
]
SHOWN = """
table_dump Zoo.exact_table
table_dump Zoo.lpm_table
table_dump Zoo.ternary_table
table_dump Zoo.selected_table
table_dump Zoo.shot_table
act_prof_dump Zoo.choice
act_prof_dump Zoo.shots
mc_dump
mirroring_get 5
counter_read Zoo.cells 3
meter_get_rates Zoo.cell_meter 2
"""


def write(zoo: Zoo) -> None:
    """Entries of every kind, some of them changed and deleted again."""
    zoo.load()
    ok = [
        zoo.insert(*(zoo.exact(n, port=n) for n in (1, 2, 3))),
        zoo.delete(zoo.exact(2)),
        zoo.insert(zoo.exact(4), zoo.exact(5), zoo.lpm(), zoo.ternary(priority=7, nibble=3)),
        zoo.insert(*(zoo.member(n, port=n) for n in (7, 9, 8))),
        zoo.delete(zoo.member(9)),
        zoo.insert(zoo.group(5, (7, 3), (8, 1)), zoo.group(6, (8, 2))),
        zoo.modify(zoo.group(5, (7, 1), (8, 1))),
        zoo.insert(zoo.selected(group=5), zoo.selected(2, member=8)),
        zoo.insert(shot(zoo, 1, (1, 2), (3, 1)), shot(zoo, 2, (4, 1))),
        zoo.insert(
            zoo.replicas("multicast_group_entry", 3, (b"\2", 1), (b"\1", 1), (b"\3", 4)),
            zoo.replicas("clone_session_entry", 5, (b"\6", 0)),
        ),
        zoo.modify(zoo.replicas("multicast_group_entry", 3, (b"\2", 1), (b"\3", 7))),
        zoo.modify(
            zoo.array("counter", "cells", 3, data={"packet_count": 7, "byte_count": 700}),
            zoo.array("meter", "cell_meter", 2, config=RATES),
        ),
    ]
    assert {code for codes in ok for code in codes} == {"OK"}


RATES = {"cir": 1000, "cburst": 50, "pir": 2000, "pburst": 60}


def shot(zoo: Zoo, number: int, *weighted: tuple[int, int]):
    entity = zoo.entry("shot_table", {"number": number})
    shots = entity.table_entry.action.action_profile_action_set.action_profile_actions
    for port, weight in weighted:
        shots.add(weight=weight).action.CopyFrom(zoo.names.action("send", {"port": port}))
    return entity


def shown_by_bmv2() -> list[str]:
    """What the CLI prints of BMv2, after P4Runtime has written."""
    with (
        Sandbox(ports=1) as sandbox,
        Target(BMV2, sandbox) as target,
        SwitchClient(target.address) as client,
    ):
        write(Zoo(client, BMV2))
        script, out = sandbox.directory / "script", sandbox.directory / "out"
        script.write_text(SHOWN)
        run = f"{TOOL} --thrift-port {THRIFT_PORT} < {script}"
        assert sandbox.wait(sandbox.start(["sh", "-c", run], out)) == 0, out.read_text()
        return in_order(out.read_text())


def in_order(text: str) -> list[str]:
    """The lines, with multicast groups in the order of their numbers: BMv2 has them in none."""
    before, _, rest = text.partition("MC ENTRIES\n")
    groups, _, after = rest.partition("==========\n")
    return [*before.splitlines(), *sorted(groups.split("**********\n")), *after.splitlines()]


def test_handles_of_what_p4runtime_made_are_bmv2s(plane: Dataplane, client: SwitchClient) -> None:
    write(Zoo(client, "v1switch"))
    server = serve(plane, "127.0.0.1", 0)
    found = cli(server.port, SHOWN)
    server.stop()
    assert in_order(found) == shown_by_bmv2()
