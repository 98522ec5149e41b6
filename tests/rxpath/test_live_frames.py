"""The parser of the live path: what it takes, what it refuses, and that it never looks too far."""

import struct

import live_frames as lf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, IPOption_NOP
from scapy.layers.l2 import Ether

from rxpath.wire import frames as fr
from rxpath.wire.toeplitz import key_table
from tests.examples import examples

ME = fr.identity(0x020000000101, 0xAC100001, 4789)
RSS = key_table()
calm = settings(deadline=None)  # the first call compiles


def parse(
    frame: bytes, vlan: int = 0, length: int | None = None, tail: int = 0
) -> tuple[int, fr.Parsed]:
    """Parse a frame; what lies behind it in its buffer is filled with `tail`."""
    buffer = np.full(2048, tail, np.uint8)
    buffer[: len(frame)] = np.frombuffer(frame, np.uint8)
    parsed = fr.Parsed.new()
    for name in fr.Parsed.FIELDS:
        setattr(parsed, name, 77)
    length = len(frame) if length is None else length
    buffer[length:] = tail
    return int(fr.parse(buffer, length, vlan, ME, RSS, parsed)), parsed


def verdict(frame: bytes, vlan: int = 0) -> str:
    return fr.VERDICT_NAMES[parse(frame, vlan)[0]]


def edited(frame: bytes, at: int, value: bytes) -> bytes:
    return frame[:at] + value + frame[at + len(value) :]


