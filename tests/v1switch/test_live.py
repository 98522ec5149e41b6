"""The switch on real interfaces, in namespaces of its own."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.switch.harness import Sandbox, SandboxError, namespaces_allowed, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target
from tests.v1switch.twin import COMPILED

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]

MACS = bytes.fromhex("020000000002020000000001")


@contextmanager
def wire(*options: str) -> Iterator[tuple[Sandbox, Target]]:
    """A running switch whose ports 1 and 2 are the ends of a wire."""
    with (
        Sandbox(ports=3) as sandbox,
        Target(V1SWITCH, sandbox, options=options, log_level="info") as target,
        SwitchClient(target.address) as client,
    ):
        client.load(COMPILED / "wire.p4info.txtpb", COMPILED / "wire.json")
        sandbox.drain()
        yield sandbox, target


def log_of(sandbox: Sandbox) -> str:
    return "".join(p.read_text() for p in sandbox.directory.glob(f"{V1SWITCH}*") if p.is_file())


def test_frames_arrive_whole() -> None:
    frames = [
        MACS + b"\x08\x00" + bytes(range(46)),
        MACS + struct.pack("!HHH", 0x8100, 3 << 13 | 101, 0x0800) + b"one tag",
        MACS + struct.pack("!HHH", 0x88A8, 7, 0x8100) + struct.pack("!HH", 9, 0x0800) + b"two",
        MACS + struct.pack("!HHH", 0x8100, 0, 0x0800) + b"priority tag only",
        MACS + b"\x08\x00" + bytes(8982),
    ]
    with wire() as (sandbox, _):
        for frame in frames:
            sandbox.port(1).send(frame)
            assert sandbox.port(2).receive() == frame
            # another frame on the way back: an echo of the first would be seen here
            sandbox.port(2).send(frame + b"back")
            assert sandbox.port(1).receive() == frame + b"back"
        sandbox.port(3).send(frames[0])
        sandbox.port(1).send(frames[1])
        assert sandbox.port(2).receive() == frames[1], "port 3 is not on the wire"


def test_what_others_send_out_of_an_interface_has_not_come_in() -> None:
    outward, inward = MACS + b"\x08\x00outward", MACS + b"\x08\x00inward"
    with wire() as (sandbox, _), sandbox.raw_socket("sw1") as other:
        other.send(outward)
        assert sandbox.port(1).receive() == outward
        sandbox.port(1).send(inward)
        assert sandbox.port(2).receive() == inward


def test_many_frames_keep_their_order() -> None:
    frames = [MACS + b"\x12\x34" + n.to_bytes(4, "big") for n in range(2000)]
    with wire() as (sandbox, _):
        arrived = []
        for at in range(0, len(frames), 100):
            sandbox.port(1).send(*frames[at : at + 100])
            arrived += [sandbox.port(2).receive() for _ in range(100)]
    assert arrived == frames


def test_what_the_interface_does_not_take_stops_nothing() -> None:
    with wire() as (sandbox, _):
        sandbox.ip("link", "set", "sw2", "mtu", "1400")
        sandbox.port(1).send(MACS + b"\x08\x00" + bytes(3000))
        short = MACS + b"\x08\x00short"
        sandbox.port(1).send(short)
        assert sandbox.port(2).receive() == short


def test_an_interface_that_goes_away_is_told_and_the_rest_goes_on() -> None:
    with wire() as (sandbox, target):
        sandbox.ip("link", "delete", "sw3")
        frame = MACS + b"\x08\x00still here"
        sandbox.port(1).send(frame)
        assert sandbox.port(2).receive() == frame
        assert target.alive()
        poll(lambda: "sw3" in log_of(sandbox), "the log tells of the lost interface")


def test_a_link_that_was_down_comes_back() -> None:
    with wire() as (sandbox, _):
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
            poll(lambda: end in log_of(sandbox), "the end of an explanation")
            text = log_of(sandbox)
            assert "entry standard.ingress_port 1 (wire.p4:23)" in text
            assert "action WireIngress.send(port = 2)" in text
            assert target.stop() == 0
        for name in ("sw1_in", "sw2_out"):
            data = (sandbox.directory / f"{name}.pcap").read_bytes()
            assert data[:4] == struct.pack("=I", 0xA1B23C4D)
            assert frame in data


def test_only_frames_that_match_the_filter_are_explained() -> None:
    wanted, other = MACS + b"\x08\x00" + bytes(50), MACS + b"\x08\x00" + bytes(51)
    with wire("--trace-filter", f"port = 1 and len = {len(wanted)}") as (sandbox, _):
        for number, frame in ((1, other), (2, wanted), (1, wanted)):
            sandbox.port(number).send(frame)
            assert sandbox.port(3 - number).receive() == frame
        poll(lambda: "frame 1: leaves by port 2" in log_of(sandbox), "an explanation")
        text = log_of(sandbox)
    assert text.count("bytes into port") == 1
    assert f"frame 1: {len(wanted)} bytes into port 1" in text


def test_a_filter_that_does_not_fit_the_pipeline_traces_nothing_and_says_so() -> None:
    frame = MACS + b"\x08\x00" + bytes(50)
    with wire("--trace-filter", "ipv9.ttl = 1") as (sandbox, _):
        assert "nothing is traced: filter 'ipv9.ttl = 1': 'ipv9.ttl': expected" in log_of(sandbox)
        sandbox.port(1).send(frame)
        assert sandbox.port(2).receive() == frame
