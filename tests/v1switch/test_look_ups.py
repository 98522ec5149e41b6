"""Generated look-ups against a plain search through all entries."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.v1switch.match_keys import between, fits, lpm, ternary
from tests.v1switch.twin import loaded
from v1switch.errors import DuplicateEntry, TableFull
from v1switch.state import lookup
from v1switch.state.entries import ActionCall, Exact, Key, Lpm, TableEntry, Ternary
from v1switch.state.lookup import ExactIndex, LpmIndex, TernaryIndex

WIDTHS = {"a": 8, "b": 16, "c": 8}
# few values, so that entries and keys meet often
A, B, C = (
    st.integers(0, 3),
    st.sampled_from([0, 1, 0x0100, 0x0101, 0xFF00, 0xFFFF]),
    st.integers(0, 2),
)


KINDS: dict[str, tuple[str, str, str, st.SearchStrategy[Key]]] = {
    "TableIngress.exactly": (
        *("found_exact", "ab", ""),
        st.tuples(st.builds(Exact, A), st.builds(Exact, B)),
    ),
    "TableIngress.longest": (
        *("found_longest", "bc", "longest"),
        st.tuples(lpm(16, B), st.builds(Exact, C)),
    ),
    "TableIngress.patterned": (
        *("found_ternary", "ab", "priority"),
        st.tuples(ternary([0, 1, 0xFF], A), ternary([0, 0xFF00, 0xFFFF], B)),
    ),
    "TableIngress.ranged": (
        *("found_range", "abc", "priority"),
        st.tuples(between(A), between(B), ternary([0, 0xFF], C)),
    ),
}
ORDER = list(KINDS)


def rank(how: str, number: int, entry: TableEntry) -> tuple[int, int]:
    """Larger wins; equal ones go to the older entry."""
    if how == "longest":
        return sum(m.prefix_len for m in entry.key if isinstance(m, Lpm)), -number
    return entry.priority, -number


def searched(table: str, entries: list[TableEntry], key: dict[str, int]) -> int:
    _, fields, how, _ = KINDS[table]
    found = [
        (rank(how, number, entry), entry)
        for number, entry in enumerate(entries)
        if all(fits(m, key[f], WIDTHS[f]) for m, f in zip(entry.key, fields, strict=True))
    ]
    if not found:
        return 0
    action = max(found, key=lambda pair: pair[0])[1].action
    assert isinstance(action, ActionCall)
    return action.params[0]


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_look_ups_find_what_a_search_finds(data: st.DataObject) -> None:
    dataplane = loaded("tables")
    kept: dict[str, list[TableEntry]] = {table: [] for table in KINDS}
    for table, (action, _, how, keys) in KINDS.items():
        for number in range(data.draw(st.integers(0, 6))):
            priority = data.draw(st.integers(1, 3)) if how == "priority" else 0
            call = ActionCall(f"TableIngress.{action}", (number + 1,))
            entry = TableEntry(data.draw(keys), call, priority)
            try:
                dataplane.insert_entry(table, entry)
            except DuplicateEntry:
                same = (e.key == entry.key and e.priority == priority for e in kept[table])
                assert any(same)
                continue
            kept[table].append(entry)
        for _ in range(data.draw(st.integers(0, len(kept[table])))):
            gone = kept[table].pop(data.draw(st.integers(0, len(kept[table]) - 1)))
            dataplane.delete_entry(table, gone.key, gone.priority)
        assert dataplane.entries(table) == kept[table]
    for _ in range(6):
        key = {"a": data.draw(A), "b": data.draw(B), "c": data.draw(C)}
        frame = bytes([key["a"], *key["b"].to_bytes(2, "big"), key["c"]])
        ((_, out),) = dataplane.process(1, frame)
        found = [int.from_bytes(out[n : n + 2], "big") for n in range(0, 8, 2)]
        assert found == [searched(table, kept[table], key) for table in ORDER]


def test_a_full_table_takes_no_more() -> None:
    dataplane = loaded("tables")
    make: Callable[[int], TableEntry] = lambda n: TableEntry(  # noqa: E731  # a short factory
        (Exact(n), Exact(n)), ActionCall("TableIngress.found_exact", (n,))
    )
    for number in range(8):
        dataplane.insert_entry("TableIngress.exactly", make(number))
    with pytest.raises(TableFull) as caught:
        dataplane.insert_entry("TableIngress.exactly", make(8))
    assert caught.value.size == 8


def test_a_look_up_does_not_grow_with_the_entries() -> None:
    dataplane = loaded("lookups")
    call = ActionCall("LookIngress.send", (1,))
    for n in range(2_000):
        key = n << 32
        for table, match in (("exact", Exact(key)), ("lpm", Lpm(key, 32 + n % 3))):
            dataplane.insert_entry(f"LookIngress.{table}_table", TableEntry((match,), call))
    tables = dataplane.state.tables
    exact, lpm = (tables[f"LookIngress.{name}_table"].index for name in ("exact", "lpm"))
    assert isinstance(exact, ExactIndex)
    assert isinstance(lpm, LpmIndex)
    assert len(exact.exact) == 2_000
    assert len(lpm.rows) == 3, "one look for each prefix length"


def test_deleting_from_the_top_does_not_look_at_all_entries() -> None:
    dataplane, looks = loaded("lookups"), 0
    call, table = ActionCall("LookIngress.send", (1,)), "LookIngress.ternary_table"
    entries = [TableEntry((Ternary(n << 8, 0xFFFF00),), call, n + 1) for n in range(2_000)]
    for entry in entries:
        dataplane.insert_entry(table, entry)
    index = dataplane.state.tables[table].index
    assert isinstance(index, TernaryIndex)
    rows = index.rows
    for entry in reversed(entries):
        dataplane.delete_entry(table, entry.key, entry.priority)
        if index.rows is not rows:  # rebuilt, by looking at all cells for the next best
            rows = index.rows
            looks += sum(len(best) for _, best, _ in rows)
    assert index.rows == ()
    assert looks <= 2 * len(entries)


def test_every_word_of_a_cell_has_one_meaning() -> None:
    meanings = (
        *(lookup.PACKETS, lookup.BYTES, lookup.LAST_HIT, lookup.CODE, lookup.ARGS, lookup.METER),
        *(lookup.TARGET, lookup.PRIORITY, lookup.SEQUENCE, lookup.PICKS, lookup.PICK),
    )
    assert sorted(meanings) == list(range(lookup.CELL_WORDS))
