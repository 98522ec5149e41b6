"""The sentences of docs/containers.md, beside the attacks of `test_topo_hostile_container.py`.

`test_topo_ordinary_user.py` runs all of this as an ordinary user as well.
"""

import json
import os
import re
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.topo.driver import ROOT, Topo, until
from topo.client.network import Network
from topo.container.confine import KEPT, PROCESSES
from topo.container.users import FOREIGN, of_daemon
from topo.errors import RequestError

pytestmark = pytest.mark.network
PAGE = (ROOT / "docs" / "containers.md").read_text()
PRIVATE = ("/tmp", "/var/tmp", "/run", "/dev/shm")
IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def writable() -> Iterator[Path]:
    """A directory of the computer that containers may write, not below a private one."""
    path = Path(tempfile.mkdtemp(prefix=".falcon-writable-", dir=Path.home()))
    if IS_ROOT:
        os.chown(path, FOREIGN, FOREIGN)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def pair(writable: Path) -> Iterator[Topo]:
    run_dir = Path(tempfile.mkdtemp(prefix="topo-test-", dir="/tmp"))
    topo = Topo(run_dir)
    try:
        done = topo("up", "pair", "--writable", str(writable))
        assert f"containers may write in {writable}\n" in done.stdout
        yield topo
    finally:
        topo("down")
        shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def network(pair: Topo) -> Iterator[Network]:
    with pair.network() as network:
        yield network


def output(network: Network, node: str, *argv: str) -> str:
    return str(network.exec(node, argv, check=True, timeout=60).stdout)


def python(network: Network, node: str, program: str, *arguments: str) -> Any:
    """The JSON that a Python program prints in a node."""
    return json.loads(output(network, node, sys.executable, "-I", "-S", "-c", program, *arguments))


# -- what it has of its own -----------------------------------------------------------------------


def test_the_host_name_is_the_containers(network: Network) -> None:
    assert [output(network, node, "hostname").strip() for node in ("red1-1", "blue2-2")] == [
        "red1-1",
        "blue2-2",
    ]
    assert output(network, "m1", "hostname").strip() == socket.gethostname()


def test_it_knows_the_containers_of_its_tenant_by_name(network: Network) -> None:
    assert "containers of its tenant: `ping red2-1`" in PAGE
    found = network.exec("blue1-1", ["getent", "hosts", "blue2-1"], check=True).stdout
    assert found.split() == ["10.0.0.21", "blue2-1"]
    assert network.exec("blue1-1", ["getent", "hosts", "red2-1"]).stdout == ""
    assert network.exec("blue1-1", ["getent", "hosts", "blue1-1"], check=True).stdout


def test_it_sees_its_own_processes_only(network: Network) -> None:
    with closing(network.start("blue1-1", ["sleep", "1000"])):
        seen = output(network, "red1-1", "ps", "-e", "-o", "comm=").split()
        assert sorted(seen) == ["ps", "sleep"]
        assert output(network, "blue1-1", "ps", "-e", "-o", "comm=").split().count("sleep") == 2


def test_process_1_reaps_orphans(network: Network) -> None:
    output(network, "red1-2", "sh", "-c", "(sleep 0.05 &) ; (true &)")
    states = ["ps", "-e", "-o", "stat=,comm="]
    until(lambda: output(network, "red1-2", *states).split("\n")[1].endswith(" ps"))
    assert "Z" not in output(network, "red1-2", *states)


@pytest.mark.parametrize("path", PRIVATE)
def test_some_directories_are_its_own(network: Network, path: str) -> None:
    file = f"{path}/falcon-private"
    output(network, "red1-1", "sh", "-c", f"echo mine > {file}")
    assert output(network, "red1-1", "cat", file) == "mine\n", "it outlives the program"
    for elsewhere in ("red1-2", "m1"):
        assert network.exec(elsewhere, ["cat", file]).returncode == 1
    assert not Path(file).exists()
    size = "import os, sys; s = os.statvfs(sys.argv[1]); print(s.f_blocks * s.f_frsize >> 20)"
    assert python(network, "red1-1", size, path) == 256
    assert "256 MB each" in PAGE


def test_sys_shows_its_own_network(network: Network) -> None:
    assert sorted(output(network, "red1-1", "ls", "/sys/class/net").split()) == ["eth0", "lo"]


