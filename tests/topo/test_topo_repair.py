"""Faults of a network that is up: `status` names each, and `up` repairs it.

After each repair the controller provisions the network and the containers ping each other, so every
interface is attached where it belongs. `test_topo_ordinary_user.py` runs this as well.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from falcon_ctl.live.reach import ping_all
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from tests.topo.driver import ROOT, Topo, until
from topo.client import running
from topo.client.launch import Up, up
from topo.client.network import Network
from topo.rundir import RunDir
from topo.spec.sources import load

pytestmark = pytest.mark.network
TWO = load(str(Path(__file__).with_name("two.yaml")))
TARGET = "v1switch"


@pytest.fixture(scope="module")
def run_dir() -> Iterator[RunDir]:
    """One network for all tests of this module; gRPC decodes %41 in a path as in a URI."""
    path = Path(tempfile.mkdtemp(prefix="topo-%41 repair-", dir="/tmp"))
    run_dir = RunDir(path)
    try:
        bring_up(run_dir)
        yield run_dir
    finally:
        Topo(path)("down")
        shutil.rmtree(path, ignore_errors=True)


def bring_up(run_dir: RunDir) -> Up:
    return up(TWO, TARGET, run_dir)


def ip(node: str, *argv: str) -> Callable[[Network], object]:
    return lambda network: network.exec(node, ["ip", *argv], check=True)


def signalled(part: str, number: int) -> Callable[[Network], object]:
    def send(network: Network) -> None:
        pids = {one.name: one.pid for one in network.status().parts}
        os.kill(pids[part], number)
        until(lambda: any(line.startswith(part) for line in network.status().troubles))

    return send


def removed(name: str) -> Callable[[Network], object]:
    return lambda network: (network.run_dir / name).unlink()


def keeper(node: str, number: int) -> Callable[[Network], object]:
    """Signal the process that keeps the namespace of a node."""

    def send(network: Network) -> None:
        inside = network.exec(node, ["readlink", "/proc/self/ns/net"], check=True).stdout
        family = Topo(network.run_dir).family()
        pid = next(pid for pid in family if _keeps(pid, inside.strip()))
        os.kill(pid, number)
        until(lambda: any(line.startswith(f"{node}:") for line in network.status().troubles))

    return send


def _keeps(pid: int, netns: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return (
            b"sleep\0infinity" in command and str(Path(f"/proc/{pid}/ns/net").readlink()) == netns
        )
    except OSError:
        return False


FAULTS = {
    # what happens: what `status` says, what `up` says
    "container's interface deleted": (
        ip("red1-1", "link", "del", "eth0"),
        "red1-1: eth0 does not exist",
        "rx-m1: m1-red1-1 is new, started again",
    ),
    "machine's end deleted": (
        ip("m2", "link", "del", "m2-red2-1"),
        "m2: m2-red2-1 does not exist",
        "red2-1: eth0 did not exist, made anew",
    ),
    "uplink deleted": (
        ip("m1", "link", "del", "m1-up"),
        "m1: m1-up does not exist",
        "s1: s1-eth1 is new, started again",
    ),
    "link between switches deleted": (
        ip("s2", "link", "del", "s2-eth2"),
        "s1: s1-eth2 does not exist",
        "s1: s1-eth2 is new, started again",
    ),
    "container's interface down": (
        ip("red2-1", "link", "set", "eth0", "down"),
        "red2-1: eth0 is down",
        "red2-1: eth0 is down, repaired",
    ),
    "uplink down": (
        ip("m1", "link", "set", "m1-up", "down"),
        "m1: m1-up is down",
        "m1: m1-up is down, repaired",
    ),
    "switch port down": (
        ip("s1", "link", "set", "s1-eth2", "down"),
        "s1: s1-eth2 is down",
        "s1: s1-eth2 is down, repaired",
    ),
    "address deleted": (
        ip("red1-1", "addr", "flush", "dev", "eth0"),
        "red1-1: eth0 has address none, not 10.0.0.11",
        "red1-1: eth0 has address none, not 10.0.0.11, repaired",
    ),
    "MTU changed": (
        ip("s1", "link", "set", "s1-eth2", "mtu", "900"),
        "s1: s1-eth2 has MTU 900, not 1600",
        "s1: s1-eth2 has MTU 900, not 1600, repaired",
    ),
    "switch killed": (
        signalled("s1", signal.SIGKILL),
        "s1: killed by SIGKILL",
        "s1: killed by SIGKILL, started again",
    ),
    "switch stopped": (
        signalled("s2", signal.SIGSTOP),
        "s2: stopped",
        "s2: was stopped, continued",
    ),
    "receive path killed": (
        signalled("rx-m1", signal.SIGKILL),
        "rx-m1: killed by SIGKILL",
        "rx-m1: killed by SIGKILL, started again",
    ),
    "receive path stopped": (
        signalled("rx-m2", signal.SIGSTOP),
        "rx-m2: stopped",
        "rx-m2: was stopped, continued",
    ),
    "switch's socket removed": (
        removed("s1.p4rt.sock"),
        "s1: without its socket, which was removed",
        "s1: its socket was removed, started again",
    ),
    "socket of rx-m2 removed": (
        removed("rx-m2.sock"),
        "rx-m2: without its socket, which was removed",
        "rx-m2: its socket was removed, started again",
    ),
    "container's namespace ended": (
        keeper("red2-1", signal.SIGKILL),
        "red2-1: its namespace was ended",
        "red2-1: its namespace was ended, made anew",
    ),
    "machine's namespace ended": (
        keeper("m1", signal.SIGKILL),
        "m1: its namespace was ended",
        "rx-m1: its node is new, started again",
    ),
    "switch's namespace ended": (
        keeper("s2", signal.SIGKILL),
        "s2: its namespace was ended",
        "s2: its node is new, started again",
    ),
    "machine's keeper stopped": (
        keeper("m2", signal.SIGSTOP),
        "m2: the process that keeps its namespace is stopped",
        "m2: the process that keeps its namespace was stopped, continued",
    ),
}


# At once, as long as one fault does not hide another: bringing up and pinging take the time.
GROUPS = (
    ("container's interface deleted", "switch stopped", "MTU changed", "socket of rx-m2 removed"),
    ("uplink deleted", "address deleted", "receive path stopped"),
    ("link between switches deleted", "machine's end deleted", "receive path killed"),
    ("container's namespace ended", "uplink down", "switch port down", "switch's socket removed"),
    ("machine's namespace ended", "switch killed", "container's interface down"),
    ("switch's namespace ended", "machine's keeper stopped"),
)


def test_every_fault_is_tried_once() -> None:
    assert sorted(fault for group in GROUPS for fault in group) == sorted(FAULTS)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0])
def test_faults_are_named_and_repaired(run_dir: RunDir, group: tuple[str, ...]) -> None:
    (before,) = running.of(run_dir)
    with Network.connect(run_dir.path) as network:
        assert network.status().troubles == ()
        for fault in group:
            FAULTS[fault][0](network)
        told = {FAULTS[fault][1] for fault in group}
        until(lambda: told <= set(network.status(probe=True).troubles))
    result = bring_up(run_dir)
    assert result.was_up
    for fault in group:
        assert FAULTS[fault][2] in result.notes, fault
    assert running.of(run_dir)[0].processes == before.processes, "not replaced"
    verify_usable(run_dir)


def verify_usable(run_dir: RunDir) -> None:
    """Every part answers, and the controller makes the containers reach each other."""
    with Network.connect(run_dir.path) as network:
        until(lambda: network.status(probe=True).troubles == ())  # each has a second to answer
        with Testbed.open(network) as testbed:
            testbed.controller.push_pipelines()
            testbed.use(OVERLAY, 1000)
            assert all(ping_all(testbed, 15.0).values())


@pytest.mark.parametrize(
    "junk",
    [b"", b"{" * 100_000, b"\xff\0[", b'{"topology": 3}'],
    ids=["empty", "deep", "binary", "number"],
)
def test_a_damaged_state_file_changes_nothing(run_dir: RunDir, junk: bytes) -> None:
    run_dir.state.write_bytes(junk)
    assert bring_up(run_dir).notes == ()


def test_status_and_up_say_it_in_words(run_dir: RunDir) -> None:
    topo = Topo(run_dir.path)
    source = str(Path(__file__).with_name("two.yaml"))
    topo("exec", "m1", "--", "ip", "link", "set", "m1-up", "down")
    shown = topo("status", status=1).stdout
    assert "m1: m1-up is down\nmake topo repairs what is broken\n" in shown
    refused = run_main_job(run_dir)
    assert refused == "falcon_ctl: network: m1: m1-up is down (make topo repairs it)\n"
    done = topo("up", source, "--switch", TARGET)
    assert done.stdout.startswith("m1: m1-up is down, repaired\ntwo (v1switch) is up again")
    assert topo("up", source, "--switch", TARGET).stdout == "two (v1switch) is up already\n"
    topo("status")


FULL_DISK = """
    mount -t tmpfs -o size=1m,mode=700 none {run_dir} && cd {run_dir}
    dd if=/dev/zero of=fill bs=4k 2>&1 || true
    PYTHONPATH={root} {python} -m topo up {small}; echo "exit status $?"; ls
