"""A flow between two containers, and its frames, built once with Scapy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from falcon_ctl.traffic import payload

if TYPE_CHECKING:
    from scapy.layers.l2 import Ether


@dataclass(frozen=True)
class Endpoint:
    """A container as a flow's end."""

    name: str
    mac: str
    ip: str


@dataclass(frozen=True)
class Flow:
    """A unidirectional flow; `id` goes into each payload."""

    id: int
    source: Endpoint
    target: Endpoint
    source_port: int
    target_port: int
    proto: str = "udp"

    def __str__(self) -> str:
        source = f"{self.source.name}:{self.source_port}"
        return f"{self.proto} {source} > {self.target.name}:{self.target_port}"


@dataclass(frozen=True)
class Template:
    """A ready frame and where its measuring payload starts."""

    flow: Flow
    frame: bytes
    payload_offset: int


def udp_template(flow: Flow, payload_size: int) -> Template:
    """An Ethernet frame of `flow` with correct lengths and checksums."""
    from scapy.layers.inet import UDP  # Scapy takes a while to load, and few need it

    content = payload.filled(payload_size, payload.Stamp(flow.id, 0, 0))
    layers = _ip(flow) / UDP(sport=flow.source_port, dport=flow.target_port) / content
    frame = bytes(layers)
    return Template(flow, frame, len(frame) - len(content))


def tcp_segments(flow: Flow, count: int, payload_size: int, first_sequence: int = 1) -> list[bytes]:
    """`count` consecutive segments of one stream, each with a measuring payload.

    Only ACK is set, so GRO may merge them (include/net/gro.h: other flags end a merge).
    """
    from scapy.layers.inet import TCP

    frames = []
    for index in range(count):
        content = payload.filled(payload_size, payload.Stamp(flow.id, index, 0))
        sequence = (first_sequence + index * len(content)) & 0xFFFFFFFF
        header = TCP(sport=flow.source_port, dport=flow.target_port, flags="A", seq=sequence, ack=1)
        frames.append(bytes(_ip(flow) / header / content))
    return frames


def _ip(flow: Flow) -> Ether:
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    ethernet = Ether(src=flow.source.mac, dst=flow.target.mac)
    return ethernet / IP(src=flow.source.ip, dst=flow.target.ip, ttl=64, flags="DF", id=0)
