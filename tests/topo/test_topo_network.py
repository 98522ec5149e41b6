"""A running network: what it consists of, and what clients can do in it.

`test_topo_ordinary_user.py` runs all of this as an ordinary user as well.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.topo.driver import Topo, long, sleepers, until
from topo.client.connection import Connection
from topo.client.execution import Streams
from topo.client.network import Network
from topo.errors import RequestError
from topo.rundir import RunDir
from topo.spec.builders import pair as pair_spec
from topo.spec.model import Topology
from topo.system import code, targets

pytestmark = pytest.mark.network

each_kind = pytest.mark.parametrize("node", ["m1", "red1-1"])
OFFLOADS = """
import json, sys
from pyroute2.ethtool.ioctl import IoctlEthtool
print(json.dumps({name: [n for n, on, can, *_ in IoctlEthtool(name).get_features() if on and can]
                  for name in sys.argv[1:]}))
"""


@pytest.fixture
def network(pair: Topo) -> Any:
    with pair.network() as network:
        yield network


def output(network: Network, node: str, *argv: str) -> str:
    return str(network.exec(node, argv, check=True).stdout)


def test_status_shows_every_part(pair: Topo, network: Network) -> None:
    status = network.status()
    assert [part.name for part in status.parts] == ["s1", "rx-m1", "rx-m2"]
    for part in status.parts:
        assert part.is_alive
        command = Path(f"/proc/{part.pid}/cmdline").read_text()  # our numbers, not the namespace's
        assert ("s1-eth1" if part.kind == "switch" else f"{part.name}.json") in command
    assert pair("status").stdout.count("running") == 3
    assert pair.status()["pid"] == status.pid == network.daemon_pid


def test_every_part_reports_the_code_that_it_runs(network: Network) -> None:
    status = network.status()
    assert status.code == code.digest("topo")
    packages = {"switch": targets.package(status.target), "rxpath": "rxpath"}
    for part in status.parts:
        package = packages[part.kind]
        assert part.code == (code.digest(package) if package else "")


def test_the_client_knows_every_address(network: Network) -> None:
    assert network.spec == pair_spec()
    switch = network.switches["s1"]
    assert switch.grpc_address == f"unix:{network.run_dir}/s1.p4rt.sock"
    assert switch.ports == {1: "s1-eth1", 2: "s1-eth2"}
    machine = network.machines["m2"]
    assert (machine.vtep, machine.switch, machine.switch_port) == ("172.16.0.2", "s1", 2)
    links = output(network, "m2", "ip", "-o", "link")
    for name, index in machine.ifindexes.items():
        assert f"\n{index}: {name}@" in links
    assert machine.uplink_ifindex == machine.ifindexes["m2-up"]
    assert network.graph.nodes["blue1-2"]["kind"] == "container"


def test_p4runtime_answers_outside_the_namespaces(network: Network) -> None:
    import grpc
    from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc

    with grpc.insecure_channel(network.switches["s1"].grpc_address) as channel:
        stub = p4runtime_pb2_grpc.P4RuntimeStub(channel)
        reply = stub.Capabilities(p4runtime_pb2.CapabilitiesRequest(), timeout=60)
    assert reply.p4runtime_api_version.startswith("1.")


def test_rxpath_answers_outside_the_namespaces(network: Network) -> None:
    import json

    for machine in network.machines.values():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(machine.control_socket)
            sock.sendall(b'{"id": 1, "op": "status", "params": {}}\n')
            assert json.loads(sock.makefile().readline())["ok"] is True


def test_addresses_and_mtus(network: Network) -> None:
    for container in network.spec.containers:
        text = output(network, container.name, "ip", "addr", "show", "eth0")
        assert f"link/ether {container.mac}" in text
        assert f"inet {container.ip}/24" in text
        assert "mtu 1500" in text
    for machine in network.spec.machines:
        uplink = output(network, machine.name, "ip", "addr", "show", machine.uplink)
        assert f"link/ether {machine.mac}" in uplink
        assert "mtu 1600" in uplink
        assert "NOARP" in uplink
        assert "inet" not in uplink
    assert "mtu 1600" in output(network, "s1", "ip", "link", "show", "s1-eth2")


def test_all_offloads_are_off_on_every_end(network: Network) -> None:
    import json

    ends = {c.name: ["eth0"] for c in network.spec.containers}
    ends |= {m.name: list(m.ifindexes) for m in network.machines.values()}
    ends["s1"] = ["s1-eth1", "s1-eth2"]
    for node, names in ends.items():
        on = json.loads(output(network, node, sys.executable, "-c", OFFLOADS, *names))
        assert on == {name: [] for name in names}


def test_idle_containers_send_nothing_and_have_no_ipv6(network: Network) -> None:
    for node in network.spec.node_names:
        assert output(network, node, "cat", "/proc/net/if_inet6") == ""
    # Without an application nothing is sent: no router solicitation, no MLD, no mDNS.
    sent = "/sys/class/net/eth0/statistics/tx_packets"
    assert output(network, "red2-2", "cat", sent) == "0\n"


def test_each_node_has_a_namespace_of_its_own(network: Network) -> None:
    inside = {os.fsdecode(output(network, n, "readlink", "/proc/self/ns/net").strip())
              for n in network.spec.node_names}  # fmt: skip
    assert len(inside) == len(network.spec.node_names)
    assert str(Path("/proc/self/ns/net").readlink()) not in inside
    assert output(network, "m1", "ls", "/run") == ""
    assert "systemd" not in output(network, "m1", "cat", "/proc/1/comm")


@each_kind
def test_exec_keeps_standard_streams_and_exit_status(pair: Topo, node: str) -> None:
    program = "read x; echo out $x; echo err >&2; exit 42"
    done = pair("exec", node, "--", "sh", "-c", program, input="hello\n", status=42)
    assert (done.stdout, done.stderr) == ("out hello\n", "err\n")
    pair("exec", node, "--", "sh", "-c", "kill -SEGV $$", status=139)
    assert "no-such-program" in pair("exec", node, "--", "no-such-program", status=127).stderr
    pair("exec", node, "--", "/etc/passwd", status=126)
    done = pair("exec", "nowhere", "--", "true", status=2)
    assert "there is no nowhere, expected one of s1, m1" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    pair("exec", node, status=2)


def test_exec_passes_large_streams(network: Network) -> None:
    data = os.urandom(1 << 20)
    done = network.exec("red1-1", ["cat"], input=data)
    assert done.stdout == data


@each_kind
def test_a_program_takes_directory_and_environment(
    network: Network, tmp_path: Path, node: str
) -> None:
    argv = ["sh", "-c", "pwd; echo $A"]
    with (tmp_path / "out").open("wb") as out:
        streams = Streams(0, out.fileno(), out.fileno())
        with closing(network.start(node, argv, streams=streams, cwd="/usr", env={"A": "b"})) as run:
            assert run.wait() == 0
    assert (tmp_path / "out").read_text() == "/usr\nb\n"
    run = network.start(node, ["true"], cwd="/no/such/place")
    with closing(run), pytest.raises(RequestError, match="not a directory"):
        run.wait()


@each_kind
def test_exec_kills_the_program_at_the_timeout(network: Network, node: str) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        network.exec(node, ["sleep", long(4)], timeout=0.2)
    until(lambda: not sleepers(long(4)))


def test_exec_checks_the_exit_status(network: Network) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        network.exec("m1", ["sh", "-c", "echo why >&2; exit 3"], check=True)
    assert (caught.value.returncode, caught.value.stderr) == (3, "why\n")


@each_kind
def test_signals_reach_the_program(pair: Topo, node: str) -> None:
    program = "trap 'echo got it; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    process = pair.start("exec", node, "--", "sh", "-c", program)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 5
    assert process.stdout.read() == "got it\n"


@each_kind
def test_a_program_ends_when_its_client_is_killed(pair: Topo, node: str) -> None:
    process = pair.start("exec", node, "--", "sh", "-c", f"trap '' HUP; echo x; sleep {long(5)}")
    assert process.stdout is not None
    process.stdout.readline()
    until(lambda: sleepers(long(5)))
    process.kill()
    process.wait()
    until(lambda: not sleepers(long(5)))


def test_sockets_are_opened_inside_a_node(network: Network) -> None:
    with (
        network.socket("red1-1", socket.AF_INET, socket.SOCK_DGRAM) as server,
        network.socket("red1-1", socket.AF_INET, socket.SOCK_DGRAM) as client,
        network.socket("blue1-1", socket.AF_INET, socket.SOCK_DGRAM) as twin,
    ):
        server.bind(("10.0.0.11", 9000))
        twin.bind(("10.0.0.11", 9000))  # the same address, in another container
        client.sendto(b"hello", ("10.0.0.11", 9000))
        server.settimeout(60)
        assert server.recv(16) == b"hello"
        twin.setblocking(False)
        with pytest.raises(BlockingIOError):
            twin.recv(16)


def test_tcp_between_sockets_of_a_container(network: Network) -> None:
    with network.socket("red1-1") as listener, network.socket("red1-1") as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        peer, _ = listener.accept()
        with peer:
            client.sendall(b"x" * 1000)
            assert peer.recv(4096) == b"x" * 1000


def test_packet_sockets_see_the_wire(network: Network) -> None:
    every = socket.htons(0x0003)  # ETH_P_ALL
    frame = bytes.fromhex("ffffffffffff 024000000001 88b5") + bytes(46)
    with (
        network.socket("s1", socket.AF_PACKET, socket.SOCK_RAW, every) as wire,
        network.socket("m1", socket.AF_PACKET, socket.SOCK_RAW, every) as uplink,
    ):
        wire.bind(("s1-eth1", 0))
        wire.bind(("s1-eth1", 0x0003))
        uplink.bind(("m1-up", 0x0003))
        uplink.send(frame)
        wire.settimeout(60)
        assert wire.recv(2048) == frame


def test_wrong_requests_are_rejected(network: Network) -> None:
    with pytest.raises(RequestError) as caught:
        network.socket("m9")
    assert caught.value.is_bad_request
    with pytest.raises(RequestError) as caught:
        network.socket("m1", 4711)
    assert (caught.value.kind, caught.value.where) == ("failed", "m1")
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("dance", {}, "op"),
        ("socket", {"node": "m1"}, "family"),
        ("socket", {"node": "m1", "family": "inet", "type": 1}, "family"),
        ("status", {"more": 1}, "more"),
        ("exec", {"node": "m1", "argv": []}, "argv"),
        ("exec", {"node": "m1", "argv": ["true"]}, "exec"),
    ]
    with closing(Connection(RunDir(network.run_dir))) as connection:
        for op, params, where in wrong:
            with pytest.raises(RequestError) as caught:
                connection.request(op, params)
            assert (caught.value.kind, caught.value.where) == ("bad_request", where)
    assert network.status().dead == ()


def test_a_client_with_another_protocol_is_disconnected(pair: Topo, network: Network) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(pair.run_dir / "topo.sock"))
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.settimeout(60)
        assert sock.recv(16) == b""
    assert network.status().dead == ()


def test_the_prompt(pair: Topo) -> None:
    lines = "nodes\nlinks\nnet\ndump\nm1 echo a b\nm1 false\nfrob\nm1\nm1 'x\nhelp\n\nexit\nnodes\n"
    done = pair("cli", input=lines)
    assert "s1 m1 m2 red1-1" in done.stdout
    assert "m2 -- s1:2" in done.stdout
    assert "s1 s1-eth1:m1 s1-eth2:m2" in done.stdout
    assert "red1-1: container on m1, tenant red (VNI 5001, VLAN 101), 10.0.0.11/24" in done.stdout
    assert "a b\n" in done.stdout
    assert "exit status 1" in done.stdout
    assert "there is no node and no command frob" in done.stdout
    assert "expected a command to run in m1" in done.stdout
    assert "cannot parse this line" in done.stdout
    assert "pingall" in done.stdout
    assert done.stdout.count("s1 m1 m2 red1-1") == 1, "exit leaves"


def test_pingall_reports_who_answers(pair: Topo, network: Network) -> None:
    # No controller has programmed the switch: containers reach those of their machine only as far
    # as rxpath delivers locally, and nobody elsewhere.
    done = pair("cli", input="pingall\n")
    answers = re.findall(r"(\w+-\d) -> (.*)$", done.stdout, re.MULTILINE)
    places = {c.name: (c.tenant, c.machine) for c in network.spec.containers}
    assert {source for source, _ in answers} == places.keys()
    pairs = [(source, target) for source, cells in answers for target in cells.split()]
    assert len(pairs) == 24
    answered = [(source, target) for source, target in pairs if target != "X"]
    assert [places[source] for source, _ in answered] == [places[target] for _, target in answered]
    assert f"\n{len(answered)} of 24 answered" in done.stdout


def test_ping_measures_the_round_trip(network: Network) -> None:
    from topo.client.ping import ping

    assert ping(network, "red1-1", "10.0.0.11", 10.0) is not None
    assert ping(network, "red1-1", "192.0.2.1", 0.1) is None


def test_up_of_a_running_network(pair: Topo, network: Network, tmp_path: Path) -> None:
    before = network.status()
    assert "is up already" in pair("up", "pair").stdout
    done = pair("up", "leafspine", status=1)
    assert "another network (pair) is up" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    changed = Topology.model_validate(network.spec.model_dump() | {"mtu": 1400})
    from topo.spec.yaml_file import to_yaml

    (tmp_path / "pair.yaml").write_text(to_yaml(changed))
    assert "of another spec" in pair("up", str(tmp_path / "pair.yaml"), status=1).stderr
    (tmp_path / "pair.yaml").write_text(pair("spec").stdout)
    assert "is up already" in pair("up", str(tmp_path / "pair.yaml")).stdout
    other = "v1switch" if before.target == "bmv2" else "bmv2"
    assert f"not {other}" in pair("up", "--switch", other, status=1).stderr
    assert [p.pid for p in network.status().parts] == [p.pid for p in before.parts]


def test_many_clients_at_once(network: Network) -> None:
    networks = [Network.connect(network.run_dir) for _ in range(40)]
    executions = [n.start("m1", ["sleep", "1000"]) for n in networks[:20]]
    began = time.monotonic()
    assert all(n.status().topology == "pair" for n in networks)
    assert time.monotonic() >= began
    for execution in executions:
        execution.send_signal(signal.SIGTERM)
    assert [execution.wait(60) for execution in executions] == [-signal.SIGTERM] * 20
    for closable in (*executions, *networks):
        closable.close()
