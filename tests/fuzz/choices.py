"""An input is a string of bytes; they decide, one after the other, what is made of it.

Hypothesis draws and shrinks bytes, libFuzzer mutates bytes, and a file of them reproduces a
finding. Bytes that are missing read as 0, so a shorter input is a simpler one.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
EDGES = (0, 1, 2, 3, 7, 8, 9, 63, 64, 255, 256, 511, 512, 1023, 4096, 32767, 65535, 65536)
HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64, 10**12, 10**30)


class Choices:
    """Decodes bytes into decisions, from the first to the last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """One byte; 0 when there are none left."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def below(self, count: int) -> int:
        """A number in 0..count-1."""
        size = max(1, ((count - 1).bit_length() + 7) // 8)
        return self.number(size) % count

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; the first is the simplest."""
        return options[self.below(len(options))]

    def chance(self, parts: int) -> bool:
        """True about once in `parts` times."""
        return self.byte() % parts == 1

    def integer(self) -> int:
        """A number worth trying: an edge, a huge one, or any; sometimes negative."""
        kind = self.below(8)
        value = self.byte() if kind < 3 else self.pick(HUGE if kind == 7 else EDGES)
        return -value if self.chance(8) else value

    def take(self, count: int) -> bytes:
        """So many bytes, with zeros for those that are missing."""
        part = self._data[self._at : self._at + count]
        self._at += count
        return part + bytes(count - len(part))

    def rest(self) -> bytes:
        """All that is left."""
        part = self._data[self._at :]
        self._at = len(self._data)
        return part
