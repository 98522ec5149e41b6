"""Indexed counters and register arrays at run time."""

from __future__ import annotations

from array import array

from v1switch.state.entries import CounterData
from v1switch.state.words import SCALAR_BITS, count, join, split, zeros


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
    """Cells wider than 63 bits, each stored in the words that `words.split` makes."""

    __slots__ = ("_count", "_width", "_words")

    def __init__(self, words: array[int], width: int) -> None:
        """View `words` as cells of `width` bits."""
        self._words = words
        self._width = width
        self._count = count(width)

    def __len__(self) -> int:
        return len(self._words) // self._count

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return join(self._words[self._count * index : self._count * (index + 1)])

    def __setitem__(self, index: int, value: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(index)
        words = array("q", split(value, self._width))
        self._words[self._count * index : self._count * (index + 1)] = words


class RegisterBank:
    """A register array. Plain Python reads and writes `cells` in place, machine code `words`."""

    __slots__ = ("cells", "name", "size", "width", "words")

    def __init__(self, name: str, size: int, width: int) -> None:
        """Make `size` cells of `width` bits at zero."""
        self.name = name
        self.size = size
        self.width = width
        self.words = zeros(size * count(width))
        self.cells = self.words if width <= SCALAR_BITS else WideCells(self.words, width)
