"""The packet trace of level trace: what it says, in which order, and what it leaves as it is."""

import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.v1switch.corpus import CORPORA, vectors
from tests.v1switch.explained import DROPPED, ENTRIES, FLOODED, replicate
from tests.v1switch.explained import JSON as VTEP
from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import InertEngine
from v1switch.entryfile import load_entries
from v1switch.errors import DuplicateEntry
from v1switch.explain import lines
from v1switch.explain.changes import ToldDataplane
from v1switch.explain.formats import format_of, match_format
from v1switch.explain.notation import match_text, restricts, value_text
from v1switch.explain.recorder import Recorder
from v1switch.explain.trace import TraceEngine
from v1switch.program import load_file
from v1switch.program.expressions import HeaderRef
from v1switch.program.model import KeyField
from v1switch.state.entries import Exact, Lpm, MulticastGroup, Range, Replica, Ternary

WIDTHS = st.sampled_from([1, 8, 16, 32, 33, 48, 64, 128])
NAMES = st.sampled_from(["hdr.ipv4.dstAddr", "etherType", "ttl", "checksum", "next_hop", ""])


class Traced:
    """A data plane that traces, with the lines of each frame."""

    def __init__(self, program: Path, **options: int) -> None:
        self.frames: list[list[str]] = []
        self.engine = TraceEngine(self.frames.append, lambda: "")
        self.plane = Dataplane(self.engine, clock=lambda: 0, **options)
        self.plane.load(load_file(program))

    def lines(self, port: int, frame: bytes) -> list[str]:
        """The lines of one frame, without the numbers in front."""
        self.plane.process(port, frame, 0)
        return [line.partition("] ")[2] for line in self.frames.pop()]


def vtep() -> Traced:
    traced = Traced(VTEP, cpu_port=510)
    load_entries(ENTRIES, traced.plane, None)
    return traced


# -- what is traced is not changed -----------------------------------------------------------------


@pytest.mark.parametrize("name", [*CORPORA, "tables"])
def test_frames_leave_as_without_a_trace_and_the_trace_says_where(name: str) -> None:
    plain, traced = loaded(name), Traced(COMPILED / f"{name}.json")
    replicate(plain)
    replicate(traced.plane)
    for port, frame in vectors(name) if name in CORPORA else [(1, bytes(20))]:
        expected = plain.process(port, frame, 0)
        assert traced.plane.process(port, frame, 0) == expected, frame.hex()
        text = traced.frames.pop()
        sent = [line.partition("sent out of port ")[2] for line in text if "sent out of" in line]
        assert sorted(line.partition(", tr")[0] for line in sent) == sorted(
            f"{out}: {len(data)} bytes" for out, data in expected
        )
        assert text[0].endswith(f"Packet received on port {port}: {len(frame)} bytes")
        assert all(line.isascii() and line.isprintable() for line in text)


def test_every_event_that_an_explanation_knows_has_a_line() -> None:
    events = [name for name, made in vars(Recorder).items() if hasattr(made, "__wrapped__")]
    assert len(events) > 20
    assert [name for name in events if not hasattr(lines.Lines, name)] == []


# -- what it says ----------------------------------------------------------------------------------


