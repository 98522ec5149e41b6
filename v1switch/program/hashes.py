"""Hash algorithms over byte strings, bit for bit those of BMv2.

Of calculations.cpp:

* crc16: CRC-16/ARC (polynomial 0x8005, reflected, initial value 0).
* crcCCITT: CRC-16/IBM-3740 (polynomial 0x1021, initial value 0xFFFF).
* crc32: CRC-32/ISO-HDLC, the CRC of IEEE 802.3.
* crc8_custom, crc64_custom: polynomials 0x07 and, reflected, 0x1B, initial values 0. BMv2 offers no
  way to change them.
* crc16_custom, crc32_custom: with BMv2's default parameters, which are crc16 and crc32; a program's
  calculations may have others (`v1switch/state/crc.py`).
* csum16, cksum16: the Internet checksum (RFC 1071).
* xor16, xor32: XOR of big-endian words, zero-padded.
* toeplitz: with BMv2's default key, 0; calculations may have others (`v1switch/state/toeplitz.py`).
* identity: the first eight bytes as a number.
* xxh64, bmv2_hash: see `xxh64`.

Of simple_switch.cpp:

* hash_ex: FNV-1a of signed bytes with more mixing at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32 as _crc32

from v1switch.program.xxh64 import xxh64

_WORD = 0xFFFFFFFF
_FNV_PRIME, _FNV_OFFSET = 16777619, 2166136261


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    """What each byte leaves, lowest bit first, by a polynomial that is reflected as well."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _table(polynomial: int, width: int) -> tuple[int, ...]:
    """What each byte leaves, highest bit first."""
    table = []
    for byte in range(256):
        value = byte << (width - 8)
        for _ in range(8):
            value <<= 1
            value ^= (1 << width | polynomial) if value >> width else 0
        table.append(value)
    return tuple(table)


CRC8_POLYNOMIAL, CCITT_POLYNOMIAL = 0x07, 0x1021
CRC16_REFLECTED, CRC32_REFLECTED = 0xA001, 0xEDB88320
CRC64_REFLECTED = 0xD8 << 56  # 0x1B
_CRC8, _CCITT = _table(CRC8_POLYNOMIAL, 8), _table(CCITT_POLYNOMIAL, 16)
_CRC16, _CRC64 = _reflected_table(CRC16_REFLECTED), _reflected_table(CRC64_REFLECTED)


def crc8(data: bytes) -> int:
    """CRC-8/SMBUS."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc


def ccitt(data: bytes) -> int:
    """CRC-16/IBM-3740."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc & 0xFF) << 8 ^ _CCITT[crc >> 8 ^ byte]
    return crc


def crc32(data: bytes) -> int:
    """CRC-32 of IEEE 802.3."""
    return _crc32(data)


def crc64(data: bytes) -> int:
    """The CRC of 64 bits of ISO 3309, with initial value 0."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC64[(crc ^ byte) & 0xFF]
    return crc


def csum16(data: bytes) -> int:
    """The Internet checksum of the data, zero-padded to 16-bit words (RFC 1071)."""
    total = int.from_bytes(data + bytes(len(data) % 2), "big")
    return 65535 - (total % 65535 or 65535) if total else 65535


def _words(data: bytes, size: int) -> list[int]:
    """The data as big-endian words of `size` bytes, zero-padded."""
    data += bytes(-len(data) % size)
    return [int.from_bytes(data[at : at + size], "big") for at in range(0, len(data), size)]


def xor16(data: bytes) -> int:
    """XOR of all big-endian 16-bit words, zero-padded."""
    result = 0
    for word in _words(data, 2):
        result ^= word
    return result


def xor32(data: bytes) -> int:
    """XOR of all big-endian 32-bit words, zero-padded."""
    result = 0
    for word in _words(data, 4):
        result ^= word
    return result


def toeplitz(data: bytes, key: Sequence[int] = (0,)) -> int:
    """XOR of the 32-bit windows of a key at each set bit of the data.

    Args:
        data: zero-padded to 32-bit words.
        key: in 32-bit words; it starts again at its end.
    """
    result = 0
    for number, word in enumerate(_words(data, 4)):
        window = key[number % len(key)] << 32 | key[(number + 1) % len(key)]
        for bit in range(32):
            if word >> (31 - bit) & 1:
                result ^= window >> (32 - bit) & _WORD
    return result


def identity(data: bytes) -> int:
    """The first eight bytes as a big-endian number."""
    return int.from_bytes(data[:8], "big")


def hash_ex(data: bytes) -> int:
    """FNV-1a of signed bytes, mixed once more."""
    state = _FNV_OFFSET
    for byte in data:
        state = (state ^ (byte if byte < 0x80 else byte - 0x100)) * _FNV_PRIME & _WORD
    for left, right in ((13, 7), (3, 17)):
        state = state + (state << left) & _WORD
        state ^= state >> right
    return state + (state << 5) & _WORD


# those of which a calculation has parameters of its own
CUSTOM = ("crc16_custom", "crc32_custom", "toeplitz")

HASHES: dict[str, Callable[[bytes], int]] = {
    "bmv2_hash": xxh64,
    "cksum16": csum16,
    "crc16": crc16,
    "crc16_custom": crc16,
    "crc32": crc32,
    "crc32_custom": crc32,
    "crc64_custom": crc64,
    "crc8_custom": crc8,
    "crcCCITT": ccitt,
    "csum16": csum16,
    "hash_ex": hash_ex,
    "identity": identity,
    "toeplitz": toeplitz,
    "xor16": xor16,
    "xor32": xor32,
    "xxh64": xxh64,
}
SAME = {"bmv2_hash": "xxh64", "cksum16": "csum16"}
"""Second names of algorithms."""
WIDTHS = {
    **dict.fromkeys(HASHES, 16),
    **dict.fromkeys(("crc32", "crc32_custom", "hash_ex", "toeplitz", "xor32"), 32),
    **dict.fromkeys(("crc64_custom", "identity", "xxh64", "bmv2_hash"), 64),
    "crc8_custom": 8,
    "random": 16,
}
"""Bits of results. BMv2 has no algorithm `random`, which gives random bits whatever the data."""
