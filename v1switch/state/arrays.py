"""Indexed counters and register arrays at run time."""

from __future__ import annotations

from array import array

from v1switch.state.entries import CounterData
from v1switch.state.words import SCALAR_BITS, zeros


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


class RegisterBank:
    """A register array. Engines read and write `cells` in place."""

    __slots__ = ("cells", "name", "size", "width")

    def __init__(self, name: str, size: int, width: int) -> None:
        """Make `size` cells of `width` bits at zero."""
        self.name = name
        self.size = size
        self.width = width
        self.cells: array[int] | list[int] = zeros(size) if width <= SCALAR_BITS else [0] * size
