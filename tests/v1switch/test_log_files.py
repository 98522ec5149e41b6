"""Logs: which level they have, how they rotate as BMv2's, and that they stay bounded."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from tests.switch.harness import poll
from tests.v1switch.twin import COMPILED
from v1switch.commands.log_files import BoundedOutput, RotatingFile, Sink
from v1switch.commands.logs import Stamp
from v1switch.commands.options import parse
from v1switch.io.captures import PcapFile


def emit(handler: Sink, count: int) -> None:
    for number in range(count):
        handler.emit(logging.makeLogRecord({"msg": f"line {number}"}))


def files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


# -- levels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ([], "info"),
        (["--log-console"], "trace"),
        (["--log-file", "s1"], "trace"),
        (["--log-console", "-L", "info"], "info"),
        (["-L", "trace"], "trace"),
    ],
)
def test_the_level_is_bmv2s_where_a_log_is_asked_for(options: list[str], level: str) -> None:
    found = parse(["--no-p4", *options])
    assert found.general.log_level == level
    assert any("-L info" in remark for remark in found.remarks) == (level == "trace")


def test_stamps_are_the_time_of_day() -> None:
    assert Stamp()()[:1] == "["
    assert len(Stamp()()) == len("[15:04:05.123] [T] ")


# -- files -----------------------------------------------------------------------------------------


def test_a_full_file_is_kept_under_a_number_and_the_next_says_so(tmp_path: Path) -> None:
    handler = RotatingFile(tmp_path / "s1.log", 14, 2)
    emit(handler, 8)
    handler.stream.close()
    found = files(tmp_path)
    assert sorted(found) == ["s1.log.1.txt", "s1.log.2.txt", "s1.log.txt"]
    note, *rest = found["s1.log.txt"].splitlines()
    assert note.startswith("(log: what came before is in s1.log.1.txt; 2 older files of 14 bytes")
    assert rest == ["line 6", "line 7"]
    assert found["s1.log.2.txt"].endswith("line 2\nline 3\n")


def test_without_older_files_a_full_one_begins_again(tmp_path: Path) -> None:
    handler = RotatingFile(tmp_path / "log", 16, 0)
    emit(handler, 3)
    handler.stream.close()
    (text,) = files(tmp_path).values()
    assert text.startswith("(log: cut off here; ")
    assert text.endswith(")\nline 2\n")


def test_a_device_is_written_to_as_it_is() -> None:
    handler = RotatingFile(Path("/dev/null"), 10, 2)
    emit(handler, 5)
    handler.stream.close()
    assert Path("/dev/null").is_char_device()


def test_text_that_the_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    handler = RotatingFile(tmp_path / "log", 1000, 1)
    handler.write("broken \udcff\n")
    handler.stream.close()
    assert files(tmp_path) == {"log.txt": "broken \\udcff\n"}


# -- standard output -------------------------------------------------------------------------------


@contextmanager
def redirected(path: Path, flags: int, limit: int) -> Iterator[tuple[BoundedOutput, TextIO]]:
    """An output that a shell has redirected to a file."""
    number = os.open(path, flags | os.O_CREAT, 0o644)
    with os.fdopen(number, "w") as stream:
        yield BoundedOutput(stream, limit), stream


@pytest.mark.parametrize("flags", [os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND])
def test_a_redirected_output_keeps_its_newest_lines(tmp_path: Path, flags: int) -> None:
    path = tmp_path / "s1.log"
    path.write_text("of an earlier run\n")
    begin = "" if flags & os.O_TRUNC else "of an earlier run\n"
    begin += "line 0\n"
    with redirected(path, flags, 1000) as (handler, _):
        emit(handler, 1)  # the switch starts
        for number in range(1000):
            handler.write(f"line {number}\nsecond {number}\n")
            assert path.stat().st_size <= len(begin) + 1000 + len("(log: 1,000,000 bytes …")
    text = path.read_text()
    assert text.startswith(begin)
    note, *rest = text.removeprefix(begin).splitlines()
    assert note.startswith("(log: ")
    assert note.endswith(" bytes of older lines cut off here)")
    told = [f"{word} {n}" for n in range(1000) for word in ("line", "second")]
    assert rest == told[-len(rest) :]
    assert len(rest) > 20


def test_an_output_that_is_no_file_is_not_cut() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream, os.fdopen(read) as reader:
        handler = BoundedOutput(stream, 10)
        handler.write("more than ten bytes\nand more\n")
        stream.close()
        assert reader.read() == "more than ten bytes\nand more\n"


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    with redirected(tmp_path / "log", os.O_RDONLY, 10) as (handler, stream):
        handler.write("lost\n")
        emit(handler, 3)
        with pytest.raises(OSError, match="Bad file descriptor"):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# -- a switch --------------------------------------------------------------------------------------


def test_a_switch_with_a_log_file_traces_its_frames(tmp_path: Path) -> None:
    with contextlib.closing(PcapFile(tmp_path / "a_in.pcap")) as file:
        file.write(bytes(30), 0)
    log, entries = tmp_path / "s1.log.txt", tmp_path / "s1-commands.txt"
    entries.write_text(
        "table_add exactly found_exact 0 0 => 9\nfrobnicate\ntable_delete exactly 7\n"
    )
    command = [sys.executable, "-m", "v1switch", "--log-file", tmp_path / "s1.log"]
    command += ["--entries", entries, "--use-files", "0", "-i", f"1@{tmp_path}/a"]
    command += [COMPILED / "tables.json", "--", "--grpc-server-addr", f"unix:{tmp_path}/sock"]
    with subprocess.Popen(command) as process:
        try:
            poll(lambda: log.exists() and "Packet sent" in log.read_text(), "a frame is traced")
        finally:
            process.send_signal(signal.SIGTERM)
    text = log.read_text()
    assert process.returncode == 0
    assert f"{entries}:2: 'frobnicate' is passed over: unknown" in text
    assert f"{entries}: 1 entry written, 1 passed over" in text
    assert (
        "] [T] Table 'TableIngress.exactly': entry hdr.key.a 0, hdr.key.b 0 added with handle 0"
        in text
    )
    assert re.search(
        r"^\[[\d:.]{12}\] \[T\] \[0\.0\] Packet received on port 1: ", text, re.MULTILINE
    )
    assert "] [T] [0.0] Table 'TableIngress.exactly': hit with handle 0, " in text
