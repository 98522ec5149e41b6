"""p4runtime-shell: the session of its README, typed at its prompt, with a program of our own."""

from __future__ import annotations

import re
from pathlib import Path

from tests.clients.cases import Case, Client
from tests.clients.listening import listens
from tests.clients.place import Place, require, until

PROGRAM = Path(__file__).parents[1] / "v1switch" / "p4runtime_zoo.json"
P4INFO = PROGRAM.with_suffix(".p4info.txtpb")
PORT = 9559
PROMPT = r"P4Runtime sh >>> $"

TABLES = (
    ("tables", "lpm_table"),
    ('te = table_entry["lpm_table"](action="send")', ""),
    ('te.match["address"] = "10.0.0.0/8"', "10"),
    ('te.action["port"] = "3"', "3"),
    ("te.insert()", ""),
    ("te.insert()", "ALREADY_EXISTS"),
    ('table_entry["lpm_table"].read(lambda e: print("found", e.match["address"]))', "found.*lpm"),
    ('te.action["port"] = "4"', "4"),
    ("te.modify()", ""),
    ('print([str(e.action["port"]) for e in table_entry["lpm_table"].read()])', "004"),
    ("te.delete()", ""),
    ("te.delete()", "NOT_FOUND"),
    ('print(len(list(table_entry["lpm_table"].read())))', "0"),
)
PROFILES = (
    ('m = action_profile_member["plain_profile"](member_id=1, action="send")', ""),
    ('m.action["port"] = "3"', "3"),
    ("m.insert()", ""),
    ('te = table_entry["indirect_table"]', ""),
    ('te.match["number"] = "7"', "7"),
    ("te.member_id = 1", ""),
    ("te.insert()", ""),
    ('print([e.member_id for e in table_entry["indirect_table"].read()])', r"\[1\]"),
    ("m.delete()", "FAILED_PRECONDITION|UNKNOWN|INVALID"),
    ("te.delete()", ""),
    ("m.delete()", ""),
)
ARRAYS = (
    ('ce = counter_entry["cells"]', ""),
    ("ce.index = 3", ""),
    ("ce.packet_count = 7", ""),
    ("ce.byte_count = 700", ""),
    ("ce.modify()", ""),
    ("print([c.packet_count for c in ce.read()])", r"\[7\]"),
    ('me = meter_entry["cell_meter"]', ""),
    ("me.index = 1", ""),
    ("me.cir = 1000; me.cburst = 10; me.pir = 2000; me.pburst = 20", ""),
    ("me.modify()", ""),
    ("print([(m.cir, m.pburst) for m in me.read()])", r"\[\(1000, 20\)\]"),
)
REPLICATION = (
    ("mge = multicast_group_entry(1)", ""),
    ("mge.add(1, 1).add(2, 2)", ""),
    ("mge.insert()", ""),
    ("print([len(g.replicas) for g in mge.read()])", r"\[2\]"),
    ("mge.delete()", ""),
    ("cse = clone_session_entry(5)", ""),
    ("cse.add(3, 1)", ""),
    ("cse.insert()", ""),
    ("print([len(c.replicas) for c in cse.read()])", r"\[1\]"),
    ("cse.delete()", ""),
)
SESSIONS = {
    "tables": TABLES,
    "profiles": PROFILES,
    "arrays": ARRAYS,
    "replication": REPLICATION,
}


def session(place: Place, typed: tuple[tuple[str, str], ...]) -> None:
    """Type each line, and look for its answer; one without must not raise."""
    place.background(
        *("simple_switch_grpc", "--no-p4", "--device-id", "1", "--"),
        *("--grpc-server-addr", f"127.0.0.1:{PORT}"),
        cwd=place.directory, output=place.directory / "switch.txt",
    )  # fmt: skip
    until(lambda: listens(PORT), "the switch's port")
    shell = place.terminal(
        *("python", "-m", "p4runtime_sh", "--grpc-addr", f"127.0.0.1:{PORT}"),
        *("--device-id", "1", "--election-id", "0,1", "--config", f"{P4INFO},{PROGRAM}"),
        cwd=place.directory,
    )  # fmt: skip
    shell.expect(PROMPT, 40)
    for line, answer in typed:
        shell.type(line)
        shown = shell.expect(PROMPT, 20)
        if answer:
            require(re.search(answer, shown, re.S), f"{line}: {shown.strip()[-300:]}")
        else:
            require("Error" not in shown, f"{line}: {shown.strip()[-300:]}")


CLIENT = Client(
    name="p4runtime-shell",
    title="p4lang/p4runtime-shell",
    variable="",
    packages=("p4runtime-shell==0.0.6", "protobuf==3.20.3", "grpcio", "googleapis-common-protos"),
    around="Typed at its IPython prompt, with a program of this repository.",
    cases=tuple(
        Case(name, "entries are written, read back and refused", lambda p, t=typed: session(p, t))  # type: ignore[misc]
        for name, typed in SESSIONS.items()
    ),
)
