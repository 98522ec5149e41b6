"""Memcached and its clients over a real network: two systems, a server that dies, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from falcon_ctl.apps import programs, registry, runner
from falcon_ctl.apps.runner import Ends, Runner, Watched
from falcon_ctl.errors import UsageError
from falcon_ctl.live import cpu_use
from falcon_ctl.live.hosts import Host
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from tests.topo.driver import ROOT, Topo, network_up, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]
try:
    programs.verify([registry.BY_NAME["memcached"]])
except UsageError as error:
    pytestmark.append(pytest.mark.skip(reason=str(error)))
COMMAND = "python -m falcon_ctl apps memcached --systems overlay,falcon --duration 10"
CLIENT = "falcon_ctl.apps.clients.memcached"
QUICK = ("--duration", "1", "--dilation", "1000", "--repeats", "0")


@pytest.fixture(scope="module")
def pair() -> Iterator[Topo]:
    with network_up("pair", "--switch", "v1switch") as topo:
        yield topo


def programs_of(topo: Topo, name: str) -> list[int]:
    """Processes of the network with this program's name."""
    found = []
    for pid in topo.family():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(Path(os.fsdecode(word)).name == name for word in words[:3]):
            found.append(pid)
    return found


def run_on(topo: Topo, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The page's command as a process, with a shorter load."""
    argv = (*COMMAND.split()[1:], *QUICK, "--results", str(folder), *arguments)
    return subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        env=topo.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_systems_serve_their_clients(pair: Topo, tmp_path: Path) -> None:
    file, trace = tmp_path / "apps.json", tmp_path / "trace.json"
    where = ("--json", str(file), "--trace", str(trace))
    process = run_on(pair, tmp_path, *where)
    out, err = process.communicate()
    assert file.exists(), out + err
    report = json.loads(file.read_text())
    assert [one["system"] for one in report["runs"]] == ["overlay", "falcon"]
    for one in report["runs"]:
        assert one["operations"] > 50, one
        assert one["frames"] > one["operations"], one
        assert one["flows"] >= registry.BY_NAME["memcached"].connections
        # Not the mean: frames of the clients' warming up are in the second, and not in the first.
        assert one["latency_us"]["p99"] > one["receive_path_us"]["p50"] > 1
    # Which system is faster is for a computer that does nothing else.
    checks = {check["name"]: check for check in report["checks"]}
    judged = [check for name, check in checks.items() if "FALCON" not in name]
    assert len(judged) == len(checks) - 1 == 4
    assert all(check["ok"] for check in judged), checks
    assert [row["metric"] for row in report["compared"]] == ["mean", "p99"]
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert json.loads((folder / "memcached-falcon-client.txt").read_text())["altered"] == 0
    assert programs_of(pair, "memcached") == []
    drawn = json.loads(trace.read_text())
    labels = ["memcached: container overlay", "memcached: FALCON"]
    assert [one["label"] for one in drawn["runs"]] == labels
    assert {"hit", "napi", "socket"} <= set(drawn["slices"]["kind"])


def test_a_networks_processes_are_no_other_load(
    pair: Topo, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[set[int]] = []
    monkeypatch.setattr(cpu_use, "sample", lambda pids: looked.append(set(pids)))
    monkeypatch.setattr(runner, "_SETTLE", 0.0)
    with pair.network() as network, Testbed.open(network) as testbed:
        host = SimpleNamespace(stats=lambda: {"delivered": 0})
        runner._Looks(testbed, cast("Host", host), Watched()).look()
        assert looked[0] >= set(testbed.pids)  # their numbers here, not in the daemon's namespace


def test_a_server_that_dies_is_told_with_its_last_output(pair: Topo) -> None:
    def kill() -> None:
        until(lambda: programs_of(pair, CLIENT), 60.0)
        for pid in programs_of(pair, "memcached"):
            os.kill(pid, signal.SIGKILL)

    with pair.network() as network, Testbed.open(network) as testbed:
        client, server = Plan(network.spec, 1, 1.0).pairs[0]
        ends = Ends(client.name, server.name, client.machine, server.machine)
        testbed.controller.push_pipelines()
        runs = Runner(testbed, ends, 1)
        thread = threading.Thread(target=kill)
        thread.start()
        found = runs.run(registry.BY_NAME["memcached"], OVERLAY, runs.place(30.0, 1000, 0.0))
        thread.join()
    told = "memcached in red2-1 was killed by SIGKILL; it printed nothing"
    assert found.troubles[0] == told  # the client may have noticed, too
    assert found.transfers == []
    assert programs_of(pair, CLIENT) == []


def test_ctrl_c_leaves_no_process_behind(pair: Topo, tmp_path: Path) -> None:
    process = run_on(pair, tmp_path, "--systems", "overlay", "--duration", "30")
    until(lambda: programs_of(pair, CLIENT), 60.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in err
    assert programs_of(pair, "memcached") == []
    assert programs_of(pair, CLIENT) == []
    assert list(tmp_path.iterdir()) == []
