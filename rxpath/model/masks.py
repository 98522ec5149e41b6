"""Sets of CPUs as bit masks, as /sys/class/net/*/queues/rx-*/rps_cpus holds them.

Masks are int64 whose bit c stands for CPU c; with CPU 63 they are negative.
"""

from __future__ import annotations

from collections.abc import Iterable

from rxpath.compile.jit import entry
from rxpath.model.hashes import reciprocal_scale
from rxpath.model.state.codes import MAX_CPUS

_WORD, _SIGN = 1 << 64, 1 << 63


def of_cpus(cpus: Iterable[int]) -> int:
    """The mask of these CPUs, each from 0 to 63."""
    mask = sum(1 << cpu for cpu in set(cpus))
    return mask - _WORD if mask & _SIGN else mask


@entry
def cpu_of(mask: int, hashed: int) -> int:
    """The CPU of a mask, which is not empty, that a 32-bit hash falls on.

    The mask's CPUs in ascending order are `rps_map.cpus` [net/core/net-sysfs.c, store_rps_map].
    """
    count = 0
    for cpu in range(MAX_CPUS):
        count += mask >> cpu & 1
    left = reciprocal_scale(hashed, count)
    cpu = 0
    while left > 0 or not mask >> cpu & 1:
        left -= mask >> cpu & 1
        cpu += 1
    return cpu
