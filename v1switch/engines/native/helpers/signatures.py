"""Names of the compiled helpers, with how many words each takes; all return one word."""

from __future__ import annotations

import struct

SIZE = struct.Struct("<Q")
"""How many bytes of bitcode come first when the compiled helpers are printed."""

SYMBOL = "v1switch."
"""Prefix of helpers' symbols."""

HELPERS = {  # called by programs
    "find_first": 3,
    "find_best": 3,
    "find_listed": 3,
    "find_member": 3,
    "change": 3,
    "offer": 5,
    "tally": 4,
    "colour": 4,
    "draw": 2,
    "put_raw": 3,
    "same_raw": 3,
    "put_bits": 4,
    "put_raw_bits": 4,
    "sum16": 2,
    "ones_complement": 1,
    "csum16": 2,
    "xor16": 2,
    "xor32": 2,
    "identity": 2,
    "hash_ex": 2,
    "toeplitz": 3,
    "crc8": 2,
    "crc16": 2,
    "ccitt": 2,
    "crc32": 2,
    "crc64": 2,
    "crc_custom": 4,
    "xxh64": 2,
}
LOOP = {
    "undo": 1,
    "carry": 1,
    "locate": 2,
    "finish": 2,
    "commit": 1,
    "release": 1,
    "take": 3,
    "next_due": 1,
    "transmit": 4,
    "drain": 2,
    "discard": 2,
}  # called by Python