"""


def test_a_full_disk_in_the_run_directory() -> None:
    """In a mount namespace; `make chaos` fills the disk of a network that is up."""
    path = Path(tempfile.mkdtemp(prefix="topo-full-", dir="/tmp"))
    small = Path(__file__).with_name("small.yaml")
    script = FULL_DISK.format(run_dir=path, root=ROOT, python=sys.executable, small=small)
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    env = os.environ | {"FALCON_RUN_DIR": str(path)}
    done = subprocess.run(
        [*alone, "sh", "-uc", script], capture_output=True, text=True, check=True, env=env
    )
    path.rmdir()
    assert done.stdout.endswith("exit status 2\nfill\n")
    assert done.stderr == f"topo: {path}: cannot write there: No space left on device\n"


def test_the_main_job_names_a_daemon_that_does_not_answer(run_dir: RunDir) -> None:
    (network,) = running.of(run_dir)
    os.kill(network.daemon, signal.SIGSTOP)
    assert run_main_job(run_dir).startswith("falcon_ctl: daemon: no answer, is it stopped?")
    assert bring_up(run_dir).notes == (f"daemon {network.daemon} was stopped: continued",)
    verify_usable(run_dir)


def run_main_job(run_dir: RunDir) -> str:
    """What the main job writes on standard error when it refuses to begin."""
    argv = [sys.executable, "-m", "falcon_ctl", "--run-dir", str(run_dir.path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_what_cannot_be_repaired_is_replaced(run_dir: RunDir) -> None:
    """The configuration of a receive path cannot be written: the network is replaced."""
    (before,) = running.of(run_dir)
    with Network.connect(run_dir.path) as network:
        signalled("rx-m1", signal.SIGKILL)(network)
    config = run_dir.config("m1")
    config.unlink()
    config.mkdir()
    with pytest.raises(Exception, match=r"cannot remove .*rx-m1\.json: Is a directory"):
        bring_up(run_dir)
    assert running.of(run_dir) == []
    config.rmdir()
    result = bring_up(run_dir)
    assert not result.was_up
    assert running.of(run_dir)[0].processes != before.processes
