"""Queues in the commands on files: what waits is explained twice, and written at its own time."""

import json
from pathlib import Path

import pytest

from tests.v1switch.queueing import Shown, showing
from v1switch.commands.main import main
from v1switch.io.captures import PcapFile, read_frames

MS = 1_000_000
BEGIN = 10**18  # ns: of the capture


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A program, four frames 1 ms apart, and a queue that lets ten a second leave, and two wait."""
    (tmp_path / "prog.json").write_text(json.dumps(showing()))
    (tmp_path / "entries.txt").write_text("set_queue_rate 10 2\nset_queue_depth 2 2\n")
    capture = PcapFile(tmp_path / "in.pcap")
    for number in range(4):
        capture.write(Shown(number, 2, 0).frame(), BEGIN + number * MS)
    capture.close()
    return tmp_path


def call(command: str, files: Path, *words: str) -> None:
    given = [str(files / "prog.json"), "--entries", str(files / "entries.txt")]
    assert main([command, *given, *words]) == 0


def test_packets_that_wait_are_written_when_they_leave(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("run", files, "--pcap-in", f"1={files}/in.pcap", "--pcap-out", f"{files}/out")
    assert capsys.readouterr().out.splitlines()[1] == "out: port 2: 2"
    left = [((at - BEGIN) // MS, Shown.of(f)) for at, f in read_frames(files / "out/port2.pcap")]
    assert [(at, seen.number, seen.depth, seen.wait) for at, seen in left] == [
        (100, 0, 0, 100_000),
        (200, 1, 1, 199_000),
    ]


def test_a_packet_that_waits_is_explained_again_when_it_leaves(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("explain", files, "--packet", f"{files}/in.pcap")
    lines = capsys.readouterr().out.splitlines()
    ends = [line for line in lines if line.startswith("packet") and "into port" not in line]
    assert ends == [
        "packet 1 waits: nothing leaves yet",
        "packet 2 waits: nothing leaves yet",
        "packet 3: nothing leaves",
        "packet 4: nothing leaves",
        "packet 1: leaves by port 2 (64 bytes)",
        "packet 2: leaves by port 2 (64 bytes)",
    ]
    assert lines.count("  dropped: the queue of port 2, priority 0 is full (2 packets)") == 2
    assert "  it waits in the queue of port 2, priority 0, behind 1" in lines
    assert "  it leaves the queue of port 2, priority 0 after 199.000 ms, behind 1" in lines
    assert any(line.startswith("  eth ") and "changed" in line for line in lines)  # of its frame


def test_the_document_has_both_ends_of_the_wait(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("explain", files, "--json", "--count", "1", "--packet", f"{files}/in.pcap")
    came, left = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert came["frame"] == left["frame"] == 1
    queue = {"port": 2, "priority": 0}
    assert came["passes"][0]["stages"][-1]["steps"][-1] == {
        "step": "enqueue",
        **queue,
        "waiting": 0,
    }
    (again,) = left["passes"]
    assert again["kind"] == "dequeued"
    (step,) = again["stages"][0]["steps"]
    assert step == {"step": "dequeue", **queue, "waited_ns": 100 * MS, "depth": 0}


def test_priorities_need_queues(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packet = Shown(1, 3, 2).frame().hex()
    call("explain", files, "--packet", packet)
    assert "priority is 2, and queues have 0..0 (--priority-queues)" in capsys.readouterr().out
    call("explain", files, "--packet", packet, "--priority-queues", "3")
    assert "leaves by port 3" in capsys.readouterr().out
