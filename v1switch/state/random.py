"""Random numbers of P4 programs: one generator, whose state both engines share.

It is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). Machine
code implements it as well (`engines/native/helpers/changes.py`), so that both engines draw the same
numbers from the same state.
"""

from __future__ import annotations

import secrets

from v1switch.state.words import zeros

DRAW_BITS = 64
_ONES = (1 << DRAW_BITS) - 1


def _signed(value: int) -> int:
    """The same 64 bits as a signed word."""
    return value - (1 << DRAW_BITS) if value >> (DRAW_BITS - 1) else value


GOLDEN = _signed(0x9E3779B97F4A7C15)
FIRST, SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


class Generator:
    """The generator of one program's state.

    Attributes:
        words: one word, the state.
    """

    def __init__(self, seed: int | None = None) -> None:
        """Start from a seed; without one from the system's entropy."""
        self.words = zeros(1)
        self.words[0] = _signed(secrets.randbits(DRAW_BITS) if seed is None else seed & _ONES)

    def draw(self) -> int:
        """Draw 64 bits."""
        state = self.words[0] + GOLDEN & _ONES
        self.words[0] = _signed(state)
        state = (state ^ state >> 30) * FIRST & _ONES
        state = (state ^ state >> 27) * SECOND & _ONES
        return state ^ state >> 31

    def between(self, low: int, high: int, draws: int) -> int:
        """A number in low..high, both included, from this many draws of 64 bits."""
        drawn = 0
        for _ in range(draws):
            drawn = drawn << DRAW_BITS | self.draw()
        return low + drawn % (high - low + 1)
