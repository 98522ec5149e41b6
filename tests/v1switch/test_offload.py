"""Checksums that a sender has left to its hardware are finished, alike by both engines."""

import logging
import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from v1switch.engines.native.compile import loop_functions
from v1switch.io.captures import Capture, PcapFile, read_frames
from v1switch.io.offload import Notes, finished
from v1switch.state.words import byte_address

V4, V6 = {"src": "10.0.0.1", "dst": "10.0.0.2"}, {"src": "fd00::1", "dst": "fd00::2"}


def ether(**fields: int) -> Ether:
    """A header with both addresses: Scapy would ask the network for one that is missing."""
    return Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", **fields)


def by_machine_code(frame: bytes) -> bytes | None:
    memory = bytearray(frame or b"\0")
    done = loop_functions()["finish"](byte_address(memory), len(frame))
    assert done or bytes(memory[: len(frame)]) == frame, "what cannot be finished stays"
    return bytes(memory) if done else None


def partial(packet: Packet, layer: type[Packet]) -> tuple[bytes, bytes]:
    """A frame as the kernel leaves it, and as it should leave: Scapy's checksum."""
    whole = bytes(Ether(bytes(packet)))
    at = len(packet) - len(packet[layer])
    at += 16 if layer is TCP else 6
    return whole[:at] + b"\x12\x34" + whole[at + 2 :], whole


PACKETS = {
    "tcp": (ether() / IP(**V4) / TCP() / Raw(b"hello"), TCP),
    "udp": (ether() / IP(**V4) / UDP(sport=5, dport=7) / Raw(b"odd"), UDP),
    "options": (ether() / IP(**V4, options=[b"\x01\x01\x01\x00"]) / TCP() / Raw(b"x"), TCP),
    "padded": (ether() / IP(**V4) / TCP(), TCP),
    "tag": (ether() / Dot1Q(vlan=7) / IP(**V4) / TCP() / Raw(b"ab"), TCP),
    "two tags": (ether(type=0x88A8) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / IP(**V4) / TCP(), TCP),
    "tcp6": (ether() / IPv6(**V6) / TCP() / Raw(b"abc"), TCP),
    "udp6": (ether() / IPv6(**V6) / UDP(sport=5, dport=7) / Raw(b"abcd"), UDP),
    "options6": (
        ether() / IPv6(**V6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP() / Raw(b"q"),
        TCP,
    ),
    "vxlan": (
        ether()
        / IP(**V4)
        / UDP(sport=49152, dport=4789, chksum=0)
        / VXLAN(vni=5, flags=8)
        / ether()
        / IP(**V4)
        / TCP()
        / Raw(b"inner"),
        TCP,
    ),
}


@pytest.mark.parametrize("name", PACKETS)
def test_checksums_are_finished(name: str) -> None:
    came, whole = partial(*PACKETS[name])
    padding = bytes(9) if name == "padded" else b""
    assert finished(came + padding) == whole + padding
    assert by_machine_code(came + padding) == whole + padding


def test_a_udp_checksum_that_is_0_is_sent_as_ones() -> None:
    """RFC 768: 0 means that there is none."""
    came, whole = partial(ether() / IP(**V4) / UDP(sport=5, dport=7) / Raw(b"\0\0"), UDP)
    came = came[:-2] + whole[40:42]  # what is missing to the sum
    for found in (finished(came), by_machine_code(came)):
        assert found is not None
        assert found[40:42] == b"\xff\xff"


@pytest.mark.parametrize(
    "packet",
    [
        ether() / ARP(),
        ether() / IP(**V4, proto=132) / Raw(bytes(20)),
        ether() / IP(**V4, frag=3) / TCP(),
        ether() / IP(**V4) / UDP(sport=5, dport=7, chksum=0) / Raw(b"none"),
        ether() / IPv6(**V6, nh=44) / Raw(bytes(20)),
        ether() / IP(**V4, len=5000) / TCP(),
    ],
)
def test_what_is_no_tcp_and_no_udp_stays(packet: Packet) -> None:
    assert finished(bytes(packet)) is None
    assert by_machine_code(bytes(packet)) is None


SAMPLES = [bytes(packet) for packet, _ in PACKETS.values()]


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4),
    st.integers(0, 200),
)
@example(SAMPLES[0], [], 0)
def test_both_engines_agree_on_broken_frames(
    sample: bytes, changes: list[tuple[int, int]], size: int
) -> None:
    changed = bytearray(sample)
    for at, value in changes:
        changed[at % len(changed)] = value
    frame = bytes(changed[:size]) if size < 150 else bytes(changed)
    assert finished(frame) == by_machine_code(frame)


def test_it_is_told_once_of_each_port(caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    with caplog.at_level(logging.WARNING, "v1switch"):
        for port, whole in ((1, True), (1, True), (2, True), (1, False), (1, False)):
            notes.note(port, f"veth{port}", whole=whole)
    assert len(caplog.records) == 3
    first = caplog.records[0].getMessage()
    assert first.startswith("port 1 (veth1): ")
    assert "ethtool -K IF tx off" in first


# -- captures --------------------------------------------------------------------------------------


def test_a_running_switchs_captures_are_as_bmv2s(tmp_path: Path) -> None:
    capture = Capture(tmp_path, {1: "eth1"})
    capture(1, b"frame", True)
    capture.close()
    data = (tmp_path / "eth1_in.pcap").read_bytes()
    assert data[:4] == struct.pack("=I", 0xA1B2C3D4)
    ((time_ns, frame),) = read_frames(tmp_path / "eth1_in.pcap")
    assert frame == b"frame"
    assert time_ns % 1000 == 0


def test_times_in_microseconds(tmp_path: Path) -> None:
    file = PcapFile(tmp_path / "x.pcap", nanoseconds=False)
    file.write(b"frame", 5_123_456_789)
    file.close()
    assert list(read_frames(tmp_path / "x.pcap")) == [(5_123_456_000, b"frame")]
