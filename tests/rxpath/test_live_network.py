"""The whole live path on real interfaces, in network namespaces of the test's own."""

import contextlib
import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_frames as lf
import numpy as np
import pytest
from live_lab import Machine, Namespace, take, until
from scapy.layers.l2 import Ether

from rxpath.errors import ControlError
from rxpath.live import records

pytestmark = pytest.mark.network


def container(machine: int, number: int, tenant: str = "red") -> dict[str, Any]:
    """Containers 0, 1, ... of a machine; tenants share addresses but not segments."""
    vlan, vni = (101, 5001) if tenant == "red" else (102, 5002)
    name = f"{tenant}{machine}-{number + 1}"
    mac = f"02:00:00:00:0{machine - 1}:{number + 1:02x}"
    ip = f"10.0.0.{10 * machine + number + 1}"
    return {
        "name": name,
        "ifname": f"m{machine}-{name}",
        "mac": mac,
        "ip": ip,
        "vlan": vlan,
        "vni": vni,
    }


class Setting:
    """Namespaces, machines, and one folder for everything that is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ns, self.process = Namespace.own()
        self.machines: list[Machine] = []

    def machine(self, number: int, containers: list[dict[str, Any]], **more: Any) -> Machine:
        config = {
            "machine": f"m{number}",
            "uplink": f"m{number}-up",
            "mac": f"02:00:00:00:01:0{number}",
            "vtep": f"172.16.0.{number}",
            "control": str(self.folder / f"rx-m{number}.sock"),
            "records_dir": str(self.folder / "records"),
            "containers": containers,
            "dilation": 100,
            **more,
        }
        self.machines.append(Machine(self.ns, config, self.folder))
        return self.machines[-1]

    def end(self) -> None:
        for machine in self.machines:
            machine.stop()
        self.ns.channel.close()
        self.process.wait(60)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path)
    yield made
    made.end()


@pytest.fixture
def one(setting: Setting) -> Setting:
    """One machine: red containers 0 and 1, blue container 0; `net` is the uplink's other end."""
    setting.ns.veth("m1-up", "net")
    setting.ns.run("ip link set net address 02:00:00:00:01:02")
    containers = [container(1, 0), container(1, 1), container(1, 0, "blue")]
    for i, each in enumerate(containers):
        setting.ns.veth(each["ifname"], f"c{i}")
    setting.machine(1, containers)
    return setting


def balanced(stats: dict[str, Any]) -> bool:
    into = stats["rx"] + stats["copies"] + stats["carried"]
    return into == stats["delivered"] + sum(stats["drops"].values()) + stats["queued"]


def test_vxlan_comes_out_of_the_right_veth_in_order(one: Setting) -> None:
    client = one.machines[0].ready()
    net, ends = one.ns.raw("net"), [one.ns.raw(f"c{i}") for i in range(3)]
    expected: list[list[bytes]] = [[], [], []]
    for i in range(300):
        target = i % 3
        frame = lf.inner(target % 2, payload=b"%d" % i)
        net.send(lf.vxlan(frame, vni=5001 if target < 2 else 5002, sport=50_000 + target))
        expected[target].append(bytes(frame))
    assert [take(end, 100, quiet=0.1) for end in ends] == expected
    stats = client.call("stats")
    assert (stats["rx"], stats["delivered"]) == (300, 300)
    assert balanced(stats)


def test_tenants_with_the_same_addresses_are_isolated(one: Setting) -> None:
    one.machines[0].ready()
    net, red, blue = one.ns.raw("net"), one.ns.raw("c0"), one.ns.raw("c2")
    net.send(lf.vxlan(lf.inner(0, payload=b"for blue"), vni=5002))
    net.send(lf.tagged(lf.inner(0, payload=b"for red"), vlan=101))
    assert take(blue, 1, quiet=0.2) == [bytes(lf.inner(0, payload=b"for blue"))]
    assert take(red, 1, quiet=0.2) == [bytes(lf.inner(0, payload=b"for red"))]


def test_a_broadcast_from_outside_reaches_the_tenant(one: Setting) -> None:
    client = one.machines[0].ready()
    net, ends = one.ns.raw("net"), [one.ns.raw(f"c{i}") for i in range(3)]
    net.send(lf.vxlan(lf.arp()))
    for end in ends[:2]:
        assert take(end, 1, quiet=0.1) == [bytes(lf.arp())]
    assert take(ends[2], 0, quiet=0.1) == []
    stats = client.call("stats")
    assert (stats["rx"], stats["copies"], stats["delivered"]) == (1, 1, 2)


