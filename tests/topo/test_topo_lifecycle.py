"""Start-up and shutdown: what is left after `down`, after crashes and after failed starts."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.topo.driver import ROOT, Topo, interfaces, is_gone, kill, long, sleepers, until
from topo.client.pids import init_of
from topo.protocol.status import Target
from topo.rundir import RunDir
from topo.system import targets

pytestmark = pytest.mark.network
# The smallest network: where a test is not about its parts, fewer of them start sooner.
SMALL = str(Path(__file__).with_name("small.yaml"))

FAILING = """#!/bin/sh
case "$1" in --help|--version) exit 0;; esac
echo "cannot open the port"
exit 3
"""
HANGING = f"""#!/bin/sh
case "$1" in --help|--version) exit 0;; esac
echo hanging
exec sleep {long(1)}
"""


@pytest.fixture
def fake_bmv2(topo: Topo, tmp_path: Path) -> Path:
    """A simple_switch_grpc written by the test, first on the PATH."""
    topo.env = topo.env | {"PATH": f"{tmp_path}:{topo.env['PATH']}"}
    program = tmp_path / "simple_switch_grpc"
    program.touch(0o755)
    return program


def test_down_leaves_nothing_and_is_idempotent(topo: Topo) -> None:
    namespaces = set(Path("/run").glob("netns/*"))
    assert topo("down").stdout == "no network was up\n"
    topo("up")
    family = topo.family()
    assert len(family) > 12
    assert topo("down").stdout == "the network is down\n"
    assert all(is_gone(pid) for pid in family)
    assert topo.files() == set()
    assert topo("down").stdout == "no network was up\n"
    done = topo("status", status=3)
    assert "no network is up" in done.stderr
    assert "make topo" in done.stderr
    for command in (["exec", "m1", "--", "true"], ["cli"]):
        topo(*command, status=3)
    assert set(Path("/run").glob("netns/*")) == namespaces


@pytest.mark.parametrize("victim", ["daemon", "init"])
def test_sigkill_of_the_daemon_ends_everything(topo: Topo, victim: str) -> None:
    topo("up", SMALL)
    family = topo.family()
    daemon = int(topo.status()["pid"])
    init = init_of(daemon)
    assert init is not None
    assert init == family[0]
    kill(daemon if victim == "daemon" else init)
    until(lambda: all(is_gone(pid) for pid in family))
    topo("status", status=3)
    assert "topo.sock" in topo.files(), "nobody has cleaned up yet"
    if victim == "daemon":
        assert topo("down").stdout == "no network was up\n"
        assert topo.files() == set()
    else:  # what the dead one left does not hinder a new one
        topo("up", SMALL)
        assert [part["returncode"] for part in topo.status()["parts"]] == [None] * 2


def test_sigterm_takes_the_network_down(topo: Topo) -> None:
    topo("up", SMALL)
    family = topo.family()
    os.kill(int(topo.status()["pid"]), signal.SIGTERM)
    until(lambda: all(is_gone(pid) for pid in family))
    assert topo.files() == set()


def test_down_of_a_daemon_that_does_not_answer(topo: Topo) -> None:
    topo("up", SMALL)
    family = topo.family()
    os.kill(int(topo.status()["pid"]), signal.SIGSTOP)
    assert topo("down").stdout == "the network is down\n"
    assert all(is_gone(pid) for pid in family)
    assert topo.files() == set()


def test_status_reports_a_dead_program(topo: Topo) -> None:
    topo("up", SMALL)
    with topo.network() as network:
        before = network.status()
        kill(before.parts[1].pid)
        until(lambda: network.status().dead)
        status = network.status()
        assert [part.name for part in status.dead] == ["rx-m1"]
        assert network.machines["m1"].pid == 0
    text = topo("status", status=1).stdout
    assert text.count("running") == 1
    assert "rx-m1 killed by SIGKILL; the end of" in text
    assert json.loads(topo("status", "--json", status=1).stdout)["parts"][1]["returncode"] == -9


def test_status_shows_the_log_tail_of_a_dead_switch(topo: Topo) -> None:
    topo("up", SMALL)
    with topo.network() as network:
        part = network.status().parts[0]
        kill(part.pid)
        dead = until(lambda: network.status().dead)
        shown = list(dead[0].tail)
        log = Path(part.log).read_text().splitlines()
        end = shown.index(log[-1]) + 1  # BMv2 writes a second file, which is shown after it
        assert shown[:end] == log[-end:]
    assert f"  | {dead[0].tail[-1][:60]}" in topo("status", status=1).stdout


def test_a_program_that_fails_to_start_is_reported_with_its_log(
    topo: Topo, fake_bmv2: Path
) -> None:
    fake_bmv2.write_text(FAILING)
    done = topo("up", "--switch", "bmv2", status=1)
    assert "topo: s1: exited with 3" in done.stderr
    assert "  | cannot open the port" in done.stderr
    assert topo.files() == set()
    assert sleepers(str(topo.run_dir / "rx-m1.json")) == []
    topo("status", status=3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_up_leaves_nothing(
    topo: Topo, fake_bmv2: Path, number: signal.Signals
) -> None:
    fake_bmv2.write_text(HANGING)
    process = topo.start("up", "--switch", "bmv2")
    until(lambda: (topo.run_dir / "s1.out").exists() and sleepers(long(1)))
    busy = topo("up", status=1)
    assert "another `topo up` or `topo down` is running in" in busy.stderr
    assert "is running in" in topo("down", status=1).stderr
    process.send_signal(number)
    process.wait(60)
    until(lambda: not sleepers(long(1)))
    until(lambda: topo.files() == set())
    topo("status", status=3)


def test_a_locked_run_directory_refuses_up(topo: Topo) -> None:
    with RunDir(topo.run_dir).locked():
        assert "is running in" in topo("up", status=1).stderr
    assert topo.files() == set()


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("name: lab\nswitch: {}\n", 2),
        ("switches: {s1: {}}\nmachines: {m1: {}}\ncontainers:\n  c: {tenant: red}\n", 4),
        ("switches: {s1: {}}\nmachines: {m1: {}}\nlinks:\n- [m1, s1]\n- [s1, s7:1]\n", 5),
    ],
)
def test_a_wrong_spec_starts_nothing(topo: Topo, tmp_path: Path, spec: str, line: int) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(spec)
    done = topo("up", str(file), status=2)
    assert done.stdout == ""
    assert done.stderr.startswith(f"topo: {file}:{line}: ")
    assert len(done.stderr.splitlines()) == 1
    assert topo.files() == set()


@pytest.mark.parametrize(
    "arguments", [["ring"], ["--switch", "ovs"], ["none.yaml"], ["pair:k=1"], ["--nonsense"]]
)
def test_wrong_usage_starts_nothing(topo: Topo, arguments: list[str]) -> None:
    topo("up", *arguments, status=2)
    assert topo.files() == set()


def test_a_world_readable_run_directory_is_refused(topo: Topo) -> None:
    topo.run_dir.chmod(0o755)
    for command in ("up", "down", "status"):
        assert "expected mode 0700" in topo(command, status=2).stderr
    topo.run_dir.chmod(0o700)


def test_missing_programs_are_reported(topo: Topo, tmp_path: Path) -> None:
    topo.env = topo.env | {"PATH": str(tmp_path)}
    done = topo("up", "--switch", "bmv2", status=2)
    lines = done.stderr.splitlines()
    assert "topo: mnexec not found" in lines[0]
    assert lines[0].endswith("install the package mininet")
    assert any("simple_switch_grpc not found" in line for line in lines)
    assert topo.files() == set()


def test_denied_user_namespaces_are_reported(topo: Topo) -> None:
    # Inside a user namespace that allows no further one, as a sysctl does for a whole machine.
    limit = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'
    wrapper = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    done = subprocess.run(
        [*wrapper, sys.executable, "-m", "topo", "up"],
        env=topo.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "sysctl" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert topo.files() == set()


def test_namespaces_are_tried_where_grpc_runs(tmp_path: Path) -> None:
    """A fork of such a process that forks again into namespaces waits long, and aborts."""
    program = f"""
