"""With umask 0, nothing that the network's programs write can be written by other users."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.topo.driver import ROOT, Topo, until

SMALL = str(Path(__file__).with_name("small.yaml"))


def open_to_others(*folders: Path) -> list[str]:
    """Files, sockets and folders that the group or others may write, with their modes."""
    found = []
    for path in (path for folder in folders for path in (folder, *folder.rglob("*"))):
        mode = path.lstat().st_mode
        if mode & 0o022 and not stat.S_ISLNK(mode):
            found.append(f"{path} {stat.filemode(mode)}")
    return found


@pytest.mark.network
def test_a_network_that_is_brought_up_with_umask_0(topo: Topo, tmp_path: Path) -> None:
    topo("up", SMALL, umask=0)
    for path in (topo.run_dir / "rx-m1.sock", topo.run_dir / "s1.p4rt.sock"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    written = {path.name for path in topo.run_dir.iterdir()}
    assert written >= {"topo.json", "topo.log", "topo.sock", "rx-m1.json", "rx-m1.log"}
    assert written & {"s1.log", "s1.log.txt"}
    topo("exec", "m1", "--", "touch", str(tmp_path / "of-a-machine"), umask=0)
    assert open_to_others(topo.run_dir, tmp_path) == []


def test_a_switch_that_is_started_by_hand_with_umask_0(tmp_path: Path) -> None:
    path = tmp_path / "p4rt.sock"
    argv = [sys.executable, "-m", "v1switch", "--no-p4", "--log-file", str(tmp_path / "log")]
    argv += ["--", "--grpc-server-addr", f"unix:{path}"]
    with subprocess.Popen(argv, cwd=ROOT, umask=0) as process:
        try:
            until(path.exists, 60.0)
            with socket.socket(socket.AF_UNIX) as sock:
                until(lambda: sock.connect_ex(os.fspath(path)) == 0, 60.0)
            assert (tmp_path / "log.txt").exists()
            assert open_to_others(tmp_path) == []
        finally:
            process.terminate()
