"""Classic BPF programs that match the frames of a run, plain or in VXLAN.

A UDP frame of a run carries the measuring payload with the number of its flow; a TCP frame is known
by its ports.  The programs are for what a packet socket sees of an incoming frame: the kernel has
taken off an 802.1Q tag (net/core/dev.c, skb_vlan_untag).  IPv4 headers have no options.
Instructions: Documentation/networking/filter.rst, uapi linux/bpf_common.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from falcon_ctl.traffic import payload

_LD_WORD, _LD_HALF, _LD_BYTE = 0x20, 0x28, 0x30  # BPF_LD | BPF_ABS | size
_JUMP, _IF_EQUAL, _IF_GREATER, _IF_NOT_LESS, _RETURN = 0x05, 0x15, 0x25, 0x35, 0x06
_INSTRUCTION = struct.Struct("@HBBI")  # struct sock_filter

_TUNNEL = 14 + 20 + 8 + 8  # Ethernet, IPv4, UDP and VXLAN header in front of the inner frame
_ETHER_TYPE, _PROTO, _PORTS = 12, 14 + 9, 14 + 20
_PAYLOAD = _PORTS + 8
_IPV4, _TCP, _UDP = 0x0800, 6, 17
MOST_FLOWS = 200  # of TCP: a conditional jump reaches 255 instructions


class Step(NamedTuple):
    """An instruction; jumps name the label of their target, "" is the next instruction."""

    code: int
    operand: int = 0
    then: str = ""
    other: str = ""
    label: str = ""


def udp_frames(flows: range) -> bytes:
    """Accepts frames whose measuring payload has the number of one of these flows."""
    magic = int.from_bytes(payload.MAGIC, "big")
    return _assembled(
        [
            *_require(_LD_HALF, _ETHER_TYPE, _IPV4),
            *_require(_LD_BYTE, _PROTO, _UDP),
            Step(_LD_WORD, _PAYLOAD),
            Step(_IF_EQUAL, magic, "plain"),
            *_require(_LD_WORD, _TUNNEL + _PAYLOAD, magic),
            Step(_LD_WORD, _TUNNEL + _PAYLOAD + 4),
            Step(_JUMP, then="flow"),
            Step(_LD_WORD, _PAYLOAD + 4, label="plain"),
            Step(_IF_NOT_LESS, flows.start, "", "reject", label="flow"),
            Step(_IF_NOT_LESS, flows.stop, "reject", "accept"),
        ]
    )


def tcp_frames(ports: Iterable[tuple[int, int]]) -> bytes:
    """Accepts TCP frames with one of these pairs of source and destination port."""
    wanted = sorted(set(ports))
    if not 1 <= len(wanted) <= MOST_FLOWS:
        raise ValueError(f"expected 1 to {MOST_FLOWS} TCP flows, got {len(wanted)}")
    return _assembled(
        [
            *_require(_LD_HALF, _ETHER_TYPE, _IPV4),
            Step(_LD_BYTE, _PROTO),
            Step(_IF_EQUAL, _TCP, "plain"),
            Step(_IF_EQUAL, _UDP, "", "reject"),
            *_require(_LD_HALF, _TUNNEL + _ETHER_TYPE, _IPV4),
            *_require(_LD_BYTE, _TUNNEL + _PROTO, _TCP),
            Step(_LD_WORD, _TUNNEL + _PORTS),
            Step(_JUMP, then="ports"),
            Step(_LD_WORD, _PORTS, label="plain"),
            Step(_JUMP, then="ports"),
            *(
                Step(_IF_EQUAL, source << 16 | target, "accept", label="" if i else "ports")
                for i, (source, target) in enumerate(wanted)
            ),
        ]
    )


def _require(load: int, at: int, value: int) -> Sequence[Step]:
    return Step(load, at), Step(_IF_EQUAL, value, "", "reject")


def _assembled(steps: list[Step]) -> bytes:
    """Resolve labels; what is not accepted is rejected."""
    whole = [*steps, Step(_RETURN, label="reject"), Step(_RETURN, 1, label="accept")]
    places = {step.label: i for i, step in enumerate(whole) if step.label}
    code = b""
    for i, step in enumerate(whole):
        then, other = (places[name] - i - 1 if name else 0 for name in (step.then, step.other))
        if step.code == _JUMP:
            code += _INSTRUCTION.pack(step.code, 0, 0, then)
        else:
            code += _INSTRUCTION.pack(step.code, then, other, step.operand)
    return code
