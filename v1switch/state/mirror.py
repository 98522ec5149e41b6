"""Look-up structures of tables for machine code, mirrors of those in `lookup`.

Exact, LPM and ternary tables are hash tables with open addressing, one for each mask. Keys are
those of `lookup`, with each field in separate words (see `words`). Python writes them with the
lock held; machine code only reads (`engines/native/helpers/lookups.py`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from v1switch.state.entries import Key
from v1switch.state.lookup import (
    SEQUENCE_BITS,
    Cell,
    ExactIndex,
    Index,
    LpmIndex,
    RangeIndex,
    TernaryIndex,
    value_and_mask,
)
from v1switch.state.words import address, count, split, zeros

# Words of a table. FIELDS is the number of key fields, FIELDS_AT the address of their word counts
GROUPS, GROUPS_AT, DEFAULT, FIELDS, FIELDS_AT = 0, 1, 2, 3, 4
TABLE_WORDS = 5
# Words of a group, which holds all keys with one mask. The mask follows.
SLOTS_AT, LAST_SLOT, TOP_PRIORITY, GROUP_MASK = 0, 1, 2, 3
# A slot is the address of a cell, or one of these, followed by the key
FREE, GONE = 0, 1
MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio (Knuth, TAOCP 6.4)
_ONES = (1 << 64) - 1
_MIN_SLOTS = 8


def hash_of(key: Sequence[int]) -> int:
    """Hash the words of a key, as `hash_words` of the native engine does."""
    state = 0
    for part in key:
        state = (state ^ part) * MULTIPLIER & _ONES
        state ^= state >> 32
    return state


class Group:
    """One hash table from keys, as words, to addresses of cells."""

    def __init__(self, mask: Sequence[int]) -> None:
        """Make an empty group; `mask` has as many words as a key."""
        self.mask = list(mask)
        self.live = 0
        self._make(_MIN_SLOTS)

    def _make(self, size: int) -> None:
        self._width = 1 + len(self.mask)
        self._size, self._used = size, 0
        self.slots = zeros(size * self._width)

    def _find(self, key: list[int]) -> tuple[int, bool]:
        """The position of a key and True, or a position for it and False."""
        slot, free = hash_of(key) & self._size - 1, -1
        while True:
            at = slot * self._width
            found = self.slots[at]
            if found == FREE:
                return (at if free < 0 else free), False
            if found == GONE:
                free = at if free < 0 else free
            elif self.slots[at + 1 : at + self._width].tolist() == key:
                return at, True
            slot = slot + 1 & self._size - 1

    def set(self, key: list[int], cell: int) -> None:
        """Map a key to the cell at this address; address 0 removes the key."""
        at, known = self._find(key)
        if not cell:
            if known:
                self.slots[at] = GONE
                self.live -= 1
            return
        if not known:
            self._used += self.slots[at] == FREE
            self.live += 1
            self.slots[at + 1 : at + self._width] = array("q", key)
        self.slots[at] = cell
        if 4 * self._used > 3 * self._size:
            self._rebuild()

    def _rebuild(self) -> None:
        old, width = self.slots, self._width
        size = _MIN_SLOTS
        while size < 4 * self.live:
            size *= 2
        self._make(size)
        self.live = 0
        for at in range(0, len(old), width):
            if old[at] not in (FREE, GONE):
                self.set(old[at + 1 : at + width].tolist(), old[at])

    def words(self, top: int) -> list[int]:
        """The words of the group; `top` is its highest priority."""
        return [address(self.slots), self._size - 1, top, *self.mask]


class Mirror:
    """A table's look-up structure as words; the address of `words` never changes."""

    def __init__(self, index: Index, widths: Sequence[int]) -> None:
        """Mirror an index, which has to be empty, for key fields of these widths (bits)."""
        self.words = zeros(TABLE_WORDS)
        self._index = index
        self._widths = tuple(widths)
        self._groups: dict[int, Group] = {}
        self._order: object = None
        self._rows = zeros(0)
        self._field_words = array("q", map(count, widths))
        self.words[FIELDS], self.words[FIELDS_AT] = len(widths), address(self._field_words)

    def set_default(self, cell: Cell) -> None:
        """Set the cell that a miss runs."""
        self.words[DEFAULT] = address(cell.words)

    def update(self, key: Key) -> None:
        """Take over the index's cell of this key."""
        if isinstance(self._index, RangeIndex):
            self._list_rows(self._index)
            return
        value, mask = value_and_mask(key, self._widths)
        group = self._groups.get(mask)
        slots = None if group is None else group.slots
        if group is None:
            group = self._groups[mask] = Group(self._split(mask))
        cell = self._index.cell_at(key, value, mask)
        group.set(self._split(value), 0 if cell is None else address(cell.words))
        if not group.live:
            del self._groups[mask]
        if not group.live or slots is not group.slots or self._order is not self._ranked():
            self._publish()

    def _ranked(self) -> object:
        return None if isinstance(self._index, ExactIndex) else self._index.rows

    def _publish(self) -> None:
        """Rebuild the list of groups, in the order of look-up."""
        self._order = self._ranked()
        tops = dict.fromkeys(self._groups, 0)
        if isinstance(self._index, LpmIndex):
            tops = {mask: 0 for mask, _ in self._index.rows}
        elif isinstance(self._index, TernaryIndex):
            tops = {mask: rank >> SEQUENCE_BITS for mask, _, rank in self._index.rows}
        self._rows = array(
            "q", [word for mask, top in tops.items() for word in self._groups[mask].words(top)]
        )
        self.words[GROUPS], self.words[GROUPS_AT] = len(tops), address(self._rows)

    def _list_rows(self, index: RangeIndex) -> None:
        """Rows in order of rank: a cell's address, then mask, value, low and high of each word."""
        rows: list[int] = []
        for mask, value, ranges, cell in index.rows:
            rows.append(address(cell.words))
            limits = {shift: (low, high) for shift, _, low, high in ranges}
            shift = sum(self._widths)
            for width, part, bits in zip(
                self._widths, self._fields(value), self._fields(mask), strict=True
            ):
                shift -= width
                ones = (1 << width) - 1
                low, high = limits.get(shift, (0, ones)) if width else (0, 0)
                columns = (split(number, width) for number in (bits, part, low, high))
                rows += [word for row in zip(*columns, strict=True) for word in row]
        self._rows = array("q", rows)
        self.words[GROUPS], self.words[GROUPS_AT] = len(index.rows), address(self._rows)

    def _fields(self, whole: int) -> list[int]:
        """The fields of a concatenated key."""
        parts = []
        for width in reversed(self._widths):
            parts.append(whole & (1 << width) - 1)
            whole >>= width
        return parts[::-1]

    def _split(self, whole: int) -> list[int]:
        fields = zip(self._fields(whole), self._widths, strict=True)
        return [word for part, width in fields for word in split(part, width)]
