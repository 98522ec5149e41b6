"""Memcached and its clients over a real network: two systems, a server that dies, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from falcon_ctl.apps import programs, registry
from falcon_ctl.errors import UsageError
from tests.topo.driver import ROOT, Topo, network_up, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]
try:
    programs.verify([registry.BY_NAME["memcached"]])
except UsageError as error:
    pytestmark.append(pytest.mark.skip(reason=str(error)))
QUICK = ("--duration", "1", "--dilation", "1000", "--repeats", "0")


@pytest.fixture(scope="module")
def pair() -> Iterator[Topo]:
    with network_up("pair", "--switch", "v1switch") as topo:
        yield topo


class Apps:
    """`falcon_ctl apps`, as a process."""

    def __init__(self, topo: Topo, folder: Path, *arguments: str) -> None:
        options = ("apps", "memcached", *QUICK, "--results", str(folder), *arguments)
        self._topo = topo
        self.process = subprocess.Popen(
            [sys.executable, "-m", "falcon_ctl", *options],
            cwd=ROOT,
            env=topo.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def programs(self, name: str) -> list[int]:
        """Processes of the network with this program's name."""
        found = []
        for pid in self._topo.family():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(Path(os.fsdecode(word)).name == name for word in words[:3]):
                found.append(pid)
        return found


def test_two_systems_serve_their_clients(pair: Topo, tmp_path: Path) -> None:
    file = tmp_path / "apps.json"
    apps = Apps(pair, tmp_path, "--systems", "overlay,falcon", "--json", str(file))
    out, err = apps.process.communicate()
    assert file.exists(), out + err
    report = json.loads(file.read_text())
    assert [one["system"] for one in report["runs"]] == ["overlay", "falcon"]
    for one in report["runs"]:
        assert one["operations"] > 50, one
        assert one["frames"] > one["operations"], one
        assert one["flows"] >= registry.BY_NAME["memcached"].connections
        assert one["latency_us"]["mean"] > one["receive_path_us"]["p50"] > 1
    # Which system is faster is for a computer that does nothing else.
    checks = {check["name"]: check for check in report["checks"]}
    judged = [check for name, check in checks.items() if "FALCON" not in name]
    assert len(judged) == len(checks) - 1 == 4
    assert all(check["ok"] for check in judged), checks
    assert [row["metric"] for row in report["compared"]] == ["mean", "p99"]
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert json.loads((folder / "memcached-falcon-client.txt").read_text())["altered"] == 0
    assert apps.programs("memcached") == []


def test_a_server_that_dies_is_told_with_its_last_output(pair: Topo, tmp_path: Path) -> None:
    apps = Apps(pair, tmp_path, "--systems", "overlay", "--duration", "30")
    until(lambda: apps.programs("falcon_ctl.apps.clients.memcached"), 60.0)
    (server,) = apps.programs("memcached")
    os.kill(server, signal.SIGKILL)
    out, _ = apps.process.communicate()
    assert apps.process.returncode == 1
    text = " ".join(out.split())
    assert (
        "memcached overlay: memcached in red2-1 was killed by SIGKILL; it printed nothing" in text
    )
    assert apps.programs("falcon_ctl.apps.clients.memcached") == []


def test_ctrl_c_leaves_no_process_behind(pair: Topo, tmp_path: Path) -> None:
    apps = Apps(pair, tmp_path, "--systems", "overlay", "--duration", "30")
    until(lambda: apps.programs("falcon_ctl.apps.clients.memcached"), 60.0)
    apps.process.send_signal(signal.SIGINT)
    _, err = apps.process.communicate()
    assert apps.process.returncode == 130
    assert "interrupted" in err
    assert apps.programs("memcached") == []
    assert apps.programs("falcon_ctl.apps.clients.memcached") == []
    assert list(tmp_path.iterdir()) == []