def test_its_root_is_an_ordinary_user_outside(network: Network, pair: Topo) -> None:
    with closing(network.start("red1-1", ["sleep", "1234567"])):
        pid = until(lambda: [p for p in pair.family() if _runs(p, b"sleep\x001234567\0")])[0]
        line = re.search(r"^Uid:\t(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        assert line
        assert int(line[1]) == (FOREIGN if IS_ROOT else os.getuid()) != 0
    assert str(FOREIGN) in PAGE
    assert output(network, "red1-1", "id", "-u") == "0\n"


def _runs(pid: int, command: bytes) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == command
    except OSError:
        return False


@pytest.mark.skipif(not IS_ROOT, reason="sudo makes a user root")
def test_its_root_is_the_user_who_called_sudo() -> None:
    users = of_daemon({"SUDO_UID": "1234", "SUDO_GID": "567"})
    assert (users.uid, users.gid) == (1234, 567)
    assert users.uid_map.splitlines() == ["0 1234 1", f"1 {FOREIGN + 1} 65535"]
    assert users.gid_map.splitlines()[0] == "0 567 1"
    assert of_daemon({})[2:4] == (FOREIGN, FOREIGN)


def test_its_root_has_the_capabilities_on_the_page(network: Network) -> None:
    sentence = re.search(r"these capabilities,.*?: ([A-Z_,\s]+)\.", PAGE, re.DOTALL)
    assert sentence
    assert re.findall(r"\w+", sentence[1]) == list(KEPT)
    mask = f"{sum(1 << number for number in KEPT.values()):016x}"
    status = output(network, "red1-1", "cat", "/proc/self/status")
    held = dict(re.findall(r"^(Cap\w+|NoNewPrivs):\t(\w+)$", status, re.MULTILINE))
    none = "0" * 16
    assert held == {
        "CapInh": none, "CapPrm": mask, "CapEff": mask, "CapBnd": mask, "CapAmb": none,
        "NoNewPrivs": "1",
    }  # fmt: skip


def test_it_manages_its_own_network(network: Network) -> None:
    script = """
    set -e
    ip link add spare type veth peer other
    ip addr add 192.0.2.1/24 dev spare
    ip link set spare up
    ip link set other up
    ip route add 198.51.100.0/24 via 192.0.2.2
    tc qdisc add dev spare root netem delay 10ms || tc qdisc add dev spare root pfifo
    sysctl -qw net.ipv4.ip_forward=1
    cat /proc/sys/net/ipv4/ip_forward
    ip link del spare
    """
    assert output(network, "blue2-1", "sh", "-c", script) == "1\n"
    assert output(network, "blue2-2", "cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"
    program = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768); print(1)"
    assert python(network, "blue2-1", program) == 1


# -- what it shares -------------------------------------------------------------------------------


def test_it_reads_the_home_directory_but_writes_only_what_was_given(
    network: Network, writable: Path
) -> None:
    private = writable.parent / f".falcon-home-{os.getpid()}"
    private.write_text("of the user\n")
    private.chmod(0o600)
    try:
        assert output(network, "red1-1", "cat", str(private)) == "of the user\n"
        for command in (f"echo x >> {private}", f"rm -f {private}", f"chmod 666 {private}"):
            done = network.exec("red1-1", ["sh", "-c", command])
            assert done.returncode != 0
            assert "Read-only file system" in done.stderr
        assert private.read_text() == "of the user\n"
    finally:
        private.unlink()
    output(network, "red1-1", "sh", "-c", f"echo red > {writable}/result")
    assert (writable / "result").read_text() == "red\n"
    assert (writable / "result").stat().st_mode & 0o777 == 0o644
    assert output(network, "blue1-1", "cat", f"{writable}/result") == "red\n", "all share it"


def test_a_directory_that_is_not_there_is_named(pair: Topo, run_dir: Path) -> None:
    # The package is not found from another directory unless it is installed.
    env = pair.env | {"PYTHONPATH": str(ROOT)}
    done = pair("exec", "red1-1", "--", "true", cwd=run_dir, env=env, status=2)
    assert "red1-1 can enter" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("given", ["/no/such/place", "/", "/etc/passwd", "/etc"])
def test_a_directory_that_cannot_be_written_is_refused(topo: Topo, given: str) -> None:
    done = topo("up", "--writable", given, status=2)
    assert done.stderr.startswith(f"topo: --writable {given}: expected a directory")
    assert len(done.stderr.splitlines()) == 1


def test_a_topology_that_lets_containers_write_is_checked_as_well(
    topo: Topo, tmp_path: Path
) -> None:
    file = tmp_path / "lab.yaml"
    text = "name: lab\nwritable: [/etc]\nswitches: {s1: {}}\nmachines: {m1: {}}\n"
    file.write_text(text + "links:\n- [s1:1, m1]\n")
    assert "--writable /etc: expected a directory" in topo("up", str(file), status=2).stderr


def test_another_writable_directory_is_another_network(pair: Topo) -> None:
    assert "of another spec" in pair("up", "pair", status=1).stderr


def test_cpu_and_memory_have_no_limit_but_processes_have(network: Network) -> None:
    limits = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_NPROC")
    program = (
        "import resource as r, sys; print([r.getrlimit(getattr(r, n))[1] for n in sys.argv[1:]])"
    )
    infinite = resource.RLIM_INFINITY
    assert python(network, "red1-1", program, *limits) == [infinite] * 3 + [PROCESSES]
    assert f"{PROCESSES:,}" in PAGE


def test_it_shares_the_kernel(network: Network) -> None:
    assert output(network, "red1-1", "uname", "-r").strip() == os.uname().release
    total = Path("/proc/meminfo").read_text().splitlines()[0]
    assert output(network, "red1-1", "head", "-n1", "/proc/meminfo").strip() == total


def test_a_socket_among_the_users_files_can_be_connected(network: Network, writable: Path) -> None:
    path = writable.parent / f".falcon-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        try:
            program = (
                "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print(1)"
            )
            assert python(network, "red1-1", program, str(path)) == 1
        finally:
            path.unlink()


def test_other_users_exist_where_root_started_the_network(network: Network) -> None:
    program = "import os, sys\ntry: os.setuid(1000)\nexcept OSError: pass\nprint(os.getuid())"
    assert python(network, "red1-1", program) == (1000 if IS_ROOT else 0)


# -- more, and less -------------------------------------------------------------------------------


def test_a_privileged_program_shares_the_network_only(pair: Topo, run_dir: Path) -> None:
    script = f"echo x > {run_dir}/file; ls {pair.run_dir}; hostname; ip -br addr show eth0; ps -e"
    done = pair("exec", "--privileged", "red1-1", "--", "sh", "-c", script)
    assert (run_dir / "file").read_text() == "x\n"
    for expected in ("topo.sock", "red1-1", "10.0.0.11/24", "python"):
        assert expected in done.stdout
    pair("exec", "--privileged", "red1-1", "--", "sh", "-c", "kill -TERM $$", status=143)


def test_a_program_in_a_machine_has_the_daemons_rights(network: Network, pair: Topo) -> None:
    assert "topo.daemon" in output(network, "m1", "ps", "-e", "-o", "args=")
    assert "topo.sock" in output(network, "m1", "ls", str(pair.run_dir))


KEEPER = """
import json, os, sys
def netns(pid):
    try: return os.readlink(f"/proc/{pid}/ns/net")
    except OSError: return None
print(json.dumps([int(p) for p in os.listdir("/proc") if p.isdigit() and netns(p) == sys.argv[1]]))
"""


def test_an_interface_is_moved_by_the_containers_process_number(network: Network) -> None:
    """As Mininet's users do it: by `node.pid`, here found by its namespace."""
    inside = output(network, "blue1-2", "readlink", "/proc/self/ns/net").strip()
    (pid,) = python(network, "m1", KEEPER, inside)
    output(network, "m1", "ip", "link", "add", "moved", "type", "veth", "peer", "left")
    output(network, "m1", "ip", "link", "set", "moved", "netns", str(pid))
    assert "moved" in output(network, "blue1-2", "ip", "link")
    assert "eth0" in output(network, "m1", "nsenter", "--target", str(pid), "--net", "ip", "link")
    output(network, "blue1-2", "ip", "link", "del", "moved")


def test_the_death_of_process_1_ends_its_programs_and_is_seen(network: Network, pair: Topo) -> None:
    inside = output(network, "red2-1", "readlink", "/proc/self/ns/net").strip()
    (pid,) = python(network, "m1", KEEPER, inside)
    with closing(network.start("red2-1", ["sleep", "7654321"])) as run:
        until(lambda: [p for p in pair.family() if _runs(p, b"sleep\x007654321\0")])
        output(network, "m1", "kill", "-9", str(pid))
        assert run.wait(60) == -9
    with pytest.raises(RequestError):
        network.exec("red2-1", ["true"])
    (trouble,) = network.status().troubles
    assert trouble.startswith("red2-1: ")
