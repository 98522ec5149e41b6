"""What generated machine code calls: look-ups, counting with an undo log, meters, hashes.

All take and give words; memory is passed by address. `out` is that of the words of `output`.
Numba compiles these once and links them into each program.
"""

from __future__ import annotations

import numpy as np

from v1switch.native.jit import kernel
from v1switch.native.memory import copy, put8, set_word, u8, u16, word
from v1switch.native.output import MAX_UNDO, OVERFULL, UNDO, UNDO_AT
from v1switch.state import meters as mt
from v1switch.state.lookup import PRIORITY, SEQUENCE
from v1switch.state.mirror import (
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
_PICO = mt.US_PER_S


@kernel
def hash_words(key: int, mask: int, count: int) -> int:
    """`index.hash_of` of `count` words at `key`, each under its mask."""
    state = 0
    for n in range(count):
        state = (state ^ (word(key + 8 * n) & word(mask + 8 * n))) * _FACTOR
        state ^= state >> 32 & _HALF
    return state


@kernel
def _probe(group: int, key: int, count: int) -> int:
    """Address of the cell of a masked key in one hash table, or 0."""
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
    """Address of the first hit's cell: exact and LPM tables. 0 for a miss."""
    group = word(table + 8 * GROUPS_AT)
    for _ in range(word(table + 8 * GROUPS)):
        cell = _probe(group, key, count)
        if cell != 0:
            return cell
        group += 8 * (GROUP_MASK + count)
    return 0


@kernel
def find_best(table: int, key: int, count: int) -> int:
    """Address of the best hit's cell: ternary tables. 0 for a miss."""
    group, best = word(table + 8 * GROUPS_AT), 0
    priority = sequence = -1
    for _ in range(word(table + 8 * GROUPS)):
        if word(group + 8 * TOP_PRIORITY) < priority:
            break
        cell = _probe(group, key, count)
        if cell != 0:
            p, s = word(cell + 8 * PRIORITY), word(cell + 8 * SEQUENCE)
            if p > priority or (p == priority and s < sequence):
                best, priority, sequence = cell, p, s
        group += 8 * (GROUP_MASK + count)
    return best


@kernel
def find_listed(table: int, key: int, count: int) -> int:
    """Address of the first row's cell that holds the key: range tables. 0 for a miss."""
    row = word(table + 8 * GROUPS_AT)
    for _ in range(word(table + 8 * GROUPS)):
        at, inside = row + 8, True
        for n in range(count):
            part = word(key + 8 * n)
            if part & word(at) != word(at + 8) or not word(at + 16) <= part <= word(at + 24):
                inside = False
            at += 32
        if inside:
            return word(row)
        row = at
    return 0


@kernel
def change(out: int, address: int, value: int) -> None:
    """Write a word of state, remembering what was there; without room, only say so."""
    count = word(out + 8 * UNDO)
    if count == word(out + 8 * MAX_UNDO):
        set_word(out + 8 * OVERFULL, 1)
        return
    at = word(out + 8 * UNDO_AT) + 16 * count
    set_word(at, address)
    set_word(at + 8, word(address))
    set_word(out + 8 * UNDO, count + 1)
    set_word(address, value)


@kernel
def undo(out: int) -> None:
    """Take back all changes of state, the last one first."""
    for n in range(word(out + 8 * UNDO) - 1, -1, -1):
        at = word(out + 8 * UNDO_AT) + 16 * n
        set_word(word(at), word(at + 8))
    set_word(out + 8 * UNDO, 0)


@kernel
def tally(out: int, packets: int, octets: int, length: int) -> None:
    """Count one packet of `length` bytes in the words at two addresses."""
    change(out, packets, word(packets) + 1)
    change(out, octets, word(octets) + length)


@kernel
def _bucket(out: int, at: int, earned: int, amount: int, which: int) -> bool:
    """Fill a bucket (0 committed, 1 peak) and take `amount` out of it if that is there."""
    size = word(at + 8 * (mt.CBURST + 2 * which))
    tokens, seen = at + 8 * (mt.C_TOKENS + which), at + 8 * (mt.C_SEEN + which)
    held = min(word(tokens) + earned - word(seen), size)
    change(out, seen, earned)
    change(out, tokens, held if held < amount else held - amount)
    return held >= amount


@kernel
def colour(out: int, at: int, length: int, now: int) -> int:
    """`Meter.execute` of the meter at an address; 0 stands for no meter."""
    if at == 0 or word(at + 8 * mt.CONFIGURED) == 0:
        return mt.GREEN
    amount = length if word(at + 8 * mt.BY_BYTES) != 0 else 1
    elapsed = (now - word(at + 8 * mt.ORIGIN)) // mt.NS_PER_US
    seconds, rest = elapsed // _PICO, elapsed % _PICO  # a product of rate and time could overflow
    rate = word(at + 8 * mt.PIR)
    if not _bucket(out, at, seconds * rate + rest * rate // _PICO, amount, 1):
        return mt.RED
    rate = word(at + 8 * mt.CIR)
    if not _bucket(out, at, seconds * rate + rest * rate // _PICO, amount, 0):
        return mt.YELLOW
    return mt.GREEN


# -- bytes -----------------------------------------------------------------------------------------


@kernel
def put_raw(to: int, frame: int, start: int, size: int) -> None:
    """Copy bytes of the frame from `start` on; zeros when that is negative."""
    if start < 0:
        for n in range(size):
            put8(to + n, 0)
    else:
        copy(to, frame + start, size)


@kernel
def same_raw(frame: int, a: int, b: int, size: int) -> bool:
    """Whether `put_raw` gives the same bytes for two starts."""
    for n in range(size):
        x = u8(frame + a + n) if a >= 0 else 0
        y = u8(frame + b + n) if b >= 0 else 0
        if x != y:
            return False
    return True


@kernel
def sum16(at: int, size: int) -> int:
    """Sum of big-endian 16-bit words, the last one zero-padded."""
    total = 0
    for n in range(size // 2):
        total += u16(at + 2 * n)
    return total + (u8(at + size - 1) << 8 if size % 2 else 0)


@kernel
def ones_complement(total: int) -> int:
    """The Internet checksum of a sum of 16-bit words (RFC 1071)."""
    rest = total % 65535
    return 65535 - rest if total == 0 or rest != 0 else 0


@kernel
def shifted(value: int, amount: int) -> int:
    """`value` shifted left, modulo 2**64."""
    return value << amount if amount < 64 else 0


@kernel
def signed(value: int, width: int) -> int:
    """Two's complement of `width` < 64 bits."""
    half = 1 << (width - 1)
    return ((value + half) & ((1 << width) - 1)) - half


# -- hashes: those of v1switch.program.hashes, of `size` bytes at an address -----------------------


def _reflected(polynomial: int) -> np.ndarray:
    table = np.zeros(256, np.int64)
    for value in range(256):
        state = value
        for _ in range(8):
            state = state >> 1 ^ (polynomial if state & 1 else 0)
        table[value] = state
    return table


_CRC16, _CRC32 = _reflected(0xA001), _reflected(0xEDB88320)


@kernel
def crc16(at: int, size: int) -> int:
    """CRC-16/ARC."""
    state = 0
    for n in range(size):
        state = state >> 8 ^ _CRC16[(state ^ u8(at + n)) & 0xFF]
    return state


@kernel
def crc32(at: int, size: int) -> int:
    """CRC-32 of IEEE 802.3."""
    state = _HALF
    for n in range(size):
        state = state >> 8 ^ _CRC32[(state ^ u8(at + n)) & 0xFF]
    return state ^ _HALF


@kernel
def csum16(at: int, size: int) -> int:
    """The Internet checksum (RFC 1071)."""
    return ones_complement(sum16(at, size))


@kernel
def xor16(at: int, size: int) -> int:
    """XOR of big-endian 16-bit words, the last one zero-padded."""
    state = 0
    for n in range(size // 2):
        state ^= u16(at + 2 * n)
    return state ^ (u8(at + size - 1) << 8 if size % 2 else 0)


@kernel
def identity(at: int, size: int) -> int:
    """The first eight bytes as a number, modulo 2**64."""
    state = 0
    for n in range(min(size, 8)):
        state = state << 8 | u8(at + n)
    return state
