"""Run-time tables: the entries of one table, its default action and its look-up structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from v1switch.errors import BadMatch, DuplicateEntry, EntryNotFound, Immutable, TableFull
from v1switch.program.model import KeyField, Table
from v1switch.state.entries import (
    ActionCall,
    EntryAction,
    Exact,
    Key,
    Lpm,
    Match,
    Range,
    TableEntry,
    Ternary,
)
from v1switch.state.lookup import INDEXES, LAST_HIT, Cell
from v1switch.state.meters import Meter
from v1switch.state.mirror import Mirror

KINDS: dict[str, type[Match]] = {
    "exact": Exact,
    "valid": Exact,
    "lpm": Lpm,
    "ternary": Ternary,
    "optional": Ternary,
    "range": Range,
}
Before = tuple[Cell, TableEntry | None]
"""What a cell did (a cell that does so), and its entry."""
Resolve = Callable[[Cell, EntryAction], None]
"""Fill a cell's code, parameters and target from an action; raises BadAction, EntryNotFound."""


class RuntimeTable:
    """One table's state. Writers hold the gate; generated code reads `index` and `default`."""

    def __init__(self, spec: Table, resolve: Resolve, meter_by_bytes: bool | None) -> None:
        """Make an empty table.

        Args:
            spec: the table in the program.
            resolve: turns an action into the cell's code and target.
            meter_by_bytes: whether its direct meter counts bytes; None without a direct meter.
        """
        self.spec = spec
        self.name = spec.name
        self.prioritized = spec.match_type in ("ternary", "range")
        self.fixed = spec.const_entries is not None and not spec.preinitialized
        self.widths = tuple(f.width for f in spec.key)
        self.index = INDEXES[spec.match_type](self.widths)
        self.default = Cell()
        self.default_action: ActionCall | EntryAction | None = None
        self.cells: dict[tuple[Key, int], Cell] = {}
        self.mirror: Mirror | None = None
        self._resolve = resolve
        self._meter_by_bytes = meter_by_bytes
        self._sequence = 0

    # -- checks ---------------------------------------------------------------------------------

    def check_key(self, key: Key) -> None:
        """Raise BadMatch unless `key` fits the table's key."""
        if len(key) != len(self.spec.key):
            reason = f"{len(key)} match fields, expected {len(self.spec.key)}"
            raise BadMatch(self.name, None, reason)
        for match, field in zip(key, self.spec.key, strict=True):
            reason_or_none = self._misfit(match, field)
            if reason_or_none:
                raise BadMatch(self.name, field.name, reason_or_none)

    @staticmethod
    def _misfit(match: Match, field: KeyField) -> str | None:
        expected = KINDS[field.match_kind]
        if not isinstance(match, expected):
            return f"{type(match).__name__} match, expected {field.match_kind}"
        ones = (1 << field.width) - 1
        numbers = [v for k, v in vars(match).items() if k != "prefix_len"]
        if any(not 0 <= v <= ones for v in numbers):
            return f"value does not fit {field.width} bits"
        if isinstance(match, Lpm):
            if not 0 <= match.prefix_len <= field.width:
                return f"prefix length {match.prefix_len} outside 0..{field.width}"
            if match.value & (ones >> match.prefix_len):
                return f"bits set beyond the prefix length {match.prefix_len}"
        if isinstance(match, Ternary) and match.value & ~match.mask:
            return "bits set outside the mask"
        if isinstance(match, Range) and match.low > match.high:
            return f"low {match.low} above high {match.high}"
        return None

    def identity(self, key: Key, priority: int) -> tuple[Key, int]:
        """What tells entries apart: the key, and the priority where it counts."""
        return key, priority if self.prioritized else 0

    def cell(self, key: Key, priority: int) -> Cell:
        """Find the cell of an entry; raises EntryNotFound."""
        found = self.cells.get(self.identity(key, priority))
        if found is None:
            raise EntryNotFound(self.name, key)
        return found

    # -- changes --------------------------------------------------------------------------------

    def insert(self, entry: TableEntry, now: int) -> Cell:
        """Add an entry; raises BadMatch, BadAction, DuplicateEntry, TableFull, Immutable."""
        if self.fixed and not entry.is_const:
            raise Immutable(self.name, "its content")
        self.check_key(entry.key)
        if self.identity(entry.key, entry.priority) in self.cells:
            raise DuplicateEntry(self.name, entry.key)
        if len(self.cells) >= self.spec.size:
            raise TableFull(self.name, self.spec.size)
        cell = Cell()
        self._resolve(cell, entry.action)
        cell.entry = entry
        cell.words[LAST_HIT] = now
        if self._meter_by_bytes is not None:
            cell.measure(Meter(self._meter_by_bytes, now))
        self._sequence += 1
        # equal priorities: the older entry wins, as in BMv2's linear search
        cell.rank_by(entry.priority, self._sequence)
        self.put(cell)
        return cell

    def put(self, cell: Cell) -> None:
        """Link a cell in (again)."""
        entry = cell.made_from
        self.cells[self.identity(entry.key, entry.priority)] = cell
        self.index.insert(entry.key, cell)
        if self.mirror is not None:
            self.mirror.follow(entry.key)

    def take(self, cell: Cell) -> None:
        """Unlink a cell."""
        entry = cell.made_from
        del self.cells[self.identity(entry.key, entry.priority)]
        self.index.remove(entry.key, cell)
        if self.mirror is not None:
            self.mirror.follow(entry.key)

    def modify(self, entry: TableEntry) -> tuple[Cell, Before]:
        """Replace the action of an entry and return its cell with what was there before."""
        self.check_key(entry.key)
        cell = self.cell(entry.key, entry.priority)
        if self.fixed:
            raise Immutable(self.name, "its content")
        fresh = Cell()
        self._resolve(fresh, entry.action)
        old = cell.made_from
        before = (self._kept(cell), old)
        cell.follow(fresh)
        cell.entry = replace(entry, key=old.key, priority=old.priority)
        return cell, before

    @staticmethod
    def _kept(cell: Cell) -> Cell:
        kept = Cell()
        kept.follow(cell)
        return kept

    def delete(self, key: Key, priority: int) -> Cell:
        """Remove an entry and return its cell."""
        self.check_key(key)
        cell = self.cell(key, priority)
        if self.fixed:
            raise Immutable(self.name, "its content")
        self.take(cell)
        return cell

    def set_default(self, action: EntryAction | None) -> None:
        """Set the action for a miss; None means no action at all."""
        cell = Cell()
        if action is not None:
            self._resolve(cell, action)
        self.fall_back(cell, action)

    def fall_back(self, cell: Cell, action: EntryAction | None) -> None:
        """Run a cell for a miss from now on."""
        self.default, self.default_action = cell, action
        if self.mirror is not None:
            self.mirror.fall_back(cell)

    def reflect(self) -> Mirror:
        """Have a look-up structure for machine code as well, from now on; the table is empty."""
        self.mirror = Mirror(self.index, self.widths)
        self.mirror.fall_back(self.default)
        return self.mirror

    def expired(self, now: int) -> list[TableEntry]:
        """Entries whose idle timeout has run out, each once since its last hit."""
        found = []
        for cell in self.cells.values():
            entry = cell.made_from
            if not entry.idle_timeout_ns or now - cell.last_hit < entry.idle_timeout_ns:
                continue
            if cell.reported != cell.last_hit:
                cell.reported = cell.last_hit
                found.append(entry)
        return found
