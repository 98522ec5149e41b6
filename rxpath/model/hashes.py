"""Hash functions of the kernel that steering policies use; all on unsigned 32-bit integers."""

from __future__ import annotations

from rxpath.compile.jit import entry

GOLDEN_RATIO_32 = 0x61C88647  # include/linux/hash.h


@entry
def hash_32(value: int, bits: int) -> int:
    """Multiplicative hash, the high ``bits`` of the product [include/linux/hash.h]."""
    return ((value & 0xFFFFFFFF) * GOLDEN_RATIO_32 & 0xFFFFFFFF) >> (32 - bits)


@entry
def reciprocal_scale(value: int, count: int) -> int:
    """A 32-bit hash to 0 <= n < count without a division [include/linux/kernel.h]."""
    return ((value & 0xFFFFFFFF) * count) >> 32