def resummed(frame: bytes, at: int = 14) -> bytes:
    """The frame with the IPv4 header checksum at `at` made right again."""
    size = (frame[at] & 15) * 4
    header = edited(frame[at : at + size], 10, b"\0\0")
    total = sum(struct.unpack(f"!{size // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return edited(frame, at + 10, struct.pack("!H", ~total & 0xFFFF))


PLAIN = lf.vxlan(lf.inner())
VALID = {
    "udp": PLAIN,
    "tcp": lf.vxlan(lf.tcp()),
    "ipv6": lf.vxlan(lf.inner6()),
    "arp": lf.vxlan(lf.arp()),
    "outer options": lf.vxlan(lf.inner(), options=[IPOption_NOP()] * 4),
    "udp checksum": lf.vxlan(lf.inner(), chksum=-1),
    "inner fragment": lf.vxlan(lf.inner(flags="MF")),
}


@pytest.mark.parametrize("name", VALID)
def test_the_inner_frame_is_found(name: str) -> None:
    frame = VALID[name]
    found, parsed = parse(frame)
    assert fr.VERDICT_NAMES[found] == "ok"
    inner = frame[parsed.inner : parsed.inner_end]
    assert bytes(Ether(frame)["VXLAN"].payload) == inner
    assert (parsed.tunnel, parsed.segment) == (1, 5001)
    assert parsed.dmac == int.from_bytes(inner[:6], "big")


def test_a_machine_takes_vxlan_on_its_own_port_only() -> None:
    me = fr.identity(0x020000000101, 0xAC100001, 8472)
    for port, verdict in ((8472, "ok"), (4789, "not_ours"), (6784, "not_ours")):
        frame = np.frombuffer(lf.vxlan(lf.inner(), dport=port), np.uint8).copy()
        parsed = fr.Parsed.new()
        assert fr.VERDICT_NAMES[fr.parse(frame, len(frame), 0, me, RSS, parsed)] == verdict


def test_padding_behind_the_outer_packet_is_not_the_containers() -> None:
    found, parsed = parse(PLAIN + b"\xaa" * 9)
    assert (found, parsed.inner_end) == (fr.OK, len(PLAIN))


def test_a_tagged_frame_is_the_containers_whole() -> None:
    frame = bytes(lf.inner())
    found, parsed = parse(frame, vlan=101)
    assert found == fr.OK
    assert (parsed.inner, parsed.inner_end) == (0, len(frame))
    assert (parsed.tunnel, parsed.segment, parsed.proto) == (0, 101, 17)


def hash_of(*parts: bytes) -> int:
    """Toeplitz bit by bit, as Microsoft writes it down."""
    key = int.from_bytes(
        bytes.fromhex(
            "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
        ),
        "big",
    )
    result = 0
    for i, byte in enumerate(b"".join(parts)):
        for bit in range(8):
            if byte & (0x80 >> bit):
                result ^= (key >> (320 - 32 - 8 * i - bit)) & 0xFFFFFFFF
    return result


def test_rss_hashes_the_outer_packet_of_a_tunnel() -> None:
    _, parsed = parse(PLAIN)
    outer = bytes([172, 16, 0, 2, 172, 16, 0, 1]), struct.pack("!HH", 50_000, 4789)
    assert parsed.rss_hash == hash_of(*outer)


def test_rss_hashes_addresses_only_of_a_fragment() -> None:
    _, parsed = parse(bytes(lf.inner(flags="MF")), vlan=101)
    assert parsed.rss_hash == hash_of(bytes([10, 0, 0, 99, 10, 0, 0, 11]))


def test_rss_hashes_ipv6() -> None:
    frame = bytes(lf.inner6())
    _, parsed = parse(frame, vlan=101)
    assert parsed.rss_hash == hash_of(frame[22:54], frame[54:58])


def test_what_is_not_ip_has_no_hash() -> None:
    assert parse(bytes(lf.arp()), vlan=101)[1].rss_hash == 0


NESTED = (
    Ether(src=lf.REMOTE, dst=lf.mac(0)) / IP(dst="10.0.0.11") / UDP(dport=4789) / (b"\x08" * 40)
)
BAD = {
    "other mac": (edited(PLAIN, 0, b"\x02\0\0\0\x01\x09"), "not_ours"),
    "other vtep": (lf.vxlan(lf.inner(), dst="172.16.0.9"), "not_ours"),
    "port not enabled": (lf.vxlan(lf.inner(), dport=6784), "not_ours"),
    "not ip": (edited(PLAIN, 12, b"\x88\xcc"), "not_ours"),
    "icmp outside": (resummed(edited(PLAIN, 23, b"\x01")), "not_ours"),
    "outer checksum": (edited(PLAIN, 24, b"\x12\x34"), "checksum"),
    "udp checksum": (lf.vxlan(lf.inner(), chksum=0x1234), "checksum"),
    "ttl 0": (lf.vxlan(lf.inner(), ttl=0), "ttl"),
    "inner ttl 0": (lf.vxlan(lf.inner(ttl=0)), "ttl"),
    "inner checksum": (edited(PLAIN, 50 + 24, b"\x12\x34"), "checksum"),
    "fragment": (lf.vxlan(lf.inner(), flags="MF"), "fragment"),
    "later fragment": (lf.vxlan(lf.inner(), frag=8), "fragment"),
    "version": (edited(PLAIN, 14, b"\x65"), "version"),
    "header length": (edited(PLAIN, 14, b"\x44"), "lengths"),
    "total above frame": (resummed(edited(PLAIN, 16, b"\x7f\xff")), "truncated"),
    "total below header": (resummed(edited(PLAIN, 16, b"\0\x13")), "lengths"),
    "total below udp": (resummed(edited(PLAIN, 16, b"\0\x18")), "lengths"),
    "udp above packet": (edited(PLAIN, 38, b"\x7f\xff"), "lengths"),
    "udp below header": (edited(PLAIN, 38, b"\0\x07"), "lengths"),
    "udp without inner frame": (edited(PLAIN, 38, b"\0\x1d"), "truncated"),
    "no vni flag": (edited(PLAIN, 42, b"\0"), "vxlan_header"),
    "vxlan in vxlan": (lf.vxlan(NESTED), "nested"),
    "inner tag": (lf.vxlan(Ether(lf.tagged(lf.inner()))), "tagged"),
    "inner total": (resummed(edited(PLAIN, 66, b"\x7f\xff"), 64), "truncated"),
    "inner udp length": (edited(PLAIN, 88, b"\x7f\xff"), "lengths"),
    "empty": (b"", "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(name: str) -> None:
    frame, expected = BAD[name]
    assert verdict(frame) == expected


def test_a_second_tag_and_a_zero_ttl_are_refused_on_plain_frames_too() -> None:
    assert verdict(lf.tagged(lf.inner()), vlan=101) == "tagged"
    assert verdict(bytes(lf.inner(ttl=0)), vlan=101) == "ttl"


def test_tcp_whose_header_does_not_fit() -> None:
    frame = bytes(lf.tcp(payload=b""))
    assert verdict(edited(frame, 46, b"\xf0"), vlan=101) == "lengths"
    assert verdict(edited(frame, 46, b"\x40"), vlan=101) == "lengths"


@calm
@given(st.sampled_from(sorted(VALID)), st.data())
def test_a_frame_cut_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    frame = VALID[name]
    length = data.draw(st.integers(0, len(frame) - 1))
    assert parse(frame, length=length)[0] != fr.OK


@settings(max_examples=examples(400), deadline=None)
@given(
    st.sampled_from(sorted(VALID)),
    st.sampled_from([0, 101]),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4),
    st.data(),
)
def test_nothing_behind_the_frame_is_ever_read(
    name: str, vlan: int, edits: list[tuple[int, int]], data: st.DataObject
) -> None:
    frame = VALID[name] if vlan == 0 else VALID[name][50:]
    for at, value in edits:
        frame = edited(frame, min(at, len(frame) - 1), bytes([value]))
    length = data.draw(st.integers(0, len(frame)))
    found, parsed = parse(frame, vlan, length, tail=0)
    again, other = parse(frame, vlan, length, tail=0xFF)
    assert found == again
    if found == fr.OK:
        assert parsed.array == other.array
        assert 0 <= parsed.inner + 14 <= parsed.inner_end <= length


@calm
@given(st.binary(max_size=200), st.sampled_from([0, 101]))
def test_junk_gets_a_verdict(frame: bytes, vlan: int) -> None:
    assert 0 <= parse(frame, vlan)[0] < len(fr.VERDICT_NAMES)
