"""Hostile frames: random, truncated, changed, tagged many times, fragmented, of every EtherType."""

import random
from collections.abc import Callable, Iterator, Sequence

from falcon_ctl.traffic.flows import Endpoint, Flow, udp_template

TAGS = (0x8100, 0x88A8, 0x9100)
HEADER, TAGGED = (
    14,
    20,
)  # the shortest frames that a packet socket sends, and that survive with a tag
VNI, VLAN, PORT = 5001, 101, 4789


def plain(source: Endpoint, target: Endpoint) -> bytes:
    """A good frame, as a container sends it."""
    return udp_template(Flow(1, source, target, 40_000, 7000), 200).frame


def tagged(frame: bytes, vlan: int = VLAN) -> bytes:
    """As a machine sends it to its switch."""
    return frame[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + frame[12:]


def tunnelled(frame: bytes, outer: tuple[Endpoint, Endpoint], vni: int = VNI) -> bytes:
    """In VXLAN; `outer` are the tunnel's ends."""
    header = b"\x08\0\0\0" + (vni << 8).to_bytes(4, "big")
    flow = Flow(1, *outer, 50_000, PORT)
    around = bytearray(udp_template(flow, len(header) + len(frame)).frame)
    around[42:] = header + frame
    around[40:42] = b"\0\0"  # no UDP checksum
    return bytes(around)


def frames(seed: int, count: int, good: Sequence[bytes], longest: int) -> Iterator[bytes]:
    """`count` hostile frames of 14 to `longest` bytes, many of them made of good ones."""
    chance = random.Random(seed)
    for number in range(count):
        frame = KINDS[number % len(KINDS)](chance, bytearray(chance.choice(good)), number)
        if chance.random() < 0.5:
            _checksum(frame)
        del frame[longest:]
        # The kernel frees a frame that ends inside its tag and counts nothing (skb_vlan_untag).
        shortest = TAGGED if int.from_bytes(frame[12:14], "big") in TAGS else HEADER
        frame.extend(bytes(max(0, shortest - len(frame))))
        yield bytes(frame)


Kind = Callable[[random.Random, bytearray, int], bytearray]


def _random(chance: random.Random, _: bytearray, __: int) -> bytearray:
    return bytearray(chance.randbytes(chance.randrange(HEADER, 300)))


def _truncated(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    return frame[: chance.randrange(HEADER, len(frame))]


def _changed(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    for _ in range(chance.randrange(1, 9)):
        frame[chance.randrange(len(frame))] = chance.choice((0, 0xFF, chance.randrange(256)))
    return frame


def _headers_changed(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    """Fields between the first EtherType and the inner frame's, the tunnel's among them."""
    frame[chance.randrange(12, min(92, len(frame)))] = chance.randrange(256)
    return frame


def _tag_stack(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    for _ in range(chance.randrange(1, 9)):
        frame[12:12] = chance.choice(TAGS).to_bytes(2, "big") + chance.randbytes(2)
    return frame


def _jumbo(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    return frame + chance.randbytes(64) * 32


def _empty(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    return frame[: chance.choice((14, 15, 16, 34, 42, 50))]


def _fragment(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    at = 24 if frame[12:14] == b"\x81\x00" else 20
    frame[at : at + 2] = chance.randbytes(2)
    return frame


def _ether_type(chance: random.Random, frame: bytearray, number: int) -> bytearray:
    frame[12:14] = (number // len(KINDS) % 65536).to_bytes(2, "big")
    return frame


def _addresses(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    groups = (b"\xff" * 6, b"\x01\x80\xc2\0\0" + chance.randbytes(1), b"\x33\x33" + b"\0" * 4)
    at = chance.choice((0, 6))
    frame[at : at + 6] = chance.choice((*groups, bytes(6), chance.randbytes(6)))
    return frame


def _repeated(chance: random.Random, frame: bytearray, _: int) -> bytearray:
    """Headers within headers: a tunnel in a tunnel where the frame is one."""
    return frame[: chance.choice((14, 18, 42, 50))] + frame


KINDS: tuple[Kind, ...] = (
    *(_random, _truncated, _changed, _headers_changed, _tag_stack, _jumbo, _empty, _fragment),
    *(_ether_type, _addresses, _repeated),
)


def _checksum(frame: bytearray) -> None:
    """Make the first IPv4 header's checksum right, so that a change is not stopped by it."""
    at = {b"\x08\x00": 14, b"\x81\x00": 18}.get(bytes(frame[12:14]))
    if at is None or len(frame) < at + 20:
        return
    size = max(20, min(4 * (frame[at] & 15), len(frame) - at)) & ~1
    frame[at + 10 : at + 12] = b"\0\0"
    total = sum(int.from_bytes(frame[i : i + 2], "big") for i in range(at, at + size, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    frame[at + 10 : at + 12] = (~total & 0xFFFF).to_bytes(2, "big")