def test_a_frame_is_told_step_by_step() -> None:
    frame = bytes.fromhex("00010a0102031234770907") + bytes(19)
    told = Traced(COMPILED / "matching.json").lines(1, frame)
    expected = """\
Packet received on port 1: 30 bytes
Parser state 'start'
Extract 'key' (bytes 0 to 9): exact_ 1, prefix 167838211, pattern 4660, number 119, maybe 9
Select key.number 119 -> 'with_note'
Parser state 'with_note'
Extract 'note' (bytes 10 to 10): text 7
Parser ends
Ingress
matching.p4:86 standard.egress_spec = 2: 0 -> 2
matching.p4:87 meta.shifted = hdr.key.maybe - 6: 0 -> 3
matching.p4:88 if (hdr.key.isValid()): true
matching.p4:89 hdr.marks.setValid(): marks becomes valid
Table 'MatchIngress.exactly': hit with handle 1, key hdr.key.exact_ 1, \
hdr.note.$valid$ 1 (matching.p4:39)
Action MatchIngress.mark_a(v = 2)
matching.p4:23 hdr.marks.a = v: 0 -> 2
Table 'MatchIngress.longest': miss, none of its 4 entries matches, key hdr.key.prefix 167838211, \
hdr.key.maybe 9
Action MatchIngress.mark_b(v = 255) by default"""
    assert told[: expected.count("\n") + 1] == expected.split("\n")
    assert told[-4:] == [
        "matching.p4:98 if (hdr.key.number == 31): false (key.number 119)",
        "Egress to port 2",
        "Deparse 'marks', 'key', 'note', 19 bytes of payload",
        "Packet sent out of port 2: 38 bytes",
    ]


def test_a_drop_is_told_with_the_statement_that_asked_for_it() -> None:
    told = vtep().lines(*DROPPED)
    assert told[-1] == (
        "Dropped at the end of ingress: egress_spec is 511, the drop port, "
        "set by falcon_vtep.p4:111 mark_to_drop(std_meta)"
    )


def test_packets_from_and_to_the_controller_are_told_as_such() -> None:
    traced = Traced(COMPILED / "matching.json", cpu_port=2)
    assert traced.lines(2, bytes(30))[0] == (
        "Packet received on port 2, from the controller: 30 bytes"
    )
    assert traced.lines(1, bytes(30))[-1].startswith("Packet sent out of port 2, to the controller")


def test_copies_have_numbers_of_their_own() -> None:
    traced = vtep()
    for number in range(2):
        traced.plane.process(*FLOODED, 0)
        told = traced.frames.pop()
        assert [line for line in told if "multicast copy" in line] == [
            f"[{number}.{n}] Egress to port {n}, instance {10 + n}: "
            f"multicast copy of packet {number}.0"
            for n in (1, 2, 3)
        ]
        assert told[-1].startswith(f"[{number}.3] ")


def test_clones_and_packets_that_come_again_say_what_they_are() -> None:
    traced = Traced(COMPILED / "replication.json")
    replicate(traced.plane)
    told = "\n".join(line for vector in vectors("replication") for line in traced.lines(*vector))
    for wanted in (
        "Clone to session 1: port 3 (instance 1)\nIngress clone of packet ",
        "Clone to session 5: there is none\n",
        "egress clone of packet ",
        "Resubmitted, enters the parser again\nPacket ",
        "recirculated: ",
        "Multicast to group 7: no replicas, dropped",
        "5 bytes, truncated from ",
    ):
        assert wanted in told


def test_a_packet_goes_on_under_its_own_number_after_its_ingress_clone() -> None:
    traced = Traced(COMPILED / "replication.json")
    replicate(traced.plane)
    for vector in vectors("replication"):
        traced.plane.process(*vector, 0)
        told = traced.frames.pop()
        numbers = [line[1 : line.index("]")].partition(".") for line in told]
        assert {number for number, _, _ in numbers} == {numbers[0][0]}
        if any("Ingress clone of" in line for line in told):
            copies = [int(copy) for _, _, copy in numbers]
            assert copies.index(1) < len(copies) - copies[::-1].index(0)
            return
    pytest.fail("no frame of the corpus was cloned")


def released(traced: Traced) -> list[list[str]]:
    """Let all packets leave their queues; returns the lines of each."""
    while (due := traced.plane.next_release()) is not None:
        traced.plane.release(due)
    told, traced.frames[:] = list(traced.frames), []
    return told


