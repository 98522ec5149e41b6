"""Cells of table entries, and the look-up structures that plain Python reads.

Writers change the structures with the lock held; generated Python reads `rows` or `exact` once per
look-up. Keys of more than one field are concatenated, the first field in the most significant
bits, except for exact tables, whose keys are the single value or the tuple of values.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from v1switch.state.entries import CounterData, Exact, Key, Lpm, Range, TableEntry, Ternary
from v1switch.state.meters import Meter
from v1switch.state.words import address, limbs, zeros

# Words of a cell. Packets change the first three, whichever engine carries them.
PACKETS, BYTES, LAST_HIT = 0, 1, 2
CODE = 3
ARGS = 4  # address of the parameters, each in as many words as its width takes
METER = 5  # address of the direct meter's words, or 0
TARGET = 6  # address of the words of the member or group that the cell points at, or 0
PRIORITY, SEQUENCE = 7, 8  # the two parts of `rank`
PICKS = 9  # in groups, how many cells the selector picks from; elsewhere -1
PICK = 10  # in groups, address of an array of those cells' addresses
CELL_WORDS = 11
SEQUENCE_BITS = 40
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1


class Cell:
    """The result of a look-up: an action with its parameters and direct resources.

    Attributes:
        words: int64, by the indexes above: the cell as machine code sees it. The direct counter
            and the time of the last hit are kept here only.
        code: number of the action's name in the program (see `Program.action_codes`); -1 for none.
        params: the action's parameters.
        args: the same parameters as words.
        target: member or group cell for indirect tables, else None.
        meter: the direct meter or None.
        rank: order of precedence in ternary and range tables; larger wins.
        reported: the `last_hit` whose idle timeout was reported.
        entry: the public entry this cell was made from, None for a default action.
        handle: of the entry (see `handles`); -1 for a default action.
    """

    __slots__ = (
        "args",
        "code",
        "entry",
        "handle",
        "meter",
        "params",
        "rank",
        "reported",
        "target",
        "words",
    )

    pick: tuple[Cell, ...] | None = None  # groups have one

    def __init__(self) -> None:
        """Make a cell that runs no action."""
        self.words = zeros(CELL_WORDS)
        self.words[PICKS] = -1
        self.target: Cell | None = None
        self.meter: Meter | None = None
        self.rank = 0
        self.entry: TableEntry | None = None
        self.handle = -1
        self.reported = -1
        self.set_action(-1, (), ())

    def set_action(self, code: int, params: tuple[int, ...], widths: Sequence[int]) -> None:
        """Set the action and its parameters, with their widths in bits."""
        self.code, self.params = code, params
        self.args = array("q", limbs(params, widths))
        self.words[CODE], self.words[ARGS] = code, address(self.args)

    def point_at(self, target: Cell | None) -> None:
        """Set the member or group that the cell refers to."""
        self.target = target
        self.words[TARGET] = 0 if target is None else address(target.words)

    def copy_action(self, other: Cell) -> None:
        """Take over the action or target of another cell."""
        self.code, self.params, self.args = other.code, other.params, other.args
        self.words[CODE], self.words[ARGS] = other.words[CODE], other.words[ARGS]
        self.point_at(other.target)

    def attach_meter(self, meter: Meter) -> None:
        """Give the cell a direct meter."""
        self.meter = meter
        self.words[METER] = address(meter.words)

    def set_rank(self, priority: int, sequence: int) -> None:
        """Set the precedence: by `priority`, among equal priorities the older cell first."""
        self.rank = priority << SEQUENCE_BITS | (SEQUENCE_MASK - sequence)
        self.words[PRIORITY], self.words[SEQUENCE] = priority, sequence

    @property
    def counter(self) -> CounterData:
        """The direct counter."""
        return CounterData(self.words[PACKETS], self.words[BYTES])

    def set_counter(self, data: CounterData) -> None:
        """Set the direct counter."""
        self.words[PACKETS], self.words[BYTES] = data.packets, data.bytes

    @property
    def last_hit(self) -> int:
        """Time (ns) of the last hit in tables with timeouts; of the insertion before the first."""
        return self.words[LAST_HIT]

    @property
    def public_entry(self) -> TableEntry:
        """The entry that this cell was made from; not for the cell of a default action."""
        assert self.entry is not None
        return self.entry


def value_and_mask(key: Key, widths: Sequence[int]) -> tuple[int, int]:
    """Concatenate a key without ranges into (value, mask); ranges count as mask 0."""
    value = mask = 0
    for match, width in zip(key, widths, strict=True):
        ones = (1 << width) - 1
        if isinstance(match, Exact):
            part, bits = match.value, ones
        elif isinstance(match, Lpm):
            bits = ones ^ (ones >> match.prefix_len)
            part = match.value & bits
        elif isinstance(match, Ternary):
            part, bits = match.value & match.mask, match.mask
        else:
            part, bits = 0, 0
        value = value << width | part
        mask = mask << width | bits
    return value, mask


class ExactIndex:
    """Dictionary from the key's value(s) to the cell."""

    __slots__ = ("exact",)

    def __init__(self, _widths: Sequence[int]) -> None:
        """Start empty; the widths are not needed."""
        self.exact: dict[object, Cell] = {}

    @staticmethod
    def _hashed(key: Key) -> object:
        values = tuple(m.value for m in key if not isinstance(m, Range))
        return values[0] if len(values) == 1 else values

    def insert(self, key: Key, cell: Cell) -> None:
        """Add or replace the cell of a key."""
        self.exact[self._hashed(key)] = cell

    def remove(self, key: Key, _cell: Cell) -> None:
        """Remove a key."""
        del self.exact[self._hashed(key)]

    def cell_at(self, key: Key, _value: int, _mask: int) -> Cell | None:
        """The cell that a look-up of this key finds."""
        return self.exact.get(self._hashed(key))


