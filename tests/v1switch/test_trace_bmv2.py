"""The packet trace beside BMv2's own log of the same frames: the same events in the same order."""

import re
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

import pytest

from tests.switch.harness import poll
from tests.v1switch.corpus import vectors
from tests.v1switch.test_trace_log import Traced
from tests.v1switch.twin import COMPILED
from v1switch.program.hidden import is_hidden

SWITCH = "simple_switch"
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which(SWITCH) is None, reason=f"{SWITCH} is not on the PATH"),
]
FRAMES = 40
STEP = {"matching": 3, "parser": 10, "headers": 1, "stacks": 2}
PORTS = range(1, 5)
LINE = re.compile(r"\[(\d+)\.\d+\] \[cxt \d+\] (.*)")
THEIRS = {
    r"Parser '\w+' entering state '(\S+)'": "state",
    r"Extracting (?:variable-sized )?header '(\S+)'": "extract",
    r"Extracting to header stack (\S+), next header is (\d+)": "extract",
    r"Table '(\S+)': (hit with handle \d+|miss)": "table",
    r"Action (\S+)$": "action",
    r".*Condition .* is (true|false)": "if",
    r"Deparsing header '(\S+)'": "deparse",
    r"Transmitting packet of size (\d+) out of port (\d+)": "sent",
    r"Dropping packet at the end of (\w+)": "dropped",
}
OURS = {
    r"Parser state '(\S+)'": "state",
    r"Extract '(\S+)'": "extract",
    r"Table '(\S+)': (hit with handle \d+|miss)": "table",
    r"Action ([^(]+)": "action",
    r"(?:\S+:\d+ )?if .*: (true|false)(?: \(.*\))?$": "if",
    r"Packet sent out of port (\d+): (\d+) bytes": "sent",
    r"Dropped at the end of (\w+)": "dropped",
}
Event = tuple[str, ...]


def event(line: str, forms: dict[str, str]) -> Event | None:
    for form, kind in forms.items():
        if found := re.match(form, line):
            groups = found.groups()
            if kind == "extract" and ("[" in groups[0] or len(groups) > 1):
                return (kind, "next of a stack")  # which BMv2 has by its number
            return (kind, *(sorted(groups) if kind == "sent" else groups))
    return None


def ours(lines: list[str]) -> Iterator[Event]:
    for line in lines:
        if line.startswith("Deparse "):
            yield from (("deparse", name) for name in re.findall(r"'(\S+)'", line))
        elif (found := event(line, OURS)) is not None:
            yield found


def theirs(lines: list[str]) -> Iterator[Event]:
    """BMv2's events, without tables that p4c has made and their actions.

    A header that does not fit into the frame is named as well, and then an exception.
    """
    table = ""
    for at, line in enumerate(lines):
        found = event(line, THEIRS)
        failed = any(after.startswith("Exception while") for after in lines[at + 1 : at + 3])
        if found is None or (failed and found[0] == "extract"):
            continue
        if found[0] == "table":
            table = found[1]
        if found[0] not in ("table", "action") or not is_hidden(table):
            yield found


def _free_port() -> str:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return str(tried.getsockname()[1])


def bmv2(program: Path, frames: list[tuple[int, bytes]], directory: Path) -> list[list[str]]:
    """What BMv2 logs of frames, a list for each."""
    interfaces = []
    for port in PORTS:
        packed = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        for number, (at, frame) in enumerate(frames):
            if at == port:
                packed += struct.pack("<4I", 0, 1000 * number, len(frame), len(frame)) + frame
        (directory / f"{port}_in.pcap").write_bytes(packed)
        interfaces += ["-i", f"{port}@{directory}/{port}"]
    log = directory / "log"
    command = [SWITCH, *interfaces, "--thrift-port", _free_port(), "--log-console"]
    command += ["--use-files", "0", str(program)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def told() -> list[tuple[int, str]] | None:
        found = [(int(number), text) for number, text in LINE.findall(log.read_text())]
        ended = {n for n, text in found if text.startswith(("Transmitting ", "Dropping "))}
        return found if len(ended) == len(frames) else None

    try:
        found = poll(told, "BMv2 has logged all frames")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    found.sort(key=lambda each: each[0])
    return [[text for _, text in each] for _, each in groupby(found, lambda each: each[0])]


@pytest.mark.parametrize("name", STEP)
def test_the_same_events_in_the_same_order(name: str, tmp_path: Path) -> None:
    program = COMPILED / f"{name}.json"
    some = islice(vectors(name), 0, 400, STEP[name])
    frames = [each for each in some if each[0] in PORTS][:FRAMES]
    traced = Traced(program)
    assert len(frames) > 5
    for frame, logged in zip(frames, bmv2(program, frames, tmp_path), strict=True):
        expected = list(theirs(logged))
        assert list(ours(traced.lines(*frame))) == expected, frame[1].hex()
        assert {kind for kind, *_ in expected} & {"sent", "dropped"}
