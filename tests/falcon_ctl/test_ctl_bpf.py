"""The filters that know a run's frames, run by a plain interpreter of the classic BPF."""

import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from falcon_ctl.capture import bpf
from falcon_ctl.traffic.flows import Endpoint, Flow, tcp_segments, udp_template

ENDS = (
    Endpoint("red1-1", "02:00:00:00:00:01", "10.0.0.11"),
    Endpoint("red2-1", "02:00:00:00:00:02", "10.0.0.21"),
)


def accepts(program, frame):
    """As net/core/filter.c: a load beyond the frame ends with 0."""
    steps = [struct.unpack_from("@HBBI", program, at) for at in range(0, len(program), 8)]
    register = at = 0
    while True:
        code, then, other, operand = steps[at]
        at += 1
        if code in (0x20, 0x28, 0x30):
            size = {0x20: 4, 0x28: 2, 0x30: 1}[code]
            if operand + size > len(frame):
                return False
            register = int.from_bytes(frame[operand : operand + size], "big")
        elif code == 0x05:
            at += operand
        elif code == 0x06:
            return bool(operand)
        else:
            holds = {0x15: register == operand, 0x35: register >= operand}[code]
            at += then if holds else other


def tunnelled(frame):
    # both addresses: Scapy would ask the network for one that is missing
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    outer = link / IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=50_000, dport=4789)
    return bytes(outer / VXLAN(vni=5001) / Ether(frame))


def udp(number):
    return udp_template(Flow(number, *ENDS, 40_000, 7000), 64).frame


def tcp(source=40_000, target=7000):
    return tcp_segments(Flow(1, *ENDS, source, target, "tcp"), 1, 100)[0]


@pytest.mark.parametrize("wrap", [bytes, tunnelled])
def test_frames_of_the_flows_are_counted_plain_and_in_vxlan(wrap):
    program = bpf.udp_frames(range(1000, 1003))
    found = [n for n in range(998, 1006) if accepts(program, wrap(udp(n)))]
    assert found == [1000, 1001, 1002]
    program = bpf.tcp_frames([(40_000, 7000), (40_001, 7000)])
    assert accepts(program, wrap(tcp()))
    assert accepts(program, wrap(tcp(40_001)))
    assert not accepts(program, wrap(tcp(7000, 40_000))), "acknowledgements are no frames sent"
    assert not accepts(program, wrap(tcp(40_002)))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(Ether() / ARP()),
        bytes(Ether() / IP() / UDP(dport=7000) / (b"x" * 200)),
        bytes(Ether() / IP() / TCP(sport=1, dport=2)),
        udp(1000)[:45],
        tunnelled(udp(1000))[:95],
        tunnelled(bytes(Ether() / ARP())),
    ],
)
def test_other_frames_are_not(frame):
    assert not accepts(bpf.udp_frames(range(1000, 1003)), frame)
    assert not accepts(bpf.tcp_frames([(40_000, 7000)]), frame)


def test_more_flows_than_jumps_reach_are_refused():
    many = [(port, 7000) for port in range(bpf.MOST_FLOWS)]
    assert accepts(bpf.tcp_frames(many), tcp(0))
    with pytest.raises(ValueError, match="expected 1 to 200"):
        bpf.tcp_frames([*many, (60_000, 7000)])
