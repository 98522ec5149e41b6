"""The switch on real interfaces, in separate namespaces."""

import re
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import grpc
import pytest
from p4.v1 import p4runtime_pb2 as rt
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from tests.switch.harness import Sandbox, SandboxError, namespaces_allowed, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target
from tests.v1switch import large
from tests.v1switch.twin import COMPILED
from v1switch.io.counters import InterfaceCounters
from v1switch.io.ports import SOL_PACKET
from v1switch.p4runtime import interfaces

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]

PACKET_VNET_HDR = 15  # uapi/linux/if_packet.h
MACS = bytes.fromhex("020000000002020000000001")


@pytest.fixture(params=["python", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that forwards."""
    return str(request.param)


@contextmanager
def running(program: str, *options: str, ports: int = 3) -> Iterator[tuple[Sandbox, Target]]:
    """A switch that runs one of the test programs, with three ports."""
    with (
        Sandbox(ports=ports) as sandbox,
        Target(V1SWITCH, sandbox, options=options, log_level="info") as target,
    ):
        with SwitchClient(target.address) as client:
            client.load(COMPILED / f"{program}.p4info.txtpb", COMPILED / f"{program}.json")
        sandbox.drain()
        yield sandbox, target


def wire(*options: str) -> AbstractContextManager[tuple[Sandbox, Target]]:
    """A running switch whose ports 1 and 2 are the ends of a wire."""
    return running("wire", *options)


def log_of(target: Target) -> str:
    return "".join(target.written())


def lost(target: Target) -> list[str]:
    """What a switch logs about lost frames when it ends."""
    target.stop()
    return re.findall("lost frames: (.*)", log_of(target))


def counted(target: Target, port: int) -> InterfaceCounters:
    """What a running switch has counted of a port."""
    with grpc.insecure_channel(target.address) as channel:
        counters = interfaces.get(channel, 10.0)
    return next(each for each in counters.interfaces if each.port == port)


# ETHTOOL_STXCSUM (uapi/linux/ethtool.h): the far end of the link leaves checksums to hardware
CHECKSUMS_ON = """
import array, fcntl, socket, struct
value = array.array("B", struct.pack("=II", 0x17, 1))
request = struct.pack("16sP16x", b"far1", value.buffer_info()[0])
fcntl.ioctl(socket.socket(), 0x8946, request)
"""


def unfinished(frame: bytes) -> bytes:
    """A TCP frame over IPv4 as a host sends it that leaves the checksum to its hardware.

    In front of it is a struct virtio_net_hdr (uapi/linux/virtio_net.h): its checksum is needed, no
    segmentation, and where the checksum begins and is.
    """
    return struct.pack("=BBHHHH", 1, 0, 0, 0, 34, 16) + frame


def test_checksums_that_were_left_to_hardware_are_finished(engine: str) -> None:
    ip = IP(src="10.0.0.1", dst="10.0.0.2")
    whole = bytes(Ether(dst=MACS[:6].hex(":"), src=MACS[6:].hex(":")) / ip / TCP() / (b"x" * 20))
    with wire("--engine", engine) as (sandbox, target):
        started = sandbox.start([sys.executable, "-c", CHECKSUMS_ON], sandbox.directory / "ethtool")
        assert sandbox.wait(started) == 0
        with sandbox.raw_socket(sandbox.far_ifname(1)) as raw:
            raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            for _ in range(2):
                raw.send(unfinished(whole[:50] + bytes(2) + whole[52:]))
                assert sandbox.port(2).receive() == whole
        poll(lambda: "left to hardware" in log_of(target), "the message")
        assert log_of(target).count("left to hardware") == 1


def test_frames_in_and_out_are_counted_by_port(engine: str) -> None:
    frame = MACS + b"\x08\x00" + bytes(100)
    with wire("--engine", engine) as (sandbox, target):
        before = [counted(target, number) for number in (1, 2, 3)]
        sandbox.port(1).send(*[frame] * 50)
        sandbox.port(2).send(*[frame] * 7)
        for number, expected in ((2, 50), (1, 7)):
            for _ in range(expected):
                sandbox.port(number).receive()
        after: list[InterfaceCounters] = []

        def grown() -> list[tuple[int, int]]:
            after[:] = [counted(target, number) for number in (1, 2, 3)]
            pairs = zip(before, after, strict=True)
            return [(b.received - a.received, b.sent - a.sent) for a, b in pairs]

        # A frame may arrive before the switch that sent it has counted it
        poll(lambda: grown() == [(50, 7), (7, 50), (0, 0)], "all frames are counted")
    assert [(each.ifname, each.up) for each in after] == [(f"sw{n}", True) for n in (1, 2, 3)]
    assert not any(each.unread or each.refused or each.failed for each in after)


def test_frames_arrive_whole(engine: str) -> None:
    frames = [
        MACS + b"\x08\x00" + bytes(range(46)),
        MACS + struct.pack("!HHH", 0x8100, 3 << 13 | 101, 0x0800) + b"one tag",
        MACS + struct.pack("!HHH", 0x88A8, 7, 0x8100) + struct.pack("!HH", 9, 0x0800) + b"two",
        MACS + struct.pack("!HHH", 0x8100, 0, 0x0800) + b"priority tag only",
        MACS + b"\x08\x00" + bytes(8982),
    ]
    with wire("--engine", engine) as (sandbox, _):
        for frame in frames:
            sandbox.port(1).send(frame)
            assert sandbox.port(2).receive() == frame
            # another frame on the way back: an echo of the first would be seen here
            sandbox.port(2).send(frame + b"back")
            assert sandbox.port(1).receive() == frame + b"back"
        sandbox.port(3).send(frames[0])
        sandbox.port(1).send(frames[1])
        assert sandbox.port(2).receive() == frames[1], "port 3 is not on the wire"


def test_what_others_send_out_of_an_interface_has_not_come_in(engine: str) -> None:
    outward, inward = MACS + b"\x08\x00outward", MACS + b"\x08\x00inward"
    with wire("--engine", engine) as (sandbox, _), sandbox.raw_socket("sw1") as other:
        other.send(outward)
        assert sandbox.port(1).receive() == outward
        sandbox.port(1).send(inward)
        assert sandbox.port(2).receive() == inward


def test_many_frames_keep_their_order(engine: str) -> None:
    frames = [MACS + b"\x12\x34" + n.to_bytes(4, "big") for n in range(2000)]
    with wire("--engine", engine) as (sandbox, _):
        arrived = []
        for at in range(0, len(frames), 100):
            sandbox.port(1).send(*frames[at : at + 100])
            arrived += [sandbox.port(2).receive() for _ in range(100)]
    assert arrived == frames


def test_frames_that_are_handed_over_keep_their_place(engine: str) -> None:
    """Of every three frames one is resubmitted, which machine code leaves to plain Python."""
    orders = [(0, 0), (4, 1), (0, 0)]
    frames = [bytes(orders[n % 3]) + bytes(18) + n.to_bytes(4, "big") for n in range(300)]
    with running("replication", "--engine", engine) as (sandbox, _):
        sandbox.port(1).send(*frames)
        arrived = [sandbox.port(2).receive() for _ in frames]
    assert [int.from_bytes(frame[-4:], "big") for frame in arrived] == list(range(300))


def test_counters_are_exact_while_entries_are_written(engine: str) -> None:
    frame, table = bytes(8) + bytes([0, 3]) + bytes(20), "ExternIngress.entries_"
    with (
        running("externs", "--engine", engine) as (sandbox, target),
        SwitchClient(target.address) as client,
    ):
        client.load(COMPILED / "externs.p4info.txtpb", COMPILED / "externs.json")
        for n in range(100):
            sandbox.port(1).send(*[frame] * 20)
            client.insert(table, {"hdr.in_.index": n}, "ExternIngress.note")
            if n % 2:
                client.delete(table, {"hdr.in_.index": n})
        for _ in range(2000):
            sandbox.port(2).receive()
        seen = client.counter("ExternIngress.seen", 3)
    assert (seen.packets, seen.bytes) == (2000, 2000 * len(frame))


def test_what_the_interface_does_not_take_stops_nothing(engine: str) -> None:
    with wire("--engine", engine) as (sandbox, target):
        sandbox.ip("link", "set", "sw2", "mtu", "1400")
        sandbox.port(1).send(MACS + b"\x08\x00" + bytes(3000))
        short = MACS + b"\x08\x00short"
        sandbox.port(1).send(short)
        assert sandbox.port(2).receive() == short
        assert counted(target, 2).refused == 1
        assert lost(target) == ["1 not taken by an interface"]


def test_frames_for_no_port_are_reported_at_the_end(engine: str) -> None:
    with running("externs", "--engine", engine, ports=1) as (sandbox, target):
        with SwitchClient(target.address) as client:
            client.load(COMPILED / "externs.p4info.txtpb", COMPILED / "externs.json")
            sandbox.port(1).send(*[bytes(8) + bytes([0, 3]) + bytes(20)] * 5)
            seen = "ExternIngress.seen"
            poll(lambda: client.counter(seen, 3).packets == 5, "all frames run through")
            with grpc.insecure_channel(target.address) as channel:
                poll(lambda: interfaces.get(channel, 10.0).no_port == 5, "they are counted")
        assert lost(target) == ["5 for ports that do not exist"]


def test_frames_that_came_too_fast_are_reported_at_the_end(engine: str) -> None:
    frame, flood = MACS + b"\x08\x00" + bytes(8000), 12_000  # 96 MB
    with wire("--engine", engine) as (sandbox, target):
        sandbox.signal(target.pid, signal.SIGSTOP)
        for _ in range(flood // 100):
            sandbox.port(1).send(*[frame] * 100)
        sandbox.signal(target.pid, signal.SIGCONT)
        assert sandbox.port(2).receive() == frame
        # read twice: each reading of the kernel's counters resets them
        unread = counted(target, 1).unread, counted(target, 1).unread
        assert unread[0] == unread[1] == flood - counted(target, 1).received
        (line,) = lost(target)
    found = re.fullmatch(r"([\d,]+) not read in time \(port 1: ([\d,]+)\)", line)
    assert found, line
    assert found[1] == found[2]
    assert 0 < int(found[1].replace(",", "")) == unread[0] < flood


def test_an_interface_that_goes_away_is_logged_and_the_rest_continues(engine: str) -> None:
    with wire("--engine", engine) as (sandbox, target):
        sandbox.ip("link", "delete", "sw3")
        frame = MACS + b"\x08\x00still here"
        sandbox.port(1).send(frame)
        assert sandbox.port(2).receive() == frame
        assert target.alive()
        poll(lambda: "sw3" in log_of(target), "the lost interface in the log")
        assert not counted(target, 3).up


def test_a_link_that_was_down_comes_back(engine: str) -> None:
    with wire("--engine", engine) as (sandbox, _):
        sandbox.ip("link", "set", "sw2", "down")
        sandbox.ip("link", "set", "sw2", "up")
        frame = MACS + b"\x08\x00back again"

        def through() -> bool:
            sandbox.port(2).send(frame)
            try:
                return sandbox.port(1).receive(0.2) == frame
            except (SandboxError, OSError):
                return False

        assert poll(through, "frames pass again")


def test_trace_and_captures() -> None:
    with Sandbox(ports=2) as sandbox:
        options = ["--trace", "--pcap", str(sandbox.directory)]
        with (
            Target(V1SWITCH, sandbox, options=options, log_level="info") as target,
            SwitchClient(target.address) as client,
        ):
            client.load(COMPILED / "wire.p4info.txtpb", COMPILED / "wire.json")
            frame = MACS + b"\x08\x00traced"
            sandbox.port(1).send(frame)
            while sandbox.port(2).receive() != frame:
                pass
            end = f"leaves by port 2 ({len(frame)} bytes)"
            poll(lambda: end in log_of(target), "the end of an explanation")
            text = log_of(target)
            assert "entry standard.ingress_port 1 (wire.p4:23)" in text
            assert "action WireIngress.send(port = 2)" in text
            assert target.stop() == 0
        for name in ("sw1_in", "sw2_out"):
            data = (sandbox.directory / f"{name}.pcap").read_bytes()
            assert data[:4] == struct.pack("=I", 0xA1B2C3D4)
            assert frame in data


def test_only_frames_that_match_the_filter_are_explained() -> None:
    wanted, other = MACS + b"\x08\x00" + bytes(50), MACS + b"\x08\x00" + bytes(51)
    with wire("--trace-filter", f"port = 1 and len = {len(wanted)}") as (sandbox, target):
        for number, frame in ((1, other), (2, wanted), (1, wanted)):
            sandbox.port(number).send(frame)
            assert sandbox.port(3 - number).receive() == frame
        poll(lambda: "frame 1: leaves by port 2" in log_of(target), "an explanation")
        text = log_of(target)
    assert text.count("bytes into port") == 1
    assert f"frame 1: {len(wanted)} bytes into port 1" in text


def test_a_filter_that_does_not_fit_the_pipeline_traces_nothing_and_says_so() -> None:
    frame = MACS + b"\x08\x00" + bytes(50)
    with wire("--trace-filter", "ipv9.ttl = 1") as (sandbox, target):
        assert "nothing is traced: filter 'ipv9.ttl = 1': 'ipv9.ttl': expected" in log_of(target)
        sandbox.port(1).send(frame)
        assert sandbox.port(2).receive() == frame


def meanwhile(work: Callable[[], object], sandbox: Sandbox) -> int:
    """Send frames through the wire, one after the other, until `work` is done; how many came."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised again below
            failures.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    frame, count = MACS + b"\x08\x00" + bytes(50), 0
    while thread.is_alive():
        sandbox.port(1).send(frame)
        assert sandbox.port(2).receive() == frame
        count += 1
    if failures:
        raise failures[0]
    return count


def test_frames_pass_while_large_requests_are_served(engine: str) -> None:
    """How long they wait is measured by benchmarks/switch_stalls.py."""
    with (
        Sandbox(ports=2) as sandbox,
        Target(V1SWITCH, sandbox, options=["--engine", engine]) as target,
        SwitchClient(target.address) as client,
    ):
        call = client.stub.SetForwardingPipelineConfig
        call(large.pipeline(4, "VERIFY_AND_COMMIT"), timeout=60)
        sandbox.drain()
        write = rt.WriteRequest(device_id=1, election_id={"low": 1}, updates=large.updates(4, 400))
        assert meanwhile(lambda: client.stub.Write(write, timeout=60), sandbox) > 20
        if engine == "python":  # machine code takes half a minute to compile
            verify = large.pipeline(400, "VERIFY")
            assert meanwhile(lambda: call(verify, timeout=60), sandbox) > 20
        reconcile = large.pipeline(4, "RECONCILE_AND_COMMIT")
        assert meanwhile(lambda: call(reconcile, timeout=60), sandbox) > 20


def test_a_switch_ends_at_once_while_it_compiles() -> None:
    with (
        Sandbox(ports=2) as sandbox,
        Target(V1SWITCH, sandbox, log_level="info") as target,
        SwitchClient(target.address) as client,
    ):
        client.stub.SetForwardingPipelineConfig(
            large.pipeline(1000, "VERIFY_AND_COMMIT"), timeout=60
        )
        assert target.stop() == 0
        assert "machine code after" not in log_of(target)
