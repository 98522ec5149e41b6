"""Parser value sets at run time."""

from __future__ import annotations

from array import array

from v1switch.state.entries import ValueSetMember
from v1switch.state.words import address, split, zeros


class ValueSetState:
    """The members of a value set; plain Python reads `rows` of (value & mask, mask).

    Attributes:
        words: for machine code: the number of rows, and the address of an array in which every
            word of a value is followed by that of its mask.
    """

    __slots__ = ("_row_words", "members", "name", "rows", "width", "words")

    def __init__(self, name: str, width: int) -> None:
        """Make an empty value set; `width` is that of its members in bits."""
        self.name = name
        self.width = width
        self.members: tuple[ValueSetMember, ...] = ()
        self.rows: tuple[tuple[int, int], ...] = ()
        self.words = zeros(2)
        self._row_words = zeros(0)

    def replace(self, members: tuple[ValueSetMember, ...]) -> None:
        """Set all members."""
        ones = (1 << self.width) - 1
        pairs = ((m.value, ones if m.mask is None else m.mask) for m in members)
        self.members, self.rows = members, tuple((v & m, m) for v, m in pairs)
        words = (
            word
            for value, mask in self.rows
            for pair in zip(split(value, self.width), split(mask, self.width), strict=True)
            for word in pair
        )
        self._row_words = array("q", words)
        self.words[0], self.words[1] = len(members), address(self._row_words)
