"""Look-ups in tables and parser value sets whose memory `mirror` lays out.

A result is the address of a cell's words, or 0 for a miss. `key` is the address of the key's words.
"""

from __future__ import annotations

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import word
from v1switch.state.lookup import PRIORITY, SEQUENCE
from v1switch.state.mirror import (
    FIELDS,
    FIELDS_AT,
    FREE,
    GONE,
    GROUP_MASK,
    GROUPS,
    GROUPS_AT,
    LAST_SLOT,
    MULTIPLIER,
    SLOTS_AT,
    TOP_PRIORITY,
)

_HALF = 0xFFFFFFFF
_FACTOR = MULTIPLIER - (1 << 64)


@kernel
def hash_words(key: int, mask: int, count: int) -> int:
    """`mirror.hash_of` of `count` words at `key`, each under its mask."""
    state = 0
    for n in range(count):
        state = (state ^ (word(key + 8 * n) & word(mask + 8 * n))) * _FACTOR
        state ^= state >> 32 & _HALF
    return state


@kernel
def probe(group: int, key: int, count: int) -> int:
    """Look a masked key up in one hash table."""
    mask = group + 8 * GROUP_MASK
    last, slots = word(group + 8 * LAST_SLOT), word(group + 8 * SLOTS_AT)
    slot = hash_words(key, mask, count) & last
    while True:
        at = slots + 8 * (1 + count) * slot
        cell = word(at)
        if cell == FREE:
            return 0
        if cell != GONE:
            same = True
            for n in range(count):
                if word(at + 8 + 8 * n) != word(key + 8 * n) & word(mask + 8 * n):
                    same = False
                    break
            if same:
                return cell
        slot = slot + 1 & last


@kernel
def find_first(table: int, key: int, count: int) -> int:
    """Find the first hit: exact and LPM tables."""
    group = word(table + 8 * GROUPS_AT)
    for _ in range(word(table + 8 * GROUPS)):
        cell = probe(group, key, count)
        if cell != 0:
            return cell
        group += 8 * (GROUP_MASK + count)
    return 0


@kernel
def find_best(table: int, key: int, count: int) -> int:
    """Find the hit of highest precedence: ternary tables."""
    group, best = word(table + 8 * GROUPS_AT), 0
    priority = sequence = -1
    for _ in range(word(table + 8 * GROUPS)):
        if word(group + 8 * TOP_PRIORITY) < priority:
            break
        cell = probe(group, key, count)
        if cell != 0:
            p, s = word(cell + 8 * PRIORITY), word(cell + 8 * SEQUENCE)
            if p > priority or (p == priority and s < sequence):
                best, priority, sequence = cell, p, s
        group += 8 * (GROUP_MASK + count)
    return best


@kernel
def _field_matches(row: int, key: int, count: int) -> bool:
    """Whether a field of `count` words, lowest limb first, lies in its row's range and mask."""
    above = below = True  # low <= key, key <= high, in the limbs seen so far
    for n in range(count):
        part = word(key + 8 * n)
        at = row + 32 * n
        if part & word(at) != word(at + 8):
            return False
        low, high = word(at + 16), word(at + 24)
        above = part > low or (part == low and above)
        below = part < high or (part == high and below)
    return above and below


@kernel
def find_listed(table: int, key: int, count: int) -> int:
    """Find the first row that matches: tables with ranges."""
    row = word(table + 8 * GROUPS_AT)
    fields, widths = word(table + 8 * FIELDS), word(table + 8 * FIELDS_AT)
    for _ in range(word(table + 8 * GROUPS)):
        at, part, inside = row + 8, key, True
        for n in range(fields):
            words = word(widths + 8 * n)
            if not _field_matches(at, part, words):
                inside = False
                break
            at += 32 * words
            part += 8 * words
        if inside:
            return word(row)
        row += 8 + 32 * count
    return 0


@kernel
def find_member(value_set: int, key: int, count: int) -> int:
    """1 when a value set holds a key, 0 otherwise; the select's own mask follows the key."""
    at, mask = word(value_set + 8), key + 8 * count
    for _ in range(word(value_set)):
        same = True
        for n in range(count):
            under = word(mask + 8 * n)
            wanted = word(at + 16 * n) & under
            if word(key + 8 * n) & word(at + 16 * n + 8) & under != wanted:
                same = False
                break
        if same:
            return 1
        at += 16 * count
    return 0
