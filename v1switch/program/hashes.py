"""Hash algorithms over byte strings, bit for bit those of BMv2 (calculations.cpp).

* crc16: CRC-16/ARC (polynomial 0x8005, reflected, initial value 0).
* crc32: CRC-32/ISO-HDLC, the CRC of IEEE 802.3.
* crc16_custom, crc32_custom: with BMv2's default parameters, which are the two above; a program's
  calculations may have others (`v1switch/state/crc.py`).
* csum16: the Internet checksum (RFC 1071).
* xor16: XOR of big-endian 16-bit words, zero-padded.
* identity: the first eight bytes as a number.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32 as _crc32


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC16 = _reflected_table(0xA001)  # 0x8005 reflected


def crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    table = _CRC16
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def crc32(data: bytes) -> int:
    """CRC-32 of IEEE 802.3."""
    return _crc32(data)


def csum16(data: bytes) -> int:
    """The Internet checksum of the data, zero-padded to 16-bit words (RFC 1071)."""
    total = int.from_bytes(data + bytes(len(data) % 2), "big")
    return 65535 - (total % 65535 or 65535) if total else 65535


def xor16(data: bytes) -> int:
    """XOR of all big-endian 16-bit words, zero-padded."""
    data += bytes(len(data) % 2)
    result = 0
    for at in range(0, len(data), 2):
        result ^= data[at] << 8 | data[at + 1]
    return result


def identity(data: bytes) -> int:
    """The first eight bytes as a big-endian number."""
    return int.from_bytes(data[:8], "big")


CUSTOM = ("crc16_custom", "crc32_custom")  # a calculation of these has parameters of its own

HASHES: dict[str, Callable[[bytes], int]] = {
    "crc16": crc16,
    "crc16_custom": crc16,
    "crc32": crc32,
    "crc32_custom": crc32,
    "csum16": csum16,
    "identity": identity,
    "xor16": xor16,
}
