"""RSS: the Toeplitz hash over addresses and ports (Microsoft, "RSS Hashing Functions").

The hash is linear: each bit that is set in the input adds (XOR) the 32 bits of the key that start
at the bit's place.  So one table row per input byte gives the hash with one look-up a byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rxpath.compile.jit import jit

KEY = bytes.fromhex(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)
"""Microsoft's 40-byte verification key, the default of many NICs."""

MAX_INPUT = 36  # bytes: two IPv6 addresses and two ports


def key_table(key: bytes = KEY) -> NDArray[np.int64]:
    """Look-up table [MAX_INPUT, 256] for `toeplitz`: what byte v at position p adds to the hash.

    Raises ValueError for a key that is not of 40 bytes.
    """
    if len(key) != MAX_INPUT + 4:
        raise ValueError(f"RSS key: got {len(key)} bytes, expected {MAX_INPUT + 4}")
    bits = int.from_bytes(key, "big")
    table = np.zeros((MAX_INPUT, 256), np.int64)
    for position in range(MAX_INPUT):
        for bit in range(8):
            shift = 8 * len(key) - 32 - (8 * position + bit)
            window = (bits >> shift) & 0xFFFFFFFF
            for value in range(256):
                if value & (0x80 >> bit):
                    table[position, value] ^= window
    return table


@jit
def toeplitz(
    table: NDArray[np.int64], data: NDArray[np.uint8], start: int, length: int, position: int
) -> int:
    """Hash of ``data[start : start + length]`` as the bytes from ``position`` of the RSS input.

    The input is source address, destination address, source port, destination port, as on the
    wire.  Parts that lie apart in a frame are hashed apart and XORed, each with its position.
    """
    value = 0
    for i in range(length):
        value ^= table[position + i, data[start + i]]
    return value