import grpc
from concurrent import futures
from topo.system import namespaces
server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_insecure_port("unix:{tmp_path}/x")
server.start()
channel = grpc.insecure_channel("unix:{tmp_path}/x")
grpc.channel_ready_future(channel).result(60)
print(namespaces.probe())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_covered_proc_is_reported(topo: Topo) -> None:
    # Containers cover parts of /proc; the kernel then refuses a new one (mount_too_revealing).
    # What covers must be another user namespace's, or we could take it away.
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    cover = 'mount -t tmpfs none /proc/sys && exec "$@"'
    wrapper = [*unshare, "sh", "-c", cover, "sh", *unshare]
    done = subprocess.run(
        [*wrapper, sys.executable, "-m", "topo", "up"],
        env=topo.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot mount /proc" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_interfaces_and_processes_of_others_are_untouched(run_dir: Path) -> None:
    """In a namespace that has interfaces and a process with the same names as ours."""
    links = "ip link add s1-eth1 type veth peer name m1-up"
    theirs = f'{links} && sleep {long(2)} & exec "$@"'
    held = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", theirs, "sh"]
    holder = subprocess.Popen([*held, "sleep", long(3)])
    try:
        until(lambda: sleepers(long(2)) and sleepers(long(3)))
        enter = ["nsenter", "-t", str(holder.pid), "--user", "--preserve-credentials", "--net"]
        topo = Topo(run_dir, enter)
        (run_dir / "notes.log").write_text("mine")
        look = [*enter, "ip", "-br", "link"]
        before = subprocess.check_output(look, text=True)
        assert "s1-eth1" in before
        topo("up", SMALL)
        assert subprocess.check_output(look, text=True) == before
        kill(int(topo.status()["pid"]))
        topo("down")
        assert subprocess.check_output(look, text=True) == before
        assert sleepers(long(2))
        assert topo.files() == {"notes.log"}
    finally:
        holder.kill()
        holder.wait()
        for pid in sleepers(long(2)):
            os.kill(pid, signal.SIGKILL)


def test_leafspine_comes_up(topo: Topo) -> None:
    topo("up", "leafspine")
    state = topo.status()
    assert [s["name"] for s in state["switches"]] == ["leaf1", "leaf2", "spine1", "spine2"]
    assert state["machines"][1]["switch"] == "leaf2"
    assert len(state["parts"]) == 6
    # Every link carries frames both ways, port by port.
    with topo.network() as network:
        every = socket.htons(0x0003)
        for link in network.spec.links:
            (a, name_a), (b, name_b) = (
                (end.node, f"{end.node}-eth{end.port}" if end.port else f"{end.node}-up")
                for end in link.ends
            )
            with (
                network.socket(a, socket.AF_PACKET, socket.SOCK_RAW, every) as one,
                network.socket(b, socket.AF_PACKET, socket.SOCK_RAW, every) as other,
            ):
                one.bind((name_a, 0x0003))
                other.bind((name_b, 0x0003))
                frame = bytes(12) + b"\x88\xb5" + name_a.encode().ljust(1600, b".")
                one.send(frame)
                other.settimeout(60)
                assert other.recv(2048) == frame


@pytest.mark.parametrize("target", ["v1switch", "bmv2"])
def test_each_target_can_be_the_switch(topo: Topo, target: Target) -> None:
    if (lack := targets.requirement(target)) is not None:
        pytest.skip(lack)
    topo("up", SMALL, "--switch", target)
    with topo.network() as network:
        switch = network.switches["s1"]
        command = Path(f"/proc/{switch.pid}/cmdline").read_text()
        assert ("simple_switch_grpc" in command) == (target == "bmv2")
        assert switch.target == target
        assert re.match(r"\d+\.\d+", switch.version)
        assert Path(switch.log).exists()
        listening = network.exec("s1", ["cat", "/proc/net/tcp"], check=True).stdout
    # BMv2's Thrift server listens in the switch's own network namespace and nowhere else.
    assert (f":{targets.THRIFT_PORT:04X} " in listening) == (target == "bmv2")
    assert f":{targets.THRIFT_PORT:04X} " not in Path("/proc/self/net/tcp").read_text()


def test_ipv6_can_be_enabled(topo: Topo) -> None:
    topo("up", SMALL, "--ipv6")
    with topo.network() as network:
        assert network.spec.ipv6
        addresses = ["cat", "/proc/net/if_inet6"]
        until(lambda: "eth0" in network.exec("red1-1", addresses, check=True).stdout)
    assert "another network of another spec" in topo("up", SMALL, status=1).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="/run belongs to root")
def test_a_run_directory_below_run(run_dir: Path) -> None:
    topo = Topo(Path("/run") / run_dir.name)
    try:
        topo("up", SMALL)
        assert json.loads(topo("status", "--json").stdout)["topology"] == "small"
        assert topo("exec", "m1", "--", "ls", "/run").stdout.split() == [run_dir.name]
    finally:
        topo("down")
        topo.run_dir.rmdir()


def test_interfaces_of_this_namespace_do_not_change(topo: Topo) -> None:
    before = interfaces()
    topo("up", SMALL)
    assert interfaces() == before