def test_what_a_container_sends(one: Setting) -> None:
    client = one.machines[0].ready()
    net, ends = one.ns.raw("net"), [one.ns.raw(f"c{i}") for i in range(3)]
    away = lf.inner(dst=lf.REMOTE)
    ends[0].send(bytes(away))
    assert take(net, 1) == [lf.tagged(away, vlan=101)]
    ends[2].send(bytes(away))
    assert take(net, 1) == [lf.tagged(away, vlan=102)]
    ends[0].send(bytes(lf.inner(1)))
    assert take(ends[1], 1) == [bytes(lf.inner(1))]
    ends[0].send(bytes(lf.arp()))
    assert take(net, 1, quiet=0.1) == [lf.tagged(lf.arp(), vlan=101)]
    assert take(ends[1], 1, quiet=0.1) == [bytes(lf.arp())]
    assert take(ends[2], 0, quiet=0.1) == []
    ends[0].send(lf.tagged(lf.inner(1), vlan=102))  # nobody hops into another tenant
    ends[0].send(bytes(lf.inner(0)))
    stats = until(lambda: (s := client.call("stats"))["tx"] == 6 and s, "six frames")
    assert (stats["tx_uplink"], stats["tx_local"]) == (3, 2)
    assert (stats["tx_drops"]["tagged"], stats["tx_drops"]["to_itself"]) == (1, 1)
    assert take(net, 0, quiet=0.1) == take(ends[1], 0, quiet=0.1) == []


def test_what_is_for_the_link_only_goes_no_further(one: Setting) -> None:
    client = one.machines[0].ready()
    net, ends = one.ns.raw("net"), [one.ns.raw(f"c{i}") for i in range(2)]
    groups = [f"01:80:c2:00:00:{last:02x}" for last in range(18)]
    for group in groups:
        ends[0].send(bytes(lf.inner(dst=group)))
        net.send(lf.vxlan(lf.inner(dst=group)))
    for sock, made in ((net, lf.tagged), (ends[1], bytes)):
        forwarded = [made(lf.inner(dst=group)) for group in groups[16:]]
        if sock is ends[1]:
            forwarded *= 2  # from its neighbour and from outside
        assert sorted(take(sock, len(forwarded), quiet=0.1)) == sorted(forwarded)
    stats = client.call("stats")
    assert stats["tx_drops"]["link_local"] == stats["drops"]["link_local"] == 16
    assert balanced(stats)


def test_a_frame_too_short_for_its_tag_is_counted_and_a_longer_one_arrives(one: Setting) -> None:
    client = one.machines[0].ready()
    net, ends = one.ns.raw("net"), [one.ns.raw(f"c{i}") for i in range(2)]
    short = [bytes(lf.inner(1))[:12] + b"\x12\x34" + b"x" * more for more in range(4)]
    away = [bytes.fromhex(lf.REMOTE.replace(":", "")) + frame[6:] for frame in short]
    for frame in (*short, *away):
        ends[0].send(frame)
    assert take(ends[1], 4, quiet=0.1) == short
    assert take(net, 2, quiet=0.1) == [f[:12] + bytes([0x81, 0, 0, 101]) + f[12:] for f in away[2:]]
    stats = client.call("stats")
    assert (stats["tx"], stats["tx_local"], stats["tx_uplink"]) == (8, 4, 2)
    assert stats["tx_drops"]["too_short"] == 2


def test_junk_is_counted_and_stops_nothing(one: Setting) -> None:
    client = one.machines[0].ready()
    net, end = one.ns.raw("net"), one.ns.raw("c0")
    chance = random.Random(5)
    good = lf.vxlan(lf.inner())
    sent = 0
    for length in range(14, len(good)):
        # A tag cut short never reaches a packet socket: skb_vlan_untag() [net/core/skbuff.c].
        plain = lf.tagged(lf.inner())[: max(length, 20)]
        for frame in (good[:length], chance.randbytes(length), plain):
            mangled = bytearray(frame)
            mangled[chance.randrange(len(mangled))] ^= 1 << chance.randrange(8)
            net.send(frame)
            net.send(mangled)
            sent += 2
    net.send(good)
    stats = until(lambda: (s := client.call("stats"))["rx"] == sent + 1 and s, "all the junk")
    stats = until(lambda: (s := client.call("stats"))["queued"] == 0 and s, "an idle host")
    assert balanced(stats)
    assert stats["drops"]["malformed"] > 0
    assert stats["parser"]["truncated"] > 0
    until(lambda: end.recv(2048) == bytes(lf.inner()) or None, "the good frame")
    assert client.call("status")["machine"] == "m1"