def test_a_packet_that_waits_goes_on_under_its_number() -> None:
    traced = Traced(COMPILED / "replication.json")
    traced.plane.insert_multicast_group(MulticastGroup(5, (Replica(2, 1), Replica(3, 2))))
    flooded = next(frame for _, frame in vectors("replication") if _floods(traced, frame))
    traced.plane.set_queue_rate(10)
    for _ in range(2):
        traced.plane.process(1, flooded, 0)
    first, second = traced.frames
    number = int(first[0][1 : first[0].index(".")])
    traced.frames.clear()
    assert [line for line in first if "Waits" in line] == [
        f"[{number}.0] Waits in the queue of port {port}, priority 0, behind 0" for port in (2, 3)
    ]
    assert second[-1] == f"[{number + 1}.0] Waits in the queue of port 3, priority 0, behind 1"
    left = released(traced)
    assert sorted(told[0] for told in left) == sorted(
        f"[{number + n}.0] Leaves the queue of port {port}, priority 0 after "
        f"{100_000 * (n + 1)} us, behind {n}"
        for n in (0, 1)
        for port in (2, 3)
    )
    copies = [told[1].partition(": ")[0] for told in left]
    assert sorted(copies) == sorted(
        f"[{number + n}.{port - 1}] Egress to port {port}, instance {port - 1}"
        for n in (0, 1)
        for port in (2, 3)
    )
    assert all("Packet sent out of port" in told[-1] for told in left)


def _floods(traced: Traced, frame: bytes) -> bool:
    traced.plane.process(1, frame, 0)
    return any("Multicast to group 5" in line for line in traced.frames.pop())


def test_what_waits_is_forwarded_also_where_its_events_were_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = Traced(COMPILED / "matching.json")
    traced.plane.set_queue_rate(10)
    monkeypatch.setattr(lines, "MAX_EVENTS", 0)
    traced.plane.process(1, bytes(30), 0)
    monkeypatch.undo()
    due = traced.plane.next_release()
    assert due is not None
    assert traced.plane.release(due)
    assert traced.frames[-1][0].startswith("[?] Leaves the queue of port 2")


def test_the_numbers_of_what_waits_for_ever_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = Traced(COMPILED / "matching.json")
    traced.plane.set_queue_rate(10)
    monkeypatch.setattr(lines, "MAX_WAITING", 2)
    for number in range(3):
        traced.plane.process(1, bytes([number]) * 30, 0)
    traced.frames.clear()
    assert [told[0].partition("]")[0] for told in released(traced)] == ["[?", "[1.0", "[2.0"]


def test_a_loop_does_not_fill_the_log_and_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_EVENTS", 20)
    told = Traced(COMPILED / "loops.json").lines(1, b"\x50" + bytes(20))
    assert 20 < len(told) < 40
    assert told[-2] == "Packet sent out of port 2: 21 bytes"
    assert re.fullmatch(r"too many events: [\d,]{3,} are left out", told[-1])


def test_a_programs_own_messages_stand_where_they_were_printed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced, log = Traced(COMPILED / "externs.json"), logging.getLogger("v1switch")
    told: list[str] = []
    traced.engine.write = told.extend
    monkeypatch.setattr(log, "filters", [traced.engine.before])
    monkeypatch.setattr(log, "handlers", [handler := logging.Handler()])
    monkeypatch.setattr(handler, "emit", lambda record: told.append(record.getMessage()))
    with caplog.at_level(logging.INFO, "v1switch"):
        traced.plane.process(1, bytes(30), 0)
        log.info("after it")
    places = [n for n, line in enumerate(told) if line == "index 0 port 1"]
    assert len(places) == 1
    assert "Digest" not in "".join(told[: places[0]])  # which is sent at the end of ingress
    assert "Table 'ExternIngress.entries_'" in "".join(told[: places[0]])
    assert told[-1] == "after it"


# -- changes by controllers ------------------------------------------------------------------------


def told_of(tmp_path: Path, name: str, *commands: str) -> list[str]:
    """What is told of the changes that some commands make."""
    told: list[str] = []
    plane = ToldDataplane(InertEngine(), told.append, cpu_port=None, drop_port=511)
    plane.load(load_file(COMPILED / f"{name}.json"))
    file = tmp_path / "s1-commands.txt"
    file.write_text("\n".join(commands))
    load_entries(file, plane, None)
    return told


