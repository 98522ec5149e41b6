"""Frames of a capture file (pcap, pcapng) as a system's receiving host would have treated them.

The file has frames as they come to a NIC, in VXLAN or not, such as `rx-1-napi-2.pcapng` of a main
job. They arrive at the model's NIC at the times of the file, under the virtual clock.
"""

from __future__ import annotations

import ipaddress
import struct
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scapy.error import Scapy_Exception
from scapy.utils import RawPcapReader

from falcon_ctl.capture import headers, segment
from falcon_ctl.errors import UsageError
from falcon_ctl.systems.system import System
from falcon_ctl.timeline.from_virtual import of_trace
from falcon_ctl.timeline.packets import Recorded
from falcon_ctl.virtual.measure import build
from rxpath.drivers import virtual
from rxpath.wire.toeplitz import key_table

MOST_FRAMES = 1_000_000
_ETHERNET = 1  # LINKTYPE_ETHERNET
_NS = 10**9
_IP = struct.Struct("!B8xB2x4s4s")  # version and header length, protocol, addresses
_EXPECTED = "a capture of Ethernet frames, pcap or pcapng"


class Frame(NamedTuple):
    """A captured frame: time (ns), its bytes as far as captured, its length on the wire."""

    time_ns: int
    data: bytes
    wire_len: int


def read(path: Path) -> list[Frame]:
    """The frames of a file in the order of their times.

    Raises:
        UsageError: it cannot be read, is no capture of Ethernet frames, or has too many.
    """
    frames = []
    try:
        with RawPcapReader(str(path)) as reader:
            for data, meta in reader:
                kind = getattr(meta, "linktype", None) or reader.linktype
                if kind != _ETHERNET:
                    raise UsageError(str(path), f"link type {kind}", _EXPECTED)
                frames.append(Frame(_time(meta, reader), data, meta.wirelen))
                if len(frames) > MOST_FRAMES:
                    what = f"more than {MOST_FRAMES:,} frames"
                    raise UsageError(str(path), what, "fewer of them (editcap -c cuts a file)")
    except OSError as error:
        raise UsageError(str(path), error.strerror or str(error), _EXPECTED) from error
    except (Scapy_Exception, EOFError, struct.error) as error:
        raise UsageError(str(path), str(error) or "ends too soon", _EXPECTED) from error
    if not frames:
        raise UsageError(str(path), "no frames", _EXPECTED)
    return sorted(frames, key=lambda frame: frame.time_ns)


def _time(meta: Any, reader: Any) -> int:
    """A frame's time: pcapng counts in units of its own, pcap in µs or ns beside seconds."""
    if hasattr(meta, "tshigh"):
        return (int(meta.tshigh) << 32 | int(meta.tslow)) * _NS // int(meta.tsresol)
    return int(meta.sec) * _NS + int(meta.usec) * (1 if reader.nano else 1000)


def replayed(system: System, frames: list[Frame], dilation: int, label: str) -> Recorded:
    """What a host of `system` makes of the frames, whose times are those of the wall.

    Args:
        system: whose host it is.
        frames: as `read` gives them.
        dilation: ns of the file's time for a ns of the model.
        label: of the run.

    Raises:
        ConfigError: the host cannot be run.
    """
    seen = [_Seen.of(frame) for frame in frames]
    flows = list(dict.fromkeys(one.flow for one in seen))
    targets = list(dict.fromkeys(one.target for one in seen))
    model = build(system, {}, len(flows), True, len(frames), len(targets))
    tunnel = np.array([headers.is_vxlan(frame.data) for frame in frames])
    segments = [segment.read(frame.data, dilation) for frame in frames]
    start = frames[0].time_ns
    trace = virtual.make_trace(
        [(frame.time_ns - start) // dilation for frame in frames],
        flow=[flows.index(one.flow) for one in seen],
        socket=[targets.index(one.target) for one in seen],
        chain=np.where(tunnel, model.chain("tunnel"), model.chain("plain")),
        rss_hash=[one.rss_hash for one in seen],
        protocol=[one.proto for one in seen],
        wire_len=[frame.wire_len for frame in frames],
        **{name: [getattr(one, name) for one in segments] for name in segment.Segment._fields},
    )
    return of_trace(model, trace, (system.name, label), flows, targets)


class _Seen(NamedTuple):
    """What the receive path looks at in a frame."""

    flow: str
    target: str
    proto: int
    rss_hash: int

    @classmethod
    def of(cls, frame: Frame) -> _Seen:
        """From its headers; what is no IPv4 is all one flow, to nobody."""
        data = frame.data
        begin = headers.innermost(data)
        outer = begin if begin != headers.TUNNEL else headers.UNTAGGED
        if not headers.is_ipv4(data) or len(data) < begin + 20:
            return cls("no IPv4", "none", 0, 0)
        _, proto, _, target = _IP.unpack_from(data, begin)
        ends = headers.ends(data)
        name = str(ipaddress.IPv4Address(target))
        flow = f"protocol {proto} to {name}"
        if ends is not None:
            flow = f"{ends.source}:{ends.source_port}→{ends.target}:{ends.target_port}"
        return cls(flow, name, proto, _rss(*_hashed(data, outer)))


def _hashed(data: bytes, at: int) -> tuple[bytes, bytes]:
    """Addresses, and ports of TCP and UDP, of the packet whose IPv4 header is at a place."""
    first, proto, source, target = _IP.unpack_from(data, at)
    ports = data[at + (first & 15) * 4 :][:4] if proto in (6, 17) else b""
    return source + target, ports


@cache
def _table() -> Any:
    return key_table()


@cache
def _rss(addresses: bytes, ports: bytes) -> int:
    """The Toeplitz hash of a NIC with Microsoft's key."""
    table, value = _table(), 0
    for position, byte in enumerate(addresses + ports):
        value ^= int(table[position, byte])
    return value
