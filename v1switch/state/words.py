"""Numbers as 64-bit words in memory that machine code and Python see alike.

State that packets change lives in arrays of signed 64-bit words with one address for good, so that
both engines count in one place. What is wider than 63 bits takes 32-bit limbs, a word each, the
lowest first: sums of limbs then never overflow a word.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

WORD_BYTES = 8
SCALAR_BITS = 63  # the widest unsigned number in one word
LIMB_BITS = 32
LIMB = (1 << LIMB_BITS) - 1


def zeros(count: int) -> array[int]:
    """Make `count` words."""
    return array("q", bytes(WORD_BYTES * count))


def address(words: array[int]) -> int:
    """Where words lie, which holds until their number changes."""
    return words.buffer_info()[0]


def count(width: int) -> int:
    """How many words an unsigned number of `width` bits takes."""
    return 1 if width <= SCALAR_BITS else (width + LIMB_BITS - 1) // LIMB_BITS


def split(value: int, width: int) -> list[int]:
    """Words of an unsigned number of `width` bits."""
    if width <= SCALAR_BITS:
        return [value]
    return [value >> LIMB_BITS * n & LIMB for n in range(count(width))]


def join(words: Sequence[int]) -> int:
    """The number that `split` made words of."""
    return sum(word << LIMB_BITS * n for n, word in enumerate(words))


def limbs(values: Iterable[int], widths: Sequence[int]) -> list[int]:
    """Words of several unsigned numbers in a row."""
    return [
        word for value, width in zip(values, widths, strict=True) for word in split(value, width)
    ]
