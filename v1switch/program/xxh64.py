"""XXH64 with seed 0, BMv2's own hash (the xxHash specification 0.1.1, "XXH64 algorithm")."""

from __future__ import annotations

PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_ONES = (1 << 64) - 1
_LANES, _STRIPE = 4, 32  # a stripe is 32 bytes, eight for each lane


def xxh64(data: bytes) -> int:
    """The hash of bytes, 64 bits."""
    one, two, three, four, five = PRIMES
    size, at = len(data), 0
    state = five
    if size >= _STRIPE:
        lanes = [one + two & _ONES, two, 0, -one & _ONES]
        for at in range(0, size - _STRIPE + 1, _STRIPE):
            for lane in range(_LANES):
                lanes[lane] = _round(lanes[lane], _number(data, at + 8 * lane, 8))
        at += _STRIPE
        state = sum(_rotated(v, by) for v, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _ONES
        for value in lanes:
            state = (state ^ _round(0, value)) * one + four & _ONES
    state = state + size & _ONES
    while at + 8 <= size:
        mixed = _rotated(state ^ _round(0, _number(data, at, 8)), 27)
        state, at = mixed * one + four & _ONES, at + 8
    if at + 4 <= size:
        mixed = _rotated(state ^ _number(data, at, 4) * one & _ONES, 23)
        state, at = mixed * two + three & _ONES, at + 4
    for byte in data[at:]:
        state = _rotated(state ^ byte * five & _ONES, 11) * one & _ONES
    state = (state ^ state >> 33) * two & _ONES
    state = (state ^ state >> 29) * three & _ONES
    return state ^ state >> 32


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _ONES


def _round(lane: int, number: int) -> int:
    return _rotated(lane + number * PRIMES[1] & _ONES, 31) * PRIMES[0] & _ONES