class LpmIndex:
    """One dictionary per prefix length, longest first: the first hit is the answer."""

    __slots__ = ("_by_mask", "_widths", "rows")

    def __init__(self, widths: Sequence[int]) -> None:
        """Start empty for key fields of these widths."""
        self._widths = tuple(widths)
        self._by_mask: dict[int, dict[int, Cell]] = {}
        self.rows: tuple[tuple[int, dict[int, Cell]], ...] = ()

    def insert(self, key: Key, cell: Cell) -> None:
        """Add or replace the cell of a key."""
        value, mask = value_and_mask(key, self._widths)
        level = self._by_mask.get(mask)
        if level is None:
            level = self._by_mask[mask] = {}
            self._publish()
        level[value] = cell

    def remove(self, key: Key, _cell: Cell) -> None:
        """Remove a key."""
        value, mask = value_and_mask(key, self._widths)
        del self._by_mask[mask][value]
        if not self._by_mask[mask]:
            del self._by_mask[mask]
            self._publish()

    def cell_at(self, _key: Key, value: int, mask: int) -> Cell | None:
        """The cell that a look-up finds under this mask."""
        return self._by_mask.get(mask, {}).get(value)

    def _publish(self) -> None:
        # with exactly one lpm field the masks are ordered like their prefix lengths
        self.rows = tuple(sorted(self._by_mask.items(), reverse=True))


class TernaryIndex:
    """Tuple space search: one dictionary per mask, masks ordered by their best rank.

    A row is (mask, best cell by masked key, top). No cell of the row has a rank above top, so a
    look-up may stop at the first row whose top is below the rank that it has already found.
    Removing a row's best cell leaves top as an upper bound, because finding the next best means
    looking at every cell; top is recomputed after as many removals as the row has keys.
    """

    __slots__ = ("_cells", "_loose", "_widths", "rows")

    def __init__(self, widths: Sequence[int]) -> None:
        """Start empty for key fields of these widths."""
        self._widths = tuple(widths)
        self._cells: dict[tuple[int, int], list[Cell]] = {}
        self._loose: dict[int, int] = {}  # by mask: removals since top was exact
        self.rows: tuple[tuple[int, dict[int, Cell], int], ...] = ()

    def _row(self, mask: int) -> tuple[int, dict[int, Cell], int]:
        return next((row for row in self.rows if row[0] == mask), (mask, {}, -1))

    def insert(self, key: Key, cell: Cell) -> None:
        """Add a cell; several cells may have the same key and different priorities."""
        value, mask = value_and_mask(key, self._widths)
        cells = self._cells.setdefault((mask, value), [])
        cells[:] = [c for c in cells if c.rank != cell.rank]
        cells.append(cell)
        cells.sort(key=lambda c: -c.rank)
        _, best, top = self._row(mask)
        best[value] = cells[0]
        if top < cells[0].rank:
            self._loose.pop(mask, None)
            self._publish(mask, best, cells[0].rank)

    def remove(self, key: Key, cell: Cell) -> None:
        """Remove one cell."""
        value, mask = value_and_mask(key, self._widths)
        cells = self._cells[mask, value]
        cells[:] = [c for c in cells if c.rank != cell.rank]
        _, best, top = self._row(mask)
        if cells:
            best[value] = cells[0]
        else:
            del self._cells[mask, value], best[value]
        removals = self._loose.get(mask, 0)
        if best and not removals and top != cell.rank:
            return
        if removals < len(best):
            self._loose[mask] = removals + 1
            return
        self._loose.pop(mask, None)
        self._publish(mask, best, max((c.rank for c in best.values()), default=-1))

    def cell_at(self, _key: Key, value: int, mask: int) -> Cell | None:
        """The cell that a look-up finds under this mask."""
        return self._row(mask)[1].get(value)

    def _publish(self, mask: int, best: dict[int, Cell], top: int) -> None:
        rows = [row for row in self.rows if row[0] != mask]
        if best:
            rows.append((mask, best, top))
        self.rows = tuple(sorted(rows, key=lambda row: -row[2]))


class RangeIndex:
    """Rows in order of rank: (mask, value, ((shift, ones, low, high), …), cell)."""

    __slots__ = ("_widths", "rows")

    def __init__(self, widths: Sequence[int]) -> None:
        """Start empty for key fields of these widths."""
        self._widths = tuple(widths)
        self.rows: tuple[tuple[int, int, tuple[tuple[int, int, int, int], ...], Cell], ...] = ()

    def insert(self, key: Key, cell: Cell) -> None:
        """Add a cell."""
        value, mask = value_and_mask(key, self._widths)
        shift = sum(self._widths)
        ranges = []
        for match, width in zip(key, self._widths, strict=True):
            shift -= width
            if isinstance(match, Range) and width:
                ranges.append((shift, (1 << width) - 1, match.low, match.high))
        kept = [row for row in self.rows if row[3].rank != cell.rank]
        kept.append((mask, value, tuple(ranges), cell))
        self.rows = tuple(sorted(kept, key=lambda row: -row[3].rank))

    def remove(self, _key: Key, cell: Cell) -> None:
        """Remove one cell."""
        self.rows = tuple(row for row in self.rows if row[3].rank != cell.rank)


Index = ExactIndex | LpmIndex | TernaryIndex | RangeIndex
INDEXES: dict[str, type[Index]] = {
    "exact": ExactIndex,
    "lpm": LpmIndex,
    "ternary": TernaryIndex,
    "range": RangeIndex,
}
