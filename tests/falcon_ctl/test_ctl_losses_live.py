"""The account of runs on a real network: three switches in a ring, with the kernels' IPv6 on."""

import ctypes
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_RS, IPv6
from scapy.layers.l2 import ARP, Ether

from falcon_ctl.capture import headers
from falcon_ctl.checks import outcome
from falcon_ctl.live import udp
from falcon_ctl.live.counting import CONTAINER_INTERFACE
from falcon_ctl.live.discovery import discover
from falcon_ctl.live.plan import DILATION, Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.flows import Flow
from falcon_ctl.traffic.load import Load
from tests.topo.driver import network_up

pytestmark = pytest.mark.network
FRAMES = 60
PIDFD_GETFD = 438  # pidfd_getfd(2), in the generic table of system calls
SO_RCVBUFFORCE, BUFFER = 33, 32 << 20
SOLICITATION = bytes(Ether(dst="33:33:00:00:00:02") / IPv6(dst="ff02::2") / ICMPv6ND_RS())


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    ring = str(Path(__file__).with_name("ring.yaml"))
    with (
        network_up(ring, "--switch", "v1switch") as topo,
        topo.network() as network,
        Testbed.open(network) as opened,
    ):
        opened.controller.push_pipelines()
        opened.controller.use(OVERLAY)
        yield opened


def run(testbed: Testbed, rate: float = 300, frames: int = FRAMES) -> udp.Outcome:
    ends = testbed.endpoint("red1-1"), testbed.endpoint("red3-1")
    offsets = schedule.constant(rate, frames / rate)
    load = Load("few", [Flow(0, *ends, 40_000, 7000)], [offsets], DILATION, payload_size=64)
    return udp.run(testbed, OVERLAY, load)


@contextmanager
def sending(testbed: Testbed, node: str, interface: str, frame: bytes) -> Iterator[None]:
    """Send `frame` about 200 times a second while the block runs."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.005):
            sock.send(frame)

    thread = threading.Thread(target=send)
    with testbed.socket(node, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, 0))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_frames_that_the_run_never_sent_are_not_its_losses(testbed: Testbed) -> None:
    with sending(testbed, "s1", "s1-eth3", SOLICITATION):
        found = run(testbed).measurement
    assert (found.sent, found.delivered, dict(found.drops)) == (FRAMES, FRAMES, {})
    assert found.foreign["s3 NOT_UNDERLAY"] > 10
    assert outcome.nothing_unaccounted([found]).ok


def test_what_others_send_is_not_taken_for_the_tunnels_frames(testbed: Testbed) -> None:
    """A container's kernel asks for its neighbours when it likes, a switch's for IPv6 routers."""
    plan = Plan(testbed.topology, seed=1, duration=0.2)
    one, other = plan.pairs[0]
    asks = ARP(hwsrc=other.mac, psrc=str(other.ip), pdst=str(one.ip))
    with (
        sending(testbed, other.name, CONTAINER_INTERFACE, bytes(Ether(src=other.mac) / asks)),
        sending(testbed, "s3", "s3-eth1", SOLICITATION),
    ):
        found = discover(testbed, plan)
    wire = found.captures["wire-3-m3-uplink", "VXLAN, from the switch to m3"]
    assert any(ARP in Ether(packet.data) for packet in wire)
    assert any(packet.data == SOLICITATION for packet in wire)
    assert len(found.underlay) >= len(plan.discovery().flows)
    assert [frame for frame in found.underlay if headers.read(frame).vni == 0] == []


@pytest.mark.parametrize(
    ("node", "interface", "place"),
    [
        ("m1", "m1-up", "m1 tx refused"),
        ("s1", "s1-eth3", "s1:3 refused"),
        ("s3", "s3-eth1", "s3:1 refused"),
        ("m3", "m3-red3-1", "veth"),
    ],
)
def test_a_loss_names_its_place(testbed: Testbed, node: str, interface: str, place: str) -> None:
    # A shaper whose bucket is smaller than a frame: the interface refuses every frame.
    shaper = ["root", "tbf", "rate", "8kbit", "burst", "40", "limit", "40"]
    testbed.network.exec(node, ["tc", "qdisc", "add", "dev", interface, *shaper], check=True)
    try:
        found = run(testbed).measurement
    finally:
        testbed.network.exec(node, ["tc", "qdisc", "del", "dev", interface, "root"], check=True)
    assert (found.sent, found.delivered) == (FRAMES, 0)
    assert dict(found.drops) == {place: FRAMES}
    assert outcome.nothing_unaccounted([found]).ok


def socket_of(pid: int, interface: str) -> socket.socket:
    """The packet socket on which a process receives from an interface."""
    libc, process = ctypes.CDLL(None, use_errno=True), os.pidfd_open(pid)
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if os.readlink(link).startswith("socket:"):  # noqa: PTH115  # a name, no path
                sock = socket.socket(fileno=libc.syscall(PIDFD_GETFD, process, int(link.name), 0))
                if sock.family == socket.AF_PACKET and sock.getsockname()[0] == interface:
                    return sock
                sock.close()
    finally:
        os.close(process)
    raise AssertionError(f"process {pid} has no packet socket on {interface}")


@pytest.mark.skipif(os.geteuid() != 0, reason="another process's socket")
def test_what_a_switch_did_not_read_in_time_is_lost_at_its_port(testbed: Testbed) -> None:
    pid = next(s.pid for s in testbed.network.status().switches if s.name == "s1")
    with socket_of(pid, "s1-eth1") as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # room for a frame or two
        try:
            found = run(testbed, rate=1_000_000, frames=4000).measurement
        finally:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    assert found.drops["s1:1 socket"] > 0
    assert found.sent == 4000 == found.delivered + sum(found.drops.values())
    assert "frames lost at s1:1 socket" in found.disturbed
    assert outcome.nothing_unaccounted([found]).ok
