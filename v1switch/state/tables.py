"""Tables at run time: entries, default action and look-up structure."""

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
from v1switch.state.handles import EntryHandles
from v1switch.state.lookup import BYTES, INDEXES, LAST_HIT, PACKETS, Cell
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
"""A cell with the action that another cell had, and that cell's entry."""
Resolve = Callable[[Cell, EntryAction], None]
"""Fill a cell's code, parameters and target from an action; raises BadAction, EntryNotFound."""


class RuntimeTable:
    """The state of one table. Writers hold the lock; engines read `index` and `default`."""

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
        self.handles: EntryHandles[Cell] = EntryHandles(self.name)
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
        """What identifies an entry: the key, and the priority where the table has priorities."""
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
            cell.attach_meter(Meter(self._meter_by_bytes, now))
        self._sequence += 1
        # equal priorities: the older entry wins, as in BMv2's linear search
        cell.set_rank(entry.priority, self._sequence)
        cell.handle = self.handles.new()
        self.link(cell)
        return cell

    def link(self, cell: Cell) -> None:
        """Make an entry's cell part of the table."""
        entry = cell.public_entry
        self.cells[self.identity(entry.key, entry.priority)] = cell
        self.handles.hold(cell.handle, cell)
        self.index.insert(entry.key, cell)
        if self.mirror is not None:
            self.mirror.update(entry.key)

    def unlink(self, cell: Cell) -> None:
        """Take an entry's cell out of the table."""
        entry = cell.public_entry
        del self.cells[self.identity(entry.key, entry.priority)]
        self.handles.free(cell.handle)
        self.index.remove(entry.key, cell)
        if self.mirror is not None:
            self.mirror.update(entry.key)

    def modify(self, entry: TableEntry) -> tuple[Cell, Before]:
        """Replace an entry's action; returns its cell and what it was before.

        Raises:
            BadMatch, BadAction, EntryNotFound, Immutable: the entry does not fit or is const.
        """
        self.check_key(entry.key)
        cell = self.cell(entry.key, entry.priority)
        if self.fixed:
            raise Immutable(self.name, "its content")
        fresh = Cell()
        self._resolve(fresh, entry.action)
        old = cell.public_entry
        before = (self._copy_of(cell), old)
        cell.copy_action(fresh)
        cell.entry = replace(entry, key=old.key, priority=old.priority)
        return cell, before

    @staticmethod
    def _copy_of(cell: Cell) -> Cell:
        kept = Cell()
        kept.copy_action(cell)
        return kept

    def delete(self, key: Key, priority: int) -> Cell:
        """Remove an entry and return its cell; raises BadMatch, EntryNotFound, Immutable."""
        self.check_key(key)
        cell = self.cell(key, priority)
        if self.fixed:
            raise Immutable(self.name, "its content")
        self.unlink(cell)
        self.handles.expire(cell.handle)
        return cell

    def clear(self) -> list[Cell]:
        """Remove all entries and return their cells; handles start again. Raises Immutable."""
        if self.fixed:
            raise Immutable(self.name, "its content")
        cells = list(self.cells.values())
        for cell in cells:
            self.unlink(cell)
        self.handles = EntryHandles(self.name)
        return cells

    def set_default(self, action: EntryAction | None) -> None:
        """Set the default action; None means no action at all."""
        cell = Cell()
        if action is not None:
            self._resolve(cell, action)
        self.install_default(cell, action)

    def install_default(self, cell: Cell, action: EntryAction | None) -> None:
        """Run this cell, made from `action`, on a miss."""
        self.default, self.default_action = cell, action
        if self.mirror is not None:
            self.mirror.set_default(cell)

    def make_mirror(self) -> Mirror:
        """Keep the look-up structure of machine code as well; the table has to be empty."""
        self.mirror = Mirror(self.index, self.widths)
        self.mirror.set_default(self.default)
        return self.mirror

    def take_counts(self, old: RuntimeTable) -> None:
        """Take over the direct counters of another table's entries with the same keys."""
        for identity, cell in self.cells.items():
            before = old.cells.get(identity)
            if before is not None:
                cell.words[PACKETS], cell.words[BYTES] = before.words[PACKETS], before.words[BYTES]

    def expired(self, now: int) -> list[TableEntry]:
        """Entries whose idle timeout has expired at `now` (ns), each once since its last hit."""
        found = []
        for cell in self.cells.values():
            entry = cell.public_entry
            if not entry.idle_timeout_ns or now - cell.last_hit < entry.idle_timeout_ns:
                continue
            if cell.reported != cell.last_hit:
                cell.reported = cell.last_hit
                found.append(entry)
        return found
