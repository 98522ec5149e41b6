"""Look-up structures of tables, in the shape that generated code reads.

Writers change them under the gate; generated code reads `rows` or `exact` once per look-up. Keys
of more than one field are concatenated, first field in the most significant bits, except for
exact tables, whose keys are the single value or the tuple of values.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from v1switch.state.entries import CounterData, Exact, Key, Lpm, Range, TableEntry, Ternary
from v1switch.state.meters import Meter
from v1switch.state.words import address, limbs, zeros

# Words of a cell. The first three change with every packet, whichever engine carries it.
PACKETS, BYTES, LAST_HIT = 0, 1, 2
CODE = 3
ARGS = 4  # address of the parameters, each in as many words as its width takes
METER = 5  # address of the direct meter's words, or 0
TARGET = 6  # address of the words of the member or group that the cell points at, or 0
PRIORITY, SEQUENCE = 7, 8  # the two parts of `rank`
PICKS = 9  # groups: how many cells they pick from; -1 in what is no group
PICK = 10  # groups: address of the addresses of those cells
CELL_WORDS = 11
SEQUENCE_BITS = 40
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1


class Cell:
    """What a look-up yields.

    Attributes:
        words: int64, by the indexes above: what machine code sees of a cell, and the one place of
            its direct counter and its last hit.
        code: number of the action's name in the program (see `state.action_codes`); -1 for none.
        params: the action's parameters.
        args: the parameters once more, as words.
        target: member or group cell for indirect tables, else None.
        meter: the direct meter or None.
        rank: order of precedence in ternary and range tables; larger wins.
        reported: the `last_hit` for which an idle timeout was reported.
        entry: the public entry this cell was made from, None for a default action.
    """

    __slots__ = (
        "args",
        "code",
        "entry",
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
        self.reported = -1
        self.act(-1, (), ())

    def act(self, code: int, params: tuple[int, ...], widths: Sequence[int]) -> None:
        """Run action `code` with parameters of these widths (bits) from now on."""
        self.code, self.params = code, params
        self.args = array("q", limbs(params, widths))
        self.words[CODE], self.words[ARGS] = code, address(self.args)

    def aim(self, target: Cell | None) -> None:
        """Point at a member or group from now on."""
        self.target = target
        self.words[TARGET] = 0 if target is None else address(target.words)

    def follow(self, other: Cell) -> None:
        """Do what another cell does from now on."""
        self.code, self.params, self.args = other.code, other.params, other.args
        self.words[CODE], self.words[ARGS] = other.words[CODE], other.words[ARGS]
        self.aim(other.target)

    def measure(self, meter: Meter) -> None:
        """Have a direct meter from now on."""
        self.meter = meter
        self.words[METER] = address(meter.words)

    def rank_by(self, priority: int, sequence: int) -> None:
        """Take precedence by `priority`, then over later cells."""
        self.rank = priority << SEQUENCE_BITS | (SEQUENCE_MASK - sequence)
        self.words[PRIORITY], self.words[SEQUENCE] = priority, sequence

    @property
    def counter(self) -> CounterData:
        """The direct counter."""
        return CounterData(self.words[PACKETS], self.words[BYTES])

    def count_from(self, data: CounterData) -> None:
        """Set the direct counter."""
        self.words[PACKETS], self.words[BYTES] = data.packets, data.bytes

    @property
    def last_hit(self) -> int:
        """Time (ns) of the last hit (tables with timeouts), of the insertion before any."""
        return self.words[LAST_HIT]

    @property
    def made_from(self) -> TableEntry:
        """The public entry of a cell that has one: any but a default action's."""
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
        """Forget a key."""
        del self.exact[self._hashed(key)]

    def cell_at(self, key: Key, _value: int, _mask: int) -> Cell | None:
        """Give the cell that a look-up of this key finds."""
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
        """Forget a key."""
        value, mask = value_and_mask(key, self._widths)
        del self._by_mask[mask][value]
        if not self._by_mask[mask]:
            del self._by_mask[mask]
            self._publish()

    def cell_at(self, _key: Key, value: int, mask: int) -> Cell | None:
        """Give the cell that a look-up finds under this mask."""
        return self._by_mask.get(mask, {}).get(value)

    def _publish(self) -> None:
        # with exactly one lpm field the masks are ordered like their prefix lengths
        self.rows = tuple(sorted(self._by_mask.items(), reverse=True))


class TernaryIndex:
    """Tuple space search: one dictionary per mask, masks ordered by their best rank.

    A row is (mask, best cell by masked key, top). No cell of the row has a rank above top, so a
    look-up may stop at the first row whose top is below what it has already found. When a row's
    best cell goes, finding the next best would mean looking at all: that is done once for as many
    removals as the row has keys, and until then top is a bound that no cell reaches.
    """

    __slots__ = ("_cells", "_loose", "_widths", "rows")

    def __init__(self, widths: Sequence[int]) -> None:
        """Start empty for key fields of these widths."""
        self._widths = tuple(widths)
        self._cells: dict[tuple[int, int], list[Cell]] = {}
        self._loose: dict[int, int] = {}  # removals by mask since its top is no cell's rank
        self.rows: tuple[tuple[int, dict[int, Cell], int], ...] = ()

    def _row(self, mask: int) -> tuple[int, dict[int, Cell], int]:
        return next((row for row in self.rows if row[0] == mask), (mask, {}, -1))

    def insert(self, key: Key, cell: Cell) -> None:
        """Add a cell; cells of equal key and different priority stand side by side."""
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
        """Forget one cell."""
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
        """Give the cell that a look-up finds under this mask."""
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
            if isinstance(match, Range):
                ranges.append((shift, (1 << width) - 1, match.low, match.high))
        kept = [row for row in self.rows if row[3].rank != cell.rank]
        kept.append((mask, value, tuple(ranges), cell))
        self.rows = tuple(sorted(kept, key=lambda row: -row[3].rank))

    def remove(self, _key: Key, cell: Cell) -> None:
        """Forget one cell."""
        self.rows = tuple(row for row in self.rows if row[3].rank != cell.rank)


Index = ExactIndex | LpmIndex | TernaryIndex | RangeIndex
INDEXES: dict[str, type[Index]] = {
    "exact": ExactIndex,
    "lpm": LpmIndex,
    "ternary": TernaryIndex,
    "range": RangeIndex,
}
