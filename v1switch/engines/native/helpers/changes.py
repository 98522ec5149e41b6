"""Changes of state, which go through the undo log of the frame, and meters and random numbers."""

from __future__ import annotations

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import set_word, word
from v1switch.engines.native.output import MAX_UNDO, OVERFULL, UNDO, UNDO_AT
from v1switch.state import meters as mt
from v1switch.state.random import FIRST, GOLDEN, SECOND

_PICO = mt.US_PER_S


@kernel
def change(out: int, address: int, value: int) -> None:
    """Write a word of state and log its old value; without room in the log, only note that."""
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
    """`Meter.execute` of the meter at an address; 0 means no meter."""
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


@kernel
def draw(out: int, state: int) -> int:
    """64 random bits, as `state.random.Generator` draws them; `state` is its word's address."""
    drawn = word(state) + GOLDEN
    change(out, state, drawn)
    drawn = (drawn ^ (drawn >> 30 & (1 << 34) - 1)) * FIRST
    drawn = (drawn ^ (drawn >> 27 & (1 << 37) - 1)) * SECOND
    return drawn ^ (drawn >> 31 & (1 << 33) - 1)
