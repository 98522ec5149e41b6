"""Look-ups as words, which machine code reads: a reader in plain Python finds the same cells."""

import ctypes
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.v1switch.match_keys import fits, lpm, ternary
from v1switch.state.entries import CounterData, Exact, Key, Lpm
from v1switch.state.lookup import (
    PRIORITY,
    SEQUENCE,
    Cell,
    ExactIndex,
    Index,
    LpmIndex,
    TernaryIndex,
)
from v1switch.state.meters import Meter
from v1switch.state.mirror import (
    DEFAULT,
    FIELDS,
    FIELDS_AT,
    FREE,
    GONE,
    GROUP_MASK,
    GROUPS,
    GROUPS_AT,
    LAST_SLOT,
    SLOTS_AT,
    TOP_PRIORITY,
    Mirror,
)
from v1switch.state.words import address, limbs

WIDTHS = (8, 72)  # of one word, and of three


def word(at: int) -> int:
    return ctypes.c_int64.from_address(at).value


def words_at(at: int, number: int) -> list[int]:
    return [word(at + 8 * n) for n in range(number)]


def hashed(key: list[int]) -> int:
    """The hash of lookups.hash_words, a multiplication for each word."""
    state = 0
    for part in key:
        state = (state ^ part) * 0x9E3779B97F4A7C15 % 2**64
        state ^= state >> 32
    return state


def probed(group: int, key: list[int]) -> int:
    """The cell of a key in a group's hash table: every slot is looked at, and one may match."""
    width = len(key) + 1
    last, mask = word(group + 8 * LAST_SLOT), words_at(group + 8 * GROUP_MASK, len(key))
    masked = [part & bits for part, bits in zip(key, mask, strict=True)]
    slot, found = hashed(masked) & last, []
    for _ in range(last + 1):
        cell, *stored = words_at(word(group + 8 * SLOTS_AT) + 8 * width * slot, width)
        if cell == FREE:
            return found[0] if found else 0
        found += [cell] if cell != GONE and stored == masked else []
        slot = slot + 1 & last
    raise AssertionError("no free slot: machine code would look for ever")


def looked_up(table: int, key: list[int], is_ternary: bool) -> int:
    """The cell that machine code finds: the first hit, or in ternary tables the highest rank."""
    at, groups = word(table + 8 * GROUPS_AT), word(table + 8 * GROUPS)
    size = GROUP_MASK + len(key)
    hits = []
    for group in (at + 8 * size * n for n in range(groups)):
        if hits and is_ternary and word(group + 8 * TOP_PRIORITY) < hits[0][0]:
            break
        if cell := probed(group, key):
            hits.append((word(cell + 8 * PRIORITY), -word(cell + 8 * SEQUENCE), cell))
            if is_ternary:
                hits.sort(reverse=True)
    return hits[0][2] if hits else 0


BYTES, LONG = st.integers(0, 2), st.sampled_from([0, 1, 1 << 63, 1 << 71, (1 << 72) - 1])
KEYS: dict[str, tuple[type[Index], st.SearchStrategy[Key]]] = {
    "exact": (ExactIndex, st.tuples(st.builds(Exact, BYTES), st.builds(Exact, LONG))),
    "lpm": (LpmIndex, st.tuples(st.builds(Exact, BYTES), lpm(72, LONG))),
    "ternary": (
        TernaryIndex,
        st.tuples(ternary([0, 3], BYTES), ternary([0, 1 << 71, (1 << 72) - 1], LONG)),
    ),
}


@settings(max_examples=examples(150), deadline=None)
@given(st.data(), st.sampled_from(sorted(KEYS)))
def test_words_lead_to_the_cells_of_the_index(data: st.DataObject, kind: str) -> None:
    make, keys = KEYS[kind]
    index = make(WIDTHS)
    mirror, default = Mirror(index, WIDTHS), Cell()
    mirror.set_default(default)
    table, kept = address(mirror.words), []
    for number in range(data.draw(st.integers(0, 40))):
        if kept and data.draw(st.integers(0, 2)) == 0:
            key, cell = kept.pop(data.draw(st.integers(0, len(kept) - 1)))
            index.remove(key, cell)
        else:
            key, cell = data.draw(keys), Cell()
            if kind != "ternary" and any(key == other for other, _ in kept):
                continue
            cell.set_rank(data.draw(st.integers(0, 2)) if kind == "ternary" else 0, number)
            index.insert(key, cell)
            kept.append((key, cell))
        mirror.update(key)
    assert word(table + 8 * DEFAULT) == address(default.words)
    assert words_at(word(table + 8 * FIELDS_AT), word(table + 8 * FIELDS)) == [1, 3]
    for _ in range(6):
        value = (data.draw(BYTES), data.draw(LONG))
        hits = [
            (sum(m.prefix_len for m in key if isinstance(m, Lpm)), cell.rank, address(cell.words))
            for key, cell in kept
            if all(fits(m, part, w) for m, part, w in zip(key, value, WIDTHS, strict=True))
        ]
        expected = max(hits, default=(0, 0, 0))[2]
        parts = array("q", limbs(value, WIDTHS)).tolist()
        assert looked_up(table, parts, kind == "ternary") == expected


def test_words_of_a_cell_have_places_of_their_own() -> None:
    cell, member, meter = Cell(), Cell(), Meter(by_bytes=False, origin=0)
    assert cell.words.tolist() == [0, 0, 0, -1, address(cell.args), 0, 0, 0, 0, -1, 0]
    cell.set_action(7, (1, 2), (8, 72))
    cell.set_counter(CounterData(3, 4))
    cell.set_rank(5, 6)
    cell.point_at(member)
    cell.attach_meter(meter)
    assert cell.words.tolist()[:2] == [3, 4]
    assert cell.words.tolist()[3:] == [
        7, address(cell.args), address(meter.words), address(member.words), 5, 6, -1, 0,
    ]  # fmt: skip
    other = Cell()
    other.copy_action(cell)
    assert other.target is member
    assert (other.code, other.params, other.words[6]) == (7, (1, 2), address(member.words))
    other.point_at(None)
    assert other.words[6] == 0
