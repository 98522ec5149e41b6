"""Memory that Python and machine code share: arrays of signed 64-bit words.

State that packets change lives in such arrays, whose addresses never change, so that both engines
read and write the same memory. A number wider than 63 bits takes one word for each 32-bit limb,
the least significant first; sums of limbs then never overflow a word.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterable, Sequence

WORD_BYTES = 8
SCALAR_BITS = 63  # the widest unsigned number in one word
LIMB_BITS = 32
LIMB = (1 << LIMB_BITS) - 1
_CHUNK = 1 << 17  # words made at a time: other threads run in between


def zeros(count: int) -> array[int]:
    """An array of `count` words, all 0."""
    made = array("q", bytes(WORD_BYTES * min(count, _CHUNK)))
    while len(made) < count:
        made.frombytes(bytes(WORD_BYTES * min(count - len(made), _CHUNK)))
    return made


def overwrite(words: array[int], others: array[int]) -> None:
    """Copy words to the same places of another array, as far as both go."""
    common = min(len(words), len(others))
    with memoryview(words) as to, memoryview(others) as source:
        to[:common] = source[:common]


def address(words: array[int]) -> int:
    """The address of an array's first word; valid until the array is resized."""
    return words.buffer_info()[0]


def byte_address(memory: bytearray) -> int:
    """Where bytes lie, which must keep their size."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def count(width: int) -> int:
    """The number of words that an unsigned number of `width` bits takes."""
    return 1 if width <= SCALAR_BITS else (width + LIMB_BITS - 1) // LIMB_BITS


def split(value: int, width: int) -> list[int]:
    """An unsigned number of `width` bits as words."""
    if width <= SCALAR_BITS:
        return [value]
    return [value >> LIMB_BITS * n & LIMB for n in range(count(width))]


def join(words: Sequence[int]) -> int:
    """The number whose words are given; the inverse of `split`."""
    return sum(word << LIMB_BITS * n for n, word in enumerate(words))


def limbs(values: Iterable[int], widths: Sequence[int]) -> list[int]:
    """Several unsigned numbers as words, one after the other."""
    return [
        word for value, width in zip(values, widths, strict=True) for word in split(value, width)
    ]
