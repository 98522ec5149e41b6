"""Indexed counters and register arrays at run time."""

from __future__ import annotations

from array import array

from v1switch.state.entries import CounterData
from v1switch.state.words import SCALAR_BITS, WORD_BYTES, zeros

WORD_BITS = 8 * WORD_BYTES


class CounterBank:
    """An indexed counter. Engines add to the two arrays in place."""

    __slots__ = ("bytes", "name", "packets", "size")

    def __init__(self, name: str, size: int) -> None:
        """Make `size` cells at zero."""
        self.name = name
        self.size = size
        self.packets = zeros(size)
        self.bytes = zeros(size)

    def read(self, index: int) -> CounterData:
        """The counts of one cell."""
        return CounterData(self.packets[index], self.bytes[index])

    def write(self, index: int, data: CounterData) -> None:
        """Set one cell."""
        self.packets[index], self.bytes[index] = data.packets, data.bytes


class WideCells:
    """Cells of more than 63 bits, little-endian in whole words."""

    __slots__ = ("_bytes", "_size")

    def __init__(self, words: array[int], size: int) -> None:
        """Use words as cells of `size` bytes each, a multiple of a word's."""
        self._bytes = memoryview(words).cast("B")
        self._size = size

    def __len__(self) -> int:
        return len(self._bytes) // self._size

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = self._size * index
        return int.from_bytes(self._bytes[at : at + self._size], "little")

    def __setitem__(self, index: int, value: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = self._size * index
        self._bytes[at : at + self._size] = value.to_bytes(self._size, "little")


def cell_words(width: int) -> int:
    """How many words a register's cell of `width` bits takes."""
    return 1 if width <= SCALAR_BITS else (width + WORD_BITS - 1) // WORD_BITS


class RegisterBank:
    """A register array. Plain Python reads and writes `cells` in place, machine code `words`."""

    __slots__ = ("cells", "name", "size", "width", "words")

    def __init__(self, name: str, size: int, width: int) -> None:
        """Make `size` cells of `width` bits at zero."""
        self.name = name
        self.size = size
        self.width = width
        words = cell_words(width)
        self.words = zeros(size * words)
        wide = width > SCALAR_BITS
        self.cells = WideCells(self.words, WORD_BYTES * words) if wide else self.words
