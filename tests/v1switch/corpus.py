"""Frames that reach all of the test programs' code, with some randomness from a seed."""

import random
from collections.abc import Iterator

Vector = tuple[int, bytes]


def _ethernet(ether_type: int, rest: bytes) -> bytes:
    return bytes.fromhex("020000000002020000000001") + ether_type.to_bytes(2, "big") + rest


def _ipv4(rng: random.Random, ihl: int = 5, version: int = 4, proto: int = 17) -> bytes:
    options = rng.randbytes(4 * max(0, ihl - 5))
    return (
        bytes([version << 4 | ihl])
        + rng.randbytes(8)
        + bytes([proto])
        + rng.randbytes(10)
        + options
    )


def _label(rng: random.Random, bottom: int) -> bytes:
    return (rng.getrandbits(20) << 12 | rng.getrandbits(3) << 9 | bottom << 8 | 64).to_bytes(
        4, "big"
    )


def parser(rng: random.Random) -> Iterator[Vector]:
    """Every path of the parser, and every kind of error."""
    pad = rng.randbytes(40)
    for port in (1, 3):
        for ether_type in (0x9000, 0x90FF, 0xA00F, 0xA010, 0xA01F, 0xA020, 0xBBBB, 0xCCCC, 0x1234):
            yield port, _ethernet(ether_type, pad)
    for ether_type in (0xBBBB, 0xCCCC):
        for length in range(27):
            yield 1, _ethernet(ether_type, pad[:length])
    for proto in (6, 17, 1):
        for ihl in (0, 3, 4, 5, 6, 14, 15):
            whole = _ethernet(0x0800, _ipv4(rng, ihl, proto=proto) + pad)
            yield 1, whole
            for cut in (14, 15, 33, 34, 35, 36, 37, 38, 41, 42, 54, 73, 74):
                yield 1, whole[:cut]
    yield 1, _ethernet(0x0800, _ipv4(rng, version=5) + pad)
    for depth in range(1, 6):
        labels = b"".join(_label(rng, int(n == depth - 1)) for n in range(depth))
        for rest in (_ipv4(rng) + pad, b"\x60" + pad, b""):
            yield 1, _ethernet(0x8847, labels + rest)
    for length in range(14, 30):
        yield 1, _ethernet(0x8847, _label(rng, 0) * 4)[:length]


def arithmetic(rng: random.Random) -> Iterator[Vector]:
    """Operands at the ends of their ranges and anywhere in between."""
    edges = [0, 1, 0x7F, 0x80, 0x81, 0xFE, 0xFF]
    for a in edges:
        for b in edges:
            e, f = rng.choice([0, 1, 0xFFFFFFFF, rng.getrandbits(32)]), rng.getrandbits(32)
            wide = [rng.choice([0, (1 << 128) - 1, rng.getrandbits(128)]) for _ in range(2)]
            ij = rng.getrandbits(16)
            yield (
                1,
                bytes([a, b, a, b])
                + e.to_bytes(4, "big")
                + f.to_bytes(4, "big")
                + b"".join(w.to_bytes(16, "big") for w in wide)
                + ij.to_bytes(2, "big")
                + b"tail",
            )
    for _ in range(60):
        yield 1, rng.randbytes(50)


def matching(rng: random.Random) -> Iterator[Vector]:
    """Keys that hit, keys that nearly hit, random keys."""
    for exact in (0, 1, 2, 3):
        for prefix in (0x0A000001, 0x0A010001, 0x0A010203, 0x0B000000):
            for pattern in (0x1234, 0x1235, 0x1200, 0x1FFF, 0x2000):
                number = rng.choice([0, 1, 2, 3, 9, 10, 15, 20, 21, 30, 31, 0x77, 0x12, 0x2F, 255])
                maybe = rng.choice([7, 7, 5, 9, 0])
                key = exact.to_bytes(2, "big") + prefix.to_bytes(4, "big")
                key += pattern.to_bytes(2, "big") + bytes([number, maybe])
                yield 1, key + bytes([rng.getrandbits(8)]) + b"payload"
    for length in (14, 15):
        yield 1, rng.randbytes(length)


def externs(rng: random.Random) -> Iterator[Vector]:
    """Random inputs; small indices so that registers and counters meet old values."""
    for _ in range(60):
        index = rng.choice([0, 1, 2, 3, 15, 16, 255])
        flags = rng.choice([0, 1, 2, 3, rng.getrandbits(8)])
        sums = rng.choice([bytes(4), rng.randbytes(4)])
        payload = rng.randbytes(rng.randrange(0, 9))
        yield 1, rng.randbytes(8) + bytes([flags, index]) + sums + payload


def replication(rng: random.Random) -> Iterator[Vector]:
    """Every order with arguments that exist and that do not."""
    for what in range(17):
        for arg in (0, 1, 2, 5, 7, 20, 200):
            if what == 9 and arg < 14:
                continue  # BMv2 sends frames shorter than an Ethernet header, a veth does not
            yield rng.choice([1, 4]), bytes([what, arg]) + rng.randbytes(30)


def stacks(rng: random.Random) -> Iterator[Vector]:
    """Every operation on stacks of every depth."""
    for what in range(12):
        for depth in range(6):
            items = b"".join(
                bytes([n]) + rng.randbytes(2) + bytes([int(n == depth - 1)]) for n in range(depth)
            )
            arg = rng.randrange(depth) if what == 8 and depth else rng.getrandbits(8)
            if what != 8 or depth:  # what a field of an invalid header holds is undefined
                yield 1, bytes([what, arg & 3, depth]) + items + rng.randbytes(30)
    same = bytes([1, 2, 3])
    yield 1, bytes([10, 0, 2]) + (same + b"\0") + (same + b"\1") + bytes(30)
    yield 1, bytes([10, 0, 2]) + (same + b"\1") * 2 + bytes(30)


def selector(rng: random.Random) -> Iterator[Vector]:
    """Flows over the entries that the tests make."""
    for a in range(5):
        for _ in range(12):
            yield 1, bytes([a, rng.getrandbits(8)]) + rng.randbytes(2) + bytes(12)


def wire(rng: random.Random) -> Iterator[Vector]:
    """All ports."""
    for port in (1, 2, 3):
        yield port, rng.randbytes(20)


def headers(rng: random.Random) -> Iterator[Vector]:
    """Every order, with equal and unequal headers, hits and misses."""
    for what in (*range(6), 9):
        for y in (4, 5, 6):
            one = rng.randbytes(4)
            for two in (one, rng.randbytes(4)):
                yield 1, bytes([what, 1, y]) + rng.randbytes(3) + one + two + rng.randbytes(10)


def loops(rng: random.Random) -> Iterator[Vector]:
    """Few and many rounds."""
    for n in (0, 1, 2, 3, 8, 16, 17, 77, 254):
        yield 1, bytes([n]) + rng.randbytes(20)


CORPORA = {
    "headers": headers,
    "loops": loops,
    "wire": wire,
    "parser": parser,
    "arithmetic": arithmetic,
    "matching": matching,
    "externs": externs,
    "replication": replication,
    "stacks": stacks,
    "selector": selector,
}


def vectors(name: str, seed: int = 1) -> list[Vector]:
    """The corpus of one program."""
    return list(CORPORA[name](random.Random(seed)))
