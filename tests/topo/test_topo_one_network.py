"""One run directory, one network: found by its processes when its files have been removed.

`test_topo_ordinary_user.py` runs all of this as an ordinary user as well.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topo.driver import ROOT, Topo, is_gone, until
from topo.client import running
from topo.client.launch import up as up_in_process
from topo.client.network import Network
from topo.client.shutdown import take_down
from topo.errors import OtherNetworkUp, RequestError, StartFailed
from topo.rundir import RunDir
from topo.spec.sources import load

pytestmark = pytest.mark.network
SMALL = str(Path(__file__).with_name("small.yaml"))


@pytest.fixture(scope="module")
def shared() -> Iterator[Topo]:
    """A run directory for all tests of this module; most leave the network up."""
    path = Path(tempfile.mkdtemp(prefix="topo-one-", dir="/tmp"))
    topo = Topo(path)
    yield topo
    topo("down")
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def up(shared: Topo) -> Topo:
    """The small network, up."""
    shared("up", SMALL)
    return shared


def own(topo: Topo) -> list[running.Running]:
    return running.of(RunDir(topo.run_dir))


def listed(topo: Topo) -> dict[str, dict[str, object]]:
    rows = json.loads(topo("list", "--all", "--json").stdout)
    return {row["run_dir"]: row for row in rows}


def test_a_network_is_listed_with_its_daemon(up: Topo) -> None:
    (network,) = own(up)
    status = up.status()
    assert network.daemon == status["pid"]
    assert network.topology == status["topology"]
    row = listed(up)[str(up.run_dir)]
    assert (row["topology"], row["pid"], row["state"]) == ("small", network.daemon, "up")
    assert json.loads(up("list", "--json").stdout)[0]["pid"] == network.daemon
    assert "small" in up("list").stdout


@pytest.mark.parametrize("what", ["socket", "directory"])
def test_a_network_that_lost_its_files_is_found_again(up: Topo, what: str) -> None:
    (before,) = own(up)
    if what == "socket":
        (up.run_dir / "topo.sock").unlink()
    else:
        shutil.rmtree(up.run_dir)
    done = up("up", SMALL)
    # The daemon looks each second, so it may have bound its socket before `up` looked.
    assert re.search(r"topo.sock was removed: bound again|is up already|started again", done.stdout)
    (after,) = own(up)
    assert after.processes == before.processes
    assert up.status()["pid"] == before.daemon


def test_status_says_that_the_socket_was_removed(up: Topo) -> None:
    shutil.rmtree(up.run_dir)
    done = up("status", status=1)
    assert "its socket was removed: make topo repairs it" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "run directory was removed" in str(listed(up)[str(up.run_dir)]["state"])


def test_down_ends_a_network_without_its_files(up: Topo) -> None:
    family = up.family()
    shutil.rmtree(up.run_dir)
    assert up("down").stdout == "the network is down\n"
    assert all(is_gone(pid) for pid in family)
    assert own(up) == []
    assert not up.run_dir.exists(), "nothing is made to remove it"


def test_a_repaired_network_leaves_nothing(up: Topo) -> None:
    """The names of its switches were in a file that is gone."""
    shutil.rmtree(up.run_dir)
    up("up", SMALL)
    assert "s1.p4rt.sock" in up.files()
    up("down")
    assert up.files() == set()


def test_down_all_ends_every_network(run_dir: Path) -> None:
    """In a PID namespace of its own, or it would end those of other tests."""
    one, other = run_dir / "one", run_dir / "other"
    topo = f"{sys.executable} -m topo"
    script = f"""
        sleep 1000 | {topo}.daemon {other} small | cat &
        FALCON_RUN_DIR={one} {topo} up {SMALL} && rm -r {one} &&
        {topo} list --all --json && {topo} down --all && {topo} list --all
    """
    alone = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*alone, "sh", "-ec", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    listed, _, ended = done.stdout.partition("[")[2].partition("]")
    states = {row["run_dir"]: row["state"] for row in json.loads(f"[{listed}]")}
    lost = "its run directory was removed (make topo repairs it)"
    assert states == {str(one): lost, str(other): "starting"}
    assert sorted(ended.split("\n")[1:-1]) == [
        f"{one}: small is down",
        f"{other}: small is down",
        "no network is up",
    ]
    assert list(run_dir.iterdir()) == []


def test_a_renamed_directory_does_not_make_a_second_network(up: Topo) -> None:
    (before,) = own(up)
    moved = up.run_dir.with_name(f"{up.run_dir.name}-moved")
    up.run_dir.rename(moved)
    try:
        elsewhere = Topo(moved)
        assert f"the network of {up.run_dir} answers in {moved}" in (
            elsewhere("up", SMALL, status=1).stderr
        )
        up("up", SMALL)
        (after,) = own(up)
        assert after.processes == before.processes
    finally:
        shutil.rmtree(moved)


def test_a_stopped_daemon_is_continued(up: Topo) -> None:
    (network,) = own(up)
    os.kill(network.daemon, signal.SIGSTOP)
    until(lambda: network.is_stopped)
    assert listed(up)[str(up.run_dir)]["state"] == "stopped"
    assert f"daemon {network.daemon} was stopped: continued" in up("up", SMALL).stdout
    assert own(up)[0].processes == network.processes


def test_a_network_that_cannot_be_reached_is_replaced(up: Topo) -> None:
    (before,) = own(up)
    (up.run_dir / "topo.sock").unlink()
    (up.run_dir / "topo.sock").mkdir()  # the daemon removes no directory
    done = up("up", SMALL, status=None)
    (up.run_dir / "topo.sock").rmdir()
    assert done.returncode == 2
    assert "topo.sock" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert own(up) == []
    assert is_gone(before.init)


def test_a_network_that_is_starting_is_left_alone(shared: Topo) -> None:
    """Its `up` holds a lock on a directory that is gone."""
    shared("down")
    waiting = subprocess.Popen(
        running.command(sys.executable, RunDir(shared.run_dir), "small"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        (network,) = until(lambda: own(shared))
        assert network.is_starting
        assert network.daemon == waiting.pid
        assert "another `topo up`" in shared("up", SMALL, status=1).stderr
    finally:
        waiting.kill()
        waiting.communicate()


OTHER_VERSION = """
import json, socket, sys, threading
reply = json.loads(sys.argv.pop())
def serve(client):
    for line in client.makefile():
        whole = {**reply, "id": json.loads(line)["id"]} if isinstance(reply, dict) else reply
        client.sendall(json.dumps(whole).encode() + bytes([10]))
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind("topo.sock")
    listener.listen()
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"""


@pytest.mark.parametrize(
    "reply",
    [
        {"ok": True, "result": {"topology": "small", "parts": [{"name": "s1"}]}},
        {"ok": True, "result": []},
        {"ok": "yes"},
        ["ok"],
        3,
    ],
    ids=str,
)
def test_a_daemon_of_another_version_is_reported_in_a_line(run_dir: Path, reply: object) -> None:
    """A process that answers in another form: every command says so, and nothing is removed."""
    argv = [sys.executable, "-c", OTHER_VERSION, json.dumps(reply)]
    with subprocess.Popen(argv, cwd=run_dir, stdout=subprocess.PIPE) as daemon:
        try:
            assert daemon.stdout is not None
            daemon.stdout.readline()
            with Network.connect(run_dir) as network:
                for ask in (network.status, lambda: network.spec, network.repair):
                    with pytest.raises(RequestError, match="of another version"):
                        ask()
                with pytest.raises(RequestError, match="of another version"):
                    network.exec("m1", ["true"])
            with pytest.raises(StartFailed, match=rf"end it \(kill {daemon.pid}\)"):
                take_down(RunDir(run_dir))
            with pytest.raises(OtherNetworkUp, match="of another version"):
                up_in_process(load(SMALL), "v1switch", RunDir(run_dir))
            assert (run_dir / "topo.sock").is_socket()
        finally:
            daemon.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_in_its_place(up: Topo) -> None:
    shutil.rmtree(up.run_dir)
    up.run_dir.mkdir(mode=0o700)
    os.chown(up.run_dir, 65534, 65534)
    try:
        refused = up("up", SMALL, status=2).stderr
        assert "its owner is uid 65534; or set FALCON_RUN_DIR to another directory" in refused
        assert up("down").stdout == "the network is down\n"
        assert own(up) == []
        assert up.run_dir.stat().st_uid == 65534
    finally:
        up.run_dir.rmdir()


def test_processes_of_other_users_and_other_commands_are_not_networks() -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    lookalike = [*argv, "-m", "topo.daemon", "/tmp/x", "pair"]
    with subprocess.Popen(lookalike) as process:
        try:
            assert process.pid not in {network.daemon for network in running.networks()}
        finally:
            process.kill()
