"""Files that the switch writes: nobody else's, none of a link's, and a full disk ends no switch."""

import logging
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.topo.unprivileged import NOBODY
from v1switch.io.captures import Capture, PcapFile, read_frames
from v1switch.io.outputs import create

FRAME = bytes(range(60))


def test_it_is_emptied_and_others_cannot_write_to_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old")
    before = os.umask(0)
    try:
        os.close(create(path))
        os.close(create(tmp_path / "new"))
    finally:
        os.umask(before)
    assert path.read_text() == ""
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "somebodys").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "somebodys")
    with pytest.raises(OSError, match="is a symbolic link"):
        create(tmp_path / "link")
    assert (tmp_path / "somebodys").read_text() == "precious"
    os.close(create(Path("/dev/stdout")))


@pytest.mark.skipif(os.geteuid() != 0, reason="a file is given to another user")
def test_somebody_elses_file_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("precious")
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="belongs to another user"):
        create(path)
    assert path.read_text() == "precious"


def test_a_pipe_without_a_reader_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        create(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    file = PcapFile(tmp_path / "pipe")
    file.write(FRAME, 0)
    file.close()
    assert os.read(reader, 4096).endswith(FRAME)
    os.close(reader)


def full_disk(tmp_path: Path) -> None:
    """In a process of its own: a limit for files that is reached within the third frame."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    capture = Capture(tmp_path, {1: "veth0"})
    for number in range(4):
        capture(1, FRAME, True)
        print(number)
    capture(1, FRAME, False)
    capture.close()


def test_a_full_disk_ends_a_capture_with_whole_frames(tmp_path: Path) -> None:
    code = f"from tests.v1switch.test_outputs import *; full_disk(Path({str(tmp_path)!r}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "veth0_in.pcap"
    assert done.stdout.splitlines() == [
        *("0", "1", f"capture {path} ends: File too large", "2", "3"),
    ]
    assert [frame for _, frame in read_frames(path)] == [FRAME] * 2
    assert [frame for _, frame in read_frames(tmp_path / "veth0_out.pcap")] == [FRAME]
