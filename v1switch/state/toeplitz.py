"""Toeplitz hashes with keys of their own (ToeplitzMgr in calculations.cpp of BMv2).

Each calculation of a program that names `toeplitz` has a key, which simple_switch_CLI sets by
`set_toeplitz_hash_key`. It is kept in words, which both engines read: how many words of 32 bits the
key has, then these.
"""

from __future__ import annotations

from functools import partial

from v1switch.errors import BadValue
from v1switch.program.hashes import toeplitz
from v1switch.state.words import zeros

UNIT = 4  # bytes: a key is a whole number of 32-bit words
MAX_KEY = 1024  # bytes; network cards have 40 or 52
KEY_AT = 1  # the place of the key's first word
DEFAULT = bytes(UNIT)  # BMv2's, of which every hash is 0


class Toeplitz:
    """The Toeplitz hash of one calculation.

    Attributes:
        name: of the calculation.
        algorithm: what it is called in programs.
        config: the key in force.
        words: what machine code reads.
        hash: the hash of bytes, for plain Python.
    """

    __slots__ = ("config", "hash", "name", "words")
    algorithm = "toeplitz"

    def __init__(self, name: str) -> None:
        """Start with BMv2's key."""
        self.name = name
        self.words = zeros(KEY_AT + MAX_KEY // UNIT)
        self.configure(DEFAULT)

    def configure(self, config: bytes) -> None:
        """Set the key; raises BadValue unless it is a number of 32-bit words."""
        if not config or len(config) % UNIT or len(config) > MAX_KEY:
            wanted = f"expected a multiple of {UNIT}, at most {MAX_KEY}"
            raise BadValue(self.name, f"a key of {len(config)} bytes, {wanted}")
        self.config = config
        key = [int.from_bytes(config[at : at + UNIT], "big") for at in range(0, len(config), UNIT)]
        for number, part in enumerate([len(key), *key]):
            self.words[number] = part
        self.hash = partial(toeplitz, key=key)

    def take_over(self, other: object) -> None:
        """Take over the key of another hash, if it has one."""
        if isinstance(other, Toeplitz):
            self.configure(other.config)