def test_entries_and_default_actions_are_told(tmp_path: Path) -> None:
    assert told_of(
        tmp_path,
        "tables",
        "table_add exactly found_exact 0x0a 11 => 5",
        "table_add patterned found_ternary 0x12&&&0xf0 0&&&0 => 8 20",
        "table_modify exactly found_exact 0 6",
        "table_set_default longest found_longest 9",
        "table_delete exactly 0",
    ) == [
        (
            "Table 'TableIngress.exactly': entry hdr.key.a 10, hdr.key.b 11 added with handle 0: "
            "TableIngress.found_exact(v = 5)"
        ),
        (
            "Table 'TableIngress.patterned': entry hdr.key.a 16&&&0xf0, hdr.key.b _, priority 20 "
            "(low wins) added with handle 0: TableIngress.found_ternary(v = 8)"
        ),
        (
            "Table 'TableIngress.exactly': entry hdr.key.a 10, hdr.key.b 11 changed: "
            "TableIngress.found_exact(v = 6)"
        ),
        "Table 'TableIngress.longest': default action TableIngress.found_longest(v = 9)",
        "Table 'TableIngress.exactly': entry hdr.key.a 10, hdr.key.b 11 deleted",
    ]


def test_groups_and_sessions_are_told(tmp_path: Path) -> None:
    commands = ("mc_mgrp_create 1", "mc_node_create 3 1 2", "mc_node_associate 1 0")
    assert told_of(tmp_path, "replication", *commands, "mirroring_add 5 4") == [
        "Multicast group 1 added: no replicas",
        "Multicast group 1 changed: port 1 (instance 3), port 2 (instance 3)",
        "Clone session 5 added: port 4 (instance 0)",
    ]


def test_changes_that_are_taken_back_are_told_as_such() -> None:
    told: list[str] = []
    plane = ToldDataplane(InertEngine(), told.append, cpu_port=None, drop_port=511)
    plane.load(load_file(COMPILED / "replication.json"))
    group = MulticastGroup(1)

    def twice() -> None:
        with plane.transaction():
            plane.insert_multicast_group(group)
            with plane.transaction():
                plane.insert_multicast_group(group)

    with pytest.raises(DuplicateEntry):
        twice()
    assert plane.multicast_groups() == []
    assert told == [
        "Multicast group 1 added: no replicas",
        "The last change is taken back, as the next one failed",
    ]


def test_every_change_that_a_data_plane_knows_is_told() -> None:
    starts = ("insert_", "modify_", "delete_", "clear_", "set_default")
    apart = ("_multicast_group", "_clone_session")  # told by what has become of them
    names = [name for name in dir(Dataplane) if name.startswith(starts)]
    known = [name for name in names if not name.endswith(apart)]
    assert len(known) > 10
    assert [name for name in known if name not in vars(ToldDataplane)] == []


# -- values ----------------------------------------------------------------------------------------


@given(WIDTHS, NAMES, st.data())
def test_values_are_written_as_in_explanations(width: int, name: str, data: st.DataObject) -> None:
    value = data.draw(st.integers(-1, (1 << width) - 1))
    text = format_of(width, name)
    for each in (value, value % 2 == 0, None, b"\1\2", 0x0A000001 % (1 << width)):
        assert text(each) == value_text(each, width, name)


@given(WIDTHS, NAMES, st.data())
def test_matches_are_written_as_in_explanations(width: int, name: str, data: st.DataObject) -> None:
    number = st.integers(0, (1 << width) - 1)
    matches = st.one_of(
        st.builds(Exact, number),
        st.builds(Lpm, number, st.integers(0, width)),
        st.builds(Ternary, number, number),
        st.builds(Range, number, number),
    )
    match = data.draw(matches)
    text = match_format(KeyField(name, "exact", HeaderRef("h"), None, width))(match)
    assert text == (match_text(match, width, name) if restricts(match, width) else "_")
