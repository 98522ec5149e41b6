"""The pictures of the handout, from frames, the receive path's RSS hash and arithmetic."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from labs.draw import Draw
from labs.drawing import COLOURS, Drawing
from labs.frames import UDP, VXLAN_PORT, ethernet, ip, ipv4, udp, vxlan_header
from rxpath.wire.toeplitz import KEY, key_table, toeplitz

A_MAC, B_MAC = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
NEAR_MAC, FAR_MAC = "02:5a:00:00:00:01", "02:ee:00:00:00:01"
NEAR, FAR = "172.16.0.1", "172.16.0.2"
VNI, QUEUES, FLOWS = 5001, 8, 64
PARTS = (
    ("Ethernet", 14, "next hop's MAC, own MAC, 0x0800"),
    ("IPv4", 20, "VTEP to VTEP, DF, total length = inner + 36"),
    ("UDP", 8, "entropy port to 4789, length = inner + 16, checksum 0"),
    ("VXLAN", 8, "flags 0x08, reserved, VNI 5001, reserved"),
    ("inner Ethernet", 14, "container to container, no FCS"),
    ("inner packet", 32, "what the container sent"),
)


def flow(number: int) -> tuple[bytes, int]:
    """A container's frame, and the source port that its flow has in the tunnel."""
    ends = "10.0.0.11", "10.0.0.21"
    ports = Draw("lab 1").named(str(number)).integer(32768, 60999), 5000  # as Linux chooses them
    key = ip(ends[0]) + ip(ends[1]) + bytes([UDP]) + udp(*ports, b"")[:4]
    inner = ethernet(B_MAC, A_MAC, ipv4(*ends, UDP, udp(*ports, b"ping")))
    return inner, 49152 + zlib.crc32(key) % 16384


def frame() -> bytes:
    """A VXLAN frame."""
    inner, port = flow(0)
    datagram = udp(port, VXLAN_PORT, vxlan_header(VNI) + inner)
    return ethernet(FAR_MAC, NEAR_MAC, ipv4(NEAR, FAR, UDP, datagram, fragment=0x4000))


def fifty_bytes(path: Path) -> None:
    """The headers of a frame in the tunnel, with their bytes."""
    picture, data, at = Drawing(900, 330, "A frame in the tunnel, header by header"), frame(), 0
    picture.text(
        20,
        28,
        "A frame in the tunnel: 50 bytes in front of the container's packet that were not there",
        15,
        bold=True,
    )
    for row, (name, size, about) in enumerate(PARTS):
        y, part = 46 + row * 46, data[at : at + size]
        picture.box(20, y, 130, 38, COLOURS[row])
        picture.text(30, y + 17, name, 13, bold=True)
        picture.text(30, y + 32, f"{size} bytes" if row < 5 else "any length", 11)
        picture.text(165, y + 16, f"{at:3d}  {part.hex(' ')}", 12, mono=True)
        picture.text(195, y + 33, about, 12)
        at += size
    picture.save(path)


def queue_of(source_port: int) -> int:
    """The receive queue that RSS chooses for a packet of the tunnel."""
    data = ip(NEAR) + ip(FAR) + source_port.to_bytes(2, "big") + VXLAN_PORT.to_bytes(2, "big")
    value = toeplitz(key_table(KEY), np.frombuffer(data, np.uint8), 0, len(data), 0)
    return int(value) % 128 % QUEUES  # the indirection table: entry i is queue i mod 8


def queues(path: Path) -> None:
    """Receive queues of 64 flows, with one source port and with the entropy port."""
    picture = Drawing(900, 300, "Receive queues of 64 flows")
    cases = (
        ("one source port for all flows", [49152] * FLOWS),
        ("entropy port", [flow(n)[1] for n in range(FLOWS)]),
    )
    for column, (name, ports) in enumerate(cases):
        x, counts = 30 + column * 450, [0] * QUEUES
        for port in ports:
            counts[queue_of(port)] += 1
        picture.text(x, 28, f"{FLOWS} flows, {name}", 15, bold=True)
        for queue, count in enumerate(counts):
            height = 200 * count / FLOWS
            picture.box(
                x + queue * 48, 260 - height, 38, height, COLOURS[0] if count else "#ffffff"
            )
            picture.text(x + queue * 48 + 19, 254 - height, str(count), 12, "middle")
            picture.text(x + queue * 48 + 19, 278, f"q{queue}", 12, "middle")
        picture.line(x - 5, 260, x + QUEUES * 48, 260)
    picture.save(path)


def mtu(path: Path) -> None:
    """What the underlay's MTU of 1500 bytes holds."""
    picture = Drawing(900, 210, "What an MTU of 1500 bytes holds")
    picture.text(20, 28, "What the underlay's MTU of 1500 bytes holds", 15, bold=True)
    parts = (
        ("outer Ethernet", 14, 96),
        ("IPv4", 20, 66),
        ("UDP", 8, 56),
        ("VXLAN", 8, 66),
        ("inner Eth.", 14, 80),
        ("container's packet: 1450 at most", 1450, 480),
    )
    x = 20
    for number, (name, size, width) in enumerate(parts):
        picture.box(x, 60, width, 46, COLOURS[number])
        picture.text(x + width / 2, 80, name, 11, "middle")
        picture.text(x + width / 2, 97, str(size), 12, "middle", bold=True)
        x += width
    picture.line(116, 125, x, 125, 2)
    picture.text(
        (116 + x) / 2,
        145,
        "1500 = 20 + 8 + 8 + 14 + 1450: the MTU counts from the outer IP header on",
        13,
        "middle",
    )
    picture.text(
        (116 + x) / 2,
        175,
        "over IPv6 the outer header has 40 bytes in place of 20, and 1430 are left",
        13,
        "middle",
    )
    picture.save(path)


def draw(folder: Path) -> None:
    """Write all pictures into a folder."""
    fifty_bytes(folder / "fifty-bytes.svg")
    queues(folder / "queues.svg")
    mtu(folder / "mtu.svg")