def test_an_interface_that_goes_down_loses_only_its_own_frames(one: Setting) -> None:
    client = one.machines[0].ready()
    net, end = one.ns.raw("net"), one.ns.raw("c1")
    one.ns.run("ip link set m1-red1-1 down")
    net.send(lf.vxlan(lf.inner(0)))
    net.send(lf.vxlan(lf.inner(1)))
    assert take(end, 1) == [bytes(lf.inner(1))]
    stats = until(lambda: (s := client.call("stats"))["queued"] == 0 and s, "an idle host")
    assert stats["drops"]["veth"] == 1
    assert stats["delivered"] == 1
    one.ns.run("ip link set m1-red1-1 up")
    net.send(lf.vxlan(lf.inner(0)))
    until(lambda: client.call("stats")["delivered"] == 2 or None, "the interface to carry again")


def test_knobs_are_set_while_frames_run(one: Setting) -> None:
    client = one.machines[0].ready()
    net, end = one.ns.raw("net"), one.ns.raw("c0")
    before = client.call("status")["model_ns"]
    for round_, change in enumerate(
        [{"policy": "falcon"}, {"dilation": 7}, {"profile": "host"}, {"late_budget_ns": 5}]
    ):
        changed = client.call("set", **change)
        assert changed.items() >= change.items()
        net.send(lf.vxlan(lf.inner(0, payload=b"%d" % round_)))
        assert take(end, 1) == [bytes(lf.inner(0, payload=b"%d" % round_))]
        now = client.call("status")["model_ns"]
        assert now > before
        before = now
    kept = client.call("get")
    slow = {"dilation": 10**12, "profile": "docker"}
    for wrong in (
        {"policy": "fastest"},
        {"dilation": 0},
        slow,
        {"policy": "rps", "cpus": 0},
        {"x": 1},
    ):
        with pytest.raises(ControlError) as caught:
            client.call("set", **wrong)
        assert caught.value.is_bad_request
    assert client.call("get") == kept


def test_records_name_what_was_delivered(one: Setting) -> None:
    client = one.machines[0].ready()
    net, end = one.ns.raw("net"), one.ns.raw("c1")
    client.call("record", action="start", limit=50)
    with pytest.raises(ControlError, match="already recording"):
        client.call("record", action="start")
    sent = [lf.vxlan(lf.inner(1, payload=b"%d" % i)) for i in range(20)]
    for frame in sent:
        net.send(frame)
    take(end, 20)
    net.send(lf.vxlan(lf.inner(1), vni=99))
    until(lambda: client.call("stats")["drops"]["unknown_tenant"] == 1 or None, "the stranger")
    result = client.call("record", action="stop")
    recording = records.read(Path(result["path"]))
    rows, meta = recording.records, recording.meta
    assert len(rows) == result["frames"] == 21
    assert (rows["delivered"][:20] > rows["arrival"][:20]).all()
    assert meta["drop_reasons"][str(rows["drop_reason"][20])] == "unknown_tenant"
    assert [meta["containers"][i]["name"] for i in set(rows["container"][:20])] == ["red1-2"]
    lengths = rows["wire_len"]
    assert [f[:n].tobytes() for f, n in zip(recording.frames, lengths, strict=True)][:20] == sent
    model = (rows["stamp"] - meta["epoch_ns"]) // meta["dilation"]
    assert (rows["arrival"] == np.maximum.accumulate(model)).sum() >= 20
    with pytest.raises(ControlError, match="not recording"):
        client.call("record", action="stop")
    client.call("record", action="start")
    client.close()
    with one.machines[0].ready() as other:
        until(lambda: not Path(result["path"]).exists(), "its client's files to be removed")
        until(lambda: not other.call("status")["recording"], "the recording to stop")
    assert list((one.folder / "records").iterdir()) == []


def test_control_clients_neither_end_it_nor_delay_frames(one: Setting) -> None:
    machine = one.machines[0]
    client = machine.ready()
    net, end = one.ns.raw("net"), one.ns.raw("c0")
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(machine.config["control"])
            with contextlib.suppress(OSError):  # those beyond the limit are closed
                sock.send(b"[" * 100_000 + b"\n")
        frames = [lf.vxlan(lf.inner(0, payload=b"%d" % i)) for i in range(50)]
        for frame in frames:
            net.send(frame)
        take(end, len(frames))
        assert client.call("status")["machine"] == "m1"
    with machine.ready() as later:
        assert later.call("stats")["delivered"] == len(frames)
    assert "Traceback" not in machine.log.read_text()


