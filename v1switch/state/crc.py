"""CRCs with parameters of one's own: crc16_custom and crc32_custom (calculations.cpp of BMv2).

Each calculation of a program that names one of the two has parameters of its own, which
simple_switch_CLI sets by `set_crc16_parameters` and `set_crc32_parameters`. They are kept in words,
which both engines read: a table for each byte, and what else the algorithm needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.errors import BadValue
from v1switch.program.hashes import crc16, crc32
from v1switch.state.words import zeros

WIDTHS = {"crc16_custom": 16, "crc32_custom": 32}
BYTES = 256
# words: the remainder of each byte, each byte as it enters, then these
BYTE_AT, INITIAL_AT, FINAL_AT, REFLECTED_AT, WORDS = BYTES, 2 * BYTES, 513, 514, 515


@dataclass(frozen=True)
class CrcConfig:
    """Parameters of a CRC, as catalogues have them.

    Attributes:
        polynomial: without its highest term, not reflected.
        initial: remainder before the first byte.
        final: what the result is XORed with.
        data_reflected: whether bytes enter with their lowest bit first.
        remainder_reflected: whether the remainder is reversed at the end.
    """

    polynomial: int
    initial: int
    final: int
    data_reflected: bool
    remainder_reflected: bool


DEFAULTS = {  # BMv2's: CRC-16/ARC and the CRC of IEEE 802.3
    16: CrcConfig(0x8005, 0, 0, True, True),
    32: CrcConfig(0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, True, True),
}
FAST = {16: crc16, 32: crc32}


class Crc:
    """One custom CRC of a program.

    Attributes:
        name: of the calculation.
        width: 16 or 32 bits.
        config: parameters in force.
        words: what machine code reads.
        hash: the hash of bytes, for plain Python.
    """

    __slots__ = ("config", "hash", "name", "width", "words")

    def __init__(self, name: str, width: int) -> None:
        """Start with BMv2's parameters."""
        self.name = name
        self.width = width
        self.words = zeros(WORDS)
        self.configure(DEFAULTS[width])

    def configure(self, config: CrcConfig) -> None:
        """Set the parameters; raises BadValue when one is wider than the CRC."""
        for value in (config.polynomial, config.initial, config.final):
            if not 0 <= value < 1 << self.width:
                raise BadValue(self.name, f"{value:#x} does not fit {self.width} bits")
        self.config = config
        words = self.words
        for byte in range(BYTES):
            words[byte] = self._remainder(byte)
            words[BYTE_AT + byte] = reflect(byte, 8) if config.data_reflected else byte
        words[INITIAL_AT], words[FINAL_AT] = config.initial, config.final
        words[REFLECTED_AT] = config.remainder_reflected
        self.hash = FAST[self.width] if config == DEFAULTS[self.width] else self._hash

    def take_over(self, other: object) -> None:
        """Take over the parameters of another hash, if it is a CRC of the same width."""
        if isinstance(other, Crc) and other.width == self.width:
            self.configure(other.config)

    def _remainder(self, byte: int) -> int:
        """What is left of a byte divided by the polynomial."""
        width, state = self.width, byte << (self.width - 8)
        for _ in range(8):
            state <<= 1
            if state >> width:
                state ^= 1 << width | self.config.polynomial
        return state

    def _hash(self, data: bytes) -> int:
        words, shift, ones = self.words, self.width - 8, (1 << self.width) - 1
        state = words[INITIAL_AT]
        for byte in data:
            state = words[words[BYTE_AT + byte] ^ state >> shift] ^ state << 8 & ones
        if words[REFLECTED_AT]:
            state = reflect(state, self.width)
        return state ^ words[FINAL_AT]


def reflect(value: int, width: int) -> int:
    """The bits of a number in the opposite order."""
    return int(f"{value:0{width}b}"[::-1], 2)