def test_reset_forgets_counters_but_no_frame(one: Setting) -> None:
    client = one.machines[0].ready()
    net, end = one.ns.raw("net"), one.ns.raw("c0")
    net.send(lf.vxlan(lf.inner()))
    take(end, 1)
    client.call("reset")
    stats = client.call("stats")
    assert (stats["rx"], stats["delivered"], stats["late"]["samples"]) == (0, 0, 0)
    net.send(lf.vxlan(lf.inner()))
    take(end, 1)
    stats = client.call("stats")
    assert balanced(stats)
    assert stats["rx"] == 1


@pytest.fixture
def two(setting: Setting) -> tuple[Setting, Namespace, Namespace]:
    """Two machines on one wire, a container of the same tenant in a namespace behind each."""
    setting.ns.veth("m1-up", "m2-up")
    behind = []
    for number in (1, 2):
        namespace, each = setting.ns.child(), container(number, 0)
        setting.ns.veth(each["ifname"], "eth0", namespace, mtu=1500)
        namespace.run(f"ip link set eth0 address {each['mac']}")
        namespace.run(f"ip addr add {each['ip']}/24 dev eth0")
        setting.machine(number, [each], system={"profile": "host"})
        behind.append(namespace)
    return setting, behind[0], behind[1]


def test_tcp_of_two_kernels_runs_over_the_emulated_path(
    two: tuple[Setting, Namespace, Namespace],
) -> None:
    setting, client_ns, server_ns = two
    controls = [machine.ready() for machine in setting.machines]
    listener = server_ns.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("10.0.0.21", 80))
    listener.listen()
    content = os.urandom(2_000_000)

    def send() -> None:
        with client_ns.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.settimeout(100)
            sock.connect(("10.0.0.21", 80))  # ARP goes the same way
            sock.sendall(content)

    sender = threading.Thread(target=send)
    sender.start()
    listener.settimeout(100)
    with listener, listener.accept()[0] as peer:
        peer.settimeout(100)
        received = b"".join(iter(lambda: peer.recv(1 << 16), b""))
    sender.join()
    assert received == content
    for control in controls:
        stats = control.call("stats")
        assert stats["delivered"] > 100
        assert stats["unfinished_checksums"] == 0
        assert balanced(stats)


def test_a_signal_ends_it_cleanly(one: Setting) -> None:
    machine = one.machines[0]
    machine.ready().close()
    path = Path(machine.config["control"])
    assert path.exists()
    assert machine.stop() == 0
    assert not path.exists()
    assert f"stopped by {signal.SIGTERM.name}" in machine.log.read_text()
    assert "Traceback" not in machine.log.read_text()


HANG = """
def hang(packet, host):
    n = 0
    while n >= 0:
        n = (n + 1) % 1000
    return packet.here
"""


def test_a_signal_ends_a_policy_that_never_returns(one: Setting, tmp_path: Path) -> None:
    machine = one.machines[0]
    (tmp_path / "hang.py").write_text(HANG)
    client = machine.ready()
    client.call("set", policy=f"{tmp_path}/hang.py:hang")
    before = busy_ticks(machine.pid)
    one.ns.raw("net").send(lf.vxlan(lf.inner(0, payload=b"x")))
    until(lambda: busy_ticks(machine.pid) > before + 20, "the policy to be asked")
    assert machine.stop() == 128 + signal.SIGTERM
    assert "rxpath: ended by SIGTERM" in machine.log.read_text()
    client.close()


def busy_ticks(pid: int) -> int:
    """Processor time of a process, proc_pid_stat(5)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_killed_machine_is_replaced_and_a_live_one_is_not(one: Setting) -> None:
    first = one.machines[0]
    first.ready().close()
    second = one.machine(1, first.config["containers"])
    assert second.wait(120) == 2
    assert "another process serves it" in second.log.read_text()
    one.ns.ask("kill", pid=first.pid, signal=int(signal.SIGKILL))
    assert first.wait(60) == -signal.SIGKILL
    third = one.machine(1, first.config["containers"])
    assert third.ready().call("status")["pid"] > 0


def test_a_missing_interface_is_one_line(setting: Setting) -> None:
    machine = setting.machine(1, [])
    assert machine.wait(120) == 2
    lines = machine.log.read_text().splitlines()
    assert len(lines) == 1
    assert "m1-up" in lines[0]
    assert not Path(machine.config["control"]).exists()


def test_the_tag_is_what_the_wire_had(one: Setting) -> None:
    """The kernel takes a tag off before a packet socket sees it: the lab puts it back."""
    net, up = one.ns.raw("net"), one.ns.raw("m1-up")
    frame = lf.tagged(lf.inner(), vlan=101)
    net.send(frame)
    assert take(up, 1) == [frame]
    assert Ether(frame)["Dot1Q"].vlan == 101
